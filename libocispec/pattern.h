/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/pattern.h - the regular expressions that schema/ needs
 *
 * Anchored at both ends; letters, digits and `:_`, and sets in brackets with ranges and `^`,
 * each alone or followed by `*` or `+`. No part is given back to make a later one fit, so
 * neighbours must not overlap. generate.py refuses everything else.
 */
#pragma once

#include <stdbool.h>

bool pattern_matches(const char *expression, const char *s);
