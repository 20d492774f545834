/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __CXL_CORE_SYSRAM_OP_H__
#define __CXL_CORE_SYSRAM_OP_H__

#include <sysram.h>

/**
 * enum cxl_sysram_op_kind - who may run an operation, and when
 * @CXL_SYSRAM_OP_STATE: through the System RAM driver, while it owns the range
 * @CXL_SYSRAM_OP_REGION: whoever owns the range, with or without a driver
 * @CXL_SYSRAM_OP_DAX: while the range belongs to dax_regionN
 * @CXL_SYSRAM_OP_TEARDOWN: whoever owns the range, although the region is dying
 */
enum cxl_sysram_op_kind {
	CXL_SYSRAM_OP_STATE,
	CXL_SYSRAM_OP_REGION,
	CXL_SYSRAM_OP_DAX,
	CXL_SYSRAM_OP_TEARDOWN,
};

int cxl_sysram_op_run(struct cxl_sysram_region *cxlr_sysram,
		      enum cxl_sysram_op_kind kind, cxl_sysram_op_fn fn,
		      const struct cxl_sysram_request *req);
void cxl_sysram_op_drain(struct cxl_sysram_region *cxlr_sysram);

#endif /* __CXL_CORE_SYSRAM_OP_H__ */
