/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/limits.h - one limit on its way to one file of a cgroup; for plan/limits*.c and resources.c
 *
 * config.json speaks in terms of v1. A controller may be in a v1 hierarchy or in the v2 one, and
 * in hybrid layouts some are here and some there: so for each limit the hierarchy that has its
 * controller is looked up, and the file and value are those of its version.
 *
 * A value that asks for nothing (no limit at all, or the kernel's default) needs no cgroup and no
 * controller; what can't be put in force is refused. Engines written in Go send 0 for a limit they
 * don't want: but for pids, huge pages and RDMA, where 0 is a limit, it counts as absent.
 */
#pragma once

#include "plan/planner.h"

#define LIMITS_PLACE "/linux/resources/"

struct limit {
	const char *controller;	       /* "memory" */
	const char *v1_controller;     /* where v1 calls it otherwise; NULL: the same */
	const char *place;	       /* JSON pointer of what asks for it */
	const char *name;	       /* config.json's word, for the refusal */
	const char *v1_file, *v2_file; /* NULL: that version has no such thing */
	const char *v1, *v2;	       /* the values */
	/* kernels that have not that file may have this one */
	const char *v1_other_file, *v2_other_file;
	const char *v2_other; /* its value; v1's is the same */
	const char *v2_usage; /* file with what is in use: more than the value is refused */
	bool optional;	      /* the default of the kernel: nothing is lost without */
};

/* Append its step. 0, or -1 with @e set: nobody can put it in force. */
int limit_put(struct planner *p, const struct limit *l, struct err *e);

/* Append a step for exactly this file; what it did not ask for may be filled in. */
struct step *limit_write(struct planner *p, const char *place, const char *dir, const char *file,
			 const char *value, bool optional);

/* The hierarchy with @controller that the container has a cgroup in; NULL: there is none. */
const struct cgroup_hierarchy *limit_find(struct planner *p, const char *controller);

/* As text, in the arena. */
const char *limit_number(struct planner *p, int64_t value);
const char *limit_unsigned(struct planner *p, uint64_t value);

/*
 * What an earlier container left in @file of @controller's cgroup, for settings that the kernel holds against each
 * other: the order of writing depends on it. @otherwise where there is no such cgroup or file.
 */
int64_t limit_left(struct planner *p, const char *controller, const char *file, int64_t otherwise);

/* ---- the subjects of linux.resources, each in the file of its name ---- */

struct oci_linux_resources;
typedef int limits_subject(struct planner *p, const struct oci_linux_resources *r, struct err *e);

limits_subject limits_memory, limits_cpu, limits_block_io, limits_network, limits_unified;
limits_subject limits_pids, limits_huge_pages, limits_rdma; /* limits/counts.c */
limits_subject limits_devices;
