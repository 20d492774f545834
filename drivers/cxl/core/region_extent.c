// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/idr.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <cxl.h>
#include <dcd.h>
#include "core.h"
#include "extent.h"
#include "region_extent.h"

/**
 * DOC: cxl region extents
 *
 * The capacity of a dynamic region consists of extents, "extentN.X" below its
 * sysram_region. An extent is there from the moment the device has been told
 * that it is accepted until the device has been told that it is given back; it
 * is the unit in which memory is plugged.
 *
 * How extents come: region_arrive.c; how they go: region_release.c.
 *
 * @extents_lock protects the extents of a region. It is never held while memory
 * is plugged or unplugged, or while the device is spoken to.
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
	return sysfs_emit(buf, "%pUb\n", cxl_sysram_group_tag(to_cxl_sysram_extent(dev)->group));
}
static DEVICE_ATTR_RO(uuid);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct cxl_sysram_extent *extent = to_cxl_sysram_extent(dev);
	struct cxl_sysram_census census;

	if (READ_ONCE(extent->releasing))
		return sysfs_emit(buf, "releasing\n");

	cxl_sysram_range_census(&extent->node.range, &census);
	return sysfs_emit(buf, "%s\n",
			  cxl_sysram_state_to_str(cxl_sysram_census_state(&census)));
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

static void cxl_sysram_extents_put(struct list_head *extents)
{
	struct cxl_sysram_extent *extent, *next;

	list_for_each_entry_safe(extent, next, extents, list) {
		list_del_init(&extent->list);
		put_device(&extent->dev);
	}
}

/* In the tree and in the size of the region; the device comes or goes after */
static bool cxl_sysram_extent_insert(struct cxl_sysram_region *cxlr_sysram,
				     struct cxl_sysram_extent *extent)
{
	lockdep_assert_held(&cxl_dynamic(cxlr_sysram)->extents_lock);

	if (!cxl_extent_insert(&cxl_dynamic(cxlr_sysram)->extents, &extent->node))
		return false;
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->capacity += range_len(&extent->node.range);
	return true;
}

static void cxl_sysram_extent_erase(struct cxl_sysram_region *cxlr_sysram,
				    struct cxl_sysram_extent *extent)
{
	lockdep_assert_held(&cxl_dynamic(cxlr_sysram)->extents_lock);

	rb_erase(&extent->node.rb, &cxl_dynamic(cxlr_sysram)->extents);
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->capacity -= range_len(&extent->node.range);
}

/**
 * cxl_sysram_extent_show - an extent is there
 * @cxlr_sysram: a dynamic region
 * @extent: what cxl_sysram_extent_alloc() has made
 *
 * Without memory it is not, and the log says what to do.
 *
 * Context: With extents_lock held.
 */
void cxl_sysram_extent_show(struct cxl_sysram_region *cxlr_sysram,
			    struct cxl_sysram_extent *extent)
{
	int rc = -EEXIST;

	if (cxl_sysram_extent_insert(cxlr_sysram, extent)) {
		rc = device_add(&extent->dev);
		if (!rc) {
			if (extent->group)
				cxl_sysram_group_shown(cxlr_sysram, extent->group);
			return;
		}
		cxl_sysram_extent_erase(cxlr_sysram, extent);
	}
	dev_err_ratelimited(&cxlr_sysram->dev,
			    "cannot show an extent (%pe), bind the region again\n",
			    ERR_PTR(rc));
	put_device(&extent->dev);
}

/**
 * cxl_sysram_extent_find - the first extent of a range
 * @cxlr_sysram: a dynamic region
 * @hpa: the range
 *
 * Context: With extents_lock held.
 * Return: the extent with the lowest address that has a part in it, or NULL.
 */
struct cxl_sysram_extent *
cxl_sysram_extent_find(struct cxl_sysram_region *cxlr_sysram,
		       const struct range *hpa)
{
	struct cxl_extent_node *node;

	lockdep_assert_held(&cxl_dynamic(cxlr_sysram)->extents_lock);
	node = cxl_extent_first(&cxl_dynamic(cxlr_sysram)->extents, hpa);
	return node ? container_of(node, struct cxl_sysram_extent, node) : NULL;
}

/**
 * cxl_sysram_extent_next - the extents of a range, one after the other
 * @cxlr_sysram: a dynamic region
 * @extent: the one before, or NULL to begin with
 * @hpa: the range
 *
 * Context: With extents_lock held.
 * Return: the one behind @extent that has a part in it, or NULL.
 */
struct cxl_sysram_extent *
cxl_sysram_extent_next(struct cxl_sysram_region *cxlr_sysram,
		       struct cxl_sysram_extent *extent,
		       const struct range *hpa)
{
	struct cxl_extent_node *node;

	if (!extent)
		return cxl_sysram_extent_find(cxlr_sysram, hpa);
	node = cxl_extent_next(&extent->node, hpa);
	return node ? container_of(node, struct cxl_sysram_extent, node) : NULL;
}

/**
 * cxl_sysram_extents_count - how many extents a range has
 * @cxlr_sysram: a dynamic region
 * @hpa: the range
 *
 * Context: With extents_lock held.
 * Return: the number of those that have a part in it.
 */
int cxl_sysram_extents_count(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa)
{
	struct cxl_sysram_extent *extent = NULL;
	int nr = 0;

	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa)))
		nr++;
	return nr;
}

/**
 * cxl_sysram_extents_overlap - does a region have any of a range
 * @cxlr_sysram: a dynamic region
 * @hpa: the range
 *
 * Return: true if it does.
 */
bool cxl_sysram_extents_overlap(struct cxl_sysram_region *cxlr_sysram,
				const struct range *hpa)
{
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	return cxl_sysram_extent_find(cxlr_sysram, hpa);
}

/**
 * cxl_sysram_extents_known - is a record of the device's list no news
 * @cxlr_sysram: a dynamic region
 * @hpa: where it is
 * @tag: its tag
 *
 * What is tagged is news when the same addresses have another tag, or none: then
 * the rest of its allocation must not look complete.
 *
 * Return: true if the region has any of it, by that tag.
 */
bool cxl_sysram_extents_known(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *hpa, const uuid_t *tag)
{
	struct cxl_sysram_extent *extent;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	extent = cxl_sysram_extent_find(cxlr_sysram, hpa);
	return extent && (uuid_is_null(tag) ||
			  uuid_equal(tag, cxl_sysram_group_tag(extent->group)));
}

/**
 * cxl_sysram_extents_units - the units in which memory is plugged here
 * @cxlr_sysram: a dynamic region
 * @hpa: the part of the region that matters
 * @releasing: also extents that are to be given back, which can only be unplugged
 * @nr: how many there are
 *
 * Return: an array, to be freed with kvfree(); ERR_PTR(-ENOMEM).
 */
struct range *cxl_sysram_extents_units(struct cxl_sysram_region *cxlr_sysram,
				       const struct range *hpa, bool releasing,
				       int *nr)
{
	struct cxl_sysram_extent *extent = NULL;
	struct range *units;

	*nr = 0;
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	units = kvmalloc_array(max(cxl_sysram_extents_count(cxlr_sysram, hpa), 1),
			       sizeof(*units), GFP_KERNEL);
	if (!units)
		return ERR_PTR(-ENOMEM);
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		if (!extent->group && (releasing || !extent->releasing))
			units[(*nr)++] = extent->node.range;
	}
	return units;
}

/**
 * cxl_sysram_extents_announce - say which extents have changed
 * @cxlr_sysram: a dynamic region
 * @hpa: the part of the region that matters
 *
 * Context: An operation, after it has changed memory.
 */
void cxl_sysram_extents_announce(struct cxl_sysram_region *cxlr_sysram,
				 const struct range *hpa)
{
	struct cxl_sysram_extent *extent = NULL;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		struct cxl_sysram_census census;
		enum cxl_sysram_state state;

		cxl_sysram_range_census(&extent->node.range, &census);
		state = cxl_sysram_census_state(&census);
		if (extent->announced == state)
			continue;
		extent->announced = state;
		kobject_uevent(&extent->dev.kobj, KOBJ_CHANGE);
	}
}

/**
 * cxl_sysram_extent_mark - an extent is to be given back, or is not any more
 * @extent: the extent
 * @releasing: which of the two
 *
 * Context: With extents_lock held.
 */
void cxl_sysram_extent_mark(struct cxl_sysram_extent *extent, bool releasing)
{
	if (extent->releasing == releasing)
		return;
	WRITE_ONCE(extent->releasing, releasing);
	kobject_uevent(&extent->dev.kobj, KOBJ_CHANGE);
}

/**
 * cxl_sysram_extents_mark - extents are to be given back, or are not any more
 * @cxlr_sysram: a dynamic region
 * @hpa: what matters
 * @group: the allocation that they belong to, or NULL for those without a tag
 * @releasing: which of the two
 */
void cxl_sysram_extents_mark(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa,
			     const struct cxl_sysram_group *group, bool releasing)
{
	struct cxl_sysram_extent *extent = NULL;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa)))
		if (extent->group == group)
			cxl_sysram_extent_mark(extent, releasing);
}

/**
 * cxl_sysram_extents_rest - get ready to cut a range out of untagged capacity
 * @cxlr_sysram: a dynamic region
 * @hpa: the range
 * @rest: what stays of extents that are in it with a part of them
 *
 * Return: 0, -ENOMEM.
 */
int cxl_sysram_extents_rest(struct cxl_sysram_region *cxlr_sysram,
			    const struct range *hpa, struct list_head *rest)
{
	struct cxl_sysram_extent *extent = NULL;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		struct cxl_sysram_extent *piece;
		struct range pieces[2];
		int nr;

		if (extent->group)
			continue;
		nr = cxl_range_carve(&extent->node.range, hpa, pieces);
		for (int i = 0; i < nr; i++) {
			piece = cxl_sysram_extent_alloc(cxlr_sysram, &pieces[i],
							NULL);
			if (!piece) {
				cxl_sysram_extents_put(rest);
				return -ENOMEM;
			}
			piece->announced = extent->announced;
			list_add_tail(&piece->list, rest);
		}
	}
	return 0;
}

/* Those of @group, or those without a tag */
static void cxl_sysram_extents_take(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa,
				    const struct cxl_sysram_group *group,
				    struct list_head *taken)
{
	struct cxl_sysram_extent *extent, *next;

	extent = cxl_sysram_extent_find(cxlr_sysram, hpa);
	for (; extent; extent = next) {
		next = cxl_sysram_extent_next(cxlr_sysram, extent, hpa);
		if (extent->group != group)
			continue;
		cxl_sysram_extent_erase(cxlr_sysram, extent);
		list_add_tail(&extent->list, taken);
	}
}

/* What comes to these addresses next may be other memory */
static void cxl_sysram_forget_poison(struct cxl_sysram_region *cxlr_sysram,
				     const struct range *hpa)
{
	unsigned long pfn;
	void *entry;

	xa_for_each_range(&cxlr_sysram->poison, pfn, entry,
			  PHYS_PFN(hpa->start), PHYS_PFN(hpa->end))
		xa_erase(&cxlr_sysram->poison, pfn);
}

static void cxl_sysram_extents_unregister(struct list_head *taken)
{
	struct cxl_sysram_extent *extent, *next;

	list_for_each_entry_safe(extent, next, taken, list) {
		list_del_init(&extent->list);
		device_unregister(&extent->dev);
	}
}

/**
 * cxl_sysram_extents_replace - extents go, but for what stays of them
 * @cxlr_sysram: a dynamic region
 * @hpa: what goes
 * @group: the allocation that it belongs to, or NULL for what has no tag
 * @rest: what cxl_sysram_extents_rest() has made for it
 */
void cxl_sysram_extents_replace(struct cxl_sysram_region *cxlr_sysram,
				const struct range *hpa,
				const struct cxl_sysram_group *group,
				struct list_head *rest)
{
	struct cxl_sysram_extent *extent, *next;
	LIST_HEAD(gone);

	scoped_guard(mutex, &cxl_dynamic(cxlr_sysram)->extents_lock) {
		cxl_sysram_extents_take(cxlr_sysram, hpa, group, &gone);
		cxl_sysram_forget_poison(cxlr_sysram, hpa);
		list_for_each_entry_safe(extent, next, rest, list) {
			list_del_init(&extent->list);
			cxl_sysram_extent_show(cxlr_sysram, extent);
		}
	}
	cxl_sysram_extents_unregister(&gone);
}

/**
 * cxl_sysram_extents_cut - cut a range out of the capacity
 * @cxlr_sysram: a dynamic region
 * @hpa: what goes
 *
 * Return: 0; -ENOMEM, and nothing has gone.
 */
int cxl_sysram_extents_cut(struct cxl_sysram_region *cxlr_sysram,
			   const struct range *hpa)
{
	LIST_HEAD(rest);
	int rc;

	rc = cxl_sysram_extents_rest(cxlr_sysram, hpa, &rest);
	if (!rc)
		cxl_sysram_extents_replace(cxlr_sysram, hpa, NULL, &rest);
	return rc;
}

/**
 * cxl_sysram_extents_remove - remove all extents
 * @cxlr_sysram: a dynamic region that is being removed; its capacity stays accepted
 */
void cxl_sysram_extents_remove(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_extent *extent;
	LIST_HEAD(gone);

	scoped_guard(mutex, &cxl_dynamic(cxlr_sysram)->extents_lock)
		while ((extent = cxl_sysram_extent_find(cxlr_sysram,
							&cxlr_sysram->hpa_range))) {
			cxl_sysram_extent_erase(cxlr_sysram, extent);
			list_add_tail(&extent->list, &gone);
		}
	cxl_sysram_extents_unregister(&gone);
}
