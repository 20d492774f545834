// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uuid/uuid.h>
#include "list.h"
#include "request.h"

/*
 * The options that the verbs have in common, and what is done for each region that
 * they select.
 */

enum {
	OPT_ID = 256,
	OPT_TAG,
	OPT_ALL,
	OPT_TYPE,
	OPT_TIMEOUT,
	OPT_DRIVER,
	OPT_DRY_RUN,
	OPT_HOTPLUG,
	OPT_SWITCH,
	OPT_LEVEL,
	OPT_MEMMAP,
	OPT_PERSISTENT,
	OPT_USERS,
};

static const struct option selecting[] = {
	{ "bus", required_argument, NULL, 'b' },
	{ "decoder", required_argument, NULL, 'd' },
	{ "memdev", required_argument, NULL, 'm' },
	{ "help", no_argument, NULL, 'h' },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "type", required_argument, NULL, OPT_TYPE },
	{ "id", required_argument, NULL, OPT_ID },
	{ "tag", required_argument, NULL, OPT_TAG },
	{ "all", no_argument, NULL, OPT_ALL },
	{ "driver", required_argument, NULL, OPT_DRIVER },
	{ "dry-run", no_argument, NULL, OPT_DRY_RUN },
	{ "force", no_argument, NULL, 'f' },
	{ "hotplug", required_argument, NULL, OPT_HOTPLUG },
	{ "switch", no_argument, NULL, OPT_SWITCH },
	{ "level", required_argument, NULL, OPT_LEVEL },
	{ "memmap-on-memory", required_argument, NULL, OPT_MEMMAP },
	{ "persistent", no_argument, NULL, OPT_PERSISTENT },
	{ "users", no_argument, NULL, OPT_USERS },
	{ }
};

static long seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int parse_option(struct request *req, int option)
{
	unsigned long value = 0;
	uuid_t uuid;

	switch (option) {
	case 'b':
		req->selection.bus = optarg;
		return 0;
	case 'd':
		req->selection.decoder = optarg;
		return 0;
	case 'm':
		req->selection.memdev = optarg;
		return 0;
	case OPT_TIMEOUT:
		if (parse_number(optarg, 1000000, &value) || !value)
			break;
		req->timeout = value;
		return 0;
	case OPT_TYPE:
		req->value = optarg;
		return 0;
	case OPT_DRIVER:
		req->driver = optarg;
		return 0;
	case OPT_ALL:
		req->all = true;
		return 0;
	case OPT_DRY_RUN:
		req->dry_run = true;
		return 0;
	case 'f':
		req->force = true;
		return 0;
	case OPT_HOTPLUG:
		req->hotplug = optarg;
		return 0;
	case OPT_LEVEL:
		if (parse_number(optarg, 4, &value) || !value)
			break;
		req->level = value;
		return 0;
	case OPT_MEMMAP:
		if (parse_yes_no(optarg, &req->memmap))
			break;
		return 0;
	case OPT_USERS:
		req->users = true;
		return 0;
	case OPT_PERSISTENT:
		req->persistent = true;
		return 0;
	case OPT_SWITCH:
		req->change = true;
		return 0;
	case OPT_ID:
		if (parse_number(optarg, 0x7fffffff, &value) || req->nr_ids == MANY)
			break;
		req->ids[req->nr_ids++] = value;
		return 0;
	case OPT_TAG:
		if (uuid_parse(optarg, uuid) || req->nr_tags == MANY)
			break;
		req->tags[req->nr_tags++] = optarg;
		return 0;
	}
	say("%s: what does '%s' mean?", req->verb, optarg ? optarg : "");
	return -EINVAL;
}

/* Is it one of these words? */
static bool is_among(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at++)
		if ((at == words || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return true;
	return false;
}

/* Short options are those that select, and have a long one */
static const struct option *option_of(int option, int index)
{
	if (index >= 0)
		return &selecting[index];
	for (index = 0; selecting[index].val != option; index++)
		;
	return &selecting[index];
}

/* @takes: the long options of the verb, besides --help */
int request_parse(struct request *req, int argc, char **argv, const char *takes,
		  const char *usage)
{
	int option, index;

	/* GNU: also forget what another call has left in the middle of a word */
	optind = 0;
	while ((index = -1, option = getopt_long(argc, argv, "b:d:m:fh", selecting,
						 &index)) != -1) {
		if (option == 'h') {
			printf("Usage: cxl-cli %s %s\n", req->verb, usage);
			exit(EXIT_SUCCESS);
		}
		if (option == '?')
			return -EINVAL;
		if (!is_among(takes, option_of(option, index)->name)) {
			say("%s: has no option --%s", req->verb,
			    option_of(option, index)->name);
			return -EINVAL;
		}
		if (parse_option(req, option))
			return -EINVAL;
	}
	if (req->timeout)
		req->end = seconds() + req->timeout;
	req->selection.names = words_of(argv + optind, argc - optind, &req->selection.nr);
	if (req->selection.names)
		return 0;
	say("%s: that is too much at once", req->verb);
	return -EINVAL;
}

/* The first line of what --help says */
void request_usage(const struct request *req, const char *usage)
{
	say("usage: cxl-cli %s %.*s", req->verb, (int)strcspn(usage, "\n"), usage);
}

int request_exit(const struct request *req, int rc)
{
	return rc == -EBUSY && req->timed_out ? EXIT_TIME : exit_code(rc);
}

/**
 * struct run - the regions of a call
 * @req: what is asked for
 * @fn: what is done for each
 * @done: the names of those for which it was, with commas
 */
struct run {
	struct request *req;
	region_fn fn;
	char done[4096];
};

static int run_one(const char *region, void *arg)
{
	struct run *run = arg;
	size_t length = strlen(run->done);
	int rc = run->fn(region, run->req);

	if (!rc)
		snprintf(run->done + length, sizeof(run->done) - length, "%s%s",
			 length ? "," : "", region);
	return rc;
}

int request_run(struct cxl_ctx *ctx, struct request *req, region_fn fn,
		const char *done_word, const char *usage)
{
	struct run run = { .req = req, .fn = fn };
	int rc, done, lock;

	if (!req->selection.nr) {
		request_usage(req, usage);
		return EXIT_USAGE;
	}
	/* What only looks has nothing to say about what it has done */
	lock = done_word ? take_lock(req->timeout) : -1;
	if (lock == -EBUSY)
		return EXIT_TIME;
	rc = for_each_selected(ctx, &req->selection, run_one, &run, &done);
	if (lock >= 0)
		close(lock);
	if (rc == -ENODEV)
		say("%s: there is no such region, nothing was done; see cxl list -R", req->verb);
	else if (done_word)
		say("%s: %s %d region%s", req->verb, done_word, done,
		    done == 1 ? "" : "s");
	if (done_word && run.done[0])
		list_regions(ctx, run.done, isatty(STDOUT_FILENO), false);
	if (rc && done)
		return EXIT_PARTLY;
	return request_exit(req, rc);
}

/* The attribute of the sysram_region on a region; says what is wrong */
int request_attr(const struct request *req, const char *region, const char *attr,
		 char *path, size_t size)
{
	int rc = sysfs_path(path, size, "devices/sysram_%s/%s", region, attr);
	char driver[64];

	if (rc || sysfs_exists(path))
		return rc;
	if (driver_there(req->verb, "sysram_region"))
		say("%s: %s: not under sysram_region, try: cxl-cli enable-region --driver=sysram%s %s",
		    req->verb, region,
		    sysfs_driver(region, driver, sizeof(driver)) ? " --switch" : "", region);
	return -ENODEV;
}

/* Of the time for all that is asked for at once, or @otherwise */
long request_left(const struct request *req, long otherwise)
{
	long left = req->end - seconds();

	if (!req->end)
		return otherwise;
	return left > 0 ? left : 1;
}

/* Is the time over for all that is asked for at once? */
bool request_is_over(const struct request *req)
{
	return req->end && seconds() >= req->end;
}

/* Write what a dax device is to be, which may take for ever when a page is pinned */
int request_write_dax(struct request *req, const struct dax *dax, const char *value,
		      long otherwise, const volatile sig_atomic_t *stop)
{
	char path[256];
	int rc;

	rc = sysfs_path(path, sizeof(path), "devices/%s/state", dax->device) ?:
	     sysfs_write_child(path, value, request_left(req, otherwise), stop);
	req->timed_out = rc == -EBUSY && req->timeout;
	return rc;
}

/* Write, and while that is busy and there is time, write again; then end it */
int request_write(struct request *req, const char *path, const char *value)
{
	int rc;

	if (interrupted)
		return -EINTR;
	if (!req->timeout)
		return sysfs_write(path, value);
	do {
		rc = sysfs_write_child(path, value, request_left(req, 0), &interrupted);
		req->timed_out = rc == -EBUSY && seconds() >= req->end;
		if (rc != -EBUSY || req->timed_out)
			return rc;
		sleep(1);
	} while (seconds() < req->end && !interrupted);
	req->timed_out = true;
	return rc;
}

/* Why it is busy, once for each region */
void request_busy(struct request *req, const char *region)
{
	if (!strcmp(req->explained, region))
		return;
	snprintf(req->explained, sizeof(req->explained), "%s", region);
	explain_busy(req->verb, region);
}
