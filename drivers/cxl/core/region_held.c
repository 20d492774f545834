// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <cxl.h>
#include "core.h"
#include "extent.h"
#include "dynamic_core.h"

/**
 * DOC: cxl region holdings
 *
 * The capacity that a dynamic region holds consists of extents: what the device was
 * told to be accepted and not that it is given back.
 *
 * An extent has any size and place. Memory is plugged by whole memory blocks, which
 * extents may share; what does not fill a block is held and stays unplugged.
 *
 * How extents come: region_arrive.c; what the device asks for and takes:
 * region_ask.c; how they go: region_release.c.
 *
 * @extents_lock protects the extents of a region. It is never held while memory
 * is plugged or unplugged, or while the device is spoken to.
 */

/* In the tree and in the size of the region; the device comes or goes after */
static bool cxl_sysram_extent_insert(struct cxl_sysram_region *cxlr_sysram,
				     struct cxl_sysram_extent *extent)
{
	lockdep_assert_held(&cxl_dynamic(cxlr_sysram)->extents_lock);

	if (!cxl_extent_insert(&cxl_dynamic(cxlr_sysram)->extents, &extent->node))
		return false;
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->capacity += range_len(&extent->node.range);
	return true;
}

static void cxl_sysram_extent_erase(struct cxl_sysram_region *cxlr_sysram,
				    struct cxl_sysram_extent *extent)
{
	lockdep_assert_held(&cxl_dynamic(cxlr_sysram)->extents_lock);

	rb_erase(&extent->node.rb, &cxl_dynamic(cxlr_sysram)->extents);
	guard(spinlock)(&cxlr_sysram->lock);
	cxlr_sysram->capacity -= range_len(&extent->node.range);
}

/**
 * cxl_sysram_extent_show - an extent is there
 * @cxlr_sysram: a dynamic region
 * @extent: what cxl_sysram_extent_alloc() has made, of what is not held yet
 *
 * The device is a view of it. Without memory for that it is held nevertheless.
 *
 * Context: With extents_lock held.
 */
void cxl_sysram_extent_show(struct cxl_sysram_region *cxlr_sysram,
			    struct cxl_sysram_extent *extent)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_group *group = extent->group;
	int rc;

	if (!cxl_sysram_extent_insert(cxlr_sysram, extent)) {
		dev_err_ratelimited(&cxlr_sysram->dev,
				    "extent %#llx-%#llx is here twice\n",
				    extent->node.range.start, extent->node.range.end);
		return put_device(&extent->dev);
	}
	if (group && !group->shown++)
		list_add_tail(&cxl_sysram_group_get(group)->list, &dynamic->groups);

	rc = device_add(&extent->dev);
	extent->shown = !rc;
	if (rc)
		dev_err_ratelimited(&cxlr_sysram->dev,
				    "cannot show extent%d.%d (%pe), it is held nevertheless\n",
				    cxlr_sysram->cxlr->id, extent->id, ERR_PTR(rc));
}

static struct cxl_sysram_extent *
cxl_sysram_extent_find(struct cxl_sysram_region *cxlr_sysram,
		       const struct range *hpa)
{
	struct cxl_extent_node *node;

	lockdep_assert_held(&cxl_dynamic(cxlr_sysram)->extents_lock);
	node = cxl_extent_first(&cxl_dynamic(cxlr_sysram)->extents, hpa);
	return node ? container_of(node, struct cxl_sysram_extent, node) : NULL;
}

/**
 * cxl_sysram_extent_next - the extents of a range, one after the other
 * @cxlr_sysram: a dynamic region
 * @extent: the one before, or NULL to begin with
 * @hpa: the range
 *
 * Context: With extents_lock held.
 * Return: the one behind @extent that has a part in it, or NULL.
 */
struct cxl_sysram_extent *
cxl_sysram_extent_next(struct cxl_sysram_region *cxlr_sysram,
		       struct cxl_sysram_extent *extent,
		       const struct range *hpa)
{
	struct cxl_extent_node *node;

	if (!extent)
		return cxl_sysram_extent_find(cxlr_sysram, hpa);
	node = cxl_extent_next(&extent->node, hpa);
	return node ? container_of(node, struct cxl_sysram_extent, node) : NULL;
}

/**
 * cxl_sysram_extents_unheld - what of the device's list is not here
 * @cxlr_sysram: a dynamic region
 * @hpa: where the list has something
 * @tag: with this tag
 * @part: the first part of @hpa that is not held, or of which the tag is another
 *
 * A null tag over what is tagged here is no difference. What is tagged there is one,
 * when the same addresses have another tag here, or none: then the rest of its
 * allocation must not look complete.
 *
 * Return: false when there is none.
 */
bool cxl_sysram_extents_unheld(struct cxl_sysram_region *cxlr_sysram,
			       const struct range *hpa, const uuid_t *tag,
			       struct range *part)
{
	struct cxl_sysram_extent *extent = NULL;
	bool same;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	*part = *hpa;
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		same = uuid_is_null(tag) ||
		       (extent->group && uuid_equal(tag, &extent->group->tag));
		if (!same)
			return true;
		if (extent->node.range.start > part->start) {
			part->end = extent->node.range.start - 1;
			return true;
		}
		if (extent->node.range.end >= hpa->end)
			return false;
		part->start = extent->node.range.end + 1;
	}
	return true;
}

/* What of @hpa is held, untagged and, but with @all, neither gone nor asked for */
static int cxl_sysram_extents_collect(struct cxl_sysram_region *cxlr_sysram,
				      const struct range *hpa, bool all,
				      struct range *found, int max)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_extent *extent = NULL;
	struct range rest, part;
	int nr = 0;

	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		if (extent->group)
			continue;
		rest = extent->node.range;
		while (all ? cxl_range_next_gap(&rest, NULL, 0, &part) :
			     cxl_sysram_next_undue(dynamic, &rest, &part)) {
			if (nr < max)
				found[nr] = part;
			nr++;
		}
	}
	return nr;
}

/**
 * cxl_sysram_extents_untagged - what is held without a tag
 * @cxlr_sysram: a dynamic region
 * @hpa: the part of the region that matters
 * @all: also what is gone or asked for
 * @nr: how many ranges there are
 *
 * Context: With extents_lock held.
 * Return: ranges of extents that have a part in @hpa, ordered and joined, to be freed
 * with kvfree(); NULL without memory.
 */
struct range *cxl_sysram_extents_untagged(struct cxl_sysram_region *cxlr_sysram,
					  const struct range *hpa, bool all, int *nr)
{
	int max = cxl_sysram_extents_collect(cxlr_sysram, hpa, all, NULL, 0);
	struct range *found;

	found = kvmalloc_array(max(max, 1), sizeof(*found), GFP_KERNEL);
	if (!found)
		return NULL;
	cxl_sysram_extents_collect(cxlr_sysram, hpa, all, found, max);
	*nr = cxl_range_merge(found, max);
	return found;
}

/**
 * cxl_sysram_extents_fill - can a memory block be plugged
 * @cxlr_sysram: a dynamic region
 * @block: host physical addresses of one
 *
 * Return: true if it is filled by what is held without a tag, of which nothing is gone
 * or asked for.
 */
bool cxl_sysram_extents_fill(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *block)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_extent *extent = NULL;
	u64 from = block->start;

	guard(mutex)(&dynamic->extents_lock);
	if (cxl_sysram_due_overlaps(dynamic, block))
		return false;
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, block))) {
		if (extent->group || extent->node.range.start > from)
			return false;
		if (extent->node.range.end >= block->end)
			return true;
		from = extent->node.range.end + 1;
	}
	return false;
}

/**
 * cxl_sysram_extents_units - the units in which memory is plugged here
 * @cxlr_sysram: a dynamic region
 * @hpa: the part of the region that matters
 * @releasing: whatever memory blocks there may be, to be unplugged; else those that are
 *	       filled by what is held without a tag, and of which nothing is gone or asked
 *	       for
 * @nr: how many there are
 *
 * Return: an array, to be freed with kvfree(); ERR_PTR(-ENOMEM).
 */
struct range *cxl_sysram_extents_units(struct cxl_sysram_region *cxlr_sysram,
				       const struct range *hpa, bool releasing,
				       int *nr)
{
	const u64 block = memory_block_size_bytes();
	struct range cover = cxl_range_cover(hpa, block);
	struct range *units;
	int found = 0;

	*nr = 0;
	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	units = cxl_sysram_extents_untagged(cxlr_sysram, &cover, releasing, &found);
	if (!units)
		return ERR_PTR(-ENOMEM);

	for (int i = 0; i < found; i++) {
		struct range part, unit;

		/* What is not due of an extent may be outside */
		if (!cxl_range_clip(&units[i], &cover, &part))
			continue;
		unit = releasing ? cxl_range_cover(&part, block) :
				   memory_block_aligned_range(&part);
		if (unit.start >= unit.end)
			continue;
		/* Two fragments may be in one block */
		if (*nr && units[*nr - 1].end >= unit.start)
			units[*nr - 1].end = unit.end;
		else
			units[(*nr)++] = unit;
	}
	return units;
}

/**
 * cxl_sysram_extents_whole - what is held in whole memory blocks, without a tag
 * @cxlr_sysram: a dynamic region
 *
 * Return: bytes.
 */
u64 cxl_sysram_extents_whole(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_extent *extent = NULL;
	struct range run = { .start = 1, .end = 0 }, whole;
	u64 size = 0;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	do {
		extent = cxl_sysram_extent_next(cxlr_sysram, extent,
						&cxlr_sysram->hpa_range);
		if (extent && extent->group)
			continue;
		if (extent && range_len(&run) && run.end + 1 == extent->node.range.start) {
			run.end = extent->node.range.end;
			continue;
		}
		whole = memory_block_aligned_range(&run);
		if (whole.start < whole.end)
			size += range_len(&whole);
		if (extent)
			run = extent->node.range;
	} while (extent);
	return size;
}

/**
 * cxl_sysram_extents_announce - say which extents have changed
 * @cxlr_sysram: a dynamic region
 * @hpa: the part of the region that matters
 *
 * Context: An operation, after it has changed memory.
 */
void cxl_sysram_extents_announce(struct cxl_sysram_region *cxlr_sysram,
				 const struct range *hpa)
{
	struct range cover = cxl_range_cover(hpa, memory_block_size_bytes());
	struct cxl_sysram_extent *extent = NULL;

	guard(mutex)(&cxl_dynamic(cxlr_sysram)->extents_lock);
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, &cover))) {
		enum cxl_sysram_state state = cxl_sysram_extent_state(extent);

		if (extent->announced == state)
			continue;
		extent->announced = state;
		if (extent->shown)
			kobject_uevent(&extent->dev.kobj, KOBJ_CHANGE);
	}
}

/**
 * cxl_sysram_extents_mark - say which extents are to be given back, or not any more
 * @cxlr_sysram: a dynamic region
 * @hpa: the part of the region that matters
 *
 * Context: With extents_lock held, after that has changed.
 */
void cxl_sysram_extents_mark(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_extent *extent = NULL;

	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		struct cxl_sysram_group *group = extent->group;
		bool releasing = extent->leaving ||
				 (group ? group->asked || group->gone || group->leaving :
				  cxl_sysram_due_overlaps(dynamic, &extent->node.range));

		if (extent->releasing == releasing)
			continue;
		WRITE_ONCE(extent->releasing, releasing);
		if (extent->shown)
			kobject_uevent(&extent->dev.kobj, KOBJ_CHANGE);
	}
}

/**
 * cxl_sysram_group_mark - say whether an allocation is to be given back
 * @cxlr_sysram: a dynamic region
 * @group: the allocation
 *
 * Context: With extents_lock held, after that has changed.
 */
void cxl_sysram_group_mark(struct cxl_sysram_region *cxlr_sysram,
			   const struct cxl_sysram_group *group)
{
	for (int i = 0; i < group->nr; i++)
		cxl_sysram_extents_mark(cxlr_sysram, &group->hpa[i]);
}

static int cxl_sysram_extent_rest(struct cxl_sysram_region *cxlr_sysram,
				  const struct cxl_sysram_extent *extent,
				  const struct range *hpa, int nr,
				  struct list_head *rest)
{
	struct range left = extent->node.range, gap;
	struct cxl_sysram_extent *piece;

	while (cxl_range_next_gap(&left, hpa, nr, &gap)) {
		piece = cxl_sysram_extent_alloc(cxlr_sysram, &gap, NULL);
		if (!piece)
			return -ENOMEM;
		piece->announced = extent->announced;
		piece->fresh = extent->fresh;
		list_add_tail(&piece->list, rest);
	}
	return 0;
}

/**
 * cxl_sysram_extents_rest - get ready to cut ranges out of untagged capacity
 * @cxlr_sysram: a dynamic region
 * @hpa: the ranges, ordered by address, without overlap
 * @nr: how many, one at least
 * @rest: what stays of extents that are in them with a part
 *
 * Context: With extents_lock held, until cxl_sysram_extents_replace() is called, or
 * cxl_sysram_extents_put().
 * Return: 0, -ENOMEM.
 */
int cxl_sysram_extents_rest(struct cxl_sysram_region *cxlr_sysram,
			    const struct range *hpa, int nr, struct list_head *rest)
{
	struct range all = DEFINE_RANGE(hpa[0].start, hpa[nr - 1].end);
	struct cxl_sysram_extent *extent = NULL;
	int rc = 0;

	while (!rc && (extent = cxl_sysram_extent_next(cxlr_sysram, extent, &all)))
		if (!extent->group && cxl_range_touches(&extent->node.range, hpa, nr))
			rc = cxl_sysram_extent_rest(cxlr_sysram, extent, hpa, nr, rest);
	if (rc)
		cxl_sysram_extents_put(rest);
	return rc;
}

/* Those of @group, or those without a tag */
static void cxl_sysram_extents_take(struct cxl_sysram_region *cxlr_sysram,
				    const struct range *hpa, int nr,
				    const struct cxl_sysram_group *group,
				    struct list_head *taken)
{
	struct range all = DEFINE_RANGE(hpa[0].start, hpa[nr - 1].end);
	struct cxl_sysram_extent *extent, *next;

	extent = cxl_sysram_extent_find(cxlr_sysram, &all);
	for (; extent; extent = next) {
		next = cxl_sysram_extent_next(cxlr_sysram, extent, &all);
		if (extent->group != group || !cxl_range_touches(&extent->node.range, hpa, nr))
			continue;
		cxl_sysram_extent_erase(cxlr_sysram, extent);
		list_add_tail(&extent->list, taken);
	}
}

/* What comes to these addresses next may be other memory */
static void cxl_sysram_forget_poison(struct cxl_sysram_region *cxlr_sysram,
				     const struct range *hpa)
{
	unsigned long pfn;
	void *entry;

	xa_for_each_range(&cxlr_sysram->poison, pfn, entry,
			  PHYS_PFN(hpa->start), PHYS_PFN(hpa->end))
		xa_erase(&cxlr_sysram->poison, pfn);
}

/**
 * cxl_sysram_extents_replace - extents go, but for what stays of them
 * @cxlr_sysram: a dynamic region
 * @hpa: what goes, ordered by address, without overlap
 * @nr: how many ranges, one at least
 * @group: the allocation that it belongs to, or NULL for what has no tag
 * @rest: what cxl_sysram_extents_rest() has made for it
 * @gone: the extents, for cxl_sysram_extents_unregister()
 *
 * It leaves all that is asked for, or gone, too.
 *
 * Context: With extents_lock held.
 */
void cxl_sysram_extents_replace(struct cxl_sysram_region *cxlr_sysram,
				const struct range *hpa, int nr,
				const struct cxl_sysram_group *group,
				struct list_head *rest, struct list_head *gone)
{
	struct cxl_sysram_extent *extent, *next;

	cxl_sysram_extents_take(cxlr_sysram, hpa, nr, group, gone);
	for (int i = 0; i < nr; i++) {
		if (!group)
			cxl_sysram_due_erase(cxl_dynamic(cxlr_sysram), &hpa[i]);
		cxl_sysram_forget_blocks(cxlr_sysram, &hpa[i]);
		cxl_sysram_forget_poison(cxlr_sysram, &hpa[i]);
	}
	list_for_each_entry_safe(extent, next, rest, list) {
		list_del_init(&extent->list);
		cxl_sysram_extent_show(cxlr_sysram, extent);
		cxl_sysram_extents_mark(cxlr_sysram, &extent->node.range);
	}
}

/**
 * cxl_sysram_extents_cut - capacity that is out, and not in use, leaves the region
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses, ordered, without overlap; what has a tag stays
 * @nr: how many ranges
 *
 * Return: 0, -ENOMEM.
 */
int cxl_sysram_extents_cut(struct cxl_sysram_region *cxlr_sysram,
			   const struct range *hpa, int nr)
{
	LIST_HEAD(rest);
	LIST_HEAD(gone);
	int rc;

	if (!nr)
		return 0;
	scoped_guard(mutex, &cxl_dynamic(cxlr_sysram)->extents_lock) {
		rc = cxl_sysram_extents_rest(cxlr_sysram, hpa, nr, &rest);
		if (!rc)
			cxl_sysram_extents_replace(cxlr_sysram, hpa, nr, NULL, &rest,
						   &gone);
	}
	cxl_sysram_extents_unregister(&gone);
	return rc;
}

/**
 * cxl_sysram_extents_remove - remove all extents
 * @cxlr_sysram: a dynamic region that is being removed; its capacity stays accepted
 */
void cxl_sysram_extents_remove(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_sysram_extent *extent;
	LIST_HEAD(gone);

	scoped_guard(mutex, &cxl_dynamic(cxlr_sysram)->extents_lock)
		while ((extent = cxl_sysram_extent_find(cxlr_sysram,
							&cxlr_sysram->hpa_range))) {
			cxl_sysram_extent_erase(cxlr_sysram, extent);
			list_add_tail(&extent->list, &gone);
		}
	cxl_sysram_extents_unregister(&gone);
}
