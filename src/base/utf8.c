/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/utf8.c - characters in UTF-8
 */
#include "base/utf8.h"

#include "base/table.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The well-formed byte sequences of the Unicode standard: by the range of the first byte their
 * length, and the range of the second byte. All further bytes are 80..BF.
 */
static const struct {
	unsigned char first_low, first_high, length, second_low, second_high;
} forms[] = {
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf }, /* below would be an overlong form */
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f }, /* above would be a surrogate */
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf }, /* below would be an overlong form */
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f }, /* above would be beyond U+10FFFF */
};

static bool has_tail(const char *s, size_t length)
{
	for (size_t i = 2; i < length; i++)
		if (((unsigned char) s[i] & 0xc0) != 0x80)
			return false;

	return true;
}

/* The unsafe characters beyond ASCII, as ranges. */
static const struct {
	unsigned first, last;
} unsafe[] = {
	{ 0x80, 0x9f },	    { 0x61c, 0x61c },	{ 0x200e, 0x200f },
	{ 0x2028, 0x202e }, { 0x2066, 0x2069 },
};

unsigned utf8_unsafe(const char *s, size_t *length)
{
	const unsigned char *u = (const unsigned char *) s;
	unsigned number;

	*length = 1;
	if (u[0] < 0x80)
		return u[0] < ' ' || u[0] == 0x7f ? u[0] : 0;
	*length = utf8_length(s, SIZE_MAX);
	/* No unsafe character has four bytes. */
	if (*length == 2)
		number = (u[0] & 0x1fU) << 6 | (u[1] & 0x3fU);
	else if (*length == 3)
		number = (u[0] & 0x0fU) << 12 | (u[1] & 0x3fU) << 6 | (u[2] & 0x3fU);
	else
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(unsafe); i++)
		if (number >= unsafe[i].first && number <= unsafe[i].last)
			return number;

	return 0;
}

size_t utf8_length(const char *s, size_t length)
{
	unsigned char first = (unsigned char) s[0];
	unsigned char second = length > 1 ? (unsigned char) s[1] : 0;

	if (first < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (first < forms[i].first_low || first > forms[i].first_high)
			continue;
		bool fits = forms[i].length <= length && second >= forms[i].second_low &&
			    second <= forms[i].second_high;

		return fits && has_tail(s, forms[i].length) ? forms[i].length : 0;
	}

	return 0;
}
