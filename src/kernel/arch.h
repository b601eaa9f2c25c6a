/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel/arch.h - what differs between processors
 *
 * Each file of arch/ gives
 *   arch_syscall(nr, a, ... f)	   one system call: its result, or -errno; never touches errno
 *   arch_clone_call(nr, a, b, fn, arg)
 *				   clone3(2), or clone(2), with its first two arguments; the child
 *				   calls fn(arg) and exits with its result: the only safe way to
 *				   start a child that shares our memory
 *   ARENA_ADDRESS		   where the plan is mapped, in tare and in tare-init
 *   arch_map(), arch_stat_at() ... the calls that differ where a register has 32 bits: long64.h or
 *				   long32.h, with ARENA_RESERVE, the address space for an arena
 *   ARCH_AUDIT			   AUDIT_ARCH_*: how seccomp filters call it
 *   ARCH_START			   assembly of tare-init's entry point: calls init_main(stack)
 */
#pragma once

#if defined(__x86_64__)
#include "kernel/arch/x86_64.h"
#elif defined(__aarch64__)
#include "kernel/arch/aarch64.h"
#elif defined(__riscv) && __riscv_xlen == 64
#include "kernel/arch/riscv64.h"
#elif defined(__ARM_EABI__) && __ARM_ARCH >= 7 && !defined(__ARMEB__)
#include "kernel/arch/arm.h"
#else
#error "tare has not been brought to this processor yet: add a file to src/kernel/arch/"
#endif
