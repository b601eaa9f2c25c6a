/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan/limits/block_io.c - linux.resources.blockIO: the shares and rates of block devices
 *
 * Weights are BFQ's where the kernel has that scheduler. Without it v2 has io.weight, with another
 * scale, and v1 had CFQ's until Linux 5.0. A rate of 0 is no limit.
 */
#include "plan/limits/limits.h"

#include "base/table.h"

#define PLACE LIMITS_PLACE "blockIO/"

/* The range of BFQ's weights. CFQ, of v1 before Linux 5.0, took none below 10. */
#define SMALLEST_WEIGHT 1
#define LARGEST_WEIGHT	1000

/* The kernel's dev_t has 12 and 20 bits: a larger number would be cut, and mean another device. */
#define LARGEST_MAJOR 0xfff
#define LARGEST_MINOR 0xfffff

/* Map 10 ... 1000 to io.weight's 1 ... 10000; a weight below 10 becomes 1, too. */
static unsigned long io_weight(unsigned long weight)
{
	return weight < 10 ? 1 : 1 + (weight - 10) * 9999 / 990;
}

static int check_weight(unsigned long weight, const char *place, struct err *e)
{
	if (weight <= LARGEST_WEIGHT)
		return 0;

	return err_cfg(e, place, "weight %lu is not between %d and %d", weight, SMALLEST_WEIGHT,
		       LARGEST_WEIGHT);
}

static int check_device(int64_t major, int64_t minor, const char *place, struct err *e)
{
	if (major >= 0 && major <= LARGEST_MAJOR && minor >= 0 && minor <= LARGEST_MINOR)
		return 0;

	return err_cfg(e, place, "%lld:%lld is not a device number", (long long) major,
		       (long long) minor);
}

/* @device: "8:0 ", with the blank; or "", for all devices. */
static int put_weight(struct planner *p, const char *place, const char *device,
		      unsigned long weight, struct err *e)
{
	const char *value = arena_printf(p->arena, "%s%lu", device, weight);

	if (weight == 0)
		return 0;
	if (check_weight(weight, place, e) < 0)
		return -1;

	return limit_put(
		p,
		&(struct limit) {
			.controller = "io",
			.v1_controller = "blkio",
			.place = place,
			.v1_file = device[0] ? "blkio.weight_device" : "blkio.weight",
			.v1_other_file = device[0] ? "blkio.bfq.weight_device" : "blkio.bfq.weight",
			.v1 = value,
			.v2_file = "io.bfq.weight",
			.v2 = value,
			.v2_other_file = "io.weight",
			.v2_other = arena_printf(p->arena, "%s%lu", device[0] ? device : "default ",
						 io_weight(weight)),
		},
		e);
}

static int put_leaf_weight(struct planner *p, const char *place, const char *device,
			   unsigned long weight, struct err *e)
{
	if (weight == 0)
		return 0;
	if (check_weight(weight, place, e) < 0)
		return -1;

	return limit_put(
		p,
		&(struct limit) {
			.controller = "io",
			.v1_controller = "blkio",
			.place = place,
			.name = "leafWeight",
			.v1_file = device[0] ? "blkio.leaf_weight_device" : "blkio.leaf_weight",
			.v1 = arena_printf(p->arena, "%s%lu", device, weight),
		},
		e);
}

/* runtime-spec, config-linux.md#block-io: at least one of the two weights. */
static int put_weight_device(struct planner *p, size_t i, const struct oci_linux_weight_device *w,
			     struct err *e)
{
	const char *place = plan_place(p, PLACE "weightDevice/%zu", i);

	if (!w->has_weight && !w->has_leaf_weight)
		return err_cfg(e, place, "neither weight nor leafWeight is given");
	if (check_device(w->major, w->minor, place, e) < 0)
		return -1;

	const char *device =
		arena_printf(p->arena, "%lld:%lld ", (long long) w->major, (long long) w->minor);

	if (put_weight(p, plan_place(p, "%s/weight", place), device, w->weight, e) < 0)
		return -1;

	return put_leaf_weight(p, plan_place(p, "%s/leafWeight", place), device, w->leaf_weight, e);
}

struct throttle {
	const char *field, *v1_file, *v2_key;
};

static int put_rate(struct planner *p, const struct throttle *t, size_t i,
		    const struct oci_linux_throttle_device *d, struct err *e)
{
	const char *place = plan_place(p, PLACE "%s/%zu", t->field, i);
	struct arena *a = p->arena;

	if (check_device(d->major, d->minor, place, e) < 0)
		return -1;

	const char *rate = limit_unsigned(p, d->rate);
	const char *device =
		arena_printf(a, "%lld:%lld", (long long) d->major, (long long) d->minor);

	return limit_put(p,
			 &(struct limit) {
				 .controller = "io",
				 .v1_controller = "blkio",
				 .place = place,
				 .v1_file = t->v1_file,
				 .v1 = arena_printf(a, "%s %s", device, rate),
				 .v2_file = "io.max",
				 .v2 = arena_printf(a, "%s %s=%s", device, t->v2_key,
						    d->rate > 0 ? rate : "max"),
				 .optional = d->rate == 0,
			 },
			 e);
}

static int put_rates(struct planner *p, const struct throttle *t,
		     const struct oci_linux_throttle_device *devices, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (put_rate(p, t, i, &devices[i], e) < 0)
			return -1;

	return 0;
}

static int put_throttles(struct planner *p, const struct oci_linux_block_io *io, struct err *e)
{
	static const struct throttle throttles[] = {
		{ "throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps" },
		{ "throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps" },
		{ "throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops" },
		{ "throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops" },
	};
	const struct {
		const struct oci_linux_throttle_device *devices;
		size_t count;
	} lists[] = {
		{ io->throttle_read_bps_device, io->throttle_read_bps_device_count },
		{ io->throttle_write_bps_device, io->throttle_write_bps_device_count },
		{ io->throttle_read_iops_device, io->throttle_read_iops_device_count },
		{ io->throttle_write_iops_device, io->throttle_write_iops_device_count },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (put_rates(p, &throttles[i], lists[i].devices, lists[i].count, e) < 0)
			return -1;

	return 0;
}

int limits_block_io(struct planner *p, const struct oci_linux_resources *r, struct err *e)
{
	const struct oci_linux_block_io *io = r->block_io;

	if (!io)
		return 0;
	if (put_weight(p, PLACE "weight", "", io->weight, e) < 0 ||
	    put_leaf_weight(p, PLACE "leafWeight", "", io->leaf_weight, e) < 0)
		return -1;
	for (size_t i = 0; i < io->weight_device_count; i++)
		if (put_weight_device(p, i, &io->weight_device[i], e) < 0)
			return -1;

	return put_throttles(p, io, e);
}
