/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/annotations/allow.h - which annotations may have tare write to, or connect to, something of
 * the host
 *
 * The author of a pod may set annotations, while tare may run as root. So each annotation that
 * names something of the host can be switched off, or confined to a directory, by
 * TARE_ALLOW_ANNOTATIONS in the environment of tare, or by /etc/tare/tare.conf:
 *
 *	annotation run.oci.hooks.stdout /var/log/hooks	# below this directory
 *	annotation run.oci.pidfd_receiver off
 *
 * The variable has KEY=VALUE, separated by commas, and overrides the file. Without a rule crun's
 * annotations are on, as with crun; tare's own, org.tare.record and org.tare.refused, are off until
 * a rule names a directory for them.
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"
#include "plan/plan.h"

#define ALLOW_FILE     "/etc/tare/tare.conf"
#define ALLOW_VARIABLE "TARE_ALLOW_ANNOTATIONS"

struct allowance {
	bool on;
	/* absolute, without a slash at its end ("" is the root); NULL: anywhere */
	const char *below;
	const char *by; /* where the rule is: "/etc/tare/tare.conf (line 3)" */
};

/*
 * The allowance for annotation @key; @env is tare's own environment (NULL: empty). Only called
 * where config.json has @key: the file is read then. 0; or -1, where the file or the variable is
 * malformed, or where a user other than root may write to the file: then nothing is allowed.
 */
int allow_find(const char *const *env, const char *key, struct arena *a, struct allowance *found,
	       struct err *e);

/*
 * As allow_find(), for @value, a path: @path gets it, in the arena (its path is NULL where the
 * annotation is switched off). @warning: why the path is left out, to be logged; NULL: it is not
 * left out. 0; or -1, also where the path is not absolute or not below the directory that the key
 * is confined to.
 */
int allow_path(const char *const *env, const char *key, const char *value, struct arena *a,
	       struct host_path *path, const char **warning, struct err *e);

/*
 * As allow_find(), for the fuzzer and the tests: @text is that of the file, or of the variable
 * where @file is false.
 */
int allow_parse(const char *text, bool file, const char *key, struct arena *a,
		struct allowance *found, struct err *e);
