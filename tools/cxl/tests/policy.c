// SPDX-License-Identifier: GPL-2.0-only
/* Unit tests of the policy files: what is read, what is void, and which one it is */
#include <errno.h>
#include "../policy.h"
#include "../request.h"
#include "check.h"

#define ETC "etc/cxl/policy.d/"
#define LIB "usr/lib/cxl/policy.d/"

/* In place of that of select.c */
int for_each_selected(struct cxl_ctx *ctx, const struct selection *selection, region_fn fn,
		      void *arg, int *done)
{
	(void)ctx;
	(void)selection;
	(void)fn;
	(void)arg;
	*done = 0;
	return -ENODEV;
}

static struct policies policies;

static int load(void *arg)
{
	(void)arg;
	policies_free(&policies);
	return policies_load(&policies, NULL, 0);
}

/* The files as they are now; what was said about them */
static const char *read_files(void)
{
	int rc;

	return output_of(2, load, NULL, &rc);
}

/* One file, with that text */
static const char *read_file(const char *text)
{
	wipe();
	put(ETC "a.conf", text);
	return read_files();
}

static const struct facts first = {
	.name = "mem0", .serial = 0x11, .pci = "0000:35:00.0",
	.windows = { 0x1000, 0x2000 }, .nr_windows = 2,
};

static const char *chosen(const struct facts *facts, const char *type, bool *clash)
{
	const struct policy *policy = policy_for(&policies, facts, type, clash);

	return policy ? policy->name : "";
}

static bool is_chosen(const char *name)
{
	bool clash;

	return !strcmp(chosen(&first, "ram", &clash), name) && !clash;
}

static void test_valid(void)
{
	const struct policy *policy;
	const char *out;

	wipe();
	out = read_files();
	CHECK("no folder is no error", !*out && !policies.nr && !policies.wrong);
	out = read_file("# a comment\n\n[region all of it]\nall = yes\n");
	policy = policies.list;
	CHECK("defaults", !*out && policies.nr == 1 && policy->match == MATCH_ALL &&
	      !strcmp(policy->driver, "sysram") && !strcmp(policy->hotplug, "none") &&
	      !strcmp(policy->type, "ram") && !policy->size && !policy->memmap &&
	      !policy->no_create && policy->line == 3);
	out = read_file("[region x]\nserial=0x11, 18\nserial=0x13\ntype=ram\ndriver=dax\nhotplug=online_kernel\nsize=2G\ngranularity=256\ncreate=no\n"
			"[region x]\nwindow=0x2000\ntype=dynamic_ram_1\nhotplug=never\nmemmap_on_memory=yes\n");
	policy = policies.list;
	CHECK("all keys", !*out && policies.nr == 2 && policy[0].nr_serials == 3 &&
	      policy[0].serials[1] == 18 && policy[0].serials[2] == 0x13 &&
	      policy[0].size == 2ull << 30 && policy[0].granularity == 256 && policy[0].no_create);
	CHECK("a section of the same name is another one", policy[1].match == MATCH_WINDOW &&
	      policy[1].window == 0x2000 && policy_guards(&policy[1]) && policy[1].memmap[0] == '1');
	out = read_file("\xef\xbb\xbf[region x]\r\npci=0:35:0.0\r\n");
	CHECK("as other systems write it", !*out && policies.nr == 1 &&
	      !strcmp(policies.list->pci, "0000:35:00.0"));
}

static void test_wrong(void)
{
	static const struct {
		const char *text;
		const char *says;
	} wrong[] = {
		{ "all=yes\n", "a.conf:1: it is in no [region NAME]" },
		{ "[regions x]\nall=yes\n", "a.conf:1: a section is [region NAME]" },
		{ "[region x]\n", "a.conf:1: there is nothing in this section" },
		{ "[region x]\n[region y]\nall=yes\n", "a.conf:1: there is nothing in this section" },
		{ "[region x]\nhotplug=online\n", "a.conf:1: for which memdevs?" },
		{ "[region x]\nall=yes\nhotplog=online\n", "a.conf:3: there is no key 'hotplog'" },
		{ "[region x]\nall=yes\nhotplug=onlin\n", "a.conf:3: hotplug is 'onlin', and can be: none" },
		{ "[region x]\nall=yes\nhotplug\n", "a.conf:3: what does this mean?" },
		{ "[region x]\nall=yes\n[region\n", "a.conf:3: a section is [region NAME]" },
		{ "[region x]\nall=no\n", "a.conf:2: all is 'no', and can be: yes" },
		{ "[region x]\nall=yes\nserial=1\n", "a.conf:3: serial: more than one" },
		{ "[region x]\nall=yes\nall=yes\n", "a.conf:3: all: more than one" },
		{ "[region x]\nserial=1,1\n", "a.conf:2: serial is '1,1'" },
		{ "[region x]\nserial=1\nserial=0x1\n", "a.conf:3: serial is '0x1'" },
		{ "[region x]\nserial=-1\n", "a.conf:2: serial is '-1'" },
		{ "[region x]\nserial=1x\n", "a.conf:2: serial is '1x'" },
		{ "[region x]\nserial=\n", "a.conf:2: serial is ''" },
		{ "[region x]\nserial=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17\n", "a.conf:2: serial is" },
		{ "[region x]\npci=35\n", "a.conf:2: pci is '35'" },
		{ "[region x]\nwindow=x\n", "a.conf:2: window is 'x'" },
		{ "[region x]\nall=yes\nsize=0\n", "a.conf:3: size is '0'" },
		{ "[region x]\nall=yes\ngranularity=0\n", "a.conf:3: granularity is '0'" },
		{ "[region x]\nall=yes\ncreate=maybe\n", "a.conf:3: create is 'maybe'" },
		{ "[region x]\nall=yes\ndriver=dax\ntype=dynamic_ram_1\n", "a.conf:1: of a dynamic region" },
		{ "[region x]\nall=yes\ndriver=region\ntype=dynamic_ram_1\n", "a.conf:1: of a dynamic region" },
		{ "[region x]\nall=yes\ndriver=region\nhotplug=online\n", "a.conf:1: hotplug= and memmap" },
		{ "[region x]\nall=yes\ndriver=dax\nmemmap_on_memory=yes\n", "a.conf:1: memmap_on_memory=" },
	};
	char text[512];
	const char *out;
	bool good = true;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		out = read_file(wrong[i].text);
		if (strstr(out, wrong[i].says) && policies.wrong == 1 && !policies.nr)
			continue;
		printf("# %s# says: %s", wrong[i].text, out);
		good = false;
	}
	CHECK("what is wrong, where, and why; and nothing of it is done", good);
	snprintf(text, sizeof(text), "[region x]\nall=yes\n%0300d\n[region y]\nserial=5\n", 0);
	out = read_file(text);
	CHECK("a line that is too long, and the next is what it is",
	      strstr(out, "a.conf:3: this line is too long") && !strstr(out, ":4:") && !policies.nr);
	put(ETC "b.conf", "[region y]\nall=yes\n");
	read_files();
	CHECK("the other files are done", policies.nr == 1 && policies.wrong == 1 && !policies.guard[0]);
}

static void test_guard(void)
{
	read_file("[region x]\nall=yes\nhotplog=never\n");
	CHECK("what may guard, and is void, stops all plugging", strstr(policies.guard, "a.conf"));
	read_file("[region x]\nall=yes\nhotplug=Never\n");
	CHECK("also in capitals", policies.guard[0]);
	read_file("[region x]\nall=yes\nhotplug=nevr\n");
	CHECK("also when that is what is misspelt", policies.guard[0]);
	read_file("[region x]\nall=yes\n# never\nhotplog=online\n");
	CHECK("a comment does not", policies.wrong == 1 && !policies.guard[0]);
	read_file("[region x]\nall=yes\nhotplug=never\n");
	CHECK("nor what is valid", !policies.wrong && !policies.guard[0]);
	wipe();
	put(ETC "a.conf/x", "");
	read_files();
	CHECK("what cannot be read may guard", policies.wrong == 1 && policies.guard[0]);
}

static void test_folders(void)
{
	wipe();
	put(LIB "50-vendor.conf", "[region vendor]\nall=yes\n");
	put(LIB "10-first.conf", "[region first]\nserial=1\n");
	put(LIB "README", "not a policy\n");
	put(LIB ".hidden.conf", "not a policy\n");
	read_files();
	CHECK("those of packages", policies.nr == 2 && !policies.wrong);
	put(ETC "50-vendor.conf", "[region mine]\nall=yes\n");
	read_files();
	CHECK("one of the same name replaces it", policies.nr == 2 && is_chosen("mine"));
	put(ETC "50-vendor.conf", "");
	read_files();
	CHECK("also an empty one", policies.nr == 1 && !policies.wrong && is_chosen(""));
}

static void test_precedence(void)
{
	struct facts other = { .name = "mem1", .serial = 0x12, .pci = "0000:36:00.0" };
	bool clash;

	read_file("[region all]\nall=yes\n");
	CHECK("all", is_chosen("all"));
	put(ETC "b.conf", "[region window]\nwindow=0x2000\n");
	read_files();
	CHECK("a window goes before", is_chosen("window"));
	put(ETC "0.conf", "[region pci]\npci=0000:35:00.0\n");
	read_files();
	CHECK("an address goes before that", is_chosen("pci"));
	put(ETC "00.conf", "[region serial]\nserial=0x12\nserial=0x11\n");
	read_files();
	CHECK("a serial number goes before all", is_chosen("serial"));
	CHECK("the same for all of a set", !strcmp(chosen(&other, "ram", &clash), "serial"));
	CHECK("types are apart", !*chosen(&first, "dynamic_ram_1", &clash) && !clash);
	other.serial = 0x99;
	CHECK("another memdev", !strcmp(chosen(&other, "ram", &clash), "all"));
	put(ETC "z.conf", "[region again]\nserial=0x11\n");
	read_files();
	CHECK("two of the same rank: neither", !*chosen(&first, "ram", &clash) && clash);
	other.serial = 0x12;
	CHECK("and only where both are meant", !strcmp(chosen(&other, "ram", &clash), "serial"));
	read_file("[region a]\nall=yes\n[region b]\nall=yes\n[region c]\npci=0000:35:00.0\n");
	CHECK("two of a rank below do no harm", is_chosen("c"));
}

static void unlink_file(const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	if (unlink(full))
		abort();
}

static int persist(void *arg)
{
	static const unsigned long long serials[] = { 0x12, 0x11 };

	return policy_persist("test", serials, 2, "ram", "sysram", arg);
}

/* Two memdevs that cannot be told from each other */
static int persist_twice(void *arg)
{
	static const unsigned long long serials[] = { 0x12, 0x12 };

	return policy_persist("test", serials, 2, "ram", "sysram", arg);
}

static void test_persist(void)
{
	const struct policy *policy;
	const char *out;
	int rc;

	wipe();
	put("etc/hostname", "x\n");
	output_of(2, persist, "online_movable", &rc);
	read_files();
	policy = policies.list;
	CHECK("what is said is read again", !rc && policies.nr == 1 && policy->nr_serials == 2 &&
	      policy->serials[0] == 0x12 && !strcmp(policy->hotplug, "online_movable"));
	put(ETC "90-local.conf", "# mine\n[region mine]\nall=yes\n[region 0x12 ram]\nserial=0x12\nserial=0x11\nhotplug=none\n[region yours]\nserial=5\n");
	output_of(2, persist, "never", &rc);
	read_files();
	CHECK("it takes the place of what was said before", !rc && policies.nr == 3 &&
	      is_chosen("0x12 ram") && policy_guards(&policies.list[2]));
	CHECK("and nothing else's", !strcmp(policies.list[0].name, "mine") &&
	      !strcmp(policies.list[1].name, "yours"));
	put(ETC "90-local.conf", "[region mine]\nall=yes\n[region 0x11 ram]\nserial=0x11\n# a comment\n[region x]\npci=0:0:0.0");
	output_of(2, persist, "none", &rc);
	read_files();
	CHECK("a set takes the place of one of its members, whatever the last line is", !rc &&
	      policies.nr == 3 && is_chosen("0x12 ram") && !policies.wrong &&
	      system("grep -q '^# a comment' $CXL_CLI_ROOT/etc/cxl/policy.d/90-local.conf") == 0);
	put(ETC "50-site.conf", "[region site]\nserial=0x11\n");
	out = output_of(2, persist, "never", &rc);
	CHECK("what another file says as well cannot be said", rc == -EINVAL &&
	      strstr(out, "50-site.conf:1"));
	unlink_file(ETC "50-site.conf");
	read_files();
	CHECK("and nothing was", policies.nr == 3 && is_chosen("0x12 ram") &&
	      !policy_guards(&policies.list[2]));
	put(ETC "90-local.conf", "[region 0x12 ram]\nserial=0x12\nserial = 0x11\ntype=ram\nsize=512M\nhotplug=none\ncreate=no\n");
	output_of(2, persist, "never", &rc);
	read_files();
	CHECK("what somebody has added to it stays", !rc && policies.nr == 1 &&
	      policies.list[0].size == 512 << 20 && policies.list[0].no_create &&
	      policy_guards(&policies.list[0]));
	out = output_of(2, persist_twice, "none", &rc);
	read_files();
	CHECK("what would make the file void is not written", rc == -EINVAL && !policies.wrong &&
	      policies.nr == 1 && policy_guards(&policies.list[0]));
	put(ETC "90-local.conf", "[region mine]\nal=yes\n");
	out = output_of(2, persist, "none", &rc);
	CHECK("not in a file that is void", rc == -EINVAL && strstr(out, "there is no key 'al'"));
}

int main(void)
{
	make_root();
	test_valid();
	test_wrong();
	test_guard();
	test_folders();
	test_precedence();
	test_persist();
	policies_free(&policies);
	return finish();
}
