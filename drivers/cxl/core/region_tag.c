// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/kref.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <cxlmem.h>
#include <cxl.h>
#include <dcd.h>
#include "core.h"
#include "extent.h"
#include "region_extent.h"

/**
 * DOC: cxl region tags
 *
 * The extents of a tag are one allocation: capacity that was given to somebody
 * by name. It comes as a whole, out of one offer, and is one dax device below
 * dax_regionN, with a page order that all who use it agree on, or nothing at all.
 * No policy plugs it.
 *
 * It also goes as a whole, whoever asks for how much of it: a user by its tag, or
 * the device, which has to ask for no more than one extent. As long as the dax
 * device is open, mapped, held by a filesystem, or System RAM because a user has
 * told kmem so, nothing happens: a user hears -EBUSY, and what the device wants is
 * tried again. By force it is unmapped at once, so that whoever uses it gets
 * SIGBUS instead of somebody else's data, and goes when it has been let go; what
 * the device has left of it is given back then.
 *
 * The dax device is created and removed with the device lock of dax_regionN held;
 * the DAX driver is there, and stays, meanwhile. @extents_lock protects the list.
 */

/**
 * struct cxl_sysram_group - a tagged allocation
 * @ref: one for each extent, one for the list of the region
 * @live: in the list of all tags, protected by cxl_tags_lock
 * @list: in the region's list, protected by its extents_lock
 * @tag: the name
 * @dev_dax: the dax device, or NULL; protected by the device lock of dax_regionN
 * @failed: there is none because it could not be created; as @dev_dax
 * @lost: it is not mapped any more, its memory is gone; as @dev_dax
 * @shown: how many of its extents are there
 * @nr: of @hpa
 * @hpa: host physical addresses, in the order of the pages of the dax device
 */
struct cxl_sysram_group {
	struct kref ref;
	struct list_head live;
	struct list_head list;
	uuid_t tag;
	struct dev_dax *dev_dax;
	bool failed;
	bool lost;
	int shown;
	int nr;
	struct range hpa[] __counted_by(nr);
};

/* Whoever the device is, and whichever the region: a tag is there once */
static DEFINE_MUTEX(cxl_tags_lock);
static LIST_HEAD(cxl_tags);

/**
 * cxl_sysram_group_forget - the tag of a group may be used again
 * @group: the group
 */
void cxl_sysram_group_forget(struct cxl_sysram_group *group)
{
	guard(mutex)(&cxl_tags_lock);
	list_del_init(&group->live);
}

static void cxl_sysram_group_free(struct kref *ref)
{
	struct cxl_sysram_group *group =
		container_of(ref, struct cxl_sysram_group, ref);

	cxl_sysram_group_forget(group);
	kvfree(group);
}

/**
 * cxl_sysram_group_put - an extent, or somebody else, does not need a group
 * @group: the group, or NULL
 */
void cxl_sysram_group_put(struct cxl_sysram_group *group)
{
	if (group)
		kref_put(&group->ref, cxl_sysram_group_free);
}

/**
 * cxl_sysram_group_get - an extent belongs to a group
 * @group: the group, or NULL
 *
 * Return: @group.
 */
struct cxl_sysram_group *cxl_sysram_group_get(struct cxl_sysram_group *group)
{
	if (group)
		kref_get(&group->ref);
	return group;
}

DEFINE_FREE(cxl_sysram_group, struct cxl_sysram_group *, cxl_sysram_group_put(_T))

/**
 * cxl_sysram_group_tag - the tag of extents
 * @group: the allocation that they belong to, or NULL
 *
 * Return: the tag, the null UUID for untagged extents.
 */
const uuid_t *cxl_sysram_group_tag(const struct cxl_sysram_group *group)
{
	return group ? &group->tag : &uuid_null;
}

/* Make the tag a live one, unless it is */
static int cxl_sysram_group_claim(struct cxl_sysram_group *group)
{
	struct cxl_sysram_group *other;

	guard(mutex)(&cxl_tags_lock);
	list_for_each_entry(other, &cxl_tags, live)
		if (uuid_equal(&other->tag, &group->tag))
			return -EEXIST;
	list_add_tail(&group->live, &cxl_tags);
	return 0;
}

static struct cxl_sysram_group *
cxl_sysram_group_alloc(const uuid_t *tag, const struct range *hpa, int nr)
{
	struct cxl_sysram_group *group = kvzalloc_flex(*group, hpa, nr);

	if (!group)
		return NULL;
	kref_init(&group->ref);
	INIT_LIST_HEAD(&group->live);
	INIT_LIST_HEAD(&group->list);
	group->tag = *tag;
	group->nr = nr;
	memcpy(group->hpa, hpa, array_size(nr, sizeof(*hpa)));
	return group;
}

/**
 * cxl_sysram_group_prepare - get ready for an allocation, if it can be used
 * @cxlr_sysram: a dynamic region
 * @tag: its tag, not null
 * @hpa: host physical addresses, in the order of the allocation
 * @nr: how many
 * @prepared: list that its extents are added to, all or none
 *
 * Return: 0; -EEXIST when the tag is in use, or the region has some of the
 * capacity already; else as cxl_sysram_extent_prepare(), with huge pages in the
 * place of memory blocks.
 */
int cxl_sysram_group_prepare(struct cxl_sysram_region *cxlr_sysram,
			     const uuid_t *tag, const struct range *hpa, int nr,
			     struct list_head *prepared)
{
	LIST_HEAD(extents);
	int rc;

	struct cxl_sysram_group *group __free(cxl_sysram_group) =
		cxl_sysram_group_alloc(tag, hpa, nr);
	if (!group)
		return -ENOMEM;

	rc = cxl_sysram_group_claim(group);
	for (int i = 0; i < nr && !rc; i++)
		rc = cxl_sysram_extent_prepare(cxlr_sysram, &hpa[i], group,
					       &extents);
	if (rc) {
		cxl_sysram_extents_cancel(&extents);
		cxl_sysram_group_forget(group);
		return rc;
	}
	list_splice_tail(&extents, prepared);
	return 0;
}

/**
 * cxl_sysram_group_shown - an extent of a group is there
 * @cxlr_sysram: the region
 * @group: the group
 *
 * Context: With extents_lock held.
 */
void cxl_sysram_group_shown(struct cxl_sysram_region *cxlr_sysram,
			    struct cxl_sysram_group *group)
{
	lockdep_assert_held(&cxl_dynamic(cxlr_sysram)->extents_lock);
	if (!group->shown++)
		list_add_tail(&cxl_sysram_group_get(group)->list,
			      &cxl_dynamic(cxlr_sysram)->groups);
}

static struct cxl_sysram_group *
cxl_sysram_group_find(struct cxl_sysram_region *cxlr_sysram, const uuid_t *tag)
{
	struct cxl_sysram_group *group;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		if (uuid_equal(&group->tag, tag))
			return cxl_sysram_group_get(group);
	return NULL;
}

typedef bool (*cxl_sysram_group_is)(struct cxl_sysram_region *cxlr_sysram,
				    const struct cxl_sysram_group *group);

/* Complete, and it should have a dax device */
static bool cxl_sysram_group_is_hidden(struct cxl_sysram_region *cxlr_sysram,
				       const struct cxl_sysram_group *group)
{
	return !cxl_dynamic(cxlr_sysram)->extents_closed && group->shown == group->nr &&
	       !group->dev_dax && !group->failed &&
	       !cxl_sysram_group_lost(cxlr_sysram, group);
}

/* Gone, and perhaps still mapped */
static bool cxl_sysram_group_is_unseen(struct cxl_sysram_region *cxlr_sysram,
				       const struct cxl_sysram_group *group)
{
	return group->dev_dax && !group->lost &&
	       cxl_sysram_group_lost(cxlr_sysram, group);
}

static struct cxl_sysram_group *
cxl_sysram_group_first(struct cxl_sysram_region *cxlr_sysram,
		       cxl_sysram_group_is is)
{
	struct cxl_sysram_group *group;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		if (is(cxlr_sysram, group))
			return cxl_sysram_group_get(group);
	return NULL;
}

/* What could not be done because the region was about to go can be tried again */
static void cxl_sysram_groups_retry(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		group->failed = false;
}

/**
 * cxl_sysram_groups_surface - make dax devices of allocations that have none
 * @cxlr_sysram: a dynamic region
 *
 * Context: Process context, takes the device lock of dax_regionN.
 */
void cxl_sysram_groups_surface(struct cxl_sysram_region *cxlr_sysram)
{
	const struct cxl_sysram_dax_ops *ops;
	struct cxl_sysram_group *group;
	struct dev_dax *dev_dax;
	bool busy = false;

	struct device *dev __free(put_device) = cxl_sysram_region_dax(cxlr_sysram);
	if (!dev)
		return;

	guard(device)(dev);
	ops = cxl_dynamic(cxlr_sysram)->dax_ops;
	if (!ops)
		return;
	while ((group = cxl_sysram_group_first(cxlr_sysram,
					       cxl_sysram_group_is_hidden))) {
		dev_dax = ops->add(to_cxl_dax_region(dev), &group->tag,
				   group->hpa, group->nr);
		group->failed = IS_ERR(dev_dax);
		if (!group->failed)
			group->dev_dax = dev_dax;
		else if (PTR_ERR(dev_dax) == -EBUSY)
			busy = true; /* the region is about to go */
		else
			dev_err(dev, "no dax device for tag %pUb: %pe\n",
				&group->tag, dev_dax);
		cxl_sysram_group_put(group);
	}
	if (busy)
		cxl_sysram_groups_retry(cxlr_sysram);
}

/**
 * cxl_sysram_region_attach_dax - the DAX driver has come
 * @cxlr_sysram: a dynamic region
 * @ops: of the driver
 *
 * Allocations that are there become dax devices.
 *
 * Context: Probe of the driver, with the device lock of dax_regionN held.
 * Return: 0, or -ENXIO when the region is about to go.
 */
int cxl_sysram_region_attach_dax(struct cxl_sysram_region *cxlr_sysram,
				 const struct cxl_sysram_dax_ops *ops)
{
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (cxlr_sysram->dying)
			return -ENXIO;
	}
	cxl_dynamic(cxlr_sysram)->dax_ops = ops;
	queue_work(system_dfl_wq, &cxl_dynamic(cxlr_sysram)->arrive_work);
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_attach_dax, "dax_cxl");

/**
 * cxl_sysram_region_detach_dax - the DAX driver goes, and its devices with it
 * @cxlr_sysram: a dynamic region
 *
 * Context: Remove of the driver, with the device lock of dax_regionN held.
 */
void cxl_sysram_region_detach_dax(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;

	cxl_dynamic(cxlr_sysram)->dax_ops = NULL;
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list) {
		group->dev_dax = NULL;
		group->failed = false;
		group->lost = false;
	}
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_detach_dax, "dax_cxl");

/**
 * cxl_sysram_groups_unplugged - how much tagged capacity is not System RAM
 * @cxlr_sysram: a dynamic region
 *
 * Return: bytes.
 */
u64 cxl_sysram_groups_unplugged(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;
	u64 size = 0;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		for (int i = 0; i < group->nr; i++)
			size += range_len(&group->hpa[i]) -
				cxl_sysram_range_plugged(&group->hpa[i]);
	return size;
}

static bool cxl_sysram_group_plugged(struct cxl_sysram_group *group)
{
	for (int i = 0; i < group->nr; i++)
		if (cxl_sysram_range_plugged(&group->hpa[i]))
			return true;
	return false;
}

/**
 * cxl_sysram_groups_plugged - is any tagged capacity System RAM
 * @cxlr_sysram: a dynamic region
 *
 * Return: true if kmem has made it so.
 */
bool cxl_sysram_groups_plugged(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list)
		if (cxl_sysram_group_plugged(group))
			return true;
	return false;
}

/* It is not the region's any more, or the region goes */
static void cxl_sysram_group_remove(struct cxl_sysram_region *cxlr_sysram,
				    struct cxl_sysram_group *group)
{
	scoped_guard(mutex, &cxl_dynamic(cxlr_sysram)->extents_lock)
		list_del_init(&group->list);
	cxl_sysram_group_forget(group);
	cxl_sysram_group_put(group);
}

static void cxl_sysram_group_remove_dax(struct cxl_sysram_region *cxlr_sysram,
					struct cxl_sysram_group *group)
{
	if (group->dev_dax)
		cxl_dynamic(cxlr_sysram)->dax_ops->remove(group->dev_dax);
	group->dev_dax = NULL;
}

/* The device has it: dax device, extents and all go */
static void cxl_sysram_group_gone(struct cxl_sysram_region *cxlr_sysram,
				  struct cxl_sysram_group *group)
{
	LIST_HEAD(rest);

	cxl_sysram_group_remove_dax(cxlr_sysram, group);
	for (int i = 0; i < group->nr; i++)
		cxl_sysram_extents_replace(cxlr_sysram, &group->hpa[i], group,
					   &rest);
	cxl_sysram_group_remove(cxlr_sysram, group);
}

/**
 * cxl_sysram_groups_close - the region goes, its allocations stay accepted
 * @cxlr_sysram: the region, closed for extents
 */
void cxl_sysram_groups_close(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_group *group, *next;

	list_for_each_entry_safe(group, next, &cxl_dynamic(cxlr_sysram)->groups, list)
		cxl_sysram_group_remove(cxlr_sysram, group);
}

static int cxl_sysram_group_give(struct cxl_sysram_region *cxlr_sysram,
				 struct cxl_sysram_group *group)
{
	const struct cxl_sysram_dax_ops *ops = cxl_dynamic(cxlr_sysram)->dax_ops;
	int rc = 0;

	/* Also by a kmem that has left it behind */
	if (cxl_sysram_group_plugged(group))
		return -EBUSY;
	if (group->dev_dax)
		rc = ops->take_down(group->dev_dax, false, cxlr_sysram->ctl);
	if (rc)
		return rc;

	scoped_guard(mutex, cxl_dcd_list_lock(cxl_dynamic(cxlr_sysram)->dcd)) {
		/* Taken meanwhile, then it is not ours to give */
		scoped_guard(mutex, &cxl_dynamic(cxlr_sysram)->extents_lock)
			rc = cxl_sysram_group_lost(cxlr_sysram, group) ? -EBUSY : 0;
		rc = rc ?: cxl_dcd_release(cxlr_sysram, group->hpa, group->nr);
		if (!rc)
			cxl_sysram_group_gone(cxlr_sysram, group);
	}
	if (rc && group->dev_dax)
		ops->bring_back(group->dev_dax);
	return rc;
}

/* A user has made System RAM of it: whoever uses that gets SIGBUS, too */
static int cxl_sysram_group_poison(struct cxl_sysram_region *cxlr_sysram,
				   struct cxl_sysram_group *group)
{
	const struct cxl_sysram_ops *ops = cxl_sysram_op_driver(cxlr_sysram);
	u64 block = memory_block_size_bytes();
	int rc = 0;

	for (int i = 0; i < group->nr; i++) {
		struct range *hpa = &group->hpa[i];

		if (!cxl_sysram_range_plugged(hpa))
			continue;
		if (!ops)
			return -EBUSY;
		for (u64 start = hpa->start; start <= hpa->end; start += block) {
			struct range part = DEFINE_RANGE(start, start + block - 1);

			rc = ops->poison(cxlr_sysram, &part) ?: rc;
		}
	}
	return rc;
}

static int cxl_sysram_group_lose(struct cxl_sysram_region *cxlr_sysram,
				 struct cxl_sysram_group *group)
{
	const struct cxl_sysram_dax_ops *ops = cxl_dynamic(cxlr_sysram)->dax_ops;
	int rc = 0;

	if (group->dev_dax)
		rc = ops->lose(group->dev_dax, cxlr_sysram->ctl);
	rc = rc ?: cxl_sysram_group_poison(cxlr_sysram, group);
	if (!rc && group->dev_dax)
		rc = ops->take_down(group->dev_dax, true, cxlr_sysram->ctl);
	if (!rc && cxl_sysram_group_plugged(group))
		rc = -EBUSY;
	if (rc)
		return rc;
	cxl_sysram_group_remove_dax(cxlr_sysram, group);

	/* What is left must not come back as if it were all of it */
	guard(mutex)(cxl_dcd_list_lock(cxl_dynamic(cxlr_sysram)->dcd));
	rc = cxl_dcd_release_listed(cxlr_sysram, group->hpa, group->nr);
	if (!rc)
		cxl_sysram_group_gone(cxlr_sysram, group);
	return rc;
}

/**
 * cxl_sysram_groups_lose_work - take away the mappings of what is gone
 * @work: of a dynamic region
 *
 * At once, and without waiting for other operations; the rest has time.
 */
void cxl_sysram_groups_lose_work(struct work_struct *work)
{
	struct cxl_sysram_region *cxlr_sysram =
		container_of(work, struct cxl_dynamic, lose_work)->cxlr_sysram;
	struct cxl_sysram_group *group;

	struct device *dev __free(put_device) = cxl_sysram_region_dax(cxlr_sysram);
	if (!dev)
		return;

	guard(device)(dev);
	if (!cxl_dynamic(cxlr_sysram)->dax_ops)
		return;
	while ((group = cxl_sysram_group_first(cxlr_sysram,
					       cxl_sysram_group_is_unseen))) {
		cxl_dynamic(cxlr_sysram)->dax_ops->lose(group->dev_dax, NULL);
		group->lost = true;
		cxl_sysram_group_put(group);
	}
}

static int
cxl_sysram_group_go_locked(struct cxl_sysram_region *cxlr_sysram,
			   const struct cxl_sysram_request *req,
			   int (*go)(struct cxl_sysram_region *cxlr_sysram,
				     struct cxl_sysram_group *group))
{
	const struct cxl_sysram_group *meant = req->data;

	struct cxl_sysram_group *group __free(cxl_sysram_group) =
		cxl_sysram_group_find(cxlr_sysram, &meant->tag);
	/* Another one by now that has the same tag? */
	if (group != meant)
		return -ENOENT;
	return go(cxlr_sysram, group);
}

/* Run as operations, which the DAX driver cannot leave in between */
static int cxl_sysram_group_go(struct cxl_sysram_region *cxlr_sysram,
			       const struct cxl_sysram_request *req,
			       int (*go)(struct cxl_sysram_region *cxlr_sysram,
					 struct cxl_sysram_group *group))
{
	int rc;

	struct device *dev __free(put_device) = cxl_sysram_region_dax(cxlr_sysram);
	if (!dev)
		return -ENXIO;

	rc = mhp_lock_device(dev, cxlr_sysram->ctl);
	if (rc)
		return rc;
	rc = cxl_sysram_group_go_locked(cxlr_sysram, req, go);
	device_unlock(dev);
	return rc;
}

static int cxl_sysram_tag_give(struct cxl_sysram_region *cxlr_sysram,
			       const struct cxl_sysram_request *req)
{
	return cxl_sysram_group_go(cxlr_sysram, req, cxl_sysram_group_give);
}

static int cxl_sysram_tag_lose(struct cxl_sysram_region *cxlr_sysram,
			       const struct cxl_sysram_request *req)
{
	return cxl_sysram_group_go(cxlr_sysram, req, cxl_sysram_group_lose);
}

/**
 * cxl_sysram_group_mark - an allocation is to be given back, or is not any more
 * @cxlr_sysram: a dynamic region
 * @group: the allocation
 * @releasing: which of the two
 */
void cxl_sysram_group_mark(struct cxl_sysram_region *cxlr_sysram,
			   const struct cxl_sysram_group *group, bool releasing)
{
	for (int i = 0; i < group->nr; i++)
		cxl_sysram_extents_mark(cxlr_sysram, &group->hpa[i], group,
					releasing);
}

/**
 * cxl_sysram_group_release - an allocation goes
 * @cxlr_sysram: a dynamic region
 * @group: the allocation
 * @forced: it, or a part of it, is gone already
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -ENOENT when it has gone meanwhile; -EBUSY when it is in use; what
 * the mailbox answered. On failure it is what it was, but for what is gone.
 */
int cxl_sysram_group_release(struct cxl_sysram_region *cxlr_sysram,
			     struct cxl_sysram_group *group, bool forced)
{
	struct cxl_sysram_request req = { .data = group };

	cxl_sysram_group_mark(cxlr_sysram, group, true);
	return cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
				 forced ? cxl_sysram_tag_lose :
				 cxl_sysram_tag_give, &req);
}

/**
 * cxl_sysram_release_tag - give one allocation back to the device
 * @cxlr_sysram: a dynamic region
 * @tag: its tag
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -EINVAL for the null UUID; -ENOENT when there is no such tag;
 * -EBUSY when its dax device is in use; else what the mailbox answered. On failure
 * it is what it was, but that the driver of the dax device may have been bound
 * anew.
 */
int cxl_sysram_release_tag(struct cxl_sysram_region *cxlr_sysram,
			   const uuid_t *tag)
{
	int rc;

	if (uuid_is_null(tag))
		return -EINVAL;

	struct cxl_sysram_group *group __free(cxl_sysram_group) =
		cxl_sysram_group_find(cxlr_sysram, tag);
	if (!group)
		return -ENOENT;

	rc = cxl_sysram_group_release(cxlr_sysram, group, false);
	if (rc)
		cxl_sysram_group_mark(cxlr_sysram, group, false);
	return rc;
}
