// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/pgtable.h>
#include <linux/workqueue.h>
#include <cxl.h>
#include "core.h"
#include "extent.h"
#include "region_extent.h"

/**
 * DOC: cxl region arrival
 *
 * How the capacity of a dynamic region comes.
 *
 * The extents of an offer are prepared before the device is told, so that nothing
 * can fail any more but the telling. Then they are there, and what the policy says
 * is done by a work item of the region: who answers offers waits for nobody. What
 * has a tag becomes a dax device instead (region_tag.c).
 */

/* How often it is tried to plug what has arrived, while others are in the way */
#define CXL_EXTENT_TRIES	5

/**
 * cxl_sysram_extent_prepare - get ready for capacity, if it can be used at all
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses
 * @group: the allocation that it belongs to, or NULL
 * @prepared: list that the extent is added to
 *
 * Return: 0; -ENXIO when the region is about to go; -EEXIST when it has some of
 * the capacity already; -EINVAL when it is not made of whole memory blocks, or
 * huge pages if it is to be mapped; -ENOMEM. All but the last have a line in the
 * log.
 */
int cxl_sysram_extent_prepare(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *hpa,
			      struct cxl_sysram_group *group,
			      struct list_head *prepared)
{
	u64 unit = group ? PMD_SIZE : memory_block_size_bytes();
	struct device *dev = &cxlr_sysram->dev;
	struct cxl_sysram_extent *extent;

	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (cxlr_sysram->dying)
			return -ENXIO;
	}

	if (!cxl_range_aligned(hpa, unit)) {
		dev_warn_ratelimited(dev, "extent %#llx-%#llx not accepted: it is not made of whole %s of %#llx bytes\n",
				     hpa->start, hpa->end,
				     group ? "huge pages" : "memory blocks", unit);
		return -EINVAL;
	}

	if (cxl_sysram_extents_overlap(cxlr_sysram, hpa)) {
		dev_warn_ratelimited(dev, "extent %#llx-%#llx not accepted: some of it is here already\n",
				     hpa->start, hpa->end);
		return -EEXIST;
	}

	extent = cxl_sysram_extent_alloc(cxlr_sysram, hpa, group);
	if (!extent)
		return -ENOMEM;
	list_add_tail(&extent->list, prepared);
	return 0;
}

/* An extent does not come after all, and so its allocation does not either */
static void cxl_sysram_extent_cancel(struct cxl_sysram_extent *extent)
{
	list_del_init(&extent->list);
	if (extent->group)
		cxl_sysram_group_forget(extent->group);
	put_device(&extent->dev);
}

/**
 * cxl_sysram_extents_cancel - capacity does not come after all
 * @prepared: what cxl_sysram_extent_prepare() has made
 */
void cxl_sysram_extents_cancel(struct list_head *prepared)
{
	struct cxl_sysram_extent *extent, *next;

	list_for_each_entry_safe(extent, next, prepared, list)
		cxl_sysram_extent_cancel(extent);
}

/**
 * cxl_sysram_extents_arrive - capacity is there
 * @cxlr_sysram: a dynamic region
 * @prepared: what cxl_sysram_extent_prepare() has made for it
 *
 * What cannot be shown, because the region goes at this moment or memory is
 * short, stays accepted: it is found again when the region is bound.
 */
void cxl_sysram_extents_arrive(struct cxl_sysram_region *cxlr_sysram,
			       struct list_head *prepared)
{
	struct cxl_sysram_extent *extent, *next;

	/* All of an allocation comes before any of it can go */
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry_safe(extent, next, prepared, list) {
		if (cxl_dynamic(cxlr_sysram)->extents_closed) {
			cxl_sysram_extent_cancel(extent);
			continue;
		}
		list_del_init(&extent->list);
		/* No policy plugs what has a tag */
		if (!extent->group)
			extent->tries = CXL_EXTENT_TRIES;
		cxl_sysram_extent_show(cxlr_sysram, extent);
	}
	queue_work(system_dfl_wq, &cxl_dynamic(cxlr_sysram)->arrive_work);
}

/* The oldest extent that the policy has not been applied to yet, if any */
static bool cxl_sysram_extent_fresh(struct cxl_sysram_region *cxlr_sysram,
				    struct range *hpa)
{
	struct cxl_sysram_extent *extent = NULL;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	if (cxl_dynamic(cxlr_sysram)->extents_closed)
		return false;
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent,
						&cxlr_sysram->hpa_range))) {
		if (!extent->tries)
			continue;
		extent->tries--;
		*hpa = extent->node.range;
		return true;
	}
	return false;
}

static void cxl_sysram_extent_tries(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa, int tries)
{
	struct cxl_sysram_extent *extent;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	extent = cxl_sysram_extent_find(cxlr_sysram, hpa);
	if (extent)
		extent->tries = tries;
}

/**
 * cxl_sysram_arrive_work - apply the policy to capacity that has arrived
 * @work: of a dynamic region
 *
 * Tagged capacity becomes dax devices instead. A failed plug leaves the extent held,
 * and a line in the log.
 */
void cxl_sysram_arrive_work(struct work_struct *work)
{
	struct cxl_sysram_region *cxlr_sysram =
		container_of(work, struct cxl_dynamic, arrive_work)->cxlr_sysram;
	struct range hpa;

	cxl_sysram_groups_surface(cxlr_sysram);
	while (cxl_sysram_extent_fresh(cxlr_sysram, &hpa)) {
		enum cxl_sysram_state policy = cxl_sysram_region_policy(cxlr_sysram);
		int rc;

		rc = cxl_sysram_region_apply(cxlr_sysram, policy, &hpa);
		if (rc == -ENXIO) /* no System RAM driver, or no region any more */
			return cxl_sysram_extent_tries(cxlr_sysram, &hpa,
						       CXL_EXTENT_TRIES);
		/* Memory hotplug was busy with something else: once more */
		if (rc != -EBUSY)
			cxl_sysram_extent_tries(cxlr_sysram, &hpa, 0);
		if (rc)
			dev_warn_ratelimited(&cxlr_sysram->dev,
					     "extent %#llx-%#llx stays unplugged: %pe\n",
					     hpa.start, hpa.end, ERR_PTR(rc));
	}
}
