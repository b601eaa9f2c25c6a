/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec_roundtrip - decode and encode files, for test_schema_roundtrip.py
 *
 *     libocispec_roundtrip TYPE FILE...
 *
 * For each file one line: `ok JSON` with what came out in one line, or `error MESSAGE`.
 * What was encoded is decoded and encoded once more, plain and indented; where that is not
 * the same text, it prints `differs` and exits 1.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/table.h"
#include "heap/arena.h"
#include "libocispec/decode.h"
#include "libocispec/encode.h"
#include "libocispec/oci_types.h"

static const struct {
	const char *name;
	const struct oci_type *type;
} types[] = {
	{ "config", &oci_config_type },	    { "process", &oci_process_type },
	{ "state", &oci_state_type },	    { "resources", &oci_linux_resources_type },
	{ "features", &oci_features_type },
};

struct text {
	const char *bytes;
	size_t length;
};

static struct text read_file(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f || fseek(f, 0, SEEK_END) != 0) {
		perror(path);
		exit(2);
	}

	size_t length = (size_t) ftell(f);
	char *bytes = arena_alloc(a, length + 1);

	rewind(f);
	if (fread(bytes, 1, length, f) != length) {
		perror(path);
		exit(2);
	}
	fclose(f);

	return (struct text) { bytes, length };
}

static bool reprint(const struct oci_type *type, struct text in, const char *indent,
		    struct arena *a, struct text *out, struct err *e)
{
	void *object;

	if (oci_decode(type, in.bytes, in.length, a, &object, NULL, e) < 0)
		return false;
	oci_encode(type, object, indent, a, &out->bytes, &out->length);

	return true;
}

static bool same(struct text a, struct text b)
{
	return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static bool goes_round(const struct oci_type *type, struct text once, struct arena *a)
{
	struct err e = { 0 };
	struct text indented, back;

	return reprint(type, once, "\t", a, &indented, &e) && !same(indented, once) &&
	       reprint(type, indented, NULL, a, &back, &e) && same(back, once);
}

static int try_file(const struct oci_type *type, const char *path)
{
	struct arena a;
	struct err e = { 0 };
	struct text once;
	char line[ERR_TEXT * 2];

	arena_open(&a);
	if (!reprint(type, read_file(&a, path), NULL, &a, &once, &e)) {
		err_line(&e, line, sizeof(line));
		printf("error %s\n", line);
		return 0;
	}
	if (!goes_round(type, once, &a)) {
		printf("differs %s\n", path);
		return 1;
	}
	printf("ok %.*s\n", (int) once.length, once.bytes);

	return 0;
}

int main(int argc, char **argv)
{
	const struct oci_type *type = NULL;
	int result = 0;

	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(types); i++)
		if (strcmp(types[i].name, argv[1]) == 0)
			type = types[i].type;
	if (!type) {
		fprintf(stderr, "usage: libocispec_roundtrip TYPE FILE...\n");
		return 2;
	}
	for (int i = 2; i < argc; i++)
		result |= try_file(type, argv[i]);

	return result;
}
