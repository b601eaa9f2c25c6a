/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_resctrl_test.c - plan/limits/resctrl.c: linux.intelRdt
 */
#include "plan_harness.h"
#include "skip.h"

#include "base/table.h"
#include "plan/limits/resctrl.h"

#include <stdio.h>

#define RDT(text) "{ \"ociVersion\": \"1.3.0\", \"linux\": { \"intelRdt\": {" text "} } }"
#define PLACE	  " [/linux/intelRdt]\n"
#define SCHEMAS                                                                                    \
	"\"schemata\": [\"L2:0=f\", \"MB:0=30\"], \"memBwSchema\": \"MB:0=20\", \"l3CacheSchema\": \"L3:0=7\""

static struct plan_case on_rdt(void)
{
	struct plan_case c = plan_case_of_root();

	c.facts.resctrl = "/r";
	c.subjects[0] = plan_resctrl;
	c.subjects[1] = plan_spawn;
	c.subjects[2] = plan_resctrl_join;

	return c;
}

static void each_rule_of_the_specification(void **state)
{
	static const struct {
		const char *json, *steps;
	} cases[] = {
		{ RDT(""), "make-resctrl \"/r/web\" where missing" PLACE
			   "spawn\njoin-resctrl \"/r/web\"" PLACE },
		{ RDT(SCHEMAS),
		  "make-resctrl \"/r/web\" where missing" PLACE
		  "write-resctrl \"L3:0=7\" \"MB:0=20\" \"L2:0=f\" \"MB:0=30\" to \"/r/web\"" PLACE
		  "spawn\njoin-resctrl \"/r/web\"" PLACE },
		{ RDT("\"closID\": \"gold\", " SCHEMAS),
		  "make-resctrl \"/r/gold\" where missing, to stay with \"L3:0=7\", \"MB:0=20\"" PLACE
		  "write-resctrl \"L3:0=7\" \"MB:0=20\" \"L2:0=f\" \"MB:0=30\" to \"/r/gold\"" PLACE
		  "spawn\njoin-resctrl \"/r/gold\"" PLACE },
		{ RDT("\"closID\": \"gold\""), "make-resctrl \"/r/gold\" that is there" PLACE
					       "spawn\njoin-resctrl \"/r/gold\"" PLACE },
		{ RDT("\"closID\": \"/\", \"l3CacheSchema\": \"L3:0=7\\nL3:1=3\""),
		  "make-resctrl \"/r\" that is there with \"L3:0=7\", \"L3:1=3\"" PLACE
		  "write-resctrl \"L3:0=7\" \"L3:1=3\" to \"/r\"" PLACE
		  "spawn\njoin-resctrl \"/r\"" PLACE },
		{ RDT("\"closID\": \"gold\", \"enableMonitoring\": true"),
		  "make-resctrl \"/r/gold\" that is there" PLACE
		  "make-resctrl \"/r/gold/mon_groups/web\" that is new" PLACE
		  "spawn\njoin-resctrl \"/r/gold\"" PLACE
		  "join-resctrl \"/r/gold/mon_groups/web\"" PLACE },
		{ RDT("\"closID\": \"/\", \"enableMonitoring\": true"),
		  "make-resctrl \"/r\" that is there" PLACE
		  "make-resctrl \"/r/mon_groups/web\" that is new" PLACE
		  "spawn\njoin-resctrl \"/r\"" PLACE "join-resctrl \"/r/mon_groups/web\"" PLACE },
		{ RDT("\"enableMonitoring\": false, \"closID\": \"\", \"schemata\": []"),
		  "make-resctrl \"/r/web\" where missing" PLACE
		  "spawn\njoin-resctrl \"/r/web\"" PLACE },
		{ "{ \"ociVersion\": \"1.3.0\", \"linux\": {} }", "spawn\n" },
	};
	struct plan_case c = on_rdt();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		plan_case_gives(&c, cases[i].json, cases[i].steps);
}

static void what_makes_no_sense_is_refused(void **state)
{
#define CLOS(id)                                                                                   \
	{                                                                                          \
		RDT("\"closID\": \"" id "\""),                                                     \
			"/linux/intelRdt/closID: \"" id "\" is not the name of a group"            \
	}
	static const struct {
		const char *json, *line;
	} cases[] = {
		CLOS(".."),
		CLOS("a/b"),
		CLOS("/a"),
		CLOS("info"),
		CLOS("mon_groups"),
		{ RDT("\"schemata\": [\"L3:0=1\", \"L3:0=1\\n\"]"),
		  "/linux/intelRdt/schemata/1: a schema has no line end in it" },
	};
	struct plan_case c = on_rdt();

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		plan_case_refuses(&c, cases[i].json, cases[i].line);
}

static void the_mount_is_found_in_mountinfo(void **state)
{
	char none[] = "22 1 0:20 / /resctrl rw - tmpfs resctrl rw\n";
	char one[] = "22 1 0:20 / /proc rw shared:1 - proc proc rw\n"
		     "30 1 0:31 / /a\\040b rw,nosuid shared:2 master:1 - resctrl resctrl rw\n"
		     "31 1 0:31 / /other rw - resctrl resctrl rw\n";
	char cut[] = "30 1 - resctrl resctrl rw\n";
	struct arena a;

	(void) state;
	arena_open(&a);
	assert_null(resctrl_find(none, &a));
	assert_null(resctrl_find(cut, &a));
	assert_string_equal(resctrl_find(one, &a), "/a b");
	arena_close(&a);
}

static void without_a_mount_it_is_an_error(void **state)
{
	struct plan_case c = on_rdt();
	char text[65536] = "";
	FILE *f = fopen("/proc/self/mountinfo", "r");

	(void) state;
	assert_non_null(f);
	fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	if (strstr(text, " - resctrl "))
		skip_as("this machine has a resctrl file system");
	c.facts.resctrl = NULL;
	plan_case_refuses(&c, RDT(""),
			  "/linux/intelRdt: no resctrl file system is mounted (it needs a CPU with "
			  "resource control: mount -t resctrl resctrl /sys/fs/resctrl)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_of_the_specification),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(the_mount_is_found_in_mountinfo),
		cmocka_unit_test(without_a_mount_it_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
