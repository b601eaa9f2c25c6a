/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/foreground.h - tare as the parent of a program: run, and exec without --detach
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct create;

/* What is passed on to the program: everything but what is about ourselves (docs/CONTRACT.md, B6). */
uint64_t foreground_signals(void);

/* Be the program's terminal, pass signals on, and wait for its end: the exit code for tare. */
int foreground_wait(struct create *c, int *exit_code, struct err *e);
