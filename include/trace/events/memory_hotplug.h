/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM memory_hotplug

#if !defined(_TRACE_MEMORY_HOTPLUG_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_MEMORY_HOTPLUG_H

#include <linux/range.h>
#include <linux/tracepoint.h>

/* enum mhp_phase of mm/memory_hotplug_op.h */
#define MHP_PHASES				\
	EM(MHP_ISOLATE, "isolate")		\
	EM(MHP_EMPTY, "empty")			\
	EM(MHP_OFFLINE, "offline")		\
	EM(MHP_REMOVE, "remove")		\
	EM(MHP_ADD, "add")			\
	EM(MHP_ONLINE, "online")		\
	EMe(MHP_WAY_BACK, "way back")

#undef EM
#undef EMe
#define EM(a, b)	TRACE_DEFINE_ENUM(a);
#define EMe(a, b)	TRACE_DEFINE_ENUM(a);

MHP_PHASES

#undef EM
#undef EMe
#define EM(a, b)	{ a, b },
#define EMe(a, b)	{ a, b }

/* One step of an operation on memory ranges has ended, see mm/memory_hotplug_ranges.c */
TRACE_EVENT(mhp_phase,

	TP_PROTO(int phase, const struct range *ranges, unsigned int nr,
		 unsigned long left, u64 ns, int rc),

	TP_ARGS(phase, ranges, nr, left, ns, rc),

	TP_STRUCT__entry(
		__field(int, phase)
		__field(u64, start)
		__field(u64, size)
		__field(unsigned int, nr)
		__field(unsigned long, left)
		__field(u64, ns)
		__field(int, rc)
	),

	TP_fast_assign(
		__entry->phase = phase;
		__entry->start = nr ? ranges[0].start : 0;
		__entry->size = 0;
		for (unsigned int i = 0; i < nr; i++)
			__entry->size += range_len(&ranges[i]);
		__entry->nr = nr;
		__entry->left = left;
		__entry->ns = ns;
		__entry->rc = rc;
	),

	TP_printk("%s: %u ranges from %#llx on, %#llx bytes, %lu pages in use, %llu ns, %d",
		  __print_symbolic(__entry->phase, MHP_PHASES), __entry->nr,
		  __entry->start, __entry->size, __entry->left,
		  __entry->ns, __entry->rc)
);

#endif /* _TRACE_MEMORY_HOTPLUG_H */

#include <trace/define_trace.h>
