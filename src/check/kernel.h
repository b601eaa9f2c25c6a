/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check/kernel.h - one page about this machine: what its kernel offers to a container
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"

/*
 * Print the page on standard output, as text or as one JSON object. The kernel is asked with this
 * user's rights. 0, or -1 with @e set.
 */
int kernel_print(bool json, struct arena *a, struct err *e);
