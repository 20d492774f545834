// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cxl-cli.h"

/*
 * create-region, with a say in what becomes of it. As cxl does it, but for the last
 * step: the region is not given to whichever driver takes it first, but to the one
 * that was asked for. Whatever fails, the region is taken back.
 */

#define MEMDEVS_MAX 16

/**
 * struct creation - what is to be created, and what has been
 * @root: name of the root decoder, or NULL: the first that can
 * @type: "ram" or "dynamic_ram_1"
 * @size: bytes, or 0 for as much as there is
 * @ways: how many memdevs, or 0 for as many as are named
 * @granularity: of interleaving, bytes; 0 for that of the root decoder
 * @memdevs: their names, in the order of the targets
 * @nr: of @memdevs
 * @driver: "sysram", "dax" or "region"
 * @hotplug: policy, or NULL
 * @decoder: of the root, once it is chosen
 * @targets: endpoint decoders that have been set up, @nr_targets of them
 * @nr_targets: how many
 * @name: of the region, empty before there is one
 */
struct creation {
	const char *root;
	const char *type;
	unsigned long long size;
	unsigned int ways;
	unsigned int granularity;
	const char *memdevs[MEMDEVS_MAX];
	unsigned int nr;
	const char *driver;
	const char *hotplug;
	struct cxl_decoder *decoder;
	struct cxl_decoder *targets[MEMDEVS_MAX];
	unsigned int nr_targets;
	char name[32];
};

static int attr_write(const char *device, const char *attr, const char *format,
		      unsigned long long value)
{
	char path[256], text[32];
	int rc;

	snprintf(text, sizeof(text), format, value);
	rc = sysfs_path(path, sizeof(path), "devices/%s/%s", device, attr) ?:
	     sysfs_write(path, text);
	if (rc)
		say_error("create-region", -rc, "%s: %s", device, attr);
	return rc;
}

static int name_write(const char *device, const char *attr, const char *name)
{
	char path[256];
	int rc;

	rc = sysfs_path(path, sizeof(path), "devices/%s/%s", device, attr) ?:
	     sysfs_write(path, name);
	if (rc)
		say_error("create-region", -rc, "%s: %s", device, attr);
	return rc;
}

static struct cxl_memdev *memdev_by_name(struct cxl_ctx *ctx, const char *name)
{
	struct cxl_memdev *memdev;

	cxl_memdev_foreach(ctx, memdev)
		if (!strcmp(cxl_memdev_get_devname(memdev), name))
			return memdev;
	say("create-region: there is no memdev %s, see cxl list -M", name);
	return NULL;
}

/* The first decoder of the endpoint that nobody uses */
static struct cxl_decoder *free_decoder(struct cxl_memdev *memdev)
{
	struct cxl_endpoint *endpoint = cxl_memdev_get_endpoint(memdev);
	struct cxl_decoder *decoder;

	if (endpoint)
		cxl_decoder_foreach(cxl_endpoint_get_port(endpoint), decoder)
			if (!cxl_decoder_get_dpa_size(decoder))
				return decoder;
	say("create-region: %s has no free decoder",
	    cxl_memdev_get_devname(memdev));
	return NULL;
}

static int choose_root(struct cxl_ctx *ctx, struct creation *c)
{
	struct cxl_decoder *decoder;
	struct cxl_bus *bus;

	cxl_bus_foreach(ctx, bus)
		cxl_decoder_foreach(cxl_bus_get_port(bus), decoder) {
			if (c->root ? strcmp(c->root, cxl_decoder_get_devname(decoder)) :
				      !cxl_decoder_is_volatile_capable(decoder))
				continue;
			c->decoder = decoder;
			return 0;
		}
	say("create-region: no root decoder for volatile memory, see cxl list -D -d root");
	return -ENODEV;
}

/* As much as all of them have */
static int choose_size(struct cxl_ctx *ctx, struct creation *c)
{
	unsigned long long least = ~0ull, size;
	char path[256], text[32];

	for (unsigned int i = 0; i < c->nr; i++) {
		struct cxl_memdev *memdev = memdev_by_name(ctx, c->memdevs[i]);

		if (!memdev)
			return -ENODEV;
		size = cxl_memdev_get_ram_size(memdev);
		if (strcmp(c->type, "ram")) {
			size = 0;
			if (!sysfs_path(path, sizeof(path), "devices/%s/%s/size",
					c->memdevs[i], c->type) &&
			    !sysfs_read(path, text, sizeof(text)))
				size = strtoull(text, NULL, 0);
		}
		if (size < least)
			least = size;
	}
	if (!c->size)
		c->size = least * c->nr;
	if (!c->size || c->size % c->nr || c->size / c->nr > least) {
		say("create-region: %llu bytes of %s on %u memdevs is not possible",
		    c->size, c->type, c->nr);
		return -EINVAL;
	}
	return 0;
}

static int create_empty(struct creation *c)
{
	char path[256];
	int rc;

	rc = sysfs_path(path, sizeof(path), "devices/%s/create_%s_region",
			cxl_decoder_get_devname(c->decoder), c->type) ?:
	     sysfs_read(path, c->name, sizeof(c->name)) ?:
	     sysfs_write(path, c->name);
	if (rc) {
		c->name[0] = '\0';
		say_error("create-region", -rc, "%s: create_%s_region",
			  cxl_decoder_get_devname(c->decoder), c->type);
	}
	return rc;
}

static int set_target(struct cxl_ctx *ctx, struct creation *c, unsigned int i)
{
	struct cxl_memdev *memdev = memdev_by_name(ctx, c->memdevs[i]);
	struct cxl_decoder *decoder = memdev ? free_decoder(memdev) : NULL;
	char attr[16];
	const char *name;
	int rc;

	if (!decoder)
		return -ENODEV;
	name = cxl_decoder_get_devname(decoder);
	rc = name_write(name, "mode", c->type) ?:
	     attr_write(name, "dpa_size", "%#llx", c->size / c->nr);
	if (rc)
		return rc;
	c->targets[c->nr_targets++] = decoder;
	snprintf(attr, sizeof(attr), "target%u", i);
	return name_write(c->name, attr, name);
}

static int set_up(struct cxl_ctx *ctx, struct creation *c)
{
	int rc;

	if (!c->granularity)
		c->granularity = cxl_decoder_get_interleave_granularity(c->decoder);
	rc = attr_write(c->name, "interleave_granularity", "%llu", c->granularity) ?:
	     attr_write(c->name, "interleave_ways", "%llu", c->nr) ?:
	     attr_write(c->name, "size", "%#llx", c->size);
	for (unsigned int i = 0; i < c->nr && !rc; i++)
		rc = set_target(ctx, c, i);
	return rc ?: attr_write(c->name, "commit", "%llu", 1);
}

static int driver_write(const char *driver, const char *file, const char *name)
{
	char path[256];
	int rc;

	rc = sysfs_path(path, sizeof(path), "drivers/%s/%s", driver, file) ?:
	     sysfs_write(path, name);
	if (rc)
		say_error("create-region", -rc, "%s: %s %s", name, driver, file);
	return rc;
}

static bool plugs(const char *policy)
{
	return policy && strcmp(policy, "none") && strcmp(policy, "never");
}

static int hand_over(struct creation *c)
{
	char sysram[64], dax[64];
	int rc;

	if (!strcmp(c->driver, "region"))
		return driver_write("cxl_region", "bind", c->name);

	snprintf(sysram, sizeof(sysram), "sysram_%s", c->name);
	snprintf(dax, sizeof(dax), "dax_%s", c->name);
	rc = driver_write("sysram_region", "bind", c->name);
	if (!rc && c->hotplug)
		rc = name_write(sysram, "hotplug", c->hotplug);
	if (rc)
		return rc;
	if (!strcmp(c->driver, "dax"))
		return driver_write("cxl_dax_region", "bind", dax);
	/* What a dynamic region has is plugged as it comes */
	if (plugs(c->hotplug) && !strcmp(c->type, "ram"))
		return name_write(sysram, "state", c->hotplug);
	return 0;
}

/* Take it back, in the order in which it can be */
static void undo(struct creation *c)
{
	char path[256];

	if (!c->name[0])
		return;
	if (!sysfs_path(path, sizeof(path), "devices/%s/delete_region",
			cxl_decoder_get_devname(c->decoder)))
		sysfs_write(path, c->name);
	while (c->nr_targets) {
		const char *name =
			cxl_decoder_get_devname(c->targets[--c->nr_targets]);

		if (!sysfs_path(path, sizeof(path), "devices/%s/dpa_size", name))
			sysfs_write(path, "0");
	}
	say("create-region: %s was taken back", c->name);
}

/* K, M, G and T are powers of 1024, as with cxl */
static int parse_size(const char *text, unsigned long long *size)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;

	errno = 0;
	*size = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-')
		return -EINVAL;
	if (!*end)
		return 0;
	unit = strchr(units, *end & ~0x20);
	if (!unit || (end[1] && strcmp(end + 1, "iB") && strcmp(end + 1, "B")))
		return -EINVAL;
	for (; unit >= units; unit--)
		if (__builtin_mul_overflow(*size, 1024, size))
			return -EINVAL;
	return 0;
}

static const struct option options[] = {
	{ "bus", required_argument, NULL, 'b' },
	{ "decoder", required_argument, NULL, 'd' },
	{ "memdevs", no_argument, NULL, 'm' },
	{ "size", required_argument, NULL, 's' },
	{ "type", required_argument, NULL, 't' },
	{ "ways", required_argument, NULL, 'w' },
	{ "granularity", required_argument, NULL, 'g' },
	{ "human", no_argument, NULL, 'u' },
	{ "debug", no_argument, NULL, 'D' },
	{ "help", no_argument, NULL, 'h' },
	{ "driver", required_argument, NULL, 'V' },
	{ "hotplug", required_argument, NULL, 'H' },
	{ }
};

static const char usage[] =
	"Usage: cxl-cli create-region [OPTION]... MEMDEV...\n"
	"\n"
	"With --driver, --hotplug or a dynamic type; without them it is cxl's. One command\n"
	"from memdevs to memory, or to a dax device. Whatever fails, the region is taken\n"
	"back. What it has become is listed on standard output.\n"
	"      --driver=DRIVER    sysram (default): held, plugged as --hotplug says; dax:\n"
	"                         a dax device; region: as without a choice\n"
	"      --hotplug=POLICY   none (default), never, offline, online, online_kernel or\n"
	"                         online_movable\n"
	"  -t, --type=TYPE        ram (default) or dynamic_ram_1, the first dynamic\n"
	"                         partition of a Dynamic Capacity Device\n"
	"  -s, --size=SIZE        of all memdevs together; K, M, G and T are units; default\n"
	"                         is what there is\n"
	"  -d, --decoder=DECODER  root decoder; default is the first for volatile memory\n"
	"  -w, --ways=N           must be the number of memdevs\n"
	"  -g, --granularity=N    of interleaving, bytes\n"
	"  -m, --memdevs          what is named are memdevs, as with cxl\n"
	"  -h, --help             this text\n";

static int parse(struct creation *c, int argc, char **argv)
{
	unsigned long long size = 0;
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "b:d:ms:t:w:g:uh", options, NULL)) != -1) {
		int rc = 0;

		switch (option) {
		case 'd': c->root = optarg; break;
		case 's': rc = parse_size(optarg, &c->size); break;
		case 't': c->type = optarg; break;
		case 'w': rc = parse_size(optarg, &size); c->ways = size; break;
		case 'g': rc = parse_size(optarg, &size); c->granularity = size; break;
		case 'V': c->driver = optarg; break;
		case 'H': c->hotplug = optarg; break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case 'b': case 'm': case 'u': case 'D': break;
		default: return -EINVAL;
		}
		if (rc) {
			say("create-region: what does '%s' mean?", optarg);
			return rc;
		}
	}
	for (; optind < argc && c->nr < MEMDEVS_MAX; optind++)
		c->memdevs[c->nr++] = argv[optind];
	return optind < argc ? -EINVAL : 0;
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
	else if (!c->nr)
		say("create-region: which memdevs? See cxl list -M");
	else if (c->ways && c->ways != c->nr)
		say("create-region: %u ways, but %u memdevs", c->ways, c->nr);
	else if (c->hotplug && !strcmp(c->driver, "region"))
		say("create-region: --hotplug is for sysram and dax");
	else
		return 0;
	return -EINVAL;
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
	int rc;

	if (parse(&c, argc, argv) || check(&c))
		return EXIT_FAILURE;
	rc = choose_root(ctx, &c) ?: choose_size(ctx, &c) ?: create_empty(&c) ?:
	     set_up(ctx, &c) ?: hand_over(&c);
	if (rc) {
		undo(&c);
		return EXIT_FAILURE;
	}
	say("create-region: created %s", c.name);
	fflush(stderr);
	/* What it is now, as cxl says it */
	execlp("cxl", "cxl", "list", "-r", c.name, "-RXT", (char *)NULL);
	return EXIT_SUCCESS;
}
