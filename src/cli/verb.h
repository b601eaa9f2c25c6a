/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/verb.h - what a verb is, and what it is called with
 *
 * One file a verb; each defines its table of flags and its row, a `const struct verb verb_NAME`.
 * verb.c has the list of them. main.c reads the global flags, finds the verb, reads its flags,
 * calls it and prints what went wrong; so a verb only turns words into the call of an operation,
 * and the result into text.
 *
 * start, state, kill, delete and list must be light: they take nothing of the C library but
 * <string.h>.
 */
#pragma once

#include "base/err.h"
#include "cli/options.h"
#include "heap/arena.h"
#include "heap/out.h"
#include "host/container.h"
#include "state/record.h"

#include <stdbool.h>
#include <stddef.h>

/* One call of tare. */
struct call {
	const char *const *argv; /* the arguments and environment of execve(2) */
	const char *const *env;
	struct arena *arena; /* private: for words and output, not for the plan */
	struct options options;
	struct state_root root;
	struct words args; /* behind the verb, without flags */
	int failure;	   /* main's exit code after a failure */
	int64_t begun;	   /* with --debug: sys_clock_us() at the beginning; else 0 */
	/* the name for an error, where no argument is the ID; NULL: none yet */
	const char *subject;
	const char *id; /* the first argument, checked; NULL where the verb takes no ID */
};

struct verb {
	const char *name;
	const char *arguments; /* for --help: "ID [SIGNAL]" */
	const char *summary;
	const struct flag_table *tables[4]; /* its flags but --help, NULL-terminated */
	unsigned least, most;		    /* arguments */
	bool takes_id;			    /* the first argument is an ID */
	bool stops;			    /* flags end at the first argument */
	int fails_with;			    /* exit code of a failure, if not 1 */
	/*
	 * Returns the words behind the verb with others in front; NULL with @e set. NULL: the verb
	 * has none.
	 */
	const char *const *(*expand)(struct call *call, const char *const *argv, struct err *e);
	bool prints; /* the verb prints on standard output */
	/* Called before --help prints: 0, or -1, and nothing is printed. NULL: none. */
	int (*check_help)(const struct call *call, struct err *e);

	/* tare's exit code, 0 but for run; or -1 with @e set. */
	int (*perform)(struct call *call, struct err *e);
};

extern const struct verb verb_box, verb_check, verb_checkpoint, verb_create, verb_delete,
	verb_events, verb_exec, verb_features, verb_help, verb_kill, verb_inspect, verb_kernel,
	verb_list, verb_pause, verb_plan, verb_profile, verb_ps, verb_restore, verb_resume,
	verb_run, verb_spec, verb_start, verb_state, verb_update, verb_version;

/* All verbs, in the order of --help; NULL-terminated. */
extern const struct verb *const verbs[];

/* The flags before the verb, and those of every verb. */
extern const struct flag_table global_flags, common_flags;

/* NULL: there is none. */
const struct verb *verb_find(const char *name);

/* No verb has this name: -1, and @e suggests the most similar one. */
int verb_unknown(const char *name, struct err *e);

/*
 * Read @argv (NULL-terminated, behind the verb) into @call and check the number of arguments and
 * the ID. 0, or -1 with @e set. With options.help nothing is checked.
 */
int verb_parse(const struct verb *verb, const char *const *argv, struct call *call, struct err *e);

/* `--help` of a verb, or of tare itself where @verb is NULL. */
void help_print(struct out *out, const struct verb *verb);

/* Flags of create, run and plan (create.c). */
extern const struct flag_table create_flags;

/* --record and its like, of create, run and exec (create.c). */
extern const struct flag_table watch_flags;
struct watch_wishes watch_wishes_of(const struct call *call);
struct create_options create_options_of(const struct call *call);

/*
 * How a plan is printed on standard output: --json, or on a terminal in colours, unless NO_COLOR is
 * set (no-color.org).
 */
enum plan_form plan_form_of(const struct call *call);

/* Write the rest of @out: 0, or -1 with @e set. */
int finish_output(struct out *out, struct err *e);
