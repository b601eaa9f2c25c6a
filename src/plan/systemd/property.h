/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/systemd/property.h - properties of a systemd unit, as lines for tare-systemd
 *
 *	property NAME TYPE	begins one; TYPE is a D-Bus signature: "t", "as"
 *	since N			it is left out where systemd is older than version N
 *	array TYPE		opens an array of TYPE; likewise
 *	struct TYPES		a structure
 *	end			closes the innermost of them
 *	value T TEXT		one of basic type T: numbers in decimal, b as true or false
 *
 * In TEXT a backslash is written \\ and a line end \n. tare-systemd (systemd/properties.c) makes
 * them the arguments of StartTransientUnit.
 */
#pragma once

#include "heap/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* The lines; @text grows in the arena. All zero at first, but for the arena. */
struct properties {
	struct arena *arena;
	char *text;
	size_t length, room;
};

void property_begin(struct properties *p, const char *name, const char *type);
void property_since(struct properties *p, unsigned version);
void property_array(struct properties *p, const char *type);
void property_struct(struct properties *p, const char *types);
void property_end(struct properties *p);
void property_value(struct properties *p, char type, const char *text);

/* A whole property in one call. */
void property_string(struct properties *p, const char *name, const char *value);
void property_bool(struct properties *p, const char *name, bool value);
void property_u64(struct properties *p, const char *name, uint64_t value);
void property_u64_since(struct properties *p, const char *name, unsigned version, uint64_t value);
