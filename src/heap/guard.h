/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/guard.h - guards for AddressSanitizer in an arena
 *
 * AddressSanitizer watches malloc(3), which tare does not use: without guards a read behind a
 * string would go into the next one unnoticed. In a build with it, some bytes behind each
 * allocation must not be touched; in any other build there are no such bytes, and these functions
 * do nothing.
 */
#pragma once

#include <stddef.h>

#ifdef __has_feature
#define GUARD_ASKED __has_feature(address_sanitizer)
#else
#define GUARD_ASKED 0
#endif

#if defined(__SANITIZE_ADDRESS__) || GUARD_ASKED

#include <sanitizer/asan_interface.h>

#define GUARD_SIZE ((size_t) 32)

static inline void guard_forbid(const char *from, const char *end)
{
	__asan_poison_memory_region(from, (size_t) (end - from));
}

static inline void guard_allow(const char *from, const char *end)
{
	__asan_unpoison_memory_region(from, (size_t) (end - from));
}

#else

#define GUARD_SIZE ((size_t) 0)

static inline void guard_forbid(const char *from, const char *end)
{
	(void) from, (void) end;
}

static inline void guard_allow(const char *from, const char *end)
{
	(void) from, (void) end;
}

#endif
