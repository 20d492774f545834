// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory_hotplug.h>
#include <cxlmem.h>
#include <cxl.h>
#include "core.h"
#include "sysram_core.h"

/**
 * DOC: cxl sysram hand-off to DAX
 *
 * A sysram_region has a dax_region below it. That of a static region is explicit:
 * the DAX driver takes it when a user says so, and claims the capacity for as long
 * as it is bound. That of a dynamic region is for tagged capacity, which only DAX can
 * use, and is bound like any other.
 */

/**
 * cxl_dax_region_to_sysram - the sysram_region that a dax_region is below
 * @cxlr_dax: the dax_region
 *
 * Return: the sysram_region, NULL for a dax_region that is a child of its region.
 */
struct cxl_sysram_region *cxl_dax_region_to_sysram(struct cxl_dax_region *cxlr_dax)
{
	struct device *parent = cxlr_dax->dev.parent;

	return is_cxl_sysram_region(parent) ? to_cxl_sysram_region(parent) : NULL;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_dax_region_to_sysram, "dax_cxl");

/**
 * cxl_sysram_region_claim_dax - take the capacity for DAX
 * @cxlr_sysram: the region
 *
 * Return: 0; -EBUSY when memory is plugged, or just being plugged or unplugged;
 * -ENXIO when the region is about to be removed.
 */
int cxl_sysram_region_claim_dax(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	if (cxlr_sysram->dying)
		return -ENXIO;
	if (cxlr_sysram->plugged || cxlr_sysram->op || cxlr_sysram->dax_owned)
		return -EBUSY;
	cxlr_sysram->dax_owned = true;
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_claim_dax, "dax_cxl");

/**
 * cxl_sysram_region_unclaim_dax - DAX does not need the capacity any more
 * @cxlr_sysram: the region
 *
 * Where DAX has failed to make something of it, what the boot has said still stands.
 */
void cxl_sysram_region_unclaim_dax(struct cxl_sysram_region *cxlr_sysram)
{
	scoped_guard(spinlock, &cxlr_sysram->lock)
		cxlr_sysram->dax_owned = false;
	cxl_sysram_boot(cxlr_sysram);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_unclaim_dax, "dax_cxl");

static int match_dax_region(struct device *dev, const void *data)
{
	return dev->type == CXL_DAX_REGION_TYPE();
}

/**
 * cxl_sysram_region_dax - the dax_regionN of a sysram_region
 * @cxlr_sysram: the region
 *
 * Return: the device, to be put by the caller, or NULL when it does not exist yet,
 * or any more.
 */
struct device *cxl_sysram_region_dax(struct cxl_sysram_region *cxlr_sysram)
{
	return device_find_child(&cxlr_sysram->dev, NULL, match_dax_region);
}

/* What an operation on DAX's memory has changed is the state of the region, too */
static void cxl_sysram_dax_changed(struct cxl_sysram_region *cxlr_sysram, u64 plugged)
{
	if (cxl_sysram_range_plugged(&cxlr_sysram->hpa_range) != plugged)
		kobject_uevent(&cxlr_sysram->dev.kobj, KOBJ_CHANGE);
}

static int cxl_sysram_plug_dax(struct cxl_sysram_region *cxlr_sysram,
			       const struct cxl_sysram_request *req)
{
	u64 plugged = cxl_sysram_range_plugged(&cxlr_sysram->hpa_range);
	int rc;

	struct device *dev __free(put_device) = cxl_sysram_region_dax(cxlr_sysram);
	if (!dev)
		return -ENXIO;

	rc = mhp_lock_device(dev, cxlr_sysram->ctl);
	if (rc)
		return rc;

	if (dev->driver && to_cxl_drv(dev->driver)->plug)
		rc = to_cxl_drv(dev->driver)->plug(dev, cxlr_sysram->ctl);
	else
		rc = -ENXIO;
	device_unlock(dev);
	/* That is a later word than the boot's */
	if (!rc && !cxlr_sysram->dynamic)
		cxl_sysram_forget_boot(cxlr_sysram);
	cxl_sysram_dax_changed(cxlr_sysram, plugged);
	return rc;
}

/**
 * cxl_sysram_region_plug_dax - the DAX driver has just been bound
 * @cxlr_sysram: the region
 *
 * Probing it adds no memory, which would happen under locks of the driver core and of
 * DAX.
 *
 * Context: As cxl_sysram_region_unplug_dax().
 * Return: 0 when the policy plugs nothing, or all of it is plugged; see
 * cxl_sysram_op_run() for the others. On failure nothing is, and the driver has to be
 * unbound.
 */
int cxl_sysram_region_plug_dax(struct cxl_sysram_region *cxlr_sysram)
{
	return cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
				 cxl_sysram_plug_dax, NULL);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_plug_dax, "dax_cxl");

/**
 * cxl_sysram_unplug_dax - unplug and close what DAX has made of the capacity
 * @cxlr_sysram: the region
 *
 * Context: An operation. Takes the device lock of dax_regionN.
 * Return: see cxl_sysram_region_unplug_dax().
 */
int cxl_sysram_unplug_dax(struct cxl_sysram_region *cxlr_sysram)
{
	int rc;

	/* What goes later ends this operation */
	rc = cxlr_sysram->dynamic ? cxlr_sysram->dynamic->ops->check_dax(cxlr_sysram) : 0;
	if (rc)
		return rc;

	struct device *dev __free(put_device) = cxl_sysram_region_dax(cxlr_sysram);
	if (!dev)
		return 0;

	rc = mhp_lock_device(dev, cxlr_sysram->ctl);
	if (rc)
		return rc;

	if (dev->driver && to_cxl_drv(dev->driver)->unplug)
		rc = to_cxl_drv(dev->driver)->unplug(dev, cxlr_sysram->ctl);
	device_unlock(dev);
	return rc;
}

/**
 * cxl_sysram_resume_dax - undo cxl_sysram_unplug_dax()
 * @cxlr_sysram: the region
 *
 * Context: An operation. Takes the device lock of dax_regionN.
 * Return: 0, or why memory is not plugged again.
 */
int cxl_sysram_resume_dax(struct cxl_sysram_region *cxlr_sysram)
{
	int rc = 0;

	struct device *dev __free(put_device) = cxl_sysram_region_dax(cxlr_sysram);
	if (!dev)
		return 0;

	guard(device)(dev);
	/* What has been lost is not plugged again, and what goes after this look ends it */
	do {
		cxl_sysram_op_uninterrupt(cxlr_sysram);
		if (cxlr_sysram->dynamic)
			cxlr_sysram->dynamic->ops->unmap_gone(cxlr_sysram);
		if (dev->driver && to_cxl_drv(dev->driver)->resume)
			rc = to_cxl_drv(dev->driver)->resume(dev, cxlr_sysram->ctl);
	} while (cxl_sysram_op_goes_on(cxlr_sysram, rc));
	return rc;
}

static int cxl_sysram_unplug_dax_op(struct cxl_sysram_region *cxlr_sysram,
				    const struct cxl_sysram_request *req)
{
	u64 plugged = cxl_sysram_range_plugged(&cxlr_sysram->hpa_range);
	int rc = cxl_sysram_unplug_dax(cxlr_sysram);

	cxl_sysram_dax_changed(cxlr_sysram, plugged);
	return rc;
}

/**
 * cxl_sysram_region_unplug_dax - the DAX driver is about to be unbound
 * @cxlr_sysram: a region whose capacity, or some of it, DAX has
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting. The
 * device lock of dax_regionN must not be held.
 * Return: 0 when nothing below dax_regionN is in use any more, and cannot be
 * until it is unbound; -EBUSY when a device is open, or its memory cannot be
 * unplugged; see cxl_sysram_op_run() for the others. On failure nothing has changed.
 */
int cxl_sysram_region_unplug_dax(struct cxl_sysram_region *cxlr_sysram)
{
	int rc;

	rc = cxl_sysram_op_run(cxlr_sysram, cxlr_sysram->dynamic ?
			       CXL_SYSRAM_OP_REGION : CXL_SYSRAM_OP_DAX,
			       cxl_sysram_unplug_dax_op, NULL);
	/* What has arrived meanwhile */
	if (rc)
		cxl_sysram_region_go_on(cxlr_sysram);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_unplug_dax, "dax_cxl");

static ssize_t hotplug_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return cxl_sysram_policy_show(to_cxl_sysram_region(dev->parent), buf);
}

static ssize_t hotplug_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t len)
{
	return cxl_sysram_policy_store(to_cxl_sysram_region(dev->parent), buf, len);
}
static DEVICE_ATTR_RW(hotplug);

static struct attribute *cxl_sysram_dax_attrs[] = {
	&dev_attr_hotplug.attr,
	NULL,
};
ATTRIBUTE_GROUPS(cxl_sysram_dax);

static void cxl_sysram_unlink_dax(void *_cxlr_dax)
{
	struct cxl_dax_region *cxlr_dax = _cxlr_dax;

	sysfs_remove_link(&cxlr_dax->cxlr->dev.kobj, dev_name(&cxlr_dax->dev));
}

/**
 * devm_cxl_sysram_add_dax - put a dax_region below a sysram_region
 * @cxlr_sysram: the region
 *
 * libcxl looks for <regionN>/dax_regionN, wherever that device really is: it gets a
 * link there.
 *
 * Context: Probe of the region's driver.
 * Return: 0, or as devm_cxl_add_dax_region().
 */
int devm_cxl_sysram_add_dax(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_region *cxlr = cxlr_sysram->cxlr;
	struct cxl_dax_region *cxlr_dax;
	int rc;

	cxlr_dax = devm_cxl_add_dax_region(cxlr, &cxlr_sysram->dev,
					   cxl_sysram_dax_groups,
					   !cxlr_sysram->dynamic);
	if (IS_ERR(cxlr_dax))
		return PTR_ERR(cxlr_dax);

	rc = sysfs_create_link(&cxlr->dev.kobj, &cxlr_dax->dev.kobj,
			       dev_name(&cxlr_dax->dev));
	if (rc)
		return rc;
	return devm_add_action_or_reset(&cxlr->dev, cxl_sysram_unlink_dax, cxlr_dax);
}
