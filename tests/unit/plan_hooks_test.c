/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_hooks_test.c - plan/process/hooks.c
 */
#include "plan_harness.h"

#include "plan/process/hooks.h"

#define HOOKS(hooks)                                                                               \
	"{ \"ociVersion\": \"1.3.0\", \"process\": { \"cwd\": \"/\", \"args\": [\"a\"] }, "        \
	"\"hooks\": { " hooks " } }"

static struct planner planner;
static struct arena arena;

/* The steps of both subjects. */
static size_t plan_hooks(const char *json)
{
	static struct plan_options options;
	static struct facts facts;
	struct err e = { 0 };

	arena_open(&arena);
	planner = (struct planner) {
		.arena = &arena,
		.shared = &arena,
		.plan = plan_reserve(&arena),
		.config = plan_case_decode(json, &arena),
		.options = &options,
		.facts = &facts,
	};
	if (plan_create_hooks(&planner, &e) < 0 || plan_start_hooks(&planner, &e) < 0)
		fail_msg("%s", e.text);

	return planner.count;
}

static void expect(size_t i, enum step_op op, const char *stage, const char *status,
		   const char *path, const char *place)
{
	const struct step *s = &planner.steps[i];

	assert_int_equal(s->op, op);
	assert_string_equal(s->hook.stage, stage);
	assert_string_equal(s->hook.status, status);
	assert_string_equal(s->hook.path, path);
	assert_string_equal(s->place, place);
}

static void hooks_run_by_stage_then_in_listed_order(void **state)
{
	(void) state;
	assert_int_equal(
		plan_hooks(HOOKS("\"poststop\": [{ \"path\": \"/z\" }], "
				 "\"startContainer\": [{ \"path\": \"/e\" }], "
				 "\"createContainer\": [{ \"path\": \"/d\" }], "
				 "\"createRuntime\": [{ \"path\": \"/b\" }, { \"path\": \"/c\" }], "
				 "\"prestart\": [{ \"path\": \"/a\" }], "
				 "\"poststart\": [{ \"path\": \"/y\" }]")),
		5);
	expect(0, OP_RUN_HOST_HOOK, "prestart", "creating", "/a", "/hooks/prestart/0");
	expect(1, OP_RUN_HOST_HOOK, "createRuntime", "creating", "/b", "/hooks/createRuntime/0");
	expect(2, OP_RUN_HOST_HOOK, "createRuntime", "creating", "/c", "/hooks/createRuntime/1");
	expect(3, OP_RUN_HOOK, "createContainer", "creating", "/d", "/hooks/createContainer/0");
	expect(4, OP_RUN_HOOK, "startContainer", "created", "/e", "/hooks/startContainer/0");
}

static void what_is_not_given_is_the_path_who_runs_it_and_for_ever(void **state)
{
	(void) state;
	assert_int_equal(
		plan_hooks(
			HOOKS("\"prestart\": [{ \"path\": \"/a\" }, { \"path\": \"/b\", "
			      "\"args\": [\"x\", \"y\"], \"env\": [\"E=1\"], \"timeout\": 9 }]")),
		2);

	const struct hook_step *plain = &planner.steps[0].hook, *full = &planner.steps[1].hook;
	assert_string_equal(plain->argv[0], "/a");
	assert_null(plain->argv[1]);
	assert_null(plain->envp);
	assert_int_equal(plain->timeout, 0);
	assert_string_equal(full->argv[0], "x");
	assert_string_equal(full->argv[1], "y");
	assert_null(full->argv[2]);
	assert_string_equal(full->envp[0], "E=1");
	assert_null(full->envp[1]);
	assert_int_equal(full->timeout, 9);
}

static void an_empty_environment_is_one(void **state)
{
	(void) state;
	assert_int_equal(plan_hooks(HOOKS("\"prestart\": [{ \"path\": \"/a\", \"env\": [] }]")), 1);
	assert_non_null(planner.steps[0].hook.envp);
	assert_null(planner.steps[0].hook.envp[0]);
}

static void without_a_process_nothing_is_run_at_start(void **state)
{
	(void) state;
	assert_int_equal(
		plan_hooks("{ \"ociVersion\": \"1.3.0\", \"hooks\": { \"prestart\": [{ \"path\": "
			   "\"/a\" }], \"startContainer\": [{ \"path\": \"/b\" }] } }"),
		1);
}

static void bad_hooks_are_refused_at_create(void **state)
{
	struct plan_case c = plan_case_of_root();

	(void) state;
	c.subjects[0] = plan_create_hooks;
	c.subjects[1] = plan_start_hooks;
	plan_case_refuses(&c, HOOKS("\"prestart\": [{ \"path\": \"/a\" }, { \"path\": \"x\" }]"),
			  "/hooks/prestart/1/path: hook path \"x\" is not absolute");
	plan_case_refuses(&c, HOOKS("\"createContainer\": [{ \"path\": \"\" }]"),
			  "/hooks/createContainer/0/path: hook path \"\" is not absolute");
	plan_case_refuses(&c, HOOKS("\"startContainer\": [{ \"path\": \"bin/x\" }]"),
			  "/hooks/startContainer/0/path: hook path \"bin/x\" is not absolute");
	plan_case_refuses(&c, HOOKS("\"poststart\": [{ \"path\": \"./x\" }]"),
			  "/hooks/poststart/0/path: hook path \"./x\" is not absolute");
	plan_case_refuses(&c, HOOKS("\"poststop\": [{ \"path\": \"x\" }]"),
			  "/hooks/poststop/0/path: hook path \"x\" is not absolute");
}

static void every_stage_has_a_name(void **state)
{
	(void) state;
	for (size_t i = 0; i < HOOK_STAGES; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(hook_stage_names[i], hook_stage_names[j]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks_run_by_stage_then_in_listed_order),
		cmocka_unit_test(what_is_not_given_is_the_path_who_runs_it_and_for_ever),
		cmocka_unit_test(an_empty_environment_is_one),
		cmocka_unit_test(without_a_process_nothing_is_run_at_start),
		cmocka_unit_test(bad_hooks_are_refused_at_create),
		cmocka_unit_test(every_stage_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
