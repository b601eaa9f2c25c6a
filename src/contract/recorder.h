/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/recorder.h - the process that hears the calls of a container, counts and answers them
 *
 * A child of tare, tare-recorder, in tare's own cgroup and a session of its own. It lives as long
 * as a process of the container does. Should it be killed, its guard, a second process in the same
 * memory, kills the container: else all its calls would fail.
 */
#pragma once

#include "base/err.h"
#include "contract/record.h"
#include "plan/seccomp/profile.h"

#include <sys/types.h>

struct counter;

struct recorder_wishes {
	const char *path; /* of the record; NULL: refusals go to standard error */
	int directory;	  /* that it is in, opened by the caller; -1: it is looked up */
	const char *name; /* with @directory: of the record in it */
	/* run for each call that is heard; NULL: all are allowed */
	const struct seccomp_program *profile;
	/* the kernel counts, and nothing is heard; NULL: it does not */
	const struct counter *counter;
	/* the kernel counts those that it kills; NULL: they are not known */
	const struct counter *kills;
	bool only_refused;	    /* --refused */
	const char *const *command; /* for the head: NULL-terminated */
};

struct recorder {
	pid_t pid;  /* our child; 0: there is none */
	int socket; /* our end; its close before recorder_attend() ends the recorder; -1 */
};

#define RECORDER_NONE                                                                              \
	{                                                                                          \
		.pid = 0, .socket = -1                                                             \
	}

/*
 * Start it. The record's file is made now, beside its place, so that what is wrong with the path is
 * an error at once; it is there only when the record is whole. 0, or -1 with nothing left.
 */
int recorder_start(struct recorder *r, const struct recorder_wishes *wishes, struct err *e);

/*
 * The listener of the filter; or the socket on which `start` will bring it. Both stay the caller's.
 * 0, or -errno.
 */
int recorder_give_listener(const struct recorder *r, int listener);
int recorder_give_socket(const struct recorder *r, int socket);

/*
 * Where the kernel counts: the file cgroup.events of the container, which tells the end of its last
 * process.
 */
int recorder_give_events(const struct recorder *r, int events);

/*
 * From now on the recorder belongs to the process of @pidfd, the container's, and tare may end. 0,
 * or -errno.
 */
int recorder_attend(struct recorder *r, int pidfd);

/* Nothing comes of the container: the recorder ends, and leaves nothing. */
void recorder_abandon(struct recorder *r);

/*
 * All processes of the container have ended: wait until the record is written. 0, or -1: it is not.
 */
int recorder_wait(struct recorder *r, struct err *e);
