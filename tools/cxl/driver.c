// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include "cxl-cli.h"

/*
 * A region, or the dax_region below it, is given to a driver by the driver's bind file;
 * what is missing when it is refused.
 */

/**
 * driver_there - has the kernel a driver?
 * @verb: for the message
 * @driver: its name
 *
 * Return: true when it has; else what would help has been said.
 */
bool driver_there(const char *verb, const char *driver)
{
	char path[256];

	if (!sysfs_path(path, sizeof(path), "drivers/%s", driver) && sysfs_exists(path))
		return true;
	if (!strcmp(driver, "cxl_dax_region"))
		say("%s: there is no driver %s, try: modprobe dax_cxl", verb, driver);
	else
		say("%s: this kernel has no %s (CONFIG_CXL_SYSRAM): what cxl has still works",
		    verb, driver);
	return false;
}

/**
 * driver_bind - give a device to a driver
 * @verb: for messages
 * @driver: its name
 * @device: its name
 * @seconds: after which it is ended, when that is plugging memory; 0: never
 *
 * Return: 0, also when the driver has it already: a udev rule may have been faster; or
 * an error that has been said.
 */
int driver_bind(const char *verb, const char *driver, const char *device, long seconds)
{
	char path[256], has[64];
	int rc;

	if (!driver_there(verb, driver))
		return -ENODEV;
	rc = sysfs_path(path, sizeof(path), "drivers/%s/bind", driver) ?:
	     seconds ? sysfs_write_child(path, device, seconds, &interrupted) :
		       sysfs_write(path, device);
	if (rc && sysfs_driver(device, has, sizeof(has)) && !strcmp(has, driver))
		return 0;
	if (rc)
		say_error(verb, -rc, "%s: %s", device, driver);
	return rc;
}

/* Why a state could not be written, where another driver than the region's does it */
void explain_state(int rc)
{
	if (rc == -ENXIO)
		say("  nobody is there to do it, try: modprobe cxl_sysram");
}

/**
 * take_lock - one after the other: devices come at the same time, and udev makes regions
 *	       of them
 * @seconds: how long to wait, 0 for as long as it takes
 *
 * Return: a file to be closed; -EBUSY when somebody else has it for longer, -EINTR, or
 * another negative number when there can be none.
 */
int take_lock(long seconds)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	int lock = open("/run/cxl-cli.lock", O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	long tries = seconds * 10;
	bool said = false;

	while (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB)) {
		if (!said)
			say("another cxl-cli is at work, waiting for it");
		said = true;
		if (interrupted || (seconds && !tries--)) {
			close(lock);
			return interrupted ? -EINTR : -EBUSY;
		}
		nanosleep(&pause, NULL);
	}
	return lock;
}
