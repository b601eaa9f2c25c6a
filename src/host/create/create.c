/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/create.c - create, run and plan: from a bundle to a container
 *
 * Load and plan, which has no side effects; seal the plan; perform it; then publish record and pid
 * file. A failure at any of these is rolled back.
 */
#include "host/create/create.h"

#include "base/fmt.h"
#include "base/words.h"
#include "heap/log.h"
#include "host/criu/restore.h"
#include "host/delete.h"
#include "host/foreground.h"
#include "host/hooks.h"
#include "host/selinux.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "plan/annotations/allow.h"
#include "plan/planner.h"
#include "plan/seccomp/cache.h"
#include "state/directory.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

/* ---- planning ---- */

/* fs.nr_open, the kernel's own bound, is 2^20 by default. */
#define MAX_PRESERVED (1 << 20)

/*
 * Descriptors beside the preserved ones: standard input, output and error, and some of tare-init.
 */
#define NOT_PRESERVED 8

#define SECCOMP_RECEIVER "run.oci.seccomp.receiver"

int preserve_fds_check(unsigned count, struct err *e)
{
	struct sys_rlimit limit;

	if (count == 0)
		return 0;
	if (count > MAX_PRESERVED)
		return err_msg(e, "--preserve-fds %u: no process has so many", count);

	/* tare's own descriptors stand behind those that are preserved. */
	int r = sys_get_rlimit(0, RLIMIT_NOFILE, &limit);
	if (r < 0 || count + NOT_PRESERVED <= limit.soft)
		return 0;
	err_msg(e, "--preserve-fds %u: this process may have %llu descriptors", count,
		(unsigned long long) limit.soft);

	return err_hint(e, "`ulimit -n` shows and sets the limit");
}

int listen_fds_count(const char *const *env)
{
	const char *listen_pid = env_value(env, "LISTEN_PID");
	const char *listen_fds = env_value(env, "LISTEN_FDS");
	unsigned long long pid, count;

	if (!listen_pid || !listen_fds || fmt_parse_u64(listen_pid, &pid) < 0 ||
	    fmt_parse_u64(listen_fds, &count) < 0)
		return 0;

	return (pid_t) pid == sys_pid() && count < 1024 ? (int) count : 0;
}

static bool makes_user_namespace(const struct oci_config *config)
{
	const struct oci_linux *linux = config->linux;

	for (size_t i = 0; linux && i < linux->namespaces_count; i++)
		if (strcmp(linux->namespaces[i].type, "user") == 0)
			return true;

	return false;
}

/*
 * The agent of crun's annotation, or of its variable, which an engine sets for all containers;
 * @path inside is NULL without either.
 */
static int find_agent(const struct create_options *o, const struct oci_config *config,
		      struct arena *a, struct host_path *agent, struct err *e)
{
	const char *value = oci_string_map_find(config->annotations, SECCOMP_RECEIVER), *warning;

	*agent = (struct host_path) {
		.path = value ? NULL : env_value(o->own_env, "RUN_OCI_SECCOMP_RECEIVER"),
	};
	if (value && value[0]) {
		if (allow_path(o->own_env, SECCOMP_RECEIVER, value, a, agent, &warning, e) < 0)
			return -1;
		if (warning)
			log_warning("%s", warning);
	}
	if (agent->path && agent->path[0] && agent->path[0] != '/')
		return err_msg(e, "the seccomp receiver \"%s\" is not absolute", agent->path);

	return 0;
}

/*
 * Set listenerPath to the agent that crun's annotation or variable names, for engines that leave
 * listenerPath out; exec uses it too.
 */
static int choose_agent(struct create *c, struct arena *a, struct err *e)
{
	const struct oci_config *config = c->bundle.config;
	struct oci_linux_seccomp *seccomp = config->linux ? config->linux->seccomp : NULL;
	struct host_path agent;

	if (!seccomp || (seccomp->listener_path && seccomp->listener_path[0]))
		return 0;
	if (find_agent(c->options, config, a, &agent, e) < 0)
		return -1;
	if (!agent.path || !agent.path[0])
		return 0;
	seccomp->listener_path = arena_strdup(a, agent.path);
	c->agent_below = agent.below;

	return 0;
}

static bool is_detached(const struct create_options *o)
{
	return !o->run || o->detach;
}

/* What a plan is made for. */
enum purpose {
	TO_BE_DONE,
	TO_BE_SHOWN,   /* printed only: rights are not checked */
	TO_BE_CHECKED, /* checked: not performed, but must be possible with the present rights */
};

static int load_bundle(struct create *c, struct arena *own, struct err *e)
{
	const struct create_options *o = c->options;

	if (!o->made)
		return bundle_load(&c->bundle, o->bundle, o->config, own, e);
	c->bundle = (struct bundle) { .path = o->made->path, .config = o->made->config };

	return 0;
}

static int gather_facts(const struct create *c, enum purpose purpose, struct facts *facts,
			struct arena *own, struct err *e)
{
	const struct create_options *o = c->options;

	if (o->made)
		*facts = *o->made->facts;
	else if (facts_gather(facts, own, e) < 0)
		return -1;
	facts_gather_asked(facts, watch_config(&c->watch, c->bundle.config, own), own);
	selinux_ask(facts, c->bundle.config, own);
	if (purpose == TO_BE_SHOWN && facts->euid != 0 && !makes_user_namespace(c->bundle.config))
		facts_assume_root(facts);
	if (o->flags.systemd_cgroup)
		facts_gather_systemd(facts, own);

	return 0;
}

static struct plan_options options_of(struct create *c, enum purpose purpose, struct arena *own)
{
	const struct create_options *o = c->options;

	return (struct plan_options) {
		.id = o->id,
		.bundle = c->bundle.path,
		.state_dir = arena_printf(own, "%s/%s", o->root.path, o->id),
		.wait_for_start = !o->run,
		/* `plan` needs no --console-socket: an engine only gives it at create. */
		.pass_console =
			o->console_socket != NULL || (purpose != TO_BE_DONE && is_detached(o) &&
						      create_wants_terminal(c->bundle.config)),
		.detach = is_detached(o),
		.only_plan = purpose == TO_BE_SHOWN,
		.flags = o->flags,
		.listen_fds = listen_fds_count(o->own_env),
		.own_env = o->own_env,
		.notes = &c->notes,
		.debug = log_wants_debug(),
		.ask_network = o->made && o->made->ask_network,
		.print_omitted = o->made && o->made->print_omitted,
		.whole_root = o->made && o->made->whole_root,
		.own_targets = o->made,
		.plain_dev = o->made && o->made->plain_dev,
		.image = o->made && o->made->image,
		.layers = o->made ? o->made->layers : NULL,
		.seccomp_cache = purpose == TO_BE_DONE ? &c->seccomp_cache : NULL,
		.watch = watch_planned(&c->watch),
		.watched = &c->watch.profile,
	};
}

static int make_plan(struct create *c, enum purpose purpose, const struct facts *facts,
		     struct arena *a, struct arena *own, struct err *e)
{
	const struct plan_options options = options_of(c, purpose, own);

	if (plan_make(a, own, watch_config(&c->watch, c->bundle.config, own), &options, facts,
		      &c->plan, &c->warnings, e) < 0)
		return bundle_locate(&c->bundle, own, e);
	if (!c->watch.counting || c->plan->steps[c->plan->spawn].spawn.cgroup)
		return 0;
	/* tare-init is not cloned into a v2 cgroup, so a filter must record. */
	watch_stop_counting(&c->watch);

	return make_plan(c, purpose, facts, a, own, e);
}

/* Plan: the plan goes to @a, which tare-init maps; config.json and all else to @own. */
static int decide(struct create *c, enum purpose purpose, struct facts *facts, struct arena *a,
		  struct arena *own, struct err *e)
{
	if (preserve_fds_check(c->options->flags.preserve_fds, e) < 0)
		return -1;
	plan_reserve(a);
	if (load_bundle(c, own, e) < 0)
		return -1;
	if (choose_agent(c, own, e) < 0)
		return bundle_locate(&c->bundle, own, e);
	if (watch_choose(&c->watch, &c->options->watch, !is_detached(c->options), e) < 0)
		return -1;
	if (watch_annotations(&c->watch, c->bundle.config, c->options->own_env, own, e) < 0)
		return bundle_locate(&c->bundle, own, e);
	watch_without_profile(&c->watch, c->bundle.config);
	if (gather_facts(c, purpose, facts, own, e) < 0)
		return -1;
	c->seccomp_cache.root = c->options->root.path;
	if (purpose == TO_BE_DONE && !c->options->flags.systemd_cgroup &&
	    !c->options->flags.no_cgroup)
		watch_choose_backend(&c->watch, c->bundle.config, facts);

	return make_plan(c, purpose, facts, a, own, e);
}

void create_log_warnings(const struct create *c)
{
	for (const char *const *text = c->warnings; *text; text++)
		log_warning("%s", *text);
	for (const char *const *text = c->notes; *text; text++)
		log_info("%s", *text);
}

int create_open_arena(struct arena *a, struct err *e)
{
	int r = arena_open_shared(a);

	if (r == 0)
		return 0;
	(void) err_sys(e, r, "make the memory file of the plan");
	if (r == -EFBIG)
		err_hint(e, FILE_SIZE_LIMITED);

	return -1;
}

int container_plan(const struct create_options *o, enum plan_form form, struct err *e)
{
	struct create c = { .options = o };
	struct arena a, own;
	struct facts facts;

	arena_open(&own);
	if (create_open_arena(&a, e) < 0 || decide(&c, TO_BE_SHOWN, &facts, &a, &own, e) < 0)
		return -1;
	create_log_warnings(&c);
	plan_dump(c.plan, form, o->made ? &o->made->wishes : &(struct plan_wishes) { 0 });

	return 0;
}

int container_decide(const struct create_options *o, struct decision *d, struct arena *own,
		     struct err *e)
{
	struct create c = { .options = o };
	struct arena a;

	if (create_open_arena(&a, e) < 0)
		return -1;

	int r = decide(&c, TO_BE_CHECKED, &d->facts, &a, own, e);
	d->config = c.bundle.config;
	if (r < 0)
		return -1;
	d->plan = c.plan;
	d->warnings = c.warnings;
	d->notes = c.notes;

	return 0;
}

/* ---- performing ---- */

/* Signals that ask tare to stop: perform.c reads them and fails. */
int create_watch_signals(struct create *c, struct err *e)
{
	const uint64_t stop = 1ULL << (SIGTERM - 1) | 1ULL << (SIGINT - 1) | 1ULL << (SIGHUP - 1) |
			      1ULL << (SIGQUIT - 1);

	/*
	 * In the foreground all signals are for the program (foreground.c). These signals are
	 * blocked until foreground_wait() reads them, so that none of them ends tare.
	 */
	const uint64_t blocked =
		c->options->run && !c->options->detach ? foreground_signals() : stop;

	/*
	 * SIGPIPE: a failed write to a killed tare-init, or in the foreground to a closed stdout,
	 * is an error like any other. A program that tare executes gets the default action again.
	 */
	sys_ignore_signal(SIGPIPE);
	sys_signal_mask(SIG_BLOCK, &blocked, NULL);
	c->signals = sys_signalfd(&stop);

	return c->signals < 0 ? err_sys(e, c->signals, "watch for signals") : 0;
}

/*
 * runtime-spec, runtime.md#lifecycle: after a failed hook comes step 12, then poststop. A hook that
 * has succeeded before another step fails may have made something on the host, too.
 */
static void run_poststop_after_hook(const struct create *c, const struct record *rec,
				    struct arena *a)
{
	struct err failure;

	if (c->hook_begun &&
	    hooks_run_recorded(rec, "poststop", STATUS_STOPPED, true, -1, a, &failure) < 0)
		remove_warn(rec->id, &failure);
}

static const char *const *program_of(const struct create *c)
{
	const struct oci_process *process = c->bundle.config->process;

	return process ? (const char *const *) process->args : NULL;
}

static int perform(struct create *c, struct record *rec, struct arena *records, struct err *e)
{
	int r = arena_seal(c->plan_arena);
	if (r < 0)
		return err_sys(e, r, "seal the plan");
	create_log_warnings(c);
	if (publish_prepare(c, e) < 0 || create_watch_signals(c, e) < 0)
		return -1;
	publish_fill(c, rec, records);
	if (watch_begin(&c->watch, program_of(c), e) < 0 || create_perform(c, e) < 0 ||
	    watch_attend(c, e) < 0)
		return -1;
	rec->pid = c->pid;
	rec->start_time = c->start_time;
	if (c->options->restore)
		rec->namespaces |= restore_namespaces(c->pid);
	rec->root_mount = c->root_mount[0] ? c->root_mount : NULL;
	if (publish(c, rec, records, e) < 0)
		return -1;
	seccomp_cache_store(&c->seccomp_cache);

	return 0;
}

/* Create a container that waits for start, or for run, runs. A failure leaves nothing behind. */
static int create_container(struct create *c, struct arena *a, struct record *rec,
			    struct arena *records, struct err *e)
{
	struct facts facts;

	c->plan_arena = a;
	if (create_open_arena(a, e) < 0 || decide(c, TO_BE_DONE, &facts, a, records, e) < 0)
		return -1;

	int r = perform(c, rec, records, e);
	publish_close(c);
	if (r == 0) {
		/* Closed, so that the network namespace ends with the container. */
		fd_close(&c->network);
		c->network = -1;
		return 0;
	}

	create_rollback(c, e);
	recorder_abandon(&c->watch.recorder);
	run_poststop_after_hook(c, rec, records);

	return bundle_locate(&c->bundle, records, e);
}

int container_create(const struct create_options *o, struct arena *records, struct err *e)
{
	struct create c = CREATE_INITIAL(o);
	struct record rec;
	struct arena a;

	return create_container(&c, &a, &rec, records, e);
}

/* The container exists from here on, and stays: a signal may end tare now. */
static int wait_until_ready(struct create *c, struct err *e)
{
	const uint64_t none = 0;

	if (c->notify.in < 0)
		return 0;
	sys_signal_mask(SIG_SETMASK, &none, NULL);

	return notify_wait(&c->notify, c->pid, c->pidfd, e);
}

/* A detached program's terminal went to the engine; in the foreground tare copies it. */
static int finish_run(struct create *c, const struct record *rec, struct arena *a, int *exit_code,
		      struct err *e)
{
	const struct create_options *o = c->options;
	struct err failure;

	state_unlock(c->state_dir);
	if (o->made && o->made->root_lock >= 0)
		state_unlock(o->made->root_lock);
	if (o->event)
		o->event(o->context, &(struct run_event) { .kind = RUN_STARTED, .pid = rec->pid });
	if (o->detach) {
		*exit_code = 0;
		return wait_until_ready(c, e);
	}

	int r = foreground_wait(c, exit_code, e);
	if (r == 0 && o->keep)
		return watch_end(&c->watch, *exit_code, e);

	/*
	 * Another command may have deleted the container already. By its ID the state could then be
	 * that of a new one.
	 */
	if (state_lock(c->state_dir, o->id, &failure) < 0)
		return r < 0 ? r : watch_end(&c->watch, *exit_code, e);
	if (container_remove(&o->root, o->id, c->state_dir, rec, a, &failure) < 0 && r == 0) {
		*e = failure;
		return -1;
	}

	return r < 0 ? r : watch_end(&c->watch, *exit_code, e);
}

int container_run(const struct create_options *o, int *exit_code, struct arena *records,
		  struct err *e)
{
	struct create c = CREATE_INITIAL(o);
	struct record rec;
	struct arena a = { .memfd = -1 };

	if (create_container(&c, &a, &rec, records, e) < 0) {
		/* Closed, as `box` makes its next plan at the same address. */
		arena_close(&a);
		return -1;
	}
	if (hooks_run_recorded(&rec, "poststart", STATUS_RUNNING, false, c.journal, records, e) <
	    0) {
		struct err undo;

		(void) container_remove(&o->root, o->id, c.state_dir, &rec, records, &undo);
		return bundle_locate(&c.bundle, records, e);
	}

	return finish_run(&c, &rec, records, exit_code, e);
}
