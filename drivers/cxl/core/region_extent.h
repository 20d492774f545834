/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __CXL_CORE_REGION_EXTENT_H__
#define __CXL_CORE_REGION_EXTENT_H__

#include <linux/list.h>
#include <linux/range.h>
#include "sysram_op.h"

/* core/region_extent.c: extents, and how they come */
struct cxl_sysram_extent *
cxl_sysram_extent_find(struct cxl_sysram_region *cxlr_sysram,
		       const struct range *hpa);
struct cxl_sysram_extent *
cxl_sysram_extent_next(struct cxl_sysram_region *cxlr_sysram,
		       struct cxl_sysram_extent *extent,
		       const struct range *hpa);
int cxl_sysram_extents_count(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa);
void cxl_sysram_extents_mark(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa, bool releasing);
int cxl_sysram_extents_cut(struct cxl_sysram_region *cxlr_sysram,
			   const struct range *hpa);
int cxl_sysram_extents_rest(struct cxl_sysram_region *cxlr_sysram,
			    const struct range *hpa, struct list_head *rest);
void cxl_sysram_extents_replace(struct cxl_sysram_region *cxlr_sysram,
				const struct range *hpa,
				struct list_head *rest);

/* core/region_release.c: and how they go */
void cxl_sysram_releases_init(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_releases_close(struct cxl_sysram_region *cxlr_sysram);

#endif /* __CXL_CORE_REGION_EXTENT_H__ */
