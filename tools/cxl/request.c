// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
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

static long seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* What was asked for is all that is done */
void request_help(struct argp_state *state, int key)
{
	argp_state_help(state, stdout,
			key == OPT_USAGE ? ARGP_HELP_USAGE : ARGP_HELP_STD_HELP);
	exit(EXIT_SUCCESS);
}

/* From now on so many seconds, for all of it */
int request_timeout(struct request *req, const char *arg)
{
	unsigned long value;

	if (parse_number(arg, 1000000, &value) || !value)
		return -EINVAL;
	req->timeout = value;
	req->end = seconds() + value;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct request *req = state->input;
	unsigned long value = 0;
	uuid_t uuid;

	switch (key) {
	case ARGP_KEY_INIT:
		if (state->child_inputs)
			state->child_inputs[0] = req;
		return 0;
	case 'h':
	case OPT_USAGE:
		request_help(state, key);
	case 'f':
		req->force = true;
		return 0;
	case OPT_TIMEOUT:
		if (request_timeout(req, arg))
			break;
		return 0;
	case OPT_TYPE:
		req->value = arg;
		return 0;
	case OPT_DRIVER:
		req->driver = arg;
		return 0;
	case OPT_ALL:
		req->all = true;
		return 0;
	case OPT_DRY_RUN:
		req->dry_run = true;
		return 0;
	case OPT_HOTPLUG:
		req->hotplug = arg;
		return 0;
	case OPT_LEVEL:
		if (parse_number(arg, 4, &value) || !value)
			break;
		req->level = value;
		return 0;
	case OPT_MEMMAP:
		if (parse_yes_no(arg, &req->memmap))
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
		if (parse_number(arg, 0x7fffffff, &value) || req->nr_ids == MANY)
			break;
		req->ids[req->nr_ids++] = value;
		return 0;
	case OPT_TAG:
		if (uuid_parse(arg, uuid) || req->nr_tags == MANY)
			break;
		req->tags[req->nr_tags++] = arg;
		return 0;
	case ARGP_KEY_ARGS:
		req->selection.names = words_of(state->argv + state->next,
						state->argc - state->next, &req->selection.nr);
		state->next = state->argc;
		if (req->selection.names)
			return 0;
		argp_error(state, "that is too much at once");
		return EINVAL;
	case ARGP_KEY_NO_ARGS:
		req->selection.names = words_of(NULL, 0, &req->selection.nr);
		/* Of what may be left out, the name is in brackets */
		if (state->root_argp->args_doc[0] == '[')
			return 0;
		say("usage: %s [OPTION...] %s", state->name, state->root_argp->args_doc);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	argp_error(state, "what does '%s' mean?", arg);
	return EINVAL;
}

static error_t parse_selecting(int key, char *arg, struct argp_state *state)
{
	struct request *req = state->input;

	switch (key) {
	case 'b':
		req->selection.bus = arg;
		return 0;
	case 'd':
		req->selection.decoder = arg;
		return 0;
	case 'm':
		req->selection.memdev = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option selecting[] = {
	{ "bus", 'b', "BUS", 0, "only regions of this bus", 0 },
	{ "decoder", 'd', "DECODER", 0, "only regions of this root decoder", 0 },
	{ "memdev", 'm', "MEMDEV", 0, "only regions that this memdev is part of", 0 },
	{ }
};

/**
 * request_parse - the options of a verb, and what it is for
 * @req: result
 * @argc: of the verb
 * @argv: of the verb
 * @usage: what it takes
 *
 * Return: 0, or -EINVAL when what is wrong has been said.
 */
int request_parse(struct request *req, int argc, char **argv, const struct usage *usage)
{
	static const struct argp regions = { .options = selecting, .parser = parse_selecting };
	const struct argp_child children[] = { { &regions, 0, "Only some regions:", 0 }, { } };
	const struct argp argp = {
		.options = usage->options, .parser = parse_option, .args_doc = usage->args,
		.doc = usage->doc, .children = usage->selects ? children : NULL,
	};
	char name[64], *first = argv[0];
	int rc;

	/* What it says begins with that */
	snprintf(name, sizeof(name), "cxl-cli %s", argv[0]);
	argv[0] = name;
	rc = argp_parse(&argp, argc, argv, ARGP_NO_EXIT | ARGP_NO_HELP, NULL, req);
	argv[0] = first;
	return rc ? -EINVAL : 0;
}

int request_exit(const struct request *req, int rc)
{
	return rc == -EBUSY && req->timed_out ? EXIT_TIME : exit_code(rc);
}

/**
 * struct run - the regions of a call
 * @req: what is asked for
 * @fn: what is done for each
 * @done: the names of those for which it was, or some of it, with commas
 */
struct run {
	struct request *req;
	region_fn fn;
	char done[4096];
};

static int run_one(const char *region, void *arg)
{
	struct run *run = arg;
	int rc;

	/* What has ended the first one is for all */
	if (interrupted)
		return -EINTR;
	run->req->partly = false;
	rc = run->fn(region, run->req);
	if (!rc || run->req->partly)
		add_word(run->done, sizeof(run->done), region);
	return rc;
}

int request_run(struct cxl_ctx *ctx, struct request *req, region_fn fn, const char *done_word)
{
	struct run run = { .req = req, .fn = fn };
	int rc, done, lock;

	if (!req->selection.nr) {
		say("%s: of which region? It may be all", req->verb);
		return EXIT_USAGE;
	}
	/* What only looks has nothing to say about what it has done */
	lock = done_word ? take_lock(req->timeout) : -1;
	if (lock == -EBUSY)
		return EXIT_TIME;
	if (lock == -EINTR) {
		say_error(req->verb, EINTR, "nothing was done");
		return exit_code(lock);
	}
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
	if (rc && run.done[0])
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
bool request_is_over(struct request *req)
{
	req->timed_out = req->end && seconds() >= req->end;
	return req->timed_out;
}

/* Write, and while that is busy and there is time, write again; then end it */
static int write_again(struct request *req, const char *path, const char *value,
		       long otherwise, const volatile sig_atomic_t *stop)
{
	int rc;

	for (;;) {
		rc = sysfs_write_child(path, value, request_left(req, otherwise), stop);
		if (rc != -EBUSY || !req->end || request_is_over(req))
			return rc;
		sleep(1);
		if (stop && *stop)
			return -EINTR;
	}
}

/* Write what a dax device is to be, which may take for ever when a page is pinned */
int request_write_dax(struct request *req, const struct dax *dax, const char *value,
		      long otherwise, const volatile sig_atomic_t *stop)
{
	char path[256];

	return sysfs_path(path, sizeof(path), "devices/%s/state", dax->device) ?:
	       write_again(req, path, value, otherwise, stop);
}

/* Give a device to a driver, whose policy may plug it meanwhile */
int request_bind(struct request *req, const char *driver, const char *device)
{
	int rc = interrupted ? -EINTR :
			       driver_bind(req->verb, driver, device, request_left(req, 0));

	if (rc == -EBUSY)
		request_is_over(req);
	return rc;
}

int request_write(struct request *req, const char *path, const char *value)
{
	if (interrupted)
		return -EINTR;
	return req->end ? write_again(req, path, value, 0, &interrupted) :
			  sysfs_write(path, value);
}

/* Why it is busy, once for each region */
void request_busy(struct request *req, const char *region)
{
	if (!strcmp(req->explained, region))
		return;
	snprintf(req->explained, sizeof(req->explained), "%s", region);
	explain_busy(req->verb, region);
}
