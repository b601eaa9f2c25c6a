/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/utf8.h - characters in UTF-8 (RFC 3629)
 */
#pragma once

#include <stddef.h>

/* The length of the character at @s, which has @length bytes; SIZE_MAX where a NUL ends it. 0: there is none. */
size_t utf8_length(const char *s, size_t length);
