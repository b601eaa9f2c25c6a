/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/words.h - what a word is, what it ends with, and how many there are
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

/* Of the NULL-terminated @list, which may be NULL itself. */
static inline size_t list_length(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;

	return n;
}

/* What a flag that may be repeated was given, in order. Zeroed: it was not given. */
struct text_list {
	const char *const *items; /* NULL-terminated; NULL: none */
	const char *const *flags; /* by which of the flags that fill this list, as items: "bind" */
	size_t count;
};

static inline bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), part = strlen(end);

	return length >= part && strcmp(text + length - part, end) == 0;
}
