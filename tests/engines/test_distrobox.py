# SPDX-License-Identifier: LGPL-2.1-or-later
"""distrobox and toolbox of an ordinary user, by the commands of docs/engines/distrobox.md."""
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

import page
import test_podman
import test_podman_rootless
from engine import BOX, command, needs
from test_podman_rootless import HOME, UID

pytestmark = needs("podman", "conmon", "newuidmap", "setpriv", "dpkg", "distrobox", "toolbox", "capsh", "rev")
OTHER = """\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
log_driver = "k8s-file"
pids_limit = 0
"""


def old():
    return shutil.which("distrobox") is not None and int(re.search(r"1\.(\d+)", command("distrobox", "version").out)[1]) < 6


newer = pytest.mark.skipif(old(), reason="distrobox of Debian 12 installs packages of a mirror into whatever image")


def closure(names):
    """Installed packages of Debian: @names, and all that they depend on."""
    form = "${Package}\t${Essential}\t${Pre-Depends}, ${Depends}\n"
    rows = {}
    for line in subprocess.run(["dpkg-query", "-W", "-f", form], check=True, capture_output=True, text=True).stdout.splitlines():
        name, essential, needed = line.split("\t")
        rows[name] = [re.split(r"[ (:]", word.strip())[0] for word in re.split(r"[,|]", needed)]
        if essential == "yes":
            names = [*names, name]
    seen, more = set(), names
    while more:
        name = more.pop()
        if name in rows and name not in seen:
            seen.add(name)
            more = [*more, *rows[name]]
    return sorted(seen)


def archive():
    """This machine's own Debian, as far as such boxes need it."""
    files = subprocess.run(["dpkg", "-L", *closure(["passwd", "login", "mount", "libcap2-bin"])], check=True, capture_output=True, text=True).stdout
    own = ["/bin", "/sbin", "/lib", "/lib64", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/alternatives/awk",
           *map(str, pathlib.Path("/etc/pam.d").glob("common-*"))]
    # packages of Debian 12 name files below /bin, which is a link
    real = {os.path.join(os.path.realpath(os.path.dirname(f)), os.path.basename(f)) for f in [*files.splitlines(), *own] if f != "/."}
    listed = {f for f in real if os.path.lexists(f) and
              not re.match(r"/usr/share/(doc|man|locale|info|lintian)/|/(proc|sys|dev|tmp|run)/|/etc/(resolv|hosts)", f)}
    (BOX / "debian.list").write_text("".join(f"{f[1:]}\n" for f in sorted(listed)))
    command("tar", "-C", "/", "--no-recursion", "-cf", BOX / "debian.tar", "-T", BOX / "debian.list").ok()
    return BOX / "debian.tar"


class Boxes(test_podman_rootless.Rootless):
    """The user has the files of podman.md and distrobox.md, and the images of the page: debian.tar under other names."""

    def __init__(self):
        super().__init__()
        conf = HOME / ".config/containers/containers.conf.d"
        conf.mkdir(parents=True)
        (conf / "50-tare.conf").write_text(page.as_here(page.block("podman.md", "append=true" if test_podman.version() >= (4, 8) else '"crun", "runc"')))
        (conf / "60-other.conf").write_text(OTHER)
        (HOME / ".config/distrobox").mkdir()
        (HOME / ".config/distrobox/distrobox.conf").write_text(page.as_here(page.block("distrobox.md", "container_manager_additional_flags")))
        command("chown", "-R", f"{UID}:{UID}", HOME / ".config").ok()
        self.images = re.findall(r"--image (\S+)", page.text_of("distrobox.md"))
        context = BOX / "debian"
        context.mkdir()
        # the file is what distrobox makes when it has installed its packages
        (context / "Dockerfile").write_text("FROM scratch\nADD debian.tar /\nRUN touch /.containersetupdone\n"
                                            "LABEL com.github.containers.toolbox=true\nCMD [\"bash\"]\n")
        archive().rename(context / "debian.tar")
        self("build", "--isolation", "oci", "--network", "none", "-t", self.images[0], context, timeout=300).ok()
        for image in self.images[1:]:
            self("tag", self.images[0], image).ok()

    def page(self, word, then=""):
        """The block of the page with @word is executed by the user, up to the line in which a box is removed; and @then."""
        lines = page.as_here(page.block("distrobox.md", word))
        return page.run(re.sub(r"^\w+ rm .*\n", "", lines, flags=re.M) + then, cwd="/", prefix=self.prefix(), timeout=300)

    def runtime_of(self, name):
        return page.run(f"podman inspect --format '{{{{.OCIRuntime}}}}' {name}", cwd="/", prefix=self.prefix()).ok().text


@pytest.fixture(name="boxes", scope="module")
def made_once():
    # as systemd-tmpfiles makes it, and a bus that toolbox wants to see
    pathlib.Path("/run/host").symlink_to("..")
    pathlib.Path("/run/dbus").mkdir()
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind("/run/dbus/system_bus_socket")
        yield Boxes()


def removed(boxes, word, name):
    line = re.search(rf"^\w+ rm .* {name}\n", page.block("distrobox.md", word), re.M)[0]
    page.run(line, cwd="/", prefix=boxes.prefix()).ok()
    assert boxes("container", "exists", name).code == 1


SEEN = "sh -c 'id -u; test -e /run/host/etc/passwd && echo host; touch ~/made && echo $HOME; cat /proc/self/uid_map | wc -l'\n"


@newer
def test_a_distrobox_by_the_file_of_the_page(boxes):
    r = boxes.page("distrobox enter two", f"distrobox enter two -- {SEEN}").ok()
    assert "PRETTY_NAME=" in r.out and r.out.splitlines()[-4:-1] == [str(UID), "host", str(HOME)], r
    assert boxes.runtime_of("two") == str(boxes.runtime)
    assert (HOME / "made").stat().st_uid == UID
    (HOME / "made").unlink()
    removed(boxes, "distrobox enter two", "two")


@newer
def test_a_distrobox_by_the_flag_of_the_page(boxes):
    (HOME / ".config/distrobox/distrobox.conf").unlink()
    boxes.page("--additional-flags").ok()
    assert boxes.runtime_of("one") == str(boxes.runtime)
    assert "hello\n" in page.run("distrobox enter one -- echo hello", cwd="/", prefix=boxes.prefix(), timeout=300).ok().out
    page.run("distrobox rm --force one", cwd="/", prefix=boxes.prefix()).ok()


def test_a_toolbox_by_the_file_of_podman(boxes):
    r = boxes.page("toolbox run", f"toolbox run --container three {SEEN}").ok()
    assert "PRETTY_NAME=" in r.out and r.out.splitlines()[-4:-1] == [str(UID), "host", str(HOME)], r
    assert boxes.runtime_of("three") == "tare"
    (HOME / "made").unlink()
    removed(boxes, "toolbox run", "three")


def test_nothing_is_left_of_all_these(boxes):
    test_podman_rootless.test_nothing_is_left_of_all_these(boxes)
