// SPDX-License-Identifier: GPL-2.0-only
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <cxl.h>
#include <dcd.h>
#include "core.h"
#include "extent.h"
#include "region_extent.h"

/**
 * DOC: cxl region release
 *
 * How the capacity of a dynamic region goes.
 *
 * A user gives back one extent, the device asks for any part: the memory blocks
 * that it is in are unplugged, all or nothing, then the device is told, then the
 * extents go; what was not asked for stays, as extents of its own. What the
 * device asks for and what is busy is tried again, with growing intervals, until
 * it succeeds.
 *
 * By force: the capacity is gone already, and what is in it may be somebody
 * else's. Nothing is migrated, since that would copy it into live processes. The
 * pages in use are poisoned, so that whoever touches them gets SIGBUS, and the
 * memory blocks go one by one. What cannot be taken out, because the kernel
 * itself uses it or a page is pinned, stays an extent and is tried again: nothing
 * else may come to these addresses meanwhile.
 */

/* Until the next attempt to unplug what the device wants back */
#define CXL_RELEASE_RETRY_MIN	HZ
#define CXL_RELEASE_RETRY_MAX	(60 * HZ)

/* More than a device could ask for without repeating itself */
#define CXL_RELEASES_MAX	4096

/**
 * struct cxl_extent_release - something the device wants back
 * @list: in the region's list, oldest first
 * @hpa: host physical addresses
 * @group: the allocation that some of @hpa belongs to, a reference; or NULL: then
 *	   what has no tag
 * @forced: it is gone already
 */
struct cxl_extent_release {
	struct list_head list;
	struct range hpa;
	struct cxl_sysram_group *group;
	bool forced;
};

/* What there is of @hpa in untagged extents, joined; to be freed with kvfree() */
static struct range *
cxl_sysram_extents_within(struct cxl_sysram_region *cxlr_sysram,
			  const struct range *hpa, int *nr)
{
	struct cxl_sysram_extent *extent = NULL;
	struct range *within;

	*nr = 0;
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	within = kvmalloc_array(max(cxl_sysram_extents_count(cxlr_sysram, hpa), 1),
				sizeof(*within), GFP_KERNEL);
	if (!within)
		return NULL;
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		if (extent->group)
			continue;
		within[(*nr)++] = DEFINE_RANGE(max(extent->node.range.start, hpa->start),
					       min(extent->node.range.end, hpa->end));
	}
	*nr = cxl_range_merge(within, *nr);
	return within;
}

static int cxl_sysram_blocks_unplug(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa, int nr)
{
	bool plugged = false;

	struct range *blocks __free(kvfree) =
		kvmalloc_array(nr, sizeof(*blocks), GFP_KERNEL);
	if (!blocks)
		return -ENOMEM;
	for (int i = 0; i < nr; i++) {
		blocks[i] = cxl_range_cover(&hpa[i], memory_block_size_bytes());
		plugged |= cxl_sysram_range_plugged(&blocks[i]);
	}
	if (!plugged)
		return 0;
	if (!cxl_sysram_op_driver(cxlr_sysram))
		return -EBUSY;
	return cxl_sysram_op_driver(cxlr_sysram)->set_state(cxlr_sysram, CXL_SYSRAM_UNPLUGGED,
					   blocks, nr);
}

static bool __cxl_sysram_extents_lost(struct cxl_sysram_region *cxlr_sysram,
				      const struct range *hpa, bool plugged)
{
	struct cxl_extent_release *release;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(release, &cxl_dynamic(cxlr_sysram)->releases, list)
		if (release->forced && !release->group &&
		    range_overlaps(&release->hpa, hpa) &&
		    (!plugged || cxl_sysram_range_plugged(&release->hpa)))
			return true;
	return false;
}

/**
 * cxl_sysram_extents_lost - is there memory in use that is gone
 * @cxlr_sysram: a dynamic region
 * @hpa: the part of the region that matters
 *
 * Such memory must not be migrated.
 *
 * Return: true if there is.
 */
bool cxl_sysram_extents_lost(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa)
{
	return __cxl_sysram_extents_lost(cxlr_sysram, hpa, true);
}

/**
 * cxl_sysram_group_lost - is an allocation, or a part of it, gone
 * @cxlr_sysram: a dynamic region
 * @group: the allocation
 *
 * Context: With extents_lock held.
 * Return: true if it was taken away by force.
 */
bool cxl_sysram_group_lost(struct cxl_sysram_region *cxlr_sysram,
			   const struct cxl_sysram_group *group)
{
	struct cxl_extent_release *release;

	lockdep_assert_held(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(release, &cxl_dynamic(cxlr_sysram)->releases, list)
		if (release->forced && release->group == group)
			return true;
	return false;
}

/* Runs as an operation: unplug, tell the device, and let the extents go */
static int cxl_sysram_extents_give(struct cxl_sysram_region *cxlr_sysram,
				   const struct cxl_sysram_request *req)
{
	LIST_HEAD(rest);
	int rc, nr;

	struct range *hpa __free(kvfree) =
		cxl_sysram_extents_within(cxlr_sysram, &req->range, &nr);
	if (!hpa)
		return -ENOMEM;
	if (!nr)
		return 0;
	if (cxl_sysram_extents_lost(cxlr_sysram, &req->range))
		return -EBUSY;

	rc = cxl_sysram_blocks_unplug(cxlr_sysram, hpa, nr);
	if (rc)
		return rc;

	/* Nothing may fail between the device and the extents */
	rc = cxl_sysram_extents_rest(cxlr_sysram, &req->range, &rest);
	if (rc)
		return rc;
	guard(mutex)(cxl_dcd_list_lock(cxl_dynamic(cxlr_sysram)->dcd));
	/* Taken meanwhile, then it is not ours to give */
	rc = __cxl_sysram_extents_lost(cxlr_sysram, &req->range, false) ?
	     -EBUSY : cxl_dcd_release(cxlr_sysram, hpa, nr);
	if (rc)
		cxl_sysram_extents_cancel(&rest);
	else
		cxl_sysram_extents_replace(cxlr_sysram, &req->range, NULL,
					   &rest);
	return rc;
}

/* A part of one memory block is gone */
static int cxl_sysram_block_lose(struct cxl_sysram_region *cxlr_sysram,
				 const struct range *hpa)
{
	struct range block = cxl_range_cover(hpa, memory_block_size_bytes());
	int rc;

	if (!cxl_sysram_range_plugged(&block))
		return 0;
	if (!cxl_sysram_op_driver(cxlr_sysram))
		return -EBUSY;
	rc = cxl_sysram_op_driver(cxlr_sysram)->poison(cxlr_sysram, hpa);
	if (rc)
		return rc;
	return cxl_sysram_op_driver(cxlr_sysram)->set_state(cxlr_sysram, CXL_SYSRAM_UNPLUGGED,
					   &block, 1);
}

/* A piece of capacity is gone: what of it is out after this? */
static int cxl_sysram_piece_lose(struct cxl_sysram_region *cxlr_sysram,
				 const struct range *hpa)
{
	const u64 block = memory_block_size_bytes();
	struct range out = DEFINE_RANGE(hpa->start, hpa->start - 1);
	int rc = 0, failed = 0;

	for (u64 start = hpa->start; start <= hpa->end;
	     start = ALIGN_DOWN(start, block) + block) {
		struct range part = DEFINE_RANGE(start, start | (block - 1));

		part.end = min(part.end, hpa->end);
		rc = cxl_sysram_block_lose(cxlr_sysram, &part);
		if (!rc) {
			out.end = part.end;
			continue;
		}
		failed = failed ?: rc;
		if (range_len(&out))
			failed = cxl_sysram_extents_cut(cxlr_sysram, &out) ?: failed;
		out = DEFINE_RANGE(part.end + 1, part.end);
	}
	if (range_len(&out))
		failed = cxl_sysram_extents_cut(cxlr_sysram, &out) ?: failed;
	return failed;
}

/* Runs as an operation: the capacity is gone, the device is not told */
static int cxl_sysram_extents_lose(struct cxl_sysram_region *cxlr_sysram,
				   const struct cxl_sysram_request *req)
{
	int rc = 0, nr;

	struct range *hpa __free(kvfree) =
		cxl_sysram_extents_within(cxlr_sysram, &req->range, &nr);
	if (!hpa)
		return -ENOMEM;

	for (int i = 0; i < nr; i++)
		rc = cxl_sysram_piece_lose(cxlr_sysram, &hpa[i]) ?: rc;
	return rc;
}

static int cxl_sysram_release_range(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa, bool forced)
{
	struct cxl_sysram_request req = { .range = *hpa };

	cxl_sysram_extents_mark(cxlr_sysram, hpa, NULL, true);
	return cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
				 forced ? cxl_sysram_extents_lose :
				 cxl_sysram_extents_give, &req);
}

/**
 * cxl_sysram_release_extent - give one extent back to the device
 * @cxlr_sysram: a dynamic region
 * @id: the X of extentN.X
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -ENOENT when there is no such extent; -EINVAL when it is tagged;
 * else as for unplugging it. On failure it is what it was.
 */
int cxl_sysram_release_extent(struct cxl_sysram_region *cxlr_sysram, int id)
{
	struct range hpa = { .start = 1, .end = 0 };
	struct cxl_sysram_extent *extent = NULL;
	int rc;

	scoped_cond_guard(mutex_kill, return -EINTR, &cxl_dynamic(cxlr_sysram)->extents_lock) {
		while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent,
							&cxlr_sysram->hpa_range))) {
			if (extent->id != id)
				continue;
			if (extent->group)
				return -EINVAL;
			hpa = extent->node.range;
			break;
		}
	}
	if (hpa.end < hpa.start)
		return -ENOENT;

	rc = cxl_sysram_release_range(cxlr_sysram, &hpa, false);
	if (rc)
		cxl_sysram_extents_mark(cxlr_sysram, &hpa, NULL, false);
	return rc;
}

static void cxl_sysram_release_free(struct cxl_extent_release *release)
{
	cxl_sysram_group_put(release->group);
	kfree(release);
}

/* Queue something that the device wants back; once, however often it asks */
static int cxl_sysram_release_add(struct cxl_sysram_region *cxlr_sysram,
				  const struct range *hpa,
				  struct cxl_sysram_group *group, bool forced)
{
	struct cxl_extent_release *release;
	unsigned int nr = 0;

	lockdep_assert_held(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(release, &cxl_dynamic(cxlr_sysram)->releases, list) {
		if (release->forced == forced && release->group == group &&
		    (group || range_contains(&release->hpa, hpa)))
			return 0;
		nr++;
	}
	/* There are no more allocations than the device was allowed to make */
	if (nr >= CXL_RELEASES_MAX && !group)
		return -ENOSPC;

	release = kzalloc_obj(*release);
	if (!release)
		return -ENOMEM;
	release->hpa = *hpa;
	release->group = cxl_sysram_group_get(group);
	release->forced = forced;
	if (!forced) {
		list_add_tail(&release->list, &cxl_dynamic(cxlr_sysram)->releases);
		return 0;
	}
	/* Before others: giving it back would be wrong now */
	list_add(&release->list, &cxl_dynamic(cxlr_sysram)->releases);
	dev_err_ratelimited(&cxlr_sysram->dev,
			    "dynamic capacity %#llx-%#llx was taken away by force, what is in use of it is lost\n",
			    hpa->start, hpa->end);
	return 0;
}

static void cxl_sysram_releases_start(struct cxl_sysram_region *cxlr_sysram)
{
	lockdep_assert_held(&cxl_dynamic(cxlr_sysram)->extents_lock);
	cxl_dynamic(cxlr_sysram)->release_retry = CXL_RELEASE_RETRY_MIN;
	queue_work(system_dfl_wq, &cxl_dynamic(cxlr_sysram)->lose_work);
	mod_delayed_work(system_dfl_wq, &cxl_dynamic(cxlr_sysram)->release_work, 0);
}

/**
 * cxl_sysram_extents_asked_back - the device wants capacity back, or has taken it
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses, any part of its capacity
 * @forced: it has taken it
 *
 * Of an allocation that has a tag, all is given back, or nothing.
 *
 * Return: 0, and it is given back when it is free; -ENOENT when the region has
 * none of it; -ENOSPC when the device asks too much; -ENOMEM.
 */
int cxl_sysram_extents_asked_back(struct cxl_sysram_region *cxlr_sysram,
				  const struct range *hpa, bool forced)
{
	struct cxl_sysram_extent *extent = NULL;
	int rc = 0;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	if (!cxl_sysram_extent_find(cxlr_sysram, hpa))
		return -ENOENT;
	if (cxl_dynamic(cxlr_sysram)->extents_closed)
		return 0;

	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		rc = cxl_sysram_release_add(cxlr_sysram, hpa, extent->group, forced);
		if (rc)
			break;
		cxl_sysram_extent_mark(extent, true);
	}
	cxl_sysram_releases_start(cxlr_sysram);
	return rc;
}

/* What of an extent is not in the device's list was taken back by force */
static int cxl_sysram_extent_missing(struct cxl_sysram_region *cxlr_sysram,
				     struct cxl_sysram_extent *extent,
				     const struct range *listed, int nr)
{
	struct range rest = extent->node.range, gap;
	int rc;

	while (cxl_range_gap(&rest, listed, nr, &gap)) {
		rc = cxl_sysram_release_add(cxlr_sysram, &gap, extent->group, true);
		if (rc)
			return rc;
		cxl_sysram_releases_start(cxlr_sysram);
		if (gap.end == rest.end)
			break;
		rest.start = gap.end + 1;
	}
	return 0;
}

/**
 * cxl_sysram_extents_missing - let go of what the device does not know of
 * @cxlr_sysram: a dynamic region
 * @listed: host physical addresses of accepted extents, ordered, joined
 * @nr: how many
 *
 * Return: 0; -ENOSPC; -ENOMEM.
 */
int cxl_sysram_extents_missing(struct cxl_sysram_region *cxlr_sysram,
			       const struct range *listed, int nr)
{
	struct cxl_sysram_extent *extent = NULL;
	int rc;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	if (cxl_dynamic(cxlr_sysram)->extents_closed)
		return 0;
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent,
						&cxlr_sysram->hpa_range))) {
		rc = cxl_sysram_extent_missing(cxlr_sysram, extent, listed, nr);
		if (rc)
			return rc;
	}
	return 0;
}

static void cxl_sysram_release_mark(struct cxl_sysram_region *cxlr_sysram,
				    const struct cxl_extent_release *release,
				    bool releasing)
{
	if (release->group)
		cxl_sysram_group_mark(cxlr_sysram, release->group, releasing);
	else
		cxl_sysram_extents_mark(cxlr_sysram, &release->hpa, NULL,
					releasing);
}

/*
 * Try to give back something. What is busy, and what is gone but cannot be taken
 * out, is tried again: then this returns false.
 */
static bool cxl_sysram_release_try(struct cxl_sysram_region *cxlr_sysram,
				   const struct cxl_extent_release *release)
{
	int rc = 0;

	if (release->group)
		rc = cxl_sysram_group_release(cxlr_sysram, release->group,
					      release->forced);
	else if (cxl_sysram_extents_overlap(cxlr_sysram, &release->hpa))
		rc = cxl_sysram_release_range(cxlr_sysram, &release->hpa,
					      release->forced);
	if (!rc || rc == -ENOENT)
		return true;
	if (release->forced) {
		dev_err_ratelimited(&cxlr_sysram->dev,
				    "%#llx-%#llx is gone, but some of it is still in use: %pe\n",
				    release->hpa.start, release->hpa.end,
				    ERR_PTR(rc));
		return false;
	}
	/* Or the region was about to go, and may stay after all */
	if (rc == -EBUSY || rc == -ENOMEM || rc == -ENXIO)
		return false;
	dev_warn_ratelimited(&cxlr_sysram->dev,
			     "%#llx-%#llx is not given back: %pe\n",
			     release->hpa.start, release->hpa.end, ERR_PTR(rc));
	cxl_sysram_release_mark(cxlr_sysram, release, false);
	return true;
}

static struct cxl_extent_release *
cxl_sysram_release_next(struct cxl_sysram_region *cxlr_sysram,
			struct cxl_extent_release *release)
{
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	if (cxl_dynamic(cxlr_sysram)->extents_closed ||
	    list_is_last(release ? &release->list : &cxl_dynamic(cxlr_sysram)->releases,
			 &cxl_dynamic(cxlr_sysram)->releases))
		return NULL;
	return release ? list_next_entry(release, list) :
	       list_first_entry(&cxl_dynamic(cxlr_sysram)->releases,
				struct cxl_extent_release, list);
}

/**
 * cxl_sysram_releases_work - give back what the device wants back
 * @work: of a dynamic region
 *
 * Only this takes anything out of the list, until the region is closed.
 */
void cxl_sysram_releases_work(struct work_struct *work)
{
	struct cxl_dynamic *dynamic =
		container_of(to_delayed_work(work), struct cxl_dynamic, release_work);
	struct cxl_sysram_region *cxlr_sysram = dynamic->cxlr_sysram;
	struct cxl_extent_release *release, *next;

	release = cxl_sysram_release_next(cxlr_sysram, NULL);
	for (; release; release = next) {
		bool done = cxl_sysram_release_try(cxlr_sysram, release);

		next = cxl_sysram_release_next(cxlr_sysram, release);
		if (!done) {
			/* What is left of it may be new extents */
			cxl_sysram_release_mark(cxlr_sysram, release, true);
			continue;
		}
		scoped_guard(mutex, &dynamic->extents_lock)
			list_del(&release->list);
		cxl_sysram_release_free(release);
	}

	guard(mutex)(&dynamic->extents_lock);
	if (dynamic->extents_closed || list_empty(&dynamic->releases))
		return;
	queue_delayed_work(system_dfl_wq, &dynamic->release_work,
			   dynamic->release_retry);
	dynamic->release_retry = min(2 * dynamic->release_retry,
				     CXL_RELEASE_RETRY_MAX);
}

/**
 * cxl_sysram_releases_close - nothing is given back any more
 * @cxlr_sysram: the region, closed for extents
 */
void cxl_sysram_releases_close(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_extent_release *release, *next;

	disable_delayed_work_sync(&cxl_dynamic(cxlr_sysram)->release_work);

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry_safe(release, next, &cxl_dynamic(cxlr_sysram)->releases, list) {
		list_del(&release->list);
		cxl_sysram_release_free(release);
	}
}
