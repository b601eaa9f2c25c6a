/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inside/exec.c - the user's program
 *
 * Found as execvp(3) does, in the container's PATH. Engines derive their exit codes 126 and 127
 * from the texts of these errors (docs/CONTRACT.md, B5).
 */
#include "inside/inside.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/device.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "wire/wire.h"

#include <linux/limits.h>

/* /proc/self/exe is tare-init here, a file without a name. */
static bool is_tare_init(const struct stat *st)
{
	struct stat own;

	return st->st_nlink == 0 && sys_stat_at(AT_FDCWD, "/proc/self/exe", 0, &own) == 0 &&
	       own.st_dev == st->st_dev && own.st_ino == st->st_ino;
}

/* 0 if we may execute @path; -errno; -ETXTBSY for tare-init itself. */
static int check(const char *path)
{
	struct stat st;
	int r = sys_stat_at(AT_FDCWD, path, 0, &st);

	if (r < 0)
		return r;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -ENXIO;
	if (is_tare_init(&st))
		return -ETXTBSY;

	return sys_access_at(AT_FDCWD, path, X_OK);
}

static int refuse(const char *name, const char *path, int r, struct err *e)
{
	if (r == -ENOENT)
		return err_sys(e, r, "exec: \"%s\": stat %s", name, path);
	/*
	 * EACCES is what execve(2) returns for a directory, a device or a FIFO, and engines turn
	 * its text into exit code 126.
	 */
	bool denied = r == -EISDIR || r == -ENXIO || r == -ETXTBSY;

	(void) err_sys(e, denied ? -EACCES : r, "exec: \"%s\"", name);
	if (r == -ETXTBSY)
		return err_hint(e, "it is tare-init itself, which executes the program");
	if (r == -ENXIO)
		return err_hint(e, "it is a device, a FIFO or a socket");

	return r == -EISDIR ? err_hint(e, "it is a directory") : -1;
}

/*
 * Try each directory of PATH. The first file that can be executed; else the error that says most. A
 * directory of that name is skipped, as shells do, and an empty name is ENOENT.
 */
static int search(struct inside *in, const struct exec_step *x, char path[PATH_MAX], struct err *e)
{
	const char *name = x->file, *at = x->search_path, *denied_in = NULL;
	int denied = 0;

	for (;;) {
		size_t length = strcspn(at, ":");
		const char *directory = length > 0 ? at : ".";
		size_t n = fmt_text(path, PATH_MAX, "%.*s/%s", (int) (length > 0 ? length : 1),
				    directory, name);
		int r = n < PATH_MAX ? check(path) : -ENAMETOOLONG;

		if (r == 0 && name[0] != '\0')
			return 0;
		if (!denied_in && (r == -EACCES || r == -EPERM || r == -ENXIO)) {
			denied = r;
			denied_in = at;
		}
		if (at[length] == '\0')
			break;
		at += length + 1;
	}
	if (denied_in) {
		fmt_text(path, PATH_MAX, "%.*s/%s", (int) strcspn(denied_in, ":"), denied_in, name);
		in->failed_program = path;
		return refuse(name, path, denied, e);
	}
	(void) err_msg(e, "exec: \"%s\": executable file not found in $PATH", name);

	return err_hint(e, "PATH is \"%s\"", x->search_path);
}

/* The path of the program, found before the filter is loaded. */
static char program[PATH_MAX];

/* @program can be opened only by the process that executes it: see paths_in_own_procfs(). */
static bool is_seen_later;

/*
 * Check a @path of procfs, which can't be opened yet: 1 where the process that executes it can open
 * it; else -errno, as check().
 */
static int check_procfs(const char *path)
{
	char target[PATH_MAX];
	const char *at = paths_in_own_procfs(path, target);

	if (!at)
		return -ENOENT;

	return strcmp(at, "/proc/self/exe") == 0 || strcmp(at, "/proc/thread-self/exe") == 0
		       ? -ETXTBSY
		       : 1;
}

static int find(struct inside *in, const struct exec_step *x, struct err *e)
{
	const char *name = x->file;

	if (!strchr(name, '/'))
		return search(in, x, program, e);
	if (fmt_text(program, PATH_MAX, "%s", name) >= PATH_MAX)
		return refuse(name, name, -ENAMETOOLONG, e);

	int r = check(program);
	if (r == -ENOENT && plan_find_step(in->plan, OP_ENTER_PIDS))
		r = check_procfs(program);
	is_seen_later = r > 0;
	if (r < 0)
		in->failed_program = program;

	return r < 0 ? refuse(name, program, r, e) : 0;
}

/* ---- HOME ---- */

/*
 * docs/REQUIREMENTS.md, D: files of the image are read up to a bound. Untouched pages of this
 * buffer take no memory.
 */
#define PASSWD_SIZE (1024 * 1024)
static char passwd[PASSWD_SIZE + 1];

/* Is the file missing, not readable for us, or no regular file? Then it counts as empty. */
static bool is_missing(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -ELOOP || r == -ENXIO ||
	       r == -ENODEV;
}

static int read_passwd(struct err *e)
{
	struct stat st;

	autoclose int fd = sys_open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (is_missing(fd))
		return 0;

	int r = fd < 0 ? fd : sys_stat(fd, &st);
	ssize_t n = r == 0 && S_ISREG(st.st_mode) ? sys_read_all(fd, passwd, PASSWD_SIZE) : r;
	if (n < 0)
		return err_sys(e, (int) n, "read \"/etc/passwd\" of the container");
	passwd[n] = '\0';

	return 0;
}

/*
 * The @index-th field (from 0) of a passwd line; the line is cut at its end. NULL: there is no such
 * field.
 */
static char *passwd_field(char *line, int index)
{
	for (; index > 0; index--) {
		line += strcspn(line, ":");
		if (*line++ == '\0')
			return NULL;
	}

	return line;
}

/*
 * passwd(5): name:password:uid:gid:comment:home:shell. "/" where @uid has no entry, as with runc
 * and crun.
 */
static const char *find_home(uid_t uid)
{
	char *next = passwd;

	while (*next != '\0') {
		char *line = next;
		size_t length = strcspn(line, "\n");

		next = line + length + (line[length] == '\n' ? 1 : 0);
		line[length] = '\0';

		char *id = passwd_field(line, 2), *home = passwd_field(line, 5);
		unsigned long long number;

		if (!id || !home)
			continue;
		id[strcspn(id, ":")] = '\0';
		if (fmt_parse_u64(id, &number) < 0 || number != uid)
			continue;
		home[strcspn(home, ":")] = '\0';
		return home[0] != '\0' ? home : "/";
	}

	return "/";
}

/* The planned environment with HOME added: a copy of the list, as the plan is read-only. */
static const char *const *with_home(const struct exec_step *x, struct err *e)
{
	static char home[PATH_MAX];
	size_t count = 0, kept = 0;

	while (x->envp[count])
		count++;

	if (read_passwd(e) < 0)
		return NULL;

	const char **envp = sys_map_private((count + 2) * sizeof(*envp));
	if (!envp) {
		(void) err_sys(e, -ENOMEM, "copy the environment");
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		if (strncmp(x->envp[i], "HOME=", 5) != 0)
			envp[kept++] = x->envp[i];
	fmt_text(home, sizeof(home), "HOME=%s", find_home(x->uid));
	envp[kept] = home;

	return envp;
}

static void use_console(struct inside *in)
{
	if (in->console < 0)
		return;
	for (int fd = 0; fd < 3; fd++)
		sys_dup_keep(in->console, fd);
}

/* The host's null device, opened by way of a read-only mount; or -errno. */
static int open_read_only_null(void)
{
	struct err ignored;
	char path[64];

	autoclose int mount = devices_clone_null(&ignored);
	if (mount < 0)
		return -ENODEV;
	fmt_text(path, sizeof(path), "/proc/self/fd/%d", mount);

	return sys_open(path, O_RDWR | O_NOCTTY);
}

/* Does tare-init make the container's null device, and no hook can remove it? */
static bool makes_null(const struct plan *plan)
{
	bool made = false;

	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];

		if (s->op == OP_RUN_HOST_HOOK || s->op == OP_RUN_HOOK)
			return false;
		if (s->op == OP_MAKE_DEVICE && strcmp(s->device.path, "/dev/null") == 0)
			made = S_ISCHR(s->device.mode) && s->device.major == 1 &&
			       s->device.minor == 3;
	}

	return made;
}

/*
 * If stdio is the host's /dev/null, fchmod(2) by root of the container would change it for the
 * whole host. use_own_null() replaces it, unless the container has removed its own: so it is opened
 * anew by a read-only mount before. Without the right to mount (rootless) the container's root has
 * no right to change the host's node either.
 */
void exec_protect_null(const struct plan *plan)
{
	struct stat st;
	int null = -1;

	if (makes_null(plan))
		return;
	for (int fd = 0; fd < 3; fd++) {
		if (sys_stat(fd, &st) < 0 || !device_is_null(&st))
			continue;
		if (null < 0 && (null = open_read_only_null()) < 0)
			return;
		sys_dup_keep(null, fd);
	}
	fd_close(&null);
}

/* The container's own null device: a descriptor, or -errno; -ENODEV: there is none. */
static int open_own_null(void)
{
	static const char path[] = "/dev/null";
	struct stat st;

	/* Another file (CVE-2026-88265) is not opened, as that may have side effects. */
	if (sys_stat_at(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, &st) < 0 || !device_is_null(&st))
		return -ENODEV;

	autoclose int own = sys_open(path, O_RDWR | O_NOFOLLOW | O_NOCTTY);
	if (own < 0)
		return own;

	return sys_stat(own, &st) == 0 && device_is_null(&st) ? take_fd(&own) : -ENODEV;
}

static int refuse_null(int r, struct err *e)
{
	if (r == -EACCES || r == -EPERM) {
		(void) err_sys(e, r, "open the container's /dev/null");
		return err_hint(e, "standard input and output are to be it: give its device mode "
				   "0666, or the container other input and output");
	}
	(void) err_msg(e, "the container's /dev/null is not the null device, and the host's can't "
			  "be lent");

	return err_hint(e, "mknod -m 666 /dev/null c 1 3 in the container, or other standard input "
			   "and output");
}

/*
 * May root of the container change the null device of @fd? Before Linux 5.12 an exec has no mount
 * that protects it.
 */
static bool is_exposed(int fd, const struct stat *st)
{
	struct statfs fs;

	return st->st_uid == 0 && (sys_statfs(fd, &fs) < 0 || !(fs.f_flags & STATFS_READONLY));
}

/*
 * Without a mount namespace of its own the container's root is a chroot, from which root can
 * escape: the host's null device gives root nothing more. `box --best-effort-root` makes no device
 * of its own.
 */
static bool is_in_chroot(const struct plan *plan)
{
	return plan_find_step(plan, OP_CHROOT) || plan->steps[plan->spawn].spawn.root != NULL;
}

/*
 * If stdio is the host's /dev/null, replace it by the container's, opened for reading and writing.
 * Engines pass one that is open for reading only (containerd's null I/O), and a program that opens
 * /dev/stdout anew must find a device of its own container.
 */
static int use_own_null(const struct plan *plan, struct err *e)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++) {
		if (sys_stat(fd, &st) < 0 || !device_is_null(&st))
			continue;

		autoclose int own = open_own_null();
		if (own >= 0)
			sys_dup_keep(own, fd);
		else if (is_exposed(fd, &st) && !is_in_chroot(plan))
			return refuse_null(own, e);
	}

	return 0;
}

int exec_prepare(struct inside *in, const struct step *s, struct err *e)
{
	const struct exec_step *x = &s->exec;

	in->envp = x->home_missing ? with_home(x, e) : x->envp;
	if (!in->envp || find(in, x, e) < 0)
		return -1;
	if (in->console < 0 && use_own_null(in->plan, e) < 0)
		return -1;
	use_console(in);
	sys_reset_signals();

	return 0;
}

int exec_announce(struct inside *in, struct err *e)
{
	if (in->announced)
		return 0;
	in->announced = true;
	/*
	 * run: there was no wait for start, so PR_SET_PDEATHSIG is cleared only now. In the
	 * foreground of run and `box` it stays SIGKILL: tare copies the program's output, and a
	 * caller that kills tare (Slurm) expects the container to end with it.
	 */
	int signal = in->plan->foreground ? SIGKILL : 0;
	int r = in->listener < 0 ? sys_prctl(PR_SET_PDEATHSIG, (unsigned long) signal, 0) : 0;
	if (r < 0)
		return err_sys(e, r, "part from tare");
	r = wire_send(in->report, WIRE_READY, in->step, -1);
	/*
	 * With a listener the other end is start: if start was killed, the container starts all the
	 * same.
	 */
	if (r < 0 && in->listener < 0)
		return err_sys(e, r, "tell that all is ready");

	return 0;
}

int exec_program(struct inside *in, const struct step *s, struct err *e)
{
	if (exec_announce(in, e) < 0)
		return -1;

	int r = sys_exec(program, s->exec.argv, in->envp);

	if (r == -ENOENT && is_seen_later)
		(void) refuse(s->exec.file, program, r, e);
	else
		(void) err_sys(e, r, "exec: \"%s\"", s->exec.file);
	if (s->exec.refused)
		err_hint(e, "linux.seccomp refuses execve");
	in->failed_program = program;

	return -1;
}
