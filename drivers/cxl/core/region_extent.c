// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/idr.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <cxl.h>
#include <dcd.h>
#include "core.h"
#include "extent.h"
#include "sysram_op.h"

/**
 * DOC: cxl region extents
 *
 * The capacity of a dynamic region consists of extents, "extentN.X" below its
 * sysram_region. An extent is there from the moment the device has been told
 * that it is accepted until the device has been told that it is given back; it
 * is the unit in which memory is plugged.
 *
 * Arrival: the extents of an offer are prepared before the device is told, so
 * that nothing can fail any more but the telling, and plugged, if the policy
 * says so, by a work item of the region: who answers offers waits for nobody.
 *
 * Release: the memory blocks that a part of the capacity is in are unplugged,
 * all or nothing, then the device is told, then the extents go; what was not
 * asked for stays, as extents of its own. What the device asks for and what is
 * busy is tried again, with growing intervals, until it succeeds.
 *
 * @extents_lock protects the extents of a region. It is never held while memory
 * is plugged or unplugged, or while the device is spoken to.
 */

/* How often it is tried to plug what has arrived, while others are in the way */
#define CXL_EXTENT_TRIES	5

/* Until the next attempt to unplug what the device wants back */
#define CXL_EXTENT_RETRY_MIN	HZ
#define CXL_EXTENT_RETRY_MAX	(60 * HZ)

/**
 * struct cxl_extent_release - something the device wants back
 * @list: in the region's list, oldest first
 * @hpa: host physical addresses
 */
struct cxl_extent_release {
	struct list_head list;
	struct range hpa;
};

static const struct device_type cxl_sysram_extent_type;

static struct cxl_sysram_extent *to_cxl_sysram_extent(struct device *dev)
{
	return container_of(dev, struct cxl_sysram_extent, dev);
}

static struct cxl_sysram_region *extent_to_sysram(struct cxl_sysram_extent *extent)
{
	return to_cxl_sysram_region(extent->dev.parent);
}

static void cxl_sysram_extent_release(struct device *dev)
{
	struct cxl_sysram_extent *extent = to_cxl_sysram_extent(dev);

	ida_free(&extent_to_sysram(extent)->extent_ids, extent->id);
	put_device(dev->parent);
	kfree(extent);
}

static ssize_t offset_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct cxl_sysram_extent *extent = to_cxl_sysram_extent(dev);

	return sysfs_emit(buf, "%#llx\n", extent->node.range.start -
			  extent_to_sysram(extent)->hpa_range.start);
}
static DEVICE_ATTR_RO(offset);

static ssize_t length_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "%#llx\n",
			  range_len(&to_cxl_sysram_extent(dev)->node.range));
}
static DEVICE_ATTR_RO(length);

static ssize_t uuid_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%pUb\n", &to_cxl_sysram_extent(dev)->tag);
}
static DEVICE_ATTR_RO(uuid);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct cxl_sysram_extent *extent = to_cxl_sysram_extent(dev);
	struct cxl_sysram_census census;

	if (READ_ONCE(extent->releasing))
		return sysfs_emit(buf, "releasing\n");

	cxl_sysram_range_census(&extent->node.range, &census);
	return sysfs_emit(buf, "%s\n",
			  cxl_sysram_state_to_str(cxl_sysram_census_state(&census)));
}
static DEVICE_ATTR_RO(state);

static struct attribute *cxl_sysram_extent_attrs[] = {
	&dev_attr_offset.attr,
	&dev_attr_length.attr,
	&dev_attr_uuid.attr,
	&dev_attr_state.attr,
	NULL,
};

static const struct attribute_group cxl_sysram_extent_group = {
	.attrs = cxl_sysram_extent_attrs,
};

static const struct attribute_group *cxl_sysram_extent_groups[] = {
	&cxl_base_attribute_group,
	&cxl_sysram_extent_group,
	NULL,
};

static const struct device_type cxl_sysram_extent_type = {
	.name = "cxl_extent",
	.release = cxl_sysram_extent_release,
	.groups = cxl_sysram_extent_groups,
};

static struct lock_class_key cxl_sysram_extent_key;

static struct cxl_sysram_extent *
cxl_sysram_extent_alloc(struct cxl_sysram_region *cxlr_sysram,
			const struct range *hpa, const uuid_t *tag)
{
	struct cxl_sysram_extent *extent = kzalloc_obj(*extent);
	struct device *dev;

	if (!extent)
		return NULL;

	extent->id = ida_alloc(&cxlr_sysram->extent_ids, GFP_KERNEL);
	if (extent->id < 0) {
		kfree(extent);
		return NULL;
	}
	extent->node.range = *hpa;
	extent->tag = *tag;
	INIT_LIST_HEAD(&extent->list);

	dev = &extent->dev;
	device_initialize(dev);
	lockdep_set_class(&dev->mutex, &cxl_sysram_extent_key);
	device_set_pm_not_required(dev);
	dev->parent = get_device(&cxlr_sysram->dev);
	dev->bus = &cxl_bus_type;
	dev->type = &cxl_sysram_extent_type;
	if (dev_set_name(dev, "extent%d.%d", cxlr_sysram->cxlr->id, extent->id)) {
		put_device(dev);
		return NULL;
	}
	return extent;
}

static void cxl_sysram_extents_put(struct list_head *extents)
{
	struct cxl_sysram_extent *extent, *next;

	list_for_each_entry_safe(extent, next, extents, list) {
		list_del_init(&extent->list);
		put_device(&extent->dev);
	}
}

/* In the tree and in the size of the region; the device comes or goes after */
static bool cxl_sysram_extent_insert(struct cxl_sysram_region *cxlr_sysram,
				     struct cxl_sysram_extent *extent)
{
	lockdep_assert_held(&cxlr_sysram->extents_lock);

	if (!cxl_extent_insert(&cxlr_sysram->extents, &extent->node))
		return false;
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->capacity += range_len(&extent->node.range);
	return true;
}

static void cxl_sysram_extent_erase(struct cxl_sysram_region *cxlr_sysram,
				    struct cxl_sysram_extent *extent)
{
	lockdep_assert_held(&cxlr_sysram->extents_lock);

	rb_erase(&extent->node.rb, &cxlr_sysram->extents);
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->capacity -= range_len(&extent->node.range);
}

static void cxl_sysram_extent_show(struct cxl_sysram_region *cxlr_sysram,
				   struct cxl_sysram_extent *extent)
{
	int rc = -EEXIST;

	if (cxl_sysram_extent_insert(cxlr_sysram, extent)) {
		rc = device_add(&extent->dev);
		if (!rc)
			return;
		cxl_sysram_extent_erase(cxlr_sysram, extent);
	}
	dev_err_ratelimited(&cxlr_sysram->dev,
			    "cannot show an extent (%pe), bind the region again\n",
			    ERR_PTR(rc));
	put_device(&extent->dev);
}

static struct cxl_sysram_extent *
cxl_sysram_extent_find(struct cxl_sysram_region *cxlr_sysram,
		       const struct range *hpa)
{
	struct cxl_extent_node *node;

	lockdep_assert_held(&cxlr_sysram->extents_lock);
	node = cxl_extent_first(&cxlr_sysram->extents, hpa);
	return node ? container_of(node, struct cxl_sysram_extent, node) : NULL;
}

static struct cxl_sysram_extent *
cxl_sysram_extent_next(struct cxl_sysram_extent *extent, const struct range *hpa)
{
	struct cxl_extent_node *node = cxl_extent_next(&extent->node, hpa);

	return node ? container_of(node, struct cxl_sysram_extent, node) : NULL;
}

static bool cxl_sysram_extents_overlap(struct cxl_sysram_region *cxlr_sysram,
				       const struct range *hpa)
{
	guard(mutex)(&cxlr_sysram->extents_lock);
	return cxl_sysram_extent_find(cxlr_sysram, hpa);
}

/**
 * cxl_sysram_extent_prepare - get ready for capacity, if it can be used at all
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses
 * @prepared: list that the extent is added to
 *
 * Return: 0; -ENXIO when the region is about to go; -EEXIST when it has some of
 * the capacity already; -EINVAL when it is not made of whole memory blocks;
 * -ENOMEM. All but the last have a line in the log.
 */
int cxl_sysram_extent_prepare(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *hpa,
			      struct list_head *prepared)
{
	struct device *dev = &cxlr_sysram->dev;
	struct cxl_sysram_extent *extent;

	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (cxlr_sysram->dying)
			return -ENXIO;
	}

	if (!cxl_range_aligned(hpa, memory_block_size_bytes())) {
		dev_warn_ratelimited(dev, "extent %#llx-%#llx not accepted: it is not made of whole memory blocks of %#lx bytes\n",
				     hpa->start, hpa->end,
				     memory_block_size_bytes());
		return -EINVAL;
	}

	if (cxl_sysram_extents_overlap(cxlr_sysram, hpa)) {
		dev_warn_ratelimited(dev, "extent %#llx-%#llx not accepted: some of it is here already\n",
				     hpa->start, hpa->end);
		return -EEXIST;
	}

	extent = cxl_sysram_extent_alloc(cxlr_sysram, hpa, &uuid_null);
	if (!extent)
		return -ENOMEM;
	list_add_tail(&extent->list, prepared);
	return 0;
}

/**
 * cxl_sysram_extents_cancel - capacity does not come after all
 * @prepared: what cxl_sysram_extent_prepare() has made
 */
void cxl_sysram_extents_cancel(struct list_head *prepared)
{
	cxl_sysram_extents_put(prepared);
}

/**
 * cxl_sysram_extents_arrive - capacity is there
 * @cxlr_sysram: a dynamic region
 * @prepared: what cxl_sysram_extent_prepare() has made for it
 *
 * What cannot be shown, because the region goes at this moment or memory is
 * short, stays accepted: it is found again when the region is bound.
 */
void cxl_sysram_extents_arrive(struct cxl_sysram_region *cxlr_sysram,
			       struct list_head *prepared)
{
	struct cxl_sysram_extent *extent, *next;

	list_for_each_entry_safe(extent, next, prepared, list) {
		list_del_init(&extent->list);

		guard(mutex)(&cxlr_sysram->extents_lock);
		if (cxlr_sysram->extents_closed) {
			put_device(&extent->dev);
			continue;
		}
		extent->tries = CXL_EXTENT_TRIES;
		cxl_sysram_extent_show(cxlr_sysram, extent);
	}
	queue_work(system_dfl_wq, &cxlr_sysram->arrive_work);
}

/* The oldest extent that the policy has not been applied to yet, if any */
static bool cxl_sysram_extent_fresh(struct cxl_sysram_region *cxlr_sysram,
				    struct range *hpa)
{
	struct cxl_sysram_extent *extent;

	guard(mutex)(&cxlr_sysram->extents_lock);
	if (cxlr_sysram->extents_closed)
		return false;
	for (extent = cxl_sysram_extent_find(cxlr_sysram, &cxlr_sysram->hpa_range);
	     extent;
	     extent = cxl_sysram_extent_next(extent, &cxlr_sysram->hpa_range)) {
		if (!extent->tries)
			continue;
		extent->tries--;
		*hpa = extent->node.range;
		return true;
	}
	return false;
}

static void cxl_sysram_extent_tries(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa, int tries)
{
	struct cxl_sysram_extent *extent;

	guard(mutex)(&cxlr_sysram->extents_lock);
	extent = cxl_sysram_extent_find(cxlr_sysram, hpa);
	if (extent)
		extent->tries = tries;
}

/*
 * Apply the policy to capacity that has arrived. A failed plug leaves the extent
 * held, and a line in the log.
 */
static void cxl_sysram_extents_arrive_work(struct work_struct *work)
{
	struct cxl_sysram_region *cxlr_sysram =
		container_of(work, struct cxl_sysram_region, arrive_work);
	struct range hpa;

	while (cxl_sysram_extent_fresh(cxlr_sysram, &hpa)) {
		enum cxl_sysram_policy policy = cxl_sysram_region_policy(cxlr_sysram);
		int rc;

		rc = cxl_sysram_region_apply(cxlr_sysram, policy, &hpa);
		if (rc == -ENXIO) /* no System RAM driver, or no region any more */
			return cxl_sysram_extent_tries(cxlr_sysram, &hpa,
						       CXL_EXTENT_TRIES);
		/* Memory hotplug was busy with something else: once more */
		if (rc != -EBUSY)
			cxl_sysram_extent_tries(cxlr_sysram, &hpa, 0);
		if (rc)
			dev_warn_ratelimited(&cxlr_sysram->dev,
					     "extent %#llx-%#llx stays unplugged: %pe\n",
					     hpa.start, hpa.end, ERR_PTR(rc));
	}
}

/**
 * cxl_sysram_region_units - the units in which memory is plugged
 * @cxlr_sysram: any sysram_region
 * @hpa: the part of the region that matters
 * @releasing: also extents that are to be given back, which may only go
 * @nr: how many there are
 *
 * Return: an array, to be freed with kvfree(); ERR_PTR(-ENOMEM).
 */
struct range *cxl_sysram_region_units(struct cxl_sysram_region *cxlr_sysram,
				      const struct range *hpa, bool releasing,
				      int *nr)
{
	struct cxl_sysram_extent *extent;
	struct range *units;
	int n = 0;

	*nr = 0;
	if (!cxlr_sysram->dynamic) {
		units = kvmalloc_array(1, sizeof(*units), GFP_KERNEL);
		if (!units)
			return ERR_PTR(-ENOMEM);
		units[(*nr)++] = cxlr_sysram->hpa_range;
		return units;
	}

	guard(mutex)(&cxlr_sysram->extents_lock);
	for (extent = cxl_sysram_extent_find(cxlr_sysram, hpa); extent;
	     extent = cxl_sysram_extent_next(extent, hpa))
		n++;
	units = kvmalloc_array(max(n, 1), sizeof(*units), GFP_KERNEL);
	if (!units)
		return ERR_PTR(-ENOMEM);
	for (extent = cxl_sysram_extent_find(cxlr_sysram, hpa); extent;
	     extent = cxl_sysram_extent_next(extent, hpa)) {
		if (releasing || !extent->releasing)
			units[(*nr)++] = extent->node.range;
	}
	return units;
}

/**
 * cxl_sysram_extents_announce - say which extents have changed
 * @cxlr_sysram: a dynamic region
 * @hpa: the part of the region that matters
 *
 * Context: An operation, after it has changed memory.
 */
void cxl_sysram_extents_announce(struct cxl_sysram_region *cxlr_sysram,
				 const struct range *hpa)
{
	struct cxl_sysram_extent *extent;

	guard(mutex)(&cxlr_sysram->extents_lock);
	for (extent = cxl_sysram_extent_find(cxlr_sysram, hpa); extent;
	     extent = cxl_sysram_extent_next(extent, hpa)) {
		struct cxl_sysram_census census;
		enum cxl_sysram_state state;

		cxl_sysram_range_census(&extent->node.range, &census);
		state = cxl_sysram_census_state(&census);
		if (extent->announced == state)
			continue;
		extent->announced = state;
		kobject_uevent(&extent->dev.kobj, KOBJ_CHANGE);
	}
}

static void cxl_sysram_extents_mark(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa, bool releasing)
{
	struct cxl_sysram_extent *extent;

	guard(mutex)(&cxlr_sysram->extents_lock);
	for (extent = cxl_sysram_extent_find(cxlr_sysram, hpa); extent;
	     extent = cxl_sysram_extent_next(extent, hpa)) {
		if (extent->releasing == releasing)
			continue;
		WRITE_ONCE(extent->releasing, releasing);
		kobject_uevent(&extent->dev.kobj, KOBJ_CHANGE);
	}
}

/* What stays of the extents that a release cuts, prepared */
static int cxl_sysram_extents_rest(struct cxl_sysram_region *cxlr_sysram,
				   const struct range *hpa,
				   struct list_head *rest)
{
	struct cxl_sysram_extent *extent;

	guard(mutex)(&cxlr_sysram->extents_lock);
	for (extent = cxl_sysram_extent_find(cxlr_sysram, hpa); extent;
	     extent = cxl_sysram_extent_next(extent, hpa)) {
		struct cxl_sysram_extent *piece;
		struct range pieces[2];
		int nr = cxl_range_carve(&extent->node.range, hpa, pieces);

		for (int i = 0; i < nr; i++) {
			piece = cxl_sysram_extent_alloc(cxlr_sysram, &pieces[i],
							&extent->tag);
			if (!piece)
				return -ENOMEM;
			piece->announced = extent->announced;
			list_add_tail(&piece->list, rest);
		}
	}
	return 0;
}

static void cxl_sysram_extents_take(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa,
				    struct list_head *taken)
{
	struct cxl_sysram_extent *extent;

	while ((extent = cxl_sysram_extent_find(cxlr_sysram, hpa))) {
		cxl_sysram_extent_erase(cxlr_sysram, extent);
		list_add_tail(&extent->list, taken);
	}
}

static void cxl_sysram_extents_unregister(struct list_head *taken)
{
	struct cxl_sysram_extent *extent, *next;

	list_for_each_entry_safe(extent, next, taken, list) {
		list_del_init(&extent->list);
		device_unregister(&extent->dev);
	}
}

/* Replace the extents that a release cuts by what stays of them */
static void cxl_sysram_extents_cut(struct cxl_sysram_region *cxlr_sysram,
				   const struct range *hpa,
				   struct list_head *rest)
{
	struct cxl_sysram_extent *extent, *next;
	LIST_HEAD(gone);

	scoped_guard(mutex, &cxlr_sysram->extents_lock) {
		cxl_sysram_extents_take(cxlr_sysram, hpa, &gone);
		list_for_each_entry_safe(extent, next, rest, list) {
			list_del_init(&extent->list);
			cxl_sysram_extent_show(cxlr_sysram, extent);
		}
	}
	cxl_sysram_extents_unregister(&gone);
}

/* Runs as an operation: unplug, tell the device, and let the extents go */
static int cxl_sysram_extents_give(struct cxl_sysram_region *cxlr_sysram,
				   const struct cxl_sysram_request *req)
{
	struct range blocks = cxl_range_cover(&req->range,
					      memory_block_size_bytes());
	struct cxl_sysram_census census;
	LIST_HEAD(rest);
	int rc;

	rc = cxl_sysram_extents_rest(cxlr_sysram, &req->range, &rest);
	if (rc)
		goto out;

	cxl_sysram_range_census(&blocks, &census);
	if (cxl_sysram_census_state(&census) != CXL_SYSRAM_UNPLUGGED) {
		rc = -EBUSY;
		if (cxlr_sysram->ops)
			rc = cxlr_sysram->ops->set_state(cxlr_sysram,
							 CXL_SYSRAM_UNPLUGGED,
							 &blocks, 1);
		if (rc)
			goto out;
	}

	rc = cxl_dcd_release(cxlr_sysram, &req->range);
	if (rc)
		goto out;
	cxl_sysram_extents_cut(cxlr_sysram, &req->range, &rest);
out:
	cxl_sysram_extents_put(&rest);
	return rc;
}

static int cxl_sysram_release_range(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa)
{
	struct cxl_sysram_request req = { .range = *hpa };

	cxl_sysram_extents_mark(cxlr_sysram, hpa, true);
	return cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_EXTENT,
				 cxl_sysram_extents_give, &req);
}

/**
 * cxl_sysram_release_extent - give one extent back to the device
 * @cxlr_sysram: a dynamic region
 * @id: the X of extentN.X
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -ENOENT when there is no such extent; -EINVAL when it is tagged;
 * else as for unplugging it. On failure it is what it was.
 */
int cxl_sysram_release_extent(struct cxl_sysram_region *cxlr_sysram, int id)
{
	struct range hpa = { .start = 1, .end = 0 };
	struct cxl_sysram_extent *extent;
	int rc;

	scoped_cond_guard(mutex_kill, return -EINTR, &cxlr_sysram->extents_lock) {
		for (extent = cxl_sysram_extent_find(cxlr_sysram, &cxlr_sysram->hpa_range);
		     extent;
		     extent = cxl_sysram_extent_next(extent, &cxlr_sysram->hpa_range)) {
			if (extent->id != id)
				continue;
			if (!uuid_is_null(&extent->tag))
				return -EINVAL;
			hpa = extent->node.range;
			break;
		}
	}
	if (hpa.end < hpa.start)
		return -ENOENT;

	rc = cxl_sysram_release_range(cxlr_sysram, &hpa);
	if (rc)
		cxl_sysram_extents_mark(cxlr_sysram, &hpa, false);
	return rc;
}

/**
 * cxl_sysram_extents_asked_back - the device wants capacity back
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses, any part of its capacity
 *
 * Return: 0, and it is given back when it is free; -ENOENT when the region has
 * none of it; -ENOMEM.
 */
int cxl_sysram_extents_asked_back(struct cxl_sysram_region *cxlr_sysram,
				  const struct range *hpa)
{
	struct cxl_extent_release *release;

	if (!cxl_sysram_extents_overlap(cxlr_sysram, hpa))
		return -ENOENT;

	release = kzalloc_obj(*release);
	if (!release)
		return -ENOMEM;
	release->hpa = *hpa;

	scoped_guard(mutex, &cxlr_sysram->extents_lock) {
		if (cxlr_sysram->extents_closed) {
			kfree(release);
			return 0;
		}
		list_add_tail(&release->list, &cxlr_sysram->releases);
		cxlr_sysram->release_retry = CXL_EXTENT_RETRY_MIN;
	}
	cxl_sysram_extents_mark(cxlr_sysram, hpa, true);
	mod_delayed_work(system_dfl_wq, &cxlr_sysram->release_work, 0);
	return 0;
}

/* Try to give back what the device wants */
static void cxl_sysram_extents_release_work(struct work_struct *work)
{
	struct cxl_sysram_region *cxlr_sysram =
		container_of(to_delayed_work(work), struct cxl_sysram_region,
			     release_work);
	struct cxl_extent_release *release, *next;
	LIST_HEAD(todo);

	scoped_guard(mutex, &cxlr_sysram->extents_lock)
		list_splice_init(&cxlr_sysram->releases, &todo);

	list_for_each_entry_safe(release, next, &todo, list) {
		int rc = 0;

		if (cxl_sysram_extents_overlap(cxlr_sysram, &release->hpa))
			rc = cxl_sysram_release_range(cxlr_sysram, &release->hpa);
		if (rc == -EBUSY || rc == -ENOMEM)
			continue;
		if (rc) {
			dev_warn_ratelimited(&cxlr_sysram->dev,
					     "%#llx-%#llx is not given back: %pe\n",
					     release->hpa.start, release->hpa.end,
					     ERR_PTR(rc));
			cxl_sysram_extents_mark(cxlr_sysram, &release->hpa, false);
		}
		list_del(&release->list);
		kfree(release);
	}
	if (list_empty(&todo))
		return;

	guard(mutex)(&cxlr_sysram->extents_lock);
	list_splice(&todo, &cxlr_sysram->releases);
	if (cxlr_sysram->extents_closed)
		return;
	queue_delayed_work(system_dfl_wq, &cxlr_sysram->release_work,
			   cxlr_sysram->release_retry);
	cxlr_sysram->release_retry = min(2 * cxlr_sysram->release_retry,
					 CXL_EXTENT_RETRY_MAX);
}

/**
 * cxl_sysram_extents_init - a dynamic region is about to have extents
 * @cxlr_sysram: the region
 */
void cxl_sysram_extents_init(struct cxl_sysram_region *cxlr_sysram)
{
	mutex_init(&cxlr_sysram->extents_lock);
	cxlr_sysram->extents = RB_ROOT;
	ida_init(&cxlr_sysram->extent_ids);
	INIT_LIST_HEAD(&cxlr_sysram->releases);
	INIT_WORK(&cxlr_sysram->arrive_work, cxl_sysram_extents_arrive_work);
	INIT_DELAYED_WORK(&cxlr_sysram->release_work,
			  cxl_sysram_extents_release_work);
}

/**
 * cxl_sysram_extents_close - the region goes, its capacity stays accepted
 * @cxlr_sysram: the region; no operation may start any more
 *
 * Context: Process context. Returns when nothing of the extents is in use.
 */
void cxl_sysram_extents_close(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_extent_release *release, *next;
	LIST_HEAD(gone);

	scoped_guard(mutex, &cxlr_sysram->extents_lock)
		cxlr_sysram->extents_closed = true;
	cancel_work_sync(&cxlr_sysram->arrive_work);
	cancel_delayed_work_sync(&cxlr_sysram->release_work);

	scoped_guard(mutex, &cxlr_sysram->extents_lock) {
		cxl_sysram_extents_take(cxlr_sysram, &cxlr_sysram->hpa_range,
					&gone);
		list_for_each_entry_safe(release, next, &cxlr_sysram->releases,
					 list) {
			list_del(&release->list);
			kfree(release);
		}
	}
	cxl_sysram_extents_unregister(&gone);
}
