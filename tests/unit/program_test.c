/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/program_test.c - program/read.c: what is read from headers and notes
 *
 * The programs are made here, byte by byte; why an execve(2) failed is tests/integration/test_exec_words.py's.
 */
#include "base/table.h"
#include "kernel/memory.h"
#include "kernel/sys.h"
#include "program/program.h"

#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[4];
	char loader[8];
	unsigned char abi[32], properties[32];
};

static void note(unsigned char *to, uint32_t type, const uint32_t *words, size_t count)
{
	const uint32_t head[3] = { 4, (uint32_t) (count * 4), type };

	memcpy(to, head, sizeof(head));
	memcpy(to + sizeof(head), "GNU", 4);
	memcpy(to + 16, words, count * 4);
}

static struct image image(void)
{
	static const uint32_t abi[4] = { ELF_NOTE_OS_LINUX, 3, 2, 9 };
	static const uint32_t properties[4] = { GNU_PROPERTY_X86_ISA_1_NEEDED, 4, 5, 0 };
	struct image i = {
		.header = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_DYN,
			.e_machine = program_own_machine(),
			.e_phoff = offsetof(struct image, segments),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 4,
		},
		.segments = {
			{ .p_type = PT_INTERP, .p_offset = offsetof(struct image, loader), .p_filesz = 8 },
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_vaddr = 0x1000, .p_filesz = 1, .p_memsz = 1 },
			{ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W | PF_X },
			{ .p_type = PT_NOTE, .p_offset = offsetof(struct image, abi), .p_filesz = 64, .p_align = 8 },
		},
		.loader = "/lib/ld",
	};

	note(i.abi, NT_GNU_ABI_TAG, abi, ARRAY_SIZE(abi));
	note(i.properties, NT_GNU_PROPERTY_TYPE_0, properties, ARRAY_SIZE(properties));

	return i;
}

static struct program read_bytes(const void *bytes, size_t size)
{
	struct program p;
	int fd = sys_memfd_create("program");

	assert_true(fd >= 0);
	assert_int_equal(sys_write_all(fd, bytes, size), 0);
	assert_int_equal(program_read(fd, &p), 0);
	sys_close(fd);

	return p;
}

static void a_program_tells_all_that_it_needs(void **state)
{
	const struct image i = image();
	const struct program p = read_bytes(&i, sizeof(i));

	(void) state;
	assert_int_equal(p.kind, PROGRAM_ELF);
	assert_string_equal(p.interpreter, "/lib/ld");
	assert_int_equal(p.type, ET_DYN);
	assert_true(p.wide && !p.big_endian);
	assert_int_equal(p.largest_page, 0x1000);
	assert_true(p.has_loader && !p.overfull);
	assert_true(p.executable_stack && p.writable_and_executable);
	assert_true(p.has_abi);
	assert_int_equal(p.abi[0], 3);
	assert_int_equal(p.abi[1], 2);
	assert_int_equal(p.abi[2], 9);
	assert_int_equal(p.x86_levels, 5);
}

static void a_program_that_asks_for_nothing_has_nothing(void **state)
{
	struct image i = image();

	(void) state;
	i.segments[0].p_type = i.segments[2].p_type = i.segments[3].p_type = PT_NULL;
	i.segments[1].p_flags = PF_R | PF_X;

	const struct program p = read_bytes(&i, sizeof(i));
	assert_int_equal(p.kind, PROGRAM_ELF);
	assert_string_equal(p.interpreter, "");
	assert_false(p.has_abi || p.executable_stack || p.writable_and_executable);
	assert_int_equal(p.x86_levels, 0);
}

static void the_other_form_and_byte_order_are_read(void **state)
{
	static const unsigned char
		bytes
			[84] = {
				0x7f,	     'E',	 'L',	    'F',	 ELFCLASS32,
				ELFDATA2MSB, EV_CURRENT, [16] = 0,  ET_EXEC,	 0,
				EM_PPC,	     [31] = 52,	 [43] = 32, [45] = 1,	 [52] = 0,
				0,	     0,		 PT_LOAD,   [82] = 0x10, 0,
			};
	const struct program p = read_bytes(bytes, sizeof(bytes));

	(void) state;
	assert_int_equal(p.kind, PROGRAM_ELF);
	assert_true(!p.wide && p.big_endian);
	assert_int_equal(p.machine, EM_PPC);
	assert_string_equal(program_machine_name(p.machine), "ppc");
}

/* execve(2): all behind the interpreter is one argument. */
static void a_script_tells_interpreter_and_argument(void **state)
{
	static const struct {
		const char *line, *interpreter, *argument;
	} cases[] = {
		{ "#!/bin/sh", "/bin/sh", "" },
		{ "#! \t/bin/sh \n-x", "/bin/sh", "" },
		{ "#!/bin/sh -x\t y \t\nz", "/bin/sh", "-x\t y" },
		{ "#!/bin/sh\r\n", "/bin/sh\r", "" },
		{ "#!", "", "" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct program p = read_bytes(cases[i].line, strlen(cases[i].line));

		assert_int_equal(p.kind, PROGRAM_SCRIPT);
		assert_string_equal(p.interpreter, cases[i].interpreter);
		assert_string_equal(p.argument, cases[i].argument);
	}
}

/* Each of these alone makes the kernel say ENOEXEC, or is beyond the file. */
static void a_header_that_does_not_hold_is_damaged(void **state)
{
	struct image wrong[6];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		wrong[i] = image();
	wrong[0].header.e_phentsize = 32;
	wrong[1].header.e_phnum = 0;
	wrong[2].header.e_phoff = UINT64_MAX - 8;
	wrong[3].segments[0].p_filesz = 1;
	wrong[4].segments[0].p_filesz = PATH_MAX + 1;
	wrong[5].loader[7] = 'x';
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(read_bytes(&wrong[i], sizeof(wrong[i])).kind, PROGRAM_DAMAGED);
	assert_int_equal(read_bytes(&wrong[0], 40).kind, PROGRAM_DAMAGED);
}

static void notes_without_sense_are_left_out(void **state)
{
	struct image i = image();
	const uint32_t huge = UINT32_MAX;

	(void) state;
	memcpy(i.abi + 4, &huge, 4); /* the size of its data */

	const struct program p = read_bytes(&i, sizeof(i));
	assert_int_equal(p.kind, PROGRAM_ELF);
	assert_false(p.has_abi);
	assert_int_equal(p.x86_levels, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_tells_all_that_it_needs),
		cmocka_unit_test(a_program_that_asks_for_nothing_has_nothing),
		cmocka_unit_test(the_other_form_and_byte_order_are_read),
		cmocka_unit_test(a_script_tells_interpreter_and_argument),
		cmocka_unit_test(a_header_that_does_not_hold_is_damaged),
		cmocka_unit_test(notes_without_sense_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
