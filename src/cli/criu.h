/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/criu.h - the flags of checkpoint and restore
 */
#pragma once

#include "cli/verb.h"
#include "host/criu/options.h"

/* What both have; in checkpoint.c. */
extern const struct flag_table criu_flags;

/* Those and the verb's own, as the operation takes them. 0, or -1. */
int criu_options_of(const struct call *call, struct criu_options *o, struct err *e);
