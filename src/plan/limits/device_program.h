/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/device_program.h - linux.resources.devices, compiled
 *
 * The meaning: an access (any of mknod, read, write) to a device is allowed if for each of its
 * bits the last rule that matches device and bit allows it; with no such rule it is allowed, as
 * in a fresh v1 cgroup. A rule without type, or of type `a`, is one for both kinds of device.
 *
 * On v1 the rules become lines for devices.deny and devices.allow, on v2 a program
 * (BPF_PROG_TYPE_CGROUP_DEVICE).
 */
#pragma once

#include "base/err.h"
#include "heap/arena.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_ANY UINT32_MAX /* any major, any minor */

struct device_rule {
	bool allow;
	bool block, character; /* which kinds */
	uint32_t major, minor;
	uint32_t access; /* BPF_DEVCG_ACC_* */
};

struct device_rules {
	struct device_rule *rules;
	size_t count;
};

struct oci_linux_device_cgroup;

/*
 * Check and translate @count entries of config.json, and put the rules for tare's default devices
 * behind: they are always allowed. 0, or -1 with @e naming the place.
 */
int device_rules_read(struct device_rules *rules, const struct oci_linux_device_cgroup *entries,
		      size_t count, struct arena *a, struct err *e);

/* Nothing is denied, so nothing needs to be done. */
bool device_rules_allow_all(const struct device_rules *rules);

/* The rule as v1 takes it, "c 1:3 rwm", @block or character; "a" where all of it is meant. */
const char *device_rule_text(const struct device_rule *rule, bool block, struct arena *a);

/* Is it one for everything, so that v1 has the single word `a` for it? */
bool device_rule_is_total(const struct device_rule *rule);

/* The program; at most DEVICE_PROGRAM_MOST instructions, or -1 with @e set. */
#define DEVICE_PROGRAM_MOST 4096
int device_program_make(const struct device_rules *rules, struct arena *a,
			const struct bpf_insn **code, uint32_t *count, struct err *e);
