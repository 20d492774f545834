// SPDX-License-Identifier: GPL-2.0-only
#include <kunit/test.h>
#include <cxlsysram.h>

/*
 * The rules of 'hotplug' and 'state', as tables: each word, each census, each
 * transition. A census is written { unplugged, offline, kernel, movable }.
 */

struct word {
	const char *word;
	enum cxl_sysram_state state;
};

static void each_word(struct kunit *test, const struct word *words, int nr,
		      int (*from_str)(const char *buf, size_t len),
		      const char *(*to_str)(enum cxl_sysram_state state))
{
	char line[32];

	for (int i = 0; i < nr; i++) {
		const char *word = words[i].word;

		KUNIT_EXPECT_EQ(test, words[i].state, from_str(word, strlen(word)));
		KUNIT_EXPECT_STREQ(test, word, to_str(words[i].state));

		snprintf(line, sizeof(line), "%s\n", word);
		KUNIT_EXPECT_EQ(test, words[i].state, from_str(line, strlen(line)));
	}
}

static void policy_words(struct kunit *test)
{
	static const struct word words[] = {
		{ "none", CXL_SYSRAM_UNPLUGGED },
		{ "never", CXL_SYSRAM_NEVER },
		{ "offline", CXL_SYSRAM_OFFLINE },
		{ "online", CXL_SYSRAM_ONLINE },
		{ "online_kernel", CXL_SYSRAM_ONLINE_KERNEL },
		{ "online_movable", CXL_SYSRAM_ONLINE_MOVABLE },
	};

	each_word(test, words, ARRAY_SIZE(words), cxl_sysram_policy_from_str,
		  cxl_sysram_policy_to_str);
}

static void state_words(struct kunit *test)
{
	static const struct word words[] = {
		{ "unplugged", CXL_SYSRAM_UNPLUGGED },
		{ "offline", CXL_SYSRAM_OFFLINE },
		{ "online", CXL_SYSRAM_ONLINE },
		{ "online_kernel", CXL_SYSRAM_ONLINE_KERNEL },
		{ "online_movable", CXL_SYSRAM_ONLINE_MOVABLE },
	};

	each_word(test, words, ARRAY_SIZE(words), cxl_sysram_state_from_str,
		  cxl_sysram_state_to_str);
	/* Can be found, cannot be wanted */
	KUNIT_EXPECT_STREQ(test, "mixed", cxl_sysram_state_to_str(CXL_SYSRAM_MIXED));
	KUNIT_EXPECT_EQ(test, -EINVAL, cxl_sysram_state_from_str("mixed", 5));
}

static void bad_words(struct kunit *test)
{
	static const struct {
		const char *buf;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ "\n", 1 },
		{ " ", 1 },
		{ "Offline", 7 },
		{ "offline ", 8 },
		{ " offline", 8 },
		{ "offline\n\n", 9 },
		{ "offlin", 6 },
		{ "offlinee", 8 },
		{ "online_", 7 },
		{ "0", 1 },
		{ "-1", 2 },
		{ "offline\0", 8 },
		{ "offline\0offline", 15 },
		{ "\0offline", 8 },
		{ "\xff\xfe\x01", 3 },
	};

	for (int i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    cxl_sysram_policy_from_str(bad[i].buf, bad[i].len),
				    "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    cxl_sysram_state_from_str(bad[i].buf, bad[i].len),
				    "case %d", i);
	}
	/* Words of the other attribute */
	KUNIT_EXPECT_EQ(test, -EINVAL, cxl_sysram_state_from_str("none", 4));
	KUNIT_EXPECT_EQ(test, -EINVAL, cxl_sysram_state_from_str("never", 5));
	KUNIT_EXPECT_EQ(test, -EINVAL, cxl_sysram_policy_from_str("unplugged", 9));
	KUNIT_EXPECT_EQ(test, -EINVAL, cxl_sysram_policy_from_str("mixed", 5));
}

static void policy_types(struct kunit *test)
{
	static const struct {
		enum cxl_sysram_state policy;
		bool plugs;
		enum mmop type;
	} cases[] = {
		{ CXL_SYSRAM_UNPLUGGED, false },
		{ CXL_SYSRAM_NEVER, false },
		{ CXL_SYSRAM_OFFLINE, true, MMOP_OFFLINE },
		{ CXL_SYSRAM_ONLINE, true, MMOP_ONLINE },
		{ CXL_SYSRAM_ONLINE_KERNEL, true, MMOP_ONLINE_KERNEL },
		{ CXL_SYSRAM_ONLINE_MOVABLE, true, MMOP_ONLINE_MOVABLE },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		enum mmop type = MMOP_OFFLINE;

		KUNIT_EXPECT_EQ(test, cases[i].plugs,
				cxl_sysram_state_plugs(cases[i].policy, &type));
		if (cases[i].plugs)
			KUNIT_EXPECT_EQ(test, cases[i].type, type);
	}
}

static void census_words(struct kunit *test)
{
	/* Every subset of the four kinds: one kind is its word, more are mixed */
	for (unsigned int kinds = 0; kinds < 16; kinds++) {
		struct cxl_sysram_census census = {
			.unplugged = kinds & 1 ? 3 : 0,
			.offline = kinds & 2 ? 1 : 0,
			.kernel = kinds & 4 ? 7 : 0,
			.movable = kinds & 8 ? 128 : 0,
		};
		enum cxl_sysram_state want = CXL_SYSRAM_MIXED;

		switch (kinds) {
		case 0:
		case 1:
			want = CXL_SYSRAM_UNPLUGGED;
			break;
		case 2:
			want = CXL_SYSRAM_OFFLINE;
			break;
		case 4:
			want = CXL_SYSRAM_ONLINE_KERNEL;
			break;
		case 8:
			want = CXL_SYSRAM_ONLINE_MOVABLE;
			break;
		}
		KUNIT_EXPECT_EQ_MSG(test, want, cxl_sysram_census_state(&census),
				    "kinds %#x", kinds);
	}
}

#define PLUG	CXL_SYSRAM_DO_PLUG
#define ONLINE	CXL_SYSRAM_DO_ONLINE
#define UNPLUG	CXL_SYSRAM_DO_UNPLUG

static void transitions(struct kunit *test)
{
	static const struct {
		struct cxl_sysram_census census;
		/* for: unplugged, offline, online, online_kernel, online_movable */
		int action[5];
	} cases[] = {
		/* one kind: unplugged, offline, kernel, movable */
		{ { 8, 0, 0, 0 }, { 0, PLUG, PLUG, PLUG, PLUG } },
		{ { 0, 8, 0, 0 }, { UNPLUG, 0, ONLINE, ONLINE, ONLINE } },
		{ { 0, 0, 8, 0 }, { UNPLUG, -EBUSY, 0, 0, -EBUSY } },
		{ { 0, 0, 0, 8 }, { UNPLUG, -EBUSY, 0, -EBUSY, 0 } },
		/* nothing there at all: a region smaller than a memory block */
		{ { 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 } },
		/* mixed, one type online: the rest may follow, or go */
		{ { 0, 4, 4, 0 }, { UNPLUG, -EBUSY, ONLINE, ONLINE, -EBUSY } },
		{ { 0, 4, 0, 4 }, { UNPLUG, -EBUSY, ONLINE, -EBUSY, ONLINE } },
		{ { 4, 0, 4, 0 }, { UNPLUG, -EBUSY, PLUG, PLUG, -EBUSY } },
		{ { 4, 0, 0, 4 }, { UNPLUG, -EBUSY, PLUG, -EBUSY, PLUG } },
		{ { 4, 4, 0, 4 },
		  { UNPLUG, -EBUSY, PLUG | ONLINE, -EBUSY, PLUG | ONLINE } },
		/* mixed, none online */
		{ { 4, 4, 0, 0 },
		  { UNPLUG, PLUG, PLUG | ONLINE, PLUG | ONLINE, PLUG | ONLINE } },
		/* mixed, both types online: only the kernel's choice fits both */
		{ { 0, 0, 4, 4 }, { UNPLUG, -EBUSY, 0, -EBUSY, -EBUSY } },
		{ { 0, 1, 4, 4 }, { UNPLUG, -EBUSY, ONLINE, -EBUSY, -EBUSY } },
		{ { 1, 0, 4, 4 }, { UNPLUG, -EBUSY, PLUG, -EBUSY, -EBUSY } },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int want = 0; want < 5; want++)
			KUNIT_EXPECT_EQ_MSG(test, cases[i].action[want],
					    cxl_sysram_census_action(&cases[i].census, want),
					    "case %d, want %s", i,
					    cxl_sysram_state_to_str(want));
		KUNIT_EXPECT_EQ(test, -EINVAL,
				cxl_sysram_census_action(&cases[i].census,
							 CXL_SYSRAM_MIXED));
	}
}

static void growing(struct kunit *test)
{
	static const struct {
		struct cxl_sysram_census census;
		enum cxl_sysram_state policy;
		enum cxl_sysram_state want;
	} cases[] = {
		/* Nothing is plugged: the policy, or movable */
		{ { .unplugged = 8 },
		  CXL_SYSRAM_UNPLUGGED, CXL_SYSRAM_ONLINE_MOVABLE },
		{ { .unplugged = 8 },
		  CXL_SYSRAM_OFFLINE, CXL_SYSRAM_OFFLINE },
		{ { .unplugged = 8 },
		  CXL_SYSRAM_ONLINE, CXL_SYSRAM_ONLINE },
		{ { .unplugged = 8 },
		  CXL_SYSRAM_ONLINE_KERNEL, CXL_SYSRAM_ONLINE_KERNEL },
		/* One type is: that, whatever the policy */
		{ { .unplugged = 1, .movable = 7 },
		  CXL_SYSRAM_ONLINE_KERNEL, CXL_SYSRAM_ONLINE_MOVABLE },
		{ { .unplugged = 7, .kernel = 1 },
		  CXL_SYSRAM_ONLINE_MOVABLE, CXL_SYSRAM_ONLINE_KERNEL },
		{ { .unplugged = 4, .offline = 4 },
		  CXL_SYSRAM_UNPLUGGED, CXL_SYSRAM_OFFLINE },
		/* Several are: the policy again */
		{ { .kernel = 1, .movable = 1 },
		  CXL_SYSRAM_UNPLUGGED, CXL_SYSRAM_ONLINE_MOVABLE },
		{ { .offline = 1, .movable = 1 },
		  CXL_SYSRAM_ONLINE_KERNEL, CXL_SYSRAM_ONLINE_KERNEL },
	};

	for (int i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, cases[i].want,
				    cxl_sysram_census_grow(&cases[i].census, cases[i].policy),
				    "case %d", i);
}

static struct kunit_case cxl_sysram_cases[] = {
	KUNIT_CASE(policy_words),
	KUNIT_CASE(state_words),
	KUNIT_CASE(bad_words),
	KUNIT_CASE(policy_types),
	KUNIT_CASE(census_words),
	KUNIT_CASE(transitions),
	KUNIT_CASE(growing),
	{}
};

static struct kunit_suite cxl_sysram_suite = {
	.name = "cxl_sysram",
	.test_cases = cxl_sysram_cases,
};

kunit_test_suite(cxl_sysram_suite);

MODULE_DESCRIPTION("KUnit test of the rules of cxl sysram state");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("CXL");
