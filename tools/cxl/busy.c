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

struct holder {
	int pid;
	unsigned long kib;
	char name[32];
};

/* What a process has on a node, as numa_maps tells */
static unsigned long on_node(int pid, int node)
{
	unsigned long pages = 0, kib = 0;
	char path[64], key[16], *line = NULL, *at;
	size_t size = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/numa_maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return 0;
	snprintf(key, sizeof(key), " N%d=", node);
	while (getline(&line, &size, maps) > 0) {
		unsigned long page_kib = 4;

		at = strstr(line, " kernelpagesize_kB=");
		if (at)
			page_kib = strtoul(strchr(at, '=') + 1, NULL, 10);
		at = strstr(line, key);
		if (!at)
			continue;
		pages = strtoul(strchr(at, '=') + 1, NULL, 10);
		kib += pages * page_kib;
	}
	free(line);
	fclose(maps);
	return kib;
}

static void holder_name(struct holder *holder)
{
	char path[64];
	FILE *comm;

	snprintf(path, sizeof(path), "/proc/%d/comm", holder->pid);
	comm = fopen(path, "re");
	if (!comm || !fgets(holder->name, sizeof(holder->name), comm))
		strcpy(holder->name, "?\n");
	holder->name[strcspn(holder->name, "\n")] = '\0';
	if (comm)
		fclose(comm);
}

/* The largest first */
static void holder_add(struct holder *holders, int pid, unsigned long kib)
{
	int i = BUSY_SHOWN - 1;

	if (kib <= holders[i].kib)
		return;
	for (; i && holders[i - 1].kib < kib; i--)
		holders[i] = holders[i - 1];
	holders[i] = (struct holder){ .pid = pid, .kib = kib };
	holder_name(&holders[i]);
}

static void explain_processes(int node)
{
	struct holder holders[BUSY_SHOWN] = { 0 };
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	if (!proc)
		return;
	while ((entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (isdigit((unsigned char)entry->d_name[0]))
			holder_add(holders, pid, on_node(pid, node));
	}
	closedir(proc);
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
