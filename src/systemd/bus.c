/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd/bus.c - one connection to systemd, and a job on it
 *
 * A call of the manager that starts or stops a unit only queues a job; the signal JobRemoved
 * reports its end. org.freedesktop.systemd1(5).
 */
#include "systemd/systemd.h"

#include "base/err.h"
#include "kernel/time.h"

#include <string.h>

#define SERVICE	  "org.freedesktop.systemd1"
#define MANAGER	  "org.freedesktop.systemd1.Manager"
#define OBJECT	  "/org/freedesktop/systemd1"
#define ANSWER_US ((uint64_t) 25 * 1000000)
#define JOB_MS	  30000

static void put(const char *text)
{
	sys_write_all(1, text, strlen(text));
}

void say(const char *text, const char *detail, const char *remedy)
{
	put(text);
	if (detail) {
		put(": ");
		put(detail);
	}
	put("\n");
	if (remedy)
		put(remedy);
}

/* ---- the connection ---- */

static int start(sd_bus *bus, const struct request *request)
{
	const char *address = request->bus ? request->bus : "unix:path=/run/dbus/system_bus_socket";
	int r = sd_bus_set_address(bus, address);

	if (r >= 0)
		r = sd_bus_set_bus_client(bus, true);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, ANSWER_US);
	if (r >= 0)
		r = sd_bus_start(bus);

	return r;
}

int bus_connect(sd_bus **bus, const struct request *request)
{
	int r = sd_bus_new(bus);

	if (r >= 0)
		r = start(*bus, request);
	if (r >= 0)
		return 0;
	if (request->bus)
		say("the user's bus can't be reached", errno_text(-r),
		    "log in as the user, or `loginctl enable-linger`, or `systemd-run --user --scope`");
	else
		say("the system's bus can't be reached", errno_text(-r),
		    "is dbus running? or have tare make the cgroups: --cgroup-manager=cgroupfs");

	return -1;
}

sd_bus_message *bus_new_call(sd_bus *bus, const char *method)
{
	sd_bus_message *m = NULL;

	sd_bus_message_new_method_call(bus, &m, SERVICE, OBJECT, MANAGER, method);

	return m;
}

int bus_new_start(sd_bus *bus, const struct request *request, unsigned version, sd_bus_message **m,
		  char name[PROPERTY_NAME])
{
	*m = bus_new_call(bus, "StartTransientUnit");
	name[0] = '\0';

	int r = *m ? sd_bus_message_append(*m, "ss", request->unit, "fail") : -ENOMEM;
	if (r >= 0)
		r = properties_append(*m, request, version, name);
	if (r >= 0)
		r = sd_bus_message_append(*m, "a(sa(sv))", 0);

	return r;
}

/* ---- jobs ---- */

struct job {
	const char *path; /* of our job, once it is known */
	char result[64];  /* "" until the job has ended */
};

/* JobRemoved: number, job, unit, result. */
static int job_removed(sd_bus_message *m, void *data, sd_bus_error *error)
{
	struct job *job = data;
	const char *path, *unit, *result;
	uint32_t id;

	(void) error;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && job->path &&
	    strcmp(path, job->path) == 0)
		strncpy(job->result, result, sizeof(job->result) - 1);

	return 0;
}

/* 0 when the job has ended, with any result; -errno. */
static int wait_for(sd_bus *bus, struct job *job)
{
	int64_t deadline = sys_clock_ms() + JOB_MS;

	for (;;) {
		int r = sd_bus_process(bus, NULL);

		if (r < 0)
			return r;
		if (job->result[0])
			return 0;
		if (r > 0)
			continue;

		int64_t left = deadline - sys_clock_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		r = sd_bus_wait(bus, (uint64_t) left * 1000);
		if (r < 0 && r != -EINTR)
			return r;
	}
}

/* The reply has the job's path. Its signal comes behind the reply, so it is still in the queue. */
static int follow(sd_bus *bus, sd_bus_message *reply, struct job *job)
{
	int r = sd_bus_message_read(reply, "o", &job->path);

	if (r >= 0)
		r = wait_for(bus, job);
	if (r < 0)
		say("the wait for systemd's job", errno_text(-r), NULL);
	else if (strcmp(job->result, "done") != 0)
		say("systemd's job for the scope ended as", job->result,
		    "the system's journal says more");
	else
		return EXIT_DONE;

	return EXIT_UNKNOWN;
}

/* The exit status for a call that failed with @r; EXIT_REFUSED with @error set. */
static int failed_call(int r, sd_bus_error *error)
{
	if (r == -ETIMEDOUT || r == -ECONNRESET) {
		say("systemd does not answer", errno_text(-r), NULL);
		return EXIT_UNKNOWN;
	}
	if (!sd_bus_error_is_set(error))
		sd_bus_error_set_errno(error, r);

	return EXIT_REFUSED;
}

int bus_run_job(sd_bus *bus, sd_bus_message *m, sd_bus_error *error)
{
	struct job job = { .path = NULL };
	sd_bus_message *reply = NULL;
	int r = sd_bus_match_signal_async(bus, NULL, SERVICE, OBJECT, MANAGER, "JobRemoved",
					  job_removed, NULL, &job);

	if (r >= 0)
		r = sd_bus_call(bus, m, 0, error, &reply);

	return r >= 0 ? follow(bus, reply, &job) : failed_call(r, error);
}

/*
 * systemd writes the files of a cgroup after its reply, but before it reads the next call. So make
 * another call and wait for its reply.
 */
static int wait_until_written(sd_bus *bus, sd_bus_error *error)
{
	return sd_bus_call_method(bus, SERVICE, OBJECT, "org.freedesktop.DBus.Peer", "Ping", error,
				  NULL, NULL);
}

int bus_call(sd_bus *bus, sd_bus_message *m, sd_bus_error *error)
{
	int r = sd_bus_call(bus, m, 0, error, NULL);

	if (r < 0)
		return failed_call(r, error);
	r = wait_until_written(bus, error);
	if (r < 0) {
		say("systemd has taken the properties, and does not answer any more",
		    errno_text(-r), NULL);
		return EXIT_UNKNOWN;
	}

	return EXIT_DONE;
}

unsigned bus_version(sd_bus *bus)
{
	char *text = NULL;
	unsigned version = 0;

	if (sd_bus_get_property_string(bus, SERVICE, OBJECT, MANAGER, "Version", NULL, &text) < 0)
		return 0;
	/* "252.39-1~deb12u2"; some builds have "v252" */
	for (const char *c = text + (text[0] == 'v'); *c >= '0' && *c <= '9'; c++)
		version = version * 10 + (unsigned) (*c - '0');

	return version;
}

void bus_reset_failed(sd_bus *bus, const char *unit)
{
	sd_bus_call_method(bus, SERVICE, OBJECT, MANAGER, "ResetFailedUnit", NULL, NULL, "s", unit);
}
