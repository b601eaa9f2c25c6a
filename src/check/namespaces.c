/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/namespaces.c - can new namespaces be made, and do joined ones exist?
 *
 * A child makes all new namespaces at once, as create does, and ends. If that fails, a child for
 * each namespace finds out which ones are refused. An ordinary user makes each namespace together
 * with a user namespace, as the kernel allows no other way.
 */
#include "check/check.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "kernel/since.h"

#include <string.h>

#define NSFS_MAGIC	 0x6e736673
#define PROC_SUPER_MAGIC 0x9fa0
#define NS_GET_NSTYPE	 0xb703 /* ioctl_ns(2), Linux 4.11 */

/* ---- new namespaces ---- */

static void refuse(const struct check *c, const struct sys_namespace *kind, struct check_demand *d,
		   int r)
{
	char limit[64];

	fmt_text(limit, sizeof(limit), "/proc/sys/user/%s", kind->limit);
	if (r == -EINVAL || r == -ENOSYS) {
		d->remedy = "leave it out, or boot a kernel that has it";
		check_answer(c, CHECK_NO, d, "this kernel has none");
	} else if (r == -ENOSPC || proc_is_set_to(limit, '0')) {
		d->remedy = "raise that limit";
		check_answer(c, CHECK_NO, d, "the limit user.%s is reached", kind->limit);
	} else if (kind->type == CLONE_NEWUSER &&
		   proc_is_set_to("/proc/sys/kernel/unprivileged_userns_clone", '0')) {
		d->remedy = "sysctl kernel.unprivileged_userns_clone=1";
		check_answer(c, CHECK_NO, d, "refused to user %u: %s", sys_euid(), errno_text(-r));
	} else if (sys_euid() != 0 &&
		   proc_is_set_to("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1')) {
		d->remedy = "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or load a "
			    "profile for tare";
		check_answer(c, CHECK_NO, d, "AppArmor refuses it to user %u: %s", sys_euid(),
			     errno_text(-r));
	} else {
		d->remedy = sys_euid() ? "ask as root, or for a user namespace too"
				       : "an outer container or its filter may forbid it";
		check_answer(c, CHECK_NO, d, "refused to user %u: %s", sys_euid(), errno_text(-r));
	}
}

static void check_new(const struct check *c, const struct sys_namespace *kind, uint64_t all,
		      bool together, const char *place)
{
	uint64_t user = all & CLONE_NEWUSER;
	char what[64];
	int r = together ? 0 : sys_try_namespaces(kind->type | user);

	fmt_text(what, sizeof(what), "new %s namespace", kind->name);

	struct check_demand d = { .place = place,
				  .what = what,
				  .since = since_rows[kind->since].version };
	if (r < 0)
		refuse(c, kind, &d, r);
	else
		check_answer(c, CHECK_OK, &d, "this kernel makes one for user %u", sys_euid());
}

/* ---- joined namespaces ---- */

/*
 * A file is opened for reading only if it is a namespace. A kernel without NS_GET_NSTYPE can't name
 * its type, which is then assumed to be right.
 */
static bool is_of_type(const char *path, uint64_t type)
{
	autoclose int fd = sys_open(path, O_RDONLY | O_NONBLOCK);
	int found = fd < 0 ? fd : sys_ioctl(fd, NS_GET_NSTYPE, NULL);

	return found <= 0 || (uint64_t) found == type;
}

static void check_joined(const struct check *c, const struct sys_namespace *kind, const char *path,
			 const char *place)
{
	char what[64];
	struct statfs fs;

	fmt_text(what, sizeof(what), "%s namespace to join", kind->name);

	const struct check_demand d = { .place = place, .what = what };
	autoclose int fd = sys_open(path, O_PATH);
	int r = fd < 0 ? fd : sys_statfs(fd, &fs);

	if (r < 0)
		check_answer(c, CHECK_NO, &d, "\"%s\": %s", path, errno_text(-r));
	else if (fs.f_type != NSFS_MAGIC && fs.f_type != PROC_SUPER_MAGIC)
		check_answer(c, CHECK_NO, &d, "\"%s\" is no namespace", path);
	else if (fs.f_type == NSFS_MAGIC && !is_of_type(path, kind->type))
		check_answer(c, CHECK_NO, &d, "\"%s\" is no %s namespace", path, kind->name);
	else
		check_answer(c, CHECK_OK, &d, "\"%s\" is there", path);
}

static const struct sys_namespace *find(const char *name)
{
	for (size_t i = 0; i < sys_namespaces_count; i++)
		if (strcmp(sys_namespaces[i].name, name) == 0)
			return &sys_namespaces[i];

	return NULL;
}

static bool is_joined(const struct oci_linux_namespace *ns)
{
	return ns->path && ns->path[0] != '\0';
}

void check_namespaces(const struct check *c)
{
	const struct oci_linux *linux = c->config->linux;
	size_t count = linux ? linux->namespaces_count : 0;
	uint64_t all = 0;

	for (size_t i = 0; i < count; i++) {
		const struct sys_namespace *kind = find(linux->namespaces[i].type);

		all |= kind && !is_joined(&linux->namespaces[i]) ? kind->type : 0;
	}

	bool together = sys_try_namespaces(all) == 0;
	for (size_t i = 0; i < count; i++) {
		const struct oci_linux_namespace *ns = &linux->namespaces[i];
		const struct sys_namespace *kind = find(ns->type);
		char place[64];

		fmt_text(place, sizeof(place), "/linux/namespaces/%zu", i);
		if (kind && is_joined(ns))
			check_joined(c, kind, ns->path, place);
		else if (kind)
			check_new(c, kind, all, together, place);
	}
}
