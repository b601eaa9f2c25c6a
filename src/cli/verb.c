/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/verb.c - the list of verbs, and what they share
 */
#include "cli/verb.h"

#include "base/table.h"
#include "libocispec/names.h"

#include <string.h>

const struct verb *const verbs[] = {
	&verb_create, &verb_start,    &verb_run,     &verb_box,	       &verb_state,
	&verb_kill,   &verb_exec,     &verb_delete,  &verb_list,       &verb_ps,
	&verb_pause,  &verb_resume,   &verb_update,  &verb_checkpoint, &verb_restore,
	&verb_events, &verb_plan,     &verb_check,   &verb_profile,    &verb_inspect,
	&verb_kernel, &verb_features, &verb_version, &verb_spec,       &verb_help,
	NULL,
};

static const struct flag global_rows[] = {
	{ "root", 0, false, FLAG_TEXT, offsetof(struct options, root), "DIR",
	  "where the state of containers is kept (/run/tare, or $XDG_RUNTIME_DIR/tare)" },
	{ "log", 0, false, FLAG_TEXT, offsetof(struct options, log), "[file:]PATH",
	  "append errors to this file too" },
	{ "log-format", 0, false, FLAG_WORD, offsetof(struct options, log_format), "text|json",
	  "form of the log's entries (text)" },
	{ "log-level", 0, false, FLAG_WORD, offsetof(struct options, log_level),
	  "error|warning|info|debug", "what is logged (warning)" },
	{ "debug", 0, false, FLAG_BOOL, offsetof(struct options, debug), NULL,
	  "the same as --log-level=debug" },
	{ "systemd-cgroup", 0, false, FLAG_BOOL, offsetof(struct options, flags.systemd_cgroup),
	  NULL, "the same as --cgroup-manager=systemd" },
	{ "cgroup-manager", 0, false, FLAG_WORD, offsetof(struct options, cgroup_manager),
	  "cgroupfs|systemd|disabled", "who makes cgroups (cgroupfs)" },
	{ "rootless", 0, false, FLAG_WORD, offsetof(struct options, rootless), "true|false|auto",
	  "accepted for other runtimes' sake: tare finds out by itself" },
	{ "systemd-log", 0, false, FLAG_BOOL, offsetof(struct options, ignored), NULL,
	  "accepted for other runtimes' sake: no effect" },
	{ "test-fail-step", 0, true, FLAG_NUMBER, offsetof(struct options, flags.fail_step), "N",
	  "let step N of the plan fail" },
	{ "version", 'v', false, FLAG_BOOL, offsetof(struct options, version), NULL,
	  "print the version and what tare was built with" },
	{ "version", 'V', true, FLAG_BOOL, offsetof(struct options, version), NULL, "" },
};

const struct flag_table global_flags = { global_rows, ARRAY_SIZE(global_rows) };

static const struct flag common_rows[] = {
	{ "help", 'h', false, FLAG_BOOL, offsetof(struct options, help), NULL, "print this" },
};

const struct flag_table common_flags = { common_rows, ARRAY_SIZE(common_rows) };

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; verbs[i]; i++) {
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	}

	return NULL;
}

int verb_unknown(const char *name, struct err *e)
{
	struct names_nearest nearest = { .word = name, .word_length = strlen(name) };

	for (size_t i = 0; verbs[i]; i++)
		names_nearest_try(&nearest, verbs[i]->name, strlen(verbs[i]->name));
	if (nearest.name)
		return err_msg(
			e, "unknown command \"%s\", did you mean \"%s\"? No help topic for '%s'",
			name, nearest.name, name);
	err_msg(e, "unknown command \"%s\": No help topic for '%s'", name, name);

	return err_hint(e, "see \"tare --help\"");
}

static int check_arguments(const struct verb *verb, struct call *call, struct err *e)
{
	const struct words *args = &call->args;

	if (args->count < verb->least) {
		err_msg(e, "no %s given", verb->takes_id ? "container ID" : "argument");
		return err_hint(e, "tare %s %s", verb->name, verb->arguments);
	}
	if (args->count > verb->most)
		return err_msg(e, "unexpected argument \"%s\"", args->items[verb->most]);
	if (!verb->takes_id || args->count == 0)
		return 0;
	call->id = args->items[0];

	/* A pattern is only compared with existing names. */
	return call->options.regex ? 0 : state_check_id(call->id, e);
}

int verb_parse(const struct verb *verb, const char *const *argv, struct call *call, struct err *e)
{
	const struct flag_table *tables[ARRAY_SIZE(verb->tables) + 1] = { &common_flags };

	memcpy(tables + 1, verb->tables, sizeof(verb->tables));
	if (verb->expand) {
		argv = verb->expand(call, argv, e);
		if (!argv)
			return -1;
	}

	int r = options_parse(tables, verb->stops, argv, call->arena, &call->options, &call->args,
			      e);
	if (r < 0)
		return -1;
	if (call->options.help)
		return 0;

	return check_arguments(verb, call, e);
}

int finish_output(struct out *out, struct err *e)
{
	int r = out_flush(out);

	return r < 0 ? err_sys(e, r, "write to standard output") : 0;
}
