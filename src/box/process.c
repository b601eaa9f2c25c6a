/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/process.c - the program: what is executed, where, with which environment and rights
 */
#include "box/box.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/units.h"
#include "kernel/sys.h"
#include "libocispec/names.h"
#include "plan/annotations/annotation.h"
#include "plan/process/caps.h"

#include <limits.h>
#include <linux/capability.h>
#include <strings.h>

/* ---- program and directory ---- */

static const char *const shells[] = { "/bin/bash", "/bin/sh" };

/*
 * The user's own shell, or another that exists. busybox without links is a shell by its argument.
 */
static void choose_shell(struct box *b)
{
	const char **args = arena_array(b->arena, 3, sizeof(*args));

	b->process.args = args;
	b->process.args_count = 1;
	box_annotate(b, ANNOTATION_LOGIN, "1");
	if (b->account.shell && b->account.shell[0] == '/' &&
	    box_has_program(b, b->account.shell)) {
		args[0] = b->account.shell;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		if (box_has_program(b, shells[i])) {
			args[0] = shells[i];
			return;
		}
	args[0] = "/bin/sh";
	if (!box_has_program(b, "/bin/busybox"))
		return;
	/* Not a login shell: as "-busybox" it would not find its applet. */
	b->config.annotations->count--;
	args[0] = "/bin/busybox";
	args[1] = "sh";
	b->process.args_count = 2;
}

static int choose_program(struct box *b, struct err *e)
{
	const char **args = arena_array(b->arena, 2, sizeof(*args));

	if (b->command[0]) {
		b->process.args = (const char **) b->command;
		b->process.args_count = list_length(b->command);
	} else if (b->options->boot) {
		args[0] = box_find_init(b, e);
		b->process.args = args;
		b->process.args_count = 1;
	} else {
		choose_shell(b);
	}
	if (!b->options->no_init && !b->options->boot)
		box_annotate(b, ANNOTATION_INIT, "1");

	return b->process.args[0] ? 0 : -1;
}

/*
 * Is @path a directory in ROOT, or in what will be mounted there? @unknown: the answer for a path
 * in a file system that is not mounted yet.
 */
static bool has_directory(const struct box *b, const char *path, bool unknown)
{
	const char *rest;
	const struct oci_mount *mount = box_mount_of(b, path, &rest);
	struct stat st;

	if (!mount)
		return box_has_directory(b, path);
	if (strcmp(mount->type, "tmpfs") == 0)
		return rest[0] == '\0';
	if (strcmp(mount->type, "bind") != 0)
		return rest[0] == '\0' || unknown;

	const char *source = arena_printf(b->arena, "%s%s", mount->source, rest);

	return sys_stat_at(AT_FDCWD, source, 0, &st) == 0 && S_ISDIR(st.st_mode);
}

static int choose_directory(struct box *b, struct err *e)
{
	const char *cwd = b->options->cwd;
	char own[PATH_MAX];

	/* In the host's tree the working directory stays the caller's. */
	if (!cwd && b->whole && sys_getcwd(own, sizeof(own)) > 0 && has_directory(b, own, false)) {
		b->process.cwd = arena_strdup(b->arena, own);
		return 0;
	}
	if (!cwd) {
		b->process.cwd = has_directory(b, b->account.home, false) ? b->account.home : "/";
		return 0;
	}
	if (cwd[0] != '/')
		return box_refuse(b, "cwd", cwd, e, "the path is not absolute");
	if (!has_directory(b, cwd, true))
		return box_refuse(b, "cwd", cwd, e, "there is no such directory in the image");
	b->process.cwd = cwd;
	box_origin(b, "/process/cwd", "cwd", cwd);

	return 0;
}

/* ---- the environment ---- */

static const char default_path[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/*
 * Variables of the caller that --keep-env never passes on: paths in the caller's own root, and
 * those that act on the loader.
 */
static const char *const left_out[] = {
	"LD_",	   "PATH=",	     "HOME=",	       "TMPDIR=",
	"PREFIX=", "ANDROID_",	     "BOOTCLASSPATH=", "DEX2OATBOOTCLASSPATH=",
	"LISTEN_", "NOTIFY_SOCKET=", "PWD=",	       "OLDPWD=",
};

static bool is_left_out(const char *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(left_out); i++)
		if (strncmp(entry, left_out[i], strlen(left_out[i])) == 0)
			return true;

	return false;
}

static const char *callers(const struct box *b, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; b->env[i]; i++)
		if (strncmp(b->env[i], name, length) == 0 && b->env[i][length] == '=')
			return b->env[i];

	return NULL;
}

static size_t add_given(struct box *b, const char **env, size_t count)
{
	const struct text_list *given = &b->options->env;

	for (size_t i = 0; i < given->count; i++) {
		const char *entry = strchr(given->items[i], '=') ? given->items[i]
								 : callers(b, given->items[i]);

		if (entry)
			env[count++] = entry;
	}

	return count;
}

/* Of two entries with one name the planner takes the later one. */
static void choose_environment(struct box *b)
{
	size_t own = list_length(b->env), count = 0;
	const char **env = arena_array(b->arena, own + b->options->env.count + 16, sizeof(*env));
	const char *name = b->account.name, *shell = b->account.shell;

	for (size_t i = 0; b->options->keep_env && i < own; i++)
		if (!is_left_out(b->env[i]))
			env[count++] = b->env[i];
	env[count++] = default_path;
	env[count++] = arena_printf(b->arena, "HOME=%s", b->account.home);
	if (!name)
		name = arena_printf(b->arena, "%u", b->account.uid);
	env[count++] = arena_printf(b->arena, "USER=%s", name);
	env[count++] = arena_printf(b->arena, "LOGNAME=%s", name);
	env[count++] = arena_printf(b->arena, "SHELL=%s", shell ? shell : "/bin/sh");
	env[count++] = "container=tare";
	if (callers(b, "TERM"))
		env[count++] = callers(b, "TERM");
	b->process.env_count = add_given(b, env, count);
	b->process.env = env;
}

static int check_environment(struct box *b, struct err *e)
{
	const struct text_list *given = &b->options->env;

	for (size_t i = 0; i < given->count; i++)
		if (given->items[i][0] == '=' || given->items[i][0] == '\0')
			return box_refuse(b, "env", given->items[i], e, "there is no name");

	return 0;
}

/* ---- capabilities ---- */

/*
 * The capabilities that package managers and daemons of an image need, and that do not reach beyond
 * the box.
 */
static const uint8_t usual_caps[] = {
	CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FOWNER,  CAP_FSETID,		  CAP_KILL,
	CAP_SETGID,  CAP_SETUID,       CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE,
	CAP_SETFCAP,
};

/* Longer lists are no help; and they must fit into err.hint. */
#define MOST_SUGGESTED 150

/* Without CAP_, in lower case, as --cap takes it. */
static const char *short_name(struct box *b, unsigned capability)
{
	char *name = arena_strdup(b->arena, caps_name(capability) + strlen("CAP_"));

	for (char *at = name; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at |= 0x20;

	return name;
}

static size_t common_prefix(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && (a[n] | 0x20) == (b[n] | 0x20))
		n++;

	return n;
}

/* A misspelt name is similar to one name; an abbreviation (net, sys) begins several of them. */
static int suggest_capability(struct box *b, const char *word, struct err *e)
{
	struct names_nearest nearest = { .word = word, .word_length = strlen(word) };
	const char *alike = NULL;
	size_t longest = 1;

	for (unsigned i = 0, known = caps_count(); i < known; i++) {
		const char *name = short_name(b, i);
		size_t common = common_prefix(word, name);

		names_nearest_try(&nearest, name, strlen(name));
		if (common > longest)
			alike = NULL;
		if (common >= longest) {
			longest = common;
			alike = alike ? arena_printf(b->arena, "%s, %s", alike, name) : name;
		}
	}
	if (!nearest.name && alike && !strchr(alike, ','))
		nearest.name = alike;
	if (nearest.name)
		return err_hint(e, "did you mean \"%s\"?", nearest.name);
	if (alike && strlen(alike) <= MOST_SUGGESTED)
		return err_hint(e, "did you mean one of %s?", alike);

	return err_hint(e, "capabilities(7) lists them");
}

static int refuse_capability(struct box *b, const char *value, const char *word, struct err *e)
{
	(void) box_refuse(b, "cap", value, e, "unknown capability \"%s\"", word);
	if (strncasecmp(word, "CAP_", 4) == 0)
		word += 4;

	return suggest_capability(b, word, e);
}

struct caps_choice {
	uint64_t set;
	uint64_t asked; /* capabilities named with a plus */
};

static int change_caps(struct box *b, const char *value, struct caps_choice *c, struct err *e)
{
	const char *at = value, *word;

	while ((word = box_next_word(b, &at))) {
		bool minus = word[0] == '-';
		const char *name = word + (minus || word[0] == '+');
		int number = caps_number(name);
		uint64_t bits;

		if (number < 0)
			number = caps_number(arena_printf(b->arena, "CAP_%s", name));
		if (strcmp(name, "all") == 0)
			bits = b->facts->last_cap < 63
				       ? ((uint64_t) 1 << (b->facts->last_cap + 1)) - 1
				       : ~(uint64_t) 0;
		else if (strcmp(name, "none") == 0)
			bits = 0;
		else if (number >= 0)
			bits = (uint64_t) 1 << number;
		else
			return refuse_capability(b, value, name, e);
		if (strcmp(name, "none") == 0)
			*c = (struct caps_choice) { 0 };
		else if (minus)
			c->set &= ~bits, c->asked &= ~bits;
		else
			c->set |= bits, c->asked |= bits;
	}

	return 0;
}

static const char **name_caps(struct box *b, uint64_t set, size_t *count)
{
	const char **names = arena_array(b->arena, 64, sizeof(*names));

	*count = 0;
	/* --privileged has all bits set; a number beyond the kernel's last has no name. */
	for (unsigned i = 0; i < 64 && i <= b->facts->last_cap; i++)
		if (set & ((uint64_t) 1 << i))
			names[(*count)++] = caps_name(i);

	return names;
}

/* A capability that a flag names must be granted: the planner alone would only warn. */
static int check_caps(struct box *b, const struct caps_choice *c, struct err *e)
{
	const struct text_list *given = &b->options->caps;
	uint64_t missing = b->user_namespace ? 0 : c->asked & ~b->facts->capabilities;

	for (unsigned i = 0; i < 64; i++)
		if (missing & ((uint64_t) 1 << i))
			return box_refuse(b, "cap", given->items[given->count - 1], e,
					  "%s can't be granted: tare does not have it itself",
					  caps_name(i));

	return 0;
}

static int choose_caps(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	struct oci_capabilities *sets = arena_new(b->arena, struct oci_capabilities);
	struct caps_choice c = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(usual_caps); i++)
		c.set |= (uint64_t) 1 << usual_caps[i];
	if (o->privileged)
		c.set = b->user_namespace ? ~(uint64_t) 0 : b->facts->capabilities;
	for (size_t i = 0; i < o->caps.count; i++)
		if (change_caps(b, o->caps.items[i], &c, e) < 0)
			return -1;
	if (check_caps(b, &c, e) < 0)
		return -1;
	/* The default set only has capabilities that tare itself has. */
	if (!b->user_namespace)
		c.set &= b->facts->capabilities;

	sets->bounding = name_caps(b, c.set, &sets->bounding_count);
	sets->effective = name_caps(b, c.set, &sets->effective_count);
	sets->permitted = name_caps(b, c.set, &sets->permitted_count);
	/* capabilities(7): an ordinary user keeps only the ambient set over an exec. */
	if (b->account.uid != 0) {
		sets->inheritable = name_caps(b, c.asked, &sets->inheritable_count);
		sets->ambient = name_caps(b, c.asked, &sets->ambient_count);
	}
	b->process.capabilities = sets;

	return 0;
}

/* ---- limits of the process ---- */

static bool read_limit(const char *text, uint64_t *value)
{
	unsigned long long number;

	if (strcmp(text, "unlimited") == 0) {
		*value = UINT64_MAX;
		return true;
	}
	if (fmt_parse_u64(text, &number) < 0)
		return false;
	*value = number;

	return true;
}

/* "nofile", "NOFILE", "RLIMIT_NOFILE" */
static const char *rlimit_type(struct box *b, const char *name, size_t length)
{
	char *type = arena_printf(b->arena, "RLIMIT_%.*s", (int) length, name);

	for (char *at = type; *at; at++)
		if (*at >= 'a' && *at <= 'z')
			*at &= ~0x20;

	return strncmp(type, "RLIMIT_RLIMIT_", 14) == 0 ? type + 7 : type;
}

static int read_rlimit(struct box *b, const char *value, struct oci_rlimit *limit, struct err *e)
{
	const char *equals = strchr(value, '=');
	char *soft = equals ? arena_strdup(b->arena, equals + 1) : NULL;
	char *hard = soft ? strchr(soft, ':') : NULL;

	if (hard)
		*hard++ = '\0';
	if (!soft || !read_limit(soft, &limit->soft) ||
	    !read_limit(hard ? hard : soft, &limit->hard))
		return box_refuse(b, "rlimit", value, e,
				  "it is NAME=SOFT or NAME=SOFT:HARD, numbers or unlimited");
	limit->type = rlimit_type(b, value, (size_t) (equals - value));
	limit->has_soft = limit->has_hard = true;

	return 0;
}

static int choose_rlimits(struct box *b, struct err *e)
{
	const struct text_list *given = &b->options->rlimits;
	struct oci_rlimit *list = arena_array(b->arena, given->count, sizeof(*list));
	const char **words = arena_array(b->arena, given->count, sizeof(*words));
	size_t count = 0;

	for (size_t i = 0; i < given->count; i++) {
		struct oci_rlimit limit = { 0 };
		size_t k = 0;

		if (read_rlimit(b, given->items[i], &limit, e) < 0)
			return -1;
		/* The last value of a type counts: that of a profile comes first. */
		while (k < count && strcmp(list[k].type, limit.type) != 0)
			k++;
		list[k] = limit;
		words[k] = given->items[i];
		count += k == count;
	}
	for (size_t k = 0; k < count; k++)
		box_origin(b, arena_printf(b->arena, "/process/rlimits/%zu", k), "rlimit",
			   words[k]);
	b->process.rlimits = list;
	b->process.rlimits_count = count;

	return 0;
}

static int choose_oom_score(struct box *b, struct err *e)
{
	const char *word = b->options->oom_score;
	int64_t score;

	if (!word)
		return 0;
	if (units_parse_integer(word, &score) < 0 || score < -1000 || score > 1000)
		return box_refuse(b, "oom-score", word, e, "it is a number from -1000 to 1000");
	b->process.has_oom_score_adj = true;
	b->process.oom_score_adj = (int32_t) score;
	box_origin(b, "/process/oomScoreAdj", "oom-score", word);

	return 0;
}

static int choose_terminal(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	/* Without a devpts no pty can be made. */
	bool lacks = b->level[WISH_PTS] > 1 || b->level[WISH_DEV] > 1;

	if (o->tty && b->detach)
		return box_refuse(b, "tty", NULL, e, "a detached box has no terminal");
	if (o->tty && lacks)
		return box_refuse(b, "tty", NULL, e, "there is no /dev/pts, or no /dev, for it");
	b->process.has_terminal = true;
	b->process.terminal = !b->detach && !o->no_tty && (o->tty || b->terminal) && !lacks;
	if (o->tty)
		box_origin(b, "/process/terminal", "tty", NULL);

	return 0;
}

int box_process(struct box *b, struct err *e)
{
	if (choose_program(b, e) < 0 || check_environment(b, e) < 0 || choose_directory(b, e) < 0 ||
	    choose_caps(b, e) < 0 || choose_rlimits(b, e) < 0 || choose_oom_score(b, e) < 0 ||
	    choose_terminal(b, e) < 0)
		return -1;
	choose_environment(b);
	if (b->options->no_new_privs)
		b->process.has_no_new_privileges = b->process.no_new_privileges = true;

	return 0;
}
