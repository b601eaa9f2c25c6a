/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/fuzz.h - what the harnesses share
 *
 * A harness is one function of tare that takes input from outside, with libFuzzer's input. What is
 * wrong beside what the sanitizers see is told by fuzz_check().
 */
#pragma once

#include "heap/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct err;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Where @what must be true. */
#define fuzz_check(what)                                                                           \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A failure has words, a place that is none or a JSON pointer, and a line that says it: shown with TARE_FUZZ_TELL. */
void fuzz_check_error(const struct err *e);

/* The number that an open would get: the same before and after, or a descriptor was left open. */
int fuzz_next_descriptor(void);

/* A directory of our own; where it is removed is the business of who set TMPDIR. */
const char *fuzz_directory(void);

/* File @name in there, with these bytes. */
void fuzz_file(const char *name, const void *bytes, size_t size);

/* The input as text, closed by a NUL, in the arena. */
char *fuzz_text(const uint8_t *data, size_t size, struct arena *a);

/*
 * The number behind "fuzz" in the outermost object, which tare does not know and ignores: what is
 * not in the document, the host and the command line, is chosen by its bits.
 */
unsigned fuzz_choice(const uint8_t *data, size_t size, struct arena *a);
