// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <cxlmem.h>
#include <cxldcd.h>
#include "dcd_core.h"

/**
 * DOC: cxl dynamic capacity in use without a region
 *
 * When a device is pulled, or a region goes in another way that cannot be refused, its
 * memory stays online. If the device comes again it still has that capacity as
 * accepted. Nobody holds it, but it is not to be given back: it is in use.
 *
 * So it is remembered, by the serial number of the device, until a region has it again.
 * A device without one is known by its place.
 */

struct cxl_dcd_left {
	struct list_head list;
	u64 serial;
	const char *place;
	struct range dpa;
};

static DEFINE_MUTEX(cxl_dcd_left_lock);
static LIST_HEAD(cxl_dcd_left);

static bool cxl_dcd_left_is_of(const struct cxl_dcd_left *left, struct cxl_dcd *dcd)
{
	const struct cxl_dev_state *cxlds = &dcd->mds->cxlds;

	return left->serial == cxlds->serial &&
	       (left->serial || !strcmp(left->place, dev_name(cxlds->dev)));
}

/**
 * cxl_dcd_leave - memory stays in use without a region
 * @dcd: the device
 * @dpa: device physical addresses
 */
void cxl_dcd_leave(struct cxl_dcd *dcd, const struct range *dpa)
{
	/* Without it somebody's memory would be given away */
	struct cxl_dcd_left *left = kzalloc_obj(*left, GFP_KERNEL | __GFP_NOFAIL);

	left->serial = dcd->mds->cxlds.serial;
	left->place = kstrdup(dev_name(dcd->mds->cxlds.dev), GFP_KERNEL | __GFP_NOFAIL);
	left->dpa = *dpa;
	guard(mutex)(&cxl_dcd_left_lock);
	list_add(&left->list, &cxl_dcd_left);
}

/**
 * cxl_dcd_return - a region has capacity, and knows what is in use of it
 * @dcd: the device
 * @dpa: device physical addresses
 */
void cxl_dcd_return(struct cxl_dcd *dcd, const struct range *dpa)
{
	struct cxl_dcd_left *left, *next;

	guard(mutex)(&cxl_dcd_left_lock);
	list_for_each_entry_safe(left, next, &cxl_dcd_left, list) {
		if (!cxl_dcd_left_is_of(left, dcd) || !range_contains(dpa, &left->dpa))
			continue;
		list_del(&left->list);
		kfree(left->place);
		kfree(left);
	}
}

/**
 * cxl_dcd_is_left - may any of a range be in use without a region
 * @dcd: the device
 * @dpa: device physical addresses
 *
 * Return: true if it may.
 */
bool cxl_dcd_is_left(struct cxl_dcd *dcd, const struct range *dpa)
{
	struct cxl_dcd_left *left;

	guard(mutex)(&cxl_dcd_left_lock);
	list_for_each_entry(left, &cxl_dcd_left, list)
		if (cxl_dcd_left_is_of(left, dcd) && range_overlaps(dpa, &left->dpa))
			return true;
	return false;
}
