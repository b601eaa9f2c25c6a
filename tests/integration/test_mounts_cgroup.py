# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mounts of type cgroup: what is there in each layout, whose it is, and that the host's stay as they are."""
import os
import pathlib
import subprocess

import pytest

from harness import (LAYOUT, TOKEN, cgroup_mount, cgroup_mounts, chown_tree, mount_at, mounts, mounts_of, tare_only)

pytestmark = [pytest.mark.layouts, tare_only]
HOST = 100000
PURE = cgroup_mount("") == pathlib.Path("/sys/fs/cgroup")
pure_v2 = pytest.mark.skipif(not PURE, reason=f"layout {LAYOUT}: not cgroup v2 alone")
some_v1 = pytest.mark.skipif(PURE or not cgroup_mounts(), reason=f"layout {LAYOUT}: no cgroup v1")
any_v2 = pytest.mark.skipif(cgroup_mount("") is None, reason=f"layout {LAYOUT}: no cgroup v2")


def with_mount(bundle, *options, namespace=True, users=False):
    """The cgroup mount with these options; of all mounts of type cgroup the only one."""
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["type"] != "cgroup"]
    bundle.mount("/sys/fs/cgroup", "cgroup", "cgroup", *options)
    if namespace:
        bundle.linux["namespaces"].append({"type": "cgroup"})
    if users:
        bundle.userns(HOST)
        chown_tree(bundle.rootfs, HOST)
    return bundle


def table(bundle):
    return mounts_of(bundle.sh("cat /proc/self/mountinfo").run().ok().out)


# --- v2


@pure_v2
@pytest.mark.parametrize("options,flag", [(["ro"], "ro"), (["rw"], "rw"), ([], "rw")], ids=str)
@pytest.mark.parametrize("users", [False, True], ids=["root", "userns"])
def test_v2_is_mounted_as_asked(bundle, options, flag, users):
    m = mount_at(table(with_mount(bundle, "nosuid", "noexec", "nodev", *options, users=users)), "/sys/fs/cgroup")
    assert m.fstype == "cgroup2" and m.root == "/"
    assert {flag, "nosuid", "noexec", "nodev"} <= set(m.options)


@pure_v2
@pytest.mark.parametrize("users", [False, True], ids=["root", "userns"])
def test_v2_without_a_cgroup_namespace_shows_all_of_it(bundle, users):
    """As with both peers; that the container's own part is shown had been promised."""
    m = mount_at(table(with_mount(bundle, "ro", namespace=False, users=users)), "/sys/fs/cgroup")
    assert m.fstype == "cgroup2" and m.root == "/" and "ro" in m.options


def host_options():
    return [(m.target, sorted(m.super)) for m in mounts() if m.fstype == "cgroup2"]


@any_v2
@pytest.mark.parametrize("how", ["new", "none", "host's"])
@pytest.mark.parametrize("options", [["ro"], ["rw"], ["ro", "nsdelegate", "memory_recursiveprot"], ["favordynmods"]],
                         ids=",".join)
def test_the_options_of_the_hosts_cgroup2_stay(bundle, how, options):
    before = host_options()
    with_mount(bundle, *options, namespace=how == "new")
    if how == "host's":
        bundle.linux["namespaces"].append({"type": "cgroup", "path": "/proc/self/ns/cgroup"})
    bundle.sh("true").run().ok()
    after = host_options()
    if after != before:  # all of the machine has them
        for target, words in before:
            subprocess.run(["mount", "-o", ",".join(["remount", *words]), target], check=False)
    assert after == before


# --- whose it is


def delegate():
    path = pathlib.Path("/sys/kernel/cgroup/delegate")
    return path.read_text().split() if path.exists() else ["cgroup.procs", "cgroup.subtree_control",
                                                           "cgroup.threads"]


def owners(bundle):
    """{name: uid} of the files of the container's cgroup; "" is the directory."""
    top = cgroup_mount("") / TOKEN / bundle.id
    return {"": os.stat(top).st_uid, **{n: os.stat(top / n).st_uid for n in os.listdir(top)
                                        if not (top / n).is_dir()}}


def assert_given(bundle, uid):
    given = {"", *delegate()}
    for name, owner in owners(bundle).items():
        assert owner == (uid if name in given else 0), name


@pure_v2
@pytest.mark.parametrize("user,owner", [(0, HOST), (7, HOST + 7)])
def test_a_writable_cgroup_belongs_to_the_containers_user(bundle, user, owner):
    with_mount(bundle, "rw", users=True).process["user"] = {"uid": user, "gid": 0}
    bundle.stay().create().ok()
    assert_given(bundle, owner)


@pure_v2
def test_it_belongs_to_the_user_without_a_user_namespace_too(bundle):
    with_mount(bundle).process["user"] = {"uid": 1000, "gid": 1000}
    bundle.stay().create().ok()
    assert_given(bundle, 1000)


@pure_v2
def test_it_belongs_to_the_user_of_a_joined_user_namespace(bundles):
    first, second = bundles("sleep 1000"), bundles("sleep 1000")
    first.userns(HOST)
    chown_tree(first.rootfs, HOST)
    first.up()
    chown_tree(second.rootfs, HOST)
    with_mount(second, "rw")
    second.linux["namespaces"].append({"type": "user", "path": f"/proc/{first.pid}/ns/user"})
    second.create().ok()
    assert_given(second, HOST)


@pure_v2
@pytest.mark.parametrize("options,namespace", [(["ro"], True), (["rro"], True), (["rw"], False)])
def test_a_cgroup_that_is_not_handed_on_stays_roots(bundle, options, namespace):
    with_mount(bundle, *options, namespace=namespace, users=True).stay().create().ok()
    assert set(owners(bundle).values()) == {0}


@pure_v2
def test_a_cgroup_without_a_mount_of_it_stays_roots(bundle):
    with_mount(bundle, "rw", users=True)
    bundle.config["mounts"][-1]["destination"] = "/elsewhere"
    bundle.stay().create().ok()
    assert set(owners(bundle).values()) == {0}


@pure_v2
def test_the_container_can_make_cgroups_in_its_own(bundle):
    with_mount(bundle, "rw", users=True)
    script = """cd /sys/fs/cgroup && mkdir sub && echo $$ >sub/cgroup.procs && cat /proc/self/cgroup
        echo 0 >cgroup.procs && rmdir sub && echo done"""
    r = bundle.sh(script).run().ok()
    assert r.lines[-1] == "done" and any(line.endswith(":/sub") for line in r.lines)


@pure_v2
def test_an_owner_that_is_not_mapped_is_an_error(bundle):
    with_mount(bundle, "rw", users=True).process["user"] = {"uid": 70000, "gid": 0}
    assert bundle.run().code == 1


@some_v1
def test_on_v1_the_cgroups_stay_roots(bundle):
    with_mount(bundle, "rw", users=True).stay().create().ok()
    for top in cgroup_mounts():
        own = top / TOKEN / bundle.id
        assert {os.stat(own).st_uid, *(os.stat(own / n).st_uid for n in os.listdir(own))} == {0}


# --- v1


def expected():
    """{directory: type} of a v1 or hybrid host."""
    found = {}
    for m in mounts():
        if m.fstype == "cgroup2":
            found["unified"] = "cgroup2"
        elif m.fstype == "cgroup":
            found[os.path.basename(m.target)] = "cgroup"
    return found


@some_v1
@pytest.mark.parametrize("namespace", [True, False], ids=["namespace", "bound"])
@pytest.mark.parametrize("flag", ["ro", "rw"])
def test_v1_has_a_directory_for_each_hierarchy(bundle, namespace, flag):
    t = table(with_mount(bundle, "nosuid", "noexec", "nodev", flag, namespace=namespace))
    top = mount_at(t, "/sys/fs/cgroup")
    assert top.fstype == "tmpfs" and flag in top.options
    for name, fstype in expected().items():
        m = mount_at(t, f"/sys/fs/cgroup/{name}")
        assert m.fstype == fstype and {flag, "nosuid", "noexec", "nodev"} <= set(m.options), name
        # a hierarchy's mount shows the namespace's root, a bind the container's directory
        assert m.root == "/" if namespace else m.root.endswith(f"/{TOKEN}/{bundle.id}"), m.root


@some_v1
@pytest.mark.parametrize("namespace", [True, False], ids=["namespace", "bound"])
def test_a_named_hierarchy_shows_the_containers_own(bundle, namespace):
    if cgroup_mount("systemd") is None:
        pytest.skip("no name=systemd here")
    with_mount(bundle, "rw", namespace=namespace)
    r = bundle.sh("cat /sys/fs/cgroup/systemd/cgroup.procs; echo $$; mkdir /sys/fs/cgroup/systemd/sub && "
                  "rmdir /sys/fs/cgroup/systemd/sub && echo made").run().ok()
    assert "1" in r.lines and r.lines[-1] == "made"


@some_v1
@pytest.mark.parametrize("namespace", [True, False], ids=["namespace", "bound"])
def test_a_read_only_hierarchy_cannot_be_changed(bundle, namespace):
    r = with_mount(bundle, "ro", namespace=namespace).sh(
        "for d in /sys/fs/cgroup/*/; do mkdir $d/sub && echo made; done; mkdir /sys/fs/cgroup/x && echo made").run()
    assert "made" not in r.out


@some_v1
def test_v1_in_a_user_namespace(bundle):
    t = table(with_mount(bundle, "ro", users=True))
    for name in expected():
        assert "ro" in mount_at(t, f"/sys/fs/cgroup/{name}").options


def test_a_link_at_the_place_of_cgroups_stays_in_the_rootfs(bundle, scratch):
    if not cgroup_mounts():
        pytest.skip("no cgroup file system")
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/sys"]
    (bundle.rootfs / "sys/fs").mkdir()
    (bundle.rootfs / "sys/fs/cgroup").symlink_to(scratch)
    with_mount(bundle, "rw").sh("mkdir /sys/fs/cgroup/sub; true").run()
    assert os.listdir(scratch) == []
