/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/wire.h - how tare and tare-init take turns
 *
 *	tare (host/)				tare-init (inside/)
 *	------------				-------------------
 *	host steps before OP_SPAWN
 *	OP_SPAWN ------------ clone3, exec ---> maps the plan
 *	host steps right after it		waits
 *	GO ------------------------------------>
 *	host steps marked ahead			init steps
 *	GO after each ------------------------->	waits there for that
 *						init steps
 *	      <------------------------- TURN  the next step is the host's
 *	      <------------------ DESCRIPTOR  (the console's master, as it comes)
 *	      <-------------------------- ASK  the source of a mount, which can be opened only now
 *	SOURCE or DESCRIPTOR ------------------>
 *	      <-------------------------- ASK  (with a detached mount: its owners are to be mapped)
 *	MAPPED -------------------------------->
 *	host steps
 *	GO ------------------------------------>
 *						init steps
 *	      <------------------------ READY  create: at OP_WAIT_FOR_START, and its socket is closed
 *						accepts on WIRE_LISTENER
 *	start: connects ----------------------->
 *						init steps
 *	      <------------------------ READY  before OP_SET_SECCOMP and OP_EXEC; to start, or for `run` to tare
 *	      <------------------ end of file  the program runs
 *
 * Where namespaces are joined, by a tare-init that OP_SPAWN has started outside of them, this comes first: it has a sibling in
 * them, which is tare's child too; or for a pid namespace it goes on itself, and BORN has its own pid.
 *	      <------------------------- BORN  and it ends
 *	GO ------------------------------------>	(its own: only if id maps had to be written)
 * In that case there is such a sibling in the pid namespace from OP_ENTER_PIDS on:
 *	      <------------------------- BORN  and it ends
 *	GO ------------------------------------>	its sibling is tare-init from here on
 *
 * OP_SET_SECCOMP may leave tare-init without the means to say anything. So before, where the filter isn't known to let
 * it talk:
 *	      <------------------ LAST_WORDS  a memory file that it writes its FAILED to
 * and if there is a listener, from a helper that the filter does not hold:
 *	      <-------------------- NOTIFIER
 *						waits
 *	GO ------------------------------------>
 *
 * At any moment instead:  <------ FAILED    with the struct err; tare-init has ended, or, where the program could not
 *					   be executed, waits:
 * GO ------------------------------------>	ends
 *	      or, before READY, end of file	it was killed
 *
 * The control socket is a SOCK_SEQPACKET pair: one message, one read. The first GO is sent, and waited for,
 * only where a host step follows OP_SPAWN.
 */
#pragma once

#include "base/err.h"
#include "kernel/sys.h"

#include <stdint.h>

/* Where tare-init finds its descriptors, counted from plan->first_fd. */
enum wire_fd {
	WIRE_CONTROL,  /* its end of the socket pair */
	WIRE_PLAN,     /* the sealed memfd */
	WIRE_LISTENER, /* create only: listening socket that start connects to */
	WIRE_HOLD, /* create only: a FIFO with flock(2) on it for as long as it waits: status "created" */
	WIRE_HOOKS_OUT, /* where what hooks print goes: run.oci.hooks.stdout; and .stderr */
	WIRE_HOOKS_ERR,
	WIRE_FD_COUNT
};

/* exec only, behind them */
enum wire_enter_fd {
	WIRE_ENTER_PROCESS = WIRE_FD_COUNT, /* whose namespaces are joined: of sys_pidfd_open() */
	WIRE_ENTER_ROOT,		    /* of spawn_step's, if it has one */
	WIRE_ENTER_END
};

/*
 * tare-init's arguments: its name, the number of its first descriptor, and room that it keeps the step in which it is
 * at: "OP PLACE", as far as it goes. So whoever waits for it can look, and ps shows it.
 */
#define WIRE_NAME  "tare-init"
#define WIRE_TITLE 96

/* Room for the name of a program; one that does not fit is left out. */
#define WIRE_PROGRAM 512

enum wire_kind {
	WIRE_GO = 1,	 /* -> init */
	WIRE_TURN,	 /* -> host: perform the host steps from @step on */
	WIRE_DESCRIPTOR, /* -> host, with one descriptor; or -> init, a detached mount */
	WIRE_READY,	 /* -> host */
	WIRE_BORN, /* -> host: the process in the container is there, @step is its pid; the answer is GO */
	WIRE_NOTIFIER, /* -> host or start, with the filter's listener for the agent; the answer is GO */
	WIRE_LAST_WORDS, /* -> host or start, with a memory file: see wire_last_message() */
	WIRE_SOURCE, /* -> init, with a descriptor in its own mount namespace: what is to be copied, or where the rootfs goes */
	WIRE_LATER, /* -> init: the source of @step, and those behind it, must be asked for when their turn comes */
	WIRE_ASK, /* -> host: the source of @step; with a detached mount: map the owners of its files */
	WIRE_MAPPED,  /* -> init: that is done */
	WIRE_NOTHING, /* -> init: the host can't make what @step asks for */
	WIRE_FAILED,  /* -> host or start, with @error; @step is where */
	WIRE_WARNING, /* -> host: @step could not do all, as @error tells, and tare-init goes on */
	WIRE_DONE, /* -> host or start, with --debug: @step took @error's code in us, and the older ways of its text */
};

struct wire_message {
	uint32_t kind;
	uint32_t step;
	/* WIRE_FAILED, WIRE_WARNING and WIRE_DONE only; else not sent */
	struct err error;
	/* What could not be executed: tare-init waits for GO, or the end of the socket, so that it can be looked at. Or "". */
	char program[WIRE_PROGRAM];
};

/* One message, without an error value. @fd -1: no descriptor goes with it. 0, or -errno. */
int wire_send(int socket, enum wire_kind kind, size_t step, int fd);

/* @program: what could not be executed; NULL: something else failed. Returns -ENAMETOOLONG, and has sent the failure, where it does not fit. */
int wire_send_failure(int socket, size_t step, const struct err *failure, const char *program);
int wire_send_warning(int socket, size_t step, const struct err *warning);

/* False where nobody reads for a while: tare may be waiting for us to read, and then it must not be told any more. */
bool wire_send_done(int socket, size_t step, const struct err *done);

/*
 * Wait for one message. 1 with @m (and @fd: the descriptor that came, or -1) filled; 0 at the
 * end of file; -errno. -ECONNRESET: the other end went before it took our connection.
 */
int wire_receive(int socket, struct wire_message *m, int *fd);

/*
 * What tare-init could only write into the memory file @fd before it ended. 1 with @m filled: WIRE_FAILED; 0: it
 * did not fail; -errno.
 */
int wire_last_message(int fd, struct wire_message *m);
