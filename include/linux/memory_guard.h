/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Physical addresses that must not become System RAM.
 */
#ifndef _LINUX_MEMORY_GUARD_H
#define _LINUX_MEMORY_GUARD_H

#include <linux/list.h>
#include <linux/range.h>
#include <linux/types.h>

struct mhp_ctl;

/**
 * struct memory_guard - a range that nobody may add as System RAM
 * @list: in the list of all guards
 * @range: physical addresses
 * @owner: who wants it, for the log
 * @told: the log has a line about it
 *
 * Belongs to whoever registers it; all members are private to mm.
 */
struct memory_guard {
	struct list_head list;
	struct range range;
	const char *owner;
	bool told;
};

#ifdef CONFIG_MEMORY_GUARD
int memory_guard_register(struct memory_guard *guard, u64 start, u64 size,
			  const char *owner, struct mhp_ctl *ctl);
int memory_guard_unregister(struct memory_guard *guard, struct mhp_ctl *ctl);
int memory_guard_check(u64 start, u64 size);
#else
static inline int memory_guard_check(u64 start, u64 size)
{
	return 0;
}

#ifndef CONFIG_MEMORY_HOTPLUG
/* There is nothing to guard against */
static inline int memory_guard_register(struct memory_guard *guard, u64 start,
					u64 size, const char *owner,
					struct mhp_ctl *ctl)
{
	return 0;
}

static inline int memory_guard_unregister(struct memory_guard *guard,
					  struct mhp_ctl *ctl)
{
	return 0;
}
#endif
#endif

#endif /* _LINUX_MEMORY_GUARD_H */
