// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <cxlmem.h>
#include <cxldcd.h>
#include "dcd_core.h"

/**
 * DOC: cxl dynamic capacity that is accepted in part
 *
 * An answer may need several commands. While it is being given, and when it was not
 * given to its end, the list of accepted extents may have some extents of a tag, which
 * look like all of an allocation. So what has a tag in such an answer is remembered
 * before the first command, until all of it was told or the list has none of it.
 * Meanwhile nothing else with such a tag is taken. When the offer is closed without
 * that, what the list has of it is given back.
 *
 * All is protected by the mutex of the device.
 */

struct cxl_dcd_partial {
	struct list_head list;
	const struct cxl_dcd_offer *offer;
	int nr;
	struct cxl_extent_rec recs[] __counted_by(nr);
};

/* Those that the device does not take back stay, and take memory */
#define CXL_DCD_PARTIAL_MAX	64

/**
 * cxl_dcd_partial_begin - an answer is about to be given
 * @dcd: the device
 * @offer: the offer that it is for
 *
 * Return: 0; -ENOSPC when there are too many; -ENOMEM.
 */
int cxl_dcd_partial_begin(struct cxl_dcd *dcd, const struct cxl_dcd_offer *offer)
{
	struct cxl_dcd_partial *partial;
	int nr = 0;

	lockdep_assert_held(&dcd->mutex);
	if (offer->accepted <= cxl_dcd_respond_max(dcd->mds))
		return 0;
	for (int i = 0; i < offer->accepted; i++)
		nr += !uuid_is_null(&offer->recs.recs[i].tag);
	if (!nr)
		return 0;
	if (list_count_nodes(&dcd->partial) >= CXL_DCD_PARTIAL_MAX)
		return -ENOSPC;

	partial = kvzalloc_flex(*partial, recs, nr);
	if (!partial)
		return -ENOMEM;
	partial->offer = offer;
	partial->nr = nr;
	for (int i = 0, n = 0; i < offer->accepted; i++)
		if (!uuid_is_null(&offer->recs.recs[i].tag))
			partial->recs[n++] = offer->recs.recs[i];
	list_add_tail(&partial->list, &dcd->partial);
	return 0;
}

static void cxl_dcd_partial_forget(struct cxl_dcd_partial *partial)
{
	list_del(&partial->list);
	kvfree(partial);
}

/**
 * cxl_dcd_partial_end - an offer is not being answered any more
 * @dcd: the device
 * @offer: the offer
 * @whole: the device was told all of the answer, or nothing
 */
void cxl_dcd_partial_end(struct cxl_dcd *dcd, const struct cxl_dcd_offer *offer,
			 bool whole)
{
	struct cxl_dcd_partial *partial, *next;

	lockdep_assert_held(&dcd->mutex);
	list_for_each_entry_safe(partial, next, &dcd->partial, list) {
		if (partial->offer != offer)
			continue;
		partial->offer = NULL;
		if (whole)
			cxl_dcd_partial_forget(partial);
	}
}

/**
 * cxl_dcd_partial_has - may there be a part of an allocation
 * @dcd: the device
 * @tag: its tag
 *
 * Return: true if there may.
 */
bool cxl_dcd_partial_has(struct cxl_dcd *dcd, const uuid_t *tag)
{
	struct cxl_dcd_partial *partial;

	lockdep_assert_held(&dcd->mutex);
	list_for_each_entry(partial, &dcd->partial, list)
		for (int i = 0; i < partial->nr; i++)
			if (uuid_equal(&partial->recs[i].tag, tag))
				return true;
	return false;
}

/* Both are ordered by address */
static int cxl_dcd_partial_listed(const struct cxl_dcd_partial *partial,
				  const struct cxl_dcd_recs *list,
				  struct cxl_dcd_recs *fragments)
{
	struct cxl_extent_rec rec;
	int rc = 0;

	for (int i = 0; i < list->nr && !rc; i++) {
		const struct cxl_extent_rec *listed = &list->recs[i];

		if (listed->bad || uuid_is_null(&listed->tag))
			continue;
		for (int j = 0; j < partial->nr && !rc; j++) {
			rec = partial->recs[j];
			if (uuid_equal(&listed->tag, &rec.tag) &&
			    cxl_range_clip(&listed->dpa, &partial->recs[j].dpa, &rec.dpa))
				rc = cxl_dcd_recs_add(fragments, &rec);
		}
		cond_resched();
	}
	return rc;
}

static int cxl_dcd_partial_give(struct cxl_dcd *dcd, struct cxl_dcd_partial *partial,
				const struct cxl_dcd_recs *fragments)
{
	unsigned int done = 0;

	if (!fragments->nr) {
		cxl_dcd_partial_forget(partial);
		return 0;
	}
	switch (cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_RELEASE_DC, fragments->recs,
				fragments->nr, &done)) {
	case CXL_DCD_DONE:
		/* When the next list does not have it */
		cxl_dcd_queue_list(dcd, 0, false);
		return 0;
	case CXL_DCD_REFUSED:
		/* It stays remembered, and is tried when the list is read again */
		dev_err_ratelimited(dcd->mds->cxlds.dev,
				    "the device does not take back a part of tag %pUb\n",
				    &fragments->recs[0].tag);
		return 0;
	default:
		return -EAGAIN;
	}
}

/**
 * cxl_dcd_partial_settle - give back what there is of allocations that are not complete
 * @dcd: the device
 * @list: its list of accepted extents
 *
 * Return: 0; -ENOMEM; -EAGAIN when the device has to be asked again.
 */
int cxl_dcd_partial_settle(struct cxl_dcd *dcd, const struct cxl_dcd_recs *list)
{
	struct cxl_dcd_partial *partial, *next;
	int rc = 0;

	lockdep_assert_held(&dcd->mutex);
	list_for_each_entry_safe(partial, next, &dcd->partial, list) {
		struct cxl_dcd_recs fragments = { };

		if (partial->offer)
			continue;
		rc = cxl_dcd_partial_listed(partial, list, &fragments) ?: rc;
		rc = rc ?: cxl_dcd_partial_give(dcd, partial, &fragments);
		kvfree(fragments.recs);
	}
	return rc;
}

/**
 * cxl_dcd_partial_drop - the device goes
 * @dcd: the device
 */
void cxl_dcd_partial_drop(struct cxl_dcd *dcd)
{
	struct cxl_dcd_partial *partial, *next;

	list_for_each_entry_safe(partial, next, &dcd->partial, list)
		cxl_dcd_partial_forget(partial);
}
