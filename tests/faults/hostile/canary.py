# SPDX-License-Identifier: LGPL-2.1-or-later
"""What must stay as it is: files of the host, compared by all that stat(2) tells."""
import os
import stat

CONTENT = "canary-content\n"
MARK = "hostile-mark"  # in the source of each mount that is to be looked for


def marked_mounts(table):
    return [m for m in table if MARK in m.source or MARK in m.root]


class Canary:
    def __init__(self, top):
        self.top = top
        top.mkdir()
        (top / "dir").mkdir(mode=0o751)
        for name in ("secret", "null", "passwd", "dir/secret", "dir/null", "dir/m", "dir/console"):
            (top / name).write_text(CONTENT)
        for name in ("m", "proc", "sys", "dev", "pts", "dev/pts", "dir/pts"):
            (top / name).mkdir(mode=0o750)
        (top / "link").symlink_to("secret")
        os.mkfifo(top / "dir/fifo", 0o640)
        os.chown(top / "dir/secret", 12, 34)
        os.mknod(top / "ptmx", stat.S_IFCHR | 0o640, os.makedev(1, 5))
        self.was = self.look()

    def look(self):
        """Content, type, mode, owner, inode, listing, times, of everything."""
        found = {}
        for path, dirs, files in os.walk(self.top):
            for name in [".", *dirs, *files]:
                full = os.path.join(path, name)
                st = os.lstat(full)
                known = [st.st_mode, st.st_uid, st.st_gid, st.st_ino, st.st_dev, st.st_nlink, st.st_rdev,
                         st.st_mtime_ns, st.st_ctime_ns]
                if stat.S_ISREG(st.st_mode):
                    with open(full, encoding="utf8") as f:
                        known.append(f.read())
                elif stat.S_ISLNK(st.st_mode):
                    known.append(os.readlink(full))
                found[full] = known
        return found

    def check(self, what=""):
        now = self.look()
        changed = [path for path in {*now, *self.was} if now.get(path) != self.was.get(path)]
        assert not changed, (what, {p: (self.was.get(p), now.get(p)) for p in changed})
