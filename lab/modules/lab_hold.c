// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hold what is going on at a point that is known, until told otherwise: two events at
 * once, and no test has to sleep and hope.
 *
 * An event on the cxl bus is held in its notifier, whoever it is that adds, binds or
 * unbinds the device "name"; an event of memory hotplug in the first of its notifiers.
 * "held" and "memory_held" say that it is; writing 0 there lets it go on.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/module.h>

extern const struct bus_type cxl_bus_type;

static char name[64];
module_param_string(name, name, sizeof(name), 0644);
static int action = -1;
module_param(action, int, 0644);
MODULE_PARM_DESC(action, "of enum bus_notifier_event, -1: none");
static int held;
module_param(held, int, 0644);

static int memory = -1;
module_param(memory, int, 0644);
MODULE_PARM_DESC(memory, "of enum memory_block_state, -1: none");
static int memory_held;
module_param(memory_held, int, 0644);

static void lab_hold_here(int *here)
{
	WRITE_ONCE(*here, 1);
	while (READ_ONCE(*here))
		msleep(20);
}

static int lab_hold_device(struct notifier_block *nb, unsigned long event, void *data)
{
	if (event == READ_ONCE(action) && sysfs_streq(name, dev_name(data))) {
		WRITE_ONCE(action, -1);
		lab_hold_here(&held);
	}
	return NOTIFY_OK;
}

static int lab_hold_memory(struct notifier_block *nb, unsigned long event, void *data)
{
	if (event == READ_ONCE(memory)) {
		WRITE_ONCE(memory, -1);
		lab_hold_here(&memory_held);
	}
	return NOTIFY_OK;
}

static struct notifier_block lab_hold_device_nb = {
	.notifier_call = lab_hold_device,
};

static struct notifier_block lab_hold_memory_nb = {
	.notifier_call = lab_hold_memory,
	.priority = INT_MAX,
};

static int __init lab_hold_init(void)
{
	int rc;

	rc = bus_register_notifier(&cxl_bus_type, &lab_hold_device_nb);
	if (rc)
		return rc;
	rc = register_memory_notifier(&lab_hold_memory_nb);
	if (rc)
		bus_unregister_notifier(&cxl_bus_type, &lab_hold_device_nb);
	return rc;
}

static void __exit lab_hold_exit(void)
{
	unregister_memory_notifier(&lab_hold_memory_nb);
	bus_unregister_notifier(&cxl_bus_type, &lab_hold_device_nb);
}

module_init(lab_hold_init);
module_exit(lab_hold_exit);
MODULE_DESCRIPTION("lab: hold an event");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("CXL");
