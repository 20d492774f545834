// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cxl-cli.h"

/* "bind:1", "bind=static:1", as numa_maps has it: this node, and no other */
static bool is_bound(const char *line, int node)
{
	const char *policy = strchr(line, ' '), *nodes;
	char *end;

	if (!policy || strncmp(policy, " bind", strlen(" bind")))
		return false;
	nodes = strchr(policy, ':');
	return nodes && strtol(nodes + 1, &end, 10) == node && *end == ' ';
}

/* Its cpuset has this node, and no other */
static bool is_confined(int pid, int node)
{
	static const char key[] = "Mems_allowed_list:";
	char path[256], *line = NULL, *end;
	bool confined = false;
	size_t size = 0;
	FILE *status;

	status = system_path(path, sizeof(path), "proc/%d/status", pid) ? NULL : fopen(path, "re");
	if (!status)
		return false;
	while (getline(&line, &size, status) > 0)
		if (!strncmp(line, key, strlen(key)))
			confined = strtol(line + strlen(key), &end, 10) == node && *end == '\n';
	free(line);
	fclose(status);
	return confined;
}

/* What a process has on a node, as numa_maps tells; and is it bound to it? */
static unsigned long on_node(int pid, int node, bool *bound)
{
	char path[256], key[16], *line = NULL, *at;
	unsigned long kib = 0;
	size_t size = 0;
	FILE *maps;

	*bound = false;
	if (system_path(path, sizeof(path), "proc/%d/numa_maps", pid))
		return 0;
	maps = fopen(path, "re");
	if (!maps)
		return 0;
	snprintf(key, sizeof(key), " N%d=", node);
	while (getline(&line, &size, maps) > 0) {
		unsigned long page_kib = 4;

		*bound |= is_bound(line, node);
		at = strstr(line, " kernelpagesize_kB=");
		if (at)
			page_kib = strtoul(strchr(at, '=') + 1, NULL, 10);
		at = strstr(line, key);
		if (at)
			kib += strtoul(strchr(at, '=') + 1, NULL, 10) * page_kib;
	}
	free(line);
	fclose(maps);
	return kib;
}

static void process_name(struct process *process)
{
	char path[256];
	FILE *comm;

	comm = system_path(path, sizeof(path), "proc/%d/comm", process->pid) ?
	       NULL : fopen(path, "re");
	if (!comm || !fgets(process->name, sizeof(process->name), comm))
		strcpy(process->name, "?");
	process->name[strcspn(process->name, "\n")] = '\0';
	/* Anybody may choose it, and it will be on the terminal of root */
	for (char *at = process->name; *at; at++)
		if (!isprint((unsigned char)*at))
			*at = '?';
	if (comm)
		fclose(comm);
}

/**
 * for_each_process_on - processes that have memory on a node
 * @node: NUMA node
 * @fn: called for each
 * @arg: for @fn
 */
void for_each_process_on(int node, void (*fn)(const struct process *process,
					      void *arg), void *arg)
{
	struct dirent *entry;
	char path[256];
	DIR *proc;

	proc = system_path(path, sizeof(path), "proc") ? NULL : opendir(path);
	if (!proc)
		return;
	while ((entry = readdir(proc))) {
		struct process process = { .pid = atoi(entry->d_name) };

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		process.kib = on_node(process.pid, node, &process.bound);
		if (!process.kib)
			continue;
		process.bound |= is_confined(process.pid, node);
		process_name(&process);
		fn(&process, arg);
	}
	closedir(proc);
}
