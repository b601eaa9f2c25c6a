/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/process/landlock.c - the annotation org.tare.landlock: files, TCP and processes that the
 * program may have access to
 *
 * landlock(7) adds to what mounts and namespaces forbid, and needs neither them nor root. The value
 * has one word a line. `tcp`, `sockets` and `signals` are refused altogether; `read PATH` and
 * `write PATH` are the only accesses to files that are allowed. A right that the kernel's ABI does
 * not know can't be refused; box/landlock.c asks sys_landlock_abi() and warns.
 */
#include "plan/annotations/annotation.h"

#include "base/table.h"
#include "kernel/landlock.h"
#include "kernel/since.h"

static const char place[] = "/annotations/" ANNOTATION_LANDLOCK;

/* Rights to files, by the ABI that introduced them. */
static const struct {
	int abi;
	uint64_t rights;
} file_rights[] = {
	{ 1, LANDLOCK_ALL_OF_ABI1 },
	{ 2, LANDLOCK_REFER },
	{ 3, LANDLOCK_TRUNCATE },
	{ 5, LANDLOCK_IOCTL_DEV },
};

/* The words of lines without a path. */
static const struct {
	const char *name;
	int abi;
	uint64_t tcp, scoped;
} words[] = {
	{ "tcp", 4, LANDLOCK_TCP, 0 },
	{ "sockets", 6, 0, LANDLOCK_SOCKETS },
	{ "signals", 6, 0, LANDLOCK_SIGNALS },
};

static int read_word(struct landlock_step *l, const char *line, int abi, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].name, line) != 0)
			continue;
		if (abi >= words[i].abi) {
			l->tcp |= words[i].tcp;
			l->scoped |= words[i].scoped;
		}
		return 0;
	}

	return err_cfg(e, place, "\"%s\" is not a word of it", line);
}

static int read_line(struct landlock_step *l, struct landlock_rule *rules, const char *line,
		     int abi, struct err *e)
{
	static const uint64_t reading = LANDLOCK_EXECUTE | LANDLOCK_READ_FILE | LANDLOCK_READ_DIR;
	const char *path = strchr(line, ' ');
	bool writes = path && strncmp(line, "write ", 6) == 0;

	if (!path)
		return read_word(l, line, abi, e);
	if (!writes && strncmp(line, "read ", 5) != 0)
		return err_cfg(e, place, "\"%s\" is not a word of it", line);
	if (path[1] != '/')
		return err_cfg(e, place, "\"%s\" is not absolute", path + 1);
	rules[l->count++] = (struct landlock_rule) {
		.path = path + 1,
		.access = writes ? l->files : l->files & reading,
	};

	return 0;
}

int plan_landlock(struct planner *p, struct err *e)
{
	const char *value = plan_annotation_value(p, ANNOTATION_LANDLOCK);
	struct landlock_step step = { 0 };

	if (!value || !p->config->process)
		return 0;

	int abi = sys_landlock_abi();
	if (abi == 0) {
		(void) err_cfg(e, place, "the program can't be restricted");
		return err_lacks(e, SINCE_LANDLOCK);
	}
	/* landlock(7): without no_new_privs only CAP_SYS_ADMIN may restrict itself. */
	if (!p->config->process->no_new_privileges)
		return err_cfg(e, place, "it takes process.noNewPrivileges");
	for (size_t i = 0; i < ARRAY_SIZE(file_rights); i++)
		step.files |= abi >= file_rights[i].abi ? file_rights[i].rights : 0;

	char *text = arena_strdup(p->arena, value), *line;
	size_t most = 1;
	for (const char *at = text; *at; at++)
		most += *at == '\n';

	struct landlock_rule *rules = arena_array(p->arena, most, sizeof(*rules));
	while ((line = strsep(&text, "\n")))
		if (line[0] && read_line(&step, rules, line, abi, e) < 0)
			return -1;
	step.rules = rules;
	plan_add(p, OP_RESTRICT, place)->landlock = step;

	return 0;
}
