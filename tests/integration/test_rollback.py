# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every step of the plan fails once, and the creator dies at many moments: nothing is left."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

from harness import (LAYOUT, ROOT, SLOW, TOKEN, assert_same_host, cgroup_mounts, chown_tree, finish, poll, rt, snapshot,
                     spawn, tare_only)

pytestmark = [pytest.mark.layouts, tare_only]


def rich(bundle, scratch):
    """A config with a step of nearly every kind."""
    (bundle.rootfs / "secret").write_text("secret")
    bundle.writable().mount("/data", "bind", scratch, "rbind", "ro", "rslave")
    bundle.mount("/tmp", "tmpfs", "tmpfs", "size=1m")
    bundle.config["domainname"] = "domain"
    bundle.process.update(oomScoreAdj=100, cwd="/new/dir")
    bundle.process["user"] = {"uid": 0, "gid": 0, "umask": 0o22, "additionalGids": [7]}
    bundle.linux.update(
        sysctl={"net.ipv4.ip_forward": "1", "kernel.msgmax": "4321"}, rootfsPropagation="rslave",
        devices=[{"type": "c", "path": "/dev/mine", "major": 1, "minor": 3}],
        maskedPaths=["/secret", "/proc/kcore", "/sys/firmware"], readonlyPaths=["/proc/sys", "/etc"],
        seccomp={"defaultAction": "SCMP_ACT_ALLOW",
                 "syscalls": [{"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO"}]})
    if LAYOUT == "plain" and [m for m in cgroup_mounts() if m.name == "memory"]:
        bundle.linux["resources"].update(
            memory={"limit": 64 << 20}, cpu={"shares": 512, "quota": 50000, "cpus": "0"}, pids={"limit": 100})
    hook = [{"path": "/bin/true", "args": ["true"]}]
    bundle.config["hooks"] = {"createRuntime": hook, "createContainer": hook, "startContainer": hook,
                              "prestart": hook, "poststart": hook, "poststop": hook}
    return bundle.sh("true")


def steps(bundle):
    bundle.write()
    return json.loads(rt("plan", "--json", "-b", bundle.dir).ok().out)


fast_only = pytest.mark.skipif(SLOW > 1, reason="in the slow VM one of each pair is enough")


def fail_each(bundle, verb):
    """Every step of the plan: the failure is named, and the host is as before."""
    plan = steps(bundle)
    if verb == "run":  # its list is that of create without the wait
        plan = [s for s in plan if s["operation"] != "wait-for-start"]
    wait = [s["number"] for s in plan if s["operation"] == "wait-for-start"]
    tried = 0
    for number, step in enumerate(plan, 1):
        before = snapshot()
        r = bundle.verb(verb, "--bundle", bundle.dir, glob=["--test-fail-step", number], timeout=20)
        if r.code == 0 and verb == "create" and wait and number > wait[0]:
            # what comes after the wait is performed, and fails, in start
            r = bundle.start(timeout=20)
            bundle.delete("--force").ok()
        assert r.code == 1, (step, r)
        assert r.err.count("\n") == 1 and r.err.startswith("tare: "), (step, r)
        assert step["place"] in r.err, (step, r)
        try:
            assert_same_host(before)
        except AssertionError as e:
            raise AssertionError(f"step {number} {step['operation']} {step['operands']}: {e}") from None
        tried += 1
    print(f"{verb}: {tried} of {len(plan)} steps made to fail")
    assert tried >= len(plan) - len(wait) and len(plan) > 20


@pytest.mark.parametrize("verb", ["create", pytest.param("run", marks=fast_only)])
def test_every_step_that_fails_undoes_all_before_it(bundle, scratch, verb):
    fail_each(rich(bundle, scratch), verb)


@pytest.mark.parametrize("verb", [pytest.param("create", marks=fast_only), "run"])
def test_every_step_that_fails_in_a_user_namespace_undoes_all_before_it(bundle, scratch, verb):
    rich(bundle, scratch)
    bundle.userns(200000)
    chown_tree(bundle.rootfs, 200000)
    del bundle.linux["devices"]
    fail_each(bundle, verb)


@fast_only
def test_every_step_of_the_default_config_that_fails_undoes_all_before_it(bundle):
    fail_each(bundle.sh("true"), "run")


def test_a_step_beyond_the_plan_changes_nothing(bundle):
    number = len(steps(bundle.sh("exit 4"))) + 1
    assert bundle.run(glob=["--test-fail-step", number]).code == 4


def test_an_id_is_free_again_after_a_failure(bundle, scratch):
    rich(bundle, scratch)
    plan = steps(bundle)
    for number in (1, len(plan) // 2, len(plan) - 1):
        bundle.verb("run", "--bundle", bundle.dir, glob=["--test-fail-step", number])
    bundle.config["hooks"] = {}
    assert bundle.sh("exit 4").run().code == 4


MOMENTS = [n / 10000 for n in range(0, 200, 8)]


@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_killed_creator_leaves_what_delete_force_removes(bundle, scratch, verb):
    """SIGKILL after growing delays: from before the first side effect to after the last."""
    rich(bundle, scratch).write()
    outcomes = set()
    for moment in MOMENTS:
        before = snapshot()
        proc = spawn(bundle.argv(verb, "--bundle", bundle.dir))
        time.sleep(moment)
        proc.kill()
        code = proc.wait(10)
        outcomes.add(code)
        rt("delete", "--force", bundle.id, timeout=5).ok()
        try:
            assert_same_host(before)
        except AssertionError as e:
            raise AssertionError(f"killed after {moment * 1000:.1f} ms: {e}") from None
    assert -signal.SIGKILL in outcomes


def test_the_next_create_cleans_up_after_a_killed_creator(bundle, scratch):
    rich(bundle, scratch).write()
    for moment in MOMENTS[::3]:
        proc = spawn(bundle.argv("create", "--bundle", bundle.dir))
        time.sleep(moment)
        proc.kill()
        code = proc.wait(10)
        if code == 0:
            bundle.delete("--force").ok()
            continue
        r = bundle.verb("create", "--bundle", bundle.dir)
        # killed after its last word: then it is a container like any other
        assert r.code == 0 or "already exists" in r.err, r
        bundle.delete("--force").ok()


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_signal_during_create_is_a_failure_like_any_other(bundle, scratch, name):
    rich(bundle, scratch)
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": [
        "sh", "-c", f"cat >/dev/null; touch {scratch}/in-hook; exec sleep 1000"]}]}
    before = snapshot()
    proc = bundle.spawn("create")
    poll(lambda: (scratch / "in-hook").exists(), "the hook to run")
    proc.send_signal(getattr(signal, f"SIG{name}"))
    r = finish(proc, timeout=10)
    assert r.code != 0
    assert_same_host(before)


def test_of_many_simultaneous_creates_one_wins(bundle):
    bundle.sh("sleep 1000").write()
    procs = [spawn(bundle.argv("create", "--bundle", bundle.dir)) for _ in range(16)]
    results = [finish(p) for p in procs]
    assert sorted(r.code for r in results) == [0] + [1] * 15, results
    assert all("already exists" in r.err for r in results if r.code)
    assert bundle.status() == "created"


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine")
def test_a_create_that_is_slow_behind_mkdir_does_not_take_anothers_container(bundle):
    """
    Creates take a new directory without a lock for that of a killed one, and remove it. The slow create then opened the next one with its
    name, got the lock when that container ran, and killed the container at the failure that followed. Races of 16 creates had hardly ever
    one in just that moment.
    """
    bundle.sh("sleep 1000").write()
    ROOT.mkdir(0o700, exist_ok=True)  # so the second mkdirat(2) makes the container's directory
    slowly = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=mkdirat", "-e", "inject=mkdirat:delay_exit=4000000:when=2"]
    tracer = spawn([*slowly, *bundle.argv("create", "--bundle", bundle.dir)])
    poll((ROOT / bundle.id).exists)
    [slow] = map(int, pathlib.Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text().split())
    os.kill(slow, signal.SIGSTOP)
    (ROOT / bundle.id).rmdir()
    bundle.up()
    os.kill(slow, signal.SIGCONT)
    finish(tracer).refused("already exists")
    assert bundle.status() == "running"


def test_of_many_simultaneous_starts_one_wins(bundle):
    bundle.writable().sh("echo ran >>/tmp/ran; sleep 1000").create().ok()
    procs = [spawn(bundle.argv("start")) for _ in range(8)]
    results = [finish(p) for p in procs]
    assert sorted(r.code for r in results) == [0] + [1] * 7, results
    poll(lambda: (bundle.rootfs / "tmp/ran").exists())
    assert (bundle.rootfs / "tmp/ran").read_text() == "ran\n"


def test_many_simultaneous_deletes_leave_nothing(bundle):
    before = snapshot()
    bundle.sh("sleep 1000").up()
    procs = [subprocess.Popen(bundle.argv("delete", "--force"), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) for _ in range(8)]
    assert 0 in [p.wait(20) for p in procs]
    assert_same_host(before)
    assert TOKEN


@pytest.mark.parametrize("delay", [0, 0.001, 0.002, 0.004, 0.008, 0.016])
def test_delete_force_during_create_ends_clean(bundle, delay):
    before = snapshot()
    proc = bundle.sh("sleep 1000").spawn("create")
    time.sleep(delay)
    bundle.delete("--force", timeout=15)
    finish(proc, timeout=15)
    bundle.delete("--force", timeout=15).ok()
    assert_same_host(before)
