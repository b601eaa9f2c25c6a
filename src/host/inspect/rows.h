/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/rows.h - the subjects of inspect, and the rows that they make
 */
#pragma once

#include "heap/arena.h"
#include "libocispec/oci_types.h"
#include "plan/plan.h"
#include "state/record.h"

struct inspect_row {
	const char *section, *name, *value;
	const char *asked; /* NULL: config.json has no such member */
	bool differs;
};

struct inspect {
	pid_t pid;
	const struct record *record;
	const struct state_root *root;
	/* NULL: nothing to compare with: the bundle is gone, or @pid is not the first process */
	const struct plan *plan;
	const struct oci_config *config;
	char *status; /* text of /proc/PID/status */
	struct arena *arena;
	struct inspect_row *rows;
	size_t count, room;
};

/* Add a row with a value only. */
void inspect_fact(struct inspect *i, const char *section, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Add a row with the value and what was asked for, which agree if the texts are equal. */
void inspect_compare(struct inspect *i, const char *section, const char *name, const char *value,
		     const char *asked);

/* As inspect_compare(), where @agrees decides. */
void inspect_judge(struct inspect *i, const char *section, const char *name, const char *value,
		   const char *asked, bool agrees);

/* The @n-th step @op, from 0 on; NULL: there is none. */
const struct step *inspect_step(const struct inspect *i, enum step_op op, size_t n);

/*
 * The value of `@field` in /proc/PID/status, in the arena; "": no such line. @field has the colon.
 */
const char *inspect_status(struct inspect *i, const char *field);

/*
 * namespaces.c: in a child, join the namespaces @types (CLONE_NEW*) of @pid. The user namespace is
 * joined where that is asked for, and where the right to join the others is only to be had in it:
 * an ordinary user's. 0, or -errno.
 */
int inspect_join(pid_t pid, uint64_t types);

typedef void inspect_subject(struct inspect *i);

inspect_subject inspect_namespaces; /* namespaces.c: and id maps, host name */
inspect_subject inspect_sharing;    /* sharing.c: with other containers */
inspect_subject inspect_sysctls;    /* sysctls.c: those that config.json sets */
inspect_subject inspect_process;    /* process.c: ids, capabilities, limits, filter, labels */
inspect_subject inspect_files;	    /* files.c: root, directory, descriptors, memory policy */
inspect_subject inspect_filters;    /* filters.c: only with --filters, as it stops the process */
inspect_subject inspect_cgroups;    /* cgroups.c: paths, limits, device programs */
inspect_subject inspect_mounts;	    /* mounts.c: mounts, masked and read-only paths, root */
