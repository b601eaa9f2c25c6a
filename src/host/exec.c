/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/exec.c - exec: a further process in a running container
 *
 * docs/CONTRACT.md B7. Settings come from what create has saved (saved_config.h), not from the
 * bundle, which may have changed; with --process, from that file. What the file leaves out of the
 * program's confinement is taken from the container. The walk through the plan is that of create,
 * without a rollback: a process leaves nothing to undo.
 */
#include "host/exec.h"

#include "base/fmt.h"
#include "base/words.h"
#include "heap/log.h"
#include "host/create/create.h"
#include "host/find.h"
#include "host/foreground.h"
#include "host/saved_config.h"
#include "host/selinux.h"
#include "host/subgroup.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "plan/annotations/annotation.h"
#include "plan/process/exec.h"

#include <linux/magic.h>

/* ---- the process of the exec ---- */

/* Append @more to @list; NULL-terminated. */
static const char **list_append(const char **list, size_t *count, const char *const *more,
				struct arena *a)
{
	size_t n = list_length(more);
	const char **joined = arena_array(a, *count + n + 1, sizeof(*joined));

	if (list)
		memcpy(joined, list, *count * sizeof(*joined));
	if (n > 0)
		memcpy(joined + *count, more, n * sizeof(*joined));
	*count += n;

	return joined;
}

/*
 * Digits only: a name would be looked up in the image, which could map it to any ID
 * (CVE-2016-3697).
 */
static int read_id(const char *what, const char *text, uint32_t *id, struct err *e)
{
	unsigned long long number;

	if (fmt_parse_u64(text, &number) < 0 || number >= UINT32_MAX)
		return err_msg(e, "invalid %s \"%s\": it is a number from 0 to %u", what, text,
			       UINT32_MAX - 1);
	*id = (uint32_t) number;

	return 0;
}

static int override_user(struct oci_user *user, const struct exec_options *o, struct arena *a,
			 struct err *e)
{
	size_t more = list_length(o->additional_gids);
	uint32_t *gids = arena_array(a, user->additional_gids_count + more + 1, sizeof(*gids));

	if (o->user) {
		char *uid = arena_strdup(a, o->user), *colon = strchr(uid, ':');

		if (colon)
			*colon = '\0';
		if (read_id("user", uid, &user->uid, e) < 0 ||
		    (colon && read_id("group", colon + 1, &user->gid, e) < 0))
			return -1;
	}
	if (user->additional_gids_count > 0)
		memcpy(gids, user->additional_gids, user->additional_gids_count * sizeof(*gids));
	for (size_t i = 0; i < more; i++)
		if (read_id("additional group", o->additional_gids[i],
			    &gids[user->additional_gids_count + i], e) < 0)
			return -1;
	user->additional_gids = gids;
	user->additional_gids_count += more;

	return 0;
}

/*
 * runc's --cap: added to bounding, effective and permitted; to ambient only where inheritable has
 * any.
 */
static void add_caps(struct oci_process *process, const char *const *caps, struct arena *a)
{
	struct oci_capabilities *sets = arena_new(a, struct oci_capabilities);

	if (process->capabilities)
		*sets = *process->capabilities;
	sets->bounding = list_append(sets->bounding, &sets->bounding_count, caps, a);
	sets->effective = list_append(sets->effective, &sets->effective_count, caps, a);
	sets->permitted = list_append(sets->permitted, &sets->permitted_count, caps, a);
	if (sets->inheritable_count > 0)
		sets->ambient = list_append(sets->ambient, &sets->ambient_count, caps, a);
	process->capabilities = sets;
}

/*
 * Take program and user from `box`; rights and limits stay those of the container's process, unless
 * --cap or the like was given.
 */
static void take_made(struct oci_process *process, const struct exec_options *o)
{
	const struct oci_process *made = o->made->process;

	process->user = made->user;
	process->env = made->env;
	process->env_count = made->env_count;
	process->cwd = made->cwd;
	if (o->made_caps)
		process->capabilities = made->capabilities;
}

static int override(struct oci_process *process, const struct exec_options *o, struct arena *a,
		    struct err *e)
{
	struct oci_user *user = arena_new(a, struct oci_user);

	if (process->user)
		*user = *process->user;
	process->user = user;
	if (override_user(user, o, a, e) < 0)
		return -1;
	process->args_count = 0;
	process->args = list_append(NULL, &process->args_count, o->args, a);
	process->env = list_append(process->env, &process->env_count, o->env, a);
	if (list_length(o->caps) > 0)
		add_caps(process, o->caps, a);
	if (o->cwd)
		process->cwd = o->cwd;
	if (o->process_label)
		process->selinux_label = o->process_label;
	if (o->apparmor)
		process->apparmor_profile = o->apparmor;
	if (o->no_new_privs)
		process->has_no_new_privileges = process->no_new_privileges = true;
	process->has_terminal = process->terminal = o->tty;
	process->console_size = NULL;

	return 0;
}

/*
 * The process of --process. runc and crun take capabilities and labels from the container where the
 * file has none; otherwise a program would be unconfined because the file names no profile. runc
 * also takes scheduling policy, I/O priority, OOM score and CPU affinity. Neither takes rlimits.
 */
static const struct oci_process *load_process(const struct oci_config *config,
					      const struct exec_options *o, struct arena *a,
					      struct err *e)
{
	const struct oci_process *first = config->process, *loaded;
	struct oci_process *process = arena_new(a, struct oci_process);

	if (process_load(&loaded, o->process, a, e) < 0)
		return NULL;
	*process = *loaded;
	if (!first)
		return process;
	if (!process->capabilities)
		process->capabilities = first->capabilities;
	if (!process->apparmor_profile || !process->apparmor_profile[0])
		process->apparmor_profile = first->apparmor_profile;
	if (!process->selinux_label || !process->selinux_label[0])
		process->selinux_label = first->selinux_label;
	if (!process->exec_cpu_affinity)
		process->exec_cpu_affinity = first->exec_cpu_affinity;
	if (!process->scheduler)
		process->scheduler = first->scheduler;
	if (!process->io_priority)
		process->io_priority = first->io_priority;
	if (!process->has_oom_score_adj) {
		process->has_oom_score_adj = first->has_oom_score_adj;
		process->oom_score_adj = first->oom_score_adj;
	}

	return process;
}

/* config.json's process with the flags applied, or the process of --process. */
static const struct oci_process *choose_process(const struct oci_config *config,
						const struct exec_options *o, struct arena *a,
						struct err *e)
{
	struct oci_process *process = arena_new(a, struct oci_process);

	if (o->process)
		return load_process(config, o, a, e);
	if (config->process)
		*process = *config->process;
	else
		process->cwd = "/";
	if (o->made)
		take_made(process, o);
	if (!o->args[0]) {
		(void) err_msg(e, "there is no command to execute");
		return NULL;
	}

	return override(process, o, a, e) < 0 ? NULL : process;
}

/* The annotations of `box` that are about the program; a restriction of the container is kept. */
static struct oci_string_map *choose_annotations(const struct oci_config *saved,
						 const struct oci_config *made, struct arena *a)
{
	const struct oci_string_map *own = made->annotations;
	const char *restriction = oci_string_map_find(saved->annotations, ANNOTATION_LANDLOCK);
	struct oci_string_map *all = arena_new(a, struct oci_string_map);

	if (!restriction)
		return made->annotations;

	size_t count = own ? own->count : 0;
	all->keys = arena_array(a, count + 1, sizeof(*all->keys));
	all->values = arena_array(a, count + 1, sizeof(*all->values));
	for (; all->count < count; all->count++) {
		all->keys[all->count] = own->keys[all->count];
		all->values[all->count] = own->values[all->count];
	}
	all->keys[all->count] = ANNOTATION_LANDLOCK;
	all->values[all->count++] = restriction;

	return all;
}

/* ---- the container ---- */

static int check_status(int dir, const struct record *rec, const struct exec_options *o,
			struct err *e)
{
	switch (state_status(dir, rec)) {
	case STATUS_STOPPED:
		return err_msg(e, "cannot exec in a stopped container");
	case STATUS_PAUSED:
		return o->ignore_paused ? 0
					: err_msg(e, "cannot exec in a paused container (use "
						     "--ignore-paused to override)");
	default:
		return 0;
	}
}

/* ---- planning and performing ---- */

static int decide(struct create *c, const struct exec_options *o, int dir, struct record *rec,
		  struct arena *a, struct arena *own, struct err *e)
{
	const struct oci_config *saved;
	struct exec_target target;
	struct facts facts;

	if (preserve_fds_check(o->flags.preserve_fds, e) < 0 ||
	    watch_choose(&c->watch, &o->watch, !o->detach, e) < 0)
		return -1;
	plan_reserve(a);
	if (saved_config_read(dir, &saved, own, e) < 0 || facts_gather_ours(&facts, own, e) < 0)
		return -1;

	watch_without_profile(&c->watch, saved);

	struct oci_config config = *saved;
	if (o->made)
		config.annotations = choose_annotations(saved, o->made, own);
	config.process = (struct oci_process *) choose_process(saved, o, own, e);
	if (!config.process)
		return -1;

	c->watch_command = (const char *const *) config.process->args;
	target = (struct exec_target) {
		.pid = rec->pid,
		.start_time = rec->start_time,
		.namespaces = rec->namespaces,
	};
	if (subgroup_choose(&target, rec, o->cgroups, own, e) < 0)
		return -1;
	watch_choose_cgroup(&c->watch, &config, &facts, &target, own);
	config = *watch_config(&c->watch, &config, own);
	facts_gather_asked(&facts, &config, own);
	selinux_ask(&facts, &config, own);
	if (rec->namespaces & CLONE_NEWUSER)
		facts_gather_container(&facts, rec->pid);
	c->running = rec;
	c->seccomp_cache.root = o->root.path;

	const struct plan_options options = {
		.id = rec->id,
		.bundle = rec->bundle,
		.pass_console = o->console_socket != NULL,
		.detach = o->detach,
		.ends_with_us = o->made && !o->detach,
		.flags = o->flags,
		.listen_fds = listen_fds_count(o->own_env),
		.own_env = o->own_env,
		.seccomp_cache = &c->seccomp_cache,
		.watch = watch_planned(&c->watch),
		.watched = &c->watch.profile,
		.notes = &c->notes,
		.debug = log_wants_debug(),
	};

	return plan_make_exec(a, own, &config, &options, &facts, &target, &c->plan, &c->warnings,
			      e);
}

static int perform(struct create *c, struct err *e)
{
	int r = arena_seal(c->plan_arena);
	if (r < 0)
		return err_sys(e, r, "seal the plan");
	create_log_warnings(c);
	if (publish_prepare(c, e) < 0 || create_watch_signals(c, e) < 0 ||
	    watch_begin(&c->watch, c->watch_command, e) < 0 || create_perform(c, e) < 0 ||
	    watch_attend(c, e) < 0 || publish_pidfd(c, e) < 0)
		return -1;
	seccomp_cache_store(&c->seccomp_cache);

	return publish_pid_file(c, e);
}

static int decide_and_perform(struct create *c, const struct exec_options *o, int dir,
			      struct record *rec, struct arena *records, struct err *e)
{
	struct arena *a = c->plan_arena;

	if (create_open_arena(a, e) < 0 || decide(c, o, dir, rec, a, records, e) < 0)
		return -1;

	int r = perform(c, e);
	publish_close(c);

	return r;
}

int container_exec(const struct exec_options *o, int *exit_code, struct arena *records,
		   struct err *e)
{
	const struct create_options as_run = {
		.root = o->root,
		.id = o->id,
		.console_socket = o->console_socket,
		.pid_file = o->pid_file,
		.pid_file_place = o->pid_file_place,
		.pidfd_socket = o->pidfd_socket,
		.run = true,
		.detach = o->detach,
		.input_ends = o->input_ends,
	};
	struct create c = CREATE_INITIAL(&as_run);
	struct arena a = { .memfd = -1 };
	struct record rec;

	autoclose int dir = container_lookup(&o->root, o->id, true, &rec, records, e);
	if (dir < 0)
		return -1;
	c.plan_arena = &a;
	if (check_status(dir, &rec, o, e) < 0)
		return -1;
	if (decide_and_perform(&c, o, dir, &rec, records, e) < 0) {
		create_kill(&c);
		watch_abandon(&c.watch);
		/* Closed, as `box` makes its next plan at the same address. */
		arena_close(&a);
		if (e->code == ESRCH)
			(void) state_check_pids(&rec, e);
		return -1;
	}
	*exit_code = 0;
	if (o->detach)
		return 0;

	return foreground_wait(&c, exit_code, e) < 0 ? -1 : watch_end(&c.watch, *exit_code, e);
}
