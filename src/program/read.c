/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program/read.c - the header of a program
 *
 * All numbers in the file are untrusted: sizes and offsets are 64-bit and checked before they are
 * used, and nothing behind a bound is read. A malformed note or segment ends its own parsing only.
 */
#include "program/program.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/arch.h"
#include "kernel/sys.h"

#include <elf.h>
#include <string.h>

#define MOST_HEADERS 65536 /* bytes of program headers, load_elf_phdrs() of the kernel */
#define NOTES_SIZE   4096

/* ---- numbers of either byte order ---- */

struct reader {
	int fd;
	bool wide, big_endian;
};

static uint64_t number(const struct reader *r, const unsigned char *at, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t) at[r->big_endian ? size - 1 - i : i] << (8 * i);

	return value;
}

/* ---- ELF ---- */

/* Offsets of members in the two forms of a program header. */
struct segment {
	uint32_t type, flags;
	uint64_t offset, address, size, size_in_memory, alignment;
};

static struct segment read_segment(const struct reader *r, const unsigned char *at)
{
	struct segment s = { .type = (uint32_t) number(r, at, 4) };

	if (r->wide) {
		s.flags = (uint32_t) number(r, at + 4, 4);
		s.offset = number(r, at + 8, 8);
		s.address = number(r, at + 16, 8);
		s.size = number(r, at + 32, 8);
		s.size_in_memory = number(r, at + 40, 8);
		s.alignment = number(r, at + 48, 8);
	} else {
		s.offset = number(r, at + 4, 4);
		s.address = number(r, at + 8, 4);
		s.size = number(r, at + 16, 4);
		s.size_in_memory = number(r, at + 20, 4);
		s.flags = (uint32_t) number(r, at + 24, 4);
		s.alignment = number(r, at + 28, 4);
	}

	return s;
}

/* The kernel demands a NUL at the end; the name ends at the first one: binfmt_elf.c. */
static bool read_loader(const struct reader *r, const struct segment *s, struct program *p)
{
	p->has_loader = true;
	if (s->size < 2 || s->size > sizeof(p->interpreter))
		return false;
	if (sys_read_all_at(r->fd, s->offset, p->interpreter, (size_t) s->size) !=
		    (ssize_t) s->size ||
	    p->interpreter[s->size - 1] != '\0') {
		p->interpreter[0] = '\0';
		return false;
	}

	return true;
}

/* The x86 feature words in a NT_GNU_PROPERTY_TYPE_0 note: type, size, data, padded. */
static void read_properties(const struct reader *r, const unsigned char *at, size_t size,
			    struct program *p)
{
	size_t unit = r->wide ? 8 : 4;

	while (size >= 8) {
		uint32_t type = (uint32_t) number(r, at, 4),
			 length = (uint32_t) number(r, at + 4, 4);
		size_t whole = ((size_t) length + unit - 1) / unit * unit;

		if (length > size - 8)
			return;
		if (type == GNU_PROPERTY_X86_ISA_1_NEEDED && length == 4)
			p->x86_levels = (uint32_t) number(r, at + 8, 4);
		if (whole > size - 8)
			return;
		at += 8 + whole;
		size -= 8 + whole;
	}
}

static void read_abi(const struct reader *r, const unsigned char *at, size_t size,
		     struct program *p)
{
	if (size < 16 || number(r, at, 4) != ELF_NOTE_OS_LINUX)
		return;
	p->has_abi = true;
	for (size_t i = 0; i < ARRAY_SIZE(p->abi); i++)
		p->abi[i] = (uint32_t) number(r, at + 4 + 4 * i, 4);
}

static void read_notes(const struct reader *r, const struct segment *s, struct program *p)
{
	unsigned char buf[NOTES_SIZE];
	size_t unit = s->alignment == 8 ? 8 : 4;
	ssize_t n = sys_read_all_at(r->fd, s->offset, buf,
				    s->size < sizeof(buf) ? (size_t) s->size : sizeof(buf));
	size_t left = n > 0 ? (size_t) n : 0;

	for (const unsigned char *at = buf; left >= 16;) {
		uint64_t name = number(r, at, 4), size = number(r, at + 4, 4);
		uint32_t type = (uint32_t) number(r, at + 8, 4);
		uint64_t data = (12 + name + unit - 1) / unit * unit;
		uint64_t end = (data + size + unit - 1) / unit * unit;

		if (data > left || size > left - data)
			return;
		if (name == 4 && memcmp(at + 12, "GNU", 4) == 0 && type == NT_GNU_ABI_TAG)
			read_abi(r, at + data, (size_t) size, p);
		if (name == 4 && memcmp(at + 12, "GNU", 4) == 0 && type == NT_GNU_PROPERTY_TYPE_0)
			read_properties(r, at + data, (size_t) size, p);
		if (end > left)
			return;
		at += end;
		left -= end;
	}
}

/*
 * The file is mapped by whole pages: mmap(2) takes an address and an offset that differ by a
 * multiple of the size of a page. The kernel does not look at p_align for that.
 */
static void take_contents(const struct segment *s, struct program *p)
{
	uint64_t differ = s->address ^ s->offset, page = differ & -differ;

	p->overfull |= s->size > s->size_in_memory;
	if (s->size > 0 && page != 0 && page < p->largest_page)
		p->largest_page = page;
}

static bool take_segment(const struct reader *r, const struct segment *s, struct program *p)
{
	switch (s->type) {
	case PT_INTERP:
		/* binfmt_elf.c only uses the first. */
		return p->has_loader || read_loader(r, s, p);
	case PT_LOAD:
		p->writable_and_executable |= (s->flags & (PF_W | PF_X)) == (PF_W | PF_X);
		take_contents(s, p);
		return true;
	case PT_GNU_STACK:
		p->executable_stack = s->flags & PF_X;
		return true;
	case PT_NOTE:
		read_notes(r, s, p);
		return true;
	default:
		return true;
	}
}

static bool read_segments(const struct reader *r, const unsigned char *header, struct program *p)
{
	size_t size = r->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint64_t offset = r->wide ? number(r, header + 32, 8) : number(r, header + 28, 4);
	uint64_t each = number(r, header + (r->wide ? 54 : 42), 2);
	uint64_t count = number(r, header + (r->wide ? 56 : 44), 2);

	/* binfmt_elf.c: a header of another size, or none, or too many, make it no program. */
	if (each != size || count == 0 || count * size > MOST_HEADERS)
		return false;
	for (uint64_t i = 0; i < count; i++) {
		unsigned char buf[sizeof(Elf64_Phdr)];

		if (offset > INT64_MAX / 2 ||
		    sys_read_all_at(r->fd, offset + i * size, buf, size) != (ssize_t) size)
			return false;

		struct segment s = read_segment(r, buf);
		if (!take_segment(r, &s, p))
			return false;
	}

	return true;
}

#define NATIVE_ORDER (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
#define NATIVE_WIDTH (sizeof(long) == 8)

#ifndef EM_486 /* not in every elf.h */
#define EM_486 6
#endif

/*
 * elf_check_arch() of each kernel, also for 32-bit programs. Only that of RISC-V compares EI_CLASS,
 * and none compares EI_DATA.
 */
static const struct {
	uint16_t own, machine, counts_as;
	bool class_counts;
} machines[] = {
	{ EM_X86_64, EM_X86_64, EM_X86_64, false }, { EM_X86_64, EM_386, EM_386, false },
	{ EM_X86_64, EM_486, EM_386, false },	    { EM_AARCH64, EM_AARCH64, EM_AARCH64, false },
	{ EM_AARCH64, EM_ARM, EM_ARM, false },	    { EM_ARM, EM_ARM, EM_ARM, false },
	{ EM_RISCV, EM_RISCV, EM_RISCV, true },
};

/*
 * Set @r to the form in which the kernel reads the header, and *@counts_as to the machine (EM_NONE:
 * none that the kernel runs by itself). A program for another machine has the form that its first
 * bytes name. False: these bytes are invalid.
 */
static bool choose_form(const unsigned char *header, struct reader *r, uint16_t *counts_as)
{
	const struct reader native = { .big_endian = NATIVE_ORDER };
	uint16_t own = program_own_machine(), machine = (uint16_t) number(&native, header + 18, 2);
	bool known = header[EI_CLASS] == ELFCLASS64 || header[EI_CLASS] == ELFCLASS32;

	r->wide = header[EI_CLASS] == ELFCLASS64;
	r->big_endian = header[EI_DATA] == ELFDATA2MSB;
	*counts_as = EM_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (machines[i].own != own || machines[i].machine != machine)
			continue;
		*counts_as = machines[i].counts_as;
		r->big_endian = NATIVE_ORDER;
		/*
		 * The kernel tries the 64-bit form first, with the size of a program header at 54.
		 */
		if (!machines[i].class_counts)
			r->wide = machine == own && NATIVE_WIDTH &&
				  number(&native, header + 54, 2) == sizeof(Elf64_Phdr);
		return known || !machines[i].class_counts;
	}

	return known && (r->big_endian || header[EI_DATA] == ELFDATA2LSB);
}

/* @header: of a short file the kernel takes the missing bytes for zeroes. */
static void read_elf(int fd, const unsigned char header[PROGRAM_LINE], struct program *p)
{
	struct reader r = { .fd = fd };
	uint16_t counts_as;

	p->kind = PROGRAM_DAMAGED;
	p->largest_page = UINT64_MAX;
	if (!choose_form(header, &r, &counts_as))
		return;
	p->wide = r.wide;
	p->big_endian = r.big_endian;
	p->type = (uint16_t) number(&r, header + 16, 2);
	p->machine = counts_as != EM_NONE ? counts_as : (uint16_t) number(&r, header + 18, 2);
	/* The kernel does not look further into a program for another machine. */
	if (read_segments(&r, header, p) || counts_as == EM_NONE)
		p->kind = PROGRAM_ELF;
}

/* ---- scripts and other files ---- */

/* binfmt_script.c: blanks before the name, which ends at a blank, the line's end or a NUL. */
static void read_script(const char *line, size_t length, struct program *p)
{
	size_t at = 2;

	p->kind = PROGRAM_SCRIPT;
	while (at < length && (line[at] == ' ' || line[at] == '\t'))
		at++;

	size_t start = at;
	while (at < length && line[at] != '\0' && !strchr(" \t\n", line[at]))
		at++;
	p->too_long = at == PROGRAM_LINE;
	p->carriage_return = at > start && line[at - 1] == '\r';
	fmt_text(p->interpreter, sizeof(p->interpreter), "%.*s", (int) (at - start), line + start);
	while (at < length && (line[at] == ' ' || line[at] == '\t'))
		at++;

	size_t end = at;
	while (end < length && line[end] != '\n' && line[end] != '\0')
		end++;
	while (end > at && (line[end - 1] == ' ' || line[end - 1] == '\t'))
		end--;
	fmt_text(p->argument, sizeof(p->argument), "%.*s", (int) (end - at), line + at);
}

static bool is_text(const unsigned char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((bytes[i] < ' ' && !strchr("\t\n\r\f\033", bytes[i])) || bytes[i] == 0x7f)
			return false;

	return true;
}

/*
 * Formats that no Linux executes by itself. Mach-O of both widths and byte orders: loader.h of XNU.
 * gzip, xz, zstd, bzip2 and zip; a jar is a zip, too.
 */
static const struct magic {
	const char *bytes;
	size_t length;
	enum program_kind kind;
} magics[] = {
	{ "\xef\xbb\xbf#!", 5, PROGRAM_MARKED },
	{ "MZ", 2, PROGRAM_WINDOWS },
	{ "\xfe\xed\xfa\xce", 4, PROGRAM_MACOS },
	{ "\xfe\xed\xfa\xcf", 4, PROGRAM_MACOS },
	{ "\xce\xfa\xed\xfe", 4, PROGRAM_MACOS },
	{ "\xcf\xfa\xed\xfe", 4, PROGRAM_MACOS },
	{ "\0asm", 4, PROGRAM_WASM },
	{ "\x1f\x8b", 2, PROGRAM_PACKED },
	{ "\xfd"
	  "7zXZ",
	  5, PROGRAM_PACKED },
	{ "\x28\xb5\x2f\xfd", 4, PROGRAM_PACKED },
	{ "BZh", 3, PROGRAM_PACKED },
	{ "PK\3\4", 4, PROGRAM_PACKED },
	{ "version https://git-lfs.", 24, PROGRAM_POINTER },
};

static enum program_kind kind_of_other(const unsigned char *bytes, size_t length)
{
	const unsigned char oldest_class_version = 45;

	if (length == 0)
		return PROGRAM_EMPTY;
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (length >= magics[i].length &&
		    memcmp(bytes, magics[i].bytes, magics[i].length) == 0)
			return magics[i].kind;
	/* A Java class has its version there, Mach-O of several machines their small number. */
	if (length >= 8 && memcmp(bytes, "\xca\xfe\xba\xbe", 4) == 0)
		return bytes[7] >= oldest_class_version ? PROGRAM_JAVA : PROGRAM_MACOS;

	return is_text(bytes, length) ? PROGRAM_TEXT : PROGRAM_OTHER;
}

int program_read(int fd, struct program *p)
{
	const char *head = (const char *) p->head;

	memset(p, 0, sizeof(*p));

	ssize_t n = sys_read_all_at(fd, 0, p->head, sizeof(p->head));
	if (n < 0)
		return (int) n;
	if (n >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0)
		read_elf(fd, p->head, p);
	else if (n >= 2 && memcmp(head, "#!", 2) == 0)
		read_script(head, (size_t) n, p);
	else
		p->kind = kind_of_other(p->head, (size_t) n);

	return 0;
}

/* ---- machines ---- */

const char *program_machine_name(uint16_t machine)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = {
		{ EM_X86_64, "x86_64" },   { EM_AARCH64, "aarch64" },
		{ EM_386, "i386" },	   { EM_ARM, "arm" },
		{ EM_RISCV, "riscv64" },   { EM_PPC64, "ppc64" },
		{ EM_S390, "s390x" },	   { EM_MIPS, "mips" },
		{ EM_PPC, "ppc" },	   { EM_LOONGARCH, "loongarch64" },
		{ EM_SPARCV9, "sparc64" }, { EM_IA_64, "ia64" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].machine == machine)
			return names[i].name;

	return NULL;
}

/* linux/audit.h makes AUDIT_ARCH_* of EM_* and flags above it. */
uint16_t program_own_machine(void)
{
	return (uint16_t) ARCH_AUDIT;
}

bool program_is_own(const struct program *p)
{
	return p->machine == program_own_machine() && p->wide == NATIVE_WIDTH &&
	       p->big_endian == NATIVE_ORDER;
}
