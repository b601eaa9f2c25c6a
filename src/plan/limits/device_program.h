/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/device_program.h - linux.resources.devices, compiled
 *
 * The meaning: an access (mknod, read or write, or several) to a device is allowed if, for each of
 * its bits, the last rule that matches the device and that bit allows it. Without such a rule it is
 * allowed, as in a new v1 cgroup. A rule without type, or of type `a`, matches both types of
 * devices.
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
	bool block, character; /* which types of device */
	uint32_t major, minor;
	uint32_t access; /* BPF_DEVCG_ACC_* */
};

struct device_rules {
	struct device_rule *rules;
	size_t count;
};

struct oci_linux_device_cgroup;

/*
 * Check and translate @count entries of config.json, and append the rules for tare's default
 * devices, which are always allowed. 0, or -1 with @e naming the place.
 */
int device_rules_read(struct device_rules *rules, const struct oci_linux_device_cgroup *entries,
		      size_t count, struct arena *a, struct err *e);

/* No rule denies anything: no program is needed. */
bool device_rules_allow_all(const struct device_rules *rules);

/*
 * The rule as v1's files take it, "c 1:3 rwm", for @block or character devices; "a" for all of
 * them.
 */
const char *device_rule_text(const struct device_rule *rule, bool block, struct arena *a);

/* Does the rule match every device and access? Then v1 takes the single word `a`. */
bool device_rule_is_total(const struct device_rule *rule);

/* The program; at most DEVICE_PROGRAM_MOST instructions, or -1 with @e set. */
#define DEVICE_PROGRAM_MOST 4096
int device_program_make(const struct device_rules *rules, struct arena *a,
			const struct bpf_insn **code, uint32_t *count, struct err *e);
