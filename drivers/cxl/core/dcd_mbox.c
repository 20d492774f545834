// SPDX-License-Identifier: GPL-2.0-only
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <cxlmem.h>
#include <cxldcd.h>
#include "dcd_core.h"

/**
 * DOC: cxl dynamic capacity commands
 *
 * The four commands of a Dynamic Capacity Device, CXL r3.1 section 8.2.9.9.9.
 * What they return is not believed: counts are checked against what has come,
 * extents against the partition that they should be in.
 */

/* A list that changes all the time is read so often at most */
#define CXL_DCD_LIST_TRIES	8
/* Extents that a list has at most, those of other partitions included */
#define CXL_DCD_LIST_MAX	0x100000

/**
 * cxl_dcd_get_config - Get Dynamic Capacity Configuration (4800h)
 * @mds: the device
 * @region: its first dynamic partition
 *
 * Return: 0; -ENOENT when it has none; -ENOMEM; or what the mailbox answered.
 */
int cxl_dcd_get_config(struct cxl_memdev_state *mds,
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

/**
 * cxl_dcd_check - is an extent what it may be
 * @dcd: the device
 * @extent: what it says
 * @partition: for the log: what the record says, which means nothing; its address does
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
	rc = cxl_extent_rules_check(&dcd->rules, start, len, &rec->dpa);
	if (rc) {
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "extent %#llx+%#llx in dynamic partition %u ignored: %pe\n",
				     start, len, partition, ERR_PTR(rc));
		rec->bad = true;
		return false;
	}
	return true;
}

/* One page of the list of accepted extents; returns how many */
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
static int cxl_dcd_get_list_once(struct cxl_dcd *dcd,
				 struct cxl_mbox_get_dc_extents_out *out,
				 struct cxl_dcd_recs *list)
{
	/* There cannot be more than one extent for each block */
	u64 max = div_u64(range_len(&dcd->rules.dpa), dcd->rules.block_size);
	u32 index = 0, generation = 0;
	int count;

	list->nr = 0;
	do {
		count = cxl_dcd_get_extents(dcd->mds, index, out);
		if (count < 0)
			return count;
		if (index && generation != le32_to_cpu(out->generation))
			return -EAGAIN;
		generation = le32_to_cpu(out->generation);

		for (int i = 0; i < count; i++) {
			struct cxl_extent_rec rec;

			if (!cxl_dcd_check(dcd, &out->extent[i], 0, &rec) &&
			    uuid_is_null(&rec.tag))
				continue;
			if (cxl_dcd_recs_add(list, &rec))
				return -ENOMEM;
		}
		index += count;
		if (list->nr > max || index > CXL_DCD_LIST_MAX)
			return -EPROTO;
		if (READ_ONCE(dcd->stopping) && index > CXL_OFFER_RECORDS_MAX)
			return -ESHUTDOWN;
		cond_resched();
	} while (count && index < le32_to_cpu(out->total));

	/* It has promised more */
	return index < le32_to_cpu(out->total) ? -EPROTO : 0;
}

/**
 * cxl_dcd_get_list - Get Dynamic Capacity Extent List (4801h), as often as needed
 * @dcd: the device
 * @list: accepted extents that may be where the device says they are, as
 *	  cxl_offer_sort() leaves them
 *
 * Return: 0; -EAGAIN when the list does not stop changing; -EPROTO when it makes
 * no sense; -ESHUTDOWN when the device is about to go, of which it may take its time;
 * -ENOMEM; or what the mailbox answered.
 */
int cxl_dcd_get_list(struct cxl_dcd *dcd, struct cxl_dcd_recs *list)
{
	int rc;

	void *buf __free(kvfree) =
		kvzalloc(dcd->mds->cxlds.cxl_mbox.payload_size, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;

	for (int tries = 0; tries < CXL_DCD_LIST_TRIES; tries++) {
		rc = cxl_dcd_get_list_once(dcd, buf, list);
		if (rc != -EAGAIN)
			break;
	}
	if (!rc)
		list->nr = cxl_offer_sort(list->recs, list->nr);
	return rc;
}

/*
 * Only what the device has not begun may be said again. -EBUSY without a return code
 * is the mailbox' own: nothing was sent. What was begun in the background, and was not
 * seen to end, may have been done.
 */
static enum cxl_dcd_outcome cxl_dcd_outcome(int rc, u16 return_code)
{
	switch (return_code) {
	case CXL_MBOX_CMD_RC_SUCCESS:
		if (rc == -EBUSY)
			return CXL_DCD_NOT_DONE;
		return rc < 0 ? CXL_DCD_UNKNOWN : CXL_DCD_DONE;
	case CXL_MBOX_CMD_RC_BACKGROUND:
		return CXL_DCD_UNKNOWN;
	case CXL_MBOX_CMD_RC_RETRY:
	case CXL_MBOX_CMD_RC_BUSY:
	case CXL_MBOX_CMD_RC_MEDIADISABLED:
		return CXL_DCD_NOT_DONE;
	default:
		return CXL_DCD_REFUSED;
	}
}

static enum cxl_dcd_outcome
cxl_dcd_respond_once(struct cxl_memdev_state *mds, u16 opcode,
		     struct cxl_mbox_dc_response *payload)
{
	struct cxl_mbox_cmd mbox_cmd = {
		.opcode = opcode,
		.payload_in = payload,
		.size_in = struct_size(payload, item, le32_to_cpu(payload->num)),
		.poll_interval_ms = 100,
		.poll_count = 20,
	};
	enum cxl_dcd_outcome outcome;
	int rc;

	rc = cxl_internal_send_cmd(&mds->cxlds.cxl_mbox, &mbox_cmd);
	outcome = cxl_dcd_outcome(rc, mbox_cmd.return_code);
	if (outcome != CXL_DCD_DONE)
		dev_warn_ratelimited(mds->cxlds.dev,
				     "the device did not take a %s of %u extents (return code %#x): %pe\n",
				     opcode == CXL_MBOX_OP_RELEASE_DC ? "release" : "response",
				     le32_to_cpu(payload->num),
				     mbox_cmd.return_code, ERR_PTR(rc));
	return outcome;
}

/**
 * cxl_dcd_respond_max - how many extents does a command have room for
 * @mds: the device
 *
 * Return: how many.
 */
unsigned int cxl_dcd_respond_max(struct cxl_memdev_state *mds)
{
	return (mds->cxlds.cxl_mbox.payload_size - sizeof(struct cxl_mbox_dc_response)) /
	       sizeof(struct cxl_mbox_dc_item);
}

/**
 * cxl_dcd_respond - Add Response (4802h), or Release (4803h)
 * @mds: the device
 * @opcode: which of them
 * @recs: extents that are accepted, or given back
 * @nr: how many; 0 is an answer that accepts nothing
 * @done: how many of @recs have been said before, updated
 *
 * One logical answer, in as many commands as the mailbox needs. It ends with the
 * first that is not done, and can be continued there when that may be said again. An
 * empty one needs no memory.
 *
 * Return: the outcome of the last command.
 */
enum cxl_dcd_outcome cxl_dcd_respond(struct cxl_memdev_state *mds, u16 opcode,
				     const struct cxl_extent_rec *recs,
				     unsigned int nr, unsigned int *done)
{
	struct cxl_mbox_dc_response *payload, empty = { };
	enum cxl_dcd_outcome outcome;
	unsigned int max, count;

	if (!nr)
		return cxl_dcd_respond_once(mds, opcode, &empty);

	max = cxl_dcd_respond_max(mds);
	void *buf __free(kvfree) =
		kvzalloc(struct_size(payload, item, min(max, nr)), GFP_KERNEL);
	if (!buf)
		return CXL_DCD_NOT_DONE;
	payload = buf;

	while (*done < nr) {
		count = min(max, nr - *done);
		payload->num = cpu_to_le32(count);
		payload->flags = *done + count < nr ? CXL_DC_RESPONSE_MORE : 0;
		for (unsigned int i = 0; i < count; i++) {
			const struct range *dpa = &recs[*done + i].dpa;

			payload->item[i] = (struct cxl_mbox_dc_item) {
				.start_dpa = cpu_to_le64(dpa->start),
				.len = cpu_to_le64(range_len(dpa)),
			};
		}

		outcome = cxl_dcd_respond_once(mds, opcode, payload);
		if (outcome != CXL_DCD_DONE)
			return outcome;
		*done += count;
	}

	return CXL_DCD_DONE;
}
