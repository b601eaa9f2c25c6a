/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/container.h - the operations of a container, as the verbs call them
 *
 * All run in tare's own process, in the host's namespaces. All: 0, or -1 with @e set; a failure of
 * create or run leaves nothing behind. The texts are those of docs/CONTRACT.md B5.
 */
#pragma once

#include "base/err.h"
#include "cgroup/stats.h"
#include "heap/arena.h"
#include "host/watch.h"
#include "libocispec/oci_types.h"
#include "plan/planner.h"
#include "state/record.h"

#include <stdbool.h>

struct criu_options; /* host/criu/options.h */

/* A config that tare has put together itself: `box`. */
struct made_config {
	const char *path; /* stands for the bundle: absolute, without links */
	const char *mark; /* of the root, by which a second one of the same root is found */
	const struct oci_config *config;
	const struct facts *facts;	       /* as they were when it was made */
	const struct record_omission *omitted; /* for the record */
	size_t omitted_count;
	struct plan_wishes wishes;
	bool whole_root;		  /* the rootfs is the host's own, not to be written to */
	const struct layers_step *layers; /* NULL: none */
	const struct mount_step
		*image; /* the file system that is the rootfs; NULL: it is a directory */
};

/* Those of @types (CLONE_NEW*) that the kernel refuses to make for us: EINVAL, EPERM. */
uint64_t container_missing_namespaces(uint64_t types);

enum run_event_kind { RUN_STARTED, RUN_EXITED };

/* What becomes of a container that is run: for whoever asked to hear it. */
struct run_event {
	enum run_event_kind kind;
	pid_t pid; /* RUN_STARTED */
	/* RUN_EXITED, in the foreground only */
	int exit_code; /* what tare exits with */
	int signal;    /* that ended the program; 0: none */
	bool timed_out;
	uint64_t oom_killed;  /* processes that the kernel killed for their memory limit */
	uint64_t cpu_us;      /* processor time of all its processes */
	uint64_t peak_memory; /* bytes: of its cgroup, or of its largest process */
};

/* A file system made as @m says, detached: its root, or -1. Linux 5.2. */
int container_mount_image(const struct mount_step *m, struct err *e);

/* create and run. Paths are as given; relative ones belong to the working directory of the call. */
struct create_options {
	const char *const *own_env; /* what tare itself was executed with */
	struct state_root root;
	const char *id;
	const char *bundle;		/* "." if not given */
	const struct made_config *made; /* instead of a bundle; NULL: there is one */
	const char *config;		/* --config; NULL: BUNDLE/config.json */
	const char *console_socket;	/* NULL: none; likewise the next two */
	const char *pid_file;
	const char *pidfd_socket;
	struct plan_flags flags;
	struct watch_wishes watch;
	bool run;	   /* go on without waiting for start */
	bool detach, keep; /* run only */
	const struct criu_options
		*restore; /* run only: not config.json's program, but what was saved; NULL */
	int64_t timeout_ms; /* run in the foreground: then it is asked to end, and killed 10 s later; 0: never */
	int stop_signal; /* run in the foreground: sent instead of those that ask to end; 0: as they come */
	void (*event)(void *context,
		      const struct run_event *event); /* run only; NULL: nobody asks */
	void *context;				      /* for @event */
};

int container_create(const struct create_options *o, struct arena *a, struct err *e);

/* @exit_code: what tare exits with: the program's code, or 128 + signal; 124 after a timeout; 0 when detached. */
int container_run(const struct create_options *o, int *exit_code, struct arena *a, struct err *e);

/* What create would do. */
struct decision {
	const struct plan *plan;
	const struct oci_config *config;
	const char *const *warnings, *const *notes; /* of planning, NULL-terminated */
};

/* Decide as create does, of the rights that tare has, and do nothing. All is in @a, or in memory that stays. */
int container_decide(const struct create_options *o, struct decision *d, struct arena *a,
		     struct err *e);

/* The plan of create (or of run), without doing any of it. */
int container_plan(const struct create_options *o, bool json, struct err *e);
