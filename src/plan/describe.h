/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/describe.h - the operands of a step in one line: for the files that describe steps
 */
#pragma once

#include "plan/plan.h"

/* A line that is built up in @buf. Once @buf is full, @length still counts. */
struct line {
	char *buf;
	size_t size, length;
	bool in_list; /* the next item of a list gets a comma in front */
};

void line_add(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Append @text in quotes, escaped so that the line stays one line. */
void line_quote(struct line *l, const char *text);

/* Append an item to a list: the first has a space in front, the others a comma. */
void line_add_item(struct line *l, const char *text);

/* Append @name and, for each range, INSIDE:OUTSIDE:COUNT. */
void line_add_ranges(struct line *l, const char *name, const struct id_range *ranges, size_t count);

/* Append the operands of the step. */
typedef void describer(struct line *l, const struct step *s);

/* ---- mounts/describe.c ---- */

describer describe_propagation, describe_rootfs, describe_layers, describe_mount, describe_device,
	describe_link;
