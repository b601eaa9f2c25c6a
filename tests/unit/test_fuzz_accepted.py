# SPDX-License-Identifier: LGPL-2.1-or-later
"""tests/fuzz/accepted.py notices a config that the specification's schema refuses."""
import json
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(__file__).resolve().parent / "data"


def look_at(tmp_path, *documents):
    path = tmp_path / "accepted"
    texts = [json.dumps(d).encode() for d in documents]
    path.write_bytes(b"".join(b"%d\n%s" % (len(t), t) for t in texts))
    done = subprocess.run([sys.executable, ROOT / "tests/fuzz/accepted.py", path], capture_output=True, text=True,
                          check=False)
    return done.returncode, done.stdout.splitlines()


@pytest.fixture(name="full")
def full_config():
    return json.loads((DATA / "good/config-full.json").read_text(encoding="utf-8"))


def test_what_is_right_is_counted(tmp_path, full):
    assert look_at(tmp_path, full, full, {"ociVersion": "1.0.0", "windows": 7}) == (0, ["3"])


@pytest.mark.parametrize("place, value", [
    ("ociVersion", 7),
    ("process/user/uid", "0"),
    ("process/args", [1]),
    ("mounts/0/options", "ro"),
    ("linux/namespaces/0/type", "pids"),
    ("linux/resources/memory/limit", 1.5),
    ("linux/seccomp/defaultAction", "SCMP_ACT_NOTHING"),
])
def test_what_is_wrong_is_told(tmp_path, full, place, value):
    *parents, last = place.split("/")
    at = full
    for name in parents:
        at = at[int(name) if isinstance(at, list) else name]
    at[last] = value
    code, said = look_at(tmp_path, full)
    assert code == 1
    assert said[0].startswith(f"accepted, though the schema says: /{parents[0] if parents else place}")
