/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/arena.h - the only allocator
 *
 * Everything that is decoded from config.json and everything that is planned lives in one arena and
 * is freed with it, at exit. So a pointer can't dangle and nothing needs an owner. An arena never
 * returns NULL: when its reserve is used up, tare prints that and exits 1. That can happen only
 * while deciding, before the first side effect: the host side allocates nothing after that.
 *
 * The reserve is ARENA_RESERVE bytes of address space (kernel/arch.h), or what the caller's limits
 * leave: RLIMIT_AS (a batch system's limit on virtual memory), and for a memfd RLIMIT_FSIZE.
 *
 * The arena of a plan is a memfd mapped at the fixed address ARENA_ADDRESS. tare-init maps the same
 * memfd at the same address, so its contents may have ordinary pointers.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena {
	char *base;
	size_t used, usable, size; /* @usable: the bytes with memory behind them */
	int memfd;		   /* -1: private memory */
};

/*
 * A private arena: for verbs that start no container. The arena is the caller's; its memory goes at
 * exit.
 */
void arena_open(struct arena *a);

/*
 * Free an arena before the exit: one that is only needed for a moment, or a plan that could not be
 * performed. An arena that is not open (@a->base NULL) is skipped.
 */
void arena_close(struct arena *a);

/* An arena in a memfd, for a plan. 0, or -errno with nothing made. */
int arena_open_shared(struct arena *a);

/*
 * Nothing more will be allocated: cut the memfd to the used size and seal it against every change.
 * 0, or -errno.
 */
int arena_seal(struct arena *a);

/*
 * Extend the last allocation in place: to @size bytes from @old. False: another allocation is
 * behind it.
 */
bool arena_extend(struct arena *a, const void *p, size_t old, size_t size);

/* Zeroed memory, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull));

/* @count elements of @size bytes each, zeroed; the product is checked. */
void *arena_array(struct arena *a, size_t count, size_t size)
	__attribute__((malloc, returns_nonnull));

/*
 * Room for one more element in an array of @count elements of @size bytes: @items while there is
 * room, else a copy with twice the room, zeroed behind @count. *@room: the elements that fit; 0
 * with @items NULL for an array that is not there yet.
 */
void *arena_grow(struct arena *a, const void *items, size_t count, size_t *room, size_t size)
	__attribute__((returns_nonnull));

char *arena_strdup(struct arena *a, const char *s) __attribute__((malloc, returns_nonnull));
char *arena_memdup(struct arena *a, const char *s, size_t length)
	__attribute__((malloc, returns_nonnull)); /* with a NUL behind */

char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((returns_nonnull, format(printf, 2, 3)));

/*
 * A copy of the NULL-terminated @list of @count strings (NULL: empty), with @more behind them. For
 * short lists.
 */
const char **arena_append(struct arena *a, const char *const *list, size_t count, const char *more)
	__attribute__((returns_nonnull));

#define arena_new(a, type) ((type *) arena_alloc(a, sizeof(type)))
