/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/process_limit.c - RLIMIT_NPROC of a process that has entered a pid namespace
 *
 * Runs in tare, when the process is cloned and has the user of config.json. prlimit(2) of another
 * user's process takes CAP_SYS_RESOURCE. Without that capability the kernel compares our real IDs
 * with the process's: for this one call tare takes the real IDs of the process. During the call
 * that user may send signals to tare, kill(2), but not trace tare: ptrace(2) compares effective
 * IDs, too.
 */
#include "host/create/create.h"

#include "base/fmt.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

/* The real ID in a line of /proc/PID/status, as seen from our user namespace. 0, or -1. */
static int read_id(const char *status, const char *line, uint32_t *id)
{
	const char *at = strstr(status, line);
	char digits[16];
	unsigned long long value;

	if (!at)
		return -1;
	at += strlen(line);

	size_t length = strspn(at, "0123456789");
	if (length >= sizeof(digits))
		return -1;
	memcpy(digits, at, length);
	digits[length] = '\0';
	if (fmt_parse_u64(digits, &value) < 0 || value > UINT32_MAX)
		return -1;
	*id = (uint32_t) value;

	return 0;
}

static int set_as_its_user(pid_t pid, const struct step *s, const struct sys_rlimit *limit)
{
	const uid_t own_uid = sys_real_uid();
	const gid_t own_gid = sys_real_gid();
	uint32_t uid, gid;
	char status[4096];

	(void) proc_read(pid, "status", status, sizeof(status));
	if (read_id(status, "\nUid:\t", &uid) < 0 || read_id(status, "\nGid:\t", &gid) < 0)
		return -EPERM;

	int r = sys_set_real_ids(uid, gid);
	if (r == 0)
		r = sys_set_rlimit(pid, s->rlimit.resource, limit);

	int back = sys_set_real_ids(own_uid, own_gid);

	return r < 0 ? r : back;
}

int create_limit_processes(struct create *c, const struct step *s, struct err *e)
{
	const struct sys_rlimit limit = { .soft = s->rlimit.soft, .hard = s->rlimit.hard };
	int r = sys_set_rlimit(c->pid, s->rlimit.resource, &limit);

	if (r == -EPERM)
		r = set_as_its_user(c->pid, s, &limit);
	if (r == 0)
		return 0;
	(void) err_sys(e, r, "set %s to %llu:%llu", s->rlimit.name,
		       (unsigned long long) s->rlimit.soft, (unsigned long long) s->rlimit.hard);
	if (r == -EPERM)
		err_hint(e, "to raise a hard limit tare needs CAP_SYS_RESOURCE; lower it, or leave "
			    "it out");

	return -1;
}
