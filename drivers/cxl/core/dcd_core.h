/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __CXL_CORE_DCD_H__
#define __CXL_CORE_DCD_H__

#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <cxlmem.h>
#include <dcd.h>
#include "extent.h"

struct cxl_dcd_msg;

/**
 * struct cxl_dcd - what makes a memory device a Dynamic Capacity Device
 * @mds: the device
 * @rules: of its first dynamic partition
 * @regions_lock: protects @regions, and keeps them while capacity comes
 * @regions: that take capacity
 * @list_lock: held while the device's list of accepted extents and those of the
 *	       regions differ, because capacity is given back, and while the two
 *	       are compared
 * @lock: protects the members down to @stale
 * @queue: where @work runs, or NULL before the first event and after the last
 * @todo: what has to be said to the device, oldest first
 * @owed: empty answers that have to be given before @todo
 * @stale: what the device and the regions believe may differ
 * @work: says it
 * @deadline: for @chain
 * @chain: the offer that is about to be made; as @open and @seen, protected by
 *	   mds->event.log_lock
 * @open: what has come of it, NULL when there was no memory for that
 * @seen: how many records have come of it, also those that were wrong
 */
struct cxl_dcd {
	struct cxl_memdev_state *mds;
	struct cxl_extent_rules rules;

	struct mutex regions_lock; /* regions */
	struct list_head regions;
	struct mutex list_lock; /* what is accepted, here and there */

	spinlock_t lock; /* down to stale */
	struct workqueue_struct *queue;
	struct list_head todo;
	unsigned int owed;
	bool stale;

	struct work_struct work;
	struct delayed_work deadline;
	enum cxl_chain_state chain;
	struct cxl_dcd_msg *open;
	unsigned int seen;
};

/**
 * struct cxl_dcd_recs - extents, as the device has named them
 * @recs: the extents
 * @nr: how many
 * @max: how many there is room for
 */
struct cxl_dcd_recs {
	struct cxl_extent_rec *recs;
	unsigned int nr;
	unsigned int max;
};

static inline int cxl_dcd_recs_add(struct cxl_dcd_recs *list,
				   const struct cxl_extent_rec *rec)
{
	if (list->nr == list->max) {
		unsigned int max = list->max ? 2 * list->max : 8;
		void *recs = kvrealloc(list->recs, array_size(max, sizeof(*rec)),
				       GFP_KERNEL);

		if (!recs)
			return -ENOMEM;
		list->recs = recs;
		list->max = max;
	}
	list->recs[list->nr] = *rec;
	list->recs[list->nr].order = list->nr;
	list->nr++;
	return 0;
}

/* core/dcd.c: events, offers, and the queue of what has to be said */
bool cxl_dcd_check(struct cxl_dcd *dcd, const struct cxl_event_dcd_extent *extent,
		   unsigned int partition, struct cxl_extent_rec *rec);
void cxl_dcd_reject(struct cxl_dcd *dcd);
void cxl_dcd_set_stale(struct cxl_dcd *dcd);

/* core/dcd_mbox.c: the commands */
int cxl_dcd_get_config(struct cxl_memdev_state *mds,
		       struct cxl_mbox_dc_region *region);
int cxl_dcd_get_list(struct cxl_dcd *dcd, struct cxl_dcd_recs *list);
int cxl_dcd_respond(struct cxl_memdev_state *mds, u16 opcode,
		    const struct cxl_extent_rec *recs, unsigned int nr,
		    bool *unknown);

/* core/dcd_region.c: what regions take, have and give */
int cxl_dcd_serve(struct cxl_dcd *dcd, struct cxl_dcd_recs *offer);
int cxl_dcd_give_back(struct cxl_dcd *dcd, const struct cxl_extent_rec *rec,
		      bool forced);
int cxl_dcd_sync(struct cxl_dcd *dcd);

#endif /* __CXL_CORE_DCD_H__ */
