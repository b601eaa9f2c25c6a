/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_rootfs_test.c - plan/mounts/rootfs.c, plan/mounts/paths.c, plan/process/terminal.c, plan/mounts/path_text.c
 */
#include "plan_harness.h"

#include "base/table.h"
#include "base/path.h"
#include "plan/mounts/path_text.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS "\"namespaces\": [{ \"type\": \"mount\" }]"
#define CONFIG(root, linux)                                                                        \
	"{ \"ociVersion\": \"1.3.0\", \"root\": { " root " }, \"linux\": { " linux " } }"
#define ROOTFS "\"path\": \"rootfs\""

/* A bundle with a directory `rootfs`, a file `file`, a link `link` to the directory. */
static char bundle[] = "/tmp/tare-plan-XXXXXX";

static int make_bundle(void **state)
{
	(void) state;
	if (!mkdtemp(bundle) || chdir(bundle) < 0 || mkdir("rootfs", 0755) < 0 ||
	    symlink("rootfs", "link") < 0 || mknod("file", S_IFREG | 0644, 0) < 0)
		return -1;

	return 0;
}

static int remove_bundle(void **state)
{
	(void) state;
	unlink("file");
	unlink("link");
	rmdir("rootfs");

	return rmdir(bundle);
}

static struct plan_case rootfs_of(struct plan_case c)
{
	c.options.bundle = bundle;
	c.subjects[0] = plan_namespaces;
	c.subjects[1] = plan_record_mount;
	c.subjects[2] = plan_rootfs;
	c.subjects[3] = plan_paths;
	c.subjects[4] = plan_enter_rootfs;

	return c;
}

/* @front, @path of the bundle in quotes, @rest. */
static void gives(struct plan_case *c, const char *json, const char *front, const char *path,
		  const char *rest)
{
	char text[2048];

	fmt_text(text, sizeof(text), "%s\"%s/%s\"%s", front, bundle, path, rest);
	plan_case_gives(c, json, text);
}

static void nothing_travels_to_the_host(void **state)
{
	struct plan_case c = rootfs_of(plan_case_of_root());

	(void) state;
	gives(&c, CONFIG(ROOTFS, NS), "propagate rslave\nmount-rootfs ", "rootfs",
	      " [/root/path]\n"
	      "pivot-root [/root/path]\n"
	      "propagate-root private\n");
	gives(&c, CONFIG("\"path\": \"link\"", NS ", \"rootfsPropagation\": \"shared\""),
	      "propagate rslave\nmount-rootfs ", "link",
	      " [/root/path]\n"
	      "pivot-root [/root/path]\n"
	      "propagate-root private [/linux/rootfsPropagation]\n"
	      "propagate-root shared [/linux/rootfsPropagation]\n");
	gives(&c, CONFIG(ROOTFS, NS ", \"rootfsPropagation\": \"rprivate\""),
	      "propagate rslave\nmount-rootfs ", "rootfs",
	      " [/root/path]\n"
	      "pivot-root [/root/path]\n"
	      "propagate-root private [/linux/rootfsPropagation]\n");
}

static void the_root_is_protected_after_all_else(void **state)
{
	struct plan_case c = rootfs_of(plan_case_of_root());

	(void) state;
	c.options.flags.no_pivot = true;
	gives(&c,
	      CONFIG(ROOTFS ", \"readonly\": true", NS
		     ", \"rootfsPropagation\": \"runbindable\","
		     "\"maskedPaths\": [\"/proc/kcore\"], \"readonlyPaths\": [\"/proc\", \"/x y\"]"),
	      "propagate rslave\nmount-rootfs ", "rootfs",
	      " [/root/path]\n"
	      "protect-path \"/proc\" [/linux/readonlyPaths/0]\n"
	      "protect-path \"/x y\" [/linux/readonlyPaths/1]\n"
	      "mask-path \"/proc/kcore\" [/linux/maskedPaths/0]\n"
	      "move-root [/root/path]\n"
	      "protect-root [/root/readonly]\n"
	      "propagate-root runbindable [/linux/rootfsPropagation]\n");
}

static void the_root_may_be_a_readonly_path(void **state)
{
	struct plan_case c = rootfs_of(plan_case_of_root());

	(void) state;
	gives(&c, CONFIG(ROOTFS, NS ", \"readonlyPaths\": [\"/x\", \"/x/..\", \"/\"]"),
	      "propagate rslave\nmount-rootfs ", "rootfs",
	      " [/root/path]\n"
	      "protect-path \"/x\" [/linux/readonlyPaths/0]\n"
	      "pivot-root [/root/path]\n"
	      "protect-root [/linux/readonlyPaths/1]\n"
	      "propagate-root private\n");
}

static void root_opens_the_rootfs_for_a_user_namespace(void **state)
{
	struct plan_case c = rootfs_of(plan_case_of_root());

	(void) state;
	gives(&c,
	      CONFIG(ROOTFS, "\"namespaces\": [{ \"type\": \"mount\" }, { \"type\": \"user\" }]"),
	      "propagate rslave\nmount-rootfs ", "rootfs",
	      " opened by host [/root/path]\n"
	      "pivot-root [/root/path]\n"
	      "propagate-root private\n");
}

/* The rootfs is one mount of the namespace there is, which the journal knows of; one that is joined keeps that. */
static void without_a_mount_namespace_what_takes_mounts_is_in_that_of_others(void **state)
{
	static const char *const asks[] = { "\"rootfsPropagation\": \"private\"",
					    "\"maskedPaths\": [\"/x\"]",
					    "\"readonlyPaths\": [\"/x\"]" };
	static const char *const steps[] = {
		"chroot \"/tmp\" [/root/path]\npropagate-root private [/linux/rootfsPropagation]\n",
		"mask-path \"/x\" [/linux/maskedPaths/0]\nchroot \"/tmp\" [/root/path]\npropagate-root private\n",
		"protect-path \"/x\" [/linux/readonlyPaths/0]\nchroot \"/tmp\" [/root/path]\npropagate-root private\n",
	};
	struct plan_case c = rootfs_of(plan_case_of_root());
	char json[512], text[512];

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		fmt_text(json, sizeof(json), CONFIG("\"path\": \"/tmp\"", "%s"), asks[i]);
		fmt_text(
			text, sizeof(text),
			"record-mount \"/tmp\" [/root/path]\nmount-rootfs \"/tmp\" [/root/path]\n%s",
			steps[i]);
		plan_case_gives(&c, json, text);
	}
	plan_case_gives(
		&c,
		CONFIG("\"path\": \"/tmp\", \"readonly\": true",
		       "\"namespaces\": [{ \"type\": \"mount\", \"path\": \"/proc/self/ns/mnt\" }]"),
		"mount-rootfs \"/tmp\" [/root/path]\nchroot \"/tmp\" [/root/path]\n"
		"protect-root [/root/readonly]\npropagate-root private\n");
}

static void without_a_mount_namespace_there_is_only_chroot(void **state)
{
	struct plan_case c = rootfs_of(plan_case_of_root());

	(void) state;
	gives(&c, CONFIG(ROOTFS, ""), "chroot ", "rootfs", " [/root/path]\n");
}

static void rootfs_errors_name_the_property(void **state)
{
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ "{ \"ociVersion\": \"1.3.0\" }", "/root: the required property is missing" },
		{ CONFIG("\"path\": \"/nowhere/at/all\"", NS),
		  "/root/path: \"/nowhere/at/all\": no such file or directory (a bundle has config.json and a directory with the "
		  "root file system: put one there)" },
		{ CONFIG("\"path\": \"/dev/null\"", NS),
		  "/root/path: \"/dev/null\" is not a directory" },
		{ CONFIG("\"path\": \"/dev/..\"", NS),
		  "/root/path: \"/dev/..\" is the host's own root" },
		{ CONFIG("\"path\": \"/tmp\"", NS ", \"maskedPaths\": [\"/a\", \"proc/kcore\"]"),
		  "/linux/maskedPaths/1: \"proc/kcore\" is not an absolute path" },
		{ CONFIG("\"path\": \"/tmp\"", NS ", \"readonlyPaths\": [\"\"]"),
		  "/linux/readonlyPaths/0: \"\" is not an absolute path" },
		{ CONFIG("\"path\": \"/tmp\"", NS ", \"maskedPaths\": [\"/a/..\"]"),
		  "/linux/maskedPaths/0: \"/a/..\" is the whole rootfs" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plan_case c = rootfs_of(plan_case_of_root());

		plan_case_refuses(&c, cases[i].json, cases[i].line);
	}
}

/* ---- terminal ---- */

#define PROCESS(more)                                                                              \
	"{ \"ociVersion\": \"1.3.0\", \"process\": { \"cwd\": \"/\", \"args\": [\"sh\"],"          \
	" \"user\": { \"uid\": 7, \"gid\": 0 }" more " }, \"linux\": { " NS " } }"
#define TTY ", \"terminal\": true"

static struct plan_case terminal_of(bool detach, bool pass)
{
	struct plan_case c = plan_case_of_root();

	c.options.detach = detach;
	c.options.pass_console = pass;
	c.subjects[0] = plan_namespaces;
	c.subjects[1] = plan_record_mount;
	c.subjects[2] = plan_terminal;

	return c;
}

static void a_console_is_opened_and_passed_on(void **state)
{
	struct plan_case c = terminal_of(true, true);

	(void) state;
	plan_case_gives(
		&c, PROCESS(TTY ", \"consoleSize\": { \"height\": 24, \"width\": 80 }"),
		"open-console owner 7, 24 rows, 80 columns, on /dev/console [/process/terminal]\n"
		"pass-console [/process/terminal]\n");

	c = terminal_of(false, false);
	plan_case_gives(&c, PROCESS(TTY),
			"open-console owner 7, on /dev/console [/process/terminal]\n");
}

static void without_a_terminal_its_size_is_ignored(void **state)
{
	struct plan_case c = terminal_of(true, false);

	(void) state;
	plan_case_gives(&c, PROCESS(", \"consoleSize\": { \"height\": 70000, \"width\": 80 }"), "");
	plan_case_gives(&c, "{ \"ociVersion\": \"1.3.0\" , \"linux\": { " NS " } }", "");
}

static void a_terminal_needs_somebody_at_its_other_end(void **state)
{
	struct plan_case c = terminal_of(true, false);

	(void) state;
	plan_case_refuses(
		&c, PROCESS(TTY),
		"/process/terminal: cannot allocate tty if tare will detach without setting "
		"console socket (set it to false, give --console-socket, or use \"tare run\")");
	c = terminal_of(true, true);
	plan_case_refuses(&c, PROCESS(""),
			  "cannot use console socket if tare will not detach or allocate tty");
	c = terminal_of(false, true);
	plan_case_refuses(&c, PROCESS(TTY),
			  "cannot use console socket if tare will not detach or allocate tty");
	c = terminal_of(true, true);
	plan_case_refuses(&c,
			  PROCESS(TTY ", \"consoleSize\": { \"height\": 65536, \"width\": 80 }"),
			  "/process/consoleSize/height: 65536 is more than 65535");
	plan_case_refuses(&c, PROCESS(TTY ", \"consoleSize\": { \"height\": 1, \"width\": 70000 }"),
			  "/process/consoleSize/width: 70000 is more than 65535");
}

/* ---- paths as text ---- */

static void paths_are_cleaned(void **state)
{
	static const struct {
		const char *path, *clean;
	} cases[] = {
		{ "/", "/" },		{ "", "/" },
		{ "a", "/a" },		{ "/a//b/", "/a/b" },
		{ "/./a/.", "/a" },	{ "/a/../b", "/b" },
		{ "/../../a/..", "/" }, { "/a/b/../..", "/" },
		{ "/a/...", "/a/..." }, { "/..a/b..", "/..a/b.." },
	};
	struct arena a;

	(void) state;
	arena_open(&a);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(path_clean(&a, cases[i].path), cases[i].clean);
}

static void a_path_is_within_its_directory(void **state)
{
	(void) state;
	assert_string_equal(path_below("/dev", "/dev"), "/");
	assert_string_equal(path_below("/dev/null", "/dev"), "/null");
	assert_string_equal(path_below("/dev", "/"), "/dev");
	assert_null(path_below("/devices", "/dev"));
	assert_null(path_below("/de", "/dev"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_travels_to_the_host),
		cmocka_unit_test(the_root_is_protected_after_all_else),
		cmocka_unit_test(the_root_may_be_a_readonly_path),
		cmocka_unit_test(root_opens_the_rootfs_for_a_user_namespace),
		cmocka_unit_test(without_a_mount_namespace_what_takes_mounts_is_in_that_of_others),
		cmocka_unit_test(without_a_mount_namespace_there_is_only_chroot),
		cmocka_unit_test(rootfs_errors_name_the_property),
		cmocka_unit_test(a_console_is_opened_and_passed_on),
		cmocka_unit_test(without_a_terminal_its_size_is_ignored),
		cmocka_unit_test(a_terminal_needs_somebody_at_its_other_end),
		cmocka_unit_test(paths_are_cleaned),
		cmocka_unit_test(a_path_is_within_its_directory),
	};

	return cmocka_run_group_tests(tests, make_bundle, remove_bundle);
}
