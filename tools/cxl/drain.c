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
	int bound;
};

static void drain_process(const struct process *process, void *arg)
{
	struct draining *draining = arg;

	if (process->bound) {
		say("  process %d (%s) is bound to the node, with %lu KiB of it: it may be ended when the node goes",
		    process->pid, process->name, process->kib);
		draining->bound++;
	}
	if (draining->dry_run) {
		say("  would move %lu KiB of process %d (%s)", process->kib,
		    process->pid, process->name);
		return;
	}
	/* What it cannot move, unplug will try */
	numa_migrate_pages(process->pid, draining->from, draining->to);
}

static long long free_elsewhere(int node, struct bitmask *to)
{
	long long all = 0, free;

	for (int i = 0; i <= numa_max_node(); i++) {
		if (i == node || !numa_bitmask_isbitset(numa_all_nodes_ptr, i) ||
		    numa_node_size64(i, &free) <= 0)
			continue;
		numa_bitmask_setbit(to, i);
		all += free;
	}
	return all - all / 100 * SPARE_PERCENT;
}

/**
 * drain - empty the node of a region
 * @region: its name, for messages
 * @node: its node
 * @dry_run: only say what would happen
 *
 * Return: 0; -ENOMEM, with the numbers, when what is in use there does not fit
 * elsewhere; -ENOSYS without NUMA.
 */
int drain(const char *region, int node, bool dry_run)
{
	struct draining draining = { .region = region, .dry_run = dry_run };
	long long size, free = 0, used, room;
	int rc = 0;

	if (numa_available() < 0)
		return -ENOSYS;
	size = numa_node_size64(node, &free);
	/* There is nothing on it */
	if (size <= 0)
		return 0;

	draining.from = numa_allocate_nodemask();
	draining.to = numa_allocate_nodemask();
	numa_bitmask_setbit(draining.from, node);
	used = size - free;
	room = free_elsewhere(node, draining.to);
	say("%s: %lld MiB of node %d are in use, %lld MiB are free elsewhere", region,
	    used >> 20, node, room >> 20);
	if (used > room)
		rc = -ENOMEM;
	else
		for_each_process_on(node, drain_process, &draining);
	numa_free_nodemask(draining.from);
	numa_free_nodemask(draining.to);
	return rc;
}
