/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/helper.h - tare's helper programs: where they are, what they are asked, and their answer
 *
 * A helper (tare-systemd, tare-criu, tare-selinux) links what tare does not want to link. It is
 * looked for where it was installed, then beside our own executable, as in a build directory; no
 * environment variable names it.
 */
#pragma once

#include <stddef.h>

/*
 * In a helper: the whole of its standard input, a file, with a NUL behind. NULL: it can't be read,
 * or is too large. *@size: its bytes. The caller frees it.
 */
char *helper_read_input(size_t *size);

/* In tare: the path of @name, which may be executed; @installed is tried first. 0, or -errno. */
int helper_find(const char *name, const char *installed, char *path, size_t size);

struct helper_call {
	const char *path; /* of the program */
	const char *name; /* argv[0] */
	const char *verb; /* argv[1]; NULL: none */
	int input;	  /* its standard input, a file */
	int interrupt;	  /* readable: the helper is killed; -1: nothing interrupts it */
	int timeout_ms;
};

/*
 * In tare: run a helper to its end. Its output and error output go to @said, with a NUL behind;
 * what does not fit is dropped. The helper is killed when tare ends. 0, and the wait status in
 * *@status; -ETIMEDOUT, -ECANCELED or another -errno after it was killed. *@status is -1 where the
 * helper was not started.
 */
int helper_run(const struct helper_call *call, char *said, size_t size, int *status);
