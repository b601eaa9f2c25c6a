/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/match.h - kill --regex, delete --regex
 */
#pragma once

#include "base/err.h"
#include "cli/verb.h"

typedef int match_operation(const struct call *call, const char *id, int signal, struct err *e);

/*
 * Call @operation for every container whose ID matches the first argument, a POSIX extended regular
 * expression. 0; or -1 with the first failure in @e, after all calls.
 */
int match_each(struct call *call, match_operation *operation, int signal, struct err *e);
