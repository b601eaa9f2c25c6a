/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * criu/criu.h - tare-criu: the one program of tare that speaks CRIU's protocol
 *
 * tare starts tare-criu beside `criu swrk`, with an empty environment; host/criu/criu.h describes
 * the descriptors and lines. tare-criu is a program of its own, so that protobuf-c is loaded only
 * for checkpoints. tare decides everything; tare-criu translates tare's words into CRIU's messages,
 * and CRIU's answers and questions into lines.
 */
#pragma once

#include "criu.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Notifications of CRIU that are passed on to tare. tare-criu answers all others itself, as long as
 * tare exists.
 */
#define ASKED_MOST 8

struct asked {
	const char *names[ASKED_MOST];
	size_t count;
};

/*
 * The request in @text, @size bytes with a NUL at their end: words, each ended by a NUL. The first
 * is its kind; then come triples: name of an option, value, second value (often empty). The option
 * `ask` names a notification for @asked. NULL with @wrong set to the word that makes no sense;
 * lives until exit.
 */
Rpc__Request *request_parse(const char *text, size_t size, struct asked *asked, const char **wrong);

/*
 * Zeroed memory of a request, never NULL. Each program has its own: tare-criu, which is short,
 * leaves it to its exit.
 */
void *request_allocate(size_t size);

/* Sent as one packet to @socket: 0, or -errno. */
int request_send(int socket, const Rpc__Request *request);

/* Sockets, with packets in both directions. */
struct ends {
	int tare, criu;
};

/*
 * The next message of CRIU's, at most @size bytes, into @buffer, and what it means for tare. -1:
 * CRIU goes on; else the message was the last, and the status to exit with.
 */
int response_pass(const struct ends *ends, uint8_t *buffer, size_t size, const struct asked *asked);

/* Tell tare that @what is lost. Returns the exit status. */
int response_fail(const struct ends *ends, const char *what);
