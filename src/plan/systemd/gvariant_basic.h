/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/gvariant_basic.h - basic values of the GVariant text format; for gvariant.c
 */
#pragma once

#include "plan/systemd/property.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GVARIANT_DEEPEST 8 /* of types and values within each other */

struct gvariant_reader {
	const char *at;		/* the text that is left */
	struct properties *out; /* gets the values; NULL: only the type is asked for */
	struct arena *arena;
	int depth;
	const char *why; /* the reason why the text can't be read */
};

/* Set r->why, unless an earlier reason is set. Returns false. */
bool gvariant_fail(struct gvariant_reader *r, const char *why);

#define GVARIANT_BASICS 12

/* The basic types: D-Bus specification, "Basic types". */
extern const struct gvariant_basic {
	const char *word; /* in front of a value: "uint64" */
	char type;	  /* in a signature */
	bool negative;
	uint64_t most; /* the largest value; 0: not an integer type */
} gvariant_basics[GVARIANT_BASICS];

/* The length of the first complete type in @type; 0: the type is not known, or too deep. */
size_t gvariant_type_length(const char *type);

/* The length of a number token as GLib cuts it: all characters that a number may have. */
size_t gvariant_number_length(const char *at);

/* GLib's rule for a double: a point, an e, inf or nan. */
bool gvariant_is_double(const char *token);

/* @token in decimal, for @type; NULL: it is no number, or does not fit the type. */
const char *gvariant_in_decimal(struct gvariant_reader *r, const char *token, char type);

/*
 * Read a value at r->at, which moves behind it, and append it to r->out. @type: its letter in a
 * signature. False with r->why set.
 */
bool gvariant_read_bool(struct gvariant_reader *r);
bool gvariant_read_number(struct gvariant_reader *r, char type);
bool gvariant_read_string(struct gvariant_reader *r, char type);
