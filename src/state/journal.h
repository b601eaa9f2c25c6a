/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/journal.h - what must be undone, written before it is done
 *
 * One line an entry, in the file `journal` of the state directory; each is on disk before the
 * side effect it names. delete, a failing create, and the next create of the same ID after a
 * killed one read it backwards.
 *
 *	cgroup PATH	is about to be made, or taken over if it is there and empty
 *	missing PATH	is the first directory that this will make; no line: it is there
 *	made PATH	is the first directory that was made; empty: it was there, and is ours now
 *	not-ours PATH	could not be made, or is somebody else's; or the scope of that name is
 *	scope-bus ADDR	the D-Bus address of the user's bus, for the next scope; no line: the system's
 *	scope-cgroup PATH  where that scope will be
 *	scope UNIT	is about to be started by systemd; there is none of that name with processes
 *	process PID T	tare-init, with its start time
 *	criu PID T	CRIU, which restores
 *	hook PID T	a hook on the host is about to be executed by this process, which leads its group
 *	netdev NAME PASSING UP NAMESPACE
 *			is about to leave the host for the namespace, of that path or (empty) of the process; UP 1: it
 *			was up
 *	netdev-is NAME	is what it is called there
 *	resctrl PATH	is about to be made: a group of resctrl that goes with the container
 *	resctrl-shared PATH
 *			likewise, but a created container leaves it behind
 *	resctrl-not-ours PATH
 *			somebody else made it
 *	mount NAMESPACE ID DEV INODE PATH
 *			the directory at PATH, which is in mount ID of the mount namespace with that inode number, is about to be covered
 *			with a mount of itself
 *	notify -	the directory of the program's NOTIFY_SOCKET is about to be made
 *	created -	what a created container keeps is not to be undone any more: netdev, resctrl-shared
 */
#pragma once

#include "base/err.h"
#include "state/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The descriptor to append to, or -1. */
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

/* To append to the journal that is there: the descriptor, or -1. */
int journal_reopen(int dir, struct err *e);

/*
 * Kill what a command that keeps the lock of @dir may be waiting for: the hook, with its process group, that is being run;
 * and tare-init. What can't be read is left alone.
 */
void journal_interrupt(int dir);

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

/* @directory: descriptor of what is at @path now, in our own mount namespace. */
int journal_mount(int journal, int directory, const char *path, struct err *e);

int journal_notify(int journal, struct err *e);

int journal_created(int journal, struct err *e);

/*
 * Only the network devices of a create that failed, out of the namespace @network: virtual ones die with
 * it, so whoever has it open does this first. What is not there any more is no failure.
 */
int journal_return_netdevs(int dir, int network, struct err *e);

enum journal_words {
	JOURNAL_NONSENSE, /* it has lines, and none of them is an entry; or can't be read */
	JOURNAL_LITTLE,	  /* nothing, or no process yet: of a create that did not come so far */
	JOURNAL_PROCESS,
};

/* What the journal of @dir says. */
enum journal_words journal_look(int dir, struct arena *a);

/*
 * Undo everything the journal of @dir names, last first. @failed: the create has failed, whatever
 * the journal says. No journal: nothing to do. @rec, or NULL: where the journal was damaged and does
 * not name its process, what the record names is undone. @a: for what is read of it. 0, or -1 at what could
 * not be undone.
 */
int journal_undo(int dir, const struct record *rec, bool failed, struct arena *a, struct err *e);
