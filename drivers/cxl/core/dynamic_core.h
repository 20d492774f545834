/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __CXL_CORE_DYNAMIC_H__
#define __CXL_CORE_DYNAMIC_H__

#include <linux/device.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/maple_tree.h>
#include <linux/mutex.h>
#include <linux/range.h>
#include <linux/rbtree.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include "dcd_core.h"
#include "extent.h"
#include "sysram_core.h"

struct cxl_sysram_group;

/**
 * struct cxl_dynamic - the capacity of a dynamic region
 * @base: what the rest of the sysram_region core knows of it
 * @cxlr_sysram: the region
 * @consumer: of the device
 * @prepared: extents that may come, while the device gets the answer; protected by the
 *	      mutex of the device
 * @extents_lock: protects the members down to @closed, see core/region_held.c
 * @extents: what is held, by host physical address
 * @extent_ids: of @extents
 * @asked: host physical addresses of untagged capacity that the device asks for. Each
 *	   request has a number of its own
 * @requests: that number of the last one, or of the last loss
 * @gone: host physical addresses of untagged capacity that the device has taken
 * @groups: tagged allocations, see core/region_tag.c
 * @asks: how often the device has asked for anything
 * @tried: that of the last one that has been tried
 * @from: host physical address, where what was busy is tried again
 * @again: jiffies, when it is; meaningful while @retry is not 0
 * @retry: jiffies between that and the time before, 0 while nothing is busy
 * @lost: something is gone that has not been looked at
 * @closed: the region is removed, no extent may come
 * @dax_ops: the DAX driver, or NULL while it is not bound; protected by the device
 *	     lock of dax_regionN
 * @arrive_work: applies the policy to extents that have arrived
 * @lose_work: isolates what is gone, and takes away the mappings of allocations that are
 * @release_work: takes out what is gone, and gives back what is asked for
 */
struct cxl_dynamic {
	struct cxl_sysram_dynamic base;
	struct cxl_sysram_region *cxlr_sysram;
	struct cxl_dcd_consumer consumer;
	struct list_head prepared;

	struct mutex extents_lock; /* down to closed */
	struct rb_root extents;
	struct ida extent_ids;
	struct maple_tree asked;
	unsigned long requests;
	struct maple_tree gone;
	struct list_head groups;
	unsigned long asks;
	unsigned long tried;
	u64 from;
	unsigned long again;
	unsigned long retry;
	bool lost;
	bool closed;
	const struct cxl_sysram_dax_ops *dax_ops;
	struct work_struct arrive_work;
	struct delayed_work lose_work;
	struct delayed_work release_work;
};

static inline struct cxl_dynamic *cxl_dynamic(struct cxl_sysram_region *cxlr_sysram)
{
	return container_of(cxlr_sysram->dynamic, struct cxl_dynamic, base);
}

/**
 * struct cxl_sysram_extent - accepted capacity of a dynamic region
 * @dev: "extentN.X", a child of the sysram_region
 * @node: host physical addresses, in the tree of the region
 * @list: while it comes or goes
 * @group: allocation that it belongs to, or NULL; a reference
 * @id: the X
 * @fresh: it has arrived, and the policy has not been applied to it
 * @shown: @dev has been added
 * @leaving: how many users give it back
 * @releasing: it, or a part of it, is gone or to be given back
 * @announced: the state that userspace has been told last
 */
struct cxl_sysram_extent {
	struct device dev;
	struct cxl_extent_node node;
	struct list_head list;
	struct cxl_sysram_group *group;
	int id;
	bool fresh;
	bool shown;
	unsigned int leaving;
	bool releasing;
	enum cxl_sysram_state announced;
};

/**
 * struct cxl_sysram_group - a tagged allocation
 * @ref: one for each extent, one for the list of the region
 * @live: in the hash of all tags, protected by cxl_tags_lock
 * @list: in the region's list; as the members down to @shown, protected by the
 *	  extents_lock of that
 * @asked: the device asks for it, or for a part of it
 * @gone: the device has taken it, or a part of it
 * @leaving: how many users give it back
 * @unknown: the device may have it already: nobody may use it
 * @shown: how many of its extents are there
 * @dev_dax: the dax device, or NULL; as the members down to @passed, protected by the
 *	     device lock of dax_regionN
 * @down: nobody can use it
 * @failed: there is none because it could not be created
 * @unmapped: it is not mapped any more, its memory is gone
 * @passed: who has it is to be waited for, until others are unmapped
 * @tag: the name
 * @nr: of @hpa
 * @hpa: host physical addresses, in the order of the pages of the dax device
 */
struct cxl_sysram_group {
	struct kref ref;
	struct hlist_node live;
	struct list_head list;
	bool asked;
	bool gone;
	unsigned int leaving;
	bool unknown;
	int shown;
	struct dev_dax *dev_dax;
	bool down;
	bool failed;
	bool unmapped;
	bool passed;
	uuid_t tag;
	int nr;
	struct range hpa[] __counted_by(nr);
};

/* core/region_due.c: sets of what is asked for, and of what is gone */
void cxl_sysram_due_init(struct cxl_dynamic *dynamic);
void cxl_sysram_due_destroy(struct cxl_dynamic *dynamic);
int cxl_sysram_due_store(struct maple_tree *tree, const struct range *hpa,
			 unsigned long request, gfp_t gfp);
bool cxl_sysram_due_find(struct maple_tree *tree, const struct range *hpa,
			 struct range *found, unsigned long *request);
bool cxl_sysram_due_overlaps(struct cxl_dynamic *dynamic, const struct range *hpa);
bool cxl_sysram_gone_overlaps(struct cxl_dynamic *dynamic, const struct range *hpa);
bool cxl_sysram_next_gone(struct cxl_dynamic *dynamic, u64 from, struct range *hpa);
int cxl_sysram_next_asked(struct cxl_dynamic *dynamic, u64 from,
			  struct range *parts, int max, unsigned long *newest);
bool cxl_sysram_next_undue(struct cxl_dynamic *dynamic, struct range *rest,
			   struct range *part);
void cxl_sysram_asked_erase(struct cxl_dynamic *dynamic, const struct range *hpa);
void cxl_sysram_due_erase(struct cxl_dynamic *dynamic, const struct range *hpa);

/* core/region_group.c: tagged allocations, by name */
struct cxl_sysram_group *cxl_sysram_group_alloc(const uuid_t *tag,
						const struct range *hpa, int nr);
int cxl_sysram_group_claim(struct cxl_sysram_group *group);
void cxl_sysram_group_forget(struct cxl_sysram_group *group);
struct cxl_sysram_group *cxl_sysram_group_get(struct cxl_sysram_group *group);
void cxl_sysram_group_put(struct cxl_sysram_group *group);
DEFINE_FREE(cxl_sysram_group, struct cxl_sysram_group *, cxl_sysram_group_put(_T))

/* core/region_extent.c: extents as devices */
struct cxl_sysram_extent *
cxl_sysram_extent_alloc(struct cxl_sysram_region *cxlr_sysram,
			const struct range *hpa, struct cxl_sysram_group *group);
enum cxl_sysram_state cxl_sysram_extent_state(struct cxl_sysram_extent *extent);
void cxl_sysram_extents_put(struct list_head *extents);
void cxl_sysram_extents_unregister(struct list_head *taken);

/* core/region_held.c: what is held */
void cxl_sysram_extent_show(struct cxl_sysram_region *cxlr_sysram,
			    struct cxl_sysram_extent *extent);
struct cxl_sysram_extent *
cxl_sysram_extent_next(struct cxl_sysram_region *cxlr_sysram,
		       struct cxl_sysram_extent *extent,
		       const struct range *hpa);
bool cxl_sysram_extents_unheld(struct cxl_sysram_region *cxlr_sysram,
			       const struct range *hpa, const uuid_t *tag,
			       struct range *part);
struct range *cxl_sysram_extents_untagged(struct cxl_sysram_region *cxlr_sysram,
					  const struct range *hpa, bool all, int *nr);
bool cxl_sysram_extents_fill(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *block);
struct range *cxl_sysram_extents_units(struct cxl_sysram_region *cxlr_sysram,
				       const struct range *hpa, bool releasing,
				       int *nr);
u64 cxl_sysram_extents_whole(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_extents_announce(struct cxl_sysram_region *cxlr_sysram,
				 const struct range *hpa);
void cxl_sysram_extents_mark(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa);
void cxl_sysram_group_mark(struct cxl_sysram_region *cxlr_sysram,
			   const struct cxl_sysram_group *group);
int cxl_sysram_extents_rest(struct cxl_sysram_region *cxlr_sysram,
			    const struct range *hpa, int nr, struct list_head *rest);
void cxl_sysram_extents_replace(struct cxl_sysram_region *cxlr_sysram,
				const struct range *hpa, int nr,
				const struct cxl_sysram_group *group,
				struct list_head *rest, struct list_head *gone);
int cxl_sysram_extents_cut(struct cxl_sysram_region *cxlr_sysram,
			   const struct range *hpa, int nr);
void cxl_sysram_extents_remove(struct cxl_sysram_region *cxlr_sysram);

/* core/region_ask.c: what the device says about it */
void cxl_sysram_due_start(struct cxl_dynamic *dynamic, bool gone);
int cxl_sysram_extents_ask(struct cxl_sysram_region *cxlr_sysram,
			   const struct range *hpa);
void cxl_sysram_extents_asked(struct cxl_sysram_region *cxlr_sysram,
			      void (*ask)(struct cxl_dynamic *dynamic,
					  const struct range *hpa));
int cxl_sysram_extents_lost(struct cxl_sysram_region *cxlr_sysram,
			    const struct range *hpa);

/* core/region_arrive.c: how they come */
int cxl_sysram_extent_prepare(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *hpa, struct cxl_sysram_group *group,
			      struct list_head *prepared);
int cxl_sysram_extents_prepare(struct cxl_sysram_region *cxlr_sysram,
			       const struct range *hpa, bool *take, int nr);
void cxl_sysram_extents_cancel(struct list_head *prepared);
void cxl_sysram_extents_arrive(struct cxl_sysram_region *cxlr_sysram);
bool cxl_sysram_extents_apply_policy(struct cxl_sysram_region *cxlr_sysram);

/* core/dcd_region.c: the device */
int devm_cxl_dynamic_attach(struct cxl_sysram_region *cxlr_sysram);
void cxl_dynamic_leave(struct cxl_sysram_region *cxlr_sysram);
struct range *cxl_dynamic_listed(struct cxl_sysram_region *cxlr_sysram, int *nr);
int cxl_dynamic_give(struct cxl_sysram_region *cxlr_sysram, const struct range *hpa,
		     int nr, int (*prepare)(void *arg), void (*done)(void *arg),
		     void *arg);

/* core/region_tag.c: tagged allocations */
int cxl_sysram_group_prepare(struct cxl_sysram_region *cxlr_sysram,
			     const uuid_t *tag, const struct range *hpa, int nr);
typedef bool (*cxl_sysram_group_is)(struct cxl_sysram_region *cxlr_sysram,
				    const struct cxl_sysram_group *group);

struct cxl_sysram_group *
cxl_sysram_group_find(struct cxl_sysram_region *cxlr_sysram, const uuid_t *tag);
struct cxl_sysram_group *
cxl_sysram_group_first(struct cxl_sysram_region *cxlr_sysram, cxl_sysram_group_is is);
void cxl_sysram_groups_surface(struct cxl_sysram_region *cxlr_sysram);
bool cxl_sysram_group_plugged(struct cxl_sysram_group *group);
bool cxl_sysram_groups_plugged(struct cxl_sysram_region *cxlr_sysram);
bool cxl_sysram_groups_lost(struct cxl_sysram_region *cxlr_sysram);
u64 cxl_sysram_groups_plugged_size(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_group_remove(struct cxl_sysram_region *cxlr_sysram,
			     struct cxl_sysram_group *group);
void cxl_sysram_group_remove_dax(struct cxl_sysram_region *cxlr_sysram,
				 struct cxl_sysram_group *group);
void cxl_sysram_groups_close(struct cxl_sysram_region *cxlr_sysram);

/* core/region_tag_lose.c: what is gone of them is not used any more */
int cxl_sysram_group_isolate(struct cxl_sysram_group *group);
int cxl_sysram_groups_isolate(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_groups_unmap_gone(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_groups_lose(struct cxl_sysram_region *cxlr_sysram);

/* core/region_tag_give.c: and how they go */
bool cxl_sysram_groups_settle(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_release_tag(struct cxl_sysram_region *cxlr_sysram,
			   const uuid_t *tag);

/* core/region_lose.c: how they go by force */
int cxl_sysram_isolate_gone(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_lose(struct cxl_sysram_region *cxlr_sysram,
		    const struct cxl_sysram_request *req);

/* core/region_release.c: and how they are given back */
bool cxl_sysram_releases_settle(struct cxl_sysram_region *cxlr_sysram, bool all);
int cxl_sysram_release_extent(struct cxl_sysram_region *cxlr_sysram, int id);

#endif /* __CXL_CORE_DYNAMIC_H__ */
