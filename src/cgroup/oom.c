/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/oom.c - report processes killed at their cgroup's memory limit
 *
 * Runs in tare, for events. v2: memory.events counts kills, and poll(2) reports changes. v1: an
 * eventfd that is registered in memory.oom_control counts kills. It also counts the removal of the
 * cgroup, which is no kill (cgroup-v1/memory.rst, "OOM Control").
 */
#include "cgroup/oom.h"

#include "base/table.h"
#include "cgroup/cgroup.h"
#include "cgroup/path.h"
#include "kernel/fd.h"
#include "kernel/process.h"

/* The number behind `@key `; 0 without such a line. */
static uint64_t count_in(const char *text, const char *key)
{
	size_t length = strlen(key);
	uint64_t n = 0;

	for (const char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, length) != 0 || at[length] != ' ')
			continue;
		for (at += length + 1; *at >= '0' && *at <= '9'; at++)
			n = n * 10 + (uint64_t) (*at - '0');
		break;
	}

	return n;
}

static uint64_t read_killed(int fd)
{
	char text[512];

	sys_seek(fd, 0, SEEK_SET);

	ssize_t n = sys_read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';

	return count_in(text, "oom_kill");
}

static int watch_v2(struct oom_watch *w, const char *dir, struct err *e)
{
	w->fd = cgroup_open_file(dir, "memory.events", O_RDONLY);
	if (w->fd < 0)
		return err_sys(e, w->fd, "open \"memory.events\" of \"%s\"", dir);
	w->events = POLLPRI;
	w->killed = read_killed(w->fd);

	return 0;
}

static int watch_v1(struct oom_watch *w, const char *dir, struct err *e)
{
	char words[64];
	autoclose int control = cgroup_open_file(dir, "memory.oom_control", O_RDONLY);
	autoclose int fd = sys_eventfd();
	if (control < 0 || fd < 0)
		return err_sys(e, control < 0 ? control : fd,
			       "watch \"memory.oom_control\" of \"%s\"", dir);

	fmt_text(words, sizeof(words), "%d %d", fd, control);
	int r = cgroup_put(dir, "cgroup.event_control", words);
	if (r < 0)
		return err_sys(e, r, "watch \"memory.oom_control\" of \"%s\"", dir);
	w->events = POLLIN;
	w->fd = take_fd(&fd);

	return 0;
}

int oom_watch(struct oom_watch *w, const char *const *dirs, struct err *e)
{
	*w = (struct oom_watch) { .fd = -1 };
	for (; *dirs; dirs++) {
		w->directory = *dirs;
		if (cgroup_has_file(*dirs, "memory.oom_control"))
			return watch_v1(w, *dirs, e);
		if (cgroup_has_file(*dirs, "memory.events"))
			return watch_v2(w, *dirs, e);
	}

	return 0;
}

uint64_t oom_take(struct oom_watch *w)
{
	uint64_t n = 0;

	if (w->fd < 0)
		return 0;
	if (w->events == POLLIN) {
		ssize_t r = sys_read(w->fd, &n, sizeof(n));

		return r == sizeof(n) && cgroup_has_file(w->directory, "memory.oom_control") ? n
											     : 0;
	}

	uint64_t before = w->killed;
	uint64_t now = read_killed(w->fd);

	/* The file of a cgroup that is being removed can't be read. */
	w->killed = now > before ? now : before;

	return w->killed - before;
}

uint64_t oom_count(const char *const *dirs)
{
	static const char *const files[] = { "memory.oom_control", "memory.events" };

	for (; *dirs; dirs++)
		for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
			autoclose int fd = cgroup_open_file(*dirs, files[i], O_RDONLY);

			if (fd >= 0)
				return read_killed(fd);
		}

	return 0;
}

void oom_unwatch(struct oom_watch *w)
{
	fd_close(&w->fd);
	w->fd = -1;
}
