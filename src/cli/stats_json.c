/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cli/stats_json.c - a container's numbers as runc's `events` prints them
 *
 * Keys, and which of them are left out when they are 0, are those of runc, which engines decode.
 */
#include "cli/stats_json.h"

#include "base/table.h"

#include <string.h>

/* An object that is being written. */
struct object {
	struct out *out;
	bool begun;
};

static struct object begin(struct out *out)
{
	out_text(out, "{");

	return (struct object) { .out = out };
}

static void end(const struct object *o)
{
	out_text(o->out, "}");
}

static struct out *key(struct object *o, const char *name)
{
	if (o->begun)
		out_text(o->out, ",");
	o->begun = true;
	out_json_string(o->out, name);
	out_text(o->out, ":");

	return o->out;
}

static void number(struct object *o, const char *name, uint64_t value)
{
	out_printf(key(o, name), "%llu", (unsigned long long) value);
}

/* A member that is left out when it is 0. */
static void number_if(struct object *o, const char *name, uint64_t value)
{
	if (value != 0)
		number(o, name, value);
}

static void numbers_if(struct object *o, const char *name, const struct stats_numbers *list)
{
	if (list->count == 0)
		return;
	key(o, name);
	for (size_t i = 0; i < list->count; i++)
		out_printf(o->out, "%c%llu", i == 0 ? '[' : ',',
			   (unsigned long long) list->items[i]);
	out_text(o->out, "]");
}

/* The kernel writes two digits behind the point; Go's JSON numbers have no trailing zeros. */
static void fraction(struct object *o, const char *name, const char *text)
{
	size_t length = strlen(text);

	if (strchr(text, '.')) {
		while (text[length - 1] == '0')
			length--;
		length -= text[length - 1] == '.';
	}
	out_printf(key(o, name), "%.*s", (int) length, text);
}

static void pressure(struct object *in, const char *name, const struct stats_pressure *p)
{
	struct object o = begin(key(in, name));

	fraction(&o, "avg10", p->avg10);
	fraction(&o, "avg60", p->avg60);
	fraction(&o, "avg300", p->avg300);
	number(&o, "total", p->total);
	end(&o);
}

static void psi_if(struct object *in, const struct stats_psi *psi)
{
	if (!psi)
		return;

	struct object o = begin(key(in, "psi"));
	pressure(&o, "some", &psi->some);
	pressure(&o, "full", &psi->full);
	end(&o);
}

static void print_cpu(struct object *in, const struct stats_cpu *cpu)
{
	struct object o = begin(key(in, "cpu")), usage, throttling;

	usage = begin(key(&o, "usage"));
	number_if(&usage, "total", cpu->total);
	numbers_if(&usage, "percpu", &cpu->percpu);
	numbers_if(&usage, "percpu_kernel", &cpu->percpu_kernel);
	numbers_if(&usage, "percpu_user", &cpu->percpu_user);
	number(&usage, "kernel", cpu->kernel);
	number(&usage, "user", cpu->user);
	end(&usage);
	throttling = begin(key(&o, "throttling"));
	number_if(&throttling, "periods", cpu->periods);
	number_if(&throttling, "throttledPeriods", cpu->throttled_periods);
	number_if(&throttling, "throttledTime", cpu->throttled_time);
	end(&throttling);
	psi_if(&o, cpu->psi);
	end(&o);
}

static void print_cpuset(struct object *in, const struct stats_cpuset *c)
{
	struct object o = begin(key(in, "cpuset"));

	numbers_if(&o, "cpus", &c->cpus);
	number(&o, "cpu_exclusive", c->cpu_exclusive);
	numbers_if(&o, "mems", &c->mems);
	number(&o, "mem_hardwall", c->mem_hardwall);
	number(&o, "mem_exclusive", c->mem_exclusive);
	number(&o, "memory_migrate", c->memory_migrate);
	number(&o, "memory_spread_page", c->memory_spread_page);
	number(&o, "memory_spread_slab", c->memory_spread_slab);
	number(&o, "memory_pressure", c->memory_pressure);
	number(&o, "sched_load_balance", c->sched_load_balance);
	out_printf(key(&o, "sched_relax_domain_level"), "%lld",
		   (long long) c->sched_relax_domain_level);
	end(&o);
}

static void print_usage(struct object *in, const char *name, const struct stats_usage *u)
{
	struct object o = begin(key(in, name));

	number(&o, "limit", u->limit);
	number_if(&o, "usage", u->usage);
	number_if(&o, "max", u->max);
	number(&o, "failcnt", u->failcnt);
	end(&o);
}

static void print_memory(struct object *in, const struct stats_memory *m)
{
	struct object o = begin(key(in, "memory"));

	number_if(&o, "cache", m->cache);
	print_usage(&o, "usage", &m->usage);
	print_usage(&o, "swap", &m->swap);
	print_usage(&o, "kernel", &m->kernel);
	print_usage(&o, "kernelTCP", &m->kernel_tcp);
	if (m->raw_count > 0) {
		struct object raw = begin(key(&o, "raw"));

		for (size_t i = 0; i < m->raw_count; i++)
			number(&raw, m->raw[i].key, m->raw[i].value);
		end(&raw);
	}
	psi_if(&o, m->psi);
	end(&o);
}

static void print_pids(struct object *in, const struct cgroup_stats *stats)
{
	struct object o = begin(key(in, "pids"));

	number_if(&o, "current", stats->pids_current);
	number_if(&o, "limit", stats->pids_limit);
	end(&o);
}

static void print_io_entry(struct out *out, const struct stats_io_entry *entry)
{
	struct object o = begin(out);

	number_if(&o, "major", entry->major);
	number_if(&o, "minor", entry->minor);
	if (entry->op[0])
		out_json_string(key(&o, "op"), entry->op);
	number_if(&o, "value", entry->value);
	end(&o);
}

static void print_io(struct object *in, const struct stats_io *io)
{
	static const char *const names[IO_TABLES] = {
		[IO_SERVICE_BYTES] = "ioServiceBytesRecursive",
		[IO_SERVICED] = "ioServicedRecursive",
		[IO_QUEUED] = "ioQueueRecursive",
		[IO_SERVICE_TIME] = "ioServiceTimeRecursive",
		[IO_WAIT_TIME] = "ioWaitTimeRecursive",
		[IO_MERGED] = "ioMergedRecursive",
		[IO_TIME] = "ioTimeRecursive",
		[IO_SECTORS] = "sectorsRecursive",
	};
	struct object o = begin(key(in, "blkio"));

	for (size_t t = 0; t < IO_TABLES; t++) {
		if (io->tables[t].count == 0)
			continue;
		key(&o, names[t]);
		for (size_t i = 0; i < io->tables[t].count; i++) {
			out_text(o.out, i == 0 ? "[" : ",");
			print_io_entry(o.out, &io->tables[t].items[i]);
		}
		out_text(o.out, "]");
	}
	psi_if(&o, io->psi);
	end(&o);
}

static void print_hugetlb(struct object *in, const struct cgroup_stats *stats)
{
	struct object o = begin(key(in, "hugetlb"));

	for (size_t i = 0; i < stats->hugetlb_count; i++) {
		const struct stats_usage *u = &stats->hugetlb[i].usage;
		struct object size = begin(key(&o, stats->hugetlb[i].size));

		number_if(&size, "usage", u->usage);
		number_if(&size, "max", u->max);
		number(&size, "failcnt", u->failcnt);
		end(&size);
	}
	end(&o);
}

static void print_interface(struct out *out, const struct interface_stats *i)
{
	struct object o = begin(out);

	out_json_string(key(&o, "Name"), i->name);
	number(&o, "RxBytes", i->rx_bytes);
	number(&o, "RxPackets", i->rx_packets);
	number(&o, "RxErrors", i->rx_errors);
	number(&o, "RxDropped", i->rx_dropped);
	number(&o, "TxBytes", i->tx_bytes);
	number(&o, "TxPackets", i->tx_packets);
	number(&o, "TxErrors", i->tx_errors);
	number(&o, "TxDropped", i->tx_dropped);
	end(&o);
}

static void print_interfaces(struct object *in, const struct container_stats *stats)
{
	struct out *out = key(in, "network_interfaces");

	if (stats->interface_count == 0) {
		out_text(out, "null");
		return;
	}
	for (size_t i = 0; i < stats->interface_count; i++) {
		out_text(out, i == 0 ? "[" : ",");
		print_interface(out, &stats->interfaces[i]);
	}
	out_text(out, "]");
}

void stats_print_json(struct out *out, const struct container_stats *stats)
{
	const struct cgroup_stats *c = &stats->cgroup;
	struct object o = begin(out);

	print_cpu(&o, &c->cpu);
	print_cpuset(&o, &c->cpuset);
	print_memory(&o, &c->memory);
	print_pids(&o, c);
	print_io(&o, &c->io);
	print_hugetlb(&o, c);
	/* tare makes no monitoring counters; runc prints the key all the same. */
	out_text(key(&o, "intel_rdt"), "{}");
	print_interfaces(&o, stats);
	end(&o);
}
