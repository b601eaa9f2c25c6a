/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/stats_json.h - a container's numbers as runc's `events` prints them; docs/CONTRACT.md, B4
 */
#pragma once

#include "heap/out.h"
#include "host/events.h"

/* The object that is `data` of an event, in one line. */
void stats_print_json(struct out *out, const struct container_stats *stats);
