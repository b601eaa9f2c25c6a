# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box -x`, `--overlay`, `--lower`: changes go elsewhere than into the root."""
import os

import pytest

import boxes
from harness import BOX, TESTER, command, finish, mounts, mounts_of, poll, rt, rt_argv, tare_only
from test_box_phone import on

pytestmark = tare_only


@pytest.fixture
def bare(box):
    """Without the mount points that every box needs: they are made in the upper layer."""
    for name in ("dev", "proc", "sys"):
        (box.dir / name).rmdir()
    return box


def test_what_is_changed_is_gone_and_the_root_as_it_was(bare):
    before = bare.files()
    r = bare.sh("rm -rf /home /etc; touch /new /bin/new; ls /; stat -c '%a %u:%g' /", "-x").ok()
    assert "new" in r.lines and "home" not in r.lines
    st = bare.dir.stat()
    assert r.lines[-1] == f"{st.st_mode & 0o7777:o} {st.st_uid}:{st.st_gid}"
    assert bare.files() == before
    assert not [m for m in mounts() if m.fstype == "overlay" and str(bare.dir) in m.target]
    assert bare.sh("test -e /new", "-x").code == 1


def test_inside_the_root_is_an_overlay_and_nothing_of_it_is_below(box):
    table = mounts_of(box.run("-x", "--", "cat", "/proc/self/mountinfo").ok().out)
    assert [m.fstype for m in table if m.target == "/"] == ["overlay"]


def test_a_bound_on_the_changes(box):
    r = box.sh("dd if=/dev/zero of=/big bs=64k count=100", "-x", "--ephemeral-size", "1m")
    assert r.code == 1 and "No space left on device" in r.err


def test_changes_stay_in_the_directory_of_overlay(bare, scratch):
    before = bare.files()
    work = scratch / "work"
    bare.sh("echo 1 >/n; rm -r /home", "--overlay", work).ok()
    assert (work / "upper/n").read_text() == "1\n" and bare.files() == before
    assert bare.sh("cat /n; ls -d /home", "--overlay", work).out == "1\n"
    assert not bare.run("ls", "/n").code == 0
    assert bare.sh("cat /n", "--overlay", "work", cwd=scratch).ok().out == "1\n"


def test_the_mount_point_for_name_servers_does_not_stay_in_the_changes(bare, scratch):
    """An empty resolv.conf there would hide that of the layers below, wherever the changes are used."""
    assert bare.run("--overlay", scratch / "work", "--", "cat", "/etc/resolv.conf").ok().out != ""
    assert not (scratch / "work/upper/etc/resolv.conf").exists()
    bare.sh("echo nameserver ::1 >/etc/resolv.conf", "--dns", "none", "--overlay", scratch / "work").ok()
    bare.run("--overlay", scratch / "work", "--", "true").ok()
    assert (scratch / "work/upper/etc/resolv.conf").read_text() == "nameserver ::1\n"


def test_layers_lie_below_the_root_in_their_order(bare, scratch):
    for name, files in {"one": ["a", "b"], "two": ["a", "b", "c"]}.items():
        (scratch / name).mkdir()
        for f in files:
            (scratch / name / f).write_text(f"{name}\n")
    (bare.dir / "a").write_text("root\n")
    words = ["--lower", scratch / "one", "--lower", scratch / "two"]
    r = bare.sh("cat /a /b /c; touch /d", *words)
    assert r.out == "root\none\ntwo\n" and "Read-only file system" in r.err
    bare.sh("touch /d /c", "-x", *words).ok()
    bare.sh("echo new >/c", "--overlay", scratch / "work", *words).ok()
    assert (scratch / "two/c").read_text() == "two\n" and (scratch / "work/upper/c").read_text() == "new\n"


@pytest.mark.parametrize("name", ["a:b", "c,d", "e\\f", "g\nh", "lowerdir=x"])
def test_paths_with_odd_letters(bare, scratch, name):
    lower, work = scratch / name, scratch / f"{name}-work"
    lower.mkdir()
    (lower / "f").write_text("here\n")
    assert bare.sh("cat /f; echo 2 >/f", "--lower", lower, "--overlay", work).ok().out == "here\n"
    assert (work / "upper/f").read_text() == "2\n"
    odd = boxes.Box()
    target = odd.dir.parent / f"{odd.dir.name}{name}"
    os.rename(odd.dir, target)
    odd.dir = target
    assert odd.sh("touch /x; echo ok", "-x").ok().out == "ok\n"
    odd.clean()


def test_read_only_also_over_layers(box):
    assert "Read-only file system" in box.sh("touch /x", "-x", "-r").err


def test_as_many_layers_as_there_may_be(box, scratch):
    words = []
    for i in range(13):
        (scratch / str(i)).mkdir()
        (scratch / str(i) / f"f{i}").touch()
        words += ["--lower", scratch / str(i)]
    assert len(box.sh("ls /f*", "-x", *words).ok().lines) == 13
    box.refused(f'--lower "{scratch}": these are more than 13 layers', "-x", *words, "--lower", scratch, "--", "true")


def test_what_is_wrong_is_told_with_the_flag(box, scratch):
    box.refused('--overlay "/nowhere/x": make "/nowhere/x": no such file or directory', "--overlay", "/nowhere/x", "--", "true")
    box.refused('--overlay "/etc/passwd": "/etc/passwd": not a directory', "--overlay", "/etc/passwd", "--", "true")
    box.refused('--lower "/nowhere": "/nowhere": no such file or directory', "--lower", "/nowhere", "--", "true")
    box.refused("--ephemeral: changes go to the directory of --overlay, or are lost", "-x", "--overlay", scratch, "--", "true")
    box.refused("--ephemeral-size 1m: it goes with --ephemeral", "--ephemeral-size", "1m", "--", "true")
    box.refused("--ephemeral-size x: it is a size: 200m, 1.5g", "-x", "--ephemeral-size", "x", "--", "true")
    box.refused(f'--emit-config "{scratch}": a bundle has no words for layers: -x, --overlay, --lower',
                "-x", "--emit-config", scratch, "--", "true")
    assert os.listdir(scratch) == []


def test_a_root_that_can_not_have_mount_points_is_told_of_memory(bare, scratch):
    script = f'mount --bind {bare.dir} {bare.dir} && mount -o remount,bind,ro {bare.dir}; exec "$@"'

    def inside(*words):
        return command("unshare", "-m", "sh", "-c", script, "sh", *bare.argv(*words))
    r = inside("--", "true")
    assert (r.code, r.err) == (125, f'tare: box "{bare.id}": mount on "/proc": make "/proc" in the rootfs: read-only file system '
                                    "(ROOT is read-only: with --ephemeral, what it lacks is made in memory)\n"), r
    inside("-x", "--", "true").ok()
    # The mount point is in sysfs, so ROOT is not the cause.
    assert "ROOT" not in bare.run("-b", "/etc:/sys/x", "--", "true").err


def test_a_root_of_anothers_is_told_of_memory(bare):
    """A tree that debootstrap has made belongs to root."""
    state = BOX / f"root-{TESTER}"
    state.mkdir(mode=0o700, exist_ok=True)
    os.chown(state, TESTER, TESTER)
    bare.dir.chmod(0o755)
    r = rt("box", "-q", bare.dir, "true", user=TESTER, root=state)
    assert r.code == 125 and r.err.endswith(': mount on "/proc": make "/proc" in the rootfs: permission denied '
                                            "(ROOT belongs to uid 0: with --ephemeral, what it lacks is made in memory)\n"), r
    rt("box", "-q", "-x", bare.dir, "true", user=TESTER, root=state).ok()


def test_memory_is_not_promised_where_it_would_not_help(bare):
    """A directory that ROOT has keeps its owner in an overlay, and a ROOT that the caller may not search stays closed."""
    state = BOX / f"root-{TESTER}"
    state.mkdir(mode=0o700, exist_ok=True)
    os.chown(state, TESTER, TESTER)
    bare.dir.chmod(0o755)
    (bare.dir / "etc").mkdir(exist_ok=True)
    for name in ("dev", "proc", "sys"):
        (bare.dir / name).mkdir(exist_ok=True)
    for mode, flags in ((0o755, ["-b", "/usr:/etc/x"]), (0o700, [])):
        bare.dir.chmod(mode)
        r = rt("box", "-q", *flags, bare.dir, "true", user=TESTER, root=state)
        assert r.code == 125 and "permission denied (" in r.err and "--ephemeral" not in r.err, r
        assert rt("box", "-q", "-x", *flags, bare.dir, "true", user=TESTER, root=state).code == 125


def test_layers_that_overlap_are_named(box, scratch):
    for lower in (box.dir, box.dir / "etc", box.dir.parent):
        r = box.run("-x", "--lower", lower, "--", "true")
        assert r.code == 125 and r.err.endswith(": too many levels of symbolic links (one layer is another one, or lies in it: ROOT, --lower, "
                                                "--overlay)\n"), r
    for own in (scratch, scratch / "inner"):
        box.refused(f'--overlay "{own}": it lies in the layer "{scratch}", which would not stay as it is', "--lower", scratch, "--overlay", own,
                    "--", "true")
    assert os.listdir(scratch) == []


@pytest.mark.parametrize("inner", ["work/work/precious", "work/work/x/precious", "work/precious", "work/index/precious"])
def test_a_directory_that_overlayfs_did_not_make_is_not_emptied(box, scratch, inner):
    """Each mount of overlayfs removes what is in DIR/work/work. The home of a user may have such a directory."""
    file = scratch / inner
    file.parent.mkdir(parents=True)
    file.write_text("mine\n")
    first = "/".join(inner.split("/")[:2])
    box.refused(f'--overlay "{scratch}": "{scratch}/{first}" was not made by overlayfs, which would remove files in "{scratch}/work": '
                "give another directory", "--overlay", scratch, "--", "true")
    assert file.read_text() == "mine\n" and os.listdir(scratch) == ["work"]


def test_a_work_that_is_no_directory_is_named(box, scratch):
    (scratch / "work").write_text("mine\n")
    box.refused(f'--overlay "{scratch}": open "{scratch}/work": not a directory', "--overlay", scratch, "--", "true")


def test_one_box_at_a_time_keeps_its_changes_in_a_directory(box, scratch):
    """A second mount of overlayfs removes what the first one works on: its `rm -r` failed, and removed files were there again."""
    work, other = scratch / "work", boxes.Box()
    error = f'--overlay "{work}": another box keeps its changes there'
    proc = box.start("--overlay", work, "--", "sleep", "1000")
    box.running()
    try:
        other.refused(error, "--overlay", work, "--", "true", ours=[box.id])
        r = box.run("--new", "--overlay", work, "--", "true")
        assert (r.code, r.err) == (125, f'tare: box "{box.id}.2": {error}\n'), r
        other.run("-x", "--lower", work / "upper", "--", "true").ok()
    finally:
        proc.terminate()
        assert finish(proc).code == 143
    # The tare of a detached box, which has the lock, has ended.
    box.run("-d", "--overlay", work, "--", "sleep", "1000").ok()
    other.refused(error, "--overlay", work, "--", "true", ours=[box.id])
    box.verb("kill", box.id, "KILL").ok()
    poll(lambda: other.run("--overlay", work, "--", "true").code == 0)
    other.clean()


def test_an_overlay_is_a_demand(box, phone):
    r = on(phone, ["-f", "overlay=ENODEV"], box, "-x", "--", "true")
    assert (r.code, r.err) == (125, f'tare: box "{box.id}": --ephemeral: mount type "overlay": no such device\n'), r


def test_a_layer_that_overlayfs_refuses_is_named(box, scratch):
    """An overlay over two others is one too many for every kernel; on a phone it is f2fs, which no kernel here has."""
    top = scratch / "top"
    top.mkdir()
    (scratch / "l").mkdir()
    script = (f"mount -t tmpfs tmpfs {top} && cd {top} && mkdir u w m v x n && mount -t overlay o -o lowerdir={box.dir}:{scratch}/l,upperdir=u,workdir=w m && "
              "mount -t overlay o -o lowerdir=m,upperdir=v,workdir=x n && exec \"$@\"")

    def inside(*words):
        return command("unshare", "-m", "sh", "-c", script, "sh", *rt_argv("box", *words))

    words = "(this kernel takes no overlay as a lower layer: put the root into an image file)\n"
    for argv in (["-x", f"{top}/n", "true"], ["-x", "--lower", f"{top}/n", box.dir, "true"]):
        r = inside(*argv)
        assert r.code == 125 and r.err.startswith("tare: box ") and "--" in r.err and r.err.endswith(words), r
    inside("-x", f"{top}/m", "true").ok()


@pytest.mark.parametrize("kernel", ["3.18", "4.14", "5.4", "5.10"])
@pytest.mark.parametrize("how", ["enosys", "eperm"])
def test_on_older_kernels(bare, older, kernel, how):
    before = bare.files()
    r = command(older, kernel, how, *bare.argv("-q", "-x", "--", "sh", "-c", "touch /new; rm -r /home; ls -d /new /home"))
    assert r.out == "/new\n", r
    assert bare.files() == before


def test_a_plan_with_layers_makes_nothing(box, scratch):
    r = box.run("--plan", "--overlay", scratch / "w", "--lower", "/etc", "--", "true").ok()
    assert f'over "/etc"; changes to "{scratch}/w"' in r.out and not (scratch / "w").exists()


def test_a_killed_box_leaves_no_mount(box):
    proc = box.start("-x", "--", "sleep", "1000")
    box.running()
    proc.kill()
    finish(proc)
    poll(lambda: not [m for m in mounts() if m.fstype == "overlay"])
    rt("delete", "--force", box.id).ok()


def test_an_ordinary_user_has_layers_too():
    b = boxes.Box(user=TESTER)
    try:
        before = b.files()
        r = b.sh("touch /new /bin/new; rm -r /home; ls -d /new /home", "-q", "-x")
        assert r.out == "/new\n", r
        assert b.files() == before
    finally:
        b.clean()
