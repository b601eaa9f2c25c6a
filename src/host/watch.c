/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/watch.c - the recorder of --record and --refused, and its filter
 *
 * The recorder takes the place of a seccomp agent: tare-init loads a filter with a listener, and
 * tare, or start, passes the listener on. tare-init notices no difference.
 */
#include "host/watch.h"

#include "base/table.h"
#include "cgroup/cgroup.h"
#include "heap/log.h"
#include "host/create/create.h"
#include "host/host_path.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/socket.h"
#include "plan/annotations/allow.h"
#include "plan/annotations/annotation.h"
#include "plan/process/exec.h"
#include "state/directory.h"

#include <signal.h>
#include <sys/socket.h>

int watch_choose(struct watch *w, const struct watch_wishes *wishes, bool foreground, struct err *e)
{
	if (wishes->record && wishes->refused)
		return err_msg(e, "--record and --refused exclude each other");
	if (wishes->with_profile && !wishes->record)
		return err_msg(e, "--record-with-profile goes with --record only");
	if (wishes->refused && !wishes->refused[0] && !foreground) {
		(void) err_msg(e, "--refused: nobody waits for what is refused to be reported");
		return err_hint(e, "--refused=FILE");
	}
	if (wishes->record) {
		w->kind = wishes->with_profile ? WATCH_WITH_PROFILE : WATCH_ALL;
		w->file.path = wishes->record;
	} else if (wishes->refused) {
		w->kind = WATCH_REFUSED;
		w->file.path = wishes->refused[0] ? wishes->refused : NULL;
	}

	return 0;
}

int watch_annotations(struct watch *w, const struct oci_config *config, const char *const *env,
		      struct arena *a, struct err *e)
{
	static const struct {
		const char *key;
		enum plan_watch kind;
	} known[] = {
		{ "org.tare.record", WATCH_ALL },
		{ "org.tare.refused", WATCH_REFUSED },
	};
	const char *warning;

	for (size_t i = 0; i < ARRAY_SIZE(known) && w->kind == WATCH_NONE; i++) {
		const char *value = oci_string_map_find(config->annotations, known[i].key);

		if (!value)
			continue;
		if (allow_path(env, known[i].key, value, a, &w->file, &warning, e) < 0)
			return -1;
		if (warning)
			log_warning("%s", warning);
		else
			w->kind = known[i].kind;
	}

	return 0;
}

void watch_without_profile(struct watch *w, const struct oci_config *config)
{
	if (w->kind == WATCH_WITH_PROFILE && (!config->linux || !config->linux->seccomp))
		w->kind = WATCH_ALL;
}

static void open_counter(struct watch *w, const struct facts *facts)
{
	if (facts->euid != 0 || !facts->initial_userns)
		return;
	if (w->kind == WATCH_REFUSED)
		w->counts_kills = counter_open_kills(&w->counter) == 0;
	else if (w->kind == WATCH_ALL)
		w->counting = counter_open(&w->counter) == 0;
}

void watch_choose_backend(struct watch *w, const struct oci_config *config,
			  const struct facts *facts)
{
	const char *init = oci_string_map_find(config->annotations, ANNOTATION_INIT);
	const struct cgroup_layout *l = &facts->cgroups;
	/* tare-init stays as the first process, and its calls are not the program's. */
	bool stays = w->kind == WATCH_ALL && init && strcmp(init, "1") == 0;

	if (l->count > 0 && l->hierarchies[l->count - 1].v2 && !stays)
		open_counter(w, facts);
}

void watch_stop_counting(struct watch *w)
{
	counter_close(&w->counter);
	w->counting = w->counts_kills = false;
}

void watch_choose_cgroup(struct watch *w, const struct oci_config *config,
			 const struct facts *facts, struct exec_target *t, struct arena *a)
{
	bool useless = w->kind == WATCH_REFUSED && (!config->linux || !config->linux->seccomp);
	const char *own;

	if (w->kind == WATCH_NONE || useless || !t->cgroup)
		return;
	open_counter(w, facts);
	if (!w->counting && !w->counts_kills)
		return;
	own = arena_printf(a, "%s/tare-exec-%d", t->cgroup, sys_pid());
	/* -EAGAIN: the limit cgroup.max.descendants is reached; -EEXIST: processes may be there. */
	if (sys_mkdir_at(AT_FDCWD, own, 0755) < 0) {
		watch_stop_counting(w);
		return;
	}
	t->cgroup = w->cgroup = own;
	t->cgroup_below = NULL; /* a cgroup that is new has no controllers enabled */
}

enum plan_watch watch_planned(const struct watch *w)
{
	return w->counting ? WATCH_NONE : w->kind;
}

/* False: the calls that the profile kills are not named, and nothing else is different. */
static bool aim_kills(const struct watch *w, const char *cgroup)
{
	autoclose int dir = cgroup ? sys_open(cgroup, O_RDONLY | O_DIRECTORY) : -ENOENT;

	return dir >= 0 && counter_aim_kills(&w->counter, dir) == 0;
}

int watch_aim(struct create *c, struct err *e)
{
	const char *cgroup = c->plan->steps[c->plan->spawn].spawn.cgroup;

	c->watch.counts_kills = c->watch.counts_kills && aim_kills(&c->watch, cgroup);
	if (!c->watch.counting)
		return 0;

	autoclose int dir = sys_open(cgroup, O_RDONLY | O_DIRECTORY);
	autoclose int events = dir < 0 ? dir : sys_open_at(dir, "cgroup.events", O_RDONLY, 0);
	int r = events < 0 ? events : counter_aim(&c->watch.counter, dir, c->pid);
	if (r == 0)
		r = recorder_give_events(&c->watch.recorder, events);

	return r < 0 ? err_sys(e, r, "have the kernel count the calls of \"%s\"", cgroup) : 0;
}

const struct oci_config *watch_config(const struct watch *w, const struct oci_config *config,
				      struct arena *a)
{
	struct oci_config *copy;
	struct oci_linux *linux;

	/* WATCH_REFUSED needs a profile. */
	if (w->kind == WATCH_NONE ||
	    (w->kind == WATCH_REFUSED && (!config->linux || !config->linux->seccomp)))
		return config;
	copy = arena_new(a, struct oci_config);
	linux = arena_new(a, struct oci_linux);
	*copy = *config;
	if (config->linux)
		*linux = *config->linux;
	copy->linux = linux;
	if (w->counting) {
		linux->seccomp = NULL;
	} else if (!linux->seccomp || w->kind == WATCH_ALL) {
		linux->seccomp = arena_new(a, struct oci_linux_seccomp);
		linux->seccomp->default_action = "SCMP_ACT_ALLOW";
	}

	return copy;
}

int watch_begin(struct watch *w, const char *const *command, struct err *e)
{
	struct recorder_wishes wishes = {
		.path = w->file.path,
		.directory = -1,
		.profile = w->profile,
		.counter = w->counting ? &w->counter : NULL,
		.kills = w->counts_kills ? &w->counter : NULL,
		.only_refused = w->kind == WATCH_REFUSED,
		.cgroup = w->cgroup,
		.command = command,
	};

	if (w->kind == WATCH_NONE || (w->kind == WATCH_REFUSED && !w->profile))
		return 0;
	if (!w->file.below)
		return recorder_start(&w->recorder, &wishes, e);

	autoclose int directory = host_path_parent(&w->file, &wishes.name);
	if (directory < 0)
		return err_sys(e, directory, "record \"%s\"", w->file.path);
	wishes.directory = directory;

	return recorder_start(&w->recorder, &wishes, e);
}

int watch_attend(struct create *c, struct err *e)
{
	struct watch *w = &c->watch;
	int r = 0;

	if (w->recorder.pid <= 0)
		return 0;
	if (!c->options->run && !w->counting) {
		autoclose int socket = sys_listen_at(c->state_dir, STATE_RECORDER, SOCK_STREAM);

		r = socket < 0 ? socket : recorder_give_socket(&w->recorder, socket);
	}
	if (r == 0)
		r = recorder_attend(&w->recorder, c->pidfd);
	/* The recorder has them too. */
	counter_close(&w->counter);

	return r < 0 ? err_sys(e, r, "tell the recorder which process it is for") : 0;
}

void watch_abandon(struct watch *w)
{
	const char *const dirs[] = { w->cgroup, NULL };
	struct err e;

	recorder_abandon(&w->recorder);
	counter_close(&w->counter);
	if (w->cgroup)
		(void) cgroup_remove(w->cgroup, dirs, &e);
}

int watch_end(struct watch *w, int exit_code, struct err *e)
{
	if (w->kind == WATCH_REFUSED && w->profile && !w->counts_kills && exit_code == 128 + SIGSYS)
		log_warning("the profile may have killed the program (SIGSYS): which call that was "
			    "the kernel tells root only, on x86-64, with a cgroup of v2");

	return recorder_wait(&w->recorder, e);
}
