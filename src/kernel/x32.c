/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/x32.c - the numbers of x32 that are not those of x86-64 with a bit
 */
#include "kernel/x32.h"

#include "base/table.h"

#include <string.h>

#define FIRST_OWN 512

/* In the order of their numbers, from FIRST_OWN on. */
static const char own[][20] = {
	"rt_sigaction",
	"rt_sigreturn",
	"ioctl",
	"readv",
	"writev",
	"recvfrom",
	"sendmsg",
	"recvmsg",
	"execve",
	"ptrace",
	"rt_sigpending",
	"rt_sigtimedwait",
	"rt_sigqueueinfo",
	"sigaltstack",
	"timer_create",
	"mq_notify",
	"kexec_load",
	"waitid",
	"set_robust_list",
	"get_robust_list",
	"vmsplice",
	"move_pages",
	"preadv",
	"pwritev",
	"rt_tgsigqueueinfo",
	"recvmmsg",
	"sendmmsg",
	"process_vm_readv",
	"process_vm_writev",
	"setsockopt",
	"getsockopt",
	"io_setup",
	"io_submit",
	"execveat",
	"preadv2",
	"pwritev2",
};

/* Calls that were old, or never in use, when x32 came. */
static const char missing[][20] = {
	"_sysctl",    "create_module", "get_kernel_syms", "get_thread_area",
	"nfsservctl", "query_module",  "set_thread_area", "uselib",
};

int x32_number(const char *name, int number)
{
	for (int i = 0; i < (int) ARRAY_SIZE(own); i++)
		if (strcmp(own[i], name) == 0)
			return X32_BIT | (FIRST_OWN + i);
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++)
		if (strcmp(missing[i], name) == 0)
			return -1;

	return number < 0 ? -1 : X32_BIT | number;
}
