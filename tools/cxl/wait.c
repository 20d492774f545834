// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "request.h"

/*
 * wait: until a memdev, or a region, is as far as one wants it. What comes by itself, an
 * endpoint or a policy at boot, comes when it comes; a script does not have to guess.
 */

/* The least of the memdevs that are meant; -1: there is none */
static int memdev_level_of(const char *name, struct level *level)
{
	struct cxl_memdev *memdev;
	struct level one;
	struct cxl_ctx *ctx;
	int number = -1;

	/* libcxl reads what there is once: each look is a new one */
	if (cxl_new(&ctx))
		return -1;
	cxl_memdev_foreach(ctx, memdev) {
		if (!memdev_is_meant(name, memdev) ||
		    memdev_level(ctx, cxl_memdev_get_devname(memdev), &one) < 0)
			continue;
		/* Its driver is there before it is ready */
		if (one.number == 2 && !cxl_memdev_get_endpoint(memdev))
			one.number = 1;
		if (number >= 0 && one.number >= number)
			continue;
		number = one.number;
		*level = one;
	}
	cxl_unref(ctx);
	return number;
}

static bool is_starting(const char *name)
{
	struct cxl_memdev *memdev;
	bool starting = false;
	struct cxl_ctx *ctx;
	char driver[64];

	if (cxl_new(&ctx))
		return false;
	cxl_memdev_foreach(ctx, memdev)
		starting |= memdev_is_meant(name, memdev) && !cxl_memdev_get_endpoint(memdev) &&
			    sysfs_driver(cxl_memdev_get_devname(memdev), driver, sizeof(driver));
	cxl_unref(ctx);
	return starting;
}

/**
 * wait_for_endpoints - memdevs that were just enabled are of use a moment later
 * @req: for its time
 * @names: of memdevs
 * @nr: how many
 *
 * Waits for some seconds at most, and for those only that have a driver.
 */
void wait_for_endpoints(struct request *req, char **names, int nr)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	int tries = 50;

	for (int i = 0; i < nr && !interrupted; i++)
		while (is_starting(names[i]) && --tries > 0 && !request_is_over(req))
			nanosleep(&pause, NULL);
}

static int level_of(const char *name, struct level *level)
{
	return strncmp(name, "region", strlen("region")) ? memdev_level_of(name, level) :
	       region_level(name, level);
}

/* There, and will never be memory */
static bool is_in_vain(const char *name)
{
	char mode[32];

	if (strncmp(name, "region", strlen("region")))
		return memdev_in_vain(name);
	return sysfs_attr(name, "mode", mode, sizeof(mode)) && !strcmp(mode, "pmem");
}

static int wait_for(struct request *req, const char *name)
{
	const struct timespec pause = { .tv_nsec = 200000000 };
	struct level level;
	int number;

	while ((number = level_of(name, &level)) < req->level) {
		if (is_in_vain(name)) {
			say("%s: %s is persistent memory", req->verb, name);
			return EXIT_REFUSED;
		}
		if (request_is_over(req)) {
			if (number < 0)
				say("%s: there is no %s", req->verb, name);
			else
				say("%s: %s is at level %d: %s", req->verb, name, number,
				    level.reason);
			return number < 0 ? EXIT_NONE : EXIT_TIME;
		}
		nanosleep(&pause, NULL);
	}
	return EXIT_SUCCESS;
}

/**
 * verb_wait - until something is as far as it is to be
 * @ctx: of libcxl
 * @argc: of the verb
 * @argv: of the verb
 *
 * Return: an exit code.
 */
int verb_wait(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "level", OPT_LEVEL, "N", 0,
		  "1 to 4; default is 4, online memory", 0 },
		{ "timeout", OPT_TIMEOUT, "SECONDS", 0,
		  "at most; default is for ever", 0 },
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "TARGET...",
		.doc = "Wait until memdevs and regions have a level, see cxl-cli list.",
	};
	struct request req = { .verb = argv[0], .level = 4 };
	int rc = EXIT_SUCCESS;

	(void)ctx;
	if (request_parse(&req, argc, argv, &usage))
		return EXIT_USAGE;
	for (int i = 0; i < req.selection.nr && !rc; i++)
		rc = wait_for(&req, req.selection.names[i]);
	return rc;
}
