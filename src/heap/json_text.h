/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/json_text.h - text that goes into JSON (RFC 8259, section 7)
 */
#pragma once

#include "heap/arena.h"

#define JSON_ESCAPE_SIZE 8

/* The escape of @c between quotes: its length, or 0 where @c needs none. */
size_t json_escape(char c, char escape[JSON_ESCAPE_SIZE]);

/*
 * The next part of *@text as it is written between quotes: bytes that need no escape, or one escape
 * (U+FFFD for a byte that is not UTF-8). Moves *@text behind it and sets *@piece, which points into
 * the text or to @escape. Returns the length of the part, 0 at the end of the text.
 */
size_t json_piece(const char **text, const char **piece, char escape[JSON_ESCAPE_SIZE]);

/* @text as a JSON string, with its quotes, in the arena. */
char *json_quote(struct arena *a, const char *text);

/*
 * @key as one reference token of a JSON pointer (RFC 6901), in the arena: `~` is ~0 and `/` is ~1.
 */
char *json_pointer_token(struct arena *a, const char *key);
