/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/loop.c - an image file becomes a block device
 *
 * For ROOT, and for each --mount with the option "loop". The kernel removes a loop device after its
 * last close and its last unmount. tare keeps its descriptor open until tare ends, so a second try
 * of the same box uses the same device.
 */
#include "box/box.h"
#include "box/image.h"

#include "kernel/fd.h"
#include "kernel/loop.h"
#include "kernel/process.h"
#include "kernel/sys.h"

#include <errno.h>
#include <sys/file.h>

/* More than a box has mounts. */
#define MOST_LOOPS 64

int box_advise_label(const char *path, struct err *e)
{
	if (e->code == EACCES && strncmp(path, "/data/", strlen("/data/")) == 0)
		return err_hint(e, "SELinux? chcon u:object_r:media_rw_data_file:s0 \"%s\"", path);

	return -1;
}

/*
 * Lock the image: either one box writes to it, or several read it, as two mounts by two loop
 * devices would not know of each other. The lock belongs to the open file, which the loop device
 * keeps, so it ends with the device.
 */
static int lock_image(const struct box_image *image, struct err *e)
{
	int r = sys_lock(image->file, (image->readonly ? LOCK_SH : LOCK_EX) | LOCK_NB);

	if (r == -EWOULDBLOCK) {
		(void) err_msg(e, "\"%s\" is in use by another box, or locked", image->path);
		return image->readonly ? -1
				       : err_hint(e, "boxes with %s can share it", image->sharing);
	}

	return r < 0 ? err_sys(e, r, "lock \"%s\"", image->path) : 0;
}

int box_refuse_open(const char *path, int r, bool readonly, const char *sharing, struct err *e)
{
	(void) err_sys(e, r, "open \"%s\"", path);
	if (readonly || (r != -EROFS && r != -EPERM && r != -EACCES))
		return -1;

	return err_hint(e, "with %s it is only read", sharing);
}

int box_attach_loop(struct box *b, const struct box_image *image, const char **device,
		    struct err *e)
{
	char *path = arena_alloc(b->arena, LOOP_PATH);

	if (lock_image(image, e) < 0)
		return -1;

	int loop = sys_loop_attach(image->file, image->offset, image->size, image->readonly, path);
	if (loop < 0) {
		(void) err_sys(e, loop, "attach \"%s\" to a loop device", image->path);
		if (loop == -ENOENT || loop == -ENODEV)
			err_hint(e, "there is no /dev/loop-control: modprobe loop");
		return box_advise_label(image->path, e);
	}
	*device = path;

	return loop;
}

/* ---- --mount with "loop" ---- */

static const char read_by_option[] = "the option ro";

static int attach(struct box *b, const char *path, bool readonly, const char **device,
		  struct err *e)
{
	int flags = (readonly ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_NOCTTY;
	autoclose int file = sys_open(path, flags);
	struct stat st;
	int r = file < 0 ? file : sys_stat(file, &st);

	if (r < 0)
		return box_refuse_open(path, r, readonly, read_by_option, e);
	if (!S_ISREG(st.st_mode))
		return err_msg(e, "\"%s\" is not a regular file", path);

	return box_attach_loop(b,
			       &(struct box_image) { .path = path,
						     .file = file,
						     .readonly = readonly,
						     .sharing = read_by_option },
			       device, e);
}

static const struct box_loop *find(const struct box *b, const char *value)
{
	for (size_t i = 0; i < b->loop_count; i++)
		if (b->loops[i].value == value)
			return &b->loops[i];

	return NULL;
}

void box_explain_image(const struct box *b, struct err *e)
{
	const struct oci_mount *m = box_mount_at(b, e->place);
	struct stat st;

	if (e->code != ENOTBLK || !m || sys_stat_at(AT_FDCWD, m->source, 0, &st) < 0 ||
	    !S_ISREG(st.st_mode))
		return;
	e->hint[0] = '\0';
	err_hint(e, "an image file takes the option loop");
}

int box_loop(struct box *b, const char *flag, const char *value, const char **source, bool readonly,
	     struct err *e)
{
	const struct box_loop *known = find(b, value);
	struct box_loop loop = { .value = value };

	if (sys_euid() != 0)
		return box_refuse(b, flag, value, e, "an image file takes root");
	if (b->user_namespace)
		return box_refuse(b, flag, value, e, "no image can be mounted in a user namespace");
	if (b->options->emit_config)
		return box_refuse(b, flag, value, e, "a bundle has no words for an image file");
	if (b->options->plan)
		return 0;
	if (!known && b->loop_count == MOST_LOOPS)
		return box_refuse(b, flag, value, e, "these are more than %d images", MOST_LOOPS);
	if (!known) {
		loop.fd = attach(b, *source, readonly, &loop.device, e);
		if (loop.fd < 0)
			return err_at(e, box_words(b, flag, value));
		if (!b->loops)
			b->loops = arena_array(b->arena, MOST_LOOPS, sizeof(*b->loops));
		b->loops[b->loop_count++] = loop;
		known = &loop;
	}
	*source = known->device;

	return 0;
}
