/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the device layer of dynamic capacity agree on, and, at the end,
 * what its consumers see of it. Each file calls those further up only.
 */
#ifndef __CXL_CORE_DCD_H__
#define __CXL_CORE_DCD_H__

#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <cxldcd.h>
#include "dcd_answer.h"
#include "extent.h"

struct cxl_dcd_offer;

/* Extents of pending offers, four of the largest */
#define CXL_DCD_RECORDS_MAX	(4 * CXL_OFFER_RECORDS_MAX)

/**
 * struct cxl_dcd_retry - when to try again what the device was too busy for
 * @delay: jiffies to wait after the next failure, 0 after a success
 * @next: jiffies, not before then; meaningful while @delay is not 0
 */
struct cxl_dcd_retry {
	unsigned long delay;
	unsigned long next;
};

/**
 * struct cxl_dcd - what makes a memory device a Dynamic Capacity Device
 * @mds: the device
 * @rules: of its first dynamic partition
 * @flags: of that, to be compared
 * @dsmad_handle: DSMAS entry that describes it
 * @mutex: held while the device is told about capacity or its list is read, and
 *	   while its consumers change. Consumers are called with it held
 * @consumers: that take capacity, protected by @mutex
 * @partial: what has a tag in answers that are being given, or of which the device knows
 *	     a part
 * @unsettled: some of that was given back, or was to be: what does the list say?
 * @uncertain: how many offers the device may have pending that are not known here;
 *	       as the members down to @answer_retry, protected by @mutex
 * @refuse: no capacity is accepted any more, its configuration has changed
 * @list_retry: for the list
 * @answer_retry: for answers
 * @lock: protects the members down to @reconfigured
 * @queue: where @work runs, or NULL before the first event and after the last
 * @offers: that are pending, oldest first
 * @owed: empty answers that have to be given before that to the first of @offers
 * @nr_recs: extents of @offers
 * @releases: what the device asks for, oldest first
 * @nr_releases: how many
 * @seq: of the last offer or release
 * @stopping: no event comes any more: nothing waits
 * @stop_by: jiffies, after which nothing is said to the device then
 * @lost: records that the event log has lost ahead of @offers, not in @uncertain yet
 * @stale: what the device and its consumers believe may differ: the list has to be
 *	   read
 * @reconfigured: the device says that its configuration has changed
 * @work: does what is due
 * @deadline: for @chain
 * @chain: the offer that is being collected; as @open to @known, protected by
 *	   mds->event.log_lock
 * @open: what has come of it, NULL when there was no memory for that
 * @seen: how many records have come of it, also those that were wrong
 * @headless: the log has lost records, and the next offer may be without its first ones
 * @uncleared: handles of records that were read and are still in the log
 * @nr_uncleared: how many
 * @nr_known: how many there were when the log was read before
 * @known: which of these comes next, if it was not cleared
 */
struct cxl_dcd {
	struct cxl_memdev_state *mds;
	struct cxl_extent_rules rules;
	u8 flags;
	u32 dsmad_handle;

	struct mutex mutex; /* down to answer_retry */
	struct list_head consumers;
	struct list_head partial;
	bool unsettled;
	unsigned int uncertain;
	bool refuse;
	struct cxl_dcd_retry list_retry;
	struct cxl_dcd_retry answer_retry;

	spinlock_t lock; /* down to reconfigured */
	struct workqueue_struct *queue;
	struct list_head offers;
	unsigned int owed;
	unsigned int nr_recs;
	struct list_head releases;
	unsigned int nr_releases;
	u64 seq;
	bool stopping;
	unsigned long stop_by;
	unsigned int lost;
	bool stale;
	bool reconfigured;

	struct delayed_work work;
	struct delayed_work deadline;
	enum cxl_chain_state chain;
	struct cxl_dcd_offer *open;
	unsigned int seen;
	bool headless;
	u16 *uncleared;
	unsigned int nr_uncleared;
	unsigned int nr_known;
	unsigned int known;
};

/**
 * struct cxl_dcd_recs - extents, as the device has named them
 * @recs: the extents
 * @nr: how many
 * @max: how many there is room for
 */
struct cxl_dcd_recs {
	struct cxl_extent_rec *recs;
	unsigned int nr;
	unsigned int max;
};

static inline int cxl_dcd_recs_add(struct cxl_dcd_recs *list,
				   const struct cxl_extent_rec *rec)
{
	if (list->nr == list->max) {
		unsigned int max = list->max ? 2 * list->max : 8;
		void *recs = kvrealloc(list->recs, array_size(max, sizeof(*rec)),
				       GFP_KERNEL);

		if (!recs)
			return -ENOMEM;
		list->recs = recs;
		list->max = max;
	}
	list->recs[list->nr] = *rec;
	list->recs[list->nr].order = list->nr;
	list->nr++;
	return 0;
}

/**
 * struct cxl_dcd_offer - extents that the device offers together
 * @list: in the device's list of pending offers
 * @seq: place among all that the device has said
 * @recs: the extents
 * @state: of the answer
 * @accepted: how many of @recs are in the answer, ahead of the others
 * @done: how many of these the device was told
 * @since: jiffies, when it was complete
 * @owed: empty answers that have to be given after that to this one
 * @lost: records that the event log has lost behind it
 * @after: releases of what it has
 * @counted: how many of @recs there were
 */
struct cxl_dcd_offer {
	struct list_head list;
	u64 seq;
	struct cxl_dcd_recs recs;
	enum cxl_answer_state state;
	unsigned int accepted;
	unsigned int done;
	unsigned long since;
	unsigned int owed;
	unsigned int lost;
	struct list_head after;
	unsigned int counted;
};

void cxl_dcd_offer_free(struct cxl_dcd_offer *offer);
DEFINE_FREE(cxl_dcd_offer, struct cxl_dcd_offer *, cxl_dcd_offer_free(_T))

/**
 * enum cxl_dcd_release_kind - what a device says about capacity that is accepted
 * @CXL_DCD_RELEASE: it asks for it
 * @CXL_DCD_FORCED: it has taken it
 */
enum cxl_dcd_release_kind {
	CXL_DCD_RELEASE,
	CXL_DCD_FORCED,
};

/**
 * struct cxl_dcd_release - what a device asks for, or has taken
 * @list: in the device's list, or that of an offer which has to be answered first
 * @seq: place among all that the device has said
 * @kind: which of the two
 * @dpa: device physical addresses
 * @not_before: jiffies, when it was tried in vain; or 0
 */
struct cxl_dcd_release {
	struct list_head list;
	u64 seq;
	enum cxl_dcd_release_kind kind;
	struct range dpa;
	unsigned long not_before;
};

/* dcd_mbox.c: the commands */
bool cxl_dcd_check(struct cxl_dcd *dcd, const struct cxl_event_dcd_extent *extent,
		   unsigned int partition, struct cxl_extent_rec *rec);
int cxl_dcd_get_config(struct cxl_memdev_state *mds,
		       struct cxl_mbox_dc_region *region);
int cxl_dcd_get_list(struct cxl_dcd *dcd, struct cxl_dcd_recs *list);
enum cxl_dcd_outcome cxl_dcd_respond(struct cxl_memdev_state *mds, u16 opcode,
				     const struct cxl_extent_rec *recs,
				     unsigned int nr, unsigned int *done);
unsigned int cxl_dcd_respond_max(struct cxl_memdev_state *mds);

/* dcd_queue.c: what is due */
void cxl_dcd_queue_offer(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer);
void cxl_dcd_queue_release(struct cxl_dcd *dcd, const struct range *dpa,
			   enum cxl_dcd_release_kind kind);
void cxl_dcd_queue_list(struct cxl_dcd *dcd, unsigned int lost, bool reconfigured);
void cxl_dcd_queue_again(struct cxl_dcd *dcd);
struct cxl_dcd_offer *cxl_dcd_next_offer(struct cxl_dcd *dcd,
					 struct cxl_dcd_offer *offer);
void cxl_dcd_close_offer(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer);
struct cxl_dcd_release *cxl_dcd_take_release(struct cxl_dcd *dcd);
void cxl_dcd_put_release(struct cxl_dcd *dcd, struct cxl_dcd_release *release,
			 bool done);

/* dcd_partial.c: allocations that the device was told of in part */
int cxl_dcd_partial_begin(struct cxl_dcd *dcd, const struct cxl_dcd_offer *offer);
void cxl_dcd_partial_cancel(struct cxl_dcd *dcd, const struct cxl_dcd_offer *offer);
void cxl_dcd_partial_close(struct cxl_dcd *dcd, const struct cxl_dcd_offer *offer,
			   bool whole);
int cxl_dcd_partial_ask(struct cxl_dcd *dcd, const struct range *dpa);
bool cxl_dcd_partial_has(struct cxl_dcd *dcd, const uuid_t *tag, bool open);
void cxl_dcd_partial_leave(struct cxl_dcd *dcd, const uuid_t *tag,
			   const struct range *dpa, int nr);
void cxl_dcd_partial_settle(struct cxl_dcd *dcd, const struct cxl_dcd_recs *list);
void cxl_dcd_partial_drop(struct cxl_dcd *dcd);

/**
 * struct cxl_dcd_consumer - somebody who uses capacity of a device
 * @list: in the list of the device
 * @dcd: the device
 * @dpa: where its capacity may be
 * @ops: how to tell it
 */
struct cxl_dcd_consumer {
	struct list_head list;
	struct cxl_dcd *dcd;
	struct range dpa;
	const struct cxl_dcd_consumer_ops *ops;
};

/**
 * struct cxl_dcd_consumer_ops - what a device tells a consumer
 * @prepare: get ready for untagged extents of an offer, ordered by address; moves
 *	     those that are accepted to the front. Returns how many
 * @prepare_group: get ready for all extents of a tag, in the order of the allocation,
 *		   of an offer or of the device's list. NULL: tagged capacity is not
 *		   accepted. Returns 0 or an errno
 * @prepare_listed: get ready for what the list has in a range that is not held. Returns
 *		    0 or an errno
 * @commit: what was prepared is accepted by the device or, with false, is not.
 *	    Returns 0; or an errno when it is not there, and has to be found in the list
 * @release: the device asks for a range. Returns 0, or -ENOENT when nothing of it is
 *	     held
 * @lost: the device has taken a range away. Returns 0, or an errno when that could not
 *	  be noted
 * @compare: the list has these ranges, ordered and joined, and nothing else; what is
 *	     held and not among them is lost. Returns 0 or an errno
 * @unheld: the first part of a range, with a tag in the list, that is not held by that
 *	    tag. Returns false when there is none
 *
 * All are called with the mutex of the device held, in process context, and wait for
 * nothing but memory.
 */
struct cxl_dcd_consumer_ops {
	int (*prepare)(struct cxl_dcd_consumer *consumer,
		       struct cxl_extent_rec *recs, int nr);
	int (*prepare_group)(struct cxl_dcd_consumer *consumer,
			     const struct cxl_extent_rec *recs, int nr);
	int (*prepare_listed)(struct cxl_dcd_consumer *consumer,
			      const struct range *dpa);
	int (*commit)(struct cxl_dcd_consumer *consumer, bool accepted);
	int (*release)(struct cxl_dcd_consumer *consumer, const struct range *dpa);
	int (*lost)(struct cxl_dcd_consumer *consumer, const struct range *dpa);
	int (*compare)(struct cxl_dcd_consumer *consumer,
		       const struct range *dpa, int nr);
	bool (*unheld)(struct cxl_dcd_consumer *consumer, const struct range *dpa,
		       const uuid_t *tag, struct range *part);
};

/* dcd_judge.c: what of it consumers take */
struct cxl_dcd_consumer *cxl_dcd_consumer_of(struct cxl_dcd *dcd,
					     const struct range *dpa);
int cxl_dcd_judge_group(struct cxl_dcd *dcd, const struct cxl_extent_rec *recs, int nr);
int cxl_dcd_judge(struct cxl_dcd *dcd, struct cxl_dcd_recs *list);
int cxl_dcd_commit(struct cxl_dcd *dcd, bool accepted);

/* dcd_left.c: what is in use without a region */
void cxl_dcd_leave(struct cxl_dcd *dcd, const struct range *dpa);
void cxl_dcd_return(struct cxl_dcd *dcd, const struct range *dpa);
bool cxl_dcd_is_left(struct cxl_dcd *dcd, const struct range *dpa);

/* dcd_list.c: the list of accepted extents, which decides */
struct range *cxl_dcd_list_ranges(const struct cxl_dcd_recs *list,
				  const struct range *dpa, int *nr);
int cxl_dcd_sync(struct cxl_dcd *dcd, bool compare, struct cxl_dcd_recs *list);

/* dcd_serve.c: the answer to an offer */
enum cxl_dcd_outcome cxl_dcd_serve_empty(struct cxl_dcd *dcd);
enum cxl_dcd_outcome cxl_dcd_serve(struct cxl_dcd *dcd, struct cxl_dcd_offer *offer);

/* dcd_work.c: it is settled */
void cxl_dcd_work_init(struct cxl_dcd *dcd);
void cxl_dcd_work_drop(struct cxl_dcd *dcd);
void cxl_dcd_work_stop(struct cxl_dcd *dcd);

/* for consumers */
int cxl_dcd_attach(struct cxl_dcd_consumer *consumer);
void cxl_dcd_detach(struct cxl_dcd_consumer *consumer, bool in_use);
struct range *cxl_dcd_listed(struct cxl_dcd_consumer *consumer, int *nr);
int cxl_dcd_release(struct cxl_dcd_consumer *consumer, const struct range *dpa, int nr,
		    int (*prepare)(void *arg), void (*done)(void *arg), void *arg);

#endif /* __CXL_CORE_DCD_H__ */
