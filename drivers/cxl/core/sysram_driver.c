// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/kmod.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <cxlmem.h>
#include <cxl.h>
#include "core.h"
#include "sysram_core.h"

/**
 * DOC: cxl sysram binding
 *
 * The sysram_region driver takes a committed RAM region when it is told to, by its
 * bind file, by driver_override or by region_driver= for regions that firmware has set
 * up, and puts a sysram_region on it.
 *
 * It is the owner of such a region (region_owner.c): before a user can take the region
 * away, all of its memory is unplugged, or that is refused. What was unplugged is
 * recorded, and is plugged again if the region stays after all. When a device is
 * pulled its memory blocks stay, and the System RAM driver logs what that means.
 */

static int match_sysram_region(struct device *dev, const void *data)
{
	return is_cxl_sysram_region(dev);
}

static int sysram_region_unplug_units(struct cxl_sysram_region *cxlr_sysram,
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

/* So that what was unplugged can be plugged again, the System RAM driver stays loaded */
static void sysram_region_hold(struct cxl_sysram_region *cxlr_sysram,
			       const struct cxl_sysram_ops *ops)
{
	if (!ops)
		return;
	__module_get(ops->owner);
	cxlr_sysram->held = ops->owner;
}

static void sysram_region_unhold(struct cxl_sysram_region *cxlr_sysram)
{
	/* module_put() knows what NULL is */
	module_put(xchg(&cxlr_sysram->held, NULL));
}

static enum cxl_sysram_state sysram_region_state(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_census census;

	cxl_sysram_region_census(cxlr_sysram, &census);
	return cxl_sysram_census_state(&census);
}

/* Runs as an operation */
static int sysram_region_unplug(struct cxl_sysram_region *cxlr_sysram,
				const struct cxl_sysram_request *req)
{
	const struct cxl_sysram_ops *ops = cxl_sysram_op_driver(cxlr_sysram);
	bool dax_owned, plugged;
	int rc = 0;

	cxlr_sysram->down = true;
	cxl_sysram_op_record(cxlr_sysram);
	cxlr_sysram->quiesced = sysram_region_state(cxlr_sysram);
	/* This operation keeps both owners from changing */
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		dax_owned = cxlr_sysram->dax_owned;
		plugged = cxlr_sysram->plugged;
	}

	if (dax_owned || cxlr_sysram->dynamic) {
		rc = cxl_sysram_unplug_dax(cxlr_sysram);
		if (rc)
			return rc;
		cxlr_sysram->dax_down = true;
	}

	if (plugged)
		rc = cxl_sysram_region_check_unplug(cxlr_sysram, &cxlr_sysram->hpa_range,
						    false);
	if (plugged && !rc)
		rc = ops ? sysram_region_unplug_units(cxlr_sysram, ops) : -EBUSY;
	/* What kmem has left online when it was unbound has no owner, but users */
	if (!rc && cxl_sysram_range_plugged(&cxlr_sysram->hpa_range))
		rc = -EBUSY;
	if (!rc)
		sysram_region_hold(cxlr_sysram, ops);
	return rc;
}

/* Operations may start again, unless the region is removed for another reason */
static void sysram_region_revive(struct cxl_sysram_region *cxlr_sysram)
{
	cxlr_sysram->down = false;
	cxlr_sysram->dax_down = false;
	sysram_region_unhold(cxlr_sysram);
	scoped_guard(spinlock, &cxlr_sysram->lock)
		cxlr_sysram->dying = cxlr_sysram->stopped;
	/* What has waited meanwhile */
	cxl_sysram_boot(cxlr_sysram);
	cxl_sysram_region_go_on(cxlr_sysram);
}

/* Runs as an operation */
static int sysram_region_go_back(struct cxl_sysram_region *cxlr_sysram,
				 const struct cxl_sysram_request *req)
{
	int rc = 0, failed = 0;

	cxl_sysram_op_record(cxlr_sysram);
	/* When the device was pulled, DAX cannot use the capacity any more */
	if (cxlr_sysram->dax_down && !READ_ONCE(cxlr_sysram->stopped))
		failed = cxl_sysram_resume_dax(cxlr_sysram);
	/* What DAX had of a static region, and cannot plug, is not plugged by others */
	if (!cxlr_sysram->dax_down || cxlr_sysram->dynamic)
		rc = cxl_sysram_replug_blocks(cxlr_sysram);
	/* Only of a dynamic one something may wait for the device's answer */
	if (!cxlr_sysram->dynamic)
		xa_destroy(&cxlr_sysram->record);
	return rc ?: failed;
}

/**
 * struct sysram_region_resume - a region stays after all
 * @work: in which memory is plugged again
 * @cxlr_sysram: the region
 */
struct sysram_region_resume {
	struct work_struct work;
	struct cxl_sysram_region *cxlr_sysram;
};

static void sysram_region_resume_work(struct work_struct *work)
{
	struct cxl_sysram_region *cxlr_sysram =
		container_of(work, struct sysram_region_resume, work)->cxlr_sysram;
	int rc;

	rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_TEARDOWN,
			       sysram_region_go_back, NULL);
	if (rc)
		dev_err(&cxlr_sysram->dev,
			"some memory was unplugged and is not plugged again: %pe\n",
			ERR_PTR(rc));
}

/* The caller may be here because it is being killed: not in its context */
static void sysram_region_stay(struct cxl_sysram_region *cxlr_sysram)
{
	struct sysram_region_resume resume = { .cxlr_sysram = cxlr_sysram };

	/* What waits for the device's answer is in the record, too */
	if (cxlr_sysram->down && (cxlr_sysram->dax_down || !xa_empty(&cxlr_sysram->record))) {
		INIT_WORK_ONSTACK(&resume.work, sysram_region_resume_work);
		queue_work(system_dfl_wq, &resume.work);
		flush_work(&resume.work);
		destroy_work_on_stack(&resume.work);
	}
	/* Also what mm could not bring back when it was refused */
	if (cxlr_sysram->down && sysram_region_state(cxlr_sysram) != cxlr_sysram->quiesced)
		kobject_uevent(&cxlr_sysram->dev.kobj, KOBJ_CHANGE);
	sysram_region_revive(cxlr_sysram);
}

static int sysram_region_quiesce(struct cxl_region *cxlr)
{
	struct cxl_sysram_region *cxlr_sysram;
	int rc;

	struct device *dev __free(put_device) =
		device_find_child(&cxlr->dev, NULL, match_sysram_region);
	if (!dev)
		return 0;

	cxlr_sysram = to_cxl_sysram_region(dev);
	scoped_guard(spinlock, &cxlr_sysram->lock)
		cxlr_sysram->dying = true;
	rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_TEARDOWN,
			       sysram_region_unplug, NULL);
	if (rc)
		sysram_region_stay(cxlr_sysram);
	return rc;
}

static void sysram_region_resume(struct cxl_region *cxlr)
{
	struct cxl_sysram_region *cxlr_sysram;

	struct device *dev __free(put_device) =
		device_find_child(&cxlr->dev, NULL, match_sysram_region);
	if (!dev)
		return;

	cxlr_sysram = to_cxl_sysram_region(dev);
	/* The device was pulled meanwhile: there is nothing to go back to */
	if (!READ_ONCE(cxlr_sysram->stopped))
		sysram_region_stay(cxlr_sysram);
}

static const struct cxl_region_owner_ops sysram_region_owner_ops = {
	.quiesce = sysram_region_quiesce,
	.resume = sysram_region_resume,
};

/* Which regions sysram_region may have at all, before anything is set up */
static int sysram_region_may_probe(struct cxl_region *cxlr, const char **why)
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

static void sysram_region_stop(void *_cxlr_sysram)
{
	struct cxl_sysram_region *cxlr_sysram = _cxlr_sysram;

	cxl_sysram_region_stop(cxlr_sysram);
	sysram_region_unhold(cxlr_sysram);
}

static int sysram_region_complete(struct cxl_sysram_region *cxlr_sysram)
{
	int rc;

	rc = devm_cxl_sysram_add_dax(cxlr_sysram);
	if (!rc && cxlr_sysram->dynamic)
		rc = cxlr_sysram->dynamic->ops->attach(cxlr_sysram);
	return rc;
}

static int sysram_region_setup(struct cxl_region *cxlr)
{
	struct cxl_sysram_region *cxlr_sysram;
	int rc;

	rc = cxl_region_setup(cxlr);
	if (rc)
		return rc;
	cxl_region_setup_edac(cxlr);

	cxlr_sysram = devm_cxl_add_sysram_region(cxlr, cxl_sysram_boot_policy(cxlr));
	if (IS_ERR(cxlr_sysram))
		return PTR_ERR(cxlr_sysram);

	rc = sysram_region_complete(cxlr_sysram);
	if (rc) {
		/* Who has found its files already does not wait for the rest of it */
		cxl_sysram_region_stop(cxlr_sysram);
		return rc;
	}

	/* The first to be undone, before anything waits for the operation */
	rc = devm_add_action_or_reset(&cxlr->dev, sysram_region_stop, cxlr_sysram);
	if (rc)
		return rc;

	cxl_sysram_region_settled(cxlr_sysram);
	cxl_sysram_boot(cxlr_sysram);
	return 0;
}

static int sysram_region_probe(struct device *dev)
{
	struct cxl_region *cxlr = to_cxl_region(dev);
	const char *why;
	int rc;

	rc = sysram_region_may_probe(cxlr, &why);
	if (rc) {
		dev_info_ratelimited(dev, "not for sysram_region: %s\n", why);
		return rc;
	}

	rc = cxl_region_own(cxlr, &sysram_region_owner_ops);
	if (rc)
		return rc;
	return cxl_region_owned(cxlr, sysram_region_setup(cxlr));
}

/*
 * The guard is dropped with the driver. The override stays, so that enabling the
 * region again does not put the memory online.
 */
static void sysram_region_remove(struct device *dev)
{
	struct device *child __free(put_device) =
		device_find_child(dev, NULL, match_sysram_region);

	cxl_region_disown(to_cxl_region(dev));
	if (child && cxl_sysram_region_policy(to_cxl_sysram_region(child)) ==
	    CXL_SYSRAM_NEVER)
		return;
	device_unclaim_driver_override(dev);
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

	/* So that 'state' works when this returns */
	request_module(CXL_MODALIAS_FMT, CXL_DEVICE_SYSRAM_REGION);

	rc = cxl_explicit_bind(drv, dev);
	return rc ?: len;
}

static ssize_t unbind_store(struct device_driver *drv, const char *buf,
			    size_t len)
{
	struct cxl_region *cxlr;
	int rc;

	struct device *dev __free(put_device) = cxl_explicit_find(drv, buf);
	if (!dev || READ_ONCE(dev->driver) != drv)
		return -ENODEV;

	cxlr = to_cxl_region(dev);
	rc = cxl_region_quiesce(cxlr);
	if (rc)
		return rc;

	/* Another unbind may have been faster, and cxl_region may have it by now */
	if (READ_ONCE(dev->driver) == drv)
		device_release_driver(dev);
	else
		rc = -ENODEV;
	cxl_region_resume(cxlr);
	return rc ?: len;
}

/*
 * Writing to these files can remove the driver's links to the device, not the
 * files themselves: no recursion, as lockdep would have it.
 */
static struct driver_attribute driver_attr_bind =
	__ATTR_IGNORE_LOCKDEP(bind, 0200, NULL, bind_store);
static struct driver_attribute driver_attr_unbind =
	__ATTR_IGNORE_LOCKDEP(unbind, 0200, NULL, unbind_store);

static struct attribute *sysram_region_driver_attrs[] = {
	&driver_attr_bind.attr,
	&driver_attr_unbind.attr,
	NULL,
};
ATTRIBUTE_GROUPS(sysram_region_driver);

static struct cxl_driver sysram_region_driver = {
	.name = "sysram_region",
	.probe = sysram_region_probe,
	.remove = sysram_region_remove,
	.id = CXL_DEVICE_REGION,
	.explicit = true,
	.drv = {
		.suppress_bind_attrs = true,
		.groups = sysram_region_driver_groups,
	},
};

/*
 * A region that sysram_region could not have stays with cxl_region. A signal says
 * nothing about that, and must not put memory online.
 */
static int sysram_region_choose(struct cxl_region *cxlr)
{
	const char *why;
	int rc;

	if (!cxl_sysram_boot_chosen(cxlr))
		return 0;
	rc = sysram_region_may_probe(cxlr, &why);
	if (rc && rc != -EINTR)
		return 0;
	return device_set_driver_override(&cxlr->dev, sysram_region_driver.name);
}

int cxl_sysram_init(void)
{
	cxl_region_set_chooser(sysram_region_choose);
	return cxl_driver_register(&sysram_region_driver);
}

void cxl_sysram_exit(void)
{
	cxl_driver_unregister(&sysram_region_driver);
	cxl_region_set_chooser(NULL);
}
