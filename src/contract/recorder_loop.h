/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/recorder_loop.h - the worker of the recorder: receive a call, count it, answer it
 *
 * Runs in a process of its own, which shares memory and descriptors with the guard of
 * contract/recorder.c.
 */
#pragma once

#include "contract/recorder.h"
#include "contract/tally.h"
#include "kernel/time.h"

#include <linux/limits.h>
#include <linux/seccomp.h>

#define QUIET_MS 1000
#define SOON_MS	 10

/* The messages of tare; each comes with a descriptor. */
enum word { WORD_LISTENER = 'l', WORD_SOCKET = 's', WORD_PROCESS = 'p', WORD_EVENTS = 'e' };

/* The descriptors of both processes; those that are not needed are closed. */
enum {
	FD_CONTROL = 3,
	FD_DIRECTORY,
	FD_FILE,
	FD_TEXT,
	FD_COUNTS,
	FD_VALUES,
	FD_STATE,
	FD_LINK,
	FD_FIRST_FREE,
};

#define FDS (FD_FIRST_FREE - FD_CONTROL)

struct recorder_state {
	const struct recorder_wishes *wishes;
	const char *name; /* of the record, in FD_DIRECTORY */
	char temporary[NAME_MAX + 1];
	bool attended; /* tare has sent the descriptor of the process */
	bool done;     /* the worker has seen the end of the calls */
	int listener, socket, process;
	int events;	/* cgroup.events of the container, if the kernel counts */
	bool tells_end; /* the listener reports the end of the last process: Linux 5.9 */
	struct tally *tally;
	char start[TIME_TEXT];
};

/* Until the last call of the container: @state->done is set then. @arg is the state. 0. */
int recorder_work(void *arg);

/* Receive a message of tare. False: tare has ended. */
bool recorder_receive_message(struct recorder_state *s);

/* 1 with @call; 0: no call waits, or its caller has ended; -errno. */
int recorder_receive_call(const struct recorder_state *s, struct seccomp_notif *call);
