// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/hex.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <cxl/event.h>
#include <cxl/mailbox.h>
#include <cxlmem.h>
#include <cxldcd.h>
#include "dcd_device.h"

/*
 * What people do to a device, and what they see of it: dcd.c has the list.
 * The device asks what it is told to answer, and notes what it was told.
 */

#define MOCK_DCD_COMMANDS	4096

struct mock_command {
	struct list_head list;
	char text[];
};

struct mock_override {
	struct list_head list;
	u16 opcode;
	unsigned int skip;
	unsigned int times;
	unsigned int delay;
	bool regular;
	bool unheard;
	u16 return_code;
	size_t len;
	u8 payload[];
};

static struct mock_override *mock_dcd_override(struct mock_dcd *dcd, u16 opcode)
{
	struct mock_override *override;

	list_for_each_entry(override, &dcd->overrides, list)
		if (override->opcode == opcode)
			return override;
	return NULL;
}

static void mock_override_free(struct mock_override *override)
{
	if (!override)
		return;
	list_del(&override->list);
	kfree(override);
}

bool mock_dcd_overridden(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd, bool *unheard)
{
	struct mock_override *override = mock_dcd_override(dcd, cmd->opcode);
	bool regular;

	if (!override)
		return false;
	if (override->skip) {
		override->skip--;
		return false;
	}
	if (override->delay) {
		WRITE_ONCE(dcd->late, true);
		wait_for_completion_timeout(&dcd->now,
					    msecs_to_jiffies(override->delay));
		WRITE_ONCE(dcd->late, false);
	}
	regular = override->regular;
	*unheard = override->unheard;
	if (!regular) {
		cmd->return_code = override->return_code;
		cmd->size_out = min(cmd->size_out, override->len);
		if (cmd->size_out)
			memcpy(cmd->payload_out, override->payload,
			       cmd->size_out);
	}
	if (!--override->times)
		mock_override_free(override);
	return !regular;
}

static void mock_dcd_note_items(struct seq_buf *text, struct cxl_mbox_cmd *cmd)
{
	struct cxl_mbox_dc_response *in;
	u32 nr;

	in = mock_dcd_items(cmd, &nr);
	if (!in)
		return;
	for (u32 i = 0; i < nr; i++)
		seq_buf_printf(text, " %#llx+%#llx",
			       le64_to_cpu(in->item[i].start_dpa),
			       le64_to_cpu(in->item[i].len));
	if (in->flags & CXL_DC_RESPONSE_MORE)
		seq_buf_puts(text, " more");
}

void mock_dcd_note(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd, int rc)
{
	bool items = cmd->opcode == CXL_MBOX_OP_ADD_DC_RESPONSE ||
		     cmd->opcode == CXL_MBOX_OP_RELEASE_DC;
	struct mock_command *command;
	struct seq_buf text;
	/* An item has 24 bytes, and becomes no more than 38 characters */
	size_t size = 64 + (items ? 2 * cmd->size_in : 0);

	if (cmd->opcode == CXL_MBOX_OP_GET_EVENT_RECORD ||
	    cmd->opcode == CXL_MBOX_OP_CLEAR_EVENT_RECORD ||
	    dcd->nr_commands == MOCK_DCD_COMMANDS)
		return;
	command = kvzalloc_flex(*command, text, size);
	if (!command)
		return;

	seq_buf_init(&text, command->text, size);
	seq_buf_printf(&text, "%04x %d %x", cmd->opcode, rc,
		       rc ? 0 : cmd->return_code);
	if (items)
		mock_dcd_note_items(&text, cmd);
	list_add_tail(&command->list, &dcd->commands);
	dcd->nr_commands++;
}

/* A file that can be written only, by NAME_write() */
#define MOCK_WRITE_FOPS(name)					\
	static const struct file_operations name##_fops = {	\
		.owner = THIS_MODULE,				\
		.open = simple_open,				\
		.write = name##_write,				\
	}

static ssize_t records_write(struct file *file, const char __user *buf,
			     size_t len, loff_t *pos)
{
	struct mock_dcd *dcd = file->private_data;
	struct cxl_event_record_raw *raw;
	size_t nr = len / sizeof(*raw);
	int rc;

	if (!nr || len % sizeof(*raw) || len > SZ_1M)
		return -EINVAL;
	void *data __free(kvfree) = vmemdup_user(buf, len);
	if (IS_ERR(data))
		return PTR_ERR(data);
	raw = data;

	scoped_guard(mutex, &dcd->lock)
		for (size_t i = 0; i < nr; i++) {
			rc = mock_dcd_record(dcd, &raw[i]);
			if (rc)
				return rc;
		}
	mock_dcd_interrupt(dcd, false);
	return len;
}

MOCK_WRITE_FOPS(records);

static ssize_t reset_write(struct file *file, const char __user *buf,
			   size_t len, loff_t *pos)
{
	struct mock_dcd *dcd = file->private_data;

	scoped_guard(mutex, &dcd->lock)
		mock_dcd_reset(dcd);
	mock_dcd_interrupt(dcd, true);
	return len;
}

MOCK_WRITE_FOPS(reset);

static ssize_t overflow_write(struct file *file, const char __user *buf,
			      size_t len, loff_t *pos)
{
	struct mock_dcd *dcd = file->private_data;
	struct mock_offer *offer;

	/* Among what is lost is the end of an offer that goes on */
	scoped_guard(mutex, &dcd->lock) {
		dcd->lost++;
		dcd->discard = false;
		list_for_each_entry(offer, &dcd->offers, list)
			offer->open = false;
	}
	return len;
}

MOCK_WRITE_FOPS(overflow);

/* What somebody has written, as text; to be freed with kfree() */
static char *mock_text(const char __user *buf, size_t len)
{
	return len > SZ_16K ? ERR_PTR(-EINVAL) : memdup_user_nul(buf, len);
}

static ssize_t override_write(struct file *file, const char __user *buf,
			      size_t len, loff_t *pos)
{
	struct mock_dcd *dcd = file->private_data;
	unsigned int opcode, skip = 0, times, delay, code = 0;
	struct mock_override *override;
	size_t payload_len;
	char word[8];
	int n = 0;

	char *text __free(kfree) = mock_text(buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (sscanf(text, "%x+%u %u %u %7s %n", &opcode, &skip, &times, &delay, word, &n) < 5 &&
	    sscanf(text, "%x %u %u %7s %n", &opcode, &times, &delay, word, &n) < 4)
		return -EINVAL;
	if (!strpbrk(word, "-?!") && kstrtouint(word, 16, &code))
		return -EINVAL;

	payload_len = n ? strlen(strim(text + n)) / 2 : 0;
	override = kzalloc_flex(*override, payload, payload_len);
	if (!override)
		return -ENOMEM;
	override->opcode = opcode;
	override->skip = skip;
	override->times = times;
	override->delay = delay;
	override->regular = strpbrk(word, "-?");
	override->unheard = strpbrk(word, "?!");
	override->return_code = code;
	override->len = payload_len;
	if (payload_len && hex2bin(override->payload, text + n, payload_len)) {
		kfree(override);
		return -EINVAL;
	}

	guard(mutex)(&dcd->lock);
	mock_override_free(mock_dcd_override(dcd, opcode));
	reinit_completion(&dcd->now);
	list_add(&override->list, &dcd->overrides);
	if (!times)
		mock_override_free(override);
	return len;
}

MOCK_WRITE_FOPS(override);

/* Without the lock, which the command that is late has */
static int late_show(struct seq_file *m, void *v)
{
	struct mock_dcd *dcd = m->private;

	seq_printf(m, "%d\n", READ_ONCE(dcd->late));
	return 0;
}

static ssize_t late_write(struct file *file, const char __user *buf,
			  size_t len, loff_t *pos)
{
	struct mock_dcd *dcd = ((struct seq_file *)file->private_data)->private;

	complete(&dcd->now);
	return len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(late);

static ssize_t config_write(struct file *file, const char __user *buf,
			    size_t len, loff_t *pos)
{
	struct mock_dcd *dcd = file->private_data;
	u64 base, decode_len, region_len, block;
	unsigned int partitions, shareable = 0;

	char *text __free(kfree) = mock_text(buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (sscanf(text, "%llx %llx %llx %llx %x %x", &base, &decode_len,
		   &region_len, &block, &partitions, &shareable) < 5)
		return -EINVAL;

	guard(mutex)(&dcd->lock);
	dcd->region.base = cpu_to_le64(base);
	dcd->region.decode_len = cpu_to_le64(decode_len);
	dcd->region.len = cpu_to_le64(region_len);
	dcd->region.block_size = cpu_to_le64(block);
	dcd->partitions = partitions;
	dcd->shareable = shareable;
	return len;
}

MOCK_WRITE_FOPS(config);

static ssize_t cdat_write(struct file *file, const char __user *buf,
			  size_t len, loff_t *pos)
{
	struct mock_dcd *dcd = file->private_data;
	size_t cdat_len;
	char *hex;

	char *text __free(kfree) = mock_text(buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	hex = strim(text);
	cdat_len = strlen(hex) / 2;
	u8 *cdat __free(kfree) = kmalloc(cdat_len, GFP_KERNEL);
	if (!cdat)
		return -ENOMEM;
	if (hex2bin(cdat, hex, cdat_len))
		return -EINVAL;

	guard(mutex)(&dcd->lock);
	swap(dcd->cdat, cdat);
	dcd->cdat_len = cdat_len;
	return len;
}

MOCK_WRITE_FOPS(cdat);

static int extents_show(struct seq_file *m, void *v)
{
	struct mock_dcd *dcd = m->private;
	struct mock_extent *extent;

	guard(mutex)(&dcd->lock);
	list_for_each_entry(extent, &dcd->accepted, list)
		seq_printf(m, "%#llx %#llx %pUb %u\n", extent->start,
			   extent->len, &extent->tag, extent->seq);
	return 0;
}

static ssize_t extents_write(struct file *file, const char __user *buf,
			     size_t len, loff_t *pos)
{
	struct mock_dcd *dcd = ((struct seq_file *)file->private_data)->private;
	u64 start, bytes;
	int rc;

	char *text __free(kfree) = mock_text(buf, len);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (sscanf(text, "%llx %llx", &start, &bytes) != 2)
		return -EINVAL;

	guard(mutex)(&dcd->lock);
	dcd->generation++;
	rc = mock_extents_remove(&dcd->accepted, start, bytes);
	return rc ?: len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(extents);

static int pending_show(struct seq_file *m, void *v)
{
	struct mock_dcd *dcd = m->private;
	struct mock_offer *offer;

	guard(mutex)(&dcd->lock);
	list_for_each_entry(offer, &dcd->offers, list)
		seq_printf(m, "%zu\n", list_count_nodes(&offer->extents));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pending);

static void mock_dcd_forget(struct mock_dcd *dcd)
{
	struct mock_command *command, *next;

	list_for_each_entry_safe(command, next, &dcd->commands, list) {
		list_del(&command->list);
		kvfree(command);
	}
	dcd->nr_commands = 0;
}

static ssize_t commands_write(struct file *file, const char __user *buf,
			      size_t len, loff_t *pos)
{
	struct mock_dcd *dcd = ((struct seq_file *)file->private_data)->private;

	guard(mutex)(&dcd->lock);
	mock_dcd_forget(dcd);
	return len;
}

static int commands_show(struct seq_file *m, void *v)
{
	struct mock_dcd *dcd = m->private;
	struct mock_command *command;

	guard(mutex)(&dcd->lock);
	list_for_each_entry(command, &dcd->commands, list)
		seq_printf(m, "%s\n", command->text);
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(commands);

void mock_dcd_control(struct mock_dcd *dcd, struct dentry *root, int id)
{
	struct dentry *dir;
	char name[16];

	snprintf(name, sizeof(name), "cxl_mem.%d", id);
	dir = debugfs_create_dir(name, root);
	debugfs_create_file("records", 0200, dir, dcd, &records_fops);
	debugfs_create_file("reset", 0200, dir, dcd, &reset_fops);
	debugfs_create_bool("mute", 0600, dir, &dcd->mute);
	debugfs_create_file("overflow", 0200, dir, dcd, &overflow_fops);
	debugfs_create_file("override", 0200, dir, dcd, &override_fops);
	debugfs_create_u32("log", 0600, dir, &dcd->log);
	debugfs_create_bool("eager", 0600, dir, &dcd->eager);
	debugfs_create_file("late", 0600, dir, dcd, &late_fops);
	debugfs_create_file("config", 0200, dir, dcd, &config_fops);
	debugfs_create_file("cdat", 0200, dir, dcd, &cdat_fops);
	debugfs_create_file("extents", 0600, dir, dcd, &extents_fops);
	debugfs_create_file("pending", 0400, dir, dcd, &pending_fops);
	debugfs_create_file("commands", 0600, dir, dcd, &commands_fops);
}

void mock_dcd_control_free(struct mock_dcd *dcd)
{
	struct mock_override *override, *next;

	list_for_each_entry_safe(override, next, &dcd->overrides, list)
		mock_override_free(override);
	mock_dcd_forget(dcd);
	kfree(dcd->cdat);
}
