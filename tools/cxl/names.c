// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include "cxl-cli.h"

/**
 * words_of - names that may be several in one word
 * @names: as a user has written them, with commas or spaces
 * @nr: how many
 * @count: result: how many there are
 *
 * Return: one name each, until the next call; NULL when it is too much.
 */
char **words_of(char **names, int nr, int *count)
{
	static char *words[256];
	static char text[8192];
	size_t used = 0, length;

	*count = 0;
	for (int i = 0; i < nr; i++) {
		for (const char *name = names[i]; *name; name += length) {
			name += strspn(name, ", ");
			length = strcspn(name, ", ");
			if (!length)
				continue;
			if (*count == 256 || used + length >= sizeof(text))
				return NULL;
			words[(*count)++] = memcpy(text + used, name, length);
			text[used + length] = '\0';
			used += length + 1;
		}
	}
	return words;
}

/**
 * is_meant - is it a device that a user has named?
 * @names: one, or several with commas or spaces, or "all"
 * @prefix: what may be left out of a name: "0" for "mem0"
 * @name: of the device
 * @alias: another name of it, or NULL
 *
 * Return: true when it is.
 */
bool is_meant(const char *names, const char *prefix, const char *name, const char *alias)
{
	static const char separators[] = ", ";
	size_t skip = strlen(prefix), length;

	for (; *names; names += length) {
		names += strspn(names, separators);
		length = strcspn(names, separators);
		if (!length)
			continue;
		if ((length == 3 && !strncmp(names, "all", 3)) ||
		    (length == strlen(name) && !strncmp(names, name, length)) ||
		    (!strncmp(name, prefix, skip) && length == strlen(name + skip) &&
		     !strncmp(names, name + skip, length)) ||
		    (alias && length == strlen(alias) && !strncmp(names, alias, length)))
			return true;
	}
	return false;
}

/**
 * root_decoder_is_meant - do the filters of a command let a root decoder through?
 * @bus: names, or NULL
 * @filter: names, or NULL
 * @of: the bus of @decoder
 * @decoder: a root decoder
 *
 * Return: true when they do.
 */
bool root_decoder_is_meant(const char *bus, const char *filter, struct cxl_bus *of,
			   struct cxl_decoder *decoder)
{
	if (bus && !is_meant(bus, "root", cxl_bus_get_devname(of), cxl_bus_get_provider(of)))
		return false;
	return !filter || is_meant(filter, "decoder", cxl_decoder_get_devname(decoder), "root");
}

bool memdev_is_meant(const char *names, struct cxl_memdev *memdev)
{
	return is_meant(names, "mem", cxl_memdev_get_devname(memdev),
			cxl_memdev_get_host(memdev));
}

/* Is any of them there? */
bool memdev_is_there(struct cxl_ctx *ctx, const char *names)
{
	struct cxl_memdev *memdev;

	cxl_memdev_foreach(ctx, memdev)
		if (memdev_is_meant(names, memdev))
			return true;
	return false;
}

/* A list with commas, as is_meant() takes it */
void add_word(char *list, size_t size, const char *word)
{
	size_t length = strlen(list);

	snprintf(list + length, size - length, "%s%s", length ? "," : "", word);
}

const char *const policies_known[] = {
	"none", "never", "offline", "online", "online_kernel", "online_movable", NULL,
};

/**
 * check_policy - is it one of the policies of a region?
 * @verb: for the message
 * @policy: what a user has written
 * @plugs: only those that plug are meant
 *
 * Return: true when it is; else which there are has been said.
 */
bool check_policy(const char *verb, const char *policy, bool plugs)
{
	for (int i = plugs ? 2 : 0; policies_known[i]; i++)
		if (!strcmp(policies_known[i], policy))
			return true;
	say("%s: %s is none of %soffline, online, online_kernel, online_movable", verb,
	    policy, plugs ? "" : "none, never, ");
	return false;
}

/* Does a policy make System RAM of what arrives? */
bool policy_plugs(const char *policy)
{
	return strcmp(policy, "none") && strcmp(policy, "never");
}
