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
 * tried again. By force it is unmapped at once (region_tag_lose.c), and goes when it
 * has been let go; what the device has left of it is given back then.
 *
 * When the device refuses, or nobody knows what it has done, its list tells. Until then
 * nobody can use it, and when the device has a part, what is left goes, too.
 */

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
 * @rc: what has become of it
 * @extents: of it, not unregistered yet
 */
struct cxl_sysram_group_gift {
	struct cxl_sysram_region *cxlr_sysram;
	struct cxl_sysram_group *group;
	bool gone;
	int rc;
	struct list_head extents;
};

/**
 * struct cxl_sysram_gifts - allocations that are given back together
 * @gift: each of them
 * @nr: how many
 */
struct cxl_sysram_gifts {
	struct cxl_sysram_group_gift *gift;
	int nr;
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

/* Whatever @rc says of it: if it stays it can be used again */
static int cxl_sysram_group_gift_finish(struct cxl_sysram_group_gift *gift, int rc)
{
	const struct cxl_sysram_dax_ops *ops = cxl_dynamic(gift->cxlr_sysram)->dax_ops;
	struct cxl_sysram_group *group = gift->group;

	if (rc == -EIO || rc == -EAGAIN)
		rc = cxl_sysram_group_gift_return(gift, rc);
	/* Nobody may open what is gone meanwhile: it goes as it is */
	if (rc && rc != -EINPROGRESS && group->down && !group->unknown &&
	    !READ_ONCE(group->gone)) {
		ops->bring_back(group->dev_dax);
		group->down = false;
	}
	return rc;
}

/* All of it */
static int cxl_sysram_group_gift_try(struct cxl_sysram_group_gift *gift)
{
	int rc = cxl_sysram_group_gift_give(gift, gift->group->hpa, gift->group->nr);

	return cxl_sysram_group_gift_finish(gift, rc);
}

/* Nobody uses it, and nobody can */
static int cxl_sysram_group_vacate(struct cxl_sysram_region *cxlr_sysram,
				   struct cxl_sysram_group *group)
{
	/* Also by a kmem that has left it behind; and what is gone is not given */
	if (cxl_sysram_group_plugged(group) || READ_ONCE(group->gone))
		return -EBUSY;
	return cxl_sysram_group_take_down(cxlr_sysram, group, false);
}

static int cxl_sysram_group_give(struct cxl_sysram_region *cxlr_sysram,
				 struct cxl_sysram_group *group)
{
	struct cxl_sysram_group_gift gift = {
		.cxlr_sysram = cxlr_sysram,
		.group = group,
		.extents = LIST_HEAD_INIT(gift.extents),
	};
	int rc = cxl_sysram_group_vacate(cxlr_sysram, group);

	return rc ?: cxl_sysram_group_gift_try(&gift);
}

static int cxl_sysram_gifts_prepare(void *arg)
{
	struct cxl_sysram_gifts *gifts = arg;
	int rc = 0;

	for (int i = 0; i < gifts->nr && !rc; i++)
		if (!gifts->gift[i].rc)
			rc = cxl_sysram_group_gift_prepare(&gifts->gift[i]);
	return rc;
}

static void cxl_sysram_gifts_done(void *arg)
{
	struct cxl_sysram_gifts *gifts = arg;

	for (int i = 0; i < gifts->nr; i++)
		if (!gifts->gift[i].rc)
			cxl_sysram_group_gift_done(&gifts->gift[i]);
}

/* Those that nobody uses, in one go */
static int cxl_sysram_gifts_give(struct cxl_sysram_region *cxlr_sysram,
				 struct cxl_sysram_gifts *gifts)
{
	int ready = 0, n = 0, nr = 0;

	for (int i = 0; i < gifts->nr; i++) {
		if (gifts->gift[i].rc)
			continue;
		nr += gifts->gift[i].group->nr;
		ready++;
	}
	if (ready < 2)
		return -EIO;

	struct range *hpa __free(kvfree) = kvmalloc_array(nr, sizeof(*hpa), GFP_KERNEL);
	if (!hpa)
		return -ENOMEM;

	for (int i = 0; i < gifts->nr; i++) {
		struct cxl_sysram_group *group = gifts->gift[i].group;

		for (int j = 0; j < group->nr && !gifts->gift[i].rc; j++)
			hpa[n++] = group->hpa[j];
	}
	return cxl_dynamic_give(cxlr_sysram, hpa, n, cxl_sysram_gifts_prepare,
				cxl_sysram_gifts_done, gifts);
}

/* Or one by one, when the device does not take all of them */
static void cxl_sysram_groups_give(struct cxl_sysram_region *cxlr_sysram,
				   struct cxl_sysram_gifts *gifts)
{
	int rc = cxl_sysram_gifts_give(cxlr_sysram, gifts);

	for (int i = 0; i < gifts->nr; i++) {
		struct cxl_sysram_group_gift *gift = &gifts->gift[i];

		if (gift->rc)
			continue;
		if (!rc)
			cxl_sysram_group_given(gift);
		else if (rc == -EIO)
			gift->rc = cxl_sysram_group_gift_try(gift);
		else
			gift->rc = cxl_sysram_group_gift_finish(gift, rc);
	}
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

/* Another one by now that has the same tag is not meant */
static bool cxl_sysram_group_is_there(struct cxl_sysram_region *cxlr_sysram,
				      struct cxl_sysram_group *meant)
{
	struct cxl_sysram_group *group __free(cxl_sysram_group) =
		cxl_sysram_group_find(cxlr_sysram, &meant->tag);

	return group == meant;
}

static int cxl_sysram_give_one(struct cxl_sysram_region *cxlr_sysram, void *group)
{
	if (!cxl_sysram_group_is_there(cxlr_sysram, group))
		return -ENOENT;
	return cxl_sysram_group_give(cxlr_sysram, group);
}

static int cxl_sysram_lose_one(struct cxl_sysram_region *cxlr_sysram, void *group)
{
	if (!cxl_sysram_group_is_there(cxlr_sysram, group))
		return -ENOENT;
	return cxl_sysram_group_lose(cxlr_sysram, group);
}

static int cxl_sysram_give_many(struct cxl_sysram_region *cxlr_sysram, void *data)
{
	struct cxl_sysram_gifts *gifts = data;

	for (int i = 0; i < gifts->nr; i++) {
		struct cxl_sysram_group *group = gifts->gift[i].group;

		gifts->gift[i].rc = cxl_sysram_group_is_there(cxlr_sysram, group) ?
				    cxl_sysram_group_vacate(cxlr_sysram, group) : -ENOENT;
	}
	cxl_sysram_groups_give(cxlr_sysram, gifts);
	return 0;
}

/* Run as operations, which the DAX driver cannot leave in between */
static int cxl_sysram_groups_go(struct cxl_sysram_region *cxlr_sysram, void *data,
				int (*go)(struct cxl_sysram_region *cxlr_sysram,
					  void *data))
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
	rc = go(cxlr_sysram, data);
	device_unlock(dev);
	return rc;
}

static int cxl_sysram_tag_give(struct cxl_sysram_region *cxlr_sysram,
			       const struct cxl_sysram_request *req)
{
	return cxl_sysram_groups_go(cxlr_sysram, req->data, cxl_sysram_give_one);
}

static int cxl_sysram_tag_lose(struct cxl_sysram_region *cxlr_sysram,
			       const struct cxl_sysram_request *req)
{
	return cxl_sysram_groups_go(cxlr_sysram, req->data, cxl_sysram_lose_one);
}

static int cxl_sysram_tags_give(struct cxl_sysram_region *cxlr_sysram,
				const struct cxl_sysram_request *req)
{
	return cxl_sysram_groups_go(cxlr_sysram, req->data, cxl_sysram_give_many);
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

/* No memory is plugged or unplugged for that */
static void cxl_sysram_gifts_release(struct cxl_sysram_region *cxlr_sysram,
				     struct cxl_sysram_gifts *gifts)
{
	struct cxl_sysram_request req = { .data = gifts };
	int rc;

	rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION, cxl_sysram_tags_give,
			       &req);
	for (int i = 0; i < gifts->nr; i++) {
		if (rc)
			gifts->gift[i].rc = rc;
		cxl_sysram_region_announce(cxlr_sysram, &gifts->gift[i].group->hpa[0]);
	}
}

/* Returns true when it has gone */
static bool cxl_sysram_group_take_out(struct cxl_sysram_region *cxlr_sysram,
				      struct cxl_sysram_group *group)
{
	int rc = cxl_sysram_group_release(cxlr_sysram, group, true);

	if (!rc || rc == -ENOENT)
		return true;
	dev_err_ratelimited(&cxlr_sysram->dev, "tag %pUb is gone, but %s: %pe\n",
			    &group->tag, rc == -EIO || rc == -EAGAIN ?
			    "the device does not take back what is left of it" :
			    "is still in use", ERR_PTR(rc));
	return false;
}

/* Returns true when it has gone, or will not. @asks: before it was tried */
static bool cxl_sysram_gift_settled(struct cxl_sysram_group_gift *gift, unsigned long asks)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(gift->cxlr_sysram);
	struct cxl_sysram_group *group = gift->group;

	if (!gift->rc || gift->rc == -ENOENT)
		return true;
	/* Or the region was about to go, and may stay after all */
	if (gift->rc != -EIO)
		return false;
	dev_warn_ratelimited(&gift->cxlr_sysram->dev, "tag %pUb is not given back: %pe\n",
			     &group->tag, ERR_PTR(gift->rc));
	guard(mutex)(&dynamic->extents_lock);
	/* It has asked once more, after it has refused? */
	if (dynamic->asks != asks)
		return false;
	group->asked = false;
	cxl_sysram_group_mark(gift->cxlr_sysram, group);
	return !group->gone;
}

/* Those that are gone, or those that are asked for and are not */
static int cxl_sysram_groups_due(struct cxl_sysram_region *cxlr_sysram, bool gone,
				 struct cxl_sysram_group_gift *gift, int max)
{
	struct cxl_sysram_group *group;
	int nr = 0;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	list_for_each_entry(group, &cxl_dynamic(cxlr_sysram)->groups, list) {
		if (nr == max || !(gone ? group->gone : group->asked && !group->gone))
			continue;
		gift[nr].cxlr_sysram = cxlr_sysram;
		gift[nr].group = cxl_sysram_group_get(group);
		INIT_LIST_HEAD(&gift[nr].extents);
		nr++;
	}
	return nr;
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
	unsigned long asks = READ_ONCE(dynamic->asks);
	struct cxl_sysram_gifts gifts;
	bool done = true;
	int max = 1;

	scoped_guard(mutex, &dynamic->extents_lock)
		max += list_count_nodes(&dynamic->groups);
	struct cxl_sysram_group_gift *gift __free(kvfree) =
		kvcalloc(max, sizeof(*gift), GFP_KERNEL);
	if (!gift)
		return false;

	gifts.gift = gift;
	gifts.nr = cxl_sysram_groups_due(cxlr_sysram, true, gift, max);
	for (int i = 0; i < gifts.nr; i++) {
		done &= cxl_sysram_group_take_out(cxlr_sysram, gift[i].group);
		cxl_sysram_group_put(gift[i].group);
	}

	gifts.nr = cxl_sysram_groups_due(cxlr_sysram, false, gift, max);
	if (gifts.nr)
		cxl_sysram_gifts_release(cxlr_sysram, &gifts);
	for (int i = 0; i < gifts.nr; i++) {
		done &= cxl_sysram_gift_settled(&gift[i], asks);
		cxl_sysram_group_put(gift[i].group);
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
