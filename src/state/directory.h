/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/directory.h - ROOT/ID: claimed, locked, removed
 *
 * The directory's existence is the claim on the ID, an flock(2) on it says that a command is at
 * work on the container. A directory without a record whose lock is free is what a killed creator
 * left.
 */
#pragma once

#include "state/record.h"

/*
 * Make ROOT/ID and lock it. What a killed creator left there is undone and removed first. The
 * descriptor, or -1: "container with given ID already exists".
 */
int state_claim(const struct state_root *root, const char *id, struct err *e);

/* Remove the known files and the directory itself. @dir is its locked descriptor. 0, or -1. */
int state_remove(const struct state_root *root, const char *id, int dir, struct err *e);

/* Let others at it: the container is there. */
void state_unlock(int dir);

/* Names in the directory; nothing else is ever made or removed there. */
#define STATE_RECORD	    "record"
#define STATE_NEW_RECORD    "record.new"
#define STATE_JOURNAL	    "journal"
#define STATE_SOCKET	    "start"
#define STATE_CONFIG	    "config"
#define STATE_HOLD	    "hold"
#define STATE_RECORDER	    "recorder"
#define STATE_NOTIFY	    "notify"
#define STATE_NOTIFY_SOCKET STATE_NOTIFY "/notify.sock"
