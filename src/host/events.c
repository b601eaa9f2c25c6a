/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/events.c - a container's resource usage, and its events
 *
 * Takes no lock, as everything is only read. One poll(2) waits for the next time to look, for the
 * end of the first process (its pidfd), and for a process killed at the memory limit. After the end
 * of the first process, events waits for the end of the others; only a container in a shared pid
 * namespace has any then.
 */
#include "host/events.h"

#include "base/table.h"
#include "cgroup/cgroup.h"
#include "cgroup/oom.h"
#include "host/find.h"
#include "host/interfaces.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/time.h"

/* Milliseconds between looks at the other processes: their end gives no event. */
#define LOOK_EVERY 200

struct watcher {
	const struct record *rec;
	event_sink *sink;
	void *context;
	int64_t interval, next; /* milliseconds between stats; the time of the next */
	int pidfd;		/* -1: the first process has ended */
	struct oom_watch oom;
};

static int not_running(const char *id, struct err *e)
{
	return err_msg(e, "container with id %s is not running", id);
}

/* Each record of stats has an arena of its own, as `events` may run for years. */
static int report_stats(const struct record *rec, event_sink *sink, void *context, struct err *e)
{
	struct container_stats stats = { .interface_count = 0 };
	struct arena a;

	arena_open(&a);
	cgroup_stats_read(rec->cgroups, &a, &stats.cgroup);
	interfaces_read(rec->pid, &a, &stats);

	int r = sink(EVENT_STATS, &stats, context, e);
	arena_close(&a);

	return r;
}

/* The record of a container that is not stopped. */
static int look_up(const struct state_root *root, const char *id, struct record *rec,
		   struct arena *a, struct err *e)
{
	autoclose int dir = container_lookup(root, id, true, rec, a, e);
	if (dir < 0)
		return -1;

	return state_status(dir, rec) == STATUS_STOPPED ? not_running(id, e) : 0;
}

int container_stats(const struct state_root *root, const char *id, event_sink *sink, void *context,
		    struct err *e)
{
	struct record rec;
	struct arena a;

	arena_open(&a);
	if (look_up(root, id, &rec, &a, e) < 0)
		return -1;

	return report_stats(&rec, sink, context, e);
}

static int report_oom(struct watcher *w, struct err *e)
{
	for (uint64_t n = oom_take(&w->oom); n > 0; n--)
		if (w->sink(EVENT_OOM, NULL, w->context, e) < 0)
			return -1;

	return 0;
}

/* The container's cgroups hold the same processes: are all of them empty? */
static bool all_ended(const struct record *rec)
{
	for (const char *const *dir = rec->cgroups; *dir; dir++)
		if (!cgroup_is_empty(*dir))
			return false;

	return true;
}

/* Milliseconds that poll(2) may take. */
static int time_left(const struct watcher *w)
{
	int64_t left = w->next - sys_clock_ms();
	int64_t most = w->pidfd < 0 ? LOOK_EVERY : INT32_MAX;

	if (left < 0)
		return 0;

	return (int) (left < most ? left : most);
}

static int report_exit(struct watcher *w, struct err *e)
{
	fd_close(&w->pidfd);
	w->pidfd = -1;

	return w->sink(EVENT_EXIT, NULL, w->context, e);
}

/* Wait for an event, or for the next time to look. */
static int wait_for_event(struct watcher *w, struct err *e)
{
	struct pollfd fds[] = {
		{ .fd = w->pidfd, .events = POLLIN },
		{ .fd = w->oom.fd, .events = w->oom.events },
	};

	int r = sys_pidfd_poll(fds, ARRAY_SIZE(fds), time_left(w));
	if (r < 0 && r != -EINTR)
		return err_sys(e, r, "wait for events");
	/* An OOM that ended the container is reported before the end. */
	if (report_oom(w, e) < 0)
		return -1;
	if (r <= 0)
		return 0;
	/* poll(2) returns at once for a file of a cgroup that was removed. */
	if ((fds[1].revents & (POLLERR | POLLHUP)) && all_ended(w->rec))
		oom_unwatch(&w->oom);

	return fds[0].revents != 0 ? report_exit(w, e) : 0;
}

static int watch(struct watcher *w, struct err *e)
{
	w->next = sys_clock_ms() + w->interval;
	for (;;) {
		if (wait_for_event(w, e) < 0)
			return -1;
		if (w->pidfd < 0 && all_ended(w->rec))
			return 0;
		if (sys_clock_ms() < w->next)
			continue;
		if (report_stats(w->rec, w->sink, w->context, e) < 0)
			return -1;
		w->next = sys_clock_ms() + w->interval;
	}
}

int container_events(const struct state_root *root, const char *id, int64_t interval,
		     event_sink *sink, void *context, struct err *e)
{
	struct record rec;
	struct arena a;

	arena_open(&a);
	if (look_up(root, id, &rec, &a, e) < 0)
		return -1;

	struct watcher w = {
		.rec = &rec,
		.sink = sink,
		.context = context,
		.interval = interval,
		.pidfd = proc_open_exactly(rec.pid, rec.start_time),
	};
	if (w.pidfd == -ESRCH)
		return not_running(id, e);
	if (w.pidfd < 0)
		return err_sys(e, w.pidfd, "open process %d", rec.pid);

	int r = oom_watch(&w.oom, rec.cgroups, e);
	if (r == 0)
		r = watch(&w, e);
	oom_unwatch(&w.oom);
	fd_close(&w.pidfd);

	return r;
}
