/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/encode.h - C structs to JSON text
 */
#pragma once

#include <stddef.h>

#include "libocispec/table.h"

struct arena;

/*
 * Print @object, a struct of @type. Absent properties are left out, the others come in the schema's
 * order; only types are used, no other rule is checked. @indent is the text that one level is
 * indented by, and then a newline ends the whole; NULL: one line without a newline. Invalid UTF-8
 * becomes U+FFFD. @text is NUL-terminated in the arena. Can't fail.
 */
void oci_encode(const struct oci_type *type, const void *object, const char *indent,
		struct arena *a, const char **text, size_t *length);
