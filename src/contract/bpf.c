/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/bpf.c - the kernel counts calls: an eBPF program on the raw tracepoint sys_enter
 *
 * User space makes the maps, loads the program (bpf_code.h), and reads the counts at the end. The
 * program reads arguments from the saved registers, at the offsets that user space gives for each
 * call.
 */
#include "contract/bpf_code.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/since.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#define MOST_CALLS  2048
#define MOST_VALUES 16384

#if defined(__x86_64__)

/* struct pt_regs of the kernel: the offsets of user space's registers. */
static const uint32_t registers[2][6] = {
	{ 112, 104, 96, 56, 72, 64 }, /* di si dx r10 r8 r9 */
	{ 40, 88, 96, 104, 112, 32 }, /* bx cx dx si di bp */
};

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

/*
 * The offset of the member status of the kernel's struct thread_info: before it are one or two long
 * integers, flags and syscall_work.
 */
static int32_t status_offset(void)
{
	struct kernel_version version;
	struct utsname name;
	bool older = sys_uname(&name) == 0 && kernel_version_read(name.release, &version) &&
		     !kernel_version_has(&version, since_rows[SINCE_SYSCALL_WORK].version);

	return older ? 8 : 16;
}

/* By enum exe_offset. */
static const struct btf_offset exe_members[EXE_OFFSETS] = {
	[TASK_MM] = { "task_struct", "mm", 0 },
	[MM_EXE_FILE] = { "mm_struct", "exe_file", 0 },
	[FILE_PATH] = { "file", "f_path", 0 },
	[PATH_MNT] = { "path", "mnt", 0 },
	[PATH_DENTRY] = { "path", "dentry", 0 },
	[DENTRY_PARENT] = { "dentry", "d_parent", 0 },
	[DENTRY_NAME] = { "dentry", "d_name", 0 },
	[NAME_LENGTH] = { "qstr", "len", 0 },
	[NAME_TEXT] = { "qstr", "name", 0 },
	[DENTRY_HASH] = { "dentry", "d_hash", 0 },
	[HASH_PREVIOUS] = { "hlist_bl_node", "pprev", 0 },
	[MOUNT_PARENT] = { "mount", "mnt_parent", 0 },
	[MOUNT_PLACE] = { "mount", "mnt_mountpoint", 0 },
	[MOUNT_INNER] = { "mount", "mnt", 0 },
	[INNER_ROOT] = { "vfsmount", "mnt_root", 0 },
};

/* @chosen: -1 for the program that counts killed calls. */
static int load_one(const struct counter *c, const struct entry_code *entry, int chosen)
{
	struct code code = { .count = 0 };

	if (chosen < 0)
		bpf_write_kills(&code, c, entry);
	else
		bpf_write_calls(&code, c, entry, chosen, status_offset());

	return load_program(&code);
}

/* A kernel that does not describe itself, or refuses the loop, gets the program without paths. */
static int make_program(const struct counter *c, int chosen)
{
	autoclose int room = make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct counted_room), 1);
	struct entry_code entry = { .room = room };
	struct btf_offset offsets[EXE_OFFSETS];
	int program = -ENOENT;

	if (room < 0)
		return room;
	memcpy(offsets, exe_members, sizeof(offsets));
	if (btf_find(offsets, ARRAY_SIZE(offsets)) == 0) {
		entry.offsets = offsets;
		program = load_one(c, &entry, chosen);
	}
	entry.offsets = NULL;

	return program >= 0 ? program : load_one(c, &entry, chosen);
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
	*c = (struct counter) COUNTER_NONE;
	c->counts = make_map(BPF_MAP_TYPE_HASH, 8, sizeof(struct counted), MOST_CALLS);
	c->cgroup = make_map(BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 1);

	autoclose int program = make_program(c, -1);
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

/* The path of the first caller's program, as /proc/PID/exe shows it: proc(5). "": not known. */
static void exe_of(const struct counted *c, char exe[EXE_SIZE + sizeof(" (deleted)")])
{
	uint32_t start = c->exe_start < EXE_SIZE ? c->exe_start : EXE_SIZE;

	fmt_text(exe, EXE_SIZE + sizeof(" (deleted)"), "%.*s%s", (int) (EXE_SIZE - start),
		 c->exe + start, start < EXE_SIZE && c->exe_deleted ? " (deleted)" : "");
}

static void add_counted(struct tally *t, uint64_t key, const struct counted *c)
{
	char exe[EXE_SIZE + sizeof(" (deleted)")];

	exe_of(c, exe);
	tally_add_many(t, audit_of(key), (int) (uint32_t) key, c->count);
	tally_set_caller(t, audit_of(key), (int) (uint32_t) key, c->comm, exe);
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
		add_counted(t, key, &counted);
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
			add_counted(t, key, &counted);
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
