// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/slab.h>
#include <cxlmem.h>
#include <cxl.h>
#include "core.h"
#include "sysram_core.h"

/**
 * DOC: cxl sysram region
 *
 * A sysram_region stands between a RAM region and its use. It holds the capacity
 * of the region and the policy for it. It plugs nothing unless it is told to:
 *
 * - the System RAM driver (drivers/cxl/sysram.c) binds the sysram_region and
 *   adds or removes the memory when 'state' is written, or
 * - the DAX driver (drivers/dax/cxl.c) binds the dax_region below it and makes
 *   a character device or a kmem device of it, as the policy says.
 *
 * This file is the device and its attributes. What they do is in the files that
 * sysram_core.h lists, in the order of its layers.
 */

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
	struct cxl_sysram_region *cxlr_sysram = to_cxl_sysram_region(dev);
	int rc = cxl_sysram_state_from_str(buf, len);

	if (rc < 0)
		return rc;
	cxl_sysram_boot_hold(cxlr_sysram);
	rc = cxl_sysram_region_set_state(cxlr_sysram, rc, &cxlr_sysram->hpa_range);
	cxl_sysram_boot_release(cxlr_sysram);
	return rc ?: len;
}
static DEVICE_ATTR_RW(state);

static ssize_t hotplug_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return cxl_sysram_policy_show(to_cxl_sysram_region(dev), buf);
}

static ssize_t hotplug_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t len)
{
	return cxl_sysram_policy_store(to_cxl_sysram_region(dev), buf, len);
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
			  cxl_sysram_region_size(to_cxl_sysram_region(dev)));
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
	struct cxl_sysram_region *cxlr_sysram = to_cxl_sysram_region(dev);
	u64 bytes;
	int rc;

	if (strlen(buf) != len)
		return -EINVAL;
	rc = kstrtou64(buf, 0, &bytes);
	if (rc)
		return -EINVAL;
	cxl_sysram_boot_hold(cxlr_sysram);
	rc = cxl_sysram_region_resize(cxlr_sysram, bytes);
	cxl_sysram_boot_release(cxlr_sysram);
	return rc ?: len;
}
static DEVICE_ATTR_RW(plugged_size);

static ssize_t memmap_on_memory_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  cxl_sysram_region_memmap(to_cxl_sysram_region(dev)));
}

static int cxl_sysram_set_memmap(struct cxl_sysram_region *cxlr_sysram,
				 const struct cxl_sysram_request *req)
{
	if (cxl_sysram_region_memmap(cxlr_sysram) == req->memmap_on_memory)
		return 0;
	if (cxl_sysram_range_plugged(&cxlr_sysram->hpa_range))
		return -EBUSY;
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->memmap_on_memory = req->memmap_on_memory;
	return 0;
}

static ssize_t memmap_on_memory_store(struct device *dev,
				      struct device_attribute *attr,
				      const char *buf, size_t len)
{
	struct cxl_sysram_region *cxlr_sysram = to_cxl_sysram_region(dev);
	struct cxl_sysram_request req = { 0 };
	int rc;

	if (strlen(buf) != len)
		return -EINVAL;
	rc = kstrtobool(buf, &req.memmap_on_memory);
	if (rc)
		return rc;

	if (req.memmap_on_memory && !mhp_supports_memmap_on_memory())
		return -EOPNOTSUPP;

	rc = cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_REGION,
			       cxl_sysram_set_memmap, &req);
	return rc ?: len;
}
static DEVICE_ATTR_RW(memmap_on_memory);

static struct attribute *cxl_sysram_region_attrs[] = {
	&dev_attr_hotplug.attr,
	&dev_attr_state.attr,
	&dev_attr_target_node.attr,
	&dev_attr_size.attr,
	&dev_attr_plugged_size.attr,
	&dev_attr_memmap_on_memory.attr,
	NULL,
};

static umode_t cxl_sysram_region_visible(struct kobject *kobj,
					 struct attribute *a, int n)
{
	struct cxl_sysram_region *cxlr_sysram =
		to_cxl_sysram_region(kobj_to_dev(kobj));

	if (a == &dev_attr_target_node.attr && cxlr_sysram->target_node < 0)
		return 0;
	return a->mode;
}

static const struct attribute_group cxl_sysram_region_group = {
	.attrs = cxl_sysram_region_attrs,
	.is_visible = cxl_sysram_region_visible,
};

static const struct attribute_group *cxl_sysram_region_groups[] = {
	&cxl_base_attribute_group,
	&cxl_sysram_region_group,
	NULL,
};

static void cxl_sysram_region_release(struct device *dev)
{
	struct cxl_sysram_region *cxlr_sysram = to_cxl_sysram_region(dev);

	if (cxlr_sysram->dynamic)
		cxlr_sysram->dynamic->ops->free(cxlr_sysram);
	xa_destroy(&cxlr_sysram->poison);
	xa_destroy(&cxlr_sysram->record);
	kfree(cxlr_sysram);
}

const struct device_type cxl_sysram_region_type = {
	.name = "cxl_sysram_region",
	.release = cxl_sysram_region_release,
	.groups = cxl_sysram_region_groups,
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

static const struct cxl_sysram_dynamic_ops *cxl_sysram_dynamic_ops;

/**
 * cxl_sysram_register_dynamic - serve dynamic regions, too
 * @ops: what differs for them
 *
 * Context: Module init, before there is a region.
 */
void cxl_sysram_register_dynamic(const struct cxl_sysram_dynamic_ops *ops)
{
	cxl_sysram_dynamic_ops = ops;
}

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
	cxlr_sysram->shareable = cxl_region_is_shareable(cxlr);
	cxlr_sysram->capacity = range_len(&cxlr_sysram->hpa_range);
	cxlr_sysram->target_node = phys_to_target_node(p->res->start);
	if (cxlr_sysram->target_node == NUMA_NO_NODE)
		cxlr_sysram->target_node =
			memory_add_physaddr_to_nid(p->res->start);
	cxlr_sysram->memmap_on_memory = true;
	xa_init(&cxlr_sysram->poison);
	xa_init(&cxlr_sysram->record);
	spin_lock_init(&cxlr_sysram->lock);
	init_waitqueue_head(&cxlr_sysram->wait);
	cxl_sysram_boot_init(cxlr_sysram);

	dev = &cxlr_sysram->dev;
	device_initialize(dev);
	lockdep_set_class(&dev->mutex, &cxl_sysram_region_key);
	device_set_pm_not_required(dev);
	dev->parent = &cxlr->dev;
	dev->bus = &cxl_bus_type;
	dev->type = &cxl_sysram_region_type;

	return cxlr_sysram;
}

/* A dynamic region holds nothing until its device offers something */
static int cxl_sysram_region_make_dynamic(struct cxl_sysram_region *cxlr_sysram)
{
	const struct cxl_sysram_dynamic_ops *ops = cxl_sysram_dynamic_ops;

	if (cxlr_sysram->cxlr->mode != CXL_PARTMODE_DYNAMIC_RAM_1)
		return 0;
	if (!ops)
		return -EOPNOTSUPP;
	cxlr_sysram->capacity = 0;
	cxlr_sysram->dev.groups = ops->groups;
	return ops->create(cxlr_sysram);
}

static void cxlr_sysram_unregister(void *_cxlr_sysram)
{
	struct cxl_sysram_region *cxlr_sysram = _cxlr_sysram;

	cxl_sysram_region_stop(cxlr_sysram);
	/* A System RAM driver that is just being bound comes too late */
	disable_work_sync(&cxlr_sysram->boot_work);
	/*
	 * While it is still known where there is memory. No operation begins any more that
	 * could give back what has no memory blocks, but is not all removed yet.
	 */
	device_release_driver(&cxlr_sysram->dev);
	if (cxlr_sysram->dynamic)
		cxlr_sysram->dynamic->ops->close(cxlr_sysram);
	cxl_sysram_region_unguard(cxlr_sysram);
	device_unregister(&cxlr_sysram->dev);
}

static void put_cxl_sysram_region(struct cxl_sysram_region *cxlr_sysram)
{
	if (IS_ERR_OR_NULL(cxlr_sysram))
		return;
	cxl_sysram_region_unguard(cxlr_sysram);
	put_device(&cxlr_sysram->dev);
}

DEFINE_FREE(put_cxl_sysram_region, struct cxl_sysram_region *, put_cxl_sysram_region(_T))

/**
 * devm_cxl_add_sysram_region - put a sysram_region on a region
 * @cxlr: a committed RAM region; its driver is being bound
 * @policy: that it begins with, unless other hosts can use the memory
 *
 * Whoever finds the device finds its policy, too. Operations on its memory wait until
 * cxl_sysram_region_settled(), so that setting it up can still fail.
 *
 * Context: Probe of the region's driver.
 * Return: the sysram_region, which is removed when that driver is unbound from
 * @cxlr; ERR_PTR(-ENXIO) when @cxlr is not committed, ERR_PTR(-EOPNOTSUPP) when it
 * is dynamic and nobody serves those, ERR_PTR(-ENOMEM), or what the driver core
 * or, for CXL_SYSRAM_NEVER, memory hotplug answered.
 */
struct cxl_sysram_region *
devm_cxl_add_sysram_region(struct cxl_region *cxlr,
			   enum cxl_sysram_state policy)
{
	struct cxl_sysram_region *added;
	struct device *dev;
	int rc;

	struct cxl_sysram_region *cxlr_sysram __free(put_cxl_sysram_region) =
		cxl_sysram_region_alloc(cxlr);
	if (IS_ERR(cxlr_sysram))
		return no_free_ptr(cxlr_sysram);
	added = cxlr_sysram;

	rc = cxl_sysram_region_make_dynamic(cxlr_sysram);
	if (rc)
		return ERR_PTR(rc);

	dev = &cxlr_sysram->dev;
	rc = dev_set_name(dev, "sysram_region%d", cxlr->id);
	if (rc)
		return ERR_PTR(rc);

	if (cxlr_sysram->shareable || policy == CXL_SYSRAM_NEVER)
		rc = cxl_sysram_region_guard(cxlr_sysram);
	else
		rc = cxl_sysram_region_set_policy(cxlr_sysram, policy);
	if (rc)
		return ERR_PTR(rc);

	/*
	 * Applied when all is set up, unless a user says something else as soon as there
	 * is a file to write to; in a dynamic region, to capacity as it arrives.
	 */
	if (!cxlr_sysram->dynamic && !cxlr_sysram->guarded)
		cxlr_sysram->boot_policy = policy;

	cxlr_sysram->settling = true;
	rc = device_add(dev);
	if (rc)
		return ERR_PTR(rc);

	rc = devm_add_action_or_reset(&cxlr->dev, cxlr_sysram_unregister,
				      no_free_ptr(cxlr_sysram));
	return rc ? ERR_PTR(rc) : added;
}
