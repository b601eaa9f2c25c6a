/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/restore.c - restore: a saved container instead of a new one
 *
 * The plan is made as for `run`, so config.json is checked in the same way, and gives the same
 * cgroups, limits, hooks and sources of mounts. tare performs its own steps in three parts: before
 * CRIU begins, when the namespaces exist, and when all processes exist but do not run yet. The
 * effects of tare-init's steps come from CRIU's images. The first process becomes a child of tare
 * (rst_sibling), as with create. The journal names this process, and the cgroups to which CRIU
 * moves the processes, before CRIU continues. CRIU itself stays in our cgroup: its memory is not
 * charged to the container, and limits are in force from the first process on.
 */
#include "host/criu/restore.h"

#include "base/fmt.h"
#include "base/path.h"
#include "base/table.h"
#include "cgroup/cgroup.h"
#include "host/criu/cgroups.h"
#include "host/criu/externals.h"
#include "host/criu/options.h"
#include "host/engine_socket.h"
#include "host/ps.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "state/journal.h"
#include "wire/place.h"

/* When a restore performs a step. */
enum moment {
	MOMENT_NEVER,	   /* CRIU performs the step, or there is nothing to do */
	MOMENT_FIRST,	   /* before CRIU begins */
	MOMENT_NAMESPACES, /* when the namespaces exist, with the first process in them */
	MOMENT_PROCESSES,  /* when all processes exist, still stopped */
	MOMENT_PLACE,	   /* MOMENT_FIRST if tare-init's steps come later; else MOMENT_PROCESSES */
	MOMENT_HOOK, /* createContainer: MOMENT_NAMESPACES; startContainer: MOMENT_PROCESSES */
	MOMENT_CRIU, /* before CRIU begins, by CRIU's own process */
};

static const enum moment moments[OP_COUNT] = {
	[OP_CLAIM_ID] = MOMENT_FIRST,
	[OP_MAKE_NOTIFY] = MOMENT_FIRST,
	[OP_MAKE_CGROUP] = MOMENT_FIRST,
	[OP_WRITE_CGROUP] = MOMENT_PLACE,
	[OP_ATTACH_DEVICES] = MOMENT_PLACE,
	[OP_MAKE_RESCTRL] = MOMENT_FIRST,
	[OP_WRITE_RESCTRL] = MOMENT_FIRST,
	[OP_SPAWN] = MOMENT_FIRST,
	[OP_START_SCOPE] = MOMENT_FIRST,
	[OP_JOIN_CGROUP] = MOMENT_CRIU,
	[OP_HAND_DOWN] = MOMENT_FIRST,
	[OP_JOIN_RESCTRL] = MOMENT_FIRST, /* CRIU's children inherit it */
	[OP_OWN_CGROUP] = MOMENT_NAMESPACES,
	[OP_RUN_HOST_HOOK] = MOMENT_NAMESPACES,
	[OP_RUN_HOOK] = MOMENT_HOOK,
	[OP_SET_IO_PRIORITY] = MOMENT_PROCESSES,
};

struct restore {
	struct create *create;
	struct arena arena;
	struct criu criu;
	struct criu_start start;
	struct criu_request request;
	struct criu_places places;
	size_t first_inside; /* index of tare-init's first step */
	bool criu_joins;     /* CRIU must be in the container's cgroups */
};

/* ---- steps ---- */

static size_t find_first_inside(const struct plan *plan)
{
	size_t i = plan->spawn + 1;

	while (i < plan->step_count && plan->steps[i].on_host)
		i++;

	return i;
}

static bool is_due(const struct restore *r, size_t index, enum moment now)
{
	const struct step *s = &r->create->plan->steps[index];
	enum moment moment = moments[s->op];

	if (moment == MOMENT_HOOK)
		moment = s->hook.in_container ? MOMENT_PROCESSES : MOMENT_NAMESPACES;
	if (moment == MOMENT_PLACE)
		moment = index < r->first_inside ? MOMENT_FIRST : MOMENT_PROCESSES;
	if (moment == MOMENT_CRIU)
		moment = r->criu_joins ? MOMENT_FIRST : MOMENT_NEVER;

	return moment == now;
}

static int begin_criu(struct restore *r, struct err *e);

/* Two steps have another performer than for a create. */
static int perform_one(struct restore *r, size_t index, struct err *e)
{
	struct create *c = r->create;
	const struct step *s = &c->plan->steps[index];

	switch (s->op) {
	case OP_SPAWN:
		return begin_criu(r, e);
	case OP_RUN_HOOK:
		c->hook_begun = true;
		return restore_run_hook(c, s, e) < 0 ? err_at(e, s->place) : 0;
	default:
		return create_perform_step(c, index, e);
	}
}

static int perform_due(struct restore *r, enum moment now, struct err *e)
{
	for (size_t i = 0; i < r->create->plan->step_count; i++)
		if (is_due(r, i, now) && perform_one(r, i, e) < 0)
			return -1;

	return 0;
}

/* ---- CRIU begins ---- */

/*
 * The mount that contains the place of another mount: the deepest of the earlier ones. NULL: the
 * rootfs.
 */
static const struct mount_step *find_below(const struct plan *plan, size_t index)
{
	const char *target = plan->steps[index].mount.target;
	const struct mount_step *found = NULL;

	for (size_t i = 0; i < index; i++) {
		const struct step *s = &plan->steps[i];
		const char *below = s->op == OP_MOUNT && !s->mount.remount
					    ? path_below(target, s->mount.target)
					    : NULL;
		if (below && below[1] != '\0' &&
		    (!found || strlen(s->mount.target) >= strlen(found->target)))
			found = &s->mount;
	}

	return found;
}

/* @target: as seen from the directory @top. */
static int make_place(int top, const char *target, const struct mount_step *m, struct err *e)
{
	struct stat st;
	bool file =
		m->bind && sys_stat_at(AT_FDCWD, m->source, 0, &st) == 0 && !S_ISDIR(st.st_mode);
	int fd = place_make(top, target, file ? TARGET_FILE : TARGET_DIRECTORY, e);

	fd_close(&fd);

	return fd < 0 ? err_in(e, "\"%s\"", m->target) : 0;
}

/*
 * Make a place that create made in a directory of the host's, the source of a bind. A source that
 * does not exist yet lies in a mount of the container's, and then the place is in the images.
 */
static int make_place_in_source(const struct mount_step *bind, const struct mount_step *m,
				struct err *e)
{
	autoclose int top = sys_open(bind->source, O_PATH | O_DIRECTORY);

	return top < 0 ? 0 : make_place(top, path_below(m->target, bind->target), m, e);
}

/* A place in a file system of the container's own, such as a tmpfs, is in the images. */
static int prepare_place(const struct plan *plan, size_t index, int rootfs, struct err *e)
{
	const struct mount_step *m = &plan->steps[index].mount, *below = find_below(plan, index);

	if (!below)
		return make_place(rootfs, m->target, m, e);

	return below->bind ? make_place_in_source(below, m, e) : 0;
}

/*
 * Runs in CRIU's process. CRIU demands that the rootfs is a mount point, so a bind is made in
 * CRIU's mount namespace, and ends with CRIU. Places that create makes in the rootfs, or in a
 * volume, may be missing if this is another rootfs or volume.
 */
static int prepare_rootfs(const void *context, struct err *e)
{
	const struct plan *plan = context;
	int r = sys_mount(plan->rootfs, plan->rootfs, NULL, MS_BIND | MS_REC, NULL);

	if (r < 0)
		return err_sys(e, r, "mount rootfs \"%s\" for CRIU", plan->rootfs);

	autoclose int rootfs = sys_open(plan->rootfs, O_PATH | O_DIRECTORY);
	if (rootfs < 0)
		return err_sys(e, rootfs, "open rootfs \"%s\"", plan->rootfs);
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];

		if (s->op == OP_MOUNT && !s->mount.remount && prepare_place(plan, i, rootfs, e) < 0)
			return err_at(e, s->place);
	}

	return 0;
}

/* OP_SPAWN: until the container's first process exists, the journal has CRIU in its place. */
static int begin_criu(struct restore *r, struct err *e)
{
	struct create *c = r->create;
	const struct spawn_step *spawn = &c->plan->steps[c->plan->spawn].spawn;
	struct proc_stat stat;

	autoclose int cgroup = r->criu_joins && spawn->cgroup
				       ? sys_open(spawn->cgroup, O_RDONLY | O_DIRECTORY)
				       : -1;
	r->start.cgroup = cgroup;
	r->start.images = r->places.images_path;
	r->start.work = r->places.log_path;
	if (criu_begin(&r->criu, &r->start, &r->arena, e) < 0)
		return -1;
	c->pid = r->criu.pid;

	int status = proc_stat_read(c->pid, &stat);
	if (status < 0)
		return err_sys(e, status, "read /proc/%d/stat", c->pid);

	return journal_criu(c->journal, c->pid, stat.start_time, e);
}

/* ---- the request to CRIU ---- */

/* The notifications of CRIU that notified() handles. */
static const char *const asked[] = { "setup-namespaces", "post-restore", "pre-resume",
				     "orphan-pts-master" };

static int describe(struct restore *r, struct err *e)
{
	const struct create *c = r->create;
	const struct criu_options *o = c->options->restore;
	const struct oci_config *config = c->bundle.config;
	struct criu_request *request = &r->request;

	criu_request_begin(request, "restore", &r->arena);
	if (criu_add_options(request, o, RESTORE_LOG, e) < 0 ||
	    criu_add_config(request, oci_string_map_find(config->annotations, "org.criu.config"),
			    c->options->own_env, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		criu_add(request, "ask", asked[i], "");
	criu_add(request, "root", c->plan->rootfs, "");
	criu_add_flag(request, "rst_sibling", true);
	r->start.yard = cgroups_for_yard(&r->arena);
	if (r->start.yard)
		criu_add(request, "cgroup_yard", CGROUPS_YARD, "");
	criu_add_flag(request, "evasive_devices", true);
	if (o->lsm_profile)
		criu_add(request, "lsm_profile", o->lsm_profile, "");
	if (o->lsm_mount_context)
		criu_add(request, "lsm_mount_context", o->lsm_mount_context, "");
	externals_name_mounts(request, c->plan);
	if (externals_name_namespaces(request, config, &r->start, e) < 0 ||
	    externals_name_stdio(request, r->places.images, &r->start, e) < 0)
		return -1;

	return o->cgroups_mode == CRIU_CGROUPS_IGNORE
		       ? 0
		       : cgroups_name(request, planned_cgroups(c->plan, &r->arena), e);
}

/* ---- CRIU at work ---- */

/*
 * The first process exists, and waits. From now on a rollback kills the first process, and the
 * kernel all others with it.
 */
static int take_first_process(struct restore *r, pid_t pid, struct err *e)
{
	struct create *c = r->create;
	struct proc_stat stat;

	if (!sys_is_child(pid))
		return err_msg(e, "CRIU names process %d, which is not ours", pid);
	c->pid = pid;
	c->pidfd = sys_pidfd_open(pid);
	if (c->pidfd < 0)
		return err_sys(e, c->pidfd, "open process %d", pid);

	int status = proc_stat_read(pid, &stat);
	if (status < 0)
		return err_sys(e, status, "read /proc/%d/stat", pid);
	c->start_time = stat.start_time;
	if (journal_process(c->journal, pid, stat.start_time, e) < 0)
		return -1;

	return perform_due(r, MOMENT_NAMESPACES, e);
}

struct search {
	pid_t pid;
	bool found;
};

static void look_for(pid_t pid, void *context)
{
	struct search *s = context;

	s->found |= pid == s->pid;
}

/*
 * The images do not name the container's cgroups if the container shared CRIU's cgroup at the
 * checkpoint, or if cgroups are to be ignored. Then the restored processes are still in CRIU's
 * cgroup, unless CRIU itself was in the container's.
 */
static int check_cgroups(struct restore *r, struct err *e)
{
	const struct create *c = r->create;
	const char *const *dirs = planned_cgroups(c->plan, &r->arena);
	const pid_t *pids;
	size_t count;

	for (; *dirs; dirs++) {
		const char *const one[] = { *dirs, NULL };
		struct search search = { .pid = c->pid };

		if (cgroup_each_process(one, look_for, &search, e) < 0)
			return -1;
		if (search.found)
			continue;
		if (processes_of(c->pid, &r->arena, &pids, &count, e) < 0)
			return -1;
		for (size_t i = 0; i < count; i++)
			if (cgroup_join(*dirs, pids[i], e) < 0)
				return -1;
	}

	return 0;
}

/*
 * Only the process itself can set no_new_privs, and CRIU before 3.19 does not restore it. A
 * protection that config.json asks for must be in force, or the restore fails.
 */
static int check_privileges(const struct create *c, struct err *e)
{
	const struct oci_process *process = c->bundle.config->process;
	char text[4096];

	if (!process || !process->no_new_privileges)
		return 0;

	ssize_t n = proc_read(c->pid, "status", text, sizeof(text));
	if (n < 0)
		return err_sys(e, (int) n, "read /proc/%d/status", c->pid);
	/* Linux before 4.10 does not show the flag. */
	if (!strstr(text, "\nNoNewPrivs:\t0"))
		return 0;
	(void) err_cfg(e, "/process/noNewPrivileges",
		       "the restored process can gain privileges: this criu does not restore "
		       "no_new_privs");

	return err_hint(e, "criu 3.19 does; or have config.json not ask for it");
}

static int take_processes(struct restore *r, struct err *e)
{
	if (check_cgroups(r, e) < 0 || restore_protect_nodes(r->create, e) < 0)
		return -1;

	return perform_due(r, MOMENT_PROCESSES, e);
}

/*
 * All processes are restored and none runs. CRIU accepts no refusal any more, so the first process
 * is killed, and all others with it.
 */
static int check_result(const struct create *c, struct err *e)
{
	if (check_privileges(c, e) == 0)
		return 0;
	sys_pidfd_signal(c->pidfd, SIGKILL);

	return -1;
}

static int take_terminal(struct create *c, int fd, struct err *e)
{
	if (fd < 0)
		return err_msg(e, "CRIU sent no terminal");
	if (c->options->console_socket)
		return console_send(c->options->console_socket, fd, e);
	c->console = sys_dup(fd, 3);

	return c->console < 0 ? err_sys(e, c->console, "keep the terminal") : 0;
}

static int notified(void *context, const char *name, pid_t pid, int fd, struct err *e)
{
	struct restore *r = context;

	if (strcmp(name, "setup-namespaces") == 0)
		return take_first_process(r, pid, e);
	if (strcmp(name, "post-restore") == 0)
		return take_processes(r, e);
	if (strcmp(name, "pre-resume") == 0)
		return check_result(r->create, e);
	if (strcmp(name, "orphan-pts-master") == 0)
		return take_terminal(r->create, fd, e);

	return 0;
}

static int ask(struct restore *r, struct err *e)
{
	struct create *c = r->create;
	const struct criu_talk talk = {
		.notified = notified,
		.context = r,
		.interrupt = c->signals,
	};
	struct criu_result result;
	int status = criu_ask(&r->criu, &r->request, &talk, &result, e);

	if (status == 0 && result.pid == c->pid)
		return 0;
	if (status == 0)
		(void) err_msg(e, "CRIU says that process %d is the first, and before, %d",
			       result.pid, c->pid);
	/* CRIU undoes its work itself, unless CRIU is killed. */
	if (c->pid == r->criu.pid)
		c->pid = 0;
	criu_end(&r->criu);

	int log = r->places.work >= 0 ? r->places.work : r->places.images;

	return criu_explain(log, r->places.log_path, RESTORE_LOG, c->options->own_env, &r->arena,
			    e);
}

/* ---- restore ---- */

static void close_all(struct restore *r)
{
	criu_end(&r->criu);
	if (r->start.yard)
		cgroups_drop_yard(r->places.work >= 0 ? r->places.work : r->places.images);
	criu_places_close(&r->places);
	for (size_t i = 0; i < r->start.fd_count; i++)
		sys_close(r->start.fds[i]);
}

static int perform(struct restore *r, struct err *e)
{
	if (describe(r, e) < 0 || perform_due(r, MOMENT_FIRST, e) < 0)
		return -1;
	/* Only the directory is needed, for the mount: the program sent its messages long ago. */
	notify_close(&r->create->notify);

	return ask(r, e);
}

uint64_t restore_namespaces(pid_t pid)
{
	struct stat st, own;

	autoclose int theirs = proc_open(pid, "ns/time", O_RDONLY);
	autoclose int ours = proc_open(sys_pid(), "ns/time", O_RDONLY);
	if (theirs < 0 || ours < 0 || sys_stat(theirs, &st) < 0 || sys_stat(ours, &own) < 0)
		return 0;

	return st.st_ino != own.st_ino ? CLONE_NEWTIME : 0;
}

int restore_perform(struct create *c, struct err *e)
{
	const struct criu_options *o = c->options->restore;
	struct restore r = {
		.create = c,
		.criu = CRIU_NONE,
		.places = CRIU_PLACES_NONE,
		.start = {
			.env = c->options->own_env,
			.own_mounts = true,
			.images_for_all = c->plan->namespaces & CLONE_NEWUSER,
			.keep_stdio = o->shell_job,
			.prepare = prepare_rootfs,
			.context = c->plan,
		},
		.first_inside = find_first_inside(c->plan),
		.criu_joins = o->cgroups_mode == CRIU_CGROUPS_IGNORE ||
			      plan_find_step(c->plan, OP_START_SCOPE),
	};

	arena_open(&r.arena);

	int status = criu_check_root(e) < 0 || criu_places_open(&r.places, o, false, e) < 0
			     ? -1
			     : perform(&r, e);
	if (status < 0 && c->pid == r.criu.pid)
		c->pid = 0;
	close_all(&r);

	return status;
}
