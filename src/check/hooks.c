/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/hooks.c - do the programs of hooks exist, and would execve(2) accept them?
 *
 * runtime-spec, config.md#posix-platform-hooks: the path of a hook is the host's, except that of a
 * startContainer hook, which is the container's. A poststop hook runs after the container, and its
 * failure is a warning. The effects of a hook can't be known.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "plan/process/hooks.h"

#include <linux/limits.h>
#include <string.h>

/*
 * Engines name their own program by /proc/PID/exe, a magic link, so the kernel looks that path up.
 * The target of the link has a path of its own, unless it is in another mount namespace.
 */
static void check_host_hook(struct check *c, const char *path)
{
	char whole[PATH_MAX], what[PATH_MAX];
	const struct check_demand d = { .place = c->program, .what = what };

	fmt_text(what, sizeof(what), "\"%s\"", path);

	autoclose int fd = sys_open(path, O_PATH);
	autoclose int here = fd < 0 ? fd : sys_open("/", O_PATH | O_DIRECTORY);
	if (here < 0) {
		check_answer(c, CHECK_NO, &d, "%s", errno_text(-here));
		return;
	}
	c->rootfs = here;
	c->of_host = true;
	if (sys_path_of(fd, whole, sizeof(whole)) < 0 || sys_access_at(AT_FDCWD, whole, F_OK) < 0)
		check_answer(c, CHECK_WEAKER, &d, "not read: it has no path here");
	else
		check_executable(c, whole);
}

void check_hooks(const struct check *c)
{
	for (size_t stage = 0; stage < HOOK_STAGES; stage++) {
		const char *name = hook_stage_names[stage];
		size_t count;
		const struct oci_hook *hooks = hook_list(c->config->hooks, stage, &count);

		for (size_t i = 0; i < count; i++) {
			struct check its = *c;
			char place[64];

			fmt_text(place, sizeof(place), "/hooks/%s/%zu", name, i);
			its.program = place;
			its.may_fail = strcmp(name, "poststop") == 0;
			if (strcmp(name, "startContainer") != 0)
				check_host_hook(&its, hooks[i].path);
			else if (c->rootfs >= 0)
				check_executable(&its, hooks[i].path);
		}
	}
}
