/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal.h - side effects to undo, each written before it happens
 *
 * One line for each entry, in the file `journal` of the state directory; each is on disk before the
 * side effect that it names. delete, a failing create, and the next create of the same ID after a
 * killed one read it backwards.
 *
 *	cgroup PATH	will be made, or taken over if it exists and is empty
 *	missing PATH	the first directory that this will make; no line: the cgroup exists
 *	made PATH	the first directory made; empty: the cgroup existed, and is ours now
 *	not-ours PATH	could not be made, or is another's; or the scope of that name is
 *	scope-bus ADDR	the user's bus for the next scope; no line: the system's
 *	scope-cgroup PATH
 *			where that scope will be
 *	scope UNIT	will be started by systemd; no unit of that name has processes
 *	process PID T	tare-init, with its start time
 *	criu PID T	CRIU, which restores
 *	hook PID T	this process, which leads its group, will execute a hook on the host
 *	netdev NAME PASSING UP NAMESPACE
 *			will move from the host to the namespace: of that path or, if empty, of
 *			the process; UP 1: the device was up
 *	netdev-is NAME	the name of that device there
 *	resctrl PATH	will be made: a resctrl group that is removed with the container
 *	resctrl-shared PATH
 *			likewise, but a created container leaves the group behind
 *	resctrl-not-ours PATH
 *			another made the group
 *	mount NAMESPACE ID DEV INODE PATH
 *			a mount of itself will cover the directory PATH, which is in mount ID of the
 *			mount namespace with that inode number
 *	notify -	the directory of the program's NOTIFY_SOCKET will be made
 *	created -	netdev and resctrl-shared stay: they are not undone any more
 */
#pragma once

#include "base/err.h"
#include "state/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Open a new journal, to append to: the descriptor, or -1. */
int journal_open(int dir, struct err *e);

/* @missing, @topmost: "" where there is none. */
int journal_cgroup(int journal, const char *path, const char *missing, struct err *e);
int journal_made(int journal, const char *topmost, struct err *e);
int journal_not_ours(int journal, const char *path, struct err *e);

struct scope;
int journal_scope(int journal, const struct scope *scope, const char *cgroup, struct err *e);

int journal_process(int journal, pid_t pid, uint64_t start_time, struct err *e);

int journal_criu(int journal, pid_t pid, uint64_t start_time, struct err *e);

/* To be called by the process that becomes a hook: 0, or -errno. */
int journal_hook(int journal);

/* Open the existing journal, to append to: the descriptor, or -1. */
int journal_reopen(int dir, struct err *e);

/*
 * Kill the processes that the command with the lock of @dir may be waiting for: the running hook,
 * with its process group, and tare-init. Lines that can't be read are skipped. Returns the pid of
 * the tare-init that was killed, or 0.
 */
pid_t journal_interrupt(int dir);

struct journal_netdev {
	const char *name;      /* on the host */
	const char *passing;   /* on its way */
	bool up;	       /* on the host */
	const char *namespace; /* path; NULL: that of the process */
};

int journal_netdev(int journal, const struct journal_netdev *d, struct err *e);
int journal_netdev_is(int journal, const char *name, struct err *e);

/* @shared: it stays once the container is created. */
int journal_resctrl(int journal, const char *path, bool shared, struct err *e);
int journal_resctrl_not_ours(int journal, const char *path, struct err *e);

/* @directory: descriptor of the directory at @path, in our own mount namespace. */
int journal_mount(int journal, int directory, const char *path, struct err *e);

int journal_notify(int journal, struct err *e);

int journal_created(int journal, struct err *e);

/*
 * Move only the network devices of a failed create back, out of the namespace @network. Virtual
 * devices end with their namespace, so the caller must have it open. A missing device is no
 * failure.
 */
int journal_return_netdevs(int dir, int network, struct err *e);

enum journal_content {
	JOURNAL_DAMAGED,    /* no line is an entry, or the file can't be read */
	JOURNAL_NO_PROCESS, /* no process, or no line at all: create did not get that far */
	JOURNAL_PROCESS,
};

/* The state of the journal of @dir. */
enum journal_content journal_examine(int dir, struct arena *a);

/*
 * Undo all that the journal of @dir names, last first. @failed: the create has failed, so all is
 * undone, even behind "created". Without a journal nothing is done. @rec, or NULL: if the journal
 * is damaged and names no process, the record's is undone. @a: for what is read. 0, or -1 with what
 * could not be undone.
 */
int journal_undo(int dir, const struct record *rec, bool failed, struct arena *a, struct err *e);
