/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/trust.h - owner and mode of the state directories; for the files of state/ only
 */
#pragma once

#include "state/record.h"

/*
 * Refuse a directory that belongs to another user than the caller or root, or that others may write
 * to. @what names it in the error. 0, or -1.
 */
int trust_check(int dir, const char *what, const char *path, struct err *e);

/*
 * Open ROOT with @flags and check it, and XDG_RUNTIME_DIR if ROOT is below that: the descriptor, or
 * -1; ENOENT is in e->code.
 */
int trust_open_root(const struct state_root *root, int flags, struct err *e);
