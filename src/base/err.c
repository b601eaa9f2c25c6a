/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/err.c - one failure, with its context
 *
 * These functions also run in tare-init, so they allocate nothing, and only format into the
 * caller's struct err.
 */
#include "base/err.h"

#include "base/fmt.h"

#include <errno.h>
#include <string.h>

static void set_text(struct err *e, int code, const char *fmt, va_list ap)
{
	memset(e, 0, sizeof(*e));
	e->code = code;
	fmt_text_v(e->text, sizeof(e->text), fmt, ap);
}

int err_sys(struct err *e, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(e, -r, fmt, ap);
	va_end(ap);

	/* The cause must be kept when the text is too long. */
	const char *cause = errno_text(-r);
	size_t room = sizeof(e->text) - strlen(cause) - 3;
	size_t length = strlen(e->text);

	if (length > room)
		length = room;
	fmt_text(e->text + length, sizeof(e->text) - length, ": %s", cause);

	return -1;
}

int err_cfg(struct err *e, const char *place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(e, 0, fmt, ap);
	va_end(ap);

	return err_at(e, place);
}

int err_msg(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(e, 0, fmt, ap);
	va_end(ap);

	return -1;
}

int err_stopped(struct err *e)
{
	(void) err_msg(e, "the container has stopped meanwhile");
	e->code = ESRCH;

	return -1;
}

int err_in(struct err *e, const char *fmt, ...)
{
	char front[ERR_TEXT / 2];
	va_list ap;

	va_start(ap, fmt);
	fmt_text_v(front, sizeof(front), fmt, ap);
	va_end(ap);

	/*
	 * The text is built from back to front: the new words go in front, and only they are cut.
	 */
	size_t text = strlen(e->text), room = sizeof(e->text) - text - 1, length = strlen(front);

	if (room < 3)
		return -1;
	if (length > room - 2)
		length = room - 2;
	memmove(e->text + length + 2, e->text, text + 1);
	memcpy(e->text, front, length);
	memcpy(e->text + length, ": ", 2);

	return -1;
}

int err_at(struct err *e, const char *place)
{
	if (e->place[0] == '\0' && place)
		fmt_text(e->place, sizeof(e->place), "%s", place);

	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e->hint[0] != '\0')
		return -1;
	va_start(ap, fmt);
	fmt_text_v(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);

	return -1;
}

size_t err_line(const struct err *e, char *buf, size_t size)
{
	char place[ERR_PLACE + 64] = "";

	if (e->line > 0 && e->place[0] == '\0')
		fmt_text(place, sizeof(place), "line %d, column %d: ", e->line, e->column);
	else if (e->line > 0)
		fmt_text(place, sizeof(place), "%s (line %d, column %d): ", e->place, e->line,
			 e->column);
	else if (e->place[0] != '\0')
		fmt_text(place, sizeof(place), "%s: ", e->place);
	if (e->hint[0] != '\0')
		return fmt_text(buf, size, "%s%s (%s)", place, e->text, e->hint);

	return fmt_text(buf, size, "%s%s", place, e->text);
}
