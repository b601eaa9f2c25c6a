/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/resctrl_test.c - host/create/resctrl.c and what state/journal.c undoes of it, on a tree of plain files
 *
 * What the kernel does in a resctrl file system the test does: it puts the files into a new group, and takes
 * them out of one that is to be removed.
 */
#include "base/fmt.h"
#include "host/create/create.h"
#include "kernel/fd.h"
#include "state/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char top[64];
static struct create c;
static struct err e;

static const char *below(const char *name)
{
	static char path[8][256];
	static int next;

	next = (next + 1) % 8;
	fmt_text(path[next], sizeof(path[0]), "%s/%s", top, name);

	return path[next];
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(below(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void has(const char *name, const char *text)
{
	char found[4096] = "";
	FILE *f = fopen(below(name), "r");

	assert_non_null(f);
	found[fread(found, 1, sizeof(found) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(found, text);
}

static bool is_there(const char *name)
{
	return access(below(name), F_OK) == 0;
}

/* As the kernel fills a new group. */
static void fill(const char *group)
{
	char name[128];

	fmt_text(name, sizeof(name), "%s/tasks", group);
	put(name, "");
	fmt_text(name, sizeof(name), "%s/schemata", group);
	put(name, "");
}

static void empty(const char *group)
{
	char name[128];

	fmt_text(name, sizeof(name), "%s/tasks", group);
	unlink(below(name));
	fmt_text(name, sizeof(name), "%s/schemata", group);
	unlink(below(name));
}

static int begin(void **state)
{
	(void) state;
	strcpy(top, "/tmp/tare-resctrl-XXXXXX");
	assert_non_null(mkdtemp(top));
	mkdir(below("state"), 0700);
	memset(&c, 0, sizeof(c));
	memset(&e, 0, sizeof(e));
	c.state_dir = open(below("state"), O_RDONLY | O_DIRECTORY);
	c.journal = journal_open(c.state_dir, &e);
	c.pid = 4711;
	assert_true(c.journal >= 0);
	mkdir(below("gold"), 0755);
	fill("gold");
	put("gold/schemata", "    L3:0=007ff;1=007FF\n    MB:0= 20;1=100\n");

	return 0;
}

static int end(void **state)
{
	char command[128];

	(void) state;
	close(c.journal);
	close(c.state_dir);
	fmt_text(command, sizeof(command), "rm -rf %s", top);

	return system(command);
}

static const char *const schemas[] = { "L3:0=7f", "MB:0=20", NULL };

static int make(const char *group, enum resctrl_way way, const char *const *lines, size_t compared)
{
	const struct step s = {
		.op = OP_MAKE_RESCTRL,
		.resctrl = { below(group), way, lines, compared },
	};

	return resctrl_make(&c, &s, &e);
}

static void makes(const char *group, enum resctrl_way way)
{
	if (make(group, way, NULL, 0) < 0)
		fail_msg("%s", e.text);
}

/* `@` stands for the tree. */
static void refused(const char *text)
{
	char expected[512];
	const char *at = strchr(text, '@');

	fmt_text(expected, sizeof(expected), "%.*s%s%s", (int) (at - text), text, top, at + 1);
	assert_string_equal(e.text, expected);
}

static void writes(const char *group, const char *const *lines)
{
	static char path[256];

	fmt_text(path, sizeof(path), "%s", below(group));

	const struct step s = { .op = OP_WRITE_RESCTRL,
				.resctrl = { .path = path, .lines = lines } };

	if (resctrl_write(&c, &s, &e) < 0)
		fail_msg("%s", e.text);
}

static void undo(bool failed)
{
	struct arena a;

	arena_open(&a);
	if (journal_undo(c.state_dir, NULL, failed, &a, &e) < 0)
		fail_msg("%s", e.text);
	arena_close(&a);
}

static void a_group_of_its_own_goes_with_the_container(void **state)
{
	(void) state;
	makes("web", RESCTRL_OWN);
	assert_true(is_there("web"));
	assert_false(c.keeps);
	fill("web");
	writes("web", schemas);
	has("web/schemata", "L3:0=7f\nMB:0=20\n");
	empty("web");
	undo(false);
	assert_false(is_there("web"));
	assert_true(is_there("gold"));
}

static void one_that_was_there_is_nobodys_to_remove(void **state)
{
	(void) state;
	makes("gold", RESCTRL_OWN);
	empty("gold");
	undo(true);
	assert_true(is_there("gold"));
}

static void a_shared_group_stays_once_the_container_is_created(void **state)
{
	(void) state;
	makes("silver", RESCTRL_SHARED);
	assert_true(c.keeps);
	assert_int_equal(journal_created(c.journal, &e), 0);
	undo(false);
	assert_true(is_there("silver"));
}

static void a_shared_group_of_a_create_that_failed_is_removed(void **state)
{
	(void) state;
	makes("silver", RESCTRL_SHARED);
	undo(false); /* it was killed: nothing says that it is created */
	assert_false(is_there("silver"));
}

static void a_failure_after_all_removes_it_too(void **state)
{
	(void) state;
	makes("silver", RESCTRL_SHARED);
	assert_int_equal(journal_created(c.journal, &e), 0);
	undo(true);
	assert_false(is_there("silver"));
}

static void what_must_be_there_is_missed(void **state)
{
	(void) state;
	assert_int_equal(make("tin", RESCTRL_THERE, NULL, 0), -1);
	refused("there is no resctrl group \"@/tin\"");
	assert_false(is_there("tin"));
	makes("gold", RESCTRL_THERE);
}

static void a_monitoring_group_is_new_and_goes(void **state)
{
	(void) state;
	mkdir(below("gold/mon_groups"), 0755);
	makes("gold/mon_groups/web", RESCTRL_NEW);
	assert_true(is_there("gold/mon_groups/web"));
	assert_int_equal(make("gold/mon_groups/web", RESCTRL_NEW, NULL, 0), -1);
	refused("there is a resctrl group \"@/gold/mon_groups/web\" already");
	undo(false);
	assert_false(is_there("gold/mon_groups/web"));
	assert_true(is_there("gold/mon_groups"));
}

static void a_monitoring_group_that_cannot_be_made_is_an_error(void **state)
{
	(void) state;
	assert_int_equal(make("gold/mon_groups/web", RESCTRL_NEW, NULL, 0), -1);
	refused("make resctrl group \"@/gold/mon_groups/web\": no such file or directory");
	undo(true);
}

static void schemas_are_compared_as_numbers(void **state)
{
	static const struct {
		const char *line;
		bool same;
	} cases[] = {
		{ "L3:0=7ff;1=7ff", true },   { "L3:1=7FF;0=07ff", true }, { "L3:1=7ff", true },
		{ "MB:0=20;1=100", true },    { "MB:1= 100", true },	   { "L3:0=7f", false },
		{ "L3:2=7ff", false },	      { "MB:0=2", false },	   { "L2:0=f", false },
		{ "L3:0=7ff;1=0", false },    { "MB:0=200", false },	   { "L3:0", false },
		{ "L3:0=7ff;1=7fff", false }, { "nonsense", false },
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const lines[] = { cases[i].line, NULL };
		int r = make("gold", RESCTRL_SHARED, lines, 1);
		char text[128];

		if ((r == 0) != cases[i].same)
			fail_msg("%s", cases[i].line);
		if (cases[i].same)
			continue;
		fmt_text(text, sizeof(text),
			 "resctrl group \"@/gold\" is there, but not with \"%s\"", cases[i].line);
		refused(text);
	}
}

static void what_another_has_set_is_written_back_after_a_failure(void **state)
{
	static const char *const lines[] = { "L3:0=001ff;1=001ff", "MB:0= 99;1=999", NULL };

	(void) state;
	put("gold/schemata", "L3:0=007ff;1=007ff\nMB:0= 20;1=100\n");
	makes("gold", RESCTRL_SHARED);
	writes("gold", lines);
	has("gold/schemata", "L3:0=001ff;1=001ff\nMB:0= 99;1=999\n");
	assert_int_equal(resctrl_write_back(&c, &e), 0);
	has("gold/schemata", "L3:0=007ff;1=007ff\nMB:0= 20;1=100\n");
}

static void nothing_is_written_back_to_a_group_of_ours(void **state)
{
	(void) state;
	makes("web", RESCTRL_OWN);
	fill("web");
	writes("web", schemas);
	assert_null(c.saved_schemata.path);
	assert_int_equal(resctrl_write_back(&c, &e), 0);
	has("web/schemata", "L3:0=7f\nMB:0=20\n");
}

static void the_process_joins_by_its_pid(void **state)
{
	const struct step s = { .op = OP_JOIN_RESCTRL, .path = below("gold") };

	(void) state;
	assert_int_equal(resctrl_join(&c, &s, &e), 0);
	has("gold/tasks", "4711");
}

#define on_tree(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_tree(a_group_of_its_own_goes_with_the_container),
		on_tree(one_that_was_there_is_nobodys_to_remove),
		on_tree(a_shared_group_stays_once_the_container_is_created),
		on_tree(a_shared_group_of_a_create_that_failed_is_removed),
		on_tree(a_failure_after_all_removes_it_too),
		on_tree(what_must_be_there_is_missed),
		on_tree(a_monitoring_group_is_new_and_goes),
		on_tree(a_monitoring_group_that_cannot_be_made_is_an_error),
		on_tree(schemas_are_compared_as_numbers),
		on_tree(what_another_has_set_is_written_back_after_a_failure),
		on_tree(nothing_is_written_back_to_a_group_of_ours),
		on_tree(the_process_joins_by_its_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
