// SPDX-License-Identifier: GPL-2.0-only
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <cxl.h>
#include <dcd.h>
#include "core.h"
#include "dcd_core.h"

/**
 * DOC: cxl dynamic capacity
 *
 * A Dynamic Capacity Device has partitions whose capacity comes and goes while
 * the system runs. It says so in records of an event log of its own, and waits
 * for an answer: an offer is answered exactly once, with what the host takes of
 * it, which may be nothing.
 *
 * Records are read in the thread of the event interrupt, with the event log
 * locked. There they are checked and collected, nothing else. What has to be
 * said to the device is said from an ordered queue, one for each device, so that
 * answers leave in the order of the offers.
 *
 * Only the first dynamic partition is used, as dynamic_ram_1.
 *
 * What the device and the regions believe may come to differ: records are lost, or
 * an answer is and nobody knows on which side. Then the list of accepted extents
 * is read again, and decides.
 *
 * Nothing that a device says is believed. What is wrong is left out of the
 * answer, with a line in the log.
 */

/* CXL r3.1 section 8.2.9.9.9: all of them, or it is not a DCD */
#define CXL_DCD_CMDS	GENMASK(CXL_MBOX_OP_RELEASE_DC - CXL_MBOX_OP_GET_DC_CONFIG, 0)

/* A chain of records that has not come to its end by then does not have one */
#define CXL_DCD_CHAIN_TIMEOUT	(20 * HZ)

/**
 * enum cxl_dcd_kind - what a message to the device is about
 * @CXL_DCD_OFFER: capacity that it offers
 * @CXL_DCD_RELEASE: capacity that it wants back
 * @CXL_DCD_FORCED: capacity that it has taken back
 */
enum cxl_dcd_kind {
	CXL_DCD_OFFER,
	CXL_DCD_RELEASE,
	CXL_DCD_FORCED,
};

/**
 * struct cxl_dcd_msg - something that has to be said to the device
 * @list: in its todo list
 * @kind: what about
 * @owed: empty answers that have to be given after this one
 * @recs: extents
 */
struct cxl_dcd_msg {
	struct list_head list;
	enum cxl_dcd_kind kind;
	unsigned int owed;
	struct cxl_dcd_recs recs;
};

static void cxl_dcd_msg_free(struct cxl_dcd_msg *msg)
{
	if (!msg)
		return;
	kvfree(msg->recs.recs);
	kfree(msg);
}

DEFINE_FREE(cxl_dcd_msg, struct cxl_dcd_msg *, cxl_dcd_msg_free(_T))

/**
 * cxl_dcd_walk_cel - take note of a command that a device supports
 * @mds: the device
 * @opcode: any command
 *
 * Return: true if it is one of the Dynamic Capacity commands.
 */
bool cxl_dcd_walk_cel(struct cxl_memdev_state *mds, u16 opcode)
{
	if (opcode < CXL_MBOX_OP_GET_DC_CONFIG || opcode > CXL_MBOX_OP_RELEASE_DC)
		return false;
	mds->dcd_cmds |= BIT(opcode - CXL_MBOX_OP_GET_DC_CONFIG);
	return true;
}

/* What the specification says about a partition, and what we need of it */
static const char *cxl_dcd_bad_region(u64 base, u64 decode_len, u64 len,
				      u64 block, u64 static_size)
{
	u64 end;

	if (!len || !decode_len)
		return "it is empty";
	if (check_add_overflow(base, decode_len - 1, &end) || len > decode_len)
		return "it ends before its capacity";
	if (!IS_ALIGNED(base, CXL_CAPACITY_MULTIPLIER))
		return "it is not aligned to 256 MiB";
	if (block < 64 || !is_power_of_2(block) || !IS_ALIGNED(base, block) ||
	    !IS_ALIGNED(len, block))
		return "its block size does not fit";
	if (base != static_size)
		return "it does not follow the static capacity";
	return NULL;
}

/**
 * cxl_dcd_dpa_fetch - add the first dynamic partition to those of a device
 * @mds: the device
 * @info: its static partitions
 *
 * A device whose configuration makes no sense keeps its static partitions, and
 * has no dynamic one.
 *
 * Context: Probe of the device, before cxl_dpa_setup().
 */
void cxl_dcd_dpa_fetch(struct cxl_memdev_state *mds, struct cxl_dpa_info *info)
{
	struct device *dev = mds->cxlds.dev;
	u64 base, decode_len, len, block;
	struct cxl_mbox_dc_region region;
	struct cxl_dcd *dcd;
	const char *why;
	int rc;

	if (mds->dcd_cmds != CXL_DCD_CMDS)
		return;

	rc = cxl_dcd_get_config(mds, &region);
	if (rc) {
		dev_warn(dev, "no dynamic capacity, the device does not describe it: %pe\n",
			 ERR_PTR(rc));
		return;
	}

	base = le64_to_cpu(region.base);
	len = le64_to_cpu(region.len);
	block = le64_to_cpu(region.block_size);
	if (check_mul_overflow(le64_to_cpu(region.decode_len),
			       CXL_CAPACITY_MULTIPLIER, &decode_len))
		decode_len = 0;

	why = cxl_dcd_bad_region(base, decode_len, len, block, info->size);
	if (why) {
		dev_warn(dev, "dynamic partition %#llx+%#llx (block %#llx) not used: %s\n",
			 base, len, block, why);
		return;
	}

	dcd = devm_kzalloc(dev, sizeof(*dcd), GFP_KERNEL);
	if (!dcd)
		return;

	dcd->mds = mds;
	mutex_init(&dcd->regions_lock);
	mutex_init(&dcd->list_lock);
	INIT_LIST_HEAD(&dcd->regions);
	spin_lock_init(&dcd->lock);
	INIT_LIST_HEAD(&dcd->todo);
	dcd->rules = (struct cxl_extent_rules) {
		.dpa = DEFINE_RANGE(base, base + len - 1),
		.block_size = block,
	};
	info->part[info->nr_partitions++] = (struct cxl_dpa_part_info) {
		.range = DEFINE_RANGE(base, base + decode_len - 1),
		.mode = CXL_PARTMODE_DYNAMIC_RAM_1,
	};
	info->size = base + decode_len;
	mds->dcd = dcd;
}

/**
 * cxl_dcd_reject - answer an offer: nothing is accepted
 * @dcd: the device
 *
 * Needs no memory, so that there is always one to answer with.
 *
 * Context: The queue of the device.
 */
void cxl_dcd_reject(struct cxl_dcd *dcd)
{
	bool unknown;
	int rc;

	rc = cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_ADD_DC_RESPONSE, NULL, 0,
			     &unknown);
	if (rc)
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "the device did not take the answer that an offer of dynamic capacity is not accepted: %pe\n",
				     ERR_PTR(rc));
}

static void cxl_dcd_say(struct cxl_dcd *dcd, struct cxl_dcd_msg *msg)
{
	int rc;

	if (msg->kind == CXL_DCD_OFFER)
		rc = cxl_dcd_serve(dcd, &msg->recs);
	else
		rc = cxl_dcd_give_back(dcd, &msg->recs.recs[0],
				       msg->kind == CXL_DCD_FORCED);
	if (rc)
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "no answer about dynamic capacity, or the device did not take it: %pe\n",
				     ERR_PTR(rc));
}

/* What is next? Neither @msg nor @stale: an empty answer */
static bool cxl_dcd_next(struct cxl_dcd *dcd, struct cxl_dcd_msg **msg,
			 bool *stale)
{
	*msg = NULL;
	*stale = false;

	guard(spinlock)(&dcd->lock);
	if (dcd->owed) {
		dcd->owed--;
		return true;
	}
	*msg = list_first_entry_or_null(&dcd->todo, struct cxl_dcd_msg, list);
	if (*msg) {
		list_del(&(*msg)->list);
		dcd->owed = (*msg)->owed;
		return true;
	}
	*stale = dcd->stale;
	dcd->stale = false;
	return *stale;
}

static void cxl_dcd_work(struct work_struct *work)
{
	struct cxl_dcd *dcd = container_of(work, struct cxl_dcd, work);
	struct cxl_dcd_msg *msg;
	bool stale;

	while (cxl_dcd_next(dcd, &msg, &stale)) {
		if (msg)
			cxl_dcd_say(dcd, msg);
		else if (stale)
			cxl_dcd_sync(dcd);
		else
			cxl_dcd_reject(dcd);
		cxl_dcd_msg_free(msg);
	}
}

static void cxl_dcd_kick(struct cxl_dcd *dcd)
{
	lockdep_assert_held(&dcd->lock);
	if (dcd->queue)
		queue_work(dcd->queue, &dcd->work);
}

/* A message, or NULL for an empty answer to an offer */
static void cxl_dcd_queue(struct cxl_dcd *dcd, struct cxl_dcd_msg *msg)
{
	guard(spinlock)(&dcd->lock);
	if (msg)
		list_add_tail(&msg->list, &dcd->todo);
	else if (list_empty(&dcd->todo))
		dcd->owed++;
	else
		list_last_entry(&dcd->todo, struct cxl_dcd_msg, list)->owed++;
	cxl_dcd_kick(dcd);
}

/**
 * cxl_dcd_set_stale - what the device and the regions believe may differ
 * @dcd: the device
 *
 * The device's list is read again when there is nothing else to do.
 */
void cxl_dcd_set_stale(struct cxl_dcd *dcd)
{
	guard(spinlock)(&dcd->lock);
	dcd->stale = true;
	cxl_dcd_kick(dcd);
}

static struct cxl_dcd_msg *cxl_dcd_msg_alloc(enum cxl_dcd_kind kind)
{
	struct cxl_dcd_msg *msg = kzalloc_obj(*msg);

	if (msg)
		msg->kind = kind;
	return msg;
}

static void cxl_dcd_collect(struct cxl_dcd *dcd, const struct cxl_extent_rec *rec)
{
	dcd->seen++;
	if (!rec || (dcd->open && !cxl_dcd_recs_add(&dcd->open->recs, rec)))
		return;

	/* An allocation without one of its extents would look complete */
	dev_warn_ratelimited(dcd->mds->cxlds.dev,
			     "no memory for an offered extent, the offer is not accepted\n");
	cxl_dcd_msg_free(dcd->open);
	dcd->open = NULL;
}

static void cxl_dcd_close(struct cxl_dcd *dcd, bool reject)
{
	struct cxl_dcd_msg *msg __free(cxl_dcd_msg) = dcd->open;

	dcd->open = NULL;
	cxl_dcd_queue(dcd, reject ? NULL : no_free_ptr(msg));
}

static void cxl_dcd_chain(struct cxl_dcd *dcd, enum cxl_chain_event event,
			  const struct cxl_extent_rec *rec)
{
	unsigned int action;

	lockdep_assert_held(&dcd->mds->event.log_lock);

	action = cxl_chain_step(&dcd->chain, event);
	if (action & CXL_CHAIN_COLLECT)
		cxl_dcd_collect(dcd, rec);
	if (action & CXL_CHAIN_DISARM)
		cancel_delayed_work(&dcd->deadline);
	if (action & CXL_CHAIN_ARM)
		mod_delayed_work(dcd->queue, &dcd->deadline,
				 CXL_DCD_CHAIN_TIMEOUT);
	if (action & CXL_CHAIN_REJECT)
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "an offer of dynamic capacity did not come to its end after %u extents, none accepted\n",
				     dcd->seen);
	if (action & (CXL_CHAIN_SERVE | CXL_CHAIN_REJECT))
		cxl_dcd_close(dcd, action & CXL_CHAIN_REJECT);
}

static void cxl_dcd_deadline(struct work_struct *work)
{
	struct cxl_dcd *dcd = container_of(to_delayed_work(work),
					   struct cxl_dcd, deadline);

	guard(mutex)(&dcd->mds->event.log_lock);
	/* A record that came in between has set a deadline of its own */
	if (!delayed_work_pending(&dcd->deadline))
		cxl_dcd_chain(dcd, CXL_CHAIN_TIMEOUT, NULL);
}

/**
 * cxl_dcd_check - is an extent what it may be
 * @dcd: the device
 * @extent: what it says
 * @partition: the dynamic partition that it says it is in
 * @rec: the extent, as far as it is understood
 *
 * Return: false, with a line in the log, when it is not.
 */
bool cxl_dcd_check(struct cxl_dcd *dcd, const struct cxl_event_dcd_extent *extent,
		   unsigned int partition, struct cxl_extent_rec *rec)
{
	u64 start = le64_to_cpu(extent->start_dpa);
	u64 len = le64_to_cpu(extent->len);
	int rc;

	*rec = (struct cxl_extent_rec) {
		.tag = extent->tag,
		.seq = le16_to_cpu(extent->shared_seq),
	};
	rc = partition ? -ENOENT :
	     cxl_extent_rules_check(&dcd->rules, start, len, &rec->dpa);
	if (rc) {
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "extent %#llx+%#llx in dynamic partition %u ignored: %pe\n",
				     start, len, partition, ERR_PTR(rc));
		rec->bad = true;
		return false;
	}
	return true;
}

static void cxl_dcd_offer(struct cxl_dcd *dcd, const struct cxl_event_dcd *event)
{
	bool more = event->flags & CXL_EVENT_DCD_MORE;
	struct cxl_extent_rec rec;
	bool good;

	if (dcd->chain == CXL_CHAIN_IDLE) {
		dcd->open = cxl_dcd_msg_alloc(CXL_DCD_OFFER);
		dcd->seen = 0;
	}

	good = cxl_dcd_check(dcd, &event->extent, event->updated_region, &rec);
	/* Answered now; this record may be its last one nevertheless */
	if (dcd->chain == CXL_CHAIN_OPEN && dcd->seen >= CXL_OFFER_RECORDS_MAX)
		cxl_dcd_chain(dcd, CXL_CHAIN_FULL, NULL);
	/* A bad one that names an allocation spoils the others of it */
	cxl_dcd_chain(dcd, more ? CXL_CHAIN_MORE : CXL_CHAIN_LAST,
		      good || !uuid_is_null(&rec.tag) ? &rec : NULL);
}

static void cxl_dcd_asked_back(struct cxl_dcd *dcd,
			       const struct cxl_event_dcd *event,
			       enum cxl_dcd_kind kind)
{
	struct cxl_extent_rec rec;

	if (!cxl_dcd_check(dcd, &event->extent, event->updated_region, &rec))
		return;

	struct cxl_dcd_msg *msg __free(cxl_dcd_msg) = cxl_dcd_msg_alloc(kind);
	if (!msg || cxl_dcd_recs_add(&msg->recs, &rec)) {
		dev_err_ratelimited(dcd->mds->cxlds.dev,
				    "no memory to give dynamic capacity back\n");
		/* What is gone is not in the device's list any more */
		if (kind == CXL_DCD_FORCED)
			cxl_dcd_set_stale(dcd);
		return;
	}
	cxl_dcd_queue(dcd, no_free_ptr(msg));
}

/**
 * cxl_dcd_record - a record of the Dynamic Capacity Event Log
 * @mds: the device
 * @raw: the record, unchecked
 *
 * CXL r3.1 section 8.2.9.2.1.6.
 *
 * Context: The event interrupt's thread, or whoever reads the log; with
 * mds->event.log_lock held.
 */
void cxl_dcd_record(struct cxl_memdev_state *mds,
		    const struct cxl_event_record_raw *raw)
{
	const struct cxl_event_dcd *event = &raw->event.dcd;
	struct cxl_dcd *dcd = mds->dcd;

	lockdep_assert_held(&mds->event.log_lock);
	if (!dcd || !uuid_equal(&raw->id, &CXL_EVENT_DCD_UUID))
		return;

	switch (event->event_type) {
	case CXL_EVENT_DCD_ADD:
		cxl_dcd_offer(dcd, event);
		break;
	case CXL_EVENT_DCD_RELEASE:
		cxl_dcd_asked_back(dcd, event, CXL_DCD_RELEASE);
		break;
	case CXL_EVENT_DCD_FORCED_RELEASE:
		cxl_dcd_asked_back(dcd, event, CXL_DCD_FORCED);
		break;
	default:
		dev_dbg(mds->cxlds.dev, "dynamic capacity event %u ignored\n",
			event->event_type);
	}
}

/**
 * cxl_dcd_overflow - the Dynamic Capacity Event Log has lost records
 * @mds: the device
 *
 * Context: As cxl_dcd_record(), after the records that were not lost.
 */
void cxl_dcd_overflow(struct cxl_memdev_state *mds)
{
	lockdep_assert_held(&mds->event.log_lock);
	if (!mds->dcd)
		return;
	cxl_dcd_chain(mds->dcd, CXL_CHAIN_OVERFLOW, NULL);
	/* Capacity may have been taken away */
	cxl_dcd_set_stale(mds->dcd);
}

/*
 * Events do not come any more. An offer that has been collected is answered, so
 * that the device can make others to whoever comes next.
 */
static void cxl_dcd_stop(void *_dcd)
{
	struct workqueue_struct *queue;
	struct cxl_dcd *dcd = _dcd;

	scoped_guard(mutex, &dcd->mds->event.log_lock) {
		cxl_dcd_chain(dcd, CXL_CHAIN_OVERFLOW, NULL);
		dcd->mds->dcd = NULL;
	}
	cancel_delayed_work_sync(&dcd->deadline);
	scoped_guard(spinlock, &dcd->lock) {
		queue = dcd->queue;
		dcd->queue = NULL;
	}
	destroy_workqueue(queue);
}

/**
 * devm_cxl_dcd_setup - get ready for dynamic capacity events
 * @host: device that @mds is managed by
 * @mds: any memory device
 *
 * Context: Probe, before the first record is read.
 * Return: 0, also for a device without dynamic capacity; -ENOMEM.
 */
int devm_cxl_dcd_setup(struct device *host, struct cxl_memdev_state *mds)
{
	struct cxl_dcd *dcd = mds->dcd;

	if (!dcd)
		return 0;

	INIT_WORK(&dcd->work, cxl_dcd_work);
	INIT_DELAYED_WORK(&dcd->deadline, cxl_dcd_deadline);
	dcd->queue = alloc_ordered_workqueue("cxl-dcd/%s", 0,
					     dev_name(mds->cxlds.dev));
	if (!dcd->queue) {
		mds->dcd = NULL;
		return -ENOMEM;
	}
	return devm_add_action_or_reset(host, cxl_dcd_stop, dcd);
}
EXPORT_SYMBOL_NS_GPL(devm_cxl_dcd_setup, "CXL");
