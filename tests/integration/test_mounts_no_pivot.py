# SPDX-License-Identifier: LGPL-2.1-or-later
"""--no-pivot: the host's tree stays in the mount namespace, and nothing of that may help anybody."""
import subprocess

import pytest

from harness import BINARY, IS_TARE, TESTER, as_user, command, mount_at, mounts_of, root_only, tare_only

pytestmark = root_only
OWN_NAMESPACE = "unshare -mrpf sh -c 'mount -t {} none {} && echo mounted || echo refused'"


def run_on(older, bundle, version):
    bundle.write()
    return command(older, version, "enosys", BINARY, "--root", bundle.root, "run", "--no-pivot", "--bundle", bundle.dir, bundle.id)


KERNELS = pytest.mark.parametrize("version", ["99.0", "5.10", "3.10"] if IS_TARE else ["99.0"])


@pytest.fixture
def allowed(bundle):
    """Its program may make a user namespace and map its own root."""
    for kind in ("bounding", "permitted", "effective"):
        bundle.process["capabilities"][kind] = ["CAP_SETFCAP", "CAP_KILL"]
    (bundle.rootfs / "bin/unshare").unlink(missing_ok=True)
    (bundle.rootfs / "bin/unshare").symlink_to("busybox")
    return bundle


@KERNELS
@pytest.mark.parametrize("kind,place", [("proc", "/proc"), ("sysfs", "/sys")])
def test_a_user_namespace_inside_gets_no_bare_procfs_or_sysfs(allowed, older, kind, place, version):
    """The masks of the container's own are then all there is. The host's are taken away, wherever they are mounted."""
    subprocess.run(["mount", "--bind", "/proc", "/mnt"], check=True)
    try:
        allowed.sh(OWN_NAMESPACE.format(kind, place))
        if kind == "sysfs":
            allowed.linux["maskedPaths"].append("/sys/kernel")
            allowed.process["args"][2] = allowed.process["args"][2].replace("-mrpf", "-mrnpf")
        r = run_on(older, allowed, version)
        assert r.out == "refused\n", r
    finally:
        subprocess.run(["umount", "/mnt"], check=True)


def test_where_the_container_has_a_whole_procfs_it_may_be_made_anew(allowed):
    """The other direction: the refusal above is that of the masks."""
    allowed.linux["maskedPaths"] = allowed.linux["readonlyPaths"] = []
    assert allowed.sh(OWN_NAMESPACE.format("proc", "/proc")).run("--no-pivot").out == "mounted\n"


@KERNELS
def test_the_rootfs_lies_over_the_hosts_root(bundle, older, version):
    bundle.sh("cat /proc/self/mountinfo; ls /..; cd /bin/../..; pwd")
    r = run_on(older, bundle, version).ok()
    table = mounts_of(r.out)
    assert mount_at(table, "/proc").fstype == "proc" and "ro" in mount_at(table, "/").options
    assert "busybox" not in r.out and "etc" in r.lines and r.lines[-1] == "/"
    assert not [m for m in table if m.source == "tare"]


@tare_only
def test_what_an_ordinary_user_may_not_unmount_is_covered(bundles):
    b = bundles(user=TESTER)
    b.linux["namespaces"] = [n for n in b.linux["namespaces"] if n["type"] not in ("network", "cgroup")]
    b.linux["namespaces"].append({"type": "user"})
    b.linux["uidMappings"] = b.linux["gidMappings"] = [{"containerID": 0, "hostID": TESTER, "size": 1}]
    b.linux.pop("resources", None)
    b.config["mounts"] = [m for m in b.config["mounts"] if m["destination"] in ("/proc", "/dev")]
    for kind in ("bounding", "permitted", "effective"):
        b.process["capabilities"][kind] = ["CAP_SETFCAP", "CAP_KILL"]
    b.sh(OWN_NAMESPACE.format("proc", "/proc"))
    b.write()
    r = command(*as_user(TESTER), BINARY, "--root", b.root, "run", "--no-pivot", "--bundle", b.dir, b.id)
    assert r.out == "refused\n", r
