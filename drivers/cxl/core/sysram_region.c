// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/math64.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/slab.h>
#include <cxlmem.h>
#include <cxl.h>
#include "core.h"
#include "region_extent.h"
#include "sysram_op.h"

/**
 * DOC: cxl sysram region
 *
 * A sysram_region stands between a RAM region and its use. It owns the capacity
 * of the region and the policy for it, and it plugs nothing by itself:
 *
 * - the System RAM driver (drivers/cxl/sysram.c) binds the sysram_region and
 *   adds or removes the memory when 'state' is written, or
 * - the DAX driver (drivers/dax/cxl.c) binds the dax_region below it and makes
 *   a character device or a kmem device of it, as the policy says.
 *
 * A range has one owner at a time. It belongs to dax_regionN from the moment
 * the DAX driver claims it until that driver has let go, else to the System RAM
 * driver.
 *
 * Attributes take no device lock, since they are removed with that lock held.
 * What they change is protected by a spinlock, what takes long runs as an
 * operation (sysram_op.c), and 'dying' keeps new operations from starting once
 * the region is about to go.
 */

static void cxl_sysram_region_release(struct device *dev)
{
	struct cxl_sysram_region *cxlr_sysram = to_cxl_sysram_region(dev);

	xa_destroy(&cxlr_sysram->poison);
	ida_destroy(&cxlr_sysram->extent_ids);
	mutex_destroy(&cxlr_sysram->extents_lock);
	kfree(cxlr_sysram);
}

static u64 cxl_sysram_capacity(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	return cxlr_sysram->capacity;
}

/**
 * cxl_sysram_region_census - count the memory blocks of a sysram_region
 * @cxlr_sysram: the region
 * @census: blocks by what they are at this moment
 *
 * Only whole memory blocks within the region count.
 *
 * Context: Process context, takes no lock that memory hotplug could hold.
 */
void cxl_sysram_region_census(struct cxl_sysram_region *cxlr_sysram,
			      struct cxl_sysram_census *census)
{
	u64 size, tagged;

	if (!cxlr_sysram->dynamic) {
		cxl_sysram_range_census(&cxlr_sysram->hpa_range, census);
		return;
	}

	/*
	 * Memory is nowhere but in extents, which are made of whole blocks. What
	 * has a tag is not waiting to be plugged.
	 */
	tagged = cxl_sysram_groups_unplugged(cxlr_sysram);
	size = cxl_sysram_capacity(cxlr_sysram);
	size -= min(size, tagged);
	cxl_sysram_blocks_census(&cxlr_sysram->hpa_range,
				 div64_u64(size, cxl_memory_block_size()), census);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_census, "cxl_sysram");

/* Runs as an operation, for a user or for the boot policy */
static int cxl_sysram_set_state(struct cxl_sysram_region *cxlr_sysram,
				const struct cxl_sysram_request *req)
{
	struct cxl_sysram_census before, after;
	int rc, nr;

	if (req->want == CXL_SYSRAM_UNPLUGGED && cxlr_sysram->dynamic &&
	    (cxl_sysram_extents_lost(cxlr_sysram, &req->range) ||
	     cxl_sysram_groups_plugged(cxlr_sysram)))
		return -EBUSY;

	struct range *units __free(kvfree) =
		cxl_sysram_region_units(cxlr_sysram, &req->range,
					req->want == CXL_SYSRAM_UNPLUGGED, &nr);
	if (IS_ERR(units))
		return PTR_ERR(units);

	cxl_sysram_region_census(cxlr_sysram, &before);
	rc = cxlr_sysram->ops->set_state(cxlr_sysram, req->want, units, nr);
	cxl_sysram_region_census(cxlr_sysram, &after);
	if (cxl_sysram_census_state(&before) != cxl_sysram_census_state(&after))
		kobject_uevent(&cxlr_sysram->dev.kobj, KOBJ_CHANGE);
	cxl_sysram_extents_announce(cxlr_sysram, &req->range);

	return rc;
}

/**
 * cxl_sysram_range_set_state - make a part of the capacity what is wanted
 * @cxlr_sysram: the region
 * @want: any state but CXL_SYSRAM_MIXED
 * @hpa: the part
 *
 * Context: See cxl_sysram_region_set_state().
 * Return: As cxl_sysram_region_set_state().
 */
int cxl_sysram_range_set_state(struct cxl_sysram_region *cxlr_sysram,
			       enum cxl_sysram_state want,
			       const struct range *hpa)
{
	struct cxl_sysram_request req = { .want = want, .range = *hpa };

	return cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_STATE,
				 cxl_sysram_set_state, &req);
}

/**
 * cxl_sysram_region_set_state - make the capacity of a sysram_region what is wanted
 * @cxlr_sysram: the region
 * @want: any state but CXL_SYSRAM_MIXED
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -EBUSY when the range belongs to DAX, is online with another type,
 * or cannot be taken offline; -ENXIO without a System RAM driver, or when the
 * region is about to go; -EINVAL when the range is not made of whole memory
 * blocks; else as cxl_sysram_op_run(), or what memory hotplug answered. On
 * failure the capacity is what it was.
 */
int cxl_sysram_region_set_state(struct cxl_sysram_region *cxlr_sysram,
				enum cxl_sysram_state want)
{
	return cxl_sysram_range_set_state(cxlr_sysram, want,
					  &cxlr_sysram->hpa_range);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_set_state, "cxl_sysram");

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct cxl_sysram_census census;

	cxl_sysram_region_census(to_cxl_sysram_region(dev), &census);
	return sysfs_emit(buf, "%s\n",
			  cxl_sysram_state_to_str(cxl_sysram_census_state(&census)));
}

static ssize_t state_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t len)
{
	int rc = cxl_sysram_state_from_str(buf, len);

	if (rc < 0)
		return rc;
	rc = cxl_sysram_region_set_state(to_cxl_sysram_region(dev), rc);
	return rc ?: len;
}
static DEVICE_ATTR_RW(state);

static ssize_t hotplug_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct cxl_sysram_region *cxlr_sysram = to_cxl_sysram_region(dev);

	return sysfs_emit(buf, "%s\n",
			  cxl_sysram_policy_to_str(cxl_sysram_region_policy(cxlr_sysram)));
}

static ssize_t hotplug_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t len)
{
	int rc = cxl_sysram_policy_from_str(buf, len);

	if (rc < 0)
		return rc;
	rc = cxl_sysram_region_set_policy(to_cxl_sysram_region(dev), rc);
	return rc ?: len;
}
static DEVICE_ATTR_RW(hotplug);

static ssize_t target_node_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", to_cxl_sysram_region(dev)->target_node);
}
static DEVICE_ATTR_RO(target_node);

static ssize_t size_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  cxl_sysram_capacity(to_cxl_sysram_region(dev)));
}
static DEVICE_ATTR_RO(size);

static ssize_t plugged_size_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  cxl_sysram_range_plugged(&to_cxl_sysram_region(dev)->hpa_range));
}

static ssize_t plugged_size_store(struct device *dev,
				  struct device_attribute *attr,
				  const char *buf, size_t len)
{
	u64 bytes;
	int rc;

	if (strlen(buf) != len)
		return -EINVAL;
	rc = kstrtou64(buf, 0, &bytes);
	if (rc)
		return -EINVAL;
	rc = cxl_sysram_region_resize(to_cxl_sysram_region(dev), bytes);
	return rc ?: len;
}
static DEVICE_ATTR_RW(plugged_size);

static ssize_t memmap_on_memory_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  cxl_sysram_region_memmap(to_cxl_sysram_region(dev)));
}

static ssize_t memmap_on_memory_store(struct device *dev,
				      struct device_attribute *attr,
				      const char *buf, size_t len)
{
	struct cxl_sysram_region *cxlr_sysram = to_cxl_sysram_region(dev);
	bool val;
	int rc;

	if (strlen(buf) != len)
		return -EINVAL;
	rc = kstrtobool(buf, &val);
	if (rc)
		return rc;

	if (val && !mhp_supports_memmap_on_memory())
		return -EOPNOTSUPP;

	guard(spinlock)(&cxlr_sysram->lock);
	if (cxlr_sysram->dying)
		return -ENXIO;
	if (cxlr_sysram->memmap_on_memory == val)
		return len;
	if (cxlr_sysram->op || cxlr_sysram->plugged || cxlr_sysram->dax_owned)
		return -EBUSY;
	cxlr_sysram->memmap_on_memory = val;

	return len;
}
static DEVICE_ATTR_RW(memmap_on_memory);

static ssize_t release_extent_store(struct device *dev,
				    struct device_attribute *attr,
				    const char *buf, size_t len)
{
	unsigned int id;
	int rc;

	if (strlen(buf) != len)
		return -EINVAL;
	rc = kstrtouint(buf, 0, &id);
	if (rc)
		return rc;
	if (id > INT_MAX)
		return -ENOENT;
	rc = cxl_sysram_release_extent(to_cxl_sysram_region(dev), id);
	return rc ?: len;
}
static DEVICE_ATTR_WO(release_extent);

static ssize_t release_tag_store(struct device *dev,
				 struct device_attribute *attr,
				 const char *buf, size_t len)
{
	size_t n = strcspn(buf, "\n");
	uuid_t tag;
	int rc;

	if (strlen(buf) != len || n + 1 < len)
		return -EINVAL;
	if (n != UUID_STRING_LEN || uuid_parse(buf, &tag))
		return -EINVAL;
	rc = cxl_sysram_release_tag(to_cxl_sysram_region(dev), &tag);
	return rc ?: len;
}
static DEVICE_ATTR_WO(release_tag);

static struct attribute *cxl_sysram_region_attrs[] = {
	&dev_attr_hotplug.attr,
	&dev_attr_state.attr,
	&dev_attr_target_node.attr,
	&dev_attr_size.attr,
	&dev_attr_plugged_size.attr,
	&dev_attr_memmap_on_memory.attr,
	&dev_attr_release_extent.attr,
	&dev_attr_release_tag.attr,
	NULL,
};

static umode_t cxl_sysram_region_visible(struct kobject *kobj,
					 struct attribute *a, int n)
{
	struct cxl_sysram_region *cxlr_sysram =
		to_cxl_sysram_region(kobj_to_dev(kobj));

	if (a == &dev_attr_target_node.attr && cxlr_sysram->target_node < 0)
		return 0;
	if ((a == &dev_attr_release_extent.attr ||
	     a == &dev_attr_release_tag.attr) && !cxlr_sysram->dynamic)
		return 0;
	return a->mode;
}

static const struct attribute_group cxl_sysram_region_group = {
	.attrs = cxl_sysram_region_attrs,
	.is_visible = cxl_sysram_region_visible,
};

static const struct attribute_group *cxl_sysram_region_attribute_groups[] = {
	&cxl_base_attribute_group,
	&cxl_sysram_region_group,
	NULL,
};

const struct device_type cxl_sysram_region_type = {
	.name = "cxl_sysram_region",
	.release = cxl_sysram_region_release,
	.groups = cxl_sysram_region_attribute_groups,
};

/**
 * is_cxl_sysram_region - is this device a sysram_region
 * @dev: any device
 *
 * Return: true for "sysram_regionN".
 */
bool is_cxl_sysram_region(const struct device *dev)
{
	return dev->type == &cxl_sysram_region_type;
}

/**
 * to_cxl_sysram_region - the sysram_region that a device is
 * @dev: "sysram_regionN"
 *
 * Return: the sysram_region, NULL and a warning for any other device.
 */
struct cxl_sysram_region *to_cxl_sysram_region(struct device *dev)
{
	if (dev_WARN_ONCE(dev, !is_cxl_sysram_region(dev),
			  "not a cxl_sysram_region device\n"))
		return NULL;
	return container_of(dev, struct cxl_sysram_region, dev);
}
EXPORT_SYMBOL_FOR_MODULES(to_cxl_sysram_region, "cxl_sysram");

/**
 * cxl_sysram_region_attach - the System RAM driver has come
 * @cxlr_sysram: the region
 * @ops: of the driver
 * @drvdata: of the driver, kept in @cxlr_sysram
 *
 * Applies a boot policy that has waited for it.
 *
 * Context: Probe of the driver, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0, or -ENXIO when the region is about to go.
 */
int cxl_sysram_region_attach(struct cxl_sysram_region *cxlr_sysram,
			     const struct cxl_sysram_ops *ops, void *drvdata)
{
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (cxlr_sysram->dying)
			return -ENXIO;
		cxlr_sysram->drvdata = drvdata;
		cxlr_sysram->ops = ops;
	}

	cxl_sysram_region_apply_boot(cxlr_sysram);
	/* Extents that could not be plugged without a driver */
	if (cxlr_sysram->dynamic)
		queue_work(system_dfl_wq, &cxlr_sysram->arrive_work);
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_attach, "cxl_sysram");

/**
 * cxl_sysram_region_detach - the System RAM driver goes
 * @cxlr_sysram: the region
 *
 * Ends an operation that runs, and returns when the driver is not in use.
 *
 * Context: Remove of the driver. Uninterruptible.
 */
void cxl_sysram_region_detach(struct cxl_sysram_region *cxlr_sysram)
{
	scoped_guard(spinlock, &cxlr_sysram->lock)
		cxlr_sysram->ops = NULL;
	cxl_sysram_op_drain(cxlr_sysram);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_detach, "cxl_sysram");

/**
 * cxl_sysram_region_set_plugged - record whether the capacity is System RAM
 * @cxlr_sysram: the region
 * @plugged: true when memory was added, false when all of it was removed
 *
 * Context: An operation.
 */
void cxl_sysram_region_set_plugged(struct cxl_sysram_region *cxlr_sysram,
				   bool plugged)
{
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->plugged = plugged;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_set_plugged, "cxl_sysram");

/**
 * cxl_sysram_region_memmap - is the memory map to be placed on the memory
 * @cxlr_sysram: the region
 *
 * Return: the value of 'memmap_on_memory'; it does not change while memory is
 * plugged, while DAX owns the range or while an operation runs.
 */
bool cxl_sysram_region_memmap(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	return cxlr_sysram->memmap_on_memory;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_memmap, "cxl_sysram,dax_cxl");

/**
 * cxl_dax_region_to_sysram - the sysram_region that a dax_region is below
 * @cxlr_dax: the dax_region
 *
 * Return: the sysram_region, NULL for a dax_region that hangs off its region.
 */
struct cxl_sysram_region *cxl_dax_region_to_sysram(struct cxl_dax_region *cxlr_dax)
{
	struct device *parent = cxlr_dax->dev.parent;

	return is_cxl_sysram_region(parent) ? to_cxl_sysram_region(parent) : NULL;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_dax_region_to_sysram, "dax_cxl");

/**
 * cxl_sysram_region_claim_dax - take the capacity for DAX
 * @cxlr_sysram: the region
 *
 * Return: 0; -EBUSY when memory is plugged, or just being plugged or unplugged;
 * -ENXIO when the region is about to go.
 */
int cxl_sysram_region_claim_dax(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	if (cxlr_sysram->dying)
		return -ENXIO;
	if (cxlr_sysram->plugged || cxlr_sysram->op || cxlr_sysram->dax_owned)
		return -EBUSY;
	cxlr_sysram->dax_owned = true;
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_claim_dax, "dax_cxl");

/**
 * cxl_sysram_region_unclaim_dax - DAX has let go of the capacity
 * @cxlr_sysram: the region
 */
void cxl_sysram_region_unclaim_dax(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->dax_owned = false;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_unclaim_dax, "dax_cxl");

static ssize_t dax_hotplug_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	return hotplug_show(dev->parent, attr, buf);
}

static ssize_t dax_hotplug_store(struct device *dev,
				 struct device_attribute *attr,
				 const char *buf, size_t len)
{
	return hotplug_store(dev->parent, attr, buf, len);
}

static struct device_attribute dev_attr_dax_hotplug =
	__ATTR(hotplug, 0644, dax_hotplug_show, dax_hotplug_store);

static struct attribute *cxl_sysram_dax_attrs[] = {
	&dev_attr_dax_hotplug.attr,
	NULL,
};

/* A dax_region that hangs off its region directly has no policy */
static umode_t cxl_sysram_dax_visible(struct kobject *kobj, struct attribute *a,
				      int n)
{
	return is_cxl_sysram_region(kobj_to_dev(kobj)->parent) ? a->mode : 0;
}

const struct attribute_group cxl_sysram_dax_attribute_group = {
	.attrs = cxl_sysram_dax_attrs,
	.is_visible = cxl_sysram_dax_visible,
};

/* Some of the memory may be used by another host as well, as CDAT has it */
static bool cxl_region_is_shareable(struct cxl_region *cxlr)
{
	struct cxl_region_params *p = &cxlr->params;

	lockdep_assert_held(&cxl_rwsem.region);
	for (int i = 0; i < p->nr_targets; i++) {
		struct cxl_endpoint_decoder *cxled = p->targets[i];
		struct cxl_dev_state *cxlds = cxled_to_memdev(cxled)->cxlds;

		if (cxled->part >= 0 && cxlds->part[cxled->part].shareable)
			return true;
	}
	return false;
}

static struct lock_class_key cxl_sysram_region_key;

static struct cxl_sysram_region *
cxl_sysram_region_alloc(struct cxl_region *cxlr)
{
	struct cxl_region_params *p = &cxlr->params;
	struct cxl_sysram_region *cxlr_sysram;
	struct device *dev;

	guard(rwsem_read)(&cxl_rwsem.region);
	if (p->state != CXL_CONFIG_COMMIT)
		return ERR_PTR(-ENXIO);

	cxlr_sysram = kzalloc_obj(*cxlr_sysram);
	if (!cxlr_sysram)
		return ERR_PTR(-ENOMEM);

	cxlr_sysram->cxlr = cxlr;
	cxlr_sysram->hpa_range = DEFINE_RANGE(p->res->start, p->res->end);
	cxlr_sysram->dynamic = cxlr->mode == CXL_PARTMODE_DYNAMIC_RAM_1;
	cxlr_sysram->shareable = cxl_region_is_shareable(cxlr);
	if (!cxlr_sysram->dynamic)
		cxlr_sysram->capacity = range_len(&cxlr_sysram->hpa_range);
	cxl_sysram_extents_init(cxlr_sysram);
	cxlr_sysram->target_node = phys_to_target_node(p->res->start);
	if (cxlr_sysram->target_node == NUMA_NO_NODE)
		cxlr_sysram->target_node =
			memory_add_physaddr_to_nid(p->res->start);
	cxlr_sysram->memmap_on_memory = true;
	xa_init(&cxlr_sysram->poison);
	spin_lock_init(&cxlr_sysram->lock);
	init_waitqueue_head(&cxlr_sysram->wait);

	dev = &cxlr_sysram->dev;
	device_initialize(dev);
	lockdep_set_class(&dev->mutex, &cxl_sysram_region_key);
	device_set_pm_not_required(dev);
	dev->parent = &cxlr->dev;
	dev->bus = &cxl_bus_type;
	dev->type = &cxl_sysram_region_type;

	return cxlr_sysram;
}

/**
 * cxl_sysram_region_stop - no operation runs any more, and none will
 * @cxlr_sysram: the region, which goes
 *
 * Context: Remove of the region's driver. Uninterruptible.
 */
void cxl_sysram_region_stop(struct cxl_sysram_region *cxlr_sysram)
{
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		cxlr_sysram->dying = true;
		cxlr_sysram->stopped = true;
	}
	cxl_sysram_op_drain(cxlr_sysram);
}

static void cxlr_sysram_unregister(void *_cxlr_sysram)
{
	struct cxl_sysram_region *cxlr_sysram = _cxlr_sysram;

	cxl_sysram_region_stop(cxlr_sysram);
	cxl_sysram_extents_close(cxlr_sysram);
	cxl_sysram_region_unguard(cxlr_sysram);
	device_unregister(&cxlr_sysram->dev);
}

static void put_cxl_sysram_region(struct cxl_sysram_region *cxlr_sysram)
{
	if (!IS_ERR_OR_NULL(cxlr_sysram))
		put_device(&cxlr_sysram->dev);
}

DEFINE_FREE(put_cxl_sysram_region, struct cxl_sysram_region *, put_cxl_sysram_region(_T))

/**
 * devm_cxl_add_sysram_region - put a sysram_region on a region
 * @cxlr: a committed RAM region; its driver is being bound
 *
 * Context: Probe of the region's driver.
 * Return: the sysram_region, which goes when that driver lets go of @cxlr;
 * ERR_PTR(-ENXIO) when @cxlr is not committed, ERR_PTR(-ENOMEM), or what the
 * driver core answered.
 */
struct cxl_sysram_region *
devm_cxl_add_sysram_region(struct cxl_region *cxlr)
{
	struct cxl_sysram_region *added;
	struct device *dev;
	int rc;

	struct cxl_sysram_region *cxlr_sysram __free(put_cxl_sysram_region) =
		cxl_sysram_region_alloc(cxlr);
	if (IS_ERR(cxlr_sysram))
		return no_free_ptr(cxlr_sysram);
	added = cxlr_sysram;

	dev = &cxlr_sysram->dev;
	rc = dev_set_name(dev, "sysram_region%d", cxlr->id);
	if (rc)
		return ERR_PTR(rc);

	rc = device_add(dev);
	if (rc)
		return ERR_PTR(rc);

	rc = devm_add_action_or_reset(&cxlr->dev, cxlr_sysram_unregister,
				      no_free_ptr(cxlr_sysram));
	return rc ? ERR_PTR(rc) : added;
}
