/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/embed.c - tare-init, inside tare
 *
 * The build gives the path as TARE_INIT.
 */
#include "host/embed.h"

__asm__(".section .rodata\n"
	".balign 4096\n"
	".globl embedded_init\n"
	"embedded_init:\n"
	".incbin \"" TARE_INIT "\"\n"
	".globl embedded_init_end\n"
	"embedded_init_end:\n"
	".byte 0\n"
	".previous\n");
