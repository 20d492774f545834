// SPDX-License-Identifier: GPL-2.0-only
/*
 * Use memory in ways that scenarios need, and keep it until told to let go.
 *
 *   hog touch MIB [NODE]  anonymous memory, written and verified until the end; it,
 *                         and nothing else of the process, on a node
 *   hog pin [NODE]        one page that is pinned by a pipe: movable by its zone,
 *                         but nobody can move it now
 *   hog splice NODE       the same, by the pipe alone: it is mapped nowhere
 *   hog huge NODE         a huge page that a pipe pins some of, until SIGBUS: "told"
 *   hog slab COUNT        kernel objects: pipes with a byte in each
 *   hog reserve COUNT     huge pages of a pool, reserved and never touched
 *   hog secret MIB        memory that the kernel itself cannot read, nor move
 *   hog write WORD FILE [restart]   write with a handler for SIGINT, which may restart
 *                         the write; exits with the errno
 *   hog map DEVICE MIB    a dax device, mapped and written
 *   hog open DEVICE       a dax device, open only
 *   hog splicemap DEVICE  a page of a dax device, by a pipe alone: it is not mapped
 *   hog stamp DEVICE MIB N   number the huge pages of a dax device, from N on
 *   hog stamps DEVICE MIB    and read the numbers, at both ends of each page
 *   hog spoil DEVICE MIB     find a page of another hog, of another host perhaps, in
 *                            a dax device, and damage it
 *
 * Prints "ready", and lets go on SIGTERM; exits with 1 if data was damaged.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile sig_atomic_t let_go;

static void on_term(int sig)
{
	(void)sig;
	let_go = 1;
}

static void fill(uint64_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*p); i += 64)
		p[i] = i * 2654435761u;
}

static void verify(const uint64_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*p); i += 64)
		if (p[i] != i * 2654435761u)
			errx(1, "data damaged at %zu", i * sizeof(*p));
}

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void hold(const uint64_t *p, size_t bytes)
{
	ready();
	while (!let_go) {
		usleep(50000);
		verify(p, bytes);
	}
	verify(p, bytes);
}

static void *map_anon(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(2, "mmap");
	return p;
}

static void *map_on(int node, size_t bytes)
{
	void *p = map_anon(bytes);
	unsigned long mask = node < 0 ? 0 : 1ul << node;

	if (mask && syscall(SYS_mbind, p, bytes, MPOL_BIND, &mask, 64, 0))
		err(2, "mbind");
	return p;
}

static void touch(size_t mib, int node)
{
	uint64_t *p = map_on(node, mib << 20);

	fill(p, mib << 20);
	hold(p, mib << 20);
}

static void pin(int node, int only)
{
	long size = sysconf(_SC_PAGESIZE);
	uint64_t *p = map_on(node, size);
	struct iovec iov = { .iov_base = p, .iov_len = size };
	int fds[2];

	fill(p, size);
	if (pipe(fds))
		err(2, "pipe");
	/* the pipe refers to the page itself, not to a copy */
	if (vmsplice(fds[1], &iov, 1, 0) != size)
		err(2, "vmsplice");
	if (only)
		munmap(p, size);
	hold(p, only ? 0 : size);
}

static volatile sig_atomic_t told;

static void on_bus(int sig)
{
	(void)sig;
	told = 1;
}

/* It stays mapped, and is not touched any more */
static void huge(int node)
{
	const size_t size = 2 << 20;
	char *p = map_on(node, 2 * size), byte;
	struct iovec iov = { .iov_len = 4096 };
	int fds[2];

	p += -(uintptr_t)p & (size - 1);
	iov.iov_base = p + 8192;
	signal(SIGBUS, on_bus);
	if (madvise(p, size, MADV_HUGEPAGE))
		err(2, "madvise");
	fill((uint64_t *)p, size);
	if (pipe(fds))
		err(2, "pipe");
	if (vmsplice(fds[1], &iov, 1, 0) != 4096)
		err(2, "vmsplice");
	ready();
	while (!told && !let_go)
		usleep(50000);
	for (int i = 0; i < 4096; i++)
		if (read(fds[0], &byte, 1) != 1)
			err(2, "read");
	puts("told");
	fflush(stdout);
	while (!let_go)
		usleep(50000);
}

static void slab(long count)
{
	struct rlimit limit = { .rlim_cur = 2 * count + 16,
				.rlim_max = 2 * count + 16 };
	char byte = 0;
	int fds[2];

	if (setrlimit(RLIMIT_NOFILE, &limit))
		err(2, "setrlimit");
	while (count--) {
		if (pipe(fds) || write(fds[1], &byte, 1) != 1)
			err(2, "pipe");
	}
	ready();
	while (!let_go)
		usleep(50000);
}

static void reserve(size_t count)
{
	void *p = mmap(NULL, count << 21, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (p == MAP_FAILED)
		err(2, "mmap");
	hold(NULL, 0);
}

static void secret(size_t mib)
{
	int fd = syscall(SYS_memfd_secret, 0);
	uint64_t *p;

	if (fd < 0 || ftruncate(fd, mib << 20))
		err(2, "memfd_secret");
	p = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(2, "mmap");
	fill(p, mib << 20);
	hold(p, mib << 20);
}

static void on_int(int sig)
{
	(void)sig;
}

static int write_word(const char *word, const char *path, int restart)
{
	struct sigaction action = { .sa_handler = on_int,
				    .sa_flags = restart ? SA_RESTART : 0 };
	int fd = open(path, O_WRONLY);

	if (fd < 0 || sigaction(SIGINT, &action, NULL))
		err(2, "%s", path);
	ready();
	return write(fd, word, strlen(word)) < 0 ? errno : 0;
}

static void *map_device(const char *path, size_t bytes)
{
	int fd = open(path, O_RDWR);
	void *p;

	if (fd < 0)
		err(2, "%s", path);
	if (!bytes)
		return NULL;
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		err(2, "mmap %s", path);
	/* the mapping alone has to be enough */
	close(fd);
	return p;
}

static void device(const char *path, size_t bytes)
{
	uint64_t *p = map_device(path, bytes);

	if (bytes)
		fill(p, bytes);
	hold(p, bytes);
}

static void splice_device(const char *path)
{
	const size_t page = 2 << 20;
	struct iovec iov = { .iov_base = map_device(path, page), .iov_len = 4096 };
	int fds[2];

	*(volatile char *)iov.iov_base = 1;
	if (pipe(fds))
		err(2, "pipe");
	if (vmsplice(fds[1], &iov, 1, 0) != 4096)
		err(2, "vmsplice");
	munmap(iov.iov_base, page);
	hold(NULL, 0);
}

static void stamps(const char *path, size_t bytes, const char *from)
{
	const size_t page = 2 << 20, last = page / sizeof(uint64_t) - 1;
	uint64_t *p = map_device(path, bytes);

	for (size_t i = 0; i < bytes / page; i++, p += page / sizeof(*p)) {
		if (from) {
			p[0] = strtoull(from, NULL, 0) + i;
			p[last] = p[0];
		} else if (p[0] == p[last]) {
			printf("%s%llu", i ? " " : "", (unsigned long long)p[0]);
		} else {
			printf("%sdamaged", i ? " " : "");
		}
	}
	if (!from)
		puts("");
}

static void spoil(const char *path, size_t bytes)
{
	const size_t page = sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	volatile uint64_t *p = map_device(path, bytes), *end = p + bytes / sizeof(*p);

	for (; p < end; p += page) {
		size_t i = p[0] / 2654435761u;

		if (!i || i % page || p[0] != i * 2654435761u ||
		    p[64] != (i + 64) * 2654435761u)
			continue;
		p[64] ^= 1;
		return;
	}
	errx(1, "there is none");
}

int main(int argc, char **argv)
{
	signal(SIGTERM, on_term);
	if ((argc == 3 || argc == 4) && !strcmp(argv[1], "touch"))
		touch(strtoul(argv[2], NULL, 0), argc == 4 ? atoi(argv[3]) : -1);
	else if ((argc == 2 || argc == 3) && !strcmp(argv[1], "pin"))
		pin(argc == 3 ? atoi(argv[2]) : -1, 0);
	else if (argc == 3 && !strcmp(argv[1], "splice"))
		pin(atoi(argv[2]), 1);
	else if (argc == 3 && !strcmp(argv[1], "huge"))
		huge(atoi(argv[2]));
	else if (argc == 3 && !strcmp(argv[1], "slab"))
		slab(strtol(argv[2], NULL, 0));
	else if (argc == 3 && !strcmp(argv[1], "reserve"))
		reserve(strtoul(argv[2], NULL, 0));
	else if (argc == 3 && !strcmp(argv[1], "secret"))
		secret(strtoul(argv[2], NULL, 0));
	else if ((argc == 4 || argc == 5) && !strcmp(argv[1], "write"))
		return write_word(argv[2], argv[3], argc == 5);
	else if (argc == 4 && !strcmp(argv[1], "map"))
		device(argv[2], strtoul(argv[3], NULL, 0) << 20);
	else if (argc == 3 && !strcmp(argv[1], "open"))
		device(argv[2], 0);
	else if (argc == 3 && !strcmp(argv[1], "splicemap"))
		splice_device(argv[2]);
	else if (argc == 5 && !strcmp(argv[1], "stamp"))
		stamps(argv[2], strtoul(argv[3], NULL, 0) << 20, argv[4]);
	else if (argc == 4 && !strcmp(argv[1], "stamps"))
		stamps(argv[2], strtoul(argv[3], NULL, 0) << 20, NULL);
	else if (argc == 4 && !strcmp(argv[1], "spoil"))
		spoil(argv[2], strtoul(argv[3], NULL, 0) << 20);
	else
		errx(2, "usage: hog touch MIB [NODE]|pin [NODE]|splice NODE|slab COUNT|reserve COUNT|secret MIB|write WORD FILE [restart]|map DEVICE MIB|open DEVICE|splicemap DEVICE|stamp DEVICE MIB N|stamps DEVICE MIB|spoil DEVICE MIB");
	return 0;
}
