// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/module.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <cxl.h>
#include "core.h"
#include "sysram_core.h"

/**
 * DOC: cxl sysram boot
 *
 * Firmware may have set up RAM regions before Linux starts. region_driver= says
 * which driver they get, and sysram_hotplug= with which policy sysram_region takes
 * them.
 *
 * That policy is applied once, by a work item: neither the probe of a driver nor a
 * udev worker waits for memory hotplug. It is applied when the System RAM driver is
 * bound, unless a user has written another one before.
 */

static bool region_driver_sysram;
static enum cxl_sysram_state sysram_hotplug = CXL_SYSRAM_UNPLUGGED;

/*
 * A misspelt word must not put memory online, and must not keep all other CXL
 * devices from working either: it stands for the choice that can be mended later.
 */
static int region_driver_set(const char *val, const struct kernel_param *kp)
{
	region_driver_sysram = !sysfs_streq(val, "cxl_region");
	if (region_driver_sysram && !sysfs_streq(val, "sysram_region"))
		pr_warn("region_driver=%s is not known, sysram_region takes RAM regions; write cxl_region or sysram_region\n",
			val);
	return 0;
}

static int region_driver_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n",
			  region_driver_sysram ? "sysram_region" : "cxl_region");
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
	sysram_hotplug = policy < 0 ? CXL_SYSRAM_NEVER : policy;
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

/**
 * cxl_sysram_boot_chosen - is a region for sysram_region by region_driver=
 * @cxlr: a region without a driver
 *
 * A choice that a user has made for the region before stands.
 *
 * Return: true if it is.
 */
bool cxl_sysram_boot_chosen(struct cxl_region *cxlr)
{
	return region_driver_sysram &&
	       test_bit(CXL_REGION_F_AUTO, &cxlr->flags) &&
	       !device_has_driver_override(&cxlr->dev);
}

/**
 * cxl_sysram_boot_policy - the policy that a region starts with
 * @cxlr: a region that sysram_region is being bound to
 *
 * Return: that of sysram_hotplug=, if firmware has set up @cxlr.
 */
enum cxl_sysram_state cxl_sysram_boot_policy(struct cxl_region *cxlr)
{
	if (test_bit(CXL_REGION_F_AUTO, &cxlr->flags))
		return sysram_hotplug;
	return CXL_SYSRAM_UNPLUGGED;
}

/* Runs as an operation. What a user has written while it waited counts. */
static int cxl_sysram_boot_op(struct cxl_sysram_region *cxlr_sysram,
			      const struct cxl_sysram_request *unused)
{
	struct cxl_sysram_request req = { .range = cxlr_sysram->hpa_range };
	enum mmop type;
	int rc;

	scoped_guard(spinlock, &cxlr_sysram->lock) {
		/* Somebody is about to say something else, or will fail to */
		if (cxlr_sysram->boot_held)
			return 0;
		req.want = cxlr_sysram->boot_policy;
		cxlr_sysram->boot_policy = CXL_SYSRAM_UNPLUGGED;
	}
	if (!cxl_sysram_state_plugs(req.want, &type))
		return 0;

	rc = cxl_sysram_change(cxlr_sysram, &req);
	if (rc)
		dev_err(&cxlr_sysram->dev,
			"sysram_hotplug=%s failed: %pe, write %s to state to try again\n",
			cxl_sysram_policy_to_str(req.want), ERR_PTR(rc),
			cxl_sysram_state_to_str(req.want));
	return rc;
}

/*
 * Queued by the region and by the System RAM driver: the last one finds both. A
 * policy that cannot be applied yet is kept.
 */
static void cxl_sysram_boot_work(struct work_struct *work)
{
	struct cxl_sysram_region *cxlr_sysram =
		container_of(work, struct cxl_sysram_region, boot_work);
	enum mmop type;

	/* An operation with nothing to do would be in the way of others */
	if (cxl_sysram_state_plugs(READ_ONCE(cxlr_sysram->boot_policy), &type))
		cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_STATE,
				  cxl_sysram_boot_op, NULL);
}

/**
 * cxl_sysram_boot_init - set up what applies the policy of the boot
 * @cxlr_sysram: a region that is being made
 */
void cxl_sysram_boot_init(struct cxl_sysram_region *cxlr_sysram)
{
	INIT_WORK(&cxlr_sysram->boot_work, cxl_sysram_boot_work);
}

/**
 * cxl_sysram_boot_hold - what a user is about to write is a later word
 * @cxlr_sysram: the region
 *
 * To be followed by cxl_sysram_boot_release().
 */
void cxl_sysram_boot_hold(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->boot_held++;
}

/**
 * cxl_sysram_boot_release - that was done, or refused: then the boot's word stands
 * @cxlr_sysram: the region
 */
void cxl_sysram_boot_release(struct cxl_sysram_region *cxlr_sysram)
{
	scoped_guard(spinlock, &cxlr_sysram->lock)
		cxlr_sysram->boot_held--;
	queue_work(system_dfl_wq, &cxlr_sysram->boot_work);
}

/**
 * cxl_sysram_boot - apply the policy of the boot, if that was not done before
 * @cxlr_sysram: the region, complete, or not removed after all
 *
 * Context: Process context. Does not wait for it.
 */
void cxl_sysram_boot(struct cxl_sysram_region *cxlr_sysram)
{
	queue_work(system_dfl_wq, &cxlr_sysram->boot_work);
}
