/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base/table.h - what every static table needs
 */
#pragma once

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
