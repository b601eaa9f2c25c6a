/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/container.h - the operations of a container, as the verbs call them
 *
 * All run in tare's own process, in the host's namespaces. All return 0, or -1 with @e set; a
 * failure of create or run leaves nothing behind. The error texts are those of docs/CONTRACT.md B5.
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

/* A config that tare has made itself: `box`. */
struct made_config {
	const char *path;	  /* stands for the bundle: absolute, without links */
	const char *mark;	  /* of the root: two boxes of the same root have the same mark */
	const char *overlay_mark; /* of the directory that the changes stay in; NULL: none */
	const struct oci_config *config;
	const struct facts *facts;	       /* from which the config was made */
	const struct record_omission *omitted; /* for the record */
	size_t omitted_count;
	struct plan_wishes wishes;
	/* warn if the kernel refuses network sockets of the program's user */
	bool ask_network;
	/* the event RUN_STARTING is wanted */
	bool print_omitted;
	/* the rootfs is the host's own root, which is not written to */
	bool whole_root;
	int root_lock;	/* state_lock_root(): released once the container is known; -1: none */
	bool plain_dev; /* /dev has no mount on it, and no devices in it */
	const struct layers_step *layers; /* NULL: none */
	/* mount of the file system that is the rootfs; NULL: the rootfs is a directory */
	const struct mount_step *image;
};

/* Those of @types (CLONE_NEW*) that the kernel refuses to make for us: EINVAL, EPERM. */
uint64_t container_missing_namespaces(uint64_t types);

/*
 * RUN_STARTING: all is set up, and the program waits until the callback returns; only for
 * made_config.print_omitted.
 */
enum run_event_kind { RUN_STARTING, RUN_STARTED, RUN_EXITED };

/* Events of `run`, for the callback of create_options. */
struct run_event {
	enum run_event_kind kind;
	pid_t pid; /* RUN_STARTED */
	/* RUN_EXITED, in the foreground only */
	int exit_code; /* what tare exits with */
	int signal;    /* signal that ended the program; 0: none */
	bool timed_out;
	uint64_t oom_killed;  /* processes killed at the container's memory limit */
	uint64_t cpu_us;      /* processor time of all its processes */
	uint64_t peak_memory; /* bytes: of its cgroup, or of its largest process */
};

/* A detached mount of the file system that @m describes: its root, or -1. Linux 5.2. */
int container_mount_image(const struct mount_step *m, struct err *e);

/* create and run. Relative paths belong to the working directory of the call. */
struct create_options {
	const char *const *own_env; /* tare's environment */
	struct state_root root;
	const char *id;
	const char *bundle;		/* "." if not given */
	const struct made_config *made; /* a config in place of a bundle; NULL: there is a bundle */
	const char *config;		/* --config; NULL: BUNDLE/config.json */
	const char *console_socket;	/* NULL: none; likewise the next two */
	const char *pid_file;
	const char *pid_file_place; /* the flag that asks for it; NULL: "--pid-file" */
	const char *pidfd_socket;
	struct plan_flags flags;
	struct watch_wishes watch;
	bool run;	   /* start the program at once */
	bool detach, keep; /* run only */
	/* run only: restore what was saved; NULL: start config.json's program */
	const struct criu_options *restore;
	/* run in the foreground: SIGTERM after this time, SIGKILL 10 s later; 0: never */
	int64_t timeout_ms;
	/*
	 * run in the foreground: sent to the program in place of SIGTERM and the like; 0: those are
	 * sent
	 */
	int stop_signal;
	/*
	 * run in the foreground, with a terminal: at the end of tare's input the program gets the
	 * terminal's VEOF character; false: its input has no end
	 */
	bool input_ends;
	void (*event)(void *context, const struct run_event *event); /* run only; NULL: no events */
	void *context;						     /* for @event */
};

int container_create(const struct create_options *o, struct arena *a, struct err *e);

/*
 * @exit_code: tare's exit code: that of the program, or 128 + signal; 124 after a timeout; 0 when
 * detached.
 */
int container_run(const struct create_options *o, int *exit_code, struct arena *a, struct err *e);

/* The result of planning. */
struct decision {
	const struct plan *plan;
	const struct oci_config *config;
	const char *const *warnings, *const *notes; /* of planning, NULL-terminated */
	struct facts facts;
};

/*
 * Plan as create does, with tare's rights, and do nothing. All is in @a, or in static memory. On
 * failure @d has only @config: NULL if the bundle was not read.
 */
int container_decide(const struct create_options *o, struct decision *d, struct arena *a,
		     struct err *e);

/* Print the plan of create (or of run), without performing it. */
int container_plan(const struct create_options *o, enum plan_form form, struct err *e);
