/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/account.c - users and groups by the names that the image has for them
 *
 * passwd(5), group(5). The files are the image's: they are looked up with ROOT as the root, must be
 * regular files, and are read up to a bound. A file that can't be read counts as missing; then only
 * numbers name a user or group.
 */
#include "box/box.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "plan/accounts.h"

#define MOST_TABLE	((size_t) 1 << 20)
#define MOST_GROUPS	1024
#define LONGEST_ACCOUNT 255

bool box_has_directory(const struct box *b, const char *path)
{
	autoclose int fd = sys_open_in_root(b->dir, path, O_PATH | O_DIRECTORY);

	return fd >= 0;
}

bool box_has_program(const struct box *b, const char *path)
{
	autoclose int fd = sys_open_in_root(b->dir, path, O_PATH);
	struct stat st;

	return fd >= 0 && sys_stat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

/* The text of a file of the image; "" where there is none. */
static const char *read_table(const struct box *b, const char *path)
{
	autoclose int fd = sys_open_in_root(b->dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || sys_stat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "";

	size_t size = (size_t) st.st_size < MOST_TABLE ? (size_t) st.st_size : MOST_TABLE;
	char *text = arena_alloc(b->arena, size + 1);
	ssize_t length = sys_read_all(fd, text, size);

	return length < 0 ? "" : text;
}

/* ---- lines and fields ---- */

struct field {
	const char *at;
	size_t length;
};

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");

	return *line ? line + 1 : line;
}

/* The @index-th field of a line, from 0; length 0 where there is none. */
static struct field field_of(const char *line, int index)
{
	for (; index > 0; index--) {
		line += strcspn(line, ":\n");
		if (*line != ':')
			return (struct field) { line, 0 };
		line++;
	}

	return (struct field) { line, strcspn(line, ":\n") };
}

static bool is_text(struct field f, const char *text)
{
	return f.length == strlen(text) && memcmp(f.at, text, f.length) == 0;
}

/* (uid_t) -1 is no ID: setresuid(2) takes it for "unchanged". */
static bool read_number(struct field f, uint32_t *number)
{
	const char *at = f.at;
	uint32_t id;

	if (f.length == 0 || account_parse_id(&at, &id) < 0 || at != f.at + f.length ||
	    id == UINT32_MAX)
		return false;
	*number = id;

	return true;
}

static const char *copy_field(struct box *b, struct field f)
{
	return f.length > 0 ? arena_memdup(b->arena, f.at, f.length) : NULL;
}

/* The line whose field @index is @word: as text, or as a number. NULL: none. */
static const char *find_line(const char *table, int index, const char *word)
{
	for (const char *line = table; *line; line = next_line(line))
		if (is_text(field_of(line, index), word))
			return line;

	return NULL;
}

/* A word of digits is always a number: an image could name root "1000". */
static bool is_name(const char *word)
{
	return word[strspn(word, "0123456789")] != '\0';
}

/*
 * The line of passwd whose field @index is @word. As getpwnam(3) does, lines without a valid user
 * and group ID are skipped: the user of such a line must not be root.
 */
static const char *find_account(const char *table, int index, const char *word)
{
	uint32_t id;

	for (const char *line = table; *line; line = next_line(line))
		if (is_text(field_of(line, index), word) && read_number(field_of(line, 2), &id) &&
		    read_number(field_of(line, 3), &id))
			return line;

	return NULL;
}

static bool parse_id(const char *word, uint32_t *id)
{
	unsigned long long number;

	if (fmt_parse_u64(word, &number) < 0 || number >= UINT32_MAX)
		return false;
	*id = (uint32_t) number;

	return true;
}

/* ---- groups ---- */

/* False: there is no room for it. */
static bool add_group(struct box *b, uint32_t gid)
{
	if (!b->user.additional_gids)
		b->user.additional_gids = arena_array(b->arena, MOST_GROUPS, sizeof(gid));
	for (size_t i = 0; i < b->user.additional_gids_count; i++)
		if (b->user.additional_gids[i] == gid)
			return true;
	if (b->user.additional_gids_count == MOST_GROUPS)
		return false;
	b->user.additional_gids[b->user.additional_gids_count++] = gid;

	return true;
}

static bool has_member(struct field members, const char *name)
{
	const char *at = members.at, *end = at + members.length;

	while (at < end) {
		size_t length = strcspn(at, ",:\n");

		if (length == strlen(name) && memcmp(at, name, length) == 0)
			return true;
		at += length + 1;
	}

	return false;
}

static void add_groups_of(struct box *b, const char *table, const char *name)
{
	uint32_t gid;

	for (const char *line = table; *line; line = next_line(line))
		if (has_member(field_of(line, 3), name) && read_number(field_of(line, 2), &gid))
			add_group(b, gid);
}

static int read_group(struct box *b, const char *table, const char *word, const char *flag,
		      const char *value, uint32_t *gid, struct err *e)
{
	const char *line = is_name(word) ? find_line(table, 0, word) : NULL;

	if (line && read_number(field_of(line, 2), gid))
		return 0;
	if (parse_id(word, gid))
		return 0;

	return box_refuse(b, flag, value, e, "there is no group \"%s\" in the image's /etc/group",
			  word);
}

/* ---- the user ---- */

static void take_entry(struct box *b, const char *line)
{
	struct box_account *account = &b->account;
	const char *home = copy_field(b, field_of(line, 5));

	(void) read_number(field_of(line, 2), &account->uid);
	(void) read_number(field_of(line, 3), &account->gid);
	account->name = copy_field(b, field_of(line, 0));
	account->shell = copy_field(b, field_of(line, 6));
	if (home && home[0] == '/')
		account->home = home;
}

/* Find the entry of passwd with the name, or else with the number, which may have none. */
static int find_user(struct box *b, const char *word, struct err *e)
{
	const char *table = read_table(b, "/etc/passwd");
	const char *line = is_name(word) ? find_account(table, 0, word) : NULL;

	b->account = (struct box_account) { .home = "/" };
	if (!line && parse_id(word, &b->account.uid)) {
		b->account.gid = b->account.uid;
		line = find_account(table, 2, word);
		if (!line)
			return 0;
	}
	if (!line || strlen(word) > LONGEST_ACCOUNT)
		return box_refuse(b, "user", b->options->user, e,
				  "there is no user \"%s\" in the image's /etc/passwd", word);
	take_entry(b, line);

	return 0;
}

/*
 * Android's kernels only let members of these groups use the network ("paranoid networking"), root
 * included, and likewise shared storage: inet, net_raw, net_admin, sdcard_rw, media_rw.
 */
static const uint32_t android_groups[] = { 3003, 3004, 3005, 1015, 1023 };

bool box_is_android(const struct box *b)
{
	if (b->options->android != ANDROID_AUTO)
		return b->options->android == ANDROID_ON;

	return sys_access_at(AT_FDCWD, "/system/build.prop", F_OK) == 0 &&
	       sys_access_at(AT_FDCWD, "/dev/binder", F_OK) == 0;
}

static void add_android_groups(struct box *b)
{
	if (!box_is_android(b) || b->level[WISH_GROUPS] > 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(android_groups); i++)
		add_group(b, android_groups[i]);
}

static char *usual_user(struct box *b)
{
	const char *userns = b->options->userns;
	bool kept = box_is_bare(b) || (userns && strcmp(userns, "keep-id") == 0);

	return arena_printf(b->arena, "%u", kept ? b->facts->euid : 0);
}

int box_choose_account(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	const char *groups = read_table(b, "/etc/group");
	char *user = o->user ? arena_strdup(b->arena, o->user) : usual_user(b);
	char *colon = strchr(user, ':');

	if (colon)
		*colon++ = '\0';
	if (find_user(b, user, e) < 0)
		return -1;
	if (colon && read_group(b, groups, colon, "user", o->user, &b->account.gid, e) < 0)
		return -1;

	b->user = (struct oci_user) { .has_uid = true, .has_gid = true };
	b->user.uid = b->account.uid;
	b->user.gid = b->account.gid;
	/* As initgroups(3), which also adds the user's own group. */
	if (b->account.name && !colon) {
		add_group(b, b->account.gid);
		add_groups_of(b, groups, b->account.name);
	}

	const char *at = o->groups, *word;
	while (at && (word = box_next_word(b, &at))) {
		uint32_t gid;

		if (read_group(b, groups, word, "groups", o->groups, &gid, e) < 0)
			return -1;
		if (!add_group(b, gid))
			return box_refuse(b, "groups", o->groups, e, "a box has at most %d groups",
					  MOST_GROUPS);
	}
	add_android_groups(b);
	if (o->user)
		box_origin(b, "/process/user", "user", o->user);
	if (o->groups)
		box_origin(b, "/process/user/additionalGids", "groups", o->groups);
	b->process.user = &b->user;

	return 0;
}
