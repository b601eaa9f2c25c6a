/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/start.h - start: the program of a created container
 */
#pragma once

#include "heap/arena.h"
#include "state/record.h"

/*
 * @notify_socket: NOTIFY_SOCKET, or NULL. Where create had one too, start waits until the program
 * is ready, or ends.
 */
int container_start(const struct state_root *root, const char *id, const char *notify_socket,
		    struct arena *a, struct err *e);
