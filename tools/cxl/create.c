// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include "create.h"
#include "list.h"
#include "request.h"

/*
 * create-region, with a say in what becomes of it. As cxl does it, but for the last
 * step: the region is not given to whichever driver takes it first, but to the one
 * that was asked for. Whatever fails, or ^C, and the region is taken back.
 */

static int attr_write(const char *device, const char *attr, const char *value)
{
	int rc = interrupted ? -EINTR : sysfs_attr_write(device, attr, value);

	if (rc)
		say_error("create-region", -rc, "%s: %s", device, attr);
	return rc;
}

static int number_write(const char *device, const char *attr, unsigned long long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", value);
	return attr_write(device, attr, text);
}

/* The name that is read is the next one, unless another region has come meanwhile */
static int create_empty(struct creation *c)
{
	char path[256];
	int tries = 10, rc;

	do {
		rc = sysfs_path(path, sizeof(path), "devices/%s/create_%s_region",
				cxl_decoder_get_devname(c->decoder), c->type) ?:
		     sysfs_read(path, c->name, sizeof(c->name)) ?:
		     sysfs_write(path, c->name);
	} while (rc == -EBUSY && --tries);
	if (rc) {
		c->name[0] = '\0';
		say_error("create-region", -rc, "%s: create_%s_region",
			  cxl_decoder_get_devname(c->decoder), c->type);
	}
	return rc;
}

/*
 * To plug may take long, and to be guarded, too; the module that does it may have been
 * sent for just now
 */
static int slow_write(struct creation *c, const char *device, const char *attr, const char *value)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	int tries = 30, rc;
	char path[256];

	rc = sysfs_path(path, sizeof(path), "devices/%s/%s", device, attr);
	while (!rc) {
		rc = sysfs_write_child(path, value, request_left(c->req, 0), &interrupted);
		if (rc != -ENXIO || !--tries || interrupted)
			break;
		nanosleep(&pause, NULL);
		rc = 0;
	}
	if (rc)
		say_error("create-region", -rc, "%s: %s", device, value);
	explain_state(rc);
	request_is_over(c->req);
	return rc;
}

static int set_target(struct creation *c, unsigned int i)
{
	struct cxl_decoder *decoder = free_decoder(c->memdevs[i]);
	const char *name;
	char attr[32];
	int rc;

	if (!decoder) {
		say("create-region: %s has no free decoder",
		    cxl_memdev_get_devname(c->memdevs[i]));
		return -ENODEV;
	}
	name = cxl_decoder_get_devname(decoder);
	rc = attr_write(name, "mode", c->type) ?:
	     number_write(name, "dpa_size", c->bytes / c->nr);
	if (rc)
		return rc;
	c->targets[c->nr_targets++] = decoder;
	snprintf(attr, sizeof(attr), "target%u", i);
	rc = attr_write(c->name, attr, name);
	if (rc == -EBUSY)
		explain_target(c->memdevs[i]);
	return rc;
}

static int set_up(struct creation *c)
{
	int rc;

	if (!c->granularity)
		c->granularity = cxl_decoder_get_interleave_granularity(c->decoder);
	rc = number_write(c->name, "interleave_granularity", c->granularity) ?:
	     number_write(c->name, "interleave_ways", c->nr) ?:
	     number_write(c->name, "size", c->bytes);
	for (unsigned int i = 0; i < c->nr && !rc; i++)
		rc = set_target(c, i);
	return rc ?: number_write(c->name, "commit", 1);
}

static int hand_over(struct creation *c)
{
	unsigned long long size;
	char sysram[64], dax[64];
	bool plug;
	int rc;

	if (!strcmp(c->driver, "region"))
		return request_bind(c->req, "cxl_region", c->name);

	snprintf(sysram, sizeof(sysram), "sysram_%s", c->name);
	snprintf(dax, sizeof(dax), "dax_%s", c->name);
	rc = request_bind(c->req, "sysram_region", c->name);
	plug = c->hotplug && policy_plugs(c->hotplug);
	if (!rc && c->memmap)
		rc = memmap_set("create-region", c->name, c->memmap);
	if (!rc && plug && !c->force)
		rc = memmap_fits("create-region", c->name, 0);
	if (!rc && c->hotplug)
		rc = slow_write(c, sysram, "hotplug", c->hotplug);
	if (rc)
		return rc;
	if (!strcmp(c->driver, "dax"))
		return request_bind(c->req, "cxl_dax_region", dax);
	/* What a dynamic region has already came before there was a policy */
	if (!plug || (sysfs_number(sysram, "size", &size) && !size))
		return 0;
	return slow_write(c, sysram, "state", c->hotplug);
}

/* Take it back, in the order in which it can be */
static void undo(struct creation *c)
{
	int rc;

	if (!c->name[0])
		return;
	rc = sysfs_attr_write(cxl_decoder_get_devname(c->decoder), "delete_region", c->name);
	while (c->nr_targets)
		sysfs_attr_write(cxl_decoder_get_devname(c->targets[--c->nr_targets]),
				 "dpa_size", "0");
	if (rc)
		say_error("create-region", -rc, "%s could not be taken back, try: cxl destroy-region -f %s",
			  c->name, c->name);
	else
		say("create-region: %s was taken back", c->name);
}

static const struct argp_option options[] = {
	{ "driver", OPT_DRIVER, "DRIVER", 0,
	  "sysram (default): held, plugged as --hotplug says; dax: a dax device; region: as without a choice", 0 },
	{ "hotplug", OPT_HOTPLUG, "POLICY", 0,
	  "none (default), never, offline, online, online_kernel or online_movable", 0 },
	{ "force", 'f', NULL, 0, "also when its memmap leaves the kernel too little", 0 },
	{ "memmap-on-memory", OPT_MEMMAP, "yes|no", 0,
	  "for sysram: take the memmap out of the region itself", 0 },
	{ "type", 't', "TYPE", 0,
	  "ram (default) or dynamic_ram_1, the first dynamic partition of a Dynamic Capacity Device", 0 },
	{ "size", 's', "SIZE", 0,
	  "of all memdevs together; K, M, G and T are units; default is what there is", 0 },
	{ "bus", 'b', "BUS", 0, "only root decoders of this bus", 0 },
	{ "decoder", 'd', "DECODER", 0, "root decoder; default is the first that can", 0 },
	{ "ways", 'w', "N", 0, "how many memdevs", 0 },
	{ "granularity", 'g', "N", 0, "of interleaving, bytes", 0 },
	{ "memdevs", 'm', NULL, 0,
	  "what is named are memdevs, as with cxl: mem0, 0, mem0,mem1 or all", 0 },
	{ "enforce-qos", 'Q', NULL, 0, "memdevs must be in the QoS class of the root decoder", 0 },
	{ "uuid", 'U', "UUID", 0, "only for what is persistent: refused", 0 },
	{ "human", 'u', NULL, 0, "sizes and addresses as people read them", 0 },
	{ "debug", OPT_DEBUG, NULL, 0, "what libcxl does", 0 },
	OPTION_TIMEOUT,
	OPTION_HELP,
	{ }
};

/* One option; the creation has what it means */
static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct creation *c = state->input;
	unsigned long number = 0;

	switch (key) {
	case 'h':
	case OPT_USAGE:
		request_help(state, key);
	case 'b':
		c->bus = arg;
		return 0;
	case 'd':
		c->root = arg;
		return 0;
	case 's':
		if (parse_size(arg, &c->size))
			break;
		return 0;
	case 't':
		c->type = arg;
		return 0;
	case 'w':
		if (parse_number(arg, MEMDEVS_MAX, &number) || !number)
			break;
		c->ways = number;
		return 0;
	case 'g':
		if (parse_number(arg, 1 << 20, &number) || !number)
			break;
		c->granularity = number;
		return 0;
	case 'm':
		return 0;
	case 'u':
		c->human = true;
		return 0;
	case 'Q':
		c->enforce_qos = true;
		return 0;
	case OPT_TIMEOUT:
		if (request_timeout(c->req, arg))
			break;
		return 0;
	case OPT_DRIVER:
		c->driver = arg;
		return 0;
	case OPT_HOTPLUG:
		c->hotplug = arg;
		return 0;
	case 'f':
		c->force = true;
		return 0;
	case OPT_MEMMAP:
		if (parse_yes_no(arg, &c->memmap))
			break;
		return 0;
	case OPT_DEBUG:
		c->debug = true;
		return 0;
	case 'U':
		break;
	case ARGP_KEY_ARGS:
		c->names = words_of(state->argv + state->next, state->argc - state->next,
				    &c->nr_names);
		state->next = state->argc;
		if (c->names)
			return 0;
		argp_error(state, "that is too much at once");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	argp_error(state, "what does '%s' mean?", arg);
	return EINVAL;
}

static int parse(struct creation *c, int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = parse_option, .args_doc = "[MEMDEV]...",
		.doc = "With --driver, --hotplug or a dynamic type; without them it is cxl's. One command "
		       "from memdevs to memory, or to a dax device. Whatever fails, the region is taken "
		       "back. What it has become is listed on standard output. Without a MEMDEV, those "
		       "below the root decoder that have what is needed.",
	};

	argv[0] = "cxl-cli create-region";
	return argp_parse(&argp, argc, argv, ARGP_NO_EXIT | ARGP_NO_HELP, NULL, c) ? -EINVAL : 0;
}

static int check(struct creation *c)
{
	if (!strcmp(c->type, "volatile"))
		c->type = "ram";
	if (!strcmp(c->type, "dynamic_ram_a"))
		c->type = "dynamic_ram_1";
	if (strcmp(c->type, "ram") && strcmp(c->type, "dynamic_ram_1"))
		say("create-region: a region of type %s has no choice of driver", c->type);
	else if (strcmp(c->driver, "sysram") && strcmp(c->driver, "dax") &&
		 strcmp(c->driver, "region"))
		say("create-region: --driver is sysram, dax or region");
	else if (c->hotplug && !check_policy("create-region", c->hotplug, false))
		return -EINVAL;
	else if (c->hotplug && !strcmp(c->driver, "region"))
		say("create-region: --hotplug is for sysram and dax");
	else if (c->memmap && strcmp(c->driver, "sysram"))
		say("create-region: --memmap-on-memory is for sysram");
	else if (!strcmp(c->driver, "dax") && !strcmp(c->type, "dynamic_ram_1"))
		say("create-region: of a dynamic region, what has a tag is DAX: --driver=sysram");
	else
		return 0;
	return -EINVAL;
}

static void say_dax(const struct creation *c)
{
	struct level level;

	if (region_level(c->name, &level) == 3 && !strncmp(level.reason, "it is DAX: ", 11))
		say("create-region: %s is %s", c->name, level.reason + 11);
}

/**
 * create_region - create a region, and give it to its driver
 * @ctx: of libcxl
 * @c: what is asked for; @c->name is what it has become
 *
 * Return: 0, or an error that has been said; then there is no region.
 */
int create_region(struct cxl_ctx *ctx, struct creation *c)
{
	int rc;

	/* Before anything is programmed */
	if (!driver_there("create-region", strcmp(c->driver, "region") ? "sysram_region" : "cxl_region") ||
	    (!strcmp(c->driver, "dax") && !driver_there("create-region", "cxl_dax_region")))
		return -EOPNOTSUPP;
	wait_for_endpoints(c->req, c->names, c->nr_names);
	rc = choose(ctx, c);
	if (rc)
		return rc;
	rc = create_empty(c) ?: set_up(c) ?: hand_over(c);
	if (!rc && interrupted)
		rc = -EINTR;
	if (rc) {
		if (interrupted)
			say("create-region: interrupted");
		undo(c);
		return rc;
	}
	say("create-region: created %s", c->name);
	say_dax(c);
	return 0;
}

/**
 * verb_create_region - create-region with --driver, --hotplug or a dynamic type
 * @ctx: of libcxl
 * @argc: of the verb
 * @argv: of the verb
 *
 * Return: an exit code.
 */
int verb_create_region(struct cxl_ctx *ctx, int argc, char **argv)
{
	struct request req = { .verb = argv[0] };
	struct creation c = { .req = &req, .type = "ram", .driver = "sysram" };
	int lock, rc;

	if (parse(&c, argc, argv) || check(&c))
		return EXIT_USAGE;
	if (c.debug)
		cxl_set_log_priority(ctx, LOG_DEBUG);
	lock = take_lock(req.timeout);
	if (lock == -EBUSY)
		return EXIT_TIME;
	catch_signals(true);
	rc = create_region(ctx, &c);
	/* There it is: what comes now is only to be seen, and may be ended */
	catch_signals(false);
	if (lock >= 0)
		close(lock);
	if (rc)
		return request_exit(&req, rc);
	if (list_regions(ctx, c.name, c.human || isatty(STDOUT_FILENO), true))
		say("create-region: cxl could not list it, try: cxl list -r %s", c.name);
	return EXIT_SUCCESS;
}
