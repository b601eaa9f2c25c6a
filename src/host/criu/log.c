/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/log.c - why CRIU failed: the last errors of its log
 *
 * CRIU's answer is a number, and at best its first error. The reason is in the last lines of its
 * log that contain "Error".
 */
#include "host/criu/criu.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"

#include <string.h>

/*
 * The bytes at the end of the log that are read. At log level 4 CRIU writes several lines of 100
 * bytes for each file and mapping.
 */
#define LOG_END 65536

#define QUOTED 3

/*
 * The message of a line like "(00.004512) 1: Error (criu/files.c:12): ...", from "Error" on; NULL:
 * the line reports no failure.
 */
static const char *find_error(const char *line, size_t *length)
{
	/* CRIU's own errors name a source file. Programs that CRIU calls write to the log, too. */
	static const char mark[] = "Error (";
	const char *error = memmem(line, *length, mark, sizeof(mark) - 1);

	if (error)
		*length -= (size_t) (error - line);

	return error;
}

/* Copy the last QUOTED lines with an error, in their order, separated by semicolons. */
static void quote(const char *text, char *quoted, size_t size)
{
	const char *lines[QUOTED];
	size_t lengths[QUOTED], count = 0, used = 0;

	for (size_t length; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");

		size_t rest = length;
		const char *line = find_error(text, &rest);
		if (!line)
			continue;
		lines[count % QUOTED] = line;
		lengths[count++ % QUOTED] = rest;
	}
	quoted[0] = '\0';
	for (size_t i = count < QUOTED ? 0 : count - QUOTED; i < count && used < size; i++)
		used += fmt_text(quoted + used, size - used, "%s%.*s", used > 0 ? "; " : "",
				 (int) lengths[i % QUOTED], lines[i % QUOTED]);
}

/* The reasons behind some of CRIU's messages. */
static const struct {
	const char *error; /* a part of a line in the log */
	const char *advice;
} advices[] = {
	/* SO_PASSCRED and SO_PASSSEC of a TCP socket, which newer kernels refuse: socket(7). */
	{ "1:16 opt: Operation not supported", "criu 4.2 saves sockets on this kernel; " },
	{ "1:34 opt: Operation not supported", "criu 4.2 saves sockets on this kernel; " },
};

static const char *find_advice(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
		if (strstr(text, advices[i].error))
			return advices[i].advice;

	return "";
}

static char *read_end(int dir, const char *file, struct arena *a)
{
	struct stat st;

	autoclose int fd = sys_open_at(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0 || sys_stat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	if (st.st_size > LOG_END)
		sys_seek(fd, st.st_size - LOG_END, SEEK_SET);

	char *text = arena_alloc(a, LOG_END + 1);
	ssize_t n = sys_read_all(fd, text, LOG_END);
	text[n < 0 ? 0 : n] = '\0';

	return text;
}

int criu_explain(int dir, const char *path, const char *file, const char *const *env,
		 struct arena *a, struct err *e)
{
	static const char failed[] = "criu failed";
	char quoted[700], version[32] = "";
	struct criu_result result;
	struct err ignored;
	char *text = read_end(dir, file, a);

	if (criu_version(env, &result, a, &ignored) == 0)
		fmt_text(version, sizeof(version), "criu %u.%u.%u, ", result.major, result.minor,
			 result.sublevel);
	if (text) {
		quote(text, quoted, sizeof(quoted));
		/* An error of tare itself, of a hook for example, must not be replaced. */
		if (quoted[0] && strncmp(e->text, failed, sizeof(failed) - 1) == 0)
			(void) err_msg(e, "%s: %s", failed, quoted);
		err_hint(e, "%s%sits log is \"%s/%s\"", find_advice(text), version, path, file);
	} else {
		err_hint(e, "%sthere is no log \"%s/%s\"", version, path, file);
	}

	return -1;
}
