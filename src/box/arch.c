/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/arch.c - programs for another processor
 *
 * The ELF header of the program, or of its interpreter, names the machine. A 32-bit program for our
 * own processor gets the personality with which uname(2) shows the 32-bit machine. A program for
 * another processor is run by the kernel, if binfmt_misc has an entry that works in any root (flag
 * F), or if the box, with a user namespace of its own, can have its own binfmt_misc. Otherwise qemu
 * runs the program. qemu is bound into the box's own /dev: nothing is copied into ROOT, and nothing
 * is registered on the host.
 */
#include "box/box.h"

#include "base/fmt.h"
#include "base/table.h"
#include "heap/log.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "plan/annotations/annotation.h"
#include "program/program.h"

#include <elf.h>
#include <errno.h>

#define QEMU "/dev/.tare-qemu"

/* binfmt_misc.rst: 127 characters. */
#define LONGEST_INTERPRETER 128

/* 32-bit machines whose programs the same kernel may run. */
static const struct {
	uint16_t machine, narrow;
} companions[] = { { EM_X86_64, EM_386 }, { EM_AARCH64, EM_ARM } };

static const char *value_of(const struct box *b, const char *name)
{
	size_t length = strlen(name);
	const char *value = NULL;

	for (size_t i = 0; i < b->process.env_count; i++)
		if (strncmp(b->process.env[i], name, length) == 0 &&
		    b->process.env[i][length] == '=')
			value = b->process.env[i] + length + 1;

	return value;
}

/* The program as execvp(3) finds it in ROOT; its path in @path. */
static int find_program(struct box *b, const char **path)
{
	const char *name = b->process.args[0], *at = value_of(b, "PATH");

	*path = name;
	if (strchr(name, '/'))
		return program_open(b->dir, b->process.cwd, name);
	for (; at && *at; at += at[strcspn(at, ":")] ? strcspn(at, ":") + 1 : strcspn(at, ":")) {
		*path = arena_printf(b->arena, "%.*s/%s", (int) strcspn(at, ":"), at, name);

		int fd = program_open(b->dir, "/", *path);
		if (fd >= 0)
			return fd;
	}

	return -ENOENT;
}

/*
 * The program that the kernel finally executes: for a script, the interpreter, with the words
 * before the arguments.
 */
struct found {
	uint16_t machine; /* EM_NONE: the machine is not known */
	bool wide, big_endian;
	const char *path; /* path of the program with that header */
	const char *words[2];
	size_t word_count;
};

/*
 * `#!INTERPRETER [ARGUMENT]`, where ARGUMENT is the rest of the line: execve(2). The line is read
 * once, as the file may change.
 */
static void take_script(struct box *b, const struct program *p, const char *path, struct found *f)
{
	if (p->argument[0])
		f->words[f->word_count++] = arena_strdup(b->arena, p->argument);
	f->words[f->word_count++] = path;
	f->path = arena_strdup(b->arena, p->interpreter);
}

static void find_machine(struct box *b, struct found *f)
{
	struct program p;

	*f = (struct found) { .machine = EM_NONE };
	autoclose int fd = find_program(b, &f->path);
	if (fd < 0 || program_read(fd, &p) < 0)
		return;
	if (p.kind == PROGRAM_SCRIPT) {
		take_script(b, &p, f->path, f);

		autoclose int interpreter = program_open(b->dir, "/", f->path);
		if (interpreter < 0 || program_read(interpreter, &p) < 0)
			return;
	}
	if (p.kind != PROGRAM_ELF)
		return;
	f->machine = p.machine;
	f->wide = p.wide;
	f->big_endian = p.big_endian;
}

/* A 32-bit tare may run on a 64-bit kernel, which runs programs of both widths. */
static uint16_t kernel_machine(void)
{
	struct utsname name;

	for (size_t i = 0; i < ARRAY_SIZE(companions); i++)
		if (companions[i].narrow == program_own_machine() && sys_uname(&name) == 0 &&
		    strcmp(name.machine, program_machine_name(companions[i].machine)) == 0)
			return companions[i].machine;

	return program_own_machine();
}

static bool is_companion(uint16_t machine)
{
	for (size_t i = 0; i < ARRAY_SIZE(companions); i++)
		if (companions[i].machine == kernel_machine() && companions[i].narrow == machine)
			return true;

	return false;
}

/*
 * Has the host's binfmt_misc an entry for @arch with flag F? The kernel opens the interpreter of
 * such an entry at the registration, so it works in every root: binfmt_misc.rst.
 */
static bool is_registered(struct box *b, const char *arch)
{
	char text[1024];
	const char *path = arena_printf(b->arena, "/proc/sys/fs/binfmt_misc/qemu-%s", arch);

	autoclose int fd = sys_open(path, O_RDONLY);
	ssize_t length = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);
	if (length <= 0)
		return false;
	text[length] = '\0';

	const char *flags = strstr(text, "flags:");

	return strncmp(text, "enabled", 7) == 0 && flags &&
	       strcspn(flags, "F") < strcspn(flags, "\n");
}

/* qemu-ARCH-static or qemu-ARCH in the caller's PATH; NULL: there is none. */
static const char *find_qemu(struct box *b, const char *arch)
{
	static const char *const forms[] = { "-static", "" };
	const char *callers = env_value(b->env, "PATH");

	if (!callers)
		callers = "/usr/local/bin:/usr/bin:/bin";
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		for (const char *at = callers; *at;) {
			size_t length = strcspn(at, ":");
			const char *path = arena_printf(b->arena, "%.*s/qemu-%s%s", (int) length,
							at, arch, forms[i]);

			if (path[0] == '/' && sys_access_at(AT_FDCWD, path, X_OK) == 0)
				return path;
			at += length + (at[length] == ':');
		}

	return NULL;
}

/* The host's loader is not in the box, so qemu must be static. */
static int check_static(struct box *b, const char *qemu, struct err *e)
{
	struct program p;
	autoclose int fd = sys_open(qemu, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		(void) err_sys(e, fd, "\"%s\"", qemu);
		return err_at(e, b->options->qemu ? box_words(b, "qemu", qemu) : "");
	}
	if (program_read(fd, &p) < 0 || p.kind != PROGRAM_ELF || p.interpreter[0]) {
		(void) err_msg(e, "\"%s\" is no static program (package qemu-user-static)", qemu);
		return err_at(e, b->options->qemu ? box_words(b, "qemu", qemu) : "");
	}

	return 0;
}

/* The annotation that makes the program a login shell; NULL: the program is no login shell. */
static const char **login_of(const struct box *b)
{
	const struct oci_string_map *notes = b->config.annotations;

	for (size_t i = 0; notes && i < notes->count; i++)
		if (strcmp(notes->keys[i], ANNOTATION_LOGIN) == 0)
			return &notes->values[i];

	return NULL;
}

/* `qemu -0 ARGV0 PROGRAM ARGUMENT...`; the dash in argv[0] of a login shell is added here. */
static void use_qemu(struct box *b, const char *qemu, const struct found *f)
{
	const char **args = arena_array(b->arena, b->process.args_count + 6, sizeof(*args));
	const char *name = b->process.args[0], *slash = strrchr(name, '/');
	const char **login = login_of(b);

	if (login) {
		*login = "0";
		name = arena_printf(b->arena, "-%s", slash ? slash + 1 : name);
	}
	args[0] = QEMU;
	args[1] = "-0";
	args[2] = f->word_count > 0 ? f->path : name;
	args[3] = f->path;
	for (size_t i = 0; i < f->word_count; i++)
		args[4 + i] = f->words[i];
	memcpy(args + 4 + f->word_count, b->process.args + 1,
	       (b->process.args_count - 1) * sizeof(*args));
	b->process.args = args;
	b->process.args_count += 3 + f->word_count;
	box_add_mount(b, QEMU, "bind", qemu,
		      (const char *const[]) { "bind", "ro", "nosuid", NULL });
}

/*
 * Only qemu runs the program. If the box could have had a binfmt_misc of its own, the omission of
 * that was reported already.
 */
static int tell_of_qemu(struct box *b, struct err *e)
{
	if (b->has_binfmt)
		return 0;
	if (b->required & ((uint64_t) 1 << WISH_BINFMT))
		return box_leave_out(
			b, WISH_BINFMT,
			"the host has no entry for it, and without --userns the box has none of its own",
			e);
	if (!b->quiet && !b->warned_of_qemu && b->level[WISH_BINFMT] == 0)
		log_notice(
			"box \"%s\": only the first program is run by qemu: for others the host needs binfmt_misc",
			b->id);
	b->warned_of_qemu = true;

	return 0;
}

/*
 * The line for binfmt_misc.rst: the ELF header of a program, or library, for the machine of @f, for
 * any OS ABI. With flag F the kernel opens @qemu at the registration.
 */
static const char *registration(struct box *b, const char *qemu, const char *arch,
				const struct found *f)
{
	/* ELF header: class, byte order and version are bytes 4 to 6, type and machine 16 to 19. */
	const unsigned low = f->machine & 0xff, high = f->machine >> 8;
	const unsigned first = f->big_endian ? high : low, second = f->big_endian ? low : high;

	return arena_printf(
		b->arena,
		":tare-%s:M::\\x7fELF\\x%02x\\x%02x\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00"
		"%s\\x%02x\\x%02x:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00"
		"\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00%s\\xff\\xff:%s:F",
		arch, f->wide ? 2U : 1U, f->big_endian ? 2U : 1U,
		f->big_endian ? "\\x00\\x02" : "\\x02\\x00", first, second,
		f->big_endian ? "\\xff\\xfe" : "\\xfe\\xff", qemu);
}

/*
 * With a user namespace of its own the box has a binfmt_misc of its own, Linux 6.7, for all its
 * programs. A colon separates fields and can't be escaped.
 */
static bool is_registrable(const struct box *b, const char *qemu, const char *arch,
			   const struct found *f)
{
	const char *name = program_machine_name(f->machine);

	/* qemu is a program of this machine. */
	if (f->machine == program_own_machine() || !name || strcmp(name, arch) != 0)
		return false;

	return b->user_namespace && b->level[WISH_BINFMT] == 0 && !strchr(qemu, ':') &&
	       strlen(qemu) < LONGEST_INTERPRETER;
}

static void register_qemu(struct box *b, const char *qemu, const char *arch, const struct found *f)
{
	box_annotate(b, ANNOTATION_BINFMT, registration(b, qemu, arch, f));
	box_wish(b, "/annotations/" ANNOTATION_BINFMT, WISH_BINFMT);
}

static void set_personality(struct box *b)
{
	b->linux.personality = arena_new(b->arena, struct oci_linux_personality);
	b->linux.personality->domain = "LINUX32";
}

static bool is_own_name(const char *arch)
{
	const char *own = program_machine_name(kernel_machine());

	return own && strcmp(own, arch) == 0;
}

/* Where the box has no mounts the bind of qemu would be made in the host's own tree. */
static int refuse_qemu(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;

	if (o->qemu)
		return box_refuse(b, "qemu", o->qemu, e, BOX_TAKES_MOUNTS);
	if (o->arch && strcmp(o->arch, "auto") != 0)
		return box_refuse(b, "arch", o->arch, e, BOX_TAKES_MOUNTS);

	return 0; /* the exec fails, and names the machine */
}

int box_arch(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	bool automatic = !o->arch || strcmp(o->arch, "auto") == 0;
	const char *arch;
	struct found f;

	find_machine(b, &f);
	/* --qemu is checked even if no program needs qemu: the flag is a demand. */
	if (o->qemu && check_static(b, box_absolute(b, o->qemu), e) < 0)
		return -1;

	uint16_t machine = f.machine;

	if (is_companion(machine))
		set_personality(b);
	if (!automatic && is_own_name(o->arch))
		return 0;
	if (automatic &&
	    (machine == EM_NONE || machine == kernel_machine() || is_companion(machine)))
		return 0;
	arch = automatic ? program_machine_name(machine) : o->arch;
	if (!arch || (automatic && !o->qemu && is_registered(b, arch)))
		return 0;

	if (b->level[WISH_MOUNTS] > 0 || box_is_bare(b))
		return refuse_qemu(b, e);

	const char *qemu = o->qemu ? box_absolute(b, o->qemu) : find_qemu(b, arch);
	if (!qemu && automatic)
		return 0; /* the exec fails, and names the machine */
	if (!qemu)
		return box_refuse(b, "arch", o->arch, e,
				  "there is no qemu-%s-static in PATH (--qemu PATH)", arch);
	if (check_static(b, qemu, e) < 0)
		return -1;
	if (is_registrable(b, qemu, arch, &f))
		register_qemu(b, qemu, arch, &f);
	else if (tell_of_qemu(b, e) < 0)
		return -1;
	/* binfmt_misc would pass the path as argv[0], so a login shell would lose its dash. */
	use_qemu(b, qemu, &f);

	return 0;
}
