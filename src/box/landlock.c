/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/landlock.c - --landlock: the program is restricted to the paths that the flags name
 *
 * On top of namespaces Landlock is a second protection: only paths that are bound writable can be
 * written to. Where an ordinary user may not make namespaces, Landlock is the only one
 * (box_is_bare()): no mount hides the files of others in shared directories, so these directories
 * and all homes are left out of the readable paths.
 */
#include "box/box.h"

#include "base/path.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/landlock.h"
#include "kernel/since.h"
#include "plan/annotations/annotation.h"
#include "plan/mounts/path_text.h"

#define ABI_OF_TCP    4
#define ABI_OF_SCOPES 6
#define DEEPEST	      8

static const char no_kernel[] = "this kernel has none";

/* Nodes that every program may use. */
static const char *const usual_nodes[] = {
	"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty",
};

struct rules {
	struct box *b;
	char *text; /* the annotation's value */
};

static int add_rule(struct rules *r, const char *word, const char *path, struct err *e)
{
	if (path && strchr(path, '\n'))
		return box_refuse(r->b, "landlock", NULL, e, "\"%s\" has a newline in it", path);
	r->text = arena_printf(r->b->arena, "%s%s%s%s\n", r->text, word, path ? " " : "",
			       path ? path : "");

	return 0;
}

static bool has_option(const struct oci_mount *m, const char *name)
{
	return is_one_of(name, m->options, m->options_count);
}

static bool is_readonly(const struct oci_mount *m)
{
	return has_option(m, "ro") || has_option(m, "rro");
}

/* ---- with namespaces ---- */

/* Every mount of the box is allowed: its own flags protect it. */
static int allow_mounts(struct rules *r, struct err *e)
{
	struct box *b = r->b;

	/* The host's own root is read-only, unless an overlay of the box's own is over it. */
	bool readonly = b->root_property.readonly || (b->whole && !b->layered);

	if (add_rule(r, readonly ? "read" : "write", "/", e) < 0)
		return -1;
	for (size_t i = 0; i < b->config.mounts_count; i++) {
		const struct oci_mount *m = &b->config.mounts[i];

		if (!is_readonly(m) && add_rule(r, "write", m->destination, e) < 0)
			return -1;
	}

	return 0;
}

/* ---- without namespaces ---- */

/* Is a hidden place below @path? */
static bool has_hidden_below(const struct box *b, const char *path)
{
	const char *hidden;

	for (size_t i = 0; (hidden = box_hidden_place(b, i)); i++)
		if (path_below(hidden, path))
			return true;

	return false;
}

static int allow_tree(struct rules *r, const char *path, unsigned depth, struct err *e);

static int allow_below(struct rules *r, const char *path, unsigned depth, struct err *e)
{
	char block[4096] __attribute__((aligned(8)));

	/* A directory that this user can't list is not readable for the program either. */
	autoclose int dir = sys_open(path, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return 0;

	struct sys_dir d = SYS_DIR(dir, block);
	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));) {
		const char *name = entry->name;
		struct stat st;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
		    sys_stat_at(dir, name, AT_SYMLINK_NOFOLLOW, &st) < 0 || S_ISLNK(st.st_mode))
			continue;

		const char *below = arena_printf(r->b->arena, "%s/%s",
						 strcmp(path, "/") == 0 ? "" : path, name);
		if (allow_tree(r, below, depth + 1, e) < 0)
			return -1;
	}

	return 0;
}

/*
 * Allow @path and all below it, except hidden places. Links are skipped, as a right belongs to the
 * target of a link.
 */
static int allow_tree(struct rules *r, const char *path, unsigned depth, struct err *e)
{
	if (box_is_hidden_place(r->b, path) || depth > DEEPEST)
		return 0;
	if (has_hidden_below(r->b, path))
		return allow_below(r, path, depth, e);

	return add_rule(r, "read", path, e);
}

static int allow_nodes(struct rules *r, struct err *e)
{
	struct box *b = r->b;

	for (size_t i = 0; i < ARRAY_SIZE(usual_nodes); i++)
		if (sys_access_at(AT_FDCWD, usual_nodes[i], F_OK) == 0 &&
		    add_rule(r, "write", usual_nodes[i], e) < 0)
			return -1;
	for (size_t i = 0; i < b->linux.devices_count; i++)
		if (add_rule(r, "write", b->linux.devices[i].path, e) < 0)
			return -1;

	return 0;
}

/* A bare box makes no mounts, so a bind only adds a right. */
static int allow_binds(struct rules *r, struct err *e)
{
	struct box *b = r->b;

	for (size_t i = 0; i < b->config.mounts_count; i++) {
		const struct oci_mount *m = &b->config.mounts[i];

		if (add_rule(r, is_readonly(m) ? "read" : "write", m->source, e) < 0)
			return -1;
	}
	b->config.mounts_count = 0;

	return 0;
}

/* ---- --landlock ---- */

/*
 * A right that the ABI lacks: with namespaces of its own a program does not see other processes and
 * sockets, so there only --strict makes that an error.
 */
static int check_abi(struct box *b, int abi, struct err *e)
{
	if (box_is_bare(b) && box_has_no_network(b) && abi < ABI_OF_TCP)
		return box_refuse(b, "net", "none", e,
				  "without namespaces it takes Landlock of Linux %s",
				  since_rows[SINCE_LANDLOCK_TCP].version);
	if (abi >= ABI_OF_SCOPES || (!box_is_bare(b) && !b->options->strict))
		return 0;

	return box_leave_out(b, WISH_LANDLOCK_SCOPES,
			     arena_printf(b->arena, "they came with Linux %s",
					  since_rows[SINCE_LANDLOCK_SCOPES].version),
			     e);
}

static int add_rules(struct rules *r, struct err *e)
{
	static const char *const outside[] = { "signals", "tcp", "sockets" };
	size_t count = box_has_no_network(r->b) ? ARRAY_SIZE(outside) : 1;

	for (size_t i = 0; i < count; i++)
		if (add_rule(r, outside[i], NULL, e) < 0)
			return -1;
	if (!box_is_bare(r->b))
		return allow_mounts(r, e);

	return allow_tree(r, "/", 0, e) < 0 || allow_nodes(r, e) < 0 ? -1 : allow_binds(r, e);
}

int box_landlock(struct box *b, struct err *e)
{
	struct rules rules = { .b = b, .text = arena_strdup(b->arena, "") };
	int abi = b->options->landlock ? sys_landlock_abi() : 0;

	if (!b->options->landlock)
		return 0;
	if (abi == 0)
		return box_leave_out(b, WISH_LANDLOCK, no_kernel, e);
	if (check_abi(b, abi, e) < 0 || add_rules(&rules, e) < 0)
		return -1;
	box_annotate(b, ANNOTATION_LANDLOCK, rules.text);
	box_origin(b, "/annotations/" ANNOTATION_LANDLOCK, "landlock", NULL);
	/* landlock(7): without CAP_SYS_ADMIN it needs no_new_privs. */
	b->process.has_no_new_privileges = b->process.no_new_privileges = true;

	return 0;
}

/* ---- flags of a box without namespaces ---- */

#define OPTION(name) offsetof(struct box_options, name)

/* Flags that need a namespace or a mount, which a bare box can't have. */
static const struct {
	const char *flag;
	size_t option;
} impossible[] = {
	{ "user", OPTION(user) },	  { "groups", OPTION(groups) },
	{ "hostname", OPTION(hostname) }, { "unshare", OPTION(unshare) },
	{ "userns", OPTION(userns) },	  { "time-offset", OPTION(time_offset) },
};

static int check_binds(struct box *b, struct err *e)
{
	const struct text_list *given = &b->options->mounts;

	for (size_t i = 0, n = 0; i < given->count; i++) {
		const struct oci_mount *m = &b->config.mounts[n];

		if (strcmp(given->flags[i], "bind") != 0)
			return box_refuse(b, given->flags[i], given->items[i], e,
					  BOX_TAKES_NAMESPACES);
		/* An optional bind whose source is missing made no mount. */
		if (n == b->config.mounts_count)
			break;
		n++;
		if (strcmp(path_clean(b->arena, m->source), path_clean(b->arena, m->destination)) !=
		    0)
			return box_refuse(
				b, given->flags[i], given->items[i], e,
				"at another place it takes namespaces, which the kernel refuses");
	}

	return 0;
}

int box_check_bare(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	const struct text_list *const lists[] = { &o->masked, &o->protected };

	if (!box_is_bare(b))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(impossible); i++) {
		const char *word = *(const char *const *) ((const char *) o + impossible[i].option);

		if (word)
			return box_refuse(b, impossible[i].flag, word, e, BOX_TAKES_NAMESPACES);
	}
	if (o->net && o->net[0] == '/')
		return box_refuse(b, "net", o->net, e, BOX_TAKES_NAMESPACES);
	if (box_has_name_servers(b))
		return box_refuse(b, "dns", o->dns, e, BOX_TAKES_NAMESPACES);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i]->count > 0)
			return box_refuse(b, lists[i]->flags[0], lists[i]->items[0], e,
					  BOX_TAKES_NAMESPACES);

	return check_binds(b, e);
}

bool box_is_bare(const struct box *b)
{
	return b->level[WISH_NAMESPACES] > 0;
}

bool box_may_be_bare(const struct box *b)
{
	const struct box_options *o = b->options;

	return o->landlock && b->whole && o->read_only && b->facts->euid != 0 &&
	       sys_landlock_abi() > 0;
}
