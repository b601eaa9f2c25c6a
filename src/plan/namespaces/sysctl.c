/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/namespaces/sysctl.c - linux.sysctl
 *
 * Only parameters that the kernel keeps for each namespace, and only where that namespace is the
 * container's own: any other would change the host (docs/REQUIREMENTS.md, 10). The list is closed:
 * a name that is not in it is refused.
 */
#include "base/table.h"
#include "base/utf8.h"
#include "heap/json_text.h"
#include "kernel/process.h"
#include "plan/namespaces/identity.h"

#include <string.h>

struct namespaced {
	const char *key; /* with slashes; a key that ends in a slash stands for all below it */
	uint64_t type;
	const char *needs;
};

static const struct namespaced known[] = {
	{ "kernel/msgmax", CLONE_NEWIPC, "ipc" },
	{ "kernel/msgmnb", CLONE_NEWIPC, "ipc" },
	{ "kernel/msgmni", CLONE_NEWIPC, "ipc" },
	{ "kernel/sem", CLONE_NEWIPC, "ipc" },
	{ "kernel/shmall", CLONE_NEWIPC, "ipc" },
	{ "kernel/shmmax", CLONE_NEWIPC, "ipc" },
	{ "kernel/shmmni", CLONE_NEWIPC, "ipc" },
	{ "kernel/shm_rmid_forced", CLONE_NEWIPC, "ipc" },
	{ "fs/mqueue/", CLONE_NEWIPC, "ipc" },
	{ "net/", CLONE_NEWNET, "network" },
	{ "kernel/hostname", CLONE_NEWUTS, "uts" },
	{ "kernel/domainname", CLONE_NEWUTS, "uts" },
};

/*
 * sysctl(8): the first separator decides. In a key with dots, a slash is a dot within a component:
 * `net.ipv4.conf.eth0/1.forwarding`.
 */
static char *with_slashes(struct arena *a, const char *key)
{
	char *path = arena_strdup(a, key);

	if (path[strcspn(path, "./")] != '.')
		return path;
	for (char *at = path; *at; at++)
		*at = *at == '.' ? '/' : *at == '/' ? '.' : *at;

	return path;
}

/* The path is relative, and no component is empty, `.` or `..`. */
static bool is_plain(const char *path)
{
	size_t length;

	do {
		length = strcspn(path, "/");
		if (length == 0 || strncmp(path, ".", length) == 0 ||
		    strncmp(path, "..", length) == 0)
			return false;
		path += length;
	} while (*path++ == '/');

	return true;
}

static const struct namespaced *find(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t length = strlen(known[i].key);
		bool below = known[i].key[length - 1] == '/';

		if (below ? strncmp(path, known[i].key, length) == 0
			  : strcmp(path, known[i].key) == 0)
			return &known[i];
	}

	return NULL;
}

uint64_t sysctl_namespace(const char *key)
{
	const struct namespaced *found = find(key);

	return found ? found->type : 0;
}

static const char *place_of(struct planner *p, const char *key)
{
	return arena_printf(p->arena, "/linux/sysctl/%s", json_pointer_token(p->arena, key));
}

/*
 * kernel.hostname and kernel.domainname have members of their own in config.json. kernel.hostname
 * is refused, as by runc and crun. kernel.domainname may be set here too, as docker does, unless
 * the value differs from domainname.
 */
static int check_conflict(const struct planner *p, const char *key, const char *value,
			  const char *path, const char *place, struct err *e)
{
	const char *domain = p->config->domainname;

	if (strcmp(path, "kernel/hostname") == 0)
		return err_cfg(e, place, "sysctl \"%s\" conflicts with hostname", key);
	if (strcmp(path, "kernel/domainname") == 0 && domain && domain[0] &&
	    strcmp(domain, value) != 0)
		return err_cfg(e, place, "sysctl \"%s\" conflicts with domainname", key);

	return 0;
}

/*
 * A value is one line of printable text: control characters could mean something to the kernel's
 * parser. Tabs are separators there.
 */
static int check_value(const char *value, const char *place, struct err *e)
{
	size_t length;

	for (const char *at = value; *at; at += length ? length : 1) {
		unsigned number = *at == '\t' ? 0 : utf8_unsafe(at, &length);

		if (*at == '\t')
			length = 1;
		if (number != 0)
			return err_cfg(e, place, "the value has the control character U+%04x in it",
				       number);
	}

	return 0;
}

static int plan_one(struct planner *p, const char *key, const char *value, struct err *e)
{
	const char *place = place_of(p, key), *path = with_slashes(p->arena, key);
	const struct namespaced *rule = is_plain(path) ? find(path) : NULL;

	if (!rule) {
		err_cfg(e, place, "sysctl \"%s\" is not in a separate kernel namespace", key);
		if (!is_plain(path))
			return err_hint(e, "a key is written net.ipv4.ip_forward, or with slashes");
		return err_hint(e, "it is the whole host's: set it there with sysctl(8), and leave "
				   "it out here");
	}
	if (!plan_has_own_namespace(p, rule->type)) {
		err_cfg(e, place, "sysctl \"%s\" is not in a separate kernel namespace", key);
		return err_hint(e, "it needs a new %s namespace", rule->needs);
	}
	if (check_conflict(p, key, value, path, place, e) < 0)
		return -1;

	if (check_value(value, place, e) < 0)
		return -1;

	struct step *step = plan_add(p, OP_SET_SYSCTL, place);
	step->setting.key = path;
	step->setting.value = value;

	return 0;
}

int plan_sysctl(struct planner *p, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;
	const struct oci_string_map *sysctl = linux ? linux->sysctl : NULL;

	for (size_t i = 0; sysctl && i < sysctl->count; i++)
		if (plan_one(p, sysctl->keys[i], sysctl->values[i], e) < 0)
			return -1;

	return 0;
}
