/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/idmap.c - the id maps of a new user namespace
 *
 * user_namespaces(7), "User and group ID mappings". Root writes them itself; an ordinary user may
 * map only itself, and calls newuidmap(1) and newgidmap(1) for the ranges that /etc/subuid and
 * /etc/subgid give that user.
 */
#include "host/create/create.h"

#include "base/fmt.h"
#include "base/table.h"
#include "host/watchdog.h"
#include "kernel/fd.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/since.h"
#include "plan/accounts.h"
#include "plan/map_helper.h"
#include "plan/namespaces/idmap.h"

#define MAP_SIZE (4096 - 1) /* the kernel takes less than a page, in one write */

static int open_of(pid_t pid, const char *file, struct err *e)
{
	int fd = proc_open(pid, file, O_WRONLY | O_NOFOLLOW);

	return fd < 0 ? err_sys(e, fd, "open \"/proc/%d/%s\"", pid, file) : fd;
}

static int write_map(pid_t pid, const char *file, const struct id_ranges *ranges, struct err *e)
{
	char map[MAP_SIZE + 1];
	size_t length = 0;

	for (size_t i = 0; i < ranges->count && length < sizeof(map); i++) {
		const struct id_range *r = &ranges->ranges[i];

		length += fmt_text(map + length, sizeof(map) - length, "%u %u %u\n", r->inside,
				   r->outside, r->count);
	}
	if (length >= sizeof(map))
		return err_msg(e, "too many ranges: the map has over %d bytes", MAP_SIZE);

	autoclose int fd = open_of(pid, file, e);
	if (fd < 0)
		return -1;

	ssize_t n = sys_write(fd, map, length);
	if (n >= 0)
		return 0;
	(void) err_sys(e, (int) n, "write the %s", file);
	/*
	 * ID_RANGES_MAX_OLD: a kernel before 4.15 takes 5 lines; other faults of a map were found
	 * by the plan.
	 */
	if (n == -EINVAL && ranges->count > ID_RANGES_MAX_OLD)
		err_lacks(e, SINCE_LONG_ID_MAP);

	return -1;
}

static int write_directly(struct create *c, const struct step *s, struct err *e)
{
	const struct id_ranges ranges = { .ranges = s->id_map.ranges, .count = s->id_map.count };

	return write_map(c->pid, s->id_map.group ? "gid_map" : "uid_map", &ranges, e);
}

struct helper {
	const char *const *argv;
	const char *path;
	int errors; /* where its standard error goes */
};

static int become_helper(void *arg)
{
	const struct helper *h = arg;
	const char *const envp[] = { NULL };

	sys_reset_signals();
	sys_dup_keep(h->errors, 2);
	sys_cloexec_from(3);

	return sys_exec(h->path, h->argv, envp) == -ENOENT ? 127 : 126;
}

/* The message of the helper, which has ended, from the pipe: ": TEXT"; or "". */
static const char *read_line(int errors, char *text, size_t size)
{
	struct pollfd ready = { .fd = errors, .events = POLLIN };
	ssize_t n = sys_poll(&ready, 1, 0) > 0 ? sys_read(errors, text + 2, size - 3) : 0;

	text[n > 0 ? n + 2 : 0] = '\0';
	if (n <= 0)
		return text;
	memcpy(text, ": ", 2);
	text[strcspn(text, "\n")] = '\0';

	return text;
}

static int run_helper(struct helper *h, struct err *e)
{
	const struct sys_clone clone = { .cgroup = -1 };
	int ends[2], status = 0;
	int r = sys_pipe(ends);

	if (r < 0)
		return err_sys(e, r, "make a pipe for the errors of %s", h->path);
	h->errors = ends[1];

	pid_t pid = sys_clone_call(&clone, NULL, become_helper, h);
	autoclose int errors = ends[0];

	sys_close(ends[1]);
	if (pid < 0)
		return err_sys(e, pid, "start %s", h->path);

	if (child_wait(pid, h->path, &status, e) < 0)
		return -1;
	if (status != 0) {
		char text[160];

		(void) err_msg(e, "%s failed with status %d%s", h->path, status >> 8 & 0xff,
			       read_line(errors, text, sizeof(text)));
		return err_hint(
			e, "are the ranges in /etc/subuid and /etc/subgid, and is %s set-uid root?",
			h->path);
	}

	return 0;
}

static int call_helper(struct create *c, const struct step *s, struct err *e)
{
	struct map_helper_call call;

	if (map_helper_prepare(&call, s, c->pid) < 0) {
		(void) err_msg(e, "%s is not installed", call.argv[0]);
		return err_hint(
			e,
			"Debian's package is uidmap; a mapping of your own id alone works without");
	}

	struct helper h = { .argv = call.argv, .path = call.path };

	return run_helper(&h, e);
}

int idmap_write(struct create *c, const struct step *s, struct err *e)
{
	return s->id_map.way == ID_MAP_HELPER ? call_helper(c, s, e) : write_directly(c, s, e);
}

int idmap_deny_setgroups(struct create *c, struct err *e)
{
	autoclose int fd = open_of(c->pid, "setgroups", e);
	/* Linux before 3.19 has no such file, and does not ask for it before gid_map. */
	if (fd == -1 && e->code == ENOENT)
		return 0;
	if (fd < 0)
		return -1;

	int r = sys_write_all(fd, "deny", 4);

	return r < 0 ? err_sys(e, r, "deny setgroups") : 0;
}

/* ---- comparing a map ---- */

static int read_map(pid_t pid, const char *file, char map[ACCOUNT_MAP_TEXT], struct err *e)
{
	ssize_t length = proc_read(pid, file, map, ACCOUNT_MAP_TEXT);

	return length < 0 ? err_sys(e, (int) length, "read \"/proc/%d/%s\"", pid, file) : 0;
}

int idmap_compare(struct create *c, const struct step *s, struct err *e)
{
	const char *file = s->id_map.group ? "gid_map" : "uid_map";
	char map[ACCOUNT_MAP_TEXT];

	if (read_map(c->pid, file, map, e) < 0)
		return -1;
	if (account_map_equals(map, s->id_map.ranges, s->id_map.count))
		return 0;

	(void) err_msg(e, "the user namespace that is joined has another %s", file);
	map[strcspn(map, "\n")] = '\0';

	return err_hint(e, "its first line is \"%s\": mappings beside a path must be those it has",
			map + strspn(map, " "));
}

int idmap_find_outside(pid_t pid, bool group, uid_t inside, uid_t *outside, struct err *e)
{
	char map[ACCOUNT_MAP_TEXT];

	if (read_map(pid, group ? "gid_map" : "uid_map", map, e) < 0)
		return -1;
	if (account_map_outward(map, inside, outside) == 0)
		return 0;

	return err_msg(e, "%s %u is not mapped in the user namespace", group ? "group" : "user",
		       inside);
}

/* ---- a user namespace for mounts ---- */

int idmap_open_namespace(pid_t pid, struct err *e)
{
	int fd = proc_open(pid, "ns/user", O_RDONLY);

	return fd < 0 ? err_sys(e, fd, "open \"/proc/%d/ns/user\"", pid) : fd;
}

static int map_and_open(pid_t pid, const struct id_ranges *uids, const struct id_ranges *gids,
			struct err *e)
{
	if (write_map(pid, "uid_map", uids, e) < 0 || write_map(pid, "gid_map", gids, e) < 0)
		return -1;

	return idmap_open_namespace(pid, e);
}

int idmap_make_namespace(const struct id_ranges *uids, const struct id_ranges *gids, struct err *e)
{
	int ends[2], status;
	int r = sys_pipe(ends);

	if (r < 0)
		return err_sys(e, r, "make a pipe");

	pid_t pid = sys_hold_namespaces(CLONE_NEWUSER, ends);
	if (pid < 0) {
		sys_close(ends[1]);
		return err_sys(e, pid, "make a user namespace for the mount");
	}

	int fd = map_and_open(pid, uids, gids, e);

	sys_close(ends[1]);
	child_wait_status(pid, &status);

	return fd;
}
