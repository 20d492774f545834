// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "request.h"

/* @what: @value is, in messages, with a space */
static int set_attr(struct request *req, const char *region, const char *attr,
		    const char *what, const char *value)
{
	char path[256];
	int rc;

	rc = request_attr(req, region, attr, path, sizeof(path));
	if (rc)
		return rc;
	rc = request_write(req, path, value);
	if (!rc)
		return 0;
	say_error(req->verb, -rc, "%s: %s%s", region, what, value);
	if (rc == -EBUSY)
		request_busy(req, region);
	if (!strcmp(attr, "state"))
		explain_state(rc);
	return rc;
}

/* What will stay busy however long one waits */
static int set_state(struct request *req, const char *region)
{
	char device[64], state[32], driver[64];

	snprintf(device, sizeof(device), "sysram_%s", region);
	if (dax_has_it(region, driver, sizeof(driver))) {
		say_error(req->verb, EBUSY, "%s is DAX's (%s), try first: cxl-cli enable-region --driver=sysram %s",
			  region, driver, region);
		return -EBUSY;
	}
	if (strcmp(req->value, "unplugged") && strcmp(req->value, "online") &&
	    sysfs_attr(device, "state", state, sizeof(state)) &&
	    !strncmp(state, "online", strlen("online")) && strcmp(state, req->value)) {
		say_error(req->verb, EBUSY, "%s is %s, try first: cxl-cli unplug %s", region,
			  state, region);
		return -EBUSY;
	}
	return set_attr(req, region, "state", "", req->value);
}

static int set_hotplug(const char *region, void *arg)
{
	struct request *req = arg;

	return set_attr(req, region, "hotplug", "", req->value);
}

int verb_set_hotplug(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const char usage[] =
		"[OPTION]... REGION... POLICY\n"
		"\n"
		"What to do with the capacity of a region as it arrives: POLICY is none (hold\n"
		"it), never (hold it, and let nobody make System RAM of it), offline, online,\n"
		"online_kernel or online_movable. What is plugged already stays what it is.\n"
		"REGION may be all.\n"
		USAGE_SELECTING;
	struct request req = { .verb = argv[0] };

	if (request_parse(&req, argc, argv, SELECTING, usage))
		return EXIT_FAILURE;
	/* The last word is the policy */
	if (req.selection.nr > 1) {
		req.value = req.selection.names[--req.selection.nr];
		if (!check_policy(req.verb, req.value, false))
			return EXIT_FAILURE;
	} else {
		req.selection.nr = 0;
	}
	return request_run(ctx, &req, set_hotplug, "set", usage);
}

static int plug(const char *region, void *arg)
{
	struct request *req = arg;
	int rc = req->force ? 0 : memmap_fits(req->verb, region);

	return rc ?: set_state(req, region);
}

int verb_plug(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const char usage[] =
		"[OPTION]... REGION...\n"
		"\n"
		"Make System RAM of the capacity of a region, all of it or nothing. REGION may\n"
		"be all.\n"
		"      --type=TYPE        online_movable (default), online_kernel, online or\n"
		"                         offline\n"
		"      --force            also when its memmap leaves the kernel too little\n"
		"      --timeout=SECONDS  for all of it; while it is busy, try again\n"
		USAGE_SELECTING;
	struct request req = { .verb = argv[0], .value = "online_movable" };

	if (request_parse(&req, argc, argv, SELECTING " type timeout force", usage) ||
	    !check_policy(req.verb, req.value, true))
		return EXIT_FAILURE;
	return request_run(ctx, &req, plug, "plugged", usage);
}

static int unplug(const char *region, void *arg)
{
	struct request *req = arg;
	char path[256], node[16];
	int rc;

	rc = request_attr(req, region, "target_node", path, sizeof(path)) ?:
	     sysfs_read(path, node, sizeof(node));
	if (!rc && !req->force)
		rc = fits_elsewhere(req->verb, region, atoi(node), req->dry_run);
	if (rc == -ENOMEM)
		say("%s: %s: nothing was done", req->verb, region);
	if (rc || req->dry_run)
		return rc;
	return set_state(req, region);
}

int verb_unplug(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const char usage[] =
		"[OPTION]... REGION...\n"
		"\n"
		"Take the memory of a region offline and remove it, all of it or nothing. When\n"
		"it is busy, the processes that have some of it are named. When what is in use\n"
		"does not fit elsewhere nothing is done. REGION may be all.\n"
		"      --dry-run          only see whether it fits\n"
		"      --force            also when it does not: processes may be ended\n"
		"      --timeout=SECONDS  for all of it; while it is busy, try again\n"
		USAGE_SELECTING;
	struct request req = { .verb = argv[0], .value = "unplugged" };

	if (request_parse(&req, argc, argv, SELECTING " timeout dry-run force", usage))
		return EXIT_FAILURE;
	return request_run(ctx, &req, unplug, req.dry_run ? NULL : "unplugged",
			   usage);
}

static int release_one(struct request *req, const char *region, const char *id)
{
	return set_attr(req, region, "release_extent", "extent ", id);
}

static int release_tag(struct request *req, const char *region, const char *tag)
{
	return set_attr(req, region, "release_tag", "tag ", tag);
}

static int release_listed(struct request *req, const char *region)
{
	char id[16];
	int rc = 0;

	for (int i = 0; i < req->nr_ids; i++) {
		snprintf(id, sizeof(id), "%u", req->ids[i]);
		rc = release_one(req, region, id) ?: rc;
	}
	for (int i = 0; i < req->nr_tags; i++)
		rc = release_tag(req, region, req->tags[i]) ?: rc;
	return rc;
}

struct release_all {
	struct request *req;
	const char *region;
};

/* An extent by its number, or the allocation that it belongs to */
static int release_entry(const struct extent *extent, void *arg)
{
	struct release_all *all = arg;

	if (extent->tag[0])
		return release_tag(all->req, all->region, extent->tag);
	return release_one(all->req, all->region, strchr(extent->name, '.') + 1);
}

static int release_all(struct request *req, const char *region)
{
	struct release_all all = { .req = req, .region = region };

	return for_each_extent(region, release_entry, &all);
}

static int release_extents(const char *region, void *arg)
{
	struct request *req = arg;

	return req->all ? release_all(req, region) : release_listed(req, region);
}

int verb_release_extents(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const char usage[] =
		"[OPTION]... REGION...\n"
		"\n"
		"Give dynamic capacity back to its device: extents, which are unplugged first,\n"
		"or allocations that have a tag, which nobody may use.\n"
		"      --id=X             the extent X of extentN.X; may be repeated\n"
		"      --tag=UUID         the allocation of this tag; may be repeated\n"
		"      --all              all extents and allocations\n"
		"      --timeout=SECONDS  for all of it; while it is busy, try again\n"
		USAGE_SELECTING;
	struct request req = { .verb = argv[0] };

	if (request_parse(&req, argc, argv, SELECTING " id tag all timeout", usage))
		return EXIT_FAILURE;
	if (req.all == (req.nr_ids || req.nr_tags)) {
		say("%s: either --all, or --id and --tag", req.verb);
		return EXIT_FAILURE;
	}
	return request_run(ctx, &req, release_extents, "released extents of", usage);
}

/* What DAX has is taken back, and held */
static int enable_sysram(struct request *req, const char *region)
{
	char name[64], path[256], driver[64];
	int rc;

	if (!dax_has_it(region, driver, sizeof(driver)))
		return 0;
	snprintf(name, sizeof(name), "dax_%s", region);
	rc = sysfs_path(path, sizeof(path), "drivers/cxl_dax_region/unbind") ?:
	     request_write(req, path, name);
	if (rc)
		say_error(req->verb, -rc, "%s: back from DAX", region);
	if (rc == -EBUSY)
		request_busy(req, region);
	return rc;
}

static int say_dax(const struct dax *dax, void *arg)
{
	const struct request *req = arg;

	say("%s: it is /dev/%s", req->verb, dax->name);
	return 0;
}

static int is_kmem(const struct dax *dax, void *arg)
{
	(void)arg;
	return !strcmp(dax->driver, "kmem");
}

/* What is held is handed to DAX, as a character device, whatever the policy was */
static int enable_dax(struct request *req, const char *region)
{
	char name[64], device[64], policy[32];
	int rc = 0;

	snprintf(name, sizeof(name), "dax_%s", region);
	snprintf(device, sizeof(device), "sysram_%s", region);
	if (dax_has_it(region, policy, sizeof(policy))) {
		if (!for_each_dax(region, is_kmem, NULL))
			return 0;
		rc = enable_sysram(req, region);
		if (rc)
			return rc;
	}
	if (sysfs_attr(device, "hotplug", policy, sizeof(policy)) && policy_plugs(policy))
		rc = sysfs_attr_write(device, "hotplug", "none");
	if (rc)
		say_error(req->verb, -rc, "%s: hotplug none", region);
	rc = rc ?: driver_bind(req->verb, "cxl_dax_region", name);
	if (rc == -EBUSY)
		say("  while it is memory it cannot be DAX, try first: cxl-cli unplug %s", region);
	if (!rc)
		for_each_dax(region, say_dax, req);
	return rc;
}

/* What was chosen at boot may have plugged it */
static int hold(struct request *req, const char *region)
{
	char device[64], policy[32], path[256];
	int rc;

	snprintf(device, sizeof(device), "sysram_%s", region);
	if (!sysfs_attr(device, "hotplug", policy, sizeof(policy)) ||
	    !policy_plugs(policy))
		return 0;
	rc = sysfs_attr_write(device, "hotplug", "none") ?:
	     request_attr(req, region, "state", path, sizeof(path)) ?:
	     request_write(req, path, "unplugged");
	/* Nobody is there who could have plugged it */
	if (rc == -ENXIO)
		return 0;
	if (rc)
		say_error(req->verb, -rc, "%s: unplugged", region);
	return rc;
}

/* The driver is chosen by its bind file, and DAX by the policy below it */
static int enable_region(const char *region, void *arg)
{
	struct request *req = arg;
	bool dax = !strcmp(req->driver, "dax"), held;
	const char *wanted = strcmp(req->driver, "region") ? "sysram_region" : "cxl_region";
	char path[256], driver[64];
	int rc;

	if (!driver_there(req->verb, wanted))
		return -ENODEV;
	held = sysfs_driver(region, driver, sizeof(driver));
	if (held && strcmp(driver, wanted)) {
		say("%s: %s belongs to %s, try first: cxl disable-region %s", req->verb,
		    region, driver, region);
		return -EBUSY;
	}
	if (held)
		return dax ? enable_dax(req, region) :
		       strcmp(wanted, "sysram_region") ? 0 : enable_sysram(req, region);
	/* Nobody else is meant any more, also when it was guarded before */
	if (!strcmp(wanted, "cxl_region") &&
	    sysfs_attr(region, "driver_override", driver, sizeof(driver)) &&
	    !strcmp(driver, "sysram_region"))
		sysfs_attr_write(region, "driver_override", "\n");
	rc = driver_bind(req->verb, wanted, region);
	if (rc || strcmp(wanted, "sysram_region"))
		return rc;

	rc = hold(req, region);
	if (!rc && dax)
		rc = enable_dax(req, region);
	if (rc && (sysfs_path(path, sizeof(path), "drivers/sysram_region/unbind") ||
		   sysfs_write(path, region)))
		say("  %s could not be disabled again, try: cxl-cli unplug --timeout=60 %s",
		    region, region);
	return rc;
}

int verb_enable_region(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const char usage[] =
		"[OPTION]... REGION...\n"
		"\n"
		"Enable a region, as cxl does, and choose who has it.\n"
		"      --driver=DRIVER    sysram: held, to be plugged on request; dax: a character\n"
		"                         device; region: cxl_region, as if nobody had chosen\n"
		"      --timeout=SECONDS  to take it back from DAX; while it is busy, try again\n"
		USAGE_SELECTING;
	struct request req = { .verb = argv[0] };

	if (request_parse(&req, argc, argv, SELECTING " driver timeout", usage))
		return EXIT_FAILURE;
	if (!req.driver || (strcmp(req.driver, "sysram") &&
			    strcmp(req.driver, "dax") &&
			    strcmp(req.driver, "region"))) {
		say("%s: --driver is sysram, dax or region", req.verb);
		return EXIT_FAILURE;
	}
	return request_run(ctx, &req, enable_region, "enabled", usage);
}
