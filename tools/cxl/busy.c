// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cxl-cli.h"

/* How many processes are worth naming */
#define BUSY_SHOWN 5

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
static void explain_file(int pid, const char *dir, const char *prefix)
{
	char path[512], target[256];
	struct dirent *entry;
	DIR *files;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, dir);
	files = opendir(path);
	if (!files)
		return;
	while ((entry = readdir(files))) {
		snprintf(path, sizeof(path), "/proc/%d/%s/%s", pid, dir,
			 entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n <= 0)
			continue;
		target[n] = '\0';
		if (strncmp(target, prefix, strlen(prefix)))
			continue;
		say("  process %d has %s %s", pid, target,
		    strcmp(dir, "fd") ? "mapped" : "open");
		break;
	}
	closedir(files);
}

static void explain_dax(int region)
{
	struct dirent *entry;
	char prefix[32];
	DIR *proc = opendir("/proc");

	if (!proc)
		return;
	snprintf(prefix, sizeof(prefix), "/dev/dax%d.", region);
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		explain_file(atoi(entry->d_name), "fd", prefix);
		explain_file(atoi(entry->d_name), "map_files", prefix);
	}
	closedir(proc);
}

/**
 * explain_busy - who has something of a region
 * @region: its name
 */
void explain_busy(const char *region)
{
	char path[256], node[16];
	int id = atoi(region + strlen("region"));

	if (!sysfs_path(path, sizeof(path), "devices/sysram_region%d/target_node", id) &&
	    !sysfs_read(path, node, sizeof(node)))
		explain_processes(atoi(node));
	explain_dax(id);
	say("  what the kernel says: dmesg | grep %s", region);
}
