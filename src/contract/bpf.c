/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/bpf.c - the kernel counts calls: an eBPF program on the raw tracepoint sys_enter
 *
 * The program is written by hand, so no compiler and no library is needed. It runs for every call
 * of the host while a record is made. For processes outside of the container it only compares the
 * cgroup and ends. It reads the arguments from the saved registers, at the offsets that user space
 * gives for each call.
 */
#include "contract/bpf.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/bpf.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#define MOST_CALLS  2048
#define MOST_VALUES 16384

#if defined(__x86_64__)

/* struct pt_regs of the kernel: the offsets of user space's registers. */
#define REGS_CS	  136
#define USER32_CS 0x23
#define EXECVE	  59
#define I386_BIT  ((uint64_t) 1 << 32)
#define NO_CHOICE INT32_MAX

static const uint32_t registers[2][6] = {
	{ 112, 104, 96, 56, 72, 64 }, /* di si dx r10 r8 r9 */
	{ 40, 88, 96, 104, 112, 32 }, /* bx cx dx si di bp */
};

struct counted {
	uint64_t count;
	char comm[16];
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

/* ---- instructions ---- */

#define MOST_CODE 160

struct code {
	struct bpf_insn insns[MOST_CODE];
	size_t count;
	size_t exits[16]; /* jumps to the end, whose targets are set last */
	size_t exit_count;
};

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

/* Copy 8 bytes of the saved registers at r3 to the stack frame at @to. */
static void read_register(struct code *c, int32_t to)
{
	frame(c, BPF_REG_1, to);
	set(c, BPF_REG_2, 8);
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

/* Set r8 to the number of the call, and a bit for a 32-bit program. */
static void emit_call(struct code *c)
{
	size_t wide_program;

	load(c, BPF_DW, BPF_REG_3, BPF_REG_6, 0);
	add(c, BPF_REG_3, REGS_CS);
	read_register(c, -8);
	load(c, BPF_DW, BPF_REG_8, BPF_REG_6, 8);
	emit(c, BPF_ALU64 | BPF_LSH | BPF_K, BPF_REG_8, 0, 0, 32);
	emit(c, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_8, 0, 0, 32);
	load(c, BPF_DW, BPF_REG_1, BPF_REG_10, -8);
	wide_program = jump(c, BPF_JNE, BPF_REG_1, USER32_CS);
	wide(c, BPF_REG_2, 0, I386_BIT);
	emit(c, BPF_ALU64 | BPF_OR | BPF_X, BPF_REG_8, BPF_REG_2, 0, 0);
	land(c, wide_program);
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
	read_register(c, -24);
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
	size_t wide_program;

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
	wide_program = jump(c, BPF_JNE, BPF_REG_1, (int32_t) AUDIT_ARCH_I386);
	wide(c, BPF_REG_2, 0, I386_BIT);
	emit(c, BPF_ALU64 | BPF_OR | BPF_X, BPF_REG_8, BPF_REG_2, 0, 0);
	land(c, wide_program);
}

/* ---- maps ---- */

static int make_map(uint32_t type, uint32_t key, uint32_t value, uint32_t most)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key;
	attr.value_size = value;
	attr.max_entries = most;

	return sys_bpf(BPF_MAP_CREATE, &attr);
}

static int map_call(int command, int fd, const void *key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t) fd;
	attr.key = (uintptr_t) key;
	attr.value = (uintptr_t) value;

	return sys_bpf(command, &attr);
}

/* Let the program keep the arguments of call @name on @arch, if @arch has the call. */
static int choose(int chosen, const char *name, enum call_arch arch)
{
	const struct call_row *row = call_find_name(name);
	int number = row ? call_number(row, arch) : -1;
	bool narrow = arch == CALL_I386;
	uint64_t key = (narrow ? I386_BIT : 0) | (uint64_t) number;
	struct choice c = { .index = { NO_CHOICE, NO_CHOICE } };
	const struct chosen_argument *first;
	size_t count = chosen_arguments(name, &first);

	for (size_t i = 0; i < count && i < 2; i++) {
		c.index[i] = first[i].index;
		c.offset[i] = registers[narrow][first[i].index];
		c.mask[i] = first[i].mask;
	}

	return number < 0 ? 0 : map_call(BPF_MAP_UPDATE_ELEM, chosen, &key, &c);
}

static int choose_all(int chosen)
{
	static const enum call_arch archs[] = { CALL_X86_64, CALL_I386, CALL_X32 };
	const char *name;
	int r = 0;

	for (size_t i = 0; r == 0 && (name = chosen_call(i)); i++)
		for (size_t k = 0; r == 0 && k < ARRAY_SIZE(archs); k++)
			r = choose(chosen, name, archs[k]);

	return r;
}

static int load_program(const struct code *c)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT;
	attr.insns = (uintptr_t) c->insns;
	attr.insn_cnt = (uint32_t) c->count;
	/* Some helpers are only for programs under the GPL; this program may be used under it. */
	attr.license = (uintptr_t) "GPL";
	memcpy(attr.prog_name, "tare_calls", sizeof("tare_calls"));

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

static int attach(int program, const char *tracepoint)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.name = (uintptr_t) tracepoint;
	attr.raw_tracepoint.prog_fd = (uint32_t) program;

	return sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
}

static int make_program(const struct counter *c, int chosen)
{
	struct code code = { .count = 0 };

	emit_scope(&code, c->cgroup);
	emit_call(&code);
	emit_begin(&code, c->state);
	emit_count(&code, c->counts);
	look_up_call(&code, chosen);
	exit_if(&code, BPF_JEQ, BPF_REG_0, 0);
	move(&code, BPF_REG_9, BPF_REG_0);
	emit_value(&code, c->values, 0);
	emit_value(&code, c->values, 1);
	emit_end(&code);

	return load_program(&code);
}

int counter_open(struct counter *c)
{
	autoclose int chosen = make_map(BPF_MAP_TYPE_HASH, 8, sizeof(struct choice), 256);

	if (chosen < 0)
		return chosen;
	*c = (struct counter) {
		.counts = make_map(BPF_MAP_TYPE_HASH, 8, sizeof(struct counted), MOST_CALLS),
		.values = make_map(BPF_MAP_TYPE_HASH, sizeof(struct value_key), 8, MOST_VALUES),
		.state = make_map(BPF_MAP_TYPE_ARRAY, 4, sizeof(struct aim), 1),
		.cgroup = make_map(BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 1),
		.link = -1,
	};

	int r = choose_all(chosen);
	autoclose int program = r < 0 ? r : make_program(c, chosen);
	c->link = program < 0 ? program : attach(program, "sys_enter");
	if (c->link >= 0)
		return 0;
	r = c->link;
	counter_close(c);

	return r;
}

int counter_open_kills(struct counter *c)
{
	struct code code = { .count = 0 };

	*c = (struct counter) COUNTER_NONE;
	c->counts = make_map(BPF_MAP_TYPE_HASH, 8, sizeof(struct counted), MOST_CALLS);
	c->cgroup = make_map(BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 1);
	emit_scope(&code, c->cgroup);
	emit_killed_call(&code);
	emit_count(&code, c->counts);
	emit_end(&code);

	autoclose int program = load_program(&code);
	int r = c->link = program < 0 ? program : attach(program, "signal_generate");
	if (r < 0)
		counter_close(c);

	return r < 0 ? r : 0;
}

int counter_aim_kills(const struct counter *c, int cgroup)
{
	const uint32_t zero = 0;

	return map_call(BPF_MAP_UPDATE_ELEM, c->cgroup, &zero, &cgroup);
}

int counter_aim(const struct counter *c, int cgroup, pid_t pid)
{
	struct aim aim = { .pid = (uint32_t) proc_inner_pid(pid) };
	const uint32_t zero = 0;
	char path[32];
	struct stat ns;

	fmt_text(path, sizeof(path), "/proc/%d/ns/pid", pid);

	int r = sys_stat_at(AT_FDCWD, path, 0, &ns);
	if (r < 0 || aim.pid == 0)
		return r < 0 ? r : -ESRCH;
	aim.device = ns.st_dev;
	aim.inode = ns.st_ino;
	r = map_call(BPF_MAP_UPDATE_ELEM, c->state, &zero, &aim);

	return r < 0 ? r : map_call(BPF_MAP_UPDATE_ELEM, c->cgroup, &zero, &cgroup);
}

bool counter_has_begun(int state)
{
	const uint32_t zero = 0;
	struct aim aim = { .on = 0 };

	return map_call(BPF_MAP_LOOKUP_ELEM, state, &zero, &aim) == 0 && aim.on != 0;
}

static uint32_t audit_of(uint64_t call_key)
{
	return call_key & I386_BIT ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
}

/*
 * The profile's answer to a call that was killed or trapped. The answer may depend on arguments,
 * which are not known here: TRAP then stands for any action that ends the program.
 */
static uint32_t answer_of(const struct seccomp_program *profile, uint64_t key)
{
	const struct seccomp_question q = { .arch = audit_of(key), .number = (int) (uint32_t) key };
	uint32_t answer;

	if (!profile || !seccomp_answer(profile, &q, &answer))
		return SECCOMP_RET_TRAP;

	return answer;
}

void counter_read_kills(int counts, const struct seccomp_program *profile, struct tally *t)
{
	struct counted counted = { .count = 0 };
	uint64_t key = 0, next = 0;

	for (const void *at = NULL; map_call(BPF_MAP_GET_NEXT_KEY, counts, at, &next) == 0;
	     at = &key) {
		key = next;
		if (map_call(BPF_MAP_LOOKUP_ELEM, counts, &key, &counted) != 0)
			continue;
		tally_add_many(t, audit_of(key), (int) (uint32_t) key, counted.count, counted.comm);
		tally_refuse_many(t, audit_of(key), (int) (uint32_t) key, counted.count,
				  answer_of(profile, key));
	}
}

void counter_read(int counts, int values, struct tally *t)
{
	struct value_key value = { 0 }, next_value = { 0 };
	struct counted counted = { .count = 0 };
	uint64_t key = 0, next = 0;
	size_t count = 0;

	for (const void *at = NULL; map_call(BPF_MAP_GET_NEXT_KEY, counts, at, &next) == 0;
	     at = &key) {
		key = next;
		if (map_call(BPF_MAP_LOOKUP_ELEM, counts, &key, &counted) == 0)
			tally_add_many(t, audit_of(key), (int) (uint32_t) key, counted.count,
				       counted.comm);
	}
	for (const void *at = NULL; map_call(BPF_MAP_GET_NEXT_KEY, values, at, &next_value) == 0;
	     at = &value, count++) {
		value = next_value;
		tally_add_value(t, audit_of(value.call), (int) (uint32_t) value.call,
				(uint8_t) value.index, value.value);
	}
	/* The map is full, so values may be missing. */
	if (count == MOST_VALUES)
		tally_forget_values(t);
}

#else

int counter_open(struct counter *c)
{
	(void) c;

	return -ENOSYS;
}

int counter_aim(const struct counter *c, int cgroup, pid_t pid)
{
	(void) c;
	(void) cgroup;
	(void) pid;

	return -ENOSYS;
}

int counter_open_kills(struct counter *c)
{
	(void) c;

	return -ENOSYS;
}

int counter_aim_kills(const struct counter *c, int cgroup)
{
	(void) c;
	(void) cgroup;

	return -ENOSYS;
}

void counter_read_kills(int counts, const struct seccomp_program *profile, struct tally *t)
{
	(void) counts;
	(void) profile;
	(void) t;
}

bool counter_has_begun(int state)
{
	(void) state;

	return false;
}

void counter_read(int counts, int values, struct tally *t)
{
	(void) counts;
	(void) values;
	(void) t;
}

#endif

void counter_close(struct counter *c)
{
	int *fds[] = { &c->counts, &c->values, &c->state, &c->cgroup, &c->link };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fd_close(fds[i]);
		*fds[i] = -1;
	}
}
