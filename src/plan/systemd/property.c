/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/property.c - properties of a systemd unit, as lines for tare-systemd
 *
 * Runs in tare, while deciding.
 */
#include "plan/systemd/property.h"

#include "base/fmt.h"

#include <string.h>

#define FIRST_ROOM 1024

/*
 * Room for @more bytes and a NUL. The buffer doubles, as an annotation may have very many values.
 */
static char *make_room(struct properties *p, size_t more)
{
	if (p->length + more >= p->room) {
		size_t room = p->room ? p->room : FIRST_ROOM;

		while (p->length + more >= room)
			room *= 2;

		char *text = arena_alloc(p->arena, room);
		if (p->length > 0)
			memcpy(text, p->text, p->length);
		p->text = text;
		p->room = room;
	}

	return p->text + p->length;
}

static void add(struct properties *p, const char *text)
{
	size_t length = strlen(text);

	strcpy(make_room(p, length), text);
	p->length += length;
}

static void add_line(struct properties *p, const char *key, const char *value)
{
	add(p, key);
	add(p, " ");
	add(p, value);
	add(p, "\n");
}

void property_begin(struct properties *p, const char *name, const char *type)
{
	add(p, "property ");
	add_line(p, name, type);
}

void property_since(struct properties *p, unsigned version)
{
	char text[16];

	fmt_text(text, sizeof(text), "%u", version);
	add_line(p, "since", text);
}

void property_array(struct properties *p, const char *type)
{
	add_line(p, "array", type);
}

void property_struct(struct properties *p, const char *types)
{
	add_line(p, "struct", types);
}

void property_end(struct properties *p)
{
	add(p, "end\n");
}

void property_value(struct properties *p, char type, const char *text)
{
	char front[] = { 'v', 'a', 'l', 'u', 'e', ' ', type, ' ', '\0' };

	add(p, front);

	char *at = make_room(p, 2 * strlen(text) + 1);
	for (; *text; text++) {
		if (*text == '\\' || *text == '\n')
			*at++ = '\\';
		*at++ = *text == '\n' ? 'n' : *text;
	}
	*at++ = '\n';
	*at = '\0';
	p->length = (size_t) (at - p->text);
}

void property_string(struct properties *p, const char *name, const char *value)
{
	property_begin(p, name, "s");
	property_value(p, 's', value);
}

void property_bool(struct properties *p, const char *name, bool value)
{
	property_begin(p, name, "b");
	property_value(p, 'b', value ? "true" : "false");
}

void property_u64_since(struct properties *p, const char *name, unsigned version, uint64_t value)
{
	char text[24];

	fmt_text(text, sizeof(text), "%llu", (unsigned long long) value);
	property_begin(p, name, "t");
	if (version > 0)
		property_since(p, version);
	property_value(p, 't', text);
}

void property_u64(struct properties *p, const char *name, uint64_t value)
{
	property_u64_since(p, name, 0, value);
}
