/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/version.c - ociVersion
 *
 * runtime-spec, config.md#specification-version: Semantic Versioning 2.0.0. A minor version only
 * adds to the one before it, so every 1.x up to our own version is understood. So are their
 * pre-releases, which engines are often built with. An engine that is newer than tare names a later
 * 1.x in each config.json, also where nothing of it is used: that is a warning. Properties that
 * tare does not know are left out by any version (config.md, "Extensibility").
 */
#include "plan/planner.h"

#include <string.h>

#define MAJOR	   1
#define MINOR_MOST 3

static const char place[] = "/ociVersion";

/* A number of a version: digits, no leading zero, at most nine. NULL: there is none at @s. */
static const char *read_number(const char *s, unsigned *value)
{
	const char *start = s;

	*value = 0;
	for (; *s >= '0' && *s <= '9' && s - start < 9; s++)
		*value = *value * 10 + (unsigned) (*s - '0');

	return s == start || (*start == '0' && s - start > 1) ? NULL : s;
}

/* `-rc.1`, `+build`: dot-separated words of letters, digits and hyphens, none of them empty. */
static const char *read_words(const char *s)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

	do {
		size_t length = strspn(++s, allowed);

		if (length == 0)
			return NULL;
		s += length;
	} while (*s == '.');

	return s;
}

static bool read_version(const char *s, unsigned part[3])
{
	for (int i = 0; i < 3; i++) {
		if (i > 0 && *s++ != '.')
			return false;
		s = read_number(s, &part[i]);
		if (!s)
			return false;
	}
	if (*s == '-')
		s = read_words(s);
	if (s && *s == '+')
		s = read_words(s);

	return s && *s == '\0';
}

int plan_version(struct planner *p, struct err *e)
{
	const char *version = p->config->oci_version;
	unsigned part[3];

	if (!read_version(version, part))
		return err_cfg(e, place, "ociVersion \"%s\" is not a semantic version", version);
	if (part[0] != MAJOR)
		return err_cfg(e, place,
			       "unsupported ociVersion \"%s\", tare implements 1.3.0 and older 1.x",
			       version);
	if (part[1] > MINOR_MOST)
		plan_warn(p, "%s: ociVersion \"%s\" is newer than 1.3.0: what it adds is left out",
			  place, version);

	return 0;
}
