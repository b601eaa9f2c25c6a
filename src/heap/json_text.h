/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/json_text.h - text that goes into JSON (RFC 8259, section 7)
 */
#pragma once

#include "heap/arena.h"

#define JSON_ESCAPE_SIZE 8

/* How @c must be written between quotes: the length of @escape, or 0 where @c stands for itself. */
size_t json_escape(char c, char escape[JSON_ESCAPE_SIZE]);

/* @text as a JSON string, with its quotes, in the arena. */
char *json_quote(struct arena *a, const char *text);

/* @key as one reference token of a JSON pointer (RFC 6901), in the arena: `~` is ~0 and `/` is ~1. */
char *json_pointer_token(struct arena *a, const char *key);
