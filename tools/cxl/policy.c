// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "policy.h"

/*
 * The files that say what becomes of CXL memory: *.conf in /etc/cxl/policy.d, and those of
 * packages in /usr/lib/cxl/policy.d, which one of the same name in /etc replaces.
 *
 * A file is taken whole, or not at all: half of what an administrator has written is
 * nothing that he has asked for. What a file that is void would have guarded must not be
 * plugged because of a typing error: when there is a "never" in it, policies plug nothing.
 */

struct parsing {
	struct policies *policies;
	const char *file;
	FILE *stream;
	size_t first;
	int line;
	int heading;
	bool fresh;
	bool cut;
	bool never;
	int errors;
};

static void __attribute__((format(printf, 2, 3)))
wrong(struct parsing *p, const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	say("%s:%d: %s", p->file, p->line, why);
	p->errors++;
}

/* One of some words, as a constant, or NULL */
static const char *word_of(const char *const *words, const char *value)
{
	for (; *words; words++)
		if (!strcmp(*words, value))
			return *words;
	return NULL;
}

static int set_word(const char **to, const char *const *words, const char *value)
{
	*to = word_of(words, value);
	return *to ? 0 : -EINVAL;
}

static int set_match(struct policy *policy, enum policy_match match)
{
	if (policy->match)
		return -EEXIST;
	policy->match = match;
	return 0;
}

static int set_serial(struct policy *policy, const char *value)
{
	unsigned long long serial;
	char *end;

	for (value += strspn(value, ", "); *value; value = end + strspn(end, ", ")) {
		errno = 0;
		/* No octal: they are written with zeros in front */
		serial = strtoull(value, &end, strncasecmp(value, "0x", 2) ? 10 : 16);
		if (errno || !isdigit((unsigned char)*value) || (*end && !strchr(", ", *end)) ||
		    policy->nr_serials == MEMDEVS_MAX)
			return -EINVAL;
		for (unsigned int i = 0; i < policy->nr_serials; i++)
			if (policy->serials[i] == serial)
				return -EINVAL;
		policy->serials[policy->nr_serials++] = serial;
	}
	if (!policy->nr_serials)
		return -EINVAL;
	/* Lines have an end: a set may go on in the next one */
	return policy->match == MATCH_SERIAL ? 0 : set_match(policy, MATCH_SERIAL);
}

static int set_pci(struct policy *policy, const char *value)
{
	unsigned int domain, bus, device, function;
	char end;

	if (sscanf(value, "%x:%x:%x.%x%c", &domain, &bus, &device, &function, &end) != 4)
		return -EINVAL;
	snprintf(policy->pci, sizeof(policy->pci), "%04x:%02x:%02x.%x", domain, bus, device,
		 function);
	return set_match(policy, MATCH_PCI);
}

static int set_window(struct policy *policy, const char *value)
{
	unsigned long window;

	if (parse_number(value, ~0ul, &window))
		return -EINVAL;
	policy->window = window;
	return set_match(policy, MATCH_WINDOW);
}

static int set_all(struct policy *policy, const char *value)
{
	return strcmp(value, "yes") ? -EINVAL : set_match(policy, MATCH_ALL);
}

/* Of these a region can be System RAM */
const char *const policy_types[] = { "ram", "dynamic_ram_1", NULL };

static int set_type(struct policy *policy, const char *value)
{
	return set_word(&policy->type, policy_types, value);
}

static int set_driver(struct policy *policy, const char *value)
{
	static const char *const drivers[] = { "sysram", "dax", "region", NULL };

	return set_word(&policy->driver, drivers, value);
}

static int set_hotplug(struct policy *policy, const char *value)
{
	return set_word(&policy->hotplug, policies_known, value);
}

static int set_size(struct policy *policy, const char *value)
{
	return parse_size(value, &policy->size) || !policy->size ? -EINVAL : 0;
}

static int set_granularity(struct policy *policy, const char *value)
{
	unsigned long number;

	if (parse_number(value, 1 << 20, &number) || !number)
		return -EINVAL;
	policy->granularity = number;
	return 0;
}

static int set_memmap(struct policy *policy, const char *value)
{
	return parse_yes_no(value, &policy->memmap);
}

static int set_create(struct policy *policy, const char *value)
{
	const char *yes = NULL;
	int rc = parse_yes_no(value, &yes);

	policy->no_create = !rc && !strcmp(yes, "0");
	return rc;
}

static const struct key {
	const char *name;
	int (*set)(struct policy *policy, const char *value);
	const char *values;
} keys[] = {
	{ "serial", set_serial, "serial numbers, each once" },
	{ "pci", set_pci, "an address, as 0000:35:00.0" },
	{ "window", set_window, "the base address of a root decoder" },
	{ "all", set_all, "yes" },
	{ "type", set_type, "ram, dynamic_ram_1" },
	{ "driver", set_driver, "sysram, dax, region" },
	{ "hotplug", set_hotplug, "none, never, offline, online, online_kernel, online_movable" },
	{ "size", set_size, "bytes, with K, M, G or T" },
	{ "granularity", set_granularity, "bytes" },
	{ "memmap_on_memory", set_memmap, "yes, no" },
	{ "create", set_create, "yes, no" },
};

/* What can only be seen when all of a section has been read */
static void check_section(struct parsing *p)
{
	struct policy *policy;
	int line = p->line;

	if (!p->heading)
		return;
	p->line = p->heading;
	if (p->fresh) {
		wrong(p, "there is nothing in this section");
	} else {
		policy = &p->policies->list[p->policies->nr - 1];
		if (!policy->match)
			wrong(p, "for which memdevs? serial=, pci=, window= or all=yes");
		if (strcmp(policy->driver, "sysram") && !strcmp(policy->type, "dynamic_ram_1"))
			wrong(p, "of a dynamic region, what has a tag is DAX: driver=sysram");
		if (!strcmp(policy->driver, "region") &&
		    (strcmp(policy->hotplug, "none") || policy->memmap))
			wrong(p, "hotplug= and memmap_on_memory= are for sysram and dax");
		if (!strcmp(policy->driver, "dax") && policy->memmap)
			wrong(p, "memmap_on_memory= is for sysram, the dax device has its own");
	}
	p->line = line;
}

static struct policy *new_policy(struct parsing *p, const char *section)
{
	struct policies *all = p->policies;
	struct policy *list = reallocarray(all->list, all->nr + 1, sizeof(*list)), *policy;

	if (!list)
		return NULL;
	all->list = list;
	policy = &list[all->nr++];
	memset(policy, 0, sizeof(*policy));
	snprintf(policy->file, sizeof(policy->file), "%s", p->file);
	snprintf(policy->name, sizeof(policy->name), "%s", section + strlen("region "));
	policy->line = p->heading;
	policy->type = "ram";
	policy->driver = "sysram";
	policy->hotplug = "none";
	p->fresh = false;
	return policy;
}

/* For libinih: 0 is an error, which is counted here */
static int set_key(void *arg, const char *section, const char *name, const char *value)
{
	struct parsing *p = arg;
	struct policy *policy;
	int rc;

	/* What is no region was told when its heading was read */
	if (strncmp(section, "region ", strlen("region ")))
		return p->heading ? 1 : (wrong(p, "it is in no [region NAME]"), 0);
	policy = p->fresh ? new_policy(p, section) :
		 p->heading ? &p->policies->list[p->policies->nr - 1] : NULL;
	if (!policy)
		return 0;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, name))
			continue;
		rc = policy->keys & 1 << i && keys[i].set != set_serial ? -EEXIST :
		     keys[i].set(policy, value);
		if (rc == -EEXIST)
			wrong(p, "%s: more than one of that, or of serial, pci, window and all", name);
		else if (rc)
			wrong(p, "%s is '%s', and can be: %s", name, value, keys[i].values);
		/* Who knows what it was to be */
		p->never |= rc && keys[i].set == set_hotplug;
		policy->keys |= 1 << i;
		return !rc;
	}
	wrong(p, "there is no key '%s'", name);
	return 0;
}

/* A line for libinih, which does not say where it is, nor where a section begins again */
static char *next_line(char *line, int size, void *arg)
{
	struct parsing *p = arg;
	const char *text;
	size_t length;

	if (!fgets(line, size, p->stream))
		return NULL;
	length = strlen(line);
	if (!p->cut)
		p->line++;
	if (length + 1 == (size_t)size && line[length - 1] != '\n' && !p->cut)
		wrong(p, "this line is too long");
	p->cut = !length || line[length - 1] != '\n';
	if (p->line == 1 && !strncmp(line, "\xef\xbb\xbf", 3))
		memmove(line, line + 3, length - 2);
	text = line + strspn(line, " \t");
	if (*text && !strchr("#;", *text) && strcasestr(text, "never"))
		p->never = true;
	if (*text != '[')
		return line;
	check_section(p);
	p->heading = p->line;
	p->fresh = true;
	if (strncmp(text, "[region ", strlen("[region ")))
		wrong(p, "a section is [region NAME]");
	return line;
}

static void parse_stream(struct parsing *p)
{
	int errors, line;

	line = ini_parse_stream(next_line, p, set_key, p);
	errors = p->errors;
	check_section(p);
	/* What it has found, and neither next_line() nor set_key() */
	if (line && !errors) {
		p->line = line;
		wrong(p, "what does this mean?");
	}
}

/* @path: as it is opened; @name: as it is shown */
static void load_file(struct policies *policies, const char *path, const char *name)
{
	struct parsing p = { .policies = policies, .file = name, .first = policies->nr };

	p.stream = fopen(path, "re");
	if (p.stream)
		parse_stream(&p);
	if (!p.stream || ferror(p.stream)) {
		say("%s: %s", name, strerror(errno));
		p.never = true;
		p.errors++;
	}
	if (p.stream)
		fclose(p.stream);
	if (!p.errors)
		return;
	policies->nr = p.first;
	policies->wrong++;
	say("%s: nothing in this file is done", name);
	if (p.never)
		snprintf(policies->guard, sizeof(policies->guard), "%s", name);
}

static int is_conf(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && !strcmp(dot, ".conf");
}

static const char *const folders[] = { "etc/cxl/policy.d", "usr/lib/cxl/policy.d" };

/* Is there a file of that name in a folder that goes before? */
static bool is_replaced(size_t folder, const char *name)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < folder; i++)
		if (!system_path(path, sizeof(path), "%s/%s", folders[i], name) &&
		    sysfs_exists(path))
			return true;
	return false;
}

static int load_folders(struct policies *policies)
{
	char path[PATH_MAX], name[PATH_MAX];
	struct dirent **entries;
	int nr;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (system_path(path, sizeof(path), "%s", folders[i]))
			return -ENAMETOOLONG;
		nr = scandir(path, &entries, is_conf, alphasort);
		if (nr < 0 && errno != ENOENT) {
			say("%s: %s", path, strerror(errno));
			snprintf(policies->guard, sizeof(policies->guard), "%s", path);
			policies->wrong++;
		}
		for (int j = 0; j < nr; j++) {
			snprintf(name, sizeof(name), "/%s/%s", folders[i], entries[j]->d_name);
			if (!is_replaced(i, entries[j]->d_name) &&
			    !system_path(path, sizeof(path), "%s", name + 1))
				load_file(policies, path, name);
			free(entries[j]);
		}
		if (nr >= 0)
			free(entries);
	}
	return 0;
}

/**
 * policies_load - read what becomes of CXL memory
 * @policies: result
 * @files: these instead of those of the system
 * @nr: how many
 *
 * What is wrong in them has been said.
 *
 * Return: 0, also when files are void.
 */
int policies_load(struct policies *policies, char **files, int nr)
{
	memset(policies, 0, sizeof(*policies));
	if (!nr)
		return load_folders(policies);
	for (int i = 0; i < nr; i++)
		load_file(policies, files[i], files[i]);
	return 0;
}

void policies_free(struct policies *policies)
{
	free(policies->list);
	memset(policies, 0, sizeof(*policies));
}

static bool is_for(const struct policy *policy, const struct facts *facts)
{
	switch (policy->match) {
	case MATCH_SERIAL:
		for (unsigned int i = 0; i < policy->nr_serials; i++)
			if (policy->serials[i] == facts->serial)
				return true;
		return false;
	case MATCH_PCI:
		return !strcmp(policy->pci, facts->pci);
	case MATCH_WINDOW:
		for (unsigned int i = 0; i < facts->nr_windows; i++)
			if (policy->window == facts->windows[i])
				return true;
		return false;
	case MATCH_ALL:
		return true;
	default:
		return false;
	}
}

/**
 * policy_for - what becomes of the memory of a memdev
 * @policies: of which
 * @facts: of the memdev
 * @type: of its memory
 * @clash: result: two are for it, and neither goes before the other, which has been
 *	said; NULL to say nothing
 *
 * Return: a policy, or NULL when none is for it, or two.
 */
const struct policy *policy_for(const struct policies *policies, const struct facts *facts,
				const char *type, bool *clash)
{
	const struct policy *best = NULL, *other = NULL;

	for (size_t i = 0; i < policies->nr; i++) {
		const struct policy *policy = &policies->list[i];

		if (strcmp(policy->type, type) || !is_for(policy, facts))
			continue;
		if (!best || policy->match > best->match) {
			best = policy;
			other = NULL;
		} else if (policy->match == best->match) {
			other = policy;
		}
	}
	if (clash)
		*clash = other;
	if (!other)
		return best;
	if (clash)
		say("%s: two policies for its %s, and neither is done: %s:%d and %s:%d",
		    facts->name, type, best->file, best->line, other->file, other->line);
	return NULL;
}

/* Does it keep memory from being plugged? */
bool policy_guards(const struct policy *policy)
{
	return !strcmp(policy->hotplug, "never");
}
