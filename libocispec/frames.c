/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/frames.c - where we are in the document and where a value goes
 */
#include "libocispec/decoder.h"

#include <string.h>

#include "heap/arena.h"

#define FIRST_CAPACITY 4

struct frame *frame_top(struct decoder *d)
{
	return d->depth > 0 ? &d->frames[d->depth - 1] : NULL;
}

char *frame_copy_string(struct decoder *d, const char *s, size_t length)
{
	if (length >= d->pool_left)
		return arena_memdup(d->arena, s, length);

	char *copy = memcpy(d->pool, s, length);

	copy[length] = '\0';
	d->pool += length + 1;
	d->pool_left -= length + 1;

	return copy;
}

static void *grown(struct decoder *d, const void *old, size_t count, size_t capacity, size_t size)
{
	void *larger = arena_array(d->arena, capacity, size);

	if (count > 0)
		memcpy(larger, old, count * size);

	return larger;
}

void frame_make_room(struct decoder *d, struct frame *f)
{
	if (f->count + 1 < f->capacity)
		return;

	size_t capacity = f->capacity ? f->capacity * 2 : FIRST_CAPACITY;

	f->values = grown(d, f->values, f->count, capacity, oci_value_size(f->field));
	if (f->kind == FRAME_MAP)
		f->keys = grown(d, f->keys, f->count, capacity, sizeof(*f->keys));
	f->capacity = capacity;
}

static bool frame_is_unknown(const struct frame *f)
{
	return f->kind == FRAME_UNKNOWN_OBJECT || f->kind == FRAME_UNKNOWN_ARRAY ||
	       (f->kind == FRAME_STRUCT && !f->field);
}

struct slot slot_next(struct decoder *d)
{
	struct frame *f = frame_top(d);

	if (!f)
		return (struct slot) { 0 };
	f->in_value = true;
	if (f->kind == FRAME_STRUCT)
		return (struct slot) { .field = f->field,
				       .at = f->field ? f->object + f->field->offset : NULL };
	if (frame_is_unknown(f)) {
		f->count++;
		return (struct slot) { 0 };
	}

	frame_make_room(d, f);
	if (f->kind == FRAME_MAP)
		f->keys[f->count] = f->name;
	char *at = f->values + f->count++ * oci_value_size(f->field);

	return (struct slot) { .field = f->field, .element = true, .at = at };
}

int frame_value_done(struct decoder *d)
{
	struct frame *f = frame_top(d);

	if (f)
		f->in_value = false;

	return 1;
}

bool slot_takes(const struct slot *slot, enum oci_kind kind)
{
	return slot->field && (slot->element || slot->field->shape == OCI_ONE) &&
	       slot->field->kind == kind;
}

bool slot_is_ignored(struct decoder *d)
{
	struct frame *f = frame_top(d);

	return f && frame_is_unknown(f);
}

void slot_mark_present(struct decoder *d, const struct slot *slot)
{
	if (!slot->element)
		*(bool *) (frame_top(d)->object + slot->field->has_offset) = true;
}

struct frame *frame_push(struct decoder *d, enum frame_kind kind)
{
	if (d->depth == OCI_MAX_DEPTH) {
		refuse_at(d, refuse_this_token(d), "nested deeper than %d levels", OCI_MAX_DEPTH);
		return NULL;
	}

	struct frame *f = &d->frames[d->depth++];

	*f = (struct frame) { .kind = kind, .start = yajl_get_bytes_consumed(d->parser) };

	return f;
}

int frame_pop(struct decoder *d)
{
	d->depth--;

	return frame_value_done(d);
}
