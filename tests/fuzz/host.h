/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/host.h - hosts to plan for
 */
#pragma once

#include "plan/planner.h"

/* Root or not, with one of the cgroup layouts and what else there may be: by the bits of @choice. */
void host_choose(unsigned choice, struct facts *facts, struct plan_options *options);

/* All steps and warnings in words. */
void host_describe(const struct plan *plan, const char *const *warnings);

/* Directories of one container in each hierarchy of @facts, NULL-terminated. */
const char *const *host_cgroups(const struct facts *facts, struct arena *a);
