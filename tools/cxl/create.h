/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CXL_CLI_CREATE_H
#define CXL_CLI_CREATE_H

#include "request.h"

#define MEMDEVS_MAX 16

/**
 * struct creation - what is to be created, and what has been
 * @req: for its time
 * @bus: only root decoders of this bus, or NULL
 * @root: name of the root decoder, or NULL: the first that can
 * @type: "ram" or "dynamic_ram_1"
 * @size: bytes, or 0 for as much as there is
 * @ways: how many memdevs, or 0 for as many as are named, or can
 * @granularity: of interleaving, bytes; 0 for that of the root decoder
 * @names: of memdevs, that the user has named
 * @nr_names: how many; 0: those that can
 * @enforce_qos: the memdevs must be in the QoS class of the root decoder
 * @driver: "sysram", "dax" or "region"
 * @hotplug: policy, or NULL
 * @memmap: what is written to memmap_on_memory, or NULL
 * @debug: what libcxl does is to be seen
 * @human: sizes and addresses as people read them
 * @force: also when its memmap leaves the kernel too little
 * @decoder: of the root, once it is chosen
 * @why: the last root decoder was not chosen
 * @bytes: the size, once it is chosen
 * @memdevs: in the order of the targets, once they are chosen
 * @nr: how many
 * @targets: endpoint decoders that have been set up
 * @nr_targets: how many
 * @name: of the region, empty before there is one
 */
struct creation {
	struct request *req;
	const char *bus;
	const char *root;
	const char *type;
	unsigned long long size;
	unsigned int ways;
	unsigned int granularity;
	char **names;
	int nr_names;
	bool enforce_qos;
	const char *driver;
	const char *hotplug;
	const char *memmap;
	bool debug;
	bool human;
	bool force;
	struct cxl_decoder *decoder;
	char why[256];
	unsigned long long bytes;
	struct cxl_memdev *memdevs[MEMDEVS_MAX];
	unsigned int nr;
	struct cxl_decoder *targets[MEMDEVS_MAX];
	unsigned int nr_targets;
	char name[32];
};

/* create.c */
int create_region(struct cxl_ctx *ctx, struct creation *c);

/* choose.c */
int choose(struct cxl_ctx *ctx, struct creation *c);
void explain_target(struct cxl_memdev *memdev);
struct cxl_decoder *free_decoder(struct cxl_memdev *memdev);

#endif
