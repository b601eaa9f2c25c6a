/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/publish.c - the container becomes known: its record, pidfd and pid file
 */
#include "host/create/create.h"

#include "host/agent.h"
#include "host/criu/externals.h"
#include "host/engine_socket.h"
#include "host/saved_config.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/time.h"
#include "state/directory.h"
#include "state/journal.h"

#include <string.h>

static size_t count_hooks(const struct oci_hook *hooks, size_t count, const char *stage,
			  struct record_hook *to, struct arena *a)
{
	for (size_t i = 0; to && i < count; i++) {
		const char *const *argv = (const char *const *) hooks[i].args;
		const char **none = arena_array(a, 2, sizeof(*none));

		none[0] = hooks[i].path;
		to[i] = (struct record_hook) {
			.stage = stage,
			.path = hooks[i].path,
			.argv = hooks[i].args_count > 0 ? argv : none,
			.envp = (const char *const *) hooks[i].env,
			.timeout = (unsigned) hooks[i].timeout,
		};
	}

	return count;
}

/* Record the hooks that later commands run. */
static void record_hooks(struct record *rec, const struct oci_hooks *hooks, struct arena *a)
{
	if (!hooks)
		return;

	size_t start = hooks->poststart_count, stop = hooks->poststop_count;
	struct record_hook *list = arena_array(a, start + stop + 1, sizeof(*list));

	count_hooks(hooks->poststart, start, "poststart", list, a);
	count_hooks(hooks->poststop, stop, "poststop", list + start, a);
	rec->hooks = list;
	rec->hook_count = start + stop;
}

static void record_annotations(struct record *rec, const struct oci_string_map *map,
			       struct arena *a)
{
	if (!map)
		return;

	struct record_pair *list = arena_array(a, map->count + 1, sizeof(*list));

	for (size_t i = 0; i < map->count; i++)
		list[i] = (struct record_pair) { .key = map->keys[i], .value = map->values[i] };
	rec->annotations = list;
	rec->annotation_count = map->count;
}

static void record_scope(struct record *rec, const struct plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].op == OP_START_SCOPE) {
			rec->scope = plan->steps[i].scope.unit;
			rec->scope_bus = plan->steps[i].scope.bus;
		}
}

const char *const *planned_cgroups(const struct plan *plan, struct arena *a)
{
	const char **list = arena_array(a, plan->step_count + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].op == OP_MAKE_CGROUP)
			list[n++] = plan->steps[i].cgroup.path;
		else if (plan->steps[i].op == OP_START_SCOPE && plan->steps[i].scope.holds_process)
			list[n++] = plan->steps[i].scope.cgroup;

	return list;
}

/* A relative listenerPath is relative to the bundle, as with runc. */
static void record_agent(struct record *rec, const struct create *c, struct arena *a)
{
	const struct oci_config *config = c->bundle.config;
	const struct plan *plan = c->plan;
	const struct step *last = plan->step_count > 1 ? &plan->steps[plan->step_count - 2] : NULL;

	if (!last || last->op != OP_SET_SECCOMP || !last->seccomp.notify)
		return;

	if (c->watch.kind != WATCH_NONE) {
		rec->agent = arena_printf(a, "%s/%s/" STATE_RECORDER, c->options->root.path,
					  c->options->id);
		return;
	}

	const struct oci_linux_seccomp *seccomp = config->linux->seccomp;

	rec->agent = seccomp->listener_path[0] == '/'
			     ? seccomp->listener_path
			     : arena_printf(a, "%s/%s", plan->bundle, seccomp->listener_path);
	rec->agent_metadata = seccomp->listener_metadata;
	rec->agent_below = c->agent_below;
}

void publish_fill(const struct create *c, struct record *rec, struct arena *a)
{
	const struct oci_config *config = c->bundle.config;
	char *created = arena_alloc(a, TIME_TEXT);
	struct timespec now;

	sys_clock_realtime(&now);
	time_text(created, &now, 9);
	*rec = (struct record) {
		.id = c->plan->id,
		.oci_version = config->oci_version,
		.bundle = c->plan->bundle,
		.config_file = c->options->config,
		.rootfs = c->plan->rootfs,
		.created = created,
		.owner = sys_euid(),
		.pid_namespace = proc_pid_namespace(),
		.cgroups = planned_cgroups(c->plan, a),
		.namespaces = c->plan->namespaces,
		.has_process = config->process != NULL,
		.hooks_out = c->plan->hooks_out,
		.hooks_err = c->plan->hooks_err,
	};
	if (c->options->made) {
		rec->box_root = c->options->made->mark;
		rec->box_overlay = c->options->made->overlay_mark;
		rec->omissions = c->options->made->omitted;
		rec->omission_count = c->options->made->omitted_count;
	}
	if (!create_wants_terminal(config))
		externals_record_stdio(rec, a);
	externals_record(rec, c->plan, a);
	record_agent(rec, c, a);
	record_scope(rec, c->plan);
	record_annotations(rec, config->annotations, a);
	record_hooks(rec, config->hooks, a);
}

int create_send_to_agent(const struct create *c, int listener, struct err *e)
{
	struct record rec;
	struct arena a;

	if (c->watch.recorder.pid > 0) {
		int r = recorder_give_listener(&c->watch.recorder, listener);

		return r < 0 ? err_sys(e, r, "give the recorder its listener") : 0;
	}
	arena_open(&a);
	if (!c->running) {
		publish_fill(c, &rec, &a);
		rec.pid = c->pid;
	}

	int r = c->running ? agent_send(c->running, c->pid, STATUS_RUNNING, listener, &a, e)
			   : agent_send(&rec, c->pid, STATUS_CREATING, listener, &a, e);
	arena_close(&a);

	return r;
}

#define RECEIVER_PLACE "/annotations/run.oci.pidfd_receiver"

int publish_prepare(struct create *c, struct err *e)
{
	const struct host_path socket = { .path = c->options->pidfd_socket };
	const struct host_path *receiver = &c->plan->pidfd_receiver;

	if (c->options->pid_file &&
	    pidfile_prepare(c->options->pid_file, &c->special_pid_file, e) < 0)
		return err_at(e, c->options->pid_file_place);
	if (socket.path && (c->pidfd_socket = engine_connect(&socket, e)) < 0)
		return -1;
	if (receiver->path && (c->pidfd_receiver = engine_connect(receiver, e)) < 0)
		return err_at(e, RECEIVER_PLACE);

	return 0;
}

int publish_pidfd(const struct create *c, struct err *e)
{
	const struct host_path socket = { .path = c->options->pidfd_socket };
	const struct host_path *receiver = &c->plan->pidfd_receiver;

	if (socket.path && pidfd_send(c->pidfd_socket, &socket, c->pidfd, e) < 0)
		return -1;
	if (receiver->path && pidfd_send(c->pidfd_receiver, receiver, c->pidfd, e) < 0)
		return err_at(e, RECEIVER_PLACE);

	return 0;
}

void publish_close(struct create *c)
{
	fd_close(&c->pidfd_socket);
	fd_close(&c->pidfd_receiver);
	fd_close(&c->special_pid_file);
	c->pidfd_socket = c->pidfd_receiver = c->special_pid_file = -1;
}

int publish_pid_file(const struct create *c, struct err *e)
{
	if (!c->options->pid_file ||
	    pidfile_write(c->options->pid_file, c->special_pid_file, c->pid, e) == 0)
		return 0;

	return err_at(e, c->options->pid_file_place);
}

int publish(struct create *c, const struct record *rec, struct arena *a, struct err *e)
{
	if (saved_config_write(c->state_dir, c->bundle.config, a, e) < 0 ||
	    record_write(c->state_dir, rec, a, e) < 0)
		return -1;
	c->recorded = true;
	if (publish_pidfd(c, e) < 0)
		return -1;
	if (c->keeps && journal_created(c->journal, e) < 0)
		return -1;

	return publish_pid_file(c, e);
}
