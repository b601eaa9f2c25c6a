/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec/text.h - the whole text of a file that the user names
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"

/* Milliseconds within which a pipe must come to its end. */
#define TEXT_TIMEOUT_MS 8000

/*
 * Open @name, seen from the directory @dir, so that neither a FIFO nor a device can make us wait: a
 * descriptor, or -errno.
 */
int text_open(int dir, const char *name);

/*
 * Read @fd, of text_open(), until it ends: a regular file or, if @may_be_pipe, a pipe, of at most
 * OCI_MAX_SIZE bytes. @what is its name for errors. 0 with @text (NUL-terminated, in @a) and
 * @length set, or -1.
 */
int text_read(int fd, const char *what, bool may_be_pipe, struct arena *a, char **text,
	      size_t *length, struct err *e);

/* As text_read(), for standard input: a file of any type, without a limit of time. */
int text_read_input(int fd, const char *what, struct arena *a, char **text, size_t *length,
		    struct err *e);
