/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/main.c - the start of tare-init, and the walk through the steps
 *
 * argv[1] is the number of the first descriptor, argv[2] shows the current step to others
 * (wire/wire.h). Everything else is in the plan.
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fallback.h"
#include "kernel/memory.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/time.h"
#include "wire/wire.h"

#include <linux/magic.h>
#include <signal.h>

/* Called by the assembly of ARCH_START with the stack as the kernel left it: argc, argv, envp. */
void init_main(const long *stack) __attribute__((used));

static step_performer *const performers[OP_COUNT] = {
	[OP_ENTER_SESSION] = session_enter,
	[OP_RESET_AFFINITY] = session_reset_affinity,
	[OP_JOIN_NAMESPACE] = session_join_namespace,
	[OP_UNSHARE] = session_unshare,
	[OP_SET_CLOCKS] = session_set_clocks,
	[OP_NEW_KEYRING] = session_new_keyring,
	[OP_OPEN_LABEL] = label_open,
	[OP_LOOPBACK_UP] = session_loopback_up,
	[OP_SET_HOSTNAME] = session_set_hostname,
	[OP_SET_DOMAINNAME] = session_set_domainname,
	[OP_SET_SYSCTL] = session_set_sysctl,
	[OP_PROPAGATE] = rootfs_propagate,
	[OP_MOUNT_ROOTFS] = rootfs_mount,
	[OP_LAYER_ROOTFS] = layers_mount,
	[OP_MOUNT] = mounts_attach,
	[OP_BRING_DEVICES] = devices_bring,
	[OP_MAKE_DEVICE] = devices_make,
	[OP_DROP_DEVICES] = devices_drop,
	[OP_MAKE_LINK] = devices_link,
	[OP_REGISTER_BINFMT] = binfmt_register,
	[OP_OPEN_CONSOLE] = console_open,
	[OP_RUN_HOOK] = hooks_run,
	[OP_MAKE_DIR] = user_make_dir,
	[OP_PROTECT_MOUNT] = mounts_protect,
	[OP_MASK_PATH] = paths_mask,
	[OP_PROTECT_PATH] = paths_protect,
	[OP_PIVOT_ROOT] = rootfs_pivot,
	[OP_MOVE_ROOT] = rootfs_move,
	[OP_CHROOT] = rootfs_chroot,
	[OP_PROTECT_ROOT] = rootfs_protect,
	[OP_PROPAGATE_ROOT] = rootfs_propagate_root,
	[OP_SET_RLIMIT] = user_set_rlimit,
	[OP_SET_MEMORY_POLICY] = session_set_memory_policy,
	[OP_SET_PERSONALITY] = session_set_personality,
	[OP_CHANGE_DIR] = user_change_dir,
	[OP_TRY_NETWORK] = session_try_network,
	[OP_PREPARE_EXEC] = exec_prepare,
	[OP_SET_LABEL] = label_set,
	[OP_WAIT_FOR_START] = wait_for_start,
	[OP_DROP_BOUNDING] = user_drop_bounding,
	[OP_SET_USER] = user_set,
	[OP_SET_UMASK] = user_set_umask,
	[OP_SET_CAPS] = user_set_caps,
	[OP_NO_NEW_PRIVS] = user_no_new_privs,
	[OP_RESTRICT] = landlock_restrict,
	[OP_DROP_LAST] = user_drop_last,
	[OP_ENTER_PIDS] = clone_enter_pids,
	[OP_STAY_AS_INIT] = reaper_stay,
	[OP_SET_SECCOMP] = filter_load,
	[OP_EXEC] = exec_program,
};

/*
 * Let tare perform its steps up to our next step. @unasked: tare does so without TURN, for the
 * steps right after the clone and those marked ahead.
 */
static void give_turn(struct inside *in, bool unasked)
{
	struct wire_message m;
	int fd;

	if (unasked && in->early_turns > 0) {
		in->early_turns--;
		return;
	}
	if (!unasked && wire_send(in->control, WIRE_TURN, in->step, -1) < 0)
		sys_exit(EXIT_ABANDONED);
	if (wire_receive(in->control, &m, &fd) <= 0 || m.kind != WIRE_GO)
		sys_exit(EXIT_ABANDONED);
}

static int perform(struct inside *in, const struct step *s, struct err *e)
{
	if (in->plan->fail_step == in->step + 1)
		return err_msg(e, "step %zu fails, as the test asks", in->step + 1);

	return performers[s->op](in, s, e);
}

/*
 * For --debug: send WIRE_DONE. Not for the wait for start, which is no work, nor for OP_ENTER_PIDS,
 * which sends CLONED; and behind the filter sendmsg(2) may be denied. start has no plan, so the
 * message has all that it prints.
 */
static int perform_and_report(struct inside *in, const struct step *s, struct err *e)
{
	static bool quiet;
	int64_t begun = quiet ? 0 : sys_clock_us();

	quiet |= s->op == OP_SET_SECCOMP;

	int r = perform(in, s, e);
	if (r < 0 || quiet || s->op == OP_WAIT_FOR_START || s->op == OP_ENTER_PIDS)
		return r;

	struct err done = { .code = (int) (sys_clock_us() - begun), .line = (int) s->op };

	fmt_text(done.place, sizeof(done.place), "%s", s->place);
	fallback_take(done.text, sizeof(done.text));
	quiet = !wire_send_done(in->report, in->step, &done);

	return 0;
}

/*
 * Write the step into our own arguments, which all users can read in /proc: that costs no system
 * call.
 */
static void show(const struct inside *in, const struct step *s)
{
	char *to = in->title, *end = in->title + WIRE_TITLE - 1;

	*to++ = (char) ('0' + s->op / 10);
	*to++ = (char) ('0' + s->op % 10);
	*to++ = ' ';
	for (const char *from = s->place; *from != '\0' && to < end;)
		*to++ = *from++;
	memset(to, 0, (size_t) (end - to));
}

void walk(struct inside *in, size_t from, struct err *e)
{
	const struct plan *plan = in->plan;

	for (in->step = from; in->step < plan->step_count; in->step++) {
		const struct step *s = &plan->steps[in->step];

		bool first = in->step == plan->spawn + 1;

		show(in, s);
		if (s->on_host) {
			if (first || !s[-1].on_host || s[-1].ahead)
				give_turn(in, first || s->ahead);
			continue;
		}
		if ((plan->debug ? perform_and_report(in, s, e) : perform(in, s, e)) < 0) {
			err_at(e, s->place);
			return;
		}
	}
	/* The plan has no process. start refuses such a container before tare-init gets here. */
	(void) err_msg(e, "config.json has no process to start");
}

void stay_with_parent(int control)
{
	struct pollfd p = { .fd = control };

	sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0);
	if (sys_poll(&p, 1, 0) > 0 && p.revents & POLLHUP)
		sys_exit(EXIT_ABANDONED);
}

/* The host's procfs: in a container any file may be at /proc. */
static int open_proc(void)
{
	struct statfs fs;
	int proc = sys_open("/proc", O_PATH | O_DIRECTORY);

	if (proc >= 0 && (sys_statfs(proc, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)) {
		sys_close(proc);
		proc = -1;
	}

	return proc;
}

/* The size of the arena is that of the file. */
static const struct plan *map_plan(int memfd)
{
	struct stat st;

	if (sys_stat(memfd, &st) < 0 ||
	    sys_map_readonly((void *) ARENA_ADDRESS, (size_t) st.st_size, memfd) < 0)
		sys_exit(EXIT_ABANDONED);
	sys_close(memfd);

	return (const struct plan *) ARENA_ADDRESS;
}

/*
 * Not inlined, like enter(): struct err is large, and a tare-init that waits for start should have
 * a small stack.
 */
static void __attribute__((noreturn, noinline)) report_and_end(struct inside *in, int code)
{
	struct err e;

	(void) err_sys(&e, code, "keep tare-init's descriptors from the program");
	filter_report_and_end(in, &e);
}

/*
 * Close our descriptors at the exec; tare has done so with all others. Without a listener this is
 * run, without a wait for start. EBADF: a descriptor that tare did not send.
 */
static void set_cloexec(struct inside *in, int first)
{
	for (int fd = first; fd < first + WIRE_FD_COUNT; fd++) {
		int r = sys_set_fd_flags(fd, FD_CLOEXEC);

		if (r == -EBADF && fd == in->listener)
			in->listener = in->hold = -1;
		else if (r < 0 && r != -EBADF)
			report_and_end(in, r);
	}
}

/* In the process that performs the steps, in the container's namespaces or about to make them. */
static void __attribute__((noreturn)) begin(struct inside *in)
{
	int first = in->control - WIRE_CONTROL;
	struct err e;

	if (in->plan->steps[in->plan->spawn].spawn.namespaces & CLONE_NEWNS)
		sys_allow_stage();
	if (!in->plan->steps[in->plan->spawn].spawn.enter)
		exec_protect_null(in->plan);
	if (in->plan->entered)
		in->rootfs = sys_open("/", O_PATH | O_DIRECTORY);
	if (in->plan->hooks_print && in->plan->hooks_out.path)
		in->hook_files.out = first + WIRE_HOOKS_OUT;
	if (in->plan->hooks_print && in->plan->hooks_err.path)
		in->hook_files.err = first + WIRE_HOOKS_ERR;
	walk(in, in->plan->spawn + 1, &e);
	filter_report_and_end(in, &e);
}

/*
 * Before the first step of an exec, or of a create that joins namespaces. Not inlined, to keep its
 * struct err off the stack while tare-init waits for start.
 */
static void __attribute__((noreturn, noinline)) enter(struct inside *in, int first)
{
	struct err e;

	if (in->plan->version != PLAN_VERSION) {
		(void) err_msg(&e, "tare-init and tare are not of the same build");
	} else {
		exec_protect_null(in->plan);
		(void) enter_container(in, first, begin, &e);
	}
	filter_report_and_end(in, &e);
}

void init_main(const long *stack)
{
	char **argv = (char **) (stack + 1);
	unsigned long long first;

	if (stack[0] != 3 || strlen(argv[2]) != WIRE_TITLE - 1 ||
	    fmt_parse_u64(argv[1], &first) < 0)
		sys_die("tare-init is started by tare alone");

	struct inside in = {
		.title = argv[2],
		.control = (int) first + WIRE_CONTROL,
		.report = (int) first + WIRE_CONTROL,
		.listener = (int) first + WIRE_LISTENER,
		.hold = (int) first + WIRE_HOLD,
		.hook_files = HOOK_FILES_NONE,
		.rootfs = -1,
		.pids = -1,
		.parent = -1,
		.proc_mount = -1,
		.sys_mount = -1,
		.nodes = -1,
		.empty_mount = -1,
		.null_mount = -1,
		.labels = { -1, -1 },
		.console = -1,
	};

	stay_with_parent(in.control);
	in.plan = map_plan((int) first + WIRE_PLAN);
	/*
	 * Before any file is opened: a new descriptor could get the number of one that tare did not
	 * send.
	 */
	set_cloexec(&in, (int) first);
	in.proc = open_proc();
	if (in.plan->version == PLAN_VERSION && !in.plan->steps[in.plan->spawn].spawn.enter)
		begin(&in);
	enter(&in, (int) first);
}

ARCH_START
