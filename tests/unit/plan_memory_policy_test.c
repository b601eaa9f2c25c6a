/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_memory_policy_test.c - plan/process/memory_policy.c and plan/process/personality.c
 */
#include "plan_harness.h"

#include "base/table.h"
#include "plan/process/memory_policy.h"

#define LINUX(text)  "{ \"ociVersion\": \"1.3.0\", \"linux\": {" text "} }"
#define POLICY(text) LINUX("\"memoryPolicy\": {" text "}")
#define PLACE	     "/linux/memoryPolicy/"

static struct plan_case asking(plan_subject *subject)
{
	struct plan_case c = plan_case_of_root();

	c.subjects[0] = subject;

	return c;
}

static void every_mode_is_planned(void **state)
{
	struct plan_case c = asking(plan_memory_policy);

	(void) state;
	for (size_t i = 0; i < MEMORY_POLICY_MODES; i++) {
		const struct memory_policy_mode *mode = &memory_policy_modes[i];
		const char *nodes = mode->nodes == NODES_NEEDED ? "0" : "";
		char json[256], line[256];

		assert_true(i == 0 || strcmp(mode[-1].name, mode->name) < 0);
		fmt_text(json, sizeof(json), POLICY("\"mode\": \"%s\", \"nodes\": \"%s\""),
			 mode->name, nodes);
		fmt_text(line, sizeof(line), "set-memory-policy %s%s%s [/linux/memoryPolicy]\n",
			 mode->name, nodes[0] ? " nodes " : "", nodes);
		plan_case_gives(&c, json, line);
	}
	plan_case_gives(&c, LINUX(""), "");
}

static void every_flag_is_planned(void **state)
{
	struct plan_case c = asking(plan_memory_policy);

	(void) state;
	for (size_t i = 0; i < MEMORY_POLICY_FLAGS; i++) {
		const char *name = memory_policy_flags[i].name;
		char json[256], line[256];

		fmt_text(json, sizeof(json),
			 POLICY("\"mode\": \"MPOL_BIND\", \"nodes\": \"0-1\", \"flags\": [\"%s\"]"),
			 name);
		fmt_text(line, sizeof(line),
			 "set-memory-policy MPOL_BIND %s nodes 0-1 [/linux/memoryPolicy]\n", name);
		plan_case_gives(&c, json, line);
	}
}

/* The mask itself, of a plan in an arena of its own. */
static const uint64_t *mask_of(const char *json, struct arena *a)
{
	struct err e = { 0 };
	struct plan_case c = plan_case_of_root();

	arena_open(a);
	struct planner p = {
		.arena = a,
		.plan = plan_reserve(a),
		.config = plan_case_decode(json, a),
		.options = &c.options,
		.facts = &c.facts,
	};

	if (plan_memory_policy(&p, &e) < 0)
		fail_msg("%s", e.text);

	return p.steps[0].memory_policy.mask;
}

static void nodes_become_bits(void **state)
{
	struct arena a;
	const uint64_t *mask =
		mask_of(POLICY("\"mode\": \"MPOL_BIND\", \"nodes\": \"0-3,7,63-64,1023\""), &a);

	(void) state;
	assert_int_equal(mask[0], 0x800000000000008fULL);
	assert_int_equal(mask[1], 1);
	for (size_t i = 2; i < MEMORY_NODES / 64 - 1; i++)
		assert_int_equal(mask[i], 0);
	assert_int_equal(mask[MEMORY_NODES / 64 - 1], 1ULL << 63);
	arena_close(&a);
}

static void what_no_kernel_could_take_is_refused(void **state)
{
#define BIND(nodes) POLICY("\"mode\": \"MPOL_BIND\", \"nodes\": \"" nodes "\"")
#define NO_LIST(nodes)                                                                             \
	{                                                                                          \
		BIND(nodes), PLACE "nodes: invalid memory policy nodes: \"" nodes                  \
				   "\" is not a list of nodes below 1024"                          \
	}
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ POLICY("\"mode\": \"MPOL_LOCAL\", \"nodes\": \"0\""), PLACE
		  "nodes: invalid memory policy: mode requires 0 nodes but got 1: MPOL_LOCAL takes no nodes" },
		{ POLICY("\"mode\": \"MPOL_INTERLEAVE\""), PLACE
		  "nodes: invalid memory policy: mode requires at least 1 node but got 0: MPOL_INTERLEAVE needs at least one node" },
		{ POLICY("\"mode\": \"MPOL_BIND\", \"nodes\": \"0\", "
			 "\"flags\": [\"MPOL_F_STATIC_NODES\", \"MPOL_F_RELATIVE_NODES\"]"),
		  PLACE
		  "flags: invalid memory policy flags: MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other" },
		NO_LIST("1024"),
		NO_LIST("3-1"),
		NO_LIST("0,"),
		NO_LIST(",0"),
		NO_LIST("0--1"),
		NO_LIST("-1"),
		NO_LIST("0-"),
		NO_LIST("a"),
		NO_LIST("0 1"),
		NO_LIST("99999999999999999999"),
	};
	struct plan_case c = asking(plan_memory_policy);

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		plan_case_refuses(&c, cases[i].json, cases[i].line);
}

static void personalities(void **state)
{
	struct plan_case c = asking(plan_personality);

	(void) state;
	plan_case_gives(&c, LINUX("\"personality\": { \"domain\": \"LINUX\", \"flags\": [] }"),
			"set-personality LINUX [/linux/personality]\n");
	plan_case_gives(&c, LINUX("\"personality\": { \"domain\": \"LINUX32\" }"),
			"set-personality LINUX32 [/linux/personality]\n");
	plan_case_gives(&c, LINUX(""), "");
	plan_case_gives(&c, LINUX("\"personality\": { \"domain\": \"LINUX\", \"flags\": [\"X\"] }"),
			"set-personality LINUX [/linux/personality]\n");
	assert_string_equal(c.warnings[0],
			    "/linux/personality/flags/0: unknown flag \"X\": left out");
	assert_null(c.warnings[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mode_is_planned),
		cmocka_unit_test(every_flag_is_planned),
		cmocka_unit_test(nodes_become_bits),
		cmocka_unit_test(what_no_kernel_could_take_is_refused),
		cmocka_unit_test(personalities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
