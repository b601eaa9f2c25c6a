/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/fuzz/mutate.h - for harnesses of JSON: mutations of the tree, not of the bytes
 *
 * A random byte in a config.json makes it invalid JSON, which is refused before anything of
 * interest runs. So nodes are removed, doubled, exchanged, given other types, numbers at the ends
 * of ranges, words of the tables; and properties that the schema has are put in.
 */
#pragma once

#include "libocispec/table.h"

/* Each harness that is linked with mutate.c says what its documents are. */
extern const struct oci_type *const mutate_type;

/* What the decoder refuses is of little use to it: most documents shall pass. */
extern const bool mutate_decodable;

/*
 * Members of the outermost object, as name and JSON, that a mutation mostly leaves as they are said here: without them all
 * the rest is in vain. Up to a NULL.
 */
extern const char *const mutate_kept[][2];
