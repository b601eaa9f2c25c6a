/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/names.h - the names of one JSON object: repeated or similar ones
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

/*
 * The number of letters to change, add, drop or swap to turn one name into the other, regardless of
 * case, if that is likely to be a typing error; else 0.
 */
int names_slip(const char *a, size_t a_length, const char *b, size_t b_length);
