/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/seccomp_tree_test.c - plan/seccomp/tree.c: another program, the same results
 *
 * Both are run for many calls: every number that could matter, with arguments around those that are compared with.
 */
#include "seccomp_harness.h"

#include "plan/seccomp/tree.h"

#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct arena arena;

static const uint32_t audits[] = {
	AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0, 1, 0xffffffff,
};

static void same_for(const struct seccomp_program *a, const struct seccomp_program *b,
		     const struct seccomp_data *data)
{
	if (seccomp_run(a, data) != seccomp_run(b, data))
		fail_msg("call %#x of %#x (%#llx, %#llx): %#x, not %#x", data->nr, data->arch,
			 (unsigned long long) data->args[0], (unsigned long long) data->args[1],
			 seccomp_run(b, data), seccomp_run(a, data));
}

static uint64_t any_argument(void)
{
	static const uint64_t tried[] = {
		0,	    1,		7,	     8,		  9,	      0x20000, 0x20008,
		0xffffffff, 0x7e020000, 0x100000000, 0x100000008, 0x7fffffff, 40,      (uint64_t) -1
	};

	return tried[(size_t) rand() % COUNT(tried)];
}

static void same_for_number(const struct seccomp_program *a, const struct seccomp_program *b,
			    uint32_t arch, uint32_t number)
{
	for (int i = 0; i < 12; i++) {
		struct seccomp_data data = { .nr = (int) number, .arch = arch };

		for (int k = 0; k < 6; k++)
			data.args[k] = any_argument();
		same_for(a, b, &data);
	}
}

/* Make the tree of @before, or see that it is left alone. */
static void check(const struct seccomp_program *before, bool understood)
{
	struct seccomp_program after = *before;

	seccomp_make_tree(&after, &arena);
	assert_true((after.filter != before->filter) == understood);
	for (size_t i = 0; i < COUNT(audits); i++) {
		for (uint32_t n = 0; n < 600; n++) {
			same_for_number(before, &after, audits[i], n);
			same_for_number(before, &after, audits[i], 0x40000000 + n);
		}
		for (int n = 0; n < 600; n++)
			same_for_number(before, &after, audits[i],
					(uint32_t) rand() * 2U + (n & 1));
		same_for_number(before, &after, audits[i], 0xffffffff);
	}
}

static struct seccomp_program export(scmp_filter_ctx filter)
{
	struct sock_filter *code = arena_array(&arena, 16384, sizeof(*code));
	char name[] = "/tmp/tare-seccomp-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0 && unlink(name) == 0);
	assert_int_equal(seccomp_export_bpf(filter, fd), 0);

	ssize_t size = pread(fd, code, 16384 * sizeof(*code), 0);
	close(fd);
	assert_true(size > 0);

	return (struct seccomp_program) {
		.filter = code,
		.count = (uint16_t) ((size_t) size / sizeof(*code)),
	};
}

static const struct scmp_arg_cmp conditions[] = {
	{ 0, SCMP_CMP_EQ, 8, 0 },
	{ 0, SCMP_CMP_NE, 40, 0 },
	{ 0, SCMP_CMP_MASKED_EQ, 0x7e020000, 0 },
	{ 1, SCMP_CMP_GT, 0xffffffff, 0 },
	{ 1, SCMP_CMP_LE, 7, 0 },
	{ 0, SCMP_CMP_GE, 0x100000008, 0 },
};

/* An allow list as engines have them, but of chance. */
static void filters_of_libseccomp(void **state)
{
	static const uint32_t actions[] = { SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(1), SCMP_ACT_LOG,
					    SCMP_ACT_KILL_PROCESS };

	(void) state;
	srand(1);
	for (int round = 0; round < 12; round++) {
		scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(38));

		if (round % 3 > 0)
			seccomp_arch_add(filter, SCMP_ARCH_X86);
		if (round % 3 > 1) {
			seccomp_arch_add(filter, SCMP_ARCH_X32);
			seccomp_arch_add(filter, SCMP_ARCH_AARCH64);
		}
		for (int number = 0; number < 450; number++) {
			uint32_t action = rand() % 30 > 0 ? actions[0] : actions[rand() % 4];

			if (rand() % 10 == 0)
				continue;
			if (rand() % 40 == 0)
				for (int alternatives = rand() % 4; alternatives >= 0;
				     alternatives--)
					seccomp_rule_add_array(
						filter, action, number, 1,
						&conditions[(size_t) rand() % COUNT(conditions)]);
			else
				seccomp_rule_add(filter, action, number, 0);
		}

		struct seccomp_program program = export(filter);

		check(&program, true);
		seccomp_release(filter);
	}
}

#define LOAD(field)	  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define JUMP(op, k, t, f) BPF_JUMP(BPF_JMP | (op) | BPF_K, k, t, f)
#define RET(k)		  BPF_STMT(BPF_RET | BPF_K, k)

static struct seccomp_program program_of(const struct sock_filter *code, size_t count)
{
	return (struct seccomp_program) { .filter = code, .count = (uint16_t) count };
}

/* The second architecture is compared with far behind where the first one was loaded. */
static void an_architecture_may_be_looked_at_late(void **state)
{
	static const struct sock_filter code[] = {
		LOAD(arch),
		JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 0, 4),
		LOAD(nr),
		JUMP(BPF_JEQ, 5, 0, 1),
		RET(1),
		RET(2),
		JUMP(BPF_JEQ, AUDIT_ARCH_I386, 0, 10),
		LOAD(nr),
		JUMP(BPF_JEQ, 3, 7, 0),
		JUMP(BPF_JEQ, 4, 6, 0),
		JUMP(BPF_JEQ, 5, 5, 0),
		JUMP(BPF_JEQ, 6, 4, 0),
		JUMP(BPF_JEQ, 7, 3, 0),
		JUMP(BPF_JEQ, 8, 2, 0),
		JUMP(BPF_JEQ, 9, 1, 0),
		JUMP(BPF_JEQ, 10, 0, 1),
		RET(3),
		RET(4),
	};
	struct seccomp_program program = program_of(code, COUNT(code));

	(void) state;
	check(&program, true);
	seccomp_make_tree(&program, &arena);
	assert_true(program.count < COUNT(code));
}

static void what_is_not_understood_is_left_alone(void **state)
{
	static const struct sock_filter bits[] = {
		LOAD(nr), JUMP(BPF_JSET, 4, 0, 1), RET(1), RET(2), RET(3), RET(4), RET(5), RET(6),
	};
	static const struct sock_filter mask[] = {
		LOAD(nr),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 7),
		JUMP(BPF_JEQ, 5, 0, 1),
		RET(1),
		RET(2),
		RET(3),
		RET(4),
	};
	static const struct sock_filter order[] = {
		LOAD(arch), JUMP(BPF_JGE, AUDIT_ARCH_X86_64, 0, 1), RET(1), RET(2), RET(3), RET(4),
	};
	static const struct sock_filter no_load[] = { JUMP(BPF_JEQ, 0, 0, 1), RET(1), RET(2),
						      RET(3) };
	const struct seccomp_program programs[] = {
		program_of(bits, COUNT(bits)),
		program_of(mask, COUNT(mask)),
		program_of(order, COUNT(order)),
		program_of(no_load, COUNT(no_load)),
	};

	(void) state;
	for (size_t i = 0; i < COUNT(programs); i++)
		check(&programs[i], false);
}

static int open_arena(void **state)
{
	(void) state;
	arena_open(&arena);

	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_of_libseccomp),
		cmocka_unit_test(an_architecture_may_be_looked_at_late),
		cmocka_unit_test(what_is_not_understood_is_left_alone),
	};

	return cmocka_run_group_tests_name("seccomp_tree", tests, open_arena, NULL);
}
