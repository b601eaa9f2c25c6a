# SPDX-License-Identifier: LGPL-2.1-or-later
"""update: new limits in the files of the cgroup; what is refused leaves all as it was."""
import json
import os
import subprocess

import pytest

from harness import (IS_TARE, LAYOUT, cgroup_mount, cgroup_mounts, has_v2, poll, read, spawn, finish, tare_only)

pytestmark = pytest.mark.layouts

MIB = 1 << 20
PAGES = {"memory.limit_in_bytes": 9223372036854771712, "memory.memsw.limit_in_bytes": 9223372036854771712}


def need(controller):
    if cgroup_mount(controller) is None and not has_v2(controller):
        pytest.skip(f"layout {LAYOUT}: no {controller} controller")


def is_v1(controller):
    return cgroup_mount(controller) is not None


def file(b, controller, v1_name, v2_name):
    """What the kernel says is in force."""
    if is_v1(controller):
        return read(b.cgroup(controller) / v1_name)
    return read(b.cgroup("") / v2_name)


def limit(b):
    return file(b, "memory", "memory.limit_in_bytes", "memory.max")


def cpu_max(b):
    """quota and period as two words."""
    if is_v1("cpu"):
        return f"{read(b.cgroup('cpu') / 'cpu.cfs_quota_us')} {read(b.cgroup('cpu') / 'cpu.cfs_period_us')}" \
            .replace("-1 ", "max ")
    return read(b.cgroup("") / "cpu.max")


def up(bundle, **resources):
    bundle.linux["resources"] = resources
    bundle.writable().stay().up()
    return bundle


def update(b, *flags, **kw):
    return b.verb("update", *flags, **kw)


def from_stdin(b, resources, flag=("--resources", "-")):
    """JSON on standard input, as engines send it."""
    text = resources if isinstance(resources, str) else json.dumps(resources)
    proc = spawn(b.argv("update", *flag), stdin=subprocess.PIPE)
    proc.stdin.write(text.encode())
    proc.stdin.close()
    return finish(proc)


def refused(r, b, text):
    assert r.code == 1, r
    if IS_TARE:
        assert r.err == f'tare: update "{b.id}": {text}\n'


# --- memory


@pytest.mark.parametrize("size,bytes_", [("33554432", 32 * MIB), ("32m", 32 * MIB), ("32M", 32 * MIB),
                                         ("32MiB", 32 * MIB), ("32768k", 32 * MIB), ("0.5g", 512 * MIB),
                                         ("1gb", 1024 * MIB)])
def test_a_memory_limit_may_have_a_unit(bundle, size, bytes_):
    need("memory")
    b = up(bundle)
    update(b, "--memory", size).ok()
    assert limit(b) == str(bytes_)


def test_memory_goes_up_and_down(bundle):
    need("memory")
    b = up(bundle, memory={"limit": 64 * MIB})
    for mib in (32, 128, 48):
        update(b, f"--memory={mib}m").ok()
        assert limit(b) == str(mib * MIB)


def swap(b):
    """The limit of memory and swap together."""
    if is_v1("memory"):
        return int(read(b.cgroup("memory") / "memory.memsw.limit_in_bytes"))
    value = read(b.cgroup("") / "memory.swap.max")
    return "max" if value == "max" else int(value) + int(limit(b))


def test_memory_and_swap_go_up_and_down_in_any_step(bundle):
    need("memory")
    b = up(bundle, memory={"limit": 64 * MIB, "swap": 96 * MIB})
    for memory, both in ((128, 256), (32, 48), (32, 512), (512, 512), (40, 60), (64, 64)):
        update(b, f"--memory={memory}m", f"--memory-swap={both}m").ok()
        assert (limit(b), swap(b)) == (str(memory * MIB), both * MIB)


def test_memory_without_limit_is_swap_without_limit_too(bundle):
    need("memory")
    b = up(bundle, memory={"limit": 64 * MIB, "swap": 96 * MIB})
    update(b, "--memory", "-1").ok()
    if is_v1("memory"):
        assert (int(limit(b)), swap(b)) == (PAGES["memory.limit_in_bytes"], PAGES["memory.memsw.limit_in_bytes"])
    else:
        assert (limit(b), swap(b)) == ("max", "max")


@tare_only
def test_swap_alone_goes_with_the_limit_in_force(bundle):
    need("memory")
    b = up(bundle, memory={"limit": 64 * MIB, "swap": 96 * MIB})
    update(b, "--memory-swap", "128m").ok()
    assert (limit(b), swap(b)) == (str(64 * MIB), 128 * MIB)
    update(b, "--memory-swap=-1").ok()
    assert limit(b) == str(64 * MIB)
    assert swap(b) == (PAGES["memory.memsw.limit_in_bytes"] if is_v1("memory") else "max")


@tare_only
def test_swap_without_any_memory_limit_is_refused(bundle):
    need("memory")
    b = up(bundle)
    refused(update(b, "--memory-swap", "128m"), b,
            "/memory/swap: unable to set swap limit without memory limit")


def test_swap_below_memory_is_refused(bundle):
    need("memory")
    b = up(bundle, memory={"limit": 64 * MIB})
    before = limit(b)
    r = update(b, "--memory", "32m", "--memory-swap", "16m")
    refused(r, b, "/memory/swap: memory+swap limit 16777216 should be >= memory limit 33554432")
    assert limit(b) == before


def test_a_reservation(bundle):
    need("memory")
    b = up(bundle)
    update(b, "--memory-reservation=24m").ok()
    assert file(b, "memory", "memory.soft_limit_in_bytes", "memory.low") == str(24 * MIB)


def test_memory_and_swap_keep_their_limit_when_memory_gets_another(bundle):
    """tare had lifted the limit of both where the new one of memory is above it: both peers refuse, as the kernel does."""
    need("memory")
    b = up(bundle, memory={"limit": 64 * MIB, "swap": 96 * MIB})
    update(b, "--memory=80m").ok()
    assert limit(b) == str(80 * MIB)
    if is_v1("memory"):
        r = update(b, "--memory=128m")
        assert r.code == 1 and (limit(b), swap(b)) == (str(80 * MIB), 96 * MIB)
        if IS_TARE:
            refused(r, b, f"/memory/limit: the limit {128 * MIB} is above that of memory and swap, {96 * MIB} (give both: "
                          "--memory and --memory-swap, or limit and swap)")


@tare_only
def test_a_limit_below_what_is_used_is_refused_when_asked_to_look(bundle):
    """runtime-spec, config-linux.md#memory: "lower than the current usage". v1's kernel looks by itself."""
    need("memory")
    b = up(bundle, memory={"limit": 64 * MIB})
    r = from_stdin(b, '{"memory": {"limit": 4096,\n "checkBeforeUpdate": true}}')
    assert r.code == 1
    if not is_v1("memory"):
        used = int(r.err.split("memory.current is ")[1])
        assert used > 4096
        refused(r, b, "/memory/limit (line 1, column 22): the limit 4096 is below what is in use: "
                      f"memory.current is {used}")
    assert limit(b) == str(64 * MIB)
    from_stdin(b, {"memory": {"limit": 48 * MIB, "checkBeforeUpdate": True}}).ok()
    assert limit(b) == str(48 * MIB)


@tare_only
def test_a_limit_below_what_cannot_be_given_back_is_told(bundle):
    if not is_v1("memory"):
        pytest.skip("v2 kills instead")
    b = bundle
    b.linux["resources"] = {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}}
    b.writable().sh("dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; touch /tmp/ready; sleep 1000")
    b.up().ready()
    refused(update(b, "--memory=1m"), b,
            '/memory/limit: write "1048576" to "memory.limit_in_bytes": device or resource busy '
            "(the container uses more memory than that)")
    assert limit(b) == str(64 * MIB)


# --- cpu


def test_shares(bundle):
    need("cpu")
    b = up(bundle)
    update(b, "--cpu-share", "512").ok()
    assert file(b, "cpu", "cpu.shares", "cpu.weight") in ("512", "59")


def test_quota_and_period_keep_each_other(bundle):
    need("cpu")
    b = up(bundle, cpu={"quota": 50000, "period": 100000})
    assert cpu_max(b) == "50000 100000"
    update(b, "--cpu-quota=20000").ok()
    assert cpu_max(b) == "20000 100000"
    update(b, "--cpu-period=50000").ok()
    assert cpu_max(b) == "20000 50000"
    update(b, "--cpu-quota=-1").ok()
    assert cpu_max(b) == "max 50000"
    update(b, "--cpu-period", "200000").ok()
    assert cpu_max(b) == "max 200000"
    update(b, "--cpu-period", "100000", "--cpu-quota", "30000").ok()
    assert cpu_max(b) == "30000 100000"


@tare_only
def test_quota_and_period_change_below_a_tight_parent(bundle):
    """In neither order of the two files may quota / period be above the parent's on the way."""
    if not is_v1("cpu"):
        pytest.skip(f"layout {LAYOUT}: v2 has one file for both")
    b = up(bundle, cpu={"quota": 50000, "period": 100000})
    parent = b.cgroup("cpu").parent
    (parent / "cpu.cfs_quota_us").write_text("50000")
    try:
        for quota, period in ((20000, 40000), (100000, 200000), (5000, 10000)):
            update(b, f"--cpu-quota={quota}", f"--cpu-period={period}").ok()
            assert cpu_max(b) == f"{quota} {period}"
        update(b, "--cpu-quota=-1").ok()
    finally:
        (parent / "cpu.cfs_quota_us").write_text("-1")


def burst(b):
    if is_v1("cpu"):
        path = b.cgroup("cpu") / "cpu.cfs_burst_us"
    else:
        path = b.cgroup("") / "cpu.max.burst"
    if not path.exists():
        pytest.skip("the kernel has no cpu burst")
    return read(path)


def test_burst_goes_up_and_down_with_the_quota(bundle):
    need("cpu")
    b = up(bundle, cpu={"quota": 50000, "period": 100000})
    burst(b)
    for quota, value in ((50000, 20000), (10000, 10000), (90000, 80000), (30000, 20000)):
        update(b, f"--cpu-quota={quota}", f"--cpu-burst={value}").ok()
        assert (cpu_max(b), burst(b)) == (f"{quota} 100000", str(value))
    update(b, "--cpu-burst", "0").ok()
    assert burst(b) == "0"


def test_idle_goes_on_and_off(bundle):
    need("cpu")
    b = up(bundle, cpu={"shares": 512})
    path = b.cgroup("cpu" if is_v1("cpu") else "") / "cpu.idle"
    if not path.exists():
        pytest.skip("the kernel has no cpu.idle")
    update(b, "--cpu-idle=1").ok()
    assert read(path) == "1"
    update(b, "--cpu-idle=0", "--cpu-share=256").ok()
    assert read(path) == "0"
    assert file(b, "cpu", "cpu.shares", "cpu.weight") in ("256", "35", "36", "37")


@tare_only
def test_an_idle_of_2_is_refused(bundle):
    need("cpu")
    b = up(bundle)
    refused(update(b, "--cpu-idle=2"), b, "/cpu/idle: idle is 0 or 1, not 2")


def test_cpuset(bundle):
    need("cpuset")
    b = up(bundle)
    update(b, "--cpuset-cpus", "0", "--cpuset-mems", "0").ok()
    assert file(b, "cpuset", "cpuset.cpus", "cpuset.cpus") == "0"
    assert file(b, "cpuset", "cpuset.mems", "cpuset.mems") == "0"


# --- pids


def test_pids(bundle):
    need("pids")
    b = up(bundle, pids={"limit": 100})
    for value, told in (("10", "10"), ("200", "200"), ("-1", "max")):
        update(b, "--pids-limit", value).ok()
        assert file(b, "pids", "pids.max", "pids.max") == told


@tare_only
def test_a_limit_of_no_pids_is_a_limit(bundle):
    need("pids")
    b = bundle
    b.config["process"]["args"] = ["/bin/sleep", "1000"]  # a shell might be about to fork
    b.up()
    from_stdin(b, {"pids": {"limit": 0}}).ok()
    assert file(b, "pids", "pids.max", "pids.max") == "0"
    assert b.status() == "running"


# --- block I/O, and files by name


def disk():
    """major and minor of a block device of this machine."""
    for name in sorted(os.listdir("/sys/block")):
        if not name.startswith(("loop", "ram", "zram")):
            return tuple(int(n) for n in read(f"/sys/block/{name}/dev").split(":"))
    pytest.skip("no block device")


def throttles(b):
    """{device: bytes a second} that may be read."""
    if is_v1("blkio"):
        lines = read(b.cgroup("blkio") / "blkio.throttle.read_bps_device").splitlines()
        return dict(line.split() for line in lines)
    found = {}
    for line in read(b.cgroup("") / "io.max").splitlines():
        device, *words = line.split()
        found[device] = dict(w.split("=") for w in words)["rbps"]
    return found


def test_throttles_are_set_and_changed_by_device(bundle):
    if not is_v1("blkio") and not has_v2("io"):
        pytest.skip(f"layout {LAYOUT}: no io controller")
    major, minor = disk()
    b = up(bundle)
    for rate in (1 << 20, 2 << 20):
        from_stdin(b, {"blockIO": {"throttleReadBpsDevice": [{"major": major, "minor": minor, "rate": rate}]}}).ok()
        assert throttles(b) == {f"{major}:{minor}": str(rate)}


@tare_only
def test_a_refused_update_gives_throttles_back(bundle):
    if not is_v1("blkio") and not has_v2("io"):
        pytest.skip(f"layout {LAYOUT}: no io controller")
    major, minor = disk()
    b = up(bundle)
    good = {"major": major, "minor": minor, "rate": 1 << 20}
    bad = {"major": 4000, "minor": 1, "rate": 1 << 20}
    assert from_stdin(b, {"blockIO": {"throttleReadBpsDevice": [good, bad]}}).code == 1
    assert throttles(b) == {}
    from_stdin(b, {"blockIO": {"throttleReadBpsDevice": [good]}}).ok()
    assert from_stdin(b, {"blockIO": {"throttleReadBpsDevice": [{**good, "rate": 5 << 20}, bad]}}).code == 1
    assert throttles(b) == {f"{major}:{minor}": str(1 << 20)}


def test_a_weight_of_block_io(bundle):
    b = up(bundle)
    top = b.cgroup("blkio") if is_v1("blkio") else b.cgroup("") if cgroup_mount("") else None
    names = [n for n in ("blkio.weight", "blkio.bfq.weight", "io.bfq.weight", "io.weight") if top and (top / n).exists()]
    if not names:
        pytest.skip(f"layout {LAYOUT}: no weight of block I/O")
    update(b, "--blkio-weight", "500").ok()
    told = read(top / names[0]).splitlines()[0].split()[-1]
    assert told == ("4950" if names[0] == "io.weight" else "500")


@tare_only
def test_files_by_name(bundle):
    if not has_v2("memory"):
        pytest.skip(f"layout {LAYOUT}: no cgroup v2 memory")
    b = up(bundle)
    from_stdin(b, {"unified": {"memory.high": str(48 * MIB), "pids.max": "44"}}).ok()
    assert read(b.cgroup("") / "memory.high") == str(48 * MIB)
    assert read(b.cgroup("") / "pids.max") == "44"
    assert from_stdin(b, {"unified": {"memory.high": "max", "memory.nonsense": "1"}}).code == 1
    assert read(b.cgroup("") / "memory.high") == str(48 * MIB)


# --- JSON


RESOURCES = {"memory": {"limit": 32 * MIB, "reservation": 24 * MIB},
             "cpu": {"shares": 512, "quota": 20000, "period": 50000},
             "pids": {"limit": 33}}


def in_force(b):
    assert limit(b) == str(32 * MIB)
    assert file(b, "memory", "memory.soft_limit_in_bytes", "memory.low") == str(24 * MIB)
    assert cpu_max(b) == "20000 50000"
    assert file(b, "pids", "pids.max", "pids.max") == "33"


def need_all():
    for controller in ("memory", "cpu", "pids"):
        need(controller)


@pytest.mark.parametrize("flag", [("--resources", "-"), ("--resources=-",), ("-r", "-"), ("-r=-",)])
def test_resources_come_from_standard_input(bundle, flag):
    need_all()
    b = up(bundle)
    from_stdin(b, RESOURCES, flag).ok()
    in_force(b)


def test_resources_come_from_a_file(bundle, scratch):
    need_all()
    b = up(bundle)
    (scratch / "r.json").write_text(json.dumps(RESOURCES))
    update(b, f"--resources={scratch}/r.json").ok()
    in_force(b)


@tare_only
def test_resources_come_from_a_pipe(bundle, scratch):
    need_all()
    b = up(bundle)
    os.mkfifo(scratch / "pipe")
    proc = spawn(b.argv("update", "-r", scratch / "pipe"))
    (scratch / "pipe").write_text(json.dumps(RESOURCES))
    finish(proc).ok()
    in_force(b)


def test_with_resources_no_other_flag_counts(bundle, scratch):
    need_all()
    b = up(bundle)
    (scratch / "r.json").write_text(json.dumps(RESOURCES))
    update(b, "--memory=500m", f"-r={scratch}/r.json", "--pids-limit=5").ok()
    in_force(b)


def test_what_asks_for_nothing_changes_nothing(bundle):
    need_all()
    b = up(bundle, **RESOURCES)
    in_force(b)
    update(b).ok()
    for nothing in ({}, {"memory": {}, "cpu": {}, "blockIO": {}}, {"memory": {"limit": 0}, "cpu": {"shares": 0, "quota": 0}},
                    {"blockIO": {"weight": 0}, "memory": {"swap": 0}, "cpu": {"cpus": "", "mems": ""}}):
        from_stdin(b, nothing).ok()
        in_force(b)


def test_devices_are_never_touched(bundle):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    b = up(bundle, devices=[{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 3,
                                                                "access": "rw"}])
    before = read(b.cgroup("devices") / "devices.list") if is_v1("devices") else None
    from_stdin(b, {"devices": [{"allow": True, "access": "rwm"}]}).ok()
    if before is not None:
        assert read(b.cgroup("devices") / "devices.list") == before


@tare_only
@pytest.mark.parametrize("text,error", [
    ('{"memory": {"limit": "x"}}', '/memory/limit (line 1, column 22): expected an integer, found the string "x"'),
    ('{"memory": {"limit": 1, "limit": 2}}', 'line 1, column 25'),
    ('{"memory": ', 'line 1'),
    ('[]', 'line 1, column 1'),
    ('', 'standard input'),
])
def test_bad_json_is_refused_with_its_place(bundle, text, error):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    b = up(bundle)
    from_stdin(b, text).refused(f'update "{b.id}"', error)


def test_a_missing_file_is_refused(bundle):
    b = up(bundle)
    refused(update(b, "-r", "/nonexistent/r.json"), b, 'open "/nonexistent/r.json": no such file or directory')


# --- all or nothing


@tare_only
def test_a_refused_update_leaves_all_as_it_was(bundle):
    need_all()
    need("cpuset")
    b = up(bundle, **RESOURCES)
    in_force(b)
    shares = file(b, "cpu", "cpu.shares", "cpu.weight")
    r = update(b, "--memory=16m", "--memory-swap=20m", "--cpu-share=100", "--cpu-quota=7000", "--cpu-period=60000",
               "--cpuset-cpus=9999")
    assert r.code == 1
    assert r.err.startswith(f'tare: update "{b.id}": /cpu/cpus: write "9999" to "cpuset.cpus": '), r
    in_force(b)
    assert file(b, "cpu", "cpu.shares", "cpu.weight") == shares


@tare_only
def test_a_refused_update_gives_idle_and_weight_back(bundle):
    need("cpu")
    need("cpuset")
    b = up(bundle, cpu={"shares": 512})
    path = b.cgroup("cpu" if is_v1("cpu") else "") / "cpu.idle"
    if not path.exists():
        pytest.skip("the kernel has no cpu.idle")
    before = file(b, "cpu", "cpu.shares", "cpu.weight")
    assert update(b, "--cpu-idle=1", "--cpuset-cpus=9999").code == 1
    assert read(path) == "0"
    assert file(b, "cpu", "cpu.shares", "cpu.weight") == before


# --- refusals


def test_a_stopped_container_is_refused(bundle):
    bundle.sh("true").up().wait("stopped")
    r = update(bundle, "--memory=64m")
    assert "container not running" in r.err
    refused(r, bundle, "container not running")


def test_an_unknown_container_is_refused(bundle):
    r = update(bundle, "--memory=64m")
    assert r.code == 1
    assert "container does not exist" in r.err


def test_created_and_paused_containers_are_updated(bundle):
    need("memory")
    bundle.stay().create().ok()
    update(bundle, "--memory=64m").ok()
    assert limit(bundle) == str(64 * MIB)
    bundle.verb("pause").ok()
    update(bundle, "--memory=96m").ok()
    assert limit(bundle) == str(96 * MIB)
    bundle.verb("resume").ok()


@pytest.mark.parametrize("flag,value", [("memory", "x"), ("memory", "-5"), ("memory", "5q"), ("memory", "99999999999g"),
                                        ("memory-swap", "m"), ("memory-reservation", "1.2.3"), ("cpu-period", "-1"),
                                        ("cpu-quota", "1e3"), ("cpu-share", "1k"), ("cpu-burst", "-5"),
                                        ("cpu-rt-period", "x"), ("cpu-rt-runtime", "x"), ("pids-limit", "x"),
                                        ("blkio-weight", "4294967296"), ("kernel-memory", "x"), ("cpu-idle", "x")])
def test_a_value_that_is_no_number_is_refused(bundle, flag, value):
    bundle.linux["resources"] = {}
    bundle.stay().create().ok()
    r = update(bundle, f"--{flag}={value}")
    refused(r, bundle, f'invalid value for {flag}: "{value}"')


@tare_only
def test_a_schema_without_resctrl_is_refused_and_nothing_else_done(bundle):
    need("memory")
    if any(" - resctrl " in line for line in open("/proc/self/mountinfo", encoding="utf8")):
        pytest.skip("resctrl is mounted")
    b = up(bundle, memory={"limit": 64 * MIB})
    refused(update(b, "--memory=32m", "--l3-cache-schema", "L3:0=f"), b, "Intel RDT/CAT: l3 cache schema is not enabled")
    refused(update(b, "--memory=32m", "--mem-bw-schema", "MB:0=20"), b,
            "Intel RDT/MBA: memory bandwidth schema is not enabled")
    assert limit(b) == str(64 * MIB)


@tare_only
def test_kernel_memory_is_accepted_and_warned_of(bundle, scratch):
    need("memory")
    b = up(bundle)
    log = scratch / "log"
    b.verb("update", "--kernel-memory=64m", "--kernel-memory-tcp", "64m",
           glob=["--log", log, "--log-level=warning", "--log-format=json"]).ok()
    assert json.loads(log.read_text())["msg"] == "kernel memory settings are ignored: kernels have none since 5.16"


@tare_only
def test_a_container_without_a_cgroup_can_not_be_updated(bundle):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    bundle.linux["resources"] = {}
    bundle.stay().create(glob=["--cgroup-manager=disabled"]).ok()
    refused(update(bundle, "--pids-limit=5"), bundle, "the container has no cgroup that could be limited")


@tare_only
def test_what_only_v1_has_is_refused_on_v2(bundle):
    if not has_v2("memory"):
        pytest.skip(f"layout {LAYOUT}: no cgroup v2 memory")
    b = up(bundle)
    refused(from_stdin(b, {"memory": {"swappiness": 10}}), b,
            "/memory/swappiness (line 1, column 27): swappiness is not possible on cgroup v2")


@tare_only
def test_the_killer_is_switched_off_and_on(bundle):
    if not is_v1("memory"):
        pytest.skip(f"layout {LAYOUT}: no cgroup v1 memory")
    b = up(bundle)
    for disable in (True, False):
        from_stdin(b, {"memory": {"disableOOMKiller": disable}}).ok()
        assert f"oom_kill_disable {int(disable)}" in read(b.cgroup("memory") / "memory.oom_control")


@tare_only
def test_updates_at_the_same_time_wait_for_each_other(bundle):
    need("memory")
    b = up(bundle)
    procs = [spawn(b.argv("update", f"--memory={64 + i}m", f"--memory-swap={64 + i}m")) for i in range(8)]
    for proc in procs:
        finish(proc).ok()
    assert int(limit(b)) == swap(b)
    poll(lambda: b.status() == "running", "it to run on")
