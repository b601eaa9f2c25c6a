/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/locate.c - the line and column of a JSON pointer
 *
 * Decoded values do not keep their position: only an error needs it, and then the text is read
 * again.
 */
#include <string.h>
#include <yajl/yajl_parse.h>

#include "heap/arena.h"
#include "libocispec/decode.h"
#include "libocispec/memory.h"
#include "libocispec/text.h"

struct finder {
	yajl_handle parser;
	const char *pointer; /* the rest of the pointer: empty, or `/` and a segment */
	bool wanted;	     /* the next value is the one for @pointer's segment */
	/* the innermost value on the way so far: its first token ends at @end */
	bool found;
	size_t end;
	unsigned depth;
	unsigned path_depth; /* of the object or array in which the segment is looked for */
	size_t index;	     /* the index in it, if it is an array */
	bool in_array;
};

/* The length of the first segment with its slash. */
static size_t segment_length(const char *pointer)
{
	return 1 + strcspn(pointer + 1, "/");
}

static bool segment_is(const char *pointer, const char *name, size_t length)
{
	const char *s = pointer + 1, *end = pointer + segment_length(pointer);
	size_t i = 0;

	for (; s < end && i < length; i++, s++) {
		char c = *s;

		if (c == '~' && s + 1 < end)
			c = *++s == '0' ? '~' : '/';
		if (c != name[i])
			return false;
	}

	return s == end && i == length;
}

static bool segment_is_index(const char *pointer, size_t index)
{
	size_t value = 0, length = segment_length(pointer);

	for (size_t i = 1; i < length; i++) {
		if (pointer[i] < '0' || pointer[i] > '9' || value > OCI_MAX_SIZE)
			return false;
		value = value * 10 + (size_t) (pointer[i] - '0');
	}

	return length > 1 && value == index;
}

/* A value begins. Is it on the way, so that the rest of the pointer is looked for in it? */
static bool enter(struct finder *f)
{
	if (f->in_array && f->depth == f->path_depth)
		f->wanted = segment_is_index(f->pointer, f->index++);
	if (!f->wanted)
		return false;
	f->wanted = false;
	f->found = true;
	f->end = yajl_get_bytes_consumed(f->parser);

	return true;
}

/* A value without members. If it is on the way, the way ends here. */
static int on_scalar(struct finder *f)
{
	return !enter(f);
}

static int on_null(void *context)
{
	return on_scalar(context);
}

static int on_boolean(void *context, int value)
{
	(void) value;

	return on_scalar(context);
}

static int on_number(void *context, const char *s, size_t length)
{
	(void) s;
	(void) length;

	return on_scalar(context);
}

static int on_string(void *context, const unsigned char *s, size_t length)
{
	(void) s;
	(void) length;

	return on_scalar(context);
}

static int on_start(struct finder *f, bool array)
{
	bool entered = enter(f);

	f->depth++;
	if (!entered)
		return 1;
	if (*f->pointer != '/')
		return 0;
	/* The first segment is looked for in the outermost value. */
	if (f->depth > 1)
		f->pointer += segment_length(f->pointer);
	f->path_depth = f->depth;
	f->in_array = array;
	f->index = 0;

	return *f->pointer == '/';
}

static int on_start_map(void *context)
{
	return on_start(context, false);
}

static int on_start_array(void *context)
{
	return on_start(context, true);
}

static int on_end(void *context)
{
	struct finder *f = context;

	/*
	 * The object or array at this depth ends and had no such member: stop, unless it is a
	 * sibling of the path.
	 */
	return f->depth-- != f->path_depth;
}

static int on_name(void *context, const unsigned char *name, size_t length)
{
	struct finder *f = context;

	f->wanted =
		f->depth == f->path_depth && segment_is(f->pointer, (const char *) name, length);

	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_name,
	.yajl_end_map = on_end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end,
};

int oci_locate(const char *text, size_t length, const char *pointer, struct arena *a, int *line,
	       int *column)
{
	yajl_alloc_funcs memory = memory_for_yajl(a);
	struct finder f = { .pointer = pointer, .wanted = true };

	f.parser = yajl_alloc(&callbacks, &memory, &f);
	yajl_parse(f.parser, (const unsigned char *) text, length);
	if (!f.found)
		return -1;
	text_position(text, text_token(text, length, f.end), line, column);

	return 0;
}
