/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/recorder.h - the process that receives a container's calls, counts and answers them
 *
 * A child of tare, tare-recorder, in tare's own cgroup and a session of its own. It lives as long
 * as a process of the container does. If the recorder is killed, its guard, a second process that
 * shares its memory, kills the container: otherwise all calls of the container would fail.
 */
#pragma once

#include "base/err.h"
#include "contract/record.h"
#include "plan/seccomp/profile.h"

#include <sys/types.h>

struct counter;

struct recorder_wishes {
	const char *path; /* of the record; NULL: refusals go to standard error */
	int directory;	  /* its directory, opened by the caller; -1: it is looked up */
	const char *name; /* with @directory: name of the record in it */
	/* runs for each call that is received; NULL: all calls are allowed */
	const struct seccomp_program *profile;
	/* the kernel counts, and no call is received; NULL: the kernel does not count */
	const struct counter *counter;
	/* the kernel counts calls that a filter kills; NULL: they are not known */
	const struct counter *kills;
	bool only_refused;	    /* --refused */
	const char *cgroup;	    /* removed at the end, with all below; NULL: none */
	const char *const *command; /* for the head: NULL-terminated */
};

struct recorder {
	pid_t pid;  /* our child; 0: none */
	int socket; /* our end; its close before recorder_attend() ends the recorder; -1 */
};

#define RECORDER_NONE                                                                              \
	{                                                                                          \
		.pid = 0, .socket = -1                                                             \
	}

/*
 * Start the recorder. The record is written to a file that is made now, beside its place, so that a
 * wrong path is an error at once. The record appears at its place when it is complete. 0, or -1
 * with nothing left.
 */
int recorder_start(struct recorder *r, const struct recorder_wishes *wishes, struct err *e);

/*
 * Send the listener of the filter, or the socket on which `start` will send the listener. The
 * descriptors stay the caller's. 0, or -errno.
 */
int recorder_give_listener(const struct recorder *r, int listener);
int recorder_give_socket(const struct recorder *r, int socket);

/*
 * If the kernel counts: send the file cgroup.events of the container, which shows the end of the
 * last process.
 */
int recorder_give_events(const struct recorder *r, int events);

/*
 * From now on the recorder belongs to the process of @pidfd, the container's, and tare may end. 0,
 * or -errno.
 */
int recorder_attend(struct recorder *r, int pidfd);

/* The container could not be made: the recorder ends, and leaves nothing. */
void recorder_abandon(struct recorder *r);

/*
 * All processes of the container have ended: wait until the record is written. 0; -1: it could not
 * be written.
 */
int recorder_wait(struct recorder *r, struct err *e);
