/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/freezer.c - stopping all processes of a cgroup, and letting them go on
 *
 * Runs in tare, for pause and resume, and for kill, so that no process forks meanwhile. v2 has
 * cgroup.freeze (Linux 5.2), and shows the result in cgroup.events. v1 has freezer.state, which
 * shows FREEZING until all are frozen.
 *
 * v1 can stay at FREEZING where a process came in, or was in vfork(2), at the wrong moment. Then
 * the cgroup is thawed, and frozen again.
 */
#include "cgroup/freezer.h"

#include "base/fmt.h"
#include "cgroup/cgroup.h"
#include "cgroup/layout.h"
#include "cgroup/path.h"
#include "heap/arena.h"
#include "kernel/fd.h"
#include "kernel/procfs.h"
#include "kernel/since.h"

#define LONGEST_NAP 32

/* 0, 1, or -ENOENT: the cgroup is not in v1's freezer hierarchy. */
static int is_frozen_v1(const char *dir)
{
	char text[256];
	ssize_t n = cgroup_read(dir, "freezer.state", text, sizeof(text));

	return n <= 0 ? -ENOENT : strncmp(text, "THAWED", 6) != 0;
}

bool cgroup_is_frozen(const char *dir)
{
	char text[256];

	if (cgroup_read(dir, "cgroup.events", text, sizeof(text)) > 0)
		return cgroup_event(text, "frozen") == 1;

	return is_frozen_v1(dir) == 1;
}

/* The last of @dirs, the only one that may be v2's; NULL: @dirs is empty. */
static const char *last_of(const char *const *dirs)
{
	const char *last = NULL;

	for (; dirs && *dirs; dirs++)
		last = *dirs;

	return last;
}

/*
 * The cgroup of v1's freezer before @last, if it is frozen; NULL. There is at most one v1 freezer:
 * cgroups behind it are not asked.
 */
static const char *find_frozen_v1(const char *const *dirs, const char *last)
{
	int frozen = -ENOENT;

	for (; last && *dirs != last; dirs++) {
		frozen = is_frozen_v1(*dirs);
		if (frozen != -ENOENT)
			return frozen == 1 ? *dirs : NULL;
	}

	return NULL;
}

bool cgroup_any_frozen(const char *const *dirs)
{
	const char *last = last_of(dirs);

	return find_frozen_v1(dirs, last) || (last && cgroup_is_frozen(last));
}

bool cgroup_frozen_above(const char *const *dirs)
{
	char text[8];

	for (; dirs && *dirs; dirs++)
		if (cgroup_read(*dirs, "freezer.parent_freezing", text, sizeof(text)) > 0)
			return text[0] == '1';

	return false;
}

/* The path in /proc/PID/cgroup, of which @text is the text; NULL: there is no v1 freezer. */
static char *freezer_path(char *text)
{
	char *at = strstr(text, ":freezer:");

	if (!at)
		return NULL;
	at += sizeof(":freezer:") - 1;
	at[strcspn(at, "\n")] = '\0';

	return at;
}

bool cgroup_froze_elsewhere(pid_t pid, char *dir, size_t size)
{
	const struct cgroup_hierarchy *h = NULL;
	struct cgroup_layout layout;
	char text[8192], *path = NULL;
	struct arena a;
	struct err ignored;

	if (proc_read(pid, "cgroup", text, sizeof(text)) > 0)
		path = freezer_path(text);
	if (!path)
		return false;
	arena_open(&a);
	if (cgroup_layout_read(&layout, &a, &ignored) == 0)
		h = cgroup_layout_find(&layout, "freezer");
	if (h)
		fmt_text(dir, size, "%s%s", h->mount, path);
	arena_close(&a);

	return h && is_frozen_v1(dir) == 1;
}

int freezer_wait(const char *dir, int *nap)
{
	char text[256];
	autoclose int fd = cgroup_open_file(dir, "cgroup.events", O_RDONLY);
	struct pollfd events = { .fd = fd, .events = POLLPRI };

	/* poll(2) reports changes since the last read. */
	if (fd >= 0)
		sys_read(fd, text, sizeof(text));
	sys_poll(&events, fd >= 0 ? 1 : 0, *nap);

	int waited = *nap;
	if (*nap < LONGEST_NAP)
		*nap *= 2;

	return waited;
}

/* The result of the write; -ENOENT where there is no freezer. */
static int ask_to_freeze(const char *dir)
{
	int r = cgroup_put(dir, "cgroup.freeze", "1");

	return r == -ENOENT ? cgroup_put(dir, "freezer.state", "FROZEN") : r;
}

static bool has_settled(const char *dir)
{
	char state[64] = "";

	cgroup_read(dir, "freezer.state", state, sizeof(state));

	return strncmp(state, "FREEZING", 8) != 0 && cgroup_is_frozen(dir);
}

bool freezer_freeze(const char *dir, int timeout_ms)
{
	int nap = 1, waited = 0;

	if (ask_to_freeze(dir) < 0)
		return false;
	while (!has_settled(dir)) {
		if (waited >= timeout_ms)
			return false;
		waited += freezer_wait(dir, &nap);
		if (nap >= LONGEST_NAP && cgroup_put(dir, "freezer.state", "THAWED") == 0)
			cgroup_put(dir, "freezer.state", "FROZEN");
	}

	return true;
}

void freezer_thaw(const char *dir)
{
	if (cgroup_put(dir, "cgroup.freeze", "0") < 0)
		cgroup_put(dir, "freezer.state", "THAWED");
}

/* ---- all cgroups of a container ---- */

/* One freezer stops all processes: that of v2, if there is a v2 cgroup. */
const char *cgroup_freezer(const char *const *dirs)
{
	const char *last = last_of(dirs);

	if (last && cgroup_has_file(last, "cgroup.freeze"))
		return last;
	for (; *dirs; dirs++)
		if (cgroup_has_file(*dirs, "freezer.state"))
			return *dirs;

	return NULL;
}

int cgroup_freeze(const char *const *dirs, struct err *e)
{
	const char *dir = cgroup_freezer(dirs);

	if (!dir) {
		err_msg(e, "the container has no cgroup that can be frozen");
		return err_hint(e,
				"it takes cgroup v2 of Linux %s, or the v1 freezer, and the right "
				"to make a cgroup in it",
				since_rows[SINCE_FREEZE].version);
	}

	int r = ask_to_freeze(dir);
	if (r < 0)
		return err_sys(e, r, "freeze cgroup \"%s\"", dir);
	if (freezer_freeze(dir, CGROUP_TIMEOUT))
		return 0;
	freezer_thaw(dir);

	return err_msg(e, "cgroup \"%s\" could not be frozen within %d seconds", dir,
		       CGROUP_TIMEOUT / 1000);
}

static int thaw(const char *dir, struct err *e)
{
	int nap = 1, waited = 0;

	freezer_thaw(dir);
	for (; cgroup_is_frozen(dir); waited += freezer_wait(dir, &nap))
		if (waited >= CGROUP_TIMEOUT) {
			err_msg(e, "cgroup \"%s\" is still frozen", dir);
			return err_hint(e, "a cgroup above it may be frozen");
		}

	return 0;
}

/* Another program may have frozen the other freezer: thaw both. */
int cgroup_thaw(const char *const *dirs, struct err *e)
{
	const char *last = last_of(dirs), *v1 = find_frozen_v1(dirs, last);

	if (v1 && thaw(v1, e) < 0)
		return -1;

	return last && cgroup_is_frozen(last) ? thaw(last, e) : 0;
}
