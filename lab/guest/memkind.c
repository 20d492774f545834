// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocate from a kind of libmemkind, and look where the pages are.
 *
 *   memkind KIND MIB NODE [keep]   0 if every page of the allocation is on NODE;
 *                                  keep: print "ready", verify until SIGTERM
 *
 * The library is loaded by name, so that nothing of it is needed to build this.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t let_go;

static void on_term(int sig)
{
	(void)sig;
	let_go = 1;
}

static void *symbol(void *lib, const char *name)
{
	void *sym = dlsym(lib, name);

	if (!sym)
		errx(2, "%s", dlerror());
	return sym;
}

static void expect_node(char *p, size_t bytes, int node)
{
	size_t size = sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < bytes; i += size) {
		void *page = p + i;
		int status;

		if (syscall(SYS_move_pages, 0, 1UL, &page, NULL, &status, 0))
			err(2, "move_pages");
		if (status != node)
			errx(1, "page %zu is on node %d, not %d", i / size, status, node);
	}
}

int main(int argc, char **argv)
{
	void *(*alloc)(void *kind, size_t size);
	void (*release)(void *kind, void *p);
	size_t bytes;
	void *lib;
	void **kind;
	char *p;

	if (argc < 4)
		errx(2, "usage: memkind KIND MIB NODE [keep]");
	signal(SIGTERM, on_term);
	lib = dlopen("libmemkind.so.0", RTLD_NOW);
	if (!lib)
		errx(2, "%s", dlerror());
	kind = symbol(lib, argv[1]);
	*(void **)&alloc = symbol(lib, "memkind_malloc");
	*(void **)&release = symbol(lib, "memkind_free");

	bytes = strtoul(argv[2], NULL, 0) << 20;
	p = alloc(*kind, bytes);
	if (!p)
		errx(1, "%s gives no memory", argv[1]);
	memset(p, 0x5a, bytes);
	expect_node(p, bytes, atoi(argv[3]));

	if (argc > 4) {
		puts("ready");
		fflush(stdout);
		while (!let_go)
			usleep(50000);
		for (size_t i = 0; i < bytes; i++)
			if (p[i] != 0x5a)
				errx(1, "data damaged at %zu", i);
	}
	release(*kind, p);
	return 0;
}
