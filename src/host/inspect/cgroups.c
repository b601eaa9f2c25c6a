/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/cgroups.c - inspect: cgroups of the process, and their limits
 *
 * The kernel rounds sizes down to whole pages, keeps others within bounds, and has texts of its own
 * for "no limit" and for lists.
 */
#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/cgroup.h"
#include "cgroup/layout.h"
#include "cgroup/path.h"
#include "host/inspect/rows.h"
#include "kernel/bpf.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "plan/cpu_list.h"

#include <string.h>
#include <sys/auxv.h>

#define LIST_SIZE 65536 /* of devices.list */

/* ---- paths ---- */

static bool is_recorded(const struct inspect *i, const char *dir)
{
	for (const char *const *c = i->record->cgroups; c && *c; c++)
		if (strcmp(*c, dir) == 0)
			return true;

	return false;
}

/* The path in the line of this hierarchy, "9:name=systemd:/web"; NULL: there is no such line. */
static const char *path_in(const char *text, const struct cgroup_hierarchy *h, struct arena *a)
{
	const char *key = arena_printf(a, ":%s:", h->controllers);

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *at = line + strspn(line, "0123456789");

		if (strncmp(at, key, strlen(key)) != 0)
			continue;
		at += strlen(key);

		return arena_memdup(a, at, strcspn(at, "\n"));
	}

	return NULL;
}

/*
 * The mount may show a part of the hierarchy: then the kernel's paths have more in front, as that of
 * tare itself has. NULL: not known.
 */
static const char *hidden_part(const char *own, const struct cgroup_hierarchy *h, struct arena *a)
{
	const char *path = path_in(own, h, a);
	size_t shown = strcmp(h->own, "/") == 0 ? 0 : strlen(h->own);

	if (!path || strcmp(path, "/") == 0)
		return path ? "" : NULL;

	size_t length = strlen(path);
	if (shown > length || strcmp(path + length - shown, shown > 0 ? h->own : "") != 0)
		return NULL;

	return arena_memdup(a, path, length - shown);
}

/* Is the process in the cgroup @path of the hierarchy, or below it? */
static bool has_path(const char *text, const char *own, const struct cgroup_hierarchy *h,
		     const char *path, struct arena *a)
{
	const char *front = hidden_part(own, h, a), *its = path_in(text, h, a);

	if (!front || !its)
		return false;

	const char *whole = arena_printf(a, "%s%s", front, path);
	size_t length = strlen(whole);

	return strncmp(its, whole, length) == 0 && (its[length] == '\0' || its[length] == '/');
}

/* The process must be in each cgroup that create made, or below it. */
static void look_at_paths(struct inspect *i)
{
	struct cgroup_layout layout;
	struct err e;
	char text[8192], own[8192];

	if (cgroup_layout_read(&layout, i->arena, &e) < 0 ||
	    proc_read(i->pid, "cgroup", text, sizeof(text)) < 0 ||
	    proc_read(sys_pid(), "cgroup", own, sizeof(own)) < 0)
		return;
	for (const char *const *c = i->record->cgroups; c && *c; c++)
		for (size_t k = 0; k < layout.count; k++) {
			const struct cgroup_hierarchy *h = &layout.hierarchies[k];
			size_t length = strlen(h->mount);

			if (strncmp(*c, h->mount, length) != 0 || (*c)[length] != '/')
				continue;
			bool in = has_path(text, own, h, *c + length, i->arena);
			inspect_compare(i, "cgroup", *c,
					in ? "the process is in it" : "it is elsewhere",
					"the process is in it");
		}
}

/* ---- limits ---- */

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* "2MB", "1G", "4096": 0, or -1. The kernel takes these letters, and so do names of page sizes. */
static int parse_size(const char *text, unsigned long long *size)
{
	static const char units[] = "KMGTPE";
	size_t length = strspn(text, "0123456789");
	char digits[24];
	const char *unit = text[length] ? strchr(units, text[length] & ~0x20) : NULL;

	fmt_text(digits, sizeof(digits), "%.*s", (int) length, text);
	if ((text[length] && !unit) || fmt_parse_u64(digits, size) < 0)
		return -1;
	if (unit)
		*size <<= 10 * (unit - units + 1);

	return 0;
}

/* What the kernel rounds sizes down to in this file: whole pages. 1: the file has no sizes. */
static unsigned long long unit_of(const char *file)
{
	static const char *const sizes[] = { "_in_bytes", ".max", ".high", ".low", ".min" };
	const char huge[] = "hugetlb.";
	unsigned long long page;

	if (strncmp(file, huge, strlen(huge)) == 0)
		return parse_size(file + strlen(huge), &page) == 0 && page > 0 ? page : 1;
	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++)
		if (strncmp(file, "memory.", strlen("memory.")) == 0 && ends_in(file, sizes[k]))
			return getauxval(AT_PAGESZ);

	return 1;
}

/* Equal numbers, but for what the kernel makes of @asked; or both without a limit? */
static bool same_number(const char *file, const char *real, const char *asked)
{
	const unsigned long long none = 1ULL << 62, least_shares = 2, most_shares = 262144;
	unsigned long long a, b, unit = unit_of(file);
	bool unlimited = strcmp(real, "max") == 0 || strcmp(real, "-1") == 0 ||
			 (fmt_parse_u64(real, &a) == 0 && a >= none);

	if (strcmp(asked, "-1") == 0)
		return unlimited;
	if ((unit > 1 ? parse_size(asked, &b) : fmt_parse_u64(asked, &b)) < 0)
		return false;
	if (unit > 1 && b >= none)
		return unlimited;
	if (strcmp(file, "cpu.shares") == 0)
		b = b < least_shares ? least_shares : b > most_shares ? most_shares : b;

	return fmt_parse_u64(real, &a) == 0 && a == b / unit * unit;
}

/* "0,1" and "0-1": the same CPUs, or memory nodes. */
static bool same_list(const char *file, const char *real, const char *asked)
{
	struct cpu_set a, b;
	const char *fault;

	return strncmp(file, "cpuset.", strlen("cpuset.")) == 0 &&
	       cpu_list_parse(real, &a, &fault) == 0 && cpu_list_parse(asked, &b, &fault) == 0 &&
	       memcmp(&a, &b, sizeof(a)) == 0;
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

static bool is_in_force(struct inspect *i, const char *file, const char *real, const char *asked)
{
	/* The other lines of this file are no settings. */
	if (strcmp(file, "memory.oom_control") == 0)
		return has_line(real, arena_printf(i->arena, "oom_kill_disable %s", asked));

	return same_number(file, real, asked) || same_list(file, real, asked) ||
	       has_line(real, asked);
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
	inspect_judge(i, "limit", file, real, asked, is_in_force(i, file, real, asked));
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
			/* v1's begins with the periods of the quota, and has no usage. */
			if (strncmp(text, "nr_periods", strlen("nr_periods")) == 0)
				continue;
			inspect_fact(i, "usage", files[k], "%s", text);
		}
}

/* ---- devices ---- */

/* v1: does a step allow the device of @rule, "c 1:3 rwm", for all uses in @rule? */
static bool is_allowed(const struct inspect *i, const char *dir, const char *rule)
{
	size_t device = strcspn(rule, " ");
	const struct step *s;

	device += rule[device] ? 1 + strcspn(rule + device + 1, " ") : 0;
	for (const char *use = rule + device + strspn(rule + device, " "); *use; use++) {
		bool found = false;

		for (size_t n = 0; !found && (s = inspect_step(i, OP_WRITE_CGROUP, n)); n++)
			found = strcmp(s->cgroup_file.file, "devices.allow") == 0 &&
				strcmp(s->cgroup_file.directory, dir) == 0 &&
				strncmp(s->cgroup_file.value, rule, device) == 0 &&
				s->cgroup_file.value[device] == ' ' &&
				strchr(s->cgroup_file.value + device, *use);
		if (!found)
			return false;
	}

	return true;
}

/* The rules of v1 that no step has, where the plan begins with denying all. */
static void look_at_device_list(struct inspect *i)
{
	const struct step *s;
	char *text = arena_alloc(i->arena, LIST_SIZE), *line;
	const char *more = "";
	size_t k = 0;

	while ((s = inspect_step(i, OP_WRITE_CGROUP, k)) &&
	       strcmp(s->cgroup_file.file, "devices.deny") != 0)
		k++;
	if (!s || s->cgroup_file.value[0] != 'a' || !is_recorded(i, s->cgroup_file.directory) ||
	    cgroup_read(s->cgroup_file.directory, "devices.list", text, LIST_SIZE) < 0)
		return;
	while ((line = strsep(&text, "\n")))
		if (line[0] && !is_allowed(i, s->cgroup_file.directory, line))
			more = arena_printf(i->arena, "%s, and %s", more, line);
	inspect_compare(i, "limit", "devices.list",
			arena_printf(i->arena, "the rules of config.json%s", more),
			"the rules of config.json");
}

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
	look_at_device_list(i);
	look_at_devices(i);
	look_at_usage(i);
}
