# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is made in the root file system on the way: modes of a tmpfs, read-only when all is there, the working directory.

Read-only mounts, and missing working directories, had each been tried alone; not one in the other.
"""
import os

import pytest

from harness import BINARY, IS_TARE, chown_tree, command, mount_at, mounts_of, root_only, tare_only

pytestmark = root_only
KERNELS = pytest.mark.parametrize("version", ["99.0", "5.10", "3.10"] if IS_TARE else ["99.0"])


@pytest.fixture(params=["root", "userns"])
def either(request, bundle):
    if request.param == "userns":
        bundle.userns(100000)
        chown_tree(bundle.rootfs, 100000)
    return bundle


def run_on(older, bundle, version, *flags):
    bundle.write()
    return command(older, version, "enosys", BINARY, "--root", bundle.root, "run", *flags, "--bundle", bundle.dir, bundle.id)


def directory(bundle, name, mode):
    path = bundle.rootfs / name
    path.mkdir()
    path.chmod(mode)
    os.chown(path, bundle.rootfs.stat().st_uid, bundle.rootfs.stat().st_gid)
    return path


# --- the mode of a tmpfs


@KERNELS
@pytest.mark.parametrize("mode", [0o700, 0o1755, 0o2750])
def test_a_tmpfs_without_mode_has_that_of_the_directory_it_covers(either, older, mode, version):
    """Its own default, 1777, had been taken for what is meant; that opens a directory of the image to everybody."""
    directory(either, "data", mode)
    either.mount("/data", "tmpfs", "tmpfs", "nosuid", "nodev")
    either.sh("stat -c %a /data")
    assert run_on(older, either, version).ok().out == f"{mode:o}\n"


@KERNELS
@pytest.mark.parametrize("words", [["nosuid"], ["ro"], ["silent", "size=1m"], ["size=1m"]], ids="+".join)
def test_the_inherited_mode_is_an_option_of_the_tmpfs(bundle, older, words, version):
    """As with both peers; the mode had been changed by chmod(2) only, so mountinfo did not show it."""
    directory(bundle, "data", 0o710)
    bundle.mount("/data", "tmpfs", "tmpfs", *words)
    bundle.sh("grep ' /data ' /proc/self/mountinfo; stat -c %a /data")
    line, mode = run_on(older, bundle, version).ok().lines
    assert "mode=710" in line.split()[-1].split(",") and mode == "710"


def test_a_tmpfs_on_a_directory_that_was_missing_is_for_everybody(either):
    either.mount("/none/here", "tmpfs", "tmpfs")
    assert either.sh("stat -c %a /none/here").run().ok().out == "1777\n"


@pytest.mark.parametrize("option", ["mode=711", "mode=0711"])
def test_mode_is_what_it_says(either, option):
    directory(either, "data", 0o700)
    either.mount("/data", "tmpfs", "tmpfs", option)
    assert either.sh("stat -c %a /data").run().ok().out == "711\n"


def test_the_directory_that_is_covered_may_be_behind_a_link_or_of_a_mount(either):
    directory(either, "data", 0o710)
    (either.rootfs / "link").symlink_to("/data")
    either.mount("/link", "tmpfs", "tmpfs")
    either.mount("/m", "tmpfs", "tmpfs", "mode=701")
    either.mount("/m", "tmpfs", "tmpfs")
    assert either.sh("stat -c %a /data /m").run().ok().out == "710\n701\n"


@KERNELS
@tare_only
@pytest.mark.parametrize("words", [["silent"], ["ro"], ["silent", "ro"], ["ro", "rro"]], ids="+".join)
def test_other_ways_to_mount_it_make_no_difference(bundle, older, words, version):
    directory(bundle, "data", 0o750)
    bundle.mount("/data", "tmpfs", "tmpfs", *words)
    bundle.sh("stat -c %a /data; cat /proc/self/mountinfo")
    r = run_on(older, bundle, version).ok()
    assert r.lines[0] == "750"
    assert ("ro" in mount_at(mounts_of(r.out), "/data").options) is ("ro" in words)


# --- read-only last


@KERNELS
def test_in_a_read_only_tmpfs_other_mounts_can_be_made(either, older, scratch, version):
    os.chmod(scratch, 0o777)
    either.mount("/x", "tmpfs", "tmpfs", "ro")
    either.mount("/x/y", "bind", scratch, "bind", "rw")
    either.mount("/x/z/t", "tmpfs", "tmpfs", "ro")
    either.sh("touch /x/a 2>/dev/null || touch /x/z/t/a 2>/dev/null || touch /x/y/b && cat /proc/self/mountinfo")
    table = mounts_of(run_on(older, either, version).ok().out)
    assert ["ro" in mount_at(table, t).options for t in ("/x", "/x/y", "/x/z/t")] == [True, False, True]
    assert (scratch / "b").exists()


@KERNELS
def test_a_read_only_dev_has_its_nodes_links_and_console(either, older, version):
    for m in either.config["mounts"]:
        if m["destination"] == "/dev":
            m["options"].append("ro")
    either.sh("echo x >/dev/null; ls /dev/fd /dev/pts/ptmx >/dev/null; touch /dev/new 2>/dev/null || echo read-only")
    assert run_on(older, either, version).ok().out == "read-only\n"


@tare_only
def test_in_a_read_only_volume_on_dev_mounts_can_be_made(bundle, scratch):
    bundle.config["mounts"] = [m for m in bundle.config["mounts"] if not m["destination"].startswith("/dev/") or m["type"] == "devpts"]
    for m in bundle.config["mounts"]:
        if m["destination"] == "/dev":
            m.update(type="bind", source=str(scratch), options=["bind", "ro"])
    r = bundle.sh("touch /dev/new 2>/dev/null || ls /dev").run().ok()
    assert r.lines == ["pts"]


@tare_only
def test_a_remount_that_asks_for_writing_is_the_later_word(bundle):
    bundle.mount("/x", "tmpfs", "tmpfs", "ro")
    bundle.mount("/x", "tmpfs", "tmpfs", "remount", "rw")
    assert bundle.sh("touch /x/a && echo done").run().ok().out == "done\n"


@tare_only
@KERNELS
def test_what_lies_over_it_later_is_not_made_read_only(bundle, older, scratch, version):
    bundle.mount("/x", "tmpfs", "tmpfs", "ro")
    bundle.mount("/x", "bind", scratch, "bind", "rw")
    bundle.sh("touch /x/b")
    run_on(older, bundle, version).ok()
    assert (scratch / "b").exists()


@tare_only
def test_however_many_there_are_all_of_them_are_read_only(bundle):
    for i in range(40):
        bundle.mount(f"/x{i}", "tmpfs", "tmpfs", "ro")
    table = mounts_of(bundle.sh("cat /proc/self/mountinfo").run().ok().out)
    assert all("ro" in mount_at(table, f"/x{i}").options for i in range(40))


# --- the working directory


@KERNELS
@pytest.mark.parametrize("flags", [[], ["--no-pivot"]], ids=str)
@pytest.mark.parametrize("why", ["root", "tmpfs", "path"])
def test_a_missing_working_directory_is_made_before_its_place_is_read_only(either, older, why, flags, version):
    either.config["root"]["readonly"] = why == "root"
    if why == "tmpfs":
        either.mount("/srv", "tmpfs", "tmpfs", "ro")
    if why == "path":
        directory(either, "srv", 0o755)
        either.linux["readonlyPaths"].append("/srv")
    either.process["cwd"] = "/srv/app/deep"
    either.sh("pwd; touch /srv/z 2>/dev/null && echo writable; stat -c %a /srv/app")
    assert run_on(older, either, version, *flags).ok().out == "/srv/app/deep\n755\n"


@tare_only
def test_without_a_mount_namespace_it_is_made_too(bundle):
    bundle.chroot()
    bundle.process["cwd"] = "/srv/app"
    assert bundle.sh("pwd").run().ok().out == "/srv/app\n"


def test_what_a_hook_mounts_is_where_the_working_directory_is_made(bundle, scratch):
    """The hooks of create come before: an engine's volume may be where it is looked for."""
    (bundle.rootfs / "srv").mkdir()
    script = f"mount --bind {scratch} {bundle.rootfs}/srv"
    bundle.config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}]}
    bundle.process["cwd"] = "/srv/app"
    bundle.sh("pwd").run().ok()
    assert (scratch / "app").is_dir() and not (bundle.rootfs / "srv/app").exists()


# --- a file and a directory


@tare_only
@KERNELS
@pytest.mark.parametrize("source", ["file", "directory"])
def test_a_file_on_a_directory_and_the_reverse_say_which_is_which(bundle, older, scratch, source, version):
    """The words are those of mount(2)'s ENOTDIR, which docker and its users look for; with the newer calls there were others."""
    other = "directory" if source == "file" else "file"
    (scratch / "file").write_text("")
    (scratch / "directory").mkdir()
    (bundle.rootfs / "file").write_text("")
    (bundle.rootfs / "directory").mkdir()
    bundle.mount(f"/{other}", "bind", scratch / source, "bind")
    text = (f'mount on "/{other}": attach to "/{other}": not a directory '
            f'("{scratch}/{source}" is a {source}, "/{other}" in the rootfs a {other})')
    if version == "99.0":
        bundle.refused_at(f"/mounts/{len(bundle.config['mounts']) - 1}", text)
    else:
        run_on(older, bundle, version).refused(text)


@tare_only
def test_a_file_system_on_a_file_says_it_too(bundle):
    (bundle.rootfs / "file").write_text("")
    bundle.mount("/file", "tmpfs", "tmpfs", "mode=755")
    bundle.refused_at(f"/mounts/{len(bundle.config['mounts']) - 1}", 'mount on "/file": attach to "/file": not a directory '
                      '("tmpfs" is a directory, "/file" in the rootfs a file)')
    del bundle.config["mounts"][-1]["options"]
    bundle.run().refused('not a directory')
