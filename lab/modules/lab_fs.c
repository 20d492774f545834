// SPDX-License-Identifier: GPL-2.0-only
/*
 * Be a filesystem on a dax device, as far as the device can tell.
 *
 * Writing MAJOR:MINOR to "get" takes the device with that number, with the errno of
 * fs_dax_get(); "" gives it back. With "spin" it is taken and given back for as long as
 * it is there, as fast as one thread can. "told" counts what went from under us: a
 * device that is refused because we have it must not.
 */
#include <linux/cleanup.h>
#include <linux/dax.h>
#include <linux/kdev_t.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(lab_fs_lock);
static struct dax_device *lab_fs_dax;
static struct task_struct *lab_fs_thread;

static int told;
module_param(told, int, 0644);
static int taken;
module_param(taken, int, 0644);
MODULE_PARM_DESC(taken, "how often \"spin\" had it");

static int lab_fs_notify_failure(struct dax_device *dax_dev, u64 offset, u64 len, int flags)
{
	WRITE_ONCE(told, told + 1);
	return 0;
}

static const struct dax_holder_operations lab_fs_holder_ops = {
	.notify_failure = lab_fs_notify_failure,
};

static int lab_fs_find(const char *val, struct dax_device **dax_dev)
{
	unsigned int major, minor;

	if (sscanf(val, "%u:%u", &major, &minor) != 2)
		return -EINVAL;
	*dax_dev = dax_dev_get(MKDEV(major, minor));
	return *dax_dev ? 0 : -ENODEV;
}

static int get_set(const char *val, const struct kernel_param *kp)
{
	struct dax_device *dax_dev;
	int rc;

	guard(mutex)(&lab_fs_lock);
	if (lab_fs_dax)
		fs_put_dax(lab_fs_dax, &lab_fs_dax);
	lab_fs_dax = NULL;
	if (sysfs_streq(val, ""))
		return 0;

	rc = lab_fs_find(val, &dax_dev);
	if (rc)
		return rc;
	rc = fs_dax_get(dax_dev, &lab_fs_dax, &lab_fs_holder_ops);
	if (!rc)
		lab_fs_dax = dax_dev;
	/* fs_dax_get() has a reference of its own */
	put_dax(dax_dev);
	return rc;
}
module_param_call(get, get_set, NULL, NULL, 0200);

static int lab_fs_spin(void *dax_dev)
{
	while (!kthread_should_stop()) {
		if (!fs_dax_get(dax_dev, &lab_fs_thread, &lab_fs_holder_ops)) {
			WRITE_ONCE(taken, taken + 1);
			fs_put_dax(dax_dev, &lab_fs_thread);
		}
		cond_resched();
	}
	put_dax(dax_dev);
	return 0;
}

static int spin_set(const char *val, const struct kernel_param *kp)
{
	struct dax_device *dax_dev;
	int rc;

	guard(mutex)(&lab_fs_lock);
	if (lab_fs_thread)
		kthread_stop(lab_fs_thread);
	lab_fs_thread = NULL;
	if (sysfs_streq(val, ""))
		return 0;

	rc = lab_fs_find(val, &dax_dev);
	if (rc)
		return rc;
	lab_fs_thread = kthread_run(lab_fs_spin, dax_dev, "lab_fs");
	if (!IS_ERR(lab_fs_thread))
		return 0;
	rc = PTR_ERR(lab_fs_thread);
	lab_fs_thread = NULL;
	put_dax(dax_dev);
	return rc;
}
module_param_call(spin, spin_set, NULL, NULL, 0200);

static int __init lab_fs_init(void)
{
	return 0;
}
module_init(lab_fs_init);

static void __exit lab_fs_exit(void)
{
	get_set("", NULL);
	spin_set("", NULL);
}
module_exit(lab_fs_exit);

MODULE_DESCRIPTION("A holder of a dax device");
MODULE_LICENSE("GPL");
