/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/out.h - text on its way to a descriptor
 *
 * Collects what is printed and writes it in large pieces, so that a listing costs one system call.
 * For what belongs to a result: standard output, a file; errors and the log have ways of their own.
 * Nothing fails while text is put in: the first refused write is kept, later text is dropped, and
 * out_flush() returns the error.
 *
 *	struct out out = { .fd = 1 };
 *
 *	out_printf(&out, "%s %d\n", name, pid);
 *	r = out_flush(&out);
 *
 * The value is the caller's and needs no freeing; the descriptor stays the caller's.
 */
#pragma once

#include <stddef.h>

#define OUT_SIZE 4096

struct out {
	int fd;
	int failed; /* -errno of the first write that was refused; 0: none */
	size_t used;
	char buffer[OUT_SIZE];
};

void out_text(struct out *out, const char *text);

/* As base/fmt.h formats. Text of any length. */
void out_printf(struct out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * @text from outside for a terminal: characters of utf8_unsafe(), and bytes that are not UTF-8, as
 * \xNN.
 */
void out_clean(struct out *out, const char *text);

/* @text, and spaces behind it up to @width characters. */
void out_padded(struct out *out, const char *text, size_t width);

/* @text as a JSON string with its quotes (RFC 8259, section 7). */
void out_json_string(struct out *out, const char *text);

/* Write the rest of the buffer. 0, or -errno of the first write that failed. */
int out_flush(struct out *out);
