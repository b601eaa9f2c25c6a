/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/ps.h - the output of ps(1), for a container's processes only
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "heap/out.h"
#include "host/ps.h"

/*
 * Print the heading of @text and the lines of @list's processes: those that have one of its pids in
 * the column PID. Changes @text. 0, or -1 where there is no such column, or no number in it.
 */
int ps_print_table(struct out *out, char *text, const struct process_list *list, struct arena *a,
		   struct err *e);
