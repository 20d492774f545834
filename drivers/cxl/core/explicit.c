// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <cxlmem.h>
#include <cxl.h>
#include "core.h"

/**
 * DOC: cxl explicit binding
 *
 * A driver may be marked explicit: it takes a device only when told to, and so
 * two drivers can serve one type of device without a race for it. Not when its
 * module loads, not on a bus rescan, not because the other driver failed, and
 * not because a tool tries every driver's bind file in turn. In the same way a
 * device may wait to be told.
 *
 * "Told to" means driver_override. It narrows the choice of drivers, as on any
 * bus, and cannot put a device under a driver of another type. Explicit drivers
 * have a bind file of their own, which sets the override and attaches, and an
 * unbind file, after which the override is gone if bind had set it, and stays
 * if a user had.
 */

/**
 * cxl_match_explicit - may a driver of the right type take a device
 * @dev: a device on the cxl bus
 * @drv: a driver whose id is that of @dev
 *
 * Return: true if the override of @dev names @drv, or if there is none and
 * neither of the two waits to be told.
 */
bool cxl_match_explicit(struct device *dev, const struct device_driver *drv)
{
	int match = device_match_driver_override(dev, drv);

	if (match >= 0)
		return match;
	if (to_cxl_drv(drv)->explicit)
		return false;
	return !(dev->type == CXL_DAX_REGION_TYPE() &&
		 to_cxl_dax_region(dev)->explicit);
}

/**
 * cxl_explicit_bind - bind file of an explicit driver, or for explicit devices
 * @drv: the driver
 * @dev: a device of the type that @drv is for
 *
 * Context: Process context.
 * Return: 0; -ENODEV when @dev is meant for another driver by its override;
 * -EBUSY when @dev has a driver; or what the probe of @drv answered. On failure the
 * override is what it was.
 */
int cxl_explicit_bind(const struct device_driver *drv, struct device *dev)
{
	int rc, match;

	if (READ_ONCE(dev->driver))
		return -EBUSY;

	match = device_match_driver_override(dev, drv);
	if (match < 0) {
		rc = device_claim_driver_override(dev, drv->name);
		if (rc)
			return rc;
	} else if (!match) {
		/* Somebody else's choice stands */
		return -ENODEV;
	}

	rc = device_driver_attach(drv, dev);
	/* The override may have been that of another bind, which has failed since */
	if (!rc && match > 0) {
		scoped_guard(device, dev)
			if (dev->driver == drv)
				device_claim_driver_override(dev, drv->name);
	}
	if (!rc || match > 0)
		return rc;

	/* A rescan of the bus may have been faster, and has done what was asked for */
	guard(device)(dev);
	if (dev->driver == drv)
		return 0;
	device_unclaim_driver_override(dev);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_explicit_bind, "dax_cxl");

/**
 * cxl_explicit_find - the device that was written to a bind or unbind file
 * @drv: the driver
 * @name: as written, a newline at the end is ignored
 *
 * Return: the device, to be put by the caller, or NULL when there is none of
 * this name and of the type that @drv is for.
 */
struct device *cxl_explicit_find(const struct device_driver *drv,
				 const char *name)
{
	struct device *dev = bus_find_device_by_name(&cxl_bus_type, NULL, name);

	if (dev && cxl_device_id(dev) != to_cxl_drv(drv)->id) {
		put_device(dev);
		return NULL;
	}
	return dev;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_explicit_find, "dax_cxl");
