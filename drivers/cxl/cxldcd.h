/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dynamic Capacity Devices: what goes over the mailbox, and what the rest of the
 * CXL drivers ask of core/dcd.c.
 */
#ifndef __CXL_DCD_H__
#define __CXL_DCD_H__

#include <linux/types.h>
#include <linux/uuid.h>
#include <cxl/event.h>

struct cxl_dpa_info;
struct cxl_memdev_state;
struct device;
struct range;

/* Dynamic Capacity Event Record, CXL r3.1 section 8.2.9.2.1.6; Table 8-50 */
#define CXL_EVENT_DCD_UUID                                                  \
	UUID_INIT(0xca95afa7, 0xf183, 0x4018, 0x8c, 0x2f, 0x95, 0x26, 0x8e, \
		  0x10, 0x1a, 0x2a)

/* Get Dynamic Capacity Configuration, CXL r3.1 section 8.2.9.9.9.1 */
struct cxl_mbox_get_dc_config_in {
	u8 region_count;
	u8 start_region;
} __packed;

struct cxl_mbox_dc_region {
	__le64 base;
	__le64 decode_len;	/* in CXL_CAPACITY_MULTIPLIER */
	__le64 len;
	__le64 block_size;
	__le32 dsmad_handle;
	u8 flags;
	u8 reserved[3];
} __packed;

struct cxl_mbox_get_dc_config_out {
	u8 num_regions;
	u8 regions_returned;
	u8 reserved[6];
	struct cxl_mbox_dc_region region[];
	/* and the limits of the device for extents and tags */
} __packed;

/* Get Dynamic Capacity Extent List, CXL r3.1 section 8.2.9.9.9.2 */
struct cxl_mbox_get_dc_extents_in {
	__le32 extent_cnt;
	__le32 start_index;
} __packed;

struct cxl_mbox_get_dc_extents_out {
	__le32 count;
	__le32 total;
	__le32 generation;
	u8 reserved[4];
	struct cxl_event_dcd_extent extent[];
} __packed;

/* Add Dynamic Capacity Response, CXL r3.1 section 8.2.9.9.9.3; Release, .4 */
struct cxl_mbox_dc_item {
	__le64 start_dpa;
	__le64 len;
	u8 reserved[8];
} __packed;

#define CXL_DC_RESPONSE_MORE	BIT(0)
struct cxl_mbox_dc_response {
	__le32 num;
	u8 flags;
	u8 reserved[3];
	struct cxl_mbox_dc_item item[];
} __packed;

#ifdef CONFIG_CXL_DCD
bool cxl_dcd_walk_cel(struct cxl_memdev_state *mds, u16 opcode);
void cxl_dcd_dpa_fetch(struct cxl_memdev_state *mds, struct cxl_dpa_info *info);
bool cxl_dcd_capacity(struct cxl_memdev_state *mds, struct range *dpa, u32 *dsmad_handle);
int devm_cxl_dcd_setup(struct device *host, struct cxl_memdev_state *mds);
void cxl_dcd_record(struct cxl_memdev_state *mds,
		    const struct cxl_event_record_raw *raw, unsigned int index);
void cxl_dcd_records_cleared(struct cxl_memdev_state *mds);
void cxl_dcd_overflow(struct cxl_memdev_state *mds, unsigned int lost);
void cxl_dcd_reset(struct cxl_memdev_state *mds);
void cxl_dcd_shutdown(struct cxl_memdev_state *mds);
#else
static inline bool cxl_dcd_walk_cel(struct cxl_memdev_state *mds, u16 opcode)
{
	return false;
}

static inline void cxl_dcd_dpa_fetch(struct cxl_memdev_state *mds,
				     struct cxl_dpa_info *info)
{
}

static inline bool cxl_dcd_capacity(struct cxl_memdev_state *mds,
				    struct range *dpa, u32 *dsmad_handle)
{
	return false;
}

static inline int devm_cxl_dcd_setup(struct device *host,
				     struct cxl_memdev_state *mds)
{
	return 0;
}

static inline void cxl_dcd_record(struct cxl_memdev_state *mds,
				  const struct cxl_event_record_raw *raw,
				  unsigned int index)
{
}

static inline void cxl_dcd_records_cleared(struct cxl_memdev_state *mds)
{
}

static inline void cxl_dcd_overflow(struct cxl_memdev_state *mds,
				    unsigned int lost)
{
}

static inline void cxl_dcd_reset(struct cxl_memdev_state *mds)
{
}

static inline void cxl_dcd_shutdown(struct cxl_memdev_state *mds)
{
}
#endif

#endif /* __CXL_DCD_H__ */
