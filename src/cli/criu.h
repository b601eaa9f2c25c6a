/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/criu.h - the flags of checkpoint and restore
 */
#pragma once

#include "cli/verb.h"
#include "host/criu/options.h"

/* The flags of both verbs; in checkpoint.c. */
extern const struct flag_table criu_flags;

/* The values of all flags of the verb, for the operation. 0, or -1. */
int criu_options_of(const struct call *call, struct criu_options *o, struct err *e);
