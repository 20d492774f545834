// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <cxldcd.h>
#include "dcd_core.h"

/**
 * DOC: cxl dynamic capacity work
 *
 * One work item for each device settles what is due. Each turn does one of each kind,
 * so that none of them can keep another from being done; what the device is too busy
 * for is tried again, with growing intervals.
 *
 * Answers go in the order of the offers. An offer that waits for a region therefore
 * lets those behind it wait, too. All else overtakes, but for a release of what an
 * offer before it has.
 */

#define CXL_DCD_RETRY_MIN	(HZ / 10)
#define CXL_DCD_RETRY_MAX	(60 * HZ)

/* So often is looked at what has to wait */
#define CXL_DCD_POLL		(HZ / 10)

/* For how long a device that goes is told what it waits for */
#define CXL_DCD_STOP_TIMEOUT	(10 * HZ)

static unsigned int dcd_offer_timeout;
module_param(dcd_offer_timeout, uint, 0644);
MODULE_PARM_DESC(dcd_offer_timeout,
		 "Seconds that an offer of dynamic capacity waits for a region (default 0)");

static void cxl_dcd_retry_later(struct cxl_dcd_retry *retry)
{
	retry->delay = retry->delay ? min(2 * retry->delay, CXL_DCD_RETRY_MAX) :
				      CXL_DCD_RETRY_MIN;
	retry->next = jiffies + retry->delay;
}

static bool cxl_dcd_retry_due(const struct cxl_dcd_retry *retry)
{
	return !retry->delay || time_after_eq(jiffies, retry->next);
}

static bool cxl_dcd_offer_has(const struct cxl_dcd_offer *offer,
			      const struct range *dpa)
{
	for (int i = 0; i < offer->recs.nr; i++)
		if (!offer->recs.recs[i].bad &&
		    range_overlaps(&offer->recs.recs[i].dpa, dpa))
			return true;
	return false;
}

/* An offer that was made before, and has some of it */
static struct cxl_dcd_offer *cxl_dcd_offer_before(struct cxl_dcd *dcd,
						  const struct cxl_dcd_release *release)
{
	struct cxl_dcd_offer *offer = NULL;

	while ((offer = cxl_dcd_next_offer(dcd, offer)) && offer->seq < release->seq)
		if (cxl_dcd_offer_has(offer, &release->dpa))
			return offer;
	return NULL;
}

/* What is taken out of an offer that is pending is not accepted */
static void cxl_dcd_offers_trim(struct cxl_dcd *dcd,
				const struct cxl_dcd_release *release)
{
	struct cxl_dcd_offer *offer = NULL;

	while ((offer = cxl_dcd_next_offer(dcd, offer)) && offer->seq < release->seq)
		for (int i = 0; i < offer->recs.nr; i++)
			if (range_overlaps(&offer->recs.recs[i].dpa, &release->dpa))
				offer->recs.recs[i].bad = true;
}

/* Nobody holds it: it was accepted by a former kernel, or never */
static bool cxl_dcd_release_unheld(struct cxl_dcd *dcd, const struct range *dpa)
{
	struct cxl_extent_rec rec = { .dpa = *dpa };
	unsigned int done = 0;
	int tagged;

	if (cxl_dcd_is_left(dcd, dpa)) {
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "%#llx-%#llx is not given back, it is in use without a region\n",
				     dpa->start, dpa->end);
		return true;
	}
	/* What has a tag goes as a whole */
	tagged = cxl_dcd_partial_ask(dcd, dpa);
	if (tagged)
		return tagged > 0;
	return cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_RELEASE_DC, &rec, 1, &done) !=
	       CXL_DCD_NOT_DONE;
}

/* How far the start of a range belongs to one consumer, or to none */
static struct cxl_dcd_consumer *
cxl_dcd_first_part(struct cxl_dcd *dcd, const struct range *dpa, struct range *part)
{
	struct cxl_dcd_consumer *consumer;
	struct range have;

	*part = *dpa;
	list_for_each_entry(consumer, &dcd->consumers, list) {
		if (!cxl_range_clip(part, &consumer->dpa, &have))
			continue;
		if (have.start == dpa->start) {
			*part = have;
			return consumer;
		}
		part->end = have.start - 1;
	}
	return NULL;
}

/* Returns false when it has to be done again */
static bool cxl_dcd_release_part(struct cxl_dcd *dcd, struct cxl_dcd_consumer *consumer,
				 enum cxl_dcd_release_kind kind, const struct range *part)
{
	int rc = -ENOENT;

	if (kind == CXL_DCD_FORCED) {
		rc = consumer ? consumer->ops->lost(consumer, part) : 0;
		if (rc && rc != -ENOENT)
			cxl_dcd_queue_list(dcd, 0, false); /* which does not have it any more */
		return true;
	}

	if (consumer)
		rc = consumer->ops->release(consumer, part);
	if (rc != -ENOENT)
		return !rc;
	/* The list may have it for somebody, with more that goes with it */
	return !READ_ONCE(dcd->stale) && cxl_dcd_release_unheld(dcd, part);
}

/* A region may have some of it, another region some more, and nobody the rest */
static bool cxl_dcd_release_parts(struct cxl_dcd *dcd, struct cxl_dcd_release *release)
{
	struct cxl_dcd_consumer *consumer;
	struct range part;

	do {
		consumer = cxl_dcd_first_part(dcd, &release->dpa, &part);
		if (!cxl_dcd_release_part(dcd, consumer, release->kind, &part))
			return false;
		release->dpa.start = part.end + 1;
	} while (release->dpa.start <= release->dpa.end);
	return true;
}

static bool cxl_dcd_do_release(struct cxl_dcd *dcd)
{
	struct cxl_dcd_release *release = cxl_dcd_take_release(dcd);
	struct cxl_dcd_offer *offer;
	bool done;

	if (!release)
		return false;

	if (release->kind == CXL_DCD_FORCED)
		cxl_dcd_offers_trim(dcd, release);
	offer = release->kind == CXL_DCD_FORCED ? NULL :
		cxl_dcd_offer_before(dcd, release);
	if (offer) {
		guard(spinlock)(&dcd->lock);
		list_add_tail(&release->list, &offer->after);
		return true;
	}

	done = cxl_dcd_release_parts(dcd, release);
	if (!done)
		release->not_before = (jiffies + HZ) ?: 1;
	cxl_dcd_put_release(dcd, release, done || dcd->stopping);
	return true;
}

/* Capacity that is accepted stays, whatever the device says of itself now */
static int cxl_dcd_reread_config(struct cxl_dcd *dcd)
{
	struct cxl_mbox_dc_region region;
	int rc;

	rc = cxl_dcd_get_config(dcd->mds, &region);
	if (rc && rc != -ENOENT)
		return rc;
	if (!rc && le64_to_cpu(region.base) == dcd->rules.dpa.start &&
	    le64_to_cpu(region.len) == range_len(&dcd->rules.dpa) &&
	    le64_to_cpu(region.block_size) == dcd->rules.block_size &&
	    region.flags == dcd->flags)
		return 0;
	if (!dcd->refuse)
		dev_warn(dcd->mds->cxlds.dev,
			 "the configuration of the dynamic partition has changed, no capacity is accepted until the device is bound again\n");
	dcd->refuse = true;
	return 0;
}

static bool cxl_dcd_do_list(struct cxl_dcd *dcd)
{
	struct cxl_dcd_recs list = { };
	bool stale, reconfigured;
	int rc = 0;

	if (!cxl_dcd_retry_due(&dcd->list_retry))
		return false;
	scoped_guard(spinlock, &dcd->lock) {
		stale = (dcd->stale || dcd->unsettled) && !dcd->stopping;
		reconfigured = dcd->reconfigured;
		dcd->stale = false;
		dcd->reconfigured = false;
	}
	if (!stale)
		return false;

	if (reconfigured)
		rc = cxl_dcd_reread_config(dcd);
	reconfigured = rc;
	rc = cxl_dcd_sync(dcd, true, &list) ?: rc;
	kvfree(list.recs);
	if (!rc && !dcd->unsettled)
		dcd->list_retry.delay = 0;
	else if (rc || !READ_ONCE(dcd->stale)) /* or it is to be read at once */
		cxl_dcd_retry_later(&dcd->list_retry);
	if (!rc)
		return true;

	dev_err_ratelimited(dcd->mds->cxlds.dev,
			    "cannot read the list of accepted extents, dynamic capacity may have been lost: %pe\n",
			    ERR_PTR(rc));
	scoped_guard(spinlock, &dcd->lock) {
		dcd->stale = true;
		dcd->reconfigured |= reconfigured;
	}
	return false;
}

static bool cxl_dcd_offer_waits(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer)
{
	u64 timeout = (u64)READ_ONCE(dcd_offer_timeout) * HZ;

	if (offer->state != CXL_ANSWER_DUE || offer->done || dcd->refuse || dcd->stopping ||
	    time_after_eq(jiffies, offer->since +
			  (unsigned long)min_t(u64, timeout, MAX_JIFFY_OFFSET)))
		return false;
	for (int i = 0; i < offer->recs.nr; i++)
		if (!offer->recs.recs[i].bad &&
		    !cxl_dcd_consumer_of(dcd, &offer->recs.recs[i].dpa))
			return true;
	return false;
}

/* Returns false when the device is not to be asked again at once */
static bool cxl_dcd_answered(struct cxl_dcd *dcd, enum cxl_dcd_outcome outcome,
			     bool closed)
{
	if (closed)
		dcd->answer_retry.delay = 0;
	else if (outcome == CXL_DCD_NOT_DONE || outcome == CXL_DCD_UNKNOWN)
		cxl_dcd_retry_later(&dcd->answer_retry);
	return closed || cxl_dcd_retry_due(&dcd->answer_retry);
}

/* An offer that was rejected before it was collected */
static bool cxl_dcd_do_owed(struct cxl_dcd *dcd)
{
	enum cxl_dcd_outcome outcome = cxl_dcd_serve_empty(dcd);
	bool closed;

	closed = cxl_answer_sent(CXL_ANSWER_EMPTY, outcome, &dcd->uncertain) ==
		 CXL_ANSWER_CLOSED || dcd->stopping;
	if (closed) {
		guard(spinlock)(&dcd->lock);
		dcd->owed--;
	}
	return cxl_dcd_answered(dcd, outcome, closed);
}

static void cxl_dcd_end_offer(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer)
{
	cxl_dcd_partial_close(dcd, offer, false);
	cxl_dcd_close_offer(dcd, offer);
}

static bool cxl_dcd_do_answer(struct cxl_dcd *dcd)
{
	struct cxl_dcd_offer *offer = cxl_dcd_next_offer(dcd, NULL);
	enum cxl_dcd_outcome outcome;
	bool closed;

	if (!dcd->stopping && !cxl_dcd_retry_due(&dcd->answer_retry))
		return false;
	if (READ_ONCE(dcd->owed))
		return cxl_dcd_do_owed(dcd);
	/* By the rules of which configuration? */
	if (READ_ONCE(dcd->reconfigured) && !dcd->stopping)
		return false;
	if (!offer || cxl_dcd_offer_waits(dcd, offer))
		return false;

	outcome = cxl_dcd_serve(dcd, offer);
	closed = offer->state == CXL_ANSWER_CLOSED ||
		 (dcd->stopping && outcome == CXL_DCD_NOT_DONE);
	if (closed)
		cxl_dcd_end_offer(dcd, offer);
	return cxl_dcd_answered(dcd, outcome, closed) || dcd->stopping;
}

static void cxl_dcd_drop_releases(struct cxl_dcd *dcd)
{
	struct cxl_dcd_release *release, *next;

	guard(spinlock)(&dcd->lock);
	list_for_each_entry_safe(release, next, &dcd->releases, list) {
		list_del(&release->list);
		kfree(release);
	}
	dcd->nr_releases = 0;
}

static void cxl_dcd_drop_all(struct cxl_dcd *dcd)
{
	struct cxl_dcd_offer *offer;

	while ((offer = cxl_dcd_next_offer(dcd, NULL)))
		cxl_dcd_end_offer(dcd, offer);
	scoped_guard(spinlock, &dcd->lock) {
		dcd->owed = 0;
		dcd->lost = 0;
	}
	cxl_dcd_drop_releases(dcd);
}

/* A device that is slow, or says so, does not keep this kernel from ending */
static bool cxl_dcd_stops_waiting(struct cxl_dcd *dcd)
{
	scoped_guard(spinlock, &dcd->lock)
		if (!dcd->stopping || time_before(jiffies, dcd->stop_by) ||
		    (list_empty(&dcd->offers) && !dcd->owed && list_empty(&dcd->releases)))
			return false;
	dev_warn(dcd->mds->cxlds.dev,
		 "offers are left without an answer, the device is too slow\n");
	cxl_dcd_drop_all(dcd);
	return true;
}

static bool cxl_dcd_turn(struct cxl_dcd *dcd)
{
	bool more;

	guard(mutex)(&dcd->mutex);
	if (cxl_dcd_stops_waiting(dcd))
		return false;
	scoped_guard(spinlock, &dcd->lock) {
		dcd->uncertain = min(dcd->uncertain + dcd->lost, CXL_DCD_RECORDS_MAX);
		dcd->lost = 0;
	}
	more = cxl_dcd_do_release(dcd);
	more |= cxl_dcd_do_list(dcd);
	more |= cxl_dcd_do_answer(dcd);
	return more;
}

static void cxl_dcd_work(struct work_struct *work)
{
	struct cxl_dcd *dcd = container_of(to_delayed_work(work), struct cxl_dcd, work);

	while (cxl_dcd_turn(dcd))
		cond_resched();

	guard(spinlock)(&dcd->lock);
	if (dcd->queue && !dcd->stopping &&
	    (dcd->stale || READ_ONCE(dcd->unsettled) || dcd->owed ||
	     !list_empty(&dcd->offers) || !list_empty(&dcd->releases)))
		queue_delayed_work(dcd->queue, &dcd->work, CXL_DCD_POLL);
}

/**
 * cxl_dcd_work_init - there is nothing to do yet
 * @dcd: the device
 */
void cxl_dcd_work_init(struct cxl_dcd *dcd)
{
	mutex_init(&dcd->mutex);
	spin_lock_init(&dcd->lock);
	INIT_LIST_HEAD(&dcd->consumers);
	INIT_LIST_HEAD(&dcd->partial);
	INIT_LIST_HEAD(&dcd->offers);
	INIT_LIST_HEAD(&dcd->releases);
	INIT_DELAYED_WORK(&dcd->work, cxl_dcd_work);
	/* A former kernel may have left one */
	dcd->uncertain = 1;
}

/**
 * cxl_dcd_work_drop - the device was reset, and has forgotten what it has said
 * @dcd: the device
 *
 * Its list says what is left.
 *
 * Context: With the mutex of the device held.
 */
void cxl_dcd_work_drop(struct cxl_dcd *dcd)
{
	cxl_dcd_drop_all(dcd);
	dcd->uncertain = 1;
	dcd->answer_retry.delay = 0;
	dcd->list_retry.delay = 0;
	cxl_dcd_queue_list(dcd, 0, false);
}

/* What nobody will remember must not be there */
static void cxl_dcd_last_partial(struct cxl_dcd *dcd)
{
	struct cxl_dcd_recs list = { };

	guard(mutex)(&dcd->mutex);
	if (!list_empty(&dcd->partial) && time_before(jiffies, dcd->stop_by) &&
	    !cxl_dcd_get_list(dcd, &list))
		cxl_dcd_partial_settle(dcd, &list);
	kvfree(list.recs);
	cxl_dcd_partial_drop(dcd);
}

/**
 * cxl_dcd_work_stop - reject what is pending, and do nothing any more
 * @dcd: the device, of which no events come
 */
void cxl_dcd_work_stop(struct cxl_dcd *dcd)
{
	struct workqueue_struct *queue;

	scoped_guard(spinlock, &dcd->lock) {
		dcd->stopping = true;
		dcd->stop_by = jiffies + CXL_DCD_STOP_TIMEOUT;
		mod_delayed_work(dcd->queue, &dcd->work, 0);
	}
	flush_delayed_work(&dcd->work);
	scoped_guard(spinlock, &dcd->lock) {
		queue = dcd->queue;
		dcd->queue = NULL;
	}
	cancel_delayed_work_sync(&dcd->work);
	destroy_workqueue(queue);
	cxl_dcd_drop_releases(dcd);
	cxl_dcd_last_partial(dcd);
}
