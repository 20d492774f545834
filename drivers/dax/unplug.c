// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/dax.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/rwsem.h>
#include <linux/slab.h>
#include "dax-private.h"
#include "bus.h"

/*
 * Taking dax devices out of use: all of a region, before it is unbound, or one
 * that a region driver is about to remove. And the way into use, where it takes as
 * long: memory hotplug must be neither waited for nor run under the locks of a probe.
 *
 * Unbinding itself cannot fail: it revokes mappings, and leaves System RAM that
 * is online behind until the next reboot. A region driver that would rather
 * refuse than do that asks here first. It gets all or nothing: either no device
 * is open and the memory of all of them is System RAM no more, and the devices
 * stay shut until they are gone, or everything is as it was.
 */

struct dax_unplug {
	struct mhp_ctl *ctl;
	struct dev_dax **devs;
	struct range *ranges;
	unsigned int nr_devs;
	unsigned int nr_ranges;
	unsigned int max_devs;
	unsigned int max_ranges;
};

/* A region driver creates devices, and kmem plugs them, under this lock */
static int dax_region_shut(struct dax_region *dax_region, struct mhp_ctl *ctl)
{
	/* Somebody has, and is about to unbind it */
	if (READ_ONCE(dax_region->shut))
		return -EBUSY;

	while (!down_write_trylock(&dax_region_rwsem)) {
		int rc = ctl->give_up(ctl);

		if (rc)
			return rc;
		msleep(20);
	}
	dax_region->shut = true;
	up_write(&dax_region_rwsem);
	return 0;
}

/* Nobody has to wait for that */
static void dax_region_reopen(struct dax_region *dax_region)
{
	WRITE_ONCE(dax_region->shut, false);
}

/**
 * dax_region_is_shut - is a region about to be unbound?
 * @parent: the device that a dax_region was allocated for
 *
 * Context: The device lock of @parent is held.
 * Return: true between dax_region_unplug(), and unbinding it or dax_region_resume().
 */
bool dax_region_is_shut(struct device *parent)
{
	struct dax_region *dax_region = dev_get_drvdata(parent);

	device_lock_assert(parent);
	return parent->driver && dax_region && READ_ONCE(dax_region->shut);
}
EXPORT_SYMBOL_GPL(dax_region_is_shut);

/* One that is plugged later stays shut until then */
static void dax_reopen(struct dev_dax *dev_dax)
{
	if (!dev_dax->plug_later)
		atomic_set(&dev_dax->users, 0);
}

/* Nobody opens it from then on, and no filesystem takes it: see fs_dax_get() */
static bool dax_shut(struct dev_dax *dev_dax)
{
	if (dev_dax->plug_later)
		return true;
	if (atomic_cmpxchg(&dev_dax->users, 0, -1))
		return false;
	if (!dax_is_held(dev_dax->dax_dev))
		return true;
	dax_reopen(dev_dax);
	return false;
}

static int dax_plug_one(struct device *dev, void *ctl)
{
	struct dev_dax *dev_dax = to_dev_dax(dev);
	int rc;

	rc = mhp_lock_device(dev, ctl);
	if (rc)
		return rc;

	if (dev_dax->plug_later) {
		if (dev->driver && to_dax_drv(dev->driver)->plug)
			rc = to_dax_drv(dev->driver)->plug(dev_dax, ctl);
		else if (!dev->driver && driver_find("kmem", dev->bus))
			rc = -ENXIO; /* it is there, and has said why it does not want it */
		if (!rc)
			WRITE_ONCE(dev_dax->plug_later, false);
		dax_reopen(dev_dax);
	}
	device_unlock(dev);
	return rc;
}

/**
 * dax_region_plug - add the memory of devices that were created to be plugged later
 * @parent: the device that a dax_region was allocated for
 * @ctl: whether to give up
 *
 * A device that kmem is not bound to yet is plugged when it is.
 *
 * Context: See add_memory_ranges_driver_managed(). The device lock of @parent is held,
 * those of its dax devices are not.
 * Return: 0; -ENXIO when kmem has refused a device, or the region is about to be
 * unbound; else as add_memory_ranges_driver_managed(). On failure there is a device
 * without memory that nobody can use until it is unregistered, or some of its memory
 * could not be taken out again: then it is not to be plugged later any more.
 */
int dax_region_plug(struct device *parent, struct mhp_ctl *ctl)
{
	struct dax_region *dax_region = dev_get_drvdata(parent);

	device_lock_assert(parent);
	if (READ_ONCE(dax_region->shut))
		return -ENXIO;
	return device_for_each_child(parent, ctl, dax_plug_one);
}
EXPORT_SYMBOL_GPL(dax_region_plug);

static int dax_plugs_later(struct device *dev, void *data)
{
	return READ_ONCE(to_dev_dax(dev)->plug_later);
}

/**
 * dax_region_plugs_later - are there devices that dax_region_plug() is for?
 * @parent: the device that a dax_region was allocated for
 *
 * Return: true when there are. Nobody else can have plugged these.
 */
bool dax_region_plugs_later(struct device *parent)
{
	return device_for_each_child(parent, NULL, dax_plugs_later);
}
EXPORT_SYMBOL_GPL(dax_region_plugs_later);

static int dax_unplug_count(struct device *dev, void *data)
{
	struct dax_unplug *unplug = data;

	unplug->max_devs++;
	unplug->max_ranges += READ_ONCE(to_dev_dax(dev)->nr_range);
	return 0;
}

/* System RAM that a former driver could not take back */
static bool dax_is_stuck(struct dev_dax *dev_dax)
{
	guard(rwsem_read)(&dax_dev_rwsem);
	for (int i = 0; i < dev_dax->nr_range; i++) {
		struct range *range = &dev_dax->ranges[i].range;

		if (region_intersects(range->start, range_len(range),
				      IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
				      IORES_DESC_NONE) != REGION_DISJOINT)
			return true;
	}
	return false;
}

static int dax_unplug_begin(struct dev_dax *dev_dax, struct range *ranges)
{
	struct device *dev = &dev_dax->dev;
	int nr = 0;

	if (dev->driver && to_dax_drv(dev->driver)->unplug_begin)
		nr = to_dax_drv(dev->driver)->unplug_begin(dev_dax, ranges);
	if (!nr && dax_is_stuck(dev_dax))
		nr = -EBUSY;
	return nr;
}

/*
 * Shut one device and add its System RAM to what is to be unplugged. Whoever binds
 * kmem or unbinds it holds the lock of the device for as long as that takes.
 */
static int dax_unplug_add(struct device *dev, void *data)
{
	struct dev_dax *dev_dax = to_dev_dax(dev);
	struct dax_unplug *unplug = data;
	struct range *ranges;
	int rc;

	rc = mhp_lock_device(dev, unplug->ctl);
	if (rc)
		return rc;

	/* Nobody can use it, and whoever took it down may bring it back */
	if (dev_dax->down) {
		device_unlock(dev);
		return 0;
	}

	/* A device or a range that was not there when we counted is use, too */
	if (unplug->nr_devs == unplug->max_devs ||
	    unplug->nr_ranges + dev_dax->nr_range > unplug->max_ranges ||
	    !dax_shut(dev_dax)) {
		device_unlock(dev);
		dev_info_ratelimited(dev, "in use, not taken down\n");
		return -EBUSY;
	}

	ranges = unplug->ranges + unplug->nr_ranges;
	rc = dax_unplug_begin(dev_dax, ranges);
	if (rc < 0) {
		dax_reopen(dev_dax);
		device_unlock(dev);
		return rc;
	}

	unplug->nr_ranges += rc;
	unplug->devs[unplug->nr_devs++] = dev_dax;
	get_device(dev);
	return 0;
}

static void dax_unplug_finish(struct dax_unplug *unplug, bool gone)
{
	for (unsigned int i = 0; i < unplug->nr_devs; i++) {
		struct dev_dax *dev_dax = unplug->devs[i];
		struct device *dev = &dev_dax->dev;

		if (dev->driver && to_dax_drv(dev->driver)->unplug_end)
			to_dax_drv(dev->driver)->unplug_end(dev_dax, gone);
		if (!gone)
			dax_reopen(dev_dax);
		device_unlock(dev);
		put_device(dev);
	}
}

static int dax_devices_unplug(struct device *parent, struct mhp_ctl *ctl)
{
	struct dax_unplug unplug = { .ctl = ctl };
	int rc;

	device_for_each_child(parent, &unplug, dax_unplug_count);
	if (!unplug.max_devs)
		return 0;

	struct dev_dax **devs __free(kfree) =
		kmalloc_objs(*devs, unplug.max_devs);
	struct range *ranges __free(kfree) =
		kmalloc_objs(*ranges, max(unplug.max_ranges, 1));
	if (!devs || !ranges)
		return -ENOMEM;

	unplug.devs = devs;
	unplug.ranges = ranges;
	rc = device_for_each_child(parent, &unplug, dax_unplug_add);
	if (!rc && unplug.nr_ranges)
		rc = offline_and_remove_memory_ranges(unplug.ranges,
						      unplug.nr_ranges, ctl);
	dax_unplug_finish(&unplug, !rc);
	return rc;
}

/**
 * dax_region_unplug - take all dax devices of a region out of use, or none
 * @parent: the device that a dax_region was allocated for
 * @ctl: whether to give up, and a place for what the memory blocks were
 *
 * Their System RAM is offlined and removed in one step. On success the devices
 * cannot be opened, and kmem does not add memory, until they are unregistered.
 *
 * Context: See offline_and_remove_memory_ranges(). The device lock of @parent is
 * held, those of its dax devices are not.
 * Return: 0; -EBUSY when a device is open or mapped; -ENOMEM; else as
 * offline_and_remove_memory_ranges(). On failure everything is as it was.
 */
int dax_region_unplug(struct device *parent, struct mhp_ctl *ctl)
{
	int rc;

	device_lock_assert(parent);

	/* No device may come behind those that are shut one by one */
	rc = dax_region_shut(dev_get_drvdata(parent), ctl);
	if (rc)
		return rc;
	rc = dax_devices_unplug(parent, ctl);
	if (rc)
		dax_region_reopen(dev_get_drvdata(parent));
	return rc;
}
EXPORT_SYMBOL_GPL(dax_region_unplug);

struct dax_undo {
	struct mhp_ctl *ctl;
	int rc;
};

static int dax_unplug_undo(struct device *dev, void *data)
{
	struct dev_dax *dev_dax = to_dev_dax(dev);
	struct dax_undo *undo = data;
	int rc = 0;

	guard(device)(dev);
	if (atomic_read(&dev_dax->users) >= 0 || dev_dax->plug_later || dev_dax->down)
		return 0;
	if (dev->driver && to_dax_drv(dev->driver)->unplug_undo &&
	    !READ_ONCE(dev_dax->lost))
		rc = to_dax_drv(dev->driver)->unplug_undo(dev_dax, undo->ctl);
	if (rc && undo->ctl->give_up(undo->ctl) == -ECANCELED)
		return -ECANCELED;
	if (rc)
		dev_err(dev, "stays unplugged, although it is not taken away: %pe\n", ERR_PTR(rc));
	undo->rc = undo->rc ?: rc;
	dax_reopen(dev_dax);
	return 0;
}

/**
 * dax_region_resume - undo dax_region_unplug()
 * @parent: as it was given to dax_region_unplug()
 * @ctl: whether to give up, not what has ended dax_region_unplug(); and what the memory
 *	 blocks were
 *
 * The region stays after all: its devices can be used again, and what was System
 * RAM is plugged again.
 *
 * Context: As dax_region_unplug().
 * Return: 0; -ECANCELED when @ctl says so, since the caller has to look at what is
 * there, and to call again: what is not done yet stays shut until then. Else why some
 * of it is not System RAM: then it can be used without.
 */
int dax_region_resume(struct device *parent, struct mhp_ctl *ctl)
{
	struct dax_undo undo = { .ctl = ctl };
	int rc;

	device_lock_assert(parent);
	rc = device_for_each_child(parent, &undo, dax_unplug_undo);
	if (rc)
		return rc;
	dax_region_reopen(dev_get_drvdata(parent));
	return undo.rc;
}
EXPORT_SYMBOL_GPL(dax_region_resume);

/**
 * dev_dax_take_down - unbind a device from its driver, if nobody uses it
 * @dev_dax: a device of a fixed dax region
 * @plugged: also when it is System RAM, which is unplugged then
 * @ctl: whether to give up
 *
 * On success the device can be neither opened nor bound to a driver, until
 * dev_dax_bring_back().
 *
 * Context: As dax_region_unplug(). The device lock of the region's device is
 * held, that of @dev_dax is not.
 * Return: 0; -EBUSY when the device is open, mapped, held by a filesystem, or
 * System RAM that is not to be unplugged; -ENOMEM; else as
 * offline_and_remove_memory_ranges(). On failure everything is as it was.
 */
int dev_dax_take_down(struct dev_dax *dev_dax, bool plugged,
		      struct mhp_ctl *ctl)
{
	struct dax_unplug unplug = {
		.ctl = ctl,
		.devs = &dev_dax,
		.max_devs = 1,
		.max_ranges = dev_dax->nr_range,
	};
	struct device *dev = &dev_dax->dev;
	int rc;

	device_lock_assert(dev->parent);

	struct range *ranges __free(kvfree) =
		kvmalloc_array(dev_dax->nr_range, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;

	unplug.ranges = ranges;
	rc = dax_unplug_add(dev, &unplug);
	if (rc)
		return rc;
	if (unplug.nr_ranges)
		rc = !plugged ? -EBUSY :
		     offline_and_remove_memory_ranges(ranges, unplug.nr_ranges,
						      ctl);
	/* kmem without memory is nothing that has to go */
	if (!rc)
		dev_dax->unbound = dev->driver &&
				   to_dax_drv(dev->driver)->type != DAXDRV_KMEM_TYPE;
	dax_unplug_finish(&unplug, !rc);
	if (rc)
		return rc;

	dev_dax->down = true;
	if (dev_dax->unbound)
		device_release_driver(dev);
	return 0;
}
EXPORT_SYMBOL_GPL(dev_dax_take_down);

/**
 * dev_dax_bring_back - undo dev_dax_take_down()
 * @dev_dax: the device
 *
 * If it had a driver that was unbound, it has the one now that it would have if it
 * had just been created.
 */
void dev_dax_bring_back(struct dev_dax *dev_dax)
{
	dev_dax->down = false;
	/* Somebody is about to unbind all of them, or reopens this one as well */
	if (READ_ONCE(dev_dax->region->shut))
		return;
	dax_reopen(dev_dax);
	if (dev_dax->unbound && device_attach(&dev_dax->dev) <= 0)
		dev_err(&dev_dax->dev, "not given back, but no driver takes it again\n");
}
EXPORT_SYMBOL_GPL(dev_dax_bring_back);

/**
 * dev_dax_lose - the memory of a device is not there any more
 * @dev_dax: the device
 * @ctl: whether to give up, NULL to wait for as long as it takes
 *
 * It is not mapped any more when this returns, and whoever touches what was a
 * mapping gets SIGBUS. A filesystem on it is told. No driver can have it again.
 *
 * Context: As dev_dax_take_down().
 * Return: 0, or what @ctl says.
 */
int dev_dax_lose(struct dev_dax *dev_dax, struct mhp_ctl *ctl)
{
	int rc;

	device_lock_assert(dev_dax->dev.parent);

	/* Whoever has the lock for long sees that, and lets go */
	WRITE_ONCE(dev_dax->lost, true);
	rc = mhp_lock_device(&dev_dax->dev, ctl);
	if (rc)
		return rc;

	if (dev_dax->dev.driver)
		kill_dev_dax(dev_dax);
	device_unlock(&dev_dax->dev);
	return 0;
}
EXPORT_SYMBOL_GPL(dev_dax_lose);
