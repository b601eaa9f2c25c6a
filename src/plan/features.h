/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/features.h - what tare can do, as runtime-spec's features.md wants it told
 */
#pragma once

#include "heap/arena.h"

/* The JSON document with a newline behind, indented by 4 as engines know it. In the arena. */
const char *features_json(struct arena *a);
