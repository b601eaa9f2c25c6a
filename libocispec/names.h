/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/names.h - the names of one JSON object: twice the same, or nearly so
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
 * The first name in the document that was there before, or NULL. May reorder the list. Never
 * quadratic, whatever the names are: a stranger wrote them.
 */
const struct oci_name *names_duplicate(struct oci_names *names, struct arena *a);

/*
 * How many letters must be changed, added, dropped or swapped to make one of the other,
 * regardless of case, if it is likely to be a slip of the hand; 0 if it is not.
 */
int names_slip(const char *a, size_t a_length, const char *b, size_t b_length);
