/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/machine.c - an ELF header against this kernel and this processor
 *
 * Some kernels run 32-bit programs, and programs for another machine. For 32-bit programs the
 * kernel is asked: a program of a few instructions is executed. For other machines binfmt_misc, the
 * kernel's list of formats, is read (formats.c).
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "program/program.h"

#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

/* ---- 32-bit programs ---- */

/* exit(0), at the address that the header below has as its entry. */
#define CODE_AT 0x10000
static const unsigned char exit_386[] = {
	0x31, 0xdb,		      /* xor ebx, ebx */
	0xb8, 0x01, 0x00, 0x00, 0x00, /* mov eax, 1 */
	0xcd, 0x80,		      /* int 0x80 */
};
static const unsigned char exit_x32[] = {
	0x31, 0xff,		      /* xor edi, edi */
	0xb8, 0x3c, 0x00, 0x00, 0x40, /* mov eax, 0x4000003c */
	0x0f, 0x05,		      /* syscall */
};

static const struct {
	uint16_t own, machine;
	const unsigned char *code;
	size_t size;
} narrow[] = {
	{ EM_X86_64, EM_386, exit_386, sizeof(exit_386) },
	{ EM_X86_64, EM_X86_64, exit_x32, sizeof(exit_x32) },
};

static int write_program(uint16_t machine, const unsigned char *code, size_t size)
{
	const size_t headers = sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr);
	const Elf32_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = machine,
		.e_version = EV_CURRENT,
		.e_entry = CODE_AT + (Elf32_Addr) headers,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 1,
	};
	const Elf32_Phdr segment = {
		.p_type = PT_LOAD,
		.p_vaddr = CODE_AT,
		.p_filesz = (Elf32_Word) (headers + size),
		.p_memsz = (Elf32_Word) (headers + size),
		.p_flags = PF_R | PF_X,
		.p_align = 0x1000,
	};
	int fd = sys_memfd_create("tare-check");

	if (fd < 0)
		return fd;
	if (sys_write_all(fd, &header, sizeof(header)) == 0 &&
	    sys_write_all(fd, &segment, sizeof(segment)) == 0 && sys_write_all(fd, code, size) == 0)
		return fd;
	sys_close(fd);

	return -EIO;
}

static int execute(void *arg)
{
	const char *const none[] = { "tare-check", NULL };

	sys_exec_fd(*(const int *) arg, none, none + 1);

	return 1;
}

/* 1: this kernel runs 32-bit programs of @machine; 0: it does not; -1: not known. */
static int ask_kernel(uint16_t machine)
{
	const struct sys_clone clone = { .cgroup = -1 };
	static int known[ARRAY_SIZE(narrow)]; /* 1: it runs; -1: it does not */
	int status = -1;

	for (size_t i = 0; i < ARRAY_SIZE(narrow); i++) {
		if (narrow[i].own != program_own_machine() || narrow[i].machine != machine)
			continue;
		if (known[i] != 0)
			return known[i] > 0;

		autoclose int fd = write_program(machine, narrow[i].code, narrow[i].size);
		pid_t pid = fd < 0 ? fd : sys_clone_call(&clone, NULL, execute, &fd);
		if (pid < 0 || sys_wait(pid, &status, 0) != pid)
			return -1;
		known[i] = status == 0 ? 1 : -1;
		return status == 0;
	}

	return -1;
}

static bool check_foreign(const struct check *c, const struct check_demand *d,
			  const struct program *p)
{
	const char *its = program_machine_name(p->machine);
	const char *own = program_machine_name(program_own_machine());
	struct check_format format = { .fixed = false };
	bool there = check_find_format(NULL, p, &format);

	its = its ? its : "another machine";
	if (there && format.fixed)
		check_answer(c, CHECK_OK, d, "for %s, which binfmt_misc runs", its);
	else if (there)
		check_answer(c, CHECK_WEAKER, d,
			     "for %s: binfmt_misc has an entry without the flag F, so its "
			     "interpreter must be in the rootfs",
			     its);
	else if (plan_find_step(c->plan, OP_REGISTER_BINFMT))
		check_answer(c, CHECK_WEAKER, d,
			     "for %s, which the container's own format of binfmt_misc may run",
			     its);
	else if (p->machine == program_own_machine())
		check_answer(c, CHECK_NO, d, "it is for %s with the other byte order", its);
	else
		check_answer(c, CHECK_NO, d, "it is for %s, this machine is %s", its,
			     own ? own : "another");

	return false;
}

static bool check_machine(const struct check *c, const char *what, const struct program *p)
{
	const struct check_demand d = { .place = c->program, .what = what };
	const char *its = program_machine_name(p->machine);
	bool own = p->machine == program_own_machine();
	int runs = program_is_own(p) ? 1 : p->wide ? -1 : ask_kernel(p->machine);

	if (p->type != ET_EXEC && p->type != ET_DYN) {
		check_answer(c, CHECK_NO, &d,
			     "it is an ELF file, but no program: an object file, or a core");
		return false;
	}
	if (own && !p->wide && runs < 0)
		runs = 0;
	if (runs < 0 || (runs == 0 && !own))
		return check_foreign(c, &d, p);
	if (runs == 0) {
		check_answer(c, CHECK_NO, &d,
			     "it is a 32-bit program, and this kernel runs none of its kind");
		return false;
	}
	check_answer(c, CHECK_OK, &d, "for %s, %d-bit", its ? its : "this machine",
		     p->wide ? 64 : 32);

	return true;
}

/* ---- the oldest kernel ---- */

static void check_kernel(const struct check *c, const char *what, const struct program *p)
{
	const struct check_demand d = { .place = c->program,
					.what = what,
					.remedy = "a newer kernel, or an older image" };
	const struct kernel_version wanted = { { p->abi[0], p->abi[1], p->abi[2] } };
	struct kernel_version version;
	struct utsname kernel;

	if (!p->has_abi || sys_uname(&kernel) < 0)
		return;
	if (c->paper)
		version = *c->paper;
	else if (!kernel_version_read(kernel.release, &version))
		return;
	check_answer(c, kernel_version_compare(&version, &wanted) < 0 ? CHECK_NO : CHECK_OK, &d,
		     "wants Linux %u.%u.%u; %s %s", p->abi[0], p->abi[1], p->abi[2],
		     c->paper ? "asked is" : "this is", c->paper ? c->paper_text : kernel.release);
}

/* ---- the processor ---- */

/*
 * The flags of /proc/cpuinfo that each level adds: the x86-64 psABI, "micro-architecture levels".
 */
static const char *const level_flags[][10] = {
	{ "cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3" },
	{ "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave" },
	{ "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl" },
};

static bool has_flag(const char *flags, const char *flag)
{
	size_t length = strlen(flag);

	for (const char *at = flags; (at = strstr(at, flag)); at += length)
		if (at[-1] == ' ' && (at[length] == ' ' || at[length] == '\0'))
			return true;

	return false;
}

unsigned check_processor_level(void)
{
	char text[8192];

	autoclose int fd =
		program_own_machine() == EM_X86_64 ? sys_open("/proc/cpuinfo", O_RDONLY) : -ENOENT;
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';

	char *flags = strstr(text, "\nflags");
	if (!flags || !(flags = strchr(flags, ':')))
		return 0;
	flags[strcspn(flags, "\n")] = '\0';
	for (size_t level = 0; level < ARRAY_SIZE(level_flags); level++)
		for (size_t i = 0; level_flags[level][i]; i++)
			if (!has_flag(flags, level_flags[level][i]))
				return (unsigned) level + 1;

	return ARRAY_SIZE(level_flags) + 1;
}

static void check_processor(const struct check *c, const char *what, const struct program *p)
{
	const struct check_demand d = { .place = c->program,
					.what = what,
					.remedy = "another processor, or an image for this one" };
	unsigned wanted = 0, own;

	for (unsigned i = 0; i < 4; i++)
		if (p->x86_levels & 1U << i)
			wanted = i + 1;
	if (program_own_machine() != EM_X86_64 || wanted < 2 ||
	    (own = check_processor_level()) == 0)
		return;
	if (own < wanted)
		check_answer(c, CHECK_NO, &d,
			     "wants a processor with x86-64-v%u; this one is x86-64%s%.*u", wanted,
			     own > 1 ? "-v" : "", own > 1 ? 1 : 0, own);
	else
		check_answer(c, CHECK_OK, &d, "wants a processor with x86-64-v%u, as this one is",
			     wanted);
}

/*
 * binfmt_elf.c maps the segments when execve(2) can't fail any more: it kills the program instead.
 */
static void check_segments(const struct check *c, const char *what, const struct program *p)
{
	struct check_demand d = { .place = c->program, .what = what };
	unsigned long page = getauxval(AT_PAGESZ);

	if (p->overfull)
		check_answer(c, CHECK_NO, &d,
			     "a segment has more bytes in the file than in memory, so the program "
			     "is killed at once");
	if (page <= p->largest_page)
		return;
	d.remedy = "a kernel with smaller pages";
	check_answer(c, CHECK_NO, &d,
		     "its segments fit pages of at most %llu bytes; this kernel has %lu, so the "
		     "program is killed at once",
		     (unsigned long long) p->largest_page, page);
}

/* Other security modules have no rule for such memory. */
static void check_memory_rights(const struct check *c, const char *what, const struct program *p)
{
	const struct check_demand d = { .place = c->program,
					.what = what,
					.remedy = "execstack -c, or setsebool allow_execstack" };
	bool asked = p->executable_stack || p->writable_and_executable;

	if (asked && proc_is_set_to("/sys/fs/selinux/enforce", '1'))
		check_answer(c, CHECK_WEAKER, &d,
			     "wants %s, which SELinux may refuse (execstack, execmem)",
			     p->executable_stack ? "an executable stack"
						 : "memory that is writable and executable");
}

void check_vsyscall(const struct check *c, const char *what, const struct program *p, int fd)
{
	const struct check_demand d = { .place = c->program,
					.what = what,
					.remedy = "boot with vsyscall=xonly, or a newer image" };
	const char *mode = check_vsyscall_mode();

	if (p->machine != EM_X86_64 || !p->wide || c->paper || !program_calls_vsyscall(fd))
		return;
	if (strcmp(mode, "none") == 0)
		check_answer(c, CHECK_NO, &d,
			     "calls vsyscall; this kernel runs with vsyscall=none");
	else
		check_answer(c, CHECK_OK, &d, "calls vsyscall; this kernel runs with vsyscall=%s",
			     mode);
}

bool check_elf(const struct check *c, const char *what, const struct program *p)
{
	if (!check_machine(c, what, p))
		return false;
	check_kernel(c, what, p);
	/* With --kernel nothing more is known about the machine. */
	if (c->paper)
		return true;
	check_processor(c, what, p);
	check_segments(c, what, p);
	check_memory_rights(c, what, p);

	return true;
}
