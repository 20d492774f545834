// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inputs at random for all that parses: what users write, what cxl prints, what is in
 * files. For libFuzzer with -DLIBFUZZER; else a number of mutations of a few seeds, the
 * same ones in each run.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../list.h"
#include "../policy.h"
#include "../request.h"
#include "root.h"

int for_each_selected(struct cxl_ctx *ctx, const struct selection *selection,
		      region_fn fn, void *arg, int *done)
{
	(void)ctx;
	(void)selection;
	*done = 0;
	return fn("region0", arg);
}

static void set_up(void)
{
	make_root();
	put("proc/7/comm", "x\n");
	put("sys/bus/cxl/devices/extent0.1/offset", "0\n");
	put("sys/bus/cxl/devices/sysram_region0/release_extent", "");
	put("sys/bus/cxl/devices/region0/resource", "0x100000000\n");
	put("sys/bus/cxl/devices/region0/commit", "1\n");
	if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
		abort();
}

static int one_extent(const struct extent *extent, void *arg)
{
	*(size_t *)arg += strlen(extent->name) + strlen(extent->tag) + strlen(extent->state);
	return 0;
}

static void one_process(const struct process *process, void *arg)
{
	*(size_t *)arg += strlen(process->name);
}

static void try_json(const char *text)
{
	struct json_object *object = json_tokener_parse(text);
	struct listing listing = { .human = true, .extents = true };

	if (!object)
		return;
	list_merge(&listing, object);
	json_object_put(object);
}

/* Values of attributes, all the same */
static void try_sysfs(const char *text)
{
	static const char *const attrs[] = {
		"extent0.1/offset", "extent0.1/length", "extent0.1/uuid", "extent0.1/state",
		"region0/size", "sysram_region0/size", "sysram_region0/state",
		"sysram_region0/plugged_size", "sysram_region0/target_node",
		"sysram_region0/hotplug", "sysram_region0/memmap_on_memory",
	};
	char *argv[] = { "show", "region0", NULL };
	char path[256];
	size_t length = 0;

	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++) {
		snprintf(path, sizeof(path), "sys/bus/cxl/devices/%s", attrs[i]);
		put(path, text);
	}
	for_each_extent("region0", one_extent, &length);
	verb_show(NULL, 2, argv);
}

/* Options, a word each; without one for help, which ends the program */
static void try_options(char *text)
{
	static const struct argp_option options[] = {
		{ "id", OPT_ID, "X", 0, NULL, 0 },
		{ "tag", OPT_TAG, "UUID", 0, NULL, 0 },
		{ "all", OPT_ALL, NULL, 0, NULL, 0 },
		{ "type", OPT_TYPE, "TYPE", 0, NULL, 0 },
		{ "driver", OPT_DRIVER, "DRIVER", 0, NULL, 0 },
		{ "level", OPT_LEVEL, "N", 0, NULL, 0 },
		{ "memmap-on-memory", OPT_MEMMAP, "yes|no", 0, NULL, 0 },
		OPTION_TIMEOUT, OPTION_DRY_RUN, OPTION_FORCE,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "REGION...", .doc = "", .selects = true,
	};
	struct request req = { .verb = "fuzz" };
	char *argv[32] = { "fuzz" };
	int argc = 1;

	for (char *at = strtok(text, " "); at && argc < 31; at = strtok(NULL, " "))
		argv[argc++] = at;
	request_parse(&req, argc, argv, &usage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned long long bytes;
	struct policies policies;
	unsigned long number;
	size_t length = 0;
	char *text;

	if (access(root, F_OK))
		set_up();
	if (!size)
		return 0;
	text = calloc(1, size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	switch (data[0] % 7) {
	case 0:
		parse_size(text, &bytes);
		parse_number(text, ULONG_MAX, &number);
		break;
	case 1:
		try_json(text);
		break;
	case 2:
		try_sysfs(text);
		break;
	case 3:
		put("proc/7/numa_maps", text);
		for_each_process_on(1, one_process, &length);
		break;
	case 4:
		put("proc/zoneinfo", text);
		memmap_fits("fuzz", "region0", 0);
		break;
	case 5:
		try_options(text);
		break;
	case 6:
		put("etc/cxl/policy.d/x.conf", text);
		if (!policies_load(&policies, NULL, 0))
			policies_free(&policies);
		break;
	}
	free(text);
	return 0;
}

#ifndef LIBFUZZER
static const struct {
	uint8_t kind;
	const char *text;
} seeds[] = {
	{ 0, "256MiB" },
	{ 0, "0x10000000" },
	{ 1, "[{\"region\":\"region0\",\"resource\":1},{\"memdev\":\"mem0\",\"mappings\":[]}]" },
	{ 2, "0x8000000\n" },
	{ 2, "11111111-2222-3333-4444-555555555555\n" },
	{ 2, "online_movable\n" },
	{ 3, "7f00 bind:1 anon=3 N0=1 N1=2 kernelpagesize_kB=4\n7f01 default N1=9\n" },
	{ 4, "Node 0, zone   Normal\n  pages free     4000\n  nr_zone_active_file 9\n" },
	{ 5, "--id=1 --tag=11111111-2222-3333-4444-555555555555 --timeout=5 -b x region0 all" },
	{ 6, "[region a]\nserial=0x1,2\nhotplug=never\n\tx\n[region b]\nall=yes\nsize=1G\n" },
};

static uint64_t state = 88172645463325252ull;

static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static size_t mutate(uint8_t *data, size_t size, size_t max)
{
	static const char bytes[] = "0129-:=NxX \n{}[]\",.#\0\377";

	for (int n = next() % 6; n >= 0; n--) {
		size_t at = 1 + next() % size;

		switch (next() % 4) {
		case 0:
			data[at % size ?: 1 % size] = bytes[next() % sizeof(bytes)];
			break;
		case 1:
			data[at % size ?: 1 % size] ^= 1 << next() % 8;
			break;
		case 2:	/* again */
			if (size * 2 < max && size > 1) {
				memcpy(data + size, data + 1, size - 1);
				size = size * 2 - 1;
			}
			break;
		case 3:	/* shorter */
			size = at;
			break;
		}
	}
	return size;
}

int main(int argc, char **argv)
{
	long runs = argc > 1 ? atol(argv[1]) : 1000;
	uint8_t data[1024];
	char command[64];

	if (runs <= 0)
		return EXIT_FAILURE;
	for (long i = 0; i < runs; i++) {
		size_t n = i % (sizeof(seeds) / sizeof(seeds[0]));
		size_t size = 1 + strlen(seeds[n].text);

		data[0] = seeds[n].kind;
		memcpy(data + 1, seeds[n].text, size - 1);
		if (i >= (long)(sizeof(seeds) / sizeof(seeds[0])))
			size = mutate(data, size, sizeof(data));
		LLVMFuzzerTestOneInput(data, size);
	}
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command) ? EXIT_FAILURE : EXIT_SUCCESS;
}
#endif
