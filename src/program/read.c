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

#define MOST_HEADERS  65536 /* bytes of program headers, load_elf_phdrs() of the kernel */
#define MOST_SEGMENTS 64
#define NOTES_SIZE    4096

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
	uint64_t offset, size, alignment;
};

static struct segment read_segment(const struct reader *r, const unsigned char *at)
{
	struct segment s = { .type = (uint32_t) number(r, at, 4) };

	if (r->wide) {
		s.flags = (uint32_t) number(r, at + 4, 4);
		s.offset = number(r, at + 8, 8);
		s.size = number(r, at + 32, 8);
		s.alignment = number(r, at + 48, 8);
	} else {
		s.offset = number(r, at + 4, 4);
		s.size = number(r, at + 16, 4);
		s.flags = (uint32_t) number(r, at + 24, 4);
		s.alignment = number(r, at + 28, 4);
	}

	return s;
}

/* The kernel demands a NUL at the end, and a name: binfmt_elf.c. */
static bool read_loader(const struct reader *r, const struct segment *s, struct program *p)
{
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

static bool take_segment(const struct reader *r, const struct segment *s, struct program *p)
{
	switch (s->type) {
	case PT_INTERP:
		/* binfmt_elf.c only uses the first. */
		return p->interpreter[0] != '\0' || read_loader(r, s, p);
	case PT_LOAD:
		p->writable_and_executable |= (s->flags & (PF_W | PF_X)) == (PF_W | PF_X);
		if (s->alignment > p->alignment)
			p->alignment = s->alignment;
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
	for (uint64_t i = 0; i < count && i < MOST_SEGMENTS; i++) {
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

static void read_elf(int fd, const unsigned char *header, size_t length, struct program *p)
{
	struct reader r = {
		.fd = fd,
		.wide = header[EI_CLASS] == ELFCLASS64,
		.big_endian = header[EI_DATA] == ELFDATA2MSB,
	};
	bool known = (r.wide || header[EI_CLASS] == ELFCLASS32) &&
		     (r.big_endian || header[EI_DATA] == ELFDATA2LSB);

	p->kind = PROGRAM_DAMAGED;
	if (!known || length < (r.wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return;
	p->wide = r.wide;
	p->big_endian = r.big_endian;
	p->type = (uint16_t) number(&r, header + 16, 2);
	p->machine = (uint16_t) number(&r, header + 18, 2);
	/* The kernel does not look further into a program for another machine. */
	if (read_segments(&r, header, p) || p->machine != program_own_machine())
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

static enum program_kind kind_of_other(const unsigned char *bytes, size_t length)
{
	/*
	 * Mach-O, of both widths and byte orders, and a file of several: loader.h and fat.h of XNU.
	 */
	static const unsigned char macos[][4] = { { 0xfe, 0xed, 0xfa, 0xce },
						  { 0xfe, 0xed, 0xfa, 0xcf },
						  { 0xce, 0xfa, 0xed, 0xfe },
						  { 0xcf, 0xfa, 0xed, 0xfe } };

	if (length == 0)
		return PROGRAM_EMPTY;
	if (length >= 5 && memcmp(bytes, "\xef\xbb\xbf#!", 5) == 0)
		return PROGRAM_MARKED;
	if (length >= 2 && memcmp(bytes, "MZ", 2) == 0)
		return PROGRAM_WINDOWS;
	for (size_t i = 0; i < ARRAY_SIZE(macos); i++)
		if (length >= 4 && memcmp(bytes, macos[i], 4) == 0)
			return PROGRAM_MACOS;

	return is_text(bytes, length) ? PROGRAM_TEXT : PROGRAM_OTHER;
}

int program_read(int fd, struct program *p)
{
	unsigned char head[PROGRAM_LINE];
	ssize_t n = sys_read_all_at(fd, 0, head, sizeof(head));

	memset(p, 0, sizeof(*p));
	if (n < 0)
		return (int) n;
	if (n >= EI_NIDENT && memcmp(head, ELFMAG, SELFMAG) == 0)
		read_elf(fd, head, (size_t) n, p);
	else if (n >= 2 && memcmp(head, "#!", 2) == 0)
		read_script((const char *) head, (size_t) n, p);
	else
		p->kind = kind_of_other(head, (size_t) n);

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
	return p->machine == program_own_machine() && p->wide == (sizeof(long) == 8);
}
