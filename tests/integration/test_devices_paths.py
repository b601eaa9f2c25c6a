# SPDX-License-Identifier: LGPL-2.1-or-later
"""Default devices and /dev links, linux.devices, maskedPaths, readonlyPaths, sysctl."""
import os
import stat

import pytest

from harness import IS_TARE, chown_tree, mount_at, mounts_of, read, tare_only

DEFAULT = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


def inside(bundle, path):
    """lstat of @path in a running container."""
    return os.lstat(f"/proc/{bundle.pid}/root{path}")


# --- defaults


def test_the_default_devices_are_there(bundle):
    bundle.stay().create().ok()
    for name, number in DEFAULT.items():
        s = inside(bundle, f"/dev/{name}")
        assert stat.S_ISCHR(s.st_mode) and stat.S_IMODE(s.st_mode) == 0o666, name
        assert (os.major(s.st_rdev), os.minor(s.st_rdev)) == number, name
        assert (s.st_uid, s.st_gid) == (0, 0), name


@pytest.mark.parametrize("name,target", [
    ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx")])
def test_a_default_link_is_there(bundle, name, target):
    assert bundle.sh(f"readlink /dev/{name}").run().ok().out == f"{target}\n"


@pytest.mark.parametrize("name", ["fd", "stdin", "stderr", "core"])
def test_a_device_of_the_config_stays_where_a_default_link_would_be(bundle, name):
    """The link had replaced it. runc and crun leave what is there."""
    bundle.linux["devices"] = [{"type": "c", "path": f"/dev/{name}", "major": 1, "minor": 5}]
    r = bundle.sh(f"test -c /dev/{name} && stat -c %t:%T /dev/{name}").run().ok()
    assert r.out == "1:5\n"


@pytest.mark.parametrize("kind", ["tmpfs", "directory", "file"])
def test_a_mount_of_the_config_stays_where_a_default_link_would_be(bundle, scratch, kind):
    """It had been an error: the link could not be made."""
    (scratch / "f").write_text("mine")
    if kind == "tmpfs":
        bundle.mount("/dev/stdin", "tmpfs", "tmpfs")
    else:
        bundle.mount("/dev//stdin", "bind", scratch / "f" if kind == "file" else scratch, "bind")
    r = bundle.sh("cat /proc/self/mountinfo; readlink /dev/stdin || echo none").run().ok()
    assert r.lines[-1] == "none" and "/dev/stdin" in [m.target for m in mounts_of(r.out)]


def test_the_default_devices_work(bundle):
    r = bundle.sh("echo x >/dev/null; dd if=/dev/zero bs=4 count=1 2>/dev/null | wc -c;"
                  " dd if=/dev/urandom bs=4 count=1 2>/dev/null | wc -c; echo y >/dev/full; echo $?;"
                  " echo out >>/dev/stdout").run().ok()
    assert r.lines == ["4", "4", "1", "out"]


def test_null_is_the_hosts_even_if_the_image_has_a_file_there(bundle):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/dev"]
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev/")]
    bundle.writable()
    os.mknod(bundle.rootfs / "dev/null", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    r = bundle.sh("cat /proc/self/mountinfo").run()
    # either the wrong device is refused or it was replaced: never used for a mask
    if r.code == 0:
        assert not [m for m in mounts_of(r.out) if m.target == "/proc/kcore" and m.root == "/zero"]


# --- linux.devices


@pytest.mark.parametrize("kind,mode_bit", [("c", stat.S_IFCHR), ("u", stat.S_IFCHR), ("b", stat.S_IFBLK)])
def test_a_device_is_made_as_listed(bundle, kind, mode_bit):
    bundle.linux["devices"] = [{"type": kind, "path": "/dev/mine", "major": 7, "minor": 300,
                                "fileMode": 0o640, "uid": 5, "gid": 6}]
    bundle.stay().create().ok()
    s = inside(bundle, "/dev/mine")
    assert stat.S_IFMT(s.st_mode) == mode_bit and stat.S_IMODE(s.st_mode) == 0o640
    assert (os.major(s.st_rdev), os.minor(s.st_rdev)) == (7, 300)
    assert (s.st_uid, s.st_gid) == (5, 6)


def test_a_fifo_is_made_as_listed(bundle):
    bundle.linux["devices"] = [{"type": "p", "path": "/dev/pipe", "fileMode": 0o600}]
    bundle.stay().create().ok()
    s = inside(bundle, "/dev/pipe")
    assert stat.S_ISFIFO(s.st_mode) and stat.S_IMODE(s.st_mode) == 0o600


def test_the_mode_of_a_device_does_not_depend_on_the_callers_umask(bundle):
    bundle.linux["devices"] = [{"type": "c", "path": "/dev/mine", "major": 1, "minor": 3, "fileMode": 0o666}]
    bundle.stay().create(preexec_fn=lambda: os.umask(0o077)).ok()
    assert stat.S_IMODE(inside(bundle, "/dev/mine").st_mode) == 0o666


def test_a_device_below_a_missing_directory_is_made(bundle):
    bundle.linux["devices"] = [{"type": "c", "path": "/dev/a/b/null", "major": 1, "minor": 3}]
    bundle.stay().create().ok()
    assert stat.S_ISCHR(inside(bundle, "/dev/a/b/null").st_mode)


@tare_only
def test_another_file_at_the_path_of_a_device_is_refused(bundle):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev/")]
    (bundle.rootfs / "data").write_text("canary")
    bundle.writable().linux["devices"] = [{"type": "c", "path": "/data", "major": 1, "minor": 3}]
    bundle.run().refused("/linux/devices/0")
    assert (bundle.rootfs / "data").read_text() == "canary"


def test_a_device_that_is_there_already_is_accepted(bundle):
    os.mknod(bundle.rootfs / "mine", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    bundle.writable().linux["devices"] = [{"type": "c", "path": "/mine", "major": 1, "minor": 5, "fileMode": 0o600}]
    assert bundle.sh("exit 4").run().code == 4


def test_a_device_behind_a_link_stays_in_the_rootfs(bundle, scratch):
    (bundle.rootfs / "link").symlink_to(scratch)
    bundle.writable().linux["devices"] = [{"type": "c", "path": "/link/null", "major": 1, "minor": 3}]
    bundle.sh("true").run()
    assert os.listdir(scratch) == []


# --- masked and read-only paths


def test_a_masked_file_reads_as_empty(bundle):
    (bundle.rootfs / "secret").write_text("secret")
    bundle.linux["maskedPaths"] = ["/secret"]
    r = bundle.sh("cat /secret; stat -c %t:%T /secret; cat /proc/self/mountinfo").run().ok()
    assert r.lines[0] == "1:3"
    assert mount_at(mounts_of(r.out), "/secret")


def test_a_masked_directory_is_an_empty_read_only_tmpfs(bundle):
    (bundle.rootfs / "dir").mkdir()
    (bundle.rootfs / "dir/secret").write_text("secret")
    bundle.writable().linux["maskedPaths"] = ["/dir"]
    r = bundle.sh("ls -A /dir; touch /dir/x 2>/dev/null; echo $?; cat /proc/self/mountinfo").run().ok()
    assert r.lines[0] == "1"
    m = mount_at(mounts_of(r.out), "/dir")
    assert m.fstype == "tmpfs" and "ro" in m.options


def test_the_default_masks_are_in_force(bundle):
    r = bundle.sh("wc -c </proc/kcore; wc -c </proc/keys; ls /sys/firmware /proc/scsi 2>/dev/null;"
                  " cat /proc/self/mountinfo").run().ok()
    table = mounts_of(r.out)
    assert r.lines[0].strip() == "0"
    for path in bundle.linux["maskedPaths"]:
        if os.path.exists(path):
            assert mount_at(table, path), path


def test_a_missing_masked_path_is_ignored(bundle):
    bundle.linux["maskedPaths"] = ["/no/such/path"]
    assert bundle.sh("exit 4").run().code == 4


def test_a_mask_behind_a_link_stays_in_the_rootfs(bundle, scratch):
    (scratch / "file").write_text("canary")
    (bundle.rootfs / "link").symlink_to(scratch / "file")
    bundle.linux["maskedPaths"] = ["/link"]
    bundle.sh("true").run()
    assert (scratch / "file").read_text() == "canary"


def test_a_mask_survives_a_container_that_has_no_dev(bundle):
    (bundle.rootfs / "secret").write_text("secret")
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    bundle.writable().linux["maskedPaths"] = ["/secret"]
    r = bundle.sh("cat /secret").run()
    assert "secret\n" not in r.out and r.out == ""


SPELLINGS = ["/dir", "/dir/", "//dir", "/./dir", "/x/../dir", "/dir/."]


@pytest.mark.parametrize("key", ["maskedPaths", "readonlyPaths"])
def test_a_path_that_is_listed_twice_is_covered_once(bundle, key):
    """Engines put their own lists and the user's together; a second mount hides nothing more. Each had been listed once only."""
    (bundle.rootfs / "dir").mkdir()
    bundle.linux["maskedPaths"] = bundle.linux["readonlyPaths"] = []
    bundle.linux[key] = ["/dir", "/proc/keys", *SPELLINGS, "/proc//keys"]
    r = bundle.sh("cat /proc/self/mountinfo").run().ok()
    assert [m.target for m in mounts_of(r.out)].count("/dir") == 1
    assert [m.target for m in mounts_of(r.out)].count("/proc/keys") == 1


@pytest.mark.parametrize("spelling", ["/proc/", "/./proc", "/dev/../proc", "//proc//."])
def test_a_second_procfs_has_the_masks_however_it_is_spelled(bundle, spelling):
    """Its place had been compared as it was written, so that the masks landed on the covered one."""
    bundle.mount(spelling, "proc", "proc")
    r = bundle.sh("cat /proc/keys | wc -c; echo x >/proc/sys/kernel/domainname || cat /proc/self/mountinfo").run().ok()
    assert r.lines[0] == "0"
    table = [m.target for m in mounts_of(r.out)]
    assert table.count("/proc") == 2 and "/proc/keys" in table[table.index("/proc", table.index("/proc") + 1):]


@pytest.mark.parametrize("spelling", ["/sys/", "/./sys", "/link/sys"])
@pytest.mark.parametrize("kind", ["new", "bound"])
def test_a_second_sysfs_has_the_masks_also_behind_a_link(bundle, kind, spelling):
    (bundle.rootfs / "link").symlink_to("/")
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if m["destination"] != "/sys/fs/cgroup"]
    if kind == "new":
        bundle.mount(spelling, "sysfs", "sysfs", "ro")
    else:
        bundle.mount(spelling, "bind", "/sys/", "rbind", "ro")
    bundle.linux["maskedPaths"] = ["/sys/kernel"]
    assert bundle.sh("ls /sys/kernel | wc -l").run().ok().out == "0\n"


@pytest.mark.parametrize("readonly", ["/proc", "/sys", "/link", "/x/../proc", "/root/proc"])
def test_masks_hold_where_the_whole_mount_is_a_readonly_path(bundle, readonly):
    """The read-only copy covered the masks: they were made in what it covers. A list had held paths below /proc and /sys only."""
    (bundle.rootfs / "link").symlink_to("/sys" if readonly == "/sys" else "/proc")
    (bundle.rootfs / "x").mkdir()
    (bundle.rootfs / "root").rmdir()
    (bundle.rootfs / "root").symlink_to("/")
    bundle.linux["maskedPaths"] = ["/proc/keys", "/sys/kernel"]
    bundle.linux["readonlyPaths"] = [readonly, "/proc/sys"]
    r = bundle.sh("cat /proc/keys | wc -c; ls /sys/kernel | wc -l; echo x >/proc/sys/kernel/domainname || echo no").run().ok()
    assert r.lines == ["0", "0", "no"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_place_is_the_same_in_every_spelling(bundle, scratch, spelling):
    """A slash at the end, as the peers accept it, had been refused where the last part was made."""
    (scratch / "f").write_text("volume\n")
    bundle.mount(spelling, "bind", f"{scratch}/", "bind", "dest-nofollow" if IS_TARE else "ro")
    bundle.linux["devices"] = [{"path": spelling.replace("dir", "null"), "type": "c", "major": 1, "minor": 3, "fileMode": 0o600}]
    r = bundle.sh("cat /dir/f; stat -c %a /null").run().ok()
    assert r.out == "volume\n600\n"


def test_readonly_paths_cannot_be_written(bundle):
    (bundle.rootfs / "dir/sub").mkdir(parents=True)
    bundle.writable().linux["readonlyPaths"] = ["/dir"]
    r = bundle.sh("touch /dir/x /dir/sub/x 2>/dev/null; touch /y && cat /proc/self/mountinfo").run().ok()
    assert "ro" in mount_at(mounts_of(r.out), "/dir").options
    assert os.listdir(bundle.rootfs / "dir") == ["sub"] and os.listdir(bundle.rootfs / "dir/sub") == []


@pytest.mark.parametrize("userns", [False, True])
def test_the_root_may_be_a_readonly_path(bundle, userns):
    """As with root.readonly; a copy over it, as over other paths, had been no mount on "/", and had no effect."""
    if userns:
        bundle.userns(100000)
        chown_tree(bundle.rootfs, 100000)
    bundle.writable().linux["readonlyPaths"] = ["/"]
    r = bundle.sh("touch /x 2>/dev/null && echo written; touch /dev/shm/x && cat /proc/self/mountinfo").run().ok()
    assert "written" not in r.out and "ro" in mount_at(mounts_of(r.out), "/").options


@tare_only
def test_readonly_paths_hold_for_mounts_below(bundle):
    bundle.writable().mount("/dir", "tmpfs", "tmpfs")
    bundle.mount("/dir/sub", "tmpfs", "tmpfs")
    bundle.linux["readonlyPaths"] = ["/dir"]
    table = mounts_of(bundle.sh("cat /proc/self/mountinfo").run().ok().out)
    assert "ro" in mount_at(table, "/dir").options and "ro" in mount_at(table, "/dir/sub").options


def test_a_readonly_path_keeps_the_other_flags(bundle):
    bundle.mount("/dir", "tmpfs", "tmpfs", "nosuid", "nodev", "noexec")
    bundle.linux["readonlyPaths"] = ["/dir"]
    m = mount_at(mounts_of(bundle.sh("cat /proc/self/mountinfo").run().ok().out), "/dir")
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(m.options)


def test_a_missing_readonly_path_is_ignored(bundle):
    bundle.linux["readonlyPaths"] = ["/no/such/path"]
    assert bundle.sh("exit 4").run().code == 4


def test_proc_sys_is_read_only_by_default(bundle):
    r = bundle.sh("echo x >/proc/sys/kernel/hostname").run()
    assert r.code != 0


# --- sysctl


def test_a_sysctl_is_set_in_the_container_only(bundle):
    before = read("/proc/sys/net/ipv4/ip_forward"), read("/proc/sys/kernel/msgmax")
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4321"}
    r = bundle.sh("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax").run().ok()
    assert r.lines == ["1", "4321"]
    assert (read("/proc/sys/net/ipv4/ip_forward"), read("/proc/sys/kernel/msgmax")) == before


@tare_only
def test_a_sysctl_may_be_written_with_slashes(bundle):
    bundle.linux["sysctl"] = {"net/ipv4/conf/lo/forwarding": "1"}
    assert bundle.sh("cat /proc/sys/net/ipv4/conf/lo/forwarding").run().ok().out == "1\n"


@pytest.mark.parametrize("key", ["kernel.panic", "vm.swappiness", "fs.file-max", "kernel.hostname/../panic",
                                 "../kernel/panic", "/kernel/panic", "", "net.", "net.ipv4.no_such"])
def test_a_sysctl_of_the_host_is_refused(bundle, key):
    bundle.linux["sysctl"] = {key: "1"}
    before = read("/proc/sys/kernel/panic")
    r = bundle.run()
    assert r.code == 1 or not IS_TARE
    assert read("/proc/sys/kernel/panic") == before


@pytest.mark.parametrize("kind,key", [("network", "net.ipv4.ip_forward"), ("ipc", "kernel.msgmax"),
                                      ("ipc", "fs.mqueue.msg_max")])
def test_a_sysctl_needs_its_namespace(bundle, kind, key):
    bundle.unlisted(kind)
    path = "/proc/sys/" + key.replace(".", "/")
    before = read(path)
    bundle.linux["sysctl"] = {key: "1"}
    r = bundle.run()
    assert r.code == 1 and key in r.err
    if IS_TARE:
        r.refused("is not in a separate kernel namespace")
    assert read(path) == before
