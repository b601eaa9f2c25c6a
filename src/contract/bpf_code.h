/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/bpf_code.h - the two eBPF programs of contract/bpf.c, instruction by instruction
 *
 * x86-64 only. The maps of the programs are those of the counter.
 */
#pragma once

#include "contract/bpf.h"
#include "contract/btf.h"
#include "kernel/bpf.h"

/* This bit of a call's key stands for a call of i386. */
#define I386_BIT  ((uint64_t) 1 << 32)
#define NO_CHOICE INT32_MAX

/* ---- keys and values of the maps ---- */

#define EXE_SIZE 256

struct counted {
	uint64_t count;
	char comm[16];
	/* The path of the first caller's program, from exe[exe_start] on; EXE_SIZE: not known. */
	uint32_t exe_start, exe_deleted;
	char exe[EXE_SIZE];
};

/* Where a new entry is prepared. A name has up to 255 bytes, and may begin at any of exe's. */
struct counted_room {
	struct counted counted;
	char behind[EXE_SIZE];
};

struct choice {
	uint32_t index[2]; /* NO_CHOICE: no such argument */
	uint32_t offset[2];
	uint64_t mask[2];
};

struct value_key {
	uint64_t call, index, value;
};

/* The pid is the one in the process's own pid namespace, which the program compares as well. */
struct aim {
	uint32_t on, pid;
	uint64_t device, inode; /* of the pid namespace's file */
};

/* ---- programs ---- */

#define MOST_CODE 320

struct code {
	struct bpf_insn insns[MOST_CODE];
	size_t count;
	size_t exits[16]; /* jumps to the end, whose targets are set last */
	size_t exit_count;
};

/* The members of the kernel's structures that lead from a task to the path of its program. */
enum exe_offset {
	TASK_MM,
	MM_EXE_FILE,
	FILE_PATH,
	PATH_MNT,
	PATH_DENTRY,
	DENTRY_PARENT,
	DENTRY_NAME,
	NAME_LENGTH,
	NAME_TEXT,
	DENTRY_HASH,
	HASH_PREVIOUS,
	MOUNT_PARENT,
	MOUNT_PLACE,
	MOUNT_INNER,
	INNER_ROOT,
	EXE_OFFSETS,
};

/*
 * The map for new entries, of one struct counted_room for each processor, and those offsets; NULL:
 * not known, so no path is found.
 */
struct entry_code {
	int room;
	const struct btf_offset *offsets;
};

/*
 * Counts all calls, and the values of the arguments in the map @chosen: raw tracepoint sys_enter.
 * @status: the offset of that member in the kernel's struct thread_info.
 */
void bpf_write_calls(struct code *c, const struct counter *counter, const struct entry_code *entry,
		     int chosen, int32_t status);

/* Counts the calls that a filter kills or traps: raw tracepoint signal_generate. */
void bpf_write_kills(struct code *c, const struct counter *counter, const struct entry_code *entry);
