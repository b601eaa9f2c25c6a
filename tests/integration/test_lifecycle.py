# SPDX-License-Identifier: LGPL-2.1-or-later
"""create, start, state, kill, delete, run: what they do and what they say."""
import json
import os
import re
import signal
import stat
import subprocess
import time

import pytest

from harness import (IS_TARE, LAYOUT, ROOT, TESTER, TOKEN, Result, cgroup_mount, cgroup_mounts, finish, is_alive, namespace,
                     poll, root_only, proc_status, read, rt, tare_only)

pytestmark = pytest.mark.layouts
CREATED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


@pytest.mark.parametrize("code", [0, 1, 3, 126, 255])
def test_run_returns_the_exit_code(bundle, code):
    assert bundle.sh(f"exit {code}").run().code == code


@pytest.mark.parametrize("name", ["KILL", "TERM", "SEGV"])
def test_run_returns_128_plus_the_signal(bundle, name):
    # pid 1 has no default actions, so the signal comes from outside
    bundle.unlisted("pid")
    r = bundle.sh(f"kill -{name} $$").run()
    assert r.code == 128 + getattr(signal, f"SIG{name}"), r


def test_run_passes_stdio_through(bundle):
    read_end, write_end = os.pipe()
    os.write(write_end, b"hello\n")
    os.close(write_end)
    r = bundle.sh("cat; echo error >&2").run(stdin=read_end)
    os.close(read_end)
    assert (r.code, r.out, r.err) == (0, "hello\n", "error\n")


def test_run_deletes_at_the_end(bundle):
    bundle.sh("true").run().ok()
    assert not bundle.exists()
    assert bundle.verb("state").code == 1


def test_run_keep_leaves_a_stopped_container(bundle):
    bundle.sh("exit 5")
    assert bundle.run("--keep").code == 5
    assert bundle.status() == "stopped"
    bundle.delete().ok()
    assert not bundle.exists()


def test_run_detach_returns_while_the_program_runs(bundle):
    assert bundle.writable().stay().run("-d").ok().out == ""
    assert bundle.status() == "running"
    bundle.ready().kill("KILL").ok()
    bundle.wait("stopped")
    bundle.delete().ok()


def test_run_forwards_signals(bundle):
    proc = bundle.writable().stay().spawn("run")
    bundle.ready()
    proc.send_signal(signal.SIGUSR1)
    assert finish(proc).code == 8
    assert not bundle.exists()


def test_run_in_the_foreground_survives_a_signal_that_the_program_ignores(bundle):
    bundle.writable().sh("trap '' HUP; trap 'exit 9' USR2; touch /tmp/ready;"
                         " while :; do sleep 1000 & wait; done")
    proc = bundle.spawn("run")
    bundle.ready()
    proc.send_signal(signal.SIGHUP)
    proc.send_signal(signal.SIGUSR2)
    assert finish(proc).code == 9


@tare_only
def test_a_signal_is_the_programs_as_soon_as_that_runs(bundle):
    """Also where the runtime has not noticed yet: it stands still from the hook on until the program is there."""
    bundle.writable().sh("trap 'exit 9' HUP; touch /tmp/ready; while :; do sleep 1000 & wait; done")
    bundle.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "touch /tmp/hook; sleep 0.5"]}]}
    proc = bundle.spawn("run")
    poll(lambda: (bundle.rootfs / "tmp/hook").exists())
    proc.send_signal(signal.SIGSTOP)
    bundle.ready()
    proc.send_signal(signal.SIGHUP)
    proc.send_signal(signal.SIGCONT)
    assert finish(proc).code == 9


@tare_only
@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("seccomp", [False, True])
def test_a_program_in_the_foreground_ends_with_the_runtime(bundle, uid, seccomp):
    """Slurm kills the runtime and waits for the end of the output before it looks at the container."""
    bundle.process["user"] = {"uid": uid, "gid": uid}
    (bundle.rootfs / "tmp").chmod(0o777)
    if seccomp:
        bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["prctl"], "action": "SCMP_ACT_ERRNO"}]}
    proc = bundle.writable().stay().spawn("run")
    bundle.ready().wait("running")
    pid = bundle.pid
    proc.kill()
    proc.wait()
    poll(lambda: not is_alive(pid))
    assert bundle.status() == "stopped"
    bundle.delete().ok()


def test_create_does_not_run_the_program(bundle):
    bundle.writable().sh("touch /tmp/ran; sleep 1000").create().ok()
    assert bundle.status() == "created"
    assert not (bundle.rootfs / "tmp/ran").exists()
    bundle.start().ok()
    poll((bundle.rootfs / "tmp/ran").exists)
    assert bundle.status() == "running"


def test_created_container_waits_in_its_namespaces(bundle):
    bundle.stay().create().ok()
    for kind in ("pid", "net", "ipc", "uts", "mnt"):
        assert namespace(bundle.pid, kind) != namespace("self", kind), kind
    assert namespace(bundle.pid, "user") == namespace("self", "user")


def test_state_goes_through_created_running_stopped(bundle):
    bundle.stay().create().ok()
    assert bundle.status() == "created"
    bundle.start().ok()
    assert bundle.status() == "running"
    bundle.kill("KILL").ok()
    bundle.wait("stopped")
    bundle.delete().ok()
    assert bundle.verb("state").code == 1


def test_state_has_exactly_the_keys_of_the_contract(bundle):
    bundle.stay().create().ok()
    r = bundle.verb("state").ok()
    state = json.loads(r.out)
    assert list(state) == ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "owner"]
    assert r.out == json.dumps(state, indent=2) + "\n"
    assert state["id"] == bundle.id
    assert state["bundle"] == str(bundle.dir)
    assert state["rootfs"] == str(bundle.rootfs)
    assert state["owner"] == ""
    assert CREATED.fullmatch(state["created"]), state
    assert proc_status(state["pid"])["PPid"] == "1"
    if IS_TARE:
        assert state["ociVersion"] == "1.3.0"


def test_state_shows_annotations(bundle):
    bundle.config["annotations"] = {"org.example.key": "value", "other": ""}
    bundle.stay().create().ok()
    assert bundle.state()["annotations"] == {"org.example.key": "value", "other": ""}


def test_state_of_a_stopped_container_has_pid_0(bundle):
    bundle.stay().up()
    bundle.kill("KILL").ok()
    bundle.wait("stopped")
    assert bundle.state()["pid"] == 0


def test_state_of_an_unknown_id_is_an_error(bundle):
    bundle.verb("state").refused("container does not exist")


def test_config_changes_after_create_do_not_matter(bundle):
    bundle.writable().sh("echo old >/tmp/out").create().ok()
    bundle.sh("echo new >/tmp/out").write()
    bundle.start().ok()
    bundle.wait("stopped")
    assert read(bundle.rootfs / "tmp/out") == "old"


def test_config_removed_after_create_does_not_matter(bundle):
    bundle.writable().sh("echo old >/tmp/out").create().ok()
    (bundle.dir / "config.json").unlink()
    bundle.start().ok()
    bundle.wait("stopped")
    bundle.delete().ok()


def test_start_of_a_running_container_is_refused(bundle):
    bundle.stay().up()
    pid = bundle.pid
    bundle.start().refused("cannot start an already running container")
    assert bundle.pid == pid and is_alive(pid)


def test_start_of_a_stopped_container_is_refused(bundle):
    bundle.sh("true").up()
    bundle.wait("stopped")
    bundle.start().refused("cannot start a container that has stopped")


def test_a_fifo_is_there_while_the_container_is_created(bundle):
    """People look for this file, with runc and crun as with us; ours had another name, and start left it."""
    bundle.stay().create().ok()
    fifo = bundle.root / bundle.id / "exec.fifo"
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    bundle.start().ok()
    assert not fifo.exists() and bundle.status() == "running"


def test_start_of_an_unknown_id_is_refused(bundle):
    bundle.start().refused("container does not exist")


def test_start_says_why_the_exec_failed(bundle):
    bundle.writable().process["args"] = ["/tmp/script"]
    script = bundle.rootfs / "tmp/script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    bundle.create().ok()
    if IS_TARE:
        bundle.start().refused("/tmp/script", "no such file or directory")
    else:
        bundle.start()
    bundle.wait("stopped")


def test_a_second_create_of_an_id_is_refused_and_the_first_lives(bundle):
    bundle.stay().create().ok()
    pid = bundle.pid
    bundle.create().refused("container with given ID already exists")
    bundle.run().refused("container with given ID already exists")
    assert bundle.status() == "created" and bundle.pid == pid


def test_create_writes_the_pid_file(bundle, scratch):
    pid_file = scratch / "pid"
    bundle.stay().create("--pid-file", pid_file).ok()
    assert pid_file.read_text() == str(bundle.pid)
    assert os.listdir(scratch) == ["pid"]


def test_the_pid_file_is_relative_to_the_callers_directory(bundle, scratch):
    bundle.stay().create("--pid-file", "here", cwd=scratch).ok()
    assert (scratch / "here").read_text() == str(bundle.pid)


def test_the_pid_file_replaces_a_link_and_does_not_follow_it(bundle, scratch):
    (scratch / "target").write_text("canary")
    (scratch / "pid").symlink_to(scratch / "target")
    bundle.stay().create("--pid-file", scratch / "pid").ok()
    assert (scratch / "target").read_text() == "canary"
    assert stat.S_ISREG(os.lstat(scratch / "pid").st_mode)


@tare_only
@pytest.mark.parametrize("kind", ["fifo", "device", "descriptor", "link"])
def test_a_pid_file_that_is_no_file_is_written_to_and_stays(bundle, scratch, kind):
    """It had been tried with files and links: by the rename --pid-file /dev/null took the null device from the whole host."""
    path, (reader, writer) = scratch / "pid", os.pipe()
    if kind == "device":
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    elif kind == "fifo":
        os.mkfifo(path)
        reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    elif kind == "link":
        path.symlink_to(f"/proc/self/fd/{writer}")
    before = os.lstat(path) if kind != "descriptor" else None
    name = f"/dev/fd/{writer}" if kind == "descriptor" else path
    bundle.stay().create("--pid-file", name, pass_fds=[writer]).ok()
    if kind != "device":
        assert os.read(reader, 100).decode() == str(bundle.pid)
    if before:
        after = os.lstat(path)
        assert (after.st_ino, after.st_mode, os.listdir(scratch)) == (before.st_ino, before.st_mode, ["pid"])


@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_failed_create_or_run_writes_no_pid_file(bundle, scratch, verb):
    bundle.mount("/m", "bind", "/no/such/source", "bind")
    assert bundle.make(verb, "--pid-file", scratch / "pid").code == 1
    assert os.listdir(scratch) == []
    assert not bundle.exists()


@tare_only
@pytest.mark.parametrize("kind, why", [("missing", "no such file or directory"), ("fifo", "no such device or address"),
                                       ("socket", "no such device or address")])
@pytest.mark.parametrize("verb", ["run", "exec"])
def test_without_a_place_for_the_pid_file_the_program_does_not_run(bundle, scratch, verb, kind, why):
    """The error had been looked at alone, and came after the program; with a FIFO that nobody reads it still did."""
    pid_file = scratch / ("none/pid" if kind == "missing" else "pid")
    if kind == "fifo":
        os.mkfifo(pid_file)
    elif kind == "socket":
        os.mknod(pid_file, stat.S_IFSOCK | 0o600)
    flags, path = ["--pid-file", pid_file], f"{bundle.rootfs}/ran"
    bundle.writable()
    if verb == "run":
        r = bundle.sh("touch /ran").run(*flags)
    else:
        r = bundle.stay().up().verb("exec", *flags, tail=["touch", "/ran"])
    assert r.code == (1 if verb == "run" else 255) and f'write pid file "{pid_file}": {why}\n' in r.err, r
    assert not os.path.exists(path)


@tare_only
@root_only
@pytest.mark.parametrize("flag", ["--pid-file", "--log"])
def test_a_link_of_another_user_to_a_descriptor_is_not_followed(bundle, scratch, flag):
    """In a directory that podman gave to the container's root: it chose which file of root's was opened anew, and emptied."""
    victim, theirs = scratch / "victim", scratch / "theirs"
    victim.write_text("kept")
    theirs.mkdir()
    with open(victim, "rb") as f:
        (theirs / "file").symlink_to(f"/proc/self/fd/{f.fileno()}")
        for path in (theirs, theirs / "file"):
            os.chown(path, TESTER, TESTER, follow_symlinks=False)
        bundle.stay()
        if flag == "--log":
            r = bundle.make("create", glob=["--log", theirs / "file"], pass_fds=[f.fileno()])
            why = "it is a link (they could have root write elsewhere: give a directory that only root may write to)"
            assert r.code == 1 and r.err == f'tare: log file "{theirs}/file": {why}\n', r
        else:
            bundle.create("--pid-file", theirs / "file", pass_fds=[f.fileno()]).ok()
            assert not (theirs / "file").is_symlink() and (theirs / "file").read_text() == str(bundle.pid)
    assert victim.read_text() == "kept"


@tare_only
@pytest.mark.parametrize("name,line", [
    ("/proc/pid", 'write pid file "/proc/pid": no such file or directory'),
    ("taken", 'write pid file "{}": is a directory'),
    ("", '"{}" can\'t be a pid file'),
    ("x" * 255, '"{}" can\'t be a pid file'),
], ids=["no-files", "directory", "no-name", "long"])
@pytest.mark.parametrize("verb", ["run", "exec"])
def test_where_no_pid_file_can_be_made_the_program_does_not_run(bundle, scratch, verb, name, line):
    """A missing directory had been tried alone: each other reason came after the program, and after hooks."""
    (scratch / "taken").mkdir()
    path = name if name.startswith("/") else f"{scratch}/{name}"
    bundle.writable()
    if verb == "run":
        bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/touch", "args": ["touch", f"{bundle.rootfs}/ran"]}]}
        r = bundle.stay().run("--pid-file", path)
    else:
        r = bundle.stay().up().verb("exec", "--pid-file", path, tail=["touch", "/ran"])
    assert r.code == (1 if verb == "run" else 255) and r.err.endswith(line.format(path) + "\n"), r
    assert not os.path.exists(f"{bundle.rootfs}/ran")


def test_run_detach_writes_the_pid_file(bundle, scratch):
    bundle.stay().run("-d", "--pid-file", scratch / "pid").ok()
    assert (scratch / "pid").read_text() == str(bundle.pid)


def test_kill_defaults_to_sigterm(bundle):
    bundle.writable().stay().up().ready()
    bundle.kill().ok()
    bundle.wait("stopped")


@pytest.mark.parametrize("word", ["KILL", "SIGKILL", "kill", "sigkill", "SigKill", "9"])
def test_kill_takes_names_and_numbers_in_any_case(bundle, word):
    bundle.stay().up()
    bundle.kill(word).ok()
    bundle.wait("stopped")


def test_kill_delivers_just_that_signal(bundle):
    bundle.writable().sh("trap 'echo usr2 >/tmp/got' USR2; touch /tmp/ready;"
                         " while :; do sleep 1000 & wait; done").up().ready()
    bundle.kill("USR2").ok()
    poll(lambda: (bundle.rootfs / "tmp/got").exists())
    assert bundle.status() == "running"


@pytest.mark.parametrize("word", ["", "9x", "-1", "65", "4294967305", "SIGNOSUCH", "0x9", "SIG", "SIG9"])
def test_kill_refuses_what_is_no_signal(bundle, word):
    bundle.writable().stay().up().ready()
    r = bundle.kill(word)
    assert r.code == 1, r
    assert r.err.count("\n") >= 1
    assert bundle.status() == "running"


def test_signal_0_asks_whether_it_runs(bundle):
    bundle.stay().up()
    bundle.kill("0").ok()
    bundle.kill("KILL").ok()
    bundle.wait("stopped")
    bundle.kill("0").refused("container not running")


def test_kill_of_a_stopped_container_says_not_running(bundle):
    bundle.sh("true").up()
    bundle.wait("stopped")
    bundle.kill("TERM").refused("container not running")


def test_kill_of_an_unknown_id_says_does_not_exist(bundle):
    bundle.kill("TERM").refused("container does not exist")


def test_kill_of_a_created_container_works(bundle):
    bundle.stay().create().ok()
    bundle.kill("KILL").ok()
    bundle.wait("stopped")


def test_kill_all_reaches_every_process_of_a_shared_pid_namespace(bundle):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system in this layout")
    bundle.unlisted("pid")
    bundle.writable().sh("sleep 1000 & touch /tmp/ready; sleep 1000; wait").up().ready()
    bundle.verb("kill", "--all", tail=["KILL"]).ok()
    bundle.wait("stopped")
    bundle.delete().ok()


def test_kill_all_of_a_stopped_container_is_no_error(bundle):
    bundle.sh("true").up()
    bundle.wait("stopped")
    bundle.verb("kill", "--all", tail=["KILL"]).ok()


def test_delete_of_a_running_container_is_refused(bundle):
    bundle.stay().up()
    bundle.delete().refused(f"cannot delete container {bundle.id} that is not stopped: running")
    assert bundle.status() == "running"


def test_delete_force_ends_a_running_container(bundle):
    bundle.stay().up()
    pid = bundle.pid
    bundle.delete("--force").ok()
    assert not is_alive(pid) and not bundle.exists()


def test_delete_of_a_created_container_needs_no_force(bundle):
    bundle.stay().create().ok()
    pid = bundle.pid
    bundle.delete().ok()
    assert not is_alive(pid) and not bundle.exists()


def test_delete_of_an_unknown_id_is_refused(bundle):
    bundle.delete().refused("container does not exist")


@pytest.mark.parametrize("flag", ["--force", "-f"])
def test_delete_force_of_an_unknown_id_succeeds(bundle, flag):
    r = bundle.delete(flag).ok()
    assert (r.out, r.err) == ("", "")


def test_a_killed_program_that_nobody_reaped_counts_as_stopped(bundle, scratch):
    # pytest itself becomes the subreaper, and does not wait for the container
    code = ("import ctypes, subprocess, sys, time\n"
            "ctypes.CDLL(None).prctl(36, 1)\n"
            "subprocess.run(sys.argv[1:], check=True)\n"
            "sys.stdout.write('up'); sys.stdout.flush(); sys.stdin.read()\n")
    bundle.sh("true").write()
    holder = subprocess.Popen(["/usr/bin/python3", "-c", code,
                               *map(str, bundle.argv("run", "-d", "--bundle", bundle.dir))],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert holder.stdout.read(2) == b"up"
    bundle.wait("stopped")
    assert any(proc_status(p)["State"].startswith("Z") for p in
               map(int, read(f"/proc/{holder.pid}/task/{holder.pid}/children").split()))
    bundle.kill("TERM").refused("container not running")
    bundle.delete().ok()
    holder.communicate()


def test_the_container_ends_as_a_child_of_the_callers_subreaper(bundle):
    bundle.stay().create().ok()
    assert proc_status(bundle.pid)["PPid"] == "1"


def test_create_leaves_no_helper_process(bundle):
    before = set(os.listdir("/proc"))
    bundle.stay().create().ok()
    new = [p for p in os.listdir("/proc") if p.isdigit() and p not in before and is_alive(p)]
    assert new == [str(bundle.pid)]


@tare_only
def test_list_has_templates_as_podman_and_docker_have(bundles):
    a, b = bundles("sleep 1000"), bundles("true")
    a.create().ok()
    b.up()
    b.wait("stopped")
    r = rt("list", "--format", "{{.ID}} {{ .Status }} {{.Pid}}").ok()
    assert set(r.lines) == {f"{a.id} created {a.pid}", f"{b.id} stopped 0"}
    r = rt("list", "-f", r"table {{.Names}}\t{{.Bundle}}").ok()
    assert r.lines[0].split() == ["NAMES", "BUNDLE"]
    assert {tuple(line.split()) for line in r.lines[1:]} == {(a.id, str(a.dir)), (b.id, str(b.dir))}
    assert rt("list", "--format", "json").ok().out.startswith("[{")
    r = rt("list", "--format", "{{.Idd}}")
    assert (r.code, r.err) == (1, 'tare: list: --format: there is no field "Idd" (did you mean "ID"?)\n')


def test_list_shows_containers_as_a_table(bundles):
    a, b = bundles("sleep 1000"), bundles("true")
    a.create().ok()
    b.up()
    b.wait("stopped")
    r = rt("list").ok()
    assert r.lines[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    rows = {line.split()[0]: line.split() for line in r.lines[1:]}
    assert set(rows) == {a.id, b.id}
    assert rows[a.id][1:4] == [str(a.pid), "created", str(a.dir)] and rows[a.id][5] == "root"
    assert rows[b.id][1:4] == ["0", "stopped", str(b.dir)]
    # columns: at least 12 wide, 3 apart, each starts where its heading does
    for heading, cell in (("PID", rows[a.id][1]), ("STATUS", "created"), ("CREATED", rows[a.id][4])):
        line = next(x for x in r.lines if x.startswith(a.id + " "))
        assert line.index(cell, line.index(" ")) == r.lines[0].index(heading), r.out
    width = max(12, len(a.id) + 3, len(b.id) + 3)
    assert r.lines[0].startswith("ID".ljust(width) + "PID         STATUS"), r.out


def test_list_json_is_one_line_with_the_owner(bundle):
    bundle.stay().create().ok()
    r = rt("list", "--format", "json").ok()
    assert len(r.lines) == 1
    entry, = json.loads(r.out)
    assert entry == {**bundle.state(), "owner": "root"}


def test_list_quiet_prints_ids_only(bundles):
    made = [bundles("sleep 1000") for _ in range(2)]
    for b in made:
        b.create().ok()
    assert sorted(rt("list", "-q").ok().lines) == sorted(b.id for b in made)
    assert sorted(rt("list", "--quiet").ok().lines) == sorted(b.id for b in made)


def test_list_of_nothing_is_empty(session):
    ROOT.mkdir(exist_ok=True)
    assert rt("list", "-q").ok().out == ""
    assert rt("list", "-f", "json").ok().out.strip() in ("[]", "null")


def test_a_recycled_pid_is_not_taken_for_the_container(bundle):
    """Kill the container, then have another process wear its pid."""
    bundle.stay().up()
    pid = bundle.pid
    bundle.kill("KILL").ok()
    bundle.wait("stopped")
    poll(lambda: not os.path.exists(f"/proc/{pid}"), "the container to be reaped")
    bystander = wear_pid(pid)
    try:
        assert bundle.status() == "stopped"
        bundle.kill("KILL").refused("container not running")
        bundle.delete("--force").ok()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def wear_pid(pid):
    time.sleep(0.05)  # /proc/PID/stat tells the start in units of 10 ms: it must be another one
    with open("/proc/sys/kernel/ns_last_pid", "w") as f:
        f.write(str(pid - 1))
    proc = subprocess.Popen(["sleep", "1000"])
    if proc.pid != pid:
        proc.kill()
        proc.wait()
        pytest.skip(f"pid {pid} could not be taken again (got {proc.pid})")
    return proc


def test_results_are_readable():
    """The harness itself: a refused command is told from one that was not."""
    with pytest.raises(AssertionError):
        Result(["x"], 0, "", "").refused()
    with pytest.raises(AssertionError):
        Result(["x"], 1, "", "one\ntwo\n").refused()
    assert LAYOUT in ("plain", "v1", "v2", "none") and TOKEN


@pytest.mark.parametrize("controller, file, word", [("freezer", "freezer.state", "FROZEN"),
                                                     ("", "cgroup.freeze", "1")])
def test_delete_force_removes_a_frozen_container_at_once(bundle, controller, file, word):
    if cgroup_mount(controller) is None:
        pytest.skip(f"no hierarchy of {controller or 'cgroup v2'} here")
    bundle.stay().up()
    (bundle.cgroup(controller) / file).write_text(word)
    bundle.wait("paused")
    bundle.delete("--force", timeout=4).ok()
    assert not bundle.exists()


@tare_only
@pytest.mark.parametrize("journal", [None, b"", b"garbage", b"cgroup \n\n", bytes(range(256))])
def test_delete_force_finds_processes_and_cgroups_without_the_journal(bundle, journal):
    bundle.stay().up()
    pid, path = bundle.pid, bundle.root / bundle.id / "journal"
    if journal is None:
        path.unlink()
    else:
        path.write_bytes(journal)
    bundle.delete("--force").ok()
    assert not is_alive(pid)
    assert not bundle.exists()


@tare_only
def test_list_and_regex_take_thousands_of_containers(bundle, scratch):
    """A container's record thousands of times."""
    bundle.sh("true").up().wait("stopped")
    made = bundle.root / bundle.id

    def listed(count):
        root = scratch / f"root-{count}"
        root.mkdir(mode=0o700)
        for i in range(count):
            (root / f"c{i}").mkdir(mode=0o700)
            text = (made / "record").read_text().replace(f"id {bundle.id}\n", f"id c{i}\n")
            (root / f"c{i}/record").write_text(text)
        ids = rt("list", "--quiet", root=root).ok().lines
        assert ids == sorted(f"c{i}" for i in range(count))
        told = json.loads(rt("list", "--format=json", root=root).ok().out)
        assert [c["id"] for c in told] == ids
        assert {c["status"] for c in told} == {"stopped"}
        assert len(rt("list", root=root).ok().lines) == count + 1
        return root

    root = listed(4000)
    rt("delete", "--regex", "c[0-9]*7$", root=root).ok()
    assert len(os.listdir(root)) == 3600
