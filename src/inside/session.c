/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/session.c - the session, namespaces and their settings
 *
 * The first steps of tare-init, before the mounts: the host's file system is still visible, so the
 * paths of namespaces are opened here, by the host's procfs.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/process.h"
#include "kernel/since.h"
#include "kernel/socket.h"
#include "wire/wire.h"

#include <sys/ioctl.h>

/* More than any kernel is built for: NR_CPUS of x86 with MAXSMP. */
#define CPUS_MOST 8192

/*
 * Is setgroups(2) denied in this user namespace? The plan can't know that of a joined one:
 * user_namespaces(7), "The /proc/PID/setgroups file".
 */
static bool is_denied_setgroups(const struct inside *in)
{
	char text[8];

	if (in->proc < 0 || !in->plan->steps[in->plan->spawn].spawn.join_user)
		return false;

	autoclose int fd = sys_open_at(in->proc, "self/setgroups", O_RDONLY, 0);

	return fd >= 0 && sys_read_all(fd, text, sizeof(text)) >= 4 && memcmp(text, "deny", 4) == 0;
}

int session_enter(struct inside *in, const struct step *s, struct err *e)
{
	(void) s;
	in->groups_denied = is_denied_setgroups(in);

	/*
	 * Files that tare-init makes have exactly the planned modes; OP_SET_UMASK sets the
	 * program's umask.
	 */
	sys_umask(0);
	/*
	 * Not dumpable: no process outside may trace this one while it has rights that only the
	 * set-up needs.
	 */
	sys_prctl(PR_SET_DUMPABLE, 0, 0);

	int r = sys_setsid();
	if (r < 0)
		return err_sys(e, r, "start a session");

	return 0;
}

/*
 * sched_setaffinity(2): fork and exec inherit the mask, and a wider cpuset does not widen it. The
 * kernel reduces this full mask to what the cpuset allows, and since Linux 6.2 remembers it for a
 * wider cpuset later.
 */
int session_reset_affinity(struct inside *in, const struct step *s, struct err *e)
{
	uint64_t every[CPUS_MOST / 64];

	(void) in, (void) s;
	memset(every, 0xff, sizeof(every));

	int r = sys_sched_setaffinity(0, every, sizeof(every));
	/*
	 * EPERM: an outer container's filter denies the call; the CPUs are then those of that
	 * container.
	 */
	if (r < 0 && r != -EPERM && r != -ENOSYS)
		return err_sys(e, r, "set the CPU affinity to all CPUs");

	return 0;
}

int session_join_namespace(struct inside *in, const struct step *s, struct err *e)
{
	/*
	 * A pid namespace was opened before the first step, as its path can't be reached any more.
	 */
	bool opened = s->ns.type == CLONE_NEWPID;

	autoclose int fd = opened ? take_fd(&in->pids)
				  : sys_open(s->ns.path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_sys(e, fd, "open %s namespace \"%s\"", s->ns.name, s->ns.path);

	int r = sys_setns(fd, s->ns.type);
	if (r == -EINVAL)
		return err_msg(e, "\"%s\" is no %s namespace", s->ns.path, s->ns.name);
	if (r < 0)
		return err_sys(e, r, "join %s namespace \"%s\"", s->ns.name, s->ns.path);

	return 0;
}

static enum since since_of(uint64_t type)
{
	if (type == CLONE_NEWTIME)
		return SINCE_TIME_NAMESPACE;

	return type == CLONE_NEWIPC ? SINCE_IPC_NAMESPACE : SINCE_CGROUP_NAMESPACE;
}

int session_unshare(struct inside *in, const struct step *s, struct err *e)
{
	(void) in;

	int r = sys_unshare(s->ns.type);
	if (r == -EINVAL) {
		(void) err_msg(e, "there are no %s namespaces", s->ns.name);
		return err_lacks(e, since_of(s->ns.type));
	}
	if (r < 0)
		return err_sys(e, r, "make a %s namespace", s->ns.name);

	return 0;
}

/* The name of our own directory in the host's procfs, which may be of another pid namespace. */
static int find_self(struct inside *in, char *name, size_t size, struct err *e)
{
	if (in->proc < 0)
		return err_msg(e, "the host has no procfs at /proc");

	ssize_t n = sys_read_link_at(in->proc, "self", name, size - 1);
	if (n < 0)
		return err_sys(e, (int) n, "read \"/proc/self\"");
	name[n] = '\0';

	return 0;
}

static int write_offsets(struct inside *in, const char *self, const struct step *s, struct err *e)
{
	const struct clock_offset *monotonic = &s->clocks.monotonic,
				  *boottime = &s->clocks.boottime;
	const struct clock_offset *clocks[] = { monotonic, boottime };
	char path[64], text[128];
	bool wanted = false;

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++)
		wanted |= clocks[i]->seconds != 0 || clocks[i]->nanoseconds != 0;
	if (!wanted)
		return 0;
	fmt_text(path, sizeof(path), "%s/timens_offsets", self);

	autoclose int fd = sys_open_proc(in->proc, path, O_WRONLY);
	if (fd < 0)
		return err_sys(e, fd, "open \"/proc/%s\"", path);

	size_t length = fmt_text(text, sizeof(text), "monotonic %lld %u\nboottime %lld %u\n",
				 (long long) monotonic->seconds, monotonic->nanoseconds,
				 (long long) boottime->seconds, boottime->nanoseconds);
	ssize_t n = sys_write(fd, text, length);
	if (n == -ERANGE)
		return err_msg(e, "with these offsets a clock would be before 0, or too far ahead");

	return n < 0 ? err_sys(e, (int) n, "set the clocks of the time namespace") : 0;
}

/*
 * unshare(2) puts only children into the new time namespace, and setns(2) its caller: join it now
 * that its clocks are set.
 */
int session_set_clocks(struct inside *in, const struct step *s, struct err *e)
{
	char self[32], path[64];

	if (find_self(in, self, sizeof(self), e) < 0 || write_offsets(in, self, s, e) < 0)
		return -1;
	fmt_text(path, sizeof(path), "%s/ns/time_for_children", self);

	autoclose int fd = sys_open_at(in->proc, path, O_RDONLY, 0);
	if (fd < 0)
		return err_sys(e, fd, "open \"/proc/%s\"", path);

	int r = sys_setns(fd, CLONE_NEWTIME);

	return r < 0 ? err_sys(e, r, "enter the time namespace") : 0;
}

int session_new_keyring(struct inside *in, const struct step *s, struct err *e)
{
	autoclose int attribute = s->keyring.label ? label_open_attribute(in, "keycreate", e) : -1;
	if (s->keyring.label && attribute < 0)
		return -1;

	int r = attribute < 0
			? 0
			: sys_write_all(attribute, s->keyring.label, strlen(s->keyring.label));
	if (r < 0)
		return err_sys(e, r, "set the SELinux label \"%s\" for the session keyring",
			       s->keyring.label);
	r = sys_new_keyring();
	/*
	 * An empty write resets the attribute: keyrings that the program makes get the kernel's
	 * label.
	 */
	if (attribute >= 0)
		sys_write(attribute, "", 0);

	/*
	 * A kernel without keys, or an outer container whose filter denies the call: no keyring is
	 * shared then.
	 */
	if (r == -ENOSYS || r == -EPERM)
		return 0;
	if (r < 0)
		(void) err_sys(e, r, "join a new session keyring");
	if (r == -EDQUOT && s->keyring.optional)
		return wire_send_warning(in->control, in->step, e) < 0 ? -1 : 0;

	return r < 0 ? -1 : 0;
}

/*
 * Android's kernels give sockets of the internet to a few groups only, and root is no exception.
 * The program would only report "permission denied" when it connects.
 */
int session_try_network(struct inside *in, const struct step *s, struct err *e)
{
	autoclose int fd = sys_open_ip_socket();
	struct wire_message answer;
	int none;

	(void) s;
	if (fd != -EACCES && fd != -EPERM)
		return 0;
	(void) err_sys(e, fd, "the program has no network: socket");
	err_hint(e, "on a phone --android on adds the groups that have one");

	/*
	 * tare prints the warning, then answers: so the warning stands before the error of the
	 * program.
	 */
	if (wire_send_warning(in->control, in->step, e) < 0 ||
	    wire_receive(in->control, &answer, &none) <= 0 || answer.kind != WIRE_GO)
		return -1;

	return 0;
}

int session_loopback_up(struct inside *in, const struct step *s, struct err *e)
{
	(void) in, (void) s;

	int r = sys_loopback_up();

	return r < 0 ? err_sys(e, r, "bring up the loopback interface") : 0;
}

int session_set_hostname(struct inside *in, const struct step *s, struct err *e)
{
	(void) in;

	int r = sys_sethostname(s->text);
	if (r < 0)
		return err_sys(e, r, "set the host name \"%s\"", s->text);

	return 0;
}

int session_set_domainname(struct inside *in, const struct step *s, struct err *e)
{
	(void) in;

	int r = sys_setdomainname(s->text);
	if (r < 0)
		return err_sys(e, r, "set the domain name \"%s\"", s->text);

	return 0;
}

int session_set_sysctl(struct inside *in, const struct step *s, struct err *e)
{
	char path[512];

	if (in->proc < 0)
		return err_msg(e, "the host has no procfs at /proc");
	fmt_text(path, sizeof(path), "sys/%s", s->setting.key);

	autoclose int fd = sys_open_proc(in->proc, path, O_WRONLY);
	if (fd < 0)
		return err_sys(e, fd, "open \"/proc/%s\"", path);

	int r = sys_write_all(fd, s->setting.value, strlen(s->setting.value));
	if (r < 0)
		return err_sys(e, r, "write \"%s\" to \"/proc/%s\"", s->setting.value, path);

	return 0;
}

int session_set_memory_policy(struct inside *in, const struct step *s, struct err *e)
{
	const char *nodes = s->memory_policy.nodes;

	(void) in;

	int r = nodes ? sys_set_memory_policy(s->memory_policy.mode, s->memory_policy.mask,
					      MEMORY_NODES)
		      : sys_set_memory_policy(s->memory_policy.mode, NULL, 0);
	if (r < 0)
		return err_sys(e, r, "set memory policy %s%s%s", s->memory_policy.name,
			       nodes ? " of nodes " : "", nodes ? nodes : "");

	return 0;
}

int session_set_personality(struct inside *in, const struct step *s, struct err *e)
{
	(void) in;

	int r = sys_personality((unsigned long) s->number);
	if (r < 0)
		return err_sys(e, r, "set the execution domain");

	return 0;
}
