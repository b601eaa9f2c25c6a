/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program/library.c - the version of a C library
 *
 * glibc has a name for each of its versions that added functions: the highest "GLIBC_2.N" is the
 * version. musl has its version as a text by itself. A library with a 64-bit time on 32-bit
 * processors has the function __clock_gettime64. All three are found as bytes: the tables of
 * symbols need not be read, or trusted.
 */
#include "program/program.h"

#include "kernel/sys.h"

#define BLOCK	  16384
#define MOST_READ ((uint64_t) 16 << 20)

static bool begins(const char *at, const char *end, const char *word)
{
	size_t length = strlen(word);

	return (size_t) (end - at) >= length && memcmp(at, word, length) == 0;
}

/* Up to three digits at @at; -1: none, or no end of the text behind them. */
static int read_number(const char *at, const char *end)
{
	int number = 0, digits = 0;

	for (; at < end && *at >= '0' && *at <= '9' && digits < 4; at++, digits++)
		number = number * 10 + (*at - '0');

	return digits > 0 && digits < 4 && at < end && *at == '\0' ? number : -1;
}

/* A text by itself: "1.2.3", with a zero byte before and behind. */
static void look_for_musl(struct program_library *l, const char *at, const char *end)
{
	static const char front[] = "\0001.";
	const char *minor = at + sizeof(front) - 1, *patch = minor + 2;

	if (l->minor >= 0 || end - at < 8 || memcmp(at, front, sizeof(front) - 1) != 0 ||
	    *minor < '0' || *minor > '9' || minor[1] != '.' || read_number(patch, end) < 0)
		return;
	l->minor = *minor - '0';
	l->patch = read_number(patch, end);
}

static void look_at(struct program_library *l, const char *at, const char *end)
{
	static const char glibc[] = "GLIBC_2.";
	int minor;

	switch (at[0]) {
	case 'G':
		minor = l->is_musl || !begins(at, end, glibc)
				? -1
				: read_number(at + sizeof(glibc) - 1, end);
		if (minor > l->minor)
			l->minor = minor;
		break;
	case '_':
		l->has_time64 |= begins(at, end, "__clock_gettime64");
		break;
	case '\0':
		if (l->is_musl)
			look_for_musl(l, at, end);
		break;
	default:
		break;
	}
}

void program_read_library(int fd, bool is_musl, struct program_library *l)
{
	char block[BLOCK];
	const size_t overlap = 32;

	*l = (struct program_library) { .is_musl = is_musl, .minor = -1 };
	for (uint64_t offset = 0; offset < MOST_READ; offset += BLOCK - overlap) {
		ssize_t n = sys_read_all_at(fd, offset, block, sizeof(block));

		for (ssize_t i = 0; i < n; i++)
			look_at(l, block + i, block + n);
		if (n < BLOCK)
			break;
	}
}
