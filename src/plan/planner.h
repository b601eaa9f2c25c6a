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

/* What of a program's system calls is recorded. */
enum plan_watch {
	WATCH_NONE,
	WATCH_ALL,	    /* each, and the profile is not in force */
	WATCH_WITH_PROFILE, /* each, and the recorder answers as the profile does */
	WATCH_REFUSED,	    /* those that the profile refuses with an errno */
};

struct seccomp_program;

/* What config.json does not say: the command line. */
/* Flags of create, run and exec that go from the command line to the plan as they are. */
struct plan_flags {
	bool no_pivot, no_new_keyring;
	bool systemd_cgroup;
	bool no_cgroup; /* --cgroup-manager disabled */
	unsigned preserve_fds;
	unsigned fail_step; /* --test-fail-step */
};

struct plan_options {
	struct plan_flags flags;
	const char *id;
	const char *bundle;	    /* absolute, without links */
	const char *state_dir;	    /* ROOT/ID */
	bool wait_for_start;	    /* create, not run */
	bool pass_console;	    /* --console-socket was given */
	bool detach;		    /* create, or run --detach */
	int listen_fds;		    /* LISTEN_FDS meant for us */
	const char *const *own_env; /* tare's environment, NULL-terminated; NULL: empty */
	bool only_plan; /* nothing will be done: what can still come to be, the rootfs, may be missing */
	bool whole_root; /* the rootfs is the host's own, with all that is mounted in it; all of that is made read-only */
	bool image;			     /* the rootfs is a file system that the host mounts */
	const struct layers_step *layers;    /* an overlay over the rootfs; NULL: none */
	struct seccomp_cache *seccomp_cache; /* NULL: every filter is compiled anew */
	const char *const *
		*notes; /* set to what plan_note() was told: NULL-terminated; NULL: nobody asks */
	bool debug;	/* tare-init tells each step that it has done */
	enum plan_watch watch;
	const struct seccomp_program **
		watched; /* set to the profile that the recorder has to run, where @watch is not WATCH_NONE; NULL: none */
};

/* Of the systemd that --systemd-cgroup asks for; zeroed where nobody does. */
struct systemd_facts {
	bool booted; /* /run/systemd/system is there: sd_booted(3) */
	bool first;  /* process 1 of our pid namespace is it; PIDs mean the same to it and us */
	bool user;   /* not the system's but the user's is to be asked */
	uid_t uid;   /* who that user is outside of all user namespaces we can see through */
	const char *root; /* the system's own place in the hierarchies, "" for their root */
};

/* What a plan depends on besides: read once, from the kernel, without privileges (facts.c). */
struct facts {
	uid_t euid;
	gid_t egid;
	mode_t umask;
	uint64_t capabilities;	/* the effective set: what may be done here */
	unsigned last_cap;	/* highest capability this kernel knows */
	bool initial_userns;	/* false: we are root of a nested user namespace at best */
	bool setgroups_allowed; /* /proc/self/setgroups; for exec that of the container */
	struct id_ranges own_uids,
		own_gids;      /* root alone: the maps of the user namespace we are in */
	const char *user_name; /* of euid in /etc/passwd, for subuid; NULL if none */
	struct id_range sub_uids,
		sub_gids; /* an ordinary user's own in /etc/subuid, to be mapped from 1 on; count 0: none that could be used */
	struct cgroup_layout cgroups;
	/* looked at by facts_gather_asked() alone */
	bool selinux, apparmor;	  /* the module is in force */
	bool apparmor_attributes; /* it has attribute files of its own: attr/apparmor, Linux 5.8 */
	uint32_t seccomp_flags;	  /* SECCOMP_FILTER_FLAG_* that this kernel knows */
	struct systemd_facts systemd;
	bool assumed;	     /* facts_assume_root() */
	const char *resctrl; /* where it is mounted; NULL: not looked for yet, as few want it */
};

struct planner {
	struct arena *arena;  /* for all that is made on the way */
	struct arena *shared; /* for the plan itself, which plan_finish() copies there */
	const struct oci_config *config;
	const struct plan_options *options;
	const struct facts *facts;
	struct plan *plan;
	struct step *steps; /* grows; becomes plan->steps */
	size_t count, room;
	const struct step *late; /* plan_put_off_limits(): still to be added */
	size_t late_count;
	const char *const *warnings; /* for the log: NULL-terminated, in the order found */
	size_t warning_count;
	const char *const *notes; /* the same, of what matters little */
	size_t note_count;
	/* decided by namespaces.c, used by others; CLONE_NEW* masks */
	uint64_t new_namespaces, joined_namespaces;
	bool mounts; /* something is mounted for the container, in a namespace of its own or not: rootfs.c */
	struct {
		const char *path;  /* cleaned */
		const char *place; /* NULL: it is not to be read-only after all */
	} readonly_later[READONLY_LATER_MOST];
	unsigned readonly_later_count;
	struct exec_step exec;		      /* decided by plan_prepare_exec */
	const struct seccomp_program *filter; /* of config.json, once one has looked; NULL */
	bool filter_planned;		      /* it has its step */
	struct scheduler_step scheduler;      /* decided by plan_scheduler; no name: none */
	const char **cgroup_dirs; /* plan_cgroup_dir() of each hierarchy, once asked for */
	const char *cgroup_dir;	  /* v2 directory the container will be in; NULL: none */
	const struct bpf_insn *device_program; /* v2: for plan_device_program(); NULL: none */
	uint32_t device_program_length;
	const char *
		scope_parent; /* v2, systemd only: the cgroup whose controllers there are for a scope */
	size_t scope;	      /* index of OP_START_SCOPE */
};

/* Facts of this host. 0, or -1 with @e set. */
int facts_gather(struct facts *facts, struct arena *a, struct err *e);

/* The same without the cgroups, which exec doesn't look for. */
int facts_gather_ours(struct facts *facts, struct arena *a, struct err *e);
/* What matters only where config.json asks for labels, a filter or a user namespace without mappings. */
void facts_gather_asked(struct facts *facts, const struct oci_config *config, struct arena *a);

/* exec: those of the user namespace that process @pid is in, instead of our own's. */
void facts_gather_container(struct facts *facts, pid_t pid);

/* Those of systemd too: only where it is to make the cgroups. After facts_assume_root(). */
void facts_gather_systemd(struct facts *facts, struct arena *a);

/*
 * Make them those of root of the initial user namespace: `plan` shows an ordinary user what a container takes that only
 * root can make.
 */
void facts_assume_root(struct facts *facts);

/*
 * Room for the plan at the start of @a, where tare-init looks for it: to be called before config.json is
 * decoded into the same arena.
 */
struct plan *plan_reserve(struct arena *a);

/*
 * The plan for @config, in @shared, which plan_reserve() was called for; what is made on the way, and @warnings, are
 * in @arena. 0 with @plan and @warnings (NULL-terminated) set; or -1.
 */
int plan_make(struct arena *shared, struct arena *arena, const struct oci_config *config,
	      const struct plan_options *options, const struct facts *facts,
	      const struct plan **plan, const char *const **warnings, struct err *e);

/* Which steps of a plan may be left out: `box`. NULL @ask: none. */
struct plan_wishes {
	bool (*ask)(const void *context, const char *operation, const char *place);
	const void *context;
};

/* Print the list: a line a step, or a JSON array of objects. Steps that may be left out are marked by a `?`. */
void plan_dump(const struct plan *plan, bool json, const struct plan_wishes *wishes);

typedef int plan_subject(struct planner *p, struct err *e);

/* What plan_make() and plan_make_exec() (exec.h) begin and end with. */
void plan_begin(struct planner *p);
void plan_finish(struct planner *p, const struct plan **plan, const char *const **warnings);

/* ---- for the subjects ---- */

/* A new last step, zeroed but for these; to be filled before the next. @place is kept as it is. Never NULL. */
struct step *plan_add(struct planner *p, enum step_op op, const char *place);

/* "/mounts/3", "/mounts/3/source": in the arena. */
const char *plan_place(struct planner *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), returns_nonnull));

/* Something config.json asks for is left out, as the spec wants it. */
void plan_warn(struct planner *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same, where it is only what such a host lets a container have: rootless, in another container. */
void plan_note(struct planner *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline bool plan_has_namespace(const struct planner *p, uint64_t type)
{
	return (p->new_namespaces | p->joined_namespaces) & type;
}

/* namespaces.c: is the program's process born only when nothing is left that needs rights? spawn_step.late */
bool plan_is_born_late(const struct planner *p);

/* user.c: OP_SET_CAPS, which has the program's capabilities; NULL: there is no program. */
const struct step *plan_caps_step(const struct planner *p);

/* user.c: the right to load a filter, which is loaded. */
void plan_drop_last(struct planner *p);

/* namespaces.c: the path of the namespace that is joined; NULL: it is not joined. */
const char *plan_joined_path(const struct planner *p, uint64_t type);

/* notify.c: is there a NOTIFY_SOCKET for the program, and the entry of its environment. */
bool plan_wants_notify(const struct planner *p);
const char *plan_notify_variable(void);

/* ---- the subjects, in the order of the table in plan.c ---- */

/* clang-format off */
int plan_version(struct planner *p, struct err *e); /* version.c: ociVersion */
int plan_namespaces(struct planner *p, struct err *e); /* namespaces.c: reads and checks, no step */
int plan_record_mount(struct planner *p, struct err *e); /* rootfs.c: what is mounted in an inherited namespace */
int plan_notify(struct planner *p, struct err *e); /* notify.c */
int plan_clone(struct planner *p, struct err *e); /* plan.c: cgroup, resources, resctrl and spawn, or scope, in their order */
int plan_cgroup(struct planner *p, struct err *e); /* cgroup.c: OP_MAKE_CGROUP */
int plan_resources(struct planner *p, struct err *e); /* resources.c: OP_WRITE_CGROUP */
int plan_put_off_limits(struct planner *p, struct err *e); /* resources.c: takes out again what would slow down tare-init */
int plan_limits_for_hooks(struct planner *p, struct err *e); /* resources.c: those, where a hook of create follows */
int plan_late_limits(struct planner *p, struct err *e); /* resources.c: those, if they aren't there yet */
int plan_device_program(struct planner *p, struct err *e); /* limits/devices.c: OP_ATTACH_DEVICES */
int plan_resctrl(struct planner *p, struct err *e); /* resctrl.c: OP_MAKE_RESCTRL, OP_WRITE_RESCTRL */
int plan_spawn(struct planner *p, struct err *e); /* namespaces.c: OP_SPAWN */
int plan_cgroup_join(struct planner *p, struct err *e); /* cgroup.c: OP_JOIN_CGROUP on v1 */
int plan_scope(struct planner *p, struct err *e); /* scope.c: OP_START_SCOPE, OP_MAKE_CGROUP, OP_JOIN_CGROUP */
int plan_scope_properties(struct planner *p, struct err *e); /* scope_properties.c: what systemd is told of the limits */
int plan_resctrl_join(struct planner *p, struct err *e); /* resctrl.c: OP_JOIN_RESCTRL */
int plan_id_maps(struct planner *p, struct err *e); /* idmap.c: OP_WRITE_ID_MAP ... OP_RELEASE */
int plan_net_devices(struct planner *p, struct err *e); /* net_devices.c */
int plan_cgroup_owner(struct planner *p, struct err *e); /* mounts/cgroup.c: OP_OWN_CGROUP */
int plan_enter(struct planner *p, struct err *e); /* namespaces.c: OP_ENTER_SESSION, joins, cgroup ns */
int plan_oom_score(struct planner *p, struct err *e); /* process.c */
int plan_keyring(struct planner *p, struct err *e); /* process.c */
int plan_open_labels(struct planner *p, struct err *e); /* labels.c: SELinux, AppArmor */
int plan_network(struct planner *p, struct err *e); /* namespaces.c: loopback */
int plan_hostname(struct planner *p, struct err *e); /* identity.c: hostname, domainname */
int plan_sysctl(struct planner *p, struct err *e); /* sysctl.c */
int plan_rootfs(struct planner *p, struct err *e); /* rootfs.c: propagation, rootfs */
int plan_mounts(struct planner *p, struct err *e); /* mounts.c */
int plan_notify_mount(struct planner *p, struct err *e); /* notify.c */
int plan_devices(struct planner *p, struct err *e); /* devices.c: default, listed, links */
int plan_binfmt(struct planner *p, struct err *e); /* mounts/binfmt.c */
int plan_terminal(struct planner *p, struct err *e); /* terminal.c */
int plan_create_hooks(struct planner *p, struct err *e); /* hooks.c: prestart, createRuntime, createContainer */
int plan_last_changes(struct planner *p, struct err *e); /* mounts/readonly.c: working directory, then read-only mounts */
int plan_paths(struct planner *p, struct err *e); /* paths.c: maskedPaths, readonlyPaths */
int plan_enter_rootfs(struct planner *p, struct err *e); /* rootfs.c: pivot, read-only, propagation */
int plan_join_pids(struct planner *p, struct err *e); /* namespaces.c: a pid namespace, behind all hooks of create */
int plan_exec_affinity(struct planner *p, struct err *e); /* scheduler.c: only checked, no step */
int plan_initial_affinity(struct planner *p, struct err *e); /* scheduler.c: exec, before the birth */
int plan_final_affinity(struct planner *p, struct err *e); /* scheduler.c: exec, once it is in its cgroup */
int plan_reset_affinity(struct planner *p, struct err *e); /* scheduler.c: once it is in its cgroup */
int plan_scheduler(struct planner *p, struct err *e); /* scheduler.c */
int plan_io_priority(struct planner *p, struct err *e); /* scheduler.c */
int plan_rlimits(struct planner *p, struct err *e); /* rlimits.c */
int plan_memory_policy(struct planner *p, struct err *e); /* memory_policy.c */
int plan_personality(struct planner *p, struct err *e); /* personality.c */
int plan_prepare_exec(struct planner *p, struct err *e); /* process.c: OP_PREPARE_EXEC */
int plan_enter_pids(struct planner *p, struct err *e); /* namespaces.c: OP_ENTER_PIDS */
int plan_process_limit(struct planner *p, struct err *e); /* rlimits.c: RLIMIT_NPROC, behind that */
int plan_late_scheduler(struct planner *p, struct err *e); /* scheduler.c: what a child would not inherit, behind that */
int plan_set_labels(struct planner *p, struct err *e); /* labels.c */
int plan_wait(struct planner *p, struct err *e); /* process.c: OP_WAIT_FOR_START */
int plan_start_hooks(struct planner *p, struct err *e); /* hooks.c: startContainer; checks poststart, poststop */
int plan_user(struct planner *p, struct err *e); /* user.c: cwd, bounding set, user, umask, caps */
int plan_no_new_privs(struct planner *p, struct err *e); /* process.c */
int plan_landlock(struct planner *p, struct err *e); /* landlock.c: OP_RESTRICT */
int plan_init(struct planner *p, struct err *e); /* process.c: OP_STAY_AS_INIT */
int plan_early_seccomp(struct planner *p, struct err *e); /* seccomp.c: where it lets through what is left */
int plan_seccomp(struct planner *p, struct err *e); /* seccomp.c: always last before exec */
int plan_exec(struct planner *p, struct err *e); /* process.c */
/* clang-format on */
