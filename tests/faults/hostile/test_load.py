# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loops at once, and many containers one after the other: nothing fails, nothing is left, nothing grows. More: ../../load."""
import concurrent.futures
import os

from harness import ROOT, assert_same_host, command, rt, rt_argv, snapshot, tare_only

pytestmark = tare_only

LOOPS, ROUNDS = 8, 12


def quiet(*words, timeout=60):
    """A command of which only the failure matters."""
    r = rt(*words, timeout=timeout)
    return None if r.code == 0 else repr(r)


def largest(*words):
    """How much memory the command took at most, in kB; of a process that python is no parent of."""
    r = command("busybox", "time", "-f", "%M", *rt_argv(*words)).ok()
    return int(r.err.split()[-1])


def a_loop(bundle, rounds):
    """create, start, exec, run beside it, delete."""
    failed = []
    for n in range(rounds):
        name = f"{bundle.id}-{n}"
        for words in (["create", "--bundle", bundle.dir, name], ["start", name], ["exec", name, "true"],
                      ["exec", name, "sh", "-c", "exit 0"], ["state", name], ["kill", name, "KILL"], ["delete", "--force", name]):
            failed.append(quiet(*words))
    return [f for f in failed if f]


def test_eight_loops_at_once(bundles, request):
    rounds = ROUNDS * 10 if request.config.getoption("--full") else ROUNDS
    before = snapshot()
    made = []
    for _ in range(LOOPS):
        b = bundles()
        b.process["args"] = ["sleep", "1000"]
        del b.linux["cgroupsPath"]  # each container its own
        made.append(b.write())
    with concurrent.futures.ThreadPoolExecutor(LOOPS) as pool:
        failed = [f for found in pool.map(lambda b: a_loop(b, rounds), made) for f in found]
    assert not failed, failed[:10]
    assert_same_host(before)
    print(f"{LOOPS} loops of {rounds} rounds: {LOOPS * rounds * 7} commands")


def test_memory_of_the_runtime_stays(bundle):
    """The hundredth command takes what the first one took, also among many containers."""
    bundle.process["args"] = ["sleep", "1000"]
    del bundle.linux["cgroupsPath"]
    bundle.write()

    def round_of(name):
        peak = {"create": largest("create", "--bundle", bundle.dir, name), "start": largest("start", name),
                "exec": largest("exec", name, "true"), "state": largest("state", name)}
        return peak
    first = round_of(f"{bundle.id}-0")
    others = [f"{bundle.id}-{n}" for n in range(1, 60)]
    for name in others:
        assert quiet("create", "--bundle", bundle.dir, name) is None
    last = round_of(f"{bundle.id}-60")
    for name in [f"{bundle.id}-0", *others, f"{bundle.id}-60"]:
        assert quiet("delete", "--force", name) is None
    for verb, kilobytes in first.items():
        # what busybox had mapped before the exec counts, too, and comes in pieces of up to 512 kB
        assert last[verb] <= kilobytes + 600, (verb, first, last)
    assert not [n for n in os.listdir(ROOT) if n.startswith(bundle.id)]
    print(f"peak in kB: {first}, and with 60 containers {last}")
