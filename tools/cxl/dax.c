// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include "cxl-cli.h"

static void read_dax(struct dax *dax, const char *region, const char *name)
{
	snprintf(dax->name, sizeof(dax->name), "%.63s", name);
	snprintf(dax->device, sizeof(dax->device), "dax_%.32s/%s", region, dax->name);
	if (!sysfs_driver(dax->device, dax->driver, sizeof(dax->driver)))
		dax->driver[0] = '\0';
	if (!sysfs_attr(dax->device, "uuid", dax->uuid, sizeof(dax->uuid)))
		dax->uuid[0] = '\0';
}

/**
 * for_each_dax - the dax devices of a region, until one is what is looked for
 * @region: its name
 * @fn: called for each
 * @arg: for @fn
 *
 * Return: what @fn has returned, when that was not 0; else 0.
 */
int for_each_dax(const char *region, int (*fn)(const struct dax *dax, void *arg),
		 void *arg)
{
	struct dirent *entry;
	char path[256];
	struct dax dax;
	DIR *devices;
	int rc = 0;

	devices = sysfs_path(path, sizeof(path), "devices/dax_%s", region) ?
		  NULL : opendir(path);
	if (!devices)
		return 0;
	while (!rc && (entry = readdir(devices))) {
		if (strncmp(entry->d_name, "dax", 3) || !strchr(entry->d_name, '.'))
			continue;
		read_dax(&dax, region, entry->d_name);
		rc = fn(&dax, arg);
	}
	closedir(devices);
	return rc;
}

static int keep_first(const struct dax *dax, void *arg)
{
	*(struct dax *)arg = *dax;
	return 1;
}

/**
 * first_dax - a dax device of a region
 * @region: its name
 * @dax: result
 *
 * Return: false when there is none.
 */
bool first_dax(const char *region, struct dax *dax)
{
	return for_each_dax(region, keep_first, dax);
}

static int is_kmem(const struct dax *dax, void *arg)
{
	(void)arg;
	return !strcmp(dax->driver, "kmem");
}

/**
 * region_has_kmem - has kmem a dax device of a region
 * @region: its name
 *
 * Return: true if it has one.
 */
bool region_has_kmem(const char *region)
{
	return for_each_dax(region, is_kmem, NULL);
}

/**
 * region_node - the NUMA node that the memory of a region is, or will be, on
 * @region: its name
 * @node: result
 *
 * Return: false when nobody knows.
 */
bool region_node(const char *region, unsigned long long *node)
{
	char device[64];
	struct dax dax;

	snprintf(device, sizeof(device), "sysram_%.32s", region);
	return sysfs_number(device, "target_node", node) ||
	       (first_dax(region, &dax) &&
		sysfs_number(dax.device, "target_node", node));
}
