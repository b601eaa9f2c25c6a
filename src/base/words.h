/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/words.h - what a word is, and what it ends with
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool is_one_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;

	return false;
}

static inline bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), part = strlen(end);

	return length >= part && strcmp(text + length - part, end) == 0;
}
