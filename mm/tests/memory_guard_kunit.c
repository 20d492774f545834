// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/resource.h>
#include <kunit/test.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/ioport.h>
#include <linux/limits.h>
#include <linux/memory_guard.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/range.h>
#include <linux/sizes.h>

/*
 * Memory is "added" where there is none, in sizes that memory hotplug refuses
 * after it has asked the guard: -EINVAL is what it answers where nothing is
 * guarded, and nothing is ever added.
 */
#define GUARD_SIZE	SZ_16M

static u64 guard_base; /* with nothing before and behind it */

struct memory_adder {
	const char *name;
	int (*add)(u64 start, u64 size);
};

static int try_add_memory(u64 start, u64 size)
{
	return add_memory(0, start, size, MHP_NONE);
}

static int try_add_memory_locked(u64 start, u64 size)
{
	int rc;

	lock_device_hotplug();
	rc = __add_memory(0, start, size, MHP_NONE);
	unlock_device_hotplug();
	return rc;
}

static int try_add_memory_driver_managed(u64 start, u64 size)
{
	return add_memory_driver_managed(0, start, size, "System RAM (guard)",
					 MHP_NONE);
}

static int try_add_memory_online(u64 start, u64 size)
{
	return __add_memory_driver_managed(0, start, size, "System RAM (guard)",
					   MHP_NONE, MMOP_ONLINE_MOVABLE);
}

/* As the balloon driver of Xen does */
static int try_add_memory_resource(u64 start, u64 size)
{
	struct resource res = DEFINE_RES_MEM(start, size);
	int rc;

	lock_device_hotplug();
	rc = add_memory_resource(0, &res, MHP_NONE);
	unlock_device_hotplug();
	return rc;
}

static const struct memory_adder adders[] = {
	{ "add_memory", try_add_memory },
	{ "__add_memory", try_add_memory_locked },
	{ "add_memory_driver_managed", try_add_memory_driver_managed },
	{ "__add_memory_driver_managed", try_add_memory_online },
	{ "add_memory_resource", try_add_memory_resource },
};

KUNIT_ARRAY_PARAM_DESC(memory_adder, adders, name);

/* Relative to the guard */
static const struct {
	s64 start;
	u64 size;
	int rc;
} cases[] = {
	{ 0, GUARD_SIZE - PAGE_SIZE, -EPERM },
	{ 0, PAGE_SIZE, -EPERM },
	{ GUARD_SIZE - PAGE_SIZE, PAGE_SIZE, -EPERM },
	{ -(s64)PAGE_SIZE, 2 * PAGE_SIZE, -EPERM },
	{ GUARD_SIZE - PAGE_SIZE, 2 * PAGE_SIZE, -EPERM },
	{ -(s64)PAGE_SIZE, GUARD_SIZE + 2 * PAGE_SIZE, -EPERM },
	{ -(s64)PAGE_SIZE, PAGE_SIZE, -EINVAL },
	{ GUARD_SIZE, PAGE_SIZE, -EINVAL },
};

static struct memory_guard guards[2];

static void guard_unregister(void *guard)
{
	memory_guard_unregister(guard, NULL);
}

static void guard_register(struct kunit *test, struct memory_guard *guard)
{
	KUNIT_ASSERT_EQ(test, 0, memory_guard_register(guard, guard_base,
						       GUARD_SIZE, "KUnit", NULL));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, guard_unregister,
							   guard));
}

static int guard_try(const struct memory_adder *adder, int i)
{
	return adder->add(guard_base + cases[i].start, cases[i].size);
}

static void guard_refuses(struct kunit *test)
{
	const struct memory_adder *adder = test->param_value;

	guard_register(test, &guards[0]);
	for (int i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, cases[i].rc, guard_try(adder, i),
				    "case %d", i);
	kunit_release_action(test, guard_unregister, &guards[0]);

	/* It is out of the way, and refusing has left nothing behind */
	for (int i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL, guard_try(adder, i),
				    "case %d", i);
	KUNIT_EXPECT_EQ(test, REGION_DISJOINT,
			region_intersects(guard_base, GUARD_SIZE, IORESOURCE_MEM,
					  IORES_DESC_NONE));
}

static void guards_overlap(struct kunit *test)
{
	guard_register(test, &guards[0]);
	guard_register(test, &guards[1]);
	kunit_release_action(test, guard_unregister, &guards[0]);
	KUNIT_EXPECT_EQ(test, -EPERM, try_add_memory(guard_base, PAGE_SIZE));
	kunit_release_action(test, guard_unregister, &guards[1]);
	KUNIT_EXPECT_EQ(test, -EINVAL, try_add_memory(guard_base, PAGE_SIZE));
}

/* A probe can register a guard while memory hotplug is busy elsewhere */
static void guard_does_not_wait(struct kunit *test)
{
	struct mhp_ctl ctl = { .give_up = mhp_give_up_on_signal };

	lock_device_hotplug();
	guard_register(test, &guards[0]);
	KUNIT_EXPECT_EQ(test, -EPERM,
			__add_memory(0, guard_base, PAGE_SIZE, MHP_NONE));
	kunit_release_action(test, guard_unregister, &guards[0]);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			__add_memory(0, guard_base, PAGE_SIZE, MHP_NONE));
	unlock_device_hotplug();

	KUNIT_EXPECT_EQ(test, 0, memory_guard_register(&guards[0], guard_base,
						       GUARD_SIZE, "KUnit", &ctl));
	KUNIT_EXPECT_EQ(test, -EPERM, try_add_memory(guard_base, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, memory_guard_unregister(&guards[0], &ctl));
}

static void guard_of_nothing(struct kunit *test)
{
	struct memory_guard guard;

	KUNIT_EXPECT_EQ(test, -EINVAL,
			memory_guard_register(&guard, guard_base, 0, "KUnit", NULL));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			memory_guard_register(&guard, U64_MAX, 2, "KUnit", NULL));
}

static int guard_first_ram(struct resource *res, void *range)
{
	*(struct range *)range = DEFINE_RANGE(res->start, res->end);
	return 1;
}

static void guard_too_late(struct kunit *test)
{
	struct mhp_ctl ctl = { .give_up = mhp_give_up_on_signal };
	struct memory_guard guard;
	struct range ram;

	/* The last page of the kernel's own memory */
	KUNIT_ASSERT_EQ(test, 1, walk_iomem_res_desc(IORES_DESC_NONE,
						     IORESOURCE_SYSTEM_RAM |
						     IORESOURCE_BUSY, 0, U64_MAX,
						     &ram, guard_first_ram));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			memory_guard_register(&guard, ram.end - PAGE_SIZE + 1,
					      PAGE_SIZE, "KUnit", NULL));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			memory_guard_register(&guard, 0, U64_MAX, "KUnit", NULL));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			memory_guard_register(&guard, 0, U64_MAX, "KUnit", &ctl));
}

static struct kunit_case memory_guard_cases[] = {
	KUNIT_CASE_PARAM(guard_refuses, memory_adder_gen_params),
	KUNIT_CASE(guards_overlap),
	KUNIT_CASE(guard_does_not_wait),
	KUNIT_CASE(guard_of_nothing),
	KUNIT_CASE(guard_too_late),
	{ }
};

/* Addresses that memory could have, and where there is none */
static int guard_find_base(struct kunit_suite *suite)
{
	struct resource *res;

	res = request_free_mem_region(&iomem_resource, 3 * GUARD_SIZE, "KUnit");
	if (IS_ERR(res))
		return PTR_ERR(res);
	guard_base = res->start + GUARD_SIZE;
	release_mem_region(res->start, resource_size(res));
	return 0;
}

static struct kunit_suite memory_guard_suite = {
	.name = "memory_guard",
	.suite_init = guard_find_base,
	.test_cases = memory_guard_cases,
};

kunit_test_suite(memory_guard_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of memory that must not become System RAM");
MODULE_LICENSE("GPL");
