/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A RAM region under policy: what cxl_core (the sysram_region device), cxl_sysram
 * (the driver that turns it into System RAM) and dax_cxl (the hand-off to DAX)
 * agree on.
 */
#ifndef __CXL_SYSRAM_H__
#define __CXL_SYSRAM_H__

#include <linux/device.h>
#include <linux/memory_hotplug.h>
#include <linux/range.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

struct cxl_dax_region;
struct cxl_region;
struct cxl_sysram_op;
struct cxl_sysram_region;

/**
 * enum cxl_sysram_policy - what to do with capacity as it arrives
 * @CXL_SYSRAM_POLICY_NONE: hold it, plug nothing
 * @CXL_SYSRAM_POLICY_NEVER: hold it, and let nobody make System RAM of it
 * @CXL_SYSRAM_POLICY_OFFLINE: plug it, leave the memory blocks offline
 * @CXL_SYSRAM_POLICY_ONLINE: plug it, in the zone of the kernel's choice
 * @CXL_SYSRAM_POLICY_ONLINE_KERNEL: plug it in a kernel zone
 * @CXL_SYSRAM_POLICY_ONLINE_MOVABLE: plug it in ZONE_MOVABLE
 */
enum cxl_sysram_policy {
	CXL_SYSRAM_POLICY_NONE,
	CXL_SYSRAM_POLICY_NEVER,
	CXL_SYSRAM_POLICY_OFFLINE,
	CXL_SYSRAM_POLICY_ONLINE,
	CXL_SYSRAM_POLICY_ONLINE_KERNEL,
	CXL_SYSRAM_POLICY_ONLINE_MOVABLE,
};

/**
 * enum cxl_sysram_state - what the capacity is, or what a user wants it to be
 * @CXL_SYSRAM_UNPLUGGED: not System RAM
 * @CXL_SYSRAM_OFFLINE: memory blocks exist, all offline
 * @CXL_SYSRAM_ONLINE: wanted only: online, in the zone of the kernel's choice
 * @CXL_SYSRAM_ONLINE_KERNEL: all online, in a kernel zone
 * @CXL_SYSRAM_ONLINE_MOVABLE: all online, in ZONE_MOVABLE
 * @CXL_SYSRAM_MIXED: found only: more than one of the above
 */
enum cxl_sysram_state {
	CXL_SYSRAM_UNPLUGGED,
	CXL_SYSRAM_OFFLINE,
	CXL_SYSRAM_ONLINE,
	CXL_SYSRAM_ONLINE_KERNEL,
	CXL_SYSRAM_ONLINE_MOVABLE,
	CXL_SYSRAM_MIXED,
};

/**
 * struct cxl_sysram_census - the memory blocks of a range, counted by what they are
 * @unplugged: blocks that do not exist
 * @offline: blocks that exist and are offline
 * @kernel: blocks online in a kernel zone
 * @movable: blocks online in ZONE_MOVABLE
 */
struct cxl_sysram_census {
	unsigned long unplugged;
	unsigned long offline;
	unsigned long kernel;
	unsigned long movable;
};

/* What a write to 'state' asks for; 0 when the blocks are already as wanted */
#define CXL_SYSRAM_DO_PLUG	BIT(0) /* add what is unplugged */
#define CXL_SYSRAM_DO_ONLINE	BIT(1) /* bring online what is offline */
#define CXL_SYSRAM_DO_UNPLUG	BIT(2) /* offline and remove everything */

/* core/sysram_state.c: pure rules, see the KUnit test beside it */
int cxl_sysram_policy_from_str(const char *buf, size_t len);
const char *cxl_sysram_policy_to_str(enum cxl_sysram_policy policy);
int cxl_sysram_state_from_str(const char *buf, size_t len);
const char *cxl_sysram_state_to_str(enum cxl_sysram_state state);
bool cxl_sysram_policy_plugs(enum cxl_sysram_policy policy, enum mmop *type);
enum mmop cxl_sysram_state_to_mmop(enum cxl_sysram_state state);
enum cxl_sysram_state
cxl_sysram_census_state(const struct cxl_sysram_census *census);
int cxl_sysram_census_action(const struct cxl_sysram_census *census,
			     enum cxl_sysram_state want);

/**
 * struct cxl_sysram_ops - what the System RAM driver does for a sysram_region
 * @owner: module that must stay while an operation runs
 * @set_state: make the capacity what is wanted, all or nothing
 *
 * @set_state runs in a thread of its own (see core/sysram_op.c), with no other
 * operation on the same region beside it and no lock held. A pending signal
 * asks it to give up and to leave everything as it was.
 */
struct cxl_sysram_ops {
	struct module *owner;
	int (*set_state)(struct cxl_sysram_region *cxlr_sysram,
			 enum cxl_sysram_state want);
};

/**
 * struct cxl_sysram_region - the capacity of a RAM region, and the policy for it
 * @dev: "sysram_regionN", a child of the region
 * @cxlr: the region
 * @hpa_range: host physical addresses of the capacity
 * @target_node: NUMA node that the memory is, or will be, on
 * @lock: protects all members below; never held across a call that sleeps
 * @wait: where operations wait for @op to become NULL
 * @op: the operation that runs now, or NULL
 * @dying: no new operation may start: the region is about to go
 * @dax_owned: the capacity belongs to the dax_regionN below @dev
 * @plugged: the capacity is System RAM, added by @ops
 * @policy: for capacity as it arrives
 * @boot_policy: policy to apply once, when the System RAM driver is bound
 * @memmap_on_memory: place the memory map on the memory itself when plugging
 * @ops: the System RAM driver, or NULL while it is not bound
 * @drvdata: of the System RAM driver
 */
struct cxl_sysram_region {
	struct device dev;
	struct cxl_region *cxlr;
	struct range hpa_range;
	int target_node;

	spinlock_t lock; /* all that follows */
	wait_queue_head_t wait;
	struct cxl_sysram_op *op;
	bool dying;
	bool dax_owned;
	bool plugged;
	enum cxl_sysram_policy policy;
	enum cxl_sysram_policy boot_policy;
	bool memmap_on_memory;
	const struct cxl_sysram_ops *ops;
	void *drvdata;
};

/* core/region_sysram.c: the device and its attributes */
bool is_cxl_sysram_region(const struct device *dev);
struct cxl_sysram_region *to_cxl_sysram_region(struct device *dev);
void cxl_sysram_region_census(struct cxl_sysram_region *cxlr_sysram,
			      struct cxl_sysram_census *census);
int cxl_sysram_region_set_state(struct cxl_sysram_region *cxlr_sysram,
				enum cxl_sysram_state want);
int cxl_sysram_region_attach(struct cxl_sysram_region *cxlr_sysram,
			     const struct cxl_sysram_ops *ops, void *drvdata);
void cxl_sysram_region_detach(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_region_set_plugged(struct cxl_sysram_region *cxlr_sysram,
				   bool plugged);
bool cxl_sysram_region_memmap(struct cxl_sysram_region *cxlr_sysram);

/* core/region_sysram.c, core/sysram_bind.c: the hand-off to DAX */
struct cxl_sysram_region *cxl_dax_region_to_sysram(struct cxl_dax_region *cxlr_dax);
enum cxl_sysram_policy
cxl_sysram_region_policy(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_region_claim_dax(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_region_unclaim_dax(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_region_unplug_dax(struct cxl_sysram_region *cxlr_sysram);

/* core/sysram_op.c: operations that may take long, and can be ended */
typedef int (*cxl_sysram_op_fn)(struct cxl_sysram_region *cxlr_sysram, int arg);

/* core/explicit.c: drivers that take a device only when told to */
struct device *cxl_explicit_find(const struct device_driver *drv,
				 const char *name);
int cxl_explicit_bind(const struct device_driver *drv, struct device *dev);
void cxl_explicit_released(struct device *dev, const struct device_driver *drv);

#endif /* __CXL_SYSRAM_H__ */
