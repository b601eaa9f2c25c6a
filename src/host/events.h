/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/events.h - events: what a container uses, and what happens to it
 */
#pragma once

#include "cgroup/stats.h"
#include "state/record.h"

struct interface_stats {
	const char *name;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct container_stats {
	struct cgroup_stats cgroup;
	const struct interface_stats *interfaces; /* but for lo; none in the host's namespace */
	size_t interface_count;
};

enum event_kind {
	EVENT_STATS,
	EVENT_OOM,  /* the kernel killed one of its processes for its memory limit */
	EVENT_EXIT, /* its first process ended */
};

/*
 * Called for one event. @stats: with EVENT_STATS only, and valid only during the call. 0, or -1
 * with @e set.
 */
typedef int event_sink(enum event_kind kind, const struct container_stats *stats, void *context,
		       struct err *e);

/* The present usage. "container with id ID is not running". */
int container_stats(const struct state_root *root, const char *id, event_sink *sink, void *context,
		    struct err *e);

/*
 * Report usage every @interval milliseconds, and other events as they come, until all processes of
 * the container have ended.
 */
int container_events(const struct state_root *root, const char *id, int64_t interval,
		     event_sink *sink, void *context, struct err *e);
