/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/lines.h - the form of journal and record: a line is `key value`
 *
 * In values a backslash is written \\ and a line end \n; every other byte stands for itself.
 */
#pragma once

#include "heap/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINES_MAX ((size_t) 32 << 20)

/*
 * A text that is being written: in the arena, or, without an arena, in the caller's @text of @room
 * bytes.
 */
struct lines {
	struct arena *arena;
	char *text;
	size_t length, room;
	bool cut; /* the caller's room was too small */
};

void lines_add(struct lines *l, const char *key, const char *value);
/* @text must have a key and a line end, already escaped */
void lines_add_raw(struct lines *l, const char *text);
void lines_add_number(struct lines *l, const char *key, uint64_t value);

/* A line that was read. */
struct line {
	const char *key;
	char *value; /* unescaped */
};

/*
 * Take the next line off *@text, which is changed in place and moves behind it. 1; 0 at the end;
 * -1: the line has no value, or no line end (a write was cut short).
 */
int lines_next(char **text, struct line *line);

/* The regular file @name in @dir, with a NUL at its end. NULL with *@r = -errno. */
char *lines_read(int dir, const char *name, struct arena *a, int *r);
