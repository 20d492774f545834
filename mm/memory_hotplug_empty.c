// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) "memory hotplug: " fmt

#include <linux/align.h>
#include <linux/cpuset.h>
#include <linux/device.h>
#include <linux/export.h>
#include <linux/hugetlb.h>
#include <linux/memory.h>
#include <linux/mempolicy.h>
#include <linux/migrate.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/oom.h>
#include <linux/page-isolation.h>
#include <linux/pagemap.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/secretmem.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/swap.h>

#include "internal.h"
#include "memory_hotplug_op.h"
#include "page_alloc.h"

/*
 * Isolating and emptying the memory blocks of an operation: steps 1 and 2 of what
 * memory_hotplug_ranges.c describes.
 */

/*
 * Pages to scan and to migrate before asking whether to give up. No free page of the
 * buddy allocator crosses the border of two chunks.
 */
#define MHP_CHUNK_PAGES		max(PHYS_PFN(SZ_32M), MAX_ORDER_NR_PAGES)

static unsigned long mhp_chunk_end(unsigned long pfn, unsigned long end)
{
	return min(ALIGN(pfn + 1, MHP_CHUNK_PAGES), end);
}

#ifdef CONFIG_NUMA
static bool mhp_is_of_use(const nodemask_t *nodes)
{
	return nodes_intersects(cpuset_current_mems_allowed, *nodes) &&
	       mempolicy_in_oom_domain(current, nodes);
}
#else
static bool mhp_is_of_use(const nodemask_t *nodes)
{
	return true;
}
#endif

/*
 * Before somebody is killed for memory: the isolated pages can be given back, which
 * takes none. Whoever needs some tries again until then, but for the task that does it.
 */
static int mhp_out_of_memory(struct notifier_block *nb, unsigned long unused, void *freed)
{
	struct mhp_op *op = container_of(nb, struct mhp_op, oom);

	if (!mhp_is_of_use(&op->nodes))
		return NOTIFY_DONE;
	WRITE_ONCE(op->ctl->yielded, true);
	if (op->ctl->task == current)
		return NOTIFY_DONE;
	mhp_pause(MHP_PAUSE_MIN);
	(*(unsigned long *)freed)++;
	return NOTIFY_OK;
}

/*
 * From here on tasks that may use this memory only find none. What has no hook waits
 * for device_hotplug_lock for as long as it takes, and what is lost stays isolated:
 * these are of no help.
 */
void mhp_mind_tasks(struct mhp_op *op)
{
	if (op->ctl == &op->own || !op->ctl->yield)
		return;
	nodes_clear(op->nodes);
	for (unsigned long i = 0; i < op->nr; i++) {
		if (READ_ONCE(op->blocks[i].mem->lost))
			return;
		node_set(op->blocks[i].mem->nid, op->nodes);
	}
	op->oom.notifier_call = mhp_out_of_memory;
	register_oom_notifier(&op->oom);
}

void mhp_mind_tasks_end(struct mhp_op *op, int rc)
{
	if (!op->oom.notifier_call)
		return;
	unregister_oom_notifier(&op->oom);
	op->oom.notifier_call = NULL;
	if (rc == -EBUSY && op->ctl->yielded)
		pr_info_ratelimited("%#llx-%#llx stays, tasks have run out of memory without it\n",
				    op->ranges[0].start, op->ranges[op->nr_ranges - 1].end);
}

void mhp_undo_isolation(struct mhp_op *op)
{
	int nid = NUMA_NO_NODE;

	for (unsigned long i = 0; i < op->nr; i++) {
		struct mhp_block *block = &op->blocks[i];

		if (!block->isolated)
			continue;
		block->isolated = false;
		if (mhp_lost_keep(block->mem))
			continue;
		undo_isolate_page_range(mhp_block_start(block),
					mhp_block_end(block));
		/* Without these pages kswapd may have found nothing to do */
		if (block->mem->nid != nid)
			kswapd_clear_hopeless(NODE_DATA(block->mem->nid),
					      KSWAPD_CLEAR_HOPELESS_OTHER);
		nid = block->mem->nid;
	}
}

static int mhp_isolate_block(struct mhp_block *block)
{
	unsigned long start = mhp_block_start(block), end = mhp_block_end(block);
	int rc;

	/* offline_pages() says why */
	if (!block->mem->zone || memory_has_holes(start, end - start))
		return -EINVAL;

	rc = mhp_isolate_mem(block->mem, start, end);
	if (rc)
		pr_info_ratelimited("%s cannot go offline, the kernel uses some of it\n",
				    dev_name(&block->mem->dev));
	else
		block->isolated = true;
	return rc;
}

int mhp_isolate_blocks(struct mhp_op *op)
{
	int rc = 0;

	/* A page that is about to enter an LRU list looks like one of the kernel */
	lru_cache_disable();
	for (unsigned long i = 0; i < op->nr && !rc; i++) {
		if (op->blocks[i].type == MMOP_OFFLINE)
			continue;
		rc = mhp_op_ask(op) ?: mhp_isolate_block(&op->blocks[i]);
		op->ctl->progress++;
	}
	lru_cache_enable();
	if (rc)
		mhp_undo_isolation(op);
	return rc;
}

#ifdef CONFIG_HUGETLB_PAGE
static void mhp_forget_free_huge(struct mhp_op *op)
{
	memset(op->free_huge, 0, sizeof(op->free_huge));
}

/* It moves to a free one of the same size on another node, or not at all */
static bool mhp_gigantic_is_stuck(struct folio *folio)
{
	struct hstate *h = size_to_hstate(folio_size(folio));
	int nid;

	if (!h || !hstate_is_gigantic(h) || num_node_state(N_MEMORY) == 1)
		return false;
	if (h->free_huge_pages <= h->resv_huge_pages)
		return true;
	for_each_node_state(nid, N_MEMORY)
		if (nid != folio_nid(folio) && h->free_huge_pages_node[nid])
			return false;
	return true;
}

static void mhp_count_free_huge(struct mhp_op *op, struct folio *folio)
{
	struct hstate *h = size_to_hstate(folio_size(folio));

	if (h)
		op->free_huge[hstate_index(h)]++;
}

/* Free huge pages are dissolved, unless somebody has reserved them */
static int mhp_check_reserved(struct mhp_op *op)
{
	struct hstate *h;

	for_each_hstate(h) {
		unsigned long free = op->free_huge[hstate_index(h)];

		if (free && free + h->resv_huge_pages > h->free_huge_pages) {
			pr_info_ratelimited("cannot go offline, huge pages of %lu kB are reserved\n",
					    huge_page_size(h) / SZ_1K);
			return -EBUSY;
		}
	}
	return 0;
}
#else
static void mhp_forget_free_huge(struct mhp_op *op)
{
}

static bool mhp_gigantic_is_stuck(struct folio *folio)
{
	return false;
}

static void mhp_count_free_huge(struct mhp_op *op, struct folio *folio)
{
}

static int mhp_check_reserved(struct mhp_op *op)
{
	return 0;
}
#endif

/*
 * Looks as if it could be migrated, and never can: memory that the kernel itself
 * must not read, or a huge page that there is no room for. RCU keeps the mapping.
 */
static bool mhp_page_is_stuck(struct page *page)
{
	struct folio *folio = page_folio(page);
	struct address_space *mapping;
	bool stuck;

	if (!folio_try_get(folio))
		return false;
	rcu_read_lock();
	if (page_folio(page) != folio) {
		stuck = false;
	} else if (folio_test_hugetlb(folio)) {
		stuck = mhp_gigantic_is_stuck(folio);
	} else {
		mapping = folio_test_lru(folio) ? folio_mapping(folio) : NULL;
		stuck = mapping && !folio_test_swapcache(folio) &&
			(secretmem_mapping(mapping) ||
			 mapping_inaccessible(mapping));
	}
	rcu_read_unlock();
	folio_put(folio);
	return stuck;
}

/*
 * Pages from @pfn on that are alike, and in *@used how many of them are in use.
 * Pages on their way to a free list count: they may be allocated still. Free huge
 * pages do not, nor do pages that a driver has taken and that cannot be migrated:
 * the driver is asked about these when the block goes offline.
 */
static unsigned long mhp_look(unsigned long pfn, unsigned long *used)
{
	struct page *page = pfn_to_page(pfn);
	struct folio *folio;

	*used = 0;
	if (PageBuddy(page)) {
		unsigned int order = buddy_order_unsafe(page);

		return order <= MAX_PAGE_ORDER ? 1UL << order : 1;
	}
	if (PageOffline(page) && !page_has_movable_ops(page))
		return 1;
	if (PageHWPoison(page) && !poisoned_page_in_use(page))
		return 1;
	folio = page_folio(page);
	if (folio_test_hugetlb(folio) && !folio_ref_count(folio))
		return 1;
	*used = 1;
	return 1;
}

static unsigned long mhp_count_used(unsigned long start, unsigned long end)
{
	unsigned long used, sum = 0;

	for (unsigned long pfn = start, next; pfn < end; pfn = next) {
		next = pfn + mhp_look(pfn, &used);
		sum += used;
	}
	return sum;
}

/* The first page that can never move, or @end; what is in use is added to *@sum */
static unsigned long mhp_find_stuck(struct mhp_op *op, unsigned long start,
				    unsigned long end, unsigned long *sum)
{
	unsigned long pfn = start, next, used;

	for (; pfn < end; pfn = next) {
		struct page *page = pfn_to_page(pfn);
		struct folio *folio = page_folio(page);

		next = pfn + mhp_look(pfn, &used);
		if (used && mhp_page_is_stuck(page))
			break;
		if (!used && folio_test_hugetlb(folio) && page == &folio->page)
			mhp_count_free_huge(op, folio);
		*sum += used;
	}
	return min(pfn, end);
}

static int mhp_check_block(struct mhp_op *op, struct mhp_block *block)
{
	unsigned long end = mhp_block_end(block), stuck, next;
	int rc;

	block->used = 0;
	for (unsigned long pfn = mhp_block_start(block); pfn < end; pfn = next) {
		next = mhp_chunk_end(pfn, end);
		rc = mhp_op_ask(op);
		if (rc)
			return rc;
		stuck = mhp_find_stuck(op, pfn, next, &block->used);
		if (stuck < next) {
			pr_info_ratelimited("%s cannot go offline, page %#lx can never move\n",
					    dev_name(&block->mem->dev), stuck);
			return -EBUSY;
		}
	}
	return 0;
}

/* What can never move is found before anything is migrated for nothing */
static int mhp_check_blocks(struct mhp_op *op)
{
	op->left = 0;
	mhp_forget_free_huge(op);
	for (unsigned long i = 0; i < op->nr; i++) {
		struct mhp_block *block = &op->blocks[i];
		int rc;

		if (!block->isolated)
			continue;
		rc = mhp_check_block(op, block);
		if (rc)
			return rc;
		op->left += block->used;
		op->ctl->progress++;
	}
	op->least = op->left;
	return mhp_check_reserved(op);
}

static void mhp_set_left(struct mhp_op *op, unsigned long left)
{
	op->left = left;
	if (left >= op->least)
		return;
	op->least = left;
	op->ctl->progress++;
}

/* One pass over one block */
static int mhp_empty_block(struct mhp_op *op, struct mhp_block *block)
{
	unsigned long end = mhp_block_end(block), next, before, after, used = 0;
	enum migrate_mode mode = op->ctl == &op->own ? MIGRATE_SYNC :
						       MIGRATE_ASYNC;
	int rc;

	for (unsigned long pfn = mhp_block_start(block); pfn < end; pfn = next) {
		next = mhp_chunk_end(pfn, end);
		rc = mhp_op_ask(op);
		if (rc)
			return rc;
		before = mhp_count_used(pfn, next);
		if (!before)
			continue;
		do_migrate_range(pfn, next, mode);
		after = mhp_count_used(pfn, next);
		used += after;
		/* Of all blocks, as far as it is known */
		if (after < before)
			mhp_set_left(op, op->left - min(op->left, before - after));
	}
	block->used = used;
	return 0;
}

static int mhp_empty_pass(struct mhp_op *op)
{
	unsigned long used = 0;

	/* What is on a list of some processor does not look free */
	lru_add_drain_all();
	drain_all_pages(NULL);

	for (unsigned long i = 0; i < op->nr; i++) {
		struct mhp_block *block = &op->blocks[i];
		int rc;

		/* Once empty, an isolated block stays empty */
		if (!block->isolated || !block->used)
			continue;
		rc = mhp_empty_block(op, block);
		if (rc)
			return rc;
		used += block->used;
	}
	mhp_set_left(op, used);
	return 0;
}

/* Poisoned pages that somebody holds stay, and nobody can do anything about it */
static int mhp_check_poison(struct mhp_op *op)
{
	int rc = 0;

	for (unsigned long i = 0; i < op->nr && !rc; i++)
		if (op->blocks[i].isolated && op->blocks[i].used)
			rc = check_poisoned_pages(mhp_block_start(&op->blocks[i]),
						  mhp_block_end(&op->blocks[i]));
	return rc;
}

/* The last thing that can fail, and the pool of huge pages is smaller after it */
static int mhp_dissolve_blocks(struct mhp_op *op)
{
	int rc = 0;

	for (unsigned long i = 0; i < op->nr && !rc; i++)
		if (op->blocks[i].isolated)
			rc = dissolve_free_hugetlb_folios(mhp_block_start(&op->blocks[i]),
							  mhp_block_end(&op->blocks[i]));
	return rc;
}

/*
 * Migrate all that is in use of the isolated blocks. No lock is held. A page that is
 * free and isolated stays so.
 */
int mhp_empty_blocks(struct mhp_op *op)
{
	unsigned int pause = MHP_PAUSE_MIN;
	unsigned long before;
	int rc;

	rc = mhp_check_blocks(op);
	while (!rc && op->left) {
		before = op->least;
		rc = mhp_empty_pass(op);
		if (rc || !op->left)
			break;
		if (op->least < before) {
			pause = MHP_PAUSE_MIN;
			continue;
		}
		rc = mhp_check_poison(op);
		mhp_pause(pause);
		pause = min(2 * pause, MHP_PAUSE_MAX);
	}
	return rc ?: mhp_dissolve_blocks(op);
}

static int mhp_count_op(struct mhp_op *op, unsigned long *used)
{
	for (unsigned long i = 0; i < op->nr; i++) {
		unsigned long pfn = mhp_block_start(&op->blocks[i]), next;
		unsigned long end = mhp_block_end(&op->blocks[i]);
		int rc;

		if (op->blocks[i].type == MMOP_OFFLINE)
			continue;
		for (; pfn < end; pfn = next) {
			next = mhp_chunk_end(pfn, end);
			rc = mhp_op_ask(op);
			if (rc)
				return rc;
			/* Sections may be absent in memory that was there at boot */
			if (pfn_to_online_page(pfn))
				*used += mhp_count_used(pfn, next);
		}
		op->ctl->progress++;
	}
	return 0;
}

/**
 * memory_range_in_use - count the pages of a range that would have to be migrated
 * @range: physical addresses, whole memory blocks
 * @used: set to a number of pages; a hint, as these come and go
 * @ctl: whom to ask whether to give up, NULL for any signal
 *
 * What is offline has none. Free memory costs a look at each free page of the buddy
 * allocator, whatever its order.
 *
 * Context: Process context. Takes device_hotplug_lock, so that nothing goes offline.
 * Return: 0; -EINVAL when @range is not made of whole memory blocks; -ENOENT when
 * one of them does not exist; -ENOMEM; or what @ctl says.
 */
int memory_range_in_use(const struct range *range, unsigned long *used,
			struct mhp_ctl *ctl)
{
	struct mhp_op op;
	int rc;

	*used = 0;
	rc = mhp_op_init(&op, range, 1, ctl);
	if (rc)
		return rc;

	rc = mhp_op_lock(&op);
	if (!rc) {
		rc = mhp_op_collect(&op) ?: mhp_count_op(&op, used);
		unlock_device_hotplug();
	}
	mhp_op_free(&op);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(memory_range_in_use, "cxl_core,memory_hotplug_kunit");
