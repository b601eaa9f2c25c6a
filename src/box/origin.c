/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/origin.c - which flag asked for which piece of the config
 *
 * The planner and the steps name the place of an error by a JSON pointer, although a box has no
 * JSON. Each piece that a flag asked for is listed with its pointer, and in an error the flag
 * replaces the pointer.
 */
#include "box/box.h"

#include "base/fmt.h"
#include "base/path.h"

#define MOST_ORIGINS 2048

/* Characters that need no quotes in a shell. */
static bool is_plain(const char *value)
{
	if (*value == '\0')
		return false;
	for (; *value; value++)
		if (!((*value >= 'a' && *value <= 'z') || (*value >= 'A' && *value <= 'Z') ||
		      (*value >= '0' && *value <= '9') || strchr("_.,=+-", *value)))
			return false;

	return true;
}

const char *box_words(struct box *b, const char *flag, const char *value)
{
	if (!value)
		return arena_printf(b->arena, "--%s", flag);

	return arena_printf(b->arena, is_plain(value) ? "--%s %s" : "--%s \"%s\"", flag, value);
}

static void add(struct box *b, const struct box_origin *origin)
{
	if (!b->origins)
		b->origins = arena_array(b->arena, MOST_ORIGINS, sizeof(*b->origins));
	if (b->origin_count < MOST_ORIGINS)
		b->origins[b->origin_count++] = *origin;
}

void box_origin(struct box *b, const char *place, const char *flag, const char *value)
{
	add(b, &(struct box_origin) { .place = place, .words = box_words(b, flag, value) });
}

void box_wish(struct box *b, const char *place, enum box_wish wish)
{
	add(b, &(struct box_origin) { .place = place, .words = "", .wish = wish });
}

int box_refuse(struct box *b, const char *flag, const char *value, struct err *e, const char *fmt,
	       ...)
{
	char text[ERR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	fmt_text_v(text, sizeof(text), fmt, ap);
	va_end(ap);

	return err_cfg(e, box_words(b, flag, value), "%s", text);
}

/* The longest pointer that matches: there may be a flag for the whole, and another for a part. */
static const struct box_origin *find(const struct box *b, const char *place)
{
	const struct box_origin *found = NULL;

	for (size_t i = 0; i < b->origin_count; i++)
		if (path_below(place, b->origins[i].place) &&
		    (!found || strlen(b->origins[i].place) >= strlen(found->place)))
			found = &b->origins[i];

	return found;
}

enum box_wish box_wish_at(const struct box *b, const char *place)
{
	const struct box_origin *found = find(b, place);

	return found ? found->wish : WISH_NONE;
}

bool box_is_usual(const struct box *b, const char *place)
{
	const struct box_origin *found = find(b, place);

	return !found || found->words[0] == '\0';
}

int box_locate(const struct box *b, struct err *e)
{
	if (e->place[0] != '/')
		return -1;

	const struct box_origin *found = find(b, e->place);
	fmt_text(e->place, sizeof(e->place), "%s", found ? found->words : "");
	e->line = e->column = 0;

	return -1;
}
