/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/text.h - JSON as bytes: what can be said of it without parsing
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The number of valid bytes: valid UTF-8, no escape of half a surrogate pair, no \v and \f, which
 * JSON never allows. @problem is the reason why the next byte is invalid, or NULL at the end.
 */
size_t text_check(const char *text, size_t length, const char **problem);

/* The length of the white space that @text begins with. */
size_t text_blank(const char *text, size_t length);

/* The offset where the token begins that has the byte before @end. */
size_t text_token(const char *text, size_t length, size_t end);

/* Line and column of @offset, from 1. */
void text_position(const char *text, size_t offset, int *line, int *column);

/*
 * Copy @s for a message: cut to @size, in one line, control characters as \u00XX. Returns the
 * length without the NUL.
 */
size_t text_show(char *buf, size_t size, const char *s, size_t length);
