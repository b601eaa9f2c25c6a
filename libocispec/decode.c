/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/decode.c - JSON text to C structs
 *
 * yajl reads the text and calls back for each token; the tables of oci_types.c say what it
 * may be and where it goes. Where we are in the document is a stack of frames, one for each
 * open { or [, so there is no recursion and the depth has a bound.
 *
 * The common case does no more than it must: places, lines and columns are only worked out
 * when there is something to tell, by reading the text again.
 */
#include "libocispec/decode.h"

#include <string.h>

#include "base/err.h"
#include "heap/arena.h"
#include "libocispec/decoder.h"
#include "libocispec/memory.h"
#include "libocispec/text.h"

#define PLACE_SHOWN 512 /* bytes of a place in the list of unknown properties */

static bool in_text(const struct decoder *d, const char *s)
{
	return (uintptr_t) s - (uintptr_t) d->text < d->length;
}

/* Pointer members have different types, so by the aliasing rules they are stored as bytes. */
static void store_pointer(char *at, const void *p)
{
	memcpy(at, &p, sizeof(p));
}

static int begin_struct(struct decoder *d, const struct oci_type *type, char *object)
{
	struct frame *f = frame_push(d, FRAME_STRUCT);

	if (!f)
		return 0;
	f->type = type;
	f->object = object;

	return 1;
}

/* The collection is stored in @slot's member once all its values are read. */
static int begin_collection(struct decoder *d, enum frame_kind kind, const struct slot *slot)
{
	char *owner = frame_top(d)->object;
	struct frame *f = frame_push(d, kind);

	if (!f)
		return 0;
	f->field = slot->field;
	f->owner = owner;

	return 1;
}

static int on_start_map(void *context)
{
	struct decoder *d = context;

	if (d->depth == 0) {
		d->object = arena_alloc(d->arena, d->type->size);
		return begin_struct(d, d->type, d->object);
	}

	struct slot slot = slot_next(d);
	if (slot_is_ignored(d))
		return frame_push(d, FRAME_UNKNOWN_OBJECT) != NULL;
	if (slot.field->shape == OCI_MAP && !slot.element)
		return begin_collection(d, FRAME_MAP, &slot);
	if (!slot_takes(&slot, OCI_OBJECT))
		return refuse_type(d, &slot, "an object");
	if (!slot.element) {
		char *object = arena_alloc(d->arena, slot.field->type->size);

		store_pointer(slot.at, object);
		slot.at = object;
	}

	return begin_struct(d, slot.field->type, slot.at);
}

static int compare_name(const struct oci_field *f, const char *name, size_t length)
{
	if (f->name_length != length)
		return length < f->name_length ? -1 : 1;

	return memcmp(name, f->name, length);
}

static const struct oci_field *find_field(const struct oci_type *type, const char *name,
					  size_t length)
{
	size_t low = 0, high = type->field_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct oci_field *f = &type->fields[type->by_name[middle]];
		int order = compare_name(f, name, length);

		if (order == 0)
			return f;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}

	return NULL;
}

static void list_unknown(struct decoder *d, const struct frame *f)
{
	struct oci_unknown *u = &d->unknown;
	char place[PLACE_SHOWN];

	if (u->total++ >= OCI_MAX_UNKNOWN)
		return;
	if (!u->items)
		u->items = arena_array(d->arena, OCI_MAX_UNKNOWN, sizeof(*u->items));
	refuse_place(d, place, sizeof(place));
	u->items[u->count++] = (struct oci_unknown_property) {
		.place = arena_strdup(d->arena, place),
		.near = refuse_near_field(f->type, f->name, f->name_length),
	};
}

static void remember_name(struct decoder *d, struct frame *f)
{
	struct oci_name name = {
		.text = f->name,
		.length = f->name_length,
		.offset = yajl_get_bytes_consumed(d->parser),
	};

	names_add(&f->names, d->arena, &name);
}

static int name_in_struct(struct decoder *d, struct frame *f)
{
	f->field = find_field(f->type, f->name, f->name_length);
	if (!f->field) {
		remember_name(d, f);
		list_unknown(d, f);
		return 1;
	}

	uint64_t bit = (uint64_t) 1 << (f->field - f->type->fields);
	if (f->seen & bit)
		return refuse_duplicate(d, f->name, f->name_length,
					yajl_get_bytes_consumed(d->parser));
	f->seen |= bit;

	return 1;
}

static int on_name(void *context, const unsigned char *bytes, size_t length)
{
	struct decoder *d = context;
	struct frame *f = frame_top(d);
	const char *name = (const char *) bytes;

	if (memchr(name, '\0', length))
		return refuse_at(d, refuse_this_token(d), "a name has a NUL character (\\u0000)");
	if (f->kind == FRAME_MAP && length == 0)
		return refuse_at(d, refuse_this_token(d), "a name is empty");

	/* yajl decodes a name with escapes into a buffer that the next name overwrites. */
	bool copy = f->kind == FRAME_MAP || !in_text(d, name);

	f->name = copy ? frame_copy_string(d, name, length) : name;
	f->name_length = length;
	f->in_value = true;
	if (f->kind == FRAME_STRUCT)
		return name_in_struct(d, f);
	remember_name(d, f);

	return 1;
}

static void store_map(struct decoder *d, const struct frame *f)
{
	struct oci_map *map = arena_alloc(d->arena, sizeof(*map));

	map->keys = f->keys;
	map->values = f->values;
	map->count = f->count;
	store_pointer(f->owner + f->field->offset, map);
}

static int on_end_map(void *context)
{
	struct decoder *d = context;
	struct frame *f = frame_top(d);
	const struct oci_name *twice = names_duplicate(&f->names, d->arena);

	if (twice)
		return refuse_duplicate(d, twice->text, twice->length, twice->offset);
	if (f->kind == FRAME_STRUCT && (f->type->required & ~f->seen) != 0)
		return refuse_missing(d, f, f->type->required & ~f->seen);
	if (f->kind == FRAME_MAP)
		store_map(d, f);
	d->end = yajl_get_bytes_consumed(d->parser);

	return frame_pop(d);
}

static int on_start_array(void *context)
{
	struct decoder *d = context;
	struct slot slot = slot_next(d);

	if (slot_is_ignored(d))
		return frame_push(d, FRAME_UNKNOWN_ARRAY) != NULL;
	if (!slot.field || slot.field->shape != OCI_ARRAY || slot.element)
		return refuse_type(d, &slot, "an array");

	return begin_collection(d, FRAME_ARRAY, &slot);
}

static int on_end_array(void *context)
{
	struct decoder *d = context;
	struct frame *f = frame_top(d);

	if (f->kind == FRAME_UNKNOWN_ARRAY)
		return frame_pop(d);
	if (f->count == 0) {
		if (f->field->not_empty)
			return refuse_at(d, f->start - 1, "must not be empty");
		/* An empty array gets a pointer too, so that it differs from an absent one. */
		frame_make_room(d, f);
	}
	store_pointer(f->owner + f->field->offset, f->values);
	*(size_t *) (f->owner + f->field->count_offset) = f->count;

	return frame_pop(d);
}

static const yajl_callbacks callbacks = {
	.yajl_null = decode_null,
	.yajl_boolean = decode_boolean,
	.yajl_number = decode_number,
	.yajl_string = decode_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_name,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/*
 * yajl's text is "lexical error: invalid character inside string.
 * ": leave the frame out.
 */
static int refuse_syntax(struct decoder *d)
{
	const char *all = (const char *) yajl_get_error(d->parser, 0, NULL, 0);
	const char *colon = strstr(all, ": ");
	const char *said = colon ? colon + 2 : all;
	size_t token = refuse_token_before(d, yajl_get_bytes_consumed(d->parser));
	size_t length = strcspn(said, "\n");

	if (length > 0 && said[length - 1] == '.')
		length--;

	return refuse_at(d, token, "not valid JSON: %.*s", (int) length, said);
}

/* yajl accepts half a string behind the document. */
static int check_rest(struct decoder *d)
{
	size_t at = d->end + text_blank(d->text + d->end, d->length - d->end);

	return at == d->length || refuse_at(d, at, "trailing bytes after the document");
}

static int parse(struct decoder *d)
{
	const char *problem;
	size_t good = text_check(d->text, d->length, &problem);
	/* Parse the valid part first, so that the place of the bad byte is known. */
	yajl_status status = yajl_parse(d->parser, (const unsigned char *) d->text, good);

	if (d->failed)
		return 0;
	if (d->object && d->depth == 0)
		return check_rest(d);
	if (status == yajl_status_error)
		return refuse_syntax(d);
	if (problem)
		return refuse_at(d, good, "%s", problem);
	/* yajl reports a lone number only when the text has ended. */
	if (yajl_complete_parse(d->parser) == yajl_status_error)
		return refuse_at(d, d->length, "not valid JSON: the document ends too early");

	return 0;
}

/* Errors that yajl does not find, or reports badly. */
static void check_ends(struct decoder *d)
{
	if (d->length > OCI_MAX_SIZE)
		refuse_at(d, 0, "larger than %zu bytes", OCI_MAX_SIZE);
	else if (text_blank(d->text, d->length) == d->length)
		refuse_at(d, 0, "the document is empty");
	else if (d->length >= 3 && memcmp(d->text, "\xef\xbb\xbf", 3) == 0)
		refuse_at(d, 0, "begins with a byte order mark");
}

int oci_decode(const struct oci_type *type, const char *text, size_t length, struct arena *a,
	       void **out, struct oci_unknown *unknown, struct err *e)
{
	yajl_alloc_funcs memory = memory_for_yajl(a);
	struct decoder d;

	/* The frames are not cleared: they are large, and frame_push() clears each. */
	memset(&d, 0, offsetof(struct decoder, frames));
	d.arena = a;
	d.e = e;
	d.text = text;
	d.length = length;
	d.type = type;

	check_ends(&d);
	if (d.failed)
		return -1;

	d.pool = arena_alloc(a, length + 1);
	d.pool_left = length + 1;
	d.parser = yajl_alloc(&callbacks, &memory, &d);
	/* text_check() validates strings, more strictly than yajl. */
	yajl_config(d.parser, yajl_dont_validate_strings, 1);
	if (!parse(&d))
		return -1;
	*out = d.object;
	if (unknown)
		*unknown = d.unknown;

	return 0;
}
