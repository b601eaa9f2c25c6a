/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/facts.c - facts of the host that a plan depends on
 *
 * Read once, from the kernel and a few tables in /etc, without privileges and without changing
 * anything. Other users may have put odd files in these places: each must be a regular file, and is
 * read up to a bound.
 */
#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "plan/accounts.h"
#include "plan/map_helper.h"
#include "plan/planner.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

#define PROC_SIZE 8192		    /* the files of /proc read here are shorter */
#define MAX_TABLE ((off_t) 1 << 20) /* of a file in /etc */

/* A small file of /proc as text. -errno where there is none. */
static int read_proc(const char *path, char *buf, size_t size)
{
	autoclose int fd = sys_open(path, O_RDONLY);
	if (fd < 0)
		return fd;

	ssize_t length = sys_read_all(fd, buf, size - 1);
	if (length < 0)
		return (int) length;
	buf[length] = '\0';

	return 0;
}

/*
 * umask(2) twice, as the mask can be read from /proc/self/status only since Linux 4.7, and that
 * takes 70 µs.
 */
static mode_t read_umask(void)
{
	mode_t mask = sys_umask(0);

	sys_umask(mask);

	return mask;
}

/*
 * In the first user namespace all IDs are mapped to themselves. A kernel without user namespaces
 * has only the first.
 */
static bool read_initial_userns(void)
{
	char map[PROC_SIZE];
	struct id_range first;

	if (read_proc("/proc/self/uid_map", map, sizeof(map)) < 0)
		return true;

	const char *at = map;

	return account_parse_map(&at, &first) == 0 && first.inside == 0 && first.outside == 0 &&
	       first.count == UINT32_MAX;
}

static bool read_setgroups_allowed(const char *path)
{
	char text[PROC_SIZE];

	/* Before Linux 3.19 there was no such file, and no such denial. */
	if (read_proc(path, text, sizeof(text)) < 0)
		return true;

	return strncmp(text, "allow", 5) == 0;
}

static void read_userns(struct facts *facts)
{
	/*
	 * The inode of the very first user namespace is a constant: comparing saves most containers
	 * 50 µs for reading the map.
	 */
	bool first = sys_in_first_namespace("/proc/self/ns/user", FIRST_USER_NAMESPACE);

	facts->initial_userns = first || read_initial_userns();
	facts->setgroups_allowed = first || read_setgroups_allowed("/proc/self/setgroups");
}

static int read_capabilities(struct facts *facts, struct err *e)
{
	cap_t sets = cap_get_proc();

	/* The kernel always answers a process about itself. */
	if (!sets)
		return err_sys(e, -ENOMEM, "own capabilities");
	facts->last_cap = (unsigned) cap_max_bits() - 1;
	for (unsigned i = 0; i <= facts->last_cap && i < 64; i++) {
		cap_flag_value_t has = CAP_CLEAR;

		cap_get_flag(sets, (cap_value_t) i, CAP_EFFECTIVE, &has);
		if (has == CAP_SET)
			facts->capabilities |= (uint64_t) 1 << i;
	}
	cap_free(sets);

	return 0;
}

/* ---- the tables of /etc ---- */

/*
 * The whole file as text; NULL where it can't be read, is no regular file, or is larger than
 * MAX_TABLE.
 */
static const char *read_table(const char *path, struct arena *a)
{
	autoclose int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || sys_stat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_TABLE)
		return NULL;

	char *text = arena_alloc(a, (size_t) st.st_size + 1);
	ssize_t length = sys_read_all(fd, text, (size_t) st.st_size);
	if (length < 0)
		return NULL;
	text[length] = '\0';

	return text;
}

static struct id_range read_sub_range(const struct facts *facts, const char *path,
				      const char *helper, struct arena *a)
{
	char found[64];
	/* A range is of no use without the helper. */
	const char *table = map_helper_find(helper, found) == 0 ? read_table(path, a) : NULL;

	if (!table)
		return (struct id_range) { 0 };

	return account_sub_range(table, facts->user_name, facts->euid);
}

static void read_ordinary_user(struct facts *facts, struct arena *a)
{
	const char *passwd = read_table("/etc/passwd", a);

	if (passwd)
		facts->user_name = account_name(passwd, facts->euid, a);
	facts->sub_uids = read_sub_range(facts, "/etc/subuid", "newuidmap", a);
	facts->sub_gids = read_sub_range(facts, "/etc/subgid", "newgidmap", a);
}

int facts_gather_ours(struct facts *facts, struct arena *a, struct err *e)
{
	*facts = (struct facts) {
		.euid = sys_euid(),
		.egid = sys_egid(),
		.umask = read_umask(),
	};
	read_userns(facts);
	if (read_capabilities(facts, e) < 0)
		return -1;
	if (facts->euid != 0)
		read_ordinary_user(facts, a);

	return 0;
}

int facts_gather(struct facts *facts, struct arena *a, struct err *e)
{
	if (facts_gather_ours(facts, a, e) < 0)
		return -1;

	return cgroup_layout_read(&facts->cgroups, a, e);
}

/* ---- facts that few containers depend on ---- */

#define MOST_RANGES 340 /* of a map: user_namespaces(7) */
#define MAP_SIZE    (MOST_RANGES * 36)

static void read_own_map(const char *path, struct id_ranges *map, struct arena *a)
{
	struct id_range *ranges = arena_array(a, MOST_RANGES, sizeof(*ranges));
	char *text = arena_alloc(a, MAP_SIZE);
	size_t count = 0;

	/* A kernel without user namespaces has all IDs. */
	if (read_proc(path, text, MAP_SIZE) < 0)
		fmt_text(text, MAP_SIZE, "0 0 %u", UINT32_MAX);
	for (const char *at = text;
	     count < MOST_RANGES && account_parse_map(&at, &ranges[count]) == 0;)
		count++;
	*map = (struct id_ranges) { .ranges = ranges, .count = count };
}

/*
 * A new user namespace without mappings in config.json gets the maps of our own one. A container
 * without a user namespace is in ours, which may be a nested one.
 */
static void read_own_maps(struct facts *facts, const struct oci_linux *linux, struct arena *a)
{
	size_t mappings = linux->uid_mappings_count + linux->gid_mappings_count;
	bool user = false;

	for (size_t i = 0; i < linux->namespaces_count; i++)
		user |= strcmp(linux->namespaces[i].type, "user") == 0;
	if (facts->euid != 0 || (user ? mappings > 0 : facts->initial_userns))
		return;
	read_own_map("/proc/self/uid_map", &facts->own_uids, a);
	read_own_map("/proc/self/gid_map", &facts->own_gids, a);
}

void facts_gather_container(struct facts *facts, pid_t pid)
{
	char path[64];

	fmt_text(path, sizeof(path), "/proc/%d/setgroups", pid);
	facts->setgroups_allowed = read_setgroups_allowed(path);
}

static bool has_text(const char *s)
{
	return s && s[0];
}

/* /proc/filesystems lists selinuxfs only if SELinux was not switched off at boot. */
static bool read_selinux(void)
{
	char types[PROC_SIZE];
	struct statfs fs;

	if (sys_statfs_path("/sys/fs/selinux", &fs) == 0 && (uint32_t) fs.f_type == SELINUX_MAGIC)
		return true;

	return read_proc("/proc/filesystems", types, sizeof(types)) == 0 &&
	       strstr(types, "\tselinuxfs\n");
}

static bool read_apparmor(void)
{
	char enabled[8];

	return read_proc("/sys/module/apparmor/parameters/enabled", enabled, sizeof(enabled)) ==
		       0 &&
	       enabled[0] == 'Y';
}

void facts_gather_asked(struct facts *facts, const struct oci_config *config, struct arena *a)
{
	const struct oci_process *process = config->process;

	if ((process && has_text(process->selinux_label)) ||
	    (config->linux && has_text(config->linux->mount_label)))
		facts->selinux = read_selinux();
	if (process && has_text(process->apparmor_profile)) {
		facts->apparmor = read_apparmor();
		facts->apparmor_attributes =
			sys_access_at(AT_FDCWD, "/proc/self/attr/apparmor", F_OK) == 0;
	}
	if (config->linux)
		read_own_maps(facts, config->linux, a);
	if (config->linux && config->linux->seccomp)
		facts->seccomp_flags = sys_seccomp_known_flags(~0U);
}

void facts_assume_root(struct facts *facts)
{
	facts->euid = 0;
	facts->egid = 0;
	facts->capabilities = ~(uint64_t) 0;
	facts->initial_userns = true;
	facts->setgroups_allowed = true;
	facts->assumed = true;
}
