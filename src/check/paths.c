/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/paths.c - masked and read-only paths, and the working directory, in the container's procfs
 *
 * create follows no magic link of procfs, such as /proc/self/exe: it leads out of the container.
 * The host's procfs has the same links, so a path is looked up there.
 */
#include "check/check.h"

#include "base/path.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#include <string.h>

/* The part of @path below the procfs of the container; NULL: it is elsewhere. */
static const char *find_below_procfs(const struct check *c, const char *path)
{
	const char *below = NULL;

	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];
		const char *rest = s->op == OP_MOUNT ? path_below(path, s->mount.target) : NULL;

		if (rest && rest[0] == '/')
			below = s->mount.type && strcmp(s->mount.type, "proc") == 0 ? rest : NULL;
	}

	return below;
}

static void check_path(const struct check *c, const struct step *s, int procfs)
{
	const struct check_demand d = { .place = s->place, .what = s->path };
	const char *below = find_below_procfs(c, s->path);

	autoclose int fd = below ? sys_open_in_root(procfs, below, O_PATH) : -ENOENT;
	if (fd == -ELOOP)
		check_answer(c, CHECK_NO, &d, "it is a magic link of procfs: %s", errno_text(-fd));
}

void check_paths(const struct check *c)
{
	static const enum step_op ops[] = { OP_MASK_PATH, OP_PROTECT_PATH, OP_CHANGE_DIR };
	autoclose int procfs = sys_open("/proc", O_PATH | O_DIRECTORY);

	for (size_t i = 0; procfs >= 0 && i < c->plan->step_count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(ops); k++)
			if (c->plan->steps[i].op == ops[k] && c->plan->steps[i].place[0] != '\0')
				check_path(c, &c->plan->steps[i], procfs);
}
