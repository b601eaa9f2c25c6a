/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/describe.c - mounts, devices and links of a plan, in one line each
 *
 * Runs in tare, for plan/describe.c. Options are shown by the words of config.json.
 */
#include "kernel/mount.h"
#include "plan/describe.h"
#include "plan/mounts/options.h"

#include <string.h>

void describe_propagation(struct line *l, const struct step *s)
{
	const char *name = mount_propagation_name(s->propagation.flags);

	line_add(l, "%s", name ? name : "unknown");
}

void describe_rootfs(struct line *l, const struct step *s)
{
	line_quote(l, s->rootfs.path);
	line_add(l, s->rootfs.source_from_host ? " opened by host" : "");
}

/*
 * Does @attrs have what @row sets and clears? An access time mode is one value within
 * MOUNT_ATTR__ATIME; that the other modes are cleared is not shown as a word.
 */
static bool has_attrs(const struct mount_attrs *attrs, const struct mount_attrs *row)
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

static bool has_flag(unsigned long flags, const struct mount_option *row)
{
	return row->flags.set && (flags & row->flags.set) == row->flags.set;
}

static void add_options(struct line *l, const struct mount_step *m)
{
	l->in_list = false;
	for (size_t i = 0; i < mount_options_count; i++) {
		const struct mount_option *row = &mount_options[i];

		if (has_attrs(&m->attrs, &row->attrs) ||
		    has_attrs(&m->recursive_attrs, &row->recursive) || has_flag(m->flags, row))
			line_add_item(l, row->name);
	}
	for (size_t i = 0; i < m->propagation_count; i++)
		line_add_item(l, mount_propagation_name(m->propagation[i]));
	if (m->data && m->data[0])
		line_add_item(l, m->data);
}

static const char *mount_verb(const struct mount_step *m)
{
	if (m->remount)
		return m->bind ? "remount-bind" : "remount";
	if (m->bind)
		return m->recursive ? "rbind" : "bind";

	return m->type;
}

static void add_idmap(struct line *l, const struct mount_idmap *map)
{
	if (map->way == MOUNT_IDMAP_NONE)
		return;
	line_add(l, map->recursive ? " with all below it id-mapped" : " id-mapped");
	if (map->way == MOUNT_IDMAP_CONTAINER) {
		line_add(l, " as the container");
		return;
	}
	line_add_ranges(l, " uids", map->uids.ranges, map->uids.count);
	line_add_ranges(l, " gids", map->gids.ranges, map->gids.count);
}

void describe_mount(struct line *l, const struct step *s)
{
	const struct mount_step *m = &s->mount;

	line_add(l, "%s ", mount_verb(m));
	if (m->bind && !m->remount) {
		line_quote(l, m->source);
		line_add(l, " ");
	} else if (m->type && m->source && strcmp(m->source, m->type) != 0) {
		line_quote(l, m->source);
		line_add(l, " ");
	}
	line_add(l, m->remount ? "" : "on ");
	line_quote(l, m->target);
	add_options(l, m);
	line_add(l, m->copy_up ? " with a copy of what is there" : "");
	line_add(l, m->readonly_later ? " read-only later" : "");
	line_add(l, m->source_nofollow ? " a link itself" : "");
	line_add(l, m->target_nofollow ? " over a link itself" : "");
	add_idmap(l, &m->idmap);
	line_add(l, m->source_from_host ? m->bind ? " opened by host" : " made by host" : "");
	if (m->label) {
		line_add(l, " labelled ");
		line_quote(l, m->label);
	}
	if (m->fallback) {
		line_add(l, ", else rbind ");
		line_quote(l, m->fallback);
	}
}

void describe_device(struct line *l, const struct step *s)
{
	const struct device_step *d = &s->device;
	unsigned permissions = d->mode & 07777;

	line_quote(l, d->path);
	if (S_ISFIFO(d->mode))
		line_add(l, " p");
	else
		line_add(l, " %c %u:%u", S_ISBLK(d->mode) ? 'b' : 'c', d->major, d->minor);
	if (d->bind)
		line_add(l, d->from_host ? " bound, made by host" : " bound");
	if (!d->bind || d->from_host)
		line_add(l, " %04o %u:%u", permissions, d->uid, d->gid);
}

void describe_link(struct line *l, const struct step *s)
{
	line_quote(l, s->link.path);
	line_add(l, " -> ");
	line_quote(l, s->link.target);
}

void describe_layers(struct line *l, const struct step *s)
{
	for (size_t i = 0; i < s->layers.count; i++) {
		line_add(l, i > 0 ? ", " : "over ");
		line_quote(l, s->layers.lowers[i]);
	}
	line_add(l, s->layers.count > 0 ? "; " : "");
	if (s->layers.directory) {
		line_add(l, "changes to ");
		line_quote(l, s->layers.directory);
		return;
	}
	line_add(l, "changes in memory%s%s", s->layers.size ? ", at most " : "",
		 s->layers.size ? s->layers.size : "");
}
