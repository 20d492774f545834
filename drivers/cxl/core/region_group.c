// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include "dynamic_core.h"

/**
 * DOC: cxl region groups
 *
 * All extents of a tag are one group. Whichever the device, and whichever the region:
 * a tag is live once. A group lives as long as one of its extents, and its tag from the
 * moment it is claimed until it is forgotten, which may be before that.
 */

static DEFINE_MUTEX(cxl_tags_lock);
static DEFINE_HASHTABLE(cxl_tags, 8);

static u32 cxl_tag_hash(const uuid_t *tag)
{
	return jhash(tag, sizeof(*tag), 0);
}

/**
 * cxl_sysram_group_forget - the tag of a group may be used again
 * @group: the group
 */
void cxl_sysram_group_forget(struct cxl_sysram_group *group)
{
	guard(mutex)(&cxl_tags_lock);
	hash_del(&group->live);
}

/**
 * cxl_sysram_group_claim - make the tag of a group a live one
 * @group: the group
 *
 * Return: 0, or -EEXIST when it is one.
 */
int cxl_sysram_group_claim(struct cxl_sysram_group *group)
{
	u32 hash = cxl_tag_hash(&group->tag);
	struct cxl_sysram_group *other;

	guard(mutex)(&cxl_tags_lock);
	hash_for_each_possible(cxl_tags, other, live, hash)
		if (uuid_equal(&other->tag, &group->tag))
			return -EEXIST;
	hash_add(cxl_tags, &group->live, hash);
	return 0;
}

static void cxl_sysram_group_free(struct kref *ref)
{
	struct cxl_sysram_group *group =
		container_of(ref, struct cxl_sysram_group, ref);

	cxl_sysram_group_forget(group);
	kvfree(group);
}

/**
 * cxl_sysram_group_put - an extent, or somebody else, does not need a group
 * @group: the group, or NULL
 */
void cxl_sysram_group_put(struct cxl_sysram_group *group)
{
	if (group)
		kref_put(&group->ref, cxl_sysram_group_free);
}

/**
 * cxl_sysram_group_get - an extent belongs to a group
 * @group: the group, or NULL
 *
 * Return: @group.
 */
struct cxl_sysram_group *cxl_sysram_group_get(struct cxl_sysram_group *group)
{
	if (group)
		kref_get(&group->ref);
	return group;
}

/**
 * cxl_sysram_group_alloc - make a group
 * @tag: its tag
 * @hpa: host physical addresses, in the order of the allocation
 * @nr: how many ranges
 *
 * Return: the group, for cxl_sysram_group_put(); NULL without memory.
 */
struct cxl_sysram_group *cxl_sysram_group_alloc(const uuid_t *tag,
						const struct range *hpa, int nr)
{
	struct cxl_sysram_group *group = kvzalloc_flex(*group, hpa, nr);

	if (!group)
		return NULL;
	kref_init(&group->ref);
	INIT_HLIST_NODE(&group->live);
	INIT_LIST_HEAD(&group->list);
	group->tag = *tag;
	group->nr = nr;
	memcpy(group->hpa, hpa, array_size(nr, sizeof(*hpa)));
	return group;
}
