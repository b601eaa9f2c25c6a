/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/names.h - names: one that an object has twice, and the one that a word misspells
 */
#pragma once

#include <stddef.h>

struct arena;

struct oci_name {
	const char *text;
	size_t length;
	size_t offset; /* of the byte behind it in the document */
};

struct oci_names {
	struct oci_name *items;
	size_t count, capacity;
};

void names_add(struct oci_names *names, struct arena *a, const struct oci_name *name);

/*
 * The first name in the document that is a repetition, or NULL. May reorder the list. Never
 * quadratic, whatever the names are: the document may be hostile.
 */
const struct oci_name *names_duplicate(struct oci_names *names, struct arena *a);

/* A search among names for the one that a misspelt word most likely means. */
struct names_nearest {
	const char *word; /* the misspelt word */
	size_t word_length;
	const char *name; /* the most similar name so far; NULL: no name is similar */
	size_t length;
	int slips; /* letters to change, add, drop or swap between the two */
};

/*
 * Compare one more name, of @length bytes, regardless of case. A name that is too different for a
 * typing error is not similar; of two that are equally similar the first is kept.
 */
void names_nearest_try(struct names_nearest *n, const char *name, size_t length);
