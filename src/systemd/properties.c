/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd/properties.c - the lines of plan/systemd/property.h as arguments of a D-Bus call
 *
 * One pass; containers are opened and closed as the lines say.
 */
#include "systemd/systemd.h"

#include "base/fmt.h"
#include "base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	sd_bus_message *message;
	unsigned version;
	bool open;	/* a property is open */
	bool skipping;	/* this systemd does not know the property: its lines are skipped */
	unsigned depth; /* how many parts of it are open */
	char *name, *type;
};

/* ---- values ---- */

static int append_number(sd_bus_message *m, char type, const char *text)
{
	bool minus = text[0] == '-';
	unsigned long long number;

	if (fmt_parse_u64(text + minus, &number) < 0)
		return -EINVAL;

	int64_t value = (int64_t) (minus ? 0 - number : number);
	const struct {
		uint8_t y;
		int16_t n;
		uint16_t q;
		int32_t i;
		uint32_t u;
	} narrow = { (uint8_t) value, (int16_t) value, (uint16_t) value, (int32_t) value,
		     (uint32_t) value };
	const struct {
		char type;
		const void *at;
	} forms[] = {
		{ 'y', &narrow.y }, { 'n', &narrow.n }, { 'q', &narrow.q }, { 'i', &narrow.i },
		{ 'u', &narrow.u }, { 'x', &value },	{ 't', &value },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (forms[i].type == type)
			return sd_bus_message_append_basic(m, type, forms[i].at);

	return -EINVAL;
}

static int append_double(sd_bus_message *m, const char *text)
{
	double value = strtod(text, NULL);

	return sd_bus_message_append_basic(m, 'd', &value);
}

static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1]) {
			text++;
			*to++ = *text == 'n' ? '\n' : *text;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

static int append_value(sd_bus_message *m, char type, char *text)
{
	unescape(text);
	if (type == 'b') {
		int yes = strcmp(text, "true") == 0;

		return sd_bus_message_append_basic(m, 'b', &yes);
	}
	if (type == 's' || type == 'o' || type == 'g')
		return sd_bus_message_append_basic(m, type, text);
	if (type == 'd')
		return append_double(m, text);

	return append_number(m, type, text);
}

/* ---- lines ---- */

static int close_property(struct writer *w)
{
	int r = w->depth > 0 ? -EINVAL : 0;

	if (r == 0 && w->open) {
		r = sd_bus_message_close_container(w->message);
		if (r >= 0)
			r = sd_bus_message_close_container(w->message);
	}
	w->open = false;

	return r;
}

/*
 * A property is opened at its first value: a "since" line before the value may say that the
 * property is skipped.
 */
static int open_property(struct writer *w)
{
	if (w->open)
		return 0;

	int r = sd_bus_message_open_container(w->message, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(w->message, 's', w->name);
	if (r >= 0)
		r = sd_bus_message_open_container(w->message, 'v', w->type);
	w->open = true;

	return r;
}

static int begin_property(struct writer *w, char *rest)
{
	int r = close_property(w);

	w->skipping = false;
	w->name = strsep(&rest, " ");
	w->type = rest;

	return rest ? r : -EINVAL;
}

static int since(struct writer *w, char *rest)
{
	unsigned long long version;

	if (fmt_parse_u64(rest, &version) < 0)
		return -EINVAL;
	w->skipping = w->version < version;

	return 0;
}

static int open_part(struct writer *w, char type, const char *contents)
{
	w->depth++;

	return sd_bus_message_open_container(w->message, type, contents);
}

static int close_part(struct writer *w)
{
	if (w->depth == 0)
		return -EINVAL;
	w->depth--;

	return sd_bus_message_close_container(w->message);
}

static int write_part(struct writer *w, const char *key, char *rest)
{
	int r = open_property(w);

	if (r < 0)
		return r;
	if (strcmp(key, "end") == 0)
		return close_part(w);
	if (!rest)
		return -EINVAL;
	if (strcmp(key, "array") == 0)
		return open_part(w, 'a', rest);
	if (strcmp(key, "struct") == 0)
		return open_part(w, 'r', rest);
	if (strcmp(key, "value") == 0 && rest[0] && rest[1] == ' ')
		return append_value(w->message, rest[0], rest + 2);

	return -EINVAL;
}

static int write_line(struct writer *w, char *line)
{
	char *rest = line;
	const char *key = strsep(&rest, " ");

	if (rest && strcmp(key, "property") == 0)
		return begin_property(w, rest);
	if (!w->name)
		return -EINVAL;
	if (rest && strcmp(key, "since") == 0)
		return since(w, rest);

	return w->skipping ? 0 : write_part(w, key, rest);
}

bool properties_need_version(const char *properties)
{
	return strstr(properties, "\nsince ") != NULL;
}

/* Parsing cuts the lines in place, and they may be needed again: so a copy is parsed. */
static int write_lines(struct writer *w, char *text, char wrong[PROPERTY_NAME])
{
	for (char *line; (line = strsep(&text, "\n")) && *line;) {
		int r = write_line(w, line);

		if (r < 0) {
			fmt_text(wrong, PROPERTY_NAME, "%s", w->name ? w->name : line);
			return r;
		}
	}

	return close_property(w);
}

int properties_append(sd_bus_message *m, const struct request *request, unsigned version,
		      char name[PROPERTY_NAME])
{
	struct writer w = { .message = m, .version = version };
	char *copy = strdup(request->properties);
	int r = copy ? sd_bus_message_open_container(m, 'a', "(sv)") : -ENOMEM;

	name[0] = '\0';
	if (r >= 0)
		r = write_lines(&w, copy, name);
	free(copy);
	if (r >= 0 && request->pid > 0)
		r = sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, request->pid);
	if (r >= 0)
		r = sd_bus_message_close_container(m);

	return r;
}
