# SPDX-License-Identifier: LGPL-2.1-or-later
"""check and the kernel about the same ELF files: each field of the header of a small program is set to false values, and each file
is executed, and checked. Earlier tests took EI_CLASS and EI_DATA at their word; the kernel looks at neither.

elf(5); fs/binfmt_elf.c and each processor's elf_check_arch() of the kernel.
"""
import errno
import json
import os
import struct

import pytest

from harness import command, root_only, tare_only

pytestmark = [tare_only, root_only, pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="the programs are of x86-64 and arm64")]

OWN = {"x86_64": 62, "aarch64": 183}[os.uname().machine]
OTHER = 183 if OWN == 62 else 62
EXIT = {62: bytes.fromhex("31ffb83c0000000f05"), 183: bytes.fromhex("000080d2a80b80d2010000d4"), 3: bytes.fromhex("31dbb801000000cd80")}

# A field's name: its offset and size. The program header stands right behind.
WIDE = {**{f"ident {i}": (i, 1) for i in range(16)},
        "type": (16, 2), "machine": (18, 2), "version": (20, 4), "phoff": (32, 8), "shoff": (40, 8), "flags": (48, 4),
        "ehsize": (52, 2), "phentsize": (54, 2), "phnum": (56, 2), "shentsize": (58, 2), "shnum": (60, 2), "shstrndx": (62, 2),
        "p_type": (64, 4), "p_flags": (68, 4), "p_offset": (72, 8), "p_vaddr": (80, 8), "p_paddr": (88, 8), "p_filesz": (96, 8),
        "p_memsz": (104, 8), "p_align": (112, 8)}
NARROW = {**{f"ident {i}": (i, 1) for i in range(16)},
          "type": (16, 2), "machine": (18, 2), "version": (20, 4), "phoff": (28, 4), "shoff": (32, 4), "flags": (36, 4),
          "ehsize": (40, 2), "phentsize": (42, 2), "phnum": (44, 2), "shentsize": (46, 2), "shnum": (48, 2), "shstrndx": (50, 2),
          "p_type": (52, 4), "p_offset": (56, 4), "p_vaddr": (60, 4), "p_paddr": (64, 4), "p_filesz": (68, 4), "p_memsz": (72, 4),
          "p_flags": (76, 4), "p_align": (80, 4)}
# The kernel looks at none of these.
IGNORED = [*(f"ident {i}" for i in range(4, 16)), "version", "shoff", "flags", "ehsize", "shentsize", "shnum", "shstrndx", "p_paddr", "p_align"]
REFUSED = [*(f"ident {i}" for i in range(4)), "phentsize"]


def wide(loader=None, before=0, size=None, kind=2, machine=OWN):
    """A 64-bit program that ends with 0; @before: empty program headers in front; @size: of the loader's name, where false."""
    count = before + 1 + (loader is not None)
    code = 64 + 56 * count
    name = b"" if loader is None else loader + b"\0"
    at, total = code + len(EXIT[machine]), code + len(EXIT[machine]) + len(name)
    text = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, 0x400000 + code, 64, 0, 0, 64, 56, count, 0, 0, 0)
    text += bytes(56 * before)
    if loader is not None:
        text += struct.pack("<IIQQQQQQ", 3, 4, at, 0, 0, len(name) if size is None else size, len(name), 1)
    return text + struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, total, total, 0x10000) + EXIT[machine] + name


def narrow(loader=None, kind=2):
    """The same of 32 bits, for i386."""
    count = 1 + (loader is not None)
    code = 52 + 32 * count
    name = b"" if loader is None else loader + b"\0"
    at, total = code + len(EXIT[3]), code + len(EXIT[3]) + len(name)
    text = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", kind, 3, 1, 0x10000 + code, 52, 0, 0, 52, 32, count, 0, 0, 0)
    if loader is not None:
        text += struct.pack("<IIIIIIII", 3, at, 0, 0, len(name), len(name), 4, 1)
    return text + struct.pack("<IIIIIIII", 1, 0, 0x10000, 0x10000, total, total, 5, 4096) + EXIT[3] + name


def put(bundle, path, content):
    place = bundle.rootfs / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.write_bytes(content)
    place.chmod(0o755)
    return place


def executed(path):
    """What the kernel does: an errno's name, "ran", or "killed"."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.execv(path, [str(path)])
        except OSError as e:
            os.write(writing, errno.errorcode[e.errno].encode())
        os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as said:
        refused = said.read().decode()
    status = os.waitpid(pid, 0)[1]
    return refused or ("killed" if os.WIFSIGNALED(status) else "ran")


def refusals(bundle):
    r = command(*bundle.argv("check", "--bundle", bundle.dir, "--json")[:-1])
    rows = json.loads(r.out)["rows"]
    return [row["why"] for row in rows if row["place"] == "/process/args" and row["level"] == "no"]


@pytest.fixture
def checked(bundle):
    """Execute a program, and check it: what the kernel does, and why check says that it can't run."""
    bundle.process["args"] = ["/prog"]
    bundle.write()

    def both(content):
        return executed(put(bundle, "/prog", content)), refusals(bundle)
    return both


def false_values(current, size):
    most = (1 << 8 * size) - 1
    values = {0, 1, 2, 3, 6, 32, 40, 56, 62, 183, current ^ 1, current + 1, 0x1000, 1 << 8 * size - 1, most}
    return sorted(value for value in values if value != current and value <= most)


@pytest.mark.parametrize("form", ["64-bit", "32-bit"])
def test_each_field_of_the_header(checked, form):
    program, fields = (wide(), WIDE) if form == "64-bit" else (narrow(), NARROW)
    if form == "32-bit" and (OWN != 62 or checked(program)[0] != "ran"):
        pytest.skip("this kernel runs no programs of i386")
    assert checked(program) == ("ran", [])
    wrong, done = [], {}
    for field, (at, size) in fields.items():
        for value in false_values(int.from_bytes(program[at:at + size], "little"), size):
            content = program[:at] + value.to_bytes(size, "little") + program[at + size:]
            did, why = checked(content)
            done.setdefault(field, set()).add(did)
            # A program may also be killed by a fault of its own, such as code that is not mapped: check does not try its code.
            if did != "killed" and (did == "ran") == bool(why):
                wrong.append((field, hex(value), did, why))
    assert wrong == []
    for field in IGNORED:
        assert done[field] == {"ran"}, (field, done[field])
    for field in REFUSED:
        assert done[field] == {"ENOEXEC"}, (field, done[field])
    assert "ENOEXEC" in done["type"] and "ENOEXEC" in done["machine"] and "ENOEXEC" in done["phnum"]
    assert {"killed"} <= done["p_filesz"] and {"killed"} <= done["p_offset"]


def test_a_file_may_end_anywhere(checked):
    """The kernel takes what is missing of the header for zeroes, but no program header may be cut."""
    program = wide()
    for size in range(len(program)):
        did, why = checked(program[:size])
        assert did in ("ENOEXEC", "killed") and (did == "killed" or why), (size, did, why)
    # The one program header is in the middle of the header, and the file ends before the header does: 62 of 64 bytes.
    overlap = bytearray(program[:62])
    overlap[32:40], overlap[56:58] = (4).to_bytes(8, "little"), (1).to_bytes(2, "little")
    did, why = checked(bytes(overlap))
    assert did != "ENOEXEC" and not [w for w in why if "damaged" in w], (did, why)


@pytest.mark.parametrize("field, value, why", [
    ("p_memsz", 8, "a segment has more bytes in the file than in memory, so the program is killed at once"),
    ("p_offset", 16, "its segments fit pages of at most 16 bytes; this kernel has {page}, so the program is killed at once"),
])
def test_segments_that_can_not_be_mapped_are_a_no(checked, field, value, why):
    """The kernel maps them after the last moment at which execve(2) could fail."""
    at, size = WIDE[field]
    program = wide()
    content = program[:at] + value.to_bytes(size, "little") + program[at + size:]
    assert checked(content) == ("killed", [why.format(page=os.sysconf("SC_PAGE_SIZE"))])


def test_a_program_of_the_other_byte_order_is_a_no(checked):
    text = b"\x7fELF\x02\x02\x01" + bytes(9) + struct.pack(">HHIQQQIHHHHHH", 2, OWN, 1, 0x400078, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    text += struct.pack(">IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, 0x81, 0x81, 0x1000) + EXIT[OWN]
    assert checked(text) == ("ENOEXEC", [f"it is for {os.uname().machine} with the other byte order"])


CLASS = {**{"wide": wide(kind=3)}, "class": wide(kind=3)[:4] + b"\x01" + wide(kind=3)[5:], "order": wide(kind=3)[:5] + b"\x02" + wide(kind=3)[6:]}
LONG = "/" + "/".join(["d" * 100] * 4) + "/ld"
HERE = os.uname().machine
LIBBAD, IO, FORMAT = os.strerror(errno.ELIBBAD), "input/output error", "exec format error"
CUT = "it is an ELF file with a damaged header: was it cut short?"
DAMAGED = 'its loader "/lib/ld" is no ELF file, or a damaged one'
# The program, the place and bytes of its loader, and how create fails; None: it runs.
LOADERS = {
    "right": (wide(b"/lib/ld"), "/lib/ld", CLASS["wide"], None),
    "false class": (wide(b"/lib/ld"), "/lib/ld", CLASS["class"], None),
    "false order": (wide(b"/lib/ld"), "/lib/ld", CLASS["order"], None),
    "name with more behind": (wide(b"/lib/ld\0more"), "/lib/ld", CLASS["wide"], None),
    "long name": (wide(LONG.encode()), LONG, CLASS["wide"], None),
    "longest name": (wide(b"/" * 4089 + b"lib/ld"), "/lib/ld", CLASS["wide"], None),
    "behind many headers": (wide(b"/lib/ld", before=1168), "/lib/ld", CLASS["wide"], None),
    "behind too many": (wide(b"/lib/ld", before=1169), "/lib/ld", CLASS["wide"], f"{FORMAT} ({CUT})"),
    "missing, behind many": (wide(b"/lib/none", before=70), "/lib/ld", CLASS["wide"],
                             'no such file or directory (the file is there; its loader "/lib/none" is not)'),
    "name too long": (wide(b"/" * 4090 + b"lib/ld"), "/lib/ld", CLASS["wide"], f"{FORMAT} ({CUT})"),
    "name of one byte": (wide(b"/lib/ld", size=1), "/lib/ld", CLASS["wide"], f"{FORMAT} ({CUT})"),
    "name without an end": (wide(b"/lib/ld", size=7), "/lib/ld", CLASS["wide"], f"{FORMAT} ({CUT})"),
    "empty": (wide(b"/lib/ld"), "/lib/ld", b"", f"{IO} ({DAMAGED})"),
    "cut": (wide(b"/lib/ld"), "/lib/ld", CLASS["wide"][:40], f"{IO} ({DAMAGED})"),
    "text": (wide(b"/lib/ld"), "/lib/ld", b"#!/bin/sh\n" + bytes(100), f"accessing a corrupted shared library ({DAMAGED})"),
    "of another machine": (wide(b"/lib/ld"), "/lib/ld", wide(kind=3, machine=OTHER), "accessing a corrupted shared library (its loader "
                           f'"/lib/ld" is for {"aarch64" if OTHER == 183 else "x86_64"}, 64-bit, and the program is of another kind)'),
}


@pytest.mark.parametrize("what", LOADERS)
def test_loaders(bundle, what):
    program, place, loader, error = LOADERS[what]
    put(bundle, "/prog", program)
    put(bundle, place, loader)
    bundle.process["args"] = ["/prog"]
    if error:
        bundle.refused_at("/process/args", f'exec: "/prog": {error}')
        assert refusals(bundle)
    else:
        bundle.run().ok()
        assert refusals(bundle) == []


@pytest.mark.skipif(OWN != 62, reason="i386 is run by x86-64")
@pytest.mark.parametrize("program, loader, its", [(wide(b"/lib/ld"), narrow(kind=3), "i386, 32-bit"), (narrow(b"/lib/ld"), wide(kind=3), "x86_64, 64-bit")],
                         ids=["64-bit", "32-bit"])
def test_a_loader_of_the_other_width(bundle, program, loader, its):
    if executed(put(bundle, "/narrow", narrow())) != "ran":
        pytest.skip("this kernel runs no programs of i386")
    put(bundle, "/prog", program)
    put(bundle, "/lib/ld", loader)
    bundle.process["args"] = ["/prog"]
    bundle.refused_at("/process/args", f'exec: "/prog": accessing a corrupted shared library (its loader "/lib/ld" is for {its}, and the '
                      "program is of another kind)")
    assert refusals(bundle) == ["as a loader it is for programs of another kind"]
    put(bundle, "/lib/ld", wide(kind=3) if its.startswith("i386") else narrow(kind=3))
    bundle.run().ok()
    assert refusals(bundle) == []


def test_an_empty_name_of_a_loader(bundle):
    put(bundle, "/prog", wide(b"\0"))
    bundle.process["args"] = ["/prog"]
    bundle.write()
    r = bundle.run()
    assert r.code == 1 and r.err.endswith(" (the name of its loader is empty)\n"), r
    assert refusals(bundle) == ["the name of its loader is empty"]
