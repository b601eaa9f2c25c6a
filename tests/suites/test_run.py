# SPDX-License-Identifier: LGPL-2.1-or-later
"""The runner of public suites, on checkouts of small programs; and the tables made of what it saved."""
import hashlib
import io
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tarfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import results  # noqa: E402
import suite as suites  # noqa: E402
import tap  # noqa: E402

SLOW = float(os.environ.get("TARE_SLOW", "1"))

PODMAN = """
PODMAN_TEST_IMAGE_REGISTRY=${PODMAN_TEST_IMAGE_REGISTRY:-"r.example"}
PODMAN_TEST_IMAGE_USER=${PODMAN_TEST_IMAGE_USER:-"u"}
PODMAN_TEST_IMAGE_NAME=${PODMAN_TEST_IMAGE_NAME:-"image"}
PODMAN_TEST_IMAGE_TAG=${PODMAN_TEST_IMAGE_TAG:-"20200101"}
"""
PODMAN_TAP = """1..6
ok 1 [030] podman runs
not ok 2 |030| podman run - [a] "b" in 12ms
# why
ok 3 [030] podman skips # skip no reason to run
not ok 4 [030] podman takes long # timeout after 7s
ok 5 [030] podman expands 4711
"""
PROGRAMS = {
    "pass/pass.t": "echo 1..2; echo ok 1 - one; echo 'ok 2'",
    "late.t": "echo 'ok - unnumbered'; echo '# a comment'; echo 'ok - another'; echo 1..2",
    "fail.t": "echo 1..2; echo ok 1; echo 'not ok 2 - the second'; exit 1",
    "skip.t": "echo '1..1'; echo 'ok 1 # SKIP no such kernel'",
    "skipall.t": "echo '1..0 # skip no cgroup here'",
    "todo.t": "echo 1..2; echo 'not ok 1 # TODO later'; echo 'ok 2'",
    "bail.t": "echo 1..3; echo ok 1; echo 'Bail out! the runtime is gone'; echo ok 2",
    "slow.t": "echo 1..1; sleep 1000 & setsid sleep 1000 & wait",
    "crash.t": "echo 1..2; echo ok 1; kill -SEGV $$",
    "panic.t": "echo 'panic: no runtime' >&2; exit 2",
    "noplan.t": "echo ok 1",
    "short.t": "echo 1..3; echo ok 1; echo ok 2",
    "twice.t": "echo 1..2; echo ok 1; echo ok 1",
    "status.t": "echo 1..1; echo ok 1; exit 3",
    "silent.t": "true",
    "where.t": "echo 1..2; [ -d validation ] && echo ok 1; \"$RUNTIME\" --version && echo ok 2",
    "plain.t": None,
}
VERDICTS = {
    "pass/pass.t": ["pass", "2 passed, 0 failed, 0 skipped, 0 to do"],
    "late.t": ["pass", "2 passed, 0 failed, 0 skipped, 0 to do"],
    "fail.t": ["fail", "1 passed, 1 failed, 0 skipped, 0 to do; not ok 2 the second"],
    "skip.t": ["skip", "0 passed, 0 failed, 1 skipped, 0 to do"],
    "skipall.t": ["skip", "no cgroup here"],
    "todo.t": ["pass", "1 passed, 0 failed, 0 skipped, 1 to do"],
    "bail.t": ["fail", "bail out: the runtime is gone"],
    "slow.t": ["fail", "still running after 5 s"],
    "crash.t": ["fail", "killed by signal 11; 1 passed, 0 failed, 0 skipped, 0 to do; 2 tests planned, 1 reported"],
    "panic.t": ["fail", "exit status 2; 0 passed, 0 failed, 0 skipped, 0 to do; no plan"],
    "noplan.t": ["fail", "1 passed, 0 failed, 0 skipped, 0 to do; no plan"],
    "short.t": ["fail", "2 passed, 0 failed, 0 skipped, 0 to do; 3 tests planned, 2 reported"],
    "twice.t": ["fail", "2 passed, 0 failed, 0 skipped, 0 to do; test 1 twice; 2 tests planned, 2 reported"],
    "status.t": ["fail", "exit status 3; 1 passed, 0 failed, 0 skipped, 0 to do"],
    "silent.t": ["fail", "0 passed, 0 failed, 0 skipped, 0 to do; no plan"],
    "where.t": ["pass", "2 passed, 0 failed, 0 skipped, 0 to do"],
    "plain.t": ["fail", "exit status 126; 0 passed, 0 failed, 0 skipped, 0 to do; no plan"],
}
BATS = """
@test "it runs (really) [1 + 2]" {
	[ -x "$RUNC" ] && [ -f helpers.bash ]
}
@test "it runs" {
	echo seen
	false
}
@test "it is skipped" {
	skip "no reason to run"
}
@test "it hangs" {
	setsid sleep 1234 &
	sleep 1000
}
@test "it comes after one that hangs, and its name ends in a blank " {
	[ -t 0 ] || [ -c /dev/tty ]
	! grep -qs 1234 /proc/[0-9]*/cmdline
}
"""
CRUN = """
import os, subprocess, sys, time
from tests_utils import tests_main

def runs():
    return subprocess.call([os.environ["OCI_RUNTIME"], "--version"], stdout=subprocess.DEVNULL)

all_tests = {
    "runs": runs,
    "fails": lambda: -1,
    "hangs": lambda: time.sleep(1000),
    "skips": lambda: (77, "nothing here"),
}
if __name__ == "__main__":
    tests_main(all_tests)
"""
CRUN_UTILS = """
import os
def tests_main(tests):
    for i, (name, test) in enumerate((n, t) for n, t in tests.items() if n in os.environ["RUN_TESTS"].split()):
        r = test()
        if r == 0:
            print("ok %d - %s # 0.004s" % (i + 1, name))
        elif isinstance(r, tuple):
            print("ok %d - %s #SKIP %s # 0.004s" % (i + 1, name, r[1]))
        else:
            print("not ok %d - %s # 0.004s" % (i + 1, name))
"""


def put(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


@pytest.fixture
def runtime(tmp_path):
    put(tmp_path / "bin/some-runtime", "#!/bin/sh\necho some-runtime version 7\n", 0o755)
    return tmp_path / "bin/some-runtime"


@pytest.fixture
def checkout(tmp_path):
    top = tmp_path / "checkout"
    for name, script in PROGRAMS.items():
        put(top / "validation" / name, f"#!/bin/sh\n{script or 'echo 1..1; echo ok 1'}\n", 0o755 if script else 0o644)
    put(top / "validation/pass/main.go", "package main\n")
    put(top / "tests/integration/helpers.bash", "\n")
    put(top / "tests/integration/x.bats", BATS.replace("helpers.bash", "tests/integration/helpers.bash"))
    put(top / "tests/cmd/_bin/recvtty", "#!/bin/sh\n", 0o755)
    for image in ("busybox", "debian"):
        put(top / f"tests/integration/testdata/{image}-amd64.tar.xz", "")
    put(top / "tests/tests_utils.py", CRUN_UTILS)
    put(top / "tests/test_x.py", CRUN)
    put(top / "tests/init", "#!/bin/sh\n", 0o755)
    return top


def run(suite, checkout, runtime, *args):
    return subprocess.run([sys.executable, HERE / "run", suite, "--checkout", checkout, "--timeout", "5",
                           "--runtime", f"one={runtime}", *args], capture_output=True, text=True, check=False)


def column(suite, checkout, runtime, *args):
    saved = checkout / "saved.json"
    r = run(suite, checkout, runtime, "--save", saved, *args)
    return json.loads(saved.read_text())["columns"]["one"], r


@pytest.mark.skipif(os.geteuid() != 0, reason="the box needs root")
def test_the_verdict_on_each_program_of_runtime_tools(checkout, runtime):
    got, r = column("runtime-tools", checkout, runtime)
    assert got["tests"] == VERDICTS
    assert got["version"] == "some-runtime version 7"
    assert r.stdout.splitlines()[-1] == "one: 4 passed, 11 failed, 2 skipped" and r.returncode == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="the box needs root")
def test_a_suite_that_passes_is_a_success(checkout, runtime):
    assert run("runtime-tools", checkout, runtime, "pass").returncode == 0


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("bats") is None, reason="the box needs root, and bats is not everywhere")
def test_each_test_of_a_bats_file_by_itself(checkout, runtime):
    got, _ = column("runc", checkout, runtime)
    answers = {name: (o, why.split("\n")[-1]) for name, (o, why) in got["tests"].items()}
    assert answers == {
        "x.bats: it runs (really) [1 + 2]": ("pass", ""),
        "x.bats: it runs": ("fail", "seen"),
        "x.bats: it is skipped": ("skip", "no reason to run"),
        "x.bats: it hangs": ("fail", "no answer: it did not end in time, or took the rest along"),
        "x.bats: it comes after one that hangs, and its name ends in a blank": ("pass", "")}


@pytest.mark.skipif(os.geteuid() != 0, reason="the box needs root")
def test_each_test_of_a_python_file_by_itself(checkout, runtime):
    got, r = column("crun", checkout, runtime)
    assert got["tests"] == {
        "test_x.py: runs": ["pass", ""], "test_x.py: fails": ["fail", ""], "test_x.py: skips": ["skip", "nothing here"],
        "test_x.py: hangs": ["fail", "no answer: it did not end in time, or took the rest along"]}
    assert r.stdout.splitlines()[:2] == ["                  one", "test_x.py: fails   F "]


@pytest.mark.skipif(os.geteuid() != 0, reason="the box needs root")
@pytest.mark.parametrize("layout,found", [("v1", "tmpfs"), ("v2", "cgroup2fs")])
def test_the_layout_is_what_the_tests_see(checkout, runtime, layout, found):
    if not any(" - cgroup " in line for line in open("/proc/self/mountinfo", encoding="utf8")):
        pytest.skip("this machine has cgroup v2 only")
    put(checkout / "validation/fs.t", "#!/bin/sh\necho 1..1; echo \"not ok 1 - $(stat -f -c %T /sys/fs/cgroup)\"\n", 0o755)
    got, _ = column("runtime-tools", checkout, runtime, "--layout", layout, "fs.t")
    assert got["tests"]["fs.t"][1].endswith(f"not ok 1 {found}")


@pytest.mark.parametrize("suite,remove,words", [
    ("runc", "tests/cmd/_bin/recvtty", "tests/cmd/_bin has no helper programs: make test-binaries"),
    ("runc", "tests/integration/testdata/debian-amd64.tar.xz", "has no debian image: get-images.sh names it"),
    ("crun", "tests/init", "tests/init is not built: ./configure && make tests/init")])
def test_what_a_checkout_lacks_is_told_with_the_command(checkout, runtime, suite, remove, words):
    (checkout / remove).unlink()
    r = run(suite, checkout, runtime)
    assert r.returncode == 2 and words in r.stderr


def test_a_checkout_that_is_not_built_is_told(checkout, runtime):
    shutil.rmtree(checkout / "validation")
    (checkout / "validation").mkdir()
    assert "make runtimetest validation-executables" in run("runtime-tools", checkout, runtime).stderr


@pytest.mark.parametrize("args,words", [
    (["nosuch"], "no file of tests has nosuch in its name"), (["--runtime", "/no/such"], "/no/such cannot be run")])
def test_what_cannot_be_run_is_told(checkout, runtime, args, words):
    r = run("runtime-tools", checkout, runtime, *args)
    assert r.returncode == 2 and words in r.stderr


@pytest.mark.parametrize("suite", ["runc", "crun", "runtime-tools"])
def test_a_directory_that_is_no_checkout_is_refused(tmp_path, runtime, suite):
    r = run(suite, tmp_path, runtime)
    assert r.returncode == 2 and f"is not a checkout of {suite}" in r.stderr


def test_podmans_tests_are_named_without_the_number_of_their_file(tmp_path):
    put(tmp_path / "test/system/helpers.bash", PODMAN)
    put(tmp_path / "test/system/030-run.bats", "".join(
        f'@test "{name}" {{\n}}\n' for name in ("podman runs", 'podman run - [a] \\"b\\"', "podman skips", "podman takes long",
                                                "podman expands $PID", "podman never ends")))
    put(tmp_path / "test/system/010-images.bats", '@test "not about a runtime" {\n}\n')
    podman = suites.SUITES["podman"](tmp_path, 7)
    assert podman.units() == ["test/system/030-run.bats"]
    assert list(podman.missing()) == [f"{tmp_path}/testimage.tar is not there: tests/suites/testimage {tmp_path}"]
    found = podman.results("test/system/030-run.bats", PODMAN_TAP, 0)
    assert {name.removeprefix("030-run.bats: "): outcome for name, (outcome, _) in found.items()} == {
        "podman runs": "pass", 'podman run - [a] "b"': "fail", "podman skips": "skip", "podman takes long": "fail",
        "podman expands $PID": "pass", "podman never ends": "fail"}
    argv, env = podman.command("test/system/030-run.bats", "/mnt/bin/one")
    assert shlex.split(argv[2])[-2:] == ["test/system/030-run.bats", podman.CONF.format(name="one", runtime="/mnt/bin/one")]
    assert '["/mnt/bin/one"]' in argv[2]
    assert env["BATS_TEST_TIMEOUT"] == "7" and env["PATH"].startswith("/mnt/bin:")


def test_the_image_that_podmans_tests_ask_for_is_made(tmp_path):
    put(tmp_path / "test/system/helpers.bash", PODMAN)
    put(tmp_path / "busybox", "#!/bin/sh\necho bin/sh; echo bin/busybox; echo usr/bin/id; echo linuxrc\n", 0o755)
    subprocess.run([sys.executable, HERE / "testimage", tmp_path, tmp_path / "busybox"], check=True)
    with tarfile.open(tmp_path / "testimage.tar") as outer:
        manifest, config = (json.load(outer.extractfile(name)) for name in ("manifest.json", "config.json"))
        content = outer.extractfile("layer.tar").read()
    assert manifest == [{"Config": "config.json", "RepoTags": ["r.example/u/image:20200101"], "Layers": ["layer.tar"]}]
    assert config["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(content).hexdigest()]
    with tarfile.open(fileobj=io.BytesIO(content)) as layer:
        names = layer.getnames()
        assert len(names) == len(set(names)) and "linuxrc" not in names
        assert layer.getmember("usr/bin/id").linkname == "/bin/busybox"
        assert layer.extractfile("home/podman/testimage-id").read() == b"20200101\n"
        assert layer.getmember("home/podman/healthcheck").mode == 0o755


def test_nothing_after_a_bail_out_counts():
    t = tap.Tap("1..2\nok 1\nBail out!\nnot ok 2\n")
    assert (t.passed, t.failed, t.bail) == (1, 0, "no reason given")


def test_the_documentation_has_the_results_that_were_saved():
    text = results.CONFORMANCE.read_text(encoding="utf8")
    assert text.endswith("".join(results.section()))


def test_every_test_that_tare_does_not_pass_has_a_reason():
    assert results.unexplained() == []


def test_no_reason_is_left_over():
    assert results.idle_reasons() == []
