# SPDX-License-Identifier: LGPL-2.1-or-later
"""Annotations that make tare write to the host, or connect to it: switched off, confined, and by whom.

Without a rule they are on, as with crun (test_annotations.py). Whoever writes a pod may write annotations, so each path here
is tried as one of somebody who means harm.
"""
import os
import socket
import threading

import pytest

from harness import ConsoleSocket, command, poll, read, root_only, tare_only
from test_seccomp import profile, rule
from test_seccomp_notify import agents

assert agents  # a fixture

pytestmark = [tare_only, root_only]

CONF = "/etc/tare/tare.conf"
WITH_CONF = ('mount -t tmpfs tmpfs /etc && mkdir /etc/tare && cat "$0" >/etc/tare/tare.conf && '
             'chmod "$1" /etc/tare/tare.conf && chown "$2" /etc/tare/tare.conf && shift 2 && exec "$@"')
RAN = "out createRuntime"


class Switch:
    """Runs tare with a tare.conf of its own, in a mount namespace of its own."""

    def __init__(self, scratch):
        self.file = scratch / "tare.conf"
        self.mode, self.owner = "644", "0"

    def run(self, bundle, conf=None, env=None, verb="run", flags=()):
        bundle.write()
        argv = bundle.argv(verb, *(["--bundle", str(bundle.dir)] if verb in ("run", "create") else []), *flags)
        if conf is not None:
            self.file.write_text(conf)
            argv = ["unshare", "-m", "sh", "-c", WITH_CONF, self.file, self.mode, self.owner, *argv]
        more = {} if env is None else {"TARE_ALLOW_ANNOTATIONS": env}
        return command(*argv, env={**os.environ, **more})


@pytest.fixture
def switch(scratch):
    return Switch(scratch)


@pytest.fixture
def talking(bundle, scratch):
    """Its hook says a line, which an annotation wants in SCRATCH/out; bundle.warn makes warnings be told."""
    (scratch / "d").mkdir()
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {RAN}"]}]}
    bundle.out = scratch / "d/out"
    bundle.config["annotations"] = {"run.oci.hooks.stdout": str(bundle.out)}
    bundle.sh("echo up")
    argv = bundle.argv
    bundle.argv = lambda verb, *a, **kw: argv(verb, *a, glob=["--log-level=warning"], **kw)
    return bundle


def warning(by, key="run.oci.hooks.stdout"):
    return f"/annotations/{key}: {by} has switched this annotation off: it is left out"


# --- on, off, and who has the last word


def test_without_a_rule_it_is_on(talking, switch):
    assert switch.run(talking).ok().err == ""
    assert read(talking.out) == RAN


@pytest.mark.parametrize("conf, env, by", [
    ("annotation run.oci.hooks.stdout off\n", None, f"{CONF} (line 1)"),
    ("# ours\n\n  annotation\trun.oci.hooks.stdout off # for now\n", None, f"{CONF} (line 3)"),
    (None, "run.oci.hooks.stdout=off", "TARE_ALLOW_ANNOTATIONS"),
    ("annotation run.oci.hooks.stdout on\n", "run.oci.hooks.stdout=off", "TARE_ALLOW_ANNOTATIONS"),
    ("annotation run.oci.hooks.stdout on\nannotation run.oci.hooks.stdout off", None, f"{CONF} (line 2)"),
    (None, "run.oci.hooks.stdout=on,run.oci.pidfd_receiver=off,run.oci.hooks.stdout=off", "TARE_ALLOW_ANNOTATIONS"),
])
def test_what_is_off_is_left_out_with_a_warning_that_names_the_switch(talking, switch, conf, env, by):
    r = switch.run(talking, conf, env).ok()
    assert warning(by) in r.err and r.err.count("warning") == 1, r
    assert "up\n" in r.out and not talking.out.exists()


@pytest.mark.parametrize("conf, env", [
    ("", ""), ("annotation run.oci.hooks.stderr off\n", None), ("annotation run.oci.hooks.stdout off\n", "run.oci.hooks.stdout=on"),
    (None, "run.oci.hooks.stdout=on"), ("annotation run.oci.hooks.stdout on", None)])
def test_what_is_on_is_done(talking, switch, conf, env):
    assert switch.run(talking, conf, env).ok().err == ""
    assert read(talking.out) == RAN


@pytest.mark.parametrize("key", ["run.oci.hooks.stderr", "run.oci.pidfd_receiver"])
def test_each_of_them_has_its_switch(talking, switch, scratch, key):
    talking.config["annotations"] = {key: f"{scratch}/d/nothing"}
    r = switch.run(talking, None, f"{key}=off").ok()
    assert warning("TARE_ALLOW_ANNOTATIONS", key) in r.err
    assert not os.listdir(scratch / "d")


def test_a_receiver_that_is_off_is_not_connected_to(bundle, switch, scratch):
    """Without an agent a profile that notifies is refused as always."""
    path = f"{scratch}/agent"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        s.setblocking(False)
        bundle.linux["seccomp"] = profile(rule("mkdir", "SCMP_ACT_NOTIFY"))
        bundle.config["annotations"] = {"run.oci.seccomp.receiver": path}
        r = switch.run(bundle.sh("true"), None, "run.oci.seccomp.receiver=off")
        assert r.code == 1 and "listenerPath" in r.err, r
        with pytest.raises(BlockingIOError):
            s.accept()


# --- a rule that makes no sense


@pytest.mark.parametrize("conf, line, why", [
    ("annotation run.oci.hooks.stdout\n", 1, 'it is not "annotation NAME on|off|DIRECTORY"'),
    ("\nallow run.oci.hooks.stdout on\n", 2, 'it is not "annotation NAME on|off|DIRECTORY"'),
    ("annotation run.oci.hooks.stdout on off\n", 1, 'it is not "annotation NAME on|off|DIRECTORY"'),
    ("annotation run.oci.hooks.stdou off\n", 1, '"run.oci.hooks.stdou" is no annotation that can be switched'),
    ("annotation run.oci.hooks.stdout no\n", 1, '"no" is no value for "run.oci.hooks.stdout"'),
    ("annotation run.oci.hooks.stdout logs/\n", 1, '"logs/" is no value for "run.oci.hooks.stdout"'),
    ("annotation org.systemd.property. /x\n", 1, '"/x" is no value for "org.systemd.property."'),
])
def test_a_rule_with_a_fault_is_an_error(talking, switch, conf, line, why):
    """It may have been meant to switch something off."""
    r = switch.run(talking, conf)
    assert r.err == (f'tare: run "{talking.id}": {CONF} (line {line}): {why} (a rule is an annotation and on, off or an absolute '
                     "directory)\n"), r
    assert r.code == 1 and not talking.out.exists()


@pytest.mark.parametrize("env, why", [
    ("run.oci.hooks.stdout", '"run.oci.hooks.stdout" is not NAME=on|off|DIRECTORY'),
    ("run.oci.nothing=off", '"run.oci.nothing" is no annotation that can be switched')])
def test_a_variable_with_a_fault_is_an_error(talking, switch, env, why):
    r = switch.run(talking, None, env)
    assert r.code == 1 and f"TARE_ALLOW_ANNOTATIONS: {why} (" in r.err and not talking.out.exists(), r


@pytest.mark.parametrize("mode, owner", [("664", "0"), ("646", "0"), ("644", "1000")])
def test_a_file_that_others_may_write_to_is_an_error(talking, switch, mode, owner):
    switch.mode, switch.owner = mode, owner
    r = switch.run(talking, "annotation run.oci.hooks.stdout on\n")
    assert r.code == 1 and f'"{CONF}" is not a file that root alone may write to' in r.err, r
    assert not talking.out.exists()


def test_who_asks_for_none_of_them_needs_no_rules(bundle, switch):
    bundle.config["annotations"] = {"org.example": "x", "run.oci.keep_original_groups": "1"}
    assert switch.run(bundle.sh("echo up"), "nonsense\n").ok().out == "up\n"


# --- confined


def confined(directory):
    return f"annotation run.oci.hooks.stdout {directory}\n"


@pytest.mark.parametrize("slash", ["", "/"])
def test_beneath_the_directory_it_is_done(talking, switch, scratch, slash):
    (scratch / "d/deep").mkdir()
    talking.config["annotations"]["run.oci.hooks.stdout"] = f"{scratch}/d/deep/out"
    switch.run(talking, confined(f"{scratch}/d{slash}")).ok()
    assert read(scratch / "d/deep/out") == RAN


def test_the_root_confines_to_no_links(talking, switch):
    switch.run(talking, confined("/")).ok()
    assert read(talking.out) == RAN


@pytest.mark.parametrize("path", ["{0}/out", "{0}/dd/out", "{0}/d", "/etc/out"])
def test_a_path_beside_the_directory_is_refused(talking, switch, scratch, path):
    path = path.format(scratch)
    talking.config["annotations"]["run.oci.hooks.stdout"] = path
    r = switch.run(talking, confined(f"{scratch}/d"))
    assert f'"{path}" is not below "{scratch}/d", which {CONF} (line 1) confines it to' in r.err and r.code == 1, r
    assert sorted(os.listdir(scratch)) == ["d", "tare.conf"] and not os.listdir(scratch / "d")


@pytest.mark.parametrize("path", ["../out", "deep/../../out", "link/out", "file-link", "dangling", "deep/up/out", "./../out", "deep/",
                                  ".", ".."])
def test_no_way_leads_out_of_the_directory(talking, switch, scratch, path):
    """Also where somebody else may write in there."""
    inside, outside = scratch / "d", scratch / "outside"
    outside.mkdir()
    (inside / "deep").mkdir()
    (outside / "file").write_text("precious")
    (inside / "link").symlink_to(outside)
    (inside / "file-link").symlink_to(outside / "file")
    (inside / "dangling").symlink_to(outside / "new")
    (inside / "deep/up").symlink_to("../..")
    talking.config["annotations"]["run.oci.hooks.stdout"] = f"{inside}/{path}"
    r = switch.run(talking, confined(inside))
    assert not (scratch / "out").exists()
    assert os.listdir(outside) == ["file"] and read(outside / "file") == "precious"
    # `..` stops at the directory itself, as if that were the whole world
    assert r.code == 1 or read(inside / "out") == RAN, r


@pytest.mark.parametrize("kind", ["fifo", "directory", "device"])
def test_a_confined_path_is_a_regular_file_or_nothing(talking, switch, scratch, kind):
    {"fifo": os.mkfifo, "directory": os.mkdir, "device": lambda p: os.mknod(p, 0o20666, os.makedev(1, 3))}[kind](talking.out)
    r = switch.run(talking, confined(scratch / "d"))
    assert r.code == 1 and str(talking.out) in r.err, r


def test_later_verbs_are_confined_as_create_was(bundle, switch, scratch):
    """poststop runs at delete, whose environment and file say nothing."""
    (scratch / "d").mkdir()
    bundle.config["hooks"] = {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {RAN}"]}]}
    bundle.config["annotations"] = {"run.oci.hooks.stdout": f"{scratch}/d/out"}
    switch.run(bundle.sh("true"), confined(scratch / "d"), verb="create").ok()
    (scratch / "d/out").symlink_to(scratch / "elsewhere")
    bundle.delete("--force")
    assert not (scratch / "elsewhere").exists()


def test_later_verbs_leave_out_what_was_off(bundle, switch, scratch):
    bundle.config["hooks"] = {"poststop": [{"path": "/bin/sh", "args": ["sh", "-c", f"echo {RAN}"]}]}
    bundle.config["annotations"] = {"run.oci.hooks.stdout": f"{scratch}/out"}
    switch.run(bundle.sh("true"), None, "run.oci.hooks.stdout=off", verb="create").ok()
    assert bundle.state()["annotations"] == bundle.config["annotations"]
    bundle.delete("--force").ok()
    assert not (scratch / "out").exists()


def test_a_pidfd_goes_to_a_socket_beneath_the_directory(bundle, switch, scratch):
    (scratch / "d").mkdir()
    s = ConsoleSocket(f"{scratch}/d/sock")
    try:
        bundle.config["annotations"] = {"run.oci.pidfd_receiver": s.path}
        switch.run(bundle.stay(), f"annotation run.oci.pidfd_receiver {scratch}/d\n", verb="create").ok()
        _, fds, _ = s.receive()
        assert len(fds) == 1
        os.close(fds[0])
    finally:
        s.close()


@pytest.mark.parametrize("link", ["last", "way"])
def test_a_pidfd_goes_through_no_link(bundle, switch, scratch, link):
    for name in ("d", "outside"):
        (scratch / name).mkdir()
    s = ConsoleSocket(f"{scratch}/outside/sock")
    try:
        (scratch / "d/sock").symlink_to("../outside/sock")
        (scratch / "d/way").symlink_to("../outside")
        path = f"{scratch}/d/sock" if link == "last" else f"{scratch}/d/way/sock"
        bundle.config["annotations"] = {"run.oci.pidfd_receiver": path}
        r = switch.run(bundle.stay(), f"annotation run.oci.pidfd_receiver {scratch}/d\n", verb="create")
        assert r.code == 1 and f'connect to socket "{path}": too many levels of symbolic links' in r.err, r
        assert not bundle.exists()
    finally:
        s.close()


def test_the_seccomp_receiver_is_confined_for_start_and_exec(bundle, switch, scratch):
    (scratch / "d").mkdir()
    path = f"{scratch}/d/agent"
    came = []

    def serve(server):
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                _, fds, _, _ = socket.recv_fds(peer, 65536, 4)
                came.append(len(fds))
                for fd in fds:
                    os.close(fd)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen()
        threading.Thread(target=serve, args=[s], daemon=True).start()
        bundle.linux["seccomp"] = profile(rule("mkdir", "SCMP_ACT_NOTIFY"))
        bundle.config["annotations"] = {"run.oci.seccomp.receiver": path}
        switch.run(bundle.stay(), f"annotation run.oci.seccomp.receiver {scratch}/d\n", verb="create").ok()
        bundle.start().ok()
        poll(lambda: came == [1], "the agent to have its listener")
        os.rename(path, f"{scratch}/moved")
        os.symlink(f"{scratch}/moved", path)
        r = bundle.verb("exec", tail=["true"])
        assert r.code == 255 and "too many levels of symbolic links" in r.err and came == [1], r
        s.shutdown(socket.SHUT_RDWR)


def test_a_systemd_property_can_be_switched_off(bundle, switch):
    """Planned only: that takes no systemd."""
    bundle.config["annotations"] = {"org.systemd.property.TimeoutStopUSec": "uint64 5"}
    bundle.linux["cgroupsPath"] = "system.slice:tare:x"
    bundle.write()
    r = command(*bundle.argv("plan", "--bundle", str(bundle.dir), glob=["--systemd-cgroup", "--log-level=warning"]),
                env={**os.environ, "TARE_ALLOW_ANNOTATIONS": "org.systemd.property.=off"})
    if "built without" in r.err or "systemd" in r.err and r.code == 1:
        pytest.skip(r.err)
    assert warning("TARE_ALLOW_ANNOTATIONS", "org.systemd.property.TimeoutStopUSec") in r.err
    assert "TimeoutStop" not in r.out


# --- our own: off until a rule names a directory for them


RECORD = "org.tare.record"


@pytest.fixture
def recorded(bundle, scratch):
    (scratch / "d").mkdir()
    bundle.path = scratch / "d/r"
    bundle.config["annotations"] = {RECORD: str(bundle.path)}
    bundle.sh("echo up")
    argv = bundle.argv
    bundle.argv = lambda verb, *a, **kw: argv(verb, *a, glob=["--log-level=warning"], **kw)
    return bundle


def test_an_annotation_records_where_a_rule_lets_it(recorded, switch, scratch):
    off = (f"/annotations/{RECORD}: this annotation is off until {CONF} or TARE_ALLOW_ANNOTATIONS names a directory for it: "
           "it is left out")
    r = switch.run(recorded).ok()
    assert off in r.err and not recorded.path.exists(), r
    assert switch.run(recorded, env=f"{RECORD}={scratch}/d").ok().err == ""
    assert recorded.path.read_text().startswith('{"format":"tare-record-1"')
    recorded.path.unlink()
    switch.run(recorded, conf=f"annotation {RECORD} {scratch}\n").ok()
    assert recorded.path.exists()


def test_refusals_are_reported_by_annotation_too(recorded, switch, scratch):
    recorded.config["annotations"] = {"org.tare.refused": str(recorded.path)}
    recorded.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
    recorded.sh("mkdir /tmp/x; true")
    switch.run(recorded, env=f"org.tare.refused={scratch}/d").ok()
    assert '"name":"mkdir"' in recorded.path.read_text()


def test_our_own_are_never_just_on(recorded, switch):
    r = switch.run(recorded, env=f"{RECORD}=on")
    assert r.code == 1 and f'"{RECORD}" takes a directory, or off' in r.err, r
    assert "TARE_ALLOW_ANNOTATIONS has switched this annotation off: it is left out" in switch.run(recorded, env=f"{RECORD}=off").ok().err


@pytest.mark.parametrize("path, word", [
    ("{}/other/r", "is not below"), ("{}/d/../other/r", ""), ("{}/d/link/r", "too many levels of symbolic links"),
    ("{}/d/file-link", "a link is there"), ("{}/d/sub", "a directory is there"), ("{}/d/missing/r", "no such file or directory"),
    ("{}/d/..", "is a directory"), ("r", "is not absolute"),
])
def test_hostile_paths_of_a_record(recorded, switch, scratch, path, word):
    (scratch / "other").mkdir()
    (scratch / "d/sub").mkdir()
    (scratch / "d/link").symlink_to(scratch / "other")
    (scratch / "d/file-link").symlink_to(scratch / "other/r")
    recorded.config["annotations"] = {RECORD: path.format(scratch)}
    r = switch.run(recorded, env=f"{RECORD}={scratch}/d")
    assert r.code == 1 and word in r.err and os.listdir(scratch / "other") == [], r
    assert not recorded.exists()
