// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include "cxl-cli.h"

static bool named(const struct selection *selection, const char *region)
{
	for (int i = 0; i < selection->nr; i++)
		if (!strcmp(selection->names[i], "all") ||
		    !strcmp(selection->names[i], region))
			return true;
	return false;
}

static bool has_memdev(struct cxl_region *region, const char *memdev)
{
	struct cxl_memdev_mapping *mapping;

	if (!memdev)
		return true;
	cxl_mapping_foreach(region, mapping) {
		struct cxl_decoder *decoder = cxl_mapping_get_decoder(mapping);
		struct cxl_memdev *target = cxl_decoder_get_memdev(decoder);

		if (target && !strcmp(cxl_memdev_get_devname(target), memdev))
			return true;
	}
	return false;
}

static bool root_has(const struct selection *selection, struct cxl_bus *bus,
		     struct cxl_decoder *decoder)
{
	if (selection->bus &&
	    strcmp(selection->bus, cxl_bus_get_devname(bus)) &&
	    strcmp(selection->bus, cxl_bus_get_provider(bus)))
		return false;
	return !selection->decoder ||
	       !strcmp(selection->decoder, cxl_decoder_get_devname(decoder));
}

/* Everything that is written after a name is an error of that region alone */
static int each_region(struct cxl_decoder *decoder,
		       const struct selection *selection, region_fn fn, void *arg,
		       int *seen, int *done)
{
	struct cxl_region *region;
	int rc = 0;

	cxl_region_foreach(decoder, region) {
		const char *name = cxl_region_get_devname(region);

		if (!named(selection, name) ||
		    !has_memdev(region, selection->memdev))
			continue;
		(*seen)++;
		if (fn(name, arg))
			rc = -EIO;
		else
			(*done)++;
	}
	return rc;
}

/**
 * for_each_selected - run something for all regions that are meant
 * @ctx: of libcxl
 * @selection: which
 * @fn: what; says itself what is wrong
 * @arg: for @fn
 * @done: for how many it has succeeded
 *
 * Return: 0; -ENODEV when there is none; -EIO when @fn has failed for one.
 */
int for_each_selected(struct cxl_ctx *ctx, const struct selection *selection,
		      region_fn fn, void *arg, int *done)
{
	struct cxl_decoder *decoder;
	struct cxl_bus *bus;
	int seen = 0, rc = 0;

	*done = 0;
	cxl_bus_foreach(ctx, bus)
		cxl_decoder_foreach(cxl_bus_get_port(bus), decoder)
			if (root_has(selection, bus, decoder) &&
			    each_region(decoder, selection, fn, arg, &seen, done))
				rc = -EIO;
	return seen ? rc : -ENODEV;
}
