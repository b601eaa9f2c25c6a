/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/plan_mounts_test.c - plan/mounts/mounts.c, plan/mounts/options.c, plan/mounts/cgroup.c
 */
#include "plan_harness.h"

#include "base/table.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "plan/mounts/options.h"

#include <linux/capability.h>

#define MOUNTS_IN(namespaces, list)                                                                \
	"{ \"ociVersion\": \"1.3.0\", \"mounts\": [" list "],"                                     \
	" \"linux\": { \"namespaces\": [{ \"type\": \"mount\" }" namespaces "] } }"
#define MOUNTS(list) MOUNTS_IN("", list)
#define PROC_LEAVES                                                                                \
	"(these files can, by a bind: /proc/cpuinfo, /proc/diskstats, /proc/loadavg, "             \
	"/proc/meminfo, /proc/slabinfo, /proc/stat, /proc/swaps, /proc/uptime, "                   \
	"/proc/sys/kernel/ns_last_pid)"
#define NO_TYPE                                                                                    \
	"/mounts/0: a mount without a type that is not a bind (add the option \"rbind\" for a "    \
	"directory or file of the host, or the type of the filesystem)"
#define CGROUP_NS ", { \"type\": \"cgroup\" }"
#define USER_NS	  ", { \"type\": \"user\" }"

static struct plan_case mounts_of(struct plan_case c)
{
	c.subjects[0] = plan_namespaces;
	c.subjects[1] = plan_mounts;

	return c;
}

/* ---- the table ---- */

static void every_option_has_a_name_of_its_own(void **state)
{
	(void) state;
	for (size_t i = 0; i < mount_options_count; i++)
		assert_ptr_equal(mount_option_find(mount_options[i].name), &mount_options[i]);
}

static void every_option_of_the_spec_is_known(void **state)
{
	static const char *const names[] = {
		"async",
		"atime",
		"bind",
		"defaults",
		"dev",
		"diratime",
		"dirsync",
		"exec",
		"iversion",
		"lazytime",
		"loud",
		"noatime",
		"nodev",
		"nodiratime",
		"noexec",
		"noiversion",
		"nolazytime",
		"norelatime",
		"nostrictatime",
		"nosuid",
		"private",
		"rbind",
		"relatime",
		"remount",
		"ro",
		"rprivate",
		"rshared",
		"rslave",
		"runbindable",
		"rw",
		"shared",
		"silent",
		"slave",
		"strictatime",
		"suid",
		"sync",
		"unbindable",
		"nosymfollow",
		"symfollow",
		"ratime",
		"rdev",
		"rdiratime",
		"rexec",
		"rnoatime",
		"rnodiratime",
		"rnodev",
		"rnoexec",
		"rnorelatime",
		"rnostrictatime",
		"rnosuid",
		"rnosymfollow",
		"rrelatime",
		"rro",
		"rrw",
		"rstrictatime",
		"rsuid",
		"rsymfollow",
		"mand",
		"nomand",
		"idmap",
		"ridmap",
		"tmpcopyup",
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_non_null(mount_option_find(names[i]));
	}
}

static void every_recursive_option_is_like_the_plain_one(void **state)
{
	(void) state;
	for (size_t i = 0; i < mount_options_count; i++) {
		const struct mount_option *r = &mount_options[i];

		if (!r->recursive.set && !r->recursive.clear)
			continue;
		const struct mount_option *plain = mount_option_find(r->name + 1);
		assert_non_null(plain);
		assert_memory_equal(&r->recursive, &plain->attrs, sizeof(r->recursive));
	}
}

static void every_propagation_has_a_name(void **state)
{
	(void) state;
	for (size_t i = 0; i < mount_options_count; i++) {
		const struct mount_option *option = &mount_options[i];

		if (!option->propagation)
			continue;
		assert_string_equal(mount_propagation_name(option->propagation), option->name);
		assert_ptr_equal(mount_option_find_propagation(option->name), option);
	}
	assert_null(mount_option_find_propagation("ro"));
	assert_null(mount_propagation_name(0));
}

/* Apply words one after the other. */
static struct mount_step apply(const char *const *words)
{
	struct mount_step m = { 0 };

	for (; *words; words++)
		mount_option_apply(mount_option_find(*words), &m);

	return m;
}

#define APPLY(...) apply((const char *const[]) { __VA_ARGS__, NULL })

static void the_later_of_two_options_counts(void **state)
{
	(void) state;
	struct mount_step m = APPLY("ro", "rw", "nosuid");
	assert_int_equal(m.attrs.set, MOUNT_ATTR_NOSUID);
	assert_int_equal(m.attrs.clear, MOUNT_ATTR_RDONLY);
	assert_int_equal(m.flags, 0);

	m = APPLY("rw", "ro");
	assert_int_equal(m.attrs.set, MOUNT_ATTR_RDONLY);
	assert_int_equal(m.attrs.clear, 0);
	assert_int_equal(m.flags, MS_RDONLY);
}

static void times_of_access_are_a_choice_of_one(void **state)
{
	(void) state;
	struct mount_step m = APPLY("noatime", "strictatime");
	assert_int_equal(m.attrs.set, MOUNT_ATTR_STRICTATIME);
	assert_int_equal(m.attrs.clear, MOUNT_ATTR__ATIME);

	m = APPLY("noatime", "nostrictatime");
	assert_int_equal(m.attrs.set, MOUNT_ATTR_NOATIME);

	m = APPLY("strictatime", "nostrictatime", "nodiratime");
	assert_int_equal(m.attrs.set, MOUNT_ATTR_NODIRATIME);
	assert_int_equal(m.attrs.clear, MOUNT_ATTR__ATIME);

	m = APPLY("norelatime");
	assert_int_equal(m.attrs.set | m.attrs.clear, 0);

	m = APPLY("rnoatime", "noexec");
	assert_int_equal(m.recursive_attrs.set, MOUNT_ATTR_NOATIME);
	assert_int_equal(m.recursive_attrs.clear, MOUNT_ATTR__ATIME);
	assert_int_equal(m.attrs.set, MOUNT_ATTR_NOEXEC);
}

/* ---- what becomes a step ---- */

static void the_usual_mounts(void **state)
{
	struct plan_case c = mounts_of(plan_case_of_root());

	(void) state;
	plan_case_gives(
		&c,
		MOUNTS("{ \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\" },"
		       "{ \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\":"
		       "  [\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\"] },"
		       "{ \"destination\": \"dev/pts\", \"type\": \"devpts\", \"options\":"
		       "  [\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"\"] },"
		       "{ \"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\", \"options\":"
		       "  [\"nosuid\", \"ro\", \"lazytime\", \"defaults\"] }"),
		"mount proc on \"/proc\" [/mounts/0]\n"
		"mount tmpfs on \"/dev\" nosuid,strictatime,mode=755,size=65536k [/mounts/1]\n"
		"mount devpts on \"/dev/pts\" nosuid,noexec,newinstance,ptmxmode=0666 [/mounts/2]\n"
		"mount sysfs on \"/sys\" ro,nosuid,lazytime [/mounts/3]\n");
}

static void binds_are_made_absolute(void **state)
{
	struct plan_case c = mounts_of(plan_case_of_root());

	(void) state;
	plan_case_gives(
		&c,
		MOUNTS("{ \"destination\": \"/data\", \"type\": \"bind\", \"source\": \"/srv/a b\","
		       "  \"options\": [\"bind\", \"ro\", \"rprivate\", \"sync\", \"silent\"] },"
		       "{ \"destination\": \"/x\", \"source\": \"vol\", \"options\":"
		       "  [\"rbind\", \"rw\", \"rro\", \"slave\", \"rnoatime\", \"relatime\"] },"
		       "{ \"destination\": \"/x\", \"type\": \"none\", \"options\": [\"remount\", \"bind\", \"noexec\"] },"
		       "{ \"destination\": \"/x\", \"options\": [\"remount\", \"size=1m\"] }"),
		"mount bind \"/srv/a b\" on \"/data\" ro,rprivate [/mounts/0]\n"
		"mount rbind \"/b/vol\" on \"/x\" rw,relatime,rro,rnoatime,slave [/mounts/1]\n"
		"mount remount-bind \"/x\" noexec [/mounts/2]\n"
		"mount remount \"/x\" size=1m [/mounts/3]\n");
}

static void a_shared_bind_comes_from_the_host(void **state)
{
	struct plan_case c = mounts_of(plan_case_of_root());

	(void) state;
	plan_case_gives(
		&c,
		MOUNTS("{ \"destination\": \"/v\", \"source\": \"/v\", \"options\": [\"rbind\", \"rshared\"] }"),
		"mount rbind \"/v\" on \"/v\" rshared opened by host [/mounts/0]\n");
}

static void root_opens_sources_for_a_user_namespace(void **state)
{
	struct plan_case c = mounts_of(plan_case_of_root());
	static const char json[] = MOUNTS_IN(
		USER_NS, "{ \"destination\": \"/v\", \"source\": \"/v\", \"options\": [\"bind\"] },"
			 "{ \"destination\": \"/t\", \"type\": \"tmpfs\" }");

	(void) state;
	plan_case_gives(&c, json,
			"mount bind \"/v\" on \"/v\" opened by host [/mounts/0]\n"
			"mount tmpfs on \"/t\" [/mounts/1]\n");

	c = mounts_of(plan_case_of_user());
	plan_case_gives(&c, json,
			"mount bind \"/v\" on \"/v\" [/mounts/0]\n"
			"mount tmpfs on \"/t\" [/mounts/1]\n");
}

static void sysfs_of_another_network_is_bound(void **state)
{
	struct plan_case c = mounts_of(plan_case_of_user());

	(void) state;
	plan_case_gives(&c,
			MOUNTS_IN(USER_NS, "{ \"destination\": \"/sys\", \"type\": \"sysfs\","
					   " \"options\": [\"ro\", \"nosuid\"] }"),
			"mount rbind \"/sys\" on \"/sys\" ro,nosuid,rro,rnosuid [/mounts/0]\n");
	plan_case_gives(&c,
			MOUNTS_IN(USER_NS ", { \"type\": \"network\" }",
				  "{ \"destination\": \"/sys\", \"type\": \"sysfs\" }"),
			"mount sysfs on \"/sys\", else rbind \"/sys\" [/mounts/0]\n");
	c.facts = plan_case_of_root().facts;
	plan_case_gives(&c, MOUNTS("{ \"destination\": \"/sys\", \"type\": \"sysfs\" }"),
			"mount sysfs on \"/sys\" [/mounts/0]\n");
	c.facts.initial_userns = false; /* root of an outer container */
	plan_case_gives(&c, MOUNTS("{ \"destination\": \"/sys\", \"type\": \"sysfs\" }"),
			"mount sysfs on \"/sys\", else rbind \"/sys\" [/mounts/0]\n");
}

static void proc_of_the_callers_processes_is_bound(void **state)
{
	static const char proc[] = "{ \"destination\": \"/proc\", \"type\": \"proc\" }";
	struct plan_case c = mounts_of(plan_case_of_user());
	char json[512];

	(void) state;
	fmt_text(json, sizeof(json), MOUNTS_IN(USER_NS, "%s"), proc);
	plan_case_gives(&c, json, "mount rbind \"/proc\" on \"/proc\" [/mounts/0]\n");
	fmt_text(json, sizeof(json), MOUNTS_IN(USER_NS ", { \"type\": \"pid\" }", "%s"), proc);
	plan_case_gives(&c, json, "mount proc on \"/proc\" [/mounts/0]\n");
	fmt_text(json, sizeof(json),
		 MOUNTS_IN(USER_NS ", { \"type\": \"pid\", \"path\": \"/p\" }", "%s"), proc);
	plan_case_gives(&c, json, "mount proc on \"/proc\" [/mounts/0]\n");
	c.facts = plan_case_of_root().facts;
	plan_case_gives(&c, MOUNTS("{ \"destination\": \"/proc\", \"type\": \"proc\" }"),
			"mount proc on \"/proc\" [/mounts/0]\n");
}

static void mqueue_of_another_ipc_namespace_is_bound(void **state)
{
	static const char mqueue[] = "{ \"destination\": \"/q\", \"type\": \"mqueue\" }";
	struct plan_case c = mounts_of(plan_case_of_user());
	char json[512];

	(void) state;
	fmt_text(json, sizeof(json), MOUNTS_IN(USER_NS, "%s"), mqueue);
	plan_case_gives(&c, json, "mount rbind \"/dev/mqueue\" on \"/q\" [/mounts/0]\n");
	fmt_text(json, sizeof(json),
		 MOUNTS_IN(USER_NS ", { \"type\": \"ipc\", \"path\": \"/i\" }", "%s"), mqueue);
	plan_case_gives(&c, json,
			"mount mqueue on \"/q\", else rbind \"/dev/mqueue\" [/mounts/0]\n");
}

/* gid=5 is in every engine's config. */
static void ids_of_devpts_that_are_not_mapped_are_left_out(void **state)
{
	static const char json[] =
		MOUNTS_IN(USER_NS, "{ \"destination\": \"/p\", \"type\": \"devpts\", \"options\":"
				   " [\"mode=620\", \"gid=5\", \"newinstance\", \"uid=0\"] }");
	struct plan_case c = mounts_of(plan_case_of_user());

	(void) state;
	c.subjects[2] = c.subjects[1];
	c.subjects[1] = plan_id_maps;
	if (plan_case_run(&c, json) < 0)
		fail_msg("refused: %s", c.error);
	assert_string_equal(strstr(c.text, "mount "),
			    "mount devpts on \"/p\" mode=620,newinstance,uid=0 [/mounts/0]\n");
	assert_string_equal(c.warnings[0],
			    "/mounts/0: gid=5 is not mapped in the user namespace: left out");
	assert_null(c.warnings[1]);
}

#define LABELLED(more, mounts)                                                                     \
	"{ \"ociVersion\": \"1.3.0\", \"mounts\": [" mounts "]" more                               \
	", \"linux\": { \"namespaces\": [{ \"type\": \"mount\" }], \"mountLabel\": \"u:r:t:s0:c1,c2\" } }"
#define TYPE(type) "{ \"destination\": \"/m\", \"type\": \"" type "\" }"

static void new_filesystems_are_labelled(void **state)
{
	struct plan_case c = mounts_of(plan_case_of_root());

	(void) state;
	c.facts.selinux = true;
	plan_case_gives(
		&c,
		LABELLED(
			"",
			TYPE("tmpfs") "," TYPE("mqueue") "," TYPE(
				"sysfs") ","
					 "{ \"destination\": \"/b\", \"source\": \"/b\", \"options\": [\"bind\"] },"
					 "{ \"destination\": \"/p\", \"type\": \"devpts\", \"options\": [\"mode=620\"] }"),
		"mount tmpfs on \"/m\" context=\"u:r:t:s0:c1,c2\" [/mounts/0]\n"
		"mount mqueue on \"/m\" labelled \"u:r:t:s0:c1,c2\" [/mounts/1]\n"
		"mount sysfs on \"/m\" [/mounts/2]\n"
		"mount bind \"/b\" on \"/b\" [/mounts/3]\n"
		"mount devpts on \"/p\" mode=620,context=\"u:r:t:s0:c1,c2\" [/mounts/4]\n");
	plan_case_gives(
		&c,
		LABELLED(", \"annotations\": { \"run.oci.mount_context_type\": \"rootcontext\" }",
			 TYPE("tmpfs")),
		"mount tmpfs on \"/m\" rootcontext=\"u:r:t:s0:c1,c2\" [/mounts/0]\n");
	plan_case_refuses(
		&c,
		LABELLED(", \"annotations\": { \"run.oci.mount_context_type\": \"x\" }",
			 TYPE("tmpfs")),
		"/annotations/run.oci.mount_context_type: unknown type \"x\": it is context, "
		"fscontext, defcontext or rootcontext");
	plan_case_refuses(
		&c,
		LABELLED(
			"",
			"{ \"destination\": \"/m\", \"type\": \"tmpfs\", \"options\": [\"mode=700\", "
			"\"defcontext=a:b:c:s0\"] }"),
		"/mounts/0/options: the mount has a label of its own, defcontext=, and linux.mountLabel "
		"gives it another, context= (the kernel takes one: leave out one of the two)");
	plan_case_gives(
		&c,
		LABELLED("", "{ \"destination\": \"/m\", \"type\": \"tmpfs\", \"options\": "
			     "[\"rootcontext=a:b:c:s0\"] }"),
		"mount tmpfs on \"/m\" rootcontext=a:b:c:s0,context=\"u:r:t:s0:c1,c2\" [/mounts/0]\n");
	c.facts.unknown_label = "u:r:t:s0:c1,c2";
	plan_case_refuses(
		&c, LABELLED("", TYPE("tmpfs")),
		"/linux/mountLabel: \"u:r:t:s0:c1,c2\" is no label of the SELinux policy in "
		"force (`semodule -l` lists the modules of the policy)");
	c.facts.unknown_label = NULL;
	c.facts.initial_userns = false;
	plan_case_gives(&c, LABELLED("", TYPE("mqueue")),
			"mount mqueue on \"/m\", else rbind \"/dev/mqueue\" [/mounts/0]\n");
	assert_string_equal(c.warnings[0],
			    "/mounts/0: mqueue in a user namespace can't be labelled");
}

/* What fsconfig(2) can't say goes to mount(2) as a whole. */
static bool is_classic(const char *json)
{
	struct plan_case c = mounts_of(plan_case_of_root());
	struct arena a;
	struct err e = { 0 };

	arena_open(&a);
	struct plan *plan = plan_reserve(&a);
	struct planner p = { .arena = &a,
			     .config = plan_case_decode(json, &a),
			     .options = &c.options,
			     .facts = &c.facts,
			     .plan = plan,
			     .new_namespaces = CLONE_NEWNS };

	assert_int_equal(plan_mounts(&p, &e), 0);

	return p.steps[0].mount.classic;
}

#define TMPFS(options)                                                                             \
	MOUNTS("{ \"destination\": \"/t\", \"type\": \"tmpfs\", \"options\": [" options "] }")

static void what_only_mount_can_say_is_marked(void **state)
{
	char json[1024], longer[300] = { 0 };

	(void) state;
	assert_false(is_classic(TMPFS("\"ro\", \"size=1m\", \"sync\"")));
	assert_true(is_classic(TMPFS("\"silent\"")));
	assert_false(is_classic(TMPFS("\"silent\", \"loud\"")));
	assert_true(is_classic(TMPFS("\"iversion\"")));
	assert_true(is_classic(TMPFS("\"size=1m,mode=755\"")));

	memset(longer, 'x', 255);
	fmt_text(json, sizeof(json), TMPFS("\"lower=%s\""), longer);
	assert_false(is_classic(json));
	memset(longer, 'x', 256);
	fmt_text(json, sizeof(json), TMPFS("\"lower=%s\""), longer);
	assert_true(is_classic(json));
}

/* ---- /proc ---- */

static void only_leaves_of_proc_are_mounted_over(void **state)
{
	struct plan_case c = mounts_of(plan_case_of_root());

	(void) state;
	plan_case_gives(
		&c,
		MOUNTS("{ \"destination\": \"/proc\", \"source\": \"/proc/\", \"options\": [\"rbind\"] },"
		       "{ \"destination\": \"/proc/../proc//meminfo\", \"source\": \"/m\", \"options\": [\"bind\"] },"
		       "{ \"destination\": \"/procession\", \"source\": \"/m\", \"options\": [\"bind\"] },"
		       "{ \"destination\": \"/proc\", \"options\": [\"remount\", \"ro\"] }"),
		"mount rbind \"/proc\" on \"/proc\" [/mounts/0]\n"
		"mount bind \"/m\" on \"/proc/meminfo\" [/mounts/1]\n"
		"mount bind \"/m\" on \"/procession\" [/mounts/2]\n"
		"mount remount \"/proc\" ro [/mounts/3]\n");
}

static void errors_name_the_mount(void **state)
{
	static const struct {
		const char *json, *line;
	} cases[] = {
		{ MOUNTS("{ \"destination\": \"/a\", \"type\": \"tmpfs\" }, { \"destination\": \"\" }"),
		  "/mounts/1/destination: empty path" },
		{ MOUNTS("{ \"destination\": \"/a/..\", \"type\": \"tmpfs\" }"),
		  "/mounts/0/destination: \"/a/..\" is the rootfs itself" },
		{ MOUNTS("{ \"destination\": \"/a\" }"), NO_TYPE },
		{ MOUNTS("{ \"destination\": \"/a\", \"type\": \"none\", \"options\": [\"ro\"] }"),
		  NO_TYPE },
		{ MOUNTS("{ \"destination\": \"/a\", \"options\": [\"bind\"] }"),
		  "/mounts/0: a bind mount without a source" },
		{ MOUNTS("{ \"destination\": \"/a\", \"type\": \"bind\", \"source\": \"/a\", \"options\": [\"ro\"] }"),
		  "/mounts/0/type: type \"bind\", and neither \"bind\" nor \"rbind\" in the options "
		  "(add \"rbind\", or \"bind\" for the source without what is mounted in it)" },
		{ MOUNTS("{ \"destination\": \"/a\", \"source\": \"/a\", \"options\": [\"bind\", \"noexce\"] }"),
		  "/mounts/0/options/1: unknown mount option \"noexce\" (did you mean \"noexec\"?)" },
		{ MOUNTS("{ \"destination\": \"/a\", \"source\": \"/a\", \"options\": [\"size=1\", \"bind\"] }"),
		  "/mounts/0/options/0: \"size=1\" is an option of a filesystem, and a bind has none "
		  "(leave it out; what the source is mounted with holds)" },
		{ MOUNTS("{ \"destination\": \"/a\", \"type\": \"tmpfs\", \"options\": [\"ro\", \"idmap\"] }"),
		  "/mounts/0/options/1: \"idmap\" without mappings, and the container has no user namespace" },
		{ MOUNTS("{ \"destination\": \"/a\", \"type\": \"proc\", \"options\": [\"tmpcopyup\"] }"),
		  "/mounts/0: tmpcopyup is for mounts of type tmpfs only" },
		{ MOUNTS("{ \"destination\": \"/a\", \"type\": \"tmpfs\", \"options\": [\"src-nofollow\"] }"),
		  "/mounts/0/options/0: \"src-nofollow\" is for bind mounts only" },
		{ MOUNTS("{ \"destination\": \"/a\", \"options\": [\"bind\", \"remount\", \"dest-nofollow\"] }"),
		  "/mounts/0/options/2: \"dest-nofollow\" is for bind mounts only" },
		{ MOUNTS("{ \"destination\": \"/a\", \"type\": \"sysfs\", \"options\": [\"copy-symlink\"] }"),
		  "/mounts/0/options/0: \"copy-symlink\" is for bind mounts only" },
		{ MOUNTS("{ \"destination\": \"/a\", \"options\": [\"bind\"], \"source\": \"/a\", \"uidMappings\":"
			 "[{ \"containerID\": 0, \"hostID\": 0, \"size\": 1 }] }"),
		  "/mounts/0/uidMappings: uidMappings without gidMappings" },
		{ MOUNTS("{ \"destination\": \"/proc\", \"type\": \"tmpfs\" }"),
		  "/mounts/0/destination: only proc can be mounted on \"/proc\"" },
		{ MOUNTS("{ \"destination\": \"//proc/.\", \"options\": [\"bind\"], \"source\": \"/etc\" }"),
		  "/mounts/0/destination: only proc can be mounted on \"//proc/.\"" },
		{ MOUNTS("{ \"destination\": \"/proc/self/attr\", \"options\": [\"bind\"], \"source\": \"/etc\" }"),
		  "/mounts/0/destination: \"/proc/self/attr\" in /proc can't be mounted over " PROC_LEAVES },
		{ MOUNTS("{ \"destination\": \"/proc/net/dev\", \"options\": [\"bind\"], \"source\": \"/etc/passwd\" }"),
		  "/mounts/0/destination: \"/proc/net/dev\" in /proc can't be mounted over " PROC_LEAVES },
		{ MOUNTS("{ \"destination\": \"/x/../proc/meminfo\", \"type\": \"tmpfs\" }"),
		  "/mounts/0/destination: \"/x/../proc/meminfo\" in /proc can't be mounted over " PROC_LEAVES },
		{ "{ \"ociVersion\": \"1.3.0\", \"linux\": { \"mountLabel\": \"x\" } }",
		  "/linux/mountLabel: selinux label is specified in config, but selinux is disabled "
		  "or not supported" },
	};

	(void) state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct plan_case c = mounts_of(plan_case_of_root());

		plan_case_refuses(&c, cases[i].json, cases[i].line);
	}
}

/* ---- cgroup ---- */

static const struct cgroup_hierarchy v2_only[] = {
	{ .controllers = "", .mount = "/sys/fs/cgroup", .own = "/", .v2 = true },
};

static const struct cgroup_hierarchy hybrid[] = {
	{ .controllers = "cpu,cpuacct", .mount = "/sys/fs/cgroup/cpu,cpuacct", .own = "/" },
	{ .controllers = "memory", .mount = "/sys/fs/cgroup/memory", .own = "/" },
	{ .controllers = "name=systemd", .mount = "/sys/fs/cgroup/systemd", .own = "/" },
	{ .controllers = "", .mount = "/sys/fs/cgroup/unified", .own = "/", .v2 = true },
};

#define CGROUP                                                                                     \
	"{ \"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"options\": [\"nosuid\", \"ro\", \"rprivate\"] }"

static struct plan_case cgroups_of(enum cgroup_mode mode, const struct cgroup_hierarchy *h,
				   size_t count)
{
	struct plan_case c = mounts_of(plan_case_of_root());

	c.facts.cgroups = (struct cgroup_layout) { .mode = mode, .hierarchies = h, .count = count };

	return c;
}

#define CGROUP_WITH(option)                                                                        \
	"{ \"destination\": \"/sys/fs/./cgroup\", \"type\": \"cgroup\", \"options\": [\"" option   \
	"\"] }"

static void v2_is_mounted_in_a_cgroup_namespace_else_bound(void **state)
{
	struct plan_case c = cgroups_of(CGROUP_V2, v2_only, ARRAY_SIZE(v2_only));

	(void) state;
	c.cgroup_dir = "/sys/fs/cgroup/web";
	plan_case_gives(&c, MOUNTS_IN(CGROUP_NS, CGROUP),
			"mount cgroup2 on \"/sys/fs/cgroup\" ro,nosuid,rprivate [/mounts/0]\n");
	plan_case_gives(&c, MOUNTS(CGROUP),
			"mount bind \"/sys/fs/cgroup\" on \"/sys/fs/cgroup\" ro,nosuid,rprivate "
			"[/mounts/0]\n");
	plan_case_gives(&c, MOUNTS(CGROUP_WITH("rro")),
			"mount bind \"/sys/fs/cgroup\" on \"/sys/fs/cgroup\" rro [/mounts/0]\n");
	plan_case_gives(&c, MOUNTS(CGROUP_WITH("rw")),
			"mount bind \"/sys/fs/cgroup\" on \"/sys/fs/cgroup\" rw [/mounts/0]\n");

	c.cgroup_dir = NULL;
	plan_case_gives(&c, MOUNTS(CGROUP), "");
	assert_string_equal(
		c.warnings[0],
		"/mounts/0: the container has no cgroup: \"/sys/fs/cgroup\" is not mounted");
}

/* Only a new namespace, v2, and a mount that can be written. */
static void a_cgroup_is_given_to_who_may_write_it(void **state)
{
	struct plan_case c = cgroups_of(CGROUP_V2, v2_only, ARRAY_SIZE(v2_only));

	(void) state;
	c.subjects[0] = plan_namespaces;
	c.subjects[1] = plan_cgroup_owner;
	c.cgroup_dir = "/sys/fs/cgroup/web";
	plan_case_gives(
		&c, MOUNTS_IN(CGROUP_NS, CGROUP_WITH("rw")),
		"own-cgroup \"/sys/fs/cgroup/web\" to uid 0 of the container [/mounts/0]\n");
	plan_case_gives(&c, MOUNTS_IN(CGROUP_NS, CGROUP_WITH("ro")), "");
	plan_case_gives(&c, MOUNTS(CGROUP_WITH("rw")), "");
	c.facts.capabilities = 1ULL << CAP_SYS_ADMIN;
	plan_case_gives(&c, MOUNTS_IN(CGROUP_NS, CGROUP_WITH("rw")), "");
	c.facts = cgroups_of(CGROUP_HYBRID, hybrid, ARRAY_SIZE(hybrid)).facts;
	plan_case_gives(&c, MOUNTS_IN(CGROUP_NS, CGROUP_WITH("rw")), "");
}

/* In the place of cgroup.c: a cgroup in all hierarchies but that of memory. */
static int make_cgroups(struct planner *p, struct err *e)
{
	(void) e;
	plan_add(p, OP_MAKE_CGROUP, "")->cgroup.path = "/sys/fs/cgroup/cpu,cpuacct/web";
	plan_add(p, OP_MAKE_CGROUP, "")->cgroup.path = "/sys/fs/cgroup/systemd/web";
	plan_add(p, OP_MAKE_CGROUP, "")->cgroup.path = "/sys/fs/cgroup/unified/web";

	return 0;
}

#define MADE                                                                                       \
	"make-cgroup \"/sys/fs/cgroup/cpu,cpuacct/web\"\n"                                         \
	"make-cgroup \"/sys/fs/cgroup/systemd/web\"\n"                                             \
	"make-cgroup \"/sys/fs/cgroup/unified/web\"\n"
#define TMPFS_STEP                                                                                 \
	"mount tmpfs on \"/sys/fs/cgroup\" nosuid,nodev,noexec,rprivate,mode=755,size=64k [/mounts/0]\n"
#define LINK_STEPS                                                                                 \
	"make-link \"/sys/fs/cgroup/cpu\" -> \"cpu,cpuacct\" [/mounts/0]\n"                        \
	"make-link \"/sys/fs/cgroup/cpuacct\" -> \"cpu,cpuacct\" [/mounts/0]\n"
#define REMOUNT_STEP "mount remount-bind \"/sys/fs/cgroup\" ro [/mounts/0]\n"

static void v1_is_a_tmpfs_with_a_directory_for_each(void **state)
{
	struct plan_case c = cgroups_of(CGROUP_HYBRID, hybrid, ARRAY_SIZE(hybrid));

	(void) state;
	c.subjects[0] = make_cgroups;
	c.subjects[1] = plan_namespaces;
	c.subjects[2] = plan_mounts;
	plan_case_gives(
		&c, MOUNTS_IN(CGROUP_NS, CGROUP),
		MADE TMPFS_STEP
		"mount cgroup on \"/sys/fs/cgroup/cpu,cpuacct\" ro,nosuid,cpu,cpuacct [/mounts/0]\n" LINK_STEPS
		"mount cgroup on \"/sys/fs/cgroup/systemd\" ro,nosuid,name=systemd [/mounts/0]\n"
		"mount cgroup2 on \"/sys/fs/cgroup/unified\" ro,nosuid [/mounts/0]\n" REMOUNT_STEP);
	plan_case_gives(
		&c, MOUNTS(CGROUP),
		MADE TMPFS_STEP
		"mount bind \"/sys/fs/cgroup/cpu,cpuacct/web\" on \"/sys/fs/cgroup/cpu,cpuacct\" "
		"ro,nosuid [/mounts/0]\n" LINK_STEPS
		"mount bind \"/sys/fs/cgroup/systemd/web\" on \"/sys/fs/cgroup/systemd\" ro,nosuid "
		"[/mounts/0]\n"
		"mount bind \"/sys/fs/cgroup/unified/web\" on \"/sys/fs/cgroup/unified\" ro,nosuid "
		"[/mounts/0]\n" REMOUNT_STEP);
}

static void no_cgroups_is_a_warning(void **state)
{
	struct plan_case c = cgroups_of(CGROUP_NONE, NULL, 0);

	(void) state;
	plan_case_gives(&c, MOUNTS(CGROUP), "");
	assert_string_equal(
		c.warnings[0],
		"/mounts/0: the host has no cgroups: \"/sys/fs/cgroup\" is not mounted");
	assert_null(c.warnings[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_has_a_name_of_its_own),
		cmocka_unit_test(every_option_of_the_spec_is_known),
		cmocka_unit_test(every_recursive_option_is_like_the_plain_one),
		cmocka_unit_test(every_propagation_has_a_name),
		cmocka_unit_test(the_later_of_two_options_counts),
		cmocka_unit_test(times_of_access_are_a_choice_of_one),
		cmocka_unit_test(the_usual_mounts),
		cmocka_unit_test(binds_are_made_absolute),
		cmocka_unit_test(a_shared_bind_comes_from_the_host),
		cmocka_unit_test(root_opens_sources_for_a_user_namespace),
		cmocka_unit_test(sysfs_of_another_network_is_bound),
		cmocka_unit_test(proc_of_the_callers_processes_is_bound),
		cmocka_unit_test(mqueue_of_another_ipc_namespace_is_bound),
		cmocka_unit_test(ids_of_devpts_that_are_not_mapped_are_left_out),
		cmocka_unit_test(new_filesystems_are_labelled),
		cmocka_unit_test(what_only_mount_can_say_is_marked),
		cmocka_unit_test(only_leaves_of_proc_are_mounted_over),
		cmocka_unit_test(errors_name_the_mount),
		cmocka_unit_test(v2_is_mounted_in_a_cgroup_namespace_else_bound),
		cmocka_unit_test(a_cgroup_is_given_to_who_may_write_it),
		cmocka_unit_test(v1_is_a_tmpfs_with_a_directory_for_each),
		cmocka_unit_test(no_cgroups_is_a_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
