// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/slab.h>
#include <cxlmem.h>
#include <dcd.h>
#include "dcd_core.h"

/**
 * DOC: cxl dynamic capacity service
 *
 * How an offer is answered, command by command: it is judged, what is accepted is told
 * to the device, and arrives when the device has taken the answer. What is to be done
 * when it has not is a rule (dcd_answer.c).
 */

/* What was begun in parts is settled by the list, however it ends */
static enum cxl_answer_state cxl_dcd_serve_rest(struct cxl_dcd *dcd,
						struct cxl_dcd_offer *offer,
						enum cxl_dcd_outcome outcome)
{
	if (outcome == CXL_DCD_NOT_DONE)
		return offer->state;
	if (outcome != CXL_DCD_DONE) {
		dcd->uncertain++;
		return CXL_ANSWER_BROKEN;
	}
	cxl_dcd_queue_list(dcd, 0, false);
	return CXL_ANSWER_CLOSED;
}

/* Of an allocation the list may have a part, which would look like all of it */
static int cxl_dcd_serve_fragments(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer,
				   struct cxl_dcd_recs *fragments)
{
	struct cxl_dcd_recs list = { };
	int rc;

	rc = cxl_dcd_get_list(dcd, &list);
	for (int i = 0; i < list.nr && !rc; i++) {
		if (!list.recs[i].bad && cxl_dcd_offer_has_tag(offer, &list.recs[i].tag))
			rc = cxl_dcd_recs_add(fragments, &list.recs[i]);
		cond_resched();
	}
	kvfree(list.recs);
	return rc;
}

static enum cxl_dcd_outcome cxl_dcd_serve_broken(struct cxl_dcd *dcd,
						 struct cxl_dcd_offer *offer)
{
	enum cxl_dcd_outcome outcome = CXL_DCD_NOT_DONE;
	struct cxl_dcd_recs fragments = { };
	unsigned int done = 0;

	if (!cxl_dcd_serve_fragments(dcd, offer, &fragments))
		outcome = !fragments.nr ? CXL_DCD_DONE :
			  cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_RELEASE_DC,
					  fragments.recs, fragments.nr, &done);
	kvfree(fragments.recs);

	/* Nobody knows: the list is read once more */
	if (outcome == CXL_DCD_NOT_DONE || outcome == CXL_DCD_UNKNOWN)
		return CXL_DCD_NOT_DONE;
	if (outcome == CXL_DCD_REFUSED)
		dev_err_ratelimited(dcd->mds->cxlds.dev,
				    "the device does not take back a part of an allocation\n");
	offer->state = CXL_ANSWER_CLOSED;
	cxl_dcd_queue_list(dcd, 0, false);
	return CXL_DCD_DONE;
}

/**
 * cxl_dcd_serve_empty - answer that nothing is accepted
 * @dcd: the device
 *
 * Needs no memory, so that there is always one to answer with.
 *
 * Context: With the mutex of the device held.
 * Return: what became of it.
 */
enum cxl_dcd_outcome cxl_dcd_serve_empty(struct cxl_dcd *dcd)
{
	unsigned int done = 0;

	return cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_ADD_DC_RESPONSE, NULL, 0, &done);
}

/* How many of its extents are accepted, and moved ahead */
static unsigned int cxl_dcd_serve_judge(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer)
{
	if (dcd->refuse || dcd->stopping)
		return 0;
	offer->recs.nr = cxl_offer_sort(offer->recs.recs, offer->recs.nr);
	return cxl_dcd_judge(dcd, &offer->recs);
}

static enum cxl_dcd_outcome cxl_dcd_serve_due(struct cxl_dcd *dcd,
					      struct cxl_dcd_offer *offer)
{
	enum cxl_dcd_outcome outcome;
	bool begun = offer->done;

	if (!begun)
		offer->accepted = cxl_dcd_serve_judge(dcd, offer);
	if (!offer->accepted) {
		offer->state = CXL_ANSWER_EMPTY;
		return CXL_DCD_DONE;
	}

	outcome = cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_ADD_DC_RESPONSE,
				  offer->recs.recs, offer->accepted, &offer->done);
	/* Accepted, and not there: the list has it */
	if (!begun && cxl_dcd_commit(dcd, outcome == CXL_DCD_DONE) &&
	    outcome == CXL_DCD_DONE)
		cxl_dcd_queue_list(dcd, 0, false);

	if (begun || (offer->done && outcome != CXL_DCD_DONE))
		offer->state = cxl_dcd_serve_rest(dcd, offer, outcome);
	else
		offer->state = cxl_answer_sent(offer->state, outcome, &dcd->uncertain);
	return outcome;
}

/* Does the list have any of the answer? */
static enum cxl_dcd_outcome cxl_dcd_serve_look(struct cxl_dcd *dcd,
					       struct cxl_dcd_offer *offer)
{
	struct cxl_dcd_recs list = { };
	struct range *ranges = NULL;
	bool listed = false;
	int nr;

	if (!cxl_dcd_sync(dcd, true, &list)) {
		list.nr = cxl_offer_sort(list.recs, list.nr);
		ranges = cxl_dcd_list_ranges(&list, &dcd->rules.dpa, &nr);
	}
	kvfree(list.recs);
	if (!ranges)
		return CXL_DCD_NOT_DONE;
	for (int i = 0; i < offer->accepted && !listed; i++)
		listed = cxl_range_touches(&offer->recs.recs[i].dpa, ranges, nr);
	kvfree(ranges);
	offer->state = cxl_answer_listed(offer->state, listed);
	return CXL_DCD_DONE;
}

/**
 * cxl_dcd_serve - do what is next about the oldest offer
 * @dcd: the device
 * @offer: the offer, whose state is updated
 *
 * Context: With the mutex of the device held.
 * Return: CXL_DCD_NOT_DONE when it has to be tried again later.
 */
enum cxl_dcd_outcome cxl_dcd_serve(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer)
{
	enum cxl_dcd_outcome outcome;

	switch (offer->state) {
	case CXL_ANSWER_DUE:
	case CXL_ANSWER_AGAIN:
		return cxl_dcd_serve_due(dcd, offer);
	case CXL_ANSWER_ACCEPTED:
	case CXL_ANSWER_FOREIGN:
		return cxl_dcd_serve_look(dcd, offer);
	case CXL_ANSWER_BROKEN:
		return cxl_dcd_serve_broken(dcd, offer);
	default:
		outcome = cxl_dcd_serve_empty(dcd);
		offer->state = cxl_answer_sent(offer->state, outcome, &dcd->uncertain);
		return outcome;
	}
}
