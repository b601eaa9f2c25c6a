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
 * Milliseconds without progress after which freezing, or the wait for the end of processes, is
 * given up.
 */
#define CGROUP_TIMEOUT 5000

/* Milliseconds within which at least one process must end, even if others run. */
#define CGROUP_LONGEST 60000

/* For the wait until processes have ended; all members but @dirs are 0 at first. */
struct cgroup_progress {
	const char *const *dirs; /* the container's cgroups, NULL-terminated */
	/* sys_clock_ms() when a process has last ended, when one has last run, at the last look */
	int64_t ended, moved, looked;
	/* at the last look: the processor time of all processes, and their number */
	uint64_t cpu_time;
	int processes;
};

/*
 * To be called repeatedly during a wait: false once no process in the cgroups has run for
 * CGROUP_TIMEOUT, or none has ended for CGROUP_LONGEST.
 */
bool cgroup_gets_on(struct cgroup_progress *p);

/*
 * The first directory that cgroup_make(@path) would make, "" for none. It is for the journal, which
 * must have it first.
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

/* Write @value to @file of @dir. @optional: a missing file is no failure. */
int cgroup_write(const char *dir, const char *file, const char *value, bool optional,
		 struct err *e);

/*
 * Enable all controllers of @dir, which has no processes itself, for its children (v2). A
 * controller that can't be enabled is reported by a later write to one of its files.
 */
int cgroup_hand_down(const char *dir, struct err *e);

/* Does @dir have @file? That depends on the kernel and its modules. */
bool cgroup_has_file(const char *dir, const char *file);

/* Refuse a @limit below the number in @usage_file of @dir; without that file nothing is in use. */
int cgroup_check_usage(const char *dir, const char *usage_file, const char *limit, struct err *e);
/*
 * Give @dir to @uid, with those of its files that cgroups(7), "Delegation", names. v2 only; a
 * missing file is no failure.
 */
int cgroup_give(const char *dir, uid_t uid, struct err *e);

/* Move @pid, with all its threads, into @dir. */
int cgroup_join(const char *dir, pid_t pid, struct err *e);

/*
 * Attach a device program to @dir (v2), in place of one that an earlier container of tare may have
 * left there.
 */
int cgroup_attach_devices(const char *dir, const struct bpf_insn *code, uint32_t count,
			  struct err *e);

/*
 * Send @signal to every process in the cgroups @dirs and below (NULL-terminated; all of one
 * container, so they hold the same processes). A missing cgroup counts as empty. No process can
 * escape SIGKILL by forking; some may still be ending on return.
 */
int cgroup_kill_all(const char *const *dirs, int signal, struct err *e);

/* Remove @dir if there is no process in it or below. Returns whether @dir was removed. */
bool cgroup_remove_empty(const char *dir);

/*
 * Remove @dir, which is one of @dirs (as above), and all below it; waits for processes that are
 * just ending. A missing cgroup is no failure.
 */
int cgroup_remove(const char *dir, const char *const *dirs, struct err *e);

/*
 * Remove the parents of @dir that cgroup_make() made, up to @topmost. A cgroup that is in use
 * stays, and is no failure.
 */
void cgroup_remove_parents(const char *dir, const char *topmost);

/* Processes in @dir and below: their number, or -errno (-ENOENT: no such cgroup). */
int cgroup_count_processes(const char *dir);

/* Is @pid in @dir itself? */
bool cgroup_has_process(const char *dir, pid_t pid);

/* Is there no process in @dir or below? True also where @dir does not exist. */
bool cgroup_is_empty(const char *dir);

/*
 * Call @visitor for every process in the cgroups @dirs (as above) and below that has a pid in our
 * pid namespace. A missing cgroup counts as empty.
 */
typedef void cgroup_visitor(pid_t pid, void *context);
int cgroup_each_process(const char *const *dirs, cgroup_visitor *visit, void *context,
			struct err *e);

/*
 * Freeze or thaw all processes in the cgroups @dirs (as above) and below; returns when that is
 * done. A cgroup that is not frozen in time is thawed again, which is a failure, as is a list
 * without a freezer.
 */
int cgroup_freeze(const char *const *dirs, struct err *e);

/* The one of @dirs (as above) whose freezer is used; NULL: there is no freezer. */
const char *cgroup_freezer(const char *const *dirs);

int cgroup_thaw(const char *const *dirs, struct err *e);

/*
 * After SIGKILL: lift what keeps killed processes from their exit, in @dirs and all cgroups below.
 * That is the v1 freezer (v2's does not stop a killed process) and, in both versions, a small share
 * of the processor. The previous values are lost.
 */
void cgroup_let_exit(const char *const *dirs);

/* Is @dir frozen, itself or by a cgroup above? False without a freezer. */
bool cgroup_is_frozen(const char *dir);

/*
 * Is one of @dirs frozen (as above; NULL: none)? Only the last may be v2's: the others are not
 * asked for v2's files.
 */
bool cgroup_any_frozen(const char *const *dirs);

/*
 * v1: is a cgroup above that of @dirs frozen? Then SIGKILL has no effect before the cgroup above is
 * thawed. On v2 it ends frozen processes.
 */
bool cgroup_frozen_above(const char *const *dirs);

/*
 * v1: is the cgroup frozen that process @pid is in by now? Whoever moves it out of the container's
 * may freeze it there. Writes the directory to @dir.
 */
bool cgroup_froze_elsewhere(pid_t pid, char *dir, size_t size);
