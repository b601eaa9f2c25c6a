/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/cgroup.h - making, filling, killing and removing a container's cgroups
 *
 * Runs in tare, in the host's namespaces, for create and run, kill and delete. A directory is an
 * absolute path below a cgroup mount of the host, as the plan or the record has it; one with a `..`
 * is refused. Nothing is decided here (that is plan/limits/cgroup.c and plan/limits/resources.c),
 * nothing is allocated, and no wait is longer than CGROUP_TIMEOUT without any progress.
 *
 * v1 or v2 is seen by the files that are there, so a list of directories may mix both.
 *
 * All: 0, or -1 with @e set, unless said otherwise.
 */
#pragma once

#include "base/err.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_PATH 4096

/*
 * Milliseconds until a cgroup must be frozen, or must show some progress on its way to be empty,
 * before we give up.
 */
#define CGROUP_TIMEOUT 5000

/* Milliseconds in which at least one process must end, whatever the others do meanwhile. */
#define CGROUP_LONGEST 60000

/* Waiting for processes to end; all members but @dirs begin with 0. */
struct cgroup_progress {
	const char *const *dirs; /* the container's cgroups, NULL-terminated */
	int64_t ended, moved,
		looked; /* when (sys_clock_ms()): a process ended, something ran, a look at both */
	uint64_t cpu_time;
	int processes;
};

/*
 * To be called again and again while waiting: false once nothing in the cgroups has run for
 * CGROUP_TIMEOUT, and at the latest CGROUP_LONGEST after the last end of a process.
 */
bool cgroup_gets_on(struct cgroup_progress *p);

/*
 * Which directory cgroup_make(@path) would make first, "" for none: what to put into the
 * journal before making anything.
 */
int cgroup_find_missing(const char *path, char topmost[CGROUP_PATH], struct err *e);

/*
 * Make @path, in a hierarchy of @kind (cgroup_kind()), and what is missing above it, from
 * cgroup_find_missing()'s @topmost down; it is then the first directory made, "" for none. On v2
 * the controllers that are there are handed down; where that is refused, a later write names the
 * controller. On v1 new cpusets get CPUs and memory nodes of their parent.
 *
 * Refuses a cgroup that has processes or is frozen. On failure nothing made is left.
 */
int cgroup_make(const char *path, unsigned kind, char topmost[CGROUP_PATH], struct err *e);

/* Write @value into @file of @dir. @optional: a missing file is no failure. */
int cgroup_write(const char *dir, const char *file, const char *value, bool optional,
		 struct err *e);

/*
 * Let the children of @dir, which has no processes itself, have all its controllers (v2). One that
 * can't be handed down is none of their: a later write names it.
 */
int cgroup_hand_down(const char *dir, struct err *e);

/* Is @file in @dir? Which ones there are depends on the kernel and its modules. */
bool cgroup_has_file(const char *dir, const char *file);

/*
 * Refuse when @usage_file of @dir tells a number above @limit; without that file nothing is in use.
 */
int cgroup_check_usage(const char *dir, const char *usage_file, const char *limit, struct err *e);
/*
 * Give @dir to @uid, and of its files those that cgroups(7) says are for who it is delegated to. v2
 * only; a file that is not there is no failure.
 */
int cgroup_give(const char *dir, uid_t uid, struct err *e);

/* Move @pid, with all its threads, into @dir. */
int cgroup_join(const char *dir, pid_t pid, struct err *e);

/*
 * Put a device program in force for @dir (v2), instead of the one an earlier container of tare
 * may have left there.
 */
int cgroup_attach_devices(const char *dir, const struct bpf_insn *code, uint32_t count,
			  struct err *e);

/*
 * Send @signal to every process in the cgroups @dirs (NULL-terminated; those of one container, so
 * they hold the same processes) and below. Missing ones are empty ones. With SIGKILL none can get
 * away by forking; they may still be ending when this returns.
 */
int cgroup_kill_all(const char *const *dirs, int signal, struct err *e);

/* Remove @dir if nothing is in it or below: did that? */
bool cgroup_remove_empty(const char *dir);

/*
 * Remove @dir, which is one of @dirs (as above), and all below; waits for processes that are just
 * ending. Gone already is no failure.
 */
int cgroup_remove(const char *dir, const char *const *dirs, struct err *e);

/*
 * Remove what cgroup_make made above @dir: its parents up to @topmost. One that others use
 * meanwhile stays, and is no failure.
 */
void cgroup_remove_parents(const char *dir, const char *topmost);

/* Processes in @dir and below: their number, or -errno (-ENOENT: no such cgroup). */
int cgroup_count_processes(const char *dir);

/* Is @pid in @dir itself? */
bool cgroup_has_process(const char *dir, pid_t pid);

/* No process in it or below, or no such cgroup. */
bool cgroup_is_empty(const char *dir);

/*
 * Called for every process in the cgroups @dirs (as above) and below that has a pid in our
 * namespace. Missing ones are empty ones.
 */
typedef void cgroup_visitor(pid_t pid, void *context);
int cgroup_each_process(const char *const *dirs, cgroup_visitor *visit, void *context,
			struct err *e);

/*
 * Stop all processes in the cgroups @dirs (as above) and below, or let them go on; returns when
 * they have. A cgroup that does not come to rest in time is thawed again, and is a failure, as is
 * a list without a freezer.
 */
int cgroup_freeze(const char *const *dirs, struct err *e);

/* The one of @dirs (as above) whose freezer that is; NULL: none has one. */
const char *cgroup_freezer(const char *const *dirs);

int cgroup_thaw(const char *const *dirs, struct err *e);

/*
 * After SIGKILL: undo what keeps a killed process from its end, here and in all cgroups below. That
 * is the v1 freezer (v2's lets a killed one go) and, in both, a small share of the processor. Their
 * former values are lost.
 */
void cgroup_let_die(const char *const *dirs);

/* Frozen itself, or by a cgroup above. False where there is no freezer. */
bool cgroup_is_frozen(const char *dir);

/*
 * One of @dirs (as above; NULL: none), of which only the last may be v2's: nobody looks for v2's
 * files in the others.
 */
bool cgroup_any_frozen(const char *const *dirs);
