/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/bpf.h - device programs of cgroup v2: a result, or -errno
 *
 * bpf(2) knows BPF_PROG_TYPE_CGROUP_DEVICE since Linux 4.15. -EPERM without CAP_BPF (before 5.8
 * CAP_SYS_ADMIN) in the initial user namespace, -EINVAL without CONFIG_CGROUP_BPF, -ENOSYS
 * without CONFIG_BPF_SYSCALL.
 */
#pragma once

#include "kernel/sys.h"

#include <linux/bpf.h>

/* The most programs of a cgroup that are looked at. */
#define BPF_CGROUP_PROGRAMS 64

static inline int sys_bpf(int command, union bpf_attr *attr)
{
	return (int) SYS_CALL(bpf, command, attr, sizeof(*attr), 0, 0, 0);
}

/* Check and load a device program called @name (at most 15 bytes). Its descriptor. */
static inline int sys_bpf_load_device(const struct bpf_insn *code, uint32_t count, const char *name)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t) code;
	attr.insn_cnt = count;
	/*
	 * A GPL licence is only asked for where the program calls certain functions of the kernel.
	 */
	attr.license = (uintptr_t) "LGPL-2.1-or-later";
	strncpy(attr.prog_name, name, sizeof(attr.prog_name) - 1);

	return sys_bpf(BPF_PROG_LOAD, &attr);
}

static inline int sys_bpf_attach_device(int cgroup, int program)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t) cgroup;
	attr.attach_bpf_fd = (uint32_t) program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	/*
	 * Other programs, on this cgroup or above, stay attached: all of them must allow an access.
	 */
	attr.attach_flags = BPF_F_ALLOW_MULTI;

	return sys_bpf(BPF_PROG_ATTACH, &attr);
}

static inline int sys_bpf_detach_device(int cgroup, int program)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t) cgroup;
	attr.attach_bpf_fd = (uint32_t) program;
	attr.attach_type = BPF_CGROUP_DEVICE;

	return sys_bpf(BPF_PROG_DETACH, &attr);
}

/* Fill @ids with the device programs attached to @cgroup itself: their number. */
static inline int sys_bpf_device_programs(int cgroup, uint32_t ids[BPF_CGROUP_PROGRAMS])
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t) cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t) ids;
	attr.query.prog_cnt = BPF_CGROUP_PROGRAMS;

	int r = sys_bpf(BPF_PROG_QUERY, &attr);

	return r < 0 ? r : (int) attr.query.prog_cnt;
}

static inline int sys_bpf_open_program(uint32_t id)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;

	return sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}

static inline int sys_bpf_program_info(int program, struct bpf_prog_info *info)
{
	union bpf_attr attr;

	memset(info, 0, sizeof(*info));
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t) program;
	attr.info.info_len = sizeof(*info);
	attr.info.info = (uintptr_t) info;

	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}
