/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/schemata.c - another share of cache and memory bandwidth for a running container
 *
 * Runs in tare, for update. /proc/PID/cpu_resctrl_groups (Linux 5.6) names the container's resctrl
 * group; Documentation/arch/x86/resctrl.rst. The root group is shared by all processes of the host,
 * so it is never changed.
 */
#include "host/schemata.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "plan/limits/resctrl.h"

#define MOST_TEXT ((size_t) 1 << 20)

static char *read_text(const char *path, struct arena *a)
{
	autoclose int fd = sys_open(path, O_RDONLY);
	char *text = arena_alloc(a, fd < 0 ? 1 : MOST_TEXT);
	ssize_t n = fd < 0 ? 0 : sys_read_all(fd, text, MOST_TEXT - 1);

	text[n < 0 ? 0 : n] = '\0';

	return text;
}

/* Does the kernel have the resource? It is a directory of info/. */
static bool is_enabled(const char *mount, const char *const *names, struct arena *a)
{
	for (; mount && *names; names++)
		if (sys_access_at(AT_FDCWD, arena_printf(a, "%s/info/%s", mount, *names), F_OK) ==
		    0)
			return true;

	return false;
}

/* The group behind `res:/` of the first line; NULL: the root's group, or no such line. */
static const char *group_of(const char *groups, struct arena *a)
{
	static const char front[] = "res:/";
	size_t length = strcspn(groups, "\n"), start = sizeof(front) - 1;

	if (length <= start || strncmp(groups, front, start) != 0)
		return NULL;

	return arena_memdup(a, groups + start, length - start);
}

static int write_schema(const char *path, const char *schema, struct err *e)
{
	autoclose int fd = sys_open(path, O_WRONLY);
	int r = fd < 0 ? fd : sys_write_all(fd, schema, strlen(schema));

	return r < 0 ? err_sys(e, r, "write \"%s\" to \"%s\"", schema, path) : 0;
}

static bool is_given(const char *schema)
{
	return schema && schema[0];
}

int schemata_write(const char *mount, const char *groups, const struct update_schemata *schemata,
		   struct arena *a, struct err *e)
{
	static const char *const l3[] = { "L3", "L3CODE", NULL }, *const mb[] = { "MB", NULL };
	bool has_l3 = is_given(schemata->l3_cache), has_mb = is_given(schemata->memory_bandwidth);

	if (has_l3 && !is_enabled(mount, l3, a))
		return err_msg(e, "Intel RDT/CAT: l3 cache schema is not enabled");
	if (has_mb && !is_enabled(mount, mb, a))
		return err_msg(e, "Intel RDT/MBA: memory bandwidth schema is not enabled");

	const char *group = group_of(groups, a);
	if (!group)
		return err_msg(e, "the container has no resctrl group of its own");

	/* All lines go into one write(2): the kernel takes all of them or none. */
	const char *lines =
		arena_printf(a, "%s%s%s%s", has_l3 ? schemata->l3_cache : "", has_l3 ? "\n" : "",
			     has_mb ? schemata->memory_bandwidth : "", has_mb ? "\n" : "");

	return write_schema(arena_printf(a, "%s/%s/schemata", mount, group), lines, e);
}

int schemata_update(pid_t pid, const struct update_schemata *schemata, struct arena *a,
		    struct err *e)
{
	if (!is_given(schemata->l3_cache) && !is_given(schemata->memory_bandwidth))
		return 0;

	const char *mount = resctrl_find(read_text("/proc/self/mountinfo", a), a);
	const char *groups = read_text(arena_printf(a, "/proc/%d/cpu_resctrl_groups", pid), a);

	return schemata_write(mount, groups, schemata, a, e);
}
