/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/seccomp/profile.c - linux.seccomp: the filter, compiled by libseccomp
 *
 * Runs in tare while it decides. libseccomp writes the program into a memory file, as it offers no
 * other way; nothing is loaded here.
 *
 * runtime-spec, config-linux.md#seccomp. Engines' profiles rely on these rules of runc and crun:
 * names that libseccomp does not know are skipped; a rule with the default action is skipped;
 * conditions are and-ed, but several on one argument become rules of their own, so they are or-ed.
 *
 * libseccomp's binary tree (SCMP_FLTATR_CTL_OPTIMIZE 2) is not used: for an engine's profile it
 * takes 8 ms more. seccomp/tree.c makes a search tree of the compiled program.
 */
#include "plan/seccomp/profile.h"

#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/memory.h"
#include "kernel/since.h"
#include "plan/planner.h"
#include "plan/seccomp/newer.h"
#include "plan/seccomp/tree.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#define PLACE "/linux/seccomp"

#define MOST_ARGS	  6
#define MOST_ERRNO	  4095
#define MOST_INSTRUCTIONS 4096 /* BPF_MAXINSNS */
/* far more than fit into a filter; engines' profiles have some 500 */
#define MOST_RULES 5000

/* ---- the words ---- */

static const struct {
	const char *name;
	uint32_t action;
	uint16_t most; /* the largest errnoRet; 0: the action takes none */
} actions[] = {
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL, 0 },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, 0 },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, 0 },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP, 0 },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), MOST_ERRNO },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), UINT16_MAX },
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, 0 },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG, 0 },
	{ "SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, 0 },
};

static const struct {
	const char *name;
	enum scmp_compare op;
} operators[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};

/*
 * libseccomp's names. An old libseccomp lacks some, but has all architectures that tare runs on;
 * and no program of another architecture can run there.
 */
static const struct {
	const char *name, *library;
} archs[] = {
	{ "SCMP_ARCH_X86", "x86" },
	{ "SCMP_ARCH_X86_64", "x86_64" },
	{ "SCMP_ARCH_X32", "x32" },
	{ "SCMP_ARCH_ARM", "arm" },
	{ "SCMP_ARCH_AARCH64", "aarch64" },
	{ "SCMP_ARCH_LOONGARCH64", "loongarch64" },
	{ "SCMP_ARCH_M68K", "m68k" },
	{ "SCMP_ARCH_MIPS", "mips" },
	{ "SCMP_ARCH_MIPS64", "mips64" },
	{ "SCMP_ARCH_MIPS64N32", "mips64n32" },
	{ "SCMP_ARCH_MIPSEL", "mipsel" },
	{ "SCMP_ARCH_MIPSEL64", "mipsel64" },
	{ "SCMP_ARCH_MIPSEL64N32", "mipsel64n32" },
	{ "SCMP_ARCH_PARISC", "parisc" },
	{ "SCMP_ARCH_PARISC64", "parisc64" },
	{ "SCMP_ARCH_PPC", "ppc" },
	{ "SCMP_ARCH_PPC64", "ppc64" },
	{ "SCMP_ARCH_PPC64LE", "ppc64le" },
	{ "SCMP_ARCH_RISCV64", "riscv64" },
	{ "SCMP_ARCH_S390", "s390" },
	{ "SCMP_ARCH_S390X", "s390x" },
	{ "SCMP_ARCH_SH", "sh" },
	{ "SCMP_ARCH_SHEB", "sheb" },
};

/* Actions that libseccomp refuses on a kernel that does not know them. */
static const struct {
	uint32_t action;
	enum since since;
} young_actions[] = {
	{ SCMP_ACT_KILL_PROCESS, SINCE_KILL_PROCESS },
	{ SCMP_ACT_LOG, SINCE_ACT_LOG },
	{ SCMP_ACT_NOTIFY, SINCE_NOTIFY },
};

static int refuse_action(uint32_t action, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(young_actions); i++)
		if (action == young_actions[i].action)
			err_lacks(e, young_actions[i].since);

	return -1;
}

#define COPY_NAMES(table)                                                                          \
	const char **names = arena_array(a, ARRAY_SIZE(table) + 1, sizeof(*names));                \
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)                                             \
		names[i] = (table)[i].name;                                                        \
	*count = ARRAY_SIZE(table);                                                                \
	return names

bool seccomp_knows_call(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

const char **seccomp_action_names(struct arena *a, size_t *count)
{
	COPY_NAMES(actions);
}

const char **seccomp_operator_names(struct arena *a, size_t *count)
{
	COPY_NAMES(operators);
}

const char **seccomp_arch_names(struct arena *a, size_t *count)
{
	COPY_NAMES(archs);
}

/* ---- compiling ---- */

struct compiler {
	scmp_filter_ctx filter;
	const struct oci_linux_seccomp *config;
	uint32_t default_action;
	bool strict;
	int rules; /* rules that were added so far */
	struct arena *arena;
};

/* The JSON pointer of the object with the action, and the names of its members. */
struct action_words {
	const char *place, *member, *errno_member;
};

static int read_action(uint32_t *action, const char *name, bool has_errno, uint32_t code,
		       const struct action_words *at, struct arena *a, struct err *e)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(actions) && strcmp(actions[i].name, name) != 0)
		i++;
	if (i == ARRAY_SIZE(actions))
		return err_cfg(e, arena_printf(a, "%s/%s", at->place, at->member),
			       "unknown seccomp action \"%s\"", name);

	const char *place = arena_printf(a, "%s/%s", at->place, at->errno_member);
	if (has_errno && actions[i].most == 0)
		return err_cfg(e, place,
			       "%s goes with SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not with %s",
			       at->errno_member, name);
	if (has_errno && code > actions[i].most)
		return err_cfg(e, place, "%s %u is above %u", at->errno_member, (unsigned) code,
			       (unsigned) actions[i].most);
	*action = actions[i].action;
	if (actions[i].most > 0)
		*action |= has_errno ? code : EPERM;

	return 0;
}

static int add_arch(struct compiler *c, size_t i, struct err *e)
{
	const char *name = c->config->architectures[i];
	const char *place = arena_printf(c->arena, PLACE "/architectures/%zu", i);
	size_t k = 0;

	while (k < ARRAY_SIZE(archs) && strcmp(archs[k].name, name) != 0)
		k++;
	if (k == ARRAY_SIZE(archs))
		return err_cfg(e, place, "unknown seccomp architecture \"%s\"", name);

	uint32_t arch = seccomp_arch_resolve_name(archs[k].library);
	if (arch == 0)
		return 0;

	int r = seccomp_arch_add(c->filter, arch);
	/*
	 * EEXIST: libseccomp adds the processor's own architecture by itself. EDOM: the other byte
	 * order, of which no program can run here.
	 */
	if (r < 0 && r != -EEXIST && r != -EDOM)
		return err_cfg(e, place, "libseccomp refuses architecture \"%s\": %s", name,
			       errno_text(-r));

	return 0;
}

static int read_arg(struct compiler *c, struct scmp_arg_cmp *to,
		    const struct oci_linux_seccomp_arg *arg, const char *place, struct err *e)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(operators) && strcmp(operators[i].name, arg->op) != 0)
		i++;
	if (i == ARRAY_SIZE(operators))
		return err_cfg(e, arena_printf(c->arena, "%s/op", place),
			       "unknown seccomp operator \"%s\"", arg->op);
	if (arg->index >= MOST_ARGS)
		return err_cfg(e, arena_printf(c->arena, "%s/index", place),
			       "a system call has arguments 0 to 5, not %u", (unsigned) arg->index);
	/* MASKED_EQ: (argument & value) == valueTwo; the other operators have one operand. */
	*to = (struct scmp_arg_cmp) {
		.arg = arg->index,
		.op = operators[i].op,
		.datum_a = arg->value,
		.datum_b = arg->value_two,
	};

	return 0;
}

static bool repeats_an_argument(const struct scmp_arg_cmp *args, size_t count)
{
	unsigned seen = 0;

	for (size_t i = 0; i < count; i++) {
		if (seen & 1U << args[i].arg)
			return true;
		seen |= 1U << args[i].arg;
	}

	return false;
}

struct rule {
	uint32_t action;
	const struct scmp_arg_cmp *args;
	size_t count;
	bool one_by_one; /* each condition becomes a rule of its own */
	const char *place;
};

static int add_rule(struct compiler *c, const struct rule *rule, int number,
		    const struct scmp_arg_cmp *args, size_t count, const char *name, struct err *e)
{
	/*
	 * libseccomp copies all rules for each new one: a hundred thousand rules would take a
	 * minute.
	 */
	if (c->rules++ == MOST_RULES)
		return err_cfg(e, rule->place,
			       "more than %d rules, and the kernel takes %d instructions",
			       MOST_RULES, MOST_INSTRUCTIONS);

	int r = seccomp_rule_add_array(c->filter, rule->action, number, (unsigned) count, args);

	/* EEXIST: the profile has the same rule twice. */
	if (r >= 0 || r == -EEXIST)
		return 0;
	(void) err_cfg(e, rule->place, "libseccomp refuses the rule for \"%s\": %s", name,
		       errno_text(-r));

	return refuse_action(rule->action, e);
}

static int add_name(struct compiler *c, const struct rule *rule, const char *name, struct err *e)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number == __NR_SCMP_ERROR) {
		if (!c->strict)
			return 0;
		return err_cfg(e, rule->place, "unknown system call \"%s\"", name);
	}
	if (!rule->one_by_one)
		return add_rule(c, rule, number, rule->args, rule->count, name, e);
	for (size_t i = 0; i < rule->count; i++)
		if (add_rule(c, rule, number, &rule->args[i], 1, name, e) < 0)
			return -1;

	return 0;
}

static int add_syscall(struct compiler *c, size_t index, struct err *e)
{
	const struct oci_linux_syscall *syscall = &c->config->syscalls[index];
	const char *place = arena_printf(c->arena, PLACE "/syscalls/%zu", index);
	struct scmp_arg_cmp *args = arena_array(c->arena, syscall->args_count, sizeof(*args));
	struct rule rule = { .args = args, .count = syscall->args_count, .place = place };

	if (syscall->names_count == 0)
		return err_cfg(e, arena_printf(c->arena, "%s/names", place),
			       "there must be at least one name");
	if (read_action(&rule.action, syscall->action, syscall->has_errno_ret, syscall->errno_ret,
			&(struct action_words) { place, "action", "errnoRet" }, c->arena, e) < 0)
		return -1;
	for (size_t i = 0; i < rule.count; i++)
		if (read_arg(c, &args[i], &syscall->args[i],
			     arena_printf(c->arena, "%s/args/%zu", place, i), e) < 0)
			return -1;
	/* A rule with the default action is checked, but libseccomp refuses to add it. */
	if (rule.action == c->default_action)
		return 0;
	rule.one_by_one = repeats_an_argument(args, rule.count);
	for (size_t i = 0; i < syscall->names_count; i++)
		if (add_name(c, &rule, syscall->names[i], e) < 0)
			return -1;

	return 0;
}

static int add_all(struct compiler *c, struct err *e)
{
	for (size_t i = 0; i < c->config->architectures_count; i++)
		if (add_arch(c, i, e) < 0)
			return -1;
	for (size_t i = 0; i < c->config->syscalls_count; i++)
		if (add_syscall(c, i, e) < 0)
			return -1;

	return 0;
}

static int too_long(size_t count, struct err *e)
{
	return err_cfg(e, PLACE, "the filter has %zu instructions, the kernel takes %d", count,
		       MOST_INSTRUCTIONS);
}

/*
 * Does the default deny with an errno other than ENOSYS? Only then do newer calls need ENOSYS: with
 * any other default they are killed, traced or allowed, as the profile says.
 */
static bool is_errno(uint32_t action)
{
	return (action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO &&
	       (action & SECCOMP_RET_DATA) != ENOSYS;
}

/* Read the program that seccomp_export_bpf(3) wrote into @fd. */
static int take_program(struct seccomp_program *program, int fd, struct arena *a, struct err *e)
{
	off_t size = sys_seek(fd, 0, SEEK_END);

	if (size < 0 || sys_seek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, (int) size, "read the seccomp filter");

	size_t count = (size_t) size / sizeof(struct sock_filter);
	if (count > MOST_INSTRUCTIONS)
		return too_long(count, e);

	struct sock_filter *filter = arena_array(a, count, sizeof(*filter));
	ssize_t n = sys_read_all(fd, filter, count * sizeof(*filter));
	if (n < 0)
		return err_sys(e, (int) n, "read the seccomp filter");
	program->filter = filter;
	program->count = (uint16_t) count;

	return 0;
}

static int export_program(struct compiler *c, struct seccomp_program *program, struct err *e)
{
	autoclose int fd = sys_memfd_create("seccomp");
	if (fd < 0)
		return err_sys(e, fd, "make a memory file for the seccomp filter");

	int r = seccomp_export_bpf(c->filter, fd);
	if (r < 0)
		return err_cfg(e, PLACE, "libseccomp can't compile the filter: %s", errno_text(-r));

	if (take_program(program, fd, c->arena, e) < 0)
		return -1;
	if (is_errno(c->default_action))
		seccomp_newer_add(program, c->filter, c->config, c->arena);
	seccomp_make_tree(program, c->arena);
	if (program->count > MOST_INSTRUCTIONS)
		return too_long(program->count, e);

	return 0;
}

static void release_filter(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int compile(struct compiler *c, struct seccomp_program *program, struct err *e)
{
	scmp_filter_ctx filter __attribute__((cleanup(release_filter))) =
		seccomp_init(c->default_action);

	if (!filter) {
		(void) err_cfg(e, PLACE "/defaultAction",
			       "libseccomp refuses default action \"%s\"",
			       c->config->default_action);
		return refuse_action(c->default_action, e);
	}
	c->filter = filter;
	if (add_all(c, e) < 0)
		return -1;

	return export_program(c, program, e);
}

/*
 * Refused as by runc: the runtime calls write(2) after it has loaded the filter, and the agent that
 * would have to answer gets its listener only by that message.
 */
static int check_notified(const struct oci_linux_seccomp *config, uint32_t default_action,
			  struct arena *a, struct err *e)
{
	static const char why[] = "a runtime has to write before the agent has its listener";

	if (default_action == SCMP_ACT_NOTIFY) {
		(void) err_cfg(e, PLACE "/defaultAction",
			       "SCMP_ACT_NOTIFY cannot be used as default action");
		return err_hint(e, why);
	}
	for (size_t i = 0; i < config->syscalls_count; i++) {
		const struct oci_linux_syscall *rule = &config->syscalls[i];

		for (size_t n = 0;
		     strcmp(rule->action, "SCMP_ACT_NOTIFY") == 0 && n < rule->names_count; n++)
			if (strcmp(rule->names[n], "write") == 0) {
				(void) err_cfg(
					e, arena_printf(a, PLACE "/syscalls/%zu/names/%zu", i, n),
					"SCMP_ACT_NOTIFY cannot be used for the write syscall");
				return err_hint(e, why);
			}
	}

	return 0;
}

int seccomp_compile(struct seccomp_program *program, const struct oci_linux_seccomp *config,
		    bool strict, struct arena *a, struct err *e)
{
	static const struct action_words words = { PLACE, "defaultAction", "defaultErrnoRet" };
	struct compiler c = { .config = config, .strict = strict, .arena = a };

	if (read_action(&c.default_action, config->default_action, config->has_default_errno_ret,
			config->default_errno_ret, &words, a, e) < 0 ||
	    check_notified(config, c.default_action, a, e) < 0)
		return -1;

	return compile(&c, program, e);
}
