/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/pattern.c - the regular expressions that schema/ needs
 *
 * Three properties have one, so a whole regular expression library would be out of
 * proportion. Expressions come from schema/ only and are well-formed.
 */
#include "libocispec/pattern.h"

#include <string.h>

/* Is @c in the set between @set, which is behind its bracket, and @end? */
static bool in_set(const char *set, const char *end, char c)
{
	bool negated = *set == '^', found = false;

	for (set += negated; set < end; set++) {
		bool range = end - set > 2 && set[1] == '-';
		char high = range ? set[2] : *set;

		found = found || (c >= *set && c <= high);
		set += range ? 2 : 0;
	}

	return c != '\0' && found != negated;
}

/* The end of the one-character part at @part. */
static const char *part_end(const char *part)
{
	return *part == '[' ? strchr(part, ']') + 1 : part + 1;
}

static bool part_matches(const char *part, const char *end, char c)
{
	return *part == '[' ? in_set(part + 1, end - 1, c) : c == *part;
}

bool pattern_matches(const char *expression, const char *s)
{
	const char *part = expression + 1; /* behind the ^ */

	while (*part != '$') {
		const char *end = part_end(part);
		bool repeats = *end == '*' || *end == '+';

		if (*end != '*' && !part_matches(part, end, *s++))
			return false;
		while (repeats && part_matches(part, end, *s))
			s++;
		part = end + repeats;
	}

	return *s == '\0';
}
