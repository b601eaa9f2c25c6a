/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/box_profile.c - the flags of a box in a file: @NAME, --profile, --save
 *
 * A flag a line, as on the command line but without its dashes; `#` begins a comment line. `root`
 * and `command` are ROOT and, a word a line, the program. Each line becomes a word of the command
 * line, in front of the words that were typed: so the same parser reads both, and a typed flag
 * overrides a line.
 */
#include "cli/box.h"

#include "base/table.h"
#include "heap/output_file.h"
#include "kernel/fd.h"
#include "kernel/process.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>

#define MOST_PROFILE ((size_t) 64 * 1024)

struct profile {
	const char *path;
	const char **flags; /* "--name=value" */
	size_t flag_count;
	const char *root;
	const char **command;
	size_t command_count;
};

/* ---- the path of a profile ---- */

/*
 * The directory of profiles: /etc/tare/box for root, else below $XDG_CONFIG_HOME or ~/.config.
 * NULL: the user has none.
 */
static const char *directory_of_user(struct call *call)
{
	const char *config = env_value(call->env, "XDG_CONFIG_HOME");
	const char *home = env_value(call->env, "HOME");

	if (config && config[0] == '/')
		return arena_printf(call->arena, "%s/tare/box", config);

	return home && home[0] == '/' ? arena_printf(call->arena, "%s/.config/tare/box", home)
				      : NULL;
}

static const char system_directory[] = "/etc/tare/box";

/* Root only uses the system's profiles, not those that the environment names. */
static const char *find(struct call *call, const char *name)
{
	const char *own = sys_euid() == 0 ? NULL : directory_of_user(call), *path;

	if (strchr(name, '/'))
		return name;
	path = own ? arena_printf(call->arena, "%s/%s", own, name) : NULL;
	if (path && sys_access_at(AT_FDCWD, path, F_OK) == 0)
		return path;

	return arena_printf(call->arena, "%s/%s", system_directory, name);
}

/* ---- reading ---- */

/* A pipe without a name, of the caller's shell: `--profile <(...)`. A FIFO may have no writer. */
static bool is_pipe(int fd, const struct stat *st)
{
	struct statfs fs;

	return S_ISFIFO(st->st_mode) && sys_statfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
}

/* A user who can write to the profile would decide what root runs. */
static int check_owner(int fd, const char *path, const struct stat *st, struct err *e)
{
	if (!S_ISREG(st->st_mode) && !is_pipe(fd, st))
		return err_msg(e, "profile \"%s\" is not a regular file", path);
	if ((size_t) st->st_size > MOST_PROFILE)
		return err_msg(e, "profile \"%s\" is larger than %zu bytes", path, MOST_PROFILE);
	if (sys_euid() == 0 && ((st->st_mode & 022) || st->st_uid != 0))
		return err_msg(e, "profile \"%s\" can be written to by others than root", path);

	return 0;
}

static int read_text(const char *path, struct arena *a, char **text, struct err *e)
{
	autoclose int fd = sys_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int r = fd < 0 ? fd : sys_stat(fd, &st);

	if (r < 0)
		return err_sys(e, r, "profile \"%s\"", path);
	if (check_owner(fd, path, &st, e) < 0)
		return -1;

	size_t size = S_ISREG(st.st_mode) ? (size_t) st.st_size : MOST_PROFILE + 1;
	*text = arena_alloc(a, size + 1);

	/* The writer of a pipe may be slow. */
	sys_set_status_flags(fd, O_RDONLY);
	ssize_t length = sys_read_all(fd, *text, size);
	if (length < 0)
		return err_sys(e, (int) length, "profile \"%s\"", path);
	if ((size_t) length > MOST_PROFILE)
		return err_msg(e, "profile \"%s\" is larger than %zu bytes", path, MOST_PROFILE);
	/* A file that was written just before a power failure may be all zeros: no flag would count. */
	if (memchr(*text, '\0', (size_t) length))
		return err_msg(e, "profile \"%s\" has a byte 0 in it: it is no text", path);

	return 0;
}

/* Is it a flag of box, with a value that it takes? */
static int check_word(struct call *call, const char *word, struct err *e)
{
	static const struct flag_table *const tables[] = { &box_flags, NULL };
	const char *const argv[] = { word, NULL };
	struct options scratch = { 0 };
	struct words rest;

	return options_parse(tables, true, argv, call->arena, &scratch, &rest, e);
}

static int read_line(struct call *call, struct profile *p, char *line, struct err *e)
{
	char *name = line + strspn(line, " \t"), *value = name + strcspn(name, " \t");
	const char *word;

	if (*name == '\0' || *name == '#')
		return 0;
	if (*value) {
		*value++ = '\0';
		value += strspn(value, " \t");
	}
	if (strcmp(name, "root") == 0) {
		p->root = value;
		return 0;
	}
	if (strcmp(name, "command") == 0) {
		p->command = arena_append(call->arena, p->command, p->command_count++, value);
		return 0;
	}
	if (strcmp(name, "profile") == 0 || strcmp(name, "save") == 0)
		return err_msg(e, "\"%s\" has no place in a profile", name);
	word = arena_printf(call->arena, *value ? "--%s=%s" : "--%s", name, value);
	if (check_word(call, word, e) < 0)
		return -1;
	p->flags = arena_append(call->arena, p->flags, p->flag_count++, word);

	return 0;
}

static int read_profile(struct call *call, const char *path, struct profile *p, struct err *e)
{
	unsigned number = 0;
	char *text, *line;

	*p = (struct profile) { .path = path };
	if (read_text(path, call->arena, &text, e) < 0)
		return -1;
	while ((line = strsep(&text, "\n"))) {
		number++;
		if (read_line(call, p, line, e) < 0)
			return err_in(e, "profile \"%s\", line %u", path, number);
	}

	return 0;
}

/* ---- words of the profile, then of the command line ---- */

/* A line "no-tty", and --tty was typed, or the other way round: both together would be an error. */
static bool is_overridden(struct arena *a, const char *word, const struct options *typed)
{
	const char *name = arena_memdup(a, word + 2, strcspn(word + 2, "="));
	const char *opposite =
		strncmp(name, "no-", 3) == 0 ? name + 3 : arena_printf(a, "no-%s", name);

	for (size_t i = 0; i < box_flags.count; i++) {
		const struct flag *flag = &box_flags.rows[i];

		if (flag->kind == FLAG_BOOL && strcmp(flag->name, opposite) == 0)
			return *(const bool *) ((const char *) typed + flag->offset);
	}

	return false;
}

static void drop_overridden(struct arena *a, struct profile *p, const struct options *typed)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->flag_count; i++)
		if (!is_overridden(a, p->flags[i], typed))
			p->flags[kept++] = p->flags[i];
	p->flag_count = kept;
}

struct joined {
	const char **words;
	size_t count;
};

static void add_words(struct joined *j, const char *const *words, size_t count)
{
	if (count > 0)
		memcpy(j->words + j->count, words, count * sizeof(*words));
	j->count += count;
}

/*
 * Flags of the profile, flags of the command line, ROOT, and the program: the command line's, else
 * the profile's.
 */
static const char *const *join(struct call *call, const struct profile *p, const char *const *argv,
			       size_t own, const char *const *rest, bool root_given)
{
	size_t most = p->flag_count + p->command_count + own + list_length(rest) + 3;
	struct joined j = { .words = arena_array(call->arena, most, sizeof(*j.words)) };
	const char *const *command = rest;

	add_words(&j, p->flags, p->flag_count);
	add_words(&j, argv, own);
	if (root_given)
		add_words(&j, command++, 1);
	else
		add_words(&j, &p->root, 1);
	if (command[0])
		add_words(&j, command, list_length(command));
	else
		add_words(&j, p->command, p->command_count);

	return j.words;
}

const char *const *box_expand(struct call *call, const char *const *argv, struct err *e)
{
	static const struct flag_table *const tables[] = { &common_flags, &box_flags, NULL };
	struct options scratch = { 0 };
	struct profile p;
	struct words rest;

	/* A wrong flag is reported when the words are parsed again. */
	if (options_parse(tables, true, argv, call->arena, &scratch, &rest, e) < 0)
		return argv;

	size_t own = list_length(argv) - rest.count;
	bool named = rest.count > 0 && rest.items[0][0] == '@';

	if (!named && !scratch.box.profile)
		return argv;

	const char *path = find(call, named ? rest.items[0] + 1 : scratch.box.profile);
	if (read_profile(call, path, &p, e) < 0) {
		if (!named)
			(void) err_at(e, arena_printf(call->arena, "--profile \"%s\"",
						      scratch.box.profile));
		return NULL;
	}

	const char *const *behind = rest.items + named;
	if (!p.root && named) {
		(void) err_msg(e, "profile \"%s\" has no root", path);
		return NULL;
	}
	drop_overridden(call->arena, &p, &scratch);

	return join(call, &p, argv, own, behind, !p.root && behind[0]);
}

/* ---- --save ---- */

static int make_directories(struct call *call, const char *path, struct err *e)
{
	char *part = arena_strdup(call->arena, path);

	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';

		int r = sys_mkdir_at(AT_FDCWD, part, 0755);
		if (r < 0 && r != -EEXIST)
			return err_sys(e, r, "make \"%s\"", part);
		*slash = '/';
	}

	return 0;
}

static void add_line(struct out *out, const char *name, const char *value)
{
	out_text(out, name);
	if (value) {
		out_text(out, " ");
		out_text(out, value);
	}
	out_text(out, "\n");
}

static const char *word_of(struct arena *a, const struct flag *flag, unsigned index)
{
	const char *word = flag->value;

	for (; index > 0; index--)
		word += strcspn(word, "|") + 1;

	return arena_memdup(a, word, strcspn(word, "|"));
}

/* A list that several flags fill is written once, by the first of them, in its order. */
static bool is_first(size_t row)
{
	for (size_t i = 0; i < row; i++)
		if (box_flags.rows[i].offset == box_flags.rows[row].offset)
			return false;

	return true;
}

static void save_flag(struct out *out, struct call *call, size_t row)
{
	const struct flag *flag = &box_flags.rows[row];
	const void *at = (const char *) &call->options + flag->offset;
	const struct text_list *list = at;

	if (strcmp(flag->name, "save") == 0 || strcmp(flag->name, "profile") == 0)
		return;
	if (flag->kind == FLAG_BOOL && *(const bool *) at)
		add_line(out, flag->name, NULL);
	else if (flag->kind == FLAG_TEXT && *(const char *const *) at)
		add_line(out, flag->name, *(const char *const *) at);
	else if (flag->kind == FLAG_WORD && *(const unsigned *) at)
		add_line(out, flag->name, word_of(call->arena, flag, *(const unsigned *) at));
	else if (flag->kind == FLAG_NUMBER && *(const unsigned *) at)
		add_line(out, flag->name, arena_printf(call->arena, "%u", *(const unsigned *) at));
	for (size_t i = 0; flag->kind == FLAG_LIST && is_first(row) && i < list->count; i++)
		add_line(out, list->flags[i], list->items[i]);
}

/*
 * A newline in a word, or in the directory that "." stands for, would begin a new flag in the
 * profile.
 */
static bool has_newline(const struct call *call, const struct box *b)
{
	for (size_t i = 1; call->argv[i]; i++)
		if (strchr(call->argv[i], '\n'))
			return true;

	return strchr(b->root, '\n') != NULL;
}

int box_save(struct call *call, const struct box *b, struct err *e)
{
	const char *name = b->options->save;
	const char *own = sys_euid() == 0 ? system_directory : directory_of_user(call);
	const char *path = name;

	if (has_newline(call, b))
		return err_msg(e, "a value with a newline has no place in a profile");
	if (!strchr(name, '/') && !own)
		return err_msg(e, "there is no HOME to keep it in");
	if (!strchr(name, '/')) {
		path = arena_printf(call->arena, "%s/%s", own, name);
		if (make_directories(call, path, e) < 0)
			return -1;
	}

	autoclose int file = output_replace(path, "write profile", 0644, e);
	if (file < 0)
		return -1;

	struct out out = { .fd = file };
	add_line(&out, "root", b->root);
	for (size_t i = 0; i < box_flags.count; i++)
		save_flag(&out, call, i);
	for (size_t i = 0; b->command[i]; i++)
		add_line(&out, "command", b->command[i]);

	int r = out_flush(&out);

	return r < 0 ? err_sys(e, r, "write profile \"%s\"", path) : 0;
}
