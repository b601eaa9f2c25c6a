/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/state_harness.h - a container's directory of state, of the test's own
 */
#pragma once

#include "kernel/sys.h"
#include "state/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static char top[] = "/tmp/tare-state-XXXXXX";
static int directory;

static int make_top(void **state)
{
	(void) state;
	assert_non_null(mkdtemp(top));
	directory = sys_open(top, O_RDONLY | O_DIRECTORY);

	return directory < 0;
}

static int remove_top(void **state)
{
	(void) state;
	sys_unlink_at(directory, STATE_JOURNAL, 0);
	sys_unlink_at(directory, STATE_RECORD, 0);
	sys_close(directory);

	return sys_unlink_at(AT_FDCWD, top, AT_REMOVEDIR);
}
