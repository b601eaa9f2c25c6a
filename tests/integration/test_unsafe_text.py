# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a terminal obeys, or a reader is fooled by, is printed by no verb as it came: in tables, in JSON, in logs.

Earlier tests had put control characters into errors alone.
"""
import json
import os
import shutil

import pytest

from harness import BOX, command, tare_only

pytestmark = tare_only

# C0, DEL, C1 (CSI), bidi (UAX #9: override, isolate, mark), line and paragraph separator
UNSAFE = "\x1b]0;title\a|\n|\r|\x08|\x7f|\x9b|\u202e|\u2066|\u200f|\u061c|\u2028|\u2029"
FINE = "ä€🐧中"


def unsafe(text):
    """The characters of @text that must not be there; a line may end."""
    def bad(c):
        n = ord(c)
        return (n < 0x20 and c != "\n") or 0x7f <= n < 0xa0 or n in (0x61c, 0x200e, 0x200f) or 0x2028 <= n <= 0x202e \
            or 0x2066 <= n <= 0x2069
    return [hex(ord(c)) for c in text if bad(c)]


@pytest.fixture
def odd(bundle):
    """A container whose bundle, annotations and mount options have all of them."""
    where = BOX / "bundles" / (UNSAFE.replace("/", "") + FINE)
    shutil.move(bundle.dir, where)
    bundle.dir, bundle.rootfs = where, where / "rootfs"
    bundle.config["annotations"] = {f"org.example.{UNSAFE}": UNSAFE + FINE}
    yield bundle
    bundle.clean()
    shutil.rmtree(where, ignore_errors=True)


def test_state_and_list_show_none_and_tell_all(odd):
    odd.stay().up()
    state = odd.verb("state").ok()
    assert not unsafe(state.out) and FINE in state.out
    assert json.loads(state.out)["bundle"] == str(odd.dir)
    assert json.loads(state.out)["annotations"] == odd.config["annotations"]

    argv = odd.argv("list")[:-1]
    table = command(*argv).ok()
    line = next(line for line in table.lines if line.startswith(odd.id + " "))
    assert not unsafe(table.out) and r"\x1b]0;title\x07|\x0a|\x0d|\x08|\x7f|\xc2\x9b|\xe2\x80\xae" in line and FINE in line
    as_json = command(*argv, "-f", "json").ok()
    assert not unsafe(as_json.out)
    assert str(odd.dir) in [c["bundle"] for c in json.loads(as_json.out)]


def test_plan_shows_none(odd):
    odd.linux["sysctl"] = {f"net.ipv4.{UNSAFE}": "1"}
    odd.mount(f"/m{UNSAFE}", "tmpfs", f"s{UNSAFE}", f"x={UNSAFE}")
    odd.process["args"] = ["sh", UNSAFE]
    text, as_json = odd.make("plan").ok(), odd.make("plan", "--json").ok()
    for r in (text, as_json):
        assert not unsafe(r.out) and not unsafe(r.err) and "title" in r.out, r
    assert len(text.lines) == len(json.loads(as_json.out))


@pytest.mark.parametrize("form", ["text", "json"])
def test_logs_and_errors_show_none(odd, scratch, form):
    odd.mount("/m", "bind", f"/no/{UNSAFE}", "bind")
    log = scratch / "log"
    r = odd.run(glob=["--log", log, "--log-format", form])
    assert r.code == 1 and r.err.count("\n") == 1 and not unsafe(r.err), r
    assert not unsafe(log.read_text()) and log.read_text().count("\n") == 1
    if form == "json":
        assert "title" in json.loads(log.read_text())["msg"]


def test_ps_shows_none(bundle, scratch):
    """Of the host's ps(1), whatever it takes for printable."""
    tools = scratch / "tools"
    tools.mkdir()
    bundle.stay().up()
    (tools / "text").write_text(f"PID COMMAND\n{bundle.pid} x" + UNSAFE.replace("\n", "").replace("\r", "") + FINE + "\n")
    (tools / "ps").write_text(f"#!/bin/sh\nexec cat {tools}/text\n")
    (tools / "ps").chmod(0o755)
    r = command(*bundle.argv("ps"), env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}).ok()
    assert not unsafe(r.out) and FINE in r.out and r"x\x1b]0;title\x07" in r.out, r


def test_the_state_for_hooks_is_the_same(odd, scratch):
    odd.config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"cat >{scratch}/state"]}]}
    odd.stay().create().ok()
    text = (scratch / "state").read_text()
    assert not unsafe(text) and json.loads(text)["bundle"] == str(odd.dir)


# --- sysctls


@pytest.mark.parametrize("value, code", [("1\n", "000a"), ("\x1b[31m", "001b"), ("1\x7f", "007f"), ("1\x85", "0085"),
                                         ("\u202e1", "202e"), ("1\u20282", "2028"), ("1\r", "000d")])
def test_a_sysctl_value_with_a_control_character_is_refused(bundle, value, code):
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": value}
    bundle.refused_at("/linux/sysctl/net.ipv4.ip_forward", f"the value has the control character U+{code} in it")


def test_the_kernels_own_blanks_are_no_control_characters(bundle):
    """As sysctl(8) prints them, to be copied."""
    bundle.linux["sysctl"] = {"net.ipv4.ip_local_port_range": "30000\t40000"}
    assert bundle.sh("cat /proc/sys/net/ipv4/ip_local_port_range").run().ok().out.split() == ["30000", "40000"]
