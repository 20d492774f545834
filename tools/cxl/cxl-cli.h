/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CXL_CLI_H
#define CXL_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <cxl/libcxl.h>

/**
 * struct verb - a command of its own, all others are cxl's
 * @name: what comes behind "cxl-cli"
 * @run: with @name as its first argument; returns an exit code
 * @summary: one line for --help
 */
struct verb {
	const char *name;
	int (*run)(struct cxl_ctx *ctx, int argc, char **argv);
	const char *summary;
};

int verb_set_hotplug(struct cxl_ctx *ctx, int argc, char **argv);
int verb_plug(struct cxl_ctx *ctx, int argc, char **argv);
int verb_unplug(struct cxl_ctx *ctx, int argc, char **argv);
int verb_release_extents(struct cxl_ctx *ctx, int argc, char **argv);
int verb_create_region(struct cxl_ctx *ctx, int argc, char **argv);
int verb_list(struct cxl_ctx *ctx, int argc, char **argv);
int verb_show(struct cxl_ctx *ctx, int argc, char **argv);
int verb_remove_memdev(struct cxl_ctx *ctx, int argc, char **argv);
int verb_enable_region(struct cxl_ctx *ctx, int argc, char **argv);
int verb_resize(struct cxl_ctx *ctx, int argc, char **argv);
int verb_wait(struct cxl_ctx *ctx, int argc, char **argv);
int verb_check_policy(struct cxl_ctx *ctx, int argc, char **argv);
int verb_apply_policy(struct cxl_ctx *ctx, int argc, char **argv);

/**
 * enum exit_codes - how a verb has ended, besides EXIT_SUCCESS and EXIT_FAILURE
 * @EXIT_USAGE: what was asked makes no sense
 * @EXIT_NONE: there is no such object
 * @EXIT_BUSY: it is in use
 * @EXIT_REFUSED: it would do harm, or is guarded
 * @EXIT_PARTLY: for some it was done, for others not
 * @EXIT_TIME: not in the time that was given
 */
enum exit_codes {
	EXIT_USAGE = 2,
	EXIT_NONE,
	EXIT_BUSY,
	EXIT_REFUSED,
	EXIT_PARTLY,
	EXIT_TIME,
};

/* say.c: what people read; all of it goes to stderr */
int exit_code(int rc);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_error(const char *what, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* exec.c */
int run_program(char **argv);
int call_cxl(const char *verb, char **argv);
void exec_cxl(const char *verb, char **argv);

/* interrupt.c */
extern volatile sig_atomic_t interrupted;
void catch_signals(bool on);

/* sysfs.c */
int system_path(char *path, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A file of CXL */
#define sysfs_path(path, size, format, ...) \
	system_path(path, size, "sys/bus/cxl/" format, ##__VA_ARGS__)
int sysfs_write(const char *path, const char *value);
int sysfs_write_child(const char *path, const char *value, long seconds,
		      const volatile sig_atomic_t *stop);
int sysfs_read(const char *path, char *value, size_t size);
bool sysfs_exists(const char *path);
bool sysfs_attr(const char *device, const char *name, char *value, size_t size);
bool sysfs_number(const char *device, const char *name, unsigned long long *number);
int sysfs_attr_write(const char *device, const char *name, const char *value);
bool sysfs_driver(const char *device, char *driver, size_t size);

/* driver.c */
bool driver_there(const char *verb, const char *driver);
int driver_bind(const char *verb, const char *driver, const char *device, long seconds);
void explain_state(int rc);
int take_lock(long seconds);

/* number.c */
int parse_number(const char *text, unsigned long max, unsigned long *value);
int parse_yes_no(const char *text, const char **value);
int parse_size(const char *text, unsigned long long *size);
void format_size(unsigned long long bytes, char *text, size_t size);

/**
 * struct selection - which regions a command is for
 * @names: of regions, or "all"
 * @nr: how many
 * @bus: only those of this bus, or NULL
 * @decoder: only those of this root decoder, or NULL
 * @memdev: only those that have this memdev, or NULL
 * @pmem: "all" is also for persistent memory
 */
struct selection {
	char **names;
	int nr;
	const char *bus;
	const char *decoder;
	const char *memdev;
	bool pmem;
};

/* The libcxl way to all regions of all buses */
#define for_each_region(ctx, bus, decoder, region) \
	cxl_bus_foreach(ctx, bus) \
		cxl_decoder_foreach(cxl_bus_get_port(bus), decoder) \
			cxl_region_foreach(decoder, region)

/* names.c */
char **words_of(char **names, int nr, int *count);
bool is_meant(const char *names, const char *prefix, const char *name, const char *alias);
extern const char *const policies_known[];
bool check_policy(const char *verb, const char *policy, bool plugs);
bool policy_plugs(const char *policy);
bool root_decoder_is_meant(const char *bus, const char *filter, struct cxl_bus *of,
			   struct cxl_decoder *decoder);
bool memdev_is_meant(const char *names, struct cxl_memdev *memdev);
bool memdev_is_there(struct cxl_ctx *ctx, const char *names);
void add_word(char *list, size_t size, const char *word);

/* select.c: one region after the other */
typedef int (*region_fn)(const char *region, void *arg);
int for_each_selected(struct cxl_ctx *ctx, const struct selection *selection,
		      region_fn fn, void *arg, int *done);

/**
 * struct extent - of a dynamic region
 * @name: "extentN.X"
 * @offset: in the region, bytes
 * @length: bytes
 * @tag: a UUID, or empty
 * @state: a word
 */
struct extent {
	char name[64];
	unsigned long long offset;
	unsigned long long length;
	char tag[64];
	char state[32];
};

/* extents.c */
int for_each_extent(const char *region,
		    int (*fn)(const struct extent *extent, void *arg), void *arg);

/**
 * struct dax - a dax device of a region
 * @name: "daxX.Y"
 * @device: below /sys/bus/cxl/devices
 * @driver: that has it, or empty
 * @uuid: of the tag that it is, or empty
 */
struct dax {
	char name[64];
	char device[128];
	char driver[64];
	char uuid[64];
};

/* dax.c */
int for_each_dax(const char *region, int (*fn)(const struct dax *dax, void *arg),
		 void *arg);
bool first_dax(const char *region, struct dax *dax);
bool region_has_kmem(const char *region);
bool region_node(const char *region, unsigned long long *node);

/**
 * struct process - that has memory on a node
 * @pid: of it
 * @kib: how much
 * @bound: by policy, some of it may be nowhere else
 * @name: of the program
 */
struct process {
	int pid;
	unsigned long kib;
	bool bound;
	char name[32];
};

/* proc.c */
void for_each_process_on(int node, void (*fn)(const struct process *process,
					      void *arg), void *arg);

/**
 * struct blocks - memory blocks of a range, bytes
 * @size: of one
 * @present: added to the kernel
 * @online: of these
 * @movable: of these, in ZONE_MOVABLE
 */
struct blocks {
	unsigned long long size;
	unsigned long long present;
	unsigned long long online;
	unsigned long long movable;
};

/* blocks.c */
unsigned long long block_size(void);
void blocks_of(unsigned long long start, unsigned long long length,
	       struct blocks *blocks);
long long used_in(unsigned long long start, unsigned long long length, bool moves);

/* memmap.c */
unsigned long long memmap_size(unsigned long long length);
bool memmap_on_memory(const char *region);
int memmap_set(const char *verb, const char *region, const char *value);
int memmap_fits(const char *verb, const char *region, unsigned long long bytes);

/**
 * struct level - how far something is on its way to being memory
 * @number: 0 to 4, see level.c
 * @reason: that it is not more; empty at 4
 */
struct level {
	int number;
	char reason[192];
};

/* level.c */
int region_level(const char *region, struct level *level);
bool memdev_in_vain(const char *memdev);
int memdev_level(struct cxl_ctx *ctx, const char *memdev, struct level *level);

/* choose.c */
bool has_region(struct cxl_decoder *decoder, char *region, size_t size);

/* fit.c */
unsigned long long node_bytes(int number, const char *name);
int fits_without(const char *region, void *arg);
int fits_elsewhere(const char *verb, const char *region, int number,
		   unsigned long long stays, bool tell);

/* busy.c: why something cannot be unplugged */
bool dax_has_it(const char *region, char *driver, size_t size);
int explain_dax(const char *region);
void explain_users(const char *region);
void explain_busy(const char *verb, const char *region);

#endif
