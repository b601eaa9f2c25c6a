/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/criu_fuzz.c - what tare-criu reads of tare and of CRIU, and tare of the images
 *
 * A request that is taken must be the message that CRIU unpacks. Each message of CRIU's becomes at
 * most one line for tare, and at most one answer. Images may come from another machine: the names
 * of standard descriptors in them lead to our own descriptors only.
 */
#include "tests/fuzz/fuzz.h"

#include "base/err.h"
#include "criu/criu.h"
#include "host/criu/externals.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- requests ---- */

/* All that a request takes, in a chain, as nothing of a request is freed by tare-criu. */
struct block {
	struct block *next;
	long long room[];
};

static struct block *blocks;

void *request_allocate(size_t size)
{
	struct block *b = calloc(1, sizeof(*b) + size);

	fuzz_check(b);
	b->next = blocks;
	blocks = b;

	return b->room;
}

static void free_blocks(void)
{
	while (blocks) {
		struct block *b = blocks;

		blocks = b->next;
		free(b);
	}
}

#define PACKET 262144

/* What CRIU unpacks is what was asked for. */
static void send_request(const Rpc__Request *request)
{
	int ends[2];

	fuzz_check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	if (request_send(ends[0], request) == 0) {
		uint8_t *packed = malloc(PACKET);
		ssize_t n = recv(ends[1], packed, PACKET, 0);

		fuzz_check(n > 0 && n < PACKET);

		Rpc__Request *seen = rpc__request__unpack(NULL, (size_t) n, packed);

		fuzz_check(seen && seen->kind == request->kind);
		fuzz_check(!seen->options == !request->options);
		fuzz_check(!seen->options ||
			   seen->options->n_external == request->options->n_external);
		rpc__request__free_unpacked(seen, NULL);
		free(packed);
	}
	close(ends[0]);
	close(ends[1]);
}

static void take_request(const uint8_t *data, size_t size)
{
	struct asked asked = { .count = 0 };
	const char *wrong = NULL;
	char *text = malloc(size + 1);

	fuzz_check(text);
	memcpy(text, data, size);
	text[size] = '\0';

	const Rpc__Request *request = request_parse(text, size + 1, &asked, &wrong);

	fuzz_check((request || wrong) && asked.count <= ASKED_MOST);
	if (request)
		send_request(request);
	free_blocks();
	free(text);
}

/* ---- responses ---- */

static size_t count_packets(int socket)
{
	char packet[2048];
	size_t count = 0;

	while (recv(socket, packet, sizeof(packet), MSG_DONTWAIT) >= 0)
		count++;

	return count;
}

static void take_response(const uint8_t *data, size_t size)
{
	static const struct asked asked = { .names = { "post-restore", "status-ready" },
					    .count = 2 };
	int tare[2], criu[2];
	uint8_t *buffer = malloc(65536);

	fuzz_check(buffer && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, tare) == 0 &&
		   socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, criu) == 0);
	fuzz_check(send(criu[1], data, size, 0) == (ssize_t) size);
	/* Who is asked is not there any more, so that nothing waits. */
	if (size > 0 && data[size - 1] % 2)
		shutdown(tare[1], SHUT_WR);
	else
		fuzz_check(shutdown(tare[0], SHUT_RD) == 0);

	const struct ends ends = { .tare = tare[0], .criu = criu[0] };
	int status = response_pass(&ends, buffer, 65536, &asked);

	fuzz_check(status == -1 || status == EXIT_SUCCESS || status == EXIT_FAILURE);
	fuzz_check(count_packets(tare[1]) <= 1);
	fuzz_check(count_packets(criu[1]) <= 1);
	for (int i = 0; i < 2; i++) {
		close(tare[i]);
		close(criu[i]);
	}
	free(buffer);
}

/* ---- images ---- */

static void take_descriptors(const uint8_t *data, size_t size)
{
	struct criu_start start = { .cgroup = -1 };
	struct criu_request request;
	struct arena a;
	struct err e;

	arena_open(&a);
	fuzz_file(EXTERNALS_FILE, data, size);

	int images = open(fuzz_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_check(images >= 0);
	criu_request_begin(&request, "restore", &a);
	if (externals_name_stdio(&request, images, &start, &e) < 0)
		fuzz_check_error(&e);
	fuzz_check(start.fd_count <= 3);
	for (size_t i = 0; i < start.fd_count; i++)
		close(start.fds[i]);
	close(images);
	arena_close(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int next = fuzz_next_descriptor();

	if (size > 16384)
		return -1;
	take_request(data, size);
	take_response(data, size);
	take_descriptors(data, size);
	fuzz_check(fuzz_next_descriptor() == next);

	return 0;
}
