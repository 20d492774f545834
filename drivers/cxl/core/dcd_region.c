// SPDX-License-Identifier: GPL-2.0-only
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <cxlmem.h>
#include <cxl.h>
#include <dcd.h>
#include <sysram.h>
#include "core.h"
#include "dcd_core.h"
#include "region_extent.h"

/**
 * DOC: cxl dynamic capacity regions
 *
 * The regions over the dynamic partition of a device, and what of its capacity
 * they take. This is where device physical addresses end and host physical ones
 * begin.
 *
 * @regions_lock is held while an offer is judged and answered, so that a region
 * has what was accepted for it, or is gone before it is judged. Nothing here
 * waits for memory hotplug.
 */

/**
 * struct cxl_dcd_region - a region that takes capacity
 * @list: in the list of the device
 * @cxlr_sysram: the region
 * @dpa: where its capacity may be
 * @prepared: extents that are about to come, while an offer is served
 */
struct cxl_dcd_region {
	struct list_head list;
	struct cxl_sysram_region *cxlr_sysram;
	struct range dpa;
	struct list_head prepared;
};

static struct cxl_dcd_region *cxl_dcd_region_of(struct cxl_dcd *dcd,
						const struct range *dpa)
{
	struct cxl_dcd_region *region;

	lockdep_assert_held(&dcd->regions_lock);
	list_for_each_entry(region, &dcd->regions, list)
		if (range_contains(&region->dpa, dpa))
			return region;
	return NULL;
}

static struct range cxl_dcd_to_hpa(struct cxl_dcd_region *region,
				   const struct range *dpa)
{
	u64 base = region->cxlr_sysram->hpa_range.start - region->dpa.start;

	return DEFINE_RANGE(dpa->start + base, dpa->end + base);
}

/*
 * A unit of System RAM out of the extents that begin with @recs: as many as
 * touch and are needed to fill whole memory blocks. Without success it is the
 * first one alone, to be refused.
 */
static int cxl_dcd_unit(struct cxl_dcd_region *region,
			const struct cxl_extent_rec *recs, int nr,
			struct range *hpa)
{
	const u64 block = memory_block_size_bytes();

	*hpa = cxl_dcd_to_hpa(region, &recs[0].dpa);
	if (!IS_ALIGNED(hpa->start, block))
		return 1;

	for (int n = 1; n <= nr; n++) {
		struct range last = cxl_dcd_to_hpa(region, &recs[n - 1].dpa);

		if (n > 1 && (recs[n - 2].dpa.end + 1 != recs[n - 1].dpa.start ||
			      !uuid_is_null(&recs[n - 1].tag) ||
			      last.end > region->cxlr_sysram->hpa_range.end))
			break;
		if (IS_ALIGNED(last.end + 1, block)) {
			hpa->end = last.end;
			return n;
		}
	}
	return 1;
}

/* Untagged: how many of @recs become a unit, or are refused together? */
static int cxl_dcd_judge_unit(struct cxl_dcd *dcd,
			      const struct cxl_extent_rec *recs, int nr, bool *take)
{
	struct cxl_dcd_region *region = cxl_dcd_region_of(dcd, &recs[0].dpa);
	struct range hpa;
	int unit;

	if (!region) {
		dev_info_ratelimited(dcd->mds->cxlds.dev,
				     "extent %#llx-%#llx not accepted: no region takes it\n",
				     recs[0].dpa.start, recs[0].dpa.end);
		return 1;
	}

	unit = cxl_dcd_unit(region, recs, nr, &hpa);
	*take = !cxl_sysram_extent_prepare(region->cxlr_sysram, &hpa, NULL,
					   &region->prepared);
	return unit;
}

/* A tag, and all of @recs have it: all of them, or none */
static int cxl_dcd_prepare_group(struct cxl_dcd *dcd,
				 const struct cxl_extent_rec *recs, int nr)
{
	struct cxl_dcd_region *region = NULL;
	int rc;

	struct range *hpa __free(kvfree) = kvmalloc_array(nr, sizeof(*hpa),
							  GFP_KERNEL);
	if (!hpa)
		return -ENOMEM;

	for (int i = 0; i < nr; i++) {
		struct cxl_dcd_region *other = recs[i].bad ? NULL :
					       cxl_dcd_region_of(dcd, &recs[i].dpa);

		if (!other || (region && region != other))
			return recs[i].bad ? -EINVAL : -ENXIO;
		region = other;
		hpa[i] = cxl_dcd_to_hpa(region, &recs[i].dpa);
	}

	rc = cxl_group_check(recs, nr, region->cxlr_sysram->shareable);
	return rc ?: cxl_sysram_group_prepare(region->cxlr_sysram, &recs[0].tag,
					      hpa, nr, &region->prepared);
}

static const char *cxl_dcd_group_error(int rc)
{
	switch (rc) {
	case -EINVAL:
		return "some of it is not what it may be";
	case -EILSEQ:
		return "its sequence numbers are not those of all of it";
	case -ENXIO:
		return "no region takes all of it";
	case -EEXIST:
		return "it, or some of the capacity, is here already";
	default:
		return "no memory";
	}
}

static int cxl_dcd_judge_group(struct cxl_dcd *dcd,
			       const struct cxl_extent_rec *recs, int nr, bool *take)
{
	int n = cxl_group_size(recs, nr);
	int rc = cxl_dcd_prepare_group(dcd, recs, n);

	*take = !rc;
	if (rc)
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "tag %pUb with %d extents not accepted: %s\n",
				     &recs[0].tag, n, cxl_dcd_group_error(rc));
	return n;
}

/*
 * What of an offer, or of a list, both sorted, do regions take? Extents are
 * prepared, @recs are those of them.
 */
static int cxl_dcd_judge(struct cxl_dcd *dcd, struct cxl_dcd_recs *list)
{
	struct cxl_extent_rec *recs = list->recs;
	int kept = 0, nr;

	cxl_offer_group(recs, list->nr);
	for (int i = 0; i < list->nr; i += nr) {
		bool take = false;

		if (uuid_is_null(&recs[i].tag))
			nr = cxl_dcd_judge_unit(dcd, &recs[i], list->nr - i,
						&take);
		else
			nr = cxl_dcd_judge_group(dcd, &recs[i], list->nr - i,
						 &take);
		for (int j = 0; take && j < nr; j++)
			recs[kept++] = recs[i + j];
	}
	return kept;
}

static void cxl_dcd_arrive(struct cxl_dcd *dcd, bool accepted)
{
	struct cxl_dcd_region *region;

	list_for_each_entry(region, &dcd->regions, list) {
		if (list_empty(&region->prepared))
			continue;
		if (accepted)
			cxl_sysram_extents_arrive(region->cxlr_sysram,
						  &region->prepared);
		else
			cxl_sysram_extents_cancel(&region->prepared);
	}
}

/* After accept, and before capacity is given back, CXL r3.1 section 9.13.3 */
static int cxl_dcd_invalidate(struct cxl_dcd *dcd)
{
	struct cxl_dcd_region *region;
	int rc = 0;

	list_for_each_entry(region, &dcd->regions, list)
		if (!list_empty(&region->prepared) && !rc)
			rc = cxl_region_invalidate_memregion(region->cxlr_sysram->cxlr);
	return rc;
}

/**
 * cxl_dcd_serve - answer an offer
 * @dcd: the device
 * @offer: its extents, in any order
 *
 * The device hears exactly one answer, whatever happens: when it refuses what
 * was accepted, or when there is no memory to say so, that nothing is.
 *
 * Context: The queue of the device.
 * Return: 0; or why the answer could not be given, or capacity not be used.
 */
int cxl_dcd_serve(struct cxl_dcd *dcd, struct cxl_dcd_recs *offer)
{
	struct cxl_memdev_state *mds = dcd->mds;
	bool unknown;
	int nr, rc;

	guard(mutex)(&dcd->regions_lock);
	offer->nr = cxl_offer_sort(offer->recs, offer->nr);
	nr = cxl_dcd_judge(dcd, offer);
	rc = cxl_dcd_respond(mds, CXL_MBOX_OP_ADD_DC_RESPONSE, offer->recs, nr,
			     &unknown);
	if (rc && nr) {
		if (unknown)
			cxl_dcd_set_stale(dcd);
		else
			cxl_dcd_reject(dcd);
	}
	if (!rc && nr) {
		rc = cxl_dcd_invalidate(dcd);
		if (rc) {
			dev_err_ratelimited(mds->cxlds.dev,
					    "accepted capacity cannot be used, CPU caches cannot be invalidated\n");
			cxl_dcd_respond(mds, CXL_MBOX_OP_RELEASE_DC, offer->recs,
					nr, &unknown);
		}
	}
	cxl_dcd_arrive(dcd, !rc);
	return rc;
}

/**
 * cxl_dcd_give_back - the device wants capacity back, or has taken it
 * @dcd: the device
 * @rec: where it is
 * @forced: it has taken it
 *
 * Regions give back what they have; what nobody has goes back at once.
 *
 * Context: The queue of the device.
 * Return: 0; -ENOMEM; or what the mailbox answered.
 */
int cxl_dcd_give_back(struct cxl_dcd *dcd, const struct cxl_extent_rec *rec,
		      bool forced)
{
	struct cxl_dcd_region *region;
	bool unknown, held = false;
	int rc;

	scoped_guard(mutex, &dcd->regions_lock) {
		list_for_each_entry(region, &dcd->regions, list) {
			struct range part = DEFINE_RANGE(max(rec->dpa.start, region->dpa.start),
							 min(rec->dpa.end, region->dpa.end));
			struct range hpa;

			if (part.start > part.end)
				continue;
			hpa = cxl_dcd_to_hpa(region, &part);
			rc = cxl_sysram_extents_asked_back(region->cxlr_sysram,
							   &hpa, forced);
			if (rc == -ENOENT)
				continue;
			/* What is gone is not in the device's list any more */
			if (rc && forced)
				cxl_dcd_set_stale(dcd);
			if (rc)
				return rc;
			held = true;
		}
	}
	if (held || forced)
		return 0;
	return cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_RELEASE_DC, rec, 1,
			       &unknown);
}

/* Host physical addresses of what a region has, by a list of its device */
static struct range *cxl_dcd_listed(struct cxl_dcd_region *region,
				    const struct cxl_dcd_recs *list, int *nr)
{
	struct range *listed = kvmalloc_array(max(list->nr, 1), sizeof(*listed),
					      GFP_KERNEL);

	*nr = 0;
	if (!listed)
		return NULL;
	for (int i = 0; i < list->nr; i++)
		if (!list->recs[i].bad &&
		    range_contains(&region->dpa, &list->recs[i].dpa))
			listed[(*nr)++] = cxl_dcd_to_hpa(region, &list->recs[i].dpa);
	*nr = cxl_range_merge(listed, *nr);
	return listed;
}

/* What the regions have, and the device has not given or has taken back, goes */
static int cxl_dcd_lose(struct cxl_dcd *dcd, const struct cxl_dcd_recs *list)
{
	struct cxl_dcd_region *region;
	int nr, rc;

	list_for_each_entry(region, &dcd->regions, list) {
		struct range *listed __free(kvfree) =
			cxl_dcd_listed(region, list, &nr);

		if (!listed)
			return -ENOMEM;
		rc = cxl_sysram_extents_missing(region->cxlr_sysram, listed, nr);
		if (rc)
			return rc;
	}
	return 0;
}

/* What of a list do regions not have? */
static void cxl_dcd_news(struct cxl_dcd *dcd, struct cxl_dcd_recs *list)
{
	int nr = 0;

	for (int i = 0; i < list->nr; i++) {
		struct cxl_dcd_region *region = NULL;
		struct range hpa;

		if (!list->recs[i].bad)
			region = cxl_dcd_region_of(dcd, &list->recs[i].dpa);
		if (!region) {
			/* Nothing of an allocation may be missing unseen */
			if (!uuid_is_null(&list->recs[i].tag))
				list->recs[nr++] = list->recs[i];
			/* Others will be found when there is a region for them */
			continue;
		}
		hpa = cxl_dcd_to_hpa(region, &list->recs[i].dpa);
		if (!cxl_sysram_extents_known(region->cxlr_sysram, &hpa,
					      &list->recs[i].tag))
			list->recs[nr++] = list->recs[i];
	}
	list->nr = nr;
}

static int cxl_dcd_read_list(struct cxl_dcd *dcd, bool lose)
{
	struct cxl_dcd_recs list = { };
	int rc;

	lockdep_assert_held(&dcd->regions_lock);
	guard(mutex)(&dcd->list_lock);
	rc = cxl_dcd_get_list(dcd, &list);
	void *recs __free(kvfree) = list.recs;
	if (rc)
		return rc;

	list.nr = cxl_offer_sort(list.recs, list.nr);
	if (lose)
		rc = cxl_dcd_lose(dcd, &list);
	cxl_dcd_news(dcd, &list);
	cxl_dcd_judge(dcd, &list);
	cxl_dcd_arrive(dcd, true);
	return rc;
}

/**
 * cxl_dcd_sync - let the device's list of accepted extents decide
 * @dcd: the device
 *
 * What the list does not have is treated as taken back by force, what only the
 * list has as just arrived.
 *
 * Context: The queue of the device.
 * Return: 0; -ENOMEM; or why the list cannot be read.
 */
int cxl_dcd_sync(struct cxl_dcd *dcd)
{
	int rc;

	guard(mutex)(&dcd->regions_lock);
	rc = cxl_dcd_read_list(dcd, true);
	if (rc)
		dev_err_ratelimited(dcd->mds->cxlds.dev,
				    "cannot read the list of accepted extents, dynamic capacity may have been lost: %pe\n",
				    ERR_PTR(rc));
	return rc;
}

static int cxl_dcd_region_init(struct cxl_sysram_region *cxlr_sysram,
			       struct cxl_dcd_region *region)
{
	struct cxl_region *cxlr = cxlr_sysram->cxlr;
	struct cxl_region_params *p = &cxlr->params;
	struct cxl_endpoint_decoder *cxled;
	struct cxl_memdev_state *mds;
	struct cxl_memdev *cxlmd;

	guard(rwsem_read)(&cxl_rwsem.region);
	guard(rwsem_read)(&cxl_rwsem.dpa);
	if (p->state != CXL_CONFIG_COMMIT || p->interleave_ways != 1)
		return -ENXIO;

	cxled = p->targets[0];
	cxlmd = cxled_to_memdev(cxled);
	mds = to_cxl_memdev_state(cxlmd->cxlds);
	if (!mds || !mds->dcd || !cxled->dpa_res)
		return -ENXIO;

	region->cxlr_sysram = cxlr_sysram;
	region->dpa = DEFINE_RANGE(cxled->dpa_res->start, cxled->dpa_res->end);
	INIT_LIST_HEAD(&region->prepared);
	cxl_dynamic(cxlr_sysram)->dpa_base = region->dpa.start;
	cxl_dynamic(cxlr_sysram)->dcd = mds->dcd;

	/* All of it in one piece, or nothing here is right */
	if (cxl_dpa_to_hpa(cxlr, cxlmd, region->dpa.start) !=
	    cxlr_sysram->hpa_range.start ||
	    cxl_dpa_to_hpa(cxlr, cxlmd, region->dpa.end) !=
	    cxlr_sysram->hpa_range.end)
		return -EOPNOTSUPP;
	return 0;
}

static void cxl_dcd_detach(void *_region)
{
	struct cxl_dcd_region *region = _region;
	struct cxl_dcd *dcd = cxl_dynamic(region->cxlr_sysram)->dcd;

	scoped_guard(mutex, &dcd->regions_lock)
		list_del(&region->list);
	kfree(region);
}

/**
 * devm_cxl_dcd_attach - a dynamic region takes capacity from now on
 * @cxlr_sysram: the region
 *
 * Capacity that was accepted before arrives at once.
 *
 * Context: Probe of the region's driver. Until it lets go of the region.
 * Return: 0; -ENXIO when the device has no dynamic capacity; -EOPNOTSUPP when
 * its addresses are translated in a way that is not understood; -ENOMEM; or why
 * the list of extents cannot be read.
 */
int devm_cxl_dcd_attach(struct cxl_sysram_region *cxlr_sysram)
{
	struct device *dev = &cxlr_sysram->cxlr->dev;
	struct cxl_dcd_region *region;
	struct cxl_dcd *dcd;
	int rc;

	region = kzalloc_obj(*region);
	if (!region)
		return -ENOMEM;

	rc = cxl_dcd_region_init(cxlr_sysram, region);
	if (rc) {
		kfree(region);
		return rc;
	}

	dcd = cxl_dynamic(cxlr_sysram)->dcd;
	scoped_guard(mutex, &dcd->regions_lock) {
		list_add_tail(&region->list, &dcd->regions);
		rc = cxl_dcd_read_list(dcd, false);
	}
	if (rc) {
		dev_warn(dev, "cannot read the list of accepted extents: %pe\n",
			 ERR_PTR(rc));
		cxl_dcd_detach(region);
		return rc;
	}
	return devm_add_action_or_reset(dev, cxl_dcd_detach, region);
}

/**
 * cxl_dcd_list_lock - what keeps lists of accepted extents from being compared
 * @dcd: a device
 *
 * Return: the mutex, to be held from cxl_dcd_release() until the extents are gone.
 */
struct mutex *cxl_dcd_list_lock(struct cxl_dcd *dcd)
{
	return &dcd->list_lock;
}

/**
 * cxl_dcd_release - give capacity back to the device
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses, accepted and not in use
 * @nr: how many ranges
 *
 * Context: Process context, with cxl_dcd_list_lock() held.
 * Return: 0; -ENOMEM; -EIO when the device does not take it; or what else the
 * mailbox, or invalidating CPU caches, answered.
 */
int cxl_dcd_release(struct cxl_sysram_region *cxlr_sysram,
		    const struct range *hpa, int nr)
{
	u64 base = cxl_dynamic(cxlr_sysram)->dpa_base - cxlr_sysram->hpa_range.start;
	struct cxl_dcd *dcd = cxl_dynamic(cxlr_sysram)->dcd;
	bool unknown;
	int rc;

	/* -ENXIO is said of regions that are about to go, and by mailboxes of much */
	rc = cxl_region_invalidate_memregion(cxlr_sysram->cxlr);
	if (rc)
		return rc == -ENXIO ? -EIO : rc;

	struct cxl_extent_rec *recs __free(kvfree) =
		kvcalloc(nr, sizeof(*recs), GFP_KERNEL);
	if (!recs)
		return -ENOMEM;
	for (int i = 0; i < nr; i++)
		recs[i].dpa = DEFINE_RANGE(hpa[i].start + base, hpa[i].end + base);

	rc = cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_RELEASE_DC, recs, nr,
			     &unknown);
	/* It has it, or it never gave it: the list says which */
	if (rc)
		cxl_dcd_set_stale(dcd);
	return rc == -ENXIO ? -EIO : rc;
}

/**
 * cxl_dcd_release_listed - give back what the device still has as accepted
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses, not in use, of which some may be gone
 * @nr: how many ranges
 *
 * Context: Process context, with cxl_dcd_list_lock() held.
 * Return: 0; -ENOMEM; why the list cannot be read; or what the mailbox, or
 * invalidating CPU caches, answered.
 */
int cxl_dcd_release_listed(struct cxl_sysram_region *cxlr_sysram,
			   const struct range *hpa, int nr)
{
	u64 base = cxl_dynamic(cxlr_sysram)->dpa_base - cxlr_sysram->hpa_range.start;
	struct cxl_dcd_recs list = { };
	int rc, kept = 0;

	rc = cxl_dcd_get_list(cxl_dynamic(cxlr_sysram)->dcd, &list);
	void *recs __free(kvfree) = list.recs;
	if (rc)
		return rc;

	struct range *left __free(kvfree) =
		kvmalloc_array(max(list.nr, 1), sizeof(*left), GFP_KERNEL);
	if (!left)
		return -ENOMEM;
	for (int i = 0; i < list.nr; i++) {
		struct range listed = DEFINE_RANGE(list.recs[i].dpa.start - base,
						   list.recs[i].dpa.end - base);

		for (int j = 0; j < nr && !list.recs[i].bad; j++) {
			if (!range_contains(&hpa[j], &listed))
				continue;
			left[kept++] = listed;
			break;
		}
	}
	return kept ? cxl_dcd_release(cxlr_sysram, left, kept) : 0;
}
