/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/units.c - numbers with a unit
 */
#include "base/units.h"

#include "base/fmt.h"
#include "base/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A decimal number: the digits before the point, and those behind it as @fraction / @scale. */
struct decimal {
	uint64_t whole, fraction, scale;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The number of characters; 0: no number, or too large. */
static size_t parse_decimal(const char *text, struct decimal *d)
{
	const char *at = text;
	bool any = false;

	*d = (struct decimal) { .scale = 1 };
	for (; is_digit(*at); at++, any = true) {
		if (d->whole > (UINT64_MAX - 9) / 10)
			return 0;
		d->whole = d->whole * 10 + (uint64_t) (*at - '0');
	}
	if (*at == '.')
		for (at++; is_digit(*at); at++, any = true) {
			/* Digits behind the ninth are below any unit. */
			if (d->scale >= 1000000000)
				continue;
			d->fraction = d->fraction * 10 + (uint64_t) (*at - '0');
			d->scale *= 10;
		}

	return any ? (size_t) (at - text) : 0;
}

/* @sum + @d * @unit. 0, or -1 where it does not fit. */
static int add_units(int64_t *sum, const struct decimal *d, uint64_t unit)
{
	/* fraction * unit / scale, without a product that needs more than 64 bits. */
	uint64_t part = unit / d->scale * d->fraction + unit % d->scale * d->fraction / d->scale;
	int64_t whole;

	if (__builtin_mul_overflow(d->whole, unit, &whole) ||
	    __builtin_add_overflow(whole, part, &whole) || __builtin_add_overflow(whole, *sum, sum))
		return -1;

	return 0;
}

int units_parse_size(const char *text, int64_t *bytes)
{
	static const char letters[] = "kmgtp";
	struct decimal d;
	size_t length = parse_decimal(text, &d);
	const char *at = text + length;
	uint64_t unit = 1;
	int64_t sum = 0;

	if (length == 0)
		return -1;
	at += *at == ' ';
	if (*at) {
		const char *letter = strchr(letters, *at | 0x20);

		if (letter) {
			unit = (uint64_t) 1 << 10 * (letter - letters + 1);
			at++;
			at += *at == 'i' || *at == 'I';
		}
		at += *at == 'b' || *at == 'B';
	}
	if (*at || add_units(&sum, &d, unit) < 0)
		return -1;
	*bytes = sum;

	return 0;
}

static const struct {
	const char *name;
	uint64_t nanoseconds;
} durations[] = {
	/* `ms` is matched before `m` */
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\302\265s", 1000 }, /* the micro sign, as Go prints it */
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", (uint64_t) 60 * 1000000000 },
	{ "h", (uint64_t) 3600 * 1000000000 },
};

int units_parse_duration(const char *text, int64_t *nanoseconds)
{
	int64_t sum = 0;

	if (strcmp(text, "0") == 0) {
		*nanoseconds = 0;
		return 0;
	}
	do {
		struct decimal d;
		size_t length = parse_decimal(text, &d), i = 0;

		text += length;
		while (i < ARRAY_SIZE(durations) &&
		       strncmp(text, durations[i].name, strlen(durations[i].name)) != 0)
			i++;
		if (length == 0 || i == ARRAY_SIZE(durations) ||
		    add_units(&sum, &d, durations[i].nanoseconds) < 0)
			return -1;
		text += strlen(durations[i].name);
	} while (*text);
	*nanoseconds = sum;

	return 0;
}

int units_parse_integer(const char *text, int64_t *value)
{
	bool negative = text[0] == '-';
	unsigned long long n;

	if (fmt_parse_u64(text + negative, &n) < 0 || n > INT64_MAX)
		return -1;
	*value = negative ? -(int64_t) n : (int64_t) n;

	return 0;
}
