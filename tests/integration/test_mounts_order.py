# SPDX-License-Identifier: LGPL-2.1-or-later
"""The container's mounts while it is being made: on root.path in its mount namespace, one after the other.

That mounts are made in their order had been tested by what a program sees at the end only. A source is looked up in that order too, and
hooks see what is there between two steps.
"""
import os
import subprocess

import pytest

from harness import BINARY, IS_TARE, chown_tree, command, mount_at, mounts, mounts_of, root_only, tare_only

pytestmark = root_only
HOST = 100000
STATE_PID = r"""$(tr -d '\n' | sed 's/.*"pid" *: *\([0-9]*\).*/\1/')"""
PATH = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]


@pytest.fixture(params=["root", "userns"])
def either(request, bundle):
    """As root of the host, and in a user namespace of its own."""
    if request.param == "userns":
        bundle.userns(HOST)
        chown_tree(bundle.rootfs, HOST)
    bundle.who = request.param
    (bundle.rootfs / "mnt").mkdir()
    (bundle.rootfs / "x").mkdir()
    return bundle


def run_on(older, bundle, version):
    """As on a kernel of @version; "99.0": on this one."""
    bundle.write()
    return command(older, version, "enosys", BINARY, "--root", bundle.root, "run", "--bundle", bundle.dir, bundle.id)


@pytest.fixture
def volume(scratch):
    (scratch / "sub").mkdir()
    (scratch / "sub/f").write_text("inner\n")
    return scratch


KERNELS = pytest.mark.parametrize("version", ["99.0", "5.10", "3.10"] if IS_TARE else ["99.0"])


# --- hooks


@KERNELS
@pytest.mark.parametrize("name", ["prestart", "createRuntime"])
def test_what_a_hook_mounts_after_entering_by_pid_is_seen_inside(either, older, volume, name, version):
    """As device toolkits do: nsenter -m of the state's pid, then mount at BUNDLE/rootfs."""
    script = (f"P={STATE_PID}; exec nsenter -m -t $P sh -c 'mount --bind {volume}/sub {either.rootfs}/mnt &&"
              f" cut -d\" \" -f5 /proc/self/mountinfo >{volume}/seen'")
    either.config["hooks"] = {name: [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": PATH}]}
    either.sh("cat /mnt/f")
    assert run_on(older, either, version).ok().out == "inner\n"
    seen = (volume / "seen").read_text().split()
    for place in ("", "/proc", "/dev", "/dev/pts", "/mnt"):
        assert f"{either.rootfs}{place}" in seen, place
    assert {m.target for m in mounts()} <= set(seen), "the host's tree is around it"


@KERNELS
def test_a_create_container_hook_sees_what_is_mounted(either, older, volume, version):
    either.mount("/mnt", "bind", volume / "sub", "bind")
    script = f"cat >/dev/null; cat {either.rootfs}/mnt/f >{volume}/seen; test -e {either.rootfs}/proc/self/status"
    either.config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": PATH}]}
    os.chmod(volume, 0o777)
    either.sh("true")
    run_on(older, either, version).ok()
    assert (volume / "seen").read_text() == "inner\n"


def test_nothing_of_it_is_mounted_on_the_host(either):
    before = [(m.target, m.fstype) for m in mounts()]
    either.stay().up()
    assert [(m.target, m.fstype) for m in mounts()] == before


@KERNELS
def test_root_path_may_be_a_mount_point_of_a_shared_mount(either, older, volume, version):
    """pivot_root(2) refuses a new root whose parent is shared, and nothing may travel back to the host."""
    subprocess.run(["mount", "--bind", either.dir, either.dir], check=True)
    try:
        subprocess.run(["mount", "--make-shared", either.dir], check=True)
        subprocess.run(["mount", "--bind", either.rootfs, either.rootfs], check=True)
        before = len(mounts())
        either.mount("/mnt", "tmpfs", "tmpfs")
        either.sh("cat /proc/self/mountinfo")
        table = mounts_of(run_on(older, either, version).ok().out)
        assert mount_at(table, "/mnt").fstype == "tmpfs" and not [m for m in table if str(either.dir) in m.target]
        assert len(mounts()) == before
    finally:
        subprocess.run(["umount", "-R", either.dir], check=True)


# --- sources


@KERNELS
def test_a_source_may_be_in_an_earlier_mount(either, older, volume, version):
    either.mount("/mnt", "bind", volume, "rbind")
    either.mount("/x", "bind", either.rootfs / "mnt/sub", "bind")
    either.mount("/y", "bind", volume, "bind")
    either.sh("cat /x/f; cat /y/sub/f")
    assert run_on(older, either, version).ok().out == "inner\ninner\n"


def test_a_source_may_be_what_an_earlier_mount_made(either):
    """The place of a mount in a tmpfs: no directory of the host has it."""
    either.mount("/mnt", "tmpfs", "tmpfs", "mode=755")
    either.mount("/mnt/made/here", "tmpfs", "tmpfs", "mode=700")
    either.mount("/x", "bind", either.rootfs / "mnt/made", "rbind")
    assert either.sh("stat -c %a /x/here").run().ok().out == "700\n"


def test_a_source_may_lead_into_an_earlier_mount_by_a_link_of_the_host(either, volume):
    (volume / "link").symlink_to(either.rootfs / "mnt")
    (volume / "vol").mkdir()
    (volume / "vol/g").write_text("by a link\n")
    either.mount("/mnt", "bind", volume / "vol", "bind")
    either.mount("/x", "bind", volume / "link", "bind")
    assert either.sh("cat /x/g").run().ok().out == "by a link\n"


def test_a_source_around_the_rootfs_has_the_earlier_mounts_in_it(either, volume):
    either.mount("/mnt", "bind", volume / "sub", "bind")
    either.mount("/x", "bind", either.dir, "rbind")
    assert either.sh("cat /x/rootfs/mnt/f").run().ok().out == "inner\n"


def test_a_source_in_a_mount_that_comes_later_is_what_the_image_has(either, volume):
    (either.rootfs / "mnt/sub").mkdir()
    (either.rootfs / "mnt/sub/f").write_text("the image's\n")
    either.mount("/x", "bind", either.rootfs / "mnt/sub", "bind")
    either.mount("/mnt", "bind", volume, "bind")
    assert either.sh("cat /x/f /mnt/sub/f").run().ok().out == "the image's\ninner\n"


@tare_only
def test_a_source_that_is_missing_in_an_earlier_mount_is_named(either, volume):
    either.mount("/mnt", "bind", volume, "bind")
    either.mount("/x", "bind", either.rootfs / "mnt/none", "bind")
    verb = "bind" if either.who == "root" else "open"
    prefix = 'mount on "/x": ' if either.who == "root" else ""
    either.refused_at(f"/mounts/{len(either.config['mounts']) - 1}",
                      f'{prefix}{verb} "{either.rootfs}/mnt/none": no such file or directory', foreseen=False)


def test_a_source_in_an_earlier_mount_may_be_id_mapped(either, volume):
    os.chown(volume / "sub/f", 5, 6)
    either.mount("/mnt", "bind", volume, "bind")
    m = either.mount("/x", "bind", either.rootfs / "mnt/sub", "bind", "idmap")
    if either.who == "root":
        m["uidMappings"] = m["gidMappings"] = [{"containerID": 0, "hostID": 1000, "size": 100}]
    later = either.mount("/y", "bind", volume, "bind", "idmap")
    later.update({k: m[k] for k in ("uidMappings", "gidMappings") if k in m})
    expected = "1005:1006\n" if either.who == "root" else "5:6\n"
    assert either.sh("stat -c %u:%g /x/f; stat -c %u:%g /y/sub/f").run().ok().out == expected * 2


@tare_only
def test_a_source_that_only_root_reaches_is_opened_for_a_user_namespace(either, volume):
    """Also behind a source that has to wait for its turn, and a rootfs in a directory of root's alone."""
    (volume / "secret").mkdir(mode=0o700)
    (volume / "secret/f").write_text("reached\n")
    os.chmod(volume / "secret", 0o700)
    os.chmod(either.dir, 0o700)
    either.mount("/mnt", "bind", volume, "bind")
    either.mount("/fx", "bind", either.rootfs / "mnt/secret/f", "bind")
    either.mount("/fy", "bind", volume / "secret/f", "bind")
    assert either.sh("cat /fx /fy").run().ok().out == "reached\nreached\n"
