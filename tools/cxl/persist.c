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

/* All of @from but the section with this heading */
static void copy_others(FILE *from, FILE *to, const char *heading)
{
	bool skip = false;
	size_t size = 0;
	char *line = NULL;

	while (getline(&line, &size, from) > 0) {
		if (line[0] == '[')
			skip = !strncmp(line, heading, strlen(heading));
		if (!skip)
			fputs(line, to);
	}
	free(line);
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
 * Return: 0, or an error that has been said.
 */
int policy_persist(const char *verb, const unsigned long long *serials, unsigned int nr,
		   const char *type, const char *driver, const char *hotplug)
{
	char path[PATH_MAX], heading[64], *text = NULL;
	struct policies policies;
	size_t length = 0;
	FILE *from, *to;
	int rc;

	rc = system_path(path, sizeof(path), LOCAL) ?: make_folder();
	snprintf(heading, sizeof(heading), "[region %#llx %s]", serials[0], type);
	from = rc ? NULL : fopen(path, "re");
	if (from) {
		/* What is wrong in it would void this as well */
		policies_load(&policies, (char *[]){ path }, 1);
		rc = policies.wrong ? -EINVAL : 0;
		policies_free(&policies);
	}
	to = rc ? NULL : open_memstream(&text, &length);
	if (to) {
		if (from)
			copy_others(from, to, heading);
		fprintf(to, "%s\n", heading);
		for (unsigned int i = 0; i < nr; i++)
			fprintf(to, "serial=%#llx\n", serials[i]);
		fprintf(to, "type=%s\ndriver=%s\nhotplug=%s\n", type, driver, hotplug);
		rc = fclose(to) ? -errno : replace(path, text, length);
	} else if (!rc) {
		rc = -ENOMEM;
	}
	if (from)
		fclose(from);
	free(text);
	if (rc)
		say_error(verb, -rc, "%s", path);
	return rc;
}
