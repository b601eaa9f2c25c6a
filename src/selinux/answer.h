/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * selinux/answer.h - the protocol between tare and tare-selinux
 *
 * Input: labels, one in each line. Output: those labels that the policy in force does not know, one
 * in each line.
 */
#pragma once

enum selinux_exit {
	SELINUX_ANSWERED = 0,
	SELINUX_FAILED = 1,
	SELINUX_OFF = 2, /* SELinux is not in force */
};
