# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the binaries promise in their headers, in force in a process: tests/hardening reads the headers alone."""
import os
import struct

import pytest

from harness import BINARY, poll, root_only, tare_only

pytestmark = [tare_only, root_only]

RELRO, LOAD = 0x6474e552, 1


def segments(path, kind):
    """[(address, size)] of the program headers of this kind."""
    with open(path, "rb") as f:
        data = f.read()
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    rows = [struct.unpack_from("<IIQQQQQQ", data, offset + i * size) for i in range(count)]
    return [(row[3], row[6]) for row in rows if row[0] == kind]


def maps(pid):
    with open(f"/proc/{pid}/maps", encoding="utf8") as f:
        for line in f:
            fields = line.split()
            start, end = (int(n, 16) for n in fields[0].split("-"))
            yield start, end, fields[1], fields[5] if len(fields) > 5 else ""


@pytest.fixture
def foreground(bundle):
    """The pid of a tare that waits for its container."""
    proc = bundle.stay().spawn()
    bundle.wait("running")
    yield proc.pid
    bundle.kill("KILL").ok()
    proc.wait()


def process_of_tare(pid):
    """The same, or its child where a shell script stands before it."""
    def found():
        for p in [pid, *open(f"/proc/{pid}/task/{pid}/children", encoding="utf8").read().split()]:
            if os.path.realpath(f"/proc/{p}/exe") == os.path.realpath(BINARY):
                return p
        return None
    return poll(found, "tare itself")


def test_what_is_to_be_read_only_after_the_start_is_so(foreground):
    """RELRO: its tables of pointers, but for less than a page at its end."""
    pid = process_of_tare(foreground)
    relro = segments(BINARY, RELRO)
    assert len(relro) == 1
    first = min(address for address, _ in segments(BINARY, LOAD)) & ~4095
    base = min(start for start, _, _, name in maps(pid) if name == os.path.realpath(BINARY)) - first
    begin, end = base + relro[0][0], base + relro[0][0] + relro[0][1]
    writable = sum(max(0, min(e, end) - max(s, begin)) for s, e, mode, _ in maps(pid) if "w" in mode)
    assert writable < 4096, f"{writable} of {relro[0][1]} bytes"


def test_nothing_is_writable_and_executable(foreground, bundle):
    for pid in (process_of_tare(foreground), bundle.pid):
        assert not [m for m in maps(pid) if "w" in m[2] and "x" in m[2]]


def test_the_waiting_tare_init_has_nothing_writable_and_executable(bundle):
    bundle.stay().create().ok()
    assert not [m for m in maps(bundle.pid) if "w" in m[2] and "x" in m[2]]
    stack = [m for m in maps(bundle.pid) if m[3] == "[stack]"]
    assert stack and "x" not in stack[0][2]
