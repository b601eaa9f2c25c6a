/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd/request.c - the lines in front of the properties: cgroup/scope.h
 */
#include "systemd/systemd.h"

#include "base/fmt.h"

#include <string.h>

int request_parse(char *text, struct request *request)
{
	*request = (struct request) { .properties = "" };
	while (*text && strncmp(text, "property ", 9) != 0) {
		char *line = strsep(&text, "\n"), *value = line;
		const char *key = strsep(&value, " ");
		unsigned long long pid;

		if (!text || !value)
			return -1;
		if (strcmp(key, "unit") == 0)
			request->unit = value;
		else if (strcmp(key, "bus") == 0)
			request->bus = value;
		else if (strcmp(key, "pid") == 0 && fmt_parse_u64(value, &pid) == 0)
			request->pid = (uint32_t) pid;
		else
			return -1;
	}
	request->properties = text;

	return request->unit ? 0 : -1;
}
