/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/annotations/allow.h - which annotations may have tare write to, or connect to, something of the host
 *
 * An annotation may come from whoever writes a pod, and tare may be root. So each that reaches out can be switched off, or
 * confined to a directory, by TARE_ALLOW_ANNOTATIONS in the environment of tare, or /etc/tare/tare.conf:
 *
 *	annotation run.oci.hooks.stdout /var/log/hooks		# beneath this directory, and never through a link
 *	annotation run.oci.pidfd_receiver off
 *
 * In the environment the same, as KEY=VALUE with commas between; it has the last word. Without either those of crun are on, as
 * with crun; our own, org.tare.record and org.tare.refused, are off until a rule names a directory for them.
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "plan/plan.h"

#define ALLOW_FILE     "/etc/tare/tare.conf"
#define ALLOW_VARIABLE "TARE_ALLOW_ANNOTATIONS"

struct allowance {
	bool on;
	const char
		*below; /* absolute, without a slash at its end ("" is the root); NULL: anywhere */
	const char *by; /* who says so: "/etc/tare/tare.conf (line 3)" */
};

/*
 * What holds for annotation @key; @env is tare's own environment (NULL: empty). Only called where @key is asked for: the file
 * is read then. 0; or -1, where file or variable make no sense, or others than root may write to the file: nothing is
 * allowed by those.
 */
int allow_find(const char *const *env, const char *key, struct arena *a, struct allowance *found,
	       struct err *e);

/*
 * The same for @value, a path: in @path (NULL inside: it is off), in the arena. @warning: why it is left out, to be
 * logged; NULL: it is not. 0; or -1, also where the path is not absolute or not below the directory that it is confined to.
 */
int allow_path(const char *const *env, const char *key, const char *value, struct arena *a,
	       struct host_path *path, const char **warning, struct err *e);

/* The text of the file, or of the variable where @file is false, for the fuzzer and the tests. */
int allow_parse(const char *text, bool file, const char *key, struct arena *a,
		struct allowance *found, struct err *e);
