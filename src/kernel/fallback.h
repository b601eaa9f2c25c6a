/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/fallback.h - which older ways were taken, for --debug
 *
 * A process takes the same few again and again, so each is kept once until it is asked for.
 */
#pragma once

#include <stddef.h>

/* @way: a constant, what was done in place of what: "walk in place of openat2". */
void fallback_took(const char *way) __attribute__((cold));

/* All since the last call, `A, B` in @buf, cut at @size; returns its length. */
size_t fallback_tell(char *buf, size_t size);
