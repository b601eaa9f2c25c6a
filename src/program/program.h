/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * program/program.h - what execve(2) reads from a file: an ELF header, a `#!` line, or neither
 *
 * Only headers, notes and the first line are read, in bounds, of a regular file that somebody else
 * made: elf(5), execve(2), binfmt_script and binfmt_elf of the kernel. Nothing is executed or
 * allocated; no file is opened but below the root directory that is given. Runs in tare, best in a
 * child of it: a filesystem in user space may not answer.
 */
#pragma once

#include "base/err.h"

#include <linux/limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* BINPRM_BUF_SIZE: the part of a `#!` line that the kernel reads since Linux 5.1. */
#define PROGRAM_LINE 256
#define PROGRAM_NAME 256

enum program_kind {
	PROGRAM_EMPTY,
	PROGRAM_ELF,
	PROGRAM_DAMAGED, /* the ELF header is invalid */
	PROGRAM_SCRIPT,	 /* its first line is `#!` and something */
	PROGRAM_MARKED,	 /* a `#!` line behind a byte order mark */
	PROGRAM_TEXT,	 /* no `#!`, but text */
	PROGRAM_WINDOWS,
	PROGRAM_MACOS,
	PROGRAM_WASM,
	PROGRAM_JAVA,
	PROGRAM_PACKED,	 /* compressed, or an archive */
	PROGRAM_POINTER, /* text that git-lfs(1) keeps in the place of a file */
	PROGRAM_OTHER,
};

struct program {
	enum program_kind kind;
	unsigned char head[PROGRAM_LINE]; /* its first bytes; zeroes behind the end of the file */
	/* the interpreter of a script, the loader of an ELF program; "": none */
	char interpreter[PATH_MAX];
	/* PROGRAM_SCRIPT: the name ends in a carriage return, as the kernel takes it */
	bool carriage_return;
	/* the name does not end within the part that the kernel reads */
	bool too_long;
	char argument[PROGRAM_LINE]; /* the text behind the interpreter, without blanks around it */
	/* PROGRAM_ELF */
	uint16_t machine, type; /* EM_*, ET_* */
	/* 64-bit; the byte order: as the kernel takes the file, whatever its first bytes say */
	bool wide, big_endian;
	bool has_loader; /* PT_INTERP; its name may be empty */
	bool has_abi;	 /* note NT_GNU_ABI_TAG: the oldest Linux it runs on */
	uint32_t abi[3];
	uint32_t x86_levels; /* note GNU_PROPERTY_X86_ISA_1_NEEDED: bit N is x86-64-v(N+1) */
	/*
	 * The kernel can map all segments if its pages are not larger; UINT64_MAX: pages of any
	 * size.
	 */
	uint64_t largest_page;
	bool overfull;		      /* a segment has more bytes in the file than in memory */
	bool executable_stack;	      /* PT_GNU_STACK */
	bool writable_and_executable; /* a segment has both rights */
};

/* Read the regular file @fd, open for reading. 0, or -errno with nothing in @p to rely on. */
int program_read(int fd, struct program *p);

/* The usual name of the machine EM_*: "aarch64"; NULL: unknown. */
const char *program_machine_name(uint16_t machine);

/* The EM_* of the machine that tare runs on. */
uint16_t program_own_machine(void);

/* Is the program for that machine, in its byte order, and of the same width as tare itself? */
bool program_is_own(const struct program *p);

/* ---- vsyscall.c ---- */

/*
 * Does the code of the file @fd call the vsyscall page of x86-64, which newer kernels may not have?
 * 16 MiB of the file are read.
 */
bool program_calls_vsyscall(int fd);

/* ---- library.c ---- */

struct program_library {
	bool is_musl;
	int minor, patch; /* of musl 1.MINOR.PATCH, or of glibc 2.MINOR; -1: not found */
	bool has_time64;  /* a 32-bit library with a 64-bit time */
};

/* Search the C library @fd for its version; 16 MiB of it are read. */
void program_read_library(int fd, bool is_musl, struct program_library *l);

/* ---- find.c ---- */

/*
 * Open @path as a process with root @root and working directory @cwd (absolute below that root)
 * would; without magic links, and never outside of the root. Regular files only, O_NONBLOCK, for
 * reading: the descriptor; -EACCES for any other file; -errno.
 */
int program_open(int root, const char *cwd, const char *path);

/* The same for the file @place, opened with O_PATH; an error in @place is returned. */
int program_reopen(int place);

/* ---- explain.c ---- */

/*
 * capabilities(7): execve(2) returns EPERM if the bounding set lacks one of these capabilities of
 * the file @fd, open for reading. 0: the file has none for which that holds.
 */
uint64_t program_capabilities(int fd);

/*
 * Why does the kernel not take the file @p as a program? False, and "": the file shows no reason.
 */
bool program_explain_format(const struct program *p, char *text, size_t size);

/*
 * The interpreter or loader that @p names is missing from the container with the root @root. @name:
 * of the file @p; NULL: it is the program itself.
 */
void program_explain_missing(int root, const char *name, const struct program *p, char *text,
			     size_t size);

struct program_case {
	int root;	  /* O_PATH: the container's root directory */
	const char *cwd;  /* the working directory in it */
	const char *path; /* of the program */
	int code;	  /* errno of execve(2), positive */
};

/*
 * A hint about the error of execve(2): "the file is there; its interpreter "/bin/bash" is not".
 * False where the file shows no reason, and @text is "".
 */
bool program_explain(const struct program_case *c, char *text, size_t size);
