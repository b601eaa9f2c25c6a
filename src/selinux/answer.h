/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * selinux/answer.h - what tare and tare-selinux say to each other
 *
 * Input: labels, a line each. Output: those that the policy in force does not know, a line each.
 */
#pragma once

enum selinux_exit {
	SELINUX_ANSWERED = 0,
	SELINUX_FAILED = 1,
	SELINUX_OFF = 2, /* SELinux is not in force */
};
