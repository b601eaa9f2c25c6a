/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/resources_fuzz.c - what engines give to update --resources, and what is written for it
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/host.h"
#include "tests/fuzz/mutate.h"

#include "base/err.h"
#include "libocispec/decode.h"
#include "plan/limits/update.h"

const struct oci_type *const mutate_type = &oci_linux_resources_type;
const bool mutate_decodable = true;
const char *const mutate_kept[][2] = { { NULL, NULL } };

/* Every value goes to a file of the container's own directory. */
static void check_steps(const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *dir = steps[i].cgroup_file.directory, *file = steps[i].cgroup_file.file;

		fuzz_check(steps[i].op == OP_WRITE_CGROUP);
		fuzz_check(strncmp(dir, fuzz_directory(), strlen(fuzz_directory())) == 0);
		fuzz_check(!strchr(file, '/') && strcmp(file, "..") != 0);
		fuzz_check(steps[i].cgroup_file.value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct step *steps = NULL;
	struct plan_options options;
	struct err e = { 0 };
	struct facts facts;
	struct arena a;
	void *resources;
	size_t count = 0;
	int next = fuzz_next_descriptor();

	arena_open(&a);
	host_choose(fuzz_choice(data, size, &a), &facts, &options);
	if (oci_decode(&oci_linux_resources_type, (const char *) data, size, &a, &resources, NULL,
		       &e) < 0 ||
	    plan_update(resources, host_cgroups(&facts, &a), &facts, &a, &steps, &count, &e) < 0)
		fuzz_check_error(&e);
	else
		check_steps(steps, count);
	arena_close(&a);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}
