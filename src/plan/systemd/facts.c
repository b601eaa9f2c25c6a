/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/facts.c - which systemd manages our cgroups, and where
 *
 * Read only where --systemd-cgroup asks for it. No bus is asked: the system's manager is process 1,
 * and the place of a user's manager follows from the cgroups (plan/systemd/scope.c).
 */
#include "base/words.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "plan/accounts.h"
#include "plan/planner.h"

#include <string.h>

#define PROC_SIZE 8192
#define BOOTED	  "/run/systemd/system" /* sd_booted(3) */

/* The whole of a small file, or NULL. */
static char *read_text(const char *path, struct arena *a)
{
	autoclose int fd = sys_open(path, O_RDONLY);
	if (fd < 0)
		return NULL;

	char *text = arena_alloc(a, PROC_SIZE);
	ssize_t length = sys_read_all(fd, text, PROC_SIZE - 1);
	if (length < 0)
		return NULL;
	text[length] = '\0';

	return text;
}

/*
 * systemd has this name as process 1, however it was started. In a pid namespace without systemd
 * the host's systemd would take our PIDs for other processes. Where procfs hides process 1, systemd
 * is assumed.
 */
static bool is_first_process(struct arena *a)
{
	const char *name = read_text("/proc/1/comm", a);

	return !name || strcmp(name, "systemd\n") == 0;
}

/* The line of the hierarchy that systemd uses: v2, or on v1 the one named systemd. */
static const char *find_own_line(char *text)
{
	for (char *line; (line = strsep(&text, "\n"));) {
		if (strncmp(line, "0::", 3) == 0)
			return line + 3;
		if (strstr(line, ":name=systemd:"))
			return strchr(strchr(line, ':') + 1, ':') + 1;
	}

	return NULL;
}

/* systemd puts itself into init.scope of its root. */
static const char *read_root(struct arena *a)
{
	static const char scope[] = "/init.scope";
	char *text = read_text("/proc/1/cgroup", a);
	const char *own = text ? find_own_line(text) : NULL;

	if (!own)
		return "";

	size_t length = strlen(own);
	if (ends_with(own, scope))
		length -= sizeof(scope) - 1;
	while (length > 0 && own[length - 1] == '/')
		length--;

	return arena_memdup(a, own, length);
}

/* The ID that user @id of our user namespace has in the parent namespace. */
static uid_t outer_uid(uid_t id, struct arena *a)
{
	const char *map = read_text("/proc/self/uid_map", a);
	uint32_t outer;

	return map && account_map_outward(map, id, &outer) == 0 ? outer : id;
}

/*
 * Is the user's manager meant? An ordinary user's engine may run tare as root of a user namespace.
 * But a container with a systemd of its own has such a root too: there root owns systemd's files,
 * while the host's belong to an unmapped user.
 */
static bool wants_user_manager(const struct facts *facts, const struct stat *booted)
{
	return facts->euid != 0 || (!facts->initial_userns && booted->st_uid != 0);
}

void facts_gather_systemd(struct facts *facts, struct arena *a)
{
	struct stat st = { .st_uid = 0 };
	bool booted =
		sys_stat_at(AT_FDCWD, BOOTED, AT_SYMLINK_NOFOLLOW, &st) == 0 && S_ISDIR(st.st_mode);

	facts->systemd = (struct systemd_facts) {
		.booted = booted,
		.first = is_first_process(a),
		.user = wants_user_manager(facts, &st),
		.uid = outer_uid(facts->euid, a),
		.root = read_root(a),
	};
}
