// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "enable.h"

/*
 * enable-region with a choice of driver, for what is disabled; and with --switch from
 * whoever has the region to whoever is to have it, in one command. Memory that is online
 * is taken offline by whoever has plugged it, never by unbinding kmem: that would leave it
 * behind until the next reboot. What fails is undone.
 */

static bool is_sysram(const struct request *req)
{
	return strcmp(req->driver, "region") != 0;
}

static const char *wanted_driver(const struct request *req)
{
	return is_sysram(req) ? "sysram_region" : "cxl_region";
}

static int say_dax(const struct dax *dax, void *arg)
{
	const struct request *req = arg;

	if (strcmp(dax->driver, "kmem"))
		say("%s: it is /dev/%s", req->verb, dax->name);
	else
		say("%s: it is System RAM, by %s", req->verb, dax->name);
	return 0;
}

/* What DAX has is taken back, and held */
static int back_from_dax(struct request *req, const char *region)
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

/* Is it the DAX device that is asked for? */
static bool is_that_dax(const struct request *req, const char *region)
{
	char device[64], driver[64], policy[32] = "";

	snprintf(device, sizeof(device), "sysram_%s", region);
	sysfs_attr(device, "hotplug", policy, sizeof(policy));
	return dax_has_it(region, driver, sizeof(driver)) &&
	       (!req->hotplug || !strcmp(req->hotplug, policy)) &&
	       region_has_kmem(region) == (req->hotplug && policy_plugs(req->hotplug));
}

/* For now, in the time that there is: to be guarded may take long */
static int ask_hotplug(struct request *req, const char *region, const char *policy)
{
	char path[256];
	int rc;

	rc = sysfs_path(path, sizeof(path), "devices/sysram_%s/hotplug", region) ?:
	     request_write(req, path, policy);
	if (rc)
		say_error(req->verb, -rc, "%s: hotplug %s", region, policy);
	return rc;
}

/* What is held is handed to DAX: as a character device, unless a policy is asked for */
static int to_dax(struct request *req, const char *region)
{
	char name[64], device[64], policy[32] = "";
	int rc;

	snprintf(name, sizeof(name), "dax_%s", region);
	snprintf(device, sizeof(device), "sysram_%s", region);
	if (is_that_dax(req, region))
		return 0;
	rc = back_from_dax(req, region);
	if (rc)
		return rc;
	sysfs_attr(device, "hotplug", policy, sizeof(policy));
	if (req->hotplug)
		rc = ask_hotplug(req, region, req->hotplug);
	else if (policy_plugs(policy))
		rc = ask_hotplug(req, region, "none");
	if (rc)
		return rc;
	rc = request_bind(req, "cxl_dax_region", name);
	if (!rc)
		for_each_dax(region, say_dax, req);
	else if (policy[0])
		set_hotplug(req, region, policy);
	if (rc == -EBUSY)
		say("  while it is memory it cannot be DAX, try first: cxl-cli unplug %s", region);
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
	rc = ask_hotplug(req, region, "none") ?:
	     request_attr(req, region, "state", path, sizeof(path)) ?:
	     request_write(req, path, "unplugged");
	/* Nobody is there who could have plugged it */
	if (rc == -ENXIO)
		return 0;
	if (rc)
		say_error(req->verb, -rc, "%s: unplugged", region);
	return rc;
}

/* Policy, and memory if that says so */
static int plug(struct request *req, const char *region)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	unsigned long long size, plugged;
	int tries = 30, rc = 0;
	char path[256];
	bool now;

	snprintf(path, sizeof(path), "sysram_%s", region);
	/* What is plugged stays as it was plugged */
	if (req->memmap && !(sysfs_number(path, "plugged_size", &plugged) && plugged))
		rc = memmap_set(req->verb, region, req->memmap);
	if (rc || !req->hotplug)
		return rc;
	/* Of a dynamic region there may be nothing yet: the policy is for what comes */
	now = policy_plugs(req->hotplug) && !(sysfs_number(path, "size", &size) && !size);
	if (now && !req->force)
		rc = memmap_fits(req->verb, region, 0);
	rc = rc ?: ask_hotplug(req, region, req->hotplug);
	if (rc || !now)
		return rc;
	rc = request_attr(req, region, "state", path, sizeof(path));
	if (rc)
		return rc;
	/* The module that does it may have been sent for just now */
	while ((rc = request_write(req, path, req->hotplug)) == -ENXIO && --tries)
		nanosleep(&pause, NULL);
	if (rc)
		say_error(req->verb, -rc, "%s: %s", region, req->hotplug);
	explain_state(rc);
	return rc;
}

/* A region that nobody has */
static int give(struct request *req, const char *region)
{
	char path[256];
	int rc;

	rc = request_bind(req, wanted_driver(req), region);
	if (rc || !is_sysram(req))
		return rc;
	rc = hold(req, region);
	if (!rc)
		rc = strcmp(req->driver, "dax") ? plug(req, region) : to_dax(req, region);
	if (rc && (sysfs_path(path, sizeof(path), "drivers/sysram_region/unbind") ||
		   sysfs_write(path, region)))
		say("  %s could not be disabled again, try: cxl-cli unplug --timeout=60 %s",
		    region, region);
	return rc;
}

/* DAX has the tags of a dynamic region anyway, and cxl_region cannot have it */
static int check_dynamic(const struct request *req, const char *region)
{
	char mode[32];

	if (!strcmp(req->driver, "sysram") || !sysfs_attr(region, "mode", mode, sizeof(mode)) ||
	    strncmp(mode, "dynamic_ram_", strlen("dynamic_ram_")))
		return 0;
	say("%s: %s is dynamic, and what has a tag of it is DAX: only --driver=sysram is for it",
	    req->verb, region);
	return -EPERM;
}

/* What can be known before anything is done */
static int check_switch(const struct request *req, const char *region, const struct owner *was)
{
	const struct blocks *blocks = &was->blocks;
	char size[32], mode[32];
	unsigned long long node;
	int rc;

	if (sysfs_attr(region, "mode", mode, sizeof(mode)) && !strcmp(mode, "pmem")) {
		say("%s: %s is persistent memory, which has no choice of driver", req->verb,
		    region);
		return -EPERM;
	}
	rc = check_dynamic(req, region);
	if (rc)
		return rc;
	if (!strcmp(req->driver, "dax") && !(req->dry_run && req->loads) &&
	    !driver_there(req->verb, "cxl_dax_region"))
		return -ENODEV;
	if (was->differ) {
		say("%s: the dax devices of %s are in different states, see daxctl list", req->verb,
		    region);
		return -EPERM;
	}
	if (!is_sysram(req) && !strcmp(was->hotplug, "never")) {
		say("%s: %s is guarded, so that nobody brings it online by mistake, try first: cxl-cli set-hotplug %s none",
		    req->verb, region, region);
		return -EPERM;
	}
	if (blocks->online > blocks->movable && !req->force) {
		format_size(blocks->online - blocks->movable, size, sizeof(size));
		say("%s: %s of %s are in a zone of the kernel's own, which cannot be emptied for sure",
		    req->verb, size, region);
		say("  try first: cxl-cli unplug %s; or at the next boot: cxl_core.region_driver=sysram_region cxl_core.sysram_hotplug=online_movable, or memhp_default_state=online_movable",
		    region);
		return -EPERM;
	}
	if (req->force || !region_node(region, &node))
		return 0;
	return fits_elsewhere(req->verb, region, node, 0, false);
}

static int unplug_kmem(const struct dax *dax, void *arg)
{
	struct request *req = arg;
	int rc;

	if (strcmp(dax->driver, "kmem"))
		return 0;
	rc = request_write_dax(req, dax, "unplugged", KMEM_TIMEOUT, &interrupted);
	if (rc)
		say_error(req->verb, -rc, "%s: unplugged", dax->name);
	return rc;
}

/* Away from whoever has it: all of its memory is unplugged, or nothing has changed */
static int take(struct request *req, const char *region, const struct owner *was)
{
	struct blocks blocks;
	char path[256];
	int rc;

	blocks_of_region(region, &blocks);
	if (req->idle && blocks.online) {
		say("%s: %s has come online, and stays", req->verb, region);
		return -EBUSY;
	}
	if (strcmp(was->driver, "sysram_region")) {
		if (explain_dax(region))
			return -EBUSY;
		rc = for_each_dax(region, unplug_kmem, req);
		blocks_of_region(region, &blocks);
		if (!rc && blocks.present)
			rc = -EBUSY;
		if (rc)
			return rc;
	}
	rc = sysfs_path(path, sizeof(path), "drivers/%s/unbind", was->driver) ?:
	     request_write(req, path, region);
	if (rc)
		say_error(req->verb, -rc, "%s: away from %s", region, was->driver);
	return rc;
}

static int change(struct request *req, const char *region, const struct owner *was)
{
	int rc = check_switch(req, region, was);

	if (rc)
		return rc;
	/* Before it is nobody's: no rescan takes it in between */
	if (is_sysram(req))
		rc = set_override(req, region, "sysram_region");
	rc = rc ?: take(req, region, was);
	if (rc == -EBUSY)
		request_busy(req, region);
	if (rc) {
		restore(req, region, was);
		return rc;
	}
	if (!is_sysram(req))
		rc = set_override(req, region, "");
	rc = rc ?: give(req, region);
	if (rc)
		restore(req, region, was);
	else if (is_sysram(req))
		say("%s: driver_override of %s is sysram_region, until --driver=region",
		    req->verb, region);
	return rc;
}

/* Is what is online what it is to be? */
static bool is_as_wanted(const struct request *req, const struct owner *was)
{
	const struct blocks *blocks = &was->blocks;
	const char *hotplug = req->hotplug ? req->hotplug : "none";

	if (strcmp(was->driver, wanted_driver(req)) ||
	    (is_sysram(req) && was->dax == !strcmp(req->driver, "sysram")))
		return false;
	if (!is_sysram(req) || !strcmp(hotplug, "online"))
		return true;
	if (!strcmp(hotplug, "online_movable"))
		return blocks->online == blocks->movable;
	if (!strcmp(hotplug, "online_kernel"))
		return !blocks->movable;
	/* For what arrives later */
	return !strcmp(hotplug, "none") && !was->dax;
}

/* Under sysram_region already: is it memory that has to go first? */
static bool goes_below(const struct request *req, const char *region, const struct owner *was)
{
	if (!was->blocks.present)
		return false;
	if (!strcmp(req->driver, "dax"))
		return !is_that_dax(req, region);
	/* Another zone, or a guard, only where that was asked for */
	return was->dax || (req->change && !req->idle && was->blocks.online &&
			    !is_as_wanted(req, was));
}

/* Under sysram_region already: held, plugged, or DAX, each from each */
static int change_below(struct request *req, const char *region, const struct owner *was)
{
	bool dax = !strcmp(req->driver, "dax");
	char path[256];
	int rc = 0;

	if (goes_below(req, region, was)) {
		if (!req->change) {
			say("%s: %s is memory, try: cxl-cli enable-region --driver=%s --switch %s",
			    req->verb, region, req->driver, region);
			return -EBUSY;
		}
		rc = check_switch(req, region, was);
		if (rc)
			return rc;
		rc = was->dax ? 0 :
		     request_attr(req, region, "state", path, sizeof(path)) ?:
		     request_write(req, path, "unplugged");
		if (rc)
			say_error(req->verb, -rc, "%s: unplugged", region);
		if (rc == -EBUSY)
			request_busy(req, region);
	}
	if (!rc)
		rc = dax ? to_dax(req, region) : back_from_dax(req, region) ?: plug(req, region);
	if (rc)
		restore(req, region, was);
	return rc;
}

/* What is in the way, and else what would be done */
static int look_only(const struct request *req, const char *region, const struct owner *was)
{
	bool other = was->driver[0] && strcmp(was->driver, wanted_driver(req));
	int rc;

	if (!other && was->driver[0] && is_sysram(req))
		other = goes_below(req, region, was);
	rc = other ? check_switch(req, region, was) : check_dynamic(req, region);
	if (!rc && other && !req->change)
		rc = -EBUSY;
	if (!rc || rc == -EBUSY)
		say("%s: %s is %s%s, and would be %s%s%s%s%s", req->verb, region,
		    was->driver[0] ? was->driver : "nobody's", was->dax ? " (dax)" : "",
		    wanted_driver(req), strcmp(req->driver, "dax") ? "" : " (dax)",
		    req->hotplug ? ", " : "", req->hotplug ? req->hotplug : "",
		    rc ? ": only with --switch" : "");
	return rc;
}

/* The driver is chosen by its bind file, and DAX by the policy below it */
static int enable_region(const char *region, void *arg)
{
	struct request *req = arg;
	struct owner was;
	int rc;

	if (!driver_there(req->verb, wanted_driver(req)))
		return -ENODEV;
	look(region, &was);
	if (req->dry_run)
		return look_only(req, region, &was);
	if (!was.driver[0]) {
		rc = check_dynamic(req, region);
		if (rc)
			return rc;
		/* Nobody else is meant any more, also when it was guarded before */
		if (!is_sysram(req) && !strcmp(was.override, "sysram_region"))
			rc = set_override(req, region, "");
		rc = rc ?: give(req, region);
		if (rc)
			set_override(req, region, was.override);
		return rc;
	}
	if (strcmp(was.driver, wanted_driver(req))) {
		if (req->change)
			return change(req, region, &was);
		say("%s: %s belongs to %s, try: cxl-cli enable-region --driver=%s --switch %s",
		    req->verb, region, was.driver, req->driver, region);
		return -EBUSY;
	}
	if (!is_sysram(req))
		return 0;
	rc = check_dynamic(req, region);
	return rc ?: change_below(req, region, &was);
}

/**
 * settle_region - make of a region what is asked for, unless that takes online memory away
 * @req: what, as for enable-region
 * @region: its name
 *
 * Return: 0, -EBUSY when it is online as something else, or an error of enable-region; what
 * it is has been said.
 */
int settle_region(struct request *req, const char *region)
{
	struct owner was;
	char size[32];
	int rc;

	if (interrupted)
		return -EINTR;
	look(region, &was);
	if (!was.blocks.online || req->change) {
		/* Nobody has asked for what comes online meanwhile to be taken */
		req->idle = !req->change;
		req->change = true;
		return enable_region(region, req);
	}
	if (is_as_wanted(req, &was)) {
		rc = req->dry_run || was.dax || !is_sysram(req) ? 0 : plug(req, region);
		if (rc)
			restore(req, region, &was);
		return rc;
	}
	format_size(was.blocks.online, size, sizeof(size));
	say("%s: %s of %s are online, and stay as they are (--switch: take them offline)",
	    req->verb, size, region);
	return -EBUSY;
}

/**
 * verb_enable_region - enable-region with --driver
 * @ctx: of libcxl
 * @argc: of the verb
 * @argv: of the verb
 *
 * Return: an exit code.
 */
int verb_enable_region(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "driver", OPT_DRIVER, "DRIVER", 0,
		  "sysram: held, to be plugged on request; dax: a character device; region: cxl_region, as if nobody had chosen", 0 },
		{ "hotplug", OPT_HOTPLUG, "POLICY", 0,
		  "for sysram and dax: what is to become of it", 0 },
		{ "memmap-on-memory", OPT_MEMMAP, "yes|no", 0,
		  "for sysram: take the memmap out of the region itself", 0 },
		OPTION_DRY_RUN,
		{ "switch", OPT_SWITCH, NULL, 0,
		  "also when another driver has it: its memory is unplugged first, and when that fails all is what it was", 0 },
		OPTION_FORCE,
		OPTION_TIMEOUT,
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "REGION...", .selects = true,
		.doc = "Enable a region, as cxl does, and choose who has it.",
	};
	struct request req = { .verb = argv[0] };

	if (request_parse(&req, argc, argv, &usage))
		return EXIT_USAGE;
	if (!req.driver || (strcmp(req.driver, "sysram") &&
			    strcmp(req.driver, "dax") &&
			    strcmp(req.driver, "region"))) {
		say("%s: --driver is sysram, dax or region", req.verb);
		return EXIT_USAGE;
	}
	if (req.hotplug && !is_sysram(&req)) {
		say("%s: --hotplug is for sysram and dax", req.verb);
		return EXIT_USAGE;
	}
	if (req.memmap && strcmp(req.driver, "sysram")) {
		say("%s: --memmap-on-memory is for sysram", req.verb);
		return EXIT_USAGE;
	}
	if (req.hotplug && !check_policy(req.verb, req.hotplug, false))
		return EXIT_USAGE;
	catch_signals(true);
	return request_run(ctx, &req, enable_region,
			   req.dry_run ? NULL : "enabled");
}
