// SPDX-License-Identifier: GPL-2.0-only
#include <linux/acpi.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <cxl/event.h>
#include <cxl/mailbox.h>
#include <cxlmem.h>
#include <cxldcd.h>
#include "dcd.h"
#include "dcd_device.h"

/**
 * DOC: a Dynamic Capacity Device, and its fabric manager
 *
 * Some of the memory devices of cxl_test are Dynamic Capacity Devices, as
 * "ids=" says. What happens to them is up to whoever writes into debugfs:
 *
 * /sys/kernel/debug/cxl_mock_dcd/cxl_mem.N/
 *   records	write event records, 128 bytes each, as many as fit into one
 *		write: they go to the event log unseen, and the host is told
 *   mute	write 1: the host is not told
 *   reset	write: what was offered and not answered, asked for, or is in the log
 *		is forgotten, and the host knows of that
 *   overflow	write: the log has lost records, as the next read of it says
 *   override	write "OPCODE[+SKIP] TIMES DELAY_MS RETURN_CODE [PAYLOAD]", in hex
 *		but for SKIP, TIMES and DELAY_MS: what a command answers instead of
 *		doing anything, when it has come SKIP times. A RETURN_CODE of "-" does
 *		what it always does, late; of "?" as well, and the host does not hear
 *		of it; of "!" nothing, and the host does not hear of that either
 *   log	write how many records there is room for, 0 for any number: what comes
 *		when it is full is lost, and happens nevertheless
 *   eager	write 1: what an answer accepts is accepted command by command
 *   extents	what the host has accepted: start, length, tag, sequence number;
 *		write "START LENGTH", in hex: it has not, and is not told
 *   pending	offers that are not answered yet, the number of extents of each
 *   commands	what the host has said; a write forgets it
 *   config	write "BASE DECODE_LEN LEN BLOCK PARTITIONS [SHAREABLE]", in hex, for
 *		the next time that the device is probed
 *   cdat	write a table, in hex, header and all, or a line without one: what
 *		the device describes its memory with the next time
 *
 * The device is as strict as one may be: an answer is for the oldest offer, and
 * only extents of that may be accepted; what was not accepted cannot be given
 * back. It knows nothing of cxl_core, so that it is still there, with all that
 * was accepted, when cxl_core is loaded again.
 */

#define MOCK_DCD_MAX		2
#define MOCK_DCD_STATIC_SIZE	SZ_2G

static int ids[MOCK_DCD_MAX];
static int nr_ids;
module_param_array(ids, int, &nr_ids, 0444);
MODULE_PARM_DESC(ids, "Which cxl_mem.N are Dynamic Capacity Devices");

static ulong size = SZ_1G;
module_param(size, ulong, 0444);
MODULE_PARM_DESC(size, "Bytes of the dynamic partition");

static ulong payload;
module_param(payload, ulong, 0444);
MODULE_PARM_DESC(payload, "Bytes of the mailbox' payload, for Dynamic Capacity Devices");

static struct mock_dcd *mock_dcds[MOCK_DCD_MAX];
static struct dentry *mock_dcd_root;

static void mock_extents_free(struct list_head *extents)
{
	struct mock_extent *extent, *next;

	list_for_each_entry_safe(extent, next, extents, list) {
		list_del(&extent->list);
		kfree(extent);
	}
}

static struct mock_extent *mock_extent_add(struct list_head *extents, u64 start,
					   u64 len)
{
	/* A device does not run out of memory when its host does */
	struct mock_extent *extent = kzalloc_obj(*extent, GFP_KERNEL | __GFP_NOFAIL);
	struct mock_extent *other;

	extent->start = start;
	extent->len = len;
	list_for_each_entry(other, extents, list)
		if (other->start > start)
			break;
	list_add_tail(&extent->list, &other->list);
	return extent;
}

static bool mock_extents_overlap(struct list_head *extents, u64 start, u64 len)
{
	struct mock_extent *extent;

	list_for_each_entry(extent, extents, list)
		if (start < extent->start + extent->len &&
		    extent->start < start + len)
			return true;
	return false;
}

static bool mock_extents_cover(struct list_head *extents, u64 start, u64 len)
{
	struct mock_extent *extent;
	u64 end = start + len;

	list_for_each_entry(extent, extents, list)
		if (start >= extent->start && start < extent->start + extent->len)
			start = min(end, extent->start + extent->len);
	return len && start == end;
}

int mock_extents_remove(struct list_head *extents, u64 start, u64 len)
{
	struct mock_extent *extent, *next, *rest;
	u64 end = start + len;

	list_for_each_entry_safe(extent, next, extents, list) {
		u64 extent_end = extent->start + extent->len;

		if (extent_end <= start || extent->start >= end)
			continue;
		if (extent_end > end) {
			rest = kmemdup(extent, sizeof(*extent), GFP_KERNEL);
			if (!rest)
				return -ENOMEM;
			rest->start = end;
			rest->len = extent_end - end;
			list_add(&rest->list, &extent->list);
		}
		if (extent->start < start) {
			extent->len = start - extent->start;
			continue;
		}
		list_del(&extent->list);
		kfree(extent);
	}
	return 0;
}

static void mock_offer_free(struct mock_offer *offer)
{
	list_del(&offer->list);
	mock_extents_free(&offer->extents);
	kfree(offer);
}

static struct mock_offer *mock_dcd_offer(struct mock_dcd *dcd)
{
	return list_first_entry_or_null(&dcd->offers, struct mock_offer, list);
}

/* Answers with a code of the mailbox, which is an answer nevertheless */
static int mock_refuse(struct cxl_mbox_cmd *cmd, u16 code)
{
	cmd->return_code = code;
	return 0;
}

static int mock_dcd_get_config(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd)
{
	struct cxl_mbox_get_dc_config_in *in = cmd->payload_in;
	struct cxl_mbox_get_dc_config_out *out = cmd->payload_out;
	struct { __le32 limit[4]; } limits = {
		.limit = { cpu_to_le32(4096), cpu_to_le32(4096),
			   cpu_to_le32(64), cpu_to_le32(64) },
	};

	if (cmd->size_in != sizeof(*in) ||
	    cmd->size_out < struct_size(out, region, 1) + sizeof(limits))
		return mock_refuse(cmd, CXL_MBOX_CMD_RC_PAYLOADLEN);

	*out = (struct cxl_mbox_get_dc_config_out) {
		.num_regions = dcd->partitions,
		.regions_returned = !!dcd->partitions && in->region_count &&
				    !in->start_region,
	};
	out->region[0] = dcd->region;
	memcpy(&out->region[out->regions_returned], &limits, sizeof(limits));
	cmd->size_out = struct_size(out, region, out->regions_returned) +
			sizeof(limits);
	return 0;
}

static int mock_dcd_get_list(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd)
{
	struct cxl_mbox_get_dc_extents_in *in = cmd->payload_in;
	struct cxl_mbox_get_dc_extents_out *out = cmd->payload_out;
	u32 index = 0, count = 0, first, max;
	struct mock_extent *extent;

	if (cmd->size_in != sizeof(*in) || cmd->size_out < sizeof(*out))
		return mock_refuse(cmd, CXL_MBOX_CMD_RC_PAYLOADLEN);

	first = le32_to_cpu(in->start_index);
	max = min_t(u32, le32_to_cpu(in->extent_cnt),
		    (cmd->size_out - sizeof(*out)) / sizeof(out->extent[0]));
	list_for_each_entry(extent, &dcd->accepted, list) {
		if (index++ < first || count == max)
			continue;
		out->extent[count++] = (struct cxl_event_dcd_extent) {
			.start_dpa = cpu_to_le64(extent->start),
			.len = cpu_to_le64(extent->len),
			.tag = extent->tag,
			.shared_seq = cpu_to_le16(extent->seq),
		};
	}
	if (first > index)
		return mock_refuse(cmd, CXL_MBOX_CMD_RC_INPUT);

	out->count = cpu_to_le32(count);
	out->total = cpu_to_le32(index);
	out->generation = cpu_to_le32(dcd->generation);
	cmd->size_out = struct_size(out, extent, count);
	return 0;
}

/* Is it all that it says it is, and what is it? */
struct cxl_mbox_dc_response *mock_dcd_items(struct cxl_mbox_cmd *cmd, u32 *nr)
{
	struct cxl_mbox_dc_response *in = cmd->payload_in;

	if (cmd->size_in < sizeof(*in))
		return NULL;
	*nr = le32_to_cpu(in->num);
	return cmd->size_in == struct_size(in, item, *nr) ? in : NULL;
}

static struct mock_extent *mock_offer_find(struct mock_offer *offer, u64 start,
					   u64 len)
{
	struct mock_extent *extent;

	list_for_each_entry(extent, &offer->extents, list)
		if (start >= extent->start &&
		    start - extent->start < extent->len &&
		    len <= extent->len - (start - extent->start))
			return extent;
	return NULL;
}

static int mock_dcd_answer(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd)
{
	struct mock_offer *offer = mock_dcd_offer(dcd);
	struct cxl_mbox_dc_response *in;
	struct mock_extent *extent, *next;
	u32 nr;

	in = mock_dcd_items(cmd, &nr);
	if (!in)
		return mock_refuse(cmd, CXL_MBOX_CMD_RC_PAYLOADLEN);
	if (!offer)
		return mock_refuse(cmd, CXL_MBOX_CMD_RC_INPUT);

	for (u32 i = 0; i < nr; i++) {
		u64 start = le64_to_cpu(in->item[i].start_dpa);
		u64 len = le64_to_cpu(in->item[i].len);
		struct mock_extent *from = mock_offer_find(offer, start, len);

		if (!from || mock_extents_overlap(&dcd->accepted, start, len) ||
		    mock_extents_overlap(&dcd->answer, start, len)) {
			mock_extents_free(&dcd->answer);
			return mock_refuse(cmd, CXL_MBOX_CMD_RC_EXTLIST);
		}
		extent = mock_extent_add(&dcd->answer, start, len);
		extent->tag = from->tag;
		extent->seq = from->seq;
	}
	if (in->flags & CXL_DC_RESPONSE_MORE && !dcd->eager)
		return 0;

	list_for_each_entry_safe(extent, next, &dcd->answer, list) {
		struct mock_extent *new = mock_extent_add(&dcd->accepted,
							  extent->start,
							  extent->len);

		new->tag = extent->tag;
		new->seq = extent->seq;
	}
	mock_extents_free(&dcd->answer);
	dcd->generation++;
	if (in->flags & CXL_DC_RESPONSE_MORE)
		return 0;
	dcd->discard = offer->open;
	mock_offer_free(offer);
	return 0;
}

static int mock_dcd_release(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd)
{
	struct cxl_mbox_dc_response *in;
	u32 nr;
	int rc;

	in = mock_dcd_items(cmd, &nr);
	if (!in)
		return mock_refuse(cmd, CXL_MBOX_CMD_RC_PAYLOADLEN);
	if (!nr)
		return mock_refuse(cmd, CXL_MBOX_CMD_RC_INPUT);

	for (u32 i = 0; i < nr; i++)
		if (!mock_extents_cover(&dcd->accepted,
					le64_to_cpu(in->item[i].start_dpa),
					le64_to_cpu(in->item[i].len)))
			return mock_refuse(cmd, CXL_MBOX_CMD_RC_EXTLIST);
	for (u32 i = 0; i < nr; i++) {
		rc = mock_extents_remove(&dcd->accepted,
					 le64_to_cpu(in->item[i].start_dpa),
					 le64_to_cpu(in->item[i].len));
		if (rc)
			return rc;
	}
	dcd->generation++;
	return 0;
}

static int mock_dcd_get_events(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd)
{
	struct cxl_get_event_payload *out = cmd->payload_out;
	struct mock_record *record;
	u16 nr = 0, max;

	max = (cmd->size_out - struct_size(out, records, 0)) /
	      sizeof(out->records[0]);
	memset(out, 0, struct_size(out, records, 0));
	list_for_each_entry(record, &dcd->records, list) {
		if (nr == max) {
			out->flags |= CXL_GET_EVENT_FLAG_MORE_RECORDS;
			break;
		}
		out->records[nr] = record->raw;
		out->records[nr++].event.generic.hdr.handle =
			cpu_to_le16(record->handle);
	}
	if (dcd->lost) {
		out->flags |= CXL_GET_EVENT_FLAG_OVERFLOW;
		out->overflow_err_count = cpu_to_le16(min(dcd->lost, U16_MAX));
		dcd->lost = 0;
	}
	out->record_count = cpu_to_le16(nr);
	cmd->size_out = struct_size(out, records, nr);
	return 0;
}

static int mock_dcd_clear_events(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd)
{
	struct cxl_mbox_clear_event_payload *in = cmd->payload_in;
	struct mock_record *record, *next;
	int i = 0;

	if (cmd->size_in < sizeof(*in) ||
	    cmd->size_in < sizeof(*in) + in->nr_recs * sizeof(__le16))
		return mock_refuse(cmd, CXL_MBOX_CMD_RC_PAYLOADLEN);

	list_for_each_entry(record, &dcd->records, list) {
		if (i == in->nr_recs)
			break;
		if (le16_to_cpu(in->handles[i++]) != record->handle)
			return mock_refuse(cmd, CXL_MBOX_CMD_RC_HANDLE);
	}
	if (i < in->nr_recs)
		return mock_refuse(cmd, CXL_MBOX_CMD_RC_HANDLE);
	list_for_each_entry_safe(record, next, &dcd->records, list) {
		if (!i--)
			break;
		list_del(&record->list);
		kfree(record);
	}
	return 0;
}

static int mock_dcd_do(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd)
{
	switch (cmd->opcode) {
	case CXL_MBOX_OP_GET_DC_CONFIG:
		return mock_dcd_get_config(dcd, cmd);
	case CXL_MBOX_OP_GET_DC_EXTENT_LIST:
		return mock_dcd_get_list(dcd, cmd);
	case CXL_MBOX_OP_ADD_DC_RESPONSE:
		return mock_dcd_answer(dcd, cmd);
	case CXL_MBOX_OP_RELEASE_DC:
		return mock_dcd_release(dcd, cmd);
	case CXL_MBOX_OP_GET_EVENT_RECORD:
		return mock_dcd_get_events(dcd, cmd);
	default:
		return mock_dcd_clear_events(dcd, cmd);
	}
}

static bool mock_dcd_is_mine(struct cxl_mbox_cmd *cmd)
{
	switch (cmd->opcode) {
	case CXL_MBOX_OP_GET_DC_CONFIG ... CXL_MBOX_OP_RELEASE_DC:
		return true;
	case CXL_MBOX_OP_GET_EVENT_RECORD:
	case CXL_MBOX_OP_CLEAR_EVENT_RECORD:
		/* The log is the first byte of either */
		return cmd->size_in && *(u8 *)cmd->payload_in == CXL_EVENT_TYPE_DCD;
	default:
		return false;
	}
}

/**
 * mock_dcd_send - a command for a device
 * @dcd: the device, or NULL when it is not a Dynamic Capacity Device
 * @cmd: the command
 * @rc: what became of it
 *
 * Return: false when it is none that has to do with dynamic capacity.
 */
bool mock_dcd_send(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd, int *rc)
{
	bool unheard = false;

	if (!dcd || !mock_dcd_is_mine(cmd))
		return false;

	guard(mutex)(&dcd->lock);
	cmd->return_code = CXL_MBOX_CMD_RC_SUCCESS;
	*rc = mock_dcd_overridden(dcd, cmd, &unheard) ? 0 : mock_dcd_do(dcd, cmd);
	if (unheard) {
		cmd->return_code = CXL_MBOX_CMD_RC_SUCCESS;
		*rc = -ETIMEDOUT;
	}
	mock_dcd_note(dcd, cmd, *rc);
	return true;
}
EXPORT_SYMBOL_GPL(mock_dcd_send);

/* One entry, for all of the dynamic partition and nothing else */
static void *mock_dcd_cdat_regular(struct mock_dcd *dcd, struct device *dev, size_t *length)
{
	struct {
		struct acpi_table_cdat table;
		struct acpi_cdat_header header;
		struct acpi_cdat_dsmas dsmas;
	} __packed cdat = {
		.table.length = sizeof(cdat),
		.table.revision = 1,
		.header.type = ACPI_CDAT_TYPE_DSMAS,
		.header.length = sizeof(cdat.header) + sizeof(cdat.dsmas),
		.dsmas.dsmad_handle = le32_to_cpu(dcd->region.dsmad_handle),
		.dsmas.flags = dcd->shareable ? ACPI_CDAT_DSMAS_SHAREABLE : 0,
		.dsmas.dpa_base_address = le64_to_cpu(dcd->region.base),
		.dsmas.dpa_length = le64_to_cpu(dcd->region.len),
	};

	*length = sizeof(cdat);
	return devm_kmemdup(dev, &cdat, sizeof(cdat), GFP_KERNEL);
}

/**
 * mock_dcd_cdat - the table that a device describes its memory with
 * @dcd: the device
 * @dev: whose the copy becomes
 * @length: bytes of it, set on return
 *
 * Return: the table, or NULL when there is none.
 */
void *mock_dcd_cdat(struct mock_dcd *dcd, struct device *dev, size_t *length)
{
	guard(mutex)(&dcd->lock);
	if (!dcd->cdat)
		return mock_dcd_cdat_regular(dcd, dev, length);
	*length = dcd->cdat_len;
	return *length ? devm_kmemdup(dev, dcd->cdat, *length, GFP_KERNEL) : NULL;
}
EXPORT_SYMBOL_GPL(mock_dcd_cdat);

/**
 * mock_dcd_payload_size - how much the mailbox of a device takes
 * @dcd: the device, or NULL
 * @size: bytes, when it does not matter
 *
 * Return: bytes.
 */
size_t mock_dcd_payload_size(struct mock_dcd *dcd, size_t size)
{
	return dcd && payload ? payload : size;
}
EXPORT_SYMBOL_GPL(mock_dcd_payload_size);

/* What a record does to the device, as far as one that lies can be understood */
static int mock_dcd_happens(struct mock_dcd *dcd,
			    struct cxl_event_record_raw *raw)
{
	struct cxl_event_dcd *event = &raw->event.dcd;
	u64 start = le64_to_cpu(event->extent.start_dpa);
	u64 len = le64_to_cpu(event->extent.len);
	struct mock_extent *extent;
	struct mock_offer *offer;

	if (!uuid_equal(&raw->id, &CXL_EVENT_DCD_UUID))
		return 0;
	if (event->event_type == CXL_EVENT_DCD_FORCED_RELEASE) {
		if (!mock_extents_cover(&dcd->accepted, start, len))
			return 0;
		dcd->generation++;
		return mock_extents_remove(&dcd->accepted, start, len);
	}
	if (event->event_type != CXL_EVENT_DCD_ADD)
		return 0;
	if (dcd->discard) {
		dcd->discard = event->flags & CXL_EVENT_DCD_MORE;
		return 0;
	}

	offer = list_empty(&dcd->offers) ? NULL :
		list_last_entry(&dcd->offers, struct mock_offer, list);
	if (!offer || !offer->open) {
		offer = kzalloc_obj(*offer);
		if (!offer)
			return -ENOMEM;
		INIT_LIST_HEAD(&offer->extents);
		list_add_tail(&offer->list, &dcd->offers);
	}
	offer->open = event->flags & CXL_EVENT_DCD_MORE;
	extent = mock_extent_add(&offer->extents, start, len);
	extent->tag = event->extent.tag;
	extent->seq = le16_to_cpu(event->extent.shared_seq);
	return 0;
}

int mock_dcd_record(struct mock_dcd *dcd,
		    const struct cxl_event_record_raw *raw)
{
	struct mock_record *record;

	if (dcd->log && list_count_nodes(&dcd->records) >= dcd->log) {
		struct cxl_event_record_raw unseen = *raw;

		dcd->lost++;
		return mock_dcd_happens(dcd, &unseen);
	}
	record = kzalloc_obj(*record);
	if (!record)
		return -ENOMEM;
	record->raw = *raw;
	if (!++dcd->handle)
		dcd->handle = 1;
	record->handle = dcd->handle;
	list_add_tail(&record->list, &dcd->records);
	return mock_dcd_happens(dcd, &record->raw);
}

void mock_dcd_interrupt(struct mock_dcd *dcd, bool reset)
{
	guard(mutex)(&dcd->irq_lock);
	if (dcd->irq && (reset || !dcd->mute))
		dcd->irq(dcd->arg, reset);
}

/**
 * mock_dcd_find - is a memory device a Dynamic Capacity Device
 * @id: the N of cxl_mem.N
 *
 * Return: the device, or NULL when it is none.
 */
struct mock_dcd *mock_dcd_find(int id)
{
	for (int i = 0; i < nr_ids; i++)
		if (ids[i] == id)
			return mock_dcds[i];
	return NULL;
}
EXPORT_SYMBOL_GPL(mock_dcd_find);

/**
 * mock_dcd_attach - from now on somebody hears of records in the event log
 * @dcd: the device
 * @irq: reads the event log, after a reset or not
 * @arg: for @irq
 */
void mock_dcd_attach(struct mock_dcd *dcd, void (*irq)(void *arg, bool reset), void *arg)
{
	guard(mutex)(&dcd->irq_lock);
	dcd->irq = irq;
	dcd->arg = arg;
}
EXPORT_SYMBOL_GPL(mock_dcd_attach);

/**
 * mock_dcd_detach - and now nobody does
 * @dcd: the device
 */
void mock_dcd_detach(struct mock_dcd *dcd)
{
	guard(mutex)(&dcd->irq_lock);
	dcd->irq = NULL;
}
EXPORT_SYMBOL_GPL(mock_dcd_detach);

static struct mock_dcd *mock_dcd_alloc(int id)
{
	struct mock_dcd *dcd = kzalloc_obj(*dcd);

	if (!dcd)
		return NULL;
	mutex_init(&dcd->lock);
	mutex_init(&dcd->irq_lock);
	init_completion(&dcd->now);
	INIT_LIST_HEAD(&dcd->accepted);
	INIT_LIST_HEAD(&dcd->answer);
	INIT_LIST_HEAD(&dcd->offers);
	INIT_LIST_HEAD(&dcd->records);
	INIT_LIST_HEAD(&dcd->overrides);
	INIT_LIST_HEAD(&dcd->commands);
	dcd->partitions = 1;
	dcd->region = (struct cxl_mbox_dc_region) {
		.base = cpu_to_le64(MOCK_DCD_STATIC_SIZE),
		.decode_len = cpu_to_le64(size / CXL_CAPACITY_MULTIPLIER),
		.len = cpu_to_le64(size),
		.block_size = cpu_to_le64(SZ_2M),
	};

	mock_dcd_control(dcd, mock_dcd_root, id);
	return dcd;
}

void mock_dcd_reset(struct mock_dcd *dcd)
{
	struct mock_record *record, *next_record;
	struct mock_offer *offer, *next_offer;

	list_for_each_entry_safe(offer, next_offer, &dcd->offers, list)
		mock_offer_free(offer);
	list_for_each_entry_safe(record, next_record, &dcd->records, list) {
		list_del(&record->list);
		kfree(record);
	}
	mock_extents_free(&dcd->answer);
	dcd->lost = 0;
	dcd->discard = false;
}

static void mock_dcd_free(struct mock_dcd *dcd)
{
	if (!dcd)
		return;
	mock_dcd_reset(dcd);
	mock_dcd_control_free(dcd);
	mock_extents_free(&dcd->accepted);
	kfree(dcd);
}

static void mock_dcd_exit(void)
{
	debugfs_remove_recursive(mock_dcd_root);
	for (int i = 0; i < nr_ids; i++)
		mock_dcd_free(mock_dcds[i]);
}

static int __init mock_dcd_init(void)
{
	mock_dcd_root = debugfs_create_dir("cxl_mock_dcd", NULL);
	for (int i = 0; i < nr_ids; i++) {
		mock_dcds[i] = mock_dcd_alloc(ids[i]);
		if (!mock_dcds[i]) {
			mock_dcd_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

module_init(mock_dcd_init);
module_exit(mock_dcd_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("cxl_test: Dynamic Capacity Devices");
