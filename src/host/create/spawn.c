/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/spawn.c - clone and exec of tare-init
 *
 * tare-init is executed from a sealed memfd by a child that is cloned into the container's
 * namespaces and cgroup. Between clone and exec the child only moves descriptors to the numbers
 * where tare-init expects them. The child shares our memory, which saves copying the page tables,
 * but only in a new pid namespace, where it is alone: in another, root of that namespace could
 * reach into the shared pages.
 */
#include "host/create/clone.h"

#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/advice.h"
#include "cgroup/cgroup.h"
#include "host/embed.h"
#include "kernel/fallback.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/mount.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/since.h"
#include "kernel/socket.h"
#include "wire/wire.h"

/* ---- in the child ---- */

static void __attribute__((noreturn))
report_and_end(const struct clone_call *b, int control, const struct err *e)
{
	wire_send_failure(control, b->create->plan->spawn, e, NULL);
	sys_exit(1);
}

void clone_fails(const struct clone_call *b, int control, int r, const char *what)
{
	struct err e;

	(void) err_sys(&e, r, "%s", what);
	if (r == -ENOSYS)
		err_lacks(&e, SINCE_EXEC_WITHOUT_PROC);
	report_and_end(b, control, &e);
}

/*
 * Of a process that is not root in its user namespace an exec keeps only the ambient capabilities
 * (capabilities(7)). OP_SET_CAPS clears them.
 */
static void keep_capabilities(const struct clone_call *b)
{
	struct err e;
	unsigned cap = 0;
	int r = sys_capset(UINT64_MAX, UINT64_MAX, UINT64_MAX);

	for (; cap < 64 && r == 0; cap++)
		r = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
	/* EINVAL: this kernel has no capability of that number or above. */
	if (r == 0 || (r == -EINVAL && cap > 1))
		return;
	if (r == -EINVAL) {
		(void) err_msg(&e, "uidMappings without root take ambient capabilities");
		err_lacks(&e, SINCE_AMBIENT);
	} else {
		(void) err_sys(&e, r, "keep capabilities");
	}
	report_and_end(b, b->control, &e);
}

/*
 * Wait until the id maps are written, then take the IDs of the plan: an exec with unmapped IDs
 * would drop all capabilities.
 */
static void wait_for_release(const struct clone_call *b)
{
	char byte;

	/* Close our copy of tare's end: with it open the read would not end when tare is killed. */
	sys_close(b->create->release);
	if (sys_read_all(b->release, &byte, 1) != 1)
		sys_exit(1); /* tare has ended */

	int r = sys_setgid(b->spawn->gid);
	if (r == 0)
		r = sys_setuid(b->spawn->uid);
	if (r < 0)
		clone_fails(b, b->control, r, "take IDs of the user namespace");
	if (b->spawn->uid != 0)
		keep_capabilities(b);
}

int clone_arrange(const struct clone_call *b, int more, int *image)
{
	const struct create *c = b->create;
	const int fds[WIRE_FD_COUNT] = {
		[WIRE_CONTROL] = b->control,	      [WIRE_PLAN] = c->plan_arena->memfd,
		[WIRE_LISTENER] = c->listener,	      [WIRE_HOLD] = c->hold,
		[WIRE_HOOKS_OUT] = c->hook_files.out, [WIRE_HOOKS_ERR] = c->hook_files.err,
	};
	int first = c->plan->first_fd, behind = first + WIRE_FD_COUNT + more + 1;
	int moved[WIRE_FD_COUNT];

	/* Move all descriptors out of the way first, as the numbers may overlap. */
	for (int i = 0; i < WIRE_FD_COUNT; i++) {
		moved[i] = fds[i] >= 0 ? sys_dup(fds[i], behind) : -1;
		if (fds[i] >= 0 && moved[i] < 0)
			return moved[i];
	}
	*image = sys_dup(*image, behind);
	if (*image < 0)
		return *image;

	int r = sys_cloexec_from(first);
	for (int i = 0; i < WIRE_FD_COUNT && r >= 0; i++) {
		if (moved[i] >= 0)
			r = sys_dup_keep(moved[i], first + i);
		/* tare-init takes an unused number as "none" */
		else
			sys_close(first + i);
	}

	return r < 0 ? r : 0;
}

int clone_exec(const struct clone_call *b, int image)
{
	const char *const envp[] = { NULL };
	char number[16], title[WIRE_TITLE];
	const char *const argv[] = { WIRE_NAME, number, title, NULL };

	memset(title, ' ', sizeof(title) - 1);
	title[sizeof(title) - 1] = '\0';
	fmt_text(number, sizeof(number), "%d", b->create->plan->first_fd);

	return sys_exec_fd(image, argv, envp);
}

/*
 * Wait until tare has moved this process: the memory of tare-init must be charged to its own
 * cgroup.
 */
static void wait_for_move(const struct clone_call *b)
{
	char byte;

	if (b->ready[0] < 0)
		return;
	sys_close(b->ready[1]);
	if (sys_read_all(b->ready[0], &byte, 1) != 1)
		sys_exit(1); /* tare has ended, or could not move us */
}

static int become_init(void *arg)
{
	const struct clone_call *b = arg;
	int image = b->image;

	wait_for_move(b);

	if (b->release >= 0)
		wait_for_release(b);

	int r = clone_arrange(b, 0, &image);
	if (r < 0)
		clone_fails(b, b->control, r, "hand descriptors to tare-init");
	clone_fails(b, b->control, clone_exec(b, image), "execute tare-init");
}

/* ---- in tare ---- */

static int make_image(struct err *e)
{
	size_t size = (size_t) (embedded_init_end - embedded_init);
	int image = sys_make_program("tare-init", embedded_init, size);

	return image < 0 ? err_sys(e, image, "copy tare-init into a memory file") : image;
}

static int refuse_cgroup(const struct clone_call *b, int r, struct err *e)
{
	(void) err_sys(e, r, "join cgroup \"%s\"", b->spawn->cgroup);
	(void) cgroup_advise_join(b->spawn->cgroup, e);

	return err_at(e, "/linux/cgroupsPath");
}

/* Move the child, which waits, into its cgroup. */
static int move_child(const struct clone_call *b, pid_t pid, struct err *e)
{
	char text[16];
	size_t length = fmt_text(text, sizeof(text), "%d", pid);
	autoclose int procs = sys_open_at(b->cgroup, "cgroup.procs", O_WRONLY, 0);
	int r = procs < 0 ? procs : sys_write_all(procs, text, length);

	if (r < 0)
		return refuse_cgroup(b, r, e);
	r = sys_write_all(b->ready[1], "", 1);

	/* If tare-init has ended meanwhile, the end of its socket reports that. */
	return r < 0 && r != -EPIPE ? err_sys(e, r, "let tare-init go on") : 0;
}

/*
 * For kernels without CLONE_INTO_CGROUP: the child waits until it was moved. Its pid, -errno of the
 * clone, or 0 for any other failure, with @e set.
 */
static pid_t clone_and_move(struct clone_call *b, struct err *e)
{
	const struct sys_clone clone = { .flags = b->spawn->namespaces, .cgroup = -1 };
	int r = sys_pipe(b->ready), status;

	if (r < 0) {
		(void) err_sys(e, r, "make a pipe");
		return 0;
	}

	pid_t pid = sys_clone_call(&clone, &b->pidfd, become_init, b);

	sys_close(b->ready[0]);
	if (pid > 0 && move_child(b, pid, e) < 0) {
		sys_pidfd_signal(b->pidfd, SIGKILL);
		sys_wait(pid, &status, 0);
		sys_close(b->pidfd);
		b->pidfd = -1;
		pid = 0;
	}
	sys_close(b->ready[1]);

	return pid;
}

/* A kernel may be built without any of these, but not without mount namespaces. */
#define OPTIONAL (~(uint64_t) CLONE_NEWNS)
/* Made by tare-init with unshare(2), not by the clone. */
#define LATER ((uint64_t) (CLONE_NEWCGROUP | CLONE_NEWTIME))

static int leave(void *arg)
{
	return sys_unshare(*(const uint64_t *) arg) == -EINVAL;
}

/* Tried in a child that ends at once. */
static bool is_missing(uint64_t type)
{
	const struct sys_clone clone = { .cgroup = -1 };
	int status = 0;

	if (!(type & LATER))
		return sys_try_namespaces(type) == -EINVAL;

	pid_t pid = sys_clone_call(&clone, NULL, leave, &type);
	if (pid > 0)
		sys_wait(pid, &status, 0);

	return status != 0;
}

/* All namespaces that the plan makes, by the clone or later. */
static uint64_t wanted_namespaces(const struct plan *plan)
{
	uint64_t types = plan->steps[plan->spawn].spawn.namespaces;

	for (size_t i = plan->spawn; i < plan->step_count; i++)
		if (plan->steps[i].op == OP_UNSHARE || plan->steps[i].op == OP_SET_CLOCKS)
			types |= plan->steps[i].op == OP_UNSHARE ? plan->steps[i].ns.type
								 : CLONE_NEWTIME;

	return types;
}

/*
 * The clone's EINVAL does not say which namespace the kernel lacks. So each is tried by itself, and
 * all that are missing are named at once.
 */
void spawn_explain_missing(const struct create *c, struct err *e)
{
	uint64_t types = wanted_namespaces(c->plan);
	char names[96] = "";
	struct utsname kernel = { .release = "" };
	size_t count = 0, last = 0;

	for (size_t i = 0; i < sys_namespaces_count; i++) {
		const struct sys_namespace *kind = &sys_namespaces[i];

		if (!(types & kind->type & OPTIONAL) || !is_missing(kind->type))
			continue;
		fmt_text(names + strlen(names), sizeof(names) - strlen(names), "%s%s",
			 count++ > 0 ? ", " : "", kind->name);
		last = i;
	}
	if (count == 1)
		err_lacks(e, sys_namespaces[last].since);
	sys_uname(&kernel);
	if (count > 1) {
		e->hint[0] = '\0';
		err_hint(e, "this kernel (%s), or a filter, lacks these namespaces: %s",
			 kernel.release, names);
	}
}

static pid_t clone_directly(struct clone_call *b, struct err *e)
{
	const uint64_t alone = CLONE_NEWPID;
	const struct sys_clone clone = {
		.flags = b->spawn->namespaces,
		.cgroup = b->cgroup,
		/* A held child needs memory of its own, as it waits while we write its id maps. */
		.share_memory = b->spawn->namespaces & alone && !b->spawn->held,
	};
	pid_t pid = sys_clone_call(&clone, &b->pidfd, become_init, b);

	if (pid == -ENOSYS) {
		fallback_took("cgroup.procs for CLONE_INTO_CGROUP");
		pid = clone_and_move(b, e);
	}
	if (pid == 0) /* @e is set already */
		return -1;
	/* Only CLONE_INTO_CGROUP returns these two. */
	if (pid == -EBUSY || pid == -EOPNOTSUPP)
		return refuse_cgroup(b, pid, e);
	if (pid < 0) {
		(void) err_sys(e, pid, "make the container's process and namespaces");
		if (pid == -EINVAL)
			spawn_explain_missing(b->create, e);
		return -1;
	}

	return pid;
}

int clone_open_cgroup(const struct spawn_step *spawn, struct err *e)
{
	const char *cgroup = spawn->cgroup;

	autoclose int dir = cgroup ? sys_open(cgroup, O_RDONLY | O_DIRECTORY) : -1;
	if (cgroup && dir < 0)
		return err_sys(e, dir, "open cgroup \"%s\"", cgroup);
	/*
	 * In a frozen cgroup the child would never reach its exec, and we would wait for ever. exec
	 * may go on: a running container can be resumed meanwhile.
	 */
	if (cgroup && spawn->enter_pid == 0 && cgroup_is_frozen(cgroup))
		return err_msg(e, "cgroup \"%s\", or one above it, is frozen", cgroup);

	return take_fd(&dir);
}

static pid_t clone_init(struct clone_call *b, struct err *e)
{
	autoclose int dir = clone_open_cgroup(b->spawn, e);
	if (b->spawn->cgroup && dir < 0)
		return -1;
	b->cgroup = dir;

	return clone_directly(b, e);
}

int spawn_init(struct create *c, const struct step *s, struct err *e)
{
	struct proc_stat stat;
	int control[2], release[2] = { -1, -1 };

	autoclose int image = make_image(e);
	if (image < 0)
		return -1;

	int r = sys_socket_pair(control);
	if (r < 0)
		return err_sys(e, r, "make a socket pair");
	c->control = control[0];

	autoclose int theirs = control[1];
	r = s->spawn.held && !s->spawn.enter ? sys_pipe(release) : 0;
	if (r < 0)
		return err_sys(e, r, "make a pipe");
	c->release = release[1];

	autoclose int hold = release[0];
	struct clone_call b = {
		.create = c,
		.spawn = &s->spawn,
		.image = image,
		.control = theirs,
		.release = hold,
		.ready = { -1, -1 },
		.pidfd = -1,
	};

	c->pid = s->spawn.enter ? clone_enter(&b, e) : clone_init(&b, e);
	if (c->pid < 0) {
		c->pid = 0;
		return -1;
	}
	c->pidfd = b.pidfd;
	if (c->journal < 0)
		return 0;
	r = proc_stat_read(c->pid, &stat);
	if (r < 0)
		return err_sys(e, r, "read /proc/%d/stat", c->pid);
	c->start_time = stat.start_time;

	return 0;
}

int spawn_release(struct create *c, struct err *e)
{
	int r = c->release < 0 ? wire_send(c->control, WIRE_GO, c->plan->spawn, -1)
			       : sys_write_all(c->release, "", 1);

	fd_close(&c->release);
	c->release = -1;

	/* If tare-init has ended meanwhile, the end of its socket reports that. */
	return r < 0 && r != -EPIPE && r != -ECONNRESET ? err_sys(e, r, "let tare-init go on") : 0;
}
