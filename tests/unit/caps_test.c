/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/caps_test.c - plan/process/caps.c
 */
#include "plan_harness.h"

#include "base/table.h"
#include "plan/process/caps.h"

#include <linux/capability.h>
#include <stdlib.h>

#define BIT(n) ((uint64_t) 1 << (n))

static void each_name_has_its_number(void **state)
{
	(void) state;
	for (unsigned i = 0; i < caps_count(); i++)
		assert_int_equal(caps_number(caps_name(i)), i);
	assert_true(caps_count() >= CAP_CHECKPOINT_RESTORE + 1 && caps_count() <= 64);
	assert_string_equal(caps_name(CAP_CHOWN), "CAP_CHOWN");
	assert_string_equal(caps_name(CAP_CHECKPOINT_RESTORE), "CAP_CHECKPOINT_RESTORE");
	assert_int_equal(caps_number("Cap_Chown"), 0);
}

static void what_is_no_name_has_no_number(void **state)
{
	static const char *const words[] = { "CAP_FOO", "CHOWN", "",	  "0",
					     "21",	"CAP_",	 "CAP_0", "CAP_CHOWN " };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_int_equal(caps_number(words[i]), -1);
}

/* What is read of @json, and what is warned of, a line each. */
static struct caps_sets read_sets(const struct plan_case *c, const char *json, char *warnings,
				  size_t size)
{
	struct arena a;
	struct caps_sets sets;
	struct err e = { 0 };
	size_t length = 0;

	arena_open(&a);
	struct planner p = {
		.arena = &a,
		.config = plan_case_decode(json, &a),
		.options = &c->options,
		.facts = &c->facts,
	};
	if (plan_namespaces(&p, &e) < 0)
		fail_msg("%s", e.text);
	caps_read(&p, &sets);
	warnings[0] = '\0';
	for (size_t i = 0; p.warnings && p.warnings[i]; i++)
		length += fmt_text(warnings + length, size - length, "%s\n", p.warnings[i]);

	return sets;
}

#define CAPS(caps, more)                                                                           \
	"{ \"ociVersion\": \"1.3.0\", \"process\": { \"cwd\": \"/\", \"args\": [\"a\"], "          \
	"\"capabilities\": { " caps " } }" more " }"

static void sets_are_exactly_as_listed(void **state)
{
	const struct plan_case c = plan_case_of_root();
	char warnings[2048];
	struct caps_sets sets = read_sets(
		&c,
		CAPS("\"bounding\": [\"CAP_CHOWN\", \"cap_kill\", \"CAP_BPF\"], \"effective\": "
		     "[\"CAP_KILL\"], \"permitted\": [\"CAP_KILL\", \"CAP_CHOWN\"], \"inheritable\": "
		     "[\"CAP_CHOWN\"], \"ambient\": [\"CAP_CHOWN\"]",
		     ""),
		warnings, sizeof(warnings));

	(void) state;
	assert_int_equal(sets.bounding, BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_BPF));
	assert_int_equal(sets.effective, BIT(CAP_KILL));
	assert_int_equal(sets.permitted, BIT(CAP_KILL) | BIT(CAP_CHOWN));
	assert_int_equal(sets.inheritable, BIT(CAP_CHOWN));
	assert_int_equal(sets.ambient, BIT(CAP_CHOWN));
	assert_string_equal(warnings, "");
}

static void without_the_block_all_are_empty(void **state)
{
	const struct plan_case c = plan_case_of_root();
	static const struct caps_sets none;
	char warnings[2048];
	struct caps_sets sets;

	(void) state;
	sets = read_sets(
		&c,
		"{ \"ociVersion\": \"1.3.0\", \"process\": { \"cwd\": \"/\", \"args\": [\"a\"] } }",
		warnings, sizeof(warnings));
	assert_memory_equal(&sets, &none, sizeof(none));
	sets = read_sets(&c, CAPS("", ""), warnings, sizeof(warnings));
	assert_memory_equal(&sets, &none, sizeof(none));
	assert_string_equal(warnings, "");
}

static void what_can_not_be_granted_is_left_out_with_a_warning(void **state)
{
	struct plan_case c = plan_case_of_root();
	char warnings[2048];
	struct caps_sets sets;
	static const char json[] = CAPS(
		"\"bounding\": [\"CAP_KILL\", \"CAP_FOO\", \"CAP_SYS_RESOURCE\", \"CAP_BPF\"]", "");

	(void) state;
	c.facts.capabilities = ~BIT(CAP_SYS_RESOURCE);
	c.facts.last_cap = 37;
	sets = read_sets(&c, json, warnings, sizeof(warnings));
	assert_int_equal(sets.bounding, BIT(CAP_KILL));
	assert_string_equal(
		warnings,
		"/process/capabilities/bounding/1: capability \"CAP_FOO\" is not known\n"
		"/process/capabilities/bounding/2: \"CAP_SYS_RESOURCE\" can't be granted here\n"
		"/process/capabilities/bounding/3: \"CAP_BPF\" can't be granted here\n");
}

static void a_new_user_namespace_has_them_all(void **state)
{
	struct plan_case c = plan_case_of_user();
	char warnings[2048];
	struct caps_sets sets =
		read_sets(&c,
			  CAPS("\"bounding\": [\"CAP_SYS_ADMIN\"]",
			       ", \"linux\": { \"namespaces\": [{ \"type\": \"user\" }] }"),
			  warnings, sizeof(warnings));

	(void) state;
	assert_int_equal(sets.bounding, BIT(CAP_SYS_ADMIN));
	assert_string_equal(warnings, "");
}

static void sets_that_the_kernel_would_refuse_are_cut(void **state)
{
	const struct plan_case c = plan_case_of_root();
	char warnings[2048];
	struct caps_sets sets =
		read_sets(&c,
			  CAPS("\"effective\": [\"CAP_KILL\"], \"inheritable\": [\"CAP_CHOWN\"], "
			       "\"ambient\": [\"CAP_FOWNER\"]",
			       ""),
			  warnings, sizeof(warnings));

	(void) state;
	assert_int_equal(sets.effective | sets.inheritable | sets.ambient, 0);
	assert_string_equal(
		warnings,
		"/process/capabilities/effective: \"CAP_KILL\" can't be granted: it is not permitted\n"
		"/process/capabilities/inheritable: \"CAP_CHOWN\" can't be granted: it is not in the "
		"bounding set\n"
		"/process/capabilities/ambient: can't raise ambient capability CAP_FOWNER: it is not both permitted "
		"and inheritable\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_has_its_number),
		cmocka_unit_test(what_is_no_name_has_no_number),
		cmocka_unit_test(sets_are_exactly_as_listed),
		cmocka_unit_test(without_the_block_all_are_empty),
		cmocka_unit_test(what_can_not_be_granted_is_left_out_with_a_warning),
		cmocka_unit_test(a_new_user_namespace_has_them_all),
		cmocka_unit_test(sets_that_the_kernel_would_refuse_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
