/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/cgroups.c - inspect: cgroups of the process, and their limits
 *
 * The kernel rounds some values down to whole pages, and has texts of its own for "no limit".
 */
#include "base/fmt.h"
#include "cgroup/cgroup.h"
#include "cgroup/layout.h"
#include "host/inspect/rows.h"
#include "kernel/bpf.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

#include <string.h>
#include <sys/auxv.h>

/* ---- paths ---- */

static bool is_recorded(const struct inspect *i, const char *dir)
{
	for (const char *const *c = i->record->cgroups; c && *c; c++)
		if (strcmp(*c, dir) == 0)
			return true;

	return false;
}

/* "9:name=systemd:/web": does the line of this hierarchy end in @path, or go on below it? */
static bool has_path(const char *text, const struct cgroup_hierarchy *h, const char *path,
		     struct arena *a)
{
	const char *key = arena_printf(a, ":%s:", h->controllers);
	size_t length = strlen(path);

	for (const char *line = text; line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *at = line + strspn(line, "0123456789");
		const char *its = at + strlen(key);
		size_t end = strcspn(line, "\n") - (size_t) (its - line);

		if (strncmp(at, key, strlen(key)) != 0)
			continue;
		/*
		 * The mount may show a part of the hierarchy: then the kernel's path has more in
		 * front.
		 */
		for (size_t from = 0; from + length <= end; from++)
			if (strncmp(its + from, path, length) == 0 &&
			    (from + length == end || its[from + length] == '/'))
				return true;
	}

	return false;
}

/* The process must be in each cgroup that create made, or below it. */
static void look_at_paths(struct inspect *i)
{
	struct cgroup_layout layout;
	struct err e;
	char text[8192];

	if (cgroup_layout_read(&layout, i->arena, &e) < 0 ||
	    proc_read(i->pid, "cgroup", text, sizeof(text)) < 0)
		return;
	for (const char *const *c = i->record->cgroups; c && *c; c++)
		for (size_t k = 0; k < layout.count; k++) {
			const struct cgroup_hierarchy *h = &layout.hierarchies[k];
			size_t length = strlen(h->mount);

			if (strncmp(*c, h->mount, length) != 0 || (*c)[length] != '/')
				continue;
			bool in = has_path(text, h, *c + length, i->arena);
			inspect_compare(i, "cgroup", *c,
					in ? "the process is in it" : "it is elsewhere",
					"the process is in it");
		}
}

/* ---- limits ---- */

/* Equal numbers, but for the rest of a page; or both without a limit? */
static bool same_number(const char *real, const char *asked)
{
	unsigned long long a, b, page = getauxval(AT_PAGESZ);

	if (strcmp(asked, "-1") == 0)
		return strcmp(real, "max") == 0 || strcmp(real, "-1") == 0 ||
		       (fmt_parse_u64(real, &a) == 0 && a >= 1ULL << 62);
	if (fmt_parse_u64(real, &a) < 0 || fmt_parse_u64(asked, &b) < 0)
		return false;

	return a == b || (page > 0 && a == b / page * page);
}

static bool has_line(const char *real, const char *asked)
{
	size_t length = strlen(asked);

	for (const char *at = real; (at = strstr(at, asked)); at++)
		if ((at == real || at[-1] == '\n' || at[-1] == ' ') &&
		    (at[length] == '\n' || at[length] == ' ' || at[length] == '\0'))
			return true;

	return false;
}

/* Files that take a command, or that add to a list. */
static bool is_no_value(const char *file)
{
	return strncmp(file, "devices.", 8) == 0 || strstr(file, "subtree_control") ||
	       strstr(file, "clone_children");
}

static void look_at_limit(struct inspect *i, const struct step *s)
{
	const char *dir = s->cgroup_file.directory, *file = s->cgroup_file.file;
	const char *asked = s->cgroup_file.value;
	bool other = s->cgroup_file.other_file && !cgroup_has_file(dir, file);
	char real[4096];

	file = other ? s->cgroup_file.other_file : file;
	asked = other ? s->cgroup_file.other_value : asked;
	if (!is_recorded(i, dir) || is_no_value(file))
		return;

	autoclose int fd =
		sys_open(arena_printf(i->arena, "%s/%s", dir, file), O_RDONLY | O_NONBLOCK);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, real, sizeof(real) - 1);
	if (n < 0)
		return;
	while (n > 0 && real[n - 1] == '\n')
		n--;
	real[n] = '\0';
	inspect_judge(i, "limit", file, real, asked,
		      same_number(real, asked) || has_line(real, asked));
}

/* The usage, where the kernel counts it. */
static void look_at_usage(struct inspect *i)
{
	static const char *const files[] = {
		"memory.current", "memory.usage_in_bytes", "pids.current",
		"cpu.stat",	  "cpuacct.usage",
	};

	for (const char *const *c = i->record->cgroups; c && *c; c++)
		for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
			char text[64];
			autoclose int fd =
				sys_open(arena_printf(i->arena, "%s/%s", *c, files[k]), O_RDONLY);
			ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);

			if (n <= 0)
				continue;
			text[n] = '\0';
			text[strcspn(text, "\n")] = '\0';
			inspect_fact(i, "usage", files[k], "%s", text);
		}
}

/* ---- devices ---- */

static void look_at_devices(struct inspect *i)
{
	const struct step *s = inspect_step(i, OP_ATTACH_DEVICES, 0);
	uint32_t ids[BPF_CGROUP_PROGRAMS];

	if (!s || !is_recorded(i, s->devices.directory))
		return;

	autoclose int dir = sys_open(s->devices.directory, O_RDONLY | O_DIRECTORY);
	int count = dir < 0 ? dir : sys_bpf_device_programs(dir, ids);
	if (count >= 0)
		inspect_compare(i, "limit", "device program", count > 0 ? "attached" : "none",
				"attached");
}

void inspect_cgroups(struct inspect *i)
{
	const struct step *s;

	look_at_paths(i);
	for (size_t n = 0; (s = inspect_step(i, OP_WRITE_CGROUP, n)); n++)
		look_at_limit(i, s);
	look_at_devices(i);
	look_at_usage(i);
}
