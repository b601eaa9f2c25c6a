/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/plan.c - making a plan: the subjects, one after the other
 *
 * Runs in tare, before the first step, and only reads. The one idea: each subject of config.json
 * appends its steps, and the order of the table below is the order in which a container starts.
 */
#include "plan/planner.h"
#include "plan/settle.h"

#include "base/fmt.h"
#include "base/table.h"
#include "heap/json_text.h"

#include <string.h>

#define FIRST_ROOM 128

static int plan_claim(struct planner *p, struct err *e)
{
	(void) e;
	plan_add(p, OP_CLAIM_ID, "")->path = p->options->state_dir;

	return 0;
}

/*
 * tare-init is cloned into its cgroup, so that the limits hold from its first page on. With systemd
 * the order is different: a scope can only be made around an existing process, so tare-init waits
 * for it. Limits of processor time come last: with 2 shares on a busy machine a create of
 * milliseconds takes a minute.
 */
int plan_clone(struct planner *p, struct err *e)
{
	static plan_subject *const into_cgroup[] = {
		plan_cgroup, plan_resources,   plan_put_off_limits, plan_resctrl,
		plan_spawn,  plan_cgroup_join, plan_resctrl_join,
	};
	static plan_subject *const into_scope[] = {
		plan_resctrl,	       plan_spawn,	    plan_scope,	       plan_resources,
		plan_scope_properties, plan_put_off_limits, plan_resctrl_join,
	};
	plan_subject *const *order = p->options->flags.systemd_cgroup ? into_scope : into_cgroup;

	for (size_t i = 0; i < ARRAY_SIZE(into_cgroup); i++)
		if (order[i](p, e) < 0)
			return -1;

	return 0;
}

static plan_subject *const subjects[] = {
	/* before any step: subjects that only check, or need nothing of the others */
	plan_version,
	plan_namespaces,
	plan_exec_affinity,
	plan_claim,
	plan_record_mount,
	plan_notify,
	plan_clone,
	plan_oom_score,
	plan_id_maps,
	plan_cgroup_owner,
	plan_net_devices,
	/* in the container's namespaces, on the host's filesystem */
	plan_enter,
	plan_reset_affinity,
	plan_keyring,
	plan_open_labels,
	plan_network,
	plan_hostname,
	plan_sysctl,
	plan_rootfs,
	plan_mounts,
	plan_notify_mount,
	plan_devices,
	plan_device_program,
	plan_binfmt,
	plan_terminal,
	plan_limits_for_hooks,
	plan_create_hooks,
	plan_last_changes,
	plan_paths,
	/* on the container's filesystem */
	plan_enter_rootfs,
	plan_join_pids,
	plan_rlimits,
	plan_memory_policy,
	plan_personality,
	plan_user,
	plan_no_new_privs,
	plan_landlock,
	plan_network_check,
	plan_prepare_exec,
	plan_set_labels,
	plan_early_seccomp,
	plan_enter_pids,
	plan_process_limit,
	plan_scheduler,
	plan_io_priority,
	plan_note_root,
	plan_print_omitted,
	plan_late_limits,
	plan_wait,
	plan_start_hooks,
	plan_init,
	plan_seccomp,
	plan_exec,
};

struct step *plan_add(struct planner *p, enum step_op op, const char *place)
{
	if (p->count == p->room) {
		size_t room = p->room ? p->room * 2 : FIRST_ROOM;
		struct step *steps = arena_array(p->arena, room, sizeof(*steps));

		if (p->count > 0)
			memcpy(steps, p->steps, p->count * sizeof(*steps));
		p->steps = steps;
		p->room = room;
	}

	struct step *step = &p->steps[p->count++];
	step->op = op;
	step->on_host = step_kinds[op].side == SIDE_HOST;
	step->place = place;

	return step;
}

/* Format into the arena; for variadic functions. */
static char *format(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	size_t length = fmt_text_v(NULL, 0, fmt, again);
	va_end(again);

	char *text = arena_alloc(a, length + 1);
	fmt_text_v(text, length + 1, fmt, ap);

	return text;
}

const char *plan_place(struct planner *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	const char *place = format(p->arena, fmt, ap);
	va_end(ap);

	return place;
}

/* Append @text to a NULL-terminated list, which grows in the arena. */
static void append(struct planner *p, const char *const **list, size_t *length, const char *text)
{
	size_t count = (*length)++;

	/* Double the room whenever it is full: at 1, 3, 7, 15 ... */
	const char **texts = (const char **) *list;
	if ((count & (count + 1)) == 0) {
		texts = arena_array(p->arena, 2 * (count + 1), sizeof(*texts));
		if (count > 0)
			memcpy(texts, *list, count * sizeof(*texts));
	}
	texts[count] = text;
	*list = texts;
}

void plan_warn(struct planner *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(p, &p->warnings, &p->warning_count, format(p->arena, fmt, ap));
	va_end(ap);
}

void plan_note(struct planner *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(p, &p->notes, &p->note_count, format(p->arena, fmt, ap));
	va_end(ap);
}

/*
 * `,"annotations":{...}`, or "". Written into one buffer: with very many annotations, copying all
 * earlier ones for each would take minutes.
 */
static const char *annotations_text(struct arena *a, const struct oci_string_map *annotations)
{
	if (!annotations || annotations->count == 0)
		return "";

	static const char front[] = ",\"annotations\":{";
	const char **pairs = arena_array(a, annotations->count, sizeof(*pairs));
	size_t length = sizeof(front) + 1;

	for (size_t i = 0; i < annotations->count; i++) {
		pairs[i] = arena_printf(a, "%s%s:%s", i > 0 ? "," : "",
					json_quote(a, annotations->keys[i]),
					json_quote(a, annotations->values[i]));
		length += strlen(pairs[i]);
	}

	char *text = arena_alloc(a, length), *end = stpcpy(text, front);
	for (size_t i = 0; i < annotations->count; i++)
		end = stpcpy(end, pairs[i]);
	stpcpy(end, "}");

	return text;
}

/*
 * The state that hooks read on their stdin, without status and pid: runtime-spec, runtime.md#state.
 */
static void describe_state(struct planner *p)
{
	const struct oci_config *config = p->config;
	const struct plan_options *o = p->options;
	struct arena *a = p->arena;

	if (!config->hooks)
		return;
	p->plan->state_head =
		arena_printf(a, "{\"ociVersion\":%s,\"id\":%s,\"status\":\"",
			     json_quote(a, config->oci_version), json_quote(a, o->id));
	p->plan->state_tail = arena_printf(a, ",\"bundle\":%s%s}", json_quote(a, o->bundle),
					   annotations_text(a, config->annotations));
}

struct plan *plan_reserve(struct arena *a)
{
	struct plan *plan = arena_new(a, struct plan);

	plan->version = PLAN_VERSION;

	return plan;
}

void plan_begin(struct planner *p)
{
	static const char *const none[] = { NULL };
	const struct plan_options *o = p->options;
	struct plan *plan = (struct plan *) p->shared->base;

	p->plan = plan;
	p->warnings = p->notes = none;
	plan->id = arena_strdup(p->arena, o->id);
	plan->bundle = arena_strdup(p->arena, o->bundle);
	plan->fail_step = o->flags.fail_step;
	plan->debug = o->debug;
	plan->first_fd = 3 + o->listen_fds + (int) o->flags.preserve_fds;
	plan->umask = p->facts->umask;
	describe_state(p);
}

void plan_finish(struct planner *p, const struct plan **plan, const char *const **warnings)
{
	p->plan->namespaces = p->new_namespaces | p->joined_namespaces;
	plan_settle(p);
	*plan = p->plan;
	*warnings = p->warnings;
	if (p->options->notes)
		*p->options->notes = p->notes;
}

int plan_make(struct arena *shared, struct arena *arena, const struct oci_config *config,
	      const struct plan_options *options, const struct facts *facts,
	      const struct plan **plan, const char *const **warnings, struct err *e)
{
	struct planner p = {
		.arena = arena,
		.shared = shared,
		.config = config,
		.options = options,
		.facts = facts,
	};

	plan_begin(&p);
	p.plan->foreground = !options->detach;
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (subjects[i](&p, e) < 0)
			return -1;
	plan_finish(&p, plan, warnings);

	return 0;
}
