// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of cxl-cli, on a root that is made up: everything but libcxl, which looks
 * at the machine itself. Regions are selected here by their names alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../list.h"
#include "../request.h"
#include "check.h"

/* In place of that of select.c */
int for_each_selected(struct cxl_ctx *ctx, const struct selection *selection,
		      region_fn fn, void *arg, int *done)
{
	int rc = 0, one;

	(void)ctx;
	*done = 0;
	if (selection->memdev && !strcmp(selection->memdev, "mem0"))
		return fn("region0", arg);
	for (int i = 0; i < selection->nr; i++) {
		if (strncmp(selection->names[i], "region", 6))
			continue;
		one = fn(selection->names[i], arg);
		if (!one)
			(*done)++;
		else if (!rc)
			rc = one == -ENODEV ? -ENXIO : one;
	}
	return rc ?: selection->nr ? rc : -ENODEV;
}

#define CXL "sys/bus/cxl/devices/"

static void put_cxl(const char *device, const char *name, const char *value)
{
	char path[256];

	snprintf(path, sizeof(path), CXL "%s/%s", device, name);
	put(path, value);
}

static void link_driver(const char *device, const char *driver)
{
	char path[PATH_MAX], target[256];

	snprintf(path, sizeof(path), "%s/" CXL "%s/driver", root, device);
	snprintf(target, sizeof(target), "../../drivers/%s", driver);
	unlink(path);
	if (driver[0] && symlink(target, path))
		abort();
}

struct call {
	int (*verb)(struct cxl_ctx *ctx, int argc, char **argv);
	char **argv;
};

static int call(void *arg)
{
	struct call *call = arg;
	int argc = 0;

	while (call->argv[argc])
		argc++;
	return call->verb(NULL, argc, call->argv);
}

#define CALL(fd, rc, fn, ...) \
	output_of(fd, call, &(struct call){ fn, (char *[]){ __VA_ARGS__, NULL } }, rc)

static bool is(const char *path, const char *value)
{
	char full[PATH_MAX], text[256];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return !sysfs_read(full, text, sizeof(text)) && !strcmp(text, value);
}

/* A static region of 1 GiB at 4 GiB, blocks of 128 MiB */
static void make_region(void)
{
	wipe();
	put("sys/devices/system/memory/block_size_bytes", "8000000\n");
	put_cxl("region0", "resource", "0x100000000\n");
	put_cxl("region0", "size", "0x40000000\n");
	put_cxl("region0", "mode", "ram\n");
	put_cxl("region0", "commit", "1\n");
	link_driver("region0", "sysram_region");
	put("sys/bus/cxl/drivers/sysram_region/bind", "");
	put_cxl("sysram_region0", "hotplug", "none\n");
	put_cxl("sysram_region0", "state", "unplugged\n");
	put_cxl("sysram_region0", "size", "1073741824\n");
	put_cxl("sysram_region0", "plugged_size", "0\n");
	put_cxl("sysram_region0", "target_node", "1\n");
	put_cxl("sysram_region0", "memmap_on_memory", "1\n");
	put("sys/module/memory_hotplug/parameters/memmap_on_memory", "N\n");
}

static void make_block(int nr, const char *state, const char *zone)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/devices/system/memory/memory%d/state", nr);
	put(path, state);
	snprintf(path, sizeof(path), "sys/devices/system/memory/memory%d/valid_zones", nr);
	put(path, zone);
}

static void make_extent(const char *name, const char *offset, const char *length,
			const char *uuid, const char *state)
{
	put_cxl(name, "offset", offset);
	put_cxl(name, "length", length);
	put_cxl(name, "uuid", uuid);
	put_cxl(name, "state", state);
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		int rc;
		unsigned long long size;
	} cases[] = {
		{ "0", 0, 0 }, { "4096", 0, 4096 }, { "0x1000", 0, 4096 },
		{ "1K", 0, 1024 }, { "1k", 0, 1024 }, { "256M", 0, 256ull << 20 },
		{ "2GiB", 0, 2ull << 30 }, { "1TB", 0, 1ull << 40 },
		{ "", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { " 1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 }, { "12Q", -EINVAL, 0 }, { "1Mi", -EINVAL, 0 },
		{ "1MiBx", -EINVAL, 0 }, { "M", -EINVAL, 0 }, { "1 M", -EINVAL, 0 },
		{ "16777216T", -EINVAL, 0 }, { "18446744073709551616", -EINVAL, 0 },
	};
	unsigned long number;
	char text[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned long long size = 0;
		int rc = parse_size(cases[i].text, &size);

		snprintf(text, sizeof(text), "size '%.20s'", cases[i].text);
		CHECK(text, rc == cases[i].rc && (rc || size == cases[i].size));
	}
	CHECK("number", !parse_number("17", 17, &number) && number == 17);
	CHECK("number too large", parse_number("18", 17, &number) == -EINVAL);
	CHECK("number and more", parse_number("1x", 17, &number) == -EINVAL);
	CHECK("no number", parse_number("-0", 17, &number) == -EINVAL);
	format_size(1536, text, sizeof(text));
	CHECK("KiB", !strcmp(text, "1.50 KiB"));
	format_size(1ull << 50, text, sizeof(text));
	CHECK("many TiB", !strcmp(text, "1024.00 TiB"));
}

static void test_names(void)
{
	CHECK("a name", is_meant("mem0", "mem", "mem0", NULL));
	CHECK("its number", is_meant("0", "mem", "mem0", NULL));
	CHECK("all", is_meant("all", "mem", "mem0", NULL));
	CHECK("another name of it", is_meant("0000:0d:00.0", "mem", "mem0", "0000:0d:00.0"));
	CHECK("one of several", is_meant("mem7, 3,mem0", "mem", "mem0", NULL));
	CHECK("a part of it is not it", !is_meant("mem", "mem", "mem0", NULL));
	CHECK("nor is more", !is_meant("mem00 01", "mem", "mem0", NULL));
	CHECK("nothing", !is_meant(", ,", "mem", "mem0", NULL) && !is_meant("", "mem", "mem0", NULL));
	CHECK("a decoder", is_meant("0.0", "decoder", "decoder0.0", "root"));
	CHECK("a policy", check_policy("test", "never", false));
	CHECK("that does not plug", !check_policy("test", "never", true));
	CHECK("none at all", !check_policy("test", "onlin", false) && !check_policy("test", "", false));
}

static void test_blocks(void)
{
	uint64_t flags[16] = { 0 };
	struct blocks blocks;
	char path[PATH_MAX];
	FILE *file;

	make_region();
	make_block(32, "online\n", "Movable\n");
	make_block(33, "online\n", "Normal\n");
	make_block(34, "offline\n", "Normal Movable\n");
	make_block(40, "online\n", "Movable\n");
	blocks_of(4ull << 30, 1ull << 30, &blocks);
	CHECK("blocks that are there", blocks.present == 3ull * 128 << 20);
	CHECK("blocks that are online", blocks.online == 2ull * 128 << 20);
	CHECK("blocks that are movable", blocks.movable == 1ull * 128 << 20);
	blocks_of(ULLONG_MAX - 4095, 8192, &blocks);
	CHECK("a range that wraps has none", !blocks.present);

	CHECK("use is not known", used_in(0, 65536, false) == -1);
	flags[0] = 1ull << 10;	/* free */
	flags[1] = 1ull << 20;	/* no page */
	flags[2] = 1ull << 23;	/* offline */
	flags[3] = 1ull << 5;	/* in use */
	snprintf(path, sizeof(path), "%s/proc", root);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/proc/kpageflags", root);
	file = fopen(path, "w");
	fwrite(flags, sizeof(flags), 1, file);
	fclose(file);
	CHECK("use", used_in(0, 4 * 4096, false) == 4096);
	CHECK("use, of the end alone", used_in(3 * 4096, 13 * 4096, false) == 13 * 4096);
	CHECK("nothing there", used_in(1ull << 40, 4096, false) == -1);
}

static void test_memmap(void)
{
	char *said;
	int rc;

	make_region();
	CHECK("memmap is 1.6 %", memmap_size(1ull << 30) == 16ull << 20);
	CHECK("not on memory when the kernel does not", !memmap_on_memory("region0"));
	CHECK("no zoneinfo, no refusal", !memmap_fits("plug", "region0", 0));
	put("proc/zoneinfo",
	    "Node 0, zone   Normal\n  pages free     4000\n      nr_zone_inactive_file 900\n      nr_zone_active_file 100\n"
	    "Node 1, zone  Movable\n  pages free     900000\n");
	said = CALL(2, &rc, verb_plug, "plug", "region0");
	CHECK("refused", rc && strstr(said, "16.00 MiB of the 19.53 MiB"));
	CHECK("and what would help", strstr(said, "memory_hotplug.memmap_on_memory=1"));
	CALL(2, &rc, verb_plug, "plug", "--type=unplugged", "region0");
	CHECK("to unplug is another verb", rc && is(CXL "sysram_region0/state", "unplugged"));
	CHECK("and nothing is done", is(CXL "sysram_region0/state", "unplugged"));
	CALL(2, &rc, verb_plug, "plug", "--force", "region0");
	CHECK("--force", !rc && is(CXL "sysram_region0/state", "online_movable"));
	put("sys/module/memory_hotplug/parameters/memmap_on_memory", "Y\n");
	CHECK("on memory it costs the kernel nothing",
	      memmap_on_memory("region0") && !memmap_fits("plug", "region0", 0));
	put("sys/module/memory_hotplug/parameters/memmap_on_memory", "N\n");
	put("proc/zoneinfo", "Node 0, zone   Normal\n  pages free     40000\n");
	CHECK("enough", !memmap_fits("plug", "region0", 0));
}

static bool level_is(int number, const char *reason)
{
	struct level level;

	if (region_level("region0", &level) == number && strstr(level.reason, reason))
		return true;
	printf("# level %d: %s\n", level.number, level.reason);
	return false;
}

static void test_level(void)
{
	struct level level;

	make_region();
	CHECK("3: held", level_is(3, "cxl-cli plug region0"));
	put_cxl("sysram_region0", "hotplug", "never\n");
	CHECK("3: guarded", level_is(3, "guarded"));
	put_cxl("sysram_region0", "hotplug", "none\n");
	make_block(32, "offline\n", "Normal Movable\n");
	CHECK("3: offline", level_is(3, "it is offline: cxl-cli plug"));
	make_block(33, "online\n", "Movable\n");
	CHECK("3: partly", level_is(3, "128.00 MiB of 1.00 GiB"));
	for (int i = 32; i < 40; i++)
		make_block(i, "online\n", "Movable\n");
	CHECK("4", level_is(4, "") && (region_level("region0", &level), !level.reason[0]));
	link_driver("region0", "cxl_region");
	CHECK("4, whoever has it", level_is(4, ""));
	link_driver("region0", "");
	CHECK("2: disabled", level_is(2, "enable-region"));
	put_cxl("region0", "commit", "0\n");
	CHECK("2: not committed", level_is(2, "committed"));
	put_cxl("region0", "mode", "pmem\n");
	CHECK("pmem has none", region_level("region0", &level) == -1);
	CHECK("nor what is not there", region_level("region9", &level) == -1);

	make_region();
	put_cxl("dax_region0/dax0.0", "size", "1\n");
	link_driver("dax_region0/dax0.0", "device_dax");
	CHECK("3: DAX", level_is(3, "/dev/dax0.0"));
	link_driver("dax_region0/dax0.0", "kmem");
	link_driver("region0", "cxl_region");
	CHECK("3: kmem without memory", level_is(3, "daxctl"));
	make_block(32, "offline\n", "Normal Movable\n");
	CHECK("3: kmem, offline", level_is(3, "daxctl online-memory dax0.0"));

	make_region();
	put_cxl("sysram_region0", "size", "0\n");
	CHECK("3: no capacity yet", level_is(3, "capacity"));
	put_cxl("mem0", "serial", "0x1\n");
	put_cxl("mem0/ram", "size", "0x40000000\n");
	CHECK("1: disabled", memdev_level(NULL, "mem0", &level) == 1);
	link_driver("mem0", "cxl_mem");
	CHECK("as far as its region", memdev_level(NULL, "mem0", &level) == 3);
	put_cxl("mem1", "serial", "0x2\n");
	put_cxl("mem1/ram", "size", "0x0\n");
	put_cxl("mem1/dynamic_ram_1", "size", "0x40000000\n");
	link_driver("mem1", "cxl_mem");
	CHECK("2: no region", memdev_level(NULL, "mem1", &level) == 2 &&
			      strstr(level.reason, "create-region --driver=sysram -t dynamic_ram_1 -m mem1"));
	put_cxl("mem1/dynamic_ram_1", "size", "0x0\n");
	CHECK("nothing that could be memory: none", memdev_level(NULL, "mem1", &level) == -1);
}

#define TAG "11111111-2222-3333-4444-555555555555"
#define NONE "00000000-0000-0000-0000-000000000000"

static void make_extents(void)
{
	make_region();
	put_cxl("sysram_region0", "release_extent", "");
	put_cxl("sysram_region0", "release_tag", "");
	make_extent("extent0.10", "0x10000000\n", "0x8000000\n", NONE "\n", "online_movable\n");
	make_extent("extent0.9", "0x0\n", "0x8000000\n", TAG "\n", "unplugged\n");
	make_extent("extent1.1", "0x0\n", "0x8000000\n", NONE "\n", "unplugged\n");
	/* on its way out */
	put_cxl("extent0.11", "offset", "0\n");
	put_cxl("dax_region0/dax0.1", "uuid", TAG "\n");
}

static int names(const struct extent *extent, void *arg)
{
	strcat(arg, extent->name);
	strcat(arg, extent->tag[0] ? "+ " : " ");
	return 0;
}

static void test_extents(void)
{
	char seen[256] = "", *out;
	int rc;

	make_extents();
	CHECK("extents of a region, in order",
	      !for_each_extent("region0", names, seen) &&
	      !strcmp(seen, "extent0.9+ extent0.10 "));
	CALL(2, &rc, verb_release_extents, "release-extents", "--id=10", "region0");
	CHECK("release-extents --id", !rc && is(CXL "sysram_region0/release_extent", "10"));
	CALL(2, &rc, verb_release_extents, "release-extents", "--all", "region0");
	CHECK("release-extents --all", !rc && is(CXL "sysram_region0/release_tag", TAG));
	out = CALL(1, &rc, verb_show, "show", "region0");
	CHECK("show draws tags and extents",
	      !rc && strstr(out, "[AAAAAAAA........########....") && strstr(out, "A  tag " TAG) &&
	      !strchr(out, '\033'));
}

static bool merged(const char *input, const char *expected, const struct listing *listing)
{
	struct json_object *object = json_tokener_parse(input);
	bool same;

	list_merge(listing, object);
	same = !strcmp(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE), expected);
	if (!same)
		printf("# %s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	return same;
}

static void test_list(void)
{
	struct listing plain = { 0 }, all = { .human = true, .extents = true };

	make_extents();
	CHECK("a decoder is left alone",
	      merged("[{\"decoder\":\"decoder2.0\",\"region\":\"region0\",\"resource\":1}]",
		     "[{\"decoder\":\"decoder2.0\",\"region\":\"region0\",\"resource\":1}]", &plain));
	CHECK("a mapping is left alone",
	      merged("{\"mappings\":[{\"position\":0,\"memdev\":\"mem0\"}]}",
		     "{\"mappings\":[{\"position\":0,\"memdev\":\"mem0\"}]}", &plain));
	CHECK("names that are no strings are left alone",
	      merged("[{\"region\":5},{\"memdev\":{}}]", "[{\"region\":5},{\"memdev\":{}}]", &plain));
	CHECK("a region, wherever",
	      merged("[{\"buses\":[{\"region\":\"region0\"}]}]",
		     "[{\"buses\":[{\"region\":\"region0\",\"sysram_region\":{\"hotplug\":\"none\",\"state\":\"unplugged\","
		     "\"size\":1073741824,\"plugged_size\":0,\"target_node\":1,\"numa_node\":1,\"memmap_size\":16777216,"
		     "\"memmap_on_memory\":false},\"level\":3,\"level_reason\":\"its capacity is held, or has tags: cxl-cli list -N -r region0\"}]}]",
		     &plain));
	CHECK("with extents, for people",
	      merged("{\"region\":\"region0\"}",
		     "{\"region\":\"region0\",\"sysram_region\":{\"hotplug\":\"none\",\"state\":\"unplugged\","
		     "\"size\":\"1.00 GiB\",\"plugged_size\":0,\"target_node\":1,\"numa_node\":1,\"memmap_size\":\"16.00 MiB\","
		     "\"memmap_on_memory\":false,\"extents\":["
		     "{\"extent\":\"extent0.9\",\"offset\":\"0\",\"length\":\"128.00 MiB\",\"uuid\":\"" TAG
		     "\",\"chardev\":\"dax0.1\",\"state\":\"unplugged\"},"
		     "{\"extent\":\"extent0.10\",\"offset\":\"0x10000000\",\"length\":\"128.00 MiB\","
		     "\"state\":\"online_movable\"}]},"
		     "\"level\":3,\"level_reason\":\"its capacity is held, or has tags: cxl-cli list -N -r region0\"}", &all));
	link_driver("region0", "");
	CHECK("a region of others has a level alone",
	      merged("{\"region\":\"region7\"}", "{\"region\":\"region7\"}", &plain));
}

/* A cxl that says how it was called */
static void make_cxl(const char *script)
{
	char path[PATH_MAX];

	put("bin/cxl", script);
	snprintf(path, sizeof(path), "%s/bin/cxl", root);
	chmod(path, 0755);
	snprintf(path, sizeof(path), "%s/bin:/bin:/usr/bin", root);
	setenv("PATH", path, 1);
}

static void test_options(void)
{
	char *out;
	int rc;

	wipe();
	make_cxl("#!/bin/sh\necho \"$@\"\n");
	out = CALL(1, &rc, verb_list, "list", "-RNu");
	CHECK("-N among others is for us", !rc && !strcmp(out, "list -Ru\n"));
	out = CALL(1, &rc, verb_list, "list", "--extents", "-d", "root");
	CHECK("--extents is about regions", !strcmp(out, "list -d root -R\n"));
	out = CALL(1, &rc, verb_list, "list", "-mN", "-vv");
	CHECK("an argument is no option", !strcmp(out, "list -mN -vv\n"));
	out = CALL(1, &rc, verb_list, "list", "--memd=mem0");
	CHECK("abbreviated", !strcmp(out, "list --memd=mem0\n"));
	out = CALL(1, &rc, verb_list, "list", "--bogus", "-N");
	CHECK("what is not known is for cxl, and -N for us",
	      !strcmp(out, "list --bogus -MR\n"));
	out = CALL(1, &rc, verb_list, "list", "-D", "-N", "-m", "-N");
	CHECK("what looks like an option may be an argument", !strcmp(out, "list -D -m -N -R\n"));
	make_cxl("#!/bin/sh\necho '[ ]'\nexit 3\n");
	CALL(1, &rc, verb_list, "list");
	CHECK("its exit code is ours", rc == 3);
	make_cxl("#!/bin/sh\necho '{\"region\": '\n");
	out = CALL(1, &rc, verb_list, "list");
	CHECK("what is no JSON is passed on", !strcmp(out, "{\"region\": \n"));

	make_region();
	CALL(2, &rc, verb_set_hotplug, "set-hotplug", "region0", "online_movable");
	CHECK("set-hotplug", !rc && is(CXL "sysram_region0/hotplug", "online_movable"));
	out = CALL(2, &rc, verb_set_hotplug, "set-hotplug", "--all", "region0", "none");
	CHECK("an option of another verb", rc && strstr(out, "unrecognized option '--all'"));
	out = CALL(2, &rc, verb_plug, "plug");
	CHECK("no region: usage", rc == EXIT_USAGE && strstr(out, "usage: cxl-cli plug [OPTION...] REGION..."));
	out = CALL(2, &rc, verb_plug, "plug", "--timeout=x", "region0");
	CHECK("--timeout of nothing", rc && strstr(out, "what does 'x' mean?"));
	put_cxl("sysram_region5", "state", "unplugged\n");
	CALL(2, &rc, verb_plug, "plug", "--timeout", "5", "region0");
	CHECK("the seconds of --timeout are no region",
	      !rc && is(CXL "sysram_region0/state", "online_movable") &&
	      is(CXL "sysram_region5/state", "unplugged"));
	put_cxl("sysram_region0", "state", "unplugged\n");
	out = CALL(2, &rc, verb_plug, "plug", "region1");
	CHECK("a region of others", rc && strstr(out, "enable-region --driver=sysram region1"));
	out = CALL(2, &rc, verb_release_extents, "release-extents", "--tag=" TAG "0", "region0");
	CHECK("what is no UUID", rc && strstr(out, "mean?"));
	out = CALL(2, &rc, verb_enable_region, "enable-region", "--driver=foo", "region0");
	CHECK("a driver that there is not", rc && strstr(out, "sysram, dax or region"));
	CALL(2, &rc, verb_enable_region, "enable-region", "--driver=sysram", "region0");
	CHECK("enable-region of what is enabled: nothing to do",
	      !rc && is("sys/bus/cxl/drivers/sysram_region/bind", ""));
	link_driver("region0", "");
	CALL(2, &rc, verb_enable_region, "enable-region", "--driver=sysram", "region0");
	CHECK("enable-region", !rc && is("sys/bus/cxl/drivers/sysram_region/bind", "region0"));
	put_cxl("sysram_region0", "hotplug", "online_movable\n");
	put_cxl("sysram_region0", "state", "online_movable\n");
	CALL(2, &rc, verb_enable_region, "enable-region", "--driver=sysram", "region0");
	CHECK("enable-region holds it, whatever was chosen at boot",
	      !rc && is(CXL "sysram_region0/hotplug", "none") &&
	      is(CXL "sysram_region0/state", "unplugged"));
	put_cxl("sysram_region0", "hotplug", "never\n");
	CALL(2, &rc, verb_enable_region, "enable-region", "--driver=sysram", "region0");
	CHECK("and guards what is guarded", !rc && is(CXL "sysram_region0/hotplug", "never"));
	put_cxl("sysram_region0", "hotplug", "none\n");
	link_driver("region0", "sysram_region");
	out = CALL(1, &rc, verb_show, "show", "region0");
	CHECK("show", !rc && strstr(out, "level 3: it is held") && strstr(out, "memmap of all: 16.00 MiB"));
	put_cxl("sysram_region0", "state", "online_movable\n");
	out = CALL(2, &rc, verb_plug, "plug", "--timeout=9", "--type=online_kernel", "region0");
	CHECK("another type: says what first, and does not wait",
	      rc && strstr(out, "region0 is online_movable, try first: cxl-cli unplug region0"));
	put_cxl("dax_region0", "hotplug", "none\n");
	link_driver("dax_region0", "cxl_dax_region");
	out = CALL(2, &rc, verb_unplug, "unplug", "--timeout=9", "region0");
	CHECK("DAX has it: says so, and does not wait",
	      rc && strstr(out, "region0 is DAX's (cxl_dax_region), try first: cxl-cli enable-region --driver=sysram region0"));
	out = CALL(2, &rc, verb_set_hotplug, "set-hotplug", "region0", "bogus");
	CHECK("a policy that there is not: says which there are", rc && strstr(out, "never, offline"));
	make_region();
	put("sys/bus/cxl/drivers/cxl_dax_region/bind", "");
	CALL(2, &rc, verb_enable_region, "enable-region", "--driver=dax", "region0");
	CHECK("enable-region, to DAX",
	      !rc && is("sys/bus/cxl/drivers/cxl_dax_region/bind", "dax_region0"));
	put_cxl("sysram_region0", "hotplug", "online_movable\n");
	CALL(2, &rc, verb_enable_region, "enable-region", "--driver=dax", "region0");
	CHECK("also when its policy would make System RAM of it",
	      !rc && is(CXL "sysram_region0/hotplug", "none"));
	put_cxl("dax_region0", "hotplug", "none\n");
	link_driver("dax_region0", "cxl_dax_region");
	put("sys/bus/cxl/drivers/cxl_dax_region/unbind", "");
	CALL(2, &rc, verb_enable_region, "enable-region", "--driver=sysram", "region0");
	CHECK("and back from DAX",
	      !rc && is("sys/bus/cxl/drivers/cxl_dax_region/unbind", "dax_region0"));
	link_driver("region0", "");
	put("sys/bus/cxl/drivers/cxl_region/bind", "");
	put_cxl("region0", "driver_override", "sysram_region\n");
	CALL(2, &rc, verb_enable_region, "enable-region", "--driver=region", "region0");
	CHECK("to cxl_region, although it was guarded once",
	      !rc && is(CXL "region0/driver_override", "") &&
	      is("sys/bus/cxl/drivers/cxl_region/bind", "region0"));
	wipe();
	out = CALL(2, &rc, verb_enable_region, "enable-region", "--driver=dax", "region0");
	CHECK("a kernel without it, to DAX", rc && strstr(out, "CONFIG_CXL_SYSRAM"));
	out = CALL(2, &rc, verb_plug, "plug", "region0");
	CHECK("a kernel without it", rc && strstr(out, "CONFIG_CXL_SYSRAM"));
}

static void test_processes(void)
{
	struct process last = { 0 };
	void keep(const struct process *process, void *arg)
	{
		*(struct process *)arg = *process;
	}

	wipe();
	put("proc/17/comm", "some\033[2Jprogram\n");
	put("proc/17/numa_maps",
	    "7f00 bind:1 anon=3 dirty=3 N0=1 N1=2 kernelpagesize_kB=4\n"
	    "7f01 default file=/lib N1=1 kernelpagesize_kB=2048\n"
	    "7f02 default N10=5 kernelpagesize_kB=4\n"
	    "garbage kernelpagesize_kB= N1=\n");
	put("proc/18/comm", "other\n");
	put("proc/18/numa_maps", "7f00 default N0=1 kernelpagesize_kB=4\n");
	put("proc/self", "\n");
	for_each_process_on(1, keep, &last);
	CHECK("who has memory on a node", last.pid == 17 && last.kib == 2056 && last.bound &&
					  !strcmp(last.name, "some?[2Jprogram"));
	memset(&last, 0, sizeof(last));
	for_each_process_on(3, keep, &last);
	CHECK("nobody", !last.pid);
	put("proc/17/numa_maps", "7f00 bind=static:1 N1=2 kernelpagesize_kB=4\n");
	for_each_process_on(1, keep, &last);
	CHECK("bound in another way", last.bound);
	put("proc/17/numa_maps", "7f00 bind:1-2 N1=2 kernelpagesize_kB=4\n7f01 prefer:1 N1=1 kernelpagesize_kB=4\n");
	for_each_process_on(1, keep, &last);
	CHECK("who may be elsewhere, too, is not bound", last.pid == 17 && !last.bound);
	put("proc/17/status", "Name:\tx\nMems_allowed:\t2\nMems_allowed_list:\t1\n");
	for_each_process_on(1, keep, &last);
	CHECK("unless its cpuset says so", last.bound);
	put("proc/17/status", "Mems_allowed_list:\t0-1\n");
	for_each_process_on(1, keep, &last);
	CHECK("and has nothing else", !last.bound);
}

static int explain_release(void *region)
{
	explain_busy("release-extents", region);
	return 0;
}

static int explain(void *region)
{
	explain_busy("unplug", region);
	return 0;
}

static void link_file(const char *dir, const char *name, const char *target)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/x", dir);
	put(path, "");
	snprintf(path, sizeof(path), "%s/%s/%s", root, dir, name);
	if (symlink(target, path))
		abort();
}

static void test_busy(void)
{
	char *said;
	int rc;

	make_region();
	link_file("proc/17/fd", "3", "/dev/dax0.0");
	link_file("proc/18/map_files", "7f00-7f01", "/dev/dax0.1");
	link_file("proc/19/fd", "3", "/dev/dax01.0");
	put("proc/20/numa_maps", "7f00 default N1=3 kernelpagesize_kB=4\n");
	put("proc/20/comm", "busy\n");
	said = output_of(2, explain, "region0", &rc);
	CHECK("who has a dax device open", strstr(said, "process 17 has /dev/dax0.0 open"));
	CHECK("or mapped", strstr(said, "process 18 has /dev/dax0.1 mapped"));
	CHECK("and not that of another region", !strstr(said, "process 19"));
	CHECK("who has its memory", strstr(said, "process 20 (busy) has 12 KiB on node 1"));
	CHECK("and what can be done", strstr(said, "cxl-cli unplug --timeout=60 region0"));
	put("sys/devices/system/node/node1/meminfo", "Node 1 Shmem:  2048 kB\nNode 1 Mlocked: 0 kB\n");
	put("sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "7\n");
	said = output_of(2, explain_release, "region0", &rc);
	CHECK("what no process has", strstr(said, "2.00 MiB on node 1: tmpfs") && !strstr(said, "locked,"));
	CHECK("and huge pages", strstr(said, "7 huge pages are set aside on node 1, try: echo 0 > "));
	CHECK("what helps with an extent is not to unplug all of it",
	      strstr(said, "with --timeout=60") && !strstr(said, "cxl-cli unplug"));
	put_cxl("dax_region0", "hotplug", "none\n");
	link_driver("dax_region0", "cxl_dax_region");
	CHECK("another thing while it is DAX's",
	      !strstr(output_of(2, explain, "region0", &rc), "--timeout"));
}

static void put_node(int node, int total, int free, int file)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "sys/devices/system/node/node%d/meminfo", node);
	snprintf(text, sizeof(text),
		 "Node %d MemTotal: %d kB\nNode %d MemFree: %d kB\nNode %d Active(file): %d kB\n"
		 "Node %d Inactive(file): 0 kB\nNode %d SReclaimable: 0 kB\n",
		 node, total << 10, node, free << 10, node, file << 10, node, node);
	put(path, text);
}

/* Online, with 10 MiB that the kernel keeps free of node 0 */
static void make_online_region(void)
{
	make_region();
	put("proc/zoneinfo", "Node 0, zone   Normal\n  pages free     1\n        high     2560\n");
	put_cxl("sysram_region0", "state", "online_movable\n");
	for (int i = 32; i < 40; i++)
		make_block(i, "online\n", "Movable\n");
}

static void test_fit(void)
{
	char *out;
	int rc;

	make_online_region();
	/* node 1 is the region, 600 of 1024 MiB are to be moved */
	put_node(1, 1024, 24, 400);
	put_node(0, 4096, 200, 0);
	out = CALL(2, &rc, verb_unplug, "unplug", "region0");
	CHECK("what does not fit elsewhere: refused, with the numbers",
	      rc == EXIT_REFUSED && strstr(out, "600 MiB of it have to move, there is room for 190 MiB elsewhere") &&
	      is(CXL "sysram_region0/state", "online_movable"));
	CALL(2, &rc, verb_unplug, "unplug", "--force", "region0");
	CHECK("unless it is wanted", !rc && is(CXL "sysram_region0/state", "unplugged"));
	put_cxl("sysram_region0", "state", "online_movable\n");
	put_node(0, 4096, 200, 500);
	out = CALL(2, &rc, verb_unplug, "unplug", "--dry-run", "region0");
	CHECK("page cache makes room", !rc && strstr(out, "there is room for 690 MiB"));
	CHECK("and nothing was done", is(CXL "sysram_region0/state", "online_movable"));
	CALL(2, &rc, verb_unplug, "unplug", "region0");
	CHECK("then it is unplugged", !rc && is(CXL "sysram_region0/state", "unplugged"));
	put_cxl("sysram_region0", "plugged_size", "1073741824\n");
	put_node(0, 4096, 200, 0);
	CALL(2, &rc, verb_resize, "resize", "region0", "512M");
	CHECK("what stays makes room, too", !rc && is(CXL "sysram_region0/plugged_size", "536870912"));
	put_cxl("sysram_region0", "plugged_size", "1073741824\n");
	CALL(2, &rc, verb_resize, "resize", "region0", "0");
	CHECK("unless nothing stays", rc == EXIT_REFUSED && is(CXL "sysram_region0/plugged_size", "1073741824"));
	out = CALL(2, &rc, verb_resize, "resize", "--dry-run", "region0", "768M");
	CHECK("only to see: nothing is done", !rc && strstr(out, "would be resized to 805306368") &&
	      is(CXL "sysram_region0/plugged_size", "1073741824"));
	CALL(2, &rc, verb_resize, "resize", "region0", "12Q");
	CHECK("what is no size", rc == EXIT_USAGE);
	CALL(2, &rc, verb_wait, "wait", "--level=3", "region0");
	CHECK("wait for what is there", !rc);
	make_block(32, "offline\n", "Movable\n");
	out = CALL(2, &rc, verb_wait, "wait", "--level=4", "--timeout=1", "region0");
	CHECK("and for what does not come", rc == EXIT_TIME && strstr(out, "region0 is at level 3"));
}

/* The same on node 2 */
static void make_second_region(void)
{
	put_cxl("region1", "resource", "0x140000000\n");
	put_cxl("region1", "size", "0x40000000\n");
	put_cxl("region1", "mode", "ram\n");
	put_cxl("region1", "commit", "1\n");
	link_driver("region1", "sysram_region");
	put_cxl("sysram_region1", "state", "online_movable\n");
	put_cxl("sysram_region1", "target_node", "2\n");
	for (int i = 40; i < 48; i++)
		make_block(i, "online\n", "Movable\n");
}

static void test_fit_together(void)
{
	char *out;
	int rc;

	make_online_region();
	make_second_region();
	put_node(0, 4096, 300, 0);
	put_node(1, 1024, 424, 0);
	put_node(2, 1024, 900, 0);
	out = CALL(2, &rc, verb_unplug, "unplug", "--dry-run", "region0");
	CHECK("another node has room", !rc && strstr(out, "600 MiB of it have to move, there is room for 1190 MiB"));
	out = CALL(2, &rc, verb_unplug, "unplug", "region0", "region1");
	CHECK("not one that goes in the same call", rc == EXIT_PARTLY &&
	      strstr(out, "600 MiB of it have to move, there is room for 290 MiB") &&
	      is(CXL "sysram_region0/state", "online_movable"));
}

static int print_obstacles(void *arg)
{
	(void)arg;
	obstacles(NULL);
	return 0;
}

static void test_obstacles(void)
{
	const char *out;
	int rc;

	wipe();
	out = output_of(1, print_obstacles, NULL, &rc);
	CHECK("a kernel without it", strstr(out, "this kernel has no sysram_region") &&
	      !strchr(strchr(out, '\n') + 1, '\n'));
	put("sys/bus/cxl/drivers/sysram_region/bind", "");
	put("sys/module/cxl_core/parameters/region_driver", "sysram_region\n");
	put("sys/devices/system/memory/auto_online_blocks", "offline\n");
	put("etc/udev/rules.d/40-vm.rules", "# SUBSYSTEM==\"memory\", ATTR{state}=\"online\"\nSUBSYSTEM==\"cpu\"\n");
	out = output_of(1, print_obstacles, NULL, &rc);
	CHECK("nothing is in the way", !*out);
	put("sys/module/cxl_core/parameters/region_driver", "cxl_region\n");
	put("sys/devices/system/memory/auto_online_blocks", "online_movable\n");
	put("usr/lib/udev/rules.d/40-vm.rules", "SUBSYSTEM==\"memory\", ACTION==\"add\", ATTR{state}=\"online\"\n");
	out = output_of(1, print_obstacles, NULL, &rc);
	CHECK("what firmware has set up is not for us", strstr(out, "go to cxl_region at boot"));
	CHECK("memory comes online of itself", strstr(out, "online at once: online_movable"));
	CHECK("a rule puts it online", strstr(out, "/usr/lib/udev/rules.d/40-vm.rules puts") &&
	      !strstr(out, "/etc/udev"));
}

int main(void)
{
	if (!mkdtemp(root))
		return EXIT_FAILURE;
	setenv("CXL_CLI_ROOT", root, 1);
	test_numbers();
	test_names();
	test_blocks();
	test_memmap();
	test_level();
	test_extents();
	test_list();
	test_options();
	test_processes();
	test_busy();
	test_fit();
	test_fit_together();
	test_obstacles();
	return finish();
}
