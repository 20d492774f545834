// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures of the rules of dynamic capacity, in nanoseconds for each extent: those of one
 * million are to be those of some thousands, but for the caches. No verdict.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "extent.h"

const uuid_t uuid_null;

#define BLOCK	0x100000ULL
#define LOOKUPS	1000000

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* Places of extents at random, each once */
static unsigned int *shuffled(unsigned int nr)
{
	unsigned int *places = malloc(nr * sizeof(*places));

	for (unsigned int i = 0; i < nr; i++) {
		unsigned int j = random() % (i + 1);

		places[i] = places[j];
		places[j] = i;
	}
	return places;
}

/* Every other block, so that none touches another */
static struct range range_at(unsigned int place)
{
	return DEFINE_RANGE(2 * place * BLOCK, (2 * place + 1) * BLOCK - 1);
}

static void bench_offer(const unsigned int *places, unsigned int nr)
{
	struct cxl_extent_rec *recs = calloc(nr, sizeof(*recs));
	struct range *ranges = malloc(nr * sizeof(*ranges));
	double began, sorted, merged;

	for (unsigned int i = 0; i < nr; i++) {
		recs[i].dpa = range_at(places[i]);
		recs[i].order = i;
	}
	began = now();
	if (cxl_offer_sort(recs, nr) != nr)
		abort();
	cxl_offer_group(recs, nr);
	sorted = now();
	for (unsigned int i = 0; i < nr; i++)
		ranges[i] = recs[i].dpa;
	if (cxl_range_merge(ranges, nr) != nr)
		abort();
	merged = now();
	printf("  offer: sorted and grouped %.0f, merged %.0f, %zu bytes each\n",
	       (sorted - began) / nr, (merged - sorted) / nr, sizeof(*recs));
	free(ranges);
	free(recs);
}

static void bench_tree(const unsigned int *places, unsigned int nr)
{
	struct cxl_extent_node *nodes = calloc(nr, sizeof(*nodes)), *node;
	struct rb_root root = RB_ROOT;
	unsigned int seen = 0;
	double began, built, found, walked;

	began = now();
	for (unsigned int i = 0; i < nr; i++) {
		nodes[i].range = range_at(places[i]);
		if (!cxl_extent_insert(&root, &nodes[i]))
			abort();
	}
	built = now();
	for (unsigned int i = 0; i < LOOKUPS; i++) {
		struct range range = range_at(random() % nr);

		node = cxl_extent_first(&root, &range);
		if (!node || node->range.start != range.start)
			abort();
	}
	found = now();
	for (node = cxl_extent_first(&root, &DEFINE_RANGE(0, ~0ULL)); node;
	     node = cxl_extent_next(node, &DEFINE_RANGE(0, ~0ULL)))
		seen++;
	walked = now();
	if (seen != nr)
		abort();
	printf("  tree: inserted %.0f, found %.0f (%.1f million/s), walked %.0f, %zu bytes each\n",
	       (built - began) / nr, (found - built) / LOOKUPS, LOOKUPS * 1e3 / (found - built),
	       (walked - found) / nr, sizeof(*nodes));
	free(nodes);
}

int main(void)
{
	static const unsigned int sizes[] = { 8192, 100000, 1000000 };

	srandom(1);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		unsigned int *places = shuffled(sizes[i]);

		printf("%u extents, ns each\n", sizes[i]);
		bench_offer(places, sizes[i]);
		bench_tree(places, sizes[i]);
		free(places);
	}
	return 0;
}
