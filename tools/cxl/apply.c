// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "list.h"
#include "policy.h"
#include "request.h"

/*
 * apply-policy: make of the memory of memdevs what the policy files say. It creates
 * regions, binds and plugs them, and gives those of which nothing is online to another
 * driver; what is online it takes from nobody. udev starts it for each memdev that comes.
 */

/**
 * struct application - of policies to memdevs
 * @ctx: of libcxl; NULL: what there is has to be looked at anew
 * @req: options, and what a region is to be
 * @policies: of the files
 * @done: names of regions that are what they are to be, with commas
 * @nr: how many
 */
struct application {
	struct cxl_ctx *ctx;
	struct request req;
	struct policies policies;
	char done[1024];
	int nr;
};

/**
 * facts_of - what a memdev is known by
 * @ctx: of libcxl
 * @memdev: it
 * @facts: result
 */
void facts_of(struct cxl_ctx *ctx, struct cxl_memdev *memdev, struct facts *facts)
{
	struct cxl_decoder *decoder;
	struct cxl_bus *bus;

	memset(facts, 0, sizeof(*facts));
	facts->name = cxl_memdev_get_devname(memdev);
	facts->serial = cxl_memdev_get_serial(memdev);
	facts->pci = cxl_memdev_get_host(memdev);
	cxl_bus_foreach(ctx, bus)
		cxl_decoder_foreach(cxl_bus_get_port(bus), decoder)
			if (facts->nr_windows < WINDOWS_MAX &&
			    cxl_decoder_get_target_by_memdev(decoder, memdev))
				facts->windows[facts->nr_windows++] =
					cxl_decoder_get_resource(decoder);
}

static const struct policy *policy_of(const struct application *app, struct cxl_memdev *memdev,
				      const char *type, bool *clash)
{
	struct facts facts;

	facts_of(app->ctx, memdev, &facts);
	return policy_for(&app->policies, &facts, type, clash);
}

/* A memdev by its serial number, ready to be part of a region; @nr: how many have it */
static struct cxl_memdev *memdev_of_serial(struct cxl_ctx *ctx, unsigned long long serial, int *nr)
{
	struct cxl_memdev *memdev, *found = NULL;

	*nr = 0;
	cxl_memdev_foreach(ctx, memdev) {
		if (cxl_memdev_get_serial(memdev) != serial || !cxl_memdev_get_endpoint(memdev))
			continue;
		found = memdev;
		(*nr)++;
	}
	return found;
}

/* Its modules are loaded for those who have asked for DAX, and for nobody else */
static void load_dax(const char *driver)
{
	char *argv[] = { "/sbin/modprobe", "-aq", "dax_cxl", "device_dax", NULL };
	char path[256];

	if (!strcmp(driver, "dax") &&
	    !sysfs_path(path, sizeof(path), "drivers/cxl_dax_region") && !sysfs_exists(path))
		run_program(argv);
}

static void request_of(struct application *app, const struct policy *policy)
{
	struct request *req = &app->req;

	req->driver = policy->driver;
	req->hotplug = strcmp(policy->driver, "region") ? policy->hotplug : NULL;
	if (!strcmp(policy->driver, "dax") && !strcmp(policy->hotplug, "none"))
		req->hotplug = NULL;
	req->memmap = policy->memmap;
	if (!req->dry_run)
		load_dax(policy->driver);
}

static int finished(struct application *app, const char *region)
{
	add_word(app->done, sizeof(app->done), region);
	app->nr++;
	return 0;
}

/*
 * What somebody has begun is left. Of an interleave set that firmware has programmed, some
 * memdevs may not have come yet: whoever destroys that loses what firmware has set up.
 */
static int check_finished(const struct application *app, struct cxl_region *region)
{
	unsigned int ways = cxl_region_get_interleave_ways(region), nr = 0;
	const char *name = cxl_region_get_devname(region);
	struct cxl_memdev_mapping *mapping;
	unsigned long long commit;

	if (sysfs_number(name, "commit", &commit) && commit)
		return 0;
	cxl_mapping_foreach(region, mapping)
		nr++;
	if (nr < ways) {
		say("%s: %s has %u of %u memdevs, and waits for the others", app->req.verb, name,
		    nr, ways);
		return -EAGAIN;
	}
	say("%s: %s was not finished, try: cxl destroy-region -f %s", app->req.verb, name, name);
	return -EPERM;
}

/* All memdevs of a region have to be of one mind, and no more of them than it has */
static int check_members(const struct application *app, const struct policy *policy,
			 struct cxl_region *region)
{
	const char *name = cxl_region_get_devname(region);
	struct cxl_memdev_mapping *mapping;
	struct cxl_memdev *memdev;
	unsigned int nr = 0;

	cxl_mapping_foreach(region, mapping) {
		memdev = cxl_decoder_get_memdev(cxl_mapping_get_decoder(mapping));
		nr++;
		if (memdev && policy_of(app, memdev, policy->type, NULL) == policy)
			continue;
		say("%s: %s is left: %s is part of it, and not of the policy %s", app->req.verb,
		    name, memdev ? cxl_memdev_get_devname(memdev) : "a memdev that is gone",
		    policy->name);
		return -EPERM;
	}
	if (policy->nr_serials <= 1 || policy->nr_serials == nr)
		return 0;
	say("%s: %s is left: it is made of %u memdevs, and the policy %s is for %u", app->req.verb,
	    name, nr, policy->name, policy->nr_serials);
	return -EPERM;
}

static bool has_memdev(struct cxl_region *region, struct cxl_memdev *memdev)
{
	struct cxl_memdev_mapping *mapping;

	cxl_mapping_foreach(region, mapping)
		if (cxl_decoder_get_memdev(cxl_mapping_get_decoder(mapping)) == memdev)
			return true;
	return false;
}

static bool is_of_type(struct cxl_region *region, const char *type)
{
	char mode[32];

	return sysfs_attr(cxl_region_get_devname(region), "mode", mode, sizeof(mode)) &&
	       !strcmp(mode, type);
}

/* What must not be opened while a file is void */
static int check_guard(const struct application *app, const struct policy *policy,
		       const char *name)
{
	char device[64], hotplug[32];

	snprintf(device, sizeof(device), "sysram_%s", name);
	if (!app->policies.guard[0] || policy_guards(policy) ||
	    !sysfs_attr(device, "hotplug", hotplug, sizeof(hotplug)) || strcmp(hotplug, "never"))
		return 0;
	say("%s: %s stays guarded while %s is void", app->req.verb, name, app->policies.guard);
	return -EPERM;
}

/* The regions that are there; @nr: how many */
static int settle_regions(struct application *app, const struct policy *policy,
			  struct cxl_memdev *memdev, int *nr)
{
	struct cxl_decoder *decoder;
	struct cxl_region *region;
	struct cxl_bus *bus;
	int rc = 0, one;

	*nr = 0;
	request_of(app, policy);
	for_each_region(app->ctx, bus, decoder, region) {
		const char *name = cxl_region_get_devname(region);

		if (!has_memdev(region, memdev) || !is_of_type(region, policy->type))
			continue;
		(*nr)++;
		/* Its last memdev, too, is said to have come */
		one = check_finished(app, region);
		if (one == -EAGAIN)
			continue;
		app->req.change = app->req.all;
		one = one ?:
		      check_guard(app, policy, name) ?:
		      check_members(app, policy, region) ?:
		      settle_region(&app->req, name) ?:
		      app->req.dry_run ? 0 : finished(app, name);
		rc = rc ?: one;
	}
	return rc;
}

/* The root decoder with the base address that a policy names */
static const char *window_of(struct cxl_ctx *ctx, unsigned long long base)
{
	struct cxl_decoder *decoder;
	struct cxl_bus *bus;

	cxl_bus_foreach(ctx, bus)
		cxl_decoder_foreach(cxl_bus_get_port(bus), decoder)
			if (cxl_decoder_get_resource(decoder) == base)
				return cxl_decoder_get_devname(decoder);
	return NULL;
}

/* Has it a partition of that type? */
static bool has_type(struct cxl_memdev *memdev, const char *type)
{
	unsigned long long size;
	char device[64];

	snprintf(device, sizeof(device), "%s/%s", cxl_memdev_get_devname(memdev), type);
	return sysfs_number(device, "size", &size) && size;
}

/* A region of that type that a memdev is part of, or NULL */
static struct cxl_region *region_of(struct cxl_ctx *ctx, struct cxl_memdev *memdev,
				    const char *type)
{
	struct cxl_decoder *decoder;
	struct cxl_region *region;
	struct cxl_bus *bus;

	for_each_region(ctx, bus, decoder, region)
		if (has_memdev(region, memdev) && is_of_type(region, type))
			return region;
	return NULL;
}

/* One of a set: -EAGAIN, which has been said, when it has not come yet */
static int find_member(const struct application *app, const struct policy *policy,
		       unsigned long long serial, char **name)
{
	struct cxl_memdev *memdev;
	struct cxl_region *region;
	int nr;

	memdev = memdev_of_serial(app->ctx, serial, &nr);
	if (!memdev) {
		say("%s: %s waits for serial number %#llx", app->req.verb, policy->name, serial);
		return -EAGAIN;
	}
	if (nr > 1) {
		say("%s: %s: %d memdevs have serial number %#llx", app->req.verb, policy->name, nr,
		    serial);
		return -EINVAL;
	}
	*name = (char *)cxl_memdev_get_devname(memdev);
	if (policy_of(app, memdev, policy->type, NULL) != policy) {
		say("%s: %s is left: another policy is for its %s", app->req.verb, policy->name,
		    *name);
		return -EINVAL;
	}
	region = region_of(app->ctx, memdev, policy->type);
	if (!region)
		return 0;
	say("%s: %s is left: its %s is part of %s", app->req.verb, policy->name, *name,
	    cxl_region_get_devname(region));
	return -EPERM;
}

static void say_created(const struct application *app, const struct policy *policy,
			const struct creation *c)
{
	char names[256] = "";

	for (int i = 0; i < c->nr_names; i++)
		add_word(names, sizeof(names), c->names[i]);
	say("%s: a region of %s would be created: %s, %s (%s)", app->req.verb, names,
	    policy->driver, policy->hotplug, policy->name);
}

/* A set is complete when its last member has come */
static int create(struct application *app, const struct policy *policy, struct cxl_memdev *memdev)
{
	char *names[MEMDEVS_MAX] = { (char *)cxl_memdev_get_devname(memdev) };
	struct creation c = {
		.type = policy->type, .driver = policy->driver, .size = policy->size,
		.granularity = policy->granularity, .memmap = policy->memmap,
		.hotplug = app->req.hotplug, .names = names, .nr_names = 1,
		.force = app->req.force, .req = &app->req,
	};
	bool set = policy->nr_serials > 1;
	int rc;

	for (unsigned int i = 0; set && i < policy->nr_serials; i++) {
		rc = find_member(app, policy, policy->serials[i], &names[i]);
		if (rc)
			return rc == -EAGAIN ? 0 : rc;
		c.nr_names = i + 1;
	}
	if (app->req.dry_run) {
		/* Once for a set */
		if (!set || !policy->would)
			say_created(app, policy, &c);
		app->policies.list[policy - app->policies.list].would = true;
		return 0;
	}
	if (policy->match == MATCH_WINDOW)
		c.root = window_of(app->ctx, policy->window);
	rc = create_region(app->ctx, &c);
	return rc ? rc : finished(app, c.name);
}

static int apply_to(struct application *app, const struct policy *policy,
		    struct cxl_memdev *memdev)
{
	int nr, rc;

	if (app->policies.guard[0] && (!strcmp(policy->driver, "region") ||
				       policy_plugs(policy->hotplug))) {
		say("%s: %s: nothing is plugged while %s is void, it may guard that",
		    app->req.verb, cxl_memdev_get_devname(memdev), app->policies.guard);
		return -EINVAL;
	}
	rc = settle_regions(app, policy, memdev, &nr);
	if (nr || rc || policy->no_create || !has_type(memdev, policy->type))
		return rc;
	return create(app, policy, memdev);
}

static int apply_type(struct application *app, const char *name, const char *type, bool guards)
{
	const struct policy *policy = NULL;
	struct cxl_memdev *memdev, *it = NULL;
	bool clash = false;
	int rc;

	rc = app->ctx ? 0 : cxl_new(&app->ctx);
	if (rc) {
		say_error(app->req.verb, -rc, "libcxl");
		app->ctx = NULL;
		return rc;
	}
	cxl_memdev_foreach(app->ctx, memdev)
		if (!strcmp(cxl_memdev_get_devname(memdev), name))
			it = memdev;
	/* Once is enough to say it */
	if (it)
		policy = policy_of(app, it, type, guards ? &clash : NULL);
	if (clash)
		return -EINVAL;
	if (!policy || policy_guards(policy) != guards)
		return 0;
	if (request_is_over(&app->req)) {
		say("%s: %s: the time is over, and %s not begun", app->req.verb, name, policy->name);
		return -EBUSY;
	}
	rc = apply_to(app, policy, it);
	/* A region that was made a moment ago is seen by a new context only */
	cxl_unref(app->ctx);
	app->ctx = NULL;
	return rc;
}

/* What guards memory goes first; @memdevs: names, or "all" */
static int apply(struct application *app, struct cxl_ctx *ctx, const char *memdevs, bool guards)
{
	struct cxl_memdev *memdev;
	int rc = 0, one;

	cxl_memdev_foreach(ctx, memdev)
		for (int i = 0; policy_types[i]; i++) {
			/* What is disabled has not come yet */
			if (!memdev_is_meant(memdevs, memdev) ||
			    (!strcmp(memdevs, "all") && !cxl_memdev_is_enabled(memdev)))
				continue;
			one = interrupted ? -EINTR :
			      apply_type(app, cxl_memdev_get_devname(memdev), policy_types[i], guards);
			rc = rc ?: one;
		}
	return rc;
}

static int apply_all(struct application *app, struct cxl_ctx *ctx, char **names, int nr)
{
	int rc = 0;

	for (int guards = 1; guards >= 0; guards--)
		for (int i = 0; i < nr; i++)
			rc = apply(app, ctx, names[i], guards) ?: rc;
	return rc;
}

/**
 * verb_apply_policy - make of memdevs what the policy files say
 * @ctx: of libcxl
 * @argc: of the verb
 * @argv: of the verb
 *
 * Return: an exit code.
 */
int verb_apply_policy(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const struct argp_option options[] = {
		OPTION_DRY_RUN,
		{ "switch", OPT_SWITCH, NULL, 0,
		  "also take offline what is online as something else", 0 },
		OPTION_FORCE,
		OPTION_TIMEOUT,
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "[MEMDEV]...",
		.doc = "Make of the memory of MEMDEV, or of all memdevs, what the files in "
		       "/etc/cxl/policy.d say: see cxl-cli check-policy. Regions are created, bound and "
		       "plugged. What is online stays as it is.",
	};
	struct application app = { .req = { .verb = argv[0], .loads = true } };
	struct request *req = &app.req;
	int lock, rc;

	if (request_parse(req, argc, argv, &usage))
		return EXIT_USAGE;
	if (!req->selection.nr)
		req->selection.names[req->selection.nr++] = "all";
	/* What one region was asked is not what the next one is */
	req->all = req->change;
	for (int i = 0; i < req->selection.nr; i++) {
		if (!strcmp(req->selection.names[i], "all") ||
		    memdev_is_there(ctx, req->selection.names[i]))
			continue;
		say("%s: there is no memdev %s, see cxl list -M", req->verb, req->selection.names[i]);
		return EXIT_NONE;
	}
	lock = take_lock(req->timeout);
	if (lock == -EBUSY)
		return EXIT_TIME;
	catch_signals(true);
	rc = policies_load(&app.policies, NULL, 0);
	if (app.policies.nr) {
		wait_for_endpoints(req, req->selection.names, req->selection.nr);
		rc = apply_all(&app, ctx, req->selection.names, req->selection.nr);
	}
	if (app.ctx)
		cxl_unref(app.ctx);
	catch_signals(false);
	if (lock >= 0)
		close(lock);
	if (app.nr)
		list_regions(ctx, app.done, isatty(STDOUT_FILENO), false);
	if (!rc && app.policies.wrong)
		rc = -EINVAL;
	policies_free(&app.policies);
	return rc && app.nr ? EXIT_PARTLY : request_exit(req, rc);
}
