/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/cgroup.c - making and filling a container's cgroups
 *
 * Runs in tare, in the host's namespaces, for the steps make-cgroup, write-cgroup, join-cgroup and
 * attach-devices. tree.c ends and removes cgroups.
 *
 * The one idea: a cgroup is a directory, so each step is a mkdir(2) or a write(2). Only the order
 * matters, which the kernel dictates (cgroups(7)).
 */
#include "cgroup/cgroup.h"

#include "base/table.h"
#include "cgroup/advice.h"
#include "cgroup/layout.h"
#include "cgroup/path.h"
#include "kernel/bpf.h"
#include "kernel/fd.h"
#include "kernel/since.h"

#include <limits.h>

#define DEVICE_PROGRAM "tare_devices"

/* Cut the last component off; false where only the first component is left. */
static bool cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return false;
	*slash = '\0';

	return true;
}

/* A checked copy of @path, which the functions below cut and restore. */
static int copy_path(const char *path, char copy[CGROUP_PATH], struct err *e)
{
	if (cgroup_check_path(path) < 0)
		return err_msg(e, "\"%s\" is not the path of a cgroup", path);
	if (fmt_text(copy, CGROUP_PATH, "%s", path) >= CGROUP_PATH)
		return err_msg(e, "the path of a cgroup is longer than %d bytes", CGROUP_PATH);

	return 0;
}

int cgroup_find_missing(const char *path, char topmost[CGROUP_PATH], struct err *e)
{
	char at[CGROUP_PATH];
	struct stat st;

	if (copy_path(path, at, e) < 0)
		return -1;
	topmost[0] = '\0';
	do {
		int r = sys_stat_at(AT_FDCWD, at, AT_SYMLINK_NOFOLLOW, &st);

		if (r == 0)
			return 0;
		if (r != -ENOENT)
			return err_sys(e, r, "look for cgroup \"%s\"", at);
		fmt_text(topmost, CGROUP_PATH, "%s", at);
	} while (cut_last(at));

	return 0;
}

/*
 * A new v1 cpuset has no CPUs and no memory nodes, and no process can join such a cpuset. So it,
 * and all cpusets above it that have none, get the CPUs and nodes of the nearest cpuset that has
 * some.
 */
static int fill_cpuset_file(const char *dir, const char *file, struct err *e)
{
	char at[CGROUP_PATH], value[1024];
	ssize_t n;

	fmt_text(at, sizeof(at), "%s", dir);
	while ((n = cgroup_read(at, file, value, sizeof(value))) <= 1 && n >= 0)
		cut_last(at);
	if (n < 0)
		return err_sys(e, (int) n, "read \"%s\" of \"%s\"", file, at);
	while (strlen(at) < strlen(dir)) {
		at[strlen(at)] = '/'; /* restores the place where cut_last() cut */

		int r = cgroup_put(at, file, value);
		if (r < 0)
			return err_sys(e, r, "write \"%s\" of \"%s\"", file, at);
	}

	return 0;
}

static int fill_cpuset(const char *dir, struct err *e)
{
	if (fill_cpuset_file(dir, "cpuset.cpus", e) < 0)
		return -1;

	return fill_cpuset_file(dir, "cpuset.mems", e);
}

/* Is @word in the space-separated @list? */
static bool has_word(const char *list, const char *word, size_t length)
{
	for (const char *at = list; *at; at += strcspn(at, " \n")) {
		at += strspn(at, " \n");
		if (strcspn(at, " \n") == length && strncmp(at, word, length) == 0)
			return true;
	}

	return false;
}

/*
 * Write `+a +b` to @out, for the controllers in @have but not in @enabled; false where there is
 * none.
 */
static bool missing_words(const char *have, const char *enabled, char *out, size_t size)
{
	size_t used = 0, length;

	for (const char *at = have; *at; at += length) {
		at += strspn(at, " \n");
		length = strcspn(at, " \n");
		if (length == 0 || has_word(enabled, at, length))
			continue;
		used += fmt_text(out + used, size - used, "%s+%.*s", used ? " " : "", (int) length,
				 at);
		if (used >= size)
			return false;
	}

	return used > 0;
}

/*
 * Only the root may have processes and enable controllers below it. In any other cgroup with
 * processes the kernel would only enable those for threads (cpu, pids). That would make the cgroup
 * a thread root, whose children no process can join. cgroups(7).
 */
static bool may_hand_down(const char *dir)
{
	char text[32];

	return cgroup_read(dir, "cgroup.type", text, sizeof(text)) == -ENOENT ||
	       cgroup_read(dir, "cgroup.procs", text, sizeof(text)) == 0;
}

/*
 * Enable all controllers of @dir for its children. If one can't be enabled (v1 has it), the others
 * are enabled one by one.
 */
static void hand_down(const char *dir)
{
	char have[512], enabled[512], words[600];

	if (cgroup_read(dir, "cgroup.controllers", have, sizeof(have)) <= 0)
		return;
	if (cgroup_read(dir, "cgroup.subtree_control", enabled, sizeof(enabled)) < 0)
		return;
	if (!missing_words(have, enabled, words, sizeof(words)) || !may_hand_down(dir))
		return;
	if (cgroup_put(dir, "cgroup.subtree_control", words) == 0)
		return;
	for (char *rest = words, *word; (word = strsep(&rest, " "));)
		cgroup_put(dir, "cgroup.subtree_control", word);
}

int cgroup_hand_down(const char *dir, struct err *e)
{
	char checked[CGROUP_PATH];

	if (copy_path(dir, checked, e) < 0)
		return -1;
	hand_down(checked);

	return 0;
}

/* From the top down, as a child only has the controllers that its parent enables. */
static void hand_down_to(const char *path)
{
	char at[CGROUP_PATH];

	fmt_text(at, sizeof(at), "%s", path);
	for (char *slash = strchr(at + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		hand_down(at);
		*slash = '/';
	}
}

/*
 * Below a cgroup of type "domain threaded" a new cgroup takes no process before it is made
 * threaded: cgroups(7), "cgroup.type".
 */
static void follow_thread_mode(const char *dir)
{
	static const char invalid[] = "domain invalid";
	char type[32];

	/* A failure is not reported here: moving a process in will fail. */
	if (cgroup_read(dir, "cgroup.type", type, sizeof(type)) > 0 &&
	    strncmp(type, invalid, sizeof(invalid) - 1) == 0)
		cgroup_put(dir, "cgroup.type", "threaded");
}

/* Refuse a cgroup with processes: they would share the limits, and be killed with the container. */
static int check_empty(const char *path, struct err *e)
{
	int count = cgroup_count_processes(path);

	if (count < 0)
		return err_sys(e, count, "look into cgroup \"%s\"", path);
	if (count > 0)
		return err_msg(e, "container's cgroup is not empty: %d process(es) found", count);

	return 0;
}

void cgroup_remove_parents(const char *dir, const char *topmost)
{
	char at[CGROUP_PATH];
	size_t end = strlen(topmost);

	if (end == 0 || strncmp(dir, topmost, end) != 0 || cgroup_check_path(dir) < 0)
		return;
	fmt_text(at, sizeof(at), "%s", dir);
	while (cut_last(at) && strlen(at) >= end) {
		int r = sys_unlink_at(AT_FDCWD, at, AT_REMOVEDIR);

		if (r < 0 && r != -ENOENT)
			return;
	}
}

static int make_one(const char *path, unsigned kind, bool *made, struct err *e)
{
	int r = sys_mkdir_at(AT_FDCWD, path, 0755);

	*made = r == 0;
	if (r < 0 && r != -EEXIST) {
		err_sys(e, r, "make cgroup \"%s\"", path);
		return cgroup_advise_make(e);
	}
	if (*made && kind & CGROUP_IS_V2)
		follow_thread_mode(path);

	return 0;
}

/*
 * Make @path and the missing cgroups above it, from @topmost down. A cgroup that another process
 * has made meanwhile is not ours.
 */
static int make_missing(const char *path, unsigned kind, char topmost[CGROUP_PATH], struct err *e)
{
	char at[CGROUP_PATH], *end;
	size_t first = strlen(topmost);
	bool made = false;

	topmost[0] = '\0';
	if (first == 0)
		return 0;
	fmt_text(at, sizeof(at), "%s", path);
	for (end = at + first; end; end = *end ? strchrnul(end + 1, '/') : NULL) {
		char was = *end;

		*end = '\0';
		if (make_one(at, kind, &made, e) < 0)
			return -1;
		if (made && topmost[0] == '\0')
			fmt_text(topmost, CGROUP_PATH, "%s", at);
		*end = was;
	}

	return 0;
}

/* A process that is cloned into a frozen cgroup never runs. @made: the cgroup is new. */
static int refuse_frozen(const char *path, bool made, struct err *e)
{
	(void) err_msg(e, "container's cgroup unexpectedly frozen");
	if (made)
		return err_hint(e, "a cgroup above \"%s\" is frozen: thaw that first", path);

	return err_hint(e, "\"%s\", or one above it: thaw that first", path);
}

static int make_ready_v2(const char *path, bool made, struct err *e)
{
	char events[256];

	if (cgroup_read(path, "cgroup.events", events, sizeof(events)) > 0 &&
	    cgroup_event(events, "frozen") == 1)
		return refuse_frozen(path, made, e);
	if (!made)
		follow_thread_mode(path);
	hand_down_to(path);

	return 0;
}

static int make_and_check(const char *path, unsigned kind, char topmost[CGROUP_PATH], struct err *e)
{
	if (make_missing(path, kind, topmost, e) < 0)
		return -1;

	bool made = topmost[0] != '\0';

	if (!made && check_empty(path, e) < 0)
		return -1;
	if (kind & CGROUP_IS_V2)
		return make_ready_v2(path, made, e);
	if (kind & CGROUP_HAS_CPUSET && fill_cpuset(path, e) < 0)
		return -1;

	return kind & CGROUP_HAS_FREEZER && cgroup_is_frozen(path) ? refuse_frozen(path, made, e)
								   : 0;
}

int cgroup_make(const char *path, unsigned kind, char topmost[CGROUP_PATH], struct err *e)
{
	char checked[CGROUP_PATH];

	if (copy_path(path, checked, e) < 0)
		return -1;
	if (make_and_check(checked, kind, topmost, e) == 0)
		return 0;
	if (topmost[0] != '\0') {
		sys_unlink_at(AT_FDCWD, checked, AT_REMOVEDIR);
		cgroup_remove_parents(checked, topmost);
	}

	return -1;
}

int cgroup_write(const char *dir, const char *file, const char *value, bool optional, struct err *e)
{
	int r = cgroup_put(dir, file, value);

	if (r == 0 || (optional && r == -ENOENT))
		return 0;
	err_sys(e, r, "write \"%s\" to \"%s\"", value, file);

	return cgroup_advise_file(dir, file, e);
}

bool cgroup_has_file(const char *dir, const char *file)
{
	autoclose int fd = cgroup_open_file(dir, file, O_PATH);

	return fd >= 0;
}

int cgroup_check_usage(const char *dir, const char *usage_file, const char *limit, struct err *e)
{
	unsigned long long used, most;
	char text[64];
	ssize_t n = cgroup_read(dir, usage_file, text, sizeof(text));

	if (n == -ENOENT)
		return 0;
	if (n < 0)
		return err_sys(e, (int) n, "read \"%s\"", usage_file);
	text[strcspn(text, "\n")] = '\0';
	if (fmt_parse_u64(text, &used) < 0 || fmt_parse_u64(limit, &most) < 0)
		return err_msg(e, "\"%s\" holds no number", usage_file);
	if (used > most)
		return err_msg(e, "the limit %s is below what is in use: %s is %llu", limit,
			       usage_file, used);

	return 0;
}

/*
 * The kernel's list of the files to give away, one a line. Linux before 4.15 has no such file: the
 * list below is used.
 */
static void read_delegate(char *list, size_t size)
{
	static const char old[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
	autoclose int fd = sys_open("/sys/kernel/cgroup/delegate", O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, list, size - 1);

	if (n < 0)
		fmt_text(list, size, "%s", old);
	else
		list[n] = '\0';
}

int cgroup_give(const char *dir, uid_t uid, struct err *e)
{
	const gid_t as_it_is = (gid_t) -1;
	char list[4096];

	autoclose int fd = cgroup_open_dir(dir);
	if (fd < 0)
		return err_sys(e, fd, "open cgroup \"%s\"", dir);

	int r = sys_chown_at(fd, "", uid, as_it_is, AT_EMPTY_PATH);
	if (r < 0)
		return err_sys(e, r, "give cgroup \"%s\" to user %u", dir, uid);
	read_delegate(list, sizeof(list));
	for (char *at = list, *name; (name = strsep(&at, "\n"));) {
		if (!*name || strchr(name, '/'))
			continue;
		r = sys_chown_at(fd, name, uid, as_it_is, AT_SYMLINK_NOFOLLOW);
		if (r < 0 && r != -ENOENT)
			return err_sys(e, r, "give \"%s/%s\" to user %u", dir, name, uid);
	}

	return 0;
}

int cgroup_join(const char *dir, pid_t pid, struct err *e)
{
	char text[32];

	fmt_text(text, sizeof(text), "%d", (int) pid);

	int r = cgroup_put(dir, "cgroup.procs", text);
	if (r == 0)
		return 0;
	err_sys(e, r, "join cgroup \"%s\"", dir);

	return cgroup_advise_join(dir, e);
}

/*
 * A program that tare attached for an earlier container would still refuse what this container may
 * do.
 */
static void detach_old(int cgroup, const uint32_t *ids, int count)
{
	for (int i = 0; i < count; i++) {
		struct bpf_prog_info info;
		autoclose int program = sys_bpf_open_program(ids[i]);

		if (program >= 0 && sys_bpf_program_info(program, &info) == 0 &&
		    strcmp(info.name, DEVICE_PROGRAM) == 0)
			sys_bpf_detach_device(cgroup, program);
	}
}

static int refuse_program(struct err *e, int r, const char *what)
{
	err_sys(e, r, "%s the device program", what);
	if (r == -EPERM)
		return err_hint(
			e, "device rules on cgroup v2 need CAP_BPF, or CAP_SYS_ADMIN, on the host");
	/* The kernel is older, or built without CONFIG_CGROUP_BPF or CONFIG_BPF_SYSCALL. */
	if (r == -ENOSYS || r == -EINVAL)
		return err_lacks(e, SINCE_DEVICE_PROGRAM);

	return -1;
}

int cgroup_attach_devices(const char *dir, const struct bpf_insn *code, uint32_t count,
			  struct err *e)
{
	uint32_t ids[BPF_CGROUP_PROGRAMS];
	autoclose int cgroup = cgroup_open_dir(dir);
	if (cgroup < 0)
		return err_sys(e, cgroup, "open cgroup \"%s\"", dir);

	autoclose int program = sys_bpf_load_device(code, count, DEVICE_PROGRAM);
	if (program < 0)
		return refuse_program(e, program, "load");

	/*
	 * The new program is attached before the old ones are detached, so that one is always in
	 * force.
	 */
	int old = sys_bpf_device_programs(cgroup, ids);
	int r = sys_bpf_attach_device(cgroup, program);
	if (r < 0)
		return refuse_program(e, r, "attach");
	detach_old(cgroup, ids, old);

	return 0;
}
