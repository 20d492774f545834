// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/memory.h>
#include <linux/memregion.h>
#include <linux/slab.h>
#include <cxlmem.h>
#include <cxl.h>
#include <cxldcd.h>
#include "core.h"
#include "dcd_core.h"
#include "dynamic_core.h"

/**
 * DOC: cxl dynamic capacity regions
 *
 * A dynamic region as a consumer of its device: this is where device physical
 * addresses end and host physical ones begin. All but attach and release is called by
 * the device layer, with the mutex of the device held, and waits for nothing.
 */

static struct cxl_dynamic *to_dynamic(struct cxl_dcd_consumer *consumer)
{
	return container_of(consumer, struct cxl_dynamic, consumer);
}

static struct range cxl_dynamic_to_hpa(struct cxl_dynamic *dynamic,
				       const struct range *dpa)
{
	u64 base = dynamic->cxlr_sysram->hpa_range.start - dynamic->consumer.dpa.start;

	return DEFINE_RANGE(dpa->start + base, dpa->end + base);
}

static struct range cxl_dynamic_to_dpa(struct cxl_dynamic *dynamic,
				       const struct range *hpa)
{
	u64 base = dynamic->cxlr_sysram->hpa_range.start - dynamic->consumer.dpa.start;

	return DEFINE_RANGE(hpa->start - base, hpa->end - base);
}

/* What arrives may be in CPU caches, as it was when it belonged to somebody else */
static bool cxl_dynamic_can_invalidate(struct cxl_sysram_region *cxlr_sysram)
{
	if (cpu_cache_has_invalidate_memregion() ||
	    IS_ENABLED(CONFIG_CXL_REGION_INVALIDATION_TEST))
		return true;
	dev_warn_once(&cxlr_sysram->dev,
		      "no dynamic capacity is accepted, CPU caches cannot be invalidated here\n");
	return false;
}

static int cxl_dynamic_prepare(struct cxl_dcd_consumer *consumer,
			       struct cxl_extent_rec *recs, int nr)
{
	struct cxl_dynamic *dynamic = to_dynamic(consumer);
	int kept = 0, accepted;

	if (!cxl_dynamic_can_invalidate(dynamic->cxlr_sysram))
		return 0;

	struct range *hpa __free(kvfree) = kvmalloc_array(nr, sizeof(*hpa), GFP_KERNEL);
	bool *take __free(kvfree) = kvcalloc(nr, sizeof(*take), GFP_KERNEL);
	if (!hpa || !take)
		return 0;

	for (int i = 0; i < nr; i++)
		hpa[i] = cxl_dynamic_to_hpa(dynamic, &recs[i].dpa);
	accepted = cxl_sysram_extents_prepare(dynamic->cxlr_sysram, hpa, take, nr);
	for (int i = 0; i < nr && kept < accepted; i++)
		if (take[i]) {
			swap(recs[kept], recs[i]);
			kept++;
		}
	return kept;
}

static int cxl_dynamic_prepare_group(struct cxl_dcd_consumer *consumer,
				     const struct cxl_extent_rec *recs, int nr)
{
	struct cxl_dynamic *dynamic = to_dynamic(consumer);
	int rc;

	rc = cxl_group_check(recs, nr, dynamic->cxlr_sysram->shareable);
	if (rc)
		return rc;
	if (!cxl_dynamic_can_invalidate(dynamic->cxlr_sysram))
		return -EOPNOTSUPP;

	struct range *hpa __free(kvfree) = kvmalloc_array(nr, sizeof(*hpa), GFP_KERNEL);
	if (!hpa)
		return -ENOMEM;
	for (int i = 0; i < nr; i++)
		hpa[i] = cxl_dynamic_to_hpa(dynamic, &recs[i].dpa);
	return cxl_sysram_group_prepare(dynamic->cxlr_sysram, &recs[0].tag, hpa, nr);
}

static int cxl_dynamic_prepare_listed(struct cxl_dcd_consumer *consumer,
				      const struct range *dpa)
{
	struct cxl_dynamic *dynamic = to_dynamic(consumer);
	struct range hpa = cxl_dynamic_to_hpa(dynamic, dpa);

	return cxl_sysram_extent_prepare(dynamic->cxlr_sysram, &hpa, NULL,
					 &dynamic->prepared);
}

/* CXL r3.1 section 9.13.3: before the first use */
static int cxl_dynamic_commit(struct cxl_dcd_consumer *consumer, bool accepted)
{
	struct cxl_dynamic *dynamic = to_dynamic(consumer);
	int rc = 0;

	if (list_empty(&dynamic->prepared))
		return 0;
	if (accepted)
		rc = cxl_region_invalidate_memregion(dynamic->cxlr_sysram->cxlr);
	if (accepted && !rc)
		cxl_sysram_extents_arrive(dynamic->cxlr_sysram);
	else
		cxl_sysram_extents_cancel(&dynamic->prepared);
	return rc;
}

static int cxl_dynamic_release(struct cxl_dcd_consumer *consumer,
			       const struct range *dpa)
{
	struct cxl_dynamic *dynamic = to_dynamic(consumer);
	struct range hpa = cxl_dynamic_to_hpa(dynamic, dpa);

	return cxl_sysram_extents_ask(dynamic->cxlr_sysram, &hpa);
}

static int cxl_dynamic_lost(struct cxl_dcd_consumer *consumer,
			    const struct range *dpa)
{
	struct cxl_dynamic *dynamic = to_dynamic(consumer);
	struct range hpa = cxl_dynamic_to_hpa(dynamic, dpa);

	return cxl_sysram_extents_lost(dynamic->cxlr_sysram, &hpa);
}

static int cxl_dynamic_compare(struct cxl_dcd_consumer *consumer,
			       const struct range *dpa, int nr)
{
	struct cxl_dynamic *dynamic = to_dynamic(consumer);
	struct range gap, rest = consumer->dpa;
	int rc = 0;

	/* What is in none of them */
	while (!rc && cxl_range_next_gap(&rest, dpa, nr, &gap)) {
		struct range hpa = cxl_dynamic_to_hpa(dynamic, &gap);

		rc = cxl_sysram_extents_lost(dynamic->cxlr_sysram, &hpa);
		if (rc == -ENOENT)
			rc = 0;
		cond_resched();
	}
	return rc;
}

static bool cxl_dynamic_unheld(struct cxl_dcd_consumer *consumer,
			       const struct range *dpa, const uuid_t *tag,
			       struct range *part)
{
	struct cxl_dynamic *dynamic = to_dynamic(consumer);
	struct range hpa = cxl_dynamic_to_hpa(dynamic, dpa), gap;

	if (!cxl_sysram_extents_unheld(dynamic->cxlr_sysram, &hpa, tag, &gap))
		return false;
	*part = cxl_dynamic_to_dpa(dynamic, &gap);
	return true;
}

static const struct cxl_dcd_consumer_ops cxl_dynamic_consumer_ops = {
	.prepare = cxl_dynamic_prepare,
	.prepare_group = cxl_dynamic_prepare_group,
	.prepare_listed = cxl_dynamic_prepare_listed,
	.commit = cxl_dynamic_commit,
	.release = cxl_dynamic_release,
	.lost = cxl_dynamic_lost,
	.compare = cxl_dynamic_compare,
	.unheld = cxl_dynamic_unheld,
};

static int cxl_dynamic_init_consumer(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_region *cxlr = cxlr_sysram->cxlr;
	struct cxl_region_params *p = &cxlr->params;
	struct cxl_endpoint_decoder *cxled;
	struct cxl_memdev_state *mds;
	struct cxl_memdev *cxlmd;
	struct range dpa;

	guard(rwsem_read)(&cxl_rwsem.region);
	guard(rwsem_read)(&cxl_rwsem.dpa);
	if (p->state != CXL_CONFIG_COMMIT || p->interleave_ways != 1)
		return -ENXIO;

	cxled = p->targets[0];
	cxlmd = cxled_to_memdev(cxled);
	mds = to_cxl_memdev_state(cxlmd->cxlds);
	if (!mds || !cxled->dpa_res)
		return -ENXIO;

	dpa = DEFINE_RANGE(cxled->dpa_res->start, cxled->dpa_res->end);
	dynamic->consumer = (struct cxl_dcd_consumer) {
		.dcd = READ_ONCE(mds->dcd),
		.dpa = dpa,
		.ops = &cxl_dynamic_consumer_ops,
	};
	if (!dynamic->consumer.dcd)
		return -ENXIO;

	/* All of it in one piece, or nothing here is right */
	if (cxl_dpa_to_hpa(cxlr, cxlmd, dpa.start) != cxlr_sysram->hpa_range.start ||
	    cxl_dpa_to_hpa(cxlr, cxlmd, dpa.end) != cxlr_sysram->hpa_range.end)
		return -EOPNOTSUPP;
	return 0;
}

static void cxl_dynamic_detach(void *_dynamic)
{
	struct cxl_dynamic *dynamic = _dynamic;

	cxl_dcd_detach(&dynamic->consumer,
		       cxl_sysram_range_plugged(&dynamic->cxlr_sysram->hpa_range));
}

/**
 * devm_cxl_dynamic_attach - a dynamic region takes capacity from now on
 * @cxlr_sysram: the region
 *
 * Capacity that was accepted before arrives at once.
 *
 * Context: Probe of the region's driver. Until it lets go of the region.
 * Return: 0; -ENXIO when the device has no dynamic capacity; -EOPNOTSUPP when
 * its addresses are translated in a way that is not understood; -ENOMEM; or why
 * the list of extents cannot be read.
 */
int devm_cxl_dynamic_attach(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct device *dev = &cxlr_sysram->cxlr->dev;
	int rc;

	rc = cxl_dynamic_init_consumer(cxlr_sysram);
	if (rc)
		return rc;

	rc = cxl_dcd_attach(&dynamic->consumer);
	if (rc) {
		dev_warn(dev, "cannot read the list of accepted extents: %pe\n",
			 ERR_PTR(rc));
		return rc;
	}
	return devm_add_action_or_reset(dev, cxl_dynamic_detach, dynamic);
}

/**
 * cxl_dynamic_listed - what does the device have as accepted
 * @cxlr_sysram: a dynamic region
 * @nr: how many ranges
 *
 * Context: Process context; not with extents_lock held.
 * Return: host physical addresses, ordered and joined, to be freed with kvfree(); or
 * an ERR_PTR, see cxl_dcd_listed().
 */
struct range *cxl_dynamic_listed(struct cxl_sysram_region *cxlr_sysram, int *nr)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct range *listed = cxl_dcd_listed(&dynamic->consumer, nr);

	for (int i = 0; !IS_ERR(listed) && i < *nr; i++)
		listed[i] = cxl_dynamic_to_hpa(dynamic, &listed[i]);
	return listed;
}

/**
 * cxl_dynamic_give - give capacity back to the device
 * @cxlr_sysram: a dynamic region
 * @hpa: host physical addresses, accepted and not in use
 * @nr: how many ranges
 * @prepare: may refuse, while nothing that is held or gone changes
 * @done: the device has it: it is not held any more
 * @arg: for both
 *
 * Context: Process context; not with extents_lock held, which @prepare and @done take.
 * Return: see cxl_dcd_release(); -EIO when CPU caches cannot be invalidated.
 */
int cxl_dynamic_give(struct cxl_sysram_region *cxlr_sysram, const struct range *hpa,
		     int nr, int (*prepare)(void *arg), void (*done)(void *arg),
		     void *arg)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);

	if (cxl_region_invalidate_memregion(cxlr_sysram->cxlr))
		return -EIO;

	struct range *dpa __free(kvfree) = kvmalloc_array(nr, sizeof(*dpa), GFP_KERNEL);
	if (!dpa)
		return -ENOMEM;
	for (int i = 0; i < nr; i++)
		dpa[i] = cxl_dynamic_to_dpa(dynamic, &hpa[i]);

	return cxl_dcd_release(&dynamic->consumer, dpa, nr, prepare, done, arg);
}

static void cxl_dynamic_ask_again(struct cxl_dynamic *dynamic, const struct range *hpa)
{
	struct range dpa = cxl_dynamic_to_dpa(dynamic, hpa);

	cxl_dcd_queue_release(dynamic->consumer.dcd, &dpa, CXL_DCD_RELEASE);
}

static void cxl_dynamic_leave_group(struct cxl_dynamic *dynamic,
				    const struct cxl_sysram_group *group)
{
	struct range *dpa __free(kvfree) = kvmalloc_array(group->nr, sizeof(*dpa), GFP_KERNEL);

	if (!dpa)
		return;
	for (int i = 0; i < group->nr; i++) {
		/* A user has made System RAM of it, and it cannot go any more */
		if (cxl_sysram_range_plugged(&group->hpa[i]))
			return;
		dpa[i] = cxl_dynamic_to_dpa(dynamic, &group->hpa[i]);
	}
	cxl_dcd_partial_leave(dynamic->consumer.dcd, &group->tag, dpa, group->nr);
}

/**
 * cxl_dynamic_leave - what the device waits for is given back without the region
 * @cxlr_sysram: a dynamic region that is not attached to its device any more
 *
 * So is what is left of an allocation of which the device has taken some.
 *
 * Context: Process context, may wait for the mailbox. Nobody uses what is held, but
 * what is System RAM and could not be unplugged.
 */
void cxl_dynamic_leave(struct cxl_sysram_region *cxlr_sysram)
{
	struct cxl_dynamic *dynamic = cxl_dynamic(cxlr_sysram);
	struct cxl_sysram_group *group;
	bool asked;

	/* What was offline has gone with the System RAM driver, after the device was told */
	if (dynamic->consumer.dcd && !cxl_sysram_range_plugged(&cxlr_sysram->hpa_range))
		cxl_dcd_return(dynamic->consumer.dcd, &dynamic->consumer.dpa);

	asked = !mtree_empty(&dynamic->asked);
	list_for_each_entry(group, &dynamic->groups, list)
		asked |= group->asked || group->gone;
	if (!asked)
		return;
	if (cxl_region_invalidate_memregion(cxlr_sysram->cxlr))
		return;
	cxl_sysram_extents_asked(cxlr_sysram, cxl_dynamic_ask_again);
	list_for_each_entry(group, &dynamic->groups, list)
		if (group->asked || group->gone)
			cxl_dynamic_leave_group(dynamic, group);
}
