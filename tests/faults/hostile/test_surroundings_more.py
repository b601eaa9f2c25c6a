# SPDX-License-Identifier: LGPL-2.1-or-later
"""A state directory that can't take anything (docs/REQUIREMENTS.md, 23)."""
import os
import subprocess

import pytest

from harness import assert_same_host, is_alive, poll, rt, snapshot, tare_only

pytestmark = tare_only

KINDS = {"full": "size=4k,nr_inodes=100", "few inodes": "nr_inodes=3", "no inode": "nr_inodes=1", "read-only": "ro",
         "small": "size=12k"}


@pytest.fixture
def poor(scratch):
    made = []

    def make(options):
        top = scratch / "root"
        top.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"{options},mode=700", "poor", top], check=True)
        made.append(top)
        return top
    yield make
    for top in made:
        subprocess.run(["umount", top], check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_that_cannot_be_written_is_told(bundle, poor, kind):
    root = poor(KINDS[kind])
    bundle.root = root
    if kind == "full":
        (root / ".filler").write_bytes(b"x" * 4096)
    before = snapshot()
    for verb in ("create", "run"):
        bundle.process["args"] = ["true"]
        r = bundle.make(verb)
        if r.code != 0:
            assert r.code == 1 and r.err.count("\n") == 1 and r.err.startswith("tare: "), r
            assert [n for n in os.listdir(root) if not n.startswith(".")] == []
            assert any(word in r.err for word in ("no space left", "read-only file system")), r
        else:
            assert kind == "small"
            rt("delete", "--force", bundle.id, root=root).ok()
    assert_same_host(before)


def test_what_runs_can_be_deleted_when_the_state_is_full(bundle, poor):
    root = poor("size=64k")
    bundle.root = root
    bundle.process["args"] = ["sleep", "1000"]
    bundle.create().ok()
    pid = bundle.pid
    with open(root / ".filler", "wb", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 4096)
        except OSError:
            pass
    bundle.start().ok()
    assert bundle.status() == "running"
    bundle.verb("exec", tail=["true"]).ok()
    rt("delete", "--force", bundle.id, root=root).ok()
    poll(lambda: not is_alive(pid))
    assert not (root / bundle.id).exists()
