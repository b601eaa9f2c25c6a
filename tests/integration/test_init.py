# SPDX-License-Identifier: LGPL-2.1-or-later
"""The annotation org.tare.init: tare-init stays as process 1, hands signals on, reaps, ends as the program does."""
import json
import os
import pathlib
import signal

import pytest

from harness import finish, is_alive, poll, proc_status, rt, spawn, tare_only

pytestmark = tare_only


@pytest.fixture
def with_init(bundle):
    bundle.config["annotations"] = {"org.tare.init": "1"}
    return bundle.writable()


def running_pid(bundle):
    r = bundle.verb("state")
    return json.loads(r.out)["pid"] if r.code == 0 and json.loads(r.out)["status"] == "running" else None


def child_of(pid):
    return poll(lambda: [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()])[0]


@pytest.mark.parametrize("script, code", [("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143), ("true", 0)])
def test_the_containers_end_is_the_programs(with_init, script, code):
    assert with_init.sh(script).run().code == code


@pytest.mark.parametrize("name", ["TERM", "INT", "USR1", "HUP"])
def test_a_signal_reaches_a_program_that_has_no_handler_for_it(with_init, name):
    with_init.process["args"] = ["sleep", "1000"]
    proc = spawn(with_init.write().argv("run", "--bundle", with_init.dir))
    child_of(poll(lambda: running_pid(with_init)))
    proc.send_signal(getattr(signal, "SIG" + name))
    assert finish(proc, 5).code == 128 + getattr(signal, "SIG" + name)


def test_a_handler_of_the_program_is_called_once(with_init):
    with_init.sh("trap 'echo got >>/tmp/log' USR1; touch /tmp/ready; i=0;"
                 " while [ $i -lt 100 ]; do sleep 0.02; i=$((i+1)); done")
    proc = spawn(with_init.write().argv("run", "--bundle", with_init.dir))
    poll(lambda: (with_init.rootfs / "tmp/ready").exists() and running_pid(with_init))
    rt("kill", with_init.id, "USR1").ok()
    assert finish(proc).code == 0
    assert (with_init.rootfs / "tmp/log").read_text() == "got\n"


def test_orphans_are_reaped(with_init):
    with_init.sh("(sleep 0.05 &) ; (exec true &) ; sleep 0.3; ps -o pid,stat,comm; true")
    r = with_init.run().ok()
    assert " Z" not in r.out, r


def test_orphans_do_not_outlive_the_program(with_init):
    with_init.sh("sleep 1000 & exit 3")
    assert with_init.run().code == 3


def test_create_and_start_do_the_same(with_init):
    with_init.process["args"] = ["sleep", "1000"]
    with_init.create().ok()
    with_init.start().ok()
    pid = with_init.state()["pid"]
    assert pathlib.Path(f"/proc/{child_of(pid)}/comm").read_text() == "sleep\n"
    with_init.verb("kill", tail=["TERM"]).ok()
    poll(lambda: with_init.state()["status"] == "stopped")


@pytest.mark.parametrize("args, words", [(["/nope"], 'exec: "/nope": stat /nope: no such file or directory'),
                                         (["/etc/passwd"], 'exec: "/etc/passwd": permission denied')])
def test_a_failed_exec_is_told_as_without(with_init, args, words):
    with_init.process["args"] = args
    with_init.run().refused(words)


def test_the_first_process_keeps_nothing_that_is_of_use(with_init):
    """No descriptor, no right but CAP_KILL, a filter of its own, and nobody traces it."""
    with_init.process["args"] = ["sleep", "1000"]
    with_init.run("--detach", stdout=None).ok()
    pid = with_init.state()["pid"]
    child_of(pid)
    poll(lambda: os.listdir(f"/proc/{pid}/fd") == [])
    status = proc_status(pid)
    assert int(status["CapEff"], 16) in (0, 1 << 5) and status["CapPrm"] == status["CapEff"], status
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1", status
    with_init.verb("kill", tail=["KILL"]).ok()
    poll(lambda: not is_alive(pid))


def test_a_descriptor_that_the_program_closes_is_closed(with_init):
    """The first process holds no copy of what the program was given."""
    r, w = os.pipe()
    with_init.sh("exec 3>&-; sleep 1000")
    shell = ["bash", "-c", f'exec 3>&{w} "$@"', "sh"]
    proc = spawn([*shell, *with_init.write().argv("run", "--detach", "--preserve-fds=1", "--bundle", with_init.dir)],
                 pass_fds=[w])
    os.close(w)
    finish(proc).ok()
    assert os.read(r, 1) == b""
    os.close(r)
    rt("kill", with_init.id, "KILL").ok()


def test_listen_pid_is_the_programs(with_init):
    with_init.sh("echo $LISTEN_PID $$ $LISTEN_FDS").write()
    shell = ["sh", "-c", 'exec 3</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh"]
    pid, own, count = finish(spawn([*shell, *with_init.argv("run", "--bundle", with_init.dir)])).ok().out.split()
    assert pid == own != "1" and count == "1"


def test_the_terminals_interrupt_reaches_the_program_once(with_init, terminal):
    with_init.process["terminal"] = True
    # not `read`: that of busybox 1.38 never returns after a signal
    with_init.sh("trap 'echo int' INT; trap 'echo end; exit 0' TERM; echo ready; while :; do sleep 1000 & wait $!; done")
    proc = terminal.spawn(with_init.write().argv("run", "--bundle", with_init.dir))
    terminal.expect("ready")
    terminal.write(b"\x03")
    terminal.expect("int")
    with_init.verb("kill", tail=["TERM"]).ok()
    terminal.expect("end")
    assert finish(proc).code == 0
    assert terminal.text().count("int\r\n") == 1, terminal.text()


@pytest.mark.parametrize("value", ["0", "true", ""])
def test_another_value_asks_for_nothing(with_init, value):
    with_init.config["annotations"]["org.tare.init"] = value
    assert with_init.sh("echo $$").run().ok().out == "1\n"


def test_without_a_pid_namespace_the_program_ends_with_the_first_process(with_init):
    with_init.unlisted("pid")
    with_init.config["mounts"] = [m for m in with_init.config["mounts"] if m["type"] != "proc"]
    with_init.process["args"] = ["sleep", "1000"]
    with_init.run("--detach", stdout=None).ok()
    pid = with_init.state()["pid"]
    child = child_of(pid)
    os.kill(pid, signal.SIGKILL)
    poll(lambda: not is_alive(child))


def test_a_login_shell_is_called_with_a_dash(bundle):
    bundle.config["annotations"] = {"org.tare.login": "1"}
    bundle.process["args"] = ["/bin/sh", "-c", "echo $0"]
    assert bundle.run().ok().out == "-sh\n"
