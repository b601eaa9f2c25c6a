/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * box/dns.c - --dns: the box's /etc/resolv.conf
 *
 * The host's file, or one of tare's own (files.c writes it), is bound over that of the image. An
 * image without one gets an empty mount point, which box_clean() removes.
 */
#include "box/box.h"

#include "kernel/fd.h"
#include "kernel/sys.h"
#include "state/record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#define RESOLV_CONF  "/etc/resolv.conf"
#define MOST_SERVERS 3 /* MAXNS of resolv.h: resolvers ignore further ones */

static void add_resolv_conf(struct box *b, const char *source)
{
	box_add_mount(b, RESOLV_CONF, "bind", source, (const char *const[]) { "bind", "ro", NULL });
}

/* user_namespaces(7): root of the box may only write where the owner has an id in it. */
static bool is_owner_mapped(const struct box *b, int dir)
{
	struct stat st;

	if (!b->user_namespace)
		return true;
	if (sys_stat(dir, &st) < 0)
		return false;
	for (size_t i = 0; i < b->linux.uid_mappings_count; i++) {
		const struct oci_id_mapping *m = &b->linux.uid_mappings[i];

		if (st.st_uid >= m->host_id && st.st_uid - m->host_id < m->size)
			return true;
	}

	return false;
}

/* A missing mount point is made in ROOT; box_clean() removes it. */
static bool has_mount_point(struct box *b)
{
	autoclose int etc = sys_open_in_root(b->dir, "/etc", O_PATH | O_DIRECTORY);
	struct stat st;

	if (etc < 0)
		return false;

	bool there = sys_stat_at(etc, "resolv.conf", AT_SYMLINK_NOFOLLOW, &st) == 0;
	/* The mount point is made in the overlay, or not at all. */
	if (b->whole)
		return there;
	if (b->layered) {
		b->made_resolv_conf = b->options->overlay && !there;
		return there || is_owner_mapped(b, etc);
	}
	/* An empty file is the mount point of a box that was killed. */
	if (there) {
		b->made_resolv_conf = S_ISREG(st.st_mode) && st.st_size == 0;
		return true;
	}
	if (!is_owner_mapped(b, etc))
		return false;
	b->made_resolv_conf = sys_access_at(etc, ".", W_OK) == 0;

	return b->made_resolv_conf;
}

/*
 * Is @word an address as resolv.conf(5) takes it behind "nameserver": IPv4, or IPv6 with or without
 * a zone?
 */
static bool is_address(struct box *b, const char *word)
{
	unsigned char room[sizeof(struct in6_addr)];
	size_t length = strcspn(word, "%");
	bool zone = word[length] != '\0';

	if (!zone && inet_pton(AF_INET, word, room) == 1)
		return true;
	if (zone && (word[length + 1] == '\0' || strlen(word + length + 1) >= IFNAMSIZ ||
		     strpbrk(word, " \t\n/")))
		return false;

	return inet_pton(AF_INET6, arena_memdup(b->arena, word, length), room) == 1;
}

static int write_servers(struct box *b, const char *list, struct err *e)
{
	const char *at = list, *word;
	char *text = arena_alloc(b->arena, 12 * strlen(list) + 1), *end = text;
	unsigned count = 0;

	while ((word = box_next_word(b, &at))) {
		if (++count > MOST_SERVERS)
			return box_refuse(b, "dns", list, e, "a resolv.conf(5) has room for %d",
					  MOST_SERVERS);
		if (!is_address(b, word))
			return box_refuse(b, "dns", list, e, "\"%s\" is not an address", word);
		end = stpcpy(stpcpy(stpcpy(end, "nameserver "), word), "\n");
	}
	if (end == text)
		return box_refuse(b, "dns", list, e, "it is auto, none, or addresses: 9.9.9.9,::1");
	(void) has_mount_point(b);
	b->resolv_text = text;
	if (b->options->emit_config)
		b->resolv_path = arena_printf(b->arena, "%s/resolv.conf",
					      box_absolute(b, b->options->emit_config));
	else
		b->resolv_path = arena_printf(b->arena, "%s/.resolv-%s", b->state_root->path, list);
	box_origin(b, arena_printf(b->arena, "/mounts/%zu", b->config.mounts_count), "dns", list);
	add_resolv_conf(b, b->resolv_path);

	return 0;
}

bool box_lost_mount_point(const struct box *b, const struct err *failure)
{
	const struct oci_mount *m = box_mount_at(b, failure->place);

	return b->made_resolv_conf && failure->code == ENOENT && m &&
	       strcmp(m->destination, RESOLV_CONF) == 0;
}

bool box_has_name_servers(const struct box *b)
{
	const char *word = b->options->dns;

	return word && strcmp(word, "auto") != 0 && strcmp(word, "none") != 0;
}

int box_dns(struct box *b, struct err *e)
{
	const char *word = b->options->dns, *net = b->options->net;
	bool own = net && strcmp(net, "none") == 0;

	if (word && strcmp(word, "none") == 0)
		return 0;
	if (box_has_name_servers(b))
		return write_servers(b, word, e);
	if (own || b->level[WISH_DNS] > 0)
		return 0;
	if (sys_access_at(AT_FDCWD, RESOLV_CONF, R_OK) < 0)
		return box_is_android(b)
			       ? box_leave_out(b, WISH_DNS, "no " RESOLV_CONF " on the host", e)
			       : 0;
	if (has_mount_point(b)) {
		add_resolv_conf(b, RESOLV_CONF);
		box_wish(b, arena_printf(b->arena, "/mounts/%zu", b->config.mounts_count - 1),
			 WISH_DNS);
	}

	return 0;
}
