/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/hook.h - run one hook, on either side
 *
 * runtime-spec, config.md#posix-platform-hooks. tare runs prestart, createRuntime, poststart and poststop,
 * tare-init createContainer and startContainer; what a hook gets is the same in both:
 * the state on stdin, exactly its own environment, a process group of its own, no other descriptor.
 */
#pragma once

#include "base/err.h"

#include <linux/filter.h>

/* Descriptors that a hook gets as its stdout and stderr; -1: what it prints there is kept for the error. */
struct hook_files {
	int out, err;
};

#define HOOK_FILES_NONE                                                                            \
	{                                                                                          \
		.out = -1, .err = -1                                                               \
	}

struct hook_call {
	const char *stage;		/* for the error: "createRuntime" */
	unsigned index;			/* likewise: which one of its stage, from 0 */
	const char *path;		/* absolute, looked up from where we are */
	const char *const *argv;	/* NULL-terminated, never empty */
	const char *const *envp;	/* NULL-terminated */
	unsigned timeout;		/* seconds; 0: none */
	const char *directory;		/* its working directory */
	const struct hook_files *files; /* NULL: none of it goes to a file */
	int interrupt;			/* give up as soon as this can be read; -1: never */
	/* Called in the hook's own process before the exec, so that it can be written down; NULL: not. 0, or -errno. */
	int (*begin)(int argument);
	int argument;
	const struct sock_fprog *filter; /* it runs under this seccomp filter, loaded with ... */
	unsigned filter_flags;		 /* ... SECCOMP_FILTER_FLAG_*; NULL: none */
	const char *state
		[4]; /* the state, in parts that are written one after the other; NULL ends them early */
};

/*
 * Run it and wait for its end. On time-out or interruption its whole process group is killed. 0, or -1 with @e set, which
 * has the end of what it printed.
 */
int hook_run(const struct hook_call *hook, struct err *e);
