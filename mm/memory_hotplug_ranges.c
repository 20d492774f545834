// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "memory hotplug: " fmt

#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/range.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "internal.h"
#include "memory_hotplug_op.h"

/*
 * Memory hotplug for drivers that own memory: operations on a list of ranges.
 *
 * An operation is all or nothing. Either every memory block of every range is as
 * it was asked for, or every block is what it was before, in its zone. That
 * decides the order of the steps: whatever can fail, or can be given up, comes
 * before the first step that others can see.
 *
 * Offlining has four steps, each for all blocks:
 *
 * 1. Isolate the pages, under device_hotplug_lock. What can never move is found
 *    here, before anything is migrated. Nothing is allocated from these pages any
 *    more.
 * 2. Empty them: migrate what is in use, in passes, without any hotplug lock. This
 *    is what takes long, and what has no end while a page is pinned. The blocks
 *    cannot go offline meanwhile, since whoever tries finds them isolated. Free
 *    huge pages are dissolved in the end.
 * 3. Take the blocks offline, under device_hotplug_lock. They stay empty once they
 *    are empty: only a notifier can object, or whoever has a page that it did not
 *    give back when it was notified.
 * 4. Remove the memory, with the same hold of the lock.
 *
 * Giving up in steps 1 and 2 undoes the isolation, and that is all there is to
 * undo. After an objection in step 3 the blocks are brought online again. That can
 * fail; the log names the block.
 *
 * Poisoned pages that are free go offline with the others, and are never handed out
 * again. Their block knows them while it is offline, and struct mhp_ctl while the
 * memory is not there. That can also keep how each block was online, so that memory
 * which was removed for something that does not happen is added again as it was.
 *
 * While it lasts, tasks that may use this memory only find none that is free, and the
 * kernel may kill somebody for that. If its caller can try again, the operation is given
 * up before, in steps 1 and 2.
 *
 * Plugging adds the memory of all ranges first. All blocks come online then with
 * their pages isolated, and only when all are online the pages are handed out.
 * Until that moment it can be given up, and goes back without migrating anything.
 *
 * What decides about giving up is the caller's struct mhp_ctl. It is asked while
 * the operation waits for device_hotplug_lock, which others may hold for as long
 * as they like, between blocks, and while pages are migrated, at least once for
 * each 32 MiB. Pages are then migrated without waiting for their locks, and for
 * I/O on them. Without one, any signal ends the operation, as it has always been
 * for offline_pages().
 */

static int mhp_online_block(struct mhp_block *block, enum mmop type)
{
	int rc;

	block->mem->online_type = type;
	rc = device_online(&block->mem->dev);
	return min(rc, 0);
}

/* Bring online what was taken offline. The rest is tried when one block fails. */
static int mhp_take_back_work(struct mhp_op *op)
{
	int rc, failed = 0;

	for (unsigned long i = 0; i < op->nr; i++) {
		struct mhp_block *block = &op->blocks[i];

		if (!block->changed)
			continue;
		rc = mhp_online_block(block, block->type);
		if (!rc) {
			block->changed = false;
			continue;
		}
		failed = failed ?: rc;
		pr_err("%s cannot be brought online again: %pe\n",
		       dev_name(&block->mem->dev), ERR_PTR(rc));
	}
	return failed;
}

static int mhp_take_back(struct mhp_op *op)
{
	return mhp_op_run_in_worker(op, mhp_take_back_work);
}

static int mhp_offline_block(struct mhp_block *block)
{
	struct memory_block *mem = block->mem;
	int rc;

	mem->isolated = true;
	rc = device_offline(&mem->dev);
	mem->isolated = false;
	if (rc < 0)
		return rc;
	/* The pages are gone, and so is their isolation */
	block->isolated = false;
	block->changed = true;
	return 0;
}

/* Poisoned pages are not forgotten with the memory blocks, those that are now */
static int mhp_keep_poison(struct mhp_op *op)
{
	struct xarray *to = op->ctl->poison;
	unsigned long pfn;
	void *entry;
	int rc;

	for (unsigned long i = 0; i < op->nr && to; i++) {
		struct memory_block *mem = op->blocks[i].mem;
		unsigned long first = section_nr_to_pfn(mem->start_section_nr);
		unsigned long nr = PHYS_PFN(memory_block_size_bytes());

		xa_for_each_range(to, pfn, entry, first, first + nr - 1)
			xa_erase(to, pfn);
		xa_for_each(&mem->hwpoison, pfn, entry) {
			rc = xa_err(xa_store(to, pfn, entry, GFP_KERNEL));
			if (rc)
				return rc;
		}
	}
	return 0;
}

/* Nor how they were online, if the caller may want it back */
static int mhp_keep_types(struct mhp_op *op)
{
	struct xarray *to = op->ctl->types;
	int rc = 0;

	for (unsigned long i = 0; i < op->nr && to && !rc; i++) {
		struct mhp_block *block = &op->blocks[i];

		rc = xa_err(xa_store(to, block->mem->dev.id,
				     xa_mk_value(block->type), GFP_KERNEL));
	}
	for (unsigned long i = 0; i < op->nr && rc; i++)
		xa_erase(to, op->blocks[i].mem->dev.id);
	return rc;
}

/* All or none, under device_hotplug_lock */
static int mhp_offline_isolated(struct mhp_op *op)
{
	int rc = 0;

	for (unsigned long i = 0; i < op->nr && !rc; i++)
		if (op->blocks[i].isolated)
			rc = mhp_offline_block(&op->blocks[i]);
	rc = rc ?: mhp_keep_poison(op);
	rc = rc ?: mhp_keep_types(op);
	if (!rc)
		return 0;

	mhp_undo_isolation(op);
	mhp_op_phase(op, MHP_WAY_BACK, mhp_take_back);
	return rc;
}

#define MHP_AGAIN	1

/* Somebody has brought a block online that was not, or has removed it */
static bool mhp_is_outdated(struct mhp_op *op)
{
	for (unsigned long i = 0; i < op->nr; i++) {
		struct mhp_block *block = &op->blocks[i];
		struct memory_block *mem;

		if (block->isolated)
			continue;
		if (block->mem->state != MEM_OFFLINE)
			return true;
		mem = memory_block_get(block->mem->dev.id);
		if (mem)
			memory_block_put(mem);
		if (mem != block->mem)
			return true;
	}
	return false;
}

/*
 * Isolate all blocks, and empty them. device_hotplug_lock is held before, and after
 * a return of 0 or MHP_AGAIN; on other returns than 0 nothing is isolated.
 */
static int mhp_empty_isolated(struct mhp_op *op)
{
	int rc;

	mhp_mind_tasks(op);
	rc = mhp_op_phase(op, MHP_ISOLATE, mhp_isolate_blocks);
	unlock_device_hotplug();
	rc = rc ?: mhp_op_phase(op, MHP_EMPTY, mhp_empty_blocks);
	rc = rc ?: mhp_op_lock(op);
	if (!rc && mhp_is_outdated(op))
		rc = MHP_AGAIN;
	if (rc)
		mhp_undo_isolation(op);
	mhp_mind_tasks_end(op, rc);
	return rc;
}

/*
 * Take all blocks offline. device_hotplug_lock is held before, and after a return
 * of 0; not after an error, nor after MHP_AGAIN, which means that the blocks have
 * to be looked up again.
 */
static int mhp_offline_blocks(struct mhp_op *op)
{
	int rc;

	rc = mhp_empty_isolated(op);
	if (rc < 0)
		return rc;
	rc = rc ?: mhp_op_phase(op, MHP_OFFLINE, mhp_offline_isolated);
	if (rc)
		unlock_device_hotplug();
	return rc;
}

/*
 * They were all offline just now, which nobody can change under the lock. On the way
 * back a notifier may have kept one from going offline.
 */
static int mhp_remove_ranges(struct mhp_op *op)
{
	int rc, failed = 0;

	for (unsigned int i = 0; i < op->nr_ranges; i++) {
		const struct range *range = &op->ranges[i];

		rc = try_remove_memory(range->start, range_len(range));
		if (rc)
			pr_err("%#llx-%#llx cannot be removed: %pe\n",
			       range->start, range->end, ERR_PTR(rc));
		failed = failed ?: rc;
	}
	return failed;
}

/**
 * offline_and_remove_memory_ranges - offline and remove memory, all or nothing
 * @ranges: physical addresses of whole memory blocks, all or some of what was added
 * @nr: how many, at least one
 * @ctl: whether to give up, NULL to do so on any signal
 *
 * Blocks that are offline already are removed with the others.
 *
 * Context: Process context. Takes device_hotplug_lock, but does not hold it while
 * pages are migrated. No lock may be held that a notifier of memory hotplug, or
 * migrating a page, could want.
 * Return: 0 when nothing of it is there any more. On failure every block is what
 * it was, and where: -EINVAL for ranges that are not made of whole blocks or
 * overlap, or for blocks that can never go offline; -ENOENT when a block is not
 * there; -EBUSY when a page can never move; -ENOMEM; what @ctl or a notifier says.
 */
int offline_and_remove_memory_ranges(const struct range *ranges,
				     unsigned int nr, struct mhp_ctl *ctl)
{
	struct mhp_op op;
	int rc;

	rc = mhp_op_init(&op, ranges, nr, ctl);
	if (rc)
		return rc;

	do {
		rc = mhp_op_lock(&op);
		if (rc)
			break;
		rc = mhp_op_collect(&op);
		if (rc) {
			unlock_device_hotplug();
			break;
		}
		rc = mhp_offline_blocks(&op);
	} while (rc == MHP_AGAIN);

	if (!rc) {
		/* A block that somebody holds stays allocated, and is no more */
		mhp_op_put_blocks(&op);
		rc = mhp_op_phase(&op, MHP_REMOVE, mhp_remove_ranges);
		unlock_device_hotplug();
	}
	mhp_op_free(&op);
	return rc;
}
EXPORT_SYMBOL_GPL(offline_and_remove_memory_ranges);

static int mhp_online_isolated_block(struct mhp_block *block, enum mmop type)
{
	int rc;

	block->mem->isolated = true;
	rc = mhp_online_block(block, type);
	block->mem->isolated = false;
	if (rc)
		return rc;
	block->isolated = true;
	block->changed = true;
	return 0;
}

/* Nothing of it was handed out: it goes as it came */
static void mhp_undo_online(struct mhp_op *op)
{
	for (unsigned long i = 0; i < op->nr; i++) {
		struct mhp_block *block = &op->blocks[i];
		int rc;

		if (!block->changed)
			continue;
		rc = mhp_offline_block(block);
		if (!rc)
			block->changed = false;
		else
			pr_err("%s cannot be taken offline again: %pe\n",
			       dev_name(&block->mem->dev), ERR_PTR(rc));
	}
}

/* What a block is to be: what it was before it was removed, or else as asked */
static enum mmop mhp_wanted(struct mhp_op *op, struct mhp_block *block)
{
	void *was = op->ctl->types ? xa_load(op->ctl->types, block->mem->dev.id) : NULL;

	return was ? xa_to_value(was) : op->type;
}

/* Bring all blocks that are offline online, and hand out no page of them yet */
static int mhp_online_work(struct mhp_op *op)
{
	int rc = 0;

	for (unsigned long i = 0; i < op->nr && !rc; i++) {
		struct mhp_block *block = &op->blocks[i];
		enum mmop type = mhp_wanted(op, block);

		if (block->type != MMOP_OFFLINE || type == MMOP_OFFLINE)
			continue;
		rc = mhp_ask(op->ctl) ?: mhp_online_isolated_block(block, type);
		op->ctl->progress++;
	}
	if (rc)
		mhp_undo_online(op);
	return rc;
}

static int mhp_online_isolated(struct mhp_op *op)
{
	return mhp_op_run_in_worker(op, mhp_online_work);
}

/* What is online is as asked for already, or never will be */
static int mhp_check_types(struct mhp_op *op)
{
	for (unsigned long i = 0; i < op->nr; i++) {
		enum mmop type = mhp_wanted(op, &op->blocks[i]);

		if (op->blocks[i].type != MMOP_OFFLINE && type != MMOP_ONLINE &&
		    op->blocks[i].type != type)
			return -EBUSY;
	}
	return 0;
}

/* All or none, under device_hotplug_lock */
static int mhp_online_blocks(struct mhp_op *op, enum mmop type)
{
	int rc;

	op->type = type;
	rc = mhp_op_collect(op);
	rc = rc ?: mhp_check_types(op);
	rc = rc ?: mhp_op_phase(op, MHP_ONLINE, mhp_online_isolated);
	/* From here on it cannot fail. After an error nothing is isolated. */
	mhp_undo_isolation(op);
	return rc;
}

/**
 * online_memory_ranges - bring memory that is offline online, all or nothing
 * @ranges: physical addresses of whole memory blocks
 * @nr: how many, at least one
 * @type: how (online, online_kernel, online_movable)
 * @ctl: whether to give up, NULL to do so on any signal
 *
 * Blocks that are online already, with that type, are left alone.
 *
 * Context: Process context. Takes device_hotplug_lock. No lock may be held that a
 * notifier of memory hotplug could want.
 * Return: 0 when all blocks are online. On failure every block is what it was:
 * -EINVAL for ranges that are not made of whole blocks or overlap, or no @type to
 * be online with; -ENOENT when a block is not there; -EBUSY when one is online
 * with another type; -ENOMEM; what @ctl or a notifier says.
 */
int online_memory_ranges(const struct range *ranges, unsigned int nr,
			 enum mmop type, struct mhp_ctl *ctl)
{
	struct mhp_op op;
	int rc;

	if (type <= MMOP_OFFLINE || type > MMOP_ONLINE_MOVABLE)
		return -EINVAL;

	rc = mhp_op_init(&op, ranges, nr, ctl);
	rc = rc ?: mhp_op_lock(&op);
	if (!rc) {
		rc = mhp_online_blocks(&op, type);
		unlock_device_hotplug();
	}
	mhp_op_free(&op);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(online_memory_ranges,
			  "cxl_sysram,memory_hotplug_kunit");

/* How the memory of an operation is to be added */
struct mhp_add {
	struct mhp_op op;
	unsigned int nr;
	int nid;
	const char *name;
	mhp_t flags;
};

static bool mhp_has_poison(struct xarray *poison, const struct range *range)
{
	unsigned long pfn = PHYS_PFN(range->start);

	return poison && xa_find(poison, &pfn, PHYS_PFN(range->end), XA_PRESENT);
}

/* Tell the new memory blocks which of their pages are poisoned */
static int mhp_restore_poison(struct xarray *poison, const struct range *range)
{
	unsigned long pfn;
	void *entry;
	int rc;

	if (!poison)
		return 0;
	xa_for_each_range(poison, pfn, entry, PHYS_PFN(range->start),
			  PHYS_PFN(range->end)) {
		rc = memory_block_add_poison(pfn);
		if (rc)
			return rc;
	}
	return 0;
}

static int mhp_add_range(struct mhp_add *add, const struct range *range)
{
	struct xarray *poison = add->op.ctl->poison;
	mhp_t flags = add->flags;

	/* A poisoned page must not become part of the memory map */
	if (flags & MHP_MEMMAP_ON_MEMORY && mhp_has_poison(poison, range)) {
		flags &= ~MHP_MEMMAP_ON_MEMORY;
		pr_info("%#llx-%#llx has poisoned pages, its memory map is elsewhere\n",
			range->start, range->end);
	}
	return add_driver_managed_locked(add->nid, range->start,
					 range_len(range), add->name, flags,
					 MMOP_OFFLINE);
}

/* Add memory, and leave it offline */
static int mhp_add_ranges(struct mhp_op *op)
{
	struct mhp_add *add = container_of(op, struct mhp_add, op);
	unsigned int added = 0;
	int rc = 0;

	while (added < add->nr && !rc) {
		const struct range *range = &op->ranges[added];

		rc = mhp_ask(op->ctl) ?: mhp_add_range(add, range);
		if (rc)
			break;
		added++;
		op->ctl->progress++;
		rc = mhp_restore_poison(op->ctl->poison, range);
	}
	if (rc) {
		op->nr_ranges = added;
		mhp_remove_ranges(op);
	}
	return rc;
}

/**
 * add_memory_ranges_driver_managed - add memory and bring it online, all or nothing
 * @nid: NUMA node, or memory group with MHP_NID_IS_MGID
 * @ranges: physical addresses of whole memory blocks
 * @nr: how many
 * @nr_there: how many more @ranges follow, of memory that is there, offline, and is
 *	      brought online together with the rest
 * @resource_name: "System RAM ($DRIVER)"
 * @mhp_flags: as for add_memory_driver_managed()
 * @type: how to bring it online, MMOP_OFFLINE not to do so
 * @ctl: whether to give up, and how blocks were online; NULL to give up on any signal
 *
 * See add_memory_driver_managed() for what driver-managed memory is. Nobody sees
 * the memory before all of it is as it was asked for, but for its uevents and what
 * is below /sys.
 *
 * Context: As online_memory_ranges().
 * Return: 0 when all of it is there, and with @type online. On failure there is
 * none of it, and what was there is what it was: -EINVAL for ranges that are not
 * made of whole blocks or overlap, or a @resource_name or @type that is none;
 * -EEXIST when some of it is there; -EPERM when some of it is guarded; -E2BIG when
 * the architecture cannot map it; -ENOENT or -EBUSY for what should be there, as
 * online_memory_ranges(); -ENOMEM; what @ctl or a notifier says.
 */
int add_memory_ranges_driver_managed(int nid, const struct range *ranges,
				     unsigned int nr, unsigned int nr_there,
				     const char *resource_name, mhp_t mhp_flags,
				     enum mmop type, struct mhp_ctl *ctl)
{
	struct mhp_add add;
	struct mhp_op *op = &add.op;
	int rc;

	rc = check_driver_managed(resource_name, type);
	if (rc)
		return rc;

	rc = mhp_op_init(op, ranges, nr + nr_there, ctl);
	add.nr = nr;
	add.nid = nid;
	add.name = resource_name;
	add.flags = mhp_flags;
	rc = rc ?: mhp_op_lock(op);
	if (!rc) {
		rc = mhp_op_phase(op, MHP_ADD, mhp_add_ranges);
		if (!rc && (type != MMOP_OFFLINE || op->ctl->types)) {
			rc = mhp_online_blocks(op, type);
			mhp_op_put_blocks(op);
			op->nr_ranges = nr;
			if (rc)
				mhp_op_phase(op, MHP_WAY_BACK, mhp_remove_ranges);
		}
		unlock_device_hotplug();
	}
	mhp_op_free(op);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(add_memory_ranges_driver_managed,
			  "kmem,cxl_sysram,memory_hotplug_kunit");
