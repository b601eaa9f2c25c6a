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
	const char *const *argv; /* as execve(2) got it, all of it; likewise the next */
	const char *const *env;
	struct arena *arena; /* private: for words and output, not for a plan */
	struct options options;
	struct state_root root;
	struct words args; /* behind the verb, without flags */
	int failure;	   /* what main exits with if it fails */
	int64_t begun;	   /* with --debug: sys_clock_us() at the beginning; else 0 */
	const char *
		subject; /* what a failure is about, where no argument is the ID; NULL: nothing yet */
	const char *id; /* the first of them, checked; NULL where the verb takes none */
};

struct verb {
	const char *name;
	const char *arguments; /* for --help: "ID [SIGNAL]" */
	const char *summary;
	const struct flag_table *tables[4]; /* its flags but --help, NULL-terminated */
	unsigned least, most;		    /* arguments */
	bool takes_id;			    /* the first of them */
	bool stops;			    /* flags end at the first argument */
	int fails_with;			    /* exit code of a failure, if not 1 */
	/* NULL: as they are. The words behind the verb, with others in front; NULL with @e set. */
	const char *const *(*expand)(struct call *call, const char *const *argv, struct err *e);
	bool prints; /* its result goes to standard output */
	/* What --help has to find out before it prints: 0, or -1, and nothing is printed. NULL: nothing. */
	int (*check_help)(const struct call *call, struct err *e);

	/* What tare exits with, 0 but for run; or -1 with @e set. */
	int (*perform)(struct call *call, struct err *e);
};

extern const struct verb verb_box, verb_check, verb_checkpoint, verb_create, verb_delete,
	verb_events, verb_exec, verb_features, verb_help, verb_kill, verb_inspect, verb_kernel,
	verb_list, verb_pause, verb_plan, verb_profile, verb_ps, verb_restore, verb_resume,
	verb_run, verb_spec, verb_start, verb_state, verb_update, verb_version;

/* All of them, in the order of --help; NULL-terminated. */
extern const struct verb *const verbs[];

/* The flags before the verb, and those that every verb has. */
extern const struct flag_table global_flags, common_flags;

/* NULL: there is none. */
const struct verb *verb_find(const char *name);

/* No verb has this name: -1, with the nearest one in @e. */
int verb_unknown(const char *name, struct err *e);

/*
 * Read @argv (NULL-terminated, behind the verb) into @call and check what it says: the number of
 * arguments, the ID's form. 0, or -1 with @e set. With options.help nothing is checked.
 */
int verb_parse(const struct verb *verb, const char *const *argv, struct call *call, struct err *e);

/* `--help` of a verb, or of tare itself where @verb is NULL. */
void help_print(struct out *out, const struct verb *verb);

/* What create, run and plan have in common (create.c). */
extern const struct flag_table create_flags;

/* --record and its like, of create, run and exec (create.c). */
extern const struct flag_table watch_flags;
struct watch_wishes watch_wishes_of(const struct call *call);
struct create_options create_options_of(const struct call *call);

/* How a plan is printed on standard output: --json, or for a terminal in colours (no-color.org: but for NO_COLOR). */
enum plan_form plan_form_of(const struct call *call);

/* Write the rest of @out: 0, or -1 with @e set. */
int finish_output(struct out *out, struct err *e);
