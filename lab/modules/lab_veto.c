// SPDX-License-Identifier: GPL-2.0-only
/*
 * Veto one memory block: memory-notifier-error-inject refuses all of them, and so
 * never a block behind others for which all went well.
 *
 * "skip" events of the kind "event" are let pass, then "times" of them are refused.
 */
#include <linux/memory.h>
#include <linux/module.h>

static int event = -1;
module_param(event, int, 0644);
MODULE_PARM_DESC(event, "of enum memory_block_state, -1: none");
static int skip;
module_param(skip, int, 0644);
static int times = 1;
module_param(times, int, 0644);
static int error = ENODATA;
module_param(error, int, 0644);
static int seen;
module_param(seen, int, 0644);
MODULE_PARM_DESC(seen, "events that were let pass or refused");

static int lab_veto(struct notifier_block *nb, unsigned long action, void *data)
{
	int n;

	if (event < 0 || action != event)
		return NOTIFY_OK;
	n = seen++;
	if (n < skip || n >= skip + times)
		return NOTIFY_OK;
	return notifier_from_errno(-error);
}

/* Last in the line: all others have agreed, and have to be told */
static struct notifier_block lab_veto_nb = {
	.notifier_call = lab_veto,
	.priority = INT_MIN,
};

static int __init lab_veto_init(void)
{
	return register_memory_notifier(&lab_veto_nb);
}

static void __exit lab_veto_exit(void)
{
	unregister_memory_notifier(&lab_veto_nb);
}

module_init(lab_veto_init);
module_exit(lab_veto_exit);
MODULE_DESCRIPTION("lab: refuse a memory block");
MODULE_LICENSE("GPL");
