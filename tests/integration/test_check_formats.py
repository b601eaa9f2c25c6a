# SPDX-License-Identifier: LGPL-2.1-or-later
"""check and binfmt_misc: a registered format is compared as the kernel compares it, and its interpreter is looked for.

binfmt-misc.rst of the kernel. Since Linux 6.7 a user namespace has a binfmt_misc of its own, so the host's stays as it is.
"""
import json
import os

import pytest

from harness import command, root_only, tare_only
from test_check_elf import OTHER, OWN, put, wide

pytestmark = [tare_only, root_only, pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="the programs are of x86-64 and arm64")]

FOREIGN = wide(machine=OTHER)
MAGIC = "".join(f"\\x{byte:02x}" for byte in FOREIGN[:20])
MASK = "".join(r"\xff" for _ in range(20))
EXIT, TRUE, NONE = "{exit}", "/bin/true", "/bin/none"


@pytest.fixture
def formats(bundle, scratch):
    """Run tare's verb where this line was written to `register`, and then other lines to other files."""
    place = scratch / "exit"
    place.write_bytes(wide())
    place.chmod(0o755)

    def make(register, verb, *flags, then=""):
        line = register.format(exit=place)
        script = ("mount -t binfmt_misc none /proc/sys/fs/binfmt_misc && cd /proc/sys/fs/binfmt_misc && "
                  f"printf '%s' '{line}' >register && {{ {then or ':'}; }} && exec \"$@\"")
        argv = bundle.argv(verb, "--bundle", bundle.dir, *flags, glob=("--root", scratch / "state", "--cgroup-manager", "disabled"))
        r = command("unshare", "-Urm", "sh", "-c", script, "sh", *(argv[:-1] if verb == "check" else argv))
        if "unknown filesystem type" in r.err or "permission denied" in r.err and "mount" in r.err:
            pytest.skip("a user namespace has a binfmt_misc of its own since Linux 6.7")
        return r
    bundle.linux.pop("resources", None)
    for mount in bundle.config["mounts"]:
        mount["options"] = [option for option in mount.get("options", []) if option != "gid=5"]   # no such group is mapped
    return make


MACHINE = {183: "aarch64", 62: "x86_64"}
WRONG = f"it is for {MACHINE[OTHER]}, this machine is {MACHINE[OWN]}"
CASES = {
    "in any root": (rf":t:M::{MAGIC}:{MASK}:{EXIT}:F", "prog", FOREIGN, "", None),
    "in the rootfs": (rf":t:M::{MAGIC}:{MASK}:{TRUE}:", "prog", FOREIGN, "", None),
    "missing from the rootfs": (rf":t:M::{MAGIC}:{MASK}:{NONE}:", "prog", FOREIGN, "", f'the file is there; its interpreter "{NONE}" is not'),
    "switched off": (rf":t:M::{MAGIC}:{MASK}:{TRUE}:", "prog", FOREIGN, "echo 0 >status", WRONG),
    "the entry alone": (rf":t:M::{MAGIC}:{MASK}:{TRUE}:", "prog", FOREIGN, "echo 0 >t", WRONG),
    "of another class": (rf":t:M::{MAGIC}:{MASK}:{TRUE}:", "prog", FOREIGN[:4] + b"\x01" + FOREIGN[5:], "", WRONG),
    "a mask": (rf":t:M::{MAGIC}:{MASK[:16]}\x00{MASK[20:]}:{TRUE}:", "prog", FOREIGN[:4] + b"\x01" + FOREIGN[5:], "", None),
    "an offset": (rf":t:M:3:xyz::{TRUE}:", "prog", b"abcxyz", "", None),
    "beyond the offset": (rf":t:M:3:xyz::{TRUE}:", "prog", b"abcdxyz", "", 'it has no "#!" line'),
    "before its own format": (rf":t:M:9:MARK::{TRUE}:", "prog", wide(kind=1)[:9] + b"MARK" + wide(kind=1)[13:], "", None),
    "Windows": (rf":t:M::MZ::{TRUE}:", "prog", b"MZ\x90\0", "", None),
    "a name": (rf":t:E::foo::{TRUE}:", "prog.foo", b"x", "", None),
    "another name": (rf":t:E::foo::{TRUE}:", "prog.food", b"x", "", 'it has no "#!" line'),
}


@pytest.mark.parametrize("what", CASES)
def test_registered_formats(bundle, formats, what):
    register, name, content, then, why = CASES[what]
    (bundle.rootfs / name).write_bytes(content)
    (bundle.rootfs / name).chmod(0o755)
    bundle.process["args"] = [f"/{name}"]
    bundle.write()
    r = formats(register, "run", then=then)
    assert (r.code != 0) == bool(why), r
    found = json.loads(formats(register, "check", "--json", then=then).out)["rows"]
    assert [row["why"] for row in found if row["place"] == "/process/args" and row["level"] != "ok"] == ([why] if why else []), found
    if not why:
        assert [row for row in found if row["why"].startswith("binfmt_misc runs it by ")]


def test_a_format_of_the_containers_own_is_not_compared(bundle):
    """org.tare.binfmt: the entry exists only when the container does, so no answer is sure."""
    put(bundle, "/prog", FOREIGN)
    bundle.process["args"] = ["/prog"]
    bundle.config["annotations"] = {"org.tare.binfmt": rf":t:M::{MAGIC}:{MASK}:{TRUE}:"}
    bundle.linux["namespaces"].append({"type": "user"})
    bundle.linux["uidMappings"] = bundle.linux["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    bundle.write()
    if tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 7):
        bundle.run().ok()
    found = json.loads(command(*bundle.argv("check", "--bundle", bundle.dir, "--json")[:-1]).out)["rows"]
    rows = [(row["level"], row["why"]) for row in found if row["place"] == "/process/args" and row["what"] == '"/prog"']
    assert rows == [("weaker", f"for {MACHINE[OTHER]}, which the container's own format of binfmt_misc may run")], found
