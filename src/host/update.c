/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/update.c - update: new limits for an existing container
 *
 * plan/limits/update.c decides what is written. Each old value is read first; if the kernel refuses
 * a new value, the old values are written back, last first. So an update is done wholly or not at
 * all. The cgroups keep the limits, so the record does not change. A scope that systemd made has
 * limits of its own, which must not stay below the new ones: systemd is asked last, as it may
 * refuse, too.
 */
#include "host/update.h"

#include "base/fmt.h"
#include "cgroup/cgroup.h"
#include "cgroup/previous.h"
#include "cgroup/scope.h"
#include "heap/log.h"
#include "host/create/create.h"
#include "host/find.h"
#include "host/schemata.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "plan/limits/update.h"
#include "plan/systemd/unit_limits.h"
#include "plan/systemd/unit_name.h"
#include "spec/resources.h"

/* @e's place is in the caller's document, which begins at linux.resources. */
static int shorten_place(struct err *e)
{
	static const char front[] = "/linux/resources";
	size_t length = sizeof(front) - 1;

	if (strncmp(e->place, front, length) == 0)
		memmove(e->place, e->place + length, strlen(e->place + length) + 1);

	return -1;
}

/*
 * Write the old values back. A value that the kernel does not take back stays new, with a warning.
 */
static void write_back(const struct step *steps, const struct previous *previous_values,
		       size_t count, struct err *e)
{
	while (count-- > 0)
		if (previous_restore(&previous_values[count], steps[count].cgroup_file.directory) <
		    0)
			err_hint(e, "\"%s\" could not be set back", previous_values[count].file);
}

/* The old value goes to @previous. */
static int write_value(const struct step *s, struct previous *previous, struct arena *a,
		       struct err *e)
{
	const char *dir = s->cgroup_file.directory, *file, *value;

	if (cgroup_file_choose(s, &file, &value, e) < 0)
		return -1;
	if (previous_read(previous, dir, file, value, a, e) < 0)
		return -1;

	return cgroup_write(dir, file, value, s->cgroup_file.optional, e);
}

static int perform(const struct step *steps, size_t count, struct previous *previous_values,
		   struct arena *a, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		if (write_value(&steps[i], &previous_values[i], a, e) == 0)
			continue;
		err_at(e, steps[i].place);
		write_back(steps, previous_values, i, e);
		return -1;
	}

	return 0;
}

/* A value that was written to a file of the container's cgroup. */
struct limit {
	const char *directory, *file, *value;
};

/* The cgroup of the scope: the parent of @dir; NULL where the container has no sub-group. */
static const char *scope_directory(const char *unit, const char *dir, struct arena *a)
{
	char *above = arena_strdup(a, dir), *name = strrchr(above, '/');

	if (!name || strcmp(name + 1, unit_cgroup_name(unit, a)) == 0)
		return NULL;
	*name = '\0';

	return above;
}

static void leave_room(const struct scope *scope, const struct limit *limit, struct arena *a)
{
	const char *value = unit_limit_above(limit->file, limit->value, a);
	const char *dir = value ? scope_directory(scope->unit, limit->directory, a) : NULL;
	struct err e;

	/* A failure is only a warning: the limit of the container's own cgroup holds. */
	if (dir && cgroup_write(dir, limit->file, value, false, &e) < 0)
		log_warning("the scope's own limit may be reached before the container's: %s",
			    e.text);
}

static int set_scope(const struct scope *scope, const struct limit *limits, size_t count,
		     struct arena *a, struct err *e)
{
	struct properties properties = { .arena = a };

	if (!scope->unit)
		return 0;
	for (size_t i = 0; i < count; i++)
		unit_limit_add(&properties, limits[i].file, limits[i].value);
	if (!properties.text)
		return 0;
	if (scope_set(scope, properties.text, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		leave_room(scope, &limits[i], a);

	return 0;
}

static void reset_scope(const struct scope *scope, const struct step *steps,
			const struct previous *previous_values, size_t count, struct arena *a)
{
	struct limit *limits = arena_array(a, count + 1, sizeof(*limits));
	size_t known = 0;
	struct err ignored;

	for (size_t i = 0; i < count; i++)
		if (previous_values[i].value)
			limits[known++] = (struct limit) {
				.directory = steps[i].cgroup_file.directory,
				.file = previous_values[i].file,
				.value = previous_values[i].value,
			};
	(void) set_scope(scope, limits, known, a, &ignored);
}

/* The end of an update, once all files are written: the scope, then the schemata. */
static int finish(const struct record *rec, bool v2, const struct step *steps,
		  const struct previous *previous_values, size_t count,
		  const struct update_schemata *schemata, struct arena *a, struct err *e)
{
	const struct scope scope = { .unit = v2 ? rec->scope : NULL, .bus = rec->scope_bus };
	struct limit *limits = arena_array(a, count + 1, sizeof(*limits));

	for (size_t i = 0; i < count; i++) {
		bool other = strcmp(previous_values[i].file, steps[i].cgroup_file.file) != 0;

		/*
		 * The file that was really written: weights in the two files have different ranges.
		 */
		limits[i] = (struct limit) {
			.directory = steps[i].cgroup_file.directory,
			.file = previous_values[i].file,
			.value = other ? steps[i].cgroup_file.other_value
				       : steps[i].cgroup_file.value,
		};
	}
	if (set_scope(&scope, limits, count, a, e) < 0)
		return -1;
	if (schemata_update(rec->pid, schemata, a, e) == 0)
		return 0;
	reset_scope(&scope, steps, previous_values, count, a);

	return -1;
}

static int put_in_force(const struct record *rec, const struct oci_linux_resources *resources,
			const struct update_schemata *schemata, struct arena *a, struct err *e)
{
	struct facts facts = { .euid = sys_euid(), .egid = sys_egid() };
	const struct step *steps;
	size_t count;

	if (cgroup_layout_read(&facts.cgroups, a, e) < 0)
		return -1;
	if (plan_update(resources, rec->cgroups, &facts, a, &steps, &count, e) < 0)
		return -1;

	struct previous *previous_values = arena_array(a, count + 1, sizeof(*previous_values));
	if (perform(steps, count, previous_values, a, e) < 0)
		return -1;
	if (finish(rec, facts.cgroups.mode == CGROUP_V2, steps, previous_values, count, schemata, a,
		   e) == 0)
		return 0;
	write_back(steps, previous_values, count, e);

	return -1;
}

int container_update(const struct state_root *root, const char *id,
		     const struct oci_linux_resources *resources,
		     const struct update_schemata *schemata, struct err *e)
{
	struct record rec;
	struct arena a;

	arena_open(&a);
	autoclose int dir = container_lookup(root, id, false, &rec, &a, e);
	if (dir < 0)
		return -1;
	if (state_status(dir, &rec) == STATUS_STOPPED)
		return err_msg(e, "container not running");
	if (resources->devices_count > 0)
		log_warning(
			"/devices: update leaves the rules for devices as create has made them");

	return put_in_force(&rec, resources, schemata, &a, e) < 0 ? shorten_place(e) : 0;
}

int container_update_file(const struct state_root *root, const char *id, const char *path,
			  struct err *e)
{
	static const struct update_schemata none;
	struct resources_file file;
	struct arena a;

	arena_open(&a);
	if (resources_load(&file, path, &a, e) < 0)
		return -1;
	if (container_update(root, id, file.resources, &none, e) < 0)
		return resources_locate(&file, &a, e);

	return 0;
}
