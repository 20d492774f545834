/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __CXL_CORE_EXTENT_H__
#define __CXL_CORE_EXTENT_H__

#include <linux/bits.h>
#include <linux/range.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/uuid.h>

/* More than one offer could hold without lying: a list that never ends */
#define CXL_OFFER_RECORDS_MAX	4096

/**
 * struct cxl_extent_rules - what the extents of a dynamic partition must obey
 * @dpa: device physical addresses of the partition
 * @block_size: bytes; a power of two, every extent is made of whole blocks
 */
struct cxl_extent_rules {
	struct range dpa;
	u64 block_size;
};

/**
 * struct cxl_extent_rec - one extent, as a device has named it
 * @dpa: device physical addresses, checked
 * @tag: allocation that it belongs to, or null
 * @seq: place in a shared allocation
 * @order: place in the offer
 * @bad: it is not what it may be, and so the allocation is not either; @dpa
 *	 means nothing
 * @told: it was in an answer of which nobody knows what has become
 */
struct cxl_extent_rec {
	struct range dpa;
	uuid_t tag;
	u16 seq;
	u32 order;
	bool bad;
	bool told;
};

/**
 * struct cxl_extent_node - a range among others that do not overlap
 * @rb: in a tree that is ordered by address
 * @range: addresses
 */
struct cxl_extent_node {
	struct rb_node rb;
	struct range range;
};

/**
 * enum cxl_chain_state - the offer that a device is about to make
 * @CXL_CHAIN_IDLE: none
 * @CXL_CHAIN_OPEN: records have come, with More set in the last one
 * @CXL_CHAIN_DISCARD: the offer has been answered before its end, what still
 *		       comes of it is not wanted
 */
enum cxl_chain_state {
	CXL_CHAIN_IDLE,
	CXL_CHAIN_OPEN,
	CXL_CHAIN_DISCARD,
};

/**
 * enum cxl_chain_event - what happens to it
 * @CXL_CHAIN_MORE: a record with More set
 * @CXL_CHAIN_LAST: a record without
 * @CXL_CHAIN_FULL: a record that is one too many
 * @CXL_CHAIN_OVERFLOW: the event log has lost records
 * @CXL_CHAIN_TIMEOUT: the deadline that CXL_CHAIN_ARM has set is over
 */
enum cxl_chain_event {
	CXL_CHAIN_MORE,
	CXL_CHAIN_LAST,
	CXL_CHAIN_FULL,
	CXL_CHAIN_OVERFLOW,
	CXL_CHAIN_TIMEOUT,
};

/* What has to be done about it */
#define CXL_CHAIN_COLLECT	BIT(0)	/* the record belongs to the offer */
#define CXL_CHAIN_SERVE		BIT(1)	/* the offer is complete: judge and answer */
#define CXL_CHAIN_REJECT	BIT(2)	/* answer now, and accept nothing */
#define CXL_CHAIN_ARM		BIT(3)	/* set a deadline */
#define CXL_CHAIN_DISARM	BIT(4)	/* it is over */

unsigned int cxl_chain_step(enum cxl_chain_state *state,
			    enum cxl_chain_event event);

int cxl_extent_rules_check(const struct cxl_extent_rules *rules, u64 start,
			   u64 len, struct range *dpa);
int cxl_offer_sort(struct cxl_extent_rec *recs, int nr);
void cxl_offer_group(struct cxl_extent_rec *recs, int nr);
int cxl_group_size(const struct cxl_extent_rec *recs, int nr);
int cxl_group_check(const struct cxl_extent_rec *recs, int nr, bool shareable);
bool cxl_range_clip(const struct range *range, const struct range *to,
		    struct range *part);
int cxl_range_merge(struct range *ranges, int nr);
bool cxl_range_gap(const struct range *range, const struct range *others, int nr,
		   struct range *gap);
bool cxl_range_touches(const struct range *range, const struct range *others, int nr);
bool cxl_range_next_gap(struct range *rest, const struct range *others, int nr,
			struct range *gap);
int cxl_range_parts(const struct range *range, const struct range *others, int nr,
		    struct range *parts);
struct range cxl_range_cover(const struct range *range, u64 block);
bool cxl_range_aligned(const struct range *range, u64 block);

int cxl_extents_fill(const struct range *offered, bool *take, int nr,
		     const struct range *held, int nr_held, u64 block);

bool cxl_extent_insert(struct rb_root *root, struct cxl_extent_node *node);
struct cxl_extent_node *cxl_extent_first(const struct rb_root *root,
					 const struct range *range);
struct cxl_extent_node *cxl_extent_next(struct cxl_extent_node *node,
					const struct range *range);

#endif /* __CXL_CORE_EXTENT_H__ */
