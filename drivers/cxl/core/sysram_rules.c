// SPDX-License-Identifier: GPL-2.0-only
#include <linux/export.h>
#include <linux/string.h>
#include <cxlsysram.h>

/**
 * DOC: cxl sysram rules
 *
 * The words of the 'hotplug' and 'state' attributes, and the rules between
 * them. All functions take values and return values. They take no lock, and look at
 * nothing but their arguments.
 *
 * Memory blocks may be brought online and offline by memoryX/state, daxctl or a udev
 * rule at any time. So 'state' is derived from a census of the blocks at every read
 * and at every write, and is never cached.
 */

static const char * const cxl_sysram_state_names[] = {
	[CXL_SYSRAM_UNPLUGGED] = "unplugged",
	[CXL_SYSRAM_OFFLINE] = "offline",
	[CXL_SYSRAM_ONLINE] = "online",
	[CXL_SYSRAM_ONLINE_KERNEL] = "online_kernel",
	[CXL_SYSRAM_ONLINE_MOVABLE] = "online_movable",
	[CXL_SYSRAM_MIXED] = "mixed",
	[CXL_SYSRAM_NEVER] = "never",
};

static int cxl_sysram_word(const char *buf, size_t len)
{
	if (strlen(buf) != len)
		return -EINVAL;
	return sysfs_match_string(cxl_sysram_state_names, buf);
}

/**
 * cxl_sysram_policy_from_str - parse a word that is written to 'hotplug'
 * @buf: NUL-terminated, a newline at the end is ignored
 * @len: bytes that were written; a NUL among them is an error
 *
 * Return: what capacity is to become as it arrives, CXL_SYSRAM_UNPLUGGED for "none";
 * -EINVAL for any other word.
 */
int cxl_sysram_policy_from_str(const char *buf, size_t len)
{
	int state = cxl_sysram_word(buf, len);

	if (state == -EINVAL && strlen(buf) == len && sysfs_streq(buf, "none"))
		return CXL_SYSRAM_UNPLUGGED;
	if (state == CXL_SYSRAM_UNPLUGGED || state == CXL_SYSRAM_MIXED)
		return -EINVAL;
	return state;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_policy_from_str, "cxl_sysram_kunit");

/**
 * cxl_sysram_policy_to_str - the word that 'hotplug' shows
 * @policy: what capacity is to become as it arrives
 *
 * Return: a constant string.
 */
const char *cxl_sysram_policy_to_str(enum cxl_sysram_state policy)
{
	if (policy == CXL_SYSRAM_UNPLUGGED)
		return "none";
	return cxl_sysram_state_names[policy];
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_policy_to_str, "cxl_sysram_kunit");

/**
 * cxl_sysram_state_from_str - parse a word that is written to 'state'
 * @buf: NUL-terminated, a newline at the end is ignored
 * @len: bytes that were written; a NUL among them is an error
 *
 * Return: the state that is wanted; -EINVAL for any other word, also for "mixed",
 * which can be found only.
 */
int cxl_sysram_state_from_str(const char *buf, size_t len)
{
	int state = cxl_sysram_word(buf, len);

	if (state == CXL_SYSRAM_NEVER || state == CXL_SYSRAM_MIXED)
		return -EINVAL;
	return state;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_state_from_str, "cxl_sysram_kunit");

/**
 * cxl_sysram_state_to_str - the word that 'state' shows
 * @state: the state
 *
 * Return: a constant string.
 */
const char *cxl_sysram_state_to_str(enum cxl_sysram_state state)
{
	return cxl_sysram_state_names[state];
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_state_to_str, "cxl_sysram_kunit");

/**
 * cxl_sysram_state_plugs - does a policy make System RAM, and with which type
 * @state: what capacity is to become
 * @type: how the memory blocks are to be brought online, set when it does
 *
 * Return: true unless the capacity stays unplugged.
 */
bool cxl_sysram_state_plugs(enum cxl_sysram_state state, enum mmop *type)
{
	switch (state) {
	case CXL_SYSRAM_OFFLINE:
		*type = MMOP_OFFLINE;
		return true;
	case CXL_SYSRAM_ONLINE:
		*type = MMOP_ONLINE;
		return true;
	case CXL_SYSRAM_ONLINE_KERNEL:
		*type = MMOP_ONLINE_KERNEL;
		return true;
	case CXL_SYSRAM_ONLINE_MOVABLE:
		*type = MMOP_ONLINE_MOVABLE;
		return true;
	default:
		return false;
	}
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_state_plugs,
			  "cxl_sysram,dax_cxl,cxl_sysram_kunit");

/**
 * cxl_sysram_census_state - the one word for what a census found
 * @census: blocks by what they are
 *
 * A census of no blocks at all, of a region smaller than one memory block,
 * is "unplugged".
 *
 * Return: any state but CXL_SYSRAM_ONLINE.
 */
enum cxl_sysram_state
cxl_sysram_census_state(const struct cxl_sysram_census *census)
{
	int kinds = !!census->unplugged + !!census->offline +
		    !!census->kernel + !!census->movable;

	if (kinds > 1)
		return CXL_SYSRAM_MIXED;
	if (census->movable)
		return CXL_SYSRAM_ONLINE_MOVABLE;
	if (census->kernel)
		return CXL_SYSRAM_ONLINE_KERNEL;
	if (census->offline)
		return CXL_SYSRAM_OFFLINE;
	return CXL_SYSRAM_UNPLUGGED;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_census_state, "cxl_sysram_kunit");

/**
 * cxl_sysram_census_action - what has to be done to reach a state
 * @census: blocks by what they are now
 * @want: the state that a user wrote
 *
 * Memory that is online stays what it is: another type, or "offline", is
 * refused until it has been unplugged. Only unplugged and offline parts change.
 *
 * Return: a mask of CXL_SYSRAM_DO_*, 0 when there is nothing to do, -EBUSY when
 * memory is online with another type, -EINVAL when @want cannot be wanted.
 */
int cxl_sysram_census_action(const struct cxl_sysram_census *census,
			     enum cxl_sysram_state want)
{
	int action = census->unplugged ? CXL_SYSRAM_DO_PLUG : 0;

	switch (want) {
	case CXL_SYSRAM_UNPLUGGED:
		if (census->offline || census->kernel || census->movable)
			return CXL_SYSRAM_DO_UNPLUG;
		return 0;
	case CXL_SYSRAM_OFFLINE:
		if (census->kernel || census->movable)
			return -EBUSY;
		return action;
	case CXL_SYSRAM_ONLINE:
		break;
	case CXL_SYSRAM_ONLINE_KERNEL:
		if (census->movable)
			return -EBUSY;
		break;
	case CXL_SYSRAM_ONLINE_MOVABLE:
		if (census->kernel)
			return -EBUSY;
		break;
	default:
		return -EINVAL;
	}

	if (census->offline)
		action |= CXL_SYSRAM_DO_ONLINE;
	return action;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_census_action,
			  "cxl_sysram,cxl_sysram_kunit");

/**
 * cxl_sysram_census_grow - what blocks become that are plugged beside others
 * @census: blocks by what they are now
 * @policy: of the region
 *
 * Return: what those are that are plugged, if they are all the same; else what the
 * policy plugs, or CXL_SYSRAM_ONLINE_MOVABLE if it plugs nothing.
 */
enum cxl_sysram_state
cxl_sysram_census_grow(const struct cxl_sysram_census *census,
		       enum cxl_sysram_state policy)
{
	int kinds = !!census->offline + !!census->kernel + !!census->movable;
	enum mmop type;

	if (kinds != 1)
		return cxl_sysram_state_plugs(policy, &type) ?
		       policy : CXL_SYSRAM_ONLINE_MOVABLE;
	if (census->movable)
		return CXL_SYSRAM_ONLINE_MOVABLE;
	return census->kernel ? CXL_SYSRAM_ONLINE_KERNEL : CXL_SYSRAM_OFFLINE;
}
EXPORT_SYMBOL_FOR_MODULES(cxl_sysram_census_grow, "cxl_sysram_kunit");
