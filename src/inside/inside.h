/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/inside.h - tare-init: the process that becomes the container
 *
 * A static program without C library or heap, started from a sealed memfd. It maps the plan and
 * performs its SIDE_INIT steps; the last one executes the user's program. It never parses
 * config.json, never looks at the environment and decides nothing.
 *
 * A performer gets the step and returns 0, or -1 with @e told; the caller adds the place in
 * config.json. After a failure the process ends, and with it its namespaces: nothing to undo.
 */
#pragma once

#include "base/err.h"
#include "base/fd.h"
#include "plan/plan.h"
#include "wire/hook.h"
#include "wire/place.h"

/* How many mounts may show a namespace that is joined with a user namespace. */
#define EARLY_MOUNTS 8

struct inside {
	const struct plan *plan;
	size_t step;  /* index of the step being performed */
	char *title;  /* what it is, for those outside: WIRE_TITLE bytes */
	int report;   /* who hears of failures: tare's socket, later start's connection */
	int control;  /* tare's socket; -1 once create is done */
	int listener; /* start connects to it; -1 for run */
	struct hook_files hook_files; /* what hooks print to */
	int hold;		      /* locked for as long as we wait; -1 for run */
	int proc;		      /* O_PATH: the procfs we were born with; -1: there is none */
	int pids;		      /* the pid namespace that a create joins; -1 */
	int rootfs;		      /* O_PATH: the container's root directory */
	int parent; /* O_PATH: what target_make_parent() found last; -1: nothing that still counts */
	const char *parent_path; /* the path that was asked for then, up to parent_length */
	size_t parent_length;
	int proc_mount, sys_mount; /* the container's, once they are at their place; else -1 */
	bool asking;		   /* the host opens sources only when we ask: WIRE_LATER */
	unsigned early_turns;	   /* that came while we waited for a source */
	int readonly_later
		[READONLY_LATER_MOST]; /* by index: the mounts of OP_PROTECT_MOUNT, once attached */
	struct {
		size_t step;
		int mount;
	} early[EARLY_MOUNTS]; /* made before a user namespace was joined */
	size_t early_count;
	int nodes; /* a tmpfs of the host's with device nodes, while they are bound; else -1 */
	int empty_mount; /* the tmpfs that masks directories, once one is attached; else -1 */
	int labels[LABEL_MODULES];	   /* open attribute files; -1: not asked for */
	int console;			   /* slave of the pty, which becomes stdio; -1: none */
	struct wire_message *last_message; /* shared with tare; NULL: the socket is good enough */
	bool listened_to;	    /* by an agent, who may let any call of ours wait for ever */
	bool announced;		    /* exec_announce() was called */
	bool groups_denied;	    /* the user namespace that was joined has setgroups(2) denied */
	const char *const *envp;    /* from OP_PREPARE_EXEC on: the program's environment */
	const char *failed_program; /* what could not be executed; NULL: nothing yet */
};

/* Who started us has gone, or talks nonsense: there is nobody to tell. */
#define EXIT_ABANDONED 125

/*
 * main.c: die with tare, at any moment until create is done. If it was killed before we said so, its end
 * of the socket is closed already.
 */
void stay_with_parent(int control);

/* main.c: the steps of the plan from the index @from on. Comes back only when one failed, with @e set. */
void walk(struct inside *in, size_t from, struct err *e);

typedef int step_performer(struct inside *in, const struct step *s, struct err *e);

/* session.c: what has nothing to do with files */
step_performer session_enter, session_reset_affinity, session_join_namespace, session_unshare,
	session_set_clocks, session_new_keyring, session_loopback_up, session_set_hostname,
	session_set_domainname, session_set_sysctl, session_set_memory_policy,
	session_set_personality;

/* label.c: SELinux and AppArmor */
step_performer label_open, label_set;

/* Open attr/@file of this very process below the procfs we were born with, for writing; or -1. */
int label_open_attribute(struct inside *in, const char *file, struct err *e);

/* rootfs.c, move.c */
step_performer rootfs_propagate, rootfs_mount, rootfs_pivot, rootfs_move, rootfs_chroot,
	rootfs_protect, rootfs_propagate_root;

/* Make the rootfs our root directory, wherever it is mounted, and forget what we had of the host's. 0, or -1. */
int rootfs_become(struct inside *in, struct err *e);

/*
 * sources.c: what the host opened or made for this step, as it says in @m: the descriptor, or -1. Ends the process where the host is gone.
 */
int source_receive(struct inside *in, struct wire_message *m);

/* sources.c: ask the host about this step; with a detached mount @tree: to map the owners of its files. The same; @tree -1: none. */
int source_ask(struct inside *in, int tree, struct wire_message *answer);

/* layers.c */
step_performer layers_mount;

/* mounts.c, devices.c, paths.c, console.c */
step_performer mounts_attach, mounts_protect, devices_bring, devices_make, devices_drop,
	devices_link, paths_mask, paths_protect, console_open;

/*
 * @mount was attached to @target: if that is /proc or /sys, paths to be masked below it are looked up in it, whatever the name finds
 * by then. -1: something that is neither procfs nor sysfs was. 0, or -1.
 */
int paths_trust(struct inside *in, int mount, const char *target, struct err *e);

/* The part of @path behind the directory @name of the root, "" for itself; NULL: it is elsewhere. */
const char *path_below(const char *path, const char *name);

/*
 * enter.c: join the namespaces of OP_SPAWN, for exec those of the process that came as @first + WIRE_ENTER_PROCESS, and go on in
 * @begin: as the process that is to be seen in them, or where that is born late, as the one that does all the rest. Comes back only with
 * a failure: -1.
 */
int enter_container(struct inside *in, int first, void (*begin)(struct inside *in), struct err *e);

/* namespaced.c: the file system of OP_MOUNT, detached: the descriptor, or -1. */
struct mount_step;
int mounts_make(struct inside *in, const struct mount_step *m, struct err *e);

/*
 * Those of all steps that show one of the namespaces @joined (CLONE_NEW*), while a user namespace that may not do it has not been joined. What
 * fails is tried again at its step.
 */
void mounts_make_early(struct inside *in, uint64_t joined);

/* enter.c: tare's word, or the end. */
void wait_for_go(const struct inside *in);

/* enter.c: tell tare of the sibling @pid, and end. If that can't be done the sibling has ended: -1. */
int report_clone(const struct inside *in, pid_t pid, struct err *e);

/* birth.c: comes back in the child */
step_performer clone_enter_pids;

/* hooks.c, wait.c */
step_performer hooks_run, wait_for_start;

/* user.c: who the program is and what it may do */
step_performer user_set_rlimit, user_make_dir, user_change_dir, user_drop_bounding, user_set,
	user_set_umask, user_set_caps, user_drop_last, user_no_new_privs;

/* binfmt.c */
step_performer binfmt_register;

/* landlock.c */
step_performer landlock_restrict;

/* reaper.c: comes back in the child that goes on with the plan */
step_performer reaper_stay;

/* filter.c: the seccomp filter */
step_performer filter_load;

/* Tell the failure @e to whoever waits for it, by the way that the filter left us, and end. */
void __attribute__((noreturn)) filter_report_and_end(struct inside *in, const struct err *e);

/* exec.c */
step_performer exec_prepare, exec_program;

/* Say, once, that only the filter and the exec are left: from here on the end of our socket means the exec. 0, or -1. */
int exec_announce(struct inside *in, struct err *e);

/*
 * Copy all that is in directory @from, with owners and modes, into the empty directory @to; @with_rights: the
 * owner and mode of the directory itself too. Devices and links are made anew, sockets left out. 0, or -1.
 */
int copy_directory(int from, int to, bool with_rights, struct err *e);

/* ---- target.c: places in the rootfs ---- */

/*
 * Open @path below the rootfs (O_PATH); what is missing is made: directories 0755, a last file empty, 0644. A link
 * that leads nowhere is followed as if the rootfs were the whole world, and what it names is made. The
 * descriptor, or -1.
 */
int target_make(struct inside *in, const char *path, enum target_kind kind, struct err *e);

/* The same, but a link as the last component is itself what is opened. */
int target_make_itself(struct inside *in, const char *path, enum target_kind kind, struct err *e);

/*
 * Open the directory that holds the last component of @path, making it where it is missing; @name points at
 * that component in @path's own text. The last component is not looked at. The descriptor, which stays @in's
 * and is good until the next call, or -1.
 */
int target_make_parent(struct inside *in, const char *path, const char **name, struct err *e);

/* Something is mounted: what a path names may be another directory now. */
void target_forget_parent(struct inside *in);

/* A detached copy of the host's /dev/null, proved to be it; or -1. Before the root changes only. */
int devices_clone_null(struct err *e);
