// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include "create.h"
#include "list.h"

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

/* To plug may take long; the module that does it may have been sent for just now */
static int state_write(const char *device, const char *state)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	int tries = 30, rc;
	char path[256];

	rc = sysfs_path(path, sizeof(path), "devices/%s/state", device);
	while (!rc) {
		rc = sysfs_write_child(path, state, 0, &interrupted);
		if (rc != -ENXIO || !--tries || interrupted)
			break;
		nanosleep(&pause, NULL);
		rc = 0;
	}
	if (rc)
		say_error("create-region", -rc, "%s: %s", device, state);
	explain_state(rc);
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

static int bind_driver(const char *driver, const char *device)
{
	return interrupted ? -EINTR : driver_bind("create-region", driver, device);
}

static int hand_over(struct creation *c)
{
	unsigned long long size;
	char sysram[64], dax[64];
	bool plug;
	int rc;

	if (!strcmp(c->driver, "region"))
		return bind_driver("cxl_region", c->name);

	snprintf(sysram, sizeof(sysram), "sysram_%s", c->name);
	snprintf(dax, sizeof(dax), "dax_%s", c->name);
	rc = bind_driver("sysram_region", c->name);
	plug = c->hotplug && policy_plugs(c->hotplug);
	/* To write what it is anyway may not be possible */
	if (!rc && c->memmap && memmap_on_memory(c->name) != !strcmp(c->memmap, "1"))
		rc = attr_write(sysram, "memmap_on_memory", c->memmap);
	if (!rc && plug && !c->force)
		rc = memmap_fits("create-region", c->name, 0);
	if (!rc && c->hotplug)
		rc = attr_write(sysram, "hotplug", c->hotplug);
	if (rc)
		return rc;
	if (!strcmp(c->driver, "dax"))
		return bind_driver("cxl_dax_region", dax);
	/* What a dynamic region has already came before there was a policy */
	if (!plug || (sysfs_number(sysram, "size", &size) && !size))
		return 0;
	return state_write(sysram, c->hotplug);
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

enum {
	OPT_DRIVER = 256,
	OPT_HOTPLUG,
	OPT_DEBUG,
	OPT_MEMMAP,
};

static const struct option options[] = {
	{ "bus", required_argument, NULL, 'b' },
	{ "decoder", required_argument, NULL, 'd' },
	{ "memdevs", no_argument, NULL, 'm' },
	{ "size", required_argument, NULL, 's' },
	{ "type", required_argument, NULL, 't' },
	{ "ways", required_argument, NULL, 'w' },
	{ "granularity", required_argument, NULL, 'g' },
	{ "uuid", required_argument, NULL, 'U' },
	{ "human", no_argument, NULL, 'u' },
	{ "enforce-qos", no_argument, NULL, 'Q' },
	{ "help", no_argument, NULL, 'h' },
	{ "driver", required_argument, NULL, OPT_DRIVER },
	{ "hotplug", required_argument, NULL, OPT_HOTPLUG },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "force", no_argument, NULL, 'f' },
	{ "memmap-on-memory", required_argument, NULL, OPT_MEMMAP },
	{ }
};

static const char usage[] =
	"Usage: cxl-cli create-region [OPTION]... MEMDEV...\n"
	"\n"
	"With --driver, --hotplug or a dynamic type; without them it is cxl's. One command\n"
	"from memdevs to memory, or to a dax device. Whatever fails, the region is taken\n"
	"back. What it has become is listed on standard output. Without a MEMDEV, those\n"
	"below the root decoder that have what is needed.\n"
	"      --driver=DRIVER    sysram (default): held, plugged as --hotplug says; dax:\n"
	"                         a dax device; region: as without a choice\n"
	"      --hotplug=POLICY   none (default), never, offline, online, online_kernel or\n"
	"                         online_movable\n"
	"  -f, --force            also when its memmap leaves the kernel too little\n"
	"      --memmap-on-memory=yes|no\n"
	"                         for sysram: take the memmap out of the region itself\n"
	"  -t, --type=TYPE        ram (default) or dynamic_ram_1, the first dynamic\n"
	"                         partition of a Dynamic Capacity Device\n"
	"  -s, --size=SIZE        of all memdevs together; K, M, G and T are units; default\n"
	"                         is what there is\n"
	"  -b, --bus=BUS          only root decoders of this bus\n"
	"  -d, --decoder=DECODER  root decoder; default is the first that can\n"
	"  -w, --ways=N           how many memdevs\n"
	"  -g, --granularity=N    of interleaving, bytes\n"
	"  -m, --memdevs          what is named are memdevs, as with cxl: mem0, 0, mem0,mem1\n"
	"                         or all\n"
	"  -Q, --enforce-qos      memdevs must be in the QoS class of the root decoder\n"
	"  -U, --uuid=UUID        only for what is persistent: refused\n"
	"  -u, --human            sizes and addresses as people read them\n"
	"      --debug            what libcxl does\n"
	"  -h, --help             this text\n";

/* One option; @c has what it means */
static int parse_option(struct cxl_ctx *ctx, struct creation *c, int option)
{
	unsigned long number = 0;

	switch (option) {
	case 'b':
		c->bus = optarg;
		return 0;
	case 'd':
		c->root = optarg;
		return 0;
	case 's':
		return parse_size(optarg, &c->size);
	case 't':
		c->type = optarg;
		return 0;
	case 'w':
		if (parse_number(optarg, MEMDEVS_MAX, &number) || !number)
			return -EINVAL;
		c->ways = number;
		return 0;
	case 'g':
		if (parse_number(optarg, 1 << 20, &number) || !number)
			return -EINVAL;
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
	case OPT_DRIVER:
		c->driver = optarg;
		return 0;
	case OPT_HOTPLUG:
		c->hotplug = optarg;
		return 0;
	case 'f':
		c->force = true;
		return 0;
	case OPT_MEMMAP:
		return parse_yes_no(optarg, &c->memmap);
	case OPT_DEBUG:
		cxl_set_log_priority(ctx, LOG_DEBUG);
		return 0;
	}
	return -EINVAL;
}

static int parse(struct cxl_ctx *ctx, struct creation *c, int argc, char **argv)
{
	int option, rc;

	optind = 0;
	while ((option = getopt_long(argc, argv, "b:d:ms:t:w:g:U:uQfh", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		}
		if (option == '?')
			return -EINVAL;
		rc = parse_option(ctx, c, option);
		if (rc) {
			say("create-region: what does '%s' mean?", optarg ?: "");
			return rc;
		}
	}
	c->names = words_of(argv + optind, argc - optind, &c->nr_names);
	if (c->names)
		return 0;
	say("create-region: that is too much at once");
	return -EINVAL;
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
	wait_for_endpoints(c->names, c->nr_names);
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
	struct creation c = { .type = "ram", .driver = "sysram" };
	int lock, rc;

	if (parse(ctx, &c, argc, argv) || check(&c))
		return EXIT_USAGE;
	lock = take_lock(0);
	catch_signals(true);
	rc = create_region(ctx, &c);
	/* There it is: what comes now is only to be seen, and may be ended */
	catch_signals(false);
	if (lock >= 0)
		close(lock);
	if (rc)
		return exit_code(rc);
	if (list_regions(ctx, c.name, c.human || isatty(STDOUT_FILENO), true))
		say("create-region: cxl could not list it, try: cxl list -r %s", c.name);
	return EXIT_SUCCESS;
}
