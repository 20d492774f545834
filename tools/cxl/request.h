/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CXL_CLI_REQUEST_H
#define CXL_CLI_REQUEST_H

#include <argp.h>
#include "cxl-cli.h"

#define MANY 64

/**
 * struct request - what the options of a verb have said
 * @verb: for messages
 * @selection: the regions
 * @value: what is written to the attribute
 * @ids: of extents to be released
 * @nr_ids: how many
 * @tags: to be released
 * @nr_tags: how many
 * @all: all extents and tags
 * @driver: for enable-region
 * @hotplug: policy, for enable-region, or NULL
 * @memmap: what is written to memmap_on_memory, or NULL
 * @users: for show
 * @persistent: also after the next boot
 * @change: also when another driver has it
 * @loads: modules are loaded when they are needed
 * @idle: not what is online, whatever else was asked
 * @dry_run: only say what would happen
 * @force: also when it is not wise
 * @level: for wait
 * @timeout: seconds for the whole call, in which what is busy is tried again, or 0
 * @end: of @timeout, on the clock that nobody sets
 * @timed_out: it was over
 * @partly: some of what was asked for is done, whatever became of the rest
 * @explained: the region that was explained last
 */
struct request {
	const char *verb;
	struct selection selection;
	const char *value;
	unsigned int ids[MANY];
	int nr_ids;
	const char *tags[MANY];
	int nr_tags;
	bool all;
	const char *driver;
	const char *hotplug;
	const char *memmap;
	bool users;
	bool persistent;
	bool change;
	bool loads;
	bool idle;
	bool dry_run;
	bool force;
	int level;
	long timeout;
	long end;
	bool timed_out;
	bool partly;
	char explained[32];
};

enum {
	OPT_ID = 256,
	OPT_TAG,
	OPT_ALL,
	OPT_TYPE,
	OPT_TIMEOUT,
	OPT_DRIVER,
	OPT_DRY_RUN,
	OPT_HOTPLUG,
	OPT_SWITCH,
	OPT_LEVEL,
	OPT_MEMMAP,
	OPT_PERSISTENT,
	OPT_USERS,
	OPT_DEBUG,
	OPT_USAGE,
};

/* Options that mean the same with more than one verb */
#define OPTION_HELP \
	{ "help", 'h', NULL, 0, "this text", -1 }, \
	{ "usage", OPT_USAGE, NULL, OPTION_HIDDEN, NULL, -1 }
#define OPTION_TIMEOUT \
	{ "timeout", OPT_TIMEOUT, "SECONDS", 0, "for all of it; while it is busy, try again", 0 }
#define OPTION_DRY_RUN { "dry-run", OPT_DRY_RUN, NULL, 0, "only say what would be done", 0 }
#define OPTION_FORCE \
	{ "force", 'f', NULL, 0, "also when what is in use does not fit elsewhere, or the memmap leaves the kernel too little", 0 }

/**
 * struct usage - what a verb takes
 * @options: of it
 * @args: what comes behind them, in brackets when it may be left out
 * @doc: what it is for
 * @selects: it also has the options that select regions
 */
struct usage {
	const struct argp_option *options;
	const char *args;
	const char *doc;
	bool selects;
};

void request_help(struct argp_state *state, int key) __attribute__((noreturn));
int request_parse(struct request *req, int argc, char **argv, const struct usage *usage);
int request_run(struct cxl_ctx *ctx, struct request *req, region_fn fn, const char *done_word);
int request_attr(const struct request *req, const char *region, const char *attr,
		 char *path, size_t size);
void request_busy(struct request *req, const char *region);
long request_left(const struct request *req, long otherwise);
bool request_is_over(struct request *req);
int request_timeout(struct request *req, const char *arg);
/* kmem tries for ever when a page is pinned: seconds, where nobody says how many */
#define KMEM_TIMEOUT 60
int request_write_dax(struct request *req, const struct dax *dax, const char *value,
		      long otherwise, const volatile sig_atomic_t *stop);
int request_exit(const struct request *req, int rc);
int request_write(struct request *req, const char *path, const char *value);
int request_bind(struct request *req, const char *driver, const char *device);

/* wait.c */
void wait_for_endpoints(struct request *req, char **names, int nr);

/* enable.c */
int settle_region(struct request *req, const char *region);

#endif
