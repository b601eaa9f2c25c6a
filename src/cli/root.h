/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/root.h - where the state of containers is kept
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "state/record.h"

/*
 * --root made absolute, without `.`, `..` and double slashes; "/" and "" are refused. Without
 * --root (NULL): /run/tare, or $XDG_RUNTIME_DIR/tare for anybody but the host's root. An ordinary
 * user without that variable: /run/user/UID/tare, or $HOME/.local/state/tare, whichever's parent is
 * there and the caller's. No file is made. The path is in @a. 0, or -1 with @e set.
 */
int root_choose(const char *option, const char *const *env, struct arena *a,
		struct state_root *root, struct err *e);
