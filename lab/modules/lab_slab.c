// SPDX-License-Identifier: GPL-2.0-only
/* Fill slab pages of order 0 on a node: no mempolicy of user space does that */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

static int nid;
module_param(nid, int, 0444);
static int kib = 1024;
module_param(kib, int, 0444);

struct lab_object {
	struct list_head list;
	char fill[48];
};

static LIST_HEAD(objects);
static struct kmem_cache *cache;

static void lab_slab_free(void)
{
	struct lab_object *object, *next;

	list_for_each_entry_safe(object, next, &objects, list)
		kmem_cache_free(cache, object);
	kmem_cache_destroy(cache);
}

static int __init lab_slab_init(void)
{
	/* Of its own, so that its pages go with it */
	cache = KMEM_CACHE(lab_object, SLAB_NO_MERGE);
	if (!cache)
		return -ENOMEM;

	for (long left = kib * 1024L; left > 0; left -= sizeof(struct lab_object)) {
		struct lab_object *object = kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, nid);

		if (!object) {
			lab_slab_free();
			return -ENOMEM;
		}
		list_add(&object->list, &objects);
	}
	return 0;
}

static void __exit lab_slab_exit(void)
{
	lab_slab_free();
}

module_init(lab_slab_init);
module_exit(lab_slab_exit);
MODULE_DESCRIPTION("lab: slab pages on a node");
MODULE_LICENSE("GPL");
