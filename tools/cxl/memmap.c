// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cxl-cli.h"

/*
 * What plugging costs: the kernel keeps 64 bytes for every page, the memmap. That is
 * 1.6 % of what is plugged, and comes out of memory that the kernel can use for itself
 * (not of ZONE_MOVABLE), unless it is put on what is plugged.
 */

#define STRUCT_PAGE_SIZE 64

/* Of what the kernel could use for itself, what a memmap may take */
#define MEMMAP_PERCENT 80

/* /proc/zoneinfo: pages of the zones that are not for movable memory alone */
static unsigned long long kernel_pages(FILE *zoneinfo)
{
	static const char *const counters[] = {
		"pages free", "nr_zone_inactive_file", "nr_zone_active_file",
	};
	unsigned long long pages = 0;
	char *line = NULL, *zone, *at;
	bool usable = false;
	size_t size = 0;

	while (getline(&line, &size, zoneinfo) > 0) {
		zone = strstr(line, ", zone ");
		if (!strncmp(line, "Node ", 5) && zone)
			usable = !strstr(zone, "Movable") && !strstr(zone, "Device");
		for (size_t i = 0; usable && i < sizeof(counters) / sizeof(*counters); i++) {
			at = strstr(line, counters[i]);
			if (at)
				pages += strtoull(at + strlen(counters[i]), NULL, 10);
		}
	}
	free(line);
	return pages;
}

/* What the kernel could use for itself, bytes; or 0 when that is not known */
static unsigned long long kernel_memory(void)
{
	unsigned long long pages;
	char path[256];
	FILE *zoneinfo;

	if (system_path(path, sizeof(path), "proc/zoneinfo"))
		return 0;
	zoneinfo = fopen(path, "re");
	if (!zoneinfo)
		return 0;
	pages = kernel_pages(zoneinfo);
	fclose(zoneinfo);
	return pages * sysconf(_SC_PAGESIZE);
}

unsigned long long memmap_size(unsigned long long length)
{
	return length / sysconf(_SC_PAGESIZE) * STRUCT_PAGE_SIZE;
}

/* Does the kernel put it on what is plugged, for those that ask for it? */
static bool kernel_allows(void)
{
	char path[256], value[32];

	return !system_path(path, sizeof(path),
			    "sys/module/memory_hotplug/parameters/memmap_on_memory") &&
	       !sysfs_read(path, value, sizeof(value)) &&
	       strcmp(value, "N") && strcmp(value, "0");
}

/* Is it put on what is plugged? */
bool memmap_on_memory(const char *region)
{
	char device[64], value[32];

	snprintf(device, sizeof(device), "sysram_%s", region);
	return sysfs_attr(device, "memmap_on_memory", value, sizeof(value)) &&
	       !strcmp(value, "1") && kernel_allows();
}

/**
 * memmap_set - put the memmap of a region on it, or not
 * @verb: for messages
 * @region: its name
 * @value: "0" or "1"
 *
 * Return: 0; an errno, and it has been said, unless it is so anyway.
 */
int memmap_set(const char *verb, const char *region, const char *value)
{
	char device[64], now[8];
	int rc;

	snprintf(device, sizeof(device), "sysram_%s", region);
	if (sysfs_attr(device, "memmap_on_memory", now, sizeof(now)) && !strcmp(now, value))
		return 0;
	rc = sysfs_attr_write(device, "memmap_on_memory", value);
	if (rc)
		say_error(verb, -rc, "%s: memmap_on_memory %s", region, value);
	return rc;
}

/**
 * memmap_fits - is there memory for the memmap of what is to be plugged?
 * @verb: for messages
 * @region: its name
 * @bytes: that are to be plugged, 0 for all that is not
 *
 * Return: 0; -ENOSPC, with the numbers, when plugging would exhaust what the kernel
 * has for itself.
 */
int memmap_fits(const char *verb, const char *region, unsigned long long bytes)
{
	unsigned long long size, plugged, cost, has;
	char device[64], needed[32], there[32];

	snprintf(device, sizeof(device), "sysram_%s", region);
	if (memmap_on_memory(region) || !sysfs_number(device, "size", &size) ||
	    !sysfs_number(device, "plugged_size", &plugged) || plugged > size)
		return 0;
	cost = memmap_size(bytes ? bytes : size - plugged);
	has = kernel_memory();
	if (!has || cost <= has / 100 * MEMMAP_PERCENT)
		return 0;
	format_size(cost, needed, sizeof(needed));
	format_size(has, there, sizeof(there));
	say("%s: %s: its memmap takes %s of the %s that the kernel has for itself (--force: do it all the same)",
	    verb, region, needed, there);
	if (kernel_allows())
		say("  it can be put on the memory: echo 1 > /sys/bus/cxl/devices/%s/memmap_on_memory",
		    device);
	else
		say("  it can be put on the memory, if booted with memory_hotplug.memmap_on_memory=1");
	return -ENOSPC;
}
