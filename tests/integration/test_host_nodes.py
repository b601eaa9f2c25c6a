# SPDX-License-Identifier: LGPL-2.1-or-later
"""Device nodes of the host that a container sees: their mode and owner can't be changed from inside.

The host's /dev is one of the test's own, as it would be the machine's /dev/null that loses its mode.
"""
import os

import pytest

from harness import BINARY, IS_TARE, command, root_only, tare_only

pytestmark = [root_only, pytest.mark.skipif("TARE_KERNEL" in os.environ, reason="its tests are for several kernels already")]

NODES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
OWN_DEV = ("mount -t tmpfs -o mode=755 tmpfs /dev && " +
           " && ".join(f"mknod -m 666 /dev/{name} c 1 {minor}" for name, minor in NODES.items()) +
           ' && mknod -m 666 /dev/tty c 5 0 && mkdir /dev/shm; "$@"; code=$?; '
           "for n in /dev/*; do [ -c $n ] && stat -c '%a %u:%g %n' $n; done >&2; exit $code")
UNCHANGED = {f"666 0:0 /dev/{name}" for name in [*NODES, "tty"]}


def capable(bundle):
    """The container's root has the capabilities that engines give."""
    for kind in ("bounding", "permitted", "effective"):
        bundle.process["capabilities"][kind] = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL"]
    return bundle.write()


def with_own_dev(*argv):
    r = command("unshare", "-m", "sh", "-c", OWN_DEV, "sh", *argv)
    assert set(r.err.splitlines()) >= UNCHANGED, r
    return r


def run(bundle, *front):
    capable(bundle)
    return with_own_dev(*front, BINARY, "--root", bundle.root, "run", "--bundle", bundle.dir, bundle.id)


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


@pytest.mark.parametrize("version, kept", [("99.0", True), ("5.10", False), ("4.19", False)] if IS_TARE else [("99.0", True)])
@pytest.mark.parametrize("removed", ["rm /dev/null", "rm /dev/null && mkdir /dev/null", "rm /dev/null && echo x >/dev/null"])
def test_an_exec_does_not_lend_the_hosts_null_device(bundle, older, version, kept, removed):
    """A container that has removed its own got the host's by the next exec, of a health check for example, to chmod(2) it."""
    capable(bundle.writable().sh(f"{removed}; touch /tmp/ready; exec sleep 1000"))
    bundle.up().ready()
    script = 'echo in; chmod 600 /proc/self/fd/0; chown 5:5 /proc/self/fd/0; read x; echo $?; echo x >&0; stat -L -c %t:%T /proc/self/fd/0'
    r = with_own_dev("sh", "-c", 'exec "$@" </dev/null', "sh", older, version, "enosys",
                     BINARY, "--root", bundle.root, "exec", bundle.id, "sh", "-c", script)
    if kept:
        assert r.out == "in\n1\n1:3\n", r
    else:
        assert (r.code, r.out) == (255, "") and "the container's /dev/null is not the null device, and the host's can't be lent" in r.err, r
