/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/arena.c - the only allocator
 *
 * A bump allocator over address space that is reserved once. Untouched pages take no memory, so the
 * reserve is generous.
 */
#include "heap/arena.h"

#include "base/fmt.h"
#include "heap/guard.h"
#include "kernel/arch.h"
#include "kernel/memory.h"
#include "kernel/sys.h"

#include <string.h>

#define ALIGNMENT      16
#define FIRST_ELEMENTS 64 /* of an array that grows */

void arena_open(struct arena *a)
{
	*a = (struct arena) { .memfd = -1, .size = ARENA_RESERVE };
	a->base = sys_map_private(ARENA_RESERVE);
	if (!a->base)
		sys_die("out of memory");
}

void arena_close(struct arena *a)
{
	if (!a->base)
		return;
	guard_allow(a->base, a->base + a->used);
	sys_unmap(a->base, a->size);
	if (a->memfd >= 0)
		sys_close(a->memfd);
	a->base = NULL;
	a->size = 0;
}

int arena_open_shared(struct arena *a)
{
	int memfd = sys_memfd_create("tare-plan");
	if (memfd < 0)
		return memfd;

	int r = sys_truncate(memfd, ARENA_RESERVE);
	if (r == 0)
		r = sys_map_shared((void *) ARENA_ADDRESS, ARENA_RESERVE, memfd);
	if (r < 0) {
		sys_close(memfd);
		return r;
	}
	*a = (struct arena) { .base = (char *) ARENA_ADDRESS,
			      .size = ARENA_RESERVE,
			      .memfd = memfd };
	/* An earlier arena may have been mapped here. */
	guard_allow(a->base, a->base + ARENA_RESERVE);

	return 0;
}

int arena_seal(struct arena *a)
{
	/* F_SEAL_WRITE is refused while a writable mapping exists. */
	int r = sys_map_readonly((void *) ARENA_ADDRESS, a->size, a->memfd);

	if (r == 0)
		r = sys_truncate(a->memfd, a->used);
	if (r == 0)
		r = sys_memfd_seal(a->memfd);

	return r;
}

static size_t rounded(size_t size)
{
	return (size + GUARD_SIZE + ALIGNMENT - 1) & ~(size_t) (ALIGNMENT - 1);
}

/* Take @more bytes; those behind @p + @size stay a guard. */
static void take(struct arena *a, size_t more, const char *p, size_t size)
{
	if (more > a->size - a->used)
		sys_die("config.json needs more memory than tare has set aside");
	a->used += more;
	guard_forbid(p + size, a->base + a->used);
}

void *arena_alloc(struct arena *a, size_t size)
{
	char *p = a->base + a->used;
	size_t whole = rounded(size);

	take(a, whole < size ? (size_t) -1 : whole, p, size);

	return p;
}

bool arena_extend(struct arena *a, const void *p, size_t old, size_t size)
{
	if ((const char *) p + rounded(old) != a->base + a->used)
		return false;
	guard_allow(p, a->base + a->used);
	take(a, rounded(size) - rounded(old), p, size);

	return true;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		total = (size_t) -1;

	return arena_alloc(a, total);
}

void *arena_grow(struct arena *a, const void *items, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return (void *) items;
	*room = *room > 0 ? 2 * *room : FIRST_ELEMENTS;

	void *longer = arena_array(a, *room, size);
	if (count > 0)
		memcpy(longer, items, count * size);

	return longer;
}

char *arena_memdup(struct arena *a, const char *s, size_t length)
{
	char *copy = arena_alloc(a, length + 1);

	memcpy(copy, s, length);

	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_memdup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	size_t length = fmt_text_v(NULL, 0, fmt, ap);
	va_end(ap);

	char *text = arena_alloc(a, length + 1);

	va_start(ap, fmt);
	fmt_text_v(text, length + 1, fmt, ap);
	va_end(ap);

	return text;
}

const char **arena_append(struct arena *a, const char *const *list, size_t count, const char *more)
{
	const char **longer = arena_array(a, count + 2, sizeof(*longer));

	if (count > 0)
		memcpy(longer, list, count * sizeof(*longer));
	longer[count] = more;

	return longer;
}
