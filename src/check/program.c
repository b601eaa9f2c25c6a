/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/program.c - the program, the interpreters that its `#!` lines name, its loader and C
 * library
 *
 * The chain is followed as the kernel follows it, inside the rootfs and up to the kernel's limit.
 * The files of a bind are read from its source. Those of another mount of the container do not
 * exist yet, so they are not read, and a row says so.
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
	char at[PATH_MAX];   /* of the program's chain, the file that is open, in the container */
	const struct program *of; /* the file of the chain that names this one; NULL: none */
	const char *of_name;	  /* its path; NULL: it is the program */
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

/* A file as check_locate() finds it, open for reading. */
struct file {
	int fd;	     /* -errno; -EBUSY: it can't be read */
	mode_t mode; /* type and mode; 0: not known */
	enum check_file where;
	struct check_found found; /* its mount */
};

static void close_file(struct file *f)
{
	fd_close(&f->fd);
	fd_close(&f->found.fd);
}

#define autofile __attribute__((cleanup(close_file)))

/* @path: from the directory @cwd. @at: as check_locate() sets it. */
static void open_file(const struct check *c, const char *cwd, const char *path, char at[PATH_MAX],
		      struct file *f)
{
	struct stat st;

	*f = (struct file) { .fd = -EBUSY, .where = CHECK_IN_ROOTFS };
	if (c->of_host) {
		fmt_text(at, PATH_MAX, "%s", path);
		f->found.fd = sys_open_in_root(c->rootfs, path, O_PATH);
	} else {
		f->where = check_locate(c, cwd, path, at, &f->found);
	}
	if (f->where != CHECK_IN_ROOTFS && f->where != CHECK_IN_BIND)
		return;
	f->fd = program_reopen(f->found.fd);
	if (f->found.fd >= 0 && sys_stat(f->found.fd, &st) == 0)
		f->mode = st.st_mode;
}

static const struct check_found *bind_of(const struct file *f)
{
	return f->where == CHECK_IN_BIND ? &f->found : NULL;
}

/* execve(2) needs no right to read a program. */
static bool is_only_unreadable(const struct file *f)
{
	return S_ISREG(f->mode) && (f->mode & 0111) != 0;
}

static void refuse_missing(const struct look *l, const struct file *f, int r)
{
	struct check_demand d = demand(l);

	if (r == -EACCES && is_only_unreadable(f))
		check_answer(l->c, CHECK_WEAKER, &d, "not read: user %u may not read it",
			     sys_euid());
	else if (r == -EACCES && S_ISDIR(f->mode))
		check_answer(l->c, CHECK_NO, &d, "it is a directory");
	else if (r == -EACCES)
		check_answer(l->c, CHECK_NO, &d,
			     "it is no regular file, or may not be read by user %u", sys_euid());
	else
		check_answer(l->c, CHECK_NO, &d, "%s", errno_text(-r));
}

static bool is_noexec(const struct file *f)
{
	struct statfs fs;

	/* check_locate() knows the options of a bind. */
	return f->where != CHECK_IN_BIND && sys_statfs(f->fd, &fs) == 0 &&
	       fs.f_flags & STATFS_NOEXEC;
}

/* execve(2): no user, not even root, executes a file without any x bit, or on a noexec mount. */
static bool may_be_executed(const struct look *l, const struct file *f)
{
	const struct check_found *bind = bind_of(f);

	if (is_noexec(f)) {
		refuse(l, "it is on a mount that is noexec");
		return false;
	}
	if ((f->mode & 0111) == 0) {
		refuse(l, "it has no x bit: chmod +x");
		return false;
	}
	if (!check_user_may_execute(l->c, l->at, bind)) {
		refuse(l, "the program's user may not execute it, or not enter its directory");
		return false;
	}
	if (!(bind && check_is_nosuid(l->c, bind)) && !check_capabilities_of(l->c, f->fd)) {
		refuse(l,
		       "it has file capabilities (setcap) that the container's bounding set lacks");
		return false;
	}

	return true;
}

/* A row about the file that names the missing one, or about a link that leads nowhere. */
static bool explain_missing(const struct look *l)
{
	char text[ERR_HINT];
	const struct program_case why = {
		.root = l->c->rootfs,
		.cwd = l->cwd,
		.path = l->program,
		.code = ENOENT,
	};

	if (l->of)
		program_explain_missing(l->c->rootfs, l->of_name, l->of, text, sizeof(text));
	else if (!program_explain(&why, text, sizeof(text)))
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
	autofile struct file f;
	struct check_demand d = demand(l);

	open_file(l->c, l->cwd, path, l->at, &f);

	const char *mount = f.where == CHECK_IN_ROOTFS ? NULL : f.found.mount->target;
	if (f.fd == -ENOENT && explain_missing(l))
		return -1;
	name(l, path);
	if (mount && check_is_device(l->c, path))
		refuse(l, "it is a device");
	else if (f.where == CHECK_TARE_INIT)
		refuse(l, "it is tare-init itself, which executes the program");
	else if (f.where == CHECK_ON_NOEXEC)
		check_answer(l->c, CHECK_NO, &d, "\"%s\" is mounted noexec", mount);
	else if (f.where == CHECK_NO_PROGRAM)
		refuse(l, "no such file of a procfs can be executed");
	else if (f.fd == -EBUSY)
		check_answer(l->c, CHECK_WEAKER, &d, "not read: it comes with the mount on \"%s\"",
			     mount);
	else if (f.fd < 0)
		refuse_missing(l, &f, f.fd);
	else if (may_be_executed(l, &f))
		return take_fd(&f.fd);

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
	char place[PATH_MAX], at[PATH_MAX];
	autofile struct file f = { .fd = -1, .found.fd = -1 };
	struct program p;

	/* The file may lie in a mount of the host, or in the source of a bind. */
	if (!check_path_of(l->c, loader, place))
		fmt_text(place, sizeof(place), "%s", l->at);

	char *slash = strrchr(place, '/');
	size_t length = slash ? (size_t) (slash - place) : 0;
	fmt_text(place + length, sizeof(place) - length, "/libc.so.6");

	open_file(l->c, "/", place, at, &f);
	if (f.fd == -ENOENT || f.fd == -EBUSY)
		return;
	name(l, place);
	if (f.fd < 0 || program_read(f.fd, &p) < 0 || p.kind != PROGRAM_ELF) {
		struct check_demand d = demand(l);

		check_answer(l->c, CHECK_WEAKER, &d, "not read: %s",
			     f.fd < 0 ? errno_text(-f.fd) : "it is no ELF file, or a damaged one");
		return;
	}
	if (!check_elf(l->c, l->what, &p))
		return;
	check_vsyscall(l->c, l->what, &p, f.fd);
	describe_library(l, &p, f.fd, false);
}

/* @of: the program that names the loader. */
static void look_at_loader(struct look *l, const struct program *of)
{
	struct program p;

	if (of->interpreter[0] == '\0') {
		refuse(l, "the name of its loader is empty");
		return;
	}

	l->of_name = l->of ? l->of->interpreter : NULL;
	l->of = of;

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

/*
 * A format of binfmt_misc names an interpreter in the same way as a `#!` line. True: the chain goes
 * on with it.
 */
static bool look_at_format(const struct look *l, const struct check_format *format,
			   struct program *p)
{
	struct check_demand d = demand(l);

	check_answer(l->c, CHECK_OK, &d, "binfmt_misc runs it by \"%s\"", format->interpreter);
	p->kind = PROGRAM_SCRIPT;
	p->carriage_return = false;
	fmt_text(p->interpreter, sizeof(p->interpreter), "%s", format->interpreter);

	return !format->fixed;
}

/* Does @p, with the path @path, name an interpreter or loader to go on with? */
static bool look_at_kind(struct look *l, const char *path, struct program *p, int fd,
			 unsigned scripts)
{
	struct check_format format;
	char text[ERR_HINT];
	struct check_demand d = demand(l);

	if (scripts < MOST_SCRIPTS && check_find_format(path, p, &format))
		return look_at_format(l, &format, p);
	if (p->kind == PROGRAM_ELF) {
		if (!check_elf(l->c, l->what, p))
			return false;
		if (p->has_loader)
			look_at_loader(l, p);
		else
			check_vsyscall(l->c, l->what, p, fd);
		return false;
	}
	if (program_explain_format(p, text, sizeof(text))) {
		refuse(l, text);
		return false;
	}
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
	struct program chain[MOST_SCRIPTS + 1];
	const char *path = l->program;

	name(l, path);
	l->of = NULL;
	l->of_name = NULL;
	for (unsigned scripts = 0;; scripts++) {
		struct program *p = &chain[scripts];
		autoclose int fd = open_next(l, path);
		if (fd < 0)
			return;

		int r = program_read(fd, p);
		if (r < 0) {
			struct check_demand d = demand(l);

			check_answer(l->c, CHECK_NO, &d, "%s", errno_text(-r));
		}
		if (r < 0 || !look_at_kind(l, path, p, fd, scripts))
			return;
		l->of_name = scripts > 0 ? path : NULL;
		l->of = p;
		path = p->interpreter;
	}
}

/* ---- searching PATH ---- */

static bool is_executable(const struct look *l, const char *path, const char **unread)
{
	char at[PATH_MAX];
	autofile struct file f;

	open_file(l->c, l->cwd, path, at, &f);
	if (f.fd == -EBUSY && !*unread)
		*unread = f.found.mount->target;

	return f.fd >= 0 && f.mode & 0111 && check_user_may_execute(l->c, at, bind_of(&f));
}

/*
 * As execvp(3): the first directory of PATH that has the file. False, with a row for the reason,
 * where none has.
 */
static bool search(struct look *l, const struct exec_step *exec, char found[PATH_MAX])
{
	const char *mount = NULL;
	struct check_demand d = demand(l);

	for (const char *at = exec->search_path; at;
	     at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
		int length = (int) strcspn(at, ":");

		fmt_text(found, PATH_MAX, "%.*s/%s", length, length > 0 ? at : ".", exec->file);
		if (length == 0)
			fmt_text(found, PATH_MAX, "./%s", exec->file);
		if (is_executable(l, found, &mount))
			return true;
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
