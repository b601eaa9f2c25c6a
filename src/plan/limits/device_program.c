/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/device_program.c - linux.resources.devices, compiled
 *
 * Runs in tare while it decides; nothing is loaded here.
 *
 * The one idea: "the last match wins" is, read backwards, "the first match ends it". So the program
 * keeps the bits of the access that no rule has decided yet. A rule that allows clears its bits,
 * and when no bit is left the access is allowed; a rule that denies any of the bits ends in a
 * refusal.
 *
 * The verifier follows every path of a program when it is loaded, which takes time. So a device is
 * one register (major << 20 | minor, the form of dev_t), most rules are one compare, and all paths
 * share the same two ends.
 */
#include "plan/limits/device_program.h"

#include "base/fmt.h"
#include "base/table.h"
#include "libocispec/oci_types.h"

#include <string.h>

#define MINOR_BITS 20
#define MAJOR_MOST ((1U << 12) - 1)
#define MINOR_MOST ((1U << MINOR_BITS) - 1)
#define ALL_ACCESS (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* ---- the rules ---- */

#define CHARACTER(major_, minor_, access_)                                                         \
	{                                                                                          \
		.allow = true, .character = true, .major = major_, .minor = minor_,                \
		.access = access_                                                                  \
	}

/*
 * Devices that every container has (config-linux.md#default-devices), and mknod(2) of any device: a
 * node alone gives no access. net/tun is allowed by runc and crun, too: programs for VPNs make the
 * node themselves, and what can be done with it takes CAP_NET_ADMIN in a network namespace.
 */
static const struct device_rule default_rules[] = {
	{ .allow = true,
	  .character = true,
	  .block = true,
	  .major = DEVICE_ANY,
	  .minor = DEVICE_ANY,
	  .access = BPF_DEVCG_ACC_MKNOD },
	CHARACTER(1, 3, ALL_ACCESS),		/* null */
	CHARACTER(1, 5, ALL_ACCESS),		/* zero */
	CHARACTER(1, 7, ALL_ACCESS),		/* full */
	CHARACTER(1, 8, ALL_ACCESS),		/* random */
	CHARACTER(1, 9, ALL_ACCESS),		/* urandom */
	CHARACTER(5, 0, ALL_ACCESS),		/* tty */
	CHARACTER(5, 1, ALL_ACCESS),		/* console */
	CHARACTER(5, 2, ALL_ACCESS),		/* ptmx */
	CHARACTER(10, 200, ALL_ACCESS),		/* net/tun */
	CHARACTER(136, DEVICE_ANY, ALL_ACCESS), /* pts */
};

static const struct {
	char letter;
	uint32_t bit;
} accesses[] = {
	{ 'r', BPF_DEVCG_ACC_READ },
	{ 'w', BPF_DEVCG_ACC_WRITE },
	{ 'm', BPF_DEVCG_ACC_MKNOD },
};

static const struct {
	const char *name;
	bool block, character;
} types[] = {
	{ "a", true, true },
	{ "b", true, false },
	{ "c", false, true },
};

/* Refuse rule @i. The place is written only now: a config may have very many rules. */
static int refuse(struct err *e, size_t i, const char *member, const char *fmt, const char *value)
{
	char place[64];

	fmt_text(place, sizeof(place), "/linux/resources/devices/%zu/%s", i, member);

	return err_cfg(e, place, fmt, value);
}

static int read_type(struct device_rule *rule, const char *type, size_t i, struct err *e)
{
	/* Engines written in Go send "" for an absent string. */
	if (!type || !type[0])
		type = "a";
	for (size_t t = 0; t < ARRAY_SIZE(types); t++)
		if (strcmp(types[t].name, type) == 0) {
			rule->block = types[t].block;
			rule->character = types[t].character;
			return 0;
		}

	return refuse(e, i, "type", "unknown device type \"%s\"", type);
}

static int read_access(struct device_rule *rule, const char *access, size_t i, struct err *e)
{
	if (!access || !access[0]) {
		rule->access = ALL_ACCESS;
		return 0;
	}
	for (const char *at = access; *at; at++) {
		uint32_t bit = 0;

		for (size_t k = 0; k < ARRAY_SIZE(accesses); k++)
			if (accesses[k].letter == *at)
				bit = accesses[k].bit;
		if (bit == 0)
			return refuse(e, i, "access",
				      "device access \"%s\" is not made of r, w and m", access);
		rule->access |= bit;
	}

	return 0;
}

/* -1, or an absent number, is DEVICE_ANY. */
static int read_number(uint32_t *number, bool given, int64_t value, uint32_t most, size_t i,
		       const char *member, struct err *e)
{
	char text[24];

	if (given && (value < -1 || value > most)) {
		fmt_text(text, sizeof(text), "%lld", (long long) value);
		return refuse(e, i, member, "device number %s is out of range", text);
	}
	*number = given && value >= 0 ? (uint32_t) value : DEVICE_ANY;

	return 0;
}

int device_rules_read(struct device_rules *rules, const struct oci_linux_device_cgroup *entries,
		      size_t count, struct arena *a, struct err *e)
{
	rules->count = count + ARRAY_SIZE(default_rules);
	rules->rules = arena_array(a, rules->count, sizeof(*rules->rules));
	for (size_t i = 0; i < count; i++) {
		const struct oci_linux_device_cgroup *from = &entries[i];
		struct device_rule *to = &rules->rules[i];

		to->allow = from->allow;
		if (read_type(to, from->type, i, e) < 0 ||
		    read_access(to, from->access, i, e) < 0 ||
		    read_number(&to->major, from->has_major, from->major, MAJOR_MOST, i, "major",
				e) < 0 ||
		    read_number(&to->minor, from->has_minor, from->minor, MINOR_MOST, i, "minor",
				e) < 0)
			return -1;
	}
	memcpy(rules->rules + count, default_rules, sizeof(default_rules));

	return 0;
}

bool device_rules_allow_all(const struct device_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (!rules->rules[i].allow)
			return false;

	return true;
}

/* ---- v1 ---- */

static bool is_any_device(const struct device_rule *rule)
{
	return rule->major == DEVICE_ANY && rule->minor == DEVICE_ANY;
}

bool device_rule_is_total(const struct device_rule *rule)
{
	return rule->block && rule->character && rule->access == ALL_ACCESS && is_any_device(rule);
}

static const char *number_text(uint32_t number, struct arena *a)
{
	return number == DEVICE_ANY ? "*" : arena_printf(a, "%u", number);
}

const char *device_rule_text(const struct device_rule *rule, bool block, struct arena *a)
{
	char letters[ARRAY_SIZE(accesses) + 1];
	size_t used = 0;

	if (device_rule_is_total(rule))
		return "a";
	for (size_t k = 0; k < ARRAY_SIZE(accesses); k++)
		if (rule->access & accesses[k].bit)
			letters[used++] = accesses[k].letter;
	letters[used] = '\0';

	return arena_printf(a, "%c %s:%s %s", block ? 'b' : 'c', number_text(rule->major, a),
			    number_text(rule->minor, a), letters);
}

/* ---- v2 ---- */

enum { RESULT, CONTEXT, MAJOR, MINOR, DEVICE, UNDECIDED, KIND }; /* The registers: r0 ... r6. */

/* Marks in the offset of a jump whose target is not known yet; put_end() replaces them. */
enum { TO_ALLOW = INT16_MAX, TO_DENY = INT16_MAX - 1 };

struct assembly {
	struct bpf_insn *code;
	uint32_t count, room;
	bool full;
};

static void put(struct assembly *s, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	if (s->count == s->room) {
		s->full = true;
		return;
	}
	s->code[s->count++] = (struct bpf_insn) {
		.code = op, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm
	};
}

static void put_set(struct assembly *s, uint8_t dst, int32_t value)
{
	put(s, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
}

static void put_alu(struct assembly *s, uint8_t op, uint8_t dst, int32_t value)
{
	put(s, BPF_ALU64 | op | BPF_K, dst, 0, 0, value);
}

/* Operands in registers on both sides. */
static void put_alu_register(struct assembly *s, uint8_t op, uint8_t dst, uint8_t src)
{
	put(s, BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}

static void put_jump(struct assembly *s, uint8_t op, uint8_t reg, int32_t value, int16_t to)
{
	put(s, BPF_JMP | op | BPF_K, reg, 0, to, value);
}

static void put_load(struct assembly *s, uint8_t dst, size_t offset)
{
	put(s, BPF_LDX | BPF_MEM | BPF_W, dst, CONTEXT, (int16_t) offset, 0);
}

/*
 * The register with the part of the device number that @rule compares, and the @value to compare it
 * with.
 */
static uint8_t choose_operand(const struct device_rule *rule, uint32_t *value)
{
	if (rule->minor == DEVICE_ANY) {
		*value = rule->major;
		return MAJOR;
	}
	if (rule->major == DEVICE_ANY) {
		*value = rule->minor;
		return MINOR;
	}
	*value = rule->major << MINOR_BITS | rule->minor;

	return DEVICE;
}

/*
 * Compare and jump. A constant has 32 bits and a sign, so a device with the highest bit set is
 * put into a register first.
 */
static void put_compare(struct assembly *s, uint8_t op, uint8_t reg, uint32_t value, int16_t to)
{
	if (value <= INT32_MAX) {
		put_jump(s, op, reg, (int32_t) value, to);
		return;
	}
	put(s, BPF_ALU | BPF_MOV | BPF_K, KIND, 0, 0, (int32_t) value);
	put(s, BPF_JMP | op | BPF_X, reg, KIND, to, 0);
}

/*
 * A rule that matches, for some bits of the access only: 2 instructions where the rule allows, 1
 * where it denies.
 */
static void put_partial(struct assembly *s, const struct device_rule *rule)
{
	if (rule->allow) {
		put_alu(s, BPF_AND, UNDECIDED, (int32_t) (ALL_ACCESS & ~rule->access));
		put_jump(s, BPF_JEQ, UNDECIDED, 0, TO_ALLOW);
	} else {
		put_jump(s, BPF_JSET, UNDECIDED, (int32_t) rule->access, TO_DENY);
	}
}

/* False where @rule matches every device and access: no rule behind it can be reached. */
static bool put_rule(struct assembly *s, const struct device_rule *rule)
{
	bool whole = rule->access == ALL_ACCESS;
	int16_t end = rule->allow ? TO_ALLOW : TO_DENY;
	uint32_t value;

	if (is_any_device(rule)) {
		if (!whole) {
			put_partial(s, rule);
			return true;
		}
		put_jump(s, BPF_JA, 0, 0, end);
		return false;
	}

	uint8_t reg = choose_operand(rule, &value);
	if (whole) {
		put_compare(s, BPF_JEQ, reg, value, end);
	} else {
		put_compare(s, BPF_JNE, reg, value, rule->allow ? 2 : 1);
		put_partial(s, rule);
	}

	return true;
}

/* All rules for one type of device, the last one first. */
static void put_section(struct assembly *s, const struct device_rules *rules, bool block)
{
	for (size_t i = rules->count; i-- > 0;) {
		const struct device_rule *rule = &rules->rules[i];

		if ((block ? rule->block : rule->character) && !put_rule(s, rule))
			return;
	}
	put_jump(s, BPF_JA, 0, 0, TO_ALLOW);
}

static void put_start(struct assembly *s)
{
	put_load(s, UNDECIDED, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	put_load(s, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	put_load(s, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	/* The type is in the lower half of access_type, the access in the upper. */
	put_alu_register(s, BPF_MOV, KIND, UNDECIDED);
	put_alu(s, BPF_AND, KIND, 0xffff);
	put_alu(s, BPF_RSH, UNDECIDED, 16);
	put_alu_register(s, BPF_MOV, DEVICE, MAJOR);
	put_alu(s, BPF_LSH, DEVICE, MINOR_BITS);
	put_alu_register(s, BPF_OR, DEVICE, MINOR);
	put_set(s, RESULT, 1);
}

/*
 * Append the end of the program for @label, and set the jumps that lead there. The verifier refuses
 * code that can't be reached, so an end without a jump is left out.
 */
static void put_end(struct assembly *s, int16_t label)
{
	uint32_t end = s->count;
	bool wanted = false;

	for (uint32_t i = 0; i < end; i++)
		if (s->code[i].off == label && BPF_CLASS(s->code[i].code) == BPF_JMP) {
			s->code[i].off = (int16_t) (end - i - 1);
			wanted = true;
		}
	if (!wanted)
		return;
	if (label == TO_DENY)
		put_set(s, RESULT, 0);
	put(s, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

int device_program_make(const struct device_rules *rules, struct arena *a,
			const struct bpf_insn **code, uint32_t *count, struct err *e)
{
	/*
	 * A rule takes at most four instructions for each of the two types; the start, the jumps
	 * and the ends take 20.
	 */
	size_t room = 20 + rules->count * 8;
	struct assembly s = { .room = room < DEVICE_PROGRAM_MOST ? (uint32_t) room
								 : DEVICE_PROGRAM_MOST };

	s.code = arena_array(a, s.room, sizeof(*s.code));
	put_start(&s);

	uint32_t branch = s.count;
	put_jump(&s, BPF_JEQ, KIND, BPF_DEVCG_DEV_CHAR, 0);
	put_section(&s, rules, true);
	if (!s.full)
		s.code[branch].off = (int16_t) (s.count - branch - 1);
	put_section(&s, rules, false);
	put_end(&s, TO_ALLOW);
	put_end(&s, TO_DENY);
	if (s.full)
		return err_cfg(e, "/linux/resources/devices", "there are too many device rules");
	*code = s.code;
	*count = s.count;

	return 0;
}
