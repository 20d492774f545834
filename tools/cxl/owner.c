// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "enable.h"

/*
 * Whose a region is, and what of it is memory; and the way back to that, when it could
 * not be given to somebody else.
 */

static int keep_state(const struct dax *dax, void *arg)
{
	struct owner *owner = arg;
	char state[32];

	if (!strcmp(dax->driver, "kmem")) {
		if (!sysfs_attr(dax->device, "state", state, sizeof(state)))
			return 0;
		owner->differ |= owner->state[0] && strcmp(owner->state, state);
		memcpy(owner->state, state, sizeof(state));
	} else if (dax->driver[0]) {
		owner->devdax = true;
	}
	return 0;
}

void blocks_of_region(const char *region, struct blocks *blocks)
{
	unsigned long long start, size;

	memset(blocks, 0, sizeof(*blocks));
	if (sysfs_number(region, "resource", &start) && sysfs_number(region, "size", &size))
		blocks_of(start, size, blocks);
}

void look(const char *region, struct owner *owner)
{
	char device[64], driver[64];

	memset(owner, 0, sizeof(*owner));
	snprintf(device, sizeof(device), "sysram_%s", region);
	sysfs_driver(region, owner->driver, sizeof(owner->driver));
	if (sysfs_attr(region, "driver_override", owner->override, sizeof(owner->override)) &&
	    !strcmp(owner->override, "(null)"))
		owner->override[0] = '\0';
	sysfs_attr(device, "hotplug", owner->hotplug, sizeof(owner->hotplug));
	owner->dax = owner->hotplug[0] && dax_has_it(region, driver, sizeof(driver));
	if (!owner->hotplug[0] || owner->dax)
		for_each_dax(region, keep_state, owner);
	else
		sysfs_attr(device, "state", owner->state, sizeof(owner->state));
	sysfs_attr(device, "plugged_size", owner->plugged, sizeof(owner->plugged));
	sysfs_attr(device, "memmap_on_memory", owner->memmap, sizeof(owner->memmap));
	blocks_of_region(region, &owner->blocks);
}

int set_hotplug(const struct request *req, const char *region, const char *policy)
{
	char device[64];
	int rc;

	snprintf(device, sizeof(device), "sysram_%s", region);
	rc = sysfs_attr_write(device, "hotplug", policy);
	if (rc)
		say_error(req->verb, -rc, "%s: hotplug %s", region, policy);
	return rc;
}

int set_override(const struct request *req, const char *region, const char *name)
{
	char now[64];
	int rc;

	/* To write what is there would make a user's of what bind has set */
	if (sysfs_attr(region, "driver_override", now, sizeof(now)) &&
	    !strcmp(strcmp(now, "(null)") ? now : "", name))
		return 0;
	rc = sysfs_attr_write(region, "driver_override", name[0] ? name : "\n");
	if (rc)
		say_error(req->verb, -rc, "%s: driver_override", region);
	return rc;
}

static int restore_kmem(const struct dax *dax, void *arg)
{
	const struct owner *was = arg;
	char path[256], state[32];

	if (strcmp(dax->driver, "kmem") || !was->state[0] ||
	    !sysfs_attr(dax->device, "state", state, sizeof(state)) || !strcmp(state, was->state))
		return 0;
	if (!sysfs_path(path, sizeof(path), "devices/%s/state", dax->device))
		sysfs_write(path, was->state);
	return 0;
}

/* Below sysram_region: DAX, or what was plugged */
static int restore_sysram(struct request *req, const char *region, const struct owner *was)
{
	char device[64], name[64], state[32];
	int rc = set_hotplug(req, region, was->hotplug);

	snprintf(device, sizeof(device), "sysram_%s", region);
	snprintf(name, sizeof(name), "dax_%s", region);
	if (rc)
		return rc;
	if (was->dax && dax_has_it(region, state, sizeof(state)))
		return 0;
	/* Where it can be: what is said does not matter where memory hotplug cannot do it */
	if (was->memmap[0])
		memmap_set(req->verb, region, was->memmap);
	if (was->dax)
		return driver_bind(req->verb, "cxl_dax_region", name, 0);
	if (!sysfs_attr(device, "state", state, sizeof(state)) || !strcmp(state, was->state))
		return 0;
	if (!strcmp(was->state, "mixed"))
		return sysfs_attr_write(device, "plugged_size", was->plugged);
	return sysfs_attr_write(device, "state", was->state);
}

/* To whoever had it, with what was plugged */
void restore(struct request *req, const char *region, const struct owner *was)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	char driver[64];
	bool stop = interrupted;
	struct owner is;
	int rc = 0;

	/* What has ended the way there does not end the way back, but all that comes after */
	interrupted = 0;
	set_override(req, region, was->override);
	if (!sysfs_driver(region, driver, sizeof(driver))) {
		if (was->devdax) {
			say("%s: %s stays disabled: bound again, kmem would take it, and what is in it would be lost",
			    req->verb, region);
			interrupted |= stop;
			return;
		}
		rc = driver_bind(req->verb, was->driver, region, 0);
	}
	if (!rc && was->hotplug[0])
		rc = restore_sysram(req, region, was);
	/* Without a choice of driver, DAX and kmem find it at their own pace */
	for (int tries = 30; !was->hotplug[0] && was->state[0] && --tries; nanosleep(&pause, NULL))
		if (region_has_kmem(region))
			break;
	for_each_dax(region, restore_kmem, (void *)was);
	look(region, &is);
	interrupted |= stop;
	if (rc || strcmp(is.driver, was->driver) || is.blocks.online != was->blocks.online ||
	    is.blocks.movable != was->blocks.movable || is.blocks.present != was->blocks.present)
		say("%s: %s is not what it was: see cxl-cli show %s", req->verb, region, region);
	else
		say("%s: %s is what it was", req->verb, region);
}
