# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box --landlock`: on top of namespaces, and alone where an ordinary user can make none."""
import json
import os
import socket

import pytest

from harness import BOX, RUNTIME, TESTER, as_user, command, is_alive, poll, rt, spawn, tare_only

pytestmark = tare_only

LEFT_OUT = ("left out: namespaces (this kernel has none): Landlock alone: other processes and System V IPC are visible, and what the "
            "program leaves behind goes on")


@pytest.fixture(autouse=True)
def abi():
    """Asked from the kernel as landlock(7) says: no ruleset, but the version."""
    r = command("/usr/bin/python3", "-c", "import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))")
    if int(r.out) < 6:
        pytest.skip(f"this kernel has Landlock's ABI {r.out.strip()}, and 6 is needed")


@pytest.fixture
def work(scratch):
    scratch.chmod(0o755)
    (scratch / "work").mkdir()
    (scratch / "work").chmod(0o777)
    (scratch / "other").mkdir()
    (scratch / "other").chmod(0o777)
    return scratch / "work"


def sandbox(*words, phone=(), prefix=(), **kw):
    """`box --landlock -r FLAGS / COMMAND` as an ordinary user whose home has nothing to do with the test."""
    state = BOX / f"root-{TESTER}"
    state.mkdir(mode=0o700, exist_ok=True)
    os.chown(state, TESTER, TESTER)
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "dumb"}
    return command(*phone, *prefix, *as_user(TESTER), RUNTIME, "--root", state, "box", "--landlock", "-r", *words, env=env, **kw)


@pytest.fixture
def alone(phone):
    """The same where the kernel has no user namespaces."""
    return lambda *words, **kw: sandbox(*words, phone=[phone, "-n", "user"], **kw)


# --- on top of namespaces


def test_it_forbids_what_no_mount_forbids(box):
    """The box's own /dev can be written to, and so it may be; a directory of the image that is no mount may not."""
    r = box.sh("touch /etc/x /tmp/x; touch /dev/shm/x /dev/x && echo written", "--landlock", "-r", "--tmpfs", "/tmp")
    assert r.out == "written\n" and r.err.count("touch") == 1 and "/etc/x" in r.err, r


@pytest.mark.parametrize("flags, written", [(["-x"], "written\n"), (["-x", "-r"], ""), (["-r"], "")])
def test_changes_that_stay_in_memory_are_no_changes_of_the_hosts_root(flags, written, same_host):
    """-x is an overlay of the box's own; its "/" was as read-only as the host's."""
    r = rt("box", "--landlock", *flags, "/", "sh", "-c", "touch /etc/tare-test && rm /etc/tare-test && echo written")
    assert r.out == written and (r.code == 0) == bool(written), r


def test_the_program_is_restricted_by_the_kernel_and_not_by_mounts_alone(box):
    """landlock(7): a restricted process can't mount, whatever its capabilities."""
    script = "mount -t tmpfs none /tmp && echo mounted"
    flags = ["--cap", "+sys_admin", "--seccomp", "none"]
    assert box.sh(script, *flags).out == "mounted\n"
    r = box.sh(script, "--landlock", *flags)
    assert r.code != 0 and r.out == "" and "permission denied" in r.err, r


def test_it_takes_no_new_privs(box):
    assert "NoNewPrivs:\t1" in box.run("--landlock", "--", "cat", "/proc/self/status").ok().out


def test_without_r_the_root_can_be_written_to(box):
    assert box.sh("echo hi >/etc/new; cat /etc/new", "--landlock").ok().out == "hi\n"


def test_exec_and_a_second_box_are_restricted_too(box):
    box.run("-d", "--landlock", "--cap", "+sys_admin", "--seccomp", "none", "--", "sleep", "1000").ok()
    box.running()
    for r in (box.verb("exec", box.id, "mount", "-t", "tmpfs", "none", "/tmp"), box.run("mount", "-t", "tmpfs", "none", "/tmp")):
        assert r.code != 0 and "permission denied" in r.err, r


def test_the_emitted_bundle_is_restricted_alike(box, scratch):
    box.run("--landlock", "-r", "--emit-config", scratch / "out", "--", "touch", "/etc/x").ok()
    text = json.loads((scratch / "out/config.json").read_text())["annotations"]["org.tare.landlock"]
    assert text.startswith("signals\nread /\nwrite /proc\n"), text
    r = rt("run", "-b", scratch / "out", f"{box.id}-run")
    assert r.code == 1 and "/etc/x" in r.err, r


def test_the_plan_names_it(box):
    assert 'restrict        write "/", write "/proc"' in box.run("--landlock", "--plan", "--", "true").ok().out


def test_an_annotation_with_nonsense_is_refused(bundle):
    def refused(text, value, no_new_privs=True):
        bundle.config["process"]["noNewPrivileges"] = no_new_privs
        bundle.config["annotations"] = {"org.tare.landlock": value}
        r = bundle.run()
        assert r.code == 1 and r.err.rstrip().endswith(f": {text}"), r

    refused('"wirte /" is not a word of it', "signals\nwirte /")
    refused('"udp" is not a word of it', "udp")
    refused('"etc" is not absolute', "read etc")
    refused("it takes process.noNewPrivileges", "read /", False)
    refused('Landlock: allow "/nowhere": no such file or directory', "read /\nread /nowhere")


# --- kernels that have none


def test_without_landlock_namespaces_hold_the_program(box, older):
    r = command(older, "5.10", "enosys", *box.argv("--landlock", "--", "sh", "-c", "exit 3"))
    assert (r.code, r.err) == (3, f'tare: box "{box.id}": left out: Landlock (this kernel has none): namespaces alone hold the program\n'), r
    for flags, front in ((["--strict"], "--strict: "), (["--require", "landlock"], "--require landlock: ")):
        r = command(older, "5.10", "enosys", *box.argv("--landlock", *flags, "--", "true"))
        assert r.code == 125 and r.err.startswith(f'tare: box "{box.id}": {front}Landlock: this kernel has none'), r


def test_where_there_is_neither_the_box_is_refused(phone, older):
    r = sandbox("/", "true", phone=[phone, "-n", "user"], prefix=[older, "5.12", "enosys"])
    assert r.code == 125 and r.err.endswith("an ordinary user needs user namespaces, and this kernel has none: run it as root\n"), r


# --- alone


def test_only_what_is_bound_can_be_written_to(alone, work):
    script = f"touch {work}/here; touch {work.parent}/other/x /etc/x /tmp/x; echo through >/dev/null && echo done"
    r = alone("-b", work, "/", "sh", "-c", script)
    assert r.out == "done\n" and os.listdir(work) == ["here"] and os.listdir(work.parent / "other") == [], r
    assert r.err.count("Permission denied") == 3 and r.err.startswith("tare: box ") and LEFT_OUT in r.err.splitlines()[0], r


def test_a_bind_may_be_read_only(alone, work):
    (work / "file").write_text("text")
    r = alone("-q", "-b", f"{work}::ro", "/", "sh", "-c", f"cat {work}/file; touch {work}/x")
    assert r.out == "text" and r.code == 1 and os.listdir(work) == ["file"], r


def test_homes_and_shared_places_can_not_be_read(alone):
    r = alone("-q", "/", "sh", "-c", "ls /tmp /run /home /root /var/tmp; cat /proc/self/comm; ls -d /usr/bin")
    assert r.out == "cat\n/usr/bin\n" and r.err.count("Permission denied") == 5, r


def test_programs_of_the_host_run_as_the_caller(alone):
    assert alone("-q", "/", "python3", "-c", "import os; print(os.getuid(), os.getgid())").ok().out == f"{TESTER} {TESTER}\n"


def test_processes_outside_get_no_signal(alone):
    victim = spawn([*as_user(TESTER), "sleep", "1000"])
    try:
        poll(lambda: f"Uid:\t{TESTER}" in command("cat", f"/proc/{victim.pid}/status").out)
        r = alone("-q", "/", "sh", "-c", f"kill -KILL {victim.pid}; sleep 1000 & kill $! && wait")
        assert "not permitted" in r.err and is_alive(victim.pid), r
    finally:
        victim.kill()
        victim.wait()


def test_no_network_is_none(alone):
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = ["python3", "-c", f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))"]
        alone("-q", "/", *connect).ok()
        assert "PermissionError" in alone("-q", "--net", "none", "/", *connect).err
        # without the filter it is Landlock's rule for TCP
        assert "PermissionError" in alone("-q", "--net", "none", "--seccomp", "none", "/", *connect).err
    udp = ["python3", "-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"]
    assert "PermissionError" in alone("-q", "--net", "none", "/", *udp).err


def test_abstract_sockets_outside_are_not_reached(alone):
    with socket.socket(socket.AF_UNIX) as server:
        name = f"tare-test-{os.getpid()}"
        server.bind("\0" + name)
        server.listen()
        connect = ["python3", "-c", f"import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}')"]
        alone("-q", "/", *connect).ok()
        assert "PermissionError" in alone("-q", "--net", "none", "/", *connect).err


@pytest.mark.parametrize("words, text", [
    (["-b", "/usr:/opt"], '--bind "/usr:/opt": at another place it takes namespaces, which the kernel refuses'),
    (["--tmpfs", "/tmp"], '--tmpfs "/tmp": it takes namespaces, which the kernel refuses'),
    (["-u", "games"], "--user games: it takes namespaces, which the kernel refuses"),
    (["--hostname", "x"], "--hostname x: it takes namespaces, which the kernel refuses"),
    (["--mask", "/etc"], '--mask "/etc": it takes namespaces, which the kernel refuses'),
    (["--net", "/proc/1/ns/net"], '--net "/proc/1/ns/net": it takes namespaces, which the kernel refuses'),
    (["--strict"], "--strict: namespaces: this kernel has none (without --strict it would be left out)"),
])
def test_what_takes_namespaces_is_refused(alone, words, text):
    r = alone("-q", *words, "/", "true")
    assert r.code == 125 and r.err.partition('": ')[2] == text + "\n", r


def test_the_report_has_what_was_left_out(alone, work):
    alone("-q", "--report", work / "report", "/", "sh", "-c", "exit 4")
    lines = [json.loads(line) for line in (work / "report").read_text().splitlines()]
    assert lines[0]["what"] == "namespaces" and lines[-1]["exited"]["code"] == 4
