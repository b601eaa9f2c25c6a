/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/hooks.c - hooks: programs that are run at certain points of a container's life cycle
 *
 * runtime-spec, config.md#posix-platform-hooks. Later verbs run poststart and poststop, and read
 * them from the record; they are checked here, so that their faults are reported at create.
 *
 * The specification does not say which environment a hook without `env` has. Existing hooks rely on
 * runtimes that pass on their own environment, and need PATH, HOME or XDG_RUNTIME_DIR. A
 * startContainer hook is a program of the image, and gets the environment of the container's
 * program. A given `env` is exact, even if it is empty.
 */
#include "plan/process/hooks.h"

#include "base/table.h"
#include "plan/annotations/annotation.h"
#include "plan/planner.h"

/* LONGEST_TIMEOUT in milliseconds must fit an int: 24 days. */
#define LONGEST_TIMEOUT (INT32_MAX / 1000)

struct stage {
	enum step_op op; /* OP_COUNT: no step of this plan runs these hooks */
	const char *status;
	bool in_container;
	size_t list, count; /* offsets in struct oci_hooks */
};

#define MEMBER(name) offsetof(struct oci_hooks, name), offsetof(struct oci_hooks, name##_count)

enum { PRESTART, CREATE_RUNTIME, CREATE_CONTAINER, START_CONTAINER, POSTSTART, POSTSTOP };

static const struct stage stages[HOOK_STAGES] = {
	[PRESTART] = { OP_RUN_HOST_HOOK, "creating", false, MEMBER(prestart) },
	[CREATE_RUNTIME] = { OP_RUN_HOST_HOOK, "creating", false, MEMBER(create_runtime) },
	[CREATE_CONTAINER] = { OP_RUN_HOOK, "creating", false, MEMBER(create_container) },
	[START_CONTAINER] = { OP_RUN_HOOK, "created", true, MEMBER(start_container) },
	[POSTSTART] = { OP_COUNT, "running", false, MEMBER(poststart) },
	[POSTSTOP] = { OP_COUNT, "stopped", false, MEMBER(poststop) },
};

const char *const hook_stage_names[HOOK_STAGES] = {
	[PRESTART] = "prestart",
	[CREATE_RUNTIME] = "createRuntime",
	[CREATE_CONTAINER] = "createContainer",
	[START_CONTAINER] = "startContainer",
	[POSTSTART] = "poststart",
	[POSTSTOP] = "poststop",
};

const struct oci_hook *hook_list(const struct oci_hooks *hooks, size_t i, size_t *count)
{
	const char *base = (const char *) hooks;

	*count = 0;
	if (!hooks)
		return NULL;
	*count = *(const size_t *) (base + stages[i].count);

	return *(struct oci_hook *const *) (base + stages[i].list);
}

static int check_hook(struct planner *p, const struct oci_hook *hook, const char *place,
		      struct err *e)
{
	if (hook->path[0] != '/')
		return err_cfg(e, plan_place(p, "%s/path", place),
			       "hook path \"%s\" is not absolute", hook->path);
	if (hook->has_timeout && hook->timeout == 0)
		return err_cfg(e, plan_place(p, "%s/timeout", place), "timeout must be above 0");

	return 0;
}

/* tare-init has no environment of its own that a hook could inherit. */
static const char *const *environment(const struct planner *p, size_t stage)
{
	static const char *const nothing[] = { NULL };

	if (stage != CREATE_CONTAINER)
		return NULL;

	return p->options->own_env ? p->options->own_env : nothing;
}

static void add_hook(struct planner *p, const struct oci_hook *hook, size_t stage, size_t index,
		     const char *place)
{
	const char **argv = hook->args;

	if (hook->args_count == 0) {
		argv = arena_array(p->arena, 2, sizeof(*argv));
		argv[0] = hook->path;
	}

	uint64_t timeout = hook->has_timeout ? hook->timeout : 0;
	plan_add(p, stages[stage].op, place)->hook = (struct hook_step) {
		.stage = hook_stage_names[stage],
		.index = (unsigned) index,
		.status = stages[stage].status,
		.path = hook->path,
		.argv = argv,
		.envp = hook->env ? (const char *const *) hook->env : environment(p, stage),
		.timeout = (unsigned) (timeout < LONGEST_TIMEOUT ? timeout : LONGEST_TIMEOUT),
		.in_container = stages[stage].in_container,
	};
}

/* @add: false where the hooks are only checked. */
static int plan_stage(struct planner *p, size_t stage, bool add, struct err *e)
{
	size_t count;
	const struct oci_hook *hooks = hook_list(p->config->hooks, stage, &count);

	for (size_t i = 0; i < count; i++) {
		const char *place = plan_place(p, "/hooks/%s/%zu", hook_stage_names[stage], i);

		if (check_hook(p, &hooks[i], place, e) < 0)
			return -1;
		if (add)
			add_hook(p, &hooks[i], stage, i, place);
	}

	return 0;
}

/* Does any hook run before the program? */
static bool runs_any(const struct planner *p)
{
	size_t all = 0;

	for (size_t stage = PRESTART; stage <= START_CONTAINER; stage++) {
		size_t count;

		hook_list(p->config->hooks, stage, &count);
		all += count;
	}

	return all > 0;
}

int plan_create_hooks(struct planner *p, struct err *e)
{
	if (plan_annotation_path(p, HOOKS_STDOUT, &p->plan->hooks_out, e) < 0 ||
	    plan_annotation_path(p, HOOKS_STDERR, &p->plan->hooks_err, e) < 0)
		return -1;
	/* Without a hook the files for their output are not opened. */
	p->plan->hooks_print = runs_any(p);
	for (size_t stage = PRESTART; stage <= CREATE_CONTAINER; stage++)
		if (plan_stage(p, stage, true, e) < 0)
			return -1;

	return 0;
}

int plan_start_hooks(struct planner *p, struct err *e)
{
	/* Without a process start is refused, so startContainer hooks never run. */
	if (plan_stage(p, START_CONTAINER, p->config->process, e) < 0)
		return -1;
	if (plan_stage(p, POSTSTART, false, e) < 0)
		return -1;

	return plan_stage(p, POSTSTOP, false, e);
}
