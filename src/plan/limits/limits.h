/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/limits.h - one limit becomes a write to one file of a cgroup; for the files of
 * plan/limits/
 *
 * config.json has v1's terms. A controller may be in a v1 hierarchy or in the v2 hierarchy, and in
 * hybrid layouts some are here and some there. So for each limit the hierarchy with its controller
 * is looked up, and the file and value are those of that version.
 *
 * A value that is no limit, or the kernel's default, needs no cgroup and no controller; a limit
 * that can't be put in force is refused. Engines written in Go send 0 for an absent limit. So 0
 * counts as absent, but for pids, huge pages and RDMA, where 0 is a limit.
 */
#pragma once

#include "plan/planner.h"

#define LIMITS_PLACE "/linux/resources/"

struct limit {
	const char *controller;	       /* "memory" */
	const char *v1_controller;     /* the name on v1 where it differs; NULL: the same */
	const char *place;	       /* JSON pointer of what asks for it */
	const char *name;	       /* the name in config.json, for the refusal */
	const char *v1_file, *v2_file; /* NULL: that version has no such thing */
	const char *v1, *v2;	       /* the values */
	/* files of older kernels, tried where @v1_file or @v2_file is missing */
	const char *v1_other_file, *v2_other_file;
	const char *v2_other; /* its value; v1's is the same */
	const char *v2_usage; /* a file that shows what is in use: a value below that is refused */
	bool optional;	      /* the value is the kernel's default: the file may be missing */
};

/* Append the step for @l. 0, or -1 with @e set: this host can't put the limit in force. */
int limit_put(struct planner *p, const struct limit *l, struct err *e);

/* Append a step for exactly this file. The caller may fill in more of its operands. */
struct step *limit_write(struct planner *p, const char *place, const char *dir, const char *file,
			 const char *value, bool optional);

/* The hierarchy with @controller that the container has a cgroup in; NULL: there is none. */
const struct cgroup_hierarchy *limit_find(struct planner *p, const char *controller);

/* As text, in the arena. */
const char *limit_number(struct planner *p, int64_t value);
const char *limit_unsigned(struct planner *p, uint64_t value);

/*
 * The number in @file of @controller's cgroup, which an earlier container left there; @otherwise
 * where there is no such cgroup or file. For settings that the kernel checks against each other at
 * each write: the order of writing depends on it.
 */
int64_t limit_left(struct planner *p, const char *controller, const char *file, int64_t otherwise);

/* ---- the subjects of linux.resources, each in the file of its name ---- */

struct oci_linux_resources;
typedef int limits_subject(struct planner *p, const struct oci_linux_resources *r, struct err *e);

limits_subject limits_memory, limits_cpu, limits_block_io, limits_network, limits_unified;
limits_subject limits_pids, limits_huge_pages, limits_rdma; /* limits/counts.c */
limits_subject limits_devices;
