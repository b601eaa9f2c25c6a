# SPDX-License-Identifier: LGPL-2.1-or-later
"""run, create, exec with --record or --refused: what a container really called, and what was denied."""
import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import time

import pytest

import defaults
import harness
from harness import RUNTIME, TESTER, cgroup_mount, command, poll, proc_status, tare_only

pytestmark = [tare_only, pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="names of calls are those of x86_64")]


def compiled(name, *flags):
    compiler = os.environ.get("CC", "cc")
    if shutil.which(compiler) is None:
        pytest.skip("no C compiler")
    path = harness.BOX / name
    subprocess.run([compiler, "-O1", "-static", *flags, "-o", path, harness.HERE.parent / f"kernels/{name}.c"], check=True)
    yield path
    path.unlink()


@pytest.fixture(scope="module")
def program(session):
    """tests/kernels/calls.c, static."""
    yield from compiled("calls", "-pthread")


@pytest.fixture(scope="module")
def narrow_program(session):
    """tests/kernels/narrow.c, for i386."""
    if os.uname().machine != "x86_64":
        pytest.skip("i386 is run by x86-64")
    yield from compiled("narrow", "-m32", "-nostdlib", "-ffreestanding", "-fno-pic", "-fno-stack-protector")


@pytest.fixture(params=["bpf", "notify"])
def backend(request, bundle, older):
    """Which of the two records; a kernel without bpf(2) leaves the other one."""
    if request.param == "notify":
        argv = bundle.argv
        bundle.argv = lambda *a, **kw: [older, "99.0", "enosys", "-bpf", *argv(*a, **kw)]
    elif os.uname().machine != "x86_64" or harness.LAYOUT in ("v1", "none"):
        pytest.skip("it takes a cgroup of v2, and x86-64")
    return request.param


def knows_exe(backend):
    """Where the kernel counts, it finds the path by the kernel's description of itself."""
    return backend == "notify" or pathlib.Path("/sys/kernel/btf/vmlinux").exists()


@pytest.fixture
def narrow(bundle, narrow_program):
    """A bundle with a program of i386."""
    shutil.copy(narrow_program, bundle.rootfs / "narrow")
    bundle.process["args"] = ["/narrow"]
    if bundle.writable().run().code == 1:
        pytest.skip("this kernel runs no 32-bit programs")
    return bundle


@pytest.fixture
def calls(bundle, program):
    """A bundle whose program makes known calls."""
    def make(*args):
        shutil.copy(program, bundle.rootfs / "calls")
        bundle.process["args"] = ["/calls", *map(str, args)]
        return bundle
    return make


def read(path):
    """The head, and {name: row}."""
    head, *rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert head["format"] == "tare-record-1" and head["lines"] == len(rows)
    assert len({row["name"] for row in rows}) == len(rows)
    return head, {row["name"]: row for row in rows}


def recorders():
    found = []
    for pid in harness.pids():
        try:
            if pathlib.Path(f"/proc/{pid}/comm").read_text() == "tare-recorder\n":
                found.append(pid)
        except OSError:
            pass
    return found


def both_recorders():
    """The recorder and its worker: create and the program don't wait until they have their name."""
    return poll(lambda: (found := recorders()) and len(found) == 2 and found, "the recorder")


def refusing(bundle, *rules, default="SCMP_ACT_ALLOW"):
    bundle.linux["seccomp"] = {"defaultAction": default, "syscalls": [
        {"names": names, "action": action, **more} for names, action, more in rules]}
    return bundle


# --- what is in a record


@pytest.mark.layouts
@pytest.mark.parametrize("threads, count", [(1, 1), (1, 1000), (8, 250)])
def test_each_call_is_counted_once(backend, calls, scratch, threads, count):
    bundle = calls(threads, count)
    bundle.run("--record", scratch / "r").ok()
    assert read(scratch / "r")[0]["backend"] == backend
    assert read(scratch / "r")[1]["getppid"]["count"] == threads * count


def test_a_record_says_of_what_it_is(backend, calls, scratch):
    bundle = calls(1, 5)
    bundle.run("--record", scratch / "r").ok()
    head, rows = read(scratch / "r")
    assert head["kernel"] == os.uname().release and head["machine"] == os.uname().machine
    assert head["backend"] == backend and head["complete"] is True and head["profile"] is False
    assert head["command"] == ["/calls", "1", "5"] and head["start"] < head["end"]
    assert rows["getppid"]["first"] == {"comm": "calls", **({"exe": "/calls"} if knows_exe(backend) else {})}
    assert rows["execve"]["count"] == 1 and stat.S_IMODE((scratch / "r").stat().st_mode) == 0o600


def copies(bundle, *paths):
    """Programs of their own, each a copy of busybox; /mnt is a mount of its own."""
    bundle.config["mounts"].append({"destination": "/mnt", "type": "tmpfs", "source": "tmpfs"})
    for path in paths:
        place = bundle.rootfs / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(bundle.rootfs / "bin/busybox", place)
        place.chmod(0o755)


def firsts(path):
    return {name: row.get("first") for name, row in read(path)[1].items()}


LONG = "/".join(["", *["d" * 30] * 7, "e" * 30])   # 248 bytes
PROGRAMS = {
    "several": (["/a/mkdir", "/b/b/rmdir", "/c/c/c/chmod"], "/a/mkdir /tmp/x; /c/c/c/chmod 700 /tmp/x; /b/b/rmdir /tmp/x",
                {"mkdir": "/a/mkdir", "chmod": "/c/c/c/chmod", "rmdir": "/b/b/rmdir", "execve": "/memfd:tare-init (deleted)"}),
    "replaced": (["/a/mkdir", "/b/chmod"], "cd /; exec /b/chmod 700 /tmp", {"chmod": "/b/chmod", "chdir": "/bin/busybox"}),
    "a link": (["/a/busybox"], "ln -s /a/busybox /tmp/mkdir; cd /tmp; ./mkdir y", {"mkdir": "/a/busybox"}),
    "a script": (["/a/sh"], "printf '#!/a/sh\\nchmod 700 /tmp\\nmkdir /tmp/z\\n' >/tmp/s; chmod 755 /tmp/s; /tmp/s", {}),
    "deleted": (["/a/rm", "/tmp/sh"], "/tmp/sh -c '/a/rm /tmp/sh; cd /tmp'", {"unlink": "/a/rm", "chdir": "/tmp/sh (deleted)"}),
    "its directory renamed": (["/a/sh"], "/a/sh -c 'mv /a /b; cd /tmp'", {"chdir": "/b/sh"}),
    "on another mount": (["/a/mkdir"], "cp /a/mkdir /mnt/mkdir; /mnt/mkdir /tmp/m", {"mkdir": "/mnt/mkdir"}),
    "long": ([LONG + "/mkdir"], f"{LONG}/mkdir /tmp/l", {"mkdir": LONG + "/mkdir"}),
    "too long": ([LONG + "/ff/mkdir"], f"{LONG}/ff/mkdir /tmp/l", {"mkdir": None}),
    "of one letter": (["/rmdir", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/mkdir"], "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/mkdir /tmp/l; /rmdir /tmp/l",
                      {"mkdir": "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/mkdir", "rmdir": "/rmdir"}),
}


@pytest.mark.layouts
@pytest.mark.parametrize("what", PROGRAMS)
def test_the_program_that_made_a_call_first_has_its_path(backend, bundle, scratch, what):
    """As /proc/PID/exe has it; the process may have ended long before the record is written."""
    programs, script, expected = PROGRAMS[what]
    copies(bundle, *programs)
    bundle.sh(script).writable().run("--record", scratch / "r").ok()
    found = firsts(scratch / "r")
    if knows_exe(backend):
        assert {name: found[name].get("exe") for name in expected} == expected
        assert what == "too long" or all(first["exe"].startswith("/") for first in found.values())
    else:
        assert not [first for first in found.values() if "exe" in first]


@pytest.mark.skipif(not pathlib.Path("/sys/kernel/btf/vmlinux").exists(), reason="this kernel does not describe itself (BTF)")
@pytest.mark.parametrize("what", ["threads", "32-bit", "replaced", "alone"])
def test_both_ways_of_recording_name_the_same_programs(bundle, calls, program, scratch, older, request, what):
    """All calls of programs that run one after the other: of two at once, either may be the first."""
    if os.uname().machine != "x86_64" or harness.LAYOUT in ("v1", "none"):
        pytest.skip("bpf takes a cgroup of v2, and x86-64")
    if what == "threads":
        calls(8, 50)
    elif what == "32-bit":
        request.getfixturevalue("narrow")
    elif what == "alone":
        copies(bundle, "/a/mkdir")
        bundle.writable().process["args"] = ["/a/mkdir", "/tmp/x"]
    else:
        copies(bundle, *PROGRAMS[what][0])
        bundle.sh(PROGRAMS[what][1]).writable()
    argv, runs = bundle.argv, {}
    for way in ("bpf", "notify"):
        shutil.copytree(bundle.rootfs, scratch / way, symlinks=True)
        bundle.config["root"]["path"] = str(scratch / way)
        bundle.argv = lambda *a, **kw: [*([older, "99.0", "enosys", "-bpf"] if way == "notify" else []), *argv(*a, **kw)]
        bundle.run("--record", scratch / f"{way}.rec").ok()
        assert read(scratch / f"{way}.rec")[0]["backend"] == way
        runs[way] = firsts(scratch / f"{way}.rec")
    both = runs["bpf"].keys() & runs["notify"].keys()
    # Whether two threads meet depends on chance.
    assert {"execve", "exit_group"} <= both
    assert {name: runs["bpf"][name] for name in both} == {name: runs["notify"][name] for name in both}


@pytest.mark.parametrize("what", ["hidden", "empty", "damaged"])
def test_without_a_description_of_the_kernel_the_path_stays_out(calls, scratch, what):
    if os.uname().machine != "x86_64" or harness.LAYOUT in ("v1", "none") or not pathlib.Path("/sys/kernel/btf/vmlinux").exists():
        pytest.skip("it takes BTF, a cgroup of v2, and x86-64")
    bundle = calls(1, 5)
    other = scratch / "vmlinux"
    data = bytearray(pathlib.Path("/sys/kernel/btf/vmlinux").read_bytes())
    data[24 + 7] |= 0x1f   # the kind of the first type
    other.write_bytes(b"" if what == "empty" else data)
    over = "mount -t tmpfs none /sys/kernel/btf" if what == "hidden" else f"mount --bind {other} /sys/kernel/btf/vmlinux"
    bundle.write()
    command("unshare", "-m", "sh", "-c", f'{over} && exec "$@"', "sh", *bundle.argv("run", "--bundle", bundle.dir, "--record", scratch / "r")).ok()
    head, rows = read(scratch / "r")
    assert head["backend"] == "bpf" and rows["getppid"]["count"] == 5 and rows["getppid"]["first"] == {"comm": "calls"}


def test_nothing_of_tare_is_in_it(backend, bundle, scratch):
    """Only the exec of the program is of tare-init: no mount, no set-up of ids, no load of a filter."""
    bundle.sh("exit 0").run("--record", scratch / "r").ok()
    assert not set(read(scratch / "r")[1]) & {"mount", "setgroups", "capset", "seccomp", "sendmsg", "recvmsg", "pivot_root", "umount2"}


def test_all_processes_are_recorded_to_their_end(backend, bundle, scratch):
    bundle.sh("(sleep 0.3; mkdir /tmp/x) & (setsid sh -c 'sleep 0.2; chmod 700 /tmp') & wait; sleep 0.3").writable()
    bundle.run("--record", scratch / "r").ok()
    rows = read(scratch / "r")[1]
    assert rows["mkdir"]["count"] == 1 and rows["chmod"]["count"] == 1 and rows["setsid"]["count"] == 1


def test_arguments_that_profiles_know_are_kept(backend, bundle, scratch):
    bundle.sh("exit 0")
    bundle.process["args"] = ["busybox", "unshare", "-m", "-u", "true"]
    bundle.process["capabilities"] = {k: ["CAP_SYS_ADMIN"] for k in ("bounding", "effective", "permitted")}
    bundle.run("--record", scratch / "r").ok()
    assert read(scratch / "r")[1]["unshare"]["args"] == [{"index": 0, "mask": 0xffffffff, "values": [0x04020000]}]


STRACED = [["ls", "-l", "/"], ["sh", "-c", "for i in 1 2 3; do echo $i | cat; done; test -d /etc && ls /etc >/dev/null"],
           ["/calls", "4", "10"]]


@pytest.mark.parametrize("args", STRACED, ids=lambda a: a[0])
def test_the_names_are_those_of_strace(backend, calls, scratch, args):
    """The same program in the same root, followed by strace from its exec on."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    bundle = calls(1, 1)
    bundle.process["args"] = args
    bundle.run("--record", scratch / "r").ok()
    recorded = set(read(scratch / "r")[1])
    env = {"PATH": "/bin", "TERM": "xterm"}
    # chroot(8) is busybox's own: strace begins with it, and what counts is behind the exec of the program.
    subprocess.run(["strace", "-f", "-qq", "-o", scratch / "trace", "chroot", bundle.rootfs, *args],
                   env={**env, "PATH": "/bin:/usr/bin:/usr/sbin:/sbin"}, check=True, stdout=subprocess.DEVNULL)
    lines = (scratch / "trace").read_text().splitlines()
    begin = max(i for i, line in enumerate(lines) if "chroot(" in line)
    traced = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", "\n".join(lines[begin + 1:]), re.M)) - {"chdir"}
    # /proc is another there, and who a process is.
    # Who waits for whom is chance.
    assert recorded ^ traced <= {"chdir", "futex"}, (recorded ^ traced)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="x32 is of x86-64")
def test_calls_of_x32_have_their_names(backend, calls, scratch):
    """The kernel need not serve them: the call was made. syscall_64.tbl has numbers of its own for some."""
    bundle = calls("x32")
    bundle.run("--record", scratch / "r").ok()
    found = calls_of(scratch / "r", "x32")
    assert {name: row["number"] for name, row in found.items()} == {"getppid": 0x40000000 | 110, "ioctl": 0x40000000 | 514}
    assert found["ioctl"]["args"] == [{"index": 1, "mask": 0xffffffff, "values": [0x5401]}]
    made = made_profile(scratch / "r")
    assert made["architectures"] == ["SCMP_ARCH_X32", "SCMP_ARCH_X86_64"] and "getppid" in made["syscalls"][0]["names"]
    bundle.linux["seccomp"] = made
    bundle.run().ok()


def calls_of(path, arch):
    """{name: row} of the calls of one architecture."""
    rows = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    return {row["name"]: row for row in rows if row["arch"] == arch}


NARROW = {"fork": 1, "mkdir": 1, "wait4": 1, "getppid": 5, "ioctl": 1, "write": 1, "exit_group": 2}


def test_a_32_bit_program_is_recorded(backend, narrow, scratch):
    """All its calls are of i386, but for the execve(2) that begins it, which is of tare-init; its child and its arguments, too."""
    narrow.run("--record", scratch / "r").ok()
    assert {name: row["count"] for name, row in calls_of(scratch / "r", "i386").items()} == NARROW
    assert calls_of(scratch / "r", "i386")["ioctl"]["args"] == [{"index": 1, "mask": 0xffffffff, "values": [0x5401]}]
    assert list(calls_of(scratch / "r", "x86_64")) == ["execve"]


@pytest.mark.parametrize("flags", [(), ("--args",)], ids=["names", "arguments"])
def test_a_recorded_profile_lets_a_32_bit_program_run_again(backend, narrow, scratch, flags):
    narrow.run("--record", scratch / "r").ok()
    narrow.linux["seccomp"] = made_profile(*flags, scratch / "r")
    assert narrow.run().ok().out == "narrow\n"
    again_elsewhere(narrow, scratch, [scratch / "r"], flags, len("narrow\n"))
    # Without one of its calls the program fails: the profile is in force for i386.
    narrow.linux["seccomp"] = made_profile(scratch / "r")
    for rule in narrow.linux["seccomp"]["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name != "mkdir"]
    assert (narrow.run().code, narrow.run().out) == (1, "")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="int 0x80 is of x86")
def test_calls_of_i386_by_64_bit_code_have_their_names(backend, calls, narrow, scratch):
    """`int $0x80` in 64-bit code: the numbers are those of i386. 64 is getppid there, and semget on x86-64."""
    bundle = calls("int80")
    bundle.run("--record", scratch / "r").ok()
    found = calls_of(scratch / "r", "i386")
    assert {name: (row["number"], row["count"]) for name, row in found.items()} == {"getppid": (64, 1), "ioctl": (54, 1)}
    assert found["ioctl"]["args"] == [{"index": 1, "mask": 0xffffffff, "values": [0x5401]}]
    assert not {"semget", "setsockopt"} & set(calls_of(scratch / "r", "x86_64"))
    assert "write" not in found and "execve" in calls_of(scratch / "r", "x86_64")


def test_a_signal_is_not_a_call_more(backend, calls, scratch):
    """A call that a signal interrupts while the recorder has it would be heard again: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV."""
    bundle = calls("signal")
    assert bundle.run("--record", scratch / "r").ok().out == "0\n"
    assert read(scratch / "r")[1]["getppid"]["count"] == 20000


# --- verbs


def test_create_and_start(backend, calls, scratch):
    bundle = calls(2, 20)
    bundle.create("--record", scratch / "r").ok()
    assert not (scratch / "r").exists()
    bundle.start().ok()
    bundle.wait("stopped")
    poll((scratch / "r").exists, "the record")
    assert read(scratch / "r")[1]["getppid"]["count"] == 40
    poll(lambda: not recorders(), "the recorder's end")
    bundle.delete().ok()
    assert os.listdir(scratch) == ["r"]


def test_a_container_that_is_never_started_leaves_no_record(backend, bundle, scratch):
    bundle.sh("exit 0").create("--record", scratch / "r").ok()
    both_recorders()
    bundle.delete("--force").ok()
    poll(lambda: not recorders(), "the recorder's end")
    assert os.listdir(scratch) == []


def test_a_create_that_fails_leaves_no_record(backend, bundle, scratch):
    bundle.process["args"] = ["/nothing"]
    assert bundle.run("--record", scratch / "r").code == 1
    assert os.listdir(scratch) == [] and not recorders()
    bundle.mount("/data", "nosuchfs", "none")
    assert bundle.create("--record", scratch / "r").code == 1
    assert os.listdir(scratch) == [] and not recorders()


def exec_cgroups(bundle):
    """The cgroups below the container's own; other tests make and remove theirs at the same time."""
    return [name for name in os.listdir(bundle.cgroup("")) if name.startswith("tare-exec-")] if cgroup_mount("") else []


@pytest.mark.layouts
def test_an_exec_is_counted_alone(backend, calls, scratch):
    """The container's first process makes calls all the time, and none of them is the exec's."""
    bundle = calls(1, 1).writable().sh("echo ready; while :; do mkdir /tmp/x; rmdir /tmp/x; done")
    bundle.run("--detach").ok()
    bundle.verb("exec", "--record", scratch / "x", tail=["sh", "-c", "/calls 2 7; (sleep 0.2; chmod 700 /tmp) & exit 5"])
    head, rows = read(scratch / "x")
    assert head["backend"] == backend and head["command"] == ["sh", "-c", "/calls 2 7; (sleep 0.2; chmod 700 /tmp) & exit 5"]
    assert 14 <= rows["getppid"]["count"] <= 16 and rows["chmod"]["count"] == 1 and "mkdir" not in rows and "setns" not in rows
    assert exec_cgroups(bundle) == []
    bundle.verb("exec", "--record", scratch / "y", tail=["/calls", "3", "5"]).ok()
    assert read(scratch / "y")[1]["getppid"]["count"] == 15


def test_an_exec_that_fails_leaves_nothing(backend, bundle, scratch):
    bundle.stay().up()
    before = recorders()
    assert bundle.verb("exec", "--record", scratch / "x", tail=["/nothing"]).code != 0
    assert bundle.verb("exec", "--record", scratch / "no/x", tail=["true"]).code != 0
    assert os.listdir(scratch) == [] and recorders() == before and exec_cgroups(bundle) == []


def test_without_room_for_a_cgroup_the_filter_records(bundle, scratch):
    """cgroup.max.descendants: an exec has a cgroup of its own where the kernel counts."""
    if cgroup_mount("") is None:
        pytest.skip("no cgroup of v2")
    bundle.stay().up()
    (bundle.cgroup("") / "cgroup.max.descendants").write_text("0")
    bundle.verb("exec", "--record", scratch / "x", tail=["true"]).ok()
    assert read(scratch / "x")[0]["backend"] == "notify" and exec_cgroups(bundle) == []


def test_detached_runs_and_exec(backend, calls, scratch):
    bundle = calls(1, 3).writable().stay()
    bundle.run("--detach", "--record", scratch / "r").ok()
    bundle.ready()
    assert bundle.verb("exec", "--record", scratch / "x", tail=["/calls", "2", "7"]).ok()
    assert read(scratch / "x")[0]["backend"] == backend
    assert read(scratch / "x")[1]["getppid"]["count"] == 14
    assert bundle.verb("exec", "--detach", "--record", scratch / "d", tail=["/calls", "3", "7"]).ok()
    poll((scratch / "d").exists, "the record of a detached exec")
    assert read(scratch / "d")[1]["getppid"]["count"] == 21
    bundle.kill("TERM").ok()
    bundle.wait("stopped")
    poll((scratch / "r").exists, "the record of a detached run")
    # exec's filter, or its cgroup, is its own.
    assert "wait4" in read(scratch / "r")[1]


def test_the_exit_code_is_the_programs(backend, bundle, scratch):
    assert bundle.sh("exit 7").run("--record", scratch / "r").code == 7
    assert bundle.sh("sh -c 'kill -9 $$'; exit $?").run("--record", scratch / "r").code == 137
    assert read(scratch / "r")[0]["complete"] is True


def test_an_ordinary_user_records_too(bundles, scratch):
    scratch.chmod(0o777)
    bundle = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    bundle.sh("mkdir /tmp/x; exit 0").run("--record", scratch / "r").ok()
    head, rows = read(scratch / "r")
    assert "mkdir" in rows and head["complete"] and (scratch / "r").stat().st_uid == TESTER


def test_the_profile_is_not_in_force_unless_it_is_asked_for(bundle, scratch):
    refusing(bundle.writable().sh("mkdir /tmp/x && echo made"), (["mkdir"], "SCMP_ACT_ERRNO", {"errnoRet": 13}))
    assert bundle.run("--record", scratch / "r").ok().out == "made\n"
    assert "refused" not in read(scratch / "r")[1]["mkdir"]
    (bundle.rootfs / "tmp/x").rmdir()
    r = bundle.run("--record", scratch / "r", "--record-with-profile")
    assert r.code == 1 and "Permission denied" in r.err
    head, rows = read(scratch / "r")
    assert head["profile"] is True and rows["write"]["refused"] == 0
    assert (rows["mkdir"]["refused"], rows["mkdir"]["answer"]) == (1, "permission denied")


def test_exec_later_has_the_containers_own_profile(bundle, scratch):
    refusing(bundle.writable().stay(), (["mkdir"], "SCMP_ACT_ERRNO", {"errnoRet": 13}))
    bundle.run("--detach", "--record", scratch / "r").ok()
    bundle.ready()
    assert "Permission denied" in bundle.verb("exec", tail=["mkdir", "/tmp/y"]).err
    bundle.delete("--force").ok()
    poll(lambda: not recorders(), "the recorder's end")


# --- what a recorder is


def test_a_recorder_that_is_killed_takes_the_container_with_it(bundle, scratch):
    refusing(bundle.writable().stay(), (["mkdir"], "SCMP_ACT_ERRNO", {}))
    proc = bundle.spawn("run", "--record", scratch / "r", "--record-with-profile")
    bundle.ready()
    both = both_recorders()
    worker = max(both, key=lambda pid: int(harness.proc_status(pid)["PPid"]) in both)
    assert int(harness.proc_status(worker)["PPid"]) in both
    os.kill(worker, signal.SIGKILL)
    r = harness.finish(proc)
    assert r.code == 1 and r.err.endswith("the recorder was killed, so the container was: its record breaks off\n"), r
    assert read(scratch / "r")[0]["complete"] is False and not bundle.exists()


def test_a_recorder_that_is_killed_at_once_leaves_no_container(bundle, scratch):
    """Before tare has told it which process to kill, too: the calls of the program wait until it knows."""
    refusing(bundle.writable().stay(), (["mkdir"], "SCMP_ACT_ERRNO", {}))
    for _ in range(10):
        before = recorders()
        proc = bundle.spawn("run", "--record", scratch / "r", "--record-with-profile")
        workers = poll(lambda: [pid for pid in recorders() if pid not in before and int(proc_status(pid)["PPid"]) in recorders()], "the recorder")
        os.kill(workers[0], signal.SIGKILL)
        r = harness.finish(proc)
        assert r.code == 1 and not bundle.exists(), r


def test_where_the_kernel_counts_the_container_outlives_its_recorder(bundle, scratch, backend):
    if backend == "notify":
        pytest.skip("calls wait for it")
    bundle.writable().stay().run("--detach", "--record", scratch / "r").ok()
    bundle.ready()
    for pid in both_recorders():
        os.kill(pid, signal.SIGKILL)
    poll(lambda: not recorders(), "the recorder's end")
    assert bundle.status() == "running"
    bundle.verb("exec", tail=["true"]).ok()


def test_a_recorder_is_not_in_the_container_and_not_in_the_session(backend, bundle, scratch):
    bundle.writable().stay().run("--detach", "--record", scratch / "r").ok()
    bundle.ready()
    both = both_recorders()
    for pid in both:
        assert harness.cgroups_of(pid) == harness.cgroups_of("self") and os.getsid(pid) != os.getsid(0)
        assert harness.namespace(pid, "pid") == harness.namespace("self", "pid")
        if int(proc_status("self")["CapEff"], 16) & 1 << 24:  # CAP_SYS_RESOURCE
            assert pathlib.Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == "-1000"
        for fd in os.listdir(f"/proc/{pid}/fd"):
            assert int(fd) < 3 or not os.readlink(f"/proc/{pid}/fd/{fd}").startswith("/dev/pts"), fd
    os.kill(both[0], signal.SIGTERM)
    os.kill(both[0], signal.SIGHUP)
    time.sleep(0.1)
    assert bundle.status() == "running"
    bundle.delete("--force").ok()
    poll(lambda: not recorders(), "the recorder's end")


# --- where a record goes


@pytest.mark.parametrize("make, why", [
    (lambda p: p.mkdir(), "a directory is there"),
    (lambda p: p.symlink_to("elsewhere"), "a link is there"),
    (lambda p: os.mkfifo(p), "no regular file is there"),
])
def test_what_is_there_is_not_followed(bundle, scratch, make, why):
    path = scratch / "r"
    make(path)
    r = bundle.sh("exit 0").run("--record", path)
    assert r.code == 1 and r.err == f'tare: run "{bundle.id}": record "{path}": {why}\n', r
    assert sorted(os.listdir(scratch)) == ["r"]


def test_a_directory_of_others_is_refused(bundle, scratch):
    scratch.chmod(0o777)
    r = bundle.sh("exit 0").run("--record", scratch / "r")
    assert r.code == 1 and "others may write in its directory" in r.err
    scratch.chmod(0o755)
    assert bundle.run("--record", scratch / "missing/r").code == 1
    assert bundle.run("--record", f"{scratch}/").code == 1


def test_a_record_that_is_there_is_replaced_as_a_whole(bundle, scratch):
    (scratch / "r").write_text("old")
    bundle.sh("exit 0").run("--record", scratch / "r").ok()
    assert read(scratch / "r")[0]["complete"]


def test_flags_that_exclude_each_other(bundle, scratch):
    bundle.sh("exit 0").run("--record", scratch / "r", "--refused").refused("--record and --refused exclude each other")
    bundle.run("--record-with-profile").refused("--record-with-profile goes with --record only")
    bundle.create("--refused").refused("--refused: nobody waits for what is refused to be reported (--refused=FILE)")


def test_an_older_kernel_is_named(bundle, older, scratch):
    bundle.sh("exit 0").write()
    r = command(older, "5.4", "enosys", "-bpf", *bundle.argv("run", "--record", scratch / "r", "--bundle", bundle.dir))
    assert r.code == 1 and "calls can't be recorded" in r.err and "Linux 5.7" in r.err, r
    assert os.listdir(scratch) == []


# --- the profile that is made of it


def other_runtimes():
    return [path for path in (shutil.which("runc"), shutil.which("crun")) if path]


def made_profile(*arguments):
    return json.loads(command(RUNTIME, "profile", *arguments).ok().out)


def again_elsewhere(bundle, scratch, records, flags, length):
    """The program runs under the profile for each other runtime here, and prints as much."""
    for runtime in other_runtimes():
        name = os.path.basename(runtime)
        bundle.linux["seccomp"] = made_profile(*flags, "--for", name, *records)
        bundle.write()
        r = command(runtime, "--root", scratch / "root", "run", "--bundle", bundle.dir, bundle.id)
        if r.code and "could not get mount id" not in r.err and "cgroup" in r.err:
            continue  # it does not run here at all
        assert r.code == 0 and len(r.out) == length, (name, r)


def python(bundle):
    """The host's Python, with its libraries."""
    for name in ("usr", "lib", "lib64"):
        if os.path.isdir(f"/{name}"):
            (bundle.rootfs / name).mkdir(exist_ok=True)
            bundle.mount(f"/{name}", "bind", os.path.realpath(f"/{name}"), "rbind", "ro")
    bundle.process["args"] = ["/usr/bin/python3", "-c", "import os, threading; t = threading.Thread(target=os.getppid); t.start(); t.join(); print(os.listdir('/'))"]


def shell(bundle):
    bundle.sh("for i in 1 2 3; do echo $i | cat; done; mkdir -p /tmp/a/b; ls -lR /tmp; rm -r /tmp/a; sleep 0.01").writable()


def httpd(bundle):
    """busybox httpd, asked by eight clients at once; nc waits for each answer by poll(2), whether it has come or not."""
    (bundle.rootfs / "www").mkdir()
    (bundle.rootfs / "www/index.html").write_text("hello\n")
    bundle.sh("httpd -p 127.0.0.1:8080 -h /www; sleep 0.1; for i in 1 2 3 4 5 6 7 8;"
              r" do printf 'GET / HTTP/1.0\r\n\r\n' | timeout 5 nc 127.0.0.1 8080 | grep hello & done; wait")
    for name in ("httpd", "nc", "timeout", "grep", "printf"):
        (bundle.rootfs / "bin" / name).unlink(missing_ok=True)
        (bundle.rootfs / "bin" / name).symlink_to("busybox")


@pytest.mark.parametrize("flags", [(), ("--args",)], ids=["names", "arguments"])
@pytest.mark.parametrize("workload", ["ls", "shell", "python", "threads", "httpd"])
def test_a_recorded_profile_lets_the_same_program_run_again(backend, calls, scratch, workload, flags):
    bundle = calls(6, 50)
    if workload == "httpd" and backend == "notify":
        pytest.skip("a shell without SA_RESTART sees EINTR where a signal comes before the recorder has a call")
    if workload == "ls":
        bundle.process["args"] = ["ls", "-l", "/"]
    elif workload != "threads":
        {"shell": shell, "python": python, "httpd": httpd}[workload](bundle)
    first = bundle.run("--record", scratch / "r").ok()
    # Further records: what depends on chance, who waits for whom, is in one of several.
    records = [scratch / f"r{number}" for number in range(8 if workload in ("threads", "httpd") else 2)]
    for path in records:
        bundle.run("--record", path).ok()
    bundle.linux["seccomp"] = made_profile(*flags, *records)
    again = bundle.run().ok()
    assert len(again.out) == len(first.out) and again.err == first.err
    again_elsewhere(bundle, scratch, records, flags, len(first.out))


def test_a_recorded_profile_refuses_all_else(calls, scratch):
    bundle = calls(1, 1)
    bundle.run("--record", scratch / "r").ok()
    bundle.linux["seccomp"] = made_profile(scratch / "r")
    r = bundle.writable().sh("mkdir /tmp/x; echo $?").run()
    assert r.out == "" and r.code != 0 and not (bundle.rootfs / "tmp/x").exists(), r


# --- what was refused


def test_refused_calls_are_told_at_the_end(bundle):
    refusing(bundle.writable().sh("mkdir /tmp/a; mkdir /tmp/b; chmod 700 /tmp; exit 3"),
             (["mkdir"], "SCMP_ACT_ERRNO", {"errnoRet": 13}), (["chmod", "fchmodat"], "SCMP_ACT_ERRNO", {"errnoRet": 1}))
    r = bundle.run("--refused")
    assert r.code == 3
    told = [line for line in r.err.splitlines() if line.startswith("seccomp refused:")]
    assert len(told) == 2
    assert 'seccomp refused: mkdir (2 times, permission denied) by mkdir; { "names": ["mkdir"], "action": "SCMP_ACT_ALLOW" } allows it' in told
    assert any(re.match(r"seccomp refused: f?chmod(at)? \(1 time, operation not permitted\) by chmod;", line) for line in told)


def test_refused_calls_go_to_a_file(bundle, scratch):
    refusing(bundle.writable().sh("mkdir /tmp/a"), (["mkdir"], "SCMP_ACT_ERRNO", {"errnoRet": 13}))
    for verb in ("run", "create"):
        bundle.make(verb, f"--refused={scratch}/{verb}")
        if verb == "create":
            bundle.start().ok()
            bundle.wait("stopped")
            bundle.delete().ok()
        poll((scratch / verb).exists, "the file")
        rows = read(scratch / verb)[1]
        assert list(rows) == ["mkdir"]
        assert (rows["mkdir"]["count"], rows["mkdir"]["refused"], rows["mkdir"]["answer"]) == (1, 1, "permission denied")


def test_without_a_refusal_nothing_is_said(bundle, scratch):
    refusing(bundle.sh("exit 0"), (["mkdir"], "SCMP_ACT_ERRNO", {}))
    assert bundle.run("--refused").ok().err == ""
    bundle.linux.pop("seccomp")
    assert bundle.run("--refused").ok().err == ""


def test_a_program_can_not_tell_the_difference(calls):
    bundle = calls("errno")
    refusing(bundle, (["getpriority"], "SCMP_ACT_ERRNO", {"errnoRet": 77}), (["sync"], "SCMP_ACT_ERRNO", {"errnoRet": 0}))
    plain = bundle.run().ok()
    assert plain.out == "getpriority 77\nsync 0 0\n"
    assert bundle.run("--refused").ok().out == plain.out


@pytest.mark.parametrize("action", ["SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", "SCMP_ACT_KILL_THREAD"])
def test_what_the_profile_kills_ends_as_ever(calls, action):
    """The kernel does it itself: nothing else can give the same wait status to the first process of a pid namespace."""
    bundle = calls("errno")
    refusing(bundle, (["getpriority"], action, {}))
    assert bundle.run("--refused").code == bundle.run().code == 128 + signal.SIGSYS


KILLS = {"SCMP_ACT_KILL_PROCESS": "the process is killed", "SCMP_ACT_KILL_THREAD": "the thread is killed", "SCMP_ACT_TRAP": "SIGSYS"}


def kernel_tells_kills():
    return os.uname().machine == "x86_64" and harness.LAYOUT not in ("v1", "none") and "TARE_KERNEL" not in os.environ


@pytest.mark.layouts
@pytest.mark.parametrize("action", KILLS)
def test_the_call_that_was_killed_is_named(bundle, action):
    """By the kernel, to root: the signal's siginfo has the number. Elsewhere a warning says that it can't be known."""
    refusing(bundle.writable().sh("mkdir /tmp/a; echo $?; mkdir /tmp/b; exit 3"), (["mkdir"], action, {}))
    r = bundle.run("--refused")
    assert r.code == 3 and r.out == "159\n", r
    told = [line for line in r.err.splitlines() if line.startswith("seccomp refused:")]
    if kernel_tells_kills():
        assert told == [f'seccomp refused: mkdir (2 times, {KILLS[action]}) by mkdir; '
                        '{ "names": ["mkdir"], "action": "SCMP_ACT_ALLOW" } allows it'], r
    else:
        assert told == []


@pytest.mark.parametrize("action", KILLS)
def test_a_record_counts_what_the_profile_kills_as_refused(bundle, scratch, action):
    """The recorder kills in place of the kernel. SECCOMP_RET_KILL_THREAD is the number 0."""
    refusing(bundle.writable().sh("mkdir /tmp/a; exit 3"), (["mkdir"], action, {}))
    assert bundle.run("--record", scratch / "r", "--record-with-profile").code == 3
    _, rows = read(scratch / "r")
    assert (rows["mkdir"]["refused"], rows["mkdir"]["answer"]) == (1, KILLS[action])
    assert rows["execve"]["refused"] == 0 and "answer" not in rows["execve"]


def test_with_a_profile_that_is_not_there_a_record_is_one_without(bundle, scratch):
    """No filter is made for it: one would kill programs of another architecture."""
    bundle.linux.pop("seccomp", None)
    bundle.writable().sh("exit 3")
    assert bundle.run("--record", scratch / "r", "--record-with-profile").code == 3
    assert read(scratch / "r")[0]["profile"] is False
    bundle.stay().up().ready()
    command(*bundle.argv("exec", "--record", scratch / "e", "--record-with-profile", tail=["true"])).ok()
    assert read(scratch / "e")[0]["profile"] is False


def test_a_record_of_a_short_run_ends_with_it(bundle, scratch):
    """The kernel does not report the end of a cgroup that is removed within 10 ms of its last change."""
    bundle.writable().sh("true")
    slow = 0
    for _ in range(30):
        start = time.monotonic()
        bundle.run("--record", scratch / "r").ok()
        slow += time.monotonic() - start > 1
    assert slow < 3


def test_a_default_that_kills_is_named(bundle, scratch):
    """All that busybox needs, but for mkdir; and the first process is the one that is killed."""
    bundle.writable()
    bundle.process["args"] = ["mkdir", "/tmp/a"]
    bundle.run("--record", scratch / "r").ok()
    names = [name for name in read(scratch / "r")[1] if name != "mkdir"]
    refusing(bundle, (names + ["mkdirat"], "SCMP_ACT_ALLOW", {}), default="SCMP_ACT_KILL_PROCESS")
    shutil.rmtree(bundle.rootfs / "tmp/a")
    r = bundle.run("--refused")
    assert r.code == 128 + signal.SIGSYS, r
    if kernel_tells_kills():
        assert r.err == ('seccomp refused: mkdir (1 time, the process is killed) by mkdir; '
                         '{ "names": ["mkdir"], "action": "SCMP_ACT_ALLOW" } allows it\n'), r


@pytest.mark.layouts
def test_the_program_of_a_killed_call_has_its_path(bundle, scratch):
    """It is killed at once, so nobody can look at its /proc/PID/exe."""
    if not kernel_tells_kills():
        pytest.skip("it takes root, a cgroup of v2, and x86-64")
    copies(bundle, "/a/mkdir")
    refusing(bundle.writable(), (["mkdir"], "SCMP_ACT_KILL_PROCESS", {}))
    bundle.sh("/a/mkdir /tmp/a; true").run(f"--refused={scratch / 'r'}").ok()
    row = read(scratch / "r")[1]["mkdir"]
    assert row["refused"] == 1 and row["first"] == {"comm": "mkdir", **({"exe": "/a/mkdir"} if knows_exe("bpf") else {})}


NOT_KNOWN = "which call that was the kernel tells root only, on x86-64, with a cgroup of v2\n"


def test_without_a_cgroup_the_killed_call_is_not_known(bundle):
    refusing(bundle.writable(), (["mkdir"], "SCMP_ACT_KILL", {}))
    bundle.process["args"] = ["mkdir", "/tmp/a"]
    r = bundle.run("--refused", glob=["--cgroup-manager", "disabled"])
    assert r.code == 128 + signal.SIGSYS and r.err.endswith(NOT_KNOWN), r


@pytest.mark.layouts
def test_the_killed_call_of_an_exec_is_named(bundle):
    """Its own alone: the container's first process is killed for another call all the time."""
    refusing(bundle.writable(), (["mkdir", "rmdir"], "SCMP_ACT_KILL", {}))
    bundle.sh("while :; do rmdir /tmp/x; done").up()
    r = bundle.verb("exec", "--refused", tail=["mkdir", "/tmp/a"])
    assert r.code == 128 + signal.SIGSYS, r
    if kernel_tells_kills():
        assert r.err == ('seccomp refused: mkdir (1 time, the thread is killed) by mkdir; '
                         '{ "names": ["mkdir"], "action": "SCMP_ACT_ALLOW" } allows it\n'), r
        assert exec_cgroups(bundle) == []
    else:
        assert r.err.endswith(NOT_KNOWN), r


def test_who_can_not_know_the_killed_call_is_told(older):
    """An ordinary user; and root where the kernel has no bpf(2)."""
    why = f"tare: warning: the profile may have killed the program (SIGSYS): {NOT_KNOWN}"
    for user in (TESTER, None):
        bundle = harness.Bundle(["mkdir", "/tmp/a"], user=user, config=defaults.rootless(TESTER, TESTER) if user else None)
        refusing(bundle.writable(), (["mkdir"], "SCMP_ACT_KILL", {}))
        bundle.write()
        argv = bundle.argv("run", "--bundle", bundle.dir, "--refused")
        r = command(*(argv if user else [older, "99.0", "enosys", "-bpf", *argv]))
        bundle.clean()
        assert r.code == 128 + signal.SIGSYS and r.err.endswith(why), r


def test_exec_tells_too(bundle):
    refusing(bundle.writable().stay(), (["mkdir"], "SCMP_ACT_ERRNO", {"errnoRet": 13}))
    bundle.run("--detach").ok()
    bundle.ready()
    r = bundle.verb("exec", "--refused", tail=["mkdir", "/tmp/y"])
    assert r.code == 1 and "seccomp refused: mkdir (1 time, permission denied) by mkdir" in r.err, r


def test_a_profile_with_an_agent_is_refused(bundle, scratch):
    bundle.sh("exit 0")
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/nothing",
                               "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}
    why = "/linux/seccomp (line {}, column {}): the profile has an agent already (SCMP_ACT_NOTIFY) (the kernel allows one listener)"
    for flags in (["--refused"], ["--record", scratch / "r", "--record-with-profile"]):
        r = bundle.run(*flags)
        assert r.code == 1 and re.sub(r"\d+", "{}", why) in re.sub(r"\d+", "{}", r.err), r
