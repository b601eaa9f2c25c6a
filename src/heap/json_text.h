/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/json_text.h - text that goes into JSON (RFC 8259, section 7)
 */
#pragma once

#include "heap/arena.h"

#define JSON_ESCAPE_SIZE 8

/* How @c must be written between quotes: the length of @escape, or 0 where @c stands for itself. */
size_t json_escape(char c, char escape[JSON_ESCAPE_SIZE]);

/*
 * The next part of *@text as it is written between quotes: as many bytes as stand for themselves,
 * or one escape (of a byte that is no UTF-8, U+FFFD). Moves *@text behind it and sets *@piece,
 * which points into the text or to @escape. Returns the part's length, 0 at the end of the text.
 */
size_t json_piece(const char **text, const char **piece, char escape[JSON_ESCAPE_SIZE]);

/* @text as a JSON string, with its quotes, in the arena. */
char *json_quote(struct arena *a, const char *text);

/*
 * @key as one reference token of a JSON pointer (RFC 6901), in the arena: `~` is ~0 and `/` is ~1.
 */
char *json_pointer_token(struct arena *a, const char *key);
