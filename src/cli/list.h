/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/list.h - containers as a table
 */
#pragma once

#include "cli/containers.h"
#include "cli/format.h"

/* --format of list; NULL or "table": `ID PID STATUS BUNDLE CREATED OWNER`. 0, or -1 with @e set. */
int list_read_format(const char *word, struct arena *a, struct format *f, struct err *e);

/* A line for each container, as @f says. */
void list_print(struct out *out, const struct format *f, const struct container *containers,
		size_t count, struct arena *a);
