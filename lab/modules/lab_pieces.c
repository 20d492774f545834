// SPDX-License-Identifier: GPL-2.0-only
/*
 * Remove a piece of memory that was added in one piece by somebody else, and add it
 * again: "remove" and "add" take ADDRESS,SIZE.
 */
#include <linux/memory_hotplug.h>
#include <linux/module.h>

static int nid;
module_param(nid, int, 0644);

static int lab_parse(const char *val, u64 *start, u64 *size)
{
	return sscanf(val, "%lli,%lli", start, size) == 2 ? 0 : -EINVAL;
}

static int lab_remove(const char *val, const struct kernel_param *kp)
{
	u64 start, size;

	return lab_parse(val, &start, &size) ?: remove_memory(start, size);
}

static int lab_add(const char *val, const struct kernel_param *kp)
{
	u64 start, size;

	return lab_parse(val, &start, &size) ?:
	       add_memory_driver_managed(nid, start, size, "System RAM (lab)", MHP_NONE);
}

static const struct kernel_param_ops lab_remove_ops = { .set = lab_remove };
static const struct kernel_param_ops lab_add_ops = { .set = lab_add };
module_param_cb(remove, &lab_remove_ops, NULL, 0200);
module_param_cb(add, &lab_add_ops, NULL, 0200);

MODULE_DESCRIPTION("lab: memory in pieces");
MODULE_LICENSE("GPL");
