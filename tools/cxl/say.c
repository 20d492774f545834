// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cxl-cli.h"

/* Standard output is JSON's, as with cxl */
void say(const char *format, ...)
{
	va_list args;

	fputs("cxl-cli: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* What would help, where the error alone does not say it */
static const char *advice(int error)
{
	switch (error) {
	case EACCES:
		return " (are you root?)";
	case EPERM:
		return geteuid() ? " (are you root?)" :
		       " (the memory is guarded: its hotplug is never)";
	default:
		return "";
	}
}

void say_error(const char *what, int error, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "cxl-cli: %s: ", what);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s%s\n", strerror(error), advice(error));
}

/* Of an error that has been said */
int exit_code(int rc)
{
	switch (rc) {
	case 0:
		return EXIT_SUCCESS;
	case -EINVAL:
		return EXIT_USAGE;
	case -EINPROGRESS:
		return EXIT_TIME;
	case -ENODEV:
		return EXIT_NONE;
	case -EBUSY:
		return EXIT_BUSY;
	case -EPERM:
	case -ENOSPC:
		return EXIT_REFUSED;
	default:
		return EXIT_FAILURE;
	}
}
