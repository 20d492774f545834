// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include "list.h"

/*
 * All there is, a line each: what a device or a region is, how far it is, and whether
 * its memory can be taken back without a reboot.
 */

/* Of what is online */
static const char *way_back(const struct blocks *blocks)
{
	if (!blocks->online)
		return "";
	if (blocks->movable == blocks->online)
		return ", can be taken back";
	return ", in a kernel zone: for sure at the next boot only";
}

static void print_level(const struct level *level)
{
	printf("  level %d%s%s", level->number, level->reason[0] ? ": " : "", level->reason);
}

static int print_region(const char *region, void *arg)
{
	unsigned long long start = 0, size = 0, node;
	char text[32], driver[64];
	struct blocks blocks;
	struct level level;

	(void)arg;
	sysfs_number(region, "resource", &start);
	sysfs_number(region, "size", &size);
	format_size(size, text, sizeof(text));
	printf("%-9s %10s", region, text);
	if (region_node(region, &node))
		printf("  node %llu", node);
	if (!sysfs_driver(region, driver, sizeof(driver)))
		strcpy(driver, "no driver");
	printf("  %s", driver);
	if (region_level(region, &level) >= 0) {
		blocks_of(start, size, &blocks);
		print_level(&level);
		fputs(way_back(&blocks), stdout);
	}
	putchar('\n');
	return 0;
}

static void print_memdev(struct cxl_ctx *ctx, struct cxl_memdev *memdev)
{
	const char *name = cxl_memdev_get_devname(memdev);
	struct level level;
	char text[32];

	format_size(cxl_memdev_get_ram_size(memdev), text, sizeof(text));
	printf("%-9s %10s  serial %#llx", name, text, cxl_memdev_get_serial(memdev));
	if (memdev_level(ctx, name, &level) >= 0)
		print_level(&level);
	putchar('\n');
}

/**
 * overview - a line for each memdev and region
 * @ctx: of libcxl
 */
void overview(struct cxl_ctx *ctx)
{
	struct selection all = { .names = (char *[]){ "all" }, .nr = 1, .pmem = true };
	struct cxl_memdev *memdev;
	int done;

	cxl_memdev_foreach(ctx, memdev)
		print_memdev(ctx, memdev);
	for_each_selected(ctx, &all, print_region, NULL, &done);
}
