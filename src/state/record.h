/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state/record.h - the record of a container, which one command writes and later ones read
 *
 * ROOT/ID/ holds
 *   journal	entries for undoing, written before each side effect (journal.h)
 *   record	this record, written once the process exists; replaced by rename(2)
 *   config	the parts of config.json for exec, as they were at create
 *   start	socket on which tare-init waits for `start`
 *   exec.fifo	a FIFO that tare-init keeps locked while it waits for `start`
 *   recorder	socket of tare-recorder, for the listener from `start`
 *   notify/	the directory of the program's NOTIFY_SOCKET, where there is one
 *
 * The record is lines of `key value`, with \n and \\ escaped: compact, read in one go, never JSON.
 * The verbs that don't read config.json work from it alone.
 *
 * The directory is 0700, the files 0600. All paths are looked up from a descriptor of the
 * directory, opened O_NOFOLLOW; unknown names in it are never removed.
 */
#pragma once

#include "base/err.h"
#include "base/host_path.h"
#include "heap/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum container_status {
	STATUS_CREATING, /* the record is not there yet */
	STATUS_CREATED,
	STATUS_RUNNING,
	STATUS_PAUSED,
	STATUS_STOPPED,
};

/* A hook that a later verb runs: poststart, poststop. */
struct record_hook {
	const char *stage; /* "poststop" */
	const char *path;
	const char *const *argv; /* NULL-terminated */
	const char *const *envp; /* NULL-terminated; NULL: that of the command that runs it */
	unsigned timeout;	 /* seconds; 0: none */
};

struct record_pair {
	const char *key, *value;
};

/* A part of a box that the kernel refused. */
struct record_omission {
	const char *what, *why, *instead, *means;
};

struct record {
	const char *id;
	const char *oci_version;
	const char *bundle, *rootfs; /* absolute */
	const char *config_file;     /* --config, from @bundle on; NULL: config.json */
	const char *created;	     /* RFC 3339, nanoseconds, UTC */
	uid_t owner;		     /* who called create */
	pid_t pid;
	/*
	 * of that process, in clock ticks since boot (proc(5), stat field 22): tells a reused pid
	 */
	uint64_t start_time;
	/* that of create, as an inode: @pid is one of it (kernel/procfs.h); 0: unknown */
	uint64_t pid_namespace;
	/* mount points of the host's mounts; NULL-terminated, like the next three */
	const char *const *external;
	const char *const *made; /* mount points of the container's own mounts below one of those */
	/* descriptors 0 to 2 at create: "pipe:[4711]", "file[1c:2a4f]"; "": of another kind */
	const char *const *stdio;
	const char *const *cgroups; /* absolute directories that create made or took, v2 last */
	const struct record_pair *annotations;
	size_t annotation_count;
	const struct record_hook *hooks;
	size_t hook_count;
	const struct record_omission *omissions;
	size_t omission_count;
	uint64_t namespaces; /* CLONE_NEW*: those that are not the host's, or were joined */
	const char *agent;   /* socket that gets the filter's listener; NULL: there is none */
	/* the directory that the agent's socket is confined to; NULL: none */
	const char *agent_below;
	const char *agent_metadata;	       /* NULL: none */
	struct host_path hooks_out, hooks_err; /* files that hooks print to */
	const char *scope;     /* systemd's unit; NULL: it knows nothing of this container */
	const char *scope_bus; /* the D-Bus address of its bus; NULL: the system's */
	/* `box`: DEVICE:INODE of ROOT, of a partition DEVICE:INODE:N; NULL: created by another verb */
	const char *box_root;
	const char *box_overlay; /* likewise, of the directory that its changes stay in; NULL */
	/* the root of its processes, where only that identifies them (host/strays.h); NULL */
	const char *root_mount;
	bool has_process; /* false: config.json has none, start must refuse */
};

/* The root directory of all states: --root, or the default. */
struct state_root {
	const char *path; /* absolute */
	/* --root was given: then a missing directory is an error for list */
	bool chosen;
	bool below_runtime_dir; /* it is in XDG_RUNTIME_DIR, which must also belong to the caller */
};

/*
 * `[A-Za-z0-9_+.-]{1,255}`, no leading `-`, not `.` or `..`: 0, or -1 with "invalid container ID
 * format".
 */
int state_check_id(const char *id, struct err *e);

/*
 * Open ROOT, for reading. ROOT, and ROOT/ID, must belong to the caller or root, and only they may
 * write to it: all functions that open these directories check that. The descriptor, or -1; -1 with
 * e->code ENOENT where ROOT is missing.
 */
int state_open_root(const struct state_root *root, struct err *e);

/* Open ROOT/ID without a lock: the descriptor, or -1 as state_open(). */
int state_look(const struct state_root *root, const char *id, struct err *e);

/*
 * Open and lock ROOT/ID (flock(2), exclusive unless @shared: waits at most 10 s for another
 * command). The descriptor, or -1: "container does not exist" with e->code ENOENT.
 */
int state_open(const struct state_root *root, const char *id, bool shared, struct err *e);

/*
 * For a directory without a record: -1 with @e set where it is another runtime's, whose container
 * may run. 0 where it is not.
 */
int state_refuse_foreign(int dir, const char *id, struct err *e);

/*
 * 1 with @rec read from @dir; 0 where the record is not written yet, or its creator was killed; -1
 * with @e set where it is broken. All texts are in @a.
 */
int record_read(int dir, struct record *rec, struct arena *a, struct err *e);

int record_write(int dir, const struct record *rec, struct arena *a, struct err *e);

/* The value of the annotation @key; NULL: there is none. */
const char *record_annotation(const struct record *rec, const char *key);

/*
 * The present status of the container, from the kernel (pid and start time, lock on exec.fifo,
 * freezer). Without a record: STATUS_CREATING while its creator lives, else STATUS_STOPPED.
 */
enum container_status state_status(int dir, const struct record *rec);

/*
 * Can the process of @rec be looked up from here? Where /proc is not the procfs of our pid
 * namespace, or ours is not that of create, its pid finds nothing, or another process. Then -1 with
 * @e set, else 0.
 */
int state_check_pids(const struct record *rec, struct err *e);

/* "created": as `state` prints it. */
const char *state_status_name(enum container_status status);

/* The OCI state as hooks read it, one line of JSON in @a: runtime-spec, runtime.md#state. */
const char *record_state_json(const struct record *rec, enum container_status status, pid_t pid,
			      struct arena *a);
