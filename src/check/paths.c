/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/paths.c - masked and read-only paths, and the working directory
 */
#include "check/check.h"

#include "base/path.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#include <string.h>

/* A masked directory is empty. */
static bool is_masked(const struct check *c, const struct step *s)
{
	for (const struct step *at = c->plan->steps; at < s; at++)
		if (at->op == OP_MASK_PATH && path_below(s->path, at->path))
			return true;

	return false;
}

static void check_path(const struct check *c, const struct step *s)
{
	const struct check_demand d = { .place = s->place, .what = s->path };
	struct check_found f;

	check_find(c, s->path, (size_t) (s - c->plan->steps), false, &f);

	int r = check_error_of(&f);
	/*
	 * A missing directory is made by create, and a missing path needs no mask; but no directory
	 * can be made in a procfs.
	 */
	bool fault = r == -ELOOP || (s->op == OP_CHANGE_DIR && f.mount && r < 0) ||
		     (s->op == OP_CHANGE_DIR && (r == -ENOTDIR || r == -ENAMETOOLONG));

	fd_close(&f.fd);
	if (fault && !is_masked(c, s))
		check_answer(c, CHECK_NO, &d, "%s", errno_text(-r));
}

void check_paths(const struct check *c)
{
	static const enum step_op ops[] = { OP_MASK_PATH, OP_PROTECT_PATH, OP_CHANGE_DIR };

	for (size_t i = 0; c->rootfs >= 0 && i < c->plan->step_count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(ops); k++)
			if (c->plan->steps[i].op == ops[k] && c->plan->steps[i].place[0] != '\0')
				check_path(c, &c->plan->steps[i]);
}
