/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/arena.c - the only allocator
 *
 * A bump allocator over address space that is reserved once. Untouched pages take no memory, so the
 * reserve is generous; where the caller has limits it is halved until they allow it.
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

/* Steps under 2 MiB: a range that transparent huge pages could fill has small pages already. */
#define STEP	    ((size_t) 1 << 20)
#define LEAST_MEMFD ((size_t) 1 << 16)

static const char no_memory[] = "out of memory: is the address space limited (ulimit -v)?";

/* Have memory behind the first @used bytes. */
static void commit(struct arena *a, size_t used)
{
	size_t end = used + STEP - 1;

	end -= end % STEP;
	if (sys_commit(a->base + a->usable, end - a->usable) < 0)
		sys_die(no_memory);
	a->usable = end;
}

/* Half of what there is: the plan, the stacks and libseccomp need some of the rest. */
static void share_reserve(struct arena *a)
{
	size_t half = a->size / 2;

	sys_unmap(a->base + half, half);
	a->size = half;
}

void arena_open(struct arena *a)
{
	*a = (struct arena) { .memfd = -1, .size = ARENA_RESERVE };
	while (!(a->base = sys_reserve(a->size))) {
		a->size /= 2;
		if (a->size < 2 * STEP)
			sys_die(no_memory);
	}
	if (a->size < ARENA_RESERVE)
		share_reserve(a);
	commit(a, STEP);
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

static int map_memfd(int memfd, size_t size)
{
	int r = sys_truncate(memfd, size);

	return r < 0 ? r : sys_map_shared((void *) ARENA_ADDRESS, size, memfd);
}

int arena_open_shared(struct arena *a)
{
	size_t size = ARENA_RESERVE;
	int memfd = sys_memfd_create("tare-plan");
	if (memfd < 0)
		return memfd;

	int r = map_memfd(memfd, size);
	/* EFBIG: RLIMIT_FSIZE is for memory files, too. ENOMEM: RLIMIT_AS. */
	while ((r == -EFBIG || r == -ENOMEM) && size > LEAST_MEMFD) {
		size /= 2;
		r = map_memfd(memfd, size);
	}
	if (r < 0) {
		sys_close(memfd);
		return r;
	}
	*a = (struct arena) {
		.base = (char *) ARENA_ADDRESS, .usable = size, .size = size, .memfd = memfd
	};
	/* An earlier arena may have been mapped here. */
	guard_allow(a->base, a->base + size);

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
		sys_die(a->size == ARENA_RESERVE
				? "config.json needs more memory than tare has set aside"
				: "config.json needs more memory than the limits of tare's caller "
				  "allow (ulimit -v, ulimit -f)");
	a->used += more;
	if (a->used > a->usable)
		commit(a, a->used);
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
