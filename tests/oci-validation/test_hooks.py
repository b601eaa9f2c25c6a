# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hooks: when, where, with what, and what their failure does."""
import json

import pytest

import harness
from harness import IS_TARE, mounts, namespace, rt
from sentences import param, says

HOOKS, LIFE = "config.md#configHooks", "runtime.md#runtimeLifecycle"
NAMES = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
IN_CONTAINER = ["createContainer", "startContainer"]
PATH_IN_CONTAINER = ["startContainer"]
OWN = {n: f"config.md#configHooks{n[0].upper()}{n[1:]}" for n in NAMES}


class Hooks:
    """A bundle whose hooks leave, in a directory that is at the same place in and outside, what they saw."""

    def __init__(self, probe, scratch):
        self.probe, self.bundle, self.dir = probe, probe.bundle, scratch
        scratch.chmod(0o777)
        probe.bundle.writable().mount(scratch, "bind", scratch, "bind")

    def one(self, name, script="true", **more):
        log = (f"cat >{self.dir}/{name}.state; echo {name} >>{self.dir}/order; readlink /proc/self/ns/mnt"
               f" >{self.dir}/{name}.mnt; cat /proc/self/mountinfo >{self.dir}/{name}.mounts;"
               f" (cat /proc/1/cmdline | tr '\\0' ' ') >{self.dir}/{name}.first; {script}")
        return {"path": "/bin/sh", "args": ["sh", "-c", log], **more}

    def all(self, **scripts):
        self.bundle.config["hooks"] = {n: [self.one(n, scripts.get(n, "true"))] for n in NAMES}
        return self

    def through(self):
        """One whole life; the namespace of the container."""
        self.probe.stay()
        self.bundle.create().ok()
        kept = namespace(self.bundle.pid, "mnt")
        self.bundle.start().ok()
        self.bundle.kill("KILL").ok()
        self.bundle.wait("stopped")
        self.bundle.delete().ok()
        return kept

    def order(self):
        path = self.dir / "order"
        return path.read_text().split() if path.exists() else []

    def read(self, name, what):
        return (self.dir / f"{name}.{what}").read_text()

    def state(self, name):
        return json.loads(self.read(name, "state"))


@pytest.fixture
def hooks(probe, scratch):
    return Hooks(probe, scratch)




def cases(sentence_of):
    return [pytest.param(n, marks=[says(*s) for s in sentence_of(n)]) for n in NAMES]


INVOKED = {n: (LIFE, f"The [`{n}` hooks](config.md#{n}{'' if n in ('prestart', 'poststart', 'poststop') else '-hooks'})"
               " MUST be invoked by the runtime.") for n in NAMES}


@pytest.mark.parametrize("name", cases(lambda n: [INVOKED[n]]))
def test_the_hooks_are_invoked(hooks, name):
    hooks.bundle.config["hooks"] = {name: [hooks.one(name)]}
    hooks.through()
    assert hooks.order() == [name]


def where(name):
    return "container namespace" if name in IN_CONTAINER else "runtime namespace"


@pytest.mark.parametrize("name", cases(lambda n: [
    (HOOKS, f"The `{n}` hooks MUST be executed in the [{where(n)}]"),
    (OWN[n], f"The `{n}` hooks MUST be executed in the [{where(n)}]")]))
def test_the_hooks_run_in_their_namespace(hooks, name):
    hooks.bundle.config["hooks"] = {name: [hooks.one(name)]}
    inside = hooks.through()
    seen = hooks.read(name, "mnt").strip()
    assert seen == (inside if name in IN_CONTAINER else namespace("self", "mnt"))


def place(name):
    return "container namespace" if name in PATH_IN_CONTAINER else "runtime namespace"


@pytest.mark.parametrize("name", cases(lambda n: [
    (HOOKS, f"The value of `path` MUST resolve in the [{place(n)}]"),
    (OWN[n], f"hooks' path MUST resolve in the [{place(n)}]")]))
def test_the_path_of_the_hooks_resolves_in_its_namespace(hooks, name):
    # the same path is another program on each side
    tool = hooks.dir / "tool"
    tool.write_text(f"#!/bin/sh\ncat >/dev/null\necho outside >>{hooks.dir}/order\n")
    tool.chmod(0o755)
    inner = hooks.bundle.dir / "inner"
    inner.write_text(f"#!/bin/sh\ncat >/dev/null\necho inside >>{hooks.dir}/order\n")
    inner.chmod(0o755)
    hooks.bundle.mount(tool, "bind", inner, "bind")
    hooks.bundle.config["hooks"] = {name: [{"path": str(tool)}]}
    hooks.probe.stay()
    if name == "createContainer":
        # it runs in the container's mounts before the pivot: with the host's root
        hooks.bundle.config["mounts"].pop()
    hooks.through()
    assert hooks.order() == ["inside" if name in PATH_IN_CONTAINER else "outside"]


@pytest.mark.parametrize("name", cases(lambda n: [(HOOKS, "in that **`path`** MUST be absolute")]))
def test_a_relative_path_is_an_error(hooks, name):
    hooks.bundle.config["hooks"] = {name: [{"path": "bin/true"}]}
    assert hooks.bundle.stay().create().code != 0


@pytest.mark.parametrize("timeout", [0, -1])
@pytest.mark.parametrize("name", cases(lambda n: [(HOOKS, "If set, `timeout` MUST be greater than zero.")]))
def test_a_timeout_that_is_none_is_an_error(hooks, name, timeout):
    hooks.bundle.config["hooks"] = {name: [hooks.one(name, timeout=timeout)]}
    assert hooks.bundle.stay().create().code != 0


@says(HOOKS, "Hooks MUST be called in the listed order.")
@pytest.mark.parametrize("name", NAMES)
def test_hooks_of_a_kind_run_in_the_listed_order(hooks, name):
    hooks.bundle.config["hooks"] = {name: [hooks.one(name, f"echo {n} >>{hooks.dir}/order") for n in range(3)]}
    hooks.through()
    assert hooks.order() == [name, "0", name, "1", name, "2"]


@says(HOOKS, "of the container MUST be passed to hooks over stdin")
@pytest.mark.parametrize("name,status,pid", [
    ("prestart", ["creating"], "host"), ("createRuntime", ["creating"], "host"),
    ("createContainer", ["creating"], "inner"), ("startContainer", ["created"], "inner"),
    ("poststart", ["running"], "host"), ("poststop", ["stopped"], None)])
@pytest.mark.gap(16)
def test_the_state_on_stdin_is_that_of_the_moment(hooks, name, status, pid):
    hooks.bundle.config["annotations"] = {"com.example.a": "b"}
    hooks.all().probe.stay()
    hooks.bundle.create().ok()
    pids = {"host": hooks.bundle.pid, "inner": 1}
    hooks.bundle.start().ok()
    hooks.bundle.kill("KILL").ok()
    hooks.bundle.wait("stopped")
    hooks.bundle.delete().ok()
    state = hooks.state(name)
    assert state["status"] in status
    assert (state["id"], state["bundle"]) == (hooks.bundle.id, str(hooks.bundle.dir))
    assert state["ociVersion"] and state["annotations"] == {"com.example.a": "b"}
    if pid:
        assert state["pid"] == pids[pid]


BEFORE_PIVOT = "MUST be called as part of the [`create`](runtime.md#create) operation after"


@pytest.mark.parametrize("name", [
    param(n, anchor=OWN[n], words=BEFORE_PIVOT) for n in NAMES[:3]])
def test_create_calls_the_hooks_between_the_environment_and_pivot_root(hooks, name):
    script = ""
    if name != "createContainer":  # the state says who the container is: look at it from outside
        script = (f"pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/' {hooks.dir}/{name}.state | grep -o '[0-9]*' | head -1);"
                  f" readlink /proc/$pid/ns/uts >{hooks.dir}/uts; ls /proc/$pid/root/ >{hooks.dir}/root")
    else:
        script = f"readlink /proc/self/ns/uts >{hooks.dir}/uts; ls / >{hooks.dir}/root"
    hooks.bundle.config["hooks"] = {name: [hooks.one(name, script)]}
    hooks.probe.stay()
    hooks.bundle.create().ok()
    assert hooks.order() == [name]
    assert (hooks.dir / "uts").read_text().strip() == namespace(hooks.bundle.pid, "uts")
    # before the pivot the host's root is still there: it has what the bundle has not
    assert "lib64" in (hooks.dir / "root").read_text().split()


@says(OWN["prestart"], "MUST be called before the `createRuntime` hooks")
def test_prestart_hooks_come_before_create_runtime(hooks):
    hooks.all().through()
    order = hooks.order()
    assert order.index("prestart") < order.index("createRuntime")


@says(OWN["createContainer"], "MUST be called after the `createRuntime` hooks")
def test_create_container_hooks_come_after_create_runtime(hooks):
    hooks.all().through()
    order = hooks.order()
    assert order.index("createRuntime") < order.index("createContainer")


@says(OWN["startContainer"], "MUST be called [before the user-specified process is executed]")
def test_start_container_hooks_come_before_the_program(hooks):
    hooks.all().probe.stay()
    hooks.bundle.create().ok()
    assert "startContainer" not in hooks.order()
    hooks.bundle.start().ok()
    assert "startContainer" in hooks.order()
    assert not hooks.read("startContainer", "first").startswith("/bin/probe")


@says(OWN["poststart"], "MUST be called [after the user-specified process is executed]")
@pytest.mark.gap(17)
@pytest.mark.parametrize("attempt", range(5))
def test_poststart_hooks_come_after_the_exec_and_before_start_returns(hooks, attempt):
    cmdline = "pid=$(grep -o '\"pid\": *[0-9]*' {0}/poststart.state | grep -o '[0-9]*');" \
              " tr '\\0' ' ' </proc/$pid/cmdline >{0}/cmdline"
    hooks.bundle.config["hooks"] = {"poststart": [hooks.one("poststart", cmdline.format(hooks.dir))]}
    hooks.probe.stay()
    hooks.bundle.create().ok()
    assert hooks.order() == []
    hooks.bundle.start().ok()
    assert hooks.order() == ["poststart"]
    assert (hooks.dir / "cmdline").read_text().startswith("/bin/probe ")


@says(OWN["poststop"], "MUST be called [after the container is deleted]")
def test_poststop_hooks_come_after_the_deletion_and_before_delete_returns(hooks):
    left = " ".join(f"{top}/{harness.TOKEN}/{hooks.bundle.id}" for top in harness.cgroup_mounts())
    hooks.bundle.config["hooks"] = {"poststop": [hooks.one("poststop", f"ls -d {left} >{hooks.dir}/left 2>/dev/null")]}
    hooks.probe.stay()
    hooks.bundle.up()
    hooks.bundle.kill("KILL").ok()
    hooks.bundle.wait("stopped")
    assert hooks.order() == []
    hooks.bundle.delete().ok()
    assert hooks.order() == ["poststop"]
    assert (hooks.dir / "left").read_text() == ""


FAILS = "hook fails, the runtime MUST [generate an error]"


@pytest.mark.parametrize("name", [param(n, anchor=LIFE, words=f"If any `{n}` {FAILS}") for n in NAMES[:3]])
def test_a_hook_that_fails_in_create_is_an_error_and_the_container_is_gone(hooks, name):
    hooks.all(**{name: "exit 3"}).probe.stay()
    assert hooks.bundle.create().code != 0
    assert rt("state", hooks.bundle.id).code != 0
    ran = hooks.order()
    assert name in ran and not set(ran) & set(NAMES[NAMES.index(name) + 1:5]), ran
    # the life goes on at step 12: undone, then the poststop hooks
    assert ran[-1] == "poststop"


@pytest.mark.parametrize("name", [param(n, anchor=LIFE, words=f"If any `{n}` {FAILS}") for n in NAMES[3:5]])
@pytest.mark.gap(17)
def test_a_hook_that_fails_in_start_is_an_error_and_the_container_is_stopped(hooks, name):
    hooks.all(**{name: "exit 3"}).probe.stay()
    hooks.bundle.create().ok()
    pid = hooks.bundle.pid
    assert hooks.bundle.start().code != 0
    harness.poll(lambda: not harness.is_alive(pid), "the container to end")
    assert not any(m.target.startswith(str(hooks.bundle.rootfs)) for m in mounts())
    # at poststart the program was there, but may have been stopped before its first write
    assert name == "poststart" or not (hooks.bundle.rootfs / "seen").exists()
    assert rt("state", hooks.bundle.id).code != 0, "not destroyed (step 12)"
    assert hooks.order()[-1] == "poststop"


@says(LIFE, "If any `poststop` hook fails, the runtime MUST [log a warning]")
@pytest.mark.gap(18)
def test_a_poststop_hook_that_fails_is_a_warning_and_all_others_run(hooks):
    hooks.bundle.config["hooks"] = {"poststop": [hooks.one("poststop", "exit 3"), hooks.one("poststop")]}
    hooks.probe.stay()
    hooks.bundle.up()
    hooks.bundle.kill("KILL").ok()
    hooks.bundle.wait("stopped")
    r = hooks.bundle.delete()
    assert r.code == 0, r
    assert hooks.order() == ["poststop", "poststop"]
    assert rt("state", hooks.bundle.id).code != 0
    if IS_TARE:
        assert "poststop" in r.err
