// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include <cxl.h>
#include "core.h"
#include "extent.h"
#include "dynamic_core.h"

/**
 * DOC: cxl region arrival
 *
 * How the capacity of a dynamic region comes.
 *
 * Extents are prepared before the device is told, so that nothing can fail any more but
 * the telling. Then they are held, and what the policy says is done by a work item of
 * the region: who answers offers waits for nobody.
 *
 * An untagged extent of an offer is accepted when it can be used: each memory block
 * that it is in is filled by it, by others of the offer, or by what is held. What the
 * device has as accepted is held in any case.
 */

/**
 * cxl_sysram_extent_prepare - get ready to hold capacity
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses
 * @group: the allocation that it belongs to, or NULL
 * @prepared: the extent is added to this
 *
 * Context: With the mutex of the device held.
 * Return: 0; -ENXIO when the region is about to go; -ENOMEM.
 */
int cxl_sysram_extent_prepare(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *hpa, struct cxl_sysram_group *group,
			      struct list_head *prepared)
{
	struct cxl_sysram_extent *extent;

	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (cxlr_sysram->dying)
			return -ENXIO;
	}

	extent = cxl_sysram_extent_alloc(cxlr_sysram, hpa, group);
	if (!extent)
		return -ENOMEM;
	list_add_tail(&extent->list, prepared);
	return 0;
}

/* An extent is a piece by itself, unless fragments that touch fill blocks together */
static int cxl_sysram_piece(const struct range *hpa, const bool *take, int nr,
			    struct range *piece)
{
	const u64 block = memory_block_size_bytes();
	int n = 1;

	*piece = hpa[0];
	while (n < nr && take[n] && !IS_ALIGNED(piece->end + 1, block) &&
	       hpa[n].start == piece->end + 1)
		piece->end = hpa[n++].end;
	return n;
}

static int cxl_sysram_prepare_pieces(struct cxl_sysram_region *cxlr_sysram,
				     const struct range *hpa, const bool *take, int nr)
{
	struct range piece;
	LIST_HEAD(prepared);
	int rc;

	for (int i = 0; i < nr;) {
		if (!take[i]) {
			i++;
			continue;
		}
		i += cxl_sysram_piece(&hpa[i], &take[i], nr - i, &piece);
		rc = cxl_sysram_extent_prepare(cxlr_sysram, &piece, NULL, &prepared);
		if (rc) {
			cxl_sysram_extents_cancel(&prepared);
			return rc;
		}
	}
	/* What others have prepared for the same offer stays, whatever becomes of this */
	list_splice_tail(&prepared, &cxl_dynamic(cxlr_sysram)->prepared);
	return 0;
}

/* Which of them fill memory blocks, with the others and with what is held? */
static int cxl_sysram_choose(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa, bool *take, int nr)
{
	const u64 block = memory_block_size_bytes();
	struct range all = DEFINE_RANGE(hpa[0].start, hpa[nr - 1].end);
	struct range cover = cxl_range_cover(&all, block);
	int nr_held, chosen;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	struct range *held __free(kvfree) =
		cxl_sysram_extents_untagged(cxlr_sysram, &cover, false, &nr_held);
	if (!held)
		return 0;

	for (int i = 0; i < nr; i++)
		take[i] = !cxl_sysram_extent_next(cxlr_sysram, NULL, &hpa[i]);
	chosen = cxl_extents_fill(hpa, take, nr, held, nr_held, block);
	for (int i = 0; i < nr; i++) {
		if (take[i])
			continue;
		if (cxl_sysram_extent_next(cxlr_sysram, NULL, &hpa[i]))
			dev_warn_ratelimited(&cxlr_sysram->dev,
					     "extent %#llx-%#llx not accepted: some of it is here already\n",
					     hpa[i].start, hpa[i].end);
		else
			dev_warn_ratelimited(&cxlr_sysram->dev,
					     "extent %#llx-%#llx not accepted: it is not made of whole memory blocks of %#llx bytes, nor does it fill any with others\n",
					     hpa[i].start, hpa[i].end, block);
	}
	return chosen;
}

/**
 * cxl_sysram_extents_prepare - get ready for the untagged capacity of an offer
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses, ordered, without overlap
 * @take: set for those that are accepted
 * @nr: how many
 *
 * Context: With the mutex of the device held.
 * Return: how many are accepted; none without memory, or when the region is about to
 * go.
 */
int cxl_sysram_extents_prepare(struct cxl_sysram_region *cxlr_sysram,
			       const struct range *hpa, bool *take, int nr)
{
	int chosen = cxl_sysram_choose(cxlr_sysram, hpa, take, nr);

	if (!chosen || cxl_sysram_prepare_pieces(cxlr_sysram, hpa, take, nr))
		return 0;
	return chosen;
}

/**
 * cxl_sysram_extents_cancel - capacity does not come after all
 * @prepared: extents that nobody holds yet
 */
void cxl_sysram_extents_cancel(struct list_head *prepared)
{
	struct cxl_sysram_extent *extent;

	list_for_each_entry(extent, prepared, list)
		if (extent->group)
			cxl_sysram_group_forget(extent->group);
	cxl_sysram_extents_put(prepared);
}

/**
 * cxl_sysram_extents_arrive - what was prepared is there
 * @cxlr_sysram: a dynamic region
 *
 * When the region goes at this moment it stays accepted, and is found again when the
 * region is bound.
 *
 * Context: With the mutex of the device held.
 */
void cxl_sysram_extents_arrive(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_extent *extent, *next;

	/* All of an allocation comes before any of it can go */
	guard(mutex)(&dynamic->extents_lock);
	if (dynamic->closed)
		return cxl_sysram_extents_cancel(&dynamic->prepared);
	list_for_each_entry_safe(extent, next, &dynamic->prepared, list) {
		list_del_init(&extent->list);
		/* No policy plugs what has a tag */
		extent->fresh = !extent->group;
		cxl_sysram_extent_show(cxlr_sysram, extent);
	}
	queue_work(system_dfl_wq, &dynamic->arrive_work);
}

/* The next extent that the policy has not been applied to yet, if any */
static bool cxl_sysram_extent_take_fresh(struct cxl_sysram_region *cxlr_sysram,
					 u64 from, struct range *hpa)
{
	struct range rest = DEFINE_RANGE(from, cxlr_sysram->hpa_range.end);
	struct cxl_sysram_extent *extent = NULL;

	if (rest.start > rest.end)
		return false;
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	if (cxl_dynamic(cxlr_sysram)->closed)
		return false;
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, &rest))) {
		if (!extent->fresh)
			continue;
		extent->fresh = false;
		*hpa = extent->node.range;
		return true;
	}
	return false;
}

static void cxl_sysram_extents_set_fresh(struct cxl_sysram_region *cxlr_sysram,
					 const struct range *hpa)
{
	struct cxl_sysram_extent *extent = NULL;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa)))
		extent->fresh = !extent->group;
}

/* Runs as an operation */
static int cxl_sysram_plug_fresh(struct cxl_sysram_region *cxlr_sysram,
				 const struct cxl_sysram_request *req)
{
	bool *begun = req->data;
	int rc;

	*begun = true;
	/* What is gone before it was plugged is not plugged, the rest of the extent is */
	do {
		cxl_sysram_op_uninterrupt(cxlr_sysram);
		rc = cxl_sysram_change(cxlr_sysram, req);
	} while (cxl_sysram_op_goes_on(cxlr_sysram, rc));
	return rc;
}

/* Returns false when it has to be done once more */
static bool cxl_sysram_extent_apply(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa, int *rc)
{
	enum cxl_sysram_state policy = cxl_sysram_region_policy(cxlr_sysram);
	bool begun = false;
	struct cxl_sysram_request req = {
		.want = policy,
		.range = *hpa,
		.data = &begun,
	};
	enum mmop type;

	*rc = 0;
	if (!cxl_sysram_state_plugs(policy, &type))
		return true;
	*rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_STATE,
				cxl_sysram_plug_fresh, &req);
	/* No System RAM driver, or no region any more; or its turn did not come */
	return *rc != -ENXIO && (*rc != -EBUSY || begun);
}

/**
 * cxl_sysram_extents_apply_policy - do with what has arrived what the policy says
 * @cxlr_sysram: a dynamic region
 *
 * A failed plug leaves the extent held, and a line in the log. It is not repeated.
 *
 * Return: true when there may be more to do.
 */
bool cxl_sysram_extents_apply_policy(struct cxl_sysram_region *cxlr_sysram)
{
	struct range hpa;
	bool any = false;
	u64 from = 0;
	int rc;

	while (cxl_sysram_extent_take_fresh(cxlr_sysram, from, &hpa)) {
		any = true;
		from = hpa.end + 1;
		if (!cxl_sysram_extent_apply(cxlr_sysram, &hpa, &rc)) {
			cxl_sysram_extents_set_fresh(cxlr_sysram, &hpa);
			/* When there is a driver, this is asked for again */
			return rc != -ENXIO;
		}
		if (rc)
			dev_warn_ratelimited(&cxlr_sysram->dev,
					     "extent %#llx-%#llx stays unplugged: %pe\n",
					     hpa.start, hpa.end, ERR_PTR(rc));
	}
	return any;
}
