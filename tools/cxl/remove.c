// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "request.h"

/*
 * remove-memdev: everything that has to be done before a device may be pulled, in one
 * step. It ends at the first thing that is refused, and says what that is and why;
 * what was done before it is not undone, but named.
 */

#define REGIONS_MAX 64
#define DECODERS_MAX 16

struct removal {
	const struct request *req;
	const char *memdev;
	char regions[REGIONS_MAX][32];
	int nr;
};

static int collect(const char *region, void *arg)
{
	struct removal *removal = arg;

	if (removal->nr == REGIONS_MAX)
		return -E2BIG;
	snprintf(removal->regions[removal->nr++], 32, "%s", region);
	return 0;
}

static int refused(const struct removal *removal, const char *region,
		   const char *step, int rc)
{
	say_error(removal->req->verb, -rc, "%s stays: %s of %s", removal->memdev,
		  step, region);
	if (rc == -EBUSY)
		explain_busy(region);
	return rc;
}

/* Also what kmem has made of it below DAX: letting go of it unplugs first */
static int unplug(const struct removal *removal, const char *region)
{
	char path[256];
	int rc;

	if (sysfs_path(path, sizeof(path), "devices/sysram_%s/state", region) ||
	    !sysfs_exists(path))
		return 0;
	rc = sysfs_path(path, sizeof(path), "drivers/sysram_region/unbind") ?:
	     request_write(removal->req, path, region);
	if (rc)
		return refused(removal, region, "unplug", rc);
	say("%s: %s is unplugged", removal->req->verb, region);
	return 0;
}

static struct cxl_region *find(struct cxl_ctx *ctx, const char *name)
{
	struct cxl_decoder *decoder;
	struct cxl_region *region;
	struct cxl_bus *bus;

	cxl_bus_foreach(ctx, bus)
		cxl_decoder_foreach(cxl_bus_get_port(bus), decoder)
			cxl_region_foreach(decoder, region)
				if (!strcmp(cxl_region_get_devname(region), name))
					return region;
	return NULL;
}

static int destroy(struct cxl_ctx *ctx, const struct removal *removal,
		   const char *name)
{
	struct cxl_region *region = find(ctx, name);
	struct cxl_decoder *decoders[DECODERS_MAX];
	struct cxl_memdev_mapping *mapping;
	int nr = 0, rc;

	if (!region)
		return 0;
	cxl_mapping_foreach(region, mapping)
		if (nr < DECODERS_MAX)
			decoders[nr++] = cxl_mapping_get_decoder(mapping);
	if (cxl_region_is_enabled(region)) {
		rc = cxl_region_disable(region);
		if (rc)
			return refused(removal, name, "disable", rc);
	}
	rc = cxl_region_delete(region);
	if (rc)
		return refused(removal, name, "destroy", rc);
	while (nr)
		cxl_decoder_set_dpa_size(decoders[--nr], 0);
	say("%s: %s is destroyed", removal->req->verb, name);
	return 0;
}

static int disable(struct cxl_ctx *ctx, const struct removal *removal)
{
	struct cxl_memdev *memdev;
	int rc;

	cxl_memdev_foreach(ctx, memdev) {
		if (strcmp(cxl_memdev_get_devname(memdev), removal->memdev))
			continue;
		rc = cxl_memdev_is_enabled(memdev) ?
		     cxl_memdev_disable_invalidate(memdev) : 0;
		if (rc)
			say_error(removal->req->verb, -rc, "%s: disable",
				  removal->memdev);
		else
			say("%s: %s is safe to pull", removal->req->verb,
			    removal->memdev);
		return rc;
	}
	say("%s: there is no memdev %s, see cxl list -M", removal->req->verb,
	    removal->memdev);
	return -ENODEV;
}

static int remove_one(struct cxl_ctx *ctx, const struct request *req,
		      const char *memdev)
{
	struct removal removal = { .req = req, .memdev = memdev };
	struct selection all = { .names = (char *[]){ "all" }, .nr = 1,
				 .memdev = memdev };
	int done, rc;

	rc = for_each_selected(ctx, &all, collect, &removal, &done);
	if (rc && rc != -ENODEV)
		return rc;
	for (int i = 0; i < removal.nr; i++) {
		rc = unplug(&removal, removal.regions[i]) ?:
		     destroy(ctx, &removal, removal.regions[i]);
		if (rc)
			return rc;
	}
	return disable(ctx, &removal);
}

/**
 * verb_remove_memdev - make a device fit for being pulled
 * @ctx: of libcxl
 * @argc: of the verb
 * @argv: of the verb
 *
 * Return: an exit code.
 */
int verb_remove_memdev(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const char usage[] =
		"[OPTION]... MEMDEV...\n"
		"\n"
		"Make a device fit for being pulled: unplug, disable and destroy its regions,\n"
		"disable it. Ends at the first step that is refused, and says why.\n"
		"      --wait[=SECONDS]   while something is busy, try again\n"
		"  -h, --help             this text";
	struct request req = { .verb = argv[0] };
	int rc = 0;

	if (request_parse(&req, argc, argv, "wait", usage))
		return EXIT_FAILURE;
	if (!req.selection.nr) {
		request_usage(&req, usage);
		return EXIT_FAILURE;
	}
	for (int i = 0; i < req.selection.nr; i++)
		rc = remove_one(ctx, &req, req.selection.names[i]) ?: rc;
	return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}
