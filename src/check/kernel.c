/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/kernel.c - one page about this machine: what its kernel offers to a container
 *
 * Runs in tare, as the user who calls it. System calls are tried with invalid arguments, in a
 * child, because a filter may kill the caller. An ordinary user's child has a user namespace, in
 * which it has the rights of root.
 */
#include "check/kernel.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/words.h"
#include "check/check.h"
#include "heap/out.h"
#include "kernel/calls.h"
#include "kernel/fd.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/since.h"
#include "plan/planner.h"
#include "plan/seccomp/profile.h"

#include <dirent.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/auxv.h>

/* ---- the page ---- */

struct page {
	struct out out;
	bool json;
	bool first_section, first_row;
	struct arena *arena;
	const char *section;
};

static void begin(struct page *p, const char *section)
{
	if (p->json) {
		out_text(&p->out, p->first_section ? "{" : ",");
		out_printf(&p->out, "\n  \"%s\": {", section);
	}
	p->section = section;
	p->first_section = false;
	p->first_row = true;
}

static void end(struct page *p)
{
	if (p->json)
		out_text(&p->out, p->first_row ? "}" : "\n  }");
}

static void __attribute__((format(printf, 3, 4)))
put(struct page *p, const char *name, const char *fmt, ...)
{
	char value[1024];
	va_list ap;

	va_start(ap, fmt);
	fmt_text_v(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (p->json) {
		out_text(&p->out, p->first_row ? "\n    " : ",\n    ");
		out_json_string(&p->out, name);
		out_text(&p->out, ": ");
		out_json_string(&p->out, value);
	} else {
		out_padded(&p->out, p->first_row ? p->section : "", 14);
		out_padded(&p->out, name, 26);
		out_text(&p->out, " ");
		out_clean(&p->out, value);
		out_text(&p->out, "\n");
	}
	p->first_row = false;
}

/* The first line of the file @path, "" where it can't be read. */
static const char *line_of(const char *path, char *text, size_t size)
{
	autoclose int fd = sys_open(path, O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';

	return text;
}

/* ---- the kernel ---- */

/* vsyscall(7): where the kernel serves it, the page is in the map of every process. */
const char *check_vsyscall_mode(void)
{
	static char text[65536];

	autoclose int fd = sys_open("/proc/self/maps", O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);
	if (n < 0)
		return "unknown";
	text[n] = '\0';

	const char *at = strstr(text, "[vsyscall]");
	if (!at)
		return "none";
	while (at > text && at[-1] != '\n')
		at--;

	return strstr(at, " r-xp ") ? "emulate" : "xonly";
}

static void put_kernel(struct page *p)
{
	unsigned level = check_processor_level();
	struct utsname name;

	begin(p, "kernel");
	if (sys_uname(&name) == 0) {
		put(p, "release", "%s", name.release);
		put(p, "version", "%s", name.version);
		put(p, "machine", "%s", name.machine);
	}
	if (level > 0)
		put(p, "processor", "x86-64%s%.*u", level > 1 ? "-v" : "", level > 1 ? 1 : 0,
		    level);
	put(p, "page size", "%lu", getauxval(AT_PAGESZ));
	if (call_arch_own() == CALL_X86_64)
		put(p, "vsyscall", "%s", check_vsyscall_mode());
	end(p);
}

/* ---- calls ---- */

static int ask(void *arg)
{
	return check_ask_call(*(const int *) arg);
}

/* The errno; 0: success; -1: no child; -2: the child was killed. */
static int ask_in_child(int number, bool as_user)
{
	const struct sys_clone clone = { .flags = as_user ? CLONE_NEWUSER | CLONE_NEWNS : 0,
					 .cgroup = -1 };
	int status;
	pid_t pid = sys_clone_call(&clone, NULL, ask, &number);

	if (pid < 0 || sys_wait(pid, &status, 0) != pid)
		return -1;

	return status & 0x7f ? -2 : status >> 8 & 0xff;
}

static const char *describe_answer(int code, bool may_ask)
{
	if (code == ENOSYS)
		return "missing";
	if (code == -2)
		return "refused: who asks is killed";
	if (code == EPERM)
		return may_ask ? "refused: operation not permitted"
			       : "unknown: this user may not ask";

	return code == -1 ? "unknown" : "there";
}

static void put_calls(struct page *p, bool root)
{
	bool as_user = !root && sys_try_namespaces(CLONE_NEWUSER | CLONE_NEWNS) == 0;

	begin(p, "calls");
	for (size_t i = 0; i < check_used_count; i++) {
		const char *name = check_used_calls[i].name;
		int number = check_used_number(&check_used_calls[i]);
		struct kernel_version since, gone;

		if (number < 0)
			continue;
		call_since(call_find_name(name), call_arch_own(), &since, &gone);
		put(p, name, "%s (Linux %u.%u)",
		    describe_answer(ask_in_child(number, as_user), root || as_user), since.part[0],
		    since.part[1]);
	}
	end(p);
}

/* ---- namespaces, cgroups ---- */

static void put_namespaces(struct page *p, bool root)
{
	begin(p, "namespaces");
	for (size_t i = 0; i < sys_namespaces_count; i++) {
		const struct sys_namespace *kind = &sys_namespaces[i];
		char path[64], limit[32];
		int alone = sys_try_namespaces(kind->type);
		int below =
			alone == 0 || root ? alone : sys_try_namespaces(kind->type | CLONE_NEWUSER);

		fmt_text(path, sizeof(path), "/proc/sys/user/%s", kind->limit);
		line_of(path, limit, sizeof(limit));
		put(p, kind->name, "%s%s%s%s%s",
		    alone == 0	 ? "can be made"
		    : below == 0 ? "can be made with a user namespace"
				 : "can't be made: ",
		    below == 0 ? "" : errno_text(-below), limit[0] ? ", at most " : "", limit,
		    limit[0] ? "" : "");
	}
	end(p);
}

static void put_cgroups(struct page *p, const struct facts *f)
{
	static const char *const modes[] = {
		[CGROUP_NONE] = "none",
		[CGROUP_V1] = "v1",
		[CGROUP_HYBRID] = "hybrid",
		[CGROUP_V2] = "v2",
	};

	begin(p, "cgroups");
	put(p, "layout", "%s", modes[f->cgroups.mode]);
	for (size_t i = 0; i < f->cgroups.count; i++) {
		const struct cgroup_hierarchy *h = &f->cgroups.hierarchies[i];
		char path[512], names[256] = "";
		const char *own = strcmp(h->own, "/") == 0 ? "" : h->own;

		fmt_text(path, sizeof(path), "%s%s", h->mount, own);
		int r = sys_access_at(AT_FDCWD, path, W_OK);
		fmt_text(path, sizeof(path), "%s%s/cgroup.controllers", h->mount, own);
		if (h->v2)
			line_of(path, names, sizeof(names));
		put(p, h->v2 ? "v2" : h->controllers, "%s%s%s%s, %s", h->mount, own,
		    names[0] ? ": " : "", names,
		    r == 0 ? "may be written to" : "not for this user");
	}
	end(p);
}

/* ---- file systems, modules, seccomp ---- */

static void put_filesystems(struct page *p)
{
	static char text[8192];
	char names[1024] = "";

	autoclose int fd = sys_open("/proc/filesystems", O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);
	char *rest = text, *line;

	text[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		const char *tab = strchr(line, '\t');
		size_t length = strlen(names);

		if (tab)
			fmt_text(names + length, sizeof(names) - length, "%s%s",
				 length > 0 ? " " : "", tab + 1);
	}
	begin(p, "file systems");
	put(p, "known", "%s", names);
	end(p);
}

static bool is_there(const char *path)
{
	return sys_access_at(AT_FDCWD, path, F_OK) == 0;
}

/* landlock_create_ruleset(2) with LANDLOCK_CREATE_RULESET_VERSION gives the number of its ABI. */
static void put_landlock(struct page *p)
{
	const int create_ruleset = 444;
	long abi = arch_syscall(create_ruleset, 0, 0, 1, 0, 0, 0);

	if (abi > 0)
		put(p, "landlock", "ABI %ld", abi);
	else
		put(p, "landlock", "none: %s", errno_text((int) -abi));
}

static void put_security(struct page *p)
{
	char text[256];

	begin(p, "security");
	if (line_of("/sys/kernel/security/lsm", text, sizeof(text))[0])
		put(p, "modules", "%s", text);
	put(p, "selinux", "%s",
	    proc_is_set_to("/sys/fs/selinux/enforce", '1') ? "in force"
	    : is_there("/sys/fs/selinux/enforce")	   ? "permissive"
							   : "no");
	put(p, "apparmor", "%s",
	    line_of("/sys/module/apparmor/parameters/enabled", text, sizeof(text))[0] == 'Y'
		    ? "in force"
		    : "no");
	put_landlock(p);
	end(p);
}

static const struct {
	const char *name;
	uint32_t action;
} actions[] = {
	{ "KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
	{ "KILL_THREAD", SECCOMP_RET_KILL_THREAD },
	{ "TRAP", SECCOMP_RET_TRAP },
	{ "ERRNO", SECCOMP_RET_ERRNO },
	{ "NOTIFY", SECCOMP_RET_USER_NOTIF },
	{ "TRACE", SECCOMP_RET_TRACE },
	{ "LOG", SECCOMP_RET_LOG },
	{ "ALLOW", SECCOMP_RET_ALLOW },
};

static void put_seccomp(struct page *p)
{
	char text[512] = "";
	size_t count;
	const char **flags = seccomp_supported_flags(p->arena, &count);

	begin(p, "seccomp");
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (SYS_CALL(seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &actions[i].action, 0, 0, 0) ==
		    0)
			fmt_text(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 text[0] ? " " : "", actions[i].name);
	put(p, "actions", "%s", text);
	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		fmt_text(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			 text[0] ? " " : "", flags[i] + strlen("SECCOMP_FILTER_FLAG_"));
	put(p, "flags", "%s", text);
	end(p);
}

/* ---- users, formats, limits ---- */

static void put_range(struct page *p, const char *name, const struct id_range *r)
{
	if (r->count > 0)
		put(p, name, "%u, %u of them", r->outside, r->count);
	else
		put(p, name, "none that could be used");
}

static void put_ids(struct page *p, const struct facts *f)
{
	begin(p, "ids");
	put(p, "user", "%u%s", f->euid,
	    f->initial_userns ? "" : ", in a user namespace that is not the first");
	put(p, "capabilities", "%016llx", (unsigned long long) f->capabilities);
	if (f->euid != 0) {
		put_range(p, "subuid", &f->sub_uids);
		put_range(p, "subgid", &f->sub_gids);
	}
	end(p);
}

static void put_formats(struct page *p)
{
	char room[2048] __attribute__((aligned(8))), path[300], text[300];

	autoclose int dir = sys_open("/proc/sys/fs/binfmt_misc", O_RDONLY | O_DIRECTORY);
	struct sys_dir d = SYS_DIR(dir, room);

	begin(p, "binfmt");
	for (const struct sys_entry *entry; dir >= 0 && (entry = sys_next_entry(&d));) {
		if (entry->type != DT_REG || strcmp(entry->name, "register") == 0 ||
		    strcmp(entry->name, "status") == 0)
			continue;
		fmt_text(path, sizeof(path), "/proc/sys/fs/binfmt_misc/%s", entry->name);
		put(p, entry->name, "%s", line_of(path, text, sizeof(text)));
	}
	end(p);
}

static void put_limits(struct page *p)
{
	static const char *const files[] = {
		"fs/inotify/max_user_instances",
		"fs/inotify/max_user_watches",
		"fs/nr_open",
		"kernel/apparmor_restrict_unprivileged_userns",
		"kernel/keys/maxkeys",
		"kernel/pid_max",
		"kernel/unprivileged_bpf_disabled",
		"kernel/unprivileged_userns_clone",
		"kernel/yama/ptrace_scope",
		"user/max_user_namespaces",
		"vm/max_map_count",
		"vm/memfd_noexec",
	};

	begin(p, "limits");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[80], text[64];

		fmt_text(path, sizeof(path), "/proc/sys/%s", files[i]);
		if (line_of(path, text, sizeof(text))[0])
			put(p, files[i], "%s", text);
	}
	end(p);
}

/* The table of versions, only in JSON: docs/kernels.md has it for people. */
static void put_versions(struct page *p)
{
	out_text(&p->out, ",\n  \"versions\": [");
	for (size_t i = 0; i < SINCE_COUNT; i++) {
		out_text(&p->out, i > 0 ? ",\n    { \"what\": " : "\n    { \"what\": ");
		out_json_string(&p->out, since_rows[i].what);
		out_printf(&p->out, ", \"since\": \"%s\"", since_rows[i].version);
		if (since_rows[i].instead) {
			out_text(&p->out, ", \"instead\": ");
			out_json_string(&p->out, since_rows[i].instead);
		}
		out_text(&p->out, " }");
	}
	out_text(&p->out, "\n  ]\n}\n");
}

int kernel_print(bool json, struct arena *a, struct err *e)
{
	struct page p = { .out = { .fd = 1 }, .json = json, .first_section = true, .arena = a };
	struct facts facts;

	if (facts_gather(&facts, a, e) < 0)
		return -1;

	bool root = facts.capabilities >> CAP_SYS_ADMIN & 1;

	put_kernel(&p);
	put_calls(&p, root);
	put_namespaces(&p, root);
	put_cgroups(&p, &facts);
	put_filesystems(&p);
	put_security(&p);
	put_seccomp(&p);
	put_ids(&p, &facts);
	put_formats(&p);
	put_limits(&p);
	if (json)
		put_versions(&p);

	int r = out_flush(&p.out);

	return r < 0 ? err_sys(e, r, "write to standard output") : 0;
}
