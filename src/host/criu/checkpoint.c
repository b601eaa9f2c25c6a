/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/checkpoint.c - checkpoint: the state of a running container goes to files
 *
 * CRIU stops the container's processes, reads them and writes the images. Then either CRIU ends the
 * processes and tare deletes the container, or CRIU lets the processes continue. Nothing is changed
 * until CRIU has saved everything. So a failure leaves the container as it was: CRIU undoes its
 * changes to the processes, and tare restores the freezer. CRIU also undoes them if tare is killed
 * (host/criu/criu.h).
 */
#include "host/criu/checkpoint.h"

#include "base/table.h"
#include "cgroup/cgroup.h"
#include "host/criu/cgroups.h"
#include "host/criu/externals.h"
#include "host/delete.h"
#include "host/find.h"
#include "host/saved_config.h"
#include "kernel/fd.h"
#include "state/directory.h"

#include <sched.h>

struct checkpoint {
	const struct checkpoint_call *call;
	const struct criu_options *options;
	struct arena *arena;
	struct record record;
	const struct oci_config *config;
	struct criu_places places;
	struct criu_request request;
	bool was_paused;
	const struct cgroup_layout *yard; /* NULL: CRIU mounts cgroups itself */
};

/* ---- the request to CRIU ---- */

/* With a wrong parent CRIU reports no reason: it dumps all memory again, or fails late. */
static int check_parent(const struct checkpoint *c, struct err *e)
{
	const char *parent = c->options->parent_path;

	if (!parent)
		return 0;
	if (parent[0] == '/')
		return err_msg(e, "--parent-path must be relative");

	autoclose int fd = sys_open_at(c->places.images, parent, O_PATH | O_DIRECTORY, 0);

	return fd < 0 ? err_sys(e, fd, "invalid --parent-path: \"%s\"", parent) : 0;
}

static int check_features(const struct checkpoint *c, struct err *e)
{
	const struct criu_options *o = c->options;
	struct criu_result result;

	if (!o->pre_dump && !o->parent_path && !o->lazy_pages)
		return 0;
	if (criu_features(c->call->env, &result, c->arena, e) < 0)
		return -1;
	if ((o->pre_dump || o->parent_path) && !result.mem_track) {
		(void) err_msg(e, "criu is missing features: MemTrack");
		return err_hint(e, "what was written since the last time is known only to kernels "
				   "with CONFIG_MEM_SOFT_DIRTY");
	}
	if (o->lazy_pages && !result.lazy_pages) {
		(void) err_msg(e, "criu is missing features: LazyPages");
		return err_hint(e, "pages are brought later by userfaultfd(2), CONFIG_USERFAULTFD");
	}

	return 0;
}

static int check_status_fd(const struct criu_options *o, struct err *e)
{
	int flags = o->status_fd < 0 ? O_WRONLY : sys_status_flags(o->status_fd);

	if (flags < 0)
		return err_sys(e, flags, "--status-fd %d", o->status_fd);

	return (flags & O_ACCMODE) == O_RDONLY
		       ? err_msg(e, "--status-fd %d can't be written to", o->status_fd)
		       : 0;
}

static int add_externals(struct checkpoint *c, struct err *e)
{
	struct criu_request *r = &c->request;

	/* A pre-dump reads only memory, so external objects do not matter. */
	if (c->options->pre_dump)
		return 0;
	if (externals_add_mounts(r, &c->record, e) < 0)
		return -1;

	return externals_add_stdio(r, c->options, c->places.images, &c->record, e);
}

static int describe(struct checkpoint *c, struct err *e)
{
	const struct criu_options *o = c->options;
	struct criu_request *r = &c->request;
	const char *freezer = cgroup_freezer(c->record.cgroups);

	/*
	 * A container without a mount namespace of its own is dumped from within the host's mount
	 * namespace, so there is no yard.
	 */
	if (c->record.namespaces & CLONE_NEWNS)
		c->yard = cgroups_for_yard(c->arena);

	criu_request_begin(r, o->pre_dump ? "pre-dump" : "dump", c->arena);
	if (criu_add_options(r, o, DUMP_LOG, e) < 0 ||
	    criu_add_config(r, record_annotation(&c->record, "org.criu.config"), c->call->env, e) <
		    0)
		return -1;
	criu_add(r, "ask", "status-ready", "");
	criu_add_number(r, "pid", c->record.pid);
	criu_add(r, "root", c->record.rootfs, "");
	criu_add_flag(r, "leave_running", o->leave_running);
	criu_add_flag(r, "track_mem", o->pre_dump || o->parent_path);
	if (o->parent_path)
		criu_add(r, "parent_img", o->parent_path, "");
	if (freezer)
		criu_add(r, "freeze_cgroup", freezer, "");
	if (c->yard)
		criu_add(r, "cgroup_yard", CGROUPS_YARD, "");
	if (externals_add_namespaces(r, &c->record, c->config, e) < 0)
		return -1;

	return add_externals(c, e);
}

/* ---- CRIU at work ---- */

/*
 * With lazy pages the reader of --status-fd waits for a zero byte: from then on pages can be asked
 * for.
 */
static int notified(void *context, const char *name, pid_t pid, int fd, struct err *e)
{
	const struct checkpoint *c = context;

	(void) pid;
	(void) fd;
	if (strcmp(name, "status-ready") != 0 || c->options->status_fd < 0)
		return 0;

	int r = sys_write_all(c->options->status_fd, "", 1);
	sys_close(c->options->status_fd);

	return r < 0 ? err_sys(e, r, "write to --status-fd %d", c->options->status_fd) : 0;
}

/*
 * Restore the previous state of the freezer: CRIU uses the freezer too, and may have been killed.
 */
static void restore_freezer(const struct checkpoint *c)
{
	const char *const *dirs = c->record.cgroups;
	bool frozen = cgroup_any_frozen(dirs);
	struct err ignored;

	if (frozen && !c->was_paused)
		(void) cgroup_thaw(dirs, &ignored);
	if (!frozen && c->was_paused)
		(void) cgroup_freeze(dirs, &ignored);
}

static int dump(struct checkpoint *c, struct err *e)
{
	const struct criu_start start = {
		.env = c->call->env,
		.images = c->places.images_path,
		.work = c->places.log_path,
		.yard = c->yard,
		.own_mounts = c->yard,
		.cgroup = -1,
	};
	const struct criu_talk talk = { .notified = notified, .context = c, .interrupt = -1 };
	struct criu_result result;
	struct criu criu;

	if (criu_begin(&criu, &start, c->arena, e) < 0)
		return -1;

	int r = criu_ask(&criu, &c->request, &talk, &result, e);
	int work = c->places.work >= 0 ? c->places.work : c->places.images;

	criu_end(&criu);
	if (c->yard)
		cgroups_drop_yard(work);
	if (r < 0 || c->options->leave_running || c->options->pre_dump)
		restore_freezer(c);
	if (r == 0)
		return 0;

	return criu_explain(work, c->places.log_path, DUMP_LOG, c->call->env, c->arena, e);
}

/* ---- checkpoint ---- */

static int check_status(struct checkpoint *c, int dir, struct err *e)
{
	enum container_status status = state_status(dir, &c->record);

	if (status != STATUS_RUNNING && status != STATUS_PAUSED)
		return err_msg(e, "container cannot be checkpointed in %s state",
			       state_status_name(status));
	c->was_paused = status == STATUS_PAUSED;

	return 0;
}

/* The lock is held while CRIU works; other commands can still read the state and send signals. */
static int save(struct checkpoint *c, struct err *e)
{
	const struct checkpoint_call *call = c->call;

	autoclose int dir = container_lookup(call->root, call->id, true, &c->record, c->arena, e);
	if (dir < 0 || check_status(c, dir, e) < 0 ||
	    saved_config_read(dir, &c->config, c->arena, e) < 0 ||
	    check_status_fd(c->options, e) < 0 ||
	    criu_places_open(&c->places, c->options, true, e) < 0 || check_parent(c, e) < 0 ||
	    check_features(c, e) < 0 || describe(c, e) < 0)
		return -1;

	return dump(c, e);
}

/* CRIU has ended the container's processes: the container is removed as by delete. */
static int take_down(struct checkpoint *c, struct err *e)
{
	const struct checkpoint_call *call = c->call;

	autoclose int dir = state_open(call->root, call->id, false, e);
	if (dir < 0) /* another command has deleted the container */
		return e->code == ENOENT ? 0 : -1;

	return container_remove(call->root, call->id, dir, &c->record, c->arena, e);
}

int container_checkpoint(const struct checkpoint_call *call, struct arena *a, struct err *e)
{
	struct checkpoint c = {
		.call = call,
		.options = call->options,
		.arena = a,
		.places = CRIU_PLACES_NONE,
	};

	if (criu_check_root(e) < 0)
		return -1;

	int r = save(&c, e);
	criu_places_close(&c.places);
	if (r < 0 || call->options->leave_running || call->options->pre_dump)
		return r;

	return take_down(&c, e);
}
