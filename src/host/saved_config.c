/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/saved_config.c - what exec needs of config.json, as it was at create
 */
#include "host/saved_config.h"

#include "kernel/fd.h"
#include "libocispec/decode.h"
#include "libocispec/encode.h"
#include "plan/annotations/annotation.h"
#include "state/directory.h"
#include "state/lines.h"

/*
 * Keep the settings that each process of the container gets; drop those that the container got
 * once.
 */
static void keep_of_linux(struct oci_linux *to, const struct oci_linux *from)
{
	*to = (struct oci_linux) {
		.namespaces = from->namespaces,
		.namespaces_count = from->namespaces_count,
		.seccomp = from->seccomp,
		.personality = from->personality,
		.memory_policy = from->memory_policy,
	};
}

/* Only annotations that exec reads are kept; a config may have thousands. */
static struct oci_string_map *keep_of_annotations(const struct oci_string_map *from,
						  struct arena *a)
{
	static const char front[] = "run.oci.";
	struct oci_string_map *to = arena_new(a, struct oci_string_map);

	to->keys = arena_array(a, from->count, sizeof(*to->keys));
	to->values = arena_array(a, from->count, sizeof(*to->values));
	for (size_t i = 0; i < from->count; i++)
		if (strncmp(from->keys[i], front, sizeof(front) - 1) == 0 ||
		    strcmp(from->keys[i], ANNOTATION_LANDLOCK) == 0) {
			to->keys[to->count] = from->keys[i];
			to->values[to->count++] = from->values[i];
		}

	return to;
}

int saved_config_write(int dir, const struct oci_config *config, struct arena *a, struct err *e)
{
	struct oci_linux linux;
	struct oci_config kept = {
		.oci_version = config->oci_version,
		.process = config->process,
	};
	const char *text;
	size_t length;

	if (config->annotations)
		kept.annotations = keep_of_annotations(config->annotations, a);
	if (config->linux) {
		keep_of_linux(&linux, config->linux);
		kept.linux = &linux;
	}
	oci_encode(&oci_config_type, &kept, NULL, a, &text, &length);

	autoclose int fd =
		sys_open_at(dir, STATE_CONFIG, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	int r = fd < 0 ? fd : sys_write_all(fd, text, length);

	return r < 0 ? err_sys(e, r, "put the configuration aside") : 0;
}

int saved_config_read(int dir, const struct oci_config **config, struct arena *a, struct err *e)
{
	int r;
	void *decoded;
	char *text = lines_read(dir, STATE_CONFIG, a, &r);

	if (!text)
		return err_sys(e, r, "read the configuration put aside at create");
	if (oci_decode(&oci_config_type, text, strlen(text), a, &decoded, NULL, e) < 0)
		return err_in(e, "the configuration put aside at create");
	*config = decoded;

	return 0;
}
