/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/process.c - what the program is to be: its resource limits and its filter
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

#define SECCOMP_PLACE "/linux/seccomp"

/* CAP_SYS_RESOURCE counts in the first user namespace only: setrlimit(2). */
static bool may_raise(const struct check *c)
{
	char status[4096];

	autoclose int fd = sys_open("/proc/self/status", O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, status, sizeof(status) - 1);
	status[n > 0 ? n : 0] = '\0';

	const char *at = strstr(status, "\nCapEff:\t");
	uint64_t set = 0;
	for (at = at ? at + strlen("\nCapEff:\t") : ""; *at && *at != '\n'; at++)
		set = set << 4 | (uint64_t) (*at <= '9' ? *at - '0' : *at - 'a' + 10);

	return set & 1ULL << CAP_SYS_RESOURCE && !(c->plan->namespaces & CLONE_NEWUSER);
}

static void check_rlimit(const struct check *c, const struct step *s, bool raises)
{
	const struct check_demand d = { .place = s->place,
					.what = s->rlimit.name,
					.remedy =
						"ask for no more, or raise it for tare's caller" };
	struct sys_rlimit now;
	int r = sys_get_rlimit(0, s->rlimit.resource, &now);

	if (r < 0)
		return;
	if (!raises && s->rlimit.hard > now.hard)
		check_answer(c, CHECK_NO, &d,
			     "the hard limit here is %llu, and raising it takes CAP_SYS_RESOURCE "
			     "outside of all user namespaces",
			     (unsigned long long) now.hard);
	else
		check_answer(c, CHECK_OK, &d, "may be set by user %u", sys_euid());
}

void check_process(const struct check *c)
{
	const struct step *exec = check_find_step(c, OP_EXEC);
	const struct check_demand filter = { .place = SECCOMP_PLACE,
					     .what = "profile",
					     .remedy = "allow execve" };
	bool raises = may_raise(c);

	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];

		if (s->op == OP_SET_RLIMIT || s->op == OP_SET_PROCESS_LIMIT)
			check_rlimit(c, s, raises);
	}
	if (!exec || !c->config->linux || !c->config->linux->seccomp)
		return;
	if (exec->exec.refused)
		check_answer(c, CHECK_NO, &filter, "it refuses execve: no program can be started");
	else
		check_answer(c, CHECK_OK, &filter, "it lets the program be executed");
}
