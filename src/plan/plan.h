/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/plan.h - the plan: what creating one container takes, decided in full
 *
 * spec/ and the facts of the host go in, a constant list of steps comes out (planner.h).
 * What `create` performs, what `plan` prints, what an error names and what a rollback undoes
 * is this list. A step is one operation with all its operands; whoever performs it decides
 * nothing.
 *
 * The list is walked by two processes. tare performs the SIDE_HOST steps, tare-init, the
 * container's first process, the SIDE_INIT steps; wire/wire.h tells how they take turns.
 *
 * Everything here lives in one arena (heap/arena.h), a memfd that both processes map at the
 * same address: so these are ordinary pointers, and there is no format and no parser. The
 * struct plan itself is at the arena's start.
 */
#pragma once

#include "base/host_path.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum step_side {
	SIDE_HOST, /* tare, in the host's namespaces */
	SIDE_INIT, /* tare-init, in the container's */
};

/*
 * In the order of plan.c's table, which is the order of a container's start. The operands of
 * each are the union member of struct step named behind it.
 */
/* clang-format off */
enum step_op {
	/* before there is a process; SIDE_HOST */
	OP_CLAIM_ID,           /* path: the state directory is made, and locked */
	OP_RECORD_MOUNT,       /* path: a mount namespace that is not the container's is about to get the rootfs mounted there */
	OP_MAKE_NOTIFY,        /* path: the directory of the program's NOTIFY_SOCKET */
	OP_MAKE_CGROUP,        /* cgroup */
	OP_WRITE_CGROUP,       /* cgroup_file */
	OP_ATTACH_DEVICES,     /* devices */
	OP_MAKE_RESCTRL,       /* resctrl: a group of the resctrl file system, path, way, lines, compared */
	OP_WRITE_RESCTRL,      /* resctrl: path, lines */
	OP_SET_AFFINITY,       /* affinity: exec's; of tare itself before the birth, of the process behind it */
	OP_SPAWN,              /* spawn: tare-init is born, in its new namespaces */
	/* while tare-init waits; SIDE_HOST */
	OP_START_SCOPE,        /* scope: systemd makes it, and moves tare-init there; cgroups and limits come after it */
	OP_JOIN_CGROUP,        /* cgroup: moves tare-init there (v1; v2 is joined at birth) */
	OP_HAND_DOWN,          /* path: a cgroup whose controllers its children are to have, now that it is empty */
	OP_JOIN_RESCTRL,       /* path: moves tare-init into that group */
	OP_COMPARE_ID_MAP,     /* id_map: of a user namespace that is joined */
	OP_WRITE_ID_MAP,       /* id_map */
	OP_DENY_SETGROUPS,     /* none */
	OP_OWN_CGROUP,         /* cgroup_owner: who may make cgroups below it */
	OP_SET_OOM_SCORE,      /* number: here, for in a user namespace it could only be raised */
	OP_RELEASE,            /* none: a tare-init that was born held may exec */
	OP_MOVE_NETDEV,        /* netdev: into the container's network namespace */
	/* from here on tare-init, but for those marked SIDE_HOST */
	OP_ENTER_SESSION,      /* none: setsid(2), umask 0 */
	OP_RESET_AFFINITY,     /* none: all CPUs of the cgroup, whatever the caller is bound to */
	OP_JOIN_NAMESPACE,     /* ns: setns(2) */
	OP_UNSHARE,            /* ns: unshare(2) */
	OP_SET_CLOCKS,         /* clocks: of the time namespace just made, which is then entered */
	OP_NEW_KEYRING,        /* keyring */
	OP_OPEN_LABEL,         /* label: its attribute file, in the procfs of the host */
	OP_LOOPBACK_UP,        /* none */
	OP_SET_HOSTNAME,       /* text */
	OP_SET_DOMAINNAME,     /* text */
	OP_SET_SYSCTL,         /* setting */
	OP_PROPAGATE,          /* propagation: of the whole tree, before the first mount */
	OP_MOUNT_ROOTFS,       /* rootfs */
	OP_LAYER_ROOTFS,       /* layers: an overlay over it */
	OP_MOUNT,              /* mount */
	OP_BRING_DEVICES,      /* mount: a tmpfs that the host makes, with the nodes of OP_MAKE_DEVICE in it */
	OP_MAKE_DEVICE,        /* device */
	OP_DROP_DEVICES,       /* none: that tmpfs goes; what was bound of it stays */
	OP_MAKE_LINK,          /* link */
	OP_REGISTER_BINFMT,    /* text: the line for binfmt_misc of the user namespace */
	OP_OPEN_CONSOLE,       /* console: pty, /dev/console, stdio; the master goes to tare */
	OP_PASS_CONSOLE,       /* none; SIDE_HOST: the master goes to --console-socket */
	OP_RUN_HOST_HOOK,      /* hook; SIDE_HOST: prestart, createRuntime */
	OP_RUN_HOOK,           /* hook: createContainer, startContainer */
	OP_MAKE_DIR,           /* path: the program's working directory, made in the rootfs where it is missing */
	OP_PROTECT_MOUNT,      /* index: read-only now that all is made in it */
	OP_MASK_PATH,          /* path */
	OP_PROTECT_PATH,       /* path: read-only */
	OP_PIVOT_ROOT,         /* none */
	OP_MOVE_ROOT,          /* none: --no-pivot */
	OP_CHROOT,             /* path: no mount namespace of its own; into the rootfs that was mounted, if it was */
	OP_PROTECT_ROOT,       /* none: remount the rootfs read-only */
	OP_PROPAGATE_ROOT,     /* propagation: of the rootfs, last of all mounts */
	OP_SET_SCHEDULER,      /* scheduler; SIDE_HOST: the kernel asks for rights in the first user namespace */
	OP_SET_IO_PRIORITY,    /* io_priority; SIDE_HOST likewise */
	OP_SET_RLIMIT,         /* rlimit */
	OP_SET_MEMORY_POLICY,  /* memory_policy */
	OP_SET_PERSONALITY,    /* number */
	OP_CHANGE_DIR,         /* path */
	OP_DROP_BOUNDING,      /* caps */
	OP_SET_USER,           /* user */
	OP_SET_UMASK,          /* number */
	OP_SET_CAPS,           /* caps */
	OP_NO_NEW_PRIVS,       /* none */
	OP_RESTRICT,           /* landlock */
	OP_PREPARE_EXEC,       /* exec: the program is found, and all made ready that OP_SET_SECCOMP could deny */
	OP_SET_LABEL,          /* label: what the exec gives the program; behind the hooks of start, where there are any */
	OP_DROP_LAST,          /* caps: what only OP_SET_SECCOMP needed, where that is done before the program is all that is left */
	OP_ENTER_PIDS,         /* none: what is behind is done by a child, born in the pid namespace that is joined */
	OP_SET_PROCESS_LIMIT,  /* rlimit; SIDE_HOST: RLIMIT_NPROC, which could keep that child from being born */
	OP_WAIT_FOR_START,     /* none: create is done; goes on when start comes */
	OP_STAY_AS_INIT,       /* init: the steps behind are a child's; tare-init stays, and reaps */
	OP_SET_SECCOMP,        /* seccomp */
	OP_EXEC,               /* exec: the user's program */
	OP_COUNT
};
/* clang-format on */

enum resctrl_way {
	RESCTRL_THERE,	/* somebody else's, must be there */
	RESCTRL_SHARED, /* made where it is missing; stays when the container goes */
	RESCTRL_OWN,	/* made where it is missing; goes with the container then */
	RESCTRL_NEW,	/* must be new; goes with the container */
};

enum id_map_way {
	ID_MAP_WRITE,  /* write /proc/PID/?id_map */
	ID_MAP_HELPER, /* an ordinary user: newuidmap(1), newgidmap(1) */
};

struct id_range {
	uint32_t inside, outside, count;
};

/* Attributes that can be set on mounts of others too: taking some away, or changing times of access, may be refused. */
#define MOUNT_ATTRS_OF_A_KIND                                                                      \
	((uint64_t) (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC))

/* Attributes of a mount as mount_setattr(2) takes them: MOUNT_ATTR_*. */
struct mount_attrs {
	uint64_t set, clear;
};

struct id_ranges {
	const struct id_range *ranges;
	size_t count;
};

enum mount_idmap_way {
	MOUNT_IDMAP_NONE,
	MOUNT_IDMAP_CONTAINER, /* as the user namespace of tare-init has it */
	MOUNT_IDMAP_OWN,       /* @uids, @gids: IDs on the filesystem inside, of the host outside */
};

/* Who owns the files of a mount: mount_setattr(2), MOUNT_ATTR_IDMAP. */
struct mount_idmap {
	enum mount_idmap_way way;
	bool recursive;
	struct id_ranges uids, gids;
};

/* One filesystem-specific option; @value NULL: a flag. */
struct mount_parameter {
	const char *key, *value;
};

struct mount_step {
	const char *source; /* absolute for a bind */
	const char *target; /* as in config.json, below the rootfs */
	const char *type;   /* NULL for a bind or remount */
	unsigned long
		flags; /* MS_*: what concerns the filesystem, not the mount (MS_RDONLY, MS_SYNCHRONOUS ...) */
	struct mount_attrs attrs;	    /* of this mount */
	struct mount_attrs recursive_attrs; /* of it and all below: ro -> rro */
	const struct mount_parameter *parameters;
	size_t parameter_count;
	const char *data; /* the parameters as mount(2) takes them, joined by commas */
	const unsigned long *propagation; /* MS_SHARED ... each with MS_REC or not, one call each */
	size_t propagation_count;
	bool bind, recursive, remount;
	bool copy_up;  /* a tmpfs that begins with what is at its place: tmpcopyup */
	bool own_mode; /* a tmpfs without mode=: that of the directory it covers */
	unsigned
		readonly_later; /* from 1 on: the OP_PROTECT_MOUNT that makes it read-only; 0: none */
	bool source_from_host; /* tare opens the source, or makes the filesystem, and hands it in: a new user namespace may lack the right */
	bool shared; /* with source_from_host: stays a peer of the host's mount; else it becomes its slave */
	bool source_nofollow, target_nofollow; /* a link as the last part is itself what is meant */
	struct mount_idmap idmap;	       /* with source_from_host only */
	/* bound with all below it where the kernel refuses a new filesystem (EPERM); NULL: then it is an error */
	const char *fallback;
	const char *
		label; /* SELinux context that its root gets as an attribute; NULL: none, or a parameter */
	bool classic; /* only mount(2) can say it: iversion, silent, parameters over 255 bytes */
};

/* So many mounts can be made read-only last; they are kept open until then. */
#define READONLY_LATER_MOST 16

/* Of one overlay: fsconfig(2) takes a value of 255 bytes, and each is 17 there. */
#define ROOTFS_LAYERS 14

/* An overlay over the rootfs, which is its uppermost read-only layer. */
struct layers_step {
	const char *const *lowers; /* absolute directories of the host, below the rootfs */
	size_t count;		   /* less than ROOTFS_LAYERS */
	const char *directory; /* the changes are kept in its directory upper; NULL: in memory */
	const char *size;      /* of that memory, as tmpfs has it; NULL: half of all */
	bool user_namespace;   /* overlayfs keeps its notes in attributes that a user may write */
};

/* A device node, or, where mknod(2) is not allowed, one that the host has made, or its own, bound onto a file. */
struct device_step {
	const char *path;
	mode_t mode; /* type and permissions */
	uint32_t major, minor;
	uid_t uid;
	gid_t gid;
	bool bind;
	bool from_host; /* with @bind: OP_BRING_DEVICES brings it, called by the index of this step */
	bool listed;	/* in linux.devices: a node that is there already gets mode and owner */
};

/* runtime-spec, config.md#posix-platform-hooks */
struct hook_step {
	const char *stage;	 /* "createRuntime" */
	unsigned index;		 /* of its stage, from 0 */
	const char *status;	 /* of the state it reads on stdin: "creating" */
	const char *path;	 /* absolute */
	const char *const *argv; /* NULL-terminated; never empty */
	/* NULL-terminated; NULL: that of who runs it, tare or the container's program */
	const char *const *envp;
	unsigned timeout;  /* seconds; 0: none */
	bool in_container; /* path and working directory are the container's: startContainer */
};

/* A namespace that tare-init joins before its first step; or opens then, where OP_JOIN_NAMESPACE joins it @later. */
struct ns_join {
	uint64_t type;
	const char *name;
	const char *path; /* absolute */
	const char *place;
	bool later;
};

#define SPAWN_JOINS_MAX 8

/* NUMA nodes that a memory policy can name: no kernel is built for more. */
#define MEMORY_NODES 1024

struct spawn_step {
	/*
	 * tare-init begins outside of the container and joins what is there of it (host/create/enter.c). What must be new is made by the
	 * clone of a sibling, which goes on.
	 */
	bool enter;
	/*
	 * The pid namespace is joined. There a process of ours could be taken over, so all that needs rights is done outside, by
	 * the process that joins; OP_ENTER_PIDS is the birth of one that is in sight. New namespaces are unshared.
	 */
	bool late;
	pid_t enter_pid;      /* exec: whose namespaces these are; 0: @joins have paths */
	uint64_t enter_start; /* ... and its start time */
	uint64_t namespaces;  /* CLONE_NEW*: made at birth */
	const char *cgroup;   /* v2 directory it is born in; NULL: none */
	const char *
		join_user; /* user namespace it is born in, and the new ones belong to; NULL: none */
	/*
	 * A pid namespace always; with a user namespace the others too, for that one may have no right to join
	 * what belongs to the host.
	 */
	const struct ns_join *joins;
	size_t join_count;
	const char *
		root; /* exec: directory that becomes its root, where it joins no mount namespace; else NULL */
	bool held; /* waits before its exec for OP_RELEASE: user namespace, its map must be there first */
};

/* Operands of sched_setattr(2). */
struct scheduler_step {
	const char *name; /* "SCHED_BATCH" */
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; /* nanoseconds */
};

/* time_namespaces(7): what is added to the host's. */
struct clock_offset {
	int64_t seconds;
	uint32_t nanoseconds;
};

/* A transient unit: org.freedesktop.systemd1(5), "StartTransientUnit()". */
struct scope_step {
	const char *unit; /* "tare-web.scope" */
	const char *bus;  /* D-Bus address of the user's bus; NULL: the system's */
	const char
		*properties; /* but for PIDs: the lines that tare-systemd reads (cgroup/scope.h) */
	const char *cgroup;  /* the directory systemd makes for it, absolute */
	bool inhabited;	     /* the container has no cgroup below but is in the scope's own */
};

struct console_step {
	uint16_t rows, columns; /* 0: the kernel's choice */
	uid_t uid;		/* who owns the slave */
	bool bind;		/* /dev/console can be mounted: there is a mount namespace */
};

/* A security module that labels processes, and where tare-init keeps its open attribute file. */
enum label_module { LABEL_SELINUX, LABEL_APPARMOR, LABEL_MODULES };

struct label_step {
	enum label_module module;
	const char *name;  /* "AppArmor" */
	const char *file;  /* below /proc/PID/attr: "exec" */
	const char *value; /* exactly what is written to it */
};

/* What a process may still do to files at and below a path: LANDLOCK_* of kernel/landlock.h. */
struct landlock_rule {
	const char *path; /* absolute, in the container */
	uint64_t access;
};

struct landlock_step {
	uint64_t files, tcp, scoped; /* refused, but for what a rule allows of files */
	const struct landlock_rule *rules;
	size_t count;
};

struct exec_step {
	const char *const *argv;
	const char *const *envp; /* NULL-terminated; LISTEN_* included */
	const char *file;	 /* the program; argv[0] may be another name for it */
	const char *search_path; /* PATH of envp, or the default */
	bool home_missing;	 /* HOME is to be taken from the container's /etc/passwd */
	uid_t uid;		 /* whose home */
	bool refused;		 /* the filter lets no execve(2) through, whatever its arguments */
};

struct step {
	enum step_op op;
	bool on_host; /* step_kinds[op].side == SIDE_HOST, for tare-init, which has not that table */
	bool ahead; /* the host does it without being asked, while tare-init does those before it */
	const char *
		place; /* JSON pointer of what asked for it; "" where it is asked for by no single one */
	union {
		const char *path;
		const char *text;
		int64_t number;
		unsigned index;
		struct {
			const char *path; /* absolute directory in the host's cgroup mount */
			unsigned kind;	  /* cgroup_kind(), for OP_MAKE_CGROUP */
		} cgroup;
		struct {
			const char *directory, *file, *value;
			const char *other_file, *other_value; /* where there is no @file; NULL */
			const char *usage_file; /* refuse when more is in use than @value; NULL */
			bool optional; /* the file may be missing: nothing was asked that needs it */
		} cgroup_file;
		struct {
			const char *directory;
			uid_t uid; /* in the container */
		} cgroup_owner;
		struct {
			const char *directory;
			const struct bpf_insn *instructions;
			uint32_t count;
			bool may_be_missing; /* the container can't make device nodes: they guard only its /dev */
		} devices;
		struct spawn_step spawn;
		struct scope_step scope;
		struct {
			bool group;
			enum id_map_way way;
			const struct id_range *ranges;
			size_t count;
		} id_map;
		struct {
			const char *path; /* absolute */
			enum resctrl_way way;
			const char *const *lines; /* of its schemata, NULL-terminated; NULL: none */
			size_t compared; /* so many of them must hold already where it was not made now */
		} resctrl;
		struct {
			const char *name;      /* of the device on the host */
			const char *new_name;  /* may have a %d in it */
			const char *namespace; /* path of the joined one; NULL: tare-init's own */
		} netdev;
		struct {
			uint64_t type;	  /* CLONE_NEW* */
			const char *name; /* "network" */
			const char *path; /* join only */
		} ns;
		struct {
			struct clock_offset monotonic, boottime;
		} clocks;
		struct {
			const char *key; /* below /proc/sys, with slashes */
			const char *value;
		} setting;
		struct {
			unsigned long flags; /* MS_SLAVE | MS_REC ... */
		} propagation;
		struct {
			const char *path; /* absolute, on the host */
			bool source_from_host;
			const char *
				place; /* where it is mounted, if not there; not with source_from_host */
			bool readonly; /* it, and all that is mounted in it, before anything else is mounted there */
			bool others; /* the mount namespace is not the container's */
			unsigned long
				propagation; /* MS_REC with MS_PRIVATE, MS_SLAVE or MS_SHARED: of what it has mounted below it; 0: as it is */
		} rootfs;
		struct layers_step layers;
		struct mount_step mount;
		struct device_step device;
		struct {
			const char *target, *path;
			bool keep; /* what else is at @path stays, and is an error */
		} link;
		struct console_step console;
		struct hook_step hook;
		struct {
			const char *name;
			int resource;
			uint64_t soft, hard;
		} rlimit;
		struct {
			const char *label; /* its SELinux label; NULL: the kernel's choice */
			bool optional; /* where the user's quota of keys is used up, the caller's stays */
		} keyring;
		struct label_step label;
		struct scheduler_step scheduler;
		struct {
			const char *list;     /* as in config.json */
			const uint64_t *mask; /* the same as CPU_LIST_MOST bits */
			bool before_clone;
		} affinity;
		struct {
			const char *name; /* "IOPRIO_CLASS_BE" */
			int class;
			int level; /* 0 to 7 */
		} io_priority;
		struct {
			const char *name;     /* "MPOL_BIND" */
			int mode;	      /* MPOL_* and MPOL_F_* of set_mempolicy(2) */
			const char *nodes;    /* as in config.json; NULL: none */
			const uint64_t *mask; /* the same as MEMORY_NODES bits */
		} memory_policy;
		struct {
			uid_t uid;
			gid_t gid;
			const gid_t *groups;
			size_t group_count;
			bool set_groups; /* false: setgroups(2) is denied in this user namespace, or the groups are kept */
		} user;
		struct {
			uint64_t bounding, effective, permitted, inheritable, ambient;
			uint64_t
				until_exec; /* kept besides, for OP_SET_SECCOMP; execve(2) computes the sets anew without it */
		} caps;
		struct {
			const struct sock_filter *filter;
			uint16_t count;
			uint32_t flags; /* SECCOMP_FILTER_FLAG_* */
			bool notify; /* there is a listener, which goes to the agent by way of tare */
			bool mute; /* behind it tare-init may not be able to say that the exec failed */
			bool early; /* more is done behind it than the exec: it is known to let that through */
		} seccomp;
		struct {
			bool subreaper; /* the pid namespace is not the container's own: orphans must be asked for */
			bool filtered; /* OP_SET_SECCOMP follows */
		} init;
		struct landlock_step landlock;
		struct exec_step exec;
	};
};

/* Bumped with every change of this header: a tare-init of another build refuses. */
#define PLAN_VERSION 13

struct plan {
	uint32_t version;
	const char *id;
	const char *bundle, *rootfs; /* absolute */
	const struct step *steps;
	size_t step_count;
	size_t spawn;	     /* index of OP_SPAWN */
	uint64_t namespaces; /* CLONE_NEW*: new or joined, all that are config.json's */
	bool debug;	     /* tare-init tells each step that it has done */
	bool foreground;     /* run without --detach: the program ends with tare */
	bool entered;	     /* tare-init finds itself in the container's root already: exec */
	unsigned fail_step;  /* test only: this step (counted from 1) fails; 0: none */
	struct host_path
		pidfd_receiver; /* socket that gets a pidfd besides: run.oci.pidfd_receiver */
	struct host_path hooks_out, hooks_err; /* files that hooks print to */
	bool hooks_print; /* there are hooks before the program: the files are needed */
	/* the state for hooks is state_head STATUS "\",\"pid\":" PID state_tail */
	const char *state_head, *state_tail;
	int first_fd; /* 3 + descriptors handed on to the program; tare-init's own come from here on (wire.h) */
	mode_t umask; /* the caller's: what the program gets where config.json says nothing */
};

/* ---- steps.c: what every kind of step is called, one row each ---- */

struct step_kind {
	const char *name; /* "make-cgroup" */
	enum step_side side;
	const char *
		undo; /* what rollback does about it: "remove-cgroup"; "" where the process's end is enough */
};

extern const struct step_kind step_kinds[OP_COUNT];

/* The operands in one line, as `tare plan` shows them. Returns the length it needed. */
size_t step_describe(const struct step *s, char *buf, size_t size);
