/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/namespaces.h - the kinds of namespaces, and whether this kernel makes them: namespaces(7)
 */
#pragma once

#include "kernel/since.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sys_namespace {
	uint64_t type;	   /* CLONE_NEW* */
	const char *name;  /* as in config.json */
	enum since since;  /* the row with the version that introduced it */
	const char *limit; /* the file below /proc/sys/user */
	const char *file;  /* below /proc/PID/ns */
};

/* The hint for ENOMEM of a clone into a pid namespace that is joined. */
#define PID_NAMESPACE_ENDED                                                                        \
	"after its first process has ended a pid namespace gets no others (pid_namespaces(7)): "   \
	"join a new one; or else memory is short"

/* The hint for EPERM of sethostname(2) and setdomainname(2) in a namespace of one's own. */
#define NAME_FORBIDDEN "leave it out: an outer container's filter may forbid it"

extern const struct sys_namespace sys_namespaces[];
extern const size_t sys_namespaces_count;

/*
 * Make new namespaces of all @types in a child that ends at once. clone(2) returns EINVAL for all
 * flags together: to find the missing one each type must be tried by itself. 0, or -errno of the
 * clone.
 */
int sys_try_namespaces(uint64_t types);

/*
 * Make new namespaces of all @types in a child that keeps them, so that /proc/PID/ns can be opened,
 * until @ends[1] of the pipe @ends is closed, or the caller has ended. @ends[0] is closed. The pid,
 * which the caller waits for, or -errno of the clone.
 */
pid_t sys_hold_namespaces(uint64_t types, int ends[2]);
