/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/planner.h - making a plan
 *
 * Deciding has no side effects: nothing here mounts, writes or clones. One file a subject; each
 * function below appends its steps, in the order of the table in plan.c. All memory is the arena's.
 * On failure @e names the place in config.json.
 */
#pragma once

#include "base/err.h"
#include "cgroup/layout.h"
#include "heap/arena.h"
#include "libocispec/oci_types.h"
#include "plan/plan.h"

/* Which system calls of the program are recorded. */
enum plan_watch {
	WATCH_NONE,
	WATCH_ALL,	    /* all of them; the profile is not in force */
	WATCH_WITH_PROFILE, /* all of them; the recorder answers as the profile does */
	WATCH_REFUSED,	    /* those that the profile refuses with an errno */
};

struct seccomp_program;

/* Flags of create, run and exec that go from the command line to the plan as they are. */
struct plan_flags {
	bool no_pivot, no_new_keyring;
	bool systemd_cgroup;
	bool no_cgroup; /* --cgroup-manager disabled */
	unsigned preserve_fds;
	unsigned fail_step; /* --test-fail-step */
};

/* What the command line adds to config.json. */
struct plan_options {
	struct plan_flags flags;
	const char *id;
	/* absolute, without links */
	const char *bundle;
	/* ROOT/ID */
	const char *state_dir;
	/* create, not run */
	bool wait_for_start;
	/* --console-socket was given */
	bool pass_console;
	/* create, or run --detach */
	bool detach;
	/* exec: the program ends with tare, as that of run does */
	bool ends_with_us;
	/* LISTEN_FDS, where LISTEN_PID is ours */
	int listen_fds;
	/* tare's environment, NULL-terminated; NULL: empty */
	const char *const *own_env;
	/* `plan`: no step is performed, so the rootfs may be missing */
	bool only_plan;
	/* the rootfs is the host's "/" with all mounts in it; all of them are made read-only */
	bool whole_root;
	/* a mount's destination below root.path is a path of the container, too */
	bool own_targets;
	/* /dev stays as the image has it: no default devices and links */
	bool plain_dev;
	/* a warning where the kernel refuses the program sockets of the internet */
	bool ask_network;
	/* a turn of the host's between the set-up and the program: OP_PRINT_OMITTED */
	bool print_omitted;
	/* the rootfs is a file system that the host mounts */
	bool image;
	/* an overlay over the rootfs; NULL: none */
	const struct layers_step *layers;
	/* NULL: every filter is compiled anew */
	struct seccomp_cache *seccomp_cache;
	/* set to the texts of plan_note(), NULL-terminated; NULL: they are dropped */
	const char *const **notes;
	/* tare-init reports each step that is done */
	bool debug;
	enum plan_watch watch;
	/* set to the profile that the recorder runs; NULL: none, or WATCH_NONE */
	const struct seccomp_program **watched;
};

/* The systemd that --systemd-cgroup asks for; zeroed without that flag. */
struct systemd_facts {
	/* /run/systemd/system is there: sd_booted(3) */
	bool booted;
	/* systemd is process 1 of our pid namespace, so PIDs mean the same to it and us */
	bool first;
	/* the user's manager is to be asked, not the system's */
	bool user;
	/* that user, outside of all user namespaces we can see through */
	uid_t uid;
	/* the system manager's own place in the hierarchies, "" for their root */
	const char *root;
};

/*
 * What a plan depends on beside config.json and flags: read once, from the kernel, without
 * privileges (facts.c).
 */
struct facts {
	uid_t euid;
	gid_t egid;
	mode_t umask;
	/* the effective set: what tare may do here */
	uint64_t capabilities;
	/* highest capability this kernel knows */
	unsigned last_cap;
	/* false: we are root of a nested user namespace at best */
	bool initial_userns;
	/* /proc/self/setgroups; for exec that of the container */
	bool setgroups_allowed;
	/*
	 * root alone: the maps of the user namespace we are in. Without ranges: not looked at, as
	 * the initial one has all IDs, or config.json has mappings.
	 */
	struct id_ranges own_uids, own_gids;
	/* of euid in /etc/passwd, for subuid; NULL if none */
	const char *user_name;
	/* an ordinary user's range in /etc/subuid, mapped from 1 on; count 0: no usable range */
	struct id_range sub_uids, sub_gids;
	struct cgroup_layout cgroups;
	/* looked at by facts_gather_asked() alone, down to seccomp_flags: the module is in force */
	bool selinux, apparmor;
	/* a label of config.json that SELinux's policy does not know: host/selinux.h; NULL: none */
	const char *unknown_label;
	/* AppArmor has attribute files of its own: attr/apparmor, Linux 5.8 */
	bool apparmor_attributes;
	/* SECCOMP_FILTER_FLAG_* that this kernel knows */
	uint32_t seccomp_flags;
	struct systemd_facts systemd;
	/* facts_assume_root() */
	bool assumed;
	/* mount point of resctrl; NULL: not looked for yet, as few containers need it */
	const char *resctrl;
};

struct planner {
	/* for all that is made on the way */
	struct arena *arena;
	/* for the plan itself, which plan_finish() copies there */
	struct arena *shared;
	const struct oci_config *config;
	const struct plan_options *options;
	const struct facts *facts;
	struct plan *plan;
	/* grows; becomes plan->steps */
	struct step *steps;
	size_t count, room;
	/* taken out by plan_put_off_limits(): plan_late_limits() puts them back */
	struct step *late;
	size_t late_count;
	/* for the log: NULL-terminated, in the order found */
	const char *const *warnings;
	size_t warning_count;
	/* likewise, of less weight */
	const char *const *notes;
	size_t note_count;
	/* decided by namespaces/namespaces.c, used by others; CLONE_NEW* masks */
	uint64_t new_namespaces, joined_namespaces;
	const char *const *late_cgroups; /* process/exec.c: of struct exec_target */
	/*
	 * mounts/rootfs.c: something is mounted for the container, in a namespace of its own or not
	 */
	bool mounts;
	struct {
		/* cleaned */
		const char *path;
		/* NULL: a later remount with `rw` took it back */
		const char *place;
	} readonly_later[READONLY_LATER_MOST];
	unsigned readonly_later_count;
	/* decided by plan_prepare_exec() */
	struct exec_step exec;
	/* config.json's filter, compiled when the first subject asks for it; NULL */
	const struct seccomp_program *filter;
	/* OP_SET_SECCOMP is planned */
	bool filter_planned;
	/* decided by plan_scheduler(); no name: none */
	struct scheduler_step scheduler;
	/* plan_cgroup_dir() of each hierarchy, once asked for */
	const char **cgroup_dirs;
	/* v2 directory the container will be in; NULL: none */
	const char *cgroup_dir;
	/* v2: for plan_device_program(); NULL: none */
	const struct bpf_insn *device_program;
	uint32_t device_program_length;
	/* v2 with systemd only: the cgroup that shows which controllers a scope can have */
	const char *scope_parent;
	/* index of OP_START_SCOPE */
	size_t scope;
};

/* Facts of this host. 0, or -1 with @e set. */
int facts_gather(struct facts *facts, struct arena *a, struct err *e);

/* The facts without the cgroups, which exec finds by the container's process. */
int facts_gather_ours(struct facts *facts, struct arena *a, struct err *e);

/* The facts that only labels, a filter, or a user namespace without mappings depend on. */
void facts_gather_asked(struct facts *facts, const struct oci_config *config, struct arena *a);

/* exec: the facts of process @pid's user namespace, in place of our own. */
void facts_gather_container(struct facts *facts, pid_t pid);

/* The facts of systemd: only where systemd makes the cgroups. After facts_assume_root(). */
void facts_gather_systemd(struct facts *facts, struct arena *a);

/*
 * Change @facts to those of root in the initial user namespace: so `plan` shows an ordinary user
 * the steps of a container that only root can make.
 */
void facts_assume_root(struct facts *facts);

/*
 * Room for the plan at the start of @a, where tare-init looks for it: to be called before
 * config.json is decoded into the same arena.
 */
struct plan *plan_reserve(struct arena *a);

/*
 * The plan for @config, in @shared, which plan_reserve() was called for. @warnings and all
 * intermediate results are in @arena. 0 with @plan and @warnings (NULL-terminated) set; or -1.
 */
int plan_make(struct arena *shared, struct arena *arena, const struct oci_config *config,
	      const struct plan_options *options, const struct facts *facts,
	      const struct plan **plan, const char *const **warnings, struct err *e);

/* Which steps of a plan may be left out: `box`. NULL @ask: none. */
struct plan_wishes {
	bool (*ask)(const void *context, const char *operation, const char *place);
	const void *context;
};

enum plan_form {
	PLAN_TEXT,     /* a line a step */
	PLAN_JSON,     /* an array with an object for each step */
	PLAN_PARTS,    /* text, with a line above the steps of each part of config.json */
	PLAN_COLOURED, /* the same in the colours of a terminal */
};

/* Print the steps. A `?` marks what may be left out. */
void plan_dump(const struct plan *plan, enum plan_form form, const struct plan_wishes *wishes);

/*
 * Is SELinux in force, and @label, of @place in config.json, not known to be missing in its policy?
 */
int plan_check_selinux(const struct planner *p, const char *place, const char *label,
		       struct err *e);

typedef int plan_subject(struct planner *p, struct err *e);

/* What plan_make() and plan_make_exec() (exec.h) begin and end with. */
void plan_begin(struct planner *p);
void plan_finish(struct planner *p, const struct plan **plan, const char *const **warnings);

/* ---- for the subjects ---- */

/*
 * A new last step, zeroed but for @op and @place; to be filled before the next plan_add(), which
 * may move it. @place is not copied. Never NULL.
 */
struct step *plan_add(struct planner *p, enum step_op op, const char *place);

/* "/mounts/3", "/mounts/3/source": in the arena. */
const char *plan_place(struct planner *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), returns_nonnull));

/* A warning: something that config.json asks for is left out, as the specification demands. */
void plan_warn(struct planner *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * A note: something is left out because tare runs rootless or nested, so the user can't change it.
 */
void plan_note(struct planner *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline bool plan_has_namespace(const struct planner *p, uint64_t type)
{
	return (p->new_namespaces | p->joined_namespaces) & type;
}

/*
 * namespaces/namespaces.c: is the pid namespace joined after all steps that need rights?
 * spawn_step.late
 */
bool plan_clones_late(const struct planner *p);

/* process/user.c: OP_SET_CAPS, with the program's capabilities; NULL: there is no program. */
const struct step *plan_caps_step(const struct planner *p);

/* process/user.c: OP_DROP_LAST, behind the filter: the right to load it is not needed any more. */
void plan_drop_last(struct planner *p);

/* namespaces/namespaces.c: the path of the joined namespace of @type; NULL: none is joined. */
const char *plan_joined_path(const struct planner *p, uint64_t type);

/* process/notify.c: does the program get a NOTIFY_SOCKET? And that entry of its environment. */
bool plan_wants_notify(const struct planner *p);
const char *plan_notify_variable(void);

/* ---- the subjects, in the order of the table in plan.c ---- */

plan_subject plan_version;	    /* version.c: ociVersion */
plan_subject plan_namespaces;	    /* namespaces/namespaces.c: reads and checks, no step */
plan_subject plan_record_mount;	    /* mounts/rootfs.c: OP_RECORD_MOUNT */
plan_subject plan_notify;	    /* process/notify.c */
plan_subject plan_clone;	    /* plan.c: cgroup, resctrl, spawn or scope */
plan_subject plan_cgroup;	    /* limits/cgroup.c: OP_MAKE_CGROUP */
plan_subject plan_resources;	    /* limits/resources.c: OP_WRITE_CGROUP */
plan_subject plan_put_off_limits;   /* limits/resources.c: limits that would slow tare-init */
plan_subject plan_limits_for_hooks; /* limits/resources.c: those limits, before a hook of create */
plan_subject plan_late_limits;	    /* limits/resources.c: those limits, if not written yet */
plan_subject plan_device_program;   /* limits/devices.c: OP_ATTACH_DEVICES */
plan_subject plan_resctrl;	    /* limits/resctrl.c: OP_MAKE_RESCTRL, OP_WRITE_RESCTRL */
plan_subject plan_spawn;	    /* namespaces/namespaces.c: OP_SPAWN */
plan_subject plan_cgroup_join;	    /* limits/cgroup.c: OP_JOIN_CGROUP on v1 */
plan_subject plan_scope;	    /* systemd/scope.c: OP_START_SCOPE, OP_MAKE_CGROUP */
plan_subject plan_scope_properties; /* systemd/scope_properties.c: limits for systemd */
plan_subject plan_resctrl_join;	    /* limits/resctrl.c: OP_JOIN_RESCTRL */
plan_subject plan_id_maps;	    /* namespaces/idmap.c: OP_WRITE_ID_MAP ... OP_RELEASE */
plan_subject plan_net_devices;	    /* namespaces/net_devices.c */
plan_subject plan_cgroup_owner;	    /* mounts/cgroup.c: OP_OWN_CGROUP */
plan_subject plan_enter;	    /* namespaces/namespaces.c: OP_ENTER_SESSION, joins */
plan_subject plan_oom_score;	    /* process/process.c */
plan_subject plan_keyring;	    /* process/process.c */
plan_subject plan_open_labels;	    /* process/labels.c: SELinux, AppArmor */
plan_subject plan_network;	    /* namespaces/namespaces.c: loopback */
plan_subject plan_hostname;	    /* namespaces/identity.c: hostname, domainname */
plan_subject plan_sysctl;	    /* namespaces/sysctl.c */
plan_subject plan_rootfs;	    /* mounts/rootfs.c: propagation, rootfs */
plan_subject plan_mounts;	    /* mounts/mounts.c */
plan_subject plan_notify_mount;	    /* process/notify.c */
plan_subject plan_devices;	    /* mounts/devices.c: default, listed, links */
plan_subject plan_binfmt;	    /* mounts/binfmt.c */
plan_subject plan_terminal;	    /* process/terminal.c */
plan_subject plan_create_hooks;	    /* process/hooks.c: prestart to createContainer */
plan_subject plan_last_changes;	    /* mounts/readonly.c: cwd, read-only mounts */
plan_subject plan_paths;	    /* mounts/paths.c: maskedPaths, readonlyPaths */
plan_subject plan_enter_rootfs;	    /* mounts/rootfs.c: pivot, read-only, propagation */
plan_subject plan_join_pids;	    /* namespaces/namespaces.c: a pid namespace, behind the hooks */
plan_subject plan_exec_affinity;    /* process/scheduler.c: only checked, no step */
plan_subject plan_initial_affinity; /* process/scheduler.c: exec, before the clone */
plan_subject plan_final_affinity;   /* process/scheduler.c: exec, in its cgroup */
plan_subject plan_reset_affinity;   /* process/scheduler.c: create, in its cgroup */
plan_subject plan_scheduler;	    /* process/scheduler.c */
plan_subject plan_note_root;	    /* mounts/rootfs.c */
plan_subject plan_io_priority;	    /* process/scheduler.c */
plan_subject plan_rlimits;	    /* process/rlimits.c */
plan_subject plan_memory_policy;    /* process/memory_policy.c */
plan_subject plan_personality;	    /* process/personality.c */
plan_subject plan_prepare_exec;	    /* process/process.c: OP_PREPARE_EXEC */
plan_subject plan_enter_pids;	    /* namespaces/namespaces.c: OP_ENTER_PIDS */
plan_subject plan_process_limit;    /* process/rlimits.c: RLIMIT_NPROC, behind OP_ENTER_PIDS */
plan_subject plan_late_scheduler;   /* process/scheduler.c: a policy that no child inherits */
plan_subject plan_set_labels;	    /* process/labels.c */
plan_subject plan_wait;		    /* process/process.c: OP_WAIT_FOR_START */
plan_subject plan_start_hooks;	    /* process/hooks.c: startContainer; checks the rest */
plan_subject plan_user;		    /* process/user.c: cwd, bounding set, user, caps */
plan_subject plan_no_new_privs;	    /* process/process.c */
plan_subject plan_landlock;	    /* process/landlock.c: OP_RESTRICT */
plan_subject plan_network_check;    /* process/process.c: OP_TRY_NETWORK */
plan_subject plan_print_omitted;    /* process/process.c */
plan_subject plan_init;		    /* process/process.c: OP_STAY_AS_INIT */
plan_subject plan_early_seccomp;    /* seccomp/step.c: where the filter allows the last steps */
plan_subject plan_seccomp;	    /* seccomp/step.c: always last before the exec */
plan_subject plan_exec;		    /* process/process.c */
