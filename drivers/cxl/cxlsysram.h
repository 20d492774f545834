/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A RAM region under policy: what cxl_core (the sysram_region device), cxl_sysram
 * (the driver that makes System RAM of it) and dax_cxl (the hand-off to DAX) agree
 * on.
 */
#ifndef __CXL_SYSRAM_H__
#define __CXL_SYSRAM_H__

#include <linux/device.h>
#include <linux/memory.h>
#include <linux/memory_guard.h>
#include <linux/memory_hotplug.h>
#include <linux/range.h>
#include <linux/spinlock.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

struct cxl_dax_region;
struct cxl_region;
struct cxl_sysram_dynamic;
struct cxl_sysram_op;
struct cxl_sysram_region;
struct dev_dax;

/**
 * enum cxl_sysram_state - what capacity is, or what it is to become
 * @CXL_SYSRAM_UNPLUGGED: not System RAM; as a policy, "none"
 * @CXL_SYSRAM_OFFLINE: memory blocks exist, all offline
 * @CXL_SYSRAM_ONLINE: never found: online, in the zone of the kernel's choice
 * @CXL_SYSRAM_ONLINE_KERNEL: all online, in a kernel zone
 * @CXL_SYSRAM_ONLINE_MOVABLE: all online, in ZONE_MOVABLE
 * @CXL_SYSRAM_MIXED: only found: more than one of the above
 * @CXL_SYSRAM_NEVER: only a policy: nobody can make System RAM of it
 */
enum cxl_sysram_state {
	CXL_SYSRAM_UNPLUGGED,
	CXL_SYSRAM_OFFLINE,
	CXL_SYSRAM_ONLINE,
	CXL_SYSRAM_ONLINE_KERNEL,
	CXL_SYSRAM_ONLINE_MOVABLE,
	CXL_SYSRAM_MIXED,
	CXL_SYSRAM_NEVER,
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

/* core/sysram_rules.c: pure rules, see the KUnit test beside it */
int cxl_sysram_policy_from_str(const char *buf, size_t len);
const char *cxl_sysram_policy_to_str(enum cxl_sysram_state policy);
int cxl_sysram_state_from_str(const char *buf, size_t len);
const char *cxl_sysram_state_to_str(enum cxl_sysram_state state);
bool cxl_sysram_state_plugs(enum cxl_sysram_state state, enum mmop *type);
enum cxl_sysram_state
cxl_sysram_census_state(const struct cxl_sysram_census *census);
int cxl_sysram_census_action(const struct cxl_sysram_census *census,
			     enum cxl_sysram_state want);
enum cxl_sysram_state
cxl_sysram_census_grow(const struct cxl_sysram_census *census,
		       enum cxl_sysram_state policy);

/* core/sysram_census.c: what the memory of a range is */
u64 cxl_sysram_range_plugged(const struct range *range);
void cxl_sysram_range_census(const struct range *range,
			     struct cxl_sysram_census *census);

/**
 * struct cxl_sysram_ops - what the System RAM driver does for a sysram_region
 * @owner: module that must stay while an operation runs
 * @set_state: make units of the capacity what is wanted, all together or not at
 *	       all
 *
 * @set_state runs as an operation (see core/sysram_op.c), with no other operation on the
 * same region beside it.
 */
struct cxl_sysram_ops {
	struct module *owner;
	int (*set_state)(struct cxl_sysram_region *cxlr_sysram,
			 enum cxl_sysram_state want,
			 const struct range *units, int nr);
};

/**
 * struct cxl_sysram_region - the capacity of a RAM region, and the policy for it
 * @dev: "sysram_regionN", a child of the region
 * @cxlr: the region
 * @shareable: other hosts can use it, too
 * @hpa_range: host physical addresses of the capacity, or where it may come
 * @target_node: NUMA node that the memory is, or will be, on
 * @dynamic: capacity that comes and goes in extents, NULL for a static region
 * @guard: keeps others from making System RAM of it, for @policy "never"
 * @guarded: it does; as @guard, changed by operations only
 * @poison: pfns of poisoned pages of capacity that is not plugged
 * @record: what memory blocks were that are unplugged for something that may not happen:
 *	    the region goes, or capacity is given back; see struct mhp_ctl
 * @held: module of the System RAM driver, while the region may be taken away
 * @quiesced: the state that the region had before that
 * @down: its memory was to be unplugged for that
 * @dax_down: what DAX had of it is out of use, so that the region can be taken away
 * @boot_work: applies @boot_policy
 * @lock: protects all members below; never held across a call that sleeps
 * @capacity: bytes that are held
 * @wait: where operations wait for @op to become NULL
 * @op: the operation that runs now, or NULL
 * @ctl: whether to give up, for @op alone
 * @settling: operations wait: the driver of the region is still being bound
 * @dying: no new operation may start: the region is about to be removed
 * @stopped: it is removed, and nothing can change that any more
 * @dax_owned: the capacity belongs to the dax_regionN below @dev
 * @plugged: the capacity is System RAM, added by @ops
 * @policy: for capacity as it arrives
 * @boot_policy: policy to apply once, when the System RAM driver is bound
 * @boot_held: users who are writing something else
 * @memmap_on_memory: place the memory map on the memory itself when plugging
 * @ops: the System RAM driver, or NULL while it is not bound
 */
struct cxl_sysram_region {
	struct device dev;
	struct cxl_region *cxlr;
	bool shareable;
	struct range hpa_range;
	int target_node;
	struct cxl_sysram_dynamic *dynamic;
	struct memory_guard guard;
	bool guarded;
	struct xarray poison;
	struct xarray record;
	struct module *held;
	enum cxl_sysram_state quiesced;
	bool down;
	bool dax_down;
	struct work_struct boot_work;

	spinlock_t lock; /* all that follows */
	u64 capacity;
	wait_queue_head_t wait;
	struct cxl_sysram_op *op;
	struct mhp_ctl *ctl;
	bool settling;
	bool dying;
	bool stopped;
	bool dax_owned;
	bool plugged;
	enum cxl_sysram_state policy;
	enum cxl_sysram_state boot_policy;
	unsigned int boot_held;
	bool memmap_on_memory;
	const struct cxl_sysram_ops *ops;
};

/* core/sysram_region.c: the device */
struct cxl_sysram_region *to_cxl_sysram_region(struct device *dev);

/* core/sysram_capacity.c: what has become of the capacity, and who may change it */
int cxl_sysram_region_attach(struct cxl_sysram_region *cxlr_sysram,
			     const struct cxl_sysram_ops *ops);
void cxl_sysram_region_detach(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_region_set_plugged(struct cxl_sysram_region *cxlr_sysram,
				   bool plugged);
bool cxl_sysram_region_memmap(struct cxl_sysram_region *cxlr_sysram);
struct range *cxl_sysram_region_units(struct cxl_sysram_region *cxlr_sysram,
				      const struct range *hpa, bool releasing,
				      int *nr);

/* core/sysram_policy.c: what to do with capacity as it arrives */
enum cxl_sysram_state
cxl_sysram_region_policy(struct cxl_sysram_region *cxlr_sysram);

/* core/sysram_dax.c: the hand-off to DAX */
#if IS_ENABLED(CONFIG_CXL_SYSRAM)
struct cxl_sysram_region *cxl_dax_region_to_sysram(struct cxl_dax_region *cxlr_dax);
int cxl_sysram_region_claim_dax(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_region_unclaim_dax(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_forget_boot(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_region_plug_dax(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_region_unplug_dax(struct cxl_sysram_region *cxlr_sysram);
#else
static inline struct cxl_sysram_region *
cxl_dax_region_to_sysram(struct cxl_dax_region *cxlr_dax)
{
	return NULL;
}

static inline int
cxl_sysram_region_claim_dax(struct cxl_sysram_region *cxlr_sysram)
{
	return -ENXIO;
}

static inline void
cxl_sysram_region_unclaim_dax(struct cxl_sysram_region *cxlr_sysram)
{
}

static inline void
cxl_sysram_forget_boot(struct cxl_sysram_region *cxlr_sysram)
{
}

static inline int
cxl_sysram_region_plug_dax(struct cxl_sysram_region *cxlr_sysram)
{
	return -ENXIO;
}

static inline int
cxl_sysram_region_unplug_dax(struct cxl_sysram_region *cxlr_sysram)
{
	return -ENXIO;
}
#endif

/**
 * struct cxl_sysram_dax_ops - what the DAX driver does for a dynamic region
 * @add: make a dax device of ranges that are its pages in this order
 * @take_down: unbind a device that nobody uses, and keep it so. With @plugged
 *	       also when it is System RAM, which is unplugged; else -EBUSY
 * @bring_back: undo that
 * @lose: its memory is gone: it is not mapped any more when this returns
 * @remove: a device that was taken down goes
 *
 * All are called with the device lock of dax_regionN held; @take_down and @lose
 * ask whether to give up.
 */
struct cxl_sysram_dax_ops {
	struct dev_dax *(*add)(struct cxl_dax_region *cxlr_dax, const uuid_t *tag,
			       const struct range *hpa, int nr);
	int (*take_down)(struct dev_dax *dev_dax, bool plugged,
			 struct mhp_ctl *ctl);
	void (*bring_back)(struct dev_dax *dev_dax);
	int (*lose)(struct dev_dax *dev_dax, struct mhp_ctl *ctl);
	void (*remove)(struct dev_dax *dev_dax);
};

/* core/region_tag.c: tagged capacity, which becomes dax devices */
void cxl_sysram_region_attach_dax(struct cxl_sysram_region *cxlr_sysram,
				  const struct cxl_sysram_dax_ops *ops);
void cxl_sysram_region_detach_dax(struct cxl_sysram_region *cxlr_sysram);

#endif /* __CXL_SYSRAM_H__ */
