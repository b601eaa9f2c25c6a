/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/checkpoint.c - `checkpoint ID`: the state of a running container goes to files
 *
 * The flags are those of runc and crun together.
 */
#include "cli/criu.h"

#include "base/fmt.h"
#include "base/table.h"
#include "base/words.h"
#include "host/criu/checkpoint.h"

#define FIELD(name) offsetof(struct options, criu.name)

static const struct flag common_rows[] = {
	{ "image-path", 0, false, FLAG_TEXT, FIELD(image_path), "DIR",
	  "where the images are (checkpoint)" },
	{ "work-path", 0, false, FLAG_TEXT, FIELD(work_path), "DIR",
	  "where CRIU's log is written (with the images)" },
	{ "tcp-established", 0, false, FLAG_BOOL, FIELD(tcp_established), NULL,
	  "with TCP connections to others, which wait meanwhile" },
	{ "ext-unix-sk", 0, false, FLAG_BOOL, FIELD(ext_unix_sk), NULL,
	  "with unix sockets that are connected to outside" },
	{ "shell-job", 0, false, FLAG_BOOL, FIELD(shell_job), NULL,
	  "with the terminal of a shell that it was started by" },
	{ "file-locks", 0, false, FLAG_BOOL, FIELD(file_locks), NULL, "with locks of files" },
	{ "manage-cgroups-mode", 0, false, FLAG_WORD, FIELD(cgroups_mode),
	  "soft|full|strict|ignore", "what CRIU does about properties of cgroups (soft)" },
	{ "network-lock", 0, false, FLAG_WORD, FIELD(network_lock),
	  "default|iptables|nftables|skip",
	  "how CRIU keeps packets away meanwhile (CRIU's own choice)" },
	{ "empty-ns", 0, false, FLAG_LIST, FIELD(empty_ns), "network",
	  "a new namespace, with nothing in it of the old one" },
	{ "link-remap", 0, false, FLAG_BOOL, FIELD(link_remap), NULL,
	  "with files that were removed while they are open, by a link meanwhile" },
	{ "lazy-pages", 0, false, FLAG_BOOL, FIELD(lazy_pages), NULL,
	  "memory follows when it is needed (userfaultfd)" },
	{ "auto-dedup", 0, false, FLAG_BOOL, FIELD(auto_dedup), NULL,
	  "free what of older images is in newer ones" },
};

const struct flag_table criu_flags = { common_rows, ARRAY_SIZE(common_rows) };

static const struct flag rows[] = {
	{ "leave-running", 0, false, FLAG_BOOL, FIELD(leave_running), NULL,
	  "let the container go on" },
	{ "pre-dump", 0, false, FLAG_BOOL, FIELD(pre_dump), NULL,
	  "save memory only, and let the container go on" },
	{ "parent-path", 0, false, FLAG_TEXT, FIELD(parent_path), "DIR",
	  "images of the last pre-dump, from --image-path on: ../1" },
	{ "page-server", 0, false, FLAG_TEXT, FIELD(page_server), "ADDRESS:PORT",
	  "send memory to CRIU's page server there" },
	{ "status-fd", 0, false, FLAG_TEXT, FIELD(status_fd), "N",
	  "descriptor that gets a zero byte once lazy pages can be asked for" },
	{ "tcp-skip-in-flight", 0, false, FLAG_BOOL, FIELD(tcp_skip_in_flight), NULL,
	  "leave out TCP connections that are being made" },
};

static const struct flag_table flags = { rows, ARRAY_SIZE(rows) };

static int check_empty(const struct text_list *list, struct err *e)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], "network") != 0)
			return err_msg(e, "--empty-ns: namespace \"%s\" is not supported",
				       list->items[i]);

	return 0;
}

int criu_options_of(const struct call *call, struct criu_options *o, struct err *e)
{
	const struct criu_words *w = &call->options.criu;
	unsigned long long fd = 0;

	if (check_empty(&w->empty_ns, e) < 0)
		return -1;
	if (w->status_fd && (fmt_parse_u64(w->status_fd, &fd) < 0 || fd > INT32_MAX))
		return err_msg(e, "--status-fd \"%s\" is no descriptor", w->status_fd);
	*o = (struct criu_options) {
		.image_path = w->image_path,
		.work_path = w->work_path,
		.tcp_established = w->tcp_established,
		.tcp_close = w->tcp_close,
		.tcp_skip_in_flight = w->tcp_skip_in_flight,
		.ext_unix_sk = w->ext_unix_sk,
		.shell_job = w->shell_job,
		.file_locks = w->file_locks,
		.link_remap = w->link_remap,
		.auto_dedup = w->auto_dedup,
		.lazy_pages = w->lazy_pages,
		.empty_network = w->empty_ns.count > 0,
		.cgroups_mode = (enum criu_cgroups_mode) w->cgroups_mode,
		.network_lock = (enum criu_network_lock) w->network_lock,
		.leave_running = w->leave_running,
		.pre_dump = w->pre_dump,
		.parent_path = w->parent_path,
		.page_server = w->page_server,
		.status_fd = w->status_fd ? (int) fd : -1,
		.lsm_profile = w->lsm_profile,
		.lsm_mount_context = w->lsm_mount_context,
	};

	return 0;
}

/* podman runs `checkpoint --help` to find out whether checkpoints work. */
static int check_help(const struct call *call, struct err *e)
{
	return container_check_criu(call->env, call->arena, e);
}

static int perform(struct call *call, struct err *e)
{
	struct criu_options o;

	if (criu_options_of(call, &o, e) < 0)
		return -1;

	return container_checkpoint(
		&(struct checkpoint_call) {
			.root = &call->root,
			.id = call->id,
			.options = &o,
			.env = call->env,
		},
		call->arena, e);
}

const struct verb verb_checkpoint = {
	.name = "checkpoint",
	.arguments = "ID",
	.summary = "save a running container to files, with CRIU",
	.tables = { &criu_flags, &flags },
	.least = 1,
	.most = 1,
	.takes_id = true,
	.check_help = check_help,
	.perform = perform,
};
