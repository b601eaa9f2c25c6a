/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * musl.c - linked into a tare whose C library is musl
 *
 * The static libseccomp, libcap and yajl of a distribution with glibc were compiled with
 * _FORTIFY_SOURCE, so they call the functions below, which musl lacks. src/musl.symbols lists all
 * else that they may call. Why musl: glibc asks the processor what it can do before main, and in a
 * virtual machine each such question costs tens of microseconds (docs/performance.md).
 *
 * This file also has a memcpy(3) that is fast for many short copies, as yajl makes them, and makes
 * the tables of a static program read-only, which musl leaves to a dynamic loader.
 */
#include <elf.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ld(1): the address of the ELF header, with the program headers behind it. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

/*
 * Full RELRO: the linker puts the tables of pointers into one segment, and the loader makes it
 * read-only. A static program has no loader, and musl's start-up code does not do it. Nothing is
 * relocated at run time here, so it is done before main. A failure only loses the protection.
 */
static void __attribute__((constructor)) protect_tables(void)
{
	const Elf64_Ehdr *header = (const void *) __ehdr_start;
	const Elf64_Phdr *segments = (const void *) (__ehdr_start + header->e_phoff);
	uintptr_t base = header->e_type == ET_DYN ? (uintptr_t) header : 0;
	uintptr_t page = (uintptr_t) getpagesize();

	for (unsigned i = 0; i < header->e_phnum; i++) {
		if (segments[i].p_type != PT_GNU_RELRO)
			continue;

		uintptr_t start = (base + segments[i].p_vaddr) & ~(page - 1);
		uintptr_t end = (base + segments[i].p_vaddr + segments[i].p_memsz) & ~(page - 1);

		mprotect((void *) start, end - start, PROT_READ);
	}
}

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room);
char *__strcpy_chk(char *to, const char *from, size_t room);
int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __asprintf_chk(char **to, int flag, const char *format, ...);
int __sprintf_chk(char *to, int flag, size_t room, const char *format, ...);
int __snprintf_chk(char *to, size_t size, int flag, size_t room, const char *format, ...);
unsigned long __isoc23_strtoul(const char *text, char **end, int base);
#undef fopen64 /* a macro in musl before 1.2.4 */
FILE *fopen64(const char *path, const char *mode);

typedef uint64_t word __attribute__((aligned(1), may_alias));
typedef uint64_t block __attribute__((vector_size(16), aligned(1), may_alias));

static void copy_few(char *to, const char *from, size_t size)
{
	if (size >= sizeof(word)) {
		word last = *(const word *) (from + size - sizeof(word));

		*(word *) to = *(const word *) from;
		*(word *) (to + size - sizeof(word)) = last;
		return;
	}
	for (size_t i = 0; i < size; i++)
		((volatile char *) to)[i] = from[i];
}

/*
 * musl's memcpy is one `rep movs`, whose start is slow for the short strings of a config.json: 3 ms
 * of the 21 ms for a file of 1 MB.
 */
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	const size_t step = sizeof(block);
	const char *in = from;
	char *out = to;

	if (size <= step) {
		copy_few(out, in, size);
		return to;
	}
	for (size_t at = 0; at < size - step; at += step) {
		*(block *) (out + at) = *(const block *) (in + at);
		__asm__ volatile(""
				 :
				 :
				 /* without this the compiler makes a memcpy(3) of the loop */
				 : "memory");
	}
	*(block *) (out + size - step) = *(const block *) (in + size - step);

	return to;
}

/* musl's memmove would link musl's memcpy. memmove is called rarely, so it need not be fast. */
void *memmove(void *to, const void *from, size_t size)
{
	const volatile char *in = from;
	volatile char *out = to;

	if ((uintptr_t) to - (uintptr_t) from >= size) {
		for (size_t i = 0; i < size; i++)
			out[i] = in[i];
	} else {
		for (size_t i = size; i-- > 0;)
			out[i] = in[i];
	}

	return to;
}

void *__memcpy_chk(void *to, const void *from, size_t size, size_t room)
{
	if (size > room)
		abort();

	return memcpy(to, from, size);
}

char *__strcpy_chk(char *to, const char *from, size_t room)
{
	return __memcpy_chk(to, from, strlen(from) + 1, room);
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

int __asprintf_chk(char **to, int flag, const char *format, ...)
{
	va_list args;

	(void) flag;
	va_start(args, format);
	int length = vasprintf(to, format, args);
	va_end(args);

	return length;
}

static int checked(char *to, size_t size, size_t room, const char *format, va_list args)
{
	if (size > room)
		abort();

	/* musl takes a size above INT_MAX as an error; here it means a buffer of unknown size */
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

/* C23's strtoul(3) takes binary numbers, too: libcap reads a capability's number with it. */
unsigned long __isoc23_strtoul(const char *text, char **end, int base)
{
	return strtoul(text, end, base);
}

/* All offsets have 64 bits in musl. */
FILE *fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}
