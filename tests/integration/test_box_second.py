# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box`: a second one of the same root, boxes that died, --report, --android."""
import json
import os
import pathlib
import shutil
import signal
import time

import pytest

from harness import BINARY, cgroup_mount, command, finish, has_v2, is_alive, poll, rt, spawn, tare_only
from test_box_phone import on

pytestmark = [tare_only, pytest.mark.layouts]


@pytest.fixture
def running(box):
    box.run("-d", "--cap", "-kill", "--rlimit", "nofile=99", "--", "sleep", "1000").ok()
    box.running()
    return box


# --- joining


def test_a_second_one_is_in_the_first_ones_namespaces(running):
    r = running.sh("for n in pid mnt uts; do readlink /proc/self/ns/$n; done").ok()
    first = running.running()["pid"]
    assert r.lines == [os.readlink(f"/proc/{first}/ns/{kind}") for kind in ("pid", "mnt", "uts")]
    assert "sleep" in running.run("ps").ok().out
    assert running.run("sh", "-c", "exit 9").code == 9
    assert running.run("/nope").code == 127


def test_it_has_the_user_directory_and_environment_of_its_own_flags(running):
    r = running.sh("id -u; id -G; pwd; echo $HOME $A", "-u", "u", "-e", "A=b").ok()
    assert r.lines == ["1000", "1000 3003", "/home/u", "/home/u b"]


def test_it_is_not_wider_than_the_first(running):
    r = running.sh("grep -E 'CapEff|Seccomp:' /proc/self/status; ulimit -n").ok()
    assert int(r.lines[0].split()[1], 16) == 0xa00005db and r.lines[1].split()[1] == "2" and r.lines[2] == "99", r
    assert running.run("unshare", "-U", "true").code != 0
    r = running.run("--cap", "none,+chown", "--", "grep", "CapEff", "/proc/self/status").ok()
    assert int(r.out.split()[1], 16) == 1


def test_without_a_command_it_is_a_login_shell(running, scratch):
    (scratch / "in").write_text("echo $0 $HOME; pwd\n")
    with open(scratch / "in", encoding="utf-8") as f:
        assert running.run(stdin=f).ok().lines == ["-sh /root", "/root"]


def test_what_can_not_be_changed_is_refused(running):
    r = running.run("--bind", "/etc:/x", "--memory", "100m", "-r", "--", "true")
    assert (r.code, r.out, r.err) == (
        125, "", f'tare: box "{running.id}": is running; --bind, --read-only, --memory can\'t be changed: tare update, or --new '
                 "for another box\n")


def test_a_detached_second_program(running, scratch):
    assert running.run("-d", "--output", scratch / "log", "--", "sh", "-c", "echo here; sleep 1000").ok().out == \
        running.id + "\n"
    poll(lambda: (scratch / "log").read_text() == "here\n")


def test_another_box_of_the_same_root(running):
    assert running.run("--new", "--", "hostname").ok().out == f"{running.id}.2\n"
    assert running.run("--new", "-d", "--", "sleep", "1000").ok().out == f"{running.id}.2\n"
    assert running.run("--new", "--", "hostname").ok().out == f"{running.id}.3\n"
    assert running.run("--name", f"{running.id}.2", "--", "hostname").ok().out == f"{running.id}.2\n"


def test_the_name_servers_of_one_box_outlive_another(box):
    box.run("-d", "--", "sleep", "1000").ok()
    box.run("--new", "--", "true").ok()
    assert box.run("cat", "/etc/resolv.conf").ok().out != ""
    rt("delete", "--force", box.id).ok()


def test_many_at_once_are_one_box(box):
    script = "readlink /proc/self/ns/pid; : >/here.$$; until [ -e /go ]; do sleep 0.05; done"
    procs = [box.start("sh", "-c", script) for _ in range(5)]
    poll(lambda: len(list(box.dir.glob("here.*"))) == 5, "five programs in one pid namespace")
    (box.dir / "go").touch()
    results = [finish(p) for p in procs]
    # the others end by themselves, or with the first one
    assert all(r.code in (0, 137) for r in results), results
    assert len({r.out for r in results}) == 1, results
    assert not [n for n in os.listdir(box.state) if not n.startswith(".")]


# --- boxes that died


def test_what_a_killed_tare_has_left_is_swept(box):
    proc = box.start("sleep", "78")
    pid = box.running()["pid"]
    proc.kill()
    proc.wait()
    poll(lambda: not is_alive(pid))
    assert box.id in os.listdir(box.state)
    box.run("true").ok()
    assert box.id not in os.listdir(box.state)


def test_what_tares_that_were_killed_early_have_left_is_swept(box):
    """There is no record yet: only the name, which --new has made, says of which root the box is."""
    box.run("true").ok()
    names = [f"{box.id}.2", f"{box.id}.13", f"{box.id}.x", f"{box.id}2", "other.2"]
    for name in names:
        (box.state / name).mkdir(mode=0o700)
    box.run("true").ok()
    assert sorted(set(names) & set(os.listdir(box.state))) == sorted(names[2:])
    box.run("-n", "other", "--", "true").ok()
    assert (box.state / "other.2").exists()
    for name in names[2:]:
        (box.state / name).rmdir()


def test_a_stopped_detached_box_gives_way(box):
    box.run("-d", "--", "true").ok()
    poll(lambda: json.loads(rt("state", box.id).out)["status"] == "stopped")
    assert box.run("-d", "--", "sleep", "1000").ok().out == box.id + "\n"
    assert box.running()


def test_containers_that_are_no_boxes_are_left_alone(box, bundle):
    bundle.sh("true").run("--keep").ok()
    box.run("true").ok()
    assert bundle.exists()


def test_a_detached_box_whose_name_nobody_gets_is_removed(box):
    """The exit code 125 says that there is no box, but it went on."""
    with open("/dev/full", "w", encoding="utf-8") as full:
        r = box.run("-d", "--", "sleep", "1000", stdout=full)
    assert (r.code, r.err) == (125, f'tare: box "{box.id}": write to standard output: no space left on device\n'), r
    assert box.verb("state", box.id).code == 1 and not [n for n in os.listdir(box.state) if n.startswith(box.id)]


def test_a_box_that_is_to_be_kept_is_kept(box):
    for code in (0, 3):
        assert box.sh(f"exit {code}", "--keep").code == code
        assert json.loads(rt("state", box.id).ok().out)["status"] == "stopped"
    rt("delete", box.id).ok()


def test_a_paused_box_is_no_box_to_join(running):
    """Before, the error named a flag of exec: --ignore-paused."""
    running.verb("pause", running.id).ok()
    r = running.run("true")
    running.verb("resume", running.id).ok()
    assert (r.code, r.err) == (125, f'tare: box "{running.id}": is paused (tare resume {running.id})\n'), r
    running.run("true").ok()


def test_a_kept_box_gives_way_to_the_next(box):
    box.run("--keep", "--", "true").ok()
    box.run("true").ok()
    assert box.id not in os.listdir(box.state)


def test_of_several_boxes_the_one_with_the_usual_name_is_joined(running):
    """Whatever the names of the others: before, the last of all names was joined."""
    for name in ("0-" + running.id, "z-" + running.id):
        running.run("-d", "--new", "-n", name, "--", "sleep", "1000").ok()
    assert running.run("hostname").ok().out == running.id + "\n"
    assert running.run("-n", "z-" + running.id, "--", "hostname").ok().out == "z-" + running.id + "\n"


def test_the_name_servers_of_a_box_outlive_another_with_a_name(running):
    """unlink(2) of a mount point in ROOT would take the mount away from the first box."""
    running.run("-n", "z-" + running.id, "--", "true").ok()
    assert running.run("cat", "/etc/resolv.conf").ok().out == pathlib.Path("/etc/resolv.conf").read_text()


def test_a_command_at_its_end_leaves_a_new_box_with_its_name_alone(box):
    """Before, the end of the first command took away by its name what another had made meanwhile, and killed it."""
    proc = box.start("sleep", "1000")
    box.running()
    proc.send_signal(signal.SIGSTOP)
    rt("delete", "--force", box.id).ok()
    box.run("-d", "--", "sleep", "1000").ok()
    pid = box.running()["pid"]
    proc.send_signal(signal.SIGCONT)
    assert finish(proc).code == 137
    assert box.running()["pid"] == pid and is_alive(pid)


def test_the_mount_point_for_name_servers_stays_while_a_container_is_made(box, bundle, scratch):
    """It may be a box of the same root, which has mounted over it: unlink(2) would take the mount away."""
    script = f"touch {scratch}/made; until [ -e {scratch}/go ]; do sleep 0.05; done"
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", script]}]}
    proc = spawn(bundle.sh("true").write().argv("create", "--bundle", bundle.dir))
    poll(lambda: (scratch / "made").exists())
    box.run("true").ok()
    assert (box.dir / "etc/resolv.conf").read_bytes() == b""
    (scratch / "go").touch()
    assert finish(proc).code == 0
    box.run("true").ok()
    assert not (box.dir / "etc/resolv.conf").exists()


def test_boxes_that_come_and_go_have_name_servers(box):
    hosts = pathlib.Path("/etc/resolv.conf").read_text()
    for _ in range(3):
        results = [finish(p) for p in [box.start("--new", "--", "cat", "/etc/resolv.conf") for _ in range(10)]]
        assert {(r.code, r.out, r.err) for r in results} == {(0, hosts, "")}


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine")
def test_a_box_that_is_made_while_another_cleans_up_keeps_its_name_servers(box):
    """Between the look for other boxes and unlink(2) a new one mounted over the file: one of 1,400 boxes on a slow machine lost it."""
    hosts = pathlib.Path("/etc/resolv.conf").read_text()
    box.run("true").ok()
    slowly = ["strace", "-qq", "-o", "/dev/null", "-P", box.dir / "etc", "-e", "trace=unlinkat", "-e", "inject=unlinkat:delay_enter=700000"]
    cleaner = spawn([*slowly, *box.argv("--new", "--", "touch", "/ran")])
    poll((box.dir / "ran").exists)
    poll(lambda: not [n for n in os.listdir(box.state) if not n.startswith(".")], "the end of the first box")
    second = box.start("--new", "--", "sh", "-c", "until [ -e /go ]; do sleep 0.05; done; cat /etc/resolv.conf")
    finish(cleaner).ok()
    (box.dir / "go").touch()
    r = finish(second)
    assert (r.code, r.out, r.err) == (0, hosts, "")


# --- the report


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_report_has_start_and_end(box, scratch):
    report = scratch / "report"
    box.sh("exit 3", "--report", report)
    started, exited = lines_of(report)
    assert started["started"]["id"] == box.id and started["started"]["pid"] > 1
    end = exited["exited"]
    assert (end["id"], end["code"], end["reason"], end["signal"]) == (box.id, 3, "exit", 0)
    assert end["cpu_us"] > 0 and end["peak_memory"] > 0 and end["wall_ms"] >= 0
    assert report.stat().st_mode & 0o777 == 0o600


def test_the_report_may_be_a_pipe(box):
    """As bwrap's --json-status-fd. The program has no part of it."""
    read, write = os.pipe()
    proc = spawn(box.argv("--report", f"/dev/fd/{write}", "--", "sh", "-c", f"test -e /proc/self/fd/{write}"), pass_fds=[write])
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    assert finish(proc).code == 1
    assert [list(line) for line in lines] == [["started"], ["exited"]] and lines[1]["exited"]["code"] == 1, lines


def test_the_report_knows_why_it_ended(box, scratch):
    report = scratch / "report"

    def end(*words):
        box.run("--report", report, *words)
        return lines_of(report)[-1]["exited"]

    e = end("--", "sh", "-c", "kill -SEGV $$")
    assert (e["code"], e["reason"], e["signal"]) == (139, "signal", 11)
    e = end("--timeout", "300ms", "--", "sleep", "100")
    assert (e["code"], e["reason"]) == (124, "timeout") and 300 <= e["wall_ms"] < 5000
    e = end("--", "sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")
    assert e["cpu_us"] > 20000


def test_the_report_of_a_program_that_took_too_much_memory(box, scratch):
    if not cgroup_mount("memory") and not has_v2("memory"):
        pytest.skip("this layout has no memory controller")
    box.run("--report", scratch / "report", "--memory", "32m", "--", "tail", "/dev/zero")
    e = lines_of(scratch / "report")[-1]["exited"]
    assert (e["code"], e["reason"]) == (137, "oom") and 20 << 20 < e["peak_memory"] <= 34 << 20, e


def test_the_report_has_what_was_left_out(box, phone, scratch):
    on(phone, ["-n", "pid"], box, "-q", "--report", scratch / "report", "--", "true").ok()
    assert lines_of(scratch / "report")[0] == {"what": "pid", "why": "invalid argument", "instead": "",
                                               "means": "processes of the host are visible"}


def test_the_report_knows_why_nothing_was_started(box, scratch):
    report = scratch / "report"
    assert box.run("--report", report, "--", "/nope").code == 127
    assert box.run("--report", report, "--cap", "bogus", "--", "true").code == 125
    assert lines_of(report) == [
        {"failed": {"id": box.id, "code": 127, "error": 'exec: "/nope": stat /nope: no such file or directory'}},
        {"failed": {"id": box.id, "code": 125, "error": '--cap bogus: unknown capability "bogus" (did you mean one of block_suspend, bpf?)'}}]


@pytest.mark.parametrize("words, error", [
    (["--timeout", "5"], "--timeout 5: it is a time: 30s, 1m30s"), (["--without", "bogus"], '--without bogus: there is no wish "bogus"'),
    (["--memory", ""], '--memory "": it is empty'), (["--partition", "1"], '--partition 1: "{dir}" is a directory'),
    (["--output", "x"], "--output x: it goes with --detach")], ids=lambda w: w[0] if isinstance(w, list) else "")
def test_the_report_knows_of_each_refusal(box, scratch, words, error):
    """The file that a program waits for must say that nothing will come, whatever the error is."""
    assert box.run("--report", scratch / "report", *words, "--", "true").code == 125
    assert lines_of(scratch / "report") == [{"failed": {"id": box.id, "code": 125, "error": error.format(dir=box.dir)}}]


def test_the_report_knows_that_there_is_no_root(scratch):
    assert rt("box", "--report", scratch / "report", "/nowhere", "true").code == 125
    assert lines_of(scratch / "report") == [{"failed": {"id": "", "code": 125, "error": '"/nowhere": no such file or directory'}}]


def test_the_report_of_a_second_program_that_is_refused(running, scratch):
    assert running.run("--report", scratch / "report", "--", "true").code == 125
    (failed,) = lines_of(scratch / "report")
    assert failed["failed"]["error"].startswith("is running; --report can't be changed"), failed


@pytest.mark.parametrize("words", [["--plan"], ["--emit-config", "{dir}/bundle"], ["--save", "{dir}/profile"]], ids=lambda w: w[0])
def test_where_nothing_is_run_there_is_no_report(box, scratch, words):
    box.run("--report", scratch / "report", *[w.format(dir=scratch) for w in words], "--", "true").ok()
    assert not (scratch / "report").exists()


def test_a_report_that_can_not_be_written_is_an_error(box):
    box.refused('--report "/nowhere/x": report "/nowhere/x": no such file or directory', "--report", "/nowhere/x", "--", "true")


# --- Android


def test_androids_network_groups(box, phone):
    def fetch(*words):
        return on(phone, ["-i"], box, *words, "--", "nc", "127.0.0.1", "1").err

    assert "ermission denied" in fetch()
    assert "efused" in fetch("--android", "on")
    assert "efused" in fetch("--android", "on", "-u", "1000")
    assert box.sh("id -G", "--android", "on").ok().out == "0 1015 1023 3003 3004 3005\n"
    assert box.sh("id -G").ok().out == "0\n"


def test_the_warning_comes_before_the_programs_words(box, phone):
    for _ in range(20):
        r = command(phone, "-i", *box.argv("sh", "-c", "echo first >&2"))
        assert r.code == 0 and "the program has no network" in r.err.splitlines()[0] and r.err.endswith("\nfirst\n"), r


def test_without_any_network_that_is_told_before_the_program_starts(box, phone):
    told = "tare: warning: the program has no network: socket: permission denied (on a phone --android on adds the groups that have one)\n"
    assert on(phone, ["-i"], box, "true").ok().err == told
    for words in (["--android", "on"], ["-q"], ["-u", "1000", "--groups", "inet"]):
        assert on(phone, ["-i"], box, *words, "--", "true").ok().err == ""
    assert box.run("true").ok().err == ""


def test_a_box_that_ends_before_it_is_joined_is_made_anew(box):
    """Some of the second ones find the first one's program running, and then gone. Those that are in end with it: 137."""
    for _ in range(20):
        box.run("-d", "--", "true").ok()
        r = box.run("true")
        assert r.code in (0, 137) and r.err == "", r


@tare_only
def test_a_box_whose_end_takes_long_is_not_joined(running):
    """Its first program waits in the kernel for a process of its pid namespace, which a stopped parent does not reap."""
    second = running.start("sleep", "999")
    poll(lambda: "sleep 999" in command(*running.argv("ps")).out)
    second.send_signal(signal.SIGSTOP)
    first = running.running()["pid"]
    os.kill(first, signal.SIGKILL)
    poll(lambda: not os.path.exists(f"/proc/{first}/exe"), "the first program's end")
    third = running.start("true")
    time.sleep(0.5)
    assert is_alive(first) and third.poll() is None, finish(third)
    second.send_signal(signal.SIGCONT)
    assert finish(second).code == 137
    r = finish(third)
    assert (r.code, r.err) == (0, ""), r


@pytest.mark.parametrize("flags", [[], ["-u", "u"]])
def test_killing_the_tare_of_the_second_program_ends_that_alone(running, flags):
    proc = running.start(*flags, "--", "sleep", "78")
    first = running.running()["pid"]

    def second():
        found = [int(line.split()[0]) for line in running.run("ps", "-o", "pid,args").ok().lines if line.endswith(" sleep 78")]
        return found and found[0]
    poll(second)
    proc.kill()
    proc.wait()
    poll(lambda: not second())
    assert is_alive(first)


def test_a_detached_second_program_does_not_end_with_its_tare(running):
    running.run("-d", "--", "sleep", "78").ok()
    assert " sleep 78" in running.run("ps", "-o", "pid,args").ok().out


def test_a_signal_to_the_second_program_ends_that_alone(running):
    proc = running.start("sleep", "999")
    poll(lambda: "sleep 999" in command(*running.argv("ps")).out)
    proc.send_signal(signal.SIGTERM)
    assert finish(proc, 5).code == 143
    assert running.running()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_phone_has_its_state_where_there_is_no_run(box):
    """As Android has it: no /run, but /data/local/tmp; an ordinary user has Termux' $PREFIX."""
    shutil.copy(BINARY, box.dir / "tare")
    if "not found" in command("ldd", box.dir / "tare").out or "=>" in command("ldd", box.dir / "tare").out:
        pytest.skip("tare is not static here")

    def rundir(**env):
        r = command("chroot", *(["--userspec=1000:1000"] if env else []), box.dir, "/tare", "--version", env={**os.environ, **env})
        return next(line for line in r.ok().lines if line.startswith("rundir: "))

    assert rundir() == "rundir: /run/tare"
    (box.dir / "data/local/tmp").mkdir(parents=True)
    assert rundir() == "rundir: /data/local/tmp/tare"
    assert rundir(PREFIX="/data/usr") == "rundir: /data/usr/var/run/tare"
    (box.dir / "run").mkdir()
    assert rundir() == "rundir: /run/tare" == rundir(PREFIX="/data/usr")


# --- whose box it is


def test_no_annotation_makes_a_container_of_others_a_box(box, bundle):
    """Annotations come from engines, and from images: the program would run in there, and a stopped container be deleted."""
    root = os.stat(box.dir)
    bundle.config["annotations"] = {"org.tare.box": f"{root.st_dev}:{root.st_ino}"}
    bundle.config["hostname"] = "evil"
    bundle.stay().up()
    assert box.run("hostname").ok().out == f"{box.id}\n"
    bundle.verb("kill", tail=["KILL"]).ok()
    bundle.wait("stopped")
    assert box.run("hostname").ok().out == f"{box.id}\n"
    assert bundle.status() == "stopped"
