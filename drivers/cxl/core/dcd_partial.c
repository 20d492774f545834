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
 * An answer may need several commands, nobody may know what has become of it, and the
 * device may take some of it by force before that is known. Until then the list of
 * accepted extents may have some extents of a tag, which look like all of an allocation.
 * So what has a tag in an answer is remembered before the first command, until it has
 * arrived, or the list has all of it, if the device was told all of it, or nothing.
 * Meanwhile nothing with such a tag is taken. What else the list has of it is given back,
 * and so is what a region has left of an allocation that the device asks for.
 *
 * All is protected by the mutex of the device.
 */

/**
 * struct cxl_dcd_partial - what an answer has of tags
 * @list: in the list of the device
 * @offer: that is being answered, or NULL: the list decides what becomes of it
 * @whole: the device was told all of it: when the list has it, too, it may be taken
 * @given: the device says that it has taken back what the list had of it
 * @nr: how many extents
 * @recs: these
 */
struct cxl_dcd_partial {
	struct list_head list;
	const struct cxl_dcd_offer *offer;
	bool whole;
	bool given;
	int nr;
	struct cxl_extent_rec recs[] __counted_by(nr);
};

/* Those that the device does not take back stay, and take memory */
#define CXL_DCD_PARTIAL_MAX	64

static struct cxl_dcd_partial *cxl_dcd_partial_of(struct cxl_dcd *dcd,
						  const struct cxl_dcd_offer *offer)
{
	struct cxl_dcd_partial *partial;

	lockdep_assert_held(&dcd->mutex);
	list_for_each_entry(partial, &dcd->partial, list)
		if (partial->offer == offer)
			return partial;
	return NULL;
}

static void cxl_dcd_partial_forget(struct cxl_dcd_partial *partial)
{
	list_del(&partial->list);
	kvfree(partial);
}

/* Returns one with room for @nr extents, or an ERR_PTR */
static struct cxl_dcd_partial *cxl_dcd_partial_add(struct cxl_dcd *dcd, int nr)
{
	struct cxl_dcd_partial *partial;

	if (list_count_nodes(&dcd->partial) >= CXL_DCD_PARTIAL_MAX)
		return ERR_PTR(-ENOSPC);
	partial = kvzalloc_flex(*partial, recs, nr);
	if (!partial)
		return ERR_PTR(-ENOMEM);
	partial->nr = nr;
	list_add_tail(&partial->list, &dcd->partial);
	return partial;
}

/**
 * cxl_dcd_partial_begin - an answer is about to be given
 * @dcd: the device
 * @offer: the offer that it is for
 *
 * One that is repeated is remembered from the first time.
 *
 * Return: 0; -ENOSPC when there are too many; -ENOMEM.
 */
int cxl_dcd_partial_begin(struct cxl_dcd *dcd, const struct cxl_dcd_offer *offer)
{
	struct cxl_dcd_partial *partial;
	int nr = 0;

	for (int i = 0; i < offer->accepted; i++)
		nr += !uuid_is_null(&offer->recs.recs[i].tag);
	if (!nr || cxl_dcd_partial_of(dcd, offer))
		return 0;

	partial = cxl_dcd_partial_add(dcd, nr);
	if (IS_ERR(partial))
		return PTR_ERR(partial);
	partial->offer = offer;
	for (int i = 0, n = 0; i < offer->accepted; i++)
		if (!uuid_is_null(&offer->recs.recs[i].tag))
			partial->recs[n++] = offer->recs.recs[i];
	return 0;
}

/**
 * cxl_dcd_partial_leave - nobody holds an allocation any more that the device asks for
 * @dcd: the device
 * @tag: its tag
 * @dpa: device physical addresses
 * @nr: how many ranges
 *
 * It is given back as a whole, and not taken before that.
 *
 * Context: Process context, may wait for the mailbox.
 */
void cxl_dcd_partial_leave(struct cxl_dcd *dcd, const uuid_t *tag,
			   const struct range *dpa, int nr)
{
	struct cxl_dcd_partial *partial;

	guard(mutex)(&dcd->mutex);
	/* Then the device is not told anything more */
	if (READ_ONCE(dcd->stopping))
		return;
	partial = cxl_dcd_partial_add(dcd, nr);
	if (IS_ERR(partial))
		return;
	for (int i = 0; i < nr; i++) {
		partial->recs[i].dpa = dpa[i];
		partial->recs[i].tag = *tag;
	}
	cxl_dcd_queue_list(dcd, 0, false);
}

/**
 * cxl_dcd_partial_cancel - the device was told nothing, or all of it has arrived
 * @dcd: the device
 * @offer: that was being answered
 */
void cxl_dcd_partial_cancel(struct cxl_dcd *dcd, const struct cxl_dcd_offer *offer)
{
	struct cxl_dcd_partial *partial = cxl_dcd_partial_of(dcd, offer);

	if (partial)
		cxl_dcd_partial_forget(partial);
}

/**
 * cxl_dcd_partial_close - an offer is not being answered any more, the list decides
 * @dcd: the device
 * @offer: the offer
 * @whole: the device was told all of the answer
 */
void cxl_dcd_partial_close(struct cxl_dcd *dcd, const struct cxl_dcd_offer *offer,
			   bool whole)
{
	struct cxl_dcd_partial *partial = cxl_dcd_partial_of(dcd, offer);

	if (!partial)
		return;
	partial->offer = NULL;
	partial->whole = whole;
	cxl_dcd_queue_list(dcd, 0, false);
}

/**
 * cxl_dcd_partial_has - may there be a part of an allocation
 * @dcd: the device
 * @tag: its tag
 * @open: also what is in the answer that is being given
 *
 * Return: true if there may.
 */
bool cxl_dcd_partial_has(struct cxl_dcd *dcd, const uuid_t *tag, bool open)
{
	struct cxl_dcd_partial *partial;

	lockdep_assert_held(&dcd->mutex);
	list_for_each_entry(partial, &dcd->partial, list)
		for (int i = 0; i < partial->nr && (open || !partial->offer); i++)
			if (uuid_equal(&partial->recs[i].tag, tag))
				return true;
	return false;
}

static int cxl_dcd_partial_leave_tag(struct cxl_dcd *dcd, const uuid_t *tag,
				     const struct cxl_dcd_recs *list)
{
	struct cxl_dcd_partial *partial;
	int nr = 0;

	if (cxl_dcd_partial_has(dcd, tag, true))
		return 0;
	for (int i = 0; i < list->nr; i++)
		nr += !list->recs[i].bad && uuid_equal(&list->recs[i].tag, tag);
	partial = cxl_dcd_partial_add(dcd, nr);
	if (IS_ERR(partial))
		return PTR_ERR(partial);
	for (int i = 0, n = 0; i < list->nr; i++)
		if (!list->recs[i].bad && uuid_equal(&list->recs[i].tag, tag))
			partial->recs[n++] = list->recs[i];
	return 0;
}

/**
 * cxl_dcd_partial_ask - the device asks for what nobody holds
 * @dcd: the device
 * @dpa: device physical addresses
 *
 * Of an allocation it gets all, at the next reading of the list.
 *
 * Return: 1 when some of it has a tag, which is given back then; 0 when nothing has;
 * -ENOMEM; -ENOSPC when there are too many; or why the list cannot be read.
 */
int cxl_dcd_partial_ask(struct cxl_dcd *dcd, const struct range *dpa)
{
	struct cxl_dcd_recs list = { };
	int rc, tagged = 0;

	rc = cxl_dcd_get_list(dcd, &list);
	for (int i = 0; i < list.nr && !rc; i++) {
		if (list.recs[i].bad || uuid_is_null(&list.recs[i].tag) ||
		    !range_overlaps(&list.recs[i].dpa, dpa))
			continue;
		tagged = 1;
		rc = cxl_dcd_partial_leave_tag(dcd, &list.recs[i].tag, &list);
		cond_resched();
	}
	kvfree(list.recs);
	if (tagged)
		cxl_dcd_queue_list(dcd, 0, false);
	return rc ?: tagged;
}

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

static u64 cxl_dcd_partial_size(const struct cxl_extent_rec *recs, int nr)
{
	u64 size = 0;

	for (int i = 0; i < nr; i++)
		size += range_len(&recs[i].dpa);
	return size;
}

enum cxl_dcd_partial_read {
	CXL_DCD_READ_ANY,
	CXL_DCD_READ_NOW,
	CXL_DCD_READ_LATER,
};

/* When has the list to be read again? */
static enum cxl_dcd_partial_read
cxl_dcd_partial_give(struct cxl_dcd *dcd, struct cxl_dcd_partial *partial,
		     const struct cxl_dcd_recs *fragments)
{
	unsigned int done = 0;

	if (!fragments->nr) {
		cxl_dcd_partial_forget(partial);
		return CXL_DCD_READ_ANY;
	}
	/* Nothing is missing: it is taken from this list */
	if (partial->whole && cxl_dcd_partial_size(fragments->recs, fragments->nr) ==
			      cxl_dcd_partial_size(partial->recs, partial->nr)) {
		cxl_dcd_partial_forget(partial);
		return CXL_DCD_READ_ANY;
	}
	partial->whole = false;
	/* The device says that it has taken it, and has not */
	if (partial->given) {
		partial->given = false;
		return CXL_DCD_READ_LATER;
	}
	switch (cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_RELEASE_DC, fragments->recs,
				fragments->nr, &done)) {
	case CXL_DCD_DONE:
		partial->given = true;
		return CXL_DCD_READ_NOW;
	case CXL_DCD_REFUSED:
		dev_err_ratelimited(dcd->mds->cxlds.dev,
				    "the device does not take back a part of tag %pUb\n",
				    &fragments->recs[0].tag);
		return CXL_DCD_READ_ANY;
	default:
		return CXL_DCD_READ_LATER;
	}
}

/**
 * cxl_dcd_partial_settle - give back what there is of allocations that are not complete
 * @dcd: the device, which is @unsettled when its list has to be read again for that
 * @list: its list of accepted extents
 */
void cxl_dcd_partial_settle(struct cxl_dcd *dcd, const struct cxl_dcd_recs *list)
{
	enum cxl_dcd_partial_read when = CXL_DCD_READ_ANY;
	struct cxl_dcd_partial *partial, *next;

	lockdep_assert_held(&dcd->mutex);
	list_for_each_entry_safe(partial, next, &dcd->partial, list) {
		struct cxl_dcd_recs fragments = { };

		if (partial->offer)
			continue;
		if (cxl_dcd_partial_listed(partial, list, &fragments))
			when = CXL_DCD_READ_LATER;
		else
			when = max(when, cxl_dcd_partial_give(dcd, partial, &fragments));
		kvfree(fragments.recs);
	}
	WRITE_ONCE(dcd->unsettled, when != CXL_DCD_READ_ANY);
	if (when == CXL_DCD_READ_NOW)
		cxl_dcd_queue_list(dcd, 0, false);
	else if (when == CXL_DCD_READ_LATER)
		cxl_dcd_queue_again(dcd);
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
