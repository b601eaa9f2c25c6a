/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/resctrl.c - linux.intelRdt: the container's group in the resctrl filesystem
 *
 * runtime-spec, config-linux.md#intelrdt. Without a closID the group is the container's own, made
 * and removed with it. A closID names a shared group, which is made where it is missing, and kept.
 * Without any setting the group must exist. The monitoring group is the container's own in any
 * case.
 */
#include "plan/limits/resctrl.h"

#include "base/fmt.h"
#include "base/mount_line.h"
#include "heap/proc_text.h"
#include "plan/planner.h"

#include <string.h>

#define PLACE "/linux/intelRdt/"

/* ---- the mount of resctrl ---- */

const char *resctrl_find(char *mountinfo, struct arena *a)
{
	for (char *text; (text = strsep(&mountinfo, "\n"));) {
		struct mount_line line;

		if (mount_line_cut(text, &line) && strcmp(line.type, "resctrl") == 0)
			return arena_strdup(a, line.point);
	}

	return NULL;
}

static int find_root(struct planner *p, const char **root, struct err *e)
{
	char *mountinfo = NULL;

	*root = p->facts->resctrl;
	if (*root)
		return 0;
	if (proc_text_read("/proc/self/mountinfo", p->arena, &mountinfo, e) < 0)
		return -1;
	*root = resctrl_find(mountinfo, p->arena);
	if (*root)
		return 0;
	err_cfg(e, "/linux/intelRdt", "no resctrl file system is mounted");

	return err_hint(e, "it needs a CPU with resource control: mount -t resctrl resctrl "
			   "/sys/fs/resctrl");
}

/* ---- lines of the schemata ---- */

static bool has_text(const char *s)
{
	return s && s[0];
}

/* Append each line of @text. l3CacheSchema should be a single line, but may have more. */
static size_t add_lines(struct planner *p, const char *text, const char **lines, size_t n)
{
	for (size_t length; text && *text; text += length) {
		text += strspn(text, "\n");
		length = strcspn(text, "\n");
		if (length > 0)
			lines[n++] = arena_memdup(p->arena, text, length);
	}

	return n;
}

/* memBwSchema needs no check: the JSON schema has its form. */
static int check_lines(struct planner *p, const struct oci_linux_intel_rdt *rdt, struct err *e)
{
	for (size_t i = 0; i < rdt->schemata_count; i++)
		if (strchr(rdt->schemata[i], '\n'))
			return err_cfg(e, plan_place(p, PLACE "schemata/%zu", i),
				       "a schema has no line end in it");

	return 0;
}

/*
 * All lines to write, in the order of the spec. The first @compared lines must already be in a
 * group that is shared.
 */
static const char *const *list_lines(struct planner *p, const struct oci_linux_intel_rdt *rdt,
				     size_t *compared)
{
	size_t n = rdt->l3_cache_schema ? strlen(rdt->l3_cache_schema) : 0;
	const char **lines = arena_array(p->arena, rdt->schemata_count + n + 3, sizeof(*lines));

	n = add_lines(p, rdt->l3_cache_schema, lines, 0);
	n = add_lines(p, rdt->mem_bw_schema, lines, n);
	*compared = n;
	for (size_t i = 0; i < rdt->schemata_count; i++)
		n = add_lines(p, rdt->schemata[i], lines, n);

	return lines;
}

/* A closID is "/", for the root, or the name of one directory, but none of the kernel's own. */
static int check_clos(const char *id, struct err *e)
{
	static const char *const taken[] = { ".", "..", "info", "mon_groups", "mon_data" };

	if (!id || strcmp(id, "/") == 0)
		return 0;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(id, taken[i]) == 0)
			return err_cfg(e, PLACE "closID", "\"%s\" is not the name of a group", id);
	if (strchr(id, '/') || strchr(id, '\n') || strlen(id) > 255)
		return err_cfg(e, PLACE "closID", "\"%s\" is not the name of a group", id);

	return 0;
}

static void add_group(struct planner *p, const char *path, enum resctrl_way way,
		      const char *const *lines, size_t compared)
{
	struct step *step = plan_add(p, OP_MAKE_RESCTRL, "/linux/intelRdt");

	step->resctrl.path = path;
	step->resctrl.way = way;
	step->resctrl.lines = lines;
	step->resctrl.compared = compared;
}

static void add_write(struct planner *p, const char *path, const char *const *lines)
{
	if (!lines[0])
		return;

	struct step *step = plan_add(p, OP_WRITE_RESCTRL, "/linux/intelRdt");
	step->resctrl.path = path;
	step->resctrl.lines = lines;
}

static enum resctrl_way way_of(const char *clos, bool schemas)
{
	if (!clos)
		return RESCTRL_OWN;

	return schemas && strcmp(clos, "/") != 0 ? RESCTRL_SHARED : RESCTRL_THERE;
}

/* The directory of the group for @clos. */
static const char *clos_path(const struct planner *p, const char *root, const char *clos)
{
	if (clos && strcmp(clos, "/") == 0)
		return root;

	return arena_printf(p->arena, "%s/%s", root, clos ? clos : p->options->id);
}

int plan_resctrl(struct planner *p, struct err *e)
{
	const struct oci_linux_intel_rdt *rdt =
		p->config->linux ? p->config->linux->intel_rdt : NULL;
	const char *root;
	size_t compared;

	if (!rdt)
		return 0;

	const char *clos = has_text(rdt->clos_id) ? rdt->clos_id : NULL;
	if (check_clos(clos, e) < 0 || check_lines(p, rdt, e) < 0 || find_root(p, &root, e) < 0)
		return -1;

	const char *const *lines = list_lines(p, rdt, &compared);
	const char *path = clos_path(p, root, clos);
	add_group(p, path, way_of(clos, lines[0] != NULL), lines, compared);
	if (rdt->has_enable_monitoring && rdt->enable_monitoring)
		add_group(p, arena_printf(p->arena, "%s/mon_groups/%s", path, p->options->id),
			  RESCTRL_NEW, NULL, 0);
	add_write(p, path, lines);

	return 0;
}

/*
 * The class is joined first: the kernel refuses a process in a monitoring group of another class.
 */
int plan_resctrl_join(struct planner *p, struct err *e)
{
	size_t before = p->count;

	(void) e;
	for (size_t i = 0; i < before; i++) {
		const char *path = p->steps[i].resctrl.path;

		if (p->steps[i].op == OP_MAKE_RESCTRL)
			plan_add(p, OP_JOIN_RESCTRL, "/linux/intelRdt")->path = path;
	}

	return 0;
}
