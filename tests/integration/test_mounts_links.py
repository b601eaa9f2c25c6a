# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links at the ends of a bind: copy-symlink, src-nofollow, dest-nofollow; none leads out of the rootfs."""
import os

import pytest

from harness import tare_only

pytestmark = tare_only


@pytest.fixture
def link(scratch):
    """A link on the host to a file beside it."""
    (scratch / "file").write_text("content\n")
    (scratch / "link").symlink_to("file")
    return scratch / "link"


def last(bundle):
    return f"/mounts/{len(bundle.config['mounts']) - 1}"


# --- copy-symlink


def test_copy_symlink_makes_such_a_link_and_no_mount(bundle, link):
    bundle.mount("/new/dir/link", "bind", link, "bind", "copy-symlink", "ro")
    r = bundle.sh("readlink /new/dir/link; grep -c /new /proc/self/mountinfo; true").run().ok()
    assert r.lines == ["file", "0"]
    assert os.readlink(bundle.rootfs / "new/dir/link") == "file"


def test_copy_symlink_of_what_is_no_link_is_a_bind(bundle, link):
    bundle.mount("/m", "bind", link.parent / "file", "bind", "copy-symlink")
    assert bundle.sh("cat /m").run().ok().out == "content\n"
    assert not (bundle.rootfs / "m").is_symlink()


def test_copy_symlink_takes_a_link_that_is_there_already(bundle, link):
    (bundle.rootfs / "m").symlink_to("file")
    bundle.mount("/m", "bind", link, "bind", "copy-symlink")
    assert bundle.sh("readlink /m").run().ok().out == "file\n"


@pytest.mark.parametrize("there", ["file", "link", "directory"])
def test_copy_symlink_replaces_nothing_of_the_image(bundle, link, there):
    path = bundle.rootfs / "m"
    if there == "file":
        path.write_text("mine")
    elif there == "link":
        path.symlink_to("elsewhere")
    else:
        path.mkdir()
    before = os.lstat(path)
    bundle.mount("/m", "bind", link, "bind", "copy-symlink")
    bundle.refused_at(last(bundle), 'link "/m" to "file": file exists')
    assert os.lstat(path).st_ino == before.st_ino


def test_copy_symlink_without_a_source_says_so(bundle, scratch):
    bundle.mount("/m", "bind", scratch / "none", "bind", "copy-symlink")
    bundle.refused_at(f"{last(bundle)}/source", f'read link "{scratch}/none": no such file or directory')


@pytest.mark.parametrize("parent", ["{scratch}/out", "../../../../../../..{scratch}/out"])
def test_a_copied_link_is_made_in_the_rootfs(bundle, link, scratch, parent):
    (scratch / "out").mkdir()
    (bundle.rootfs / "parent").symlink_to(parent.format(scratch=scratch))
    bundle.mount("/parent/link", "bind", link, "bind", "copy-symlink")
    bundle.sh("true").run()
    assert os.listdir(scratch / "out") == []


# --- src-nofollow


def test_src_nofollow_binds_the_link_itself(bundle, link):
    bundle.mount("/m", "bind", link, "bind", "src-nofollow")
    assert bundle.sh("readlink /m").run().ok().out == "file\n"
    assert (bundle.rootfs / "m").is_file() and not (bundle.rootfs / "m").is_symlink()


def test_without_src_nofollow_the_link_is_followed(bundle, link):
    bundle.mount("/m", "bind", link, "bind")
    assert bundle.sh("readlink /m; cat /m").run().ok().out == "content\n"


def test_src_nofollow_in_a_user_namespace(bundle, link):
    from harness import chown_tree
    bundle.userns()
    chown_tree(bundle.rootfs, 100000)
    bundle.mount("/m", "bind", link, "bind", "src-nofollow")
    assert bundle.sh("readlink /m").run().ok().out == "file\n"


def test_a_link_that_leads_nowhere_can_be_bound(bundle, scratch):
    (scratch / "link").symlink_to("/nowhere")
    bundle.mount("/m", "bind", scratch / "link", "bind", "src-nofollow")
    assert bundle.sh("readlink /m").run().ok().out == "/nowhere\n"


# --- dest-nofollow


def test_dest_nofollow_covers_the_link_itself(bundle, link):
    (bundle.rootfs / "target").write_text("of the image\n")
    (bundle.rootfs / "m").symlink_to("target")
    bundle.mount("/m", "bind", link, "bind", "dest-nofollow")
    assert bundle.sh("cat /m /target").run().ok().out == "content\nof the image\n"


def test_without_dest_nofollow_it_is_what_the_link_names(bundle, link):
    (bundle.rootfs / "target").write_text("of the image\n")
    (bundle.rootfs / "m").symlink_to("target")
    bundle.mount("/m", "bind", link, "bind")
    assert bundle.sh("cat /m /target").run().ok().out == "content\n" * 2


def test_both_nofollow_cover_a_link_by_a_link(bundle, link):
    (bundle.rootfs / "m").symlink_to("target")
    bundle.mount("/m", "bind", link, "bind", "src-nofollow", "dest-nofollow")
    assert bundle.sh("readlink /m").run().ok().out == "file\n"
    assert os.readlink(bundle.rootfs / "m") == "target"


@pytest.mark.parametrize("kind", ["file", "directory"])
def test_dest_nofollow_makes_what_is_missing(bundle, link, kind):
    source = link.parent if kind == "directory" else link
    bundle.mount("/a/b/m", "bind", source, "bind", "dest-nofollow")
    assert bundle.sh("cat /a/b/m/file" if kind == "directory" else "cat /a/b/m").run().ok().out == "content\n"


def test_dest_nofollow_covers_a_link_to_the_host_and_nothing_of_the_host(bundle, link, scratch):
    (scratch / "canary").write_text("canary")
    (bundle.rootfs / "m").symlink_to(scratch / "canary")
    bundle.mount("/m", "bind", link, "bind", "dest-nofollow")
    assert bundle.sh("cat /m; echo over >/m").run().ok().lines[0] == "content"
    assert (scratch / "canary").read_text() == "canary"


def test_dest_nofollow_of_a_name_that_is_none_is_refused(bundle, link):
    bundle.mount("/m/..", "bind", link, "bind", "dest-nofollow")
    assert bundle.run().code == 1
