/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libocispec/memory.h - yajl's memory from an arena
 */
#pragma once

#include <yajl/yajl_common.h>

struct arena;

/* yajl's memory is not freed piece by piece: it goes with the arena. */
yajl_alloc_funcs memory_for_yajl(struct arena *a);
