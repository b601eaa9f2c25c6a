/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/interfaces.c - traffic of a container's network interfaces
 *
 * /proc/PID/net shows the network namespace of that process, so tare need not join it. A container
 * in the host's network namespace has no interfaces of its own, and the host's traffic says nothing
 * about it.
 */
#include "host/interfaces.h"

#include "base/fmt.h"
#include "kernel/procfs.h"

#define MOST_TEXT ((size_t) 1 << 20)

/* Of proc(5), net/dev: eight columns received, then eight sent; behind each name a colon. */
enum column { BYTES, PACKETS, ERRORS, DROPPED, COLUMNS = 8 };

static bool parse_line(char *line, struct interface_stats *i)
{
	uint64_t n[2 * COLUMNS] = { 0 };
	char *colon = strrchr(line, ':');

	if (!colon)
		return false;
	*colon = '\0';

	const char *at = colon + 1;
	for (size_t c = 0; c < 2 * COLUMNS; c++) {
		at += strspn(at, " ");
		if (*at < '0' || *at > '9')
			return false;
		for (; *at >= '0' && *at <= '9'; at++)
			n[c] = n[c] * 10 + (uint64_t) (*at - '0');
	}
	*i = (struct interface_stats) {
		.name = line + strspn(line, " "),
		.rx_bytes = n[BYTES],
		.rx_packets = n[PACKETS],
		.rx_errors = n[ERRORS],
		.rx_dropped = n[DROPPED],
		.tx_bytes = n[COLUMNS + BYTES],
		.tx_packets = n[COLUMNS + PACKETS],
		.tx_errors = n[COLUMNS + ERRORS],
		.tx_dropped = n[COLUMNS + DROPPED],
	};

	return true;
}

void interfaces_parse(char *text, struct arena *a, struct container_stats *stats)
{
	size_t lines = 1, count = 0;
	char *line;

	for (const char *at = text; *at; at++)
		lines += *at == '\n';

	struct interface_stats *items = arena_array(a, lines, sizeof(*items));
	while ((line = strsep(&text, "\n")))
		if (parse_line(line, &items[count]) && strcmp(items[count].name, "lo") != 0)
			count++;
	stats->interfaces = items;
	stats->interface_count = count;
}

static bool is_ours(pid_t pid)
{
	char path[64];
	struct stat own, its;

	fmt_text(path, sizeof(path), "/proc/%d/ns/net", pid);

	return sys_stat_at(AT_FDCWD, "/proc/self/ns/net", 0, &own) == 0 &&
	       sys_stat_at(AT_FDCWD, path, 0, &its) == 0 && own.st_dev == its.st_dev &&
	       own.st_ino == its.st_ino;
}

void interfaces_read(pid_t pid, struct arena *a, struct container_stats *stats)
{
	if (is_ours(pid))
		return;

	char *text = arena_alloc(a, MOST_TEXT);
	(void) proc_read(pid, "net/dev", text, MOST_TEXT);
	interfaces_parse(text, a, stats);
}
