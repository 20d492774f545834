/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __CXL_MOCK_DCD_H__
#define __CXL_MOCK_DCD_H__

#include <linux/types.h>

struct cxl_mbox_cmd;
struct device;
struct mock_dcd;

struct mock_dcd *mock_dcd_find(int id);
void mock_dcd_attach(struct mock_dcd *dcd, void (*irq)(void *arg, bool reset),
		     void *arg);
void mock_dcd_detach(struct mock_dcd *dcd);
bool mock_dcd_send(struct mock_dcd *dcd, struct cxl_mbox_cmd *cmd, int *rc);
void *mock_dcd_cdat(struct mock_dcd *dcd, struct device *dev, size_t *length);
size_t mock_dcd_payload_size(struct mock_dcd *dcd, size_t size);

#endif /* __CXL_MOCK_DCD_H__ */
