// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "memory guard: " fmt

#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/memory.h>
#include <linux/memory_guard.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/range.h>

#include "internal.h"

/*
 * Some memory must not become System RAM, whoever asks: memory that another host
 * can write to, for example. The page allocator would hand it out, and neither
 * host would know why its data changes.
 *
 * There are many ways to add memory (ACPI, virtio-mem, the probe file, dax_kmem
 * told by a udev rule), and who knows that a range must not be added is in none
 * of them. So whoever knows registers the range, and what all ways have in common
 * looks it up. Only System RAM is meant: ZONE_DEVICE memory on a guarded range,
 * as device_dax has it, can be mapped and is never given to anybody else.
 *
 * Registering fails when it is too late, so there is no moment at which a range is
 * guarded and System RAM. Whoever adds memory looks for guards before the resource of
 * the range is requested, and again when it is there; registering looks for that
 * resource under the same lock, and so one of the two sees the other. Who registers
 * need not wait for memory hotplug, which may take long, but can: then memory that is
 * being removed is not in the way.
 *
 * There are few guards, one for a region of memory at most, and adding memory is slow:
 * they are in a list.
 */
static LIST_HEAD(memory_guards);
static DEFINE_MUTEX(memory_guards_lock);

static int memory_guard_block_is_there(struct memory_block *mem, void *data)
{
	return -EBUSY;
}

/*
 * System RAM has its resource from before it is added until after it is removed.
 * Memory blocks that are there without one are unusual, and reason enough. Who has
 * waited for memory hotplug can look for them. Blocks that reach beyond the range may
 * be there for what is beyond.
 */
static int memory_guard_too_late(const struct range *range, bool waited)
{
	u64 block = memory_block_size_bytes();
	u64 start = ALIGN(range->start, block);
	u64 end = ALIGN_DOWN(range->end + 1, block);

	if (region_intersects(range->start, range_len(range),
			      IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
			      IORES_DESC_NONE) != REGION_DISJOINT)
		return -EBUSY;
	if (!waited || start >= end)
		return 0;
	return walk_memory_blocks(start, end - start, NULL,
				  memory_guard_block_is_there);
}

/**
 * memory_guard_register - from now on, a range may not become System RAM
 * @guard: memory for the registration, not registered yet
 * @start: physical address
 * @size: bytes
 * @owner: who wants it, for the log; must stay as long as @guard
 * @ctl: whether to give up waiting for others who add or remove memory, NULL not to
 *	 wait for them
 *
 * Guards of different owners may overlap.
 *
 * Context: Process context. Takes device_hotplug_lock, unless @ctl is NULL.
 * Return: 0; -EINVAL for an empty range, or one that wraps; -EBUSY when there is
 * System RAM, or are memory blocks, in the range; what @ctl says.
 */
int memory_guard_register(struct memory_guard *guard, u64 start, u64 size,
			  const char *owner, struct mhp_ctl *ctl)
{
	int rc = 0;

	if (!size || start + size - 1 < start)
		return -EINVAL;

	*guard = (struct memory_guard) {
		.range = DEFINE_RANGE(start, start + size - 1),
		.owner = owner,
	};

	if (ctl)
		rc = mhp_lock(ctl);
	if (rc)
		return rc;
	scoped_guard(mutex, &memory_guards_lock) {
		rc = memory_guard_too_late(&guard->range, ctl);
		if (!rc)
			list_add_tail(&guard->list, &memory_guards);
	}
	if (ctl)
		unlock_device_hotplug();
	return rc;
}
EXPORT_SYMBOL_GPL(memory_guard_register);

/**
 * memory_guard_unregister - a range may become System RAM again
 * @guard: registered
 * @ctl: as for memory_guard_register()
 *
 * Context: As memory_guard_register().
 * Return: 0; what @ctl says, and then it is guarded still.
 */
int memory_guard_unregister(struct memory_guard *guard, struct mhp_ctl *ctl)
{
	int rc = 0;

	if (ctl)
		rc = mhp_lock(ctl);
	if (rc)
		return rc;
	scoped_guard(mutex, &memory_guards_lock)
		list_del(&guard->list);
	if (ctl)
		unlock_device_hotplug();
	return 0;
}
EXPORT_SYMBOL_GPL(memory_guard_unregister);

/**
 * memory_guard_check - may a range become System RAM
 * @start: physical address
 * @size: bytes, at least one
 *
 * The first time that a guard is in the way there is a line in the log.
 *
 * Context: Whoever adds memory, before its resource is requested and after.
 * Return: 0; -EPERM when some of it is guarded.
 */
int memory_guard_check(u64 start, u64 size)
{
	struct range range = DEFINE_RANGE(start, start + size - 1);
	struct memory_guard *guard;

	guard(mutex)(&memory_guards_lock);
	list_for_each_entry(guard, &memory_guards, list) {
		if (!range_overlaps(&guard->range, &range))
			continue;
		if (!guard->told)
			pr_warn("%#llx-%#llx cannot become System RAM: %s guards %#llx-%#llx\n",
				range.start, range.end, guard->owner,
				guard->range.start, guard->range.end);
		guard->told = true;
		return -EPERM;
	}
	return 0;
}
