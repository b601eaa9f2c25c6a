/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/musl_test.c - what tare brings along for musl, here beside glibc's own
 */
#include <string.h>

void *ours_memcpy(void *restrict to, const void *restrict from, size_t size);
void *ours_memmove(void *to, const void *from, size_t size);

#define memcpy		 ours_memcpy
#define memmove		 ours_memmove
#define __memcpy_chk	 ours_memcpy_chk
#define __strcpy_chk	 ours_strcpy_chk
#define __fprintf_chk	 ours_fprintf_chk
#define __sprintf_chk	 ours_sprintf_chk
#define __snprintf_chk	 ours_snprintf_chk
#define __asprintf_chk	 ours_asprintf_chk
#define __isoc23_strtoul ours_isoc23_strtoul
#include "src/musl.c"
#undef memcpy
#undef memmove

#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 200

/* The buffers are of the heap and no byte larger, so that the sanitizers see one too many. */
static void copies_of_any_size(void **state)
{
	(void) state;
	for (size_t size = 0; size <= MOST; size++) {
		char *from = malloc(size + 1), *to = calloc(1, size + 1);

		for (size_t i = 0; i < size; i++)
			from[i] = (char) (i * 7 + size);
		to[size] = 'x';
		assert_ptr_equal(ours_memcpy(to, from, size), to);
		assert_memory_equal(to, from, size);
		assert_int_equal(to[size], 'x');
		free(from);
		free(to);
	}
}

static void moves_within_a_text(void **state)
{
	(void) state;
	for (size_t from = 0; from < 8; from++)
		for (size_t to = 0; to < 8; to++) {
			char text[] = "0123456789abcdef", expected[] = "0123456789abcdef";

			memmove(expected + to, expected + from, 8);
			assert_ptr_equal(ours_memmove(text + to, text + from, 8), text + to);
			assert_string_equal(text, expected);
		}
}

static void texts_are_formatted(void **state)
{
	char text[16];

	(void) state;
	assert_int_equal(ours_sprintf_chk(text, 1, sizeof(text), "%d %s", 12, "ab"), 5);
	assert_string_equal(text, "12 ab");
	assert_int_equal(ours_snprintf_chk(text, 4, 1, sizeof(text), "%s", "abcdef"), 6);
	assert_string_equal(text, "abc");
	assert_int_equal(ours_sprintf_chk(text, 1, (size_t) -1, "%s", "unknown room"), 12);
	assert_string_equal(text, "unknown room");
	assert_string_equal(ours_strcpy_chk(text, "just fifteen ch", sizeof(text)),
			    "just fifteen ch");
}

static void text_is_allocated_to_fit(void **state)
{
	char *text = NULL;

	(void) state;
	assert_int_equal(ours_asprintf_chk(&text, 1, "cap_%s", "chown"), 9);
	assert_string_equal(text, "cap_chown");
	free(text);
}

static void numbers_are_read(void **state)
{
	char *end;

	(void) state;
	assert_int_equal(ours_isoc23_strtoul("0x12;", &end, 0), 0x12);
	assert_string_equal(end, ";");
}

static void a_file_is_opened(void **state)
{
	char text[8] = "";
	FILE *file = fopen64("/proc/self/comm", "r");

	(void) state;
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_memory_equal(text, "musl_te", 7);

	int closed = fclose(file);

	assert_int_equal(closed, 0);
}

static int ends_by(void (*wrong)(char *text))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		char text[8];

		wrong(text);
		_exit(0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);

	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void copy_too_much(char *text)
{
	ours_memcpy_chk(text, "123456789", 9, 8);
}

static void copy_text_too_long(char *text)
{
	ours_strcpy_chk(text, "12345678", 8);
}

static void print_too_much(char *text)
{
	ours_sprintf_chk(text, 1, 8, "%s", "123456789");
}

static void more_than_there_is_room_for_is_the_end(void **state)
{
	(void) state;
	assert_int_equal(ends_by(copy_too_much), SIGABRT);
	assert_int_equal(ends_by(copy_text_too_long), SIGABRT);
	assert_int_equal(ends_by(print_too_much), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_of_any_size),
		cmocka_unit_test(moves_within_a_text),
		cmocka_unit_test(texts_are_formatted),
		cmocka_unit_test(text_is_allocated_to_fit),
		cmocka_unit_test(numbers_are_read),
		cmocka_unit_test(a_file_is_opened),
		cmocka_unit_test(more_than_there_is_room_for_is_the_end),
	};

	return cmocka_run_group_tests_name("musl", tests, NULL, NULL);
}
