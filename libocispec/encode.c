/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/encode.c - C structs to JSON text
 *
 * The mirror of decode.c: the same tables, yajl's generator. It calls itself for objects in
 * objects, as deep as the types of the schema are nested in each other, which is not at all
 * in themselves.
 */
#include "libocispec/encode.h"

#include <string.h>
#include <yajl/yajl_gen.h>

#include "base/fmt.h"
#include "base/utf8.h"
#include "heap/arena.h"
#include "libocispec/memory.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct encoder {
	yajl_gen gen;
	struct arena *arena;
};

static const void *load_pointer(const char *at)
{
	const void *p;

	memcpy(&p, at, sizeof(p));

	return p;
}

/* Replace invalid UTF-8: an ID or a path may have any bytes, JSON may not. */
static const char *make_valid(struct encoder *en, const char *s, size_t *length)
{
	char *valid = arena_array(en->arena, *length + 1, sizeof(REPLACEMENT) - 1);
	size_t out = 0, step;

	for (size_t i = 0; i < *length; i += step) {
		step = utf8_length(s + i, *length - i);
		bool bad = step == 0;

		if (bad)
			step = 1;
		size_t count = bad ? sizeof(REPLACEMENT) - 1 : step;

		memcpy(valid + out, bad ? REPLACEMENT : s + i, count);
		out += count;
	}
	*length = out;

	return valid;
}

static void put_string(struct encoder *en, const char *s)
{
	size_t length = strlen(s);

	for (size_t i = 0, step; i < length; i += step) {
		step = utf8_length(s + i, length - i);
		if (step == 0) {
			s = make_valid(en, s, &length);
			break;
		}
	}
	yajl_gen_string(en->gen, (const unsigned char *) s, length);
}

static void put_signed(struct encoder *en, long long value)
{
	char digits[24];

	yajl_gen_number(en->gen, digits, fmt_text(digits, sizeof(digits), "%lld", value));
}

static void put_unsigned(struct encoder *en, unsigned long long value)
{
	char digits[24];

	yajl_gen_number(en->gen, digits, fmt_text(digits, sizeof(digits), "%llu", value));
}

/*
 * With indentation yajl would put two newlines into an empty object: so the brackets are written as
 * a "number", which yajl copies as it is.
 */
static void put_empty(struct encoder *en, const char *brackets)
{
	yajl_gen_number(en->gen, brackets, 2);
}

static void put_object(struct encoder *en, const struct oci_type *type, const char *object);

/* Write the value at @at; for an object @at is the object itself. */
static void put_value(struct encoder *en, const struct oci_field *f, const char *at)
{
	switch ((enum oci_kind) f->kind) {
	case OCI_STRING:
		put_string(en, load_pointer(at));
		break;
	case OCI_BOOL:
		yajl_gen_bool(en->gen, *(const bool *) at);
		break;
	case OCI_INT32:
		put_signed(en, *(const int32_t *) at);
		break;
	case OCI_INT64:
		put_signed(en, *(const int64_t *) at);
		break;
	case OCI_UINT32:
		put_unsigned(en, *(const uint32_t *) at);
		break;
	case OCI_UINT64:
		put_unsigned(en, *(const uint64_t *) at);
		break;
	case OCI_OBJECT:
		put_object(en, f->type, at);
		break;
	}
}

static void put_array(struct encoder *en, const struct oci_field *f, const char *values,
		      size_t count)
{
	if (count == 0) {
		put_empty(en, "[]");
		return;
	}
	yajl_gen_array_open(en->gen);
	for (size_t i = 0; i < count; i++)
		put_value(en, f, values + i * oci_value_size(f));
	yajl_gen_array_close(en->gen);
}

static void put_map(struct encoder *en, const struct oci_field *f, const char *at)
{
	struct oci_map map;

	memcpy(&map, at, sizeof(map));
	if (map.count == 0) {
		put_empty(en, "{}");
		return;
	}
	yajl_gen_map_open(en->gen);
	for (size_t i = 0; i < map.count; i++) {
		put_string(en, map.keys[i]);
		put_value(en, f, (const char *) map.values + i * oci_value_size(f));
	}
	yajl_gen_map_close(en->gen);
}

static bool is_pointer(const struct oci_field *f)
{
	return f->shape != OCI_ONE || f->kind == OCI_STRING || f->kind == OCI_OBJECT;
}

static bool is_present(const struct oci_field *f, const char *object)
{
	if (is_pointer(f))
		return load_pointer(object + f->offset) != NULL;

	return *(const bool *) (object + f->has_offset);
}

static void put_field(struct encoder *en, const struct oci_field *f, const char *object)
{
	const char *at = object + f->offset;

	yajl_gen_string(en->gen, (const unsigned char *) f->name, f->name_length);
	if (f->shape == OCI_ARRAY)
		put_array(en, f, load_pointer(at), *(const size_t *) (object + f->count_offset));
	else if (f->shape == OCI_MAP)
		put_map(en, f, load_pointer(at));
	else
		put_value(en, f, f->kind == OCI_OBJECT ? load_pointer(at) : at);
}

static void put_object(struct encoder *en, const struct oci_type *type, const char *object)
{
	bool empty = true;

	for (size_t i = 0; i < type->field_count && empty; i++)
		empty = !is_present(&type->fields[i], object);
	if (empty) {
		put_empty(en, "{}");
		return;
	}

	yajl_gen_map_open(en->gen);
	for (size_t i = 0; i < type->field_count; i++)
		if (is_present(&type->fields[i], object))
			put_field(en, &type->fields[i], object);
	yajl_gen_map_close(en->gen);
}

void oci_encode(const struct oci_type *type, const void *object, const char *indent,
		struct arena *a, const char **text, size_t *length)
{
	yajl_alloc_funcs memory = memory_for_yajl(a);
	struct encoder en = { .gen = yajl_gen_alloc(&memory), .arena = a };
	const unsigned char *buf;

	if (indent) {
		yajl_gen_config(en.gen, yajl_gen_beautify, 1);
		yajl_gen_config(en.gen, yajl_gen_indent_string, indent);
	}
	put_object(&en, type, object);
	yajl_gen_get_buf(en.gen, &buf, length);
	*text = (const char *) buf;
}
