/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/filter.c - the system calls that a box may not make: --seccomp, --deny
 *
 * The default filter is a short list of calls that no program of an ordinary image needs, and in
 * which kernel bugs were found again and again. All other calls are allowed, so that a call which
 * is new next year works. Calls that make namespaces and mounts are allowed to a box that was given
 * CAP_SYS_ADMIN.
 */
#include "box/box.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/calls.h"
#include "kernel/process.h"
#include "libocispec/names.h"
#include "plan/seccomp/profile.h"
#include "spec/load.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define MOST_RULES 512

/*
 * Without CAP_SYS_ADMIN the kernel refuses most of these calls itself, but in a new user namespace
 * it would not.
 */
static const char *const admin_calls[] = {
	"mount",  "umount",   "umount2", "pivot_root", "move_mount",	"open_tree",
	"fsopen", "fsconfig", "fsmount", "fspick",     "mount_setattr", "setns",
};

static const char *const denied_calls[] = {
	"acct",
	"add_key",
	"bpf",
	"delete_module",
	"finit_module",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"ioperm",
	"iopl",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"lookup_dcookie",
	"nfsservctl",
	"open_by_handle_at",
	"perf_event_open",
	"quotactl",
	"quotactl_fd",
	"reboot",
	"request_key",
	"swapoff",
	"swapon",
	"_sysctl",
	"userfaultfd",
	"vm86",
	"vm86old",
};

/*
 * Injecting input into a terminal that another process reads; sockets of the kernel's crypto and of
 * the hypervisor.
 */
static const struct {
	const char *call;
	uint32_t argument;
	uint64_t value;
} denied_arguments[] = {
	{ "ioctl", 1, TIOCSTI },
	{ "ioctl", 1, TIOCLINUX },
	{ "socket", 0, AF_ALG },
	{ "socket", 0, AF_VSOCK },
};

static const uint64_t namespace_flags[] = {
	CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,    CLONE_NEWUSER,
	CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP, CLONE_NEWTIME,
};

static struct oci_linux_syscall *add_rule(struct box *b, const char *action, uint32_t code)
{
	struct oci_linux_seccomp *filter = b->linux.seccomp;
	struct oci_linux_syscall *rule = &filter->syscalls[filter->syscalls_count++];

	*rule = (struct oci_linux_syscall) { .action = action };
	if (code > 0) {
		rule->has_errno_ret = true;
		rule->errno_ret = code;
	}

	return rule;
}

/* Has one of the values of --deny, from @first on, a rule for the call? */
static bool is_denied_from(const struct box *b, const char *name, size_t first)
{
	for (size_t i = first; i < b->options->denied.count; i++) {
		const char *word = b->options->denied.items[i];
		size_t length = strcspn(word, "=");

		if (strlen(name) == length && memcmp(word, name, length) == 0)
			return true;
	}

	return false;
}

static bool is_denied_by_flag(const struct box *b, const char *name)
{
	return is_denied_from(b, name, 0);
}

static void add_name(struct box *b, struct oci_linux_syscall *rule, const char *name)
{
	rule->names = arena_append(b->arena, rule->names, rule->names_count, name);
	rule->names_count++;
}

static void deny_calls(struct box *b, const char *const *names, size_t count)
{
	struct oci_linux_syscall *rule = NULL;

	for (size_t i = 0; i < count; i++) {
		if (is_denied_by_flag(b, names[i]))
			continue;
		if (!rule)
			rule = add_rule(b, "SCMP_ACT_ERRNO", EPERM);
		add_name(b, rule, names[i]);
	}
}

/* @mask: the bits of the argument that are compared. */
static void deny_argument(struct box *b, const char *call, uint32_t argument, uint64_t mask,
			  uint64_t value)
{
	if (is_denied_by_flag(b, call))
		return;

	struct oci_linux_syscall *rule = add_rule(b, "SCMP_ACT_ERRNO", EPERM);
	struct oci_linux_seccomp_arg *arg = arena_new(b->arena, struct oci_linux_seccomp_arg);

	*arg = (struct oci_linux_seccomp_arg) {
		.has_index = true,
		.index = argument,
		.has_value = true,
		.value = mask,
		.has_value_two = true,
		.value_two = value,
		.op = "SCMP_CMP_MASKED_EQ",
	};
	add_name(b, rule, call);
	rule->args = arg;
	rule->args_count = 1;
}

/*
 * clone3(2) has its flags in memory, where no filter can look: it gets ENOSYS, and the C library
 * falls back to clone(2).
 */
static void deny_namespaces(struct box *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(namespace_flags); i++) {
		/*
		 * The lowest byte of clone(2)'s flags is a signal, so CLONE_NEWTIME is not among
		 * them.
		 */
		if (namespace_flags[i] > 0xff)
			deny_argument(b, "clone", 0, namespace_flags[i], namespace_flags[i]);
		deny_argument(b, "unshare", 0, namespace_flags[i], namespace_flags[i]);
	}
	if (!is_denied_by_flag(b, "clone3"))
		add_name(b, add_rule(b, "SCMP_ACT_ERRNO", ENOSYS), "clone3");
}

static bool has_admin(const struct box *b)
{
	const struct oci_capabilities *caps = b->process.capabilities;

	return is_one_of("CAP_SYS_ADMIN", caps->bounding, caps->bounding_count);
}

/*
 * Landlock only restricts TCP: without a network namespace, sockets of these families would use the
 * host's network.
 */
static const uint64_t network_families[] = { AF_INET, AF_INET6, AF_PACKET, AF_NETLINK };

static void add_usual_rules(struct box *b)
{
	bool closed = box_is_bare(b) && box_has_no_network(b);

	deny_calls(b, denied_calls, ARRAY_SIZE(denied_calls));
	for (size_t i = 0; closed && i < ARRAY_SIZE(network_families); i++)
		deny_argument(b, "socket", 0, UINT32_MAX, network_families[i]);
	for (size_t i = 0; i < ARRAY_SIZE(denied_arguments); i++)
		deny_argument(b, denied_arguments[i].call, denied_arguments[i].argument, UINT32_MAX,
			      denied_arguments[i].value);
	if (has_admin(b))
		return;
	deny_calls(b, admin_calls, ARRAY_SIZE(admin_calls));
	deny_namespaces(b);
}

/* ---- --seccomp and --deny ---- */

/* clang-format off */
#define ERRNO(name) { #name, name }
/* clang-format on */

static const struct {
	const char *name;
	uint32_t code;
} errnos[] = {
	ERRNO(EPERM),	     ERRNO(ENOENT),	  ERRNO(ESRCH),		ERRNO(EINTR),
	ERRNO(EIO),	     ERRNO(ENXIO),	  ERRNO(E2BIG),		ERRNO(ENOEXEC),
	ERRNO(EBADF),	     ERRNO(ECHILD),	  ERRNO(EAGAIN),	ERRNO(ENOMEM),
	ERRNO(EACCES),	     ERRNO(EFAULT),	  ERRNO(EBUSY),		ERRNO(EEXIST),
	ERRNO(EXDEV),	     ERRNO(ENODEV),	  ERRNO(ENOTDIR),	ERRNO(EISDIR),
	ERRNO(EINVAL),	     ERRNO(ENFILE),	  ERRNO(EMFILE),	ERRNO(ENOTTY),
	ERRNO(EFBIG),	     ERRNO(ENOSPC),	  ERRNO(ESPIPE),	ERRNO(EROFS),
	ERRNO(EMLINK),	     ERRNO(EPIPE),	  ERRNO(ERANGE),	ERRNO(ENAMETOOLONG),
	ERRNO(ENOSYS),	     ERRNO(ELOOP),	  ERRNO(ENOTSUP),	ERRNO(EOPNOTSUPP),
	ERRNO(EAFNOSUPPORT), ERRNO(EADDRINUSE),	  ERRNO(EADDRNOTAVAIL), ERRNO(ENETDOWN),
	ERRNO(ENETUNREACH),  ERRNO(ECONNREFUSED), ERRNO(ECONNRESET),	ERRNO(ETIMEDOUT),
	ERRNO(EHOSTUNREACH), ERRNO(EDQUOT),
};

#undef ERRNO

static bool read_errno(const char *word, uint32_t *code)
{
	unsigned long long number;

	for (size_t i = 0; i < ARRAY_SIZE(errnos); i++)
		if (strcmp(errnos[i].name, word) == 0) {
			*code = errnos[i].code;
			return true;
		}
	if (fmt_parse_u64(word, &number) < 0 || number < 1 || number > 4095)
		return false;
	*code = (uint32_t) number;

	return true;
}

static bool has_call(const char *name)
{
	const struct call_row *row = call_find_name(name);

	return !row || call_arch_own() == CALL_ARCHES || call_number(row, call_arch_own()) >= 0;
}

/* Above the numbers of each processor's table; those of x32 are no others' names. */
#define MOST_NUMBER 1024

static int suggest_call(const char *name, struct err *e)
{
	struct names_nearest nearest = { .word = name, .word_length = strlen(name) };

	for (int number = 0; number < MOST_NUMBER; number++) {
		const struct call_row *row = call_find(call_arch_own(), number);

		if (row)
			names_nearest_try(&nearest, call_name(row), strlen(call_name(row)));
	}

	return nearest.name ? err_hint(e, "did you mean \"%s\"?", nearest.name) : -1;
}

/*
 * Newer processors have mkdirat(2) alone, for mkdir(2), too: the rule would forbid nothing. A
 * 32-bit program may have the call all the same.
 */
static int check_call(struct box *b, const char *value, const char *name, struct err *e)
{
	const char *at = arena_printf(b->arena, "%sat", name);

	if (!seccomp_knows_call(name)) {
		(void) box_refuse(b, "deny", value, e, "there is no system call \"%s\"", name);
		return suggest_call(name, e);
	}
	if (has_call(name) || b->linux.personality)
		return 0;
	(void) box_refuse(b, "deny", value, e, "programs for this processor have no such call");

	return call_find_name(at) && has_call(at) ? err_hint(e, "did you mean \"%s\"?", at) : -1;
}

static int deny_by_flag(struct box *b, size_t i, struct err *e)
{
	const char *value = b->options->denied.items[i];
	char *name = arena_strdup(b->arena, value), *action = strchr(name, '=');
	uint32_t code = EPERM;

	if (action)
		*action++ = '\0';

	bool kills = action && strcmp(action, "kill") == 0;

	if (check_call(b, value, name, e) < 0)
		return -1;
	if (strcmp(name, "execve") == 0)
		return box_refuse(b, "deny", value, e, "the program could not be executed either");
	if (action && !kills && !read_errno(action, &code))
		return box_refuse(
			b, "deny", value, e,
			"behind the \"=\" is kill, or a name or number of errno(3): EACCES, 13");
	/* The last value for a call counts: that of a profile comes first. */
	if (is_denied_from(b, name, i + 1))
		return 0;
	add_name(b,
		 kills ? add_rule(b, "SCMP_ACT_KILL_PROCESS", 0)
		       : add_rule(b, "SCMP_ACT_ERRNO", code),
		 name);

	return 0;
}

/* The filter of the file, with room for the rules of --deny behind its own. */
static int load(struct box *b, const char *path, struct err *e)
{
	const struct oci_linux_seccomp *loaded;

	if (filter_load(&loaded, path, b->arena, e) < 0) {
		if (e->line > 0)
			(void) err_in(e, "line %d, column %d", e->line, e->column);
		e->line = e->column = 0;
		e->place[0] = '\0';
		return err_at(e, box_words(b, "seccomp", path));
	}

	struct oci_linux_syscall *rules = b->linux.seccomp->syscalls;

	if (loaded->syscalls_count > MOST_RULES)
		return box_refuse(b, "seccomp", path, e, "these are more than %d rules",
				  MOST_RULES);
	*b->linux.seccomp = *loaded;
	if (loaded->syscalls_count > 0)
		memcpy(rules, loaded->syscalls, loaded->syscalls_count * sizeof(*rules));
	b->linux.seccomp->syscalls = rules;
	box_origin(b, "/linux/seccomp", "seccomp", path);

	return 0;
}

/* The architectures of one kernel: calls of one that is not listed kill the program. */
static const char *architectures[] = {
#if defined(__x86_64__)
	"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32",
#elif defined(__aarch64__)
	"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM",
#elif defined(__arm__)
	"SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64",
#endif
	NULL
};

int box_filter(struct box *b, struct err *e)
{
	const char *word = b->options->seccomp;
	bool usual = word ? strcmp(word, "default") == 0
			  : !b->options->privileged && b->level[WISH_SECCOMP] == 0;
	const struct text_list *denied = &b->options->denied;

	if (!usual && (!word || strcmp(word, "none") == 0) && denied->count == 0)
		return 0;
	b->linux.seccomp = arena_new(b->arena, struct oci_linux_seccomp);
	b->linux.seccomp->default_action = "SCMP_ACT_ALLOW";
	b->linux.seccomp->architectures = architectures;
	b->linux.seccomp->architectures_count = list_length(architectures);
	b->linux.seccomp->syscalls = arena_array(b->arena, MOST_RULES + denied->count,
						 sizeof(*b->linux.seccomp->syscalls));
	if (denied->count > 0)
		box_demand(b, WISH_SECCOMP, box_words(b, "deny", denied->items[0]));
	if (usual)
		add_usual_rules(b);
	else if (word && strcmp(word, "none") != 0 && load(b, word, e) < 0)
		return -1;
	for (size_t i = 0; i < denied->count; i++)
		if (deny_by_flag(b, i, e) < 0)
			return -1;

	return 0;
}
