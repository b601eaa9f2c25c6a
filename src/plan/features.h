/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/features.h - what tare can do, as the JSON document of runtime-spec's features.md
 */
#pragma once

#include "heap/arena.h"

#include <stdbool.h>

/*
 * The JSON document, with a newline at its end, indented by 4 as engines know it. In the arena.
 * @checkpoints: is CRIU installed? Nothing else here depends on the host: engines ask `features`,
 * and do not look for CRIU themselves.
 */
const char *features_json(bool checkpoints, struct arena *a);
