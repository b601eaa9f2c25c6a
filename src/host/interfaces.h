/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/interfaces.h - network interfaces of a container, for events
 */
#pragma once

#include "host/events.h"

/* The network interfaces of @pid, unless it is in our network namespace. In @a. */
void interfaces_read(pid_t pid, struct arena *a, struct container_stats *stats);

/* The text of /proc/PID/net/dev as interfaces; `lo` is left out. Changes @text. */
void interfaces_parse(char *text, struct arena *a, struct container_stats *stats);
