// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cxl-cli.h"

/*
 * What is in use of memory that is to be unplugged has to fit elsewhere: the kernel
 * would end processes to make room. It moves the pages itself; here it is only seen
 * whether there is room.
 */

/* Nodes, at most: what Linux can have */
#define NODES_MAX 1024

/**
 * struct node - memory of a NUMA node, bytes
 * @total: all of it
 * @free: nobody uses it
 * @droppable: page cache and slab, that can be made free
 */
struct node {
	unsigned long long total;
	unsigned long long free;
	unsigned long long droppable;
};

/**
 * node_bytes - a line of the meminfo of a NUMA node
 * @number: of the node
 * @name: of the line
 *
 * Return: bytes, 0 also when there is no such line, or node.
 */
unsigned long long node_bytes(int number, const char *name)
{
	unsigned long long kib, bytes = 0;
	char path[256], *line = NULL, is[64];
	size_t size = 0;
	FILE *meminfo;

	if (system_path(path, sizeof(path), "sys/devices/system/node/node%d/meminfo", number))
		return 0;
	meminfo = fopen(path, "re");
	if (!meminfo)
		return 0;
	while (getline(&line, &size, meminfo) > 0)
		if (sscanf(line, "Node %*d %63[^:]: %llu kB", is, &kib) == 2 && !strcmp(is, name))
			bytes = kib << 10;
	free(line);
	fclose(meminfo);
	return bytes;
}

static bool read_node(int number, struct node *node)
{
	node->total = node_bytes(number, "MemTotal");
	if (!node->total)
		return false;
	node->free = node_bytes(number, "MemFree");
	node->droppable = node_bytes(number, "Active(file)") +
			  node_bytes(number, "Inactive(file)") + node_bytes(number, "SReclaimable");
	return true;
}

/* Of huge pages of one size; 0 when there are none */
static unsigned long long huge_pages(const char *folder, const char *size, const char *name)
{
	char path[512], text[32];

	if (system_path(path, sizeof(path), "%s/%s/%s", folder, size, name) ||
	    sysfs_read(path, text, sizeof(text)))
		return 0;
	return strtoull(text, NULL, 10);
}

/*
 * Huge pages that nobody uses go with their node. Those that are reserved may be any:
 * the kernel has the last word.
 */
static unsigned long long free_huge(int number)
{
	unsigned long long bytes = 0, nr, reserved, kib;
	struct dirent *entry;
	char folder[64], path[512];
	DIR *sizes;

	snprintf(folder, sizeof(folder), "sys/devices/system/node/node%d/hugepages", number);
	sizes = system_path(path, sizeof(path), "%s", folder) ? NULL : opendir(path);
	while (sizes && (entry = readdir(sizes))) {
		if (sscanf(entry->d_name, "hugepages-%llukB", &kib) != 1)
			continue;
		nr = huge_pages(folder, entry->d_name, "free_hugepages");
		reserved = huge_pages("sys/kernel/mm/hugepages", entry->d_name, "resv_hugepages");
		bytes += nr > reserved ? (nr - reserved) * kib << 10 : 0;
	}
	if (sizes)
		closedir(sizes);
	return bytes;
}

/* What the kernel keeps free of the memory of a node: below that it reclaims */
static unsigned long long watermarks(int number)
{
	unsigned long long pages = 0, high;
	char path[256], *line = NULL;
	bool here = false;
	size_t size = 0;
	FILE *zoneinfo;
	int node;

	if (system_path(path, sizeof(path), "proc/zoneinfo"))
		return 0;
	zoneinfo = fopen(path, "re");
	if (!zoneinfo)
		return 0;
	while (getline(&line, &size, zoneinfo) > 0) {
		if (sscanf(line, "Node %d, zone", &node) == 1)
			here = node == number;
		else if (here && sscanf(line, " high %llu", &high) == 1)
			pages += high;
	}
	free(line);
	fclose(zoneinfo);
	return pages * sysconf(_SC_PAGESIZE);
}

static unsigned long long room_of(int number, const struct node *node)
{
	unsigned long long room = node->free + node->droppable, low = watermarks(number);

	return room > low ? room - low : 0;
}

/* Regions that go in the same call: their nodes have no room */
static char (*leaving)[32];
static unsigned int nr_leaving;

/**
 * fits_without - a region goes in the same call, now or later
 * @region: its name
 * @arg: not used
 *
 * Return: 0.
 */
int fits_without(const char *region, void *arg)
{
	char (*more)[32] = reallocarray(leaving, nr_leaving + 1, sizeof(*more));

	(void)arg;
	if (!more)
		return 0;
	leaving = more;
	snprintf(leaving[nr_leaving++], sizeof(*leaving), "%.31s", region);
	return 0;
}

static unsigned long long online_of(const char *region, unsigned long long *size)
{
	unsigned long long start, length;
	struct blocks blocks;

	if (!sysfs_number(region, "resource", &start) || !sysfs_number(region, "size", &length))
		return 0;
	blocks_of(start, length, &blocks);
	*size = blocks.size;
	return blocks.online;
}

/* Less than a block is what the kernel has kept of it for itself */
static bool is_leaving(int number, const struct node *node)
{
	unsigned long long online = 0, size = 0, on;

	for (unsigned int i = 0; i < nr_leaving; i++)
		if (region_node(leaving[i], &on) && on == (unsigned int)number)
			online += online_of(leaving[i], &size);
	return online && node->total < online + size;
}

static unsigned long long room_elsewhere(int number)
{
	unsigned long long room = 0;
	struct node node;

	for (int i = 0; i < NODES_MAX; i++)
		if (i != number && read_node(i, &node) && !is_leaving(i, &node))
			room += room_of(i, &node);
	return room;
}

static void warn_bound(const struct process *process, void *arg)
{
	(void)arg;
	if (process->bound)
		say("  process %d (%s) is bound to the node, with %lu MiB of it: should it need more, the memory stays",
		    process->pid, process->name, process->kib >> 10);
}

/* Of a node that has no other memory */
static void measure_whole(int number, const struct node *node, unsigned long long *moves)
{
	unsigned long long goes = node->free + node->droppable + free_huge(number);

	*moves = node->total > goes ? node->total - goes : 0;
}

/* Of a node that has other memory, too */
static void measure_part(unsigned long long start, unsigned long long length,
			 unsigned long long online, int number, const struct node *node,
			 unsigned long long *moves, unsigned long long *room)
{
	long long used = used_in(start, length, false), pinned = used_in(start, length, true);
	unsigned long long here;

	*moves = pinned < 0 ? 0 : pinned;
	here = room_of(number, node);
	/* What is free, or can be made free, goes with it */
	if (used >= 0 && here > online - *moves && !is_leaving(number, node))
		*room += here - (online - *moves);
}

/**
 * fits_elsewhere - is there room for what is in use of a region?
 * @verb: for messages
 * @region: its name
 * @number: its node
 * @stays: bytes of it that stay plugged
 * @tell: the numbers, also when there is
 *
 * Return: 0, also when that is not known; -ENOSPC, with the numbers.
 */
int fits_elsewhere(const char *verb, const char *region, int number,
		   unsigned long long stays, bool tell)
{
	unsigned long long start, length, moves, room;
	struct blocks blocks;
	struct node node;
	bool whole;

	if (!sysfs_number(region, "resource", &start) ||
	    !sysfs_number(region, "size", &length) || !read_node(number, &node))
		return 0;
	blocks_of(start, length, &blocks);
	if (!blocks.online)
		return 0;
	room = room_elsewhere(number) + stays;
	/* Less than a block is what the kernel has kept of the region for itself */
	whole = node.total < blocks.online + blocks.size;
	if (whole)
		measure_whole(number, &node, &moves);
	else
		measure_part(start, length, blocks.online, number, &node, &moves, &room);
	if (tell || moves > room)
		say("%s: %s: %llu MiB of it have to move, there is room for %llu MiB elsewhere%s",
		    verb, region, moves >> 20, room >> 20,
		    moves > room ? " (--force: do it all the same)" : "");
	if (moves > room)
		return -ENOSPC;
	if (whole && !stays)
		for_each_process_on(number, warn_bound, NULL);
	return 0;
}
