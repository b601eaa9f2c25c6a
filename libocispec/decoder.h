/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/decoder.h - what the parts of the decoder share
 *
 * decode.c    the document, objects, arrays
 * values.c    single values
 * frames.c    where we are in the document and where a value goes
 * refuse.c    what is wrong, in words
 *
 * Functions of the last two that return int do so for yajl: 0 stops it, 1 goes on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <yajl/yajl_parse.h>

#include "libocispec/decode.h"
#include "libocispec/names.h"

enum frame_kind {
	FRAME_STRUCT,	      /* an object of the schema */
	FRAME_MAP,	      /* an object with arbitrary names */
	FRAME_ARRAY,	      /* of values of the schema */
	FRAME_UNKNOWN_OBJECT, /* below an unknown property */
	FRAME_UNKNOWN_ARRAY,
};

struct frame {
	enum frame_kind kind;
	bool in_value; /* a value is being read: in objects, from its name on */
	size_t start;  /* offset behind the bracket */
	size_t count;  /* array, map: values that have begun */

	/* Objects: the last name, and the list that is checked for duplicates. */
	const char *name;
	size_t name_length;
	struct oci_names names;

	/* struct: the object being filled, and the fields that were read (bit n: fields[n]). */
	const struct oci_type *type;
	char *object;
	uint64_t seen;

	/*
	 * struct: the property of the next value, NULL if it is unknown. array, map: the property
	 * that the array or map is.
	 */
	const struct oci_field *field;

	/* array, map: the values so far, and the struct that gets them at the end. */
	char *values;
	const char **keys;
	size_t capacity;
	char *owner;
};

struct decoder {
	yajl_handle parser;
	struct arena *arena;
	struct err *e;
	const char *text;
	size_t length;

	const struct oci_type *type;
	void *object; /* the result; NULL until the first bracket */
	size_t end;   /* offset behind the last bracket */
	bool failed;  /* e is set */

	char *pool; /* memory for strings, as large as the text, which is about what they need */
	size_t pool_left;

	struct oci_unknown unknown;
	size_t depth;
	struct frame frames[OCI_MAX_DEPTH];
};

/* The place for the value that begins. */
struct slot {
	const struct oci_field *field; /* NULL: it is unknown */
	bool element;		       /* an element of an array or map, not the whole property */
	char *at;
};

/* frames.c */

/* The innermost frame; NULL outside of the outermost bracket. */
struct frame *frame_top(struct decoder *d);

/*
 * Open a frame for a bracket, otherwise empty. NULL with the error set where the document is nested
 * too deeply.
 */
struct frame *frame_push(struct decoder *d, enum frame_kind kind);

/* Close the frame, and with it a value of the frame around it. */
int frame_pop(struct decoder *d);

/* A scalar value has been read. */
int frame_value_done(struct decoder *d);

/* Make room for one more value of an array or map, and for the NULL behind an array of strings. */
void frame_make_room(struct decoder *d, struct frame *f);

/* A string for the result. */
char *frame_copy_string(struct decoder *d, const char *s, size_t length);

/* The place for the value that begins. */
struct slot slot_next(struct decoder *d);

/* Is the value below an unknown property, so that it may have any type? */
bool slot_is_ignored(struct decoder *d);

/* Does the slot take a single value of @kind? */
bool slot_takes(const struct slot *slot, enum oci_kind kind);

/* Set has_x of a property that has such a flag. */
void slot_mark_present(struct decoder *d, const struct slot *slot);

/* values.c: called by yajl */

int decode_null(void *context);
int decode_boolean(void *context, int value);
int decode_number(void *context, const char *s, size_t length);
int decode_string(void *context, const unsigned char *bytes, size_t length);

/* refuse.c: all refuse_ that return int set d->e and return 0 */

/* The JSON pointer of the value that is being read; between values, that of the object or array. */
void refuse_place(const struct decoder *d, char *buf, size_t size);

/* The offset of the token that ends before @end. */
size_t refuse_token_before(const struct decoder *d, size_t end);

/* The offset of the token that yajl is calling back for. */
size_t refuse_this_token(const struct decoder *d);

int refuse_at(struct decoder *d, size_t offset, const char *fmt, ...)
	__attribute__((cold, format(printf, 3, 4)));

/* The value has another type than the slot. */
int refuse_type(struct decoder *d, const struct slot *slot, const char *found);
int refuse_number(struct decoder *d, const struct slot *slot, const char *s, size_t length);
int refuse_string(struct decoder *d, const struct slot *slot, const char *s, size_t length);

/* The value has the right type, but is not allowed. */
int refuse_range(struct decoder *d, const struct oci_field *field, const char *s, size_t length);
int refuse_word(struct decoder *d, const struct oci_words *words, const char *s, size_t length);
int refuse_pattern(struct decoder *d, const struct oci_pattern *pattern, const char *s);

/* The object has this name twice; the second ends before offset @end. */
int refuse_duplicate(struct decoder *d, const char *name, size_t length, size_t end);

/* @missing: bits of required properties that the object in @f does not have. */
int refuse_missing(struct decoder *d, const struct frame *f, uint64_t missing);

/* The property of @type with a name similar to @name, or NULL. */
const char *refuse_near_field(const struct oci_type *type, const char *name, size_t length);
