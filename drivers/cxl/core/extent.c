// SPDX-License-Identifier: GPL-2.0-only
#include <linux/align.h>
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <linux/sort.h>
#include <linux/string.h>
#include "extent.h"

/**
 * DOC: cxl extents
 *
 * The rules of dynamic capacity, without anything that they act upon: no lock,
 * no device, no allocation. All of them judge what a device says, which may be
 * anything.
 *
 * A device offers extents, one in each event record; records with More set
 * belong to the offer of the record behind them. An offer has to be answered
 * exactly once, whatever becomes of it, or the device cannot make another:
 * cxl_chain_step() says when.
 *
 * Addresses are inclusive ranges. Which address space they are in, device or
 * host, is the caller's business; the two never meet here.
 */

static const struct cxl_chain_rule {
	enum cxl_chain_state next;
	unsigned int action;
} cxl_chain_rules[][CXL_CHAIN_TIMEOUT + 1] = {
	[CXL_CHAIN_IDLE] = {
		[CXL_CHAIN_MORE] = { CXL_CHAIN_OPEN,
				     CXL_CHAIN_COLLECT | CXL_CHAIN_ARM },
		[CXL_CHAIN_LAST] = { CXL_CHAIN_IDLE,
				     CXL_CHAIN_COLLECT | CXL_CHAIN_SERVE },
		[CXL_CHAIN_FULL] = { CXL_CHAIN_DISCARD,
				     CXL_CHAIN_REJECT | CXL_CHAIN_ARM },
		[CXL_CHAIN_OVERFLOW] = { CXL_CHAIN_IDLE, 0 },
		[CXL_CHAIN_TIMEOUT] = { CXL_CHAIN_IDLE, 0 },
	},
	[CXL_CHAIN_OPEN] = {
		[CXL_CHAIN_MORE] = { CXL_CHAIN_OPEN, CXL_CHAIN_COLLECT },
		[CXL_CHAIN_LAST] = { CXL_CHAIN_IDLE,
				     CXL_CHAIN_COLLECT | CXL_CHAIN_SERVE |
				     CXL_CHAIN_DISARM },
		[CXL_CHAIN_FULL] = { CXL_CHAIN_DISCARD,
				     CXL_CHAIN_REJECT | CXL_CHAIN_ARM },
		/* The end is among what was lost, or will be mistaken for it */
		[CXL_CHAIN_OVERFLOW] = { CXL_CHAIN_IDLE,
					 CXL_CHAIN_REJECT | CXL_CHAIN_DISARM },
		[CXL_CHAIN_TIMEOUT] = { CXL_CHAIN_DISCARD,
					CXL_CHAIN_REJECT | CXL_CHAIN_ARM },
	},
	[CXL_CHAIN_DISCARD] = {
		[CXL_CHAIN_MORE] = { CXL_CHAIN_DISCARD, CXL_CHAIN_ARM },
		[CXL_CHAIN_LAST] = { CXL_CHAIN_IDLE, CXL_CHAIN_DISARM },
		[CXL_CHAIN_FULL] = { CXL_CHAIN_DISCARD, 0 },
		[CXL_CHAIN_OVERFLOW] = { CXL_CHAIN_IDLE, CXL_CHAIN_DISARM },
		[CXL_CHAIN_TIMEOUT] = { CXL_CHAIN_IDLE, 0 },
	},
};

/**
 * cxl_chain_step - an offer goes on
 * @state: of the offer, updated
 * @event: what has happened
 *
 * CXL r3.1 section 8.2.9.2.1.6 (Dynamic Capacity Event Record, flag More).
 *
 * Return: a mask of CXL_CHAIN_* actions, to be carried out in this order:
 * collect, disarm, arm, serve or reject.
 */
unsigned int cxl_chain_step(enum cxl_chain_state *state,
			    enum cxl_chain_event event)
{
	const struct cxl_chain_rule *rule = &cxl_chain_rules[*state][event];

	*state = rule->next;
	return rule->action;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_chain_step, "cxl_extent_kunit");

/**
 * cxl_extent_rules_check - may an extent be where a device says it is
 * @rules: of the partition
 * @start: device physical address
 * @len: bytes
 * @dpa: the addresses, set on success
 *
 * Return: 0; -EINVAL for no bytes, or parts of blocks; -EOVERFLOW when the
 * address space ends before the extent; -ERANGE when the partition does.
 */
int cxl_extent_rules_check(const struct cxl_extent_rules *rules, u64 start,
			   u64 len, struct range *dpa)
{
	u64 end;

	if (!len)
		return -EINVAL;
	if (check_add_overflow(start, len - 1, &end))
		return -EOVERFLOW;
	if (start < rules->dpa.start || end > rules->dpa.end)
		return -ERANGE;
	if (!IS_ALIGNED(start - rules->dpa.start, rules->block_size) ||
	    !IS_ALIGNED(len, rules->block_size))
		return -EINVAL;

	*dpa = DEFINE_RANGE(start, end);
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_extent_rules_check, "cxl_extent_kunit");

static int cxl_extent_rec_cmp(const void *a, const void *b)
{
	const struct cxl_extent_rec *l = a, *r = b;

	if (l->bad != r->bad)
		return cmp_int(l->bad, r->bad);
	return cmp_int(l->dpa.start, r->dpa.start) ?:
	       cmp_int(l->order, r->order);
}

static bool cxl_extent_rec_same(const struct cxl_extent_rec *a,
				const struct cxl_extent_rec *b)
{
	return a->dpa.start == b->dpa.start && a->dpa.end == b->dpa.end &&
	       a->seq == b->seq && uuid_equal(&a->tag, &b->tag);
}

/**
 * cxl_offer_sort - order the records of an offer, and take out what is double
 * @recs: records
 * @nr: how many
 *
 * Of records that overlap, the one that begins first stays. Another that is just
 * the same is no harm; one that is not, and has a tag, stays as a bad one.
 *
 * Return: how many are left, ordered by address and without overlap, but for the
 * bad ones.
 */
int cxl_offer_sort(struct cxl_extent_rec *recs, int nr)
{
	int kept = 0, last = -1;

	sort_nonatomic(recs, nr, sizeof(*recs), cxl_extent_rec_cmp, NULL);
	for (int i = 0; i < nr; i++) {
		struct cxl_extent_rec rec = recs[i];

		if (!rec.bad && last >= 0 &&
		    rec.dpa.start <= recs[last].dpa.end) {
			if (uuid_is_null(&rec.tag) ||
			    cxl_extent_rec_same(&rec, &recs[last]))
				continue;
			rec.bad = true;
		}
		if (!rec.bad)
			last = kept;
		recs[kept++] = rec;
	}
	return kept;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_offer_sort, "cxl_extent_kunit");

static int cxl_extent_rec_group_cmp(const void *a, const void *b)
{
	const struct cxl_extent_rec *l = a, *r = b;
	int rc = memcmp(&l->tag, &r->tag, sizeof(l->tag));

	if (rc)
		return rc;
	if (uuid_is_null(&l->tag))
		return cmp_int(l->dpa.start, r->dpa.start);
	return cmp_int(l->seq, r->seq) ?: cmp_int(l->order, r->order);
}

/**
 * cxl_offer_group - put together what belongs to one allocation
 * @recs: records, as cxl_offer_sort() has left them
 * @nr: how many
 *
 * Those without a tag come first, by address. Those of a tag are in the order
 * that the allocation has: by sequence number, else as they were offered.
 */
void cxl_offer_group(struct cxl_extent_rec *recs, int nr)
{
	sort_nonatomic(recs, nr, sizeof(*recs), cxl_extent_rec_group_cmp, NULL);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_offer_group, "cxl_extent_kunit");

/**
 * cxl_group_size - how many records have the tag of the first one
 * @recs: records, as cxl_offer_group() has left them
 * @nr: how many there are, one at least
 *
 * Return: how many.
 */
int cxl_group_size(const struct cxl_extent_rec *recs, int nr)
{
	int n = 1;

	while (n < nr && uuid_equal(&recs[n].tag, &recs[0].tag))
		n++;
	return n;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_group_size, "cxl_extent_kunit");

/**
 * cxl_group_check - are these records an allocation, all of it
 * @recs: all that an offer has of a tag, as cxl_offer_group() has left them
 * @nr: how many
 * @shareable: other hosts can use the capacity, too
 *
 * All hosts must see shared capacity in the same order: it has sequence numbers,
 * from 0 on, without a gap. Other capacity has none. CXL r3.1 section
 * 8.2.9.2.1.6, Table 8-51 (Shared Extent Sequence).
 *
 * Return: 0; -EINVAL when one of them is not what it may be; -EILSEQ when the
 * sequence numbers are not.
 */
int cxl_group_check(const struct cxl_extent_rec *recs, int nr, bool shareable)
{
	for (int i = 0; i < nr; i++) {
		if (recs[i].bad)
			return -EINVAL;
		if (recs[i].seq != (shareable ? i : 0))
			return -EILSEQ;
	}
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_group_check, "cxl_extent_kunit");

/**
 * cxl_range_clip - what of a range is in another
 * @range: the range
 * @to: the other
 * @part: what is in both; not a range when that is nothing
 *
 * Return: false when it is nothing.
 */
bool cxl_range_clip(const struct range *range, const struct range *to,
		    struct range *part)
{
	*part = DEFINE_RANGE(max(range->start, to->start), min(range->end, to->end));
	return part->start <= part->end;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_range_clip, "cxl_extent_kunit");

/**
 * cxl_range_merge - join ranges that touch
 * @ranges: ordered by address, without overlap
 * @nr: how many
 *
 * Return: how many there are now.
 */
int cxl_range_merge(struct range *ranges, int nr)
{
	int kept = 0;

	for (int i = 0; i < nr; i++) {
		if (kept && ranges[kept - 1].end + 1 == ranges[i].start)
			ranges[kept - 1].end = ranges[i].end;
		else
			ranges[kept++] = ranges[i];
	}
	return kept;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_range_merge, "cxl_extent_kunit");

/* The first of ordered ranges that ends at or behind an address */
static int cxl_range_at(const struct range *ranges, int nr, u64 address)
{
	int low = 0, high = nr;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (ranges[mid].end < address)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/**
 * cxl_range_gap - what of a range is in none of others
 * @range: the range
 * @others: ordered by address, without overlap
 * @nr: how many
 * @gap: the first part that is in none of them
 *
 * O(log n).
 *
 * Return: false when they have all of it.
 */
bool cxl_range_gap(const struct range *range, const struct range *others, int nr,
		   struct range *gap)
{
	int low = cxl_range_at(others, nr, range->start);

	*gap = *range;
	for (; low < nr && others[low].start <= gap->start; low++) {
		if (others[low].end >= range->end)
			return false;
		gap->start = others[low].end + 1;
	}
	if (low < nr && others[low].start <= gap->end)
		gap->end = others[low].start - 1;
	return true;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_range_gap, "cxl_extent_kunit");

/**
 * cxl_range_touches - is any of a range in others
 * @range: the range
 * @others: ordered by address, without overlap
 * @nr: how many
 *
 * O(log n).
 *
 * Return: true if some of it is.
 */
bool cxl_range_touches(const struct range *range, const struct range *others, int nr)
{
	int low = cxl_range_at(others, nr, range->start);

	return low < nr && others[low].start <= range->end;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_range_touches, "cxl_extent_kunit");

/**
 * cxl_range_next_gap - one after the other, what of a range is in none of others
 * @rest: the range; what has been looked at is taken off
 * @others: ordered by address, without overlap
 * @nr: how many
 * @gap: the next part that is in none of them
 *
 * Return: false when there is none any more.
 */
bool cxl_range_next_gap(struct range *rest, const struct range *others, int nr,
			struct range *gap)
{
	if (rest->start > rest->end || !cxl_range_gap(rest, others, nr, gap))
		return false;
	/* Behind the last address there is none */
	if (gap->end == rest->end)
		*rest = DEFINE_RANGE(1, 0);
	else
		rest->start = gap->end + 1;
	return true;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_range_next_gap, "cxl_extent_kunit");

/**
 * cxl_range_parts - what of a range is in others
 * @range: the range
 * @others: ordered by address, without overlap
 * @nr: how many
 * @parts: the parts, ordered by address
 *
 * Return: how many parts there are, one in each of @others at most.
 */
int cxl_range_parts(const struct range *range, const struct range *others, int nr,
		    struct range *parts)
{
	struct range part;
	int n = 0;

	for (int i = cxl_range_at(others, nr, range->start);
	     i < nr && cxl_range_clip(&others[i], range, &part); i++)
		parts[n++] = part;
	return n;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_range_parts, "cxl_extent_kunit");

/**
 * cxl_range_cover - the blocks that a range is in
 * @range: the range
 * @block: bytes, a power of two
 *
 * Return: the smallest range of whole blocks that has all of @range.
 */
struct range cxl_range_cover(const struct range *range, u64 block)
{
	return DEFINE_RANGE(ALIGN_DOWN(range->start, block),
			    range->end | (block - 1));
}
EXPORT_SYMBOL_FOR_MODULES(cxl_range_cover, "cxl_extent_kunit");

/**
 * cxl_range_aligned - is a range made of whole blocks
 * @range: the range
 * @block: bytes, a power of two
 *
 * Return: true if it is.
 */
bool cxl_range_aligned(const struct range *range, u64 block)
{
	struct range cover = cxl_range_cover(range, block);

	return cover.start == range->start && cover.end == range->end;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_range_aligned, "cxl_extent_kunit");

/* Is a block filled by what is held, and by what is taken of an offer? */
static bool cxl_block_filled(u64 address, u64 block,
			     const struct range *offered, const bool *take, int nr,
			     const struct range *held, int nr_held)
{
	u64 at = ALIGN_DOWN(address, block), end = at | (block - 1);
	int i = cxl_range_at(offered, nr, at);
	int j = cxl_range_at(held, nr_held, at);

	for (;;) {
		u64 last;

		while (i < nr && (!take[i] || offered[i].end < at))
			i++;
		while (j < nr_held && held[j].end < at)
			j++;
		if (i < nr && offered[i].start <= at)
			last = offered[i].end;
		else if (j < nr_held && held[j].start <= at)
			last = held[j].end;
		else
			return false;
		if (last >= end)
			return true;
		at = last + 1;
	}
}

/**
 * cxl_extents_fill - which extents of an offer fill blocks
 * @offered: the extents, ordered by address, without overlap
 * @take: those that may be taken; cleared for those that cannot be
 * @nr: how many
 * @held: what is there already, ordered by address, without overlap among each other or
 *	  with those of @offered that may be taken
 * @nr_held: how many
 * @block: bytes, a power of two
 *
 * The largest set of which each extent is in blocks only that are filled by the set and
 * by what is held. One that has to be left out may take its neighbours along, to either
 * side.
 *
 * Return: how many are taken.
 */
int cxl_extents_fill(const struct range *offered, bool *take, int nr,
		     const struct range *held, int nr_held, u64 block)
{
	int taken;
	bool again;

	do {
		again = false;
		taken = 0;
		/* Up, then down: what is left out takes neighbours along in one go */
		for (int pass = 0; pass < 2 * nr; pass++) {
			int i = pass < nr ? pass : 2 * nr - 1 - pass;

			if (!take[i])
				continue;
			if (cxl_block_filled(offered[i].start, block, offered, take, nr,
					     held, nr_held) &&
			    cxl_block_filled(offered[i].end, block, offered, take, nr,
					     held, nr_held)) {
				taken += pass >= nr;
				continue;
			}
			take[i] = false;
			again = true;
		}
	} while (again);
	return taken;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_extents_fill, "cxl_extent_kunit");

#define to_extent_node(n) rb_entry((n), struct cxl_extent_node, rb)

static int cxl_extent_node_cmp(const void *key, const struct rb_node *n)
{
	const struct range *range = key, *other = &to_extent_node(n)->range;

	if (range->end < other->start)
		return -1;
	return range->start > other->end;
}

static int cxl_extent_add_cmp(struct rb_node *new, const struct rb_node *n)
{
	return cxl_extent_node_cmp(&to_extent_node(new)->range, n);
}

/**
 * cxl_extent_insert - add a range to others
 * @root: ranges that do not overlap
 * @node: the new one
 *
 * O(log n).
 *
 * Return: false when it overlaps one of them, and was not added.
 */
bool cxl_extent_insert(struct rb_root *root, struct cxl_extent_node *node)
{
	return !rb_find_add(&node->rb, root, cxl_extent_add_cmp);
}
EXPORT_SYMBOL_FOR_MODULES(cxl_extent_insert, "cxl_extent_kunit");

/**
 * cxl_extent_first - the first of many ranges that overlaps another
 * @root: ranges that do not overlap
 * @range: the other
 *
 * O(log n).
 *
 * Return: the one with the lowest address, or NULL.
 */
struct cxl_extent_node *cxl_extent_first(const struct rb_root *root,
					 const struct range *range)
{
	struct rb_node *n = rb_find_first(range, root, cxl_extent_node_cmp);

	return n ? to_extent_node(n) : NULL;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_extent_first, "cxl_extent_kunit");

/**
 * cxl_extent_next - the next of many ranges that overlaps another
 * @node: what cxl_extent_first() or this function found
 * @range: the other
 *
 * Return: the one behind @node, or NULL.
 */
struct cxl_extent_node *cxl_extent_next(struct cxl_extent_node *node,
					const struct range *range)
{
	struct rb_node *n = rb_next_match(range, &node->rb, cxl_extent_node_cmp);

	return n ? to_extent_node(n) : NULL;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_extent_next, "cxl_extent_kunit");
