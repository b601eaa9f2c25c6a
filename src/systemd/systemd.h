/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd/systemd.h - tare-systemd: the one program of tare that speaks D-Bus
 *
 * tare starts it (cgroup/scope.h has its input and output) with an empty environment. It is a
 * program of its own, so that libsystemd is loaded only for --systemd-cgroup. tare decides
 * everything: tare-systemd puts its input on the bus as it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* The request, cut into lines in place. */
struct request {
	const char *unit, *bus;
	uint32_t pid;		/* 0: none */
	const char *properties; /* the rest */
};

/* Exit statuses. */
enum {
	EXIT_DONE,
	EXIT_REFUSED, /* nothing is changed */
	EXIT_UNKNOWN, /* something may be */
};

/* ---- request.c ---- */

/* Parse the text, which is kept and cut into lines. 0, or -1: the text is no request of tare's. */
int request_parse(char *text, struct request *request);

/* ---- properties.c ---- */

/* Room for the name of a property; a longer name is cut. */
#define PROPERTY_NAME 128

/* Does a property have a "since" line? */
bool properties_need_version(const char *properties);

/*
 * Append the properties, and PIDs if there is a pid, as a(sv). @version: systemd's. 0 or more; or
 * -errno, with @name of the wrong property, or "".
 */
int properties_append(sd_bus_message *m, const struct request *request, unsigned version,
		      char name[PROPERTY_NAME]);

/* ---- fault.c ---- */

/*
 * Ask systemd about each of @properties: @name is the first one that systemd refuses. False: none
 * is refused by itself, or systemd does not answer.
 */
bool fault_find(sd_bus *bus, const char *properties, unsigned version, char name[PROPERTY_NAME]);

/* ---- bus.c ---- */

/* Print a line for tare; @remedy may be NULL. */
void say(const char *text, const char *detail, const char *remedy);

/* Connect to the bus of the request. 0, or -1 with the reason printed. */
int bus_connect(sd_bus **bus, const struct request *request);

/* A call of the manager, without arguments yet; NULL: out of memory. */
sd_bus_message *bus_new_call(sd_bus *bus, const char *method);

/*
 * The call that starts the scope, as @m. 0 or more; or -errno, with @name as in
 * properties_append().
 */
int bus_new_start(sd_bus *bus, const struct request *request, unsigned version, sd_bus_message **m,
		  char name[PROPERTY_NAME]);

/*
 * Make the call, which starts a job, and wait for the job's end. An exit status; EXIT_REFUSED with
 * @error set and nothing printed.
 */
int bus_run_job(sd_bus *bus, sd_bus_message *m, sd_bus_error *error);

/*
 * Make a call that starts no job, and wait until systemd has carried it out. Returns as
 * bus_run_job().
 */
int bus_call(sd_bus *bus, sd_bus_message *m, sd_bus_error *error);

/* systemd's version; 0 where it does not say. */
unsigned bus_version(sd_bus *bus);

/* Reset the failed state of a unit, if it has one. */
void bus_reset_failed(sd_bus *bus, const char *unit);
