# SPDX-License-Identifier: LGPL-2.1-or-later
"""What only looks like it: null devices, consoles, procfs (docs/REQUIREMENTS.md, 3, 4, 10)."""
import os
import stat

import pytest

from canary import CONTENT
from harness import (ConsoleSocket, RUNTIME, assert_same_host, command, finish, mount_at, mounts_of, poll, read, read_fd, rt_argv,
                     snapshot, spawn, tare_only)

pytestmark = tare_only


def fake(path, kind, canary):
    if kind == "link inside":
        path.symlink_to("/secret")
    elif kind == "link to the host":
        path.symlink_to(canary.top / "secret")
    elif kind == "regular file":
        path.write_text("of the image")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "zero device":
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    elif kind == "directory":
        path.mkdir()
    elif kind == "block device":
        os.mknod(path, stat.S_IFBLK | 0o666, os.makedev(1, 3))


FAKES = ["link inside", "link to the host", "regular file", "fifo", "zero device", "directory", "block device", "nothing"]


def without_dev(bundle):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]


@pytest.mark.parametrize("where", ["volume", "image"])
@pytest.mark.parametrize("kind", FAKES)
def test_a_null_device_of_others_masks_nothing_and_is_nobodys_stdio(bundle, canary, scratch, kind, where):
    """CVE-2025-31133, CVE-2026-88265: with /dev/null as stdin, stdout and stderr of the caller, too."""
    dev = bundle.rootfs / "dev"
    if where == "volume":
        dev = scratch / "dev"
        dev.mkdir()
        without_dev(bundle)
        bundle.mount("/dev", "bind", dev, "bind")
    else:
        without_dev(bundle)
    (bundle.rootfs / "secret").write_text("secret of the image\n")
    (bundle.rootfs / "masked").write_text("to be masked\n")
    os.chown(bundle.rootfs / "secret", 11, 22)
    fake(dev / "null", kind, canary)
    was = os.lstat(dev / "null") if kind != "nothing" else None
    bundle.linux["maskedPaths"] = ["/masked", "/proc/kcore", "/proc/sysrq-trigger"]
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.writable().sh("cat /masked; echo written >>/masked; cat /proc/self/mountinfo").write()
    before = snapshot()
    with open(os.devnull, "r+b") as null:
        finish(spawn(bundle.argv("run", "--bundle", bundle.dir), stdin=null, stdout=null, stderr=null), timeout=10)
    r = bundle.run(timeout=10)
    if r.code == 0:
        assert "secret of the image" not in r.out and CONTENT not in r.out and "to be masked" not in r.out, r
        assert mount_at(mounts_of(r.out), "/masked").root == "/null", r
    else:
        r.refused("null")
    assert (bundle.rootfs / "secret").read_text() == "secret of the image\n"
    assert (bundle.rootfs / "masked").read_text() == "to be masked\n"
    owner = os.stat(bundle.rootfs / "secret")
    assert (owner.st_uid, owner.st_gid) == (11, 22)
    if was:
        now = os.lstat(dev / "null")
        assert [getattr(now, n) for n in ("st_mode", "st_uid", "st_gid", "st_rdev", "st_size")] == \
            [getattr(was, n) for n in ("st_mode", "st_uid", "st_gid", "st_rdev", "st_size")]
    assert os.stat("/dev/null").st_rdev == os.makedev(1, 3)
    assert_same_host(before)


def test_the_owner_of_the_callers_stdout_stays(bundle, scratch):
    for uid in (0, 1000):
        bundle.process["user"] = {"uid": uid, "gid": uid}
        with open(scratch / "out", "wb") as out:
            os.fchown(out.fileno(), 12, 34)
            finish(spawn(bundle.sh("echo out; echo err >&2").write().argv("run", "--bundle", bundle.dir), stdout=out, stderr=out))
        st = os.stat(scratch / "out")
        assert (st.st_uid, st.st_gid) == (12, 34)
        assert (scratch / "out").read_text() == "out\nerr\n"


@pytest.mark.parametrize("kind", FAKES)
@pytest.mark.parametrize("name", ["console", "ptmx", "pts/ptmx", "pts/0", "tty"])
def test_a_terminal_is_the_pty_that_was_made(bundle, canary, scratch, kind, name):
    """CVE-2025-52565, CVE-2026-88264: no devpts in the container, and something else at its places."""
    without_dev(bundle)
    (bundle.rootfs / "dev/pts").mkdir()
    fake(bundle.rootfs / "dev" / name, kind, canary)
    (bundle.rootfs / "secret").write_text("secret")
    bundle.process["terminal"] = True
    bundle.writable().sh("tty; readlink /proc/self/fd/0; echo done")
    before = snapshot()
    console = ConsoleSocket(str(scratch / "console.sock"))
    r = bundle.create("--console-socket", console.path, timeout=10)
    if r.code == 0:
        _, (master,), _ = console.receive()
        bundle.start(timeout=10).ok()
        text = read_fd(master, "done")
        assert "done" in text, text
        os.close(master)
    else:
        assert r.err.count("\n") == 1 and not bundle.exists(), r
    bundle.delete("--force").ok()
    console.close()
    assert (bundle.rootfs / "secret").read_text() == "secret"
    assert_same_host(before)


# --- procfs

PROC = ["/proc", "/proc/self", "/proc/sys", "/proc/self/attr", "/proc/sys/net/ipv4", "/proc/1/attr", "/proc/sysrq-trigger",
        "/proc/./sys", "//proc/sys", "/x/../proc/sys", "proc/sys", "/proc/sys/"]


@pytest.fixture
def fake_proc(canary, scratch):
    """A directory whose leaves are links to the canary, or plain files."""
    top = scratch / "fake"
    for name in ("sys/net/ipv4", "sys/kernel", "self/attr", "net/ipv4", "ipv4", "attr", "kernel", "1/attr"):
        (top / name).mkdir(parents=True)
        (top / name / "ip_forward").symlink_to(canary.top / "secret")
        (top / name / "exec").symlink_to(canary.top / "secret")
        (top / name / "msgmax").write_text("of the fake")
    for name in ("ip_forward", "exec", "oom_score_adj", "uid_map"):
        (top / name).symlink_to(canary.top / "secret")
    return top


@pytest.mark.parametrize("how", ["bind", "rbind", "tmpfs"])
@pytest.mark.parametrize("destination", PROC)
def test_nothing_is_mounted_over_procfs(bundle, canary, fake_proc, destination, how):
    """CVE-2019-16884, CVE-2025-52881: with a sysctl and an oom score to be set."""
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4321"}
    bundle.process["oomScoreAdj"] = 100
    if how == "tmpfs":
        bundle.mount(destination, "tmpfs", "tmpfs")
    else:
        bundle.mount(destination, "bind", fake_proc, how)
    before = read("/proc/sys/net/ipv4/ip_forward"), read("/proc/sys/kernel/msgmax"), snapshot()
    bundle.run().refused(f"/mounts/{len(bundle.config['mounts']) - 1}", "/proc" if destination.startswith("/") else "proc")
    assert (read("/proc/sys/net/ipv4/ip_forward"), read("/proc/sys/kernel/msgmax")) == before[:2]
    assert_same_host(before[2])


@pytest.mark.parametrize("link,destination", [("/proc", "/x/sys"), ("/proc/sys", "/x"), ("/proc/self/attr", "/x"),
                                              ("../../proc/sys/net", "/x/ipv4"), ("/proc/sysrq-trigger", "/x"), ("/proc", "/x/1/attr")])
def test_nothing_is_mounted_over_procfs_by_a_link_of_the_image(bundle, canary, fake_proc, link, destination):
    (bundle.rootfs / "x").symlink_to(link)
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    bundle.process["oomScoreAdj"] = 100
    bundle.mount(destination, "bind", fake_proc if link != "/proc/sysrq-trigger" else fake_proc / "kernel/msgmax", "bind")
    before = snapshot()
    bundle.sh("cat /proc/self/mountinfo").run().refused(f"/mounts/{len(bundle.config['mounts']) - 1}", destination)
    assert_same_host(before)


def test_a_procfs_elsewhere_may_be_mounted_over(bundle, scratch):
    """As a container that makes containers does; no link in the way."""
    bundle.mount("/inner", "proc", "proc")
    bundle.mount("/inner/sys", "tmpfs", "tmpfs", "ro")
    table = mounts_of(bundle.sh("cat /proc/self/mountinfo").run().ok().out)
    assert mount_at(table, "/inner/sys").fstype == "tmpfs"


# --- what guards the host


def test_no_abstract_sockets_and_no_set_id(bundle, scratch):
    """A waiting container and a running one: CVE-2020-15257; and nobody has to trust a set-uid program."""
    def abstract():
        with open("/proc/net/unix", encoding="utf8") as f:
            return {line.split()[7] for line in f if len(line.split()) > 7 and line.split()[7].startswith("@")}
    before = abstract()
    bundle.stay().create().ok()
    assert abstract() <= before
    bundle.start().ok()
    assert abstract() <= before
    assert not os.stat(RUNTIME).st_mode & (stat.S_ISUID | stat.S_ISGID)


HOSTILE_LISTEN = [{"LISTEN_FDS": n, "LISTEN_PID": p} for n in ("1", "-1", "99999999999999999999", "x", "2147483647", "", "1 ", "0x3")
                  for p in ("self", "1", "-1", "x", "")]


def test_listen_fds_of_others_are_not_believed(bundle):
    bundle.sh("env | grep ^LISTEN; ls /proc/self/fd | tr '\\n' ' '").write()
    for wanted in HOSTILE_LISTEN:
        argv = rt_argv("run", "--bundle", bundle.dir, bundle.id)
        words = " ".join(f"'{a}'" for a in map(str, argv))
        script = f"export LISTEN_FDS='{wanted['LISTEN_FDS']}' LISTEN_PID=" + \
            ("$$" if wanted["LISTEN_PID"] == "self" else f"'{wanted['LISTEN_PID']}'") + f"; exec {words}"
        r = command("sh", "-c", script, timeout=10)
        assert r.code in (0, 1), (wanted, r)
        if r.code == 0 and wanted["LISTEN_PID"] != "self":
            assert set(r.out.split()) <= {"0", "1", "2", "3"}, (wanted, r)
        poll(lambda: not bundle.exists())
