/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/cgroups.c - can the container's cgroups be made, and do limits have a file?
 *
 * The cgroup itself does not exist yet. The nearest existing cgroup above it shows whether we may
 * write there, which controllers there are, and, unless that is the root cgroup, which lacks some
 * files, which files the new cgroup will have.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "cgroup/advice.h"
#include "cgroup/path.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "plan/cpu_list.h"

#include <linux/limits.h>
#include <linux/sched.h>
#include <string.h>

#define CGROUPS_PLACE "/linux/cgroupsPath"

struct place {
	char dir[PATH_MAX]; /* the nearest cgroup that exists */
	bool v2, root;
};

static bool has(const char *dir, const char *file)
{
	char path[PATH_MAX];

	return fmt_text(path, sizeof(path), "%s/%s", dir, file) < sizeof(path) &&
	       sys_access_at(AT_FDCWD, path, F_OK) == 0;
}

/* Of v2 only the root has no cgroup.events; of v1 the root alone has release_agent: cgroups(7). */
static void find_place(const char *dir, struct place *p)
{
	fmt_text(p->dir, sizeof(p->dir), "%s", dir);
	while (sys_access_at(AT_FDCWD, p->dir, F_OK) < 0 && strrchr(p->dir, '/') > p->dir)
		*strrchr(p->dir, '/') = '\0';
	p->v2 = has(p->dir, "cgroup.controllers");
	p->root = p->v2 ? !has(p->dir, "cgroup.events") : has(p->dir, "release_agent");
}

/* A number of a cgroup file; -1 for "max" and the like. */
static int64_t read_number(const char *text)
{
	int64_t number = 0;

	while (*text == ' ')
		text++;
	if (*text < '0' || *text > '9')
		return -1;
	for (; *text >= '0' && *text <= '9' && number < INT64_MAX / 10 - 10; text++)
		number = number * 10 + (*text - '0');

	return number;
}

/* ---- groups ---- */

/* False, with a row for the reason, where the cgroup can't be made. */
static bool may_make(const struct check *c, const struct step *s)
{
	const struct check_demand d = {
		.place = CGROUPS_PLACE,
		.what = s->cgroup.path,
		.remedy = sys_euid() ? "have this cgroup delegated to that user" : NULL,
	};
	struct place p;

	find_place(s->cgroup.path, &p);

	int r = sys_access_at(AT_FDCWD, p.dir, W_OK | X_OK);
	if (r < 0)
		check_answer(c, CHECK_NO, &d, "user %u can't make cgroups in \"%s\": %s",
			     sys_euid(), p.dir, errno_text(-r));

	return r == 0;
}

static void check_groups(const struct check *c)
{
	const struct check_demand d = { .place = CGROUPS_PLACE, .what = "cgroups" };
	unsigned count = 0, made = 0;

	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];

		if (s->op != OP_MAKE_CGROUP)
			continue;
		count++;
		made += may_make(c, s);
	}
	if (count > 0 && made == count)
		check_answer(c, CHECK_OK, &d, "user %u may make them, in %u hierarch%s", sys_euid(),
			     count, count == 1 ? "y" : "ies");
}

/* ---- files ---- */

static bool lists(const char *dir, const char *controller)
{
	char text[1024], list[1026], word[64];

	if (cgroup_read(dir, "cgroup.controllers", text, sizeof(text)) <= 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	fmt_text(list, sizeof(list), " %s ", text);
	fmt_text(word, sizeof(word), " %s ", controller);

	return strstr(list, word) != NULL;
}

/*
 * v2: does this cgroup have the controller, or one above it, from which create enables the
 * controller on the way down?
 */
static bool has_controller(const char *dir, const char *controller)
{
	char at[PATH_MAX];

	fmt_text(at, sizeof(at), "%s", dir);
	while (has(at, "cgroup.controllers")) {
		if (lists(at, controller))
			return true;
		if (strrchr(at, '/') == at)
			break;
		*strrchr(at, '/') = '\0';
	}

	return false;
}

/* Is the controller enabled at @p, so that its files exist there? */
static bool is_in_sight(const struct place *p, const char *controller)
{
	return !p->root && (!p->v2 || lists(p->dir, controller));
}

/* Device rules are many lines for one file. */
static bool is_looked_at(const struct check *c, const struct step *s)
{
	for (const struct step *at = c->plan->steps; at < s; at++)
		if (at->op == OP_WRITE_CGROUP && strcmp(at->place, s->place) == 0 &&
		    at->cgroup_file.file && strcmp(at->cgroup_file.file, s->cgroup_file.file) == 0)
			return true;

	return false;
}

/*
 * The CPUs or memory nodes that a list may name: on v1 those of the parent, on v2 all that can
 * exist: cpuset.rst.
 */
static bool read_allowed(const struct place *p, const char *file, char *list, size_t size)
{
	bool cpus = strcmp(file, "cpuset.cpus") == 0;
	const char *everywhere = cpus ? "/sys/devices/system/cpu" : "/sys/devices/system/node";
	ssize_t n = p->v2 ? cgroup_read(everywhere, "possible", list, size)
			  : cgroup_read(p->dir, file, list, size);

	if (n <= 0)
		return false;
	list[strcspn(list, "\n")] = '\0';

	return list[0] != '\0';
}

/* "3", "3-7", "0-7:1/2", "N", the last, or "all": bitmap_parselist() of the kernel. */
static bool is_region(const char *at, size_t length)
{
	static const char between[] = "-:/";
	size_t parts = 0;

	if (length == strlen("all") && strncmp(at, "all", length) == 0)
		return true;
	for (size_t i = 0; i < length; parts++) {
		size_t digits = strspn(at + i, "0123456789");

		if (digits == 0 && at[i] != 'N')
			return false;
		i += digits > 0 ? digits : 1;
		if (i >= length)
			return parts != 2;
		if (parts == 3 || at[i++] != between[parts])
			return false;
	}

	return false;
}

static bool is_list(const char *text)
{
	for (const char *at = text;; at++) {
		size_t length = strcspn(at, ",");

		if (length > 0 && !is_region(at, length))
			return false;
		at += length;
		if (*at == '\0')
			return true;
	}
}

/* False, with a row for the reason, where the list @value names a missing CPU or node. */
static bool is_list_there(const struct check *c, const struct place *p, const struct step *s,
			  const struct check_demand *d)
{
	const char *file = s->cgroup_file.file, *fault;
	struct cpu_set asked, there;
	char list[512];

	if (strcmp(file, "cpuset.cpus") != 0 && strcmp(file, "cpuset.mems") != 0)
		return true;
	if (!is_list(s->cgroup_file.value)) {
		check_answer(c, CHECK_NO, d, "\"%s\" is no list of numbers", s->cgroup_file.value);
		return false;
	}
	if (!read_allowed(p, file, list, sizeof(list)) ||
	    cpu_list_parse(s->cgroup_file.value, &asked, &fault) < 0 ||
	    cpu_list_parse(list, &there, &fault) < 0)
		return true;
	for (size_t i = 0; i < CPU_LIST_MOST / 64; i++) {
		if (!(asked.words[i] & ~there.words[i]))
			continue;
		check_answer(c, CHECK_NO, d, "\"%s\" is asked for, here are %s",
			     s->cgroup_file.value, list);
		return false;
	}

	return true;
}

/* ---- values that the kernel refuses, or that leave no room for tare-init ---- */

/* sched-bwc.rst: 1 ms to 1 s, in microseconds. In cpu.max of v2 it stands behind the quota. */
static bool is_period_right(const struct check *c, const struct step *s,
			    const struct check_demand *d)
{
	const char *file = s->cgroup_file.file, *value = s->cgroup_file.value;
	const char *at = strcmp(file, "cpu.cfs_period_us") == 0 ? value
			 : strcmp(file, "cpu.max") == 0		? strchr(value, ' ')
								: NULL;
	int64_t period = at ? read_number(at) : 1000;

	if (period >= 1000 && period <= 1000000)
		return true;
	check_answer(c, CHECK_NO, d,
		     "a period of %lld: the kernel takes 1000 to 1000000, in "
		     "microseconds",
		     (long long) period);

	return false;
}

static bool read_file_number(const char *dir, const char *file, int64_t *number)
{
	char text[32];

	if (cgroup_read(dir, file, text, sizeof(text)) <= 0)
		return false;
	*number = read_number(text);

	return *number >= 0;
}

/* The period of the same cgroup's quota; 100 ms is the kernel's own. */
static int64_t period_beside(const struct check *c, const struct step *s)
{
	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *at = &c->plan->steps[i];

		if (at->op == OP_WRITE_CGROUP && at->cgroup_file.file &&
		    strcmp(at->cgroup_file.file, "cpu.cfs_period_us") == 0 &&
		    strcmp(at->cgroup_file.directory, s->cgroup_file.directory) == 0)
			return read_number(at->cgroup_file.value);
	}

	return 100000;
}

/*
 * v1, sched-bwc.rst: no cgroup has a larger share of a period than the next one above that has any.
 */
static bool is_quota_left(const struct check *c, const struct place *p, const struct step *s,
			  const struct check_demand *d)
{
	static const char file[] = "cpu.cfs_quota_us";
	char above[PATH_MAX];
	int64_t asked, quota = -1, period = 0;

	if (strcmp(s->cgroup_file.file, file) != 0 ||
	    (asked = read_number(s->cgroup_file.value)) < 0)
		return true;
	fmt_text(above, sizeof(above), "%s", p->dir);
	while (has(above, "cpu.shares") && !read_file_number(above, file, &quota))
		*strrchr(above, '/') = '\0';
	if (!has(above, "cpu.shares") || !read_file_number(above, "cpu.cfs_period_us", &period) ||
	    (double) asked * (double) period <= (double) quota * (double) period_beside(c, s))
		return true;
	check_answer(c, CHECK_NO, d, "\"%s\" has a quota of %lld in %lld", above, (long long) quota,
		     (long long) period);

	return false;
}

/* sched-rt-group.rst: all cgroups of one parent share its runtime. */
static bool is_runtime_left(const struct check *c, const struct place *p, const struct step *s,
			    const struct check_demand *d)
{
	char text[32];
	int64_t here;

	if (strcmp(s->cgroup_file.file, "cpu.rt_runtime_us") != 0 ||
	    cgroup_read(p->dir, s->cgroup_file.file, text, sizeof(text)) <= 0)
		return true;
	here = read_number(text);
	if (read_number(s->cgroup_file.value) <= here)
		return true;
	check_answer(c, CHECK_NO, d, "\"%s\" has a runtime of %lld", p->dir, (long long) here);

	return false;
}

/* Only whole disks have limits. Device numbers stand in front: "8:0 1048576". */
static bool is_disk_there(const struct check *c, const struct step *s, const struct check_demand *d)
{
	const char *file = s->cgroup_file.file, *value = s->cgroup_file.value;
	char path[80];
	int length = (int) strcspn(value, " ");

	if (strncmp(file, "blkio.throttle.", 15) != 0 && strcmp(file, "io.max") != 0)
		return true;
	fmt_text(path, sizeof(path), "/sys/dev/block/%.*s", length, value);
	if (sys_access_at(AT_FDCWD, "/sys/dev/block", F_OK) < 0)
		return true;
	if (sys_access_at(AT_FDCWD, path, F_OK) < 0) {
		check_answer(c, CHECK_NO, d, "no disk has the numbers %.*s", length, value);
		return false;
	}
	if (!has(path, "partition"))
		return true;
	check_answer(c, CHECK_NO, d, "%.*s is a partition: its disk has limits", length, value);

	return false;
}

#define MEMORY_FOR_NOTHING 131072
#define MEMORY_FOR_INIT	   1048576

/* tare-init is charged to the container's cgroup from its clone on. */
static bool is_memory_enough(const struct check *c, const struct step *s,
			     const struct check_demand *d)
{
	const char *file = s->cgroup_file.file;
	int64_t limit = MEMORY_FOR_INIT;

	if (strcmp(file, "memory.max") == 0 || strcmp(file, "memory.limit_in_bytes") == 0)
		limit = read_number(s->cgroup_file.value);
	if (limit >= MEMORY_FOR_INIT || limit < 0)
		return true;
	check_answer(
		c, limit < MEMORY_FOR_NOTHING ? CHECK_NO : CHECK_WEAKER, d,
		"tare-init takes some hundred thousand bytes before the program; %d are enough",
		MEMORY_FOR_INIT);

	return false;
}

/*
 * Only the scheduler bfq has weights, and cfq before Linux 5.0. A value begins with the numbers of
 * the device: "8:0 500".
 */
static bool has_weights(const struct check *c, const struct step *s, const struct check_demand *d)
{
	const char *file = s->cgroup_file.file, *value = s->cgroup_file.value;
	int length = (int) strcspn(value, " ");
	char path[80], text[128];

	if (strcmp(file, "blkio.weight_device") != 0 &&
	    strcmp(file, "blkio.bfq.weight_device") != 0 &&
	    (strcmp(file, "io.bfq.weight") != 0 || !strchr(value, ':')))
		return true;
	fmt_text(path, sizeof(path), "/sys/dev/block/%.*s/queue/scheduler", length, value);

	autoclose int fd = sys_open(path, O_RDONLY);
	ssize_t n = fd < 0 ? fd : sys_read_all(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (n < 0 || strstr(text, "[bfq]") || strstr(text, "[cfq]"))
		return true;
	check_answer(c, CHECK_NO, d, "only a disk with the scheduler bfq has weights");

	return false;
}

#define MOST_PROCESSES 4194304 /* PID_MAX_LIMIT of the kernel */

static bool is_count_right(const struct check *c, const struct step *s,
			   const struct check_demand *d)
{
	if (strcmp(s->cgroup_file.file, "pids.max") != 0 ||
	    read_number(s->cgroup_file.value) <= MOST_PROCESSES)
		return true;
	check_answer(c, CHECK_NO, d, "the kernel takes %d at most, or -1 for no limit",
		     MOST_PROCESSES);

	return false;
}

/* The device's name stands in front: "mlx4_0 hca_handle=3". */
static bool is_rdma_there(const struct check *c, const struct step *s, const struct check_demand *d)
{
	const char *value = s->cgroup_file.value;
	int length = (int) strcspn(value, " ");
	char path[128];

	if (strcmp(s->cgroup_file.file, "rdma.max") != 0)
		return true;
	fmt_text(path, sizeof(path), "/sys/class/infiniband/%.*s", length, value);
	if (sys_access_at(AT_FDCWD, path, F_OK) == 0)
		return true;
	check_answer(c, CHECK_NO, d, "there is no RDMA device \"%.*s\"", length, value);

	return false;
}

static bool is_value_right(const struct check *c, const struct place *p, const struct step *s,
			   const struct check_demand *d)
{
	return is_list_there(c, p, s, d) && is_period_right(c, s, d) && is_quota_left(c, p, s, d) &&
	       is_runtime_left(c, p, s, d) && is_disk_there(c, s, d) && is_rdma_there(c, s, d) &&
	       has_weights(c, s, d) && is_memory_enough(c, s, d) && is_count_right(c, s, d);
}

static void check_file(const struct check *c, const struct step *s)
{
	char what[256], controller[32];
	const char *file = s->cgroup_file.file, *other = s->cgroup_file.other_file;
	const struct check_demand d = {
		.place = s->place,
		.what = what,
		.remedy = "leave this limit out, or use a kernel that has it"
	};
	struct place p;

	fmt_text(what, sizeof(what), "%s", file);
	fmt_text(controller, sizeof(controller), "%.*s", (int) strcspn(file, "."), file);
	if (s->cgroup_file.optional || strcmp(controller, "cgroup") == 0 || is_looked_at(c, s))
		return;
	find_place(s->cgroup_file.directory, &p);
	if (p.v2 && !has_controller(p.dir, controller))
		check_answer(c, CHECK_NO, &d,
			     "neither \"%s\" nor a cgroup above it has the %s controller", p.dir,
			     controller);
	else if (cgroup_lacks_page_size(file))
		check_answer(c, CHECK_NO, &d, "this kernel has no huge pages of that size");
	else if (is_in_sight(&p, controller) && !has(p.dir, file) && !(other && has(p.dir, other)))
		check_answer(c, CHECK_NO, &d, "this kernel has no such file: \"%s\" is without it",
			     p.dir);
	else if (is_value_right(c, &p, s, &d))
		check_answer(c, CHECK_OK, &d, "\"%s\" may be written", s->cgroup_file.value);
}

/* ---- real time ---- */

static bool writes(const struct check *c, const char *file)
{
	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];

		if (s->op == OP_WRITE_CGROUP && s->cgroup_file.file &&
		    strcmp(s->cgroup_file.file, file) == 0)
			return true;
	}

	return false;
}

/* A new cgroup of v1 has a runtime of 0: sched_setattr(2) returns EPERM, even for root. */
static void check_real_time(const struct check *c)
{
	static const char file[] = "cpu.rt_runtime_us";
	const struct step *s = plan_find_step(c->plan, OP_SET_SCHEDULER);
	struct place p;

	if (!s || (s->scheduler.policy != SCHED_FIFO && s->scheduler.policy != SCHED_RR) ||
	    writes(c, file))
		return;

	const struct check_demand d = { .place = s->place,
					.what = s->scheduler.name,
					.remedy = "give it linux.resources.cpu.realtimeRuntime" };
	for (size_t i = 0; i < c->plan->step_count; i++) {
		if (c->plan->steps[i].op != OP_MAKE_CGROUP)
			continue;
		find_place(c->plan->steps[i].cgroup.path, &p);
		if (!p.v2 && has(p.dir, file))
			check_answer(c, CHECK_NO, &d, "the container's cgroup has no %s", file);
	}
}

void check_cgroups(const struct check *c)
{
	check_groups(c);
	check_real_time(c);
	for (size_t i = 0; i < c->plan->step_count; i++) {
		const struct step *s = &c->plan->steps[i];

		if (s->op == OP_WRITE_CGROUP && s->cgroup_file.file)
			check_file(c, s);
	}
}
