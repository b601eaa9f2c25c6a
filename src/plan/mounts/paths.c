/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/paths.c - linux.maskedPaths, linux.readonlyPaths
 *
 * Read-only paths first: each is covered with a copy of itself, and a mask below it must then be
 * put on that copy. A path that is listed twice, in any spelling, is covered once: engines merge
 * their own lists with the user's.
 */
#include "kernel/process.h"
#include "plan/mounts/mounts.h"
#include "plan/mounts/path_text.h"
#include "plan/planner.h"

#include <stdlib.h>
#include <string.h>

struct path {
	const char *text; /* cleaned */
	size_t at;	  /* index in the list; of equal texts only the first is used */
};

static int compare(const void *left, const void *right)
{
	const struct path *a = left, *b = right;
	int r = strcmp(a->text, b->text);

	return r ? r : (a->at > b->at) - (a->at < b->at);
}

/*
 * For each index: is the same path in the list before it? The paths are sorted first, as there may
 * be a hundred thousand.
 */
static const bool *find_repeated(struct arena *a, const char **paths, size_t count)
{
	struct path *sorted = arena_array(a, count + 1, sizeof(*sorted));
	bool *again = arena_array(a, count + 1, sizeof(*again));

	for (size_t i = 0; i < count; i++)
		sorted[i] = (struct path) { .text = path_clean(a, paths[i]), .at = i };
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 1; i < count; i++)
		again[sorted[i].at] = strcmp(sorted[i].text, sorted[i - 1].text) == 0;

	return again;
}

static int add_paths(struct planner *p, enum step_op op, const char *property, const char **paths,
		     size_t count, struct err *e)
{
	const bool *again = find_repeated(p->arena, paths, count);
	for (size_t i = 0; i < count; i++) {
		const char *place = plan_place(p, "/linux/%s/%zu", property, i);
		const char *path = path_clean(p->arena, paths[i]);

		if (paths[i][0] != '/')
			return err_cfg(e, place, "\"%s\" is not an absolute path", paths[i]);
		if (op == OP_MASK_PATH && strcmp(path, "/") == 0)
			return err_cfg(e, place, "\"%s\" is the whole rootfs", paths[i]);
		/*
		 * "/" is left out: a mount on the root of the rootfs would not cover the later
		 * root. See plan_enter_rootfs().
		 */
		if (!again[i] && strcmp(path, "/") != 0)
			plan_add(p, op, place)->path = path;
	}

	return 0;
}

const char *plan_readonly_root(struct planner *p)
{
	const struct oci_linux *linux = p->config->linux;

	if (p->config->root->readonly)
		return "/root/readonly";
	for (size_t i = 0; linux && i < linux->readonly_paths_count; i++)
		if (strcmp(path_clean(p->arena, linux->readonly_paths[i]), "/") == 0)
			return plan_place(p, "/linux/readonlyPaths/%zu", i);

	return NULL;
}

int plan_paths(struct planner *p, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;

	if (!linux)
		return 0;
	if (add_paths(p, OP_PROTECT_PATH, "readonlyPaths", linux->readonly_paths,
		      linux->readonly_paths_count, e) < 0)
		return -1;

	return add_paths(p, OP_MASK_PATH, "maskedPaths", linux->masked_paths,
			 linux->masked_paths_count, e);
}
