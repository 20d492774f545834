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

/*
 * An operation isolates a block. One that is lost is isolated already, or was handed out
 * until now, and what is in use of it has to be poisoned before anything moves: -EBUSY.
 */
int mhp_isolate_mem(struct memory_block *mem, unsigned long start, unsigned long end)
{
	int rc;

	scoped_guard(mutex, &mhp_lost_lock) {
		if (mem->lost_isolated)
			return 0;
		if (!mem->lost)
			return start_isolate_page_range(start, end, PB_ISOLATE_MODE_MEM_OFFLINE);
	}
	rc = mhp_isolate_lost(mem);
	return rc ?: -EBUSY;
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
 * goes with its block, and what the kernel itself uses keeps its block. Who looks for
 * users of a page may have frozen it, and not be one: then it has a mapping. Without a
 * reference a folio may be freed or split at any moment, and cannot be asked for more.
 * A page that was in another folio just now has somebody who uses it.
 */
static bool mhp_page_is_user(struct page *page)
{
	struct folio *folio = page_folio(page);
	bool user;

	if (PageBuddy(page))
		return false;
	if (!folio_try_get(folio))
		return page_folio(page) != folio ||
		       (!page_has_type(&folio->page) && READ_ONCE(folio->mapping));
	user = page_folio(page) != folio || folio_test_hugetlb(folio) ||
	       (!page_has_type(&folio->page) &&
		(folio_test_lru(folio) || folio_mapped(folio) || folio->mapping));
	folio_put(folio);
	return user;
}

/* It was poisoned, but could not be taken out of all that have it mapped */
static void mhp_unmap_poisoned(struct page *page, unsigned long pfn)
{
	struct folio *folio = page_folio(page);

	if (!folio_try_get(folio))
		return;
	if (page_folio(page) == folio && folio_mapped(folio) &&
	    (!folio_test_large(folio) || folio_test_hugetlb(folio)) && folio_trylock(folio)) {
		unmap_poisoned_folio(folio, pfn, true);
		folio_unlock(folio);
	}
	folio_put(folio);
}

/*
 * memory_failure() would wait for I/O, and for whoever has the page locked, which may
 * be for ever, and here with the device lock of the block held: it has to be looked at
 * again.
 */
static bool mhp_page_is_locked(struct page *page)
{
	struct folio *folio = page_folio(page);
	bool locked;

	if (!folio_try_get(folio))
		return false;
	locked = folio_test_writeback(folio) || !folio_trylock(folio);
	if (!locked)
		folio_unlock(folio);
	folio_put(folio);
	return locked;
}

/*
 * Whoever has just allocated a page, and is about to map it. The kernel does not keep
 * what it has in ZONE_MOVABLE like that.
 */
static bool mhp_page_is_new(struct page *page)
{
	struct folio *folio = page_folio(page);

	return is_zone_movable_page(page) && !PageBuddy(page) && !PageReserved(page) &&
	       !PageVmemmapSelfHosted(page) && !page_has_type(&folio->page) &&
	       folio_ref_count(folio);
}

/* Returns true when somebody uses the page, and it has to be looked at again */
static bool mhp_poison_page(struct page *page, unsigned long pfn, struct mhp_ctl *ctl)
{
	if (PageHWPoison(page)) {
		mhp_unmap_poisoned(page, pfn);
		return poisoned_page_in_use(page);
	}
	if (!mhp_page_is_user(page))
		return mhp_page_is_new(page);
	if (!memory_failure_recovers() || mhp_page_is_locked(page))
		return true;
	memory_failure(pfn, MF_LOST);
	if (!PageHWPoison(page))
		return true;
	ctl->progress++;
	return poisoned_page_in_use(page);
}

/*
 * A hugetlb folio is poisoned as a whole, by its first page, and goes as a whole. The
 * page behind it, or behind @page.
 */
static unsigned long mhp_poison_next(struct page **page, unsigned long pfn)
{
	struct folio *folio = page_folio(*page);
	unsigned long next = pfn + 1;

	if (!folio_test_hugetlb(folio) || !folio_try_get(folio))
		return next;
	if (folio_test_hugetlb(folio) && page_folio(*page) == folio) {
		next = folio_pfn(folio) + folio_nr_pages(folio);
		*page = &folio->page;
	}
	folio_put(folio);
	return next;
}

/* Under its device lock no page of a block goes away. 0, 1 when somebody uses some */
static int mhp_poison_block(struct memory_block *mem, unsigned long pfn, unsigned long end,
			    struct mhp_ctl *ctl)
{
	bool held = false;
	unsigned long next;
	int rc;

	/* Who has it is about to take it on or off */
	if (!device_trylock(&mem->dev))
		return 1;
	for (; pfn < end; pfn = next) {
		struct page *page = pfn_to_online_page(pfn);

		next = pfn + 1;
		rc = mhp_ask(ctl);
		if (rc) {
			device_unlock(&mem->dev);
			return rc;
		}
		if (!page)
			continue;
		next = mhp_poison_next(&page, pfn);
		held |= mhp_poison_page(page, page_to_pfn(page), ctl);
	}
	device_unlock(&mem->dev);
	return held;
}

static int mhp_poison_range(const struct range *range, struct mhp_ctl *ctl)
{
	unsigned long size = PHYS_PFN(memory_block_size_bytes());
	unsigned long last = PHYS_PFN(range->end), next;
	int rc, held = 0;

	for (unsigned long pfn = PHYS_PFN(range->start); pfn <= last; pfn = next) {
		struct memory_block *mem = memory_block_get(phys_to_block_id(PFN_PHYS(pfn)));

		next = ALIGN_DOWN(pfn, size) + size;
		if (!mem)
			continue;
		rc = mhp_poison_block(mem, pfn, min(next, last + 1), ctl);
		memory_block_put(mem);
		if (rc < 0)
			return rc;
		held |= rc;
	}
	return held;
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
	unsigned long poisoned = ctl->progress;
	int rc = mhp_poison_range(range, ctl);

	poisoned = ctl->progress - poisoned;
	if (poisoned)
		pr_err_ratelimited("%#llx-%#llx is gone: %lu pages of it were in use, and are poisoned\n",
				   range->start, range->end, poisoned);
	if (rc <= 0)
		return rc;
	if (!memory_failure_recovers())
		pr_err_ratelimited("%#llx-%#llx is gone, and in use, and not poisoned: memory failures are not recovered from\n",
				   range->start, range->end);
	return -EBUSY;
}
EXPORT_SYMBOL_FOR_MODULES(poison_lost_memory, "cxl_core");
