/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/describe.c - the operands of a step in one line, for people
 *
 * Runs in tare: for `tare plan`, and for the message about a failed step. The words are those of
 * config.json where it has one. A text that comes from a user is quoted and escaped, so that the
 * line stays one line.
 */
#include "plan/describe.h"

#include "base/fmt.h"
#include "base/utf8.h"
#include "heap/json_text.h"
#include "kernel/landlock.h"
#include "plan/namespaces/namespaces.h"
#include "plan/process/caps.h"
#include "plan/process/memory_policy.h"

#include <linux/personality.h>
#include <stdarg.h>
#include <string.h>

/* ---- the line ---- */

void line_add(struct line *l, const char *fmt, ...)
{
	bool room = l->length < l->size;
	va_list ap;

	va_start(ap, fmt);
	l->length += fmt_text_v(room ? l->buf + l->length : NULL, room ? l->size - l->length : 0,
				fmt, ap);
	va_end(ap);
}

static void quote_part(struct line *l, const char *text, size_t length)
{
	line_add(l, "\"");
	for (size_t i = 0, bytes = 1; i < length; i += bytes) {
		char escape[JSON_ESCAPE_SIZE];
		unsigned unsafe = utf8_unsafe(text + i, &bytes);

		if (unsafe < 0x80 || i + bytes > length)
			bytes = 1;
		if (bytes > 1)
			line_add(l, "\\u%04x", unsafe);
		else if (json_escape(text[i], escape) > 0)
			line_add(l, "%s", escape);
		else
			line_add(l, "%c", text[i]);
	}
	line_add(l, "\"");
}

void line_quote(struct line *l, const char *text)
{
	quote_part(l, text, strlen(text));
}

void line_add_item(struct line *l, const char *text)
{
	line_add(l, "%s%s", l->in_list ? "," : " ", text);
	l->in_list = true;
}

static void quote_all(struct line *l, const char *const *strings)
{
	for (size_t i = 0; strings[i]; i++) {
		line_add(l, i > 0 ? " " : "");
		line_quote(l, strings[i]);
	}
}

void line_add_ranges(struct line *l, const char *name, const struct id_range *ranges, size_t count)
{
	line_add(l, "%s", name);
	l->in_list = false;
	for (size_t i = 0; i < count; i++) {
		const struct id_range *r = &ranges[i];
		char text[40];

		fmt_text(text, sizeof(text), "%u:%u:%u", r->inside, r->outside, r->count);
		line_add_item(l, text);
	}
}

/* ---- steps of tare ---- */

static const char *type_name(uint64_t type)
{
	for (size_t i = 0; i < NAMESPACE_KINDS; i++)
		if (namespace_kinds[i].type == type)
			return namespace_kinds[i].name;

	return "unknown";
}

static void describe_nothing(struct line *l, const struct step *s)
{
	(void) l;
	(void) s;
}

static void describe_path(struct line *l, const struct step *s)
{
	line_quote(l, s->path);
}

static void describe_text(struct line *l, const struct step *s)
{
	line_quote(l, s->text);
}

static void describe_number(struct line *l, const struct step *s)
{
	line_add(l, "%lld", (long long) s->number);
}

static void describe_umask(struct line *l, const struct step *s)
{
	line_add(l, "%04o", (unsigned) s->number);
}

static void describe_cgroup(struct line *l, const struct step *s)
{
	line_quote(l, s->cgroup.path);
}

static void describe_cgroup_file(struct line *l, const struct step *s)
{
	line_add(l, "%s = ", s->cgroup_file.file);
	line_quote(l, s->cgroup_file.value);
	if (s->cgroup_file.other_file) {
		line_add(l, ", else %s = ", s->cgroup_file.other_file);
		line_quote(l, s->cgroup_file.other_value);
	}
	line_add(l, " in ");
	line_quote(l, s->cgroup_file.directory);
	if (s->cgroup_file.usage_file)
		line_add(l, " not below %s", s->cgroup_file.usage_file);
	line_add(l, s->cgroup_file.optional ? " if there" : "");
}

static void describe_cgroup_owner(struct line *l, const struct step *s)
{
	line_quote(l, s->cgroup_owner.directory);
	line_add(l, " to uid %u of the container", s->cgroup_owner.uid);
}

static void describe_devices(struct line *l, const struct step *s)
{
	line_add(l, "%u instructions to ", s->devices.count);
	line_quote(l, s->devices.directory);
}

static void add_joined(struct line *l, const char *name, const char *path)
{
	line_add(l, "%sjoin %s ", l->length > 0 ? " " : "", name);
	line_quote(l, path);
}

static void describe_spawn(struct line *l, const struct step *s)
{
	const struct spawn_step *spawn = &s->spawn;

	line_add(l, spawn->namespaces ? "new" : "");
	for (size_t i = 0; i < NAMESPACE_KINDS; i++)
		if (spawn->namespaces & namespace_kinds[i].type)
			line_add_item(l, namespace_kinds[i].name);
	if (spawn->join_user)
		add_joined(l, "user", spawn->join_user);
	for (size_t i = 0; i < spawn->join_count; i++)
		add_joined(l, spawn->joins[i].name, spawn->joins[i].path);
	if (spawn->cgroup) {
		line_add(l, "%sin ", l->length > 0 ? " " : "");
		line_quote(l, spawn->cgroup);
	}
	if (spawn->cgroup_below) {
		line_add(l, ", or where that takes no process in ");
		line_quote(l, spawn->cgroup_below);
	}
	line_add(l, spawn->held ? " held" : "");
	if (spawn->held && (spawn->uid != 0 || spawn->gid != 0))
		line_add(l, " as %u:%u", spawn->uid, spawn->gid);
}

/* A line of the properties: "property NAME TYPE", or "value TYPE TEXT". */
static void add_property_line(struct line *l, const char *line, size_t length)
{
	const char *word = line + strcspn(line, " ") + 1, *text = word + strcspn(word, " ") + 1;

	if (strncmp(line, "property ", 9) == 0) {
		line_add(l, " %.*s=", (int) (text - 1 - word), word);
		l->in_list = false;
	} else if (strncmp(line, "value ", 6) == 0) {
		line_add(l, l->in_list ? "," : "");
		quote_part(l, text, length - (size_t) (text - line));
		l->in_list = true;
	}
}

static void describe_scope(struct line *l, const struct step *s)
{
	const struct scope_step *scope = &s->scope;

	line_quote(l, scope->unit);
	line_add(l, scope->bus ? " of the user's systemd" : "");
	for (const char *line = scope->properties; *line; line = strchr(line, '\n') + 1)
		add_property_line(l, line, strcspn(line, "\n"));
}

static void describe_id_map(struct line *l, const struct step *s)
{
	line_add_ranges(l, s->id_map.group ? "gids" : "uids", s->id_map.ranges, s->id_map.count);
	if (s->id_map.way == ID_MAP_HELPER)
		line_add(l, " by %s", s->id_map.group ? "newgidmap" : "newuidmap");
}

/* ---- steps of tare-init ---- */

static void describe_namespace(struct line *l, const struct step *s)
{
	line_add(l, "%s", s->ns.name ? s->ns.name : type_name(s->ns.type));
	if (s->ns.path) {
		line_add(l, " ");
		line_quote(l, s->ns.path);
	}
}

static void add_offset(struct line *l, const char *name, const struct clock_offset *offset)
{
	line_add(l, "%s %lld.%09us", name, (long long) offset->seconds, offset->nanoseconds);
}

static void describe_clocks(struct line *l, const struct step *s)
{
	add_offset(l, "monotonic", &s->clocks.monotonic);
	add_offset(l, ", boottime", &s->clocks.boottime);
}

static void describe_keyring(struct line *l, const struct step *s)
{
	if (s->keyring.label) {
		line_add(l, "with SELinux label ");
		line_quote(l, s->keyring.label);
	}
}

static void describe_label_file(struct line *l, const struct step *s)
{
	line_add(l, "%s attr/%s", s->label.name, s->label.file);
}

static void describe_label(struct line *l, const struct step *s)
{
	line_add(l, "%s attr/%s = ", s->label.name, s->label.file);
	line_quote(l, s->label.value);
}

static void describe_setting(struct line *l, const struct step *s)
{
	line_add(l, "%s = ", s->setting.key);
	line_quote(l, s->setting.value);
}

static void describe_console(struct line *l, const struct step *s)
{
	const struct console_step *c = &s->console;

	line_add(l, "owner %u", c->uid);
	if (c->rows || c->columns)
		line_add(l, ", %u rows, %u columns", c->rows, c->columns);
	line_add(l, c->bind ? ", on /dev/console" : "");
}

static void describe_hook(struct line *l, const struct step *s)
{
	const struct hook_step *h = &s->hook;

	line_add(l, "%s ", h->stage);
	line_quote(l, h->path);
	if (h->timeout)
		line_add(l, " within %us", h->timeout);
}

static void add_limit(struct line *l, uint64_t limit)
{
	if (limit == UINT64_MAX)
		line_add(l, "unlimited");
	else
		line_add(l, "%llu", (unsigned long long) limit);
}

static void describe_rlimit(struct line *l, const struct step *s)
{
	line_add(l, "%s ", s->rlimit.name);
	add_limit(l, s->rlimit.soft);
	line_add(l, ":");
	add_limit(l, s->rlimit.hard);
}

static void describe_scheduler(struct line *l, const struct step *s)
{
	const struct scheduler_step *o = &s->scheduler;

	line_add(l, "%s", o->name);
	if (o->nice != 0)
		line_add(l, " nice %d", o->nice);
	if (o->priority != 0)
		line_add(l, " priority %u", o->priority);
	if (o->runtime != 0)
		line_add(l, " runtime %llu deadline %llu period %llu",
			 (unsigned long long) o->runtime, (unsigned long long) o->deadline,
			 (unsigned long long) o->period);
	if (o->flags)
		line_add(l, " flags 0x%llx", (unsigned long long) o->flags);
}

static void describe_affinity(struct line *l, const struct step *s)
{
	line_add(l, "%s to CPUs ", s->affinity.before_clone ? "tare" : "the process");
	line_quote(l, s->affinity.list);
}

static void describe_io_priority(struct line *l, const struct step *s)
{
	line_add(l, "%s %d", s->io_priority.name, s->io_priority.level);
}

static void describe_resctrl(struct line *l, const struct step *s)
{
	static const char *const ways[] = {
		[RESCTRL_THERE] = "that is there",
		[RESCTRL_SHARED] = "where missing, to stay",
		[RESCTRL_OWN] = "where missing",
		[RESCTRL_NEW] = "that is new",
	};

	line_quote(l, s->resctrl.path);
	line_add(l, " %s", ways[s->resctrl.way]);
	if (s->resctrl.way == RESCTRL_OWN)
		return;
	for (size_t i = 0; i < s->resctrl.compared; i++) {
		line_add(l, i > 0 ? ", " : " with ");
		line_quote(l, s->resctrl.lines[i]);
	}
}

static void describe_schemata(struct line *l, const struct step *s)
{
	quote_all(l, s->resctrl.lines);
	line_add(l, " to ");
	line_quote(l, s->resctrl.path);
}

static void describe_netdev(struct line *l, const struct step *s)
{
	line_quote(l, s->netdev.name);
	if (strcmp(s->netdev.name, s->netdev.new_name) != 0) {
		line_add(l, " as ");
		line_quote(l, s->netdev.new_name);
	}
	if (s->netdev.namespace) {
		line_add(l, " to ");
		line_quote(l, s->netdev.namespace);
	}
}

static void describe_memory_policy(struct line *l, const struct step *s)
{
	line_add(l, "%s", s->memory_policy.name);
	for (size_t i = 0; i < MEMORY_POLICY_FLAGS; i++)
		if (s->memory_policy.mode & memory_policy_flags[i].flag)
			line_add(l, " %s", memory_policy_flags[i].name);
	if (s->memory_policy.nodes)
		line_add(l, " nodes %s", s->memory_policy.nodes);
}

static void describe_personality(struct line *l, const struct step *s)
{
	line_add(l, s->number == PER_LINUX32 ? "LINUX32" : "LINUX");
}

static void describe_user(struct line *l, const struct step *s)
{
	line_add(l, "%u:%u", s->user.uid, s->user.gid);
	if (!s->user.set_groups) {
		line_add(l, " groups as they are");
		return;
	}
	line_add(l, s->user.group_count > 0 ? " groups" : " no groups");
	for (size_t i = 0; i < s->user.group_count; i++) {
		char text[16];

		fmt_text(text, sizeof(text), "%u", s->user.groups[i]);
		line_add_item(l, text);
	}
}

/* All capabilities are shown as "all", as the list is long. */
static void add_caps(struct line *l, const char *set, uint64_t caps)
{
	unsigned count = caps_count();
	uint64_t all = count < 64 ? ((uint64_t) 1 << count) - 1 : UINT64_MAX;

	line_add(l, "%s%s", l->length > 0 ? " " : "", set);
	l->in_list = false;
	if (caps == 0 || caps == all) {
		line_add_item(l, caps ? "all" : "none");
		return;
	}
	for (unsigned i = 0; i < count; i++)
		if (caps & ((uint64_t) 1 << i))
			line_add_item(l, caps_name(i));
}

static void describe_bounding(struct line *l, const struct step *s)
{
	add_caps(l, "to", s->caps.bounding);
}

static void describe_caps(struct line *l, const struct step *s)
{
	add_caps(l, "effective", s->caps.effective);
	add_caps(l, "permitted", s->caps.permitted);
	add_caps(l, "inheritable", s->caps.inheritable);
	add_caps(l, "ambient", s->caps.ambient);
	if (s->caps.until_exec)
		add_caps(l, "until-exec", s->caps.until_exec);
}

static void describe_last(struct line *l, const struct step *s)
{
	add_caps(l, "until-exec", s->caps.until_exec);
}

static void describe_seccomp(struct line *l, const struct step *s)
{
	line_add(l, "%u instructions", s->seccomp.count);
	if (s->seccomp.flags)
		line_add(l, ", flags 0x%x", s->seccomp.flags);
	line_add(l, s->seccomp.notify ? ", listener to the agent" : "");
}

static void describe_init(struct line *l, const struct step *s)
{
	line_add(l, s->init.subreaper ? "reaps its own descendants"
				      : "reaps all of its pid namespace");
}

static void describe_landlock(struct line *l, const struct step *s)
{
	const struct landlock_step *k = &s->landlock;

	for (size_t i = 0; i < k->count; i++) {
		bool writes = k->rules[i].access & LANDLOCK_WRITE_FILE;

		line_add(l, "%s%s ", i > 0 ? ", " : "", writes ? "write" : "read");
		line_quote(l, k->rules[i].path);
	}
	line_add(l, k->tcp ? ", no TCP" : "");
	line_add(l, k->scoped & LANDLOCK_SOCKETS ? ", no abstract sockets of others" : "");
	line_add(l, k->scoped & LANDLOCK_SIGNALS ? ", no signals to others" : "");
}

static void describe_exec(struct line *l, const struct step *s)
{
	quote_all(l, s->exec.argv);
}

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
