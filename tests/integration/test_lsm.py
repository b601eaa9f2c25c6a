# SPDX-License-Identifier: LGPL-2.1-or-later
"""process.apparmorProfile and selinuxLabel. The real ones are in the VM: tests/run vm, tests/run selinux."""
import ctypes
import os
import pathlib
import platform
import shutil
import subprocess

import pytest

import harness
from harness import tare_only

pytestmark = [tare_only, pytest.mark.layouts]

LABEL = "system_u:system_r:container_t:s0:c1,c2"
PROFILE = """profile tare-test flags=(attach_disconnected,mediate_deleted) {
  file, capability, network, mount, signal, ptrace, unix, deny /tmp/denied w,
}
"""


def has_apparmor():
    try:
        return pathlib.Path("/sys/module/apparmor/parameters/enabled").read_text().startswith("Y")
    except OSError:
        return False


def has_selinux():
    return "\tselinuxfs\n" in pathlib.Path("/proc/filesystems").read_text()


apparmor = pytest.mark.skipif(not has_apparmor(), reason="AppArmor is not in force here (it is in the VM)")
no_apparmor = pytest.mark.skipif(has_apparmor(), reason="AppArmor is in force here")
selinux = pytest.mark.skipif(not has_selinux(), reason="SELinux is not in force here (it is in tests/run selinux)")
no_selinux = pytest.mark.skipif(has_selinux(), reason="SELinux is in force here")


def current(pid):
    return pathlib.Path(f"/proc/{pid}/attr/current").read_text().rstrip("\n\0")


# --- not there


@no_apparmor
@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_profile_without_apparmor_is_an_error(bundle, verb):
    bundle.process["apparmorProfile"] = "some-profile"
    r = bundle.make(verb).refused("/process/apparmorProfile")
    assert r.err.endswith("apparmor profile is specified in config, but apparmor is disabled or not supported\n"), r
    assert not bundle.exists()


@no_selinux
@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_label_without_selinux_is_an_error(bundle, verb):
    bundle.process["selinuxLabel"] = LABEL
    r = bundle.make(verb).refused("/process/selinuxLabel")
    assert r.err.endswith("selinux label is specified in config, but selinux is disabled or not supported\n"), r
    assert not bundle.exists()


@no_apparmor
def test_exec_with_a_profile_without_apparmor_is_an_error(bundle):
    r = bundle.stay().up().verb("exec", "--apparmor", "some-profile", tail=["true"])
    assert r.code == 255 and "/process/apparmorProfile" in r.err and "apparmor is disabled or not supported" in r.err, r


@no_selinux
def test_exec_with_a_label_without_selinux_is_an_error(bundle):
    r = bundle.stay().up().verb("exec", "--process-label", LABEL, tail=["true"])
    assert r.code == 255 and "/process/selinuxLabel" in r.err and "selinux is disabled or not supported" in r.err, r


@no_apparmor
def test_unconfined_without_apparmor_is_what_everybody_is(bundle):
    bundle.process["apparmorProfile"] = "unconfined"
    bundle.sh("true").run().ok()


def test_empty_names_ask_for_nothing(bundle):
    bundle.process["apparmorProfile"] = bundle.process["selinuxLabel"] = ""
    bundle.sh("true").run().ok()


# --- AppArmor


@pytest.fixture
def profile():
    if shutil.which("apparmor_parser") is None:
        pytest.skip("there is no apparmor_parser")
    subprocess.run(["apparmor_parser", "-Kr"], input=PROFILE.encode(), check=True)
    yield "tare-test"
    subprocess.run(["apparmor_parser", "-R"], input=PROFILE.encode(), check=True)


@apparmor
@pytest.mark.parametrize("nnp", [True, False], ids=["nnp", "caps"])
@pytest.mark.parametrize("userns", [False, True], ids=["", "userns"])
def test_the_profile_is_in_force(bundle, profile, nnp, userns):
    if userns:
        bundle.userns()
        (bundle.rootfs / "tmp").chmod(0o1777)
    bundle.writable().process.update(apparmorProfile=profile, noNewPrivileges=nnp)
    r = bundle.sh("cat /proc/self/attr/current; echo x >/tmp/allowed && echo yes; echo x >/tmp/denied").run()
    assert r.lines[0] == "tare-test (enforce)", r
    assert "ermission denied" in r.err and not (bundle.rootfs / "tmp/denied").exists()


@apparmor
def test_exec_takes_another_profile(bundle, profile):
    r = bundle.stay().up().verb("exec", "--apparmor", profile, tail=["cat", "/proc/self/attr/current"])
    assert r.ok().out == "tare-test (enforce)\n"
    assert current(bundle.pid) == "unconfined"


@apparmor
def test_a_process_file_without_a_profile_has_that_of_the_container(bundle, profile, scratch):
    bundle.process["apparmorProfile"] = profile
    bundle.process["args"] = ["sleep", "1000"]
    (scratch / "p").write_text('{"args": ["cat", "/proc/self/attr/current"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}}')
    assert bundle.up().verb("exec", "--process", scratch / "p").ok().out == "tare-test (enforce)\n"


@apparmor
def test_the_profile_needs_no_proc_in_the_container(bundle, profile):
    """The attribute is written through the host's procfs."""
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/proc"]
    bundle.linux.pop("maskedPaths", None)
    bundle.linux.pop("readonlyPaths", None)
    bundle.process["apparmorProfile"] = profile
    bundle.process["args"] = ["sleep", "1000"]
    assert current(bundle.up().pid) == "tare-test (enforce)"


@apparmor
@pytest.mark.parametrize("verb", ["create", "run"])
def test_an_unknown_profile_is_an_error_of_create(bundle, verb):
    bundle.process["apparmorProfile"] = "no-such-profile"
    bundle.make(verb).refused("/process/apparmorProfile", 'write "exec no-such-profile" to `/proc/self/attr/',
                              "no profile of this name is loaded")
    assert not bundle.exists()


@apparmor
def test_hooks_of_start_are_confined_as_the_program_is(bundle, profile):
    """They are programs of the image. That they run unconfined had been the promise here; both peers confine them."""
    bundle.writable().process["apparmorProfile"] = profile
    bundle.config["hooks"] = {"startContainer": [
        {"path": "/bin/sh", "args": ["sh", "-c", "/bin/cat /proc/self/attr/current >/tmp/hook; echo x >/tmp/denied; true"]}]}
    bundle.sh("cat /proc/self/attr/current")
    assert bundle.run().ok().out == "tare-test (enforce)\n"
    assert (bundle.rootfs / "tmp/hook").read_text() == "tare-test (enforce)\n"
    assert not (bundle.rootfs / "tmp/denied").exists()


@apparmor
def test_unconfined_is_unconfined(bundle):
    bundle.process["apparmorProfile"] = "unconfined"
    assert bundle.sh("cat /proc/self/attr/current").run().ok().out == "unconfined\n"


@apparmor
def test_profile_and_filter_go_together(bundle, profile):
    bundle.process["apparmorProfile"] = profile
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                               "syscalls": [{"names": ["write", "openat"], "action": "SCMP_ACT_ERRNO"}]}
    bundle.process["args"] = ["sleep", "1000"]
    assert current(bundle.up().pid) == "tare-test (enforce)"


# --- SELinux


@selinux
def test_exec_takes_another_label(bundle, scratch):
    bundle.process["args"] = ["sleep", "1000"]
    bundle.up().verb("exec", "-d", "--pid-file", scratch / "pid", "--process-label", LABEL, tail=["sleep", "1000"]).ok()
    assert current(int((scratch / "pid").read_text())) == LABEL != current(bundle.pid)


@selinux
@pytest.mark.parametrize("proc", [True, False], ids=["", "without-proc"])
@pytest.mark.parametrize("verb", ["run", "start"])
def test_the_label_is_in_force(bundle, proc, verb):
    if not proc:
        bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/proc"]
        bundle.linux.pop("maskedPaths", None)
        bundle.linux.pop("readonlyPaths", None)
    bundle.process["selinuxLabel"] = LABEL
    bundle.process["args"] = ["sleep", "1000"]
    if verb == "run":
        bundle.run("--detach").ok()
    else:
        bundle.create().ok()
        assert current(bundle.pid) != LABEL  # tare-init keeps its own
        bundle.start().ok()
    assert current(bundle.pid) == LABEL


@selinux
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of keyctl(2) is that of x86_64")
def test_the_session_keyring_has_the_label_too(bundle):
    bundle.process["selinuxLabel"] = LABEL
    bundle.process["args"] = ["sleep", "1000"]
    before = {line.split()[0] for line in pathlib.Path("/proc/keys").read_text().splitlines()}
    bundle.up()
    keys = [line.split() for line in pathlib.Path("/proc/keys").read_text().splitlines()]
    serial, = [int(k[0], 16) for k in keys if "_ses:" in k and k[0] not in before]
    text = ctypes.create_string_buffer(256)
    n = ctypes.CDLL(None, use_errno=True).syscall(250, 17, serial, text, 256)  # KEYCTL_GET_SECURITY
    assert n > 0, os.strerror(ctypes.get_errno())
    assert text.value.decode() == LABEL


@selinux
@pytest.mark.parametrize("verb", ["create", "run", "plan", "check"])
@pytest.mark.parametrize("place", ["/process/selinuxLabel", "/linux/mountLabel"])
def test_an_unknown_label_is_told_before_anything_is_done(bundle, verb, place):
    part, key = place[1:].split("/")
    bundle.config[part][key] = "nobody:nothing:nowhere_t:s0"
    bundle.write()
    argv = bundle.argv(verb, "--bundle", bundle.dir, glob=["--debug"])
    r = harness.command(*argv[:-1] if verb == "check" else argv)
    said = r.err + r.out
    assert r.code != 0 and place in said and '"nobody:nothing:nowhere_t:s0" is no label of the SELinux policy in force' in said, r
    assert "semodule -l" in said and "step 1" not in said
    assert not bundle.exists()


@selinux
def test_an_unknown_label_of_exec_is_told_before_anything_is_done(bundle):
    bundle.stay().up()
    r = bundle.verb("exec", "--process-label", "nobody:nothing:nowhere_t:s0", tail=["true"])
    assert r.code == 255 and '"nobody:nothing:nowhere_t:s0" is no label of the SELinux policy in force' in r.err, r


@selinux
def test_without_the_helper_the_kernel_reports_an_unknown_label(bundle, scratch):
    bundle.process["selinuxLabel"] = "nobody:nothing:nowhere_t:s0"
    bundle.write()
    alone = shutil.copy(harness.RUNTIME, scratch / "tare")
    r = harness.command(alone, *bundle.argv("run", "--bundle", bundle.dir)[1:])
    assert r.code != 0 and "/process/selinuxLabel" in r.err and "invalid argument" in r.err, r
    assert not bundle.exists()


@selinux
def test_hooks_of_start_have_the_label_of_the_program(bundle):
    bundle.writable().process["selinuxLabel"] = LABEL
    bundle.config["hooks"] = {"startContainer": [
        {"path": "/bin/sh", "args": ["sh", "-c", "/bin/cat /proc/self/attr/current >/tmp/hook"]}]}
    assert bundle.sh("cat /proc/self/attr/current").run().ok().out.rstrip("\n\0") == LABEL
    assert (bundle.rootfs / "tmp/hook").read_text().rstrip("\n\0") == LABEL
