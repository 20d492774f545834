// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <cxl.h>
#include "core.h"
#include "extent.h"
#include "dynamic_core.h"

/**
 * DOC: cxl region tags
 *
 * The extents of a tag are one allocation: capacity that was given to somebody
 * by name. It comes as a whole, out of one offer, and is one dax device below
 * dax_regionN, with a page order that all who use it agree on, or nothing at all.
 * No policy plugs it. It also goes as a whole (region_tag_give.c).
 *
 * The dax device is created and removed with the device lock of dax_regionN held;
 * the DAX driver is there, and stays, meanwhile. @extents_lock protects the list.
 */

/**
 * cxl_sysram_group_find - the allocation of a region that has a tag
 * @cxlr_sysram: a dynamic region
 * @tag: the tag
 *
 * Return: the allocation, for cxl_sysram_group_put(); or NULL.
 */
struct cxl_sysram_group *
cxl_sysram_group_find(struct cxl_sysram_region *cxlr_sysram, const uuid_t *tag)
{
	struct cxl_sysram_group *group;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		if (uuid_equal(&group->tag, tag))
			return cxl_sysram_group_get(group);
	return NULL;
}

/* Mapped by huge pages, and not here already? */
static int cxl_sysram_group_check(struct cxl_sysram_region *cxlr_sysram,
				  const struct range *hpa)
{
	if (!cxl_range_aligned(hpa, PMD_SIZE)) {
		dev_warn_ratelimited(&cxlr_sysram->dev,
				     "extent %#llx-%#llx not accepted: it is not made of whole huge pages of %#lx bytes\n",
				     hpa->start, hpa->end, PMD_SIZE);
		return -EINVAL;
	}
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	return cxl_sysram_extent_next(cxlr_sysram, NULL, hpa) ? -EEXIST : 0;
}

/**
 * cxl_sysram_group_prepare - get ready for an allocation, if it can be used
 * @cxlr_sysram: a dynamic region
 * @tag: its tag, not null
 * @hpa: host physical addresses, in the order of the allocation
 * @nr: how many
 *
 * Context: With the mutex of the device held.
 * Return: 0; -EEXIST when the tag is in use, or the region has some of the
 * capacity already; -EINVAL when it is not made of huge pages; else as
 * cxl_sysram_extent_prepare().
 */
int cxl_sysram_group_prepare(struct cxl_sysram_region *cxlr_sysram,
			     const uuid_t *tag, const struct range *hpa, int nr)
{
	LIST_HEAD(prepared);
	int rc;

	struct cxl_sysram_group *group __free(cxl_sysram_group) =
		cxl_sysram_group_alloc(tag, hpa, nr);
	if (!group)
		return -ENOMEM;

	rc = cxl_sysram_group_claim(group);
	for (int i = 0; i < nr && !rc; i++)
		rc = cxl_sysram_group_check(cxlr_sysram, &hpa[i]) ?:
		     cxl_sysram_extent_prepare(cxlr_sysram, &hpa[i], group, &prepared);
	if (rc) {
		cxl_sysram_group_forget(group);
		cxl_sysram_extents_cancel(&prepared);
		return rc;
	}
	list_splice_tail(&prepared, &cxl_dynamic(cxlr_sysram)->prepared);
	return 0;
}

/* Complete, and it should have a dax device */
static bool cxl_sysram_group_is_hidden(struct cxl_sysram_region *cxlr_sysram,
				       const struct cxl_sysram_group *group)
{
	return !cxl_dynamic(cxlr_sysram)->closed && group->shown == group->nr &&
	       !group->dev_dax && !group->failed && !group->gone && !group->unknown;
}

/**
 * cxl_sysram_group_first - the first allocation of a region of some kind
 * @cxlr_sysram: a dynamic region
 * @is: is it one?
 *
 * Return: the allocation, for cxl_sysram_group_put(); or NULL.
 */
struct cxl_sysram_group *
cxl_sysram_group_first(struct cxl_sysram_region *cxlr_sysram,
		       cxl_sysram_group_is is)
{
	struct cxl_sysram_group *group;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		if (is(cxlr_sysram, group))
			return cxl_sysram_group_get(group);
	return NULL;
}

/* What could not be done because the region was about to go can be tried again */
static void cxl_sysram_groups_retry(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		group->failed = false;
}

/* The region is about to go, or there is no memory: with what comes next it may work */
static bool cxl_sysram_group_comes_later(struct device *dev,
					 const struct cxl_sysram_group *group, int rc)
{
	if (rc != -EBUSY)
		dev_err(dev, "no dax device for tag %pUb: %pe\n", &group->tag, ERR_PTR(rc));
	return rc == -EBUSY || rc == -ENOMEM;
}

/**
 * cxl_sysram_groups_surface - make dax devices of allocations that have none
 * @cxlr_sysram: a dynamic region
 *
 * Context: Process context, takes the device lock of dax_regionN.
 */
void cxl_sysram_groups_surface(struct cxl_sysram_region *cxlr_sysram)
{
	const struct cxl_sysram_dax_ops *ops;
	struct cxl_sysram_group *group;
	struct dev_dax *dev_dax;
	bool busy = false;

	struct device *dev __free(put_device) = cxl_sysram_region_dax(cxlr_sysram);
	if (!dev)
		return;

	guard(device)(dev);
	ops = cxl_dynamic(cxlr_sysram)->dax_ops;
	if (!ops)
		return;
	/* If the region stays after all this is called again */
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (cxlr_sysram->dying)
			return;
	}
	while ((group = cxl_sysram_group_first(cxlr_sysram,
					       cxl_sysram_group_is_hidden))) {
		dev_dax = ops->add(to_cxl_dax_region(dev), &group->tag,
				   group->hpa, group->nr);
		group->failed = IS_ERR(dev_dax);
		if (!group->failed)
			group->dev_dax = dev_dax;
		else
			busy |= cxl_sysram_group_comes_later(dev, group, PTR_ERR(dev_dax));
		cxl_sysram_group_put(group);
	}
	if (busy)
		cxl_sysram_groups_retry(cxlr_sysram);
}

/**
 * cxl_sysram_region_attach_dax - the DAX driver has come
 * @cxlr_sysram: a dynamic region
 * @ops: of the driver
 *
 * Allocations that are there become dax devices.
 *
 * Context: Probe of the driver, with the device lock of dax_regionN held.
 */
void cxl_sysram_region_attach_dax(struct cxl_sysram_region *cxlr_sysram,
				  const struct cxl_sysram_dax_ops *ops)
{
	cxl_dynamic(cxlr_sysram)->dax_ops = ops;
	queue_work(system_dfl_wq, &cxl_dynamic(cxlr_sysram)->arrive_work);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_attach_dax, "dax_cxl");

/**
 * cxl_sysram_region_detach_dax - the DAX driver goes, and its devices with it
 * @cxlr_sysram: a dynamic region
 *
 * Context: Remove of the driver, with the device lock of dax_regionN held.
 */
void cxl_sysram_region_detach_dax(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;

	cxl_dynamic(cxlr_sysram)->dax_ops = NULL;
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list) {
		group->dev_dax = NULL;
		group->down = false;
		group->failed = false;
		group->unmapped = false;
	}
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_detach_dax, "dax_cxl");

/**
 * cxl_sysram_groups_plugged_size - how much tagged capacity is System RAM
 * @cxlr_sysram: a dynamic region
 *
 * Return: bytes.
 */
u64 cxl_sysram_groups_plugged_size(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;
	u64 size = 0;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		for (int i = 0; i < group->nr; i++)
			size += cxl_sysram_range_plugged(&group->hpa[i]);
	return size;
}

/**
 * cxl_sysram_group_plugged - is any of an allocation System RAM
 * @group: the allocation
 *
 * Return: true if kmem has made it so.
 */
bool cxl_sysram_group_plugged(struct cxl_sysram_group *group)
{
	for (int i = 0; i < group->nr; i++)
		if (cxl_sysram_range_plugged(&group->hpa[i]))
			return true;
	return false;
}

/**
 * cxl_sysram_groups_plugged - is any tagged capacity System RAM
 * @cxlr_sysram: a dynamic region
 *
 * Return: true if kmem has made it so.
 */
bool cxl_sysram_groups_plugged(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		if (cxl_sysram_group_plugged(group))
			return true;
	return false;
}

/**
 * cxl_sysram_groups_lost - is any tagged capacity System RAM, and gone
 * @cxlr_sysram: a dynamic region
 *
 * Return: true if there is some that must not be migrated.
 */
bool cxl_sysram_groups_lost(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		if (group->gone && cxl_sysram_group_plugged(group))
			return true;
	return false;
}

/**
 * cxl_sysram_group_remove - an allocation is not the region's any more
 * @cxlr_sysram: the region
 * @group: the allocation, whose dax device has been removed
 */
void cxl_sysram_group_remove(struct cxl_sysram_region *cxlr_sysram,
			     struct cxl_sysram_group *group)
{
	scoped_guard(mutex, &cxl_dynamic(cxlr_sysram)->extents_lock)
		list_del_init(&group->list);
	cxl_sysram_group_forget(group);
	cxl_sysram_group_put(group);
}

/**
 * cxl_sysram_group_remove_dax - remove the dax device of an allocation, if it has one
 * @cxlr_sysram: the region
 * @group: the allocation
 *
 * Context: With the device lock of dax_regionN held.
 */
void cxl_sysram_group_remove_dax(struct cxl_sysram_region *cxlr_sysram,
				 struct cxl_sysram_group *group)
{
	if (group->dev_dax)
		cxl_dynamic(cxlr_sysram)->dax_ops->remove(group->dev_dax);
	group->dev_dax = NULL;
	group->down = false;
}

/**
 * cxl_sysram_groups_close - the region goes, its allocations stay accepted
 * @cxlr_sysram: the region, closed for extents
 */
void cxl_sysram_groups_close(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group, *next;

	list_for_each_entry_safe(group, next, &cxl_dynamic(cxlr_sysram)->groups, list)
		cxl_sysram_group_remove(cxlr_sysram, group);
}
