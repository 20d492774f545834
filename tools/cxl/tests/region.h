/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CXL_CLI_TESTS_REGION_H
#define CXL_CLI_TESTS_REGION_H

#include <errno.h>
#include "../list.h"
#include "../request.h"
#include "check.h"

/* In place of that of select.c */
int for_each_selected(struct cxl_ctx *ctx, const struct selection *selection,
		      region_fn fn, void *arg, int *done)
{
	int rc = 0, one;

	(void)ctx;
	*done = 0;
	if (selection->memdev && !strcmp(selection->memdev, "mem0"))
		return fn("region0", arg);
	for (int i = 0; i < selection->nr; i++) {
		if (strncmp(selection->names[i], "region", 6))
			continue;
		one = fn(selection->names[i], arg);
		if (!one)
			(*done)++;
		else if (!rc)
			rc = one == -ENODEV ? -ENXIO : one;
	}
	return rc ?: selection->nr ? rc : -ENODEV;
}

#define CXL "sys/bus/cxl/devices/"

static inline void put_cxl(const char *device, const char *name, const char *value)
{
	char path[256];

	snprintf(path, sizeof(path), CXL "%s/%s", device, name);
	put(path, value);
}

static inline void link_driver(const char *device, const char *driver)
{
	char path[PATH_MAX], target[256];

	snprintf(path, sizeof(path), "%s/" CXL "%s/driver", root, device);
	snprintf(target, sizeof(target), "../../drivers/%s", driver);
	unlink(path);
	if (driver[0] && symlink(target, path))
		abort();
}

struct call {
	int (*verb)(struct cxl_ctx *ctx, int argc, char **argv);
	char **argv;
};

static inline int call(void *arg)
{
	struct call *call = arg;
	int argc = 0;

	while (call->argv[argc])
		argc++;
	return call->verb(NULL, argc, call->argv);
}

#define CALL(fd, rc, fn, ...) \
	output_of(fd, call, &(struct call){ fn, (char *[]){ __VA_ARGS__, NULL } }, rc)

static inline bool is(const char *path, const char *value)
{
	char full[PATH_MAX], text[256];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return !sysfs_read(full, text, sizeof(text)) && !strcmp(text, value);
}

/* A static region of 1 GiB at 4 GiB, blocks of 128 MiB */
static inline void make_region(void)
{
	wipe();
	put("sys/devices/system/memory/block_size_bytes", "8000000\n");
	put_cxl("region0", "resource", "0x100000000\n");
	put_cxl("region0", "size", "0x40000000\n");
	put_cxl("region0", "mode", "ram\n");
	put_cxl("region0", "commit", "1\n");
	link_driver("region0", "sysram_region");
	put("sys/bus/cxl/drivers/sysram_region/bind", "");
	put_cxl("sysram_region0", "hotplug", "none\n");
	put_cxl("sysram_region0", "state", "unplugged\n");
	put_cxl("sysram_region0", "size", "1073741824\n");
	put_cxl("sysram_region0", "plugged_size", "0\n");
	put_cxl("sysram_region0", "target_node", "1\n");
	put_cxl("sysram_region0", "memmap_on_memory", "1\n");
	put("sys/module/memory_hotplug/parameters/memmap_on_memory", "N\n");
}

static inline void make_block(int nr, const char *state, const char *zone)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/devices/system/memory/memory%d/state", nr);
	put(path, state);
	snprintf(path, sizeof(path), "sys/devices/system/memory/memory%d/valid_zones", nr);
	put(path, zone);
}

#endif
