/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/hooks.h - the stages of hooks
 */
#pragma once

#include "libocispec/oci_types.h"

#define HOOK_STAGES 6

/* crun's annotations: absolute paths of files to which the output of all hooks is appended. */
#define HOOKS_STDOUT "run.oci.hooks.stdout"
#define HOOKS_STDERR "run.oci.hooks.stderr"

/* The names, in the order of a container's life: "prestart" first, "poststop" last. */
extern const char *const hook_stage_names[HOOK_STAGES];

/* The hooks of stage @i. @hooks may be NULL: none. */
const struct oci_hook *hook_list(const struct oci_hooks *hooks, size_t i, size_t *count);
