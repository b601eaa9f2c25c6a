/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/log.h - messages beside the results: standard error and the --log file
 *
 * An error goes to both: one line `tare: TEXT` on standard error, one entry in the file. Other
 * messages go to the file or, without one, to standard error: engines pass a --log, and standard
 * error is then the container's own.
 *
 * Engines depend on the form of the file: after a failure podman decodes the whole file as one JSON
 * object, and containerd takes the last entry of level "error". So an entry is written in one
 * write(2). In JSON a warning is kept until log_flush(): after a failure the file only has the
 * failure, and the kept warnings go to standard error. With --debug nothing is kept.
 *
 * The file is opened anew for each entry. An open descriptor could get a number that podman has
 * left free between the descriptors of --preserve-fds, and reach the container.
 *
 * Only main.c, cli/, host/ and, for what it undoes, state/ print. Text from outside is printed with
 * its control characters and invalid UTF-8 as \xNN, so that a message is one line and always valid
 * in JSON.
 */
#pragma once

#include "base/err.h"

/* As --log-format and --log-level number their words. */
enum log_format {
	LOG_TEXT,
	LOG_JSON,
};

enum log_level {
	LOG_ERROR,
	LOG_WARNING, /* the default */
	LOG_INFO,
	LOG_DEBUG,
};

/*
 * Log to @target: PATH, or file:PATH; made where it is missing, else appended to. NULL or "": no
 * file, and warnings of the level go to standard error. 0, or -1 with @e set where the file can't
 * be written or @target is a log daemon (journald:, syslog:). @target stays the caller's.
 */
int log_open(const char *target, enum log_format format, enum log_level level, struct err *e);

/*
 * Log a failure, once: `tare: PREFIX: PLACE: TEXT` on standard error, and an entry in the file.
 * @prefix is the command (`create "web"`), or "".
 */
void log_error(const char *prefix, const struct err *e) __attribute__((cold));

/*
 * A warning: what the specification says the runtime MUST log, or the caller would want to know; an
 * info of less weight; a debug line for each step. Only if the level includes it. On standard error
 * a warning is `tare: warning: TEXT`; the others have the form of the file.
 */
void log_warning(const char *fmt, ...) __attribute__((cold, format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((cold, format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((cold, format(printf, 1, 2)));

/* Does the level include log_debug()? */
bool log_wants_debug(void);

/* The command has succeeded: write the warnings that were kept. */
void log_flush(void);

/* One line `tare: TEXT` on standard error only: for something that is skipped. */
void log_notice(const char *fmt, ...) __attribute__((cold, format(printf, 1, 2)));

/*
 * @text with every byte that is a control character or no UTF-8 as \xNN, cut at @size without
 * splitting a character. Returns @buf.
 */
const char *log_clean(char *buf, size_t size, const char *text);
