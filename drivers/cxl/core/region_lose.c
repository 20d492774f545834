// SPDX-License-Identifier: GPL-2.0-only
#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <cxl.h>
#include "core.h"
#include "extent.h"
#include "dynamic_core.h"

/**
 * DOC: cxl region loss
 *
 * How the untagged capacity of a dynamic region goes by force: it is gone already, and
 * what is in it may be somebody else's.
 *
 * At once, nothing more is allocated of its memory blocks. Nothing of it is migrated,
 * since that would copy it into live processes. The pages in use are poisoned, all of
 * them before any memory block is taken out, so that whoever touches them gets SIGBUS.
 * Then the memory blocks go one by one. What cannot be taken out, because the kernel
 * itself uses it or a page is pinned, stays held, is passed over, and is tried again:
 * nothing else may come to these addresses meanwhile.
 */

/*
 * How long one block may make no progress: what was in use of it is poisoned. After one
 * that is stuck the others have less, or thousands of them would take hours.
 */
#define CXL_SYSRAM_LOSE_PATIENCE	(HZ / 2)
#define CXL_SYSRAM_LOSE_HASTE		(HZ / 50)

/* Whoever uses what is gone of a memory block gets SIGBUS, and the block goes */
static int cxl_sysram_block_lose(struct cxl_sysram_region *cxlr_sysram,
				 const struct range *block, bool *stuck)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct range part;
	u64 from;
	int rc = 0;

	if (!cxl_sysram_range_plugged(block))
		return 0;
	if (!cxl_sysram_op_driver(cxlr_sysram))
		return -EBUSY;
	/* Those before it may have taken all the time there was */
	cxlr_sysram->ctl->progress++;

	/* All of it: what is healthy in the block may be migrated, this may not */
	for (from = block->start; from <= block->end; from = part.end + 1) {
		scoped_guard(mutex, &dynamic->extents_lock)
			if (!cxl_sysram_next_gone(dynamic, from, &part))
				part.start = block->end + 1;
		if (part.start > block->end)
			break;
		part.end = min(part.end, block->end);
		rc = poison_lost_memory(&part, cxlr_sysram->ctl) ?: rc;
	}
	return rc ?: cxl_sysram_attempt(cxlr_sysram, block,
					*stuck ? CXL_SYSRAM_LOSE_HASTE : CXL_SYSRAM_LOSE_PATIENCE,
					stuck);
}

/* Before any of it is taken out, which takes its time */
static void cxl_sysram_poison_gone(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct range part = { };
	bool more = true;

	while (more) {
		scoped_guard(mutex, &dynamic->extents_lock)
			more = cxl_sysram_next_gone(dynamic, part.end + 1, &part);
		if (!more || !cxl_sysram_range_plugged(&part))
			continue;
		cxlr_sysram->ctl->progress++;
		poison_lost_memory(&part, cxlr_sysram->ctl);
	}
}

/**
 * cxl_sysram_isolate_gone - hand out nothing any more of what is gone
 * @cxlr_sysram: a dynamic region
 *
 * Context: Process context, beside an operation that may run.
 * Return: 0, or -EBUSY when that operation, or somebody else, has it: to be called
 * again.
 */
int cxl_sysram_isolate_gone(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct range blocks[16], part = { };
	bool more = true;
	int nr = 0, rc = 0;

	while (more) {
		scoped_guard(mutex, &dynamic->extents_lock)
			more = cxl_sysram_next_gone(dynamic, part.end + 1, &part);
		if (more)
			blocks[nr++] = cxl_range_cover(&part, memory_block_size_bytes());
		if (nr && (!more || nr == ARRAY_SIZE(blocks))) {
			rc = lose_memory_ranges(blocks, nr) ?: rc;
			nr = 0;
		}
	}
	return rc;
}

/* One range that is gone: what of it is out after this? What goes meanwhile is first */
static int cxl_sysram_range_lose(struct cxl_sysram_region *cxlr_sysram,
				 const struct range *hpa, bool *stuck)
{
	const u64 size = memory_block_size_bytes();
	struct range out = DEFINE_RANGE(hpa->start, hpa->start - 1);
	int rc, cut, failed = 0;

	for (u64 start = hpa->start; start <= hpa->end;
	     start = ALIGN_DOWN(start, size) + size) {
		struct range block = DEFINE_RANGE(ALIGN_DOWN(start, size), start | (size - 1));

		rc = READ_ONCE(cxl_dynamic(cxlr_sysram)->lost) ?
		     -EAGAIN : cxl_sysram_block_lose(cxlr_sysram, &block, stuck);
		if (!rc) {
			out.end = min(block.end, hpa->end);
			continue;
		}
		cut = cxl_sysram_extents_cut(cxlr_sysram, &out, out.start <= out.end);
		failed = cut ?: failed ?: rc;
		out = DEFINE_RANGE(block.end + 1, block.end);
		if (rc == -EAGAIN)
			break;
	}
	return cxl_sysram_extents_cut(cxlr_sysram, &out, out.start <= out.end) ?: failed;
}

/**
 * cxl_sysram_lose - take out what is gone, as far as nobody uses it
 * @cxlr_sysram: a dynamic region
 * @req: not used
 *
 * The device is not told.
 *
 * Context: An operation.
 * Return: 0 when all of it is out; else why not.
 */
int cxl_sysram_lose(struct cxl_sysram_region *cxlr_sysram,
		    const struct cxl_sysram_request *req)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_census before;
	struct range part;
	bool stuck = false;
	int rc = 0, lost;

	cxl_sysram_region_census(cxlr_sysram, &before);
	cxl_sysram_isolate_gone(cxlr_sysram);
	cxl_sysram_poison_gone(cxlr_sysram);
	for (u64 from = 0;; from = part.end + 1) {
		scoped_guard(mutex, &dynamic->extents_lock)
			if (dynamic->closed || !cxl_sysram_next_gone(dynamic, from, &part))
				part.start = U64_MAX;
		if (part.start == U64_MAX)
			break;
		lost = cxl_sysram_range_lose(cxlr_sysram, &part, &stuck);
		rc = rc ?: lost;
		if (lost == -EAGAIN)
			break;
		if (lost)
			dev_err_ratelimited(&cxlr_sysram->dev,
					    "%#llx-%#llx is gone, but some of it is still in use: %pe\n",
					    part.start, part.end, ERR_PTR(lost));
	}
	cxl_sysram_region_changed(cxlr_sysram, &before, &cxlr_sysram->hpa_range);
	return rc;
}
