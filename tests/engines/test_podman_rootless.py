# SPDX-License-Identifier: LGPL-2.1-or-later
"""podman of an ordinary user, without a session and without cgroups of his own: namespaces of other containers, and pods."""
import os
import pathlib
import textwrap

import pytest

import engine as shared
from engine import BOX, Engine, command, needs, on_terminal, poll
from test_podman import IMAGE

pytestmark = needs("podman", "conmon", "newuidmap", "setpriv", "busybox")
UID = 1000
HOME, RUN = BOX / "tester", pathlib.Path(f"/run/user/{UID}")


class Rootless(Engine):
    def __init__(self):
        super().__init__()
        self.user = "tester"
        for name, line in (("passwd", f"{self.user}:x:{UID}:{UID}::{HOME}:/bin/sh\n"), ("group", f"{self.user}:x:{UID}:\n")):
            # toolbox takes the home directory from here, and the machine's own user of this number has another
            path = pathlib.Path("/etc", name)
            others = [row for row in path.read_text(encoding="utf8").splitlines(True) if row.split(":")[2] != str(UID)]
            path.write_text("".join([*others, line]), encoding="utf8")
        for name in ("subuid", "subgid"):
            pathlib.Path("/etc", name).write_text(f"{self.user}:200000:65536\n")
        for path in (HOME, RUN):
            path.mkdir(parents=True, mode=0o700)
            os.chown(path, UID, UID)
        (BOX / "rootless.conf").write_text(textwrap.dedent("""\
            [engine]
            cgroup_manager = "cgroupfs"
            events_logger = "file"
            runtime_supports_json = ["tare", "runc", "crun"]
            infra_image = "localhost/pause"
            infra_command = "/pause"
            [containers]
            pids_limit = 0
            """))
        (BOX / "rootless-storage.conf").write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{HOME}/storage"\nrunroot = "{RUN}/containers"\n')
        self("import", shared.archive(), "bb").ok()
        self("import", "-c", 'CMD ["/pause"]', shared.archive(), "pause").ok()

    def prefix(self, *env):
        """What makes a program the user's."""
        return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--inh-caps=-all", "env", "-i", f"HOME={HOME}", f"USER={self.user}",
                "SHELL=/bin/bash", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"XDG_RUNTIME_DIR={RUN}", f"CONTAINERS_STORAGE_CONF={BOX}/rootless-storage.conf",
                "PODMAN_IGNORE_CGROUPSV1_WARNING=1", *env]

    def argv(self, *args):
        return [*self.prefix(f"CONTAINERS_CONF={BOX}/rootless.conf"), "podman", "--runtime", self.runtime, *args]

    def __call__(self, *args, **kw):
        return command(*self.argv(*args), cwd="/", **kw)

    def run(self, *args, flags=(), code=0):
        return self("run", "--rm", "--network", "none", *flags, IMAGE, *args).ok(code).out

    def up(self, *flags):
        name = f"c{os.urandom(4).hex()}"
        self("run", "-d", "--network", "none", "--name", name, *flags, IMAGE, "sleep", "1234").ok()
        return name

    def space(self, name, kind):
        return os.readlink(f"/proc/{self('inspect', '--format', '{{.State.Pid}}', name).ok().text}/ns/{kind}")


@pytest.fixture(name="podman", scope="module")
def made_once():
    return Rootless()


@pytest.fixture
def engine(podman):
    yield podman
    podman("pod", "rm", "-af", "-t", "0")
    # podman 4.3 removes them in no order, and none that another one needs
    poll(lambda: podman("rm", "-af", "-t", "0").code == 0)


def test_a_container_is_the_users(engine):
    out = engine.run("sh", "-c", "id -u; cat /proc/self/uid_map; exit 7", code=7).split()
    assert out[:4] == ["0", "0", str(UID), "1"]


@pytest.mark.parametrize("kind", ["pid", "ipc", "network"])
def test_a_namespace_of_another_container_is_joined(engine, kind):
    first, file = engine.up(), {"network": "net"}.get(kind, kind)
    name = f"c{os.urandom(4).hex()}"
    engine("run", "-d", "--name", name, *([] if kind == "network" else ["--network", "none"]), f"--{kind}", f"container:{first}",
           IMAGE, "sleep", "4321").ok()
    assert engine.space(name, file) == engine.space(first, file)
    assert engine.space(name, "mnt") != engine.space(first, "mnt")
    assert engine("exec", name, "echo", "hello").ok().out == "hello\n"
    engine("stop", "-t", "0", name).ok()
    assert engine("exec", first, "echo", "hello").ok().out == "hello\n", "the other one runs on"


def test_processes_of_another_container_are_seen_and_killed(engine):
    first = engine.up()
    seen = engine.run("ps", flags=["--pid", f"container:{first}"])
    assert "sleep 1234" in seen and "ps" in seen.split(), seen
    engine.run("sh", "-c", "kill -9 $(pidof sleep)", flags=["--pid", f"container:{first}"])
    # the first process of a pid namespace hears no signal from within
    assert engine("inspect", "--format", "{{.State.Status}}", first).ok().text == "running"
    engine("exec", "-d", first, "sleep", "99").ok()
    poll(lambda: "sleep 99" in engine("exec", first, "ps").out)
    engine.run("sh", "-c", "kill -9 $(ps | grep '[s]leep 99' | tr -s ' ' | cut -d' ' -f2)", flags=["--pid", f"container:{first}"])
    poll(lambda: "sleep 99" not in engine("exec", first, "ps").ok().out)


def test_a_user_namespace_and_its_processes_are_joined(engine):
    """The pid namespace is owned by a user namespace that is not podman's own."""
    first = engine.up("--userns", "keep-id")
    flags = ["--userns", f"container:{first}", "--pid", f"container:{first}"]
    assert "sleep 1234" in engine.run("ps", flags=flags)
    r = engine("run", "--rm", "-i", "--network", "none", *flags, IMAGE, "cat", stdin="in").ok()
    assert r.out == "in"


@pytest.mark.parametrize("share", ["pid", "pid,ipc,net", "pid,ipc,net,uts"])
def test_a_pod_shares_its_processes(engine, share):
    pod = f"p{os.urandom(3).hex()}"
    engine("pod", "create", "--name", pod, "--network", "none", "--share", share).ok()
    names = [f"{pod}-{n}" for n in range(2)]
    network = [] if "net" in share else ["--network", "none"]
    for name in names:
        engine("run", "-d", "--pod", pod, *network, "--name", name, IMAGE, "sleep", "1234").ok()
    kinds = share.split(",")
    for kind in ("pid", "ipc", "net", "uts", "mnt"):
        assert (engine.space(names[0], kind) == engine.space(names[1], kind)) == (kind in kinds), kind
    seen = engine("exec", names[0], "ps").ok().out
    assert seen.count("sleep 1234") == 2 and "/pause" in seen, seen
    engine("stop", "-t", "0", names[0]).ok()
    assert engine("exec", names[1], "ps").ok().out.count("sleep 1234") == 1
    engine("pod", "rm", "-f", "-t", "0", pod).ok()


def test_a_terminal_in_the_processes_of_another(engine):
    first = engine.up()
    r = on_terminal(*engine.argv("run", "--rm", "-it", "--network", "none", "--pid", f"container:{first}", IMAGE, "sh", "-c", "tty; exit 5"))
    assert r.code == 5 and "/dev/pts/0" in r.out, r


def test_nothing_is_left_of_all_these(engine):
    root = RUN / engine.runtime.name
    assert [n for n in (os.listdir(root) if root.exists() else []) if not n.startswith(".")] == []
