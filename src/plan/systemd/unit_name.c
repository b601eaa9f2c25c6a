/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/unit_name.c - systemd's names: of units, and of the cgroups it makes for them
 */
#include "plan/systemd/unit_name.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/words.h"

#include <stdbool.h>
#include <string.h>

static const char slice_suffix[] = ".slice";

static bool is_allowed(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr(":-_.\\", c));
}

/* No part between the dashes is empty, as each part is the name of a slice. */
static bool is_slice_name(const char *name, size_t length)
{
	if (length == 0 || name[0] == '-' || name[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_allowed(name[i]) || (name[i] == '-' && name[i - 1] == '-'))
			return false;

	return true;
}

static const char *add_slice(const char *path, const char *name, size_t length, struct arena *a)
{
	const char *unit = arena_printf(a, "%.*s%s", (int) length, name, slice_suffix);

	return arena_printf(a, "%s/%s", path, unit_cgroup_name(unit, a));
}

const char *unit_slice_path(const char *slice, struct arena *a)
{
	size_t length = strlen(slice), suffix = sizeof(slice_suffix) - 1;

	if (strcmp(slice, "-") == 0 || strcmp(slice, "-.slice") == 0)
		return "";
	if (length > UNIT_NAME_LONGEST || !ends_with(slice, slice_suffix) ||
	    !is_slice_name(slice, length - suffix))
		return NULL;

	const char *path = "";
	for (size_t end = 1; end <= length - suffix; end++)
		if (slice[end] == '-' || end == length - suffix)
			path = add_slice(path, slice, end, a);

	return path;
}

/* Write each byte that is not allowed as \\xNN. */
static char *escape(char *to, const char *text)
{
	for (; *text; text++) {
		if (is_allowed(*text))
			*to++ = *text;
		else
			to += fmt_text(to, 5, "\\x%02x", (unsigned char) *text);
	}
	*to = '\0';

	return to;
}

const char *unit_scope_name(const char *prefix, const char *name, struct arena *a)
{
	char *unit = arena_alloc(a, 4 * (strlen(prefix) + strlen(name)) + sizeof("-.scope"));
	char *at = escape(unit, prefix);

	if (at > unit)
		*at++ = '-';
	at = escape(at, name);
	strcpy(at, ".scope");

	return strlen(unit) > UNIT_NAME_LONGEST ? NULL : unit;
}

/*
 * "memory" of "memory.scope": names of the kernel's files begin with a controller's. The list is
 * that of systemd's cg_escape().
 */
static bool is_controller(const char *name, size_t length)
{
	static const char *const controllers[] = { "cgroup", "cpu",    "cpuacct", "cpuset", "io",
						   "blkio",  "memory", "devices", "pids" };

	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strlen(controllers[i]) == length && strncmp(controllers[i], name, length) == 0)
			return true;

	return false;
}

const char *unit_cgroup_name(const char *unit, struct arena *a)
{
	const char *dot = strchr(unit, '.');

	if (unit[0] == '_' || unit[0] == '.' || (dot && is_controller(unit, (size_t) (dot - unit))))
		return arena_printf(a, "_%s", unit);

	return unit;
}
