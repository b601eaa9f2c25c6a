/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/create/scope.c - OP_START_SCOPE
 *
 * tare-init exists, in our own cgroup, and waits. The scope is in the journal before systemd is
 * asked for it.
 */
#include "host/create/create.h"

#include "base/fmt.h"
#include "cgroup/cgroup.h"
#include "cgroup/scope.h"
#include "plan/systemd/scope.h"
#include "state/journal.h"

/*
 * A unit of this name that has processes belongs to another container: our journal must not name
 * it.
 */
static int check_free(const struct scope_step *s, struct err *e)
{
	if (cgroup_is_empty(s->cgroup))
		return 0;
	(void) err_msg(e, "systemd runs a unit \"%s\" already", s->unit);

	return err_hint(e, "see `systemctl %sstatus %s`", s->bus ? "--user " : "", s->unit);
}

/* All later steps are planned for this cgroup, so the process must be in it. */
static int check_place(const struct scope_step *s, pid_t pid, struct err *e)
{
	if (cgroup_has_process(s->cgroup, pid))
		return 0;

	return err_msg(e, "systemd did not put \"%s\" at \"%s\"", s->unit, s->cgroup);
}

static void place_property(const struct create *c, const char *property, struct err *e)
{
	const struct oci_string_map *map = c->bundle.config->annotations;
	char place[ERR_PLACE];

	for (size_t i = 0; map && i < map->count; i++) {
		if (!scope_annotation_sets(map->keys[i], property))
			continue;
		/*
		 * Names of properties have no `/` and no `~`, so the JSON pointer needs no escapes.
		 */
		fmt_text(place, sizeof(place), "/annotations/%s", map->keys[i]);
		err_at(e, place);
		return;
	}
}

int scope_perform(struct create *c, const struct step *step, struct err *e)
{
	const struct scope_step *s = &step->scope;
	const struct scope scope = { .unit = s->unit, .bus = s->bus };
	struct scope_refusal refusal;

	if (check_free(s, e) < 0 || journal_scope(c->journal, &scope, s->cgroup, e) < 0)
		return -1;
	if (scope_start(&scope, s->properties, c->pid, c->signals, &refusal, e) < 0) {
		struct err ignored;

		if (refusal.property[0])
			place_property(c, refusal.property, e);
		if (refusal.surely)
			(void) journal_not_ours(c->journal, s->unit, &ignored);
		return -1;
	}

	return check_place(s, c->pid, e);
}
