/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/units.h - numbers with a unit, as engines and people write them
 */
#pragma once

#include <stdint.h>

/*
 * A size in bytes as docker's units package reads it: `512m`, `1.5GiB`, `64 kB`, `4096`; k, m, g,
 * t, p are powers of 1024. 0, or -1 where @text is no size, or does not fit.
 */
int units_parse_size(const char *text, int64_t *bytes);

/*
 * A time as Go writes it: `5s`, `1m30s`, `1.5h`, `250ms`; ns, us, ms, s, m, h. In nanoseconds. 0,
 * or -1 where @text is no time, has no unit (but for `0`), or does not fit.
 */
int units_parse_duration(const char *text, int64_t *nanoseconds);

/* Decimal digits with an optional `-`. 0, or -1 where @text is anything else, or does not fit. */
int units_parse_integer(const char *text, int64_t *value);
