/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A RAM region under policy: what cxl_core (the sysram_region device), cxl_sysram
 * (the driver that turns it into System RAM) and dax_cxl (the hand-off to DAX)
 * agree on.
 */
#ifndef __CXL_SYSRAM_H__
#define __CXL_SYSRAM_H__

#include <linux/device.h>
#include <linux/memory.h>
#include <linux/memory_guard.h>
#include <linux/memory_hotplug.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/range.h>
#include <linux/rbtree.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "core/extent.h"

/*
 * Without memory hotplug nothing can be plugged, and no code knows the size of a
 * memory block: any that capacity is aligned to will do.
 */
static inline u64 cxl_memory_block_size(void)
{
	if (!IS_ENABLED(CONFIG_MEMORY_HOTPLUG))
		return SZ_128M;
	return memory_block_size_bytes();
}

struct cxl_dax_region;
struct cxl_dcd;
struct cxl_region;
struct cxl_sysram_group;
struct cxl_sysram_op;
struct cxl_sysram_region;
struct dev_dax;

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
enum cxl_sysram_state cxl_sysram_policy_state(enum cxl_sysram_policy policy);
enum cxl_sysram_state
cxl_sysram_census_grow(const struct cxl_sysram_census *census,
		       enum cxl_sysram_policy policy);

/* core/sysram_census.c: what the memory of a range is */
u64 cxl_sysram_range_plugged(const struct range *range);
void cxl_sysram_range_census(const struct range *range,
			     struct cxl_sysram_census *census);
void cxl_sysram_blocks_census(const struct range *range, u64 blocks,
			      struct cxl_sysram_census *census);

/**
 * struct cxl_sysram_ops - what the System RAM driver does for a sysram_region
 * @owner: module that must stay while an operation runs
 * @set_state: make units of the capacity what is wanted, all together or not at
 *	       all
 * @poison: capacity within one memory block is gone: whoever uses it gets SIGBUS.
 *	    0 when the block may be unplugged now, -EBUSY when somebody holds a
 *	    page of it
 *
 * Both run as operations (see core/sysram_op.c), with no other operation on the
 * same region beside them. @poison may be called with the device lock of
 * dax_regionN held.
 */
struct cxl_sysram_ops {
	struct module *owner;
	int (*set_state)(struct cxl_sysram_region *cxlr_sysram,
			 enum cxl_sysram_state want,
			 const struct range *units, int nr);
	int (*poison)(struct cxl_sysram_region *cxlr_sysram,
		      const struct range *hpa);
};

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

/**
 * struct cxl_sysram_request - what an operation is about
 * @want: the state that is wanted
 * @policy: the policy that is wanted
 * @bytes: how much is to be plugged
 * @range: host physical addresses; the part of the region that is meant
 * @tag: the allocation that is meant
 * @group: and this one only, unless NULL; not a reference, for comparison
 */
struct cxl_sysram_request {
	enum cxl_sysram_state want;
	enum cxl_sysram_policy policy;
	u64 bytes;
	struct range range;
	uuid_t tag;
	const struct cxl_sysram_group *group;
};

/**
 * struct cxl_sysram_extent - accepted capacity of a dynamic region
 * @dev: "extentN.X", a child of the sysram_region
 * @node: host physical addresses, in the tree of the region
 * @list: while it comes or goes
 * @group: allocation that it belongs to, or NULL; a reference
 * @id: the X
 * @tries: it has arrived, and the policy will be applied; so often at most
 * @releasing: it, or a part of it, is to be given back
 * @announced: the state that userspace has been told last
 */
struct cxl_sysram_extent {
	struct device dev;
	struct cxl_extent_node node;
	struct list_head list;
	struct cxl_sysram_group *group;
	int id;
	int tries;
	bool releasing;
	enum cxl_sysram_state announced;
};

/**
 * struct cxl_sysram_region - the capacity of a RAM region, and the policy for it
 * @dev: "sysram_regionN", a child of the region
 * @cxlr: the region
 * @dynamic: the capacity comes and goes in extents
 * @shareable: other hosts can use it, too
 * @hpa_range: host physical addresses of the capacity, or where it may come
 * @dpa_base: where @hpa_range begins in the device, of a dynamic region
 * @dcd: the device, of a dynamic region
 * @target_node: NUMA node that the memory is, or will be, on
 * @guard: keeps others from making System RAM of it, for @policy "never"
 * @guarded: it does; as @guard, changed by operations only
 * @extents_lock: protects the members down to @extents_closed, see
 *		  core/region_extent.c
 * @extents: by host physical address
 * @extent_ids: of @extents
 * @groups: tagged allocations, see core/region_tag.c
 * @releases: what the device wants back
 * @release_retry: jiffies until the next attempt to give it back
 * @extents_closed: the region goes, none may come
 * @dax_ops: the DAX driver of a dynamic region, or NULL while it is not bound;
 *	     protected by the device lock of dax_regionN
 * @arrive_work: applies the policy to extents that have arrived
 * @lose_work: takes away the mappings of allocations that are gone
 * @release_work: gives back what is in @releases
 * @poison: pfns of poisoned pages of capacity that is not plugged
 * @lock: protects all members below; never held across a call that sleeps
 * @capacity: bytes that are held
 * @wait: where operations wait for @op to become NULL
 * @op: the operation that runs now, or NULL
 * @ctl: whether to give up, for @op alone
 * @dying: no new operation may start: the region is about to go
 * @stopped: it goes, and nothing can change that any more
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
	bool dynamic;
	bool shareable;
	struct range hpa_range;
	u64 dpa_base;
	struct cxl_dcd *dcd;
	int target_node;
	struct memory_guard guard;
	bool guarded;

	struct mutex extents_lock; /* down to extents_closed */
	struct rb_root extents;
	struct ida extent_ids;
	struct list_head groups;
	struct list_head releases;
	unsigned long release_retry;
	bool extents_closed;
	const struct cxl_sysram_dax_ops *dax_ops;
	struct work_struct arrive_work;
	struct work_struct lose_work;
	struct delayed_work release_work;
	struct xarray poison;

	spinlock_t lock; /* all that follows */
	u64 capacity;
	wait_queue_head_t wait;
	struct cxl_sysram_op *op;
	struct mhp_ctl *ctl;
	bool dying;
	bool stopped;
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
void cxl_sysram_region_stop(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_region_set_state(struct cxl_sysram_region *cxlr_sysram,
				enum cxl_sysram_state want);
int cxl_sysram_range_set_state(struct cxl_sysram_region *cxlr_sysram,
			       enum cxl_sysram_state want,
			       const struct range *hpa);
int cxl_sysram_region_attach(struct cxl_sysram_region *cxlr_sysram,
			     const struct cxl_sysram_ops *ops, void *drvdata);
void cxl_sysram_region_detach(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_region_set_plugged(struct cxl_sysram_region *cxlr_sysram,
				   bool plugged);
bool cxl_sysram_region_memmap(struct cxl_sysram_region *cxlr_sysram);

/* core/sysram_resize.c: plug and unplug by the number of bytes */
int cxl_sysram_region_resize(struct cxl_sysram_region *cxlr_sysram, u64 bytes);

/* core/sysram_policy.c: what to do with capacity as it arrives */
enum cxl_sysram_policy
cxl_sysram_region_policy(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_region_set_policy(struct cxl_sysram_region *cxlr_sysram,
				 enum cxl_sysram_policy policy);
void cxl_sysram_region_unguard(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_region_apply(struct cxl_sysram_region *cxlr_sysram,
			    enum cxl_sysram_policy policy,
			    const struct range *hpa);
void cxl_sysram_region_boot(struct cxl_sysram_region *cxlr_sysram,
			    enum cxl_sysram_policy policy);
void cxl_sysram_region_apply_boot(struct cxl_sysram_region *cxlr_sysram);

/* core/region_sysram.c, core/sysram_bind.c: the hand-off to DAX */
struct cxl_sysram_region *cxl_dax_region_to_sysram(struct cxl_dax_region *cxlr_dax);
int cxl_sysram_region_claim_dax(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_region_unclaim_dax(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_region_unplug_dax(struct cxl_sysram_region *cxlr_sysram);

/* core/sysram_op.c: operations that may take long, and can be ended */
typedef int (*cxl_sysram_op_fn)(struct cxl_sysram_region *cxlr_sysram,
				const struct cxl_sysram_request *req);

/* core/region_extent.c: the capacity of dynamic regions */
void cxl_sysram_extents_init(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_extents_close(struct cxl_sysram_region *cxlr_sysram);
bool cxl_sysram_extents_overlap(struct cxl_sysram_region *cxlr_sysram,
				const struct range *hpa);
bool cxl_sysram_extents_known(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *hpa, const uuid_t *tag);
void cxl_sysram_extents_announce(struct cxl_sysram_region *cxlr_sysram,
				 const struct range *hpa);
struct range *cxl_sysram_region_units(struct cxl_sysram_region *cxlr_sysram,
				      const struct range *hpa, bool releasing,
				      int *nr);

/* core/region_arrive.c: the same, when it comes */
int cxl_sysram_extent_prepare(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *hpa,
			      struct cxl_sysram_group *group,
			      struct list_head *prepared);
void cxl_sysram_extents_cancel(struct list_head *prepared);
void cxl_sysram_extents_arrive(struct cxl_sysram_region *cxlr_sysram,
			       struct list_head *prepared);

/* core/region_tag.c: the same, as allocations that have a name */
int cxl_sysram_group_prepare(struct cxl_sysram_region *cxlr_sysram,
			     const uuid_t *tag, const struct range *hpa, int nr,
			     struct list_head *prepared);
int cxl_sysram_release_tag(struct cxl_sysram_region *cxlr_sysram,
			   const uuid_t *tag);
int cxl_sysram_region_attach_dax(struct cxl_sysram_region *cxlr_sysram,
				 const struct cxl_sysram_dax_ops *ops);
void cxl_sysram_region_detach_dax(struct cxl_sysram_region *cxlr_sysram);

/* core/region_release.c: the same, when it goes */
int cxl_sysram_extents_asked_back(struct cxl_sysram_region *cxlr_sysram,
				  const struct range *hpa, bool forced);
int cxl_sysram_extents_missing(struct cxl_sysram_region *cxlr_sysram,
			       const struct range *listed, int nr);
bool cxl_sysram_extents_lost(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa);
int cxl_sysram_release_extent(struct cxl_sysram_region *cxlr_sysram, int id);

/* core/explicit.c: drivers that take a device only when told to */
struct device *cxl_explicit_find(const struct device_driver *drv,
				 const char *name);
int cxl_explicit_bind(const struct device_driver *drv, struct device *dev);
void cxl_explicit_released(struct device *dev, const struct device_driver *drv);

#endif /* __CXL_SYSRAM_H__ */
