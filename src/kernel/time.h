/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/time.h - clocks, and a time as text
 */
#pragma once

#include "kernel/sys.h"

#include <time.h>

/* Seconds and nanoseconds since 1970, UTC. 0, or -errno with @now zeroed. */
static inline int sys_clock_realtime(struct timespec *now)
{
	*now = (struct timespec) { 0 };
	return arch_clock(CLOCK_REALTIME, now);
}

/* Microseconds on a clock that nobody sets. */
static inline int64_t sys_clock_us(void)
{
	struct timespec now = { 0 };

	arch_clock(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The same in milliseconds: for deadlines. */
static inline int64_t sys_clock_ms(void)
{
	return sys_clock_us() / 1000;
}

/* "2026-11-21T19:36:16.123456789Z" and its NUL. */
#define TIME_TEXT 40

/*
 * RFC 3339 in UTC with @digits (0 to 9) digits of the second's fraction. For the years 1970 to
 * 9999; needs neither a time zone file nor a C library.
 */
void time_text(char buf[TIME_TEXT], const struct timespec *t, unsigned digits);
