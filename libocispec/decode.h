/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/decode.h - JSON text to C structs
 *
 * As strict as RFC 8259 allows: exactly one UTF-8 document; no duplicate name anywhere, no
 * `\u0000` in a name or in a string that is used, no wrong type read as something else, no
 * number that does not fit. Names are case-sensitive. `null` of an optional property means
 * that it is absent. Properties that are not in the schema are ignored, but listed.
 *
 * Needs no memory but the arena's. The result has no pointer into the text.
 */
#pragma once

#include <stddef.h>

#include "libocispec/table.h"

struct arena;
struct err;

#define OCI_MAX_DEPTH	128
#define OCI_MAX_SIZE	((size_t) 16 << 20)
#define OCI_MAX_UNKNOWN 64

struct oci_unknown_property {
	const char *place; /* JSON pointer */
	const char *near;  /* a known property with a similar name, or NULL */
};

/* The properties that are not in the schema: the first OCI_MAX_UNKNOWN of them. */
struct oci_unknown {
	struct oci_unknown_property *items;
	size_t count;
	size_t total; /* includes those that are not listed */
};

/*
 * Decode one object: @*out gets a struct of @type (oci_config_type: struct oci_config). On failure
 * -1, with place, line and column of the wrong value (or name); @out and @unknown are then
 * unchanged, but the arena has grown. @unknown may be NULL.
 */
int oci_decode(const struct oci_type *type, const char *text, size_t length, struct arena *a,
	       void **out, struct oci_unknown *unknown, struct err *e);

/*
 * Line and column in @text of the value that JSON pointer @pointer names, or else of the innermost
 * value on the way to it. Counted from 1, columns in bytes. -1 where @text has no value at all. For
 * errors that are found after decoding: it reads the text again, which must be valid.
 */
int oci_locate(const char *text, size_t length, const char *pointer, struct arena *a, int *line,
	       int *column);
