/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the sysram_region core agree on. Each of them calls those
 * further up in this header only.
 */
#ifndef __CXL_CORE_SYSRAM_H__
#define __CXL_CORE_SYSRAM_H__

#include <cxlsysram.h>

/* sysram_census.c: what the memory of a range is */
void cxl_sysram_blocks_census(const struct range *range, u64 blocks,
			      struct cxl_sysram_census *census);

/**
 * struct cxl_sysram_request - what an operation is about
 * @want: the state that is wanted
 * @policy: the policy that is wanted
 * @bytes: how much is to be plugged
 * @memmap_on_memory: where the memory map is to be
 * @range: host physical addresses; the part of the region that is meant
 * @urgent: it is about memory that is gone, and nothing comes before it
 * @data: for whoever runs it
 */
struct cxl_sysram_request {
	enum cxl_sysram_state want;
	enum cxl_sysram_state policy;
	u64 bytes;
	bool memmap_on_memory;
	struct range range;
	bool urgent;
	void *data;
};

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

/* sysram_op.c: operations that may take long, and can be ended */
typedef int (*cxl_sysram_op_fn)(struct cxl_sysram_region *cxlr_sysram,
				const struct cxl_sysram_request *req);

int cxl_sysram_op_run(struct cxl_sysram_region *cxlr_sysram,
		      enum cxl_sysram_op_kind kind, cxl_sysram_op_fn fn,
		      const struct cxl_sysram_request *req);
const struct cxl_sysram_ops *
cxl_sysram_op_driver(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_op_record(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_op_go_back(struct cxl_sysram_region *cxlr_sysram,
			  int (*fn)(struct cxl_sysram_region *cxlr_sysram, void *arg),
			  void *arg);
void cxl_sysram_op_uninterrupt(struct cxl_sysram_region *cxlr_sysram);
bool cxl_sysram_op_goes_on(struct cxl_sysram_region *cxlr_sysram, int rc);
void cxl_sysram_op_drain(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_op_drain_driver(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_op_interrupt(struct cxl_sysram_region *cxlr_sysram,
			     const struct range *hpa);

/**
 * struct cxl_sysram_dynamic_ops - capacity that comes and goes in extents
 * @create: give a region that is being made its capacity, of which there is none yet
 * @attach: connect a region with its device; capacity may arrive from now on
 * @close: no capacity arrives or is given back any more
 * @free: the last reference to the region was dropped
 * @go_on: do what had to wait for the System RAM driver, or for a teardown that
 *	   was called off
 * @units: the units in which a part of the region is plugged, see
 *	   cxl_sysram_region_units()
 * @fill: true when a memory block may be plugged
 * @state_size: bytes that 'state' is about
 * @check_unplug: 0 when all of a part of the region may be unplugged by a user; -EBUSY
 *		  when some of it must not be migrated or, with the last argument,
 *		  is System RAM that is not his to unplug
 * @check_dax: 0 when nothing that DAX has made System RAM of must not be migrated, else
 *	       -EBUSY
 * @unmap_gone: no driver of DAX has what is gone any more, with the lock of dax_regionN
 * @announce: send uevents for what has changed in a part of the region
 * @groups: attributes of the sysram_region
 *
 * @attach is called by the probe of the region's driver, the others in any process
 * context. None takes a lock that is held over memory hotplug.
 */
struct cxl_sysram_dynamic_ops {
	int (*create)(struct cxl_sysram_region *cxlr_sysram);
	int (*attach)(struct cxl_sysram_region *cxlr_sysram);
	void (*close)(struct cxl_sysram_region *cxlr_sysram);
	void (*free)(struct cxl_sysram_region *cxlr_sysram);
	void (*go_on)(struct cxl_sysram_region *cxlr_sysram);
	struct range *(*units)(struct cxl_sysram_region *cxlr_sysram,
			       const struct range *hpa, bool releasing, int *nr);
	bool (*fill)(struct cxl_sysram_region *cxlr_sysram, const struct range *block);
	u64 (*state_size)(struct cxl_sysram_region *cxlr_sysram);
	int (*check_unplug)(struct cxl_sysram_region *cxlr_sysram,
			    const struct range *hpa, bool others);
	int (*check_dax)(struct cxl_sysram_region *cxlr_sysram);
	int (*unmap_gone)(struct cxl_sysram_region *cxlr_sysram);
	void (*announce)(struct cxl_sysram_region *cxlr_sysram,
			 const struct range *hpa);
	const struct attribute_group **groups;
};

/**
 * struct cxl_sysram_dynamic - the part of a dynamic region that all know
 * @ops: of whoever has registered for dynamic regions
 */
struct cxl_sysram_dynamic {
	const struct cxl_sysram_dynamic_ops *ops;
};

/* sysram_capacity.c: what has become of the capacity, and who may change it */
u64 cxl_sysram_region_size(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_region_census(struct cxl_sysram_region *cxlr_sysram,
			      struct cxl_sysram_census *census);
void cxl_sysram_region_announce(struct cxl_sysram_region *cxlr_sysram,
				const struct range *hpa);
void cxl_sysram_region_changed(struct cxl_sysram_region *cxlr_sysram,
			       const struct cxl_sysram_census *before,
			       const struct range *hpa);
void cxl_sysram_forget_blocks(struct cxl_sysram_region *cxlr_sysram,
			      const struct range *range);
int cxl_sysram_replug_blocks(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_region_check_unplug(struct cxl_sysram_region *cxlr_sysram,
				   const struct range *hpa, bool others);
void cxl_sysram_region_go_on(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_change(struct cxl_sysram_region *cxlr_sysram,
		      const struct cxl_sysram_request *req);
int cxl_sysram_region_set_state(struct cxl_sysram_region *cxlr_sysram,
				enum cxl_sysram_state want,
				const struct range *hpa);
void cxl_sysram_region_settled(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_region_stop(struct cxl_sysram_region *cxlr_sysram);

/* sysram_policy.c: what to do with capacity as it arrives */
int cxl_sysram_region_set_policy(struct cxl_sysram_region *cxlr_sysram,
				 enum cxl_sysram_state policy);
ssize_t cxl_sysram_policy_show(struct cxl_sysram_region *cxlr_sysram, char *buf);
ssize_t cxl_sysram_policy_store(struct cxl_sysram_region *cxlr_sysram,
				const char *buf, size_t len);
int cxl_sysram_region_guard(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_region_unguard(struct cxl_sysram_region *cxlr_sysram);

/* sysram_resize.c: plug and unplug by the number of bytes */
int cxl_sysram_region_resize(struct cxl_sysram_region *cxlr_sysram, u64 bytes);
int cxl_sysram_attempt(struct cxl_sysram_region *cxlr_sysram,
		       const struct range *block, unsigned long patience, bool *stuck);

/* sysram_region.c: the device and its attributes */
bool is_cxl_sysram_region(const struct device *dev);
struct cxl_sysram_region *
devm_cxl_add_sysram_region(struct cxl_region *cxlr,
			   enum cxl_sysram_state policy);
void cxl_sysram_register_dynamic(const struct cxl_sysram_dynamic_ops *ops);

/* sysram_boot.c: what the kernel command line says */
bool cxl_sysram_boot_chosen(struct cxl_region *cxlr);
enum cxl_sysram_state cxl_sysram_boot_policy(struct cxl_region *cxlr);
void cxl_sysram_boot_init(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_boot_hold(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_boot_release(struct cxl_sysram_region *cxlr_sysram);
void cxl_sysram_boot(struct cxl_sysram_region *cxlr_sysram);

/* sysram_dax.c: the hand-off to DAX */
struct device *cxl_sysram_region_dax(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_unplug_dax(struct cxl_sysram_region *cxlr_sysram);
int cxl_sysram_resume_dax(struct cxl_sysram_region *cxlr_sysram);
int devm_cxl_sysram_add_dax(struct cxl_sysram_region *cxlr_sysram);

#endif /* __CXL_CORE_SYSRAM_H__ */
