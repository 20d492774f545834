// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "cxl-cli.h"

/* A file of the system; for tests, all of it is below $CXL_CLI_ROOT */
int system_path(char *path, size_t size, const char *format, ...)
{
	const char *root = getenv("CXL_CLI_ROOT");
	va_list args;
	int n, m;

	n = snprintf(path, size, "%s/", root ? root : "");
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
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t n;
	int rc;

	if (fd < 0)
		return -errno;
	n = write(fd, value, len);
	rc = n < 0 ? -errno : (size_t)n < len ? -EIO : 0;
	close(fd);
	return rc;
}

static int end_child(pid_t pid, bool end, int rc)
{
	int status;

	if (end)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	/* It may have come to its end all the same */
	return WIFEXITED(status) ? -WEXITSTATUS(status) : rc;
}

/**
 * sysfs_write_child - a write that may take long, and that only a kill would end
 * @path: of the file
 * @value: what is written
 * @seconds: after which it is ended; 0: never
 * @stop: it is ended when that is not 0, or NULL
 *
 * It is done by a child that can be killed: the kernel then takes back what it has
 * begun.
 *
 * Return: 0, an error of the write, -EBUSY when the time is up, -EINTR when stopped.
 */
int sysfs_write_child(const char *path, const char *value, long seconds,
		      const volatile sig_atomic_t *stop)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct timespec now, began;
	siginfo_t info = { 0 };
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		/* Whatever ends us ends what we have begun */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(-sysfs_write(path, value) & 0xff);
	}
	clock_gettime(CLOCK_MONOTONIC, &began);
	for (;;) {
		if (!waitid(P_PID, pid, &info, WEXITED | WNOWAIT | WNOHANG) && info.si_pid)
			return end_child(pid, false, -EINTR);
		if (stop && *stop)
			return end_child(pid, true, -EINTR);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (seconds && (now.tv_sec - began.tv_sec) * 1000 +
			       (now.tv_nsec - began.tv_nsec) / 1000000 >= seconds * 1000)
			return end_child(pid, true, -EBUSY);
		nanosleep(&pause, NULL);
	}
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

bool sysfs_attr(const char *device, const char *name, char *value, size_t size)
{
	char path[512];

	return !sysfs_path(path, sizeof(path), "devices/%s/%s", device, name) &&
	       !sysfs_read(path, value, size);
}

bool sysfs_number(const char *device, const char *name, unsigned long long *number)
{
	char value[64], *end;

	if (!sysfs_attr(device, name, value, sizeof(value)))
		return false;
	errno = 0;
	*number = strtoull(value, &end, 0);
	return !errno && end != value && !*end;
}

int sysfs_attr_write(const char *device, const char *name, const char *value)
{
	char path[512];

	return sysfs_path(path, sizeof(path), "devices/%s/%s", device, name) ?:
	       sysfs_write(path, value);
}

/* The name of the driver that has a device, or false */
bool sysfs_driver(const char *device, char *driver, size_t size)
{
	char path[512], target[256];
	ssize_t n;

	if (sysfs_path(path, sizeof(path), "devices/%s/driver", device))
		return false;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	snprintf(driver, size, "%s", basename(target));
	return true;
}
