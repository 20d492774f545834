// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include "../dcd_answer.h"
#include "../extent.h"

/*
 * The rules of extents and offers, as tables: every transition of an offer,
 * every way for an extent to be wrong, and look-up against a plain array.
 */

static void chain_transitions(struct kunit *test)
{
	static const enum cxl_chain_state I = CXL_CHAIN_IDLE,
					  O = CXL_CHAIN_OPEN,
					  D = CXL_CHAIN_DISCARD;
	static const struct {
		enum cxl_chain_state from;
		enum cxl_chain_event event;
		enum cxl_chain_state to;
		unsigned int action;
	} steps[] = {
		{ I, CXL_CHAIN_MORE, O, CXL_CHAIN_COLLECT | CXL_CHAIN_ARM },
		{ I, CXL_CHAIN_LAST, I, CXL_CHAIN_COLLECT | CXL_CHAIN_SERVE },
		{ I, CXL_CHAIN_FULL, D, CXL_CHAIN_REJECT | CXL_CHAIN_ARM },
		{ I, CXL_CHAIN_OVERFLOW, I, 0 },
		{ I, CXL_CHAIN_TIMEOUT, I, 0 },
		{ O, CXL_CHAIN_MORE, O, CXL_CHAIN_COLLECT },
		{ O, CXL_CHAIN_LAST, I, CXL_CHAIN_COLLECT | CXL_CHAIN_SERVE |
					CXL_CHAIN_DISARM },
		{ O, CXL_CHAIN_FULL, D, CXL_CHAIN_REJECT | CXL_CHAIN_ARM },
		{ O, CXL_CHAIN_OVERFLOW, I, CXL_CHAIN_REJECT | CXL_CHAIN_DISARM },
		{ O, CXL_CHAIN_TIMEOUT, D, CXL_CHAIN_REJECT | CXL_CHAIN_ARM },
		{ D, CXL_CHAIN_MORE, D, CXL_CHAIN_ARM },
		{ D, CXL_CHAIN_LAST, I, CXL_CHAIN_DISARM },
		{ D, CXL_CHAIN_FULL, D, 0 },
		{ D, CXL_CHAIN_OVERFLOW, I, CXL_CHAIN_DISARM },
		{ D, CXL_CHAIN_TIMEOUT, I, 0 },
	};

	for (int i = 0; i < ARRAY_SIZE(steps); i++) {
		enum cxl_chain_state state = steps[i].from;

		KUNIT_EXPECT_EQ_MSG(test, steps[i].action,
				    cxl_chain_step(&state, steps[i].event),
				    "step %d", i);
		KUNIT_EXPECT_EQ_MSG(test, steps[i].to, state, "step %d", i);
	}
}

/* However events follow each other: one answer for each offer that has begun */
static void chain_answers_once(struct kunit *test)
{
	enum cxl_chain_state state = CXL_CHAIN_IDLE;
	struct rnd_state rnd;
	int begun = 0, answered = 0;

	prandom_seed_state(&rnd, 20261121);
	for (int i = 0; i < 200000; i++) {
		enum cxl_chain_event event =
			prandom_u32_state(&rnd) % (CXL_CHAIN_TIMEOUT + 1);
		bool idle = state == CXL_CHAIN_IDLE;
		unsigned int action = cxl_chain_step(&state, event);

		if (idle && event <= CXL_CHAIN_FULL)
			begun++;
		if (action & (CXL_CHAIN_SERVE | CXL_CHAIN_REJECT))
			answered++;
		KUNIT_ASSERT_NE(test, CXL_CHAIN_SERVE | CXL_CHAIN_REJECT,
				action & (CXL_CHAIN_SERVE | CXL_CHAIN_REJECT));
		KUNIT_ASSERT_EQ(test, begun - answered,
				state == CXL_CHAIN_OPEN ? 1 : 0);
	}
	KUNIT_EXPECT_GT(test, begun, 10000);
}

static void extent_check(struct kunit *test)
{
	static const struct cxl_extent_rules rules = {
		.dpa = { .start = SZ_1G, .end = 3ULL * SZ_1G - 1 },
		.block_size = SZ_2M,
	};
	static const struct {
		u64 start, len;
		int rc;
	} extents[] = {
		{ SZ_1G, SZ_2M, 0 },
		{ SZ_1G, 2ULL * SZ_1G, 0 },
		{ 3ULL * SZ_1G - SZ_2M, SZ_2M, 0 },
		{ SZ_1G, 0, -EINVAL },
		{ SZ_1G, SZ_1M, -EINVAL },
		{ SZ_1G, SZ_2M + 1, -EINVAL },
		{ SZ_1G + SZ_1M, SZ_2M, -EINVAL },
		{ SZ_1G + 1, SZ_2M, -EINVAL },
		{ SZ_1G - SZ_2M, SZ_2M, -ERANGE },
		{ SZ_1G - SZ_2M, SZ_4M, -ERANGE },
		{ 0, SZ_2M, -ERANGE },
		{ 3ULL * SZ_1G, SZ_2M, -ERANGE },
		{ 3ULL * SZ_1G - SZ_2M, SZ_4M, -ERANGE },
		{ SZ_1G, 2ULL * SZ_1G + SZ_2M, -ERANGE },
		{ SZ_1G, U64_MAX, -EOVERFLOW },
		{ U64_MAX - SZ_2M + 1, SZ_2M, -ERANGE },
		{ U64_MAX - SZ_2M + 1, SZ_4M, -EOVERFLOW },
		{ U64_MAX, 2, -EOVERFLOW },
	};

	for (int i = 0; i < ARRAY_SIZE(extents); i++) {
		struct range dpa = { 7, 7 };
		int rc = cxl_extent_rules_check(&rules, extents[i].start,
						extents[i].len, &dpa);

		KUNIT_EXPECT_EQ_MSG(test, extents[i].rc, rc, "extent %d", i);
		if (rc) {
			KUNIT_EXPECT_EQ(test, dpa.start, 7);
			continue;
		}
		KUNIT_EXPECT_EQ(test, dpa.start, extents[i].start);
		KUNIT_EXPECT_EQ(test, range_len(&dpa), extents[i].len);
	}
}

/* The smallest block of the specification, without a loss of precision */
static void extent_check_small_blocks(struct kunit *test)
{
	static const struct cxl_extent_rules rules = {
		.dpa = { .start = 0, .end = U64_MAX },
		.block_size = 64,
	};
	struct range dpa;

	KUNIT_EXPECT_EQ(test, 0, cxl_extent_rules_check(&rules, 64, 64, &dpa));
	KUNIT_EXPECT_EQ(test, 0, cxl_extent_rules_check(&rules, U64_MAX - 63, 64, &dpa));
	KUNIT_EXPECT_EQ(test, dpa.end, U64_MAX);
	KUNIT_EXPECT_EQ(test, -EINVAL, cxl_extent_rules_check(&rules, 64, 63, &dpa));
	KUNIT_EXPECT_EQ(test, -EOVERFLOW,
			cxl_extent_rules_check(&rules, U64_MAX - 63, 128, &dpa));
}

static void offer_sort(struct kunit *test)
{
	struct cxl_extent_rec recs[] = {
		{ .dpa = { 400, 499 } }, { .dpa = { 100, 199 } },
		{ .dpa = { 100, 199 } }, { .dpa = { 150, 249 } },
		{ .dpa = { 200, 299 } }, { .dpa = { 450, 460 } },
	};

	KUNIT_ASSERT_EQ(test, 3, cxl_offer_sort(recs, ARRAY_SIZE(recs)));
	KUNIT_EXPECT_EQ(test, 100, recs[0].dpa.start);
	KUNIT_EXPECT_EQ(test, 199, recs[0].dpa.end);
	KUNIT_EXPECT_EQ(test, 200, recs[1].dpa.start);
	KUNIT_EXPECT_EQ(test, 400, recs[2].dpa.start);
	KUNIT_EXPECT_EQ(test, 0, cxl_offer_sort(recs, 0));
	KUNIT_EXPECT_EQ(test, 1, cxl_offer_sort(recs, 1));
}

#define TAG(n)	UUID_INIT(n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
#define REC(t, s, first, last) \
	{ .tag = TAG(t), .seq = s, .dpa = { first, last } }
#define BAD(t)	{ .tag = TAG(t), .bad = true }

/* One offer each; what it has of tag 1 */
static const struct group_case {
	const char *name;
	struct cxl_extent_rec recs[6];
	int nr;
	int shared;	/* what is said of it in a shareable partition */
	int owned;	/* and in another */
	u64 starts[4];	/* where its extents begin, in their order */
} group_cases[] = {
	{ "one", { REC(1, 0, 10, 19) }, 1, 0, 0, { 10 } },
	{ "as offered", { REC(1, 0, 30, 39), REC(1, 0, 10, 19), REC(1, 0, 20, 29) },
	  3, -EILSEQ, 0, { 30, 10, 20 } },
	{ "by sequence", { REC(1, 2, 30, 39), REC(1, 0, 20, 29), REC(1, 1, 10, 19) },
	  3, 0, -EILSEQ, { 20, 10, 30 } },
	{ "a gap", { REC(1, 0, 10, 19), REC(1, 2, 20, 29) }, 2, -EILSEQ, -EILSEQ },
	{ "a number twice", { REC(1, 0, 10, 19), REC(1, 1, 20, 29), REC(1, 1, 30, 39) },
	  3, -EILSEQ, -EILSEQ },
	{ "not from 0", { REC(1, 1, 10, 19), REC(1, 2, 20, 29) }, 2, -EILSEQ, -EILSEQ },
	{ "the highest", { REC(1, U16_MAX, 10, 19) }, 1, -EILSEQ, -EILSEQ },
	{ "another one between", { REC(1, 0, 10, 19), REC(2, 0, 20, 29),
				   REC(1, 1, 30, 39) }, 3, 0, -EILSEQ, { 10, 30 } },
	{ "untagged between", { REC(1, 0, 10, 19), REC(0, 0, 20, 29),
				REC(1, 0, 30, 39) }, 3, -EILSEQ, 0, { 10, 30 } },
	{ "a record twice", { REC(1, 0, 10, 19), REC(1, 0, 10, 19) }, 2, 0, 0, { 10 } },
	{ "the same, other number", { REC(1, 0, 10, 19), REC(1, 1, 10, 19) },
	  2, -EINVAL, -EINVAL },
	{ "overlaps itself", { REC(1, 0, 10, 19), REC(1, 0, 15, 24) },
	  2, -EINVAL, -EINVAL },
	{ "overlaps another", { REC(2, 0, 10, 19), REC(1, 0, 15, 24) },
	  2, -EINVAL, -EINVAL },
	{ "overlaps untagged", { REC(0, 0, 10, 19), REC(1, 0, 15, 24) },
	  2, -EINVAL, -EINVAL },
	{ "untagged overlaps it", { REC(1, 0, 10, 19), REC(0, 0, 15, 24) },
	  2, 0, 0, { 10 } },
	{ "one is bad", { REC(1, 0, 10, 19), BAD(1) }, 2, -EINVAL, -EINVAL },
	{ "all are bad", { BAD(1), BAD(1) }, 2, -EINVAL, -EINVAL },
	{ "another is bad", { BAD(2), REC(1, 0, 0, 9) }, 2, 0, 0, { 0 } },
};

KUNIT_ARRAY_PARAM_DESC(group, group_cases, name);

static void offer_groups(struct kunit *test)
{
	const struct group_case *param = test->param_value;
	static const uuid_t tag = TAG(1);
	struct cxl_extent_rec recs[6];
	int nr, size, first = 0;

	memcpy(recs, param->recs, sizeof(recs));
	for (int i = 0; i < param->nr; i++)
		recs[i].order = i;
	nr = cxl_offer_sort(recs, param->nr);
	cxl_offer_group(recs, nr);

	while (!uuid_equal(&recs[first].tag, &tag))
		first++;
	KUNIT_ASSERT_LT(test, first, nr);
	size = cxl_group_size(&recs[first], nr - first);
	KUNIT_EXPECT_EQ(test, param->shared,
			cxl_group_check(&recs[first], size, true));
	KUNIT_EXPECT_EQ(test, param->owned,
			cxl_group_check(&recs[first], size, false));
	for (int i = 0; i < size && !(param->shared && param->owned); i++)
		KUNIT_EXPECT_EQ(test, param->starts[i], recs[first + i].dpa.start);
	/* Nothing else of it, and what has no tag comes first */
	for (int i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(test, i >= first && i < first + size,
				uuid_equal(&recs[i].tag, &tag));
	for (int i = 1; i < nr; i++)
		KUNIT_EXPECT_FALSE(test, uuid_is_null(&recs[i].tag) &&
				   !uuid_is_null(&recs[i - 1].tag));
}

static void range_merge(struct kunit *test)
{
	struct range ranges[] = {
		{ 0, 9 }, { 10, 19 }, { 21, 29 }, { 30, 30 }, { 31, 40 }, { 50, 60 },
	};

	KUNIT_ASSERT_EQ(test, 3, cxl_range_merge(ranges, ARRAY_SIZE(ranges)));
	KUNIT_EXPECT_EQ(test, 19, ranges[0].end);
	KUNIT_EXPECT_EQ(test, 21, ranges[1].start);
	KUNIT_EXPECT_EQ(test, 40, ranges[1].end);
	KUNIT_EXPECT_EQ(test, 50, ranges[2].start);
	KUNIT_EXPECT_EQ(test, 0, cxl_range_merge(ranges, 0));
}

static void range_clip(struct kunit *test)
{
	static const struct {
		struct range range, to, part;
		bool any;
	} cases[] = {
		{ { 4, 7 }, { 0, 9 }, { 4, 7 }, true },
		{ { 0, 9 }, { 4, 7 }, { 4, 7 }, true },
		{ { 0, 5 }, { 4, 7 }, { 4, 5 }, true },
		{ { 7, 9 }, { 4, 7 }, { 7, 7 }, true },
		{ { 0, 3 }, { 4, 7 }, { }, false },
		{ { 8, U64_MAX }, { 4, 7 }, { }, false },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct range part;

		KUNIT_EXPECT_EQ_MSG(test, cases[i].any,
				    cxl_range_clip(&cases[i].range, &cases[i].to, &part),
				    "case %d", i);
		if (!cases[i].any)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, cases[i].part.start, part.start, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].part.end, part.end, "case %d", i);
	}
}

static void range_gap(struct kunit *test)
{
	static const struct {
		struct range range;
		struct range others[3];
		int nr;
		bool found;
		struct range gap;
	} cases[] = {
		{ { 10, 19 }, { }, 0, true, { 10, 19 } },
		{ { 10, 19 }, { { 0, 9 } }, 1, true, { 10, 19 } },
		{ { 10, 19 }, { { 20, 29 } }, 1, true, { 10, 19 } },
		{ { 10, 19 }, { { 0, 9 }, { 20, 29 } }, 2, true, { 10, 19 } },
		{ { 10, 19 }, { { 10, 19 } }, 1, false, { } },
		{ { 10, 19 }, { { 0, 29 } }, 1, false, { } },
		{ { 10, 19 }, { { 0, 14 } }, 1, true, { 15, 19 } },
		{ { 10, 19 }, { { 15, 29 } }, 1, true, { 10, 14 } },
		{ { 10, 19 }, { { 12, 13 } }, 1, true, { 10, 11 } },
		{ { 10, 19 }, { { 0, 11 }, { 12, 14 } }, 2, true, { 15, 19 } },
		{ { 10, 19 }, { { 0, 11 }, { 12, 14 }, { 15, 19 } }, 3, false, { } },
		{ { 10, 19 }, { { 0, 11 }, { 13, 14 }, { 15, 19 } }, 3, true, { 12, 12 } },
		{ { 10, 19 }, { { 0, 1 }, { 2, 3 }, { 4, 19 } }, 3, false, { } },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct range gap;
		bool found;

		found = cxl_range_gap(&cases[i].range, cases[i].others,
				      cases[i].nr, &gap);
		KUNIT_EXPECT_EQ_MSG(test, found, cases[i].found, "case %d", i);
		if (!found || !cases[i].found)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, gap.start, cases[i].gap.start, "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, gap.end, cases[i].gap.end, "case %d", i);
	}
}

/* Each byte of a range is in a gap or in a part, and in no more than one of them */
static void range_walk(struct kunit *test)
{
	static const struct range others[] = { { 0, 1 }, { 4, 5 }, { 6, 6 }, { 9, 20 } };
	struct range parts[ARRAY_SIZE(others)], gap;

	for (u64 start = 0; start < 24; start++)
		for (u64 end = start; end < 24; end++) {
			struct range range = { start, end }, rest = range;
			unsigned int seen = 0, has = 0;
			int nr = cxl_range_parts(&range, others, ARRAY_SIZE(others), parts);

			for (int i = 0; i < nr; i++)
				seen |= has |= GENMASK(parts[i].end, parts[i].start);
			KUNIT_EXPECT_EQ(test, !!has,
					cxl_range_touches(&range, others, ARRAY_SIZE(others)));
			while (cxl_range_next_gap(&rest, others, ARRAY_SIZE(others), &gap)) {
				KUNIT_EXPECT_EQ(test, 0, seen & GENMASK(gap.end, gap.start));
				seen |= GENMASK(gap.end, gap.start);
			}
			KUNIT_EXPECT_EQ(test, seen, (unsigned int)GENMASK(end, start));
		}

	gap = (struct range){ U64_MAX - 1, U64_MAX };
	KUNIT_EXPECT_TRUE(test, cxl_range_next_gap(&gap, others, 0, parts));
	KUNIT_EXPECT_FALSE(test, cxl_range_next_gap(&gap, others, 0, parts));
}

static void range_blocks(struct kunit *test)
{
	static const struct range in = { SZ_2M + 5, SZ_4M }, all = { SZ_2M, SZ_4M - 1 };
	struct range cover = cxl_range_cover(&in, SZ_2M);

	KUNIT_EXPECT_EQ(test, SZ_2M, cover.start);
	KUNIT_EXPECT_EQ(test, SZ_4M + SZ_2M - 1, cover.end);
	KUNIT_EXPECT_FALSE(test, cxl_range_aligned(&in, SZ_2M));
	KUNIT_EXPECT_TRUE(test, cxl_range_aligned(&all, SZ_2M));
	KUNIT_EXPECT_FALSE(test, cxl_range_aligned(&all, SZ_4M));
}

/* 100,000 ranges of [10 * i, 10 * i + 5], in random order, and all gaps */
static void extent_tree(struct kunit *test)
{
	const int nr = 100000;
	struct cxl_extent_node *nodes =
		kunit_kcalloc(test, nr, sizeof(*nodes), GFP_KERNEL);
	struct rb_root root = RB_ROOT;
	struct rnd_state rnd;
	u32 *order;

	KUNIT_ASSERT_NOT_NULL(test, nodes);
	order = kunit_kcalloc(test, nr, sizeof(*order), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, order);

	prandom_seed_state(&rnd, 7);
	for (int i = 0; i < nr; i++) {
		int j = prandom_u32_state(&rnd) % (i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (int i = 0; i < nr; i++) {
		struct cxl_extent_node *node = &nodes[order[i]];

		node->range = DEFINE_RANGE(10ULL * order[i], 10ULL * order[i] + 5);
		KUNIT_ASSERT_TRUE(test, cxl_extent_insert(&root, node));
	}

	for (int i = 0; i < nr; i++) {
		struct range gap = DEFINE_RANGE(10ULL * i + 6, 10ULL * i + 9);
		struct range both = DEFINE_RANGE(10ULL * i + 5, 10ULL * i + 10);
		struct cxl_extent_node double_ = { .range = both };
		struct cxl_extent_node *found;

		KUNIT_ASSERT_NULL(test, cxl_extent_first(&root, &gap));
		KUNIT_ASSERT_FALSE(test, cxl_extent_insert(&root, &double_));
		found = cxl_extent_first(&root, &both);
		KUNIT_ASSERT_PTR_EQ(test, found, &nodes[i]);
		found = cxl_extent_next(found, &both);
		KUNIT_ASSERT_PTR_EQ(test, found, i + 1 < nr ? &nodes[i + 1] : NULL);
		if (found)
			KUNIT_ASSERT_NULL(test, cxl_extent_next(found, &both));
	}
}

/* Blocks of 8; offered ranges by their bounds, what is held, and what is taken */
static void extents_fill(struct kunit *test)
{
	static const struct {
		const char *what;
		struct range offered[4];
		int nr;
		struct range held[2];
		int nr_held;
		u8 take;
	} cases[] = {
		{ "a block", { { 8, 15 } }, 1, { }, 0, 1 },
		{ "half of one", { { 8, 11 } }, 1, { }, 0, 0 },
		{ "two halves", { { 8, 11 }, { 12, 15 } }, 2, { }, 0, 3 },
		{ "with a gap", { { 8, 10 }, { 12, 15 } }, 2, { }, 0, 0 },
		{ "half, the other is held", { { 8, 11 } }, 1, { { 12, 15 } }, 1, 1 },
		{ "the middle", { { 10, 13 } }, 1, { { 8, 9 }, { 14, 15 } }, 2, 1 },
		{ "one and a half, and two", { { 8, 19 }, { 24, 39 } }, 2, { }, 0, 2 },
		{ "chain that is cut above", { { 8, 19 }, { 20, 27 }, { 28, 30 } }, 3, { }, 0, 0 },
		{ "chain that is cut below", { { 9, 11 }, { 12, 19 }, { 20, 31 } }, 3, { }, 0, 0 },
		{ "chain that is held below", { { 9, 11 }, { 12, 19 }, { 20, 31 } }, 3,
		  { { 8, 8 } }, 1, 7 },
		{ "beside a whole one", { { 8, 15 }, { 16, 19 }, { 24, 31 } }, 3, { }, 0, 5 },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		bool take[4] = { true, true, true, true };
		int n = cxl_extents_fill(cases[i].offered, take, cases[i].nr,
					 cases[i].held, cases[i].nr_held, 8);

		KUNIT_EXPECT_EQ_MSG(test, hweight8(cases[i].take), n, "%s", cases[i].what);
		for (int j = 0; j < cases[i].nr; j++)
			KUNIT_EXPECT_EQ_MSG(test, !!(cases[i].take & BIT(j)), take[j],
					    "%s, extent %d", cases[i].what, j);
	}
}

static void answer_transitions(struct kunit *test)
{
	static const enum cxl_answer_state DUE = CXL_ANSWER_DUE,
					   REPEATED = CXL_ANSWER_REPEATED,
					   AGAIN = CXL_ANSWER_AGAIN,
					   FLUSH = CXL_ANSWER_FLUSH,
					   EMPTY = CXL_ANSWER_EMPTY,
					   CLOSED = CXL_ANSWER_CLOSED;
	static const struct {
		enum cxl_answer_state from;
		enum cxl_dcd_outcome outcome;
		unsigned int before;
		enum cxl_answer_state to;
		unsigned int after;
	} steps[] = {
		{ DUE, CXL_DCD_DONE, 3, CLOSED, 0 },
		{ DUE, CXL_DCD_NOT_DONE, 3, DUE, 3 },
		{ DUE, CXL_DCD_REFUSED, 0, EMPTY, 0 },
		{ DUE, CXL_DCD_REFUSED, 3, CXL_ANSWER_FOREIGN, 3 },
		{ DUE, CXL_DCD_UNKNOWN, 3, CXL_ANSWER_ACCEPTED, 3 },
		{ REPEATED, CXL_DCD_DONE, 3, CLOSED, 0 },
		{ REPEATED, CXL_DCD_NOT_DONE, 3, REPEATED, 3 },
		{ REPEATED, CXL_DCD_REFUSED, 0, CXL_ANSWER_LATE, 0 },
		{ REPEATED, CXL_DCD_REFUSED, 3, CXL_ANSWER_FOREIGN, 3 },
		{ REPEATED, CXL_DCD_UNKNOWN, 3, CXL_ANSWER_ACCEPTED, 3 },
		{ AGAIN, CXL_DCD_DONE, 3, CLOSED, 0 },
		{ AGAIN, CXL_DCD_NOT_DONE, 3, AGAIN, 3 },
		{ AGAIN, CXL_DCD_REFUSED, 0, CLOSED, 1 },
		{ AGAIN, CXL_DCD_REFUSED, 3, CXL_ANSWER_FOREIGN, 3 },
		{ AGAIN, CXL_DCD_UNKNOWN, 3, CXL_ANSWER_ACCEPTED, 3 },
		{ FLUSH, CXL_DCD_DONE, 3, AGAIN, 2 },
		{ FLUSH, CXL_DCD_NOT_DONE, 3, FLUSH, 3 },
		{ FLUSH, CXL_DCD_REFUSED, 3, CLOSED, 4 },
		{ FLUSH, CXL_DCD_UNKNOWN, 3, AGAIN, 3 },
		{ EMPTY, CXL_DCD_DONE, 3, CLOSED, 3 },
		{ EMPTY, CXL_DCD_NOT_DONE, 3, EMPTY, 3 },
		{ EMPTY, CXL_DCD_REFUSED, 3, CLOSED, 4 },
		{ EMPTY, CXL_DCD_UNKNOWN, 3, CLOSED, 4 },
	};

	for (int i = 0; i < ARRAY_SIZE(steps); i++) {
		unsigned int uncertain = steps[i].before;

		KUNIT_EXPECT_EQ_MSG(test, steps[i].to,
				    cxl_answer_sent(steps[i].from, steps[i].outcome,
						    &uncertain), "step %d", i);
		KUNIT_EXPECT_EQ_MSG(test, steps[i].after, uncertain, "step %d", i);
	}

	KUNIT_EXPECT_EQ(test, CLOSED, cxl_answer_listed(CXL_ANSWER_ACCEPTED, true));
	KUNIT_EXPECT_EQ(test, REPEATED, cxl_answer_listed(CXL_ANSWER_ACCEPTED, false));
	KUNIT_EXPECT_EQ(test, CLOSED, cxl_answer_listed(CXL_ANSWER_LATE, true));
	KUNIT_EXPECT_EQ(test, EMPTY, cxl_answer_listed(CXL_ANSWER_LATE, false));
	KUNIT_EXPECT_EQ(test, CLOSED, cxl_answer_listed(CXL_ANSWER_FOREIGN, true));
	KUNIT_EXPECT_EQ(test, FLUSH, cxl_answer_listed(CXL_ANSWER_FOREIGN, false));
}

static struct kunit_case cxl_extent_cases[] = {
	KUNIT_CASE(chain_transitions),
	KUNIT_CASE(chain_answers_once),
	KUNIT_CASE(extent_check),
	KUNIT_CASE(extent_check_small_blocks),
	KUNIT_CASE(offer_sort),
	KUNIT_CASE_PARAM(offer_groups, group_gen_params),
	KUNIT_CASE(range_clip),
	KUNIT_CASE(range_merge),
	KUNIT_CASE(range_gap),
	KUNIT_CASE(range_walk),
	KUNIT_CASE(range_blocks),
	KUNIT_CASE(extent_tree),
	KUNIT_CASE(extents_fill),
	KUNIT_CASE(answer_transitions),
	{}
};

static struct kunit_suite cxl_extent_suite = {
	.name = "cxl_extent",
	.test_cases = cxl_extent_cases,
};

kunit_test_suite(cxl_extent_suite);

MODULE_DESCRIPTION("KUnit tests of CXL extents and offers");
MODULE_LICENSE("GPL");
