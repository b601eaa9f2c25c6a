/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/cpu_list.c - lists of processors: "0-3,7"
 *
 * For process.execCPUAffinity, which only exec uses; create checks it, so that a fault is reported
 * when config.json can still be changed.
 */
#include "plan/cpu_list.h"

#include <stdbool.h>
#include <string.h>

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " ");
}

/* A decimal number at *@at, which moves behind it. */
static bool read_number(const char **at, unsigned *number, const char **fault)
{
	const char *begin = *at;

	*fault = "is no list of processors like \"0-3,7\"";
	for (*number = 0; **at >= '0' && **at <= '9'; (*at)++) {
		*number = *number * 10 + (unsigned) (**at - '0');
		if (*number >= CPU_LIST_MOST) {
			*fault = "has a processor above 8191";
			return false;
		}
	}

	return *at > begin;
}

/* "3" or "0-3". */
static bool read_range(const char **at, struct cpu_set *set, const char **fault)
{
	unsigned first, last;

	if (!read_number(at, &first, fault))
		return false;
	last = first;
	if (**at == '-') {
		(*at)++;
		if (!read_number(at, &last, fault))
			return false;
	}
	if (last < first) {
		*fault = "has a range that ends before it begins";
		return false;
	}
	for (unsigned cpu = first; cpu <= last; cpu++)
		set->words[cpu / 64] |= (uint64_t) 1 << cpu % 64;

	return true;
}

int cpu_list_parse(const char *text, struct cpu_set *set, const char **fault)
{
	const char *at = skip_blanks(text);

	*set = (struct cpu_set) { .words = { 0 } };
	if (*at == '\0')
		return 0;
	for (;;) {
		if (!read_range(&at, set, fault))
			return -1;
		at = skip_blanks(at);
		if (*at == '\0')
			return 0;
		if (*at != ',') {
			*fault = "is no list of processors like \"0-3,7\"";
			return -1;
		}
		at = skip_blanks(at + 1);
	}
}
