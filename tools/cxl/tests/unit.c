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
#include "region.h"

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
	CHECK("3: kmem without memory", level_is(3, "it is unplugged: cxl-cli plug region0"));
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

int main(void)
{
	make_root();
	test_numbers();
	test_names();
	test_blocks();
	test_memmap();
	test_level();
	test_extents();
	test_list();
	test_options();
	return finish();
}
