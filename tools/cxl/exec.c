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

/* Its exit code, or -1; what it says is for whoever reads ours */
static int wait_for(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/**
 * run_program - another program, and wait for it
 * @argv: path and arguments
 *
 * Return: its exit code, or -1.
 */
int run_program(char **argv)
{
	pid_t child = fork();

	if (!child) {
		execv(argv[0], argv);
		_exit(127);
	}
	return wait_for(child);
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
	status = wait_for(child);
	if (status < 0) {
		say_error(verb, errno, "cxl");
		return EXIT_FAILURE;
	}
	return status;
}
