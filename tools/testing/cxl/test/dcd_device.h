/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __CXL_MOCK_DCD_DEVICE_H__
#define __CXL_MOCK_DCD_DEVICE_H__

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/uuid.h>
#include <cxldcd.h>

struct cxl_event_record_raw;
struct cxl_mbox_cmd;
struct dentry;

struct mock_extent {
	struct list_head list;
	u64 start;
	u64 len;
	uuid_t tag;
	u16 seq;
};

struct mock_offer {
	struct list_head list;
	struct list_head extents;
	bool open;
};

struct mock_record {
	struct list_head list;
	u16 handle;
	struct cxl_event_record_raw raw;
};

/**
 * struct mock_dcd - one device
 * @lock: protects everything but @irq, @arg, @late and @now
 * @irq_lock: protects @irq and @arg
 * @region: what 4800h says
 * @partitions: how many it says there are
 * @shareable: its CDAT says that other hosts can have the same capacity
 * @cdat: CDAT as somebody has written it, NULL: a regular one
 * @cdat_len: bytes of it, 0: there is none
 * @accepted: extents, ordered by address
 * @answer: extents of an answer that goes on in another command
 * @offers: not answered, oldest first
 * @records: in the event log, oldest first
 * @overrides: of commands
 * @commands: that have come
 * @nr_commands: how many
 * @generation: of @accepted
 * @handle: of the last record
 * @log: records that the event log has room for, 0 for any number
 * @lost: records that it has lost
 * @discard: the offer that goes on has been answered before its end
 * @eager: what an answer accepts is accepted command by command
 * @late: a command is, as an override says
 * @now: and is not any longer
 * @mute: the host does not hear of what comes into the log
 * @irq: tells the host about the log, or a reset
 * @arg: for @irq
 */
struct mock_dcd {
	struct mutex lock;	/* everything else */
	struct mutex irq_lock;	/* irq, arg */
	struct cxl_mbox_dc_region region;
	u8 partitions;
	bool shareable;
	u8 *cdat;
	size_t cdat_len;
	struct list_head accepted;
	struct list_head answer;
	struct list_head offers;
	struct list_head records;
	struct list_head overrides;
	struct list_head commands;
	unsigned int nr_commands;
	u32 generation;
	u16 handle;
	u32 log;
	unsigned int lost;
	bool discard;
	bool eager;
	bool late;
	struct completion now;
	bool mute;
	void (*irq)(void *arg, bool reset);
	void *arg;
};

/* dcd.c: the device; with @lock held, but for the last */
int mock_extents_remove(struct list_head *extents, u64 start, u64 len);
struct cxl_mbox_dc_response *mock_dcd_items(struct cxl_mbox_cmd *cmd, u32 *nr);
int mock_dcd_record(struct mock_dcd *dcd, const struct cxl_event_record_raw *raw);
void mock_dcd_reset(struct mock_dcd *dcd);
void mock_dcd_interrupt(struct mock_dcd *dcd, bool reset);

/* dcd_control.c: what people do to it; the first two with @lock held */
bool mock_dcd_overridden(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd, bool *unheard);
void mock_dcd_note(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd, int rc);
void mock_dcd_control(struct mock_dcd *dcd, struct dentry *root, int id);
void mock_dcd_control_free(struct mock_dcd *dcd);

#endif /* __CXL_MOCK_DCD_DEVICE_H__ */
