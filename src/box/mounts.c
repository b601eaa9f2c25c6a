/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/mounts.c - what is mounted in a box: what every root file system expects, and what flags ask
 * for
 *
 * A flag's value has its parts between colons. A path may have one in it, behind a backslash: `\:`,
 * and likewise `\,` and `\\`; any other backslash is itself.
 */
#include "box/box.h"
#include "box/image.h"

#include "base/fmt.h"
#include "base/path.h"
#include "base/table.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "plan/mounts/path_text.h"
#include "plan/spec_default.h"

#include <limits.h>
#include <string.h>

/* The most mounts that no flag asked for. */
#define MOST_USUAL 512

/* ---- the parts of a value ---- */

/*
 * The next part of *@at up to the separator @end, without its backslashes; *@at moves behind it.
 * NULL: there is none.
 */
static char *next_part(struct box *b, const char **at, char end)
{
	const char *from = *at;

	if (!from)
		return NULL;

	char *part = arena_alloc(b->arena, strlen(from) + 1), *to = part;

	for (; *from && *from != end; from++) {
		if (from[0] == '\\' && (from[1] == ':' || from[1] == ',' || from[1] == '\\'))
			from++;
		*to++ = *from;
	}
	*at = *from ? from + 1 : NULL;

	return part;
}

/*
 * Split the value into its first @parts parts and the options behind them. The options keep their
 * backslashes, for next_part() with a comma.
 */
static void take_parts(struct box *b, const char *value, char **parts, size_t count,
		       const char **options)
{
	const char *at = value;

	for (size_t i = 0; i < count; i++)
		parts[i] = next_part(b, &at, ':');
	*options = at;
}

/*
 * The working directory was deleted: "DIRECTORY (deleted)/PATH", where nothing can be or be made.
 * tare-init has another working directory, so a relative path would be a path of that directory.
 */
static const char *in_deleted(struct box *b, const char *path)
{
	autoclose int dir = sys_open(".", O_PATH | O_DIRECTORY);
	char cwd[PATH_MAX];

	if (dir < 0 || sys_path_of(dir, cwd, sizeof(cwd)) < 0)
		return path;

	return arena_printf(b->arena, "%s/%s", cwd, path);
}

const char *box_absolute(struct box *b, const char *path)
{
	char cwd[PATH_MAX];

	if (path[0] == '/')
		return path;
	if (sys_getcwd(cwd, sizeof(cwd)) < 0)
		return in_deleted(b, path);
	if (strcmp(path, ".") == 0)
		return arena_strdup(b->arena, cwd);

	return path_absolute(b->arena, arena_strdup(b->arena, cwd), path);
}

/* ---- one mount ---- */

static struct oci_mount *add_mount(struct box *b)
{
	return &b->config.mounts[b->config.mounts_count++];
}

static void add_option(struct box *b, struct oci_mount *m, const char *option)
{
	m->options = arena_append(b->arena, m->options, m->options_count, option);
	m->options_count++;
}

/*
 * Translate the flag's options to those of config.json. @bind: read-only applies to all mounts
 * below, too.
 */
static void add_options(struct box *b, struct oci_mount *m, const char *text, bool bind)
{
	const char *option;
	bool recursive = true, readonly = false;

	while ((option = next_part(b, &text, ','))) {
		if (bind && strcmp(option, "norec") == 0)
			recursive = false;
		else if (bind && (strcmp(option, "ro") == 0 || strcmp(option, "rw") == 0))
			readonly = option[1] == 'o';
		else if (!(bind && strcmp(option, "try") == 0) && option[0])
			add_option(b, m, option);
	}
	if (!bind)
		return;
	add_option(b, m, recursive ? "rbind" : "bind");
	if (readonly)
		add_option(b, m, recursive ? "rro" : "ro");
}

static bool has_option(struct box *b, const char *text, const char *name)
{
	const char *option;

	while ((option = next_part(b, &text, ',')))
		if (strcmp(option, name) == 0)
			return true;

	return false;
}

/* The words of a flag: @source:@target:@options. */
struct words {
	const char *flag, *value;
	const char *source, *target, *options;
};

static int add_bound(struct box *b, const struct words *w, struct err *e)
{
	struct stat st;
	int r = sys_stat_at(AT_FDCWD, w->source, 0, &st);

	if (r == -ENOENT && has_option(b, w->options, "try"))
		return 0;
	if (r < 0) {
		(void) err_sys(e, r, "bind \"%s\"", w->source);
		return err_at(e, box_words(b, w->flag, w->value));
	}

	struct oci_mount *m = add_mount(b);
	*m = (struct oci_mount) { .destination = w->target, .type = "bind", .source = w->source };
	add_options(b, m, w->options, true);

	return 0;
}

static int add_bind(struct box *b, const char *flag, const char *value, struct err *e)
{
	char *parts[2];
	const char *options;

	take_parts(b, value, parts, ARRAY_SIZE(parts), &options);

	const char *source = box_absolute(b, parts[0]),
		   *target = parts[1] && parts[1][0] ? parts[1] : source;

	if (parts[0][0] == '\0')
		return box_refuse(b, flag, value, e, "there is no source");
	if (target[0] != '/') {
		(void) box_refuse(b, flag, value, e, "\"%s\" is not an absolute path", target);
		/* --bind "$PWD", and a directory that has a colon in its name. */
		return sys_access_at(AT_FDCWD, value, F_OK) == 0
			       ? err_hint(e, "\\: is a colon of a path")
			       : -1;
	}

	return add_bound(b, &(struct words) { flag, value, source, target, options }, e);
}

static int add_tmpfs(struct box *b, const char *flag, const char *value, struct err *e)
{
	static const char *const usual[] = { "nosuid", "nodev", "mode=1777" };
	const char *options;
	char *target;

	take_parts(b, value, &target, 1, &options);
	if (target[0] != '/')
		return box_refuse(b, flag, value, e, "\"%s\" is not an absolute path", target);

	struct oci_mount *m = add_mount(b);
	*m = (struct oci_mount) { .destination = target, .type = "tmpfs", .source = "tmpfs" };
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		add_option(b, m, usual[i]);
	add_options(b, m, options, false);

	return 0;
}

/* An image file, as mount(8) has it: "loop". Its device nodes have no effect, unless asked for. */
static int add_image(struct box *b, const char *type, const struct words *w, struct err *e)
{
	bool readonly = has_option(b, w->options, "ro") || !image_is_writable(type);
	const char *source = box_absolute(b, w->source), *options = w->options, *option;

	if (box_loop(b, w->flag, w->value, &source, readonly, e) < 0)
		return -1;

	struct oci_mount *m = add_mount(b);
	*m = (struct oci_mount) { .destination = w->target, .type = type, .source = source };
	add_option(b, m, "nodev");
	if (readonly)
		add_option(b, m, "ro");
	/* On a read-only device the journal can't be replayed. */
	if (readonly && strcmp(type, "ext4") == 0)
		add_option(b, m, "noload");
	while ((option = next_part(b, &options, ',')))
		if (strcmp(option, "loop") != 0 && option[0])
			add_option(b, m, option);

	return 0;
}

/*
 * As mount(8): "auto" is what the header of the file, or of the block device, says. NULL with @e.
 */
static const char *find_type(struct box *b, const struct words *w, struct err *e)
{
	const char *source = box_absolute(b, w->source), *type;
	autoclose int file = sys_open(source, O_RDONLY | O_NONBLOCK | O_NOCTTY);

	if (file < 0) {
		(void) err_sys(e, file, "open \"%s\"", source);
		(void) err_at(e, box_words(b, w->flag, w->value));
		return NULL;
	}
	type = image_type(file, 0);
	if (!type)
		(void) box_refuse(b, w->flag, w->value, e,
				  "\"%s\" has no file system that is known here", source);

	return type;
}

static int add_any(struct box *b, const char *flag, const char *value, struct err *e)
{
	const char *options;
	char *parts[3];

	take_parts(b, value, parts, ARRAY_SIZE(parts), &options);
	if (!parts[2] || !parts[0][0])
		return box_refuse(b, flag, value, e, "it is TYPE:SOURCE:TARGET[:OPTION,...]");
	if (parts[2][0] != '/')
		return box_refuse(b, flag, value, e, "\"%s\" is not an absolute path", parts[2]);
	if (strcmp(parts[0], "bind") == 0 && !parts[1][0])
		return box_refuse(b, flag, value, e, "there is no source");

	bool bind = strcmp(parts[0], "bind") == 0;
	const struct words w = {
		.flag = flag,
		.value = value,
		.source = bind ? box_absolute(b, parts[1]) : parts[1],
		.target = parts[2],
		.options = options,
	};

	if (bind)
		return add_bound(b, &w, e);

	const char *type = strcmp(parts[0], "auto") == 0 ? find_type(b, &w, e) : parts[0];
	if (!type)
		return -1;
	if (has_option(b, options, "loop"))
		return add_image(b, type, &w, e);

	struct oci_mount *m = add_mount(b);
	*m = (struct oci_mount) { .destination = w.target, .type = type, .source = w.source };
	add_options(b, m, options, false);

	return 0;
}

static const struct {
	const char *flag;
	int (*add)(struct box *b, const char *flag, const char *value, struct err *e);
} flags[] = { { "bind", add_bind }, { "tmpfs", add_tmpfs }, { "mount", add_any } };

static int add_given(struct box *b, const char *flag, const char *value, struct err *e)
{
	size_t before = b->config.mounts_count;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (strcmp(flags[i].flag, flag) == 0 && flags[i].add(b, flag, value, e) < 0)
			return -1;
	if (b->config.mounts_count > before)
		box_origin(b, arena_printf(b->arena, "/mounts/%zu", before), flag, value);

	return 0;
}

/* ---- default mounts ---- */

static const char *last_place(struct box *b)
{
	return arena_printf(b->arena, "/mounts/%zu", b->config.mounts_count - 1);
}

static struct oci_mount *bind_host(struct box *b, const char *path)
{
	struct oci_mount *m = add_mount(b);

	*m = (struct oci_mount) { .destination = path, .type = "bind", .source = path };
	add_option(b, m, "rbind");

	return m;
}

/* The replacement of a usual mount that is reduced once; reduced twice, the mount is left out. */
static const struct {
	const char *path;
	enum box_wish wish;
	bool bound, readonly; /* the host's is bound in its place */
} usual_mounts[] = {
	{ "/proc", WISH_PROC, true, false },
	{ "/dev", WISH_DEV, true, true },
	{ "/dev/pts", WISH_PTS, true, false },
	{ "/dev/shm", WISH_SHM, false, false },
	{ "/dev/mqueue", WISH_MQUEUE, false, false },
	{ "/sys", WISH_SYS, true, true },
	{ "/sys/fs/cgroup", WISH_CGROUP_MOUNT, false, false },
};

static size_t find_usual(const char *path)
{
	size_t i = 0;

	while (strcmp(usual_mounts[i].path, path) != 0)
		i++;

	return i;
}

/* A mount that is a bind already (sysfs in a user namespace) can only be left out. */
static bool add_reduced(struct box *b, const struct oci_mount *from, size_t row)
{
	unsigned level = b->level[usual_mounts[row].wish];

	if (level == 0)
		return false;
	if (level > 1 || !usual_mounts[row].bound || strcmp(from->type, "none") == 0)
		return true;

	struct oci_mount *m = bind_host(b, usual_mounts[row].path);
	if (usual_mounts[row].readonly) {
		add_option(b, m, "rro");
		add_option(b, m, "nosuid");
	}
	box_wish(b, last_place(b), usual_mounts[row].wish);

	return true;
}

/*
 * In the host's pid namespace a procfs shows all processes. Since Linux 5.8 the options of one
 * procfs mount can hide processes that its readers may not trace. The option "invisible" is as new,
 * so an older kernel refuses it and does not change the host's own procfs. The group that sees all
 * processes must not be root's.
 */
static void hide_processes(struct box *b, struct oci_mount *m)
{
	if (b->level[WISH_PID] == 0 || b->level[WISH_HIDEPID] > 0)
		return;
	add_option(b, m, "hidepid=invisible");
	add_option(b, m, "gid=4294967294");
}

static void copy_usual(struct box *b, const struct oci_mount *from, enum box_wish wish)
{
	struct oci_mount *m = add_mount(b);
	/* With the host's sysfs the host's cgroups are bound, which may be writable. */
	const char *readonly = strcmp(from->type, "none") == 0 ? "rro" : "ro";

	*m = *from;
	m->options = NULL;
	m->options_count = 0;
	for (size_t i = 0; i < from->options_count; i++)
		if (strcmp(from->options[i], "ro") != 0)
			add_option(b, m, from->options[i]);
		else if (!b->options->privileged)
			add_option(b, m, readonly);
	if (wish == WISH_PROC)
		hide_processes(b, m);
	if (wish == WISH_PROC && m->options_count > 0)
		wish = WISH_HIDEPID;
	box_wish(b, last_place(b), wish);
}

static bool has_new_network(const struct box *b)
{
	for (size_t i = 0; i < b->linux.namespaces_count; i++)
		if (strcmp(b->linux.namespaces[i].type, "network") == 0)
			return !b->linux.namespaces[i].path;

	return false;
}

static const struct oci_mount *find_mount(const struct oci_config *config, const char *path)
{
	size_t i = 0;

	while (strcmp(config->mounts[i].destination, path) != 0)
		i++;

	return &config->mounts[i];
}

/*
 * A sysfs shows the network of the namespace in which it is mounted. `spec --rootless` binds the
 * host's, as only root of the network namespace may mount one.
 */
static const struct oci_mount *choose_usual(const struct box *b, const struct oci_mount *m)
{
	bool host_sys = b->user_namespace && strcmp(m->destination, "/sys") == 0;

	return host_sys && has_new_network(b)
		       ? find_mount(spec_default(b->arena, false, 0, 0, false), "/sys")
		       : m;
}

/*
 * The mounts of `spec`. With --privileged the host's /dev replaces those in /dev, and no mount is
 * read-only.
 */
static void add_usual(struct box *b)
{
	bool privileged = b->options->privileged;
	bool host_dev = privileged || b->level[WISH_DEV] > 0;
	const struct oci_config *usual =
		spec_default(b->arena, b->user_namespace, b->facts->euid, b->facts->egid, false);

	for (size_t i = 0; i < usual->mounts_count; i++) {
		const struct oci_mount *from = choose_usual(b, &usual->mounts[i]);
		size_t row = find_usual(from->destination);

		if (strcmp(from->type, "cgroup") == 0 &&
		    (b->options->boot || b->facts->cgroups.mode == CGROUP_NONE ||
		     box_without_cgroups(b)))
			continue;
		if (host_dev && strncmp(from->destination, "/dev/", 5) == 0) {
			continue;
		} else if (privileged && strcmp(from->destination, "/dev") == 0) {
			bind_host(b, "/dev");
			box_origin(b, last_place(b), "privileged", NULL);
		} else if (!add_reduced(b, from, row)) {
			copy_usual(b, from, usual_mounts[row].wish);
		}
	}
}

/* ---- all mounts ---- */

const struct oci_mount *box_mount_of(const struct box *b, const char *path, const char **rest)
{
	const char *clean = path_clean(b->arena, path);

	for (size_t i = b->config.mounts_count; i-- > 0;) {
		const char *at = path_clean(b->arena, b->config.mounts[i].destination);

		/* The longest target that @path is below; the root is no mount of the list. */
		if (!path_below(clean, at) || (strcmp(at, "/") == 0 && strcmp(clean, "/") != 0))
			continue;
		*rest = clean + strlen(at);
		return &b->config.mounts[i];
	}

	return NULL;
}

const struct oci_mount *box_mount_at(const struct box *b, const char *place)
{
	size_t length = strlen("/mounts/");
	unsigned long long i;

	if (strncmp(place, "/mounts/", length) != 0 || fmt_parse_u64(place + length, &i) < 0 ||
	    i >= b->config.mounts_count)
		return NULL;

	return &b->config.mounts[i];
}

void box_add_mount(struct box *b, const char *target, const char *type, const char *source,
		   const char *const *options)
{
	struct oci_mount *m = add_mount(b);

	*m = (struct oci_mount) { .destination = target, .type = type, .source = source };
	for (; *options; options++)
		add_option(b, m, *options);
}

/* In a bare chroot the mounts would be made in the host's own tree. */
static int check_bare_chroot(struct box *b, struct err *e)
{
	const struct box_options *o = b->options;
	const struct text_list *const lists[] = { &o->mounts, &o->masked, &o->protected };

	if (b->level[WISH_MOUNTS] == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i]->count > 0)
			return box_refuse(b, lists[i]->flags[0], lists[i]->items[0], e,
					  BOX_TAKES_MOUNTS);
	if (box_has_name_servers(b))
		return box_refuse(b, "dns", o->dns, e, BOX_TAKES_MOUNTS);
	if (o->tty)
		return box_refuse(b, "tty", NULL, e, BOX_TAKES_MOUNTS);
	if (o->read_only || b->layered || b->is_image)
		return err_cfg(
			e, "--best-effort-root",
			"layers, images and -r take mounts of its own, which the kernel refuses");

	return 0;
}

int box_mounts(struct box *b, struct err *e)
{
	const struct text_list *given = &b->options->mounts;

	b->mounts_room = MOST_USUAL;
	b->config.mounts =
		arena_array(b->arena, MOST_USUAL + given->count, sizeof(*b->config.mounts));
	if (check_bare_chroot(b, e) < 0)
		return -1;
	if (b->level[WISH_MOUNTS] == 0 && !box_is_bare(b)) {
		add_usual(b);
		box_add_whole(b);
		box_add_boot(b);
		if (box_dns(b, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < given->count; i++)
		if (add_given(b, given->flags[i], given->items[i], e) < 0)
			return -1;

	return 0;
}
