/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cgroup/stats_text.h - reading the files of a cgroup; for stats*.c
 *
 * A file that is missing or malformed reads as nothing: a kernel without one counter must not hide
 * the others.
 */
#pragma once

#include "cgroup/stats.h"

/* The first of @dirs that has @file; NULL: none. */
const char *stats_find(const char *const *dirs, const char *file);

/* The whole of @file of @dir to @text, in @a: 0; or -errno. */
int stats_read(const char *dir, const char *file, struct arena *a, char **text);

/* As stats_read(), but "" where the file can't be read. */
char *stats_text(const char *dir, const char *file, struct arena *a);

/* The decimal number at *@at, which moves behind it; `max` is UINT64_MAX. */
uint64_t stats_number_at(const char **at);

/* The number in @file; 0 where it has none. */
uint64_t stats_number(const char *dir, const char *file, struct arena *a);

/* The number behind `@key ` at the beginning of a line of @text; 0 without such a line. */
uint64_t stats_value(const char *text, const char *key);

/* Take the next line off *@text, changed in place; NULL at the end. */
char *stats_line(char **text);

/* The number of lines in @text. */
size_t stats_lines(const char *text);

/* memory.stat: a line is `key number`. */
const struct stats_pair *stats_pairs(char *text, struct arena *a, size_t *count);

/* `0-2,7` as 0 1 2 7. */
struct stats_numbers stats_list(const char *text, struct arena *a);

/* Numbers with blanks between. */
struct stats_numbers stats_row(const char *text, struct arena *a);

/*
 * One function for each controller and version; false where the container has no such controller.
 */
bool stats_cpu_v1(const char *const *dirs, struct arena *a, struct stats_cpu *cpu);
bool stats_cpuset_v1(const char *const *dirs, struct arena *a, struct stats_cpuset *cpuset);
bool stats_memory_v1(const char *const *dirs, struct arena *a, struct stats_memory *memory);
bool stats_io_v1(const char *const *dirs, struct arena *a, struct stats_io *io);

bool stats_cpu_v2(const char *const *dirs, struct arena *a, struct stats_cpu *cpu);
bool stats_memory_v2(const char *const *dirs, struct arena *a, struct stats_memory *memory);
bool stats_io_v2(const char *const *dirs, struct arena *a, struct stats_io *io);
