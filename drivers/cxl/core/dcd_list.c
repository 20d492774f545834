// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <cxlmem.h>
#include <cxldcd.h>
#include "dcd_core.h"

/**
 * DOC: cxl dynamic capacity list
 *
 * The list of accepted extents (4801h) decides what belongs to this host, wherever
 * device and consumers differ: records are lost, or an answer is and nobody knows on
 * which side. It is compared byte by byte, since a device may join or split what was
 * accepted.
 *
 * What only the list has is no offer any more. It belongs to the host and is held,
 * whatever its alignment.
 */

/**
 * cxl_dcd_list_ranges - where has a list anything
 * @list: the list, as cxl_offer_sort() has left it
 * @dpa: device physical addresses that matter
 * @nr: how many ranges
 *
 * Return: ranges, ordered and joined, to be freed with kvfree(); NULL without memory.
 */
struct range *cxl_dcd_list_ranges(const struct cxl_dcd_recs *list, const struct range *dpa,
				  int *nr)
{
	struct range *ranges = kvmalloc_array(max(list->nr, 1), sizeof(*ranges),
					      GFP_KERNEL);

	*nr = 0;
	if (!ranges)
		return NULL;
	for (int i = 0; i < list->nr; i++)
		if (!list->recs[i].bad &&
		    cxl_range_clip(&list->recs[i].dpa, dpa, &ranges[*nr]))
			(*nr)++;
	*nr = cxl_range_merge(ranges, *nr);
	return ranges;
}

/* What consumers hold, and the device has taken back or never gave, is lost */
static int cxl_dcd_compare(struct cxl_dcd *dcd, const struct cxl_dcd_recs *list)
{
	struct cxl_dcd_consumer *consumer;
	int nr, rc;

	list_for_each_entry(consumer, &dcd->consumers, list) {
		struct range *listed __free(kvfree) =
			cxl_dcd_list_ranges(list, &consumer->dpa, &nr);

		if (!listed)
			return -ENOMEM;
		rc = consumer->ops->compare(consumer, listed, nr);
		if (rc)
			return rc;
	}
	return 0;
}

static int cxl_dcd_take_untagged(struct cxl_dcd_consumer *consumer,
				 const struct cxl_extent_rec *rec)
{
	struct range rest, part;
	int rc;

	if (!cxl_range_clip(&rec->dpa, &consumer->dpa, &rest))
		return 0;
	while (consumer->ops->unheld(consumer, &rest, &rec->tag, &part)) {
		rc = consumer->ops->prepare_listed(consumer, &part);
		/* About to go; if it stays after all, the list is read again */
		if (rc == -ENXIO)
			return 0;
		if (rc)
			return rc;
		if (part.end == rest.end)
			break;
		rest.start = part.end + 1;
	}
	return 0;
}

/* An allocation, unless it is here: all of it, or nothing */
static int cxl_dcd_take_group(struct cxl_dcd *dcd,
			      const struct cxl_extent_rec *recs, int nr)
{
	struct cxl_dcd_consumer *consumer;
	bool unheld = false;
	struct range part;

	if (cxl_dcd_partial_has(dcd, &recs[0].tag, true))
		return 0;
	for (int i = 0; i < nr && !unheld; i++) {
		consumer = recs[i].bad ? NULL : cxl_dcd_consumer_of(dcd, &recs[i].dpa);
		unheld = consumer && consumer->ops->unheld(consumer, &recs[i].dpa,
							   &recs[i].tag, &part);
	}
	if (unheld && cxl_dcd_judge_group(dcd, recs, nr) == -ENOMEM)
		return -ENOMEM;
	return 0;
}

/* What consumers can have, and do not hold, arrives */
static int cxl_dcd_take(struct cxl_dcd *dcd, struct cxl_dcd_recs *list)
{
	struct cxl_dcd_consumer *consumer;
	int rc = 0, nr;

	cxl_offer_group(list->recs, list->nr);
	for (int i = 0; i < list->nr && !rc; i += nr) {
		nr = 1;
		if (!uuid_is_null(&list->recs[i].tag)) {
			nr = cxl_group_size(&list->recs[i], list->nr - i);
			rc = cxl_dcd_take_group(dcd, &list->recs[i], nr);
			continue;
		}
		list_for_each_entry(consumer, &dcd->consumers, list)
			rc = rc ?: cxl_dcd_take_untagged(consumer, &list->recs[i]);
		cond_resched();
	}
	return cxl_dcd_commit(dcd, true) ?: rc;
}

/**
 * cxl_dcd_sync - let the device's list of accepted extents decide
 * @dcd: the device
 * @compare: also about what is held already: what the list does not have is lost
 * @list: filled with the list when this succeeds, to be freed by the caller in any
 *	  case; in no particular order
 *
 * Context: With the mutex of the device held.
 * Return: 0; -ENOMEM; or why the list cannot be read, or what it has not be used.
 */
int cxl_dcd_sync(struct cxl_dcd *dcd, bool compare, struct cxl_dcd_recs *list)
{
	int rc;

	lockdep_assert_held(&dcd->mutex);
	rc = cxl_dcd_get_list(dcd, list);
	if (rc)
		return rc;

	if (compare)
		rc = cxl_dcd_compare(dcd, list);
	cxl_dcd_partial_settle(dcd, list);
	return cxl_dcd_take(dcd, list) ?: rc;
}

/**
 * cxl_dcd_attach - a consumer takes capacity from now on
 * @consumer: the consumer
 *
 * What the device has as accepted arrives at once; then offers that wait are judged.
 *
 * Return: 0, or why the list cannot be read.
 */
int cxl_dcd_attach(struct cxl_dcd_consumer *consumer)
{
	struct cxl_dcd *dcd = consumer->dcd;
	struct cxl_dcd_recs list = { };
	int rc;

	scoped_guard(mutex, &dcd->mutex) {
		list_add_tail(&consumer->list, &dcd->consumers);
		rc = cxl_dcd_sync(dcd, false, &list);
		kvfree(list.recs);
		if (rc)
			list_del(&consumer->list);
	}
	if (rc)
		return rc;
	cxl_dcd_return(dcd, &consumer->dpa);
	cxl_dcd_queue_again(dcd);
	return 0;
}

/**
 * cxl_dcd_detach - a consumer takes no capacity any more, what it has stays accepted
 * @consumer: the consumer
 * @in_use: some of it is in use, and stays so
 */
void cxl_dcd_detach(struct cxl_dcd_consumer *consumer, bool in_use)
{
	guard(mutex)(&consumer->dcd->mutex);
	if (in_use)
		cxl_dcd_leave(consumer->dcd, &consumer->dpa);
	list_del(&consumer->list);
}

/**
 * cxl_dcd_listed - what does the device have as accepted
 * @consumer: whose capacity
 * @nr: how many ranges
 *
 * Context: Process context, may wait for the mailbox.
 * Return: device physical addresses, ordered and joined, to be freed with kvfree();
 * ERR_PTR: -ENOMEM, or why the list cannot be read.
 */
struct range *cxl_dcd_listed(struct cxl_dcd_consumer *consumer, int *nr)
{
	struct cxl_dcd *dcd = consumer->dcd;
	struct cxl_dcd_recs list = { };
	struct range *listed;
	int rc;

	guard(mutex)(&dcd->mutex);
	rc = cxl_dcd_get_list(dcd, &list);
	listed = rc ? ERR_PTR(rc) : cxl_dcd_list_ranges(&list, &consumer->dpa, nr);
	kvfree(list.recs);
	return listed ?: ERR_PTR(-ENOMEM);
}

/**
 * cxl_dcd_release - give capacity back to the device
 * @consumer: who has it
 * @dpa: device physical addresses, accepted and not in use
 * @nr: how many ranges
 * @prepare: may refuse, and see to it that @done cannot fail
 * @done: the device has it
 * @arg: for both
 *
 * @prepare and @done are called with the mutex of the device held.
 *
 * Context: Process context, may wait for the mailbox.
 * Return: 0; -EBUSY when the device was not told, and it can be tried again; -EIO when
 * it refuses, and -EAGAIN when nobody knows what it has done: then its list tells;
 * -ENOMEM; or what @prepare returned.
 */
int cxl_dcd_release(struct cxl_dcd_consumer *consumer, const struct range *dpa, int nr,
		    int (*prepare)(void *arg), void (*done)(void *arg), void *arg)
{
	struct cxl_dcd *dcd = consumer->dcd;
	enum cxl_dcd_outcome outcome;
	unsigned int sent = 0;
	int rc;

	struct cxl_extent_rec *recs __free(kvfree) = kvzalloc_objs(*recs, nr);
	if (!recs)
		return -ENOMEM;
	for (int i = 0; i < nr; i++)
		recs[i].dpa = dpa[i];

	guard(mutex)(&dcd->mutex);
	rc = prepare(arg);
	if (rc)
		return rc;

	outcome = cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_RELEASE_DC, recs, nr, &sent);
	if (outcome == CXL_DCD_DONE) {
		done(arg);
		return 0;
	}
	/* Of several commands some have been done */
	if (outcome == CXL_DCD_UNKNOWN || sent)
		return -EAGAIN;
	return outcome == CXL_DCD_NOT_DONE ? -EBUSY : -EIO;
}
