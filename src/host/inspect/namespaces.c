/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/inspect/namespaces.c - inspect: namespaces, id maps, host name
 */
#include "base/fmt.h"
#include "base/table.h"
#include "host/inspect/rows.h"
#include "kernel/fd.h"
#include "kernel/namespaces.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "plan/accounts.h"
#include "plan/namespaces/idmap.h"

#include <string.h>

static const char *link_of(struct inspect *i, const char *path)
{
	char text[128];
	ssize_t n = sys_read_link_at(AT_FDCWD, path, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';

	return arena_strdup(i->arena, text);
}

static const struct oci_linux_namespace *find_asked(const struct inspect *i, const char *name)
{
	const struct oci_linux *linux = i->config ? i->config->linux : NULL;

	for (size_t k = 0; linux && k < linux->namespaces_count; k++)
		if (strcmp(linux->namespaces[k].type, name) == 0)
			return &linux->namespaces[k];

	return NULL;
}

static void look_at(struct inspect *i, const struct sys_namespace *kind)
{
	const struct oci_linux_namespace *asked = find_asked(i, kind->name);
	const char *file = kind->file, *own, *ours;
	struct stat joined, its;

	own = link_of(i, arena_printf(i->arena, "/proc/%d/ns/%s", i->pid, file));
	ours = link_of(i, arena_printf(i->arena, "/proc/self/ns/%s", file));
	if (!own[0])
		return;

	bool shared = strcmp(own, ours) == 0;
	const char *value = shared ? "the host's" : "its own";
	if (i->config && asked && asked->path && asked->path[0]) {
		bool same = sys_stat_at(AT_FDCWD, asked->path, 0, &joined) == 0 &&
			    sys_stat_at(AT_FDCWD,
					arena_printf(i->arena, "/proc/%d/ns/%s", i->pid, file), 0,
					&its) == 0 &&
			    joined.st_ino == its.st_ino;

		inspect_compare(i, "namespace", kind->name, same ? asked->path : own, asked->path);
	} else if (i->config) {
		inspect_compare(i, "namespace", kind->name, value,
				asked ? "its own" : "the host's");
	} else {
		inspect_fact(i, "namespace", kind->name, "%s", value);
	}
	inspect_fact(i, "namespace", arena_printf(i->arena, "%s inode", kind->name), "%s", own);
}

/* ---- id maps ---- */

static const char *map_text(struct inspect *i, const struct id_range *ranges, size_t count)
{
	char text[ACCOUNT_MAP_TEXT] = "";
	size_t length = 0;

	for (size_t k = 0; k < count && length < sizeof(text); k++)
		length += fmt_text(text + length, sizeof(text) - length, "%s%u %u %u",
				   k > 0 ? ", " : "", ranges[k].inside, ranges[k].outside,
				   ranges[k].count);

	return arena_strdup(i->arena, text);
}

static void look_at_map(struct inspect *i, bool group)
{
	char text[ACCOUNT_MAP_TEXT];
	struct id_range ranges[ID_RANGES_MAX];
	const char *file = group ? "gid_map" : "uid_map", *real;
	const struct step *s = NULL;
	size_t count = 0;

	if (proc_read(i->pid, file, text, sizeof(text)) < 0)
		return;
	for (const char *at = text;
	     count < ID_RANGES_MAX && account_parse_map(&at, &ranges[count]) == 0;)
		count++;
	real = map_text(i, ranges, count);
	for (size_t n = 0; (s = inspect_step(i, OP_WRITE_ID_MAP, n)) && s->id_map.group != group;
	     n++)
		;
	if (s && s->id_map.way == ID_MAP_WRITE)
		inspect_judge(i, "namespace", file, real,
			      map_text(i, s->id_map.ranges, s->id_map.count),
			      account_map_equals(text, s->id_map.ranges, s->id_map.count));
	else
		inspect_fact(i, "namespace", file, "%s", real);
}

/* ---- in a child ---- */

/* The kinds of namespaces whose settings procfs and uname(2) show. */
static const struct {
	const char *file;
	uint64_t type;
} joined[] = {
	{ "ns/net", CLONE_NEWNET },
	{ "ns/ipc", CLONE_NEWIPC },
	{ "ns/uts", CLONE_NEWUTS },
};

/* Join those in *@types, which are taken out of it. 0, or -errno of the last that was refused. */
static int join_all(const int fds[], uint64_t *types)
{
	int result = 0;

	for (size_t k = 0; k < ARRAY_SIZE(joined); k++) {
		if (!(*types & joined[k].type))
			continue;

		int r = fds[k] < 0 ? fds[k] : sys_setns(fds[k], joined[k].type);
		if (r == 0)
			*types &= ~joined[k].type;
		else
			result = r;
	}

	return result;
}

int inspect_join(pid_t pid, uint64_t types)
{
	bool with_user = types & CLONE_NEWUSER;
	int fds[ARRAY_SIZE(joined)];

	/* Once another user namespace is joined, procfs may refuse to open them. */
	for (size_t k = 0; k < ARRAY_SIZE(joined); k++)
		fds[k] = proc_open(pid, joined[k].file, O_RDONLY);
	int user = proc_open(pid, "ns/user", O_RDONLY);

	/*
	 * A namespace that the host owns, as an engine's network, can't be joined from within the
	 * container's user namespace: so this one comes last.
	 */
	int r = join_all(fds, &types);
	if (!with_user && r != -EPERM)
		return r;

	int own = user < 0 ? user : sys_setns(user, CLONE_NEWUSER);
	/* EINVAL: the container is in our own user namespace. */
	if (own < 0 && own != -EINVAL)
		return own;

	return join_all(fds, &types);
}

/* ---- names ---- */

struct names {
	pid_t pid;
	int answer;
};

static int read_names(void *arg)
{
	const struct names *n = arg;
	struct utsname name;

	if (inspect_join(n->pid, CLONE_NEWUTS) < 0 || sys_uname(&name) < 0)
		return 1;

	return sys_write_all(n->answer, &name, sizeof(name)) < 0;
}

/* uname(2) shows the caller's own UTS namespace: a child joins the container's. */
static void look_at_names(struct inspect *i)
{
	const struct sys_clone clone = { .cgroup = -1 };
	const struct step *host = inspect_step(i, OP_SET_HOSTNAME, 0);
	const struct step *domain = inspect_step(i, OP_SET_DOMAINNAME, 0);
	struct names n = { .pid = i->pid };
	struct utsname name;
	int ends[2], status;

	if (sys_pipe(ends) < 0)
		return;
	n.answer = ends[1];

	pid_t pid = sys_clone_call(&clone, NULL, read_names, &n);
	sys_close(ends[1]);
	bool known =
		pid > 0 && sys_read_all(ends[0], &name, sizeof(name)) == (ssize_t) sizeof(name);
	sys_close(ends[0]);
	if (pid > 0)
		sys_wait(pid, &status, 0);
	if (!known)
		return;
	if (host)
		inspect_compare(i, "namespace", "hostname", name.nodename, host->text);
	else
		inspect_fact(i, "namespace", "hostname", "%s", name.nodename);
	if (domain)
		inspect_compare(i, "namespace", "domainname", name.domainname, domain->text);
}

void inspect_namespaces(struct inspect *i)
{
	for (size_t k = 0; k < sys_namespaces_count; k++)
		look_at(i, &sys_namespaces[k]);
	look_at_map(i, false);
	look_at_map(i, true);
	look_at_names(i);
}
