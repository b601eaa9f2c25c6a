/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/scope.c - a container's systemd scope: started, changed and stopped
 *
 * The request goes to tare-systemd in a memory file.
 */
#include "cgroup/scope.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/helper.h"
#include "kernel/memory.h"

#define TIMEOUT_MS 60000 /* more than the helper's own timeouts, for each answer and each job */
#define PATH_SIZE  4096

enum outcome {
	OUTCOME_DONE,
	OUTCOME_REFUSED, /* nothing is changed */
	OUTCOME_UNKNOWN,
};

struct helper {
	char path[PATH_SIZE];
	const char *verb;
	char said[1024];
	const char *property; /* part of @said; NULL: no property is at fault */
};

/* ---- the program tare-systemd ---- */

static int find_helper(char path[PATH_SIZE], struct err *e)
{
	if (helper_find("tare-systemd", TARE_SYSTEMD, path, PATH_SIZE) == 0)
		return 0;
	(void) err_msg(e, "the program tare-systemd is not installed");

	return err_hint(e, "it belongs to \"%s\", and speaks to systemd for tare", TARE_SYSTEMD);
}

/* ---- the answer of tare-systemd ---- */

/* The helper's lines, three at most: the error, the remedy, and the property at fault. */
static void parse_answer(struct helper *h, int status, struct err *e)
{
	char *rest = h->said;
	const char *why = strsep(&rest, "\n"), *hint = strsep(&rest, "\n");

	h->property = strsep(&rest, "\n");
	if (why[0])
		(void) err_msg(e, "%s", why);
	else
		(void) err_msg(e, "tare-systemd ended with status 0x%x", (unsigned) status);
	if (hint && hint[0])
		err_hint(e, "%s", hint);
}

static enum outcome run(struct helper *h, int input, int interrupt, struct err *e)
{
	const struct helper_call call = {
		.path = h->path,
		.name = "tare-systemd",
		.verb = h->verb,
		.input = input,
		.interrupt = interrupt,
		.timeout_ms = TIMEOUT_MS,
	};
	int status = 0, r = helper_run(&call, h->said, sizeof(h->said), &status);

	if (r == -ECANCELED)
		(void) err_msg(e, "interrupted by a signal, while waiting for systemd");
	else if (r == -ETIMEDOUT)
		(void) err_msg(e, "systemd did not answer within %d s", TIMEOUT_MS / 1000);
	else if (r < 0)
		(void) err_sys(e, r, "run tare-systemd");
	if (r < 0)
		return status == -1 ? OUTCOME_REFUSED : OUTCOME_UNKNOWN;
	if (status == 0)
		return OUTCOME_DONE;
	parse_answer(h, status, e);

	return status == 1 << 8 ? OUTCOME_REFUSED : OUTCOME_UNKNOWN;
}

/* ---- the request ---- */

static int put_line(int file, const char *key, const char *value)
{
	const char *const parts[] = { key, " ", value, "\n" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++)
		r = sys_write_all(file, parts[i], strlen(parts[i]));

	return r;
}

static int write_input(int file, const struct scope *scope, pid_t pid, const char *properties)
{
	char number[16];
	int r = put_line(file, "unit", scope->unit);

	fmt_text(number, sizeof(number), "%d", (int) pid);
	if (r == 0 && scope->bus)
		r = put_line(file, "bus", scope->bus);
	if (r == 0 && pid > 0)
		r = put_line(file, "pid", number);
	if (r == 0)
		r = sys_write_all(file, properties, strlen(properties));
	sys_seek(file, 0, SEEK_SET);

	return r;
}

static enum outcome call(struct helper *h, const struct scope *scope, pid_t pid,
			 const char *properties, int interrupt, struct err *e)
{
	if (find_helper(h->path, e) < 0)
		return OUTCOME_REFUSED;

	autoclose int input = sys_memfd_create("tare-systemd");
	int r = input < 0 ? input : write_input(input, scope, pid, properties);
	if (r < 0) {
		(void) err_sys(e, r, "make a file for tare-systemd");
		return OUTCOME_REFUSED;
	}

	return run(h, input, interrupt, e);
}

int scope_start(const struct scope *scope, const char *properties, pid_t pid, int interrupt,
		struct scope_refusal *refusal, struct err *e)
{
	struct helper h = { .verb = "start" };
	enum outcome outcome = call(&h, scope, pid, properties, interrupt, e);

	refusal->surely = outcome == OUTCOME_REFUSED;
	fmt_text(refusal->property, sizeof(refusal->property), "%s", h.property ? h.property : "");

	return outcome == OUTCOME_DONE ? 0 : -1;
}

int scope_set(const struct scope *scope, const char *properties, struct err *e)
{
	struct helper h = { .verb = "set" };

	return call(&h, scope, 0, properties, -1, e) == OUTCOME_DONE ? 0 : -1;
}

int scope_stop(const struct scope *scope, struct err *e)
{
	struct helper h = { .verb = "stop" };

	return call(&h, scope, 0, "", -1, e) == OUTCOME_DONE ? 0 : -1;
}
