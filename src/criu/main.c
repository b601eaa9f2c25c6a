/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * criu/main.c - tare-criu: one request, and its answers
 *
 * Descriptor 0 is a file with the request, 1 the socket to tare, 2 takes errors of the dynamic
 * linker, 3 is the socket to CRIU. Each message of CRIU becomes one line of text for tare. When
 * CRIU waits for an answer, tare-criu waits for tare's. If tare or CRIU ends, its socket reports
 * the end. tare-criu then ends too, and the other one sees the end of its own socket. So CRIU
 * undoes its work if tare is killed.
 */
#include "criu/criu.h"

#include "base/fmt.h"
#include "kernel/helper.h"

#include <stdlib.h>

/* CRIU's messages are small; the longest text in one is a line of its log. */
#define ROOM 65536

void *request_allocate(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();

	return p;
}

int main(void)
{
	static uint8_t buffer[ROOM];
	const struct ends ends = { .tare = 1, .criu = 3 };
	const char *wrong = "a request that is too long";
	struct asked asked = { .count = 0 };
	size_t size;
	char *text = helper_read_input(&size);
	Rpc__Request *request = text ? request_parse(text, size, &asked, &wrong) : NULL;
	int status;

	if (!request) {
		char line[512];

		fmt_text(line, sizeof(line),
			 "the thread: tare-criu is started by tare alone (\"%s\")", wrong);
		return response_fail(&ends, line);
	}
	if (request_send(ends.criu, request) < 0)
		return response_fail(&ends, "CRIU");
	while ((status = response_pass(&ends, buffer, sizeof(buffer), &asked)) < 0)
		continue;

	return status;
}
