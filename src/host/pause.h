/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/pause.h - pause and resume
 */
#pragma once

#include "base/err.h"
#include "state/record.h"

/* Errors for a container in another state: "container not running", "container not paused". */
int container_pause(const struct state_root *root, const char *id, struct err *e);
int container_resume(const struct state_root *root, const char *id, struct err *e);
