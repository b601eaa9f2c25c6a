/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/format.h - `--format` of list, ps and events: json, a table, or a template
 *
 * A template has fields in the simple form of Go's templates, as users of podman and docker type
 * them: `{{.ID}} {{.Status}}`. `table ` in front makes columns, with a heading, of what `\t`
 * separates.
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "heap/out.h"

#include <stdbool.h>
#include <stddef.h>

struct format_piece; /* format.c */

struct format {
	bool json;  /* then nothing else is set */
	bool table; /* with a heading, and columns */
	const struct format_piece *pieces;
	size_t count;
	const char *const *fields;
};

/*
 * Read @word, the value of --format, NULL: not given. @usual is the template of `table`. @fields
 * are the names there are, NULL-terminated, and stay the caller's. Everything of @f is in @a or in
 * the arguments. 0, or -1 with @e set: no such field, no template.
 */
int format_read(const char *word, const char *usual, const char *const *fields, struct arena *a,
		struct format *f, struct err *e);

/*
 * A line for each of @rows, an array of values in the order of the fields; what a terminal obeys in
 * them is escaped. @heading: above them the names in capitals, if it is a table. Columns are at
 * least 12 wide, with 3 blanks between them (the form of Go's tabwriter as runc sets it).
 */
void format_print(struct out *out, const struct format *f, const char *const *const *rows,
		  size_t count, bool heading, struct arena *a);
