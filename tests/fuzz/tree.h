/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/tree.h - a JSON document as a tree that can be changed
 *
 * A second reader of JSON, that shares no line with libocispec and yajl: what it refuses, they must not
 * take, and the other way round.
 */
#pragma once

#include "heap/arena.h"
#include "libocispec/table.h"

#include <stdbool.h>
#include <stddef.h>

enum tree_kind {
	TREE_NULL,
	TREE_BOOL,
	TREE_NUMBER,
	TREE_STRING,
	TREE_ARRAY,
	TREE_OBJECT,
};

struct tree {
	enum tree_kind kind;
	const char *text; /* as it is written; of a string what is between its quotes */
	size_t length;
	struct tree **items; /* array, object */
	struct tree **names; /* object: strings, beside items */
	size_t count, room;

	/* What the schema says of it: tree_mark(). */
	const struct oci_field
		*field;		     /* the property it is the value of, or one of the values of */
	const struct oci_type *type; /* of an object that has properties of the schema */
	bool element;
};

/*
 * Read exactly one document of RFC 8259: UTF-8, no name twice in an object, no half of a surrogate
 * pair, no deeper than 128. NULL: it is none. All memory is @a's.
 */
struct tree *tree_parse(const char *text, size_t length, struct arena *a);

/* Write it: the length, or 0 where it is longer than @size. */
size_t tree_print(const struct tree *t, char *buf, size_t size);

struct tree *tree_new(enum tree_kind kind, const char *text, size_t length, struct arena *a);
struct tree *tree_copy(const struct tree *t, struct arena *a);
/* @name: NULL in an array. */
void tree_add(struct tree *t, struct tree *name, struct tree *item, struct arena *a);
void tree_remove(struct tree *t, size_t index);

/* The member of this name, or NULL. */
struct tree *tree_member(const struct tree *t, const char *name);

/* Note in all nodes what the schema says of them, where @t is an object of @type. */
void tree_mark(struct tree *t, const struct oci_type *type);
