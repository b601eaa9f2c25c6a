/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/device_program_test.c - plan/limits/device_program.c
 *
 * The compiled program is run by an interpreter written here from the kernel's description
 * of the instructions, and must say the same as a plain reading of the rules, for random lists
 * and devices. The kernel's own verifier gets the programs, too, where we are allowed to ask it.
 */
#include "base/table.h"
#include "kernel/bpf.h"
#include "libocispec/oci_types.h"
#include "plan/limits/device_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "skip.h"

#define ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

static struct arena arena;

/* ---- the interpreter ---- */

static bool jumps(uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_JA:
		return true;
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JSET:
		return a & b;
	}
	fail_msg("jump %#x", op);
	return false;
}

static uint64_t compute(uint8_t op, uint64_t a, uint64_t b)
{
	switch (op) {
	case BPF_MOV:
		return b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_LSH:
		return a << b;
	case BPF_RSH:
		return a >> b;
	}
	fail_msg("operation %#x", op);
	return 0;
}

static uint64_t run(const struct bpf_insn *code, uint32_t count,
		    const struct bpf_cgroup_dev_ctx *context)
{
	uint64_t r[11] = { [1] = (uintptr_t) context };
	uint32_t value;

	for (uint32_t at = 0; at < count; at++) {
		const struct bpf_insn *i = &code[at];
		uint64_t operand =
			BPF_SRC(i->code) == BPF_X ? r[i->src_reg] : (uint64_t) (int64_t) i->imm;

		switch (BPF_CLASS(i->code)) {
		case BPF_LDX:
			memcpy(&value, (const char *) context + i->off, sizeof(value));
			r[i->dst_reg] = value;
			break;
		case BPF_ALU64:
			r[i->dst_reg] = compute(BPF_OP(i->code), r[i->dst_reg], operand);
			break;
		case BPF_ALU:
			r[i->dst_reg] = (uint32_t) compute(BPF_OP(i->code), r[i->dst_reg], operand);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_EXIT)
				return r[0];
			if (jumps(BPF_OP(i->code), r[i->dst_reg], operand))
				at += i->off;
			break;
		default:
			fail_msg("class of %#x", i->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

/* ---- the plain reading ---- */

static bool matches(const struct device_rule *rule, bool block, uint32_t major, uint32_t minor)
{
	return (block ? rule->block : rule->character) &&
	       (rule->major == DEVICE_ANY || rule->major == major) &&
	       (rule->minor == DEVICE_ANY || rule->minor == minor);
}

/* For each bit by itself: what the last rule for it says. */
static bool is_allowed(const struct device_rules *rules, bool block, uint32_t major, uint32_t minor,
		       uint32_t access)
{
	for (uint32_t bit = 1; bit <= ALL; bit <<= 1) {
		bool allowed = true;

		for (size_t i = 0; i < rules->count; i++)
			if ((rules->rules[i].access & bit) &&
			    matches(&rules->rules[i], block, major, minor))
				allowed = rules->rules[i].allow;
		if ((access & bit) && !allowed)
			return false;
	}

	return true;
}

/* ---- comparing ---- */

static uint32_t random_of(const uint32_t *values, size_t count)
{
	return values[(size_t) rand() % count];
}

static const uint32_t numbers[] = { 0, 1, 3, 5, 136, 2047, 2048, 4095, 1048575 };

static uint32_t random_major(void)
{
	return random_of(numbers, ARRAY_SIZE(numbers) - 1);
}

static uint32_t random_minor(void)
{
	return random_of(numbers, ARRAY_SIZE(numbers));
}

static void compile(const struct device_rules *rules, const struct bpf_insn **code, uint32_t *count)
{
	struct err e = { 0 };

	if (device_program_make(rules, &arena, code, count, &e) < 0)
		fail_msg("%s", e.text);
}

static void compare_one(const struct device_rules *rules, const struct bpf_insn *code,
			uint32_t count, bool block, uint32_t major, uint32_t minor)
{
	for (uint32_t access = 1; access <= ALL; access++) {
		struct bpf_cgroup_dev_ctx context = {
			.access_type =
				access << 16 | (block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
			.major = major,
			.minor = minor,
		};

		assert_int_equal(run(code, count, &context),
				 is_allowed(rules, block, major, minor, access));
	}
}

static void compare(const struct device_rules *rules)
{
	const struct bpf_insn *code;
	uint32_t count;

	compile(rules, &code, &count);
	for (size_t i = 0; i < ARRAY_SIZE(numbers) - 1; i++)
		for (size_t k = 0; k < ARRAY_SIZE(numbers); k++) {
			compare_one(rules, code, count, false, numbers[i], numbers[k]);
			compare_one(rules, code, count, true, numbers[i], numbers[k]);
		}
}

static struct device_rule random_rule(void)
{
	int kind = rand() % 4;

	return (struct device_rule) {
		.allow = rand() % 2,
		.block = kind != 0,
		.character = kind != 1,
		.major = rand() % 4 ? random_major() : DEVICE_ANY,
		.minor = rand() % 3 ? random_minor() : DEVICE_ANY,
		.access = rand() % 2 ? ALL : (uint32_t) (rand() % ALL + 1),
	};
}

static void random_lists_mean_what_they_say(void **state)
{
	struct device_rule rules[24];

	(void) state;
	srand(1);
	for (int round = 0; round < 400; round++) {
		size_t count = (size_t) rand() % (ARRAY_SIZE(rules) + 1);

		for (size_t i = 0; i < count; i++)
			rules[i] = random_rule();
		compare(&(struct device_rules) { rules, count });
	}
}

/* ---- config.json ---- */

static struct oci_linux_device_cgroup deny_all = { .has_allow = true, .access = "rwm" };

static int read_rules(struct device_rules *rules, const struct oci_linux_device_cgroup *entries,
		      size_t count, struct err *e)
{
	*e = (struct err) { 0 };

	return device_rules_read(rules, entries, count, &arena, e);
}

static void default_devices_survive_deny_all(void **state)
{
	static const struct {
		bool allowed, block;
		uint32_t major, minor, access;
	} expected[] = {
		{ true, false, 1, 3, ALL },
		{ true, false, 1, 5, ALL },
		{ true, false, 1, 7, ALL },
		{ true, false, 1, 8, ALL },
		{ true, false, 1, 9, ALL },
		{ true, false, 5, 0, ALL },
		{ true, false, 5, 1, ALL },
		{ true, false, 5, 2, ALL },
		{ true, false, 136, 77, ALL },
		{ true, true, 8, 0, BPF_DEVCG_ACC_MKNOD },
		{ true, false, 10, 229, BPF_DEVCG_ACC_MKNOD },
		{ false, true, 8, 0, BPF_DEVCG_ACC_READ },
		{ false, true, 1, 3, BPF_DEVCG_ACC_READ },
		{ false, false, 10, 229, BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD },
		{ false, false, 1, 1, BPF_DEVCG_ACC_READ },
	};
	const struct bpf_insn *code;
	struct device_rules rules;
	uint32_t count;
	struct err e;

	(void) state;
	assert_int_equal(read_rules(&rules, &deny_all, 1, &e), 0);
	compare(&rules);
	compile(&rules, &code, &count);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct bpf_cgroup_dev_ctx context = {
			.access_type =
				expected[i].access << 16 |
				(expected[i].block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
			.major = expected[i].major,
			.minor = expected[i].minor,
		};

		assert_int_equal(run(code, count, &context), expected[i].allowed);
	}
}

static void a_device_costs_one_instruction(void **state)
{
	struct oci_linux_device_cgroup entries[9] = { deny_all };
	const struct bpf_insn *code;
	uint32_t count, before;
	struct device_rules rules;
	struct err e;

	(void) state;
	assert_int_equal(read_rules(&rules, entries, 1, &e), 0);
	compile(&rules, &code, &before);
	for (size_t i = 1; i < ARRAY_SIZE(entries); i++)
		entries[i] = (struct oci_linux_device_cgroup) { .allow = true,
								.type = "c",
								.has_major = true,
								.major = 10,
								.has_minor = true,
								.minor = (int64_t) i,
								.access = "rwm" };
	assert_int_equal(read_rules(&rules, entries, ARRAY_SIZE(entries), &e), 0);
	compile(&rules, &code, &count);
	assert_int_equal(count, before + 8);
	assert_true(before <= 32);
}

static void only_a_denial_needs_a_program(void **state)
{
	struct oci_linux_device_cgroup allow_all = { .allow = true, .access = "rwm" };
	struct device_rules rules;
	struct err e;

	(void) state;
	assert_int_equal(read_rules(&rules, &allow_all, 1, &e), 0);
	assert_true(device_rules_allow_all(&rules));
	assert_int_equal(read_rules(&rules, &deny_all, 1, &e), 0);
	assert_false(device_rules_allow_all(&rules));
}

static void v1_texts(void **state)
{
	static const struct {
		struct oci_linux_device_cgroup entry;
		const char *character, *block;
	} cases[] = {
		{ { .access = "rwm" }, "a", "a" },
		{ { .type = "a" }, "a", "a" },
		{ { .type = "", .access = "" }, "a", "a" },
		{ { .type = "a", .has_major = true, .major = -1, .access = "mwr" }, "a", "a" },
		{ { .type = "a", .access = "m" }, "c *:* m", "b *:* m" },
		{ { .type = "c", .has_major = true, .major = 1, .has_minor = true, .minor = 3 },
		  "c 1:3 rwm",
		  "b 1:3 rwm" },
		{ { .type = "b", .has_major = true, .major = 8, .access = "wr" },
		  "c 8:* rw",
		  "b 8:* rw" },
		{ { .type = "c", .has_minor = true, .minor = 1048575, .access = "r" },
		  "c *:1048575 r",
		  "b *:1048575 r" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct device_rules rules;
		struct err e;

		assert_int_equal(read_rules(&rules, &cases[i].entry, 1, &e), 0);
		assert_string_equal(device_rule_text(&rules.rules[0], false, &arena),
				    cases[i].character);
		assert_string_equal(device_rule_text(&rules.rules[0], true, &arena),
				    cases[i].block);
	}
}

static void bad_rules_are_refused(void **state)
{
	static const struct {
		struct oci_linux_device_cgroup entry;
		const char *line;
	} cases[] = {
		{ { .type = "x" }, "/linux/resources/devices/1/type: unknown device type \"x\"" },
		{ { .type = "cb" }, "/linux/resources/devices/1/type: unknown device type \"cb\"" },
		{ { .access = "rx" },
		  "/linux/resources/devices/1/access: device access \"rx\" is not made of r, w and m" },
		{ { .has_major = true, .major = 4096 },
		  "/linux/resources/devices/1/major: device number 4096 is out of range" },
		{ { .has_major = true, .major = 4294967297 },
		  "/linux/resources/devices/1/major: device number 4294967297 is out of range" },
		{ { .has_minor = true, .minor = 1048576 },
		  "/linux/resources/devices/1/minor: device number 1048576 is out of range" },
		{ { .has_minor = true, .minor = -2 },
		  "/linux/resources/devices/1/minor: device number -2 is out of range" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct oci_linux_device_cgroup entries[] = { deny_all, cases[i].entry };
		struct device_rules rules;
		struct err e;
		char line[2048];

		assert_int_equal(read_rules(&rules, entries, 2, &e), -1);
		err_line(&e, line, sizeof(line));
		assert_string_equal(line, cases[i].line);
	}
}

static void too_many_rules_are_refused(void **state)
{
	size_t most = 5000;
	struct oci_linux_device_cgroup *entries = calloc(most, sizeof(*entries));
	const struct bpf_insn *code;
	struct device_rules rules;
	uint32_t count;
	struct err e = { 0 };

	(void) state;
	for (size_t i = 0; i < most; i++)
		entries[i] = (struct oci_linux_device_cgroup) { .allow = i % 2,
								.type = "c",
								.has_major = true,
								.major = 7,
								.has_minor = true,
								.minor = (int64_t) i };
	assert_int_equal(read_rules(&rules, entries, most, &e), 0);
	assert_int_equal(device_program_make(&rules, &arena, &code, &count, &e), -1);
	assert_string_equal(e.text, "there are too many device rules");
	assert_string_equal(e.place, "/linux/resources/devices");
	free(entries);
}

static void the_kernel_accepts_the_programs(void **state)
{
	struct device_rule rules[24];
	const struct bpf_insn *code;
	uint32_t count;

	(void) state;
	srand(2);
	for (int round = 0; round < 100; round++) {
		size_t length = (size_t) rand() % (ARRAY_SIZE(rules) + 1);

		for (size_t i = 0; i < length; i++)
			rules[i] = random_rule();
		compile(&(struct device_rules) { rules, length }, &code, &count);
		int fd = sys_bpf_load_device(code, count, "tare_test");
		if (fd == -EPERM || fd == -ENOSYS)
			skip_as("device programs may not be loaded here");
		assert_true(fd >= 0);
		sys_close(fd);
	}
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
		cmocka_unit_test(random_lists_mean_what_they_say),
		cmocka_unit_test(default_devices_survive_deny_all),
		cmocka_unit_test(a_device_costs_one_instruction),
		cmocka_unit_test(only_a_denial_needs_a_program),
		cmocka_unit_test(v1_texts),
		cmocka_unit_test(bad_rules_are_refused),
		cmocka_unit_test(too_many_rules_are_refused),
		cmocka_unit_test(the_kernel_accepts_the_programs),
	};

	return cmocka_run_group_tests(tests, open_arena, NULL);
}
