// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "list.h"

/*
 * What stands in the way on this machine: the kernel, and whatever else puts memory
 * online before an administrator has said what it is to be.
 */

static void check_kernel(void)
{
	char path[256], word[64];

	if (!sysfs_path(path, sizeof(path), "drivers/sysram_region") && !sysfs_exists(path)) {
		puts("this kernel has no sysram_region (CONFIG_CXL_SYSRAM): cxl and daxctl are what there is");
		return;
	}
	if (!system_path(path, sizeof(path), "sys/module/cxl_core/parameters/region_driver") &&
	    !sysfs_read(path, word, sizeof(word)) && strcmp(word, "sysram_region"))
		printf("regions that firmware has set up go to %s at boot (cxl_core.region_driver=)\n",
		       word);
}

static void check_auto_online(void)
{
	char path[256], word[64];

	if (!system_path(path, sizeof(path), "sys/devices/system/memory/auto_online_blocks") &&
	    !sysfs_read(path, word, sizeof(word)) && strcmp(word, "offline"))
		printf("memory that kmem adds is put online at once: %s (memhp_default_state=, auto_online_blocks); sysram_region does not heed that\n",
		       word);
}

/* A rule about memory blocks that writes their state */
static bool has_rule(const char *path)
{
	char *line = NULL;
	bool found = false;
	size_t size = 0;
	FILE *rules = fopen(path, "re");

	while (rules && getline(&line, &size, rules) > 0)
		found |= line[0] != '#' && strstr(line, "\"memory\"") &&
			 strstr(line, "ATTR{state}") && strstr(line, "online");
	free(line);
	if (rules)
		fclose(rules);
	return found;
}

static void check_rules(void)
{
	static const char *const folders[] = {
		"etc/udev/rules.d", "run/udev/rules.d", "usr/lib/udev/rules.d",
	};
	char folder[PATH_MAX], path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		dir = system_path(folder, sizeof(folder), "%s", folders[i]) ? NULL : opendir(folder);
		while (dir && (entry = readdir(dir)))
			if (!system_path(path, sizeof(path), "%s/%s", folders[i], entry->d_name) &&
			    has_rule(path))
				printf("/%s/%s puts memory blocks online as they appear: use hotplug=never for what is to stay offline\n",
				       folders[i], entry->d_name);
		if (dir)
			closedir(dir);
	}
}

/* What firmware has locked cannot be changed before the next boot */
static void check_locked(struct cxl_ctx *ctx)
{
	struct cxl_decoder *decoder;
	struct cxl_memdev *memdev;
	unsigned long long locked;

	cxl_memdev_foreach(ctx, memdev) {
		struct cxl_endpoint *endpoint = cxl_memdev_get_endpoint(memdev);

		if (!endpoint)
			continue;
		cxl_decoder_foreach(cxl_endpoint_get_port(endpoint), decoder)
			if (sysfs_number(cxl_decoder_get_devname(decoder), "locked", &locked) &&
			    locked)
				printf("%s of %s is locked by firmware: its region cannot be destroyed\n",
				       cxl_decoder_get_devname(decoder),
				       cxl_memdev_get_devname(memdev));
	}
}

/**
 * obstacles - what stands in the way on this machine, a line each
 * @ctx: of libcxl
 */
void obstacles(struct cxl_ctx *ctx)
{
	check_kernel();
	check_auto_online();
	check_rules();
	if (ctx)
		check_locked(ctx);
}
