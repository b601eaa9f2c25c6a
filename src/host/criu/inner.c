/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/inner.c - what a restore does in the container's namespaces
 *
 * A restore has no tare-init that could run createContainer and startContainer hooks, or look after
 * mounts. So a child of tare joins namespaces of the restored first process, and does it there. The
 * container's processes do not run yet. If other processes are in the container's pid namespace,
 * the child stays outside of it, and a hook inherits only standard descriptors.
 */
#include "host/criu/restore.h"

#include "base/fmt.h"
#include "base/table.h"
#include "host/explain.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

#include <linux/seccomp.h>

struct inner {
	const struct create *create;
	uint64_t types; /* the namespaces that the child joins: CLONE_NEW* */
	int (*work)(const struct inner *inner, struct err *e);
	const struct step *step; /* of a hook */
	pid_t pid_inside;	 /* of the first process */
	/* for work on mounts: the root directory of the first process, and the host's procfs */
	int root, proc;
	int report; /* write end: the struct err of a failure */
};

/*
 * In the order of joining. The user namespace is last: after joining it the child has no right to
 * join the others.
 */
static const struct {
	const char *file;
	uint64_t type;
} kinds[] = {
	{ "ns/mnt", CLONE_NEWNS },	  { "ns/net", CLONE_NEWNET },
	{ "ns/ipc", CLONE_NEWIPC },	  { "ns/uts", CLONE_NEWUTS },
	{ "ns/pid", CLONE_NEWPID },	  { "ns/time", CLONE_NEWTIME },
	{ "ns/cgroup", CLONE_NEWCGROUP }, { "ns/user", CLONE_NEWUSER },
};

/* Is it our own namespace? Joining one's own user namespace is an error. */
static bool is_ours(const char *file, int fd)
{
	struct stat st, own;

	autoclose int ours = proc_open(sys_pid(), file, O_RDONLY);

	return ours >= 0 && sys_stat(fd, &st) == 0 && sys_stat(ours, &own) == 0 &&
	       st.st_ino == own.st_ino;
}

static int become_root(struct err *e)
{
	int r = sys_setgid(0);

	if (r == 0)
		r = sys_setuid(0);

	return r < 0 ? err_sys(e, r, "become root of the container's user namespace") : 0;
}

static int join(pid_t pid, uint64_t types, struct err *e)
{
	int fds[ARRAY_SIZE(kinds)];
	bool user = false;

	/*
	 * All are opened before the first is joined: after joining a mount namespace, /proc is that
	 * of the container.
	 */
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		fds[i] = kinds[i].type & types ? proc_open(pid, kinds[i].file, O_RDONLY) : -ENOENT;
		if (fds[i] >= 0 && is_ours(kinds[i].file, fds[i])) {
			sys_close(fds[i]);
			fds[i] = -ENOENT;
		}
		/* A kernel that lacks a kind of namespace has no file for it. */
		if (fds[i] < 0 && fds[i] != -ENOENT)
			return err_sys(e, fds[i], "open /proc/%d/%s", pid, kinds[i].file);
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int r = fds[i] < 0 ? 0 : sys_setns(fds[i], kinds[i].type);

		if (r < 0)
			return err_sys(e, r, "join /proc/%d/%s", pid, kinds[i].file);
		user |= fds[i] >= 0 && kinds[i].type == CLONE_NEWUSER;
	}

	return user ? become_root(e) : 0;
}

static int become_inner(void *arg)
{
	const struct inner *inner = arg;
	struct err e;

	sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	if (join(inner->create->pid, inner->types, &e) == 0 && inner->work(inner, &e) == 0)
		return 0;
	sys_write_all(inner->report, &e, sizeof(e));

	return 1;
}

/* Do the work of @inner, which @what names, in a child, and wait for its end. 0, or -1. */
static int do_inside(struct inner *inner, const char *what, struct err *e)
{
	int ends[2], status, r = sys_pipe(ends);
	struct err failure;

	if (r < 0)
		return err_sys(e, r, "make a pipe");

	autoclose int ours = ends[0];
	inner->report = ends[1];
	pid_t pid = sys_clone_call(&(struct sys_clone) { .cgroup = -1 }, NULL, become_inner, inner);
	sys_close(ends[1]);
	if (pid < 0)
		return err_sys(e, pid, "start a process for %s", what);

	bool failed = sys_read_all(ours, &failure, sizeof(failure)) == sizeof(failure);

	sys_wait(pid, &status, 0);
	if (failed) {
		*e = failure;
		return -1;
	}

	return status != 0 ? err_msg(e, "the process for %s ended with status 0x%x", what,
				     (unsigned) status)
			   : 0;
}

/* ---- hooks ---- */

static const char *const *environment(const struct plan *plan, const struct hook_step *h)
{
	static const char *const nothing[] = { NULL };
	const struct step *exec = plan_find_step(plan, OP_EXEC);

	return h->envp ? h->envp : exec ? exec->exec.envp : nothing;
}

static int run_hook(const struct inner *inner, struct err *e)
{
	const unsigned single = SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	const struct plan *plan = inner->create->plan;
	const struct hook_step *h = &inner->step->hook;
	const struct step *filter = h->in_container ? plan_find_step(plan, OP_SET_SECCOMP) : NULL;
	const struct step *cwd = h->in_container ? plan_find_step(plan, OP_CHANGE_DIR) : NULL;
	char status_and_pid[64];
	const struct sock_fprog program = {
		.len = filter ? filter->seccomp.count : 0,
		.filter = filter ? (struct sock_filter *) filter->seccomp.filter : NULL,
	};

	fmt_text(status_and_pid, sizeof(status_and_pid), "%s\",\"pid\":%d", h->status,
		 inner->pid_inside);

	const struct hook_call call = {
		.stage = h->stage,
		.index = h->index,
		.path = h->path,
		.argv = h->argv,
		.envp = environment(plan, h),
		.timeout = h->timeout,
		.directory = cwd ? cwd->path : plan->rootfs,
		.state = { plan->state_head, status_and_pid, plan->state_tail },
		.files = &inner->create->hook_files,
		.interrupt = -1,
		.filter = filter ? &program : NULL,
		.filter_flags = filter ? filter->seccomp.flags & single : 0,
	};

	sys_umask(plan->umask);

	return hook_run_explained(&call, e);
}

int restore_run_hook(const struct create *c, const struct step *s, struct err *e)
{
	/*
	 * runtime-spec, runtime.md#state: the pid as seen in the container. Unknown before Linux
	 * 4.1.
	 */
	const pid_t seen = proc_inner_pid(c->pid);
	struct inner inner = {
		.create = c,
		.types = ~(uint64_t) 0,
		.work = run_hook,
		.step = s,
		.pid_inside = seen > 0 ? seen : c->pid,
	};
	char what[64];

	fmt_text(what, sizeof(what), "%s hook %u", s->hook.stage, s->hook.index);

	return do_inside(&inner, what, e);
}

/* ---- nodes of the host ---- */

/* Is it a file of the host that create mounts: a mask, or a device that can't be made? */
static const char *host_node(const struct step *s)
{
	if (s->op == OP_MASK_PATH)
		return s->path;

	return s->op == OP_MAKE_DEVICE && s->device.bind && !s->device.from_host ? s->device.path
										 : NULL;
}

/* -EINVAL: the file is no mount of its own, so it belongs to the container. */
static int protect_node(int root, const char *path)
{
	struct mount_attr attr = { .attr_set = HOST_NODE_ATTRS };
	struct stat st;

	autoclose int node = sys_open_in_root(root, path, O_PATH);
	int r = node < 0 ? node : sys_stat(node, &st);
	if (r < 0 || (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode)))
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	r = sys_set_mount_attr(node, 0, &attr);

	return r == -EINVAL ? 0 : r;
}

static int protect_nodes(const struct inner *inner, struct err *e)
{
	const struct plan *plan = inner->create->plan;

	/* Before Linux 5.12 a mount is named by /proc/self/fd/N, but /proc is the container's. */
	sys_use_proc(inner->proc);
	for (size_t i = 0; i < plan->step_count; i++) {
		const char *path = host_node(&plan->steps[i]);
		int r = path ? protect_node(inner->root, path) : 0;

		if (r < 0)
			return err_sys(e, r, "make \"%s\" read-only", path);
	}

	return 0;
}

/*
 * CRIU sets the saved attributes of the first mount of a node only, and takes those of a second one
 * for the first one's. So HOST_NODE_ATTRS are set once more.
 */
int restore_protect_nodes(const struct create *c, struct err *e)
{
	autoclose int root = proc_open(c->pid, "root", O_PATH | O_DIRECTORY);
	if (root < 0)
		return err_sys(e, root, "open the container's root");

	autoclose int proc = sys_open("/proc", O_PATH | O_DIRECTORY);
	if (proc < 0)
		return err_sys(e, proc, "open /proc");

	struct inner inner = {
		.create = c,
		.types = CLONE_NEWNS,
		.work = protect_nodes,
		.root = root,
		.proc = proc,
	};

	return do_inside(&inner, "mounts of the host's nodes", e);
}
