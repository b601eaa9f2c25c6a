/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/table.c - what follows from a row of the tables
 */
#include "libocispec/table.h"

#include <string.h>

size_t oci_value_size(const struct oci_field *field)
{
	switch ((enum oci_kind) field->kind) {
	case OCI_STRING:
		return sizeof(const char *);
	case OCI_BOOL:
		return sizeof(bool);
	case OCI_INT32:
	case OCI_UINT32:
		return sizeof(uint32_t);
	case OCI_INT64:
	case OCI_UINT64:
		return sizeof(uint64_t);
	case OCI_OBJECT:
		break;
	}

	return field->type->size;
}

const char *oci_string_map_find(const struct oci_string_map *map, const char *key)
{
	for (size_t i = 0; map && i < map->count; i++)
		if (strcmp(map->keys[i], key) == 0)
			return map->values[i];

	return NULL;
}
