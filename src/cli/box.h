/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/box.h - what the files of the verb `box` share
 */
#pragma once

#include "box/box.h"
#include "cli/verb.h"

/* ---- box.c ---- */

extern const struct flag_table box_flags;

enum box_exit { EXIT_OURS = 125, EXIT_NOT_EXECUTABLE = 126, EXIT_NOT_FOUND = 127 };

/* The exit code for a failure. */
int box_exit_code(const struct err *e);

/* There is no such program, and its name looks like a flag of ours: a hint in @e. */
void box_explain_flag(const struct call *call, const struct box *b, struct err *e);

/*
 * The standard descriptors of a detached box; the saved ones are for printing the name, or a
 * failure.
 */
struct box_standard {
	int kept[3];
};

/*
 * Standard input becomes empty; output and errors are appended to @output (NULL: dropped). After a
 * failure box_restore() must be called, too.
 */
int box_redirect(struct box_standard *s, const char *output, struct err *e);
void box_put_back(const struct box_standard *s);

int box_print_name(const char *name, struct err *e);

/* ---- box_profile.c ---- */

/*
 * The words behind the verb, with the words of the profile that --profile or @NAME names in front:
 * in the arena, NULL-terminated. NULL with @e set.
 */
const char *const *box_expand(struct call *call, const char *const *argv, struct err *e);

/* --save: write the flags, ROOT and the command to a profile. 0, or -1. */
int box_save(struct call *call, const struct box *b, struct err *e);

/* ---- box_join.c ---- */

/* A running box: another one may get its name after its end. */
struct box_running {
	const char *name; /* in the arena; NULL: none runs */
	pid_t pid;
	uint64_t start_time;
};

/* A running box of the same root. Boxes of this root whose processes have ended are deleted. */
struct box_running box_find_running(struct call *call, const struct box *b);

/*
 * ROOT is "/": delete its boxes whose processes have ended, and whose tare was killed. Their names
 * end with tare's pid.
 */
void box_sweep_whole(struct call *call, const struct box *b);

/* Does any box of the same root run, or is one perhaps being made? Nothing is deleted. */
bool box_may_run(struct call *call, const struct box *b);

/* Is the directory of --overlay that of a box that runs? 0, or -1. */
int box_check_overlay(struct call *call, struct box *b, struct err *e);

/* Choose a free name: the box's, or with .2, .3 ... behind it. */
void box_choose_free_name(struct call *call, struct box *b);

/* Run the command in the existing box @name: tare's exit code, or -1. */
int box_join(struct call *call, struct box *b, const char *name, struct err *e);

/* ---- box_report.c: --report ---- */

struct box_report {
	struct box *box;
	int file;	 /* -1: none */
	int64_t started; /* sys_clock_ms() */
	size_t written;	 /* omissions that were written already */
};

/* Open the file, unless no program is to be run. 0, or -1; @r->file is -1 where there is none. */
int box_report_open(struct box_report *r, struct box *b, struct err *e);

/* The program was not started: @code is tare's exit code, @e the reason. */
void box_report_failure(struct box_report *r, int code, const struct err *e);

/* For create_options: the callback for events of the run. */
void box_report_event(void *context, const struct run_event *event);
