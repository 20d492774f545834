// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cxl-cli.h"

/* How many processes are worth naming */
#define BUSY_SHOWN 5

/* For so long, at most, pages are looked at */
#define BUSY_SECONDS 5

/* The largest first */
static void keep_largest(const struct process *process, void *arg)
{
	struct process *holders = arg;
	int i = BUSY_SHOWN - 1;

	if (process->kib <= holders[i].kib)
		return;
	for (; i && holders[i - 1].kib < process->kib; i--)
		holders[i] = holders[i - 1];
	holders[i] = *process;
}

static void explain_processes(int node)
{
	struct process holders[BUSY_SHOWN] = { 0 };

	for_each_process_on(node, keep_largest, holders);
	for (int i = 0; i < BUSY_SHOWN && holders[i].kib; i++)
		say("  process %d (%s) has %lu KiB on node %d", holders[i].pid,
		    holders[i].name, holders[i].kib, node);
}

/* Who has /dev/daxN.M open, or mapped */
static int explain_file(int pid, const char *dir, const char *prefix)
{
	char path[512], target[256];
	struct dirent *entry;
	DIR *files;
	int found = 0;
	ssize_t n;

	files = system_path(path, sizeof(path), "proc/%d/%s", pid, dir) ? NULL : opendir(path);
	if (!files)
		return 0;
	while ((entry = readdir(files))) {
		n = system_path(path, sizeof(path), "proc/%d/%s/%s", pid, dir, entry->d_name) ?
		    0 : readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (strncmp(target, prefix, strlen(prefix)))
			continue;
		say("  process %d has %s %s", pid, target,
		    strcmp(dir, "fd") ? "mapped" : "open");
		found = 1;
		break;
	}
	closedir(files);
	return found;
}

/* Says who has a dax device of a region open, or mapped; returns how many */
int explain_dax(const char *region)
{
	struct dirent *entry;
	char path[256], prefix[32];
	int found = 0;
	DIR *proc;

	proc = system_path(path, sizeof(path), "proc") ? NULL : opendir(path);
	if (!proc)
		return 0;
	snprintf(prefix, sizeof(prefix), "/dev/dax%d.", atoi(region + strlen("region")));
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		found += explain_file(atoi(entry->d_name), "fd", prefix);
		found += explain_file(atoi(entry->d_name), "map_files", prefix);
	}
	closedir(proc);
	return found;
}

/* Has DAX all of a region? What is dynamic is DAX's by tags, and never all of it */
bool dax_has_it(const char *region, char *driver, size_t size)
{
	char path[256], device[64];

	if (sysfs_path(path, sizeof(path), "devices/sysram_%s/release_extent", region) ||
	    sysfs_exists(path))
		return false;
	snprintf(device, sizeof(device), "dax_%s", region);
	return sysfs_driver(device, driver, size);
}

struct busy_block {
	unsigned long long nr;
	long long used;
};

static int by_use(const void *a, const void *b)
{
	const struct busy_block *x = a, *y = b;

	return (x->used < y->used) - (x->used > y->used);
}

/* The blocks that are used most */
static void explain_blocks(const char *region)
{
	unsigned long long start, size, at, block = block_size();
	time_t until = time(NULL) + BUSY_SECONDS;
	struct busy_block *busy;
	struct blocks blocks;
	char used[32], all[32];
	size_t nr = 0;

	if (!block || !sysfs_number(region, "resource", &start) ||
	    !sysfs_number(region, "size", &size))
		return;
	busy = calloc(size / block + 1, sizeof(*busy));
	if (!busy)
		return;
	for (at = start; at < start + size && time(NULL) <= until; at += block) {
		blocks_of(at, block, &blocks);
		if (!blocks.online)
			continue;
		busy[nr].nr = at / block;
		busy[nr].used = used_in(at, block, false);
		if (busy[nr].used > 0)
			nr++;
	}
	qsort(busy, nr, sizeof(*busy), by_use);
	format_size(block, all, sizeof(all));
	for (size_t i = 0; i < nr && i < BUSY_SHOWN; i++) {
		format_size(busy[i].used, used, sizeof(used));
		say("  memory block memory%llu: %s of %s are in use", busy[i].nr, used, all);
	}
	if (nr > BUSY_SHOWN)
		say("  and %zu blocks more", nr - BUSY_SHOWN);
	if (at < start + size)
		say("  and of %llu blocks nobody knows, to look takes too long",
		    (start + size - at) / block);
	free(busy);
}

/* What no process has: it is nowhere to be seen in what processes map */
static void explain_node(int node)
{
	static const struct {
		const char *name;
		const char *what;
	} uses[] = {
		{ "Shmem", "tmpfs and shared memory: move, or remove, the files" },
		{ "Mlocked", "locked, or pinned, by a process, a virtual machine or a driver" },
	};
	unsigned long long bytes;
	char text[32], path[256];
	struct dirent *entry;
	DIR *sizes;

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		bytes = node_bytes(node, uses[i].name);
		format_size(bytes, text, sizeof(text));
		if (bytes)
			say("  %s on node %d: %s", text, node, uses[i].what);
	}
	sizes = system_path(path, sizeof(path), "sys/devices/system/node/node%d/hugepages", node) ?
		NULL : opendir(path);
	while (sizes && (entry = readdir(sizes))) {
		if (system_path(path, sizeof(path),
				"sys/devices/system/node/node%d/hugepages/%s/nr_hugepages", node,
				entry->d_name) ||
		    sysfs_read(path, text, sizeof(text)) || !strcmp(text, "0"))
			continue;
		say("  %s huge pages are set aside on node %d, try: echo 0 > %s", text, node, path);
	}
	if (sizes)
		closedir(sizes);
}

/**
 * explain_users - what of a region is in use, and by whom
 * @region: its name
 */
void explain_users(const char *region)
{
	unsigned long long node;

	explain_blocks(region);
	if (region_node(region, &node)) {
		explain_processes(node);
		explain_node(node);
	}
	explain_dax(region);
}

/* Those that try again for a while, when they are asked to */
static bool has_timeout(const char *verb)
{
	static const char *const verbs[] = {
		"resize", "release-extents", "remove-memdev", "enable-region",
		"apply-policy",
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i], verb))
			return true;
	return false;
}

/**
 * explain_busy - what of a region is in use, by whom, and what can be done
 * @verb: that has met it
 * @region: its name
 */
void explain_busy(const char *verb, const char *region)
{
	char driver[64];

	explain_users(region);
	if (dax_has_it(region, driver, sizeof(driver)))
		say("  end what uses it, and try again");
	else if (has_timeout(verb))
		say("  end, or move, what uses it and try again; with --timeout=60 it is tried for so long");
	else
		say("  end, or move, what uses it and try again, or%s: cxl-cli unplug --timeout=60 %s",
		    strcmp(verb, "unplug") ? " first" : "", region);
	say("  what the kernel says: dmesg | grep %s", region);
}
