// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/cleanup.h>
#include <linux/memory.h>
#include <linux/prandom.h>
#include "../dynamic_core.h"

/*
 * What a device asks for, and what it has taken, as sets of bytes: against an array
 * that has the number of the request for each quarter of a memory block.
 */

#define QUARTERS	64

struct due_test {
	struct cxl_sysram_region cxlr_sysram;
	struct cxl_dynamic dynamic;
	unsigned long asked[QUARTERS];
	unsigned long gone[QUARTERS];
};

static u64 quarter(void)
{
	return memory_block_size_bytes() / 4;
}

static struct range quarters(unsigned int first, unsigned int last)
{
	return DEFINE_RANGE(first * quarter(), (last + 1) * quarter() - 1);
}

static int due_init(struct kunit *test)
{
	struct due_test *due = kunit_kzalloc(test, sizeof(*due), GFP_KERNEL);

	if (!due)
		return -ENOMEM;
	test->priv = due;
	due->cxlr_sysram.hpa_range = quarters(0, QUARTERS - 1);
	due->dynamic.cxlr_sysram = &due->cxlr_sysram;
	mutex_init(&due->dynamic.extents_lock);
	cxl_sysram_due_init(&due->dynamic);
	return 0;
}

static void due_exit(struct kunit *test)
{
	struct due_test *due = test->priv;

	if (!due)
		return;
	guard(mutex)(&due->dynamic.extents_lock);
	cxl_sysram_due_destroy(&due->dynamic);
}

/* Units, as the array has them */
static void expect_asked(struct kunit *test, struct due_test *due)
{
	struct range parts[QUARTERS];
	unsigned long newest, most;
	unsigned int q = 0;
	u64 from = 0;
	int nr;

	while ((nr = cxl_sysram_next_asked(&due->dynamic, from, parts, QUARTERS,
					   &newest))) {
		most = 0;
		for (int i = 0; i < nr; i++) {
			unsigned long request;

			while (q < QUARTERS && !due->asked[q])
				q++;
			KUNIT_ASSERT_LT(test, q, QUARTERS);
			request = due->asked[q];
			KUNIT_ASSERT_EQ(test, parts[i].start, q * quarter());
			/* within a unit: the same request, or the same memory block */
			if (i && (q - 1) / 4 != q / 4)
				KUNIT_ASSERT_EQ(test, request,
						due->asked[(parts[i - 1].end + 1) / quarter() - 1]);
			while (q < QUARTERS && q * quarter() <= parts[i].end)
				KUNIT_ASSERT_EQ(test, due->asked[q++], request);
			most = max(most, request);
		}
		KUNIT_ASSERT_EQ(test, newest, most);
		from = parts[nr - 1].end + 1;
		/* between units: neither */
		if (q < QUARTERS && due->asked[q]) {
			KUNIT_ASSERT_NE(test, due->asked[q], due->asked[q - 1]);
			KUNIT_ASSERT_EQ(test, q % 4, 0);
		}
	}
	while (q < QUARTERS)
		KUNIT_ASSERT_EQ(test, due->asked[q++], 0);
}

static void expect_gone(struct kunit *test, struct due_test *due)
{
	bool gone[QUARTERS] = { };
	struct range part;
	u64 from;

	for (from = 0; cxl_sysram_next_gone(&due->dynamic, from, &part); from = part.end + 1)
		for (unsigned int q = part.start / quarter(); q * quarter() <= part.end; q++)
			gone[q] = true;
	for (unsigned int q = 0; q < QUARTERS; q++) {
		struct range one = quarters(q, q);

		KUNIT_ASSERT_EQ(test, gone[q], !!due->gone[q]);
		KUNIT_ASSERT_EQ(test, cxl_sysram_gone_overlaps(&due->dynamic, &one),
				!!due->gone[q]);
		KUNIT_ASSERT_EQ(test, cxl_sysram_due_overlaps(&due->dynamic, &one),
				due->gone[q] || due->asked[q]);
	}
}

/* What is in neither set, in pieces that are as long as they can be */
static void expect_undue(struct kunit *test, struct due_test *due,
			 unsigned int first, unsigned int last)
{
	struct range rest = quarters(first, last), part;
	unsigned int q = first;

	while (cxl_sysram_next_undue(&due->dynamic, &rest, &part)) {
		while (q <= last && (due->asked[q] || due->gone[q]))
			q++;
		KUNIT_ASSERT_EQ(test, part.start, q * quarter());
		while (q <= last && !due->asked[q] && !due->gone[q])
			q++;
		KUNIT_ASSERT_EQ(test, part.end, q * quarter() - 1);
	}
	for (; q <= last; q++)
		KUNIT_ASSERT_TRUE(test, due->asked[q] || due->gone[q]);
}

static void due_random(struct kunit *test)
{
	struct due_test *due = test->priv;
	struct rnd_state rnd;

	guard(mutex)(&due->dynamic.extents_lock);
	prandom_seed_state(&rnd, 20261129);
	for (unsigned long i = 1; i <= 2000; i++) {
		unsigned int first = prandom_u32_state(&rnd) % QUARTERS;
		unsigned int last = min(first + prandom_u32_state(&rnd) % 9, QUARTERS - 1);
		struct range range = quarters(first, last);
		unsigned int what = prandom_u32_state(&rnd) % 3;

		if (what == 0)
			KUNIT_ASSERT_EQ(test, 0, cxl_sysram_due_store(&due->dynamic.asked,
								      &range, i, GFP_KERNEL));
		else if (what == 1)
			KUNIT_ASSERT_EQ(test, 0, cxl_sysram_due_store(&due->dynamic.gone,
								      &range, 1, GFP_KERNEL));
		else
			cxl_sysram_due_erase(&due->dynamic, &range);
		for (unsigned int q = first; q <= last; q++) {
			if (what != 1)
				due->asked[q] = what ? 0 : i;
			if (what != 0)
				due->gone[q] = what == 1;
		}
		expect_asked(test, due);
		expect_gone(test, due);
		expect_undue(test, due, 0, QUARTERS - 1);
		expect_undue(test, due, first, last);
	}
}

static void due_room(struct kunit *test)
{
	struct due_test *due = test->priv;
	struct range parts[2], range;
	unsigned long newest;

	guard(mutex)(&due->dynamic.extents_lock);
	for (unsigned int q = 0; q < 4; q++) {
		range = quarters(q, q);
		KUNIT_ASSERT_EQ(test, 0, cxl_sysram_due_store(&due->dynamic.asked, &range,
							      q + 1, GFP_KERNEL));
	}
	KUNIT_EXPECT_EQ(test, 4, cxl_sysram_next_asked(&due->dynamic, 0, parts, 2, &newest));
	KUNIT_EXPECT_EQ(test, 4, cxl_sysram_next_asked(&due->dynamic, 0, NULL, 0, &newest));
	KUNIT_EXPECT_EQ(test, 4, newest);
	KUNIT_EXPECT_EQ(test, 0, cxl_sysram_next_asked(&due->dynamic, 4 * quarter(), parts, 2,
						       &newest));
}

static struct kunit_case cxl_due_cases[] = {
	KUNIT_CASE(due_random),
	KUNIT_CASE(due_room),
	{}
};

static struct kunit_suite cxl_due_suite = {
	.name = "cxl_due",
	.init = due_init,
	.exit = due_exit,
	.test_cases = cxl_due_cases,
};

kunit_test_suite(cxl_due_suite);

MODULE_DESCRIPTION("KUnit tests of what CXL dynamic regions are asked for");
MODULE_LICENSE("GPL");
