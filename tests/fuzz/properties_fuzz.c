/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/properties_fuzz.c - what tare-systemd reads, as the arguments of a D-Bus call
 *
 * A request as it is, and as the value of an org.systemd.property annotation, which becomes lines of one. What is taken
 * must be a whole message: libsystemd seals it, and it holds what the signature says.
 */
#include "tests/fuzz/fuzz.h"

#include "plan/systemd/gvariant.h"
#include "systemd/systemd.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* A message belongs to a bus, which has begun to be one: nobody is at the other end, and nothing is sent. */
static sd_bus *bus_of_nobody(void)
{
	static sd_bus *bus;
	static int ends[2];

	if (bus)
		return bus;
	fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	fuzz_check(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, ends[0], ends[0]) >= 0);
	fuzz_check(sd_bus_start(bus) >= 0);

	return bus;
}

static int append(const struct request *request, unsigned version)
{
	char name[PROPERTY_NAME];
	sd_bus_message *m = NULL;

	fuzz_check(sd_bus_message_new_method_call(bus_of_nobody(), &m, "org.x", "/x", "org.x",
						  "X") >= 0);

	int r = properties_append(m, request, version, name);

	fuzz_check(memchr(name, '\0', sizeof(name)));
	if (r >= 0) {
		fuzz_check(sd_bus_message_seal(m, 1, 0) >= 0);
		fuzz_check(strcmp(sd_bus_message_get_signature(m, true), "a(sv)") == 0);
		fuzz_check(sd_bus_message_skip(m, "a(sv)") > 0 &&
			   sd_bus_message_at_end(m, true) > 0);
	}
	sd_bus_message_unref(m);

	return r;
}

/* For an old systemd, and for one that knows all. */
static int append_twice(const struct request *request)
{
	append(request, 0);
	properties_need_version(request->properties);

	return append(request, UINT32_MAX);
}

/* The lines are our own: what is wrong with them can only be a text that D-Bus does not take. */
static void from_annotation(const char *text, struct arena *a)
{
	struct properties value = { .arena = a };
	struct request request = { .unit = "x.scope", .pid = 1 };

	if (gvariant_property(&value, "X", text))
		return;
	request.properties = value.text;

	int r = append_twice(&request);

	if (r < 0 && getenv("TARE_FUZZ_TELL"))
		printf("%d for\n%s", r, value.text);
	fuzz_check(r >= 0 || r == -EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request request;
	struct arena a;

	arena_open(&a);
	if (request_parse(fuzz_text(data, size, &a), &request) == 0)
		append_twice(&request);
	from_annotation(fuzz_text(data, size, &a), &a);
	arena_close(&a);

	return 0;
}
