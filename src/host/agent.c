/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * host/agent.c - the listener goes to the seccomp agent
 *
 * SCMP_ACT_NOTIFY: runtime-spec, config-linux.md#containerprocessstate. Runs in start, or in run,
 * when the filter is loaded and before the program runs. The connection is made at start, not at
 * create: an agent reads one connection to its end before it accepts the next, and a container may
 * wait long for its start.
 */
#include "host/agent.h"

#include "heap/json_text.h"
#include "host/host_path.h"
#include "kernel/fd.h"
#include "kernel/socket.h"

#include <sys/socket.h>

/*
 * The state for the agent. Its status is that of the spec's example, which agents expect, in run
 * and in start.
 */
static const char *describe(const struct record *rec, pid_t pid, enum container_status status,
			    struct arena *a)
{
	const char *metadata =
		rec->agent_metadata && rec->agent_metadata[0]
			? arena_printf(a, ",\"metadata\":%s", json_quote(a, rec->agent_metadata))
			: "";

	return arena_printf(a,
			    "{\"ociVersion\":%s,\"fds\":[\"seccompFd\"],\"pid\":%d%s,\"state\":%s}",
			    json_quote(a, rec->oci_version), (int) pid, metadata,
			    record_state_json(rec, status, rec->pid, a));
}

int agent_send(const struct record *rec, pid_t pid, enum container_status status, int listener,
	       struct arena *a, struct err *e)
{
	if (!rec->agent || listener < 0)
		return err_msg(e, "tare-init has a seccomp listener for nobody");

	const char *text = describe(rec, pid, status, a);
	const struct host_path agent = { .path = rec->agent, .below = rec->agent_below };
	autoclose int socket = host_path_connect(&agent, SOCK_STREAM);
	if (socket < 0)
		return err_sys(e, socket,
			       "failed to connect with seccomp agent: connect to the seccomp agent "
			       "at \"%s\"",
			       rec->agent);

	int r = sys_send_stream(socket, text, strlen(text), listener);

	return r < 0 ? err_sys(e, r, "send the container's state to the seccomp agent at \"%s\"",
			       rec->agent)
		     : 0;
}
