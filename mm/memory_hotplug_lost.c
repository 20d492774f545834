// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "memory hotplug: " fmt

#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/hugetlb.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/page-isolation.h>
#include <linux/printk.h>
#include <linux/range.h>

#include "internal.h"
#include "memory_hotplug_op.h"
#include "page_alloc.h"

/*
 * Memory that is gone although it is in use: a device has taken it away, and what is
 * there now may be somebody else's data.
 *
 * Its memory blocks are lost. From that moment no free page of them is handed out: all
 * of their pages are isolated, whatever the kernel uses of them, and stay so, whatever
 * becomes of an operation on them, until they are offline. They never come online
 * again. Only their driver can take them offline, by an operation.
 *
 * Then pages in use of what is gone are poisoned, so that whoever uses them gets SIGBUS.
 * They must not be migrated, which would copy somebody else's data. What is healthy in
 * the same memory block may be.
 */

/* A block becomes lost, and so is isolated, or isolation is undone, one at a time */
static DEFINE_MUTEX(mhp_lost_lock);

/* Under its device lock nobody takes the block online, offline or out */
static int mhp_isolate_lost(struct memory_block *mem)
{
	struct mhp_block block = { .mem = mem };
	int rc = 0;

	guard(mutex)(&mhp_lost_lock);
	/* Without a zone it is offline, and stays so */
	if (mem->lost_isolated || !mem->zone)
		return 0;
	rc = start_isolate_page_range(mhp_block_start(&block), mhp_block_end(&block),
				      PB_ISOLATE_MODE_LOST);
	mem->lost_isolated = !rc;
	return rc;
}

static int mhp_lose_block(struct memory_block *mem)
{
	int rc;

	WRITE_ONCE(mem->lost, true);
	/* Who has it is about to change its state, and has to be waited for */
	if (!device_trylock(&mem->dev))
		return -EBUSY;
	rc = mhp_isolate_lost(mem);
	device_unlock(&mem->dev);
	return rc;
}

static int mhp_lose_range(const struct range *range)
{
	const unsigned long size = memory_block_size_bytes();
	struct memory_block *mem;
	int rc = 0;

	for (u64 start = range->start; start < range->end; start += size) {
		mem = memory_block_get(phys_to_block_id(start));
		if (!mem)
			continue;
		rc = mhp_lose_block(mem) ?: rc;
		memory_block_put(mem);
		cond_resched();
	}
	return rc;
}

/**
 * lose_memory_ranges - memory is gone, although it may be in use
 * @ranges: physical addresses of whole memory blocks
 * @nr: how many
 *
 * No free page of it is handed out any more, and none is brought online.
 *
 * Context: Process context. Waits for nothing but the pages that processors keep to
 * themselves.
 * Return: 0; -EBUSY when somebody is about to take some of it on or off, or out of use:
 * to be called again.
 */
int lose_memory_ranges(const struct range *ranges, unsigned int nr)
{
	int rc = 0;

	for (unsigned int i = 0; i < nr; i++)
		rc = mhp_lose_range(&ranges[i]) ?: rc;
	/* What is freed from now on goes where it is not handed out */
	drain_all_pages(NULL);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(lose_memory_ranges, "cxl_core,memory_hotplug_kunit");

/* An operation isolates a block that is lost: it is, as soon as it could be */
bool mhp_lost_is_isolated(struct memory_block *mem)
{
	guard(mutex)(&mhp_lost_lock);
	return mem->lost_isolated;
}

/* An operation undoes the isolation of a block: not of one that is lost */
bool mhp_lost_keep(struct memory_block *mem)
{
	guard(mutex)(&mhp_lost_lock);
	mem->lost_isolated |= mem->lost;
	return mem->lost;
}

/*
 * Is it a page of processes or files, which can be taken from them? What is free
 * goes with its block, and what the kernel itself uses keeps its block.
 */
static bool mhp_page_is_user(struct page *page)
{
	struct folio *folio = page_folio(page);
	bool user;

	if (!folio_try_get(folio))
		return false;
	user = folio_test_hugetlb(folio) ||
	       (!page_has_type(&folio->page) &&
		(folio_test_lru(folio) || folio_mapped(folio) || folio->mapping));
	folio_put(folio);
	return user;
}

/* Returns true when somebody still holds the page */
static bool mhp_poison_page(struct page *page, unsigned long pfn, struct mhp_ctl *ctl)
{
	bool held = false;

	if (!PageHWPoison(page) && mhp_page_is_user(page)) {
		ctl->progress++;
		if (memory_failure_recovers())
			memory_failure(pfn, 0);
		else
			held = true;
	}
	/* One reference is memory_failure()'s own */
	return held || (PageHWPoison(page) && page_count(page) > 1);
}

/**
 * poison_lost_memory - take memory that is gone from whoever uses it
 * @range: physical addresses of whole pages, in memory that is lost
 * @ctl: whether to give up
 *
 * Where memory failures cannot be recovered from, or must not be, nothing is poisoned.
 *
 * Context: Process context.
 * Return: 0; -EBUSY when somebody keeps a page of it in use, and it has to be tried
 * again: without these pages its memory cannot be taken out; or what @ctl says.
 */
int poison_lost_memory(const struct range *range, struct mhp_ctl *ctl)
{
	bool held = false;
	int rc;

	for (unsigned long pfn = PHYS_PFN(range->start); pfn <= PHYS_PFN(range->end); pfn++) {
		struct page *page = pfn_to_online_page(pfn);

		if (!page)
			continue;
		rc = mhp_ask(ctl);
		if (rc)
			return rc;
		held |= mhp_poison_page(page, pfn, ctl);
	}
	if (held && !memory_failure_recovers())
		pr_err_ratelimited("%#llx-%#llx is gone, and in use, and not poisoned: memory failures are not recovered from\n",
				   range->start, range->end);
	return held ? -EBUSY : 0;
}
EXPORT_SYMBOL_FOR_MODULES(poison_lost_memory, "cxl_core");
