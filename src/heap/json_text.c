/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/json_text.c - text that goes into JSON
 *
 * Only quotes, backslashes and control characters need another form. What comes from config.json was
 * checked to be UTF-8 when it was read; a path may be any bytes, and those that are none become U+FFFD.
 */
#include "heap/json_text.h"

#include "base/fmt.h"
#include "base/table.h"

#include <string.h>

static const char with_letter[] = "\"\\\b\f\n\r\t";
static const char letters[] = "\"\\bfnrt";

size_t json_escape(char c, char escape[JSON_ESCAPE_SIZE])
{
	const char *found = c ? strchr(with_letter, c) : NULL;

	if (found)
		return fmt_text(escape, JSON_ESCAPE_SIZE, "\\%c", letters[found - with_letter]);
	if ((unsigned char) c < ' ')
		return fmt_text(escape, JSON_ESCAPE_SIZE, "\\u%04x", (unsigned) c);

	return 0;
}

size_t json_character(const char *text)
{
	/* By the range of the first byte: the number of bytes, and the range of the second (RFC 3629). */
	static const struct {
		unsigned char first, last, second_min, second_max, length;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *s = (const unsigned char *) text;

	if (s[0] < 0x80)
		return s[0] != '\0';
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (s[1] < forms[i].second_min || s[1] > forms[i].second_max)
			return 0;
		for (size_t n = 2; n < forms[i].length; n++)
			if ((s[n] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}

	return 0;
}

/* How many bytes from @s on stand for themselves; not the end. */
static size_t plain(const char *s)
{
	if ((unsigned char) *s < ' ' || *s == '"' || *s == '\\')
		return 0;

	return json_character(s);
}

size_t json_piece(const char **text, const char **piece, char escape[JSON_ESCAPE_SIZE])
{
	const char *end = *text;
	size_t length;

	while ((length = plain(end)) > 0)
		end += length;
	length = (size_t) (end - *text);
	*piece = *text;
	if (length == 0 && *end != '\0') {
		*piece = escape;
		length = json_escape(*end++, escape);
		if (length == 0)
			length = fmt_text(escape, JSON_ESCAPE_SIZE, "\\ufffd");
	}
	*text = end;

	return length;
}

static size_t quoted_length(const char *text)
{
	char escape[JSON_ESCAPE_SIZE];
	const char *piece;
	size_t length = 2, part;

	while ((part = json_piece(&text, &piece, escape)) > 0)
		length += part;

	return length;
}

char *json_quote(struct arena *a, const char *text)
{
	char *quoted = arena_alloc(a, quoted_length(text) + 1);
	char *end = quoted, escape[JSON_ESCAPE_SIZE];
	const char *piece;
	size_t part;

	*end++ = '"';
	while ((part = json_piece(&text, &piece, escape)) > 0) {
		memcpy(end, piece, part);
		end += part;
	}
	*end = '"';

	return quoted;
}

char *json_pointer_token(struct arena *a, const char *key)
{
	char *token = arena_alloc(a, 2 * strlen(key) + 1), *to = token;

	for (; *key; key++) {
		if (*key == '~' || *key == '/') {
			*to++ = '~';
			*to++ = *key == '~' ? '0' : '1';
		} else {
			*to++ = *key;
		}
	}

	return token;
}
