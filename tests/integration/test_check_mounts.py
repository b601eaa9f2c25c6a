# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that a bind brings: check reads them from the source, and says `no` where run fails, and nowhere else.

Earlier tests were content with "not read" for all mounts; create runs such programs, so an answer can be had.
"""
import json
import os
import shutil

import pytest

from harness import command, root_only, tare_only
from test_check_elf import OWN, wide

pytestmark = [tare_only, root_only]
ARGS = "/process/args"
SCRIPT = "#!/bin/sh\nexit 0\n"
LONG = "/" + "d" * 120 + "/ld"


def put(path, content=SCRIPT, mode=0o755):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)


def found(bundle):
    """The rows that are not ok."""
    r = command(*bundle.argv("check", "--bundle", bundle.dir, "--json")[:-1])
    return [(row["level"], row["place"], row["what"], row["why"]) for row in json.loads(r.out)["rows"] if row["level"] != "ok"]


def agrees(bundle, program, why=None, what=None):
    """check has no row but this `no`, which is about @what, and run fails for it; without @why the program runs."""
    bundle.process["args"] = program if isinstance(program, list) else [program]
    bundle.write()
    r = bundle.run()
    assert (r.code != 0) == bool(why), r
    assert found(bundle) == ([("no", ARGS, f'"{what or program}"', why)] if why else [])


@pytest.fixture
def sources(bundle):
    """Two directories of the host."""
    made = bundle.dir / "a", bundle.dir / "b"
    for directory in made:
        directory.mkdir()
    return made


@pytest.mark.parametrize("kind", ["bind", "rbind"])
@pytest.mark.parametrize("target", ["/app", "/var/new/app", "/etc"])
def test_a_program_in_a_directory(bundle, sources, kind, target):
    put(sources[0] / "bin/run")
    bundle.mount(target, "bind", sources[0], kind, "ro")
    agrees(bundle, f"{target}/bin/run")


def test_a_program_that_is_missing(bundle, sources):
    (bundle.rootfs / "app").mkdir()
    put(bundle.rootfs / "app/run")
    bundle.mount("/app", "bind", sources[0], "rbind")
    agrees(bundle, "/app/run", "no such file or directory")


def test_a_file_on_a_file(bundle, sources):
    put(sources[0] / "tool")
    put(bundle.rootfs / "bin/tool", "#!/nothing\n")
    bundle.mount("/bin/tool", "bind", sources[0] / "tool", "bind")
    agrees(bundle, "/bin/tool")
    (sources[0] / "tool").write_text("")
    agrees(bundle, "/bin/tool", "it is empty")


def test_mounts_on_mounts_in_their_order(bundle, sources):
    put(sources[0] / "sub/first")
    put(sources[1] / "second")
    bundle.mount("/app", "bind", sources[0], "bind")
    bundle.mount("/app/sub", "bind", sources[1], "bind")
    agrees(bundle, "/app/sub/second")
    agrees(bundle, "/app/sub/first", "no such file or directory")
    bundle.config["mounts"][-2:] = bundle.config["mounts"][:-3:-1]
    agrees(bundle, "/app/sub/first")
    agrees(bundle, "/app/sub/second", "no such file or directory")


def test_the_last_mount_on_a_place_counts(bundle, sources):
    put(sources[0] / "first")
    put(sources[1] / "second")
    bundle.mount("/app", "bind", sources[0], "bind")
    bundle.mount("/app", "bind", sources[1], "bind")
    agrees(bundle, "/app/second")
    agrees(bundle, "/app/first", "no such file or directory")


def test_directories_that_are_made_for_a_target_in_a_bind(bundle, sources):
    put(sources[1] / "run")
    bundle.mount("/app", "bind", sources[0], "bind")
    bundle.mount("/app/made/for/it", "bind", sources[1], "bind")
    bundle.process["args"] = ["/app/made/for/it/run"]
    bundle.write()
    assert found(bundle) == [] and os.listdir(sources[0]) == []
    bundle.run().ok()
    agrees(bundle, "/app/made/for/run", "no such file or directory")
    agrees(bundle, "/app/made/for", "it is a directory")


def test_noexec(bundle, sources):
    put(sources[0] / "run")
    bundle.mount("/app", "bind", sources[0], "rbind", "noexec")
    agrees(bundle, "/app/run", '"/app" is mounted noexec')


@pytest.mark.parametrize("option, why", [((), '"/app" is mounted noexec'), (("exec",), None)])
@pytest.mark.parametrize("kind", ["bind", "rbind"])
def test_a_source_on_a_noexec_mount(bundle, sources, kind, option, why):
    command("mount", "-t", "tmpfs", "-o", "noexec", "none", sources[0]).ok()
    try:
        put(sources[0] / "run")
        bundle.mount("/app", "bind", sources[0], kind, *option)
        agrees(bundle, "/app/run", why)
    finally:
        command("umount", sources[0]).ok()


@pytest.mark.parametrize("option, why", [("noexec", None), ("rnoexec", '"/app" is mounted noexec')])
def test_mounts_of_the_host_below_the_source(bundle, sources, option, why):
    """A bind that is recursive has them, with their own flags; another one shows what they cover, which is not known."""
    (sources[0] / "sub").mkdir()
    put(sources[0] / "sub/run", "")
    command("mount", "-t", "tmpfs", "none", sources[0] / "sub").ok()
    try:
        put(sources[0] / "sub/run")
        bundle.mount("/app", "bind", sources[0], "rbind", option)
        agrees(bundle, "/app/sub/run", why)
        bundle.config["mounts"][-1]["options"] = ["bind"]
        bundle.write()
        assert found(bundle) == [("weaker", ARGS, '"/app/sub/run"', 'not read: it comes with the mount on "/app"')]
        assert bundle.run().code != 0
    finally:
        command("umount", sources[0] / "sub").ok()


def test_a_remount_makes_it_noexec(bundle, sources):
    put(sources[0] / "run")
    bundle.mount("/app", "bind", sources[0], "bind")
    bundle.mount("/app", "bind", sources[0], "bind", "remount", "noexec")
    agrees(bundle, "/app/run", '"/app" is mounted noexec')


@pytest.mark.parametrize("link, why", [
    ("/bin/true", None), ("../bin/true", None), ("../../../../bin/true", None), ("real", None), ("/app/real", None), ("/other/run", None), ("../other/run", None),
    ("/usr/bin/python3", "no such file or directory"), ("nothing", "no such file or directory"), ("true", "too many levels of symbolic links"),
    ("/tmp", "it is a directory")])
def test_links_in_a_source_lead_where_the_container_has_them(bundle, sources, link, why):
    put(sources[0] / "real")
    put(sources[1] / "run")
    (sources[0] / "true").symlink_to(link)
    bundle.mount("/app", "bind", sources[0], "bind")
    bundle.mount("/other", "bind", sources[1], "bind")
    agrees(bundle, "/app/true", why)


def test_a_source_that_is_a_link(bundle, sources):
    put(sources[0] / "run")
    (bundle.dir / "link").symlink_to("a")
    bundle.mount("/app", "bind", bundle.dir / "link", "bind")
    agrees(bundle, "/app/run")


def test_the_interpreter_in_another_mount(bundle, sources):
    put(sources[0] / "run", "#!/tools/sh\n")
    shutil.copy(bundle.rootfs / "bin/busybox", sources[1] / "sh")
    bundle.mount("/app", "bind", sources[0], "bind")
    bundle.mount("/tools", "bind", sources[1], "bind")
    agrees(bundle, "/app/run")
    (sources[1] / "sh").rename(sources[1] / "other")
    agrees(bundle, "/app/run", 'the file is there; its interpreter "/tools/sh" is not')
    put(sources[1] / "sh", "#!/app/none\n")
    agrees(bundle, "/app/run", '"/tools/sh" is there; its interpreter "/app/none" is not', what="/tools/sh")
    put(sources[1] / "sh", b"\x7fELF")
    agrees(bundle, "/app/run", "it is an ELF file with a damaged header: was it cut short?", what="/tools/sh")


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="the programs are of x86-64 and arm64")
def test_the_loader_in_another_mount(bundle, sources):
    assert OWN in (62, 183)
    put(sources[0] / "run", wide(b"/tools/ld"))
    put(sources[0] / "long", wide(LONG.encode()))
    put(sources[1] / "ld", wide(kind=3))
    bundle.mount("/app", "bind", sources[0], "bind")
    bundle.mount("/tools", "bind", sources[1], "bind")
    agrees(bundle, "/app/run")
    agrees(bundle, "/app/long", f'the file is there; its loader "{LONG}" is not')
    put(sources[1] / "ld", "x")
    agrees(bundle, "/app/run", "as a loader it is no ELF file, or a damaged one", what="/tools/ld")
    put(sources[1] / "ld", wide(kind=3), mode=0o644)
    agrees(bundle, "/app/run", "it has no x bit: chmod +x", what="/tools/ld")
    (sources[1] / "ld").unlink()
    agrees(bundle, "/app/run", 'the file is there; its loader "/tools/ld" is not')


@pytest.mark.parametrize("make, why", [
    (lambda p: put(p, mode=0o644), "it has no x bit: chmod +x"), (lambda p: p.mkdir(), "it is a directory"),
    (lambda p: os.mkfifo(p, 0o755), "it is no regular file, or may not be read by user 0"), (lambda p: put(p, b"\0\1\2"), None),
    (lambda p: put(p, "echo"), 'it has no "#!" line')], ids=["mode", "directory", "fifo", "bytes", "text"])
def test_files_that_are_no_programs(bundle, sources, make, why):
    make(sources[0] / "run")
    bundle.mount("/app", "bind", sources[0], "bind")
    agrees(bundle, "/app/run", why or 'it is neither an ELF program nor a script with a "#!" line')


@pytest.mark.parametrize("mode, below, why", [
    (0o755, 0o755, None), (0o700, 0o755, "the program's user may not execute it, or not enter its directory"),
    (0o755, 0o700, "the program's user may not execute it, or not enter its directory")])
def test_the_users_rights_count_below_the_source(bundle, sources, mode, below, why):
    """The directories above it are the host's, and may be closed."""
    source = sources[0] / "closed/source"
    put(source / "sub/run", mode=mode)
    (source / "sub").chmod(below)
    (sources[0] / "closed").chmod(0o700)
    bundle.process["user"] = {"uid": 1000, "gid": 1000}
    bundle.process.pop("capabilities", None)
    bundle.mount("/app", "bind", source, "bind")
    agrees(bundle, "/app/sub/run", why)


def test_path_is_searched_in_binds(bundle, sources):
    put(sources[0] / "tool", mode=0o644)
    put(sources[1] / "tool")
    bundle.mount("/a", "bind", sources[0], "bind")
    bundle.mount("/b", "bind", sources[1], "bind")
    bundle.process["env"] = ["PATH=/a:/b:/bin"]
    agrees(bundle, ["tool"])
    (sources[1] / "tool").unlink()
    bundle.process["args"] = ["tool"]
    bundle.write()
    assert [row[:2] for row in found(bundle)] == [("no", ARGS)] and bundle.run().code != 0


def test_what_can_not_be_known_is_not_read(bundle, sources):
    """The files of a new file system, and of a source that an earlier mount of the container covers."""
    (bundle.rootfs / "app").mkdir()
    put(bundle.rootfs / "app/run")
    bundle.mount("/app", "tmpfs", "tmpfs")
    bundle.mount("/copy", "bind", bundle.rootfs / "app", "bind")
    for place in ("/app", "/copy"):
        bundle.process["args"] = [f"{place}/run"]
        bundle.write()
        assert found(bundle) == [("weaker", ARGS, f'"{place}/run"', f'not read: it comes with the mount on "{place}"')]


@pytest.mark.parametrize("there", [True, False])
def test_a_hook_in_a_bind(bundle, sources, there):
    if there:
        put(sources[0] / "hook")
    bundle.mount("/app", "bind", sources[0], "bind")
    bundle.config["hooks"] = {"startContainer": [{"path": "/app/hook"}]}
    bundle.write()
    r = bundle.run()
    assert (r.code == 0) == there, r
    assert found(bundle) == ([] if there else [("no", "/hooks/startContainer/0", '"/app/hook"', "no such file or directory")])
