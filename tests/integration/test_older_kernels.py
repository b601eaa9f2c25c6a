# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a kernel lacks is said; and the ways around it (all of them: the suite `kernels`)."""
import itertools
import os
import subprocess

import pytest

from harness import (BINARY, ConsoleSocket, LAYOUT, TESTER, TOKEN, as_user, chown_tree, command, mount_at, mounts_of, namespace, poll,
                     read, root_only, tare_only)

pytestmark = [tare_only, root_only]


def run(older, bundle, version, *flags, how="enosys", verb="run", prefix=()):
    bundle.write()
    return command(*prefix, older, version, how, *flags, BINARY, "--root", bundle.root, verb, "--bundle", bundle.dir,
                   bundle.id)


@pytest.mark.parametrize("kind,since,place", [
    ("user", "3.8", "/linux/namespaces"), ("time", "5.6", "/linux/namespaces/"), ("cgroup", "4.6", "/linux/namespaces/")])
def test_a_namespace_that_is_missing_is_named(bundle, older, kind, since, place):
    bundle.sh("true")
    bundle.unlisted("cgroup")
    if kind == "user":
        bundle.userns()
    else:
        bundle.linux["namespaces"].append({"type": kind})
    run(older, bundle, "6.1", f"-{kind}").refused(place, f"{kind} namespaces came with Linux {since}; this kernel (")
    assert not bundle.exists()


@pytest.mark.parametrize("how", ["enosys", "eperm"])
def test_a_pidfd_that_is_asked_for_is_an_error_where_there_are_none(bundle, older, scratch, how):
    bundle.sh("true").write()
    engine = ConsoleSocket(str(scratch / "socket"))
    r = command(older, "4.19", how, BINARY, "--root", bundle.root, "create", "--bundle", bundle.dir,
                "--pidfd-socket", engine.path, bundle.id)
    engine.close()
    r.refused("there is no pidfd to send", "pidfds came with Linux 5.3")
    assert not bundle.exists()


def test_ambient_capabilities_that_are_missing_are_an_error(bundle, older):
    bundle.sh("true")
    bundle.process["capabilities"]["ambient"] = bundle.process["capabilities"]["inheritable"] = ["CAP_KILL"]
    run(older, bundle, "3.10").refused("ambient capabilities came with Linux 4.3")


def test_ids_without_root_take_ambient_capabilities(bundle, older):
    """Over the exec of tare-init: capabilities(7), "Transformation of capabilities during execve()"."""
    bundle.userns()
    chown_tree(bundle.rootfs, 100000)
    os.chmod(bundle.dir, 0o755)
    bundle.sh("echo ran")
    for key in ("uidMappings", "gidMappings"):
        bundle.linux[key][0]["containerID"] = 1000
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    run(older, bundle, "4.2").refused("uidMappings without root take ambient capabilities", "ambient capabilities came with Linux 4.3")
    assert run(older, bundle, "4.3").ok().out == "ran\n"


@pytest.mark.layouts
@pytest.mark.skipif(LAYOUT != "v2", reason=f"layout {LAYOUT}: not cgroup v2 alone")
def test_device_rules_that_are_missing_are_an_error_only_for_who_can_make_devices(bundle, older):
    """Of cgroup v2; engines send some for every container."""
    bundle.sh("echo ran")
    bundle.linux["resources"] = {"devices": [{"allow": False, "access": "rwm"}]}
    bundle.linux["cgroupsPath"] = f"/{TOKEN}/{bundle.id}"
    r = run(older, bundle, "4.14").ok()
    assert r.out == "ran\n"
    for kind in ("bounding", "permitted", "effective"):
        bundle.process["capabilities"].setdefault(kind, []).append("CAP_MKNOD")
    run(older, bundle, "4.14").refused("/linux/resources/devices", "device rules on cgroup v2 came with Linux 4.15")
    assert not bundle.exists()


@pytest.mark.parametrize("how", ["enosys", "eperm"])
@pytest.mark.parametrize("user", ["root", "userns", "rootless"])
@pytest.mark.parametrize("version", ["99.0", "5.10", "3.10"])
def test_the_hosts_root_is_what_is_bound_not_the_containers(bundles, older, scratch, version, user, how):
    """Where mounts can't be detached, a stage is under the rootfs meanwhile, and in no copy."""
    scratch.chmod(0o755)
    (scratch / "mark").write_text("the host's\n")
    b = bundles(f"cat /h{scratch}/mark; cat /i{scratch}/mark; cat /proc/self/mountinfo",
                user=TESTER if user == "rootless" else None)
    if user == "userns":
        b.userns()
    if user == "rootless":
        b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] not in ("network", "cgroup")]
        b.linux["namespaces"].append({"type": "user"})
        b.linux["uidMappings"] = b.linux["gidMappings"] = [{"containerID": 0, "hostID": TESTER, "size": 1}]
        b.linux.pop("resources", None)
        b.config["mounts"] = [m for m in b.config["mounts"] if m["type"] not in ("cgroup", "sysfs", "devpts")]
    for name in ("h", "i"):
        (b.rootfs / name).mkdir()
    b.mount("/h", "bind", "/", "rbind")
    b.mount("/i", "bind", "/", "rbind", "rprivate")
    r = run(older, b, version, how=how, prefix=[older, version, how, *as_user(TESTER)] if user == "rootless" else ()).ok()
    assert r.out.startswith("the host's\nthe host's\n")
    assert not [m for m in mounts_of(r.out) if m.source == "tare"]


@pytest.mark.parametrize("version", ["3.10", "5.10"])
def test_a_mount_point_may_have_control_characters(bundle, older, version):
    """mountinfo shows them as they are, but for tab and newline: proc_pid_mountinfo(5). Paths were split at them."""
    bundle.mount("/a\x01b c\x7f\td", "tmpfs", "tmpfs")
    bundle.linux["readonlyPaths"] = ["/proc/bus"]
    run(older, bundle.sh("exit 0"), version).ok()


def test_nothing_of_the_stage_is_left(bundle, older):
    """Where mounts can't be detached, they are made on a tmpfs under the rootfs."""
    bundle.sh("cat /proc/self/mountinfo")
    table = [[(m.target, m.fstype) for m in mounts_of(run(older, bundle, version).ok().out)] for version in ("99.0", "5.10")]
    assert table[0] == table[1]


def test_the_memory_of_a_container_is_counted_in_its_cgroup_from_the_start(bundle, older):
    """Without birth into a cgroup tare-init waits until it is there."""
    bundle.sh("cat /proc/self/cgroup")
    bundle.unlisted("cgroup")
    here = run(older, bundle, "99.0").ok().out
    assert run(older, bundle, "5.4").ok().out == here


# --- without close_range, without setns of a pidfd


@pytest.fixture
def leaky():
    """Descriptors of the host's root, as engines have leaked them (CVE-2024-21626); poll(2) sees the first only."""
    fds = [50, 51, 300]
    for fd, how in zip(fds, (os.O_RDONLY, os.O_PATH, os.O_PATH)):
        opened = os.open("/", how)
        os.dup2(opened, fd)
        os.close(opened)
    yield fds
    for fd in fds:
        os.close(fd)


@pytest.mark.parametrize("version", ["5.2", "5.7", "5.10", "6.18"])
@pytest.mark.parametrize("root", ["pivot", "chroot"])
def test_no_descriptor_of_the_host_is_passed_on(bundle, older, leaky, scratch, version, root):
    if root == "chroot":
        bundle.chroot()
    bundle.process["args"] = ["sleep", "1000"]  # a shell would open some of its own
    bundle.write()

    def descriptors(pid):
        return set(os.listdir(f"/proc/{pid}/fd"))
    command(older, version, "enosys", *bundle.argv("run", "--bundle", bundle.dir, "--detach"), pass_fds=leaky).ok()
    assert descriptors(bundle.pid) == {"0", "1", "2"}
    argv = bundle.argv("exec", "--detach", "--pid-file", scratch / "pid", tail=["sleep", "1000"])
    command(older, version, "enosys", *argv, pass_fds=leaky).ok()
    assert descriptors(read(scratch / "pid")) == {"0", "1", "2"}


@pytest.mark.parametrize("version", ["5.2", "5.7", "6.18"])
def test_exec_joins_what_the_host_owns_beside_a_user_namespace(bundle, older, version):
    with subprocess.Popen(["unshare", "-n", "sleep", "1000"]) as owner:
        try:
            poll(lambda: namespace(owner.pid, "net") != namespace("self", "net"), "the namespace")
            bundle.userns()
            bundle.unlisted("network")
            bundle.linux["namespaces"].append({"type": "network", "path": f"/proc/{owner.pid}/ns/net"})
            bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] in ("/proc", "/dev")]
            bundle.stay().up()
            r = command(older, version, "enosys", *bundle.argv("exec", tail=["sh", "-c", "id -u; readlink /proc/self/ns/net"]))
            assert r.ok().lines == ["0", os.readlink(f"/proc/{owner.pid}/ns/net")]
        finally:
            owner.kill()


# --- the newer mount calls, of which a filter refuses some


MOUNT_CALLS = ["open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr"]
SOME = [[c] for c in MOUNT_CALLS] + [list(pair) for pair in itertools.combinations(MOUNT_CALLS, 2)]


@pytest.mark.parametrize("how", ["enosys", "eperm"])
@pytest.mark.parametrize("missing", SOME, ids="+".join)
@pytest.mark.parametrize("user", ["root", "userns"])
def test_any_of_the_newer_mount_calls_may_be_refused(bundle, older, scratch, missing, how, user):
    """All of them had been refused together, as a kernel before 5.2 does; Incus refuses fsopen and fsconfig alone."""
    for name in ("a", "b", "c"):
        (bundle.rootfs / name).mkdir()
    if user == "userns":
        bundle.userns(100000)
        chown_tree(bundle.rootfs, 100000)
    os.chmod(scratch, 0o777)
    (scratch / "f").write_text("volume\n")
    bundle.mount("/a", "tmpfs", "tmpfs", "size=1m", "mode=700", "nodev")
    bundle.mount("/a", "tmpfs", "tmpfs", "remount", "size=2m", "ro", "nodev")
    bundle.mount("/b", "bind", scratch, "rbind", "ro")
    bundle.mount("/c", "tmpfs", "tmpfs", "silent", "noexec")
    bundle.linux["maskedPaths"] = ["/c", "/proc/keys"]
    bundle.sh("cat /b/f /proc/keys; echo x >/dev/null; cat /proc/self/mountinfo")
    r = run(older, bundle, "99.0", *(f"-{c}" for c in missing), how=how).ok()
    assert r.out.startswith("volume\n")
    table = mounts_of(r.out)
    a = mount_at(table, "/a")
    assert {"ro", "nodev"} <= set(a.options) and "size=2048k" in a.super and "mode=700" in a.super
    assert "ro" in mount_at(table, "/b").options
    assert [("noexec" in m.options, m.fstype) for m in table if m.target == "/c"] == [(True, "tmpfs")] * 2
    assert not [m for m in table if m.source == "tare"]


@pytest.mark.parametrize("without,names", [
    (["-user", "-cgroup", "-time"], "user, cgroup, time"), (["-user", "-cgroup"], "user, cgroup"), (["-cgroup", "-time"], "cgroup, time")])
def test_all_namespaces_that_are_missing_are_named_at_once(bundle, older, without, names):
    """The first one alone had been; so each took a further try."""
    bundle.userns()
    bundle.unlisted("cgroup")
    bundle.linux["namespaces"] += [{"type": "cgroup"}, {"type": "time"}]
    run(older, bundle.sh("true"), "99.0", *without).refused(
        "/linux/namespaces", f"this kernel ({os.uname().release}), or a filter, lacks these namespaces: {names})")
    assert not bundle.exists()


def test_a_refused_procfs_is_put_down_to_a_hidden_one_only_where_that_is_so(bundle):
    """Here times of access are why: a locked noatime allows no other. The hint itself: test_mounts_rootless.py."""
    bundle.userns()
    bundle.sh("true").write()
    # all of them: somebody's chroot may have one, too, and the kernel takes any as its measure
    script = ("awk '$3 == \"proc\" { print $2 }' /proc/self/mounts | sort -u | while read -r at; do"
              ' mount -o remount,bind,noatime "$at"; done; exec "$@"')
    r = command("unshare", "-m", "sh", "-c", script, "sh", *bundle.argv("run", "--bundle", bundle.dir))
    r.refused('mount on "/proc": mount of type proc: operation not permitted\n')
    assert "outer container" not in r.err
