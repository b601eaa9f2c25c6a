/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal.h - what must be undone, written before it is done
 *
 * One line an entry, in the file `journal` of the state directory; each is on disk before the
 * side effect it names. delete, a failing create, and the next create of the same ID after a
 * killed one read it backwards.
 *
 *	cgroup PATH	is about to be made, or taken over if it is there and empty
 *	missing PATH	is the first directory that this will make; no line: it is there
 *	made PATH	is the first directory that was made; empty: it was there, and is ours now
 *	not-ours PATH	could not be made, or is somebody else's; or the scope of that name is
 *	scope-bus ADDR	the D-Bus address of the user's bus, for the next scope; no line: the system's
 *	scope-cgroup PATH  where that scope will be
 *	scope UNIT	is about to be started by systemd; there is none of that name with processes
 *	process PID T	tare-init, with its start time
 */
#pragma once

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

/* The descriptor to append to, or -1. */
int journal_open(int dir, struct err *e);

/* @missing, @topmost: "" where there is none. */
int journal_cgroup(int journal, const char *path, const char *missing, struct err *e);
int journal_made(int journal, const char *topmost, struct err *e);
int journal_not_ours(int journal, const char *path, struct err *e);

struct scope;
int journal_scope(int journal, const struct scope *scope, const char *cgroup, struct err *e);

int journal_process(int journal, pid_t pid, uint64_t start_time, struct err *e);

/* Undo everything the journal of @dir names, last first. No journal: nothing to do. 0, or -1 at
 * what could not be undone. */
int journal_undo(int dir, struct err *e);
