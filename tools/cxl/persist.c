// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "policy.h"

/*
 * What a user says for now, and for the next boot as well: a section in 90-local.conf. All
 * else that is in that file stays.
 */

#define LOCAL "etc/cxl/policy.d/90-local.conf"

/* Is it a section that was written here, and for one of these? */
static bool is_replaced(const struct policy *policy, const unsigned long long *serials,
			unsigned int nr, const char *type)
{
	unsigned long long named;
	char word[32];

	if (sscanf(policy->name, "%llx %31s", &named, word) != 2 || strcmp(word, policy->type) ||
	    policy->match != MATCH_SERIAL || named != policy->serials[0] ||
	    strcmp(type, policy->type))
		return false;
	for (unsigned int i = 0; i < nr; i++)
		for (unsigned int j = 0; j < policy->nr_serials; j++)
			if (serials[i] == policy->serials[j])
				return true;
	return false;
}

/* Does a section begin at this line that is to go? */
static bool goes(const struct policies *policies, int line, const unsigned long long *serials,
		 unsigned int nr, const char *type)
{
	for (size_t i = 0; i < policies->nr; i++)
		if (policies->list[i].line == line)
			return is_replaced(&policies->list[i], serials, nr, type);
	return false;
}

/* Written anew with a section; what else is in one was added by somebody */
static bool is_ours(const char *line, size_t length)
{
	static const char *const keys[] = { "serial", "type", "driver", "hotplug" };
	size_t size;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size = strlen(keys[i]);
		if (length > size && !strncmp(line, keys[i], size) && strchr(" \t=:", line[size]))
			return true;
	}
	return !length || line[0] == '[';
}

/*
 * All of a file but the sections that are to go; comments stay. What others have added to
 * these sections is for the new one.
 */
static void copy_others(const char *text, FILE *to, FILE *added, const struct policies *policies,
			const unsigned long long *serials, unsigned int nr, const char *type)
{
	bool skip = false, ours = false;
	size_t length;
	int number = 1;

	for (; *text; text += length, number++) {
		length = strcspn(text, "\n");
		if (text[0] == '[')
			skip = goes(policies, number, serials, nr, type);
		if (!skip || strchr("#;", text[0]))
			fprintf(to, "%.*s\n", (int)length, text);
		/* A line that begins with a blank belongs to the one before it */
		else if (!strchr(" \t", text[0]))
			ours = is_ours(text, length);
		if (skip && !ours && !strchr("#;", text[0]))
			fprintf(added, "%.*s\n", (int)length, text);
		length += text[length] == '\n';
	}
}

static char *read_text(const char *path)
{
	FILE *from = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!from)
		return errno == ENOENT ? strdup("") : NULL;
	if (getdelim(&text, &size, '\0', from) < 0) {
		free(text);
		text = ferror(from) ? NULL : strdup("");
	}
	fclose(from);
	return text;
}

static int make_folder(void)
{
	static const char *const folders[] = { "etc/cxl", "etc/cxl/policy.d" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (system_path(path, sizeof(path), "%s", folders[i]) ||
		    (mkdir(path, 0755) && errno != EEXIST))
			return -errno;
	return 0;
}

/* Either as it was, or as it is to be, also when power goes in between */
static int replace(const char *path, const char *text, size_t length)
{
	char other[PATH_MAX + 8];
	int fd, rc = 0;

	snprintf(other, sizeof(other), "%s.new", path);
	fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, text, length) != (ssize_t)length)
		rc = -EIO;
	if (!rc && fsync(fd))
		rc = -errno;
	close(fd);
	if (!rc && rename(other, path))
		rc = -errno;
	if (rc)
		unlink(other);
	return rc;
}

/* What is said for these memdevs has to be what is done at the next boot */
static int check_written(const char *path, const unsigned long long *serials, unsigned int nr,
			 const char *type)
{
	struct policies policies;
	bool clash = false;
	char name[32];
	int rc = 0;

	policies_load(&policies, (char *[]){ (char *)path }, 1);
	rc = policies.wrong ? -EINVAL : 0;
	policies_free(&policies);
	if (rc)
		return rc;
	policies_load(&policies, NULL, 0);
	for (unsigned int i = 0; i < nr && !rc; i++) {
		snprintf(name, sizeof(name), "serial %#llx", serials[i]);
		policy_for(&policies, &(struct facts){ .name = name, .serial = serials[i], .pci = "" },
			   type, &clash);
		rc = clash ? -EINVAL : 0;
	}
	policies_free(&policies);
	return rc;
}

/* NULL, and errno: EINVAL when the old one is void, which has been said */
static char *new_text(const char *path, const char *old, const unsigned long long *serials,
		      unsigned int nr, const char *type, const char *driver, const char *hotplug)
{
	struct policies policies = { 0 };
	char *text = NULL, *added = NULL;
	size_t length = 0, size = 0;
	FILE *to = NULL, *more = NULL;

	if (old[0])
		policies_load(&policies, (char *[]){ (char *)path }, 1);
	/* What is wrong in it would void this as well */
	if (policies.wrong)
		errno = EINVAL;
	else
		more = open_memstream(&added, &size);
	if (more)
		to = open_memstream(&text, &length);
	if (to)
		copy_others(old, to, more, &policies, serials, nr, type);
	if (more)
		fclose(more);
	if (to) {
		fprintf(to, "[region %#llx %s]\n", serials[0], type);
		for (unsigned int i = 0; i < nr; i++)
			fprintf(to, "serial=%#llx\n", serials[i]);
		fprintf(to, "type=%s\ndriver=%s\nhotplug=%s\n%s", type, driver, hotplug, added);
		fclose(to);
	}
	free(added);
	policies_free(&policies);
	return text;
}

/**
 * policy_persist - say what a region is to be at the next boot, too
 * @verb: for messages
 * @serials: of its memdevs, in order
 * @nr: how many
 * @type: of its memory
 * @driver: who has it
 * @hotplug: policy
 *
 * The caller has the lock.
 *
 * Return: 0, or an error that has been said; then all is as it was.
 */
int policy_persist(const char *verb, const unsigned long long *serials, unsigned int nr,
		   const char *type, const char *driver, const char *hotplug)
{
	char path[PATH_MAX], *old, *text;
	int rc;

	rc = system_path(path, sizeof(path), LOCAL) ?: make_folder();
	old = rc ? NULL : read_text(path);
	text = old ? new_text(path, old, serials, nr, type, driver, hotplug) : NULL;
	if (!rc)
		rc = text ? replace(path, text, strlen(text)) : -errno;
	if (!rc) {
		rc = check_written(path, serials, nr, type);
		/* It is void, or another file has said it: which one, has been told */
		if (rc && old[0])
			replace(path, old, strlen(old));
		else if (rc)
			unlink(path);
	}
	free(old);
	free(text);
	if (rc)
		say_error(verb, -rc, "%s", path);
	return rc;
}
