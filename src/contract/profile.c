/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/profile.c - a record becomes linux.seccomp; a profile is asked about a record
 *
 * The profile allows the recorded calls and refuses all others with EPERM. Calls that are newer
 * than all calls of the profile get ENOSYS by the runtime's own rule. A runtime loads the filter
 * before it executes the program, so the profile also allows the calls that the runtime makes in
 * between.
 */
#include "contract/record.h"

#include "base/fmt.h"
#include "base/table.h"
#include "libocispec/encode.h"
#include "plan/seccomp/profile.h"
#include "spec/load.h"

#include <linux/seccomp.h>
#include <string.h>

/* ---- what runtimes need ---- */

/*
 * For each runtime, the calls between its filter and its exec, as measured
 * (docs/kernel-contract.md): with and without no_new_privs, users and capabilities. The last rows
 * of runc are calls of Go's threads.
 */
static const struct {
	const char *runtime;
	const char *const calls[64];
} needs[] = {
	{ "tare", { "execve" } },
	{ "runc", { "execve",	      "capget",	      "capset",
		    "chdir",	      "close",	      "close_range",
		    "epoll_ctl",      "faccessat2",   "fchown",
		    "fcntl",	      "fstat",	      "fstatfs",
		    "futex",	      "getcwd",	      "getdents64",
		    "getpid",	      "getppid",      "newfstatat",
		    "openat",	      "openat2",      "prctl",
		    "read",	      "rt_sigreturn", "seccomp",
		    "setgid",	      "setgroups",    "setuid",
		    "statx",	      "tgkill",	      "write",
		    "clone",	      "clone3",	      "epoll_create1",
		    "epoll_pwait",    "eventfd2",     "exit",
		    "exit_group",     "fsconfig",     "fsmount",
		    "fsopen",	      "gettid",	      "madvise",
		    "mmap",	      "munmap",	      "nanosleep",
		    "pipe2",	      "rseq",	      "rt_sigaction",
		    "rt_sigprocmask", "sched_yield",  "set_robust_list",
		    "sigaltstack" } },
	{ "crun",
	  { "execve", "capset", "close", "close_range", "prctl", "rt_sigaction", "rt_sigprocmask",
	    "setresgid", "setresuid", "write" } },
};

static int add_needs(const char *runtime, const char **names, size_t *count, struct err *e)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(needs) && strcmp(needs[i].runtime, runtime) != 0)
		i++;
	if (i == ARRAY_SIZE(needs))
		return err_msg(e, "--for %s: it is tare, runc or crun", runtime);
	for (size_t k = 0; k < ARRAY_SIZE(needs[i].calls) && needs[i].calls[k]; k++)
		names[(*count)++] = needs[i].calls[k];

	return 0;
}

/* ---- rules ---- */

struct maker {
	struct arena *arena;
	struct oci_linux_syscall *rules;
	size_t count, room;
};

static struct oci_linux_syscall *add_rule(struct maker *m)
{
	m->rules = arena_grow(m->arena, m->rules, m->count, &m->room, sizeof(*m->rules));
	m->rules[m->count] = (struct oci_linux_syscall) { .action = "SCMP_ACT_ALLOW" };

	return &m->rules[m->count++];
}

static const char **one_name(struct maker *m, const char *name)
{
	const char **names = arena_array(m->arena, 2, sizeof(*names));

	names[0] = name;

	return names;
}

static struct oci_linux_seccomp_arg condition(const struct oci_call_argument *arg, uint64_t value)
{
	return (struct oci_linux_seccomp_arg) {
		.has_index = true,
		.index = arg->index,
		.has_value = true,
		.value = arg->has_mask ? arg->mask : ~0ULL,
		.has_value_two = true,
		.value_two = value,
		.op = "SCMP_CMP_MASKED_EQ",
	};
}

/* Count the arguments of @call that become conditions: those with few values. */
static size_t count_conditions(const struct oci_call_record *call, size_t *product)
{
	size_t count = 0;

	*product = 1;
	for (size_t i = 0; i < call->args_count && count < 2; i++) {
		const struct oci_call_argument *arg = &call->args[i];

		if (arg->any || arg->values_count == 0 ||
		    *product * arg->values_count > RECORD_VALUES)
			break;
		*product *= arg->values_count;
		count++;
	}

	return count;
}

/* Add a rule for each combination of the values: conditions of one rule are and-ed, rules or-ed. */
static void add_conditions(struct maker *m, const struct oci_call_record *call, size_t count,
			   size_t product)
{
	for (size_t n = 0; n < product; n++) {
		struct oci_linux_syscall *rule = add_rule(m);
		size_t rest = n;

		rule->names = one_name(m, call->name);
		rule->names_count = 1;
		rule->args = arena_array(m->arena, count, sizeof(*rule->args));
		rule->args_count = count;
		for (size_t i = 0; i < count; i++) {
			const struct oci_call_argument *arg = &call->args[i];

			rule->args[i] = condition(arg, arg->values[rest % arg->values_count]);
			rest /= arg->values_count;
		}
	}
}

/* A name stands for the call on all architectures, so its conditions must be the same on all. */
static bool has_twin(const struct call_record *r, const struct oci_call_record *call)
{
	for (size_t i = 0; i < r->count; i++)
		if (&r->calls[i] != call && strcmp(r->calls[i].name, call->name) == 0)
			return true;

	return false;
}

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;

	return false;
}

static size_t list_architectures(const struct call_record *r, const char **archs)
{
	size_t count = 0;

	for (size_t i = 0; i < r->count; i++) {
		const char *name = call_arch_profile_name(call_arch_of_name(r->calls[i].arch));

		if (!is_among(name, archs, count))
			archs[count++] = name;
	}

	return count;
}

int profile_make(const struct call_record *record, const struct profile_wishes *wishes,
		 struct arena *a, const char **text, struct err *e)
{
	static const char *const tare[] = { "tare", NULL };
	const size_t most = ARRAY_SIZE(needs) * ARRAY_SIZE(needs[0].calls);
	const char **names = arena_array(a, record->count + 16 * most + 1, sizeof(*names));
	const char **archs = arena_array(a, CALL_ARCHES + 1, sizeof(*archs));
	struct maker m = { .arena = a };
	struct oci_linux_syscall *plain = add_rule(&m);
	size_t count = 0, product, length;

	for (const char *const *r = wishes->runtimes ? wishes->runtimes : tare; *r; r++)
		if (count > 15 * most || add_needs(*r, names, &count, e) < 0)
			return count > 15 * most ? err_msg(e, "--for: too many") : -1;

	size_t needed = count, kept = 0;
	for (size_t i = 0; i < needed; i++)
		if (!is_among(names[i], names, kept))
			names[kept++] = names[i];
	needed = count = kept;
	for (size_t i = 0; i < record->count; i++) {
		const struct oci_call_record *call = &record->calls[i];
		size_t conditions = wishes->args && !has_twin(record, call)
					    ? count_conditions(call, &product)
					    : 0;

		if (is_among(call->name, names, count))
			continue;
		if (conditions > 0)
			add_conditions(&m, call, conditions, product);
		else
			names[count++] = call->name;
	}
	/* Adding rules may have moved the array. */
	plain = &m.rules[0];
	plain->names = names;
	plain->names_count = count;

	const struct oci_linux_seccomp profile = {
		.default_action = "SCMP_ACT_ERRNO",
		.has_default_errno_ret = true,
		.default_errno_ret = 1,
		.architectures = archs,
		.architectures_count = list_architectures(record, archs),
		.syscalls = m.rules,
		.syscalls_count = m.count,
	};

	oci_encode(&oci_linux_seccomp_type, &profile, "\t", a, text, &length);

	return 0;
}

/* ---- asking a profile ---- */

/* The effect of a refusal on the program; NULL: the call is allowed. */
static const char *describe(uint32_t result, struct arena *a)
{
	unsigned data = result & SECCOMP_RET_DATA;

	switch (result & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
		return "the process is killed";
	case SECCOMP_RET_KILL_THREAD:
		return "the thread is killed";
	case SECCOMP_RET_TRAP:
		return "SIGSYS";
	case SECCOMP_RET_ERRNO:
		return data > 0 ? arena_printf(a, "%s", errno_text((int) data)) : NULL;
	case SECCOMP_RET_TRACE:
		return "function not implemented, unless somebody traces it";
	case SECCOMP_RET_USER_NOTIF:
		return "an agent decides";
	default:
		return NULL;
	}
}

/* The number of combinations of recorded values; 0: none, as no argument is known completely. */
static size_t count_combinations(const struct oci_call_record *call)
{
	size_t product = 1;
	bool any = false;

	for (size_t i = 0; i < call->args_count && i < 2; i++) {
		const struct oci_call_argument *arg = &call->args[i];

		if (arg->any || arg->values_count == 0 || (arg->has_mask && arg->mask < UINT32_MAX))
			continue;
		product *= arg->values_count;
		any = true;
	}

	return any ? product : 0;
}

static void fill_combination(struct seccomp_question *q, const struct oci_call_record *call,
			     size_t n)
{
	q->known = 0;
	for (size_t i = 0; i < call->args_count && i < 2; i++) {
		const struct oci_call_argument *arg = &call->args[i];

		if (arg->any || arg->values_count == 0 || (arg->has_mask && arg->mask < UINT32_MAX))
			continue;
		q->known |= 1U << arg->index;
		q->args[arg->index] = arg->values[n % arg->values_count];
		n /= arg->values_count;
	}
}

/* Ask for each combination of the recorded values; all other arguments are unknown. */
static void ask_values(const struct seccomp_program *program, struct seccomp_question *q,
		       const struct oci_call_record *call, struct profile_answer *to,
		       struct arena *a)
{
	size_t count = count_combinations(call);
	bool open = count == 0;
	uint32_t result;

	for (size_t n = 0; n < count && !to->answer; n++) {
		fill_combination(q, call, n);
		if (seccomp_answer(program, q, &result))
			to->answer = describe(result, a);
		else
			open = true;
	}
	if (open && !to->answer)
		to->answer = "it depends on the arguments";
	to->some = to->answer != NULL;
}

int profile_ask(const struct oci_linux_seccomp *profile, const struct call_record *record,
		struct arena *a, struct profile_answer **answers, struct err *e)
{
	struct seccomp_program program = { .count = 0 };
	uint32_t result;

	if (seccomp_compile(&program, profile, false, a, e) < 0)
		return -1;
	*answers = arena_array(a, record->count + 1, sizeof(**answers));
	for (size_t i = 0; i < record->count; i++) {
		const struct oci_call_record *call = &record->calls[i];
		struct profile_answer *to = &(*answers)[i];
		struct seccomp_question q = {
			.arch = call_arch_audit(call_arch_of_name(call->arch)),
			.number = (int) call->number,
		};

		to->call = call;
		if (seccomp_answer(&program, &q, &result))
			to->answer = describe(result, a);
		else
			ask_values(&program, &q, call, to, a);
	}

	return 0;
}

int profile_ask_file(const char *path, const struct call_record *record, struct arena *a,
		     struct profile_answer **answers, struct err *e)
{
	const struct oci_linux_seccomp *profile;

	if (filter_load(&profile, path, a, e) == 0 &&
	    profile_ask(profile, record, a, answers, e) == 0)
		return 0;

	/* The error of open(2) names the file. */
	return e->code == 0 ? err_in(e, "\"%s\"", path) : -1;
}
