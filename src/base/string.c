/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/string.c - the few functions of <string.h> that tare-init needs
 *
 * tare-init has no C library, and compilers call the mem functions on their own. Linked into
 * tare-init only. Built with -fno-builtin and without loop idioms, or the compiler would turn these
 * loops into calls of themselves.
 */
#include <string.h>

/* A C library of C23 has macros of these names, which keep the const of their argument. */
#undef strchr
#undef strrchr

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	char *t = to;
	const char *f = from;

	while (n-- > 0)
		*t++ = *f++;

	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	if (t <= f)
		return memcpy(to, from, n);
	while (n-- > 0)
		t[n] = f[n];

	return to;
}

void *memset(void *to, int c, size_t n)
{
	char *t = to;

	while (n-- > 0)
		*t++ = (char) c;

	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n-- > 0; x++, y++)
		if (*x != *y)
			return *x - *y;

	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;

	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b)
		a++, b++;

	return (unsigned char) *a - (unsigned char) *b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0 && *a != '\0' && *a == *b; n--)
		a++, b++;

	return n > 0 ? (unsigned char) *a - (unsigned char) *b : 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char) c; s++)
		if (*s == '\0')
			return NULL;

	return (char *) s;
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	for (; *s != '\0'; s++)
		if (*s == (char) c)
			found = s;

	return (char *) found;
}

static size_t span(const char *s, const char *set, int accept)
{
	size_t n = 0;

	while (s[n] != '\0' && (strchr(set, s[n]) != NULL) == accept)
		n++;

	return n;
}

size_t strspn(const char *s, const char *accept)
{
	return span(s, accept, 1);
}

size_t strcspn(const char *s, const char *reject)
{
	return span(s, reject, 0);
}
