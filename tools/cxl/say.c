// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
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
		       " (the memory is guarded: see cxl-cli set-hotplug)";
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
