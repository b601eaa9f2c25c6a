/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/namespaces/identity.c - hostname and domainname
 *
 * Both names belong to the UTS namespace; without a UTS namespace of its own a container would
 * rename the host (docs/REQUIREMENTS.md, 10).
 */
#include "plan/namespaces/identity.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/process.h"
#include "plan/namespaces/namespaces.h"

#include <string.h>

#define LONGEST_NAME 64 /* __NEW_UTS_LEN */

/* The files of /proc/self/ns where they differ from config.json's words. */
static const char *proc_name(const char *name)
{
	static const struct {
		const char *word, *file;
	} different[] = {
		{ "network", "net" },
		{ "mount", "mnt" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(different); i++)
		if (strcmp(different[i].word, name) == 0)
			return different[i].file;

	return name;
}

static const char *kind_name(uint64_t type)
{
	for (size_t i = 0; i < NAMESPACE_KINDS; i++)
		if (namespace_kinds[i].type == type)
			return namespace_kinds[i].name;

	return "";
}

/* A path that can't be looked at is taken for another namespace: joining it reports the error. */
static bool is_ours(const char *path, const char *name)
{
	char own[64];
	struct stat a, b;

	fmt_text(own, sizeof(own), "/proc/self/ns/%s", proc_name(name));
	if (sys_stat_at(AT_FDCWD, own, 0, &a) < 0 || sys_stat_at(AT_FDCWD, path, 0, &b) < 0)
		return false;

	return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool plan_has_own_namespace(const struct planner *p, uint64_t type)
{
	const struct oci_linux *linux = p->config->linux;
	const char *name = kind_name(type);

	if (p->new_namespaces & type)
		return true;
	for (size_t i = 0; linux && i < linux->namespaces_count; i++)
		if (strcmp(linux->namespaces[i].type, name) == 0 && linux->namespaces[i].path)
			return !is_ours(linux->namespaces[i].path, name);

	return false;
}

static int plan_name(struct planner *p, enum step_op op, const char *place, const char *name,
		     struct err *e)
{
	/* Engines written in Go send "" for an absent string. */
	if (!name || !name[0])
		return 0;
	if (!plan_has_own_namespace(p, CLONE_NEWUTS))
		return err_cfg(e, place, "%s \"%s\" needs a uts namespace that is not the host's",
			       place + 1, name);
	if (strlen(name) > LONGEST_NAME)
		return err_cfg(e, place, "%s \"%s\" is longer than %d bytes", place + 1, name,
			       LONGEST_NAME);
	plan_add(p, op, place)->text = name;

	return 0;
}

int plan_hostname(struct planner *p, struct err *e)
{
	if (plan_name(p, OP_SET_HOSTNAME, "/hostname", p->config->hostname, e) < 0)
		return -1;

	return plan_name(p, OP_SET_DOMAINNAME, "/domainname", p->config->domainname, e);
}
