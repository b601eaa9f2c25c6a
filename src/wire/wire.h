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
 *	      <-------------------------- ASK  the source of a mount that lies in an earlier mount
 *	SOURCE or DESCRIPTOR ------------------>
 *	      <-------------------------- ASK  (with a detached mount: its owners are to be mapped)
 *	MAPPED -------------------------------->
 *	host steps
 *	GO ------------------------------------>
 *						init steps
 *	      <------------------------ READY  create: at OP_WAIT_FOR_START; socket closed
 *						accepts on WIRE_LISTENER
 *	start: connects ----------------------->
 *						init steps
 *	      <------------------------ READY  before OP_SET_SECCOMP, OP_EXEC: to start or tare
 *	      <------------------ end of file  the program runs
 *
 * Namespaces that are joined (spawn_step.enter): OP_SPAWN starts tare-init outside of them, and
 * this comes before its first step. It joins them, and clones a sibling into the new ones, which is
 * a child of tare too (CLONE_PARENT):
 *	      <------------------------ CLONED  with the sibling's pid; the first process ends
 *	GO ------------------------------------>	the sibling is tare-init from here on
 * With spawn_step.late there is no sibling yet: CLONED has tare-init's own pid, and GO is only sent
 * where id maps had to be written. At OP_ENTER_PIDS it clones a sibling into the pid namespace:
 *	      <------------------------ CLONED  with the sibling's pid; the first process ends
 *	GO ------------------------------------>	the sibling is tare-init from here on
 *
 * OP_SET_SECCOMP may load a filter that denies tare-init the calls that send a message. So before
 * that, unless the filter is known to allow them:
 *	      <----------------- LAST_MESSAGE  a memory file that tare-init writes its FAILED to
 * With a listener (SCMP_ACT_NOTIFY), from a helper process that the filter does not hold:
 *	      <-------------------- NOTIFIER
 *						waits
 *	GO ------------------------------------>
 *
 * At any moment instead:  <------ FAILED    with the struct err; tare-init has ended, or, where the
 *					   program could not be executed, waits:
 * GO ------------------------------------>	ends
 *	      or, before READY, end of file	tare-init was killed
 *
 * The control socket is a SOCK_SEQPACKET pair: one message, one read. The first GO is sent, and
 * waited for, only where a host step follows OP_SPAWN.
 */
#pragma once

#include "base/err.h"
#include "kernel/sys.h"

#include <stdint.h>

/* Where tare-init finds its descriptors, counted from plan->first_fd. */
enum wire_fd {
	/* tare-init's end of the socket pair */
	WIRE_CONTROL,
	/* the sealed memfd */
	WIRE_PLAN,
	/* create only: listening socket that start connects to */
	WIRE_LISTENER,
	/* create only: a FIFO, locked by flock(2) until start comes: that is status "created" */
	WIRE_HOLD,
	/* files for the output of hooks: run.oci.hooks.stdout and .stderr */
	WIRE_HOOKS_OUT,
	WIRE_HOOKS_ERR,
	WIRE_FD_COUNT
};

/* exec only: numbered behind enum wire_fd */
enum wire_enter_fd {
	/* of sys_pidfd_open(): the process whose namespaces are joined */
	WIRE_ENTER_PROCESS = WIRE_FD_COUNT,
	/* spawn_step.root, if there is one */
	WIRE_ENTER_ROOT,
	WIRE_ENTER_END
};

/*
 * tare-init's arguments: its name, the number of its first descriptor, and WIRE_TITLE bytes in
 * which tare-init keeps its current step: "OP PLACE", truncated. ps(1) shows them, and
 * host/watchdog.c reads them from /proc/PID/cmdline.
 */
#define WIRE_NAME  "tare-init"
#define WIRE_TITLE 96

/* Bytes for the name of a program; a longer name is left out of the message. */
#define WIRE_PROGRAM 512

enum wire_kind {
	/* -> init */
	WIRE_GO = 1,
	/* -> host: perform the host steps from @step on */
	WIRE_TURN,
	/* -> host, with one descriptor; or -> init, a detached mount */
	WIRE_DESCRIPTOR,
	/* -> host */
	WIRE_READY,
	/* -> host: the process in the container exists, @step is its pid; the answer is GO */
	WIRE_CLONED,
	/* -> host or start, with the filter's listener for the agent; the answer is GO */
	WIRE_NOTIFIER,
	/* -> host or start, with a memory file: see wire_last_message() */
	WIRE_LAST_MESSAGE,
	/*
	 * -> init, with a descriptor in its mount namespace: a mount to copy, or the rootfs's place
	 */
	WIRE_SOURCE,
	/* -> init: ASK for the source of @step, and of those behind it, when their turn comes */
	WIRE_LATER,
	/* -> host: the source of @step; with a detached mount: map the owners of its files */
	WIRE_ASK,
	/* -> init: the owners are mapped */
	WIRE_MAPPED,
	/* -> init: the host can't make what @step asks for */
	WIRE_NOTHING,
	/* -> host or start, with @error; @step is where */
	WIRE_FAILED,
	/*
	 * -> host: a part of @step was refused, as @error says, and tare-init goes on; for
	 * OP_TRY_NETWORK when GO has come
	 */
	WIRE_WARNING,
	/*
	 * -> host or start, with --debug: @step took @error.code us; @error.text: older ways used
	 */
	WIRE_DONE,
};

struct wire_message {
	uint32_t kind;
	uint32_t step;
	/* WIRE_FAILED, WIRE_WARNING and WIRE_DONE only; else not sent */
	struct err error;
	/*
	 * WIRE_FAILED: the program that could not be executed, or "". tare-init waits for GO or the
	 * end of the socket, so that tare can examine the file through tare-init's root.
	 */
	char program[WIRE_PROGRAM];
};

/* One message, without an error value. @fd -1: no descriptor goes with it. 0, or -errno. */
int wire_send(int socket, enum wire_kind kind, size_t step, int fd);

/*
 * @program: what could not be executed; NULL: something else failed. 0, or -errno; -ENAMETOOLONG
 * where the failure was sent, without the @program, which is too long.
 */
int wire_send_failure(int socket, size_t step, const struct err *failure, const char *program);
int wire_send_warning(int socket, size_t step, const struct err *warning);

/*
 * False where the socket's buffer stays full for DONE_TIMEOUT_MS: tare may be waiting for us to
 * read, so the caller must not send more of these.
 */
bool wire_send_done(int socket, size_t step, const struct err *done);

/*
 * Wait for one message. 1 with @m (and @fd: the descriptor that came, or -1) filled; 0 at the end
 * of file; -errno. -ECONNRESET: the other end was closed before it accepted our connection.
 */
int wire_receive(int socket, struct wire_message *m, int *fd);

/*
 * Read the memory file @fd of WIRE_LAST_MESSAGE, once tare-init has ended. 1 with @m filled:
 * WIRE_FAILED; 0: there is no failure in it; -errno.
 */
int wire_last_message(int fd, struct wire_message *m);
