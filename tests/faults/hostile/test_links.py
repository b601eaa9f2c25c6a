# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links wherever tare looks something up: none leads out of the rootfs (docs/REQUIREMENTS.md, 1, 3, 4, 8)."""
import contextlib
import os
import shutil
import subprocess

import pytest

from canary import CONTENT, MARK
from harness import ConsoleSocket, assert_same_host, command, finish, poll, rt, rt_argv, snapshot, spawn, tare_only

pytestmark = tare_only

UP = "../" * 30


def absolute(place, target):
    place.symlink_to(target)


def dots(place, target):
    place.symlink_to(UP + str(target)[1:])


def dangling(place, target):
    place.symlink_to(target.parent / "not/there")


def chain(place, target):
    """Three links, the middle one relative, the last one absolute."""
    top = place.parent
    for name, to in (("chain1", f"./{place.name}-2"), (f"{place.name}-2", f"{place.name}-3"), (f"{place.name}-3", target)):
        (top / name).unlink(missing_ok=True)
        (top / name).symlink_to(to)
    place.symlink_to("chain1")


def loop(place, target):
    (place.parent / "loop").unlink(missing_ok=True)
    (place.parent / "loop").symlink_to(place.name)
    place.symlink_to("loop")


def of_root(place, target):
    place.symlink_to(f"/proc/self/root{target}")


def of_pid_1(place, target):
    place.symlink_to(f"/proc/1/root{target}")


def of_cwd(place, target):
    place.symlink_to(f"/proc/self/cwd/{UP}{str(target)[1:]}")


def of_descriptor(number):
    def link(place, target):
        place.symlink_to(f"/proc/self/fd/{number}/{UP}{str(target)[1:]}")
    link.__name__ = f"of_descriptor_{number}"
    return link


def through_volume(place, target):
    """Into a volume of the host, where a link waits (docs/REQUIREMENTS.md, 1: through an earlier bind volume)."""
    place.symlink_to(f"/vol/{target.name}")


KINDS = [absolute, dots, dangling, chain, loop, of_root, of_pid_1, of_cwd, through_volume,
         *(of_descriptor(n) for n in (3, 6, 9))]


def replace(place, make, target):
    """@make's link at @place, whatever is there."""
    if place.is_symlink() or place.is_file():
        place.unlink()
    elif place.is_dir():
        shutil.rmtree(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    make(place, target)


def without(bundle, *destinations):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"]
                               if not any(m["destination"] == d or m["destination"].startswith(f"{d}/") for d in destinations)]


# What is a link, and what of the config goes there. Each gets the bundle and the canary.


def dev(bundle, canary):
    without(bundle, "/dev")


def dev_with_tmpfs(bundle, canary):
    pass


def dev_with_volume(bundle, canary):
    without(bundle, "/dev")
    bundle.mount("/dev", "bind", canary.volume, "bind")


def proc(bundle, canary):
    bundle.linux["sysctl"] = {"kernel.msgmax": "4321"}
    bundle.process["oomScoreAdj"] = 100


def sys_(bundle, canary):
    pass


def pts(bundle, canary):
    without(bundle, "/dev")
    bundle.mount("/dev/pts", "devpts", "devpts", "newinstance", "ptmxmode=0666")


def no_dev(bundle, canary):
    without(bundle, "/dev")


def bind(bundle, canary):
    bundle.mount("/m", "bind", canary.volume, "bind", "ro")


def bind_file(bundle, canary):
    bundle.mount("/m", "bind", canary.volume / "file", "bind")


def tmpfs(bundle, canary):
    bundle.mount("/m", "tmpfs", MARK, "size=1m")


def tmpfs_classic(bundle, canary):
    bundle.mount("/m", "tmpfs", MARK, "size=1m", "silent")


def tmpfs_copied(bundle, canary):
    bundle.mount("/m", "tmpfs", MARK, "size=1m", "tmpcopyup")


def nofollow(bundle, canary):
    bundle.mount("/m", "bind", canary.volume, "bind", "dest-nofollow")


def copied_link(bundle, canary):
    bundle.mount("/m", "bind", canary.volume / "secret", "bind", "copy-symlink")


def below(bundle, canary):
    bundle.mount("/m/a/b", "tmpfs", MARK, "size=1m")
    bundle.mount("/m/file", "bind", canary.volume / "file", "bind")


def below_classic(bundle, canary):
    bundle.mount("/m/a/b", "tmpfs", MARK, "size=1m", "silent")


def device(bundle, canary):
    bundle.linux["devices"] = [{"type": "c", "path": "/m", "major": 1, "minor": 7, "fileMode": 0o600, "uid": 7, "gid": 7}]


def device_below(bundle, canary):
    bundle.linux["devices"] = [{"type": "c", "path": "/m/null", "major": 1, "minor": 3, "uid": 7, "gid": 7},
                               {"type": "p", "path": "/m/new", "fileMode": 0o666}]


def mask(bundle, canary):
    bundle.linux["maskedPaths"] = ["/m", "/m/secret"]


def protect(bundle, canary):
    bundle.linux["readonlyPaths"] = ["/m", "/m/secret"]


def cwd(bundle, canary):
    bundle.process["cwd"] = "/m"


def cwd_below(bundle, canary):
    bundle.process["cwd"] = "/m/new"


def passwd(bundle, canary):
    bundle.process["env"] = ["PATH=/bin"]


def dotted(bundle, canary):
    """Words of the config itself."""
    bundle.mount(f"/m/{UP}{canary.top}/m", "tmpfs", MARK, "size=1m")
    bundle.linux["maskedPaths"] = [f"/m/{UP}{canary.top}/secret"]
    bundle.linux["readonlyPaths"] = [f"/m/{UP}{canary.top}/dir"]
    bundle.process["cwd"] = f"/m/{UP}{canary.top}/dir"


PLACES = [
    ("dev", dev), ("dev", dev_with_tmpfs), ("dev", dev_with_volume), ("dev/null", no_dev), ("dev/ptmx", no_dev), ("dev/fd", no_dev),
    ("dev/console", no_dev), ("dev/pts", no_dev), ("dev/pts", pts), ("proc", proc), ("sys", sys_),
    ("m", bind), ("m", bind_file), ("m", tmpfs), ("m", tmpfs_classic), ("m", tmpfs_copied), ("m", nofollow),
    ("m", copied_link), ("m", below), ("m", below_classic), ("m/a", below), ("m", device), ("m", device_below), ("m", mask),
    ("m/secret", mask), ("m", protect), ("m/secret", protect), ("m", cwd), ("m", cwd_below), ("m/new", cwd_below),
    ("etc", passwd), ("etc/passwd", passwd), ("m", dotted),
]


@pytest.fixture
def volume(canary, scratch):
    """A directory of the host that the container does have, with links in it to what it has not."""
    top = scratch / "volume"
    top.mkdir()
    (top / "file").write_text("")
    for name in (canary.top.name, "secret", "dir", "null", "fd", "ptmx", "console", "pts", "stdin"):
        (top / name).symlink_to(canary.top / "dir" if name != "secret" else canary.top / "secret")
    canary.volume = top
    return top


SPY = """
for f in /m/secret /m/a/b/secret /etc/passwd /dev/secret ./secret /proc/secret /sys/secret; do cat $f 2>/dev/null; done
cat /m 2>/dev/null; echo >>/m; touch ./made /m/made /dev/made 2>/dev/null; echo done"""


def attempt(bundle, terminal, what, console=None):
    """A container with it, from its creation to its end: it works or is refused, and what it could see is no canary's."""
    if terminal:
        r = bundle.create("--console-socket", console.path, timeout=10)
    else:
        r = bundle.run(timeout=10)
        assert CONTENT not in r.out, (what, r)
    if r.code == 1 and "done" not in r.out:
        assert r.err.count("\n") == 1 and r.err.startswith("tare: "), (what, r)
        assert not bundle.exists(), what
        if terminal:  # it may have been handed out before the failure
            console.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                console.socket.accept()[0].close()
            console.socket.settimeout(10)
    elif terminal:
        assert r.code == 0, (what, r)
        data, fds, _ = console.receive()
        for fd in fds:
            os.close(fd)
        bundle.start(timeout=10)
        bundle.delete("--force", timeout=10).ok()
        assert data
    else:
        assert "done" in r.out, (what, r)
    return r.code


@pytest.mark.parametrize("terminal", [False, True], ids=["plain", "terminal"])
@pytest.mark.parametrize("readonly", [False, True], ids=["rw", "ro"])
@pytest.mark.parametrize("place,what", PLACES, ids=lambda v: v if isinstance(v, str) else v.__name__)
def test_no_link_leads_out(bundle, canary, volume, scratch, place, what, readonly, terminal):
    before = snapshot()
    bundle.config["root"]["readonly"] = readonly
    bundle.process["terminal"] = terminal
    bundle.mount("/vol", "bind", volume, "bind")
    bundle.config["mounts"].insert(0, bundle.config["mounts"].pop())
    (bundle.rootfs / "m").mkdir()
    what(bundle, canary)
    bundle.sh(SPY)
    console = ConsoleSocket(str(scratch / "console.sock")) if terminal else None
    worked = 0
    for kind in KINDS:
        target = canary.top / "dir" if place not in ("m/secret", "etc/passwd") else canary.top / "secret"
        if (bundle.rootfs / "m").is_symlink():
            (bundle.rootfs / "m").unlink()
        (bundle.rootfs / "m").mkdir(exist_ok=True)
        replace(bundle.rootfs / place, kind, target)
        worked += attempt(bundle, terminal, f"{place} {kind.__name__}", console) == 0
        canary.check(f"{place} {kind.__name__}")
    if console:
        console.close()
    assert_same_host(before)
    print(f"{len(KINDS)} links, {worked} containers")


# --- what who calls us has written: --log, --pid-file, reports


def outputs(bundle, path):
    """Each way to have tare write at @path: (what it is called, the command)."""
    def box(*flags):
        return rt_argv("box", *flags, bundle.rootfs, "true")
    return {"log": ("log file", bundle.argv("state", glob=["--log", path])),
            "pid-file": ("write pid file", bundle.argv("create", "--bundle", bundle.dir, "--pid-file", path)),
            "report": ("report", box("--report", path)),
            "output": ("open", box("-d", "--output", path)),
            "save": ("write profile", box("--save", path))}


WAYS = ["log", "pid-file", "report", "output", "save"]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("owner, mode, why", [
    (0, 0o777, "others may write in its directory"), (0, 0o775, "others may write in its directory"),
    (1000, 0o777, "others may write in its directory")])
def test_root_writes_nothing_where_others_may(bundle, scratch, how, owner, mode, why):
    """Of the files that a caller has written the pid file alone had been tried, and with a link at its place only."""
    directory = scratch / "theirs"
    directory.mkdir()
    os.chown(directory, owner, owner)
    directory.chmod(mode)
    bundle.stay().write()
    what, argv = outputs(bundle, directory / "file")[how]
    r = command(*argv)
    assert r.code != 0 and f'{what} "{directory}/file": {why} (they could have root write elsewhere' in r.err, r
    assert list(directory.iterdir()) == [] and not bundle.exists()


@pytest.mark.parametrize("kind", ["new", "link", "second", "theirs"])
def test_root_may_write_in_a_directory_of_the_containers_root(bundle, scratch, kind):
    """podman's with a user namespace. That user can put a link there, another name of root's file, or a file of their own."""
    directory, victim = scratch / "theirs", scratch / "victim"
    directory.mkdir()
    os.chown(directory, 100000, 100000)
    victim.write_text("before")
    path = directory / "oci-log"
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "second":
        path.hardlink_to(victim)
    elif kind == "theirs":
        path.write_text("")
        os.chown(path, 100000, 100000)
    bundle.stay().write()
    r = command(*bundle.argv("create", "--bundle", bundle.dir, "--pid-file", directory / "pid", glob=["--log", path]))
    assert (r.code == 0) == (kind == "new"), r
    assert victim.read_text() == "before"
    if kind == "new":
        bundle.created = True
        assert (directory / "pid").read_text().isdigit() and bundle.delete("--force").ok()


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("kind", ["last", "dangling", "way", "behind", "foreign", "second"])
def test_root_writes_nothing_through_a_link(bundle, scratch, how, kind):
    victim = scratch / "victim"
    victim.write_text("before")
    sticky = scratch / "tmp"
    sticky.mkdir()
    sticky.chmod(0o1777)
    path = sticky / "file"
    if kind == "last":
        path.symlink_to(victim)
    elif kind == "dangling":
        path.symlink_to(scratch / "none")
    elif kind == "way":
        (sticky / "way").symlink_to(scratch)
        os.chown(sticky / "way", 1000, 1000, follow_symlinks=False)
        path = sticky / "way/victim"
    elif kind == "behind":  # root's own link leads through one of another user's
        (sticky / "way").symlink_to(scratch)
        os.chown(sticky / "way", 1000, 1000, follow_symlinks=False)
        (scratch / "own").symlink_to(sticky / "way")
        path = scratch / "own/victim"
    elif kind == "foreign":
        path.write_text("theirs")
        os.chown(path, 1000, 1000)
    else:
        os.link(victim, path)
    bundle.stay().write()
    r = command(*outputs(bundle, path)[how][1])
    assert victim.read_text() == "before" and not (scratch / "none").exists()
    if how == "pid-file" and kind not in ("way", "behind"):  # it takes the place of what is there
        assert r.code == 0 and not path.is_symlink() and path.read_text() == str(bundle.pid), r
    else:
        assert r.code != 0 and "they could have root write elsewhere" in r.err, r


@pytest.mark.parametrize("how", WAYS)
def test_root_writes_nothing_through_a_link_that_comes_and_goes(bundle, scratch, how, swapper):
    """The directory was opened first, and the links on the way looked at by name later: one in twelve tries was written."""
    theirs, victims = scratch / "theirs", scratch / "victims"
    theirs.mkdir()
    victims.mkdir()
    (theirs / "link").symlink_to(victims)
    os.chown(theirs / "link", 1000, 1000, follow_symlinks=False)
    (theirs / "directory").mkdir()
    os.chown(theirs / "directory", 1000, 1000)
    (theirs / "directory").chmod(0o777)
    bundle.stay().write()
    argv = outputs(bundle, theirs / "link/file")[how][1]
    with subprocess.Popen([swapper, theirs / "link", theirs / "directory"], stdout=subprocess.PIPE) as proc:
        proc.stdout.readline()
        refused = sum("they could have root write elsewhere" in command(*argv).err for _ in range(150))
        proc.kill()
    assert list(victims.iterdir()) == [] and refused == 150


def test_an_emitted_bundle_goes_through_no_link(bundle, scratch):
    theirs = scratch / "theirs"
    theirs.mkdir()
    theirs.chmod(0o1777)
    for name in ("config.json", "resolv.conf"):
        (scratch / name).write_text("before")
        (theirs / name).symlink_to(scratch / name)
        r = rt("box", "--dns", "9.9.9.9", "--emit-config", theirs, bundle.rootfs)
        assert r.code != 0 and "they could have root write elsewhere" in r.err, r
        assert (scratch / name).read_text() == "before"
        for path in theirs.iterdir():
            path.unlink()


@pytest.mark.parametrize("how", ["log", "pid-file", "report"])
def test_root_writes_below_tmp_and_to_its_own_descriptors(bundle, scratch, how):
    sticky = scratch / "tmp"
    sticky.mkdir()
    sticky.chmod(0o1777)
    bundle.stay().write()
    command(*outputs(bundle, sticky / "file")[how][1])
    assert (sticky / "file").read_text()
    if how == "log":
        r = rt("--log", "/dev/stdout", "state", "none")
        assert 'msg="state \\"none\\": container does not exist"' in r.out


@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace on this machine")
def test_the_directory_for_changes_is_changed_and_no_link_that_takes_its_place(bundle, scratch):
    """Others may write where --overlay leads: between mkdir(2) and chmod(2) "upper" becomes a link. strace holds tare there."""
    changes, victim = scratch / "changes", scratch / "victim"
    victim.mkdir(0o700)
    changes.mkdir()
    bundle.rootfs.chmod(0o755)
    slowly = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fchownat,fchmodat",
              "-e", "inject=fchownat,fchmodat:delay_enter=200000"]
    proc = spawn([*slowly, *rt_argv("box", "--overlay", changes, bundle.rootfs, "true")])
    poll((changes / "upper").exists, "the directory")
    (changes / "upper").rename(changes / "away")
    (changes / "upper").symlink_to(victim)
    finish(proc)
    assert victim.stat().st_mode & 0o7777 == 0o700
    assert (changes / "away").stat().st_mode & 0o7777 == 0o755


@pytest.mark.skipif(shutil.which("mkfs.ext4") is None or not os.path.exists("/dev/loop-control"), reason="no mkfs.ext4 or loop devices")
def test_the_image_that_was_looked_at_is_the_one_that_is_mounted(bundle, scratch, swapper):
    """A box is named after the inode of its image. Whoever may rename beside that exchanges it for another, all the time."""
    words = {}
    for name in ("a", "b"):
        (bundle.rootfs / "word").write_text(name)
        command("mkfs.ext4", "-q", "-d", bundle.rootfs, scratch / name, "20M").ok()
        words[rt("box", "-r", scratch / name, "hostname").ok().out.strip().split("-")[-1]] = name
    with subprocess.Popen([swapper, scratch / "a", scratch / "b"], stdout=subprocess.PIPE) as proc:
        proc.stdout.readline()
        found = [rt("box", "-r", scratch / "a", "sh", "-c", "hostname; cat /word").ok().lines for _ in range(80)]
        proc.kill()
    assert [words[name.split("-")[-1]] for name, _ in found] == [word for _, word in found]
