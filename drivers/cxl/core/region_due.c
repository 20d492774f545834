// SPDX-License-Identifier: GPL-2.0-only
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/export.h>
#include <linux/maple_tree.h>
#include <linux/memory.h>
#include <linux/xarray.h>
#include "extent.h"
#include "dynamic_core.h"

/**
 * DOC: cxl region dues
 *
 * What the device asks a region for, and what it has taken away, are sets of bytes
 * over the addresses of what is held. A byte leaves all of them when it leaves the
 * region, so that no request outlives its capacity, and nothing limits their number.
 *
 * They are maple trees: storing a range takes it out of the ranges that were there,
 * and nothing overlaps. A request is a number, which all that it was about has as
 * its entry: requests that only touch stay two.
 *
 * A tagged allocation is asked for, or gone, as a whole: that is a flag of its group.
 *
 * All is protected by the extents_lock of the region.
 */

/**
 * cxl_sysram_due_init - nothing is asked for, and nothing is gone
 * @dynamic: of a region
 */
void cxl_sysram_due_init(struct cxl_dynamic *dynamic)
{
	mt_init_flags(&dynamic->asked, MT_FLAGS_LOCK_EXTERN);
	mt_set_external_lock(&dynamic->asked, &dynamic->extents_lock);
	mt_init_flags(&dynamic->gone, MT_FLAGS_LOCK_EXTERN);
	mt_set_external_lock(&dynamic->gone, &dynamic->extents_lock);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_due_init, "cxl_due_kunit");

/**
 * cxl_sysram_due_destroy - forget all of it
 * @dynamic: of a region
 *
 * Context: With extents_lock held.
 */
void cxl_sysram_due_destroy(struct cxl_dynamic *dynamic)
{
	__mt_destroy(&dynamic->asked);
	__mt_destroy(&dynamic->gone);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_due_destroy, "cxl_due_kunit");

/**
 * cxl_sysram_due_store - put a range into a set
 * @tree: the set
 * @hpa: host physical addresses
 * @request: number, or 0 to take it out
 * @gfp: for what it takes to divide others
 *
 * Context: With extents_lock held.
 * Return: 0, -ENOMEM.
 */
int cxl_sysram_due_store(struct maple_tree *tree, const struct range *hpa,
			 unsigned long request, gfp_t gfp)
{
	MA_STATE(mas, tree, hpa->start, hpa->end);

	return mas_store_gfp(&mas, request ? xa_mk_value(request) : NULL, gfp);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_due_store, "cxl_due_kunit");

/* Cannot fail: it may take a node to divide a range, and nobody could undo the rest */
static void cxl_sysram_due_clear(struct maple_tree *tree, const struct range *hpa)
{
	while (cxl_sysram_due_store(tree, hpa, 0, GFP_KERNEL | __GFP_NOFAIL))
		cond_resched();
}

/**
 * cxl_sysram_due_find - the first range of a set that has a part in another
 * @tree: the set
 * @hpa: host physical addresses
 * @found: the range, all of it
 * @request: its number
 *
 * Context: With extents_lock held.
 * Return: false when there is none.
 */
bool cxl_sysram_due_find(struct maple_tree *tree, const struct range *hpa,
			 struct range *found, unsigned long *request)
{
	MA_STATE(mas, tree, hpa->start, hpa->start);
	void *entry = mas_find(&mas, hpa->end);

	if (!entry)
		return false;
	*found = DEFINE_RANGE(mas.index, mas.last);
	*request = xa_to_value(entry);
	return true;
}

/**
 * cxl_sysram_gone_overlaps - has the device taken any of a range away
 * @dynamic: of a region
 * @hpa: host physical addresses
 *
 * Context: With extents_lock held.
 * Return: true for untagged capacity that it has, and that is still held.
 */
bool cxl_sysram_gone_overlaps(struct cxl_dynamic *dynamic, const struct range *hpa)
{
	unsigned long request;
	struct range found;

	lockdep_assert_held(&dynamic->extents_lock);
	return cxl_sysram_due_find(&dynamic->gone, hpa, &found, &request);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_gone_overlaps, "cxl_due_kunit");

/**
 * cxl_sysram_due_overlaps - is any of a range gone, or asked for
 * @dynamic: of a region
 * @hpa: host physical addresses
 *
 * Context: With extents_lock held.
 * Return: true if any untagged capacity is.
 */
bool cxl_sysram_due_overlaps(struct cxl_dynamic *dynamic, const struct range *hpa)
{
	unsigned long request;
	struct range found;

	lockdep_assert_held(&dynamic->extents_lock);
	return cxl_sysram_due_find(&dynamic->gone, hpa, &found, &request) ||
	       cxl_sysram_due_find(&dynamic->asked, hpa, &found, &request);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_due_overlaps, "cxl_due_kunit");

/**
 * cxl_sysram_next_gone - one range after the other of what is gone
 * @dynamic: of a region
 * @from: host physical address to begin at
 * @hpa: the range
 *
 * Context: With extents_lock held.
 * Return: false when there is none.
 */
bool cxl_sysram_next_gone(struct cxl_dynamic *dynamic, u64 from, struct range *hpa)
{
	struct range rest = DEFINE_RANGE(from, dynamic->cxlr_sysram->hpa_range.end);
	unsigned long request;

	lockdep_assert_held(&dynamic->extents_lock);
	if (rest.start > rest.end ||
	    !cxl_sysram_due_find(&dynamic->gone, &rest, hpa, &request))
		return false;
	hpa->start = max(hpa->start, from);
	return true;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_next_gone, "cxl_due_kunit");

/**
 * cxl_sysram_next_asked - one unit after the other of what is asked for
 * @dynamic: of a region
 * @from: host physical address to begin at
 * @parts: the ranges of the unit, ordered by address
 * @max: how many of them there is room for
 * @newest: number of the youngest request of the unit
 *
 * A request is one unit, and so are requests that share a memory block.
 *
 * Context: With extents_lock held.
 * Return: how many, 0 when there is no unit any more. More than @max: there is not
 * enough room.
 */
int cxl_sysram_next_asked(struct cxl_dynamic *dynamic, u64 from,
			  struct range *parts, int max, unsigned long *newest)
{
	struct range rest = DEFINE_RANGE(from, dynamic->cxlr_sysram->hpa_range.end);
	const u64 block = memory_block_size_bytes();
	unsigned long request, before = 0;
	struct range part, last;
	int nr = 0;

	lockdep_assert_held(&dynamic->extents_lock);
	*newest = 0;
	while (rest.start <= rest.end &&
	       cxl_sysram_due_find(&dynamic->asked, &rest, &part, &request)) {
		part.start = max(part.start, rest.start);
		if (nr && request != before &&
		    ALIGN_DOWN(part.start, block) != ALIGN_DOWN(last.end, block))
			break;
		if (nr < max)
			parts[nr] = part;
		nr++;
		*newest = max(*newest, request);
		last = part;
		before = request;
		if (part.end == rest.end)
			break;
		rest.start = part.end + 1;
	}
	return nr;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_next_asked, "cxl_due_kunit");

/**
 * cxl_sysram_next_undue - one after the other, what of a range is neither gone nor
 * asked for
 * @dynamic: of a region
 * @rest: host physical addresses; what has been looked at is taken off
 * @part: the next part
 *
 * Context: With extents_lock held.
 * Return: false when there is none any more.
 */
bool cxl_sysram_next_undue(struct cxl_dynamic *dynamic, struct range *rest,
			   struct range *part)
{
	struct maple_tree *trees[] = { &dynamic->asked, &dynamic->gone };
	unsigned long request;
	struct range found;

	*part = *rest;
	for (int i = 0; i < ARRAY_SIZE(trees) && part->start <= part->end; i++) {
		if (!cxl_sysram_due_find(trees[i], part, &found, &request))
			continue;
		if (found.start > part->start) {
			part->end = found.start - 1;
			continue;
		}
		/* What comes behind it may be in the other one */
		*part = DEFINE_RANGE(found.end + 1, rest->end);
		i = -1;
	}
	rest->start = part->end + 1;
	return part->start <= part->end;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_next_undue, "cxl_due_kunit");

/**
 * cxl_sysram_asked_erase - capacity is not asked for any more
 * @dynamic: of a region
 * @hpa: host physical addresses
 *
 * Context: With extents_lock held.
 */
void cxl_sysram_asked_erase(struct cxl_dynamic *dynamic, const struct range *hpa)
{
	lockdep_assert_held(&dynamic->extents_lock);
	cxl_sysram_due_clear(&dynamic->asked, hpa);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_asked_erase, "cxl_due_kunit");

/**
 * cxl_sysram_due_erase - capacity leaves the region
 * @dynamic: of the region
 * @hpa: host physical addresses
 *
 * Context: With extents_lock held.
 */
void cxl_sysram_due_erase(struct cxl_dynamic *dynamic, const struct range *hpa)
{
	lockdep_assert_held(&dynamic->extents_lock);
	if (!cxl_sysram_due_overlaps(dynamic, hpa))
		return;
	cxl_sysram_due_clear(&dynamic->asked, hpa);
	cxl_sysram_due_clear(&dynamic->gone, hpa);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_due_erase, "cxl_due_kunit");
