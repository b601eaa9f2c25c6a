/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/devices.c - device nodes of the host that a flag lets in
 *
 * Number, owner and mode are those of the host's node. A directory (dri, snd) stands for all nodes
 * in it.
 */
#include "box/box.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/device.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

#define MOST_DEVICES 256
#define PERMISSIONS  07777

/* Common names that differ from those in /dev. */
static const struct {
	const char *name, *path;
} names[] = { { "tun", "/dev/net/tun" } };

static const char *path_of(struct box *b, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].name, word) == 0)
			return names[i].path;

	return word[0] == '/' ? word : arena_printf(b->arena, "/dev/%s", word);
}

static void allow(struct box *b, const struct stat *st, const char *access)
{
	struct oci_linux_device_cgroup *rule = &b->resources.devices[b->resources.devices_count++];

	*rule = (struct oci_linux_device_cgroup) {
		.has_allow = true,
		.allow = true,
		.type = S_ISCHR(st->st_mode) ? "c" : "b",
		.has_major = true,
		.major = device_major(st->st_rdev),
		.has_minor = true,
		.minor = device_minor(st->st_rdev),
		.access = access,
	};
}

/* A user whose group may use the node on the host (video, kvm) may do so in the box. */
static void add_node_group(struct box *b, gid_t gid)
{
	if (gid == 0 || b->user_namespace || !b->facts->initial_userns)
		return;

	uint32_t *list = arena_array(b->arena, b->user.additional_gids_count + 1, sizeof(*list));

	if (b->user.additional_gids_count > 0)
		memcpy(list, b->user.additional_gids,
		       b->user.additional_gids_count * sizeof(*list));
	list[b->user.additional_gids_count++] = gid;
	b->user.additional_gids = list;
}

static void make_node(struct box *b, const char *value, const struct stat *st, const char *target)
{
	size_t i = b->linux.devices_count++;

	b->linux.devices[i] = (struct oci_linux_device) {
		.type = S_ISCHR(st->st_mode) ? "c" : "b",
		.path = target,
		.has_major = true,
		.major = device_major(st->st_rdev),
		.has_minor = true,
		.minor = device_minor(st->st_rdev),
		.has_file_mode = true,
		.file_mode = st->st_mode & PERMISSIONS,
		.has_uid = true,
		.uid = st->st_uid,
		.has_gid = true,
		.gid = st->st_gid,
	};
	box_origin(b, arena_printf(b->arena, "/linux/devices/%zu", i), "device", value);
}

static void bind_node(struct box *b, const char *value, const char *path, const char *target)
{
	box_origin(b, arena_printf(b->arena, "/mounts/%zu", b->config.mounts_count), "device",
		   value);
	box_add_mount(b, target, "bind", path,
		      (const char *const[]) { "bind", "nosuid", "noexec", NULL });
}

/* On a mount with nodev, as --tmpfs makes it, a node has no effect. */
static bool takes_nodes(const struct oci_mount *m)
{
	return m && strcmp(m->type, "tmpfs") == 0 &&
	       !is_one_of("nodev", m->options, m->options_count);
}

/*
 * A node is only made in a file system that ends with the box. In ROOT, or in what is bound, it
 * would stay; there the host's node is bound.
 */
static int place_node(struct box *b, const char *value, const char *path, const struct stat *st,
		      const char *target, struct err *e)
{
	const char *rest;
	const struct oci_mount *m = box_mount_of(b, target, &rest);
	bool moved = strcmp(path, target) != 0;

	if (b->level[WISH_MOUNTS] > 0)
		return box_refuse(b, "device", value, e, BOX_TAKES_MOUNTS);
	if (box_is_bare(b) && moved)
		return box_refuse(b, "device", value, e,
				  "at another place it takes namespaces, which the kernel refuses");
	if (box_is_bare(b) || takes_nodes(m)) {
		make_node(b, value, st, target);
		return 0;
	}
	if (m && m->source && strcmp(m->source, "/dev") == 0)
		return moved ? box_refuse(b, "device", value, e,
					  "the box has the host's /dev, with the device at \"%s\"",
					  path)
			     : 0;
	bind_node(b, value, path, target);

	return 0;
}

static int add_node(struct box *b, const char *value, const char *path, const struct stat *st,
		    const char *target, const char *access, struct err *e)
{
	/* The first rule is not for a device. */
	if (b->resources.devices_count > MOST_DEVICES)
		return box_refuse(b, "device", value, e, "these are more than %d devices",
				  MOST_DEVICES);
	allow(b, st, access);
	add_node_group(b, st->st_gid);

	return place_node(b, value, path, st, target, e);
}

static bool is_node(const struct stat *st)
{
	return S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);
}

static int add_directory(struct box *b, const char *value, const char *path, const char *target,
			 const char *access, struct err *e)
{
	char block[8192] __attribute__((aligned(8)));

	autoclose int dir = sys_open(path, O_RDONLY | O_DIRECTORY);
	if (dir < 0) {
		(void) err_sys(e, dir, "open \"%s\"", path);
		return err_at(e, box_words(b, "device", value));
	}

	struct sys_dir d = SYS_DIR(dir, block);
	size_t before = b->resources.devices_count;

	for (const struct sys_entry *entry; (entry = sys_next_entry(&d));) {
		struct stat st;

		if (sys_stat_at(dir, entry->name, AT_SYMLINK_NOFOLLOW, &st) < 0 || !is_node(&st))
			continue;
		if (add_node(b, value, arena_printf(b->arena, "%s/%s", path, entry->name), &st,
			     arena_printf(b->arena, "%s/%s", target, entry->name), access, e) < 0)
			return -1;
	}
	if (b->resources.devices_count == before)
		return box_refuse(b, "device", value, e, "there is no device in \"%s\"", path);

	return 0;
}

static int add_device(struct box *b, const char *value, struct err *e)
{
	char *word = arena_strdup(b->arena, value), *target = strchr(word, ':'), *access = NULL;
	struct stat st;

	if (target) {
		*target++ = '\0';
		access = strchr(target, ':');
	}
	if (access)
		*access++ = '\0';

	const char *path = path_of(b, word), *to = target && target[0] ? target : path;
	const char *may = access ? access : "rwm";

	if (to[0] != '/')
		return box_refuse(b, "device", value, e, "\"%s\" is not an absolute path", to);
	if (may[0] == '\0' || strspn(may, "rwm") != strlen(may))
		return box_refuse(b, "device", value, e, "the access is made of r, w and m");

	int r = sys_stat_at(AT_FDCWD, path, 0, &st);
	if (r < 0) {
		(void) err_sys(e, r, "\"%s\"", path);
		return err_at(e, box_words(b, "device", value));
	}
	if (S_ISDIR(st.st_mode))
		return add_directory(b, value, path, to, may, e);
	if (!is_node(&st))
		return box_refuse(b, "device", value, e, "\"%s\" is not a device", path);

	return add_node(b, value, path, &st, to, may, e);
}

/*
 * The kernel opens the block device of a mount with the rights of tare-init, which is in the box's
 * cgroup: the device's rule decides, too.
 */
static void allow_mounted(struct box *b)
{
	for (size_t i = 0; i < b->config.mounts_count; i++) {
		const struct oci_mount *m = &b->config.mounts[i];
		bool readonly = is_one_of("ro", m->options, m->options_count);
		struct stat st;

		if (m->source && m->source[0] == '/' && strcmp(m->type, "bind") != 0 &&
		    sys_stat_at(AT_FDCWD, m->source, 0, &st) == 0 && S_ISBLK(st.st_mode))
			allow(b, &st, readonly ? "r" : "rw");
	}
}

int box_devices(struct box *b, struct err *e)
{
	const struct text_list *given = &b->options->devices;

	b->linux.devices = arena_array(b->arena, MOST_DEVICES, sizeof(*b->linux.devices));
	b->resources.devices = arena_array(b->arena, MOST_DEVICES + 1 + b->config.mounts_count,
					   sizeof(*b->resources.devices));
	b->resources.devices[0] = (struct oci_linux_device_cgroup) {
		.has_allow = true,
		.allow = b->options->privileged,
		.access = "rwm",
	};
	b->resources.devices_count = 1;
	for (size_t i = 0; i < given->count; i++)
		if (add_device(b, given->items[i], e) < 0)
			return -1;
	if (b->linux.devices_count == 0)
		b->linux.devices = NULL;
	allow_mounted(b);

	return 0;
}
