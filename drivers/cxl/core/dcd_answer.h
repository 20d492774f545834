/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __CXL_CORE_DCD_ANSWER_H__
#define __CXL_CORE_DCD_ANSWER_H__

#include <linux/types.h>

/**
 * enum cxl_dcd_outcome - what has become of a command that changes capacity
 * @CXL_DCD_DONE: the device has done it
 * @CXL_DCD_NOT_DONE: it was not sent, or the device was busy: the same again, later
 * @CXL_DCD_REFUSED: the device has not done it, and will not
 * @CXL_DCD_UNKNOWN: nobody knows; the list of accepted extents decides
 */
enum cxl_dcd_outcome {
	CXL_DCD_DONE,
	CXL_DCD_NOT_DONE,
	CXL_DCD_REFUSED,
	CXL_DCD_UNKNOWN,
};

/**
 * enum cxl_answer_state - what is to be done next about an offer
 * @CXL_ANSWER_DUE: judge it, and answer with what is accepted
 * @CXL_ANSWER_REPEATED: the same, after one of which the list has nothing
 * @CXL_ANSWER_AGAIN: the same, after an empty answer to what is older
 * @CXL_ANSWER_ACCEPTED: is the answer in the list? Its outcome is unknown
 * @CXL_ANSWER_LATE: is any of it in the list? The repetition was refused, perhaps because
 *		     the device has come to what it repeats
 * @CXL_ANSWER_FOREIGN: is any of it in the list? It was refused, perhaps because the
 *			device took it for the answer to something older
 * @CXL_ANSWER_FLUSH: an empty answer to what is older
 * @CXL_ANSWER_EMPTY: an empty answer to the offer
 * @CXL_ANSWER_CLOSED: nothing, it was answered
 */
enum cxl_answer_state {
	CXL_ANSWER_DUE,
	CXL_ANSWER_REPEATED,
	CXL_ANSWER_AGAIN,
	CXL_ANSWER_ACCEPTED,
	CXL_ANSWER_LATE,
	CXL_ANSWER_FOREIGN,
	CXL_ANSWER_FLUSH,
	CXL_ANSWER_EMPTY,
	CXL_ANSWER_CLOSED,
};

enum cxl_answer_state cxl_answer_sent(enum cxl_answer_state state,
				      enum cxl_dcd_outcome outcome,
				      unsigned int *uncertain);
enum cxl_answer_state cxl_answer_listed(enum cxl_answer_state state, bool listed);

#endif /* __CXL_CORE_DCD_ANSWER_H__ */
