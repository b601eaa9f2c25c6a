/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/err.h - one failure, with its context
 *
 * `create "web": /mounts/3 (config.json:41:9): bind "/srv/data" on "/data": no such file or directory`
 *
 * The caller owns a struct err, usually on its stack. The struct has no pointers, so it needs no
 * freeing, may be filled where there is no heap, and goes from tare-init to tare in one write(2),
 * as it is smaller than PIPE_BUF. It is untouched as long as nothing fails.
 *
 * The functions that fill it return -1, so that a failing call reads `return err_...(e, ...);`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define ERR_TEXT  1200
#define ERR_PLACE 200
#define ERR_HINT  200

struct err {
	int code;	       /* errno of the root cause; 0 where no system call was the cause */
	int line, column;      /* where in the file the place is; 0: not known */
	char place[ERR_PLACE]; /* JSON pointer into config.json, "" where the cause is elsewhere */
	/* the look-up of a path in the container's root failed, not an operation of the kernel */
	bool from_image;
	char operation[32];  /* kernel operation or step that failed, "" if none: "mount" */
	char hint[ERR_HINT]; /* what the user can do, "" if there is nothing to say */
	char text[ERR_TEXT]; /* the message without the place; never empty once set */
};

/* The kernel refused: `fmt: errno_text(-r)`. @r is a result of kernel/, so -errno. */
int err_sys(struct err *e, int r, const char *fmt, ...) __attribute__((cold, format(printf, 3, 4)));

/* config.json asks at @place (a JSON pointer) for something that tare refuses. */
int err_cfg(struct err *e, const char *place, const char *fmt, ...)
	__attribute__((cold, format(printf, 3, 4)));

/* tare refuses for another reason: no system call failed. */
int err_msg(struct err *e, const char *fmt, ...) __attribute__((cold, format(printf, 2, 3)));

/* The process by which a container is known has ended since it was looked up: the code is ESRCH. */
int err_stopped(struct err *e) __attribute__((cold));

/* Put `fmt: ` in front of a failure that is already set. */
int err_in(struct err *e, const char *fmt, ...) __attribute__((cold, format(printf, 2, 3)));

/* Set the place of config.json that the failure is about; a place that is set already stays. */
int err_at(struct err *e, const char *place) __attribute__((cold));

/* Set a hint about what the user can do; a hint that is set already stays. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((cold, format(printf, 2, 3)));

/*
 * The whole failure in one line: place, text and hint. @buf is cut at @size; returns the needed
 * length.
 */
size_t err_line(const struct err *e, char *buf, size_t size);

/*
 * The text of an errno, in lower case: docker and podman search for exactly "no such file or
 * directory" and "permission denied". Never NULL.
 */
const char *errno_text(int code);
