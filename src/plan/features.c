/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/features.c - what tare can do
 *
 * runtime-spec, features.md and features-linux.md. Every list is made from the table with which the
 * planner reads config.json, so `features` names exactly what tare does. The document describes
 * this build of tare, not the running kernel.
 */
#include "config.h"

#include "plan/features.h"

#include "base/table.h"
#include "libocispec/encode.h"
#include "libocispec/oci_types.h"
#include "plan/mounts/options.h"
#include "plan/namespaces/namespaces.h"
#include "plan/process/caps.h"
#include "plan/process/hooks.h"
#include "plan/process/memory_policy.h"
#include "plan/seccomp/profile.h"
#include "plan/systemd/scope.h"

#include <seccomp.h>
#include <string.h>

/* Versions of config.json: plan/version.c. */
#define VERSION_MIN "1.0.0"
#define VERSION_MAX "1.3.0"

static void sort(const char **names, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		const char *name = names[i];
		size_t at = i;

		for (; at > 0 && strcmp(names[at - 1], name) > 0; at--)
			names[at] = names[at - 1];
		names[at] = name;
	}
}

static const char **list_hooks(struct arena *a, size_t *count)
{
	const char **names = arena_array(a, HOOK_STAGES + 1, sizeof(*names));

	*count = HOOK_STAGES;
	memcpy(names, hook_stage_names, sizeof(hook_stage_names));

	return names;
}

static const char **list_mount_options(struct arena *a, size_t *count)
{
	const char **names = arena_array(a, mount_options_count + 1, sizeof(*names));

	*count = mount_options_count;
	for (size_t i = 0; i < mount_options_count; i++)
		names[i] = mount_options[i].name;
	sort(names, *count);

	return names;
}

static const char **list_namespaces(struct arena *a, size_t *count)
{
	const char **names = arena_array(a, NAMESPACE_KINDS + 1, sizeof(*names));

	*count = NAMESPACE_KINDS;
	for (size_t i = 0; i < NAMESPACE_KINDS; i++)
		names[i] = namespace_kinds[i].name;
	sort(names, *count);

	return names;
}

static const char **list_caps(struct arena *a, size_t *count)
{
	unsigned known = caps_count();
	const char **names = arena_array(a, known + 1, sizeof(*names));

	for (unsigned i = 0; i < known; i++)
		names[i] = caps_name(i);
	*count = known;

	return names;
}

static struct oci_features_switch *make_switch(struct arena *a, bool enabled)
{
	struct oci_features_switch *s = arena_new(a, struct oci_features_switch);

	s->has_enabled = true;
	s->enabled = enabled;

	return s;
}

#ifdef HAVE_SYSTEMD
static const bool with_systemd = true;
#else
static const bool with_systemd = false;
#endif

static struct oci_features_cgroup *make_cgroup(struct arena *a)
{
	struct oci_features_cgroup *cgroup = arena_new(a, struct oci_features_cgroup);

	*cgroup = (struct oci_features_cgroup) {
		.has_v1 = true,
		.v1 = true,
		.has_v2 = true,
		.v2 = true,
		.has_systemd = true,
		.systemd = with_systemd,
		.has_systemd_user = true,
		.systemd_user = with_systemd,
		.has_rdma = true,
		.rdma = true,
	};

	return cgroup;
}

static struct oci_features_seccomp *make_seccomp(struct arena *a)
{
	struct oci_features_seccomp *s = arena_new(a, struct oci_features_seccomp);

	s->has_enabled = s->enabled = true;
	s->actions = seccomp_action_names(a, &s->actions_count);
	s->operators = seccomp_operator_names(a, &s->operators_count);
	s->archs = seccomp_arch_names(a, &s->archs_count);
	s->known_flags = seccomp_flag_names(a, &s->known_flags_count);
	s->supported_flags = seccomp_supported_flags(a, &s->supported_flags_count);

	return s;
}

static struct oci_features_intel_rdt *make_intel_rdt(struct arena *a)
{
	struct oci_features_intel_rdt *rdt = arena_new(a, struct oci_features_intel_rdt);

	rdt->has_enabled = rdt->enabled = true;
	rdt->has_schemata = rdt->schemata = true;
	rdt->has_monitoring = rdt->monitoring = true;

	return rdt;
}

static struct oci_features_memory_policy *make_memory_policy(struct arena *a)
{
	struct oci_features_memory_policy *policy = arena_new(a, struct oci_features_memory_policy);

	policy->modes = arena_array(a, MEMORY_POLICY_MODES, sizeof(*policy->modes));
	policy->modes_count = MEMORY_POLICY_MODES;
	for (size_t i = 0; i < MEMORY_POLICY_MODES; i++)
		policy->modes[i] = memory_policy_modes[i].name;
	policy->flags = arena_array(a, MEMORY_POLICY_FLAGS, sizeof(*policy->flags));
	policy->flags_count = MEMORY_POLICY_FLAGS;
	for (size_t i = 0; i < MEMORY_POLICY_FLAGS; i++)
		policy->flags[i] = memory_policy_flags[i].name;

	return policy;
}

static struct oci_features_linux *make_linux(struct arena *a)
{
	struct oci_features_linux *linux = arena_new(a, struct oci_features_linux);

	linux->namespaces = list_namespaces(a, &linux->namespaces_count);
	linux->capabilities = list_caps(a, &linux->capabilities_count);
	linux->cgroup = make_cgroup(a);
	linux->seccomp = make_seccomp(a);
	linux->memory_policy = make_memory_policy(a);
	linux->mount_extensions = arena_new(a, struct oci_features_mount_extensions);
	linux->mount_extensions->idmap = make_switch(a, true);
	linux->apparmor = make_switch(a, true);
	linux->selinux = make_switch(a, true);
	linux->net_devices = make_switch(a, true);
	linux->intel_rdt = make_intel_rdt(a);

	return linux;
}

static struct oci_string_map *make_annotations(bool checkpoints, struct arena *a)
{
	const struct scmp_version *v = seccomp_version();
	struct oci_string_map *map = arena_new(a, struct oci_string_map);

	map->count = 2;
	map->keys = arena_array(a, map->count, sizeof(*map->keys));
	map->values = arena_array(a, map->count, sizeof(*map->values));
	map->keys[0] = "io.github.seccomp.libseccomp.version";
	map->values[0] = arena_printf(a, "%u.%u.%u", v->major, v->minor, v->micro);
	map->keys[1] = "org.opencontainers.runc.checkpoint.enabled";
	map->values[1] = checkpoints ? "true" : "false";

	return map;
}

/* Annotations that tare acts on: an engine must not take them over from an image. */
static const char **list_unsafe(struct arena *a, size_t *count)
{
	const char **names = arena_array(a, 5, sizeof(*names));

	*count = 0;
	names[(*count)++] = "run.oci.";
	names[(*count)++] = "org.tare.";
	/*
	 * org.criu.config names a configuration file of CRIU, which may name programs that CRIU
	 * executes.
	 */
	names[(*count)++] = "org.criu.";
	if (with_systemd)
		names[(*count)++] = SCOPE_PROPERTY;

	return names;
}

const char *features_json(bool checkpoints, struct arena *a)
{
	struct oci_features f = {
		.oci_version_min = VERSION_MIN,
		.oci_version_max = VERSION_MAX,
		.linux = make_linux(a),
		.annotations = make_annotations(checkpoints, a),
	};
	const char *text;
	size_t length;

	f.hooks = list_hooks(a, &f.hooks_count);
	f.mount_options = list_mount_options(a, &f.mount_options_count);
	f.potentially_unsafe_config_annotations =
		list_unsafe(a, &f.potentially_unsafe_config_annotations_count);
	oci_encode(&oci_features_type, &f, "    ", a, &text, &length);

	return text;
}
