/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdlib.h>

static inline int cmp_int(unsigned long long l, unsigned long long r)
{
	return l < r ? -1 : l > r;
}

static inline void sort_nonatomic(void *base, size_t num, size_t size,
				  int (*cmp)(const void *a, const void *b), void *swap)
{
	qsort(base, num, size, cmp);
}
