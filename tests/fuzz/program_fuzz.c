/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/program_fuzz.c - the header of a program, and why it can't be executed
 *
 * The input is the file /prog of a root directory that has an interpreter and a loader of the same bytes, so a chain may
 * be as long as it likes. The last byte chooses the errno.
 */
#include "program/program.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int root;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const names[] = { "sh", "ld.so" };
	char from[600], to[700];

	(void) argc, (void) argv;
	fuzz_file("prog", "", 0);
	snprintf(from, sizeof(from), "%s/prog", fuzz_directory());
	fuzz_check(chmod(from, 0755) == 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(to, sizeof(to), "%s/%s", fuzz_directory(), names[i]);
		fuzz_check(link(from, to) == 0);
	}
	root = open(fuzz_directory(), O_PATH | O_DIRECTORY | O_CLOEXEC);
	fuzz_check(root >= 0);

	return 0;
}

static void read_header(void)
{
	struct program p;
	int fd = program_open(root, "/", "prog");

	fuzz_check(fd >= 0 && program_read(fd, &p) == 0);
	fuzz_check(memchr(p.interpreter, '\0', sizeof(p.interpreter)));
	fuzz_check(p.kind == PROGRAM_ELF || p.kind == PROGRAM_DAMAGED || p.machine == 0);
	fuzz_check(p.kind == PROGRAM_SCRIPT || (!p.carriage_return && !p.too_long));
	close(fd);
}

static void read_library(void)
{
	struct program_library l;
	int fd = program_open(root, "/", "prog");

	for (int is_musl = 0; is_musl < 2; is_musl++) {
		program_read_library(fd, is_musl, &l);
		fuzz_check(l.minor >= -1 && l.minor < 1000 && l.patch >= 0 && l.patch < 1000);
	}
	close(fd);
}

static void explain(int code)
{
	const struct program_case c = { .root = root, .cwd = "/", .path = "/prog", .code = code };
	char *text =
		malloc(ERR_HINT); /* as large as needed, so that it is seen if more is written */

	fuzz_check(text);
	fuzz_check(program_explain(&c, text, ERR_HINT) == (text[0] != '\0'));
	fuzz_check(memchr(text, '\0', ERR_HINT));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int codes[] = { ENOENT, ENOEXEC, EACCES, EPERM, ELIBBAD, ELOOP };
	int next = fuzz_next_descriptor();

	fuzz_file("prog", data, size);
	read_header();
	read_library();
	explain(codes[size > 0 ? data[size - 1] % (sizeof(codes) / sizeof(codes[0])) : 0]);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}
