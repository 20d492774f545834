// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cxl-cli.h"

/*
 * Memory blocks of a range of addresses, and how much of them is in use. This is what
 * the kernel itself says, whoever has added the memory.
 */

/* Documentation/admin-guide/mm/pagemap.rst */
#define KPF_LRU		(1ull << 5)
#define KPF_BUDDY	(1ull << 10)
#define KPF_SWAPBACKED	(1ull << 14)
#define KPF_HWPOISON	(1ull << 19)
#define KPF_NOPAGE	(1ull << 20)
#define KPF_OFFLINE	(1ull << 23)

/* Pages that are read at once, and of a range at most: more is sampled */
#define CHUNK		512ul
#define SAMPLE_MAX	(512 * CHUNK)

unsigned long long block_size(void)
{
	char path[256], value[64];

	if (system_path(path, sizeof(path), "sys/devices/system/memory/block_size_bytes") ||
	    sysfs_read(path, value, sizeof(value)))
		return 0;
	/* without 0x */
	return strtoull(value, NULL, 16);
}

static bool block_attr(unsigned long long nr, const char *name, char *value,
		       size_t size)
{
	char path[256];

	return !system_path(path, sizeof(path),
			    "sys/devices/system/memory/memory%llu/%s", nr, name) &&
	       !sysfs_read(path, value, size);
}

static void count(struct blocks *blocks, unsigned long long nr)
{
	char state[32], zones[64];

	if (!block_attr(nr, "state", state, sizeof(state)))
		return;
	blocks->present += blocks->size;
	if (strcmp(state, "online"))
		return;
	blocks->online += blocks->size;
	if (block_attr(nr, "valid_zones", zones, sizeof(zones)) &&
	    !strncmp(zones, "Movable", strlen("Movable")))
		blocks->movable += blocks->size;
}

/**
 * blocks_of - the memory blocks of a range
 * @start: physical address
 * @length: bytes
 * @blocks: result, all 0 where there is no memory hotplug
 */
void blocks_of(unsigned long long start, unsigned long long length,
	       struct blocks *blocks)
{
	memset(blocks, 0, sizeof(*blocks));
	blocks->size = block_size();
	if (!blocks->size || !length || start + length < start)
		return;
	for (unsigned long long nr = start / blocks->size;
	     nr <= (start + length - 1) / blocks->size; nr++)
		count(blocks, nr);
}

/* Page cache, which can be dropped instead of moved */
static bool is_droppable(uint64_t flags)
{
	return (flags & KPF_LRU) && !(flags & KPF_SWAPBACKED);
}

static unsigned long used_of(const uint64_t *flags, ssize_t nr, bool moves)
{
	unsigned long used = 0;

	for (ssize_t i = 0; i < nr; i++)
		used += !(flags[i] & (KPF_BUDDY | KPF_HWPOISON | KPF_NOPAGE |
				      KPF_OFFLINE)) &&
			!(moves && is_droppable(flags[i]));
	return used;
}

/**
 * used_in - how much of a range of online memory is in use
 * @start: physical address
 * @length: bytes; of a large range a part is looked at
 * @moves: only what would have to be moved, were it unplugged
 *
 * Return: bytes, or -1 when the kernel does not say (/proc/kpageflags, root only).
 */
long long used_in(unsigned long long start, unsigned long long length, bool moves)
{
	unsigned long page = sysconf(_SC_PAGESIZE), used = 0, seen = 0, stride;
	unsigned long long first = start / page, nr = length / page;
	uint64_t *flags;
	char path[256];
	ssize_t n = 0;
	int fd;

	if (system_path(path, sizeof(path), "proc/kpageflags"))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	flags = fd < 0 ? NULL : calloc(CHUNK, sizeof(*flags));
	stride = nr / SAMPLE_MAX + 1;
	for (unsigned long long at = 0; flags && at < nr; at += CHUNK * stride) {
		unsigned long part = nr - at < CHUNK ? nr - at : CHUNK;

		n = pread(fd, flags, part * sizeof(*flags),
			  (first + at) * sizeof(*flags));
		if (n <= 0)
			break;
		used += used_of(flags, n / (ssize_t)sizeof(*flags), moves);
		seen += n / sizeof(*flags);
	}
	free(flags);
	if (fd >= 0)
		close(fd);
	if (!seen)
		return -1;
	return (unsigned long long)((double)used * nr / seen) * page;
}
