/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/loop.c - loop devices
 */
#include "kernel/loop.h"

#include "base/fmt.h"
#include "kernel/fd.h"

#include <linux/loop.h>

/* Another process may take the device that the kernel named, again and again. */
#define MOST_TRIES 64

/* LOOP_CONFIGURE, Linux 5.8: the headers of some distributions are older. */
#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
struct loop_config {
	uint32_t fd, block_size;
	struct loop_info64 info;
	uint64_t reserved[8];
};
#endif

/* Android has block devices in /dev/block. */
static int open_device(int number, int flags, char path[LOOP_PATH])
{
	fmt_text(path, LOOP_PATH, "/dev/loop%d", number);

	int fd = sys_open(path, flags);
	if (fd != -ENOENT)
		return fd;
	fmt_text(path, LOOP_PATH, "/dev/block/loop%d", number);

	return sys_open(path, flags);
}

static int configure(int device, int file, const struct loop_info64 *info)
{
	struct loop_config config = { .fd = (uint32_t) file, .info = *info };
	int r = sys_ioctl(device, LOOP_CONFIGURE, &config);

	/* The driver returns EINVAL for an unknown ioctl(2). */
	if (r != -EINVAL && r != -ENOTTY)
		return r;
	r = sys_ioctl(device, LOOP_SET_FD, (void *) (intptr_t) file);
	if (r < 0)
		return r;

	struct loop_info64 copy = *info;

	r = sys_ioctl(device, LOOP_SET_STATUS64, &copy);
	if (r < 0)
		sys_ioctl(device, LOOP_CLR_FD, NULL);

	return r;
}

int sys_loop_attach(int file, uint64_t offset, uint64_t size, bool readonly, char path[LOOP_PATH])
{
	const struct loop_info64 info = {
		.lo_offset = offset,
		.lo_sizelimit = size,
		.lo_flags = LO_FLAGS_AUTOCLEAR | (readonly ? LO_FLAGS_READ_ONLY : 0),
	};
	autoclose int control = sys_open("/dev/loop-control", O_RDWR);
	if (control < 0)
		return control;

	for (int tries = 0; tries < MOST_TRIES; tries++) {
		int number = sys_ioctl(control, LOOP_CTL_GET_FREE, NULL);
		if (number < 0)
			return number;

		autoclose int device = open_device(number, readonly ? O_RDONLY : O_RDWR, path);
		if (device < 0)
			return device;

		int r = configure(device, file, &info);
		if (r == 0)
			return take_fd(&device);
		if (r != -EBUSY)
			return r;
	}

	return -EBUSY;
}
