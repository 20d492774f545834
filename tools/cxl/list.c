// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <json-c/json.h>
#include "list.h"

/*
 * list: what cxl lists, with what it does not know put into it. Every region that is
 * under sysram_region has an object of that name; with -N its extents, too.
 */

static struct json_object *bytes(const struct listing *listing,
				 unsigned long long value)
{
	char text[64];

	if (!listing->human || value < 1024)
		return json_object_new_uint64(value);
	format_size(value, text, sizeof(text));
	return json_object_new_string(text);
}

static struct json_object *address(const struct listing *listing,
				   unsigned long long value)
{
	char text[32];

	if (!listing->human)
		return json_object_new_uint64(value);
	snprintf(text, sizeof(text), "%#llx", value);
	return json_object_new_string(text);
}

static void add_text(struct json_object *object, const char *device,
		     const char *name)
{
	char value[128];

	if (sysfs_attr(device, name, value, sizeof(value)))
		json_object_object_add(object, name, json_object_new_string(value));
}

static void add_bytes(const struct listing *listing, struct json_object *object,
		      const char *device, const char *name)
{
	unsigned long long value;

	if (sysfs_number(device, name, &value))
		json_object_object_add(object, name, bytes(listing, value));
}

static void add_level(struct json_object *object, const struct level *level)
{
	json_object_object_add(object, "level", json_object_new_int(level->number));
	if (level->reason[0])
		json_object_object_add(object, "level_reason",
				       json_object_new_string(level->reason));
}

struct tagged {
	const char *tag;
	struct json_object *object;
};

/* The dax device of a tag */
static int add_dax(const struct dax *dax, void *arg)
{
	struct tagged *tagged = arg;

	if (strcmp(dax->uuid, tagged->tag))
		return 0;
	json_object_object_add(tagged->object, "chardev", json_object_new_string(dax->name));
	return 1;
}

struct extents {
	const struct listing *listing;
	const char *region;
	struct json_object *array;
};

static int add_extent(const struct extent *extent, void *arg)
{
	struct extents *extents = arg;
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "extent",
			       json_object_new_string(extent->name));
	json_object_object_add(object, "offset",
			       address(extents->listing, extent->offset));
	json_object_object_add(object, "length",
			       bytes(extents->listing, extent->length));
	if (extent->tag[0]) {
		json_object_object_add(object, "uuid",
				       json_object_new_string(extent->tag));
		for_each_dax(extents->region, add_dax,
			     &(struct tagged){ .tag = extent->tag, .object = object });
	}
	json_object_object_add(object, "state",
			       json_object_new_string(extent->state));
	json_object_array_add(extents->array, object);
	return 0;
}

/* Which zone its memory is in, when any of it is online */
static void add_zone(struct json_object *object, const char *region)
{
	unsigned long long start, size;
	struct blocks blocks;

	if (!sysfs_number(region, "resource", &start) ||
	    !sysfs_number(region, "size", &size))
		return;
	blocks_of(start, size, &blocks);
	if (blocks.online)
		json_object_object_add(object, "zone", json_object_new_string(
			blocks.movable == blocks.online ? "movable" :
			blocks.movable ? "mixed" : "kernel"));
}

static void add_extents(const struct listing *listing, struct json_object *object,
			const char *region, const char *device)
{
	struct extents extents = { .listing = listing, .region = region };
	char path[256];

	if (!listing->extents ||
	    sysfs_path(path, sizeof(path), "devices/%s/release_extent", device) ||
	    !sysfs_exists(path))
		return;
	extents.array = json_object_new_array();
	for_each_extent(region, add_extent, &extents);
	json_object_object_add(object, "extents", extents.array);
}

static void add_sysram(const struct listing *listing, struct json_object *region,
		       const char *name)
{
	unsigned long long node, size;
	struct json_object *object;
	char device[64], path[256];

	snprintf(device, sizeof(device), "sysram_%s", name);
	if (sysfs_path(path, sizeof(path), "devices/%s", device) ||
	    !sysfs_exists(path))
		return;

	object = json_object_new_object();
	add_text(object, device, "hotplug");
	add_text(object, device, "state");
	add_bytes(listing, object, device, "size");
	add_bytes(listing, object, device, "plugged_size");
	/* By this name as with dax devices; by the other since it was the first */
	if (sysfs_number(device, "target_node", &node)) {
		json_object_object_add(object, "target_node", json_object_new_int(node));
		json_object_object_add(object, "numa_node", json_object_new_int(node));
	}
	add_zone(object, name);
	if (sysfs_number(device, "size", &size))
		json_object_object_add(object, "memmap_size",
				       bytes(listing, memmap_size(size)));
	json_object_object_add(object, "memmap_on_memory",
			       json_object_new_boolean(memmap_on_memory(name)));
	add_extents(listing, object, name, device);
	json_object_object_add(region, "sysram_region", object);
}

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/* A decoder names a region, too, and a mapping of a region a memdev */
static void add_ours(const struct listing *listing, struct json_object *object)
{
	const char *region = text_of(object, "region");
	const char *memdev = text_of(object, "memdev");
	struct level level;

	if (region && !text_of(object, "decoder")) {
		add_sysram(listing, object, region);
		if (region_level(region, &level) >= 0)
			add_level(object, &level);
	} else if (memdev && text_of(object, "host")) {
		if (memdev_level(listing->ctx, memdev, &level) >= 0)
			add_level(object, &level);
	}
}

/* Regions may be anywhere in what cxl lists; not static for the tests */
void list_merge(const struct listing *listing, struct json_object *object)
{
	if (json_object_is_type(object, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(object); i++)
			list_merge(listing, json_object_array_get_idx(object, i));
	} else if (json_object_is_type(object, json_type_object)) {
		json_object_object_foreach(object, key, value) {
			(void)key;
			list_merge(listing, value);
		}
		add_ours(listing, object);
	}
}

/* Its messages are for people, unless it is only asked whether it can */
static int run_cxl(char **argv, bool quiet, char **output, size_t *size)
{
	FILE *stream = open_memstream(output, size);
	int fds[2], status;
	char buf[4096];
	ssize_t n;
	pid_t pid;

	if (!stream || pipe(fds))
		return -errno;
	pid = fork();
	if (!pid) {
		signal(SIGPIPE, SIG_DFL);
		dup2(fds[1], STDOUT_FILENO);
		if (quiet && !freopen("/dev/null", "w", stderr))
			_exit(127);
		close(fds[0]);
		close(fds[1]);
		exec_cxl("list", argv);
		_exit(127);
	}
	close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		fwrite(buf, 1, n, stream);
	close(fds[0]);
	fclose(stream);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static const char usage[] =
	"Usage: cxl-cli list [OPTION]...\n"
	"\n"
	"What cxl lists, with all of its options, and what it does not know: for regions and\n"
	"memdevs the level, 0 (not there) to 4 (online memory), and the reason that it is\n"
	"not more; for regions under sysram_region an object of that name, with policy,\n"
	"state, sizes, NUMA node, zone, and what the memmap costs.\n"
	"  -N, --extents          with the extents of dynamic regions\n"
	"  -h, --help             this text; all others are in cxl-list(1)\n";

/* Those short options of cxl list that take an argument */
static const char with_argument[] = "mspbedr";
/* Those that say what is listed, or of what that is not a memdev; and long ones alike */
static const char listed[] = "MBPEDTRXvpbed";
static const char *const listed_long[] = {
	"--memdevs", "--bus", "--port", "--endpoint", "--decoder", "--targets", "--regions",
	"--dax", "--verbose", NULL,
};

/* A cluster of short options without -N, at @to; NULL when nothing is left of it */
static char *short_options(struct listing *listing, const char *from, char *to, bool *what,
			   bool *regions)
{
	char *arg = to;

	*to++ = *from++;
	for (; *from; from++) {
		listing->human |= *from == 'u';
		*regions |= strchr("Rvr", *from) != NULL;
		*what |= strchr(listed, *from) != NULL;
		if (*from == 'N') {
			listing->extents = true;
			continue;
		}
		*to++ = *from;
		if (strchr(with_argument, *from)) {
			strcpy(to, from + 1);
			return arg;
		}
	}
	*to = '\0';
	return to == arg + 1 ? NULL : arg;
}

/*
 * Take -N out of what cxl is asked, all the rest is for cxl, also what it may have learned
 * since: @args gets it, and @room is for what has changed.
 */
static void without_ours(struct listing *listing, int argc, char **argv, char **args,
			 char *room)
{
	bool what = false, regions = false;
	int nr = 0;

	for (int i = 1; i < argc; i++) {
		char *arg = argv[i];

		if (!strcmp(arg, "--extents")) {
			listing->extents = true;
			continue;
		}
		if (!strncmp(arg, "--", 2)) {
			listing->human |= !strcmp(arg, "--human");
			regions |= !strncmp(arg, "--region", 8) || !strcmp(arg, "--verbose");
			for (int j = 0; listed_long[j]; j++)
				what |= !strncmp(arg, listed_long[j], strlen(listed_long[j]));
		} else if (arg[0] == '-' && arg[1]) {
			arg = short_options(listing, arg, room, &what, &regions);
			room += strlen(argv[i]) + 1;
			/* Its argument may be the next word, and look like an option */
			if (arg && strchr(with_argument, arg[strlen(arg) - 1]) && i + 1 < argc &&
			    strcspn(arg + 1, with_argument) == strlen(arg + 1) - 1) {
				args[nr++] = arg;
				arg = argv[++i];
			}
		}
		if (arg)
			args[nr++] = arg;
	}
	/* Extents are those of regions; memdevs are what is listed when nothing is said */
	if (listing->extents && !regions)
		args[nr++] = what ? "-R" : "-MR";
}

static void print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void merge_and_print(const struct listing *listing, const char *output)
{
	struct json_object *object = json_tokener_parse(output);

	if (!object) {
		fputs(output, stdout);
		return;
	}
	list_merge(listing, object);
	print(object);
	json_object_put(object);
}

/**
 * list_regions - what regions have become, as JSON
 * @ctx: of libcxl
 * @regions: their names, with commas
 * @human: sizes and addresses as people read them
 * @one: the object of one, as "cxl create-region" prints it; else an array
 *
 * Return: 0, or not, when cxl does not list them.
 */
int list_regions(struct cxl_ctx *ctx, const char *regions, bool human, bool one)
{
	char *args[] = { "cxl", "list", "-RXT", "-i", "-r", (char *)regions,
			 human ? "-u" : NULL, NULL };
	struct listing listing = { .ctx = ctx, .human = human };
	struct json_object *object;
	char *output = NULL;
	size_t size = 0;
	int rc;

	rc = run_cxl(args, true, &output, &size);
	if (rc) {
		/* Before version 77 it knew nothing of dax devices */
		args[2] = "-RT";
		free(output);
		output = NULL;
		rc = run_cxl(args, false, &output, &size);
	}
	object = rc || !size ? NULL : json_tokener_parse(output);
	if (object) {
		list_merge(&listing, object);
		print(one && json_object_is_type(object, json_type_array) ?
		      json_object_array_get_idx(object, 0) : object);
		json_object_put(object);
	}
	free(output);
	return rc ?: object ? 0 : -ENODEV;
}

/**
 * verb_list - list, with what cxl does not know
 * @ctx: of libcxl
 * @argc: of the verb
 * @argv: of the verb; -N, --extents is for us, all others are cxl's
 *
 * Return: the exit code of cxl.
 */
int verb_list(struct cxl_ctx *ctx, int argc, char **argv)
{
	struct listing listing = { .ctx = ctx };
	char **args, *room, *output = NULL;
	size_t size = 0, length = 0;
	int rc;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		}
	}
	for (int i = 1; i < argc; i++)
		length += strlen(argv[i]) + 1;
	args = calloc(argc + 4, sizeof(*args));
	room = calloc(length + 1, 1);
	if (!args || !room) {
		free(args);
		free(room);
		return EXIT_FAILURE;
	}
	args[0] = "cxl";
	args[1] = "list";
	without_ours(&listing, argc, argv, args + 2, room);
	rc = run_cxl(args, false, &output, &size);
	free(args);
	free(room);
	if (!rc && size)
		merge_and_print(&listing, output);
	else if (output)
		fputs(output, stdout);
	free(output);
	return rc < 0 ? EXIT_FAILURE : rc;
}
