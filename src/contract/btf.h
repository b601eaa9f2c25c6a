/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contract/btf.h - offsets in the structures of the running kernel, from its own description (BTF)
 *
 * A kernel with CONFIG_DEBUG_INFO_BTF, as most distributions have, describes its types in
 * /sys/kernel/btf/vmlinux. So no header of that kernel is needed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct btf_offset {
	const char *type, *member; /* names of a structure, and of a member of it */
	int32_t offset;		   /* set: bytes from the start of the structure */
};

/*
 * Set all @offsets. 0; -ENOENT: this kernel has no description, or no such member; -EINVAL: the
 * description is damaged; another -errno.
 */
int btf_find(struct btf_offset *offsets, size_t count);

/*
 * As btf_find(), with a description of @size bytes at @data, which is aligned as a number of 32
 * bits.
 */
int btf_search(const void *data, size_t size, struct btf_offset *offsets, size_t count);
