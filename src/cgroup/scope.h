/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/scope.h - a container's systemd scope: started and stopped
 *
 * Runs in tare, for create, run and delete with --systemd-cgroup, and for nothing else. tare does
 * not speak D-Bus itself: each function starts the program tare-systemd once, which makes one
 * connection. tare-systemd is looked for where it was installed, then beside our own executable; no
 * environment variable names it.
 *
 * tare-systemd VERB reads lines on its standard input, then those of plan/systemd/property.h:
 *
 *	unit NAME
 *	bus ADDRESS		the user's; without, it is the system's
 *	pid N			start only; the verbs are start, set and stop
 *
 * It prints nothing and exits 0; or a line that says why, maybe a second one with the remedy (empty
 * where there is none) and a third one with the property at fault, and exits 1: nothing is changed,
 * or 2: something may be.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct scope {
	const char *unit;
	const char *bus; /* NULL: the system's */
};

struct scope_refusal {
	bool surely;	    /* it is certain that there is no such scope of ours */
	char property[128]; /* the property that systemd refuses; "": none, or not known */
};

/*
 * Have systemd make the scope, with @pid in it, and wait until it exists. @interrupt: a descriptor
 * that becomes readable when the wait is to be given up; -1: none. 0; or -1 with @refusal set.
 */
int scope_start(const struct scope *scope, const char *properties, pid_t pid, int interrupt,
		struct scope_refusal *refusal, struct err *e);

/* Change properties of a scope that exists, until it ends. */
int scope_set(const struct scope *scope, const char *properties, struct err *e);

/* Stop the scope, and reset its failed state. A missing scope is no failure. */
int scope_stop(const struct scope *scope, struct err *e);
