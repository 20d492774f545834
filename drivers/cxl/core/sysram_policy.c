// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory_guard.h>
#include <linux/memory_hotplug.h>
#include "sysram_core.h"

/**
 * DOC: cxl sysram policy
 *
 * The policy says what is to become of capacity as it arrives. It is looked up at
 * that moment, and does not touch what is there already.
 *
 * "never" takes effect at once: the region registers a guard with memory hotplug,
 * after which nobody can make System RAM of its addresses, not this driver and not
 * kmem either, until the policy changes or the region's driver is unbound. DAX may
 * have them. For memory that other hosts can use this is the only policy.
 *
 * A user's word registers and unregisters the guard by an operation, which waits for
 * memory hotplug and sees to it that nothing is plugged meanwhile. Where a driver is
 * bound or unbound nothing waits.
 */

/*
 * It is compared with what it is at this moment: of two writers, each may have begun with
 * another one. What differs from "never" needs the guard, and so an operation.
 */
static int cxl_sysram_policy_change(struct cxl_sysram_region *cxlr_sysram,
				    enum cxl_sysram_state policy, bool op)
{
	enum cxl_sysram_state was;

	scoped_guard(spinlock, &cxlr_sysram->lock) {
		was = cxlr_sysram->policy;
		if (!op && cxlr_sysram->dying)
			return -ENXIO;
		if (!op && was == CXL_SYSRAM_NEVER)
			return -EAGAIN;
		cxlr_sysram->policy = policy;
		/* A user's word overrides that of the kernel command line */
		cxlr_sysram->boot_policy = CXL_SYSRAM_UNPLUGGED;
	}
	if (was != policy && device_is_registered(&cxlr_sysram->dev))
		kobject_uevent(&cxlr_sysram->dev.kobj, KOBJ_CHANGE);
	return 0;
}

static int cxl_sysram_guard(struct cxl_sysram_region *cxlr_sysram,
			    struct mhp_ctl *ctl)
{
	int rc = 0;

	if (!cxlr_sysram->guarded)
		rc = memory_guard_register(&cxlr_sysram->guard,
					   cxlr_sysram->hpa_range.start,
					   range_len(&cxlr_sysram->hpa_range),
					   dev_name(&cxlr_sysram->dev), ctl);
	if (rc)
		return rc;
	cxlr_sysram->guarded = true;
	return cxl_sysram_policy_change(cxlr_sysram, CXL_SYSRAM_NEVER, true);
}

static int cxl_sysram_guard_op(struct cxl_sysram_region *cxlr_sysram,
			       const struct cxl_sysram_request *req)
{
	return cxl_sysram_guard(cxlr_sysram, cxlr_sysram->ctl);
}

/**
 * cxl_sysram_region_guard - a region begins with "never"
 * @cxlr_sysram: the region
 *
 * Context: Before the first operation. Does not wait for memory hotplug.
 * Return: 0; -EBUSY when some of the memory is System RAM.
 */
int cxl_sysram_region_guard(struct cxl_sysram_region *cxlr_sysram)
{
	return cxl_sysram_guard(cxlr_sysram, NULL);
}

/**
 * cxl_sysram_region_unguard - the memory may become System RAM again
 * @cxlr_sysram: the region
 *
 * Context: After the last operation. Does not wait for memory hotplug.
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
	return cxl_sysram_policy_change(cxlr_sysram, req->policy, true);
}

/**
 * cxl_sysram_region_set_policy - what to do with capacity from now on
 * @cxlr_sysram: the region
 * @policy: CXL_SYSRAM_NEVER, or what capacity is to become as it arrives
 *
 * Does not touch what is plugged.
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -EPERM when other hosts can use the memory and @policy is not
 * CXL_SYSRAM_NEVER; -EBUSY when it is, and some of the memory is plugged;
 * -ENXIO when the region is about to be removed; or why the operation did not run.
 */
int cxl_sysram_region_set_policy(struct cxl_sysram_region *cxlr_sysram,
				 enum cxl_sysram_state policy)
{
	struct cxl_sysram_request req = { .policy = policy };
	int rc;

	if (policy != CXL_SYSRAM_NEVER && cxlr_sysram->shareable)
		return -EPERM;

	if (policy == CXL_SYSRAM_NEVER)
		return cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
					 cxl_sysram_guard_op, NULL);

	/* All others take effect when capacity arrives, and just change */
	rc = cxl_sysram_policy_change(cxlr_sysram, policy, false);
	if (rc == -EAGAIN)
		rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
				       cxl_sysram_unguard, &req);
	return rc;
}

/**
 * cxl_sysram_region_policy - the policy for capacity as it arrives
 * @cxlr_sysram: the region
 *
 * Return: the value of 'hotplug'.
 */
enum cxl_sysram_state
cxl_sysram_region_policy(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	return cxlr_sysram->policy;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_policy, "dax_cxl");

/**
 * cxl_sysram_policy_show - what a file with the policy reads
 * @cxlr_sysram: the region
 * @buf: of the file
 *
 * Return: bytes.
 */
ssize_t cxl_sysram_policy_show(struct cxl_sysram_region *cxlr_sysram, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  cxl_sysram_policy_to_str(cxl_sysram_region_policy(cxlr_sysram)));
}

/**
 * cxl_sysram_policy_store - a file with the policy is written
 * @cxlr_sysram: the region
 * @buf: what was written
 * @len: bytes
 *
 * Return: @len, -EINVAL for no such word, else see cxl_sysram_region_set_policy().
 */
ssize_t cxl_sysram_policy_store(struct cxl_sysram_region *cxlr_sysram,
				const char *buf, size_t len)
{
	int rc = cxl_sysram_policy_from_str(buf, len);

	if (rc < 0)
		return rc;
	rc = cxl_sysram_region_set_policy(cxlr_sysram, rc);
	return rc ?: len;
}
