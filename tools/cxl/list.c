// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <json-c/json.h>
#include "cxl-cli.h"

/*
 * list: what cxl lists, with what it does not know put into it. Every region that is
 * under sysram_region has an object of that name; with -N its extents, too.
 */

/**
 * struct listing - how it is to be listed
 * @human: sizes and addresses as people read them
 * @extents: with the extents of dynamic regions
 */
struct listing {
	bool human;
	bool extents;
};

static struct json_object *bytes(const struct listing *listing,
				 unsigned long long value)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double size = value / 1024.0;
	char text[64];
	int i = 0;

	if (!listing->human || value < 1024)
		return json_object_new_uint64(value);
	for (; size >= 1024 && i < 3; i++)
		size /= 1024;
	snprintf(text, sizeof(text), "%.2f %s", size, units[i]);
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

static bool attr(const char *device, const char *name, char *value, size_t size)
{
	char path[512];

	return !sysfs_path(path, sizeof(path), "devices/%s/%s", device, name) &&
	       !sysfs_read(path, value, size);
}

static void add_text(struct json_object *object, const char *device,
		     const char *name, const char *key)
{
	char value[128];

	if (attr(device, name, value, sizeof(value)))
		json_object_object_add(object, key, json_object_new_string(value));
}

static void add_bytes(const struct listing *listing, struct json_object *object,
		      const char *device, const char *name)
{
	char value[128];

	if (attr(device, name, value, sizeof(value)))
		json_object_object_add(object, name,
				       bytes(listing, strtoull(value, NULL, 0)));
}

/* The dax device of a tag, if it has one */
static void add_dax(struct json_object *object, const char *region, const char *tag)
{
	char dir[512], path[1024], uuid[64];
	struct dirent *entry;
	DIR *devices;

	if (sysfs_path(dir, sizeof(dir), "devices/dax_%s", region))
		return;
	devices = opendir(dir);
	if (!devices)
		return;
	while ((entry = readdir(devices))) {
		snprintf(path, sizeof(path), "%s/%s/uuid", dir, entry->d_name);
		if (strncmp(entry->d_name, "dax", 3) ||
		    sysfs_read(path, uuid, sizeof(uuid)) || strcmp(uuid, tag))
			continue;
		json_object_object_add(object, "daxdev",
				       json_object_new_string(entry->d_name));
		break;
	}
	closedir(devices);
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
		add_dax(object, extents->region, extent->tag);
	}
	json_object_object_add(object, "state",
			       json_object_new_string(extent->state));
	json_object_array_add(extents->array, object);
	return 0;
}

static void add_sysram(const struct listing *listing, struct json_object *region)
{
	struct json_object *name, *object;
	char device[64], path[256], value[32];

	if (!json_object_object_get_ex(region, "region", &name) ||
	    !json_object_is_type(name, json_type_string))
		return;
	snprintf(device, sizeof(device), "sysram_%s", json_object_get_string(name));
	if (sysfs_path(path, sizeof(path), "devices/%s", device) ||
	    !sysfs_exists(path))
		return;

	object = json_object_new_object();
	add_text(object, device, "hotplug", "hotplug");
	add_text(object, device, "state", "state");
	add_bytes(listing, object, device, "size");
	add_bytes(listing, object, device, "plugged_size");
	if (attr(device, "target_node", value, sizeof(value)))
		json_object_object_add(object, "numa_node",
				       json_object_new_int(atoi(value)));
	sysfs_path(path, sizeof(path), "devices/%s/release_extent", device);
	if (listing->extents && sysfs_exists(path)) {
		struct extents extents = {
			.listing = listing,
			.region = json_object_get_string(name),
			.array = json_object_new_array(),
		};

		for_each_extent(extents.region, add_extent, &extents);
		json_object_object_add(object, "extents", extents.array);
	}
	json_object_object_add(region, "sysram_region", object);
}

/* Regions may be anywhere in what cxl lists */
static void merge(const struct listing *listing, struct json_object *object)
{
	if (json_object_is_type(object, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(object); i++)
			merge(listing, json_object_array_get_idx(object, i));
	} else if (json_object_is_type(object, json_type_object)) {
		json_object_object_foreach(object, key, value) {
			(void)key;
			merge(listing, value);
		}
		add_sysram(listing, object);
	}
}

static int run_cxl(char **argv, char **output, size_t *size)
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
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execvp("cxl", argv);
		say_error("list", errno, "cannot start cxl, is the package ndctl, or cxl, installed?");
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

/**
 * verb_list - list, with what cxl does not know
 * @ctx: not used
 * @argc: of the verb
 * @argv: of the verb; -N, --extents is for us, all others are cxl's
 *
 * Return: the exit code of cxl.
 */
int verb_list(struct cxl_ctx *ctx, int argc, char **argv)
{
	struct listing listing = { };
	char **args = calloc(argc + 2, sizeof(*args));
	struct json_object *object;
	char *output = NULL;
	size_t size = 0;
	int nr = 0, rc;

	(void)ctx;
	if (!args)
		return EXIT_FAILURE;
	args[nr++] = "cxl";
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "-N") || !strcmp(argv[i], "--extents")) {
			listing.extents = true;
			continue;
		}
		if (!strcmp(argv[i], "--human") ||
		    (argv[i][0] == '-' && argv[i][1] != '-' && strchr(argv[i], 'u')))
			listing.human = true;
		args[nr++] = argv[i];
	}
	rc = run_cxl(args, &output, &size);
	free(args);
	object = rc || !size ? NULL : json_tokener_parse(output);
	if (object) {
		merge(&listing, object);
		puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
						    JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(object);
	} else if (output) {
		fputs(output, stdout);
	}
	free(output);
	return rc < 0 ? EXIT_FAILURE : rc;
}
