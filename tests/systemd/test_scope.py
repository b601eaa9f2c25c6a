# SPDX-License-Identifier: LGPL-2.1-or-later
"""A container in a scope that systemd makes; as root with the system's, as an ordinary user with the user's."""
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

import harness
import host
from host import MANAGER, ROOTLESS, SLICE, TOP, systemctl

root_only = pytest.mark.skipif(ROOTLESS, reason="an ordinary user can't")
user_only = pytest.mark.skipif(not ROOTLESS, reason="is about an ordinary user")


def line(b, text):
    """The whole line on stderr."""
    return f'tare: create "{b.id}": {text}\n'


# --- where


def test_the_container_is_below_its_scope(bundle):
    bundle.stay().up()
    assert bundle.cgroup_path() == f"{MANAGER}/{SLICE}/{bundle.unit}/container"
    assert bundle.show("ControlGroup", "Slice", "Delegate", "Description", "DefaultDependencies", "ActiveState",
                       "MemoryAccounting", "TasksAccounting", "IOAccounting", "CPUAccounting") == {
        "ControlGroup": f"{MANAGER}/{SLICE}/{bundle.unit}", "Slice": SLICE, "Delegate": "yes",
        "Description": f"tare container {bundle.id}", "DefaultDependencies": "no", "ActiveState": "active",
        "MemoryAccounting": "yes", "TasksAccounting": "yes", "IOAccounting": "yes", "CPUAccounting": "yes"}
    assert bundle.read("cgroup.procs", "..") == ""


def test_the_container_sees_its_own_cgroup_as_the_root(bundle):
    r = bundle.sh("cat /proc/self/cgroup").run().ok()
    assert r.out == "0::/\n"


def test_a_slice_is_below_those_its_name_begins_with(bundle):
    bundle.at("t-a-b.slice", "pre").stay().create().ok()
    assert bundle.cgroup_path() == f"{MANAGER}/t.slice/t-a.slice/t-a-b.slice/{bundle.unit}/container"


def test_the_root_slice(bundle):
    bundle.at("-", "pre").stay().create().ok()
    assert bundle.cgroup_path() == f"{MANAGER}/{bundle.unit}/container"


def test_an_id_with_a_plus_is_escaped(bundles):
    b = bundles()
    b.id = "a+1"
    b.unit = "tare-a\\x2b1.scope"
    b.stay().create().ok()
    assert b.cgroup_path() == f"{MANAGER}/{SLICE}/tare-a\\x2b1.scope/container"


def test_a_name_that_systemd_moves_aside(bundle):
    bundle.at("", "", "memory").stay().create().ok()
    assert bundle.cgroup_path() == f"{MANAGER}/{SLICE}/_memory.scope/container"


def test_the_subgroup_has_the_annotations_name(bundle):
    bundle.annotate(**{"run.oci.systemd.subgroup": "box"}).stay().create().ok()
    assert bundle.cgroup_path() == f"{MANAGER}/{SLICE}/{bundle.unit}/box"


def test_no_subgroup_kill_all_and_delete(bundle):
    bundle.annotate(**{"run.oci.systemd.subgroup": ""}).stay().up()
    assert bundle.cgroup_path() == f"{MANAGER}/{SLICE}/{bundle.unit}"
    bundle.verb("kill", "--all", tail=["KILL"]).ok()
    bundle.wait("stopped")
    bundle.delete().ok()


# --- limits


LIMITS = {
    "memory": {"limit": 64 << 20, "reservation": 32 << 20, "swap": 96 << 20},
    "cpu": {"shares": 2048, "quota": 25001, "period": 100000, "cpus": "0"},
    "pids": {"limit": 50},
}


def limited(bundle, **limits):
    bundle.linux["resources"] = limits
    return bundle.stay()


ROOM = 1 << 20  # what the kernel charges to the scope for the container's cgroup is none of the container's


def check_limits(bundle, room=ROOM):
    def files(above=""):
        return {f: bundle.read(f, above) for f in
                ("memory.max", "memory.low", "cpu.weight", "cpu.max", "cpuset.cpus", "pids.max")}
    own = {"memory.max": str(64 << 20), "memory.low": str(32 << 20), "cpu.weight": "174", "cpu.max": "25001 100000",
           "cpuset.cpus": "0", "pids.max": "50"}
    assert files() == own
    assert files("..") == {**own, "cpu.max": "26000 100000", "memory.max": str((64 << 20) + room)}


def test_limits_are_in_the_files_and_told_to_systemd(bundle):
    limited(bundle, **LIMITS).up()
    check_limits(bundle)
    assert bundle.show("MemoryMax", "MemoryLow", "MemorySwapMax", "CPUWeight", "CPUQuotaPerSecUSec",
                       "CPUQuotaPeriodUSec", "AllowedCPUs", "TasksMax") == {
        "MemoryMax": str(64 << 20), "MemoryLow": str(32 << 20), "MemorySwapMax": str(32 << 20), "CPUWeight": "174",
        "CPUQuotaPerSecUSec": "260ms", "CPUQuotaPeriodUSec": "100ms", "AllowedCPUs": "0", "TasksMax": "50"}


def test_limits_survive_a_daemon_reload(bundle):
    limited(bundle, **LIMITS).up()
    systemctl("daemon-reload")
    check_limits(bundle, room=0)


def test_idle_holds_against_the_scopes_neighbours(bundle):
    limited(bundle, cpu={"idle": 1}).create().ok()
    assert (bundle.read("cpu.idle"), bundle.read("cpu.idle", "..")) == ("1", "1")
    systemctl("daemon-reload")
    assert bundle.read("cpu.idle", "..") == "1"


def test_a_nice_value_holds_against_the_scopes_neighbours(bundle):
    """Also once systemd writes the weight that it knows: a reload had set it back to 100."""
    limited(bundle).linux["resources"] = {"unified": {"cpu.weight.nice": "5"}}
    bundle.create().ok()
    assert (bundle.read("cpu.weight.nice"), bundle.read("cpu.weight.nice", "..")) == ("5", "5")
    systemctl("daemon-reload")
    assert bundle.read("cpu.weight.nice", "..") == "5"
    (bundle.dir / "resources.json").write_text('{"unified": {"cpu.weight.nice": "-3"}}')
    bundle.verb("update", "--resources", bundle.dir / "resources.json").ok()
    systemctl("daemon-reload")
    assert (bundle.read("cpu.weight.nice"), bundle.read("cpu.weight.nice", "..")) == ("-3", "-3")
    nice, weight = ((TOP / bundle.cgroup_path().lstrip("/") / file) for file in ("cpu.weight.nice", "cpu.weight"))
    for value in (-20, -7, 6, 19):
        nice.write_text(str(value))
        bundle.linux["resources"]["unified"]["cpu.weight.nice"] = str(value)
        bundle.write()
        assert f' CPUWeight="{weight.read_text().strip()}" ' in bundle.verb("plan", "--bundle", bundle.dir).ok().out, value


@root_only
@pytest.mark.parametrize("scheduler", ["iocost", "bfq"])
def test_a_weight_of_block_io_is_told_as_the_file_that_is_there_has_it(bundle, scheduler):
    """After update, too; and systemd writes the same when it next touches the scope. It was told the 100 of cgroup v1."""
    if scheduler == "bfq":
        subprocess.run(["modprobe", "bfq"], check=True)
    file, started, updated = {"iocost": ("io.weight", ("910", "910"), ("4950", "4950")),
                              "bfq": ("io.bfq.weight", ("100", "100"), ("500", "4500"))}[scheduler]
    limited(bundle, blockIO={"weight": 100}).create().ok()
    for weight, told in (started, updated):
        if weight == updated[0]:
            bundle.verb("update", "--blkio-weight", "500").ok()
        for megabytes in (50, 60):
            assert (bundle.read(file), bundle.read(file, "..")) == (f"default {weight}",) * 2
            assert bundle.show("IOWeight") == {"IOWeight": told}
            systemctl("set-property", "--runtime", bundle.unit, f"IOReadBandwidthMax=/dev/vda {megabytes}M")
            assert bundle.read(file, "..") == f"default {weight}"


def test_no_process_at_all(bundle):
    limited(bundle, pids={"limit": 0}).create().ok()
    assert (bundle.read("pids.max"), bundle.read("pids.max", "..")) == ("0", "1")


def test_the_limits_hold(bundle):
    bundle.linux["resources"] = {"memory": {"limit": 16 << 20, "swap": 16 << 20}}
    r = bundle.sh("dd if=/dev/zero of=/dev/shm/x bs=1M count=60; echo alive").run()
    assert r.code != 0 or "alive" not in r.out or "Killed" in r.err, r


def test_the_container_counts_what_its_limit_did(bundle):
    """memory.events inside; with the scope as full as the container it would be the scope's: with crun 1.28 it is."""
    bundle.linux["resources"] = {"memory": {"limit": 16 << 20, "swap": 16 << 20}}
    bundle.sh("trap 'tail /dev/zero &' USR1; touch /tmp/ready; while :; do sleep 1000 & wait; done").up()
    for limit in (24 << 20, 32 << 20):
        before = events(bundle)
        bundle.kill("USR1").ok()
        harness.poll(lambda was=before: events(bundle)["oom_kill"] > was["oom_kill"], "the end of a process that wants too much")
        assert events(bundle)["oom"] > before["oom"]
        bundle.verb("update", "--memory", str(limit), "--memory-swap", str(limit)).ok()


def events(bundle):
    return {key: int(value) for key, value in (line.split() for line in bundle.read("memory.events").splitlines())}


def test_update_changes_the_scope_too(bundle):
    """Else raising a limit would stop at the scope's."""
    limited(bundle, **LIMITS).up()
    bundle.verb("update", "--memory", str(128 << 20), "--memory-swap", str(256 << 20), "--pids-limit", "70",
                "--cpu-quota", "80000", "--cpuset-cpus", "0-1", "--cpu-share", "1024").ok()
    expected = {"memory.max": str(128 << 20), "memory.swap.max": str(128 << 20), "pids.max": "70",
                "cpu.max": "80000 100000", "cpuset.cpus": "0-1", "cpu.weight": "100"}
    assert {f: bundle.read(f) for f in expected} == expected
    assert {f: bundle.read(f, "..") for f in expected} == {**expected, "memory.max": str((128 << 20) + ROOM)}
    systemctl("daemon-reload")
    assert {f: bundle.read(f, "..") for f in expected} == expected
    bundle.verb("update", "--memory", str(32 << 20), "--memory-swap", "-1", "--pids-limit", "-1").ok()
    assert [bundle.read(f, "..") for f in ("memory.max", "memory.swap.max", "pids.max")] == [
        str((32 << 20) + ROOM), "max", "max"]


# --- annotations


def test_annotations_are_properties(bundle):
    bundle.annotate(**{"org.systemd.property.TimeoutStopSec": "uint64 7", "org.systemd.property.CollectMode":
                       "'inactive-or-failed'", "org.systemd.property.Before": "['shutdown.target', 'umount.target']"})
    bundle.stay().create().ok()
    shown = bundle.show("TimeoutStopUSec", "CollectMode", "Before")
    assert (shown["TimeoutStopUSec"], shown["CollectMode"]) == ("7s", "inactive-or-failed")
    assert {"shutdown.target", "umount.target"} <= set(shown["Before"].split())


UNREADABLE = "Failed to set unit properties: Unexpected message contents (is its value of the type that {} has?)"


@pytest.mark.parametrize("name, value, on_bus, said", [
    ("NoSuchThing", "true", "NoSuchThing", "Cannot set property NoSuchThing, or unknown property."),
    ("NoSuchSec", "5", "NoSuchUSec", "Cannot set property NoSuchUSec, or unknown property."),
    ("CollectMode", "'never'", "CollectMode", "Invalid CollectMode setting: never"),
    ("CollectMode", "uint32 1", "CollectMode", UNREADABLE),
    ("MemoryMax", "'x'", "MemoryMax", UNREADABLE),
    ("Before", "'a.target'", "Before", UNREADABLE),
    ("DeviceAllow", "[('/dev/null', 1)]", "DeviceAllow", UNREADABLE),
])
def test_a_property_that_systemd_does_not_take(bundle, name, value, on_bus, said):
    """The error is at its annotation, also where systemd names none: it had been at none, or only where the name was in the text.
    The first one has nothing wrong, but a name that is in the text too."""
    key = f"org.systemd.property.{name}"
    bundle.annotate(**{"org.systemd.property.TimeoutStopUSec": "uint64 5", key: value,
                       "org.systemd.property.KillMode": "'mixed'"}).stay()
    bundle.at("", "", f"TimeoutStopUSec-{bundle.id}")
    bundle.refused_at(f"/annotations/{key}", f'systemd refuses to start "{bundle.unit}": {said.format(on_bus)}', foreseen=False)
    assert "probe" not in systemctl("list-units", "--all", "--plain", "--no-legend", "*.scope").stdout


# --- devices


@root_only
@pytest.mark.parametrize("subgroup", ["container", ""])
def test_device_rules_survive_a_daemon_reload(bundle, subgroup):
    bundle.annotate(**{"run.oci.systemd.subgroup": subgroup})
    bundle.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666},
                               {"path": "/dev/mem0", "type": "c", "major": 1, "minor": 1, "fileMode": 0o666}]
    bundle.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"},
                                             {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"}]}
    bundle.writable().sh("exec 3>/dev/kmsg; n=0; while :; do n=$((n+1));"
                         " for d in null zero; do (: <>/dev/$d) 2>/dev/null && echo $d; done;"
                         " (: >/dev/kmsg) 2>/dev/null && echo kmsg-w; (: </dev/kmsg) 2>/dev/null && echo kmsg-r;"
                         " (: </dev/mem0) 2>/dev/null && echo mem; (: >&3) && echo held;"
                         " echo end $n; sleep 0.2; done >/tmp/seen")
    bundle.up()
    log = bundle.rootfs / "tmp/seen"

    def rounds():
        return re.findall(r"((?:\S+\n)*?)end \d+\n", log.read_text()) if log.exists() else []

    harness.poll(lambda: len(rounds()) >= 2, "the first rounds")
    systemctl("daemon-reload")
    systemctl("daemon-reexec")
    after = len(rounds())
    harness.poll(lambda: len(rounds()) >= after + 3, "rounds after the reload")
    assert set(rounds()) == {"null\nzero\nkmsg-w\nheld\n"}


# --- the end


@root_only
@pytest.mark.skipif(shutil.which("criu") is None, reason="criu is not installed")
def test_a_restored_container_has_its_scope_and_limits_again(bundle):
    bundle.process["noNewPrivileges"] = False  # CRIU restores it since 3.19
    bundle.linux["resources"].update(memory={"limit": 48 << 20}, pids={"limit": 77})
    bundle.writable().sh("i=0; while :; do i=$((i+1)); echo $i >/tmp/count; sleep 0.1; done").up()
    count = bundle.rootfs / "tmp/count"
    harness.poll(count.exists, "the counter")
    was, images = bundle.cgroup_path(), bundle.dir / "images"
    bundle.verb("checkpoint", "--image-path", images).ok()
    assert bundle.show("ActiveState")["ActiveState"] == "inactive"
    at = int(count.read_text())
    bundle.verb("restore", "--detach", "--bundle", bundle.dir, "--image-path", images, glob=["--systemd-cgroup"]).ok()
    harness.poll(lambda: int(count.read_text() or 0) > at, "the counter")
    assert bundle.cgroup_path() == was
    assert bundle.show("ControlGroup", "TasksMax", "ActiveState") == {"ControlGroup": was.removesuffix("/container"), "TasksMax": "77",
                                                                      "ActiveState": "active"}
    assert (bundle.read("memory.max"), bundle.read("pids.max")) == (str(48 << 20), "77")
    assert bundle.verb("exec", tail=("cat", "/proc/self/cgroup")).ok().out == "0::/\n"


def test_delete_ends_the_unit(bundle):
    bundle.stay().up()
    bundle.kill("KILL").ok()
    bundle.wait("stopped")
    bundle.delete().ok()
    assert "could not be found" in systemctl("status", bundle.unit, check=False).stderr


def test_run_ends_the_unit(bundle):
    assert bundle.sh("exit 5").run().code == 5
    assert "could not be found" in systemctl("status", bundle.unit, check=False).stderr


def test_delete_needs_no_environment(bundle):
    bundle.stay().up()
    bundle.delete("--force", env={"PATH": "/usr/bin"}).ok()


def test_what_does_not_react_to_signals_is_no_delay(bundle):
    bundle.sh("trap '' TERM; (trap '' TERM; while :; do sleep 9; done) & while :; do sleep 9; done").up()
    begin = time.monotonic()
    bundle.delete("--force").ok()
    assert time.monotonic() - begin < 60  # systemd's own patience is 90 s


def test_a_unit_that_systemd_ended_itself(bundle):
    bundle.annotate(**{"org.systemd.property.TimeoutStopSec": "1"}).stay().up()
    systemctl("stop", bundle.unit)
    bundle.wait("stopped")
    bundle.delete().ok()


# --- names that are taken


def test_a_unit_of_this_name_is_left_alone(bundles):
    first, second = bundles().at("", "pre", "same"), bundles().at("", "pre", "same")
    first.stay().up()
    r = second.stay().create()
    assert r.code == 1
    hint = "--user " if ROOTLESS else ""
    assert r.err.startswith(f'tare: create "{second.id}": /linux/cgroupsPath (line ')
    assert r.err.endswith(f'): systemd runs a unit "pre-same.scope" already (see `systemctl {hint}status pre-same.scope`)\n')
    assert first.status() == "running"
    assert first.cgroup_path().endswith("/pre-same.scope/container")


def test_a_unit_elsewhere_is_told_by_systemd(bundles):
    first, second = bundles().at("t-x.slice", "pre", "same"), bundles().at("t-y.slice", "pre", "same")
    first.stay().up()
    r = second.stay().create()
    assert r.code == 1
    assert 'systemd refuses to start "pre-same.scope": Unit pre-same.scope was already loaded' in r.err, r
    assert r.err.endswith(" (another container or service has this name)\n")
    assert first.status() == "running"


def test_a_failed_unit_of_this_name_makes_room(bundle):
    subprocess.run(["systemd-run", *host.SYSTEMCTL[1:], "--quiet", "--scope", f"--unit={bundle.unit}",
                    "-p", "RuntimeMaxSec=1", "sleep", "100"], check=False, timeout=200)
    harness.poll(lambda: bundle.show("ActiveState")["ActiveState"] == "failed", "the unit to fail")
    bundle.stay().create().ok()
    assert bundle.show("ActiveState")["ActiveState"] == "active"


# --- failures


def test_every_step_up_to_the_first_of_the_container_is_rolled_back(bundle):
    limited(bundle, **LIMITS).write()
    plan = bundle.steps()
    last = next(n for n, s in enumerate(plan, 1) if s["side"] == "init")
    assert [s["operation"] for s in plan[:6]] == ["claim-id", "spawn", "start-scope", "make-cgroup", "join-cgroup",
                                                  "hand-down"]
    for number in range(1, last + 1):
        r = bundle.create(glob=["--test-fail-step", number])
        assert r.code == 1 and f"step {number} fails, as the test asks" in r.err, r
        assert not bundle.exists()
        assert "could not be found" in systemctl("status", bundle.unit, check=False).stderr


def test_a_killed_creator_leaves_what_delete_force_removes(bundle):
    limited(bundle, **LIMITS).write()
    outcomes = set()
    for moment in range(0, 16):
        proc = bundle.spawn("create", glob=["--systemd-cgroup"])
        time.sleep(moment * 0.02 * harness.SLOW / 8 + random.random() * 0.02)
        proc.send_signal(signal.SIGKILL)
        proc.wait()
        outcomes.add((bundle.exists(), proc.returncode))
        bundle.delete("--force").ok()
        harness.poll(lambda: "could not be found" in systemctl("status", bundle.unit, check=False).stderr, "no unit")
        assert not bundle.exists()
    print(outcomes)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_creator_that_is_told_to_stop_rolls_back(bundle, number):
    for moment in (0.1, 0.4, 0.7):
        proc = bundle.stay().spawn("create", glob=["--systemd-cgroup"])
        time.sleep(moment * harness.SLOW / 8)
        proc.send_signal(number)
        r = harness.finish(proc)
        if r.code == 0:  # it was faster
            bundle.delete("--force").ok()
        assert not bundle.exists()


def test_the_helper_is_missing(bundle, tmp_path):
    alone = tmp_path / "tare"
    shutil.copy(harness.RUNTIME, alone)
    bundle.stay().write()
    argv = [alone, "--root", bundle.root, "--systemd-cgroup", "create", "--bundle", bundle.dir, bundle.id]
    r = harness.command(*argv)
    assert r.code == 1
    assert re.fullmatch(f'tare: create "{bundle.id}": the program tare-systemd is not installed '
                        r'\(it belongs to "/\S+/tare-systemd", and speaks to systemd for tare\)\n', r.err), r
    assert not bundle.exists()


@root_only
def test_another_pid_namespace_than_systemds(bundle):
    bundle.stay().write()
    r = harness.command("unshare", "--pid", "--fork", "--mount-proc", *bundle.argv(
        "create", "--bundle", bundle.dir, glob=["--systemd-cgroup"]))
    assert r.code == 1
    assert r.err == line(bundle, "process 1 of this pid namespace is not systemd, which needs our PIDs "
                         "(call tare in the pid namespace that systemd is in)")


@user_only
def test_no_bus_of_the_user(bundle):
    env = {k: v for k, v in os.environ.items() if k != "DBUS_SESSION_BUS_ADDRESS"}
    r = bundle.stay().create(env={**env, "XDG_RUNTIME_DIR": "/nowhere"})
    assert r.code == 1
    assert r.err == line(bundle, f'the bus of user {host.UID} is not at "/nowhere/bus" (log in as that user (not with su '
                         "or sudo), or `loginctl enable-linger` and set XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS; or "
                         "`systemd-run --user --scope`)")
    r = bundle.create(env={**env, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"})
    assert r.code == 1
    assert r.err == line(bundle, "the user's bus can't be reached: no such file or directory (log in as the user, or "
                         "`loginctl enable-linger`, or `systemd-run --user --scope`)")


@user_only
def test_without_variables_the_bus_is_where_logind_puts_it(bundle):
    bundle.stay().create(env={"PATH": "/usr/bin"}).ok()
    assert bundle.cgroup_path() == f"{MANAGER}/{SLICE}/{bundle.unit}/container"


# --- what it costs


def traceable(bundle):
    """Nothing that is traced becomes root by its file's mode: no newuidmap."""
    if ROOTLESS:
        for key, own in (("uidMappings", os.getuid()), ("gidMappings", os.getgid())):
            bundle.linux[key] = [{"containerID": 0, "hostID": own, "size": 1}]
    return bundle


def calls(tmp_path, argv):
    """(connections to a bus, calls of StartTransientUnit) of a command and its children."""
    trace, pid = tmp_path / "trace", tmp_path / "pid"
    trace.unlink(missing_ok=True)
    pid.unlink(missing_ok=True)
    proc = harness.spawn(["strace", "-I", "1", "-f", "-s", "4096", "-e", "trace=connect,sendmsg", "-o", trace,
                          "sh", "-c", f'echo $$ >{pid}; exec "$@"', "sh", *argv])

    def ended():  # strace itself would wait for the container
        text = trace.read_text() if trace.exists() else ""
        end = pid.exists() and re.search(rf"^{pid.read_text().strip()} +\+\+\+ exited with (\d+)", text, re.M)
        assert not end or end.group(1) == "0", text
        return end and text

    try:
        text = harness.poll(ended, f"the end of {argv}", timeout=20)
    finally:
        proc.terminate()
        proc.wait()
    return (len(re.findall(r"connect\(\d+, \{sa_family=AF_UNIX, sun_path=\"[^\"]*bus", text)),
            len(re.findall("StartTransientUnit", text)))


def test_one_connection_and_one_unit_a_create_and_none_for_others(bundle, tmp_path):
    limited(traceable(bundle), **LIMITS).write()
    assert calls(tmp_path, bundle.argv("create", "--bundle", bundle.dir, glob=["--systemd-cgroup"])) == (1, 1)
    for verb, *tail in (("state",), ("start",), ("kill", "USR2"), ("list",)):
        argv = bundle.argv(verb, tail=tail) if verb != "list" else harness.rt_argv("list", root=bundle.root)
        assert calls(tmp_path, argv) == (0, 0), verb
    assert calls(tmp_path, bundle.argv("update", "--pids-limit", "60")) == (1, 0)
    assert calls(tmp_path, bundle.argv("delete", "--force")) == (1, 0)


def test_nothing_is_asked_of_systemd_without_the_flag(bundle, tmp_path):
    bundle.linux["cgroupsPath"] = "/tare-x" if not ROOTLESS else ""
    bundle.linux.pop("resources", None)
    traceable(bundle).stay().write()
    assert calls(tmp_path, bundle.argv("create", "--bundle", bundle.dir)) == (0, 0)


def test_the_helper_is_for_tare_alone():
    helper = pathlib.Path(harness.RUNTIME).parent / "tare-systemd"
    for argv, text in (([helper], ""), ([helper, "start"], "unit\n"), ([helper, "what"], "unit a.scope\n")):
        r = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
        assert (r.returncode, r.stdout) == (1, "tare-systemd is started by tare alone\n")
