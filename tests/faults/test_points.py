# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every system call of tare and of tare-init goes wrong once.

One at a time, in each verb: the process is killed before the call, or the call fails with an errno that no
caller expects there. Whatever it was, the command ends in time; what it says is true; and nothing is left that
`delete --force` does not remove. The normal run takes a sample, `--full` all of them; each test prints how many
points it tried.
"""
import contextlib
import json
import os
import pathlib
import re

import pytest

from harness import ROOT, ConsoleSocket, chown_tree, command, is_alive, poll, rt_argv, snapshot, tare_only
from points import TIME_LIMIT, SOON, Point, Tally, alike, facts, left, limits, remove, sweep_up, told
from test_rollback import rich
from test_seccomp import ARCH
from test_seccomp_notify import Agent, notify

pytestmark = tare_only

FAULTS = ["kill", "ENOMEM", "EIO", "EPERM", "EINTR"]
SAMPLE = 61  # without --full each fault hits every so manieth call, or eight of a short command, each fault other ones


@pytest.fixture
def points(point, scratch):
    return Point(point, scratch / "report")


@pytest.fixture
def every_call(request, monkeypatch):
    """As with --full."""
    monkeypatch.setattr(request.config.option, "full", True)


def numbers(request, count, fault):
    """Which calls: all, or a sample that differs between the faults."""
    step = 1 if request.config.getoption("--full") or count < SAMPLE else min(SAMPLE, count // 8)
    first = 1 + FAULTS.index(fault) * step // len(FAULTS)
    return range(min(first, count), count + 1, step)


# --- create


def prepare(kind, bundle, scratch):
    rich(bundle, scratch)
    bundle.process["args"] = ["sleep", "1000"]
    if kind == "userns":
        bundle.userns(200000)
        chown_tree(bundle.rootfs, 200000)
        del bundle.linux["devices"]
    bundle.write()
    return bundle


def verdict_of_creation(bundle, before, r, fault, reference):
    """What is wrong after a create or run, if anything is."""
    if r.seconds > TIME_LIMIT:
        return f"took {r.seconds:.0f} s"
    if r.code == 137 and fault == "kill":
        return remove(before, bundle.id)
    if r.code != 0:
        return told(r) or left(before)
    now = bundle.status()
    if now == "created":
        started = bundle.start(timeout=TIME_LIMIT)
        if started.code != 0:
            return told(started)
        now = bundle.status()
    if now != "running":
        return None if fault == "kill" else f"success, and then {now}"
    return alike(facts(bundle.pid), reference) or None


def reference_of(bundle, verb, flags):
    r = bundle.verb(verb, "--bundle", bundle.dir, *flags).ok()
    assert r.err == ""
    if verb == "create":
        bundle.start().ok()
    found = facts(bundle.pid)
    bundle.delete("--force").ok()
    return found


def sweep_creation(request, points, bundle, verb, who, fault, flags=(), after=lambda: None):
    before = snapshot()
    reference = reference_of(bundle, verb, flags)
    after()
    argv = bundle.argv(verb, "--bundle", bundle.dir, *flags)
    count = points.count(who, argv)
    after()
    bundle.delete("--force").ok()
    assert not left(before)
    # EPERM of these is the word of a filter, or of the kernel in a user namespace: the other way shows in the mounts
    number_of = request.getfixturevalue("calls")
    makers = ("open_tree", "mount_setattr", "move_mount", "fsopen", "fsconfig", "fsmount", "mknodat")
    ways = [str(number_of(name)) for name in makers] if fault == "EPERM" else []
    tally = Tally(f"{verb}, {who}, {fault}")
    for number in numbers(request, count, fault):
        r = points.run(who, fault, number, argv)
        after()
        expected = {k: v for k, v in reference.items() if k != "mounts" or points.call not in ways}
        problem = verdict_of_creation(bundle, before, r, fault, expected)
        # when the wait for start fails create is done, and was right
        if points.call in (str(number_of("accept4")), str(number_of("ppoll"))) and bundle.status() == "stopped":
            problem = None
        if r.code == 0 and not problem:
            problem = remove(before, bundle.id)
        tally.add(fault, number, points, problem)
        if problem:
            bundle.delete("--force", timeout=30)
            sweep_up(before)
    tally.close()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["tare", "init"])
@pytest.mark.parametrize("kind", ["rich", "userns"])
def test_create(request, points, bundle, scratch, kind, who, fault):
    sweep_creation(request, points, prepare(kind, bundle, scratch), "create", who, fault)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["tare", "init"])
def test_run(request, points, bundle, scratch, who, fault):
    sweep_creation(request, points, prepare("rich", bundle, scratch), "run", who, fault, ["--detach"])


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["tare", "init"])
def test_create_with_a_terminal(request, points, bundle, scratch, who, fault):
    bundle.process.update(args=["sleep", "1000"], terminal=True)
    bundle.write()
    console = ConsoleSocket(str(scratch / "console"))
    console.socket.setblocking(False)
    masters = []

    def take():
        """A master not yet received lives as long as its connection: its end would be a hangup of the container."""
        while masters:
            masters.pop().close()
        with contextlib.suppress(BlockingIOError):
            while True:
                masters.append(console.socket.accept()[0])
    try:
        sweep_creation(request, points, bundle, "create", who, fault,
                       ["--console-socket", console.path], take)
    finally:
        take()
        console.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_create_with_a_notify_socket(request, points, bundle, scratch, monkeypatch, fault):
    bundle.process["args"] = ["sleep", "1000"]
    alone = {k: v for k, v in os.environ.items() if k != "NOTIFY_SOCKET"}
    monkeypatch.setenv("NOTIFY_SOCKET", str(scratch / "manager"))
    # a start without it does not wait for a word of the program's
    monkeypatch.setattr(bundle, "start", lambda **kw: bundle.verb("start", env=alone, **kw))
    sweep_creation(request, points, bundle.writable().write(), "create", "tare", fault)


# Calls whose failure was once taken for an answer, all of them in each run.
ANSWERS = [("tare", "statfs"), ("tare", "faccessat2"), ("tare", "openat"), ("init", "fcntl"), ("init", "close_range"),
           ("init", "openat"), ("init", "mount_setattr"), ("init", "open_tree")]


@pytest.mark.parametrize("who, call", ANSWERS)
def test_no_failure_is_an_answer(request, points, bundle, scratch, every_call, calls, who, call):
    points.options = ["-o", calls(call)]
    sweep_creation(request, points, prepare("rich", bundle, scratch), "create", who, "EIO")


@pytest.mark.parametrize("kind", ["rich", "userns"])
@pytest.mark.parametrize("call", ["move_mount", "open_tree", "mount_setattr", "fsopen"])
def test_a_mount_call_refused_once_leaves_no_way_to_the_host(request, points, bundle, scratch, every_call, calls, kind, call):
    """The older way begins in the middle then: the host's root was left over the container's, with everything in it."""
    points.options = ["-o", calls(call)]
    sweep_creation(request, points, prepare(kind, bundle, scratch), "create", "init", "EPERM")


def test_nothing_waits_for_a_creator_that_died_at_the_birth(points, bundle, scratch, calls):
    """Held in a new user namespace, before it can have any word from its parent."""
    prepare("userns", bundle, scratch)
    # without a cgroup that would tell where it is
    del bundle.linux["resources"], bundle.linux["cgroupsPath"]
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["type"] != "cgroup"]
    bundle.write()
    points.options = ["-a", calls("clone3")]
    argv = bundle.argv("create", "--bundle", bundle.dir, glob=["--cgroup-manager=disabled"])
    before = snapshot()
    tally = Tally("create, tare, kill at the birth")
    for number in range(1, 25):
        r = points.run("tare", "kill", number, argv)
        assert r.code == 137
        tally.add("kill", number, points, remove(before, bundle.id))
    tally.close()


# --- what is done to a container


def verdict_of_start(bundle, r, fault, reference):
    if r.seconds > TIME_LIMIT:
        return f"took {r.seconds:.0f} s"
    if r.code == 137 and fault == "kill":
        return None
    if r.code != 0:
        return told(r)
    if bundle.status() != "running":
        return f"success, and then {bundle.status()}"
    return alike(facts(bundle.pid), reference) or None


def sweep_start(request, points, bundle, who, fault):
    before = snapshot()
    reference = reference_of(bundle, "create", ())
    argv = bundle.argv("start")

    def attach():
        bundle.create().ok()
        return bundle.pid if who == "init" else None
    count = points.count(who, argv, attach())
    bundle.delete("--force").ok()
    tally = Tally(f"start, {who}, {fault}")
    for number in numbers(request, count, fault):
        r = points.run(who, fault, number, argv, attach())
        problem = verdict_of_start(bundle, r, fault, reference) or remove(before, bundle.id)
        tally.add(fault, number, points, problem)
        if problem:
            bundle.delete("--force", timeout=30)
            sweep_up(before)
    tally.close()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["tare", "init"])
def test_start(request, points, bundle, scratch, who, fault):
    sweep_start(request, points, prepare("rich", bundle, scratch), who, fault)


@pytest.fixture
def with_agent(bundle, scratch):
    if ARCH is None:
        pytest.skip("no seccomp test for this processor")
    agent = Agent(scratch / "agent")
    prepare("rich", bundle, scratch).linux["seccomp"] = notify(agent)
    bundle.write()
    yield bundle
    agent.close()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["tare", "init"])
def test_start_with_an_agent(request, points, with_agent, who, fault):
    sweep_start(request, points, with_agent, who, fault)


@pytest.mark.parametrize("call", ["sendmsg", "recvmsg", "connect"])
def test_run_with_an_agent(request, points, with_agent, every_call, calls, call):
    points.options = ["-o", calls(call)]
    sweep_creation(request, points, with_agent, "run", "tare", "EIO", ["--detach"])


def test_start_of_what_was_killed_meanwhile_fails(points, bundle, scratch):
    """At each call of tare-init from the connection to the exec."""
    prepare("rich", bundle, scratch)
    argv = bundle.argv("start")
    before = snapshot()

    def pid():
        bundle.create().ok()
        return bundle.pid
    count = points.count("init", argv, pid())
    bundle.delete("--force").ok()
    tally = Tally("start, init, kill")
    for number in range(1, count - 2):  # behind it comes the exec, and who can tell
        r = points.run("init", "kill", number, argv, pid())
        tally.add("kill", number, points, told(r) or remove(before, bundle.id))
    tally.close()


def strays(bundle, quiet):
    """Processes that are there since @quiet, and that no delete of the container would find in its cgroup."""
    def cgroup(pid):
        with contextlib.suppress(OSError):
            return pathlib.Path(f"/proc/{pid}/cgroup").read_text()
        return own
    own = pathlib.Path(f"/proc/{bundle.pid}/cgroup").read_text()
    return {pid for pid in snapshot()["processes"] - quiet["processes"] if is_alive(pid) and cgroup(pid) != own}


def no_strays(bundle, quiet):
    try:
        poll(lambda: not strays(bundle, quiet), timeout=SOON)
    except AssertionError:
        return f"processes that delete would not find: {strays(bundle, quiet)}"
    return None


def verdict_of_exec(bundle, r, fault, pid_file, quiet, reference):
    """What is wrong after an exec, if anything is. @quiet: the host before."""
    if r.seconds > TIME_LIMIT:
        return f"took {r.seconds:.0f} s"
    if bundle.status() != "running":
        return f"the container is {bundle.status()}"
    if r.code == 137 and fault == "kill":
        return no_strays(bundle, quiet)
    if r.code != 0:
        return told(r) or left(quiet)
    pid = int(pid_file.read_text())
    if not is_alive(pid):
        return None if fault == "kill" else "success, and it does not run"
    return alike(facts(pid), reference) or None


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["tare", "init"])
@pytest.mark.parametrize("kind", ["rich", "userns"])
def test_exec(request, points, bundle, scratch, kind, who, fault):
    prepare(kind, bundle, scratch).up()
    quiet = snapshot()
    pid_file = scratch / "pid"
    argv = bundle.argv("exec", "--detach", "--pid-file", pid_file, tail=["sleep", "1000"])

    def end():
        for pid in snapshot()["processes"] - quiet["processes"]:
            with contextlib.suppress(OSError):
                os.kill(pid, 9)
        assert not left(quiet)
        pid_file.unlink(missing_ok=True)
    count = points.count(who, argv)
    reference = facts(int(pid_file.read_text()))
    end()
    tally = Tally(f"exec, {who}, {fault}")
    for number in numbers(request, count, fault):
        r = points.run(who, fault, number, argv)
        tally.add(fault, number, points, verdict_of_exec(bundle, r, fault, pid_file, quiet, reference))
        if bundle.status() != "running":
            bundle.delete("--force").ok()
            bundle.up()
            quiet = snapshot()
        end()
    tally.close()


def test_a_failed_exec_leaves_no_process(points, bundle, scratch, calls):
    prepare("rich", bundle, scratch).up()
    quiet = snapshot()
    points.options = ["-o", calls("pidfd_open")]
    argv = bundle.argv("exec", "--detach", tail=["sleep", "1000"])
    # the first is of the container's own process
    r = points.run("tare", "EIO", 2, argv)
    assert points.call == str(calls("pidfd_open"))
    assert not (told(r) or left(quiet))


def sweep_of_one(request, points, bundle, make, argv, fault, verdict, code=0):
    """A verb whose end is told by @verdict(result, before): the container is made anew each time. Undisturbed it ends with @code."""
    before = snapshot()
    make()
    count = points.count("tare", argv, code=code)
    bundle.delete("--force").ok()
    words = argv[argv.index("--root") + 2:argv.index(bundle.id)]
    tally = Tally(f"{' '.join(map(str, words))}, tare, {fault}")
    for number in numbers(request, count - (code != 0), fault):  # the last of a failure is what it says
        make()
        r = points.run("tare", fault, number, argv)
        problem = f"took {r.seconds:.0f} s" if r.seconds > TIME_LIMIT else verdict(r, before)
        problem = problem or remove(before, bundle.id)
        tally.add(fault, number, points, problem)
        if problem:
            bundle.delete("--force", timeout=30)
            sweep_up(before)
    tally.close()


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("state", ["created", "running", "stopped"])
def test_delete(request, points, bundle, state, fault):
    bundle.process["args"] = ["sleep", "1000"]
    bundle.write()

    def make():
        bundle.create().ok()
        if state != "created":
            bundle.start().ok()
        if state == "stopped":
            bundle.kill("KILL").ok()
            bundle.wait("stopped")

    def verdict(r, before):
        if r.code == 137 and fault == "kill":
            return None
        return left(before) if r.code == 0 else told(r)
    flags = ["--force"] if state == "running" else []
    sweep_of_one(request, points, bundle, make, bundle.argv("delete", *flags), fault, verdict)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("flags", [[], ["--all"]])
def test_kill(request, points, bundle, flags, fault):
    bundle.process["args"] = ["sleep", "1000"]
    bundle.write()

    def ends():
        try:
            poll(lambda: bundle.status() == "stopped", timeout=2)
        except AssertionError:
            return "success, and it still runs"
        return None

    def verdict(r, before):
        if r.code == 137 and fault == "kill":
            return None
        return ends() if r.code == 0 else told(r)
    sweep_of_one(request, points, bundle, bundle.up, bundle.argv("kill", *flags, tail=["KILL"]), fault, verdict)


# What test_update changes, in both directions: a flag, its file, and what that holds before and after.
UPDATES = [("--memory", "memory.limit_in_bytes", 64 << 20, 32 << 20), ("--cpu-share", "cpu.shares", 512, 256),
           ("--cpu-quota", "cpu.cfs_quota_us", 50000, 20000), ("--cpuset-cpus", "cpuset.cpus", "0", "0-1"),
           ("--pids-limit", "pids.max", 100, 50)]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("end", ["done", "from a file", "refused"])
def test_update(request, points, bundle, scratch, end, fault):
    """All limits are new, or, where it failed, the old ones; after a kill each is one of both."""
    prepare("rich", bundle, scratch)
    old, new = ({file: str(values[i]) for _, file, *values in UPDATES} for i in (0, 1))
    flags = [word for flag, file, _, _ in UPDATES for word in (flag, new[file])]
    if end == "from a file":
        resources = {"memory": {"limit": 32 << 20}, "cpu": {"shares": 256, "quota": 20000, "cpus": "0-1"}, "pids": {"limit": 50}}
        (scratch / "resources").write_text(json.dumps(resources))
        flags = ["--resources", scratch / "resources"]
    elif end == "refused":  # by the kernel, when some are written already: nobody may have as many
        flags += ["--pids-limit", "1000000000"]
    argv = bundle.argv("update", *flags)

    def now():
        found = limits(pathlib.Path(f"/proc/{bundle.pid}/cgroup").read_text())
        return {file: found[file].strip() for file in old}

    def verdict(r, _):
        if bundle.status() != "running":
            return f"the container is {bundle.status()}"
        found = now()
        if r.code == 137 and fault == "kill":
            return None if all(found[f] in (old[f], new[f]) for f in old) else f"{found}"
        if r.code == 0:
            return alike(found, new) or None
        # what the kernel would not take back is told
        return told(r) or alike(found, {f: old[f] for f in old if f'"{f}" could not be set back' not in r.err}) or None
    bundle.up()
    if now() != old:
        pytest.skip(f"limits of this machine's cgroups are {now()}")
    r = command(*argv)
    assert (r.code == 0 and now() == new) if end != "refused" else (told(r) is None and now() == old), r
    bundle.delete("--force").ok()
    sweep_of_one(request, points, bundle, bundle.up, argv, fault, verdict, 1 if end == "refused" else 0)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("verb", ["state", "list"])
def test_state_and_list(request, points, bundle, verb, fault):
    """They tell what is, or that they can't."""
    bundle.process["args"] = ["sleep", "1000"]
    bundle.up()
    argv = bundle.argv("state") if verb == "state" else rt_argv("list")
    whole = command(*argv).ok()

    def without_owner(text):  # whose name cannot be found out has a number
        return re.sub(r'"owner": .*|(root|#0)$', "", text, flags=re.M)

    def same(r):
        return without_owner(r.out) == without_owner(whole.out)
    tally = Tally(f"{verb}, tare, {fault}")
    for number in numbers(request, points.count("tare", argv), fault):
        r = points.run("tare", fault, number, argv)
        problem = None
        if r.code == 0 and not same(r) and not r.err:
            problem = f"success, and told {r.out!r}"
        elif r.code != 0 and not (r.code == 137 and fault == "kill"):
            problem = told(r)
        tally.add(fault, number, points, problem)
    tally.close()
    assert ROOT.exists()
