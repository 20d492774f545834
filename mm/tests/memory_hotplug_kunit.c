// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/align.h>
#include <linux/gfp.h>
#include <linux/ioport.h>
#include <linux/limits.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/range.h>
#include <linux/sizes.h>

/*
 * What operations on lists of ranges answer to bad input. Nothing is ever added or
 * taken offline: the addresses have no memory, or the hook gives up.
 */
#define NAME	"System RAM (KUnit)"

struct bad_list {
	const char *name;
	/* in memory blocks, relative to addresses without memory; in bytes */
	struct { s64 first, last, less; } ranges[3];
	unsigned int nr;
	int rc;
};

static const struct bad_list lists[] = {
	{ "empty list", {}, 0, -EINVAL },
	{ "begins within a block", { { 0, 0, -1 } }, 1, -EINVAL },
	{ "ends within a block", { { 0, 0, 1 } }, 1, -EINVAL },
	{ "ends before it begins", { { 2, 0 } }, 1, -EINVAL },
	{ "twice", { { 0, 0 }, { 0, 0 } }, 2, -EINVAL },
	{ "overlap", { { 0, 1 }, { 1, 2 } }, 2, -EINVAL },
	{ "overlap, not in order", { { 2, 3 }, { 0, 0 }, { 3, 3 } }, 3, -EINVAL },
	{ "one within another", { { 0, 3 }, { 1, 1 } }, 2, -EINVAL },
	{ "good, but not there", { { 0, 0 }, { 2, 2 } }, 2, -ENOENT },
	{ "good, touching, not in order", { { 1, 1 }, { 0, 0 } }, 2, -ENOENT },
};

KUNIT_ARRAY_PARAM_DESC(bad_list, lists, name);

static u64 free_base; /* addresses without memory, for four blocks */

static void bad_list_ranges(const struct bad_list *list, struct range *ranges)
{
	const u64 block = memory_block_size_bytes();

	for (unsigned int i = 0; i < list->nr; i++) {
		s64 less = list->ranges[i].less * PAGE_SIZE;

		ranges[i].start = free_base + list->ranges[i].first * block;
		ranges[i].end = free_base + (list->ranges[i].last + 1) * block - 1;
		if (less < 0)
			ranges[i].start -= less;
		else
			ranges[i].end -= less;
	}
}

static int give_up(struct mhp_ctl *ctl)
{
	return -EL2NSYNC;
}

static int go_on(struct mhp_ctl *ctl)
{
	return 0;
}

static void bad_lists(struct kunit *test)
{
	const struct bad_list *list = test->param_value;
	struct mhp_ctl ctl = { .give_up = go_on };
	struct range ranges[3];

	bad_list_ranges(list, ranges);
	KUNIT_EXPECT_EQ(test, list->rc,
			offline_and_remove_memory_ranges(ranges, list->nr, &ctl));
	KUNIT_EXPECT_EQ(test, list->rc,
			offline_and_remove_memory_ranges(ranges, list->nr, NULL));
	KUNIT_EXPECT_EQ(test, list->rc,
			online_memory_ranges(ranges, list->nr, MMOP_ONLINE, &ctl));
	/* What is good would be added: only the hook keeps it from that */
	ctl.give_up = give_up;
	KUNIT_EXPECT_EQ(test, list->rc == -ENOENT ? -EL2NSYNC : list->rc,
			add_memory_ranges_driver_managed(0, ranges, list->nr, 0, NAME,
							 MHP_NONE, MMOP_ONLINE,
							 &ctl));
}

static void no_list(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, -EINVAL,
			offline_and_remove_memory_ranges(NULL, 1, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			online_memory_ranges(NULL, 1, MMOP_ONLINE, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			add_memory_ranges_driver_managed(0, NULL, 1, 0, NAME, MHP_NONE,
							 MMOP_ONLINE, NULL));
}

static void bad_types(struct kunit *test)
{
	const struct range range = DEFINE_RANGE(free_base, free_base +
						memory_block_size_bytes() - 1);

	KUNIT_EXPECT_EQ(test, -EINVAL,
			online_memory_ranges(&range, 1, MMOP_OFFLINE, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			online_memory_ranges(&range, 1, MMOP_ONLINE_MOVABLE + 1, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			add_memory_ranges_driver_managed(0, &range, 1, 0, NAME, MHP_NONE,
							 MMOP_ONLINE_MOVABLE + 1, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			add_memory_ranges_driver_managed(0, &range, 1, 0, "System RAM",
							 MHP_NONE, MMOP_ONLINE, NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			add_memory_ranges_driver_managed(0, &range, 1, 0, NULL,
							 MHP_NONE, MMOP_ONLINE, NULL));
}

static int first_ram(struct resource *res, void *range)
{
	const u64 block = memory_block_size_bytes();
	struct range *found = range;

	found->start = ALIGN(res->start, block);
	found->end = found->start + block - 1;
	return found->end <= res->end;
}

/* The hook is asked before anything is done: all of it is online afterwards */
static void memory_that_is_there(struct kunit *test)
{
	struct mhp_ctl ctl = { .give_up = go_on };
	struct range ram;

	KUNIT_ASSERT_EQ(test, 1, walk_iomem_res_desc(IORES_DESC_NONE,
						     IORESOURCE_SYSTEM_RAM |
						     IORESOURCE_BUSY, SZ_1M, U64_MAX,
						     &ram, first_ram));
	KUNIT_EXPECT_EQ(test, -EEXIST,
			add_memory_ranges_driver_managed(0, &ram, 1, 0, NAME, MHP_NONE,
							 MMOP_ONLINE, &ctl));
	ctl.give_up = give_up;
	KUNIT_EXPECT_EQ(test, -EL2NSYNC,
			offline_and_remove_memory_ranges(&ram, 1, &ctl));
	KUNIT_EXPECT_NOT_NULL(test, pfn_to_online_page(PHYS_PFN(ram.start)));
}

static void too_high(struct kunit *test)
{
	const u64 block = memory_block_size_bytes();
	struct mhp_ctl ctl = { .give_up = go_on };
	struct range ranges[] = {
		DEFINE_RANGE(U64_MAX - 2 * block + 1, U64_MAX - block),
	};

	KUNIT_EXPECT_EQ(test, -E2BIG,
			add_memory_ranges_driver_managed(0, ranges, 1, 0, NAME, MHP_NONE,
							 MMOP_ONLINE, &ctl));
	KUNIT_EXPECT_EQ(test, -ENOENT,
			offline_and_remove_memory_ranges(ranges, 1, &ctl));
}

static void pages_in_use(struct kunit *test)
{
	const unsigned int order = 5;
	const u64 block = memory_block_size_bytes();
	struct mhp_ctl ctl = { .give_up = go_on };
	struct page *page = alloc_pages(GFP_KERNEL, order);
	unsigned long used;
	struct range range;

	KUNIT_ASSERT_NOT_NULL(test, page);
	range.start = ALIGN_DOWN(page_to_phys(page), block);
	range.end = range.start + block - 1;
	KUNIT_EXPECT_EQ(test, 0, memory_range_in_use(&range, &used, &ctl));
	KUNIT_EXPECT_GE(test, used, 1UL << order);
	KUNIT_EXPECT_LE(test, used, PHYS_PFN(block));
	ctl.give_up = give_up;
	KUNIT_EXPECT_EQ(test, -EL2NSYNC, memory_range_in_use(&range, &used, &ctl));
	__free_pages(page, order);

	ctl.give_up = go_on;
	range.end--;
	KUNIT_EXPECT_EQ(test, -EINVAL, memory_range_in_use(&range, &used, &ctl));
	range = DEFINE_RANGE(free_base, free_base + block - 1);
	KUNIT_EXPECT_EQ(test, -ENOENT, memory_range_in_use(&range, &used, &ctl));
	KUNIT_EXPECT_EQ(test, 0, used);
}

static struct kunit_case memory_hotplug_cases[] = {
	KUNIT_CASE_PARAM(bad_lists, bad_list_gen_params),
	KUNIT_CASE(no_list),
	KUNIT_CASE(bad_types),
	KUNIT_CASE(memory_that_is_there),
	KUNIT_CASE(too_high),
	KUNIT_CASE(pages_in_use),
	{}
};

static int find_base(struct kunit_suite *suite)
{
	const u64 block = memory_block_size_bytes();
	struct resource *res;

	res = request_free_mem_region(&iomem_resource, 5 * block, "KUnit");
	if (IS_ERR(res))
		return PTR_ERR(res);
	free_base = ALIGN(res->start, block);
	release_mem_region(res->start, resource_size(res));
	return 0;
}

static struct kunit_suite memory_hotplug_suite = {
	.name = "memory_hotplug",
	.suite_init = find_base,
	.test_cases = memory_hotplug_cases,
};

kunit_test_suite(memory_hotplug_suite);

MODULE_DESCRIPTION("KUnit tests for memory hotplug operations on lists of ranges");
MODULE_LICENSE("GPL");
