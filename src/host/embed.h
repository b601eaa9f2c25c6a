/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/embed.h - tare-init, inside tare
 */
#pragma once

extern const char embedded_init[], embedded_init_end[];
