// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver with a memory type of its own for a node, and no memory: its device goes
 * when told ("clear"), or at the very moment when the last memory of the node goes
 * ("late"), before memory tiers are told about that.
 */
#include <linux/memory.h>
#include <linux/memory-tiers.h>
#include <linux/module.h>
#include <linux/node.h>

static int nid;
module_param(nid, int, 0444);
static bool late;
module_param(late, bool, 0444);

static struct memory_dev_type *type;
static bool mapped;

static void lab_unmap(void)
{
	if (mapped)
		clear_node_memory_type(nid, type);
	mapped = false;
}

static int lab_clear(const char *val, const struct kernel_param *kp)
{
	lab_unmap();
	return 0;
}

static const struct kernel_param_ops lab_clear_ops = { .set = lab_clear };
module_param_cb(clear, &lab_clear_ops, NULL, 0200);

static int lab_notify(struct notifier_block *nb, unsigned long action, void *arg)
{
	struct node_notify *nn = arg;

	if (late && action == NODE_REMOVED_LAST_MEMORY && nn->nid == nid)
		lab_unmap();
	return NOTIFY_OK;
}

static struct notifier_block lab_nb = {
	.notifier_call = lab_notify,
	.priority = MEMTIER_HOTPLUG_PRI + 1,
};

static int __init lab_tiers_init(void)
{
	/* As slow as nothing else is */
	type = alloc_memory_type(MEMTIER_ADISTANCE_DRAM * 8);
	if (IS_ERR(type))
		return PTR_ERR(type);

	init_node_memory_type(nid, type);
	mapped = true;
	return register_node_notifier(&lab_nb);
}

static void __exit lab_tiers_exit(void)
{
	unregister_node_notifier(&lab_nb);
	lab_unmap();
	put_memory_type(type);
}

module_init(lab_tiers_init);
module_exit(lab_tiers_exit);
MODULE_DESCRIPTION("lab: a memory type that goes at the wrong moment");
MODULE_LICENSE("GPL");
