# SPDX-License-Identifier: LGPL-2.1-or-later
"""State that somebody has been at, and links at its places (docs/REQUIREMENTS.md, 5, 6, 22, 24)."""
import pathlib
import re
import subprocess
import time

import pytest

from harness import (ROOT, TOKEN, assert_same_host, cgroup_mounts, is_alive, poll, rt, snapshot, tare_only)

pytestmark = tare_only

VERBS = [["state"], ["start"], ["kill"], ["delete"], ["exec"], ["pause"], ["resume"], ["ps"], ["update"], ["events"]]


@pytest.fixture
def bystander():
    proc = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    # start times are in hundredths of a second: a pid is not used again within one, but a container may begin in it
    time.sleep(0.05)
    yield proc
    assert proc.poll() is None, "the bystander was killed"
    proc.kill()
    proc.wait()


def record(bundle):
    return ROOT / bundle.id / "record"


def start_time(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


@pytest.mark.parametrize("pid", ["bystander", "-1", "0", "1", "2147483648", "99999999999999999999", "x", ""])
@pytest.mark.parametrize("file", ["record", "journal"])
def test_the_pid_of_somebody_else_is_never_signalled(bundle, bystander, pid, file):
    before = snapshot()
    bundle.process["args"] = ["sleep", "1000"]
    bundle.create().ok()
    own = bundle.pid
    path = ROOT / bundle.id / file
    text = path.read_text()
    changed = re.sub(rf"^((?:pid|process) ){own}\b", rf"\g<1>{bystander.pid if pid == 'bystander' else pid}", text, flags=re.M)
    assert changed != text
    path.write_text(changed)
    for verb in ("KILL", "TERM"):
        rt("kill", bundle.id, verb, timeout=10)
    rt("exec", bundle.id, "true", timeout=10)
    rt("kill", "--all", bundle.id, "CONT", timeout=10)
    rt("delete", "--force", bundle.id, timeout=10).ok()
    poll(lambda: not is_alive(own), "the container's own process to end")
    assert_same_host(before)


def test_the_cgroup_of_a_bystander_is_no_place_for_a_container(bundle, bystander):
    """Also by a way that leads round to it."""
    tops = [t for t in cgroup_mounts() if (t / TOKEN).is_dir()]
    for top in tops:
        (top / TOKEN / "theirs").mkdir()
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (top / TOKEN / "theirs" / name).exists() and top.name == "cpuset":
                (top / TOKEN / "theirs" / name).write_text((top / TOKEN / name).read_text())
        (top / TOKEN / "theirs/cgroup.procs").write_text(str(bystander.pid))
    try:
        for path in (f"/{TOKEN}/theirs", f"/{TOKEN}/theirs/", f"//{TOKEN}//theirs", f"/{TOKEN}/x/../theirs",
                     f"/x/../{TOKEN}/theirs", f"/{TOKEN}/./theirs", f"/../../{TOKEN}/theirs", f"/{TOKEN}/theirs/."):
            bundle.linux["cgroupsPath"] = path
            for verb in ("create", "run"):
                r = bundle.make(verb)
                assert r.code == 1 and r.err.count("\n") == 1, (path, r)
                rt("delete", "--force", bundle.id).ok()
        assert bystander.poll() is None
    finally:
        for top in tops:
            (top / "cgroup.procs").write_text(str(bystander.pid))
            poll(lambda t=top: not (t / TOKEN / "theirs/cgroup.procs").read_text())
            (top / TOKEN / "theirs").rmdir()


CUTS = 25


@pytest.mark.parametrize("file", ["record", "journal", "config"])
def test_a_file_that_was_cut_crashes_nothing(bundles, file):
    good, broken = bundles("sleep 1000"), bundles("sleep 1000")
    good.create().ok()
    broken.write()
    for cut in range(CUTS):
        before = snapshot()
        broken.create().ok()
        path = ROOT / broken.id / file
        data = path.read_bytes()
        path.write_bytes(data[:len(data) * cut // CUTS] + (b"\0\xff\n" if cut % 3 == 0 else b""))
        for words in VERBS:
            r = rt(words[0], broken.id, *(["true"] if words == ["exec"] else []), timeout=10) if words != ["events"] else \
                rt("events", "--stats", broken.id, timeout=10)
            assert 0 <= r.code < 128 or r.code == 255, (cut, r)
        assert good.id in rt("list", "-q").ok().out
        rt("delete", "--force", broken.id, timeout=10).ok()
        assert_same_host(before)


@pytest.mark.parametrize("place", ["directory", "record", "journal", "config", "exec.fifo", "start"])
def test_links_in_the_state_are_not_followed(bundle, canary, place):
    bundle.process["args"] = ["sleep", "1000"]
    bundle.create().ok()
    pid = bundle.pid
    own = ROOT / bundle.id
    if place == "directory":
        own.rename(ROOT / ".aside")
        own.symlink_to(canary.top)
    else:
        (own / place).unlink()
        (own / place).symlink_to(canary.top / "secret")
    for words in VERBS[:5]:
        rt(words[0], bundle.id, *(["true"] if words == ["exec"] else []), timeout=10)
    r = rt("delete", "--force", bundle.id, timeout=15)
    canary.check(place)
    if place == "directory":
        assert r.code == 1 and own.is_symlink()
        own.unlink()
        (ROOT / ".aside").rename(own)
        r = rt("delete", "--force", bundle.id, timeout=10)
    r.ok()
    poll(lambda: not is_alive(pid))


BAD_IDS = ["..", ".", "../x", "a/b", "/", "", "\n", "a\nb", "x" * 5000, "-x", "\x7f", "ä", "a b", "*", "../../etc"]


@pytest.mark.parametrize("bad", BAD_IDS, ids=lambda s: repr(s[:8]))
def test_every_verb_refuses_an_id_that_is_none(canary, bad):
    """The root of the state is the canary's directory."""
    for words in [*VERBS, ["create"], ["run"], ["delete", "--force"], ["kill", "--all"], ["update"]]:
        r = rt(*words, "--", bad, root=canary.top / "dir", timeout=10) if bad.startswith("-") else \
            rt(*words, bad, root=canary.top / "dir", timeout=10)
        assert r.code in (1, 255), (words, r)
        canary.check(words)


def test_signals_by_every_name_and_no_other(bundle):
    bundle.stay().up()
    for word in ("9x", str(2**32 + 9), "", "SIGNOPE", "-9", "00x", "65", "9 ", "0x9"):
        assert bundle.kill(word).code == 1, word
        assert bundle.status() == "running"
    bundle.kill("SIGKILL").ok()
    bundle.wait("stopped")
    assert bundle.kill("KILL").code == 1


# --- nothing of it can be read


def damage(bundle, text):
    for path in (ROOT / bundle.id).iterdir():
        if path.is_file() and path.stat().st_size > 0:
            path.write_text(text)


@pytest.mark.parametrize("text", ["garbage\n", "x", "\0\0\0\0", "cgroup", ""], ids=["words", "letter", "zeros", "cut", "empty"])
def test_with_record_and_journal_gone_the_cgroup_of_its_name_is_removed(bundle, text):
    """One of the two had been tried; with both gone delete said yes and left the process running."""
    if not cgroup_mounts():
        pytest.skip("without cgroups nothing has its name")
    bundle.sh("sleep 999 & exec sleep 998").up()
    pid, groups = bundle.pid, [top / f"{TOKEN}/{bundle.id}" for top in cgroup_mounts()]
    groups = [g for g in groups if g.exists()]
    assert groups
    damage(bundle, text)
    r = bundle.delete("--force").ok()
    assert r.err == (f'tare: warning: delete "{bundle.id}": its record and its journal can\'t be read: removed with cgroup '
                     f'"/{TOKEN}/{bundle.id}", which has its name\n')
    assert not is_alive(pid) and not any(g.exists() for g in groups) and not bundle.exists()


@pytest.mark.parametrize("how", ["elsewhere", "twice", "host"])
def test_what_may_be_somebody_elses_is_told_and_left(bundle, how):
    if not cgroup_mounts():
        pytest.skip("without cgroups nothing has its name")
    other = cgroup_mounts()[-1] / f"{TOKEN}/other"
    if how == "elsewhere":
        bundle.linux["cgroupsPath"] = f"/{TOKEN}/some"
    bundle.stay().up()
    pid = bundle.pid
    saved = {path: path.read_bytes() for path in (ROOT / bundle.id).iterdir() if path.is_file() and path.stat().st_size}
    bystander = subprocess.Popen(["sleep", "1000"])
    if how == "twice":
        (other / bundle.id).mkdir(parents=True)
    elif how == "host":
        (cgroup_mounts()[-1] / f"{TOKEN}/{bundle.id}/cgroup.procs").write_text(str(bystander.pid))
    damage(bundle, "garbage\n")
    r = bundle.delete("--force")
    why = {"elsewhere": "no cgroup has its name: what is left of it can't be found",
           "twice": "more than one cgroup has its name: ",
           "host": f'process {bystander.pid} in the cgroup of its name, "/{TOKEN}/{bundle.id}", has our own mounts'}[how]
    assert r.code == 1 and r.err.startswith(
        f'tare: delete "{bundle.id}": neither the record nor the journal of container "{bundle.id}" can be read: {why}'), r
    assert is_alive(pid) and bystander.poll() is None and bundle.exists()
    bystander.kill()
    bystander.wait()
    if how == "twice":
        (other / bundle.id).rmdir()
        other.rmdir()
    for path, text in saved.items():
        path.write_bytes(text)
    bundle.delete("--force").ok()
