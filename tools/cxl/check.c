// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "policy.h"
#include "request.h"

/*
 * check-policy: what is wrong in the policy files, what they mean for the memdevs that are
 * there, and which options of cxl_core they need.
 */

static void print_policy(const struct facts *facts, const struct policy *policy)
{
	printf("%s serial %#llx %s: %s, hotplug %s, by %s (%s:%d)\n", facts->name, facts->serial,
	       policy->type, policy->driver, policy->hotplug, policy->name, policy->file,
	       policy->line);
}

static bool print_memdev(struct cxl_ctx *ctx, const struct policies *policies,
			 struct cxl_memdev *memdev)
{
	const struct policy *policy;
	bool clash, clashes = false, any = false;
	struct facts facts;

	facts_of(ctx, memdev, &facts);
	for (int i = 0; policy_types[i]; i++) {
		policy = policy_for(policies, &facts, policy_types[i], &clash);
		clashes |= clash;
		any |= clash || policy;
		if (policy)
			print_policy(&facts, policy);
	}
	if (!any)
		printf("%s serial %#llx: no policy, it stays as it is\n", facts.name,
		       facts.serial);
	return clashes;
}

/* An option of the kernel, and what it is in this boot; @other does as well */
static void print_option(const char *name, const char *value, const char *other)
{
	char path[256], now[64];

	if (system_path(path, sizeof(path), "sys/module/cxl_core/parameters/%s", name) ||
	    sysfs_read(path, now, sizeof(now)))
		strcpy(now, "there is no such option");
	if (strcmp(now, value) && strcmp(now, other) &&
	    !(atol(value) && atol(now) >= atol(value)))
		printf("cxl_core.%s=%s is needed at boot; now: %s\n", name, value, now);
	else
		printf("cxl_core.%s=%s is needed at boot, and is set: %s\n", name, value, now);
}

/* Without them the kernel decides before anybody reads a file */
static void print_options(const struct policies *policies)
{
	bool ram = false, dynamic = false;

	for (size_t i = 0; i < policies->nr; i++) {
		const struct policy *policy = &policies->list[i];

		dynamic |= strcmp(policy->type, "ram") != 0;
		ram |= !strcmp(policy->type, "ram") && strcmp(policy->driver, "region");
	}
	if (ram) {
		print_option("region_driver", "sysram_region", "");
		print_option("sysram_hotplug", "none", "never");
	}
	/* Until there is a region, offers of the device are rejected, or wait */
	if (dynamic)
		print_option("dcd_offer_timeout", "60", "");
}

/**
 * verb_check_policy - read policy files, and say what they mean
 * @ctx: of libcxl
 * @argc: of the verb
 * @argv: of the verb
 *
 * Return: an exit code.
 */
int verb_check_policy(struct cxl_ctx *ctx, int argc, char **argv)
{
	static const struct argp_option options[] = {
		OPTION_HELP,
		{ }
	};
	static const struct usage usage = {
		.options = options, .args = "[FILE]...",
		.doc = "Read FILE, or /etc/cxl/policy.d and /usr/lib/cxl/policy.d; say what is wrong, what "
		       "becomes of each memdev, and which options of the kernel are needed.\n"
		       "\n"
		       "A file has sections [region NAME], for memdevs by one of\n"
		       "  serial=N               one memdev; several: an interleave set, in order\n"
		       "  pci=ADDRESS            one memdev, as 0000:35:00.0\n"
		       "  window=ADDRESS         those below the root decoder with this base\n"
		       "  all=yes                all of them\n"
		       "\n"
		       "of which an earlier one goes before a later one, and with\n"
		       "  type=ram               or dynamic_ram_1\n"
		       "  driver=sysram          or dax, region\n"
		       "  hotplug=none           or never, offline, online, online_kernel, online_movable\n"
		       "  size=SIZE              default is what there is\n"
		       "  granularity=N          of interleaving, bytes\n"
		       "  memmap_on_memory=yes   or no\n"
		       "  create=yes             or no: only regions that are there",
	};
	struct request req = { .verb = argv[0] };
	struct cxl_memdev *memdev;
	struct policies policies;
	bool clash = false;
	int rc;

	if (request_parse(&req, argc, argv, &usage))
		return EXIT_USAGE;
	rc = policies_load(&policies, req.selection.names, req.selection.nr);
	if (!policies.nr && !policies.wrong)
		say("%s: there is no policy: nothing is done when a memdev comes", req.verb);
	cxl_memdev_foreach(ctx, memdev)
		clash |= print_memdev(ctx, &policies, memdev);
	print_options(&policies);
	if (policies.guard[0])
		say("%s: nothing is plugged by policy while %s is void", req.verb, policies.guard);
	if (policies.wrong || clash)
		rc = -EINVAL;
	policies_free(&policies);
	return exit_code(rc);
}
