/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/time.c - a date from a number of seconds
 *
 * Runs in tare, for the log and for the record's `created`; no localtime(3), which reads
 * files and needs an initialized C library.
 *
 * The one idea: count the days from 1 March of the year 0. Then the leap day is the last of
 * its year, and months, years and the four-century cycle come out of divisions alone.
 */
#include "kernel/time.h"

#include "base/fmt.h"

#define DAY		 86400
#define DAYS_TO_1970	 719468 /* from 0000-03-01 */
#define DAYS_4_CENTURIES 146097

struct date {
	unsigned year, month, day;
};

static struct date date_of_day(unsigned long days)
{
	unsigned long shifted = days + DAYS_TO_1970;
	unsigned cycle = (unsigned) (shifted / DAYS_4_CENTURIES);
	unsigned in_cycle = (unsigned) (shifted % DAYS_4_CENTURIES);
	unsigned year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
	unsigned in_year = in_cycle - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * in_year + 2) / 153; /* 0 is March */

	return (struct date) {
		.year = year + cycle * 400 + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = in_year - (153 * month + 2) / 5 + 1,
	};
}

void time_text(char buf[TIME_TEXT], const struct timespec *t, unsigned digits)
{
	struct date d = date_of_day((unsigned long) ((uint64_t) t->tv_sec / DAY));
	unsigned second = (unsigned) ((uint64_t) t->tv_sec % DAY);
	char fraction[24] = "";

	fmt_text(fraction, sizeof(fraction), ".%09ld", t->tv_nsec);
	fraction[digits == 0 ? 0 : digits < 9 ? digits + 1 : 10] = '\0';
	fmt_text(buf, TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u%sZ", d.year, d.month, d.day,
		 second / 3600, second / 60 % 60, second % 60, fraction);
}
