// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory_guard.h>
#include <linux/memory_hotplug.h>
#include <cxl.h>
#include <sysram.h>
#include "core.h"
#include "sysram_op.h"

/**
 * DOC: cxl sysram policy
 *
 * What is to be done with capacity as it arrives. All words but one are a wish
 * that is looked up at that moment. "never" is a promise: the region registers a
 * guard with memory hotplug, after which nobody can make System RAM of its
 * addresses, not this driver and not kmem either, until the policy changes or the
 * driver lets go of the region. DAX may have them.
 *
 * Memory that other hosts can use is promised from the start, and for good: no
 * word can be written that would let somebody online it.
 *
 * The guard is registered and dropped by an operation, since either waits for
 * memory hotplug; the operation also sees to it that nothing is plugged meanwhile.
 */

static int cxl_sysram_guard(struct cxl_sysram_region *cxlr_sysram,
			    const struct cxl_sysram_request *req)
{
	int rc = 0;

	if (!cxlr_sysram->guarded)
		rc = memory_guard_register(&cxlr_sysram->guard,
					   cxlr_sysram->hpa_range.start,
					   range_len(&cxlr_sysram->hpa_range),
					   dev_name(&cxlr_sysram->dev),
					   cxlr_sysram->ctl);
	if (rc)
		return rc;
	cxlr_sysram->guarded = true;
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->policy = CXL_SYSRAM_POLICY_NEVER;
	cxlr_sysram->boot_policy = CXL_SYSRAM_POLICY_NONE;
	return 0;
}

/**
 * cxl_sysram_region_unguard - the memory may become System RAM again
 * @cxlr_sysram: the region
 *
 * Context: After the last operation.
 */
void cxl_sysram_region_unguard(struct cxl_sysram_region *cxlr_sysram)
{
	if (cxlr_sysram->guarded)
		memory_guard_unregister(&cxlr_sysram->guard, NULL);
	cxlr_sysram->guarded = false;
}

/* One step: an operation that is given up leaves guard and policy */
static int cxl_sysram_unguard(struct cxl_sysram_region *cxlr_sysram,
			      const struct cxl_sysram_request *req)
{
	int rc = 0;

	if (cxlr_sysram->guarded)
		rc = memory_guard_unregister(&cxlr_sysram->guard,
					     cxlr_sysram->ctl);
	if (rc)
		return rc;
	cxlr_sysram->guarded = false;
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->policy = req->policy;
	return 0;
}

/* All policies but "never" take effect when capacity arrives, and just change */
static int cxl_sysram_region_change(struct cxl_sysram_region *cxlr_sysram,
				    enum cxl_sysram_policy policy)
{
	guard(spinlock)(&cxlr_sysram->lock);
	if (cxlr_sysram->dying)
		return -ENXIO;
	if (cxlr_sysram->policy == CXL_SYSRAM_POLICY_NEVER)
		return -EAGAIN;
	cxlr_sysram->policy = policy;
	/* A later word of the user overrides that of the boot */
	cxlr_sysram->boot_policy = CXL_SYSRAM_POLICY_NONE;
	return 0;
}

/**
 * cxl_sysram_region_set_policy - what to do with capacity from now on
 * @cxlr_sysram: the region
 * @policy: any
 *
 * Does not touch what is plugged.
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -EPERM when other hosts can use the memory and @policy is not
 * CXL_SYSRAM_POLICY_NEVER; -EBUSY when it is, and some of the memory is plugged;
 * -ENXIO when the region is about to go; or why the operation did not run.
 */
int cxl_sysram_region_set_policy(struct cxl_sysram_region *cxlr_sysram,
				 enum cxl_sysram_policy policy)
{
	enum cxl_sysram_policy was = cxl_sysram_region_policy(cxlr_sysram);
	struct cxl_sysram_request req = { .policy = policy };
	int rc;

	if (policy != CXL_SYSRAM_POLICY_NEVER && cxlr_sysram->shareable)
		return -EPERM;

	if (policy == CXL_SYSRAM_POLICY_NEVER) {
		rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
				       cxl_sysram_guard, NULL);
	} else {
		rc = cxl_sysram_region_change(cxlr_sysram, policy);
		if (rc == -EAGAIN)
			rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
					       cxl_sysram_unguard, &req);
	}

	if (!rc && was != policy)
		kobject_uevent(&cxlr_sysram->dev.kobj, KOBJ_CHANGE);
	return rc;
}

/**
 * cxl_sysram_region_policy - the policy for capacity as it arrives
 * @cxlr_sysram: the region
 *
 * Return: the value of 'hotplug'.
 */
enum cxl_sysram_policy
cxl_sysram_region_policy(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	return cxlr_sysram->policy;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_policy, "dax_cxl");

/**
 * cxl_sysram_region_apply - plug capacity if the policy says so
 * @cxlr_sysram: the region
 * @policy: any
 * @hpa: the capacity
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0, also for a policy that plugs nothing; else as
 * cxl_sysram_region_set_state().
 */
int cxl_sysram_region_apply(struct cxl_sysram_region *cxlr_sysram,
			    enum cxl_sysram_policy policy,
			    const struct range *hpa)
{
	enum cxl_sysram_state want = cxl_sysram_policy_state(policy);

	if (want == CXL_SYSRAM_UNPLUGGED)
		return 0;
	return cxl_sysram_range_set_state(cxlr_sysram, want, hpa);
}

/**
 * cxl_sysram_region_apply_boot - apply the policy of the boot, once
 * @cxlr_sysram: the region
 *
 * By whichever comes last, the region or the System RAM driver.
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 */
void cxl_sysram_region_apply_boot(struct cxl_sysram_region *cxlr_sysram)
{
	enum cxl_sysram_policy policy;
	int rc;

	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (!cxlr_sysram->ops)
			return;
		policy = cxlr_sysram->boot_policy;
		cxlr_sysram->boot_policy = CXL_SYSRAM_POLICY_NONE;
	}

	/* The device works without: the user sees the reason, and may retry */
	rc = cxl_sysram_region_apply(cxlr_sysram, policy,
				     &cxlr_sysram->hpa_range);
	if (rc)
		dev_err(&cxlr_sysram->dev, "sysram_hotplug=%s failed: %pe\n",
			cxl_sysram_policy_to_str(policy), ERR_PTR(rc));
}

/**
 * cxl_sysram_region_boot - apply a policy to the capacity that is there
 * @cxlr_sysram: the region, complete
 * @policy: from sysram_hotplug=
 *
 * At once if the System RAM driver is bound, else when it is.
 *
 * Context: Probe of the region's driver, see cxl_sysram_op_run().
 */
void cxl_sysram_region_boot(struct cxl_sysram_region *cxlr_sysram,
			    enum cxl_sysram_policy policy)
{
	/* A word that the user has written since the file appeared is a later one */
	scoped_guard(spinlock, &cxlr_sysram->lock)
		if (cxlr_sysram->policy == policy)
			cxlr_sysram->boot_policy = policy;
	cxl_sysram_region_apply_boot(cxlr_sysram);
}
