// SPDX-License-Identifier: GPL-2.0-only
/*
 * extent_test [SEED [ROUNDS]] - drivers/cxl/core/extent.c, dcd_answer.c against a model
 *
 * An address space of 64 blocks is a mask of bits. What the rules say about ranges
 * is compared with what the bits say, many times, at random.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/kernel.h>
#include "dcd_answer.h"
#include "extent.h"

/* lib/uuid.c has it in the kernel */
const uuid_t uuid_null;

#define BLOCKS	64
#define MANY	16
#define expect(what) do {						\
	if (!(what)) {							\
		printf("not ok %s:%d: %s\n", __func__, __LINE__, #what);	\
		exit(1);						\
	}								\
} while (0)

static unsigned int random_below(unsigned int n)
{
	return (unsigned int)random() % n;
}

static struct range random_range(void)
{
	unsigned int a = random_below(BLOCKS), b = random_below(BLOCKS);

	return DEFINE_RANGE(a < b ? a : b, a < b ? b : a);
}

static uint64_t bits(const struct range *range)
{
	uint64_t mask = 0;

	for (uint64_t i = range->start; i <= range->end; i++)
		mask |= 1ull << i;
	return mask;
}

static uint64_t all_bits(const struct range *ranges, int nr)
{
	uint64_t mask = 0;

	for (int i = 0; i < nr; i++)
		mask |= bits(&ranges[i]);
	return mask;
}

/* Ordered ranges that do not overlap, and may touch */
static int random_ranges(struct range *ranges)
{
	unsigned int at = random_below(8);
	int nr = 0;

	while (nr < MANY && at < BLOCKS) {
		unsigned int end = at + random_below(8);

		if (end >= BLOCKS)
			end = BLOCKS - 1;
		ranges[nr++] = DEFINE_RANGE(at, end);
		at = end + 1 + random_below(3);
	}
	return nr;
}

static void test_clip(void)
{
	struct range range = random_range(), to = random_range(), part;
	uint64_t both = bits(&range) & bits(&to);

	expect(cxl_range_clip(&range, &to, &part) == !!both);
	expect(!both || bits(&part) == both);
}

static void test_merge(void)
{
	struct range ranges[MANY], merged[MANY];
	int nr = random_ranges(ranges), left;

	memcpy(merged, ranges, sizeof(merged));
	left = cxl_range_merge(merged, nr);
	expect(left <= nr);
	expect(all_bits(merged, left) == all_bits(ranges, nr));
	for (int i = 1; i < left; i++)
		expect(merged[i - 1].end + 1 < merged[i].start);
}

static void test_gap(void)
{
	struct range ranges[MANY], range = random_range(), gap;
	int nr = random_ranges(ranges);
	uint64_t missing = bits(&range) & ~all_bits(ranges, nr);
	bool found = cxl_range_gap(&range, ranges, nr, &gap);

	expect(found == !!missing);
	if (!found)
		return;
	/* it begins with the first, and goes as far as it can */
	expect(gap.start == (uint64_t)__builtin_ctzll(missing));
	expect((bits(&gap) & ~missing) == 0);
	expect(gap.end == range.end || !(missing >> (gap.end + 1) & 1));
}

static void test_cover(void)
{
	struct range range = random_range(), cover;
	uint64_t block = 1ull << random_below(6);

	cover = cxl_range_cover(&range, block);
	expect(cover.start <= range.start && cover.end >= range.end);
	expect(cover.start % block == 0 && (cover.end + 1) % block == 0);
	expect(range.start - cover.start < block && cover.end - range.end < block);
	expect(cxl_range_aligned(&cover, block));
	expect(cxl_range_aligned(&range, block) ==
	       (range.start % block == 0 && (range.end + 1) % block == 0));
}

static void test_sort(void)
{
	struct cxl_extent_rec recs[MANY];
	uint64_t offered = 0, kept = 0;
	int nr = random_below(MANY) + 1, left;

	memset(recs, 0, sizeof(recs));
	for (int i = 0; i < nr; i++) {
		recs[i].dpa = random_range();
		offered |= bits(&recs[i].dpa);
	}
	left = cxl_offer_sort(recs, nr);
	expect(left >= 1 && left <= nr);
	for (int i = 0; i < left; i++) {
		expect(!(kept & bits(&recs[i].dpa)));
		expect(!i || recs[i - 1].dpa.end < recs[i].dpa.start);
		kept |= bits(&recs[i].dpa);
	}
	expect((kept & ~offered) == 0);
	expect(recs[0].dpa.start == (uint64_t)__builtin_ctzll(offered));
}

static bool same(const struct cxl_extent_rec *a, const struct cxl_extent_rec *b)
{
	return a->dpa.start == b->dpa.start && a->dpa.end == b->dpa.end &&
	       a->seq == b->seq && !memcmp(&a->tag, &b->tag, sizeof(a->tag));
}

/* All of a tag is together and in order; none of it is missing without a trace */
static void test_group(void)
{
	struct cxl_extent_rec offered[MANY], recs[MANY];
	int nr = random_below(MANY) + 1, left, size;

	memset(offered, 0, sizeof(offered));
	for (int i = 0; i < nr; i++) {
		unsigned int at = random_below(BLOCKS);

		offered[i].dpa = DEFINE_RANGE(at, at + random_below(4));
		offered[i].tag.b[0] = random_below(4);
		offered[i].seq = random_below(3);
		offered[i].order = i;
		offered[i].bad = offered[i].tag.b[0] && !random_below(16);
	}
	memcpy(recs, offered, sizeof(recs));
	left = cxl_offer_sort(recs, nr);
	cxl_offer_group(recs, left);

	for (int i = 0; i < left; i += size) {
		bool bad = false, dense = true, zero = true;

		size = cxl_group_size(&recs[i], left - i);
		expect(size >= 1 && i + size <= left);
		expect(!i || recs[i - 1].tag.b[0] < recs[i].tag.b[0]);
		if (!recs[i].tag.b[0])
			continue;
		for (int j = i; j < i + size; j++) {
			expect(recs[j].tag.b[0] == recs[i].tag.b[0]);
			expect(j == i || recs[j - 1].seq < recs[j].seq ||
			       (recs[j - 1].seq == recs[j].seq &&
				recs[j - 1].order < recs[j].order));
			bad |= recs[j].bad;
			dense &= recs[j].seq == j - i;
			zero &= !recs[j].seq;
		}
		expect(!cxl_group_check(&recs[i], size, true) == (!bad && dense));
		expect(!cxl_group_check(&recs[i], size, false) == (!bad && zero));
	}
	for (int i = 0; i < nr; i++) {
		bool found = !offered[i].tag.b[0];

		for (int j = 0; j < left && !found; j++)
			found = recs[j].order == offered[i].order ||
				same(&recs[j], &offered[i]);
		expect(found);
	}
}

static void test_tree(void)
{
	struct cxl_extent_node nodes[MANY];
	struct rb_root root = RB_ROOT;
	struct cxl_extent_node *node;
	uint64_t held = 0, seen = 0;
	struct range range;

	for (int i = 0; i < MANY; i++) {
		bool free;

		nodes[i].range = random_range();
		free = !(held & bits(&nodes[i].range));
		expect(cxl_extent_insert(&root, &nodes[i]) == free);
		if (free)
			held |= bits(&nodes[i].range);
	}

	range = random_range();
	for (node = cxl_extent_first(&root, &range); node;
	     node = cxl_extent_next(node, &range)) {
		expect(bits(&node->range) & bits(&range));
		expect(!(seen & bits(&node->range)));
		seen |= bits(&node->range);
	}
	expect((seen & bits(&range)) == (held & bits(&range)));
}

static void test_check(void)
{
	struct cxl_extent_rules rules = {
		.dpa = DEFINE_RANGE(1 << 10, (1 << 12) - 1),
		.block_size = 1ull << random_below(8),
	};
	uint64_t start = random() & 1 ? random_below(1 << 13) : (uint64_t)random() << 33;
	uint64_t len = random() & 1 ? random_below(1 << 13) : ~0ull - random_below(1 << 13);
	struct range dpa = { };
	int rc = cxl_extent_rules_check(&rules, start, len, &dpa);
	bool good = len && len <= 1 << 12 && start >= rules.dpa.start &&
		    start <= rules.dpa.end && len <= rules.dpa.end + 1 - start &&
		    start % rules.block_size == 0 && len % rules.block_size == 0;

	expect(!rc == good);
	expect(!good || (dpa.start == start && range_len(&dpa) == len));
}

/* However it goes: one answer for each offer, and none without */
static void test_chain(void)
{
	enum cxl_chain_state state = CXL_CHAIN_IDLE;
	bool armed = false;
	int open = 0;

	for (int i = 0; i < 200; i++) {
		enum cxl_chain_event event = random_below(CXL_CHAIN_TIMEOUT + 1);
		enum cxl_chain_state before = state;
		unsigned int action;

		if (event == CXL_CHAIN_TIMEOUT && !armed)
			continue;
		if (event == CXL_CHAIN_FULL && before != CXL_CHAIN_OPEN)
			continue;
		if (event == CXL_CHAIN_TIMEOUT)
			armed = false;
		action = cxl_chain_step(&state, event);
		if (action & CXL_CHAIN_COLLECT && before == CXL_CHAIN_IDLE)
			open++;
		if (action & CXL_CHAIN_DISARM)
			armed = false;
		if (action & CXL_CHAIN_ARM)
			armed = true;
		if (action & (CXL_CHAIN_SERVE | CXL_CHAIN_REJECT))
			open--;
		expect(open == (state == CXL_CHAIN_OPEN));
		/* nothing waits for ever */
		expect(armed == (state != CXL_CHAIN_IDLE));
	}
}

/* The largest set: leave out what is in a block that is not filled, until nothing is */
static uint64_t model_fill(const struct range *offered, int nr, uint64_t held,
			   uint64_t block, uint64_t taken)
{
	for (bool again = true; again;) {
		uint64_t filled = held;

		again = false;
		for (int i = 0; i < nr; i++)
			if (taken >> i & 1)
				filled |= bits(&offered[i]);
		for (int i = 0; i < nr; i++) {
			struct range cover = cxl_range_cover(&offered[i], block);

			if (!(taken >> i & 1) || !(bits(&cover) & ~filled))
				continue;
			taken &= ~(1ull << i);
			again = true;
		}
	}
	return taken;
}

static void test_fill(void)
{
	struct range all[MANY], offered[MANY], held[MANY];
	uint64_t block = 1ull << random_below(5), may = 0, taken = 0, want;
	int nr = random_ranges(all), nr_offered = 0, nr_held = 0, n;
	bool take[MANY];

	for (int i = 0; i < nr; i++) {
		if (random() & 1) {
			held[nr_held++] = all[i];
			continue;
		}
		take[nr_offered] = random_below(8);
		may |= (uint64_t)take[nr_offered] << nr_offered;
		offered[nr_offered++] = all[i];
	}
	want = model_fill(offered, nr_offered, all_bits(held, nr_held), block, may);
	n = cxl_extents_fill(offered, take, nr_offered, held, nr_held, block);
	for (int i = 0; i < nr_offered; i++)
		taken |= (uint64_t)take[i] << i;
	expect(taken == want);
	expect(n == __builtin_popcountll(want));
}

/*
 * A device with a queue of offers: an answer is for the oldest, and one that accepts
 * something else is refused. Commands fail, their outcome may not be known, and the device
 * may come to one after that.
 */
static struct {
	int queue[64];
	int nr;
	int late;
	bool accepted[64];
	bool fails;
} device;

static enum cxl_dcd_outcome device_does(int accept)
{
	if (!device.nr || (accept && device.queue[0] != accept))
		return CXL_DCD_REFUSED;
	if (accept)
		device.accepted[accept] = true;
	memmove(device.queue, device.queue + 1, --device.nr * sizeof(int));
	return CXL_DCD_DONE;
}

/* Returns false when there is nothing that it has not come to yet */
static bool device_catches_up(void)
{
	if (device.late < 0)
		return false;
	device_does(device.late);
	device.late = -1;
	return true;
}

static enum cxl_dcd_outcome device_told(int accept)
{
	if (device_catches_up())
		return CXL_DCD_NOT_DONE;
	switch (device.fails ? random_below(9) : 8) {
	case 0:
		return CXL_DCD_NOT_DONE;
	case 1:
		return CXL_DCD_UNKNOWN;
	case 2:
		device_does(accept);
		return CXL_DCD_UNKNOWN;
	case 3:
		return CXL_DCD_REFUSED;
	case 4:
		device.late = accept;
		return CXL_DCD_UNKNOWN;
	default:
		return device_does(accept);
	}
}

static bool answers(enum cxl_answer_state state)
{
	return state == CXL_ANSWER_DUE || state == CXL_ANSWER_REPEATED ||
	       state == CXL_ANSWER_AGAIN;
}

/* Returns how many commands it took. Host and device agree on what is accepted then */
static int host_answers(int offer, bool take, unsigned int *uncertain)
{
	enum cxl_answer_state state = take ? CXL_ANSWER_DUE : CXL_ANSWER_EMPTY;
	enum cxl_dcd_outcome outcome;
	bool accepted = false;
	int told = 0;

	while (state != CXL_ANSWER_CLOSED) {
		if (state == CXL_ANSWER_ACCEPTED || state == CXL_ANSWER_LATE ||
		    state == CXL_ANSWER_FOREIGN) {
			accepted = device.accepted[offer];
			state = cxl_answer_listed(state, accepted);
			continue;
		}
		expect(state != CXL_ANSWER_FLUSH || *uncertain);
		expect(told < 1000);
		told++;
		outcome = device_told(answers(state) ? offer : 0);
		accepted |= answers(state) && outcome == CXL_DCD_DONE;
		state = cxl_answer_sent(state, outcome, uncertain);
	}
	expect(accepted == device.accepted[offer]);
	return told;
}

static void test_answer(void)
{
	unsigned int uncertain = 1, faults = random_below(20);
	int offer = 0;

	memset(&device, 0, sizeof(device));
	device.late = -1;
	/* a former kernel has left one */
	if (random() & 1)
		device.queue[device.nr++] = ++offer;

	device.fails = true;
	for (unsigned int i = 0; i < faults; i++) {
		device.queue[device.nr++] = ++offer;
		if (!random_below(8)) /* the record is lost */
			uncertain++;
		else
			host_answers(offer, random() & 1, &uncertain);
		/* what may be pending there is known here */
		expect(device.nr <= uncertain);
	}

	/* From now on nothing fails: each offer is taken that is meant to be */
	device.fails = false;
	device_catches_up();
	for (int i = 0; i < 8; i++) {
		unsigned int before = uncertain;

		device.queue[device.nr++] = ++offer;
		expect(host_answers(offer, true, &uncertain) <= 1 + 2 * (int)before);
		expect(device.accepted[offer]);
		expect(!device.nr && !uncertain);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{ "clip", test_clip }, { "merge", test_merge },
		{ "gap", test_gap }, { "cover", test_cover },
		{ "sort", test_sort }, { "group", test_group },
		{ "tree", test_tree }, { "check", test_check },
		{ "chain", test_chain }, { "fill", test_fill },
		{ "answer", test_answer },
	};
	unsigned int seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
	unsigned long rounds = argc > 2 ? strtoul(argv[2], NULL, 0) : 100000;

	printf("# seed %u, %lu rounds\n", seed, rounds);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		srandom(seed);
		for (unsigned long r = 0; r < rounds; r++)
			tests[i].run();
		printf("ok %zu %s\n", i + 1, tests[i].name);
	}
	return 0;
}
