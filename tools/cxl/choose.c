// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "create.h"

/*
 * Of what a region is made: a root decoder, memdevs below it in the order in which it
 * interleaves them, and as many bytes of each as all of them have.
 */

/* What has kept a root decoder from being chosen */
static int because(struct creation *c, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int because(struct creation *c, int rc, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, sizeof(c->why), format, args);
	va_end(args);
	return rc;
}

/* Regions begin and end at multiples of that */
#define SIZE_ALIGN (256ull << 20)

/**
 * free_decoder - the first decoder of a memdev that nobody uses
 * @memdev: of it
 *
 * Return: an endpoint decoder, or NULL.
 */
struct cxl_decoder *free_decoder(struct cxl_memdev *memdev)
{
	struct cxl_endpoint *endpoint = cxl_memdev_get_endpoint(memdev);
	struct cxl_decoder *decoder;

	if (endpoint)
		cxl_decoder_foreach(cxl_endpoint_get_port(endpoint), decoder)
			if (!cxl_decoder_get_dpa_size(decoder))
				return decoder;
	return NULL;
}

/* The region that a decoder belongs to, or false */
bool has_region(struct cxl_decoder *decoder, char *region, size_t size)
{
	return sysfs_attr(cxl_decoder_get_devname(decoder), "region", region, size) && region[0];
}

/**
 * explain_target - why a memdev can be no target of a region
 * @memdev: it
 *
 * The kernel gives the decoders of a port out in their order. When one has become free
 * before another one that comes later, it waits until that is free, too.
 */
void explain_target(struct cxl_memdev *memdev)
{
	struct cxl_endpoint *endpoint = cxl_memdev_get_endpoint(memdev);
	struct cxl_port *port = endpoint ? cxl_endpoint_get_parent(endpoint) : NULL;
	struct cxl_decoder *decoder, *free;
	char region[64];

	for (; port && !cxl_port_is_root(port); port = cxl_port_get_parent(port)) {
		free = NULL;
		/* libcxl has them in their order */
		cxl_decoder_foreach(port, decoder) {
			if (!has_region(decoder, region, sizeof(region))) {
				free = free ?: decoder;
			} else if (free) {
				say("  %s has become free before that of %s, and cannot be used until then, try: cxl destroy-region -f %s",
				    cxl_decoder_get_devname(free), region, region);
				return;
			}
		}
	}
}

/* Of the partition of a memdev: what no other region has taken, bytes */
static unsigned long long available(const struct creation *c, struct cxl_memdev *memdev)
{
	struct cxl_endpoint *endpoint = cxl_memdev_get_endpoint(memdev);
	char device[64], mode[32];
	struct cxl_decoder *decoder;
	unsigned long long size = 0, taken = 0;

	if (!endpoint)
		return 0;
	snprintf(device, sizeof(device), "%s/%s", cxl_memdev_get_devname(memdev), c->type);
	sysfs_number(device, "size", &size);
	cxl_decoder_foreach(cxl_endpoint_get_port(endpoint), decoder)
		if (sysfs_attr(cxl_decoder_get_devname(decoder), "mode", mode, sizeof(mode)) &&
		    !strcmp(mode, c->type))
			taken += cxl_decoder_get_dpa_size(decoder);
	return taken < size ? size - taken : 0;
}

static int add_named(struct creation *c, struct cxl_memdev *memdev, const char *name)
{
	const char *device = cxl_memdev_get_devname(memdev);

	if (!cxl_memdev_get_endpoint(memdev))
		return because(c, -ENODEV, "%s is disabled, try: cxl enable-memdev %s", device,
			       device);
	for (unsigned int i = 0; i < c->nr; i++)
		if (c->memdevs[i] == memdev)
			return because(c, -EINVAL, "%s is named twice", device);
	if (c->nr == MEMDEVS_MAX)
		return because(c, -EINVAL, "%s: a region has at most %d memdevs", name,
			       MEMDEVS_MAX);
	if (!cxl_decoder_get_target_by_memdev(c->decoder, memdev))
		return because(c, -ENODEV, "%s does not have %s, see cxl list -D -d root -T",
			       cxl_decoder_get_devname(c->decoder), device);
	c->memdevs[c->nr++] = memdev;
	return 0;
}

/* A name may mean several, as with cxl: with commas or spaces, or "all" */
static int choose_named(struct cxl_ctx *ctx, struct creation *c)
{
	struct cxl_memdev *memdev;
	unsigned int before;
	int rc;

	c->nr = 0;
	for (int i = 0; i < c->nr_names; i++) {
		before = c->nr;
		cxl_memdev_foreach(ctx, memdev) {
			if (!memdev_is_meant(c->names[i], memdev))
				continue;
			rc = add_named(c, memdev, c->names[i]);
			if (rc)
				return rc;
		}
		if (c->nr == before)
			return because(c, -ENODEV, "there is no memdev %s, see cxl list -M",
				       c->names[i]);
	}
	if (c->ways && c->ways != c->nr)
		return because(c, -EINVAL, "%u ways, but %u memdevs", c->ways, c->nr);
	return 0;
}

static int position_of(const struct creation *c, struct cxl_memdev *memdev)
{
	return cxl_target_get_position(cxl_decoder_get_target_by_memdev(c->decoder, memdev));
}

static unsigned int round_down_to_power_of_2(unsigned int n)
{
	while (n & (n - 1))
		n &= n - 1;
	return n;
}

/* Below each of its targets, as many: what a root decoder can interleave */
static unsigned int most_each(const struct creation *c, struct cxl_memdev **memdevs,
			      unsigned int nr, unsigned int targets)
{
	unsigned int least = MEMDEVS_MAX;

	for (unsigned int target = 0; target < targets; target++) {
		unsigned int n = 0;

		for (unsigned int i = 0; i < nr; i++)
			n += position_of(c, memdevs[i]) == (int)target;
		if (n < least)
			least = n;
	}
	return round_down_to_power_of_2(least);
}

static unsigned int targets_of(const struct creation *c)
{
	unsigned int targets = cxl_decoder_get_interleave_ways(c->decoder);

	return targets ? targets : 1;
}

/* None is named: those below the root decoder that have what is needed */
static int choose_any(struct cxl_ctx *ctx, struct creation *c)
{
	unsigned long long least = c->ways ? c->size / c->ways : 0;
	struct cxl_memdev *memdevs[MEMDEVS_MAX], *memdev;
	unsigned int taken[MEMDEVS_MAX] = { 0 }, targets = targets_of(c), nr = 0, each;

	if (targets > MEMDEVS_MAX)
		return because(c, -EINVAL, "%u targets are too many", targets);
	cxl_memdev_foreach(ctx, memdev)
		if (nr < MEMDEVS_MAX && cxl_decoder_get_target_by_memdev(c->decoder, memdev) &&
		    free_decoder(memdev) && available(c, memdev) >= (least ? least : 1))
			memdevs[nr++] = memdev;
	each = most_each(c, memdevs, nr, targets);
	if (c->ways && each > c->ways / targets)
		each = c->ways / targets;
	c->nr = 0;
	for (unsigned int i = 0; i < nr; i++) {
		int position = position_of(c, memdevs[i]);

		if (position >= 0 && position < (int)targets && taken[position]++ < each)
			c->memdevs[c->nr++] = memdevs[i];
	}
	if (c->nr && (!c->ways || c->nr == c->ways))
		return 0;
	return because(c, -ENODEV, "%u memdevs below it have what is needed, see cxl list -M -d %s",
		       nr, cxl_decoder_get_devname(c->decoder));
}

/* The rule of the kernel for interleave_ways */
static int check_ways(struct creation *c)
{
	unsigned int targets = targets_of(c), each = c->nr / targets;

	if (!(c->nr % targets) && each && !(each & (each - 1)) &&
	    most_each(c, c->memdevs, c->nr, targets) == each)
		return 0;
	if (targets == 1)
		return because(c, -EINVAL, "%u memdevs cannot be interleaved, 1, 2, 4, 8 or 16 can",
			       c->nr);
	return because(c, -EINVAL, "it interleaves %u host bridges: 1, 2, 4 or 8 memdevs below each of them",
		       targets);
}

/* The place of a memdev among those below the same target of the root decoder */
struct place {
	struct cxl_memdev *memdev;
	int round;
	int position;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->round != y->round ? x->round - y->round : x->position - y->position;
}

/* The root decoder goes from target to target, and then round again */
static void sort_memdevs(struct creation *c)
{
	struct place places[MEMDEVS_MAX];

	for (unsigned int i = 0; i < c->nr; i++) {
		places[i].memdev = c->memdevs[i];
		places[i].round = 0;
		places[i].position = position_of(c, c->memdevs[i]);
		for (unsigned int j = 0; j < i; j++)
			places[i].round += places[j].position == places[i].position;
	}
	qsort(places, c->nr, sizeof(places[0]), by_place);
	for (unsigned int i = 0; i < c->nr; i++)
		c->memdevs[i] = places[i].memdev;
}

/* As much as all of them have, and as there are addresses for in one piece */
static int choose_size(struct creation *c)
{
	unsigned long long least = ~0ull, extent, size;
	char wanted[32], has[32], piece[32];

	for (unsigned int i = 0; i < c->nr; i++) {
		size = available(c, c->memdevs[i]);
		if (size < least)
			least = size;
	}
	extent = cxl_decoder_get_max_available_extent(c->decoder);
	if (extent == ~0ull)
		extent = least * c->nr;
	size = extent / c->nr < least ? extent / c->nr : least;
	c->bytes = c->size ?: size / SIZE_ALIGN * SIZE_ALIGN * c->nr;
	if (c->bytes % (SIZE_ALIGN * c->nr))
		return because(c, -EINVAL, "a region of %u memdevs is a multiple of %llu MiB",
			       c->nr, SIZE_ALIGN * c->nr >> 20);
	if (c->bytes && c->bytes / c->nr <= least && c->bytes <= extent)
		return 0;
	format_size(c->bytes, wanted, sizeof(wanted));
	format_size(least, has, sizeof(has));
	format_size(extent, piece, sizeof(piece));
	return because(c, -EINVAL, "%s of %s on %u memdevs is not possible, each has %s, and %s has %s of free addresses in one piece",
		       wanted, c->type, c->nr, has, cxl_decoder_get_devname(c->decoder), piece);
}

/* A memdev whose class is not known is not in that of the root decoder */
static int check_qos(struct creation *c)
{
	const char *root = cxl_decoder_get_devname(c->decoder);
	char device[64], class[32], other[32];

	if (!c->enforce_qos || !sysfs_attr(root, "qos_class", class, sizeof(class)))
		return 0;
	for (unsigned int i = 0; i < c->nr; i++) {
		snprintf(device, sizeof(device), "%s/%s",
			 cxl_memdev_get_devname(c->memdevs[i]), c->type);
		if (!sysfs_attr(device, "qos_class", other, sizeof(other)))
			strcpy(other, "unknown");
		if (!strcmp(class, other))
			continue;
		return because(c, -ENXIO, "the QoS class of %s is %s, that of %s is %s: not with --enforce-qos",
			       cxl_memdev_get_devname(c->memdevs[i]), other, root, class);
	}
	return 0;
}

static int try_root(struct cxl_ctx *ctx, struct creation *c)
{
	int rc = c->nr_names ? choose_named(ctx, c) : choose_any(ctx, c);

	if (!rc)
		rc = check_ways(c);
	if (rc)
		return rc;
	sort_memdevs(c);
	rc = choose_size(c);
	return rc ? rc : check_qos(c);
}

/**
 * choose - a root decoder, memdevs and a size
 * @ctx: of libcxl
 * @c: what has been asked for; @decoder, @memdevs, @nr and @bytes are the answer: the
 *     first root decoder for which all of it is possible
 *
 * Return: 0, or an error that has been said.
 */
int choose(struct cxl_ctx *ctx, struct creation *c)
{
	struct cxl_decoder *decoder;
	struct cxl_bus *bus;
	char *whys = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&whys, &size);
	int tried = 0, why = 0, rc = -ENODEV;

	if (!stream)
		return -ENOMEM;
	cxl_bus_foreach(ctx, bus)
		cxl_decoder_foreach(cxl_bus_get_port(bus), decoder) {
			if (!rc || !root_decoder_is_meant(c->bus, c->root, bus, decoder) ||
			    !cxl_decoder_is_volatile_capable(decoder))
				continue;
			c->decoder = decoder;
			rc = try_root(ctx, c);
			tried++;
			/* That one of them does not have a memdev says less than what another lacks */
			if (!why || why == -ENODEV)
				why = rc;
			fprintf(stream, "%s  %s: %s", tried > 1 ? "\n" : "",
				cxl_decoder_get_devname(decoder), c->why);
		}
	fclose(stream);
	if (rc && !tried)
		say("create-region: no root decoder for volatile memory, see cxl list -D -d root");
	else if (rc && tried == 1)
		say("create-region: %s", c->why);
	else if (rc)
		say("create-region: none of %d root decoders can\n%s", tried, whys);
	free(whys);
	return rc && tried ? why : rc;
}
