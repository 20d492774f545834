// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <cxlmem.h>
#include <cxldcd.h>
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
	if (outcome != CXL_DCD_DONE)
		dcd->uncertain++;
	cxl_dcd_queue_list(dcd, 0, false);
	return CXL_ANSWER_CLOSED;
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
	/* Repeated is what was said, or less */
	for (int i = 0; i < offer->recs.nr && offer->state == CXL_ANSWER_REPEATED; i++)
		offer->recs.recs[i].bad |= !offer->recs.recs[i].told;
	offer->recs.nr = cxl_offer_sort(offer->recs.recs, offer->recs.nr);
	return cxl_dcd_judge(dcd, &offer->recs);
}

/* What has a tag in the answer is taken when all of it is known to be there */
static void cxl_dcd_serve_told(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer,
			       enum cxl_dcd_outcome outcome, bool first, bool arrived)
{
	if (outcome == CXL_DCD_DONE && arrived) {
		cxl_dcd_partial_cancel(dcd, offer);
	} else if (outcome == CXL_DCD_DONE) {
		/* Accepted, and not here: the list has it */
		cxl_dcd_partial_close(dcd, offer, true);
		cxl_dcd_queue_list(dcd, 0, false);
	} else if (outcome == CXL_DCD_UNKNOWN) {
		for (int i = 0; i < offer->accepted; i++)
			offer->recs.recs[i].told = true;
	} else if (first && !offer->done) {
		cxl_dcd_partial_cancel(dcd, offer);
	}
}

static enum cxl_dcd_outcome cxl_dcd_serve_due(struct cxl_dcd *dcd,
					      struct cxl_dcd_offer *offer)
{
	bool begun = offer->done, first = offer->state == CXL_ANSWER_DUE;
	enum cxl_dcd_outcome outcome;
	int rc = 0;

	if (!begun) {
		offer->accepted = cxl_dcd_serve_judge(dcd, offer);
		rc = cxl_dcd_partial_begin(dcd, offer);
	}
	if (rc)
		cxl_dcd_commit(dcd, false);
	if (rc == -ENOMEM)
		return CXL_DCD_NOT_DONE;
	if (rc || !offer->accepted) {
		/* It may be here already, if the device has come to what is repeated */
		offer->state = offer->state == CXL_ANSWER_REPEATED ? CXL_ANSWER_LATE :
								     CXL_ANSWER_EMPTY;
		return CXL_DCD_DONE;
	}

	outcome = cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_ADD_DC_RESPONSE,
				  offer->recs.recs, offer->accepted, &offer->done);
	if (!begun)
		rc = cxl_dcd_commit(dcd, outcome == CXL_DCD_DONE);
	cxl_dcd_serve_told(dcd, offer, outcome, first, !begun && !rc);

	if (begun || (offer->done && outcome != CXL_DCD_DONE))
		offer->state = cxl_dcd_serve_rest(dcd, offer, outcome);
	else
		offer->state = cxl_answer_sent(offer->state, outcome, &dcd->uncertain);
	return outcome;
}

static void cxl_dcd_serve_listed(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer)
{
	/* Of several commands only the first one was given: the others are owed still */
	if (offer->accepted > cxl_dcd_respond_max(dcd->mds)) {
		offer->state = cxl_dcd_serve_rest(dcd, offer, CXL_DCD_UNKNOWN);
		return;
	}
	cxl_dcd_partial_close(dcd, offer, true);
	offer->state = cxl_answer_listed(offer->state, true);
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
	for (int i = 0; i < offer->recs.nr && !listed; i++)
		listed = (i < offer->accepted || offer->recs.recs[i].told) &&
			 cxl_range_touches(&offer->recs.recs[i].dpa, ranges, nr);
	if (listed)
		cxl_dcd_serve_listed(dcd, offer);
	else
		offer->state = cxl_answer_listed(offer->state, false);
	kvfree(ranges);
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
	case CXL_ANSWER_REPEATED:
	case CXL_ANSWER_AGAIN:
		return cxl_dcd_serve_due(dcd, offer);
	case CXL_ANSWER_ACCEPTED:
	case CXL_ANSWER_LATE:
	case CXL_ANSWER_FOREIGN:
		return cxl_dcd_serve_look(dcd, offer);
	default:
		outcome = cxl_dcd_serve_empty(dcd);
		offer->state = cxl_answer_sent(offer->state, outcome, &dcd->uncertain);
		return outcome;
	}
}
