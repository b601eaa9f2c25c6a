/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/settle.c - the end of planning: all pointers of the plan lead into the arena
 *
 * The subjects fill steps with string literals and static tables. tare-init shares the arena with
 * tare, but not tare's constants. So here every pointer of every step is checked: a table knows
 * where each kind of step has pointers. What lies outside of the arena is copied into it.
 */
#include "plan/settle.h"

#include "base/table.h"
#include "plan/cpu_list.h"

#include <string.h>

static bool is_ours(const struct arena *a, const void *p)
{
	return (const char *) p >= a->base && (const char *) p < a->base + a->size;
}

static void settle_string(struct arena *a, const char **s)
{
	if (*s && !is_ours(a, *s))
		*s = arena_strdup(a, *s);
}

static const void *settle_block(struct arena *a, const void *block, size_t size)
{
	return !block || is_ours(a, block) ? block : arena_memdup(a, block, size);
}

/*
 * A NULL-terminated list of strings. A list in the arena may have strings outside of it:
 * config.json's, or literals.
 */
static void settle_list(struct arena *a, const char *const **list)
{
	size_t count = 0;
	bool settled = is_ours(a, *list);

	if (!*list)
		return;
	for (; (*list)[count]; count++)
		settled &= is_ours(a, (*list)[count]);
	if (settled)
		return;

	const char **copy = arena_array(a, count + 1, sizeof(*copy));

	for (size_t i = 0; i < count; i++) {
		copy[i] = (*list)[i];
		settle_string(a, &copy[i]);
	}
	*list = copy;
}

static void settle_ranges(struct arena *a, struct id_ranges *r)
{
	r->ranges = settle_block(a, r->ranges, r->count * sizeof(*r->ranges));
}

static void settle_mount(struct arena *a, struct step *s)
{
	struct mount_step *m = &s->mount;
	struct mount_parameter *parameters =
		arena_array(a, m->parameter_count, sizeof(*parameters));

	for (size_t i = 0; i < m->parameter_count; i++) {
		parameters[i] = m->parameters[i];
		settle_string(a, &parameters[i].key);
		settle_string(a, &parameters[i].value);
	}
	m->parameters = parameters;
	m->propagation =
		settle_block(a, m->propagation, m->propagation_count * sizeof(*m->propagation));
	settle_string(a, &m->source);
	settle_string(a, &m->target);
	settle_string(a, &m->type);
	settle_string(a, &m->data);
	settle_string(a, &m->fallback);
	settle_string(a, &m->label);
	settle_ranges(a, &m->idmap.uids);
	settle_ranges(a, &m->idmap.gids);
}

static void settle_hook(struct arena *a, struct step *s)
{
	struct hook_step *h = &s->hook;

	settle_string(a, &h->stage);
	settle_string(a, &h->status);
	settle_string(a, &h->path);
	settle_list(a, &h->argv);
	settle_list(a, &h->envp);
}

static void settle_exec(struct arena *a, struct step *s)
{
	settle_list(a, &s->exec.argv);
	settle_list(a, &s->exec.envp);
	settle_string(a, &s->exec.file);
	settle_string(a, &s->exec.search_path);
}

static void settle_user(struct arena *a, struct step *s)
{
	s->user.groups =
		settle_block(a, s->user.groups, s->user.group_count * sizeof(*s->user.groups));
}

static void settle_seccomp(struct arena *a, struct step *s)
{
	s->seccomp.filter =
		settle_block(a, s->seccomp.filter, s->seccomp.count * sizeof(*s->seccomp.filter));
}

static void settle_keyring(struct arena *a, struct step *s)
{
	settle_string(a, &s->keyring.label);
}

static void settle_label(struct arena *a, struct step *s)
{
	settle_string(a, &s->label.name);
	settle_string(a, &s->label.file);
	settle_string(a, &s->label.value);
}

static void settle_link(struct arena *a, struct step *s)
{
	settle_string(a, &s->link.target);
	settle_string(a, &s->link.path);
}

static void settle_setting(struct arena *a, struct step *s)
{
	settle_string(a, &s->setting.key);
	settle_string(a, &s->setting.value);
}

static void settle_namespace(struct arena *a, struct step *s)
{
	settle_string(a, &s->ns.name);
	settle_string(a, &s->ns.path);
}

static void settle_path(struct arena *a, struct step *s)
{
	settle_string(a, &s->path);
}

static void settle_text(struct arena *a, struct step *s)
{
	settle_string(a, &s->text);
}

static void settle_rootfs(struct arena *a, struct step *s)
{
	settle_string(a, &s->rootfs.path);
}

static void settle_layers(struct arena *a, struct step *s)
{
	const char **lowers = arena_array(a, s->layers.count, sizeof(*lowers));

	for (size_t i = 0; i < s->layers.count; i++) {
		lowers[i] = s->layers.lowers[i];
		settle_string(a, &lowers[i]);
	}
	s->layers.lowers = lowers;
	settle_string(a, &s->layers.directory);
	settle_string(a, &s->layers.size);
}

static void settle_landlock(struct arena *a, struct step *s)
{
	struct landlock_step *l = &s->landlock;
	struct landlock_rule *rules = arena_array(a, l->count, sizeof(*rules));

	for (size_t i = 0; i < l->count; i++) {
		rules[i] = l->rules[i];
		settle_string(a, &rules[i].path);
	}
	l->rules = rules;
}

static void settle_device(struct arena *a, struct step *s)
{
	settle_string(a, &s->device.path);
}

static void settle_rlimit(struct arena *a, struct step *s)
{
	settle_string(a, &s->rlimit.name);
}

static void settle_scheduler(struct arena *a, struct step *s)
{
	settle_string(a, &s->scheduler.name);
}

static void settle_affinity(struct arena *a, struct step *s)
{
	settle_string(a, &s->affinity.list);
	s->affinity.mask = settle_block(a, s->affinity.mask, CPU_LIST_MOST / 8);
}

static void settle_io_priority(struct arena *a, struct step *s)
{
	settle_string(a, &s->io_priority.name);
}

static void settle_resctrl(struct arena *a, struct step *s)
{
	settle_string(a, &s->resctrl.path);
	settle_list(a, &s->resctrl.lines);
}

static void settle_netdev(struct arena *a, struct step *s)
{
	settle_string(a, &s->netdev.name);
	settle_string(a, &s->netdev.new_name);
	settle_string(a, &s->netdev.namespace);
}

static void settle_memory_policy(struct arena *a, struct step *s)
{
	settle_string(a, &s->memory_policy.name);
	settle_string(a, &s->memory_policy.nodes);
	s->memory_policy.mask = settle_block(a, s->memory_policy.mask, MEMORY_NODES / 8);
}

static void settle_cgroup_file(struct arena *a, struct step *s)
{
	settle_string(a, &s->cgroup_file.directory);
	settle_string(a, &s->cgroup_file.file);
	settle_string(a, &s->cgroup_file.value);
	settle_string(a, &s->cgroup_file.other_file);
	settle_string(a, &s->cgroup_file.other_value);
	settle_string(a, &s->cgroup_file.usage_file);
}

static void settle_cgroup_owner(struct arena *a, struct step *s)
{
	settle_string(a, &s->cgroup_owner.directory);
}

static void settle_devices(struct arena *a, struct step *s)
{
	settle_string(a, &s->devices.directory);
	s->devices.instructions = settle_block(a, s->devices.instructions,
					       s->devices.count * sizeof(*s->devices.instructions));
}

static void settle_spawn(struct arena *a, struct step *s)
{
	struct spawn_step *spawn = &s->spawn;
	struct ns_join *joins = arena_array(a, spawn->join_count, sizeof(*joins));

	for (size_t i = 0; i < spawn->join_count; i++) {
		joins[i] = spawn->joins[i];
		settle_string(a, &joins[i].name);
		settle_string(a, &joins[i].path);
		settle_string(a, &joins[i].place);
	}
	spawn->joins = joins;
	settle_string(a, &spawn->cgroup);
	settle_string(a, &spawn->cgroup_below);
	settle_string(a, &spawn->join_user);
	settle_string(a, &spawn->join_user_place);
	settle_string(a, &spawn->root);
}

static void settle_scope(struct arena *a, struct step *s)
{
	settle_string(a, &s->scope.unit);
	settle_string(a, &s->scope.bus);
	settle_string(a, &s->scope.properties);
	settle_string(a, &s->scope.cgroup);
}

static void settle_id_map(struct arena *a, struct step *s)
{
	s->id_map.ranges =
		settle_block(a, s->id_map.ranges, s->id_map.count * sizeof(*s->id_map.ranges));
}

/* NULL: the operands of the step have no pointers. */
static void (*const settlers[OP_COUNT])(struct arena *a, struct step *s) = {
	[OP_CLAIM_ID] = settle_path,
	[OP_RECORD_MOUNT] = settle_path,
	[OP_MAKE_NOTIFY] = settle_path,
	[OP_MAKE_CGROUP] = settle_path,
	[OP_WRITE_CGROUP] = settle_cgroup_file,
	[OP_ATTACH_DEVICES] = settle_devices,
	[OP_MAKE_RESCTRL] = settle_resctrl,
	[OP_WRITE_RESCTRL] = settle_resctrl,
	[OP_SPAWN] = settle_spawn,
	[OP_START_SCOPE] = settle_scope,
	[OP_JOIN_CGROUP] = settle_path,
	[OP_HAND_DOWN] = settle_path,
	[OP_JOIN_RESCTRL] = settle_path,
	[OP_COMPARE_ID_MAP] = settle_id_map,
	[OP_WRITE_ID_MAP] = settle_id_map,
	[OP_OWN_CGROUP] = settle_cgroup_owner,
	[OP_MOVE_NETDEV] = settle_netdev,
	[OP_JOIN_NAMESPACE] = settle_namespace,
	[OP_UNSHARE] = settle_namespace,
	[OP_NEW_KEYRING] = settle_keyring,
	[OP_OPEN_LABEL] = settle_label,
	[OP_SET_HOSTNAME] = settle_text,
	[OP_SET_DOMAINNAME] = settle_text,
	[OP_SET_SYSCTL] = settle_setting,
	[OP_MOUNT_ROOTFS] = settle_rootfs,
	[OP_LAYER_ROOTFS] = settle_layers,
	[OP_MOUNT] = settle_mount,
	[OP_BRING_DEVICES] = settle_mount,
	[OP_MAKE_DEVICE] = settle_device,
	[OP_MAKE_LINK] = settle_link,
	[OP_REGISTER_BINFMT] = settle_text,
	[OP_RUN_HOST_HOOK] = settle_hook,
	[OP_RUN_HOOK] = settle_hook,
	[OP_MAKE_DIR] = settle_path,
	[OP_MASK_PATH] = settle_path,
	[OP_PROTECT_PATH] = settle_path,
	[OP_CHROOT] = settle_path,
	[OP_SET_SCHEDULER] = settle_scheduler,
	[OP_SET_AFFINITY] = settle_affinity,
	[OP_SET_IO_PRIORITY] = settle_io_priority,
	[OP_SET_RLIMIT] = settle_rlimit,
	[OP_SET_PROCESS_LIMIT] = settle_rlimit,
	[OP_SET_MEMORY_POLICY] = settle_memory_policy,
	[OP_CHANGE_DIR] = settle_path,
	[OP_SET_USER] = settle_user,
	[OP_SET_LABEL] = settle_label,
	[OP_SET_SECCOMP] = settle_seccomp,
	[OP_RESTRICT] = settle_landlock,
	[OP_PREPARE_EXEC] = settle_exec,
	[OP_EXEC] = settle_exec,
};

static void settle_host_path(struct arena *a, struct host_path *p)
{
	settle_string(a, &p->path);
	settle_string(a, &p->below);
}

void plan_settle(struct planner *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct step *s = &p->steps[i];

		settle_string(p->shared, &s->place);
		if (settlers[s->op])
			settlers[s->op](p->shared, s);
	}
	settle_string(p->shared, &p->plan->id);
	settle_string(p->shared, &p->plan->bundle);
	settle_string(p->shared, &p->plan->rootfs);
	settle_string(p->shared, &p->plan->state_head);
	settle_string(p->shared, &p->plan->state_tail);
	settle_host_path(p->shared, &p->plan->pidfd_receiver);
	settle_host_path(p->shared, &p->plan->hooks_out);
	settle_host_path(p->shared, &p->plan->hooks_err);
	p->plan->steps = settle_block(p->shared, p->steps, p->count * sizeof(*p->steps));
	p->plan->step_count = p->count;
}
