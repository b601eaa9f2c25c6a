/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/filter.c - linux.seccomp: can a program start under it, is its agent there, and how old is
 * it?
 *
 * The calls of this kernel are known by its version: to try some four hundred calls would take
 * longer than all else.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/calls.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "plan/seccomp/profile.h"

#include <elf.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#define SECCOMP_PLACE "/linux/seccomp"

static const struct oci_linux_seccomp *profile_of(const struct check *c)
{
	return c->config->linux ? c->config->linux->seccomp : NULL;
}

/* ---- calls at the start of a program ---- */

static bool is_refusal(uint32_t result)
{
	uint32_t action = result & SECCOMP_RET_ACTION_FULL;

	return action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG &&
	       action != SECCOMP_RET_USER_NOTIF;
}

static bool lets(const struct seccomp_program *filter, int number)
{
	uint32_t result;

	return !seccomp_constant_result(filter, number, &result) || !is_refusal(result);
}

/*
 * Calls at the start of a dynamic program and at the end of any program. A program may do without
 * one of them, but hardly any does.
 */
static void check_start(const struct check *c, const struct step *s, struct check_demand *d)
{
	static const struct {
		const char *name;
		int number;
	} calls[] = {
		{ "brk", SYS_brk },	  { "mmap", SYS_mmap },	    { "mprotect", SYS_mprotect },
		{ "munmap", SYS_munmap }, { "openat", SYS_openat }, { "read", SYS_read },
		{ "close", SYS_close },	  { "write", SYS_write },
	};
	const struct seccomp_program filter = { .filter = s->seccomp.filter,
						.count = s->seccomp.count };
	char names[128] = "";

	if (!lets(&filter, SYS_exit_group) && !lets(&filter, SYS_exit)) {
		d->remedy = "allow exit_group";
		check_answer(c, CHECK_NO, d, "it refuses exit and exit_group: no program can end");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (!lets(&filter, calls[i].number))
			fmt_text(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
				 names[0] ? ", " : "", calls[i].name);
	d->remedy = "allow them, unless the program is known to do without";
	if (names[0])
		check_answer(c, CHECK_WEAKER, d, "it refuses %s, which nearly every program calls",
			     names);
	else
		check_answer(c, CHECK_OK, d, "it lets the program be executed");
}

/* tare connects to the agent when the filter is loaded. */
static void check_agent(const struct check *c, const char *path)
{
	const struct check_demand d = { .place = SECCOMP_PLACE,
					.what = path,
					.remedy = "start the agent first" };
	struct stat st;

	autoclose int fd = sys_open(path, O_PATH);
	int r = fd < 0 ? fd : sys_stat_cached(fd, &st);
	if (r < 0)
		check_answer(c, CHECK_NO, &d, "the seccomp agent: %s", errno_text(-r));
	else if (!S_ISSOCK(st.st_mode))
		check_answer(c, CHECK_NO, &d, "the seccomp agent: it is no socket");
	else
		check_answer(c, CHECK_OK, &d, "the seccomp agent's socket is there");
}

void check_filter(const struct check *c)
{
	const struct oci_linux_seccomp *profile = profile_of(c);
	const struct step *exec = plan_find_step(c->plan, OP_EXEC);
	const struct step *filter = plan_find_step(c->plan, OP_SET_SECCOMP);
	struct check_demand d = { .place = SECCOMP_PLACE, .what = "profile" };
	const struct check_demand refused = { .place = exec ? exec->place : "",
					      .what = "exec",
					      .remedy = "allow execve in linux.seccomp" };

	if (!profile || !exec || !filter)
		return;
	if (exec->exec.refused)
		check_answer(c, CHECK_NO, &refused,
			     "linux.seccomp refuses execve: no program can be started");
	else
		check_start(c, filter, &d);
	if (filter->seccomp.notify && profile->listener_path && profile->listener_path[0])
		check_agent(c, profile->listener_path);
}

/* ---- calls newer than the profile ---- */

/* Above the highest number of a profile, so many more are looked at. */
#define MOST_NEWER 256
#define NAMES	   240

struct age {
	const struct kernel_version *kernel;
	enum call_arch arch;
	int newest;	       /* the highest number that the profile names */
	size_t lacking, newer; /* calls */
	char lacking_names[NAMES], newer_names[NAMES];
};

/* The names end in "..." where not all of them have room. */
static void add_name(char names[NAMES], const char *name)
{
	static const char more[] = ", ...";
	size_t length = strlen(names);

	if (length + 2 + strlen(name) + sizeof(more) <= NAMES)
		fmt_text(names + length, NAMES - length, "%s%s", length > 0 ? ", " : "", name);
	else if (names[length - 1] != '.')
		fmt_text(names + length, NAMES - length, "%s", more);
}

static bool kernel_has(const struct age *a, const struct call_row *row)
{
	struct kernel_version since, gone;

	call_since(row, a->arch, &since, &gone);

	return kernel_version_compare(a->kernel, &since) >= 0 &&
	       (gone.part[0] == 0 || kernel_version_compare(a->kernel, &gone) < 0);
}

/* A name may be of another processor: profiles are for several of them. */
static void count_name(struct age *a, const char *name)
{
	const struct call_row *row = call_find_name(name);
	int number = row ? call_number(row, a->arch) : -1;

	if (number > a->newest)
		a->newest = number;
	if (row ? number < 0 || kernel_has(a, row) : seccomp_knows_call(name))
		return;
	a->lacking++;
	add_name(a->lacking_names, name);
}

/* Calls that the profile can't know get ENOSYS: plan/seccomp/newer.c. */
static void count_newer(struct age *a)
{
	for (int number = a->newest + 1; number <= a->newest + MOST_NEWER; number++) {
		const struct call_row *row = call_find(a->arch, number);

		if (!row || !kernel_has(a, row))
			continue;
		a->newer++;
		add_name(a->newer_names, call_name(row));
	}
}

static void answer_age(const struct check *c, const struct age *a)
{
	const struct check_demand d = { .place = SECCOMP_PLACE,
					.what = "profile",
					.remedy = a->newer > 0 ? "a newer profile" : NULL };
	const char *kernel = c->paper ? c->paper_text : "this kernel";
	char lacking[320] = "", newer[320] = "";

	if (a->lacking > 0)
		fmt_text(lacking, sizeof(lacking), "names %zu call%s that %s does not have%s%s",
			 a->lacking, a->lacking == 1 ? "" : "s", kernel, c->all ? ": " : "",
			 c->all ? a->lacking_names : "");
	if (a->newer > 0)
		fmt_text(newer, sizeof(newer),
			 "%sis older than %zu call%s that %s has, which get ENOSYS%s%s",
			 a->lacking > 0 ? ", and " : "", a->newer, a->newer == 1 ? "" : "s", kernel,
			 c->all ? ": " : "", c->all ? a->newer_names : "");
	if (a->lacking + a->newer > 0)
		check_answer(c, a->newer > 0 ? CHECK_WEAKER : CHECK_OK, &d, "%s%s", lacking, newer);
}

void check_profile_age(const struct check *c)
{
	const struct oci_linux_seccomp *profile = profile_of(c);
	struct age a = { .kernel = c->paper, .arch = call_arch_own(), .newest = -1 };
	struct kernel_version here;
	struct utsname name;

	if (!profile || a.arch == CALL_ARCHES)
		return;
	if (!a.kernel && (sys_uname(&name) < 0 || !kernel_version_read(name.release, &here)))
		return;
	a.kernel = a.kernel ? a.kernel : &here;
	for (size_t i = 0; i < profile->syscalls_count; i++)
		for (size_t k = 0; k < profile->syscalls[i].names_count; k++)
			count_name(&a, profile->syscalls[i].names[k]);
	if (a.newest >= 0 && profile->default_action &&
	    strcmp(profile->default_action, "SCMP_ACT_ERRNO") == 0)
		count_newer(&a);
	answer_age(c, &a);
}

/* ---- the time of 32-bit programs ---- */

/*
 * A 32-bit C library with a 64-bit time asks for it by clock_gettime64 (Linux 5.1), and by the
 * older call after ENOSYS alone.
 */
void check_time64(const struct check *c, const char *what, uint16_t machine)
{
	const struct step *s = plan_find_step(c->plan, OP_SET_SECCOMP);
	enum call_arch arch = machine == EM_386 ? CALL_I386 : CALL_ARM;
	const struct check_demand d = { .place = SECCOMP_PLACE,
					.what = what,
					.remedy = "allow clock_gettime64 and its kind" };
	const struct seccomp_question q = {
		.arch = call_arch_audit(arch),
		.number = call_number(call_find_name("clock_gettime64"), arch),
	};
	uint32_t result;

	if (!s || (machine != EM_386 && machine != EM_ARM))
		return;

	const struct seccomp_program filter = { .filter = s->seccomp.filter,
						.count = s->seccomp.count };
	if (seccomp_answer(&filter, &q, &result) && is_refusal(result) &&
	    result != (SECCOMP_RET_ERRNO | ENOSYS))
		check_answer(
			c, CHECK_WEAKER, &d,
			"the profile refuses clock_gettime64, and not with ENOSYS: this 32-bit "
			"C library gets no time");
}
