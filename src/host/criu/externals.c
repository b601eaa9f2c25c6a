/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/criu/externals.c - external objects of a container, by their names for CRIU
 *
 * The record has the places of mounts as config.json names them. Links of the image may lead
 * elsewhere, so the kernel is asked for the number of the mount at each place. The mounts that a
 * recursive bind brought along lie below such a mount; config.json does not name them.
 */
#include "host/criu/externals.h"

#include "base/fmt.h"
#include "base/path.h"
#include "base/table.h"
#include "base/words.h"
#include "heap/json_text.h"
#include "kernel/device.h"
#include "kernel/fd.h"
#include "kernel/mount.h"
#include "kernel/mountinfo.h"
#include "kernel/process.h"
#include "kernel/procfs.h"
#include "libocispec/decode.h"
#include "state/lines.h"

#define NULL_DEVICE "/dev/null"

/* ---- checkpoint: mounts ---- */

struct mount {
	uint64_t id, parent;
	bool whole;
	const char *point;
	const char *name; /* its name in the images; NULL: the mount is the container's own */
	bool made;	  /* config.json asks for it, and it is no bind */
};

struct mounts {
	struct arena *arena;
	struct mount *items;
	size_t count, room;
	int root; /* the container's root directory */
};

static void add_mount(struct mounts *m, const struct mountinfo_line *line)
{
	m->items = arena_grow(m->arena, m->items, m->count, &m->room, sizeof(*m->items));
	m->items[m->count++] = (struct mount) {
		.id = line->id,
		.parent = line->parent,
		.whole = line->whole,
		.point = arena_strdup(m->arena, line->point),
	};
}

static int read_mounts(struct mounts *m, pid_t pid, struct err *e)
{
	struct mountinfo_line line;
	int r;

	autoclose int fd = proc_open(pid, "mountinfo", O_RDONLY);
	if (fd < 0)
		return err_sys(e, fd, "read the container's mounts");

	struct mountinfo info = { .fd = fd };
	while ((r = mountinfo_next(&info, &line)) > 0)
		add_mount(m, &line);

	return r < 0 ? err_sys(e, r, "read the container's mounts") : 0;
}

static struct mount *find_mount(const struct mounts *m, uint64_t id)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->items[i].id == id)
			return &m->items[i];

	return NULL;
}

/* The mount at @place; NULL: there is none, as the program may have unmounted it. */
static struct mount *mount_at(const struct mounts *m, const char *place)
{
	autoclose int fd = sys_open_in_root(m->root, place, O_PATH);
	int64_t id = fd < 0 ? -1 : sys_mount_id(fd);

	return id < 0 ? NULL : find_mount(m, (uint64_t) id);
}

static void mark_recorded(const struct mounts *m, const struct record *rec)
{
	for (const char *const *place = rec->made; *place; place++) {
		struct mount *mount = mount_at(m, *place);

		if (mount)
			mount->made = true;
	}
	for (const char *const *place = rec->external; *place; place++) {
		struct mount *mount = mount_at(m, *place);

		if (mount && !mount->made)
			mount->name = *place;
	}
}

/*
 * Is it a bind of the null device over a file, which masks the file? Its name is that of runc and
 * crun.
 */
static bool is_null(const struct mounts *m, const struct mount *mount)
{
	struct stat st;

	if (mount->whole)
		return false;

	autoclose int fd = sys_open_in_root(m->root, mount->point, O_PATH);

	return fd >= 0 && sys_stat(fd, &st) == 0 && device_is_null(&st);
}

/* Name a mount that a recursive bind brought along: the name of the bind and the path below it. */
static void mark_brought(const struct mounts *m, struct mount *mount)
{
	const struct mount *above = find_mount(m, mount->parent);

	if (mount->name || mount->made || !above || !above->name ||
	    strcmp(above->name, NULL_DEVICE) == 0)
		return;

	const char *below = path_below(mount->point, above->point);
	if (below)
		mount->name = arena_printf(m->arena, "%s%s", above->name, below);
}

int externals_add_mounts(struct criu_request *r, const struct record *rec, struct err *e)
{
	autoclose int root = proc_open(rec->pid, "root", O_PATH | O_DIRECTORY);
	if (root < 0)
		return err_sys(e, root, "open the container's root");

	struct mounts m = { .arena = r->arena, .root = root };
	if (read_mounts(&m, rec->pid, e) < 0)
		return -1;
	mark_recorded(&m, rec);
	for (size_t i = 0; i < m.count; i++) {
		struct mount *mount = &m.items[i];

		if (!mount->name && is_null(&m, mount))
			mount->name = NULL_DEVICE;
		mark_brought(&m, mount);
		if (mount->name)
			criu_add(r, "external",
				 arena_printf(r->arena, "mnt[%s]:%s", mount->point, mount->name),
				 "");
	}

	return 0;
}

/* ---- namespaces ---- */

/* How the request names a joined namespace, by its kind. */
static const struct {
	const char *type; /* in config.json */
	const char *file; /* in /proc/PID/ns, and CRIU's own name */
	const char *key;  /* its name for CRIU; NULL: saved in the images, and joined at restore */
} joined_kinds[] = {
	{ "network", "net", "extRootNetNS" },
	{ "pid", "pid", "extRootPidNS" },
	{ "ipc", "ipc", NULL },
	{ "uts", "uts", NULL },
	{ "time", "time", NULL },
	{ "user", "user", NULL },
	{ "mount", "mnt", NULL },
};

/* The path of the @i-th namespace of @linux, if that is joined; else NULL. */
static const char *joined_path(const struct oci_linux *linux, size_t i, size_t *row)
{
	const struct oci_linux_namespace *ns = &linux->namespaces[i];

	if (!ns->path || !ns->path[0])
		return NULL;
	for (*row = 0; *row < ARRAY_SIZE(joined_kinds); ++*row)
		if (strcmp(joined_kinds[*row].type, ns->type) == 0)
			return ns->path;

	return NULL;
}

int externals_add_namespaces(struct criu_request *r, const struct record *rec,
			     const struct oci_config *config, struct err *e)
{
	const struct oci_linux *linux = config->linux;
	char name[16];
	struct stat st;
	size_t row;

	for (size_t i = 0; linux && i < linux->namespaces_count; i++) {
		if (!joined_path(linux, i, &row) || !joined_kinds[row].key)
			continue;
		fmt_text(name, sizeof(name), "ns/%s", joined_kinds[row].file);

		autoclose int fd = proc_open(rec->pid, name, O_RDONLY);
		int status = fd < 0 ? fd : sys_stat(fd, &st);
		if (status < 0)
			return err_sys(e, status, "look at the %s namespace",
				       joined_kinds[row].type);
		criu_add(r, "external",
			 arena_printf(r->arena, "%s[%llu]:%s", joined_kinds[row].file,
				      (unsigned long long) st.st_ino, joined_kinds[row].key),
			 "");
	}

	return 0;
}

/* CRIU inherits the descriptor @fd for the name @key. @start owns @fd from now on. */
static int inherit(struct criu_request *r, struct criu_start *start, const char *key, int fd,
		   struct err *e)
{
	char number[16];

	if (start->fd_count == ARRAY_SIZE(start->fds)) {
		sys_close(fd);
		return err_msg(e, "more descriptors than CRIU is given: %zu", start->fd_count);
	}
	fmt_text(number, sizeof(number), "%d", CRIU_FIRST_FD + (int) start->fd_count);
	start->fds[start->fd_count++] = fd;
	criu_add(r, "inherit_fd", key, number);

	return 0;
}

int externals_name_namespaces(struct criu_request *r, const struct oci_config *config,
			      struct criu_start *start, struct err *e)
{
	const struct oci_linux *linux = config->linux;
	size_t row;

	for (size_t i = 0; linux && i < linux->namespaces_count; i++) {
		const char *path = joined_path(linux, i, &row);

		if (!path)
			continue;
		if (!joined_kinds[row].key) {
			criu_add(r, "join_ns", joined_kinds[row].file, path);
			continue;
		}

		int fd = sys_open(path, O_RDONLY);
		if (fd < 0) {
			(void) err_sys(e, fd, "open the %s namespace \"%s\"",
				       joined_kinds[row].type, path);
			return err_at(e, arena_printf(r->arena, "/linux/namespaces/%zu/path", i));
		}
		if (inherit(r, start, joined_kinds[row].key, fd, e) < 0)
			return -1;
	}

	return 0;
}

/* ---- standard descriptors ---- */

/* CRIU has these names for descriptors; at restore other descriptors take their places. */
static bool is_pipe(const char *name)
{
	return strncmp(name, "pipe:[", 6) == 0;
}

static bool is_file(const char *name)
{
	return strncmp(name, "file[", 5) == 0;
}

static bool is_terminal(const char *name)
{
	return strncmp(name, "tty[", 4) == 0;
}

int externals_add_stdio(struct criu_request *r, const struct criu_options *o, int images,
			const struct record *rec, struct err *e)
{
	const char *names[3] = { "", "", "" };
	size_t count = list_length(rec->stdio);

	for (size_t i = 0; i < ARRAY_SIZE(names) && i < count; i++) {
		/* Without --shell-job CRIU refuses a terminal of the host's. */
		if (is_terminal(rec->stdio[i]) && !o->shell_job)
			continue;
		names[i] = rec->stdio[i];
		/* CRIU treats pipes as external without being told. */
		if (is_file(names[i]) || is_terminal(names[i]))
			criu_add(r, "external", names[i], "");
	}

	const char *text =
		arena_printf(r->arena, "[%s,%s,%s]", json_quote(r->arena, names[0]),
			     json_quote(r->arena, names[1]), json_quote(r->arena, names[2]));
	autoclose int fd = sys_open_at(images, EXTERNALS_FILE,
				       O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	int status = fd < 0 ? fd : sys_write_all(fd, text, strlen(text));

	return status < 0 ? err_sys(e, status, "write \"%s\" to the images", EXTERNALS_FILE) : 0;
}

/*
 * The next string of a JSON list, without unescaping: no name that is used here has an escape. NULL
 * at the end.
 */
static char *next_string(char **at)
{
	char *begin = strchr(*at, '"'), *end;

	if (!begin)
		return NULL;
	for (end = begin + 1; *end && *end != '"'; end++)
		if (*end == '\\' && end[1])
			end++;
	*at = *end ? end + 1 : end;
	*end = '\0';

	return begin + 1;
}

static int inherit_stdio(struct criu_request *r, struct criu_start *start, const char *name, int fd,
			 struct err *e)
{
	if (is_terminal(name) && !sys_is_terminal(fd)) {
		(void) err_msg(e, "descriptor %d is no terminal, as it was at the checkpoint", fd);
		return err_hint(e, "a checkpoint with --shell-job is restored on a terminal");
	}

	int copy = sys_dup(fd, CRIU_FIRST_FD);

	return copy < 0 ? err_sys(e, copy, "copy descriptor %d for CRIU", fd)
			: inherit(r, start, name, copy, e);
}

/*
 * CRIU takes the first character of a file's name for the slash of a path, and cuts it off. A
 * descriptor that is inherited under the name without that character is used as it is. Under the
 * whole name the file would be opened again, and would need the size that it had at the checkpoint.
 */
static const char *cut_name(const char *name)
{
	return is_file(name) ? name + 1 : name;
}

int externals_name_stdio(struct criu_request *r, int images, struct criu_start *start,
			 struct err *e)
{
	int status;
	char *text = lines_read(images, EXTERNALS_FILE, r->arena, &status), *name;

	if (!text)
		return err_sys(e, status, "read \"%s\" of the images", EXTERNALS_FILE);
	for (int fd = 0; fd < 3 && (name = next_string(&text)); fd++)
		if ((is_pipe(name) || is_file(name) || is_terminal(name)) &&
		    inherit_stdio(r, start, cut_name(name), fd, e) < 0)
			return -1;

	return 0;
}

/* ---- restore: mounts ---- */

static void name_mount(struct criu_request *r, const char *name, const char *source)
{
	criu_add(r, "external", arena_printf(r->arena, "mnt[%s]:%s", name, source), "");
}

/*
 * Name the mounts that the host has below the source of a recursive bind: they are restored with
 * it.
 */
static void name_brought(struct criu_request *r, const struct mount_step *m)
{
	struct mountinfo_line line;

	autoclose int fd = sys_open("/proc/self/mountinfo", O_RDONLY);
	struct mountinfo info = { .fd = fd };

	while (fd >= 0 && mountinfo_next(&info, &line) > 0) {
		const char *below = path_below(line.point, m->source);

		if (below && below[1] != '\0')
			name_mount(r, arena_printf(r->arena, "%s%s", m->target, below), line.point);
	}
}

void externals_name_mounts(struct criu_request *r, const struct plan *plan)
{
	name_mount(r, NULL_DEVICE, NULL_DEVICE);
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];

		if (s->op == OP_MAKE_DEVICE && s->device.bind)
			name_mount(r, s->device.path, s->device.path);
		if (s->op != OP_MOUNT || !s->mount.bind || s->mount.remount)
			continue;
		name_mount(r, s->mount.target, s->mount.source);
		if (s->mount.recursive)
			name_brought(r, &s->mount);
	}
}

/* ---- create ---- */

static const char *name_descriptor(int fd, struct arena *a)
{
	struct stat st = { .st_mode = 0 };

	if (sys_stat(fd, &st) < 0)
		return "";
	if (S_ISFIFO(st.st_mode))
		return arena_printf(a, "pipe:[%llu]", (unsigned long long) st.st_ino);
	if (S_ISCHR(st.st_mode) && sys_is_terminal(fd))
		return arena_printf(a, "tty[%llx:%llx]", (unsigned long long) st.st_rdev,
				    (unsigned long long) st.st_dev);

	/*
	 * A file is named by mount and inode, in hexadecimal. (runc and crun can't save a container
	 * whose output goes to a file.)
	 */
	int64_t mount = S_ISREG(st.st_mode) ? sys_mount_id(fd) : -1;

	return mount < 0 ? ""
			 : arena_printf(a, "file[%llx:%llx]", (unsigned long long) mount,
					(unsigned long long) st.st_ino);
}

void externals_record_stdio(struct record *rec, struct arena *a)
{
	const char **names = arena_array(a, 4, sizeof(*names));

	for (int fd = 0; fd < 3; fd++)
		names[fd] = name_descriptor(fd, a);
	rec->stdio = names;
}

static bool is_bind(const struct step *s)
{
	return s->op == OP_MOUNT && s->mount.bind && !s->mount.remount;
}

static bool lies_below_bind(const struct plan *plan, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		const char *below = is_bind(&plan->steps[i])
					    ? path_below(plan->steps[index].mount.target,
							 plan->steps[i].mount.target)
					    : NULL;
		if (below && below[1] != '\0')
			return true;
	}

	return false;
}

void externals_record(struct record *rec, const struct plan *plan, struct arena *a)
{
	const char **external = arena_array(a, plan->step_count + 1, sizeof(*external));
	const char **made = arena_array(a, plan->step_count + 1, sizeof(*made));
	size_t externals = 0, mades = 0;

	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];

		if (is_bind(s))
			external[externals++] = s->mount.target;
		else if (s->op == OP_MAKE_DEVICE && s->device.bind)
			external[externals++] = s->device.path;
		else if (s->op == OP_MOUNT && !s->mount.remount && lies_below_bind(plan, i))
			made[mades++] = s->mount.target;
	}
	rec->external = external;
	rec->made = made;
}
