# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux.mountLabel: where SELinux is on, the label of each file system; elsewhere a clear error."""
import os
import pathlib

import pytest

from harness import chown_tree, mount_at, tare_only

pytestmark = [pytest.mark.layouts, tare_only]
ON = "\tselinuxfs\n" in pathlib.Path("/proc/filesystems").read_text()
selinux = pytest.mark.skipif(not ON, reason="SELinux is off on this machine (tests/vm: --selinux)")
LABEL = "system_u:object_r:container_file_t:s0:c1,c2"


def label(pid, path):
    return os.getxattr(f"/proc/{pid}/root{path}", "security.selinux").decode().rstrip("\0")


def labelled(bundle):
    bundle.linux["mountLabel"] = LABEL
    return bundle.stay().up()


@pytest.mark.skipif(ON, reason="SELinux is on")
def test_a_label_without_selinux_is_refused(bundle):
    bundle.linux["mountLabel"] = LABEL
    bundle.refused_at("/linux/mountLabel",
                      "selinux label is specified in config, but selinux is disabled or not supported")


@selinux
@pytest.mark.parametrize("path", ["/dev", "/dev/pts", "/dev/shm", "/dev/mqueue"])
def test_a_new_file_system_has_the_label(bundle, path):
    assert label(labelled(bundle).pid, path) == LABEL


@selinux
def test_a_new_file_system_has_the_label_in_a_user_namespace(bundle):
    bundle.userns()
    chown_tree(bundle.rootfs, 100000)
    labelled(bundle)
    for path in ("/dev", "/dev/pts", "/dev/shm"):
        assert label(bundle.pid, path) == LABEL, path


@selinux
def test_mqueue_in_a_user_namespace_is_left_to_the_policy_with_a_warning(bundle):
    bundle.userns()
    chown_tree(bundle.rootfs, 100000)
    bundle.linux["mountLabel"] = LABEL
    index = [m["type"] for m in bundle.config["mounts"]].index("mqueue")
    r = bundle.sh("true").run(glob=("--log-level", "info")).ok()
    assert f"/mounts/{index}: mqueue in a user namespace can't be labelled" in r.err


@selinux
@pytest.mark.parametrize("path", ["/proc", "/sys"])
def test_proc_and_sys_keep_the_labels_of_the_policy(bundle, path):
    assert label(labelled(bundle).pid, path) != LABEL


@selinux
def test_a_bind_keeps_its_labels(bundle, scratch):
    (scratch / "file").write_text("")
    before = os.getxattr(scratch / "file", "security.selinux")
    bundle.mount("/m", "bind", scratch, "bind")
    labelled(bundle)
    assert os.getxattr(f"/proc/{bundle.pid}/root/m/file", "security.selinux") == before


@selinux
@pytest.mark.parametrize("kind", ["context", "fscontext", "rootcontext"])
def test_the_annotation_chooses_the_kind(bundle, kind):
    bundle.config["annotations"] = {"run.oci.mount_context_type": kind}
    bundle.mount("/m", "tmpfs", "tmpfs")
    labelled(bundle)
    line = next(m for m in pathlib.Path(f"/proc/{bundle.pid}/mountinfo").read_text().splitlines() if " /m " in m)
    assert f'{kind}="{LABEL}"' in line
    assert mount_at(bundle.mounts(), "/m").fstype == "tmpfs"


@selinux
def test_a_kind_that_the_file_system_does_not_take_is_refused(bundle):
    bundle.linux["mountLabel"] = LABEL
    bundle.config["annotations"] = {"run.oci.mount_context_type": "defcontext"}
    bundle.refused_at("/mounts/1", 'mount on "/dev": mount "tmpfs" of type tmpfs: invalid argument',
                      foreseen=False)


@selinux
def test_the_label_goes_with_options_only_mount_can_say(bundle):
    bundle.mount("/m", "tmpfs", "tmpfs", "silent", "mode=0710")
    assert label(labelled(bundle).pid, "/m") == LABEL


@selinux
def test_a_label_that_is_none_is_refused(bundle):
    bundle.linux["mountLabel"] = "nonsense"
    assert bundle.run().code == 1
    assert not bundle.exists()


def test_an_unknown_kind_is_refused(bundle):
    bundle.linux["mountLabel"] = LABEL
    bundle.config["annotations"] = {"run.oci.mount_context_type": "nope"}
    bundle.refused_at("/annotations/run.oci.mount_context_type",
                      'unknown type "nope": it is context, fscontext, defcontext or rootcontext')
