/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/foreground.h - tare as the parent of a program: run, and exec without --detach
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct create;

/*
 * The signals that are passed on to the program: all but those that concern tare itself
 * (docs/CONTRACT.md, B6).
 */
uint64_t foreground_signals(void);

/*
 * Copy the program's terminal, pass on signals, and wait for the program's end. @exit_code: tare's.
 */
int foreground_wait(struct create *c, int *exit_code, struct err *e);
