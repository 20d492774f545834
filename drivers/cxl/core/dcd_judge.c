// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/slab.h>
#include <cxlmem.h>
#include <cxldcd.h>
#include "dcd_core.h"

/**
 * DOC: cxl dynamic capacity verdicts
 *
 * What of an offer is accepted: the verdicts of the consumers, joined. Each of them
 * judges all untagged extents that an offer has for it, and each tag by itself.
 */

/**
 * cxl_dcd_consumer_of - who takes capacity at an address
 * @dcd: the device
 * @dpa: device physical addresses
 *
 * Context: With the mutex of the device held.
 * Return: the consumer that can have all of it, or NULL.
 */
struct cxl_dcd_consumer *cxl_dcd_consumer_of(struct cxl_dcd *dcd,
					     const struct range *dpa)
{
	struct cxl_dcd_consumer *consumer;

	lockdep_assert_held(&dcd->mutex);
	list_for_each_entry(consumer, &dcd->consumers, list)
		if (range_contains(&consumer->dpa, dpa))
			return consumer;
	return NULL;
}

/* How many of @recs are for the same consumer as the first, and without a tag? */
static int cxl_dcd_judge_run(struct cxl_dcd_consumer *consumer,
			     const struct cxl_extent_rec *recs, int nr)
{
	int n = 1;

	while (n < nr && uuid_is_null(&recs[n].tag) && !recs[n].bad &&
	       range_contains(&consumer->dpa, &recs[n].dpa))
		n++;
	return n;
}

/* Untagged: @kept of the returned number of @recs are accepted, and moved ahead */
static int cxl_dcd_judge_untagged(struct cxl_dcd *dcd, struct cxl_extent_rec *recs,
				  int nr, int *kept)
{
	struct cxl_dcd_consumer *consumer = cxl_dcd_consumer_of(dcd, &recs[0].dpa);

	*kept = 0;
	if (recs[0].bad) /* taken away while it was waiting */
		return 1;
	if (!consumer) {
		dev_info_ratelimited(dcd->mds->cxlds.dev,
				     "extent %#llx-%#llx not accepted: no region takes it\n",
				     recs[0].dpa.start, recs[0].dpa.end);
		return 1;
	}

	nr = cxl_dcd_judge_run(consumer, recs, nr);
	*kept = consumer->ops->prepare(consumer, recs, nr);
	return nr;
}

/* All of @recs have the same tag: all of them, or none */
static int cxl_dcd_prepare_group(struct cxl_dcd *dcd,
				 const struct cxl_extent_rec *recs, int nr)
{
	struct cxl_dcd_consumer *consumer = NULL;

	if (cxl_dcd_partial_has(dcd, &recs[0].tag, false))
		return -EEXIST;
	for (int i = 0; i < nr; i++) {
		struct cxl_dcd_consumer *other = recs[i].bad ? NULL :
						 cxl_dcd_consumer_of(dcd, &recs[i].dpa);

		if (!other || (consumer && consumer != other))
			return recs[i].bad ? -EINVAL : -ENXIO;
		consumer = other;
	}
	if (!consumer->ops->prepare_group)
		return -EOPNOTSUPP;
	return consumer->ops->prepare_group(consumer, recs, nr);
}

static const char *cxl_dcd_group_error(int rc)
{
	switch (rc) {
	case -EINVAL:
		return "some of it is not what it may be";
	case -EILSEQ:
		return "its sequence numbers are not those of all of it";
	case -ENXIO:
		return "no region takes all of it";
	case -EEXIST:
		return "it, or some of the capacity, is here already";
	case -EOPNOTSUPP:
		return "no tagged capacity is taken here";
	default:
		return "no memory";
	}
}

/**
 * cxl_dcd_judge_group - does a consumer take an allocation
 * @dcd: the device
 * @recs: all extents of a tag, as cxl_offer_group() has left them
 * @nr: how many
 *
 * Context: With the mutex of the device held.
 * Return: 0, and the consumer is ready for all of it; or an errno, with a line in the
 * log.
 */
int cxl_dcd_judge_group(struct cxl_dcd *dcd, const struct cxl_extent_rec *recs, int nr)
{
	int rc = cxl_dcd_prepare_group(dcd, recs, nr);

	if (rc)
		dev_warn_ratelimited(dcd->mds->cxlds.dev,
				     "tag %pUb with %d extents not accepted: %s\n",
				     &recs[0].tag, nr, cxl_dcd_group_error(rc));
	return rc;
}

/**
 * cxl_dcd_judge - what of an offer do consumers take
 * @dcd: the device
 * @list: the offer, as cxl_offer_sort() has left it
 *
 * They are ready for what they take, until cxl_dcd_commit(). @list keeps its extents,
 * those that are accepted ahead of the others.
 *
 * Context: With the mutex of the device held.
 * Return: how many are accepted.
 */
int cxl_dcd_judge(struct cxl_dcd *dcd, struct cxl_dcd_recs *list)
{
	struct cxl_extent_rec *recs = list->recs;
	int accepted = 0, nr, kept;

	cxl_offer_group(recs, list->nr);
	for (int i = 0; i < list->nr; i += nr) {
		if (uuid_is_null(&recs[i].tag)) {
			nr = cxl_dcd_judge_untagged(dcd, &recs[i], list->nr - i, &kept);
		} else {
			nr = cxl_group_size(&recs[i], list->nr - i);
			kept = cxl_dcd_judge_group(dcd, &recs[i], nr) ? 0 : nr;
		}
		for (int j = 0; j < kept; j++)
			swap(recs[accepted + j], recs[i + j]);
		accepted += kept;
	}
	return accepted;
}

/**
 * cxl_dcd_commit - the device has got the answer
 * @dcd: the device
 * @accepted: it has taken it, else what consumers are ready for does not come
 *
 * Context: With the mutex of the device held.
 * Return: 0; or an errno when capacity is accepted but has to be found in the list.
 */
int cxl_dcd_commit(struct cxl_dcd *dcd, bool accepted)
{
	struct cxl_dcd_consumer *consumer;
	int rc = 0;

	lockdep_assert_held(&dcd->mutex);
	list_for_each_entry(consumer, &dcd->consumers, list)
		rc = consumer->ops->commit(consumer, accepted) ?: rc;
	return rc;
}
