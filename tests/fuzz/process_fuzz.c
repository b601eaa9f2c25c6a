/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/process_fuzz.c - what engines give to exec --process, and the plan for it
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/host.h"
#include "tests/fuzz/mutate.h"

#include "base/err.h"
#include "libocispec/decode.h"
#include "plan/process/exec.h"

#include <sched.h>

const struct oci_type *const mutate_type = &oci_process_type;
const bool mutate_decodable = true;
const char *const mutate_kept[][2] = { { "cwd", "\"/\"" }, { "args", "[\"sh\"]" }, { NULL, NULL } };

static int plan(void *process, struct facts *facts, struct plan_options *options, struct arena *a,
		struct err *e)
{
	static char version[] = "1.3.0";
	const struct oci_config config = { .oci_version = version, .process = process };
	const struct exec_target target = {
		.pid = 1234,
		.start_time = 5678,
		.namespaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC,
		.cgroup = "/sys/fs/cgroup/web",
		.cgroups_v1 = host_cgroups(facts, a),
		.cgroups_late = host_cgroups(facts, a),
		.bundle = "/b",
	};
	const char *const *warnings = NULL;
	const struct plan *made = NULL;

	if (plan_make_exec(a, a, &config, options, facts, &target, &made, &warnings, e) < 0)
		return -1;
	host_describe(made, warnings);

	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct plan_options options;
	struct err e = { 0 };
	struct facts facts;
	struct arena a;
	void *process;
	int next = fuzz_next_descriptor();

	arena_open(&a);
	plan_reserve(&a);
	host_choose(fuzz_choice(data, size, &a), &facts, &options);
	if (oci_decode(&oci_process_type, (const char *) data, size, &a, &process, NULL, &e) < 0 ||
	    plan(process, &facts, &options, &a, &e) < 0)
		fuzz_check_error(&e);
	arena_close(&a);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}
