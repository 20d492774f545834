// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory_hotplug.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include <cxl.h>
#include "core.h"
#include "extent.h"
#include "dynamic_core.h"

/**
 * DOC: cxl region tags that go
 *
 * An allocation goes as a whole, whoever asks for how much of it: a user by its tag, or
 * the device, which has to ask for no more than one extent. As long as the dax
 * device is open, mapped, held by a filesystem, or System RAM because a user has
 * told kmem so, nothing happens: a user hears -EBUSY, and what the device wants is
 * tried again. By force it is unmapped at once, so that whoever uses it gets
 * SIGBUS instead of somebody else's data, and goes when it has been let go; what
 * the device has left of it is given back then.
 *
 * When the device refuses, or nobody knows what it has done, its list tells. Until then
 * nobody can use it, and when the device has a part, what is left goes, too.
 */

/* Gone, and perhaps still mapped */
static bool cxl_sysram_group_is_unseen(struct cxl_sysram_region *cxlr_sysram,
				       const struct cxl_sysram_group *group)
{
	return group->dev_dax && !group->unmapped && group->gone && !group->passed;
}

/* Nobody can use its dax device, until it is brought back or removed */
static int cxl_sysram_group_take_down(struct cxl_sysram_region *cxlr_sysram,
				      struct cxl_sysram_group *group, bool gone)
{
	int rc;

	if (!group->dev_dax || group->down)
		return 0;
	rc = cxl_dynamic(cxlr_sysram)->dax_ops->take_down(group->dev_dax, gone,
							  cxlr_sysram->ctl);
	group->down = !rc;
	return rc;
}

/**
 * struct cxl_sysram_group_gift - an allocation that is given back
 * @cxlr_sysram: the region
 * @group: the allocation
 * @gone: it is gone in part, the rest is given back
 * @extents: of it, not unregistered yet
 */
struct cxl_sysram_group_gift {
	struct cxl_sysram_region *cxlr_sysram;
	struct cxl_sysram_group *group;
	bool gone;
	struct list_head extents;
};

/* Taken meanwhile, then it is not ours to give */
static int cxl_sysram_group_gift_prepare(void *arg)
{
	struct cxl_sysram_group_gift *gift = arg;

	guard(mutex)(&cxl_dynamic(gift->cxlr_sysram)->extents_lock);
	return gift->group->gone && !gift->gone ? -EBUSY : 0;
}

static void cxl_sysram_group_gift_done(void *arg)
{
	struct cxl_sysram_group_gift *gift = arg;
	struct cxl_sysram_group *group = gift->group;
	LIST_HEAD(rest);

	guard(mutex)(&cxl_dynamic(gift->cxlr_sysram)->extents_lock);
	for (int i = 0; i < group->nr; i++)
		cxl_sysram_extents_replace(gift->cxlr_sysram, &group->hpa[i], 1, group,
					   &rest, &gift->extents);
	/* From now on the device may offer the tag again */
	list_del_init(&group->list);
	cxl_sysram_group_forget(group);
}

/* The device has it: dax device, extents and all go */
static void cxl_sysram_group_given(struct cxl_sysram_group_gift *gift)
{
	cxl_sysram_group_remove_dax(gift->cxlr_sysram, gift->group);
	cxl_sysram_extents_unregister(&gift->extents);
	cxl_sysram_group_remove(gift->cxlr_sysram, gift->group);
}

/* All of it, or what is left of it */
static int cxl_sysram_group_gift_give(struct cxl_sysram_group_gift *gift,
				      const struct range *hpa, int nr)
{
	int rc = 0;

	if (nr)
		rc = cxl_dynamic_give(gift->cxlr_sysram, hpa, nr,
				      cxl_sysram_group_gift_prepare,
				      cxl_sysram_group_gift_done, gift);
	else
		cxl_sysram_group_gift_done(gift);
	if (!rc)
		cxl_sysram_group_given(gift);
	return rc;
}

/* What of it does the device have as accepted? To be freed with kvfree() */
static struct range *cxl_sysram_group_listed(struct cxl_sysram_region *cxlr_sysram,
					     const struct cxl_sysram_group *group,
					     int *nr)
{
	struct range *left;
	int nr_listed;

	*nr = 0;
	struct range *listed __free(kvfree) = cxl_dynamic_listed(cxlr_sysram, &nr_listed);
	if (IS_ERR(listed))
		return no_free_ptr(listed);

	left = kvmalloc_array(group->nr + nr_listed, sizeof(*left), GFP_KERNEL);
	if (!left)
		return ERR_PTR(-ENOMEM);
	for (int i = 0; i < group->nr; i++)
		*nr += cxl_range_parts(&group->hpa[i], listed, nr_listed, &left[*nr]);
	return left;
}

static u64 cxl_sysram_ranges_len(const struct range *ranges, int nr)
{
	u64 len = 0;

	for (int i = 0; i < nr; i++)
		len += range_len(&ranges[i]);
	return len;
}

/*
 * The device has not taken it, or nobody knows. When it has some of it, what is left is
 * no allocation any more; and until that is known it cannot be used.
 */
static int cxl_sysram_group_gift_return(struct cxl_sysram_group_gift *gift, int rc)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(gift->cxlr_sysram);
	struct cxl_sysram_group *group = gift->group;
	u64 len;
	int nr;

	struct range *left __free(kvfree) =
		cxl_sysram_group_listed(gift->cxlr_sysram, group, &nr);
	len = cxl_sysram_ranges_len(left, nr);
	scoped_guard(mutex, &dynamic->extents_lock)
		group->unknown = IS_ERR(left);
	if (!IS_ERR(left) && !len)
		return cxl_sysram_group_gift_give(gift, NULL, 0);
	if (!IS_ERR(left) && len == cxl_sysram_ranges_len(group->hpa, group->nr)) {
		queue_work(system_dfl_wq, &dynamic->arrive_work);
		return rc == -EAGAIN ? -EBUSY : rc;
	}

	guard(mutex)(&dynamic->extents_lock);
	group->asked = true;
	group->gone |= !IS_ERR(left);
	cxl_sysram_group_mark(gift->cxlr_sysram, group);
	cxl_sysram_due_start(dynamic, false);
	return -EINPROGRESS;
}

static int cxl_sysram_group_give(struct cxl_sysram_region *cxlr_sysram,
				 struct cxl_sysram_group *group)
{
	const struct cxl_sysram_dax_ops *ops = cxl_dynamic(cxlr_sysram)->dax_ops;
	struct cxl_sysram_group_gift gift = {
		.cxlr_sysram = cxlr_sysram,
		.group = group,
		.extents = LIST_HEAD_INIT(gift.extents),
	};
	int rc;

	/* Also by a kmem that has left it behind; and what is gone is not given */
	if (cxl_sysram_group_plugged(group) || READ_ONCE(group->gone))
		return -EBUSY;
	rc = cxl_sysram_group_take_down(cxlr_sysram, group, false);
	if (rc)
		return rc;

	rc = cxl_sysram_group_gift_give(&gift, group->hpa, group->nr);
	if (rc == -EIO || rc == -EAGAIN)
		rc = cxl_sysram_group_gift_return(&gift, rc);
	/* Nobody may open what is gone meanwhile: it goes as it is */
	if (rc && rc != -EINPROGRESS && group->down && !group->unknown &&
	    !READ_ONCE(group->gone)) {
		ops->bring_back(group->dev_dax);
		group->down = false;
	}
	return rc;
}

/* A user has made System RAM of it: nothing more is allocated of that */
static int cxl_sysram_group_isolate(struct cxl_sysram_group *group)
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

/* And whoever uses that gets SIGBUS, too */
static int cxl_sysram_group_poison(struct cxl_sysram_region *cxlr_sysram,
				   struct cxl_sysram_group *group)
{
	int rc = cxl_sysram_group_isolate(group);

	for (int i = 0; i < group->nr; i++)
		if (cxl_sysram_range_plugged(&group->hpa[i]))
			rc = poison_lost_memory(&group->hpa[i], cxlr_sysram->ctl) ?: rc;
	return rc;
}

static int cxl_sysram_group_lose(struct cxl_sysram_region *cxlr_sysram,
				 struct cxl_sysram_group *group)
{
	const struct cxl_sysram_dax_ops *ops = cxl_dynamic(cxlr_sysram)->dax_ops;
	struct cxl_sysram_group_gift gift = {
		.cxlr_sysram = cxlr_sysram,
		.group = group,
		.gone = true,
		.extents = LIST_HEAD_INIT(gift.extents),
	};
	int nr, rc = 0, poisoned;

	/* Whoever unbinds kmem at this moment has the device, and moves pages */
	poisoned = cxl_sysram_group_poison(cxlr_sysram, group);
	if (group->dev_dax)
		rc = ops->lose(group->dev_dax, cxlr_sysram->ctl);
	rc = rc ?: poisoned;
	rc = rc ?: cxl_sysram_group_take_down(cxlr_sysram, group, true);
	if (!rc && cxl_sysram_group_plugged(group))
		rc = -EBUSY;
	if (rc)
		return rc;
	cxl_sysram_group_remove_dax(cxlr_sysram, group);

	/* What is left must not come back as if it were all of it */
	struct range *left __free(kvfree) = cxl_sysram_group_listed(cxlr_sysram, group, &nr);
	if (IS_ERR(left))
		return -EAGAIN;
	return cxl_sysram_group_gift_give(&gift, left, nr);
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

	/* More is gone, and must not wait for this: what goes later ends this operation */
	scoped_guard(mutex, &cxl_dynamic(cxlr_sysram)->extents_lock)
		if (cxl_dynamic(cxlr_sysram)->lost)
			return -EBUSY;

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

static int cxl_sysram_group_release(struct cxl_sysram_region *cxlr_sysram,
				    struct cxl_sysram_group *group, bool gone)
{
	struct cxl_sysram_request req = { .data = group, .urgent = gone };
	struct cxl_sysram_census before;
	int rc;

	cxl_sysram_region_census(cxlr_sysram, &before);
	rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
			       gone ? cxl_sysram_tag_lose : cxl_sysram_tag_give, &req);
	cxl_sysram_region_changed(cxlr_sysram, &before, &group->hpa[0]);
	return rc;
}

/* Returns true when it has gone, or will not */
static bool cxl_sysram_group_settle(struct cxl_sysram_region *cxlr_sysram,
				    struct cxl_sysram_group *group)
{
	unsigned long asks = READ_ONCE(cxl_dynamic(cxlr_sysram)->asks);
	bool gone = READ_ONCE(group->gone);
	int rc;

	rc = cxl_sysram_group_release(cxlr_sysram, group, gone);
	if (!rc || rc == -ENOENT)
		return true;
	if (gone) {
		dev_err_ratelimited(&cxlr_sysram->dev, "tag %pUb is gone, but %s: %pe\n",
				    &group->tag, rc == -EIO || rc == -EAGAIN ?
				    "the device does not take back what is left of it" :
				    "is still in use", ERR_PTR(rc));
		return false;
	}
	/* Or the region was about to go, and may stay after all */
	if (rc != -EIO)
		return false;
	dev_warn_ratelimited(&cxlr_sysram->dev, "tag %pUb is not given back: %pe\n",
			     &group->tag, ERR_PTR(rc));
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	/* It has asked once more, after it has refused? */
	if (cxl_dynamic(cxlr_sysram)->asks != asks)
		return false;
	group->asked = false;
	cxl_sysram_group_mark(cxlr_sysram, group);
	return !group->gone;
}

/**
 * cxl_sysram_groups_settle - take out allocations that are gone, give back what is
 * asked for
 * @cxlr_sysram: a dynamic region
 *
 * Return: true when nothing is left of either.
 */
bool cxl_sysram_groups_settle(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_group *group;
	int nr = 0, max = 0;
	bool done = true;

	scoped_guard(mutex, &dynamic->extents_lock)
		list_for_each_entry(group, &dynamic->groups, list)
			max++;
	struct cxl_sysram_group **due __free(kvfree) =
		kvmalloc_array(max(max, 1), sizeof(*due), GFP_KERNEL);
	if (!due)
		return false;

	scoped_guard(mutex, &dynamic->extents_lock)
		list_for_each_entry(group, &dynamic->groups, list)
			if (nr < max && (group->gone || group->asked))
				due[nr++] = cxl_sysram_group_get(group);
	for (int i = 0; i < nr; i++) {
		done &= cxl_sysram_group_settle(cxlr_sysram, due[i]);
		cxl_sysram_group_put(due[i]);
	}
	return done;
}

/**
 * cxl_sysram_release_tag - give one allocation back to the device
 * @cxlr_sysram: a dynamic region
 * @tag: its tag
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -EINVAL for the null UUID; -ENOENT when there is no such tag;
 * -EBUSY when its dax device is in use; -EINPROGRESS when it is not known whether the
 * device has taken it, or it has taken a part of it: then it goes when that is settled;
 * else what the mailbox answered. On another failure it is what it was, but that the
 * driver of the dax device may have been bound anew.
 */
int cxl_sysram_release_tag(struct cxl_sysram_region *cxlr_sysram,
			   const uuid_t *tag)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	int rc;

	if (uuid_is_null(tag))
		return -EINVAL;

	struct cxl_sysram_group *group __free(cxl_sysram_group) =
		cxl_sysram_group_find(cxlr_sysram, tag);
	if (!group)
		return -ENOENT;

	scoped_guard(mutex, &dynamic->extents_lock) {
		group->leaving++;
		cxl_sysram_group_mark(cxlr_sysram, group);
	}
	rc = cxl_sysram_group_release(cxlr_sysram, group, false);
	if (!rc)
		return 0;

	guard(mutex)(&dynamic->extents_lock);
	group->leaving--;
	cxl_sysram_group_mark(cxlr_sysram, group);
	return rc;
}
