/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/gvariant.h - values of systemd properties as people write them in annotations
 *
 * The GVariant text format (docs.gtk.org/glib/gvariant-text-format.html), as far as properties of
 * units need it: true, 5, 1.5, uint64 5, 'text', "text", [..], (..), @as [].
 */
#pragma once

#include "plan/systemd/property.h"

#define GVARIANT_TYPE 64 /* longest type, with its NUL */

/*
 * Append property @name with the value @text. NULL; or the reason why @text is no value, and then
 * @p must not be used any more.
 */
const char *gvariant_property(struct properties *p, const char *name, const char *text);

/*
 * @text is a number of seconds, of any numeric type: append it as @name in microseconds. Returns as
 * above.
 */
const char *gvariant_seconds(struct properties *p, const char *name, const char *text);
