/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/skip.h - a skip names its reason; behind <cmocka.h>
 */
#pragma once

/* End the test as skipped. tests/run finds @why in the log. */
#define skip_as(why)                                                                               \
	do {                                                                                       \
		print_message("# reason: %s\n", why);                                              \
		skip();                                                                            \
	} while (0)
