/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __CXL_CORE_REGION_EXTENT_H__
#define __CXL_CORE_REGION_EXTENT_H__

#include <linux/device.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/range.h>
#include <linux/rbtree.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include "extent.h"
#include "sysram_core.h"

struct cxl_dcd;
struct cxl_sysram_group;

/**
 * struct cxl_dynamic - the capacity of a dynamic region
 * @base: what the rest of the sysram_region core knows of it
 * @cxlr_sysram: the region
 * @dcd: the device
 * @dpa_base: where the range of the region begins in the device
 * @extents_lock: protects the members down to @extents_closed, see
 *		  core/region_extent.c
 * @extents: by host physical address
 * @extent_ids: of @extents
 * @groups: tagged allocations, see core/region_tag.c
 * @releases: what the device wants back
 * @release_retry: jiffies until the next attempt to give it back
 * @extents_closed: the region is removed, none may come
 * @dax_ops: the DAX driver, or NULL while it is not bound; protected by the device
 *	     lock of dax_regionN
 * @arrive_work: applies the policy to extents that have arrived
 * @lose_work: takes away the mappings of allocations that are gone
 * @release_work: gives back what is in @releases
 */
struct cxl_dynamic {
	struct cxl_sysram_dynamic base;
	struct cxl_sysram_region *cxlr_sysram;
	struct cxl_dcd *dcd;
	u64 dpa_base;

	struct mutex extents_lock; /* down to extents_closed */
	struct rb_root extents;
	struct ida extent_ids;
	struct list_head groups;
	struct list_head releases;
	unsigned long release_retry;
	bool extents_closed;
	const struct cxl_sysram_dax_ops *dax_ops;
	struct work_struct arrive_work;
	struct work_struct lose_work;
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
 * @tries: it has arrived, and the policy will be applied; so often at most
 * @releasing: it, or a part of it, is to be given back
 * @announced: the state that userspace has been told last
 */
struct cxl_sysram_extent {
	struct device dev;
	struct cxl_extent_node node;
	struct list_head list;
	struct cxl_sysram_group *group;
	int id;
	int tries;
	bool releasing;
	enum cxl_sysram_state announced;
};

/* core/region_extent.c: extents */
bool cxl_sysram_extents_overlap(struct cxl_sysram_region *cxlr_sysram,
				const struct range *hpa);
bool cxl_sysram_extents_known(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *hpa, const uuid_t *tag);
void cxl_sysram_extents_announce(struct cxl_sysram_region *cxlr_sysram,
				 const struct range *hpa);
struct range *cxl_sysram_extents_units(struct cxl_sysram_region *cxlr_sysram,
				       const struct range *hpa, bool releasing,
				       int *nr);
void cxl_sysram_extents_remove(struct cxl_sysram_region *cxlr_sysram);
struct cxl_sysram_extent *
cxl_sysram_extent_alloc(struct cxl_sysram_region *cxlr_sysram,
			const struct range *hpa, struct cxl_sysram_group *group);
void cxl_sysram_extent_show(struct cxl_sysram_region *cxlr_sysram,
			    struct cxl_sysram_extent *extent);
struct cxl_sysram_extent *
cxl_sysram_extent_find(struct cxl_sysram_region *cxlr_sysram,
		       const struct range *hpa);
struct cxl_sysram_extent *
cxl_sysram_extent_next(struct cxl_sysram_region *cxlr_sysram,
		       struct cxl_sysram_extent *extent,
		       const struct range *hpa);
int cxl_sysram_extents_count(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa);
void cxl_sysram_extent_mark(struct cxl_sysram_extent *extent, bool releasing);
void cxl_sysram_extents_mark(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa,
			     const struct cxl_sysram_group *group,
			     bool releasing);
int cxl_sysram_extents_cut(struct cxl_sysram_region *cxlr_sysram,
			   const struct range *hpa);
int cxl_sysram_extents_rest(struct cxl_sysram_region *cxlr_sysram,
			    const struct range *hpa, struct list_head *rest);
void cxl_sysram_extents_replace(struct cxl_sysram_region *cxlr_sysram,
				const struct range *hpa,
				const struct cxl_sysram_group *group,
				struct list_head *rest);

/* core/region_arrive.c: how they come */
void cxl_sysram_arrive_work(struct work_struct *work);
int cxl_sysram_extent_prepare(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *hpa,
			      struct cxl_sysram_group *group,
			      struct list_head *prepared);
void cxl_sysram_extents_cancel(struct list_head *prepared);
void cxl_sysram_extents_arrive(struct cxl_sysram_region *cxlr_sysram,
			       struct list_head *prepared);

/* core/region_tag.c: tagged allocations */
struct cxl_sysram_group *cxl_sysram_group_get(struct cxl_sysram_group *group);
void cxl_sysram_group_put(struct cxl_sysram_group *group);
const uuid_t *cxl_sysram_group_tag(const struct cxl_sysram_group *group);
void cxl_sysram_group_forget(struct cxl_sysram_group *group);
void cxl_sysram_group_shown(struct cxl_sysram_region *cxlr_sysram,
			    struct cxl_sysram_group *group);
void cxl_sysram_groups_surface(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_groups_close(struct cxl_sysram_region *cxlr_sysram);
bool cxl_sysram_groups_plugged(struct cxl_sysram_region *cxlr_sysram);
u64 cxl_sysram_groups_unplugged(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_groups_lose_work(struct work_struct *work);
void cxl_sysram_group_mark(struct cxl_sysram_region *cxlr_sysram,
			   const struct cxl_sysram_group *group, bool releasing);
int cxl_sysram_group_release(struct cxl_sysram_region *cxlr_sysram,
			     struct cxl_sysram_group *group, bool forced);
int cxl_sysram_group_prepare(struct cxl_sysram_region *cxlr_sysram,
			     const uuid_t *tag, const struct range *hpa, int nr,
			     struct list_head *prepared);
int cxl_sysram_release_tag(struct cxl_sysram_region *cxlr_sysram,
			   const uuid_t *tag);

/* core/region_release.c: and how they go */
int cxl_sysram_extents_asked_back(struct cxl_sysram_region *cxlr_sysram,
				  const struct range *hpa, bool forced);
int cxl_sysram_extents_missing(struct cxl_sysram_region *cxlr_sysram,
			       const struct range *listed, int nr);
bool cxl_sysram_extents_lost(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa);
int cxl_sysram_release_extent(struct cxl_sysram_region *cxlr_sysram, int id);
bool cxl_sysram_group_lost(struct cxl_sysram_region *cxlr_sysram,
			   const struct cxl_sysram_group *group);
void cxl_sysram_releases_work(struct work_struct *work);
void cxl_sysram_releases_close(struct cxl_sysram_region *cxlr_sysram);

#endif /* __CXL_CORE_REGION_EXTENT_H__ */
