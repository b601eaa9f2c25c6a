/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/box_join.c - a second `box ROOT` is a second program in the first one's box
 *
 * The record of a box has the device, inode and partition of its root. An annotation could not be
 * trusted: annotations of a config.json are an engine's or an image's, and the program would run in
 * their container. Only flags about the program have a meaning for a box that runs already: any
 * other is refused, as it would be ignored.
 */
#include "cli/box.h"

#include "base/table.h"
#include "base/units.h"
#include "cli/containers.h"
#include "heap/log.h"
#include "host/delete.h"
#include "host/exec.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/time.h"
#include "plan/annotations/annotation.h"

#include <errno.h>
#include <limits.h>

#define CREATOR_MS 10000

/* The flags about a further program; and --partition, which names the root that the box has. */
static const char *const for_program[] = {
	"detach", "output",  "pid-file", "tty",	 "no-tty",	 "init",      "no-init",
	"user",	  "groups",  "cwd",	 "env",	 "keep-env",	 "cap",	      "quiet",
	"strict", "require", "without",	 "name", "no-new-privs", "partition",
};

static bool is_of_root(const struct record *rec, const char *mark)
{
	return rec->box_root && strcmp(rec->box_root, mark) == 0;
}

/* Another command is making this very box: wait until it is made, or has failed. */
static void wait_for_creator(struct call *call, const struct box *b)
{
	const int64_t deadline = sys_clock_ms() + CREATOR_MS;
	struct container c;
	struct err ignored;

	while (container_read(&call->root, b->id, call->arena, &c, &ignored) == 0 &&
	       c.status == STATUS_CREATING && sys_clock_ms() < deadline)
		sys_poll(NULL, 0, 5);
}

/* The number behind "ID." in a name that is made of the box's own ID; 0: it is none. */
static int64_t number_behind(const struct box *b, const char *name)
{
	size_t length = strlen(b->id);
	int64_t number = 0;

	/* A name that --name gave may be the beginning of any other. */
	if (b->options->name || strncmp(name, b->id, length) != 0 || name[length] != '.' ||
	    units_parse_integer(name + length + 1, &number) < 0 || number < 0)
		return 0;

	return number;
}

/* A tare that was killed early leaves no record. Only the name has the root then. */
static void sweep_interrupted(struct call *call, const struct box *b, const char *name)
{
	struct err ignored;

	if (number_behind(b, name) > 0)
		(void) container_delete(&call->root, name, false, call->arena, &ignored);
}

/*
 * Read the container @name, and delete it where it is a box of this root whose process has ended.
 * True if it is a box of this root that has not ended.
 */
static bool read_or_sweep(struct call *call, const struct box *b, const char *name,
			  struct container *c)
{
	struct err ignored;
	int r = container_read(&call->root, name, call->arena, c, &ignored);

	if (r == 0 && c->status == STATUS_STOPPED)
		sweep_interrupted(call, b, name);
	if (r <= 0 || !is_of_root(&c->record, b->mark))
		return false;
	if (c->status == STATUS_STOPPED)
		(void) container_sweep(&call->root, name, call->arena, &ignored);

	return c->status != STATUS_STOPPED;
}

struct box_running box_find_running(struct call *call, const struct box *b)
{
	struct box_running running = { .name = NULL };
	struct container_ids ids;
	struct err ignored;

	wait_for_creator(call, b);
	if (containers_find(&call->root, call->arena, &ids, &ignored) < 0)
		return running;
	for (size_t i = 0; i < ids.count; i++) {
		struct container c;

		if (!read_or_sweep(call, b, ids.items[i], &c))
			continue;
		/* A box that --name or --new has named is second to the root's usual one. */
		if (strcmp(ids.items[i], b->id) == 0 || (!running.name && !b->options->name))
			running = (struct box_running) { ids.items[i], c.record.pid,
							 c.record.start_time };
	}

	return running;
}

void box_sweep_whole(struct call *call, const struct box *b)
{
	struct container_ids ids;
	struct err ignored;

	if (containers_find(&call->root, call->arena, &ids, &ignored) < 0)
		return;
	for (size_t i = 0; i < ids.count; i++) {
		const char *name = ids.items[i];
		int64_t pid = number_behind(b, name);
		struct container c;

		/* A tare that lives deletes its box itself, and reads the used resources before. */
		if (pid > 0 && pid <= INT_MAX && sys_kill((pid_t) pid, 0) == -ESRCH)
			(void) read_or_sweep(call, b, name, &c);
	}
}

bool box_may_run(struct call *call, const struct box *b)
{
	struct container_ids ids;
	struct err ignored;

	if (containers_find(&call->root, call->arena, &ids, &ignored) < 0)
		return true;
	for (size_t i = 0; i < ids.count; i++) {
		struct container c;
		int r = container_read(&call->root, ids.items[i], call->arena, &c, &ignored);

		/* A container without a record may be of any root. */
		if (r == 0 && c.status == STATUS_CREATING)
			return true;
		if (r > 0 && is_of_root(&c.record, b->mark) && c.status != STATUS_STOPPED)
			return true;
	}

	return false;
}

int box_check_overlay(struct call *call, struct box *b, struct err *e)
{
	struct container_ids ids;
	struct err ignored;

	if (!b->overlay_mark || containers_find(&call->root, call->arena, &ids, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < ids.count; i++) {
		struct container c;

		if (container_read(&call->root, ids.items[i], call->arena, &c, &ignored) > 0 &&
		    c.record.box_overlay && strcmp(c.record.box_overlay, b->overlay_mark) == 0 &&
		    c.status != STATUS_STOPPED)
			return box_refuse_overlay(b, e);
	}

	return 0;
}

void box_choose_free_name(struct call *call, struct box *b)
{
	const char *name = b->id;
	struct stat st;

	for (unsigned n = 2;; n++) {
		if (sys_stat_at(AT_FDCWD, arena_printf(b->arena, "%s/%s", call->root.path, b->id),
				AT_SYMLINK_NOFOLLOW, &st) < 0)
			return;
		b->id = arena_printf(b->arena, "%s.%u", name, n);
	}
}

/* ---- which flags were given ---- */

static bool is_given(const struct flag *flag, const struct options *o)
{
	const void *at = (const char *) o + flag->offset;

	switch (flag->kind) {
	case FLAG_BOOL:
		return *(const bool *) at;
	case FLAG_TEXT:
		return *(const char *const *) at != NULL;
	case FLAG_LIST: {
		const struct text_list *list = at;

		return is_one_of(flag->name, list->flags, list->count);
	}
	default:
		return *(const unsigned *) at != 0;
	}
}

static int refuse_others(struct call *call, struct err *e)
{
	const char *names = NULL;

	for (size_t i = 0; i < box_flags.count; i++) {
		const struct flag *flag = &box_flags.rows[i];

		if (is_given(flag, &call->options) &&
		    !is_one_of(flag->name, for_program, ARRAY_SIZE(for_program)))
			names = arena_printf(call->arena, "%s%s--%s", names ? names : "",
					     names ? ", " : "", flag->name);
	}
	if (!names)
		return 0;

	return err_msg(e, "is running; %s can't be changed: tare update, or --new for another box",
		       names);
}

/* ---- the further program ---- */

/* The image's file system is mounted in the box already. */
static int open_root(struct box *b, const struct container *c, struct err *e)
{
	if (b->dir >= 0)
		return 0;
	b->dir = proc_open(c->pid, "root", O_PATH | O_DIRECTORY);

	return b->dir < 0 ? err_sys(e, b->dir, "open its root") : 0;
}

/* Make the config of the further program, with what the box has. */
static int config_of_program(struct call *call, struct box *b, struct err *e)
{
	struct container c;

	if (container_read(&call->root, b->id, call->arena, &c, e) <= 0)
		return err_msg(e, "has ended");
	if (c.status == STATUS_PAUSED) {
		(void) err_msg(e, "is paused");
		return err_hint(e, "tare resume %s", b->id);
	}
	b->has_binfmt = record_annotation(&c.record, ANNOTATION_BINFMT) != NULL;

	return open_root(b, &c, e) < 0 ? -1 : box_config(b, e);
}

int box_join(struct call *call, struct box *b, const char *name, struct err *e)
{
	const struct options *o = &call->options;
	struct box_standard standard;
	int exit_code = 0;

	call->subject = b->id = name;
	if (refuse_others(call, e) < 0 || config_of_program(call, b, e) < 0)
		return -1;

	const struct exec_options exec = {
		.root = call->root,
		.id = name,
		.made = &b->config,
		.made_caps = o->box.caps.count > 0,
		.args = (const char *const *) b->process.args,
		.no_new_privs = o->box.no_new_privs,
		.tty = b->process.terminal,
		.input_ends = true,
		.pid_file = o->pid_file,
		.pid_file_place = box_words(b, "pid-file", o->pid_file),
		.detach = b->detach,
	};

	log_debug("joining box \"%s\"", name);
	if (b->detach && box_redirect(&standard, o->box.output, e) < 0) {
		box_put_back(&standard);
		return -1;
	}

	int r = container_exec(&exec, &exit_code, call->arena, e);
	if (b->detach)
		box_put_back(&standard);
	if (r < 0) {
		call->failure = box_exit_code(e);
		box_explain_flag(call, b, e);
		return box_locate(b, e);
	}

	return b->detach ? box_print_name(name, e) : exit_code;
}
