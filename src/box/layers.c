/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/layers.c - changes that are kept elsewhere than in ROOT, and layers below ROOT
 */
#include "box/box.h"

#include "base/path.h"
#include "base/table.h"
#include "base/units.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

#include <errno.h>
#include <limits.h>
#include <sys/file.h>

/*
 * overlayfs(7): not all kernels refuse overlapping layers, and then files in a layer would be
 * changed.
 */
static int check_apart(struct box *b, const char *path, struct err *e)
{
	char layer[PATH_MAX], own[PATH_MAX];

	autoclose int dir = sys_open(path, O_PATH | O_DIRECTORY);
	if (sys_path_of(dir, own, sizeof(own)) < 0)
		return 0;
	/* An image has no path: it is mounted nowhere yet. */
	if (!b->is_image && sys_path_of(b->dir, layer, sizeof(layer)) >= 0 &&
	    path_below(own, layer))
		return box_refuse(b, "overlay", b->options->overlay, e,
				  "it lies in ROOT, which would not stay as it is");
	for (size_t i = 0; i < b->layers.count; i++) {
		autoclose int lower = sys_open(b->layers.lowers[i], O_PATH | O_DIRECTORY);

		if (sys_path_of(lower, layer, sizeof(layer)) >= 0 && path_below(own, layer))
			return box_refuse(
				b, "overlay", b->options->overlay, e,
				"it lies in the layer \"%s\", which would not stay as it is",
				b->layers.lowers[i]);
	}

	return 0;
}

/* overlayfs mounts layers that this user may not write to, and refuses each change later. */
static int check_writable(struct box *b, const char *path, struct err *e)
{
	const char *const paths[] = { path, arena_printf(b->arena, "%s/upper", path) };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		int r = sys_access_at(AT_FDCWD, paths[i], W_OK | X_OK);

		if (r == 0 || r == -ENOENT)
			continue;
		(void) err_sys(e, r, "write to \"%s\"", paths[i]);
		return err_at(e, box_words(b, "overlay", b->options->overlay));
	}

	return 0;
}

/* overlayfs makes these two in its work directory, and lets nobody into them. */
static bool is_of_overlayfs(int work, const char *name)
{
	static const char *const names[] = { "work", "index" };
	struct stat st;

	return is_one_of(name, names, ARRAY_SIZE(names)) &&
	       sys_stat_at(work, name, AT_SYMLINK_NOFOLLOW, &st) == 0 && S_ISDIR(st.st_mode) &&
	       (st.st_mode & 07777) == 0;
}

/* Each mount of overlayfs removes all that is in DIR/work/work: DIR may have a "work" of its own. */
static int check_work(struct box *b, const char *path, struct err *e)
{
	const char *name = arena_printf(b->arena, "%s/work", path);
	char buf[4096] __attribute__((aligned(8)));

	autoclose int work = sys_open(name, O_RDONLY | O_DIRECTORY);
	if (work == -ENOENT)
		return 0;
	if (work < 0) {
		(void) err_sys(e, work, "open \"%s\"", name);
		return err_at(e, box_words(b, "overlay", b->options->overlay));
	}

	struct sys_dir d = SYS_DIR(work, buf);
	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));)
		if (!sys_is_dots(entry) && !is_of_overlayfs(work, entry->name))
			return box_refuse(b, "overlay", b->options->overlay, e,
					  "\"%s/%s\" was not made by overlayfs, which would remove "
					  "files in \"%s\": give another directory",
					  name, entry->name, name);

	return 0;
}

/*
 * One box at a time changes the files in DIR: overlayfs lets a second mount remove the files that
 * the first one works on. The lock ends with this process. The record of the box has the directory
 * for the time after that.
 */
static int lock_directory(struct box *b, const char *path, struct err *e)
{
	struct stat st;

	if (b->overlay >= 0)
		return 0;
	b->overlay = sys_open(path, O_RDONLY | O_DIRECTORY);

	int r = b->overlay < 0 ? b->overlay : sys_lock(b->overlay, LOCK_EX | LOCK_NB);
	if (r == -EWOULDBLOCK)
		return box_refuse_overlay(b, e);
	if (r == 0)
		r = sys_stat(b->overlay, &st);
	if (r < 0) {
		(void) err_sys(e, r, "lock \"%s\"", path);
		return err_at(e, box_words(b, "overlay", b->options->overlay));
	}
	b->overlay_mark = arena_printf(b->arena, "%llu:%llu", (unsigned long long) st.st_dev,
				       (unsigned long long) st.st_ino);

	return 0;
}

int box_refuse_overlay(struct box *b, struct err *e)
{
	return box_refuse(b, "overlay", b->options->overlay, e,
			  "another box keeps its changes there");
}

/* Make the directory of --overlay; tare-init makes upper and work in it. */
static int make_directory(struct box *b, const char *path, struct err *e)
{
	int r = sys_mkdir_at(AT_FDCWD, path, 0755);
	bool made = r == 0;
	struct stat st;

	if (r < 0 && r != -EEXIST) {
		(void) err_sys(e, r, "make \"%s\"", path);
		return err_at(e, box_words(b, "overlay", b->options->overlay));
	}
	r = sys_stat_at(AT_FDCWD, path, 0, &st);
	if (r == 0 && !S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (r < 0) {
		(void) err_sys(e, r, "\"%s\"", path);
		return err_at(e, box_words(b, "overlay", b->options->overlay));
	}
	r = check_writable(b, path, e);
	if (r == 0)
		r = check_apart(b, path, e);
	if (r == 0)
		r = check_work(b, path, e);
	if (r == 0)
		r = lock_directory(b, path, e);
	if (r < 0 && made)
		sys_unlink_at(AT_FDCWD, path, AT_REMOVEDIR);

	return r;
}

static int read_lowers(struct box *b, struct err *e)
{
	const struct text_list *given = &b->options->lowers;
	const char **list = arena_array(b->arena, given->count, sizeof(*list));
	struct stat st;

	if (given->count >= ROOTFS_LAYERS)
		return box_refuse(b, "lower", given->items[ROOTFS_LAYERS - 1], e,
				  "these are more than %d layers", ROOTFS_LAYERS - 1);
	for (size_t i = 0; i < given->count; i++) {
		list[i] = box_absolute(b, given->items[i]);

		int r = sys_stat_at(AT_FDCWD, list[i], 0, &st);
		if (r == 0 && !S_ISDIR(st.st_mode))
			r = -ENOTDIR;
		if (r < 0) {
			(void) err_sys(e, r, "\"%s\"", list[i]);
			return err_at(e, box_words(b, "lower", given->items[i]));
		}
	}
	b->layers.lowers = list;
	b->layers.count = given->count;

	return 0;
}

static int read_size(struct box *b, struct err *e)
{
	const char *word = b->options->ephemeral_size;
	int64_t bytes;

	if (!word)
		return 0;
	if (!b->options->ephemeral)
		return box_refuse(b, "ephemeral-size", word, e, "it goes with --ephemeral");
	if (units_parse_size(word, &bytes) < 0 || bytes == 0)
		return box_refuse(b, "ephemeral-size", word, e, "it is a size: 200m, 1.5g");
	b->layers.size = arena_printf(b->arena, "%lld", (long long) bytes);

	return 0;
}

int box_layers(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;

	bool asked = o->ephemeral || o->overlay || o->lowers.count > 0;

	b->layers = (struct layers_step) { 0 };
	/* In an image that is read-only, mount points are made in memory, too. */
	b->layered = asked || (b->is_image && b->image_readonly && b->level[WISH_OVERLAY] == 0);
	if (asked)
		box_demand(b, WISH_OVERLAY, NULL);
	if (o->ephemeral && o->overlay)
		return box_refuse(b, "ephemeral", NULL, e,
				  "changes go to the directory of --overlay, or are lost");
	if (read_size(b, e) < 0 || read_lowers(b, e) < 0)
		return -1;
	if (!b->layered)
		return 0;
	if (o->emit_config)
		return box_refuse(b, "emit-config", o->emit_config, e,
				  "a bundle has no words for layers: -x, --overlay, --lower");
	if (o->overlay) {
		b->layers.directory = box_absolute(b, o->overlay);
		if (!o->plan && make_directory(b, b->layers.directory, e) < 0)
			return -1;
	}
	if (o->lowers.count > 0)
		box_origin(b, "/root/layers", "lower", o->lowers.items[0]);
	if (o->overlay)
		box_origin(b, "/root/layers", "overlay", o->overlay);
	if (o->ephemeral)
		box_origin(b, "/root/layers", "ephemeral", NULL);

	return 0;
}
