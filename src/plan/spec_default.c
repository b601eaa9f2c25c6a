/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/spec_default.c - the config.json that `spec` writes
 *
 * The config is that of runc and crun, because scripts and the tests of engines edit it by place
 * and value. Almost all of it is constant data; only the lists that differ between root and an
 * ordinary user are built here.
 */
#include "plan/spec_default.h"

#include "base/table.h"
#include "libocispec/oci_types.h"

#include <string.h>

/* An array of strings as the generated types have it: NULL-terminated, and its length. */
#define STRINGS(...)                                                                               \
	(const char *[])                                                                           \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define COUNT(...) (ARRAY_SIZE(((const char *const[]) { __VA_ARGS__ })))

#define KEPT_CAPS "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"

static const char *kept_caps[] = { KEPT_CAPS, NULL };

static struct oci_capabilities capabilities = {
	.bounding = kept_caps,
	.bounding_count = ARRAY_SIZE(kept_caps) - 1,
	.effective = kept_caps,
	.effective_count = ARRAY_SIZE(kept_caps) - 1,
	.permitted = kept_caps,
	.permitted_count = ARRAY_SIZE(kept_caps) - 1,
};

static struct oci_user user = { .has_uid = true, .has_gid = true };

static struct oci_rlimit rlimits[] = {
	{ .type = "RLIMIT_NOFILE", .has_hard = true, .hard = 1024, .has_soft = true, .soft = 1024 },
};

static const char *args[] = { "sh", NULL };

static const char *env[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"TERM=xterm",
	NULL,
};

static struct oci_process process = {
	.has_terminal = true,
	.terminal = true,
	.user = &user,
	.args = args,
	.args_count = ARRAY_SIZE(args) - 1,
	.env = env,
	.env_count = ARRAY_SIZE(env) - 1,
	.cwd = "/",
	.capabilities = &capabilities,
	.rlimits = rlimits,
	.rlimits_count = ARRAY_SIZE(rlimits),
	.has_no_new_privileges = true,
	.no_new_privileges = true,
};

static struct oci_root root = { .path = "rootfs", .has_readonly = true, .readonly = true };

#define MOUNT(destination_, type_, source_, ...)                                                   \
	{                                                                                          \
		.destination = destination_, .type = type_, .source = source_,                     \
		.options = STRINGS(__VA_ARGS__), .options_count = COUNT(__VA_ARGS__)               \
	}

static const struct oci_mount mounts[] = {
	{ .destination = "/proc", .type = "proc", .source = "proc" },
	MOUNT("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
	MOUNT("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666",
	      "mode=0620", "gid=5"),
	MOUNT("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
	MOUNT("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
	MOUNT("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
	MOUNT("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
};

/*
 * Without a network namespace sysfs may not be mountable, so it is bound; gid=5 is left out, as a
 * map with one ID has no group 5.
 */
static const struct oci_mount rootless_mounts[] = {
	{ .destination = "/proc", .type = "proc", .source = "proc" },
	MOUNT("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
	MOUNT("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666",
	      "mode=0620"),
	MOUNT("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
	MOUNT("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
	MOUNT("/sys", "none", "/sys", "rbind", "nosuid", "noexec", "nodev", "ro"),
	MOUNT("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
};

static struct oci_linux_device_cgroup devices[] = {
	{ .has_allow = true, .allow = false, .access = "rwm" },
};

static struct oci_linux_resources resources = {
	.devices = devices,
	.devices_count = ARRAY_SIZE(devices),
};

static const char *masked_paths[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/sys/firmware",
	"/proc/scsi",
	NULL,
};

static const char *readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

static struct oci_linux_namespace *list_namespaces(struct arena *a, bool rootless, bool cgroup_v2,
						   size_t *count)
{
	struct {
		const char *type;
		bool wanted;
	} const candidates[] = {
		{ "pid", true },	 { "network", !rootless }, { "ipc", true },
		{ "uts", true },	 { "mount", true },	   { "user", rootless },
		{ "cgroup", cgroup_v2 },
	};
	struct oci_linux_namespace *list = arena_array(a, ARRAY_SIZE(candidates), sizeof(*list));

	*count = 0;
	for (size_t i = 0; i < ARRAY_SIZE(candidates); i++)
		if (candidates[i].wanted)
			list[(*count)++].type = candidates[i].type;

	return list;
}

static struct oci_id_mapping *map_root_to(struct arena *a, uint32_t host)
{
	struct oci_id_mapping *map = arena_new(a, struct oci_id_mapping);

	map->has_container_id = map->has_host_id = map->has_size = true;
	map->host_id = host;
	map->size = 1;

	return map;
}

const struct oci_config *spec_default(struct arena *a, bool rootless, uid_t uid, gid_t gid,
				      bool cgroup_v2)
{
	struct oci_config *config = arena_new(a, struct oci_config);
	struct oci_linux *linux = arena_new(a, struct oci_linux);

	linux->namespaces = list_namespaces(a, rootless, cgroup_v2, &linux->namespaces_count);
	linux->masked_paths = masked_paths;
	linux->masked_paths_count = ARRAY_SIZE(masked_paths) - 1;
	linux->readonly_paths = readonly_paths;
	linux->readonly_paths_count = ARRAY_SIZE(readonly_paths) - 1;
	if (rootless) {
		linux->uid_mappings = map_root_to(a, uid);
		linux->gid_mappings = map_root_to(a, gid);
		linux->uid_mappings_count = linux->gid_mappings_count = 1;
	} else {
		linux->resources = &resources;
	}
	*config = (struct oci_config) {
		.oci_version = "1.3.0",
		.process = &process,
		.root = &root,
		.hostname = "tare",
		.mounts = (struct oci_mount *) (rootless ? rootless_mounts : mounts),
		.mounts_count = rootless ? ARRAY_SIZE(rootless_mounts) : ARRAY_SIZE(mounts),
		.linux = linux,
	};

	return config;
}
