/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How flags are read: each rule that an engine relies on (docs/CONTRACT.md, section B), by the tables of
 * the verbs themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/table.h"
#include "cli/verb.h"
#include "heap/log.h"

#define WORDS(...) ((const char *const[]) { __VA_ARGS__, NULL })
#define NOTHING	   ((const char *const[]) { NULL })

static struct arena arena;
static const char *const no_env[] = { NULL };

static struct call call;
static struct err e;

/* Read words as those behind @verb. */
static int parse(const struct verb *verb, const char *const *argv)
{
	call = (struct call) { .arena = &arena, .env = no_env };
	e = (struct err) { 0 };

	return verb_parse(verb, argv, &call, &e);
}

static int parse_global(const char *const *argv)
{
	const struct flag_table *tables[] = { &global_flags, &common_flags, NULL };

	call = (struct call) { .arena = &arena, .env = no_env };
	e = (struct err) { 0 };

	return options_parse(tables, true, argv, &arena, &call.options, &call.args, &e);
}

static void refused(int r, const char *line)
{
	char buf[ERR_TEXT];

	assert_int_equal(r, -1);
	err_line(&e, buf, sizeof(buf));
	assert_string_equal(buf, line);
}

/* ---- values ---- */

static void a_value_is_behind_a_blank_or_an_equals_sign(void **state)
{
	const char *const *forms[] = {
		WORDS("--bundle", "/b", "web"), WORDS("--bundle=/b", "web"),
		WORDS("-bundle", "/b", "web"),	WORDS("-bundle=/b", "web"),
		WORDS("-b", "/b", "web"),	WORDS("-b=/b", "web"),
		WORDS("--b", "/b", "web"),	WORDS("--b=/b", "web"),
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		assert_int_equal(parse(&verb_create, forms[i]), 0);
		assert_string_equal(call.options.bundle, "/b");
		assert_string_equal(call.id, "web");
	}
}

static void a_value_may_look_like_a_flag_or_be_empty(void **state)
{
	(void) state;
	assert_int_equal(parse(&verb_create, WORDS("--pid-file", "-d", "--bundle=", "web")), 0);
	assert_string_equal(call.options.pid_file, "-d");
	assert_string_equal(call.options.bundle, "");
	assert_int_equal(parse(&verb_create, WORDS("--pid-file=a=b", "web")), 0);
	assert_string_equal(call.options.pid_file, "a=b");
}

static void a_boolean_takes_no_word_but_a_value_behind_an_equals_sign(void **state)
{
	static const char *const yes[] = { "-d",     "--detach", "-detach", "--detach=true",
					   "-d=1",   "-d=t",	 "-d=T",    "--detach=TRUE",
					   "-d=True" };
	static const char *const no[] = { "-d=false", "--detach=0", "-d=f",
					  "-d=F",     "-d=FALSE",   "-detach=False" };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		assert_int_equal(parse(&verb_run, WORDS(yes[i], "true")), 0);
		assert_true(call.options.detach);
		assert_string_equal(call.id, "true");
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		assert_int_equal(parse(&verb_run, WORDS("-d", no[i], "web")), 0);
		assert_false(call.options.detach);
	}
}

static void the_last_of_several_wins(void **state)
{
	(void) state;
	assert_int_equal(parse(&verb_create, WORDS("-b", "x", "--bundle=y", "web")), 0);
	assert_string_equal(call.options.bundle, "y");
}

static void a_number_is_digits_only(void **state)
{
	(void) state;
	assert_int_equal(parse(&verb_create, WORDS("--preserve-fds", "12", "web")), 0);
	assert_int_equal(call.options.flags.preserve_fds, 12);
	refused(parse(&verb_create, WORDS("--preserve-fds", "-1", "web")),
		"invalid value \"-1\" for --preserve-fds: it is a number from 0 to 2147483647");
	refused(parse(&verb_create, WORDS("--preserve-fds=", "web")),
		"invalid value \"\" for --preserve-fds: it is a number from 0 to 2147483647");
	assert_int_equal(parse(&verb_create, WORDS("--preserve-fds=2147483648", "web")), -1);
}

static void a_word_is_one_of_the_list(void **state)
{
	(void) state;
	assert_int_equal(parse_global(NOTHING), 0);
	assert_int_equal(call.options.log_format, LOG_TEXT);
	assert_int_equal(parse_global(WORDS("--log-format", "json")), 0);
	assert_int_equal(call.options.log_format, LOG_JSON);
	refused(parse_global(WORDS("--log-format", "xml")),
		"invalid value \"xml\" for --log-format: it is one of text|json");
	assert_int_equal(parse_global(WORDS("--log-format=")), -1);
	assert_int_equal(parse_global(WORDS("--log-format=text|json")), -1);
	assert_int_equal(parse_global(WORDS("--log-format=tex")), -1);
	assert_int_equal(parse_global(WORDS("--cgroup-manager=disabled", "list")), 0);
	assert_int_equal(call.options.cgroup_manager, CGROUP_MANAGER_DISABLED);
}

static void a_bad_boolean_is_named(void **state)
{
	(void) state;
	refused(parse(&verb_run, WORDS("--keep=maybe", "web")),
		"invalid value \"maybe\" for --keep: it is true or false");
}

/* ---- what is no flag ---- */

static void an_unknown_flag_is_told_in_the_words_of_go(void **state)
{
	(void) state;
	refused(parse(&verb_create, WORDS("--no-such-flag", "web")),
		"flag provided but not defined: -no-such-flag");
	refused(parse(&verb_create, WORDS("-x", "web")), "flag provided but not defined: -x");
	refused(parse(&verb_create, WORDS("--no-such=1", "web")),
		"flag provided but not defined: -no-such");
	refused(parse(&verb_create, WORDS("--bundel", "/b", "web")),
		"flag provided but not defined: -bundel (did you mean \"--bundle\"?)");
	refused(parse_global(WORDS("---root", "x")),
		"flag provided but not defined: --root (did you mean \"--root\"?)");
	refused(parse_global(WORDS("--=x")), "flag provided but not defined: -");
	/* Flags of another verb are unknown too. */
	assert_int_equal(parse(&verb_start, WORDS("--bundle", "/b", "web")), -1);
	assert_int_equal(parse(&verb_create, WORDS("--root", "/r", "web")), -1);
}

static void a_missing_value_is_told_in_the_words_of_go(void **state)
{
	(void) state;
	refused(parse(&verb_create, WORDS("--bundle")), "flag needs an argument: --bundle");
	refused(parse(&verb_create, WORDS("-bundle")), "flag needs an argument: -bundle");
	refused(parse(&verb_create, WORDS("-b")), "flag needs an argument: -b");
	refused(parse_global(WORDS("--root")), "flag needs an argument: --root");
}

static void two_dashes_end_the_flags(void **state)
{
	(void) state;
	assert_int_equal(parse(&verb_delete, WORDS("-f", "--", "web")), 0);
	assert_true(call.options.force);
	assert_string_equal(call.id, "web");
	assert_int_equal(parse(&verb_delete, WORDS("--", "-f")), -1);
	assert_false(call.options.force);
}

static void one_dash_alone_is_an_argument(void **state)
{
	(void) state;
	assert_int_equal(parse(&verb_help, WORDS("-")), 0);
	assert_string_equal(call.args.items[0], "-");
}

/* ---- arguments ---- */

static void flags_of_kill_end_at_the_id(void **state)
{
	(void) state;
	assert_int_equal(parse(&verb_kill, WORDS("-a", "web", "--help")), 0);
	assert_true(call.options.all);
	assert_false(call.options.help);
	assert_string_equal(call.args.items[1], "--help");
	assert_int_equal(parse(&verb_kill, WORDS("web", "-9")), 0);
	assert_string_equal(call.args.items[1], "-9");
}

static void flags_before_the_verb_end_at_the_verb(void **state)
{
	(void) state;
	assert_int_equal(parse_global(WORDS("--debug", "--rootless=true", "create", "--bundle",
					    "/b", "--debug", "web")),
			 0);
	assert_true(call.options.debug);
	assert_int_equal(call.args.count, 5);
	assert_string_equal(call.args.items[0], "create");
	assert_string_equal(call.args.items[3], "--debug");
	assert_null(call.args.items[5]);
}

/* Slurm's oci.conf: `run ID -b DIR`. */
static void flags_may_follow_an_id_that_nothing_else_follows(void **state)
{
	(void) state;
	assert_int_equal(parse(&verb_run, WORDS("web", "-b", "/b")), 0);
	assert_string_equal(call.id, "web");
	assert_string_equal(call.options.bundle, "/b");
}

static void the_number_of_arguments_is_checked(void **state)
{
	(void) state;
	refused(parse(&verb_start, NOTHING), "no container ID given (tare start ID)");
	refused(parse(&verb_kill, NOTHING), "no container ID given (tare kill ID [SIGNAL])");
	refused(parse(&verb_start, WORDS("a", "b")), "unexpected argument \"b\"");
	refused(parse(&verb_create, WORDS("a", "b")), "unexpected argument \"b\"");
	refused(parse(&verb_kill, WORDS("a", "TERM", "x")), "unexpected argument \"x\"");
	refused(parse(&verb_list, WORDS("a")), "unexpected argument \"a\"");
	assert_int_equal(parse(&verb_plan, NOTHING), 0);
	assert_null(call.id);
}

static void an_id_is_checked_but_not_a_pattern(void **state)
{
	(void) state;
	assert_int_equal(parse(&verb_start, WORDS("a/b")), -1);
	assert_non_null(strstr(e.text, "invalid container ID format"));
	assert_int_equal(parse(&verb_delete, WORDS("--force", "..")), -1);
	assert_int_equal(parse(&verb_kill, WORDS("--regex", "^(a|b)$")), 0);
}

static void help_needs_no_arguments(void **state)
{
	(void) state;
	for (size_t i = 0; verbs[i]; i++) {
		assert_int_equal(parse(verbs[i], WORDS("--help")), 0);
		assert_true(call.options.help);
		assert_int_equal(parse(verbs[i], WORDS("-h")), 0);
		assert_true(call.options.help);
	}
}

/* ---- what engines send ---- */

static void the_words_of_engines_are_understood(void **state)
{
	(void) state;
	assert_int_equal(parse(&verb_create,
			       WORDS("--bundle", "/b", "--pid-file", "/p", "--console-socket", "/s",
				     "--pidfd-socket", "/q", "--no-pivot", "--no-new-keyring",
				     "--detach", "--preserve-fds", "2", "-no-subreaper", "web")),
			 0);

	struct create_options o = create_options_of(&call);
	assert_string_equal(o.id, "web");
	assert_string_equal(o.bundle, "/b");
	assert_null(o.config);
	assert_string_equal(o.pid_file, "/p");
	assert_string_equal(o.console_socket, "/s");
	assert_string_equal(o.pidfd_socket, "/q");
	assert_true(o.flags.no_pivot && o.flags.no_new_keyring);
	assert_false(o.detach || o.keep || o.run || o.flags.no_cgroup || o.flags.systemd_cgroup);
	assert_int_equal(o.flags.preserve_fds, 2);

	const char *const *const global[] = {
		WORDS("--root", "/run/containerd/runc/x", "--log", "/b/log.json", "--log-format",
		      "json", "--systemd-cgroup", "--rootless=true", "state"),
		WORDS("--log-format=json", "--log", "/l", "--cgroup-manager", "disabled", "create"),
		WORDS("--log=/l", "--log-level=debug", "--root=/r", "create"),
		WORDS("--debug=false", "--rootless", "auto", "--systemd-log", "list"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(global); i++)
		assert_int_equal(parse_global(global[i]), 0);
}

static void the_bundle_is_the_working_directory_unless_given(void **state)
{
	(void) state;
	assert_int_equal(parse(&verb_create, WORDS("web")), 0);
	assert_string_equal(create_options_of(&call).bundle, ".");
}

static void the_version_has_three_spellings(void **state)
{
	static const char *const spellings[] = { "--version", "-v", "-V", "-version" };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
		assert_int_equal(parse_global(WORDS(spellings[i])), 0);
		assert_true(call.options.version);
	}
}

/* ---- verbs ---- */

static void an_unknown_verb_brings_the_nearest_to_mind(void **state)
{
	(void) state;
	refused(verb_unknown("creat", &e),
		"unknown command \"creat\", did you mean \"create\"? No help topic for 'creat'");
	refused(verb_unknown("delte", &e),
		"unknown command \"delte\", did you mean \"delete\"? No help topic for 'delte'");
	refused(verb_unknown("frobnicate", &e),
		"unknown command \"frobnicate\": No help topic for 'frobnicate' (see \"tare --help\")");
	assert_null(verb_find("creat"));
	assert_null(verb_find(""));
}

static void the_table_of_verbs_is_sound(void **state)
{
	static const char *const wanted[] = { "create", "start", "state", "kill",     "delete",
					      "run",	"list",	 "spec",  "features", "plan" };

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		assert_non_null(verb_find(wanted[i]));
	for (size_t i = 0; verbs[i]; i++) {
		assert_ptr_equal(verb_find(verbs[i]->name), verbs[i]);
		assert_non_null(verbs[i]->perform);
		assert_true(verbs[i]->least <= verbs[i]->most);
		assert_true(!verbs[i]->takes_id || verbs[i]->most > 0);
		assert_null(verbs[i]->tables[ARRAY_SIZE(verbs[i]->tables) - 1]);
	}
}

static void check_unique(const struct flag_table *const *tables)
{
	const struct flag *all[128];
	size_t count = 0;

	for (; *tables; tables++) {
		assert_true(count + (*tables)->count <= ARRAY_SIZE(all));
		for (size_t i = 0; i < (*tables)->count; i++)
			all[count++] = &(*tables)->rows[i];
	}
	for (size_t i = 0; i < count; i++) {
		assert_true(strlen(all[i]->name) > 1);
		assert_true(all[i]->kind == FLAG_BOOL || all[i]->value);
		for (size_t j = 0; j < i; j++) {
			if (!all[i]->hidden)
				assert_string_not_equal(all[i]->name, all[j]->name);
			if (all[i]->letter != '\0')
				assert_int_not_equal(all[i]->letter, all[j]->letter);
		}
	}
}

static void names_and_letters_of_flags_are_unique(void **state)
{
	const struct flag_table *global[] = { &global_flags, &common_flags, NULL };

	(void) state;
	check_unique(global);
	for (size_t i = 0; verbs[i]; i++) {
		const struct flag_table *tables[ARRAY_SIZE(verbs[i]->tables) + 1] = {
			&common_flags
		};

		memcpy(tables + 1, verbs[i]->tables, sizeof(verbs[i]->tables));
		check_unique(tables);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_behind_a_blank_or_an_equals_sign),
		cmocka_unit_test(a_value_may_look_like_a_flag_or_be_empty),
		cmocka_unit_test(a_boolean_takes_no_word_but_a_value_behind_an_equals_sign),
		cmocka_unit_test(the_last_of_several_wins),
		cmocka_unit_test(a_number_is_digits_only),
		cmocka_unit_test(a_word_is_one_of_the_list),
		cmocka_unit_test(a_bad_boolean_is_named),
		cmocka_unit_test(an_unknown_flag_is_told_in_the_words_of_go),
		cmocka_unit_test(a_missing_value_is_told_in_the_words_of_go),
		cmocka_unit_test(two_dashes_end_the_flags),
		cmocka_unit_test(one_dash_alone_is_an_argument),
		cmocka_unit_test(flags_of_kill_end_at_the_id),
		cmocka_unit_test(flags_before_the_verb_end_at_the_verb),
		cmocka_unit_test(flags_may_follow_an_id_that_nothing_else_follows),
		cmocka_unit_test(the_number_of_arguments_is_checked),
		cmocka_unit_test(an_id_is_checked_but_not_a_pattern),
		cmocka_unit_test(help_needs_no_arguments),
		cmocka_unit_test(the_words_of_engines_are_understood),
		cmocka_unit_test(the_bundle_is_the_working_directory_unless_given),
		cmocka_unit_test(the_version_has_three_spellings),
		cmocka_unit_test(an_unknown_verb_brings_the_nearest_to_mind),
		cmocka_unit_test(the_table_of_verbs_is_sound),
		cmocka_unit_test(names_and_letters_of_flags_are_unique),
	};

	arena_open(&arena);

	return cmocka_run_group_tests(tests, NULL, NULL);
}
