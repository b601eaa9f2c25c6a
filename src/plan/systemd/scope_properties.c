/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/scope_properties.c - the properties of a container's systemd unit
 *
 * The limits are written to the files of the container's own cgroup in any case. Limits that
 * systemd has a property for are set on the scope as well: `systemctl show` lists them, and some
 * have no effect from below. A weight competes with the neighbours of the scope, and a memory
 * protection holds only up to that of the scope. So the file of each limit in
 * plan/limits/resources.c is looked up here. A value that has no property is left to the kernel.
 */
#include "plan/systemd/scope.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/words.h"
#include "heap/json_text.h"
#include "kernel/sys.h"
#include "plan/annotations/allow.h"
#include "plan/limits/cgroup.h"
#include "plan/systemd/gvariant.h"
#include "plan/systemd/unit_limits.h"

#include <string.h>

#define PREFIX_SIZE (sizeof(SCOPE_PROPERTY) - 1)

const char *scope_base_properties(struct planner *p, const char *slice)
{
	static const char *const on[] = { "Delegate", "CPUAccounting", "MemoryAccounting",
					  "IOAccounting", "TasksAccounting" };
	struct properties properties = { .arena = p->arena };

	property_string(&properties, "Description",
			arena_printf(p->arena, "tare container %s", p->options->id));
	property_string(&properties, "Slice", slice);
	property_bool(&properties, "DefaultDependencies", false);
	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		property_bool(&properties, on[i], true);

	return properties.text;
}

/* ---- annotations: org.systemd.property.NAME ---- */

static const char *check_name(const char *name)
{
	/* Properties that decide the scope's cgroup and its owner: no annotation may set them. */
	static const char *const ours[] = { "Slice", "Delegate", "PIDs", "PIDFDs" };

	for (size_t i = 0; name[i]; i++)
		if (!((name[i] >= 'A' && name[i] <= 'Z') || (name[i] >= 'a' && name[i] <= 'z')))
			return "it has other characters than letters";
	if (strlen(name) < 3)
		return "it is too short";
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (strcmp(name, ours[i]) == 0)
			return "this one is tare's to set";

	return NULL;
}

/*
 * Unit files have TimeoutStopSec, in seconds; the bus has TimeoutStopUSec. The length of
 * "TimeoutStop"; 0: the name has no such ending.
 */
static size_t seconds_stem(const char *name)
{
	size_t length = strlen(name);

	return length >= 4 && strcmp(name + length - 3, "Sec") == 0 && name[length - 4] >= 'a' &&
			       name[length - 4] <= 'z'
		       ? length - 3
		       : 0;
}

bool scope_annotation_sets(const char *key, const char *property)
{
	const char *name = key + PREFIX_SIZE;

	if (strncmp(key, SCOPE_PROPERTY, PREFIX_SIZE) != 0)
		return false;

	size_t stem = seconds_stem(name);

	return stem > 0 ? strncmp(property, name, stem) == 0 && strcmp(property + stem, "USec") == 0
			: strcmp(property, name) == 0;
}

static int add_annotation(struct planner *p, struct properties *properties, const char *key,
			  const char *value, struct err *e)
{
	const char *name = key + PREFIX_SIZE, *why = check_name(name);

	if (why)
		return err_cfg(e,
			       plan_place(p, "/annotations/%s", json_pointer_token(p->arena, key)),
			       "annotation \"%s\" name incorrect: %s", key, why);

	size_t stem = seconds_stem(name);
	why = stem > 0 ? gvariant_seconds(properties,
					  arena_printf(p->arena, "%.*sUSec", (int) stem, name),
					  value)
		       : gvariant_property(properties, name, value);
	if (!why)
		return 0;
	err_cfg(e, plan_place(p, "/annotations/%s", key), "\"%s\" is no value of a property: %s",
		value, why);

	return err_hint(e,
			"values are in GVariant's text format: 'text', true, uint64 5, ['a', 'b']");
}

/* 1; 0, with a warning, where the annotation is switched off; -1. */
static int is_allowed(struct planner *p, const char *key, struct err *e)
{
	struct allowance found;

	if (allow_find(p->options->own_env, key, p->arena, &found, e) < 0)
		return -1;
	if (!found.on)
		plan_warn(p, "/annotations/%s: %s has switched this annotation off: it is left out",
			  key, found.by);

	return found.on;
}

static int add_annotations(struct planner *p, struct properties *properties, struct err *e)
{
	const struct oci_string_map *annotations = p->config->annotations;

	for (size_t i = 0; annotations && i < annotations->count; i++) {
		if (strncmp(annotations->keys[i], SCOPE_PROPERTY, PREFIX_SIZE) != 0)
			continue;

		int r = is_allowed(p, annotations->keys[i], e);
		if (r < 0 || (r > 0 && add_annotation(p, properties, annotations->keys[i],
						      annotations->values[i], e) < 0))
			return -1;
	}

	return 0;
}

/* ---- limits ---- */

/*
 * Files of weights that no property can express completely. Weights count between sibling cgroups,
 * so they are written for the scope, too.
 */
static bool holds_between_neighbours(const char *file)
{
	static const char *const files[] = { "cpu.idle", "cpu.weight.nice", "io.weight",
					     "io.bfq.weight" };

	return is_one_of(file, files, ARRAY_SIZE(files));
}

static struct step *add_to_scope(struct planner *p, size_t from)
{
	struct step *step = plan_add(p, OP_WRITE_CGROUP, p->steps[from].place);

	step->cgroup_file = p->steps[from].cgroup_file;
	step->cgroup_file.directory = p->steps[p->scope].scope.cgroup;

	return step;
}

static bool has_file(struct planner *p, const char *dir, const char *file)
{
	return sys_access_at(AT_FDCWD, arena_printf(p->arena, "%s/%s", dir, file), F_OK) == 0;
}

/*
 * Will the scope's cgroup have the file that @s names first? That can only be seen in a cgroup with
 * that controller: the slice, or systemd's top. Where no cgroup has the controller yet, a kernel
 * with the BFQ scheduler has loaded its module.
 */
static bool will_have(struct planner *p, const struct step *s)
{
	const char *top = p->facts->cgroups.hierarchies[p->facts->cgroups.count - 1].mount;
	const char *const dirs[] = {
		p->scope_parent ? p->scope_parent : top,
		arena_printf(p->arena, "%s/system.slice", top),
		arena_printf(p->arena, "%s/user.slice", top),
		arena_printf(p->arena, "%s/init.scope", top),
	};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (has_file(p, dirs[i], s->cgroup_file.file))
			return true;
		if (has_file(p, dirs[i], s->cgroup_file.other_file))
			return false;
	}

	return strncmp(s->cgroup_file.file, "io.bfq.", 7) != 0 || has_file(p, "/sys/module", "bfq");
}

static void add_limits(struct planner *p, struct properties *properties)
{
	const char *scope = p->steps[p->scope].scope.cgroup;
	size_t end = p->count;

	for (size_t i = p->scope; i < end; i++) {
		const struct step *s = &p->steps[i];
		const char *above;

		if (s->op != OP_WRITE_CGROUP)
			continue;
		if (!s->cgroup_file.other_file || will_have(p, s))
			unit_limit_add(properties, s->cgroup_file.file, s->cgroup_file.value);
		else
			unit_limit_add(properties, s->cgroup_file.other_file,
				       s->cgroup_file.other_value);
		if (strcmp(s->cgroup_file.directory, scope) == 0)
			continue;
		above = unit_limit_above(s->cgroup_file.file, s->cgroup_file.value, p->arena);
		if (above)
			add_to_scope(p, i)->cgroup_file.value = above;
		else if (holds_between_neighbours(s->cgroup_file.file))
			add_to_scope(p, i);
	}
}

int plan_scope_properties(struct planner *p, struct err *e)
{
	const char *base = p->steps[p->scope].scope.properties;
	struct properties properties = {
		.arena = p->arena,
		.text = (char *) base,
		.length = strlen(base),
	};

	plan_cgroup_limit_pids_to_none(p);
	if (add_annotations(p, &properties, e) < 0)
		return -1;
	if (p->facts->cgroups.mode == CGROUP_V2)
		add_limits(p, &properties);
	p->steps[p->scope].scope.properties = properties.text;

	return 0;
}
