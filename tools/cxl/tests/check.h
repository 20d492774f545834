/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CXL_CLI_TESTS_CHECK_H
#define CXL_CLI_TESTS_CHECK_H

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>
#include "root.h"

static int passed, failed;

#define CHECK(what, condition) check(what, condition, #condition)

static void check(const char *what, bool good, const char *condition)
{
	printf("%s %d %s\n", good ? "ok" : "not ok", passed + failed + 1, what);
	if (good)
		passed++;
	else
		failed++;
	if (!good)
		printf("# %s\n", condition);
}

static void wipe(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf %s/*", root);
	if (system(command))
		abort();
}

/* What a function writes to a stream */
static char *output_of(int fd, int (*fn)(void *arg), void *arg, int *rc)
{
	static char buf[16384];
	char path[PATH_MAX];
	int saved = dup(fd), file;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/output", root);
	fflush(stdout);
	fflush(stderr);
	file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	dup2(file, fd);
	*rc = fn(arg);
	fflush(stdout);
	fflush(stderr);
	dup2(saved, fd);
	close(saved);
	n = pread(file, buf, sizeof(buf) - 1, 0);
	buf[n < 0 ? 0 : n] = '\0';
	close(file);
	return buf;
}

static int finish(void)
{
	wipe();
	rmdir(root);
	printf("1..%d\n# %d passed, %d failed\n", passed + failed, passed, failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
