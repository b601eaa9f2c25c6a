/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/fmt.h - printf's everyday part, for code that runs without a C library
 *
 * Formats %s %.*s %c %d %i %u %o %x %p %% with the lengths l, ll and z, a minimum width, `0` and
 * `-`. Nothing else: the attribute lets the compiler check the types, the unit test holds the set
 * against printf(3).
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

/*
 * Write at most @size bytes with the closing NUL. Returns the length the whole
 * text has, so that a result >= @size means it was cut.
 */
size_t fmt_text_v(char *buf, size_t size, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
size_t fmt_text(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Read a decimal number: digits only, all of @s. 0, or -1 where it is empty, has
 * anything else in it, or does not fit.
 */
int fmt_parse_u64(const char *s, unsigned long long *value);
