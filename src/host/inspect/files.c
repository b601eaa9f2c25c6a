/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/files.c - inspect: root, working directory and open files; where memory comes from
 *
 * A program opens files and changes its directory as it likes, so these are facts, and nothing is
 * compared. A descriptor that leads to a file of the host is worth a look, though.
 */
#include "base/fmt.h"
#include "host/inspect/rows.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "plan/process/memory_policy.h"

#include <linux/limits.h>
#include <string.h>

#define MOST_DESCRIPTORS 256

static void look_at_link(struct inspect *i, const char *file, const char *section, const char *name)
{
	char path[64], target[PATH_MAX];

	fmt_text(path, sizeof(path), "/proc/%d/%s", i->pid, file);

	ssize_t n = sys_read_link_at(AT_FDCWD, path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	inspect_fact(i, section, name, "%s", target);
}

static void look_at_descriptors(struct inspect *i)
{
	char room[2048] __attribute__((aligned(8))), file[300];
	size_t count = 0;

	autoclose int dir = proc_open(i->pid, "fd", O_RDONLY | O_DIRECTORY);
	struct sys_dir d = SYS_DIR(dir, room);
	if (dir < 0)
		return;
	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));) {
		if (sys_is_dots(entry) || count++ >= MOST_DESCRIPTORS)
			continue;
		fmt_text(file, sizeof(file), "fd/%s", entry->name);
		look_at_link(i, file, "descriptor", entry->name);
	}
	inspect_fact(i, "process", "descriptors", "%zu", count);
}

/* ---- memory policy ---- */

/* The names of the modes in numa_maps, numa(7); the kernel has no others. */
static const struct {
	const char *oci, *shown;
} modes[] = {
	{ "MPOL_BIND", "bind" },
	{ "MPOL_DEFAULT", "default" },
	{ "MPOL_INTERLEAVE", "interleave" },
	{ "MPOL_LOCAL", "local" },
	{ "MPOL_PREFERRED", "prefer" },
	{ "MPOL_PREFERRED_MANY", "prefer (many)" },
	{ "MPOL_WEIGHTED_INTERLEAVE", "weighted interleave" },
};

static const char *asked_mode(const struct inspect *i)
{
	const struct oci_linux *linux = i->config ? i->config->linux : NULL;

	for (size_t k = 0; linux && linux->memory_policy && k < sizeof(modes) / sizeof(modes[0]);
	     k++)
		if (strcmp(modes[k].oci, linux->memory_policy->mode) == 0)
			return modes[k].shown;

	return NULL;
}

/* A mapping without a policy of its own has that of the process; most programs know none. */
static void look_at_memory_policy(struct inspect *i)
{
	char text[512];
	const char *mode = asked_mode(i);

	if (proc_read(i->pid, "numa_maps", text, sizeof(text)) <= 0)
		return;

	char *policy = strchr(text, ' ');
	if (!policy)
		return;
	policy++;

	char *end = strpbrk(policy, "\n");
	if (end)
		*end = '\0';
	/* "bind:0-1 anon=1 ...", but "prefer (many):0 anon=1". */
	end = strchr(policy, ':');
	end = strchr(end && end < strchrnul(policy, '=') ? end : policy, ' ');
	if (end)
		*end = '\0';
	if (mode)
		inspect_judge(i, "process", "memory policy", policy, mode,
			      strncmp(policy, mode, strlen(mode)) == 0);
	else
		inspect_fact(i, "process", "memory policy", "%s", policy);
}

void inspect_files(struct inspect *i)
{
	look_at_memory_policy(i);
	look_at_link(i, "root", "process", "root");
	look_at_link(i, "cwd", "process", "directory");
	look_at_descriptors(i);
}
