/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/plan.c - `plan [ID]`: what create would do, step by step
 *
 * Needs no privileges and changes nothing. Without an ID the plan is that of a container named
 * like the bundle's directory.
 */
#include "cli/verb.h"

#include "base/table.h"
#include "base/words.h"
#include "kernel/sys.h"

#include <limits.h>
#include <string.h>

static const struct flag rows[] = {
	{ "json", 0, false, FLAG_BOOL, offsetof(struct options, json), NULL,
	  "print a JSON array with an object for each step" },
	{ "detach", 'd', false, FLAG_BOOL, offsetof(struct options, detach), NULL,
	  "accepted like create's: no effect" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

/* The last component of @path if it is a valid ID, else "plan". */
static const char *id_of_path(const char *path, struct arena *a)
{
	size_t end = strlen(path), start;
	struct err ignored;

	while (end > 0 && path[end - 1] == '/')
		end--;
	for (start = end; start > 0 && path[start - 1] != '/'; start--)
		;

	const char *name = arena_memdup(a, path + start, end - start);

	return state_check_id(name, &ignored) == 0 ? name : "plan";
}

static const char *id_of_bundle(const char *bundle, struct arena *a)
{
	char cwd[PATH_MAX];

	if (strcmp(bundle, ".") != 0)
		return id_of_path(bundle, a);

	return sys_getcwd(cwd, sizeof(cwd)) < 0 ? "plan" : id_of_path(cwd, a);
}

enum plan_form plan_form_of(const struct call *call)
{
	const char *no_colour = env_value(call->env, "NO_COLOR");
	const char *terminal = env_value(call->env, "TERM");

	if (call->options.json)
		return PLAN_JSON;
	if (!sys_is_terminal(1))
		return PLAN_TEXT;
	if ((no_colour && no_colour[0] != '\0') || !terminal || strcmp(terminal, "dumb") == 0)
		return PLAN_PARTS;

	return PLAN_COLOURED;
}

static int perform(struct call *call, struct err *e)
{
	struct create_options o = create_options_of(call);

	if (!o.id)
		o.id = id_of_bundle(o.bundle, call->arena);

	return container_plan(&o, plan_form_of(call), e);
}

const struct verb verb_plan = {
	.name = "plan",
	.arguments = "[ID]",
	.summary = "print every step that create would take, and take none",
	.tables = { &create_flags, &flags },
	.most = 1,
	.takes_id = true,
	.prints = true,
	.perform = perform,
};
