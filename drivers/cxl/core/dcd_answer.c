// SPDX-License-Identifier: GPL-2.0-only
#include <linux/compiler.h>
#include <linux/export.h>
#include "dcd_answer.h"

/**
 * DOC: cxl dynamic capacity answers
 *
 * A device answers to offers in their order: an Add Dynamic Capacity Response is for
 * the oldest offer that is pending (CXL r3.1 section 8.2.9.9.9.3). So each offer gets
 * exactly one, and it matters what became of it.
 *
 * An answer whose outcome is unknown is not simply repeated, since it may be taken
 * for the answer to the next offer. Whether a non-empty one was taken can be seen in
 * the list of accepted extents. The device may come to it after that: when it refuses the
 * repetition the list is read once more. Of an empty one nothing can be seen: then the
 * oldest offer of the device is @uncertain, as it is when an empty one is refused, after
 * probe, since a former kernel may have left one, and when records were lost.
 *
 * While it is, and an answer is refused of which the list has nothing, an empty answer
 * goes before it, once for each time that the device may be behind. An empty answer is
 * never sent unless an offer that is known is pending.
 */

static enum cxl_answer_state cxl_answer_given(enum cxl_answer_state state,
					      enum cxl_dcd_outcome outcome,
					      unsigned int *uncertain)
{
	if (outcome == CXL_DCD_UNKNOWN)
		return CXL_ANSWER_ACCEPTED;
	if (outcome == CXL_DCD_DONE) {
		*uncertain = 0;
		return CXL_ANSWER_CLOSED;
	}
	if (*uncertain)
		return CXL_ANSWER_FOREIGN;
	if (state == CXL_ANSWER_DUE)
		return CXL_ANSWER_EMPTY;
	if (state == CXL_ANSWER_REPEATED)
		return CXL_ANSWER_LATE;
	/*
	 * The empty answer before it may have been for this offer, then another would be
	 * for the next one. If it was not, it will be for this one when that is refused.
	 */
	*uncertain = 1;
	return CXL_ANSWER_CLOSED;
}

/**
 * cxl_answer_sent - an answer was given, or could not be
 * @state: of the offer: CXL_ANSWER_DUE, CXL_ANSWER_REPEATED, CXL_ANSWER_AGAIN,
 *	   CXL_ANSWER_FLUSH, which is for uncertain devices only, or CXL_ANSWER_EMPTY
 * @outcome: of the command
 * @uncertain: how many older offers the device may have pending, updated
 *
 * Return: the next state of the offer.
 */
enum cxl_answer_state cxl_answer_sent(enum cxl_answer_state state,
				      enum cxl_dcd_outcome outcome,
				      unsigned int *uncertain)
{
	if (outcome == CXL_DCD_NOT_DONE)
		return state;

	switch (state) {
	case CXL_ANSWER_DUE:
	case CXL_ANSWER_REPEATED:
	case CXL_ANSWER_AGAIN:
		return cxl_answer_given(state, outcome, uncertain);
	case CXL_ANSWER_FLUSH:
		if (outcome == CXL_DCD_DONE)
			(*uncertain)--;
		if (outcome != CXL_DCD_REFUSED)
			return CXL_ANSWER_AGAIN;
		fallthrough;
	default:
		/* It may be pending there still */
		if (outcome != CXL_DCD_DONE)
			(*uncertain)++;
		return CXL_ANSWER_CLOSED;
	}
}
EXPORT_SYMBOL_FOR_MODULES(cxl_answer_sent, "cxl_extent_kunit");

/**
 * cxl_answer_listed - the list of accepted extents was read for an answer
 * @state: of the offer: CXL_ANSWER_ACCEPTED, CXL_ANSWER_LATE or CXL_ANSWER_FOREIGN
 * @listed: it has some of the answer
 *
 * Return: the next state of the offer.
 */
enum cxl_answer_state cxl_answer_listed(enum cxl_answer_state state, bool listed)
{
	if (listed)
		return CXL_ANSWER_CLOSED;
	switch (state) {
	case CXL_ANSWER_FOREIGN:
		return CXL_ANSWER_FLUSH;
	case CXL_ANSWER_LATE:
		return CXL_ANSWER_EMPTY;
	default:
		return CXL_ANSWER_REPEATED;
	}
}
EXPORT_SYMBOL_FOR_MODULES(cxl_answer_listed, "cxl_extent_kunit");
