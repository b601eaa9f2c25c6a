/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/hooks.h - hooks that run on the host
 */
#pragma once

#include "state/record.h"
#include "wire/hook.h"

/*
 * Open the files for the output of hooks; NULL: no file. 0, or -1; descriptors that are open in
 * @files must then still be closed.
 */
int hook_files_open(struct hook_files *files, const struct host_path *out,
		    const struct host_path *err, struct err *e);
void hook_files_close(struct hook_files *files);
/* Does @rec have hooks of @stage? */
bool hooks_recorded(const struct record *rec, const char *stage);

/*
 * Run the recorded hooks of @stage one after the other. @all: continue after a failure, of which
 * the first is reported. @journal: each hook is written to it; -1: none.
 */
int hooks_run_recorded(const struct record *rec, const char *stage, enum container_status status,
		       bool all, int journal, struct arena *a, struct err *e);
