/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * musl.c - linked into a tare whose C library is musl
 *
 * The static libseccomp and yajl of a distribution with glibc were compiled with _FORTIFY_SOURCE,
 * so they call the functions below, which musl lacks; of all else they call both C libraries have
 * the same. Why musl: glibc asks the processor what it can do before main, and in a virtual machine
 * each such question costs tens of microseconds (docs/performance.md).
 */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);
int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...);
int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...);

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room)
{
	if (size > room)
		abort();

	return memcpy(to, from, size);
}

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
	va_list args;

	(void) flag;
	va_start(args, format);
	int length = vfprintf(file, format, args);
	va_end(args);

	return length;
}

static int checked(char *to, size_t size, size_t room, const char *format, va_list args)
{
	if (size > room)
		abort();

	/* more than INT_MAX is an error in musl; it stands for a room of unknown size */
	return vsnprintf(to, size < INT_MAX ? size : INT_MAX, format, args);
}

int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...)
{
	va_list args;

	(void) flag;
	va_start(args, format);
	int length = checked(to, room, room, format, args);
	va_end(args);
	if (length >= 0 && (size_t) length >= room)
		abort();

	return length;
}

int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...)
{
	va_list args;

	(void) flag;
	va_start(args, format);
	int length = checked(to, size, room, format, args);
	va_end(args);

	return length;
}
