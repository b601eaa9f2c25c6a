/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/describe.c - the operands of a step in one line, for people
 *
 * Runs in tare: for `tare plan`, and for the message about a failed step. The words are those of
 * config.json where it has one. A text that comes from a user is quoted and escaped, so that the
 * line stays one line.
 */
#include "base/fmt.h"
#include "base/utf8.h"
#include "heap/json_text.h"
#include "kernel/landlock.h"
#include "kernel/mount.h"
#include "plan/mounts/options.h"
#include "plan/namespaces/namespaces.h"
#include "plan/plan.h"
#include "plan/process/caps.h"
#include "plan/process/memory_policy.h"

#include <linux/personality.h>
#include <stdarg.h>
#include <string.h>

/* A text that is built up in @buf. Once @buf is full, @length still counts. */
struct line {
	char *buf;
	size_t size, length;
	bool in_list; /* the next item of a list gets a comma in front */
};

static void say(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct line *l, const char *fmt, ...)
{
	bool room = l->length < l->size;
	va_list ap;

	va_start(ap, fmt);
	l->length += fmt_text_v(room ? l->buf + l->length : NULL, room ? l->size - l->length : 0,
				fmt, ap);
	va_end(ap);
}

static void say_quoted_part(struct line *l, const char *text, size_t length)
{
	say(l, "\"");
	for (size_t i = 0, bytes = 1; i < length; i += bytes) {
		char escape[JSON_ESCAPE_SIZE];
		unsigned unsafe = utf8_unsafe(text + i, &bytes);

		if (unsafe < 0x80 || i + bytes > length)
			bytes = 1;
		if (bytes > 1)
			say(l, "\\u%04x", unsafe);
		else if (json_escape(text[i], escape) > 0)
			say(l, "%s", escape);
		else
			say(l, "%c", text[i]);
	}
	say(l, "\"");
}

static void say_quoted(struct line *l, const char *text)
{
	say_quoted_part(l, text, strlen(text));
}

/* Append an item to a list: the first has a space in front, the others a comma. */
static void say_item(struct line *l, const char *text)
{
	say(l, "%s%s", l->in_list ? "," : " ", text);
	l->in_list = true;
}

static void say_strings(struct line *l, const char *const *strings)
{
	for (size_t i = 0; strings[i]; i++) {
		say(l, i > 0 ? " " : "");
		say_quoted(l, strings[i]);
	}
}

static const char *type_name(uint64_t type)
{
	for (size_t i = 0; i < NAMESPACE_KINDS; i++)
		if (namespace_kinds[i].type == type)
			return namespace_kinds[i].name;

	return "unknown";
}

/* ---- host ---- */

static void describe_nothing(struct line *l, const struct step *s)
{
	(void) l;
	(void) s;
}

static void describe_path(struct line *l, const struct step *s)
{
	say_quoted(l, s->path);
}

static void describe_text(struct line *l, const struct step *s)
{
	say_quoted(l, s->text);
}

static void describe_number(struct line *l, const struct step *s)
{
	say(l, "%lld", (long long) s->number);
}

static void describe_umask(struct line *l, const struct step *s)
{
	say(l, "%04o", (unsigned) s->number);
}

static void describe_cgroup(struct line *l, const struct step *s)
{
	say_quoted(l, s->cgroup.path);
}

static void describe_cgroup_file(struct line *l, const struct step *s)
{
	say(l, "%s = ", s->cgroup_file.file);
	say_quoted(l, s->cgroup_file.value);
	if (s->cgroup_file.other_file) {
		say(l, ", else %s = ", s->cgroup_file.other_file);
		say_quoted(l, s->cgroup_file.other_value);
	}
	say(l, " in ");
	say_quoted(l, s->cgroup_file.directory);
	if (s->cgroup_file.usage_file)
		say(l, " not below %s", s->cgroup_file.usage_file);
	say(l, s->cgroup_file.optional ? " if there" : "");
}

static void describe_cgroup_owner(struct line *l, const struct step *s)
{
	say_quoted(l, s->cgroup_owner.directory);
	say(l, " to uid %u of the container", s->cgroup_owner.uid);
}

static void describe_devices(struct line *l, const struct step *s)
{
	say(l, "%u instructions to ", s->devices.count);
	say_quoted(l, s->devices.directory);
}

static void say_joined(struct line *l, const char *name, const char *path)
{
	say(l, "%sjoin %s ", l->length > 0 ? " " : "", name);
	say_quoted(l, path);
}

static void describe_spawn(struct line *l, const struct step *s)
{
	const struct spawn_step *spawn = &s->spawn;

	say(l, spawn->namespaces ? "new" : "");
	for (size_t i = 0; i < NAMESPACE_KINDS; i++)
		if (spawn->namespaces & namespace_kinds[i].type)
			say_item(l, namespace_kinds[i].name);
	if (spawn->join_user)
		say_joined(l, "user", spawn->join_user);
	for (size_t i = 0; i < spawn->join_count; i++)
		say_joined(l, spawn->joins[i].name, spawn->joins[i].path);
	if (spawn->cgroup) {
		say(l, "%sin ", l->length > 0 ? " " : "");
		say_quoted(l, spawn->cgroup);
	}
	if (spawn->cgroup_below) {
		say(l, ", or where that takes no process in ");
		say_quoted(l, spawn->cgroup_below);
	}
	say(l, spawn->held ? " held" : "");
}

/* A line of the properties: "property NAME TYPE", or "value TYPE TEXT". */
static void say_property_line(struct line *l, const char *line, size_t length)
{
	const char *word = line + strcspn(line, " ") + 1, *text = word + strcspn(word, " ") + 1;

	if (strncmp(line, "property ", 9) == 0) {
		say(l, " %.*s=", (int) (text - 1 - word), word);
		l->in_list = false;
	} else if (strncmp(line, "value ", 6) == 0) {
		say(l, l->in_list ? "," : "");
		say_quoted_part(l, text, length - (size_t) (text - line));
		l->in_list = true;
	}
}

static void describe_scope(struct line *l, const struct step *s)
{
	const struct scope_step *scope = &s->scope;

	say_quoted(l, scope->unit);
	say(l, scope->bus ? " of the user's systemd" : "");
	for (const char *line = scope->properties; *line; line = strchr(line, '\n') + 1)
		say_property_line(l, line, strcspn(line, "\n"));
}

static void say_ranges(struct line *l, const char *name, const struct id_range *ranges,
		       size_t count)
{
	say(l, "%s", name);
	l->in_list = false;
	for (size_t i = 0; i < count; i++) {
		const struct id_range *r = &ranges[i];
		char text[40];

		fmt_text(text, sizeof(text), "%u:%u:%u", r->inside, r->outside, r->count);
		say_item(l, text);
	}
}

static void describe_id_map(struct line *l, const struct step *s)
{
	say_ranges(l, s->id_map.group ? "gids" : "uids", s->id_map.ranges, s->id_map.count);
	if (s->id_map.way == ID_MAP_HELPER)
		say(l, " by %s", s->id_map.group ? "newgidmap" : "newuidmap");
}

/* ---- init ---- */

static void describe_namespace(struct line *l, const struct step *s)
{
	say(l, "%s", s->ns.name ? s->ns.name : type_name(s->ns.type));
	if (s->ns.path) {
		say(l, " ");
		say_quoted(l, s->ns.path);
	}
}

static void say_offset(struct line *l, const char *name, const struct clock_offset *offset)
{
	say(l, "%s %lld.%09us", name, (long long) offset->seconds, offset->nanoseconds);
}

static void describe_clocks(struct line *l, const struct step *s)
{
	say_offset(l, "monotonic", &s->clocks.monotonic);
	say_offset(l, ", boottime", &s->clocks.boottime);
}

static void describe_keyring(struct line *l, const struct step *s)
{
	if (s->keyring.label) {
		say(l, "with SELinux label ");
		say_quoted(l, s->keyring.label);
	}
}

static void describe_label_file(struct line *l, const struct step *s)
{
	say(l, "%s attr/%s", s->label.name, s->label.file);
}

static void describe_label(struct line *l, const struct step *s)
{
	say(l, "%s attr/%s = ", s->label.name, s->label.file);
	say_quoted(l, s->label.value);
}

static void describe_setting(struct line *l, const struct step *s)
{
	say(l, "%s = ", s->setting.key);
	say_quoted(l, s->setting.value);
}

static void describe_propagation(struct line *l, const struct step *s)
{
	const char *name = mount_propagation_name(s->propagation.flags);

	say(l, "%s", name ? name : "unknown");
}

static void describe_rootfs(struct line *l, const struct step *s)
{
	say_quoted(l, s->rootfs.path);
	say(l, s->rootfs.source_from_host ? " opened by host" : "");
}

/*
 * Does @attrs have what @row sets and clears? An access time mode is one value within
 * MOUNT_ATTR__ATIME; that the other modes are cleared is not shown as a word.
 */
static bool says(const struct mount_attrs *attrs, const struct mount_attrs *row)
{
	uint64_t times = MOUNT_ATTR__ATIME;

	if ((row->set | row->clear) & times) {
		bool chosen = attrs->clear & times;

		return chosen && (row->clear & times) == times &&
		       (attrs->set & times) == (row->set & times);
	}
	if (row->set)
		return (attrs->set & row->set) == row->set;

	return row->clear && (attrs->clear & row->clear) == row->clear;
}

static bool says_flag(unsigned long flags, const struct mount_option *row)
{
	return row->flags.set && (flags & row->flags.set) == row->flags.set;
}

static void say_options(struct line *l, const struct mount_step *m)
{
	l->in_list = false;
	for (size_t i = 0; i < mount_options_count; i++) {
		const struct mount_option *row = &mount_options[i];

		if (says(&m->attrs, &row->attrs) || says(&m->recursive_attrs, &row->recursive) ||
		    says_flag(m->flags, row))
			say_item(l, row->name);
	}
	for (size_t i = 0; i < m->propagation_count; i++)
		say_item(l, mount_propagation_name(m->propagation[i]));
	if (m->data && m->data[0])
		say_item(l, m->data);
}

static const char *mount_verb(const struct mount_step *m)
{
	if (m->remount)
		return m->bind ? "remount-bind" : "remount";
	if (m->bind)
		return m->recursive ? "rbind" : "bind";

	return m->type;
}

static void say_idmap(struct line *l, const struct mount_idmap *map)
{
	if (map->way == MOUNT_IDMAP_NONE)
		return;
	say(l, map->recursive ? " with all below it id-mapped" : " id-mapped");
	if (map->way == MOUNT_IDMAP_CONTAINER) {
		say(l, " as the container");
		return;
	}
	say_ranges(l, " uids", map->uids.ranges, map->uids.count);
	say_ranges(l, " gids", map->gids.ranges, map->gids.count);
}

static void describe_mount(struct line *l, const struct step *s)
{
	const struct mount_step *m = &s->mount;

	say(l, "%s ", mount_verb(m));
	if (m->bind && !m->remount) {
		say_quoted(l, m->source);
		say(l, " ");
	} else if (m->type && m->source && strcmp(m->source, m->type) != 0) {
		say_quoted(l, m->source);
		say(l, " ");
	}
	say(l, m->remount ? "" : "on ");
	say_quoted(l, m->target);
	say_options(l, m);
	say(l, m->copy_up ? " with a copy of what is there" : "");
	say(l, m->readonly_later ? " read-only later" : "");
	say(l, m->source_nofollow ? " a link itself" : "");
	say(l, m->target_nofollow ? " over a link itself" : "");
	say_idmap(l, &m->idmap);
	say(l, m->source_from_host ? m->bind ? " opened by host" : " made by host" : "");
	if (m->label) {
		say(l, " labelled ");
		say_quoted(l, m->label);
	}
	if (m->fallback) {
		say(l, ", else rbind ");
		say_quoted(l, m->fallback);
	}
}

static void describe_device(struct line *l, const struct step *s)
{
	const struct device_step *d = &s->device;
	unsigned permissions = d->mode & 07777;

	say_quoted(l, d->path);
	if (S_ISFIFO(d->mode))
		say(l, " p");
	else
		say(l, " %c %u:%u", S_ISBLK(d->mode) ? 'b' : 'c', d->major, d->minor);
	if (d->bind)
		say(l, d->from_host ? " bound, made by host" : " bound");
	if (!d->bind || d->from_host)
		say(l, " %04o %u:%u", permissions, d->uid, d->gid);
}

static void describe_link(struct line *l, const struct step *s)
{
	say_quoted(l, s->link.path);
	say(l, " -> ");
	say_quoted(l, s->link.target);
}

static void describe_console(struct line *l, const struct step *s)
{
	const struct console_step *c = &s->console;

	say(l, "owner %u", c->uid);
	if (c->rows || c->columns)
		say(l, ", %u rows, %u columns", c->rows, c->columns);
	say(l, c->bind ? ", on /dev/console" : "");
}

static void describe_hook(struct line *l, const struct step *s)
{
	const struct hook_step *h = &s->hook;

	say(l, "%s ", h->stage);
	say_quoted(l, h->path);
	if (h->timeout)
		say(l, " within %us", h->timeout);
}

static void say_limit(struct line *l, uint64_t limit)
{
	if (limit == UINT64_MAX)
		say(l, "unlimited");
	else
		say(l, "%llu", (unsigned long long) limit);
}

static void describe_rlimit(struct line *l, const struct step *s)
{
	say(l, "%s ", s->rlimit.name);
	say_limit(l, s->rlimit.soft);
	say(l, ":");
	say_limit(l, s->rlimit.hard);
}

static void describe_scheduler(struct line *l, const struct step *s)
{
	const struct scheduler_step *o = &s->scheduler;

	say(l, "%s", o->name);
	if (o->nice != 0)
		say(l, " nice %d", o->nice);
	if (o->priority != 0)
		say(l, " priority %u", o->priority);
	if (o->runtime != 0)
		say(l, " runtime %llu deadline %llu period %llu", (unsigned long long) o->runtime,
		    (unsigned long long) o->deadline, (unsigned long long) o->period);
	if (o->flags)
		say(l, " flags 0x%llx", (unsigned long long) o->flags);
}

static void describe_affinity(struct line *l, const struct step *s)
{
	say(l, "%s to CPUs ", s->affinity.before_clone ? "tare" : "the process");
	say_quoted(l, s->affinity.list);
}

static void describe_io_priority(struct line *l, const struct step *s)
{
	say(l, "%s %d", s->io_priority.name, s->io_priority.level);
}

static void describe_resctrl(struct line *l, const struct step *s)
{
	static const char *const ways[] = {
		[RESCTRL_THERE] = "that is there",
		[RESCTRL_SHARED] = "where missing, to stay",
		[RESCTRL_OWN] = "where missing",
		[RESCTRL_NEW] = "that is new",
	};

	say_quoted(l, s->resctrl.path);
	say(l, " %s", ways[s->resctrl.way]);
	if (s->resctrl.way == RESCTRL_OWN)
		return;
	for (size_t i = 0; i < s->resctrl.compared; i++) {
		say(l, i > 0 ? ", " : " with ");
		say_quoted(l, s->resctrl.lines[i]);
	}
}

static void describe_schemata(struct line *l, const struct step *s)
{
	say_strings(l, s->resctrl.lines);
	say(l, " to ");
	say_quoted(l, s->resctrl.path);
}

static void describe_netdev(struct line *l, const struct step *s)
{
	say_quoted(l, s->netdev.name);
	if (strcmp(s->netdev.name, s->netdev.new_name) != 0) {
		say(l, " as ");
		say_quoted(l, s->netdev.new_name);
	}
	if (s->netdev.namespace) {
		say(l, " to ");
		say_quoted(l, s->netdev.namespace);
	}
}

static void describe_memory_policy(struct line *l, const struct step *s)
{
	say(l, "%s", s->memory_policy.name);
	for (size_t i = 0; i < MEMORY_POLICY_FLAGS; i++)
		if (s->memory_policy.mode & memory_policy_flags[i].flag)
			say(l, " %s", memory_policy_flags[i].name);
	if (s->memory_policy.nodes)
		say(l, " nodes %s", s->memory_policy.nodes);
}

static void describe_personality(struct line *l, const struct step *s)
{
	say(l, s->number == PER_LINUX32 ? "LINUX32" : "LINUX");
}

static void describe_user(struct line *l, const struct step *s)
{
	say(l, "%u:%u", s->user.uid, s->user.gid);
	if (!s->user.set_groups) {
		say(l, " groups as they are");
		return;
	}
	say(l, s->user.group_count > 0 ? " groups" : " no groups");
	for (size_t i = 0; i < s->user.group_count; i++) {
		char text[16];

		fmt_text(text, sizeof(text), "%u", s->user.groups[i]);
		say_item(l, text);
	}
}

/* All capabilities are shown as "all", as the list is long. */
static void say_caps(struct line *l, const char *set, uint64_t caps)
{
	unsigned count = caps_count();
	uint64_t all = count < 64 ? ((uint64_t) 1 << count) - 1 : UINT64_MAX;

	say(l, "%s%s", l->length > 0 ? " " : "", set);
	l->in_list = false;
	if (caps == 0 || caps == all) {
		say_item(l, caps ? "all" : "none");
		return;
	}
	for (unsigned i = 0; i < count; i++)
		if (caps & ((uint64_t) 1 << i))
			say_item(l, caps_name(i));
}

static void describe_bounding(struct line *l, const struct step *s)
{
	say_caps(l, "to", s->caps.bounding);
}

static void describe_caps(struct line *l, const struct step *s)
{
	say_caps(l, "effective", s->caps.effective);
	say_caps(l, "permitted", s->caps.permitted);
	say_caps(l, "inheritable", s->caps.inheritable);
	say_caps(l, "ambient", s->caps.ambient);
	if (s->caps.until_exec)
		say_caps(l, "until-exec", s->caps.until_exec);
}

static void describe_last(struct line *l, const struct step *s)
{
	say_caps(l, "until-exec", s->caps.until_exec);
}

static void describe_layers(struct line *l, const struct step *s)
{
	for (size_t i = 0; i < s->layers.count; i++) {
		say(l, i > 0 ? ", " : "over ");
		say_quoted(l, s->layers.lowers[i]);
	}
	say(l, s->layers.count > 0 ? "; " : "");
	if (s->layers.directory) {
		say(l, "changes to ");
		say_quoted(l, s->layers.directory);
		return;
	}
	say(l, "changes in memory%s%s", s->layers.size ? ", at most " : "",
	    s->layers.size ? s->layers.size : "");
}

static void describe_seccomp(struct line *l, const struct step *s)
{
	say(l, "%u instructions", s->seccomp.count);
	if (s->seccomp.flags)
		say(l, ", flags 0x%x", s->seccomp.flags);
	say(l, s->seccomp.notify ? ", listener to the agent" : "");
}

static void describe_init(struct line *l, const struct step *s)
{
	say(l, s->init.subreaper ? "reaps its own descendants" : "reaps all of its pid namespace");
}

static void describe_landlock(struct line *l, const struct step *s)
{
	const struct landlock_step *k = &s->landlock;

	for (size_t i = 0; i < k->count; i++) {
		bool writes = k->rules[i].access & LANDLOCK_WRITE_FILE;

		say(l, "%s%s ", i > 0 ? ", " : "", writes ? "write" : "read");
		say_quoted(l, k->rules[i].path);
	}
	say(l, k->tcp ? ", no TCP" : "");
	say(l, k->scoped & LANDLOCK_SOCKETS ? ", no abstract sockets of others" : "");
	say(l, k->scoped & LANDLOCK_SIGNALS ? ", no signals to others" : "");
}

static void describe_exec(struct line *l, const struct step *s)
{
	say_strings(l, s->exec.argv);
}

typedef void describer(struct line *l, const struct step *s);

static describer *const describers[OP_COUNT] = {
	[OP_CLAIM_ID] = describe_path,
	[OP_RECORD_MOUNT] = describe_path,
	[OP_MAKE_NOTIFY] = describe_path,
	[OP_MAKE_CGROUP] = describe_cgroup,
	[OP_WRITE_CGROUP] = describe_cgroup_file,
	[OP_ATTACH_DEVICES] = describe_devices,
	[OP_MAKE_RESCTRL] = describe_resctrl,
	[OP_WRITE_RESCTRL] = describe_schemata,
	[OP_SPAWN] = describe_spawn,
	[OP_START_SCOPE] = describe_scope,
	[OP_JOIN_CGROUP] = describe_cgroup,
	[OP_HAND_DOWN] = describe_path,
	[OP_JOIN_RESCTRL] = describe_path,
	[OP_COMPARE_ID_MAP] = describe_id_map,
	[OP_WRITE_ID_MAP] = describe_id_map,
	[OP_DENY_SETGROUPS] = describe_nothing,
	[OP_OWN_CGROUP] = describe_cgroup_owner,
	[OP_SET_OOM_SCORE] = describe_number,
	[OP_RELEASE] = describe_nothing,
	[OP_NOTE_ROOT] = describe_nothing,
	[OP_PRINT_OMITTED] = describe_nothing,
	[OP_MOVE_NETDEV] = describe_netdev,
	[OP_ENTER_SESSION] = describe_nothing,
	[OP_RESET_AFFINITY] = describe_nothing,
	[OP_JOIN_NAMESPACE] = describe_namespace,
	[OP_UNSHARE] = describe_namespace,
	[OP_SET_CLOCKS] = describe_clocks,
	[OP_NEW_KEYRING] = describe_keyring,
	[OP_OPEN_LABEL] = describe_label_file,
	[OP_LOOPBACK_UP] = describe_nothing,
	[OP_SET_HOSTNAME] = describe_text,
	[OP_SET_DOMAINNAME] = describe_text,
	[OP_SET_SYSCTL] = describe_setting,
	[OP_PROPAGATE] = describe_propagation,
	[OP_MOUNT_ROOTFS] = describe_rootfs,
	[OP_LAYER_ROOTFS] = describe_layers,
	[OP_MOUNT] = describe_mount,
	[OP_BRING_DEVICES] = describe_nothing,
	[OP_MAKE_DEVICE] = describe_device,
	[OP_DROP_DEVICES] = describe_nothing,
	[OP_MAKE_LINK] = describe_link,
	[OP_REGISTER_BINFMT] = describe_text,
	[OP_OPEN_CONSOLE] = describe_console,
	[OP_PASS_CONSOLE] = describe_nothing,
	[OP_RUN_HOST_HOOK] = describe_hook,
	[OP_RUN_HOOK] = describe_hook,
	[OP_MAKE_DIR] = describe_path,
	[OP_PROTECT_MOUNT] = describe_nothing,
	[OP_MASK_PATH] = describe_path,
	[OP_PROTECT_PATH] = describe_path,
	[OP_PIVOT_ROOT] = describe_nothing,
	[OP_MOVE_ROOT] = describe_nothing,
	[OP_CHROOT] = describe_path,
	[OP_PROTECT_ROOT] = describe_nothing,
	[OP_PROPAGATE_ROOT] = describe_propagation,
	[OP_SET_SCHEDULER] = describe_scheduler,
	[OP_SET_AFFINITY] = describe_affinity,
	[OP_SET_IO_PRIORITY] = describe_io_priority,
	[OP_SET_RLIMIT] = describe_rlimit,
	[OP_SET_MEMORY_POLICY] = describe_memory_policy,
	[OP_SET_PERSONALITY] = describe_personality,
	[OP_CHANGE_DIR] = describe_path,
	[OP_DROP_BOUNDING] = describe_bounding,
	[OP_SET_USER] = describe_user,
	[OP_SET_UMASK] = describe_umask,
	[OP_SET_CAPS] = describe_caps,
	[OP_NO_NEW_PRIVS] = describe_nothing,
	[OP_RESTRICT] = describe_landlock,
	[OP_TRY_NETWORK] = describe_nothing,
	[OP_PREPARE_EXEC] = describe_exec,
	[OP_SET_LABEL] = describe_label,
	[OP_DROP_LAST] = describe_last,
	[OP_ENTER_PIDS] = describe_nothing,
	[OP_SET_PROCESS_LIMIT] = describe_rlimit,
	[OP_WAIT_FOR_START] = describe_nothing,
	[OP_STAY_AS_INIT] = describe_init,
	[OP_SET_SECCOMP] = describe_seccomp,
	[OP_EXEC] = describe_exec,
};

size_t step_describe(const struct step *s, char *buf, size_t size)
{
	struct line l = { .buf = buf, .size = size };

	if (size > 0)
		buf[0] = '\0';
	describers[s->op](&l, s);

	return l.length;
}
