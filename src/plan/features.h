/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/features.h - what tare can do, as runtime-spec's features.md wants it told
 */
#pragma once

#include "heap/arena.h"

#include <stdbool.h>

/*
 * The JSON document with a newline behind, indented by 4 as engines know it. In the arena. @checkpoints: can there be any? That
 * alone depends on the host: podman and others do not ask for a program that is not installed.
 */
const char *features_json(bool checkpoints, struct arena *a);
