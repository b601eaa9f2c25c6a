/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/kernels/calls.c - a program that makes known system calls
 *
 *     calls THREADS COUNT	each of so many threads calls getppid(2) so often
 *     calls errno		what refused calls say: "EPERM 1" for getpriority, a line each
 *     calls x32		getppid and ioctl as an x32 program numbers them, which most kernels answer with ENOSYS
 *     calls int80		64-bit code that calls getppid(2) and ioctl(2) in the way of i386; nothing on another processor
 *     calls signal		SIGALRM every millisecond while getppid is called 20,000 times; prints how many were interrupted
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static long count;

static void *call(void *arg)
{
	for (long i = 0; i < count; i++)
		syscall(SYS_getppid);

	return arg;
}

static int make_threads(int threads)
{
	pthread_t ids[64];

	for (int i = 0; i < threads; i++)
		if (pthread_create(&ids[i], NULL, call, NULL) != 0)
			return 1;
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);

	return 0;
}

static int print_errors(void)
{
	errno = 0;
	getpriority(PRIO_PROCESS, 0);
	printf("getpriority %d\n", errno);
	errno = 0;
	printf("sync %ld %d\n", syscall(SYS_sync), errno);

	return 0;
}

static int call_x32(void)
{
	const long bit = 0x40000000, x32_ioctl = 514, tcgets = 0x5401;

	syscall(bit | SYS_getppid);
	syscall(bit | x32_ioctl, 0, tcgets, 0);

	return 0;
}

/* getppid(2) and ioctl(2) have the numbers 64 and 54 on i386; on x86-64 these are semget(2) and setsockopt(2). */
static int call_int80(void)
{
#if defined(__x86_64__)
	const long i386_getppid = 64, i386_ioctl = 54, tcgets = 0x5401;
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(i386_getppid)
			 : "memory", "r8", "r9", "r10", "r11");
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(i386_ioctl), "b"(0L), "c"(tcgets), "d"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
#endif

	return 0;
}

static void ignore(int signal)
{
	(void) signal;
}

static int count_interrupted(void)
{
	const struct itimerval often = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
	int interrupted = 0;

	signal(SIGALRM, ignore);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 20000; i++)
		interrupted += syscall(SYS_getppid) < 0;
	setitimer(ITIMER_REAL, &never, NULL);
	printf("%d\n", interrupted);

	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "errno") == 0)
		return print_errors();
	if (argc == 2 && strcmp(argv[1], "signal") == 0)
		return count_interrupted();
	if (argc == 2 && strcmp(argv[1], "x32") == 0)
		return call_x32();
	if (argc == 2 && strcmp(argv[1], "int80") == 0)
		return call_int80();
	if (argc != 3 || atoi(argv[1]) > 64)
		return 2;
	count = atol(argv[2]);

	return make_threads(atoi(argv[1]));
}
