// SPDX-License-Identifier: GPL-2.0-only
/*
 * cxl-cli - cxl, with verbs for sysram_region. What it does not know goes to the
 * installed cxl as it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cxl-cli.h"

static const struct verb verbs[] = {
	{ "list", verb_list, "as cxl, with sysram_region, and with -N its extents" },
	{ "show", verb_show, "a map of a region: extents, tags, what is plugged" },
	{ "set-hotplug", verb_set_hotplug,
	  "what to do with the capacity of a region as it arrives" },
	{ "plug", verb_plug, "make System RAM of the capacity of a region" },
	{ "unplug", verb_unplug, "take it back" },
	{ "resize", verb_resize, "plug or unplug as much of it as is wanted" },
	{ "wait", verb_wait, "until something is as far as it is to be" },
	{ "release-extents", verb_release_extents,
	  "give dynamic capacity back to its device" },
	{ "remove-memdev", verb_remove_memdev,
	  "unplug, destroy and disable: then a device is safe to pull" },
	{ "create-region", verb_create_region,
	  "with --driver, --hotplug, or -t dynamic_ram_1; else as cxl" },
	{ "enable-region", verb_enable_region,
	  "with --driver: choose who has it; else as cxl" },
	{ "check-policy", verb_check_policy,
	  "what is wrong in /etc/cxl/policy.d, and what it means here" },
	{ "apply-policy", verb_apply_policy, "make regions what it says" },
};

static void help(void)
{
	puts("Usage: cxl-cli VERB [OPTION]... [REGION]...\n\nVerbs of its own, all others are those of cxl:");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		printf("  %-16s %s\n", verbs[i].name, verbs[i].summary);
	puts("\ndisable-region and destroy-region, of cxl, say who uses what stays.\ncxl-cli VERB --help says more.");
}

static const struct verb *find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* An option, or as much of it as getopt_long() takes for it */
static bool has_option(int argc, char **argv, const char *option)
{
	size_t length;

	for (int i = 2; i < argc && strcmp(argv[i], "--"); i++) {
		length = strcspn(argv[i], "=");
		if (length >= strlen("--dr") && length <= strlen(option) &&
		    !strncmp(argv[i], option, length))
			return true;
	}
	return false;
}

static bool has_word(int argc, char **argv, const char *word)
{
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], word))
			return true;
	return false;
}

static bool has_dynamic_type(int argc, char **argv)
{
	static const char *const before[] = { "", "-t", "--type=" };
	size_t length;

	for (int i = 2; i < argc; i++) {
		for (size_t j = 0; j < sizeof(before) / sizeof(before[0]); j++) {
			length = strlen(before[j]);
			if (!strncmp(argv[i], before[j], length) &&
			    !strncmp(argv[i] + length, "dynamic_ram_", strlen("dynamic_ram_")))
				return true;
		}
	}
	return false;
}

/* What cxl has as well is ours only when it is asked for something that cxl has not */
static bool is_ours(int argc, char **argv)
{
	bool help = has_word(argc, argv, "--help") || has_word(argc, argv, "-h");

	if (!find(argv[1]))
		return false;
	if (!strcmp(argv[1], "create-region"))
		return help || has_option(argc, argv, "--driver") ||
		       has_option(argc, argv, "--hotplug") || has_dynamic_type(argc, argv);
	if (!strcmp(argv[1], "enable-region"))
		return help || has_option(argc, argv, "--driver");
	return true;
}

static int run_ours(int argc, char **argv)
{
	struct cxl_ctx *ctx;
	int rc;

	rc = cxl_new(&ctx);
	if (rc) {
		say_error(argv[1], -rc, "libcxl");
		return EXIT_FAILURE;
	}
	rc = find(argv[1])->run(ctx, argc - 1, argv + 1);
	cxl_unref(ctx);
	return rc;
}

/* Has it memory that did not go? */
static int explain_region(const char *region, void *arg)
{
	unsigned long long start, size;
	struct blocks blocks;

	if (!sysfs_number(region, "resource", &start) || !sysfs_number(region, "size", &size))
		return 0;
	blocks_of(start, size, &blocks);
	if (!blocks.present && !explain_dax(region))
		return 0;
	say("%s: %s is in use", (const char *)arg, region);
	explain_busy(arg, region);
	return 0;
}

/* What cxl does, and when it fails, why */
static int run_explained(int argc, char **argv)
{
	struct selection selection = { .names = calloc(argc, sizeof(char *)) };
	int status = call_cxl(argv[1], argv), done;
	struct cxl_ctx *ctx;

	for (int i = 2; i < argc && selection.names; i++)
		if (argv[i][0] != '-')
			selection.names[selection.nr++] = argv[i];
	if (status && selection.nr && !cxl_new(&ctx)) {
		for_each_selected(ctx, &selection, explain_region, argv[1], &done);
		cxl_unref(ctx);
	}
	free(selection.names);
	return status;
}

/* Who reads what is written, a monitoring job for example, would miss it */
static void check_output(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return;
	say("cannot write to standard output: %s", strerror(errno));
	_exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	atexit(check_output);
	/* For --help of the verbs */
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("cxl-cli " CXL_CLI_VERSION);
		return EXIT_SUCCESS;
	}
	if (argc == 3 && !strcmp(argv[1], "help") && find(argv[2])) {
		argv[1] = argv[2];
		argv[2] = "--help";
	}
	if (argc < 2 || !strcmp(argv[1], "--help") || (argc == 2 && !strcmp(argv[1], "help"))) {
		help();
		return argc < 2 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	if (is_ours(argc, argv))
		return run_ours(argc, argv);

	if (!strcmp(argv[1], "disable-region") || !strcmp(argv[1], "destroy-region"))
		return run_explained(argc, argv);
	exec_cxl(argv[1], argv);
	return EXIT_FAILURE;
}
