/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/out.c - buffered output to a descriptor
 *
 * Runs in tare, for printing a result. The one idea: every function ends in put_bytes(), the only
 * one that knows the end of the buffer.
 */
#include "heap/out.h"

#include "base/fmt.h"
#include "base/utf8.h"
#include "heap/json_text.h"
#include "kernel/memory.h"
#include "kernel/sys.h"

#include <stdarg.h>
#include <string.h>

static void pass_on(struct out *out, const char *bytes, size_t length)
{
	int r = out->failed ? 0 : sys_write_all(out->fd, bytes, length);

	if (r < 0)
		out->failed = r;
}

int out_flush(struct out *out)
{
	pass_on(out, out->buffer, out->used);
	out->used = 0;

	return out->failed;
}

static void put_bytes(struct out *out, const char *bytes, size_t length)
{
	if (length > OUT_SIZE - out->used)
		out_flush(out);
	if (length > OUT_SIZE) {
		pass_on(out, bytes, length);
		return;
	}
	memcpy(out->buffer + out->used, bytes, length);
	out->used += length;
}

void out_text(struct out *out, const char *text)
{
	put_bytes(out, text, strlen(text));
}

void out_clean(struct out *out, const char *text)
{
	size_t length;

	for (; *text != '\0'; text += length) {
		bool shown = utf8_unsafe(text, &length) == 0 && length > 0;

		if (length == 0)
			length = 1;
		if (shown)
			put_bytes(out, text, length);
		for (size_t i = 0; !shown && i < length; i++)
			out_printf(out, "\\x%02x", (unsigned char) text[i]);
	}
}

/*
 * Most text fits into the buffer and is formatted there. A longer text may be megabytes of a
 * config.json, which no stack is sure to hold.
 */
void out_printf(struct out *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	size_t room = OUT_SIZE - out->used;
	size_t length = fmt_text_v(out->buffer + out->used, room, fmt, ap);
	va_end(ap);
	if (length < room) {
		out->used += length;
		return;
	}

	char *text = sys_map_private(length + 1);
	if (!text)
		sys_die("out of memory");

	va_start(ap, fmt);
	fmt_text_v(text, length + 1, fmt, ap);
	va_end(ap);
	put_bytes(out, text, length);
}

void out_padded(struct out *out, const char *text, size_t width)
{
	out_text(out, text);
	for (size_t i = strlen(text); i < width; i++)
		put_bytes(out, " ", 1);
}

void out_json_string(struct out *out, const char *text)
{
	char escape[JSON_ESCAPE_SIZE];
	const char *piece;
	size_t part;

	out_text(out, "\"");
	while ((part = json_piece(&text, &piece, escape)) > 0)
		put_bytes(out, piece, part);
	out_text(out, "\"");
}
