/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CXL_CLI_POLICY_H
#define CXL_CLI_POLICY_H

#include <limits.h>
#include "create.h"

/**
 * enum policy_match - which memdevs a policy is for; a later one goes before an earlier one
 * @MATCH_NONE: not said yet
 * @MATCH_ALL: all of them
 * @MATCH_WINDOW: those below the root decoder with this base address
 * @MATCH_PCI: the one with this PCI address
 * @MATCH_SERIAL: those with these serial numbers, one interleave set
 */
enum policy_match { MATCH_NONE, MATCH_ALL, MATCH_WINDOW, MATCH_PCI, MATCH_SERIAL };

extern const char *const policy_types[];

/**
 * struct policy - a section of a policy file: what becomes of regions
 * @file: where it is
 * @line: of its heading
 * @name: of the section
 * @match: which memdevs it is for
 * @serials: for MATCH_SERIAL, in the order of interleaving
 * @nr_serials: how many
 * @pci: for MATCH_PCI
 * @window: for MATCH_WINDOW, an address
 * @type: "ram" or "dynamic_ram_1"
 * @driver: "sysram", "dax" or "region"
 * @hotplug: a policy of the kernel
 * @size: of all memdevs together, bytes; 0: as much as there is
 * @granularity: of interleaving, bytes; 0: that of the root decoder
 * @memmap: memmap_on_memory, "0" or "1"; NULL: as the kernel has it
 * @no_create: only regions that are there
 * @keys: that have been seen
 * @would: it has been said what it would create
 */
struct policy {
	char file[PATH_MAX];
	int line;
	char name[64];
	enum policy_match match;
	unsigned long long serials[MEMDEVS_MAX];
	unsigned int nr_serials;
	char pci[32];
	unsigned long long window;
	const char *type;
	const char *driver;
	const char *hotplug;
	unsigned long long size;
	unsigned int granularity;
	const char *memmap;
	bool no_create;
	unsigned int keys;
	bool would;
};

/**
 * struct policies - all that the files say
 * @list: those of the files that are valid
 * @nr: how many
 * @wrong: so many files are void
 * @guard: a file that is void, and may have had never in it; empty: none
 */
struct policies {
	struct policy *list;
	size_t nr;
	int wrong;
	char guard[PATH_MAX];
};

#define WINDOWS_MAX 16

/**
 * struct facts - what a memdev is known by
 * @name: of it
 * @serial: its number
 * @pci: its address
 * @windows: base addresses of the root decoders above it
 * @nr_windows: how many
 */
struct facts {
	const char *name;
	unsigned long long serial;
	const char *pci;
	unsigned long long windows[WINDOWS_MAX];
	unsigned int nr_windows;
};

/* policy.c */
int policies_load(struct policies *policies, char **files, int nr);
void policies_free(struct policies *policies);
const struct policy *policy_for(const struct policies *policies, const struct facts *facts,
				const char *type, bool *clash);
bool policy_guards(const struct policy *policy);

/* persist.c */
int policy_persist(const char *verb, const unsigned long long *serials, unsigned int nr,
		   const char *type, const char *driver, const char *hotplug);

/* apply.c */
void facts_of(struct cxl_ctx *ctx, struct cxl_memdev *memdev, struct facts *facts);

#endif
