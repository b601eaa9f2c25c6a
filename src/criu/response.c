/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * criu/response.c - answers and questions of CRIU become lines for tare
 *
 * CRIU waits for the answer to each of its questions, the notifications. Notifications that tare
 * handles are passed on, and tare's answer is passed back; all others are answered here.
 */
#include "criu/criu.h"

#include "base/fmt.h"
#include "kernel/socket.h"
#include "kernel/sys.h"

#include <stdlib.h>
#include <string.h>

static int say(const struct ends *ends, int fd, const char *text)
{
	return sys_send_fd(ends->tare, text, strlen(text), fd);
}

int response_fail(const struct ends *ends, const char *what)
{
	char text[600];

	fmt_text(text, sizeof(text), "lost %s", what);
	(void) say(ends, -1, text);

	return EXIT_FAILURE;
}

static bool is_asked(const struct asked *asked, const char *name)
{
	for (size_t i = 0; i < asked->count; i++)
		if (strcmp(asked->names[i], name) == 0)
			return true;

	return false;
}

/*
 * Does tare still exist? The notifications that tare does not handle are answered without tare, so
 * that the container's stop does not get longer by waiting for tare's processes to be scheduled.
 */
static bool tare_is_there(const struct ends *ends)
{
	struct pollfd socket = { .fd = ends->tare };

	return sys_poll(&socket, 1, 0) == 0;
}

/* CRIU waits until tare has handled the notification: tare sends one byte, '1' for done. */
static int ask_tare(const struct ends *ends, const Rpc__Notify *notify, int fd, char *answer)
{
	char text[256];
	int none;

	fmt_text(text, sizeof(text), "notify %s %d", notify->script,
		 notify->has_pid ? notify->pid : 0);

	return say(ends, fd, text) < 0 || sys_receive_fd(ends->tare, answer, 1, &none) != 1 ? -1
											    : 0;
}

static int pass_question(const struct ends *ends, const Rpc__Notify *notify, int fd,
			 const struct asked *asked)
{
	Rpc__Request reply = RPC__REQUEST__INIT;
	char answer = '1';

	if (!tare_is_there(ends))
		return -1;
	if (notify && notify->script && is_asked(asked, notify->script) &&
	    ask_tare(ends, notify, fd, &answer) < 0)
		return -1;
	reply.kind = RPC__KIND__NOTIFY;
	reply.has_notify_success = true;
	reply.notify_success = answer == '1';

	return request_send(ends->criu, &reply);
}

static int pass_result(const struct ends *ends, const Rpc__Response *response)
{
	char text[1024];

	if (!response->success)
		fmt_text(text, sizeof(text), "failed %d %s", response->error,
			 response->error_text ? response->error_text : "");
	else if (response->version)
		fmt_text(text, sizeof(text), "version %d %d %d", response->version->major,
			 response->version->minor, response->version->sublevel);
	else if (response->features)
		fmt_text(text, sizeof(text), "features %d %d", response->features->mem_track,
			 response->features->lazy_pages);
	else
		fmt_text(text, sizeof(text), "done %d",
			 response->restored ? response->restored->pid : 0);

	return say(ends, -1, text) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int response_pass(const struct ends *ends, uint8_t *buffer, size_t size, const struct asked *asked)
{
	int fd, status = -1;
	ssize_t n = sys_receive_fd(ends->criu, buffer, size, &fd);
	Rpc__Response *response = n > 0 ? rpc__response__unpack(NULL, (size_t) n, buffer) : NULL;

	if (!response)
		status = response_fail(ends, n > 0 ? "the thread: CRIU says what is none of its "
						     "protocol"
						   : "CRIU");
	else if (response->kind != RPC__KIND__NOTIFY)
		status = pass_result(ends, response);
	else if (pass_question(ends, response->notify, fd, asked) < 0)
		status = EXIT_FAILURE;
	if (fd >= 0)
		sys_close(fd);
	rpc__response__free_unpacked(response, NULL);

	return status;
}
