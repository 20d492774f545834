// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/sizes.h>
#include "sysram_op.h"

/**
 * DOC: cxl sysram operations
 *
 * Memory hotplug has no deadline. offline_pages() retries for as long as a page
 * cannot be migrated, with the hotplug lock held, and gives up only when a
 * signal is pending for the thread that called it; whoever waits for the
 * hotplug lock meanwhile waits without looking at signals at all. A writer to
 * 'state' must be killable in both cases, an unbind must end, and neither may
 * leave half of a region behind.
 *
 * So every call into memory hotplug is made by a thread of its own, the
 * operation, which belongs to one sysram_region; a region has at most one. The
 * thread that asked for it only waits: until the operation is done, until a
 * fatal signal arrives (-EINTR) or until the deadline (-EBUSY). In the last two
 * cases, and when the region is torn down, the operation is sent a signal, on
 * which it restores what was and ends.
 *
 * The signal is SIGINT, not SIGKILL: the way back may have to start kswapd for
 * the node again, and kthread_create() fails for a thread that has been killed.
 *
 * Memory hotplug does one thing at a time in the whole system. Operations of
 * different regions queue up before it, where a signal still reaches them: the
 * writer of one that waits for another region can be killed at once.
 *
 * An operation that is stuck behind the hotplug lock, because somebody else
 * holds it, cannot be told to end. Whoever waits for it leaves after a grace
 * period; the operation gives up as soon as it gets the lock, and only then may
 * the next one start.
 */

static unsigned int unplug_timeout = 60;
module_param(unplug_timeout, uint, 0644);
MODULE_PARM_DESC(unplug_timeout,
		 "Seconds until plug or unplug of a sysram_region is given up, plus one for each GiB (default 60)");

/* The queue before memory hotplug, which would make them wait anyway */
static DEFINE_MUTEX(cxl_sysram_op_turn);

/* How long a cancelled operation may take to restore what was */
#define CXL_SYSRAM_OP_GRACE	(20 * HZ)

/**
 * struct cxl_sysram_op - one operation
 * @ref: one for the thread, one for whoever waits
 * @done: the thread has set @rc and will not touch the region again
 * @cxlr_sysram: the region, pinned
 * @owner: module that @fn calls into, pinned, or NULL
 * @task: the thread, pinned
 * @fn: what to do
 * @req: for @fn
 * @cancelled: give up; set before the signal is sent
 * @rc: what @fn returned
 */
struct cxl_sysram_op {
	struct kref ref;
	struct completion done;
	struct cxl_sysram_region *cxlr_sysram;
	struct module *owner;
	struct task_struct *task;
	cxl_sysram_op_fn fn;
	struct cxl_sysram_request req;
	bool cancelled;
	int rc;
};

static void cxl_sysram_op_release(struct kref *ref)
{
	struct cxl_sysram_op *op = container_of(ref, struct cxl_sysram_op, ref);

	if (op->task)
		put_task_struct(op->task);
	module_put(op->owner);
	put_device(&op->cxlr_sysram->dev);
	kfree(op);
}

static void cxl_sysram_op_put(struct cxl_sysram_op *op)
{
	if (op)
		kref_put(&op->ref, cxl_sysram_op_release);
}

DEFINE_FREE(cxl_sysram_op, struct cxl_sysram_op *, cxl_sysram_op_put(_T))

static struct cxl_sysram_op *
cxl_sysram_op_alloc(struct cxl_sysram_region *cxlr_sysram, cxl_sysram_op_fn fn,
		    const struct cxl_sysram_request *req)
{
	struct cxl_sysram_op *op = kzalloc_obj(*op);

	if (!op)
		return NULL;

	kref_init(&op->ref);
	init_completion(&op->done);
	get_device(&cxlr_sysram->dev);
	op->cxlr_sysram = cxlr_sysram;
	op->fn = fn;
	if (req)
		op->req = *req;
	return op;
}

/* The flag is for a thread that does not listen to signals yet */
static void cxl_sysram_op_cancel(struct cxl_sysram_op *op)
{
	WRITE_ONCE(op->cancelled, true);
	if (op->task)
		send_sig(SIGINT, op->task, 1);
}

static void cxl_sysram_op_retire(struct cxl_sysram_op *op)
{
	struct cxl_sysram_region *cxlr_sysram = op->cxlr_sysram;

	scoped_guard(spinlock, &cxlr_sysram->lock)
		cxlr_sysram->op = NULL;
	wake_up_all(&cxlr_sysram->wait);
}

static int cxl_sysram_op_do(struct cxl_sysram_op *op)
{
	int rc;

	ACQUIRE(mutex_intr, turn)(&cxl_sysram_op_turn);
	if ((rc = ACQUIRE_ERR(mutex_intr, &turn)))
		return rc;

	if (READ_ONCE(op->cancelled))
		return -EINTR;
	return op->fn(op->cxlr_sysram, &op->req);
}

static int cxl_sysram_op_thread(void *data)
{
	struct cxl_sysram_op *op = data;

	allow_kernel_signal(SIGINT);
	op->rc = cxl_sysram_op_do(op);

	cxl_sysram_op_retire(op);
	complete_all(&op->done);
	cxl_sysram_op_put(op);
	module_put_and_kthread_exit(0);
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
	if (cxlr_sysram->dying && kind != CXL_SYSRAM_OP_TEARDOWN)
		*rc = -ENXIO;
	else if (kind == CXL_SYSRAM_OP_STATE && cxlr_sysram->dax_owned)
		*rc = -EBUSY;
	else if (kind == CXL_SYSRAM_OP_STATE && !cxlr_sysram->ops)
		*rc = -ENXIO;
	else if (kind == CXL_SYSRAM_OP_DAX && !cxlr_sysram->dax_owned)
		*rc = -ENXIO;
	if (*rc)
		return true;

	if (cxlr_sysram->op)
		return false;

	if (cxlr_sysram->ops) {
		/* The driver is on its way out, or has just come in vain */
		if (!try_module_get(cxlr_sysram->ops->owner)) {
			*rc = -ENXIO;
			return true;
		}
		op->owner = cxlr_sysram->ops->owner;
	}
	cxlr_sysram->op = op;
	return true;
}

static int cxl_sysram_op_start(struct cxl_sysram_op *op)
{
	struct task_struct *task;

	task = kthread_create(cxl_sysram_op_thread, op, "cxl/%s",
			      dev_name(&op->cxlr_sysram->dev));
	if (IS_ERR(task)) {
		cxl_sysram_op_retire(op);
		return PTR_ERR(task);
	}

	/* For the thread, which outlives a waiter that has been killed */
	kref_get(&op->ref);
	__module_get(THIS_MODULE);

	scoped_guard(spinlock, &op->cxlr_sysram->lock)
		op->task = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

static unsigned long cxl_sysram_op_timeout(struct cxl_sysram_region *cxlr_sysram)
{
	u64 gib = range_len(&cxlr_sysram->hpa_range) / SZ_1G;

	return min_t(u64, (READ_ONCE(unplug_timeout) + gib) * HZ,
		     MAX_SCHEDULE_TIMEOUT - 1);
}

/**
 * cxl_sysram_op_run - run an operation of a sysram_region and wait for it
 * @cxlr_sysram: the region
 * @kind: what must hold for the operation to start
 * @fn: the operation; ends early, with everything restored, on a signal
 * @req: for @fn, copied; NULL for none
 *
 * Waits for another operation of the same region to end first. The wait ends
 * at the deadline of unplug_timeout= seconds plus one for each GiB of the
 * region.
 *
 * Context: Process context. No lock that memory hotplug, one of its notifiers
 * or a dax driver could want may be held.
 * Return: what @fn returned; -EINTR when the caller was killed; -EBUSY when the
 * deadline has passed or, for CXL_SYSRAM_OP_STATE, the range belongs to DAX;
 * -ENXIO when the region is dying, or has no driver for @kind; -ENOMEM.
 */
int cxl_sysram_op_run(struct cxl_sysram_region *cxlr_sysram,
		      enum cxl_sysram_op_kind kind, cxl_sysram_op_fn fn,
		      const struct cxl_sysram_request *req)
{
	unsigned long timeout = cxl_sysram_op_timeout(cxlr_sysram);
	long left;
	int rc;

	struct cxl_sysram_op *op __free(cxl_sysram_op) =
		cxl_sysram_op_alloc(cxlr_sysram, fn, req);
	if (!op)
		return -ENOMEM;

	left = wait_event_killable_timeout(cxlr_sysram->wait,
					   cxl_sysram_op_claim(op, kind, &rc),
					   timeout);
	if (left < 0)
		return -EINTR;
	if (!left)
		return -EBUSY;
	if (rc)
		return rc;

	rc = cxl_sysram_op_start(op);
	if (rc)
		return rc;

	left = wait_for_completion_killable_timeout(&op->done, left);
	if (left > 0)	/* only a teardown cancels what nobody gave up */
		return op->rc == -EINTR ? -ENXIO : op->rc;

	cxl_sysram_op_cancel(op);
	rc = left < 0 ? -EINTR : -EBUSY;
	if (!wait_for_completion_timeout(&op->done, CXL_SYSRAM_OP_GRACE)) {
		dev_warn_ratelimited(&cxlr_sysram->dev,
				     "memory hotplug is busy elsewhere, the operation is given up when it answers\n");
		return rc;
	}
	if (rc == -EBUSY && op->rc == -EINTR)
		dev_warn_ratelimited(&cxlr_sysram->dev,
				     "gave up after %lu s: some page cannot be moved, see unplug_timeout=\n",
				     timeout / HZ);
	return op->rc == -EINTR ? rc : op->rc;
}

/**
 * cxl_sysram_op_drain - end the present operation, if any, and wait for it
 * @cxlr_sysram: the region; no operation may start any more
 *
 * For a teardown that cannot be refused. The wait is as long as it takes to
 * restore what was, or to get the hotplug lock.
 *
 * Context: Process context. The caller may hold the device lock of the region.
 */
void cxl_sysram_op_drain(struct cxl_sysram_region *cxlr_sysram)
{
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (cxlr_sysram->op)
			cxl_sysram_op_cancel(cxlr_sysram->op);
	}
	wait_event(cxlr_sysram->wait, !READ_ONCE(cxlr_sysram->op));
}
