/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/inside.h - tare-init: the process that becomes the container
 *
 * A static program without C library or heap, executed from a sealed memfd. It maps the plan and
 * performs its SIDE_INIT steps; the last step executes the user's program. It never parses
 * config.json, never looks at the environment and decides nothing.
 *
 * A performer gets the step and returns 0, or -1 with @e set; the caller adds the place in
 * config.json. After a failure the process ends, and its namespaces with it: there is nothing to
 * undo.
 */
#pragma once

#include "base/err.h"
#include "kernel/fd.h"
#include "plan/plan.h"
#include "wire/hook.h"
#include "wire/place.h"

#include <linux/limits.h>

/* The most mounts that show a namespace which is joined with a user namespace. */
#define EARLY_MOUNTS 8

struct inside {
	const struct plan *plan;
	size_t step;		      /* index of the step being performed */
	char *title;		      /* shown to others in /proc/PID/cmdline: WIRE_TITLE bytes */
	int report;		      /* gets failures: tare's socket, later start's connection */
	int control;		      /* tare's socket; -1 once create is done */
	int listener;		      /* start connects to it; -1 for run */
	struct hook_files hook_files; /* for the output of hooks */
	int hold;		      /* locked while we wait for start; -1 for run */
	/* O_PATH: the procfs of the mount namespace we were cloned in; -1: there is none */
	int proc;
	int pids;   /* the pid namespace that a create joins; -1 */
	int rootfs; /* O_PATH: the container's root directory */
	/* O_PATH: the result of the last target_make_parent(); -1: none that is still valid */
	int parent;
	const char *parent_path; /* its path, of which parent_length bytes count */
	size_t parent_length;
	/* the container's own procfs and sysfs, once mounted in place; else -1 */
	int proc_mount, sys_mount;
	bool asking;	      /* after WIRE_LATER: tare opens a source only after WIRE_ASK */
	unsigned early_turns; /* GO messages that came while we waited for a source */
	/* by index: the mounts of OP_PROTECT_MOUNT, once attached */
	int readonly_later[READONLY_LATER_MOST];
	struct {
		size_t step;
		int mount;
	} early[EARLY_MOUNTS]; /* made before a user namespace was joined */
	size_t early_count;
	int nodes; /* a tmpfs of tare's with device nodes, while they are bound; else -1 */
	bool nodes_attached; /* it covers the host's root */
	int empty_mount;     /* the tmpfs that masks directories, once one is attached; else -1 */
	int null_mount;	     /* the same for files: the host's /dev/null, read-only */
	int labels[LABEL_MODULES];	   /* open attribute files; -1: no such label */
	int console;			   /* slave of the pty, which becomes stdio; -1: none */
	struct wire_message *last_message; /* shared with tare; NULL: failures go to the socket */
	/* the filter has a listener: the agent may let any system call of ours wait for ever */
	bool listened_to;
	bool announced;	    /* exec_announce() was called */
	bool groups_denied; /* the user namespace that was joined has setgroups(2) denied */
	/* the step whose directory only the child of OP_ENTER_PIDS can find; NULL: none */
	const struct step *late_directory;
	const char *const *envp;    /* from OP_PREPARE_EXEC on: the program's environment */
	const char *failed_program; /* the program that could not be executed; NULL: none so far */
};

/*
 * Exit code where tare has ended, or has sent an invalid message: no failure can be reported then.
 */
#define EXIT_ABANDONED 125

/*
 * main.c: have the kernel send SIGKILL when tare ends, until create is done. If tare was killed
 * before the prctl(2), its end of @control is closed, and the process ends here.
 */
void stay_with_parent(int control);

/* main.c: perform the steps from the index @from on. Returns only when one failed, with @e set. */
void walk(struct inside *in, size_t from, struct err *e);

typedef int step_performer(struct inside *in, const struct step *s, struct err *e);

/* session.c: steps that do not concern files */
step_performer session_enter, session_reset_affinity, session_join_namespace, session_unshare,
	session_set_clocks, session_new_keyring, session_loopback_up, session_set_hostname,
	session_set_domainname, session_set_sysctl, session_set_memory_policy,
	session_set_personality, session_try_network;

/* label.c: SELinux and AppArmor */
step_performer label_open, label_set;

/*
 * Open attr/@file of this very process, in the procfs of the mount namespace we were cloned in, for
 * writing; or -1.
 */
int label_open_attribute(struct inside *in, const char *file, struct err *e);

/* rootfs.c, move.c */
step_performer rootfs_propagate, rootfs_mount, rootfs_pivot, rootfs_move, rootfs_chroot,
	rootfs_protect, rootfs_propagate_root;

/*
 * Make the rootfs our root directory, wherever it is mounted, and close the host's procfs. 0, or
 * -1.
 */
int rootfs_become(struct inside *in, struct err *e);

/*
 * sources.c: the descriptor that tare opened or made for this step, or -1; @m is its message. Ends
 * the process where tare is gone.
 */
int source_receive(struct inside *in, struct wire_message *m);

/*
 * sources.c: ask tare for the source of this step; or with a detached mount @tree, to map the
 * owners of its files. As source_receive(); @tree -1: none.
 */
int source_ask(struct inside *in, int tree, struct wire_message *answer);

/* layers.c */
step_performer layers_mount;

/* mounts.c, devices.c, paths.c, console.c */
step_performer mounts_attach, mounts_protect, devices_bring, devices_make, devices_drop,
	devices_link, paths_mask, paths_protect, console_open;

/*
 * @mount was attached to @target. Where that is /proc or /sys, masked paths below it are looked up
 * in @mount from now on, whatever the name leads to by then. @mount -1: a mount that is neither
 * procfs nor sysfs was attached. 0, or -1.
 */
int paths_trust(struct inside *in, int mount, const char *target, struct err *e);

/* Is @target the root of the attached @mount? -1 for @mount: no. */
bool paths_is_root(int mount, int target);

/*
 * paths.c: the part of @path behind the top directory @name of the rootfs ("proc"), without slashes
 * in front; "" for the directory itself; NULL: @path is elsewhere. @path need not be clean, unlike
 * that of path_below().
 */
const char *paths_below_top(const char *path, const char *name);

/*
 * paths.c: the path in the directory that procfs has for the very process that looks: @path itself,
 * or @target, where the link @path leads; NULL: neither is. Before OP_ENTER_PIDS there is no such
 * directory for us in the container's procfs, and /proc/self leads nowhere.
 */
const char *paths_in_own_procfs(const char *path, char target[PATH_MAX]);

/*
 * enter.c: join the namespaces of OP_SPAWN, for exec those of the process whose pidfd is @first +
 * WIRE_ENTER_PROCESS. @begin is then called in the process that goes on: the sibling in the
 * namespaces, or with spawn_step.late this process. Returns only with a failure: -1.
 */
int enter_container(struct inside *in, int first, void (*begin)(struct inside *in), struct err *e);

/* namespaced.c: the file system of OP_MOUNT, detached: the descriptor, or -1. */
struct mount_step;
int mounts_make(struct inside *in, const struct mount_step *m, struct err *e);

/*
 * Make the file systems of all steps that show one of the namespaces @joined (CLONE_NEW*), before a
 * user namespace is joined in which that is not allowed. A failure is dropped: the step tries
 * again.
 */
void mounts_make_early(struct inside *in, uint64_t joined);

/* enter.c: wait for GO, or end the process. */
void wait_for_go(const struct inside *in);

/*
 * enter.c: send CLONED with the pid of the sibling, and end. -1 if that fails: the sibling was
 * killed.
 */
int report_clone(const struct inside *in, pid_t pid, struct err *e);

/* clone.c: returns in the child */
step_performer clone_enter_pids;

/* hooks.c, wait.c */
step_performer hooks_run, wait_for_start;

/* user.c: the program's user, directory and rights */
step_performer user_set_rlimit, user_make_dir, user_change_dir, user_drop_bounding, user_set,
	user_set_umask, user_set_caps, user_drop_last, user_no_new_privs;

/* user.c: in the child of OP_ENTER_PIDS, change to in->late_directory, if there is one. 0, or -1. */
int user_change_dir_late(const struct inside *in, struct err *e);

/* binfmt.c */
step_performer binfmt_register;

/* landlock.c */
step_performer landlock_restrict;

/* reaper.c: returns in the child that goes on with the plan */
step_performer reaper_stay;

/* filter.c: the seccomp filter */
step_performer filter_load;

/* Report the failure @e, by the socket or the memory file, whichever the filter allows, and end. */
void __attribute__((noreturn)) filter_report_and_end(struct inside *in, const struct err *e);

/* exec.c */
step_performer exec_prepare, exec_program;

/*
 * Where stdio is the host's null device: no program can change it. Before the container is entered.
 */
void exec_protect_null(const struct plan *plan);

/*
 * Send READY, once: only the filter and the exec are left, so the end of file on our socket means
 * the exec. 0, or -1.
 */
int exec_announce(struct inside *in, struct err *e);

/*
 * Copy all in directory @from, with owners and modes, into the empty directory @to; @with_mode: also
 * the mode of the directory itself. Its owner stays that of the tmpfs, as with runc and crun: root,
 * or the mount's uid=. Devices and links are made anew, sockets left out. 0, or -1.
 */
int copy_directory(int from, int to, bool with_mode, struct err *e);

/* ---- target.c: places in the rootfs ---- */

/*
 * Open @path below the rootfs (O_PATH). Missing parts are made: directories 0755, a last file
 * empty, 0644. A link that leads nowhere is resolved with the rootfs as the root, and its target is
 * made. The descriptor, or -1.
 */
int target_make(struct inside *in, const char *path, enum target_kind kind, struct err *e);

/* As target_make(), but a link as the last component is opened itself. */
int target_make_itself(struct inside *in, const char *path, enum target_kind kind, struct err *e);

/*
 * Open the directory that holds the last component of @path, making it where it is missing; @name
 * points at that component in @path's own text. The last component is not looked at. The
 * descriptor, which stays @in's and is valid until the next call, or -1.
 */
int target_make_parent(struct inside *in, const char *path, const char **name, struct err *e);

/* To be called after each mount: a path may lead to another directory now. */
void target_forget_parent(struct inside *in);

/*
 * A detached, read-only copy of the host's /dev/null, checked to be the null device; or -1. Only
 * before the root changes.
 */
int devices_clone_null(struct err *e);
