/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * criu/request.c - words of tare become a message for CRIU
 *
 * One table has all options: what kind of value each takes, and where it goes in the message. So a
 * new option is a row.
 */
#include "criu/criu.h"

#include "base/fmt.h"
#include "base/table.h"
#include "kernel/socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Lists in a message; tare itself has no more mounts than a config.json of 16 MB can name. */
#define MOST 200000

enum option_kind {
	OPTION_BOOL, /* protobuf_c_boolean: "1" or "0" */
	OPTION_NUMBER,
	OPTION_TEXT,
	OPTION_TEXTS,
	OPTION_PAGE_SERVER,
	OPTION_JOIN,
	OPTION_INHERIT,
	OPTION_CGROUP_ROOT,
};

#define AT(name)       offsetof(Rpc__Options, name)
#define OPTIONAL(name) AT(has_##name), AT(name)
#define LIST(name)     AT(n_##name), AT(name)

static const struct {
	const char *name;
	enum option_kind kind;
	size_t has; /* of a list: its length */
	size_t at;
} options[] = {
	{ "pid", OPTION_NUMBER, OPTIONAL(pid) },
	{ "leave_running", OPTION_BOOL, OPTIONAL(leave_running) },
	{ "ext_unix_sk", OPTION_BOOL, OPTIONAL(ext_unix_sk) },
	{ "tcp_established", OPTION_BOOL, OPTIONAL(tcp_established) },
	{ "evasive_devices", OPTION_BOOL, OPTIONAL(evasive_devices) },
	{ "shell_job", OPTION_BOOL, OPTIONAL(shell_job) },
	{ "file_locks", OPTION_BOOL, OPTIONAL(file_locks) },
	{ "log_level", OPTION_NUMBER, OPTIONAL(log_level) },
	{ "log_file", OPTION_TEXT, 0, AT(log_file) },
	{ "page_server", OPTION_PAGE_SERVER, 0, AT(page_server) },
	{ "notify_scripts", OPTION_BOOL, OPTIONAL(notify_scripts) },
	{ "root", OPTION_TEXT, 0, AT(root) },
	{ "parent_img", OPTION_TEXT, 0, AT(parent_img) },
	{ "track_mem", OPTION_BOOL, OPTIONAL(track_mem) },
	{ "auto_dedup", OPTION_BOOL, OPTIONAL(auto_dedup) },
	{ "work_dir_fd", OPTION_NUMBER, OPTIONAL(work_dir_fd) },
	{ "link_remap", OPTION_BOOL, OPTIONAL(link_remap) },
	{ "manage_cgroups", OPTION_BOOL, OPTIONAL(manage_cgroups) },
	{ "cg_root", OPTION_CGROUP_ROOT, LIST(cg_root) },
	{ "rst_sibling", OPTION_BOOL, OPTIONAL(rst_sibling) },
	{ "inherit_fd", OPTION_INHERIT, LIST(inherit_fd) },
	{ "manage_cgroups_mode", OPTION_NUMBER, OPTIONAL(manage_cgroups_mode) },
	{ "external", OPTION_TEXTS, LIST(external) },
	{ "empty_ns", OPTION_NUMBER, OPTIONAL(empty_ns) },
	{ "join_ns", OPTION_JOIN, LIST(join_ns) },
	{ "freeze_cgroup", OPTION_TEXT, 0, AT(freeze_cgroup) },
	{ "tcp_skip_in_flight", OPTION_BOOL, OPTIONAL(tcp_skip_in_flight) },
	{ "lazy_pages", OPTION_BOOL, OPTIONAL(lazy_pages) },
	{ "status_fd", OPTION_NUMBER, OPTIONAL(status_fd) },
	{ "orphan_pts_master", OPTION_BOOL, OPTIONAL(orphan_pts_master) },
	{ "config_file", OPTION_TEXT, 0, AT(config_file) },
	{ "tcp_close", OPTION_BOOL, OPTIONAL(tcp_close) },
	{ "lsm_profile", OPTION_TEXT, 0, AT(lsm_profile) },
	{ "cgroup_yard", OPTION_TEXT, 0, AT(cgroup_yard) },
	{ "lsm_mount_context", OPTION_TEXT, 0, AT(lsm_mount_context) },
	{ "network_lock", OPTION_NUMBER, OPTIONAL(network_lock) },
};

static const struct {
	const char *name;
	Rpc__Kind kind;
	bool options; /* there are some: images_dir_fd at least */
} kinds[] = {
	{ "dump", RPC__KIND__DUMP, true },	  { "pre-dump", RPC__KIND__PRE_DUMP, true },
	{ "restore", RPC__KIND__RESTORE, true },  { "features", RPC__KIND__FEATURE_CHECK, false },
	{ "version", RPC__KIND__VERSION, false },
};

/* ---- one value ---- */

static int to_number(const char *text, int32_t *number)
{
	unsigned long long value;

	if (fmt_parse_u64(text, &value) < 0 || value > INT32_MAX)
		return -1;
	*number = (int32_t) value;

	return 0;
}

static void *new_page_server(const char *address, const char *port)
{
	Rpc__PageServer *server = request_allocate(sizeof(*server));

	rpc__page_server__init(server);
	server->address = (char *) address;
	server->has_port = true;

	return to_number(port, &server->port) < 0 ? NULL : server;
}

static void *new_join(const char *kind, const char *file)
{
	Rpc__JoinNamespace *join = request_allocate(sizeof(*join));

	rpc__join_namespace__init(join);
	join->kind = (char *) kind;
	join->file = (char *) file;

	return join;
}

static void *new_inherit(const char *key, const char *fd)
{
	Rpc__InheritFd *inherit = request_allocate(sizeof(*inherit));

	rpc__inherit_fd__init(inherit);
	inherit->key = (char *) key;

	return to_number(fd, &inherit->fd) < 0 ? NULL : inherit;
}

static void *new_cgroup_root(const char *controller, const char *path)
{
	Rpc__CgroupRoot *root = request_allocate(sizeof(*root));

	rpc__cgroup_root__init(root);
	root->controller = (char *) controller;
	root->path = (char *) path;

	return root;
}

static void *new_message(enum option_kind kind, const char *first, const char *second)
{
	switch (kind) {
	case OPTION_PAGE_SERVER:
		return new_page_server(first, second);
	case OPTION_JOIN:
		return new_join(first, second);
	case OPTION_INHERIT:
		return new_inherit(first, second);
	case OPTION_CGROUP_ROOT:
		return new_cgroup_root(first, second);
	default:
		return (void *) first;
	}
}

/* ---- the whole request ---- */

/* All lists are arrays of pointers, so one function appends to any of them. */
static int append(Rpc__Options *o, size_t row, void *element)
{
	size_t *count = (size_t *) ((char *) o + options[row].has);
	void ***list = (void ***) ((char *) o + options[row].at);

	if (!element || *count == MOST)
		return -1;
	if (!*list)
		*list = request_allocate(MOST * sizeof(**list));
	(*list)[(*count)++] = element;

	return 0;
}

static int set_option(Rpc__Options *o, size_t row, const char *first, const char *second)
{
	char *at = (char *) o + options[row].at;
	protobuf_c_boolean *has = (protobuf_c_boolean *) ((char *) o + options[row].has);

	switch (options[row].kind) {
	case OPTION_BOOL:
		*has = true;
		*(protobuf_c_boolean *) at = first[0] == '1';
		return 0;
	case OPTION_NUMBER:
		*has = true;
		return to_number(first, (int32_t *) at);
	case OPTION_TEXT:
	case OPTION_PAGE_SERVER:
		*(void **) at = new_message(options[row].kind, first, second);
		return *(void **) at ? 0 : -1;
	default:
		return append(o, row, new_message(options[row].kind, first, second));
	}
}

static int find_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return (int) i;

	return -1;
}

/* The next word of @text, or NULL at the end. */
static const char *next_word(const char **text, const char *end)
{
	const char *word = *text;

	if (word >= end)
		return NULL;
	*text = word + strlen(word) + 1;

	return word;
}

static Rpc__Request *new_request(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, kind) != 0)
			continue;

		Rpc__Request *request = request_allocate(sizeof(*request));
		rpc__request__init(request);
		request->kind = kinds[i].kind;
		if (kinds[i].options) {
			request->options = request_allocate(sizeof(*request->options));
			rpc__options__init(request->options);
		} else if (kinds[i].kind == RPC__KIND__FEATURE_CHECK) {
			request->features = request_allocate(sizeof(*request->features));
			rpc__features__init(request->features);
			request->features->has_mem_track = request->features->mem_track = true;
			request->features->has_lazy_pages = request->features->lazy_pages = true;
		}

		return request;
	}

	return NULL;
}

static int parse_option(Rpc__Options *o, struct asked *asked, const char *name, const char *first,
			const char *second)
{
	if (strcmp(name, "ask") == 0) {
		if (asked->count == ASKED_MOST)
			return -1;
		asked->names[asked->count++] = first;
		return 0;
	}
	if (strcmp(name, "images_dir_fd") == 0)
		return to_number(first, &o->images_dir_fd);

	int row = find_option(name);

	return row < 0 ? -1 : set_option(o, (size_t) row, first, second);
}

Rpc__Request *request_parse(const char *text, size_t size, struct asked *asked, const char **wrong)
{
	const char *end = text + size, *word = next_word(&text, end);
	Rpc__Request *request = word ? new_request(word) : NULL;

	*wrong = word ? word : "nothing";
	if (!request)
		return NULL;
	while ((word = next_word(&text, end))) {
		const char *first = next_word(&text, end), *second = next_word(&text, end);

		*wrong = word;
		if (!second || !request->options ||
		    parse_option(request->options, asked, word, first, second) < 0)
			return NULL;
	}

	return request;
}

int request_send(int socket, const Rpc__Request *request)
{
	size_t size = rpc__request__get_packed_size(request);
	uint8_t *packed = malloc(size);

	if (!packed)
		return -ENOMEM;
	rpc__request__pack(request, packed);

	int r = sys_send_fd(socket, packed, size, -1);
	free(packed);

	return r;
}
