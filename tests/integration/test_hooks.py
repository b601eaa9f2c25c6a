# SPDX-License-Identifier: LGPL-2.1-or-later
"""hooks: order, namespaces, state on stdin, environment, timeouts, failures."""
import json
import os
import signal

import pytest

from harness import IS_TARE, cgroup_mounts, command, finish, namespace, poll, root_only, tare_only

NAMES = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
HOST = ["prestart", "createRuntime", "poststart", "poststop"]


def shell(script, **more):
    return {"path": "/bin/sh", "args": ["sh", "-c", script], **more}


@pytest.fixture
def hooked(bundle, scratch):
    """A bundle whose every hook writes what it sees to a file of its name.

    The path of the directory is the same inside, by a bind mount; so are /proc's views."""
    bundle.writable().mount(scratch, "bind", scratch, "bind")

    def one(name, extra=""):
        # createContainer runs in the container's namespaces with the host's root
        return shell(f"cat >{scratch}/{name}.state; echo {name} >>{scratch}/order;"
                     f" (readlink /proc/self/ns/mnt; readlink /proc/self/ns/uts) >{scratch}/{name}.ns;"
                     f" env >{scratch}/{name}.env; echo $$ >{scratch}/{name}.pid;"
                     f" pwd >{scratch}/{name}.cwd; {extra}")
    bundle.one = one
    bundle.seen = scratch
    bundle.config["hooks"] = {name: [one(name)] for name in NAMES}
    return bundle


def state(bundle, name):
    return json.loads((bundle.seen / f"{name}.state").read_text())


def order(bundle):
    path = bundle.seen / "order"
    return path.read_text().split() if path.exists() else []


def test_hooks_run_in_the_order_of_the_spec(hooked):
    hooked.sh("true").create().ok()
    assert order(hooked) == NAMES[:3]
    hooked.start().ok()
    hooked.wait("stopped")
    assert order(hooked) == NAMES[:5]
    hooked.delete().ok()
    assert order(hooked) == NAMES


def test_hooks_of_one_kind_run_in_the_listed_order(hooked):
    hooked.config["hooks"] = {"createRuntime": [hooked.one("createRuntime", f"echo {n} >>{hooked.seen}/order")
                                                for n in range(3)]}
    hooked.sh("true").run().ok()
    assert order(hooked) == ["createRuntime", "0", "createRuntime", "1", "createRuntime", "2"]


def test_run_calls_all_hooks(hooked):
    hooked.sh("true").run().ok()
    assert order(hooked) == NAMES


@pytest.mark.parametrize("name,status", [
    ("prestart", "creating"), ("createRuntime", "creating"), ("createContainer", "creating"),
    ("startContainer", "created"), ("poststart", "running"), ("poststop", "stopped")])
def test_the_state_on_stdin_has_the_status_of_the_moment(hooked, name, status):
    hooked.config["annotations"] = {"k": "v"}
    hooked.stay().create().ok()
    pid = hooked.pid
    hooked.start().ok()
    hooked.delete("--force").ok()
    s = state(hooked, name)
    assert s["status"] == status
    assert s["id"] == hooked.id and s["bundle"] == str(hooked.dir) and s["annotations"] == {"k": "v"}
    assert s["ociVersion"]
    if name in ("prestart", "createRuntime", "poststart"):
        assert s["pid"] == pid
    if name in ("createContainer", "startContainer"):
        assert s["pid"] == 1
    if name == "poststop":
        assert s.get("pid", 0) == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_hook_runs_in_its_namespaces(hooked, name):
    hooked.stay().create().ok()
    pid = hooked.pid
    inside = [namespace(pid, "mnt"), namespace(pid, "uts")]
    outside = [namespace("self", "mnt"), namespace("self", "uts")]
    hooked.start().ok()
    hooked.delete("--force").ok()
    seen = (hooked.seen / f"{name}.ns").read_text().split()
    assert len(seen) == 2
    assert seen == (outside if name in HOST else inside), name


def test_each_hook_starts_in_its_directory(hooked):
    """runtime-spec has no word on it. runc has createContainer hooks start in the rootfs, and such hooks name ./lib/x.

    A startContainer hook had been tried with a cwd of / alone: runc and crun start it in process.cwd, also where its user may not go."""
    (hooked.rootfs / "closed").mkdir(mode=0o700)
    hooked.process["cwd"] = "/closed"
    hooked.seen.chmod(0o777)
    hooked.process["user"] = {"uid": 1000, "gid": 1000}
    hooked.sh("true").run().ok()
    seen = {name: (hooked.seen / f"{name}.cwd").read_text().strip() for name in NAMES}
    assert seen == {**{name: str(hooked.dir) for name in NAMES}, "createContainer": str(hooked.rootfs), "startContainer": "/closed"}


def test_the_start_container_hook_is_resolved_in_the_container(hooked):
    (hooked.rootfs / "bin/only-inside").write_text(f"#!/bin/sh\ncat >/dev/null; echo inside >{hooked.seen}/inside\n")
    (hooked.rootfs / "bin/only-inside").chmod(0o755)
    hooked.config["hooks"] = {"startContainer": [{"path": "/bin/only-inside"}]}
    hooked.sh("true").run().ok()
    assert (hooked.seen / "inside").read_text() == "inside\n"


def test_the_create_container_hook_is_resolved_on_the_host(hooked, scratch):
    script = scratch / "only-outside"
    script.write_text(f"#!/bin/sh\ncat >/dev/null; echo outside >{hooked.seen}/outside\n")
    script.chmod(0o755)
    hooked.config["mounts"] = [m for m in hooked.config["mounts"] if m["destination"] != str(scratch)]
    hooked.config["hooks"] = {"createContainer": [{"path": str(script)}]}
    hooked.sh("true").run().ok()
    assert (hooked.seen / "outside").read_text() == "outside\n"


@pytest.mark.parametrize("name", NAMES)
def test_the_environment_is_only_what_the_hook_lists(hooked, name):
    if name == "startContainer" and not IS_TARE:
        pytest.skip("runc's gets the process' environment")
    hooked.config["hooks"] = {name: [{**hooked.one(name, "true"), "env": ["A=1", "PATH=/bin:/usr/bin"]}]}
    hooked.sh("true").run(env={**os.environ, "OUTER": "1"}).ok()
    found = set((hooked.seen / f"{name}.env").read_text().split("\n")) - {""}
    assert {v for v in found if not v.startswith(("PWD=", "SHLVL=", "_=", "OLDPWD="))} == {"A=1", "PATH=/bin:/usr/bin"}


@pytest.mark.parametrize("name", NAMES)
def test_a_hook_without_env_has_the_environment_of_who_runs_it(hooked, name):
    """It had none: "exactly hook.env" was read into the specification, which is silent about a hook without. Hooks need PATH and HOME.

    The engine's for all that run on the host's file system, the program's for a program of the image. (runc's createContainer has none.)"""
    if name == "createContainer" and not IS_TARE:
        pytest.skip("runc and crun differ")
    hooked.config["hooks"] = {name: [hooked.one(name)]}
    hooked.process["env"].append("INNER=1")
    hooked.sh("true").run(env={**os.environ, "OUTER": "1"}).ok()
    seen = (hooked.seen / f"{name}.env").read_text().split("\n")
    assert ("OUTER=1" in seen, "INNER=1" in seen) == ((False, True) if name == "startContainer" else (True, False))


@tare_only
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_env_is_exact(hooked, name):
    hooked.config["hooks"] = {name: [{**hooked.one(name, "true"), "env": []}]}
    hooked.process["env"].append("INNER=1")
    hooked.sh("true").run(env={**os.environ, "OUTER": "1"}).ok()
    found = set((hooked.seen / f"{name}.env").read_text().split("\n")) - {""}
    assert not {v for v in found if not v.startswith(("PWD=", "SHLVL=", "_=", "OLDPWD=", "PATH="))}


@pytest.mark.parametrize("privileges", ["none", "some"])
def test_a_start_container_hook_runs_under_the_filter(hooked, privileges):
    """It is a program of the image. The other hooks are the host's, and have none."""
    hooked.process["noNewPrivileges"] = privileges == "none"
    hooked.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}

    def tries(name):
        return {**shell(f"cat >/dev/null; mkdir {hooked.seen}/{name}; exit 0"), "env": ["PATH=/bin:/usr/bin"]}
    hooked.config["hooks"] = {name: [tries(name)] for name in NAMES}
    hooked.sh("true").run().ok()
    assert {name for name in NAMES if not (hooked.seen / name).exists()} == {"startContainer"}


@tare_only
def test_a_filter_that_a_start_container_hook_dies_of_is_told(hooked):
    hooked.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}
    hooked.config["hooks"] = {"startContainer": [{"path": "/bin/mkdir", "args": ["mkdir", "/x"]}]}
    hooked.sh("true").run().refused('startContainer hook "/bin/mkdir" was killed by signal 31')
    assert not hooked.exists()


def test_args_are_argv_from_its_first_element_on(hooked):
    hooked.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": [
        "name0", "-c", f'cat >/dev/null; echo "$0" "$1" >{hooked.seen}/args', "zero", "one two"]}]}
    hooked.sh("true").run().ok()
    assert (hooked.seen / "args").read_text() == "zero one two\n"


def test_a_hook_that_does_not_read_its_stdin_is_no_error(hooked):
    hooked.config["annotations"] = {"big": "x" * 200000}
    hooked.config["hooks"] = {name: [{"path": "/bin/true", "timeout": 10}] for name in NAMES}
    hooked.sh("exit 4")
    assert hooked.run().code == 4


def test_only_stdio_reaches_a_hook(hooked):
    hooked.config["hooks"] = {"createRuntime": [shell(f"cat >/dev/null; busybox ls -l /proc/self/fd >{hooked.seen}/fds")]}
    hooked.sh("true").run().ok()
    fds = [line.split()[8] for line in (hooked.seen / "fds").read_text().splitlines()[1:]]
    assert set(fds) <= {"0", "1", "2", "3"}, fds  # 3 is ls' own; coreutils' takes the EPERM of a filter for the kernel's


# --- failures


@pytest.mark.parametrize("name", ["prestart", "createRuntime", "createContainer"])
def test_a_failing_create_hook_undoes_the_container(hooked, name):
    hooked.config["hooks"][name].append(shell("exit 3"))
    r = hooked.stay().create()
    assert r.code == 1
    assert not hooked.exists()
    if IS_TARE:
        r.refused(f"/hooks/{name}/1")
        # what follows does not run; poststop does, as the container is deleted
        assert order(hooked) == [*NAMES[:NAMES.index(name) + 1], "poststop"]


@tare_only
@pytest.mark.parametrize("name", ["prestart", "createRuntime", "createContainer"])
def test_poststop_follows_a_hook_if_a_later_step_fails(hooked, name):
    """Whatever the hook has made on the host would stay otherwise."""
    hooked.process["args"] = ["/nope"]
    for verb in ("create", "run"):
        hooked.config["hooks"] = {n: [hooked.one(n)] for n in (name, "poststop")}
        hooked.make(verb).refused("/process/args")
        assert order(hooked) == [name, "poststop"]
        (hooked.seen / "order").unlink()


@tare_only
@pytest.mark.parametrize("end", ["TERM", "delete"])
@pytest.mark.parametrize("name", ["prestart", "createRuntime", "createContainer"])
def test_poststop_follows_a_hook_in_the_middle_of_which_create_ends(hooked, name, end):
    """By a signal, or as delete --force kills the first process: tare-init has not said which step it performs."""
    hooked.config["hooks"] = {name: [hooked.one(name, f"touch {hooked.seen}/runs; exec sleep 1000")],
                              "poststop": [hooked.one("poststop")]}
    proc = hooked.stay().spawn("create")
    poll(lambda: (hooked.seen / "runs").exists(), "the hook to run")
    if end == "delete":
        hooked.delete("--force").ok()
    else:
        proc.send_signal(signal.SIGTERM)
    assert finish(proc, timeout=10).code != 0
    assert order(hooked) == [name, "poststop"]
    hooked.delete("--force").ok()
    assert order(hooked) == [name, "poststop"]


@tare_only
@root_only
def test_poststop_is_left_to_the_delete_of_what_a_failed_create_could_not_undo(hooked):
    """Both ran it, one after the other."""
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    top = f"{cgroup_mounts()[0]}{hooked.linux['cgroupsPath']}"
    hooked.config["hooks"] = {"createRuntime": [shell(f"cat >/dev/null; mkdir {top}/sub; mount -t tmpfs busy {top}/sub")],
                              "poststop": [hooked.one("poststop")]}
    try:
        r = hooked.stay().create("--pid-file", "/dev/full")
        assert r.code == 1 and f'while undoing: remove cgroup "{top}"' in r.err, r
        assert order(hooked) == []
    finally:
        command("umount", f"{top}/sub").ok()
    hooked.delete("--force").ok()
    assert order(hooked) == ["poststop"]


@tare_only
def test_a_hook_of_start_has_not_begun_in_create(hooked):
    hooked.config["hooks"] = {n: [hooked.one(n)] for n in ("startContainer", "poststop")}
    hooked.stay().create("--pid-file", "/dev/full").refused("no space left on device")
    assert order(hooked) == []


@tare_only
def test_poststop_does_not_run_if_no_hook_did(hooked):
    hooked.config["hooks"] = {n: [hooked.one(n)] for n in ("createRuntime", "poststop")}
    hooked.config["root"]["path"] = "nope"
    hooked.stay().create().refused("/root/path")
    assert order(hooked) == []


def test_a_failing_start_container_hook_undoes_the_container(hooked):
    hooked.config["hooks"]["startContainer"].append(shell("exit 3"))
    hooked.sh(f"echo ran >{hooked.seen}/ran").create().ok()
    r = hooked.start()
    assert r.code == 1
    if IS_TARE:
        r.refused("/hooks/startContainer/1")
        assert order(hooked)[-1] == "poststop"
        assert not hooked.exists()
    assert not (hooked.seen / "ran").exists()
    poll(lambda: hooked.status() in (None, "stopped"))


def test_a_failing_poststart_hook_stops_the_container(hooked):
    hooked.config["hooks"]["poststart"].append(shell("exit 3"))
    hooked.stay().create().ok()
    r = hooked.start()
    assert r.code == 1
    if IS_TARE:
        r.refused("/hooks/poststart/1")
        assert order(hooked)[-1] == "poststop"
        assert not hooked.exists()
    poll(lambda: hooked.status() in (None, "stopped"))


@tare_only
def test_a_failing_poststop_hook_only_warns_and_the_others_run(hooked):
    hooked.config["hooks"]["poststop"] = [shell("exit 3"), hooked.one("poststop")]
    hooked.sh("true").up()
    hooked.wait("stopped")
    r = hooked.delete().ok()
    assert "/hooks/poststop/0" in r.err
    assert "poststop" in order(hooked)
    assert not hooked.exists()


@pytest.mark.parametrize("name", ["createRuntime", "createContainer", "startContainer", "poststart"])
def test_a_hook_that_is_not_there_is_an_error(hooked, name):
    hooked.config["hooks"] = {name: [{"path": "/no/such/hook"}]}
    r = hooked.sh("true").run()
    assert r.code == 1
    if IS_TARE:
        r.refused(f"/hooks/{name}/0", "/no/such/hook", "no such file or directory")
    assert not hooked.exists()


def test_the_error_of_a_failing_hook_has_what_it_said(hooked):
    hooked.config["hooks"] = {"createRuntime": [shell("cat >/dev/null; echo the reason >&2; exit 3")]}
    r = hooked.sh("true").run()
    assert r.code == 1 and "the reason" in r.err


# --- timeouts


@pytest.mark.parametrize("name", ["createRuntime", "createContainer", "startContainer"])
def test_a_hook_that_takes_too_long_is_killed_and_an_error(hooked, name):
    hooked.config["hooks"] = {name: [shell("sleep 1000", timeout=1)]}
    r = hooked.sh("true").run()
    assert r.code == 1
    if IS_TARE:
        r.refused(f"/hooks/{name}/0")
    assert not hooked.exists()


@tare_only
def test_a_timeout_ends_the_whole_process_group(hooked):
    hooked.config["hooks"] = {"createRuntime": [shell("sleep 1001 & sleep 1002", timeout=1)]}
    assert hooked.sh("true").run(timeout=20).code == 1
    # the same_host fixture sees what is left; here: what was killed is gone once it has run again

    def left():
        return [p for p in os.listdir("/proc") if p.isdigit() and b"sleep\x00100" in
                open(f"/proc/{p}/cmdline", "rb").read()]
    poll(lambda: not left(), "the hook's processes to be gone")


def test_a_hook_within_its_timeout_is_fine(hooked):
    hooked.config["hooks"] = {"createRuntime": [{**hooked.one("createRuntime"), "timeout": 60}]}
    hooked.sh("exit 4")
    assert hooked.run().code == 4


@tare_only
def test_the_state_is_json_though_the_bundle_is_named_in_no_utf8(hooked):
    odd = hooked.dir.with_name(os.fsdecode(b"odd-\xff-" + hooked.id.encode()))
    hooked.dir.rename(odd)
    hooked.dir, hooked.rootfs = odd, odd / "rootfs"
    hooked.stay().create().ok()
    hooked.start().ok()
    assert state(hooked, "createRuntime")["bundle"].endswith(f"/odd-\ufffd-{hooked.id}")
    assert hooked.state()["bundle"].endswith(f"/odd-\ufffd-{hooked.id}")
    hooked.kill("KILL").ok()
    hooked.wait("stopped")
    hooked.delete("--force").ok()


@tare_only
@pytest.mark.parametrize("stage", ["prestart", "createRuntime", "createContainer", "startContainer", "poststart"])
def test_a_hook_that_fails_is_told_with_its_number(hooked, stage):
    """In runc's words, which those who run several look for; place and end stay."""
    for name in ("good", "bad"):
        (hooked.rootfs / "bin" / name).write_text(f"#!/bin/sh\nexit {int(name == 'bad')}\n")
        (hooked.rootfs / "bin" / name).chmod(0o755)
    paths = ["/bin/good", "/bin/bad"] if stage == "startContainer" else ["/bin/true", "/bin/false"]
    hooked.config["hooks"] = {stage: [{"path": p} for p in paths]}
    r = hooked.sh("true").run()
    r.refused(f"/hooks/{stage}/1", f'error running {stage} hook #1: {stage} hook "{paths[1]}" exited with 1')
