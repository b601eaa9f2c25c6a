# SPDX-License-Identifier: LGPL-2.1-or-later
"""process.terminal: the pty inside, the console socket, and `run` on a terminal."""
import os
import signal
import subprocess
import termios
import time

import pytest

from harness import (ConsoleSocket, finish, is_alive, mount_at, mounts, poll, read_fd, tare_only)

LFLAG = 3


def on_terminal(bundle, script):
    bundle.process["terminal"] = True
    return bundle.sh(script)


def run_on(bundle, terminal, *flags):
    return terminal.spawn(bundle.write().argv("run", "--bundle", bundle.dir, *flags))


# --- console socket


def test_create_sends_one_master_over_the_console_socket(bundle, console):
    on_terminal(bundle, "tty; stty size; sleep 1000").create("--console-socket", console.path).ok()
    payload, fds, closed = console.receive()
    assert 1 <= len(payload) < 4096 and len(fds) == 1 and closed
    bundle.start().ok()
    assert "/dev/" in read_fd(fds[0], "\n")
    os.close(fds[0])


def test_run_detached_sends_the_master_too(bundle, console):
    on_terminal(bundle, "echo hello").run("-d", "--console-socket", console.path).ok()
    _, fds, _ = console.receive()
    assert read_fd(fds[0]).split() == ["hello"]
    os.close(fds[0])
    bundle.wait("stopped")


def test_an_engine_gets_a_pty_with_the_kernels_settings(bundle, console):
    """ONLCR is on: clients of an engine are raw, and nobody else adds the carriage return. `run` on a terminal alone had been looked at."""
    on_terminal(bundle, "stty -a; echo hello").run("-d", "--console-socket", console.path).ok()
    _, fds, _ = console.receive()
    text = read_fd(fds[0])
    assert text.endswith("hello\r\n") and "onlcr" in text.split(), text
    os.close(fds[0])


@tare_only
def test_the_console_socket_may_have_a_long_path(bundle, scratch):
    directory = scratch / ("d" * 120)
    directory.mkdir()
    console = ConsoleSocket(str(directory / "console.sock"))
    on_terminal(bundle, "echo hello").run("-d", "--console-socket", console.path).ok()
    _, fds, _ = console.receive()
    assert read_fd(fds[0]).split() == ["hello"]
    os.close(fds[0])
    console.close()


def test_the_pty_is_of_the_containers_devpts_and_its_console(bundle, console):
    on_terminal(bundle, "sleep 1000").create("--console-socket", console.path).ok()
    _, fds, _ = console.receive()
    bundle.start().ok()
    pid = bundle.pid
    for fd in (0, 1, 2):
        assert os.readlink(f"/proc/{pid}/fd/{fd}").startswith("/dev/pts/"), fd
    at_console = mount_at(mounts(pid), "/dev/console")
    assert at_console.fstype == "devpts"
    assert at_console.dev == mount_at(mounts(pid), "/dev/pts").dev
    os.close(fds[0])


def test_the_pty_is_the_controlling_terminal(bundle, console):
    on_terminal(bundle, "exec cat /proc/self/stat; sleep 1000")
    bundle.run("-d", "--console-socket", console.path).ok()
    _, fds, _ = console.receive()
    stat = read_fd(fds[0], "\n").split()
    tty_nr, session = int(stat[6]), int(stat[5])
    assert tty_nr >> 8 in range(136, 144) and session == 1
    os.close(fds[0])
    bundle.wait("stopped")


def test_console_size_is_set(bundle, console):
    bundle.process["consoleSize"] = {"height": 33, "width": 111}
    on_terminal(bundle, "stty size").run("-d", "--console-socket", console.path).ok()
    _, fds, _ = console.receive()
    assert read_fd(fds[0]).split() == ["33", "111"]
    os.close(fds[0])


def test_console_size_without_a_terminal_is_ignored(bundle):
    bundle.process["consoleSize"] = {"height": 33, "width": 111}
    assert bundle.sh("test -t 0; echo $?").run().ok().out == "1\n"


def test_closing_the_master_hangs_the_container_up(bundle, console):
    on_terminal(bundle.writable(), "trap 'exit 5' HUP; touch /tmp/ready; while :; do sleep 1000 & wait; done")
    bundle.run("-d", "--console-socket", console.path).ok()
    _, fds, _ = console.receive()
    bundle.ready()
    os.close(fds[0])
    bundle.wait("stopped")


def test_create_with_a_terminal_needs_a_console_socket(bundle):
    r = on_terminal(bundle, "true").create()
    assert r.code == 1
    assert "cannot allocate tty if " in r.err and "will detach without setting console socket" in r.err
    assert not bundle.exists()


def test_a_console_socket_without_a_terminal_is_refused(bundle, console):
    r = bundle.sh("true").create("--console-socket", console.path)
    assert r.code == 1
    assert "cannot use console socket if " in r.err and "will not detach or allocate tty" in r.err


def test_a_console_socket_that_nobody_serves_is_an_error(bundle, scratch):
    r = on_terminal(bundle, "true").create("--console-socket", scratch / "none", timeout=10)
    assert r.code == 1
    assert not bundle.exists()


# --- run on a terminal


def test_run_connects_the_terminals(bundle, terminal):
    on_terminal(bundle, "tty; read x; echo got $x; exit 6")
    proc = run_on(bundle, terminal)
    terminal.expect("/dev/")
    terminal.write(b"hello\r")
    terminal.expect("got hello")
    assert finish(proc).code == 6


def test_run_leaves_the_terminal_in_raw_mode_only_while_it_runs(bundle, terminal):
    before = terminal.modes()
    proc = run_on(on_terminal(bundle, "echo up; read x"), terminal)
    terminal.expect("up")
    during = terminal.modes()
    assert not during[LFLAG] & (termios.ICANON | termios.ECHO | termios.ISIG)
    terminal.write(b"\r")
    assert finish(proc).code == 0
    assert terminal.modes() == before


@pytest.mark.parametrize("how", ["exit", "killed inside", "signal to the runtime"])
def test_the_terminal_is_restored_on_each_exit(bundle, terminal, how):
    before = terminal.modes()
    on_terminal(bundle.writable(), "trap 'exit 5' TERM; echo up; touch /tmp/ready;"
                                   " while :; do sleep 1000 & wait; done")
    if how == "exit":
        on_terminal(bundle, "echo up; exit 5")
    proc = run_on(bundle, terminal)
    terminal.expect("up")
    if how == "killed inside":
        bundle.ready().kill("KILL").ok()
    if how == "signal to the runtime":
        bundle.ready()
        proc.send_signal(signal.SIGTERM)
    assert finish(proc).code == (137 if how == "killed inside" else 5)
    assert terminal.modes() == before


def test_the_terminal_is_restored_when_the_program_cannot_run(bundle, terminal):
    before = terminal.modes()
    bundle.process["terminal"] = True
    bundle.process["args"] = ["/no/such/program"]
    assert finish(run_on(bundle, terminal)).code == 1
    assert "no such file or directory" in terminal.text(0.1)
    assert terminal.modes() == before


def test_onlcr_is_off_on_the_containers_pty_where_the_runtime_copies(bundle, terminal):
    """So that the caller's terminal is the one that turns \\n into \\r\\n."""
    proc = run_on(on_terminal(bundle, "stty -a; echo end"), terminal)
    terminal.expect("end")
    assert finish(proc).code == 0
    assert "-onlcr" in terminal.text().split()


def test_lines_begin_at_the_left_margin(bundle, terminal):
    proc = run_on(on_terminal(bundle, "echo one; echo two"), terminal)
    assert finish(proc).code == 0
    assert terminal.text(0.1) == "one\r\ntwo\r\n"


def test_run_takes_the_size_of_the_terminal_and_follows_it(bundle, terminal):
    terminal.resize(31, 97)
    on_terminal(bundle.writable(), "stty size; trap 'stty size' WINCH; touch /tmp/ready;"
                                   " while :; do sleep 1000 & wait; done")
    proc = run_on(bundle, terminal)
    terminal.expect("31 97")
    bundle.ready()
    terminal.resize(40, 132)
    proc.send_signal(signal.SIGWINCH)
    terminal.expect("40 132")
    bundle.kill("KILL").ok()
    assert finish(proc).code == 137


def test_control_c_reaches_the_container_and_not_the_runtime(bundle, terminal):
    on_terminal(bundle.writable(), "trap 'exit 3' INT; echo up; touch /tmp/ready;"
                                   " while :; do sleep 1000 & wait; done")
    proc = run_on(bundle, terminal)
    terminal.expect("up")
    bundle.ready()
    terminal.write(b"\x03")
    assert finish(proc).code == 3


def test_all_output_comes_before_run_returns(bundle, terminal):
    on_terminal(bundle, "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done")
    proc = run_on(bundle, terminal)
    terminal.expect("line 1999", timeout=20)
    assert finish(proc).code == 0
    assert terminal.text().count("line ") == 2000


@tare_only
def test_a_program_that_reads_nothing_still_prints_and_gets_signals(bundle):
    """More input than its terminal holds does not stop the runtime."""
    on_terminal(bundle.writable(), "stty -echo; trap 'echo got it; exit 5' TERM; echo up; touch /tmp/ready;"
                                   " while :; do sleep 1000 & wait; done")
    with subprocess.Popen(["yes"], stdout=subprocess.PIPE) as lines:
        proc = bundle.spawn(stdin=lines.stdout)
        bundle.ready()
        time.sleep(0.5)  # by now its terminal is full
        proc.send_signal(signal.SIGTERM)
        r = finish(proc, 10)
        lines.kill()
    assert r.code == 5
    assert "up" in r.out and "got it" in r.out


@tare_only
@pytest.mark.parametrize("kind", ["pipe", "terminal"])
def test_output_that_nobody_reads_does_not_hold_signals_up(bundle, kind):
    on_terminal(bundle.writable(), "trap 'exit 5' TERM; while :; do echo line; done & touch /tmp/ready; wait")
    ours, theirs = os.pipe() if kind == "pipe" else os.openpty()
    proc = bundle.spawn(stdout=theirs)
    os.close(theirs)
    try:
        bundle.ready()
        time.sleep(0.5)  # by now everything in between is full
        proc.send_signal(signal.SIGTERM)
        bundle.wait("stopped")
        assert proc.poll() is None, "what was printed is not out yet"
        assert set(read_fd(ours).split()) <= {"line", "lin", "li", "l"}
        assert finish(proc, 10).code == 5
    finally:
        os.close(ours)


@tare_only
@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_runtime_whose_output_nobody_reads_can_be_ended(bundle, name):
    on_terminal(bundle.writable(), "touch /tmp/ready; while :; do echo line; done")
    ours, theirs = os.pipe()
    proc = bundle.spawn(stdout=theirs)
    os.close(theirs)
    try:
        bundle.ready()
        time.sleep(0.5)
        bundle.kill("KILL").ok()
        bundle.wait("stopped")
        proc.send_signal(getattr(signal, f"SIG{name}"))
        assert finish(proc, 10).code == 137
    finally:
        os.close(ours)


@tare_only
def test_end_of_input_does_not_end_the_container(bundle, scratch):
    """Standard input closed, output a pipe: the program goes on to its own end."""
    on_terminal(bundle, "echo one; sleep 0.1; echo two; exit 9")
    r = bundle.run()
    assert r.code == 9
    assert "one" in r.out and "two" in r.out


def test_a_container_without_terminal_has_no_console(bundle):
    bundle.sh("sleep 1000").up()
    assert not [m for m in bundle.mounts() if m.target == "/dev/console"]
    assert is_alive(bundle.pid)
    poll(lambda: bundle.status() == "running")
