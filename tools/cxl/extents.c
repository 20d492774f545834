// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cxl-cli.h"

static int read_extent(struct extent *extent, const char *name)
{
	static const char null[] = "00000000-0000-0000-0000-000000000000";
	char path[512], value[64];

	snprintf(extent->name, sizeof(extent->name), "%.63s", name);
	if (sysfs_path(path, sizeof(path), "devices/%s/offset", name) ||
	    sysfs_read(path, value, sizeof(value)))
		return -ENOENT;
	extent->offset = strtoull(value, NULL, 0);
	if (sysfs_path(path, sizeof(path), "devices/%s/length", name) ||
	    sysfs_read(path, value, sizeof(value)))
		return -ENOENT;
	extent->length = strtoull(value, NULL, 0);
	if (sysfs_path(path, sizeof(path), "devices/%s/uuid", name) ||
	    sysfs_read(path, extent->tag, sizeof(extent->tag)))
		return -ENOENT;
	if (!strcmp(extent->tag, null))
		extent->tag[0] = '\0';
	if (sysfs_path(path, sizeof(path), "devices/%s/state", name))
		return -ENOENT;
	return sysfs_read(path, extent->state, sizeof(extent->state));
}

/**
 * for_each_extent - the extents of a region, by their numbers
 * @region: its name
 * @fn: called for each; one that goes meanwhile is left out
 * @arg: for @fn
 *
 * Return: 0; what @fn has returned last that was not 0; or why they cannot be found.
 */
int for_each_extent(const char *region,
		    int (*fn)(const struct extent *extent, void *arg), void *arg)
{
	char path[256], prefix[32];
	struct dirent **entries;
	struct extent extent;
	int nr, rc;

	snprintf(prefix, sizeof(prefix), "extent%s.", region + strlen("region"));
	rc = sysfs_path(path, sizeof(path), "devices");
	if (rc)
		return rc;
	nr = scandir(path, &entries, NULL, versionsort);
	if (nr < 0)
		return -errno;
	for (int i = 0; i < nr; i++) {
		if (!strncmp(entries[i]->d_name, prefix, strlen(prefix)) &&
		    !read_extent(&extent, entries[i]->d_name))
			rc = fn(&extent, arg) ?: rc;
		free(entries[i]);
	}
	free(entries);
	return rc;
}
