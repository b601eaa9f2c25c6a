/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/record_test.c - state/record.c: what is no record is refused, what is newer is not
 */
#include "state_harness.h"

#include "state/record.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"

#include <string.h>

/* What record_read() says of a record with these lines besides the usual ones. */
static int read_with(const char *lines, struct record *rec)
{
	static const char front[] =
		"id web\noci-version 1.3.0\nbundle /b\nrootfs /b/rootfs\ncreated x\n";
	static struct arena a;
	struct err e = { 0 };
	autoclose int file =
		sys_open_at(directory, STATE_RECORD, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(file >= 0);
	assert_int_equal(sys_write_all(file, front, sizeof(front) - 1), 0);
	assert_int_equal(sys_write_all(file, lines, strlen(lines)), 0);
	arena_open(&a);
	int r = record_read(directory, rec, &a, &e);
	if (r < 0) {
		assert_string_equal(e.text, "the state record is broken");
		assert_non_null(strstr(e.hint, "tare delete --force"));
	}
	arena_close(&a);

	return r;
}

static void numbers_that_do_not_fit_are_refused(void **state)
{
	static const char *const bad[] = {
		"pid 4294968529\nend \n",
		"pid 4294967295\nend \n",
		"pid 2147483648\nend \n",
		"pid 18446744073709551616\nend \n",
		"pid 7\nowner 4294967296\nend \n",
		"pid -7\nend \n",
		"pid 1\nend \n",
		"pid 0\nend \n",
		"pid 7x\nend \n",
		"end \n",
		"pid 7\nhook poststop\nhook-path /a\nhook-arg a\nhook-timeout 4294967296\nend \n",
	};
	struct record rec;

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (read_with(bad[i], &rec) != -1)
			fail_msg("taken, with pid %d: %s", rec.pid, bad[i]);
	assert_int_equal(read_with("pid 2147483647\nowner 4294967295\nend \n", &rec), 1);
	assert_int_equal(rec.pid, 2147483647);
}

static void a_record_that_was_cut_is_refused(void **state)
{
	static const char whole[] = "pid 7\nannotation a\nannotation-value b\nend \n";
	char cut[sizeof(whole)];
	struct record rec;

	(void) state;
	assert_int_equal(read_with(whole, &rec), 1);
	for (size_t length = 0; length < sizeof(whole) - 1; length++) {
		fmt_text(cut, length + 1, "%s", whole);
		assert_int_equal(read_with(cut, &rec), -1);
	}
}

/* An older tare meets the containers of a newer one; it had called such a record broken. */
static void lines_of_a_newer_version_are_passed_over(void **state)
{
	struct record rec;

	(void) state;
	assert_int_equal(read_with("newer 1\npid 7\nnewer-list a\nnewer-list b\n"
				   "hook poststop\nhook-path /a\nhook-newer x\nhook-arg a\n"
				   "hook-env-newer y\nend \n",
				   &rec),
			 1);
	assert_int_equal(rec.pid, 7);
	assert_int_equal(rec.hook_count, 1);
	assert_int_equal(read_with("pid 7\nhook-path /a\nend \n", &rec), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_that_do_not_fit_are_refused),
		cmocka_unit_test(a_record_that_was_cut_is_refused),
		cmocka_unit_test(lines_of_a_newer_version_are_passed_over),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
