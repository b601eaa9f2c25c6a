/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/find.h - an ID and its record
 */
#pragma once

#include "heap/arena.h"
#include "state/record.h"

/*
 * Open ROOT/ID as state_open() does and read its record: the descriptor, or -1. All in @a.
 */
int container_lookup(const struct state_root *root, const char *id, bool shared, struct record *rec,
		     struct arena *a, struct err *e);
