/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the verbs print: help, tables, JSON, owners, the default root directory.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/table.h"
#include "cli/list.h"
#include "cli/owner.h"
#include "cli/root.h"
#include "cli/verb.h"

static struct arena arena;
static struct err e;

/* Something to print into, for captured() to read. */
static struct out *capture(void)
{
	static struct out out;

	out = (struct out) { .fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) };
	assert_true(out.fd >= 0);

	return &out;
}

static const char *captured(struct out *out)
{
	static char text[65536];

	assert_int_equal(out_flush(out), 0);

	ssize_t length = pread(out->fd, text, sizeof(text) - 1, 0);
	assert_true(length >= 0);
	text[length] = '\0';
	close(out->fd);

	return text;
}

/* ---- help ---- */

static void check_flags(const char *text, const struct flag_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct flag *flag = &table->rows[i];
		char word[128];

		if (flag->hidden)
			continue;

		const char *between = flag->kind == FLAG_MAYBE ? "[=" : " ";

		snprintf(word, sizeof(word), " --%s%s%s", flag->name, flag->value ? between : "",
			 flag->value ? flag->value : "");
		if (!strstr(text, word))
			fail_msg("%s is not in:\n%s", word, text);
		if (flag->letter != '\0') {
			snprintf(word, sizeof(word), "  -%c, --%s", flag->letter, flag->name);
			assert_non_null(strstr(text, word));
		}
		assert_non_null(strstr(text, flag->help));
	}
}

static void help_has_every_flag_of_the_tables(void **state)
{
	(void) state;
	for (size_t i = 0; verbs[i]; i++) {
		struct out *out = capture();

		help_print(out, verbs[i]);

		const char *text = captured(out);
		assert_non_null(strstr(text, verbs[i]->name));
		assert_non_null(strstr(text, verbs[i]->summary));
		for (size_t t = 0; verbs[i]->tables[t]; t++)
			check_flags(text, verbs[i]->tables[t]);
		check_flags(text, &common_flags);
	}
}

static void help_of_tare_has_every_verb_and_global_flag(void **state)
{
	struct out *out = capture();

	(void) state;
	help_print(out, NULL);

	const char *text = captured(out);
	for (size_t i = 0; verbs[i]; i++) {
		char word[64];

		snprintf(word, sizeof(word), "\n  %s ", verbs[i]->name);
		assert_non_null(strstr(text, word));
		assert_non_null(strstr(text, verbs[i]->summary));
	}
	check_flags(text, &global_flags);
	check_flags(text, &common_flags);
	assert_null(strstr(text, "test-fail-step"));
}

/* ---- containers ---- */

static const struct container two[] = {
	{
		.record = { .id = "a-name-longer-than-twelve",
			    .oci_version = "1.3.0",
			    .bundle = "/b\xc3\xa4",
			    .rootfs = "/r",
			    .created = "2026-11-21T19:36:16Z" },
		.status = STATUS_RUNNING,
		.pid = 123,
		.owner = "root",
	},
	{
		.record = { .id = "web",
			    .oci_version = "1.3.0",
			    .bundle = "/srv/web \"x\"",
			    .rootfs = "/r",
			    .created = "2026-11-21T19:36:17Z",
			    .annotations =
				    (const struct record_pair[]) { { "k", "v\n" }, { "l", "" } },
			    .annotation_count = 2 },
		.status = STATUS_STOPPED,
		.owner = "#1000",
	},
};

static void print_list(struct out *out, const char *word, const struct container *containers,
		       size_t count)
{
	struct format format;
	struct err e;

	assert_int_equal(list_read_format(word, &arena, &format, &e), 0);
	list_print(out, &format, containers, count, &arena);
}

static void the_table_is_aligned(void **state)
{
	struct out *out = capture();

	(void) state;
	print_list(out, NULL, two, ARRAY_SIZE(two));
	assert_string_equal(
		captured(out),
		"ID                          PID         STATUS      BUNDLE         CREATED                OWNER\n"
		"a-name-longer-than-twelve   123         running     /b\xc3\xa4            2026-11-21T19:36:16Z   root\n"
		"web                         0           stopped     /srv/web \"x\"   2026-11-21T19:36:17Z   #1000\n");
}

static void an_empty_table_is_its_heading(void **state)
{
	struct out *out = capture();

	(void) state;
	print_list(out, NULL, NULL, 0);
	assert_string_equal(captured(out),
			    "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n");
}

static void a_template_is_a_line_for_each(void **state)
{
	struct out *out = capture();

	(void) state;
	print_list(out, "{{.ID}}\t{{ .Status }}|{{.PID}}{{.Pid}}\\t!", two, ARRAY_SIZE(two));
	assert_string_equal(captured(out), "a-name-longer-than-twelve\trunning|123123\t!\n"
					   "web\tstopped|00\t!\n");
}

static void a_table_of_a_template_has_a_heading(void **state)
{
	struct out *out = capture();

	(void) state;
	print_list(out, "table  {{.Names}}:\\t{{.CreatedAt}}\t{{.State}}", two, 1);
	assert_string_equal(captured(out),
			    "NAMES:                       CREATED AT             STATE\n"
			    "a-name-longer-than-twelve:   2026-11-21T19:36:16Z   running\n");
}

static void what_a_terminal_obeys_is_escaped_in_a_template(void **state)
{
	static const struct container one = {
		.record = { .id = "web", .bundle = "/b\033[2J", .rootfs = "/r\n", .created = "" },
		.owner = "root",
	};
	struct out *out = capture();

	(void) state;
	print_list(out, "{{.Bundle}} {{.Rootfs}}", &one, 1);
	assert_string_equal(captured(out), "/b\\x1b[2J /r\\x0a\n");
}

static void what_is_no_template_is_refused(void **state)
{
	static const char *const wrong[][2] = {
		{ "yaml",
		  "invalid value \"yaml\" for --format: it is table, json or a template (a template has fields such as {{.ID}})" },
		{ "",
		  "invalid value \"\" for --format: it is table, json or a template (a template has fields such as {{.ID}})" },
		{ "table x",
		  "invalid value \"table x\" for --format: it is table, json or a template (a template has fields such as {{.ID}})" },
		{ "{{.Statu}}",
		  "--format: there is no field \"Statu\" (did you mean \"Status\"?)" },
		{ "{{.Xyzzyx}}",
		  "--format: there is no field \"Xyzzyx\" (there are ID, PID, Status, Bundle, Created, Owner, Rootfs, Names, Pid, State, CreatedAt)" },
		{ "{{.ID", "--format: \"{{\" without \"}}\"" },
		{ "{{json .}}",
		  "--format: \"{{json .}}\" is not a field (fields are written {{.ID}}; there are no functions and no conditions)" },
		{ "{{.}}",
		  "--format: \"{{.}}\" is not a field (fields are written {{.ID}}; there are no functions and no conditions)" },
		{ "{{.ID .PID}}",
		  "--format: \"{{.ID .PID}}\" is not a field (fields are written {{.ID}}; there are no functions and no conditions)" },
	};
	struct format format;
	char line[ERR_TEXT];
	struct err e;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(list_read_format(wrong[i][0], &arena, &format, &e), -1);
		err_line(&e, line, sizeof(line));
		assert_string_equal(line, wrong[i][1]);
	}
}

static void a_container_is_one_line_of_json_in_a_list(void **state)
{
	struct out *out = capture();

	(void) state;
	container_print_json(out, &two[0], false);
	assert_string_equal(
		captured(out),
		"{\"ociVersion\":\"1.3.0\",\"id\":\"a-name-longer-than-twelve\",\"pid\":123,"
		"\"status\":\"running\",\"bundle\":\"/b\xc3\xa4\",\"rootfs\":\"/r\","
		"\"created\":\"2026-11-21T19:36:16Z\",\"owner\":\"root\"}");
}

static void a_state_is_indented_by_two(void **state)
{
	struct out *out = capture();

	(void) state;
	container_print_json(out, &two[1], true);
	assert_string_equal(captured(out), "{\n"
					   "  \"ociVersion\": \"1.3.0\",\n"
					   "  \"id\": \"web\",\n"
					   "  \"pid\": 0,\n"
					   "  \"status\": \"stopped\",\n"
					   "  \"bundle\": \"/srv/web \\\"x\\\"\",\n"
					   "  \"rootfs\": \"/r\",\n"
					   "  \"created\": \"2026-11-21T19:36:17Z\",\n"
					   "  \"annotations\": {\n"
					   "    \"k\": \"v\\n\",\n"
					   "    \"l\": \"\"\n"
					   "  },\n"
					   "  \"owner\": \"#1000\"\n"
					   "}");
}

static void containers_are_found_sorted_and_nothing_else(void **state)
{
	static const char *const dirs[] = { "web", "a", "z.9", "b+c", "not an id" };
	char top[] = "/tmp/tare-unit-XXXXXX", path[128];
	struct container_ids ids;

	(void) state;
	assert_non_null(mkdtemp(top));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(path, sizeof(path), "%s/link", top);
	assert_int_equal(symlink("web", path), 0);

	struct state_root root = { .path = top, .chosen = true };
	int r = containers_find(&root, &arena, &ids, &e);

	assert_int_equal(unlink(path), 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, dirs[i]);
		assert_int_equal(rmdir(path), 0);
	}
	assert_int_equal(rmdir(top), 0);

	assert_int_equal(r, 0);
	assert_int_equal(ids.count, 4);
	assert_string_equal(ids.items[0], "a");
	assert_string_equal(ids.items[1], "b+c");
	assert_string_equal(ids.items[2], "web");
	assert_string_equal(ids.items[3], "z.9");
}

static void a_missing_root_is_an_error_only_if_it_was_chosen(void **state)
{
	struct state_root root = { .path = "/nonexistent/tare" };
	struct container_ids ids;

	(void) state;
	assert_int_equal(containers_find(&root, &arena, &ids, &e), 0);
	assert_int_equal(ids.count, 0);
	root.chosen = true;
	assert_int_equal(containers_find(&root, &arena, &ids, &e), -1);
	assert_string_equal(
		e.text,
		"open the state directory \"/nonexistent/tare\": no such file or directory");
}

/* ---- owners ---- */

static void check_owner(const char *passwd, uid_t uid, const char *expected)
{
	char path[] = "/tmp/tare-unit-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, passwd, strlen(passwd)), strlen(passwd));
	close(fd);

	const char *name = owner_name(path, uid, &arena);
	unlink(path);
	assert_string_equal(name, expected);
}

static void an_owner_has_the_name_of_passwd(void **state)
{
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
				     "broken\n"
				     "::5:\n"
				     "half:x\n"
				     "near:x:10:\n"
				     "web:x:100:100::/:\n"
				     "twin:x:100:100::/:\n"
				     "last:x:7:7";

	(void) state;
	check_owner(passwd, 0, "root");
	check_owner(passwd, 100, "web");
	check_owner(passwd, 7, "last");
	check_owner(passwd, 10, "near");
}

static void an_owner_without_a_name_has_a_number(void **state)
{
	(void) state;
	check_owner("root:x:0:0::/:\n", 1, "#1");
	check_owner("::5:5::/:\n", 5, "#5");
	check_owner("a:x:55:\n", 5, "#5");
	check_owner("a:x:5", 5, "#5");
	check_owner("", 4294967294U, "#4294967294");
	assert_string_equal(owner_name("/nonexistent", 3, &arena), "#3");
	assert_string_equal(owner_name("/tmp", 3, &arena), "#3");
	assert_string_equal(owner_name("/dev/zero", 3, &arena), "#3");
}

/* ---- the root directory ---- */

static const char *const no_env[] = { NULL };

static void check_root(const char *option, const char *expected)
{
	struct state_root root;

	assert_int_equal(root_choose(option, no_env, &arena, &root, &e), 0);
	assert_string_equal(root.path, expected);
	assert_true(root.chosen);
}

static void a_chosen_root_is_made_absolute(void **state)
{
	char cwd[4096], expected[5000];

	(void) state;
	check_root("/a/b", "/a/b");
	check_root("//a///b/", "/a/b");
	check_root("/a/./b/../c", "/a/c");
	check_root("/../a", "/a");
	check_root("/...", "/...");
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(expected, sizeof(expected), "%s/x", cwd);
	check_root("x", expected);
	check_root("./x/y/..", expected);
}

static void the_root_directory_is_no_root(void **state)
{
	static const char *const words[] = { "/", "//", "/.", "/a/..", "/../..", "" };
	struct state_root root;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_int_equal(root_choose(words[i], no_env, &arena, &root, &e), -1);
}

static void the_default_root_is_the_callers(void **state)
{
	const char *const with[] = { "A=b", "XDG_RUNTIME_DIRX=/no", "XDG_RUNTIME_DIR=/x", NULL };
	const char *const empty[] = { "XDG_RUNTIME_DIR=", NULL };
	const char *const relative[] = { "XDG_RUNTIME_DIR=x", NULL };
	struct state_root root;

	(void) state;
	assert_int_equal(root_choose(NULL, no_env, &arena, &root, &e), 0);
	assert_string_equal(root.path, "/run/tare");
	assert_false(root.chosen);
	assert_int_equal(root_choose(NULL, empty, &arena, &root, &e), 0);
	assert_string_equal(root.path, "/run/tare");
	assert_int_equal(root_choose(NULL, relative, &arena, &root, &e), 0);
	assert_string_equal(root.path, "/run/tare");

	/* A home of another user, or none: the usual place, as nobody may write to it. */
	const char *const home[] = { "HOME=/nowhere", NULL };
	assert_int_equal(root_choose(NULL, home, &arena, &root, &e), 0);
	assert_string_equal(root.path, "/run/tare");

	/* Root of the host has no use for it; root of another user namespace has. */
	char map[64] = "";
	int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, map, sizeof(map) - 1) > 0);
	close(fd);

	unsigned inside = 1, outside = 1, length = 0;
	assert_int_equal(sscanf(map, "%u %u %u", &inside, &outside, &length), 3);
	bool host = geteuid() == 0 && inside == 0 && outside == 0 && length == 4294967295U;

	assert_int_equal(root_choose(NULL, with, &arena, &root, &e), 0);
	assert_string_equal(root.path, host ? "/run/tare" : "/x/tare");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_has_every_flag_of_the_tables),
		cmocka_unit_test(help_of_tare_has_every_verb_and_global_flag),
		cmocka_unit_test(the_table_is_aligned),
		cmocka_unit_test(an_empty_table_is_its_heading),
		cmocka_unit_test(a_template_is_a_line_for_each),
		cmocka_unit_test(a_table_of_a_template_has_a_heading),
		cmocka_unit_test(what_a_terminal_obeys_is_escaped_in_a_template),
		cmocka_unit_test(what_is_no_template_is_refused),
		cmocka_unit_test(a_container_is_one_line_of_json_in_a_list),
		cmocka_unit_test(a_state_is_indented_by_two),
		cmocka_unit_test(containers_are_found_sorted_and_nothing_else),
		cmocka_unit_test(a_missing_root_is_an_error_only_if_it_was_chosen),
		cmocka_unit_test(an_owner_has_the_name_of_passwd),
		cmocka_unit_test(an_owner_without_a_name_has_a_number),
		cmocka_unit_test(a_chosen_root_is_made_absolute),
		cmocka_unit_test(the_root_directory_is_no_root),
		cmocka_unit_test(the_default_root_is_the_callers),
	};

	arena_open(&arena);

	return cmocka_run_group_tests(tests, NULL, NULL);
}
