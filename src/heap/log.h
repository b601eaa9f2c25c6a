/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/log.h - what tare says besides its results: standard error and the --log file
 *
 * An error goes to both: one line `tare: TEXT` on standard error, one entry in the file. All else
 * goes to the file or, without one, to standard error: with a --log that is the container's own, as
 * engines call us.
 *
 * Engines depend on the form of the file: podman decodes the whole of it as one JSON object when we
 * fail, containerd takes the last entry of level "error". So an entry is written in one write(2),
 * and in JSON a warning is kept until log_flush(): a failure stands alone in the file, and what was
 * kept goes to standard error. Not so where --debug asked for more.
 *
 * The file is opened anew for each entry. An open descriptor could end in one of the holes that
 * podman leaves between the descriptors of --preserve-fds, and reach the container.
 *
 * Only main.c, cli/, host/ and, of what it undoes, state/ print; whatever came from outside is told
 * with its control characters and broken UTF-8 as \xNN, so that a message is one line and always
 * JSON.
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
	LOG_WARNING, /* unless something else is asked for */
	LOG_INFO,
	LOG_DEBUG,
};

/*
 * Log to @target: PATH, or file:PATH; made if it isn't there, else appended to. NULL or "": no
 * file, warnings that are asked for go to standard error. 0, or -1 with @e set where the file
 * can't be written or @target is a log daemon's (journald:, syslog:). @target stays the caller's.
 */
int log_open(const char *target, enum log_format format, enum log_level level, struct err *e);

/*
 * A failure, once: `tare: PREFIX: PLACE: TEXT` on standard error, and in the file. @prefix is
 * what was asked for (`create "web"`), "" if nothing was.
 */
void log_error(const char *prefix, const struct err *e) __attribute__((cold));

/*
 * What the specification wants told ("MUST log"), or who called us would want to know; what matters
 * less; and each thing that is done. Nothing unless the level wants it. On standard error a warning
 * is `tare: warning: TEXT`; the others have the form of the file.
 */
void log_warning(const char *fmt, ...) __attribute__((cold, format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((cold, format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((cold, format(printf, 1, 2)));

/* Is log_debug() heard? */
bool log_wants_debug(void);

/* What there was to do is done: write the warnings that were kept. */
void log_flush(void);

/* One line `tare: TEXT` on standard error and nowhere else: for what is skipped on the way. */
void log_notice(const char *fmt, ...) __attribute__((cold, format(printf, 1, 2)));

/*
 * @text with every byte that is a control character or no UTF-8 as \xNN, cut at @size without
 * splitting a character. Returns @buf.
 */
const char *log_clean(char *buf, size_t size, const char *text);
