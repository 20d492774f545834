// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <cxldcd.h>
#include "dcd_core.h"

/**
 * DOC: cxl dynamic capacity queue
 *
 * What is due between the host and a device is state: offers that are pending, what the
 * device asks for or has taken, and whether its list has to be read. It is kept here,
 * and settled by a work item (dcd_work.c).
 *
 * All of it is bounded: beyond the limits offers are rejected, which takes no memory,
 * and releases are left to the list.
 */

#define CXL_DCD_RELEASES_MAX	4096

static void cxl_dcd_kick(struct cxl_dcd *dcd)
{
	lockdep_assert_held(&dcd->lock);
	if (dcd->queue)
		mod_delayed_work(dcd->queue, &dcd->work, 0);
}

/**
 * cxl_dcd_offer_free - free an offer
 * @offer: in no list; or NULL
 */
void cxl_dcd_offer_free(struct cxl_dcd_offer *offer)
{
	if (!offer)
		return;
	kvfree(offer->recs.recs);
	kfree(offer);
}

/**
 * cxl_dcd_queue_offer - an offer is complete, and pending
 * @dcd: the device
 * @offer: the offer, or NULL when it is to be rejected
 */
void cxl_dcd_queue_offer(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer)
{
	struct cxl_dcd_offer *free __free(cxl_dcd_offer) = offer;
	struct cxl_dcd_offer *last;
	/* One of nothing takes memory, too */
	int counted = offer ? max(offer->recs.nr, 1) : 0;

	guard(spinlock)(&dcd->lock);
	if (offer && dcd->nr_recs + counted <= CXL_DCD_RECORDS_MAX) {
		retain_and_null_ptr(free);
		offer->seq = ++dcd->seq;
		offer->since = jiffies;
		offer->counted = counted;
		dcd->nr_recs += offer->counted;
		list_add_tail(&offer->list, &dcd->offers);
	} else if (list_empty(&dcd->offers)) {
		dcd->owed++;
	} else {
		last = list_last_entry(&dcd->offers, struct cxl_dcd_offer, list);
		last->owed++;
	}
	cxl_dcd_kick(dcd);
}

/**
 * cxl_dcd_queue_release - the device asks for capacity, or has taken it
 * @dcd: the device
 * @dpa: device physical addresses
 * @kind: which of the two
 *
 * A device that goes is told nothing more.
 */
void cxl_dcd_queue_release(struct cxl_dcd *dcd, const struct range *dpa,
			   enum cxl_dcd_release_kind kind)
{
	struct cxl_dcd_release *release = kzalloc_obj(*release);

	guard(spinlock)(&dcd->lock);
	if (dcd->stopping) {
		kfree(release);
		return;
	}
	if (release && dcd->nr_releases < CXL_DCD_RELEASES_MAX) {
		release->kind = kind;
		release->dpa = *dpa;
		release->seq = ++dcd->seq;
		list_add_tail(&release->list, &dcd->releases);
		dcd->nr_releases++;
	} else {
		/* What is gone is not in the list any more, and will be found by that */
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "release of %#llx-%#llx dropped, %s\n",
				     dpa->start, dpa->end,
				     release ? "there are too many" : "no memory");
		kfree(release);
		dcd->stale = true;
	}
	cxl_dcd_kick(dcd);
}

/**
 * cxl_dcd_queue_list - the list has to be read
 * @dcd: the device
 * @lost: how many records the event log has lost
 * @reconfigured: the configuration has to be read, too
 */
void cxl_dcd_queue_list(struct cxl_dcd *dcd, unsigned int lost, bool reconfigured)
{
	struct cxl_dcd_offer *last;
	unsigned int *sum = &dcd->lost;

	guard(spinlock)(&dcd->lock);
	dcd->stale = true;
	dcd->reconfigured |= reconfigured;
	/* What is pending was offered before: the answer to it says nothing of these */
	if (!list_empty(&dcd->offers)) {
		last = list_last_entry(&dcd->offers, struct cxl_dcd_offer, list);
		sum = &last->lost;
	}
	*sum = min(*sum + lost, CXL_DCD_RECORDS_MAX);
	cxl_dcd_kick(dcd);
}

/**
 * cxl_dcd_queue_again - what has waited may be possible now
 * @dcd: the device
 */
void cxl_dcd_queue_again(struct cxl_dcd *dcd)
{
	guard(spinlock)(&dcd->lock);
	cxl_dcd_kick(dcd);
}

/**
 * cxl_dcd_next_offer - one pending offer after the other
 * @dcd: the device
 * @offer: the one before, or NULL for the oldest
 *
 * Offers are added at the end by anybody. All else is done with the mutex held.
 *
 * Context: With the mutex of the device held.
 * Return: the offer, or NULL.
 */
struct cxl_dcd_offer *cxl_dcd_next_offer(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer)
{
	lockdep_assert_held(&dcd->mutex);
	guard(spinlock)(&dcd->lock);
	if (!offer)
		return list_first_entry_or_null(&dcd->offers, struct cxl_dcd_offer, list);
	if (list_is_last(&offer->list, &dcd->offers))
		return NULL;
	return list_next_entry(offer, list);
}

/**
 * cxl_dcd_close_offer - an offer has been answered
 * @dcd: the device
 * @offer: the offer, which is freed
 *
 * Context: With the mutex of the device held.
 */
void cxl_dcd_close_offer(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer)
{
	scoped_guard(spinlock, &dcd->lock) {
		list_del(&offer->list);
		dcd->nr_recs -= offer->counted;
		dcd->owed += offer->owed;
		dcd->lost = min(dcd->lost + offer->lost, CXL_DCD_RECORDS_MAX);
		/* Asked for behind it */
		list_splice(&offer->after, &dcd->releases);
	}
	cxl_dcd_offer_free(offer);
}

/**
 * cxl_dcd_take_release - the next release that may be settled
 * @dcd: the device
 *
 * Return: the release, for cxl_dcd_put_release(); or NULL.
 */
struct cxl_dcd_release *cxl_dcd_take_release(struct cxl_dcd *dcd)
{
	struct cxl_dcd_release *release;

	guard(spinlock)(&dcd->lock);
	list_for_each_entry(release, &dcd->releases, list) {
		if (release->not_before && time_before(jiffies, release->not_before))
			continue;
		list_del(&release->list);
		return release;
	}
	return NULL;
}

/**
 * cxl_dcd_put_release - a release is settled, or has to be later
 * @dcd: the device
 * @release: the release
 * @done: it is settled
 */
void cxl_dcd_put_release(struct cxl_dcd *dcd, struct cxl_dcd_release *release,
			 bool done)
{
	guard(spinlock)(&dcd->lock);
	if (done) {
		dcd->nr_releases--;
		return kfree(release);
	}
	list_add_tail(&release->list, &dcd->releases);
}
