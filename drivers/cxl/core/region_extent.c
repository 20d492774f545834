// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/idr.h>
#include <linux/math64.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <cxl.h>
#include "core.h"
#include "extent.h"
#include "dynamic_core.h"

/**
 * DOC: cxl region extents
 *
 * "extentN.X" below a sysram_region shows an extent of its capacity to userspace. It is
 * a view: an extent that cannot be shown, since memory is short, is held nevertheless
 * (region_held.c).
 */

static const struct device_type cxl_sysram_extent_type;

static struct cxl_sysram_extent *to_cxl_sysram_extent(struct device *dev)
{
	return container_of(dev, struct cxl_sysram_extent, dev);
}

static struct cxl_sysram_region *extent_to_sysram(struct cxl_sysram_extent *extent)
{
	return to_cxl_sysram_region(extent->dev.parent);
}

static void cxl_sysram_extent_release(struct device *dev)
{
	struct cxl_sysram_extent *extent = to_cxl_sysram_extent(dev);

	ida_free(&cxl_dynamic(extent_to_sysram(extent))->extent_ids, extent->id);
	cxl_sysram_group_put(extent->group);
	put_device(dev->parent);
	kfree(extent);
}

static ssize_t offset_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct cxl_sysram_extent *extent = to_cxl_sysram_extent(dev);

	return sysfs_emit(buf, "%#llx\n", extent->node.range.start -
			  extent_to_sysram(extent)->hpa_range.start);
}
static DEVICE_ATTR_RO(offset);

static ssize_t length_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%#llx\n",
			  range_len(&to_cxl_sysram_extent(dev)->node.range));
}
static DEVICE_ATTR_RO(length);

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct cxl_sysram_group *group = to_cxl_sysram_extent(dev)->group;

	return sysfs_emit(buf, "%pUb\n", group ? &group->tag : &uuid_null);
}
static DEVICE_ATTR_RO(uuid);

/**
 * cxl_sysram_extent_state - what has become of an extent
 * @extent: the extent
 *
 * A memory block that is shared with a neighbour counts for both. What does not fill
 * one is unplugged.
 *
 * Return: the state of its memory at this moment.
 */
enum cxl_sysram_state cxl_sysram_extent_state(struct cxl_sysram_extent *extent)
{
	const u64 block = memory_block_size_bytes();
	struct range whole = memory_block_aligned_range(&extent->node.range);
	struct range cover = cxl_range_cover(&extent->node.range, block);
	struct cxl_sysram_census census;
	u64 blocks = 0;

	if (whole.start < whole.end)
		blocks = div64_u64(range_len(&whole), block);
	cxl_sysram_blocks_census(&cover, max(blocks, 1), &census);
	return cxl_sysram_census_state(&census);
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct cxl_sysram_extent *extent = to_cxl_sysram_extent(dev);

	if (READ_ONCE(extent->releasing))
		return sysfs_emit(buf, "releasing\n");
	return sysfs_emit(buf, "%s\n",
			  cxl_sysram_state_to_str(cxl_sysram_extent_state(extent)));
}
static DEVICE_ATTR_RO(state);

static struct attribute *cxl_sysram_extent_attrs[] = {
	&dev_attr_offset.attr,
	&dev_attr_length.attr,
	&dev_attr_uuid.attr,
	&dev_attr_state.attr,
	NULL,
};

static const struct attribute_group cxl_sysram_extent_group = {
	.attrs = cxl_sysram_extent_attrs,
};

static const struct attribute_group *cxl_sysram_extent_groups[] = {
	&cxl_base_attribute_group,
	&cxl_sysram_extent_group,
	NULL,
};

static const struct device_type cxl_sysram_extent_type = {
	.name = "cxl_extent",
	.release = cxl_sysram_extent_release,
	.groups = cxl_sysram_extent_groups,
};

static struct lock_class_key cxl_sysram_extent_key;

/**
 * cxl_sysram_extent_alloc - make an extent that is not there yet
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses
 * @group: the allocation that it belongs to, or NULL
 *
 * Return: the extent, for cxl_sysram_extent_show() or put_device(); NULL without
 * memory.
 */
struct cxl_sysram_extent *
cxl_sysram_extent_alloc(struct cxl_sysram_region *cxlr_sysram,
			const struct range *hpa, struct cxl_sysram_group *group)
{
	struct cxl_sysram_extent *extent = kzalloc_obj(*extent);
	struct device *dev;

	if (!extent)
		return NULL;

	extent->id = ida_alloc(&cxl_dynamic(cxlr_sysram)->extent_ids, GFP_KERNEL);
	if (extent->id < 0) {
		kfree(extent);
		return NULL;
	}
	extent->node.range = *hpa;
	extent->group = cxl_sysram_group_get(group);
	INIT_LIST_HEAD(&extent->list);

	dev = &extent->dev;
	device_initialize(dev);
	lockdep_set_class(&dev->mutex, &cxl_sysram_extent_key);
	device_set_pm_not_required(dev);
	dev->parent = get_device(&cxlr_sysram->dev);
	dev->bus = &cxl_bus_type;
	dev->type = &cxl_sysram_extent_type;
	if (dev_set_name(dev, "extent%d.%d", cxlr_sysram->cxlr->id, extent->id)) {
		put_device(dev);
		return NULL;
	}
	return extent;
}

/**
 * cxl_sysram_extents_put - extents do not come after all
 * @extents: what cxl_sysram_extent_alloc() has made
 */
void cxl_sysram_extents_put(struct list_head *extents)
{
	struct cxl_sysram_extent *extent, *next;

	list_for_each_entry_safe(extent, next, extents, list) {
		list_del_init(&extent->list);
		put_device(&extent->dev);
	}
}

/**
 * cxl_sysram_extents_unregister - userspace does not see extents any more
 * @taken: extents that are not in the region any more
 */
void cxl_sysram_extents_unregister(struct list_head *taken)
{
	struct cxl_sysram_extent *extent, *next;

	list_for_each_entry_safe(extent, next, taken, list) {
		list_del_init(&extent->list);
		if (extent->shown)
			device_del(&extent->dev);
		put_device(&extent->dev);
	}
}
