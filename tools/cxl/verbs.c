// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "policy.h"
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
	if (rc == -EINPROGRESS) {
		say("%s: %s: %s%s is on its way: the device has not said whether it has it, and it goes when it does",
		    req->verb, region, what, value);
		return rc;
	}
	say_error(req->verb, -rc, "%s: %s%s", region, what, value);
	if (rc == -EBUSY)
		request_busy(req, region);
	if (!strcmp(attr, "state"))
		explain_state(rc);
	return rc;
}

static int set_kmem(const struct dax *dax, void *arg)
{
	struct request *req = arg;
	char state[32];
	int rc;

	if (strcmp(dax->driver, "kmem") ||
	    !sysfs_attr(dax->device, "state", state, sizeof(state)) ||
	    !strcmp(state, req->value))
		return 0;
	if (strcmp(req->value, "unplugged") && strcmp(state, "unplugged")) {
		say("%s: %s is %s, try first: cxl-cli unplug %s", req->verb, dax->name, state,
		    req->explained);
		return -EPERM;
	}
	rc = request_write_dax(req, dax, req->value, KMEM_TIMEOUT, NULL);
	if (rc)
		say_error(req->verb, -rc, "%s: %s", dax->name, req->value);
	return rc;
}

/* Is it cxl_region's, with memory by kmem, as on every machine that nobody has told? */
static bool kmem_has_it(const char *region)
{
	char driver[64];

	return sysfs_driver(region, driver, sizeof(driver)) && !strcmp(driver, "cxl_region") &&
	       region_has_kmem(region);
}

/* DAX has it, below sysram_region: that stays busy however long one waits */
static int refuse_dax(const struct request *req, const char *region)
{
	char driver[64];

	if (!dax_has_it(region, driver, sizeof(driver)))
		return 0;
	say_error(req->verb, EBUSY, "%s is DAX's (%s), try first: cxl-cli enable-region --driver=sysram %s",
		  region, driver, region);
	return -EBUSY;
}

/* And so does what is plugged in another way */
static int set_state(struct request *req, const char *region)
{
	char device[64], state[32];
	int rc;

	if (kmem_has_it(region)) {
		snprintf(req->explained, sizeof(req->explained), "%s", region);
		rc = for_each_dax(region, set_kmem, req);
		req->explained[0] = '\0';
		if (rc == -EBUSY)
			request_busy(req, region);
		return rc;
	}
	rc = refuse_dax(req, region);
	if (rc)
		return rc;
	snprintf(device, sizeof(device), "sysram_%s", region);
	if (strcmp(req->value, "unplugged") && strcmp(req->value, "online") &&
	    sysfs_attr(device, "state", state, sizeof(state)) &&
	    !strncmp(state, "online", strlen("online")) && strcmp(state, req->value)) {
		say_error(req->verb, EBUSY, "%s is %s, try first: cxl-cli unplug %s", region,
			  state, region);
		return -EBUSY;
	}
	return set_attr(req, region, "state", "", req->value);
}

/* The serial numbers of the memdevs of a region, in their order */
static int serials_of(const char *region, unsigned long long *serials, unsigned int *nr)
{
	unsigned long long ways;
	char attr[16], target[64], endpoint[64];
	unsigned int port;

	if (!sysfs_number(region, "interleave_ways", &ways) || !ways || ways > MEMDEVS_MAX)
		return -ENODEV;
	for (*nr = 0; *nr < ways; (*nr)++) {
		snprintf(attr, sizeof(attr), "target%u", *nr);
		if (!sysfs_attr(region, attr, target, sizeof(target)) ||
		    sscanf(target, "decoder%u.", &port) != 1)
			return -ENODEV;
		snprintf(endpoint, sizeof(endpoint), "endpoint%u/uport", port);
		if (!sysfs_number(endpoint, "serial", &serials[*nr]))
			return -ENODEV;
	}
	return 0;
}

static int persist(const struct request *req, const char *region)
{
	unsigned long long serials[MEMDEVS_MAX];
	char mode[32], driver[64];
	unsigned int nr;
	int rc;

	rc = sysfs_attr(region, "mode", mode, sizeof(mode)) ? serials_of(region, serials, &nr) :
	     -ENODEV;
	if (rc) {
		say("%s: %s: its memdevs cannot be told, and so not for the next boot", req->verb,
		    region);
		return -EIO;
	}
	rc = policy_persist(req->verb, serials, nr, mode,
			    dax_has_it(region, driver, sizeof(driver)) ? "dax" : "sysram",
			    req->value);
	if (!rc)
		say("%s: %s: also at the next boot; what the kernel needs for that: cxl-cli check-policy",
		    req->verb, region);
	return rc;
}

static int set_hotplug(const char *region, void *arg)
{
	struct request *req = arg;
	char device[64], was[32];
	int rc;

	snprintf(device, sizeof(device), "sysram_%s", region);
	if (!sysfs_attr(device, "hotplug", was, sizeof(was)))
		was[0] = '\0';
	rc = set_attr(req, region, "hotplug", "", req->value);
	if (rc || !req->persistent)
		return rc;
	/* For now and for the next boot, or neither */
	rc = persist(req, region);
	if (rc && was[0])
		set_attr(req, region, "hotplug", "", was);
	return rc;
}

int verb_set_hotplug(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "persistent", OPT_PERSISTENT, NULL, 0,
		  "at the next boot, too: in /etc/cxl/policy.d/90-local.conf", 0 },
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "REGION... POLICY", .selects = true,
		.doc = "What to do with the capacity of a region as it arrives: POLICY is none (hold "
		       "it), never (hold it, and let nobody make System RAM of it), offline, online, "
		       "online_kernel or online_movable. What is plugged already stays what it is. "
		       "REGION may be all.",
	};
	struct request req = { .verb = argv[0] };

	if (request_parse(&req, argc, argv, &usage))
		return EXIT_USAGE;
	/* The last word is the policy */
	if (req.selection.nr > 1) {
		req.value = req.selection.names[--req.selection.nr];
		if (!check_policy(req.verb, req.value, false))
			return EXIT_USAGE;
	} else {
		req.selection.nr = 0;
	}
	return request_run(ctx, &req, set_hotplug, "set");
}

static int resize(const char *region, void *arg)
{
	struct request *req = arg;
	unsigned long long size, was = 0, node;
	char device[64], path[256], text[32], has[32];
	int rc;

	rc = refuse_dax(req, region) ?:
	     request_attr(req, region, "plugged_size", path, sizeof(path));
	if (rc)
		return rc;
	snprintf(device, sizeof(device), "sysram_%s", region);
	/* It was looked at before */
	parse_size(req->value, &size);
	snprintf(text, sizeof(text), "%llu", size);
	if (sysfs_number(device, "plugged_size", &was) && !req->force) {
		rc = size > was ? memmap_fits(req->verb, region, size - was) :
		     size < was && region_node(region, &node) ?
		     fits_elsewhere(req->verb, region, node, size, false) : 0;
		if (rc)
			return rc;
	}
	if (req->dry_run) {
		say("%s: %s would be resized to %s bytes", req->verb, region, text);
		return 0;
	}
	rc = set_attr(req, region, "plugged_size", "", text);
	if (rc == -EINVAL) {
		format_size(block_size(), text, sizeof(text));
		say("  a multiple of %s, and not more than there is", text);
	}
	size = was;
	if (!sysfs_number(device, "plugged_size", &was))
		return rc;
	/* What has gone stays gone */
	req->partly = rc && was < size;
	format_size(was, has, sizeof(has));
	say("%s: %s of %s are plugged", req->verb, has, region);
	return rc;
}

int verb_resize(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "dry-run", OPT_DRY_RUN, NULL, 0,
		  "only see whether it fits", 0 },
		OPTION_FORCE,
		OPTION_TIMEOUT,
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "REGION... SIZE", .selects = true,
		.doc = "Plug or unplug memory blocks of a region until SIZE of it is memory: K, M, G and "
		       "T are units, 0 is nothing. What is used least goes first, and what has gone stays "
		       "gone when not all can. REGION may be all.",
	};
	struct request req = { .verb = argv[0] };
	unsigned long long size;

	if (request_parse(&req, argc, argv, &usage))
		return EXIT_USAGE;
	/* The last word is the size */
	if (req.selection.nr > 1) {
		req.value = req.selection.names[--req.selection.nr];
		if (strcmp(req.value, "0") && parse_size(req.value, &size)) {
			say("%s: what does '%s' mean?", req.verb, req.value);
			return EXIT_USAGE;
		}
	} else {
		req.selection.nr = 0;
	}
	return request_run(ctx, &req, resize, req.dry_run ? NULL : "resized");
}

static int plug(const char *region, void *arg)
{
	struct request *req = arg;
	int rc = req->force ? 0 : memmap_fits(req->verb, region, 0);

	return rc ?: set_state(req, region);
}

int verb_plug(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "type", OPT_TYPE, "TYPE", 0,
		  "online_movable (default), online_kernel, online or offline", 0 },
		{ "hotplug", 0, NULL, OPTION_ALIAS, NULL, 0 },
		{ "force", 'f', NULL, 0,
		  "also when its memmap leaves the kernel too little", 0 },
		OPTION_TIMEOUT,
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "REGION...", .selects = true,
		.doc = "Make System RAM of the capacity of a region, all of it or nothing. REGION may "
		       "be all.",
	};
	struct request req = { .verb = argv[0], .value = "online_movable" };

	if (request_parse(&req, argc, argv, &usage) ||
	    !check_policy(req.verb, req.value, true))
		return EXIT_USAGE;
	return request_run(ctx, &req, plug, "plugged");
}

static int unplug(const char *region, void *arg)
{
	struct request *req = arg;
	unsigned long long node;
	char path[256];
	int rc = 0;

	if (!kmem_has_it(region))
		rc = request_attr(req, region, "state", path, sizeof(path)) ?:
		     refuse_dax(req, region);
	if (!rc && !req->force && region_node(region, &node))
		rc = fits_elsewhere(req->verb, region, node, 0, req->dry_run);
	if (rc == -ENOSPC)
		say("%s: %s: nothing was done", req->verb, region);
	if (rc || req->dry_run)
		return rc;
	return set_state(req, region);
}

int verb_unplug(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "dry-run", OPT_DRY_RUN, NULL, 0,
		  "only see whether it fits", 0 },
		{ "force", 'f', NULL, 0,
		  "also when it does not: the kernel stops when somebody runs out of memory", 0 },
		OPTION_TIMEOUT,
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "REGION...", .selects = true,
		.doc = "Take the memory of a region offline and remove it, all of it or nothing. When "
		       "it is busy, the processes that have some of it are named. When what is in use "
		       "does not fit elsewhere nothing is done. REGION may be all.",
	};
	struct request req = { .verb = argv[0], .value = "unplugged" };
	int nr;

	if (request_parse(&req, argc, argv, &usage))
		return EXIT_USAGE;
	for_each_selected(ctx, &req.selection, fits_without, NULL, &nr);
	return request_run(ctx, &req, unplug, req.dry_run ? NULL : "unplugged");
}

/* Is it the one that is looked for? */
static int is_extent(const struct extent *extent, void *arg)
{
	const char *what = arg;

	if (!strcasecmp(extent->tag, what))
		return 1;
	if (strcmp(strchr(extent->name, '.') + 1, what))
		return 0;
	/* It goes with all of its allocation, or not at all */
	return extent->tag[0] ? -EINVAL : 1;
}

/* @what: an extent, or a tag, with a space */
static int release(struct request *req, const char *region, const char *attr,
		   const char *what, const char *value)
{
	char path[256];
	int rc;

	if (!req->dry_run) {
		rc = set_attr(req, region, attr, what, value);
		req->partly |= !rc;
		return rc;
	}
	rc = request_attr(req, region, attr, path, sizeof(path));
	if (rc)
		return rc;
	rc = for_each_extent(region, is_extent, (void *)value) ?: -ENOENT;
	if (rc < 0) {
		say_error(req->verb, -rc, "%s: %s%s", region, what, value);
		return rc;
	}
	say("%s: %s: %s%s would be given back", req->verb, region, what, value);
	return 0;
}

static int release_one(struct request *req, const char *region, const char *id)
{
	return release(req, region, "release_extent", "extent ", id);
}

static int release_tag(struct request *req, const char *region, const char *tag)
{
	return release(req, region, "release_tag", "tag ", tag);
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
	static const struct argp_option options[] = {
		{ "id", OPT_ID, "X", 0,
		  "the extent X of extentN.X; may be repeated", 0 },
		{ "tag", OPT_TAG, "UUID", 0,
		  "the allocation of this tag; may be repeated", 0 },
		{ "all", OPT_ALL, NULL, 0,
		  "all extents and allocations", 0 },
		{ "dry-run", OPT_DRY_RUN, NULL, 0,
		  "only say which", 0 },
		OPTION_TIMEOUT,
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "REGION...", .selects = true,
		.doc = "Give dynamic capacity back to its device: extents, which are unplugged first, "
		       "or allocations that have a tag, which nobody may use.",
	};
	struct request req = { .verb = argv[0] };

	if (request_parse(&req, argc, argv, &usage))
		return EXIT_USAGE;
	if (req.all == (req.nr_ids || req.nr_tags)) {
		say("%s: either --all, or --id and --tag", req.verb);
		return EXIT_USAGE;
	}
	return request_run(ctx, &req, release_extents,
			   req.dry_run ? NULL : "released extents of");
}
