/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/faults/hostile/ring.c - the session keyring: keyctl(2)
 *
 * Without arguments: print the number of this process' own, and that of the key "tare-secret" found in it, or -1. With a name: join or make
 * the one of that name, open to everybody, put the key in it, print its number, and with more arguments execute those; else wait.
 */
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SESSION (-3L) /* KEY_SPEC_SESSION_KEYRING */

enum { GET_ID = 0, JOIN = 1, SET_PERMISSION = 5, SEARCH = 10 };

static long keyctl(int what, long a, long b, long c, long d)
{
	return syscall(SYS_keyctl, what, a, b, c, d);
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		printf("%ld %ld\n", keyctl(GET_ID, SESSION, 0, 0, 0),
		       keyctl(SEARCH, SESSION, (long) "user", (long) "tare-secret", 0));
		return 0;
	}

	long ring = keyctl(JOIN, (long) argv[1], 0, 0, 0);

	if (ring < 0 || keyctl(SET_PERMISSION, ring, 0x3f3f3f3f, 0, 0) < 0 ||
	    syscall(SYS_add_key, "user", "tare-secret", "x", 1L, SESSION) < 0)
		return 1;
	fprintf(stderr, "%ld\n", ring);
	if (argc > 2)
		execv(argv[2], argv + 2);
	pause();

	return 1;
}
