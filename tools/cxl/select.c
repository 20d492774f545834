// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include "cxl-cli.h"

/*
 * Which regions are meant: by their names, and by what they are made of. Names are as
 * with cxl: of the device, its number alone, "all", and several with commas or spaces.
 */

static bool has_memdev(struct cxl_region *region, const char *memdev)
{
	struct cxl_memdev_mapping *mapping;

	if (!memdev)
		return true;
	cxl_mapping_foreach(region, mapping) {
		struct cxl_decoder *decoder = cxl_mapping_get_decoder(mapping);
		struct cxl_memdev *target = cxl_decoder_get_memdev(decoder);

		if (target && memdev_is_meant(memdev, target))
			return true;
	}
	return false;
}

/* "all" is not for what can be no RAM, to name it is a mistake that is told */
static bool named(const struct selection *selection, const char *region)
{
	char mode[32];

	for (int i = 0; i < selection->nr; i++) {
		if (!is_meant(selection->names[i], "region", region, NULL))
			continue;
		if (selection->pmem || strcmp(selection->names[i], "all") ||
		    !sysfs_attr(region, "mode", mode, sizeof(mode)) || strcmp(mode, "pmem"))
			return true;
	}
	return false;
}

static int each_region(struct cxl_decoder *decoder,
		       const struct selection *selection, region_fn fn, void *arg,
		       int *done)
{
	struct cxl_region *region;
	int rc = 0, one;

	cxl_region_foreach(decoder, region) {
		const char *name = cxl_region_get_devname(region);

		if (!named(selection, name) ||
		    !has_memdev(region, selection->memdev))
			continue;
		/* What is said is about that region, the others go on */
		one = fn(name, arg);
		if (!one)
			(*done)++;
		else if (!rc)
			rc = one == -ENODEV ? -ENXIO : one;
	}
	return rc;
}

static int each_root(struct cxl_ctx *ctx, const struct selection *selection,
		     region_fn fn, void *arg, int *done)
{
	struct cxl_decoder *decoder;
	struct cxl_bus *bus;
	int rc = 0;

	cxl_bus_foreach(ctx, bus)
		cxl_decoder_foreach(cxl_bus_get_port(bus), decoder)
			if (root_decoder_is_meant(selection->bus, selection->decoder,
						  bus, decoder))
				rc = each_region(decoder, selection, fn, arg, done) ?: rc;
	return rc;
}

static int nothing(const char *region, void *arg)
{
	(void)region;
	(void)arg;
	return 0;
}

/**
 * for_each_selected - run something for all regions that are meant
 * @ctx: of libcxl
 * @selection: which
 * @fn: what; says itself what is wrong
 * @arg: for @fn
 * @done: for how many it has succeeded
 *
 * Return: 0; -ENODEV when a name but "all" means none, then nothing is done; else the error
 * of @fn for one.
 */
int for_each_selected(struct cxl_ctx *ctx, const struct selection *selection,
		      region_fn fn, void *arg, int *done)
{
	for (int i = 0; i < selection->nr; i++) {
		struct selection one = *selection;

		one.names += i;
		one.nr = 1;
		*done = 0;
		each_root(ctx, &one, nothing, NULL, done);
		/* There may be none: all of these */
		if (!*done && strcmp(one.names[0], "all"))
			return -ENODEV;
	}
	*done = 0;
	if (selection->memdev && !memdev_is_there(ctx, selection->memdev))
		return -ENODEV;
	return each_root(ctx, selection, fn, arg, done);
}
