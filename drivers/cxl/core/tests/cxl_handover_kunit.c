// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <cxlmem.h>
#include <cxl.h>
#include "../core.h"

/* Who may take a region, and when: on regions that no device is behind */

struct answer {
	struct cxl_region cxlr;
	int rc;
	int asked;
	int resumed;
};

static int answer_quiesce(struct cxl_region *cxlr)
{
	struct answer *answer = container_of(cxlr, struct answer, cxlr);

	answer->asked++;
	return answer->rc;
}

static void answer_resume(struct cxl_region *cxlr)
{
	container_of(cxlr, struct answer, cxlr)->resumed++;
}

static const struct cxl_region_owner_ops answer_ops = {
	.quiesce = answer_quiesce,
	.resume = answer_resume,
};

static struct answer *make_answer(struct kunit *test, bool owned)
{
	struct answer *answer = kunit_kzalloc(test, sizeof(*answer), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, answer);
	if (owned) {
		KUNIT_ASSERT_EQ(test, 0, cxl_region_own(&answer->cxlr, &answer_ops));
		KUNIT_ASSERT_EQ(test, 0, cxl_region_owned(&answer->cxlr, 0));
	}
	return answer;
}

static void owner_is_asked(struct kunit *test)
{
	struct answer *answer = make_answer(test, true);

	for (int i = 1; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
		KUNIT_EXPECT_EQ(test, i, answer->asked);
		cxl_region_resume(&answer->cxlr);
		KUNIT_EXPECT_EQ(test, i, answer->resumed);
	}
}

static void owner_refuses(struct kunit *test)
{
	struct answer *answer = make_answer(test, true);

	answer->rc = -ERESTARTSYS;
	for (int i = 1; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, -ERESTARTSYS, cxl_region_quiesce(&answer->cxlr));
		KUNIT_EXPECT_EQ(test, i, answer->asked);
	}
	KUNIT_EXPECT_EQ(test, 0, answer->resumed);

	answer->rc = 0;
	KUNIT_EXPECT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
}

static void one_at_a_time(struct kunit *test)
{
	struct answer *answer = make_answer(test, true);

	KUNIT_ASSERT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
	KUNIT_EXPECT_EQ(test, -EBUSY, cxl_region_quiesce(&answer->cxlr));
	KUNIT_EXPECT_EQ(test, 1, answer->asked);
	cxl_region_resume(&answer->cxlr);
	KUNIT_EXPECT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
}

/* Also a region that had no owner when the question was asked */
static void no_bind_between_question_and_deed(struct kunit *test)
{
	struct answer *answer = make_answer(test, false);

	KUNIT_ASSERT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
	KUNIT_EXPECT_EQ(test, -EBUSY, cxl_region_own(&answer->cxlr, &answer_ops));
	KUNIT_EXPECT_EQ(test, -EBUSY, cxl_region_own(&answer->cxlr, &answer_ops));
	cxl_region_resume(&answer->cxlr);
	KUNIT_EXPECT_EQ(test, 0, answer->resumed);
	KUNIT_EXPECT_EQ(test, 0, cxl_region_own(&answer->cxlr, &answer_ops));
}

/* As without owners: whoever takes it away has no reason to refuse somebody else */
static void many_at_a_time_without_an_owner(struct kunit *test)
{
	struct answer *answer = make_answer(test, false);

	KUNIT_ASSERT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
	KUNIT_EXPECT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
	cxl_region_resume(&answer->cxlr);
	KUNIT_EXPECT_EQ(test, -EBUSY, cxl_region_own(&answer->cxlr, &answer_ops));
	KUNIT_EXPECT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
	cxl_region_resume(&answer->cxlr);
	cxl_region_resume(&answer->cxlr);
	KUNIT_EXPECT_EQ(test, 0, cxl_region_own(&answer->cxlr, &answer_ops));
	KUNIT_EXPECT_EQ(test, 0, cxl_region_owned(&answer->cxlr, 0));
	KUNIT_EXPECT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
	KUNIT_EXPECT_EQ(test, -EBUSY, cxl_region_quiesce(&answer->cxlr));
	KUNIT_EXPECT_EQ(test, 1, answer->asked);
}

static void no_question_during_a_bind(struct kunit *test)
{
	struct answer *answer = make_answer(test, false);

	KUNIT_ASSERT_EQ(test, 0, cxl_region_own(&answer->cxlr, &answer_ops));
	KUNIT_EXPECT_EQ(test, -EBUSY, cxl_region_quiesce(&answer->cxlr));
	KUNIT_EXPECT_EQ(test, 0, answer->asked);
	KUNIT_EXPECT_EQ(test, 0, cxl_region_owned(&answer->cxlr, 0));
	KUNIT_EXPECT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
	KUNIT_EXPECT_EQ(test, 1, answer->asked);
}

/* A bind that has failed leaves no owner, and an unbind does not either */
static void no_owner_is_left(struct kunit *test)
{
	struct answer *answer = make_answer(test, false);

	KUNIT_ASSERT_EQ(test, 0, cxl_region_own(&answer->cxlr, &answer_ops));
	KUNIT_EXPECT_EQ(test, -ENOMEM, cxl_region_owned(&answer->cxlr, -ENOMEM));
	KUNIT_EXPECT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
	cxl_region_resume(&answer->cxlr);

	answer = make_answer(test, true);
	KUNIT_ASSERT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
	cxl_region_disown(&answer->cxlr);
	cxl_region_resume(&answer->cxlr);
	KUNIT_EXPECT_EQ(test, 0, answer->resumed);
	KUNIT_EXPECT_EQ(test, 0, cxl_region_quiesce(&answer->cxlr));
	KUNIT_EXPECT_EQ(test, 1, answer->asked);
}

static struct kunit_case cxl_handover_cases[] = {
	KUNIT_CASE(owner_is_asked),
	KUNIT_CASE(owner_refuses),
	KUNIT_CASE(one_at_a_time),
	KUNIT_CASE(no_bind_between_question_and_deed),
	KUNIT_CASE(many_at_a_time_without_an_owner),
	KUNIT_CASE(no_question_during_a_bind),
	KUNIT_CASE(no_owner_is_left),
	{}
};

static struct kunit_suite cxl_handover_suite = {
	.name = "cxl_handover",
	.test_cases = cxl_handover_cases,
};

kunit_test_suite(cxl_handover_suite);

MODULE_DESCRIPTION("KUnit test of the owners of CXL regions");
MODULE_LICENSE("GPL");
