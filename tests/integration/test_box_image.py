# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box IMAGE`: file systems in files, partitions, and that no loop device is left."""
import ctypes
import glob
import json
import os
import pathlib
import shutil
import signal
import struct
import tempfile

import pytest

import boxes
from harness import BOX, RUNTIME, TESTER, TOKEN, as_user, command, finish, poll, read, rt, rt_argv, spawn, tare_only
from test_box_phone import EVERY_MOUNT

pytestmark = tare_only
MAKERS = {"ext4": ["mkfs.ext4", "-q", "-d", "{dir}", "{image}", "40M"],
          "squashfs": ["mksquashfs", "{dir}", "{image}", "-quiet", "-noappend"],
          "erofs": ["mkfs.erofs", "--quiet", "{image}", "{dir}"],
          "btrfs": ["mkfs.btrfs", "-q", "--rootdir", "{dir}", "{image}"],
          "xfs": ["mkfs.xfs", "-q", "{image}"]}
READ_ONLY = ("squashfs", "erofs")


def loops():
    """The images that loop devices are attached to."""
    found = []
    for name in os.listdir("/sys/block"):
        path = f"/sys/block/{name}/loop/backing_file"
        if name.startswith("loop") and os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                found.append(f.read().strip())
    return sorted(f for f in found if TOKEN in f)


def may_attach():
    try:
        os.close(os.open("/dev/loop-control", os.O_RDWR))
        return True
    except OSError:
        return False


def backing_files():
    """The images of all loop devices."""
    return [read(path) for path in glob.glob("/sys/block/loop*/loop/backing_file")]


@pytest.fixture(autouse=True)
def no_loop_is_left(same_host):
    if not os.path.exists("/dev/loop-control"):
        pytest.skip("this machine has no loop devices")
    yield
    poll(lambda: not loops(), "the loop devices to go")


@pytest.fixture
def tree(same_host):
    b = boxes.Box()
    for name in ("dev", "proc", "sys"):
        (b.dir / name).rmdir()
    yield b
    b.clean()


def make(kind, tree):
    image = BOX / "bundles" / f"{TOKEN}.{kind}"
    maker = MAKERS[kind]
    if shutil.which(maker[0]) is None:
        pytest.skip(f"{maker[0]} is not on this machine")
    if kind in ("xfs", "btrfs"):
        with open(image, "wb") as f:
            f.truncate((320 if kind == "xfs" else 128) << 20)
    r = command(*[w.format(dir=tree.dir, image=image) for w in maker])
    if r.code != 0 and kind == "btrfs":
        image.unlink()
        pytest.skip("this mkfs.btrfs takes no directory of that size")
    r.ok()
    return image


@pytest.fixture
def image(request, tree):
    path = make(request.param if hasattr(request, "param") else "ext4", tree)
    yield path
    for name in os.listdir(tree.state) if tree.state.exists() else []:
        if TOKEN in name:
            rt("delete", "--force", name)
    path.unlink()


def box(image, *words, flags=(), **kw):
    return rt("box", *flags, image, *words, **kw)


@pytest.mark.parametrize("image", ["ext4", "squashfs", "erofs", "btrfs"], indirect=True)
def test_a_program_runs_in_an_image(image):
    r = box(image, "sh", "-c", "ls /bin/busybox; id -u; cat /proc/self/mountinfo | head -1", flags=["-u", "u"]).ok()
    assert r.lines[:2] == ["/bin/busybox", "1000"]


@pytest.mark.parametrize("image", ["ext4", "btrfs"], indirect=True)
def test_what_is_written_stays_in_the_image(image):
    box(image, "sh", "-c", "echo kept >/new").ok()
    assert box(image, "cat", "/new").ok().out == "kept\n"
    table = box(image, "cat", "/proc/self/mountinfo").ok().lines
    assert "nodev" in table[0]


def test_an_image_without_resolv_conf_has_the_hosts_name_servers(image):
    hosts = pathlib.Path("/etc/resolv.conf").read_text()
    for flags, text in (([], hosts), (["-x"], hosts), (["--dns", "9.9.9.9"], "nameserver 9.9.9.9\n")):
        assert box(image, "cat", "/etc/resolv.conf", flags=flags).ok().out == text
    assert box(image, "ls", "/etc", flags=["--dns", "none"]).ok().lines == ["group", "passwd"]


@pytest.mark.parametrize("image", READ_ONLY, indirect=True)
def test_what_can_not_be_written_to_is_read_only_and_has_its_mount_points(image):
    r = box(image, "sh", "-c", "touch /x; test -d /proc/self")
    assert r.code == 0 and "Read-only file system" in r.err
    assert box(image, "sh", "-c", "touch /x; ls /x", flags=["-x"]).ok().out == "/x\n"


def is_mounted_as_file(image):
    """Does mount(2) itself take the file? mount(8) would make a loop device."""
    place = BOX / "mnt"
    place.mkdir()
    taken = ctypes.CDLL(None).mount(str(image).encode(), str(place).encode(), b"erofs", 1, None) == 0
    if taken:
        command("umount", place).ok()
    place.rmdir()
    return taken


@pytest.mark.parametrize("image", ["erofs"], indirect=True)
@pytest.mark.parametrize("where", [BOX, "/var/tmp"], ids=["tests", "var-tmp"])
def test_erofs_takes_no_loop_device_where_the_kernel_needs_none(image, where):
    """Linux 6.12 mounts a file, if its own file system gives it pages: ext4 does, tmpfs and overlayfs do not."""
    with tempfile.TemporaryDirectory(dir=where) as directory:
        copied = pathlib.Path(shutil.copy(image, directory))
        direct = is_mounted_as_file(copied)
        if not direct and not may_attach():
            pytest.skip("no loop device can be had")
        proc = spawn(rt_argv("box", copied, "sleep", "1000"))
        name = poll(lambda: [n for n in json.loads(rt("list", "-f", "json").out or "[]") or [] if n["status"] == "running"], "the box")[0]["id"]
        assert (str(copied) in backing_files()) == (not direct)
        rt("kill", name, "KILL").ok()
        finish(proc)


def test_read_only_and_ephemeral_leave_the_image_as_it_is(image):
    before = image.read_bytes()
    for flags in (["-r"], ["-x"], ["--overlay", BOX / "bundles" / f"{TOKEN}-work"]):
        box(image, "sh", "-c", "touch /x; true", flags=flags).ok()
    assert image.read_bytes() == before
    shutil.rmtree(BOX / "bundles" / f"{TOKEN}-work")


def test_a_second_box_joins_and_does_not_mount_again(image):
    name = box(image, "sleep", "1000", flags=["-d"]).ok().out.strip()
    assert len(loops()) == 1
    r = box(image, "sh", "-c", "ps | grep -c 'sleep 1000'; id -un", flags=["-u", "u"]).ok()
    assert r.lines[1] == "u" and len(loops()) == 1
    rt("delete", "--force", name).ok()


def test_two_boxes_can_not_write_to_one_image(image):
    name = box(image, "sleep", "1000", flags=["-d"]).ok().out.strip()
    for flags, hint in ((["--new"], " (boxes with -r or -x can share it)"), (["--new", "-x"], "")):
        r = box(image, "true", flags=flags)
        assert (r.code, r.err.partition(": ")[2].partition(": ")[2]) == \
            (125, f'"{image}" is in use by another box, or locked{hint}\n'), r
    rt("delete", "--force", name).ok()
    name = box(image, "sleep", "1000", flags=["-d", "-x"]).ok().out.strip()
    box(image, "true", flags=["--new", "-x"]).ok()
    rt("delete", "--force", name).ok()


def test_a_killed_tare_leaves_no_loop(image):
    proc = spawn(rt_argv("box", image, "sleep", "1000"))
    poll(loops)
    poll(lambda: any(TOKEN in n for n in rt("list", "-q").lines))  # a failure, as long as there is no root
    proc.send_signal(signal.SIGKILL)
    finish(proc)
    poll(lambda: not loops())
    box(image, "true").ok()


@pytest.mark.parametrize("step", [1, 10, 20, 30, 40, 50, 60])
def test_a_step_that_fails_leaves_no_loop(image, step):
    r = command(RUNTIME, "--root", rt_argv()[2], "--test-fail-step", step, "box", image, "true")
    assert r.code == 125 and "as the test asks" in r.err
    poll(lambda: not loops())


# --- images that are mounted elsewhere


@pytest.fixture
def mounting(tree, image):
    """A box of the directory that the image was made of."""
    def run(options, script, *flags, path=image):
        quoted = str(path).replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
        return tree.sh(script, *flags, "--mount", f"{path.suffix[1:]}:{quoted}:/mnt:loop{options}")
    run.tree = tree
    return run


@pytest.mark.layouts
def test_an_image_by_mount_is_written_to(mounting, image):
    """The box has rules for devices: the loop device has its own."""
    mounting("", "echo kept >/mnt/new; ls /mnt/bin/busybox").ok()
    r = mounting("", "cat /mnt/new; grep ' /mnt ' /proc/self/mountinfo; ls /dev", "-b", f"{image}:/image:ro").ok()
    assert r.lines[0] == "kept" and " rw,nodev," in r.lines[1] and not any(name.startswith("loop") for name in r.lines), r


@pytest.mark.parametrize("image", ["ext4", "squashfs", "erofs"], indirect=True)
def test_an_image_by_mount_is_only_read(mounting, image):
    before = image.read_bytes()
    ro = ",ro" if image.suffix == ".ext4" else ""
    r = mounting(ro, "ls /mnt/bin/busybox; touch /mnt/x")
    assert r.out == "/mnt/bin/busybox\n" and r.err == "touch: /mnt/x: Read-only file system\n", r
    assert image.read_bytes() == before


@pytest.mark.parametrize("image", ["ext4", "squashfs", "erofs"], indirect=True)
def test_the_type_of_an_image_by_mount_may_be_found(mounting, image):
    r = mounting.tree.sh("grep ' /mnt ' /proc/self/mountinfo", "--mount", f"auto:{image}:/mnt:loop,ro").ok()
    assert f" - {image.suffix[1:]} " in r.out, r
    plain = image.parent / f"{TOKEN}.plain"
    plain.write_text("no file system\n")
    mounting.tree.refused(f'--mount "auto:{plain}:/mnt:loop": "{plain}" has no file system that is known here',
                          "--mount", f"auto:{plain}:/mnt:loop", "--", "true")
    plain.unlink()


def test_an_image_by_mount_at_an_odd_path_and_a_relative_one(mounting, image):
    odd = image.rename(image.with_name(f"{TOKEN}a:b,c\\d.ext4"))
    assert mounting("", "ls /mnt/bin/busybox", path=odd).ok().out == "/mnt/bin/busybox\n"
    odd.rename(image)
    r = command(*mounting.tree.argv("--mount", f"ext4:{image.name}:/mnt:loop", "--", "ls", "/mnt/bin/busybox"), cwd=image.parent)
    assert r.ok().out == "/mnt/bin/busybox\n"


def test_one_box_writes_or_several_read_what_they_mount(mounting, image):
    tree = mounting.tree
    tree.run("-d", "--mount", f"ext4:{image}:/mnt:loop,ro", "--", "sleep", "1000").ok()
    assert tree.run("ls", "/mnt/bin/busybox").ok().out == "/mnt/bin/busybox\n" and len(loops()) == 1
    mounting(",ro", "true", "--new").ok()
    r = mounting("", "true", "--new")
    assert r.code == 125 and r.err.endswith(f': "{image}" is in use by another box, or locked (boxes with the option ro can share it)\n'), r
    assert box(image, "true", flags=["-r"]).code == 0


def test_an_image_that_can_not_be_mounted_names_its_flag(mounting, image, scratch):
    tree = mounting.tree

    def refused(value, text, *flags):
        tree.refused(f'--mount "{value}": {text}', *flags, "--mount", value, "--", "true")
        assert not loops()

    refused("ext4:/nope:/mnt:loop", 'open "/nope": no such file or directory')
    refused("ext4:/dev/null:/mnt:loop", '"/dev/null" is not a regular file')
    refused(f"ext4:{image}:/mnt:loop", "no image can be mounted in a user namespace", "--userns", "100000:65536")
    refused(f"ext4:{image}:/mnt:loop", "a bundle has no words for an image file", "--emit-config", scratch / "bundle")
    r = tree.run("--mount", f"ext4:{image}:/mnt", "--", "true")
    assert r.code == 125 and r.err.endswith(" of type ext4: block device required (an image file takes the option loop)\n"), r
    r = tree.run("--mount", f"xfs:{image}:/mnt:loop", "--", "true")
    assert r.code == 125 and f'--mount "xfs:{image}:/mnt:loop": mount on "/mnt": mount "' in r.err and r.err.count("\n") == 1, r
    theirs = boxes.Box(user=TESTER)
    theirs.refused(f'--mount "ext4:{image}:/mnt:loop": an image file takes root', "--mount", f"ext4:{image}:/mnt:loop", "--", "true")
    theirs.clean()


def test_a_plan_with_an_image_attaches_nothing(mounting, image):
    assert f'ext4 "{image}" on "/mnt"' in mounting("", "true", "--plan").ok().out and not loops()


def test_a_killed_box_with_an_image_by_mount_leaves_no_device(mounting, image):
    proc = mounting.tree.start("--mount", f"ext4:{image}:/mnt:loop", "--", "sleep", "1000")
    mounting.tree.running()
    assert len(loops()) == 1
    proc.kill()
    proc.wait()
    poll(lambda: not loops(), "the loop device to go")


def test_an_image_that_can_only_be_read_is_told_of_it(image, tree):
    script = f'mount --bind {image} {image} && mount -o remount,bind,ro {image}; exec "$@"'

    def inside(*argv):
        return command("unshare", "-m", "sh", "-c", script, "sh", *argv)
    r = inside(*rt_argv("box", image, "true"))
    assert r.code == 125 and r.err.endswith(f': open "{image}": read-only file system (with -r or -x it is only read)\n'), r
    inside(*rt_argv("box", "-x", image, "true")).ok()
    r = inside(*tree.argv("--mount", f"ext4:{image}:/mnt:loop", "--", "true"))
    assert r.code == 125 and r.err.endswith(f': open "{image}": read-only file system (with the option ro it is only read)\n'), r


# --- a kernel without overlayfs


def test_without_overlayfs_an_image_is_only_read(tree, image, phone):
    """A phone's kernel may have none: an image with mount points of its own needs none."""
    kernel = [phone, "-f", "overlay=ENODEV"]
    r = command(*kernel, *rt_argv("box", "-r", "--dns", "none", image, "true"))
    told = "left out: overlay over the image (no such device): a mount point that it lacks can't be made\n"
    assert r.code == 125 and 'make "/proc" in the rootfs: read-only file system' in r.err, r
    box(image, "mkdir", "/x").ok()
    r = command(*kernel, *rt_argv("box", "-r", image, "touch", "/new"))
    assert r.code == 1 and r.err.partition(": ")[2].partition(": ")[2] == told + "touch: /new: Read-only file system\n", r
    for flags, text in ((["-x"], '--ephemeral: mount type "overlay"'), (["-r", "--require", "overlay"], "--require overlay: overlay over the image")):
        r = command(*kernel, *rt_argv("box", *flags, image, "true"))
        assert r.code == 125 and f": {text}: no such device" in r.err, r


# --- partitions


def disk(image, table):
    """Two partitions, of 2 MiB and the size of @image, behind one another."""
    path = BOX / "bundles" / f"{TOKEN}-disk"
    size, first = os.path.getsize(image) // 512, 2048
    with open(path, "wb") as f:
        f.truncate((first + 4096 + size + 2048) * 512)
        parts = [(first, 4096), (first + 4096, size)]
        if table == "mbr":
            f.seek(446)
            for start, count in parts:
                f.write(struct.pack("<B3sB3sII", 0, b"\0" * 3, 0x83, b"\0" * 3, start, count))
            f.seek(510)
            f.write(b"\x55\xaa")
        else:
            f.seek(512)
            header = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, 0, 34, 0, b"\1" * 16, 2, 128, 128, 0)
            f.write(header)
            for i, (start, count) in enumerate(parts):
                f.seek(1024 + 128 * i)
                f.write(struct.pack("<16s16sQQQ72s", b"\2" * 16, bytes([i] * 16), start, start + count - 1, 0, b""))
        f.seek((first + 4096) * 512)
        f.write(image.read_bytes())
    return path


@pytest.mark.parametrize("table", ["gpt", "mbr"])
def test_a_partition_of_a_disk(image, table):
    path = disk(image, table)
    try:
        assert box(path, "ls", "/bin/busybox", flags=["--partition", "2"]).ok().out == "/bin/busybox\n"
        r = box(path, "true")
        assert r.code == 125 and r.err.endswith(f': "{path}" has a partition table: --partition 1 (2 MiB, unknown) or '
                                                "--partition 2 (40 MiB, ext4)\n"), r
        assert box(path, "true", flags=["--partition", "3"]).err.endswith(f'--partition 3: "{path}" has no such partition\n')
        r = box(path, "true", flags=["--partition", "1"])
        assert r.code == 125 and r.err.endswith(f': --partition 1: "{path}" has no file system there that is known here\n'), r
        assert box(image, "true", flags=["--partition", "1"]).err.endswith(f'--partition 1: "{image}" has no partition table\n')
    finally:
        path.unlink()


def test_partitions_of_one_image_are_roots_of_their_own(image):
    path = disk(image, "mbr")
    try:
        with open(path, "r+b") as f:  # both partitions are the same sectors
            f.seek(446 + 16)
            second = f.read(16)
            f.seek(446)
            f.write(second)
        names = [box(path, "sleep", "1000", flags=["-r", "-d", "--partition", n]).ok().out.strip() for n in "12"]
        assert names[0] != names[1]
        for name, n in zip(names, "12"):
            ns = os.readlink(f"/proc/{json.loads(rt('state', name).ok().out)['pid']}/ns/mnt")
            assert box(path, "readlink", "/proc/self/ns/mnt", flags=["--partition", n]).ok().out == ns + "\n"
        assert "has a partition table" in box(path, "true").err
        for name in names:
            rt("delete", "--force", name).ok()
    finally:
        path.unlink()


def test_a_logical_partition_of_an_extended_one(image):
    """As installers divide disks, and some boards' cards: the kernel numbers them from 5 on."""
    path, size = BOX / "bundles" / f"{TOKEN}-disk", os.path.getsize(image) // 512
    first, second = 4096, 8192

    def table(f, sector, *entries):
        f.seek(sector * 512 + 446)
        for kind, start, count in entries:
            f.write(struct.pack("<B3sB3sII", 0, b"", kind, b"", start, count))
        f.seek(sector * 512 + 510)
        f.write(b"\x55\xaa")
    with open(path, "wb") as f:
        f.truncate((second + 2048 + size) * 512)
        table(f, 0, (0x83, 2048, 2048), (0x0f, first, second - first + 2048 + size))
        table(f, first, (0x83, 2048, 2048), (0x05, second - first, 2048 + size))
        table(f, second, (0x83, 2048, size))
        f.seek((second + 2048) * 512)
        f.write(image.read_bytes())
    try:
        assert box(path, "ls", "/bin/busybox", flags=["--partition", "6"]).ok().out == "/bin/busybox\n"
        r = box(path, "true")
        assert r.code == 125 and r.err.endswith(f': "{path}" has a partition table: --partition 1 (1 MiB, unknown), --partition 5 (1 MiB, '
                                                "unknown) or --partition 6 (40 MiB, ext4)\n"), r
    finally:
        path.unlink()


@pytest.mark.parametrize("content", ["gpt-wild", "mbr-wild", "mbr-loop", "short", "empty", "ext-magic-only", "squash-magic-only"])
def test_headers_that_make_no_sense_are_refused(tree, content):
    path = BOX / "bundles" / f"{TOKEN}-odd"
    blob = bytearray(1 << 20)
    if content == "gpt-wild":
        blob[512:512 + 92] = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0, 92, 0, 0, 1, 0, 0, 0, b"", 2**63, 2**32 - 1, 2**32 - 1, 0)
    elif content == "mbr-wild":
        blob[446:462] = struct.pack("<B3sB3sII", 0, b"", 0x83, b"", 2**32 - 1, 2**32 - 1)
        blob[510:512] = b"\x55\xaa"
    elif content == "mbr-loop":
        blob[446:462] = struct.pack("<B3sB3sII", 0, b"", 0x05, b"", 8, 2040)
        blob[510:512] = blob[8 * 512 + 510:8 * 512 + 512] = blob[16 * 512 + 510:16 * 512 + 512] = b"\x55\xaa"
        blob[8 * 512 + 462:8 * 512 + 478] = blob[16 * 512 + 462:16 * 512 + 478] = struct.pack("<B3sB3sII", 0, b"", 0x05, b"", 8, 8)
    elif content == "short":
        blob = blob[:7]
    elif content == "empty":
        blob = b""
    elif content == "ext-magic-only":
        blob[0x438:0x43a] = b"\x53\xef"
    else:
        blob[:4] = b"hsqs"
    path.write_bytes(blob)
    r = box(path, "true", timeout=5)
    assert r.code == 125 and r.err.count("\n") == 1, r
    path.unlink()


def test_an_ordinary_user_is_told_what_it_takes(image):
    state = BOX / f"root-{TESTER}"
    state.mkdir(mode=0o700, exist_ok=True)
    os.chown(state, TESTER, TESTER)
    image.chmod(0o666)
    r = command(*as_user(TESTER), RUNTIME, "--root", state, "box", image, "true")
    assert r.code == 125 and r.err.endswith(f'"{image}": an image file takes root, or squashfuse\n'), r


@pytest.mark.parametrize("place", ["/data/local", "/srv"])
def test_a_label_that_android_refuses_is_named(image, phone, place):
    """SELinux says EACCES when the kernel is to read an image whose label is another app's."""
    script = f"mount -t tmpfs tmpfs /mnt && mkdir -p {place} /mnt/d && mount --bind /mnt/d {place} && cp --sparse=always {image} {place}/x.img && exec \"$@\""
    made = not os.path.isdir(place)
    os.makedirs(place, exist_ok=True)
    r = command("unshare", "-m", "sh", "-c", script, "sh", phone, "-f", "ext4=EACCES", *rt_argv("box", f"{place}/x.img", "true"))
    if made:
        os.removedirs(place)
    hint = f' (SELinux? chcon u:object_r:media_rw_data_file:s0 "{place}/x.img")' if place.startswith("/data/") else ""
    assert r.code == 125 and r.err.endswith(f'"{place}/x.img": mount type "ext4": permission denied{hint}\n'), r


def test_a_bundle_can_not_say_it(image, scratch):
    r = box(image, "true", flags=["--emit-config", scratch])
    assert r.code == 125 and r.err.endswith("a bundle has no words for an image file\n") and not loops()


def test_the_plan_of_an_image(image):
    steps = json.loads(box(image, "true", flags=["--plan", "--json"]).ok().out)
    assert any(s["operation"] == "mount-rootfs" for s in steps) and not loops()


def test_where_no_mount_is_allowed_there_is_no_image(image, phone):
    r = command(phone, "-s", EVERY_MOUNT, *rt_argv("box", "--best-effort-root", image, "true"))
    assert r.code == 125 and r.err.count("\n") == 1 and "mounts without a place came with Linux 5.2" in r.err, r
