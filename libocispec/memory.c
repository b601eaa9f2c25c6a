/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/memory.c - yajl's memory from an arena
 *
 * yajl does not check what malloc gives it; an arena never gives NULL.
 */
#include "libocispec/memory.h"

#include <string.h>

#include "heap/arena.h"

/* The size in front of each piece: realloc's caller does not give the old one. */
struct piece {
	_Alignas(16) size_t size;
};

static void *take(void *arena, size_t size)
{
	size_t total;

	if (__builtin_add_overflow(size, sizeof(struct piece), &total))
		total = (size_t) -1;

	struct piece *piece = arena_alloc(arena, total);

	piece->size = size;

	return piece + 1;
}

static void *take_more(void *arena, void *old, size_t size)
{
	if (!old)
		return take(arena, size);

	size_t old_size = ((struct piece *) old - 1)->size;
	if (size <= old_size)
		return old;

	return memcpy(take(arena, size), old, old_size);
}

static void leave(void *arena, void *piece)
{
	(void) arena;
	(void) piece;
}

yajl_alloc_funcs memory_for_yajl(struct arena *a)
{
	return (yajl_alloc_funcs) { .malloc = take, .realloc = take_more, .free = leave, .ctx = a };
}
