// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <cxlmem.h>
#include <cxl.h>
#include "core.h"

/**
 * DOC: cxl region owner
 *
 * A driver of a region may have made something of it that has to be taken back before
 * the region can be. The driver core cannot refuse an unbind. So each path on which
 * a user can take a region away (unbind, commit, a target, delete_region) asks the
 * owner first, before a decoder is touched.
 *
 * A region that has an owner, or gets one, changes hands one at a time:
 * cxl_region::handover is -1 while an owner takes it, and from the question until the
 * region is gone, or has been given back by cxl_region_resume(). So there is no bind in
 * flight that the question cannot see, and none between the question and the deed. Those
 * who take away a region that has no owner are counted there: no owner takes it
 * meanwhile, and they are in nobody else's way.
 *
 * A device that is pulled does not ask.
 */

/**
 * cxl_region_own - take a region as its owner
 * @cxlr: the region, which the caller is being bound to
 * @ops: of the owner
 *
 * To be followed by cxl_region_owned() when the owner has taken it, or could not.
 *
 * Context: Probe of the region's driver.
 * Return: 0, or -EBUSY when @cxlr is being taken away at this moment.
 */
int cxl_region_own(struct cxl_region *cxlr, const struct cxl_region_owner_ops *ops)
{
	if (atomic_cmpxchg(&cxlr->handover, 0, -1))
		return -EBUSY;
	WRITE_ONCE(cxlr->owner, ops);
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_region_own, "cxl_handover_kunit");

/**
 * cxl_region_disown - a region has no owner any more
 * @cxlr: the region, which the owner is being unbound from
 *
 * Context: Remove of the region's driver.
 */
void cxl_region_disown(struct cxl_region *cxlr)
{
	WRITE_ONCE(cxlr->owner, NULL);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_region_disown, "cxl_handover_kunit");

/**
 * cxl_region_owned - a region has been taken, or not
 * @cxlr: the region
 * @rc: 0, or why the owner could not take it
 *
 * Context: End of the probe that has called cxl_region_own().
 * Return: @rc.
 */
int cxl_region_owned(struct cxl_region *cxlr, int rc)
{
	if (rc)
		cxl_region_disown(cxlr);
	atomic_set_release(&cxlr->handover, 0);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_region_owned, "cxl_handover_kunit");

/**
 * cxl_region_quiesce - ask whether a region can be taken away
 * @cxlr: the region
 *
 * On success no owner can take @cxlr until cxl_region_resume(), which has to follow
 * also when the region has been taken away. A region without an owner can always be
 * taken away, also by several at once.
 *
 * Context: Process context. No lock that the owner could want may be held.
 * Return: 0; -EBUSY when an owner is just taking @cxlr, or has been asked by somebody
 * else, or when what the owner has made of it is in use; or what else the owner answers,
 * among that -ERESTARTSYS on a signal. On failure nothing has changed.
 */
int cxl_region_quiesce(struct cxl_region *cxlr)
{
	const struct cxl_region_owner_ops *owner;
	int rc;

	if (atomic_inc_unless_negative(&cxlr->handover)) {
		if (!READ_ONCE(cxlr->owner))
			return 0;
		atomic_dec(&cxlr->handover);
	}

	if (atomic_cmpxchg(&cxlr->handover, 0, -1))
		return -EBUSY;

	owner = READ_ONCE(cxlr->owner);
	rc = owner ? owner->quiesce(cxlr) : 0;
	if (rc)
		atomic_set_release(&cxlr->handover, 0);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_region_quiesce, "cxl_handover_kunit");

/**
 * cxl_region_resume - what cxl_region_quiesce() has allowed is over
 * @cxlr: the region
 *
 * If the region still has its owner, everything becomes again what it was.
 *
 * Context: As cxl_region_quiesce().
 */
void cxl_region_resume(struct cxl_region *cxlr)
{
	const struct cxl_region_owner_ops *owner = READ_ONCE(cxlr->owner);

	if (owner)
		owner->resume(cxlr);
	if (atomic_dec_if_positive(&cxlr->handover) < 0)
		atomic_set_release(&cxlr->handover, 0);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_region_resume, "cxl_handover_kunit");
