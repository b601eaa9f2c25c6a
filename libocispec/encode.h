/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/encode.h - C structs to JSON text
 */
#pragma once

#include <stddef.h>

#include "libocispec/table.h"

struct arena;

/*
 * Print @object, a struct of @type. Absent properties are left out, the others come in the
 * schema's order; no rule but the types is checked. @indent is what one level is moved in
 * by, with a newline behind the whole; NULL: all in one line without a newline. Bytes that
 * are not UTF-8 become U+FFFD. @text is NUL-terminated in the arena. Can't fail.
 */
void oci_encode(const struct oci_type *type, const void *object, const char *indent,
		struct arena *a, const char **text, size_t *length);
