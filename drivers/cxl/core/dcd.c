// SPDX-License-Identifier: GPL-2.0-only
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/memory.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <cxl.h>
#include <dcd.h>
#include <sysram.h>
#include "core.h"
#include "extent.h"

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
 * Nothing that a device says is believed. What is wrong is left out of the
 * answer, with a line in the log.
 */

/* CXL r3.1 section 8.2.9.9.9: all of them, or it is not a DCD */
#define CXL_DCD_CMDS	GENMASK(CXL_MBOX_OP_RELEASE_DC - CXL_MBOX_OP_GET_DC_CONFIG, 0)

/* A chain of records that has not come to its end by then does not have one */
#define CXL_DCD_CHAIN_TIMEOUT	(20 * HZ)

/**
 * struct cxl_dcd - what makes a memory device a Dynamic Capacity Device
 * @mds: the device
 * @rules: of its first dynamic partition
 * @queue: what has to be said to the device, in order
 * @regions_lock: protects @regions, and keeps them while capacity comes
 * @regions: that take capacity
 * @deadline: for @chain
 * @chain: the offer that is about to be made; as @open, protected by
 *	   mds->event.log_lock
 * @open: what has come of it
 */
struct cxl_dcd {
	struct cxl_memdev_state *mds;
	struct cxl_extent_rules rules;
	struct workqueue_struct *queue;
	struct mutex regions_lock; /* regions */
	struct list_head regions;
	struct delayed_work deadline;
	enum cxl_chain_state chain;
	struct cxl_dcd_msg *open;
};

/**
 * struct cxl_dcd_region - a region that takes capacity
 * @list: in the list of the device
 * @cxlr_sysram: the region
 * @dpa: where its capacity may be
 * @prepared: extents that are about to come, while an offer is served
 */
struct cxl_dcd_region {
	struct list_head list;
	struct cxl_sysram_region *cxlr_sysram;
	struct range dpa;
	struct list_head prepared;
};

/**
 * struct cxl_dcd_msg - something that has to be said to the device
 * @work: on the queue of @dcd
 * @dcd: the device
 * @release: answer to a request for capacity; else to an offer
 * @seen: records that have come, also those that were wrong
 * @nr: how many of them are in @recs
 * @max: how many there is room for
 * @recs: extents
 */
struct cxl_dcd_msg {
	struct work_struct work;
	struct cxl_dcd *dcd;
	bool release;
	unsigned int seen;
	unsigned int nr;
	unsigned int max;
	struct cxl_extent_rec *recs;
};

static void cxl_dcd_msg_free(struct cxl_dcd_msg *msg)
{
	if (!msg)
		return;
	kvfree(msg->recs);
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

static int cxl_dcd_get_config(struct cxl_memdev_state *mds,
			      struct cxl_mbox_dc_region *region)
{
	struct cxl_mailbox *cxl_mbox = &mds->cxlds.cxl_mbox;
	struct cxl_mbox_get_dc_config_in in = { .region_count = 1 };
	struct cxl_mbox_get_dc_config_out *out;
	struct cxl_mbox_cmd mbox_cmd;
	int rc;

	void *buf __free(kvfree) = kvzalloc(cxl_mbox->payload_size, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	out = buf;

	mbox_cmd = (struct cxl_mbox_cmd) {
		.opcode = CXL_MBOX_OP_GET_DC_CONFIG,
		.payload_in = &in,
		.size_in = sizeof(in),
		.payload_out = out,
		.size_out = cxl_mbox->payload_size,
		.min_out = struct_size(out, region, 1),
	};
	rc = cxl_internal_send_cmd(cxl_mbox, &mbox_cmd);
	if (rc < 0)
		return rc;
	if (!out->num_regions || !out->regions_returned)
		return -ENOENT;

	*region = out->region[0];
	return 0;
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
	INIT_LIST_HEAD(&dcd->regions);
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

/* One logical answer, in as many commands as the mailbox needs */
static int cxl_dcd_respond(struct cxl_memdev_state *mds, u16 opcode,
			   const struct cxl_extent_rec *recs, unsigned int nr)
{
	struct cxl_mailbox *cxl_mbox = &mds->cxlds.cxl_mbox;
	struct cxl_mbox_dc_response *payload;
	unsigned int max, count, done = 0;
	struct cxl_mbox_cmd mbox_cmd;
	int rc;

	max = (cxl_mbox->payload_size - sizeof(*payload)) /
	      sizeof(payload->item[0]);
	void *buf __free(kvfree) =
		kvzalloc(struct_size(payload, item, min(max, nr)), GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	payload = buf;

	do {
		count = min(max, nr - done);
		payload->num = cpu_to_le32(count);
		payload->flags = done + count < nr ? CXL_DC_RESPONSE_MORE : 0;
		for (unsigned int i = 0; i < count; i++) {
			const struct range *dpa = &recs[done + i].dpa;

			payload->item[i] = (struct cxl_mbox_dc_item) {
				.start_dpa = cpu_to_le64(dpa->start),
				.len = cpu_to_le64(range_len(dpa)),
			};
		}

		mbox_cmd = (struct cxl_mbox_cmd) {
			.opcode = opcode,
			.payload_in = payload,
			.size_in = struct_size(payload, item, count),
		};
		rc = cxl_internal_send_cmd(cxl_mbox, &mbox_cmd);
		if (rc < 0)
			return rc;
		done += count;
	} while (done < nr);

	return 0;
}

static struct cxl_dcd_region *cxl_dcd_region_of(struct cxl_dcd *dcd,
						const struct range *dpa)
{
	struct cxl_dcd_region *region;

	lockdep_assert_held(&dcd->regions_lock);
	list_for_each_entry(region, &dcd->regions, list)
		if (range_contains(&region->dpa, dpa))
			return region;
	return NULL;
}

static struct range cxl_dcd_to_hpa(struct cxl_dcd_region *region,
				   const struct range *dpa)
{
	u64 base = region->cxlr_sysram->hpa_range.start - region->dpa.start;

	return DEFINE_RANGE(dpa->start + base, dpa->end + base);
}

/*
 * A unit of System RAM out of the extents that begin with @recs: as many as
 * touch and are needed to fill whole memory blocks. Without success it is the
 * first one alone, to be refused.
 */
static int cxl_dcd_unit(struct cxl_dcd_region *region,
			const struct cxl_extent_rec *recs, int nr,
			struct range *hpa)
{
	const u64 block = memory_block_size_bytes();

	*hpa = cxl_dcd_to_hpa(region, &recs[0].dpa);
	if (!IS_ALIGNED(hpa->start, block))
		return 1;

	for (int n = 1; n <= nr; n++) {
		struct range last = cxl_dcd_to_hpa(region, &recs[n - 1].dpa);

		if (n > 1 && (recs[n - 2].dpa.end + 1 != recs[n - 1].dpa.start ||
			      !uuid_is_null(&recs[n - 1].tag) ||
			      last.end > region->cxlr_sysram->hpa_range.end))
			break;
		if (IS_ALIGNED(last.end + 1, block)) {
			hpa->end = last.end;
			return n;
		}
	}
	return 1;
}

/*
 * What of an offer, or of a list, do regions take? Extents are prepared, @recs
 * are those of them.
 */
static int cxl_dcd_judge(struct cxl_dcd *dcd, struct cxl_extent_rec *recs,
			 int nr)
{
	struct device *dev = dcd->mds->cxlds.dev;
	int kept = 0, unit;

	nr = cxl_offer_sort(recs, nr);
	for (int i = 0; i < nr; i += unit) {
		struct cxl_dcd_region *region =
			cxl_dcd_region_of(dcd, &recs[i].dpa);
		struct range hpa;

		unit = 1;
		if (!region) {
			dev_info_ratelimited(dev, "extent %#llx-%#llx not accepted: no region takes it\n",
					     recs[i].dpa.start, recs[i].dpa.end);
			continue;
		}
		if (!uuid_is_null(&recs[i].tag)) {
			dev_warn_ratelimited(dev, "extent %#llx-%#llx not accepted: tagged capacity is not supported\n",
					     recs[i].dpa.start, recs[i].dpa.end);
			continue;
		}

		unit = cxl_dcd_unit(region, &recs[i], nr - i, &hpa);
		if (cxl_sysram_extent_prepare(region->cxlr_sysram, &hpa,
					      &region->prepared))
			continue;
		for (int j = 0; j < unit; j++)
			recs[kept++] = recs[i + j];
	}
	return kept;
}

static void cxl_dcd_arrive(struct cxl_dcd *dcd, bool accepted)
{
	struct cxl_dcd_region *region;

	list_for_each_entry(region, &dcd->regions, list) {
		if (list_empty(&region->prepared))
			continue;
		if (accepted)
			cxl_sysram_extents_arrive(region->cxlr_sysram,
						  &region->prepared);
		else
			cxl_sysram_extents_cancel(&region->prepared);
	}
}

/* After accept, and before capacity is given back, CXL r3.1 section 9.13.3 */
static int cxl_dcd_invalidate(struct cxl_dcd *dcd)
{
	struct cxl_dcd_region *region;
	int rc = 0;

	list_for_each_entry(region, &dcd->regions, list)
		if (!list_empty(&region->prepared) && !rc)
			rc = cxl_region_invalidate_memregion(region->cxlr_sysram->cxlr);
	return rc;
}

static int cxl_dcd_serve(struct cxl_dcd *dcd, struct cxl_dcd_msg *msg)
{
	struct cxl_memdev_state *mds = dcd->mds;
	int nr, rc;

	guard(mutex)(&dcd->regions_lock);
	nr = cxl_dcd_judge(dcd, msg->recs, msg->nr);
	rc = cxl_dcd_respond(mds, CXL_MBOX_OP_ADD_DC_RESPONSE, msg->recs, nr);
	if (!rc && nr) {
		int bad = cxl_dcd_invalidate(dcd);

		if (bad) {
			dev_err_ratelimited(mds->cxlds.dev,
					    "accepted capacity cannot be used, CPU caches cannot be invalidated\n");
			cxl_dcd_respond(mds, CXL_MBOX_OP_RELEASE_DC, msg->recs, nr);
			rc = bad;
		}
	}
	cxl_dcd_arrive(dcd, !rc);
	return rc;
}

/* Regions give back what they have; what nobody has goes back at once */
static int cxl_dcd_give_back(struct cxl_dcd *dcd, struct cxl_dcd_msg *msg)
{
	const struct range *dpa = &msg->recs[0].dpa;
	struct cxl_dcd_region *region;
	int rc = -ENOENT;

	scoped_guard(mutex, &dcd->regions_lock) {
		list_for_each_entry(region, &dcd->regions, list) {
			struct range part = DEFINE_RANGE(max(dpa->start, region->dpa.start),
							 min(dpa->end, region->dpa.end));
			struct range hpa;

			if (part.start > part.end)
				continue;
			hpa = cxl_dcd_to_hpa(region, &part);
			rc = cxl_sysram_extents_asked_back(region->cxlr_sysram, &hpa);
			if (rc != -ENOENT)
				break;
		}
	}
	if (rc != -ENOENT)
		return rc;
	return cxl_dcd_respond(dcd->mds, CXL_MBOX_OP_RELEASE_DC, msg->recs,
			       msg->nr);
}

static void cxl_dcd_say(struct work_struct *work)
{
	struct cxl_dcd_msg *msg __free(cxl_dcd_msg) =
		container_of(work, struct cxl_dcd_msg, work);
	struct cxl_dcd *dcd = msg->dcd;
	int rc;

	rc = msg->release ? cxl_dcd_give_back(dcd, msg) :
	     cxl_dcd_serve(dcd, msg);
	if (rc)
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "no answer about dynamic capacity, or the device did not take it: %pe\n",
				     ERR_PTR(rc));
}

static struct cxl_dcd_msg *cxl_dcd_msg_alloc(struct cxl_dcd *dcd, bool release)
{
	struct cxl_dcd_msg *msg = kzalloc_obj(*msg);

	if (!msg)
		return NULL;
	INIT_WORK(&msg->work, cxl_dcd_say);
	msg->dcd = dcd;
	msg->release = release;
	return msg;
}

static int cxl_dcd_msg_add(struct cxl_dcd_msg *msg,
			   const struct cxl_extent_rec *rec)
{
	if (msg->nr == msg->max) {
		unsigned int max = msg->max ? 2 * msg->max : 8;
		void *recs = kvrealloc(msg->recs, array_size(max, sizeof(*rec)),
				       GFP_KERNEL);

		if (!recs)
			return -ENOMEM;
		msg->recs = recs;
		msg->max = max;
	}
	msg->recs[msg->nr++] = *rec;
	return 0;
}

/*
 * The offer that @dcd->open stands for has ended. The message was allocated with
 * its first record, so that there is always one to answer with.
 */
static void cxl_dcd_close(struct cxl_dcd *dcd, bool reject)
{
	struct cxl_dcd_msg *msg = dcd->open;

	dcd->open = NULL;
	if (!msg)
		return;
	if (reject)
		msg->nr = 0;
	queue_work(dcd->queue, &msg->work);
}

static void cxl_dcd_chain(struct cxl_dcd *dcd, enum cxl_chain_event event,
			  const struct cxl_extent_rec *rec)
{
	struct device *dev = dcd->mds->cxlds.dev;
	unsigned int action;

	lockdep_assert_held(&dcd->mds->event.log_lock);

	action = cxl_chain_step(&dcd->chain, event);
	if (action & CXL_CHAIN_COLLECT) {
		dcd->open->seen++;
		if (rec && cxl_dcd_msg_add(dcd->open, rec))
			dev_warn_ratelimited(dev, "no memory for an offered extent, it is not accepted\n");
	}
	if (action & CXL_CHAIN_DISARM)
		cancel_delayed_work(&dcd->deadline);
	if (action & CXL_CHAIN_ARM)
		mod_delayed_work(dcd->queue, &dcd->deadline,
				 CXL_DCD_CHAIN_TIMEOUT);
	if (action & CXL_CHAIN_REJECT)
		dev_warn_ratelimited(dev, "an offer of dynamic capacity did not come to its end after %u extents, none accepted\n",
				     dcd->open->seen);
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

/* Is an extent what it may be? A line in the log if not. */
static bool cxl_dcd_check(struct cxl_dcd *dcd,
			  const struct cxl_event_dcd_extent *extent,
			  unsigned int partition, struct cxl_extent_rec *rec)
{
	u64 start = le64_to_cpu(extent->start_dpa);
	u64 len = le64_to_cpu(extent->len);
	int rc;

	rc = partition ? -ENOENT :
	     cxl_extent_rules_check(&dcd->rules, start, len, &rec->dpa);
	if (rc) {
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "extent %#llx+%#llx in dynamic partition %u ignored: %pe\n",
				     start, len, partition, ERR_PTR(rc));
		return false;
	}

	rec->tag = extent->tag;
	rec->seq = le16_to_cpu(extent->shared_seq);
	return true;
}

static void cxl_dcd_offer(struct cxl_dcd *dcd, const struct cxl_event_dcd *event)
{
	bool more = event->flags & CXL_EVENT_DCD_MORE;
	struct cxl_extent_rec rec;
	bool good;

	if (dcd->chain == CXL_CHAIN_IDLE) {
		dcd->open = cxl_dcd_msg_alloc(dcd, false);
		if (!dcd->open) {
			/* It stays with the device, until it is asked again */
			dev_err_ratelimited(dcd->mds->cxlds.dev,
					    "no memory to answer an offer of dynamic capacity\n");
			return;
		}
	}

	good = cxl_dcd_check(dcd, &event->extent, event->updated_region, &rec);
	if (dcd->open && dcd->open->seen >= CXL_OFFER_RECORDS_MAX)
		cxl_dcd_chain(dcd, CXL_CHAIN_FULL, NULL);
	else
		cxl_dcd_chain(dcd, more ? CXL_CHAIN_MORE : CXL_CHAIN_LAST,
			      good ? &rec : NULL);
}

static void cxl_dcd_asked_back(struct cxl_dcd *dcd,
			       const struct cxl_event_dcd *event)
{
	struct cxl_extent_rec rec;

	if (!cxl_dcd_check(dcd, &event->extent, event->updated_region, &rec))
		return;

	struct cxl_dcd_msg *msg __free(cxl_dcd_msg) = cxl_dcd_msg_alloc(dcd, true);
	if (!msg || cxl_dcd_msg_add(msg, &rec)) {
		dev_err_ratelimited(dcd->mds->cxlds.dev,
				    "no memory to give dynamic capacity back\n");
		return;
	}
	queue_work(dcd->queue, &no_free_ptr(msg)->work);
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
		cxl_dcd_asked_back(dcd, event);
		break;
	case CXL_EVENT_DCD_FORCED_RELEASE:
		dev_err_ratelimited(mds->cxlds.dev,
				    "dynamic capacity %#llx+%#llx was taken away by force: what is in use of it is lost\n",
				    le64_to_cpu(event->extent.start_dpa),
				    le64_to_cpu(event->extent.len));
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
	if (mds->dcd)
		cxl_dcd_chain(mds->dcd, CXL_CHAIN_OVERFLOW, NULL);
}

/*
 * Events do not come any more. An offer that has been collected is answered, so
 * that the device can make others to whoever comes next.
 */
static void cxl_dcd_stop(void *_dcd)
{
	struct cxl_dcd *dcd = _dcd;

	cancel_delayed_work_sync(&dcd->deadline);
	scoped_guard(mutex, &dcd->mds->event.log_lock) {
		cxl_dcd_chain(dcd, CXL_CHAIN_OVERFLOW, NULL);
		dcd->mds->dcd = NULL;
	}
	destroy_workqueue(dcd->queue);
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

/* One page of the list of accepted extents; returns how many, and the total */
static int cxl_dcd_get_extents(struct cxl_memdev_state *mds, u32 index,
			       struct cxl_mbox_get_dc_extents_out *out)
{
	struct cxl_mailbox *cxl_mbox = &mds->cxlds.cxl_mbox;
	u32 max = (cxl_mbox->payload_size - sizeof(*out)) /
		  sizeof(out->extent[0]);
	struct cxl_mbox_get_dc_extents_in in = {
		.extent_cnt = cpu_to_le32(max),
		.start_index = cpu_to_le32(index),
	};
	struct cxl_mbox_cmd mbox_cmd = {
		.opcode = CXL_MBOX_OP_GET_DC_EXTENT_LIST,
		.payload_in = &in,
		.size_in = sizeof(in),
		.payload_out = out,
		.size_out = cxl_mbox->payload_size,
		.min_out = sizeof(*out),
	};
	int rc;

	rc = cxl_internal_send_cmd(cxl_mbox, &mbox_cmd);
	if (rc < 0)
		return rc;
	if (le32_to_cpu(out->count) > max ||
	    struct_size(out, extent, le32_to_cpu(out->count)) > mbox_cmd.size_out)
		return -EPROTO;
	return le32_to_cpu(out->count);
}

/* The whole list, unless it changes meanwhile: then -EAGAIN */
static int cxl_dcd_get_list(struct cxl_dcd *dcd, struct cxl_dcd_msg *list)
{
	struct cxl_memdev_state *mds = dcd->mds;
	struct cxl_mbox_get_dc_extents_out *out;
	u32 index = 0, generation = 0;
	int count;

	void *buf __free(kvfree) = kvzalloc(mds->cxlds.cxl_mbox.payload_size,
					    GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	out = buf;

	list->nr = 0;
	do {
		count = cxl_dcd_get_extents(mds, index, out);
		if (count < 0)
			return count;
		if (index && generation != le32_to_cpu(out->generation))
			return -EAGAIN;
		generation = le32_to_cpu(out->generation);

		for (int i = 0; i < count; i++) {
			struct cxl_extent_rec rec;

			if (!cxl_dcd_check(dcd, &out->extent[i], 0, &rec))
				continue;
			if (cxl_dcd_msg_add(list, &rec))
				return -ENOMEM;
		}
		index += count;
		/* There cannot be more than one extent for each block */
		if (index > div_u64(range_len(&dcd->rules.dpa),
				    dcd->rules.block_size))
			return -EPROTO;
	} while (count && index < le32_to_cpu(out->total));

	return 0;
}

/* Capacity that was accepted before, by us or by a kernel before us */
static int cxl_dcd_recover(struct cxl_dcd *dcd, struct cxl_dcd_region *region)
{
	int rc, nr = 0;

	struct cxl_dcd_msg *list __free(cxl_dcd_msg) = cxl_dcd_msg_alloc(dcd, false);
	if (!list)
		return -ENOMEM;

	for (int tries = 0; tries < 8; tries++) {
		rc = cxl_dcd_get_list(dcd, list);
		if (rc != -EAGAIN)
			break;
	}
	if (rc)
		return rc;

	/* The others have theirs */
	for (int i = 0; i < list->nr; i++)
		if (range_contains(&region->dpa, &list->recs[i].dpa))
			list->recs[nr++] = list->recs[i];
	cxl_dcd_judge(dcd, list->recs, nr);
	cxl_dcd_arrive(dcd, true);
	return 0;
}

static int cxl_dcd_region_init(struct cxl_sysram_region *cxlr_sysram,
			       struct cxl_dcd_region *region)
{
	struct cxl_region *cxlr = cxlr_sysram->cxlr;
	struct cxl_region_params *p = &cxlr->params;
	struct cxl_endpoint_decoder *cxled;
	struct cxl_memdev_state *mds;
	struct cxl_memdev *cxlmd;

	guard(rwsem_read)(&cxl_rwsem.region);
	guard(rwsem_read)(&cxl_rwsem.dpa);
	if (p->state != CXL_CONFIG_COMMIT || p->interleave_ways != 1)
		return -ENXIO;

	cxled = p->targets[0];
	cxlmd = cxled_to_memdev(cxled);
	mds = to_cxl_memdev_state(cxlmd->cxlds);
	if (!mds || !mds->dcd || !cxled->dpa_res)
		return -ENXIO;

	region->cxlr_sysram = cxlr_sysram;
	region->dpa = DEFINE_RANGE(cxled->dpa_res->start, cxled->dpa_res->end);
	INIT_LIST_HEAD(&region->prepared);
	cxlr_sysram->dpa_base = region->dpa.start;
	cxlr_sysram->dcd = mds->dcd;

	/* All of it in one piece, or nothing here is right */
	if (cxl_dpa_to_hpa(cxlr, cxlmd, region->dpa.start) !=
	    cxlr_sysram->hpa_range.start ||
	    cxl_dpa_to_hpa(cxlr, cxlmd, region->dpa.end) !=
	    cxlr_sysram->hpa_range.end)
		return -EOPNOTSUPP;
	return 0;
}

static void cxl_dcd_detach(void *_region)
{
	struct cxl_dcd_region *region = _region;
	struct cxl_dcd *dcd = region->cxlr_sysram->dcd;

	scoped_guard(mutex, &dcd->regions_lock)
		list_del(&region->list);
	kfree(region);
}

/**
 * devm_cxl_dcd_attach - a dynamic region takes capacity from now on
 * @cxlr_sysram: the region
 *
 * Capacity that was accepted before arrives at once.
 *
 * Context: Probe of the region's driver. Until it lets go of the region.
 * Return: 0; -ENXIO when the device has no dynamic capacity; -EOPNOTSUPP when
 * its addresses are translated in a way that is not understood; -ENOMEM; or why
 * the list of extents cannot be read.
 */
int devm_cxl_dcd_attach(struct cxl_sysram_region *cxlr_sysram)
{
	struct device *dev = &cxlr_sysram->cxlr->dev;
	struct cxl_dcd_region *region;
	struct cxl_dcd *dcd;
	int rc;

	region = kzalloc_obj(*region);
	if (!region)
		return -ENOMEM;

	rc = cxl_dcd_region_init(cxlr_sysram, region);
	if (rc) {
		kfree(region);
		return rc;
	}

	dcd = cxlr_sysram->dcd;
	scoped_guard(mutex, &dcd->regions_lock) {
		list_add_tail(&region->list, &dcd->regions);
		rc = cxl_dcd_recover(dcd, region);
	}
	if (rc) {
		dev_warn(dev, "cannot read the list of accepted extents: %pe\n",
			 ERR_PTR(rc));
		cxl_dcd_detach(region);
		return rc;
	}
	return devm_add_action_or_reset(dev, cxl_dcd_detach, region);
}

/**
 * cxl_dcd_release - give capacity back to the device
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses, accepted and not in use
 *
 * Context: Process context.
 * Return: 0, or what the mailbox, or invalidating CPU caches, answered.
 */
int cxl_dcd_release(struct cxl_sysram_region *cxlr_sysram,
		    const struct range *hpa)
{
	u64 base = cxlr_sysram->dpa_base - cxlr_sysram->hpa_range.start;
	struct cxl_extent_rec rec = {
		.dpa = DEFINE_RANGE(hpa->start + base, hpa->end + base),
	};
	int rc;

	rc = cxl_region_invalidate_memregion(cxlr_sysram->cxlr);
	if (rc)
		return rc;
	return cxl_dcd_respond(cxlr_sysram->dcd->mds, CXL_MBOX_OP_RELEASE_DC,
			       &rec, 1);
}
