/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * swap.c - exchange two names for ever: `swap A B [A B]...`
 *
 * What one look-up has found, the next one finds no more. Ends with its parent.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXCHANGE 2 /* RENAME_EXCHANGE */

int main(int argc, char **argv)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	puts("swapping");
	fflush(stdout);
	for (;;)
		for (int i = 1; i + 1 < argc; i += 2)
			if (syscall(SYS_renameat2, AT_FDCWD, argv[i], AT_FDCWD, argv[i + 1],
				    EXCHANGE) < 0) {
				perror(argv[i]);
				return 1;
			}
}
