/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/text.h - JSON as bytes: what can be said of it without parsing
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How many bytes of @text are fine: valid UTF-8, no escape of half a surrogate pair, no \v and
 * \f, which JSON allows nowhere.
 * @problem says what is wrong behind them, or is NULL when that is all.
 */
size_t text_check(const char *text, size_t length, const char **problem);

/* The length of the white space that @text begins with. */
size_t text_blank(const char *text, size_t length);

/* Where the token begins that the byte before @end is part of. */
size_t text_token(const char *text, size_t length, size_t end);

/* Line and column of @offset, from 1. */
void text_position(const char *text, size_t offset, int *line, int *column);

/*
 * Copy @s for people to read: cut to @size, in one line, control characters as \u00XX.
 * Returns the number of bytes without the NUL.
 */
size_t text_show(char *buf, size_t size, const char *s, size_t length);
