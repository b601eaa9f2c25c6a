/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/check.c - a child checks all subjects, and tare collects the rows
 *
 * The child sends each row as soon as the row is known. The child may hang, in a file system for
 * example, so it has a time limit; rows that it sent before are printed.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/words.h"
#include "contract/record.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/time.h"

#include <string.h>

#define ANSWER_MS  5000
#define END_MS	   1000
#define ARGS_PLACE "/process/args"

static check_subject *const subjects[] = {
	check_namespaces, check_maps,	 check_calls, check_cgroups, check_mounts,
	check_devices,	  check_process, check_paths, check_filter,  check_profile_age,
	check_program,	  check_hooks,	 check_every, check_records, check_trials,
};

static check_subject *const paper_subjects[] = {
	check_paper, check_profile_age, check_program, check_every, check_records,
};

void check_answer(const struct check *c, enum check_level level, const struct check_demand *d,
		  const char *fmt, ...)
{
	struct check_row row = { .level = level };
	va_list ap;

	if (c->of_files && level == CHECK_OK)
		return;
	if (c->may_fail && level == CHECK_NO)
		row.level = CHECK_WEAKER;
	if (c->of_files)
		(*c->refusals)++;

	va_start(ap, fmt);
	fmt_text_v(row.why, sizeof(row.why), fmt, ap);
	va_end(ap);
	fmt_text(row.place, sizeof(row.place), "%s", d->place);
	fmt_text(row.what, sizeof(row.what), "%s", d->what);
	fmt_text(row.since, sizeof(row.since), "%s", d->since ? d->since : "");
	if (level != CHECK_OK)
		fmt_text(row.remedy, sizeof(row.remedy), "%s", d->remedy ? d->remedy : "");
	sys_write_all(c->answers, &row, sizeof(row));
}

/* ---- in the child ---- */

static int ask_all(void *arg)
{
	struct check c = *(const struct check *) arg;
	struct arena a;

	arena_open(&a);
	c.rootfs = sys_open(c.plan->rootfs, O_PATH | O_DIRECTORY);
	c.program = ARGS_PLACE;
	check_find_targets(&c, &a);
	for (size_t i = 0; c.paper && i < ARRAY_SIZE(paper_subjects); i++)
		paper_subjects[i](&c);
	for (size_t i = 0; !c.paper && i < ARRAY_SIZE(subjects); i++)
		subjects[i](&c);

	return 0;
}

/* ---- in tare ---- */

struct rows {
	struct arena *arena;
	struct check_row *items;
	size_t count, room;
};

static struct check_row *add(struct rows *r)
{
	r->items = arena_grow(r->arena, r->items, r->count, &r->room, sizeof(*r->items));

	return &r->items[r->count++];
}

/* The text is `/mounts/3: WHAT IS LEFT OUT`: planning puts the place in front, if there is one. */
static void add_omission(struct rows *r, const char *text)
{
	struct check_row *row = add(r);
	const char *end = text[0] == '/' ? strstr(text, ": ") : NULL;
	int length = end ? (int) (end - text) : 0;

	*row = (struct check_row) { .level = CHECK_WEAKER };
	fmt_text(row->place, sizeof(row->place), "%.*s", length, text);
	fmt_text(row->what, sizeof(row->what), "as asked for");
	fmt_text(row->why, sizeof(row->why), "%s", end ? end + 2 : text);
}

/* False: the time limit ended before all rows had come. */
static bool receive_rows(int answers, struct rows *r, int64_t until_ms)
{
	struct pollfd ready = { .fd = answers, .events = POLLIN };
	struct check_row row;

	for (;;) {
		int64_t left = until_ms - sys_clock_us() / 1000;

		if (left <= 0 || sys_poll(&ready, 1, (int) left) <= 0)
			return false;

		ssize_t n = sys_read_all(answers, &row, sizeof(row));
		if (n != (ssize_t) sizeof(row))
			return n == 0;
		*add(r) = row;
	}
}

static void add_unknown(struct rows *r, const char *why)
{
	struct check_row *row = add(r);

	*row = (struct check_row) { .level = CHECK_WEAKER };
	fmt_text(row->what, sizeof(row->what), "all that is behind this");
	fmt_text(row->why, sizeof(row->why), "not read: %s", why);
}

static int ask_child(struct check *c, struct rows *r, struct err *e)
{
	const struct sys_clone clone = { .cgroup = -1 };
	int ends[2], status = 0;
	int made = sys_pipe(ends);

	if (made < 0)
		return err_sys(e, made, "make a pipe");
	c->answers = ends[1];

	pid_t child = sys_clone_call(&clone, NULL, ask_all, c);

	sys_close(ends[1]);
	if (child < 0) {
		sys_close(ends[0]);
		return err_sys(e, child, "start a process that looks");
	}

	bool all = receive_rows(ends[0], r, sys_clock_us() / 1000 + ANSWER_MS);
	if (!all)
		sys_kill(child, SIGKILL);
	/* A child in an uninterruptible sleep is left behind. */
	sys_wait_within(child, &status, END_MS);
	sys_close(ends[0]);
	if (!all)
		add_unknown(r, "a file or file system did not answer within 5 s");
	else if (status != 0)
		add_unknown(r, "the process that looks has died");

	return 0;
}

/* ---- wishes ---- */

/* A version, or a release as `uname -r` prints it: 4.18.0-553.el8. */
static int read_version(const char *text, struct kernel_version *version, struct err *e)
{
	char behind = text[strspn(text, "0123456789.")];

	if ((behind == '\0' || behind == '-' || behind == '+') &&
	    kernel_version_read(text, version))
		return 0;
	(void) err_msg(e, "--kernel %s: no version of Linux", text);

	return err_hint(e, "such as 4.18 or 5.15.3");
}

static int read_records(const char *const *paths, struct arena *a, struct call_record *joined,
			struct err *e)
{
	size_t count = list_length(paths);
	struct call_record *records = arena_array(a, count, sizeof(*records));

	for (size_t i = 0; i < count; i++)
		if (call_record_read(paths[i], a, &records[i], e) < 0)
			return -1;
	call_record_join(records, count, a, joined);

	return 0;
}

int check_bundle(const struct check_input *input, const struct check_wishes *wishes,
		 struct arena *a, struct check_report *report, struct err *e)
{
	struct check c = {
		.plan = input->plan,
		.config = input->config,
		.facts = input->facts,
		.rootfs = -1,
		.all = wishes->all,
	};
	struct rows rows = { .arena = a };
	struct kernel_version version;
	struct call_record record;

	if (wishes->kernel) {
		if (read_version(wishes->kernel, &version, e) < 0)
			return -1;
		c.paper = &version;
		c.paper_text = arena_printf(a, "Linux %s", wishes->kernel);
	}
	if (list_length(wishes->record_files) > 0) {
		if (read_records(wishes->record_files, a, &record, e) < 0)
			return -1;
		c.record = &record;
	}

	for (size_t i = 0; input->warnings && input->warnings[i]; i++)
		add_omission(&rows, input->warnings[i]);
	for (size_t i = 0; input->notes && input->notes[i]; i++)
		add_omission(&rows, input->notes[i]);
	if (ask_child(&c, &rows, e) < 0)
		return -1;
	*report = (struct check_report) { .rows = rows.items, .count = rows.count };

	return 0;
}
