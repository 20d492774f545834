// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/ioport.h>
#include <linux/math64.h>
#include <linux/memory.h>
#include <linux/memory-tiers.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include "cxlmem.h"
#include "cxl.h"
#include "cxlsysram.h"

/**
 * DOC: cxl sysram driver
 *
 * Makes System RAM of the capacity of a sysram_region, and takes it back. The
 * core decides when (core/sysram_capacity.c), and when to give up
 * (core/sysram_op.c); this driver owns the how.
 *
 * This driver brings memory blocks online while it adds them, or later when it is
 * told to. Userspace may change single blocks at any time. So what the blocks are is
 * counted at every operation; only how much was added is kept.
 *
 * A static region is one unit, and one static memory group: what a write to 'state'
 * has to add of it is added in one call, and removed in one call. Either succeeds
 * for all of it or leaves all of it as it was. The units of a dynamic region are its
 * extents, which are added block by block, as one dynamic memory group, since the
 * device may ask for any of them; what is removed together is removed in one call.
 *
 * Node, memory type, memory group and resource are set up as in dax_kmem. Each takes
 * a call or two into mm, and the drivers have nothing else in common: dax_kmem works on
 * devices that DAX has made.
 *
 * While memory is plugged the module cannot be unloaded. When the device is pulled
 * instead, blocks that are offline are removed. Those that are online stay, with their
 * resource, their group and this module: nothing can be migrated away from memory that
 * does not answer, and nothing may be added over it.
 */

/* As dax_kmem, for a node without performance data: slower than DRAM */
#define CXL_SYSRAM_DEFAULT_ADISTANCE	(MEMTIER_ADISTANCE_DRAM * 5)

static const char cxl_sysram_name[] = "System RAM (cxl_sysram)";

static DEFINE_MUTEX(cxl_sysram_types_lock);
static LIST_HEAD(cxl_sysram_types);

/**
 * struct cxl_sysram - System RAM made of one sysram_region
 * @cxlr_sysram: the region
 * @mgid: memory group for the whole region
 * @mtype: memory type that the node was given while it is plugged
 * @reserved: everything is there that memory needs to be added
 * @added: bytes that are System RAM
 * @res: the range of a static region, reserved while @reserved, or NULL
 * @res_name: name of @res
 *
 * @cxlr_sysram, @mgid and @res_name are set up before the first operation; the
 * others change in operations only, of which there is one at a time.
 */
struct cxl_sysram {
	struct cxl_sysram_region *cxlr_sysram;
	int mgid;
	struct memory_dev_type *mtype;
	bool reserved;
	u64 added;
	struct resource *res;
	char *res_name;
};

static int cxl_sysram_init_type(struct cxl_sysram *sysram)
{
	int nid = sysram->cxlr_sysram->target_node;
	int adist = CXL_SYSRAM_DEFAULT_ADISTANCE;
	struct memory_dev_type *mtype;

	mt_calc_adistance(nid, &adist);
	scoped_guard(mutex, &cxl_sysram_types_lock)
		mtype = mt_find_alloc_memory_type(adist, &cxl_sysram_types);
	if (IS_ERR(mtype))
		return PTR_ERR(mtype);

	init_node_memory_type(nid, mtype);
	sysram->mtype = mtype;
	return 0;
}

/*
 * Not all of the range of a dynamic region is its capacity: there only the memory
 * itself has a resource.
 */
static int cxl_sysram_request(struct cxl_sysram *sysram)
{
	struct cxl_sysram_region *cxlr_sysram = sysram->cxlr_sysram;
	struct range *range = &cxlr_sysram->hpa_range;

	if (cxlr_sysram->dynamic)
		return 0;

	sysram->res = request_mem_region(range->start, range_len(range),
					 sysram->res_name);
	if (!sysram->res) {
		dev_warn_ratelimited(&cxlr_sysram->dev,
				     "cannot reserve %#llx-%#llx, see /proc/iomem\n",
				     range->start, range->end);
		return -EBUSY;
	}
	/* Not busy, so that the memory can be added below it */
	sysram->res->flags = IORESOURCE_SYSTEM_RAM;
	return 0;
}

/* Everything that has to be there before memory can be added */
static int cxl_sysram_reserve(struct cxl_sysram *sysram)
{
	struct cxl_sysram_region *cxlr_sysram = sysram->cxlr_sysram;
	int rc;

	rc = cxl_sysram_init_type(sysram);
	if (rc)
		return rc;

	rc = cxl_sysram_request(sysram);
	if (rc) {
		clear_node_memory_type(cxlr_sysram->target_node, sysram->mtype);
		return rc;
	}

	sysram->reserved = true;
	__module_get(THIS_MODULE);
	cxl_sysram_region_set_plugged(cxlr_sysram, true);
	return 0;
}

static void cxl_sysram_unreserve(struct cxl_sysram *sysram)
{
	struct cxl_sysram_region *cxlr_sysram = sysram->cxlr_sysram;

	cxl_sysram_region_set_plugged(cxlr_sysram, false);
	sysram->reserved = false;
	if (sysram->res) {
		remove_resource(sysram->res);
		kfree(sysram->res);
	}
	sysram->res = NULL;
	clear_node_memory_type(cxlr_sysram->target_node, sysram->mtype);
	module_put(THIS_MODULE);
}

struct cxl_sysram_found {
	struct range *ranges;
	unsigned int nr;
	unsigned int max;
};

static int cxl_sysram_found_one(struct resource *res, void *arg)
{
	struct cxl_sysram_found *found = arg;

	if (found->ranges && found->nr == found->max)
		return 1;
	if (found->ranges)
		found->ranges[found->nr] = DEFINE_RANGE(res->start, res->end);
	found->nr++;
	return 0;
}

static unsigned int cxl_sysram_walk(const struct range *units, int nr,
				    struct range *ranges, unsigned int max)
{
	struct cxl_sysram_found found = { .ranges = ranges, .max = max };

	for (int i = 0; i < nr; i++)
		walk_iomem_res_desc(IORES_DESC_NONE,
				    IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
				    units[i].start, units[i].end, &found,
				    cxl_sysram_found_one);
	return found.nr;
}

/*
 * The memory that there is of @units, in the ranges in which it was added. To be
 * freed with kvfree(). Only operations change it, but for somebody who writes to the
 * probe file: what is added meanwhile is not looked at.
 */
static struct range *cxl_sysram_find(const struct range *units, int nr,
				     unsigned int *found)
{
	struct range *ranges;

	*found = cxl_sysram_walk(units, nr, NULL, 0);
	ranges = kvmalloc_array(max(*found, 1), sizeof(*ranges), GFP_KERNEL);
	if (ranges)
		*found = cxl_sysram_walk(units, nr, ranges, *found);
	return ranges;
}

static int cxl_sysram_unplug(struct cxl_sysram *sysram,
			     const struct range *units, int nr)
{
	struct cxl_sysram_region *cxlr_sysram = sysram->cxlr_sysram;
	unsigned int found;
	int rc;

	struct range *ranges __free(kvfree) = cxl_sysram_find(units, nr, &found);
	if (!ranges)
		return -ENOMEM;
	if (!found)
		return 0;
	/* Somebody else's memory */
	if (!sysram->reserved)
		return -EBUSY;

	rc = offline_and_remove_memory_ranges(ranges, found, cxlr_sysram->ctl);
	if (rc)
		return rc;

	for (unsigned int i = 0; i < found; i++)
		sysram->added -= min(sysram->added, range_len(&ranges[i]));
	if (!sysram->added)
		cxl_sysram_unreserve(sysram);
	return 0;
}

static bool cxl_sysram_whole_blocks(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *unit)
{
	struct range whole = memory_block_aligned_range(unit);

	if (whole.start == unit->start && whole.end == unit->end)
		return true;
	dev_warn_ratelimited(&cxlr_sysram->dev,
			     "%#llx-%#llx is not made of whole memory blocks of %#lx bytes, cannot be System RAM\n",
			     unit->start, unit->end, memory_block_size_bytes());
	return false;
}

/* What a write to 'state' has to do: ranges to add, then ranges to bring online */
struct cxl_sysram_todo {
	struct range *ranges;
	u64 max;
	unsigned int nr_plug;
	unsigned int nr_there;
};

/*
 * What is there already was added before, in whatever pieces. Any block of a
 * dynamic region may be asked back alone, and is added alone.
 */
static u64 cxl_sysram_step(struct cxl_sysram_region *cxlr_sysram,
			   const struct range *unit)
{
	if (cxlr_sysram->dynamic)
		return memory_block_size_bytes();
	/* Only x86 splits a leaf of the direct map when a part of it is removed */
	if (!IS_ENABLED(CONFIG_X86_64))
		return memory_block_size_bytes();
	return cxl_sysram_walk(unit, 1, NULL, 0) ? memory_block_size_bytes() :
						   range_len(unit);
}

/* The pieces of a unit that are to be added or, with @there, brought online */
static void cxl_sysram_sort(struct cxl_sysram_region *cxlr_sysram,
			    const struct range *unit, bool there,
			    struct cxl_sysram_todo *todo)
{
	u64 step = cxl_sysram_step(cxlr_sysram, unit);

	for (u64 hpa = unit->start; hpa < unit->end; hpa += step) {
		struct range piece = DEFINE_RANGE(hpa, hpa + step - 1);
		struct cxl_sysram_census census;

		cxl_sysram_range_census(&piece, &census);
		if (!census.unplugged != there)
			continue;
		if (todo->nr_plug + todo->nr_there == todo->max)
			return;
		todo->ranges[todo->nr_plug + todo->nr_there] = piece;
		if (there)
			todo->nr_there++;
		else
			todo->nr_plug++;
	}
}

/* Nothing is begun that cannot be done */
static int cxl_sysram_check_units(struct cxl_sysram_region *cxlr_sysram,
				  enum cxl_sysram_state want,
				  const struct range *units, int nr,
				  u64 *pieces, int *actions)
{
	*pieces = 0;
	*actions = 0;
	for (int i = 0; i < nr; i++) {
		struct cxl_sysram_census census;
		int action;

		if (!cxl_sysram_whole_blocks(cxlr_sysram, &units[i]))
			return -EINVAL;
		cxl_sysram_range_census(&units[i], &census);
		action = cxl_sysram_census_action(&census, want);
		if (action < 0)
			return action;
		*actions |= action;
		*pieces += div64_u64(range_len(&units[i]),
				     cxl_sysram_step(cxlr_sysram, &units[i]));
	}
	return 0;
}

static int cxl_sysram_plug(struct cxl_sysram *sysram,
			   const struct cxl_sysram_todo *todo, enum mmop type)
{
	struct cxl_sysram_region *cxlr_sysram = sysram->cxlr_sysram;
	mhp_t flags = MHP_NID_IS_MGID | MHP_MEMMAP_OFF_NODE;
	int rc = 0;

	/* kmem of a former owner, stuck: not ours to touch */
	if (!sysram->reserved && todo->nr_there)
		return -EBUSY;
	if (!todo->nr_plug)
		return online_memory_ranges(todo->ranges, todo->nr_there, type,
					    cxlr_sysram->ctl);
	if (!sysram->reserved)
		rc = cxl_sysram_reserve(sysram);
	if (rc)
		return rc;

	if (cxl_sysram_region_memmap(cxlr_sysram))
		flags |= MHP_MEMMAP_ON_MEMORY;
	rc = add_memory_ranges_driver_managed(sysram->mgid, todo->ranges,
					      todo->nr_plug, todo->nr_there,
					      cxl_sysram_name, flags, type,
					      cxlr_sysram->ctl);
	/* On failure there is none of it, or what could not be taken out again: still ours */
	for (unsigned int i = 0; i < todo->nr_plug; i++)
		sysram->added += cxl_sysram_range_plugged(&todo->ranges[i]);
	if (!sysram->added)
		cxl_sysram_unreserve(sysram);
	return rc;
}

static int cxl_sysram_set_state(struct cxl_sysram_region *cxlr_sysram,
				enum cxl_sysram_state want,
				const struct range *units, int nr)
{
	struct cxl_sysram *sysram = dev_get_drvdata(&cxlr_sysram->dev);
	struct cxl_sysram_todo todo = { 0 };
	enum mmop type = MMOP_OFFLINE;
	int rc, actions;
	u64 pieces;

	if (want == CXL_SYSRAM_UNPLUGGED)
		return cxl_sysram_unplug(sysram, units, nr);

	rc = cxl_sysram_check_units(cxlr_sysram, want, units, nr, &pieces,
				    &actions);
	if (rc || !actions)
		return rc;

	struct range *ranges __free(kvfree) =
		kvmalloc_array(pieces, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;
	todo.ranges = ranges;
	todo.max = pieces;
	for (int i = 0; i < nr; i++)
		cxl_sysram_sort(cxlr_sysram, &units[i], false, &todo);
	for (int i = 0; i < nr && actions & CXL_SYSRAM_DO_ONLINE; i++)
		cxl_sysram_sort(cxlr_sysram, &units[i], true, &todo);
	cxl_sysram_state_plugs(want, &type);
	return cxl_sysram_plug(sysram, &todo, type);
}

static const struct cxl_sysram_ops cxl_sysram_ops = {
	.owner = THIS_MODULE,
	.set_state = cxl_sysram_set_state,
};

static void cxl_sysram_free(struct cxl_sysram *sysram)
{
	if (!sysram)
		return;
	kfree(sysram->res_name);
	kfree(sysram);
}

DEFINE_FREE(cxl_sysram, struct cxl_sysram *, cxl_sysram_free(_T))

static int cxl_sysram_driver_probe(struct device *dev)
{
	struct cxl_sysram_region *cxlr_sysram = to_cxl_sysram_region(dev);
	int rc;

	/* As kmem: slow memory must not end up in the node of fast memory */
	if (cxlr_sysram->target_node < 0) {
		dev_warn(dev, "no NUMA node for %#llx-%#llx, cannot be System RAM\n",
			 cxlr_sysram->hpa_range.start,
			 cxlr_sysram->hpa_range.end);
		return -EINVAL;
	}

	struct cxl_sysram *sysram __free(cxl_sysram) = kzalloc_obj(*sysram);
	if (!sysram)
		return -ENOMEM;

	sysram->cxlr_sysram = cxlr_sysram;
	sysram->res_name = kstrdup(dev_name(dev), GFP_KERNEL);
	if (!sysram->res_name)
		return -ENOMEM;

	if (cxlr_sysram->dynamic)
		rc = memory_group_register_dynamic(cxlr_sysram->target_node,
						   PFN_DOWN(memory_block_size_bytes()));
	else
		rc = memory_group_register_static(cxlr_sysram->target_node,
						  PFN_UP(range_len(&cxlr_sysram->hpa_range)));
	if (rc < 0)
		return rc;
	sysram->mgid = rc;

	dev_set_drvdata(dev, sysram);
	rc = cxl_sysram_region_attach(cxlr_sysram, &cxl_sysram_ops);
	if (rc) {
		memory_group_unregister(sysram->mgid);
		return rc;
	}

	retain_and_null_ptr(sysram);
	return 0;
}

/* Block by block: those that are online stay, and must not keep the others */
static void cxl_sysram_remove_range(struct cxl_sysram *sysram,
				    const struct range *range)
{
	const u64 size = memory_block_size_bytes();

	for (u64 hpa = range->start; hpa < range->end; hpa += size)
		if (!remove_memory(hpa, size))
			sysram->added -= min(sysram->added, size);
}

/* Nothing is taken offline here, where no signal could end it */
static bool cxl_sysram_remove_memory(struct cxl_sysram *sysram)
{
	struct cxl_sysram_region *cxlr_sysram = sysram->cxlr_sysram;
	unsigned int found;
	int nr;

	struct range *units __free(kvfree) =
		cxl_sysram_region_units(cxlr_sysram, &cxlr_sysram->hpa_range,
					true, &nr);
	if (IS_ERR(units))
		return false;
	struct range *ranges __free(kvfree) = cxl_sysram_find(units, nr, &found);
	if (!ranges)
		return false;

	for (unsigned int i = 0; i < found; i++)
		cxl_sysram_remove_range(sysram, &ranges[i]);
	return !sysram->added;
}

static void cxl_sysram_driver_remove(struct device *dev)
{
	struct cxl_sysram *sysram __free(cxl_sysram) = dev_get_drvdata(dev);
	struct cxl_sysram_region *cxlr_sysram = sysram->cxlr_sysram;
	struct range *range = &cxlr_sysram->hpa_range;

	cxl_sysram_region_detach(cxlr_sysram);

	/*
	 * Plugged: the device was pulled, since everybody else unplugs first
	 * and the module is pinned.
	 */
	if (sysram->reserved && !cxl_sysram_remove_memory(sysram)) {
		dev_err(dev, "%#llx-%#llx is System RAM still, but the path to the memory is gone: do not use node %d, reboot\n",
			range->start, range->end, cxlr_sysram->target_node);
		retain_and_null_ptr(sysram);
		return;
	}

	if (sysram->reserved)
		cxl_sysram_unreserve(sysram);
	memory_group_unregister(sysram->mgid);
}

static struct cxl_driver cxl_sysram_driver = {
	.name = "cxl_sysram",
	.probe = cxl_sysram_driver_probe,
	.remove = cxl_sysram_driver_remove,
	.id = CXL_DEVICE_SYSRAM_REGION,
	.drv = {
		.suppress_bind_attrs = true,
	},
};

static int __init cxl_sysram_module_init(void)
{
	return cxl_driver_register(&cxl_sysram_driver);
}
module_init(cxl_sysram_module_init);

static void __exit cxl_sysram_module_exit(void)
{
	cxl_driver_unregister(&cxl_sysram_driver);
	guard(mutex)(&cxl_sysram_types_lock);
	mt_put_memory_types(&cxl_sysram_types);
}
module_exit(cxl_sysram_module_exit);

MODULE_DESCRIPTION("CXL sysram: RAM regions as System RAM under policy");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("CXL");
MODULE_ALIAS_CXL(CXL_DEVICE_SYSRAM_REGION);
