/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/annotations/allow.c - which annotations may have tare write to, or connect to, something of
 * the host
 *
 * Runs in tare while it decides. A malformed rule is an error: to skip a misspelled "off" would
 * leave the annotation on.
 */
#include "plan/annotations/allow.h"

#include "base/table.h"
#include "base/words.h"
#include "heap/json_text.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

#include <string.h>

#define FILE_SIZE 65536

/*
 * A key that ends in a dot stands for all keys with that prefix. @path: the value is a path of the
 * host, which can be confined. @confined: an annotation of tare's own, which is off until a rule
 * names a directory for it.
 */
static const struct {
	const char *key;
	bool path, confined;
} known[] = {
	{ .key = "run.oci.hooks.stdout", .path = true },
	{ .key = "run.oci.hooks.stderr", .path = true },
	{ .key = "run.oci.pidfd_receiver", .path = true },
	{ .key = "run.oci.seccomp.receiver", .path = true },
	{ .key = "org.criu.config", .path = true },
	{ .key = "org.systemd.property." },
	{ .key = "org.tare.record", .path = true, .confined = true },
	{ .key = "org.tare.refused", .path = true, .confined = true },
};

static bool covers(const char *rule, const char *key)
{
	size_t length = strlen(rule);

	return rule[length - 1] == '.' ? strncmp(rule, key, length) == 0 : strcmp(rule, key) == 0;
}

/* ---- one rule ---- */

struct rule {
	const char *key, *value, *by;
};

static int refuse(const struct rule *r, struct err *e, const char *why)
{
	err_msg(e, "%s: %s", r->by, why);

	return err_hint(e, "a rule is an annotation and on, off or an absolute directory");
}

/* 1: the rule is about @key, and is in @found; 0: the rule is about another key; -1. */
static int apply(const struct rule *r, const char *key, struct arena *a, struct allowance *found,
		 struct err *e)
{
	size_t i = 0, length = strlen(r->value);

	while (i < ARRAY_SIZE(known) && strcmp(known[i].key, r->key) != 0)
		i++;
	if (i == ARRAY_SIZE(known))
		return refuse(
			r, e,
			arena_printf(a, "\"%s\" is no annotation that can be switched", r->key));

	bool off = strcmp(r->value, "off") == 0, on = strcmp(r->value, "on") == 0;
	if (known[i].confined && on)
		return refuse(r, e, arena_printf(a, "\"%s\" takes a directory, or off", r->key));
	if (!on && !off && (r->value[0] != '/' || !known[i].path))
		return refuse(r, e,
			      arena_printf(a, "\"%s\" is no value for \"%s\"", r->value, r->key));
	if (!covers(r->key, key))
		return 0;
	while (length > 0 && r->value[length - 1] == '/')
		length--;
	*found = (struct allowance) {
		.on = !off,
		.below = on || off ? NULL : arena_memdup(a, r->value, length),
		.by = r->by,
	};

	return 1;
}

/* ---- file and variable ---- */

/* Cut the next word off *@rest, and move *@rest behind it; NULL: there is no further word. */
static char *next_word(char **rest, const char *separators)
{
	char *word = *rest + strspn(*rest, separators);
	size_t length = strcspn(word, separators);

	if (length == 0)
		return NULL;
	*rest = word + length + (word[length] != '\0' ? 1 : 0);
	word[length] = '\0';

	return word;
}

static int parse_line(char *line, unsigned number, const char *key, struct arena *a,
		      struct allowance *found, struct err *e)
{
	struct rule r = { .by = arena_printf(a, ALLOW_FILE " (line %u)", number) };

	line[strcspn(line, "#")] = '\0';

	const char *word = next_word(&line, " \t\r");
	if (!word)
		return 0;
	r.key = next_word(&line, " \t\r");
	r.value = r.key ? next_word(&line, " \t\r") : NULL;
	if (strcmp(word, "annotation") != 0 || !r.value || next_word(&line, " \t\r"))
		return refuse(&r, e, "it is not \"annotation NAME on|off|DIRECTORY\"");

	return apply(&r, key, a, found, e) < 0 ? -1 : 0;
}

static int parse_entry(char *entry, const char *key, struct arena *a, struct allowance *found,
		       struct err *e)
{
	char *equals = strchr(entry, '=');
	struct rule r = { .key = entry, .value = equals ? equals + 1 : "", .by = ALLOW_VARIABLE };

	if (!equals)
		return refuse(&r, e, arena_printf(a, "\"%s\" is not NAME=on|off|DIRECTORY", entry));
	*equals = '\0';

	return apply(&r, key, a, found, e) < 0 ? -1 : 0;
}

int allow_parse(const char *text, bool file, const char *key, struct arena *a,
		struct allowance *found, struct err *e)
{
	char *rest = arena_strdup(a, text), *part;

	for (unsigned number = 1; (part = strsep(&rest, file ? "\n" : ",")); number++)
		if (file ? parse_line(part, number, key, a, found, e) < 0
			 : part[0] && parse_entry(part, key, a, found, e) < 0)
			return -1;

	return 0;
}

/* The text of the file, "" where there is no file; NULL with @e set. */
static const char *read_file(struct arena *a, struct err *e)
{
	char *text = arena_alloc(a, FILE_SIZE + 1);
	struct stat st;

	autoclose int fd = sys_open(ALLOW_FILE, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return "";

	int r = fd < 0 ? fd : sys_stat(fd, &st);
	if (r < 0) {
		(void) err_sys(e, r, "open \"" ALLOW_FILE "\"");
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 || st.st_uid != 0) {
		(void) err_msg(e, "\"" ALLOW_FILE "\" is not a file that root alone may write to");
		return NULL;
	}

	ssize_t n = sys_read_all(fd, text, FILE_SIZE + 1);
	if (n < 0 || n > FILE_SIZE) {
		(void) err_sys(e, n < 0 ? (int) n : -EFBIG, "read \"" ALLOW_FILE "\"");
		return NULL;
	}
	text[n] = '\0';

	return text;
}

static bool is_confined(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].confined && covers(known[i].key, key))
			return true;

	return false;
}

int allow_find(const char *const *env, const char *key, struct arena *a, struct allowance *found,
	       struct err *e)
{
	const char *text = read_file(a, e), *variable = env_value(env, ALLOW_VARIABLE);

	*found = (struct allowance) { .on = !is_confined(key) };
	if (!text || allow_parse(text, true, key, a, found, e) < 0)
		return -1;

	return allow_parse(variable ? variable : "", false, key, a, found, e);
}

/* ---- a path ---- */

int allow_path(const char *const *env, const char *key, const char *value, struct arena *a,
	       struct host_path *path, const char **warning, struct err *e)
{
	const char *place = arena_printf(a, "/annotations/%s", json_pointer_token(a, key));
	struct allowance found;

	*path = (struct host_path) { .path = NULL };
	*warning = NULL;
	if (allow_find(env, key, a, &found, e) < 0)
		return -1;
	if (!found.on && !found.by) {
		*warning = arena_printf(a,
					"%s: this annotation is off until " ALLOW_FILE
					" or " ALLOW_VARIABLE
					" names a directory for it: it is left out",
					place);
		return 0;
	}
	if (!found.on) {
		*warning =
			arena_printf(a, "%s: %s has switched this annotation off: it is left out",
				     place, found.by);
		return 0;
	}
	if (value[0] != '/')
		return err_cfg(e, place, "\"%s\" is not absolute", value);

	size_t length = found.below ? strlen(found.below) : 0;
	if (found.below && (strncmp(value, found.below, length) != 0 || value[length] != '/'))
		return err_cfg(e, place, "\"%s\" is not below \"%s\", which %s confines it to",
			       value, found.below, found.by);
	*path = (struct host_path) { .path = arena_strdup(a, value), .below = found.below };

	return 0;
}
