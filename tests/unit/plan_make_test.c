/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_make_test.c - plan/plan.c and plan/facts.c: a whole plan
 */
#include "plan_harness.h"

#include "base/table.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "plan/accounts.h"

#include <sys/stat.h>
#include <unistd.h>

#define CONFIG(more)                                                                                  \
	"{ \"ociVersion\": \"1.2.1\", \"root\": { \"path\": \"/tmp\" },"                              \
	" \"process\": { \"cwd\": \"/\", \"args\": [\"sh\"], \"user\": { \"uid\": 0, \"gid\": 0 } }," \
	" \"linux\": { \"namespaces\": [{ \"type\": \"mount\" }, { \"type\": \"pid\" }] }" more       \
	" }"

static struct arena arena;
static const char *const *own_env; /* of the next plan */

static const struct plan *make(const char *json, const char *const **warnings)
{
	struct plan_case c = plan_case_of_root();
	const struct plan *plan = NULL;
	struct err e = { 0 };

	c.options.wait_for_start = true;
	c.options.detach = true;
	c.options.listen_fds = 2;
	c.options.flags.preserve_fds = 1;
	c.options.flags.fail_step = 9;
	c.options.own_env = own_env;
	arena_open(&arena);
	assert_ptr_equal(plan_reserve(&arena), arena.base);

	struct oci_config *config = plan_case_decode(json, &arena);
	if (plan_make(&arena, &arena, config, &c.options, &c.facts, &plan, warnings, &e) < 0)
		fail_msg("%s: %s", e.place, e.text);

	return plan;
}

static void the_plan_is_at_the_start_of_its_arena(void **state)
{
	const char *const *warnings;
	const struct plan *plan = make(CONFIG(""), &warnings);

	(void) state;
	assert_ptr_equal(plan, arena.base);
	assert_int_equal(plan->version, PLAN_VERSION);
	assert_string_equal(plan->id, "web");
	assert_string_equal(plan->bundle, "/b");
	assert_string_equal(plan->rootfs, "/tmp");
	assert_int_equal(plan->first_fd, 6);
	assert_int_equal(plan->umask, 022);
	assert_int_equal(plan->fail_step, 9);
	assert_non_null(warnings);
	assert_null(warnings[0]);
}

static void steps_are_in_the_order_of_a_start(void **state)
{
	const char *const *warnings;
	const struct plan *plan = make(CONFIG(""), &warnings);

	(void) state;
	assert_int_equal(plan->steps[0].op, OP_CLAIM_ID);
	assert_string_equal(plan->steps[0].path, "/run/tare/web");
	assert_int_equal(plan->steps[plan->spawn].op, OP_SPAWN);
	assert_int_equal(plan->steps[plan->spawn].spawn.namespaces, CLONE_NEWNS | CLONE_NEWPID);
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];

		assert_int_equal(s->on_host, step_kinds[s->op].side == SIDE_HOST);
		/* hooks are run at several points; all else is in the order of enum step_op */
		if (i > 0 && s->op != OP_RUN_HOST_HOOK && s->op != OP_RUN_HOOK)
			assert_true(s->op >= plan->steps[i - 1].op);
	}
}

/* Behind all mounts of config.json, one of which may be on /run. */
static void a_notify_socket_is_made_mounted_and_named(void **state)
{
	static const char *const with_socket[] = { "NOTIFY_SOCKET=@manager", NULL };
	const char *const *warnings, *const *env;
	const struct step *mount = NULL;

	(void) state;
	own_env = with_socket;
	const struct plan *plan =
		make(CONFIG(", \"mounts\": [{ \"destination\": \"/run\", \"type\": \"tmpfs\" }]"),
		     &warnings);
	own_env = NULL;

	assert_int_equal(plan->steps[1].op, OP_MAKE_NOTIFY);
	assert_string_equal(plan->steps[1].path, "/run/tare/web/notify");
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].op == OP_MOUNT)
			mount = &plan->steps[i];
	assert_non_null(mount);
	assert_string_equal(mount->mount.target, "/run/notify");
	assert_string_equal(mount->mount.source, "/run/tare/web/notify");
	assert_true(mount->mount.bind);
	assert_false(mount->mount.source_from_host);
	assert_int_equal(mount->mount.attrs.set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
							 MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	for (env = plan->steps[plan->step_count - 1].exec.envp; env[1]; env++)
		;
	assert_string_equal(*env, "NOTIFY_SOCKET=/run/notify/notify.sock");
}

static void hooks_read_the_state_of_the_spec(void **state)
{
	const char *const *warnings;
	const struct plan *plan = make(
		CONFIG(", \"hooks\": {}, \"annotations\": { \"a.b\": \"1\", \"q\\\"\": \"\\n\" }"),
		&warnings);

	(void) state;
	assert_string_equal(plan->state_head,
			    "{\"ociVersion\":\"1.2.1\",\"id\":\"web\",\"status\":\"");
	assert_string_equal(
		plan->state_tail,
		",\"bundle\":\"/b\",\"annotations\":{\"a.b\":\"1\",\"q\\\"\":\"\\n\"}}");

	plan = make(CONFIG(", \"hooks\": {}, \"annotations\": {}"), &warnings);
	assert_string_equal(plan->state_tail, ",\"bundle\":\"/b\"}");
}

static void warnings_keep_their_order(void **state)
{
	struct planner p = { .arena = &arena };

	(void) state;
	arena_open(&arena);
	plan_warn(&p, "first %d", 1);
	plan_warn(&p, "second");
	assert_string_equal(p.warnings[0], "first 1");
	assert_string_equal(p.warnings[1], "second");
	assert_null(p.warnings[2]);
}

static void many_steps_keep_what_they_were_given(void **state)
{
	struct planner p = { .arena = &arena };

	(void) state;
	arena_open(&arena);
	for (int i = 0; i < 1000; i++)
		plan_add(&p, OP_SET_UMASK, "")->number = i;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(p.steps[i].number, i);
	assert_int_equal(p.count, 1000);
}

static void facts_are_those_of_this_process(void **state)
{
	struct facts facts;
	struct err e = { 0 };
	mode_t before = umask(027);

	(void) state;
	arena_open(&arena);
	assert_int_equal(facts_gather(&facts, &arena, &e), 0);
	assert_int_equal(umask(before), 027);
	assert_int_equal(facts.umask, 027);
	assert_int_equal(facts.euid, geteuid());
	assert_int_equal(facts.egid, getegid());
	assert_true(facts.last_cap >= 35 && facts.last_cap <= 63);
	if (geteuid() == 0) {
		assert_null(facts.user_name);
		assert_int_equal(facts.sub_uids.count, 0);
	}
}

static void users_are_found_in_their_tables(void **state)
{
	static const char passwd[] = "root:x:0:0::/root:/bin/sh\n"
				     "broken line\n"
				     "odd:x:1000x:5::/:\n"
				     "alice:x:1000:1000:Alice:/home/alice:/bin/sh\n"
				     "last:x:7";

	(void) state;
	arena_open(&arena);
	assert_string_equal(account_name(passwd, 0, &arena), "root");
	assert_string_equal(account_name(passwd, 1000, &arena), "alice");
	assert_null(account_name(passwd, 7, &arena));
	assert_null(account_name(passwd, 1, &arena));
	assert_null(account_name("", 0, &arena));
}

static void ranges_are_found_by_name_or_number(void **state)
{
	static const char table[] = "alic:1:1\n"
				    "alice:x:65536\n"
				    "alice:4294967000:65536\n"
				    "alice:100000:0\n"
				    "alice:100000:65536\n"
				    "alice:200000:65536\n"
				    "1001:300000:10";

	(void) state;
	struct id_range range = account_sub_range(table, "alice", 1000);
	assert_int_equal(range.inside, 1);
	assert_int_equal(range.outside, 100000);
	assert_int_equal(range.count, 65536);
	assert_int_equal(account_sub_range(table, NULL, 1001).outside, 300000);
	assert_int_equal(account_sub_range(table, "bob", 1002).count, 0);
	assert_int_equal(account_sub_range(table, "", 1002).count, 0);
}

/* Each was once put behind a copy of all before it, for which a gigabyte is not enough. */
static void a_hundred_thousand_warnings_are_kept(void **state)
{
	struct planner p = { .arena = &arena };
	char text[32];

	(void) state;
	arena_open(&arena);
	for (unsigned i = 0; i < 100000; i++)
		plan_warn(&p, "%u", i);
	for (unsigned i = 0; i < 100000; i++) {
		fmt_text(text, sizeof(text), "%u", i);
		assert_string_equal(p.warnings[i], text);
	}
	assert_null(p.warnings[100000]);
	assert_true(arena.used < (64 << 20));
	arena_close(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plan_is_at_the_start_of_its_arena),
		cmocka_unit_test(steps_are_in_the_order_of_a_start),
		cmocka_unit_test(a_notify_socket_is_made_mounted_and_named),
		cmocka_unit_test(hooks_read_the_state_of_the_spec),
		cmocka_unit_test(warnings_keep_their_order),
		cmocka_unit_test(many_steps_keep_what_they_were_given),
		cmocka_unit_test(facts_are_those_of_this_process),
		cmocka_unit_test(users_are_found_in_their_tables),
		cmocka_unit_test(ranges_are_found_by_name_or_number),
		cmocka_unit_test(a_hundred_thousand_warnings_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
