/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/namespaces/namespaces.h - the kinds of namespaces
 */
#pragma once

#include <stdint.h>

#define NAMESPACE_KINDS 8

struct namespace_kind {
	const char *name; /* "network", as config.json has it */
	uint64_t type;	  /* CLONE_NEW* */
	const char *own;  /* the namespace that we are in: "/proc/self/ns/net" */
};

/*
 * In the order of joining: the user namespace first, as it gives the right to join the others; the
 * mount namespace last.
 */
extern const struct namespace_kind namespace_kinds[NAMESPACE_KINDS];
