# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices where mknod(2) is refused: made by tare and handed in, or the host's own, bound. And nodes that the image brings."""
import os
import stat

import pytest

from harness import BINARY, IS_TARE, TESTER, as_user, chown_tree, command, mounts_of, root_only, tare_only

pytestmark = root_only
# Also in the VM: before Linux 6.15 the tmpfs with the nodes must be attached, which no filter of system calls can imitate.
OLD_COPIES = pytest.mark.layouts
HOST = 100000
DEFAULT = ["null", "zero", "full", "random", "urandom", "tty"]


def device(path, major, minor, kind="c", mode=0o666, **owner):
    return {"path": path, "type": kind, "major": major, "minor": minor, "fileMode": mode, **owner}


@pytest.fixture
def mapped(bundle):
    bundle.userns(HOST)
    chown_tree(bundle.rootfs, HOST)
    return bundle


def run_on(older, bundle, version, *without):
    bundle.write()
    return command(older, version, "enosys", *without, BINARY, "--root", bundle.root, "run", "--bundle", bundle.dir, bundle.id)


# --- in a user namespace, where tare has the right


@pytest.mark.parametrize("path", ["/dev/foo", "/dev/deep/er/zero", "/opt/zero", "/zero"])
def test_a_device_may_have_any_path(mapped, path):
    """Only nodes of the host's own paths had been tried."""
    mapped.linux["devices"] = [device(path, 1, 5)]
    assert mapped.sh(f"head -c 2 {path} | wc -c; stat -c %F {path}").run().ok().out == "2\ncharacter special file\n"


@tare_only
@pytest.mark.parametrize("version", ["99.0", "5.10", "5.4"])
@pytest.mark.parametrize("mode,uid,gid", [(0o640, 1, 2), (0o600, 0, 0), (0o4755, 65535, 65535), (0, 1000, 0)])
@pytest.mark.parametrize("path", ["/dev/full", "/dev/foo"])
def test_mode_and_owner_are_those_of_the_config(mapped, older, path, mode, uid, gid, version):
    """They had been the host's: fileMode, uid and gid were only tried where mknod(2) is allowed."""
    mapped.linux["devices"] = [device(path, 1, 7, mode=mode, uid=uid, gid=gid)]
    mapped.sh(f"stat -c '%a %u:%g %t:%T' {path}; cat /proc/self/mountinfo")
    r = run_on(older, mapped, version).ok()
    assert r.lines[0] == f"{mode:o} {uid}:{gid} 1:7"
    assert not [m for m in mounts_of(r.out) if m.source == "tare"]


@tare_only
@pytest.mark.parametrize("version", ["99.0", "5.10", "5.4"])
def test_devices_in_a_map_without_root_are_its_users(mapped, older, version):
    mapped.linux["devices"] = [device("/dev/foo", 1, 5), device("/dev/bar", 1, 5, uid=1003, gid=1004)]
    for key in ("uidMappings", "gidMappings"):
        mapped.linux[key] = [{"containerID": 1000, "hostID": HOST, "size": 10}]
    mapped.process["user"] = {"uid": 1001, "gid": 1002}
    r = run_on(older, mapped.sh("stat -c %u:%g /dev/null /dev/foo /dev/bar"), version).ok()
    assert r.lines == ["1001:1002", "1001:1002", "1003:1004"]


def test_the_callers_umask_does_not_matter(mapped):
    mapped.linux["devices"] = [device("/dev/foo", 1, 5)]
    old = os.umask(0o77)
    try:
        assert mapped.sh("stat -c %a /dev/foo /dev/null").run().ok().out == "666\n666\n"
    finally:
        os.umask(old)


@pytest.mark.parametrize("kind,numbers", [("c", (4000, 77)), ("b", (4000, 1000000))])
def test_numbers_that_the_host_does_not_have_are_made_too(mapped, kind, numbers):
    mapped.linux["devices"] = [device("/dev/foo", *numbers, kind)]
    r = mapped.sh("stat -c '%F %t:%T' /dev/foo").run().ok()
    assert r.out == f"{'character' if kind == 'c' else 'block'} special file {numbers[0]:x}:{numbers[1]:x}\n"
    if IS_TARE:
        assert "the host has no device" not in command(*mapped.argv("check", "--bundle", mapped.dir)[:-1]).out


@tare_only
def test_an_owner_that_is_not_mapped_is_an_error(mapped):
    mapped.linux["devices"] = [device("/dev/zero", 1, 5), device("/dev/foo", 1, 5, gid=70000)]
    mapped.refused_at("/linux/devices/1", 'device "/dev/foo": group 70000 is not mapped in the user namespace')


@pytest.mark.parametrize("version", ["99.0", "5.10", "4.19"] if IS_TARE else ["99.0"])
def test_bound_nodes_are_neither_set_user_id_nor_programs(mapped, older, version):
    mapped.linux["devices"] = [device("/opt/zero", 1, 5)]
    table = mounts_of(run_on(older, mapped.sh("cat /proc/self/mountinfo"), version).ok().out)
    nodes = [m for m in table if m.target in ("/opt/zero", *(f"/dev/{n}" for n in DEFAULT))]
    assert len(nodes) == 7 and all({"nosuid", "noexec"} <= set(m.options) for m in nodes), nodes
    assert not any("nodev" in m.options for m in nodes)


@OLD_COPIES
def test_the_default_devices_work_and_are_for_everybody(mapped):
    mapped.process["user"] = {"uid": 7, "gid": 7}
    r = mapped.sh("echo x >/dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; echo x >/dev/full;"
                  f" stat -c %a:%u:%g {' '.join(f'/dev/{n}' for n in DEFAULT)}").run()
    assert r.lines == ["3", "3", *["666:0:0"] * 6], r


@tare_only
@OLD_COPIES
def test_nothing_of_where_they_were_made_is_left(mapped):
    mapped.sh("cat /proc/self/mountinfo").mount("/h", "bind", "/", "rbind")
    table = mounts_of(mapped.run().ok().out)
    assert {m.target for m in table if m.source == "devices"} == {f"/dev/{n}" for n in DEFAULT}


@tare_only
@OLD_COPIES
def test_a_joined_user_namespace_has_them_too(mapped, bundles):
    mapped.stay().up()
    b = bundles("stat -c '%a %u:%g' /dev/foo")
    chown_tree(b.rootfs, HOST)
    b.linux["namespaces"].append({"type": "user", "path": f"/proc/{mapped.pid}/ns/user"})
    b.config["mounts"] = [m for m in b.config["mounts"] if m["destination"] in ("/proc", "/dev")]
    b.linux["devices"] = [device("/dev/foo", 1, 5, mode=0o640, uid=3, gid=4)]
    assert b.run().ok().out == "640 3:4\n"


@tare_only
def test_a_source_that_waits_for_its_turn_may_come_before(mapped, scratch):
    (scratch / "sub").mkdir()
    mapped.mount("/mnt", "bind", scratch, "bind")
    mapped.mount("/x", "bind", mapped.rootfs / "mnt/sub", "bind")
    mapped.linux["devices"] = [device("/dev/foo", 1, 5, mode=0o640)]
    assert mapped.sh("stat -c %a /dev/foo").run().ok().out == "640\n"


# --- where nobody has the right: the host's own are bound


@tare_only
@pytest.mark.parametrize("path", ["/dev/zero", "/dev/foo"])
def test_on_an_older_kernel_the_hosts_node_is_bound_wherever_it_has_it(mapped, older, path):
    mapped.linux["devices"] = [device(path, 1, 5)]
    assert run_on(older, mapped.sh(f"head -c 2 {path} | wc -c"), "4.19").ok().out == "2\n"


@tare_only
def test_a_device_that_the_host_lacks_is_named_there(mapped, older):
    mapped.linux["devices"] = [device("/dev/foo", 4000, 77)]
    run_on(older, mapped, "4.19").refused("/linux/devices/0", 'device "/dev/foo": the host has no such device')


@tare_only
@pytest.mark.parametrize("users", ["root", "userns"])
def test_where_mknod_is_refused_to_root_too_the_hosts_is_bound(bundle, older, users):
    """As a filter of an outer container does it (`mknod` of devices: EPERM), or a cgroup."""
    if users == "userns":
        bundle.userns(HOST)
        chown_tree(bundle.rootfs, HOST)
    bundle.linux["devices"] = [device("/dev/foo", 1, 5)]
    bundle.sh("head -c 2 /dev/foo | wc -c; cat /proc/self/mountinfo")
    r = run_on(older, bundle, "99.0", "-mknodat").ok()
    nodes = [m for m in mounts_of(r.out) if m.target in ("/dev/foo", "/dev/null")]
    assert r.lines[0] == "2" and len(nodes) == 2 and all({"nosuid", "noexec"} <= set(m.options) for m in nodes)


@tare_only
@pytest.mark.parametrize("mode,warned", [(0o640, True), (0o666, False)])
def test_a_host_node_that_allows_more_than_was_asked_for_is_told(bundle, older, mode, warned):
    bundle.linux["devices"] = [device("/dev/foo", 1, 5, mode=mode)]
    r = run_on(older, bundle.sh("stat -c %a /dev/foo"), "99.0", "-mknodat").ok()
    assert r.out == "666\n"
    assert r.err == warned * ('tare: warning: /linux/devices/0: device "/dev/foo" is the host\'s node, with its mode 0666 and its owner '
                              "(mknod(2) is refused here, or detached mounts are (Linux before 5.2))\n")


@tare_only
def test_an_ordinary_user_gets_the_hosts_at_any_path(bundles):
    b = bundles(user=TESTER)
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] not in ("network", "cgroup")]
    b.linux["namespaces"].append({"type": "user"})
    b.linux["uidMappings"] = b.linux["gidMappings"] = [{"containerID": 0, "hostID": TESTER, "size": 1}]
    b.linux.pop("resources", None)
    b.config["mounts"] = [m for m in b.config["mounts"] if m["destination"] in ("/proc", "/dev")]
    b.linux["devices"] = [device("/dev/foo", 1, 5)]
    b.sh("head -c 2 /dev/foo | wc -c").write()
    r = command(*as_user(TESTER), BINARY, "--root", b.root, "run", "--bundle", b.dir, b.id)
    assert r.ok().out == "2\n"


# --- a node that the image brought


def brought(bundle, numbers, mode=0o666, owner=1000, kind=stat.S_IFCHR, name="zero"):
    path = bundle.rootfs / "opt" / name
    path.parent.mkdir(exist_ok=True)
    os.mknod(path, kind | mode, os.makedev(*numbers))
    os.chmod(path, mode)
    os.chown(path, owner, owner)
    return path


@tare_only
@pytest.mark.parametrize("users", ["root", "userns"])
@pytest.mark.parametrize("mode,uid,gid", [(0o600, 0, 0), (0o4711, 5, 6), (0o666, 1000, 1000)])
def test_a_device_of_the_image_gets_mode_and_owner_of_the_config(bundle, users, mode, uid, gid):
    """It was accepted as it was: an image could open a device that the engine wanted at 0600."""
    brought(bundle, (1, 5))
    if users == "userns":
        bundle.userns(HOST)
        chown_tree(bundle.rootfs, HOST)
    bundle.linux["devices"] = [device("/opt/zero", 1, 5, mode=mode, uid=uid, gid=gid)]
    assert bundle.sh("stat -c '%a %u:%g' /opt/zero").run().ok().out == f"{mode:o} {uid}:{gid}\n"


@tare_only
def test_a_fifo_of_the_image_does_too(bundle):
    brought(bundle, (0, 0), kind=stat.S_IFIFO, name="fifo")
    bundle.linux["devices"] = [{"path": "/opt/fifo", "type": "p", "fileMode": 0o600, "uid": 0, "gid": 0}]
    assert bundle.sh("stat -c '%a %u:%g' /opt/fifo").run().ok().out == "600 0:0\n"


@tare_only
def test_a_default_device_of_the_image_is_left_as_it_is(bundle):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] == "/proc"]
    bundle.writable()
    path = bundle.rootfs / "dev/null"
    os.mknod(path, stat.S_IFCHR | 0o620, os.makedev(1, 3))
    os.chmod(path, 0o620)
    assert bundle.sh("stat -c %a /dev/null").run().ok().out == "620\n"


@tare_only
@pytest.mark.parametrize("users", ["root", "userns"])
def test_another_device_of_the_image_is_refused(bundle, users):
    brought(bundle, (1, 7))
    if users == "userns":
        bundle.userns(HOST)
        chown_tree(bundle.rootfs, HOST)
    bundle.linux["devices"] = [device("/opt/zero", 1, 5)]
    bundle.refused_at("/linux/devices/0", 'device "/opt/zero": another device (1:7) is there already')
    assert os.stat(bundle.rootfs / "opt/zero").st_rdev == os.makedev(1, 7)
