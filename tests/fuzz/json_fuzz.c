/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/json_fuzz.c - the decoder and the encoder of libocispec
 *
 * Every input is tried as each of the documents that tare reads. What the decoder takes must be JSON
 * to another reader too, and come out of the encoder as what gives the same again; what that reader
 * takes must not be refused as no JSON.
 */
#include "tests/fuzz/fuzz.h"

#include "base/err.h"
#include "base/table.h"
#include "libocispec/decode.h"
#include "libocispec/encode.h"
#include "libocispec/oci_types.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/tree.h"

const struct oci_type *const mutate_type = &oci_config_type;
const bool mutate_decodable = false;
const char *const mutate_kept[][2] = { { NULL, NULL } };

static const struct oci_type *const types[] = {
	&oci_config_type,   &oci_process_type, &oci_linux_resources_type,
	&oci_features_type, &oci_state_type,
};

/* The other reader compares each name with each. */
#define MOST_COMPARED ((size_t) 1 << 17)

static void check_round_trip(const struct oci_type *type, const void *object, struct arena *a)
{
	const char *once, *again;
	size_t once_length, again_length;
	struct err e = { 0 };
	void *back;

	oci_encode(type, object, NULL, a, &once, &once_length);
	fuzz_check(strlen(once) == once_length);
	fuzz_check(oci_decode(type, once, once_length, a, &back, NULL, &e) == 0);
	oci_encode(type, back, "  ", a, &again, &again_length);
	fuzz_check(oci_decode(type, again, again_length, a, &back, NULL, &e) == 0);
	oci_encode(type, back, NULL, a, &again, &again_length);
	fuzz_check(again_length == once_length && memcmp(again, once, once_length) == 0);
}

static void check_refusal(const char *text, size_t size, bool valid, struct arena *a,
			  const struct err *e)
{
	int line = 0, column = 0;

	fuzz_check_error(e);
	fuzz_check(e->line > 0 && e->column > 0);
	fuzz_check(!valid || strncmp(e->text, "not valid", 9) != 0);
	oci_locate(text, size, e->place, a, &line, &column);
}

static void try_type(const struct oci_type *type, const char *text, size_t size, bool compared,
		     bool valid)
{
	struct oci_unknown unknown = { 0 };
	struct err e = { 0 };
	struct arena a;
	void *object;

	arena_open(&a);
	if (oci_decode(type, text, size, &a, &object, &unknown, &e) == 0) {
		fuzz_check(valid || !compared);
		fuzz_check(unknown.count <= unknown.total);
		check_round_trip(type, object, &a);
	} else {
		check_refusal(text, size, valid, &a, &e);
	}
	arena_close(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *) data;
	bool compared = size < MOST_COMPARED;
	struct arena a;

	arena_open(&a);
	bool valid = compared && tree_parse(text, size, &a);
	arena_close(&a);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		try_type(types[i], text, size, compared, valid);

	return 0;
}
