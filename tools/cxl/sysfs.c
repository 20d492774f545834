// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cxl-cli.h"

int sysfs_path(char *path, size_t size, const char *format, ...)
{
	const char *root = getenv("CXL_CLI_SYSFS");
	va_list args;
	int n, m;

	n = snprintf(path, size, "%s/", root ? root : "/sys/bus/cxl");
	if (n < 0 || (size_t)n >= size)
		return -ENAMETOOLONG;
	va_start(args, format);
	m = vsnprintf(path + n, size - n, format, args);
	va_end(args);
	return m < 0 || (size_t)m >= size - n ? -ENAMETOOLONG : 0;
}

/* One write: an attribute takes its value in one piece or not at all */
int sysfs_write(const char *path, const char *value)
{
	size_t len = strlen(value);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;
	int rc;

	if (fd < 0)
		return -errno;
	n = write(fd, value, len);
	rc = n < 0 ? -errno : (size_t)n < len ? -EIO : 0;
	close(fd);
	return rc;
}

int sysfs_read(const char *path, char *value, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int rc;

	if (fd < 0)
		return -errno;
	n = read(fd, value, size - 1);
	rc = n < 0 ? -errno : 0;
	close(fd);
	if (rc)
		return rc;
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

bool sysfs_exists(const char *path)
{
	return access(path, F_OK) == 0;
}
