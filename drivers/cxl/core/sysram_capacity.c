// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/math64.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include "sysram_core.h"

/**
 * DOC: cxl sysram capacity
 *
 * The capacity of a sysram_region has one owner at a time. It belongs to dax_regionN
 * from the moment the DAX driver claims it until that driver has been unbound
 * (sysram_dax.c), else to the System RAM driver, which attaches itself here and adds
 * or removes memory when an operation tells it to.
 *
 * Attributes take no device lock, since they are removed with that lock held. What
 * they change is protected by a spinlock, what takes long runs as an operation
 * (sysram_op.c). @dying keeps new operations from starting once the region is about
 * to be removed.
 */

/**
 * cxl_sysram_region_size - how much capacity a sysram_region holds
 * @cxlr_sysram: the region
 *
 * Return: bytes.
 */
u64 cxl_sysram_region_size(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	return cxlr_sysram->capacity;
}

/**
 * cxl_sysram_region_units - the units in which memory is plugged here
 * @cxlr_sysram: the region
 * @hpa: the part of the region that matters
 * @releasing: also what is to be given back, which can only be unplugged
 * @nr: how many there are
 *
 * A static region is one unit.
 *
 * Return: an array, to be freed with kvfree(); ERR_PTR(-ENOMEM).
 */
struct range *cxl_sysram_region_units(struct cxl_sysram_region *cxlr_sysram,
				      const struct range *hpa, bool releasing,
				      int *nr)
{
	struct range *units;

	if (cxlr_sysram->dynamic)
		return cxlr_sysram->dynamic->ops->units(cxlr_sysram, hpa,
							releasing, nr);

	*nr = 0;
	units = kvmalloc_array(1, sizeof(*units), GFP_KERNEL);
	if (!units)
		return ERR_PTR(-ENOMEM);
	units[(*nr)++] = cxlr_sysram->hpa_range;
	return units;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_units, "cxl_sysram");

/**
 * cxl_sysram_region_census - count the memory blocks of a sysram_region
 * @cxlr_sysram: the region
 * @census: blocks by what they are at this moment
 *
 * Only whole memory blocks within the region count.
 *
 * Context: Process context, takes no lock that is held over memory hotplug.
 */
void cxl_sysram_region_census(struct cxl_sysram_region *cxlr_sysram,
			      struct cxl_sysram_census *census)
{
	u64 size;

	if (!cxlr_sysram->dynamic)
		return cxl_sysram_range_census(&cxlr_sysram->hpa_range, census);

	size = cxlr_sysram->dynamic->ops->state_size(cxlr_sysram);
	cxl_sysram_blocks_census(&cxlr_sysram->hpa_range,
				 div64_u64(size, memory_block_size_bytes()), census);
}

/**
 * cxl_sysram_region_announce - send uevents for what an operation has changed
 * @cxlr_sysram: the region
 * @hpa: the part of the region that matters
 */
void cxl_sysram_region_announce(struct cxl_sysram_region *cxlr_sysram,
				const struct range *hpa)
{
	if (cxlr_sysram->dynamic)
		cxlr_sysram->dynamic->ops->announce(cxlr_sysram, hpa);
}

/**
 * cxl_sysram_region_changed - send uevents when an operation has changed something
 * @cxlr_sysram: the region
 * @before: its memory blocks before the operation
 * @hpa: the part of the region that matters
 */
void cxl_sysram_region_changed(struct cxl_sysram_region *cxlr_sysram,
			       const struct cxl_sysram_census *before,
			       const struct range *hpa)
{
	struct cxl_sysram_census after;

	cxl_sysram_region_census(cxlr_sysram, &after);
	if (cxl_sysram_census_state(before) != cxl_sysram_census_state(&after))
		kobject_uevent(&cxlr_sysram->dev.kobj, KOBJ_CHANGE);
	cxl_sysram_region_announce(cxlr_sysram, hpa);
}

static struct range cxl_sysram_block(unsigned long index)
{
	const u64 size = memory_block_size_bytes();

	return DEFINE_RANGE(index * size, (index + 1) * size - 1);
}

/**
 * cxl_sysram_forget_blocks - what memory blocks were does not matter any more
 * @cxlr_sysram: the region
 * @range: host physical addresses, of which all memory blocks count
 */
void cxl_sysram_forget_blocks(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *range)
{
	const u64 size = memory_block_size_bytes();
	unsigned long index;
	void *entry;

	xa_for_each_range(&cxlr_sysram->record, index, entry,
			  div64_u64(range->start, size), div64_u64(range->end, size))
		xa_erase(&cxlr_sysram->record, index);
}

/* What the device asks for is nobody's to plug, until it is known what becomes of it */
static bool cxl_sysram_may_replug(struct cxl_sysram_region *cxlr_sysram,
				  unsigned long index)
{
	struct range block = cxl_sysram_block(index);

	/* DAX has plugged it again, or somebody else has made something of it */
	if (cxl_sysram_range_plugged(&block)) {
		xa_erase(&cxlr_sysram->record, index);
		return false;
	}
	return !cxlr_sysram->dynamic ||
	       cxlr_sysram->dynamic->ops->fill(cxlr_sysram, &block);
}

/* The next run of memory blocks that are plugged again together, at @index or behind */
static bool cxl_sysram_next_run(struct cxl_sysram_region *cxlr_sysram,
				unsigned long *index, struct range *run)
{
	struct xarray *record = &cxlr_sysram->record;

	for (; xa_find(record, index, ULONG_MAX, XA_PRESENT); (*index)++) {
		if (!cxl_sysram_may_replug(cxlr_sysram, *index))
			continue;
		*run = cxl_sysram_block(*index);
		while (xa_load(record, ++*index) &&
		       cxl_sysram_may_replug(cxlr_sysram, *index))
			run->end = cxl_sysram_block(*index).end;
		return true;
	}
	return false;
}

static int cxl_sysram_replug(struct cxl_sysram_region *cxlr_sysram, void *run)
{
	const struct cxl_sysram_ops *ops = cxl_sysram_op_driver(cxlr_sysram);

	/* Those that were online come online, since the record says so */
	return ops ? ops->set_state(cxlr_sysram, CXL_SYSRAM_OFFLINE, run, 1) : -ENXIO;
}

/**
 * cxl_sysram_replug_blocks - make memory blocks again what they were
 * @cxlr_sysram: the region
 *
 * But for what the device asks for.
 *
 * Context: An operation, at its end.
 * Return: 0, or why some runs of them are not; the others are.
 */
int cxl_sysram_replug_blocks(struct cxl_sysram_region *cxlr_sysram)
{
	unsigned long index = 0;
	struct range run;
	int err, rc = 0;

	cxl_sysram_op_record(cxlr_sysram);
	for (;;) {
		unsigned long first = index;

		cxl_sysram_op_uninterrupt(cxlr_sysram);
		if (!cxl_sysram_next_run(cxlr_sysram, &index, &run))
			return rc;
		err = cxl_sysram_op_go_back(cxlr_sysram, cxl_sysram_replug, &run);
		/* What is gone is not in the next run, and may be a part of this one */
		if (cxl_sysram_op_goes_on(cxlr_sysram, err)) {
			index = first;
			continue;
		}
		rc = err ?: rc;
		cxl_sysram_forget_blocks(cxlr_sysram, &run);
	}
}

/**
 * cxl_sysram_region_check_unplug - is there anything that a user cannot unplug
 * @cxlr_sysram: the region
 * @hpa: the part of the region that matters
 * @others: also what others have made System RAM of
 *
 * Return: 0, or -EBUSY.
 */
int cxl_sysram_region_check_unplug(struct cxl_sysram_region *cxlr_sysram,
				   const struct range *hpa, bool others)
{
	if (!cxlr_sysram->dynamic)
		return 0;
	return cxlr_sysram->dynamic->ops->check_unplug(cxlr_sysram, hpa, others);
}

/**
 * cxl_sysram_region_go_on - do what had to wait
 * @cxlr_sysram: the region, which has a System RAM driver now, or stays after all
 */
void cxl_sysram_region_go_on(struct cxl_sysram_region *cxlr_sysram)
{
	if (cxlr_sysram->dynamic)
		cxlr_sysram->dynamic->ops->go_on(cxlr_sysram);
}

/**
 * cxl_sysram_forget_boot - a user has said something else than the boot
 * @cxlr_sysram: the region
 *
 * Context: An operation, at its end: what was refused has changed nothing, and the
 * operation of the boot comes before or behind. Or the probe of DAX.
 */
void cxl_sysram_forget_boot(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->boot_policy = CXL_SYSRAM_UNPLUGGED;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_forget_boot, "dax_cxl");

/**
 * cxl_sysram_change - plug or unplug, for a user or for a policy
 * @cxlr_sysram: the region
 * @req: the state that is wanted, of which part
 *
 * Context: An operation of the kind CXL_SYSRAM_OP_STATE.
 * Return: see cxl_sysram_region_set_state().
 */
int cxl_sysram_change(struct cxl_sysram_region *cxlr_sysram,
		      const struct cxl_sysram_request *req)
{
	const struct cxl_sysram_ops *ops = cxl_sysram_op_driver(cxlr_sysram);
	bool unplug = req->want == CXL_SYSRAM_UNPLUGGED;
	struct cxl_sysram_census before;
	int rc, nr;

	if (unplug) {
		rc = cxl_sysram_region_check_unplug(cxlr_sysram, &req->range,
						    true);
		if (rc)
			return rc;
	}

	struct range *units __free(kvfree) =
		cxl_sysram_region_units(cxlr_sysram, &req->range, unplug, &nr);
	if (IS_ERR(units))
		return PTR_ERR(units);

	cxl_sysram_region_census(cxlr_sysram, &before);
	rc = ops->set_state(cxlr_sysram, req->want, units, nr);
	if (!rc)
		cxl_sysram_forget_boot(cxlr_sysram);
	/* A user wants it like this, whatever it was */
	if (!rc && unplug)
		cxl_sysram_forget_blocks(cxlr_sysram, &req->range);
	cxl_sysram_region_changed(cxlr_sysram, &before, &req->range);
	return rc;
}

/**
 * cxl_sysram_region_set_state - plug or unplug a part of the capacity
 * @cxlr_sysram: the region
 * @want: CXL_SYSRAM_UNPLUGGED, _OFFLINE, or _ONLINE and its kinds
 * @hpa: the part, in whole units
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -EBUSY when the range belongs to DAX, is online with another type,
 * or cannot be taken offline; -ENXIO without a System RAM driver, or when the
 * region is about to be removed; -EINVAL when the range is not made of whole memory
 * blocks; else as cxl_sysram_op_run(), or what memory hotplug answered. On
 * failure the capacity is what it was.
 */
int cxl_sysram_region_set_state(struct cxl_sysram_region *cxlr_sysram,
				enum cxl_sysram_state want,
				const struct range *hpa)
{
	struct cxl_sysram_request req = { .want = want, .range = *hpa };

	return cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_STATE,
				 cxl_sysram_change, &req);
}

/**
 * cxl_sysram_region_attach - the System RAM driver is bound
 * @cxlr_sysram: the region
 * @ops: of the driver
 *
 * What has waited for the driver is done now, without the caller waiting for it: a
 * boot policy, extents that have arrived before.
 *
 * Context: Probe of the driver.
 * Return: 0, or -ENXIO when the region is being removed.
 */
int cxl_sysram_region_attach(struct cxl_sysram_region *cxlr_sysram,
			     const struct cxl_sysram_ops *ops)
{
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		if (cxlr_sysram->stopped)
			return -ENXIO;
		cxlr_sysram->ops = ops;
	}

	queue_work(system_dfl_wq, &cxlr_sysram->boot_work);
	cxl_sysram_region_go_on(cxlr_sysram);
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_attach, "cxl_sysram");

/**
 * cxl_sysram_region_detach - the System RAM driver is unbound
 * @cxlr_sysram: the region
 *
 * Ends an operation that uses the driver, and returns when none does.
 *
 * Context: Remove of the driver. Uninterruptible.
 */
void cxl_sysram_region_detach(struct cxl_sysram_region *cxlr_sysram)
{
	cxl_sysram_op_drain_driver(cxlr_sysram);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_detach, "cxl_sysram");

/**
 * cxl_sysram_region_set_plugged - record whether the capacity is System RAM
 * @cxlr_sysram: the region
 * @plugged: true when memory was added, false when all of it was removed
 *
 * Context: An operation, or remove of the System RAM driver.
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
 * plugged, or within an operation.
 */
bool cxl_sysram_region_memmap(struct cxl_sysram_region *cxlr_sysram)
{
	guard(spinlock)(&cxlr_sysram->lock);
	return cxlr_sysram->memmap_on_memory;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_region_memmap, "cxl_sysram,dax_cxl");

/**
 * cxl_sysram_region_settled - the region is complete, operations may start
 * @cxlr_sysram: the region
 *
 * Context: Probe of the region's driver, when nothing can fail any more.
 */
void cxl_sysram_region_settled(struct cxl_sysram_region *cxlr_sysram)
{
	scoped_guard(spinlock, &cxlr_sysram->lock)
		cxlr_sysram->settling = false;
	wake_up_all(&cxlr_sysram->wait);
}

/**
 * cxl_sysram_region_stop - end the operation that runs, and let none start any more
 * @cxlr_sysram: the region, which is being removed
 *
 * Context: Remove of the region's driver. Uninterruptible.
 */
void cxl_sysram_region_stop(struct cxl_sysram_region *cxlr_sysram)
{
	scoped_guard(spinlock, &cxlr_sysram->lock) {
		cxlr_sysram->dying = true;
		cxlr_sysram->stopped = true;
	}
	wake_up_all(&cxlr_sysram->wait);
	cxl_sysram_op_drain(cxlr_sysram);
}
