// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/maple_tree.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <cxl.h>
#include "core.h"
#include "extent.h"
#include "dynamic_core.h"

/**
 * DOC: cxl region requests
 *
 * What the device says about capacity that a region holds: it asks for some, or has
 * taken some. That is noted here, in the sets of region_due.c, and settled by work items
 * of the region (region_dynamic.c). Requests that overlap become one, and one that is
 * asked for already is dropped.
 */

/**
 * cxl_sysram_due_start - there is something new to be settled
 * @dynamic: of a region
 * @gone: it is gone
 *
 * Context: With extents_lock held.
 */
void cxl_sysram_due_start(struct cxl_dynamic *dynamic, bool gone)
{
	lockdep_assert_held(&dynamic->extents_lock);
	dynamic->lost |= gone;
	dynamic->requests++;
	if (gone)
		mod_delayed_work(system_dfl_wq, &dynamic->lose_work, 0);
	mod_delayed_work(system_dfl_wq, &dynamic->release_work, 0);
}

/* Is all of it asked for already, by one request? Then that is the one */
static bool cxl_sysram_is_asked(struct cxl_dynamic *dynamic, const struct range *part,
				unsigned long *request)
{
	unsigned long found_request;
	struct range found;

	if (!cxl_sysram_due_find(&dynamic->asked, part, &found, &found_request) ||
	    found.start > part->start || found.end < part->end ||
	    (*request && *request != found_request))
		return false;
	*request = found_request;
	return true;
}

/* Requests that overlap become one, all that they are about */
static int cxl_sysram_join_requests(struct cxl_dynamic *dynamic,
				    const struct range *hpa, unsigned long joined)
{
	MA_STATE(mas, &dynamic->asked, hpa->start, hpa->start);
	struct xarray overlap;
	void *entry;
	int rc = 0;

	xa_init(&overlap);
	mas_for_each(&mas, entry, hpa->end)
		rc = rc ?: xa_err(xa_store(&overlap, xa_to_value(entry), entry, GFP_KERNEL));

	mas_set(&mas, 0);
	/* What begins ahead of where the busy ones are tried next is one with them now */
	if (xa_empty(&overlap))
		return rc;
	dynamic->from = 0;
	mas_for_each(&mas, entry, ULONG_MAX) {
		if (!rc && xa_load(&overlap, xa_to_value(entry)))
			rc = mas_store_gfp(&mas, xa_mk_value(joined), GFP_KERNEL);
		cond_resched();
	}
	xa_destroy(&overlap);
	return rc;
}

/* Returns 1 when there is more to be asked for than before */
static int cxl_sysram_ask_untagged(struct cxl_dynamic *dynamic, const struct range *hpa)
{
	struct cxl_sysram_region *cxlr_sysram = dynamic->cxlr_sysram;
	struct cxl_sysram_extent *extent = NULL;
	unsigned long request = 0;
	bool asked = true;
	int rc;

	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		struct range part;

		cxl_range_clip(&extent->node.range, hpa, &part);
		if (!extent->group)
			asked = asked && cxl_sysram_is_asked(dynamic, &part, &request);
	}
	if (asked)
		return 0;

	request = ++dynamic->requests;
	rc = cxl_sysram_join_requests(dynamic, hpa, request);
	while (!rc && (extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		struct range part;

		cxl_range_clip(&extent->node.range, hpa, &part);
		if (!extent->group)
			rc = cxl_sysram_due_store(&dynamic->asked, &part, request,
						  GFP_KERNEL);
	}
	return rc ?: 1;
}

/**
 * cxl_sysram_extents_ask - the device asks for capacity
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses
 *
 * What is held of it now is given back when it is free. Of an allocation that has a
 * tag, all is given back, or nothing.
 *
 * Return: 0; -ENOENT when the region has none of it; -ENOMEM.
 */
int cxl_sysram_extents_ask(struct cxl_sysram_region *cxlr_sysram,
			   const struct range *hpa)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_extent *extent = NULL;
	bool more = false;
	int rc;

	guard(mutex)(&dynamic->extents_lock);
	if (!cxl_sysram_extent_next(cxlr_sysram, NULL, hpa))
		return -ENOENT;
	if (dynamic->closed)
		return cxl_sysram_range_plugged(hpa) ? 0 : -ENOENT;

	dynamic->asks++;
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa)))
		if (extent->group && !extent->group->asked) {
			extent->group->asked = true;
			cxl_sysram_group_mark(cxlr_sysram, extent->group);
			more = true;
		}
	rc = cxl_sysram_ask_untagged(dynamic, hpa);
	cxl_sysram_extents_mark(cxlr_sysram, hpa);
	if (more || rc)
		cxl_sysram_due_start(dynamic, false);
	return min(rc, 0);
}

static void cxl_sysram_extent_asked(struct cxl_dynamic *dynamic,
				    struct cxl_sysram_extent *extent,
				    void (*ask)(struct cxl_dynamic *dynamic,
						const struct range *hpa))
{
	struct range rest = extent->node.range, found, part;
	unsigned long request;

	while (cxl_sysram_due_find(&dynamic->asked, &rest, &found, &request)) {
		cxl_range_clip(&found, &rest, &part);
		ask(dynamic, &part);
		if (part.end == rest.end)
			return;
		rest.start = part.end + 1;
	}
}

/**
 * cxl_sysram_extents_asked - what that has no tag is the device waiting for
 * @cxlr_sysram: a dynamic region
 * @ask: called for each part of it, with extents_lock held
 */
void cxl_sysram_extents_asked(struct cxl_sysram_region *cxlr_sysram,
			      void (*ask)(struct cxl_dynamic *dynamic,
					  const struct range *hpa))
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_extent *extent = NULL;

	guard(mutex)(&dynamic->extents_lock);
	while ((extent = cxl_sysram_extent_next(cxlr_sysram, extent,
						&cxlr_sysram->hpa_range)))
		cxl_sysram_extent_asked(dynamic, extent, ask);
}

/* 1 when that was not known before */
static int cxl_sysram_extent_lost(struct cxl_dynamic *dynamic,
				  struct cxl_sysram_extent *extent,
				  const struct range *part)
{
	struct range found;
	unsigned long one;

	if (extent->group) {
		if (extent->group->gone)
			return 0;
		extent->group->gone = true;
		cxl_sysram_group_mark(dynamic->cxlr_sysram, extent->group);
		return 1;
	}
	if (cxl_sysram_due_find(&dynamic->gone, part, &found, &one) &&
	    found.start <= part->start && found.end >= part->end)
		return 0;
	return cxl_sysram_due_store(&dynamic->gone, part, 1, GFP_KERNEL) ?: 1;
}

/**
 * cxl_sysram_extents_lost - the device has taken capacity away
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses
 *
 * This comes before everything else: an operation on it that runs is given up. From
 * now on no other is begun, since what is there may be somebody else's data.
 *
 * Return: 0; -ENOENT when the region has none of it; -ENOMEM when it could not be
 * noted.
 */
int cxl_sysram_extents_lost(struct cxl_sysram_region *cxlr_sysram,
			    const struct range *hpa)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_extent *extent = NULL;
	struct range news = { };
	int rc = 0;

	guard(mutex)(&dynamic->extents_lock);
	if (!cxl_sysram_extent_next(cxlr_sysram, NULL, hpa))
		return -ENOENT;
	if (dynamic->closed)
		return 0;

	while (rc >= 0 && (extent = cxl_sysram_extent_next(cxlr_sysram, extent, hpa))) {
		struct range part;

		cxl_range_clip(&extent->node.range, hpa, &part);
		rc = cxl_sysram_extent_lost(dynamic, extent, &part);
		if (rc > 0)
			news = DEFINE_RANGE(news.start ?: part.start, part.end);
	}
	if (!news.start)
		return min(rc, 0);

	cxl_sysram_extents_mark(cxlr_sysram, hpa);
	dev_err_ratelimited(&cxlr_sysram->dev,
			    "dynamic capacity %#llx-%#llx was taken away by force, what is in use of it is lost\n",
			    news.start, news.end);
	cxl_sysram_op_interrupt(cxlr_sysram, &news);
	cxl_sysram_due_start(dynamic, true);
	return min(rc, 0);
}
