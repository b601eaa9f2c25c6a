# SPDX-License-Identifier: LGPL-2.1-or-later
"""`tare box` as the tests call it: a root file system of its own, and what was in it before."""
import itertools
import json
import os
import re
import shutil

from harness import BOX, TOKEN, chown_tree, command, make_rootfs, poll, rt_argv, spawn

NUMBERS = itertools.count(1)


class Box:
    """A root file system and the box that is made of it."""

    def __init__(self, user=None):
        self.dir = BOX / "bundles" / f"{TOKEN}-{next(NUMBERS)}"
        self.user = user
        self.state = BOX / ("root" if user is None else f"root-{user}")
        make_rootfs(self.dir)
        (self.dir / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nu:x:1000:1000:u:/home/u:/bin/sh\n"
                                             "odd:x:1001:1000:odd:/nowhere:/bin/nosuch\n")
        (self.dir / "etc/group").write_text("root:x:0:\nu:x:1000:\ninet:x:3003:u\n")
        (self.dir / "home/u").mkdir()
        os.chown(self.dir / "home/u", 1000, 1000)
        if user is not None:
            self.state.mkdir(mode=0o700, exist_ok=True)
            os.chown(self.state, user, user)
            chown_tree(self.dir, user)
            for path in ("dev", "proc", "sys", "etc", "home"):
                os.chown(self.dir / path, user, user)

    def argv(self, *words):
        """The words before ROOT are those that begin with a dash, and their values: everything up to "--"."""
        words = list(map(str, words))
        flags, program = (words[:words.index("--")], words[words.index("--") + 1:]) if "--" in words else ([], words)
        return rt_argv("box", *flags, self.dir, *program, user=self.user, root=self.state)

    def run(self, *words, timeout=30, **kw):
        return command(*self.argv(*words), timeout=timeout, **kw)

    def sh(self, script, *flags, **kw):
        return self.run(*flags, "--", "sh", "-c", script, **kw)

    def start(self, *words, **kw):
        return spawn(self.argv(*words), **kw)

    def verb(self, name, *words, **kw):
        return command(*rt_argv(name, *words, user=self.user, root=self.state), **kw)

    @property
    def id(self):
        """As tare makes it; asked for without running anything."""
        return re.search(r'claim-id +"[^"]*/([^/"]+)"', self.run("--plan", "--").ok().out).group(1)

    def running(self):
        """The record of the box, once its program runs."""
        name = self.id

        def state():
            r = self.verb("state", name)
            found = json.loads(r.out) if r.code == 0 else {}
            return found if found.get("status") == "running" else None
        return poll(state)

    def refused(self, text, *words, subject=True, ours=(), **kw):
        """The whole line; exit code 125, nothing on standard output, no state but of the boxes in @ours."""
        r = self.run(*words, **kw)
        prefix = f'tare: box "{self.id}": ' if subject else "tare: box: "
        assert (r.code, r.out, r.err) == (125, "", f"{prefix}{text}\n"), r
        left = os.listdir(self.state) if self.state.exists() else []
        assert sorted(n for n in left if not n.startswith(".")) == sorted(ours), left

    def files(self):
        """All that is in the root, but for empty mount points that every box needs."""
        found = {}
        for path, dirs, names in os.walk(self.dir):
            for name in dirs + names:
                full = os.path.join(path, name)
                st = os.lstat(full)
                found[os.path.relpath(full, self.dir)] = (st.st_mode, st.st_uid, st.st_gid, st.st_size, st.st_mtime_ns
                                                          if not os.path.isdir(full) else 0)
        return found

    def clean(self):
        for name in os.listdir(self.state) if self.state.exists() else []:
            if TOKEN in name:
                self.verb("delete", "--force", name)
        for name in (os.listdir(self.state) if self.state.exists() else []):
            if name.startswith(".resolv"):
                (self.state / name).unlink()
        shutil.rmtree(self.dir, ignore_errors=True)

