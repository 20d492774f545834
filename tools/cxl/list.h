/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CXL_CLI_LIST_H
#define CXL_CLI_LIST_H

#include <json-c/json.h>
#include "cxl-cli.h"

/**
 * struct listing - how it is to be listed
 * @ctx: of libcxl
 * @human: sizes and addresses as people read them
 * @extents: with the extents of dynamic regions
 */
struct listing {
	struct cxl_ctx *ctx;
	bool human;
	bool extents;
};

int list_regions(struct cxl_ctx *ctx, const char *regions, bool human, bool one);
void list_merge(const struct listing *listing, struct json_object *object);
void overview(struct cxl_ctx *ctx);
void obstacles(struct cxl_ctx *ctx);

#endif
