// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "list.h"
#include "request.h"

/*
 * show: a map of a region, and what is where. Each cell is a part of the region of
 * the same size; the most that is in it decides.
 */

#define CELLS 64
#define TAGS 25

/**
 * struct map - a region, as it is drawn
 * @size: of its addresses, bytes
 * @cell: bytes of a cell
 * @cells: what is in it
 * @weight: how much of that
 * @tags: that have been seen, the letter is their place
 * @nr_tags: how many
 * @colour: on a terminal
 */
struct map {
	unsigned long long size;
	unsigned long long cell;
	char cells[CELLS + 1];
	unsigned long long weight[CELLS];
	char tags[TAGS][64];
	int nr_tags;
	bool colour;
};

static const struct {
	const char *state;
	char sign;
	const char *colour;
	const char *meaning;
} signs[] = {
	{ "online_movable", '#', "32", "online, movable" },
	{ "online_kernel", 'K', "33", "online, in a kernel zone" },
	{ "mixed", '%', "36", "mixed" },
	{ "offline", 'o', "34", "offline" },
	{ "unplugged", '-', "37", "held, not plugged" },
	{ "releasing", '!', "31", "to be given back" },
};

static char sign_of(const char *state)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (!strcmp(signs[i].state, state))
			return signs[i].sign;
	return '?';
}

/* K is a sign of its own */
static char letter(int nr)
{
	return "ABCDEFGHIJLMNOPQRSTUVWXYZ"[nr];
}

static char letter_of(struct map *map, const char *tag)
{
	int i;

	for (i = 0; i < map->nr_tags; i++)
		if (!strcmp(map->tags[i], tag))
			return letter(i);
	if (i == TAGS)
		return '*';
	snprintf(map->tags[i], sizeof(map->tags[i]), "%s", tag);
	map->nr_tags++;
	return letter(i);
}

static void draw(struct map *map, unsigned long long offset,
		 unsigned long long length, char sign)
{
	unsigned long long end = offset + length;

	if (end > map->size || end < offset)
		return;
	for (unsigned long long at = offset; at < end; ) {
		int i = at / map->cell;
		unsigned long long next = (i + 1ull) * map->cell;
		unsigned long long part = (next < end ? next : end) - at;

		if (part > map->weight[i]) {
			map->weight[i] = part;
			map->cells[i] = sign;
		}
		at += part;
	}
}

static int draw_extent(const struct extent *extent, void *arg)
{
	struct map *map = arg;
	char sign = sign_of(extent->state);

	if (extent->tag[0] && strcmp(extent->state, "releasing"))
		sign = letter_of(map, extent->tag);
	draw(map, extent->offset, extent->length, sign);
	return 0;
}

static void print_cell(const struct map *map, char sign)
{
	const char *colour = sign >= 'A' && sign <= 'Z' && sign != 'K' ? "35" : NULL;

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (signs[i].sign == sign)
			colour = signs[i].colour;
	if (map->colour && colour)
		printf("\033[%sm%c\033[0m", colour, sign);
	else
		putchar(sign);
}

static void print_legend(const struct map *map)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (strchr(map->cells, signs[i].sign))
			printf("    %c  %s\n", signs[i].sign, signs[i].meaning);
	if (strchr(map->cells, '.'))
		puts("    .  no capacity");
	for (int i = 0; i < map->nr_tags; i++)
		printf("    %c  tag %s\n", letter(i), map->tags[i]);
	if (strchr(map->cells, '*'))
		puts("    *  other tags");
}

/* How full each cell is that has online memory, in ninths */
static void print_use(const struct map *map, unsigned long long start)
{
	char cells[CELLS + 1];
	struct blocks blocks;
	bool any = false;

	memset(cells, ' ', CELLS);
	cells[CELLS] = '\0';
	for (int i = 0; i < CELLS; i++) {
		unsigned long long at = start + i * map->cell;
		long long used;

		blocks_of(at, map->cell, &blocks);
		used = blocks.online ? used_in(at, map->cell, false) : -1;
		if (used < 0)
			continue;
		any = true;
		/* Nothing is nothing: one pinned page is seen */
		cells[i] = '0' + (used * 9 + map->cell - 1) / map->cell;
	}
	if (any)
		printf("  [%s]  in use, 0: nothing, 9: all\n", cells);
}

static void print_head(const struct map *map, const char *region, const char *device)
{
	char size[32], plugged[32], node[32], hotplug[32], state[32], cost[32];
	unsigned long long number = 0;

	if (!sysfs_attr(device, "target_node", node, sizeof(node)))
		strcpy(node, "none");
	if (!sysfs_attr(device, "hotplug", hotplug, sizeof(hotplug)))
		strcpy(hotplug, "?");
	if (!sysfs_attr(device, "state", state, sizeof(state)))
		strcpy(state, "?");
	format_size(map->size, size, sizeof(size));
	printf("%s  %s  node %s  hotplug %s  state %s\n", region, size, node, hotplug,
	       state);
	sysfs_number(device, "size", &number);
	format_size(number, size, sizeof(size));
	format_size(memmap_size(number), cost, sizeof(cost));
	number = 0;
	sysfs_number(device, "plugged_size", &number);
	format_size(number, plugged, sizeof(plugged));
	printf("  %s of %s are plugged; memmap of all: %s of %s\n", plugged, size, cost,
	       memmap_on_memory(region) ? "that" : "the kernel's memory");
}

static void print_map(const struct map *map)
{
	fputs("  [", stdout);
	for (int i = 0; i < CELLS; i++)
		print_cell(map, map->cells[i]);
	printf("]  %.2f MiB each\n", map->cell / 1048576.0);
}

/* Not under sysram_region: what there is to say */
static void show_other(const char *region)
{
	struct level level;

	if (region_level(region, &level) < 0)
		printf("%s  is persistent memory\n", region);
	else
		printf("%s  level %d%s%s\n", region, level.number,
		       level.reason[0] ? ": " : "", level.reason);
}

static int show(const char *region, void *arg)
{
	struct map map = { .colour = isatty(STDOUT_FILENO) };
	char device[64], path[256], state[32] = "";
	unsigned long long start = 0;
	struct request *req = arg;
	struct level level;

	snprintf(device, sizeof(device), "sysram_%s", region);
	if (!sysfs_path(path, sizeof(path), "devices/%s", device) && !sysfs_exists(path)) {
		show_other(region);
		return 0;
	}
	if (request_attr(req, region, "state", path, sizeof(path)) ||
	    !sysfs_number(region, "size", &map.size) ||
	    !sysfs_number(region, "resource", &start) || !map.size)
		return -1;
	map.cell = (map.size + CELLS - 1) / CELLS;
	memset(map.cells, '.', CELLS);
	sysfs_attr(device, "state", state, sizeof(state));

	sysfs_path(path, sizeof(path), "devices/%s/release_extent", device);
	if (sysfs_exists(path))
		for_each_extent(region, draw_extent, &map);
	else
		draw(&map, 0, map.size, sign_of(state));

	print_head(&map, region, device);
	if (region_level(region, &level) >= 0)
		printf("  level %d%s%s\n", level.number, level.reason[0] ? ": " : "",
		       level.reason);
	print_map(&map);
	print_use(&map, start);
	print_legend(&map);
	return 0;
}

static int show_users(const char *region, void *arg)
{
	int rc = show(region, arg);

	if (!rc)
		explain_users(region);
	return rc;
}

int verb_show(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "users", OPT_USERS, NULL, 0,
		  "who uses it, as when it is busy", 0 },
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "[REGION]...", .selects = true,
		.doc = "Draw a map of a region: what of it is plugged, where its extents are, which of "
		       "them have tags, how much is in use, and what keeps it from being memory. In "
		       "colour on a terminal. REGION may be all. Without one: a line for each memdev and "
		       "region, whether its memory can be taken back, and what stands in the way on this "
		       "machine.",
	};
	struct request req = { .verb = argv[0] };

	if (request_parse(&req, argc, argv, &usage))
		return EXIT_USAGE;
	if (!req.selection.nr && !req.selection.memdev && !req.selection.bus &&
	    !req.selection.decoder) {
		overview(ctx);
		obstacles(ctx);
		return 0;
	}
	return request_run(ctx, &req, req.users ? show_users : show, NULL);
}
