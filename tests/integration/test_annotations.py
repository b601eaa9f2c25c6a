# SPDX-License-Identifier: LGPL-2.1-or-later
"""crun's annotations that engines set, and the flags beside them."""
import json
import os
import select
import signal
import socket

import pytest

import defaults
import place
from harness import ConsoleSocket, TESTER, command, proc_status, read, root_only, tare_only
from test_seccomp import MKDIR, profile, rule
from test_seccomp_notify import agents

assert agents  # a fixture


def annotate(bundle, **values):
    bundle.config["annotations"] = {f"run.oci.{k}": str(v) for k, v in values.items()}
    return bundle


def names(pidfd):
    """The process that a pidfd is of."""
    with open(f"/proc/self/fdinfo/{pidfd}", encoding="utf8") as f:
        return int([line.split()[1] for line in f if line.startswith("Pid:")][0])


def receive(sock):
    """The one pidfd that came, in one message."""
    payload, fds, closed = sock.receive()
    assert len(payload) >= 1 and len(fds) == 1 and closed
    return fds[0]


@pytest.fixture
def receiver(scratch):
    directory = scratch / ("d" * 120)
    directory.mkdir()
    s = ConsoleSocket(str(directory / "pidfd.sock"))
    yield s
    s.close()


# --- a pidfd for the engine


@tare_only
@pytest.mark.parametrize("way", ["flag", "annotation"])
@pytest.mark.parametrize("verb", ["create", "run"])
def test_the_engine_gets_a_pidfd(bundle, receiver, verb, way):
    flags = ["--pidfd-socket", receiver.path] if way == "flag" else []
    if way == "annotation":
        annotate(bundle, pidfd_receiver=receiver.path)
    bundle.stay().make(verb, *(["-d"] if verb == "run" else []), *flags).ok()
    pidfd = receive(receiver)
    assert names(pidfd) == bundle.pid
    bundle.delete("--force").ok()
    assert select.select([pidfd], [], [], 5)[0]
    os.close(pidfd)


@tare_only
def test_the_engine_gets_a_pidfd_of_what_exec_runs(bundle, receiver, scratch):
    bundle.stay().up()
    bundle.verb("exec", "-d", "--pid-file", scratch / "pid", "--pidfd-socket", receiver.path, tail=["sleep", "1000"]).ok()
    pidfd = receive(receiver)
    assert names(pidfd) == int(read(scratch / "pid")) != bundle.pid
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    assert select.select([pidfd], [], [], 5)[0]
    os.close(pidfd)


@tare_only
def test_no_program_has_run_where_nobody_takes_its_pidfd(bundle, scratch):
    """As with crun. That nothing is left had been promised, not that nothing was done."""
    path = f"{scratch}/nobody"
    said = f'connect to socket "{path}": no such file or directory'
    bundle.writable().sh("touch /tmp/ran")
    bundle.run("--pidfd-socket", path).refused(said)
    annotate(bundle, pidfd_receiver=path).run().refused(said)
    bundle.config["annotations"] = {}
    bundle.stay().up()
    r = bundle.verb("exec", "--pidfd-socket", path, tail=["touch", "/tmp/ran"])
    assert r.code == 255 and r.err.endswith(f"{said}\n"), r
    assert not (bundle.rootfs / "tmp/ran").exists()


@tare_only
def test_a_pidfd_that_nobody_takes_is_an_error_without_a_trace(bundle, scratch):
    path = f"{scratch}/nobody"
    bundle.stay().create("--pidfd-socket", path).refused(f'connect to socket "{path}": no such file or directory')
    assert not bundle.exists()
    annotate(bundle, pidfd_receiver=path).create().refused(f'connect to socket "{path}": no such file or directory')
    assert not bundle.exists()


@tare_only
@pytest.mark.parametrize("key", ["pidfd_receiver", "hooks.stdout", "hooks.stderr"])
def test_a_relative_path_is_refused(bundle, key):
    annotate(bundle, **{key: "x"}).stay()
    bundle.refused_at(f"/annotations/run.oci.{key}", '"x" is not absolute')


# --- what hooks print


STAGES = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]


def talking(bundle, scratch):
    def hook(stage):
        return {"path": "/bin/sh", "args": ["sh", "-c", f"echo out {stage}; echo err {stage} >&2"]}
    bundle.config["hooks"] = {stage: [hook(stage)] for stage in STAGES}
    return annotate(bundle, **{"hooks.stdout": scratch / "out", "hooks.stderr": scratch / "err"})


@tare_only
@pytest.mark.parametrize("userns", [False, pytest.param(True, marks=root_only)])
def test_what_hooks_print_is_appended_to_files(bundle, scratch, userns):
    scratch.chmod(0o700)
    if userns:
        bundle.userns()
        os.chown(bundle.rootfs, 100000, 100000)
    (scratch / "out").write_text("before\n")
    talking(bundle, scratch).stay().up()
    bundle.delete("--force").ok()
    assert read(scratch / "out").split("\n") == ["before", *(f"out {s}" for s in STAGES)]
    assert read(scratch / "err").split("\n") == [f"err {s}" for s in STAGES]
    assert (scratch / "err").stat().st_mode & 0o777 == 0o600


@tare_only
def test_only_one_of_them_may_go_to_a_file(bundle, scratch):
    bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo out; echo err >&2; exit 3"]}]}
    annotate(bundle, **{"hooks.stdout": scratch / "out"}).stay()
    bundle.create().refused('createRuntime hook "/bin/sh" exited with 3: err')
    assert read(scratch / "out") == "out"


@tare_only
@pytest.mark.parametrize("stage", STAGES[:4])
def test_the_program_has_none_of_these_files(bundle, scratch, stage):
    bundle.config["hooks"] = {stage: [{"path": "/bin/sh", "args": ["sh", "-c", "ls /proc/self/fd"]}]}
    annotate(bundle, **{"hooks.stdout": scratch / "out"})
    fds = {int(n) for n in bundle.sh("ls /proc/self/fd").run().ok().lines}
    assert fds == {0, 1, 2, 3}  # 3 is ls' own
    assert {int(n) for n in read(scratch / "out").split()} == {0, 1, 2, 3}


@tare_only
def test_a_file_that_cannot_be_made_is_told_and_nothing_is_left(bundle, scratch):
    path = f"{scratch}/no/such/out"
    talking(bundle, scratch).config["annotations"]["run.oci.hooks.stdout"] = path
    bundle.stay().create().refused(f'open "{path}" for what hooks print: no such file or directory')
    assert not bundle.exists()


@tare_only
def test_a_receiver_that_is_not_there_is_told_with_its_place(bundle, scratch):
    annotate(bundle, pidfd_receiver=scratch / "none").stay()
    line, column = place.places(json.dumps(bundle.config, indent=1))["/annotations/run.oci.pidfd_receiver"]
    r = bundle.create()
    assert (r.code, r.err) == (1, f'tare: create "{bundle.id}": /annotations/run.oci.pidfd_receiver (line {line}, column {column}): '
                                  f'connect to socket "{scratch}/none": no such file or directory\n')
    assert not bundle.exists()


KINDS = ["fifo", "fifo with a reader", "directory", "socket", "device"]


@tare_only
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stage", ["createRuntime", "poststart"])
def test_only_a_regular_file_is_printed_to(bundle, scratch, stage, kind):
    """Files had been tried that are there, and that are not; a FIFO is waited for by who just opens it."""
    path, reader, listener = scratch / "out", None, socket.socket(socket.AF_UNIX)
    if kind.startswith("fifo"):
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK) if kind != "fifo" else None
    elif kind == "directory":
        path.mkdir()
    elif kind == "socket":
        listener.bind(str(path))
    else:
        path = "/dev/null"
    bundle.config["hooks"] = {stage: [{"path": "/bin/true"}]}
    annotate(bundle, **{"hooks.stdout": path}).sh("true")
    try:
        why = (f'open "{path}" for what hooks print: is a directory' if kind == "directory"
               else f'"{path}" for what hooks print is not a regular file')
        # Where it had been asked for was not said.
        bundle.run(timeout=5).refused(f'tare: run "{bundle.id}": /annotations/run.oci.hooks.stdout', why,
                                      "without the annotation what a hook prints is in its error alone")
    finally:
        listener.close()
        if reader is not None:
            os.close(reader)
    assert not bundle.exists()


@pytest.mark.parametrize("hooks", [None, {}, {"createRuntime": []}, {"poststop": [{"path": "/bin/true"}]}], ids=str)
def test_without_a_hook_no_file_is_made_or_opened(bundle, scratch, hooks):
    """An annotation is written by who writes the pod; a file of root's is made for a hook alone."""
    os.mkfifo(scratch / "fifo")
    if hooks is not None:
        bundle.config["hooks"] = hooks
    annotate(bundle, **{"hooks.stdout": scratch / "new", "hooks.stderr": scratch / "fifo"}).stay()
    bundle.create(timeout=5).ok()
    bundle.start(timeout=5).ok()
    assert os.listdir(scratch) == ["fifo"]


# --- seccomp


@tare_only
@pytest.mark.parametrize("way", ["annotation", "environment"])
@pytest.mark.parametrize("verb", ["create", "run"])
def test_the_seccomp_agent_may_be_named_outside_of_the_profile(bundle, agents, verb, way):
    agent, env = agents(), dict(os.environ)
    if way == "annotation":
        annotate(bundle, **{"seccomp.receiver": agent.path})
    else:
        env["RUN_OCI_SECCOMP_RECEIVER"] = agent.path
    bundle.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_NOTIFY"))
    bundle.writable().sh("mkdir /tmp/made && touch /tmp/ready; while :; do sleep 1000; done")
    if verb == "create":
        bundle.create(env=env).ok()
        bundle.start().ok()
    else:
        bundle.run("-d", env=env).ok()
    bundle.ready()
    assert [m["state"]["id"] for m in agent.messages] == [bundle.id] and len(agent.calls) == 1
    # and for exec it is the same
    bundle.verb("exec", tail=["mkdir", "/tmp/more"]).ok()
    assert len(agent.messages) == 2 and len(agent.calls) == 2


@tare_only
def test_the_profiles_own_agent_comes_first(bundle, agents):
    own, other = agents(), agents()
    annotate(bundle, **{"seccomp.receiver": other.path})
    bundle.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_NOTIFY"), listenerPath=own.path)
    bundle.writable().sh("mkdir /tmp/made").run().ok()
    assert (len(own.messages), len(other.messages)) == (1, 0)


@tare_only
def test_an_agent_is_named_by_an_absolute_path(bundle):
    annotate(bundle, **{"seccomp.receiver": "agent"})
    bundle.linux["seccomp"] = profile(rule(MKDIR, "SCMP_ACT_NOTIFY"))
    bundle.refused_at("/annotations/run.oci.seccomp.receiver", '"agent" is not absolute')


@tare_only
@pytest.mark.parametrize("value, code", [("1", 1), ("0", 0), (None, 0)])
def test_an_unknown_system_call_is_an_error_where_that_is_asked_for(bundle, value, code):
    if value is not None:
        annotate(bundle, seccomp_fail_unknown_syscall=value)
    bundle.linux["seccomp"] = profile(rule("no_such_call"))
    r = bundle.sh("true").run()
    assert r.code == code and ("no_such_call" in r.err) == (code == 1), r


# --- groups


@pytest.fixture
def grouped():
    """A caller with supplementary groups."""
    def prepare():
        os.setgroups([5, 777, 888])
    return prepare


@tare_only
@root_only
@pytest.mark.parametrize("kept", [True, False])
def test_the_callers_groups_are_kept_where_that_is_asked_for(bundle, grouped, kept):
    if kept:
        annotate(bundle, keep_original_groups=1)
    bundle.process["user"] = {"uid": 0, "gid": 0, "additionalGids": [42]}
    bundle.stay().up(preexec_fn=grouped)
    assert proc_status(bundle.pid)["Groups"].split() == (["5", "777", "888"] if kept else ["42"])


@tare_only
@root_only
def test_an_ordinary_users_groups_are_kept_too(bundles):
    """podman run --group-add keep-groups: what the group may read it can read."""
    bundle = bundles(user=TESTER, config=defaults.rootless(TESTER, TESTER))
    annotate(bundle, keep_original_groups=1)
    bundle.process["terminal"] = False
    bundle.write(None)
    bundle.stay().write()
    argv = bundle.argv("create", "--bundle", bundle.dir)
    argv[argv.index("--clear-groups")] = "--groups=777"
    command(*argv).ok()
    bundle.start().ok()
    # not mapped in there: the kernel shows the overflow group, and knows better
    assert proc_status(bundle.pid)["Groups"].split() == ["777"]


# --- the session keyring


@pytest.mark.skipif(not os.path.exists("/proc/keys"), reason="this kernel has no keyrings")
@pytest.mark.parametrize("flags, new", [([], True), (["--no-new-keyring"], False)])
def test_the_session_keyring_is_new_unless_that_is_not_wanted(bundle, flags, new):
    del bundle.linux["maskedPaths"]
    # of the keys of others, whose containers come and go meanwhile, root would see all
    bundle.process["user"] = {"uid": 54321, "gid": 54321}
    before = {line.split()[0] for line in read("/proc/keys").splitlines()}
    seen = bundle.sh("cat /proc/keys").run(*flags).ok().lines
    assert any(line.split()[0] not in before and "keyring" in line and " _ses: " in line for line in seen) == new
