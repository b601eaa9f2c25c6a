/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/box_report.c - --report: events of a box for the program that runs it, a JSON object in each
 * line
 *
 * First the omissions, then the start of the program, then its end with its resource usage; or the
 * reason why it was not started. Each line is one write(2) to a file that is appended to.
 */
#include "cli/box.h"

#include "heap/json_text.h"
#include "heap/output_file.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/time.h"

static void write_line(struct box_report *r, const char *line)
{
	/* A full disk does not end the program; a reader then finds an incomplete line. */
	(void) sys_write_all(r->file, line, strlen(line));
}

int box_report_open(struct box_report *r, struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	const char *path = o->report;

	*r = (struct box_report) { .box = b, .file = -1 };
	if (!path || path[0] == '\0' || o->plan || o->save || o->emit_config)
		return 0;
	r->file = output_open(path, "report", 0600, e);
	if (r->file < 0)
		return err_at(e, box_words(b, "report", path));
	/* A pipe's reader may be slow: writing may block again. */
	sys_set_status_flags(r->file, O_WRONLY | O_APPEND);

	return 0;
}

static void report_omissions(struct box_report *r)
{
	struct arena *a = r->box->arena;

	for (; r->written < r->box->omission_count; r->written++) {
		const struct box_omission *o = &r->box->omissions[r->written];

		write_line(r,
			   arena_printf(a, "{\"what\":%s,\"why\":%s,\"instead\":%s,\"means\":%s}\n",
					json_quote(a, o->what), json_quote(a, o->why),
					json_quote(a, o->instead), json_quote(a, o->means)));
	}
}

static const char *reason_of(const struct run_event *event)
{
	if (event->timed_out)
		return "timeout";
	if (event->oom_killed > 0 && event->signal == SIGKILL)
		return "oom";

	return event->signal ? "signal" : "exit";
}

static void report_end(struct box_report *r, const struct run_event *event)
{
	struct arena *a = r->box->arena;
	int64_t wall = sys_clock_ms() - r->started;

	write_line(r, arena_printf(
			      a,
			      "{\"exited\":{\"id\":%s,\"code\":%d,\"reason\":\"%s\",\"signal\":%d,"
			      "\"wall_ms\":%lld,\"cpu_us\":%llu,\"peak_memory\":%llu}}\n",
			      json_quote(a, r->box->id), event->exit_code, reason_of(event),
			      event->signal, (long long) wall, (unsigned long long) event->cpu_us,
			      (unsigned long long) event->peak_memory));
}

void box_report_failure(struct box_report *r, int code, const struct err *e)
{
	struct arena *a = r->box->arena;
	char line[ERR_TEXT + ERR_PLACE + ERR_HINT];

	if (r->file < 0)
		return;
	err_line(e, line, sizeof(line));
	report_omissions(r);
	write_line(r, arena_printf(a, "{\"failed\":{\"id\":%s,\"code\":%d,\"error\":%s}}\n",
				   json_quote(a, r->box->id ? r->box->id : ""), code,
				   json_quote(a, line)));
}

void box_report_event(void *context, const struct run_event *event)
{
	struct box_report *r = context;

	if (r->file < 0)
		return;
	if (event->kind == RUN_EXITED) {
		report_end(r, event);
		return;
	}
	r->started = sys_clock_ms();
	report_omissions(r);
	write_line(r, arena_printf(r->box->arena, "{\"started\":{\"id\":%s,\"pid\":%d}}\n",
				   json_quote(r->box->arena, r->box->id), event->pid));
}
