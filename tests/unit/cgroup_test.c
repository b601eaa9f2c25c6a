/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/cgroup_test.c - cgroup/cgroup.c and cgroup/tree.c, on this machine's own cgroups
 *
 * Every test works in a cgroup of its own below ours, once in each of two hierarchies (v2, and the
 * freezer of v1), as far as they are there and may be written; else it is skipped.
 */
#include <sys/mount.h> /* before our own, which stand in for it */

#include "base/fmt.h"
#include "base/table.h"
#include "cgroup/cgroup.h"
#include "cgroup/layout.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/time.h"
#include "plan/limits/device_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "skip.h"

static char top[1024];	  /* where the test at hand makes its cgroups */
static unsigned top_kind; /* of that hierarchy */
static struct err e;

static const char *below(const char *name)
{
	static char path[4][CGROUP_PATH];
	static int next;

	next = (next + 1) % 4;
	fmt_text(path[next], CGROUP_PATH, "%s/%s", top, name);

	return path[next];
}

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static int make_below(const char *path, char topmost[CGROUP_PATH])
{
	return cgroup_find_missing(path, topmost, &e) < 0
		       ? -1
		       : cgroup_make(path, top_kind, topmost, &e);
}

static void make(const char *path, const char *topmost_expected)
{
	char topmost[CGROUP_PATH];

	if (make_below(path, topmost) < 0)
		fail_msg("%s", e.text);
	assert_string_equal(topmost, topmost_expected);
	assert_true(is_there(path));
}

/* A process in @path that ends at a signal only. */
static pid_t start_in(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			pause();
	}
	if (cgroup_join(path, pid, &e) < 0)
		fail_msg("%s", e.text);

	return pid;
}

static int end_of(pid_t pid)
{
	int status;

	waitpid(pid, &status, 0);

	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void cleanup(const char *path)
{
	const char *const dirs[] = { path, NULL };

	if (cgroup_remove(path, dirs, &e) < 0)
		fail_msg("%s", e.text);
	assert_false(is_there(path));
}

static void missing_parts_are_made_and_unmade(void **state)
{
	char missing[CGROUP_PATH];

	(void) state;
	assert_int_equal(cgroup_find_missing(below("a/b/c"), missing, &e), 0);
	assert_string_equal(missing, below("a"));
	make(below("a/b/c"), below("a"));
	assert_int_equal(cgroup_find_missing(below("a/b/c"), missing, &e), 0);
	assert_string_equal(missing, "");
	make(below("a/b/c"), "");
	make(below("a/x"), below("a/x"));
	cleanup(below("a/b/c"));
	cgroup_remove_parents(below("a/b/c"), below("a"));
	assert_false(is_there(below("a/b")));
	assert_true(is_there(below("a/x"))); /* someone else's */
	cleanup(below("a"));
}

static void a_cgroup_with_processes_is_refused(void **state)
{
	char topmost[CGROUP_PATH];

	(void) state;
	make(below("a/b"), below("a"));

	pid_t pid = start_in(below("a/b"));
	assert_int_equal(cgroup_count_processes(below("a")), 1);
	assert_false(cgroup_is_empty(below("a")));
	assert_int_equal(make_below(below("a"), topmost), -1);
	assert_string_equal(e.text, "container's cgroup is not empty: 1 process(es) found");
	kill(pid, SIGKILL);
	assert_int_equal(end_of(pid), SIGKILL);
	cleanup(below("a"));
	assert_true(cgroup_is_empty(below("a")));
}

static void all_are_killed_and_the_whole_tree_goes(void **state)
{
	pid_t pids[20];

	(void) state;
	make(below("a/b"), below("a"));
	make(below("a/c"), below("a/c"));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = start_in(i % 2 ? below("a/b") : below("a/c"));

	const char *dirs[] = { below("none"), below("a"), NULL };
	assert_int_equal(cgroup_kill_all(dirs, SIGKILL, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_int_equal(end_of(pids[i]), SIGKILL);
	cleanup(below("a"));
	assert_int_equal(cgroup_kill_all(dirs, SIGKILL, &e), 0);
}

static void a_signal_reaches_all(void **state)
{
	pid_t pids[20];

	(void) state;
	make(below("a/b"), below("a"));
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = start_in(below("a/b"));

	const char *dirs[] = { below("a"), NULL };
	assert_int_equal(cgroup_kill_all(dirs, SIGUSR1, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_int_equal(end_of(pids[i]), SIGUSR1);
	assert_false(cgroup_is_frozen(below("a")));
	cleanup(below("a"));
}

/* Freezing is not ours to offer yet, so by the file. */
static void freeze(const char *dir, bool frozen)
{
	struct err ignored;

	if (cgroup_write(dir, "cgroup.freeze", frozen ? "1" : "0", false, &ignored) < 0 &&
	    cgroup_write(dir, "freezer.state", frozen ? "FROZEN" : "THAWED", false, &e) < 0)
		fail_msg("%s", e.text);
}

static void a_frozen_cgroup_is_refused_and_can_be_killed(void **state)
{
	char topmost[CGROUP_PATH];

	(void) state;
	make(below("a"), below("a"));
	freeze(below("a"), true);
	assert_true(cgroup_is_frozen(below("a")));
	assert_int_equal(make_below(below("a"), topmost), -1);
	assert_string_equal(e.text, "container's cgroup unexpectedly frozen");
	assert_non_null(strstr(e.hint, "/a\", or one above it: thaw that first"));
	/* One that is made below it is frozen, too, and goes away again. */
	assert_int_equal(make_below(below("a/b/c"), topmost), -1);
	assert_string_equal(e.text, "container's cgroup unexpectedly frozen");
	assert_non_null(strstr(e.hint, "a cgroup above \""));
	assert_false(is_there(below("a/b")));
	freeze(below("a"), false);

	pid_t pid = start_in(below("a"));
	freeze(below("a"), true);
	const char *dirs[] = { below("a"), NULL };
	assert_int_equal(cgroup_kill_all(dirs, SIGKILL, &e), 0);
	assert_int_equal(end_of(pid), SIGKILL);
	cleanup(below("a"));
}

static void removal_waits_for_processes_that_are_ending(void **state)
{
	(void) state;
	make(below("a"), below("a"));

	pid_t pid = start_in(below("a"));
	pid_t killer = fork();
	if (killer == 0) {
		usleep(100000);
		kill(pid, SIGKILL);
		_exit(0);
	}
	cleanup(below("a"));
	assert_int_equal(end_of(pid), SIGKILL);
	waitpid(killer, NULL, 0);
}

/* As if @seconds had gone by since anything moved. */
static bool gets_on_after(struct cgroup_progress *p, int seconds)
{
	int64_t then = sys_clock_ms() - (int64_t) seconds * 1000;

	p->moved = p->looked = then;
	if (p->ended == 0)
		p->ended = then;

	return cgroup_gets_on(p);
}

/* The last processor time of a process is counted when it is already asleep, or seen as dead: some moments later. */
static bool settles(struct cgroup_progress *p)
{
	for (int i = 0; i < 1000; i++) {
		if (!gets_on_after(p, 6))
			return true;
		usleep(10000);
	}

	return false;
}

static void waiting_follows_progress(void **state)
{
	const char *const dirs[] = { below("a"), NULL };
	struct cgroup_progress p = { .dirs = dirs };

	(void) state;
	make(below("a"), below("a"));

	pid_t first = start_in(dirs[0]), second = start_in(dirs[0]);
	assert_true(gets_on_after(&p, 6)); /* two processes, of which it knew none */
	assert_true(settles(&p));
	kill(first, SIGKILL);
	assert_int_equal(end_of(first), SIGKILL);
	assert_true(gets_on_after(&p, 6));
	assert_true(settles(&p));

	/* It moves, but no process has ended for a minute. */
	p.ended = sys_clock_ms() - 61000;
	p.processes = 0;
	assert_false(gets_on_after(&p, 1));
	kill(second, SIGKILL);
	assert_int_equal(end_of(second), SIGKILL);
	cleanup(dirs[0]);
}

static void errors_name_the_file(void **state)
{
	char topmost[CGROUP_PATH], line[2048];
	const char *const none = NULL;

	(void) state;
	make(below("a"), below("a"));
	assert_int_equal(cgroup_write(below("a"), "tare.limit", "5", true, &e), 0);
	assert_int_equal(cgroup_write(below("a"), "tare.limit", "5", false, &e), -1);
	err_line(&e, line, sizeof(line));
	assert_string_equal(
		line, "write \"5\" to \"tare.limit\": no such file or directory (the kernel or the "
		      "parent cgroup has no tare controller or not this file of it)");
	assert_int_equal(cgroup_write(below("a"), "../cgroup.procs", "5", false, &e), -1);
	assert_int_equal(make_below(below("a/../b"), topmost), -1);
	fmt_text(line, sizeof(line), "\"%s/a/../b\" is not the path of a cgroup", top);
	assert_string_equal(e.text, line);
	assert_int_equal(cgroup_remove(below("a/.."), &none, &e), -1);
	cleanup(below("a"));
}

/* Can a process in @dir open /dev/full? errno of it. */
static int open_full_in(const char *dir)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (cgroup_join(dir, getpid(), &e) < 0)
			_exit(255);
		_exit(-sys_open("/dev/full", O_RDONLY) & 255);
	}
	waitpid(pid, &status, 0);
	status = WEXITSTATUS(status);

	return status == EPERM ? EPERM : 0;
}

static void attach(const char *dir, bool allow)
{
	struct device_rule rule = {
		.allow = allow,
		.character = true,
		.major = 1,
		.minor = 7,
		.access = BPF_DEVCG_ACC_READ,
	};
	struct device_rules rules = { &rule, 1 };
	const struct bpf_insn *code;
	struct arena a;
	uint32_t count;

	arena_open(&a);
	if (device_program_make(&rules, &a, &code, &count, &e) < 0 ||
	    cgroup_attach_devices(dir, code, count, &e) < 0)
		fail_msg("%s", e.text);
}

static void a_device_program_takes_the_place_of_the_one_before(void **state)
{
	(void) state;
	if (!is_there(below("cgroup.events")))
		skip_as("no cgroup v2 hierarchy");
	make(below("a"), below("a"));
	assert_int_equal(open_full_in(below("a")), 0);
	attach(below("a"), false);
	assert_int_equal(open_full_in(below("a")), EPERM);
	attach(below("a"), true);
	assert_int_equal(open_full_in(below("a")), 0);
	cleanup(below("a"));
}

/* ---- on made-up cgroups ---- */

static const struct {
	const char *name;
	bool given;
} delegates[] = {
	{ "cgroup.procs", true },
	{ "cgroup.threads", true },
	{ "cgroup.subtree_control", true },
	{ "memory.max", false },
};

/* In a mount namespace where the kernel's list of the files to give is not to be seen. */
static int give_without_list(const char *dir)
{
	struct stat st;

	if (sys_unshare(CLONE_NEWNS) < 0 ||
	    sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
	    (is_there("/sys/kernel/cgroup") &&
	     sys_mount("none", "/sys/kernel/cgroup", "tmpfs", 0, NULL) < 0))
		return 77;
	for (size_t i = 0; i < ARRAY_SIZE(delegates); i++) {
		char path[256];

		fmt_text(path, sizeof(path), "%s/%s", dir, delegates[i].name);
		if (close(open(path, O_CREAT | O_WRONLY, 0600)) < 0)
			return 1;
	}
	if (is_there("/sys/kernel/cgroup/delegate") || cgroup_give(dir, 1234, &e) < 0)
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(delegates); i++) {
		char path[256];

		fmt_text(path, sizeof(path), "%s/%s", dir, delegates[i].name);
		if (stat(path, &st) < 0 || (st.st_uid == 1234) != delegates[i].given)
			return 3;
	}

	return 0;
}

static void before_linux_4_15_the_files_to_give_are_known(void **state)
{
	char dir[] = "/tmp/tare-unit-XXXXXX", remove[64];
	int status = 0;

	(void) state;
	assert_non_null(mkdtemp(dir));
	pid_t pid = fork();
	if (pid == 0)
		_exit(give_without_list(dir));
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	fmt_text(remove, sizeof(remove), "rm -r %s", dir);
	assert_int_equal(system(remove), 0);
	if (WEXITSTATUS(status) == 77)
		skip_as("no privilege for it here");
	assert_int_equal(WEXITSTATUS(status), 0);
}

static const struct cgroup_hierarchy *pick(const struct cgroup_layout *layout, bool v2)
{
	for (size_t i = 0; i < layout->count; i++)
		if (v2 ? layout->hierarchies[i].v2
		       : strcmp(layout->hierarchies[i].controllers, "freezer") == 0)
			return &layout->hierarchies[i];

	return NULL;
}

/* 0 where there is such a hierarchy that we may write; @top is then our place in it. */
static int enter(bool v2)
{
	struct cgroup_layout layout;
	struct arena a;

	arena_open(&a);
	if (cgroup_layout_read(&layout, &a, &e) < 0)
		return -1;

	const struct cgroup_hierarchy *h = pick(&layout, v2);
	if (!h)
		return -1;
	top_kind = cgroup_kind(h);
	fmt_text(top, sizeof(top), "%s%s%star-%d", h->mount, h->own, h->own[1] ? "/" : "",
		 (int) getpid());

	return mkdir(top, 0755);
}

/* What a failed test left behind goes, too: it would fail the next one. */
static int leave(void **state)
{
	const char *const dirs[] = { top, NULL };

	(void) state;
	if (rmdir(top) == 0)
		return 0;
	cgroup_kill_all(dirs, SIGKILL, &e);
	cgroup_remove(top, dirs, &e);

	return -1;
}

static int enter_v2(void **state)
{
	(void) state;

	return enter(true);
}

static int enter_v1(void **state)
{
	(void) state;

	return enter(false);
}

static bool is_possible(bool v2)
{
	if (enter(v2) < 0) {
		print_message("skipped: no %s that may be written\n",
			      v2 ? "cgroup v2" : "v1 freezer");
		return false;
	}

	return rmdir(top) == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_parts_are_made_and_unmade),
		cmocka_unit_test(a_cgroup_with_processes_is_refused),
		cmocka_unit_test(all_are_killed_and_the_whole_tree_goes),
		cmocka_unit_test(a_signal_reaches_all),
		cmocka_unit_test(a_frozen_cgroup_is_refused_and_can_be_killed),
		cmocka_unit_test(removal_waits_for_processes_that_are_ending),
		cmocka_unit_test(waiting_follows_progress),
		cmocka_unit_test(errors_name_the_file),
		cmocka_unit_test(a_device_program_takes_the_place_of_the_one_before),
	};
	const struct CMUnitTest made_up[] = {
		cmocka_unit_test(before_linux_4_15_the_files_to_give_are_known),
	};
	int failed = cmocka_run_group_tests(made_up, NULL, NULL);

	if (is_possible(true))
		failed += cmocka_run_group_tests(tests, enter_v2, leave);
	if (is_possible(false))
		failed += cmocka_run_group_tests(tests, enter_v1, leave);

	return failed;
}
