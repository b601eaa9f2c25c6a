/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/words.h - words, and lists of words
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

/* The length of the NULL-terminated @list, which may be NULL. */
static inline size_t list_length(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;

	return n;
}

/* Is @word, of @length bytes, one of the comma-separated @list? */
static inline bool comma_list_has(const char *list, const char *word, size_t length)
{
	for (const char *at = list; at; at = strchr(at, ',')) {
		if (*at == ',')
			at++;
		if (strncmp(at, word, length) == 0 && (at[length] == '\0' || at[length] == ','))
			return true;
	}

	return false;
}

/* The value of @name in @env (NULL-terminated, or NULL; NAME=VALUE), or NULL. */
static inline const char *env_value(const char *const *env, const char *name)
{
	size_t length = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
			return *env + length + 1;

	return NULL;
}

/* The values of a flag that may be repeated, in order. All zero: the flag was not given. */
struct text_list {
	const char *const *items; /* NULL-terminated; NULL: none */
	/* for each item the name of its flag, where several flags fill the list: "bind" */
	const char *const *flags;
	size_t count;
};

static inline bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), part = strlen(end);

	return length >= part && strcmp(text + length - part, end) == 0;
}
