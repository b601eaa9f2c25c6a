/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire/hook.h - run one hook, on either side
 *
 * runtime-spec, config.md#posix-platform-hooks. tare runs prestart, createRuntime, poststart and
 * poststop, tare-init createContainer and startContainer. A hook gets the same in both: the state
 * on stdin, exactly its own environment, a process group of its own, no other descriptor.
 */
#pragma once

#include "base/err.h"

#include <linux/filter.h>

/* Files for the stdout and stderr of a hook; -1: the output is kept for the error. */
struct hook_files {
	int out, err;
};

#define HOOK_FILES_NONE                                                                            \
	{                                                                                          \
		.out = -1, .err = -1                                                               \
	}

struct hook_call {
	const char *stage;		/* for the error: "createRuntime" */
	unsigned index;			/* for the error: index in its stage, from 0 */
	const char *path;		/* absolute, looked up in the caller's root */
	const char *const *argv;	/* NULL-terminated, never empty */
	const char *const *envp;	/* NULL-terminated */
	unsigned timeout;		/* seconds; 0: none */
	const char *directory;		/* the hook's working directory; NULL: the caller's */
	const struct hook_files *files; /* NULL: none of it goes to a file */
	/* give up as soon as this descriptor can be read; -1: never */
	int interrupt;
	/*
	 * Called in the hook's own process before the exec, to write the pid into the journal;
	 * NULL: not. 0, or -errno.
	 */
	int (*begin)(int argument);
	int argument;
	/* seccomp filter for the hook, loaded with @filter_flags; NULL: none */
	const struct sock_fprog *filter;
	unsigned filter_flags; /* SECCOMP_FILTER_FLAG_* */
	/* the state, in parts that are written one after the other; NULL ends them early */
	const char *state[4];
};

/*
 * Run the hook and wait for its end. On a timeout or interruption its process group is killed. 0,
 * or -1 with @e set, which has the end of the hook's output, and the errno of the exec if that has
 * failed.
 */
int hook_run(const struct hook_call *hook, struct err *e);
