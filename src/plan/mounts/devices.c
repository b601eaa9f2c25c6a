/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/mounts/devices.c - linux.devices, the default devices, the links in /dev
 *
 * config-linux.md, "Default Devices"; runtime-linux.md, "Dev symbolic links". In every user
 * namespace but the first mknod(2) is refused. There nodes are bound: nodes that tare makes, where
 * tare has that right itself, else the host's own.
 *
 * A /dev that is a bind, as in privileged containers, is left unchanged: it is most likely the
 * host's.
 */
#include "base/path.h"
#include "base/table.h"
#include "kernel/mount.h"
#include "kernel/process.h"
#include "plan/mounts/mounts.h"
#include "plan/mounts/path_text.h"
#include "plan/namespaces/idmap.h"
#include "plan/planner.h"

#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

/* dev_t of the kernel has 12 and 20 bits. */
#define MAX_MAJOR 4095
#define MAX_MINOR 1048575

#define PERMISSIONS	    07777
#define DEFAULT_PERMISSIONS 0666

static const struct device_step default_devices[] = {
	{ .path = "/dev/null", .major = 1, .minor = 3 },
	{ .path = "/dev/zero", .major = 1, .minor = 5 },
	{ .path = "/dev/full", .major = 1, .minor = 7 },
	{ .path = "/dev/random", .major = 1, .minor = 8 },
	{ .path = "/dev/urandom", .major = 1, .minor = 9 },
	{ .path = "/dev/tty", .major = 5, .minor = 0 },
};

struct link {
	const char *target, *path;
	const char *needs; /* only where the host has this file; NULL: always */
};

static const struct link links[] = {
	{ .target = "/proc/self/fd", .path = "/dev/fd" },
	{ .target = "/proc/self/fd/0", .path = "/dev/stdin" },
	{ .target = "/proc/self/fd/1", .path = "/dev/stdout" },
	{ .target = "/proc/self/fd/2", .path = "/dev/stderr" },
	{ .target = "/proc/kcore", .path = "/dev/core", .needs = "/proc/kcore" },
	{ .target = "pts/ptmx", .path = "/dev/ptmx" },
};

static const struct {
	const char *name;
	mode_t type;
} device_types[] = {
	{ "c", S_IFCHR },
	{ "u", S_IFCHR },
	{ "b", S_IFBLK },
	{ "p", S_IFIFO },
};

static int read_type(struct planner *p, size_t i, mode_t *type, struct err *e)
{
	const char *name = p->config->linux->devices[i].type;

	for (size_t j = 0; j < ARRAY_SIZE(device_types); j++) {
		if (strcmp(device_types[j].name, name) != 0)
			continue;
		*type = device_types[j].type;
		return 0;
	}

	return err_cfg(e, plan_place(p, "/linux/devices/%zu/type", i), "unknown device type \"%s\"",
		       name);
}

static int read_number(struct planner *p, size_t i, const char *name, bool given, int64_t value,
		       int64_t max, uint32_t *number, struct err *e)
{
	if (!given)
		return err_cfg(e, plan_place(p, "/linux/devices/%zu", i), "\"%s\" is missing",
			       name);
	if (value < 0 || value > max)
		return err_cfg(e, plan_place(p, "/linux/devices/%zu/%s", i, name),
			       "%lld is not a device number: 0 to %lld", (long long) value,
			       (long long) max);
	*number = (uint32_t) value;

	return 0;
}

static int read_numbers(struct planner *p, size_t i, struct device_step *device, struct err *e)
{
	const struct oci_linux_device *d = &p->config->linux->devices[i];

	if (S_ISFIFO(device->mode))
		return 0;
	if (read_number(p, i, "major", d->has_major, d->major, MAX_MAJOR, &device->major, e) < 0)
		return -1;

	return read_number(p, i, "minor", d->has_minor, d->minor, MAX_MINOR, &device->minor, e);
}

/* podman puts the file type's bits into fileMode: they are left out. */
static int read_device(struct planner *p, size_t i, struct device_step *device, struct err *e)
{
	const struct oci_linux_device *d = &p->config->linux->devices[i];
	mode_t type = 0;

	if (d->path[0] != '/')
		return err_cfg(e, plan_place(p, "/linux/devices/%zu/path", i),
			       "\"%s\" is not an absolute path", d->path);
	/* A bound node is a mount, and mounts.c refuses mounts in /proc. */
	if (path_below(path_clean(p->arena, d->path), "/proc"))
		return err_cfg(e, plan_place(p, "/linux/devices/%zu/path", i),
			       "\"%s\" in /proc can't be a device", d->path);
	if (d->has_file_mode && d->file_mode > (S_IFMT | PERMISSIONS))
		return err_cfg(e, plan_place(p, "/linux/devices/%zu/fileMode", i),
			       "%u (decimal) is not a file mode", d->file_mode);
	if (read_type(p, i, &type, e) < 0)
		return -1;
	*device = (struct device_step) {
		.path = path_clean(p->arena, d->path),
		.mode = type |
			(d->has_file_mode ? d->file_mode & PERMISSIONS : DEFAULT_PERMISSIONS),
		.uid = d->has_uid ? d->uid : idmap_working_id(p, false),
		.gid = d->has_gid ? d->gid : idmap_working_id(p, true),
		.listed = true,
	};

	return read_numbers(p, i, device, e);
}

static bool has_capability(const struct planner *p, unsigned capability)
{
	return p->facts->initial_userns && p->facts->capabilities & ((uint64_t) 1 << capability);
}

/* May tare make device nodes that the container's user namespace may not make? */
static bool makes_for_userns(const struct planner *p)
{
	return plan_has_namespace(p, CLONE_NEWUSER) && p->new_namespaces & CLONE_NEWNS &&
	       p->facts->euid == 0 && has_capability(p, CAP_MKNOD) &&
	       has_capability(p, CAP_SYS_ADMIN);
}

static void add_device(struct planner *p, const struct device_step *device, const char *place)
{
	bool may_make = has_capability(p, CAP_MKNOD) && !plan_has_namespace(p, CLONE_NEWUSER);
	struct step *step = plan_add(p, OP_MAKE_DEVICE, place);

	step->device = *device;
	step->device.bind = !may_make && !S_ISFIFO(device->mode);
	step->device.from_host = step->device.bind && makes_for_userns(p);
}

/* The tmpfs for the nodes that tare makes. Mode 0711: tare-init needs only search permission. */
static void bring_devices(struct planner *p)
{
	static const struct mount_parameter mode = { "mode", "0711" };
	struct mount_step m = {
		.source = "devices",
		.target = "/dev",
		.type = "tmpfs",
		.attrs.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
		.parameters = &mode,
		.parameter_count = 1,
		.data = "mode=0711",
		.source_from_host = true,
	};

	plan_mount_label(p, "", &m);
	plan_add(p, OP_BRING_DEVICES, "")->mount = m;
}

static bool is_listed(struct planner *p, const char *path)
{
	const struct oci_linux *linux = p->config->linux;

	for (size_t i = 0; linux && i < linux->devices_count; i++)
		if (strcmp(path_clean(p->arena, linux->devices[i].path), path) == 0)
			return true;

	return false;
}

static void add_default_devices(struct planner *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++) {
		struct device_step device = default_devices[i];

		device.mode = S_IFCHR | DEFAULT_PERMISSIONS;
		device.uid = idmap_working_id(p, false);
		device.gid = idmap_working_id(p, true);
		if (!is_listed(p, device.path))
			add_device(p, &device, "");
	}
}

/*
 * Privileged containers list /dev/ptmx. That must be the multiplexer of their own devpts, so tare
 * makes the usual link.
 */
static int add_listed_devices(struct planner *p, bool dev_is_bound, struct err *e)
{
	const struct oci_linux *linux = p->config->linux;

	for (size_t i = 0; linux && i < linux->devices_count; i++) {
		struct device_step device;

		if (read_device(p, i, &device, e) < 0)
			return -1;

		if (strcmp(device.path, "/dev/ptmx") == 0 ||
		    (dev_is_bound && path_below(device.path, "/dev")))
			continue;
		add_device(p, &device, plan_place(p, "/linux/devices/%zu", i));
	}

	return 0;
}

/* Do config.json's mounts or devices have something at @path? Not a device /dev/ptmx: see above. */
static bool is_given(struct planner *p, const char *path)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct step *s = &p->steps[i];

		if ((s->op == OP_MOUNT && strcmp(s->mount.target, path) == 0) ||
		    (s->op == OP_MAKE_DEVICE && strcmp(s->device.path, path) == 0))
			return true;
	}

	return false;
}

static void add_links(struct planner *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (links[i].needs && sys_access_at(AT_FDCWD, links[i].needs, F_OK) < 0)
			continue;
		if (is_given(p, links[i].path))
			continue;

		struct step *step = plan_add(p, OP_MAKE_LINK, "");
		step->link.target = links[i].target;
		step->link.path = links[i].path;
	}
}

/* Is the last planned mount on /dev a bind? Later mounts cover earlier ones. */
static bool is_dev_bound(struct planner *p)
{
	bool bound = false;

	for (size_t i = 0; i < p->count; i++) {
		const struct step *s = &p->steps[i];

		if (s->op != OP_MOUNT || s->mount.remount)
			continue;
		if (strcmp(s->mount.target, "/dev") == 0)
			bound = s->mount.bind;
	}

	return bound;
}

int plan_devices(struct planner *p, struct err *e)
{
	/*
	 * Without mounts of its own the container has the /dev of its image, or of the host: it
	 * stays unchanged.
	 */
	if (!p->mounts)
		return 0;

	bool dev_is_bound = is_dev_bound(p), brought = makes_for_userns(p);
	bool usual = !dev_is_bound && !p->options->plain_dev;

	if (brought)
		bring_devices(p);
	if (usual)
		add_default_devices(p);
	if (add_listed_devices(p, dev_is_bound, e) < 0)
		return -1;
	if (brought)
		plan_add(p, OP_DROP_DEVICES, "");
	if (usual)
		add_links(p);

	return 0;
}
