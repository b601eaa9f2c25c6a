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
#include "libocispec/oci_types.h"
#include "plan/planner.h"
#include "state/record.h"

#include <stdbool.h>

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
	bool no_pivot, no_new_keyring;
	bool systemd_cgroup, no_cgroup;
	int preserve_fds;
	const char *listen_pid, *listen_fds,
		*listen_names; /* LISTEN_*, sd_listen_fds(3); NULL: not set */
	const char *bus_address,
		*runtime_dir;	      /* DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR; likewise */
	const char *notify_socket;    /* NOTIFY_SOCKET, sd_notify(3); likewise */
	const char *seccomp_receiver; /* RUN_OCI_SECCOMP_RECEIVER, crun's; likewise */
	unsigned fail_step;	      /* --test-fail-step */
	bool run;		      /* go on without waiting for start */
	bool detach, keep;	      /* run only */
	int64_t timeout_ms; /* run in the foreground: then it is asked to end, and killed 10 s later; 0: never */
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

/* exec. What is NULL, or false, is as config.json has it. */
struct exec_options {
	struct state_root root;
	const char *id;
	const char *
		process; /* --process: a file with the whole process; nothing else is taken from config.json */
	const struct oci_config
		*made;		 /* `box`: program, user, directory and environment; NULL: none */
	bool made_caps;		 /* its capabilities, too */
	const char *const *args; /* NULL-terminated; may be empty with --process */
	const char *user;	 /* "UID" or "UID:GID" */
	const char *const *additional_gids, *const *env, *const *caps; /* NULL-terminated lists */
	const char *cwd, *process_label, *apparmor;
	const char *const *cgroups; /* [CTRL[,CTRL]:]PATH, below the container's own */
	const char *console_socket, *pid_file, *pidfd_socket;
	bool tty, no_new_privs, detach, ignore_paused;
	int preserve_fds;
	const char *listen_pid, *listen_fds, *listen_names;
};

/* @exit_code: the program's, or 128 + signal; 0 when detached. */
int container_exec(const struct exec_options *o, int *exit_code, struct arena *a, struct err *e);

/*
 * @notify_socket: NOTIFY_SOCKET, or NULL. Where create had one too, waits until the program says that it is ready, or ends.
 */
int container_start(const struct state_root *root, const char *id, const char *notify_socket,
		    struct arena *a, struct err *e);

/*
 * @signal: 1..64, or 0: none, only to see whether it could be sent. @all: every process of its cgroup; a
 * container that does not run is then no failure. @a: for what is read meanwhile.
 */
int container_kill(const struct state_root *root, const char *id, int signal, bool all,
		   struct arena *a, struct err *e);

/* @force: kills first; an unknown container is then no failure. */
int container_delete(const struct state_root *root, const char *id, bool force, struct arena *a,
		     struct err *e);

/* The second: "container not running", "container not paused". */
int container_pause(const struct state_root *root, const char *id, struct err *e);
int container_resume(const struct state_root *root, const char *id, struct err *e);

struct process_list {
	const pid_t *pids; /* ascending */
	size_t count;
};

/* As our pid namespace numbers them. None where it is stopped. In @a. */
int container_processes(const struct state_root *root, const char *id, struct arena *a,
			struct process_list *list, struct err *e);

/*
 * Run the host's ps(1), found in the PATH of @env, with @args (NULL-terminated): what it printed
 * is in @a.
 */
int ps_run(const char *const *args, const char *const *env, struct arena *a, char **output,
	   struct err *e);

/* Intel RDT, which is no part of linux.resources. NULL: stays as it is. */
struct update_schemata {
	const char *l3_cache;	      /* "L3:0=f0;1=f" */
	const char *memory_bandwidth; /* "MB:0=20;1=70" */
};

/*
 * Put @resources and @schemata in force for a container that is not stopped; its devices are left
 * out, and what is not told stays. On failure all is as it was, and @e may have a place, as a
 * JSON pointer below linux.resources.
 */
int container_update(const struct state_root *root, const char *id,
		     const struct oci_linux_resources *resources,
		     const struct update_schemata *schemata, struct err *e);

/* The same, out of the JSON in the file @path; "-": standard input. The place is of that file. */
int container_update_file(const struct state_root *root, const char *id, const char *path,
			  struct err *e);

struct interface_stats {
	const char *name;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct container_stats {
	struct cgroup_stats cgroup;
	const struct interface_stats *interfaces; /* but for lo; none in the host's namespace */
	size_t interface_count;
};

enum event_kind {
	EVENT_STATS,
	EVENT_OOM,  /* the kernel killed one of its processes for its memory limit */
	EVENT_EXIT, /* its first process ended */
};

/* One event; @stats with EVENT_STATS only, and only until it returns. 0, or -1 with @e set. */
typedef int event_sink(enum event_kind kind, const struct container_stats *stats, void *context,
		       struct err *e);

/* What it uses at this moment. "container with id ID is not running". */
int container_stats(const struct state_root *root, const char *id, event_sink *sink, void *context,
		    struct err *e);

/* Every @interval milliseconds, and what happens meanwhile, until all its processes ended. */
int container_events(const struct state_root *root, const char *id, int64_t interval,
		     event_sink *sink, void *context, struct err *e);
