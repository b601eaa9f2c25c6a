/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/utf8.h - characters in UTF-8 (RFC 3629)
 */
#pragma once

#include <stddef.h>

/*
 * The length of the character at @s, which has @length bytes; SIZE_MAX where a NUL ends it. 0: not
 * a valid character.
 */
size_t utf8_length(const char *s, size_t length);

/*
 * The number of the character at @s (a NUL ends the text), with its *@length, if it must not reach
 * a terminal: control characters of ASCII and Latin-1, DEL, those that change the direction of text
 * (Unicode, UAX #9, "explicit directional formatting characters"), and U+2028 and U+2029, which end
 * a line. 0: the character is safe, or is no UTF-8.
 */
unsigned utf8_unsafe(const char *s, size_t *length);
