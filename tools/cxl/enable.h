/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CXL_CLI_ENABLE_H
#define CXL_CLI_ENABLE_H

#include "request.h"

/**
 * struct owner - whose a region is, and what of it is memory
 * @driver: its name
 * @override: of drivers, empty for none
 * @hotplug: policy, empty when it is not under sysram_region
 * @state: as the driver, or kmem, has it; empty when it is not memory
 * @differ: kmem has more than one device, in different states
 * @devdax: under cxl_region, and a character device, with whatever is in it
 * @plugged: bytes, where @state is of more than one kind
 * @memmap: its memmap is on it, "0" or "1"; empty when it is not under sysram_region
 * @dax: DAX has it, below sysram_region
 * @blocks: what is there of it
 */
struct owner {
	char driver[64];
	char override[64];
	char hotplug[32];
	char state[32];
	bool differ;
	bool devdax;
	char plugged[32];
	char memmap[8];
	bool dax;
	struct blocks blocks;
};

/* owner.c */
void look(const char *region, struct owner *owner);
void blocks_of_region(const char *region, struct blocks *blocks);
int set_hotplug(const struct request *req, const char *region, const char *policy);
int set_override(const struct request *req, const char *region, const char *name);
void restore(struct request *req, const char *region, const struct owner *was);

#endif
