/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/json_text.c - text that goes into JSON
 *
 * Quotes, backslashes and control characters must be escaped, and other characters that a terminal
 * would obey are escaped, too. Text from config.json was checked to be UTF-8 when it was read. A
 * path may have any bytes: those that are not UTF-8 become U+FFFD.
 */
#include "heap/json_text.h"

#include "base/fmt.h"
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static const char with_letter[] = "\"\\\b\f\n\r\t";
static const char letters[] = "\"\\bfnrt";

size_t json_escape(char c, char escape[JSON_ESCAPE_SIZE])
{
	const char *found = c ? strchr(with_letter, c) : NULL;

	if (found)
		return fmt_text(escape, JSON_ESCAPE_SIZE, "\\%c", letters[found - with_letter]);
	if ((unsigned char) c < ' ' || c == 0x7f)
		return fmt_text(escape, JSON_ESCAPE_SIZE, "\\u%04x", (unsigned) c);

	return 0;
}

/* The number of bytes from @s on that need no escape, without the NUL. */
static size_t plain(const char *s)
{
	size_t length;

	if (*s == '"' || *s == '\\' || *s == '\0' || utf8_unsafe(s, &length))
		return 0;

	return length;
}

/* Escape the character at *@s, which moves behind it. */
static size_t escape_next(const char **s, char escape[JSON_ESCAPE_SIZE])
{
	size_t length;
	unsigned number = utf8_unsafe(*s, &length);

	if (number > 0x7f) {
		*s += length;
		return fmt_text(escape, JSON_ESCAPE_SIZE, "\\u%04x", number);
	}
	length = json_escape(*(*s)++, escape);

	return length > 0 ? length : fmt_text(escape, JSON_ESCAPE_SIZE, "\\ufffd");
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
		length = escape_next(&end, escape);
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
