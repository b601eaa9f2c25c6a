/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/image.h - the file systems and partitions in an image file
 *
 * Only headers are read, in bounds, of a file that somebody else made. UEFI 2.10, section 5 (GPT);
 * each file system's own documents for its magic number.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_PARTITIONS 128

/* A part of a file, and the file system in it. */
struct image_part {
	uint64_t offset, size; /* bytes */
	unsigned number;       /* of the partition, from 1 on; 0: the whole file */
	const char *type;      /* "ext4"; NULL: none that is known */
};

/* The file system at @offset of @file: "ext4"; NULL: none that is known. */
const char *image_type(int file, uint64_t offset);

/* Can this file system be written to? A type that is not known here may. */
bool image_is_writable(const char *type);

/* Can it be a root file system? vfat and swap are only named. */
bool image_is_root(const char *type);

/* The partitions of @file: how many, at most IMAGE_PARTITIONS; 0: there is no table. */
size_t image_partitions(int file, struct image_part parts[IMAGE_PARTITIONS]);
