/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/watch.h - run, create and exec with --record or --refused: the recorder and the filter that it listens to
 */
#pragma once

#include "contract/bpf.h"
#include "contract/recorder.h"
#include "heap/arena.h"
#include "libocispec/oci_types.h"
#include "plan/planner.h"

/* Of the command line; zeroed: nothing is watched. */
struct watch_wishes {
	const char *record;  /* --record FILE; NULL: none */
	bool with_profile;   /* --record-with-profile */
	const char *refused; /* --refused[=FILE]; "": standard error; NULL: none */
};

struct watch {
	enum plan_watch kind;
	struct host_path file;		       /* the record; no path: standard error */
	const struct seccomp_program *profile; /* set by planning; NULL: it is not in force */
	struct recorder recorder;
	bool counting; /* by the kernel: no filter is loaded for it */
	struct counter counter;
};

#define WATCH_INITIAL                                                                              \
	{                                                                                          \
		.recorder = RECORDER_NONE, .counter = COUNTER_NONE                                 \
	}

struct create;

/* What @wishes mean for a program that tare waits for, or not. 0, or -1: they exclude each other, or have no place to go to. */
int watch_choose(struct watch *w, const struct watch_wishes *wishes, bool foreground,
		 struct err *e);

/*
 * What annotations of @config ask for where the command line asks for nothing: org.tare.record, org.tare.refused. @env is
 * tare's own environment, which may allow them. 0, or -1.
 */
int watch_annotations(struct watch *w, const struct oci_config *config, const char *const *env,
		      struct arena *a, struct err *e);

/*
 * May the kernel count, instead of a filter that notifies? Then it is made ready to. Programs see nothing of that; it
 * takes root, and a cgroup of v2 that the container will be born in.
 */
void watch_choose_backend(struct watch *w, const struct oci_config *config,
			  const struct facts *facts);

/* It can't after all: a filter is to be planned. */
void watch_stop_counting(struct watch *w);

/* How it is planned. */
enum plan_watch watch_planned(const struct watch *w);

/* The process of @c is there, before its first step: from its execve(2) on the kernel counts. 0, or -1. */
int watch_aim(struct create *c, struct err *e);

/* The config that is planned: @config itself, or, where all is recorded, one with a filter that the planner replaces. */
const struct oci_config *watch_config(const struct watch *w, const struct oci_config *config,
				      struct arena *a);

/* Start the recorder, where there is anything to record. @command: the program with its arguments. */
int watch_begin(struct watch *w, const char *const *command, struct err *e);

/* The container @c is there; `start` finds the recorder by a socket in its directory. */
int watch_attend(struct create *c, struct err *e);

/* All of the container has ended: the record is written. 0, or -1. */
int watch_end(struct watch *w, struct err *e);
