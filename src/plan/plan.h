/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/plan.h - the plan: what creating one container takes, decided in full
 *
 * planner.h makes it: the config and the facts of the host go in, a constant list of steps comes
 * out. This list is what `create` performs, what `plan` prints, what an error names and what a
 * rollback undoes. A step is one operation with all its operands: performing it decides nothing.
 *
 * The list is walked by two processes. tare performs the SIDE_HOST steps, tare-init, the
 * container's first process, the SIDE_INIT steps; wire/wire.h has the chart of how they take turns.
 *
 * The plan lies in one arena (heap/arena.h), a memfd that both processes map at the same address:
 * so the pointers below are valid in both, and there is no format and no parser. struct plan is
 * at the arena's start.
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
 * The kinds of steps, in the order of plan.c's table, which is the order of a container's start.
 * Behind each kind stands the member of struct step's union with its operands, then what the step
 * does.
 */
/* clang-format off */
enum step_op {
	/* before there is a process; SIDE_HOST */
	OP_CLAIM_ID,           /* path: make the state directory, and lock it */
	OP_RECORD_MOUNT,       /* path: journal the rootfs mount, if others share the namespace */
	OP_MAKE_NOTIFY,        /* path: the directory of the program's NOTIFY_SOCKET */
	OP_MAKE_CGROUP,        /* cgroup */
	OP_WRITE_CGROUP,       /* cgroup_file */
	OP_ATTACH_DEVICES,     /* devices */
	OP_MAKE_RESCTRL,       /* resctrl (path, way, lines, compared): make the group */
	OP_WRITE_RESCTRL,      /* resctrl (path, lines) */
	OP_SET_AFFINITY,       /* affinity: exec; of tare before the clone, of its child after */
	OP_SPAWN,              /* spawn: clone tare-init into its new namespaces */
	/* while tare-init waits; SIDE_HOST */
	OP_START_SCOPE,        /* scope: systemd makes it and moves tare-init there */
	OP_JOIN_CGROUP,        /* cgroup: move tare-init there (v1; into v2 it is cloned) */
	OP_HAND_DOWN,          /* path: a cgroup, empty by now: enable controllers below it */
	OP_JOIN_RESCTRL,       /* path: move tare-init into that group */
	OP_COMPARE_ID_MAP,     /* id_map: of a user namespace that is joined */
	OP_WRITE_ID_MAP,       /* id_map */
	OP_DENY_SETGROUPS,     /* none */
	OP_OWN_CGROUP,         /* cgroup_owner: who may make cgroups below it */
	OP_SET_OOM_SCORE,      /* number: in a user namespace it could only be raised */
	OP_RELEASE,            /* none: a tare-init with spawn_step.held may exec */
	OP_MOVE_NETDEV,        /* netdev: into the container's network namespace */
	/* from here on tare-init, but for those marked SIDE_HOST */
	OP_ENTER_SESSION,      /* none: setsid(2), umask 0 */
	OP_RESET_AFFINITY,     /* none: all CPUs of the cgroup, whatever the caller is bound to */
	OP_JOIN_NAMESPACE,     /* ns: setns(2) */
	OP_UNSHARE,            /* ns: unshare(2) */
	OP_SET_CLOCKS,         /* clocks: make a time namespace, set its clocks, enter it */
	OP_NEW_KEYRING,        /* keyring */
	OP_OPEN_LABEL,         /* label: open its attribute file, in the procfs of the host */
	OP_LOOPBACK_UP,        /* none */
	OP_SET_HOSTNAME,       /* text */
	OP_SET_DOMAINNAME,     /* text */
	OP_SET_SYSCTL,         /* setting */
	OP_PROPAGATE,          /* propagation: of the whole tree, before the first mount */
	OP_MOUNT_ROOTFS,       /* rootfs */
	OP_LAYER_ROOTFS,       /* layers: mount an overlay over the rootfs */
	OP_MOUNT,              /* mount */
	OP_BRING_DEVICES,      /* mount: a tmpfs made by tare, with nodes for OP_MAKE_DEVICE */
	OP_MAKE_DEVICE,        /* device */
	OP_DROP_DEVICES,       /* none: unmount that tmpfs; nodes bound from it stay */
	OP_MAKE_LINK,          /* link */
	OP_REGISTER_BINFMT,    /* text: the line for binfmt_misc of the user namespace */
	OP_OPEN_CONSOLE,       /* console: pty, /dev/console, stdio; the master goes to tare */
	OP_PASS_CONSOLE,       /* none; SIDE_HOST: the master goes to --console-socket */
	OP_RUN_HOST_HOOK,      /* hook; SIDE_HOST: prestart, createRuntime */
	OP_RUN_HOOK,           /* hook: createContainer, startContainer */
	OP_MAKE_DIR,           /* path: the working directory, where the rootfs has none */
	OP_PROTECT_MOUNT,      /* index: read-only, once all mount points in it are made */
	OP_MASK_PATH,          /* path */
	OP_PROTECT_PATH,       /* path: read-only */
	OP_PIVOT_ROOT,         /* none */
	OP_MOVE_ROOT,          /* none: --no-pivot */
	OP_CHROOT,             /* path: into the rootfs, without a mount namespace of its own */
	OP_PROTECT_ROOT,       /* none: remount the rootfs read-only */
	OP_PROPAGATE_ROOT,     /* propagation: of the rootfs, last of all mounts */
	OP_SET_SCHEDULER,      /* scheduler; SIDE_HOST: rights in the first user namespace */
	OP_SET_IO_PRIORITY,    /* io_priority; SIDE_HOST likewise */
	OP_NOTE_ROOT,          /* none; SIDE_HOST: the root by which strays are known: strays.h */
	OP_PRINT_OMITTED,      /* none; SIDE_HOST: `box` prints what it left out, before the exec */
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
	OP_TRY_NETWORK,        /* none: warn if the kernel refuses sockets to the program's user */
	OP_PREPARE_EXEC,       /* exec: find the program; do all that OP_SET_SECCOMP could deny */
	OP_SET_LABEL,          /* label: of the program, from the exec on; behind hooks */
	OP_DROP_LAST,          /* caps: CAP_SYS_ADMIN, behind an early OP_SET_SECCOMP */
	OP_ENTER_PIDS,         /* none: clone into the joined pid namespace; the child goes on */
	OP_SET_PROCESS_LIMIT,  /* rlimit; SIDE_HOST: RLIMIT_NPROC could refuse that clone */
	OP_WAIT_FOR_START,     /* none: create is done; goes on when start connects */
	OP_STAY_AS_INIT,       /* init: a child goes on; tare-init stays, and reaps */
	OP_SET_SECCOMP,        /* seccomp */
	OP_EXEC,               /* exec: the user's program */
	OP_COUNT
};
/* clang-format on */

enum resctrl_way {
	RESCTRL_THERE,	/* must be there already, and stays */
	RESCTRL_SHARED, /* made where it is missing; stays when the container goes */
	RESCTRL_OWN,	/* made where it is missing, and then removed with the container */
	RESCTRL_NEW,	/* must not be there yet; removed with the container */
};

enum id_map_way {
	ID_MAP_WRITE,  /* write /proc/PID/?id_map */
	ID_MAP_HELPER, /* an ordinary user: newuidmap(1), newgidmap(1) */
};

struct id_range {
	uint32_t inside, outside, count;
};

/*
 * The attributes that any mount can be given. Others, and the removal of these, the kernel may
 * refuse on a mount that came with another mount namespace.
 */
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
	MOUNT_IDMAP_CONTAINER, /* the maps of tare-init's user namespace */
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
	/* absolute for a bind */
	const char *source;
	/* as in config.json, below the rootfs */
	const char *target;
	/* NULL for a bind or remount */
	const char *type;
	/* MS_* of the filesystem, not of the mount: MS_RDONLY, MS_SYNCHRONOUS ... */
	unsigned long flags;
	/* of this mount */
	struct mount_attrs attrs;
	/* of this mount and all below it: "rro", not "ro" */
	struct mount_attrs recursive_attrs;
	const struct mount_parameter *parameters;
	size_t parameter_count;
	/* the parameters as mount(2) takes them, joined by commas */
	const char *data;
	/* MS_SHARED ... each with MS_REC or not, one call each */
	const unsigned long *propagation;
	size_t propagation_count;
	bool bind, recursive, remount;
	/* tmpcopyup: the tmpfs gets a copy of the directory that it covers */
	bool copy_up;
	/* a tmpfs without mode= gets the mode of the directory that it covers */
	bool own_mode;
	/* the same mode, in tare-init's copy of the step: a parameter more. NULL in a plan */
	const struct mount_parameter *mode;
	/* number, from 1 on, of the OP_PROTECT_MOUNT that makes this mount read-only; 0: none */
	unsigned readonly_later;
	/*
	 * tare opens the source, or makes the filesystem, and sends the descriptor: tare-init may
	 * lack the right for that in a new user namespace.
	 */
	bool source_from_host;
	/* with source_from_host: the mount stays a peer of the host's; else it becomes a slave */
	bool shared;
	/* a link as the last part of the path is not followed */
	bool source_nofollow, target_nofollow;
	/* with source_from_host only */
	struct mount_idmap idmap;
	/*
	 * a path that is bound recursively instead, where the kernel refuses a new filesystem
	 * (EPERM); NULL: EPERM is an error
	 */
	const char *fallback;
	/* SELinux context that the root gets as an attribute; NULL: none, or a parameter */
	const char *label;
	/* mount(2) must be used: iversion, silent, parameters over 255 bytes */
	bool classic;
	/*
	 * always zero. Without this member the bytes would be padding, and could show old bytes of
	 * tare's stack after a copy of the struct, as gcc 16 copies member by member.
	 */
	char unused[7];
};

/* The most mounts with readonly_later; tare-init keeps them open until then. */
#define READONLY_LATER_MOST 16

/* The most layers of an overlay: fsconfig(2) takes a value of 255 bytes, and each layer is 17. */
#define ROOTFS_LAYERS 14

/* An overlay over the rootfs, which is its uppermost read-only layer. */
struct layers_step {
	/* absolute directories of the host, below the rootfs */
	const char *const *lowers;
	/* less than ROOTFS_LAYERS */
	size_t count;
	/* the changes are kept in its subdirectory "upper"; NULL: in memory */
	const char *directory;
	/* of the memory for the changes, as tmpfs takes it: "200m"; NULL: half of all memory */
	const char *size;
	/* overlayfs keeps its notes in user.* attributes (userxattr) */
	bool user_namespace;
};

/*
 * Attributes of the mount of a node of the host's, as a mask or a device. chmod(2) and chown(2)
 * would change the node for the whole host, so the mount is read-only, which does not keep a device
 * from being written to. Nor does a device need set-user-ID bits or execution: most mounts of /dev
 * forbid them.
 */
#define HOST_NODE_ATTRS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

/* A device node; or with @bind a node of the host that is bound onto a file. */
struct device_step {
	const char *path;
	/* type and permissions */
	mode_t mode;
	uint32_t major, minor;
	uid_t uid;
	gid_t gid;
	/* mknod(2) is not allowed */
	bool bind;
	/* with @bind: the node is one of OP_BRING_DEVICES, named by the index of this step */
	bool from_host;
	/* from linux.devices: a node that is there already gets mode and owner */
	bool listed;
};

/* runtime-spec, config.md#posix-platform-hooks */
struct hook_step {
	/* "createRuntime" */
	const char *stage;
	/* among the hooks of its stage, from 0 */
	unsigned index;
	/* of the state that the hook reads on stdin: "creating" */
	const char *status;
	/* absolute */
	const char *path;
	/* NULL-terminated; never empty */
	const char *const *argv;
	/* NULL-terminated; NULL: the environment of tare, or of the container's program */
	const char *const *envp;
	/* seconds; 0: none */
	unsigned timeout;
	/* path and working directory (process.cwd) are the container's: startContainer */
	bool in_container;
};

/* A namespace that tare-init joins before its first step. */
struct ns_join {
	uint64_t type;
	const char *name;
	/* absolute */
	const char *path;
	const char *place;
	/* only opened before the first step; OP_JOIN_NAMESPACE joins it */
	bool later;
};

#define SPAWN_JOINS_MAX 8

/* NUMA nodes that a memory policy can name: no kernel is built for more. */
#define MEMORY_NODES 1024

struct spawn_step {
	/*
	 * tare-init begins outside of the container and joins its namespaces (host/create/enter.c).
	 * The new namespaces are made by the clone of a sibling, which goes on as tare-init.
	 */
	bool enter;
	/*
	 * The pid namespace is joined late. A process that is visible in there could be taken over
	 * by a root of that namespace. So the process that joins does all that needs rights from
	 * outside, and unshares the new namespaces; OP_ENTER_PIDS clones the visible process.
	 */
	bool late;
	/* exec: the process whose namespaces are joined; 0: @joins have paths */
	pid_t enter_pid;
	/* start time of that process, by which a reused pid is noticed */
	uint64_t enter_start;
	/* CLONE_NEW*: made by the clone */
	uint64_t namespaces;
	/* v2 directory that tare-init is cloned into; NULL: none */
	const char *cgroup;
	/*
	 * exec: the v2 directory below @cgroup that has the container's first process. tare-init is
	 * cloned into this one where @cgroup takes no process (EBUSY), as controllers are enabled
	 * below @cgroup. NULL: none.
	 */
	const char *cgroup_below;
	/* user namespace that tare-init is cloned in, and that owns the new ones; NULL: none */
	const char *join_user;
	/* of config.json; NULL: exec */
	const char *join_user_place;
	/*
	 * A pid namespace always. With a user namespace the others too: once in there, tare-init
	 * may have no right to join namespaces that the host owns.
	 */
	const struct ns_join *joins;
	size_t join_count;
	/* exec without a mount namespace to join: the directory that becomes the root; else NULL */
	const char *root;
	/* the child waits for OP_RELEASE before its exec: a user namespace needs its map first */
	bool held;
	/*
	 * The IDs of tare-init, until OP_SET_USER, in a user namespace whose map has no root. Where
	 * the map is known to have root, 0.
	 */
	uint32_t uid, gid;
};

/* Operands of sched_setattr(2). */
struct scheduler_step {
	const char *name; /* "SCHED_BATCH" */
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; /* nanoseconds */
	bool some_cpus;			    /* linux.resources.cpu.cpus names processors */
};

/* time_namespaces(7): what is added to the host's clock. */
struct clock_offset {
	int64_t seconds;
	uint32_t nanoseconds;
};

/* A transient unit: org.freedesktop.systemd1(5), "StartTransientUnit()". */
struct scope_step {
	/* "tare-web.scope" */
	const char *unit;
	/* D-Bus address of the user's bus; NULL: the system's */
	const char *bus;
	/* all but PIDs: the lines that tare-systemd reads (cgroup/scope.h) */
	const char *properties;
	/* the directory systemd makes for the unit, absolute */
	const char *cgroup;
	/* the container's process is in the unit's own cgroup, not in one below it */
	bool holds_process;
};

struct console_step {
	uint16_t rows, columns; /* 0: the kernel's choice */
	uid_t uid;		/* owner of the slave */
	bool bind;		/* /dev/console can be mounted: there is a mount namespace */
	bool clear_onlcr;	/* tare copies the output to a terminal that adds the \r itself */
};

/* A security module that labels processes, and where tare-init keeps its open attribute file. */
enum label_module { LABEL_SELINUX, LABEL_APPARMOR, LABEL_MODULES };

struct label_step {
	enum label_module module;
	const char *name;  /* "AppArmor" */
	const char *file;  /* below /proc/PID/attr: "exec" */
	const char *value; /* exactly what is written to the file */
};

/* What a process may still do to files at and below a path: LANDLOCK_* of kernel/landlock.h. */
struct landlock_rule {
	const char *path; /* absolute, in the container */
	uint64_t access;
};

struct landlock_step {
	/* refused; of @files, all that no rule allows */
	uint64_t files, tcp, scoped;
	const struct landlock_rule *rules;
	size_t count;
};

struct exec_step {
	const char *const *argv;
	/* NULL-terminated; LISTEN_* included */
	const char *const *envp;
	/* the program; argv[0] may be another name for it */
	const char *file;
	/* PATH of envp, or the default */
	const char *search_path;
	/* HOME is to be taken from the container's /etc/passwd, for @uid */
	bool home_missing;
	uid_t uid;
	/* the seccomp filter denies execve(2), whatever its arguments */
	bool refused;
};

struct step {
	enum step_op op;
	/* step_kinds[op].side == SIDE_HOST, for tare-init, which has not that table */
	bool on_host;
	/* tare performs this step without waiting for TURN, while tare-init does those before it */
	bool ahead;
	/* JSON pointer of what asked for this step; "" where no single member of config.json did */
	const char *place;
	union {
		const char *path;
		const char *text;
		int64_t number;
		unsigned index;
		struct {
			/* absolute directory in the host's cgroup mount */
			const char *path;
			/* cgroup_kind(), for OP_MAKE_CGROUP */
			unsigned kind;
		} cgroup;
		struct {
			const char *directory, *file, *value;
			/* what is written where there is no @file; NULL */
			const char *other_file, *other_value;
			/* a @value below what this file shows is refused; NULL: not compared */
			const char *usage_file;
			/* both files may be missing: @value is what the kernel does without them */
			bool optional;
		} cgroup_file;
		struct {
			const char *directory;
			/* in the container */
			uid_t uid;
		} cgroup_owner;
		struct {
			const char *directory;
			const struct bpf_insn *instructions;
			uint32_t count;
			/* the rules guard only the container's /dev: it can't make device nodes */
			bool may_be_missing;
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
			/* absolute */
			const char *path;
			enum resctrl_way way;
			/* of its schemata, NULL-terminated; NULL: none */
			const char *const *lines;
			/* an older group must have the first @compared lines already */
			size_t compared;
		} resctrl;
		struct {
			/* of the device on the host */
			const char *name;
			/* may have a %d in it */
			const char *new_name;
			/* path of the joined namespace; NULL: tare-init's own */
			const char *namespace;
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
			/* below /proc/sys, with slashes */
			const char *key;
			const char *value;
		} setting;
		struct {
			/* MS_SLAVE | MS_REC ... */
			unsigned long flags;
		} propagation;
		struct {
			/* absolute, on the host */
			const char *path;
			bool source_from_host;
			/* the rootfs, with the mounts in it, is made read-only at once */
			bool readonly;
			/* the mount namespace is not the container's own */
			bool others;
			/*
			 * MS_REC with MS_PRIVATE, MS_SLAVE or MS_SHARED: for the mounts that the
			 * rootfs has below it; 0: unchanged
			 */
			unsigned long propagation;
		} rootfs;
		struct layers_step layers;
		struct mount_step mount;
		struct device_step device;
		struct {
			const char *target, *path;
			/* another file at @path stays, and is an error */
			bool keep;
		} link;
		struct console_step console;
		struct hook_step hook;
		struct {
			const char *name;
			int resource;
			uint64_t soft, hard;
		} rlimit;
		struct {
			/* its SELinux label; NULL: the kernel's choice */
			const char *label;
			/* with the user's quota of keys used up, the caller's keyring stays */
			bool optional;
		} keyring;
		struct label_step label;
		struct scheduler_step scheduler;
		struct {
			/* as in config.json */
			const char *list;
			/* the same as CPU_LIST_MOST bits */
			const uint64_t *mask;
			bool before_clone;
		} affinity;
		struct {
			const char *name; /* "IOPRIO_CLASS_BE" */
			int class;
			int level; /* 0 to 7 */
		} io_priority;
		struct {
			/* "MPOL_BIND" */
			const char *name;
			/* MPOL_* and MPOL_F_* of set_mempolicy(2) */
			int mode;
			/* as in config.json; NULL: none */
			const char *nodes;
			/* the same as MEMORY_NODES bits */
			const uint64_t *mask;
		} memory_policy;
		struct {
			uid_t uid;
			gid_t gid;
			const gid_t *groups;
			size_t group_count;
			/* false: the user namespace denies setgroups(2), or groups are kept */
			bool set_groups;
		} user;
		struct {
			uint64_t bounding, effective, permitted, inheritable, ambient;
			/* kept for OP_SET_SECCOMP; execve(2) computes the sets anew without them */
			uint64_t until_exec;
		} caps;
		struct {
			const struct sock_filter *filter;
			uint16_t count;
			/* SECCOMP_FILTER_FLAG_* */
			uint32_t flags;
			/* the filter has a listener, which goes to the agent by way of tare */
			bool notify;
			/* behind the filter tare-init may be unable to report a failed exec */
			bool mute;
			/* loaded before the last steps: the filter is known to allow their calls */
			bool early;
		} seccomp;
		struct {
			/*
			 * PR_SET_CHILD_SUBREAPER: in a pid namespace of others, orphans come to
			 * tare-init only by that.
			 */
			bool subreaper;
			/* OP_SET_SECCOMP follows */
			bool filtered;
		} init;
		struct landlock_step landlock;
		struct exec_step exec;
	};
};

/* Counts the changes of this header: a tare-init of another build refuses the plan. */
#define PLAN_VERSION 17

struct plan {
	uint32_t version;
	const char *id;
	/* absolute */
	const char *bundle, *rootfs;
	const struct step *steps;
	size_t step_count;
	/* index of OP_SPAWN */
	size_t spawn;
	/* CLONE_NEW*: new or joined, all that are config.json's */
	uint64_t namespaces;
	/* tare-init reports each step that is done: WIRE_DONE */
	bool debug;
	/* run, or `box`, without --detach: the program ends with tare */
	bool foreground;
	/* exec: tare-init is in the container's root from the first step on */
	bool entered;
	/* test only: this step (counted from 1) fails; 0: none */
	unsigned fail_step;
	/* run.oci.pidfd_receiver: socket that gets a pidfd besides */
	struct host_path pidfd_receiver;
	/* files that hooks print to */
	struct host_path hooks_out, hooks_err;
	/* a hook runs before the program, so those files are opened */
	bool hooks_print;
	/* the state for hooks is state_head STATUS "\",\"pid\":" PID state_tail */
	const char *state_head, *state_tail;
	/* 3 + descriptors that the program gets; tare-init's own (wire.h) begin here */
	int first_fd;
	/* of tare's caller; the program gets it where config.json has none */
	mode_t umask;
};

/* The first step of kind @op; NULL: there is none. */
static inline const struct step *plan_find_step(const struct plan *plan, enum step_op op)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].op == op)
			return &plan->steps[i];

	return NULL;
}

/* ---- steps.c: what every kind of step is called, one row each ---- */

struct step_kind {
	/* "make-cgroup" */
	const char *name;
	enum step_side side;
	/* what a rollback does: "remove-cgroup"; "" where the end of the process is enough */
	const char *undo;
};

extern const struct step_kind step_kinds[OP_COUNT];

/* The operands in one line, as `tare plan` shows them. Returns the length it needed. */
size_t step_describe(const struct step *s, char *buf, size_t size);
