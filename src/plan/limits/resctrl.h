/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/resctrl.h - where resctrl is mounted
 */
#pragma once

#include "heap/arena.h"

/*
 * The mount point of the first resctrl in the text of mountinfo, which is changed; NULL: none. In
 * the arena.
 */
const char *resctrl_find(char *mountinfo, struct arena *a);
