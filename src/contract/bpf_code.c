/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/bpf_code.c - the two eBPF programs, written by hand
 *
 * No compiler and no library is needed. A program runs for every call, or signal, of the host while
 * a record is made; for processes outside of the container it only compares the cgroup and ends.
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

static void emit_count(struct code *c, int counts)
{
	size_t known, made, gone;

	look_up_call(c, counts);
	known = jump(c, BPF_JNE, BPF_REG_0, 0);
	set(c, BPF_REG_1, 1);
	store(c, BPF_DW, BPF_REG_10, -32, BPF_REG_1);
	frame(c, BPF_REG_1, -24);
	set(c, BPF_REG_2, 16);
	call(c, BPF_FUNC_get_current_comm);
	map(c, counts);
	frame(c, BPF_REG_2, -8);
	frame(c, BPF_REG_3, -32);
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

/* ---- both, as a whole ---- */

void bpf_write_calls(struct code *c, const struct counter *counter, int chosen, int32_t status)
{
	emit_scope(c, counter->cgroup);
	emit_call(c, status);
	emit_begin(c, counter->state);
	emit_count(c, counter->counts);
	look_up_call(c, chosen);
	exit_if(c, BPF_JEQ, BPF_REG_0, 0);
	move(c, BPF_REG_9, BPF_REG_0);
	emit_value(c, counter->values, 0);
	emit_value(c, counter->values, 1);
	emit_end(c);
}

void bpf_write_kills(struct code *c, const struct counter *counter)
{
	emit_scope(c, counter->cgroup);
	emit_killed_call(c);
	emit_count(c, counter->counts);
	emit_end(c);
}

#endif
