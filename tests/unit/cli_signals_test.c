/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals by name, held against the C library's own list.
 */
#include <ctype.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/table.h"
#include "cli/signals.h"

static void names_are_unique_and_upper_case(void **state)
{
	(void) state;
	for (size_t i = 0; i < signal_name_count; i++) {
		for (const char *c = signal_names[i].name; *c != '\0'; c++)
			assert_true(isupper(*c) || isdigit(*c));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(signal_names[i].name, signal_names[j].name);
	}
}

static void every_signal_below_the_real_time_ones_has_a_name(void **state)
{
	(void) state;
	for (int number = 1; number < 32; number++) {
		bool found = false;

		for (size_t i = 0; i < signal_name_count; i++)
			found = found || signal_names[i].number == number;
		assert_true(found);
	}
}

static void names_come_back_in_every_spelling(void **state)
{
	(void) state;
	for (size_t i = 0; i < signal_name_count; i++) {
		const struct signal_name *row = &signal_names[i];
		char word[32];

		assert_int_equal(signal_parse(row->name), row->number);
		snprintf(word, sizeof(word), "SIG%s", row->name);
		assert_int_equal(signal_parse(word), row->number);
		for (char *c = word; *c != '\0'; c++)
			*c = (char) tolower(*c);
		assert_int_equal(signal_parse(word), row->number);
		assert_int_equal(signal_parse(word + 3), row->number);
	}
}

static void names_mean_what_the_c_library_means(void **state)
{
	(void) state;
	for (int number = 1; number < 32; number++)
		assert_int_equal(signal_parse(sigabbrev_np(number)), number);
}

static void numbers_go_from_1_to_64(void **state)
{
	char word[16];

	(void) state;
	for (int number = 1; number <= SIGNAL_LAST; number++) {
		snprintf(word, sizeof(word), "%d", number);
		assert_int_equal(signal_parse(word), number);
	}
}

static void real_time_signals_are_counted_from_both_ends(void **state)
{
	(void) state;
	assert_int_equal(signal_parse("RTMIN"), 34);
	assert_int_equal(signal_parse("SIGRTMIN+3"), 37);
	assert_int_equal(signal_parse("rtmin+30"), 64);
	assert_int_equal(signal_parse("RTMAX"), 64);
	assert_int_equal(signal_parse("sigrtmax-30"), 34);
}

static void what_is_no_signal_is_0(void **state)
{
	static const char *const words[] = {
		"",
		"0",
		"65",
		"9x",
		"-1",
		"+9",
		"0x9",
		" 9",
		"4294967305",
		"SIG",
		"SIG9",
		"SIGNOSUCH",
		"SIGSIGKILL",
		"KIL",
		"KILLL",
		"RTMIN+31",
		"RTMAX-31",
		"RTMIN-1",
		"RTMAX+1",
		"RTMIN+",
		"RTMINx",
		"--help",
		"18446744073709551625",
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_int_equal(signal_parse(words[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_unique_and_upper_case),
		cmocka_unit_test(every_signal_below_the_real_time_ones_has_a_name),
		cmocka_unit_test(names_come_back_in_every_spelling),
		cmocka_unit_test(names_mean_what_the_c_library_means),
		cmocka_unit_test(numbers_go_from_1_to_64),
		cmocka_unit_test(real_time_signals_are_counted_from_both_ends),
		cmocka_unit_test(what_is_no_signal_is_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
