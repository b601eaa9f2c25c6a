/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/procfs_fuzz.c - the kernel's texts: mountinfo, /proc/PID/cgroup, the files of a cgroup
 *
 * The kernel is no enemy, but what others mounted and how they named it stands in there. Two files
 * are included for what is static in them.
 */
#include "host/schemata.c"

/* Both have one of this name. */
#define read_text read_small_text
#include "plan/systemd/facts.c"

#include "base/mount_line.h"
#include "cgroup/layout.h"
#include "cgroup/path.h"
#include "cgroup/stats_text.h"
#include "plan/limits/resctrl.h"
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

/* All of these are one file, by hard links: what is read last was made for another of them. */
static const char *const names[] = {
	"cpu.stat",
	"cpuacct.usage",
	"cpuacct.usage_percpu",
	"cpuacct.usage_all",
	"cpuset.cpus",
	"cpuset.mems",
	"memory.stat",
	"memory.current",
	"memory.usage_in_bytes",
	"memory.events",
	"memory.pressure",
	"cpu.pressure",
	"io.pressure",
	"io.stat",
	"blkio.throttle.io_service_bytes_recursive",
	"blkio.throttle.io_serviced_recursive",
	"pids.current",
	"pids.max",
	"hugetlb.2MB.current",
	"hugetlb.1GB.usage_in_bytes",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char from[600], to[700];

	(void) argc, (void) argv;
	fuzz_file("text", "", 0);
	snprintf(from, sizeof(from), "%s/text", fuzz_directory());
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(to, sizeof(to), "%s/%s", fuzz_directory(), names[i]);
		fuzz_check(link(from, to) == 0);
	}

	return 0;
}

/* mountinfo up to the first empty line, then /proc/self/cgroup. */
static void try_layout(char *text, struct arena *a)
{
	struct cgroup_layout layout = { .mode = CGROUP_NONE };
	char *own = strstr(text, "\n\n");

	if (own) {
		own[1] = '\0';
		own += 2;
	} else {
		own = text + strlen(text);
	}
	cgroup_layout_parse(&layout, text, own, a);
	for (size_t i = 0; i < layout.count; i++)
		fuzz_check(layout.hierarchies[i].mount && layout.hierarchies[i].controllers &&
			   layout.hierarchies[i].own[0] == '/');
	cgroup_layout_find(&layout, "memory");
}

static void try_cgroup_files(const char *text, struct arena *a)
{
	const char *const dirs[] = { fuzz_directory(), NULL };
	struct cgroup_stats stats;
	size_t count;

	cgroup_stats_read(dirs, a, &stats);
	stats_pairs(arena_strdup(a, text), a, &count);
	stats_list(text, a);
	stats_row(text, a);
	stats_value(text, "anon");
	cgroup_event(text, "populated");
}

static bool is_part(const char *part, const char *line, const char *end)
{
	return *part == '\0' || (part >= line && part + strlen(part) <= end);
}

static void try_mountinfo(char *text)
{
	const char *end = text + strlen(text);
	struct mount_line line;

	for (char *next = text; next;) {
		char *one = strsep(&next, "\n");

		if (!mount_line_cut(one, &line))
			continue;
		fuzz_check(is_part(line.root, one, end) && is_part(line.point, one, end));
		fuzz_check(is_part(line.tags, one, end) && is_part(line.super, one, end));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	int next = fuzz_next_descriptor();

	arena_open(&a);
	fuzz_file("text", data, size);
	try_layout(fuzz_text(data, size, &a), &a);
	try_cgroup_files(fuzz_text(data, size, &a), &a);
	resctrl_find(fuzz_text(data, size, &a), &a);
	try_mountinfo(fuzz_text(data, size, &a));
	group_of(fuzz_text(data, size, &a), &a);

	const char *own = find_own_line(fuzz_text(data, size, &a));
	fuzz_check(!own || !strchr(own, '\n'));
	arena_close(&a);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}
