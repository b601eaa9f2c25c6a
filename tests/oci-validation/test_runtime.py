# SPDX-License-Identifier: LGPL-2.1-or-later
"""runtime.md, bundle.md, runtime-linux.md: life cycle, state, operations."""
import json
import os
import shutil

import pytest

import harness
import schema
from harness import TOKEN, cgroups_of, is_alive, mounts, namespace, poll, read, rt
from sentences import says

STATE, LIFE = "runtime.md#runtimeState", "runtime.md#runtimeLifecycle"
CREATE, START = "runtime.md#runtimeCreate", "runtime.md#runtimeStart"
KILL, DELETE = "runtime.md#runtimeKill", "runtime.md#runtimeDelete"
ERRORS = "runtime.md#runtimeErrors"


def known(bundle):
    return harness.rt("state", bundle.id).code == 0


def hook(script):
    return {"path": "/bin/sh", "args": ["sh", "-c", script]}


# --- the bundle


@says("bundle.md#containerFormat", "This REQUIRED file MUST reside")
def test_a_bundle_without_config_json_in_its_root_is_an_error(bundle):
    bundle.write()
    os.rename(bundle.dir / "config.json", bundle.rootfs / "config.json")
    assert bundle.verb("create", "--bundle", bundle.dir).code != 0
    os.rename(bundle.rootfs / "config.json", bundle.dir / "Config.json")
    assert bundle.verb("create", "--bundle", bundle.dir).code != 0
    assert not known(bundle)
    os.rename(bundle.dir / "Config.json", bundle.dir / "config.json")
    bundle.stay().create().ok()


@says("bundle.md#containerFormat", "these artifacts MUST all be present in a single directory")
def test_all_of_a_bundle_is_found_in_its_directory_wherever_that_is(probe, scratch):
    bundle = probe.bundle
    (bundle.rootfs / "here").write_text("mine")
    bundle.write()
    shutil.copytree(bundle.dir, scratch / "moved", symlinks=True)
    os.rename(bundle.rootfs / "here", bundle.rootfs / "away")
    out = scratch / "moved/rootfs/seen"
    config = json.loads(json.dumps(bundle.config))
    config["process"]["args"] = ["/bin/probe", "file:/here"]
    (scratch / "moved/config.json").write_text(json.dumps(config))
    r = rt("run", "--bundle", scratch / "moved", bundle.id)
    assert json.loads(r.ok().out)["asked"]["file:/here"] == {"text": "mine"}
    assert not out.exists()


# --- the state


@pytest.fixture
def stayed(probe):
    probe.bundle.config["annotations"] = {"com.example.key": "value"}
    probe.stay()
    return probe.bundle


@says(STATE, "version of the Open Container Initiative Runtime Specification with which the state complies",
      "**`id`** (string, REQUIRED)", "**`status`** (string, REQUIRED)", "**`bundle`** (string, REQUIRED)")
@says("runtime.md#runtimeQueryState", "This operation MUST return the state")
def test_the_state_has_all_its_properties_in_every_status(stayed):
    stayed.create().ok()
    seen = [stayed.state()]
    stayed.start().ok()
    seen.append(stayed.state())
    stayed.kill("KILL").ok()
    stayed.wait("stopped")
    seen.append(stayed.state())
    assert [s["status"] for s in seen] == ["created", "running", "stopped"]
    for s in seen:
        assert s["ociVersion"].split(".")[0] == "1" and s["ociVersion"].count(".") == 2
        assert (s["id"], s["bundle"]) == (stayed.id, str(stayed.dir))
        assert s["annotations"] == {"com.example.key": "value"}


@says(STATE, "**`pid`** (int, REQUIRED when")
def test_the_pid_of_the_state_is_the_container_process(probe):
    probe.stay()
    probe.bundle.create().ok()
    pid = probe.bundle.state()["pid"]
    probe.bundle.start().ok()
    inside = probe.seen()["namespaces"]
    assert probe.bundle.state()["pid"] == pid
    assert inside["mnt"] == namespace(pid, "mnt") != namespace("self", "mnt")
    assert read(f"/proc/{pid}/cmdline").split("\0")[0] == "/bin/probe"


@says(STATE, "This MUST be unique across all containers on this host.")
@says(CREATE, "If the ID provided is not unique across all containers")
def test_an_id_that_is_taken_is_an_error_and_the_container_lives_on(bundles, stayed):
    stayed.create().ok()
    before, other = stayed.state(), bundles()
    other.stay().write()
    r = rt("create", "--bundle", other.dir, stayed.id)
    assert r.code != 0, r
    assert stayed.state() == before and is_alive(before["pid"])


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a b", "\n", "a\0".rstrip("\0") + "/"])
@says(CREATE, "or is not valid in any other way")
def test_an_invalid_id_is_an_error_and_makes_nothing(bundle, name):
    bundle.stay().write()
    before = sorted(os.listdir(harness.ROOT)) if harness.ROOT.exists() else []
    assert rt("create", "--bundle", bundle.dir, name).code != 0
    assert (sorted(os.listdir(harness.ROOT)) if harness.ROOT.exists() else []) == before


@says(STATE, "they MUST be used to represent new runtime states not defined above")
def test_only_a_frozen_container_has_a_status_of_the_runtimes_own(stayed):
    if rt("pause", "--help").code != 0 or not harness.cgroup_mount("freezer"):
        pytest.skip("this runtime cannot pause, so it has no status of its own here")
    stayed.create().ok()
    stayed.start().ok()
    assert stayed.status() in ("creating", "created", "running", "stopped")
    stayed.verb("pause").ok()
    assert stayed.status() not in ("creating", "created", "running", "stopped")
    stayed.verb("resume").ok()
    assert stayed.status() == "running"


@says(STATE, "the format MUST adhere to the JSON Schema")
def test_the_state_adheres_to_its_schema(stayed):
    stayed.create().ok()
    assert schema.errors(stayed.state(), "state-schema.json") == []
    stayed.start().ok()
    assert schema.errors(stayed.state(), "state-schema.json") == []
    stayed.kill("KILL").ok()
    stayed.wait("stopped")
    assert schema.errors(stayed.state(), "state-schema.json") == []


# --- the life cycle


@says(LIFE, "The container's runtime environment MUST be created according to",
      "While the resources requested in the")
@says(CREATE, "This operation MUST create a new container.", "All of the properties configured in",
      "[`process.args`](config.md#process) MUST NOT be applied until")
@pytest.mark.v2
def test_create_makes_the_environment_and_runs_nothing(stayed, scratch):
    stayed.config["hostname"] = "made"
    stayed.mount("/m", "bind", scratch, "bind")
    stayed.create().ok()
    pid = stayed.pid
    assert stayed.status() == "created"
    assert not (stayed.rootfs / "seen").exists() and "probe" not in os.readlink(f"/proc/{pid}/exe")
    assert [m for m in mounts(pid) if m.target.endswith("/m")]
    for kind in ("pid", "net", "ipc", "uts", "mnt"):
        # the pid namespace of its children is its own one in every runtime
        assert namespace(pid, kind) != namespace("self", kind), kind
    for controller, path in cgroups_of(pid).items():
        if harness.cgroup_mount(controller) is not None:
            assert path == f"/{TOKEN}/{stayed.id}", controller


@says(LIFE, "If the runtime is unable to create the environment")
@says(CREATE, "If the runtime cannot apply a property")
@pytest.mark.parametrize("change", [
    lambda b: b.mount("/m", "nosuchfs", "none"),
    lambda b: b.mount("/m", "bind", "/no/such/source", "bind"),
    lambda b: b.linux.update(sysctl={"net.ipv4.no_such_key": "1"}),
    lambda b: b.linux["namespaces"].append({"type": "cgroup", "path": "/no/such/namespace"})],
    ids=["file system", "bind source", "sysctl", "namespace"])
def test_an_environment_that_cannot_be_made_is_an_error_and_no_container(bundle, change):
    change(bundle)
    assert bundle.stay().create().code != 0
    assert not known(bundle)


@says(ERRORS, "generating an error MUST leave the state of the environment as if")
@pytest.mark.gap(4)
@pytest.mark.v2
def test_a_late_failure_of_create_leaves_nothing(stayed, scratch):
    # the check of the fixture same_host: processes, mounts, cgroups, state, files are as before
    stayed.mount("/new/dir", "bind", scratch, "bind")
    stayed.config["hooks"] = {"createRuntime": [hook("true"), hook("exit 3")]}
    before = harness.snapshot()
    assert stayed.create().code != 0
    assert not known(stayed)
    harness.assert_same_host(before)
    stayed.config["hooks"] = {}
    stayed.create().ok()


@says(ERRORS, "generating an error MUST leave the state of the environment as if")
@pytest.mark.gap(4)
def test_a_killed_creator_leaves_nothing_that_delete_does_not_remove(bundle, scratch):
    before = harness.snapshot()
    bundle.config["hooks"] = {"createRuntime": [hook(f"cat >/dev/null; touch {scratch}/ready; exec sleep 1000")]}
    creator = bundle.stay().spawn("create")
    poll(lambda: (scratch / "ready").exists(), "the hook")
    creator.kill()
    harness.finish(creator)
    # the hook is the caller's: a killed runtime can end it no more than it can end itself
    for pid in harness.pids() - before["processes"]:
        if b"sleep\x001000" in (open(f"/proc/{pid}/cmdline", "rb").read() if is_alive(pid) else b""):
            os.kill(pid, 9)
    bundle.delete("--force")
    harness.assert_same_host(before)


@says("runtime.md#runtimeWarnings", "it MUST continue as if the warning had not been logged")
def test_an_operation_goes_on_after_a_warning(probe):
    probe.bundle.process["capabilities"]["bounding"].append("CAP_NO_SUCH")
    probe.bundle.process["capabilities"]["permitted"].append("CAP_NO_SUCH")
    assert probe.see().caps("Bnd") == 1 << 29 | 1 << 5 | 1 << 10


@says("runtime.md#runtimeScopeContainer", "MUST be able to use the operations")
@says("runtime.md#runtimeOperations", "runtimes MUST support the following operations")
def test_who_creates_a_container_can_use_all_operations_on_it(stayed):
    stayed.create().ok()
    assert stayed.state()["id"] == stayed.id
    stayed.start().ok()
    stayed.kill("KILL").ok()
    stayed.wait("stopped")
    stayed.delete().ok()
    assert not known(stayed)


@says(LIFE, "MUST NOT affect the container")
@pytest.mark.gap(19)
def test_a_config_that_changes_after_create_does_not_matter(probe):
    bundle = probe.bundle
    probe.stay()
    bundle.process["env"].append("WHICH=first")
    bundle.create().ok()
    text = bundle.text
    (bundle.dir / "config.json").write_text(text.replace("WHICH=first", "WHICH=second"))
    bundle.start().ok()
    assert "WHICH=first" in probe.seen()["env"]
    os.unlink(bundle.dir / "config.json")
    bundle.kill("KILL").ok()
    bundle.wait("stopped")
    bundle.delete().ok()


@says(LIFE, "MUST NOT affect the container")
@pytest.mark.gap(19)
def test_exec_does_not_read_the_config_again(probe):
    bundle = probe.bundle
    if rt("exec", "--help").code != 0:
        pytest.fail("this runtime has no exec")
    bundle.process["env"].append("WHICH=first")
    probe.up()
    (bundle.dir / "config.json").write_text(bundle.text.replace("WHICH=first", "WHICH=second"))
    r = bundle.verb("exec", tail=["/bin/sh", "-c", "echo $WHICH"])
    assert r.ok().out == "first\n"


# --- operations


@pytest.mark.parametrize("verb", [
    pytest.param("state", marks=says("runtime.md#runtimeQueryState", "if it is not provided the ID")),
    pytest.param("create", marks=says(CREATE, "if it is not provided a path to the bundle and the container ID")),
    pytest.param("start", marks=says(START, "if it is not provided the container ID")),
    pytest.param("kill", marks=says(KILL, "if it is not provided the container ID")),
    pytest.param("delete", marks=says(DELETE, "if it is not provided the container ID"))])
def test_an_operation_without_an_id_is_an_error(verb):
    assert rt(verb).code != 0


@says(CREATE, "if it is not provided a path to the bundle and the container ID")
def test_create_without_a_bundle_is_an_error(scratch):
    # no flag: the runtime's working directory would be the bundle, and it is none
    assert rt("create", "nobundle", cwd=scratch).code != 0
    assert rt("state", "nobundle").code != 0


@says("runtime.md#runtimeQueryState", "Attempting to query a container that does not exist")
def test_the_state_of_a_container_that_does_not_exist_is_an_error():
    r = rt("state", "nosuchcontainer")
    assert r.code != 0 and r.out == ""


@says(START, "Attempting to `start` a container that is not")
def test_start_of_a_container_that_is_not_created_is_an_error_without_effect(probe):
    probe.up()
    before = probe.bundle.state()
    assert probe.bundle.start().code != 0
    assert probe.bundle.state() == before
    probe.bundle.kill("KILL").ok()
    probe.bundle.wait("stopped")
    assert probe.bundle.start().code != 0
    assert probe.bundle.status() == "stopped"


@says(LIFE, "The runtime MUST run the user-specified program")
@says(START, "This operation MUST run the user-specified program")
def test_start_runs_the_program(probe):
    seen = probe.up("with", "arguments")
    assert seen["args"] == ["/bin/probe", "out:/seen", "stay", "with", "arguments"]
    assert read(f"/proc/{probe.bundle.pid}/cmdline").startswith("/bin/probe\0")


@says(START, "This operation MUST generate an error if `process` was not set.")
@says("config.md#configProcess", "This property is REQUIRED when")
@pytest.mark.gap(24)
def test_without_process_create_works_and_start_is_an_error(bundle):
    del bundle.config["process"]
    bundle.create().ok()
    assert bundle.status() == "created"
    assert bundle.start().code != 0
    bundle.delete("--force").ok()


@says(KILL, "Attempting to send a signal to a container that is neither")
def test_kill_of_a_stopped_container_is_an_error_without_effect(stayed):
    stayed.create().ok()
    stayed.start().ok()
    stayed.kill("KILL").ok()
    stayed.wait("stopped")
    before = stayed.state()
    assert stayed.kill("TERM").code != 0
    assert stayed.state() == before


@pytest.mark.parametrize("signal", ["TERM", "USR1", "10", "KILL"])
@says(KILL, "This operation MUST send the specified signal")
def test_kill_sends_the_signal_to_the_container_process(bundle, scratch, signal):
    bundle.writable().sh("trap 'echo TERM >/got; exit' TERM; trap 'echo USR1 >/got; exit' USR1; touch /ready;"
                         " while :; do sleep 1000 & wait; done").up()
    poll(lambda: (bundle.rootfs / "ready").exists(), "the program")
    bundle.kill(signal).ok()
    bundle.wait("stopped")
    got = bundle.rootfs / "got"
    want = {"TERM": "TERM", "USR1": "USR1", "10": "USR1", "KILL": None}[signal]
    assert (got.read_text().strip() if got.exists() else None) == want


@says(DELETE, "Attempting to `delete` a container that is not")
def test_delete_of_a_running_container_is_an_error_without_effect(probe):
    probe.up()
    before = probe.bundle.state()
    assert probe.bundle.delete().code != 0
    assert probe.bundle.state() == before and is_alive(before["pid"])


@says(DELETE, "Deleting a container MUST delete the resources")
@says(LIFE, "The container MUST be destroyed by undoing the steps")
@pytest.mark.v2
def test_delete_removes_all_that_create_made(stayed, scratch):
    # and nothing else is different: processes, mounts, cgroups, state, files
    before = harness.snapshot()
    stayed.mount("/m", "bind", scratch, "bind")
    stayed.create().ok()
    stayed.start().ok()
    stayed.kill("KILL").ok()
    stayed.wait("stopped")
    assert harness.difference(before, harness.snapshot())
    stayed.delete().ok()
    harness.assert_same_host(before)


@says(DELETE, "but not created by this container, MUST NOT be deleted")
@pytest.mark.v2
def test_delete_leaves_what_create_did_not_make(stayed, scratch):
    (scratch / "file").write_text("kept")
    stayed.mount("/m", "bind", scratch, "bind")
    kept = [top / TOKEN / "kept" for top in harness.cgroup_mounts()]
    stayed.linux["cgroupsPath"] = f"/{TOKEN}/kept/{stayed.id}"
    for path in kept:
        path.mkdir()
    try:
        stayed.up()
        stayed.kill("KILL").ok()
        stayed.wait("stopped")
        stayed.delete().ok()
        assert all(path.exists() for path in kept) and not any((p / stayed.id).exists() for p in kept)
    finally:
        for path in kept:
            path.rmdir()
    assert (scratch / "file").read_text() == "kept" and (stayed.rootfs / "bin/probe").exists()
    assert (stayed.dir / "config.json").exists()


# --- runtime-linux.md


@says("runtime-linux.md#runtimeLinuxDevSymbolicLinks", "runtimes MUST create the following symlinks")
def test_the_links_of_dev_are_there(probe):
    dev = probe.see()["dev"]
    assert {n: dev[n].get("link") for n in ("fd", "stdin", "stdout", "stderr")} == {
        "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
        "stderr": "/proc/self/fd/2"}


def test_nothing_but_the_three_descriptors_is_open(probe):
    """runtimeLinuxFileDescriptors says so without a MUST."""
    assert sorted(probe.see()["fds"]) == ["0", "1", "2"]
