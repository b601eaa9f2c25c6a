/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd/systemd.h - tare-systemd: the one program of tare that speaks D-Bus
 *
 * Started by tare (cgroup/scope.h says how, and what it reads and says) with nothing in its environment;
 * a program of its own, so that libsystemd costs those time who want systemd, and nobody else.
 * All that is decided is decided by tare: what comes here is put on the bus as it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* What was read: cut into lines in place. */
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

/* What was read, which stays where it is and is cut up. 0, or -1: it is none of tare's. */
int request_parse(char *text, struct request *request);

/* ---- properties.c ---- */

/* Room for the name of a property: a longer one is cut. */
#define PROPERTY_NAME 128

/* Is there one that not every systemd knows? */
bool properties_need_version(const char *properties);

/*
 * Append the properties, and PIDs if there is one, as a(sv). @version: systemd's. 0 or more; or -errno, with @name that of the
 * wrong one, "" where it is none's fault.
 */
int properties_append(sd_bus_message *m, const struct request *request, unsigned version,
		      char name[PROPERTY_NAME]);

/* ---- fault.c ---- */

/*
 * Ask systemd again, about each of @properties: @name is the first one that systemd refuses. False: none is refused by
 * itself, or systemd does not answer.
 */
bool fault_find(sd_bus *bus, const char *properties, unsigned version, char name[PROPERTY_NAME]);

/* ---- bus.c ---- */

/* Print a line for tare; @remedy may be NULL. */
void say(const char *text, const char *detail, const char *remedy);

/* Connect to what the request asks for. 0, or -1 and it is said why. */
int bus_connect(sd_bus **bus, const struct request *request);

/* A call of the manager's, to be filled; NULL: out of memory. */
sd_bus_message *bus_new_call(sd_bus *bus, const char *method);

/* The call that starts the scope, as @m. 0 or more; or -errno, with @name as of properties_append(). */
int bus_new_start(sd_bus *bus, const struct request *request, unsigned version, sd_bus_message **m,
		  char name[PROPERTY_NAME]);

/*
 * Make the call, which starts a job, and wait for the job's end. An exit status; EXIT_REFUSED with @error set and
 * nothing said.
 */
int bus_run_job(sd_bus *bus, sd_bus_message *m, sd_bus_error *error);

/* Make a call that starts no job, and wait until systemd has carried it out. Returns as bus_run_job(). */
int bus_call(sd_bus *bus, sd_bus_message *m, sd_bus_error *error);

/* systemd's version; 0 where it does not say. */
unsigned bus_version(sd_bus *bus);

/* A unit that is not there, or has not failed, is none to reset. */
void bus_reset_failed(sd_bus *bus, const char *unit);
