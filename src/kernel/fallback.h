/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/fallback.h - older ways that were taken, for --debug
 *
 * A process takes the same few ways again and again, so each way is kept once, until
 * fallback_take().
 */
#pragma once

#include <stddef.h>

/* @way: a constant text that names both ways: "walk in place of openat2". */
void fallback_took(const char *way) __attribute__((cold));

/* The ways since the last call, as `A, B`, in @buf, cut at @size; returns its length. */
size_t fallback_take(char *buf, size_t size);
