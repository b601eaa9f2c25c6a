/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/landlock.c - restrict the program and its children by landlock(7)
 *
 * Runs as the program's user, behind no_new_privs and all mounts, as a restricted process can't
 * mount.
 */
#include "inside/inside.h"

#include "kernel/landlock.h"

#include <errno.h>

static int allow(int ruleset, const struct landlock_rule *rule, struct err *e)
{
	struct stat st;

	autoclose int fd = sys_open(rule->path, O_PATH);
	/*
	 * EACCES: this user can't reach the path, so the program, as the same user, can't either.
	 */
	if (fd == -EACCES)
		return 0;

	int r = fd < 0 ? fd : sys_stat(fd, &st);
	if (r == 0)
		r = sys_landlock_allow(ruleset, fd,
				       S_ISDIR(st.st_mode) ? rule->access
							   : rule->access & LANDLOCK_OF_FILES);

	return r < 0 ? err_sys(e, r, "Landlock: allow \"%s\"", rule->path) : 0;
}

int landlock_restrict(struct inside *in, const struct step *s, struct err *e)
{
	const struct landlock_step *l = &s->landlock;
	const struct sys_landlock handled = { l->files, l->tcp, l->scoped };

	(void) in;

	autoclose int ruleset = sys_landlock_make(&handled);
	if (ruleset < 0)
		return err_sys(e, ruleset, "Landlock: make a ruleset");
	for (size_t i = 0; i < l->count; i++)
		if (allow(ruleset, &l->rules[i], e) < 0)
			return -1;

	int r = sys_landlock_restrict(ruleset);

	return r < 0 ? err_sys(e, r, "Landlock: restrict the program") : 0;
}
