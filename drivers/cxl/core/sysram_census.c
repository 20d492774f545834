// SPDX-License-Identifier: GPL-2.0-only
#include <linux/export.h>
#include <linux/ioport.h>
#include <linux/math64.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include "sysram_core.h"

/**
 * DOC: cxl sysram census
 *
 * What the memory of a range is at this moment, block by block, whoever has added
 * it, or has brought it online or offline. Neither the hotplug lock nor a mutex that
 * is held across memory hotplug may be taken for it: 'state' can be read while memory
 * is plugged and unplugged.
 */

static void cxl_sysram_count_block(u64 hpa, struct cxl_sysram_census *census)
{
	memdesc_flags_t flags;
	struct page *page;

	/* pfn_to_online_page() reads what is freed after a grace period */
	guard(rcu)();
	page = pfn_to_online_page(PHYS_PFN(hpa));
	/*
	 * The block may be taken offline and removed while we look, its struct
	 * page with it. No lock that memory hotplug takes may be taken here,
	 * so read in a way that survives, and count it as what it has become.
	 */
	if (!page || copy_from_kernel_nofault(&flags, &page->flags, sizeof(flags)))
		census->offline++;
	else if (memdesc_zonenum(&flags) == ZONE_MOVABLE)
		census->movable++;
	else
		census->kernel++;
}

/*
 * Who added the memory does not matter, we or kmem: memory that exists has its memory
 * blocks. To find them takes as long for many as for each.
 */
static u64 cxl_sysram_count_range(const struct range *whole,
				  struct cxl_sysram_census *census)
{
	const u64 block = memory_block_size_bytes();
	u64 size = 0;

	for (u64 hpa = whole->start; hpa < whole->end; hpa += block) {
		if (!memory_block_exists(hpa))
			continue;
		size += block;
		if (census)
			cxl_sysram_count_block(hpa, census);
	}
	return size;
}

static int cxl_sysram_add_size(struct resource *res, void *size)
{
	*(u64 *)size += resource_size(res);
	return 0;
}

/* A part of a block, which may be of memory that is not all there */
static u64 cxl_sysram_part_plugged(u64 start, u64 end)
{
	u64 size = 0;

	if (start < end)
		walk_iomem_res_desc(IORES_DESC_NONE,
				    IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
				    start, end - 1, &size, cxl_sysram_add_size);
	return size;
}

/**
 * cxl_sysram_range_plugged - how much of a range is System RAM
 * @range: host physical addresses
 *
 * Return: bytes.
 */
u64 cxl_sysram_range_plugged(const struct range *range)
{
	struct range whole = memory_block_aligned_range(range);

	if (whole.start >= whole.end)
		return cxl_sysram_part_plugged(range->start, range->end + 1);
	return cxl_sysram_part_plugged(range->start, whole.start) +
	       cxl_sysram_count_range(&whole, NULL) +
	       cxl_sysram_part_plugged(whole.end + 1, range->end + 1);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_range_plugged, "cxl_sysram");

/**
 * cxl_sysram_blocks_census - count the memory blocks that may be in a range
 * @range: host physical addresses; only whole memory blocks within count
 * @blocks: how many there are if all of them are plugged
 * @census: blocks by what they are at this moment
 *
 * Context: Process context, takes no lock that memory hotplug could hold.
 */
void cxl_sysram_blocks_census(const struct range *range, u64 blocks,
			      struct cxl_sysram_census *census)
{
	struct range whole = memory_block_aligned_range(range);
	unsigned long seen;

	*census = (struct cxl_sysram_census) { 0 };
	if (!blocks)
		return;

	cxl_sysram_count_range(&whole, census);
	seen = census->offline + census->kernel + census->movable;
	census->unplugged = blocks > seen ? blocks - seen : 0;
}

/**
 * cxl_sysram_range_census - count the memory blocks of a range
 * @range: host physical addresses; only whole memory blocks within count
 * @census: blocks by what they are at this moment
 *
 * Context: Process context, takes no lock that memory hotplug could hold.
 */
void cxl_sysram_range_census(const struct range *range,
			     struct cxl_sysram_census *census)
{
	struct range whole = memory_block_aligned_range(range);
	u64 blocks = 0;

	if (whole.start < whole.end)
		blocks = div64_u64(range_len(&whole), memory_block_size_bytes());
	cxl_sysram_blocks_census(range, blocks, census);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_range_census, "cxl_sysram");
