/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/program.c - the program, the interpreters that its `#!` lines name, its loader and C
 * library
 *
 * The chain is followed as the kernel follows it, inside the rootfs and up to the kernel's limit.
 * The files of a mount of the container do not exist yet, so they are not read, and a row says so.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "program/program.h"

#include <linux/limits.h>
#include <string.h>

#define MOST_SCRIPTS 5 /* exec_binprm() of the kernel: the longest chain of scripts */

struct look {
	const struct check *c;
	const char *cwd;
	const char *program; /* as it was found */
	char at[PATH_MAX];   /* of the program's chain, the file that is open, in the rootfs */
	char what[PROGRAM_NAME + 2];
};

static void name(struct look *l, const char *path)
{
	fmt_text(l->what, sizeof(l->what), "\"%s\"", path);
}

static struct check_demand demand(const struct look *l)
{
	return (struct check_demand) { .place = l->c->program, .what = l->what };
}

static void refuse(const struct look *l, const char *why)
{
	struct check_demand d = demand(l);

	check_answer(l->c, CHECK_NO, &d, "%s", why);
}

/* ---- one file ---- */

/* The type and mode of a file that could not be opened for reading; 0: not known. */
static mode_t mode_of(const struct look *l, const char *path)
{
	struct stat st;

	autoclose int fd = path[0] == '/' ? sys_open_in_root(l->c->rootfs, path, O_PATH) : -ENOENT;

	return fd >= 0 && sys_stat(fd, &st) == 0 ? st.st_mode : 0;
}

/* execve(2) needs no right to read a program. */
static bool is_only_unreadable(const struct look *l, const char *path)
{
	mode_t mode = mode_of(l, path);

	return S_ISREG(mode) && (mode & 0111) != 0;
}

static bool is_directory(const struct look *l, const char *path)
{
	return S_ISDIR(mode_of(l, path));
}

static void refuse_missing(const struct look *l, const char *path, int r)
{
	struct check_demand d = demand(l);

	if (r == -EACCES && is_only_unreadable(l, path))
		check_answer(l->c, CHECK_WEAKER, &d, "not read: user %u may not read it",
			     sys_euid());
	else if (r == -EACCES && is_directory(l, path))
		check_answer(l->c, CHECK_NO, &d, "it is a directory");
	else if (r == -EACCES)
		check_answer(l->c, CHECK_NO, &d,
			     "it is no regular file, or may not be read by user %u", sys_euid());
	else
		check_answer(l->c, CHECK_NO, &d, "%s", errno_text(-r));
}

/* execve(2): no user, not even root, executes a file without any x bit, or on a noexec mount. */
static bool may_be_executed(const struct look *l, int fd)
{
	struct statfs fs;
	struct stat st;

	if (sys_statfs(fd, &fs) == 0 && fs.f_flags & STATFS_NOEXEC) {
		refuse(l, "it is on a mount that is noexec");
		return false;
	}
	if (sys_stat(fd, &st) == 0 && (st.st_mode & 0111) == 0) {
		refuse(l, "it has no x bit: chmod +x");
		return false;
	}
	if (!check_user_may_execute(l->c, l->at)) {
		refuse(l, "the program's user may not execute it, or not enter its directory");
		return false;
	}
	if (!check_capabilities_of(l->c, fd)) {
		refuse(l,
		       "it has file capabilities (setcap) that the container's bounding set lacks");
		return false;
	}

	return true;
}

static bool explain(const struct look *l, const char *path, int code)
{
	char text[ERR_HINT];
	const struct program_case why = {
		.root = l->c->rootfs,
		.cwd = l->cwd,
		.path = path,
		.code = code,
	};

	if (!program_explain(&why, text, sizeof(text)))
		return false;
	refuse(l, text);

	return true;
}

/*
 * Open @path, and put its name into @l->what. The descriptor; -1: a row says why the check ends
 * here.
 */
static int open_next(struct look *l, const char *path)
{
	const char *mount;
	enum check_file file = check_locate(l->c, l->cwd, path, l->at, &mount);
	autoclose int fd = mount ? -EBUSY : program_open(l->c->rootfs, l->cwd, l->at);
	struct check_demand d = demand(l);

	if (fd == -ENOENT && explain(l, l->program, ENOENT))
		return -1;
	name(l, path);
	if (mount && check_is_device(l->c, path))
		refuse(l, "it is a device");
	else if (file == CHECK_TARE_INIT)
		refuse(l, "it is tare-init itself, which executes the program");
	else if (file == CHECK_ON_NOEXEC)
		check_answer(l->c, CHECK_NO, &d, "\"%s\" is mounted noexec", mount);
	else if (file == CHECK_NO_PROGRAM)
		refuse(l, "no such file of a procfs can be executed");
	else if (mount)
		check_answer(l->c, CHECK_WEAKER, &d, "not read: it comes with the mount on \"%s\"",
			     mount);
	else if (fd < 0)
		refuse_missing(l, path, fd);
	else if (may_be_executed(l, fd))
		return take_fd(&fd);

	return -1;
}

/* The version of the C library is only shown: it tells a reader how old the image is. */
static void describe_library(const struct look *l, const struct program *p, int fd, bool is_musl)
{
	struct program_library library;
	struct check_demand d = demand(l);

	program_read_library(fd, is_musl, &library);
	if (library.minor >= 0 && is_musl)
		check_answer(l->c, CHECK_OK, &d, "the C library is musl 1.%d.%d", library.minor,
			     library.patch);
	else if (library.minor >= 0)
		check_answer(l->c, CHECK_OK, &d, "the C library is glibc 2.%d", library.minor);
	if (!p->wide && library.has_time64)
		check_time64(l->c, l->what, p->machine);
}

/* The loader reads the C library beside it, whose notes are compared, too. */
static void look_at_library(struct look *l, int loader)
{
	char place[PATH_MAX];
	struct program p;

	if (!check_path_of(l->c, loader, place))
		return;

	char *slash = strrchr(place, '/');
	size_t length = slash ? (size_t) (slash - place) : 0;
	fmt_text(place + length, sizeof(place) - length, "/libc.so.6");

	autoclose int fd = program_open(l->c->rootfs, "/", place);
	if (fd == -ENOENT)
		return;
	name(l, place);
	if (fd < 0 || program_read(fd, &p) < 0 || p.kind != PROGRAM_ELF) {
		struct check_demand d = demand(l);

		check_answer(l->c, CHECK_WEAKER, &d, "not read: %s",
			     fd < 0 ? errno_text(-fd) : "it is no ELF file, or a damaged one");
		return;
	}
	if (!check_elf(l->c, l->what, &p))
		return;
	check_vsyscall(l->c, l->what, &p, fd);
	describe_library(l, &p, fd, false);
}

/* @of: the program that names the loader. */
static void look_at_loader(struct look *l, const struct program *of)
{
	struct program p;

	if (of->interpreter[0] == '\0') {
		refuse(l, "the name of its loader is empty");
		return;
	}

	autoclose int fd = open_next(l, of->interpreter);
	if (fd < 0)
		return;
	if (program_read(fd, &p) < 0 || p.kind != PROGRAM_ELF)
		refuse(l, "as a loader it is no ELF file, or a damaged one");
	else if (!check_elf(l->c, l->what, &p))
		return;
	else if (p.machine != of->machine || p.wide != of->wide)
		refuse(l, "as a loader it is for programs of another kind");
	else if (strstr(of->interpreter, "/ld-musl-"))
		describe_library(l, &p, fd, true);
	else
		look_at_library(l, fd);
}

/* ---- the chain ---- */

/* Does @p name an interpreter or loader to go on with? */
static bool look_at_kind(struct look *l, const struct program *p, int fd, unsigned scripts)
{
	struct check_demand d = demand(l);

	if (p->kind == PROGRAM_ELF) {
		if (!check_elf(l->c, l->what, p))
			return false;
		if (p->has_loader)
			look_at_loader(l, p);
		else
			check_vsyscall(l->c, l->what, p, fd);
		return false;
	}
	if (explain(l, l->at, ENOEXEC))
		return false;
	if (p->kind != PROGRAM_SCRIPT) {
		refuse(l, "it is neither a program nor a script");
		return false;
	}
	if (scripts == MOST_SCRIPTS) {
		check_answer(l->c, CHECK_NO, &d,
			     "%d interpreters are scripts themselves: the kernel follows no more",
			     MOST_SCRIPTS);
		return false;
	}
	check_answer(l->c, CHECK_OK, &d, "a script for \"%s\"", p->interpreter);

	return true;
}

static void follow(struct look *l)
{
	char path[PATH_MAX];
	struct program p;

	fmt_text(path, sizeof(path), "%s", l->program);
	name(l, path);
	for (unsigned scripts = 0;; scripts++) {
		autoclose int fd = open_next(l, path);
		if (fd < 0)
			return;

		int r = program_read(fd, &p);
		if (r < 0)
			refuse_missing(l, path, r);
		if (r < 0 || !look_at_kind(l, &p, fd, scripts))
			return;
		fmt_text(path, sizeof(path), "%s", p.interpreter);
	}
}

/* ---- searching PATH ---- */

static bool is_executable(const struct look *l, const char *path)
{
	autoclose int fd = program_open(l->c->rootfs, l->cwd, path);
	struct stat st;

	return fd >= 0 && sys_stat(fd, &st) == 0 && st.st_mode & 0111 &&
	       check_user_may_execute(l->c, path);
}

/*
 * As execvp(3): the first directory of PATH that has the file. False, with a row for the reason,
 * where none has.
 */
static bool search(struct look *l, const struct exec_step *exec, char found[PATH_MAX])
{
	const char *mount = NULL, *its;
	struct check_demand d = demand(l);
	char place[PATH_MAX];

	for (const char *at = exec->search_path; at;
	     at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
		int length = (int) strcspn(at, ":");

		fmt_text(found, PATH_MAX, "%.*s/%s", length, length > 0 ? at : ".", exec->file);
		if (length == 0)
			fmt_text(found, PATH_MAX, "./%s", exec->file);
		if (is_executable(l, found))
			return true;
		check_locate(l->c, l->cwd, found, place, &its);
		mount = mount ? mount : its;
	}
	if (mount)
		check_answer(l->c, CHECK_WEAKER, &d,
			     "not read: it may come with the mount on \"%s\"", mount);
	else
		check_answer(l->c, CHECK_NO, &d, "it is in no directory of PATH: \"%s\"",
			     exec->search_path);

	return false;
}

static void look_at_program(struct look *l, const struct exec_step *exec)
{
	char found[PATH_MAX];

	l->program = exec->file;
	name(l, exec->file);
	if (!strchr(exec->file, '/')) {
		if (!search(l, exec, found))
			return;
		l->program = found;
	}
	follow(l);
}

void check_executable(const struct check *c, const char *path)
{
	struct look l = { .c = c, .cwd = "/", .program = path };

	follow(&l);
}

void check_program(const struct check *c)
{
	const struct step *s = plan_find_step(c->plan, OP_EXEC);
	struct look l = { .c = c, .cwd = c->config->process ? c->config->process->cwd : "/" };
	const struct check_demand root = { .place = "/root/path", .what = c->plan->rootfs };

	if (c->rootfs < 0)
		check_answer(c, CHECK_NO, &root, "%s", errno_text(-c->rootfs));
	else if (s)
		look_at_program(&l, &s->exec);
}
