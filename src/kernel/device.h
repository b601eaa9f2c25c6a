/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/device.h - device numbers as the kernel writes them (include/linux/kdev_t.h, "new"
 * encoding)
 *
 * As makedev(3), which tare-init lacks: that is a function of the C library.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

static inline dev_t device_number(uint32_t major, uint32_t minor)
{
	return (minor & 0xff) | (dev_t) (major & 0xfff) << 8 | (dev_t) (minor & ~0xffU) << 12;
}

static inline uint32_t device_major(dev_t device)
{
	return (uint32_t) (device >> 8) & 0xfff;
}

static inline uint32_t device_minor(dev_t device)
{
	return (uint32_t) ((device & 0xff) | (device >> 12 & 0xfff00));
}

/* Is it the null device? Its number is fixed: the kernel's devices.txt. */
static inline bool device_is_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == device_number(1, 3);
}
