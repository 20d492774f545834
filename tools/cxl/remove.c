// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "request.h"

/*
 * remove-memdev: everything that has to be done before a device may be pulled, in one
 * step. What can be known before is looked at first, for all that is named. Then it ends
 * at the first thing that is refused, and says what that is and why; what was done
 * before it is not undone, but named.
 *
 * libcxl forgets endpoints and decoders when a memdev is disabled, but not the regions
 * that point to them: each memdev has a context of its own.
 */

#define REGIONS_MAX 64
#define DECODERS_MAX 16

/* What is not under sysram_region is tried for ever, when a page is pinned: seconds */
#define STOCK_TIMEOUT 10

struct removal {
	struct request *req;
	const char *memdev;
	char regions[REGIONS_MAX][32];
	int nr;
};

static int collect(const char *region, void *arg)
{
	struct removal *removal = arg;

	if (removal->nr == REGIONS_MAX) {
		say("%s: %s has more than %d regions", removal->req->verb, removal->memdev,
		    REGIONS_MAX);
		return -E2BIG;
	}
	snprintf(removal->regions[removal->nr++], 32, "%s", region);
	return 0;
}

static int refused(const struct removal *removal, const char *region,
		   const char *step, int rc)
{
	say_error(removal->req->verb, -rc, "%s stays: %s of %s", removal->memdev,
		  step, region);
	if (rc == -EBUSY)
		request_busy(removal->req, region);
	return rc;
}

/* Of a region that is not under sysram_region: what kmem has made of it */
static int unplug_dax(const struct dax *dax, void *arg)
{
	char path[256];

	if (sysfs_path(path, sizeof(path), "devices/%s/state", dax->device) ||
	    !sysfs_exists(path))
		return 0;
	return request_write_dax(arg, dax, "unplugged", STOCK_TIMEOUT, NULL);
}

/* Letting go of it unplugs first, also what kmem has made of it below DAX */
static int unplug(const struct removal *removal, const char *region)
{
	unsigned long long start, size;
	struct blocks blocks;
	char path[256];
	int rc;

	if (!sysfs_path(path, sizeof(path), "devices/sysram_%s/state", region) &&
	    sysfs_exists(path))
		rc = sysfs_path(path, sizeof(path), "drivers/sysram_region/unbind") ?:
		     request_write(removal->req, path, region);
	else
		rc = for_each_dax(region, unplug_dax, removal->req);
	if (rc)
		return refused(removal, region, "unplug", rc);
	/* No driver would stop what comes next, were there memory still */
	if (sysfs_number(region, "resource", &start) &&
	    sysfs_number(region, "size", &size)) {
		blocks_of(start, size, &blocks);
		if (blocks.present)
			return refused(removal, region, "unplug", -EBUSY);
	}
	say("%s: %s is unplugged", removal->req->verb, region);
	removal->req->partly = true;
	return 0;
}

static struct cxl_region *find(struct cxl_ctx *ctx, const char *name)
{
	struct cxl_decoder *decoder;
	struct cxl_region *region;
	struct cxl_bus *bus;

	for_each_region(ctx, bus, decoder, region)
		if (!strcmp(cxl_region_get_devname(region), name))
			return region;
	return NULL;
}

/* Device memory that no region has any more: the last decoder comes first */
static int free_dpa(struct cxl_memdev *memdev)
{
	struct cxl_endpoint *endpoint = cxl_memdev_get_endpoint(memdev);
	struct cxl_decoder *decoder;
	unsigned long long size;
	char region[64];
	int rc = 0;

	if (!endpoint)
		return 0;
	cxl_decoder_foreach_reverse(cxl_endpoint_get_port(endpoint), decoder) {
		const char *name = cxl_decoder_get_devname(decoder);

		if (!sysfs_number(name, "dpa_size", &size) || !size)
			continue;
		if (has_region(decoder, region, sizeof(region)))
			break;
		rc = sysfs_attr_write(name, "dpa_size", "0");
		if (rc)
			break;
	}
	return rc;
}

static int destroy(struct cxl_ctx *ctx, const struct removal *removal,
		   const char *name)
{
	struct cxl_region *region = find(ctx, name);
	struct cxl_memdev *memdevs[DECODERS_MAX];
	struct cxl_memdev_mapping *mapping;
	int nr = 0, rc;

	if (!region)
		return 0;
	cxl_mapping_foreach(region, mapping)
		if (nr < DECODERS_MAX)
			memdevs[nr++] = cxl_decoder_get_memdev(
				cxl_mapping_get_decoder(mapping));
	if (cxl_region_is_enabled(region)) {
		rc = cxl_region_disable(region);
		if (rc)
			return refused(removal, name, "disable", rc);
	}
	rc = cxl_region_delete(region);
	if (rc)
		return refused(removal, name, "destroy", rc);
	while (nr)
		if (memdevs[--nr])
			free_dpa(memdevs[nr]);
	say("%s: %s is destroyed", removal->req->verb, name);
	removal->req->partly = true;
	return 0;
}

/* Firmware may have decoded memory that is no region: then somebody may use it */
static int check_decoders(const struct removal *removal, struct cxl_memdev *memdev)
{
	struct cxl_endpoint *endpoint = cxl_memdev_get_endpoint(memdev);
	unsigned long long committed;

	if (!endpoint || !sysfs_number(cxl_endpoint_get_devname(endpoint),
				       "decoders_committed", &committed) || !committed)
		return 0;
	say_error(removal->req->verb, EBUSY, "%s stays: %llu of its decoders are committed, and belong to no region that could be taken down",
		  removal->memdev, committed);
	return -EBUSY;
}

static int disable(const struct removal *removal, struct cxl_memdev *memdev)
{
	int rc = check_decoders(removal, memdev);

	if (rc)
		return rc;
	rc = cxl_memdev_is_enabled(memdev) ? cxl_memdev_disable_invalidate(memdev) : 0;
	if (rc)
		say_error(removal->req->verb, -rc, "%s: disable", removal->memdev);
	else
		say("%s: %s is safe to pull", removal->req->verb, removal->memdev);
	return rc;
}

static int collect_regions(struct cxl_ctx *ctx, struct removal *removal)
{
	struct selection all = { .names = (char *[]){ "all" }, .nr = 1, .pmem = true,
				 .memdev = removal->memdev };
	int done, rc;

	rc = for_each_selected(ctx, &all, collect, removal, &done);
	return rc == -ENODEV ? 0 : rc;
}

static void say_partners(const struct removal *removal, struct cxl_region *region)
{
	struct cxl_memdev_mapping *mapping;
	struct cxl_memdev *memdev;

	cxl_mapping_foreach(region, mapping) {
		memdev = cxl_decoder_get_memdev(cxl_mapping_get_decoder(mapping));
		if (memdev && strcmp(cxl_memdev_get_devname(memdev), removal->memdev))
			say("  %s is made of %s, too", cxl_region_get_devname(region),
			    cxl_memdev_get_devname(memdev));
	}
}

/* What would be lost, or does not fit elsewhere: before anything is done */
static int check_region(struct cxl_ctx *ctx, const struct removal *removal, const char *name)
{
	struct cxl_region *region = find(ctx, name);
	struct request *req = removal->req;
	char driver[64], mode[32];
	unsigned long long node;

	if (req->dry_run)
		say("%s: %s would be unplugged and destroyed", req->verb, name);
	if (region)
		say_partners(removal, region);
	if (req->force)
		return 0;
	if (explain_dax(name))
		return -EBUSY;
	if (sysfs_attr(name, "mode", mode, sizeof(mode)) && !strcmp(mode, "pmem") &&
	    sysfs_driver(name, driver, sizeof(driver))) {
		say("%s: %s stays: %s is persistent memory, and enabled (--force: do it all the same)",
		    req->verb, removal->memdev, name);
		return -EPERM;
	}
	if (!region_node(name, &node))
		return 0;
	return fits_elsewhere(req->verb, name, node, 0, req->dry_run);
}

static struct cxl_memdev *memdev_of(struct cxl_ctx *ctx, const char *name)
{
	struct cxl_memdev *memdev;

	cxl_memdev_foreach(ctx, memdev)
		if (!strcmp(cxl_memdev_get_devname(memdev), name))
			return memdev;
	return NULL;
}

/* With a context that knows what is there now */
static int with_memdev(struct request *req, const char *name,
		       int (*fn)(struct cxl_ctx *ctx, struct removal *removal,
				 struct cxl_memdev *memdev))
{
	struct removal removal = { .req = req, .memdev = name };
	struct cxl_memdev *memdev;
	struct cxl_ctx *ctx;
	int rc;

	rc = cxl_new(&ctx);
	if (rc) {
		say_error(req->verb, -rc, "libcxl");
		return rc;
	}
	memdev = memdev_of(ctx, name);
	/* Gone by now: that is as good */
	rc = memdev ? collect_regions(ctx, &removal) ?: fn(ctx, &removal, memdev) : 0;
	cxl_unref(ctx);
	return rc;
}

static int check_one(struct cxl_ctx *ctx, struct removal *removal, struct cxl_memdev *memdev)
{
	int rc = 0;

	(void)memdev;
	for (int i = 0; i < removal->nr && !rc; i++)
		rc = check_region(ctx, removal, removal->regions[i]);
	return rc;
}

static int note_one(struct cxl_ctx *ctx, struct removal *removal, struct cxl_memdev *memdev)
{
	(void)ctx;
	(void)memdev;
	for (int i = 0; i < removal->nr; i++)
		fits_without(removal->regions[i], NULL);
	return 0;
}

static int remove_one(struct cxl_ctx *ctx, struct removal *removal, struct cxl_memdev *memdev)
{
	int rc = 0;

	/* What came last goes first, as device memory has to */
	for (int i = removal->nr - 1; i >= 0 && !rc; i--)
		rc = check_region(ctx, removal, removal->regions[i]) ?:
		     unplug(removal, removal->regions[i]) ?:
		     destroy(ctx, removal, removal->regions[i]);
	return rc ?: disable(removal, memdev);
}

#define MEMDEVS_MAX 64

static int collect_memdevs(struct cxl_ctx *ctx, struct request *req, const char *names,
			   char memdevs[][32], int *nr)
{
	struct cxl_memdev *memdev;
	bool found = false, known;

	cxl_memdev_foreach(ctx, memdev) {
		const char *name = cxl_memdev_get_devname(memdev);

		if (!memdev_is_meant(names, memdev))
			continue;
		found = true;
		known = false;
		for (int i = 0; i < *nr; i++)
			known |= !strcmp(memdevs[i], name);
		if (known)
			continue;
		if (*nr == MEMDEVS_MAX) {
			say("%s: at most %d memdevs at once", req->verb, MEMDEVS_MAX);
			return -E2BIG;
		}
		snprintf(memdevs[(*nr)++], 32, "%s", name);
	}
	if (found)
		return 0;
	say("%s: there is no memdev %s, nothing was done; see cxl list -M", req->verb, names);
	return -ENODEV;
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
	static const struct argp_option options[] = {
		OPTION_DRY_RUN,
		{ "force", 'f', NULL, 0,
		  "also when it is persistent memory that is enabled, or what is in use does not fit elsewhere", 0 },
		OPTION_TIMEOUT,
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "MEMDEV...",
		.doc = "Make a device fit for being pulled: unplug, disable and destroy its regions, "
		       "disable it. Ends at the first step that is refused, and says why.",
	};
	struct request req = { .verb = argv[0] };
	char memdevs[MEMDEVS_MAX][32];
	int rc = 0, nr = 0, done = 0, lock;

	if (request_parse(&req, argc, argv, &usage))
		return EXIT_USAGE;
	for (int i = 0; i < req.selection.nr && !rc; i++)
		rc = collect_memdevs(ctx, &req, req.selection.names[i], memdevs, &nr);
	for (int i = 0; i < nr && !rc; i++)
		rc = with_memdev(&req, memdevs[i], note_one);
	for (int i = 0; i < nr && !rc; i++)
		rc = with_memdev(&req, memdevs[i], check_one);
	if (rc || req.dry_run)
		return exit_code(rc);
	lock = take_lock(req.timeout);
	if (lock == -EBUSY)
		return EXIT_TIME;
	for (done = 0; done < nr && !rc; done += !rc)
		rc = with_memdev(&req, memdevs[done], remove_one);
	if (lock >= 0)
		close(lock);
	return rc && (done || req.partly) ? EXIT_PARTLY : request_exit(&req, rc);
}
