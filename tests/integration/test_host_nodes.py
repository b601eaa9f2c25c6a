# SPDX-License-Identifier: LGPL-2.1-or-later
"""Device nodes of the host that a container sees: their mode and owner can't be changed from inside.

The host's /dev is one of the test's own, as it would be the machine's /dev/null that loses its mode.
"""
import pytest

from harness import BINARY, IS_TARE, command, root_only, tare_only

pytestmark = root_only

NODES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
OWN_DEV = ("mount -t tmpfs -o mode=755 tmpfs /dev && " +
           " && ".join(f"mknod -m 666 /dev/{name} c 1 {minor}" for name, minor in NODES.items()) +
           ' && mknod -m 666 /dev/tty c 5 0 && mkdir /dev/shm; "$@"; code=$?; '
           "for n in /dev/*; do [ -c $n ] && stat -c '%a %u:%g %n' $n; done >&2; exit $code")
UNCHANGED = {f"666 0:0 /dev/{name}" for name in [*NODES, "tty"]}


def run(bundle, *front):
    """The container's root has the capabilities that engines give."""
    for kind in ("bounding", "permitted", "effective"):
        bundle.process["capabilities"][kind] = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL"]
    bundle.write()
    r = command("unshare", "-m", "sh", "-c", OWN_DEV, "sh", *front, BINARY, "--root", bundle.root, "run", "--bundle", bundle.dir, bundle.id)
    assert set(r.err.splitlines()) >= UNCHANGED, r
    return r


@pytest.mark.parametrize("version", ["99.0", "5.10", "3.10"] if IS_TARE else ["99.0"])
def test_a_mask_is_not_the_hosts_null_device_to_change(bundle, older, version):
    """Masks had been tried for what they hide. Root of a container could take the null device from the whole host."""
    for name in ("one", "two"):
        (bundle.rootfs / name).write_text("secret")
    bundle.linux["maskedPaths"] = ["/one", "/two", "/proc/keys"]
    bundle.writable().sh("for f in /one /two /proc/keys; do chmod 600 $f; chown 5:5 $f; touch -d 2001-01-01 $f; done 2>/dev/null;"
                         " echo x >/one && echo x >/two && cat /one /two /proc/keys | wc -c")
    assert run(bundle, older, version, "enosys").ok().out.strip() == "0"


@tare_only
@pytest.mark.parametrize("version", ["99.0", "5.10", "3.10"])
def test_a_bound_device_is_not_the_hosts_to_change(bundle, older, version):
    """Where mknod(2) is refused. It can be used for reading and writing as before."""
    bundle.linux["devices"] = [{"path": "/dev/foo", "type": "c", "major": 1, "minor": 5}]
    bundle.writable().sh("for f in /dev/null /dev/zero /dev/foo; do chmod 600 $f; chown 5:5 $f; done 2>/dev/null;"
                         " echo x >/dev/null && head -c 3 /dev/foo | wc -c && exec 3<>/dev/zero && echo y >&3")
    assert run(bundle, older, version, "enosys", "-mknodat").ok().out.strip() == "3"


def test_standard_input_is_not_the_hosts_to_change(bundle):
    """command() gives /dev/null, but of the machine; the shell opens the test's."""
    bundle.sh("chmod 600 /proc/self/fd/0; chown 5:5 /proc/self/fd/0; stat -c %a /dev/null")
    assert run(bundle, "sh", "-c", 'exec "$@" </dev/null', "sh").ok().out == "600\n"
