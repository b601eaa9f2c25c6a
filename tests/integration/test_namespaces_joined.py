# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.namespaces with paths: every combination of what a running container has, whoever owns it.

That each can be joined had been tried one by one, and with one user namespace or none: but which of them has rights
over which decides whether the next can be joined (setns(2), user_namespaces(7)).
"""
import itertools
import os
import pwd
import re
import signal
import subprocess

import pytest

import defaults
from harness import (TESTER, as_user, chown_tree, command, is_alive, namespace, poll, read, root_only, tare_only)

pytestmark = [root_only, tare_only]

FILES = {"user": "user", "pid": "pid", "ipc": "ipc", "uts": "uts", "network": "net", "cgroup": "cgroup", "time": "time",
         "mount": "mnt"}
OTHERS = [kind for kind in FILES if kind != "user"]
HOST = 200000


def subsets(kinds):
    return [set(s) for n in range(len(kinds) + 1) for s in itertools.combinations(kinds, n)]


def plain(bundle):
    """Nothing that a mount namespace of others, or another user, would have to be asked for."""
    bundle.config.pop("hostname", None)
    for key in ("uidMappings", "gidMappings", "resources"):
        bundle.linux.pop(key, None)
    bundle.process["args"] = ["sleep", "1000"]
    return bundle.writable()


def joining(bundle, joined, paths, new=()):
    """@joined by @paths, all others new, with what each kind of mount needs."""
    rest = [k for k in OTHERS if k not in joined] + list(new)
    bundle.namespaces(*rest, **{k: paths[k] for k in joined})
    # no mount in a mount namespace of others: another test's business
    bundle.config["mounts"] = [] if "mount" in joined else defaults.config()["mounts"][:-1]
    for key in ("maskedPaths", "readonlyPaths"):
        bundle.linux.pop(key, None)
        if "mount" not in joined:
            bundle.linux[key] = defaults.config()["linux"][key]
    return bundle


def lists_its_own(bundle):
    """Each process that its procfs lists is in the same pid namespace as the container."""
    own = namespace(bundle.pid, "pid")
    numbers = [n for n in os.listdir(f"/proc/{bundle.pid}/root/proc") if n.isdigit()]
    inside = [p for p in os.listdir("/proc") if p.isdigit() and is_alive(p) and namespace(p, "pid") == own]
    return numbers and len(numbers) <= len(inside)


def is_where_it_should(bundle, joined, paths):
    """All of @joined are those, no other is ours; and its procfs is that of its pid namespace."""
    for kind in FILES:
        found, wanted = namespace(bundle.pid, FILES[kind]), paths.get(kind) and os.readlink(paths[kind])
        if kind in joined:
            assert found == wanted, (kind, sorted(joined))
        elif kind != "user":
            assert found not in (wanted, namespace("self", FILES[kind])), (kind, sorted(joined))
    if "mount" not in joined:
        # a process that made the container may still be ending
        poll(lambda: lists_its_own(bundle), f"a procfs of the container's pid namespace: {sorted(joined)}")


def try_all(bundle, combinations, paths, new=()):
    for joined in combinations:
        joining(bundle, joined, paths, new)
        bundle.create().ok()
        is_where_it_should(bundle, joined, paths)
        bundle.start().ok()
        is_where_it_should(bundle, joined, paths)
        assert read(f"/proc/{bundle.pid}/comm") == "sleep"
        bundle.delete("--force").ok()


@pytest.fixture
def own(bundles):
    """Paths of a container whose user namespace owns all others."""
    first = plain(bundles())
    first.namespaces(*OTHERS, "user")
    for key in ("uidMappings", "gidMappings"):
        first.linux[key] = [{"containerID": 0, "hostID": HOST, "size": 65536}]
    chown_tree(first.rootfs, HOST)
    os.chmod(first.dir, 0o755)
    # whoever joins its mount namespace finds the other's rootfs there
    first.mount(first.dir.parent, "bind", first.dir.parent, "rbind")
    r = first.create()
    if r.code != 0 and "lacks these namespaces" in r.err:
        pytest.skip(r.err)
    r.ok()
    first.start().ok()
    return {k: f"/proc/{first.pid}/ns/{f}" for k, f in FILES.items()}


@pytest.fixture
def foreign(own):
    """The same, but all but the user namespace are the host's: as podman and CNI make them."""
    holder = subprocess.Popen(["unshare", "--pid", "--ipc", "--uts", "--net", "--cgroup", "--time", "--mount",
                               "--propagation", "private", "--fork", "--kill-child", "sleep", "1000"])
    children = f"/proc/{holder.pid}/task/{holder.pid}/children"
    try:
        poll(lambda: read(children) and read(f"/proc/{int(read(children))}/comm") == "sleep", "the holder")
        pid = int(read(children))
        yield {**{k: f"/proc/{pid}/ns/{f}" for k, f in FILES.items()}, "user": own["user"]}
    finally:
        holder.kill()
        holder.wait()


@pytest.fixture
def second(bundles):
    b = plain(bundles())
    chown_tree(b.rootfs, HOST)
    os.chmod(b.dir, 0o755)
    return b


def test_every_combination_that_the_user_namespace_owns(second, own):
    try_all(second, [s | {"user"} for s in subsets(OTHERS)], own)


def test_every_combination_that_the_user_namespace_does_not_own(second, foreign):
    try_all(second, [s | {"user"} for s in subsets(OTHERS)], foreign)


def test_a_source_that_only_root_reaches_is_opened_for_a_user_namespace_that_is_joined(second, own, scratch):
    """As in a pod of podman's: its files are below a directory of root's alone, its user namespace is the first container's."""
    (scratch / "secret").mkdir(mode=0o700)
    (scratch / "secret/f").write_text("reached\n")
    os.chmod(second.dir, 0o700)
    joining(second, {"user", "ipc", "uts"}, own)
    second.mount("/f", "bind", scratch / "secret/f", "bind", "ro")
    assert second.sh("cat /f").run().ok().out == "reached\n"


def test_every_combination_without_a_user_namespace(second, foreign):
    chown_tree(second.rootfs, 0)
    try_all(second, subsets(OTHERS), foreign)


def test_every_combination_that_a_user_namespace_owns_from_outside_of_it(second, own):
    chown_tree(second.rootfs, 0)
    try_all(second, subsets(OTHERS), own)


def test_every_combination_with_a_new_user_namespace(second, foreign):
    """Which may not go back to what it came from, nor join what the host owns."""
    for key in ("uidMappings", "gidMappings"):
        second.linux[key] = [{"containerID": 0, "hostID": HOST, "size": 65536}]
    try_all(second, [s for s in subsets(OTHERS) if "mount" not in s], foreign, new=["user"])


def ordinary_user():
    try:
        return pwd.getpwnam("tester").pw_uid
    except KeyError:
        return TESTER


def test_every_combination_as_an_ordinary_user(bundles):
    """Who has rights in the user namespace alone."""
    uid = ordinary_user()
    if command(*as_user(uid), "unshare", "--user", "true").code != 0:
        pytest.skip("this kernel lets no user make a user namespace")
    kinds = ["pid", "ipc", "uts", "network", "time"]
    first, second = (bundles(user=uid, config=defaults.rootless(uid, uid)) for _ in range(2))
    for b in (first, second):
        b.process.update(terminal=False, args=["sleep", "1000"])
        b.config.pop("hostname", None)
        b.config["mounts"] = [m for m in b.config["mounts"] if m["destination"] != "/sys/fs/cgroup"]
    first.namespaces(*kinds, "mount", "user")
    first.up()
    paths = {k: f"/proc/{first.pid}/ns/{f}" for k, f in FILES.items()}
    for joined in subsets(kinds):
        second.namespaces("mount", *[k for k in kinds if k not in joined], **{k: paths[k] for k in joined | {"user"}})
        second.create().ok()
        for kind in joined | {"user"}:
            assert namespace(second.pid, FILES[kind]) == os.readlink(paths[kind]), (kind, sorted(joined))
        second.start().ok()
        second.delete("--force").ok()


NESTED = """
set -e
"$@" create --bundle $BUNDLES/a a </dev/null
"$@" start a
pid=$("$@" state a | sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p')
sed -i "s#PIDNS#/proc/$pid/ns/pid#" $BUNDLES/b/config.json
readlink /proc/$pid/ns/pid
"$@" run --bundle $BUNDLES/b b </dev/null
"$@" delete --force a
"""


def test_a_pid_namespace_is_joined_where_root_is_root_of_a_user_namespace_only(bundles, scratch):
    """Rootless podman: it may go into the namespace, but not back to its own, which the host owns."""
    made = []
    for name, args in (("a", ["sleep", "1000"]), ("b", ["sh", "-c", "readlink /proc/self/ns/pid; test $$ -gt 1; ls /proc/1/ns"])):
        b = plain(bundles())
        b.process["args"] = args
        b.namespaces("mount", "ipc", "uts", *(["pid"] if name == "a" else []))
        if name == "b":
            b.linux["namespaces"].append({"type": "pid", "path": "PIDNS"})
        b.config["mounts"] = [m for m in b.config["mounts"] if m["type"] not in ("devpts", "sysfs", "cgroup")]
        b.write()
        os.symlink(b.dir, scratch / name)
        made.append(b)
    r = command("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private", "sh", "-c", NESTED, "sh",
                *[str(x) for x in made[0].argv("x")[:-2]], env={**os.environ, "BUNDLES": str(scratch)})
    assert r.ok().lines[0] == r.lines[1], r


def test_a_wrong_pid_namespace_is_refused_before_anything_is_mounted(bundle):
    before = read("/proc/self/mountinfo")
    plain(bundle).namespaces("mount", pid="/proc/self/ns/net")
    bundle.refused_at("/linux/namespaces/1", '"/proc/self/ns/net" is no pid namespace')
    assert read("/proc/self/mountinfo") == before


@pytest.mark.parametrize("path,below", [("/proc/self", ""), ("/proc/self/ns", "/ns"), ("/dev/fd", "/fd")])
def test_the_working_directory_may_be_of_the_programs_own_procfs(bundles, path, below):
    """Until it is cloned into the joined pid namespace, the process is not in the container's procfs."""
    first = bundles().stay().up()
    second = bundles().sh("echo $$; pwd")
    second.process["cwd"] = path
    second.linux["namespaces"] = [{"type": "pid", "path": f"/proc/{first.pid}/ns/pid"} if n["type"] == "pid" else n
                                  for n in second.linux["namespaces"]]
    pid, cwd = second.run().ok().lines
    assert cwd == f"/proc/{pid}{below}"


@tare_only
def test_a_pid_namespace_without_its_first_process_is_named(bundle, scratch):
    """The kernel says ENOMEM, which alone sends everybody to look for memory."""
    kept = scratch / "kept"
    kept.touch()
    with subprocess.Popen(["unshare", "--pid", "--fork", "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        owner.stdout.readline()
        child = int(read(f"/proc/{owner.pid}/task/{owner.pid}/children"))
        subprocess.run(["mount", "--bind", f"/proc/{child}/ns/pid", kept], check=True)
        os.kill(child, signal.SIGKILL)
        owner.wait()
    try:
        plain(bundle).namespaces("mount", pid=str(kept))
        r = bundle.run()
    finally:
        subprocess.run(["umount", kept], check=True)
    # without detached mounts (before Linux 5.2) the procfs takes a process in there, before the program's
    where = r"/linux/namespaces/1 \(.*\): start a process in the container|/mounts/0 \(.*\): .*: start a process in the pid namespace"
    why = re.escape(": cannot allocate memory (after its first process has ended a pid namespace gets no others (pid_namespaces(7)): "
                    "join a new one; or else memory is short)")
    assert re.fullmatch(f'tare: run "{bundle.id}": ({where}){why}\n', r.err), r
    assert r.code == 1 and not bundle.exists()
