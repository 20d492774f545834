/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __CXL_CORE_REGION_EXTENT_H__
#define __CXL_CORE_REGION_EXTENT_H__

#include <linux/list.h>
#include <linux/range.h>
#include "sysram_op.h"

/* core/region_extent.c: extents */
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
void cxl_sysram_arrivals_init(struct cxl_sysram_region *cxlr_sysram);

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
struct device *cxl_sysram_region_dax(struct cxl_sysram_region *cxlr_sysram);

/* core/region_release.c: and how they go */
bool cxl_sysram_group_lost(struct cxl_sysram_region *cxlr_sysram,
			   const struct cxl_sysram_group *group);
void cxl_sysram_releases_init(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_releases_close(struct cxl_sysram_region *cxlr_sysram);

#endif /* __CXL_CORE_REGION_EXTENT_H__ */
