# SPDX-License-Identifier: LGPL-2.1-or-later
"""root and mounts: kinds, order, options, propagation, as mountinfo shows them."""
import contextlib
import os
import subprocess

import pytest

from harness import (BOX, IS_TARE, mount_at, mounts_of, tare_only)

SHOW = "cat /proc/self/mountinfo"


def shown(bundle):
    """The container's own mountinfo."""
    return mounts_of(bundle.sh(SHOW).run().ok().out)


@contextlib.contextmanager
def host_mount(path, *options):
    """A tmpfs on the host side with a tmpfs below it."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
    try:
        for o in options:
            subprocess.run(["mount", f"--make-{o}", path], check=True)
        os.mkdir(path / "sub")
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path / "sub"], check=True)
        yield path
    finally:
        subprocess.run(["umount", "-R", path], check=True)


@pytest.fixture
def tree(scratch):
    with host_mount(scratch) as path:
        yield path


# --- root


@pytest.mark.parametrize("readonly", [True, False])
def test_root_readonly_is_what_it_says(bundle, readonly):
    bundle.config["root"]["readonly"] = readonly
    r = bundle.sh("touch /file; cat /proc/self/mountinfo").run()
    assert (bundle.rootfs / "file").exists() is not readonly
    assert ("ro" in mount_at(mounts_of(r.out), "/").options) is readonly


def test_root_path_may_be_absolute(bundle):
    bundle.config["root"]["path"] = str(bundle.rootfs)
    assert bundle.sh("exit 4").run().code == 4


def test_the_old_root_is_gone(bundle):
    table = shown(bundle)
    assert table[0].target == "/" and not [m for m in table if str(BOX) in m.target]
    assert bundle.sh("ls /..").run().ok().out.split() == sorted(os.listdir(bundle.rootfs))


@pytest.mark.parametrize("word,present,absent", [
    ("private", [], ["shared", "master", "unbindable"]),
    ("rprivate", [], ["shared", "master", "unbindable"]),
    ("slave", [], ["shared", "unbindable"]),
    ("rslave", [], ["shared", "unbindable"]),
    ("shared", ["shared"], []),
    ("rshared", ["shared"], []),
    ("unbindable", ["unbindable"], ["shared"]),
    ("runbindable", ["unbindable"], ["shared"])])
def test_rootfs_propagation(bundle, word, present, absent):
    if not IS_TARE and ("unbindable" in word or "shared" in word):
        pytest.skip("runc 1.1.5 sets it before it changes the root")
    bundle.linux["rootfsPropagation"] = word
    root = mount_at(shown(bundle), "/")
    assert all(root.shares(w) for w in present) and not any(root.shares(w) for w in absent), root


def test_container_mounts_never_travel_to_a_shared_host(bundle):
    subprocess.run(["mount", "--make-rshared", "/"], check=True)
    try:
        with open("/proc/self/mountinfo", encoding="utf8") as f:
            before = f.read()
        bundle.stay().up()
        with open("/proc/self/mountinfo", encoding="utf8") as f:
            assert f.read() == before
        bundle.delete("--force").ok()
    finally:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)


# --- kinds of mounts


def test_the_mounts_of_the_default_config_are_there(bundle):
    table = shown(bundle)
    for target, fstype in (("/proc", "proc"), ("/dev", "tmpfs"), ("/dev/pts", "devpts"),
                           ("/dev/shm", "tmpfs"), ("/dev/mqueue", "mqueue"), ("/sys", "sysfs")):
        assert any(m.target == target and m.fstype == fstype for m in table), target
    sys = mount_at(table, "/sys")
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(sys.options)
    shm = mount_at(table, "/dev/shm")
    assert {"nosuid", "nodev", "noexec"} <= set(shm.options) and "size=65536k" in shm.super
    pts = mount_at(table, "/dev/pts")
    assert {"gid=5", "mode=620", "ptmxmode=666"} <= set(pts.super)


def test_data_options_reach_the_file_system(bundle):
    bundle.mount("/m", "tmpfs", "named", "size=1m", "mode=0710", "nr_inodes=55")
    m = mount_at(shown(bundle), "/m")
    assert {"size=1024k", "mode=710", "nr_inodes=55"} <= set(m.super)
    assert m.source == "named"


def test_a_bind_shows_the_source(bundle, scratch):
    (scratch / "file").write_text("content\n")
    bundle.mount("/m", "bind", scratch, "bind")
    assert bundle.sh("cat /m/file").run().ok().out == "content\n"


def test_the_type_of_a_bind_does_not_matter(bundle, scratch):
    (scratch / "file").write_text("content\n")
    bundle.mount("/m", "none", scratch, "rbind")
    bundle.mount("/n", "tmpfs", scratch, "bind")
    assert bundle.sh("cat /m/file /n/file").run().ok().out == "content\n" * 2


def test_a_bind_of_a_file_makes_its_target(bundle, scratch):
    (scratch / "file").write_text("content\n")
    bundle.mount("/new/dir/file", "bind", scratch / "file", "bind", "ro")
    assert bundle.sh("cat /new/dir/file").run().ok().out == "content\n"


def test_a_relative_source_starts_at_the_bundle(bundle):
    (bundle.dir / "data").mkdir()
    (bundle.dir / "data/file").write_text("content\n")
    bundle.mount("/m", "bind", "data", "bind")
    assert bundle.sh("cat /m/file").run().ok().out == "content\n"


def test_a_relative_destination_starts_at_the_root(bundle):
    bundle.mount("m", "tmpfs", "tmpfs")
    assert mount_at(shown(bundle), "/m").fstype == "tmpfs"


def test_mounts_are_made_in_the_listed_order(bundle, scratch):
    (scratch / "below").mkdir()
    bundle.mount("/m", "tmpfs", "first")
    bundle.mount("/m", "tmpfs", "second")
    bundle.mount("/m/below", "tmpfs", "third")
    table = shown(bundle)
    assert [m.source for m in table if m.target.startswith("/m")] == ["first", "second", "third"]


def test_a_mount_without_type_and_source_is_a_bind_by_option(bundle, scratch):
    entry = {"destination": "/m", "source": str(scratch), "options": ["rbind"]}
    bundle.config["mounts"].append(entry)
    (scratch / "file").write_text("x")
    assert bundle.sh("ls /m").run().ok().out == "file\n"


def test_a_cgroup_mount_is_read_only_and_shows_the_containers_own(bundle):
    table = shown(bundle)
    below = [m for m in table if m.target.startswith("/sys/fs/cgroup")]
    assert below and all("ro" in m.options for m in below if IS_TARE or m.fstype != "tmpfs")
    assert {m.fstype for m in below} <= {"tmpfs", "cgroup", "cgroup2"}
    assert [m for m in below if m.fstype in ("cgroup", "cgroup2")]


def test_a_missing_destination_is_made(bundle):
    bundle.mount("/a/b/c", "tmpfs", "tmpfs")
    assert mount_at(shown(bundle), "/a/b/c").fstype == "tmpfs"


# --- links in the rootfs lead nowhere but into the rootfs


@pytest.mark.parametrize("link", ["/canary", "../../../../../../../canary", "{scratch}"])
def test_a_link_at_the_destination_stays_in_the_rootfs(bundle, scratch, link):
    (bundle.rootfs / "m").symlink_to(link.format(scratch=scratch))
    bundle.mount("/m", "tmpfs", "tmpfs")
    bundle.sh("touch /m/inside; true").run()
    assert os.listdir(scratch) == []
    assert not os.path.exists("/canary")


def test_a_link_at_the_parent_of_the_destination_stays_in_the_rootfs(bundle, scratch):
    (bundle.rootfs / "parent").symlink_to(scratch)
    bundle.mount("/parent/new/m", "tmpfs", "tmpfs")
    bundle.sh("true").run()
    assert os.listdir(scratch) == []


def test_a_link_at_dev_makes_no_device_on_the_host(bundle, scratch):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev")]
    (bundle.rootfs / "dev").rmdir()
    (bundle.rootfs / "dev").symlink_to(scratch)
    bundle.sh("true").run()
    assert os.listdir(scratch) == [] or not IS_TARE


# --- options. For each: how it is mounted, what mountinfo says


NEW_TMPFS = [
    # option(s), in the mount's options, not there, in the super block's, not there
    (["defaults"], ["rw", "relatime"], ["nosuid", "nodev", "noexec"], ["rw"], ["defaults"]),
    (["ro"], ["ro"], ["rw"], [], []),
    (["ro", "rw"], ["rw"], ["ro"], [], []),
    (["nosuid"], ["nosuid"], [], [], []),
    (["nosuid", "suid"], [], ["nosuid"], [], []),
    (["nodev"], ["nodev"], [], [], []),
    (["nodev", "dev"], [], ["nodev"], [], []),
    (["noexec"], ["noexec"], [], [], []),
    (["noexec", "exec"], [], ["noexec"], [], []),
    (["noatime"], ["noatime"], ["relatime"], [], []),
    (["noatime", "atime"], ["relatime"], ["noatime"], [], []),
    (["nodiratime"], ["nodiratime"], [], [], []),
    (["nodiratime", "diratime"], [], ["nodiratime"], [], []),
    (["relatime"], ["relatime"], ["noatime"], [], []),
    (["relatime", "norelatime"], [], ["noatime"], [], ["norelatime"]),
    (["strictatime"], [], ["relatime", "noatime"], [], []),
    (["strictatime", "nostrictatime"], ["relatime"], [], [], []),
    (["sync"], [], [], ["sync"], []),
    (["sync", "async"], [], [], [], ["sync", "async"]),
    (["dirsync"], [], [], ["dirsync"], []),
    (["lazytime"], [], [], ["lazytime"], []),
    (["lazytime", "nolazytime"], [], [], [], ["lazytime", "nolazytime"]),
    (["iversion"], [], [], [], ["noiversion"]),
    (["iversion", "noiversion"], [], [], [], ["iversion", "noiversion"]),
    (["silent"], [], [], [], ["silent"]),
    (["silent", "loud"], [], [], [], ["loud"]),
    (["silent", "rro", "rnosuid"], ["ro", "nosuid"], [], [], []),
    (["nosymfollow"], ["nosymfollow"], [], [], []),
    (["nosymfollow", "symfollow"], [], ["nosymfollow"], [], []),
    (["private"], [], [], [], []),
    (["mand", "nomand"], [], [], [], ["mand", "nomand"]),
]


@pytest.mark.parametrize("options,there,absent,in_super,not_in_super", NEW_TMPFS,
                         ids=lambda v: ",".join(v) if isinstance(v, list) else None)
def test_an_option_of_a_new_file_system(bundle, options, there, absent, in_super, not_in_super):
    if not IS_TARE and {"nosymfollow", "lazytime"} & set(options):
        pytest.skip("runc 1.1.5 does not know it")
    bundle.mount("/m", "tmpfs", "tmpfs", *options)
    m = mount_at(shown(bundle), "/m")
    assert set(there) <= set(m.options) and not set(absent) & set(m.options), m
    assert set(in_super) <= set(m.super) and not set(not_in_super) & set(m.super), m


ON_BIND = ["ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "nosymfollow"]


@pytest.mark.parametrize("option", ON_BIND)
@pytest.mark.parametrize("how", ["bind", "rbind"])
def test_an_option_of_a_bind_holds_for_the_top_only(bundle, tree, how, option):
    if not IS_TARE and option == "nosymfollow":
        pytest.skip("runc 1.1.5 does not know it")
    bundle.mount("/m", "bind", tree, how, option)
    table = shown(bundle)
    assert option in mount_at(table, "/m").options
    below = [m for m in table if m.target == "/m/sub"]
    assert len(below) == (how == "rbind")
    if option != "relatime":
        assert all(option not in m.options for m in below)


@pytest.mark.parametrize("option,negative", [
    ("ro", "rw"), ("nosuid", "suid"), ("nodev", "dev"), ("noexec", "exec"), ("noatime", "atime"),
    ("nodiratime", "diratime")])
def test_a_later_option_takes_back_an_earlier_one(bundle, tree, option, negative):
    bundle.mount("/m", "bind", tree, "bind", option, negative)
    assert option not in mount_at(shown(bundle), "/m").options


RECURSIVE = [("rro", "ro"), ("rnosuid", "nosuid"), ("rnodev", "nodev"), ("rnoexec", "noexec"),
             ("rnoatime", "noatime"), ("rnodiratime", "nodiratime"), ("rnosymfollow", "nosymfollow"),
             ("rrelatime", "relatime")]


@pytest.mark.parametrize("option,shows", RECURSIVE)
def test_a_recursive_option_holds_below_too(bundle, tree, option, shows):
    bundle.mount("/m", "bind", tree, "rbind", option)
    table = shown(bundle)
    for target in ("/m", "/m/sub"):
        assert shows in mount_at(table, target).options, target


def test_rstrictatime_holds_below_too(bundle, tree):
    bundle.mount("/m", "bind", tree, "rbind", "rstrictatime")
    table = shown(bundle)
    for target in ("/m", "/m/sub"):
        assert not {"relatime", "noatime"} & set(mount_at(table, target).options), target


@pytest.mark.parametrize("negative,hidden", [
    ("rrw", "ro"), ("rsuid", "nosuid"), ("rdev", "nodev"), ("rexec", "noexec"), ("ratime", "noatime"),
    ("rdiratime", "nodiratime"), ("rsymfollow", "nosymfollow"), ("rnostrictatime", None),
    ("rnorelatime", None)])
def test_a_recursive_option_clears_below_too(bundle, tree, negative, hidden):
    if hidden:
        subprocess.run(["mount", "-o", f"remount,bind,{hidden}", tree / "sub"], check=True)
    bundle.mount("/m", "bind", tree, "rbind", negative)
    table = shown(bundle)
    assert hidden not in mount_at(table, "/m").options
    assert hidden not in mount_at(table, "/m/sub").options


def test_remount_changes_an_earlier_mount(bundle, scratch):
    bundle.mount("/m", "bind", scratch, "bind")
    bundle.mount("/m", "bind", scratch, "bind", "remount", "ro", "nosuid")
    table = [m for m in shown(bundle) if m.target == "/m"]
    assert {"ro", "nosuid"} <= set(table[-1].options)
    if IS_TARE:
        assert len(table) == 1


def test_a_recursive_option_of_a_remount_holds_below_too(bundle, tree):
    bundle.mount("/m", "bind", tree, "rbind", "nodev")
    bundle.mount("/m", "bind", tree, "remount", "bind", "rro", "rdev")
    table = shown(bundle)
    for target in ("/m", "/m/sub"):
        options = mount_at(table, target).options
        assert "ro" in options and "nodev" not in options, target


def test_a_destination_below_root_path_is_that_place_inside(bundle, scratch):
    """Named as the host sees it; runc takes it so, crun for a path inside, where nobody has such a one."""
    bundle.mount(str(bundle.rootfs / "m"), "bind", scratch, "bind")
    table = shown(bundle)
    assert mount_at(table, "/m") and not [m for m in table if m.target == str(bundle.rootfs / "m")]


@pytest.mark.parametrize("words", [[], ["ro"], ["ro", "exec"]], ids=str)
def test_a_bind_keeps_the_flags_of_its_source(bundle, tree, words):
    subprocess.run(["mount", "-o", "remount,bind,nosuid,nodev,noexec", tree], check=True)
    bundle.mount("/m", "bind", tree, "bind", *words)
    options = set(mount_at(shown(bundle), "/m").options)
    assert {"nosuid", "nodev"} <= options or not IS_TARE
    assert ("noexec" in options) == ("exec" not in words) or not IS_TARE


@pytest.mark.parametrize("words,flags", [(["dev"], set()), (["rw", "nosuid"], {"nosuid"}), (["noexec"], {"noexec"})], ids=str)
def test_a_bind_with_a_flag_that_is_not_ro_has_the_named_ones(bundle, tree, words, flags):
    """
    runc and crun, as mount(2) with MS_REMOUNT and MS_BIND, take away what is not named. Only the plain bind and the one with "ro" had
    been tried, in which they keep all, or differ.
    """
    subprocess.run(["mount", "-o", "remount,bind,ro,nosuid,nodev,noexec", tree], check=True)
    bundle.mount("/m", "bind", tree, "bind", *words)
    options = set(mount_at(shown(bundle), "/m").options)
    assert options & {"ro", "nosuid", "nodev", "noexec"} == flags


def test_in_a_user_namespace_the_flags_that_lock_a_mount_stay(bundle, tree):
    """As with runc; crun takes them away there, too."""
    subprocess.run(["mount", "-o", "remount,bind,ro,nosuid,nodev", tree], check=True)
    bundle.mount("/m", "bind", tree, "rbind", "noexec")
    (bundle.rootfs / "m").mkdir()
    bundle.userns()
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(mount_at(shown(bundle), "/m").options)


@pytest.mark.parametrize("word,top,below", [
    ("private", [], None), ("rprivate", [], []),
    ("slave", ["master"], None), ("rslave", ["master"], ["master"]),
    ("shared", ["shared"], None), ("rshared", ["shared"], ["shared"]),
    ("unbindable", ["unbindable"], None), ("runbindable", ["unbindable"], ["unbindable"])])
def test_propagation_of_a_mount(bundle, scratch, word, top, below):
    with host_mount(scratch, "shared"):
        subprocess.run(["mount", "--make-rshared", scratch], check=True)
        bundle.mount("/m", "bind", scratch, "rbind", word)
        table = shown(bundle)
    for target, words in (("/m", top), ("/m/sub", below)):
        if words is None:
            continue
        m = mount_at(table, target)
        assert all(m.shares(w) for w in words), m
        if not words:
            assert m.propagation == [], m


def test_a_slave_sees_what_the_host_mounts_later(bundle, scratch):
    with host_mount(scratch, "shared"):
        (scratch / "later").mkdir()
        bundle.mount("/m", "bind", scratch, "rbind", "rslave")
        bundle.stay().up()
        subprocess.run(["mount", "-t", "tmpfs", "later", scratch / "later"], check=True)
        assert mount_at(bundle.mounts(), "/m/later").source == "later"
        bundle.delete("--force").ok()


def test_a_private_mount_does_not_see_what_the_host_mounts_later(bundle, scratch):
    with host_mount(scratch, "shared"):
        (scratch / "later").mkdir()
        bundle.mount("/m", "bind", scratch, "rbind", "rprivate")
        bundle.stay().up()
        subprocess.run(["mount", "-t", "tmpfs", "later", scratch / "later"], check=True)
        assert not [m for m in bundle.mounts() if m.target == "/m/later"]
        bundle.delete("--force").ok()


@pytest.mark.parametrize("option", ["tmpcopyup"])
def test_tmpcopyup_copies_what_was_there(bundle, option):
    (bundle.rootfs / "m/dir").mkdir(parents=True)
    (bundle.rootfs / "m/dir/file").write_text("content\n")
    (bundle.rootfs / "m/link").symlink_to("dir/file")
    bundle.mount("/m", "tmpfs", "tmpfs", option)
    r = bundle.sh("echo new >>/m/dir/file; cat /m/link; cat /proc/self/mountinfo").run().ok()
    assert r.out.startswith("content\nnew\n")
    assert mount_at(mounts_of(r.out), "/m").fstype == "tmpfs"
    assert (bundle.rootfs / "m/dir/file").read_text() == "content\n"


@pytest.mark.parametrize("options, owner", [([], "0:0"), (["uid=7", "gid=8"], "7:8")], ids=str)
def test_tmpcopyup_copies_the_mode_but_the_owner_is_the_mounts(bundle, options, owner):
    m = bundle.rootfs / "m"
    (m / "dir").mkdir(parents=True)
    for path, mode in ((m, 0o2750), (m / "dir", 0o700)):
        os.chown(path, 1000, 1001)
        path.chmod(mode)
    bundle.mount("/m", "tmpfs", "tmpfs", "tmpcopyup", *options)
    bundle.process["capabilities"] = {"bounding": ["CAP_DAC_OVERRIDE"], "effective": ["CAP_DAC_OVERRIDE"],
                                      "permitted": ["CAP_DAC_OVERRIDE"]}
    assert bundle.sh("stat -c %a:%u:%g /m /m/dir").run().ok().out.split() == [f"2750:{owner}", "700:1000:1001"]


@pytest.mark.parametrize("place", ["/m", "/new"])
def test_what_is_copied_up_has_the_options_of_the_mount(bundle, place):
    """Read-only, too, although there was something to write first."""
    (bundle.rootfs / "m").mkdir()
    (bundle.rootfs / "m/file").write_text("content\n")
    bundle.mount(place, "tmpfs", "tmpfs", "tmpcopyup", "ro", "nosuid", "noexec")
    r = bundle.sh(f"echo new >>{place}/file; cat {place}/file; cat /proc/self/mountinfo").run().ok()
    assert "Read-only file system" in r.err
    assert {"ro", "nosuid", "noexec"} <= set(mount_at(mounts_of(r.out), place).options)
    assert ("content\n" in r.out) == (place == "/m") and "new\n" not in r.out


def test_every_option_that_features_lists_is_accepted(bundle, scratch):
    """On a tmpfs or, where that makes no sense, on a bind: never 'unknown'."""
    import json

    from harness import RUNTIME, command
    if not IS_TARE:
        pytest.skip(f"{RUNTIME} has no features")
    listed = json.loads(command(RUNTIME, "features").ok().out)["mountOptions"]
    must = """async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev
        nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime
        remount ro rprivate rshared rslave runbindable rw shared silent slave strictatime suid sync
        unbindable nosymfollow symfollow ratime rdev rdiratime rexec rnoatime rnodiratime rnoexec
        rnorelatime rnostrictatime rnosuid rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow
        rnodev tmpcopyup mand nomand""".split()
    assert not set(must) - set(listed)
    (scratch / "link").symlink_to("elsewhere")
    for n, option in enumerate(o for o in listed if o not in ("remount", "bind", "rbind", "tmpcopyup")):
        if option in ("copy-symlink", "src-nofollow", "dest-nofollow"):
            bundle.mount(f"/m{n}", "bind", scratch if option[0] == "d" else scratch / "link", "bind", option)
            continue
        m = bundle.mount(f"/m{n}", "tmpfs", "tmpfs", option)
        if option in ("idmap", "ridmap"):
            m["uidMappings"] = m["gidMappings"] = [{"containerID": 0, "hostID": 1000, "size": 1}]
    bundle.mount("/m", "bind", scratch, "bind", "rbind")
    bundle.sh("true").run().ok()


@tare_only
@pytest.mark.parametrize("destination", ["/proc/self", "/proc/sys", "/proc/self/attr", "/proc/sys/net/ipv4", "/proc/net/dev"])
def test_a_mount_below_proc_is_refused(bundle, scratch, destination):
    bundle.mount(destination, "bind", scratch, "bind")
    bundle.run().refused(f"/mounts/{len(bundle.config['mounts']) - 1}", destination)


def test_a_leaf_of_proc_may_be_bound_over(bundle, scratch):
    (scratch / "uptime").write_text("1 2\n")
    bundle.mount("/proc/uptime", "bind", scratch / "uptime", "bind")
    assert bundle.sh("cat /proc/uptime").run().ok().out == "1 2\n"


@tare_only
@pytest.mark.parametrize("option", ["mode=755", "size=1m", "uid=7"])
def test_a_bind_with_an_option_of_a_filesystem_is_an_error_that_says_so(bundle, scratch, option):
    """mount(2) passes over it, so the option would silently be without effect; runc refuses it since 1.2."""
    bundle.mount("/m", "bind", scratch, "rbind", "ro", option)
    bundle.refused_at(f"/mounts/{len(bundle.config['mounts']) - 1}/options/2",
                      f'"{option}" is an option of a filesystem, and a bind has none (leave it out; what the source is mounted with holds)')


@tare_only
@pytest.mark.parametrize("option, hint", [
    ("z", "it is the engine's own, which labels or chowns the source: leave it out, and do that with chcon(1) or chown(1)"),
    ("U", "it is the engine's own, which labels or chowns the source: leave it out, and do that with chcon(1) or chown(1)"),
    ("rdo", 'did you mean "ro"?')])
def test_an_option_that_no_bind_has_comes_with_a_hint(bundle, option, hint):
    bundle.mount("/mnt", "bind", "/etc", "bind", option)
    bundle.refused_at("/mounts/7/options/1", f'unknown mount option "{option}" ({hint})', foreseen=False)
