/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/text.c - JSON as bytes: what can be said of it without parsing
 *
 * yajl lets some bytes pass that are no UTF-8 (surrogates in three bytes, characters beyond
 * U+10FFFF), half surrogate pairs in escapes, and \v and \f as white space. These are looked
 * for here first.
 */
#include "libocispec/text.h"

#include <endian.h>
#include <string.h>

#include "base/fmt.h"
#include "base/utf8.h"

#define ONES 0x0101010101010101u
#define HIGH 0x8080808080808080u

/* The high bit of each byte of @word that equals @c; it may also be set in bytes above a match. */
static uint64_t find_byte(uint64_t word, unsigned char c)
{
	uint64_t other = word ^ (ONES * c);

	return (other - ONES) & ~other & HIGH;
}

/*
 * How many of the eight bytes at @s come before the first that must be checked: nearly always all.
 */
static size_t count_plain(const char *s)
{
	uint64_t word;

	memcpy(&word, s, sizeof(word));
	word = le64toh(word);

	uint64_t special = (word & HIGH) | find_byte(word, '\\') | find_byte(word, '\v') |
			   find_byte(word, '\f');

	return special == 0 ? 8 : (size_t) __builtin_ctzll(special) / 8;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;

	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number of a `\uXXXX` at @s, or -1 where there is none. */
static int escaped_unit(const char *s, size_t length)
{
	int value = 0;

	if (length < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_digit(s[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}

	return value;
}

/* The length of the escape at @s, or 0 for half of a surrogate pair. yajl checks the rest. */
static size_t escape_length(const char *s, size_t length)
{
	int unit = escaped_unit(s, length);

	if (unit < 0)
		return length < 2 ? 1 : 2;
	if (unit < 0xd800 || unit > 0xdfff)
		return 6;

	int low = escaped_unit(s + 6, length - 6);

	return unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/*
 * The length of the part at @s that is checked, or 0 where it is invalid. Behind a backslash any
 * character may follow: a multi-byte one is checked by the next call.
 */
static size_t check_one(const char *s, size_t length, const char **problem)
{
	if (*s == '\v' || *s == '\f') {
		*problem = "not valid JSON: a control character";
		return 0;
	}
	if (*s != '\\') {
		size_t step = utf8_length(s, length);

		if (step == 0)
			*problem = "not valid UTF-8";
		return step;
	}

	size_t step = escape_length(s, length);
	if (step == 0)
		*problem = "half of a surrogate pair";

	return step == 2 && (unsigned char) s[1] >= 0x80 ? 1 : step;
}

size_t text_check(const char *text, size_t length, const char **problem)
{
	size_t at = 0;

	*problem = NULL;
	while (at < length) {
		size_t step = length - at >= 8 ? count_plain(text + at) : 0;

		if (step == 0)
			step = check_one(text + at, length - at, problem);

		if (step == 0)
			break;
		at += step;
	}

	return at;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

size_t text_blank(const char *text, size_t length)
{
	size_t at = 0;

	while (at < length && is_space(text[at]))
		at++;

	return at;
}

static size_t string_end(const char *text, size_t length, size_t at)
{
	for (at++; at < length && text[at] != '"'; at++)
		if (text[at] == '\\')
			at++;

	return at < length ? at + 1 : length;
}

static bool is_word(char c)
{
	return c != '\0' && !is_space(c) && !strchr("{}[],:\"", c);
}

static size_t token_end(const char *text, size_t length, size_t at)
{
	if (text[at] == '"')
		return string_end(text, length, at);
	if (!is_word(text[at]))
		return at + 1;
	while (at < length && is_word(text[at]))
		at++;

	return at;
}

size_t text_token(const char *text, size_t length, size_t end)
{
	size_t start = 0, at = 0;

	while (at < length && at < end) {
		start = at;
		at = token_end(text, length, at);
	}

	return start;
}

void text_position(const char *text, size_t offset, int *line, int *column)
{
	size_t start = 0;

	*line = 1;
	for (size_t i = 0; i < offset; i++) {
		if (text[i] != '\n')
			continue;
		++*line;
		start = i + 1;
	}
	*column = (int) (offset - start) + 1;
}

/* C0, DEL and C1: a terminal may take these for commands. */
static bool is_control(const char *s, size_t length)
{
	unsigned char c = (unsigned char) s[0];

	return c < 0x20 || c == 0x7f || (c == 0xc2 && length > 1 && (unsigned char) s[1] < 0xa0);
}

size_t text_show(char *buf, size_t size, const char *s, size_t length)
{
	size_t out = 0, step;

	for (size_t i = 0; i < length; i += step) {
		char escape[8];
		const char *from = s + i;

		step = utf8_length(from, length - i);
		if (step == 0)
			step = 1;
		size_t count = step;
		if (is_control(from, length - i)) {
			unsigned char c = (unsigned char) from[step - 1];

			count = fmt_text(escape, sizeof(escape), "\\u%04x", c);
			from = escape;
		}
		if (out + count >= size)
			break;
		memcpy(buf + out, from, count);
		out += count;
	}
	if (size > 0)
		buf[out] = '\0';

	return out;
}
