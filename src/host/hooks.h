/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/hooks.h - hooks that run on the host
 */
#pragma once

#include "state/record.h"
#include "wire/hook.h"

/*
 * For what hooks print; NULL: no file. 0, or -1, and what is open in @files is still to be closed.
 */
int hook_files_open(struct hook_files *files, const struct host_path *out,
		    const struct host_path *err, struct err *e);
void hook_files_close(struct hook_files *files);
/* Are there any? */
bool hooks_recorded(const struct record *rec, const char *stage);

/* Run the recorded hooks of @stage one after the other. @all: go on after a failure; the first one
 * is told. @journal: each is written there; -1: nowhere. */
int hooks_run_recorded(const struct record *rec, const char *stage, enum container_status status,
		       bool all, int journal, struct arena *a, struct err *e);
