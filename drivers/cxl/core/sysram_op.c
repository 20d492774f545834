// SPDX-License-Identifier: GPL-2.0-only
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "sysram_core.h"

/**
 * DOC: cxl sysram operations
 *
 * Whatever changes the memory of a sysram_region is an operation: a write to
 * 'state', a boot policy, an extent that arrives, a release, an unbind. It is a
 * function call in the context of whoever asks. A region has one operation at a
 * time, others wait; operations of different regions do not know of each other.
 *
 * Memory hotplug asks the operation whether to give up, see struct mhp_ctl. It
 * does
 *
 * - when a signal is pending for whoever asked (-ERESTARTSYS, which userspace sees
 *   as -EINTR or not at all),
 * - when there was no progress for unplug_timeout= seconds (-EBUSY): no memory
 *   block was done, the pages that are still in use have not become fewer, or
 *   somebody else holds a lock,
 * - when the device takes memory away that the operation is about: what is there may
 *   be somebody else's data, and must not be migrated (-EBUSY),
 * - when the region is torn down, which cannot wait for it (-ENXIO).
 *
 * In all cases memory hotplug leaves everything as it was. What restores more than one
 * call of it has done is not ended by what has ended the operation
 * (cxl_sysram_op_go_back()).
 */

static unsigned int unplug_timeout = 60;
module_param(unplug_timeout, uint, 0644);
MODULE_PARM_DESC(unplug_timeout,
		 "Seconds without progress until plug or unplug of a sysram_region is given up, 0 for never (default 60)");

/**
 * struct cxl_sysram_op - one operation, on the stack of whoever runs it
 * @ctl: for memory hotplug
 * @cxlr_sysram: the region
 * @req: what it is about, or NULL
 * @ops: the System RAM driver, pinned, or NULL
 * @progress: @ctl's, when it was looked at last
 * @when: jiffies of the last progress
 * @cancelled: the region is torn down
 * @interrupted: the memory that it is about is gone
 * @back: what was is being restored
 * @stuck: it was given up for want of progress
 */
struct cxl_sysram_op {
	struct mhp_ctl ctl;
	struct cxl_sysram_region *cxlr_sysram;
	const struct cxl_sysram_request *req;
	const struct cxl_sysram_ops *ops;
	unsigned long progress;
	unsigned long when;
	bool cancelled;
	bool interrupted;
	bool back;
	bool stuck;
};

static unsigned long cxl_sysram_op_timeout(void)
{
	unsigned int seconds = READ_ONCE(unplug_timeout);

	if (!seconds)
		return MAX_SCHEDULE_TIMEOUT;
	return min_t(u64, (u64)seconds * HZ, MAX_JIFFY_OFFSET);
}

static int cxl_sysram_op_give_up(struct mhp_ctl *ctl)
{
	struct cxl_sysram_op *op = container_of(ctl, struct cxl_sysram_op, ctl);
	unsigned long timeout = cxl_sysram_op_timeout();

	if (READ_ONCE(op->cancelled))
		return -ENXIO;
	if (!op->back && signal_pending(ctl->task))
		return -ERESTARTSYS;
	if (READ_ONCE(op->interrupted))
		return -ECANCELED;

	if (op->progress != ctl->progress) {
		op->progress = ctl->progress;
		op->when = jiffies;
		op->stuck = false;
	}
	if (timeout == MAX_SCHEDULE_TIMEOUT ||
	    time_before(jiffies, op->when + timeout))
		return 0;
	op->stuck = true;
	return -EBUSY;
}

static void cxl_sysram_op_retire(struct cxl_sysram_op *op)
{
	struct cxl_sysram_region *cxlr_sysram = op->cxlr_sysram;

	scoped_guard(spinlock, &cxlr_sysram->lock) {
		cxlr_sysram->op = NULL;
		cxlr_sysram->ctl = NULL;
	}
	wake_up_all(&cxlr_sysram->wait);
	if (op->ops)
		module_put(op->ops->owner);
}

/*
 * May @op run now? Returns false to be asked again when the present operation
 * has ended, else true with *@rc set; 0 means that @op is the present one.
 */
static bool cxl_sysram_op_claim(struct cxl_sysram_op *op,
				enum cxl_sysram_op_kind kind, int *rc)
{
	struct cxl_sysram_region *cxlr_sysram = op->cxlr_sysram;

	guard(spinlock)(&cxlr_sysram->lock);
	*rc = 0;
	if (cxlr_sysram->stopped ||
	    (cxlr_sysram->dying && kind != CXL_SYSRAM_OP_TEARDOWN))
		*rc = -ENXIO;
	else if (kind == CXL_SYSRAM_OP_STATE && cxlr_sysram->dax_owned)
		*rc = -EBUSY;
	else if (kind == CXL_SYSRAM_OP_STATE && !cxlr_sysram->ops)
		*rc = -ENXIO;
	else if (kind == CXL_SYSRAM_OP_DAX && !cxlr_sysram->dax_owned)
		*rc = -ENXIO;
	if (*rc)
		return true;

	if (cxlr_sysram->op || cxlr_sysram->settling)
		return false;

	if (cxlr_sysram->ops && try_module_get(cxlr_sysram->ops->owner)) {
		op->ops = cxlr_sysram->ops;
	} else if (kind == CXL_SYSRAM_OP_STATE) {
		/* The driver is on its way out, or has failed to probe */
		*rc = -ENXIO;
		return true;
	}
	cxlr_sysram->op = op;
	cxlr_sysram->ctl = &op->ctl;
	return true;
}

/**
 * cxl_sysram_op_run - run an operation of a sysram_region
 * @cxlr_sysram: the region, which the caller keeps
 * @kind: what must hold for the operation to start
 * @fn: the operation, which hands @cxlr_sysram->ctl to memory hotplug, and leaves
 *	everything as it was when that says so
 * @req: for @fn, NULL for none
 *
 * Waits for another operation of the same region to end first.
 *
 * Context: Process context. No lock that memory hotplug, one of its notifiers
 * or a dax driver could want may be held.
 * Return: what @fn returned; -ERESTARTSYS on a signal; -EBUSY when there was no
 * progress for unplug_timeout= seconds or, for CXL_SYSRAM_OP_STATE, the range
 * belongs to DAX; -ENXIO when the region is dying, or has no driver for @kind.
 */
int cxl_sysram_op_run(struct cxl_sysram_region *cxlr_sysram,
		      enum cxl_sysram_op_kind kind, cxl_sysram_op_fn fn,
		      const struct cxl_sysram_request *req)
{
	struct cxl_sysram_op op = {
		.ctl.give_up = cxl_sysram_op_give_up,
		.ctl.yield = true,
		.ctl.task = current,
		.ctl.poison = &cxlr_sysram->poison,
		.cxlr_sysram = cxlr_sysram,
		.req = req,
	};
	long left;
	int rc;

	left = wait_event_interruptible_timeout(cxlr_sysram->wait,
						cxl_sysram_op_claim(&op, kind, &rc),
						cxl_sysram_op_timeout());
	if (left < 0)
		return left;
	if (!left)
		return -EBUSY;
	if (rc)
		return rc;

	get_device(&cxlr_sysram->dev);
	op.when = jiffies;
	rc = fn(cxlr_sysram, req);
	cxl_sysram_op_retire(&op);
	/* Who asked hears that it did not work, and may look at what is left */
	if (rc == -ECANCELED)
		rc = -EBUSY;
	if (rc == -EBUSY && op.stuck)
		dev_warn_ratelimited(&cxlr_sysram->dev,
				     "gave up after %u s without progress, see unplug_timeout=\n",
				     unplug_timeout);
	put_device(&cxlr_sysram->dev);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_op_run, "cxl_sysram_op_kunit");

/**
 * cxl_sysram_op_driver - the System RAM driver, for an operation
 * @cxlr_sysram: the region
 *
 * Context: An operation. The driver may be on its way out, but does not get there
 * before the operation has ended.
 * Return: the driver that was bound when the operation started, or NULL.
 */
const struct cxl_sysram_ops *
cxl_sysram_op_driver(struct cxl_sysram_region *cxlr_sysram)
{
	return cxlr_sysram->op->ops;
}

/**
 * cxl_sysram_op_record - what this operation unplugs may have to be plugged again
 * @cxlr_sysram: the region, in which is recorded what the memory blocks were
 *
 * From now on, what is plugged that is in the record becomes what it was.
 *
 * Context: An operation.
 */
void cxl_sysram_op_record(struct cxl_sysram_region *cxlr_sysram)
{
	cxlr_sysram->ctl->types = &cxlr_sysram->record;
}

/**
 * struct cxl_sysram_back - the way back of an operation
 * @work: in which it is gone
 * @cxlr_sysram: the region
 * @fn: what restores
 * @arg: for @fn
 * @rc: what it has returned
 */
struct cxl_sysram_back {
	struct work_struct work;
	struct cxl_sysram_region *cxlr_sysram;
	int (*fn)(struct cxl_sysram_region *cxlr_sysram, void *arg);
	void *arg;
	int rc;
};

static void cxl_sysram_back_work(struct work_struct *work)
{
	struct cxl_sysram_back *back = container_of(work, struct cxl_sysram_back, work);

	back->rc = back->fn(back->cxlr_sysram, back->arg);
}

/**
 * cxl_sysram_op_go_back - restore what was, when an operation has failed
 * @cxlr_sysram: the region
 * @fn: restores
 * @arg: for @fn
 *
 * Not ended by a signal, nor by what has ended the operation: the time begins anew, and
 * only memory that is lost, see cxl_sysram_op_uninterrupt(), or the end of the region
 * ends this. The caller may be here because it is being killed, so it runs in another
 * task.
 *
 * Context: An operation, at its end.
 * Return: what @fn returned.
 */
int cxl_sysram_op_go_back(struct cxl_sysram_region *cxlr_sysram,
			  int (*fn)(struct cxl_sysram_region *cxlr_sysram, void *arg),
			  void *arg)
{
	struct cxl_sysram_back back = { .cxlr_sysram = cxlr_sysram, .fn = fn, .arg = arg };
	struct cxl_sysram_op *op = cxlr_sysram->op;

	op->back = true;
	op->when = jiffies;
	INIT_WORK_ONSTACK(&back.work, cxl_sysram_back_work);
	queue_work(system_dfl_long_wq, &back.work);
	flush_work(&back.work);
	destroy_work_on_stack(&back.work);
	return back.rc;
}

/**
 * cxl_sysram_op_uninterrupt - what is gone by now does not end the operation any more
 * @cxlr_sysram: the region
 *
 * To be called before it is looked at what is gone: what goes after that look ends it
 * again, since both are done under one lock.
 *
 * Context: An operation.
 */
void cxl_sysram_op_uninterrupt(struct cxl_sysram_region *cxlr_sysram)
{
	WRITE_ONCE(cxlr_sysram->op->interrupted, false);
}

/**
 * cxl_sysram_op_goes_on - may it have failed only because some of its memory is gone?
 * @cxlr_sysram: the region
 * @rc: of memory hotplug, which may have found memory that is gone before it asked @ctl
 *
 * Context: An operation.
 * Return: true when it is to be done again, with what is left.
 */
bool cxl_sysram_op_goes_on(struct cxl_sysram_region *cxlr_sysram, int rc)
{
	return rc && READ_ONCE(cxlr_sysram->op->interrupted);
}

/**
 * cxl_sysram_op_drain - end the present operation, if any, and wait for it
 * @cxlr_sysram: the region; no operation may start any more
 *
 * For a teardown that cannot be refused. The wait is as long as it takes to
 * restore what was.
 *
 * Context: Process context. The caller may hold the device lock of the region.
 */
void cxl_sysram_op_drain(struct cxl_sysram_region *cxlr_sysram)
{
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (cxlr_sysram->op)
			WRITE_ONCE(cxlr_sysram->op->cancelled, true);
	}
	wait_event(cxlr_sysram->wait, !READ_ONCE(cxlr_sysram->op));
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_op_drain, "cxl_sysram_op_kunit");

static bool cxl_sysram_op_has_driver(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	return cxlr_sysram->op && cxlr_sysram->op->ops;
}

/**
 * cxl_sysram_op_drain_driver - end the present operation, if the driver is used by it
 * @cxlr_sysram: the region; its driver is taken from it
 *
 * One that DAX does without the driver goes on.
 *
 * Context: Process context.
 */
void cxl_sysram_op_drain_driver(struct cxl_sysram_region *cxlr_sysram)
{
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		cxlr_sysram->ops = NULL;
		if (cxlr_sysram->op && cxlr_sysram->op->ops)
			WRITE_ONCE(cxlr_sysram->op->cancelled, true);
	}
	wait_event(cxlr_sysram->wait, !cxl_sysram_op_has_driver(cxlr_sysram));
}

/*
 * Without a range it is about all of the region. What takes out one allocation that is
 * gone has the lock of DAX, and comes again.
 */
static bool cxl_sysram_op_is_about(const struct cxl_sysram_op *op,
				   const struct range *hpa)
{
	const u64 block = memory_block_size_bytes();

	if (!op->req || (!op->req->urgent && !op->req->range.end))
		return true;
	if (op->req->urgent)
		return op->req->data;
	return ALIGN_DOWN(op->req->range.start, block) <= hpa->end &&
	       (op->req->range.end | (block - 1)) >= hpa->start;
}

/**
 * cxl_sysram_op_interrupt - memory is gone: end what is done with it
 * @cxlr_sysram: the region
 * @hpa: where the memory was
 *
 * Does not wait: @ctl says -ECANCELED from now on. What begins after this has to look
 * by itself.
 */
void cxl_sysram_op_interrupt(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa)
{
	guard(spinlock)(&cxlr_sysram->lock);
	if (cxlr_sysram->op && cxl_sysram_op_is_about(cxlr_sysram->op, hpa))
		WRITE_ONCE(cxlr_sysram->op->interrupted, true);
}
