/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/directory.h - ROOT/ID: claimed, locked, removed
 *
 * The existence of the directory claims the ID; an flock(2) on it means that a command works on the
 * container. A directory without a record whose lock is free was left by a killed create.
 */
#pragma once

#include "state/record.h"

/*
 * Make ROOT/ID and lock it. The rest of a killed create there is undone and removed first. The
 * descriptor, or -1: "container with given ID already exists".
 */
int state_claim(const struct state_root *root, const char *id, struct err *e);

/* Remove the known files and the directory itself. @dir is its locked descriptor. 0, or -1. */
int state_remove(const struct state_root *root, const char *id, int dir, struct err *e);

/* Release the lock for other commands: the container exists. @dir is the directory, or ROOT. */
void state_unlock(int dir);

/*
 * Lock the open directory, as state_open() does. 0, or -1: with e->code ENOENT it was removed, and
 * perhaps made again.
 */
int state_lock(int dir, const char *id, struct err *e);

/*
 * Lock ROOT itself with flock(2): @shared while a container is made whose ROOTFS another command
 * must not change meanwhile, else for that command. The locks of containers are others. The
 * descriptor, of which a close or state_unlock() releases the lock; -1: there is no ROOT, or others
 * kept their locks for 10 seconds (the command that changes waits for one).
 */
int state_lock_root(const struct state_root *root, bool shared);

/*
 * Names in the directory; nothing else is ever made or removed there. The lock of exec.fifo says
 * "created", and start removes the file: in runc and crun a FIFO of this name means the same.
 */
#define STATE_RECORD	    "record"
#define STATE_NEW_RECORD    "record.new"
#define STATE_JOURNAL	    "journal"
#define STATE_SOCKET	    "start"
#define STATE_CONFIG	    "config"
#define STATE_EXEC_FIFO	    "exec.fifo"
#define STATE_RECORDER	    "recorder"
#define STATE_NOTIFY	    "notify"
#define STATE_NOTIFY_SOCKET STATE_NOTIFY "/notify.sock"
