/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program/explain.c - the reason why execve(2) failed
 *
 * The kernel follows a chain: a script names its interpreter, which may be another script, and an
 * ELF program names its loader. The errno does not tell which link of the chain it is about. So the
 * chain is followed here, to the first link that fits the errno.
 */
#include "program/program.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

#include <elf.h>
#include <endian.h>
#include <linux/limits.h>
#include <linux/stat.h>

#define MOST_LINKS 5 /* exec_binprm() of the kernel */

struct look {
	const struct program_case *c;
	char *text;
	size_t size;
	const char *path;	  /* the link of the chain that is examined */
	const struct program *of; /* the program whose loader is examined; NULL: it is no loader */
	char who[PROGRAM_NAME + 32]; /* "it", or: its interpreter "/bin/sh" */
};

#define SAY(l, ...) (fmt_text((l)->text, (l)->size, __VA_ARGS__), true)

/* ---- a file that is missing: ENOENT ---- */

static bool say_dangling(const struct look *l)
{
	char whole[PATH_MAX], target[PROGRAM_NAME];
	bool absolute = l->path[0] == '/';

	fmt_text(whole, sizeof(whole), "%s%s%s", absolute ? "" : l->c->cwd, absolute ? "" : "/",
		 l->path);

	autoclose int fd = sys_open_in_root(l->c->root, whole, O_PATH | O_NOFOLLOW);
	ssize_t n = fd < 0 ? fd : sys_read_link_at(fd, "", target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';

	return SAY(l, "\"%s\" is a link to \"%s\", and that is not there", l->path, target);
}

/* The part of a loader's name that tells which C library it belongs to. */
static const char *library_of(const char *loader)
{
	if (strstr(loader, "/ld-musl-"))
		return "musl";

	return strstr(loader, "/ld-linux") || strstr(loader, "/ld64.so") ? "glibc" : NULL;
}

/* The C library whose loader the container has, if it is the other one. */
static const char *library_that_is_there(const struct look *l)
{
	static const char *const loaders[] = {
		"/lib/ld-musl-x86_64.so.1",
		"/lib/ld-musl-aarch64.so.1",
		"/lib64/ld-linux-x86-64.so.2",
		"/lib/ld-linux-aarch64.so.1",
		"/lib/ld-linux-riscv64-lp64d.so.1",
		"/lib/ld-musl-riscv64.so.1",
		"/lib/ld-linux-armhf.so.3",
		"/lib/ld-musl-armhf.so.1",
		"/lib64/ld64.so.2",
		"/lib/ld64.so.1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(loaders); i++) {
		autoclose int fd = program_open(l->c->root, "/", loaders[i]);

		if (fd >= 0)
			return library_of(loaders[i]);
	}

	return NULL;
}

/* The file @p exists, and is called @name; NULL: it is the program itself. */
static bool say_missing(const struct look *l, const char *name, const struct program *p)
{
	int shown = (int) strlen(p->interpreter) - (p->carriage_return ? 1 : 0);
	const char *wanted = library_of(p->interpreter), *has = library_that_is_there(l);
	char front[PROGRAM_NAME + 16] = "the file is there";

	if (name)
		fmt_text(front, sizeof(front), "\"%s\" is there", name);
	if (p->carriage_return)
		return SAY(l,
			   "%s; its interpreter \"%.*s\\r\" is not: the script has CRLF line ends",
			   front, shown, p->interpreter);
	if (p->kind == PROGRAM_SCRIPT)
		return SAY(l, "%s; its interpreter \"%s\" is not", front, p->interpreter);
	if (!wanted || (has && strcmp(wanted, has) == 0))
		return SAY(l, "%s; its loader \"%s\" is not", front, p->interpreter);

	return SAY(l, "%s; its loader \"%s\" is not: it was built for %s, the rootfs has %s", front,
		   p->interpreter, wanted, has ? has : "no C library");
}

/* ---- a file that is no program here: ENOEXEC ---- */

static bool say_machine(const struct look *l, const struct program *p)
{
	const char *name = program_machine_name(p->machine);
	const char *own = program_machine_name(program_own_machine());

	if (p->machine != program_own_machine() && name)
		return SAY(l, "%s is for %s, this machine is %s", l->who, name,
			   own ? own : "another");
	if (p->machine != program_own_machine())
		return SAY(l, "%s is for a machine with the number %u, this one is %s", l->who,
			   p->machine, own ? own : "another");
	if (!program_is_own(p) && p->wide)
		return SAY(l, "%s is for %s with the other byte order", l->who, name);
	if (!program_is_own(p))
		return SAY(l, "%s is a 32-bit program, and this kernel runs none of its kind",
			   l->who);
	if (p->type != ET_EXEC && p->type != ET_DYN)
		return SAY(l, "%s is an ELF file, but no program: an object file, or a core",
			   l->who);

	return false;
}

static bool say_format(const struct look *l, const struct program *p)
{
	switch (p->kind) {
	case PROGRAM_EMPTY:
		return SAY(l, "%s is empty", l->who);
	case PROGRAM_ELF:
		return say_machine(l, p);
	case PROGRAM_DAMAGED:
		return SAY(l, "%s is an ELF file with a damaged header: was it cut short?", l->who);
	case PROGRAM_MARKED:
		return SAY(l, "%s has a byte order mark before its \"#!\": save it without one",
			   l->who);
	case PROGRAM_TEXT:
		return SAY(l, "%s has no \"#!\" line", l->who);
	case PROGRAM_WINDOWS:
		return SAY(l, "%s is a program for Windows", l->who);
	case PROGRAM_MACOS:
		return SAY(l, "%s is a program for macOS", l->who);
	case PROGRAM_WASM:
		return SAY(l, "%s is a WebAssembly module: it takes a program that runs such",
			   l->who);
	case PROGRAM_JAVA:
		return SAY(l, "%s is a Java class: it takes a program that runs such", l->who);
	case PROGRAM_PACKED:
		return SAY(l, "%s is an archive, or compressed: unpack it first", l->who);
	case PROGRAM_POINTER:
		return SAY(l, "%s only names a file of git-lfs: \"git lfs pull\" gets it", l->who);
	case PROGRAM_SCRIPT:
		if (p->interpreter[0] == '\0')
			return SAY(l, "%s has a \"#!\" line that names no interpreter", l->who);
		if (p->too_long)
			return SAY(
				l,
				"%s has a \"#!\" line longer than the %d bytes that the kernel reads",
				l->who, PROGRAM_LINE - 1);
		return false;
	default:
		return SAY(l, "%s is neither an ELF program nor a script with a \"#!\" line",
			   l->who);
	}
}

/* A loader has to be a program of the same kind. */
static bool say_bad_loader(const struct look *l, const struct program *p)
{
	const char *name = program_machine_name(p->machine);

	if (p->kind != PROGRAM_ELF)
		return SAY(l, "%s is no ELF file, or a damaged one", l->who);

	return (p->machine != l->of->machine || p->wide != l->of->wide) &&
	       SAY(l, "%s is for %s, %d-bit, and the program is of another kind", l->who,
		   name ? name : "another machine", p->wide ? 64 : 32);
}

/* ---- a file that may not be executed: EACCES ---- */

static bool is_noexec(int fd)
{
	struct statfs fs;

	return sys_statfs(fd, &fs) == 0 && fs.f_flags & STATFS_NOEXEC;
}

/* The topmost directory of the path that is noexec: usually the mount point. */
static bool say_noexec(const struct look *l)
{
	char part[PATH_MAX];
	size_t length = strlen(l->path);

	for (size_t i = 1; i < length && length < sizeof(part); i++) {
		if (l->path[i] != '/')
			continue;
		fmt_text(part, sizeof(part), "%.*s", (int) i, l->path);

		autoclose int fd = sys_open_in_root(l->c->root, part, O_PATH);
		if (fd >= 0 && is_noexec(fd))
			return SAY(l, "\"%s\" is mounted noexec", part);
	}

	return SAY(l, "%s is on a mount that is noexec", l->who);
}

/* The first directory of the path without search permission for everybody. */
static bool say_closed_directory(const struct look *l)
{
	char part[PATH_MAX];
	size_t length = strlen(l->path);
	struct stat st;

	for (size_t i = 1; l->path[0] == '/' && i < length && length < sizeof(part); i++) {
		if (l->path[i] != '/')
			continue;
		fmt_text(part, sizeof(part), "%.*s", (int) i, l->path);

		autoclose int fd = sys_open_in_root(l->c->root, part, O_PATH);
		if (fd >= 0 && sys_stat(fd, &st) == 0 && (st.st_mode & 0111) != 0111)
			return SAY(
				l,
				"the directory \"%s\" has mode 0%o, which may keep this user out",
				part, st.st_mode & 07777);
	}

	return false;
}

static bool say_denied(const struct look *l, int fd)
{
	struct stat st;

	if (is_noexec(fd))
		return say_noexec(l);
	if (sys_stat(fd, &st) < 0)
		return false;
	if ((st.st_mode & 0111) == 0)
		return SAY(l, "%s has no x bit: chmod +x", l->who);
	if ((st.st_mode & 0111) != 0111)
		return SAY(l, "%s has mode 0%o, which does not let this user execute it", l->who,
			   st.st_mode & 07777);

	return false;
}

/* ---- a file with capabilities of its own: EPERM ---- */

uint64_t program_capabilities(int fd)
{
	/* linux/capability.h, struct vfs_cap_data: little-endian */
	uint32_t value[6];
	ssize_t n = SYS_CALL(fgetxattr, fd, "security.capability", value, sizeof(value), 0, 0);

	if (n < 8 || !(le32toh(value[0]) & 1 /* VFS_CAP_FLAGS_EFFECTIVE */))
		return 0;

	return le32toh(value[1]) | (n >= 20 ? (uint64_t) le32toh(value[3]) << 32 : 0);
}

static bool say_capabilities(const struct look *l, int fd)
{
	return program_capabilities(fd) != 0 &&
	       SAY(l, "%s has file capabilities (setcap) that the container's bounding set lacks",
		   l->who);
}

/* ---- the chain ---- */

static bool say_what_fits(const struct look *l, int fd, const struct program *p)
{
	switch (l->c->code) {
	case ENOEXEC:
		return say_format(l, p);
	case ELIBBAD:
	case EIO: /* a loader that is shorter than a header */
		return l->of && say_bad_loader(l, p);
	case EACCES:
		return say_denied(l, fd);
	case EPERM:
		return say_capabilities(l, fd);
	case E2BIG: /* execve(2), "Limits on size of arguments and environment" */
		return SAY(l, "one argument or variable may have 128 KiB, and all of them a "
			      "quarter of the stack's limit (RLIMIT_STACK), at most 6 MiB");
	default:
		return false;
	}
}

static bool names_another(const struct program *p)
{
	return (p->kind == PROGRAM_SCRIPT || p->kind == PROGRAM_ELF) && p->interpreter[0] != '\0';
}

static bool follow(struct look *l)
{
	struct program chain[MOST_LINKS];

	for (size_t i = 0; i < ARRAY_SIZE(chain); i++) {
		autoclose int fd = program_open(l->c->root, l->c->cwd, l->path);
		if (fd == -ENOENT && i == 0)
			return l->c->code == ENOENT && say_dangling(l);
		if (fd == -ENOENT)
			return l->c->code == ENOENT &&
			       say_missing(l, i > 1 ? chain[i - 2].interpreter : NULL,
					   &chain[i - 1]);
		if (fd == -ELOOP)
			return SAY(l, "%s is a link that leads back to itself", l->who);
		if (fd < 0 || program_read(fd, &chain[i]) < 0)
			return false;
		if (say_what_fits(l, fd, &chain[i]))
			return true;
		if (chain[i].has_loader && chain[i].interpreter[0] == '\0')
			return SAY(l, "the name of its loader is empty");
		if (!names_another(&chain[i]))
			return false;
		l->of = chain[i].kind == PROGRAM_ELF ? &chain[i] : NULL;
		l->path = chain[i].interpreter;
		fmt_text(l->who, sizeof(l->who), "its %s \"%s\"",
			 chain[i].kind == PROGRAM_SCRIPT ? "interpreter" : "loader", l->path);
	}

	/* execve(2), "Interpreter scripts": the kernel follows four of them. */
	return l->c->code == ELOOP &&
	       SAY(l, "its interpreter is a script, and that one's, and so on: execve(2) follows "
		      "only a few");
}

bool program_explain_format(const struct program *p, char *text, size_t size)
{
	const struct look l = { .text = text, .size = size, .who = "it" };

	text[0] = '\0';

	return say_format(&l, p);
}

void program_explain_missing(int root, const char *name, const struct program *p, char *text,
			     size_t size)
{
	const struct program_case c = { .root = root };
	const struct look l = { .c = &c, .text = text, .size = size };

	say_missing(&l, name, p);
}

bool program_explain(const struct program_case *c, char *text, size_t size)
{
	struct look l = { .c = c, .text = text, .size = size, .path = c->path, .who = "it" };

	text[0] = '\0';
	if (follow(&l))
		return true;
	l.path = c->path;
	if (c->code == EACCES && say_closed_directory(&l))
		return true;
	text[0] = '\0';

	return false;
}
