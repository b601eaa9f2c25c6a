# SPDX-License-Identifier: LGPL-2.1-or-later
"""Propagation, tried by real mounts: rootfsPropagation, and volumes that are shared with the host.

All in the box, whose mounts are private: what is shared here is shared with nobody else.
"""
import contextlib
import os
import subprocess

import pytest

from harness import chown_tree, mount_at, mounts, poll, root_only, tare_only

pytestmark = [tare_only, root_only]
CAPS = {k: ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT"] for k in ("bounding", "effective", "permitted")}


@contextlib.contextmanager
def tmpfs(path, *make):
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
    try:
        for word in make:
            subprocess.run(["mount", f"--make-{word}", path], check=True)
        yield path
    finally:
        subprocess.run(["umount", "-R", path], check=True)


@pytest.fixture
def shared(scratch):
    """A shared mount of the host's with an empty directory in it."""
    with tmpfs(scratch, "shared") as path:
        (path / "dir").mkdir()
        yield path


def inside(bundle, *argv):
    """A command in the container's mount namespace, as the host's root."""
    return subprocess.run(["nsenter", "-t", str(bundle.pid), "-m", "--", *argv], check=False, capture_output=True,
                          text=True)


def targets(pid="self"):
    return {m.target for m in mounts(pid)}


# --- volumes. Kubernetes: None is private, HostToContainer is rslave, Bidirectional is rshared


def in_users(bundle):
    bundle.userns(100000)
    chown_tree(bundle.rootfs, 100000)


users_too = pytest.mark.parametrize("users", [False, True], ids=["root", "userns"])


@pytest.mark.parametrize("volume,rootfs", [("rshared", "rshared"), ("rshared", None), ("shared", None),
                                           ("rshared", "shared")])
@users_too
def test_a_mount_made_in_a_shared_volume_is_on_the_host(bundle, shared, volume, rootfs, users):
    bundle.mount("/m", "bind", shared, "rbind", volume)
    if rootfs:
        bundle.linux["rootfsPropagation"] = rootfs
    if users:
        in_users(bundle)
    bundle.stay().up()
    assert inside(bundle, "/bin/mount", "-t", "tmpfs", "inner", "/m/dir").returncode == 0
    assert mount_at(mounts(), str(shared / "dir")).source == "inner"
    assert inside(bundle, "/bin/umount", "/m/dir").returncode == 0
    assert str(shared / "dir") not in targets()


@pytest.mark.parametrize("volume", ["rshared", "rslave", "shared", "slave"])
def test_a_mount_made_on_the_host_is_in_the_volume(bundle, shared, volume):
    bundle.mount("/m", "bind", shared, "rbind", volume)
    bundle.linux["rootfsPropagation"] = volume if volume.startswith("r") else f"r{volume}"
    bundle.stay().up()
    subprocess.run(["mount", "-t", "tmpfs", "outer", shared / "dir"], check=True)
    assert mount_at(bundle.mounts(), "/m/dir").source == "outer"


@pytest.mark.parametrize("volume", ["rprivate", "private", "rslave", "slave", None, "idmap"])
@users_too
def test_a_mount_made_in_another_volume_stays_in_the_container(bundle, shared, volume, users):
    m = bundle.mount("/m", "bind", shared, "rbind", *([volume] if volume else []))
    if volume == "idmap":
        m["uidMappings"] = m["gidMappings"] = [{"containerID": 0, "hostID": 5000, "size": 2000}]
    if users:
        in_users(bundle)
    bundle.stay().up()
    assert inside(bundle, "/bin/mount", "-t", "tmpfs", "inner", "/m/dir").returncode == 0
    assert "/m/dir" in targets(bundle.pid) and str(shared / "dir") not in targets()


@pytest.mark.parametrize("rootfs", [None, "private", "slave", "shared"])
def test_a_slave_volume_gets_the_hosts_mounts_whatever_the_rootfs_is(bundle, shared, rootfs):
    bundle.mount("/m", "bind", shared, "rbind", "rslave")
    if rootfs:
        bundle.linux["rootfsPropagation"] = rootfs
    bundle.stay().up()
    subprocess.run(["mount", "-t", "tmpfs", "outer", shared / "dir"], check=True)
    assert mount_at(bundle.mounts(), "/m/dir").source == "outer"


# --- the rootfs: two binds of it in the container, and whether a mount in one shows in the other


@pytest.mark.parametrize("word,travels", [("shared", True), ("rshared", True), ("slave", False), ("rslave", False),
                                          ("private", False), ("rprivate", False)])
def test_the_rootfs_is_as_rootfs_propagation_says(bundle, word, travels):
    bundle.linux["rootfsPropagation"] = word
    for name in ("copy", "tmp/dir"):
        (bundle.rootfs / name).mkdir()
    bundle.stay().up()
    assert inside(bundle, "/bin/mount", "-o", "bind", "/", "/copy").returncode == 0
    assert inside(bundle, "/bin/mount", "-t", "tmpfs", "inner", "/tmp/dir").returncode == 0
    assert ("/copy/tmp/dir" in targets(bundle.pid)) is travels


@pytest.mark.parametrize("word", ["unbindable", "runbindable"])
def test_an_unbindable_rootfs_cannot_be_bound(bundle, word):
    bundle.linux["rootfsPropagation"] = word
    (bundle.rootfs / "copy").mkdir()
    bundle.stay().up()
    assert inside(bundle, "/bin/mount", "-o", "bind", "/", "/copy").returncode != 0


@pytest.fixture
def shared_rootfs(bundle):
    """The bundle's rootfs as a shared mount of the host's."""
    subprocess.run(["mount", "--bind", bundle.rootfs, bundle.rootfs], check=True)
    subprocess.run(["mount", "--make-shared", bundle.rootfs], check=True)
    (bundle.rootfs / "dir").mkdir()
    yield bundle
    bundle.delete("--force")
    subprocess.run(["umount", "-R", bundle.rootfs], check=True)


@pytest.mark.parametrize("word,receives", [("slave", True), ("rslave", True), ("private", False), ("rprivate", False),
                                           ("shared", False), ("rshared", False), (None, False)])
@users_too
def test_a_slave_rootfs_alone_gets_what_the_host_mounts_in_it(shared_rootfs, word, receives, users):
    """config-linux.md: "shared" is a new peer group, and "does not mean that it's shared with the host". That had only been tried outwards."""
    b = shared_rootfs
    if users:
        in_users(b)
    if word:
        b.linux["rootfsPropagation"] = word
    b.stay().up()
    subprocess.run(["mount", "-t", "tmpfs", "outer", b.rootfs / "dir"], check=True)
    assert ("/dir" in targets(b.pid)) is receives


WORDS = ["shared", "rshared", "slave", "rslave", "private", "rprivate"]
KINDS = {"shared": {"shared"}, "slave": {"master"}, "private": set(), "unbindable": {"unbindable"}}


@pytest.mark.parametrize("rootfs", [*WORDS, "unbindable"])
@pytest.mark.parametrize("word", [*WORDS, "unbindable", "runbindable"])
@users_too
def test_a_mount_has_the_propagation_it_asked_for_whatever_the_rootfs_has(bundle, shared, word, rootfs, users):
    """Each of the two had been tried without the other: set last, that of the rootfs undid what a volume asked for."""
    bundle.linux["rootfsPropagation"] = rootfs
    if users:
        in_users(bundle)
    bundle.mount("/m", "bind", shared, "bind", word)
    bundle.stay().up()
    kinds = {p.split(":")[0] for p in mount_at(bundle.mounts(), "/m").propagation}
    assert kinds == KINDS[word if word in KINDS else word[1:]]
    assert any(p in mount_at(mounts(), str(shared)).propagation for p in mount_at(bundle.mounts(), "/m").propagation) is (
        word.endswith("shared"))


@pytest.mark.parametrize("rootfs,new,volume,below", [
    ("rshared", {"shared"}, {"shared", "master"}, {"shared"}), ("rslave", set(), {"master"}, {"master"}),
    ("rprivate", set(), set(), set()), ("shared", set(), {"master"}, {"master"}), ("private", set(), {"master"}, {"master"})])
def test_a_recursive_word_is_for_mounts_that_say_nothing(shared_rootfs, scratch, rootfs, new, volume, below):
    """A new filesystem, a bind of a shared one, and what was mounted in the rootfs before."""
    b = shared_rootfs
    b.linux["rootfsPropagation"] = rootfs
    (b.rootfs / "below").mkdir()
    with tmpfs(scratch, "shared"), tmpfs(b.rootfs / "below", "shared"):
        b.mount("/v", "bind", scratch, "bind")
        b.stay().up()
        found = [{p.split(":")[0] for p in mount_at(b.mounts(), t).propagation} for t in ("/proc", "/v", "/below")]
        assert found[:2] == [new, volume] and below <= found[2]
        b.delete("--force").ok()


@pytest.mark.parametrize("word", [None, "shared", "rshared", "slave", "rslave", "private", "rprivate"])
@users_too
def test_no_mount_of_the_set_up_shows_in_a_shared_rootfs_on_the_host(shared_rootfs, word, users):
    b = shared_rootfs
    if users:
        in_users(b)
    if word:
        b.linux["rootfsPropagation"] = word
    before = targets()
    b.stay().up()
    assert targets() == before
    assert inside(b, "/bin/mount", "-t", "tmpfs", "inner", "/dir").returncode == 0
    assert targets() == before


# --- recursive attributes over several levels, one of them a bind


def test_recursive_attributes_reach_every_level(bundle, shared, tmp_path_factory):
    for name in ("dir/a", "dir/b"):
        os.makedirs(shared / name)
    with contextlib.ExitStack() as stack:
        stack.enter_context(tmpfs(shared / "dir/a"))
        (shared / "dir/a/deep").mkdir()
        stack.enter_context(tmpfs(shared / "dir/a/deep"))
        subprocess.run(["mount", "--bind", shared / "dir/a", shared / "dir/b"], check=True)
        stack.callback(subprocess.run, ["umount", shared / "dir/b"], check=True)
        bundle.mount("/m", "bind", shared, "rbind", "rprivate", "rro", "rnosuid", "rnodev", "rnoexec", "rnoatime",
                     "rnodiratime", "rnosymfollow")
        bundle.mount("/n", "bind", shared, "rbind", "rprivate", "rrw", "rsymfollow")
        bundle.stay().up()
        table = bundle.mounts()
        want = {"ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"}
        for target in ("/m", "/m/dir/a", "/m/dir/a/deep", "/m/dir/b"):
            assert want <= set(mount_at(table, target).options), target
            assert not want & set(mount_at(table, target.replace("/m", "/n", 1)).options), target
        bundle.delete("--force").ok()
        poll(lambda: not bundle.exists())
