// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include "../sysram_core.h"

/* Who may change what a region has become, and when: without a region */

/* As cxl_sysram_op_run() needs it */
static void no_release(struct device *dev)
{
}

static struct cxl_sysram_region *make_sysram(struct kunit *test)
{
	struct cxl_sysram_region *cxlr_sysram =
		kunit_kzalloc(test, sizeof(*cxlr_sysram), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cxlr_sysram);
	device_initialize(&cxlr_sysram->dev);
	cxlr_sysram->dev.release = no_release;
	spin_lock_init(&cxlr_sysram->lock);
	init_waitqueue_head(&cxlr_sysram->wait);
	return cxlr_sysram;
}

static const struct cxl_sysram_ops no_driver_ops = { .owner = THIS_MODULE };

static int op_says(struct cxl_sysram_region *cxlr_sysram,
		   const struct cxl_sysram_request *req)
{
	return req->bytes;
}

static int run(struct cxl_sysram_region *cxlr_sysram, enum cxl_sysram_op_kind kind)
{
	const struct cxl_sysram_request req = { .bytes = 42 };

	return cxl_sysram_op_run(cxlr_sysram, kind, op_says, &req);
}

static void kinds_of_operations(struct kunit *test)
{
	static const struct {
		bool driver, dax, dying, stopped;
		int state, region, dax_op, teardown;
	} cases[] = {
		{ 0, 0, 0, 0, -ENXIO, 42, -ENXIO, 42 },
		{ 1, 0, 0, 0, 42, 42, -ENXIO, 42 },
		{ 0, 1, 0, 0, -EBUSY, 42, 42, 42 },
		{ 1, 1, 0, 0, -EBUSY, 42, 42, 42 },
		{ 1, 0, 1, 0, -ENXIO, -ENXIO, -ENXIO, 42 },
		{ 1, 1, 1, 0, -ENXIO, -ENXIO, -ENXIO, 42 },
		{ 1, 0, 1, 1, -ENXIO, -ENXIO, -ENXIO, -ENXIO },
		{ 1, 1, 1, 1, -ENXIO, -ENXIO, -ENXIO, -ENXIO },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cxl_sysram_region *cxlr_sysram = make_sysram(test);

		if (cases[i].driver)
			cxlr_sysram->ops = &no_driver_ops;
		cxlr_sysram->dax_owned = cases[i].dax;
		cxlr_sysram->dying = cases[i].dying;
		cxlr_sysram->stopped = cases[i].stopped;
		KUNIT_EXPECT_EQ_MSG(test, cases[i].state,
				    run(cxlr_sysram, CXL_SYSRAM_OP_STATE), "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].region,
				    run(cxlr_sysram, CXL_SYSRAM_OP_REGION), "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].dax_op,
				    run(cxlr_sysram, CXL_SYSRAM_OP_DAX), "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].teardown,
				    run(cxlr_sysram, CXL_SYSRAM_OP_TEARDOWN), "case %d", i);
		KUNIT_EXPECT_NULL(test, cxlr_sysram->op);
		KUNIT_EXPECT_NULL(test, cxlr_sysram->ctl);
	}
}

/* An operation in a thread of its own, which runs until it is told to end, or to give up */
struct long_op {
	struct cxl_sysram_region *cxlr_sysram;
	struct completion started;
	struct completion end;
	struct completion ended;
	int rc;
};

static int op_until_given_up(struct cxl_sysram_region *cxlr_sysram,
			     const struct cxl_sysram_request *req)
{
	struct long_op *op = (struct long_op *)req->data;
	int rc;

	complete(&op->started);
	do {
		usleep_range(1000, 2000);
		cxlr_sysram->ctl->progress++;
		rc = cxlr_sysram->ctl->give_up(cxlr_sysram->ctl);
	} while (!rc && !completion_done(&op->end));
	return rc;
}

static int long_op_thread(void *data)
{
	struct long_op *op = data;
	const struct cxl_sysram_request req = { .data = op };

	op->rc = cxl_sysram_op_run(op->cxlr_sysram, CXL_SYSRAM_OP_REGION,
				   op_until_given_up, &req);
	complete(&op->ended);
	return 0;
}

static void start(struct kunit *test, struct long_op *op)
{
	init_completion(&op->started);
	init_completion(&op->end);
	init_completion(&op->ended);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test,
				     kthread_run(long_op_thread, op, "cxl_long_op"));
}

static void one_operation_at_a_time(struct kunit *test)
{
	struct long_op first = { .cxlr_sysram = make_sysram(test) };
	struct long_op second = first;

	start(test, &first);
	wait_for_completion(&first.started);
	start(test, &second);
	KUNIT_EXPECT_EQ(test, 0, wait_for_completion_timeout(&second.started, HZ / 5));

	/* The first one ends, then the second one runs, and nobody comes behind it */
	complete(&first.end);
	wait_for_completion(&first.ended);
	KUNIT_EXPECT_EQ(test, 0, first.rc);
	wait_for_completion(&second.started);
	cxl_sysram_op_drain(first.cxlr_sysram);
	wait_for_completion(&second.ended);
	KUNIT_EXPECT_EQ(test, -ENXIO, second.rc);
	KUNIT_EXPECT_EQ(test, 42, run(first.cxlr_sysram, CXL_SYSRAM_OP_REGION));
}

static void regions_are_independent(struct kunit *test)
{
	struct long_op op = { .cxlr_sysram = make_sysram(test) };

	start(test, &op);
	wait_for_completion(&op.started);
	KUNIT_EXPECT_EQ(test, 42, run(make_sysram(test), CXL_SYSRAM_OP_REGION));
	cxl_sysram_op_drain(op.cxlr_sysram);
	wait_for_completion(&op.ended);
}

static struct kunit_case cxl_sysram_op_cases[] = {
	KUNIT_CASE(kinds_of_operations),
	KUNIT_CASE(one_operation_at_a_time),
	KUNIT_CASE(regions_are_independent),
	{}
};

static struct kunit_suite cxl_sysram_op_suite = {
	.name = "cxl_sysram_op",
	.test_cases = cxl_sysram_op_cases,
};

kunit_test_suite(cxl_sysram_op_suite);

MODULE_DESCRIPTION("KUnit test of the operations of cxl sysram");
MODULE_LICENSE("GPL");
