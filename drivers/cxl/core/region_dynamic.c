// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <cxl.h>
#include <cxldcd.h>
#include "core.h"
#include "dynamic_core.h"

/**
 * DOC: cxl dynamic regions
 *
 * What differs in a sysram_region whose capacity comes and goes: it registers itself
 * with the core of those (sysram_region.c), and brings the files with which a user
 * gives capacity back.
 */

static ssize_t release_extent_store(struct device *dev,
				    struct device_attribute *attr,
				    const char *buf, size_t len)
{
	unsigned int id;
	int rc;

	if (strlen(buf) != len)
		return -EINVAL;
	rc = kstrtouint(buf, 0, &id);
	if (rc)
		return rc;
	if (id > INT_MAX)
		return -ENOENT;
	rc = cxl_sysram_release_extent(to_cxl_sysram_region(dev), id);
	return rc ?: len;
}
static DEVICE_ATTR_WO(release_extent);

static ssize_t release_tag_store(struct device *dev,
				 struct device_attribute *attr,
				 const char *buf, size_t len)
{
	size_t n = strcspn(buf, "\n");
	uuid_t tag;
	int rc;

	if (strlen(buf) != len || n + 1 < len)
		return -EINVAL;
	if (n != UUID_STRING_LEN || uuid_parse(buf, &tag))
		return -EINVAL;
	rc = cxl_sysram_release_tag(to_cxl_sysram_region(dev), &tag);
	return rc ?: len;
}
static DEVICE_ATTR_WO(release_tag);

static struct attribute *cxl_dynamic_attrs[] = {
	&dev_attr_release_extent.attr,
	&dev_attr_release_tag.attr,
	NULL,
};
ATTRIBUTE_GROUPS(cxl_dynamic);

static const struct cxl_sysram_dynamic_ops cxl_dynamic_ops;

/* Until the next attempt to take out what is gone, or to give back what is busy */
#define CXL_DYNAMIC_RETRY_MIN	HZ
#define CXL_DYNAMIC_RETRY_MAX	(60 * HZ)

static void cxl_dynamic_arrive_work(struct work_struct *work)
{
	struct cxl_sysram_region *cxlr_sysram =
		container_of(work, struct cxl_dynamic, arrive_work)->cxlr_sysram;

	cxl_sysram_groups_surface(cxlr_sysram);
	while (cxl_sysram_extents_apply_policy(cxlr_sysram))
		cond_resched();
}

/* Until what somebody else is about to change is tried again */
#define CXL_DYNAMIC_LOSE_PAUSE	(HZ / 20)

/* At once, beside an operation that may run and is told to end */
static void cxl_dynamic_lose_work(struct work_struct *work)
{
	struct cxl_sysram_region *cxlr_sysram =
		container_of(to_delayed_work(work), struct cxl_dynamic, lose_work)->cxlr_sysram;
	int rc = cxl_sysram_isolate_gone(cxlr_sysram);

	/* Before what may have to wait for whoever has a dax device, too */
	cxl_sysram_groups_isolate(cxlr_sysram);
	rc = cxl_sysram_groups_lose(cxlr_sysram) ?: rc;
	rc = cxl_sysram_groups_isolate(cxlr_sysram) ?: rc;
	if (rc)
		queue_delayed_work(system_dfl_wq, &cxl_dynamic(cxlr_sysram)->lose_work,
				   CXL_DYNAMIC_LOSE_PAUSE);
}

static void cxl_dynamic_release_work(struct work_struct *work)
{
	struct cxl_dynamic *dynamic =
		container_of(to_delayed_work(work), struct cxl_dynamic, release_work);
	bool news, all, done;

	/* What was busy has its time, whatever else comes meanwhile */
	scoped_guard(mutex, &dynamic->extents_lock) {
		news = dynamic->requests != dynamic->tried;
		all = dynamic->retry && time_after_eq(jiffies, dynamic->again);
	}
	done = cxl_sysram_releases_settle(dynamic->cxlr_sysram, all);
	done &= cxl_sysram_groups_settle(dynamic->cxlr_sysram);

	guard(mutex)(&dynamic->extents_lock);
	if (dynamic->closed)
		return;
	if (done) {
		dynamic->retry = 0;
		return;
	}
	if (all || !dynamic->retry) {
		dynamic->retry = clamp(2 * dynamic->retry, CXL_DYNAMIC_RETRY_MIN,
				       CXL_DYNAMIC_RETRY_MAX);
		dynamic->again = jiffies + dynamic->retry;
	}
	/* What is new, and busy, need not wait as long as what is old, which never waits longer */
	if (news) {
		dynamic->retry = CXL_DYNAMIC_RETRY_MIN;
		if (time_after(dynamic->again, jiffies + CXL_DYNAMIC_RETRY_MIN))
			dynamic->again = jiffies + CXL_DYNAMIC_RETRY_MIN;
	}
	/* Does nothing if more has come meanwhile */
	queue_delayed_work(system_dfl_wq, &dynamic->release_work,
			   time_after(dynamic->again, jiffies) ?
			   dynamic->again - jiffies : 0);
}

static int cxl_dynamic_create(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = kzalloc_obj(*dynamic);

	if (!dynamic)
		return -ENOMEM;

	dynamic->base.ops = &cxl_dynamic_ops;
	dynamic->cxlr_sysram = cxlr_sysram;
	mutex_init(&dynamic->extents_lock);
	dynamic->extents = RB_ROOT;
	ida_init(&dynamic->extent_ids);
	INIT_LIST_HEAD(&dynamic->groups);
	INIT_LIST_HEAD(&dynamic->prepared);
	cxl_sysram_due_init(dynamic);
	INIT_WORK(&dynamic->arrive_work, cxl_dynamic_arrive_work);
	INIT_DELAYED_WORK(&dynamic->lose_work, cxl_dynamic_lose_work);
	INIT_DELAYED_WORK(&dynamic->release_work, cxl_dynamic_release_work);
	cxlr_sysram->dynamic = &dynamic->base;
	return 0;
}

static void cxl_dynamic_free(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);

	ida_destroy(&dynamic->extent_ids);
	mutex_destroy(&dynamic->extents_lock);
	kfree(dynamic);
}

/* Nothing may come any more, and what is here stays accepted */
static void cxl_dynamic_close(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);

	scoped_guard(mutex, &dynamic->extents_lock)
		dynamic->closed = true;
	/* Whoever comes too late finds them disabled */
	disable_work_sync(&dynamic->arrive_work);
	disable_delayed_work_sync(&dynamic->lose_work);
	disable_delayed_work_sync(&dynamic->release_work);
	cxl_dynamic_leave(cxlr_sysram);
	cxl_sysram_groups_close(cxlr_sysram);
	cxl_sysram_extents_remove(cxlr_sysram);
	scoped_guard(mutex, &dynamic->extents_lock)
		cxl_sysram_due_destroy(dynamic);
}

static void cxl_dynamic_go_on(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);

	queue_work(system_dfl_wq, &dynamic->arrive_work);
	/* What the device has said meanwhile */
	mod_delayed_work(system_dfl_wq, &dynamic->lose_work, 0);
	mod_delayed_work(system_dfl_wq, &dynamic->release_work, 0);
	/* The device stays until this is closed */
	guard(mutex)(&dynamic->extents_lock);
	if (!dynamic->closed && dynamic->consumer.dcd)
		cxl_dcd_queue_list(dynamic->consumer.dcd, 0, false);
}

/*
 * Whole memory blocks: a fragment cannot be plugged. What has a tag is not waiting to be
 * plugged either.
 */
static u64 cxl_dynamic_state_size(struct cxl_sysram_region *cxlr_sysram)
{
	return cxl_sysram_extents_whole(cxlr_sysram) +
	       cxl_sysram_groups_plugged_size(cxlr_sysram);
}

/* What is gone must not be migrated */
static int cxl_dynamic_check_unplug(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa, bool others)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct range cover = cxl_range_cover(hpa, memory_block_size_bytes());

	scoped_guard(mutex, &dynamic->extents_lock)
		if (cxl_sysram_gone_overlaps(dynamic, &cover))
			return -EBUSY;
	return others && cxl_sysram_groups_plugged(cxlr_sysram) ? -EBUSY : 0;
}

static int cxl_dynamic_check_dax(struct cxl_sysram_region *cxlr_sysram)
{
	return cxl_sysram_groups_lost(cxlr_sysram) ? -EBUSY : 0;
}

static const struct cxl_sysram_dynamic_ops cxl_dynamic_ops = {
	.create = cxl_dynamic_create,
	.attach = devm_cxl_dynamic_attach,
	.close = cxl_dynamic_close,
	.free = cxl_dynamic_free,
	.go_on = cxl_dynamic_go_on,
	.units = cxl_sysram_extents_units,
	.fill = cxl_sysram_extents_fill,
	.state_size = cxl_dynamic_state_size,
	.check_unplug = cxl_dynamic_check_unplug,
	.check_dax = cxl_dynamic_check_dax,
	.unmap_gone = cxl_sysram_groups_unmap_gone,
	.announce = cxl_sysram_extents_announce,
	.groups = cxl_dynamic_groups,
};

void cxl_dynamic_init(void)
{
	cxl_sysram_register_dynamic(&cxl_dynamic_ops);
}
