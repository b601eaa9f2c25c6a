/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/signals.h - signals by name
 */
#pragma once

#include <stddef.h>

#define SIGNAL_LAST 64

struct signal_name {
	const char *name; /* without SIG */
	int number;
};

extern const struct signal_name signal_names[];
extern const size_t signal_name_count;

/*
 * `KILL`, `SIGKILL`, `9`, in any case; `RTMIN`, `RTMIN+N`, `RTMAX-N`, `RTMAX`. The number, 1 to
 * SIGNAL_LAST; 0: @word is no signal.
 */
int signal_parse(const char *word);
