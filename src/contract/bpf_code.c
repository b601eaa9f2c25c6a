/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/bpf_code.c - the two eBPF programs, written by hand
 *
 * No compiler and no library is needed. A program runs for every call, or signal, of the host while
 * a record is made; for processes outside of the container it only compares the cgroup and ends.
 * The path of a caller's program is found at once, while the process is there: the process may have
 * ended before anyone could look at /proc/PID/exe.
 */
#include "contract/bpf_code.h"

#include <linux/audit.h>

#if defined(__x86_64__)

#define EXECVE 59

/*
 * struct thread_info of the kernel, with which task_struct begins. The bit of its status is set
 * during each call of i386, also during one that 64-bit code makes by `int $0x80`.
 */
#define TS_COMPAT 2

/* ---- instructions ---- */

static void emit(struct code *c, uint8_t op, uint8_t to, uint8_t from, int16_t offset,
		 int32_t value)
{
	if (c->count < MOST_CODE)
		c->insns[c->count++] = (struct bpf_insn) {
			.code = op, .dst_reg = to, .src_reg = from, .off = offset, .imm = value
		};
}

static void move(struct code *c, uint8_t to, uint8_t from)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0);
}

static void set(struct code *c, uint8_t to, int32_t value)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value);
}

static void add(struct code *c, uint8_t to, int32_t value)
{
	emit(c, BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value);
}

static void wide(struct code *c, uint8_t to, uint8_t kind, uint64_t value)
{
	emit(c, BPF_LD | BPF_DW | BPF_IMM, to, kind, 0, (int32_t) (uint32_t) value);
	emit(c, 0, 0, 0, 0, (int32_t) (uint32_t) (value >> 32));
}

static void map(struct code *c, int fd)
{
	wide(c, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t) fd);
}

static void load(struct code *c, uint8_t size, uint8_t to, uint8_t from, int16_t offset)
{
	emit(c, (uint8_t) (BPF_LDX | size | BPF_MEM), to, from, offset, 0);
}

static void store(struct code *c, uint8_t size, uint8_t to, int16_t offset, uint8_t from)
{
	emit(c, (uint8_t) (BPF_STX | size | BPF_MEM), to, from, offset, 0);
}

static void call(struct code *c, int32_t helper)
{
	emit(c, BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

/* @rN = the frame's pointer and @offset. */
static void frame(struct code *c, uint8_t to, int32_t offset)
{
	move(c, to, BPF_REG_10);
	add(c, to, offset);
}

/* A jump whose target is set later. */
static size_t jump(struct code *c, uint8_t op, uint8_t reg, int32_t value)
{
	emit(c, (uint8_t) (BPF_JMP | op | BPF_K), reg, 0, 0, value);

	return c->count - 1;
}

static void land(struct code *c, size_t at)
{
	c->insns[at].off = (int16_t) (c->count - at - 1);
}

static void exit_if(struct code *c, uint8_t op, uint8_t reg, int32_t value)
{
	c->exits[c->exit_count++] = jump(c, op, reg, value);
}

/*
 * ---- the program: r6 is the context, r8 the call with its architecture, r9 a value found in a map
 * ----
 */

/* Copy @size bytes of the kernel at r3 to the stack frame at @to. */
static void read_kernel(struct code *c, int32_t size, int32_t to)
{
	frame(c, BPF_REG_1, to);
	set(c, BPF_REG_2, size);
	call(c, BPF_FUNC_probe_read_kernel);
}

static void emit_scope(struct code *c, int cgroups)
{
	move(c, BPF_REG_6, BPF_REG_1);
	map(c, cgroups);
	set(c, BPF_REG_2, 0);
	call(c, BPF_FUNC_current_task_under_cgroup);
	exit_if(c, BPF_JNE, BPF_REG_0, 1);
}

/* Set r8 to the number of the call, and a bit for a call of i386. */
static void emit_call(struct code *c, int32_t status)
{
	size_t wide_call;

	call(c, BPF_FUNC_get_current_task);
	move(c, BPF_REG_3, BPF_REG_0);
	add(c, BPF_REG_3, status);
	read_kernel(c, 4, -8);
	load(c, BPF_DW, BPF_REG_8, BPF_REG_6, 8);
	emit(c, BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_8, 0, 0, 32);
	emit(c, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_8, 0, 0, 32);
	load(c, BPF_W, BPF_REG_1, BPF_REG_10, -8);
	emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, TS_COMPAT);
	wide_call = jump(c, BPF_JEQ, BPF_REG_1, 0);
	wide(c, BPF_REG_2, 0, I386_BIT);
	emit(c, BPF_ALU64 | BPF_OR | BPF_X, BPF_REG_8, BPF_REG_2, 0, 0);
	land(c, wide_call);
}

/* Nothing is counted before the execve(2) of the chosen process. */
static void emit_begin(struct code *c, int state)
{
	size_t on;

	set(c, BPF_REG_1, 0);
	store(c, BPF_W, BPF_REG_10, -4, BPF_REG_1);
	map(c, state);
	frame(c, BPF_REG_2, -4);
	call(c, BPF_FUNC_map_lookup_elem);
	exit_if(c, BPF_JEQ, BPF_REG_0, 0);
	move(c, BPF_REG_9, BPF_REG_0);
	load(c, BPF_W, BPF_REG_1, BPF_REG_9, offsetof(struct aim, on));
	on = jump(c, BPF_JNE, BPF_REG_1, 0);
	exit_if(c, BPF_JNE, BPF_REG_8, EXECVE);
	load(c, BPF_DW, BPF_REG_1, BPF_REG_9, offsetof(struct aim, device));
	load(c, BPF_DW, BPF_REG_2, BPF_REG_9, offsetof(struct aim, inode));
	frame(c, BPF_REG_3, -16);
	set(c, BPF_REG_4, 8);
	call(c, BPF_FUNC_get_ns_current_pid_tgid);
	exit_if(c, BPF_JNE, BPF_REG_0, 0);
	load(c, BPF_W, BPF_REG_1, BPF_REG_10, -12);
	load(c, BPF_W, BPF_REG_2, BPF_REG_9, offsetof(struct aim, pid));
	emit(c, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	c->exits[c->exit_count++] = c->count - 1;
	set(c, BPF_REG_1, 1);
	store(c, BPF_W, BPF_REG_9, offsetof(struct aim, on), BPF_REG_1);
	land(c, on);
}

static void look_up_call(struct code *c, int fd)
{
	store(c, BPF_DW, BPF_REG_10, -8, BPF_REG_8);
	map(c, fd);
	frame(c, BPF_REG_2, -8);
	call(c, BPF_FUNC_map_lookup_elem);
}

static void add_one(struct code *c)
{
	set(c, BPF_REG_1, 1);
	emit(c, BPF_STX | BPF_DW | BPF_XADD, BPF_REG_0, BPF_REG_1, 0, 0);
}

/* ---- the path of the caller's program: d_path() of the kernel ---- */

/*
 * Places in the stack frame. Of registers, r6 is where the path begins so far, r7 counts the steps,
 * r8 is the dentry, and r9 the entry.
 */
#define SAVED_CONTEXT -56
#define SAVED_CALL    -64
#define INNER_MOUNT   -72
#define NEXT_DENTRY   -80
#define NAME_SIZE     -88

#define MOST_STEPS 32 /* names and mounts, from the program up to the root */

/* Load the member at @offset of the kernel's structure at @from into @to. */
static void load_kernel(struct code *c, uint8_t to, uint8_t from, int32_t offset)
{
	move(c, BPF_REG_3, from);
	add(c, BPF_REG_3, offset);
	read_kernel(c, 8, -16);
	load(c, BPF_DW, to, BPF_REG_10, -16);
}

/* Begin with the file of the program, which may have no name any more. */
static void emit_exe_file(struct code *c, const struct btf_offset *o)
{
	size_t there;

	call(c, BPF_FUNC_get_current_task);
	load_kernel(c, BPF_REG_8, BPF_REG_0, o[TASK_MM].offset);
	load_kernel(c, BPF_REG_8, BPF_REG_8, o[MM_EXE_FILE].offset);
	load_kernel(c, BPF_REG_1, BPF_REG_8, o[FILE_PATH].offset + o[PATH_MNT].offset);
	store(c, BPF_DW, BPF_REG_10, INNER_MOUNT, BPF_REG_1);
	load_kernel(c, BPF_REG_8, BPF_REG_8, o[FILE_PATH].offset + o[PATH_DENTRY].offset);
	load_kernel(c, BPF_REG_1, BPF_REG_8, o[DENTRY_HASH].offset + o[HASH_PREVIOUS].offset);
	there = jump(c, BPF_JNE, BPF_REG_1, 0);
	set(c, BPF_REG_1, 1);
	store(c, BPF_W, BPF_REG_9, offsetof(struct counted, exe_deleted), BPF_REG_1);
	land(c, there);
	/*
	 * The value is loaded from memory, not set as a constant: otherwise the kernel's verifier
	 * follows both branches separately.
	 */
	load(c, BPF_W, BPF_REG_6, BPF_REG_9, offsetof(struct counted, exe_start));
	set(c, BPF_REG_7, 0);
}

/*
 * At the root of a mount, go on at the mount point. The jump is taken where the mount has no mount
 * point.
 */
static size_t emit_leave_mount(struct code *c, const struct btf_offset *o)
{
	const int32_t inner = o[MOUNT_INNER].offset;
	size_t top;

	load(c, BPF_DW, BPF_REG_2, BPF_REG_10, INNER_MOUNT);
	load_kernel(c, BPF_REG_1, BPF_REG_2, o[MOUNT_PARENT].offset - inner);
	store(c, BPF_DW, BPF_REG_10, NEXT_DENTRY, BPF_REG_1);
	load(c, BPF_DW, BPF_REG_2, BPF_REG_10, INNER_MOUNT);
	add(c, BPF_REG_2, -inner);
	emit(c, BPF_JMP | BPF_JEQ | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	top = c->count - 1;
	load(c, BPF_DW, BPF_REG_2, BPF_REG_10, INNER_MOUNT);
	load_kernel(c, BPF_REG_8, BPF_REG_2, o[MOUNT_PLACE].offset - inner);
	load(c, BPF_DW, BPF_REG_1, BPF_REG_10, NEXT_DENTRY);
	add(c, BPF_REG_1, inner);
	store(c, BPF_DW, BPF_REG_10, INNER_MOUNT, BPF_REG_1);

	return top;
}

/*
 * Put a slash and the name of the dentry in front of the path. The jumps are taken where there is
 * no room for them.
 */
static void emit_name(struct code *c, const struct btf_offset *o, size_t full[2])
{
	const int32_t name = o[DENTRY_NAME].offset;

	move(c, BPF_REG_3, BPF_REG_8);
	add(c, BPF_REG_3, name + o[NAME_LENGTH].offset);
	read_kernel(c, 4, NAME_SIZE);
	load_kernel(c, BPF_REG_3, BPF_REG_8, name + o[NAME_TEXT].offset);
	load(c, BPF_W, BPF_REG_2, BPF_REG_10, NAME_SIZE);
	full[0] = jump(c, BPF_JGT, BPF_REG_2, EXE_SIZE - 1);
	emit(c, BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_6, BPF_REG_2, 0, 0);
	add(c, BPF_REG_6, -1);
	full[1] = jump(c, BPF_JSLT, BPF_REG_6, 0);
	/* The verifier of older kernels takes bounds from a mask only. */
	emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_6, 0, 0, EXE_SIZE - 1);
	emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, EXE_SIZE - 1);
	move(c, BPF_REG_1, BPF_REG_9);
	emit(c, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, BPF_REG_6, 0, 0);
	emit(c, BPF_ST | BPF_B | BPF_MEM, BPF_REG_1, 0, offsetof(struct counted, exe), '/');
	add(c, BPF_REG_1, offsetof(struct counted, exe) + 1);
	call(c, BPF_FUNC_probe_read_kernel);
}

/*
 * Walk up to the root of all mounts. A memory file has no directory: its dentry is its own parent,
 * but not the root of a mount.
 */
static void emit_walk(struct code *c, const struct btf_offset *o)
{
	size_t again = c->count, inside, top, on, full[2], alone, back;

	load(c, BPF_DW, BPF_REG_2, BPF_REG_10, INNER_MOUNT);
	load_kernel(c, BPF_REG_1, BPF_REG_2, o[INNER_ROOT].offset);
	emit(c, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_8, 0, 0);
	inside = c->count - 1;
	top = emit_leave_mount(c, o);
	on = jump(c, BPF_JA, 0, 0);

	land(c, inside);
	load_kernel(c, BPF_REG_1, BPF_REG_8, o[DENTRY_PARENT].offset);
	store(c, BPF_DW, BPF_REG_10, NEXT_DENTRY, BPF_REG_1);
	emit_name(c, o, full);
	load(c, BPF_DW, BPF_REG_1, BPF_REG_10, NEXT_DENTRY);
	emit(c, BPF_JMP | BPF_JEQ | BPF_X, BPF_REG_1, BPF_REG_8, 0, 0);
	alone = c->count - 1;
	move(c, BPF_REG_8, BPF_REG_1);

	land(c, on);
	add(c, BPF_REG_7, 1);
	back = jump(c, BPF_JLT, BPF_REG_7, MOST_STEPS);
	c->insns[back].off = (int16_t) ((int) again - (int) c->count);
	land(c, full[0]);
	land(c, full[1]);
	set(c, BPF_REG_6, EXE_SIZE);
	land(c, top);
	land(c, alone);
	store(c, BPF_W, BPF_REG_9, offsetof(struct counted, exe_start), BPF_REG_6);
}

/* ---- counting ---- */

/*
 * Prepare a new entry in r9: one call, by this process. The jump is taken where there is no room
 * for the entry.
 */
static size_t emit_entry(struct code *c, const struct entry_code *entry)
{
	size_t no_room;

	set(c, BPF_REG_1, 0);
	store(c, BPF_W, BPF_REG_10, -16, BPF_REG_1);
	map(c, entry->room);
	frame(c, BPF_REG_2, -16);
	call(c, BPF_FUNC_map_lookup_elem);
	no_room = jump(c, BPF_JEQ, BPF_REG_0, 0);
	move(c, BPF_REG_9, BPF_REG_0);
	emit(c, BPF_ST | BPF_DW | BPF_MEM, BPF_REG_9, 0, offsetof(struct counted, count), 1);
	emit(c, BPF_ST | BPF_W | BPF_MEM, BPF_REG_9, 0, offsetof(struct counted, exe_start),
	     EXE_SIZE);
	emit(c, BPF_ST | BPF_W | BPF_MEM, BPF_REG_9, 0, offsetof(struct counted, exe_deleted), 0);
	move(c, BPF_REG_1, BPF_REG_9);
	add(c, BPF_REG_1, offsetof(struct counted, comm));
	set(c, BPF_REG_2, sizeof(((struct counted *) 0)->comm));
	call(c, BPF_FUNC_get_current_comm);
	if (!entry->offsets)
		return no_room;
	store(c, BPF_DW, BPF_REG_10, SAVED_CONTEXT, BPF_REG_6);
	store(c, BPF_DW, BPF_REG_10, SAVED_CALL, BPF_REG_8);
	emit_exe_file(c, entry->offsets);
	emit_walk(c, entry->offsets);
	load(c, BPF_DW, BPF_REG_6, BPF_REG_10, SAVED_CONTEXT);
	load(c, BPF_DW, BPF_REG_8, BPF_REG_10, SAVED_CALL);

	return no_room;
}

/* Only the first call of a kind pays for the name and path of its process. */
static void emit_count(struct code *c, int counts, const struct entry_code *entry)
{
	size_t known, made, gone, no_room;

	look_up_call(c, counts);
	known = jump(c, BPF_JNE, BPF_REG_0, 0);
	no_room = emit_entry(c, entry);
	map(c, counts);
	frame(c, BPF_REG_2, -8);
	move(c, BPF_REG_3, BPF_REG_9);
	set(c, BPF_REG_4, BPF_NOEXIST);
	call(c, BPF_FUNC_map_update_elem);
	made = jump(c, BPF_JEQ, BPF_REG_0, 0);
	/* If another processor has added the call meanwhile, its entry is used. */
	look_up_call(c, counts);
	gone = jump(c, BPF_JEQ, BPF_REG_0, 0);
	land(c, known);
	add_one(c);
	land(c, made);
	land(c, gone);
	land(c, no_room);
}

/* A value that is known already only costs a look-up. */
static void emit_value(struct code *c, int values, size_t which)
{
	size_t there;

	load(c, BPF_W, BPF_REG_1, BPF_REG_9,
	     (int16_t) (offsetof(struct choice, index) + 4 * which));
	exit_if(c, BPF_JEQ, BPF_REG_1, (int32_t) NO_CHOICE);
	store(c, BPF_DW, BPF_REG_10, -32, BPF_REG_1);
	store(c, BPF_DW, BPF_REG_10, -40, BPF_REG_8);
	load(c, BPF_W, BPF_REG_1, BPF_REG_9,
	     (int16_t) (offsetof(struct choice, offset) + 4 * which));
	load(c, BPF_DW, BPF_REG_3, BPF_REG_6, 0);
	emit(c, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_3, BPF_REG_1, 0, 0);
	read_kernel(c, 8, -24);
	load(c, BPF_DW, BPF_REG_1, BPF_REG_10, -24);
	load(c, BPF_DW, BPF_REG_2, BPF_REG_9,
	     (int16_t) (offsetof(struct choice, mask) + 8 * which));
	emit(c, BPF_ALU64 | BPF_AND | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	store(c, BPF_DW, BPF_REG_10, -24, BPF_REG_1);
	map(c, values);
	frame(c, BPF_REG_2, -40);
	call(c, BPF_FUNC_map_lookup_elem);
	there = jump(c, BPF_JNE, BPF_REG_0, 0);
	map(c, values);
	frame(c, BPF_REG_2, -40);
	frame(c, BPF_REG_3, -40);
	set(c, BPF_REG_4, BPF_ANY);
	call(c, BPF_FUNC_map_update_elem);
	land(c, there);
}

static void emit_end(struct code *c)
{
	for (size_t i = 0; i < c->exit_count; i++)
		land(c, c->exits[i]);
	set(c, BPF_REG_0, 0);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/*
 * ---- the second program, on signal_generate: calls that a filter kills or traps ----
 *
 * Such a call never reaches sys_enter. The kernel sends SIGSYS for it, with siginfo(2) of
 * SYS_SECCOMP, whose fields have the same offsets in the kernel as in user space.
 */

#define INFO_SIZE	 32
#define INFO_CODE	 8
#define INFO_CALL	 24
#define INFO_ARCH	 28
#define NUMBER_OF_SIGSYS 31
#define CODE_SYS_SECCOMP 1

static void emit_killed_call(struct code *c)
{
	const int info = -64;
	size_t wide_call;

	load(c, BPF_DW, BPF_REG_1, BPF_REG_6, 0);
	exit_if(c, BPF_JNE, BPF_REG_1, NUMBER_OF_SIGSYS);
	load(c, BPF_DW, BPF_REG_3, BPF_REG_6, 8);
	frame(c, BPF_REG_1, info);
	set(c, BPF_REG_2, INFO_SIZE);
	call(c, BPF_FUNC_probe_read_kernel);
	exit_if(c, BPF_JNE, BPF_REG_0, 0);
	load(c, BPF_W, BPF_REG_1, BPF_REG_10, info + INFO_CODE);
	exit_if(c, BPF_JNE, BPF_REG_1, CODE_SYS_SECCOMP);
	load(c, BPF_W, BPF_REG_8, BPF_REG_10, info + INFO_CALL);
	load(c, BPF_W, BPF_REG_1, BPF_REG_10, info + INFO_ARCH);
	wide_call = jump(c, BPF_JNE, BPF_REG_1, (int32_t) AUDIT_ARCH_I386);
	wide(c, BPF_REG_2, 0, I386_BIT);
	emit(c, BPF_ALU64 | BPF_OR | BPF_X, BPF_REG_8, BPF_REG_2, 0, 0);
	land(c, wide_call);
}

/* ---- both programs ---- */

void bpf_write_calls(struct code *c, const struct counter *counter, const struct entry_code *entry,
		     int chosen, int32_t status)
{
	emit_scope(c, counter->cgroup);
	emit_call(c, status);
	emit_begin(c, counter->state);
	emit_count(c, counter->counts, entry);
	look_up_call(c, chosen);
	exit_if(c, BPF_JEQ, BPF_REG_0, 0);
	move(c, BPF_REG_9, BPF_REG_0);
	emit_value(c, counter->values, 0);
	emit_value(c, counter->values, 1);
	emit_end(c);
}

void bpf_write_kills(struct code *c, const struct counter *counter, const struct entry_code *entry)
{
	emit_scope(c, counter->cgroup);
	emit_killed_call(c);
	emit_count(c, counter->counts, entry);
	emit_end(c);
}

#endif
