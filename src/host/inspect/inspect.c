/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/inspect.c - inspect: the isolation that a container really has
 *
 * Runs in tare. A pid is only used while the recorded process still has it. Values come from inside
 * the container, so they are escaped when they are printed.
 */
#include "host/inspect/inspect.h"

#include "base/fmt.h"
#include "base/table.h"
#include "heap/out.h"
#include "host/container.h"
#include "host/find.h"
#include "host/inspect/rows.h"
#include "host/ps.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "plan/accounts.h"

#include <string.h>

#define STATUS_SIZE (1 << 20) /* a process may have 65536 groups */

static inspect_subject *const subjects[] = {
	inspect_namespaces, inspect_sharing, inspect_sysctls, inspect_process,
	inspect_files,	    inspect_cgroups, inspect_mounts,
};

/* ---- rows ---- */

static struct inspect_row *add(struct inspect *i)
{
	i->rows = arena_grow(i->arena, i->rows, i->count, &i->room, sizeof(*i->rows));

	return &i->rows[i->count++];
}

void inspect_fact(struct inspect *i, const char *section, const char *name, const char *fmt, ...)
{
	char value[4096];
	va_list ap;

	va_start(ap, fmt);
	fmt_text_v(value, sizeof(value), fmt, ap);
	va_end(ap);
	*add(i) = (struct inspect_row) {
		.section = section,
		.name = arena_strdup(i->arena, name),
		.value = arena_strdup(i->arena, value),
	};
}

void inspect_judge(struct inspect *i, const char *section, const char *name, const char *value,
		   const char *asked, bool agrees)
{
	*add(i) = (struct inspect_row) {
		.section = section,
		.name = arena_strdup(i->arena, name),
		.value = arena_strdup(i->arena, value),
		.asked = arena_strdup(i->arena, asked),
		.differs = !agrees,
	};
}

void inspect_compare(struct inspect *i, const char *section, const char *name, const char *value,
		     const char *asked)
{
	inspect_judge(i, section, name, value, asked, strcmp(value, asked) == 0);
}

const struct step *inspect_step(const struct inspect *i, enum step_op op, size_t n)
{
	for (size_t k = 0; i->plan && k < i->plan->step_count; k++)
		if (i->plan->steps[k].op == op && n-- == 0)
			return &i->plan->steps[k];

	return NULL;
}

const char *inspect_status(struct inspect *i, const char *field)
{
	const char *at = i->status;

	/* Only at the start of a line: the first line has a name that the process chose. */
	while (strncmp(at, field, strlen(field)) != 0) {
		at += strcspn(at, "\n");
		if (*at++ == '\0')
			return "";
	}
	at += strlen(field);
	at += strspn(at, "\t ");

	char *value = arena_memdup(i->arena, at, strcspn(at, "\n"));
	for (size_t end = strlen(value); end > 0 && value[end - 1] == ' '; end--)
		value[end - 1] = '\0';

	return value;
}

/* ---- printing ---- */

static void print_text(struct out *out, const struct inspect_row *row)
{
	out_text(out, row->differs ? "! " : "  ");
	out_padded(out, row->section, 12);
	out_clean(out, row->name);
	out_padded(out, "", strlen(row->name) < 26 ? 26 - strlen(row->name) + 1 : 1);
	out_clean(out, row->value[0] ? row->value : "-");
	if (row->differs) {
		out_text(out, "; config.json asks for ");
		out_clean(out, row->asked[0] ? row->asked : "none");
	}
	out_text(out, "\n");
}

static void print_json(struct out *out, const struct inspect_row *row)
{
	out_text(out, "{ \"section\": ");
	out_json_string(out, row->section);
	out_text(out, ", \"name\": ");
	out_json_string(out, row->name);
	out_text(out, ", \"value\": ");
	out_json_string(out, row->value);
	if (row->asked) {
		out_text(out, ", \"asked\": ");
		out_json_string(out, row->asked);
		out_printf(out, ", \"agrees\": %s", row->differs ? "false" : "true");
	}
	out_text(out, " }");
}

static bool any_differs(const struct inspect *i)
{
	for (size_t k = 0; k < i->count; k++)
		if (i->rows[k].differs)
			return true;

	return false;
}

static int print(const struct inspect *i, const struct inspect_wishes *wishes, struct err *e)
{
	struct out out = { .fd = 1 };
	bool first = true;

	if (wishes->json) {
		out_text(&out, "{ \"id\": ");
		out_json_string(&out, i->record->id);
		out_printf(&out, ", \"pid\": %d, \"compared\": %s, \"drift\": %s, \"rows\": [",
			   i->pid, i->plan ? "true" : "false", any_differs(i) ? "true" : "false");
	}
	for (size_t k = 0; k < i->count; k++) {
		if (wishes->drift && !i->rows[k].differs)
			continue;
		if (wishes->json)
			out_text(&out, first ? "\n  " : ",\n  ");
		(wishes->json ? print_json : print_text)(&out, &i->rows[k]);
		first = false;
	}
	if (wishes->json)
		out_text(&out, first ? "] }\n" : "\n] }\n");

	int r = out_flush(&out);

	return r < 0 ? err_sys(e, r, "write to standard output") : 0;
}

/* ---- the container ---- */

static int check_pid(const struct state_root *root, const char *id, pid_t pid, struct arena *a,
		     struct err *e)
{
	struct process_list list;

	if (container_processes(root, id, a, &list, e) < 0)
		return -1;
	for (size_t k = 0; k < list.count; k++)
		if (list.pids[k] == pid)
			return 0;

	return err_msg(e, "process %d is not one of the container's", pid);
}

/*
 * Plan the bundle again, to compare the process with the steps. This assumes that config.json has
 * not changed since create. -1 with @e set: there is nothing to compare with.
 */
static int find_plan(struct inspect *i, const struct state_root *root, const char *const *own_env,
		     struct arena *a, struct err *e)
{
	const struct create_options o = {
		.root = *root,
		.id = i->record->id,
		.bundle = i->record->bundle,
		.config = i->record->config_file,
		.own_env = own_env,
		.flags.systemd_cgroup = i->record->scope != NULL,
		.flags.no_cgroup = !i->record->cgroups[0],
	};
	struct decision d = { .plan = NULL };

	if (i->record->box_root)
		return err_msg(e, "a box has no config.json");
	if (i->pid != i->record->pid)
		return err_msg(e, "config.json is about the first process");
	if (container_decide(&o, &d, a, e) < 0) {
		char line[ERR_PLACE + ERR_TEXT + ERR_HINT + 64];

		err_line(e, line, sizeof(line));
		inspect_fact(i, "config", "config.json", "nothing to compare with: %s", line);
		return -1;
	}
	i->plan = d.plan;
	i->config = d.config;

	return 0;
}

/*
 * Where tare-init stays as the first process (org.tare.init), the program is its oldest child. A
 * kernel without CONFIG_PROC_CHILDREN does not tell it.
 */
static pid_t program_of(const struct inspect *i)
{
	char file[64], children[4096];
	const char *at = children;
	uint32_t pid;

	fmt_text(file, sizeof(file), "task/%d/children", i->pid);
	if (!inspect_step(i, OP_STAY_AS_INIT, 0) ||
	    proc_read(i->pid, file, children, sizeof(children)) <= 0 ||
	    account_parse_id(&at, &pid) < 0)
		return i->pid;

	return (pid_t) pid;
}

int container_inspect(const struct state_root *root, const char *id,
		      const struct inspect_wishes *wishes, const char *const *own_env,
		      struct arena *a, struct err *e)
{
	struct inspect i = { .arena = a, .root = root };
	struct record rec;
	struct err nothing;

	autoclose int dir = container_lookup(root, id, true, &rec, a, e);
	if (dir < 0)
		return -1;
	if (state_status(dir, &rec) == STATUS_STOPPED)
		return err_msg(e, "container not running");

	i.record = &rec;
	i.pid = wishes->pid > 0 ? wishes->pid : rec.pid;
	if (wishes->pid > 0 && check_pid(root, id, wishes->pid, a, e) < 0)
		return -1;
	if (find_plan(&i, root, own_env, a, &nothing) < 0 && wishes->drift) {
		*e = nothing;
		return err_in(e, "nothing to compare with");
	}
	i.pid = program_of(&i);

	i.status = arena_alloc(a, STATUS_SIZE);
	ssize_t n = proc_read(i.pid, "status", i.status, STATUS_SIZE);
	if (n < 0)
		return err_sys(e, (int) n, "read /proc/%d/status", i.pid);
	for (size_t k = 0; k < ARRAY_SIZE(subjects); k++)
		subjects[k](&i);
	if (wishes->filters)
		inspect_filters(&i);
	if (state_status(dir, &rec) == STATUS_STOPPED)
		return err_msg(e, "container not running");

	return print(&i, wishes, e) < 0 ? -1 : any_differs(&i);
}
