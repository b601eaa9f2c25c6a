/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd/fault.c - the property for which systemd has refused a scope
 *
 * systemd's message mostly names the property whose value is out of range, but never one whose type
 * is wrong. So each property is sent by itself, for a unit of another name, with an unknown
 * property behind it. systemd checks all properties in their order before it sets any: so such a
 * call always fails, and makes no unit.
 */
#include "systemd/systemd.h"

#include "base/fmt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNKNOWN "NoPropertyOfSystemd"
#define PREFIX	"property "

/* The length of the first property's lines at @at. */
static size_t property_length(const char *at)
{
	const char *next = strstr(at, "\n" PREFIX);

	return next ? (size_t) (next + 1 - at) : strlen(at);
}

enum answer {
	ANSWER_TAKEN,
	ANSWER_REFUSED,
	ANSWER_NONE,
};

/*
 * systemd's answer to the property in the @length bytes at @lines. @number makes the unit's name
 * unique.
 */
static enum answer ask(sd_bus *bus, const char *lines, size_t length, unsigned version,
		       unsigned number)
{
	static const char unknown[] = PREFIX UNKNOWN " b\nvalue b true\n";
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char unit[64], *text = malloc(length + sizeof(unknown));
	const struct request request = { .unit = unit, .properties = text };

	if (!text)
		return ANSWER_NONE;
	memcpy(text, lines, length);
	memcpy(text + length, unknown, sizeof(unknown));
	/* A refused unit stays loaded for a moment, so each call needs a new name. */
	fmt_text(unit, sizeof(unit), "tare-probe-%d-%u.scope", (int) getpid(), number);

	char name[PROPERTY_NAME];
	sd_bus_message *m;
	bool answered = bus_new_start(bus, &request, version, &m, name) >= 0 &&
			bus_call(bus, m, &error) == EXIT_REFUSED;
	bool taken = error.message && strstr(error.message, UNKNOWN);
	sd_bus_error_free(&error);
	free(text);

	return !answered ? ANSWER_NONE : taken ? ANSWER_TAKEN : ANSWER_REFUSED;
}

bool fault_find(sd_bus *bus, const char *properties, unsigned version, char name[PROPERTY_NAME])
{
	unsigned number = 0;

	for (const char *at = properties; *at; at += property_length(at), number++) {
		enum answer answer = ask(bus, at, property_length(at), version, number);

		if (answer == ANSWER_TAKEN)
			continue;
		if (answer == ANSWER_NONE)
			break;
		at += sizeof(PREFIX) - 1;
		fmt_text(name, PROPERTY_NAME, "%.*s", (int) strcspn(at, " "), at);
		return true;
	}

	return false;
}
