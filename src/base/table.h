/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/table.h - the length of a static table
 */
#pragma once

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
