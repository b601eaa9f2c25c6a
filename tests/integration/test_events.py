# SPDX-License-Identifier: LGPL-2.1-or-later
"""events: what the container uses and what happens to it, in runc's JSON."""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from harness import (BOX, IS_TARE, LAYOUT, RUNTIME, cgroup_mount, cgroup_mounts, command, has_v2, poll, proc_status, read,
                     spawn, finish, tare_only)

pytestmark = pytest.mark.layouts

MIB = 1 << 20


@pytest.fixture(autouse=True)
def with_cgroups():
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")


def stats(b):
    r = b.verb("events", "--stats").ok()
    assert r.out.count("\n") == 1
    event = json.loads(r.out)
    assert list(event) == ["type", "id", "data"]
    assert (event["type"], event["id"]) == ("stats", b.id)
    return event["data"]


def busy(bundle, **resources):
    bundle.linux["resources"] = resources
    bundle.writable().sh("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; dd if=/dev/zero of=/tmp/x bs=1M count=2 2>/dev/null;"
                         " touch /tmp/ready; exec sleep 1000")
    return bundle.up().ready()


def paths(value, prefix=""):
    """Every key of a JSON value, with those it is in; of arrays those of all elements."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield f"{prefix}/{key}"
            yield from paths(below, f"{prefix}/{key}")
    if isinstance(value, list):
        for below in value:
            yield from paths(below, f"{prefix}[]")


# --- the numbers


TOP = ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"]


def test_stats_are_one_line_with_all_parts(bundle):
    data = stats(busy(bundle))
    assert list(data) == TOP
    assert set(data["cpu"]) - {"psi"} == {"usage", "throttling"}
    assert set(data["memory"]) >= {"usage", "swap", "kernel", "kernelTCP"}


@tare_only
@pytest.mark.skipif(shutil.which("runc") is None, reason="runc is not on this machine")
def test_keys_are_those_of_runc(bundle, scratch):
    """The same bundle at the same time in both; what runc does not count yet is listed here."""
    wanted = {"memory": {"limit": 64 * MIB}, "pids": {"limit": 50}, "cpu": {"quota": 50000, "period": 100000}}
    b = busy(bundle, **{c: w for c, w in wanted.items() if cgroup_mount(c) is not None or has_v2(c)})
    other = b.id + "-runc"
    config = json.loads((b.dir / "config.json").read_text())
    config["linux"]["cgroupsPath"] += "-runc"
    # runc's mount of it changes the options of the one file system of all
    config["mounts"] = [m for m in config["mounts"] if m["type"] != "cgroup"]
    (b.dir / "config.json").write_text(json.dumps(config))
    runc = ["runc", "--root", str(scratch / "runc")]
    r = command(*runc, "run", "-d", "--bundle", b.dir, other)
    if r.code != 0:
        pytest.skip(f"layout {LAYOUT}: runc runs nothing here: {r.err.strip()[-200:]}")
    try:
        theirs = json.loads(command(*runc, "events", "--stats", other).ok().out)
    finally:
        command(*runc, "delete", "--force", other)
        made = (scratch / "runc")
        shutil.rmtree(made, ignore_errors=True)
    ours = json.loads(b.verb("events", "--stats").ok().out)

    def comparable(event):
        # in and out of these by chance: left out when they are 0
        chance = {"/data/cpu/throttling/periods", "/data/cpu/throttling/throttledPeriods",
                  "/data/cpu/throttling/throttledTime", "/data/memory/cache"}
        # of a hybrid's v2 controllers runc tells nothing
        hybrid = cgroup_mount("memory") is not None and cgroup_mount("") is not None
        found = {p for p in paths(event) if "blkio/" not in p and "psi" not in p
                 and not (hybrid and p.startswith("/data/hugetlb/"))}
        return found - chance

    newer = {"/data/memory/usage/max"} if has_v2("memory") else set()
    assert comparable(ours) - newer == comparable(theirs) - newer


def test_cpu_is_in_nanoseconds(bundle):
    b = busy(bundle)
    usage = stats(b)["cpu"]["usage"]
    if cgroup_mount("cpuacct") is not None:
        assert usage["total"] <= int(read(b.cgroup("cpuacct") / "cpuacct.usage"))
        # read one after the other, while it may still run
        assert usage["total"] <= sum(usage["percpu"]) <= usage["total"] * 2
        assert len(usage["percpu"]) == len(usage["percpu_kernel"]) == len(usage["percpu_user"])
    else:
        text = dict(line.split() for line in read(b.cgroup("") / "cpu.stat").splitlines())
        assert usage["total"] <= int(text["usage_usec"]) * 1000
        assert usage["total"] % 1000 == 0
    assert usage["total"] > 1000000
    assert usage["user"] + usage["kernel"] > 0


def test_throttling_is_counted(bundle):
    if cgroup_mount("cpu") is None and not has_v2("cpu"):
        pytest.skip(f"layout {LAYOUT}: no cpu controller")
    bundle.linux["resources"] = {"cpu": {"quota": 1000, "period": 100000}}
    bundle.sh("while :; do :; done").up()
    # the kernel counts a period at its beginning, and its time when the group may run again
    poll(lambda: stats(bundle)["cpu"]["throttling"].get("throttledTime", 0) > 1000000, "throttling")
    told = stats(bundle)["cpu"]["throttling"]
    assert told["periods"] >= told["throttledPeriods"] > 0


def test_memory(bundle):
    if cgroup_mount("memory") is None and not has_v2("memory"):
        pytest.skip(f"layout {LAYOUT}: no memory controller")
    b = busy(bundle, memory={"limit": 64 * MIB, "swap": 96 * MIB})
    memory = stats(b)["memory"]
    assert memory["usage"]["limit"] == 64 * MIB
    assert memory["swap"]["limit"] == 96 * MIB
    assert 0 < memory["usage"]["usage"] <= 64 * MIB
    assert memory["swap"]["usage"] >= 0
    if cgroup_mount("memory") is not None:
        stat = read(b.cgroup("memory") / "memory.stat")
        assert memory["usage"]["max"] >= memory["usage"]["usage"]
    else:
        stat = read(b.cgroup("") / "memory.stat")
    assert sorted(memory["raw"]) == sorted(line.split()[0] for line in stat.splitlines())


def test_failures_are_counted(bundle):
    if cgroup_mount("memory") is None and not has_v2("memory"):
        pytest.skip(f"layout {LAYOUT}: no memory controller")
    bundle.linux["resources"] = {"memory": {"limit": 16 * MIB}}
    bundle.writable().sh("dd if=/dev/zero of=/tmp/x bs=1M count=40 2>/dev/null; touch /tmp/ready; sleep 1000").up().ready()
    assert stats(bundle)["memory"]["usage"]["failcnt"] > 0


def test_pids(bundle):
    if cgroup_mount("pids") is None and not has_v2("pids"):
        pytest.skip(f"layout {LAYOUT}: no pids controller")
    b = busy(bundle, pids={"limit": 50})
    current = b.cgroup("pids" if cgroup_mount("pids") else "") / "pids.current"
    poll(lambda: read(current) == "1", "the program to be alone")
    assert stats(b)["pids"] == {"current": 1, "limit": 50}
    b.verb("update", "--pids-limit=-1").ok()
    assert stats(b)["pids"] == {"current": 1}


def test_cpuset(bundle):
    if cgroup_mount("cpuset") is None:
        pytest.skip(f"layout {LAYOUT}: v1 only")
    b = busy(bundle, cpu={"cpus": "0", "mems": "0"})
    told = stats(b)["cpuset"]
    assert (told["cpus"], told["mems"]) == ([0], [0])
    assert told["sched_relax_domain_level"] == -1
    assert told["sched_load_balance"] == int(read(b.cgroup("cpuset") / "cpuset.sched_load_balance"))


@tare_only
def test_pressure(bundle):
    if not has_v2("memory") or not os.path.exists("/proc/pressure/memory"):
        pytest.skip(f"layout {LAYOUT}: no cgroup v2 memory, or no psi")
    b = busy(bundle)
    if not (b.cgroup("") / "memory.pressure").exists() or not read(b.cgroup("") / "memory.pressure"):
        pytest.skip("the kernel has no pressure of cgroups")
    data = stats(b)
    for part in ("cpu", "memory", "blkio"):
        if part == "blkio" and not has_v2("io"):
            continue
        assert list(data[part]["psi"]) == ["some", "full"]
        for kind in ("some", "full"):
            assert list(data[part]["psi"][kind]) == ["avg10", "avg60", "avg300", "total"]


@tare_only
def test_network_interfaces_are_the_containers(bundle):
    b = busy(bundle)
    assert stats(b)["network_interfaces"] is None
    pid = str(b.pid)
    if not any(subprocess.run(["nsenter", "-t", pid, "-n", "ip", "link", "add", "tare0", "type", kind], check=False,
                              stderr=subprocess.DEVNULL).returncode == 0 for kind in ("dummy", "bridge", "ifb", "vcan")):
        pytest.skip("this kernel makes no network interface of one end")
    told = stats(b)["network_interfaces"]
    assert [i["Name"] for i in told] == ["tare0"]
    assert set(told[0]) == {"Name", "RxBytes", "RxPackets", "RxErrors", "RxDropped", "TxBytes", "TxPackets", "TxErrors",
                            "TxDropped"}
    b.delete("--force").ok()


@tare_only
def test_the_hosts_interfaces_are_not_the_containers(bundle):
    bundle.unlisted("network")
    assert stats(busy(bundle))["network_interfaces"] is None


def test_created_and_paused_containers_have_stats(bundle):
    bundle.stay().create().ok()
    assert list(stats(bundle)) == TOP
    bundle.verb("pause").ok()
    assert list(stats(bundle)) == TOP
    bundle.verb("resume").ok()


# --- what is refused


def test_a_stopped_container_is_refused(bundle):
    bundle.sh("true").up().wait("stopped")
    for flags in ([], ["--stats"], ["--interval=1s"]):
        r = bundle.verb("events", *flags)
        assert r.code == 1
        assert f"container with id {bundle.id} is not running" in r.err
        if IS_TARE:
            assert r.err == f'tare: events "{bundle.id}": container with id {bundle.id} is not running\n'


def test_an_unknown_container_is_refused(bundle):
    r = bundle.verb("events", "--stats")
    assert r.code == 1
    assert "container does not exist" in r.err


@pytest.mark.parametrize("interval", ["0", "0s", "0ms"])
def test_an_interval_of_nothing_is_refused(bundle, interval):
    bundle.stay().create().ok()
    r = bundle.verb("events", "--interval", interval)
    assert r.code == 1
    assert "duration interval must be greater than 0" in r.err
    if IS_TARE:
        assert r.err == f'tare: events "{bundle.id}": duration interval must be greater than 0\n'


@pytest.mark.parametrize("interval", ["5", "x", "-1s", "1x", "s", "1m30", ""])
def test_an_interval_that_is_no_time_is_refused(bundle, interval):
    bundle.stay().create().ok()
    r = bundle.verb("events", f"--interval={interval}")
    assert r.code == 1
    if IS_TARE:
        assert r.err == (f'tare: events "{bundle.id}": invalid value "{interval}" for --interval '
                         "(a time is written 5s, 250ms or 1m30s)\n")


# --- the stream


class Stream:
    """events of a container in a file."""

    def __init__(self, b, *flags):
        self.path = BOX / "tmp" / f"events-{b.id}"
        self.out = open(self.path, "wb")
        self.proc = spawn([RUNTIME, "--root", b.root, "events", *flags, b.id], stdout=self.out)
        # signals and ends are heard of from the moment that it waits in poll(2)
        poll(lambda: self.proc.poll() is not None or proc_status(self.proc.pid)["State"][0] == "S", "it to wait")

    @property
    def events(self):
        """Those that are there whole: the kernel lets a file be read while a line is being written."""
        whole = self.path.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def types(self):
        return [e["type"] for e in self.events]

    def end(self):
        r = finish(self.proc)
        self.out.close()
        events = self.events
        assert self.path.read_text()[-1:] in ("", "\n"), "the last line has no end"
        self.path.unlink()
        assert r.code == 0, r
        return events


def test_stats_come_at_each_interval_until_the_end(bundle):
    b = busy(bundle)
    s = Stream(b, "--interval", "30ms")
    poll(lambda: len(s.events) >= 3, "three events")
    assert set(s.types()) == {"stats"}
    assert all(e["id"] == b.id and list(e["data"]) == TOP for e in s.events)
    b.kill("KILL").ok()
    b.wait("stopped")
    b.delete().ok()
    events = s.end()
    if IS_TARE:
        assert events[-1] == {"type": "exit", "id": b.id}
        assert sum(e["type"] == "exit" for e in events) == 1


@tare_only
def test_the_end_of_the_container_is_told_at_once(bundle):
    b = busy(bundle)
    s = Stream(b, "--interval=1h")
    b.kill("KILL").ok()
    assert s.end() == [{"type": "exit", "id": b.id}]


@tare_only
def test_processes_that_stay_keep_the_stream_open(bundle):
    bundle.unlisted("pid")
    bundle.writable().sh("setsid sleep 1000 & touch /tmp/ready; sleep 1000").up().ready()
    s = Stream(bundle, "--interval=20ms")
    os.kill(bundle.pid, signal.SIGKILL)
    poll(lambda: "exit" in s.types(), "the exit")
    told = len(s.events)
    poll(lambda: len(s.events) > told + 2, "stats of those that stayed")
    bundle.verb("kill", "--all", tail=["KILL"]).ok()
    assert s.end()[told]["type"] == "stats"


def test_a_process_killed_for_its_memory_is_told(bundle):
    if cgroup_mount("memory") is None and not has_v2("memory"):
        pytest.skip(f"layout {LAYOUT}: no memory controller")
    b = bundle
    b.linux["resources"] = {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}}
    b.mount("/big", "tmpfs", "tmpfs", "size=100m")
    b.writable().sh("touch /tmp/ready; while ! [ -e /tmp/go ]; do sleep 0.05; done; dd if=/dev/zero of=/big/x bs=1M count=60;"
                    " sleep 1000").up().ready()
    s = Stream(b, "--interval=1h")
    (b.rootfs / "tmp/go").touch()
    poll(lambda: "oom" in s.types(), "the event")
    assert s.events[0] == {"type": "oom", "id": b.id}
    b.kill("KILL")
    b.wait("stopped")
    b.delete().ok()
    events = s.end()
    if IS_TARE:
        assert events[-1] == {"type": "exit", "id": b.id}
        assert {e["type"] for e in events} == {"oom", "exit"}


@tare_only
def test_the_removal_of_a_cgroup_is_no_oom(bundle):
    b = busy(bundle)
    s = Stream(b, "--interval=1h")
    b.delete("--force").ok()
    assert [e["type"] for e in s.end()] == ["exit"]


@tare_only
def test_the_stream_takes_no_lock(bundle):
    b = busy(bundle)
    s = Stream(b, "--interval=20ms")
    b.verb("pause").ok()
    b.verb("resume").ok()
    b.verb("update", "--pids-limit=77").ok() if cgroup_mount("pids") else None
    b.delete("--force").ok()
    s.end()


@tare_only
def test_a_reader_that_goes_away_ends_it(bundle):
    b = busy(bundle)
    read_end, write_end = os.pipe()
    proc = spawn([RUNTIME, "--root", b.root, "events", "--interval=20ms", b.id], stdout=os.fdopen(write_end, "wb"))
    proc.files[0].close()
    assert os.read(read_end, 1) == b"{"
    os.close(read_end)
    r = finish(proc)
    assert r.code == 1
    assert re.fullmatch(r'tare: events ".*": write to standard output: broken pipe\n', r.err), r


@tare_only
def test_its_memory_does_not_grow(bundle):
    b = busy(bundle)
    s = Stream(b, "--interval=2ms")

    def size():
        return int(proc_status(s.proc.pid)["VmRSS"].split()[0])
    poll(lambda: len(s.events) > 20, "the first")
    before = size()
    poll(lambda: len(s.events) > 300, "many", 30)
    assert size() < before + 512
    b.delete("--force").ok()
    s.end()


@tare_only
def test_a_template_and_a_table(bundle):
    bundle.process["args"] = ["sleep", "1000"]  # no other process comes or goes between two calls
    bundle.up()
    numbers = json.loads(bundle.verb("events", "--stats").ok().out)["data"]
    line = bundle.verb("events", "--stats", "--format", "{{.Type}} {{.ID}} {{.PIDs}} {{.MemLimit}}").ok().out
    pids = numbers.get("pids", {}).get("current", 0)
    assert line == f"stats {bundle.id} {pids} --\n"
    heading, line = bundle.verb("events", "--stats", "--format", "table").ok().out.splitlines()
    assert heading.split("  ")[0] == "TYPE" and line.split()[:2] == ["stats", bundle.id]
    r = bundle.verb("events", "--stats", "--format", "{{.Mem}}")
    assert r.code == 1 and r.out == "" and 'there is no field "Mem"' in r.err


@tare_only
@pytest.mark.layouts
def test_the_share_of_a_memory_limit(bundle):
    bundle.config["linux"].setdefault("resources", {})["memory"] = {"limit": 64 << 20}
    bundle.stay().create()
    if "memory" not in json.loads(bundle.verb("events", "--stats").out or "{}").get("data", {}):
        pytest.skip("no memory controller")
    bundle.start().ok()
    usage, limit, share = bundle.verb("events", "--stats", "-f", "{{.MemUsage}} {{.MemLimit}} {{.MemPerc}}").ok().out.split()
    assert int(limit) == 64 << 20
    assert abs(float(share.rstrip("%")) - 100 * int(usage) / int(limit)) <= 0.02
