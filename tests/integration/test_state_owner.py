# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whose the state is: a directory that somebody else owns, or may write to, is believed by no verb.

Earlier tests changed records as root; that the directory itself may be another user's was tested by none.
"""
import os
import shutil

import pytest

import defaults
from harness import BINARY, TESTER, as_user, command, root_only, rt, tare_only

pytestmark = [tare_only, root_only]

NOBODY = 65534
HINT = "could have any process killed and any hook run"

VERBS = {
    "create": lambda b: ["create", "--bundle", b.dir, "other"],
    "run": lambda b: ["run", "--bundle", b.dir, "other"],
    "state": lambda b: ["state", b.id],
    "start": lambda b: ["start", b.id],
    "kill": lambda b: ["kill", b.id, "KILL"],
    "delete": lambda b: ["delete", b.id],
    "delete-force": lambda b: ["delete", "--force", b.id],
    "exec": lambda b: ["exec", b.id, "true"],
    "ps": lambda b: ["ps", b.id],
    "pause": lambda b: ["pause", b.id],
    "resume": lambda b: ["resume", b.id],
    "update": lambda b: ["update", "--pids-limit", "9", b.id],
    "events": lambda b: ["events", "--stats", b.id],
    "list": lambda b: ["list"],
}


@pytest.fixture
def foreign(bundle, scratch):
    """A container that runs, with a root directory of its own; what is done to that is undone at the end."""
    root = scratch / "state"
    root.mkdir(0o700)
    bundle.root = root
    bundle.stay().up()
    yield bundle
    for path in (root, root / bundle.id):
        if path.exists():
            os.chown(path, 0, 0)
            path.chmod(0o700)
    bundle.clean()


def refused(bundle, verb, words):
    pid = bundle.pid_then
    r = rt(*VERBS[verb](bundle), root=bundle.root)
    assert r.code != 0 and r.out == "" and r.err.count("\n") == 1, r
    assert words in r.err and HINT in r.err, r
    os.kill(pid, 0)
    assert sorted(os.listdir(bundle.root)) == [bundle.id]


@pytest.mark.parametrize("verb", VERBS)
def test_a_root_of_another_user_is_refused(foreign, verb):
    foreign.pid_then = foreign.pid
    os.chown(foreign.root, NOBODY, 0)
    refused(foreign, verb, f'the state directory "{foreign.root}" belongs to another user, {NOBODY}')


@pytest.mark.parametrize("verb", [v for v in VERBS if v not in ("create", "run", "list")])
def test_a_container_of_another_user_is_refused(foreign, verb):
    foreign.pid_then = foreign.pid
    os.chown(foreign.root / foreign.id, NOBODY, 0)
    refused(foreign, verb, f'the state directory of "{foreign.id}" belongs to another user, {NOBODY}')


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
@pytest.mark.parametrize("verb", ["state", "delete-force", "create"])
def test_a_root_that_others_may_write_to_is_refused(foreign, verb, mode):
    foreign.pid_then = foreign.pid
    foreign.root.chmod(mode)
    refused(foreign, verb, f'the state directory "{foreign.root}" may be written to by others: its mode is 0{mode:o}')


def test_a_container_that_others_may_write_to_is_refused(foreign):
    foreign.pid_then = foreign.pid
    (foreign.root / foreign.id).chmod(0o720)
    refused(foreign, "delete-force", f'the state directory of "{foreign.id}" may be written to by others: its mode is 0720')


def test_list_tells_a_container_of_another_user_and_goes_on(foreign):
    os.chown(foreign.root / foreign.id, NOBODY, 0)
    r = rt("list", "-q", root=foreign.root)
    assert (r.code, r.out) == (0, "") and f'list: "{foreign.id}": the state directory of' in r.err, r


def test_create_does_not_clean_up_what_another_user_has_left(bundle, scratch):
    """A journal names processes and cgroups that a create of the same ID would end."""
    root = scratch / "state"
    root.mkdir(0o700)
    left = root / "web"
    left.mkdir(0o700)
    (left / "journal").write_text("")
    os.chown(left, NOBODY, 0)
    bundle.stay().write()
    r = rt("create", "--bundle", bundle.dir, "web", root=root)
    assert r.code == 1 and f'"web" belongs to another user, {NOBODY}' in r.err, r
    assert (left / "journal").exists()


def test_others_may_read_it(foreign):
    """Reading does no harm: what matters is who could have written."""
    foreign.root.chmod(0o755)
    assert foreign.status() == "running"
    foreign.verb("exec", tail=["true"]).ok()


def test_roots_own_state_is_good_for_a_user(scratch):
    """sudo left it: an empty list, and not a refusal."""
    root = scratch / "state"
    root.mkdir(0o755)
    scratch.chmod(0o755)
    r = command(*as_user(TESTER), BINARY, "--root", root, "list", "-q")
    assert (r.code, r.out, r.err) == (0, "", ""), r


# --- XDG_RUNTIME_DIR


@pytest.fixture
def ordinary(bundles):
    b = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    os.chmod(b.dir.parent, 0o1777)
    b.sh("echo up").write()
    return b


def run_in(bundle, runtime_dir):
    return command(*as_user(TESTER), BINARY, "run", "--bundle", bundle.dir, bundle.id,
                   env={"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(runtime_dir)})


@pytest.fixture
def runtime_dir(scratch):
    scratch.chmod(0o755)
    path = scratch / "runtime"
    path.mkdir(0o700)
    os.chown(path, TESTER, TESTER)
    yield path
    shutil.rmtree(path)


def test_a_runtime_directory_of_ones_own_is_good(ordinary, runtime_dir):
    assert run_in(ordinary, runtime_dir).ok().out == "up\n"
    assert (runtime_dir / "tare").stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("owner, mode, words", [
    (NOBODY, 0o755, f"belongs to another user, {NOBODY}"), (TESTER, 0o777, "may be written to by others: its mode is 0777"),
    (TESTER, 0o770, "may be written to by others: its mode is 0770")])
def test_a_runtime_directory_of_others_is_refused(ordinary, runtime_dir, owner, mode, words):
    (runtime_dir / "tare").mkdir(0o700)
    os.chown(runtime_dir / "tare", TESTER, TESTER)
    os.chown(runtime_dir, owner, owner)
    runtime_dir.chmod(mode)
    r = run_in(ordinary, runtime_dir)
    assert r.code == 1 and r.out == "", r
    assert f'XDG_RUNTIME_DIR, above "{runtime_dir}/tare" {words} (' in r.err and HINT in r.err, r


# --- another runtime's, under the same --root: an engine was given tare in its place


@pytest.fixture(params=[("state.json", "runc or youki"), ("status", "crun")], ids=["runc", "crun"])
def others(request, bundle, scratch):
    """The directory of a created container of that runtime. (its files, whose it is)"""
    file, runtime = request.param
    bundle.root = scratch / "shared"
    directory = bundle.root / bundle.id
    directory.mkdir(0o700, parents=True)
    bundle.root.chmod(0o700)
    for name in (file, "config.json"):
        (directory / name).write_text("{}")
    os.mkfifo(directory / "exec.fifo")
    yield bundle, sorted(os.listdir(directory)), f"its directory was made by {runtime}: use that runtime, or another --root"
    shutil.rmtree(bundle.root)


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"list", "create", "run"}))
def test_a_container_of_another_runtime_is_left_alone(others, verb):
    """
    It was taken for the rest of a killed create: `kill` said that it does not run, and `delete` removed its exec.fifo, without
    which runc and crun can't start it.
    """
    bundle, files, hint = others
    r = rt(*VERBS[verb](bundle), root=bundle.root)
    failed = "exec failed: " if verb == "exec" else ""
    assert r.err == f'tare: {verb.split("-")[0]} "{bundle.id}": {failed}container does not exist: "{bundle.id}" ({hint})\n' and r.out == ""
    assert r.code == (255 if verb == "exec" else 1) and sorted(os.listdir(bundle.root / bundle.id)) == files


@pytest.mark.parametrize("verb", ["create", "run"])
def test_the_id_of_another_runtimes_container_is_taken(others, verb):
    bundle, files, hint = others
    r = bundle.make(verb)
    assert (r.code, r.err) == (1, f'tare: {verb} "{bundle.id}": container with given ID already exists: "{bundle.id}" ({hint})\n')
    assert sorted(os.listdir(bundle.root / bundle.id)) == files


def test_list_tells_a_container_of_another_runtime_and_goes_on(others):
    bundle, _, hint = others
    r = rt("list", root=bundle.root).ok()
    assert len(r.lines) == 1 and r.err == f'tare: list: "{bundle.id}": container does not exist: "{bundle.id}" ({hint})\n'
