// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <cxlmem.h>
#include <cxl.h>
#include <dcd.h>
#include "core.h"
#include "region_extent.h"
#include "sysram_op.h"

/**
 * DOC: cxl sysram binding
 *
 * The sysram_region driver takes a committed RAM region when it is told to, by
 * its bind file, by driver_override or by region_driver= for regions that
 * firmware has set up, and puts a sysram_region on it.
 *
 * Letting go is refused while memory cannot be unplugged. The driver core has
 * no way to refuse, so every path on which a user can take the region away
 * (unbind, commit, a target, delete_region) asks cxl_region_quiesce() first,
 * before it touches a decoder. A device that is pulled does not ask: then the
 * memory blocks stay, and the System RAM driver says what that means.
 */

static const char *region_driver = "cxl_region";
static enum cxl_sysram_policy sysram_hotplug = CXL_SYSRAM_POLICY_NONE;

/*
 * A misspelt word must not put memory online, and must not keep all other CXL
 * devices from working either: it stands for the choice that can be mended later.
 */
static int region_driver_set(const char *val, const struct kernel_param *kp)
{
	if (sysfs_streq(val, "cxl_region")) {
		region_driver = "cxl_region";
		return 0;
	}
	region_driver = "sysram_region";
	if (!sysfs_streq(val, region_driver))
		pr_warn("region_driver=%s is not known, %s takes RAM regions; write cxl_region or sysram_region\n",
			val, region_driver);
	return 0;
}

static int region_driver_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", region_driver);
}

static const struct kernel_param_ops region_driver_ops = {
	.set = region_driver_set,
	.get = region_driver_get,
};
module_param_cb(region_driver, &region_driver_ops, NULL, 0444);
MODULE_PARM_DESC(region_driver,
		 "Driver for RAM regions that firmware has set up: cxl_region (default) or sysram_region");

static int sysram_hotplug_set(const char *val, const struct kernel_param *kp)
{
	int policy = cxl_sysram_policy_from_str(val, strlen(val));

	/* see region_driver_set() */
	sysram_hotplug = policy < 0 ? CXL_SYSRAM_POLICY_NEVER : policy;
	if (policy < 0)
		pr_warn("sysram_hotplug=%s is not known and stands for never; write a word of sysram_regionN/hotplug\n",
			val);
	return 0;
}

static int sysram_hotplug_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", cxl_sysram_policy_to_str(sysram_hotplug));
}

static const struct kernel_param_ops sysram_hotplug_ops = {
	.set = sysram_hotplug_set,
	.get = sysram_hotplug_get,
};
module_param_cb(sysram_hotplug, &sysram_hotplug_ops, NULL, 0444);
MODULE_PARM_DESC(sysram_hotplug,
		 "Policy for RAM regions that firmware has set up and sysram_region takes (default none)");

static int match_sysram_region(struct device *dev, const void *data)
{
	return is_cxl_sysram_region(dev);
}

/* Runs as an operation */
static int cxl_sysram_unplug_dax(struct cxl_sysram_region *cxlr_sysram,
				 const struct cxl_sysram_request *req)
{
	int rc;

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

/* What DAX made of it may be used again, and is what it was */
static void cxl_sysram_resume_dax(struct cxl_sysram_region *cxlr_sysram)
{
	struct device *dev __free(put_device) = cxl_sysram_region_dax(cxlr_sysram);
	if (!dev)
		return;

	guard(device)(dev);
	if (dev->driver && to_cxl_drv(dev->driver)->resume)
		to_cxl_drv(dev->driver)->resume(dev);
}

/**
 * cxl_sysram_region_unplug_dax - take down what DAX made of the capacity
 * @cxlr_sysram: a region whose capacity, or some of it, DAX has
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting. The
 * device lock of dax_regionN must not be held.
 * Return: 0 when nothing below dax_regionN is in use any more, and cannot be
 * until it is unbound; -EBUSY when a device is open, or its memory cannot go;
 * see cxl_sysram_op_run() for the others. On failure nothing has changed.
 */
int cxl_sysram_region_unplug_dax(struct cxl_sysram_region *cxlr_sysram)
{
	int rc;

	rc = cxl_sysram_op_run(cxlr_sysram, cxlr_sysram->dynamic ?
			       CXL_SYSRAM_OP_REGION : CXL_SYSRAM_OP_DAX,
			       cxl_sysram_unplug_dax, NULL);
	/* What has arrived meanwhile */
	if (rc && cxlr_sysram->dynamic)
		queue_work(system_dfl_wq, &cxlr_sysram->arrive_work);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_unplug_dax, "dax_cxl");

static int cxl_sysram_unplug_units(struct cxl_sysram_region *cxlr_sysram,
				   const struct cxl_sysram_ops *ops)
{
	int nr;

	struct range *units __free(kvfree) =
		cxl_sysram_region_units(cxlr_sysram, &cxlr_sysram->hpa_range,
					true, &nr);
	if (IS_ERR(units))
		return PTR_ERR(units);
	return ops->set_state(cxlr_sysram, CXL_SYSRAM_UNPLUGGED, units, nr);
}

static int cxl_sysram_unplug_all(struct cxl_sysram_region *cxlr_sysram,
				 const struct cxl_sysram_request *req)
{
	const struct cxl_sysram_ops *ops;
	bool dax_owned, plugged;
	int rc = 0;

	/* This operation keeps the driver, and both owners from changing */
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		dax_owned = cxlr_sysram->dax_owned;
		plugged = cxlr_sysram->plugged;
		ops = cxlr_sysram->ops;
	}

	if (dax_owned || cxlr_sysram->dynamic)
		rc = cxl_sysram_unplug_dax(cxlr_sysram, NULL);
	if (rc)
		return rc;

	if (plugged)
		rc = ops ? cxl_sysram_unplug_units(cxlr_sysram, ops) : -EBUSY;
	/* What kmem could not take back before is nobody's any more, but in use */
	if (!rc && cxl_sysram_range_plugged(&cxlr_sysram->hpa_range))
		rc = -EBUSY;
	/* There is nothing to give back to when the device was pulled */
	if (rc && !READ_ONCE(cxlr_sysram->stopped))
		cxl_sysram_resume_dax(cxlr_sysram);
	return rc;
}

/* Operations may start again, unless the region goes for another reason */
static void cxl_sysram_revive(struct cxl_sysram_region *cxlr_sysram)
{
	scoped_guard(spinlock, &cxlr_sysram->lock)
		cxlr_sysram->dying = cxlr_sysram->stopped;
	/* What has arrived meanwhile */
	if (cxlr_sysram->dynamic)
		queue_work(system_dfl_wq, &cxlr_sysram->arrive_work);
}

/**
 * cxl_region_quiesce - unplug a region that is to be taken away, or refuse
 * @cxlr: any region
 *
 * On success nothing can be plugged until the region is let go, or given back
 * by cxl_region_resume(). A region that is not under sysram_region is always
 * ready, as it has always been.
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -EBUSY when memory or a dax device is in use, or somebody else is
 * about to take the region away; -ERESTARTSYS on a signal. On failure
 * nothing has changed.
 */
int cxl_region_quiesce(struct cxl_region *cxlr)
{
	struct cxl_sysram_region *cxlr_sysram;
	int rc;

	struct device *dev __free(put_device) =
		device_find_child(&cxlr->dev, NULL, match_sysram_region);
	if (!dev)
		return 0;

	cxlr_sysram = to_cxl_sysram_region(dev);
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (cxlr_sysram->dying)
			return -EBUSY;
		cxlr_sysram->dying = true;
	}

	rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_TEARDOWN,
			       cxl_sysram_unplug_all, NULL);
	if (rc)
		cxl_sysram_revive(cxlr_sysram);
	return rc;
}

/**
 * cxl_region_resume - a region that was quiesced is not taken away after all
 * @cxlr: any region
 */
void cxl_region_resume(struct cxl_region *cxlr)
{
	struct cxl_sysram_region *cxlr_sysram;

	struct device *dev __free(put_device) =
		device_find_child(&cxlr->dev, NULL, match_sysram_region);
	if (!dev)
		return;

	cxlr_sysram = to_cxl_sysram_region(dev);
	cxl_sysram_resume_dax(cxlr_sysram);
	cxl_sysram_revive(cxlr_sysram);
}

/* Which regions sysram_region may have at all, before anything is set up */
static int cxl_sysram_may_probe(struct cxl_region *cxlr, const char **why)
{
	int rc;

	rc = cxl_region_can_probe(cxlr);
	if (rc) {
		*why = rc == -ENXIO ? "it is not committed" : "interrupted";
		return rc;
	}

	if (cxlr->mode == CXL_PARTMODE_PMEM) {
		*why = "it is persistent memory";
		return -EOPNOTSUPP;
	}

	if (cxlr->type != CXL_DECODER_HOSTONLYMEM ||
	    cxl_region_has_memdev_attach(cxlr)) {
		*why = "it belongs to an accelerator (type-2) device";
		return -EOPNOTSUPP;
	}

	if (cxl_region_is_system_ram(cxlr)) {
		*why = "it is System RAM already";
		return -EBUSY;
	}

	return 0;
}

static void cxl_sysram_unlink_dax(void *_cxlr_dax)
{
	struct cxl_dax_region *cxlr_dax = _cxlr_dax;

	sysfs_remove_link(&cxlr_dax->cxlr->dev.kobj, dev_name(&cxlr_dax->dev));
}

/* libcxl looks for <regionN>/dax_regionN, wherever that device really is */
static int devm_cxl_link_dax(struct cxl_dax_region *cxlr_dax)
{
	struct device *dev = &cxlr_dax->cxlr->dev;
	int rc;

	rc = sysfs_create_link(&dev->kobj, &cxlr_dax->dev.kobj,
			       dev_name(&cxlr_dax->dev));
	if (rc)
		return rc;
	return devm_add_action_or_reset(dev, cxl_sysram_unlink_dax, cxlr_dax);
}

static void cxl_sysram_stop(void *cxlr_sysram)
{
	cxl_sysram_region_stop(cxlr_sysram);
}

static int cxl_sysram_probe(struct device *dev)
{
	enum cxl_sysram_policy policy = CXL_SYSRAM_POLICY_NONE;
	struct cxl_region *cxlr = to_cxl_region(dev);
	struct cxl_sysram_region *cxlr_sysram;
	struct cxl_dax_region *cxlr_dax;
	const char *why;
	int rc;

	rc = cxl_sysram_may_probe(cxlr, &why);
	if (rc) {
		dev_info_ratelimited(dev, "not for sysram_region: %s\n", why);
		return rc;
	}

	rc = cxl_region_setup(cxlr);
	if (rc)
		return rc;
	cxl_region_setup_edac(cxlr);

	if (test_bit(CXL_REGION_F_AUTO, &cxlr->flags))
		policy = sysram_hotplug;

	cxlr_sysram = devm_cxl_add_sysram_region(cxlr);
	if (IS_ERR(cxlr_sysram))
		return PTR_ERR(cxlr_sysram);

	/* Before there is anything that somebody else could plug */
	if (cxlr_sysram->shareable)
		policy = CXL_SYSRAM_POLICY_NEVER;
	rc = cxl_sysram_region_set_policy(cxlr_sysram, policy);
	if (rc)
		return rc;

	cxlr_dax = devm_cxl_add_dax_region(cxlr, &cxlr_sysram->dev);
	if (IS_ERR(cxlr_dax))
		return PTR_ERR(cxlr_dax);

	rc = devm_cxl_link_dax(cxlr_dax);
	if (rc)
		return rc;

	if (cxlr_sysram->dynamic) {
		rc = devm_cxl_dcd_attach(cxlr_sysram);
		if (rc)
			return rc;
	}

	/* The first to be undone, before anything waits for the operation */
	rc = devm_add_action_or_reset(dev, cxl_sysram_stop, cxlr_sysram);
	if (rc)
		return rc;

	/* In a dynamic region the policy is applied to the capacity as it comes */
	if (!cxlr_sysram->dynamic)
		cxl_sysram_region_boot(cxlr_sysram, policy);
	return 0;
}

/*
 * The guard goes with the driver. The override stays, so that enabling the region
 * again does not put the memory online.
 */
static void cxl_sysram_remove(struct device *dev)
{
	struct device *child __free(put_device) =
		device_find_child(dev, NULL, match_sysram_region);

	if (child && cxl_sysram_region_policy(to_cxl_sysram_region(child)) ==
	    CXL_SYSRAM_POLICY_NEVER)
		return;
	cxl_explicit_released(dev, dev->driver);
}

static ssize_t bind_store(struct device_driver *drv, const char *buf, size_t len)
{
	struct cxl_region *cxlr;
	int rc;

	struct device *dev __free(put_device) = cxl_explicit_find(drv, buf);
	if (!dev)
		return -ENODEV;

	/*
	 * Tools that try one driver after the other must not end up here with
	 * a region that cxl_region failed to bring up.
	 */
	cxlr = to_cxl_region(dev);
	rc = READ_ONCE(cxlr->probe_rc);
	if (rc && device_match_driver_override(dev, drv) <= 0) {
		dev_info_ratelimited(dev,
				     "cxl_region failed on it: %pe, set driver_override to insist on sysram_region\n",
				     ERR_PTR(rc));
		return rc;
	}

	rc = cxl_explicit_bind(drv, dev);
	return rc ?: len;
}

static ssize_t unbind_store(struct device_driver *drv, const char *buf,
			    size_t len)
{
	int rc;

	struct device *dev __free(put_device) = cxl_explicit_find(drv, buf);
	if (!dev || READ_ONCE(dev->driver) != drv)
		return -ENODEV;

	rc = cxl_region_quiesce(to_cxl_region(dev));
	if (rc)
		return rc;

	device_release_driver(dev);
	return len;
}

/*
 * Writing to these files can remove the driver's links to the device, not the
 * files themselves: no recursion, as lockdep would have it.
 */
static struct driver_attribute driver_attr_bind =
	__ATTR_IGNORE_LOCKDEP(bind, 0200, NULL, bind_store);
static struct driver_attribute driver_attr_unbind =
	__ATTR_IGNORE_LOCKDEP(unbind, 0200, NULL, unbind_store);

static struct attribute *cxl_sysram_driver_attrs[] = {
	&driver_attr_bind.attr,
	&driver_attr_unbind.attr,
	NULL,
};
ATTRIBUTE_GROUPS(cxl_sysram_driver);

static struct cxl_driver cxl_sysram_region_driver = {
	.name = "sysram_region",
	.probe = cxl_sysram_probe,
	.remove = cxl_sysram_remove,
	.id = CXL_DEVICE_REGION,
	.explicit = true,
	.drv = {
		.suppress_bind_attrs = true,
		.groups = cxl_sysram_driver_groups,
	},
};

/**
 * cxl_sysram_choose - apply region_driver= to a region that firmware has set up
 * @cxlr: a committed region without a driver
 *
 * A region that sysram_region could not have stays with cxl_region, and so does
 * one for which a choice has been made before.
 *
 * Context: Process context, before the region is attached to a driver.
 */
void cxl_sysram_choose(struct cxl_region *cxlr)
{
	const struct device_driver *drv = &cxl_sysram_region_driver.drv;
	const char *why;

	if (strcmp(region_driver, drv->name))
		return;
	if (!test_bit(CXL_REGION_F_AUTO, &cxlr->flags) ||
	    device_has_driver_override(&cxlr->dev) ||
	    cxl_sysram_may_probe(cxlr, &why))
		return;

	if (device_set_driver_override(&cxlr->dev, drv->name))
		dev_err(&cxlr->dev, "region_driver= has no effect: %pe\n",
			ERR_PTR(-ENOMEM));
}

int cxl_sysram_init(void)
{
	return cxl_driver_register(&cxl_sysram_region_driver);
}

void cxl_sysram_exit(void)
{
	cxl_driver_unregister(&cxl_sysram_region_driver);
}

/* Bring the System RAM driver along, so that 'state' works when bind returns */
MODULE_SOFTDEP("post: cxl_sysram");
