// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cxl-cli.h"

/*
 * How far a device, or a region, is on its way to being memory:
 *
 *   0  not there
 *   1  there, but its memdev is disabled
 *   2  its memdev is enabled, but there is no enabled region
 *   3  there is an enabled region, but none of its memory, or not all, is online
 *   4  online
 *
 * and the one reason that keeps it from being more.
 */

static int because(struct level *level, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int because(struct level *level, int number, const char *format, ...)
{
	va_list args;

	level->number = number;
	va_start(args, format);
	vsnprintf(level->reason, sizeof(level->reason), format, args);
	va_end(args);
	return number;
}

/* There are no memory blocks, then why? */
static int not_plugged(struct level *level, const char *region, bool sysram)
{
	char device[64], path[256], hotplug[32] = "";
	unsigned long long size = 0;
	bool dynamic, is_dax;
	struct dax dax;

	/* What is DAX there has a tag, and is no obstacle for the others */
	snprintf(device, sizeof(device), "sysram_%s", region);
	dynamic = !sysfs_path(path, sizeof(path), "devices/%s/release_extent", device) &&
		  sysfs_exists(path);
	is_dax = !dynamic && first_dax(region, &dax);
	if (sysram) {
		sysfs_attr(device, "hotplug", hotplug, sizeof(hotplug));
		sysfs_number(device, "size", &size);
	}
	if (is_dax && dax.driver[0] && strcmp(dax.driver, "kmem"))
		return because(level, 3, "it is DAX: /dev/%s", dax.name);
	if (!strcmp(hotplug, "never"))
		return because(level, 3, "it is guarded: hotplug is never");
	if (sysram && !size)
		return because(level, 3, "it has no capacity yet");
	if (dynamic)
		return because(level, 3, "its capacity is held, or has tags: cxl-cli list -N -r %s",
			       region);
	if (sysram && !is_dax)
		return because(level, 3, "it is held: cxl-cli plug %s", region);
	if (is_dax && !strcmp(dax.driver, "kmem"))
		return because(level, 3, "it is unplugged: cxl-cli plug %s", region);
	if (is_dax)
		return because(level, 3, "%s has no memory: daxctl reconfigure-device -m system-ram %s",
			       dax.name, dax.name);
	return because(level, 3, "it has no dax device: modprobe dax_cxl");
}

static int partly(struct level *level, const char *region, bool sysram,
		  const struct blocks *blocks, unsigned long long size)
{
	char online[32], all[32];
	struct dax dax;

	if (!blocks->online && !sysram && first_dax(region, &dax))
		return because(level, 3, "it is offline: daxctl online-memory %s", dax.name);
	if (!blocks->online)
		return because(level, 3, "it is offline: cxl-cli plug %s", region);
	format_size(blocks->online, online, sizeof(online));
	format_size(size, all, sizeof(all));
	return because(level, 3, "%s of %s are online", online, all);
}

/**
 * region_level - how far a region is
 * @region: its name
 * @level: result
 *
 * Return: the number, or -1 when this is no region that could become memory.
 */
int region_level(const char *region, struct level *level)
{
	unsigned long long start, size, commit = 0;
	char driver[64], device[64], mode[32];
	struct blocks blocks;
	bool sysram;

	level->reason[0] = '\0';
	if (!sysfs_number(region, "resource", &start) ||
	    !sysfs_number(region, "size", &size) ||
	    (sysfs_attr(region, "mode", mode, sizeof(mode)) && !strcmp(mode, "pmem")))
		return -1;
	if (!sysfs_number(region, "commit", &commit) || !commit)
		return because(level, 2, "its decoders are not committed: echo 1 > /sys/bus/cxl/devices/%s/commit",
			       region);
	if (!sysfs_driver(region, driver, sizeof(driver)))
		return because(level, 2, "it is disabled: cxl-cli enable-region --driver=sysram %s", region);

	sysram = !strcmp(driver, "sysram_region");
	blocks_of(start, size, &blocks);
	if (!blocks.present)
		return not_plugged(level, region, sysram);
	snprintf(device, sizeof(device), "sysram_%s", region);
	/* kmem leaves out what is no whole block */
	if (!sysram || !sysfs_number(device, "size", &size))
		size = blocks.present;
	if (blocks.online < size)
		return partly(level, region, sysram, &blocks, size);
	level->number = 4;
	return 4;
}

struct best {
	struct level *level;
	bool found;
};

static int keep_best(const char *region, void *arg)
{
	struct best *best = arg;
	struct level level;

	if (region_level(region, &level) < 0)
		return 0;
	if (!best->found || level.number > best->level->number)
		*best->level = level;
	best->found = true;
	return 0;
}

static bool has_partition(const char *memdev, const char *partition)
{
	unsigned long long size;
	char device[128];

	snprintf(device, sizeof(device), "%s/%s", memdev, partition);
	return sysfs_number(device, "size", &size) && size;
}

/**
 * memdev_in_vain - is a memdev there, and has nothing that could become memory?
 * @memdev: its name
 *
 * Return: true for one with persistent memory only; what is disabled may have other.
 */
bool memdev_in_vain(const char *memdev)
{
	char driver[64];

	return sysfs_driver(memdev, driver, sizeof(driver)) && !has_partition(memdev, "ram") &&
	       !has_partition(memdev, "dynamic_ram_1");
}

/**
 * memdev_level - how far a memdev is, that is, the furthest of its regions
 * @ctx: of libcxl
 * @memdev: its name
 * @level: result
 *
 * Return: the number, or -1 when it has nothing that could become memory.
 */
int memdev_level(struct cxl_ctx *ctx, const char *memdev, struct level *level)
{
	struct selection all = { .names = (char *[]){ "all" }, .nr = 1,
				 .memdev = memdev };
	struct best best = { .level = level };
	char driver[64];
	int done;

	level->reason[0] = '\0';
	if (!sysfs_driver(memdev, driver, sizeof(driver)))
		return because(level, 1, "it is disabled: cxl enable-memdev %s", memdev);
	if (memdev_in_vain(memdev))
		return -1;
	for_each_selected(ctx, &all, keep_best, &best, &done);
	if (!best.found)
		return because(level, 2, "it has no region: cxl-cli create-region --driver=sysram%s -m %s",
			       has_partition(memdev, "ram") ? "" : " -t dynamic_ram_1", memdev);
	return level->number;
}
