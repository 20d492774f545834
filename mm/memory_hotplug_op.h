/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations on lists of ranges, see memory_hotplug_ranges.c */
#ifndef _MM_MEMORY_HOTPLUG_OP_H
#define _MM_MEMORY_HOTPLUG_OP_H

#include <linux/hugetlb.h>
#include <linux/jiffies.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/sched.h>

/* Pause between two tries, in ms */
#define MHP_PAUSE_MIN		10
#define MHP_PAUSE_MAX		200

/* The steps of an operation, see memory_hotplug_ranges.c and the trace event */
enum mhp_phase {
	MHP_ISOLATE,
	MHP_EMPTY,
	MHP_OFFLINE,
	MHP_REMOVE,
	MHP_ADD,
	MHP_ONLINE,
	MHP_WAY_BACK,
};

/**
 * struct mhp_block - one memory block of an operation
 * @mem: the block, a reference
 * @type: how it was online, MMOP_OFFLINE if it was not
 * @used: pages in use when it was looked at last
 * @isolated: the operation has isolated its pages
 * @changed: the operation has taken it offline, or has brought it online
 */
struct mhp_block {
	struct memory_block *mem;
	enum mmop type;
	unsigned long used;
	bool isolated;
	bool changed;
};

/**
 * struct mhp_op - an operation
 * @ctl: whom to ask whether to give up
 * @own: that, for a caller who has none
 * @ranges: what it is about
 * @nr_ranges: how many
 * @blocks: in the order of the ranges
 * @nr: of @blocks that have been looked up
 * @left: pages in use of what is to be offlined, when they were counted last
 * @least: the fewest that there ever were
 * @free_huge: free huge pages of each size that go, too
 * @oom: asked before somebody is killed for memory
 * @nodes: whose memory it is that is isolated then
 * @type: how to bring them online
 */
struct mhp_op {
	struct mhp_ctl *ctl;
	struct mhp_ctl own;
	const struct range *ranges;
	unsigned int nr_ranges;
	struct mhp_block *blocks;
	unsigned long nr;
	unsigned long left;
	unsigned long least;
#ifdef CONFIG_HUGETLB_PAGE
	unsigned long free_huge[HUGE_MAX_HSTATE];
#endif
	struct notifier_block oom;
	nodemask_t nodes;
	enum mmop type;
};

static inline int mhp_ask(struct mhp_ctl *ctl)
{
	cond_resched();
	return ctl->give_up(ctl);
}

static inline int mhp_op_ask(struct mhp_op *op)
{
	return READ_ONCE(op->ctl->yielded) ? -EBUSY : mhp_ask(op->ctl);
}

static inline void mhp_pause(unsigned int ms)
{
	schedule_timeout_idle(msecs_to_jiffies(ms));
}

/* The pages of a block that come and go, which its own memory map does not */
static inline unsigned long mhp_block_start(const struct mhp_block *block)
{
	unsigned long pfn = section_nr_to_pfn(block->mem->start_section_nr);

	return pfn + (block->mem->altmap ? block->mem->altmap->free : 0);
}

static inline unsigned long mhp_block_end(const struct mhp_block *block)
{
	return section_nr_to_pfn(block->mem->start_section_nr) +
	       PHYS_PFN(memory_block_size_bytes());
}

/* memory_hotplug_op.c: what operations have in common */
int mhp_op_init(struct mhp_op *op, const struct range *ranges, unsigned int nr,
		struct mhp_ctl *ctl);
int mhp_op_lock(struct mhp_op *op);
int mhp_op_collect(struct mhp_op *op);
void mhp_op_put_blocks(struct mhp_op *op);
int mhp_op_phase(struct mhp_op *op, enum mhp_phase phase,
		 int (*fn)(struct mhp_op *op));
int mhp_op_run_in_worker(struct mhp_op *op, int (*fn)(struct mhp_op *op));
void mhp_op_free(struct mhp_op *op);

/* memory_hotplug_empty.c: isolate blocks, and migrate what is in them */
int mhp_isolate_blocks(struct mhp_op *op);
void mhp_undo_isolation(struct mhp_op *op);
void mhp_mind_tasks(struct mhp_op *op);
void mhp_mind_tasks_end(struct mhp_op *op, int rc);
int mhp_empty_blocks(struct mhp_op *op);

/* memory_hotplug_lost.c: blocks whose memory is gone */
int mhp_isolate_mem(struct memory_block *mem, unsigned long start, unsigned long end);
#ifdef CONFIG_MEMORY_HOTREMOVE
bool mhp_lost_keep(struct memory_block *mem);
#else
static inline bool mhp_lost_keep(struct memory_block *mem)
{
	return false;
}
#endif

#endif /* _MM_MEMORY_HOTPLUG_OP_H */
