// SPDX-License-Identifier: GPL-2.0-only
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/range.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "memory_hotplug_op.h"

#define CREATE_TRACE_POINTS
#include <trace/events/memory_hotplug.h>

/*
 * What operations on lists of ranges have in common: whom they ask whether to give up,
 * the memory blocks that they are about, the steps that are traced.
 */

/**
 * mhp_give_up_on_signal - end a memory hotplug operation on any signal
 * @ctl: of the operation
 *
 * For struct mhp_ctl. It is what offline_pages() has always done.
 *
 * Return: 0 to go on, -EINTR to give up.
 */
int mhp_give_up_on_signal(struct mhp_ctl *ctl)
{
	return signal_pending(ctl->task) ? -EINTR : 0;
}
EXPORT_SYMBOL_GPL(mhp_give_up_on_signal);

/**
 * mhp_lock_device - take the lock of a device, or give up
 * @dev: a device whose lock is held by others for as long as memory hotplug takes
 * @ctl: whom to ask, NULL to wait for as long as it takes
 *
 * Return: 0, to be undone by device_unlock(), or what @ctl says.
 */
int mhp_lock_device(struct device *dev, struct mhp_ctl *ctl)
{
	int rc;

	if (!ctl) {
		device_lock(dev);
		return 0;
	}

	ctl->task = current;
	while (!(rc = mhp_ask(ctl)) && !device_trylock(dev))
		mhp_pause(MHP_PAUSE_MIN);
	ctl->progress++;
	return rc;
}
EXPORT_SYMBOL_GPL(mhp_lock_device);

static int mhp_cmp_ranges(const void *a, const void *b)
{
	const struct range *l = a, *r = b;

	return l->start < r->start ? -1 : l->start > r->start;
}

/*
 * Whole memory blocks, none of them twice, or -EINVAL. Returns how many blocks
 * there are.
 */
static long mhp_count_blocks(const struct range *ranges, unsigned int nr)
{
	const u64 block = memory_block_size_bytes();
	u64 blocks = 0;

	if (!ranges || !nr)
		return -EINVAL;

	struct range *sorted __free(kvfree) =
		kvmalloc_array(nr, sizeof(*sorted), GFP_KERNEL);
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, ranges, nr * sizeof(*sorted));
	sort(sorted, nr, sizeof(*sorted), mhp_cmp_ranges, NULL);

	for (unsigned int i = 0; i < nr; i++) {
		if (sorted[i].end < sorted[i].start ||
		    !IS_ALIGNED(sorted[i].start, block) ||
		    !IS_ALIGNED(sorted[i].end + 1, block))
			return -EINVAL;
		if (i && sorted[i].start <= sorted[i - 1].end)
			return -EINVAL;
		blocks += div64_u64(sorted[i].end - sorted[i].start, block) + 1;
	}
	return blocks > LONG_MAX ? -EINVAL : blocks;
}

/**
 * mhp_op_init - begin an operation
 * @op: the operation
 * @ranges: what it is about, kept by the caller
 * @nr: how many
 * @ctl: whom to ask whether to give up, NULL for any signal
 *
 * Return: 0, to be undone by mhp_op_free(); -EINVAL when @ranges are none, overlap, or
 * are not made of whole memory blocks; -ENOMEM.
 */
int mhp_op_init(struct mhp_op *op, const struct range *ranges, unsigned int nr,
		struct mhp_ctl *ctl)
{
	long blocks = mhp_count_blocks(ranges, nr);

	*op = (struct mhp_op) {
		.own.give_up = mhp_give_up_on_signal,
		.ranges = ranges,
		.nr_ranges = nr,
	};
	if (blocks < 0)
		return blocks;

	op->blocks = kvzalloc_objs(*op->blocks, blocks);
	if (!op->blocks)
		return -ENOMEM;
	op->ctl = ctl ?: &op->own;
	op->ctl->task = current;
	op->ctl->yielded = false;
	return 0;
}

/**
 * mhp_op_lock - take device_hotplug_lock for an operation
 * @op: the operation
 *
 * Without a hook, the lock is waited for as long as it takes.
 *
 * Return: 0, or what the hook says.
 */
int mhp_op_lock(struct mhp_op *op)
{
	int rc;

	if (op->ctl == &op->own)
		return mhp_lock(NULL);

	while (!(rc = mhp_op_ask(op)) && !trylock_device_hotplug())
		mhp_pause(MHP_PAUSE_MIN);
	op->ctl->progress++;
	return rc;
}

/**
 * mhp_op_put_blocks - forget the blocks that were looked up
 * @op: the operation
 */
void mhp_op_put_blocks(struct mhp_op *op)
{
	for (unsigned long i = 0; i < op->nr; i++)
		memory_block_put(op->blocks[i].mem);
	op->nr = 0;
}

/**
 * mhp_op_free - end an operation
 * @op: the operation
 */
void mhp_op_free(struct mhp_op *op)
{
	mhp_op_put_blocks(op);
	kvfree(op->blocks);
}

/* A block without a single zone cannot go offline, whatever it is */
static enum mmop mhp_block_type(struct memory_block *mem)
{
	if (mem->state == MEM_OFFLINE)
		return MMOP_OFFLINE;
	return mem->zone && zone_idx(mem->zone) == ZONE_MOVABLE ?
	       MMOP_ONLINE_MOVABLE : MMOP_ONLINE_KERNEL;
}

/**
 * mhp_op_collect - look up the blocks of an operation, and what they are
 * @op: the operation
 *
 * Context: With device_hotplug_lock held.
 * Return: 0, -ENOENT when a block does not exist.
 */
int mhp_op_collect(struct mhp_op *op)
{
	const u64 size = memory_block_size_bytes();

	mhp_op_put_blocks(op);
	for (unsigned int i = 0; i < op->nr_ranges; i++) {
		u64 first = div64_u64(op->ranges[i].start, size);
		u64 last = div64_u64(op->ranges[i].end, size);

		for (u64 id = first; id <= last; id++) {
			struct mhp_block *block = &op->blocks[op->nr];

			*block = (struct mhp_block) {
				.mem = memory_block_get(id),
			};
			if (!block->mem)
				return -ENOENT;
			block->type = mhp_block_type(block->mem);
			op->nr++;
		}
	}
	return 0;
}

/**
 * mhp_op_phase - run one step of an operation, and trace it
 * @op: the operation
 * @phase: which step
 * @fn: what it does
 *
 * Return: what @fn returned.
 */
int mhp_op_phase(struct mhp_op *op, enum mhp_phase phase,
		 int (*fn)(struct mhp_op *op))
{
	u64 began = ktime_get_ns();
	int rc = fn(op);

	trace_mhp_phase(phase, op->ranges, op->nr_ranges, op->left,
			ktime_get_ns() - began, rc);
	return rc;
}

/* Bringing memory online may start threads, which a task that is killed cannot do */
struct mhp_work {
	struct work_struct work;
	struct mhp_op *op;
	int (*fn)(struct mhp_op *op);
	int rc;
};

static void mhp_work_fn(struct work_struct *work)
{
	struct mhp_work *w = container_of(work, struct mhp_work, work);

	w->rc = w->fn(w->op);
}

/**
 * mhp_op_run_in_worker - run one step of an operation in another task
 * @op: the operation
 * @fn: what it does
 *
 * Return: what @fn returned.
 */
int mhp_op_run_in_worker(struct mhp_op *op, int (*fn)(struct mhp_op *op))
{
	struct mhp_work w = { .op = op, .fn = fn };

	INIT_WORK_ONSTACK(&w.work, mhp_work_fn);
	queue_work(system_dfl_long_wq, &w.work);
	flush_work(&w.work);
	destroy_work_on_stack(&w.work);
	return w.rc;
}
