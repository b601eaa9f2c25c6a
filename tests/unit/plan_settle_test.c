/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_settle_test.c - tare-init gets along with the arena alone
 *
 * A plan with nearly every kind of step is made, and what it consists of is searched for words that
 * point into this program, or to what it has decoded: literals and static tables are at other addresses in
 * tare-init, or not there at all.
 */
#include "tests/unit/plan_harness.h"
#include "skip.h"

#include "kernel/process.h"
#include "plan/settle.h"

#include <stdint.h>
#include <stdio.h>

static const char full_config[] =
	"{\"ociVersion\":\"1.0.0\",\"hostname\":\"h\",\"domainname\":\"d\","
	"\"annotations\":{\"run.oci.pidfd_receiver\":\"/p\",\"run.oci.hooks.stdout\":\"/o\",\"run.oci.hooks.stderr\":\"/e\"},"
	"\"root\":{\"path\":\"/tmp\",\"readonly\":true},"
	"\"process\":{\"terminal\":true,\"cwd\":\"/\",\"args\":[\"sh\"],\"env\":[\"A=b\"],"
	"\"user\":{\"uid\":5,\"gid\":6,\"additionalGids\":[7]},\"oomScoreAdj\":5,"
	"\"scheduler\":{\"policy\":\"SCHED_BATCH\"},"
	"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":3},"
	"\"noNewPrivileges\":true,\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1,\"hard\":2}],"
	"\"capabilities\":{\"bounding\":[\"CAP_KILL\"]}},"
	"\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"options\":[\"ro\"]},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"options\":[\"mode=755\",\"nosuid\"]},"
	"{\"destination\":\"/d\",\"source\":\"/tmp\",\"type\":\"bind\",\"options\":[\"rbind\",\"rslave\",\"ro\"]}],"
	"\"hooks\":{\"prestart\":[{\"path\":\"/a\"}],\"createRuntime\":[{\"path\":\"/a\"}],"
	"\"createContainer\":[{\"path\":\"/b\",\"args\":[\"x\"],\"env\":[\"y=z\"]}],"
	"\"startContainer\":[{\"path\":\"/c\"}]},"
	"\"linux\":{\"cgroupsPath\":\"/x\",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
	"\"rootfsPropagation\":\"rshared\",\"personality\":{\"domain\":\"LINUX\"},"
	"\"netDevices\":{\"h0\":{\"name\":\"eth%d\"}},\"intelRdt\":{\"closID\":\"/\",\"l3CacheSchema\":\"L3:0=1\"},"
	"\"memoryPolicy\":{\"mode\":\"MPOL_PREFERRED\"},"
	"\"resources\":{\"devices\":[{\"allow\":false}],\"memory\":{\"limit\":5000000}},"
	"\"maskedPaths\":[\"/proc/keys\"],\"readonlyPaths\":[\"/proc/sys\"],"
	"\"devices\":[{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229}],"
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"acct\"],\"action\":\"SCMP_ACT_ERRNO\"}]},"
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"uts\"},{\"type\":\"ipc\"},"
	"{\"type\":\"network\",\"path\":\"/run/netns/of-nobody\"},{\"type\":\"cgroup\"}]}}";

/* Of this very program, as the linker names it. */
extern const char __executable_start[], _end[];

/* What is decoded, and the facts. */
static struct arena own;

static bool points_here(uintptr_t word)
{
	return (word >= (uintptr_t) __executable_start && word < (uintptr_t) _end) ||
	       (word >= (uintptr_t) own.base && word < (uintptr_t) own.base + own.size);
}

static const struct plan *make(struct arena *a, const char *json)
{
	const struct plan_options options = {
		.id = "web",
		.bundle = "/b",
		.state_dir = "/run/tare/web",
		.wait_for_start = true,
		.pass_console = true,
		.detach = true,
	};
	const char *const *warnings;
	const struct plan *plan = NULL;
	struct facts facts;
	struct err e = { 0 };
	void *config;

	plan_reserve(a);
	if (oci_decode(&oci_config_type, json, strlen(json), &own, &config, NULL, &e) < 0 ||
	    facts_gather(&facts, &own, &e) < 0)
		fail_msg("%s: %s", e.place, e.text);
	facts.resctrl = "/r";
	if (plan_make(a, &own, config, &options, &facts, &plan, &warnings, &e) < 0)
		fail_msg("%s: %s", e.place, e.text);

	return plan;
}

static bool in_arena(const struct arena *a, uintptr_t word)
{
	return word >= (uintptr_t) a->base && word + sizeof(word) <= (uintptr_t) a->base + a->used;
}

/* Between the pieces of an arena, too, which AddressSanitizer is told to guard (heap/guard.h). */
__attribute__((no_sanitize_address)) static uintptr_t read_word(const char *at)
{
	uintptr_t word = 0;

	for (size_t i = 0; i < sizeof(word); i++)
		((volatile char *) &word)[i] = at[i];

	return word;
}

static uintptr_t word_at(const char *at)
{
	uintptr_t word = read_word(at);

	if (points_here(word))
		fail_msg("%p holds a pointer into tare, to \"%.20s\"", (const void *) at,
			 (const char *) word);

	return word;
}

/* What a word points at may be a list of pointers itself: follow it for as long as it looks like
 * one. */
static void check_list(const struct arena *a, uintptr_t list)
{
	for (const char *at = (const char *) list; in_arena(a, (uintptr_t) at); at += sizeof(list))
		if (!in_arena(a, word_at(at)))
			return;
}

static void check_words(const struct arena *a, const char *from, size_t size)
{
	for (size_t at = 0; at + sizeof(uintptr_t) <= size; at += sizeof(uintptr_t)) {
		uintptr_t word = word_at(from + at);

		if (in_arena(a, word))
			check_list(a, word);
	}
}

static void nothing_in_the_plan_points_into_tare(void **state)
{
	struct arena a;

	(void) state;
	if (sys_euid() != 0)
		skip_as("only root can make what it needs");
	arena_open(&own);
	assert_int_equal(arena_open_shared(&a), 0);

	const struct plan *plan = make(&a, full_config);

	assert_true(plan->step_count > 40);
	check_words(&a, (const char *) plan->steps, plan->step_count * sizeof(struct step));
	check_words(&a, (const char *) plan, sizeof(*plan));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_the_plan_points_into_tare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
