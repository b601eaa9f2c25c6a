/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/mount_line_test.c - lines of mountinfo, cut into their fields
 */
#include "base/mount_line.h"
#include "base/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void all_fields_are_found(void **state)
{
	char text[] =
		"36 35 98:0 /top /mnt rw,noatime shared:1 master:2 - ext4 /dev/sda1 rw,errors=x";
	struct mount_line line;

	(void) state;
	assert_true(mount_line_cut(text, &line));
	assert_string_equal(line.id, "36");
	assert_string_equal(line.root, "/top");
	assert_string_equal(line.point, "/mnt");
	assert_string_equal(line.options, "rw,noatime");
	assert_string_equal(line.tags, "shared:1 master:2");
	assert_string_equal(line.type, "ext4");
	assert_string_equal(line.super, "rw,errors=x");
}

static void tags_and_super_options_may_be_missing(void **state)
{
	char text[] = "36 35 0:5 / /proc rw - proc proc";
	struct mount_line line;

	(void) state;
	assert_true(mount_line_cut(text, &line));
	assert_string_equal(line.tags, "");
	assert_string_equal(line.type, "proc");
	assert_string_equal(line.super, "");
}

/* The kernel's seq_path() escapes these four characters alone. */
static void paths_are_unescaped(void **state)
{
	char text[] = "1 0 0:5 /a\\134b /a\\040b\\011c\\012d\\9 rw - tmpfs x rw";
	struct mount_line line;

	(void) state;
	assert_true(mount_line_cut(text, &line));
	assert_string_equal(line.root, "/a\\b");
	assert_string_equal(line.point, "/a b\tc\nd\\9");
}

static void other_lines_are_refused(void **state)
{
	char texts[][32] = { "", " - ", "1 0 0:5 / /proc rw", "1 0 0:5 / /proc - proc proc rw" };
	struct mount_line line;

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(mount_line_cut(texts[i], &line));
}

static void a_list_has_whole_words(void **state)
{
	(void) state;
	assert_true(comma_list_has("cpu,cpuacct", "cpuacct", 7));
	assert_true(comma_list_has("cpu,cpuacct", "cpu", 3));
	assert_false(comma_list_has("cpuset", "cpu", 3));
	assert_false(comma_list_has("", "cpu", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_fields_are_found),
		cmocka_unit_test(tags_and_super_options_may_be_missing),
		cmocka_unit_test(paths_are_unescaped),
		cmocka_unit_test(other_lines_are_refused),
		cmocka_unit_test(a_list_has_whole_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
