/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/open.c - the word ROOT: which directory it is, and the name of its box
 */
#include "box/box.h"
#include "box/image.h"
#include "host/container.h"

#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "state/record.h"

#include <errno.h>
#include <linux/limits.h>
#include <linux/mount.h>

/*
 * The longest part of a directory's name in an ID: with the number behind it, the ID fits a host
 * name (64).
 */
#define LONGEST_BASE 40

/* The first bytes of files that have to be unpacked first: magic(5). */
static const struct packed {
	size_t offset;
	const char *bytes;
	size_t length;
	/* the command, in front of the file's name, for an image in it; NULL: only archives */
	const char *image;
	const char *behind; /* what follows the name; NULL: it may also be a tar archive */
} packed[] = {
	{ 0, "\x1f\x8b", 2, "gzip -dk", NULL },
	{ 0,
	  "\xfd"
	  "7zXZ",
	  5, "xz -dk", NULL },
	{ 0, "BZh", 3, "bzip2 -dk", NULL },
	{ 0, "\x28\xb5\x2f\xfd", 4, "zstd -d", NULL },
	{ 257, "ustar", 5, NULL, NULL },
	{ 0, "\x04\x22\x4d\x18", 4, "lz4 -d", NULL },
	{ 0, "PK\x03\x04", 4, "unzip", "" },
	{ 0, "QFI\xfb", 4, "qemu-img convert -O raw", " disk.raw" },
};

/* NULL: it is none. */
static const struct packed *find_packed(const char *path)
{
	char head[512];
	autoclose int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	ssize_t length = fd < 0 ? fd : sys_read_all(fd, head, sizeof(head));

	for (size_t i = 0; i < ARRAY_SIZE(packed); i++)
		if (length >= (ssize_t) (packed[i].offset + packed[i].length) &&
		    memcmp(head + packed[i].offset, packed[i].bytes, packed[i].length) == 0)
			return &packed[i];

	return NULL;
}

/* An image, and no tar archive? Of a compressed file only the name says so: disk.img.xz. */
static bool holds_image(const struct packed *p, const char *path)
{
	static const char *const names[] = { ".img.", ".raw.", ".iso.", ".ext4.", ".squashfs." };

	const char *slash = strrchr(path, '/');

	for (size_t i = 0; p->image && i < ARRAY_SIZE(names); i++)
		if (strstr(slash ? slash : path, names[i]))
			return true;

	return p->behind != NULL;
}

/* "deb" of "/data/deb.tar.xz"; "root" where that would be the archive itself, or needs quotes. */
static const char *directory_for(struct arena *a, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_+-";
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t length = strspn(name, plain);

	return length > 0 && name[0] != '-' && name[length] == '.' ? arena_memdup(a, name, length)
								   : "root";
}

/* ---- image files ---- */

/* "3.1 GiB" */
static const char *size_text(struct arena *a, uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	uint64_t tenths = bytes * 10 / 1024;
	size_t i = 0;

	for (; tenths >= 10240 && i + 1 < ARRAY_SIZE(units); i++)
		tenths /= 1024;
	if (tenths % 10 == 0)
		return arena_printf(a, "%llu %s", (unsigned long long) tenths / 10, units[i]);

	return arena_printf(a, "%llu.%llu %s", (unsigned long long) tenths / 10,
			    (unsigned long long) tenths % 10, units[i]);
}

static int refuse_table(struct box *b, const char *root, const struct image_part *parts,
			size_t count, struct err *e)
{
	const char *list = "";

	for (size_t i = 0; i < count; i++)
		list = arena_printf(b->arena, "%s%s--partition %u (%s, %s)", list,
				    i == 0	    ? ""
				    : i + 1 < count ? ", "
						    : " or ",
				    parts[i].number, size_text(b->arena, parts[i].size),
				    parts[i].type ? parts[i].type : "unknown");

	return err_msg(e, "\"%s\" has a partition table: %s", root, list);
}

static const char *partition_words(struct box *b)
{
	return box_words(b, "partition", arena_printf(b->arena, "%u", b->options->partition));
}

/* The partition that --partition names. */
static int choose_partition(struct box *b, const char *root, int file, struct image_part *part,
			    struct err *e)
{
	struct image_part *parts = arena_array(b->arena, IMAGE_PARTITIONS, sizeof(*parts));
	size_t count = image_partitions(file, parts);
	unsigned wanted = b->options->partition;

	for (size_t i = 0; i < count; i++)
		if (parts[i].number == wanted) {
			*part = parts[i];
			return 0;
		}
	if (wanted == 0 && count > 0)
		return refuse_table(b, root, parts, count, e);
	if (wanted == 0)
		return 0;

	return err_cfg(e, partition_words(b),
		       count > 0 ? "\"%s\" has no such partition" : "\"%s\" has no partition table",
		       root);
}

/* Choose what is mounted: the whole file, or a partition. */
static int choose_part(struct box *b, const char *root, int file, struct image_part *part,
		       struct err *e)
{
	*part = (struct image_part) { .number = 0 };
	if (b->options->partition == 0)
		part->type = image_type(file, 0);
	if (!part->type && choose_partition(b, root, file, part, e) < 0)
		return -1;
	if (part->type && image_is_root(part->type))
		return 0;
	if (part->type)
		(void) err_msg(e, "\"%s\": a root file system can't be of type %s", root,
			       part->type);
	else if (part->number)
		(void) err_msg(e, "\"%s\" has no file system there that is known here", root);
	else
		(void) err_msg(e,
			       "\"%s\" is neither a directory nor a file system that is known here",
			       root);

	return part->number ? err_at(e, partition_words(b)) : -1;
}

/* ext4: noload, as on a read-only device the journal can't be replayed. */
static void describe_image(struct box *b, const struct image_part *part)
{
	static const struct mount_parameter noload = { "noload", NULL };
	bool ext = strcmp(part->type, "ext4") == 0;

	b->image.type = part->type;
	b->image.flags = b->image_readonly ? MS_RDONLY : 0;
	b->image.attrs.set = MOUNT_ATTR_NODEV | (b->image_readonly ? MOUNT_ATTR_RDONLY : 0);
	if (ext && b->image_readonly) {
		b->image.parameters = &noload;
		b->image.parameter_count = 1;
	}
}

/* erofs, Linux 6.12: a file is mounted as it is. Only a whole one: its offset came later. */
static bool may_be_mounted(const struct box *b, const struct image_part *part)
{
	return !b->is_device && part->number == 0 && strcmp(part->type, "erofs") == 0;
}

/*
 * Mount the image by its file. 0 with b->dir; 1: the kernel wants a block device, as an older one
 * does, or one whose erofs can't read the file system that the file lies on.
 */
static int mount_file(struct box *b, const struct image_part *part, struct err *e)
{
	autoclose int file = sys_open_again(b->file, O_RDONLY | O_NOCTTY);

	if (!may_be_mounted(b, part))
		return 1;
	if (file < 0)
		return err_sys(e, file, "open \"%s\"", b->root);
	b->image.source = arena_printf(b->arena, "/proc/self/fd/%d", file);
	b->dir = container_mount_image(&b->image, e);
	if (b->dir < 0)
		return e->code == ENOTBLK ? 1 : err_in(e, "\"%s\"", b->root);
	/* create mounts it again. */
	b->loop = take_fd(&file);

	return 0;
}

static const char read_by_flag[] = "-r or -x";

/*
 * Open the file that was examined again, by its descriptor: by its name another user could exchange
 * it. A block device needs no loop device.
 */
static int attach(struct box *b, const struct image_part *part, struct err *e)
{
	int flags = (b->image_readonly ? O_RDONLY : O_RDWR) | O_NOCTTY;
	autoclose int file = sys_open_again(b->file, flags);

	if (file < 0)
		return box_refuse_open(b->root, file, b->image_readonly, read_by_flag, e);
	if (b->is_device && part->number == 0) {
		b->image.source = b->root;
		return 0;
	}

	const struct box_image image = {
		.path = b->root,
		.file = file,
		.offset = part->offset,
		.size = part->size,
		.readonly = b->image_readonly,
		.sharing = read_by_flag,
	};
	b->loop = box_attach_loop(b, &image, &b->image.source, e);

	return b->loop < 0 ? -1 : 0;
}

int box_open_image(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	struct image_part part;

	if (!b->is_image || b->dir >= 0)
		return 0;
	if (sys_euid() != 0)
		return err_msg(e, "\"%s\": an image file takes root, or squashfuse", b->root);

	autoclose int probe = sys_open_again(b->file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (probe < 0)
		return err_sys(e, probe, "open \"%s\"", b->root);
	if (choose_part(b, b->root, probe, &part, e) < 0)
		return -1;
	b->image_readonly = o->read_only || o->ephemeral || o->overlay || o->lowers.count > 0 ||
			    o->plan || !image_is_writable(part.type);
	describe_image(b, &part);

	int r = mount_file(b, &part, e);
	if (r <= 0)
		return r;
	if (attach(b, &part, e) < 0)
		return -1;
	b->dir = container_mount_image(&b->image, e);
	if (b->dir < 0)
		(void) box_advise_label(b->root, e);

	return b->dir < 0 ? err_in(e, "\"%s\"", b->root) : 0;
}

static int refuse_file(struct box *b, const char *root, const struct stat *st, struct err *e)
{
	const char *dir = directory_for(b->arena, root);

	if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode))
		return err_msg(e, "\"%s\" is not a directory", root);

	const struct packed *p = find_packed(root);
	if (p && holds_image(p, root))
		return err_msg(e, "\"%s\" is packed: %s \"%s\"%s", root, p->image, root,
			       p->behind ? p->behind : "");
	if (p)
		return err_msg(e, "\"%s\" is an archive: mkdir %s && tar -xpf \"%s\" -C %s", root,
			       dir, root, dir);

	return 0;
}

/* /proc/self/fd shows the path of the open directory, without links and dots. */
static int find_path(struct box *b, int fd, struct err *e)
{
	char path[PATH_MAX];
	ssize_t n = sys_path_of(fd, path, sizeof(path));
	if (n < 0)
		return err_sys(e, (int) n, "find out the root's absolute path");
	b->root = arena_memdup(b->arena, path, (size_t) n);

	return 0;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '+' || c == '-';
}

/* 0: ROOT is a directory, or a whole image. */
static unsigned partition_of(const struct box *b)
{
	return b->is_image ? b->options->partition : 0;
}

/*
 * FNV-1a, 32 bits: the same for the same directory or partition, and different for most others. A
 * whole file (partition 0) has the number of its inode alone.
 */
static uint32_t number_of(const struct stat *st, unsigned partition)
{
	const uint64_t words[] = { st->st_dev, st->st_ino, partition };
	size_t length = partition == 0 ? 2 * sizeof(words[0]) : sizeof(words);
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < length; i++)
		h = (h ^ ((const unsigned char *) words)[i]) * 16777619u;

	return h;
}

/*
 * "deb-3f2a91c0": the directory's name, as far as an ID may have it, and a number from device,
 * inode and partition.
 */
static const char *make_id(struct box *b, const struct stat *st)
{
	const char *slash = strrchr(b->root, '/'), *from = slash ? slash + 1 : b->root;
	char base[LONGEST_BASE + 1];
	size_t length = 0;

	for (; *from && length < LONGEST_BASE; from++)
		if (is_name_char(*from) && (length > 0 || (*from != '-' && *from != '.')))
			base[length++] = *from;
	base[length] = '\0';

	return arena_printf(b->arena, "%s-%08x", length > 0 ? base : "root",
			    number_of(st, partition_of(b)));
}

static int choose_id(struct box *b, const struct stat *st, struct err *e)
{
	const char *name = b->options->name;

	if (!name) {
		b->id = make_id(b, st);
		return 0;
	}
	if (state_check_id(name, e) < 0)
		return err_at(e, box_words(b, "name", name));
	b->id = name;

	return 0;
}

/* Two partitions of one image are two roots. */
static const char *make_mark(struct box *b, const struct stat *st)
{
	const char *inode = arena_printf(b->arena, "%llu:%llu", (unsigned long long) st->st_dev,
					 (unsigned long long) st->st_ino);
	unsigned partition = partition_of(b);

	return partition == 0 ? inode : arena_printf(b->arena, "%s:%u", inode, partition);
}

int box_open(struct box *b, const char *root, struct err *e)
{
	struct stat st;

	if (strcmp(root, "-") == 0)
		return err_msg(e, "\"-\" is no directory: mkdir root && tar -xp -C root");

	autoclose int found = sys_open(root, O_PATH);
	int r = found < 0 ? found : sys_stat(found, &st);
	if (r < 0)
		return err_sys(e, r, "\"%s\"", root);
	if ((!S_ISDIR(st.st_mode) && refuse_file(b, root, &st, e) < 0) ||
	    find_path(b, found, e) < 0)
		return -1;
	if (S_ISDIR(st.st_mode))
		b->dir = take_fd(&found);
	else
		b->file = take_fd(&found);
	b->is_image = b->file >= 0;
	b->is_device = S_ISBLK(st.st_mode);

	b->mark = make_mark(b, &st);

	return choose_id(b, &st, e);
}
