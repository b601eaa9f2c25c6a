/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/scope.c - OP_START_SCOPE
 *
 * tare-init is there, in our own cgroup, and waits. The journal has the scope before systemd hears of it.
 */
#include "host/host.h"

#include "base/fmt.h"
#include "cgroup/cgroup.h"
#include "cgroup/scope.h"
#include "state/journal.h"

/* A unit of this name with processes in it is somebody else's, and must not come into our journal. */
static int check_free(const struct scope_step *s, struct err *e)
{
	if (cgroup_is_empty(s->cgroup))
		return 0;
	(void) err_msg(e, "systemd runs a unit \"%s\" already", s->unit);

	return err_hint(e, "see `systemctl %sstatus %s`", s->bus ? "--user " : "", s->unit);
}

/* The plan has said where systemd would put it, and what follows is planned for there. */
static int check_place(const struct scope_step *s, pid_t pid, struct err *e)
{
	if (cgroup_has_process(s->cgroup, pid))
		return 0;

	return err_msg(e, "systemd did not put \"%s\" at \"%s\"", s->unit, s->cgroup);
}

#define PROPERTY "org.systemd.property."

/* systemd names a property that it does not know, or not with such a value. */
static void place_property(const struct create *c, struct err *e)
{
	const struct oci_string_map *map = c->bundle.config->annotations;
	char place[ERR_PLACE];

	for (size_t i = 0; map && i < map->count; i++) {
		const char *key = map->keys[i], *name = key + sizeof(PROPERTY) - 1;

		if (strncmp(key, PROPERTY, sizeof(PROPERTY) - 1) != 0 || !strstr(e->text, name))
			continue;
		/* There is no `/` and no `~` in the name of a property: no escapes of a JSON pointer. */
		fmt_text(place, sizeof(place), "/annotations/%s", key);
		err_at(e, place);
		return;
	}
}

int scope_perform(struct create *c, const struct step *step, struct err *e)
{
	const struct scope_step *s = &step->scope;
	const struct scope scope = { .unit = s->unit, .bus = s->bus };
	bool refused;

	if (check_free(s, e) < 0 || journal_scope(c->journal, &scope, s->cgroup, e) < 0)
		return -1;
	if (scope_start(&scope, s->properties, c->pid, c->signals, &refused, e) < 0) {
		struct err ignored;

		if (refused)
			place_property(c, e);
		if (refused)
			(void) journal_not_ours(c->journal, s->unit, &ignored);
		return -1;
	}

	return check_place(s, c->pid, e);
}
