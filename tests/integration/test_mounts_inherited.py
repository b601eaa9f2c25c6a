# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mounts without a mount namespace of the container's own: in the one there is, and taken away again.

They had been refused: that mounts need a namespace of their own is not in the specification, which says that what is not listed MUST be inherited.
"""
import json
import os
import signal
import subprocess

import pytest

from harness import BINARY, command, mount_at, mounts, mounts_of, poll, root_only, tare_only

pytestmark = root_only


@pytest.fixture
def shared(bundle):
    """No mount namespace is listed, but all else that takes one is."""
    bundle.unlisted("mount")
    bundle.linux.pop("rootfsPropagation", None)
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] in ("/proc", "/dev", "/dev/pts")]
    return bundle


def below(bundle, table=None):
    return [m for m in table or mounts() if m.target == str(bundle.rootfs) or m.target.startswith(f"{bundle.rootfs}/")]


def test_mounts_and_covered_paths_are_in_force(shared, scratch):
    (scratch / "f").write_text("volume\n")
    (shared.rootfs / "secret").write_text("secret\n")
    (shared.rootfs / "fixed").mkdir()
    shared.writable()
    shared.linux["maskedPaths"], shared.linux["readonlyPaths"] = ["/secret"], ["/fixed"]
    shared.mount("/t", "tmpfs", "tmpfs", "size=1m", "nodev")
    shared.mount("/v", "bind", scratch, "bind", "ro")
    r = shared.sh("cat /v/f /secret; touch /v/x 2>/dev/null || touch /fixed/x 2>/dev/null || echo both; echo x >/dev/null;"
                  " df -k /t | tail -1 | tr -s ' ' | cut -d' ' -f2; cat /proc/1/cmdline | head -c 2").run().ok()
    assert r.out == "volume\nboth\n1024\nsh"


@tare_only
def test_a_read_only_root_is_read_only_in_the_container_alone(shared):
    shared.stay().config["root"]["readonly"] = True
    shared.sh("touch /x 2>/dev/null || echo read-only; sleep 1000").create().ok()
    shared.start().ok()
    assert "ro" in mount_at(mounts(), str(shared.rootfs)).options
    shared.delete("--force").ok()
    (shared.rootfs / "x").write_text("")


@tare_only
def test_all_of_it_is_one_mount_that_delete_takes_away(shared, scratch):
    before = [(m.target, m.fstype) for m in mounts()]
    shared.mount("/t", "tmpfs", "tmpfs")
    shared.mount("/v", "bind", scratch, "rbind")
    shared.stay().up()
    found = below(shared)
    assert {m.target.removeprefix(str(shared.rootfs)) for m in found} >= {"", "/proc", "/dev", "/dev/pts", "/t", "/v"}
    assert not any(m.shares("shared") for m in found)
    shared.delete("--force").ok()
    assert [(m.target, m.fstype) for m in mounts()] == before


@tare_only
def test_run_takes_it_away_at_its_end(shared):
    shared.sh("exit 3")
    assert shared.run().code == 3
    assert not below(shared)


@tare_only
@pytest.mark.parametrize("why", ["mount", "hook"])
def test_a_create_that_fails_takes_it_away(shared, why):
    if why == "mount":
        shared.mount("/x", "bind", "/no/such", "bind")
    else:
        shared.config["hooks"] = {"createContainer": [{"path": "/bin/false"}]}
    assert shared.create().code == 1
    assert not below(shared) and not shared.exists()


@tare_only
def test_after_a_killed_create_delete_takes_it_away(shared, scratch):
    shared.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"touch {scratch}/there; sleep 1000"]}]}
    with shared.spawn("create") as creator:
        poll(lambda: (scratch / "there").exists(), "the hook")
        assert below(shared)
        creator.send_signal(signal.SIGKILL)
        creator.wait()
    shared.delete("--force").ok()
    assert not below(shared)


@tare_only
def test_a_mount_of_the_engines_on_the_rootfs_stays(shared):
    subprocess.run(["mount", "--bind", shared.rootfs, shared.rootfs], check=True)
    try:
        shared.sh("true").up()
        shared.wait("stopped")
        assert len([m for m in below(shared) if m.target == str(shared.rootfs)]) == 2
        shared.delete().ok()
        assert [m.target for m in below(shared)] == [str(shared.rootfs)]
        shared.up()
        shared.wait("stopped")
        # somebody was faster; of two mounts in one place, -R of this year's umount takes both
        subprocess.run(["umount", "--lazy", shared.rootfs], check=True)
        shared.delete().ok()
        assert [m.target for m in below(shared)] == [str(shared.rootfs)]
    finally:
        subprocess.run(["umount", "-R", shared.rootfs], check=True)


@tare_only
def test_nothing_but_the_rootfs_itself_reaches_peers_of_a_shared_mount(shared, scratch):
    subprocess.run(["mount", "--bind", shared.dir, shared.dir], check=True)
    try:
        subprocess.run(["mount", "--make-shared", shared.dir], check=True)
        subprocess.run(["mount", "--bind", shared.dir, scratch], check=True)  # a peer
        shared.mount("/t", "tmpfs", "tmpfs")
        shared.stay().up()
        assert [m.target for m in mounts() if m.target.startswith(f"{scratch}/")] == [f"{scratch}/rootfs"]
        shared.delete("--force").ok()
        assert not [m.target for m in mounts() if m.target.startswith(f"{scratch}/")]
    finally:
        subprocess.run(["umount", "-R", scratch], check=False)
        subprocess.run(["umount", "-R", shared.dir], check=True)


@tare_only
def test_in_a_namespace_that_is_joined_they_are_in_that_one(shared, bundles):
    with subprocess.Popen(["unshare", "-m", "--propagation", "private", "sleep", "1000"]) as owner:
        try:
            poll(lambda: os.readlink(f"/proc/{owner.pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt"), "the namespace")
            shared.linux["namespaces"].append({"type": "mount", "path": f"/proc/{owner.pid}/ns/mnt"})
            shared.mount("/t", "tmpfs", "tmpfs", "size=1m")
            assert shared.sh("df -k /t | tail -1 | tr -s ' ' | cut -d' ' -f2").run().ok().out == "1024\n"
            assert not below(shared) and below(shared, mounts(owner.pid))
        finally:
            owner.kill()


@tare_only
def test_a_rootfs_that_the_joined_namespace_lacks_is_told_from_one_that_is_missing(shared):
    with subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c",
                           f"mount -t tmpfs over {shared.rootfs} && mount -t tmpfs over {shared.dir} && exec sleep 1000"]) as owner:
        try:
            poll(lambda: len(below(shared, mounts(owner.pid))) == 1, "the namespace")
            poll(lambda: str(shared.dir) in {m.target for m in mounts(owner.pid)}, "the namespace")
            shared.linux["namespaces"].append({"type": "mount", "path": f"/proc/{owner.pid}/ns/mnt"})
            shared.sh("true").run().refused(
                "/root/path", f'open rootfs "{shared.rootfs}": no such file or directory '
                              "(it is looked up in the mount namespace that is joined, which does not have it)")
        finally:
            owner.kill()


@tare_only
def test_a_bare_root_directory_is_not_mounted(bundle):
    bundle.chroot().stay().up()
    assert not below(bundle)


@tare_only
def test_a_link_may_lead_to_the_rootfs(shared):
    (shared.dir / "link").symlink_to("rootfs")
    shared.config["root"]["path"] = "link"
    shared.sh("true").up()
    shared.wait("stopped")
    assert below(shared)
    shared.delete().ok()
    assert not below(shared)


@tare_only
@pytest.mark.parametrize("version", ["5.10", "3.10"])
def test_on_an_older_kernel_it_takes_a_namespace(shared, older, version):
    shared.sh("true").write()
    command(older, version, "enosys", BINARY, "--root", shared.root, "run", "--bundle", shared.dir, shared.id).refused(
        "/root/path", "mounts need a new mount namespace (mounts in that of others came with Linux 5.12; this kernel (")
    assert not below(shared) and not shared.exists()
    checked = json.loads(command(older, version, "enosys", BINARY, "check", "--json", "--bundle", shared.dir).out)
    assert ("no", "/root/path", "mounts in that of others") in [(row["level"], row["place"], row["what"]) for row in checked["rows"]]


@tare_only
def test_exec_is_in_the_same_root(shared):
    shared.mount("/t", "tmpfs", "tmpfs")
    shared.stay().up()
    r = shared.verb("exec", tail=["sh", "-c", "touch /t/x; cat /proc/self/mountinfo"]).ok()
    assert mount_at(mounts_of(r.out), "/t").fstype == "tmpfs" and (shared.rootfs / "t/x").exists()


@tare_only
def test_the_plan_says_how_it_is_undone(shared):
    shared.write()
    r = command(BINARY, "--root", shared.root, "plan", "--json", "--bundle", shared.dir, shared.id).ok()
    steps = {s["operation"]: s["undo"] for s in json.loads(r.out)}
    assert steps["record-mount"] == "unmount" and "chroot" in steps and "pivot-root" not in steps
