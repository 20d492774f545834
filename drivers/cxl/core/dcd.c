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
#include <cxldcd.h>
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
 * locked. Here they are checked and collected, nothing else. What is due then is
 * settled by a work item (dcd_queue.c), which asks the consumers of the device for
 * their verdict (dcd_judge.c), and lets the list of accepted extents decide where
 * device and consumers may differ (dcd_list.c).
 *
 * Only the first dynamic partition is used, as dynamic_ram_1.
 *
 * Nothing that a device says is believed. What is wrong is left out of the
 * answer, with a line in the log.
 */

/* CXL r3.1 section 8.2.9.9.9: all of them, or it is not a DCD */
#define CXL_DCD_CMDS	GENMASK(CXL_MBOX_OP_RELEASE_DC - CXL_MBOX_OP_GET_DC_CONFIG, 0)

/* A chain of records that has not come to its end by then does not have one */
#define CXL_DCD_CHAIN_TIMEOUT	(20 * HZ)

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
	if (check_add_overflow(base, decode_len, &end) || len > decode_len)
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

static void cxl_dcd_setup_partition(struct cxl_memdev_state *mds,
				    struct cxl_dpa_info *info)
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
	dcd->flags = region.flags;
	dcd->dsmad_handle = le32_to_cpu(region.dsmad_handle);
	cxl_dcd_work_init(dcd);
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
	cxl_dcd_setup_partition(mds, info);
	/* Then it is an ordinary device to all others, too */
	if (!mds->dcd)
		mds->dcd_cmds = 0;
}

/**
 * cxl_dcd_capacity - where the dynamic capacity of a device may be
 * @mds: the device
 * @dpa: device physical addresses, set on success
 * @dsmad_handle: DSMAS entry of CDAT that describes it, set on success
 *
 * Return: false when it has none.
 */
bool cxl_dcd_capacity(struct cxl_memdev_state *mds, struct range *dpa, u32 *dsmad_handle)
{
	struct cxl_dcd *dcd = READ_ONCE(mds->dcd);

	if (!dcd)
		return false;
	*dpa = dcd->rules.dpa;
	*dsmad_handle = dcd->dsmad_handle;
	return true;
}

static struct cxl_dcd_offer *cxl_dcd_offer_alloc(void)
{
	struct cxl_dcd_offer *offer = kzalloc_obj(*offer);

	if (offer)
		INIT_LIST_HEAD(&offer->after);
	return offer;
}

static void cxl_dcd_collect(struct cxl_dcd *dcd, const struct cxl_extent_rec *rec)
{
	dcd->seen++;
	if (!rec || (dcd->open && !cxl_dcd_recs_add(&dcd->open->recs, rec)))
		return;

	/* An allocation without one of its extents would look complete */
	dev_warn_ratelimited(dcd->mds->cxlds.dev,
			     "no memory for an offered extent, the offer is not accepted\n");
	cxl_dcd_offer_free(dcd->open);
	dcd->open = NULL;
}

static void cxl_dcd_close(struct cxl_dcd *dcd, bool reject)
{
	struct cxl_dcd_offer *offer __free(cxl_dcd_offer) = dcd->open;

	dcd->open = NULL;
	cxl_dcd_queue_offer(dcd, reject ? NULL : no_free_ptr(offer));
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
		mod_delayed_work(system_dfl_wq, &dcd->deadline,
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
	if (delayed_work_pending(&dcd->deadline))
		return;
	/* What comes of it now would look like an offer */
	dcd->headless |= dcd->chain == CXL_CHAIN_DISCARD;
	cxl_dcd_chain(dcd, CXL_CHAIN_TIMEOUT, NULL);
}

static void cxl_dcd_offer(struct cxl_dcd *dcd, const struct cxl_event_dcd *event)
{
	bool more = event->flags & CXL_EVENT_DCD_MORE;
	struct cxl_extent_rec rec;
	bool good;

	if (dcd->chain == CXL_CHAIN_IDLE) {
		dcd->open = cxl_dcd_offer_alloc();
		dcd->seen = 0;
	}

	good = cxl_dcd_check(dcd, &event->extent, event->updated_region, &rec);
	/* Answered now; this record may be its last one nevertheless */
	if (dcd->chain == CXL_CHAIN_OPEN && dcd->seen >= CXL_OFFER_RECORDS_MAX)
		cxl_dcd_chain(dcd, CXL_CHAIN_FULL, NULL);
	/* What is left of an allocation would look like all of it */
	if (dcd->headless && !uuid_is_null(&rec.tag)) {
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "tag %pUb may be the end of a former offer, not accepted\n",
				     &rec.tag);
		rec.bad = true;
	}
	dcd->headless &= more;
	/* A bad one that names an allocation spoils the others of it */
	cxl_dcd_chain(dcd, more ? CXL_CHAIN_MORE : CXL_CHAIN_LAST,
		      good || !uuid_is_null(&rec.tag) ? &rec : NULL);
}

static void cxl_dcd_asked_back(struct cxl_dcd *dcd,
			       const struct cxl_event_dcd *event,
			       enum cxl_dcd_release_kind kind)
{
	struct cxl_extent_rec rec;

	if (cxl_dcd_check(dcd, &event->extent, event->updated_region, &rec))
		cxl_dcd_queue_release(dcd, &rec.dpa, kind);
}

/* CXL r3.1 section 8.2.9.2.1.6 */
static void cxl_dcd_act(struct cxl_dcd *dcd, const struct cxl_event_record_raw *raw)
{
	const struct cxl_event_dcd *event = &raw->event.dcd;

	if (!uuid_equal(&raw->id, &CXL_EVENT_DCD_UUID))
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
	case CXL_EVENT_DCD_CONFIG:
		/* Which partition it is, only this type says */
		if (!event->updated_region)
			cxl_dcd_queue_list(dcd, 0, true);
		break;
	default:
		dev_dbg(dcd->mds->cxlds.dev, "dynamic capacity event %u ignored\n",
			event->event_type);
	}
}

/*
 * Has a record been read before? Those that could not be cleared are the oldest ones
 * still, in the same order, but for some of the first.
 */
static bool cxl_dcd_known_record(struct cxl_dcd *dcd, unsigned int index, u16 handle)
{
	bool known;

	if (!index) {
		dcd->nr_known = dcd->nr_uncleared;
		for (dcd->known = 0; dcd->known < dcd->nr_known; dcd->known++)
			if (dcd->uncleared[dcd->known] == handle)
				break;
	}
	known = dcd->known < dcd->nr_known && dcd->uncleared[dcd->known] == handle;
	dcd->known = known ? dcd->known + 1 : dcd->nr_known;

	dcd->uncleared[index] = handle;
	dcd->nr_uncleared = index + 1;
	return known;
}

/**
 * cxl_dcd_record - a record of the Dynamic Capacity Event Log was read
 * @mds: the device
 * @raw: the record, unchecked
 * @index: place in the payload of the mailbox
 *
 * A record is acted upon once, however often it is read until it has been cleared.
 *
 * Context: The event interrupt's thread, or whoever reads the log; with
 * mds->event.log_lock held.
 */
void cxl_dcd_record(struct cxl_memdev_state *mds,
		    const struct cxl_event_record_raw *raw, unsigned int index)
{
	struct cxl_dcd *dcd = mds->dcd;

	lockdep_assert_held(&mds->event.log_lock);
	if (dcd && !cxl_dcd_known_record(dcd, index,
					 le16_to_cpu(raw->event.dcd.hdr.handle)))
		cxl_dcd_act(dcd, raw);
}

/**
 * cxl_dcd_records_cleared - the records that were read last are not in the log any more
 * @mds: the device
 *
 * Context: As cxl_dcd_record().
 */
void cxl_dcd_records_cleared(struct cxl_memdev_state *mds)
{
	lockdep_assert_held(&mds->event.log_lock);
	if (mds->dcd)
		mds->dcd->nr_uncleared = 0;
}

/**
 * cxl_dcd_overflow - the Dynamic Capacity Event Log has lost records
 * @mds: the device
 * @lost: how many
 *
 * Context: As cxl_dcd_record(), once for each time that the log is read, behind the
 * last record.
 */
void cxl_dcd_overflow(struct cxl_memdev_state *mds, unsigned int lost)
{
	lockdep_assert_held(&mds->event.log_lock);
	if (!mds->dcd)
		return;
	cxl_dcd_chain(mds->dcd, CXL_CHAIN_OVERFLOW, NULL);
	mds->dcd->headless = true;
	/* Capacity may have been taken away */
	cxl_dcd_queue_list(mds->dcd, lost, false);
}

/**
 * cxl_dcd_reset - a device was reset, what it has said before does not count
 * @mds: any memory device
 *
 * Context: With the device lock of the PCI device held. The log is read after this.
 */
void cxl_dcd_reset(struct cxl_memdev_state *mds)
{
	struct cxl_dcd *dcd = mds->dcd;

	if (!dcd)
		return;

	/* Nothing is answered before what there was to answer is forgotten */
	guard(mutex)(&dcd->mutex);
	scoped_guard(mutex, &mds->event.log_lock) {
		cxl_dcd_chain(dcd, CXL_CHAIN_OVERFLOW, NULL);
		dcd->headless = false;
		dcd->nr_uncleared = 0;
	}
	cxl_dcd_work_drop(dcd);
}
EXPORT_SYMBOL_NS_GPL(cxl_dcd_reset, "CXL");

/*
 * Events do not come any more. What has been collected is rejected, so that the device
 * can make offers to whoever comes next.
 */
static void cxl_dcd_stop(void *_dcd)
{
	struct cxl_dcd *dcd = _dcd;

	scoped_guard(mutex, &dcd->mds->event.log_lock) {
		if (!dcd->mds->dcd)
			return;
		cxl_dcd_chain(dcd, CXL_CHAIN_OVERFLOW, NULL);
		/* What comes now is for whoever reads the log next */
		dcd->mds->event.status &= ~CXLDEV_EVENT_STATUS_DCD;
		dcd->mds->dcd = NULL;
	}
	cancel_delayed_work_sync(&dcd->deadline);
	cxl_dcd_work_stop(dcd);
}

/**
 * cxl_dcd_shutdown - this kernel ends, and answers nothing any more
 * @mds: any memory device
 *
 * Context: With the device lock of the PCI device held.
 */
void cxl_dcd_shutdown(struct cxl_memdev_state *mds)
{
	if (mds->dcd)
		cxl_dcd_stop(mds->dcd);
}
EXPORT_SYMBOL_NS_GPL(cxl_dcd_shutdown, "CXL");

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
	size_t max = mds->cxlds.cxl_mbox.payload_size / sizeof(struct cxl_event_record_raw);
	struct cxl_dcd *dcd = mds->dcd;

	if (!dcd)
		return 0;

	INIT_DELAYED_WORK(&dcd->deadline, cxl_dcd_deadline);
	dcd->uncleared = devm_kcalloc(host, max, sizeof(*dcd->uncleared), GFP_KERNEL);
	if (dcd->uncleared)
		dcd->queue = alloc_ordered_workqueue("cxl-dcd/%s", 0,
						     dev_name(mds->cxlds.dev));
	if (!dcd->queue) {
		mds->dcd = NULL;
		return -ENOMEM;
	}
	/* A region may have it already */
	cxl_dcd_queue_again(dcd);
	return devm_add_action_or_reset(host, cxl_dcd_stop, dcd);
}
EXPORT_SYMBOL_NS_GPL(devm_cxl_dcd_setup, "CXL");
