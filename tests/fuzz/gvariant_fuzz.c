/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/gvariant_fuzz.c - the values of org.systemd.property annotations
 *
 * What is taken must be lines that tare-systemd can read: whole ones, of known words, and every
 * bracket closed.
 */
#include "tests/fuzz/fuzz.h"

#include "plan/systemd/gvariant.h"

static bool starts(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

static void check_lines(const struct properties *p)
{
	int open = 0;

	fuzz_check(p->text && p->length > 0 && p->text[p->length - 1] == '\n');
	fuzz_check(strlen(p->text) == p->length);
	for (const char *line = p->text; *line; line = strchr(line, '\n') + 1) {
		if (starts(line, "array ") || starts(line, "struct "))
			open++;
		else if (starts(line, "end\n"))
			fuzz_check(--open >= 0);
		else
			fuzz_check(starts(line, "value ") || starts(line, "property X "));
	}
	fuzz_check(open == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;

	arena_open(&a);

	const char *text = fuzz_text(data, size, &a);
	struct properties value = { .arena = &a }, seconds = { .arena = &a };

	if (!gvariant_property(&value, "X", text))
		check_lines(&value);
	if (!gvariant_seconds(&seconds, "X", text))
		check_lines(&seconds);
	arena_close(&a);

	return 0;
}
