// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <numa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cxl-cli.h"

/*
 * Emptying a node before its memory is unplugged. What is in use there has to fit
 * elsewhere, or the kernel would end processes to make room: then nothing is done.
 */

/* Of what is free elsewhere, what has to stay free */
#define SPARE_PERCENT 10

struct draining {
	const char *region;
	struct bitmask *from;
	struct bitmask *to;
	bool dry_run;
};

static void drain_process(const struct process *process, void *arg)
{
	struct draining *draining = arg;

	if (process->bound)
		say("  process %d (%s) is bound to the node, with %lu KiB of it: it may be ended when the node goes",
		    process->pid, process->name, process->kib);
	if (draining->dry_run) {
		say("  would move %lu KiB of process %d (%s)", process->kib,
		    process->pid, process->name);
		return;
	}
	/* What it cannot move, unplug will try */
	numa_migrate_pages(process->pid, draining->from, draining->to);
}

/* Other nodes, and what of this one is not the region */
static long long free_elsewhere(int node, long long rest, struct bitmask *to)
{
	long long all = rest, free;

	for (int i = 0; i <= numa_max_node(); i++) {
		if (i == node || !numa_bitmask_isbitset(numa_all_nodes_ptr, i) ||
		    numa_node_size64(i, &free) <= 0)
			continue;
		numa_bitmask_setbit(to, i);
		all += free;
	}
	return all - all / 100 * SPARE_PERCENT;
}

/* Move it before the node goes; what cannot be moved here, unplug will try */
static int move(struct draining *draining, int node, long long used, bool shared,
		long long rest)
{
	long long room;
	int rc = 0;

	draining->from = numa_allocate_nodemask();
	draining->to = numa_allocate_nodemask();
	numa_bitmask_setbit(draining->from, node);
	room = free_elsewhere(node, rest, draining->to);
	say("%s: %lld MiB of it are in use, %lld MiB are free elsewhere", draining->region,
	    used >> 20, room >> 20);
	if (used > room)
		rc = -ENOMEM;
	else if (shared)
		say("  node %d has other memory, too: what is in use moves as it is unplugged",
		    node);
	else
		for_each_process_on(node, drain_process, draining);
	numa_free_nodemask(draining->from);
	numa_free_nodemask(draining->to);
	return rc;
}

/**
 * drain - empty the memory of a region
 * @region: its name, for messages
 * @node: its node
 * @dry_run: only say what would happen
 *
 * Return: 0; -ENOMEM, with the numbers, when what is in use there does not fit
 * elsewhere; -EOPNOTSUPP without NUMA.
 */
int drain(const char *region, int node, bool dry_run)
{
	struct draining draining = { .region = region, .dry_run = dry_run };
	unsigned long long start, length;
	long long size, free = 0, used, rest;
	struct blocks blocks;
	bool shared;

	if (numa_available() < 0)
		return -EOPNOTSUPP;
	size = numa_node_size64(node, &free);
	if (!sysfs_number(region, "resource", &start) ||
	    !sysfs_number(region, "size", &length))
		return -ENODEV;
	blocks_of(start, length, &blocks);
	/* There is nothing of it */
	if (size <= 0 || !blocks.online)
		return 0;
	/* Less than a block is what the kernel has kept of the region for itself */
	shared = size >= (long long)(blocks.online + blocks.size);
	used = shared ? used_in(start, length) : size - free;
	if (used < 0)
		used = size - free;
	rest = shared ? free - ((long long)blocks.online - used) : 0;
	return move(&draining, node, used, shared, rest > 0 ? rest : 0);
}
