# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many containers at once, made without an engine: each verb for all of them at the same time, and nothing is left."""
import concurrent.futures
import json

import pytest

from harness import ROOT, assert_same_host, command, is_alive, poll, rt, rt_argv, snapshot, tare_only

AT_ONCE = 16  # commands
SOME, ALL = 100, 300


@pytest.fixture
def names(bundle, request):
    """Names of containers of a bundle that sleeps, each with a cgroup of its own."""
    bundle.process["args"] = ["sleep", "100000"]
    del bundle.linux["cgroupsPath"]
    bundle.write()
    return [f"{bundle.id}-{n}" for n in range(ALL if request.config.getoption("--full") else SOME)]


@pytest.fixture
def everywhere(names):
    """Runs a verb for every container (or for those @of), and says what each of them failed with."""
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        def verb(make_words, of=None):
            results = list(pool.map(lambda name: rt(*make_words(name), timeout=120), names if of is None else of))
            failed = [r for r in results if r.code != 0]
            assert not failed, (len(failed), failed[:5])
            return results
        yield verb


def listed(names):
    found = json.loads(rt("list", "-f", "json", timeout=60).ok().out) or []
    return [c for c in found if c["id"] in names]


def largest(*words):
    """How much memory the command took at most, in kB; of a process that python is no parent of."""
    r = command("busybox", "time", "-f", "%M", *rt_argv(*words)).ok()
    return int(r.err.split()[-1])


def test_every_verb_for_all_containers_at_once(bundle, names, everywhere):
    before = snapshot()
    everywhere(lambda name: ["create", "--bundle", bundle.dir, name])
    everywhere(lambda name: ["start", name])
    made = listed(names)
    assert sorted(c["id"] for c in made) == sorted(names) and {c["status"] for c in made} == {"running"}
    assert len({c["pid"] for c in made}) == len(names) and all(is_alive(c["pid"]) for c in made)
    # each exec is in its own container, and sees nothing of the others
    seen = everywhere(lambda name: ["exec", name, "sh", "-c", "readlink /proc/1/ns/pid; ls -d /proc/[0-9]* | wc -l"])
    assert len({r.out.split()[0] for r in seen}) == len(names)
    assert all(int(r.out.split()[1]) < 8 for r in seen), [r.out for r in seen][:5]
    everywhere(lambda name: ["delete", "--force", name])
    poll(lambda: not [c for c in made if is_alive(c["pid"])], "the end of all processes")
    assert listed(names) == []
    assert_same_host(before)
    print(f"{len(names)} containers")


def test_whole_lives_at_once(bundle, names, everywhere):
    """Some are created while others are deleted: all verbs of all containers meet each other."""
    before = snapshot()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        def life(name):
            steps = (["create", "--bundle", bundle.dir, name], ["start", name], ["exec", name, "true"], ["state", name],
                     ["kill", name, "KILL"], ["delete", "--force", name])
            return [r for r in (rt(*words, timeout=120) for words in steps) if r.code != 0]
        failed = [r for found in pool.map(life, names) for r in found]
    assert not failed, (len(failed), failed[:5])
    assert_same_host(before)


@tare_only
def test_what_a_list_takes_grows_by_little(bundle, names, everywhere):
    """A list takes up to 16 kB more for each container."""
    ROOT.mkdir(mode=0o700, exist_ok=True)
    alone = largest("list")
    everywhere(lambda name: ["create", "--bundle", bundle.dir, name])
    assert largest("list") < alone + 16 * len(names)
    everywhere(lambda name: ["delete", "--force", name])
