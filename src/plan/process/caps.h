/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/caps.h - capabilities by name
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * "CAP_CHOWN" for capability 0; @capability is below 64. libcap's number for one that it does not
 * know. The text stays.
 */
const char *caps_name(unsigned capability);

/* How many capabilities libcap knows: those from 0 to caps_count() - 1. */
unsigned caps_count(void);

/* The number of "CAP_CHOWN" (in any case); -1: there is none of that name. */
int caps_number(const char *name);

/* Is @capability one of @names? */
bool caps_listed(const char *const *names, size_t count, int capability);

struct caps_sets {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

struct planner;

/* The five sets of process.capabilities, without what can't be granted: warns of that. */
void caps_read(struct planner *p, struct caps_sets *sets);
