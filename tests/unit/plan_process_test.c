/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_process_test.c - plan/version.c, process.c, identity.c, rlimits.c,
 * user.c
 */
#include "plan_harness.h"

#include "kernel/process.h"

#include <linux/capability.h>

#define CONFIG(more)  "{ \"ociVersion\": \"1.3.0\"" more " }"
#define PROCESS(more) CONFIG(", \"process\": { \"cwd\": \"/\", \"args\": [\"sh\"]" more " }")
#define LINUX(more)   CONFIG(", \"linux\": { " more " }")
#define NEW(type)     "\"namespaces\": [{ \"type\": \"" type "\" }]"

static struct plan_case asking(plan_subject *subject)
{
	struct plan_case c = plan_case_of_root();

	c.subjects[0] = plan_namespaces;
	c.subjects[1] = subject;

	return c;
}

/* ---- version ---- */

static void versions_of_our_major_version_are_accepted(void **state)
{
	static const char *const good[] = { "1.0.0",	 "1.0.2-dev", "1.0.0-rc.1+build.5",
					    "1.1.0+dev", "1.2.1-dev", "1.3.0",
					    "1.3.7",	 "1.4.0",     "1.30.0-rc1" };
	struct plan_case c = asking(plan_version);
	char json[256];

	(void) state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		fmt_text(json, sizeof(json), "{ \"ociVersion\": \"%s\" }", good[i]);
		plan_case_gives(&c, json, "");
	}
}

static void other_versions_are_refused(void **state)
{
	static const char *const unknown[] = { "2.0.0", "0.9.0", "2.0.0-rc1" };
	static const char *const wrong[] = {
		"",	  "1",	    "1.0",	 "1.0.0.0",	   "1.00.0",
		"v1.0.0", "1.0.x",  "1.0.0-",	 "1.0.0+",	   "1.0.0-a..b",
		"1.0.0 ", " 1.0.0", "1.0.0-a_b", "99999999999.0.0"
	};
	struct plan_case c = asking(plan_version);
	char json[256], line[256];

	(void) state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		fmt_text(json, sizeof(json), "{ \"ociVersion\": \"%s\" }", unknown[i]);
		fmt_text(
			line, sizeof(line),
			"/ociVersion: unsupported ociVersion \"%s\", tare implements 1.3.0 and older 1.x",
			unknown[i]);
		plan_case_refuses(&c, json, line);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fmt_text(json, sizeof(json), "{ \"ociVersion\": \"%s\" }", wrong[i]);
		fmt_text(line, sizeof(line),
			 "/ociVersion: ociVersion \"%s\" is not a semantic version", wrong[i]);
		plan_case_refuses(&c, json, line);
	}
}

/* ---- values that ask for nothing ---- */

static void what_asks_for_nothing_passes(void **state)
{
	struct plan_case c = asking(plan_open_labels);

	(void) state;
	c.subjects[1] = plan_net_devices;
	c.subjects[2] = plan_resources;
	c.subjects[3] = NULL;
	plan_case_gives(&c, CONFIG(""), "");
	plan_case_gives(&c,
			PROCESS(", \"apparmorProfile\": \"\", \"selinuxLabel\": \"\", "
				"\"execCPUAffinity\": { \"initial\": \"0\" }"),
			"");
	plan_case_gives(
		&c,
		LINUX("\"netDevices\": {}, \"mountLabel\": \"\", "
		      "\"resources\": { \"blockIO\": { \"weight\": 0 }, \"hugepageLimits\": [], "
		      "\"network\": {}, \"rdma\": {}, \"unified\": {} }"),
		"");
}

/* ---- names ---- */

static void names_are_set_in_a_uts_namespace(void **state)
{
	struct plan_case c = asking(plan_hostname);

	(void) state;
	plan_case_gives(
		&c,
		CONFIG(", \"hostname\": \"box\", \"domainname\": \"lan\", \"linux\": { " NEW(
			"uts") " }"),
		"set-hostname \"box\" [/hostname]\nset-domainname \"lan\" [/domainname]\n");
	plan_case_gives(&c, CONFIG(", \"hostname\": \"\""), "");
}

static void the_host_is_never_renamed(void **state)
{
	struct plan_case c = asking(plan_hostname);

	(void) state;
	plan_case_refuses(
		&c, CONFIG(", \"hostname\": \"box\""),
		"/hostname: hostname \"box\" needs a uts namespace that is not the host's");
	plan_case_refuses(
		&c, CONFIG(", \"domainname\": \"lan\""),
		"/domainname: domainname \"lan\" needs a uts namespace that is not the host's");
	/* To join the namespace that we are in changes nothing. */
	plan_case_refuses(
		&c,
		CONFIG(", \"hostname\": \"box\", \"linux\": { \"namespaces\": [{ \"type\": "
		       "\"uts\", \"path\": \"/proc/self/ns/uts\" }] }"),
		"/hostname: hostname \"box\" needs a uts namespace that is not the host's");
	plan_case_gives(&c,
			CONFIG(", \"hostname\": \"box\", \"linux\": { \"namespaces\": [{ \"type\": "
			       "\"uts\", \"path\": \"/run/netns/other\" }] }"),
			"set-hostname \"box\" [/hostname]\n");
}

static void a_long_name_is_refused(void **state)
{
#define LONG "aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbccccc"
	struct plan_case c = asking(plan_hostname);

	(void) state;
	plan_case_refuses(&c, CONFIG(", \"hostname\": \"" LONG "\", \"linux\": { " NEW("uts") " }"),
			  "/hostname: hostname \"" LONG "\" is longer than 64 bytes");
#undef LONG
}

/* ---- small steps ---- */

static void oom_score_is_set_as_given(void **state)
{
	struct plan_case c = asking(plan_oom_score);

	(void) state;
	plan_case_gives(&c, CONFIG(""), "");
	plan_case_gives(&c, PROCESS(""), "");
	plan_case_gives(&c, PROCESS(", \"oomScoreAdj\": 0"),
			"set-oom-score 0 [/process/oomScoreAdj]\n");
	plan_case_gives(&c, PROCESS(", \"oomScoreAdj\": -1000"),
			"set-oom-score -1000 [/process/oomScoreAdj]\n");
}

static void keyring_is_new_unless_told(void **state)
{
	struct plan_case c = asking(plan_keyring);

	(void) state;
	plan_case_gives(&c, CONFIG(""), "new-keyring\n");
	c.options.flags.no_new_keyring = true;
	plan_case_gives(&c, CONFIG(""), "");
}

static void only_create_waits(void **state)
{
	struct plan_case c = asking(plan_wait);

	(void) state;
	plan_case_gives(&c, CONFIG(""), "");
	c.options.wait_for_start = true;
	plan_case_gives(&c, CONFIG(""), "wait-for-start\n");
}

static void no_new_privs_is_set_where_asked(void **state)
{
	struct plan_case c = asking(plan_no_new_privs);

	(void) state;
	plan_case_gives(&c, PROCESS(""), "");
	plan_case_gives(&c, PROCESS(", \"noNewPrivileges\": false"), "");
	plan_case_gives(&c, PROCESS(", \"noNewPrivileges\": true"),
			"no-new-privs [/process/noNewPrivileges]\n");
}

/* ---- the program ---- */

static const struct exec_step *exec_of(struct plan_case *c, const char *json)
{
	static struct planner p;
	static struct arena a;
	static struct plan plan;
	struct err e = { 0 };

	arena_open(&a);
	p = (struct planner) {
		.arena = &a,
		.config = plan_case_decode(json, &a),
		.options = &c->options,
		.facts = &c->facts,
		.plan = &plan,
	};
	if (plan_prepare_exec(&p, &e) < 0 || plan_exec(&p, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(p.count, 2);
	assert_int_equal(p.steps[0].op, OP_PREPARE_EXEC);
	assert_int_equal(p.steps[1].op, OP_EXEC);
	assert_memory_equal(&p.steps[0].exec, &p.steps[1].exec, sizeof(struct exec_step));

	return &p.steps[1].exec;
}

static void expect_list(const char *const *list, const char *const *expected)
{
	for (; *expected; list++, expected++) {
		assert_non_null(*list);
		assert_string_equal(*list, *expected);
	}
	assert_null(*list);
}

static void the_last_of_a_name_stays(void **state)
{
	struct plan_case c = plan_case_of_root();
	const struct exec_step *exec = exec_of(
		&c,
		PROCESS(", \"env\": [\"A=1\", \"B=2\", \"A=3\", \"AB=4\", \"A\", \"C==\", \"PATH=/x\"]"));

	(void) state;
	expect_list(exec->envp,
		    (const char *const[]) { "B=2", "AB=4", "A", "C==", "PATH=/x", NULL });
	expect_list(exec->argv, (const char *const[]) { "sh", NULL });
	assert_string_equal(exec->search_path, "/x");
	assert_true(exec->home_missing);
	assert_int_equal(exec->uid, 0);
}

static void an_empty_home_is_as_good_as_none(void **state)
{
	struct plan_case c = plan_case_of_root();
	const struct exec_step *exec = exec_of(
		&c, PROCESS(", \"user\": { \"uid\": 5, \"gid\": 0 }, \"env\": [\"HOME=/a\", "
			    "\"X=1\", \"HOME=\"]"));

	(void) state;
	expect_list(exec->envp, (const char *const[]) { "X=1", NULL });
	assert_true(exec->home_missing);
	assert_int_equal(exec->uid, 5);
	assert_string_equal(exec->search_path,
			    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	assert_false(exec_of(&c, PROCESS(", \"env\": [\"HOME=\", \"HOME=/a\"]"))->home_missing);
}

static void sockets_are_told_in_the_environment(void **state)
{
	static const char *const own_env[] = { "LISTEN_FDNAMES=a:b", NULL };
	struct plan_case c = plan_case_of_root();

	(void) state;
	c.options.listen_fds = 2;
	c.options.own_env = own_env;
	expect_list(exec_of(&c, PROCESS(", \"env\": [\"LISTEN_PID=99\", \"HOME=/\"]"))->envp,
		    (const char *const[]) { "HOME=/", "LISTEN_FDS=2", "LISTEN_PID=1",
					    "LISTEN_FDNAMES=a:b", NULL });
}

static void a_large_environment_takes_no_time(void **state)
{
	struct plan_case c = plan_case_of_root();
	size_t count = 50000, size = count * 24 + 200, used = 0;
	char *json = test_malloc(size);

	(void) state;
	used += fmt_text(
		json, size,
		"{\"ociVersion\":\"1.3.0\",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"env\":[");
	for (size_t i = 0; i < count; i++)
		used += fmt_text(json + used, size - used, "%s\"V%zu=1\"", i ? "," : "", i % 40000);
	fmt_text(json + used, size - used, "]}}");

	const struct exec_step *exec = exec_of(&c, json);
	assert_string_equal(exec->envp[0], "V10000=1");
	assert_non_null(exec->envp[39999]);
	assert_null(exec->envp[40000]);
	test_free(json);
}

static void a_process_may_be_absent_at_create_only(void **state)
{
	struct plan_case c = asking(plan_prepare_exec);

	(void) state;
	plan_case_refuses(&c, CONFIG(""), "/process: there is no process to run");
	plan_case_refuses(&c, CONFIG(", \"process\": { \"cwd\": \"/\" }"),
			  "/process/args: there must be at least one argument");
	c.options.wait_for_start = true;
	c.subjects[2] = plan_user;
	c.subjects[3] = plan_rlimits;
	c.subjects[4] = plan_seccomp;
	c.subjects[5] = plan_exec;
	plan_case_gives(
		&c,
		CONFIG(", \"linux\": { \"seccomp\": { \"defaultAction\": \"SCMP_ACT_ALLOW\" } }"),
		"");
}

/* ---- rlimits ---- */

static void rlimits_in_their_order(void **state)
{
	struct plan_case c = asking(plan_rlimits);

	(void) state;
	plan_case_gives(
		&c,
		PROCESS(", \"rlimits\": [{ \"type\": \"RLIMIT_NOFILE\", \"soft\": 5, \"hard\": 6 }, "
			"{ \"type\": \"RLIMIT_CORE\", \"soft\": 0, \"hard\": 18446744073709551615 }]"),
		"set-rlimit RLIMIT_NOFILE 5:6 [/process/rlimits/0]\n"
		"set-rlimit RLIMIT_CORE 0:unlimited [/process/rlimits/1]\n");
}

static void bad_rlimits_are_refused(void **state)
{
	struct plan_case c = asking(plan_rlimits);

	(void) state;
	plan_case_refuses(
		&c,
		PROCESS(", \"rlimits\": [{ \"type\": \"RLIMIT_X\", \"soft\": 5, \"hard\": 6 }]"),
		"/process/rlimits/0/type: rlimit type \"RLIMIT_X\" is not known");
	plan_case_refuses(
		&c,
		PROCESS(", \"rlimits\": [{ \"type\": \"RLIMIT_CPU\", \"soft\": 5, \"hard\": 6 }, "
			"{ \"type\": \"RLIMIT_CPU\", \"soft\": 5, \"hard\": 6 }]"),
		"/process/rlimits/1/type: rlimit \"RLIMIT_CPU\" is given twice");
	plan_case_refuses(
		&c,
		PROCESS(", \"rlimits\": [{ \"type\": \"RLIMIT_CPU\", \"soft\": 7, \"hard\": 6 }]"),
		"/process/rlimits/0/soft: soft limit 7 is above the hard limit 6");
}

/* ---- user ---- */

#define NO_CAPS "bounding=none effective=none permitted=none inheritable=none ambient=none"

static const char *steps_of(struct plan_case *c, const char *json)
{
	if (plan_case_run(c, json) < 0)
		fail_msg("refused: %s", c->error);

	return c->text;
}

static void expect_in(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void rights_are_given_up_in_order(void **state)
{
	struct plan_case c = asking(plan_user);
	static const char *const order[] = { "change-dir ", "drop-bounding ", "set-user ",
					     "set-umask ", "set-caps " };
	const char *at = steps_of(&c, PROCESS(""));

	(void) state;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		assert_int_equal(strncmp(at, order[i], strlen(order[i])), 0);
		at = strchr(at, '\n') + 1;
	}
	assert_string_equal(at, "");
}

static void umask_is_the_callers_unless_given(void **state)
{
	struct plan_case c = asking(plan_user);

	(void) state;
	c.subjects[1] = plan_user;
	expect_in(steps_of(&c, PROCESS(", \"user\": { \"uid\": 1, \"gid\": 2, \"umask\": 512 }")),
		  "set-umask 0000 [/process/user/umask]");
	expect_in(steps_of(&c, PROCESS(", \"user\": { \"uid\": 1, \"gid\": 2, \"umask\": 63 }")),
		  "[/process/user/umask]");
}

static void cwd_must_be_absolute(void **state)
{
	struct plan_case c = asking(plan_user);

	(void) state;
	plan_case_refuses(&c, CONFIG(", \"process\": { \"cwd\": \"a/b\", \"args\": [\"x\"] }"),
			  "/process/cwd: cwd \"a/b\" is not absolute");
	plan_case_refuses(&c, CONFIG(", \"process\": { \"cwd\": \"\", \"args\": [\"x\"] }"),
			  "/process/cwd: cwd \"\" is not absolute");
}

#define ONE_ID                                                                                     \
	"\"linux\": { \"namespaces\": [{ \"type\": \"user\" }], \"uidMappings\": [{ "              \
	"\"containerID\": 0, \"hostID\": 1000, \"size\": 1 }], \"gidMappings\": [{ "               \
	"\"containerID\": 0, \"hostID\": 1001, \"size\": 1 }] }"

static void groups_that_can_not_be_set_are_refused(void **state)
{
	struct plan_case c = asking(plan_user);
	static const char groups[] = CONFIG(
		", \"process\": { \"cwd\": \"/\", \"args\": [\"x\"], \"user\": { \"uid\": 0, "
		"\"gid\": 0, \"additionalGids\": [5, 6] } }, " ONE_ID);

	(void) state;
	c.subjects[1] = plan_id_maps;
	c.subjects[2] = plan_user;
	c.facts = plan_case_of_user().facts;
	plan_case_refuses(
		&c, groups,
		"/process/user/additionalGids: groups can't be set: this user namespace has "
		"setgroups(2) denied (give the user a range in /etc/subgid and map it)");
	c.facts = plan_case_of_root().facts;
	expect_in(steps_of(&c, groups), "5");
	/* Of an outer user namespace. */
	c.facts.setgroups_allowed = false;
	plan_case_refuses(
		&c, groups,
		"/process/user/additionalGids: groups can't be set: this user namespace has "
		"setgroups(2) denied (give the user a range in /etc/subgid and map it)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_of_our_major_version_are_accepted),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(what_asks_for_nothing_passes),
		cmocka_unit_test(names_are_set_in_a_uts_namespace),
		cmocka_unit_test(the_host_is_never_renamed),
		cmocka_unit_test(a_long_name_is_refused),
		cmocka_unit_test(oom_score_is_set_as_given),
		cmocka_unit_test(keyring_is_new_unless_told),
		cmocka_unit_test(only_create_waits),
		cmocka_unit_test(no_new_privs_is_set_where_asked),
		cmocka_unit_test(the_last_of_a_name_stays),
		cmocka_unit_test(an_empty_home_is_as_good_as_none),
		cmocka_unit_test(sockets_are_told_in_the_environment),
		cmocka_unit_test(a_large_environment_takes_no_time),
		cmocka_unit_test(a_process_may_be_absent_at_create_only),
		cmocka_unit_test(rlimits_in_their_order),
		cmocka_unit_test(bad_rlimits_are_refused),
		cmocka_unit_test(rights_are_given_up_in_order),
		cmocka_unit_test(umask_is_the_callers_unless_given),
		cmocka_unit_test(cwd_must_be_absolute),
		cmocka_unit_test(groups_that_can_not_be_set_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
