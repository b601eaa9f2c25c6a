# SPDX-License-Identifier: LGPL-2.1-or-later
"""profile, and check --record: what a record of system calls is good for."""
import gzip
import json
import os
import pathlib
import re

import pytest

from harness import RUNTIME, command, tare_only

pytestmark = tare_only

PAGE = pathlib.Path("/usr/share/man/man2/syscalls.2.gz")


def call(name, number, count=1, arch="x86_64", **more):
    return {"arch": arch, "name": name, "number": number, "count": count, **more}


@pytest.fixture
def record(tmp_path):
    """Write a record of calls, with the head's members changed; its path."""
    def write(*calls, name="record", **head):
        lines = [{"format": "tare-record-1", "backend": "notify", "complete": True, "lines": len(calls), **head}, *calls]
        path = tmp_path / name
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path
    return write


def profile(*args):
    return command(RUNTIME, "profile", *args)


READ, OPENAT2, SOCKET = call("read", 0), call("openat2", 437), call("socket", 41, args=[
    {"index": 0, "mask": 0xffffffff, "values": [1, 2]}, {"index": 1, "mask": 0xffffffff, "values": [1, 3]}])


# --- a profile


def test_a_profile_allows_what_was_recorded_and_what_the_runtime_needs(record):
    made = json.loads(profile(record(READ, OPENAT2)).ok().out)
    assert made == {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"],
                    "syscalls": [{"names": ["execve", "read", "openat2"], "action": "SCMP_ACT_ALLOW"}]}


def test_each_architecture_of_the_record_is_in_the_profile(record):
    made = json.loads(profile(record(READ, call("read", 3, arch="i386"))).ok().out)
    assert made["architectures"] == ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64"]
    assert made["syscalls"][0]["names"] == ["execve", "read"]


def test_a_record_that_breaks_off_gives_a_warning(record):
    """Its recorder was killed; the profile would refuse what came later."""
    broken = record(READ, complete=False)
    r = profile(broken)
    assert r.code == 0 and r.err == f'tare: warning: record "{broken}" breaks off: later calls are missing\n', r
    assert profile(record(READ, name="whole")).ok().err == ""


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_other_runtimes_need_more(record, runtime):
    names = json.loads(profile("--for", runtime, "--for", "tare", record(READ)).ok().out)["syscalls"][0]["names"]
    assert {"execve", "read", "close"} < set(names) and len(names) == len(set(names))


def test_an_unknown_runtime_is_refused(record):
    profile("--for", "docker", record(READ)).refused("--for docker: it is tare, runc or crun")


def test_arguments_become_conditions(record):
    made = json.loads(profile("--args", record(READ, SOCKET)).ok().out)["syscalls"]
    rules = [(rule["names"], [(a["index"], a["value"], a["valueTwo"], a["op"]) for a in rule.get("args", [])]) for rule in made]
    assert rules[0] == (["execve", "read"], [])
    assert sorted(rules[1:]) == [(["socket"], [(0, 0xffffffff, family, "SCMP_CMP_MASKED_EQ"),
                                               (1, 0xffffffff, kind, "SCMP_CMP_MASKED_EQ")])
                                 for family in (1, 2) for kind in (1, 3)]
    assert json.loads(profile(record(SOCKET)).ok().out)["syscalls"] == [
        {"names": ["execve", "socket"], "action": "SCMP_ACT_ALLOW"}]


def test_an_argument_that_was_anything_is_no_condition(record):
    any_request = call("ioctl", 16, args=[{"index": 1, "mask": 0xffffffff, "any": True}])
    assert json.loads(profile("--args", record(any_request)).ok().out)["syscalls"] == [
        {"names": ["execve", "ioctl"], "action": "SCMP_ACT_ALLOW"}]


def test_records_are_joined(record):
    one = record(READ, call("ioctl", 16, args=[{"index": 1, "mask": 0xffffffff, "values": [1]}]), name="one")
    two = record(OPENAT2, call("ioctl", 16, args=[{"index": 1, "mask": 0xffffffff, "values": [2]}]), name="two")
    made = json.loads(profile("--args", one, two).ok().out)["syscalls"]
    assert made[0]["names"] == ["execve", "read", "openat2"]
    assert sorted(rule["args"][0]["valueTwo"] for rule in made[1:]) == [1, 2]


# --- against a profile


def test_what_a_profile_would_refuse(record, tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(json.dumps({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "architectures": ["SCMP_ARCH_X86_64"], "syscalls": [
            {"names": ["read", "faccessat2"], "action": "SCMP_ACT_ALLOW"},
            {"names": ["ptrace"], "action": "SCMP_ACT_KILL_PROCESS"}, {"names": ["keyctl"], "action": "SCMP_ACT_TRAP"},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}))
    calls = [READ, call("openat", 257), call("ptrace", 101), call("keyctl", 250), SOCKET, call("mseal", 462)]
    r = profile("--refused-by", path, record(*calls))
    assert r.code == 2 and r.lines == [
        "x86_64   socket: operation not permitted (with some of the recorded arguments)",
        "x86_64   ptrace: the process is killed",
        "x86_64   keyctl: SIGSYS",
        "x86_64   openat: operation not permitted",
        "x86_64   mseal: function not implemented",
    ]
    assert profile("--refused-by", path, record(READ)).ok().out == ""


@pytest.mark.parametrize("text, why", [
    ("{", 'line 1, column 2: "{path}": not valid JSON: the document ends too early'),
    ("{}", 'line 1, column 1: "{path}": required property "defaultAction" is missing'),
    ('{"defaultAction": "SCMP_ACT_DENY"}', '/defaultAction (line 1, column 19): "{path}": unknown value "SCMP_ACT_DENY"'),
    (None, 'open "{path}": no such file or directory'),
])
def test_a_profile_that_is_none_is_named(record, tmp_path, text, why):
    """Records and profiles are both files of the command line: the error has the name."""
    path = tmp_path / "profile.json"
    if text is not None:
        path.write_text(text)
    r = profile("--refused-by", path, record(READ))
    assert (r.code, r.err) == (1, f"tare: profile: {why.format(path=path)}\n"), r


def test_a_profile_made_of_a_record_refuses_none_of_it(record, tmp_path):
    path, source = tmp_path / "profile.json", record(READ, OPENAT2, SOCKET)
    for flags in ((), ("--args",)):
        path.write_text(profile(*flags, source).ok().out)
        assert profile("--refused-by", path, source).out == ""


# --- by kernels


def test_since_when_each_call_is_there(record):
    r = profile("--kernel", record(READ, OPENAT2, call("_sysctl", 156), call("read", 63, arch="riscv64"))).ok()
    assert r.lines == ["riscv64  read  Linux 4.15", "x86_64   read  Linux 2.4.20", "x86_64   _sysctl  Linux 2.4.20 until 5.5",
                       "x86_64   openat2  Linux 5.6", "all of them: Linux 5.6, for openat2"]


def test_the_difference_of_two_records(record):
    one, two = record(READ, OPENAT2, name="one"), record(READ, SOCKET, name="two")
    r = profile("--diff", one, two)
    assert r.code == 2 and r.lines == ["- x86_64   openat2", "+ x86_64   socket"]
    assert profile("--diff", one, one).ok().out == ""
    profile("--diff", one).refused("--diff takes two records")


# What the page says of other things than the processors of our table, or where it counts another way.
PAGE_DIFFERS = {
    "arch_prctl": "of x86-64; i386 has it since 4.12",
    "chown": "2.2 is of the call that follows links",
}


def test_versions_are_those_of_the_manual(record):
    """syscalls(2) of Debian's manpages-dev, for i386: its table is not later there than on any other processor."""
    if not PAGE.exists():
        pytest.skip("package manpages-dev is not installed")
    with gzip.open(PAGE, "rt", encoding="utf-8") as f:
        text = f.read()
    told = dict(re.findall(r"^\\fB(\w+)\\fP\(2\)\t([\d.]+)", text, re.M))
    source = (pathlib.Path(__file__).resolve().parents[2] / "src/kernel/calls.c").read_text(encoding="utf-8")
    rows = re.findall(r'\{ "(\w+)", V\((\d+), (\d+), (\d+)\)', source)
    assert len(rows) > 450
    ours = {name: tuple(map(int, version)) for name, *version in rows}
    compared = 0
    for name, version in told.items():
        if name not in ours or name in PAGE_DIFFERS:
            continue
        compared += 1
        assert ours[name] == (*map(int, version.split(".")), 0, 0)[:3], name
    assert compared > 400


def test_numbers_are_those_of_the_headers():
    header = pathlib.Path(f"/usr/include/{os.uname().machine}-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("package linux-libc-dev is not installed, or of another processor")
    source = (pathlib.Path(__file__).resolve().parents[2] / "src/kernel/calls.c").read_text(encoding="utf-8")
    ours = {name: int(number) for name, number in re.findall(r'\{ "(\w+)", V\([^)]*\),[^{]*\{ (-?\d+)', source)}
    told = {name: int(number) for name, number in re.findall(r"^#define __NR_(\w+) (\d+)", header.read_text(), re.M)}
    never = {"afs_syscall", "vserver", "security", "tuxcall", "putpmsg", "getpmsg", "epoll_ctl_old", "epoll_wait_old"}
    assert {name: number for name, number in told.items() if ours.get(name) != number and name not in never} == {}


def test_numbers_of_x32_are_those_of_the_headers(tmp_path):
    header = pathlib.Path("/usr/include/x86_64-linux-gnu/asm/unistd_x32.h")
    if not header.exists():
        pytest.skip("package linux-libc-dev is not installed, or of another processor")
    found = re.findall(r"^#define __NR_(\w+) \(__X32_SYSCALL_BIT \+ (\d+)\)", header.read_text(), re.M)
    told = {name: int(number) for name, number in found if name not in ("afs_syscall", "security", "tuxcall", "putpmsg", "getpmsg")}
    source = (pathlib.Path(__file__).resolve().parents[2] / "src/kernel/x32.c").read_text(encoding="utf-8")
    own = re.findall(r'"(\w+)"', source[source.index("own[][20]"):source.index("missing[][20]")].partition("};")[0])
    assert {name: number for name, number in told.items() if number >= 512} == {name: 512 + i for i, name in enumerate(own)}
    # Of the others, these are known, and no number besides: the headers may be older than the table.
    newer = set(range(335, 337)) | set(range(max(n for n in told.values() if n < 512) + 1, 512))
    rows = [{"arch": "x32", "name": "x", "number": 0x40000000 | n, "count": 1} for n in range(600)]
    path = tmp_path / "record"
    path.write_text("".join(json.dumps(row) + "\n" for row in [{"format": "tare-record-1", "lines": len(rows)}, *rows]))
    lines = [line for line in profile("--kernel", path).ok().lines if line.startswith("x32 ")]
    assert len(lines) == 600 and {n for n, line in enumerate(lines) if "unknown" not in line} - newer == set(told.values()) - newer


# --- records that are none


@pytest.mark.parametrize("text, why", [
    ("", "line 1: it is empty"),
    ("{}\n", "line 1: it has no format"),
    ('{"format":"tare-record-2","lines":0}\n', "line 1: its format is another than tare-record-1"),
    ('{"format":"tare-record-1"}\n', "line 1: it does not say how many calls follow"),
    ('{"format":"tare-record-1","lines":1}\n', "line 2: it breaks off here"),
    ('{"format":"tare-record-1","lines":0}', "line 1: it breaks off here"),
    ('{"format":"tare-record-1","lines":0}\n{"arch":"x86_64","name":"read","number":0,"count":1}\n',
     "line 2: it is one more than the head says"),
    ('{"format":"tare-record-1","lines":1}\n{"arch":"vax","name":"read","number":0,"count":1}\n',
     "line 2: its architecture is unknown"),
    ('{"format":"tare-record-1","lines":1}\n{"arch":"x86_64","name":"read","count":1}\n',
     "line 2: a call has arch, name, number and count"),
    ('{"format":"tare-record-1","lines":1}\n{"arch":"x86_64","name":"read","number":0,"count":1,"refused":2}\n',
     "line 2: more calls were refused than made"),
    ('{"format":"tare-record-1","lines":1}\n{"arch":"x86_64","name":"read","number":0,"count":1,"args":[{"index":6}]}\n',
     "line 2: an argument is none that a call has"),
])
def test_a_record_that_is_none_is_one_line(tmp_path, text, why):
    path = tmp_path / "record"
    path.write_text(text)
    r = profile(path)
    assert (r.code, r.out) == (1, "") and r.err == f'tare: profile: "{path}" is no record of system calls: {why}\n', r


def test_a_record_is_a_file(tmp_path):
    profile(tmp_path).refused("is not a regular file and not a pipe")
    profile(tmp_path / "none").refused("no such file or directory")


# --- check --record


def checked(bundle, code, *flags):
    bundle.write()
    r = command(*bundle.argv("check", "-b", bundle.dir, "--json", *flags)[:-1])
    assert r.code == code, r
    return [(row["level"], row["what"], row["why"]) for row in json.loads(r.out)["rows"] if "call" in row["what"]]


def test_recorded_calls_are_asked_from_this_kernel(bundle, record):
    bundle.sh("exit 0")
    assert checked(bundle, 0, "--record", record(READ, call("faccessat2", 439))) == [
        ("ok", "2 recorded calls", "Linux 5.8 has them all, the last of them for faccessat2")]
    assert ("weaker", "call _sysctl", f"Linux {os.uname().release} has it no more") in checked(
        bundle, 2, "--record", record(call("_sysctl", 156)))


def test_recorded_calls_are_held_against_a_version(bundle, record):
    bundle.sh("exit 0")
    assert checked(bundle, 2, "--kernel", "5.4", "--record", record(READ, OPENAT2)) == [
        ("weaker", "call openat2", "Linux 5.4 has it not: the program gets ENOSYS"),
        ("ok", "2 recorded calls", "Linux 5.6 has them all, the last of them for openat2")]


def test_recorded_calls_are_held_against_the_profile(bundle, record):
    bundle.sh("exit 0")
    bundle.config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["openat2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}
    assert ("weaker", "call openat2", "the profile refuses it: permission denied") in checked(
        bundle, 2, "--record", record(READ, OPENAT2))


def test_a_kernel_that_a_filter_makes_older_is_asked(bundle, record, older):
    bundle.sh("exit 0").write()
    r = command(older, "5.4", "enosys", *bundle.argv("check", "-b", bundle.dir, "--record", record(OPENAT2))[:-1])
    assert r.code == 2 and re.search(r"^weaker +call openat2 .*has it not", r.out, re.M), r
