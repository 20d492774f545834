// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include "sysram_core.h"

/**
 * DOC: cxl sysram resize
 *
 * A write to 'plugged_size' plugs or unplugs memory blocks until that many bytes
 * are System RAM.
 *
 * Growing is all or nothing: the lowest blocks that are not plugged, with the type
 * of those that are. Shrinking takes one block after the other, those first that
 * have the fewest pages in use. A block that makes no progress is passed over, and
 * is tried again after the others. What has gone stays gone when that ends early.
 */

/* How long one block may make no progress */
#define CXL_SYSRAM_PATIENCE	(2 * HZ)

/**
 * struct cxl_sysram_block - a memory block that may be plugged or unplugged
 * @range: host physical addresses
 * @used: pages of it that are in use, a hint
 * @tried: there was an attempt to unplug it
 * @gone: it was unplugged
 */
struct cxl_sysram_block {
	struct range range;
	unsigned long used;
	bool tried;
	bool gone;
};

/**
 * struct cxl_sysram_blocks - some of the memory blocks of a region
 * @block: in the order in which they are to change
 * @nr: how many there are
 */
struct cxl_sysram_blocks {
	struct cxl_sysram_block *block;
	unsigned long nr;
};

static int cxl_sysram_cmp_used(const void *a, const void *b)
{
	const struct cxl_sysram_block *l = a, *r = b;

	if (l->used != r->used)
		return l->used < r->used ? -1 : 1;
	/* The highest first: growing takes the lowest */
	return l->range.start > r->range.start ? -1 : 1;
}

/* Those that are @plugged, or those that are not. To be freed with kvfree(). */
static int cxl_sysram_collect(struct cxl_sysram_region *cxlr_sysram,
			      bool plugged, struct cxl_sysram_blocks *blocks)
{
	const u64 size = memory_block_size_bytes();
	u64 max = div64_u64(range_len(&cxlr_sysram->hpa_range), size);
	int nr;

	blocks->nr = 0;
	blocks->block = NULL;
	struct range *units __free(kvfree) =
		cxl_sysram_region_units(cxlr_sysram, &cxlr_sysram->hpa_range,
					plugged, &nr);
	if (IS_ERR(units))
		return PTR_ERR(units);
	blocks->block = kvcalloc(max(max, 1), sizeof(*blocks->block), GFP_KERNEL);
	if (!blocks->block)
		return -ENOMEM;

	for (int i = 0; i < nr; i++) {
		u64 hpa = ALIGN(units[i].start, size);

		for (; hpa + size - 1 <= units[i].end; hpa += size) {
			struct range range = DEFINE_RANGE(hpa, hpa + size - 1);

			cond_resched();
			if (!cxl_sysram_range_plugged(&range) != plugged)
				blocks->block[blocks->nr++].range = range;
		}
	}
	return 0;
}

/* Neighbours are added in one piece: any block of it can be removed alone */
static int cxl_sysram_join(const struct cxl_sysram_blocks *blocks,
			   unsigned long nr, struct range *ranges)
{
	int joined = 0;

	for (unsigned long i = 0; i < nr; i++) {
		const struct range *range = &blocks->block[i].range;

		if (joined && ranges[joined - 1].end + 1 == range->start)
			ranges[joined - 1].end = range->end;
		else
			ranges[joined++] = *range;
	}
	return joined;
}

static int cxl_sysram_grow(struct cxl_sysram_region *cxlr_sysram,
			   const struct cxl_sysram_blocks *blocks,
			   unsigned long nr)
{
	struct cxl_sysram_census census;
	enum cxl_sysram_state want;

	struct range *ranges __free(kvfree) =
		kvmalloc_array(nr, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;

	cxl_sysram_region_census(cxlr_sysram, &census);
	want = cxl_sysram_census_grow(&census,
				      cxl_sysram_region_policy(cxlr_sysram));
	return cxl_sysram_op_driver(cxlr_sysram)->set_state(cxlr_sysram, want, ranges,
			cxl_sysram_join(blocks, nr, ranges));
}

/**
 * struct cxl_sysram_attempt - an attempt to unplug one block
 * @ctl: for memory hotplug
 * @outer: of the operation
 * @progress: @ctl's, when it was looked at last
 * @when: jiffies of the last progress
 * @patience: jiffies that it may make none
 * @stuck: there was none for too long
 */
struct cxl_sysram_attempt {
	struct mhp_ctl ctl;
	struct mhp_ctl *outer;
	unsigned long progress;
	unsigned long when;
	unsigned long patience;
	bool stuck;
};

static int cxl_sysram_attempt_give_up(struct mhp_ctl *ctl)
{
	struct cxl_sysram_attempt *attempt =
		container_of(ctl, struct cxl_sysram_attempt, ctl);
	int rc;

	/*
	 * Whether the time of the operation is up is asked between attempts. What is gone
	 * may be somebody else's data, and is not migrated any more.
	 */
	rc = attempt->outer->give_up(attempt->outer);
	if (rc && rc != -EBUSY)
		return rc;

	if (attempt->progress != ctl->progress) {
		attempt->progress = ctl->progress;
		attempt->when = jiffies;
	}
	if (time_before(jiffies, attempt->when + attempt->patience))
		return 0;
	attempt->stuck = true;
	return -EBUSY;
}

/**
 * cxl_sysram_attempt - try to unplug one memory block, of many
 * @cxlr_sysram: the region
 * @block: its host physical addresses
 * @patience: jiffies that it may make no progress, whatever the operation has left
 * @stuck: set when it made none for so long
 *
 * Context: An operation, with the System RAM driver bound.
 * Return: 0, or why it is still plugged.
 */
int cxl_sysram_attempt(struct cxl_sysram_region *cxlr_sysram,
		       const struct range *block, unsigned long patience, bool *stuck)
{
	struct cxl_sysram_attempt attempt = {
		.ctl.give_up = cxl_sysram_attempt_give_up,
		.ctl.yield = true,
		.ctl.poison = cxlr_sysram->ctl->poison,
		.outer = cxlr_sysram->ctl,
		.when = jiffies,
		.patience = patience,
	};
	int rc;

	cxlr_sysram->ctl = &attempt.ctl;
	rc = cxl_sysram_op_driver(cxlr_sysram)->set_state(cxlr_sysram,
							  CXL_SYSRAM_UNPLUGGED,
							  block, 1);
	cxlr_sysram->ctl = attempt.outer;
	*stuck |= attempt.stuck;
	attempt.outer->yielded = attempt.ctl.yielded;
	return rc;
}

static int cxl_sysram_unplug_block(struct cxl_sysram_region *cxlr_sysram,
				   struct cxl_sysram_block *block, bool *stuck)
{
	int rc;

	cxlr_sysram->ctl->yielded = false;
	rc = cxl_sysram_region_check_unplug(cxlr_sysram, &block->range, false);
	if (rc)
		return rc;

	/* The first attempts at all of them may take longer than one that is stuck */
	if (!block->tried)
		cxlr_sysram->ctl->progress++;
	block->tried = true;

	rc = cxl_sysram_attempt(cxlr_sysram, &block->range, CXL_SYSRAM_PATIENCE, stuck);
	if (rc)
		return rc;
	block->gone = true;
	cxlr_sysram->ctl->progress++;
	return 0;
}

/* Of the operation, and not of one block */
static bool cxl_sysram_is_final(int rc)
{
	return rc == -ERESTARTSYS || rc == -ENXIO || rc == -ENOMEM;
}

/*
 * One round over all that are left. -EAGAIN to begin another, which may do better:
 * a block has gone, and what was in it is elsewhere, or one was passed over.
 */
static int cxl_sysram_shrink_round(struct cxl_sysram_region *cxlr_sysram,
				   struct cxl_sysram_blocks *blocks,
				   unsigned long *left)
{
	struct mhp_ctl *ctl = cxlr_sysram->ctl;
	bool again = false;
	int rc;

	for (unsigned long i = 0; i < blocks->nr && *left; i++) {
		if (blocks->block[i].gone)
			continue;
		rc = ctl->give_up(ctl) ?:
		     cxl_sysram_unplug_block(cxlr_sysram, &blocks->block[i],
					     &again);
		if (cxl_sysram_is_final(rc) || (rc && ctl->give_up(ctl)))
			return rc;
		if (!rc) {
			again = true;
			(*left)--;
		}
		/* Nor is any more taken from tasks that run out of memory */
		if (ctl->yielded)
			return *left ? -EBUSY : 0;
	}
	if (!*left)
		return 0;
	return again ? -EAGAIN : -EBUSY;
}

static int cxl_sysram_shrink(struct cxl_sysram_region *cxlr_sysram,
			     struct cxl_sysram_blocks *blocks, unsigned long nr)
{
	int rc;

	for (unsigned long i = 0; i < blocks->nr; i++) {
		rc = memory_range_in_use(&blocks->block[i].range,
					 &blocks->block[i].used, cxlr_sysram->ctl);
		/* Somebody is about to add it */
		if (rc)
			return rc == -ENOENT ? -EBUSY : rc;
	}
	sort(blocks->block, blocks->nr, sizeof(*blocks->block),
	     cxl_sysram_cmp_used, NULL);

	do {
		rc = cxl_sysram_shrink_round(cxlr_sysram, blocks, &nr);
	} while (rc == -EAGAIN);
	return rc;
}

/* Runs as an operation */
static int cxl_sysram_resize(struct cxl_sysram_region *cxlr_sysram,
			     const struct cxl_sysram_request *req)
{
	const u64 size = memory_block_size_bytes();
	struct cxl_sysram_blocks blocks;
	u64 before, left;
	int rc;

	if (cxl_sysram_region_policy(cxlr_sysram) == CXL_SYSRAM_NEVER)
		return -EPERM;

	before = cxl_sysram_range_plugged(&cxlr_sysram->hpa_range);
	if (req->bytes == before) {
		cxl_sysram_forget_boot(cxlr_sysram);
		cxl_sysram_forget_blocks(cxlr_sysram, &cxlr_sysram->hpa_range);
		return 0;
	}

	rc = cxl_sysram_collect(cxlr_sysram, req->bytes < before, &blocks);
	left = div64_u64(req->bytes < before ? before - req->bytes :
					       req->bytes - before, size);
	if (!rc && req->bytes > before)
		rc = left > blocks.nr ? -EINVAL :
		     cxl_sysram_grow(cxlr_sysram, &blocks, left);
	else if (!rc)
		rc = cxl_sysram_shrink(cxlr_sysram, &blocks, left);
	kvfree(blocks.block);
	/* A user wants so much of it, whatever it was */
	if (!rc) {
		cxl_sysram_forget_boot(cxlr_sysram);
		cxl_sysram_forget_blocks(cxlr_sysram, &cxlr_sysram->hpa_range);
	}

	if (cxl_sysram_range_plugged(&cxlr_sysram->hpa_range) != before)
		kobject_uevent(&cxlr_sysram->dev.kobj, KOBJ_CHANGE);
	cxl_sysram_region_announce(cxlr_sysram, &cxlr_sysram->hpa_range);
	return rc;
}

/**
 * cxl_sysram_region_resize - plug or unplug memory blocks of a sysram_region
 * @cxlr_sysram: the region
 * @bytes: how much of it is to be plugged
 *
 * Context: Process context, see cxl_sysram_op_run() for locks and waiting.
 * Return: 0; -EINVAL when @bytes is not a multiple of the memory block size, or more
 * than what there is in whole blocks; -EPERM under the policy "never"; -EBUSY when
 * the range belongs to DAX, or fewer blocks could be unplugged; -ENXIO without a System RAM
 * driver, or when the region is about to be removed; else as cxl_sysram_op_run(), or what
 * memory hotplug answered. After a failure to grow nothing has changed; after one
 * to shrink, what has gone stays gone.
 */
int cxl_sysram_region_resize(struct cxl_sysram_region *cxlr_sysram, u64 bytes)
{
	struct cxl_sysram_request req = { .bytes = bytes };

	if (!IS_ALIGNED(bytes, memory_block_size_bytes()))
		return -EINVAL;
	return cxl_sysram_op_run(cxlr_sysram, CXL_SYSRAM_OP_STATE,
				 cxl_sysram_resize, &req);
}
