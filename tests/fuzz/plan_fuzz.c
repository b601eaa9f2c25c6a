/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/plan_fuzz.c - a whole config.json, and the plan for it
 *
 * Deciding has no side effects, so any config can be planned, on any host. What is accepted is
 * put behind what is in the file TARE_FUZZ_ACCEPTED, if there is one: accepted.py asks the specification's own schema
 * about it.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/host.h"
#include "tests/fuzz/mutate.h"

#include "base/err.h"
#include "libocispec/decode.h"

const struct oci_type *const mutate_type = &oci_config_type;
const bool mutate_decodable = true;
const char *const mutate_kept[][2] = { { "ociVersion", "\"1.2.0\"" },
				       { "root", "{\"path\":\"rootfs\"}" },
				       { NULL, NULL } };

#define MOST_ACCEPTED ((size_t) 64 << 20)

static FILE *accepted;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *path = getenv("TARE_FUZZ_ACCEPTED");

	(void) argc, (void) argv;
	if (!path)
		return 0;
	accepted = fopen(path, "ae");
	fuzz_check(accepted);

	return 0;
}

/* The first thousand, then one of 16: as `LENGTH\n` and the bytes. */
static void keep(const uint8_t *data, size_t size)
{
	static size_t count, written;

	if (!accepted || (count++ > 1000 && count % 16 != 0) || written > MOST_ACCEPTED)
		return;
	written += size;
	fprintf(accepted, "%zu\n", size);
	fuzz_check(fwrite(data, 1, size, accepted) == size && fflush(accepted) == 0);
}

static void locate(const uint8_t *data, size_t size, const struct err *e, struct arena *a)
{
	int line, column;

	fuzz_check_error(e);
	if (e->line == 0)
		oci_locate((const char *) data, size, e->place, a, &line, &column);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct plan *plan = NULL;
	const char *const *warnings = NULL;
	struct plan_options options;
	struct err e = { 0 };
	struct facts facts;
	struct arena a, scratch;
	void *config;
	int next = fuzz_next_descriptor();

	arena_open(&scratch);
	host_choose(fuzz_choice(data, size, &scratch), &facts, &options);
	arena_open(&a);
	plan_reserve(&a);
	if (oci_decode(&oci_config_type, (const char *) data, size, &a, &config, NULL, &e) < 0) {
		locate(data, size, &e, &scratch);
	} else if (plan_make(&a, &a, config, &options, &facts, &plan, &warnings, &e) < 0) {
		locate(data, size, &e, &scratch);
	} else {
		host_describe(plan, warnings);
		keep(data, size);
	}
	arena_close(&a);
	arena_close(&scratch);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}
