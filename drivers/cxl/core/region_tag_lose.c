// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory_hotplug.h>
#include <linux/mutex.h>
#include <cxl.h>
#include "core.h"
#include "dynamic_core.h"

/**
 * DOC: cxl region tags that are gone
 *
 * What the device has taken by force may be somebody else's data by now. It is unmapped
 * at once, so that whoever uses it gets SIGBUS instead, and where a user has made System
 * RAM of it nothing more is allocated. None of this waits for who has the dax device:
 * he is told, and it is tried again.
 */

/* Gone, and perhaps still mapped */
static bool cxl_sysram_group_is_unseen(struct cxl_sysram_region *cxlr_sysram,
				       const struct cxl_sysram_group *group)
{
	return group->dev_dax && !group->unmapped && group->gone && !group->passed;
}

/**
 * cxl_sysram_group_isolate - allocate nothing more of an allocation that is gone
 * @group: the allocation, of which a user may have made System RAM
 *
 * Return: 0, or -EBUSY to be called again.
 */
int cxl_sysram_group_isolate(struct cxl_sysram_group *group)
{
	int rc = 0;

	for (int i = 0; i < group->nr; i++)
		if (cxl_sysram_range_plugged(&group->hpa[i]))
			rc = lose_memory_ranges(&group->hpa[i], 1) ?: rc;
	return rc;
}

/**
 * cxl_sysram_groups_isolate - allocate nothing more of allocations that are gone
 * @cxlr_sysram: a dynamic region
 *
 * Return: 0, or -EBUSY to be called again.
 */
int cxl_sysram_groups_isolate(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;
	int rc = 0;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		if (group->gone)
			rc = cxl_sysram_group_isolate(group) ?: rc;
	return rc;
}

struct cxl_sysram_lose_once {
	struct mhp_ctl ctl;
	bool asked;
};

/* Whoever has the dax device may keep it for as long as memory hotplug takes */
static int cxl_sysram_ask_once(struct mhp_ctl *ctl)
{
	struct cxl_sysram_lose_once *once =
		container_of(ctl, struct cxl_sysram_lose_once, ctl);

	if (once->asked)
		return -EBUSY;
	once->asked = true;
	return 0;
}

static int cxl_sysram_groups_unmap(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;
	int rc = 0;

	while ((group = cxl_sysram_group_first(cxlr_sysram,
					       cxl_sysram_group_is_unseen))) {
		struct cxl_sysram_lose_once once = { .ctl.give_up = cxl_sysram_ask_once };
		int lost = cxl_dynamic(cxlr_sysram)->dax_ops->lose(group->dev_dax, &once.ctl);

		group->unmapped = !lost;
		group->passed = true;
		rc = lost ?: rc;
		cxl_sysram_group_put(group);
	}
	return rc;
}

/**
 * cxl_sysram_groups_unmap_gone - no driver has what is gone any more
 * @cxlr_sysram: a dynamic region
 *
 * Context: With the device lock of dax_regionN held.
 * Return: 0, or -EBUSY when somebody has such a device and was told: to be called again.
 */
int cxl_sysram_groups_unmap_gone(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;

	if (!cxl_dynamic(cxlr_sysram)->dax_ops)
		return 0;
	scoped_guard(mutex, &cxl_dynamic(cxlr_sysram)->extents_lock)
		list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
			group->passed = false;
	return cxl_sysram_groups_unmap(cxlr_sysram);
}

/**
 * cxl_sysram_groups_lose - take away the mappings of what is gone
 * @cxlr_sysram: a dynamic region
 *
 * At once, and without waiting for other operations, which are told to end; the rest
 * has time.
 *
 * Context: Process context, takes the device lock of dax_regionN.
 * Return: 0, or -EBUSY to be called again.
 */
int cxl_sysram_groups_lose(struct cxl_sysram_region *cxlr_sysram)
{
	int rc;

	struct device *dev __free(put_device) = cxl_sysram_region_dax(cxlr_sysram);
	if (!dev)
		return 0;

	if (!device_trylock(dev))
		return -EBUSY;
	rc = cxl_sysram_groups_unmap_gone(cxlr_sysram);
	device_unlock(dev);
	return rc;
}
