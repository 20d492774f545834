// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of cxl-cli: who has the memory of a region, whether it fits elsewhere, and
 * what stands in the way on a machine.
 */
#include "region.h"

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
	put_cxl("sysram_region0", "state", "online_movable\n");
	put_node(0, 4096, 200, 0);
	put("sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "250\n");
	put("sys/kernel/mm/hugepages/hugepages-2048kB/resv_hugepages", "30\n");
	out = CALL(2, &rc, verb_unplug, "unplug", "--dry-run", "region0");
	CHECK("free huge pages go with it, but for what is reserved",
	      !rc && strstr(out, "160 MiB of it have to move, there is room for 190 MiB"));
	put("sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "0\n");
	put_cxl("sysram_region0", "plugged_size", "1073741824\n");
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

/* The boot policy plugs while it is bound */
static void test_slow_bind(void)
{
	char path[PATH_MAX];
	const char *out;
	int rc;

	make_region();
	link_driver("region0", "");
	snprintf(path, sizeof(path), "%s/sys/bus/cxl/drivers/sysram_region/bind", root);
	if (unlink(path) || mkfifo(path, 0600))
		abort();
	out = CALL(2, &rc, verb_enable_region, "enable-region", "--driver=sysram", "--timeout=1",
		   "region0");
	CHECK("a bind that takes too long", rc == EXIT_TIME && strstr(out, "region0: sysram_region"));
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
	make_root();
	test_processes();
	test_busy();
	test_fit();
	test_fit_together();
	test_obstacles();
	test_slow_bind();
	return finish();
}
