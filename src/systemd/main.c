/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd/main.c - tare-systemd start|set|stop
 *
 * Reads all of standard input, makes the connection and the call, and prints a line about a
 * failure.
 */
#include "systemd/systemd.h"

#include "base/err.h"
#include "base/fmt.h"
#include "base/table.h"
#include "kernel/helper.h"
#include "kernel/sys.h"

#include <stdlib.h>
#include <string.h>

#define UNIT_EXISTS  "org.freedesktop.systemd1.UnitExists"
#define NO_SUCH_UNIT "org.freedesktop.systemd1.NoSuchUnit"

/* ---- failures ---- */

static int refuse(const char *what, const char *unit, const sd_bus_error *error)
{
	char text[512];

	fmt_text(text, sizeof(text), "systemd refuses to %s \"%s\"", what, unit);
	say(text, error->message ? error->message : error->name,
	    sd_bus_error_has_name(error, UNIT_EXISTS) ? "another container or service has this name"
						      : NULL);

	return EXIT_REFUSED;
}

/* The message could not be made, because of @property, or "" for another reason. @r: -errno. */
static void say_unsendable(const char *property, int r)
{
	say(property[0] ? property : "the call to systemd", errno_text(-r), NULL);
}

/*
 * @property is at fault. systemd's message is enough if it @names the property; if not, the type is
 * mostly wrong.
 */
static void say_property(const char *property, bool names)
{
	char text[PROPERTY_NAME + 64] = "";

	if (!names)
		fmt_text(text, sizeof(text), "is its value of the type that %s has?", property);
	say(text, NULL, property);
}

/* ---- start ---- */

static int start_once(sd_bus *bus, const struct request *request, unsigned version,
		      sd_bus_error *error)
{
	char name[PROPERTY_NAME];
	sd_bus_message *m;
	int r = bus_new_start(bus, request, version, &m, name);

	if (r < 0) {
		say_unsendable(name, r);
		exit(EXIT_REFUSED);
	}

	return bus_run_job(bus, m, error);
}

static int refuse_start(sd_bus *bus, const struct request *request, unsigned version,
			const sd_bus_error *error)
{
	char name[PROPERTY_NAME];

	refuse("start", request->unit, error);
	if (!sd_bus_error_has_name(error, UNIT_EXISTS) &&
	    fault_find(bus, request->properties, version, name))
		say_property(name, error->message && strstr(error->message, name));

	return EXIT_REFUSED;
}

/* A failed scope keeps its name until it is reset: then start again. */
static int start(sd_bus *bus, const struct request *request)
{
	unsigned version = properties_need_version(request->properties) ? bus_version(bus) : 0;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int status = start_once(bus, request, version, &error);

	if (status == EXIT_REFUSED && sd_bus_error_has_name(&error, UNIT_EXISTS)) {
		bus_reset_failed(bus, request->unit);
		sd_bus_error_free(&error);
		status = start_once(bus, request, version, &error);
	}

	return status == EXIT_REFUSED ? refuse_start(bus, request, version, &error) : status;
}

/* ---- set ---- */

static int set(sd_bus *bus, const struct request *request)
{
	unsigned version = properties_need_version(request->properties) ? bus_version(bus) : 0;
	sd_bus_message *m = bus_new_call(bus, "SetUnitProperties");
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char name[PROPERTY_NAME] = "";
	int until_its_end = 1;
	int r = m ? sd_bus_message_append(m, "sb", request->unit, until_its_end) : -ENOMEM;

	if (r >= 0)
		r = properties_append(m, request, version, name);
	if (r < 0) {
		say_unsendable(name, r);
		return EXIT_REFUSED;
	}

	int status = bus_call(bus, m, &error);

	return status == EXIT_REFUSED ? refuse("change", request->unit, &error) : status;
}

/* ---- stop ---- */

static int stop(sd_bus *bus, const struct request *request)
{
	sd_bus_message *m = bus_new_call(bus, "StopUnit");
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = m ? sd_bus_message_append(m, "ss", request->unit, "replace") : -ENOMEM;

	if (r < 0) {
		say_unsendable("", r);
		return EXIT_REFUSED;
	}

	int status = bus_run_job(bus, m, &error);
	if (status == EXIT_REFUSED && sd_bus_error_has_name(&error, NO_SUCH_UNIT))
		return EXIT_DONE;
	if (status == EXIT_REFUSED)
		return refuse("stop", request->unit, &error);
	bus_reset_failed(bus, request->unit);

	return status;
}

static const struct {
	const char *name;
	int (*perform)(sd_bus *bus, const struct request *request);
} verbs[] = {
	{ "start", start },
	{ "set", set },
	{ "stop", stop },
};

static int (*find_verb(const char *name))(sd_bus *bus, const struct request *request)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].perform;

	return NULL;
}

int main(int argc, char **argv)
{
	int (*const verb)(sd_bus * bus, const struct request *request) =
		argc == 2 ? find_verb(argv[1]) : NULL;
	size_t size;
	char *text = verb ? helper_read_input(&size) : NULL;
	struct request request;
	sd_bus *bus;

	if (!text || request_parse(text, &request) < 0) {
		say("tare-systemd is started by tare alone", NULL, NULL);
		return EXIT_REFUSED;
	}
	if (bus_connect(&bus, &request) < 0)
		return EXIT_REFUSED;

	return verb(bus, &request);
}
