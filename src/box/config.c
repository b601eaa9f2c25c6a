/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/config.c - the parts of a box become one config
 *
 * The functions of the subjects fill one oci_config. They are called in an order in which each
 * finds the parts of other subjects that it reads.
 */
#include "box/box.h"

#include "base/path.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/mountinfo.h"
#include "plan/annotations/annotation.h"
#include "plan/spec_default.h"

#define MOST_ANNOTATIONS 16

const char *box_next_word(struct box *b, const char **at)
{
	const char *from = *at + strspn(*at, ",");
	size_t length = strcspn(from, ",");

	*at = from + length;

	return length > 0 ? arena_memdup(b->arena, from, length) : NULL;
}

void box_annotate(struct box *b, const char *key, const char *value)
{
	struct oci_string_map *map = b->config.annotations;

	if (!map) {
		map = b->config.annotations = arena_new(b->arena, struct oci_string_map);
		map->keys = arena_array(b->arena, MOST_ANNOTATIONS, sizeof(*map->keys));
		map->values = arena_array(b->arena, MOST_ANNOTATIONS, sizeof(*map->values));
	}
	map->keys[map->count] = key;
	map->values[map->count++] = value;
}

/* ---- paths that are masked or read-only ---- */

struct paths {
	const char **items;
	size_t count;
};

static struct paths join_paths(struct box *b, const char *const *given, size_t given_count,
			       const struct text_list *more)
{
	size_t most = given_count + more->count + 1;
	struct paths p = { .items = arena_array(b->arena, most, sizeof(*p.items)) };

	for (size_t i = 0; i < given_count; i++)
		if (!is_one_of(given[i], b->options->unmasked.items, b->options->unmasked.count) &&
		    !is_one_of(given[i], b->bare_paths, b->bare_path_count))
			p.items[p.count++] = given[i];
	for (size_t i = 0; i < more->count; i++)
		p.items[p.count++] = more->items[i];

	return p;
}

static int check_paths(struct box *b, const struct text_list *list, struct err *e)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i][0] != '/')
			return box_refuse(b, list->flags[i], list->items[i], e,
					  "the path is not absolute");

	return 0;
}

/* The flags' items come behind the defaults. */
static void name_origins(struct box *b, const char *list, size_t first,
			 const struct text_list *given)
{
	for (size_t i = 0; i < given->count; i++)
		box_origin(b, arena_printf(b->arena, "/linux/%s/%zu", list, first + i),
			   given->flags[i], given->items[i]);
}

/*
 * With -r: a read-only root is the root's mount alone, config.md#root. Other mounts of the host in
 * ROOT become read-only paths, unless a mount of the box covers them.
 */
static void protect_mounted(struct box *b)
{
	autoclose int file = sys_open("/proc/self/mountinfo", O_RDONLY);
	struct mountinfo m = { .fd = file };
	struct mountinfo_line line;
	const char *rest;

	while (mountinfo_next(&m, &line) > 0) {
		const char *place = path_below(line.point, b->root);
		size_t count = b->linux.readonly_paths_count;

		if (!place || strcmp(place, "/") == 0 || box_mount_of(b, place, &rest))
			continue;
		box_origin(b, arena_printf(b->arena, "/linux/readonlyPaths/%zu", count),
			   "read-only", NULL);
		b->linux.readonly_paths = arena_append(b->arena, b->linux.readonly_paths, count,
						       arena_strdup(b->arena, place));
		b->linux.readonly_paths_count++;
	}
}

int box_paths(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	const struct oci_linux *usual = spec_default(b->arena, false, 0, 0, false)->linux;
	bool none = o->privileged || b->level[WISH_MOUNTS] > 0 || box_is_bare(b);

	if (check_paths(b, &o->masked, e) < 0 || check_paths(b, &o->protected, e) < 0 ||
	    check_paths(b, &o->unmasked, e) < 0)
		return -1;

	struct paths masked = join_paths(b, usual->masked_paths,
					 none ? 0 : usual->masked_paths_count, &o->masked);
	struct paths readonly = join_paths(b, usual->readonly_paths,
					   none ? 0 : usual->readonly_paths_count, &o->protected);

	b->linux.masked_paths = masked.items;
	b->linux.masked_paths_count = masked.count;
	b->linux.readonly_paths = readonly.items;
	b->linux.readonly_paths_count = readonly.count;
	name_origins(b, "maskedPaths", masked.count - o->masked.count, &o->masked);
	name_origins(b, "readonlyPaths", readonly.count - o->protected.count, &o->protected);
	if (o->read_only && !b->whole && !b->layered && !box_is_bare(b))
		protect_mounted(b);

	return 0;
}

/* ---- the whole config ---- */

static int set_root(struct box *b, struct err *e)
{
	/* With --lower alone there is no place for changes, so the root is read-only. */
	bool readonly =
		!box_is_bare(b) && (b->options->read_only ||
				    (b->layered && !b->layers.directory && !b->options->ephemeral));

	(void) e;
	b->root_property = (struct oci_root) {
		.path = b->root,
		.has_readonly = readonly,
		.readonly = readonly,
	};
	b->config.root = &b->root_property;
	if (b->options->read_only)
		box_origin(b, "/root/readonly", "read-only", NULL);

	return 0;
}

static box_subject *const subjects[] = {
	box_boot,     box_choose_account, box_layers,  set_root,   box_namespaces,
	box_mounts,   box_check_bare,	  box_process, box_arch,   box_devices,
	box_landlock, box_limits,	  box_paths,   box_filter,
};

int box_config(struct box *b, struct err *e)
{
	/* box_config() may be called again, when a wish was left out. */
	b->process = (struct oci_process) { 0 };
	b->linux = (struct oci_linux) { 0 };
	b->resources = (struct oci_linux_resources) { 0 };
	b->origin_count = 0;
	b->user_namespace = b->made_resolv_conf = false;
	b->config = (struct oci_config) {
		.oci_version = "1.3.0",
		.process = &b->process,
		.linux = &b->linux,
	};
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (subjects[i](b, e) < 0)
			return -1;
	box_annotate_omitted(b);

	return 0;
}
