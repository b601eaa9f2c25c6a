# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files and commands that docs/engines shows, taken from the text of the pages."""
import os
import pathlib
import re

from engine import BOX, RUNTIME, command

DOCS = pathlib.Path(os.environ.get("TARE_DOCS", BOX / "docs"))


def text_of(page):
    return (DOCS / page).read_text(encoding="utf8")


def blocks(page):
    """The indented blocks of a page, without their indent; an empty line does not end one."""
    found = re.findall(r"(?:^(?: {4}.*)?\n)+", text_of(page), re.M)
    return [re.sub(r"^ {4}", "", b, flags=re.M).strip("\n") + "\n" for b in found if b.strip()]


def block(page, word):
    found = [b for b in blocks(page) if word in b]
    assert len(found) == 1, (page, word, found)
    return found[0]


def as_here(text, runtime=RUNTIME):
    """Of a page: the runtime under test, and cgroups without systemd."""
    return text.replace("/usr/local/bin/tare", str(runtime)).replace("SystemdCgroup = true", "SystemdCgroup = false")


def run(text, *, rest="", cwd=BOX, env=None, timeout=120, prefix=(), **programs):
    """
    A shell executes @text as it stands, with @rest for its "...". @programs: how this box calls a program of that name; @prefix: words in
    front of the shell. The first command that fails ends it.
    """
    own = BOX / "page-bin"
    own.mkdir(exist_ok=True)
    for name, argv in programs.items():
        quoted = " ".join("'" + str(word).replace("'", "'\\''") + "'" for word in argv)
        (own / name).write_text(f'#!/bin/sh\nPATH=${{PATH#{own}:}}\nexec {quoted} "$@"\n')
        (own / name).chmod(0o755)
    env = env or os.environ
    return command(*prefix, "sh", "-e", "-c", text.replace(" ...", f" {rest}"), cwd=cwd, env={**env, "PATH": f"{own}:{env['PATH']}"}, timeout=timeout)
