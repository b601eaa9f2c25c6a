/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/watch.h - the recorder of --record and --refused, and its filter
 */
#pragma once

#include "contract/bpf.h"
#include "contract/recorder.h"
#include "heap/arena.h"
#include "libocispec/oci_types.h"
#include "plan/planner.h"

/* The flags of the command line; all zero: nothing is recorded. */
struct watch_wishes {
	const char *record;  /* --record FILE; NULL: none */
	bool with_profile;   /* --record-with-profile */
	const char *refused; /* --refused[=FILE]; "": standard error; NULL: none */
};

struct watch {
	enum plan_watch kind;
	struct host_path file;		       /* for the record; without a path: standard error */
	const struct seccomp_program *profile; /* set by planning; NULL: no profile is in force */
	struct recorder recorder;
	bool counting;	   /* the kernel counts: no filter is loaded for the record */
	bool counts_kills; /* the kernel counts the calls that it kills, for --refused */
	struct counter counter;
	const char *cgroup; /* of the v2 cgroup that was made for an exec; NULL: none */
};

#define WATCH_INITIAL                                                                              \
	{                                                                                          \
		.recorder = RECORDER_NONE, .counter = COUNTER_NONE                                 \
	}

struct create;
struct exec_target;

/*
 * Set @w for @wishes; @foreground: tare waits for the program. 0, or -1: the flags exclude each
 * other, or have no file to write to.
 */
int watch_choose(struct watch *w, const struct watch_wishes *wishes, bool foreground,
		 struct err *e);

/*
 * Set @w from annotations of @config, where the command line has no flag: org.tare.record,
 * org.tare.refused. @env is tare's own environment, which may allow them. 0, or -1.
 */
int watch_annotations(struct watch *w, const struct oci_config *config, const char *const *env,
		      struct arena *a, struct err *e);

/* If @config has no profile, a record with the profile in force is one without. */
void watch_without_profile(struct watch *w, const struct oci_config *config);

/*
 * If the kernel can count system calls, set @w up for that, in place of a filter with a listener:
 * the program does not notice it. It takes root, and a v2 cgroup that tare-init is cloned into.
 */
void watch_choose_backend(struct watch *w, const struct oci_config *config,
			  const struct facts *facts);

/*
 * The same for exec. The container's other processes must not be counted, so the program gets a
 * cgroup of its own below that of @t (NULL: none), and @t names it instead. The recorder removes
 * that cgroup; before watch_begin() watch_abandon() does.
 */
void watch_choose_cgroup(struct watch *w, const struct oci_config *config,
			 const struct facts *facts, struct exec_target *t, struct arena *a);

/* The kernel can't count for this container: record with a filter. */
void watch_stop_counting(struct watch *w);

/* The kind of recording that the planner must plan a filter for. */
enum plan_watch watch_planned(const struct watch *w);

/* tare-init of @c is cloned: let the kernel count from its execve(2) on. 0, or -1. */
int watch_aim(struct create *c, struct err *e);

/*
 * The config to plan: @config itself; or, to record all calls, one with a filter that the planner
 * replaces.
 */
const struct oci_config *watch_config(const struct watch *w, const struct oci_config *config,
				      struct arena *a);

/* Start the recorder, if @w records anything. @command: the program with its arguments. */
int watch_begin(struct watch *w, const char *const *command, struct err *e);

/* The container @c is created; `start` finds the recorder by a socket in its directory. */
int watch_attend(struct create *c, struct err *e);

/* The program could not be started: the recorder ends, and leaves nothing. */
void watch_abandon(struct watch *w);

/*
 * All processes of the container have ended: wait until the record is written. @exit_code is the
 * program's. 0, or -1.
 */
int watch_end(struct watch *w, int exit_code, struct err *e);
