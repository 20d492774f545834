/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CXL_CLI_TESTS_ROOT_H
#define CXL_CLI_TESTS_ROOT_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What takes the place of /, by $CXL_CLI_ROOT */
static char root[] = "/tmp/cxl-cli.XXXXXX";

static void make_root(void)
{
	if (!mkdtemp(root) || setenv("CXL_CLI_ROOT", root, 1))
		abort();
}

/* put "a/b" = value, with all directories */
static void put(const char *path, const char *value)
{
	char full[PATH_MAX];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(full, 0777);
		*at = '/';
	}
	file = fopen(full, "w");
	if (!file || fputs(value, file) < 0 || fclose(file))
		abort();
}

#endif
