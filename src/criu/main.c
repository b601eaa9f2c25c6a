/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * criu/main.c - tare-criu: one request, and what comes of it
 *
 * Descriptor 0 is a file with the request, 1 the socket to tare, 2 where the dynamic linker may
 * complain, 3 the socket to CRIU. All that CRIU says becomes one message of text for tare; where
 * CRIU waits for a word, so do we, for tare's. Whoever of the two goes away is found by the end of
 * the socket: then we end, and the other finds the same. So a tare that is killed makes CRIU undo
 * what is done.
 */
#include "criu/criu.h"

#include "base/fmt.h"
#include "kernel/helper.h"
#include "kernel/socket.h"
#include "kernel/sys.h"

#include <stdlib.h>
#include <string.h>

#define TO_TARE 1
#define TO_CRIU 3

/* CRIU's messages are small; the longest text in one is a line of its log. */
#define ROOM 65536

static int say(int fd, const char *text)
{
	return sys_send_fd(TO_TARE, text, strlen(text), fd);
}

static int fail(const char *what)
{
	char text[600];

	fmt_text(text, sizeof(text), "lost %s", what);
	(void) say(-1, text);

	return EXIT_FAILURE;
}

static int send_request(const Rpc__Request *request)
{
	size_t size = rpc__request__get_packed_size(request);
	uint8_t *packed = malloc(size);

	if (!packed)
		return -1;
	rpc__request__pack(request, packed);

	int r = sys_send_fd(TO_CRIU, packed, size, -1);
	free(packed);

	return r;
}

/* ---- what CRIU says ---- */

static bool is_asked(const struct asked *asked, const char *name)
{
	for (size_t i = 0; i < asked->count; i++)
		if (strcmp(asked->names[i], name) == 0)
			return true;

	return false;
}

/*
 * Who waits for the container is not to wait for a turn of tare's processes as well, where tare has
 * nothing to do.
 */
static bool tare_is_there(void)
{
	struct pollfd socket = { .fd = TO_TARE };

	return sys_poll(&socket, 1, 0) == 0;
}

/* CRIU waits until tare has done its part: one byte comes back, '1' for done. */
static int ask_tare(const Rpc__Notify *notify, int fd, char *answer)
{
	char text[256];
	int none;

	fmt_text(text, sizeof(text), "notify %s %d", notify->script,
		 notify->has_pid ? notify->pid : 0);

	return say(fd, text) < 0 || sys_receive_fd(TO_TARE, answer, 1, &none) != 1 ? -1 : 0;
}

static int pass_question(const Rpc__Notify *notify, int fd, const struct asked *asked)
{
	Rpc__Request reply = RPC__REQUEST__INIT;
	char answer = '1';

	if (!tare_is_there())
		return -1;
	if (notify && notify->script && is_asked(asked, notify->script) &&
	    ask_tare(notify, fd, &answer) < 0)
		return -1;
	reply.kind = RPC__KIND__NOTIFY;
	reply.has_notify_success = true;
	reply.notify_success = answer == '1';

	return send_request(&reply);
}

static int pass_result(const Rpc__Response *response)
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

	return say(-1, text) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One message of CRIU's: -1 to go on, else what to exit with. */
static int pass_message(uint8_t *buffer, const struct asked *asked)
{
	int fd, status = -1;
	ssize_t n = sys_receive_fd(TO_CRIU, buffer, ROOM, &fd);
	Rpc__Response *response = n > 0 ? rpc__response__unpack(NULL, (size_t) n, buffer) : NULL;

	if (!response)
		return fail(n > 0 ? "the thread: CRIU says what is none of its protocol" : "CRIU");
	if (response->kind != RPC__KIND__NOTIFY)
		status = pass_result(response);
	else if (pass_question(response->notify, fd, asked) < 0)
		status = EXIT_FAILURE;
	if (fd >= 0)
		sys_close(fd);
	rpc__response__free_unpacked(response, NULL);

	return status;
}

int main(void)
{
	static uint8_t buffer[ROOM];
	const char *wrong = "a request that is too long";
	struct asked asked = { .count = 0 };
	size_t size;
	char *text = helper_read_input(&size);
	Rpc__Request *request = text ? request_parse(text, size, &asked, &wrong) : NULL;
	int status;

	if (!request) {
		char line[512];

		fmt_text(line, sizeof(line),
			 "lost the thread: tare-criu is started by tare alone (\"%s\")", wrong);
		(void) say(-1, line);
		return EXIT_FAILURE;
	}
	if (send_request(request) < 0)
		return fail("CRIU");
	while ((status = pass_message(buffer, &asked)) < 0)
		continue;

	return status;
}
