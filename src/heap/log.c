/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * heap/log.c - messages beside the results: standard error and the --log file
 *
 * Runs in tare, never in tare-init. Once log_open() has succeeded nothing here fails: an unwritable
 * log must not turn a running container into a failure.
 */
#include "heap/log.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/utf8.h"
#include "heap/out.h"
#include "heap/output_file.h"
#include "kernel/fd.h"
#include "kernel/time.h"

#include <limits.h>
#include <string.h>

/* Room for a whole struct err with its prefix; an entry with its keys fits into OUT_SIZE. */
#define MESSAGE 2600

static struct {
	char path[PATH_MAX]; /* absolute; "": no file */
	enum log_format format;
	enum log_level level;
} settings = { .level = LOG_WARNING };

/* Warnings for the file, each with its NUL; without room for another it is dropped. */
static struct {
	size_t used;
	char text[8192];
} kept;

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARNING] = "warning",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

/* ---- text from outside ---- */

/* The length of the character at @s if it can be printed, else 0. */
static size_t character(const char *s)
{
	size_t length;

	return utf8_unsafe(s, &length) ? 0 : length;
}

const char *log_clean(char *buf, size_t size, const char *text)
{
	const char *s = text;
	size_t used = 0;

	while (*s != '\0') {
		size_t bytes = character(s);
		char escape[8];

		if (used + (bytes ? bytes : 4) >= size)
			break;
		if (bytes > 0) {
			memcpy(buf + used, s, bytes);
			used += bytes;
			s += bytes;
			continue;
		}
		used += fmt_text(escape, sizeof(escape), "\\x%02x", (unsigned char) *s++);
		memcpy(buf + used - 4, escape, 4);
	}
	buf[used] = '\0';

	return buf;
}

/* ---- one entry ---- */

static void json_text(struct out *out, const char *key, const char *text)
{
	char clean[ERR_TEXT];

	if (text[0] == '\0')
		return;
	out_printf(out, ",\"%s\":", key);
	out_json_string(out, log_clean(clean, sizeof(clean), text));
}

static void json_number(struct out *out, const char *key, int number)
{
	if (number > 0)
		out_printf(out, ",\"%s\":%d", key, number);
}

static void json_entry(struct out *out, enum log_level level, const char *message, const char *time,
		       const struct err *e)
{
	out_printf(out, "{\"level\":\"%s\",\"msg\":", level_names[level]);
	out_json_string(out, message);
	out_printf(out, ",\"time\":\"%s\"", time);
	if (e) {
		json_text(out, "place", e->place);
		json_number(out, "line", e->line);
		json_number(out, "column", e->column);
		json_text(out, "operation", e->operation);
		json_number(out, "errno", e->code);
		json_text(out, "hint", e->hint);
	}
	out_text(out, "}\n");
}

static void text_entry(struct out *out, enum log_level level, const char *message, const char *time)
{
	out_printf(out, "time=\"%s\" level=%s msg=", time, level_names[level]);
	out_json_string(out, message);
	out_text(out, "\n");
}

static int open_file(struct err *e)
{
	return output_open(settings.path, "log file", 0644, e);
}

static void write_entry_to(int fd, enum log_level level, const char *message, const struct err *e)
{
	struct out out = { .fd = fd };
	struct timespec now;
	char time[TIME_TEXT];

	sys_clock_realtime(&now);
	time_text(time, &now, 6);
	if (settings.format == LOG_JSON)
		json_entry(&out, level, message, time, e);
	else
		text_entry(&out, level, message, time);
	out_flush(&out);
}

/*
 * @message has no control characters. @e: a failure, which adds keys to an entry in JSON; NULL:
 * none.
 */
static void write_entry(enum log_level level, const char *message, const struct err *e)
{
	struct err ignored;
	autoclose int fd = open_file(&ignored);

	if (fd >= 0)
		write_entry_to(fd, level, message, e);
}

/* The line is written by one write(2), as other processes share this standard error. */
static void write_stderr(const char *front, const char *message)
{
	struct out out = { .fd = 2 };

	out_printf(&out, "tare: %s%s\n", front, message);
	out_flush(&out);
}

/* ---- kept warnings ---- */

#define WARNING "warning: "

static void keep_warning(const char *message)
{
	size_t size = strlen(message) + 1;

	if (size > sizeof(kept.text) - kept.used)
		return;
	memcpy(kept.text + kept.used, message, size);
	kept.used += size;
}

void log_flush(void)
{
	for (size_t at = 0; at < kept.used; at += strlen(kept.text + at) + 1)
		write_entry(LOG_WARNING, kept.text + at, NULL);
	kept.used = 0;
}

/* The file only gets the failure: kept warnings go to standard error. */
static void give_up_kept(void)
{
	for (size_t at = 0; at < kept.used; at += strlen(kept.text + at) + 1)
		write_stderr(WARNING, kept.text + at);
	kept.used = 0;
}

/* ---- the levels ---- */

void log_error(const char *prefix, const struct err *e)
{
	char line[MESSAGE], message[MESSAGE];
	size_t length = 0;

	if (prefix[0] != '\0')
		length = fmt_text(line, sizeof(line), "%s: ", prefix);
	if (length >= sizeof(line))
		length = sizeof(line) - 1;
	err_line(e, line + length, sizeof(line) - length);

	log_clean(message, sizeof(message), line);
	give_up_kept();
	write_stderr("", message);
	if (settings.path[0] != '\0')
		write_entry(LOG_ERROR, message, e);
}

static bool must_wait(enum log_level level)
{
	return level == LOG_WARNING && settings.format == LOG_JSON && settings.level < LOG_DEBUG;
}

static void write_or_keep(enum log_level level, const char *message)
{
	if (settings.path[0] != '\0')
		must_wait(level) ? keep_warning(message) : write_entry(level, message, NULL);
	else if (level < LOG_DEBUG && settings.format == LOG_TEXT)
		write_stderr(level == LOG_WARNING ? WARNING : "info: ", message);
	else
		write_entry_to(2, level, message, NULL);
}

static void log_message(enum log_level level, const char *fmt, va_list ap)
{
	char line[MESSAGE], message[MESSAGE];

	if (level > settings.level)
		return;
	fmt_text_v(line, sizeof(line), fmt, ap);
	write_or_keep(level, log_clean(message, sizeof(message), line));
}

void log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_message(LOG_WARNING, fmt, ap);
	va_end(ap);
}

void log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_message(LOG_INFO, fmt, ap);
	va_end(ap);
}

bool log_wants_debug(void)
{
	return settings.level >= LOG_DEBUG;
}

void log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_message(LOG_DEBUG, fmt, ap);
	va_end(ap);
}

void log_notice(const char *fmt, ...)
{
	char line[MESSAGE], message[MESSAGE];
	va_list ap;

	va_start(ap, fmt);
	fmt_text_v(line, sizeof(line), fmt, ap);
	va_end(ap);
	write_stderr("", log_clean(message, sizeof(message), line));
}

/* ---- the log file ---- */

/* Targets of crun's --log that are daemons. conmon-rs passes journald: to a runtime named crun. */
static int refuse_daemons(const char *target, struct err *e)
{
	static const char *const daemons[] = { "journald:", "syslog:" };

	for (size_t i = 0; i < ARRAY_SIZE(daemons); i++) {
		if (strncmp(target, daemons[i], strlen(daemons[i])) == 0)
			return err_msg(e, "log target \"%s\" is not supported: give a file",
				       target);
	}

	return 0;
}

/* Made absolute, as later entries may be written with another working directory. */
static int set_path(const char *path, struct err *e)
{
	char cwd[PATH_MAX] = "";

	if (path[0] != '/') {
		int r = sys_getcwd(cwd, sizeof(cwd));

		if (r < 0)
			return err_sys(e, r, "working directory");
		if (cwd[0] != '/')
			return err_msg(e, "the working directory is outside of our root directory");
	}
	if (fmt_text(settings.path, PATH_MAX, "%s%s%s", cwd, cwd[0] ? "/" : "", path) < PATH_MAX)
		return 0;
	settings.path[0] = '\0';

	return err_msg(e, "log file \"%s\": file name too long", path);
}

int log_open(const char *target, enum log_format format, enum log_level level, struct err *e)
{
	settings.path[0] = '\0';
	settings.format = format;
	settings.level = level;
	if (!target || target[0] == '\0')
		return 0;
	if (refuse_daemons(target, e) < 0)
		return -1;
	if (strncmp(target, "file:", 5) == 0)
		target += 5;
	if (set_path(target, e) < 0)
		return -1;

	autoclose int fd = open_file(e);
	if (fd < 0) {
		settings.path[0] = '\0';
		return -1;
	}

	return 0;
}
