// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cxl-cli.h"

static bool is_ourselves(const char *path)
{
	struct stat self, file;

	return !stat("/proc/self/exe", &self) && !stat(path, &file) &&
	       self.st_dev == file.st_dev && self.st_ino == file.st_ino;
}

/**
 * exec_cxl - become cxl
 * @verb: for the message
 * @argv: for it
 *
 * A link to this program may be called cxl, too, and come first in PATH: it is passed
 * over.
 *
 * Return: only when there is no cxl, which has been said.
 */
void exec_cxl(const char *verb, char **argv)
{
	const char *dir = getenv("PATH");
	char path[4096];
	size_t length;

	argv[0] = "cxl";
	for (dir = dir ? dir : "/usr/bin:/bin"; *dir; dir += length + (dir[length] == ':')) {
		length = strcspn(dir, ":");
		if ((size_t)snprintf(path, sizeof(path), "%.*s/cxl", (int)length, dir) >= sizeof(path) ||
		    is_ourselves(path))
			continue;
		execv(path, argv);
	}
	say_error(verb, ENOENT, "cannot start cxl, is the package ndctl, or cxl, installed?");
}

/**
 * call_cxl - let cxl do something
 * @verb: for the message
 * @argv: for it
 *
 * Return: its exit code.
 */
int call_cxl(const char *verb, char **argv)
{
	pid_t child = fork();
	int status;

	if (!child) {
		exec_cxl(verb, argv);
		_exit(EXIT_FAILURE);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		say_error(verb, errno, "cxl");
		return EXIT_FAILURE;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
