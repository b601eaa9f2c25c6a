# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of mount options in config.md, and id-mapped mounts: what mountinfo says inside."""
import json
import os
import subprocess

import pytest

import harness
from harness import mount_at
from sentences import param, says

OPTIONS, POSIX = "config.md#configLinuxMountOptions", "config.md#configPOSIXMounts"


def row(option, *values, gap=None, **kw):
    marks = [says(OPTIONS, f"`{option}` ")] if option != "rrelatime" else [says(OPTIONS, "`rrelatime ")]
    if gap:
        marks.append(pytest.mark.gap(gap))
    return pytest.param(option, *values, marks=marks, id=option, **kw)


# option, those before it, in the mount's options, not there, in the super block's, not there
NEW = [
    row("async", ["sync"], [], [], [], ["sync", "async"]), row("sync", [], [], [], ["sync"], []),
    row("atime", ["noatime"], [], ["noatime"], [], []), row("noatime", [], ["noatime"], ["relatime"], [], []),
    row("defaults", [], ["rw"], ["nosuid", "nodev", "noexec"], ["rw"], ["defaults"]),
    row("dev", ["nodev"], [], ["nodev"], [], []), row("nodev", [], ["nodev"], [], [], []),
    row("diratime", ["nodiratime"], [], ["nodiratime"], [], []), row("nodiratime", [], ["nodiratime"], [], [], []),
    row("dirsync", [], [], [], ["dirsync"], []),
    row("exec", ["noexec"], [], ["noexec"], [], []), row("noexec", [], ["noexec"], [], [], []),
    row("iversion", [], [], [], [], ["noiversion"], gap=8),
    row("noiversion", ["iversion"], [], [], [], ["iversion", "noiversion"], gap=8),
    row("lazytime", [], [], [], ["lazytime"], [], gap=8),
    row("nolazytime", ["lazytime"], [], [], [], ["lazytime", "nolazytime"], gap=8),
    row("silent", [], [], [], [], ["silent"], gap=8), row("loud", ["silent"], [], [], [], ["silent", "loud"], gap=8),
    row("relatime", ["strictatime"], ["relatime"], [], [], []),
    row("norelatime", ["relatime"], [], ["noatime"], [], ["norelatime"]),
    row("strictatime", [], [], ["relatime", "noatime"], [], []),
    row("nostrictatime", ["strictatime"], ["relatime"], [], [], []),
    row("suid", ["nosuid"], [], ["nosuid"], [], []), row("nosuid", [], ["nosuid"], [], [], []),
    row("symfollow", ["nosymfollow"], [], ["nosymfollow"], [], [], gap=9),
    row("nosymfollow", [], ["nosymfollow"], [], [], [], gap=9),
    row("ro", [], ["ro"], ["rw"], [], []), row("rw", ["ro"], ["rw"], ["ro"], [], [])]


@says(OPTIONS, "Runtimes MUST/SHOULD/MAY implement the following option strings", "The \"MUST\" options correspond to")
@pytest.mark.parametrize("option,first,there,absent,in_super,not_in_super", NEW)
def test_an_option_of_a_new_file_system(probe, option, first, there, absent, in_super, not_in_super):
    probe.bundle.mount("/m", "tmpfs", "tmpfs", *first, option)
    m = probe.see().mount("/m")
    assert set(there) <= set(m.options) and not set(absent) & set(m.options), m
    assert set(in_super) <= set(m.super) and not set(not_in_super) & set(m.super), m


@pytest.fixture
def tree(scratch):
    """A file system with another below it."""
    for path in (scratch, scratch / "sub"):
        path.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
    (scratch / "sub/file").write_text("below")
    yield scratch
    subprocess.run(["umount", "-R", scratch], check=True)


@pytest.mark.parametrize("option", [row("bind"), row("rbind")])
def test_a_bind_shows_its_source_with_what_is_below_if_recursive(probe, tree, option):
    (tree / "file").write_text("top")
    probe.bundle.mount("/m", "bind", tree, option)
    seen = probe.see("file:/m/file", "file:/m/sub/file")
    assert seen.text("/m/file") == "top"
    assert seen.text("/m/sub/file") == ("below" if option == "rbind" else None)


SETS = [row("rro", "ro"), row("rnosuid", "nosuid"), row("rnoexec", "noexec"), row("rnoatime", "noatime"),
        row("rnodiratime", "nodiratime"), row("rnosymfollow", "nosymfollow", gap=9), row("rrelatime", "relatime"),
        pytest.param("rnodev", "nodev", id="rnodev")]


@pytest.mark.parametrize("option,shows", SETS)
def test_a_recursive_option_holds_below_too(probe, tree, option, shows):
    if shows == "relatime":
        tree_flags(tree, "strictatime")
    probe.bundle.mount("/m", "bind", tree, "rbind", option)
    table = probe.see().mounts
    for target in ("/m", "/m/sub"):
        assert shows in mount_at(table, target).options, target


CLEARS = [row("rrw", "ro", "ro"), row("rsuid", "nosuid", "nosuid"), row("rdev", "nodev", "nodev"),
          row("rexec", "noexec", "noexec"), row("ratime", "noatime", "noatime"),
          row("rdiratime", "nodiratime", "nodiratime"), row("rsymfollow", "nosymfollow", "nosymfollow", gap=9),
          row("rstrictatime", "relatime", "relatime"), row("rnostrictatime", "strictatime", None),
          row("rnorelatime", "noatime", None)]


def tree_flags(path, words):
    for p in (path / "sub", path):
        subprocess.run(["mount", "-o", f"remount,bind,{words}", p], check=True)


@pytest.mark.parametrize("option,before,hidden", CLEARS)
def test_a_recursive_option_clears_below_too(probe, tree, option, before, hidden):
    tree_flags(tree, before)
    probe.bundle.mount("/m", "bind", tree, "rbind", option)
    table = probe.see().mounts
    for target in ("/m", "/m/sub"):
        shown = mount_at(table, target).options
        assert hidden is None or hidden not in shown, (target, shown)
    if option == "rnostrictatime":
        assert all("relatime" in mount_at(table, t).options for t in ("/m", "/m/sub"))


@pytest.mark.parametrize("option", [row("remount")])
def test_remount_changes_an_earlier_mount(probe, option):
    probe.bundle.mount("/m", "tmpfs", "tmpfs", "rw", "size=1m")
    probe.bundle.mount("/m", "tmpfs", "tmpfs", option, "ro", "nosuid")
    seen = probe.see()
    assert len([m for m in seen.mounts if m.target == "/m"]) == 1
    assert {"ro", "nosuid"} <= set(seen.mount("/m").options)


SOURCE = {"shared"}  # of what an option that is not recursive leaves alone, enough to know it by
PROPAGATION = [row("private", "rshared", set(), SOURCE), row("rprivate", "rshared", set(), set()),
               row("shared", "rprivate", {"shared"}, set()), row("rshared", "rprivate", {"shared"}, {"shared"}),
               row("slave", "rshared", {"master"}, SOURCE), row("rslave", "rshared", {"master"}, {"master"}),
               row("unbindable", "rshared", {"unbindable"}, SOURCE),
               row("runbindable", "rshared", {"unbindable"}, {"unbindable"})]


@pytest.mark.parametrize("option,first,top,below", PROPAGATION)
def test_propagation_of_a_bind(probe, tree, option, first, top, below):
    subprocess.run(["mount", "--make-rshared", tree], check=True)
    probe.bundle.linux["rootfsPropagation"] = "slave"
    probe.bundle.mount("/m", "bind", tree, "rbind", first, option)
    table = probe.see().mounts
    for target, wanted in (("/m", top), ("/m/sub", below)):
        has = {p.split(":")[0] for p in mount_at(table, target).propagation}
        assert wanted <= has if wanted == SOURCE else has == wanted, (target, has)


def outside_the_table():
    """Options of tare's own: those of its features that the specification does not list."""
    r = harness.rt("features")
    if r.code != 0:
        pytest.skip("this runtime has no features")
    from test_sentences import option_table
    return set(json.loads(r.out)["mountOptions"]) - option_table()


MOUNT8 = {"auto", "noauto", "nofail", "user", "nouser", "users", "owner", "group", "_netdev", "context", "fscontext",
          "defcontext", "rootcontext", "move", "make-shared", "loop", "offset", "sizelimit"}


@says(OPTIONS, "If a custom option string is already recognized by")
def test_no_option_of_the_runtimes_own_has_a_name_that_mount_8_knows():
    assert not outside_the_table() & MOUNT8


@says(OPTIONS, "Runtimes SHOULD treat unknown options as [filesystem-specific ones]")
def test_an_unknown_option_goes_to_the_file_system(probe):
    probe.bundle.mount("/m", "tmpfs", "tmpfs", "nosuid", "size=1m", "nr_inodes=77", "mode=700")
    m = probe.see().mount("/m")
    assert {"size=1024k", "nr_inodes=77", "mode=700"} <= set(m.super) and "nosuid" in m.options
    probe.bundle.mount("/n", "tmpfs", "tmpfs", "no_such_option=1")
    assert probe.bundle.create().code != 0


# --- id-mapped mounts


def mapping(host=5000, container=0, size=10):
    return [{"containerID": container, "hostID": host, "size": size}]


@pytest.fixture
def owned(tree):
    """Files of user and group 0, 3 and 7 on a file system and the one below it."""
    for base in (tree, tree / "sub"):
        for n in (0, 3, 7):
            (base / str(n)).write_text("")
            os.chown(base / str(n), n, n)
    return tree


def owners(seen, *paths):
    return [(seen.asked(f"stat:{p}").get("uid"), seen.asked(f"stat:{p}").get("gid")) for p in paths]


IDMAP = [row("idmap", gap=15), row("ridmap", gap=15)]


@says(POSIX, "This SHOULD be implemented using")
@pytest.mark.parametrize("option", IDMAP)
def test_an_id_mapped_mount_shows_the_files_mapped(probe, owned, option):
    entry = probe.bundle.mount("/m", "bind", owned, "rbind", option)
    entry.update(uidMappings=mapping(5000), gidMappings=mapping(6000))
    seen = probe.see("stat:/m/3", "stat:/m/sub/3")
    assert owners(seen, "/m/3") == [(5003, 6003)]
    assert owners(seen, "/m/sub/3") == [(5003, 6003) if option == "ridmap" else (3, 3)]
    assert "idmapped" in seen.mount("/m").options
    assert ("idmapped" in seen.mount("/m/sub").options) == (option == "ridmap")
    assert os.stat(owned / "3").st_uid == 3


@pytest.mark.gap(15)
@says(POSIX, "to specify whether the mapping should be applied recursively for `rbind` mounts")
def test_mappings_without_a_word_about_recursion_hold_for_the_top(probe, owned):
    probe.bundle.mount("/m", "bind", owned, "bind").update(uidMappings=mapping(5000), gidMappings=mapping(6000))
    assert owners(probe.see("stat:/m/3"), "/m/3") == [(5003, 6003)]


@pytest.mark.gap(15)
@pytest.mark.parametrize("option", IDMAP)
def test_an_id_mapped_mount_may_take_the_mapping_of_the_user_namespace(probe, owned, option):
    """With mappings of the container's own user namespace, its root owns what root owns on the file system."""
    probe.bundle.userns(200000, 65536)
    harness.chown_tree(probe.bundle.rootfs, 200000)
    probe.bundle.mount("/m", "bind", owned, "rbind", option)
    r = probe.bundle.create()
    if r.code != 0:  # MAY: else an error MUST be returned
        assert harness.rt("state", probe.bundle.id).code != 0
        return
    probe.bundle.delete("--force").ok()
    assert owners(probe.see("stat:/m/0", "stat:/m/7"), "/m/0", "/m/7") == [(0, 0), (7, 7)]


@pytest.mark.gap(15)
@pytest.mark.parametrize("option", IDMAP)
def test_an_id_mapped_mount_without_any_mapping_is_an_error(bundle, scratch, option):
    bundle.mount("/m", "bind", scratch, "bind", option)
    assert bundle.stay().create().code != 0


@pytest.mark.gap(15)
@pytest.mark.parametrize("key", [
    param("uidMappings", anchor=POSIX, words="If specified, it MUST be specified along with `gidMappings`."),
    param("gidMappings", anchor=POSIX, words="If specified, it MUST be specified along with `uidMappings`.")])
def test_one_mapping_without_the_other_is_an_error(bundle, scratch, key):
    bundle.mount("/m", "bind", scratch, "bind", "idmap")[key] = mapping()
    assert bundle.stay().create().code != 0


@pytest.mark.gap(15)
@pytest.mark.parametrize("option", IDMAP)
def test_a_new_file_system_can_be_id_mapped(probe, option):
    probe.bundle.mount("/m", "tmpfs", "tmpfs", "mode=1777", option).update(
        uidMappings=mapping(5000), gidMappings=mapping(6000))
    seen = probe.see("stat:/m")
    assert "idmapped" in seen.mount("/m").options and owners(seen, "/m") == [(5000, 6000)]


