// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/slab.h>
#include <cxl.h>
#include "core.h"
#include "extent.h"
#include "dynamic_core.h"

/**
 * DOC: cxl region release
 *
 * How the untagged capacity of a dynamic region is given back.
 *
 * A user gives back one extent, the device asks for any part: the memory blocks
 * that it is in are unplugged, all or nothing, then the device is told, then the
 * bytes leave the region; what was not asked for stays, as extents of its own. What the
 * device asks for and what is busy is tried again, with growing intervals, until it
 * succeeds or the capacity has left in another way. All that is due is done in one
 * operation, and the device is told in one command.
 *
 * When the device refuses, or nobody knows what it has done, its list tells: what that
 * does not have is given, what it has is plugged again. Until then neither is true.
 */

/**
 * struct cxl_sysram_gift - untagged capacity that is given back together
 * @cxlr_sysram: the region
 * @hpa: host physical addresses, ordered, without overlap
 * @nr: how many ranges
 * @max: how many there is room for
 * @asks: how often the device had asked for anything when it was told
 * @rest: extents that stay of those that go in part
 * @gone: extents that are gone, not unregistered yet
 */
struct cxl_sysram_gift {
	struct cxl_sysram_region *cxlr_sysram;
	struct range *hpa;
	int nr;
	int max;
	unsigned long asks;
	struct list_head rest;
	struct list_head gone;
};

static int cxl_sysram_gift_add(struct cxl_sysram_gift *gift,
			       const struct range *parts, int nr)
{
	int max = max(2 * gift->max, gift->nr + nr);
	struct range *hpa = gift->hpa;

	if (gift->nr + nr > gift->max) {
		hpa = kvrealloc(hpa, array_size(max, sizeof(*hpa)), GFP_KERNEL);
		if (!hpa)
			return -ENOMEM;
		gift->hpa = hpa;
		gift->max = max;
	}
	for (int i = 0; i < nr; i++)
		gift->hpa[gift->nr++] = parts[i];
	return 0;
}

/* Taken meanwhile, then it is not ours to give */
static int cxl_sysram_gift_prepare(void *arg)
{
	struct cxl_sysram_gift *gift = arg;
	struct cxl_dynamic *dynamic = cxl_dynamic(gift->cxlr_sysram);

	guard(mutex)(&dynamic->extents_lock);
	for (int i = 0; i < gift->nr; i++)
		if (cxl_sysram_gone_overlaps(dynamic, &gift->hpa[i]))
			return -EBUSY;
	return cxl_sysram_extents_rest(gift->cxlr_sysram, gift->hpa, gift->nr,
				       &gift->rest);
}

static void cxl_sysram_gift_done(void *arg)
{
	struct cxl_sysram_gift *gift = arg;

	guard(mutex)(&cxl_dynamic(gift->cxlr_sysram)->extents_lock);
	cxl_sysram_extents_replace(gift->cxlr_sysram, gift->hpa, gift->nr, NULL,
				   &gift->rest, &gift->gone);
}

static int cxl_sysram_gift_give(struct cxl_sysram_gift *gift)
{
	int rc;

	INIT_LIST_HEAD(&gift->rest);
	INIT_LIST_HEAD(&gift->gone);
	gift->asks = READ_ONCE(cxl_dynamic(gift->cxlr_sysram)->asks);
	rc = cxl_dynamic_give(gift->cxlr_sysram, gift->hpa, gift->nr,
			      cxl_sysram_gift_prepare, cxl_sysram_gift_done, gift);
	cxl_sysram_extents_put(&gift->rest);
	cxl_sysram_extents_unregister(&gift->gone);
	return rc;
}

/* What the list does not have is given */
static int cxl_sysram_gift_settle(struct cxl_sysram_gift *gift)
{
	int nr_listed, nr = 0;

	struct range *listed __free(kvfree) =
		cxl_dynamic_listed(gift->cxlr_sysram, &nr_listed);
	if (IS_ERR(listed))
		return PTR_ERR(listed);
	struct range *given __free(kvfree) =
		kvmalloc_array(gift->nr + nr_listed, sizeof(*given), GFP_KERNEL);
	if (!given)
		return -ENOMEM;

	for (int i = 0; i < gift->nr; i++) {
		struct range rest = gift->hpa[i];

		while (cxl_range_next_gap(&rest, listed, nr_listed, &given[nr]))
			nr++;
		cond_resched();
	}
	return cxl_sysram_extents_cut(gift->cxlr_sysram, given, nr);
}

/* Returns false when nothing of it is held any more */
static bool cxl_sysram_gift_kept(struct cxl_sysram_gift *gift, int why)
{
	struct cxl_sysram_region *cxlr_sysram = gift->cxlr_sysram;
	bool kept = false;

	for (int i = 0; i < gift->nr; i++) {
		guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
		if (!cxl_sysram_extent_next(cxlr_sysram, NULL, &gift->hpa[i]))
			continue;
		kept = true;
		/* Or it has asked for it once more, after it has refused */
		if (why == -EIO && cxl_dynamic(cxlr_sysram)->asks == gift->asks)
			cxl_sysram_asked_erase(cxl_dynamic(cxlr_sysram), &gift->hpa[i]);
		cxl_sysram_extents_mark(cxlr_sysram, &gift->hpa[i]);
		dev_warn_ratelimited(&cxlr_sysram->dev, "%#llx-%#llx is not given back: %pe\n",
				     gift->hpa[i].start, gift->hpa[i].end, ERR_PTR(why));
	}
	return kept;
}

/* What stays, filled by what nobody asks for, is again what it was */
static void cxl_sysram_gift_replug(struct cxl_sysram_gift *gift)
{
	int rc = cxl_sysram_replug_blocks(gift->cxlr_sysram);

	if (rc)
		dev_warn_ratelimited(&gift->cxlr_sysram->dev,
				     "what is not given back stays unplugged: %pe\n",
				     ERR_PTR(rc));
}

/* The memory blocks that @parts are in, each of them once */
static int cxl_sysram_cover(const struct range *parts, int nr, struct range *blocks)
{
	int n = 0;

	for (int i = 0; i < nr; i++) {
		struct range cover = cxl_range_cover(&parts[i], memory_block_size_bytes());

		if (n && blocks[n - 1].end + 1 >= cover.start)
			blocks[n - 1].end = cover.end;
		else
			blocks[n++] = cover;
	}
	return n;
}

/* All or nothing; what the blocks were is recorded until the device has its answer */
static int cxl_sysram_unplug_parts(struct cxl_sysram_region *cxlr_sysram,
				   const struct range *parts, int nr)
{
	const struct cxl_sysram_ops *ops = cxl_sysram_op_driver(cxlr_sysram);
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	u64 plugged = 0;
	int n;

	struct range *blocks __free(kvfree) =
		kvmalloc_array(nr, sizeof(*blocks), GFP_KERNEL);
	if (!blocks)
		return -ENOMEM;

	n = cxl_sysram_cover(parts, nr, blocks);
	for (int i = 0; i < n; i++) {
		scoped_guard(mutex, &dynamic->extents_lock)
			if (cxl_sysram_gone_overlaps(dynamic, &blocks[i]))
				return -EBUSY;
		plugged += cxl_sysram_range_plugged(&blocks[i]);
	}
	if (!plugged)
		return 0;
	if (!ops)
		return -EBUSY;
	cxl_sysram_op_record(cxlr_sysram);
	return ops->set_state(cxlr_sysram, CXL_SYSRAM_UNPLUGGED, blocks, n);
}

/**
 * struct cxl_sysram_round - one attempt at what the device asks for
 * @from: host physical address of what has not been tried yet
 * @after: number of the last request that is too old
 * @last: number of the last one that is not too young
 */
struct cxl_sysram_round {
	u64 from;
	unsigned long after;
	unsigned long last;
};

/* The device refuses: range by range, and what it keeps is not asked for any more */
static void cxl_sysram_give_singly(struct cxl_sysram_gift *gift)
{
	struct mhp_ctl *ctl = gift->cxlr_sysram->ctl;
	int rc, refused = 0;

	for (int i = 0; i < gift->nr && !ctl->give_up(ctl); i++) {
		struct cxl_sysram_gift one = {
			.cxlr_sysram = gift->cxlr_sysram,
			.hpa = &gift->hpa[i],
			.nr = 1,
		};

		rc = gift->nr == 1 ? -EIO : cxl_sysram_gift_give(&one);
		if (rc == -EIO)
			gift->hpa[refused++] = gift->hpa[i];
		cond_resched();
	}

	gift->nr = refused;
	if (refused && !cxl_sysram_gift_settle(gift) && cxl_sysram_gift_kept(gift, -EIO))
		cxl_sysram_gift_replug(gift);
}

/* The next unit, in an array that grows as needed; 0 when there is none, or -ENOMEM */
static int cxl_sysram_next_unit(struct cxl_dynamic *dynamic,
				struct cxl_sysram_round *round,
				struct range **parts, int *max)
{
	unsigned long newest;
	struct range *more;
	int nr;

	for (;;) {
		scoped_guard(mutex, &dynamic->extents_lock) {
			if (dynamic->closed || dynamic->lost)
				return 0;
			nr = cxl_sysram_next_asked(dynamic, round->from, *parts, *max,
						   &newest);
		}
		if (nr > *max) {
			more = kvrealloc(*parts, array_size(nr, sizeof(*more)), GFP_KERNEL);
			if (!more)
				return -ENOMEM;
			*parts = more;
			*max = nr;
			continue;
		}
		round->from = nr ? (*parts)[nr - 1].end + 1 : U64_MAX;
		if (!nr || (newest > round->after && newest <= round->last))
			return nr;
		cond_resched();
	}
}

/* Unplug what can be, unit by unit, until the time of the operation is up */
static int cxl_sysram_collect_gift(struct cxl_sysram_gift *gift,
				   struct cxl_sysram_round *round)
{
	struct cxl_sysram_region *cxlr_sysram = gift->cxlr_sysram;
	struct mhp_ctl *ctl = cxlr_sysram->ctl;
	struct range *parts = NULL;
	int rc, nr, max = 0;

	while ((nr = cxl_sysram_next_unit(cxl_dynamic(cxlr_sysram), round,
					  &parts, &max)) > 0) {
		rc = cxl_sysram_unplug_parts(cxlr_sysram, parts, nr) ?:
		     cxl_sysram_gift_add(gift, parts, nr);
		if (rc && (ctl->yielded || ctl->give_up(ctl)))
			break;
		cond_resched();
	}
	kvfree(parts);
	return min(nr, 0);
}

/* Runs as an operation: give back what the device asks for, as far as it is free */
static int cxl_sysram_give_asked(struct cxl_sysram_region *cxlr_sysram,
				 const struct cxl_sysram_request *req)
{
	struct cxl_sysram_gift gift = { .cxlr_sysram = cxlr_sysram };
	struct cxl_sysram_census before;
	int rc;

	cxl_sysram_region_census(cxlr_sysram, &before);
	rc = cxl_sysram_collect_gift(&gift, req->data);
	/* That may have taken all the time there was, which is no reason not to settle it */
	cxlr_sysram->ctl->progress++;
	/* What nobody knows of is asked for still: it is said again, and refused if it was done */
	if (gift.nr && cxl_sysram_gift_give(&gift) == -EIO)
		cxl_sysram_give_singly(&gift);
	cxl_sysram_region_changed(cxlr_sysram, &before, &cxlr_sysram->hpa_range);
	kvfree(gift.hpa);
	return rc;
}

/* The device has not taken what a user gives back. Or has it? */
static int cxl_sysram_gift_return(struct cxl_sysram_gift *gift, int rc)
{
	struct cxl_sysram_region *cxlr_sysram = gift->cxlr_sysram;

	if ((rc == -EIO || rc == -EAGAIN) && cxl_sysram_gift_settle(gift)) {
		/* As if the device had asked for it: until it is known */
		if (cxl_sysram_extents_ask(cxlr_sysram, gift->hpa)) {
			/* Or without that, and nobody may plug it unasked */
			cxl_sysram_forget_blocks(cxlr_sysram, gift->hpa);
			cxl_dcd_queue_list(cxl_dynamic(cxlr_sysram)->consumer.dcd, 0, false);
		}
		return -EINPROGRESS;
	}
	rc = rc == -EAGAIN ? -EBUSY : rc;
	if (!cxl_sysram_gift_kept(gift, rc))
		return 0;
	cxl_sysram_gift_replug(gift);
	return rc;
}

/* Runs as an operation: all of it goes back, or stays as it was */
static int cxl_sysram_give_extent(struct cxl_sysram_region *cxlr_sysram,
				  const struct cxl_sysram_request *req)
{
	struct cxl_sysram_extent *extent = req->data;
	struct range part = extent->node.range;
	struct cxl_sysram_gift gift = {
		.cxlr_sysram = cxlr_sysram,
		.hpa = &part,
		.nr = 1,
	};
	struct cxl_sysram_census before;
	int rc;

	/* It may have gone while this was waiting for its turn */
	scoped_guard(mutex, &cxl_dynamic(cxlr_sysram)->extents_lock)
		if (cxl_sysram_extent_next(cxlr_sysram, NULL, &part) != extent)
			return -ENOENT;

	cxl_sysram_region_census(cxlr_sysram, &before);
	rc = cxl_sysram_unplug_parts(cxlr_sysram, &part, 1);
	if (!rc) {
		rc = cxl_sysram_gift_give(&gift);
		if (rc)
			rc = cxl_sysram_gift_return(&gift, rc);
	}
	cxl_sysram_region_changed(cxlr_sysram, &before, &part);
	return rc;
}

static struct cxl_sysram_extent *
cxl_sysram_extent_by_id(struct cxl_sysram_region *cxlr_sysram, int id)
{
	struct cxl_sysram_extent *extent = NULL;

	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent,
						&cxlr_sysram->hpa_range)))
		if (extent->id == id)
			break;
	return extent;
}

/* With extents_lock held */
static void cxl_sysram_extent_leave(struct cxl_sysram_region *cxlr_sysram,
				    struct cxl_sysram_extent *extent, int users)
{
	extent->leaving += users;
	cxl_sysram_extents_mark(cxlr_sysram, &extent->node.range);
}

/**
 * cxl_sysram_release_extent - give one extent back to the device
 * @cxlr_sysram: a dynamic region
 * @id: the X of extentN.X
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -ENOENT when there is no such extent; -EINVAL when it is tagged;
 * -EINPROGRESS when it is not known whether the device has taken it: then it goes when
 * that is known; else as for unplugging it, or why the device did not take it, and it
 * is what it was.
 */
int cxl_sysram_release_extent(struct cxl_sysram_region *cxlr_sysram, int id)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_request req = { };
	struct cxl_sysram_extent *extent;
	int rc;

	scoped_cond_guard(mutex_kill, return -EINTR, &dynamic->extents_lock) {
		extent = cxl_sysram_extent_by_id(cxlr_sysram, id);
		if (!extent)
			return -ENOENT;
		if (extent->group)
			return -EINVAL;
		get_device(&extent->dev);
		cxl_sysram_extent_leave(cxlr_sysram, extent, 1);
	}

	req.data = extent;
	req.range = extent->node.range;
	rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
			       cxl_sysram_give_extent, &req);
	scoped_guard(mutex, &dynamic->extents_lock)
		cxl_sysram_extent_leave(cxlr_sysram, extent, -1);
	put_device(&extent->dev);
	return rc;
}

/* Returns false when there is something more urgent, or that could not be done */
static bool cxl_sysram_give_round(struct cxl_sysram_region *cxlr_sysram,
				  struct cxl_sysram_round *round)
{
	struct cxl_sysram_request give = { .data = round };
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	unsigned long newest;

	for (;;) {
		scoped_guard(mutex, &dynamic->extents_lock) {
			if (dynamic->closed || dynamic->lost)
				return false;
			if (round->from > cxlr_sysram->hpa_range.end ||
			    !cxl_sysram_next_asked(dynamic, round->from, NULL, 0, &newest))
				return true;
			/* What is new goes before what was busy */
			if (round->last <= dynamic->tried &&
			    dynamic->requests > dynamic->tried)
				return false;
		}
		if (cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
				      cxl_sysram_give_asked, &give))
			return false;
	}
}

/**
 * cxl_sysram_releases_settle - take out what is gone, give back what is asked for
 * @cxlr_sysram: a dynamic region
 * @all: also what was asked for before, and was busy
 *
 * Return: true when nothing is left of either.
 */
bool cxl_sysram_releases_settle(struct cxl_sysram_region *cxlr_sysram, bool all)
{
	struct cxl_sysram_request lose = { .urgent = true };
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_round news = { }, olds = { };
	unsigned long newest;
	struct range part;
	bool gone;

	scoped_guard(mutex, &dynamic->extents_lock) {
		dynamic->lost = false;
		gone = cxl_sysram_next_gone(dynamic, 0, &part);
		news.after = dynamic->tried;
		news.last = dynamic->requests;
		olds.last = dynamic->tried;
		olds.from = dynamic->from;
		dynamic->from = U64_MAX;
	}
	if (gone)
		cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION, cxl_sysram_lose, &lose);

	if (cxl_sysram_give_round(cxlr_sysram, &news)) {
		scoped_guard(mutex, &dynamic->extents_lock)
			dynamic->tried = news.last;
		/* When it is left it goes on there the next time */
		if (all && cxl_sysram_give_round(cxlr_sysram, &olds))
			olds.from = 0;
	}

	guard(mutex)(&dynamic->extents_lock);
	/* Unless requests have become one meanwhile, of which some was passed */
	if (dynamic->from)
		dynamic->from = olds.from;
	return !cxl_sysram_next_gone(dynamic, 0, &part) &&
	       !cxl_sysram_next_asked(dynamic, 0, NULL, 0, &newest);
}
