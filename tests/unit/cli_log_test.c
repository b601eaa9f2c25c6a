/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log: what engines read, and the clock's text in it.
 */
#include <errno.h>
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/table.h"
#include "heap/log.h"
#include "kernel/time.h"

static char folder[] = "/tmp/tare-unit-XXXXXX";
static char log_path[64], stderr_path[64];
static struct err e;

static const char *read_back(const char *path)
{
	static char text[2][16384];
	static unsigned turn;
	char *buf = text[turn++ % 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, buf, sizeof(text[0]) - 1);

	if (fd >= 0)
		close(fd);
	assert_true(length >= 0);
	buf[length] = '\0';

	return buf;
}

/* Standard error goes to a file while @tell runs; the text of that file. */
static const char *stderr_of(void (*tell)(void))
{
	int saved = dup(2), fd = open(stderr_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(saved >= 0 && fd >= 0);
	dup2(fd, 2);
	tell();
	dup2(saved, 2);
	close(saved);
	close(fd);

	return read_back(stderr_path);
}

/* The entry's time, taken out of the text, as it can't be known. */
static const char *without_time(const char *text)
{
	static char buf[16384];
	const char *time = strstr(text, "20");
	const char *end = time ? strchr(time, 'Z') : NULL;

	assert_non_null(end);
	snprintf(buf, sizeof(buf), "%.*sTIME%s", (int) (time - text), text, end + 1);

	return buf;
}

static void tell_failure(void)
{
	err_sys(&e, -ENOENT, "bind \"/srv\" on \"/data\"");
	err_at(&e, "/mounts/3");
	e.line = 41;
	e.column = 9;
	err_hint(&e, "mount it");
	strcpy(e.operation, "mount");
	log_error("create \"web\"", &e);
}

static void tell_little(void)
{
	err_msg(&e, "container does not exist");
	log_error("state \"web\"", &e);
}

static void tell_warnings(void)
{
	log_warning("left out %d", 1);
	log_info("note %d", 3);
	log_debug("step %d", 2);
}

static void tell_warning_and_failure(void)
{
	log_warning("left out %d", 1);
	log_warning("left out %d", 2);
	tell_little();
}

static void tell_and_flush(void)
{
	tell_warnings();
	log_flush();
}

static int fresh(void **state)
{
	(void) state;
	unlink(log_path);
	memset(&e, 0, sizeof(e));

	return log_open(NULL, LOG_TEXT, LOG_ERROR, &e);
}

/* ---- entries ---- */

static void json_is_one_object_and_stderr_has_the_text_too(void **state)
{
	(void) state;
	assert_int_equal(log_open(log_path, LOG_JSON, LOG_ERROR, &e), 0);
	assert_string_equal(stderr_of(tell_failure),
			    "tare: create \"web\": /mounts/3 (line 41, column 9): bind \"/srv\" on "
			    "\"/data\": no such file or directory (mount it)\n");
	assert_string_equal(
		without_time(read_back(log_path)),
		"{\"level\":\"error\",\"msg\":\"create \\\"web\\\": /mounts/3 (line 41, column 9): "
		"bind \\\"/srv\\\" on \\\"/data\\\": no such file or directory (mount it)\","
		"\"time\":\"TIME\",\"place\":\"/mounts/3\",\"line\":41,\"column\":9,"
		"\"operation\":\"mount\",\"errno\":2,\"hint\":\"mount it\"}\n");
}

static void json_has_no_key_without_a_value(void **state)
{
	(void) state;
	assert_int_equal(log_open(log_path, LOG_JSON, LOG_ERROR, &e), 0);
	stderr_of(tell_little);
	assert_string_equal(without_time(read_back(log_path)),
			    "{\"level\":\"error\",\"msg\":\"state \\\"web\\\": container does not "
			    "exist\",\"time\":\"TIME\"}\n");
}

static void text_is_that_of_runc(void **state)
{
	(void) state;
	assert_int_equal(log_open(log_path, LOG_TEXT, LOG_ERROR, &e), 0);
	stderr_of(tell_little);
	assert_string_equal(without_time(read_back(log_path)),
			    "time=\"TIME\" level=error msg=\"state \\\"web\\\": container does not "
			    "exist\"\n");
}

static void the_file_is_appended_to(void **state)
{
	(void) state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(log_open(log_path, LOG_TEXT, LOG_ERROR, &e), 0);
		stderr_of(tell_little);
	}

	const char *text = read_back(log_path);
	assert_non_null(strchr(text, '\n'));
	assert_true(strchr(text, '\n')[1] != '\0');
}

static void without_failure_the_file_is_empty(void **state)
{
	struct stat st;

	(void) state;
	assert_int_equal(log_open(log_path, LOG_JSON, LOG_ERROR, &e), 0);
	assert_string_equal(stderr_of(tell_warnings), "");
	assert_int_equal(stat(log_path, &st), 0);
	assert_int_equal(st.st_size, 0);
}

static void warnings_go_where_they_were_asked_for(void **state)
{
	(void) state;
	assert_int_equal(log_open(log_path, LOG_TEXT, LOG_WARNING, &e), 0);
	assert_string_equal(stderr_of(tell_warnings), "");
	assert_string_equal(without_time(read_back(log_path)),
			    "time=\"TIME\" level=warning msg=\"left out 1\"\n");
	assert_int_equal(log_open(NULL, LOG_TEXT, LOG_WARNING, &e), 0);
	assert_string_equal(stderr_of(tell_warnings), "tare: warning: left out 1\n");
	assert_int_equal(log_open(NULL, LOG_TEXT, LOG_DEBUG, &e), 0);

	assert_string_equal(without_time(stderr_of(tell_warnings)),
			    "tare: warning: left out 1\ntare: info: note 3\n"
			    "time=\"TIME\" level=debug msg=\"step 2\"\n");
	assert_int_equal(log_open(NULL, LOG_JSON, LOG_WARNING, &e), 0);
	assert_string_equal(without_time(stderr_of(tell_warnings)),
			    "{\"level\":\"warning\",\"msg\":\"left out 1\",\"time\":\"TIME\"}\n");
}

/* podman decodes the whole file as one object. */
static void a_failure_stands_alone_in_a_json_log(void **state)
{
	(void) state;
	assert_int_equal(log_open(log_path, LOG_JSON, LOG_WARNING, &e), 0);
	assert_string_equal(stderr_of(tell_warning_and_failure),
			    "tare: warning: left out 1\ntare: warning: left out 2\n"
			    "tare: state \"web\": container does not exist\n");
	assert_string_equal(without_time(read_back(log_path)),
			    "{\"level\":\"error\",\"msg\":\"state \\\"web\\\": container does not "
			    "exist\",\"time\":\"TIME\"}\n");
}

static void a_warning_reaches_a_json_log_in_the_end(void **state)
{
	(void) state;
	assert_int_equal(log_open(log_path, LOG_JSON, LOG_WARNING, &e), 0);
	assert_string_equal(stderr_of(tell_and_flush), "");
	assert_string_equal(without_time(read_back(log_path)),
			    "{\"level\":\"warning\",\"msg\":\"left out 1\",\"time\":\"TIME\"}\n");
}

static void a_log_keeps_no_descriptor(void **state)
{
	int before = dup(0), after;

	(void) state;
	close(before);
	assert_int_equal(log_open(log_path, LOG_TEXT, LOG_ERROR, &e), 0);
	stderr_of(tell_little);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

static void a_relative_path_outlives_a_change_of_directory(void **state)
{
	char cwd[4096];

	(void) state;
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(log_open("file:log", LOG_TEXT, LOG_ERROR, &e), 0);
	assert_int_equal(chdir(cwd), 0);
	stderr_of(tell_little);
	assert_non_null(strstr(read_back(log_path), "does not exist"));
}

static void what_can_not_be_logged_to_is_refused(void **state)
{
	(void) state;
	assert_int_equal(log_open("/nonexistent/log", LOG_TEXT, LOG_ERROR, &e), -1);
	assert_string_equal(e.text, "log file \"/nonexistent/log\": no such file or directory");
	assert_int_equal(log_open("journald:web", LOG_TEXT, LOG_ERROR, &e), -1);
	assert_int_equal(log_open("syslog:web", LOG_TEXT, LOG_ERROR, &e), -1);
	assert_string_equal(e.text, "log target \"syslog:web\" is not supported: give a file");
}

/* ---- text from outside ---- */

static void what_a_terminal_obeys_is_escaped(void **state)
{
	static const struct {
		const char *raw, *clean;
	} rows[] = {
		{ "", "" },
		{ "plain text", "plain text" },
		{ "a\nb\tc\x1b[31m\x7f", "a\\x0ab\\x09c\\x1b[31m\\x7f" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7" },
		{ "\xc2\x9b", "\\xc2\\x9b" }, /* a control character of Latin-1 */
		{ "\xe2\x80\xae\xe2\x80\xa8\xe2\x80\xa7",
		  "\\xe2\\x80\\xae\\xe2\\x80\\xa8\xe2\x80\xa7" }, /* bidi, U+2028 */
		{ "\xff\xc3", "\\xff\\xc3" },			  /* no UTF-8, cut */
		{ "\xc0\xaf", "\\xc0\\xaf" },			  /* overlong */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },		  /* a surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },	  /* above U+10FFFF */
		{ "\xe2\x82", "\\xe2\\x82" },
	};
	char buf[64];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(log_clean(buf, sizeof(buf), rows[i].raw), rows[i].clean);
}

static void a_long_text_is_cut_between_characters(void **state)
{
	char buf[6];

	(void) state;
	assert_string_equal(log_clean(buf, 6, "abcdefgh"), "abcde");
	assert_string_equal(log_clean(buf, 6, "abc\xc3\xa4\xc3\xa4"), "abc\xc3\xa4");
	assert_string_equal(log_clean(buf, 6, "abc\n"), "abc");
	assert_string_equal(log_clean(buf, 6, "a\n"), "a\\x0a");
	assert_string_equal(log_clean(buf, 1, "a"), "");
}

static void tell_long(void)
{
	char front[ERR_TEXT];

	memset(front, '\n', sizeof(front) - 1);
	front[sizeof(front) - 1] = '\0';
	err_msg(&e, "%s", front);
	err_at(&e, front);
	log_error(front, &e);
}

static void the_longest_failure_is_one_line_and_one_object(void **state)
{
	(void) state;
	assert_int_equal(log_open(log_path, LOG_JSON, LOG_ERROR, &e), 0);

	const char *text = stderr_of(tell_long);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	text = read_back(log_path);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_string_equal(text + strlen(text) - 3, "\"}\n");
}

/* ---- the clock ---- */

static void dates_are_those_of_the_c_library(void **state)
{
	(void) state;
	/* Steps of a day and a bit, from 1970 to 2515: leap years of all kinds are met. */
	for (int64_t seconds = 0; seconds < 17200000000; seconds += 86400 + 3607) {
		struct timespec t = { .tv_sec = seconds };
		char ours[TIME_TEXT], theirs[TIME_TEXT];
		struct tm tm;

		time_text(ours, &t, 0);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t.tv_sec, &tm));
		assert_string_equal(ours, theirs);
	}
}

static void a_date_has_as_many_digits_as_asked_for(void **state)
{
	struct timespec t = { .tv_sec = 951782399, .tv_nsec = 1234567 };
	char text[TIME_TEXT];

	(void) state;
	time_text(text, &t, 9);
	assert_string_equal(text, "2000-02-28T23:59:59.001234567Z");
	time_text(text, &t, 6);
	assert_string_equal(text, "2000-02-28T23:59:59.001234Z");
	time_text(text, &t, 0);
	assert_string_equal(text, "2000-02-28T23:59:59Z");
	t.tv_sec++;
	time_text(text, &t, 3);
	assert_string_equal(text, "2000-02-29T00:00:00.001Z");
}

static void the_clock_is_the_kernels(void **state)
{
	struct timespec now;

	(void) state;
	assert_int_equal(sys_clock_realtime(&now), 0);
	assert_true(labs(now.tv_sec - time(NULL)) <= 1);
	assert_true(now.tv_nsec >= 0 && now.tv_nsec <= 999999999);
}

static int make_folder(void **state)
{
	(void) state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(log_path, sizeof(log_path), "%s/log", folder);
	snprintf(stderr_path, sizeof(stderr_path), "%s/stderr", folder);

	return 0;
}

static int remove_folder(void **state)
{
	(void) state;
	unlink(log_path);
	unlink(stderr_path);

	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(json_is_one_object_and_stderr_has_the_text_too, fresh),
		cmocka_unit_test_setup(json_has_no_key_without_a_value, fresh),
		cmocka_unit_test_setup(text_is_that_of_runc, fresh),
		cmocka_unit_test_setup(the_file_is_appended_to, fresh),
		cmocka_unit_test_setup(without_failure_the_file_is_empty, fresh),
		cmocka_unit_test_setup(warnings_go_where_they_were_asked_for, fresh),
		cmocka_unit_test_setup(a_failure_stands_alone_in_a_json_log, fresh),
		cmocka_unit_test_setup(a_warning_reaches_a_json_log_in_the_end, fresh),
		cmocka_unit_test_setup(a_log_keeps_no_descriptor, fresh),
		cmocka_unit_test_setup(a_relative_path_outlives_a_change_of_directory, fresh),
		cmocka_unit_test_setup(what_can_not_be_logged_to_is_refused, fresh),
		cmocka_unit_test(what_a_terminal_obeys_is_escaped),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test_setup(the_longest_failure_is_one_line_and_one_object, fresh),
		cmocka_unit_test(dates_are_those_of_the_c_library),
		cmocka_unit_test(a_date_has_as_many_digits_as_asked_for),
		cmocka_unit_test(the_clock_is_the_kernels),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
