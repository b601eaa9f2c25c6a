# SPDX-License-Identifier: LGPL-2.1-or-later
"""The runner for runtime-tools, on a checkout of small programs."""
import os
import subprocess
import sys
import time

import pytest

import harness
import tap
from conftest import HERE

PROGRAMS = {
    "pass/pass.t": "echo 1..2; echo ok 1 - one; echo 'ok 2'",
    "late.t": "echo 'ok - unnumbered'; echo '# a comment'; echo 'ok - another'; echo 1..2",
    "fail.t": "echo 1..2; echo ok 1; echo 'not ok 2 - the second'; exit 1",
    "skip.t": "echo '1..1'; echo 'ok 1 # SKIP no such kernel'",
    "skipall.t": "echo '1..0 # skip no cgroup here'",
    "todo.t": "echo 1..2; echo 'not ok 1 # TODO later'; echo 'ok 2'",
    "bail.t": "echo 1..3; echo ok 1; echo 'Bail out! the runtime is gone'; echo ok 2",
    "slow.t": "echo 1..1; sleep 1000 & setsid sleep 1000 & echo $! >\"$PIDS\"; wait",
    "left.t": "echo 1..1; setsid sh -c 'sleep 1000 & echo $! >\"$PIDS\"'; echo ok 1",
    "crash.t": "echo 1..2; echo ok 1; kill -SEGV $$",
    "panic.t": "echo 'panic: no runtime' >&2; exit 2",
    "noplan.t": "echo ok 1",
    "short.t": "echo 1..3; echo ok 1; echo ok 2",
    "twice.t": "echo 1..2; echo ok 1; echo ok 1",
    "status.t": "echo 1..1; echo ok 1; exit 3",
    "silent.t": "true",
    "where.t": "echo 1..2; [ -d validation ] && echo ok 1; [ -x \"$RUNTIME\" ] && echo ok 2 - $RUNTIME",
    "plain.t": None,
}


@pytest.fixture
def checkout(scratch):
    for name, script in PROGRAMS.items():
        path = scratch / "validation" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script or 'echo 1..1; echo ok 1'}\n")
        path.chmod(0o755 if script else 0o644)
    (scratch / "validation/pass/main.go").write_text("package main\n")
    return scratch


def run(checkout, *args, **env):
    return subprocess.run([sys.executable, HERE / "runtime-tools", "--checkout", checkout, *args], capture_output=True,
                          text=True, check=False, env={**os.environ, **env})


def verdict(checkout, name, *args, **env):
    """The line of one program, and the exit status."""
    r = run(checkout, "--runtime", harness.RUNTIME, *args, name, **env)
    lines = [line for line in r.stdout.splitlines() if not line.startswith("    ")]
    return lines[0], r.returncode


@pytest.mark.parametrize("name,line,code", [
    ("pass", "PASS pass/pass.t: 2 passed, 0 failed, 0 skipped, 0 to do", 0),
    ("late", "PASS late.t: 2 passed, 0 failed, 0 skipped, 0 to do", 0),
    ("fail", "FAIL fail.t: 1 passed, 1 failed, 0 skipped, 0 to do; not ok 2 the second", 1),
    ("skip", "SKIP skip.t: 0 passed, 0 failed, 1 skipped, 0 to do", 1),
    ("skipall", "SKIP skipall.t: no cgroup here", 1),
    ("todo", "PASS todo.t: 1 passed, 0 failed, 0 skipped, 1 to do", 0),
    ("bail", "FAIL bail.t: bail out: the runtime is gone", 1),
    ("noplan", "FAIL noplan.t: 1 passed, 0 failed, 0 skipped, 0 to do; no plan", 1),
    ("short", "FAIL short.t: 2 passed, 0 failed, 0 skipped, 0 to do; 3 tests planned, 2 reported", 1),
    ("twice", "FAIL twice.t: 2 passed, 0 failed, 0 skipped, 0 to do; test 1 twice; 2 tests planned, 2 reported", 1),
    ("status", "FAIL status.t: exit status 3; 1 passed, 0 failed, 0 skipped, 0 to do", 1),
    ("crash", "FAIL crash.t: killed by signal 11; 1 passed, 0 failed, 0 skipped, 0 to do; 2 tests planned, 1 reported", 1),
    ("panic", "FAIL panic.t: exit status 2; 0 passed, 0 failed, 0 skipped, 0 to do; no plan", 1),
    ("silent", "FAIL silent.t: 0 passed, 0 failed, 0 skipped, 0 to do; no plan", 1),
    ("where", "PASS where.t: 2 passed, 0 failed, 0 skipped, 0 to do", 0),
    ("plain", "FAIL plain.t: not executable: build the checkout", 1)])
def test_the_verdict_on_a_program(checkout, name, line, code):
    assert verdict(checkout, name) == (line, code)


def test_a_program_that_does_not_end_is_ended_with_what_it_started(checkout):
    start = time.monotonic()
    pids = checkout / "pids"
    assert verdict(checkout, "slow", "--timeout", "0.5", PIDS=str(pids)) == ("FAIL slow.t: still running after 0.5 s", 1)
    assert time.monotonic() - start < 10 * harness.SLOW
    harness.poll(lambda: not harness.is_alive(int(pids.read_text())), "what it started to end")


def test_what_a_program_leaves_is_ended(checkout):
    pids = checkout / "pids"
    assert verdict(checkout, "left", PIDS=str(pids)) == ("PASS left.t: 1 passed, 0 failed, 0 skipped, 0 to do", 0)
    assert not harness.is_alive(int(pids.read_text()))


def test_all_programs_are_run_and_summed(checkout):
    r = run(checkout, "--runtime", harness.RUNTIME, "--timeout", "0.5", PIDS=str(checkout / "pids"))
    assert r.stdout.splitlines()[-1] == "5 passed, 11 failed, 2 skipped" and r.returncode == 1
    assert len([line for line in r.stdout.splitlines() if line[:4] in ("PASS", "FAIL", "SKIP")]) == len(PROGRAMS)


def test_the_output_of_what_failed_is_shown(checkout):
    assert "    not ok 2 - the second\n" in run(checkout, "--runtime", harness.RUNTIME, "fail").stdout


@pytest.mark.parametrize("args,words", [
    (["nosuch"], "no test has the name nosuch"), (["--runtime", "/no/such", "pass"], "/no/such cannot be run")])
def test_what_cannot_be_run_is_said(checkout, args, words):
    r = run(checkout, *args, RUNTIME=harness.RUNTIME)
    assert r.returncode == 2 and words in r.stderr


def test_a_directory_that_is_no_checkout_is_refused(scratch):
    r = run(scratch, "--runtime", harness.RUNTIME)
    assert r.returncode == 2 and "not a checkout of runtime-tools" in r.stderr


def test_nothing_after_a_bail_out_counts():
    t = tap.Tap("1..2\nok 1\nBail out!\nnot ok 2\n")
    assert (t.passed, t.failed, t.bail) == (1, 0, "no reason given")
