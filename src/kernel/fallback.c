/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/fallback.c - the older ways that were taken, for --debug
 *
 * Runs in tare and in tare-init. A child that shares our memory until its exec writes here too,
 * while we are blocked in the clone.
 */
#include "kernel/fallback.h"

#include "base/fmt.h"

#define MOST 16

static const char *ways[MOST];

void fallback_took(const char *way)
{
	for (size_t i = 0; i < MOST; i++) {
		if (ways[i] == way)
			return;
		if (!ways[i]) {
			ways[i] = way;
			return;
		}
	}
}

size_t fallback_take(char *buf, size_t size)
{
	size_t length = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < MOST && ways[i]; i++) {
		if (length < size)
			length += fmt_text(buf + length, size - length, "%s%s", i > 0 ? ", " : "",
					   ways[i]);
		ways[i] = NULL;
	}

	return length;
}
