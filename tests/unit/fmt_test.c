/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/fmt_test.c - our printf says what the C library's says, in a buffer of any size
 */
#include "base/fmt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The buffer is of the heap and no byte larger, so that the sanitizers see one too many. */
#define CHECK(...)                                                                                 \
	do {                                                                                       \
		char whole[256];                                                                   \
		size_t length = (size_t) snprintf(whole, sizeof(whole), __VA_ARGS__);              \
                                                                                                   \
		assert_int_equal(fmt_text(NULL, 0, __VA_ARGS__), length);                          \
		for (size_t size = 1; size <= length + 2; size++) {                                \
			char *text = malloc(size);                                                 \
                                                                                                   \
			assert_int_equal(fmt_text(text, size, __VA_ARGS__), length);               \
			snprintf(whole, size, __VA_ARGS__);                                        \
			assert_string_equal(text, whole);                                          \
			free(text);                                                                \
		}                                                                                  \
	} while (0)

static void strings(void **state)
{
	static const char no_end[4] = { 'a', 'b', 'c', 'd' };

	(void) state;
	CHECK("%s", "");
	CHECK("%s and %s", "one", "two");
	CHECK("[%8s] [%-8s] [%2s]", "right", "left", "too long");
	CHECK("%.*s", 3, "abcdef");
	CHECK("%.*s", 0, "abcdef");
	CHECK("%.*s", 4, no_end);
	CHECK("%c%c %%", 'x', 'y');
}

static void numbers(void **state)
{
	(void) state;
	CHECK("%d %i", INT_MIN, INT_MAX);
	CHECK("%ld %lld", LONG_MIN, LLONG_MIN);
	CHECK("%u %lu %llu %zu", UINT_MAX, ULONG_MAX, ULLONG_MAX, (size_t) 0);
	CHECK("%o %04o %x %08x", 0755u, 07u, 0xbeefu, 0xcafeu);
	CHECK("[%5d] [%-5d] [%05d]", 42, 42, 42);
}

static void read_back(void **state)
{
	unsigned long long value = 7;

	(void) state;
	assert_int_equal(fmt_parse_u64("18446744073709551615", &value), 0);
	assert_true(value == ULLONG_MAX);
	assert_int_equal(fmt_parse_u64("18446744073709551616", &value), -1);
	assert_int_equal(fmt_parse_u64("", &value), -1);
	assert_int_equal(fmt_parse_u64("-1", &value), -1);
	assert_int_equal(fmt_parse_u64("1 ", &value), -1);
	assert_true(value == ULLONG_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings),
		cmocka_unit_test(numbers),
		cmocka_unit_test(read_back),
	};

	return cmocka_run_group_tests_name("fmt", tests, NULL, NULL);
}
