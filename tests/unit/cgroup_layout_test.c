/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/cgroup_layout_test.c - cgroup/layout.c
 */
#include "base/fmt.h"
#include "cgroup/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define ROOT "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
#define V1(id, name, point, options)                                                               \
#id " 31 0:" #id " / " point " rw,nosuid shared:9 - cgroup " name " rw," options "\n"
#define V2(root, point)                                                                            \
	"41 31 0:38 " root " " point " rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"

static struct cgroup_layout parse(const char *mountinfo, const char *own)
{
	static struct arena a;
	struct cgroup_layout layout = { .count = 99 };

	if (!a.base)
		arena_open(&a);
	cgroup_layout_parse(&layout, arena_strdup(&a, mountinfo), arena_strdup(&a, own), &a);

	return layout;
}

/* "controllers=mount|own" for each, with a blank between. */
static const char *text_of(const struct cgroup_layout *layout)
{
	static char text[4096];
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < layout->count; i++) {
		const struct cgroup_hierarchy *h = &layout->hierarchies[i];

		length += fmt_text(text + length, sizeof(text) - length, "%s%s%s=%s|%s",
				   i > 0 ? " " : "", h->v2 ? "v2:" : "", h->controllers, h->mount,
				   h->own);
	}

	return text;
}

static void expect(const char *mountinfo, const char *own, enum cgroup_mode mode, const char *text)
{
	struct cgroup_layout layout = parse(mountinfo, own);

	assert_string_equal(text_of(&layout), text);
	assert_int_equal(layout.mode, mode);
}

static void no_mount_is_none(void **state)
{
	(void) state;
	expect(ROOT, "0::/\n", CGROUP_NONE, "");
	expect("", "", CGROUP_NONE, "");
	expect(ROOT, "4:memory:/a\n0::/\n", CGROUP_NONE, "");
}

static void v2_alone(void **state)
{
	(void) state;
	expect(ROOT V2("/", "/sys/fs/cgroup"), "0::/user.slice/x\n", CGROUP_V2,
	       "v2:=/sys/fs/cgroup|/user.slice/x");
}

static void v1_alone_keeps_joint_controllers_together(void **state)
{
	(void) state;
	expect(ROOT V1(32, "cgroup", "/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct")
		       V1(33, "memory", "/sys/fs/cgroup/memory", "memory"),
	       "2:memory:/m\n1:cpu,cpuacct:/c\n", CGROUP_V1,
	       "cpu,cpuacct=/sys/fs/cgroup/cpu,cpuacct|/c memory=/sys/fs/cgroup/memory|/m");
}

/* Whoever has the directories alone looks there first. */
static void the_freezer_and_cpu_come_first(void **state)
{
	(void) state;
	expect(ROOT V1(31, "pids", "/c/pids", "pids") V1(32, "cpu", "/c/cpu", "cpu,cpuacct")
		       V1(33, "freezer", "/c/freezer", "freezer") V2("/", "/c/unified"),
	       "5:pids:/\n4:cpu,cpuacct:/\n3:freezer:/\n0::/\n", CGROUP_HYBRID,
	       "freezer=/c/freezer|/ cpu,cpuacct=/c/cpu|/ pids=/c/pids|/ v2:=/c/unified|/");
}

static void hybrid_has_v2_last(void **state)
{
	(void) state;
	expect(ROOT V2("/", "/sys/fs/cgroup/unified")
		       V1(37, "systemd", "/sys/fs/cgroup/systemd", "xattr,name=systemd")
			       V1(39, "pids", "/sys/fs/cgroup/pids", "pids"),
	       "9:name=systemd:/\n8:pids:/\n0::/u\n", CGROUP_HYBRID,
	       "name=systemd=/sys/fs/cgroup/systemd|/ pids=/sys/fs/cgroup/pids|/ "
	       "v2:=/sys/fs/cgroup/unified|/u");
}

static void a_controller_is_not_a_prefix_of_another(void **state)
{
	(void) state;
	expect(ROOT V1(33, "cpuset", "/sys/fs/cgroup/cpuset", "cpuset"), "3:cpu:/\n2:cpuset:/\n",
	       CGROUP_V1, "cpuset=/sys/fs/cgroup/cpuset|/");
}

static void own_path_is_told_below_the_mounts_root(void **state)
{
	(void) state;
	expect(V2("/docker/abc", "/sys/fs/cgroup"), "0::/docker/abc/x\n", CGROUP_V2,
	       "v2:=/sys/fs/cgroup|/x");
	expect(V2("/docker/abc", "/sys/fs/cgroup"), "0::/docker/abc\n", CGROUP_V2,
	       "v2:=/sys/fs/cgroup|/");
	/* A mount of another part, and one whose root only looks like a parent. */
	expect(V2("/other", "/sys/fs/cgroup"), "0::/docker/abc\n", CGROUP_NONE, "");
	expect(V2("/docker/ab", "/sys/fs/cgroup"), "0::/docker/abc\n", CGROUP_NONE, "");
}

static void mounts_outside_of_the_namespace_are_left_out(void **state)
{
	(void) state;
	expect(V2("/../..", "/sys/fs/cgroup"), "0::/\n", CGROUP_NONE, "");
	/* The process is outside, the mount is of the namespace: its root will do. */
	expect(V2("/", "/sys/fs/cgroup"), "0::/../x\n", CGROUP_V2, "v2:=/sys/fs/cgroup|/");
	/* The host's mount is still there below the new one. */
	expect(V2("/..", "/sys/fs/cgroup") V2("/", "/sys/fs/cgroup"), "0::/\n", CGROUP_V2,
	       "v2:=/sys/fs/cgroup|/");
}

static void the_usual_place_is_preferred(void **state)
{
	(void) state;
	expect(V2("/", "/sys/fs/cgroup") V2("/", "/var/lib/x/rootfs/cgroup"), "0::/\n", CGROUP_V2,
	       "v2:=/sys/fs/cgroup|/");
	expect(V2("/", "/mnt/cg") V2("/", "/sys/fs/cgroup"), "0::/\n", CGROUP_V2,
	       "v2:=/sys/fs/cgroup|/");
	expect(V2("/", "/mnt/cg"), "0::/\n", CGROUP_V2, "v2:=/mnt/cg|/");
}

static void escapes_are_undone_and_rubbish_is_passed_over(void **state)
{
	(void) state;
	expect("- cgroup\n1 2 - cgroup2 x\n\n" V2("/a\\040b", "/mnt/c\\134g"),
	       "rubbish\n1:x\n:::\n0::/a b/c\n", CGROUP_V2, "v2:=/mnt/c\\g|/c");
	/* What is no octal number is none of the kernel's, and stays. */
	expect(V2("/", "/mnt/\\0/..") V2("/", "/mnt/\\189"), "0::/\n", CGROUP_V2,
	       "v2:=/mnt/\\189|/");
}

static void find_looks_into_v1_lists_and_v2_files(void **state)
{
	char dir[] = "/tmp/tare-layout-XXXXXX", path[200];

	(void) state;
	assert_non_null(mkdtemp(dir));
	fmt_text(path, sizeof(path), "%s/cgroup.controllers", dir);
	FILE *file = fopen(path, "w");
	fputs("cpuset cpu io memory\n", file);
	fclose(file);

	const struct cgroup_hierarchy hierarchies[] = {
		{ .controllers = "cpu,cpuacct", .mount = "/none" },
		{ .controllers = "", .mount = dir, .v2 = true },
	};
	struct cgroup_layout layout = { CGROUP_HYBRID, hierarchies, 2 };
	assert_ptr_equal(cgroup_layout_find(&layout, "cpuacct"), &hierarchies[0]);
	assert_ptr_equal(cgroup_layout_find(&layout, "cpu"), &hierarchies[0]);
	assert_ptr_equal(cgroup_layout_find(&layout, "memory"), &hierarchies[1]);
	assert_ptr_equal(cgroup_layout_find(&layout, "cpuset"), &hierarchies[1]);
	assert_null(cgroup_layout_find(&layout, "pids"));
	assert_null(cgroup_layout_find(&layout, "mem"));
	assert_null(cgroup_layout_find(&layout, "set"));
	unlink(path);
	rmdir(dir);
}

static void this_host_can_be_read(void **state)
{
	struct cgroup_layout layout;
	struct arena a;
	struct err e;
	struct stat st;

	(void) state;
	arena_open(&a);
	assert_int_equal(cgroup_layout_read(&layout, &a, &e), 0);
	for (size_t i = 0; i < layout.count; i++) {
		assert_int_equal(layout.hierarchies[i].own[0], '/');
		assert_int_equal(stat(layout.hierarchies[i].mount, &st), 0);
		assert_true(i + 1 == layout.count || !layout.hierarchies[i].v2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_mount_is_none),
		cmocka_unit_test(v2_alone),
		cmocka_unit_test(v1_alone_keeps_joint_controllers_together),
		cmocka_unit_test(the_freezer_and_cpu_come_first),
		cmocka_unit_test(hybrid_has_v2_last),
		cmocka_unit_test(a_controller_is_not_a_prefix_of_another),
		cmocka_unit_test(own_path_is_told_below_the_mounts_root),
		cmocka_unit_test(mounts_outside_of_the_namespace_are_left_out),
		cmocka_unit_test(the_usual_place_is_preferred),
		cmocka_unit_test(escapes_are_undone_and_rubbish_is_passed_over),
		cmocka_unit_test(find_looks_into_v1_lists_and_v2_files),
		cmocka_unit_test(this_host_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
