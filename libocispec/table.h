/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/table.h - how a JSON type is described to the decoder and the encoder
 *
 * generate.py writes one `struct oci_type` for each object of schema/ into oci_types.c, and
 * next to it the C struct that objects of that type are decoded into. The tables are the
 * only thing that decode.c and encode.c know of the OCI specification.
 *
 * A property's value becomes, in the C struct:
 *
 *   OCI_ONE    string   const char *x       NULL: absent
 *              bool     bool has_x, x
 *              integer  bool has_x; ..._t x
 *              object   struct T *x         NULL: absent
 *   OCI_ARRAY           T *x; size_t x_count    NULL: absent; empty: not NULL, count 0.
 *                       Behind the last string is a NULL, as argv wants it.
 *   OCI_MAP             a pointer to a struct laid out as struct oci_map; NULL: absent.
 *                       The order is the document's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oci_kind {
	OCI_STRING,
	OCI_BOOL,
	OCI_INT32,
	OCI_INT64,
	OCI_UINT32,
	OCI_UINT64,
	OCI_OBJECT,
};

enum oci_shape {
	OCI_ONE,
	OCI_ARRAY,
	OCI_MAP,
};

/* The allowed strings of a property. */
struct oci_words {
	const char *const *words;
	size_t count;
};

/* A regular expression of the few forms that pattern.h knows, and examples for the error text. */
struct oci_pattern {
	const char *expression;
	const char *examples; /* `"64KB" or "2MB"` */
};

struct oci_field {
	const char *name;
	uint8_t name_length;
	uint8_t kind;  /* enum oci_kind: of the value, of an array's element, of a map's value */
	uint8_t shape; /* enum oci_shape */
	bool required;
	bool not_empty; /* an array must have an element */
	uint16_t offset;
	uint16_t has_offset;		   /* of a bool or integer's has_x */
	uint16_t count_offset;		   /* of an array's x_count */
	const struct oci_type *type;	   /* of an OCI_OBJECT */
	const struct oci_words *words;	   /* NULL: any string */
	const struct oci_pattern *pattern; /* NULL: any string */
	int64_t min;			   /* of integers */
	uint64_t max;
};

struct oci_type {
	const char *name; /* the name in the schema */
	size_t size;	  /* of the C struct */
	const struct oci_field *fields;
	const uint8_t *by_name; /* indices of fields, ordered by length, then bytes, of the name */
	uint8_t field_count;	/* at most 64, as the decoder keeps sets of fields in one word */
	uint64_t required;	/* bit n: fields[n] is required */
};

/* How every map is laid out. */
struct oci_map {
	const char **keys;
	void *values;
	size_t count;
};

struct oci_string_map {
	const char **keys;
	const char **values;
	size_t count;
};

/* The value of @key in @map, which may be NULL; NULL where @map has no such key. */
const char *oci_string_map_find(const struct oci_string_map *map, const char *key);

/* The bytes one value of @field takes: the field itself, an element of an array or of a map. */
size_t oci_value_size(const struct oci_field *field);
