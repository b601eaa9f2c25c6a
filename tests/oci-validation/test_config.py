# SPDX-License-Identifier: LGPL-2.1-or-later
"""config.md: version, root, mounts, process, user, annotations, extensibility."""
import json
import os
import re
import resource

import pytest

import harness
from harness import chown_tree
from sentences import says

PROCESS, POSIX, LINUX = "config.md#configProcess", "config.md#configPOSIXProcess", "config.md#configLinuxProcess"
MOUNTS, ROOT, NOTES = "config.md#configMounts", "config.md#configRoot", "config.md#configAnnotations"
VERSION = "config.md#configSpecificationVersion"


# --- ociVersion


@says(VERSION, "MUST be in [SemVer v2.0.0]")
@says("config.md#valid-values", "Runtimes MUST generate an error when invalid or unsupported values")
@pytest.mark.gap(5)
@pytest.mark.parametrize("version", ["", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "one", "0.0.1x",
                                     "2.0.0", "99.1.0"])
def test_a_version_that_is_none_or_not_supported_is_an_error(bundle, version):
    bundle.config["ociVersion"] = version
    assert bundle.stay().create().code != 0


@says(VERSION, "MUST be in [SemVer v2.0.0]")
@pytest.mark.parametrize("version", ["1.0.0", "1.0.2", "1.0.2-dev", "1.1.0", "1.2.0", "1.2.1", "1.3.0", "1.0.0-rc.1+build.5"])
def test_a_version_of_the_specification_is_accepted(bundle, version):
    bundle.config["ociVersion"] = version
    bundle.stay().create().ok()


# --- root


@says(ROOT, "A directory MUST exist at the path")
@says(ROOT, "On all other platforms, this field is REQUIRED.")
@pytest.mark.parametrize("how", ["missing", "file", "no root"])
def test_without_a_root_directory_create_is_an_error(bundle, how):
    if how == "no root":
        del bundle.config["root"]
    else:
        bundle.config["root"]["path"] = "none" if how == "missing" else "config.json"
    assert bundle.stay().create().code != 0


@says(ROOT, "The value SHOULD be the conventional `rootfs`.")
@pytest.mark.parametrize("path", ["rootfs", "./rootfs", "other"])
def test_the_root_is_what_path_says(probe, path):
    bundle = probe.bundle
    (bundle.rootfs / "mark").write_text(path)
    if path == "other":
        os.rename(bundle.rootfs, bundle.dir / "other")
    bundle.config["root"]["path"] = path
    assert probe.see("file:/mark").text("/mark") == path


@says(ROOT, "If true then the root filesystem MUST be read-only")
@pytest.mark.parametrize("readonly", [True, False, None])
def test_the_root_is_read_only_if_it_says_so(probe, readonly):
    probe.bundle.config["root"]["readonly"] = readonly
    if readonly is None:
        del probe.bundle.config["root"]["readonly"]
    seen = probe.see("write:/etc/passwd")
    assert ("ro" in seen.mount("/").options) == bool(readonly)
    assert (seen.asked("write:/etc/passwd") == 30) == bool(readonly)  # EROFS


# --- mounts


@says(MOUNTS, "The runtime MUST mount entries in the listed order.")
def test_mounts_are_made_in_the_listed_order(probe, scratch):
    for name in ("one", "two"):
        (scratch / name).mkdir()
        (scratch / name / "file").write_text(name)
    (scratch / "one/below").mkdir()
    probe.bundle.mount("/m", "bind", scratch / "one", "bind")
    probe.bundle.mount("/m/below", "bind", scratch / "two", "bind")
    seen = probe.see("file:/m/file", "file:/m/below/file")
    assert (seen.text("/m/file"), seen.text("/m/below/file")) == ("one", "two")
    # the other way round the first is hidden by the second
    probe.bundle.config["mounts"][-2:] = probe.bundle.config["mounts"][:-3:-1]
    (probe.bundle.rootfs / "m/below").mkdir(parents=True, exist_ok=True)
    seen = probe.see("file:/m/file", "file:/m/below/file")
    assert (seen.text("/m/file"), seen.text("/m/below/file")) == ("one", None)


@says(MOUNTS, "Linux: This value SHOULD be an absolute path.",
      "in which case it MUST be interpreted as relative to \"/\"")
@pytest.mark.parametrize("destination", ["/tmp/m", "tmp/m"])
def test_a_destination_is_absolute_or_starts_at_the_root(probe, destination):
    probe.bundle.mount(destination, "tmpfs", "tmpfs")
    assert probe.see().mount("/tmp/m").fstype == "tmpfs"


# --- terminal


@says(PROCESS, "Runtimes MUST ignore `consoleSize` if `terminal` is `false` or unset.")
@pytest.mark.gap(20)
@pytest.mark.parametrize("terminal", [False, None])
def test_console_size_without_a_terminal_is_ignored(probe, terminal):
    probe.bundle.process.update(terminal=terminal, consoleSize={"height": 1234, "width": 4321})
    if terminal is None:
        del probe.bundle.process["terminal"]
    seen = probe.see()
    assert seen["isatty"] == 0 and "rows" not in seen


@says(PROCESS, "**`height`** (uint, REQUIRED)", "**`width`** (uint, REQUIRED)")
@pytest.mark.gap(20)
def test_console_size_is_the_size_of_the_terminal(probe, console):
    probe.bundle.process.update(terminal=True, consoleSize={"height": 30, "width": 90})
    probe.stay()
    r = probe.bundle.create("--console-socket", console.path)
    fds = console.receive()[1]
    try:
        r.ok()
        probe.bundle.start().ok()
        seen = probe.seen()
    finally:
        for fd in fds:
            os.close(fd)
    assert (seen["isatty"], seen["rows"], seen["columns"]) == (1, 30, 90)
    assert seen["ttyname"] in ("/dev/pts/0", "/dev/console")
    assert seen["dev"]["console"]["type"] == "c" and seen["sid"] == seen["pid"] == seen["foreground"]


# --- process


@says(PROCESS, "This value MUST be an absolute path.")
def test_cwd_is_absolute_and_where_the_program_starts(probe):
    probe.bundle.process["cwd"] = "/tmp"
    assert probe.see()["cwd"] == "/tmp"
    probe.bundle.process["cwd"] = "tmp"
    assert probe.bundle.create().code != 0


@says(PROCESS, "This specification extends the IEEE standard in that at least one entry is REQUIRED (non-Windows)")
def test_args_has_an_entry_that_is_looked_up_as_by_execvp(probe):
    probe.bundle.process["env"] = ["PATH=/nowhere:/bin"]
    probe.bundle.process["args"] = ["probe", "stat:/"]
    seen = json.loads(probe.bundle.run().ok().out)
    assert seen["args"] == ["probe", "stat:/"]
    probe.bundle.process["args"] = []
    assert probe.bundle.create().code != 0



LIMITS = {f"RLIMIT_{name}": number for number, name in enumerate(
    "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME".split())}


@says(POSIX, "a [`getrlimit(3)`][getrlimit.3] on `type` MUST succeed", "`rlim.rlim_cur` MUST match",
      "`rlim.rlim_max` MUST match")
@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_what_is_configured(probe, name):
    hard = resource.prlimit(0, LIMITS[name])[1]
    top = 1 << 33 if hard == resource.RLIM_INFINITY else hard
    soft, hard = (0, 0) if top == 0 else (top // 2, top - 1)
    probe.bundle.process["rlimits"] = [{"type": name, "soft": soft, "hard": hard}]
    assert probe.see()["limits"][name] == [soft, hard]


@says(POSIX, "The runtime MUST [generate an error](runtime.md#errors) for any values which cannot be mapped")
@pytest.mark.parametrize("name", ["RLIMIT_NO_SUCH", "NOFILE", "rlimit_nofile", ""])
def test_a_limit_that_the_kernel_does_not_know_is_an_error(bundle, name):
    bundle.process["rlimits"] = [{"type": name, "soft": 1, "hard": 1}]
    assert bundle.stay().create().code != 0


@says(POSIX, "If `rlimits` contains duplicated entries with same `type`")
@pytest.mark.gap(1)
def test_a_limit_given_twice_is_an_error(bundle):
    bundle.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}] * 2
    assert bundle.stay().create().code != 0


SETS = {"bounding": "Bnd", "effective": "Eff", "permitted": "Prm", "inheritable": "Inh", "ambient": "Amb"}


@says(LINUX, "Any value which cannot be mapped to a relevant kernel interface, or cannot be granted otherwise MUST be")
@pytest.mark.gap(10)
@pytest.mark.parametrize("kind", SETS)
def test_a_capability_that_nobody_knows_is_a_warning(probe, scratch, kind):
    sets = {k: ["CAP_KILL"] for k in SETS}
    sets[kind] = ["CAP_KILL", "CAP_NO_SUCH"]
    probe.bundle.process["capabilities"] = sets
    log = scratch / "log"
    seen = probe.see(glob=["--debug", "--log", log])
    assert {k: seen.caps(v) for k, v in SETS.items()} == {k: 1 << 5 for k in SETS}
    assert "CAP_NO_SUCH" in log.read_text()


@says(LINUX, "Runtimes SHOULD NOT fail if the container configuration requests capabilities that cannot be granted")
def test_a_capability_that_cannot_be_granted_does_not_fail(probe):
    # the runtime itself has no CAP_SYS_BOOT here
    asked = ["CAP_SYS_BOOT", "CAP_KILL"]
    probe.bundle.process["capabilities"] = {k: asked for k in SETS}
    probe.bundle.write()
    argv = ["setpriv", "--bounding-set=-sys_boot", "--inh-caps=-all", *probe.bundle.argv("run", "--bundle", probe.bundle.dir)]
    r = harness.command(*argv)
    assert r.code == 0, r
    status = dict(line.split(":", 1) for line in json.loads(r.out)["status"]["text"].splitlines() if line[:3] == "Cap")
    assert {v: int(status[f"Cap{v}"], 16) for v in SETS.values()} == {v: 1 << 5 for v in SETS.values()}


@says(LINUX, "If `oomScoreAdj` is set, the runtime MUST set")
@pytest.mark.parametrize("value", [1000, 100, 0])
def test_oom_score_adj_is_set(probe, value):
    probe.bundle.process["oomScoreAdj"] = value
    assert probe.see()["oom_score_adj"]["text"] == f"{value}\n"


@says(LINUX, "If `oomScoreAdj` is not set, the runtime MUST NOT change")
def test_oom_score_adj_is_inherited_if_not_set(probe):
    def higher():
        with open("/proc/self/oom_score_adj", "w", encoding="utf8") as f:
            f.write("321")
    seen = probe.see(preexec_fn=higher)
    assert seen["oom_score_adj"]["text"] == "321\n"


SCHEDULERS = [
    ({"policy": "SCHED_OTHER", "nice": 5}, {"policy": 0, "nice": 5}),
    ({"policy": "SCHED_BATCH", "nice": 3}, {"policy": 3, "nice": 3}),
    ({"policy": "SCHED_IDLE"}, {"policy": 5}),
    ({"policy": "SCHED_FIFO", "priority": 7}, {"policy": 1, "priority": 7}),
    ({"policy": "SCHED_RR", "priority": 9, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}, {"policy": 2, "priority": 9, "flags": 1}),
    ({"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 5000000, "period": 10000000},
     {"policy": 6, "runtime": 1000000, "deadline": 5000000, "period": 10000000})]


@pytest.fixture
def real_time(probe):
    """cgroup v1 gives a new group no time for real time: ask for some, and let the one above it have it to give."""
    top = harness.cgroup_mount("cpu")
    file = top / harness.TOKEN / "cpu.rt_runtime_us" if top else None
    if file is not None and file.exists():
        file.write_text("500000")  # a group that is gone keeps its share for a while
        probe.bundle.linux["resources"]["cpu"] = {"realtimeRuntime": 10000, "realtimePeriod": 1000000}
    return probe


@says(LINUX, "**`policy`** (string, REQUIRED) represents the scheduling policy.")
@pytest.mark.parametrize("asked,shown", SCHEDULERS, ids=lambda v: v["policy"] if "flags" not in v else None)
def test_the_scheduler_is_what_is_configured(real_time, asked, shown):
    probe = real_time
    probe.bundle.process["scheduler"] = asked
    seen = probe.see()["scheduler"]
    assert {k: seen[k] for k in shown} == shown


@says(LINUX, "**`class`** (string, REQUIRED)", "**`priority`** (int, REQUIRED)")
@pytest.mark.parametrize("name,number", [("RT", 1), ("BE", 2), ("IDLE", 3)])
def test_the_io_priority_is_what_is_configured(probe, name, number):
    probe.bundle.process["ioPriority"] = {"class": f"IOPRIO_CLASS_{name}", "priority": 5}
    assert probe.see()["ioprio"] == number << 13 | 5


@says(LINUX, "runtime SHOULD NOT change process' CPU affinity after the process is moved to container's cgroup")
@pytest.mark.parametrize("affinity", [None, {"initial": "0"}, {"initial": "0", "final": ""}, {"final": "1"}])
def test_the_affinity_is_the_kernels_if_no_final_one_is_given(probe, affinity):
    bundle = probe.bundle
    if affinity is not None:
        bundle.process["execCPUAffinity"] = affinity
    probe.up()
    process = bundle.dir / "process.json"
    process.write_text(json.dumps({**bundle.process, "args": ["/bin/probe"]}))
    r = harness.rt("exec", "--process", process, bundle.id)
    status = json.loads(r.ok().out)["status"]["text"]
    got = re.search(r"^Cpus_allowed_list:\s*(\S+)$", status, re.M).group(1)
    mine = harness.proc_status("self")["Cpus_allowed_list"]
    if affinity and affinity.get("final"):
        assert got == affinity["final"]
    else:  # a cpuset of v1 gives all its processors to who comes in, anything else leaves them
        assert got in ([mine, "0"] if affinity else [mine])


# --- user


@says("config.md#configPOSIXUser", "**`uid`** (int, REQUIRED)", "**`gid`** (int, REQUIRED)")
@pytest.mark.parametrize("mapped", [False, True])
def test_the_ids_are_those_of_the_container(probe, mapped):
    probe.bundle.process["user"] = {"uid": 11, "gid": 12, "additionalGids": [13, 14]}
    if mapped:
        probe.bundle.userns(200000, 65536)
        chown_tree(probe.bundle.rootfs, 200000)
    ids = probe.see()["ids"]
    assert {k: ids[k] for k in ("ruid", "euid", "suid")} == dict.fromkeys(("ruid", "euid", "suid"), 11)
    assert {k: ids[k] for k in ("rgid", "egid", "sgid")} == dict.fromkeys(("rgid", "egid", "sgid"), 12)
    assert set(ids["groups"]) - {12} == {13, 14}


# --- annotations


@says(NOTES, "Annotations MUST be a key-value map.", "Values MUST be strings.", "Keys MUST be strings.")
@pytest.mark.parametrize("bad", [["a", "b"], "a=b", {"a": 1}, {"a": ["b"]}, {"a": {"b": "c"}}, 7])
def test_annotations_that_are_no_map_of_strings_are_an_error(bundle, bad):
    bundle.config["annotations"] = bad
    assert bundle.stay().create().code != 0


@says(NOTES, "Keys MUST NOT be an empty string.")
def test_an_annotation_with_an_empty_key_is_an_error(bundle):
    bundle.config["annotations"] = {"": "value"}
    assert bundle.stay().create().code != 0


@says(NOTES, "Keys SHOULD be named using a reverse domain notation", "Runtimes MUST handle unknown annotation keys")
def test_annotations_of_any_name_are_kept(bundle):
    notes = {"com.example.a": "1", "short": "2", "no.such.key": "", "é": "ü\n", "org.opencontainers.image.os": "linux"}
    bundle.config["annotations"] = notes
    bundle.stay().create().ok()
    assert bundle.state()["annotations"] == notes


# --- extensibility, valid values


@says("config.md#configExtensibility", "but MUST otherwise ignore them")
@pytest.mark.parametrize("place", [(), ("process",), ("linux",), ("root",), ("process", "user"), ("linux", "resources")])
def test_an_unknown_property_is_ignored(probe, place):
    node = probe.bundle.config
    for key in place:
        node = node[key]
    node["noSuchProperty"] = {"a": [1, None, "x"]}
    assert probe.see()["args"] == ["/bin/probe"]


INVALID = [
    ("process/terminal", "yes"), ("process/cwd", 5), ("process/user/uid", -1), ("process/user/uid", 1 << 32),
    ("process/user/umask", -1), ("process/oomScoreAdj", 1001), ("process/args", "sh"), ("process/env", {"A": "b"}),
    ("process/rlimits", [{"type": "RLIMIT_NOFILE", "soft": 5, "hard": 4}]), ("hostname", 7),
    ("linux/namespaces", [{"type": "nosuch"}]), ("linux/rootfsPropagation", "sideways"),
    ("linux/devices", [{"type": "x", "path": "/dev/x", "major": 1, "minor": 1}]),
    ("linux/maskedPaths", "/proc"), ("linux/sysctl", ["a"]), ("mounts", {"destination": "/m"}),
    ("process/scheduler", {"policy": "SCHED_NO_SUCH"}), ("process/ioPriority", {"class": "IOPRIO_CLASS_X", "priority": 1}),
    ("process/ioPriority", {"class": "IOPRIO_CLASS_BE", "priority": 8}),
    ("linux/seccomp", {"defaultAction": "SCMP_ACT_NO_SUCH"}),
    ("linux/seccomp", {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_NO_SUCH"]}),
    ("linux/seccomp", {"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NO_SUCH"]}),
    ("linux/personality", {"domain": "NO_SUCH"}), ("linux/memoryPolicy", {"mode": "MPOL_NO_SUCH", "nodes": "0"}),
    ("linux/resources/pids", {"limit": "many"}), ("linux/resources/devices", [{"allow": "no"}])]


@says("config.md#valid-values", "Runtimes MUST generate an error when invalid or unsupported values")
@pytest.mark.parametrize("place,value", INVALID, ids=lambda v: v if isinstance(v, str) and "/" in v else None)
def test_an_invalid_value_is_an_error(bundle, place, value):
    node = bundle.config
    *path, last = place.split("/")
    for key in path:
        node = node[key]
    bundle.stay()
    node[last] = value
    assert bundle.create().code != 0


@pytest.mark.gap(7)
@pytest.mark.parametrize("twice", ['"hostname": "b", ', '"process": {}, '])
def test_a_name_that_an_object_has_twice_is_an_error(bundle, twice):
    """config.md's introduction: JSON, and so RFC 8259's unique names."""
    bundle.stay().write("{" + twice + json.dumps(bundle.config)[1:])
    assert bundle.verb("create", "--bundle", bundle.dir).code != 0


@pytest.mark.gap(6)
def test_the_umask_is_not_changed_unless_set(probe):
    assert probe.see(preexec_fn=lambda: os.umask(0o057))["umask"] == 0o057
    probe.bundle.process["user"]["umask"] = 0o27
    assert probe.see(preexec_fn=lambda: os.umask(0o057))["umask"] == 0o27


