/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/step.c - OP_SET_SECCOMP: the filter, and its place among the steps
 *
 * Runs in tare while it decides. The filter comes from the cache or the compiler (profile.c), or is
 * the recorder's (watch.c). It is loaded as early as it allows the remaining calls of tare-init
 * (left.c): so a process that waits for start, or is visible in a joined pid namespace, has the
 * filter already.
 */
#include "heap/log.h"
#include "kernel/process.h"
#include "plan/annotations/annotation.h"
#include "plan/planner.h"
#include "plan/seccomp/cache.h"
#include "plan/seccomp/profile.h"
#include "plan/seccomp/watch.h"

#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#define PLACE "/linux/seccomp"

/*
 * A filter that denies execve(2) is refused now: once it is loaded tare-init may be unable to
 * report the failure.
 */
static int check_exec(const struct seccomp_program *program, struct err *e)
{
	uint32_t result;

	if (!seccomp_constant_result(program, SYS_execve, &result))
		return 0;
	switch (result & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
		return err_cfg(e, PLACE,
			       "the filter kills execve(2), so no program can be started");
	default:
		return 0;
	}
}

/* SECCOMP_RET_ERRNO, or SECCOMP_RET_TRACE, which is ENOSYS without a tracer. */
static bool refuses_exec(const struct seccomp_program *program)
{
	uint32_t result;

	if (!seccomp_constant_result(program, SYS_execve, &result))
		return false;
	result &= SECCOMP_RET_ACTION_FULL;

	return result == SECCOMP_RET_ERRNO || result == SECCOMP_RET_TRACE;
}

/* Is call @number allowed, whatever its arguments? */
static bool allows(const struct seccomp_program *program, int number)
{
	uint32_t result;

	return seccomp_constant_result(program, number, &result) && result == SECCOMP_RET_ALLOW;
}

/* The program from the cache, or else compiled. */
static int make_program(struct planner *p, struct seccomp_program *program, struct err *e)
{
	const struct oci_linux_seccomp *config = p->config->linux->seccomp;
	bool strict = plan_annotation_is_set(p, "run.oci.seccomp_fail_unknown_syscall");
	struct seccomp_cache *cache = p->options->seccomp_cache;

	if (seccomp_read_flags(program, config, p->facts->seccomp_flags, p->arena, e) < 0)
		return -1;
	if (cache) {
		seccomp_cache_name(cache, config, strict, p->arena);
		if (seccomp_cache_load(cache, program, p->arena))
			return 0;
	}
	if (seccomp_compile(program, config, strict, p->arena, e) < 0)
		return -1;
	if (cache)
		cache->fresh = program;

	return 0;
}

/* The recorder runs @profile then, and tare-init loads the filter that the recorder listens to. */
static int watch(struct planner *p, const struct seccomp_program *profile, struct err *e)
{
	struct seccomp_program *watched = arena_new(p->arena, struct seccomp_program);
	bool all = p->options->watch == WATCH_ALL;

	if (!all && check_exec(profile, e) < 0)
		return -1;
	if (seccomp_watch(p, all ? NULL : profile, watched, e) < 0)
		return -1;
	*p->options->watched = all ? NULL : profile;
	p->filter = watched;

	return 0;
}

/*
 * The filter goes to p->filter; NULL: config.json has none. Without a process it is checked all the
 * same.
 */
static int read_filter(struct planner *p, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;

	if (p->filter || !linux || !linux->seccomp)
		return 0;

	struct seccomp_program *program = arena_new(p->arena, struct seccomp_program);
	if (p->options->watch != WATCH_ALL && make_program(p, program, e) < 0)
		return -1;
	p->filter = program;
	if (!p->config->process)
		return 0;
	if (p->options->watch != WATCH_NONE)
		return watch(p, program, e);

	return check_exec(program, e);
}

static void add_filter(struct planner *p, bool early)
{
	const struct seccomp_program *program = p->filter;
	struct step *step = plan_add(p, OP_SET_SECCOMP, PLACE);

	step->seccomp.filter = program->filter;
	step->seccomp.count = program->count;
	step->seccomp.flags = program->flags;
	step->seccomp.notify = program->notify;
	step->seccomp.mute = !early && (program->notify || !allows(program, SYS_sendmsg) ||
					!allows(program, SYS_exit_group));
	step->seccomp.early = early;
	p->filter_planned = true;
	log_debug("seccomp filter flags: %u", program->flags);
}

/*
 * Is the exec the only thing left? Not with hooks of startContainer, nor with a tare-init that
 * stays: they make more calls than a profile can be expected to allow.
 */
static bool is_last_to_do(const struct planner *p)
{
	const struct oci_hooks *hooks = p->config->hooks;
	bool hooked = hooks && hooks->start_container_count > 0 && !p->plan->entered;

	return !hooked && (p->plan->entered || !plan_annotation_is_set(p, ANNOTATION_INIT));
}

static void warn_of_rights(struct planner *p)
{
	const struct step *caps = plan_caps_step(p);

	if (caps && caps->caps.until_exec && caps->caps.bounding >> CAP_SYS_PTRACE & 1)
		plan_warn(
			p,
			"%s: the filter does not allow all that is left to do: until it is loaded the "
			"pid namespace that is joined sees a process with CAP_SYS_ADMIN",
			PLACE);
}

int plan_early_seccomp(struct planner *p, struct err *e)
{
	bool wait = p->options->wait_for_start, clone_call = plan_clones_late(p);

	if (!p->config->process || (!wait && !clone_call))
		return 0;
	if (read_filter(p, e) < 0)
		return -1;
	if (!p->filter)
		return 0;
	if (!p->filter->notify && is_last_to_do(p) &&
	    seccomp_lets_go_on(p->filter, wait, clone_call)) {
		add_filter(p, true);
		plan_drop_last(p);
	} else if (clone_call && !p->plan->entered) {
		warn_of_rights(p);
	}

	return 0;
}

/* As late as possible: the filter need not allow the calls of the steps before. */
int plan_seccomp(struct planner *p, struct err *e)
{
	if (p->filter_planned)
		return 0;
	if (read_filter(p, e) < 0)
		return -1;
	if (!p->filter || !p->config->process)
		return 0;
	p->exec.refused = refuses_exec(p->filter);
	add_filter(p, false);

	return 0;
}
