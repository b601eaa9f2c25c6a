/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/gvariant_values.c - what plan/systemd/gvariant.c makes of a text, for tests/unit/test_gvariant.py
 *
 * Each argument is one text. For each: the lines for tare-systemd, or `refused: WHY`; then a line of dashes.
 */
#include "plan/systemd/gvariant.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	struct arena arena;

	arena_open(&arena);
	for (int i = 1; i < argc; i++) {
		struct properties p = { .arena = &arena };
		const char *why = gvariant_property(&p, "X", argv[i]);

		if (why)
			printf("refused: %s\n", why);
		else
			printf("%s", p.text);
		printf("--------\n");
	}

	return 0;
}
