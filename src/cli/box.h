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

/* Which of them a failure is. */
int box_exit_code(const struct err *e);

/*
 * Standard descriptors of a box that nobody looks at; ours are kept for the name, or for the
 * failure.
 */
struct box_standard {
	int kept[3];
};

/*
 * Input is empty, output is appended to @output (NULL: dropped). On failure what is changed is to
 * be put back, too.
 */
int box_redirect(struct box_standard *s, const char *output, struct err *e);
void box_put_back(const struct box_standard *s);

int box_print_name(const char *name, struct err *e);

/* ---- box_profile.c ---- */

/*
 * The words behind the verb, with those of the profile in front that --profile or @NAME names: in
 * the arena, NULL-terminated. NULL with @e set.
 */
const char *const *box_expand(struct call *call, const char *const *argv, struct err *e);

/* --save: write the flags, ROOT and the command to a profile. 0, or -1. */
int box_save(struct call *call, const struct box *b, struct err *e);

/* ---- box_join.c ---- */

/*
 * Another box that is made of the same root: its name, in the arena, once it runs; NULL: there is
 * none. Boxes of this root whose processes have ended are deleted on the way.
 */
const char *box_find_running(struct call *call, struct box *b);

/* A name that nobody has: the box's, or with .2, .3 ... behind it. */
void box_choose_free_name(struct call *call, struct box *b);

/* Run the command in the box @name, which is there: what tare exits with, or -1. */
int box_join(struct call *call, struct box *b, const char *name, struct err *e);

/* ---- box_report.c: --report ---- */

struct box_report {
	struct box *box;
	int file;	 /* -1: none */
	int64_t started; /* sys_clock_ms() */
	size_t told;	 /* omissions that are written already */
};

int box_report_open(struct box_report *r, struct box *b, struct err *e);

/* The program was not started: @code is what tare exits with, @e why. */
void box_report_failure(struct box_report *r, int code, const struct err *e);

/* For create_options: what became of the run. */
void box_report_event(void *context, const struct run_event *event);
